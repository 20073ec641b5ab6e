"""Every function of tgen.tensor against its NumPy twin: one row a function. Values by Op.eval, so no compiler is needed."""
import math
import pickle

import numpy as np
import pytest

import tgen.tensor as T
from graph_eval import evaluate
from tgen.config import config
from tgen.core.op import METHODS, OPS, SCALAR
from tgen.graph.nodes import Variable

RNG = np.random.RandomState(0)
V, W, S = RNG.randn(5), RNG.randn(5), np.array(1.5)
M, N = RNG.randn(3, 4), RNG.randn(4, 2)
B, C3 = RNG.randn(2, 3, 4), RNG.randn(2, 4, 5)
I, J = np.array([[1, -2, 3], [0, 2, 5]], "int32"), np.array([[3, 1, -2], [2, 4, 1]], "int32")
P = np.array([[.2, .8], [.6, .4], [.5, .5]])
NAN = np.array([3., np.nan, 1., 1., -np.inf, np.nan, np.inf])
K3 = np.array([2, 0, 3])
erf = np.vectorize(math.erf)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# name: (symbolic function, NumPy twin, operands)
TWINS = {
    # elementwise compositions
    "clip": (lambda x: T.clip(x, -.5, .5), lambda x: np.clip(x, -.5, .5), [M]),
    "switch": (lambda x, y: T.switch(x > y, x, y), np.maximum, [V, W]),
    "switch of ints": (lambda c: T.switch(c, 1., 2.), lambda c: np.where(c, 1., 2.), [I]),
    "where rows": (lambda x: T.where(x > 0, x, T.zeros((1, 4))), lambda x: np.where(x > 0, x, 0), [M]),
    "inv": (T.inv, lambda x: 1 / x, [V]),
    "inv of ints": (T.inv, lambda x: 1 / x, [np.array([1, 2])]),
    "square": (T.square, np.square, [I]),
    "deg2rad": (T.deg2rad, np.deg2rad, [M]),
    "rad2deg": (T.rad2deg, np.rad2deg, [M]),
    "round": (T.round, np.round, [np.array([.5, 1.5, 2.5, -.5, 2.4])]),
    "round away": (lambda x: T.round(x, "half_away_from_zero"), lambda x: np.sign(x) * np.floor(abs(x) + .5), [np.array([.5, 1.5, 2.5, -.5, 2.4])]),
    "iround": (T.iround, lambda x: np.round(x).astype(int), [M]),
    "divmod": (lambda x, y: list(divmod(x, y)), lambda x, y: list(divmod(x, y)), [I, J]),
    "ceil_intdiv": (T.ceil_intdiv, lambda x, y: -(-x // y), [I, J]),
    "logical_and": (T.logical_and, np.logical_and, [I, J]),
    "logical_or": (T.logical_or, np.logical_or, [I, I * 0]),
    "logical_xor": (T.logical_xor, np.logical_xor, [I, I * 0]),
    "logical_not": (T.logical_not, np.logical_not, [I]),
    "isfinite": (T.isfinite, np.isfinite, [NAN]),
    "isclose": (lambda x, y: T.isclose(x, y), np.isclose, [NAN, NAN + 1e-9]),
    "isclose nan": (lambda x, y: T.isclose(x, y, equal_nan=True), lambda x, y: np.isclose(x, y, equal_nan=True), [NAN, NAN]),
    "allclose": (T.allclose, np.allclose, [V, V + 1e-9]),
    "largest": (T.largest, lambda *x: np.max(x, axis=0), [V, W, -V]),
    "smallest": (T.smallest, lambda *x: np.min(x, axis=0), [V, W, -V]),
    "add of three": (T.add, lambda *x: x[0] + x[1] + x[2], [V, W, V]),
    "real": (T.real, np.real, [M]),
    "imag": (T.imag, np.imag, [M]),
    "conj": (T.conj, np.conj, [M]),
    "log1mexp": (T.log1mexp, lambda x: np.log1p(-np.exp(x)), [np.array([-.1, -2.])]),
    "logaddexp": (T.logaddexp, np.logaddexp, [np.array([1000., -np.inf, 3., np.inf]), np.array([1000., -np.inf, 5., 1.])]),
    "hypot": (T.hypot, np.hypot, [V, W]),
    "cast": (lambda x: T.cast(x, "int32"), lambda x: x.astype("int32"), [M * 3]),
    "array on the left": (lambda x: (np.ones((3, 4)) - x) * np.float64(2), lambda x: (1 - x) * 2, [M]),
    "pow": (lambda i: i ** 3 + 2 ** (i * i) % 7, lambda i: i ** 3 + 2 ** (i * i) % 7, [I]),
    "bits": (lambda i, j: (i & 6) | (j ^ 3) << 1 >> 1, lambda i, j: (i & 6) | (j ^ 3) << 1 >> 1, [I, J]),
    "int arithmetic": (lambda i, j: [i / j, i // j, i % j, abs(-i)], lambda i, j: [i / j, i // j, i % j, abs(i)], [I, J]),
    # reductions
    "sum": (T.sum, np.sum, [M]), "sum of nothing": (T.sum, np.sum, [np.zeros((0, 3))]),
    "sum axes": (lambda x: x.sum(axis=(0, -1)), lambda x: x.sum((0, -1)), [B]),
    "sum list keepdims": (lambda x: x.sum(axis=[1, 2], keepdims=True), lambda x: x.sum((1, 2), keepdims=True), [B]),
    "sum dtype": (lambda x: T.sum(x, dtype="float32"), lambda x: x.sum(dtype="float32"), [I]),
    "sum acc_dtype": (lambda x: T.sum(x, acc_dtype="float64", dtype="float32"), lambda x: x.sum(dtype="float32"), [M.astype("float32")]),
    "sum no axes": (lambda x: T.sum(x, axis=()), lambda x: x.sum(axis=()), [M]),
    "sum of a scalar": (T.sum, np.sum, [S]),
    "prod": (lambda x: T.prod(x, axis=1), lambda x: np.prod(x, axis=1), [M]),
    "mean": (lambda x: x.mean(axis=-1, keepdims=True), lambda x: x.mean(-1, keepdims=True), [B]),
    "mean of ints": (T.mean, np.mean, [I]), "mean of nothing": (T.mean, lambda x: np.nan, [np.zeros(0)]),
    "mean dtype": (lambda x: T.mean(x, dtype="float32"), lambda x: np.mean(x, dtype="float32"), [I]),
    "var": (lambda x: T.var(x, axis=(0, 2)), lambda x: np.var(x, axis=(0, 2)), [B]),
    "var ddof": (lambda x: x.var(ddof=1), lambda x: x.var(ddof=1), [M]),
    "var of ints": (lambda x: x.var(0), lambda x: x.var(0), [I]),
    "std": (lambda x: x.std(axis=0, keepdims=True), lambda x: x.std(0, keepdims=True), [M]),
    "max": (lambda x: T.max(x, axis=1), lambda x: x.max(1), [M]), "min": (T.min, np.min, [I]), "max nan": (T.max, np.max, [NAN]),
    "argmax": (T.argmax, np.argmax, [M]), "argmin": (lambda x: x.argmin(0, keepdims=True), lambda x: x.argmin(0, keepdims=True), [M]),
    "argmax of axes": (lambda x: x.argmax(axis=(0, 2)), lambda x: x.transpose(1, 0, 2).reshape(3, -1).argmax(1), [B]),
    "argmax nan": (T.argmax, np.argmax, [NAN]),
    "max_and_argmax": (lambda x: T.max_and_argmax(x, axis=0), lambda x: [x.max(0), x.argmax(0)], [M]),
    "any": (lambda x: T.any(x, axis=0), lambda x: np.any(x, axis=0), [I]), "all": (lambda x: (x > 0).all(axis=1), lambda x: (x > 0).all(1), [I]),
    "count_nonzero": (T.count_nonzero, np.count_nonzero, [I]), "ptp": (lambda x: x.ptp(axis=0), lambda x: np.ptp(x, axis=0), [M]),
    "norm": (lambda x: x.norm(2), np.linalg.norm, [M]), "norm 3": (lambda x: x.norm(3, axis=1), lambda x: np.linalg.norm(x, 3, axis=1), [M]),
    "norm inf": (lambda x: [x.norm(np.inf), x.norm(-np.inf), x.norm(1), x.norm(0)],
                 lambda x: [np.linalg.norm(x, o) for o in (np.inf, -np.inf, 1)] + [np.count_nonzero(x)], [V]),
    "logsumexp": (lambda x: T.logsumexp(x, axis=1), lambda x: 1000 + np.log(np.exp(x - 1000).sum(1)), [np.array([[1000., 1001], [999, 1000]])]),
    "logsumexp of -inf": (T.logsumexp, lambda x: -np.inf, [np.array([-np.inf, -np.inf])]),
    # creation
    "zeros": (lambda n: T.zeros((n, 2)), lambda n: np.zeros((n, 2)), [np.array(3)]), "ones": (lambda x: T.ones(x.shape), np.ones_like, [M]),
    "alloc": (lambda x: T.alloc(x, 2, 5), lambda x: np.broadcast_to(x, (2, 5)), [V]), "full": (lambda x: T.full((2, 3), x), lambda x: np.full((2, 3), x), [S]),
    "zeros_like": (T.zeros_like, np.zeros_like, [I]), "ones_like": (lambda x: T.ones_like(x, dtype="int8"), lambda x: np.ones(x.shape, "int8"), [M]),
    "full_like": (lambda x: T.full_like(x, 7), lambda x: np.full_like(x, 7), [I]), "fill": (T.fill, lambda x, y: np.zeros_like(x) + y, [M, S]),
    "eye": (lambda n: [T.eye(n), T.eye(n, 5, 1), T.eye(3, 4, -1, "int8")], lambda n: [np.eye(n), np.eye(n, 5, 1), np.eye(3, 4, -1, "int8")], [np.array(3)]),
    "identity_like": (T.identity_like, lambda x: np.eye(3, 4), [M]), "tri": (lambda: T.tri(3, 5, 1), lambda: np.tri(3, 5, 1), []),
    "arange": (lambda n: [T.arange(n), T.arange(1, n), T.arange(n, 0, -2), T.arange(0, n, 3), T.arange(5, n)],
               lambda n: [np.arange(n), np.arange(1, n), np.arange(n, 0, -2), np.arange(0, n, 3), np.arange(5, n)], [np.array(4)]),
    "arange of floats": (lambda x: [T.arange(x), T.arange(0., x, .25), T.arange(3, x, -.5), T.arange(0, 1, .1)],
                         lambda x: [np.arange(x), np.arange(0., x, .25), np.arange(3, x, -.5), np.arange(0, 1, .1)], [S]),
    "arange with a step": (lambda n: T.arange(10, 0, n, dtype="int32"), lambda n: np.arange(10, 0, n, "int32"), [np.array(-3)]),
    # shapes
    "dimshuffle": (lambda x: x.dimshuffle(1, "x", 0), lambda x: x.T[:, None], [M]), "dimshuffle list": (lambda x: x.dimshuffle([1, 0]), np.transpose, [M]),
    "T": (lambda x: x.T, np.transpose, [B]), "transpose": (lambda x: [x.transpose(2, 0, 1), x.transpose((1, 0, 2))],
                                                           lambda x: [x.transpose(2, 0, 1), x.transpose(1, 0, 2)], [B]),
    "swapaxes": (lambda x: x.swapaxes(0, -1), lambda x: x.swapaxes(0, -1), [B]), "moveaxis": (lambda x: T.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1), [B]),
    "squeeze": (lambda x: x.dimshuffle("x", 0, "x").squeeze(), lambda x: x, [V]), "squeeze axis": (lambda x: x.squeeze(1), lambda x: x.squeeze(1), [M[:, :1]]),
    "expand_dims": (lambda x: [T.expand_dims(x, 1), T.expand_dims(x, (0, -1))], lambda x: [x[:, None], x[None, ..., None]], [M]),
    "shape_padleft": (lambda x: x.shape_padleft(2), lambda x: x[None, None], [V]), "shape_padright": (T.shape_padright, lambda x: x[:, None], [V]),
    "shape_padaxis": (lambda x: T.shape_padaxis(x, 1), lambda x: x[:, None], [M]), "copy": (lambda x: x.copy(), np.copy, [S]),
    "reshape": (lambda x: [x.reshape((4, 3)), x.reshape(12), x.reshape((x.shape[1], -1)), x.reshape((-1, 2), ndim=2), x.reshape(x.shape[::-1])],
                lambda x: [x.reshape(4, 3), x.reshape(12), x.reshape(4, -1), x.reshape(-1, 2), x.reshape(4, 3)], [M]),
    "reshape at run time": (lambda x, s: x.reshape(s, ndim=3), lambda x, s: x.reshape(s), [B, np.array([3, -1, 2])]),
    "reshape of nothing": (lambda x: x.reshape((x.shape[0], -1)), lambda x: x.reshape(0, 12), [np.zeros((0, 3, 4))]),
    "flatten": (lambda x: [x.flatten(), x.flatten(2), T.flatten(x, ndim=3), T.flatten(x, outdim=2), x.ravel()],
                lambda x: [x.ravel(), x.reshape(2, 12), x, x.reshape(2, 12), x.ravel()], [B]), "flatten a scalar": (T.flatten, lambda x: x.reshape(1), [S]),
    "broadcast_to": (lambda x: T.broadcast_to(x, (3, 5)), lambda x: np.broadcast_to(x, (3, 5)), [V]),
    "addbroadcast": (lambda x, y: T.addbroadcast(x, 1) + y, lambda x, y: x + y, [M[:, :1], M]),
    "unbroadcast": (lambda x: T.unbroadcast(x.dimshuffle("x", 0), 0), lambda x: x[None], [V]),
    "patternbroadcast": (lambda x: T.patternbroadcast(x, (False, True)), lambda x: x, [M[:, :1]]),
    "concatenate": (lambda x, y: [T.concatenate([x, y], axis=-1), T.join(0, x, y.T), T.horizontal_stack(x, y), T.vertical_stack(x, x)],
                    lambda x, y: [np.concatenate([x, y], -1), np.concatenate([x, y.T]), np.hstack([x, y]), np.vstack([x, x])], [M[:, :3], M[:, 1:]]),
    "stack": (lambda x, y: [T.stack([x, y]), T.stack(x, y), T.stack([x, y], axis=1), T.stack([x, y], -1), T.stack([x.sum(), 2]), T.stacklists([[x, y], [y, x]])],
              lambda x, y: [np.stack([x, y]), np.stack([x, y]), np.stack([x, y], 1), np.stack([x, y], -1), np.array([x.sum(), 2]), np.array([[x, y], [y, x]])], [V, W]),
    "a list with variables": (lambda x: T.as_tensor_variable([[x, 1.], [2., x]]), lambda x: np.array([[x, 1], [2, x]]), [S]),
    "tile": (lambda x: [T.tile(x, 2), T.tile(x, (2, 3)), T.tile(x, (2, 1, 2)), T.tile(x, (2,), ndim=3)],
             lambda x: [np.tile(x, 2), np.tile(x, (2, 3)), np.tile(x, (2, 1, 2)), np.tile(x, 2)[None]], [M]),
    "repeat": (lambda x: [x.repeat(2), x.repeat(3, axis=0), T.repeat(x, 2, -1)], lambda x: [x.repeat(2), x.repeat(3, 0), x.repeat(2, -1)], [M]),
    "repeat by an array": (lambda x, k: [T.repeat(x, k, axis=0), x[:, 0].repeat([1, 0, 2])], lambda x, k: [x.repeat(k, 0), x[:, 0].repeat([1, 0, 2])], [M, K3]),
    "repeat not at all": (lambda x, k: x.repeat(k, axis=0), lambda x, k: x.repeat(k, 0), [M, K3 * 0]),
    "roll": (lambda x: [T.roll(x, 1), T.roll(x, -1, 0), T.roll(x, 5, 1)], lambda x: [np.roll(x, 1), np.roll(x, -1, 0), np.roll(x, 5, 1)], [M]),
    "split": (lambda x: T.split(x, [1, 3], 2, axis=1), lambda x: np.split(x, [1], 1), [M]), "flip": (lambda x: [T.flip(x), T.flip(x, 1)], lambda x: [np.flip(x), np.flip(x, 1)], [M]),
    "diagonal": (lambda x: [x.diagonal(), T.diagonal(x, 1), T.diagonal(x, -2), T.diagonal(x, 9)],
                 lambda x: [x.diagonal(), x.diagonal(1), x.diagonal(-2), x.diagonal(9)], [M]),
    "diagonal of 3": (lambda x: x.diagonal(0, 2, 0), lambda x: x.diagonal(0, 2, 0), [B]),
    "diag": (lambda x: [T.diag(x), T.diag(x, 2), T.diag(x, -1), T.diag(T.diag(x), 0)], lambda x: [np.diag(x), np.diag(x, 2), np.diag(x, -1), x], [V]),
    "trace": (lambda x: x.trace(), np.trace, [M]), "triu": (lambda x: [T.triu(x), T.triu(x, 1), T.triu(x, -1)], lambda x: [np.triu(x), np.triu(x, 1), np.triu(x, -1)], [M]),
    "tril": (lambda x: [T.tril(x), T.tril(x, -1)], lambda x: [np.tril(x), np.tril(x, -1)], [B]),
    "fill_diagonal": (lambda x: T.fill_diagonal(x, 9), lambda x: x * (1 - np.eye(3, 4)) + 9 * np.eye(3, 4), [M]),
    # products
    "dot": (lambda v, m, n, b: [v.dot(v), T.dot(m, n), T.dot(v[:3], m), m.dot(v[1:]), T.dot(b, n), T.dot(m, 2), T.dot(b, v[:4])],
            lambda v, m, n, b: [v.dot(v), m.dot(n), v[:3].dot(m), m.dot(v[1:]), np.dot(b, n), m * 2, np.dot(b, v[:4])], [V, M, N, B]),
    "dot 3 with 3": (lambda x, y: T.dot(x, y), np.dot, [B, C3]), "dot of ints": (lambda x, y: [x.dot(y.T), x[0].dot(y[0]), T.dot(x, y[0]), T.dot(x[:, 0], y)],
                                                                              lambda x, y: [x.dot(y.T), x[0].dot(y[0]), x.dot(y[0]), x[:, 0].dot(y)], [I, J]),
    "dot of bools": (lambda x, y: T.dot(x > 1, (y > 1).T), lambda x, y: np.dot(x > 1, (y > 1).T), [I, J]), "dot of nothing": (T.dot, np.dot, [np.zeros((2, 0)), np.zeros((0, 3))]),
    "outer": (T.outer, np.outer, [V, M]), "inner": (T.inner, np.inner, [B, M]), "vdot": (T.vdot, np.vdot, [M, M + 1]),
    "tensordot": (lambda x, y: [T.tensordot(x, y, [[1, 2], [0, 1]]), T.tensordot(x, y[0], 1), T.tensordot(x, y, 0)],
                  lambda x, y: [np.tensordot(x, y, [[1, 2], [0, 1]]), np.tensordot(x, y[0], 1), np.tensordot(x, y, 0)], [B, RNG.randn(3, 4, 2).transpose(0, 1, 2)[:, :, :2]]),
    "batched_dot": (lambda x, y: [T.batched_dot(x, y), T.batched_dot(x, y[:, :, 0]), T.batched_dot(x[:, 0], y), T.batched_dot(x[:, 0], x[:, 1])],
                    lambda x, y: [x @ y, np.einsum("ijk,ik->ij", x, y[:, :, 0]), np.einsum("ik,ikj->ij", x[:, 0], y), (x[:, 0] * x[:, 1]).sum(1)], [B, C3]),
    "batched_tensordot": (lambda x, y: T.batched_tensordot(x, y, [[2], [1]]), lambda x, y: x @ y, [B, C3]),
    "matmul": (lambda x, y, m: [x @ y, T.matmul(x, m), T.matmul(m[0], y), m @ m.T, x[0] @ y, x.dimshuffle("x", 0, 1, 2) @ y.dimshuffle(0, "x", 1, 2)],
               lambda x, y, m: [x @ y, x @ m, m[0] @ y, m @ m.T, x[0] @ y, x[None] @ y[:, None]], [B, C3, RNG.randn(4, 4)]),
    # order
    "cumsum": (lambda x: [x.cumsum(), x.cumsum(0), T.cumsum(x, -1)], lambda x: [x.cumsum(), x.cumsum(0), x.cumsum(-1)], [B]), "cumsum of ints": (T.cumsum, np.cumsum, [I]),
    "cumprod": (lambda x: x.cumprod(axis=1), lambda x: x.cumprod(1), [M]), "cumsum of nothing": (T.cumsum, np.cumsum, [np.zeros(0)]),
    "sort": (lambda x: [x.sort(), T.sort(x, 0), T.sort(x, None)], lambda x: [np.sort(x), np.sort(x, 0), np.sort(x, None)], [M]), "sort nan": (T.sort, np.sort, [NAN]),
    "argsort": (lambda x: [x.argsort(), T.argsort(x, 0)], lambda x: [x.argsort(kind="stable"), x.argsort(0, kind="stable")], [I]),
    "argsort nan": (T.argsort, lambda x: x.argsort(kind="stable"), [NAN]),
    "searchsorted": (lambda x, v: [x.searchsorted(v), T.searchsorted(x, v, "right"), T.searchsorted(x[::-1], v, sorter=[4, 3, 2, 1, 0])],
                     lambda x, v: [x.searchsorted(v), x.searchsorted(v, "right"), x.searchsorted(v)], [np.array([1., 2, 2, 3, 5]), np.array([[2., 0], [9, 4]])]),
    "diff": (lambda x: [T.diff(x), T.diff(x, 2, 0)], lambda x: [np.diff(x), np.diff(x, 2, 0)], [M]),
    # nnet
    "softmax": (T.nnet.softmax, softmax, [M]), "softmax of a vector": (T.nnet.softmax, lambda x: softmax(x)[None], [V]),
    "softmax axis": (lambda x: T.nnet.softmax(x, axis=1), lambda x: softmax(x, 1), [B]), "logsoftmax": (T.nnet.logsoftmax, lambda x: np.log(softmax(x)), [M]),
    "relu": (lambda x: [T.nnet.relu(x), T.nnet.relu(x, .1), T.nnet.leaky_relu(x)],
             lambda x: [np.maximum(x, 0), np.where(x > 0, x, .1 * x), np.where(x > 0, x, .01 * x)], [M]),
    "relu of ints": (T.nnet.relu, lambda x: np.maximum(x, 0), [I]), "elu": (lambda x: T.nnet.elu(x, 2), lambda x: np.where(x > 0, x, 2 * np.expm1(x)), [M]),
    "selu": (T.nnet.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)), [M]),
    "softsign": (T.nnet.softsign, lambda x: x / (1 + abs(x)), [M]), "swish": (T.nnet.swish, lambda x: x * sigmoid(x), [M]),
    "gelu": (T.nnet.gelu, lambda x: .5 * x * (1 + erf(x / np.sqrt(2))), [M]),
    "hard_sigmoid": (T.nnet.hard_sigmoid, lambda x: np.clip(.2 * x + .5, 0, 1), [M * 4]), "log_sigmoid": (T.nnet.log_sigmoid, lambda x: np.log(sigmoid(x)), [M]),
    "categorical_crossentropy of labels": (T.nnet.categorical_crossentropy, lambda p, y: -np.log(p[np.arange(3), y]), [P, np.array([0, 1, 1], "int32")]),
    "categorical_crossentropy": (T.nnet.categorical_crossentropy, lambda p, q: -(q * np.log(p)).sum(-1), [P, P[::-1]]),
    "crossentropy_categorical_1hot": (T.nnet.crossentropy_categorical_1hot, lambda p, y: -np.log(p[np.arange(3), y]), [P, np.array([0, 1, 1])]),
    "crossentropy with bias": (lambda x, b, y: list(T.nnet.crossentropy_softmax_argmax_1hot_with_bias(x, b, y)),
                               lambda x, b, y: [-np.log(softmax(x + b)[np.arange(3), y]), softmax(x + b), (x + b).argmax(1)], [M, V[:4], np.array([3, 0, 1])]),
    "binary_crossentropy": (T.nnet.binary_crossentropy, lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)), [P, np.array([[1., 0], [0, 1], [.5, 1]])]),
    "sigmoid_binary_crossentropy": (T.nnet.sigmoid_binary_crossentropy, lambda x, t: -(t * np.log(sigmoid(x)) + (1 - t) * np.log(1 - sigmoid(x))),
                                    [M, (M > 0).astype(float)]),
}


