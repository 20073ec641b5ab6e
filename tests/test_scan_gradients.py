"""Gradients through scan, ifelse and fori: to second order against differences, truncated ones against steps
written out, Rop, Lop, jacobian, hessian.
"""

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.ir.interp import run
from tgen.loop import until
from tgen.lower import lower
from tgen.lower.signature import Signature

pytestmark = pytest.mark.slow

STEP = 1e-6
RNG = np.random.default_rng(3)
X, Y, H, H3, W = (RNG.normal(size=s) for s in ((4, 3), (2, 3), (3,), (3, 3), (3, 3)))
IDS = np.array([1, 3, 1, 0])


def scan(*args, **kwargs):
    return tgen.scan(*args, **kwargs)[0]


def last_of_inner(x, h, w, limit=None):
    def step(row, h):
        new = T.tanh(h * row + x)
        return new if limit is None else (new, until(new.sum() > limit))

    return scan(step, w, h)[-1]


def carried_shared(x):
    s = tgen.shared(np.ones(3))
    y, updates = tgen.scan(lambda row: (s * row, {s: T.sin(s) * row}), x)
    return updates[s].sum() + T.sqr(y).sum()


def stopped_shared(x):
    s = tgen.shared(np.ones(3))
    _, updates = tgen.scan(lambda row: ({s: T.sin(s) * row + 1}, until(s.sum() > 5)), x)
    return updates[s].sum()


