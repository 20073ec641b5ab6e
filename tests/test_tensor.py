"""tgen.tensor: variables, types of results, what is refused, text. Values are the business of
test_twins.py.
"""

import pickle

import numpy as np
import pytest
from graph_eval import evaluate
from tgen.gof.graph import inputs

import tgen.tensor as T
from tgen import function
from tgen.config import config
from tgen.core.op import METHODS, OPS, SCALAR
from tgen.graph.nodes import Variable


def test_every_scalar_primitive_has_its_function():
    for name, op in OPS.items():
        if op.kind == SCALAR and name not in ("cast", "copy") and not op.identity:
            # x.clip(a_min=, a_max=)
            assert callable(getattr(T, name)) and (METHODS[name] is getattr(T, name) or name == "clip"), name


UFUNCS = [
    "exp",
    "sqrt",
    "log",
    "tanh",
    "sin",
    "floor",
    "ceil",
    "isnan",
    "arctan",
    "expm1",
    "log1p",
    "negative",
    "square",
    "sign",
    "absolute",
    "rint",
]


@pytest.mark.parametrize("name", UFUNCS)
def test_numpy_functions_of_variables(name):
    x, data = T.dvector(), np.array([0.5, 1.5, 2.0])
    np.testing.assert_allclose(evaluate([getattr(np, name)(x)], {x: data})[0], getattr(np, name)(data))


def test_numpy_arrays_on_the_left_give_one_variable():
    v = T.dvector()
    for made in (
        np.ones(2) * v,
        np.float64(2) * v,
        np.ones((2, 2)) + v,
        np.ones(2) @ v,
        np.ones(2) > v,
        np.maximum(v, 0),
    ):
        assert type(made).__name__ == "TensorVariable"
    assert (np.ones(2) == v) is False and (v == v) is True and v in {v: 1}
    with pytest.raises(TypeError, match="np.add.reduce has no symbolic form"):
        np.add.reduce(v)
    with pytest.raises(TypeError, match="out"):
        np.exp(v, out=np.zeros(2))


# -- variables and their types -------------------------------------------------------------------------------


def test_constructors():
    assert (
        T.row().broadcastable == (True, False)
        and T.col().broadcastable == (False, True)
        and T.fmatrix("m").name == "m"
    )
    assert (
        T.matrix("x", dtype="int64").type == T.lmatrix
        and T.scalar("inc", dtype="int32").type == T.iscalar
        and T.dvector.dtype == "float64"
    )
    assert (
        T.matrix().type == T.dmatrix == T.dmatrix().type and str(T.fvector) == "TensorType(float32, vector)"
    )
    assert (
        T.TensorType("float64", (False, True))("c").type
        == T.dcol
        == T.TensorType("float64", broadcastable=(False, True))
    )
    assert (
        T.tensor("float32", shape=(None, 784)).type.shape == (None, 784)
        and T.tensor("float64", (False, True)).type == T.dcol
    )
    assert (
        T.tensor(dtype="int8", broadcastable=(True,), name="b").name == "b"
        and T.tensor("x", dtype="int8", shape=(3,)).name == "x"
    )
    assert T.tensor4().ndim == 4 and T.ubvector().dtype == "uint8" and T.itensor3().dtype == "int32"
    x = T.dmatrix()
    assert x.type() is not x and x.type("n").name == "n" and x.type.make_variable().type == x.type
    with config.change_flags(floatX="float32"):
        assert T.matrix().type == T.fmatrix == T.TensorType("floatX", (None, None))


def test_several_at_once():
    assert [v.name for v in T.dscalars("xy")] == ["x", "y"] and [v.name for v in T.matrices("a", "b")] == [
        "a",
        "b",
    ]
    assert (
        len(T.vectors(3)) == 3
        and T.dscalars("x").name == "x"
        and [v.dtype for v in T.vectors("ab", dtype="int8")] == ["int8"] * 2
    )
    assert [v.type for v in T.itensor3s(2)] == [T.itensor3] * 2
    with pytest.raises(TypeError):
        T.dscalars()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: T.tensor("complex64", ()),
        lambda: T.tensor("float64", (), "n", 3),
        lambda: T.dmatrix(3),
        lambda: T.matrix("x", "int17"),
    ],
)
def test_wrong_types(wrong):
    with pytest.raises(TypeError):
        wrong()


