"""What a choice did not take reaches nobody: no value, no gradient, and of an ifelse not even an error."""

import numpy as np
import pytest
from fuzzing.generate import lowered

import tgen
import tgen.tensor as T
from tgen.core.op import OPS, SCALAR
from tgen.graph.nodes import Apply
from tgen.graph.walk import toposort
from tgen.ir.text import to_text
from tgen.pyops import Op
from tgen.tensor.elemwise import elemwise

x, y, p, m = T.dvectors("x", "y", "p", "m")
fx, s, i, k = T.fvector("fx"), T.dscalar("s"), T.lvector("i"), T.lscalar("k")
X = T.dmatrix("X")
INF, NAN = np.inf, np.nan


def gradient(e, wrt):
    return T.grad(e.sum(), wrt)


def rows(e, sequence):
    return tgen.scan(e, sequences=sequence)[0]


def guarded_norm(v):
    n = T.sqrt((v**2).sum(axis=1)).dimshuffle(0, "x")
    return T.switch(n > 0, v / n, 0.0)


def per_column(v):
    return T.switch(v.dimshuffle(0, "x") > 0, T.log(v).dimshuffle(0, "x") * y, 0.0)


# name -> (inputs, gradient, their values, the right gradient)
TABLE = {
    "elu": ([fx], gradient(T.nnet.elu(fx), fx), [[100, -1]], [1, 0.3678794]),
    "selu": ([fx], gradient(T.nnet.selu(fx), fx), [[100, -1]], [1.050701, 0.6467686]),
    "a mask of an argument": ([p, m], gradient(T.switch(m, -T.log(p), 0.0), p), [[0.5, 0], [1, 0]], [-2, 0]),
    "sqrt": ([x], gradient(T.switch(x > 0, T.sqrt(x), 0.0), x), [[-1, 0, 4]], [0, 0, 0.25]),
    "nan": ([x], gradient(T.switch(T.isnan(x), 0.0, x**2), x), [[NAN, 1]], [0, 2]),
    "tanh of nan": ([x], gradient(T.switch(T.isnan(x), 0.0, T.tanh(x)), x), [[NAN, 0]], [0, 1]),
    "exp": ([x], gradient(T.where(x < 1, T.exp(x), x), x), [[1000, 0]], [1, 1]),
    "huber": ([x], gradient(T.switch(abs(x) < 1, 0.5 * x**2, abs(x) - 0.5), x), [[INF, 0.5]], [1, 0.5]),
    "power": ([x], gradient(T.switch(x > 0, x**0.5, 0.0), x), [[0, 4]], [0, 0.25]),
    "reciprocal": ([x], gradient(T.switch(T.neq(x, 0), 1 / x, 0.0), x), [[0, 4]], [0, -1 / 16]),
    "unit": ([x], gradient(T.switch(T.neq(x, 0), x / abs(x) * x, 0.0), x), [[0, -4]], [0, -1]),
    "entropy": ([x], gradient(T.switch(x > 0, x * T.log(x), 0.0), x), [[0, 1]], [0, 1]),
    "entropy twice": ([x], gradient(gradient(T.switch(x > 0, x * T.log(x), 0.0), x), x), [[0, 4]], [0, 0.25]),
    "a choice in a choice": (
        [x],
        gradient(T.switch(x > 0, T.switch(x > 1, T.log(x - 1), T.sqrt(x)), T.exp(-1 / x)), x),
        [[1, 3, -1]],
        [0.5, 0.5, np.exp(1.0)],
    ),
    "two choices of one root": (
        [x],
        gradient(T.switch(x > 0, T.log(x), 0.0) + T.switch(x < 4, T.sqrt(4 - x), 0.0), x),
        [[0, 5, 3]],
        [-0.25, 0.2, 1 / 3 - 0.5],
    ),
    "maximum": ([x], gradient(T.maximum(T.sqrt(x), 0.5), x), [[0, 4]], [0, 0.25]),
    "clip": ([x], gradient(T.clip(T.log(x), -1, 1), x), [[0, 1]], [0, 1]),
    "largest": ([X], gradient(T.log(X).max(axis=1), X), [[[0, 2], [4, 0]]], [[0, 0.5], [0.25, 0]]),
    "guarded row norm": (
        [X],
        gradient(guarded_norm(X)[:, 0], X),
        [[[0, 0], [3, 4]]],
        [[0, 0], [0.128, -0.096]],
    ),
    "through dimshuffle and a slice": (
        [X],
        gradient(T.switch(X.T > 0, T.sqrt(X).T, 0.0)[:, 0], X),
        [[[0, 1], [4, 0]]],
        [[0, 0.5], [0, 0]],
    ),
    "through reshape": (
        [X],
        gradient(T.switch(X.flatten() > 0, T.sqrt(X).flatten(), 0.0), X),
        [[[0, 1], [4, 0]]],
        [[0, 0.5], [0.25, 0]],
    ),
    "through a broadcast": ([x, y], gradient(per_column(x), x), [[0, 1], [4, 0, 1]], [0, 5]),
    "through a sum": (
        [X, m],
        gradient(T.switch(m > 0, T.sqrt(X).sum(axis=1), 0.0), X),
        [[[0, 1], [4, 1]], [0, 1]],
        [[0, 0], [0.25, 0.5]],
    ),
    "through indices": (
        [x, i],
        gradient(T.switch(T.eq(i, 1), T.log(x)[i], 0.0), x),
        [[0, 2], [0, 1, 1]],
        [0, 1],
    ),
    "through a write": (
        [x],
        gradient(T.switch(x > 0, T.set_subtensor(T.sqrt(x)[:1], 3.0), 0.0), x),
        [[4, 0, 1]],
        [0, 0, 0.5],
    ),
    "through a join": (
        [x, y],
        gradient(T.switch(T.concatenate([x, y]) > 0, T.concatenate([T.log(x), y]), 0.0), x),
        [[0, 2], [1.0]],
        [0, 0.5],
    ),
    "through a stack": (
        [s],
        T.grad(T.switch(T.stack([s, s + 1]) > 0, T.stack([T.log(s), s]), 0.0).sum(), s),
        [0.0],
        1,
    ),
    "in a scan": (
        [x],
        gradient(rows(lambda r: T.switch(r > 0, T.sqrt(r), 0.0), x), x),
        [[-1, 0, 4]],
        [0, 0, 0.25],
    ),
    "in a scan with a state": (
        [x],
        gradient(
            tgen.scan(
                lambda r, h: T.switch(r > 0, h + T.sqrt(r), h), sequences=x, outputs_info=np.float64(0)
            )[0][-1],
            x,
        ),
        [[0, 4]],
        [0, 0.25],
    ),
    "in a scan, rows": (
        [X],
        gradient(rows(lambda r: T.switch(r > 0, r * T.log(r), 0.0), X), X),
        [[[0, 1], [1, 0]]],
        [[0, 1], [1, 0]],
    ),
    "of integers": ([i, x], gradient(T.switch(T.gt(i, 0), T.log(x) * i, 0.0), x), [[0, 1], [0, 2]], [0, 0.5]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_what_a_switch_did_not_take_has_no_gradient(name):
    inputs, g, values, wanted = TABLE[name]
    f = tgen.function(inputs, g, on_unused_input="ignore")
    np.testing.assert_allclose(f(*values), wanted, rtol=2e-7, atol=1e-12)


UNARY = sorted(
    name
    for name, op in OPS.items()
    if op.kind == SCALAR and op.arity == 1 and op.grad and name not in ("cast", "copy") and not op.identity
)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e300, -1e300, 5e-324, INF, -INF, NAN])