@pytest.mark.parametrize("name", TWINS)
def test_equals_its_numpy_twin(name):
    function, twin, operands = TWINS[name]
    variables = [T.tensor(x.dtype.name, (None,) * x.ndim) for x in map(np.asarray, operands)]
    results, expected = function(*variables), twin(*operands)
    if not isinstance(results, list):
        results, expected = [results], [expected]
    assert len(results) == len(expected)
    for got, wanted in zip(evaluate(results, dict(zip(variables, operands))), expected):
        wanted = np.asarray(wanted)
        kinds = {"b": "b", "i": "iu", "u": "iu", "f": "f"}
        assert got.shape == wanted.shape and got.dtype.kind in kinds[wanted.dtype.kind]
        np.testing.assert_allclose(got, wanted, rtol=1e-6 if "float32" in (got.dtype.name, wanted.dtype.name) else 1e-12, atol=1e-14)


def test_every_scalar_primitive_has_its_function():
    for name, op in OPS.items():
        if op.kind == SCALAR and name not in ("cast", "copy") and not op.extra.get("identity"):
            assert callable(getattr(T, name)) and METHODS[name] is getattr(T, name), name


UFUNCS = ["exp", "sqrt", "log", "tanh", "sin", "floor", "ceil", "isnan", "arctan", "expm1", "log1p", "negative", "square", "sign", "absolute", "rint"]


