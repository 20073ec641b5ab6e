"""as_op, Print, Assert, OpFromGraph, and the gradients of users' ops."""

import io
import pickle
from contextlib import redirect_stdout

import numpy as np
import pytest
import userops
from compiled import in_parts
from tgen.compile.ops import as_op
from tgen.gradient import (
    DisconnectedType,
    disconnected_grad,
    grad_not_implemented,
    grad_undefined,
    verify_grad,
)
from tgen.printing import Print
from tgen.tensor.opt import Assert, assert_op
from userops import Cube, Where

import tgen
import tgen.tensor as T
from tgen.graph.nodes import user_line

X, V, W = T.dmatrix("x"), T.dvector("v"), T.dvector("w")
A, B = T.dscalars("ab")
MODES = ("FAST_RUN", "FAST_COMPILE", "DebugMode", "INTERPRET")
ONCE = ("FAST_RUN", "FAST_COMPILE", "INTERPRET")  # those that run a program's Python once a call


def printed(f, *values):
    out = io.StringIO()
    with redirect_stdout(out):
        result = f(*values)
    return out.getvalue().splitlines(), result


# -- gradients of users' ops ---------------------------------------------------------------------------------


class Product(tgen.Op):
    """a*b by hand, b an op's own choice of what its gradient is."""

    def __init__(self, second=None, pattern=None):
        self.second = second
        if pattern:
            self.connection_pattern = lambda node: pattern

    def make_node(self, a, b):
        a, b = map(T.as_tensor_variable, (a, b))
        return tgen.Apply(self, [a, b], [(a * b).type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = np.asarray(inputs[0] * inputs[1])

    def grad(self, inputs, output_gradients):
        a, b = inputs
        (g,) = output_gradients
        return [g * b, g * a if self.second is None else self.second(self, b)]


@pytest.mark.slow
def test_gradient_in_both_inputs():
    verify_grad(Product(), [np.array([1.0, 2]), np.array([0.5, 3])])
    f = tgen.function(
        [A, B],
        [
            tgen.grad(Product()(A, B) ** 2, [A, B])[1],
            tgen.grad(Product()(A, A), A),
            T.Rop(Product()(A, B), [A, B], [A, B]),
        ],
    )
    assert [float(r) for r in f(3, 5)] == [2 * 3 * 5 * 3, 6, 30]


def test_L_op_sees_outputs():
    class Root(tgen.Op):
        def make_node(self, x):
            return tgen.Apply(self, [x], [x.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = np.sqrt(inputs[0])

        def L_op(self, inputs, outputs, output_gradients):
            return [output_gradients[0] / (2 * outputs[0])]

    assert tgen.function([V], tgen.grad(Root()(V).sum(), V))([4.0, 16]).tolist() == [0.25, 0.125]


def test_no_grad():
    left = userops.solved(X, V)[1]
    line = user_line()[1] - 1
    with pytest.raises(
        tgen.NullTypeGradError,
        match=rf"undefined: FromFunctionOp{{solved}} \(applied at "
        rf".*test_pyops.py:{line}\) has no grad",
    ):
        tgen.grad(left + V.sum(), V)
    g = tgen.grad(disconnected_grad(left) * V.sum(), V)
    assert np.allclose(tgen.function([X, V], g)(np.array([[1.0, 0], [0, 1], [0, 0]]), [3.0, 4, 5]), 5)


@pytest.mark.parametrize(
    "make, words",
    [
        (
            lambda op, b: grad_undefined(op, 1, b, "because"),
            r"Product has none "
            r"in "
            r"its "
            r"input 1 \(b\): "
            r"because",
        ),
        (lambda op, b: grad_not_implemented(op, 1, b), "does not implement it for its input 1"),
    ],
)
def test_a_gradient_in_one_input_only(make, words):
    y = Product(make)(A, B)
    assert tgen.function([A, B], tgen.grad(y, A), on_unused_input="ignore")(3, 5) == 5
    with pytest.raises(tgen.NullTypeGradError, match=words):
        tgen.grad(y, [A, B])
    assert "undefined" in repr(tgen.grad(y, B, null_gradients="return"))


def test_disconnected_inputs():
    zero = Product(lambda op, b: DisconnectedType()())(A, B)
    assert tgen.function([A, B], tgen.grad(zero, B), on_unused_input="ignore")(3, 5) == 0
    cut = Product(lambda op, b: DisconnectedType()(), [[True], [False]])(A, B)
    assert tgen.function([A, B], tgen.grad(cut, A), on_unused_input="ignore")(3, 5) == 5
    with pytest.raises(tgen.DisconnectedInputError):
        tgen.grad(cut, B)


@pytest.mark.parametrize(
    "gradients, words",
    [
        (lambda g: g, "must return a list"),
        (lambda g: [g, g], "one for each of its 1 inputs; got 2"),
        (lambda g: [None], "returned None for input 0"),
    ],
)
def test_grad_that_returns_something_else(gradients, words):
    op = type("Cubed", (Cube,), {"grad": lambda self, inputs, gs: gradients(gs[0])})()
    with pytest.raises(TypeError, match=words):
        tgen.grad(op(V).sum(), V)


def test_integers_and_outputs_nobody_uses():
    some, count = Where(1.0)(V)
    with pytest.raises(tgen.NullTypeGradError):
        tgen.grad(some.sum(), V)
    assert tgen.function([V], tgen.grad(V.sum() * 2 + count, V))([1.0, 3]).tolist() == [2, 2], (
        "nothing flows through an int"
    )


@pytest.mark.slow
def test_jacobian_through_an_op():
    class Flip(Cube):
        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0][::-1]

        def grad(self, inputs, output_gradients):
            return [Flip()(output_gradients[0])]

    f = tgen.function(
        [V], [T.jacobian(Flip()(V**2), V), T.jacobian(Cube()(V), V), T.hessian(Cube()(V).sum(), V)]
    )
    got = f([1.0, 2])
    assert [g.tolist() for g in got] == [[[0, 4], [2, 0]], [[3, 0], [0, 12]], [[6, 0], [0, 12]]]


# -- as_op ---------------------------------------------------------------------------------------------------


def test_as_op():
    @as_op(
        itypes=[T.lscalar, T.dvector],
        otypes=[T.dvector, T.lscalar],
        infer_shape=lambda node, shapes: [shapes[1], ()],
    )
    def power(n, x):
        """x to the n."""
        return x**n, n

    n = T.lscalar("n")
    y, m = power(n, V)
    assert power.__doc__ == "x to the n." and str(power) == "FromFunctionOp{power}" and y.owner.op is power
    got = tgen.function([n, V], [y + V, m])(3, [1.0, 2])
    assert got[0].tolist() == [2, 10] and got[1] == 3
    assert power == as_op([T.lscalar, T.dvector], [T.dvector, T.lscalar])(power._fn) and tgen.as_op is as_op


@pytest.mark.parametrize(
    "returned, kind, words",
    [
        ((1.0,), ValueError, "declares 2 outputs; its function returned 1"),
        ((1.0, "a"), TypeError, "result 1"),
    ],
)
def test_as_op_that_returns_something_else(returned, kind, words):
    op = as_op([T.dscalar], [T.dscalar, T.dscalar])(lambda x: returned)
    with pytest.raises(kind, match=words):
        tgen.function([A], op(A))(1)
    with pytest.raises(TypeError, match=r"itypes has to be a list of types.*got 'd'"):
        as_op("d", T.dscalar)


# -- Print ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ONCE)
def test_print_says_what_theano_says(mode):
    lines, result = printed(
        tgen.function([V], Print("value", ("__str__", "shape", "dtype"))(V) * 2, mode=mode), [1.0, 2]
    )
    assert lines == [
        "value __str__ = [1. 2.]",
        "value shape = (2,)",
        "value dtype = float64",
    ] and result.tolist() == [2, 4]
    assert printed(tgen.function([A], Print()(A)), 3)[0] == [" __str__ = 3.0"]


@pytest.mark.slow
def test_prints_come_in_order_whatever_is_fused_around_them():
    values = [V, T.exp(V), T.exp(V).sum(), V.max(), T.dot(X, V), Where(1.0)(V)[0], V * 0, X[0]]
    shown = [Print(str(k), ("ndim",))(v) for k, v in enumerate(values)]
    total = sum((v.sum() for v in shown), 0)
    for mode in ONCE:
        with in_parts():
            f = tgen.function([V, X], total, mode=mode)
            for _ in range(2):
                assert [line.split()[0] for line in printed(f, np.arange(40.0), np.ones((30, 40)))[0]] == [
                    str(k) for k in range(8)
                ]


@pytest.mark.slow
def test_a_print_is_seen_once_and_never_left_out():
    seen = Print("seen", ("shape",))(V)
    f = tgen.function([V], [seen + 1, seen * 2, T.zeros_like(seen)])
    assert printed(f, [1.0])[0] == ["seen shape = (1,)"]
    assert printed(tgen.function([V], T.zeros_like(seen)), [1.0])[0] == ["seen shape = (1,)"], (
        "an effect, even if only the size is used"
    )
    twice = Print("twice", ("shape",))
    assert printed(tgen.function([V], twice(V) + twice(V)), [1.0])[0] == ["twice shape = (1,)"] * 2
    constant = tgen.function([], Print("c")(T.constant(2.0)) * 2)
    assert printed(constant)[0] == ["c __str__ = 2.0"] == printed(constant)[0]


def test_print_passes_gradients_and_takes_a_function():
    seen = []
    show = Print("g", global_fn=lambda op, value: seen.append((op.message, value)))
    f = tgen.function([V], tgen.grad((show(V) ** 2).sum(), V))
    assert f([1.0, 3]).tolist() == [2, 6] and seen[0][0] == "g" and seen[0][1].tolist() == [1, 3]
    seen[0][1][:] = 7
    assert f([1.0, 3]).tolist() == [2, 6] and isinstance(show(V).owner.op, Print)


def test_print_that_fails_and_updates():
    s = tgen.shared(np.zeros(2), "s")
    f = tgen.function([V], [], updates=[(s, s + Print("p", ("nonsense",))(V))])
    with pytest.raises(AttributeError, match="nonsense"):
        f([1.0, 2])
    assert s.get_value().tolist() == [0, 0]


def test_print_of_an_update_in_place_shows_the_old_value():
    s = tgen.shared(np.zeros(2), "s")
    old = Print("old")(s)
    f = tgen.function([], [], updates=[(s, s + 1), (tgen.shared(0.0), old.sum())])
    assert printed(f)[0] + printed(f)[0] == [
        "old __str__ = [0. 0.]",
        "old __str__ = [1. 1.]",
    ] and s.get_value().tolist() == [2, 2]


# -- Assert --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_assert(mode):
    s = tgen.shared(np.zeros(()), "s")
    checked = Assert("v must rise and be positive")(V, T.gt(V[1:], V[:-1]), V.min() > 0)
    line = user_line()[1] - 1
    f = tgen.function([V], T.log(checked), updates=[(s, s + 1)], mode=mode)
    assert f([1.0, 2]).tolist() == np.log([1.0, 2]).tolist() and s.get_value() == 1
    for bad in ([2.0, 1], [-1.0, 2], [1.0, 1]):
        with pytest.raises(AssertionError, match=rf"v must rise and be positive; .*test_pyops.py:{line}"):
            f(bad)
    assert s.get_value() == 1 and f([3.0]).tolist() == [np.log(3.0)]


def test_assert_is_an_op_with_a_gradient():
    y = Assert("m")(V**2, V.sum() > 0)
    assert (
        isinstance(y.owner.op, Assert)
        and y.owner.op.msg == "m"
        and Assert("m") == Assert("m") != Assert("n")
        and str(Assert("m")) == "Assert{message=m}"
    )
    assert tgen.function([V], tgen.grad(y.sum(), V))([1.0, 3]).tolist() == [2, 6]
    with pytest.raises(tgen.DisconnectedInputError):
        tgen.grad(Assert("m")(V, A > 0).sum(), A)
    with pytest.raises(TypeError, match="needs a condition"):
        assert_op(V)


def test_asserts_of_numbers_and_constants():
    f = tgen.function([A, V], [assert_op(A, 1, np.bool_(True), A), assert_op(V, np.ones(3))])
    assert f(2, [1.0])[0] == 2
    with pytest.raises(AssertionError, match="Assertion failed"):
        f(0, [1.0])
    with pytest.raises(AssertionError, match="never"):
        tgen.function([A], Assert("never")(A, T.constant(False)))(1)


def test_the_message_is_not_in_the_c():
    f = tgen.function([A], Assert("secret */ words")(A, A > 0))
    g = tgen.function([A], Assert("other")(A, A > 0))
    assert "secret" not in f.fn.library.c and f.fn.library is g.fn.library
    with pytest.raises(AssertionError, match="other"):
        g(-1)
    with pytest.raises(AssertionError, match="secret"):
        f(-1)


# -- OpFromGraph ---------------------------------------------------------------------------------------------


def test_a_graph_as_an_op():
    s = tgen.shared(np.array(10.0), "s")
    op = tgen.OpFromGraph([A, B], [A * B + s, A - B])
    x, y = T.dscalars("xy")
    p, q = op(x + 1, op(y, y)[0])
    f = tgen.function([x, y], [p, q, *tgen.grad(p, [x, y, s])])
    assert [float(r) for r in f(2, 3)] == [3 * 19 + 10, 3 - 19, 19, 18, 4]
    s.set_value(0)
    assert float(f(2, 3)[0]) == 27 and set(f.get_shared()) == {s}
    assert tgen.OpFromGraph([A], [A * 2], inline=True, name="double")(3.0).eval() == 6
    assert len(tgen.OpFromGraph([A], [A * 2])(A, return_list=True)) == 1


def test_graph_ops_nest_and_hold_users_ops():
    inner = tgen.OpFromGraph([V], [Cube()(V).sum()])
    outer = tgen.OpFromGraph([W], [inner(W * 2) + inner(W)])
    assert tgen.function([V], [outer(V), tgen.grad(outer(V), V)])([1.0])[1].tolist() == [27]


@pytest.mark.parametrize("form", ["function", "list", "op"])
def test_overridden_gradients(form):
    x, y = T.dscalars("xy")
    whole = {
        "function": lambda inputs, gs: [gs[0] * 100, gs[0] * inputs[0]],
        "list": [lambda inputs, gs: gs[0] * 100, "default"],
        "op": tgen.OpFromGraph([x, y, A], [A * 100, A * x]),
    }[form]
    op = tgen.OpFromGraph([x, y], [x * y], grad_overrides=whole)
    z = op(A * 2, B) ** 2
    assert isinstance(z.owner.inputs[0].owner.op, tgen.OpFromGraph) and z.owner.inputs[0].owner.op is op
    f = tgen.function([A, B], [z, *tgen.grad(z, [A, B])])
    assert [float(r) for r in f(3, 5)] == [900, 2 * 30 * 100 * 2, 2 * 30 * 6]


def test_overrides_that_see_the_outputs():
    x, y = T.dscalars("xy")
    e = tgen.OpFromGraph([x], [T.exp(x)], lop_overrides=lambda inputs, outputs, gs: [gs[0] * outputs[0] * 10])
    assert np.isclose(tgen.function([A], tgen.grad(e(A * 2), A))(0.5), 20 * np.e)
    g = T.dscalar("g")
    again = tgen.OpFromGraph([x], [T.exp(x)], lop_overrides=tgen.OpFromGraph([x, y, g], [g * y * 10]))
    assert np.isclose(tgen.function([A], tgen.grad(again(A * 2), A))(0.5), 20 * np.e)
    listed = tgen.OpFromGraph(
        [x, y],
        [x * y, x + y],
        lop_overrides=[
            lambda inputs, outputs, gs: outputs[0] * gs[0] + gs[1],
            tgen.OpFromGraph([x, y, A, B, g, T.dscalar("h")], [g * 7]),
        ],
    )
    p, q = listed(A, B)
    assert [float(r) for r in tgen.function([A, B], tgen.grad(p * 2 + q, [A, B]))(3, 5)] == [31, 14]


def test_overrides_with_nothing_and_constants():
    x, y = T.dscalars("xy")
    op = tgen.OpFromGraph(
        [x, y],
        [x * y],
        grad_overrides=["default", lambda inputs, gs: DisconnectedType()()],
        connection_pattern=[[True], [False]],
    )
    assert tgen.function([A, B], tgen.grad(op(A, B), A), on_unused_input="ignore")(3, 5) == 5
    with pytest.raises(tgen.DisconnectedInputError):
        tgen.grad(op(A, B), B)
    same = tgen.OpFromGraph([x], [x, x], grad_overrides=lambda inputs, gs: [gs[0] * 2 + gs[1] * 3])
    p, q = same(A)
    assert (
        tgen.function([A], [p, q, tgen.grad(p + q, A)])(4)[2] == 5
        and tgen.function([A], tgen.grad(p * 10, A), on_unused_input="ignore")(4) == 20
    )


def test_the_second_gradient_is_that_of_the_override():
    x = T.dscalar("x")
    op = tgen.OpFromGraph([x], [x], grad_overrides=lambda inputs, gs: [gs[0] * inputs[0] ** 3])
    first = tgen.grad(op(A), A)
    assert [
        float(r)
        for r in tgen.function(
            [A],
            [first, tgen.grad(first, A), T.Rop(op(A), A, B)],
            on_unused_input="ignore",
            givens={B: T.constant(2.0)},
        )(3)
    ] == [27, 27, 54]


def test_overridden_graphs_as_pickles():
    x = T.dscalar("x")
    op = tgen.OpFromGraph([x], [x**2], grad_overrides=tgen.OpFromGraph([x, A], [A * x * 100]))
    a, z = pickle.loads(pickle.dumps((A, op(A))))
    assert tgen.function([a], [z, tgen.grad(z, a)])(3) == [9, 300]


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (
            lambda: tgen.OpFromGraph([A], [A * B]),
            tgen.MissingInputError,
            "need b, which is not among its inputs",
        ),
        (lambda: tgen.OpFromGraph([1], [A]), TypeError, "must be variables; got 1"),
        (lambda: tgen.OpFromGraph([A], [A], updates={}), TypeError, "not allowed"),
        (lambda: tgen.OpFromGraph([A], [A], grad_overrides=len, lop_overrides=len), TypeError, "not both"),
        (lambda: tgen.OpFromGraph([A], [A], rop_overrides=len), TypeError, "no rop_overrides"),
        (lambda: tgen.OpFromGraph([A], [A])(A, B), ValueError, "takes 1 inputs"),
        (
            lambda: tgen.OpFromGraph([A], [A], name="n")(V),
            TypeError,
            r"OpFromGraph{n} takes TensorType\(float64, "
            r"scalar\) as input 0 \(a\); got v",
        ),
        (
            lambda: tgen.grad(tgen.OpFromGraph([A], [A * 2], grad_overrides=[])(A), A),
            ValueError,
            "1 inputs, but overrides for 0",
        ),
        (
            lambda: tgen.grad(tgen.OpFromGraph([A], [A * 2], grad_overrides=lambda i, g: [])(A), A),
            TypeError,
            "one for each",
        ),
    ],
)
def test_what_a_graph_op_refuses(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_the_names_theano_has():
    assert (
        tgen.gof.Op is tgen.Op is tgen.gof.op.Op
        and tgen.gof.Apply is tgen.Apply
        and tgen.compile.as_op is as_op
        and tgen.compile.builders.OpFromGraph is tgen.OpFromGraph
    )
    assert (
        T.opt.Assert is Assert
        and tgen.printing.Print is Print
        and tgen.compile.OpFromGraph is tgen.OpFromGraph
    )
