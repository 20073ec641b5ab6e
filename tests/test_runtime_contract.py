"""What a call promises, compiled and interpreted: old values, all or nothing, threads, errors, bits."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from faults import figure, size
from special import same_bits

import tgen
import tgen.tensor as T
from tgen.backends.c import host

X, V, I, N = T.dmatrix("x"), T.dvector("v"), T.lvector("i"), T.lscalar("n")


@pytest.fixture(params=("FAST_RUN", "INTERPRET"))
def each_backend(request):
    """Functions that a test makes are of this mode."""
    with tgen.config.change_flags(mode=request.param):
        yield request.param


both = pytest.mark.usefixtures("each_backend")


def shared(*arrays, names="abcdefg"):
    return [tgen.shared(np.array(a, "float64"), n) for a, n in zip(arrays, names)]


def snapshot(variables):
    return [s.get_value() for s in variables]


def unchanged(variables, before):
    assert all(same_bits(s.get_value(), b) for s, b in zip(variables, before))


# -- every right side and every output sees the values from before the call ----------------------------------


@both
def test_swap_and_cycle():
    a, b, c = shared([1, 2], [3, 4], [5, 6])
    f = tgen.function([], [a, b, a + b], updates=[(a, b), (b, a)])
    assert [r.tolist() for r in f()] == [[1, 2], [3, 4], [4, 6]] and [
        s.tolist() for s in snapshot([a, b])
    ] == [[3, 4], [1, 2]]
    g = tgen.function([], [], updates=[(a, b), (b, c), (c, a)])
    g(), g()
    assert [s.tolist() for s in snapshot([a, b, c])] == [[5, 6], [3, 4], [1, 2]]


@both
def test_numbers_swap():
    a, b = tgen.shared(1.0, "a"), tgen.shared(2.0, "b")
    f = tgen.function([], [a, b], updates=[(a, b + a), (b, a)])
    assert [float(r) for r in f()] == [1, 2] and (a.get_value(), b.get_value()) == (3, 1)


@both
def test_old_values_everywhere():
    """The update in place comes last for every reader: views, gathers, sums, products and the
    other updates.
    """
    start = np.arange(12.0).reshape(3, 4)
    w, u = shared(start, start * 2)
    f = tgen.function(
        [I], [w, w[::-1], w[I], w.sum(axis=0), T.dot(w, w.T), w.T + 1], updates=[(w, w * 2), (u, w[::-1] + u)]
    )
    index = np.array([2, 0])
    old = start.copy()
    for _ in range(2):
        wanted = [old, old[::-1], old[index], old.sum(axis=0), old @ old.T, old.T + 1]
        assert all(np.array_equal(a, b) for a, b in zip(f(index), wanted))
        old = old * 2
    assert np.array_equal(u.get_value(), start * 2 + start[::-1] + 2 * start[::-1])


@both
def test_one_expression_everywhere():
    a, b, c = shared([1.0, 2], [0, 0], [0, 0])
    new = a * 3
    first, second = tgen.function([], [new, new], updates=[(a, new), (b, new), (c, a)])()
    assert first.tolist() == second.tolist() == [3, 6] and not np.shares_memory(first, second)
    assert [s.tolist() for s in snapshot([a, b, c])] == [[3, 6], [3, 6], [1, 2]]


@both
@pytest.mark.slow
def test_the_shape_may_change():
    (s,) = shared([1.0])
    grow = tgen.function([V], [s, s.sum()], updates=[(s, T.concatenate([s, V]))])
    for k in range(1, 40):
        old, total = grow([k + 1.0])
        assert old.shape == (k,) and total == k * (k + 1) / 2
    halve = tgen.function([], s.shape[0], updates=[(s, s[::2] * 1)])
    assert [int(halve()) for _ in range(4)] == [40, 20, 10, 5] and s.get_value().tolist() == [1.0, 17, 33]
    keep = tgen.function([], [], updates=[(s, s[s > 20])])
    keep()
    assert s.get_value().tolist() == [33.0]


@both
@pytest.mark.slow
def test_clones_share_one_value():
    """Two variables with one container: what one updates the other reads, as it was before the call."""
    start = np.arange(10_000.0)
    (a,) = shared(start)
    b = a.clone()
    f = tgen.function([], [b[::-1] * 1, a + b], updates=[(a, a + b[::-1] * 10)])
    assert all(np.array_equal(x, y) for x, y in zip(f(), [start[::-1], 2 * start]))
    assert np.array_equal(a.get_value(), start + 10 * start[::-1]) and np.array_equal(
        b.get_value(), a.get_value()
    )
    g = tgen.function([], b, updates=[(a, b[::-1])])
    assert np.array_equal(g(), start + 10 * start[::-1]) and np.array_equal(
        b.get_value(), start[::-1] + 10 * start
    )


# -- an error anywhere changes nothing -----------------------------------------------------------------------


@both
@pytest.mark.slow
def test_errors_in_the_middle():
    a, b, c = shared(np.arange(3.0), np.ones((2, 3)), 1.5)
    failing = {
        "index": (IndexError, lambda: [a[I]], [[0.0]], [[3]]),
        "index in a row": (IndexError, lambda: [T.nnet.softmax(b[:, I])], [[0.0]], [[0, -4]]),
        "written index": (IndexError, lambda: [T.inc_subtensor(a[I], 1.0)], [[0.0]], [[1, 7]]),
        "sizes found inside": (ValueError, lambda: [a[a > 0] + V], [[1.0]], [[0]]),
        "sizes of arguments": (ValueError, lambda: [a * V], [[1.0, 2]], [[0]]),
        "reshape": (ValueError, lambda: [V.reshape((2, 2))], [[1.0, 2]], [[0]]),
        "negative length": (ValueError, lambda: [T.zeros((I[0], 2)).sum()], [[1.0]], [[-1]]),
        "extreme of nothing": (ValueError, lambda: [a[a > 10].max()], [[1.0]], [[0]]),
        "an update's own size": (ValueError, lambda: [T.dot(b, V)], [[1.0]], [[0]]),
    }
    before = snapshot([a, b, c])
    ways = [(a, a * 2), (b, b + 1), (c, c + 1)], [(c, c * 2), (a, T.concatenate([a, a])), (b, b * 0)]
    for number, (error, make, v, i) in enumerate(failing.values()):
        f = tgen.function([V, I], make(), updates=ways[number % 2], on_unused_input="ignore")
        for _ in range(2):
            with pytest.raises(error):
                f(np.array(v[0]), np.array(i[0]))
            unchanged([a, b, c], before)


@both
def test_a_failing_update():
    a, b = shared(np.arange(3.0), np.arange(3.0))
    f = tgen.function([I], [], updates=[(a, a + 1), (b, T.inc_subtensor((b * 2)[I], a[I]))])
    before = snapshot([a, b])
    with pytest.raises(IndexError):
        f([0, 1, 3])
    unchanged([a, b], before)
    f([0, 0])
    assert a.get_value().tolist() == [1, 2, 3] and b.get_value().tolist() == [0, 2, 4]


@pytest.mark.slow
@both
@pytest.mark.parametrize(
    "make, n",
    [
        (lambda: T.zeros((N,)).sum(), -1),
        (lambda: T.ones((3, N)), -2),
        (lambda: X.reshape((N, N - 1)), -2),
        (lambda: T.zeros((N, N, 8)), 2**31),
        (lambda: T.zeros((N, 8)).sum(axis=1).sum(), -1),
    ],
)
def test_impossible_sizes(make, n):
    (a,) = shared([1.0])
    f = tgen.function([X, N], make(), updates=[(a, a + 1)], on_unused_input="ignore")
    with pytest.raises(ValueError, match="negative|too big"):
        f(np.ones((2, 3)), n)
    assert a.get_value().tolist() == [1.0]


@both
@pytest.mark.slow
def test_no_memory_at_any_allocation():
    """The k-th allocation of a call fails, for every k: MemoryError, nothing changed, nothing lost, and the
    function works again.
    """
    a, b, c = shared(np.arange(4.0), np.ones((2, 4)), 1.0)
    f = tgen.function(
        [X],
        [X * 2, a[a > 1], T.nnet.softmax(X[:, a > 0]), X.T, a],
        updates=[(a, a + 1), (b, T.concatenate([b, b])), (c, c + 1)],
    )
    lib, x = host.table()[0], np.random.default_rng(0).normal(size=(3, 4))
    wanted = [r.copy() for r in tgen.function([X], [X * 2, a[a > 1], T.nnet.softmax(X[:, a > 0]), X.T, a])(x)]
    before, failures = snapshot([a, b, c]), 0
    try:
        while True:
            lib.tgen_fail_after(failures)
            try:
                f(x)
                break
            except MemoryError:
                failures += 1
            lib.tgen_fail_after(-1)
            unchanged([a, b, c], before)
    finally:
        lib.tgen_fail_after(-1)
    assert failures >= 8 and b.get_value().shape == (4, 4) and c.get_value() == 2
    for s, value in zip([a, b, c], before):
        s.set_value(value)
    assert all(same_bits(p, q) for p, q in zip(f(x), wanted))


# -- signals -------------------------------------------------------------------------------------------------

INTERRUPTED = """
import signal
import numpy as np
import tgen
a, b = (tgen.shared(np.zeros(20000), n) for n in "ab")
f = tgen.function([], a.sum(), updates=[(a, a + 1), (b, b + 1)])
f()
armed = False
def interrupt(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0011)
import sys
torn, calls = 0, 0
for _ in range(int(sys.argv[1])):
    try:
        armed = True
        while True:
            f()
            calls += 1
    except KeyboardInterrupt:
        x, y = a.get_value(), b.get_value()
        torn += not x.min() == x.max() == y.min() == y.max()