CASES = {  # name -> (cost of the variables, their values)
    "recurrent net": (
        lambda x, h, w: T.sqr(scan(lambda x, h, w: T.tanh(T.dot(h, w) + x), x, h, w)).sum(),
        X,
        H,
        W,
    ),
    "last step only": (
        lambda x, h, w: scan(lambda x, h, w: T.tanh(T.dot(h, w) + x), x, h, w)[-1].sum(),
        X,
        H,
        W,
    ),
    "an expression from outside": (
        lambda x, h, w: scan(lambda x, h: T.tanh(T.dot(h, w * w) + x), x, h)[-1].sum(),
        X,
        H,
        W,
    ),
    "taps of a sequence": (
        lambda x, h: scan(lambda a, b, c, h: h * T.sin(a) + b * c, dict(input=x, taps=[1, -1, 0]), h).sum(),
        X,
        H,
    ),
    "the same backwards": (
        lambda x, h: scan(
            lambda a, b, c, h: h * T.sin(a) + b * c, dict(input=x, taps=[1, -1, 0]), h, go_backwards=True
        ).sum(),
        X,
        H,
    ),
    "taps of a state": (
        lambda x, h: scan(lambda x, a, b: a * T.sin(x) + b * a, x, dict(initial=h, taps=[-1, -3])).sum(),
        X,
        H3,
    ),
    "one far tap": (
        lambda x, h: scan(lambda x, a: a * T.sin(x) + a, x, dict(initial=h, taps=[-2]))[-1].sum(),
        X,
        Y,
    ),
    "two states and a stack": (
        lambda x, h, g: sum(
            T.sqr(y).sum()
            for y in scan(lambda x, h, g: [T.tanh(h * g + x), g * T.cos(h), x * h], x, [h, g, None])
        ),
        X,
        H,
        H + 1,
    ),
    "one of the outputs": (
        lambda x, h, g: scan(lambda x, h, g: [T.tanh(h * g + x), g * T.cos(h), x * h], x, [h, g, None])[2][
            1:
        ].sum(),
        X,
        H,
        H + 1,
    ),
    "until": (lambda x, h: scan(lambda x, h: (h * x + 1, until(h.sum() > 100)), x, h).sum(), X + 3, H),
    "until, a stack": (
        lambda x, h: scan(lambda x, h: ([h * x + 1, T.sin(x) * h], until(h.sum() > 100)), x, [h, None])[
            1
        ].sum(),
        X + 3,
        H,
    ),
    "until without a state": (
        lambda x: scan(lambda x: (T.sin(x) * x, until(x[0] > 2)), x).sum(),
        X + np.arange(4)[:, None],
    ),
    "nested": (lambda x, h, w: scan(lambda x, h: last_of_inner(x, h, w), x, h).sum(), X, H, W),
    "nested with until": (
        lambda x, h, w: scan(lambda x, h: last_of_inner(x, h, w, 0.3), x, h).sum(),
        X,
        H,
        W,
    ),
    "nested over one row": (
        lambda x, w: scan(
            lambda x: scan(lambda e, w, a: a * T.sin(e) + w.sum(), [x, w], np.float64(1))[-1], x
        ).sum(),
        X,
        W,
    ),
    "what scan keeps of until": (
        lambda x, h, w: scan(
            lambda x, h: scan(lambda w, h: (T.tanh(h * w + x), until(h.sum() > 1)), w, h).sum(0), x, h
        ).sum(),
        X,
        H,
        W,
    ),
    "map": (lambda x: tgen.map(lambda x: T.exp(x).sum() * x, x)[0].sum(), X),
    "foldr": (lambda x, h: tgen.foldr(lambda x, h: h * x + T.sin(h), x, h)[0].sum(), X, H),
    "fewer steps": (lambda x, h: scan(lambda x, h: h * x + T.sin(h), x, h, n_steps=2).sum(), X, H),
    "no steps": (
        lambda x, h: scan(lambda x, h: h * x + T.sin(h), x, h, n_steps=0).sum() + T.sqr(h).sum(),
        X,
        H,
    ),
    "one step": (lambda x, h: scan(lambda x, h: h * x + T.sin(h), x, h, n_steps=1).sum(), X, H),
    "two lengths": (lambda x, y, h: scan(lambda x, y, h: h * x + T.sin(h) * y, [x, y], h).sum(), X, Y, H),
    "looked up": (lambda e, ids, h: scan(lambda i, h: T.tanh(e[i] + h), ids, h).sum(), X, IDS, H),
    "an integer state": (
        lambda h: scan(lambda i, h: [i + 1, h * T.cos(i * 1.0)], None, [np.int64(0), h], n_steps=4)[1].sum(),
        H,
    ),
    "polynomial": (
        lambda c, x: scan(lambda c, i: c * x**i, [c, T.arange(c.shape[0])]).sum(),
        H,
        np.float64(1.3),
    ),
    "written in place": (
        lambda x, h: scan(lambda x, i, h: T.inc_subtensor(h[i], x.sum() * h[i]), [x, T.arange(3)], h).sum(),
        X,
        H,
    ),
    "fori": (
        lambda x, h: sum(T.sqr(v).sum() for v in tgen.fori(4, lambda i, a, b: (a * b + i, T.sin(a)), x, h)),
        H,
        H + 1,
    ),
    "one value twice": (
        lambda x, h: sum(
            (T.sqr(y) * k).sum() for k, y in enumerate(scan(lambda x, h: [h * x, h * x], x, [h, None]), 1)
        ),
        X,
        H,
    ),
    "a parameter as it is": (
        lambda x, h: sum(
            (T.sqr(y) * k).sum()
            for k, y in enumerate(scan(lambda x, h: [h * x, h, x], x, [h, None, None]), 1)
        ),
        X,
        H,
    ),
    "what every step reads, as it is": (
        lambda x, h, w: sum(T.sqr(y).sum() for y in scan(lambda x, h: [h * x, w], x, [h, None])),
        X,
        H,
        W,
    ),
    "a gradient in the step": (
        lambda x, h: scan(lambda x, h: h - 0.1 * T.grad((T.sin(h) * x).sum(), h), x, h).sum(),
        X,
        H,
    ),
    "rows of a jacobian": (
        lambda x: T.sqr(
            scan(lambda i, y: T.grad(y[i], x), T.arange(3), non_sequences=T.sin(x) * x.sum())
        ).sum(),
        H,
    ),
    "matrix products": (
        lambda x, h: scan(lambda x, h: T.dot(x, h), x, h).sum(),
        RNG.normal(size=(3, 2, 2)),
        RNG.normal(size=(2, 4)),
    ),
    "ifelse in a step": (
        lambda x, h: scan(lambda x, h: tgen.ifelse(x.sum() > 0, h * x, T.sin(h)), x, h).sum(),
        X,
        H,
    ),
    "ifelse, a stack": (
        lambda x, h: T.sqr(scan(lambda x: tgen.ifelse(x.sum() > 0, h * 2, T.sin(x)), x)).sum(),
        X,
        H,
    ),
    "scan in the branch taken": (
        lambda x, h: tgen.ifelse(h.sum() > -100, scan(lambda x, h: T.sin(h) * x, x, h), x * 2).sum(),
        X,
        H,
    ),
    "scan in the other branch": (
        lambda x, h: (
            tgen.ifelse(h.sum() < -100, scan(lambda x, h: T.sin(h) * x, x, h), x * 2).sum() + h.sum()
        ),
        X,
        H,
    ),
    "shared, updated": (carried_shared, X),
    "shared, updated until": (stopped_shared, X + 1),
    "found sizes in a step": (
        lambda x, h: scan(lambda x, h: h * T.sqr(x[T.nonzero(x > 0)]).sum() + T.sin(x), x, h).sum(),
        X,
        H,
    ),
}
COMPILED = [
    "recurrent net",
    "taps of a state",
    "until, a stack",
    "nested with until",
    "ifelse in a step",
    "looked up",
    "fori",
]