@pytest.mark.parametrize("name", UFUNCS)
def test_numpy_functions_of_variables(name):
    x = T.dvector()
    np.testing.assert_allclose(evaluate([getattr(np, name)(x)], {x: abs(V)})[0], getattr(np, name)(abs(V)))


def test_numpy_arrays_on_the_left_give_one_variable():
    v = T.dvector()
    for made in (np.ones(2) * v, np.float64(2) * v, np.ones((2, 2)) + v, np.ones(2) @ v, np.ones(2) > v, np.maximum(v, 0)):
        assert type(made).__name__ == "TensorVariable"
    assert (np.ones(2) == v) is False and (v == v) is True and v in {v: 1}
    with pytest.raises(TypeError, match="np.add.reduce has no symbolic form"):
        np.add.reduce(v)
    with pytest.raises(TypeError, match="out"):
        np.exp(v, out=np.zeros(2))


# -- variables and their types ---------------------------------------------------------------------------------------------------

def test_constructors():
    assert T.row().broadcastable == (True, False) and T.col().broadcastable == (False, True) and T.fmatrix("m").name == "m"
    assert T.matrix("x", dtype="int64").type == T.lmatrix and T.scalar("inc", dtype="int32").type == T.iscalar and T.dvector.dtype == "float64"
    assert T.matrix().type == T.dmatrix == T.dmatrix().type and str(T.fvector) == "TensorType(float32, vector)"
    assert T.TensorType("float64", (False, True))("c").type == T.dcol == T.TensorType("float64", broadcastable=(False, True))
    assert T.tensor("float32", shape=(None, 784)).type.shape == (None, 784) and T.tensor("float64", (False, True)).type == T.dcol
    assert T.tensor(dtype="int8", broadcastable=(True,), name="b").name == "b" and T.tensor("x", dtype="int8", shape=(3,)).name == "x"
    assert T.tensor4().ndim == 4 and T.ubvector().dtype == "uint8" and T.itensor3().dtype == "int32"
    x = T.dmatrix()
    assert x.type() is not x and x.type("n").name == "n" and x.type.make_variable().type == x.type
    with config.change_flags(floatX="float32"):
        assert T.matrix().type == T.fmatrix == T.TensorType("floatX", (None, None))


