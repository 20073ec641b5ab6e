"""The host module: cffi's one API-mode module, built once per machine, and the table compiled functions call.

It is built from templates/runtime.c.j2 with our own compiler command (no distutils: 60 ms instead of 400),
for Python's stable ABI, and kept in the cache like any entry: one build serves all versions of Python, NumPy
and cffi. A warm process imports neither cffi's parser nor a compiler.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from types import ModuleType
from typing import TYPE_CHECKING

from tgen.backends.c import blas, cache, inside, toolchain
from tgen.backends.c.directory import in_scratch
from tgen.backends.c.filesizes import unlimited_files
from tgen.backends.c.image import from_copy, open_library
from tgen.codegen.externals import EXTERNALS
from tgen.codegen.render import render, source
from tgen.config import OPTIONS, config
from tgen.core import storage
from tgen.core.forking import whole
from tgen.core.keys import digest
from tgen.errors import CompileError

if TYPE_CHECKING:
    from tgen.core.host import CData, Host, Lib

ABI = 4
NAME = "_tgen_host"
OLDEST_PYTHON = "0x030b0000"  # the stable ABI of 3.11
FLAGS = ("-O1",)  # nothing in it is a loop over data, and -O3 takes twice as long
PARTS = ("runtime.c.j2", "abi.h.j2", "lib/pool.c.j2", "lib/lock.c.j2", "lib/storage.c.j2", "lib/team.c.j2")
CDEF = """
typedef struct tgen_block {
  int64_t refs; int64_t bytes; char *data; int32_t flags; struct tgen_block *next; ...;
} tgen_block;
typedef struct {
  int64_t id; tgen_block *block; char *data; int64_t version; int32_t ndim; int32_t itemsize;
  int64_t dims[]; ...;
} tgen_storage;
typedef struct { int64_t abi; ...; } tgen_host;
typedef struct {
  void *entry; const tgen_host *host; tgen_storage *const *shared; const int8_t *exclusive; int32_t count;
} tgen_plan;
extern "Python" void tgen_release_foreign(tgen_block *);
extern "Python" int32_t tgen_python(int64_t *, int64_t, int64_t *);
extern "Python" int64_t tgen_check_signals(void);
static void tgen_set_python(int32_t (*)(int64_t *, int64_t, int64_t *), int64_t (*)(void));
static int64_t tgen_poll(int64_t *);
static int32_t tgen_jump(void *, const tgen_host *, int64_t *, tgen_storage *const *, const int8_t *,
                         int32_t);
static int32_t tgen_run(const tgen_plan *, int64_t *);
static void tgen_fill(int64_t *, intptr_t, int32_t);
static void *tgen_interpreter(void);
static char *tgen_take_into(int64_t *, int64_t);
static tgen_host *tgen_table(void);
static void tgen_set_blas(tgen_host *, void *const *);
static tgen_block *tgen_take(int64_t);
static void tgen_keep(tgen_block *);
static void tgen_give(tgen_block *);
static void tgen_give_data(char *);
static tgen_block *tgen_foreign(char *, int64_t);
static void tgen_free_header(tgen_block *);
static void tgen_release_deferred(void);
static void tgen_set_release_foreign(void (*)(tgen_block *));
static void tgen_free_pool(void);
static void tgen_set_pool_limit(int64_t);
static void tgen_pool_stats(int64_t *);
static void tgen_fail_after(int64_t);
static tgen_storage *tgen_storage_new(int32_t, int32_t);
static void tgen_storage_free(tgen_storage *);
static int32_t tgen_storage_set(tgen_storage *, tgen_block *, char *, const int64_t *);
static tgen_block *tgen_storage_view(tgen_storage *, int32_t, int64_t *);
static int32_t tgen_storage_read(tgen_storage *, const int64_t *, char *, int64_t);
static int32_t tgen_storage_shape(tgen_storage *, int64_t *);
static int32_t tgen_storage_lock(tgen_storage *, int32_t);
static void tgen_storage_unlock(tgen_storage *, int32_t);
static void tgen_set_threads(int32_t);
static void tgen_fork_before(void);
static void tgen_fork_parent(void);
static void tgen_fork_child(void);
static void *tgen_open_library(const char *, char *, int64_t);
static void *tgen_symbol(void *, const char *);
static void tgen_close(void *);
static void tgen_gemm(const tgen_host *, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, double,
                      void *, int32_t, void *, int32_t, double, void *, int32_t);
static void tgen_gemv(const tgen_host *, int32_t, int32_t, int32_t, int32_t, double, void *, int32_t,
                      void *, int32_t, double, void *, int32_t);
