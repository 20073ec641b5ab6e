"""scan and cond below the user's functions: the primitive at every stage, in C alone and on a team, against
the interpreter; what a loop keeps; signals.
"""

import os
import signal
import threading

import numpy as np
import pytest
from compiled import agree, in_parts

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.core.op import OPS
from tgen.graph.closure import close
from tgen.graph.nodes import apply_op
from tgen.ir.rebuild import walk
from tgen.lower import lower
from tgen.lower.signature import Signature

RNG = np.random.default_rng(3)
X, H, W = RNG.standard_normal((4, 3)), RNG.standard_normal(3), RNG.standard_normal((3, 3)) * 0.5


def loop(params, yields, first, sequences, steps, extra=(), until=None, sums=()):
    """The histories of the carries, then the stacks of ``extra`` and the sums of ``sums``."""
    yields = [*yields, *extra, *sums]
    body, captured = close(params, [*yields, *([until] if until is not None else [])])
    kinds = ["history"] * len(first) + ["stack"] * len(extra) + ["sum"] * len(sums)
    attrs = {
        "carries": len(first),
        "sequences": len(sequences),
        "outs": tuple(zip(kinds, range(len(kinds)))),
        "until": until is not None,
    }
    return apply_op(
        OPS["scan"], [*first, *sequences, *captured, T.as_tensor_variable(steps)], attrs, None, (body,)
    )


def final(inputs, outputs):
    """The instructions after the passes."""
    return list(walk(passes.run(lower(Signature.of(inputs, outputs)).function).block))


x, h, v, a, b = T.dmatrix("x"), T.dvector("h"), T.dvector("v"), T.dscalar("a"), T.dscalar("b")
n = T.lscalar("n")
w = T.dmatrix("w")
row, state, other, number = T.dvector("row"), T.dvector("state"), T.dvector("other"), T.dscalar("number")


def recurrent():
    hs, ys = loop([state, row], [T.tanh(T.dot(state, w) + row)], [h], [x], x.shape[0], [state * 2])
    cost = (hs[1:] ** 2).sum() + ys.sum()
    return [x, h, w], [hs, ys, *T.grad(cost, [w, h, x])], [X, H, W]


def last_only():
    (hs,) = loop([state, row], [T.tanh(T.dot(state, w) + row)], [h], [x], x.shape[0])
    return [x, h, w], [hs[-1], *T.grad((hs[-1] ** 2).sum(), [w, h, x])], [np.asfortranarray(X), H, W]


def twice():
    (hs,) = loop([state, row], [T.tanh(T.dot(state, w) + row)], [h], [x], x.shape[0])
    g = T.grad((hs[1:] ** 2).sum(), [w, h])
    return [x, h, w], T.grad((g[0] ** 2).sum() + (g[1] ** 2).sum(), [w, h, x]), [X, H, W]


def shifted():
    p, q = loop([state, other], [other, state + other], [h, v], [], n)
    return [h, v, n], [p, q, p[-1], q[-1], *T.grad(q[-1].sum(), [h, v])], [H, H + 1, np.int64(5)]


def scalars():
    p, q = loop([a, b], [b, a + b], [a * 1, b * 1], [], n)
    return [a, b, n], [p, q, q[-1], *T.grad(q[-1], [a, b])], [np.float64(1), np.float64(2), np.int64(9)]


def nested():
    (inner,) = loop([a, b], [a * 0.5 + b], [number], [v], v.shape[0])
    (outer,) = loop([number, v], [inner[-1] + 1], [a], [x], x.shape[0])
    g = T.grad((outer**2).sum(), [x, a])
    return [x, a], [outer, *g, T.grad(g[1], a)], [X, np.float64(0.3)]


def until():
    p, q = loop([state], [state * 2], [h], [], n, [state.sum()], until=T.gt((state * 2).sum(), 200.0))
    return [h, n], [p, q, T.grad(p.sum(), h)], [np.ones(3), np.int64(100)]


def written_in_place():
    place = T.lscalar("place")
    p, _ = loop(
        [state, place],
        [T.set_subtensor(state[place], state[place - 1] + 1), place + 1],
        [h, T.as_tensor_variable(np.int64(1))],
        [],
        n,
    )
    return [h, n], [p[-1]], [H, np.int64(2)]


def found_inside():
    (p,) = loop([number, row], [number + row[T.gt(row, 0).nonzero()].sum()], [a], [x], x.shape[0])
    return [x, a], [p, T.grad(p[-1], x)], [X, np.float64(0)]


def summed():
    m = T.dmatrix("m")
    p, total, small = loop(
        [state, row],
        [state + row],
        [h],
        [x],
        x.shape[0],
        sums=[T.outer(state, row) * 2 + m, (state * row).sum()],
    )
    return [x, h, m], [p, total, small, *T.grad(total.sum() * small, [x, h, m])], [X, H, W]


def steady():
    p, q, kept = loop(
        [state, other], [T.tanh(state) * T.exp(v) + other, other], [h, h * 2], [], n, extra=[other + state]
    )
    return [h, v, n], [p, q, kept, *T.grad((p**2).sum() + kept.sum(), [h, v])], [H, H * 0.1, np.int64(3)]


def branches():
    yes, total = apply_op(
        OPS["ifelse"], [T.lt(n, 4), x[n] * 2, h.sum(), T.exp(h), T.exp(h).sum()], {"count": 2}
    )
    return [x, h, n], [yes, total], [X, H, np.int64(2)]


