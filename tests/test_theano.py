"""What Theano does, by example; deviations are NumPy 2's promotion.

A row is what it shows, statements, and (source, result) pairs: statements and at the end an expression, whose
result is a value, or an exception class and a part of its message.
"""

import ast
import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from numpy import array, inf, nan

import tgen
import tgen.tensor as T
from tgen import MissingInputError, UnusedInputError, config, function, shared
from tgen.core.types import TensorType

pytestmark = pytest.mark.slow

f32, i32 = "float32", "int32"

ROWS = [
    (
        "rows and columns broadcast, matrices do not",
        "a, b = T.matrices('ab'); f = function([a, b], a + b, allow_input_downcast=True)",
        [
            (
                "T.row().broadcastable, T.col().broadcastable, T.matrix().broadcastable, "
                "T.vector().dimshuffle('x', "
                "0).broadcastable",
                ((True, False), (False, True), (False, False), (True, False)),
            ),
            ("f(np.zeros((3, 1)), np.zeros((3, 4)))", (ValueError, "1")),
        ],
    ),
    (
        "a row as an argument",
        "r, m = T.drow('r'), T.dmatrix('m'); f = function([r, m], r + m)",
        [
            ("f([[1., 2.]], [[10., 20.], [30., 40.]])", array([[11.0, 22.0], [31.0, 42.0]])),
            ("f([[1., 2.], [3., 4.]], [[10., 20.], [30., 40.]])", (TypeError, "at index 0")),
        ],
    ),
    (
        "a shared variable does not broadcast by its value",
        "x = shared(np.zeros((1, 3)))",
        [
            (
                "x.broadcastable, shared(np.zeros((1, 3)), broadcastable=(True, False)).broadcastable",
                ((False, False), (True, False)),
            ),
            ("function([], x + np.arange(6.).reshape(2, 3))()", (ValueError, "")),
        ],
    ),
    (
        "constants broadcast by their value",
        "",
        [
            (
                "T.constant(np.ones((1, 3))).broadcastable, T.as_tensor_variable(np.ones((2, "
                "1))).broadcastable",
                ((True, False), (False, True)),
            ),
            ("function([], shared(np.zeros((2, 3))) + np.ones((1, 3)))().shape", (2, 3)),
        ],
    ),
    (
        "which results broadcast",
        "x = T.dmatrix()",
        [
            (
                "x.sum(axis=1, keepdims=True).broadcastable, x.dimshuffle(0, 'x', 1).broadcastable, "
                "x.reshape((1, "
                "-1)).broadcastable, x[0:1].broadcastable, "
                "T.zeros((1, 3)).broadcastable, T.alloc(0., 1, x.shape[0]).broadcastable",
                (
                    (False, True),
                    (False, True, False),
                    (True, False),
                    (False, False),
                    (True, False),
                    (True, False),
                ),
            )
        ],
    ),
    (
        "types that broadcast, addbroadcast and unbroadcast",
        "c = T.TensorType('float64', (False, True))('c'); m = T.dmatrix('m'); "
        "g = function([m], T.addbroadcast(m, 1) + T.constant(np.arange(6.).reshape(2, 3)))",
        [
            (
                "str(c.type), T.addbroadcast(T.dmatrix(), 0).broadcastable, "
                "T.unbroadcast(c, 1).broadcastable",
                ("TensorType(float64, col)", (True, False), (False, False)),
            ),
            ("g(np.ones((2, 1))).shape", (2, 3)),
            ("g(np.ones((2, 2)))", (ValueError, "1")),
        ],
    ),
    (
        "dtypes of arithmetic",
        "",
        [
            (
                "(T.ivector() * T.fvector()).dtype, (T.bvector() + T.bvector()).dtype, (T.lvector() * "
                "T.fvector()).dtype, (T.wvector() * T.fvector()).dtype",
                ("float64", "int8", "float64", "float32"),
            ),
            (
                "(T.lvector() / T.lvector()).dtype, (T.ivector() / T.ivector()).dtype, (T.bvector() / "
                "T.bvector()).dtype, (T.lvector() // T.lvector()).dtype",
                ("float64", "float64", "float64", "int64"),
            ),
            (
                "T.sqrt(T.ivector()).dtype, T.exp(T.bvector()).dtype, T.mean(T.ivector()).dtype, "
                "T.sum(T.ivector()).dtype, T.sum(T.fvector()).dtype, "
                "T.sum(T.bvector()).dtype, T.neq(T.ivector(), 1).dtype",
                ("float64", f32, "float64", "int64", f32, "int64", "bool"),
            ),
        ],
    ),
    (
        "dtypes of Python numbers",
        "",
        [  # NEP 50: Python numbers take the dtype they meet
            (
                "T.constant(2).dtype, T.constant(300).dtype, T.constant(100000).dtype, "
                "T.constant(2.0).dtype, "
                "T.constant(1.1).dtype",
                ("int64",) * 3 + ("float64",) * 2,
            ),
            (
                "(T.fvector() * 2).dtype, (T.fvector() * 2.5).dtype, (T.bvector() + 1).dtype, (T.fvector() * "
                "np.float64(2.5)).dtype, (T.fvector() * np.ones(3)).dtype",
                (f32, f32, "int8", "float64", "float64"),
            ),
            ("(T.bvector() + 1000).dtype", (OverflowError, "1000")),
        ],
    ),
    (
        "dtypes with Python floats",
        "",
        [
            (
                "(T.fscalar() + 0.1).dtype, (T.fvector() + 0.1).dtype, (T.ivector() * 0.5).dtype, "
                "(T.ivector() * "
                "2).dtype",
                (f32, f32, "float64", i32),
            ),
            ("(T.bvector() * 1.5).dtype, config.floatX", (f32, "float64")),
        ],
    ),
    (
        "dtypes of comparisons",
        "",
        [
            (
                "T.eq(T.ivector(), T.ivector()).dtype, (T.dvector() > 0).dtype, T.mean(T.neq(T.ivector(), "
                "T.ivector())).dtype, T.sum(T.neq(T.ivector(), 1)).dtype",
                ("bool", "bool", "float64", "int64"),
            ),
            ("function([], T.sum(T.eq(T.constant(np.array([1, 2, 3])), 2)))()", array(1)),
        ],
    ),
    (
        "comparison and truth of variables",
        "x, y = T.dscalars('xy')",
        [
            ("x == x, x == y, type(x > y).__name__", (True, False, "TensorVariable")),
            ("isinstance(x > y, tgen.Variable), (x > y).dtype", (True, "bool")),
            ("bool(x), bool(x * 0), 1 if x else 0", (True, True, 1)),
            ("bool(x > y)", (TypeError, "Variables do not support boolean operations")),
        ],
    ),
    (
        "integer division",
        "i, j = T.lscalars('ij'); f = function([i, j], [i / j, i // j, i % j])",
        [("f(-7, 2)", [array(-3.5), array(-4), array(1)])],
    ),
    (
        "dtypes of powers",
        "",
        [
            (
                "(T.ivector() ** 2).dtype, (T.fvector() ** 2).dtype, (T.ivector() ** 0.5).dtype, "
                "function([], "
                "T.constant(np.array([2, 3])) ** 2)()",
                (i32, f32, "float64", array([4, 9])),
            )
        ],
    ),
    (
        "a cast of a shared variable is no shared variable",
        "ys = shared(np.array([0., 1., 2., 3.])); y_int = T.cast(ys, 'int32'); "
        "i, y = T.lscalar(), T.ivector()",
        [
            ("hasattr(y_int, 'get_value'), y_int.dtype, y_int.owner.inputs[0] is ys", (False, i32, True)),
            ("function([i], y * 10, givens={y: y_int[i * 2:(i + 1) * 2]})(1)", array([20, 30], i32)),
        ],
    ),
    (
        "forms of outputs",
        "x = T.dscalar('x')",
        [
            (
                "function([x], x * 2)(3), function([x], [x * 2])(3), function([x], [], "
                "on_unused_input='ignore')(3), function([x], on_unused_input='ignore')(3)",
                (array(6.0), [array(6.0)], [], []),
            ),
            ("type(function([x], x * 2)(3)).__name__, function([x], x * 2)(3).shape", ("ndarray", ())),
        ],
    ),
    (
        "outputs in a dict",
        "x = T.dscalar('x')",
        [
            (
                "sorted(function([x], {'a': x, 'b': x + 1})(1.).items())",
                [("a", array(1.0)), ("b", array(2.0))],
            ),
            ("function([x], {1: x})", (AssertionError, "")),
        ],
    ),
    (
        "updates swap",
        "a, b = shared(1.), shared(2.); f = function([], [a, b], updates=[(a, b), (b, a)])",
        [("f(), a.get_value(), b.get_value()", ([array(1.0), array(2.0)], array(2.0), array(1.0)))],
    ),
    (
        "an accumulator",
        "state = shared(0); inc = T.iscalar('inc'); "
        "acc = function([inc], state, updates=[(state, state + inc)])",
        [
            (
                "acc(1), state.get_value(), acc(300), state.get_value(), str(state.type)",
                (array(0), array(1), array(1), array(301), "TensorType(int64, scalar)"),
            ),
            ("state.set_value(-1), acc(3), state.get_value()", (None, array(-1), array(2))),
        ],
    ),
    (
        "givens replace a shared variable",
        "state = shared(0); inc, foo = T.iscalar('inc'), T.scalar(dtype=state.dtype)",
        [
            (
                "function([inc, foo], state * 2 + inc, givens=[(state, foo)])(1, 3), state.get_value()",
                (array(7), array(0)),
            )
        ],
    ),
    (
        "two updates of one variable",
        "s = shared(np.float32(1))",
        [
            (
                "function([], [], updates=[(s, s + 1), (s, s + 2)])",
                (ValueError, "this shared variable already has an update expression"),
            ),
            (
                "function([], [], updates={s: s + 1})(), function([], [], updates=OrderedDict([(s, s + "
                "1)]))(), "
                "s.get_value()",
                ([], [], array(3, f32)),
            ),
        ],
    ),
    (
        "an update keeps the dtype",
        "s = shared(np.float32(1)); s32 = shared(np.int32(0))",
        [
            (
                "function([], [], updates=[(s, s + np.float64(1.5) * T.constant(np.float64(1.1)))])",
                (TypeError, "An update must have the same type as the original shared variable"),
            ),
            (
                "function([], s32, updates=[(s32, s32 + T.lscalar('k'))], on_unused_input='ignore')",
                (TypeError, "An update must have the same type"),
            ),
        ],
    ),
    (
        "an update keeps what broadcasts",
        "w = shared(np.zeros((2, 3))); w2 = shared(np.zeros((1, 3)), broadcastable=(True, False))",
        [
            (
                "function([], [], updates=[(w, T.zeros((1, 3)))])",
                (TypeError, "An update must have the same type"),
            ),
            (
                "function([], [], updates=[(w2, w2 + T.dmatrix('m'))])",
                (TypeError, "An update must have the same type"),
            ),
        ],
    ),
    (
        "an unused input",
        "x, y = T.dscalars('xy')",
        [
            ("function([x, y], x)", (UnusedInputError, "")),
            ("function([x, y], x, on_unused_input='ignore')(1., 2.)", array(1.0)),
        ],
    ),
    (
        "a missing input and too many arguments",
        "x, y = T.dscalars('xy')",
        [
            ("function([x], x + y)", (MissingInputError, "y")),
            ("f = function([x], x * 1); f(1., 2.)", (TypeError, "Too many parameter passed to")),
        ],
    ),
    (
        "what a float32 argument may be",
        "x = T.fvector('x'); f = function([x], x * 2); s = T.fscalar('s'); g = function([s], s * 2)",
        [
            ("f([1, 2]), f(np.array([1, 2], 'int8'))", (array([2, 4], f32), array([2, 4], f32))),
            ("f(np.array([1., 2.]))", (TypeError, "at index 0")),
            ("function([x], x * 2, allow_input_downcast=True)(np.array([1.5, 2.]))", array([3, 4], f32)),
            ("g(1.5), g(np.float64(1.5))", (array(3, f32), array(3, f32))),
            ("g(0.1)", (TypeError, "at index 0")),
        ],
    ),
    (
        "what an integer argument may be",
        "x = T.ivector('x'); f = function([x], x + 1); i = T.lscalar()",
        [
            (
                "f([1, 2]), f(np.array([1, 2], 'int32')), f(np.array([1, 2], 'int8'))",
                (array([2, 3], i32),) * 3,
            ),
            ("f(np.array([1, 2], 'int64'))", (TypeError, "at index 0")),
            ("f([1.5])", (TypeError, "at index 0")),
            ("function([x], x + 1, allow_input_downcast=True)([1.9])", array([2], i32)),
            (
                "function([i], i)(np.int32(3)), function([i], i)(True), function([i], i)(3.0)",
                (array(3), array(1), array(3)),
            ),
        ],
    ),
    (
        "the rank of an argument",
        "x = T.dvector()",
        [
            ("function([x], x, allow_input_downcast=True)([[1.]])", (TypeError, "at index 0")),
            ("function([x], x)(1.)", (TypeError, "at index 0")),
        ],
    ),
    (
        "a default argument",
        "x, y = T.dscalars('xy'); f = function([x, tgen.In(y, value=10, name='yy')], x + y)",
        [("f(1), f(1, 2), f(1, yy=3), f(1)", (array(11.0), array(3.0), array(4.0), array(11.0)))],
    ),
    (
        "an inner variable as an input",
        "x = T.dscalar('x'); z = x * 3; w = z + 1",
        [("function([z], w)(10.)", array(11.0))],
    ),
    (
        "results share no memory",
        "s = shared(np.zeros(2)); x = T.dvector()",
        [
            ("f = function([], s); o = f(); o += 99; s.get_value()", array([0.0, 0.0])),
            (
                "g = function([x], [x, x]); v = np.zeros(2); a, b = g(v); a is b or a is v or "
                "np.may_share_memory(a, b)",
                False,
            ),
            ("np.may_share_memory(a, v)", False),
        ],
    ),
    (
        "borrow",
        "v = np.ones(2); s1, s2 = shared(v, borrow=False), shared(v, borrow=True); v += 1",
        [
            ("s1.get_value(), s2.get_value()", (array([1.0, 1.0]), array([2.0, 2.0]))),
            ("w = s1.get_value(borrow=False); w += 5; s1.get_value()", array([1.0, 1.0])),
            ("w = s1.get_value(borrow=True); w += 5; s1.get_value()", array([6.0, 6.0])),
        ],
    ),
    (
        "types of shared variables",
        "s = shared(np.array(0, dtype=np.float64), 'state'); s.set_value(-1)",
        [
            (
                "type(shared(0)).__name__, [str(v.type) for v in (shared(0), shared(np.array(0., "
                "dtype=np.float64), "
                "'state'), shared(0.), shared(np.float32(1)))]",
                (
                    "ScalarSharedVariable",
                    [f"TensorType({d}, scalar)" for d in ("int64", "float64", "float64", f32)],
                ),
            ),
            ("s.get_value(), s.get_value().shape", (array(-1.0), ())),
        ],
    ),
    (
        "shared variables of other objects",
        "",
        [
            (
                "type(shared([1, 2]).type).__name__, type(shared('a').type).__name__, "
                "shared('a').get_value()",
                ("GenericType", "GenericType", "a"),
            )
        ],
    ),
    (
        "set_value",
        "s = shared(np.zeros((2, 3))); s.set_value(np.zeros((5, 3)))",
        [
            ("s.get_value().shape", (5, 3)),
            (
                "s.set_value(np.zeros(3))",
                (TypeError, "Wrong number of dimensions: expected 2, got 1 with shape (3,)."),
            ),
            (
                "shared(np.zeros(2, 'float32')).set_value(np.zeros(2))",
                (TypeError, "cannot store a value of dtype float64 without risking loss of precision"),
            ),
        ],
    ),
    (
        "augmented assignment makes a new variable",
        "s = shared(1.); s0 = s; s += 1",
        [("hasattr(s, 'get_value'), hasattr(s0, 'get_value'), s.eval()", (False, True, array(2.0)))],
    ),
    (
        "eval",
        "x, y = T.dscalars('xy'); z = x * y",
        [
            (
                "(x * y).eval({x: 2., y: 3.}), z.eval({x: 2., y: 3.}), z.eval({x: 3., y: 3.}), "
                "len(z._functions)",
                (array(6.0), array(6.0), array(9.0), 1),
            ),
            ("(x * y).eval()", (MissingInputError, "")),
        ],
    ),
    (
        "name, get_shared and copy of a function",
        "s = shared(1.); f = function([], s + 1, name='foo')",
        [
            (
                "f.name, [v is s for v in f.get_shared()], f.copy(swap={s: shared(5.)})()",
                ("foo", [True], array(6.0)),
            )
        ],
    ),
    (
        "the cost is a scalar",
        "w = shared(np.array([1., 2.]))",
        [
            (
                "T.grad((w ** 2).sum(), w).eval(), type(T.grad((w ** 2).sum(), [w])).__name__",
                (array([2.0, 4.0]), "list"),
            ),
            ("T.grad(w ** 2, w)", (TypeError, "cost must be a scalar")),
        ],
    ),
    (
        "disconnected inputs",
        "x, y = T.dscalars('xy')",
        [
            ("T.grad(x ** 2, y)", (tgen.DisconnectedInputError, "")),
            ("T.grad(x ** 2, y, disconnected_inputs='ignore').eval()", (MissingInputError, "y")),
            ("T.grad(x ** 2, y, disconnected_inputs='ignore').eval({y: 4.})", array(0.0)),
        ],
    ),
    (
        "consider_constant and disconnected_grad",
        "x = shared(3.); y = x * x",
        [
            (
                "T.grad(x * y, x).eval(), T.grad(x * y, x, consider_constant=[y]).eval(), T.grad(x * "
                "tgen.gradient.disconnected_grad(y), x).eval(), "
                "T.grad(x * tgen.gradient.zero_grad(y), x).eval()",
                (array(27.0), array(9.0), array(9.0), array(9.0)),
            )
        ],
    ),
    (
        "gradients of and through integers",
        "i = T.lscalar('i'); x = shared(np.array([1., 5., 2.]))",
        [
            ("T.grad(i ** 2 * 1.5, i).eval({i: 3})", array(9.0)),
            (
                "T.grad(T.argmax(x) * 1.0, x).eval(), T.grad((x * (x > 1)).sum(), x).eval()",
                (array([0.0, 0.0, 0.0]), array([0.0, 1.0, 1.0])),
            ),
        ],
    ),
    (
        "gradients at ties and bounds",
        "x = shared(np.array([0., 1., -1.])); t = shared(np.array([2., 2., 1.]))",
        [
            (
                "T.grad(T.maximum(x, 0.).sum(), x).eval(), T.grad(T.max(x), x).eval()",
                (array([1.0, 1.0, 0.0]), array([0.0, 1.0, 0.0])),
            ),
            (
                "T.grad(t.max(), t).eval(), T.grad(T.maximum(t, 2.).sum(), t).eval(), T.grad(T.clip(t, 1., "
                "2.).sum(), t).eval()",
                (array([1.0, 1, 0]), array([1.0, 1, 0]), array([1.0, 1, 1])),
            ),
            (
                "T.grad(abs(x).sum(), x).eval(), T.grad(T.nnet.relu(x).sum(), x).eval()",
                (array([0.0, 1.0, -1.0]), array([0.5, 1.0, 0.0])),
            ),
        ],
    ),
    (
        "gradients of broadcasts and known_grads",
        "b = shared(np.zeros(3)); x = T.constant(np.ones((2, 3)))",
        [
            ("T.grad((x + b).sum(), b).eval()", array([2.0, 2.0, 2.0])),
            (
                "x = shared(2.); y = x ** 2; T.grad(None, x, known_grads={y: T.constant(10.)}).eval()",
                array(40.0),
            ),
        ],
    ),
    (
        "Rop, Lop, jacobian and hessian",
        "x = shared(np.array([1., 2.])); v = T.constant(np.array([1., 1.]))",
        [
            (
                "T.Rop(x ** 2, x, v).eval(), T.Lop(x ** 2, x, v).eval(), tgen.gradient.jacobian(x ** 2, "
                "x).eval(), "
                "tgen.gradient.hessian((x ** 3).sum(), x).eval()",
                (
                    array([2.0, 4.0]),
                    array([2.0, 4.0]),
                    array([[2.0, 0.0], [0.0, 4.0]]),
                    array([[6.0, 0.0], [0.0, 12.0]]),
                ),
            )
        ],
    ),
    (
        "gradients of repeated indices",
        "W = shared(np.zeros((3, 2))); p = shared(np.arange(6.).reshape(2, 3)); y = T.ivector(); "
        "q = p[T.arange(y.shape[0]), y]",
        [
            ("T.grad(W[[0, 0, 2]].sum(), W).eval()", array([[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]])),
            (
                "function([y], [q, T.grad(q.sum(), p)])([2, 0])",
                [array([2.0, 3.0]), array([[0.0, 0, 1], [1, 0, 0]])],
            ),
        ],
    ),
    (
        "stable logarithms",
        "x = T.dmatrix(); y = T.lvector(); z = T.dvector(); "
        "f = function([x, y], -T.log(T.nnet.softmax(x))[T.arange(y.shape[0]), y])",
        [
            ("f([[1000., 0.]], [1])", array([1000.0])),
            (
                "function([z], [T.log(T.nnet.sigmoid(z)), T.log(1 - T.nnet.sigmoid(z)), "
                "T.nnet.softplus(z)])([-1000., 1000.])",
                [array([-1000.0, -0.0]), array([-0.0, -1000.0]), array([0.0, 1000.0])],
            ),
            (
                "function([z], T.grad(T.log(T.nnet.sigmoid(z)).sum(), z))([-1000.]), function([z], "
                "T.grad(T.nnet.binary_crossentropy(T.nnet.sigmoid(z), 1.).sum(), z))([-1000.])",
                (array([1.0]), array([-1.0])),
            ),
        ],
    ),
    (
        "softmax of a vector",
        "v = T.dvector()",
        [
            (
                "T.nnet.softmax(v).ndim, T.nnet.softmax(v).broadcastable, function([v], "
                "T.nnet.softmax(v))([0., 0.])",
                (2, (True, False), array([[0.5, 0.5]])),
            )
        ],
    ),
    (
        "categorical_crossentropy",
        "p = shared(np.array([[.5, .5], [.25, .75]]))",
        [
            (
                "T.nnet.categorical_crossentropy(p, np.array([0, 1])).eval(), "
                "T.nnet.categorical_crossentropy(p, "
                "np.array([[1., 0.], [0., 1.]])).eval()",
                (array([0.6931471805599453, 0.2876820724517809]),) * 2,
            )
        ],
    ),
    (
        "slices",
        "x = shared(np.arange(6)); i = T.lscalar(); f = function([i], x[i * 2:(i + 1) * 2])",
        [
            (
                "x[::-1].eval(), x[4:1:-2].eval(), x[-2:].eval(), x[None, :].eval().shape, "
                "shared(np.zeros((2, 3, "
                "4)))[..., 1].eval().shape",
                (array([5, 4, 3, 2, 1, 0]), array([4, 2]), array([4, 5]), (1, 6), (2, 3)),
            ),
            ("f(1), f(5)", (array([2, 3]), array([], "int64"))),
        ],
    ),
    (
        "an index out of range",
        "x = T.dvector()",
        [
            ("function([x], x[3])([1., 2.])", (IndexError, "")),
            ("function([x], x[1:100])([1., 2.])", array([2.0])),
        ],
    ),
    (
        "set_subtensor and inc_subtensor",
        "x = shared(np.zeros(3)); y = T.set_subtensor(x[1], 5.)",
        [
            (
                "y.eval(), x.get_value(), T.inc_subtensor(x[[0, 0, 2]], 1.).eval()",
                (array([0.0, 5, 0]), array([0.0, 0, 0]), array([2.0, 0, 1])),
            ),
            ("x[0] = 1", (TypeError, "'TensorSharedVariable' object does not support item assignment")),
        ],
    ),
    (
        "an update of a row",
        "W = shared(np.ones((2, 2))); v = T.dvector(); "
        "f = function([v], updates=[(W, T.set_subtensor(W[0, :], v))])",
        [("f(np.zeros(2)), W.get_value()", ([], array([[0.0, 0.0], [1.0, 1.0]])))],
    ),
    (
        "masks and index lists",
        "x = shared(np.arange(6.).reshape(2, 3))",
        [
            (
                "x[x > 2].eval(), x[(x > 2).nonzero()].eval(), x[:, [2, 0]].eval(), x[[1, 0], 1:].eval()",
                (
                    array([3.0, 4, 5]),
                    array([3.0, 4, 5]),
                    array([[2.0, 0], [5, 3]]),
                    array([[4.0, 5], [1, 2]]),
                ),
            )
        ],
    ),
    (
        "an embedding",
        "E = shared(np.arange(8.).reshape(4, 2)); i = T.imatrix(); f = function([i], E[i])",
        [("f([[0, 3], [1, 1]]).shape, E[i].ndim", ((2, 2, 2), 3))],
    ),
    (
        "flatten and reshape",
        "x = T.dtensor3(); s = T.lvector()",
        [
            (
                "x.flatten(2).ndim, x.flatten().ndim, x.reshape((x.shape[0], -1)).ndim, T.flatten(x, "
                "2).ndim, "
                "x.reshape(s, ndim=2).ndim",
                (2, 1, 2, 2, 2),
            ),
            ("x.reshape(s)", (ValueError, "")),
        ],
    ),
    (
        "iteration and len",
        "x = T.dmatrix()",
        [
            ("list(x)", (TypeError, "does not support iteration")),
            ("len(x)", (TypeError, "object of type 'TensorVariable' has no len()")),
            ("a, b = x.shape; a.ndim, b.ndim, len(list(x.shape))", (0, 0, 2)),
        ],
    ),
    (
        "reductions",
        "x = shared(np.array([[1, 2], [3, 5]]))",
        [
            (
                "x.mean().eval(), x.sum(axis=(0, 1)).eval(), x.sum(axis=-1).eval(), x.std(axis=0).eval(), "
                "T.argmax(x).eval(), x.argmax(axis=1).dtype",
                (array(2.75), array(11), array([3, 8]), array([1.0, 1.5]), array(3), "int64"),
            ),
            (
                "T.max_and_argmax(x, axis=0)[1].eval(), x.max(axis=1, keepdims=True).eval().shape, "
                "x.norm(2).eval()",
                (array([1, 1]), (2, 1), array(6.244997998398398)),
            ),
        ],
    ),
    (
        "round and sgn",
        "",
        [
            (
                "T.round(T.constant(np.array([.5, 1.5, 2.5, -.5]))).eval(), T.sgn(T.constant(np.array([-2., "
                "0., "
                "3.]))).eval()",
                (array([0.0, 2, 2, -0.0]), array([-1.0, 0, 1])),
            )
        ],
    ),
    (
        "ranks and dtypes of dot",
        "v, m = T.dvector(), T.dmatrix()",
        [
            (
                "T.dot(v, v).ndim, T.dot(m, v).ndim, T.dot(T.dtensor3(), m).ndim, T.dot(T.fmatrix(), "
                "m).dtype, "
                "T.dot(T.imatrix(), T.fmatrix()).dtype",
                (0, 1, 3, "float64", "float64"),
            )
        ],
    ),
    (
        "dtypes of creation",
        "",
        [  # NEP 50: arange(3.) is floatX
            (
                "T.zeros((2,)).dtype, T.arange(3).dtype, T.arange(T.iscalar()).dtype, T.arange(3.).dtype, "
                "T.zeros_like(T.ivector()).dtype, T.eye(2).dtype, T.alloc(np.float32(0), 2).dtype",
                ("float64", "int64", "int64", "float64", i32, "float64", f32),
            )
        ],
    ),
    (
        "ifelse and switch",
        "from tgen.ifelse import ifelse; c = T.iscalar(); a, b = T.dvectors('ab')",
        [
            (
                "function([c, a, b], ifelse(c, a, b))(0, [1.], [2.]), T.switch(T.constant(np.array([1, 0])), "
                "T.constant(np.array([1., 1.])), 0.).eval()",
                (array([2.0]), array([1.0, 0.0])),
            )
        ],
    ),
    (
        "convolution and pooling",
        "from tgen.tensor.signal import pool; x = shared(np.arange(9.).reshape(1, 1, 3, 3)); "
        "k = shared(np.array([1., 0., 0., 0.]).reshape(1, 1, 2, 2))",
        [
            (
                "T.nnet.conv2d(x, k).eval()[0, 0], T.nnet.conv2d(x, k, filter_flip=False).eval()[0, 0], "
                "T.nnet.conv2d(x, k, border_mode='full').eval().shape, "
                "T.nnet.conv2d(x, k, border_mode='half').eval().shape",
                (
                    array([[4.0, 5.0], [7.0, 8.0]]),
                    array([[0.0, 1.0], [3.0, 4.0]]),
                    (1, 1, 4, 4),
                    (1, 1, 4, 4),
                ),
            ),
            (
                "pool.pool_2d(x, (2, 2), ignore_border=True).eval()[0, 0], pool.pool_2d(x, (2, 2), "
                "ignore_border=False).eval()[0, 0]",
                (array([[4.0]]), array([[4.0, 5.0], [7.0, 8.0]])),
            ),
        ],
    ),
    (
        "identity of ops",
        "",
        [
            (
                "T.tanh == T.tanh, T.tanh == T.nnet.sigmoid, str(T.tanh), str(T.nnet.sigmoid)",
                (True, False, "Elemwise{tanh,no_inplace}", "sigmoid"),
            ),
            ("pickle.loads(pickle.dumps(T.tanh)) == T.tanh", True),
        ],
    ),
    (
        "scan with states",
        "k = T.iscalar('k'); A = T.dvector('A'); "
        "r, u = tgen.scan(fn=lambda p, A: p * A, outputs_info=T.ones_like(A), non_sequences=A, n_steps=k)",
        [
            ("type(u).__name__", "OrderedUpdates"),
            (
                "function([A, k], r)([1., 2.], 3), function([A, k], r[-1], updates=u)([1., 2.], 3)",
                (array([[1.0, 2], [1, 4], [1, 8]]), array([1.0, 8])),
            ),
            (
                "fib, _ = tgen.scan(lambda a, b: a + b, outputs_info=[dict(initial=T.constant(np.array([1, "
                "1])), "
                "taps=[-2, -1])], n_steps=5); fib.eval()",
                array([2, 3, 5, 8, 13]),
            ),
        ],
    ),
    (
        "scan with taps",
        "x = T.dvector()",
        [
            (
                "o, _ = tgen.scan(lambda x_t, x_tm1, acc, c: [acc + x_t * c, x_t - x_tm1], "
                "sequences=[dict(input=x, "
                "taps=[0, -1])], outputs_info=[np.float64(0), None], "
                "non_sequences=[10.]); function([x], o)([1., 2., 4.])",
                [array([20.0, 60.0]), array([1.0, 2.0])],
            )
        ],
    ),
    (
        "scan with random numbers",
        "srng = T.shared_randomstreams.RandomStreams(1); "
        "r, u = tgen.scan(lambda: srng.uniform(()), n_steps=2); "
        "f, g = function([], r, updates=u), function([], r)",
        [("bool((f() == f()).any()), bool((g() == g()).all()), len(u)", (False, False, 1))],
    ),
    (
        "scan that updates",
        "k = shared(0); _, u = tgen.scan(lambda: {k: k + 1}, n_steps=5); f = function([], [], updates=u)",
        [("f(), f(), k.get_value()", ([], [], array(10)))],
    ),
    (
        "scan until, backwards, strict",
        "x = T.dvector()",
        [
            (
                "o, _ = tgen.scan(lambda p: (p * 2, tgen.scan_module.until(p * 2 > 20)), "
                "outputs_info=T.constant(np.float64(1)), n_steps=100); o.eval()",
                array([2.0, 4, 8, 16, 32]),
            ),
            (
                "o, _ = tgen.scan(lambda a, s: a + s, sequences=x, outputs_info=np.float64(0), "
                "go_backwards=True); "
                "function([x], o)([1., 2., 3.])",
                array([3.0, 5.0, 6.0]),
            ),
            (
                "w = shared(2.); tgen.scan(lambda a: a * w, sequences=x, strict=True)[0]",
                (MissingInputError, ""),
            ),
        ],
    ),
    (
        "scan keeps the dtype of a state",
        "",
        [
            (
                "tgen.scan(lambda a: a * np.float64(1.5), outputs_info=T.constant(np.float32(1)), "
                "n_steps=2)[0]",
                (ValueError, "initial state"),
            )
        ],
    ),
    (
        "scan keeps what broadcasts",
        "x = T.dmatrix(); r, _ = tgen.scan(lambda h: h + x, outputs_info=T.zeros((1, 3)), n_steps=2)",
        [
            ("r.broadcastable", (False, False, False)),
            ("function([x], r)(np.ones((1, 3))).shape", (TypeError, "")),
            ("function([x], r)(np.ones((2, 3))).shape", (TypeError, "")),
        ],
    ),
    (
        "scan of one step and of two sequences",
        "x, y = T.dvectors('xy')",
        [
            (
                "tgen.scan(lambda a: a + 1, outputs_info=T.constant(np.float64(0)), "
                "n_steps=1)[0].eval().shape",
                (1,),
            ),
            (
                "function([x, y], tgen.scan(lambda a, b: a + b, sequences=[x, y])[0])([1., 2., 3.], [10., "
                "20.])",
                array([11.0, 22.0]),
            ),
        ],
    ),
    (
        "gradient of scan",
        "w = shared(2.); "
        "o, _ = tgen.scan(lambda p: p * w, outputs_info=T.constant(np.float64(1)), n_steps=3)",
        [("T.grad(o[-1], w).eval()", array(12.0))],
    ),
    (
        "random streams advance",
        "srng = T.shared_randomstreams.RandomStreams(seed=234); rv = srng.uniform((2,)); "
        "f = function([], rv)",
        [("bool((f() == f()).all()), function([], rv - rv)()", (False, array([0.0, 0.0])))],
    ),
    (
        "random streams without default updates",
        "srng = T.shared_randomstreams.RandomStreams(seed=234); rv = srng.uniform((2,)); "
        "g = function([], rv, no_default_updates=True)",
        [("bool((g() == g()).all())", True)],
    ),
    (
        "digits of RandomStreams",
        "srng = T.shared_randomstreams.RandomStreams(234); f = function([], srng.uniform((2, 2))); a = f()",
        [
            (
                "r = np.random.RandomState(int(np.random.RandomState(234).randint(2 ** 30))); np.allclose(a, "
                "r.uniform(size=(2, 2)))",
                True,
            ),
            (
                "srng.seed(902340); rng_val = srng.state_updates[0][0].get_value(borrow=True); "
                "type(rng_val).__name__",
                "RandomState",
            ),
        ],
    ),
    (
        "digits of MRG_RandomStreams",
        "from tgen.sandbox.rng_mrg import MRG_RandomStreams; m = MRG_RandomStreams(12345)",
        [
            # more of its digits: test_random.py
            (
                "function([], m.uniform((3,), dtype='float64', nstreams=1))().round(8), "
                "m.binomial(size=(2,), "
                "p=.5).dtype, m.binomial((2,), p=.5, dtype='float32').dtype, m.normal((2,)).dtype",
                (array([0.73532445, 0.61420744, 0.11007806]), "int64", f32, "float64"),
            ),
            ("T.shared_randomstreams.RandomStreams(1).binomial((2,)).dtype", "int64"),
        ],
    ),
    (
        "default_update",
        "s = shared(0); s.default_update = s + 1; f = function([], s)",
        [
            (
                "f(), f(), s.get_value(), function([], s, updates={s: s * 10})(), s.get_value()",
                (array(0), array(1), array(2), array(2), array(20)),
            )
        ],
    ),
    (
        "printed expressions",
        "x, y = T.dmatrices('xy')",
        [  # names of ops and the form of a gradient are tgen's
            (
                "tgen.pp(x + y), str(x), str(x * y), repr(T.dscalar())",
                ("(x + y)", "x", "mul.0", "<TensorType(float64, scalar)>"),
            ),
            (
                "tgen.pp(T.grad((x ** 2).sum(), x)).partition('(x ** (')[2]",
                "TensorConstant{2.0} - TensorConstant{1.0})))",
            ),
        ],
    ),
    (
        "types are objects",
        "x = T.dmatrix()",
        [
            (
                "x.type == T.dmatrix, x.type() is x, x.type('n').name, T.matrix().type == T.dmatrix, "
                "str(T.fvector), T.dvector.dtype if hasattr(T.dvector, 'dtype') else None",
                (True, False, "n", True, "TensorType(float32, vector)", "float64"),
            ),
            ("x.type.filter([[1]]), hash(x.type) == hash(T.dmatrix)", (array([[1.0]]), True)),
        ],
    ),
    (
        "copies and pickles",
        "s = shared(np.ones(2), name='s'); s2 = copy.deepcopy(s); s2.set_value(np.zeros(2)); "
        "x = T.dscalar('x'); f = function([x], x * s.sum()); f2 = copy.deepcopy(f)",
        [
            (
                "s.get_value(), s2.name, pickle.loads(pickle.dumps(s)).get_value()",
                (array([1.0, 1.0]), "s", array([1.0, 1.0])),
            ),
            ("f2(2.), copy.copy(f)(2.)", (array(4.0), array(4.0))),
        ],
    ),
    (
        "names and constructors",
        "a, b = T.matrices('a', 'b')",
        [
            (
                "a.name, T.dscalars('a', 'b')[1].name, len(T.vectors(3)), str(T.matrix('x', "
                "dtype='int64').type), "
                "str(T.scalar('inc', dtype='int32').type), T.scalar().dtype",
                ("a", "b", 3, "TensorType(int64, matrix)", "TensorType(int32, scalar)", "float64"),
            )
        ],
    ),
    (
        "floatX",
        "old = config.floatX",
        [
            (
                "config.floatX = 'float32'; T.matrix().dtype, T.constant(1.5).dtype, shared(1.5).dtype",
                (f32, f32, "float64"),
            ),
            ("config.floatX = old; T.matrix().dtype", "float64"),
        ],
    ),
    (
        "clone",
        "x, y = T.dscalars('xy')",
        [
            ("tgen.clone(x * 2, replace={x: y}).eval({y: 4.})", array(8.0)),
            ("x.clone() is x, x.clone().type == x.type, x.clone().name", (False, True, "x")),
        ],
    ),
    (
        "methods of variables",
        "",
        [
            ("[n for n in VARIABLE_NAMES if n not in dir(T.dmatrix())]", []),
            ("[getattr(T.dmatrix(), n) for n in VARIABLE_NAMES] and None", None),
        ],
    ),
    (
        "attributes of shared variables",
        "",
        [
            (
                "sorted(set(dir(shared(np.ones(2)))) - set(dir(T.dvector())) - {'__deepcopy__'} - "
                "{'default_update', 'storage'})",
                ["_value_get", "_value_set", "container", "get_value", "set_value", "value", "zero"],
            )
        ],
    ),
    (
        "join and stack",
        "a, b = shared(np.ones(2)), shared(np.zeros(2))",
        [
            (
                "T.concatenate([a, b]).eval(), T.stack([a, b]).eval().shape, T.stack(a, b).eval().shape, "
                "T.stack([a, b], axis=1).eval().shape, T.join(0, a, b).eval().shape",
                (array([1.0, 1, 0, 0]), (2, 2), (2, 2), (2, 2), (4,)),
            )
        ],
    ),
    (
        "repeat, tile and padding",
        "",
        [
            (
                "T.repeat(T.constant(np.array([1, 2])), 2).eval(), T.tile(T.constant(np.array([1, 2])), "
                "2).eval(), "
                "T.shape_padleft(T.dvector()).broadcastable, "
                "T.shape_padright(T.dvector()).broadcastable, T.outer(T.dvector(), T.dvector()).ndim, "
                "T.batched_dot(T.dtensor3(), T.dtensor3()).ndim",
                (array([1, 1, 2, 2]), array([1, 2, 1, 2]), (True, False), (False, True), 2, 3),
            )
        ],
    ),
    (
        "Python's sum, abs and operators",
        "a, b = shared(np.ones(2)), shared(np.zeros(2))",
        [
            (
                "sum([a.sum(), b.sum()]).eval(), abs(-a).eval(), (1 - a).eval(), (2 / (a + 1)).eval(), (2 ** "
                "a).eval(), (-a % 3).eval()",
                (
                    array(2.0),
                    array([1.0, 1]),
                    array([0.0, 0]),
                    array([1.0, 1]),
                    array([2.0, 2]),
                    array([2.0, 2]),
                ),
            ),
            ("max(T.dvector())", (TypeError, "")),
        ],
    ),
    (
        "NumPy operands on the left",
        "v = T.dvector()",
        [
            (
                "type(np.ones(2) * v).__name__, type(np.float64(2) * v).__name__, type(np.ones((2, 2)) + "
                "shared(np.ones(2))).__name__",
                ("TensorVariable",) * 3,
            )
        ],
    ),
    (
        "NumPy functions of variables",
        "x = T.dvector()",
        [
            (
                "np.exp(x).owner.op.name, function([x], [np.exp(x), np.sqrt(x)])([0., 0.])",
                ("exp", [array([1.0, 1]), array([0.0, 0])]),
            )
        ],
    ),
    (
        "modes",
        "x = T.dscalar()",
        [
            (
                "function([x], x * 2, mode='FAST_COMPILE')(2.), function([x], x * 2, mode='FAST_RUN')(2.)",
                (array(4.0), array(4.0)),
            ),
            ("function([x], x, mode='NOPE')", (Exception, "No predefined mode exist for string: NOPE")),
        ],
    ),
    (
        "test values",
        "",
        [
            (
                "config.compute_test_value = 'raise'; x = T.dmatrix(); x.tag.test_value = np.zeros((2, 3)); "
                "y = "
                "T.dot(x, x.T); y.tag.test_value.shape",
                (2, 2),
            ),
            ("T.dot(x, x)", (ValueError, "of shape (2,3)")),
            ('config.compute_test_value = "off"', None),
        ],
    ),
    (
        "leaves of a graph",
        "x = T.dscalar('x'); s = shared(2.); y = x * s; leaves = tgen.gof.graph.inputs([y + 1])",
        [
            (
                "str(y.owner.op), y.owner.inputs == [x, s], x.owner, leaves[:2] == [x, s], [leaf.data for "
                "leaf in "
                "leaves[2:]]",
                ("mul", True, None, True, [array(1.0)]),
            ),
            (
                "[v for v in tgen.gof.graph.inputs([y]) "
                "if isinstance(v, tgen.compile.SharedVariable)] == [s]",
                True,
            ),
        ],
    ),
    (
        "NaN in extremes",
        "",
        [
            (
                "T.max(T.constant(np.array([1., np.nan]))).eval(), T.argmax(T.constant(np.array([1., np.nan, "
                "3.]))).eval(), T.maximum(T.constant(np.nan), 1.).eval(), "
                "T.isnan(T.constant(np.nan)).eval()",
                (array(nan), array(1), array(nan), array(True)),
            )
        ],
    ),
    (
        "reductions of nothing",
        "x = T.dvector()",
        [
            ("function([x], x.sum())([]), function([x], x.mean())([])", (array(0.0), array(nan))),
            ("function([x], x.max())([])", (ValueError, "")),
        ],
    ),
]