def test_several_at_once():
    assert [v.name for v in T.dscalars("xy")] == ["x", "y"] and [v.name for v in T.matrices("a", "b")] == ["a", "b"]
    assert len(T.vectors(3)) == 3 and T.dscalars("x").name == "x" and [v.dtype for v in T.vectors("ab", dtype="int8")] == ["int8"] * 2
    assert [v.type for v in T.itensor3s(2)] == [T.itensor3] * 2
    with pytest.raises(TypeError):
        T.dscalars()


@pytest.mark.parametrize("wrong", [lambda: T.tensor("complex64", ()), lambda: T.tensor("float64", (), "n", 3), lambda: T.dmatrix(3), lambda: T.matrix("x", "int17")])
def test_wrong_types(wrong):
    with pytest.raises(TypeError):
        wrong()


def test_functions_are_comparable_picklable_and_named():
    assert T.tanh == T.tanh and T.tanh != T.nnet.sigmoid and T.sigmoid is T.nnet.sigmoid
    assert str(T.tanh) == "Elemwise{tanh,no_inplace}" and str(T.nnet.sigmoid) == "sigmoid" and T.tanh.name == "tanh"
    for thing in (T.tanh, T.nnet.relu, T.matrix, T.dmatrices, T.dmatrix, T.nnet.softmax, T.sum):
        assert pickle.loads(pickle.dumps(thing)) == thing
    assert "hyperbolic tangent" in T.tanh.__doc__


