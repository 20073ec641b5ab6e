"""Stable forms as people write them: values, first and second derivatives where plain floats have none."""

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.ir.text import to_text
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.dce import dce
from tgen.passes.stabilise import stabilise

pytestmark = pytest.mark.slow

FAR = [1000.0, 0.0, -1000.0]


def peak(x, **more):
    return T.max(x, axis=1, keepdims=True, **more)


def divided(e):
    return e / e.sum(axis=1, keepdims=True)


def shifted(x):
    return T.exp(x - peak(x))


def turned(e):
    return (e.T / e.sum(axis=1)).T


# name -> (what is written, what it is), functions of a matrix
WRITTEN = {
    "softmax": (lambda x: divided(T.exp(x)), T.nnet.softmax),
    "softmax made twice": (lambda x: T.exp(x) / T.exp(x).sum(axis=1, keepdims=True), T.nnet.softmax),
    "softmax, dimshuffle": (lambda x: T.exp(x) / T.exp(x).sum(axis=1).dimshuffle(0, "x"), T.nnet.softmax),
    "softmax, a new axis": (lambda x: T.exp(x) / T.exp(x).sum(axis=1)[:, None], T.nnet.softmax),
    "softmax, transposed": (lambda x: turned(T.exp(x)), T.nnet.softmax),
    "softmax along the first axis": (
        lambda x: T.exp(x) / T.exp(x).sum(axis=0),
        lambda x: T.nnet.softmax(x, axis=0),
    ),
    "softmax of all": (
        lambda x: T.exp(x) / T.exp(x).sum(),
        lambda x: T.nnet.softmax(x.flatten()).reshape(x.shape),
    ),
    "softmax, shifted": (lambda x: divided(shifted(x)), T.nnet.softmax),
    "softmax, shifted twice": (lambda x: shifted(x) / shifted(x).sum(axis=1, keepdims=True), T.nnet.softmax),
    "softmax, shifted by all": (lambda x: divided(T.exp(x - x.max())), T.nnet.softmax),
    "softmax, the shift held": (lambda x: divided(T.exp(x - T.disconnected_grad(peak(x)))), T.nnet.softmax),
    "softmax by the inverse": (
        lambda x: T.exp(x) * (1 / T.exp(x).sum(axis=1, keepdims=True)),
        T.nnet.softmax,
    ),
    "softmax by its log": (lambda x: T.exp(x - T.log(T.exp(x).sum(axis=1, keepdims=True))), T.nnet.softmax),
    "log-softmax": (lambda x: T.log(divided(T.exp(x))), T.nnet.logsoftmax),
    "log-softmax, shifted": (lambda x: T.log(divided(shifted(x))), T.nnet.logsoftmax),
    "log-softmax by the sum": (lambda x: x - T.log(T.exp(x).sum(axis=1, keepdims=True)), T.nnet.logsoftmax),
    "log-softmax by the sum, shifted": (
        lambda x: x - peak(x) - T.log(shifted(x).sum(axis=1, keepdims=True)),
        T.nnet.logsoftmax,
    ),
    "logsumexp": (lambda x: T.log(T.exp(x).sum(axis=1)), lambda x: T.logsumexp(x, axis=1)),
    "logsumexp of all": (lambda x: T.log(T.sum(T.exp(x))), T.logsumexp),
    "logsumexp, keepdims": (
        lambda x: T.log(T.exp(x).sum(axis=0, keepdims=True)),
        lambda x: T.logsumexp(x, axis=0, keepdims=True),
    ),
    "logsumexp, shifted": (
        lambda x: T.log(shifted(x).sum(axis=1, keepdims=True)) + peak(x),
        lambda x: T.logsumexp(x, 1, True),
    ),
    "logsumexp, shifted, dimshuffle": (
        lambda x: x.max(axis=1) + T.log(T.exp(x - x.max(axis=1).dimshuffle(0, "x")).sum(axis=1)),
        lambda x: T.logsumexp(x, axis=1),
    ),
    "logmeanexp": (lambda x: T.log(T.exp(x).mean(axis=1)), lambda x: T.logsumexp(x, axis=1) - np.log(3)),
    "two terms": (lambda x: T.log(T.exp(x[:, 0]) + T.exp(x[:, 1])), lambda x: T.logaddexp(x[:, 0], x[:, 1])),
    "three terms": (
        lambda x: T.log(T.exp(x[0]) + T.exp(x[1]) + T.exp(x[0])),
        lambda x: T.logsumexp(T.stack([x[0], x[1], x[0]]), axis=0),
    ),
    "one and the sum": (
        lambda x: T.log(1 + T.exp(x).sum(axis=1)),
        lambda x: T.logaddexp(0, T.logsumexp(x, axis=1)),
    ),
    "log1p of the sum": (
        lambda x: T.log1p(T.exp(x).sum(axis=1)),
        lambda x: T.nnet.softplus(T.logsumexp(x, axis=1)),
    ),
    "a class of reference": (
        lambda x: T.exp(x) / (1 + T.exp(x).sum(axis=1, keepdims=True)),
        lambda x: T.nnet.softmax(T.concatenate([x, T.zeros((2, 1))], axis=1))[:, :3],
    ),
    "picked first": (lambda x: T.exp(x)[:, 0] / T.exp(x).sum(axis=1), lambda x: T.nnet.softmax(x)[:, 0]),
    "cross-entropy": (
        lambda x: -T.log(divided(T.exp(x)))[T.arange(2), [1, 2]].mean(),
        lambda x: -T.nnet.logsoftmax(x)[[0, 1], [1, 2]].mean(),
    ),
    "cross-entropy, picked": (
        lambda x: -T.log(divided(T.exp(x))[T.arange(2), [1, 2]]),
        lambda x: -T.nnet.logsoftmax(x)[[0, 1], [1, 2]],
    ),
    "cross-entropy, one-hot": (
        lambda x: T.nnet.categorical_crossentropy(divided(shifted(x)), np.eye(3)[[1, 2]]),
        lambda x: -T.nnet.logsoftmax(x)[[0, 1], [1, 2]],
    ),
    "sigmoid": (lambda x: 1 / (1 + T.exp(-x)), T.nnet.sigmoid),
    "log-sigmoid": (lambda x: T.log(1 / (1 + T.exp(-x))), T.nnet.log_sigmoid),
    "the other class": (
        lambda x: T.log(1 - T.nnet.sigmoid(x).flatten()),
        lambda x: T.nnet.log_sigmoid(-x).flatten(),
    ),
    "either class": (
        lambda x: T.log(T.switch(np.eye(3, dtype=bool)[:2], T.nnet.sigmoid(x), 1 - T.nnet.sigmoid(x))),
        lambda x: T.nnet.log_sigmoid(x * (2 * np.eye(3)[:2] - 1)),
    ),
    "a mixture": (
        lambda x: T.log((T.nnet.softmax(x) * T.exp(x)).sum(axis=1)),
        lambda x: T.logsumexp(T.nnet.logsoftmax(x) + x, axis=1),
    ),
    "a product of probabilities": (
        lambda x: T.log(T.prod(T.nnet.sigmoid(x), axis=1)),
        lambda x: T.nnet.log_sigmoid(x).sum(axis=1),
    ),
}
POINTS = {
    "near": [[0.5, -0.25, 1.0], [2.0, -1.5, 0.0]],
    "far": [FAR, [0.0, 800.0, 3.0]],
    "alike": [[1000.0, 1000.0, 1000.0], [-900.0, -900.0, -900.0]],
}


