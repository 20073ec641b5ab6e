"""Where a program is told that it is wrong: Python bools as operands, axes that are not there, labels and
counts out of range.
"""

import inspect

import numpy as np
import pytest
from numpy.exceptions import AxisError
from recorded import recorded
from test_twins import all_rows

import tgen
import tgen.tensor as T
from tgen.graph.nodes import Variable

CALLS = recorded(all_rows)
x, m, y = T.dvector("x"), T.dmatrix("m"), T.lvector("y")
s = tgen.shared(np.ones(3), "s")


def test_the_sweeps_are_wide():
    assert len({name for name, *_ in CALLS}) > 200 and len(CALLS) > 280


# -- Python's True and False ---------------------------------------------------------------------------------


def with_a_bool(args):
    """``args`` with each variable in turn, or the first of a list of them, as what ``x == 1`` is."""
    for k, a in enumerate(args):
        if isinstance(a, Variable):
            yield k, (*args[:k], x == 1, *args[k + 1 :])
        elif isinstance(a, (list, tuple)) and any(isinstance(e, Variable) for e in a):
            yield k, (*args[:k], [x == 1, *a[1:]], *args[k + 1 :])


@pytest.mark.slow
@pytest.mark.parametrize("name, function, args, options", CALLS, ids=[name for name, *_ in CALLS])
def test_no_function_takes_a_python_bool_for_a_tensor(name, function, args, options):
    for k, wrong in with_a_bool(args):
        place = "T.eq|wants an indexed variable" if name.endswith("_subtensor") and k == 0 else "T.eq"
        with pytest.raises(TypeError, match=place):
            function(*wrong, **options)


BOOLS = {
    "mean": lambda: T.mean(T.argmax(m, axis=1) == y),
    "switch": lambda: T.switch(x == 1, x, 0.0),
    "sum": lambda: T.sum(y == 1),
    "product": lambda: x * (y == 1),
    "on the left": lambda: (y == 1) * x,
    "minus": lambda: 1 - x * (y != 1),
    "and": lambda: T.gt(x, 1) & (y == 1),
    "cast": lambda: T.cast(y == 1, "float32"),
    "all": lambda: T.all([x == 1, x == 2]),
    "stack": lambda: T.stack([x.sum(), y == 1]),
    "nested": lambda: T.concatenate([[x.sum(), y == 1], x]),
    "value written": lambda: T.set_subtensor(x[0], y == 1),
    "index": lambda: x[y == 1],
    "filled": lambda: T.fill(x, y == 1),
    "full": lambda: T.full((3,), y == 1),
    "alloc": lambda: T.alloc(y == 1, 3),
    "size": lambda: T.zeros(y == 1),
    "as_tensor_variable": lambda: T.as_tensor_variable(False),
    "list": lambda: T.as_tensor_variable([1.0, x == 1]),
    "ifelse": lambda: tgen.ifelse(y == 1, x, 2 * x),
    "branch": lambda: tgen.ifelse(y[0], x.sum(), y == 1),
    "until": lambda: tgen.scan(lambda v: (v, tgen.scan_module.until(v == 1)), sequences=x),
    "step": lambda: tgen.scan(lambda v: v == 1, sequences=x),
    "state": lambda: tgen.scan(lambda p: p, outputs_info=[y == 1], n_steps=2),
    "condition of assert": lambda: tgen.tensor.opt.assert_op(x, y == 1),
    "cost": lambda: tgen.grad(x == 1, x),
    "known_grads": lambda: tgen.grad(None, x, known_grads={x: y == 1}),
    "output": lambda: tgen.function([x], x == 1),
    "output of several": lambda: tgen.function([x], [x, x == 1]),
    "grad_clip": lambda: tgen.gradient.grad_clip(x == 1, 0, 1),
    "disconnected": lambda: tgen.gradient.disconnected_grad(x == 1),
    "array comparison": lambda: x * (np.ones(3) == x),
    "random": lambda: tgen.tensor.shared_randomstreams.RandomStreams(1).normal((2,), x == 1),
}


@pytest.mark.parametrize("name", BOOLS)
def test_python_bools_name_eq(name):
    with pytest.raises(TypeError, match=r"T\.eq"):
        BOOLS[name]()


