"""Gradients of integers: where they pass, where they are 0, and what counts as disconnected."""

import numpy as np
import pytest
from graph_eval import evaluate
from test_grad import CASES, SCALARS, variable

import tgen
import tgen.tensor as T
from tgen.core.op import OPS, Op
from tgen.errors import DisconnectedInputError
from tgen.graph.build import apply, literal
from tgen.graph.grad import Lop, grad

I = np.array([3, 0, -2])
# What the gradient passes through, and the gradient of the sum of it in the integer vector i at I.
PASSES = {
    "i": (lambda i: i, [1, 1, 1]),
    "i * 2.5": (lambda i: i * 2.5, [2.5, 2.5, 2.5]),
    "i * i * 1.0": (lambda i: i * i * 1.0, [6, 0, -4]),
    "i * i": (lambda i: i * i, [6, 0, -4]),
    "i ** 2": (lambda i: i**2, [6, 0, -4]),
    "i ** 0": (lambda i: i**0, [0, 0, 0]),
    "sqr": (T.sqr, [6, 0, -4]),
    "-i - i": (lambda i: -i - i, [-2, -2, -2]),
    "i / 2": (lambda i: i / 2, [0.5, 0.5, 0.5]),
    "i % 2": (lambda i: i % 2, [1, 1, 1]),
    "7 % (i * i + 1)": (lambda i: 7 % (i * i + 1), [0, 0, 4]),  # - 7 // 5 * 2i at -2
    "abs": (abs, [1, 0, -1]),
    "exp": (T.exp, np.exp(I)),
    "maximum(i, 0)": (lambda i: T.maximum(i, 0), [1, 1, 0]),
    "minimum(0, i)": (lambda i: T.minimum(0, i), [0, 0, 1]),
    "clip": (lambda i: T.clip(i, 0, 2), [0, 1, 0]),
    "switch": (lambda i: T.switch(i > 0, i * 2, i * 3), [2, 3, 3]),
    "cast among ints": (lambda i: T.cast(i, "int8") * 2, [2, 2, 2]),
    "cast to float": (lambda i: T.cast(i, "float32"), [1, 1, 1]),
    "sum": (lambda i: i.sum() * i.sum(), [2, 2, 2]),
    "mean": (lambda i: i.mean(), [1 / 3] * 3),
    "prod": (lambda i: i.prod(), [0, -6, 0]),
    "max": (lambda i: i.max(), [1, 0, 0]),
    "cumsum": (lambda i: T.cumsum(i), [3, 2, 1]),
    "cumprod": (lambda i: T.cumprod(i), [1, -3, 0]),
    "sort": (lambda i: T.sort(i) * [1, 2, 3], [3, 2, 1]),
    "dot": (lambda i: T.dot(i, [1, 2, 3]), [1, 2, 3]),
    "i[::-1]": (lambda i: i[::-1] * [1, 2, 3], [3, 2, 1]),
    "i[[0, 0]]": (lambda i: i[[0, 0]], [2, 0, 0]),
    "i[i > 0]": (lambda i: i[i > 0], [1, 0, 0]),
    "reshape": (lambda i: i.reshape((3, 1)) * [[1], [2], [3]], [1, 2, 3]),
    "stack": (lambda i: T.stack([i, i]), [2, 2, 2]),
    "concatenate": (lambda i: T.concatenate([i, i[:1]]), [2, 1, 1]),
    "repeat": (lambda i: T.repeat(i, 2), [2, 2, 2]),
    "set_subtensor": (lambda i: T.set_subtensor(i[1:], i[:2] * 2), [3, 2, 0]),
    "inc_subtensor": (lambda i: T.inc_subtensor(i[[0, 0]], i[1:]), [1, 2, 2]),
    "alloc": (lambda i: T.alloc(i[0], 4), [4, 0, 0]),
    "arange": (lambda i: T.arange(i[0], i[0] + 4), [4, 0, 0]),
    "ifelse": (lambda i: tgen.ifelse(T.gt(i.shape[0], 2), i * 2, i), [2, 2, 2]),
    "scan, a sequence": (lambda i: tgen.scan(lambda k: k * k, sequences=i)[0], [6, 0, -4]),
    "scan, a state": (lambda i: tgen.scan(lambda h: h * 2, outputs_info=i, n_steps=2)[0], [6, 6, 6]),
    "scan, a counter": (
        lambda i: tgen.scan(
            lambda h, k: h + k, outputs_info=T.constant(np.int64(0)), non_sequences=i[0], n_steps=3
        )[0],
        [6, 0, 0],
    ),
}
# What is connected and passes 0.
STOPS = {
    "i // 2": lambda i: i // 2,
    "round": T.round,
    "sgn": T.sgn,
    "comparison": lambda i: (i > 1) * 2.5,
    "eq": lambda i: T.eq(i, 3) * 2.5,
    "cast to bool": lambda i: T.cast(i, "bool") * 2.5,
    "float to int": lambda i: T.cast(T.cast(i, "float64") * 2.5, "int64"),
    "& 1": lambda i: i & 1,
    "| 1": lambda i: i | 1,
    "^ 1": lambda i: i ^ 1,
    "~i": lambda i: ~i,
    "<< 1": lambda i: i << 1,
    ">> 1": lambda i: i >> 1,
    "argmax": lambda i: i.argmax() * 2.5,
    "argsort": lambda i: T.argsort(i) * 2.5,
    "any": lambda i: i.any() * 2.5,
    "isnan": lambda i: T.isnan(i) * 2.5,
    "zero_grad": tgen.gradient.zero_grad,
}
# What an integer scalar k may be without the value depending on it as on a number.
APART = {
    "index": lambda x, k: x[k],
    "index vector": lambda x, k: x[T.stack([k, k])],
    "start of a slice": lambda x, k: x[k:],
    "place of a write": lambda x, k: T.set_subtensor(x[k], 1.0),
    "size": lambda x, k: T.alloc(x[0], k),
    "reshape": lambda x, k: x[:1].reshape((k, 1)),
    "arange": lambda x, k: x[0] * T.arange(k),
    "repeats": lambda x, k: T.repeat(x, k),
    "number of steps": lambda x, k: tgen.scan(lambda h: h * 2, outputs_info=x, n_steps=k)[0],
    "condition of switch": lambda x, k: T.switch(k, x, x * 2),
    "comparison as a condition": lambda x, k: T.switch(k > 0, x, x * 2),
    "condition of ifelse": lambda x, k: tgen.ifelse(k, x, x * 2),
    "label": lambda x, k: T.nnet.categorical_crossentropy(x.dimshuffle("x", 0), T.stack([k])),
    "label of one hot": lambda x, k: x * T.extra_ops.to_one_hot(T.stack([k]), 3),
    "shape": lambda x, k: x * T.stack([k, k]).shape[0],
    "disconnected_grad": lambda x, k: x * tgen.gradient.disconnected_grad(k),
}


