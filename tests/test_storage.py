"""Storages, blocks and the pool, the call's locks, threads and fork: the C of templates/runtime.c.j2 through Python."""
import gc
import itertools
import os
import threading
import time
import weakref

import numpy as np
import pytest
from processes import Child, in_child

from tgen.backends.c import blas, build, host
from tgen.codegen.render import source
from tgen.config import config
from tgen.core import storage
from tgen.core.storage import Storage, new_array, wrap_block

# One more for every element of each storage: in place where the storage is the only holder, else into a fresh block.
INCREMENT = """
int32_t tgen_entry(const tgen_host *host, int64_t *frame, tgen_storage *const *shared)
{
    for (int64_t s = 0; s < frame[8]; s++) {
        tgen_storage *w = shared[s];
        const int64_t n = w->dims[0];
        const int in_place = __atomic_load_n(&w->block->refs, __ATOMIC_ACQUIRE) == 1 && w->block->flags == 0;
        tgen_block *fresh = in_place ? 0 : host->take(n * 8);
        if (!in_place && !fresh)
            return TGEN_MEMORY;
        double *to = (double *)(in_place ? w->data : fresh->data);
        for (int64_t i = 0; i < n; i++)
            to[i] = *(const double *)(w->data + i * w->dims[1]) + 1;
        if (fresh)
            host->flip(w, fresh, w->dims);
        frame[0] = in_place;
    }
    return TGEN_OK;
}
"""
# frame[8] = address of tgen_jump, frame[9] = an entry, frame[10] = storages, frame[11] = exclusive, frame[12] = how many
NESTED = """
typedef int32_t jump(void *, const tgen_host *, int64_t *, tgen_storage *const *, const int8_t *, int32_t);
int32_t tgen_entry(const tgen_host *host, int64_t *frame, tgen_storage *const *shared)
{
    int64_t inner[16] = {0};
    (void)shared;
    return ((jump *)frame[8])((void *)frame[9], host, inner, (tgen_storage *const *)frame[10], (const int8_t *)frame[11], (int32_t)frame[12]);
}
"""


class Call:
    """A compiled entry over storages, some exclusive: what runtime/call.py does, by hand."""

    def __init__(self, text, *storages, exclusive=True):
        self.lib, self.ffi, self.host = host.table()
        self.library = build.obtain(source("abi.h.j2") + text, {})
        self.storages = sorted(storages, key=lambda s: s.id)
        self.shared = self.ffi.new("tgen_storage *[]", [s.record for s in self.storages] or 1)
        self.exclusive = self.ffi.new("int8_t[]", [exclusive] * len(storages) or 1)

    def __call__(self):
        frame = self.ffi.new("int64_t[16]")
        frame[8] = len(self.storages)
        return self.run(frame), frame[0]

    def run(self, frame):
        return self.lib.tgen_jump(self.library.entry, self.host, frame, self.shared, self.exclusive, len(self.storages))

    def nested(self, inner):
        """The status of calling ``inner`` from inside of this entry."""
        frame, address = self.ffi.new("int64_t[16]"), lambda p: int(self.ffi.cast("intptr_t", p))
        frame[8:13] = [address(self.ffi.addressof(self.lib, "tgen_jump")), address(inner.library.entry), address(inner.shared),
                       address(inner.exclusive), len(inner.storages)]
        return self.run(frame)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# ---- values ----

LAYOUTS = {
    "C": lambda a: a, "F": np.asfortranarray, "reversed": lambda a: a[::-1], "sliced": lambda a: a[:, ::2], "transposed": lambda a: a.T,
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()), "stride 0": lambda a: np.broadcast_to(a[0], a.shape),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape) if a.dtype.itemsize > 1 else a,
    "readonly": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape), "empty": lambda a: a[:0], "one": lambda a: a[:1, :1],
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
    assert same(s.get(), native[::-1].copy()) and not storage._owners


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1, 1), (20000,), (2, 3, 4, 5, 6)])
def test_values_of_every_rank(shape):
    value = np.random.default_rng(0).normal(size=shape)
    s = Storage(value)
    assert same(s.get(), value) and same(s.get(borrow=True), value) and s.shape == shape and type(s.get()) is np.ndarray


