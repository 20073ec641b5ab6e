"""What a loop keeps: the last rows alone where nothing more is read, however the program says it; and carries
that are others some steps later.
"""

import numpy as np
import pytest
from compiled import agree, in_parts
from loops import loop as plain_loop
from loops import random_scan, random_values, symbolic
from test_generated_c import c_text, warnings
from test_loops import loop

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.core import dims
from tgen.ir.interp import run
from tgen.ir.rebuild import walk
from tgen.loop import until
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.plan import plan

n, start, rows, number = T.lscalar("n"), T.dvector("start"), T.dmatrix("rows"), T.dscalar("number")
state, other, more, scalar, x = (
    T.dvector("state"),
    T.dvector("other"),
    T.dvector("more"),
    T.dscalar("scalar"),
    T.dvector("x"),
)
START = np.array([0.3, -0.7, 1.1])
INPUTS = [rows, start, number, n]


def given(steps):
    return [np.random.default_rng(1).standard_normal((steps, 3)), START, np.float64(0.4), np.int64(steps)]


def stopped():
    """As many steps as n by a condition; n_steps only bounds them."""
    return tgen.scan(
        lambda a, k: ([T.sin(a) + 1, k + 1], until(T.ge(k + 1, n))), None, [start, np.int64(0)], n_steps=2 * n
    )[0][0]


SCANS = {
    "a state": lambda: tgen.scan(lambda a: T.tanh(a) + 1, None, start, n_steps=n)[0],
    "a sequence": lambda: tgen.scan(lambda r, a: T.tanh(a) + r, rows, start)[0],
    "backwards": lambda: tgen.scan(lambda r, a: a * r + 1, rows, start, go_backwards=True)[0],
    "three taps": lambda: tgen.scan(
        lambda a, b: a - 0.5 * b, None, dict(initial=T.outer(T.arange(3.0), start), taps=[-1, -3]), n_steps=n
    )[0],
    "numbers": lambda: tgen.scan(lambda a: [T.sin(a) + 2], None, number, n_steps=n)[0].dimshuffle(0, "x"),
    "not fed back": lambda: tgen.scan(lambda r: T.exp(-r * r), rows)[0],
    "beside a state": lambda: tgen.scan(lambda r, a: [a + r, T.sin(a) * r], rows, [start, None])[0][1],
    "a condition": stopped,
}
READS = {  # name -> (what is read of y, how many rows are kept)
    "y[-1]": (lambda y: y[-1], 1),
    "y[-1:]": (lambda y: y[-1:], 1),
    "y[-1:][0]": (lambda y: y[-1:][0], 1),
    "y[-1].sum()": (lambda y: y[-1].sum(), 1),
    "y[-1, 0]": (lambda y: y[-1, 0], 1),
    "y[-1, ::-1]": (lambda y: y[-1, ::-1], 1),
    "y[:, 0][-1]": (lambda y: y[:, 0][-1], 1),
    "y.T[:, -1]": (lambda y: y.T[:, -1], 1),
    "y[::-1][0]": (lambda y: y[::-1][0], 1),
    "y[y.shape[0] - 1]": (lambda y: y[y.shape[0] - 1], 1),
    "the last row and how many": (lambda y: y[-1] * y.shape[0], 1),
    "the last row thrice": (lambda y: y[-1] + y[-1].sum() * y[-1:].sum(0), 1),
    "(1 - y**2)[-1]": (lambda y: (1 - abs(y) ** 2)[-1], 1),
    "(y + its last row).sum(1)[-1]": (lambda y: (y + y[-1]).sum(axis=1)[-1], 1),
    "y.dot(y[-1])[-1]": (lambda y: y.dot(y[-1])[-1], 1),
    "(2*y)[-1] and (1 - 2*y)[-2]": (lambda y: (2 * y)[-1] + (1 - 2 * y)[-2], 2),
    "y[-2]": (lambda y: y[-2], 1),
    "y[-3, 0]": (lambda y: y[-3, 0], 1),
    "y[-2:]": (lambda y: y[-2:], 2),
    "y[:-1][-1]": (lambda y: y[:-1][-1], 2),
    "y[-2:][0]": (lambda y: y[-2:][0], 2),
    "y[-1] and y[-2]": (lambda y: y[-1] - y[-2], 2),
    "y[-3:-1]": (lambda y: y[-3:-1], 3),
    "y[:-4:-1]": (lambda y: y[:-4:-1], 3),
    "y[-4:].T[0]": (lambda y: y[-4:].T[0], 4),
}
MORE = {
    "y[0]": lambda y: y[0],
    "y[-5:]": lambda y: y[-5:],
    "y[-1] and all": lambda y: y[-1] + y.sum(0),
    "y[1:]": lambda y: y[1:],
    "y[::-1]": lambda y: y[::-1],
}