def derivatives(build, point):
    """The value, its gradient under weights, the gradient of that under weights, and its slope in a
    direction.
    """
    x = T.dmatrix("x")
    z = build(x)
    first = T.grad((z.flatten() * (T.arange(z.size) + 1)).sum(), x)
    second = T.grad((first.flatten() * (T.arange(x.size) + 1)).sum(), x, disconnected_inputs="ignore")
    ahead = T.Rop(z, x, T.constant([[1.0, -2.0, 0.5], [-1.0, 0.0, 3.0]]))
    return tgen.function([x], [z, first, second, ahead])(point)


@pytest.mark.parametrize("name", WRITTEN)
def test_written_by_hand_is_what_its_name_is(name):
    by_hand, named = WRITTEN[name]
    for where, point in POINTS.items():
        what_is = ("value", "gradient", "second derivative", "Rop")
        for what, got, wanted in zip(what_is, derivatives(by_hand, point), derivatives(named, point)):
            assert np.isfinite(wanted).all() and got.shape == wanted.shape
            np.testing.assert_allclose(
                got, wanted, rtol=1e-9, atol=1e-9, err_msg=f"the {what} of {name} at {where}"
            )


@pytest.mark.parametrize(
    "name", [name for name in WRITTEN if name.startswith(("softmax", "log-softmax", "logsumexp"))]
)
def test_the_compiler_meets_it_by_name(name):
    """The IR then says softmax, logsoftmax or logsumexp, and no exp of the user's is left."""
    x = T.dmatrix("x")
    meaning = to_text(dce(stabilise(lower(Signature.of([x], [WRITTEN[name][0](x)])).function)))
    assert (
        {"so": " softmax ", "lo": " log"}[name[:2]] in meaning
        and " exp " not in meaning
        and " log " not in meaning
    ), meaning