"""


class _Host:
    """What is loaded in this process, and which BLAS its products run on."""

    loaded: Host | None = None
    blas = "not loaded"


def table() -> Host:
    """(lib, ffi, host): the module's functions, its FFI, and the ``const tgen_host *`` for ``lib.tgen_jump``.

    Builds and loads the module at the first use in a process. Raises CompileError.
    """
    if _Host.loaded is None:
        with whole:
            if _Host.loaded is None:
                _Host.loaded = _started()
    return _Host.loaded


def _started() -> Host:
    chain = toolchain.get()
    key = key_of(chain)
    module = _stored(key) or _built(key, chain)
    lib: Lib = module.lib
    filled = lib.tgen_table()
    if filled.abi != ABI:
        raise CompileError(f"the host module has ABI {filled.abi}, this tgen {ABI}")
    _Host.blas = blas.fill(lib, module.ffi, filled)
    inside.connect(lib, module.ffi)
    config.watch("threads", lib.tgen_set_threads)
    config.watch("pool_bytes", lambda wanted: lib.tgen_set_pool_limit(_pool_limit(wanted)))
    return lib, module.ffi, filled


def key_of(chain: toolchain.Toolchain) -> str:
    """The key of the module, without any version of Python or its packages where there is a stable ABI."""
    abi, flags = python_abi()
    texts = (CDEF, repr(EXTERNALS), *FLAGS, *flags, *map(source, PARTS))
    return digest("host", abi, *texts, toolchain.key_of(chain, ABI, ""))


def python_abi() -> tuple[str, tuple[str, ...]]:
    """("abi3", flags that ask for it); the interpreter's own where it has another (no GIL, a debug build)."""
    config_var = sysconfig.get_config_var
    other = any(map(config_var, ("Py_GIL_DISABLED", "Py_DEBUG", "Py_TRACE_REFS")))
    if other or sys.implementation.name != "cpython":
        return config_var("SOABI") or sys.version, ()
    return "abi3", (f"-DPy_LIMITED_API={OLDEST_PYTHON}",)


def _pool_limit(wanted: int) -> int:
    """The default pool size means: or twice the largest block; a number the user gave is the bound."""
    return -1 if wanted == OPTIONS["pool_bytes"].default else wanted


def _stored(key: str) -> ModuleType | None:
    found = cache.get(key)
    try:
        return found and _import(found[0])
    except CompileError:  # a promise of somebody's ABI was not kept: build it for what is here
        return None


def _built(key: str, chain: toolchain.Toolchain) -> ModuleType:
    with cache.alone(key):
        module = _stored(key)
        if module is not None:
            return module
        code = chain.compile(_glue(), (f"-I{sysconfig.get_path('include')}", *python_abi()[1], *FLAGS))
        module = _import(code)
        cache.put(key, code, {"meta": {"kind": "host"}, "c": ""})
    return module


def _glue() -> str:
    """runtime.c and what cffi adds to it."""
    from cffi import FFI  # 15 ms and a C parser: only where the module is built

    builder = FFI()
    builder.cdef(CDEF)
    builder.set_source(NAME, render("runtime.c.j2"), compiler_verbose=False)

    def emitted(folder: str) -> str:
        path = os.path.join(folder, "host.c")
        builder.emit_c_code(path)
        with open(path, encoding="utf-8") as file:
            return file.read()

    with unlimited_files():
        return in_scratch(emitted)


def _import(code: bytes) -> ModuleType:
    def load_module(path: str) -> ModuleType:
        loader = importlib.machinery.ExtensionFileLoader(NAME, path)
        spec = importlib.machinery.ModuleSpec(NAME, loader, origin=path)
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        return module

    return from_copy(code, load_module)


def load(code: bytes) -> CData:
    """The handle (void * cdata) of a library's bytes, closed when it dies. Raises CompileError."""
    lib, ffi, _ = table()
    return ffi.gc(open_library(lib, ffi, code), lib.tgen_close)


def blas_name() -> str:
    """Which BLAS the products run on: "openblas (SkylakeX)" or "built in"."""
    table()
    return _Host.blas


def free_pool() -> None:
    """Give the memory kept for later results back to the system. Nothing to do before the first function."""
    if _Host.loaded is not None:
        _Host.loaded[0].tgen_free_pool()


def pool_stats() -> dict[str, int]:
    """{"held", "living", "hits", "misses", "bound", "largest"}: bytes in free lists, bytes in use, takes
    served from them or not, ...
    """
    lib, ffi, _ = table()
    out = ffi.new("int64_t[6]")
    lib.tgen_pool_stats(out)
    return dict(zip(("held", "living", "hits", "misses", "bound", "largest"), out))


storage.HOST_LOADER = table
