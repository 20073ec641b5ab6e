"""BLAS for the host table: scipy-openblas32 from a private copy of its library, or the built-in products.

A copy, because the dynamic linker gives everybody who opens one file the same library, and this one runs with
one thread: we split a product into parts ourselves. OpenBLAS chooses its kernels when it is loaded.
The copy lies in the cache, so that all processes share its pages. It is named by the SHA-256 of its bytes,
which ``tgen cache verify`` computes; before it is loaded it is compared with the package's library, in a
fifth of that time, and one that differs is made again.
"""

from __future__ import annotations

import importlib.util
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tgen.backends.c import cache, entry, toolchain
from tgen.backends.c.image import open_library
from tgen.codegen.externals import EXTERNALS
from tgen.codegen.render import render
from tgen.core.dtypes import DTYPE
from tgen.core.keys import digest
from tgen.errors import CompileError

if TYPE_CHECKING:
    from tgen.core.host import FFI, CData, Lib

PACKAGE = "scipy_openblas32"
TYPES = tuple((d.blas, d.c) for d in DTYPE.values() if d.blas)
AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}


def fill(lib: Lib, ffi: FFI, table: CData) -> str:
    """Put the best products there are into a host table; the name of what they are."""
    path = library()
    if path is None:
        return fill_built_in(lib, ffi, table)
    handle = _open(lib, ffi, path)
    if handle and any(_fill_from(lib, ffi, table, handle, prefix) for prefix in (b"scipy_", b"")):
        return f"openblas ({core_type() or 'its choice'})"
    return fill_built_in(lib, ffi, table)


def fill_built_in(lib: Lib, ffi: FFI, table: CData) -> str:
    """Put our own products (templates/lib/gemm.c.j2) into a host table: a library in the cache like any
    other.
    """
    chain, text = toolchain.get(), render("lib/gemm.c.j2", types=TYPES)
    key = digest("gemm", toolchain.key_of(chain, 0, text))
    found = cache.get(key)
    code = found[0] if found else chain.compile(text, toolchain.FULL)
    _fill_from(lib, ffi, table, open_library(lib, ffi, code), b"")
    if not found:
        cache.put(key, code, {"meta": {"kind": "gemm"}, "c": text})
    return "built in"


def _fill_from(lib: Lib, ffi: FFI, table: CData, handle: CData, prefix: bytes) -> bool:
    found = [lib.tgen_symbol(handle, prefix + f.symbol.encode()) for f in EXTERNALS]
    if any(address == ffi.NULL and not f.optional for f, address in zip(EXTERNALS, found)):
        return False
    lib.tgen_set_blas(table, ffi.new("void *[]", found))
    return True


def library() -> str | None:
    """The path of the package's library; None when it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "lib"
    found = sorted(folder.glob("libscipy_openblas*.so")) + sorted(folder.glob("libscipy_openblas*.dylib"))
    return str(found[0]) if found else None


def core_type() -> str:
    """The kernels to ask for; "" where OpenBLAS chooses well by itself.

    It gives AMD processors with AVX-512 its Haswell kernels, 125 GF/s a core on a Zen 5 against 235 with
    SkylakeX's; so does OPENBLAS_CORETYPE=Haswell, which is set for other libraries' sake. TGEN_BLAS_CORE
    decides for this one.
    """
    asked = os.environ.get("TGEN_BLAS_CORE", "")
    if asked:
        return asked
    inherited = os.environ.get("OPENBLAS_CORETYPE", "").lower()
    slow = inherited in ("haswell", "zen") or not inherited and "AuthenticAMD" in toolchain.processor()
    return "SkylakeX" if slow and AVX512 <= toolchain.processor_flags() else ""


def _open(lib: Lib, ffi: FFI, path: str) -> CData | None:
    wanted = {"OPENBLAS_NUM_THREADS": "1"}
    core = core_type()
    if core:
        wanted["OPENBLAS_CORETYPE"] = core
    old = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        return _open_stored(lib, ffi, path) or open_library(lib, ffi, Path(path).read_bytes())
    except (OSError, CompileError):
        return None
    finally:
        _restore(old)


def _open_stored(lib: Lib, ffi: FFI, path: str) -> CData | None:
    """The handle of the copy in the cache, which is made if need be; false where that cannot be had."""
    copy = stored_path(path)
    if not entry.same_bytes(copy, path) and not _store(copy, path):
        return None
    cache.touch(copy)
    message = ffi.new("char[512]")
    return lib.tgen_open_library(os.fsencode(copy), message, 512)


def _store(copy: str, path: str) -> bool:
    if not cache.has_room(os.stat(path).st_size):
        return False
    try:
        cache.store(copy, Path(path).read_bytes())
    except OSError:
        return False
    return True


def stored_path(path: str) -> str:
    """Where the copy of the library at ``path`` lies in the cache; its digest is computed once and kept."""
    info = os.stat(path)
    stamp = info.st_size, info.st_mtime_ns, info.st_ino
    key = digest("blas", os.path.realpath(path), *map(str, stamp))
    found = cache.record_get(key)
    if found is None:
        found = {"sha256": sha256(Path(path).read_bytes()).hexdigest()}
        cache.record_put(key, found)
    return cache.path_of(found["sha256"], cache.BLAS)


def _restore(old: dict[str, str | None]) -> None:
    for name, value in old.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
