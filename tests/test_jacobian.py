"""Jacobians, Hessians, Rop, verify_grad and test values."""

import numpy as np
import pytest
from compiled import agree, reference
from graph_eval import evaluate

import tgen.tensor as T
from tgen import GradientError, shared
from tgen.config import config
from tgen.graph.walk import leaves
from tgen.tensor.signal.pool import pool_2d

P = np.array([0.3, -1.2, 0.8, 2.0])
W, IDX = np.random.RandomState(1).randn(3, 2), np.array([0, 2, 2, 1])
FUNCTIONS = {
    "product": lambda p: T.tanh(T.dot(W, p[:2]) + p[1:]),
    "softmax": lambda p: T.nnet.softmax(p)[0],
    "log softmax": lambda p: T.log(T.nnet.softmax(p))[0],
    "gather": lambda p: p[IDX] * p[::-1],
    "cumsum": lambda p: T.cumsum(p) ** 2,
    "sort": lambda p: T.sort(p) * p[0],
    "concatenate": lambda p: T.concatenate([p[1:], p[:2]]) * p.sum(),
    "set": lambda p: T.set_subtensor(p[1:3], p[:2] ** 2),
    "inc": lambda p: T.inc_subtensor(p[[0, 0, 1]], p[1:]),
    "matrices": lambda p: T.dot(p.reshape((2, 2)), p.reshape((2, 2))).flatten(),
    "batches": lambda p: T.batched_dot(p.reshape((2, 2, 1)), p.reshape((2, 1, 2))).flatten(),
    "stack": lambda p: T.stack([p.sum(), p.prod(), p.max()]),
    "switch": lambda p: T.switch(p > 0, p, p * p),
    "constant": lambda p: T.as_tensor_variable(np.arange(3.0)),
    "diag": lambda p: T.diag(p).dot(p),
    "row": lambda p: T.dot(p, T.outer(p, p)),
    "unbroadcast": lambda p: T.unbroadcast(p.dimshuffle("x", 0), 0)[0] + p.mean(),
}


POOLED = {"pool": lambda p: pool_2d(T.outer(p, p), (2, 2), ignore_border=True)}


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS | POOLED)
def test_the_passes_keep_second_derivatives(name):
    """Loops over rows whose bodies are gradients: the IR stays sound and means the same."""
    p = T.dvector("p")
    cost = T.exp((FUNCTIONS | POOLED)[name](p).sum())
    reference([p], [T.hessian(cost, p, disconnected_inputs="ignore")], [P], stages=True)


@pytest.mark.slow
def test_the_hessian_of_pooled_products():
    p = T.dvector("p")
    cost = T.exp(pool_2d(T.dot(p.dimshuffle(0, "x"), p.dimshuffle("x", 0)), (2, 2), ignore_border=True).sum())
    got = agree([p], [T.hessian(cost, p)], [np.array([1.0, 2.0])])[0]
    assert np.allclose(got, [[0, 0], [0, 18 * np.exp(4)]])


def differences(f, p):
    """The Jacobian of f at p by central differences."""
    columns = [(f(p + e) - f(p - e)) / 2e-6 for e in 1e-6 * np.eye(p.size)]
    return np.stack(columns, axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_hessian_and_rop_equal_differences(name):
    p = T.dvector("p")
    y = FUNCTIONS[name](p)
    cost = (y**2).sum()
    expected = differences(lambda at: evaluate([y], {p: at})[0], P)
    slope = T.grad(cost, p, disconnected_inputs="ignore")
    curvature = differences(lambda at: evaluate([slope], {p: at})[0], P)
    jacobian, hessian = (
        T.jacobian(y, p, disconnected_inputs="ignore"),
        T.hessian(cost, p, disconnected_inputs="ignore"),
    )
    pushed = T.Rop(y, p, p, disconnected_outputs="ignore")
    got, second, directional = evaluate([jacobian, hessian, pushed], {p: P})
    np.testing.assert_allclose(got, expected, atol=1e-7)
    np.testing.assert_allclose(second, curvature, atol=1e-6)
    np.testing.assert_allclose(directional, expected @ P, atol=1e-7)


def test_as_theano_does():
    x, v = shared(np.array([1.0, 2.0])), T.constant(np.array([1.0, 1.0]))
    assert evaluate([T.Rop(x**2, x, v), T.Lop(x**2, x, v)], {x: x.get_value()})[0].tolist() == [2, 4]
    assert T.jacobian(x**2, x).eval().tolist() == [[2, 0], [0, 4]] and T.hessian(
        (x**3).sum(), x
    ).eval().tolist() == [[6, 0], [0, 12]]
    m = T.dmatrix()
    assert (
        T.jacobian(m.sum(axis=0), m).ndim == 3
        and type(T.jacobian(x.sum(), [x])) is list
        and T.Rop([x, x + 1], [x], [v])[1].ndim == 1
    )


@pytest.mark.parametrize(
    "wrong, error",
    [
        (lambda x, m: T.jacobian(m, x), ValueError),
        (lambda x, m: T.hessian(m.sum(), m), ValueError),
        (lambda x, m: T.Rop(x, [x], []), ValueError),
        (lambda x, m: T.Rop(x, x, m), ValueError),
        (lambda x, m: T.Rop(T.cast(x, "int32"), x, x), TypeError),
        (lambda x, m: T.hessian(x, x), TypeError),
    ],
)
def test_misuse(wrong, error):
    with pytest.raises(error):
        wrong(T.dvector("x"), T.dmatrix("m"))


def test_numeric_grad():
    x, y = np.array([1.0, 2.0]), np.array([[3.0]])
    at_x, at_y = T.numeric_grad(lambda a, b: (a**2).sum() * b[0, 0], [x, y])
    np.testing.assert_allclose(at_x, [6, 12], rtol=1e-6)
    np.testing.assert_allclose(at_y, [[5]], rtol=1e-6)
    assert x.tolist() == [1, 2]


@pytest.mark.slow
def test_verify_grad():
    T.verify_grad(lambda x, y: T.tanh(T.dot(x, y)), [W, W.T.copy()], n_tests=1)
    with pytest.raises(GradientError, match="input 0"):
        T.verify_grad(lambda x: x * T.zero_grad(x), [P])
    with pytest.raises(TypeError, match="float arrays"):
        T.verify_grad(lambda x: x, [IDX])


def test_test_values_show_mistakes_at_their_line():
    with config.change_flags(compute_test_value="raise"):
        x = T.dmatrix("x")
        x.tag.test_value = np.zeros((2, 3))
        y = T.dot(x, x.T) + shared(np.ones((2, 2)))
        assert y.tag.test_value.shape == (2, 2) and x[:, 1:].sum(axis=0).tag.test_value.tolist() == [0, 0]
        for wrong in (lambda: T.dot(x, x), lambda: x + T.constant(np.ones((3, 3)))):
            with pytest.raises(ValueError):
                wrong()
        with pytest.raises(IndexError):
            x[5]
        with pytest.raises(AttributeError, match="no tag.test_value"):
            x + T.dmatrix()
    with config.change_flags(compute_test_value="warn"), pytest.warns(UserWarning, match="no tag.test_value"):
        assert not hasattr((x + T.dmatrix()).tag, "test_value")
    with config.change_flags(compute_test_value="ignore"):
        assert leaves([x + T.dmatrix()])[0] is x
