"""What libraries on top of Theano do, met by running them: Lasagne 0.1, Keras 1.2.2 and 2.3.1, PyMC3 3.8,
theanets, downhill, theano_lstm, passage.
"""

import sys
import warnings
from collections import deque

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.errors import TheanoWarning

X = T.dvector("x")
VALUES = np.array([-2.0, 0.5, 3.0])


@pytest.fixture
def theano():
    yield tgen.install_as_theano()
    tgen.uninstall_theano()


# -- ops of numbers


def smooth_step(scalar):
    class Op(scalar.UnaryScalarOp):
        def impl(self, x):
            return x * x if x > 0 else 0.0

        def grad(self, inputs, output_gradients):
            return [output_gradients[0] * T.switch(inputs[0] > 0, 2 * inputs[0], 0)]

        def c_code(self, node, name, inp, out, sub):
            return "never read"

    return Op


def test_an_op_of_numbers(theano):
    from theano import scalar
    from theano.tensor.elemwise import Elemwise

    op = Elemwise(smooth_step(scalar)(scalar.upgrade_to_float, name="smooth_step"), name="smooth_step")
    y = op(X)
    f = theano.function([X], [y, theano.grad(y.sum(), X), theano.grad(theano.grad(y.sum(), X).sum(), X)])
    for got, wanted in zip(f(VALUES), ([0, 0.25, 9], [0, 1, 6], [0, 2, 2])):
        np.testing.assert_array_equal(got, wanted)
    assert (
        isinstance(y.owner.op, Elemwise)
        and str(op) == "smooth_step"
        and op(T.lmatrix()).type == T.dmatrix
        and op(T.bscalar()).dtype == "float32"
    )
    np.testing.assert_array_equal(theano.function([X], op(X[:0]))(VALUES), [])


def test_an_op_of_two_numbers_broadcasts(theano):
    from theano import scalar

    class Gap(scalar.BinaryScalarOp):
        def impl(self, x, y):
            return abs(x - y)

        def grad(self, inputs, output_gradients):
            sign = T.sgn(inputs[0] - inputs[1]) * output_gradients[0]
            return [sign, -sign]

    m, r = T.dmatrix("m"), T.dvector("r")
    y = T.Elemwise(Gap())(m, r)
    f = theano.function([m, r], [y, *theano.grad(y.sum(), [m, r])])
    a, b = np.arange(6.0).reshape(2, 3), np.array([2.5, 0.5, 9.0])
    for got, wanted in zip(f(a, b), (abs(a - b), np.sign(a - b), -np.sign(a - b).sum(0))):
        np.testing.assert_array_equal(got, wanted)
    with pytest.raises(ValueError):
        f(a, b[:2])
    with pytest.raises(TypeError, match="takes 2 operands; got 1"):
        Gap()(m)


def test_an_op_of_numbers_with_two_results(theano):
    from theano import scalar

    class Parts(scalar.ScalarOp):
        nin, nout = 1, 2
        output_types_preference = staticmethod(scalar.specific_out(T.lscalar, T.dscalar))

        def impl(self, x):
            return int(np.floor(x)), x - np.floor(x)

    whole, rest = theano.function([X], Parts()(X))(VALUES)
    assert whole.dtype == "int64" and whole.tolist() == [-2, 0, 3] and rest.tolist() == [0, 0.5, 0]


def test_equal_ops_of_numbers(theano):
    from theano import scalar

    Op = smooth_step(scalar)
    assert (
        Op(scalar.upgrade_to_float, name="a")
        == Op(scalar.upgrade_to_float, name="a")
        != Op(scalar.upcast_out, name="a")
    )
    assert [
        scalar.same_out(T.iscalar)[0].dtype,
        scalar.transfer_type(1, T.bscalar)(T.iscalar, T.fscalar)[0].dtype,
        scalar.upgrade_to_float64(T.fscalar)[0].dtype,
    ] == ["int32", "float32", "float64"]


@pytest.mark.parametrize("wrong", [3, np.tanh, object()])
def test_elemwise_of_something_else(wrong):
    with pytest.raises(TypeError, match="Elemwise takes a scalar op"):
        T.Elemwise(wrong)