SLICES = [
    lambda y: y[-1:],
    lambda y: y[-2:],
    lambda y: y[-3:-1],
    lambda y: y[:-1][-1:],
    lambda y: y[-2:, 1],
    lambda y: y[::-1][:2],
    lambda y: y[-4:][::-2],
    lambda y: y[:, 0][-2:],
    lambda y: y[:-3:-1],
    lambda y: y[-1:, None, :2],
]


def optimized(outputs, inputs=INPUTS):
    return passes.run(lower(Signature.of(inputs, outputs)).function, checked=True)


def kept(outputs, inputs=INPUTS):
    return [
        kind
        for i in walk(optimized(outputs, inputs).block)
        if i.op.name == "scan"
        for kind, _ in i.attrs["outs"]
    ]


def full(scan, steps):
    """All rows of a scan, by the interpreter on the IR before the passes."""
    (y,), _ = run(lower(Signature.of(INPUTS, [SCANS[scan]()])).function, given(steps))
    assert len(y) == steps
    return y


def wanted(read, y):
    """What NumPy reads, or IndexError."""
    try:
        return np.asarray(read(y))
    except IndexError:
        return IndexError


@pytest.mark.slow
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("scan", SCANS)
def test_the_last_rows_are_kept(scan, name):
    read, count = READS[name]
    function = optimized([read(SCANS[scan]())])
    outs = [kind for i in walk(function.block) if i.op.name == "scan" for kind, _ in i.attrs["outs"]]
    assert outs == ["final"] * count
    for steps in (0, 1, 2, 3, 4, 7):
        expected = wanted(read, full(scan, steps))
        if expected is IndexError:
            with pytest.raises(IndexError):
                run(function, given(steps))
        else:
            (got,), _ = run(function, given(steps))
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("name", READS)
def test_the_last_rows_in_c(name):
    read, _ = READS[name]
    f = tgen.function(INPUTS, [read(make()) for make in SCANS.values()])
    for steps in (0, 1, 2, 3, 4, 7):
        expected = [wanted(read, full(scan, steps)) for scan in SCANS]
        if any(e is IndexError for e in expected):
            with pytest.raises(IndexError):
                f(*given(steps))
            continue
        for scan, got, array in zip(SCANS, f(*given(steps)), expected, strict=True):
            assert got.shape == array.shape, scan
            np.testing.assert_allclose(got, array, rtol=1e-12, atol=1e-14, err_msg=scan)


@pytest.mark.parametrize("name", MORE)
def test_what_is_read_beside_the_last_rows_is_kept_once(name):
    read = MORE[name]
    assert kept([read(SCANS["a state"]())]) == ["history"] and kept([read(SCANS["not fed back"]())]) == [
        "stack"
    ]


