"""C through cffi: the compiler, the cache of what it made, and the host module that calls it."""