def test_constants():
    c = T.constant(np.ones((1, 3)), name="c")
    assert c.broadcastable == (True, False) and c.name == "c" and T.constant(2, ndim=2).type.shape == (1, 1) and T.constant(1, dtype="int8").dtype == "int8"
    assert T.as_tensor_variable(np.ones((2, 1))).broadcastable == (False, True) and T.as_tensor_variable(c) is c
    assert T.as_tensor_variable(T.row(), ndim=1).ndim == 1 and T.as_tensor_variable(T.vector(), ndim=3).broadcastable == (True, True, False)
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
        T.constant(2 ** 63)


METHOD_NAMES = """T all any arccos arccosh arcsin arcsinh arctan arctanh argmax argmin argsort astype broadcastable ceil choose clip clone compress conj
conjugate copy cos cosh cumprod cumsum deg2rad diagonal dimshuffle dot dtype eval exp exp2 expm1 fill flatten floor get_parents
get_scalar_constant_value imag log log10 log1p log2 max mean min name ndim nonzero nonzero_values norm ones_like owner prod ptp rad2deg ravel real
repeat reshape round searchsorted shape sin sinh size sort sqrt squeeze std sum swapaxes tag take tan tanh trace transfer transpose trunc type var
zeros_like index""".split()


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_methods_of_a_variable(name):
    x = T.dmatrix("x")
    assert name in dir(x)
    getattr(x, name)