# -- the examples of people ----------------------------------------------------------------------------------


def test_examples():
    X, x = T.dmatrix("X"), T.dvector("x")
    e = T.exp(X)
    assert tgen.function([X], e / e.sum(1, keepdims=True))([[1000, 0]]).tolist() == [[1, 0]]
    e = T.exp(X - X.max(1, keepdims=True))
    q = -T.log(e / e.sum(1, keepdims=True))[:, 0]
    value, gradient = tgen.function([X], [q, T.grad(q.sum(), X)])([[0, 800]])
    assert value.tolist() == [800] and gradient.tolist() == [[-1, 1]]
    z = T.log(T.exp(x[0]) + T.exp(x[1]))
    value, gradient = tgen.function([x], [z, T.grad(z, x)])([1000, 1000])
    assert value == 1000 + np.log(2) and gradient.tolist() == [0.5, 0.5]


def test_logsumexp_of_nothing_and_of_minus_infinity():
    X = T.dmatrix("X")
    for z in (T.logsumexp(X, axis=1), T.log(T.exp(X).sum(axis=1))):
        f = tgen.function([X], [z, T.grad(z.sum(), X)])
        assert f(np.zeros((2, 0)))[0].tolist() == [-np.inf, -np.inf]
        value, gradient = f([[-np.inf, -np.inf], [np.inf, 0]])
        assert value.tolist() == [-np.inf, np.inf] and gradient[0].tolist() == [0.5, 0.5]
    assert T.logsumexp(np.zeros(0)).eval() == -np.inf


def test_a_probability_of_zero_that_is_no_target():
    X = T.dmatrix("X")
    cost = T.nnet.categorical_crossentropy(X, [0, 1]).sum()
    assert tgen.function([X], T.grad(cost, X))([[0.5, 0], [0, 0.25]]).tolist() == [[-2, 0], [0, -4]]


# -- squares -------------------------------------------------------------------------------------------------

SQUARES = {
    "norm": (lambda x: x.norm(2) ** 2, [0.0, 0.0], 2 * np.eye(2)),
    "norm, sqr": (lambda x: T.sqr(x.norm(2)), [0.0, 0.0], 2 * np.eye(2)),
    "norm, float": (lambda x: x.norm(2) ** 2.0, [3.0, 4.0], 2 * np.eye(2)),
    "hypot": (lambda x: T.hypot(x[0], x[1]) ** 2, [0.0, 0.0], 2 * np.eye(2)),
    "hypot, turned": (
        lambda x: (T.hypot(x, x[::-1]).dimshuffle("x", 0) ** 2).sum(),
        [0.0, 0.0],
        4 * np.eye(2),
    ),
    "a row's norm": (
        lambda x: (x.dimshuffle("x", 0).norm(2, axis=1, keepdims=True) ** 2).sum(),
        [0.0, 0.0],
        2 * np.eye(2),
    ),
    "std": (lambda x: x.std() ** 2, [1.0, 1.0], [[0.5, -0.5], [-0.5, 0.5]]),
    "std of one": (lambda x: x[:1].std() ** 2, [1.0, 1.0], np.zeros((2, 2))),
    "abs": (lambda x: (abs(x) ** 2).sum(), [0.0, -1.0], 2 * np.eye(2)),
}


@pytest.mark.parametrize("name", SQUARES)
def test_a_square_of_a_root_has_the_derivatives_of_what_is_squared(name):
    build, point, hessian = SQUARES[name]
    x = T.dvector("x")
    cost = build(x)
    value, gradient, second = tgen.function([x], [cost, T.grad(cost, x), T.hessian(cost, x)])(point)
    np.testing.assert_allclose(second, hessian, atol=1e-15)
    np.testing.assert_allclose(gradient, np.dot(hessian, point), atol=1e-15)


def test_a_root_times_itself():
    x = T.dvector("x")
    z = T.sqrt((x**2).sum())
    assert tgen.function([x], T.hessian(z * z, x))([0, 0]).tolist() == [[2, 0], [0, 2]]


def test_a_root_of_what_may_be_negative_stays():
    x = T.dvector("x")
    for z in (T.sqrt(x) ** 2, T.sqr(T.sqrt(x)), T.sqrt(x) * T.sqrt(x), T.sqrt(x - x.sum()) ** 2):
        assert np.isnan(tgen.function([x], z)([-1.0, 4.0])[0])


