"""Arrays of more than 2**31 elements, small stacks, and the processor's floating point state."""

import ctypes
import mmap
import resource
import sys
import tempfile
import threading

import numpy as np
import pytest
from faults import figure, size
from processes import in_child

import tgen
import tgen.tensor as T
from tgen.backends.c import toolchain

pytestmark = pytest.mark.slow

LENGTH = 2**31 + 100


# -- huge arrays ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def huge():
    """An int8 array of more than 2**31 elements in a file with holes: only what is read costs memory."""
    with tempfile.TemporaryFile() as file:
        file.truncate(LENGTH)
        x = np.frombuffer(mmap.mmap(file.fileno(), LENGTH), "int8")
        x[-1], x[2**31 + 3], x[2**31 - 1], x[2**30], x[5] = 7, 5, 3, 2, 1
        yield x


def test_positions_beyond_31_bits(huge):
    x, i, k = T.bvector("x"), T.lvector("i"), T.lscalar("k")
    f = tgen.function(
        [x, i, k], [x[k], x[k : k + 4], x[-4:], x[i], x.shape[0], x[:: 2**30], x[k :: -(2**30)]]
    )
    positions = np.array([2**31 + 3, -1, 5, 2**31 - 1])
    got = f(huge, positions, 2**31 + 3)
    k = 2**31 + 3
    wanted = [
        huge[k],
        huge[k : k + 4],
        huge[-4:],
        huge[positions],
        LENGTH,
        huge[:: 2**30],
        huge[k :: -(2**30)],
    ]
    for a, b in zip(got, wanted):
        assert np.array_equal(a, b), (a, b)
    with pytest.raises(IndexError, match=f"index {LENGTH}.*size {LENGTH}"):
        f(huge, positions, LENGTH)