@pytest.mark.slow
def test_every_function_under_a_choice():
    """Where the slope of a function is finite it comes out; elsewhere the choice takes 0."""
    functions = [elemwise(name) for name in UNARY]
    slopes = tgen.function([x], [gradient(f(x), x) for f in functions])(SPECIAL)
    chosen = [T.switch(T.constant(np.isfinite(slope)), f(x), 0.0) for f, slope in zip(functions, slopes)]
    results = tgen.function([x], [gradient(e, x) for e in chosen])(SPECIAL)
    for name, got, slope in zip(UNARY, results, slopes):
        assert np.array_equal(got, np.where(np.isfinite(slope), slope, 0)), name


# What stands between a function and the choice: ways to make something else of a 4 x 3 matrix and its mask
WAYS = {
    "nothing": lambda v: v,
    "a transpose": lambda v: v.T,
    "a reshape": lambda v: v.reshape((2, 6)),
    "a flip": lambda v: v[::-1, 1:],
    "an index": lambda v: v[2],
    "rows at indices": lambda v: v[np.array([0, 2, 2, 3])],
    "elements at indices": lambda v: v[np.array([0, 2, 2]), np.array([1, 1, 1])],
    "a join": lambda v: T.concatenate([v, v], axis=1),
    "a stack": lambda v: T.stack([v, v]),
    "a repeat": lambda v: T.repeat(v, 2, axis=0),
    "a tile": lambda v: T.tile(v, (2, 1)),
    "a diagonal": lambda v: T.diagonal(v[:3]),
    "a scan": lambda v: tgen.scan(lambda r: r, sequences=v)[0],
    "split": lambda v: T.split(v, [1, 3], 2)[1],
    "roll": lambda v: T.roll(v, 1, axis=0),
}
FUNCTIONS = {"log": T.log, "sqrt": T.sqrt, "reciprocal": lambda v: 1 / v, "1.5th power": lambda v: v**-1.5}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_mask_takes_every_way(way):
    """switch(way(c), way(f(v)), 0) has the gradient of f where c holds, once for each time it is shown."""
    values = np.array([[0, 1, 2], [3, 0, 5], [6, 0, 8], [9, 10, 0]], float)
    c = values > 0
    move, v = WAYS[way], T.dmatrix("v")
    shown = tgen.function([v], gradient(move(v), v))(values)
    chosen = [
        T.switch(move(T.constant(c.astype("float64"))) > 0, move(f(v)), 0.0) for f in FUNCTIONS.values()
    ]
    results = tgen.function([v], [gradient(e, v) for e in chosen])(values)
    slopes = tgen.function([v], [gradient(f(v), v) for f in FUNCTIONS.values()])(np.where(c, values, 1))
    for name, got, slope in zip(FUNCTIONS, results, slopes):
        if way == "a scan":  # a loop gets the masked adjoint: its body is asked for 0
            got = np.where(c, got, 0)
        np.testing.assert_allclose(got, np.where(c, slope * shown, 0), rtol=1e-13, err_msg=name)


