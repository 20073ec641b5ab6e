"""Valid programs that must not be refused: inputs that only a graph needed, Rop, known gradients, draws and
their copies.
"""

import gc
import pickle
import weakref

import numpy as np
import pytest
from tgen.gof.null_type import NullType
from tgen.gradient import DisconnectedType
from tgen.sandbox.rng_mrg import MRG_RandomStreams
from tgen.tensor.shared_randomstreams import RandomStreams

import tgen
import tgen.tensor as T
from tgen import function
from tgen.errors import DisconnectedInputError, NullTypeGradError, RopError, UnusedInputError
from tgen.random import philox

x, y, u, v = T.dvectors("x", "y", "u", "v")
s, m, k, n = T.dscalar("s"), T.dmatrix("m"), T.lscalar("k"), T.lscalar("n")
w = tgen.shared(1.0, "w")
AT = np.array([1.0, 2.0])


# -- inputs that only the graph needed -----------------------------------------------------------------------

ONE = T.TensorType("float64", (1,))("one")
ASKED = {  # expression of one input, the input, its value, the result
    "gradient of a line": (T.grad(2 * s, s), s, 3.0, 2),
    "of itself": (T.grad(s, s), s, 3.0, 1),
    "size": (s.size, s, 3.0, 1),
    "shape": (s.shape, s, 3.0, []),
    "part of an update": (w - 0.5 * T.grad(2 * s, s), s, 3.0, 0),
    "static zeros": (T.zeros_like(ONE), ONE, [3.0], [0]),
    "another's gradient": (T.grad(2 * w + s, w), s, 3.0, 2),
    "Rop": (T.Rop(2 * s, s, T.constant(5.0)), s, 3.0, 10),
    "jacobian": (T.jacobian(T.stack([2 * w, 3 * w + s]), w), s, 3.0, [2, 3]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_an_input_that_only_the_graph_needed_is_used(name):
    expression, given, value, wanted = ASKED[name]
    assert function([given], expression)(value).tolist() == wanted
    assert function([], tgen.shared(0.0), updates=[], givens={}) is not None


def test_other_inputs_are_unused_as_before():
    with pytest.raises(UnusedInputError, match="index 1"):
        function([s, x], T.grad(2 * s, s))
    with pytest.raises(UnusedInputError):
        function([s], w * 2)
    f = function([s], w, updates=[(w, w - T.grad(2 * s, s))])
    assert f(3.0) == 1 and w.get_value() == -1
    w.set_value(1.0)
    for on_unused_input in ("warn", "ignore"):
        assert function([s], T.grad(2 * s, s), on_unused_input=on_unused_input)(1.0) == 2


# -- Rop and known gradients ---------------------------------------------------------------------------------

ROPS = {  # outputs, wrt, eval_points, the results at x = AT, y = 0, u = 1, v = 10
    "each of its own": ([2 * x, T.exp(y)], [x, y], [u, v], [[2, 2], [10, 10]]),
    "one pull-back for two": ([x + y], [x, y], [u, v], [[11, 11]]),
    "the adjoint itself": ([x + T.exp(y)], [x, y], [u, v], [[11, 11]]),
    "itself": ([x], [x, y], [u, v], [[1, 1]]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ROPS)
def test_rop_through_outputs_that_do_not_depend_on_all(name):
    outputs, wrt, points, wanted = ROPS[name]
    found = [
        z.eval({a: b for a, b in ((x, AT), (y, [0, 0]), (u, [1, 1]), (v, [10, 10])) if needs(z, a)})
        for z in T.Rop(outputs, wrt, points)
    ]
    assert [z.tolist() for z in found] == wanted


def needs(z, a):
    return a in tgen.gof.graph.inputs([z])


class NoGradient(tgen.Op):
    def make_node(self, a):
        return tgen.Apply(self, [a], [a.type()])

    def perform(self, node, inputs, storage):
        storage[0][0] = inputs[0]


def test_rop_of_what_has_no_derivative_is_a_type_error_and_a_value_error():
    for wrong, wrt in ((NoGradient()(x), x), (T.argmax(m, axis=1), m), (T.gt(x, 1), x)):
        for error in (TypeError, ValueError, RopError):
            with pytest.raises(error):
                T.Rop(wrong, wrt, wrt)


def test_rop_of_an_expression_that_does_not_depend_is_zero_and_of_a_bare_variable_an_error():
    assert T.Rop(2 * x, y, u).eval({x: AT}).tolist() == [0, 0]
    both = tgen.function([x, y, u], T.Rop([2 * x, y**2], [y], [u]))
    assert [z.tolist() for z in both(AT, [3, 4], [1, 2])] == [[0, 0], [6, 16]]
    stopped = T.Rop(2 * tgen.gradient.disconnected_grad(y), y, u)
    assert stopped.eval({y: [3, 4]}).tolist() == [0, 0]
    assert T.Rop(y, y, u).eval({y: [3, 4], u: [1, 2]}).tolist() == [1, 2]
    for bare in (x, tgen.shared(np.ones(2)), T.constant([1.0, 2.0])):
        with pytest.raises(DisconnectedInputError, match="no expression and not in wrt"):
            T.Rop(bare, y, u)
        with pytest.warns(UserWarning) as told:
            zero = T.Rop(bare, y, u, disconnected_outputs="warn")
        assert told[0].filename == __file__ and zero.type == bare.type
        assert T.Rop([bare], [y], [u], "ignore", return_disconnected="None") == [None]
    with pytest.raises(ValueError, match="disconnected_outputs"):
        T.Rop(x, y, u, disconnected_outputs="zero")


def test_known_gradients_of_lower_rank_broadcast():
    square = x**2
    assert T.grad(None, x, known_grads={square: s}).eval({x: AT, s: 3.0}).tolist() == [6, 12]
    assert T.grad(None, m, known_grads={m**2: x}).eval({m: [[1, 2], [3, 4]], x: AT}).tolist() == [
        [2, 8],
        [6, 16],
    ]
    with pytest.raises(TypeError, match="2 dimensions"):
        T.grad(None, x, known_grads={square: m})


def test_known_gradients_that_are_undefined_or_disconnected():
    square = x**2
    with pytest.raises(NullTypeGradError, match="no reason"):
        T.grad(None, x, known_grads={square: NullType("for no reason")()})
    undefined = T.grad(None, x, known_grads={square: NullType("w")()}, null_gradients="return")
    assert isinstance(undefined.type, NullType)
    with pytest.raises(DisconnectedInputError):
        T.grad(None, x, known_grads={square: DisconnectedType()()})
    zero = T.grad(None, x, known_grads={square: DisconnectedType()()}, disconnected_inputs="ignore")
    assert zero.eval({x: AT}).tolist() == [0, 0]
    both = T.grad((3 * x).sum() + square.sum(), x, known_grads={square: DisconnectedType()()})
    assert both.eval({x: AT}).tolist() == [3, 3]


# -- small things --------------------------------------------------------------------------------------------


def test_default_updates_can_be_taken_away():
    a = tgen.shared(1.0)
    a.default_update = a + 1
    del a.default_update
    assert a.default_update is None and function([], a)() == 1 == a.get_value()
    with pytest.raises(AttributeError):
        del a.default_update
    with pytest.raises(AttributeError):
        del a.container_of_nothing


def test_patterns_that_name_fewer_axes():
    assert T.patternbroadcast(m, ()).type == m.type and T.patternbroadcast(m, (True,)).broadcastable == (
        True,
        False,
    )
    with pytest.raises(ValueError, match="pattern"):
        T.patternbroadcast(m, (True, False, False))


def test_transposes_are_named():
    assert (x.T.name, m.T.name, m.transpose().name) == ("x.T", "m.T", "m.T")
    assert (m + 1).T.name is None and m.transpose((1, 0)).name is None


def test_nonzero_of_a_scalar_is_a_value_error():
    for wrong in (s.nonzero, lambda: T.nonzero(s), lambda: T.nonzero_values(s), s.flatnonzero):
        with pytest.raises(ValueError, match="scalar"):
            wrong()


# -- axes that are variables ---------------------------------------------------------------------------------

X, Y = T.dmatrices("X", "Y")
ON_AXIS = {
    "join": (lambda axis: T.join(axis, X, Y), np.concatenate, 2),
    "concatenate": (lambda axis: T.concatenate([X, Y], axis), np.concatenate, 2),
    "stack": (lambda axis: T.stack([X, Y], axis=axis), np.stack, 3),
    "stack by position": (lambda axis: T.stack([X, Y], axis), np.stack, 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_AXIS)
@pytest.mark.parametrize("dtype", ["int64", "int8"])
def test_join_and_stack_along_a_symbolic_axis(name, dtype):
    make, twin, ndim = ON_AXIS[name]
    axis = T.scalar("axis", dtype=dtype)
    z = make(axis)
    f = function([axis, X, Y], [z, T.grad((z**2).sum(), X)])
    a, b = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    for number in range(-ndim, ndim):
        value, slope = f(number, a, b)
        assert np.array_equal(value, twin([a, b], number)) and np.array_equal(slope, 2 * a)
    for number in (ndim, -ndim - 1):
        with pytest.raises(np.exceptions.AxisError, match="out of bounds"):
            f(number, a, b)
    with pytest.raises(TypeError, match="integer scalar"):
        make(T.fscalar())


@pytest.mark.slow
def test_only_the_axis_that_is_taken_must_fit():
    f = function([k, X, Y], T.join(k, X, Y))
    assert f(1, np.ones((2, 3)), np.ones((2, 1))).shape == (2, 4)
    with pytest.raises(ValueError, match="mis-match"):
        f(0, np.ones((2, 3)), np.ones((2, 1)))
    row = T.drow()
    assert T.join(k, row, row).eval({k: 0, row: [[1.0, 2.0]]}).tolist() == [[1, 2], [1, 2]]
    assert T.join(T.constant(1), X, Y).owner.inputs == [X, Y]


# -- names that Theano's programs look for -------------------------------------------------------------------


def test_xlogx():
    f = function([x], [T.xlogx(x), T.xlogx.xlogx(x), T.grad(T.xlogx(x).sum(), x), T.xlogx.xlogy0(x, 0 * x)])
    value, again, slope, other = f([0.0, 1.0, 2.0])
    assert value.tolist() == again.tolist() == [0, 0, 2 * np.log(2)] and slope.tolist() == [
        0,
        1,
        1 + np.log(2),
    ]
    assert other.tolist() == [0, -np.inf, -np.inf] and tgen.tensor.xlogx is T.xlogx


def test_ops_equal_the_functions_that_made_them():
    z = x + 1
    assert z.owner.op == T.add == z.owner.op and z.owner.op != T.mul and not z.owner.op != T.add
    assert z.owner.op in (T.mul, T.add) and {T.add: 1}[z.owner.op] == 1 and T.add == T.add != T.sub
    for function_of_two in (T.add, T.mul, T.sub, T.maximum, T.true_div):
        assert function_of_two(x, y).owner.op == function_of_two
    chosen = T.switch(x > 0, x, y).owner.op
    assert chosen == T.switch == T.where and chosen in {T.add, T.switch} and isinstance(T.switch, T.Elemwise)
    assert str(T.switch) == "Elemwise{switch,no_inplace}" and pickle.loads(pickle.dumps(T.switch)) is T.switch
    assert T.tanh(x).owner.op == T.tanh and T.dot(X, Y).owner.op != T.add


@pytest.mark.slow
def test_outputs_of_functions_and_scans():
    f = function([x], [2 * x, tgen.Out(x, borrow=True)])
    assert [out.variable for out in f.outputs] == f.maker.fgraph.outputs and f.outputs[1].borrow
    sums, _ = tgen.scan(lambda step, total: total + step, sequences=x, outputs_info=T.constant(0.0))
    node = next(
        n for n in tgen.gof.graph.io_toposort([x], [sums]) if isinstance(n.op, tgen.scan_module.scan_op.Scan)
    )
    assert [v.owner.op == T.add for v in node.op.outputs] == [True] and len(node.op.inputs) == 2
    assert set(tgen.gof.graph.inputs(node.op.outputs)) == set(node.op.inputs) and str(node.op) == "scan"
    assert tgen.gof.graph.is_same_graph(sums, sums) and sums.eval({x: AT}).tolist() == [1, 3]


@pytest.mark.slow
def test_shapes_of_pools():
    from tgen.tensor.signal.pool import Pool, pool_2d

    for options in (
        {},
        {"ignore_border": True},
        {"stride": (1, 2)},
        {"ignore_border": True, "stride": (3, 1), "pad": (1, 0)},
    ):
        options = {"ignore_border": False, **options}
        for shape in ((2, 5, 7), (2, 3, 4), (2, 2, 2)):
            z = pool_2d(T.constant(np.zeros(shape)), (2, 2), **options)
            assert tuple(Pool.out_shape(shape, (2, 2), **options)) == z.eval().shape
            found = Pool.out_shape((2, n, 7), (2, 2), **options)
            assert found[1].eval({n: 5}) == Pool.out_shape((2, 5, 7), (2, 2), **options)[1]
    for wrong, error in (
        (lambda: Pool.out_shape((5, 5)), ValueError),
        (lambda: Pool.out_shape((5,), (2, 2)), TypeError),
    ):
        with pytest.raises(error):
            wrong()


def test_asarray_of_theano():
    assert tgen._asarray([1], "floatX").dtype == tgen.config.floatX and tgen._asarray(
        [1.5], dtype="int8"
    ).tolist() == [1]


# -- draws ---------------------------------------------------------------------------------------------------

P = [
    [0.5, 0, 0.5],
    [0, 1.0, 0],
    np.float32([1 / 3, 0, 2 / 3]),
    np.float32([0.1, 0, 0.9]),
    (0, 0.25, 0, 0.25, 0.5),
]


@pytest.mark.slow
@pytest.mark.parametrize("p", P, ids=str)
@pytest.mark.parametrize("replace, size", [(True, (50,)), (False, (1,))])
def test_choice_with_zeros_and_float32(p, replace, size):
    rng = np.random.RandomState(np.random.RandomState(3).randint(2**30))
    got = function([], RandomStreams(3).choice(size, a=len(p), p=p, replace=replace))()
    assert got.tolist() == rng.choice(len(p), size, replace, np.asarray(p)).tolist()
    wide = T.vector(dtype=np.asarray(p).dtype.name)
    f = function([wide], RandomStreams(3).choice(size, a=len(p), p=wide, replace=replace), mode="DebugMode")
    assert f(np.asarray(p)).tolist() == got.tolist()
    with pytest.raises(ValueError, match="probabilities"):
        f(np.asarray(p) * np.asarray(1.001, wide.dtype))


NEGATIVE = {
    "normal": lambda r, a: r.normal((2,), std=a),
    "normals": lambda r, a: r.normal((2,), 0.0, T.stack([1.0, a])),
    "exponential": lambda r, a: r.exponential((2,), a),
    "gamma": lambda r, a: r.gamma((2,), 1.0, a),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEGATIVE)
def test_a_negative_deviation_is_a_value_error(name):
    f = function([s], NEGATIVE[name](RandomStreams(1), s))
    assert f(0.5).shape == (2,) and f(0.0).shape == (2,)
    g = function([], NEGATIVE[name](RandomStreams(1), T.constant(-1.0)))
    for call in (lambda: f(-0.5), g):
        with pytest.raises(ValueError, match="(std|scale) < 0"):
            call()
    slope = T.grad(NEGATIVE[name](RandomStreams(1), s).sum(), s)
    assert np.isfinite(function([s], slope)(1.0))


@pytest.mark.slow
@pytest.mark.parametrize("maker", [RandomStreams, MRG_RandomStreams])
def test_clones_of_draws_with_replacements(maker):
    def draws(z):
        f = function([k], z)
        return f(3).tolist(), f(3).tolist()

    wanted = draws(maker(7).normal((k,)) + 1)
    assert draws(tgen.clone(maker(7).normal((n,)) + 1, replace={n: k})) == wanted and wanted[0] != wanted[1]
    low = T.dscalar()
    moved = tgen.clone(maker(7).uniform((2,), low=low), replace={low: T.constant(0.5)}, share_inputs=False)
    assert (function([], moved)() >= 0.5).all()


@pytest.mark.slow
@pytest.mark.parametrize("maker", [RandomStreams, MRG_RandomStreams, philox])
def test_draws_that_nobody_has_are_freed(maker):
    streams, same = maker(7), maker(7)
    gone = [weakref.ref(streams.uniform((n,)).rng) for _ in range(20)]
    kept = [same.uniform((n,)) for _ in range(20)]
    last, other = (z.uniform((3,)) for z in (streams, same))
    gc.collect()
    assert (
        not any(state() for state in gone)
        and len(streams.state_updates) == 1
        and len(kept) + 1 == len(same.updates())
    )
    f, g = function([], last), function([], other)
    assert f().tolist() == g().tolist() != f().tolist()
    streams.seed(11), same.seed(11)  # those that are gone keep their places
    assert f().tolist() == g().tolist()
