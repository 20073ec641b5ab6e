"""Kernel shapes that matter, compiled, against the interpreter: rows, chains of views, gathers, sizes found
inside, writes, products.
"""

import re
from itertools import product

import numpy as np
import pytest
from compiled import MODES, agree, c_text, close, in_parts, reference

import tgen
import tgen.tensor as T

RNG = np.random.default_rng(3)
X, Y, Z = T.dmatrix("x"), T.dmatrix("y"), T.dtensor3("z")
V, W, S = T.dvector("v"), T.dvector("w"), T.dscalar("s")
I, N, M = T.lvector("i"), T.lscalar("n"), T.lscalar("m")
x, z, v = RNG.normal(size=(6, 5)), RNG.normal(size=(3, 4, 5)), RNG.normal(size=5)
i = np.array([0, 2, -1, 2, 4, 0])
wide = np.arange(0, 240.0).reshape(12, 20)[::2, ::4]  # strides that are not C's


def softmax(a):
    return T.nnet.softmax(a)


def centred(a, axis):
    return (a - a.mean(axis=axis, keepdims=True)) / T.sqrt(a.var(axis=axis, keepdims=True) + 1e-2)


PROGRAMS = {
    # reductions
    "axes of a matrix": (
        [X],
        lambda: [f(X, axis=a) for f in (T.sum, T.max, T.mean, T.var, T.prod) for a in (0, 1, None)],
        [x],
    ),
    "axes of three": (
        [Z],
        lambda: (
            [f(Z, axis=a) for f in (T.sum, T.min) for a in (0, 1, 2, (0, 1), (1, 2), (0, 2), None)]
            + [Z.sum(axis=1).max(axis=1)]
        ),
        [z],
    ),
    "several reductions of one value": (
        [X],
        lambda: [
            T.exp(X).sum(axis=1),
            T.exp(X).max(axis=1),
            T.exp(X).argmax(axis=1),
            T.exp(X).sum(),
            T.exp(X).sum(axis=0),
        ],
        [x],
    ),
    "positions": (
        [Z],
        lambda: (
            [Z.argmax(axis=a) for a in (0, 1, 2)]
            + [Z.argmin(), (Z * 2).argmax(), Z[:, ::-1].argmin(axis=1), T.floor(Z).argmax(axis=2)]
        ),
        [z],
    ),
    "a reduction beside its operand": (
        [X],
        lambda: [
            X * 2,
            (X * 2).sum(axis=0),
            (X * 2).sum(axis=1),
            X + X.sum(),
            X - X.max(axis=0),
            X / (X * X).sum(axis=1, keepdims=True),
        ],
        [x],
    ),
    "static rows": ([T.TensorType("float64", (6, 5))("x")], None, [x]),
    # rows
    "softmax": (
        [X],
        lambda: [
            softmax(X),
            T.nnet.logsoftmax(X),
            T.log(softmax(X)),
            softmax(X).sum(axis=0),
            softmax(X).sum(),
            softmax(X).argmax(axis=1),
        ],
        [x],
    ),
    "softmax of softmax": ([X], lambda: [softmax(softmax(X) * X), softmax(X.T), softmax(X[::-1, 1:])], [x]),
    "softmax along the first axis": (
        [X],
        lambda: [T.exp(X) / T.exp(X).sum(axis=0), (X - X.max(axis=0)) * 2],
        [x],
    ),
    "normalised rows and columns": (
        [X],
        lambda: [centred(X, 1), centred(X, 0), centred(centred(X, 1), 0), centred(X, (0, 1))],
        [x],
    ),
    "rows of three": ([Z], lambda: [centred(Z, 2), centred(Z, (1, 2)), centred(Z, 1), centred(Z, 0)], [z]),
    "cross-entropy and its gradient": (
        [X, I],
        lambda: [
            -T.mean(T.log(softmax(X))[T.arange(X.shape[0]), I]),
            T.grad(-T.mean(T.log(softmax(X))[T.arange(X.shape[0]), I]), X),
        ],
        [x, abs(i)],
    ),
    "row gathers": (
        [X, V, I],
        lambda: [
            X - V,
            (X * V[None, :]).sum(axis=1),
            X[:, I[:2]] * 2,
            softmax(X[I]),
            X[I] / X[I].sum(axis=1, keepdims=True),
            (X[I] * V).sum(axis=1)[I],
        ],
        [x, v, i],
    ),
    "a row kept for later": (
        [X],
        lambda: [
            T.exp(T.tanh(X) - T.tanh(X).max(axis=1, keepdims=True)) * T.tanh(X).sum(axis=1, keepdims=True)
        ],
        [x],
    ),
    "long chain of rows": (
        [X],
        lambda: [
            (lambda a: (a / T.sqr(a).sum(axis=1, keepdims=True)).sum(axis=1))(
                T.exp(X - X.max(axis=1, keepdims=True)) + T.exp(X).sum(axis=1, keepdims=True)
            )
        ],
        [x],
    ),
    # views
    "views of views": (
        [X],
        lambda: [
            X[::-1].T[::2] * 1,
            X[1:, ::-2].T[::-1] + 0,
            X[::2].T[::-1, 1:][::-1].sum(axis=0),
            X.T[1:-1][::-1][:, ::-2],
            X[-1],
            X[:, -2],
            X[2:1],
            X[10:],
        ],
        [x],
    ),
    "views as they are": (
        [X, Z],
        lambda: [
            X.T,
            X[::-1],
            X[1:3, ::2],
            Z.dimshuffle(2, 0, 1),
            Z.dimshuffle(0, "x", 2, 1),
            Z[1].T,
            Z[:, 0],
            X,
        ],
        [x, z],
    ),
    "views at run time": (
        [X, N, M],
        lambda: [
            X[N:],
            X[:N],
            X[N:M],
            X[M:N:-1],
            X[:, N],
            X[N::-2],
            X[N:M].sum(axis=0),
            X[N] * X[M],
            X[N:][:M].T,
        ],
        [x, 1, 4],
    ),
    "views at run time, negative": (
        [X, N, M],
        lambda: [X[N:], X[:N], X[N:M], X[M:N:-1], X[:, N], X[N::-2], X[N:M].sum(axis=0)],
        [x, -4, -2],
    ),
    "broadcast": (
        [X, V],
        lambda: [
            T.addbroadcast(X[:1], 0) * T.ones((4, 1)),
            V.dimshuffle(0, "x") * V.dimshuffle("x", 0),
            T.zeros_like(X) + V,
            T.fill(X, 2.0) * V,
        ],
        [x, v],
    ),
    "reshape": (
        [X, Z],
        lambda: [
            X.flatten(),
            X.T.reshape((3, 10)),
            Z.flatten(2),
            Z.dimshuffle(2, 0, 1).reshape((-1, 2)),
            X[::2].flatten(),
            (X * 2).reshape((10, 3)).sum(axis=0),
            X[::-1].flatten()[::-1],
            X.reshape((2, 3, 5))[:, 1],
            Z.reshape((-1,))[:0],
            (X + 1).reshape((30, 1, 1)).reshape((5, 6)),
        ],
        [x, z],
    ),
    "reshape of strided arguments": (
        [X, Z],
        lambda: [X.flatten(), X.reshape((3, 10)), (X.reshape((5, 6)) * 2).T, Z.flatten(2), Z.flatten()[::2]],
        [wide, z.T[::-1]],
    ),
    "reshape of a number": (
        [S, V],
        lambda: [S.reshape((1, 1)), V.reshape((1, 5)), T.reshape(V[:1], ()) if 0 else V.sum().reshape((1,))],
        [0.5, v],
    ),
    "arange": (
        [N, V],
        lambda: [
            T.arange(N),
            T.arange(N) * 2 + 1,
            T.arange(1, N, 3),
            T.arange(N, 0, -2),
            T.arange(V.shape[0])[::-1] * V,
            T.arange(N).sum(),
            T.arange(N)[1:],
            T.arange(0),
            T.arange(N)[::-2][1:] ** 2,
            T.outer(T.arange(N), T.arange(N)),
            T.sqrt(T.arange(N)),
            V[T.arange(V.shape[0])[::-1]],
            T.arange(5)[None, :] - T.arange(N)[:, None],
        ],
        [7, v],
    ),
    "constants": (
        [X],
        lambda: [
            X * np.arange(5.0),
            X + np.arange(30.0).reshape(6, 5),
            T.dot(X, np.arange(50.0).reshape(5, 10)),
            X[np.array([0, 1])],
            T.constant(np.arange(3)),
            T.constant(np.zeros((0, 3))),
            T.constant(np.arange(60.0)),
            X + np.arange(60.0).reshape(5, 12).T[::2],
            T.constant(2.5),
        ],
        [x],
    ),
    "numbers": (
        [S, N],
        lambda: [
            S * 2,
            T.exp(S) + N,
            N * 3,
            N // 2,
            S > 0,
            T.switch(S > 0, S, -S),
            T.zeros((N,)),
            T.ones((2, N)) * S,
            T.eye(N),
            S,
            N,
            T.stack([S, S * 2])[1],
            T.alloc(S, N, 2),
        ],
        [0.5, 4],
    ),
    # gathers and what is found inside
    "gathers": (
        [X, I],
        lambda: [
            X[I],
            X[I] * 2,
            X[I].sum(axis=1),
            X[:, I[:2]],
            X[I, I[::-1] % 5],
            T.exp(X)[I].sum(),
            X[I][I % 6],
            X[T.arange(6), I],
            X[I].T[::-1],
            X.flatten()[I],
            (X * X)[I, 1],
            X.T[:, I],
            X[I[0]],
        ],
        [x, i],
    ),
    "gathers in three": (
        [Z, I],
        lambda: [
            Z[:, I],
            Z[:, :, I % 5],
            Z[:, I % 4, I % 5],
            Z[I % 3],
            Z[:, I].sum(axis=1),
            Z[:, I].max(axis=(0, 2)),
            Z[1, I],
        ],
        [z, i % 4],
    ),
    "index matrices": ([X, T.lmatrix("j")], None, [x, np.array([[0, -1, 3], [5, 2, -6]])]),
    "masks": (
        [X, V],
        lambda: [
            X[X > 0],
            V[V > 0],
            V[V > 0].sum(),
            T.exp(V[V > 0]) * 2,
            T.nonzero(X)[0],
            T.nonzero(X > 9)[1],
            X[:, (V > 0).nonzero()[0]],
            T.dot(X[:, V > 0], V[V > 0]),
            X[:, V > 0].sum(axis=1),
            softmax(X[:, V > 0]),
            X[:, V > 0].T.reshape((-1,)),
            T.concatenate([V[V > 0], V]),
            V[V > 0].max(),
            X[X > 0].shape[0],
            T.zeros((X[X > 0].shape[0], 2)),
        ],
        [x, v],
    ),
    "masks that meet": (
        [V, W],
        lambda: [
            V[V > 0] * W[V > 0] + V[V > 0],
            T.concatenate([V[V > 0], V]) * T.concatenate([W[V > 0], W]),
            T.dot(V[V > 0], W[V > 0]),
        ],
        [v, v[::-1]],
    ),
    "sizes from data": (
        [I, V],
        lambda: [
            T.zeros((I.max(), 2)),
            T.arange(I[1]),
            V[I[1] :],
            V[: I[1]].sum(),
            V[I[1]],
            T.arange(I.sum()).sum(),
            V[I[3] :: -1],
            T.ones((I[1], I[3])) * V[I[1]],
        ],
        [i, v],
    ),
    "sorting": ([X], lambda: [T.sort(X, axis=0), T.argsort(X, axis=1), T.sort(X)[:, ::-1]], [x]),
    # arrays built of arrays
    "concatenate": (
        [X, Y, Z],
        lambda: [
            T.concatenate([X, Y, X * 2]),
            T.concatenate([X.T, Y.T[::-1]], axis=1),
            T.concatenate([X, X[:, :2], X[:, ::-1]], axis=1),
            T.stack([X, X * 2]),
            T.concatenate([X, Y])[2:].sum(axis=0),
            T.concatenate([Z, Z * 2], axis=2),
            T.concatenate([Z[:0], Z], axis=0),
            T.concatenate([X[:, :0], X], axis=1),
            T.stack([X, X], axis=2),
            T.concatenate([X[:0], X[:0]]),
        ],
        [x, RNG.normal(size=(2, 5)), z],
    ),
    "writes to slices": (
        [X, V, S],
        lambda: [
            T.set_subtensor(X[1:3], V),
            T.inc_subtensor(X[::-2], V),
            T.set_subtensor(X[:, 1], 0.0),
            T.inc_subtensor(X[-1], V),
            T.set_subtensor(X[1:3, ::-2], S),
            T.inc_subtensor(X.T[1], 1.0),
            T.set_subtensor(X[2:2], 9.0),
            T.inc_subtensor((X * 2)[1:], X[:-1]),
            T.set_subtensor(X[:], X[::-1]),
            T.inc_subtensor(X[0, 0], S),
            T.inc_subtensor(T.set_subtensor(X[0], 1.0)[1], 2.0),
        ],
        [x, v, 0.5],
    ),
    "writes to indices": (
        [X, V, I],
        lambda: [
            T.set_subtensor(X[I], 5.0),
            T.inc_subtensor(X[I], 1.0),
            T.inc_subtensor(X[I], X),
            T.inc_subtensor(X[I, I % 5], V[0]),
            T.set_subtensor(X[I], X[::-1]),
            T.inc_subtensor(X[:, I % 5], 1.0),
            T.inc_subtensor(X[:, I[:2]], X[:, :2]),
            T.inc_subtensor(X.flatten()[I], 2.0),
            T.set_subtensor(V[I[1:2]], 7.0),
            T.inc_subtensor(T.zeros_like(X)[I], X),
        ],
        [x, v, i],
    ),
    "writes under a mask": (
        [X, V],
        lambda: [
            T.set_subtensor(V[V > 0], 0.0),
            T.inc_subtensor(V[V > 0], V[V > 0] * 2),
            T.set_subtensor(X[(X > 0).nonzero()], 1.0),
        ],
        [x, v],
    ),
    "gradients of movements": (
        [X, V, I],
        lambda: T.grad(
            (X[1:, ::-2] ** 2).sum()
            + (X[I] ** 3).sum()
            + T.concatenate([X, X * V]).sum()
            + T.inc_subtensor(X[I], X * 2).sum()
            + T.max(X, axis=1).sum(),
            [X, V],
        ),
        [x, v, i],
    ),
    # products
    "products by transposes": (
        [X, Y],
        lambda: [
            T.dot(X.T, Y),
            T.dot(X.T, Y)[::-1],
            T.dot(X[::-1].T, Y[:, ::2]),
            T.dot(X.T, softmax(Y)),
            T.dot(Y.T, X).T,
            T.dot(X.T, Y).sum(axis=0) * 2,
            T.dot(T.tanh(T.dot(X.T, Y)), Y.T),
        ],
        [x, RNG.normal(size=(6, 3))],
    ),
    "batched products": (
        [Z],
        lambda: [
            T.batched_dot(Z, Z.dimshuffle(0, 2, 1)),
            T.batched_dot(Z * 2, Z.dimshuffle(0, 2, 1))[:, 0],
            T.batched_dot(Z[:, :, :0], Z.dimshuffle(0, 2, 1)[:, :0]),
        ],
        [z],
    ),
    "tensordot and outer": (
        [X, Z, V],
        lambda: [T.tensordot(X, Z, axes=[[1], [2]]), T.outer(V, V), T.dot(Z, V), T.dot(V, V), T.dot(Z, X.T)],
        [x, z, v],
    ),
    "integer products": ([T.lmatrix("a"), I], None, [np.arange(12).reshape(2, 6), i]),
}


