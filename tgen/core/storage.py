"""Storage: the value of a shared variable, a C record with a lock, and arrays over C's memory blocks.

No lock is ever held by Python: C waits, with the GIL released, changes what a storage points to, and lets go.
A reader takes a reference to the block and reads at leisure; an update writes in place only into a block
nobody else holds, and goes to fresh memory otherwise. So values are whole at any time, in any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tgen.core import forking

if TYPE_CHECKING:
    from tgen.core.host import FFI, Buffer, CData, CType, Host, Lib

HEADER = 64  # bytes before a block's data (TGEN_HEADER in templates/abi.h.j2)
FOREIGN = 2  # flag of a block over the user's memory (TGEN_FOREIGN)
SMALL = 1 << 16  # bytes a reader copies under the lock; larger values it holds and copies at leisure
# () -> (lib, ffi, host): filled by tgen.backends.c.host
HOST_LOADER: Callable[[], Host] | None = None

_owners: dict[int, np.ndarray] = {}  # address of a foreign block -> the array it lies over, while C holds it
_REENTRANT = "re-entrant call: this thread is inside a function that uses the shared variable"


class _Functions:
    """The C functions, and cffi's as locals of the module would be: fetched at the first use, once."""

    host: tuple[Lib, FFI] | None = None
    cast: Callable[[CType | str, object], CData]
    gc: Callable[[CData, Callable[[CData], None]], CData]
    buffer: Callable[..., Buffer]
    give_data: Callable[[CData], None]
    char: CType


def _host() -> tuple[Lib, FFI]:
    return _Functions.host or _connect()


def connect() -> None:
    """Load the host module if it is not: what wrap_block takes for granted."""
    _host()


def _connect() -> tuple[Lib, FFI]:
    if HOST_LOADER is None:
        raise RuntimeError("no backend is loaded: import tgen, not tgen.core alone")
    lib, ffi, _ = HOST_LOADER()
    with forking.whole:
        if _Functions.host is not None:
            return _Functions.host
        ffi.def_extern(name="tgen_release_foreign")(_release_foreign)
        lib.tgen_set_release_foreign(lib.tgen_release_foreign)
        forking.add(lib.tgen_fork_before, lib.tgen_fork_parent, lib.tgen_fork_child)
        _Functions.cast, _Functions.gc, _Functions.buffer = ffi.cast, ffi.gc, ffi.buffer
        _Functions.give_data = lib.tgen_give_data
        _Functions.char = ffi.typeof("char *")
        _Functions.host = lib, ffi
        return _Functions.host


def _release_foreign(chain: CData) -> None:
    """C has let go of these foreign blocks: forget their arrays, with no lock held. An array's end may run
    any Python.
    """
    lib, ffi = _host()
    while chain != ffi.NULL:
        following = chain.next
        array = _owners.pop(_address(chain), None)
        lib.tgen_free_header(chain)
        del array
        chain = following


def _address(block: CData) -> int:
    return int(_Functions.cast("intptr_t", block))