VARIABLE_NAMES = """
    T all any append_construction_observer arccos arccosh arcsin arcsinh arctan arctanh argmax argmin argsort
    astype auto_name broadcastable ceil choose clip clone compress conj conjugate construction_observers copy
    cos cosh cumprod cumsum deg2rad diagonal dimshuffle dot dtype eval exp exp2 expm1 fill flatten floor
    get_parents get_scalar_constant_value imag index log log10 log1p log2 max mean min name ndim nonzero
    nonzero_values norm notify_construction_observers ones_like owner prod ptp rad2deg ravel real
    remove_construction_observer repeat reshape round searchsorted shape sin sinh size sort sqrt squeeze std
    sum swapaxes tag take tan tanh trace transfer transpose trunc type var zeros_like
""".split()


def same(got, wanted):
    """Arrays by dtype, shape and closeness (NaN equal), containers by their elements, the rest by ==."""
    if isinstance(wanted, np.ndarray):
        return (
            isinstance(got, np.ndarray)
            and got.dtype == wanted.dtype
            and got.shape == wanted.shape
            and np.allclose(got, wanted, rtol=1e-12, atol=0, equal_nan=True)
        )
    if isinstance(wanted, (tuple, list)):
        return type(got) is type(wanted) and len(got) == len(wanted) and all(map(same, got, wanted))
    return type(got) is type(wanted) and got == wanted