# also without the optional passes
TWICE = ("softmax", "views of views", "masks that meet", "writes to indices", "products by transposes")


def more(name, inputs):
    a, b = inputs[0], inputs[-1]
    return {
        "static rows": lambda: [
            softmax(a),
            a.sum(),
            a / a.sum(),
            a - a.max(),
            (a - a.mean()) / a.std(),
            a.T.sum(axis=1),
            T.exp(a).sum(axis=0) + a[0],
        ],
        "index matrices": lambda: [
            a[b % 6],
            a[b % 6, b % 5],
            a.T[:, b % 6],
            a[b % 6].sum(axis=2),
            T.inc_subtensor(a[b % 6], 1.0),
            a.flatten()[b],
        ],
        "integer products": lambda: [T.dot(a, b), T.dot(a, a.T), T.dot(b, b)],
    }[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    inputs, make, values = PROGRAMS[name]
    agree(inputs, (make or more(name, inputs))(), values, modes=MODES[: 1 + (name in TWICE)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "axes of a matrix",
        "several reductions of one value",
        "softmax",
        "normalised rows and columns",
        "views of views",
        "reshape",
        "gathers",
        "concatenate",
        "writes to slices",
        "products by transposes",
    ],
)
@pytest.mark.parametrize("layout", ["Fortran", "negative", "steps", "one row"])
def test_layouts_of_arguments(name, layout):
    """The same functions on arguments of other layouts: what only the strided code does."""
    change = {
        "Fortran": np.asfortranarray,
        "negative": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
        "steps": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
        "one row": lambda a: np.broadcast_to(a[:1], a.shape),
    }[layout]
    inputs, make, values = PROGRAMS[name]
    agree(inputs, make(), [change(a) if np.ndim(a) == 2 else a for a in values], modes=MODES[:1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "axes of three",
        "several reductions of one value",
        "positions",
        "a reduction beside its operand",
        "cross-entropy and its gradient",
        "rows of three",
        "row gathers",
        "long chain of rows",
        "gathers",
        "masks",
        "sizes from data",
        "writes to indices",
        "gradients of movements",
        "batched products",
    ],
)
def test_programs_in_parts(name):
    """Cut into parts and run by a team: partial reductions, local rows, barriers."""
    inputs, make, values = PROGRAMS[name]
    with in_parts():
        agree(inputs, make(), values, modes=MODES[:1])


EMPTY = {
    "elementwise and sums": lambda: [
        X * 2,
        X.sum(axis=0),
        X.sum(axis=1),
        X.sum(),
        softmax(X),
        X.T.flatten(),
        T.concatenate([X, X]),
        T.dot(X.T, X),
        T.dot(X, X.T),
        X.prod(axis=0),
        T.set_subtensor(X[:], 1.0),
        T.nonzero(X)[0],
        X[X > 0],
        X[::-1],
    ]
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_arrays_without_elements(shape):
    agree([X], EMPTY["elementwise and sums"](), [np.zeros(shape)], modes=MODES[:1])


# -- products: every rank, layout and empty size -------------------------------------------------------------

MATRICES = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "rows": lambda a: np.repeat(a, 2, 0)[::2],
    "steps": lambda a: np.repeat(a, 3, -1)[..., ::3],
    "negative": lambda a: a[::-1].copy()[::-1],
    "repeated": lambda a: np.broadcast_to(a[:1], a.shape),
    "one": lambda a: a,
}
SIZES = [(4, 3, 5), (1, 3, 5), (4, 1, 5), (4, 3, 1), (0, 3, 5), (4, 0, 5), (4, 3, 0), (1, 1, 1), (37, 19, 23)]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products(dtype):
    a, b, u, w = T.matrix("a", dtype), T.matrix("b", dtype), T.vector("u", dtype), T.vector("w", dtype)
    outputs = [
        T.dot(a, b),
        T.dot(b.T, a.T),
        T.dot(a, u),
        T.dot(u, b),
        T.dot(u, w),
        T.dot(a.T, T.dot(a, b)),
        T.dot(T.dot(a, b).T, a),
        T.dot(a + 1, b * 2),
    ]
    f = tgen.function([a, b, u, w], outputs)
    for (m, k, n), (p, q) in product(
        SIZES,
        [
            ("C", "C"),
            ("Fortran", "C"),
            ("rows", "steps"),
            ("negative", "Fortran"),
            ("steps", "negative"),
            ("repeated", "rows"),
        ],
    ):
        left, right, vector = (RNG.normal(size=s).astype(dtype) for s in ((m, k), (k, n), (k,)))
        left, right, x, y = (
            MATRICES[p](left),
            MATRICES[q](right),
            MATRICES[q](vector) if k else vector,
            np.repeat(vector, 2)[::-2],
        )
        wanted = [
            left @ right,
            right.T @ left.T,
            left @ x,
            x @ right,
            x @ y,
            left.T @ (left @ right),
            (left @ right).T @ left,
            (left + 1) @ (right * 2),
        ]
        for got, want in zip(f(left, right, x, y), wanted):
            assert close(got, np.asarray(want, dtype, order="C"), 64 + 4 * k), (p, q, m, k, n)


# -- updates -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_updates_of_every_kind():
    """In place, flipped, copied; of another shape; read by views; a number; an output that is an update."""
    w, b, c, g = (
        tgen.shared(a, n)
        for a, n in (
            (RNG.normal(size=(6, 5)), "w"),
            (RNG.normal(size=5), "b"),
            (0.5, "c"),
            (RNG.normal(size=(6, 5)), "g"),
        )
    )
    new = w - 0.1 * g
    for updates in (
        [(w, new)],
        [(w, new), (g, g * 0.9 + w)],
        [(w, w[::-1])],
        [(w, w.T.dot(w)[:, :5])],
        [(w, T.concatenate([w, X]))],
        [(b, w.sum(axis=0)), (w, w + b)],
        [(c, c + 1), (b, b * c)],
        [(w, g), (g, w)],
        [(b, b[b > 0])],
        [(w, T.set_subtensor(w[1:3], 0.0))],
        [(w, T.inc_subtensor(w[I % 6], 1.0))],
        [(w, T.inc_subtensor(w[::-1], w))],
        [(w, softmax(w))],
        [(w, w + w.sum(axis=0))],
        [(w, w + w.T.sum())],
        [(w, X), (g, X)],
        [(w, T.zeros_like(w))],
        [(b, T.dot(w.T, w[:, 0]))],
        [(w, w[I % 6]), (b, b[I[:2]])],
        [(c, w.sum()), (w, w * c)],
        [(w, w.reshape((5, 6)))],
        [(b, w.flatten())],
    ):
        agree(
            [X, I], [w, b * c, w.sum(axis=1)] + [u for _, u in updates[:1]], [x, i], updates, modes=MODES[:1]
        )


def test_an_error_of_the_interpreter_is_one_of_the_c():
    f = tgen.function([X, V], X * V)
    for values in ([x, v[:2]], [x[:, :1], v]):
        with pytest.raises(ValueError):
            reference([X, V], [X * V], values)
        with pytest.raises(ValueError):
            f(*values)


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda a: a[::-1], lambda a: np.repeat(a, 2, axis=1)[:, ::2]]
)
def test_one_element_of_a_strided_argument_fills_everything(layout):
    """The strided variant runs as one loop too when it reads nothing but one element: all of the domain, not
    one axis of it.
    """
    f = tgen.function(
        [X, N], [T.alloc(X[0, 0], N, 3), T.alloc(X[1, 1], N, 3).sum(), T.zeros((N, 2, 2)) + X[0, 1]]
    )
    f(x, 40)  # so that what is not written shows
    given = layout(x * 7)
    filled, total, added = f(given, 40)
    assert (
        (filled == given[0, 0]).all()
        and np.isclose(total, 120 * given[1, 1])
        and (added == given[0, 1]).all()
    )


