"""Which memory values have: consecutive elements of an argument are read where they lie; results never are
there.
"""

from itertools import combinations

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.ir.text import parse, printed
from tgen.passes.plan import plan, text

SUM = "kernel [n0*n1] (x0: float64[] = v1[@0]) sum(0) {\n yield x0\n }"
DOUBLE = "kernel [n0, n1] (x1: float64[] = {}[@0, @1]) map {{\n v9: float64[] = add x1, x1\n yield v9\n }}"
FLAT = "v1: float64[n0*n1] = reshape v0 <n0*n1> {ndim=1}"
UPDATED = "function (v0: float64[n0, n1]) updates v0 {"
# title -> (program, lines of its plan)
PLANS = {
    "a reshape of an argument is where it lies": (
        f"function (v0: float64[n0, n1]) {{\n {FLAT}\n v2: float64[] = {SUM}\n return v2\n}}",
        ["v1: float64[n0*n1] the memory of v0"],
    ),
    "a result is not": (
        f"function (v0: float64[n0, n1]) {{\n {FLAT}\n v2: float64[] = {SUM}\n return v1, v2\n}}",
        ["v1: float64[n0*n1] output 0"],
    ),
    "nor is a reshape of that": (
        f"function (v0: float64[n0, n1]) {{\n {FLAT}\n v2: float64[n1, n0] = reshape v1 <n1, n0> {{ndim=2}}\n"
        " return v1, v2\n}",
        ["v1: float64[n0*n1] output 0", "v2: float64[n1, n0] the memory of v1"],
    ),
    "rows of an argument": (
        "function (v0: float64[n0, n1], v1: float64[n1]) {\n v2: float64[3, n1] = rows v0 <1, 3>\n"
        " v3: float64[3] = gemv v2, v1 {ta=False}\n return v3\n}",
        ["v2: float64[3, n1] the memory of v0"],
    ),
}
# title -> (body of a scan over v1, which is a matrix; the type of what it stacks; whether its only carry is
# updated in place)
RESHAPED = "v2: float64[n0*n1] = reshape v1 <n0*n1> {ndim=1}\n"
LOOPS = {
    "in place": (f"v3: float64[n0, n1] = {DOUBLE.format('v1')}\n yield v3", "", True),
    "its reshape is read later": (
        f"{RESHAPED} v3: float64[n0, n1] = {DOUBLE.format('v1')}\n"
        " v4: float64[] = kernel [n0*n1] (x0: float64[] = v2[@0]) sum(0) {\n yield x0\n }\n yield v3, v4",
        "float64[n2]",
        False,
    ),
    "its reshape is kept": (
        f"{RESHAPED} v3: float64[n0, n1] = {DOUBLE.format('v1')}\n yield v3, v2",
        "float64[n2, n0*n1]",
        False,
    ),
    "its reshape is read at other places": (
        "v2: float64[n1, n0] = reshape v1 <n1, n0> {ndim=2}\n"
        " v3: float64[n0, n1] = kernel [n0, n1] (x1: float64[] = v2[@1, @0]) map {\n yield x1\n }\n yield v3",
        "",
        False,
    ),
}


def lines(function):
    _, names, _ = printed(function)
    return text(function, plan(function), names, lambda v: "").splitlines()


@pytest.mark.parametrize("title", PLANS)
def test_plans(title):
    source, wanted = PLANS[title]
    found = lines(parse(source))
    assert set(wanted) <= set(found), "\n".join(found)


@pytest.mark.parametrize("title", LOOPS)
def test_a_carry_is_overwritten_only_when_nothing_in_its_memory_is_read_again(title):
    body, stacked, in_place = LOOPS[title]
    kept = f"v8: {stacked}, " if stacked else ""
    outs = "(('stack', 1), ('final', 0))" if stacked else "(('final', 0),)"
    function = parse(
        f"function (v0: float64[n0, n1], v6: float64[n2]) {{\n {kept}v7: float64[n0, n1] = scan v0 <n2> "
        f"{{carries=1, outs={outs}, sequences=0, until=False}} (v1: float64[n0, n1]) {{\n {body}\n }}\n"
        f" return {'v8, ' if stacked else ''}v7\n}}"
    )
    assert bool(plan(function).in_place) == in_place, "\n".join(lines(function))


# -- programs ------------------------------------------------------------------------------------------------

X, N = T.dmatrix("x"), T.lscalar("n")
LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "every other row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed columns": lambda x: x[:, ::-1].copy()[:, ::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_read_where_it_lies_is_right_in_every_layout(layout):
    """Also beside an update of what is read, and results are nobody else's."""
    start = np.arange(24.0).reshape(6, 4)
    w = tgen.shared(start.copy(), "w")
    flat, rows, turned = X.reshape((-1,)), X[N : N + 2], w.reshape((4, 6))
    f = tgen.function(
        [X, N],
        [flat.sum(), flat, T.dot(rows, w[1:5]), T.dot(w[2:4].T, rows), T.dot(turned, X), turned],
        updates=[(w, w * 2 + turned.sum() + T.dot(w.reshape((6, 4)), X[:4]))],
    )
    x, held = LAYOUTS[layout](np.random.default_rng(3).normal(size=(6, 4))), w.get_value(borrow=True)
    before = x.copy()
    for n in (0, 3):
        old = w.get_value()
        got = f(x, n)
        wanted = [
            x.sum(),
            x.ravel(),
            x[n : n + 2] @ old[1:5],
            old[2:4].T @ x[n : n + 2],
            old.reshape(4, 6) @ x,
            old.reshape(4, 6),
        ]
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)
        np.testing.assert_allclose(w.get_value(), old * 2 + old.sum() + old @ x[:4], rtol=1e-13)
        arrays = [*got, x, w.get_value(borrow=True)]
        assert not any(np.shares_memory(p, q) for p, q in combinations(arrays, 2))
    assert np.array_equal(x, before) and np.array_equal(held, start)


def test_nothing_is_copied():
    """The C of a reshape and of rows of a C-contiguous argument moves no element."""
    w = tgen.shared(np.ones((6, 4)), "w")
    f = tgen.function([X, N], [X.reshape((-1,)).sum(), T.dot(X[N : N + 2], w[:4])])
    assert "memcpy(f->" not in f.fn.program.text()
    f(np.ones((6, 4)), 1)
