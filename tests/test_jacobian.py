"""Jacobians, Hessians, Rop, verify_grad and test values."""

import numpy as np
import pytest
from compiled import agree, reference
from graph_eval import evaluate

import tgen
import tgen.tensor as T
from tgen import GradientError, shared
from tgen.config import config
from tgen.core.op import OPS, SCALAR
from tgen.graph.walk import leaves, toposort
from tgen.tensor.apply import apply
from tgen.tensor.jacobian import batched, one_by_one
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


# -- Op.batch: how a leading axis passes ---------------------------------------------------------------------

ROW = T.constant([1, 0, 2])
# op -> what is made by it of a matrix; the axis passes where the matrix has it, and where another operand has
ALONG = {
    "sum": lambda m: m.sum(axis=1),
    "prod": lambda m: m.prod(axis=0),
    "max": lambda m: m.max(axis=1),
    "min": lambda m: m.min(),
    "argmax": lambda m: [T.argmax(m, axis=1), T.argmax(m[0])],
    "argmin": lambda m: [T.argmin(m, axis=0), T.argmin(m[:, 0])],
    "any": lambda m: T.any(m > 0, axis=0),
    "all": lambda m: T.all(m > -1, axis=1),
    "dimshuffle": lambda m: m.dimshuffle(1, "x", 0),
    "broadcast_to": lambda m: apply("broadcast_to", m[:1], T.constant(5), T.constant(4)),
    "reshape": lambda m: m.reshape((2, 6)),
    "slice": lambda m: m[1:, ::-2],
    "set_slice": lambda m: [T.set_subtensor(m[1:], 2.0), T.set_subtensor(T.ones((4, 4))[:3], m)],
    "inc_slice": lambda m: [T.inc_subtensor(m[:, 1], 2.0), T.inc_subtensor(T.ones((4, 4))[:3], m)],
    "gather": lambda m: [m[ROW], m[:, ROW]],
    "set_gather": lambda m: [T.set_subtensor(m[ROW], 2.0), T.set_subtensor(T.ones((3, 4))[ROW], m)],
    "inc_gather": lambda m: [T.inc_subtensor(m[ROW], 2.0), T.inc_subtensor(T.ones((3, 4))[ROW], m)],
    "unbroadcast": lambda m: apply("unbroadcast", m.sum(axis=0, keepdims=True), axes=(0,)),
    "rebroadcast": lambda m: apply("rebroadcast", m[:1], axes=(0,)),
    "concatenate": lambda m: [T.concatenate([m, T.ones((2, 4))]), T.concatenate([m, m], axis=1)],
    "make_vector": lambda m: T.stack([m[0, 0], m[1, 1], T.constant(2.0)]),
    "softmax": lambda m: [T.nnet.softmax(m), apply("softmax", m, axis=(0, 1))],
    "logsoftmax": lambda m: T.nnet.logsoftmax(m),
    "logsumexp": lambda m: apply("logsumexp", m, axes=(0, 1)),
    "cumsum": lambda m: m.cumsum(axis=1),
    "cumprod": lambda m: m.cumprod(axis=0),
    "sort": lambda m: T.sort(m, axis=0),
    "argsort": lambda m: T.argsort(m, axis=1),
    "dot": lambda m: [T.dot(m, T.ones((4, 2))), T.dot(T.ones((2, 3)), m), T.dot(m, m.T), T.dot(m[0], m[1]),
                      T.dot(T.ones(3), m), T.dot(T.ones((5, 4)), m[0]), T.dot(m, m[0])],
    "batched_dot": lambda m: [T.batched_dot(m.reshape((3, 2, 2)), T.ones((3, 2, 1))),
                              T.batched_dot(T.ones((3, 2, 2)), m.reshape((3, 2, 2)))],
}  # fmt: skip


def test_every_op_that_says_how_an_axis_passes_is_tried():
    assert set(ALONG) == {name for name, op in OPS.items() if op.batch and op.kind != SCALAR}


@pytest.mark.parametrize("name", ALONG)
def test_all_rows_at_once_are_the_rows_one_by_one(name):
    """By the interpreter: what an op makes of stacked operands is what it makes of each, stacked."""
    m, seeds = T.TensorType("float64", (3, 4))("m"), T.tensor3("seeds")
    made = ALONG[name](m)
    made = [T.as_tensor_variable(y) for y in (made if isinstance(made, list) else [made])]
    assert any(node.primitive.name == name for node in toposort(made))
    rows = batched(made, m, seeds, seeds.shape[0])
    assert rows is not None
    f = tgen.function([seeds], rows + one_by_one(made, m, seeds, seeds.shape[0]), mode="INTERPRET")
    results = f(np.random.default_rng(0).normal(size=(5, 3, 4)))
    for got, wanted in zip(results[: len(rows)], results[len(rows) :]):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    if made[0].dtype == "float64":
        jacobian = T.jacobian(sum(y.sum() for y in made) * m[0], m)
        assert tgen.function([m], jacobian, mode="INTERPRET")(np.ones((3, 4))).shape == (4, 3, 4)


def test_a_size_or_an_index_that_depends_on_the_row_is_taken_one_by_one():
    v = T.dvector("v")
    index = T.cast(v, "int64")
    assert batched([T.arange(4)[index]], v, T.dmatrix("s"), T.lscalar("n")) is None
    longer = apply("broadcast_to", v[:1].dimshuffle(0, "x"), index[0], T.constant(2))
    assert batched([longer], v, T.dmatrix("s"), T.lscalar("n")) is None


def test_the_place_in_a_whole_matrix_is_no_place_along_an_axis():
    """argmax over several axes counts through all of them: the rule does not pass a further one."""
    m, w, v = T.tensor3("m"), T.dmatrix("w"), T.dmatrix("v")
    rows, _ = tgen.scan(lambda r, x: T.dot(x * T.argmax(r), w), [m, v])
    values = np.arange(12.0).reshape(2, 3, 2) % 5, np.ones((2, 3)), np.eye(3)
    assert tgen.function([m, v, w], rows)(*values).tolist() == [[4.0] * 3, [3.0] * 3]
    matrix = T.dmatrix("matrix")
    assert batched([T.argmax(matrix)], matrix, m, T.lscalar("n")) is None