def test_a_variable_is_not_a_number():
    x = T.dvector("x")
    for wrong in (lambda: bool(x > 1), lambda: len(x), lambda: float(x), lambda: int(x), lambda: [1, 2][x]):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(AttributeError, match="get_value"):
        x.get_value
    assert type(x > 1).__name__ == "TensorVariable" and isinstance(x, T.TensorVariable) and isinstance(T.constant(1), T.TensorConstant)
    assert x.clone() is not x and x.clone("y").name == "y" and x.get_parents() == [] and len((x + 1).get_parents()) == 1
    assert sum([x, x]).type == x.type


# -- types of results --------------------------------------------------------------------------------------------------------------

def test_broadcast_patterns():
    x, v = T.dmatrix(), T.vector()
    assert x.sum(axis=1, keepdims=True).broadcastable == (False, True) and x.reshape((1, -1)).broadcastable == (True, False)
    assert T.alloc(0., 1, x.shape[0]).broadcastable == (True, False) and T.zeros((1, 3)).broadcastable == (True, False)
    assert T.shape_padleft(v).broadcastable == (True, False) and T.shape_padright(v).broadcastable == (False, True)
    assert (x + T.row()).broadcastable == (False, False) and T.outer(v, v).ndim == 2 and T.nnet.softmax(v).broadcastable == (True, False)
    assert T.unbroadcast(T.col(), 1).broadcastable == (False, False) and T.addbroadcast(x, 0).broadcastable == (True, False)
    assert T.tensor("float64", (2, 3, 4)).flatten(2).type.shape == (2, 12) and T.concatenate([T.row(), T.row()]).type.shape == (2, None)
    assert T.tile(T.tensor("float64", (2,)), 3).type.shape == (6,) and T.zeros(T.row().shape).broadcastable == (True, False)
    assert T.dot(T.tensor("float64", (1, None)), x).broadcastable == (True, False) and T.max(x, axis=[0, 1], keepdims=True).broadcastable == (True, True)


