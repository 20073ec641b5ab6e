"""What builds, keeps and loads a function's text: ``c`` is C, compiled and called through cffi."""