def variables(values):
    return [T.TensorType(v.dtype.name, (None,) * v.ndim)(f"in{k}") for k, v in enumerate(values)]


def interpreted(inputs, outputs):
    signature = Signature.of(inputs, outputs)
    function = lower(signature).function
    return lambda *values: run(function, values, [s.get_value() for s in signature.shared])[0]


def compiled(inputs, outputs):
    return tgen.function(inputs, outputs, on_unused_input="ignore")


def check(build, values, make, orders=2):
    """Gradients of the cost, and of a cost made of these, along random directions."""
    values = [np.asarray(v) for v in values]
    inputs = variables(values)
    wrt = [k for k, v in enumerate(values) if v.dtype.kind == "f"]
    cost = build(*inputs)
    for order in range(orders):
        gradients = T.grad(cost, [inputs[k] for k in wrt], disconnected_inputs="ignore")
        f, g = make(inputs, [cost]), make(inputs, gradients)
        for k, slope in zip(wrt, g(*values), strict=True):
            assert slope.shape == values[k].shape
            direction = RNG.normal(size=values[k].shape)
            up, down = (
                [v + scale * direction if i == k else v for i, v in enumerate(values)]
                for scale in (STEP, -STEP)
            )
            expected = (f(*up)[0] - f(*down)[0]) / (2 * STEP)
            assert abs((slope * direction).sum() - expected) <= 1e-5 * (1 + abs(expected)), (
                f"order {order + 1}, input {k}"
            )
        cost = sum((T.sqr(slope) * T.cos(slope)).sum() for slope in gradients)


@pytest.mark.parametrize("name", CASES)
def test_gradient(name):
    build, *values = CASES[name]
    check(build, values, interpreted)


@pytest.mark.parametrize("name", COMPILED)
def test_gradient_in_c(name):
    build, *values = CASES[name]
    check(build, values, compiled, orders=1)


# -- truncated -----------------------------------------------------------------------------------------------