# -- loops ---------------------------------------------------------------------------------------------------

ROW = np.arange(1300.0, 11800, 1300)[None]


def scanned(step, *sequences, **more):
    return tgen.scan(step, sequences=list(sequences), **more)[0]


LOOPS = {
    "softmax": lambda x: scanned(lambda r: T.nnet.softmax(r).flatten(), x)[:, 0],
    "softmax by hand": lambda x: scanned(lambda r: T.exp(r) / T.exp(r).sum(), x)[:, 0],
    "backwards": lambda x: scanned(lambda r: T.nnet.softmax(r).flatten(), x, go_backwards=True)[:, 0],
    "until": lambda x: scanned(lambda r: (T.nnet.softmax(r).flatten(), tgen.loop.until(r[0] > 1e9)), x)[:, 0],
    "a state": lambda x: scanned(
        lambda r, h: T.nnet.softmax(r + 0 * h).flatten(), x, outputs_info=T.zeros((9,))
    )[:, 0],
    "the last state": lambda x: scanned(
        lambda r, h: T.nnet.softmax(r + 0 * h).flatten(), x, outputs_info=T.zeros((9,))
    )[-1, :1],
    "a loop in a loop": lambda x: scanned(
        lambda m: scanned(lambda r: T.nnet.softmax(r).flatten(), m), x.dimshuffle("x", 0, 1)
    )[0][:, 0],
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_log_goes_into_the_loop(name, elsewhere):
    """Also where what the loop makes is used for something else: one loop forward and one back."""
    x = T.dmatrix("x")
    p = LOOPS[name](x)
    cost = -T.log(p) + (p if elsewhere else 0)
    f = tgen.function([x], [cost, T.grad(cost.sum(), x)])
    value, gradient = f(ROW)
    np.testing.assert_allclose(value, [10400], rtol=1e-9)
    np.testing.assert_allclose(gradient, T.nnet.softmax(ROW).eval() - np.eye(9)[:1], atol=1e-12)
    assert f.inspect("final").count("= scan") <= (5 if name == "a loop in a loop" else 2)


# -- how rules are met ---------------------------------------------------------------------------------------


def test_identities_stop_at_what_is_asked_for():
    x = T.dvector("x")
    e = T.exp(x)
    p = e / e.sum()
    z = T.log(p)
    ge, gp, gz, gx = tgen.function([x], T.grad(z[0], [e, p, z, x]))([0.0, 0.0])
    assert (
        ge.tolist() == [0.5, -0.5]
        and gp.tolist() == [2, 0]
        and gz.tolist() == [1, 0]
        and gx.tolist() == [0.5, -0.5]
    )


def test_what_means_another_variable_keeps_its_own_adjoint():
    """log(exp(x)) is x, but the gradient with respect to it is not all that flows to x."""
    x = T.dvector("x")
    y = T.log(T.exp(x))
    gy, gx = tgen.function([x], T.grad((y * y + 5 * x).sum(), [y, x]))([3.0])
    assert gy.tolist() == [6] and gx.tolist() == [11]


def test_a_chain_of_terms_is_taken_apart_without_recursion():
    x = T.dvector("x")
    total = T.exp(x[0])
    for k in range(1, 40):
        total = total + T.exp(x[k])
    value, gradient = tgen.function([x], [T.log(total), T.grad(T.log(total), x)])(np.full(40, 1000.0))
    np.testing.assert_allclose(value, 1000 + np.log(40))
    np.testing.assert_allclose(gradient, 1 / 40, rtol=1e-9)


def test_eps_beside_a_probability_stays():
    """It keeps the log finite already, in value and gradient."""
    x = T.dmatrix("x")
    assert "logaddexp" not in tgen.function([x], T.log(T.nnet.softmax(x) + 1e-8)).inspect("stages")


def test_what_no_gradient_is_to_flow_through_stays_so():
    x = T.dvector("x")
    held, m = T.disconnected_grad(x), T.disconnected_grad(x.max())
    for cost, wanted in (
        ((held - T.log(T.exp(x).sum()))[0], [-0.5, -0.5]),
        (T.log(T.exp(x - m).sum()) + m, [0.5, 0.5]),
        (T.log(T.exp(x - m).sum()) + x.max(), [1.5, 1.5]),
    ):
        assert tgen.function([x], T.grad(cost, x))([1.0, 1.0]).tolist() == wanted