def test_the_line_of_a_python_bool_is_told():
    with pytest.raises(TypeError, match=r"False.*test_refusals\.py:\d+.*T\.eq.*T\.constant\(True\)"):
        x * (y == 1)


@pytest.mark.slow
def test_bools_that_mean_one_are_taken():
    flag = tgen.shared(True, "flag")
    b = T.scalar("b", dtype="bool")
    f = tgen.function(
        [b, x],
        [
            x * np.bool_(True),
            x * T.constant(True),
            x * np.array([True, False, True]),
            x[[True, False, True]],
            x * flag,
            x * b,
        ],
        updates=[(flag, False)],
    )
    given = np.arange(1.0, 4)
    assert [v.tolist() for v in f(True, given)] == [
        [1, 2, 3],
        [1, 2, 3],
        [1, 0, 3],
        [1, 3],
        [1, 2, 3],
        [1, 2, 3],
    ]
    assert not flag.get_value() and T.constant([True, False]).dtype == "bool"
    assert T.set_subtensor(m[[[True, False, True], [True] * 3]], 0).eval({m: np.ones((2, 3))}).tolist() == [
        [0, 1, 0],
        [0, 0, 0],
    ]
    assert T.sum(x, keepdims=True).ndim == 1


# -- axes ----------------------------------------------------------------------------------------------------

AXES = "axis axis1 axis2 axes source destination pattern".split()
COUNTS = (
    "T.tensordot",
    "T.batched_tensordot",
    "x.tensordot",
    "x.batched_tensordot",
)  # an int is a number of axes there
NONE = ("T.unique", "x.unique")  # of a flattened array only: no axis is in range


def axis_parameters(function):
    """The parameters of a function that name axes."""
    try:
        return {p.name: p for p in inspect.signature(function).parameters.values() if p.name in AXES}
    except ValueError:
        return {}


WITH_AXES = [
    (name, f, args, options, p)
    for name, f, args, options in CALLS
    for p in axis_parameters(f).values()
    if name not in COUNTS + NONE and not (f is T.stack and len(args) == 2)
]


@pytest.mark.parametrize(
    "name, function, args, options, p", WITH_AXES, ids=[f"{row[0]} {row[-1].name}" for row in WITH_AXES]
)
def test_an_axis_out_of_range_is_an_axis_error(name, function, args, options, p):
    for axis in (9, -9):
        call = inspect.signature(function).bind(*args, **options)
        call.arguments[p.name] = (axis,) if p.kind is p.VAR_POSITIONAL else axis
        with pytest.raises(AxisError):
            function(*call.args, **call.kwargs)


def test_axis_errors_are_what_numpy_raises():
    assert len(WITH_AXES) > 70
    for wrong in (
        lambda: x.sum(axis=1),
        lambda: T.stack([x, x], 2),
        lambda: m.dimshuffle(0, 2),
        lambda: T.nnet.softmax(m, axis=3),
    ):
        for error in (ValueError, IndexError, AxisError):
            with pytest.raises(error, match="out of bounds"):
                wrong()
    with pytest.raises(TypeError, match="axis twice"):
        T.stack([x, x], 0, axis=1)


# -- elements that a function refuses ------------------------------------------------------------------------