def wrap_block(block: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """An ndarray over a block, C order, whose base gives the block back when the last view of it is gone.

    block   the address (int) of a block; the caller's reference passes over to the array
    dtype   an np.dtype
    shape   a tuple of ints that fits the block
    """
    data = _Functions.gc(_Functions.cast(_Functions.char, block + HEADER), _Functions.give_data)
    return np.ndarray(shape, dtype, _Functions.buffer(data, dtype.itemsize * prod(shape)))


def new_array(dtype: np.dtype | str, shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised C-ordered ndarray over a fresh block. Raises MemoryError."""
    lib, ffi = _host()
    dtype = np.dtype(dtype)
    return wrap_block(_address(_take(lib, ffi, dtype, shape)), dtype, shape)


def _take(lib: Lib, ffi: FFI, dtype: np.dtype, shape: tuple[int, ...]) -> CData:
    block = lib.tgen_take(dtype.itemsize * prod(shape))
    if block == ffi.NULL:
        raise MemoryError(f"no memory for an array of {dtype} and shape {tuple(shape)}")
    return block


class Storage:
    """The value of one shared variable: an array of fixed dtype and rank, whose shape may change.

    value   an ndarray; copied (in C order) unless ``borrow`` and it is aligned and of native byte order,
            when it is the value itself until an update or ``set`` replaces it. It is never written to
            by an update.

    ``record`` is the ``tgen_storage *`` for ``tgen_jump``, ``id`` the order of locking.

    >>> import tgen
    >>> s = Storage(np.array([1.0, 2.0]))
    >>> s.get(), s.shape, s.dtype, s.ndim
    (array([1., 2.]), (2,), dtype('float64'), 1)
    >>> s.set(np.zeros(2, "float32"))
    Traceback (most recent call last):
        ...
    TypeError: a storage of float64 and rank 1 cannot take a value of float32 and rank 1
    """

    __slots__ = ("record", "id", "dtype", "ndim", "_last", "__weakref__")

    def __init__(self, value: np.ndarray, borrow: bool = False) -> None:
        lib, ffi = _host()
        self.dtype, self.ndim = value.dtype.newbyteorder("="), value.ndim
        record = lib.tgen_storage_new(self.ndim, self.dtype.itemsize)
        if record == ffi.NULL:
            raise MemoryError("no memory for a shared variable")
        self.record = ffi.gc(record, lib.tgen_storage_free)
        self.id = record.id
        self.set(value, borrow)

    def set(self, value: np.ndarray, borrow: bool = False) -> None:
        """Replace the value by a copy of the ndarray ``value``, or by itself (``borrow``), at once for all
        threads.

        Raises TypeError for another dtype or rank, MemoryError, RuntimeError inside a call that uses this
        storage; the old value stays then.
        """
        if value.dtype.newbyteorder("=") != self.dtype or value.ndim != self.ndim:
            raise TypeError(
                f"a storage of {self.dtype} and rank {self.ndim} cannot take a value of "
                f"{value.dtype} and rank {value.ndim}"
            )
        if borrow and value.dtype.isnative and value.flags.aligned:
            self._put(*self._foreign(value))
        else:
            self._put(*self._copied(value))

    def _copied(self, value: np.ndarray) -> tuple[CData, CData, np.ndarray]:
        lib, ffi = _host()
        block = _take(lib, ffi, self.dtype, value.shape)
        array = np.ndarray(value.shape, self.dtype, ffi.buffer(block.data, value.nbytes))
        try:
            np.copyto(array, value)
        except BaseException:
            lib.tgen_give(block)
            raise
        return block, block.data, array

    def _foreign(self, value: np.ndarray) -> tuple[CData, CData, np.ndarray]:
        lib, ffi = _host()
        data = ffi.cast("char *", value.ctypes.data)
        block = lib.tgen_foreign(data, value.nbytes)
        if block == ffi.NULL:
            raise MemoryError("no memory for a shared variable")
        _owners[_address(block)] = value
        return block, data, value

    def _put(self, block: CData, data: CData, array: np.ndarray) -> None:
        lib, ffi = _host()
        dims = ffi.new("int64_t[]", [*array.shape, *array.strides])
        if lib.tgen_storage_set(self.record, block, data, dims) != 0:
            lib.tgen_give(block)
            lib.tgen_release_deferred()
            raise RuntimeError(_REENTRANT)
        self._last = array.shape, dims, array.nbytes

    def get(self, borrow: bool = False) -> np.ndarray:
        """The value: a copy nobody else has, or with ``borrow`` the live array itself.

        A borrowed array shows later changes or not; it is not synchronised with running functions. The memory
        it lies over is used for nothing else while it is held.
        """
        return self._live(True) if borrow else self._copy()

    def _copy(self) -> np.ndarray:
        lib, ffi = _host()
        shape, dims, size = self._last
        if size <= SMALL:
            array = np.empty(shape, self.dtype)
            if (
                lib.tgen_storage_read(self.record, dims, ffi.from_buffer(array) if size else ffi.NULL, size)
                == 0
            ):
                return array
        array = np.array(self._live(False), order="C", subok=False)
        self._last = array.shape, ffi.new("int64_t[]", [*array.shape, 0]), array.nbytes
        return array

    def _live(self, expose: bool) -> np.ndarray:
        lib, ffi = _host()
        dims = ffi.new("int64_t[]", self.ndim + 1)
        block = lib.tgen_storage_view(self.record, expose, dims)
        if block == ffi.NULL:
            raise RuntimeError(_REENTRANT)
        if not block.flags & FOREIGN:
            return wrap_block(_address(block), self.dtype, tuple(dims[0 : self.ndim]))
        array = _owners[_address(block)]
        lib.tgen_give(block)
        lib.tgen_release_deferred()
        return array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value now, a tuple of ints."""
        lib, ffi = _host()
        dims = ffi.new("int64_t[]", self.ndim + 1)
        if lib.tgen_storage_shape(self.record, dims) != 0:
            raise RuntimeError(_REENTRANT)
        return tuple(dims[0 : self.ndim])

    @property
    def version(self) -> int:
        """How many values there have been; only to compare, and not synchronised."""
        return self.record.version
