"""Proved bytes as a file the dynamic linker can load: private, under a name never used before, gone
afterwards.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from tgen.backends.c import cache, entry
from tgen.backends.c.directory import directory, scratch_path, tidy
from tgen.backends.c.filesizes import unlimited_files
from tgen.errors import CompileError

if TYPE_CHECKING:
    from tgen.core.host import FFI, CData, Lib

Made = TypeVar("Made")
_MESSAGE = 512
_numbers = itertools.count(1)


def from_copy(code: bytes, use: Callable[[str], Made]) -> Made:
    """``use(path)`` with the bytes as a private file of a name no library of this process ever had; removed
    afterwards.

    The bytes in the file are those that were proved, whatever happens to the cache meanwhile. A scratch
    directory that is full or may not hold programs (noexec) is no failure: the cache directory is tried next,
    and then memory. Raises CompileError.
    """
    problems = []
    for place in (_in_scratch, _beside_entries, _in_memory):
        try:
            with place(code) as path:
                return use(path)
        except (OSError, ImportError) as error:
            problems.append(str(error))
    raise CompileError(f"a compiled library could not be loaded: {'; '.join(problems)}")


@contextmanager
def _in_scratch(code: bytes) -> Iterator[str]:
    try:
        with _written(scratch_path(".so"), code) as path:
            yield path
    finally:
        tidy()


def _beside_entries(code: bytes) -> AbstractContextManager[str]:
    return _written(os.path.join(directory(), os.urandom(32).hex() + cache.TEMPORARY), code)


@contextmanager
def _written(path: str, code: bytes) -> Iterator[str]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o500)
    try:
        try:
            with unlimited_files():
                entry.write_all(handle, code)
        finally:
            os.close(handle)
        yield path
    finally:
        entry.remove(path)


@contextmanager
def _in_memory(code: bytes) -> Iterator[str]:
    handle = os.memfd_create("tgen")
    try:
        with unlimited_files():
            entry.write_all(handle, code)
        yield f"/proc/self/fd/{_never_used()}{handle}"
    finally:
        os.close(handle)


def _never_used() -> str:
    """Part of a path that leads nowhere else and was never there before.

    Numbers of files come back, and for a name it knows the linker returns the library it loaded before.
    """
    return "".join("./" if bit == "1" else "/" for bit in f"{next(_numbers):b}")


def open_library(lib: Lib, ffi: FFI, code: bytes) -> CData:
    """The handle (void * cdata) of a library's bytes, opened by the host module ``lib``.
    Raises CompileError.
    """
    message = ffi.new("char[]", _MESSAGE)

    def opened(path: str) -> CData:
        handle = lib.tgen_open_library(os.fsencode(path), message, _MESSAGE)
        if handle == ffi.NULL:
            raise OSError(ffi.string(message).decode("utf-8", "replace"))
        return handle

    return from_copy(code, opened)