def unrolled(x, h, w, steps):
    """The costs' sum when the last ``steps`` alone pass a gradient; what comes before them is a constant."""
    cost = 0
    for t in range(len(X)):
        if t < len(X) - steps:
            h = T.zero_grad(T.tanh(T.dot(h, w) + x[t]))
            cost += T.zero_grad(T.sqr(h).sum())
        else:
            h = T.tanh(T.dot(h, w) + x[t])
            cost += T.sqr(h).sum()
    return cost


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 9])
def test_truncated_gradient(steps):
    x, h, w = variables([X, H, W])
    y = scan(lambda x, h: T.tanh(T.dot(h, w) + x), x, h, truncate_gradient=steps)
    wanted = interpreted([x, h, w], T.grad(unrolled(x, h, w, steps), [x, h, w]))(X, H, W)
    got = interpreted([x, h, w], T.grad(T.sqr(y).sum(), [x, h, w]))(X, H, W)
    assert (
        wanted[0][-steps:].all()
        and not wanted[0][: max(len(X) - steps, 0)].any()
        and wanted[1].any() == (steps >= len(X))
    )
    for a, b in zip(got, wanted):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


# -- other derivatives ---------------------------------------------------------------------------------------


def test_rop_lop_jacobian_hessian():
    x, h, v, m = T.dmatrix("x"), T.dvector("h"), T.dvector("v"), T.dmatrix("m")
    y = scan(lambda x, h: T.tanh(h * x + T.sin(h).sum()), x, h)
    last, cost = y[-1], T.sqr(y).sum()
    f = interpreted([x, h], [last, T.grad(cost, h)])

    def slopes(number, k):
        columns = []
        for place in np.ndindex((X, H)[k].shape):
            points = []
            for step in (STEP, -STEP):
                point = [X.copy(), H.copy()]
                point[k][place] += step
                points.append(f(*point)[number])
            columns.append((points[0] - points[1]) / (2 * STEP))
        return np.stack(columns, -1).reshape((3, *(X, H)[k].shape))

    by_x, by_h, second = slopes(0, 0), slopes(0, 1), slopes(1, 1)
    wanted = [by_x, by_h, by_h @ W[0], np.tensordot(by_x, X, 2), W[0] @ by_h, second]
    outputs = [
        *T.jacobian(last, [x, h]),
        T.Rop(last, h, v),
        T.Rop(last, x, m),
        T.Lop(last, h, v),
        T.hessian(cost, h),
    ]
    for make in (interpreted, compiled):
        for a, b in zip(make([x, h, v, m], outputs)(X, H, W[0], X), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


def test_jacobian_of_what_has_no_batch_rule():
    h = T.dvector("h")
    got = T.jacobian(tgen.ifelse(h.sum() > 0, T.sort(h * h), h), h).eval({h: np.array([3.0, -1.0, 2.0])})
    assert got.tolist() == [[0, -2, 0], [0, 0, 4], [6, 0, 0]]


def test_a_gradient_is_shaped_like_its_variable_without_steps():
    x, h, w = variables([X, H, W])
    y = scan(lambda x, h: T.tanh(T.dot(h, w) + x), x, h)
    g = tgen.function([x, h, w], T.grad(T.sqr(y).sum(), [x, h, w]))
    assert [a.shape for a in g(np.zeros((0, 3)), H, W)] == [(0, 3), (3,), (3, 3)] and not g(
        np.zeros((0, 3)), H, W
    )[2].any()


def test_gradient_does_not_pass_until():
    """The steps made are those of the call; the condition passes nothing."""
    x = T.dvector("x")
    y = scan(lambda e, total: (total + e * e, until(total > 2)), x, np.float64(0))
    assert T.grad(y[-1], x).eval({x: np.array([1.0, 2.0, 3.0, 4.0])}).tolist() == [2, 4, 6, 0]


def test_an_undefined_gradient_in_a_step_is_named():
    x = T.dvector("x")
    y = scan(lambda e: T.cast(e, "int64"), x)
    assert T.grad(T.cast(y, "float64").sum(), x).eval({x: np.ones(3)}).tolist() == [0, 0, 0]