print(torn, "torn")
print(calls, "calls", file=sys.stderr)
"""


def in_python(script, count):
    command = [sys.executable, "-c", script, str(count)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_interrupts_leave_whole_values():
    """A call is before or after an interrupt, and both variables have counted the same calls."""
    count = size(200, 10_000)
    done = in_python(INTERRUPTED, count)
    assert done.stdout == "0 torn\n", done.stderr[-2000:]
    figure(interrupts=count, torn=0, calls=int(done.stderr.split()[-2]))


RAISING = """
import random, signal, sys
import numpy as np
import tgen, tgen.tensor as T
class Stop(Exception):
    pass
def stop(*_):
    raise Stop
def hang(*_):
    raise SystemExit("a lock was left held")
n = T.lscalar("n")
a, b = (tgen.shared(np.zeros(3000), name) for name in "ab")
looped, _ = tgen.scan(lambda h: T.tanh(h + a), outputs_info=a * 1.0, n_steps=n)
calls = [tgen.function([], [a.sum(), b * 2], updates=[(a, b + 1), (b, a + 1)]),
         tgen.function([n], looped[-1], updates=[(b, b + 0 * looped[-1])])]
calls[0](), calls[1](3)
source, stopped = random.Random(5), 0
for _ in range(int(sys.argv[1])):
    signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, source.uniform(1e-5, 2e-3))
        while True:
            calls[0](), calls[1](30)
    except Stop:
        stopped += 1
    signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, 5)
    calls[0](), calls[1](2), a.get_value(), b.set_value(b.get_value())
    signal.setitimer(signal.ITIMER_REAL, 0)