P = np.full((2, 3), 1 / 3)
k = T.lscalar("k")
LABELS = {
    "categorical_crossentropy": lambda: T.nnet.categorical_crossentropy(m, y),
    "one hot": lambda: T.nnet.crossentropy_categorical_1hot(m, y),
    "gradient": lambda: T.grad(T.nnet.categorical_crossentropy(T.nnet.softmax(m), y).sum(), m),
    "with bias": lambda: T.nnet.crossentropy_softmax_argmax_1hot_with_bias(m, np.zeros(3), y)[0],
    "scan": lambda: tgen.scan(
        lambda r, l: T.nnet.categorical_crossentropy(r.dimshuffle("x", 0), l.dimshuffle("x")), [m, y]
    )[0],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("mode", [None, "DebugMode"])
def test_labels_out_of_range_are_value_errors(name, mode):
    f = tgen.function([m, y], LABELS[name](), mode=mode)
    assert np.isfinite(f(P, [0, 2])).all()
    for labels in ([0, 3], [-1, 0], [0, -4], [10**12, 0], [-(10**12), 0]):
        with pytest.raises(ValueError, match=r"label.*0 to 2"):
            f(P, labels)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_labels_of_every_dtype(dtype):
    labels = T.vector(dtype=dtype)
    f = tgen.function([m, labels], T.nnet.categorical_crossentropy(m, labels))
    np.testing.assert_allclose(f(P, np.array([0, 2], dtype)), np.log([3, 3]))
    for wrong in (3, np.iinfo(dtype).max, np.iinfo(dtype).min if dtype.startswith("int") else 4):
        with pytest.raises(ValueError, match="label"):
            f(P, np.array([0, wrong], dtype))
    constant = T.nnet.categorical_crossentropy(m, np.array([0, 1], dtype))
    assert constant.eval({m: P}).shape == (2,)


COUNTED = {  # function of a vector of ints, right ones, a wrong one, the word
    "repeat": (lambda: T.repeat(x, y), [2, 0, 1], [1, -1, 1], "repeats"),
    "repeat an axis": (lambda: T.repeat(m, y, 0), [2, 1], [1, -3], "repeats"),
    "repeat all alike": (lambda: T.repeat(x, y[0]), [2], [-2], "negative"),
    "bincount": (lambda: T.bincount(y), [2, 0], [1, -1], "negative"),
    "bincount far": (lambda: T.bincount(y), [], [1, -100], "negative"),
    "weights": (lambda: T.bincount(y, x), [0, 1, 1], [0, -1, 1], "negative"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTED)
def test_negative_counts_are_value_errors(name):
    make, right, wrong, word = COUNTED[name]
    f = tgen.function([x, m, y], make(), on_unused_input="ignore")
    assert f(np.ones(3), P, np.array(right, "int64")).ndim
    with pytest.raises(ValueError, match=word):
        f(np.ones(3), P, np.array(wrong))


def test_bincount_that_asserts_raises_both():
    f = tgen.function([y], T.bincount(y, assert_nonneg=True))
    assert f([2, 2]).tolist() == [0, 0, 2]
    for error in (AssertionError, ValueError):
        with pytest.raises(error, match="negative"):
            f([2, -1])
    with pytest.raises(ValueError, match="negative"):
        T.repeat(x, -1)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_ceil_intdiv_of_every_dtype(dtype):
    a, b = T.vector(dtype=dtype), T.vector(dtype=dtype)
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    over, under = [high, 5, 4, high - 3, low, low + 1, 7], [2, 3, 5, 7, 3, 2, 7]
    got = T.ceil_intdiv(a, b).eval({a: np.array(over, dtype), b: np.array(under, dtype)})
    assert got.dtype == dtype and got.tolist() == [-(-p // q) for p, q in zip(over, under)]


# -- shapes that Theano refuses with a TypeError -------------------------------------------------------------

IMAGES = T.dtensor4("images")
BAD_SHAPES = {
    "not covered": ((2, 2), "valid", (1, 1, 5, 4)),
    "smaller": ((2, 2), "valid", (1, 1, 4, 1)),
    "even": ((2, 3), "wrap_centered", (1, 1, 4, 4)),
    "smaller than centered": ((3, 3), "wrap_centered", (1, 1, 4, 2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_SHAPES)
def test_bad_shapes_of_images2neibs_are_type_errors_and_value_errors(name):
    window, mode, shape = BAD_SHAPES[name]
    rows, columns = T.lscalars("rows", "columns")
    f = tgen.function(
        [IMAGES, rows, columns], T.nnet.neighbours.images2neibs(IMAGES, (rows, columns), mode=mode)
    )
    assert f(np.ones((1, 1, 6, 6)), 3, 3).shape[1] == 9
    static = T.TensorType("float64", shape)()
    for wrong in (
        lambda: f(np.ones(shape), *window),
        lambda: T.nnet.neighbours.images2neibs(static, window, mode=mode),
    ):
        for error in (TypeError, ValueError):
            with pytest.raises(error, match="windows"):
                wrong()
