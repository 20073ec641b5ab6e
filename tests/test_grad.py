"""Gradients: every differentiable op against central differences (smooth ones to second order), and what grad
promises.
"""

import sys
import threading

import numpy as np
import pytest
from graph_eval import evaluate

import tgen.tensor as T
from tgen.core.op import OPS, SCALAR, Op
from tgen.core.types import TensorType
from tgen.errors import DisconnectedInputError, NullTypeGradError
from tgen.graph.build import apply, literal
from tgen.graph.grad import Lop, Undefined, disconnected_grad, grad, grad_clip, grad_scale, zero_grad
from tgen.graph.nodes import Variable

EPS = 1e-5
LOOPS = {"scan", "ifelse"}  # numeric gradients of whole programs: test_scan.py
# right away from the kinks; not smooth
KINKED = {"abs", "minimum", "maximum", "clip", "switch", "mod", "max", "min"}


def variable(shape, name=None, dtype="float64"):
    return Variable(TensorType(dtype, shape), name)


def draw(rng, shape, low=-2.0, high=2.0):
    return rng.uniform(low, high, shape)


def differences(f, arrays, k):
    """Central differences of the number f(*arrays) in array k."""
    result = np.empty_like(arrays[k])
    for i in np.ndindex(result.shape):
        ends = []
        for step in (EPS, -EPS):
            moved = [a.copy() for a in arrays]
            moved[k][i] += step
            ends.append(f(*moved))
        result[i] = (ends[0] - ends[1]) / (2 * EPS)
    return result


def weighted(rng, v, shape):
    """A scalar cost: every element of v times its own random weight."""
    product = apply("mul", v, literal(rng.uniform(0.5, 1.5, shape), "float64"))
    return apply("sum", product, axes=tuple(range(v.ndim))) if v.ndim else product


def check_gradient(build, arrays, patterns=None, order=2, seed=0):
    """Gradients of ``build(*inputs)`` at ``arrays``; with order 2 those of a random combination of them as
    well.
    """
    rng = np.random.default_rng(seed)
    inputs = [variable(p) for p in patterns or [(None,) * a.ndim for a in arrays]]
    out = build(*inputs)
    cost = weighted(rng, out, evaluate([out], dict(zip(inputs, arrays)))[0].shape)
    gradients = check_first(cost, inputs, arrays)
    if order == 1:
        return
    total = literal(0.0, "float64")
    for g, a in zip(gradients, arrays):
        total = apply("add", total, weighted(rng, g, a.shape))
    check_first(total, inputs, arrays)


def check_first(cost, inputs, arrays):
    gradients = grad(cost, inputs, disconnected_inputs="ignore")
    found = evaluate(gradients, dict(zip(inputs, arrays)))
    for k, (v, g, value) in enumerate(zip(inputs, gradients, found)):
        assert g.dtype == v.dtype and value.shape == arrays[k].shape
        wanted = differences(lambda *moved: float(evaluate([cost], dict(zip(inputs, moved)))[0]), arrays, k)
        np.testing.assert_allclose(value, wanted, rtol=2e-5, atol=2e-6)
    return gradients


# -- every op ------------------------------------------------------------------------------------------------

SCALARS = sorted(
    op.name
    for op in OPS.values()
    if op.kind == SCALAR
    and op.grad is not None
    and not op.identity
    and op.name not in ("cast", "switch", "clip")
)


@pytest.mark.parametrize("name", SCALARS)
def test_scalar_gradient(name):
    rng = np.random.default_rng(1)
    count = OPS[name].arity
    shapes = [(2, 3), (2, 1), (1, 3)][:count]
    patterns = [(None, None), (None, 1), (1, None)][:count]
    arrays = [draw(rng, s, *OPS[name].domain) for s in shapes]
    check_gradient(lambda *xs: apply(name, *xs), arrays, patterns, order=1 if name in KINKED else 2)


def sized(*numbers):
    return [literal(n) for n in numbers]


def indices(*values):
    return [literal(np.array(v)) for v in values]


