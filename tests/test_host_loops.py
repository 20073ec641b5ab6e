"""Python inside loops and branches: once a step, in order, sizes found anew in each, exceptions that name the
step, Ctrl-C.
"""

import io
import signal
import time
from contextlib import redirect_stdout

import numpy as np
import pytest
from compiled import agree, in_parts
from tgen.printing import Print
from tgen.tensor.opt import Assert
from userops import Calls, Cube, Fails, SizedCube, Where

import tgen
import tgen.tensor as T
from tgen.backends.c import host
from tgen.graph.nodes import user_line

X, V, W, N = T.dmatrix("x"), T.dvector("v"), T.dvector("w"), T.lscalar("n")
MODES = ("FAST_RUN", "FAST_COMPILE", "DebugMode", "INTERPRET")
ONCE = ("FAST_RUN", "FAST_COMPILE", "INTERPRET")  # those that run a program's Python once a call
A, B = T.dscalars("ab")


def printed(f, *values):
    out = io.StringIO()
    with redirect_stdout(out):
        result = f(*values)
    return out.getvalue().splitlines(), result


@pytest.mark.slow
@pytest.mark.parametrize("op", [Cube(), SizedCube()], ids=["found sizes", "inferred sizes"])
def test_an_op_in_each_step(op):
    states, _ = tgen.scan(lambda row, h: op(h * 0.5) + row, sequences=[X], outputs_info=[V])
    mapped, _ = tgen.map(lambda row: op(row).sum(), [X])
    agree(
        [X, V],
        [states, states[-1], mapped, op(states[-1])],
        [np.linspace(-1, 1, 12).reshape(4, 3), np.ones(3)],
    )
    agree([X, V], [states, mapped], [np.zeros((0, 3)), np.ones(3)])


@pytest.mark.slow
@pytest.mark.parametrize("op", [Cube(), SizedCube()], ids=["found sizes", "inferred sizes"])
def test_gradient_through_the_steps(op):
    states, _ = tgen.scan(lambda h, w: op(h) * w, outputs_info=[V], non_sequences=[W], n_steps=3)
    g = tgen.grad(states[-1].sum(), [V, W])
    v, w = np.array([1.1, 0.9]), np.array([0.5, 1.0])
    got = tgen.function([V, W], g)(v, w)
    assert np.allclose(got[0], 27 * v**26 * w**13) and np.allclose(got[1], 13 * v**27 * w**12)


@pytest.mark.parametrize("mode", MODES)
def test_sizes_found_anew_in_each_step(mode):
    sums, _ = tgen.scan(lambda row: Where(0.0)(row)[0].sum() + Where(1.0)(row)[1], sequences=[X])
    x = np.array([[1.0, 2, 3], [-1, -2, -3], [-1, 5, 1]])
    f = tgen.function([X], sums, mode=mode)
    for _ in range(3):
        assert f(x).tolist() == [8, 0, 7]


def test_no_block_is_lost_between_steps():
    rows, _ = tgen.scan(lambda row: Where(0.0)(row)[0].sum(), sequences=[X])
    f = tgen.function([X], rows)
    x = np.ones((6, 20000))
    f(x)
    before = host.pool_stats()["living"]
    for _ in range(4):
        f(x)
    assert host.pool_stats()["living"] == before


def test_prints_of_steps_in_order():
    show, end = Print("h", ("__str__",)), Print("end", ("shape",))
    states, _ = tgen.scan(lambda i, h: show(h) * 2 + i, sequences=[T.arange(N)], outputs_info=[A])
    f = tgen.function([N, A], end(states))
    for _ in range(2):
        lines, result = printed(f, 3, 1.0)
        assert lines == [
            "h __str__ = 1.0",
            "h __str__ = 2.0",
            "h __str__ = 5.0",
            "end shape = (3,)",
        ] and result.tolist() == [2, 5, 12]
    assert printed(f, 0, 1.0)[0] == ["end shape = (0,)"]
    nested, _ = tgen.scan(
        lambda row: tgen.scan(lambda e: Print("e")(e), sequences=[row])[0].sum(), sequences=[X]
    )
    assert [line.split()[-1] for line in printed(tgen.function([X], nested), [[1.0, 2], [3, 4]])[0]] == [
        "1.0",
        "2.0",
        "3.0",
        "4.0",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ONCE)
def test_loops_branches_and_prints_keep_their_order(mode):
    late = Print("late", ("ndim",))(T.dot(T.exp(T.exp(X).sum(axis=1)), X).sum())
    steps, _ = tgen.scan(lambda e: Print("step", ("ndim",))(e), sequences=[V])
    branch = tgen.ifelse(A > 0, Print("branch", ("ndim",))(A * 2), A)
    f = tgen.function([X, V, A], [late, steps, branch, Print("end", ("ndim",))(A)], mode=mode)
    assert [line.split()[0] for line in printed(f, np.ones((3, 4)), [1.0, 2], 1.0)[0]] == [
        "late",
        "step",
        "step",
        "branch",
        "end",
    ]