def slope(build, dtype="int64"):
    i = variable((None,), "i", dtype)
    z = T.as_tensor_variable(build(i))
    gradient = grad(z.sum(), i)
    assert gradient.dtype == tgen.config.floatX
    return tgen.function([i], gradient, on_unused_input="ignore")(I.astype(dtype))


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSES)
def test_passes(name):
    build, wanted = PASSES[name]
    np.testing.assert_allclose(slope(build), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", STOPS)
def test_stops(name):
    assert slope(STOPS[name]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", APART)
def test_apart(name):
    x, k = T.dvector("x"), T.lscalar("k")
    cost = APART[name](x, k).sum()
    with pytest.raises(DisconnectedInputError):
        grad(cost, k)
    grad(cost, x, disconnected_inputs="ignore")


def test_what_a_float_decides_has_gradient_zero():
    x, y = T.dvectors("xy")
    for cost in (
        T.switch(x > 1, y, 2 * y).sum(),
        tgen.ifelse(T.gt(x[0], 1), y, 2 * y).sum(),
        tgen.ifelse(T.gt(x.sum(), 1), T.constant(0), T.constant(1)),
    ):
        assert tgen.function([x], grad(cost, x), on_unused_input="ignore")([1.0, 5.0]).tolist() == [0, 0]
        with pytest.raises(DisconnectedInputError):
            grad(cost, x, consider_constant=[cost])
    with pytest.raises(DisconnectedInputError):
        grad(T.switch(tgen.gradient.disconnected_grad(x) > 1, y, 2 * y).sum(), x)
    assert T.grad(T.argmax(x) * 1.0, x).dtype == "float64"


def test_bools_get_zero():
    b = T.vector("b", dtype="bool")
    for cost in ((b * 2.5).sum(), b.sum(), T.switch(b, b, b).sum()):
        gradient = grad(cost, b)
        assert gradient.dtype == "float64" and tgen.function([b], gradient)([True, False]).tolist() == [0, 0]


@pytest.mark.slow
def test_small_integers_do_not_overflow():
    for dtype in ("int8", "uint8"):
        i = T.vector("i", dtype=dtype)
        gradients = [grad(cost, i) for cost in (T.sqr(i).sum(), (i**2).sum(), (i * i).sum())]
        assert [g.tolist() for g in tgen.function([i], gradients)(np.array([100], dtype))] == [[200]] * 3


def test_of_floatX():
    """float32 as floatX: the gradient is float32, whatever lies between."""
    before, tgen.config.floatX = tgen.config.floatX, "float32"
    try:
        assert slope(lambda i: i * np.float64(2.5)).dtype == slope(lambda i: i * i).dtype == "float32"
    finally:
        tgen.config.floatX = before


def test_second_derivatives_and_jacobians():
    i, n = T.lvector("i"), T.lscalar("n")
    results = [T.jacobian(i * i, i), T.hessian((i**3).sum(), i), T.Lop(i * i, i, T.constant([1.0, 2.0, 3.0]))]
    jacobian, hessian, lop = tgen.function([i], results)(I)
    assert jacobian.tolist() == np.diag(2.0 * I).tolist() and hessian.tolist() == np.diag(6.0 * I).tolist()
    assert lop.tolist() == [6, 0, -12]
    assert tgen.function([n], grad(grad(n * n * n, n), n))(2) == 12


def test_known_gradients_of_integers():
    i, g = T.lvector("i"), T.dvector("g")
    assert tgen.function([g], grad(None, i, known_grads={i: g}))([0.6]).tolist() == [0.6]
    assert tgen.function([g], Lop(i * 2, i, g))([1.0, 10.0]).tolist() == [2, 20]


def test_integers_of_an_op_in_python_pass_nothing():
    @tgen.compile.ops.as_op(itypes=[T.dvector], otypes=[T.lvector])
    def rounded(x):
        return np.rint(x).astype("int64")

    x = T.dvector("x")
    assert tgen.function([x], grad((rounded(x) * x).sum(), x))([2.6]).tolist() == [3]


# -- every op ------------------------------------------------------------------------------------------------


def _scalar_case(name):
    count = OPS[name].arity
    return name, [(2, 3), (2, 1), (1, 3)][:count], lambda *xs: apply(name, *xs)


def _inputs(shapes, dtype):
    return [variable(tuple(1 if n == 1 else None for n in s), dtype=dtype) for s in shapes]


def _takes_integers(build, shapes):
    try:
        build(*_inputs(shapes, "int64"))
    except TypeError:
        return False
    return True


SWEEP = {**CASES, **{name: _scalar_case(name) for name in SCALARS}}
SWEEP = {name: case for name, case in SWEEP.items() if _takes_integers(case[2], case[1])}


@pytest.mark.slow
@pytest.mark.parametrize("case", SWEEP)
def test_an_integer_is_read_as_a_float(case):
    """The gradient of every op that takes integers is that of the same op on floats of the same values."""
    name, shapes, build = SWEEP[case]
    rng = np.random.default_rng(4)
    arrays = [
        rng.integers(1, 4, s) if OPS[name].domain != Op.domain else rng.integers(-3, 4, s) for s in shapes
    ]
    found = []
    for dtype in ("int64", "float64"):
        inputs = _inputs(shapes, dtype)
        values = dict(zip(inputs, [a.astype(dtype) for a in arrays]))
        z = T.cast(build(*inputs), "float64")
        shape = evaluate([z], values)[0].shape
        weighted = z * literal(np.random.default_rng(5).uniform(0.5, 1.5, shape), "float64")
        found.append(evaluate(grad(weighted.sum(), inputs), values))
    for ints, floats in zip(*found):
        assert ints.dtype == "float64"
        np.testing.assert_allclose(ints, floats, rtol=1e-12)


def test_the_sweep_is_wide():
    names = {name for name, *_ in SWEEP.values()}
    assert {
        "mul",
        "pow",
        "sum",
        "prod",
        "max",
        "slice",
        "set_slice",
        "gather",
        "set_gather",
        "inc_gather",
        "sort",
        "concatenate",
        "cumsum",
        "cumprod",
        "pool",
        "reshape",
        "dimshuffle",
    } <= names
