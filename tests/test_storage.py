"""Storages as Python sees them, blocks and their pool."""

import gc
import re
import typing
import weakref

import numpy as np
import pytest
from entries import INCREMENT, Call, run_threads

from tgen.backends.c import host
from tgen.config import config
from tgen.core import storage
from tgen.core.host import CData, Lib
from tgen.core.storage import Storage, new_array, wrap_block

ELSEWHERE = set()  # arrays that other tests' shared variables still borrow


@pytest.fixture(autouse=True)
def borrowed_elsewhere():
    ELSEWHERE.clear()
    ELSEWHERE.update(storage._owners)


def lent():
    """Addresses of the blocks over arrays that this test lent and C still holds."""
    return storage._owners.keys() - ELSEWHERE


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# ---- values ----

LAYOUTS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "reversed": lambda a: a[::-1],
    "sliced": lambda a: a[:, ::2],
    "transposed": lambda a: a.T,
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "stride 0": lambda a: np.broadcast_to(a[0], a.shape),
    "unaligned": lambda a: (
        np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape) if a.dtype.itemsize > 1 else a
    ),
    "readonly": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "empty": lambda a: a[:0],
    "one": lambda a: a[:1, :1],
}


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("borrow", [False, True])
def test_values_of_every_layout(dtype, layout, borrow):
    value = LAYOUTS[layout](np.arange(48).reshape(6, 8).astype(dtype))
    s = Storage(value, borrow)
    native = np.array(value, dtype=dtype)
    assert same(s.get(), native) and same(s.get(), native) and s.shape == value.shape and s.ndim == 2
    kept = borrow and value.dtype.isnative and value.flags.aligned
    assert (s.get(borrow=True) is value) == kept
    assert not np.shares_memory(s.get(), value) and s.get().flags.c_contiguous and s.get().flags.writeable
    assert s.get(borrow=True).ctypes.data % 64 == 0 or kept
    s.set(native[::-1])
    assert same(s.get(), native[::-1].copy()) and not lent()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1, 1), (20000,), (2, 3, 4, 5, 6)])
def test_values_of_every_rank(shape):
    value = np.random.default_rng(0).normal(size=shape)
    s = Storage(value)
    assert (
        same(s.get(), value)
        and same(s.get(borrow=True), value)
        and s.shape == shape
        and type(s.get()) is np.ndarray
    )


def test_shape_may_change():
    s = Storage(np.arange(3.0))
    for n in (5, 0, 9000, 3, 90000):
        s.set(np.arange(float(n)))
        assert same(s.get(), np.arange(float(n))) and same(s.get(), np.arange(float(n))) and s.shape == (n,)


def test_wrong_values_change_nothing():
    s = Storage(np.arange(3.0))
    version = s.version
    for bad in (np.arange(3), np.zeros((1, 3)), np.zeros(3, "float32"), np.float64(3) * np.ones(())):
        with pytest.raises(TypeError, match="a storage of float64 and rank 1 cannot take"):
            s.set(bad)
    host.table()[0].tgen_fail_after(0)
    with pytest.raises(MemoryError, match="no memory for an array of float64"):
        s.set(np.ones(3))
    assert s.get().tolist() == [0, 1, 2] and s.version == version


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_matrix_is_an_array_and_borrowed_is_itself():
    m = np.matrix([[1.0, 2.0]])
    s = Storage(m, borrow=True)
    assert s.get(borrow=True) is m and type(s.get()) is np.ndarray


def test_borrowed_memory_is_let_go():
    class Noted(np.ndarray):
        pass

    value = np.ones(4).view(Noted)
    gone = weakref.ref(value)
    s = Storage(value, borrow=True)
    add = Call(INCREMENT, s)
    assert add() == (0, 0)  # it went to other memory
    assert value.tolist() == [1] * 4 and s.get().tolist() == [2] * 4
    del value
    gc.collect()
    assert gone() is None and not lent()
    assert add() == (0, 1)  # and now works in place


def test_borrowed_in_two_storages():
    value = np.ones(4)
    a, b = Storage(value, borrow=True), Storage(value, borrow=True)
    Call(INCREMENT, a)()
    assert b.get(borrow=True) is value and a.get().tolist() == [2] * 4 and b.get().tolist() == [1] * 4
    del a, b
    gc.collect()
    assert not lent() and value.tolist() == [1] * 4


def test_storage_dies_with_borrowed_value():
    value = np.ones(4)
    s = Storage(value, borrow=True)
    del s
    gc.collect()
    assert not lent()


def test_handed_out_array_is_never_reused():
    s = Storage(np.zeros(20000))
    add = Call(INCREMENT, s)
    assert add() == (0, 1)
    held = s.get(borrow=True)
    assert held.tolist()[0] == 1 and add() == (0, 0) and add() == (0, 1)
    assert (held == 1).all() and (s.get() == 3).all()
    others = [new_array("float64", (20000,)) for _ in range(5)]
    assert not any(np.shares_memory(held, other) for other in others)


def test_version_counts_values():
    s = Storage(np.zeros(2))
    first = s.version
    s.set(np.ones(2))
    assert s.version == first + 1