def test_what_does_not_change_is_computed_and_printed_once():
    calls = []
    counted = Calls(lambda: calls.append(1))
    sums, _ = tgen.scan(lambda e, c: e + Print("c")(c) * 0, sequences=[V], non_sequences=[counted(A)])
    lines, result = printed(tgen.function([V, A], sums), [1.0, 2, 3], 5.0)
    assert len(calls) == 1 and lines == ["c __str__ = 5.0"] and result.tolist() == [1, 2, 3]


@pytest.mark.parametrize("mode", MODES)
def test_exceptions_name_the_step_and_nothing_is_updated(mode):
    s = tgen.shared(np.zeros(()), "s")

    class Picky(Fails):
        def perform(self, node, inputs, output_storage):
            if inputs[0] == 3:
                raise LookupError("three")
            output_storage[0][0] = inputs[0]

    rows, _ = tgen.scan(lambda e: Picky()(e) * 2, sequences=[V])
    line = user_line()[1] - 1
    f = tgen.function([V], rows, updates=[(s, s + rows.sum())], mode=mode)
    assert f([1.0, 2]).tolist() == [2, 4] and s.get_value() == 6
    with pytest.raises(LookupError, match="three") as caught:
        f([1.0, 2, 3, 4])
    assert f"in Picky at {__file__}:{line}" in caught.value.__notes__ and s.get_value() == 6
    if mode != "DebugMode":
        assert f"in step 2 of the scan at {__file__}:{line}" in caught.value.__notes__


def test_asserts_name_the_step():
    rows, _ = tgen.scan(lambda e: Assert("must be small")(e, e < 3) * 2, sequences=[V])
    f = tgen.function([V], rows)
    assert f([1.0, 2]).tolist() == [2, 4]
    with pytest.raises(AssertionError, match="must be small; .*in step 3 of the scan"):
        f([1.0, 2, 0, 7])


@pytest.mark.slow
def test_only_the_branch_that_is_taken_runs():
    calls = []
    noisy = Calls(lambda: calls.append(1))
    f = tgen.function([A, V], tgen.ifelse(A > 0, noisy(V) * 2, Print("no", ("shape",))(V)))
    lines, result = printed(f, 1, [1.0])
    assert (lines, result.tolist(), calls) == ([], [2], [1])
    lines, result = printed(f, -1, [1.0])
    assert (lines, result.tolist(), calls) == (["no shape = (1,)"], [1], [1])
    some = tgen.ifelse(A > 0, Where(0.0)(V)[0], V)
    agree([A, V], [some * 2], [1.0, np.array([-1.0, 2])])
    agree([A, V], [some * 2], [-1.0, np.array([-1.0, 2])])


@pytest.mark.slow
def test_loops_on_a_team():
    with in_parts():
        states, _ = tgen.scan(lambda h: T.tanh(SizedCube()(h) + X), outputs_info=[X], n_steps=4)
        agree([X], [states[-1], states.sum()], [np.linspace(-1, 2, 2000).reshape(50, 40)])


def test_a_graph_op_and_a_print_in_a_gradient_of_steps():
    a, b = T.dscalars("ab")
    step = tgen.OpFromGraph(
        [a, b], [a * b], grad_overrides=["default", lambda inputs, gs: gs[0] * inputs[0] * 100]
    )
    states, _ = tgen.scan(
        lambda h, w: Print("h", ("ndim",))(step(h, w)), outputs_info=[A], non_sequences=[B], n_steps=2
    )
    f = tgen.function([A, B], tgen.grad(states[-1], [A, B]))
    lines, (ga, gb) = printed(f, 3.0, 5.0)
    assert ga == 25 and gb == 100 * 15 + 5 * 100 * 3 and set(lines) == {"h ndim = 0"}


@pytest.mark.slow
def test_an_interrupt_during_a_body_and_between_steps():
    s = tgen.shared(np.zeros(()), "s")
    bodies = []
    slow, _ = tgen.scan(
        lambda h: Calls(lambda: bodies.append(time.sleep(0.001)))(h) + 1, outputs_info=[A], n_steps=N
    )
    busy, _ = tgen.scan(lambda h: T.tanh(h + T.arange(10000.0)).sum() * 1e-4, outputs_info=[A], n_steps=N)
    for states in (slow, busy):
        f = tgen.function([A, N], states[-1], updates=[(s, s + 1)])
        f(1.0, 2)
        old = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                f(1.0, 10**6)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
    assert s.get_value() == 2 and len(bodies) < 10**5