def names():
    return {
        "np": np,
        "tgen": tgen,
        "T": T,
        "function": function,
        "shared": shared,
        "config": config,
        "copy": copy,
        "pickle": pickle,
        "OrderedDict": OrderedDict,
        "inf": inf,
        "VARIABLE_NAMES": VARIABLE_NAMES,
    }


def is_error(wanted):
    return (
        isinstance(wanted, tuple)
        and len(wanted) == 2
        and isinstance(wanted[0], type)
        and issubclass(wanted[0], BaseException)
    )


def run(source, space):
    """The value of the expression that ``source`` ends with (None if it ends with a statement), after its
    statements.
    """
    *body, last = ast.parse(source).body
    for statement in [*body, last][: None if not isinstance(last, ast.Expr) else -1]:
        exec(compile(ast.Module([statement], []), source, "exec"), space)
    return (
        eval(compile(ast.Expression(last.value), source, "eval"), space)
        if isinstance(last, ast.Expr)
        else None
    )


@pytest.mark.parametrize("name, statements, rows", ROWS, ids=[row[0].replace(" ", "_") for row in ROWS])
def test_example(name, statements, rows):
    space = names()
    exec(statements, space)
    # what an example sets is set back
    with config.change_flags(floatX="float64", compute_test_value="off"):
        for source, wanted in rows:
            if not is_error(wanted):
                got = run(source, space)
                assert same(got, wanted), (name, source, got)
                continue
            with pytest.raises(wanted[0]) as caught:
                run(source, space)
            assert wanted[1] in str(caught.value), (name, source, caught.value)