print(stopped, "stopped")
"""


@pytest.mark.slow
def test_an_exception_from_a_signal_handler_leaves_no_lock_held():
    """At random times inside and outside of calls and loops; the call after it must not wait."""
    count = size(100, 3000)
    done = in_python(RAISING, count)
    assert done.stdout == f"{count} stopped\n", done.stderr[-2000:]
    figure(exceptions=count)


def test_a_signal_handler_calls_the_function():
    (a,) = shared(np.zeros(5000))
    f = tgen.function([], a.sum(), updates=[(a, a + 1)])
    f()
    nested = []
    old = signal.signal(signal.SIGALRM, lambda *_: nested.append(float(f())))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        calls = 1
        while len(nested) < 20:
            f()
            calls += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert a.get_value()[0] == calls + len(nested)


# -- threads -------------------------------------------------------------------------------------------------


def in_threads(count, work):
    """Run work(k) in threads; the first exception of any of them is raised here."""
    errors = []

    def guarded(k):
        try:
            work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(k,)) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads), "a deadlock"
    if errors:
        raise errors[0]


@both
@pytest.mark.slow
def test_increments_are_exact():
    a, b = shared(0.0, np.zeros(100))
    f = tgen.function([], b, updates=[(a, a + 1), (b, b + 1)])
    g = tgen.function([], b, updates=[(b, b + 1), (a, a + 1)])

    count = size(500, 10_000)

    def work(k):
        for _ in range(count):
            seen = (f, g)[k % 2]()
            assert seen.min() == seen.max()

    in_threads(8, work)
    assert a.get_value() == 8 * count and np.all(b.get_value() == 8 * count)
    figure(threads=8, increments=8 * count)


@both
def test_another_shape_between_calls():
    """set_value from another thread: a call sees one value, whole, whatever its shape; two variables set in
    step differ by one set at most.
    """
    (a,) = shared(np.ones((1, 1)))
    f = tgen.function([], [a.sum(), a.shape[0], a * 1])
    done = threading.Event()

    def work(k):
        if k == 0:
            for n in (1, 50, 3, 200) * size(50, 1000):
                a.set_value(np.full((n, n), float(n)))
            done.set()
        while not done.is_set():
            total, n, copy = f()
            assert copy.shape == (n, n) and total == n**3 and np.all(copy == n)

    in_threads(4, work)


@both
def test_readers_of_one_update():
    a, b = shared(np.zeros(3000), np.zeros(3000))
    step = tgen.function([], [], updates=[(a, a + 1), (b, a + 1)])
    look = tgen.function([], [a.min(), a.max(), b.min(), b.max()])

    def work(k):
        for _ in range(300):
            if k == 0:
                step()
            else:
                assert len({float(r) for r in look()}) == 1

    in_threads(4, work)


def big_program():
    x = T.fmatrix("x")
    outputs = [
        x.sum(axis=0),
        T.nnet.softmax(x),
        x.argmax(),
        (x * 3).mean(),
        T.sqr(x).sum(axis=1),
        T.exp(x[::-1]).sum(),
        T.tanh(T.dot(x, x.T) / 100).sum(),
    ]
    return tgen.function([x], outputs), np.random.default_rng(0).normal(size=(600, 700)).astype("float32")


@pytest.mark.slow
def test_the_same_bytes_in_a_team_and_in_threads():
    """Of eight Python threads one at a time has the team, the others run alone; kernels are cut by sizes,
    products by config.threads.
    """
    f, x = big_program()
    team = [r.tobytes() for r in on_threads(2, f, x)]
    assert (
        [r.tobytes() for r in on_threads(1, f, x)][:-1]
        == team[:-1]
        == [r.tobytes() for r in on_threads(4, f, x)][:-1]
    )

    def work(k):
        for _ in range(size(3, 125)):
            assert [r.tobytes() for r in f(x)] == team

    on_threads(2, lambda _: in_threads(8, work), None)


def on_threads(count, f, x):
    old, tgen.config.threads = tgen.config.threads, count
    try:
        return f(x)
    finally:
        tgen.config.threads = old


@pytest.mark.slow
def test_errors_in_a_team():
    """A check that fails in the master must stop every thread of the team, however slow."""
    f = tgen.function([X, I], [T.tanh(X).sum(), X[I].sum(), T.exp(X)[I[::-1]].sum(), X[X > 0].sum()])
    x = np.random.default_rng(0).normal(size=(300, 400))
    for _ in range(50):
        with pytest.raises(IndexError):
            on_threads(2, lambda _: f(x, np.array([300])), None)
    assert len(on_threads(2, lambda _: f(x, np.array([0, -1])), None)) == 4


# -- errors name things --------------------------------------------------------------------------------------


@pytest.mark.slow
@both
@pytest.mark.parametrize(
    "make, values, error, words",
    [
        (lambda: X[I], (np.ones((2, 3)), [2]), IndexError, ("index 2", "axis 0", "size 2", "x", "i")),
        (lambda: X[:, I], (np.ones((2, 3)), [-4]), IndexError, ("index -4", "axis 1", "size 3")),
        (lambda: T.inc_subtensor(X[I], 1.0), (np.ones((2, 3)), [5]), IndexError, ("index 5", "size 2")),
        (lambda: X[I[0], I[1]], (np.ones((2, 3)), [1, 3]), IndexError, ("3", "axis 1")),
        (lambda: X[I[0]], (np.ones((2, 3)), [-3]), IndexError, ("-3",)),
        (
            lambda: X.T[0] + I,
            (np.ones((2, 3)), [1]),
            ValueError,
            ("is 2", "is 1", "add", "test_runtime_contract.py"),
        ),
        (lambda: T.dot(X, X), (np.ones((2, 3)), [1]), ValueError, ("x.shape[1]", "3", "2", "dot")),
        (lambda: X.max(axis=0), (np.ones((0, 3)), [1]), ValueError, ("zero-size", "x")),
    ],
)
def test_errors_name_what_is_wrong(make, values, error, words):
    f = tgen.function([X, I], make(), on_unused_input="ignore")
    with pytest.raises(error) as caught:
        f(values[0], np.array(values[1]))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.slow
@both
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_indices_of_every_dtype(dtype):
    i = T.vector("i", dtype)
    f = tgen.function([X, i], [X[i], T.inc_subtensor(X[i], 1.0)])
    x = np.arange(12.0).reshape(4, 3)
    given = np.array([3, 0, 1, 3], dtype)
    assert np.array_equal(f(x, given)[0], x[given])
    # uint64 beyond int64 wraps, as in NumPy
    for bad in (4, 100, np.iinfo(dtype).min if dtype[0] == "i" else 5):
        with pytest.raises(IndexError):
            f(x, np.array([0, bad], dtype))