def test_functions_are_comparable_picklable_and_named():
    assert T.tanh == T.tanh and T.tanh != T.nnet.sigmoid and T.sigmoid is T.nnet.sigmoid
    assert (
        str(T.tanh) == "Elemwise{tanh,no_inplace}"
        and str(T.nnet.sigmoid) == "sigmoid"
        and T.tanh.name == "tanh"
    )
    for thing in (T.tanh, T.nnet.relu, T.matrix, T.dmatrices, T.dmatrix, T.nnet.softmax, T.sum):
        assert pickle.loads(pickle.dumps(thing)) == thing
    assert "hyperbolic tangent" in T.tanh.__doc__


def test_constants():
    c = T.constant(np.ones((1, 3)), name="c")
    assert (
        c.broadcastable == (True, False)
        and c.name == "c"
        and T.constant(2, ndim=2).type.shape == (1, 1)
        and T.constant(1, dtype="int8").dtype == "int8"
    )
    assert (
        T.as_tensor_variable(np.ones((2, 1))).broadcastable == (False, True) and T.as_tensor_variable(c) is c
    )
    assert T.as_tensor_variable(T.row(), ndim=1).ndim == 1 and T.as_tensor_variable(
        T.vector(), ndim=3
    ).broadcastable == (True, True, False)
    data = np.ones(2)
    held = T.constant(data)
    data[:] = 5
    assert held.data.tolist() == [1, 1] and T.constant(np.ones(2, ">f8")).dtype == "float64"
    number = pickle.loads(pickle.dumps(T.constant(2)))
    assert (number * T.bvector()).dtype == "int8" and T.get_scalar_constant_value(T.zeros((2, 2))) == 0
    for wrong in (lambda: T.constant(T.scalar()), lambda: T.get_scalar_constant_value(T.scalar())):
        with pytest.raises((TypeError, T.NotScalarConstantError)):
            wrong()
    with pytest.raises(OverflowError):
        T.constant(2**63)


METHOD_NAMES = """
    T all any arccos arccosh arcsin arcsinh arctan arctanh argmax argmin argsort astype broadcastable ceil
    choose clip clone compress conj conjugate copy cos cosh cumprod cumsum deg2rad diagonal dimshuffle dot
    dtype eval exp exp2 expm1 fill flatten floor get_parents get_scalar_constant_value imag log log10 log1p
    log2 max mean min name ndim nonzero nonzero_values norm ones_like owner prod ptp rad2deg ravel real repeat
    reshape round searchsorted shape sin sinh size sort sqrt squeeze std sum swapaxes tag take tan tanh trace
    transfer transpose trunc type var zeros_like index
""".split()


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_methods_of_a_variable(name):
    x = T.dmatrix("x")
    assert name in dir(x)
    getattr(x, name)


def test_construction_observers_and_names():
    made = []
    Variable.append_construction_observer(made.append)
    try:
        x = T.dscalar("x")
        y = x + 1
    finally:
        x.remove_construction_observer(made.append)
    assert made[0] is x and made[-1] is y and Variable.construction_observers == []
    T.dscalar()
    assert made[-1] is y and x.auto_name == x.auto_name != y.auto_name and x.auto_name.startswith("auto_")
    with pytest.raises(ValueError):
        Variable.remove_construction_observer(made.append)


def test_what_is_known_when_the_graph_is_built():
    x = T.dtensor3("x")
    assert (
        T.get_vector_length(x.shape) == 3 == T.get_vector_length(np.zeros(3))
        and T.get_vector_length(T.concatenate([x.shape, [1]])) == 4
    )
    assert T.is_flat(x[0, 0]) and not T.is_flat(x) and T.is_flat(x, 3)
    assert T.upcast("int32", "float32") == "float64" and T.specify_shape(
        x, (2, None, T.lscalar())
    ).type.shape == (2, None, None)
    assert T.extract_constant(x) is x and T.extract_constant(T.zeros((2, 2))) == 0
    assert T.tensor("float64", (0, 3)).reshape((0, -1)).type.shape == (0, 3) and T.tensor(
        "float64", (4, 3)
    ).reshape((T.tensor("int8", (4,)).shape[0], -1)).type.shape == (4, 3)
    assert (
        T.float_dtypes == ["float32", "float64"]
        and set(T.discrete_dtypes) == set(T.int_dtypes + T.uint_dtypes)
        and "bool" in T.all_dtypes
    )
    assert (
        repr(T.mgrid) == "mgrid"
        and pickle.loads(pickle.dumps(T.ogrid)) is T.ogrid
        and not hasattr(x, "mgrid")
    )