MISUSE = [      # what, the exception, words of its message
    (lambda x, v: x + T.zeros((2, 3)) + T.zeros((3, 3)), ValueError, "mis-match"),
    (lambda x, v: x.sum(axis=2), ValueError, "out of bounds for a value with 2 dimensions"),
    (lambda x, v: x.sum(axis=(0, 0)), ValueError, "twice"),
    (lambda x, v: x.sum(axis=0.5), TypeError, "axis must be an int"),
    (lambda x, v: x.sum(dtype="int32"), TypeError, "accumulated"),
    (lambda x, v: x.mean(dtype="int32"), TypeError, "mean is a float"),
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
    (lambda x, v: T.patternbroadcast(x, (True,)), ValueError, "2 dimensions"),
]


@pytest.mark.parametrize("row", range(len(MISUSE)))
def test_misuse_is_refused_when_the_graph_is_built(row):
    wrong, error, words = MISUSE[row]
    with pytest.raises(error, match=words):
        wrong(T.dmatrix("x"), T.dvector("v"))


def test_errors_name_the_line():
    with pytest.raises(ValueError, match="test_tensor.py"):
        T.zeros((2,)) + T.zeros((3,))


# -- text --------------------------------------------------------------------------------------------------------------------------

def test_pp_and_debugprint():
    x, y = T.dmatrices("xy")
    assert T.pp(x + y) == "(x + y)" and T.pp(T.exp(-x.T)) == "exp((-x.T))" and T.pp(x.sum(axis=0)) == "Sum{axes=(0,)}(x)"
    assert T.pp(T.dot(x, y) * 2) == "((x \\dot y) * TensorConstant{2.0})" and T.pp(T.dscalar()) == "<TensorType(float64, scalar)>"
    z = T.exp(x)
    assert T.debugprint(z * z, file="str").splitlines() == ["mul [A]", " |exp [B]", " | |x [C]", " |exp [B] ..."]
    assert T.debugprint([z, y], file="str", depth=1, print_type=True).splitlines() == ["exp [A] <TensorType(float64, matrix)>", "y [B] <TensorType(float64, matrix)>"]


def test_long_chains_are_built_and_printed_without_recursion():
    x = T.dscalar("x")
    y = x
    for _ in range(20000):
        y = T.tanh(y)
    assert len(T.pp(y)) >= 20000 and len(T.debugprint(y, file="str").splitlines()) == 20001
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