def test_matrices_beyond_31_bits(huge):
    m, i = T.bmatrix("m"), T.lvector("i")
    rows = huge[: 2 * (LENGTH // 2)].reshape(2, LENGTH // 2)
    f = tgen.function([m, i], [m[:, i], m[1, -3:].sum(), m.T[i].shape[1], m.shape[0] * m.shape[1]])
    at = np.array([0, LENGTH // 2 - 1, 2**30])
    got = f(rows, at)
    assert np.array_equal(got[0], rows[:, at]) and [int(v) for v in got[1:]] == [7, 2, LENGTH // 2 * 2]


def test_every_element_of_a_huge_array(huge):
    """Reduced: the first 64 MB; full: 2.2e9 elements read, summed, searched and written."""
    length = size(1 << 26, LENGTH)
    part, x = huge[-length:], T.bvector("x")
    f = tgen.function([x], [x.sum(), x.argmax(), T.neq(x, 0).sum(), (x + 1)[-3:]])
    total, where, count, last = f(part)
    assert int(total) == part.sum(dtype="int64") and int(where) == length - 1
    assert int(count) == np.count_nonzero(part) and last.tolist() == [1, 1, 8]
    figure(elements=length)


# -- memory ------------------------------------------------------------------------------------------------


def guarded(value):
    """A copy of ``value`` that ends where a page begins which nobody may touch, after another such page."""
    page, size = mmap.PAGESIZE, value.nbytes
    room = -(-size // page) * page
    area = mmap.mmap(-1, room + 2 * page)
    start = np.frombuffer(area, "uint8").ctypes.data
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    assert protect(start, page, 0) == protect(start + page + room, page, 0) == 0
    array = np.frombuffer(area, value.dtype, value.size, page + room - size).reshape(value.shape)
    array[...] = value
    return array


def test_nothing_outside_of_an_array_is_touched():
    """Arguments that end where memory does, in a child: indices and slices of all kinds, in range and out."""
    x, i, a, b = T.dmatrix("x"), T.lvector("i"), T.lscalar("a"), T.lscalar("b")
    f = tgen.function(
        [x, i, a, b],
        [
            x[i],
            x[:, i % x.shape[1]],
            T.inc_subtensor(x[i], 1.0),
            x[a:b],
            x[b:a:-2],
            x[a],
            x.T[::-1].sum(axis=0),
            T.nnet.softmax(x),
            T.sort(x, axis=0),
            T.dot(x, x.T),
            x.sum(),
        ],
    )

    def work():
        source, errors = np.random.default_rng(1), 0
        for _ in range(size(150, 5000)):
            rows, columns = source.integers(1, 9, 2)
            values = guarded(source.normal(size=(rows, columns)))
            at = guarded(source.integers(-rows, rows + source.integers(2), source.integers(1, 6)))
            start, stop = (int(k) for k in source.integers(-12, 12, 2))
            inside = -rows <= start < rows and (at < rows).all()
            try:
                got = f(values, at, start, stop)
            except IndexError:
                errors += 1
                assert not inside
                continue
            assert (
                inside and np.array_equal(got[0], values[at]) and np.array_equal(got[3], values[start:stop])
            )
            assert np.array_equal(got[4], values[stop:start:-2])
        return errors

    assert in_child(work, seconds=300) > 10


def test_a_limit_on_memory():
    """RLIMIT_AS, as a batch system sets it: MemoryError, nothing changed, and smaller arrays go on."""
    x, s = T.dvector("x"), tgen.shared(np.ones(3), "s")
    f = tgen.function([x], [x * 2, s.sum()], updates=[(s, s + 1)])
    f([1.0])

    def limited():
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * mmap.PAGESIZE
        resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), resource.RLIM_INFINITY))
        big = np.broadcast_to(1.0, (1 << 28,))
        for _ in range(3):
            with pytest.raises(MemoryError):
                f(big)
        return s.get_value().tolist(), f(np.ones(1000))[0].sum(), s.get_value().tolist()

    assert in_child(limited) == ([2.0] * 3, 2000.0, [3.0] * 3)


# -- small stacks --------------------------------------------------------------------------------------------


def test_calls_need_little_of_the_stack():
    """On a thread of 512 KiB: large temporaries, loops in loops, sorting, products, convolutions, errors."""
    x, v, k = T.dmatrix("x"), T.dvector("v"), T.lvector("k")
    h, _ = tgen.scan(
        lambda row, a: T.tanh(T.dot(a, x[:, :60]) + row[:60]), sequences=x, outputs_info=T.zeros(60)
    )
    c = T.nnet.conv2d(x.dimshuffle("x", "x", 0, 1), T.ones((3, 1, 5, 5)))
    outputs = [
        T.nnet.softmax(x),
        T.dot(x, x.T),
        T.sort(x, axis=1),
        h[-1],
        c.sum(),
        T.grad(c.sum() + h.sum(), x),
        x[k],
        T.concatenate([x, x], axis=0).sum(axis=0),
        T.cumsum(v),
        T.exp(x).var(axis=0),
    ]
    values = np.linspace(-1, 1, 60 * 300).reshape(60, 300), np.arange(300.0), np.array([3, -1])
    found = []

    def work():
        f = tgen.function([x, v, k], outputs)
        found.append(f(*values))
        with pytest.raises(IndexError):
            f(values[0], values[1], np.array([60]))

    old = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(120)
    finally:
        threading.stack_size(old)
    assert len(found[0]) == len(outputs)
    assert all(np.array_equal(a, b) for a, b in zip(found[0], tgen.function([x, v, k], outputs)(*values)))


# -- the floating point state --------------------------------------------------------------------------------

STATE = """#include <fenv.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
int state(void) { return (_mm_getcsr() & ~0x3f) | fegetround() << 16; }
#else
int state(void) { return fegetround(); }
#endif
int set_upward(void) { return fesetround(FE_UPWARD); }
int set_nearest(void) { return fesetround(FE_TONEAREST); }
"""
FORBIDDEN = (
    "-ffast-math",
    "-Ofast",
    "-funsafe-math-optimizations",
    "-mdaz-ftz",
    "-ffinite-math-only",
    "-fassociative-math",
    "-freciprocal-math",
    "-fno-signed-zeros",
    "-ffp-contract=fast",
    "-frounding-math",
)


@pytest.fixture(scope="module")
def state():
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(toolchain.get().compile(STATE))
        file.flush()
        yield ctypes.CDLL(file.name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subnormals_are_kept(dtype):
    x = T.TensorType(dtype, (None,))("x")
    tiny, least = np.finfo(dtype).tiny, np.finfo(dtype).smallest_subnormal
    f = tgen.function(
        [x],
        [
            x * 0.5,
            x - tiny * dtype_one(dtype, 0.5),
            x.sum(),
            T.dot(x, x * 0 + 1),
            -x,
            abs(x),
            T.maximum(x, 0),
        ],
    )
    values = np.array([tiny, least, tiny / 2, -least] * 40, dtype)
    got = f(values)
    assert np.array_equal(got[0], values * dtype_one(dtype, 0.5)) and (got[0][::4] != 0).all()
    assert np.array_equal(got[1], values - tiny * dtype_one(dtype, 0.5))
    assert (
        got[2] != 0
        and got[3] != 0
        and np.array_equal(got[4], -values)
        and np.array_equal(got[5], abs(values))
    )


def dtype_one(dtype, value):
    return np.dtype(dtype).type(value)


def test_loading_and_calling_leave_the_floating_point_state_alone(state):
    """Rounding mode and the bits that flush subnormals are the user's, whatever is loaded and run."""
    x, m = T.dvector("x"), T.fmatrix("m")

    def calls():
        f = tgen.function([x, m], [T.exp(x).sum(), T.dot(m, m), x / 3, T.nnet.softmax(m), T.sqrt(x)])
        f([1e300, 5e-324], np.full((3, 3), 1e-40, "float32"))
        return state.state(), sys.float_info.min / 2 != 0

    def upward():
        state.set_upward()
        try:
            before = state.state()
            return before, calls()
        finally:
            state.set_nearest()

    start = state.state()
    assert calls() == (start, True)
    before, after = in_child(upward)
    assert before != start and after == (before, True)


def test_no_flag_changes_what_a_float_is():
    chain = toolchain.get()
    words = set(chain.command())
    assert not words & set(FORBIDDEN) and "-ffp-contract=off" in words