def test_elemwise_of_a_function():
    assert T.Elemwise(T.tanh) is T.tanh


# -- views


def test_a_view_with_its_own_gradient(theano):
    """As recurrent networks clip gradients; the rewrite that takes the op away is no news."""

    class Clip(theano.compile.ViewOp):
        def __init__(self, bound):
            self.bound = bound

        def grad(self, inputs, output_gradients):
            return [T.clip(g, -self.bound, self.bound) for g in output_gradients]

    clip = Clip(1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        T.opt.register_canonicalize(theano.gof.OpRemove(clip), name="clip")
    y = clip(X)
    value, g = theano.function([X], [y, theano.grad((y**2).sum(), X)])(VALUES)
    assert value.tolist() == VALUES.tolist() and g.tolist() == [-1.5, 1, 1.5]


def test_a_variable_of_ones_own_for_a_value(theano):
    class Named(T.TensorVariable):
        def __init__(self, value, name):
            super().__init__(value.type, None, None, name)
            theano.Apply(theano.compile.view_op, inputs=[value], outputs=[self])

    v = Named(T.exp(X), "v")
    assert v.name == "v" and v.owner.op is theano.compile.view_op and v.owner.get_parents() == v.owner.inputs
    np.testing.assert_allclose(
        theano.function([X], theano.grad((v * 2).sum(), X))(VALUES), 2 * np.exp(VALUES)
    )


def test_rewrites_are_not_used(theano):
    with pytest.warns(TheanoWarning, match="the rewrite local_odd is not used"):

        @T.opt.register_specialize("fast_compile")
        @theano.gof.local_optimizer([T.exp])
        def local_odd(node):
            raise AssertionError("called")

    assert theano.function([X], T.exp(X))(VALUES).shape == (3,)


# -- what is asked of a variable


def test_whether_there_is_a_variable():
    """``if bias:`` and ``given or default`` ask for None."""
    assert bool(X) and bool(X[0]) and bool(tgen.shared(0.0)) and bool(T.constant(0)) and (X or None) is X
    for wrong in (X > 0, T.eq(X, 1), T.all(X), T.bvector() < 1):
        with pytest.raises(TypeError, match="Variables do not support boolean operations"):
            bool(wrong)


def test_test_values_are_copied():
    x, other = T.dvector("x"), T.dvector("other")
    x.tag.test_value = VALUES
    with tgen.config.change_flags(compute_test_value="raise"):
        y = T.exp(x)
        y.tag.colour = "red"
        assert T.dscalar().shape.tag.test_value.tolist() == []
        for strict in (True, False):
            twin = tgen.clone(y, {x: other}, strict=strict)
            assert (twin - y).tag.test_value.tolist() == [0, 0, 0] and twin.tag.colour == "red"
            twin.tag.colour = "blue"
        assert y.tag.colour == "red" and T.constant([1, 2]).tag.test_value.tolist() == [1, 2]
        wide = T.fvector("wide")
        wide.tag.test_value = VALUES.astype("float32")
        narrow = tgen.clone(y, {x: wide}, strict=False)
        # it would be one of another type
        assert narrow.dtype == "float32" and not hasattr(narrow.tag, "test_value")


def test_searches(theano):
    from theano.gof.graph import stack_search

    y = T.exp(X) + X
    first = stack_search(deque([y]), lambda v: v.owner.inputs if v.owner else None, "bfs")
    assert first[0] is y and set(first) >= {y, X, y.owner.inputs[0]} and len(first) == 3
    deep, back = stack_search([y], lambda v: v.owner.inputs if v.owner else [], mode="dfs", build_inv=True)
    assert set(deep) == set(first) and set(back[X]) == {y, y.owner.inputs[0]}
    with pytest.raises(ValueError, match="mode"):
        stack_search([y], lambda v: (), mode="best")


def test_options_as_a_list(theano):
    """As samplers keep the options of a model and set them anew."""
    flags = {flag.fullname: flag for flag in theano.configparser._config_var_list}
    assert flags["floatX"].__get__(True, None) == theano.config.floatX and len(
        theano.configparser._config_var_list
    ) == len(flags)
    old = theano.config.compute_test_value
    try:
        flags["compute_test_value"].__set__(None, "ignore")
        assert theano.config.compute_test_value == "ignore" and flags["warn.round"].__get__(True) is False
    finally:
        theano.config.compute_test_value = old


def test_imports(theano):
    names = {}
    exec(
        "from theano import theano, scalar, tensor as tt\nimport theano.sparse as sparse\nfrom "
        "theano.tensor import Tensor, Op, Apply, Variable",
        names,
    )
    assert names["theano"] is theano is sys.modules["theano"] and names["Tensor"](
        "float64", (False, True), name="t"
    ).broadcastable == (False, True)
    assert (
        names["Op"] is tgen.Op
        and not isinstance(X.type, names["sparse"].SparseType)
        and not isinstance(X, names["sparse"].basic.SparseVariable)
    )


# -- ops by their classes


def made():
    """(what a class of Theano's makes, what it stands for)."""
    from tgen.dropin import opclasses as ops

    m, k, image, kernel = T.dmatrix("m"), T.lscalar("k"), T.dtensor4("image"), T.dtensor4("kernel")
    out = T.nnet.conv2d(image, kernel, border_mode=1, subsample=(2, 2), filter_flip=False)
    conv = dict(border_mode=1, subsample=(2, 2), filter_flip=False)
    return [m, k, image, kernel], [
        (ops.DimShuffle((False, False), (1, "x", 0))(m), m.dimshuffle(1, "x", 0)),
        (ops.Sum(axis=0)(m), m.sum(0)),
        (ops.Prod()(m), m.prod()),
        (ops.All(1)(m > 0), T.all(m > 0, 1)),
        (ops.Argmax(1)(m), T.argmax(m, 1)),
        (ops.MaxAndArgmax(0)(m)[0], m.max(0)),
        (ops.Dot()(m, m.T), T.dot(m, m.T)),
        (ops.Softmax()(m), T.nnet.softmax(m)),
        (ops.Reshape(1)(m, [-1]), m.flatten()),
        (ops.Join()(0, m, m), T.concatenate([m, m])),
        (ops.Alloc()(k, 2, k), T.alloc(k, 2, k)),
        (ops.ARange("int32")(k), T.arange(k, dtype="int32")),
        (ops.MakeVector("float64")(k, 2), T.stack([k, 2.0])),
        (ops.Shape_i(1)(m), m.shape[1]),
        (ops.Rebroadcast((0, True), (1, False))(m[:1]) + m, m + m[0]),
        (ops.Pool(True, "sum")(image, (2, 2)), T.signal.pool.pool_2d(image, (2, 2), True, mode="sum")),
        (ops.AbstractConv2d(**conv)(image, kernel), out),
        (
            ops.AbstractConv2d_gradInputs(kshp=(4, 3, 2, 2), **conv)(kernel, out, image.shape[2:]),
            T.nnet.conv2d_grad_wrt_inputs(out, kernel, image.shape, **conv),
        ),
        (
            ops.AbstractConv2d_gradWeights(**conv)(image, out, (2, 2)),
            T.nnet.conv2d_grad_wrt_weights(image, out, (None, None, 2, 2), **conv),
        ),
        (m[[slice(None), slice(None, None, -1)]], m[:, ::-1]),
    ]


@pytest.mark.slow
def test_ops_by_their_classes():
    inputs, pairs = made()
    rng = np.random.RandomState(0)
    values = [rng.rand(3, 4), 5, rng.rand(2, 3, 7, 7), rng.rand(4, 3, 2, 2)]
    results = tgen.function(inputs, [v for pair in pairs for v in pair])(*values)
    for (a, _), got, wanted in zip(pairs, results[::2], results[1::2]):
        assert got.dtype == wanted.dtype, a
        np.testing.assert_array_equal(got, wanted)


def test_a_class_that_makes_nothing():
    from tgen.dropin.opclasses import CumOp

    with pytest.raises(TypeError, match="a graph is built with the functions of tgen.tensor"):
        CumOp()
