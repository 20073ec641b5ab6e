"""The reference interpreter as a backend: no compiler, no cache; NumPy runs the IR."""