def test_shape_may_change():
    s = Storage(np.arange(3.0))
    for n in (5, 0, 9000, 3, 90000):
        s.set(np.arange(float(n)))
        assert same(s.get(), np.arange(float(n))) and same(s.get(), np.arange(float(n))) and s.shape == (n,)


def test_S07_wrong_values_change_nothing():
    s = Storage(np.arange(3.0))
    version = s.version
    for bad in (np.arange(3), np.zeros((1, 3)), np.zeros(3, "float32"), np.float64(3) * np.ones(())):
        with pytest.raises(TypeError, match="a storage of float64 and rank 1 cannot take"):
            s.set(bad)
    host.table()[0].tgen_fail_after(0)
    with pytest.raises(MemoryError, match="no memory for an array of float64"):
        s.set(np.ones(3))
    assert s.get().tolist() == [0, 1, 2] and s.version == version


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
    assert add() == (0, 0)      # it went to other memory
    assert value.tolist() == [1] * 4 and s.get().tolist() == [2] * 4
    del value
    gc.collect()
    assert gone() is None and not storage._owners
    assert add() == (0, 1)      # and now works in place


def test_borrowed_in_two_storages():
    value = np.ones(4)
    a, b = Storage(value, borrow=True), Storage(value, borrow=True)
    Call(INCREMENT, a)()
    assert b.get(borrow=True) is value and a.get().tolist() == [2] * 4 and b.get().tolist() == [1] * 4
    del a, b
    gc.collect()
    assert not storage._owners and value.tolist() == [1] * 4


def test_storage_dies_with_borrowed_value():
    value = np.ones(4)
    s = Storage(value, borrow=True)
    del s
    gc.collect()
    assert not storage._owners


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


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65536, 65537, 81920, 81921, 131072, 131073, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 33 << 20])
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


def test_N15_every_take_may_fail():
    s, t = Storage(np.zeros(30000)), Storage(np.zeros(5))
    s.get(borrow=True), t.get(borrow=True)
    add = Call(INCREMENT, s)
    lib = host.table()[0]
    lib.tgen_fail_after(0)
    assert add()[0] == 3 and s.get().sum() == 0
    assert add()[0] == 0 and s.get()[0] == 1
    lib.tgen_fail_after(-1)


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


def run_threads(works):
    failures = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    assert not failures and not any(t.is_alive() for t in threads), failures


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


# ---- threads ----

def test_S04_increments_are_exact():
    s, other = Storage(np.zeros(4)), Storage(np.zeros(3))
    both, one = Call(INCREMENT, s, other), Call(INCREMENT, s)
    run_threads([lambda call=call: [call() for _ in range(4000)] for call in (both, one) * 4])
    assert s.get().tolist() == [32000] * 4 and other.get().tolist() == [16000] * 3


def test_S04_readers_never_see_a_torn_value():
    s, stop = Storage(np.zeros(30000)), threading.Event()
    add, seen = Call(INCREMENT, s), []

    def read():
        last = 0
        while not stop.is_set():
            value = s.get()
            assert (value == value[0]).all() and value[0] >= last
            last = value[0]
            seen.append(last)

    def write():
        try:
            for _ in range(400):
                assert add()[0] == 0
        finally:
            stop.set()
    run_threads([read, read, write])
    assert s.get()[0] == 400 and seen


def test_S04_set_value_meanwhile():
    s = Storage(np.zeros(1000))
    add = Call(INCREMENT, s)

    def sets():
        for n in range(300):
            s.set(np.full(1000 + n % 2, 1e6 * n))

    def adds():
        for _ in range(2000):
            assert add()[0] == 0
            value = s.get()
            assert (value == value[0]).all()
    run_threads([sets, adds, adds])


def test_waiting_writer_is_not_starved_by_readers():
    s, stop = Storage(np.zeros(60000)), threading.Event()
    look = Call("int32_t tgen_entry(const tgen_host *h, int64_t *f, tgen_storage *const *s) { volatile double x = 0; (void)h; (void)f;"
                " for (int64_t i = 0; i < s[0]->dims[0]; i++) x = ((double *)s[0]->data)[i]; (void)x; return 0; }", s, exclusive=False)
    add = Call(INCREMENT, s)

    def read():
        while not stop.is_set():
            look()

    def write():
        try:
            for _ in range(50):
                add()
        finally:
            stop.set()
    run_threads([read, read, read, write])
    assert s.get()[0] == 50