def test_no_two_examples_have_one_name():
    assert len({row[0] for row in ROWS}) == len(ROWS)


def test_floatx_for_a_while():
    with config.change_flags(floatX=f32):
        assert (T.matrix().dtype, T.constant(1.5).dtype, shared(1.5).dtype) == (f32, f32, "float64")
    assert T.matrix().dtype == "float64"


# (expression, dtype with floatX=float64, with float32): the table of measured dtypes, and NEP 50's float32
# for Python floats
PROMOTION = [
    ("T.constant(1.1)", "float64", f32),
    ("T.constant(2.0)", "float64", f32),
    ("T.fvector() + 0.1", f32, f32),
    ("T.ivector() * 0.5", "float64", "float64"),
    ("T.lvector() * 0.5", "float64", "float64"),
    ("T.bvector() * 1.5", f32, f32),
    ("T.mean(T.ivector())", "float64", "float64"),
    ("T.mean(T.eq(T.ivector(), 1))", "float64", "float64"),
    ("T.fvector() * np.float64(2.5)", "float64", "float64"),
    ("T.ivector() / 2", "float64", f32),
    ("T.ivector() / T.ivector()", "float64", f32),
    ("T.bvector() / T.bvector()", "float64", f32),
    ("T.sqrt(T.ivector())", "float64", "float64"),
    ("T.fvector() * T.ivector()", "float64", "float64"),
    ("T.fvector() * T.bvector()", f32, f32),
    ("T.fvector() * T.wvector()", f32, f32),
    ("T.fvector() / T.fvector().shape[0]", "float64", "float64"),
    ("T.arange(3.)", "float64", f32),
    ("shared(1.5)", "float64", "float64"),
    ("T.matrix()", "float64", f32),
    ("T.scalar()", "float64", f32),
    ("T.zeros((2,))", "float64", f32),
    ("T.cast(T.ivector(), 'floatX')", "float64", f32),
    *[
        (e, f32, f32)
        for e in (
            "T.constant(1) - f",
            "(1 - T.eq(i, 0)) * f",
            "T.switch(f > 0, 1, 0) * f",
            "T.switch(i > 0, 1., -1.) * f",
            "(f > 0) * 1 * f",
            "T.alloc(0, 3) + f",
            "T.alloc(0., 3) + f",
            "T.sqrt(2) * f",
            "T.log(2) * f",
            "T.abs_(-1) * f",
            "T.stack([1, 2]) * f",
            "T.as_tensor_variable(2) * f",
            "T.as_tensor_variable(0.1) * f",
        )
    ],
]


@pytest.mark.parametrize("expression, wide, narrow", PROMOTION, ids=[row[0] for row in PROMOTION])
def test_promotion(expression, wide, narrow):
    for floatX, dtype in (("float64", wide), (f32, narrow)):
        with config.change_flags(floatX=floatX):
            space = {**names(), "f": TensorType(f32, (None,))("f"), "i": T.ivector("i")}
            assert eval(expression, space).dtype == dtype, floatX