STEPPED = dict(steps=(2, -1))
PADS = [literal(1), literal(0), literal(0), literal(1)]
CONV = {"strides": (2, 1), "dilation": (1, 1), "groups": 1, "flip": True}
POOL = {"window": (3, 2), "strides": (2, 1), "pad": (1, 0), "mode": "average_exc_pad", "ignore_border": True}
MAX_POOL = {"window": (2, 2), "strides": (2, 2), "pad": (0, 0), "mode": "max", "ignore_border": True}
IMAGE = literal(np.arange(32.0).reshape(2, 4, 4), "float64")
CASES = {
    "cast": ("cast", [(3,)], lambda x: apply("cast", x, dtype="float64")),
    "switch": (
        "switch",
        [(2, 3), (1, 3)],
        lambda x, y: apply("switch", literal(np.array([[True], [False]]), "bool"), x, y),
    ),
    "switch broadcast": (
        "switch",
        [(2, 1), (2, 3)],
        lambda x, y: apply("switch", literal(np.array([[True, False, True]]), "bool"), x, y),
    ),
    "clip": (
        "clip",
        [(2, 3), (2, 1), (1, 3)],
        lambda x, y, z: apply(
            "clip",
            x,
            apply("sub", y, literal([[3.0]], "float64")),
            apply("add", z, literal([[3.0]], "float64")),
        ),
    ),
    "clip outside": (
        "clip",
        [(1, 3), (2, 1), (2, 1)],
        lambda x, y, z: apply(
            "clip",
            apply("mul", x, literal([[9.0]], "float64")),
            apply("sub", y, literal([[3.0]], "float64")),
            apply("add", z, literal([[3.0]], "float64")),
        ),
    ),
    "sum": ("sum", [(2, 3, 2)], lambda x: apply("sum", x, axes=(0, 2))),
    "prod": ("prod", [(2, 3)], lambda x: apply("prod", x, axes=(1,))),
    "max": ("max", [(2, 3)], lambda x: apply("max", x, axes=(0,))),
    "min": ("min", [(2, 3)], lambda x: apply("min", x, axes=(0, 1))),
    "softmax": ("softmax", [(2, 3)], lambda x: apply("softmax", x, axis=1)),
    "logsoftmax": ("logsoftmax", [(3, 2)], lambda x: apply("logsoftmax", x, axis=0)),
    "softmax of all": ("softmax", [(3, 2)], lambda x: apply("softmax", x, axis=(0, 1))),
    "logsoftmax of all": ("logsoftmax", [(3, 2)], lambda x: apply("logsoftmax", x, axis=(0, 1))),
    "logsumexp": ("logsumexp", [(2, 3, 2)], lambda x: apply("logsumexp", x, axes=(0, 2))),
    "conv": ("conv", [(2, 2, 4, 3), (2, 2, 2, 2)], lambda x, w: apply("conv", x, w, *PADS, **CONV)),
    "conv_input": (
        "conv_input",
        [(2, 2, 2, 2), (2, 2, 3, 3)],
        lambda w, g: apply("conv_input", w, g, *PADS, literal(5), literal(3), **CONV),
    ),
    "conv_weights": (
        "conv_weights",
        [(2, 2, 5, 3), (2, 2, 3, 3)],
        lambda x, g: apply("conv_weights", x, g, *PADS, literal(2), literal(2), **CONV),
    ),
    "pool": ("pool", [(2, 4, 3)], lambda x: apply("pool", x, **POOL)),
    "unpool": ("unpool", [(2, 2, 2)], lambda g: apply("unpool", g, literal(4), literal(3), **POOL)),
    "max_unpool": (
        "max_unpool",
        [(2, 2, 2)],
        lambda g: apply("max_unpool", g, IMAGE, apply("pool", IMAGE, **MAX_POOL), **MAX_POOL),
    ),
    "max_pick": (
        "max_pick",
        [(2, 4, 4)],
        lambda v: apply("max_pick", v, IMAGE, apply("pool", IMAGE, **MAX_POOL), **MAX_POOL),
    ),
    "cumsum": ("cumsum", [(2, 3)], lambda x: apply("cumsum", x, axis=0)),
    "cumsum of a row": ("cumsum", [(1, 4)], lambda x: apply("cumsum", x, axis=1)),
    "cumprod": ("cumprod", [(3, 2)], lambda x: apply("cumprod", x, axis=0)),
    "sort": ("sort", [(2, 4)], lambda x: apply("sort", apply("mul", x, x), axis=1)),
    "dimshuffle": ("dimshuffle", [(2, 1, 3)], lambda x: apply("dimshuffle", x, order=(2, "x", 0))),
    "broadcast_to": ("broadcast_to", [(1, 3)], lambda x: apply("broadcast_to", x, *sized(4, 3))),
    "reshape": ("reshape", [(2, 6)], lambda x: apply("reshape", x, *sized(3, 4), ndim=2)),
    "slice": ("slice", [(5, 4)], lambda x: apply("slice", x, *sized(1, 3, 2, 3), **STEPPED)),
    "slice to the front": ("slice", [(5, 4)], lambda x: apply("slice", x, *sized(0, 3, 3, 4), **STEPPED)),
    "slice of nothing": ("slice", [(5, 4)], lambda x: apply("slice", x, *sized(5, 3, 0, 4), **STEPPED)),
    "set_slice": (
        "set_slice",
        [(5, 4), (2, 3)],
        lambda x, v: apply("set_slice", x, v, *sized(1, 3), **STEPPED),
    ),
    "inc_slice": (
        "inc_slice",
        [(5, 4), (2, 3)],
        lambda x, v: apply("inc_slice", x, v, *sized(1, 3), **STEPPED),
    ),
    "unbroadcast": ("unbroadcast", [(1, 3)], lambda x: apply("unbroadcast", x, axes=(0,))),
    "rebroadcast": (
        "rebroadcast",
        [(1, 3)],
        lambda x: apply("rebroadcast", apply("unbroadcast", x, axes=(0,)), axes=(0,)),
    ),
    "demand": (
        "demand",
        [(2, 3)],
        lambda x: apply("demand", x, literal(True, "bool"), error="ValueError", message=""),
    ),
    "make_vector": ("make_vector", [(), (), ()], lambda *xs: apply("make_vector", *xs)),
    "concatenate": ("concatenate", [(2, 3), (2, 1), (2, 2)], lambda *xs: apply("concatenate", *xs, axis=1)),
    "gather": ("gather", [(3, 2)], lambda x: apply("gather", x, *indices([0, 0, -1]), axis=0, count=1)),
    "gather behind": (
        "gather",
        [(2, 3)],
        lambda x: apply("gather", x, *indices([[0, 2], [2, 1]]), axis=1, count=1),
    ),
    "gather two": (
        "gather",
        [(3, 2, 2)],
        lambda x: apply("gather", x, *indices([0, 2, 0], [1, 0, 1]), axis=0, count=2),
    ),
    "set_gather": (
        "set_gather",
        [(4, 2), (2, 2)],
        lambda x, v: apply("set_gather", x, v, *indices([3, 0]), axis=0, count=1),
    ),
    "inc_gather": (
        "inc_gather",
        [(4, 2), (3, 2)],
        lambda x, v: apply("inc_gather", x, v, *indices([3, 0, 3]), axis=0, count=1),
    ),
    "dot 22": ("dot", [(2, 3), (3, 4)], lambda x, y: apply("dot", x, y)),
    "dot 21": ("dot", [(2, 3), (3,)], lambda x, y: apply("dot", x, y)),
    "dot 12": ("dot", [(3,), (3, 2)], lambda x, y: apply("dot", x, y)),
    "dot 11": ("dot", [(3,), (3,)], lambda x, y: apply("dot", x, y)),
    "cholesky": (
        "cholesky",
        [(3, 3)],
        lambda x: apply("cholesky", apply("dot", x, x) + literal(np.eye(3) * 9, "float64")),
    ),
    **{
        f"solve {form}": (
            "solve",
            [(3, 3), (3, 2)],
            lambda x, y, form=form: apply("solve", x + literal(np.eye(3) * 9, "float64"), y, form=form),
        )
        for form in ("general", "lower", "upper")
    },
    "batched_dot": ("batched_dot", [(2, 2, 3), (2, 3, 1)], lambda x, y: apply("batched_dot", x, y)),
}