def test_S05_reentrant_calls():
    a, b, c = (Storage(np.zeros(2)) for _ in range(3))
    outer, reader = Call(NESTED, a), Call(NESTED, a, exclusive=False)
    assert outer.nested(Call(INCREMENT, b)) == 0        # another storage: it just works
    assert outer.nested(Call(INCREMENT, a)) == 5        # its own lock: told, not deadlocked
    assert reader.nested(Call(INCREMENT, a)) == 5
    assert outer.nested(Call(INCREMENT, a, exclusive=False)) == 5
    assert outer.nested(Call(INCREMENT, b, a)) == 5
    assert reader.nested(Call(INCREMENT, a, exclusive=False)) == 0      # reading what one reads is no conflict
    assert Call(NESTED, b).nested(Call(INCREMENT, a, c)) == 0   # a lock below the one held, free
    assert Call(INCREMENT, a, b, c)() == (0, 1)         # nothing is left locked


def test_lock_below_one_that_is_held_gives_up():
    a, b = Storage(np.zeros(2)), Storage(np.zeros(2))
    lib = host.table()[0]
    held, done = threading.Event(), threading.Event()

    def hold():
        lib.tgen_storage_lock(a.record, 1)
        held.set()
        done.wait(20)
        lib.tgen_storage_unlock(a.record, 1)
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    assert Call(NESTED, b).nested(Call(INCREMENT, a)) == 5
    done.set()
    thread.join()
    assert Call(INCREMENT, a, b)() == (0, 1)


def test_waiting_lets_other_python_run():
    s = Storage(np.zeros(2))
    lib, add, order = host.table()[0], Call(INCREMENT, s), []
    lib.tgen_storage_lock(s.record, 1)
    thread = threading.Thread(target=lambda: order.append(add()))
    thread.start()
    time.sleep(0.05)        # this very thread runs on while the other waits in C
    assert not order
    lib.tgen_storage_unlock(s.record, 1)
    thread.join(5)
    assert order == [(0, 1)]


# ---- the team ----

def test_team_is_given_to_one_call_at_a_time():
    lib = host.table()[0]
    with config.change_flags(threads=3):
        host.table()
        assert lib.tgen_team() == 3
        assert lib.tgen_team() == 1     # nested: alone
        lib.tgen_team_done()
        others = []
        thread = threading.Thread(target=lambda: (others.append(lib.tgen_team()), lib.tgen_team_done()))
        thread.start()
        thread.join()
        lib.tgen_team_done()
        assert others == [1] and lib.tgen_team() == 3
        lib.tgen_team_done()
        assert in_child(lib.tgen_team) == 1     # OpenMP's threads are not in a forked process
    host.table()


# ---- fork ----

def test_S09_fork_never_sees_half_an_update():
    s, stop = Storage(np.zeros(200000)), threading.Event()
    add = Call(INCREMENT, s)
    thread = threading.Thread(target=lambda: [add() for _ in iter(stop.is_set, True)])
    thread.start()

    def look():
        value = s.get()
        whole = bool((value == value[0]).all())
        s.set(value)
        return whole and add()[0] == 0 and s.get()[0] == value[0] + 1
    try:
        for _ in range(40):
            assert in_child(look, seconds=5)
    finally:
        stop.set()
        thread.join()


def test_F17_fork_while_threads_use_everything():
    storages = [Storage(np.zeros(3000)) for _ in range(5)]
    stop = threading.Event()

    def work(k):
        add = Call(INCREMENT, *storages[k:k + 2])
        while not stop.is_set():
            add()
            storages[k].get()
            storages[k].set(np.zeros(3000 + k))
            Storage(np.zeros(10))
            new_array("float64", (20000,))
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]

    def use_all():
        add = Call(INCREMENT, *storages)
        return [add()[0] for _ in range(3)] + [len(Storage(np.ones(4)).get())]
    try:
        for _ in range(25):
            assert in_child(use_all, seconds=5) == [0, 0, 0, 4]
    finally:
        stop.set()
        [t.join() for t in threads]


def test_fork_waits_for_the_writer():
    s = Storage(np.zeros(2))
    lib = host.table()[0]
    held, order = threading.Event(), []

    def hold():
        lib.tgen_storage_lock(s.record, 1)
        held.set()
        time.sleep(0.2)
        order.append("unlocked")
        lib.tgen_storage_unlock(s.record, 1)
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    child = Child(s.get)
    assert order == ["unlocked"] and child.result().tolist() == [0, 0]
    thread.join()