def test_a_variable_is_not_a_number():
    x = T.dvector("x")
    for wrong in (lambda: bool(x > 1), lambda: len(x), lambda: float(x), lambda: int(x), lambda: [1, 2][x]):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(AttributeError, match="get_value"):
        x.get_value
    assert (
        type(x > 1).__name__ == "TensorVariable"
        and isinstance(x, T.TensorVariable)
        and isinstance(T.constant(1), T.TensorConstant)
    )
    assert (
        x.clone() is not x
        and x.clone("y").name == "y"
        and x.get_parents() == []
        and len((x + 1).get_parents()) == 1
    )
    assert sum([x, x]).type == x.type


# -- types of results ----------------------------------------------------------------------------------------


def test_broadcast_patterns():
    x, v = T.dmatrix(), T.vector()
    assert x.sum(axis=1, keepdims=True).broadcastable == (False, True) and x.reshape(
        (1, -1)
    ).broadcastable == (True, False)
    assert T.alloc(0.0, 1, x.shape[0]).broadcastable == (True, False) and T.zeros((1, 3)).broadcastable == (
        True,
        False,
    )
    assert T.shape_padleft(v).broadcastable == (True, False) and T.shape_padright(v).broadcastable == (
        False,
        True,
    )
    assert (
        (x + T.row()).broadcastable == (False, False)
        and T.outer(v, v).ndim == 2
        and T.nnet.softmax(v).broadcastable == (True, False)
    )
    assert T.unbroadcast(T.col(), 1).broadcastable == (False, False) and T.addbroadcast(
        x, 0
    ).broadcastable == (True, False)
    assert T.tensor("float64", (2, 3, 4)).flatten(2).type.shape == (2, 12) and T.concatenate(
        [T.row(), T.row()]
    ).type.shape == (2, None)
    assert T.tile(T.tensor("float64", (2,)), 3).type.shape == (6,) and T.zeros(
        T.row().shape
    ).broadcastable == (True, False)
    assert T.dot(T.tensor("float64", (1, None)), x).broadcastable == (True, False) and T.max(
        x, axis=[0, 1], keepdims=True
    ).broadcastable == (True, True)