# What mixes the elements of a row: (its result, rows first) of a 3 x 4 matrix z and a 4 x 2 matrix w
MIXED = {
    "a sum": lambda z, w: z.sum(axis=1),
    "a product": lambda z, w: z.prod(axis=1),
    "the largest": lambda z, w: z.max(axis=1),
    "a mean": lambda z, w: z.mean(axis=1),
    "a deviation": lambda z, w: z.std(axis=1),
    "a norm": lambda z, w: z.norm(2, axis=1),
    "a running sum": lambda z, w: T.cumsum(z, axis=1),
    "a running product": lambda z, w: T.cumprod(z, axis=1),
    "a softmax": lambda z, w: T.nnet.softmax(z),
    "a log softmax": lambda z, w: T.nnet.logsoftmax(z),
    "a log-sum-exp": lambda z, w: T.logsumexp(z, axis=1),
    "a cross-entropy": lambda z, w: T.nnet.categorical_crossentropy(T.nnet.softmax(z), T.constant([0, 1, 2])),
    "a sorted row": lambda z, w: T.sort(z, axis=1),
    "the two largest": lambda z, w: T.topk(z, 2, axis=1),
    "a product with a matrix": T.dot,
    "a product with a vector": lambda z, w: T.dot(z, w[:, 0]),
    "a product from the left": lambda z, w: T.dot(w.T, z.T).T,
    "products of matrices": lambda z, w: T.batched_dot(z.dimshuffle(0, 1, "x"), z.dimshuffle(0, "x", 1)),
    "a convolution": lambda z, w: T.nnet.conv2d(
        z.dimshuffle(0, "x", "x", 1), w.dimshuffle(1, "x", "x", 0)[..., :2], border_mode="full"
    ),
    "a transposed convolution": lambda z, w: T.nnet.conv2d_transpose(
        z.dimshuffle(0, "x", "x", 1), w.dimshuffle("x", 1, "x", 0)[..., :2], (None, None, 1, 5)
    ),
    "a largest of windows": lambda z, w: T.signal.pool.pool_2d(z, (1, 2), ignore_border=True),
    "a mean of windows": lambda z, w: T.signal.pool.pool_2d(
        z, (1, 3), ignore_border=True, stride=(1, 1), mode="average_exc_pad"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("function", [T.sqrt, T.log, lambda v: v])
@pytest.mark.parametrize("way", MIXED)
def test_rows_that_a_choice_cuts_off_hold_anything(way, function):
    """The gradients in the other rows, and in a matrix they meet, are those without the rows cut off."""
    w, rows = T.dmatrix("w"), np.array([False, True, False])
    values = np.array([[0, -1, 2, NAN], [3, 7, 5, 6], [INF, 2, -INF, 0]])
    weights = np.array([[1, 0.5], [-2, 1], [0.25, 3], [1, 1]])
    z = MIXED[way](function(X), w)
    mask = T.constant(rows).dimshuffle(0, *["x"] * (z.ndim - 1))
    cost = T.switch(mask, T.sqr(z), 0.0).sum()
    g, g_w = T.grad(cost, [X, w], disconnected_inputs="ignore")
    f = tgen.function([X, w], [g, g_w, T.grad(T.sqr(g).sum(), X)], on_unused_input="ignore")
    got, plain = f(values, weights), f(np.where(rows[:, None], values, 1.0), weights)
    for one, other in zip(got, plain):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert (got[0][~rows] == 0).all() and got[0][1].any()


def test_a_mask_costs_one_choice():
    """Where all slopes on the way are constants the mask is applied once, and a sum has no use for it."""
    h, b = T.dmatrix("h"), T.dvector("b")
    g = gradient(T.switch(h + b > 0, h + b, 0.0) * 2, b)
    assert counted(g) == {"switch": 1 + 1, "sum": 1, "any": 0}  # one is asked for its shape only
    g = gradient(T.switch(h + T.exp(b) > 0, h + T.exp(b), 0.0) * 2, b)
    assert counted(g) == {"switch": 1 + 2, "sum": 1, "any": 1}
    g = gradient(T.nnet.elu(h), h)
    assert counted(g) == {"switch": 1 + 1, "sum": 0, "any": 0}  # one choice, not two and their sum
    x, w, v = T.dmatrix("x"), T.dmatrix("w"), T.dmatrix("v")
    hidden = T.nnet.relu(T.dot(x, w))
    g = T.grad(T.nnet.relu(T.dot(hidden, v)).sum(), w)
    # a net of rectifiers does not look for rows
    assert counted(g)["any"] == 0
    g = T.grad(T.clip(T.dot(x, w[:, 0]), 0, 1).sum(), w)
    # of what a clip leaves out nothing is masked
    assert counted(g) == {"switch": 1, "sum": 0, "any": 0}


def counted(v):
    names = [node.primitive.name for node in toposort([v])]
    return {name: names.count(name) for name in ("switch", "sum", "any")}


# -- ifelse --------------------------------------------------------------------------------------------------


class Twice(Op):
    """2 v, and the list ``calls`` of who ran."""

    __props__ = ("name",)
    calls = []

    def __init__(self, name):
        self.name = name

    def make_node(self, v):
        v = T.as_tensor_variable(v)
        return Apply(self, [v], [v.type()])

    def perform(self, node, inputs, cells):
        self.calls.append(self.name)
        cells[0][0] = np.asarray(2 * inputs[0])

    def infer_shape(self, node, shapes):
        return shapes

    def L_op(self, inputs, outputs, gradients):
        return [Twice(self.name + "'")(gradients[0]) + 0 * outputs[0]]


def ran(f, *values):
    Twice.calls.clear()
    results = f(*values)
    return [float(r) for r in results], set(Twice.calls)


def test_only_the_branch_taken_runs_forward_and_backward():
    o = tgen.ifelse(s > 0, T.exp(Twice("a")(T.exp(s))), T.tanh(Twice("b")(3 * s)))
    f = tgen.function([s], [o, T.grad(o**2, s), T.grad(T.grad(o**2, s), s)])
    for value, names in ((0.5, {"a", "a'", "a''"}), (-0.5, {"b", "b'", "b''"})):
        (out, first, second), called = ran(f, value)
        assert called == names
        above, below = (ran(f, value + d)[0] for d in (1e-6, -1e-6))
        assert first == pytest.approx((above[0] ** 2 - below[0] ** 2) / 2e-6, rel=1e-6)
        assert second == pytest.approx((above[1] - below[1]) / 2e-6, rel=1e-6)


_GUARDED = tgen.ifelse(k < x.shape[0], x[k] ** 2, s)
BRANCHES = {
    "a Hessian, out of range": (
        [x, k, s],
        T.hessian(_GUARDED, x)[0].sum() + _GUARDED,
        [x],
        [[1, 2], 5, 3.0],
        [[0, 0]],
    ),
    "a Hessian": (
        [x, k, s],
        T.hessian(_GUARDED * x[0], x)[0, 1] + _GUARDED,
        [x],
        [[1, 2], 1, 3.0],
        [[0, 4 + 2]],
    ),
    "an overflow": ([s], tgen.ifelse(s > 0, s + 1, T.exp(s)), [s], [1000.0], [1]),
    "an index out of range": (
        [x, k],
        tgen.ifelse(k < x.shape[0], x[k], T.constant(0.0)),
        [x],
        [[1, 2], 5],
        [[0, 0]],
    ),
    "an index in range": (
        [x, k],
        tgen.ifelse(k < x.shape[0], x[k] ** 2, T.constant(0.0)),
        [x],
        [[1, 2], 1],
        [[0, 4]],
    ),
    "an index out of range, used again": (
        [x, k],
        tgen.ifelse(k < x.shape[0], T.exp(x[k]) ** 2, T.constant(1.0)) * x.sum(),
        [x],
        [[1, 2], 5],
        [[1, 1]],
    ),
    "a branch in a branch": (
        [s],
        tgen.ifelse(s > 0, tgen.ifelse(s > 1, T.log(s - 1), T.log(s)), T.exp(s)),
        [s],
        [0.5],
        [2],
    ),
    "two values": (
        [s],
        T.mul(*tgen.ifelse(s > 0, [s * 2, T.log(s)], [s * 3, T.exp(s)])),
        [s],
        [-2.0],
        [-3 * np.exp(-2.0)],
    ),
    "a choice in a branch": (
        [x, k],
        tgen.ifelse(k > 0, T.switch(x > 0, T.sqrt(x), 0.0).sum(), x.sum()),
        [x],
        [[0, 4], 1],
        [[0, 0.25]],
    ),
    "a branch in a scan": (
        [x, y, i],
        tgen.scan(lambda v, j: tgen.ifelse(T.lt(j, y.shape[0]), T.exp(y[j]) * v, v), sequences=[x, i])[
            0
        ].sum(),
        [x, y],
        [[1, 2, 3], [0, 1], [0, 5, 1]],
        [[1, 1, np.e], [1, 3 * np.e]],
    ),
    "a scan in a branch": (
        [x, y, k],
        tgen.ifelse(
            k < 1,
            tgen.scan(lambda v, h: T.tanh(h * v + y[k]), sequences=x, outputs_info=np.float64(0.5))[0][-1],
            x.sum(),
        ),
        [x, y],
        [[1, 2], [3], 4],
        [[1, 1], [0]],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BRANCHES)
def test_the_branch_not_taken_has_no_gradient_and_no_error(name):
    inputs, cost, wrt, values, wanted = BRANCHES[name]
    results = tgen.function(inputs, T.grad(cost, wrt), on_unused_input="ignore")(*values)
    for got, w in zip(results, wanted):
        np.testing.assert_allclose(got, w, rtol=1e-12)


def test_both_sides_of_one_ifelse_share_what_they_need():
    """What both sides need runs once, before the ifelse; what two ifelses need runs in each that is taken."""
    w = Twice("w")(s)
    f = tgen.function([s], [tgen.ifelse(s > 0, w, w * w)])
    assert ran(f, 1.0) == ([2.0], {"w"}) and len(Twice.calls) == 1
    f = tgen.function([s, k], [tgen.ifelse(s > 0, w, s), tgen.ifelse(k > 0, w * w, s)])
    assert ran(f, -1.0, -1)[1] == set() and ran(f, 1.0, -1)[0] == [2.0, 1.0]
    assert ran(f, 1.0, 1) == ([2.0, 4.0], {"w"})


@pytest.mark.slow
def test_one_way_back_serves_all_that_a_branch_reads():
    """The gradients of what a branch reads are one ifelse, so nothing in the branch runs twice."""
    ws = [tgen.shared(np.full((3, 3), 0.1 * n), f"w{n}") for n in range(1, 6)]
    h = hidden = T.tanh(x)
    for n, w in enumerate(ws):
        h = Twice(f"h{n}")(T.tanh(T.dot(h, w)))
    cost = tgen.ifelse(k > 0, h.sum(), hidden.sum()) ** 2
    f = tgen.function([x, k], T.grad(cost, [x, *ws]))
    assert f.inspect("ir").count(" cond ") == 2  # forward, and backward with the forward part it needs
    Twice.calls.clear()
    f([1, 2, 3], 1)
    assert sorted(Twice.calls) == sorted([f"h{n}" for n in range(5)] * 2 + [f"h{n}'" for n in range(5)])
    Twice.calls.clear()
    results = f([1, 2, 3], 0)
    assert not Twice.calls and results[0].any() and not any(r.any() for r in results[1:])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [194, 200, 7, 40])
def test_what_branches_make_stands_in_one_order(seed):
    """Lowered again, a program has the same text: the key of the cache is made of it."""
    assert len({to_text(lowered(seed)[0]) for _ in range(6)}) == 1