def test_child_of_child():
    s = Storage(np.ones(3))
    assert in_child(lambda: in_child(lambda: in_child(s.get))).tolist() == [1] * 3


# ---- libraries, products ----

def test_S08_library_is_unloaded_with_its_last_user():
    add = Call(INCREMENT + "/* loaded once */", Storage(np.zeros(1)))
    gone, key = weakref.ref(add.library), add.library.key
    assert build.load(key) is add.library
    del add
    gc.collect()
    assert gone() is None
    again = build.load(key)
    assert again is not None and again.key == key


def products():
    lib, ffi, table = host.table()
    own = ffi.new("tgen_host *")
    blas.fill_built_in(lib, ffi, own)
    return lib, ffi, (table, own)


SIZES = [(1, 1, 1), (2, 3, 0), (0, 3, 2), (5, 7, 3), (13, 40, 300), (100, 129, 257), (97, 2050, 11)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_products(dtype, sizes):
    lib, ffi, tables = products()
    (m, n, k), rng = sizes, np.random.default_rng(3)
    pointer = lambda a: ffi.cast("void *", a.ctypes.data)
    for table, ta, tb, (alpha, beta) in itertools.product(tables, (111, 112), (111, 112), ((1, 0), (0.5, 2), (1, 1))):
        a = rng.normal(size=(k, m + 3) if ta == 112 else (m, k + 3)).astype(dtype)
        b = rng.normal(size=(n, k + 2) if tb == 112 else (k, n + 2)).astype(dtype)
        c = rng.normal(size=(m, n + 1)).astype(dtype)
        left = (a[:, :m].T if ta == 112 else a[:, :k]).astype("float64")
        right = (b[:, :k].T if tb == 112 else b[:, :n]).astype("float64")
        want = c.astype("float64")
        want[:, :n] = alpha * (left @ right) + (beta * want[:, :n] if beta else 0)
        if beta == 0:
            c[:, :n] = np.nan
        lib.tgen_gemm(table, dtype == "float32", ta, tb, m, n, k, alpha, pointer(a), a.shape[1], pointer(b), b.shape[1], beta, pointer(c), n + 1)
        np.testing.assert_allclose(c, want, rtol=1e-3 if dtype == "float32" else 1e-11, atol=1e-3 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m, n", [(1, 1), (7, 5), (100, 257), (3, 1000)])
def test_matrix_vector_products(dtype, m, n):
    lib, ffi, tables = products()
    rng, pointer = np.random.default_rng(4), lambda a: ffi.cast("void *", a.ctypes.data)
    for table, ta, incx, (alpha, beta) in itertools.product(tables, (111, 112), (1, 2), ((1, 0), (0.5, 2))):
        a = rng.normal(size=(m, n + 1)).astype(dtype)
        x = rng.normal(size=incx * (m if ta == 112 else n)).astype(dtype)
        y = rng.normal(size=3 * (n if ta == 112 else m)).astype(dtype)
        want = y.astype("float64")
        plain = a[:, :n].astype("float64")
        want[::3] = alpha * ((plain.T if ta == 112 else plain) @ x[::incx].astype("float64")) + beta * want[::3]
        if beta == 0:
            y[::3] = np.nan
        lib.tgen_gemv(table, dtype == "float32", ta, m, n, alpha, pointer(a), n + 1, pointer(x), incx, beta, pointer(y), 3)
        np.testing.assert_allclose(y, want, rtol=1e-3 if dtype == "float32" else 1e-11, atol=1e-4 if dtype == "float32" else 1e-11)


def test_F13_blas_leaves_the_environment_alone():
    def load():
        before = dict(os.environ)
        lib, ffi, _ = host.table()
        table = ffi.new("tgen_host *")
        name = blas.fill(lib, ffi, table)
        return before == dict(os.environ), name
    unchanged, name = in_child(load)
    assert unchanged and name.startswith(("openblas", "built in"))


def test_without_the_blas_package(monkeypatch):
    lib, ffi, _ = host.table()
    table = ffi.new("tgen_host *")
    monkeypatch.setattr(blas, "PACKAGE", "no_such_package")
    assert blas.fill(lib, ffi, table) == "built in"