MISUSE = [  # what, the exception, words of its message
    (lambda x, v: x + T.zeros((2, 3)) + T.zeros((3, 3)), ValueError, "mis-match"),
    (lambda x, v: x.sum(axis=2), ValueError, "out of bounds for a value with 2 dimensions"),
    (lambda x, v: x.sum(axis=(0, 0)), ValueError, "twice"),
    (lambda x, v: x.sum(axis=0.5), TypeError, "axis must be an int"),
    (lambda x, v: x.sum(acc_dtype="int32"), TypeError, "precision would be lost"),
    (lambda x, v: x.mean(acc_dtype="float32"), TypeError, "precision would be lost"),
    (lambda x, v: x.dimshuffle(0), ValueError, "dropped"),
    (lambda x, v: x.dimshuffle(0, 0, 1), ValueError, "each once"),
    (lambda x, v: x.transpose(0), ValueError, "once"),
    (lambda x, v: x.reshape(T.lvector()), ValueError, "cannot be automatically determined"),
    (lambda x, v: x.reshape((-1, -1)), ValueError, "only one"),
    (lambda x, v: x.reshape((2.5,)), TypeError, "integer"),
    (lambda x, v: x.reshape((1, 2), ndim=3), ValueError, "ndim=3"),
    (lambda x, v: T.zeros((4,)).reshape((3, -1)), ValueError, "divide"),
    (lambda x, v: T.zeros((4,)).reshape((3,)), ValueError, "reshape"),
    (lambda x, v: x.flatten(3), ValueError, "from 1 to 2"),
    (lambda x, v: T.concatenate([x, v]), TypeError, "same number of dimensions"),
    (lambda x, v: T.concatenate(x), TypeError, "list"),
    (lambda x, v: T.concatenate([T.scalar(), 1]), TypeError, "T.stack"),
    (lambda x, v: T.concatenate([x, x], axis=2), ValueError, "out of bounds"),
    (lambda x, v: T.stack([x, v]), ValueError, "number of dimensions"),
    (lambda x, v: T.dot(T.zeros((2, 3)), T.zeros((2, 3))), ValueError, "mis-match"),
    (lambda x, v: T.tensordot(x, v, 2), ValueError, "axes"),
    (lambda x, v: T.matmul(x, 2), ValueError, "scalar"),
    (lambda x, v: T.nnet.categorical_crossentropy(x, T.itensor3()), TypeError, "rank mismatch"),
    (lambda x, v: T.nnet.categorical_crossentropy(x, T.dvector()), TypeError, "integers"),
    (lambda x, v: T.nnet.softmax(T.scalar()), ValueError, "dimension"),
    (lambda x, v: T.arange(0, 5, 0), ValueError, "step of 0"),
    (lambda x, v: T.arange(v), TypeError, "scalars"),
    (lambda x, v: T.alloc(x, 3), ValueError, "more"),
    (lambda x, v: T.zeros((-1,)), ValueError, "negative"),
    (lambda x, v: T.repeat(x, 1.5), TypeError, "integer"),
    (lambda x, v: T.tile(x, 2, ndim=1), ValueError, "ndim=1"),
    (lambda x, v: T.diag(T.tensor3()), ValueError, "vector or a matrix"),
    (lambda x, v: T.round(x, mode="up"), ValueError, "half_to_even"),
    (lambda x, v: T.take(x, [0], mode="up"), ValueError, "'raise', 'wrap' or 'clip'"),
    (lambda x, v: T.sort(x, kind="bogo"), ValueError, "kind"),
    (lambda x, v: T.searchsorted(x, v), ValueError, "vector"),
    (lambda x, v: x & 1, TypeError, "bitwise"),
    (lambda x, v: x + "text", TypeError, "'text'"),
    (lambda x, v: x.transfer("gpu"), ValueError, "CPU"),
    (lambda x, v: x.max(axis=0) + T.zeros((0,)).max(), ValueError, "zero-size"),
    (lambda x, v: T.patternbroadcast(x, (True, False, True)), ValueError, "2 dimensions"),
    (lambda x, v: T.fill(v, x), ValueError, "more dimensions"),
    (lambda x, v: T.get_vector_length(v), ValueError, "length not known"),
    (lambda x, v: T.get_vector_length(x), TypeError, "vector"),
    (lambda x, v: T.specify_shape(x, (2,)), ValueError, "1 sizes, x 2 dimensions"),
    (lambda x, v: T.specify_shape(T.row(), (2, None)), ValueError, "axis 0 is 1, not 2"),
    (lambda x, v: T.scalar_from_tensor(v), TypeError, "no dimensions"),
    (lambda x, v: T.choose([0], [v, v], out=x), TypeError, "no out="),
    (lambda x, v: T.mgrid[0], TypeError, "takes slices"),
    (lambda x, v: T.ogrid[0:2, 1:], ValueError, "needs a stop"),
    (lambda x, v: T.mgrid[0:1:5j], TypeError, "takes slices"),
    (lambda x, v: T.fill_diagonal(v, 1), TypeError, "at least two axes"),
    (lambda x, v: T.fill_diagonal(x, v), TypeError, "with a scalar"),
    (lambda x, v: T.fill_diagonal(T.tensor("float64", (2, 3, 3)), 1), ValueError, "axis 1 is 3, not 2"),
    (lambda x, v: T.fill_diagonal_offset(T.dtensor3(), 1, 0), TypeError, "takes a matrix"),
    (lambda x, v: T.inverse_permutation(v), TypeError, "must be integers"),
    (lambda x, v: T.inverse_permutation(T.iscalar()), TypeError, "at least one dimension"),
    (lambda x, v: T.permute_row_elements(T.tensor("float64", (3,)), [0, 1]), ValueError, "2"),
    (lambda x, v: T.unravel_index(v, (2, 3)), TypeError, "must be integers"),
    (lambda x, v: T.unravel_index([0], (2, 3), order="A"), ValueError, "order must be"),
    (lambda x, v: T.ravel_multi_index(([0],), (2, 3)), ValueError, "1 index arrays for 2 dimensions"),
    (lambda x, v: T.ravel_multi_index(([0], [0]), (2, 3), mode="up"), ValueError, "mode must be"),
    (lambda x, v: T.ravel_multi_index(([0], [0]), (-1, 3), mode="wrap"), ValueError, "negative size"),
    (lambda x, v: T.nnet.confusion_matrix(x, v), ValueError, "actual must be a vector"),
    (lambda x, v: T.nnet.prepend_scalar_to_each_row(v, x), TypeError, "a scalar and a matrix"),
    (lambda x, v: T.nnet.causal_conv1d(x, x), TypeError, "3 dimensions"),
    (lambda x, v: T.signal.conv.conv2d(x, v), TypeError, "filters"),
    (lambda x, v: T.signal.conv.conv2d(x, x, border_mode="half"), ValueError, "border_mode"),
    (lambda x, v: T.full_like(T.dscalar(), v), ValueError, "more dimensions"),
]


