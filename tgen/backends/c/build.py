"""C text to a loaded library: from memory, from the cache, or from the compiler, in that order."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from tgen.backends.c import cache, host, toolchain
from tgen.backends.c.sites import Callback, sites_of
from tgen.errors import CompileError

if TYPE_CHECKING:
    from tgen.backends.c.entry import Facts
    from tgen.core.storage import Storage
    from tgen.lower.signature import Signature

# key -> Library: one library loaded once
_libraries: weakref.WeakValueDictionary[str, Library] = weakref.WeakValueDictionary()
_guard = Lock()


class Library:
    """A loaded function: ``entry`` (void * cdata for tgen_jump) of that ``name``, ``meta`` as stored,
    ``key``, ``c`` (its text).

    Unloaded when nothing refers to it.
    """

    __slots__ = ("entry", "meta", "key", "c", "_handle", "__weakref__")

    def __init__(self, key: str, code: bytes, facts: Facts, name: str = "tgen_entry") -> None:
        lib, ffi, _ = host.table()
        self.key = key
        self.meta: Facts = facts["meta"]
        self.c: str = facts["c"]
        self._handle = host.load(code)
        self.entry = lib.tgen_symbol(self._handle, name.encode())
        if self.entry == ffi.NULL:
            raise CompileError(f"the compiled function {key[:12]} has no {name}")

    def bodies(
        self, signature: Signature, storages: Sequence[Storage], places: Sequence[int]
    ) -> list[Callback]:
        """Those of host ops."""
        lib, ffi, _ = host.table()
        return sites_of(signature.python, lib, ffi)


def key_of(c_text: str) -> str:
    """The key of a C text with this machine's compiler."""
    return toolchain.key_of(toolchain.get(), host.ABI, c_text)


def obtain(c_text: str, meta: Facts) -> Library:
    """The Library of ``c_text``, compiled unless it was ever compiled on this machine.

    c_text  a C file that defines ``tgen_entry``
    meta    a dict of what JSON knows, kept with it; a library found has the ``meta`` of its text's first
            build

    Raises CompileError.
    """
    key = key_of(c_text)
    found = load(key)
    if found is not None:
        return found
    # before the lock of this key: the host module has one, too, and two keys may share theirs
    host.table()
    with cache.alone(key):
        found = load(key)
        if found is not None:
            return found
        facts = {"meta": meta, "c": c_text, "compiler": toolchain.get().version}
        code = toolchain.get().compile(c_text)
        library = _remember(Library(key, code, facts))
        cache.put(key, code, facts)
    return library


def load(key: str) -> Library | None:
    """The Library stored under ``key``; None when there is none."""
    with _guard:
        found = _libraries.get(key)
    if found is not None:
        return found
    stored = cache.get(key)
    return stored and _remember(Library(key, *stored))


def _remember(library: Library) -> Library:
    with _guard:
        return _libraries.setdefault(library.key, library)


def _after_fork() -> None:
    global _guard
    _guard = Lock()


os.register_at_fork(after_in_child=_after_fork)