@pytest.mark.parametrize("case", CASES)
def test_gradient(case):
    name, shapes, build = CASES[case]
    rng = np.random.default_rng(2)
    patterns = [tuple(1 if n == 1 else None for n in s) for s in shapes]
    check_gradient(build, [draw(rng, s) for s in shapes], patterns, order=1 if name in KINKED else 2)


def test_every_differentiable_op_has_a_case():
    covered = set(SCALARS) | {name for name, *_ in CASES.values()} | LOOPS
    assert {op.name for op in OPS.values() if op.grad is not None and not op.identity} <= covered


def test_product_gradient_with_zeros():
    x = variable((None,))
    gradient = grad(apply("prod", x, axes=(0,)), x)
    for value, wanted in [([2, 3, 4], [12, 8, 6]), ([2, 0, 4], [0, 8, 0]), ([0, 0, 4], [0, 0, 0])]:
        assert evaluate([gradient], {x: value})[0].tolist() == wanted


def test_float32_stays_float32():
    x = variable((None,), dtype="float32")
    cost = apply("sum", apply("cast", apply("tanh", x), dtype="float64"), axes=(0,))
    assert grad(cost, x).dtype == "float32"


FUNCTIONS = {
    "log softmax": lambda x: T.log(T.nnet.softmax(x)),
    "log of picked softmax": lambda x: T.log(T.nnet.softmax(x)[[0, 1], [2, 0]]),
    "log sigmoid": lambda x: T.log(T.nnet.sigmoid(x)),
    "log(1 - sigmoid)": lambda x: T.log(1 - T.nnet.sigmoid(x)),
    "log logistic": lambda x: T.log(1 / (1 + T.exp(-x))),
    "log(1 - logistic)": lambda x: T.log(1 - 1 / (1 + T.exp(x))),
    "log sum exp": lambda x: T.log(T.sum(T.exp(x), axis=0)),
    "log sum exp of all": lambda x: T.log(T.sum(T.exp(x))),
    "log(1 + exp)": lambda x: T.log(T.exp(x) + 1),
    "exp - 1": lambda x: T.exp(x) - 1,
    "log(x^2 + 1)": lambda x: T.log(x**2 + 1),
    "std": lambda x: x.std(axis=1),
    "var": lambda x: x.var(),
    "norm": lambda x: x.norm(2),
    "mean of rows": lambda x: x.mean(axis=0) ** 2,
    "index": lambda x: x[1, :2] * x[::-1, 2],
    "newaxis": lambda x: x[:, None] * x[None],
    "mask": lambda x: x[x > 0] ** 2,
    "ellipsis": lambda x: x[..., -1] ** 2,
    "set": lambda x: T.set_subtensor(x[:, 1], x[:, 0] ** 2) ** 2,
    "inc": lambda x: T.inc_subtensor(x[[0, 0]], x**2),
    "transpose": lambda x: T.dot(x, x.T),
    "flatten": lambda x: x.flatten()[::2] ** 2,
    "reshape": lambda x: x.reshape((3, -1)) ** 2,
    "concatenate": lambda x: T.concatenate([x, x**2], axis=1),
    "stack": lambda x: T.stack([x, x**2]).sum(axis=1),
    "tensordot": lambda x: T.tensordot(x, x, [[1], [1]]),
    "outer": lambda x: T.outer(x[0], x[1]),
    "repeat": lambda x: T.repeat(x**2, 2, axis=0),
    "tile": lambda x: T.tile(x**2, (2, 1)),
    "diagonal": lambda x: T.diag(x) ** 2,
    "fill": lambda x: T.fill(x, x[0, 0] ** 2),
    "cumsum": lambda x: T.cumsum(x, axis=1) ** 2,
    "prod": lambda x: x.prod(axis=0),
    "switch": lambda x: T.switch(x > 0, x**2, -x),
    "layer": lambda x: T.tanh(T.dot(x, np.arange(6.0).reshape(3, 2)) + np.ones(2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_composed_gradient(name):
    check_gradient(
        lambda x: T.as_tensor_variable(FUNCTIONS[name](x)), [draw(np.random.default_rng(3), (2, 3))]
    )


# -- Theano's examples ---------------------------------------------------------------------------------------


def at(g, *pairs):
    return evaluate([g], dict(pairs))[0].tolist()


def test_result_follows_wrt_and_cost_is_a_scalar():
    w = T.dvector("w")
    assert at(grad((w**2).sum(), w), (w, [1, 2])) == [2, 4]
    assert type(grad((w**2).sum(), [w])) is list and type(grad((w**2).sum(), (w, w))) is tuple
    with pytest.raises(TypeError, match="cost must be a scalar"):
        grad(w**2, w)
    for wrong in ({w}, 3, [w, "w"]):
        with pytest.raises(TypeError):
            grad(w.sum(), wrong)
    with pytest.raises(AssertionError):
        grad(None, w)


def test_disconnected():
    x, y = T.dscalars("xy")
    with pytest.raises(DisconnectedInputError):
        grad(x**2, y)
    g = grad(x**2, y, disconnected_inputs="ignore")
    assert at(g, (y, 5)) == 0
    with pytest.raises(KeyError):  # it depends on y
        evaluate([g], {})
    with pytest.warns(UserWarning, match="does not depend"):
        assert grad(x**2, y, disconnected_inputs="warn", return_disconnected="None") is None
    assert (
        repr(grad(x**2, y, disconnected_inputs="ignore", return_disconnected="Disconnected"))
        == "<DisconnectedType>"
    )
    with pytest.raises(ValueError, match="disconnected_inputs"):
        grad(x**2, y, disconnected_inputs="no")
    v = T.dvector("v")
    with pytest.raises(DisconnectedInputError):
        grad(v.shape[0] * 1.0, v)


def test_constants():
    x = T.dscalar("x")
    y = x * x
    results = [
        grad(x * y, x),
        grad(x * y, x, consider_constant=[y]),
        grad(x * disconnected_grad(y), x),
        grad(x * zero_grad(y), x),
    ]
    assert [at(g, (x, 3)) for g in results] == [27, 9, 9, 9]
    with pytest.raises(DisconnectedInputError):
        grad(disconnected_grad(x) * 2, x)
    assert at(grad(zero_grad(x) * 2, x), (x, 3)) == 0
    assert at(grad(grad_clip(x, -1, 1) * 5, x), (x, 3)) == 1
    assert at(grad(grad_scale(x, 0.5) * 5, x), (x, 3)) == 2.5


def test_ties_and_bounds():
    x, one = T.dvector("x"), [0, 1, -1]
    assert at(grad(T.maximum(x, 0.0).sum(), x), (x, one)) == [1, 1, 0]
    assert at(grad(T.max(x), x), (x, one)) == [0, 1, 0]
    assert at(grad(abs(x).sum(), x), (x, one)) == [0, 1, -1]
    assert at(grad(T.nnet.relu(x).sum(), x), (x, one)) == [0.5, 1, 0]
    t = [2, 2, 1]
    assert at(grad(x.max(), x), (x, t)) == [1, 1, 0]
    assert at(grad(T.maximum(x, 2.0).sum(), x), (x, t)) == [1, 1, 0]
    assert at(grad(T.clip(x, 1.0, 2.0).sum(), x), (x, t)) == [1, 1, 1]


def test_known_grads_and_broadcasting():
    b, x = T.dvector("b"), T.dscalar("x")
    assert at(grad((T.constant(np.ones((2, 3))) + b).sum(), b), (b, [0, 0, 0])) == [2, 2, 2]
    y = x**2
    assert at(grad(None, x, known_grads={y: T.constant(10.0)}), (x, 2)) == 40
    assert at(grad(y * 3, x, known_grads={y: T.constant(10.0)}), (x, 2)) == 40
    with pytest.raises(TypeError):
        grad(None, x, known_grads={y: T.constant(np.array(1))})


def test_lop():
    x = T.dvector("x")
    assert at(Lop(x**2, x, T.constant(np.ones(2))), (x, [1, 2])) == [2, 4]


def test_repeated_indices():
    W, p, y = T.dmatrix("W"), T.dmatrix("p"), T.ivector("y")
    assert at(grad(W[[0, 0, 2]].sum(), W), (W, np.zeros((3, 2)))) == [[2, 2], [0, 0], [1, 1]]
    q = p[T.arange(y.shape[0]), y]
    assert at(grad(q.sum(), p), (p, np.zeros((2, 3))), (y, [2, 0])) == [[0, 0, 1], [1, 0, 0]]


def test_stable():
    z, x, y = T.dvector("z"), T.dmatrix("x"), T.lvector("y")
    far, rows = (z, [-1000.0, 0.0, 1000.0]), (x, [[1000.0, 0.0], [0.0, -1000.0]])
    sigmoid, softmax = T.nnet.sigmoid(z), T.nnet.softmax(x)
    assert at(grad(T.log(sigmoid).sum(), z), far) == [1, 0.5, 0]
    assert at(grad(T.log(1 - sigmoid).sum(), z), far) == [0, -0.5, -1]
    assert at(grad(T.log1p(-sigmoid).sum(), z), far) == [0, -0.5, -1]
    assert at(grad(T.log(1 / (1 + T.exp(-z))).sum(), z), far) == [1, 0.5, 0]
    assert at(grad(T.log(1 + T.exp(z)).sum(), z), far) == [0, 0.5, 1]
    assert at(grad(T.nnet.binary_crossentropy(sigmoid, 1.0).sum(), z), far) == [-1, -0.5, 0]
    picked = T.arange(y.shape[0]), y
    for cost in (
        -T.log(softmax)[picked].sum(),
        -T.log(softmax[picked]).sum(),
        T.nnet.categorical_crossentropy(softmax, y).sum(),
    ):
        assert at(grad(cost, x), rows, (y, [1, 0])) == [[1, -1], [0, 0]]
    assert at(grad(T.log(T.sum(T.exp(x), axis=1)).sum(), x), rows) == [[1, 0], [1, 0]]
    assert at(grad(T.log(T.sum(T.exp(x), axis=1, keepdims=True)).sum(), x), rows) == [[1, 0], [1, 0]]
    assert at(grad(T.log(T.sum(T.exp(x))), x), rows) == [[1, 0], [0, 0]]


def test_stable_identities_respect_wrt():
    """Where the inside of an identity is itself asked for, the walk must not jump over it."""
    z = T.dvector("z")
    s = T.nnet.sigmoid(z)
    gs, gz = grad(T.log(s).sum(), [s, z])
    assert evaluate([gs, gz], {z: [0.0]}) == [[2.0], [0.5]]
    with pytest.raises(DisconnectedInputError):
        grad(T.log(s).sum(), z, consider_constant=[s])


# -- the walk itself -----------------------------------------------------------------------------------------


def test_names():
    x = T.dscalar("x")
    cost = x**2
    cost.name = "cost"
    assert grad(cost, x).name == "(dcost/dx)" and grad(cost, x, add_names=False).name is None
    assert grad(x * 1.0, x).name is None


def test_wrt_intermediate_and_itself():
    x = T.dscalar("x")
    y = x * 3
    assert [float(v) for v in evaluate(grad(y * y + x, [y, x]), {x: 2.0})] == [12, 37]
    assert at(grad(x, x)) == 1


def test_undefined():
    x = T.dscalar("x")
    y = x * 2
    y.owner.primitive = Op("odd", SCALAR, None, None, grad=lambda node, gs: [Undefined("odd")] * 2)
    with pytest.raises(NullTypeGradError, match="odd"):
        grad(y, x)
    assert isinstance(grad(y, x, null_gradients="return"), Undefined)


def shallow(function):
    """function() in a thread of its own with room for 200 nested calls."""
    results, limit = [], sys.getrecursionlimit()

    def run():
        sys.setrecursionlimit(200)
        try:
            results.append(function())
        finally:
            sys.setrecursionlimit(limit)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def test_long_chain_without_recursion():
    def chain():
        x = v = T.dscalar("x")
        for _ in range(3000):
            v = T.tanh(v + 1.0)
        return x, v, grad(v, x)

    x, v, g = shallow(chain)
    assert g.type == x.type and g.owner is not None


def test_diamonds_are_linear():
    x = v = T.dscalar("x")
    for _ in range(60):
        v = v + v
    assert at(grad(v, x), (x, 1)) == 2.0**60