@pytest.mark.parametrize("row", range(len(MISUSE)))
def test_misuse_is_refused_when_the_graph_is_built(row):
    wrong, error, words = MISUSE[row]
    with pytest.raises(error, match=words):
        wrong(T.dmatrix("x"), T.dvector("v"))


def test_what_is_like_a_scalar_depends_on_it():
    """Theano's zeros_like(x) is a graph of x, so x may be an input of a function of it."""
    x, y = T.dscalars("xy")
    likes = [
        T.zeros_like(x),
        T.ones_like(x, "int8"),
        T.full_like(x, 2),
        T.fill(x, 3),
        T.grad(y, x, disconnected_inputs="ignore"),
    ]
    assert [r.tolist() for r in function([x], likes[:4])(np.nan)] == [0, 1, 2, 3] and function([x], likes[4])(
        1
    ) == 0
    assert all(inputs([v])[0] is x for v in likes)


def test_errors_name_the_line():
    with pytest.raises(ValueError, match="test_tensor.py"):
        T.zeros((2,)) + T.zeros((3,))


# -- text ----------------------------------------------------------------------------------------------------


def test_pp_and_debugprint():
    x, y = T.dmatrices("xy")
    assert (
        T.pp(x + y) == "(x + y)"
        and T.pp(T.exp(-x.T)) == "exp((-x.T))"
        and T.pp(x.sum(axis=0)) == "Sum{axes=(0,)}(x)"
    )
    assert (
        T.pp(T.dot(x, y) * 2) == "((x \\dot y) * TensorConstant{2.0})"
        and T.pp(T.dscalar()) == "<TensorType(float64, scalar)>"
    )
    z = T.exp(x)
    assert T.debugprint(z * z, file="str").splitlines() == [
        "mul [A]",
        " |exp [B]",
        " | |x [C]",
        " |exp [B] ...",
    ]
    assert T.debugprint([z, y], file="str", depth=1, print_type=True).splitlines() == [
        "exp [A] <TensorType(float64, matrix)>",
        "y [B] <TensorType(float64, matrix)>",
    ]


@pytest.mark.slow
def test_long_chains_are_built_and_printed_without_recursion():
    x = T.dscalar("x")
    y = x
    for _ in range(4000):
        y = T.tanh(y)
    assert len(T.pp(y)) >= 4000 and len(T.debugprint(y, file="str").splitlines()) == 4001
    z = x
    for _ in range(200):
        z = z + z
    assert T.pp(z).endswith(" ...")


def test_every_public_function_is_documented():
    for name in T.__all__:
        thing = getattr(T, name)
        if callable(thing) and not isinstance(thing, (type, T.TensorType)):
            assert thing.__doc__ and len(thing.__doc__) > 10, name
    assert isinstance(T.scalar(), Variable)