# ---- blocks and the pool ----


@pytest.fixture
def pool():
    gc.collect()
    host.free_pool()
    yield host.pool_stats
    gc.collect()
    host.free_pool()
    config.pool_bytes = 256 << 20
    host.table()


@pytest.mark.slow
def test_block_lives_as_long_as_the_last_view(pool):
    before = pool()["living"]
    view = new_array("float64", (50000,))[10:20].reshape(2, 5).T
    gc.collect()
    assert pool()["living"] > before
    view[...] = 7
    del view
    gc.collect()
    assert pool()["living"] == before and pool()["held"] > 0


def test_pool_serves_the_same_class_again(pool):
    address = new_array("float64", (50000,)).ctypes.data
    hits = pool()["hits"]
    for n in (50000, 49990, 50001):
        assert new_array("float64", (n,)).ctypes.data == address
    assert pool()["hits"] == hits + 3
    assert new_array("float64", (100000,)).ctypes.data != address


def test_free_pool_gives_memory_back(pool):
    del_me = new_array("uint8", (1 << 20,))
    del del_me
    assert pool()["held"] >= 1 << 20
    host.free_pool()
    assert pool()["held"] == 0


def test_pool_is_bounded_and_keeps_what_is_in_use(pool):
    config.pool_bytes = 4 << 20
    for size in range(100_000, 3_000_000, 90_000):
        new_array("uint8", (size,))
        assert pool()["held"] <= 4 << 20
    misses = pool()["misses"]
    for _ in range(5):
        new_array("uint8", (size,))
    assert pool()["misses"] == misses
    config.pool_bytes = 0
    assert pool()["held"] == 0
    new_array("uint8", (size,))
    assert pool()["held"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        63,
        64,
        65536,
        65537,
        81920,
        81921,
        131072,
        131073,
        (4 << 20) - 1,
        4 << 20,
        (4 << 20) + 1,
        33 << 20,
    ],
)
def test_blocks_of_every_size_are_aligned_and_writable(size, pool):
    lib, ffi, _ = host.table()
    block = lib.tgen_take(size)
    assert block.bytes == size and block.refs == 1 and block.flags == 0
    assert int(ffi.cast("intptr_t", block.data)) % 64 == 0
    assert int(ffi.cast("intptr_t", block.data)) == int(ffi.cast("intptr_t", block)) + storage.HEADER
    ffi.memmove(block.data, b"\xff" * size, size)
    lib.tgen_keep(block)
    lib.tgen_give(block)
    assert block.refs == 1
    lib.tgen_give(block)


def test_impossible_sizes_are_refused():
    lib, ffi, _ = host.table()
    for size in (-1, 1 << 46, (1 << 63) - 1):
        assert lib.tgen_take(size) == ffi.NULL
    with pytest.raises(MemoryError):
        new_array("float64", (1 << 40,))


def test_every_take_may_fail():
    s, t = Storage(np.zeros(30000)), Storage(np.zeros(5))
    s.get(borrow=True), t.get(borrow=True)
    add = Call(INCREMENT, s)
    lib = host.table()[0]
    lib.tgen_fail_after(0)
    assert add()[0] == 3 and s.get().sum() == 0
    assert add()[0] == 0 and s.get()[0] == 1
    lib.tgen_fail_after(-1)


@pytest.mark.slow
def test_blocks_from_many_threads(pool):
    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            a = new_array("int64", (int(rng.integers(1, 60000)),))
            a[:] = seed
            assert (a == seed).all()

    run_threads([lambda seed=k: work(seed) for k in range(8)])
    gc.collect()
    assert pool()["living"] == 0


def test_wrap_block_takes_the_reference_over():
    lib, ffi, _ = host.table()
    block = lib.tgen_take(80)
    lib.tgen_keep(block)
    a = wrap_block(int(ffi.cast("intptr_t", block)), np.dtype("float64"), (2, 5))
    assert a.shape == (2, 5) and a.flags.c_contiguous and a.flags.writeable and block.refs == 2
    del a
    gc.collect()
    assert block.refs == 1
    lib.tgen_give(block)


def test_types_of_the_host_module_are_those_of_its_c():
    """``Lib`` says of each function what checkers know of it: a number, text, or CData."""
    lib, ffi, _ = host.table()
    said = {name: of for name, of in vars(Lib).items() if name.startswith("tgen_")}
    assert set(said) == {name for name in dir(lib) if name.startswith("tgen_")}
    for name, of in said.items():
        if isinstance(of, property):
            assert re.search(rf'extern "Python" .*\b{name}\(', host.CDEF), name  # C calls it
            continue
        c = ffi.typeof(getattr(lib, name))
        types, wanted = [*typing.get_type_hints(of).values()], [*c.args, c.result]
        assert len(types) == len(wanted) and all(t in known_as(w) for t, w in zip(types, wanted)), name


def known_as(c):
    """The types in Python that are right for a type of C."""
    if c.kind == "void":
        return (type(None),)
    if c.kind == "primitive":
        return (float,) if c.cname == "double" else (int,)
    return (CData, bytes) if c.cname == "char *" else (CData,)