FOUR = T.dtensor4("q")
q = RNG.normal(size=(2, 3, 4, 5))
# What is computed of FOUR: the depths of the loops in its kernels. Long float sums run in chunks and sums
# over columns in blocks, a loop more.
NEIGHBOURS = {
    "a bias of each map": (lambda: [T.tanh(FOUR + V[:3].dimshuffle("x", 0, "x", "x"))], [3]),
    "its gradient": (lambda: [FOUR.sum(axis=(0, 2, 3))], [5]),
    "a factor of each image": (lambda: [FOUR * V[:2].dimshuffle(0, "x", "x", "x")], [2]),
    "a row for all": (lambda: [FOUR + V], [2]),
    "sums over the last axes": (
        lambda: [FOUR.sum(axis=(2, 3)), FOUR.sum(axis=(0, 1)), FOUR.argmax(axis=3)],
        [3, 3, 2],
    ),
    "reversed": (lambda: [FOUR[:, :, ::-1] * 2], [3]),
    "cut short": (lambda: [FOUR[:, :, 1:] * 2, FOUR[1:] * 2, FOUR[:, :, :, 1:] * 2], [2, 1, 2]),
    "turned": (  # the first is read in squares, two loops more
        lambda: [FOUR.dimshuffle(2, 3, 0, 1) * 2, FOUR.dimshuffle(0, 2, 1, 3) * 2],
        [4, 4],
    ),
    "positions": (lambda: [T.exp(FOUR) + T.arange(5)], [1, 2]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbouring_axes_run_as_one_loop(name):
    make, depths = NEIGHBOURS[name]
    found = []
    for general in (False, True):
        with in_parts():
            agree([FOUR, V], make(), [q if not general else np.asfortranarray(q), v], modes=MODES[:1])
    text = c_text([FOUR, V], make())
    for body in re.findall(r"^TGEN_CALLED void part\d+\(.*?^}", text, re.M | re.S):
        found.append(
            max(
                (len(line) - len(line.lstrip())) // 4
                for line in body.splitlines()
                if line.lstrip().startswith("for (")
            )
        )
    assert found == depths
