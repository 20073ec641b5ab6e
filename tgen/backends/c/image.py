"""Proved bytes as a file the dynamic linker can load: private, under a name never used before, gone afterwards."""
import os
import tempfile

from tgen.backends.c import cache, entry
from tgen.backends.c.directory import directory, scratch_path, tidy
from tgen.backends.c.toolchain import unlimited_files
from tgen.errors import CompileError

_MESSAGE = 512


def from_copy(code, use):
    """``use(path)`` with the bytes as a private file of a name no library of this process ever had; removed afterwards.

    The bytes in the file are those that were proved, whatever happens to the cache meanwhile. A scratch
    directory that is full or may not hold programs (noexec) is no failure: the cache directory is tried next.
    Raises CompileError.
    """
    problem = None
    for place in (scratch_path, _beside_entries):
        path = None
        try:
            path = place(".so")
            with unlimited_files():
                _write(path, code)
            return use(path)
        except (OSError, ImportError) as error:
            problem = error
        finally:
            if path is not None:
                entry.remove(path)
                tidy()
    raise CompileError(f"a compiled library could not be loaded from {tempfile.gettempdir()} nor from {directory()}: {problem}")


def _beside_entries(suffix):
    return os.path.join(directory(), os.urandom(32).hex() + cache.TEMPORARY)


def _write(path, code):
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o500)
    try:
        entry.write_all(handle, code)
    finally:
        os.close(handle)


def open_library(lib, ffi, code):
    """The handle (void * cdata) of a library's bytes, opened by the host module ``lib``. Raises CompileError."""
    message = ffi.new("char[]", _MESSAGE)

    def opened(path):
        handle = lib.tgen_open(os.fsencode(path), message, _MESSAGE)
        if handle == ffi.NULL:
            raise OSError(ffi.string(message).decode("utf-8", "replace"))
        return handle
    return from_copy(code, opened)