@pytest.mark.slow
def test_the_last_place_by_the_number_of_steps():
    y = SCANS["a state"]()
    assert kept([y[n - 1]]) == kept([y[n - 1 : n]]) == kept([y[n - 1 :]]) == ["final"]
    f = tgen.function(INPUTS, [y[n - 1], y[n - 1 :]], on_unused_input="ignore")
    for a, b in zip(f(*given(4)), [full("a state", 4)[3], full("a state", 4)[3:]], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    with pytest.raises(IndexError):
        f(*given(0))
    assert kept([y[n - 2]]) == ["history"]  # of one step this is y[-1], the only row
    np.testing.assert_allclose(
        tgen.function(INPUTS, y[n - 2], on_unused_input="ignore")(*given(1)),
        full("a state", 1)[0],
        rtol=1e-13,
    )


def test_registers_that_are_there_are_used():
    """Of three taps the carries are the last three rows."""
    scans = [i for i in walk(optimized([SCANS["three taps"]()[-3:]]).block) if i.op.name == "scan"]
    assert [(i.attrs["carries"], sorted(k for _, k in i.attrs["outs"])) for i in scans] == [(3, [0, 1, 2])]


def test_few_steps_are_kept_as_they_are():
    """Registers of rows that are half of all steps would save nothing."""
    y, _ = tgen.scan(lambda a: T.tanh(a), None, start, n_steps=4)
    z, _ = tgen.scan(lambda a: T.tanh(a), None, start, n_steps=40)
    assert kept([y[-1:]]) == kept([z[-1:]]) == kept([z[-2]]) == ["final"] and kept([y[-2]]) == ["history"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(48))
def test_ends_of_random_scans(seed):
    """Against a plain loop; every eighth in C too."""
    program, rng = random_scan(seed), np.random.default_rng(seed)
    arrays, shared = random_values(program, seed)
    variables = [tgen.shared(value, f"u{k}") for k, value in enumerate(shared)]
    inputs, outputs, updates = symbolic(program, variables)
    reads = [[SLICES[k] for k in rng.integers(0, len(SLICES), 2)] for _ in outputs]
    ends = [read(y) for y, some in zip(outputs, reads) for read in some]
    function = passes.run(lower(Signature.of(inputs, ends, list(updates.items()))).function, checked=True)
    made = [run(function, arrays, shared)[0]]
    if seed % 8 == 0:
        made.append(tgen.function(inputs, ends, updates=updates, on_unused_input="ignore")(*arrays))
    rows_of = [np.asarray(y).reshape(-1, 3) for y in plain_loop(program, arrays, shared)[0]]
    expected = [read(y) for y, some in zip(rows_of, reads) for read in some]
    for results in made:
        for got, array in zip(results, expected, strict=True):
            assert got.shape == array.shape
            np.testing.assert_allclose(got, array, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_the_last_value_kept_twice():
    """The state after the last step, and the last row of the history of the same loop."""
    (q,) = loop([state], [T.tanh(state)], [start], [], n)
    final = tgen.fori(n, lambda i, a: T.tanh(a), start)
    agree([start, n], [q[-1], q[-2], final], [START, np.int64(4)])
    w = tgen.shared(START)
    y, updates = tgen.scan(lambda: (w * 2, {w: w + 1}), n_steps=n)
    f = tgen.function([n], y[-1], updates=updates)
    assert kept([y[-1], *updates.values()], [n]) == ["final", "final"]
    np.testing.assert_array_equal(f(3), (START + 2) * 2)
    np.testing.assert_array_equal(w.get_value(), START + 3)


@pytest.mark.slow
def test_in_a_loop_and_in_a_branch():
    inner = lambda r: tgen.scan(lambda e, a: T.tanh(a + e), r, r[0])[0]  # noqa: E731
    y, _ = tgen.scan(lambda r: inner(r)[-2] + inner(r)[-1:].sum(), rows)
    z = tgen.ifelse(T.gt(n, 2), SCANS["a state"]()[-2], start)
    assert kept([y[-1]]) == ["final", "final", "final"] and kept([z]) == ["final"]
    agree(INPUTS, [y[-1], z], given(5), modes=("FAST_RUN",))
    agree(INPUTS, [z], given(1), modes=("FAST_RUN",))


@pytest.mark.slow
def test_gradients_keep_what_they_need():
    h = start
    y, _ = tgen.scan(
        lambda r, a, b: T.tanh(a - b) + r, rows, dict(initial=T.stack([h, h * 2]), taps=[-1, -2])
    )
    agree(INPUTS, [y[-2], *T.grad((y[-2] * y[-1]).sum() + y[-1:].sum(), [rows, h])], given(5))


def test_a_long_loop_takes_no_more_memory():
    """A million steps of ten columns: rows of 80 bytes, those kept and what joins them."""
    for read in (lambda y: y[-1:], lambda y: y[-2], lambda y: y[-4:].sum(0)):
        function = optimized([read(SCANS["a state"]()), read(SCANS["not fed back"]())])
        (length, width), (other,) = (function.block.params[k].type.shape for k in (0, 1))
        sizes = {dims.lone(length): 10**6, dims.lone(width): 10, dims.lone(other): 10}
        sizes[dims.symbol("a0")] = 10**6
        work = [dims.evaluate(size, sizes) for size in plan(function).work]
        assert 80 <= sum(work) < 2000


# -- carries that are others some steps later ----------------------------------------------------------------


def chain():
    """Two registers behind a carry, from the last to the first and the other way round; the ends of all are
    read.
    """
    p, q, r = loop(
        [state, other, more], [other, more, T.tanh(more) - state], [start, start * 2, start * 3], [], n
    )
    a, b, c = loop(
        [state, other, more], [T.sin(state) + more, state, other], [start, start * 2, start * 3], [], n
    )
    return [p[-1], q[-1], r[-1], a[-1], b[-1], c[-1]]


def chain_with_history():
    """All rows of the first one are kept, and of one in the middle."""
    a, b, c = loop(
        [state, other, more], [T.sin(state) + more, state, other], [start, start * 2, start * 3], [], n
    )
    p, q, r = loop(
        [state, other, more], [T.cos(state) + more, state, other], [start, start * 2, start * 3], [], n
    )
    return [a, b[-1], c[-1], p[-1], q, r[-1]]


def two_behind_one():
    a, b, c = loop(
        [state, other, more],
        [T.sin(state) * other + more, state, state],
        [start, start * 2, start * 3],
        [],
        n,
    )
    return [a[-1], b[-1], c[-1], c[-2]]


def in_a_circle():
    a, b, c = loop(
        [state, other, more], [other, state, T.tanh(more) + state], [start, start * 2, start * 3], [], n
    )
    return [a[-1], b[-1], c[-1]]


def behind_a_sequence():
    a, b, _ = loop([state, other, x], [x, state], [start, start * 2], [rows], rows.shape[0], [other * 2])
    return [a[-1], b[-1]]


def numbers():
    s, t = T.dscalar("s"), T.dscalar("t")
    a, b = loop([s, t], [T.sin(s) + t, s], [number, number * 2], [], n)
    return [a[-1], b[-1], b[-2]]


def stopped_chain():
    a, b, c = loop(
        [state, other, more],
        [T.sin(state) + more, state, other],
        [start, start * 2, start * 3],
        [],
        100,
        until=T.gt(T.sum(T.sin(state) + more) ** 2, 30.0),
    )
    return [a[-1], b[-1], c[-1]]


def stopped_chain_with_history():
    a, b, c = loop(
        [state, other, more],
        [state * 1.1 + more * 0.1, state, other],
        [start, start * 2, start * 3],
        [],
        100,
        until=T.gt(T.sum(T.sqr(state)), 2000.0),
    )
    return [a, b[-1], c[-1]]


CHAINS = [
    chain,
    chain_with_history,
    two_behind_one,
    in_a_circle,
    behind_a_sequence,
    numbers,
    stopped_chain,
    stopped_chain_with_history,
]


@pytest.mark.slow
@pytest.mark.parametrize("program", CHAINS, ids=lambda p: p.__name__)
def test_registers_in_c(program):
    outputs = program()
    agree(INPUTS, outputs, given(6))
    f = tgen.function(INPUTS, outputs, on_unused_input="ignore")
    for steps in (1, 2, 3, 4, 5):
        results = run(lower(Signature.of(INPUTS, outputs)).function, given(steps))[0]
        for got, array in zip(f(*given(steps)), results, strict=True):
            np.testing.assert_allclose(got, array, rtol=1e-12)
    with in_parts():
        agree(INPUTS, outputs, given(5), modes=("FAST_RUN",))


@pytest.mark.slow
def test_no_warnings():
    for outputs in [program() for program in CHAINS] + [
        [read(make()) for make in SCANS.values()] for read, _ in READS.values()
    ]:
        assert warnings(c_text(INPUTS, outputs)) == ""