def branch_in_loop():
    place = T.lscalar("place")
    (picked,) = apply_op(OPS["ifelse"], [T.lt(place, 2), T.exp(state), state - T.dot(w, state)], {"count": 1})
    (p,) = loop([state, place], [picked], [h], [T.arange(n)], n)
    return [h, w, n], [p, T.grad(p[-1].sum(), h)], [H, W, np.int64(4)]


PROGRAMS = [
    recurrent,
    last_only,
    twice,
    shifted,
    scalars,
    nested,
    until,
    written_in_place,
    found_inside,
    summed,
    steady,
    branches,
    branch_in_loop,
]


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_loop_in_c(program):
    inputs, outputs, values = program()
    agree(inputs, outputs, values)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_loop_in_parts_on_a_team(program):
    inputs, outputs, values = program()
    with in_parts():
        agree(inputs, outputs, values, modes=("FAST_RUN",))


@pytest.mark.slow
@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("program", [shifted, scalars, until, steady], ids=lambda p: p.__name__)
def test_no_step_and_few(program, steps):
    inputs, outputs, values = program()
    if program is scalars or program is shifted:
        # the last row of none is an IndexError
        outputs = [o for o in outputs if o.ndim][:2] if steps == 0 else outputs
    agree(inputs, outputs, [*values[:-1], np.int64(steps)], modes=("FAST_RUN",))


@pytest.mark.slow
def test_empty_sequence():
    (hs,) = loop([state, row], [T.tanh(T.dot(state, w) + row)], [h], [x], x.shape[0])
    agree([x, h, w], [hs, *T.grad(hs.sum(), [w, h, x])], [X[:0], H, W], modes=("FAST_RUN",))


def test_only_the_last_value_is_kept():
    (hs,) = loop([state], [T.tanh(state)], [h], [], n)
    outs = [i.attrs["outs"] for i in final([h, n], [hs[-1]]) if i.op.name == "scan"]
    assert outs == [(("final", 0),)]


def test_products_leave_the_loop():
    """Of a recurrent net only the product with the state stays, one a step each way; the gradient of a weight
    is one product after the loop.
    """
    inputs, (_, _, gw, _, _), _ = recurrent()
    instrs = final(inputs, [gw])
    loops = [i for i in instrs if i.op.name == "scan"]
    assert len(loops) == 2
    assert [sum(i.op.name in ("gemv", "gemm") for i in walk(s.blocks[0])) for s in loops] == [1, 1]
    assert sum(i.op.name == "gemm" for i in instrs) == 1


def test_the_forward_loop_runs_once():
    """The gradient's twin, which keeps more, and the scan itself are one loop."""
    inputs, outputs, _ = recurrent()
    assert sum(i.op.name == "scan" for i in final(inputs, outputs)) == 2


def test_a_branch_not_taken_does_not_run():
    inputs, outputs, values = branches()
    f = tgen.function(inputs, outputs)
    assert np.allclose(f(X, H, 9)[0], np.exp(H))  # x[9] is out of bounds, and not read
    with pytest.raises(IndexError):
        f(X, H, -7)


def test_an_error_names_the_step():
    index = T.lvector("index")
    k = T.lscalar("k")
    (picked,) = loop([k], [], [], [index], index.shape[0], [v[k]])
    f = tgen.function([v, index], picked)
    with pytest.raises(IndexError, match=r"index 7 .* in step 2 of the scan"):
        f(H, [0, 1, 7, 2])


def test_rows_of_different_lengths_are_refused():
    (positive,) = loop([row], [], [], [x], x.shape[0], [row[T.gt(row, 0).nonzero()]])
    with pytest.raises(TypeError, match="one size"):
        tgen.function([x], positive)


def test_ctrl_c_ends_a_long_loop_and_commits_nothing():
    s = tgen.shared(1.0)
    (p,) = loop([a], [a * 1.0000001], [s * 1], [], n)
    f = tgen.function([n], p[-1], updates=[(s, s + p[-1])])
    f(10)
    before = s.get_value()
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    # a process started in the background ignores it
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            f(10**12)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert s.get_value() == before
    timer.join()


def test_state_in_a_loop_is_seen_only_when_the_call_ends():
    """An update computed by a loop that fails half way leaves the old value."""
    s = tgen.shared(H)
    index = T.lvector("index")
    k = T.lscalar("k")
    (p,) = loop([state, k], [T.inc_subtensor(state[k], 1.0)], [s], [index], index.shape[0])
    f = tgen.function([index], [], updates=[(s, p[-1])])
    with pytest.raises(IndexError):
        f([0, 1, 9])
    assert np.array_equal(s.get_value(), H)
    f([0, 0, 1])
    assert np.array_equal(s.get_value(), H + [2, 1, 0])


def test_the_program_key_reads_bodies():
    """Two loops that differ in their bodies alone are two programs."""
    (p,) = loop([a], [a * 2], [a * 1], [], n)
    (q,) = loop([a], [a * 3], [a * 1], [], n)
    f, g = tgen.function([a, n], p), tgen.function([a, n], q)
    assert f(1.0, 2).tolist() == [1, 2, 4] and g(1.0, 2).tolist() == [1, 3, 9]
