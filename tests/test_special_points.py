"""Gradients at special points: zeros, ties, infinities, edges of domains; beside them the right values."""

import math

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.core.op import OPS, SCALAR
from tgen.graph.walk import toposort
from tgen.tensor.signal.pool import pool_2d, pool_3d

pytestmark = pytest.mark.slow

INF, NAN = np.inf, np.nan
LN2 = np.log(2.0)


def weighted(e):
    """The sum of a vector's elements, the first once, the second twice, and so on."""
    return (e * T.arange(1, e.shape[0] + 1)).sum()


def convolved(conv, image, filters, **settings):
    """``conv`` of two vectors that hold an image and filters of these shapes."""
    return lambda x, w: conv(x.reshape(image), w.reshape(filters), **settings)


def pooled(mode, window, ignore_border=True, **settings):
    """A pool of a vector that holds two rows of four."""
    return lambda x: pool_2d(
        x.reshape((1, 1, 2, 4)), window, mode=mode, ignore_border=ignore_border, **settings
    )


def normalized(x, scale, shift):
    """Batches of as many features as ``scale`` has elements."""
    return T.nnet.batch_normalization_train(x.reshape((-1, scale.shape[0])), scale, shift)[0]


# A function of vectors, its operands, the gradient of the sum of its result in each. The first word is
# the function's name.
TABLE = {
    "add": (T.add, [[0.0, INF, -INF], [0.0, 1.0, 2.0]], [[1, 1, 1], [1, 1, 1]]),
    "sub": (T.sub, [[0.0, INF], [0.0, INF]], [[1, 1], [-1, -1]]),
    "mul": (T.mul, [[0.0, 0.0, 2.0], [0.0, INF, 3.0]], [[0, INF, 3], [0, 0, 2]]),
    "true_div": (
        T.true_div,
        [[1.0, 1.0, 0.0, 1e200], [0.0, INF, 2.0, 1e200]],
        [[INF, 0, 0.5, 1e-200], [-INF, 0, 0, -1e-200]],
    ),
    "mod": (T.mod, [[5.0, -5.0, 5.0, 6.0], [3.0, 3.0, INF, 3.0]], [[1, 1, 1, 1], [-1, 2, 0, -2]]),
    "neg": (T.neg, [[0.0, INF]], [[-1, -1]]),
    "abs": (abs, [[0.0, -0.0, 2.0, -INF]], [[0, 0, 1, -1]]),
    "sqr": (T.sqr, [[0.0, -INF, 3.0]], [[0, -INF, 6]]),
    "sqrt": (T.sqrt, [[0.0, 4.0, INF, -1.0]], [[INF, 0.25, 0, NAN]]),
    "sqrt of a square": (lambda x: T.sqrt(x**2), [[0.0, -3.0, 4.0]], [[0, -1, 1]]),
    "sqrt of a product with itself": (lambda x: T.sqrt(x * x / 4), [[0.0, -3.0]], [[0, -0.5]]),
    "sqrt of a row's squares": (lambda x: T.sqrt(T.dot(x, x)), [[0.0, 0.0]], [[0, 0]]),
    "sqrt of an absolute value": (lambda x: T.sqrt(abs(x - 4)), [[0.0, 8.0]], [[-0.25, 0.25]]),
    "pow": (
        T.pow,
        [[0.0, 0.0, 0.0, 0.0, 0.0, INF, NAN, 2.0, -2.0], [0.0, 1.0, 2.0, 0.5, -1.0, 0.0, 0.0, 3.0, 2.0]],
        [[0, 1, 0, INF, -INF, 0, 0, 12, -4], [0, 0, 0, 0, 0, INF, NAN, 8 * LN2, NAN]],
    ),
    "pow 0": (lambda x: x**0, [[0.0, 3.0, INF, NAN]], [[0, 0, 0, 0]]),
    "pow 1": (lambda x: x**1, [[0.0, -3.0, INF]], [[1, 1, 1]]),
    "pow 2": (lambda x: x**2, [[0.0, -3.0, INF]], [[0, -6, INF]]),
    "pow 1/2": (lambda x: x**0.5, [[0.0, 4.0, INF]], [[INF, 0.25, 0]]),
    "pow of an integer": (lambda x: x ** T.constant([0, 1, 2]), [[0.0, 0.0, 0.0]], [[0, 1, 0]]),
    "exp": (T.exp, [[0.0, -INF, 1000.0]], [[1, 0, INF]]),
    "exp2": (T.exp2, [[0.0, -INF]], [[LN2, 0]]),
    "expm1": (T.expm1, [[0.0, -INF, 1e-20]], [[1, 0, 1]]),
    "log": (T.log, [[0.0, INF, 1.0]], [[INF, 0, 1]]),
    "log2": (T.log2, [[0.0, INF, 1.0]], [[INF, 0, 1 / LN2]]),
    "log10": (T.log10, [[0.0, INF, 1.0]], [[INF, 0, 1 / np.log(10.0)]]),
    "log1p": (T.log1p, [[0.0, -1.0, INF]], [[1, INF, 0]]),
    "sin": (T.sin, [[0.0, INF]], [[1, NAN]]),
    "cos": (T.cos, [[0.0, INF]], [[0, NAN]]),
    "tan": (T.tan, [[0.0]], [[1]]),
    "arcsin": (T.arcsin, [[0.0, 1.0, -1.0, 2.0]], [[1, INF, INF, NAN]]),
    "arccos": (T.arccos, [[0.0, 1.0, -1.0, 2.0]], [[-1, -INF, -INF, NAN]]),
    "arctan": (T.arctan, [[0.0, INF, -INF]], [[1, 0, 0]]),
    "arctan2": (T.arctan2, [[0.0, 0.0, 1.0], [1.0, -1.0, 0.0]], [[1, -1, 0], [0, 0, -1]]),
    # far away an angle changes no more; at the origin it has no derivative
    "arctan2 far away": (
        T.arctan2,
        [[INF, -INF, 1.0, 1.0, INF, -INF, 1e200, 1e-200], [1.0, 0.0, INF, -INF, INF, -INF, 1e200, 1e-200]],
        [[0, 0, 0, 0, 0, 0, 5e-201, 5e199], [0, 0, 0, 0, 0, 0, -5e-201, -5e199]],
    ),
    "arctan2 at the origin": (T.arctan2, [[0.0, 0.0], [0.0, -0.0]], [[NAN, NAN], [NAN, NAN]]),
    "sinh": (T.sinh, [[0.0, INF]], [[1, INF]]),
    "cosh": (T.cosh, [[0.0, -INF]], [[0, -INF]]),
    "tanh": (T.tanh, [[0.0, INF, -INF, 1000.0]], [[1, 0, 0, 0]]),
    "arcsinh": (T.arcsinh, [[0.0, INF]], [[1, 0]]),
    "arccosh": (T.arccosh, [[1.0, INF]], [[INF, 0]]),
    "arctanh": (T.arctanh, [[0.0, 1.0, -1.0]], [[1, INF, INF]]),
    "erf": (T.erf, [[0.0, INF, -INF]], [[2 / np.sqrt(np.pi), 0, 0]]),
    "erfc": (T.erfc, [[0.0, INF, -INF]], [[-2 / np.sqrt(np.pi), 0, 0]]),
    "sigmoid": (T.nnet.sigmoid, [[0.0, INF, -INF, 1000.0]], [[0.25, 0, 0, 0]]),
    "softplus": (T.nnet.softplus, [[0.0, INF, -INF]], [[0.5, 1, 0]]),
    "log1mexp": (T.log1mexp, [[-1e-16, -1e-17, 0.0, -0.0, -INF, -LN2]], [[-1e16, -1e17, -INF, -INF, 0, -1]]),
    "logaddexp": (
        T.logaddexp,
        [[1.0, -INF, INF, 0.0, -INF, INF, 0.0], [1.0, -INF, INF, -INF, 0.0, 0.0, -800.0]],
        [[0.5, 0.5, 0.5, 1, 0, 1, 1], [0.5, 0.5, 0.5, 0, 1, 0, 0]],
    ),
    "hypot": (
        T.hypot,
        [[0.0, 3.0, 0.0, 1e200, INF, -INF, 5e-324], [0.0, 4.0, -2.0, 1e200, 1e300, INF, 0.0]],
        [[0, 0.6, 0, 0.5**0.5, 1, -(0.5**0.5), 1], [0, 0.8, -1, 0.5**0.5, 0, 0.5**0.5, 0]],
    ),
    "maximum": (
        T.maximum,
        [[1.0, 0.0, 2.0, 1.0, -INF, NAN], [1.0, -0.0, 1.0, 2.0, -INF, 1.0]],
        [[1, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 1]],
    ),
    "minimum": (T.minimum, [[1.0, 2.0, 1.0, INF], [1.0, 1.0, 2.0, INF]], [[1, 0, 1, 1], [0, 1, 0, 0]]),
    "maximum of 0 and x": (lambda x: T.maximum(0, x), [[0.0, 1.0, -1.0]], [[0, 1, 0]]),
    "maximum of x and 0": (lambda x: T.maximum(x, 0), [[0.0, 1.0, -1.0]], [[1, 1, 0]]),
    "largest": (T.largest, [[1.0, 2.0], [1.0, 3.0], [1.0, 3.0]], [[1, 0], [0, 1], [0, 0]]),
    "smallest": (T.smallest, [[1.0, 2.0], [1.0, 1.0]], [[1, 0], [0, 1]]),
    "clip": (
        T.clip,
        [[0.0, 1.0, 2.0, 3.0, 5.0], [1.0] * 5, [3.0] * 5],
        [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]],
    ),
    "clip with its bounds crossed": (
        T.clip,
        [[0.0, 1.0, 2.0, 3.0, 5.0], [3.0] * 5, [1.0] * 5],
        [[0] * 5, [0] * 5, [1] * 5],
    ),
    "clip between equal bounds": (
        T.clip,
        [[0.0, 1.0, 2.0], [1.0] * 3, [1.0] * 3],
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
    ),
    "switch": (
        lambda x, y: T.switch(x > 0, x, y),
        [[0.0, 1.0, NAN], [5.0, 5.0, INF]],
        [[0, 1, 0], [1, 0, 1]],
    ),
    "floor": (T.floor, [[0.0, 1.5]], [[0, 0]]),
    "round": (T.round, [[0.5, 1.5]], [[0, 0]]),
    "sgn": (T.sgn, [[0.0, 2.0]], [[0, 0]]),
    "sum": (T.sum, [[0.0, INF]], [[1, 1]]),
    "mean": (T.mean, [[0.0, INF]], [[0.5, 0.5]]),
    "var": (T.var, [[3.0, 3.0]], [[0, 0]]),
    "var of one": (T.var, [[3.0]], [[0]]),
    "std": (T.std, [[3.0, 3.0]], [[0, 0]]),
    "std of one": (T.std, [[3.0]], [[0]]),
    "std of thirds": (T.std, [[0.1, 0.1, 0.1]], [[0, 0, 0]]),
    "prod": (T.prod, [[2.0, 0.0, 4.0]], [[0, 8, 0]]),
    "prod of two zeros": (T.prod, [[0.0, 0.0, 4.0]], [[0, 0, 0]]),
    "prod of nothing": (T.prod, [[]], [[]]),
    "prod with an infinity": (T.prod, [[INF, 2.0]], [[2, INF]]),
    "max": (T.max, [[1.0, 2.0, 2.0]], [[0, 1, 1]]),
    "min": (T.min, [[1.0, 1.0, 2.0]], [[1, 1, 0]]),
    "ptp": (T.ptp, [[1.0, 1.0, 2.0]], [[-1, -1, 1]]),
    "argmax": (lambda x: x.argmax() * 1.0, [[1.0, 2.0]], [[0, 0]]),
    "norm 0": (lambda x: x.norm(0) * 1.0, [[0.0, 2.0]], [[0, 0]]),
    "norm 1": (lambda x: x.norm(1), [[0.0, -2.0]], [[0, -1]]),
    "norm": (lambda x: x.norm(2), [[0.0, 0.0]], [[0, 0]]),
    "norm of one not zero": (lambda x: x.norm(2), [[0.0, -2.0]], [[0, -1]]),
    "norm 1/2": (lambda x: x.norm(0.5), [[0.0, 4.0, -9.0]], [[0, 2.5, -5 / 3]]),
    "norm 1/2 of zeros": (lambda x: x.norm(0.5), [[0.0, 0.0]], [[0, 0]]),
    "norm 3/2": (lambda x: x.norm(1.5), [[0.0, -4.0]], [[0, -1]]),
    "norm -1": (lambda x: x.norm(-1), [[0.0, -2.0, 0.0]], [[0, 0, 0]]),
    "norm -1 of no zero": (lambda x: x.norm(-1), [[1.0, -1.0]], [[0.25, -0.25]]),
    "norm -inf": (lambda x: x.norm(-np.inf), [[3.0, -3.0, 4.0]], [[1, -1, 0]]),
    "norm 3": (lambda x: x.norm(3), [[0.0, 0.0]], [[0, 0]]),
    "norm 3 of one not zero": (lambda x: x.norm(3), [[0.0, -2.0]], [[0, -1]]),
    "norm inf": (lambda x: x.norm(np.inf), [[3.0, -3.0, 0.0]], [[1, -1, 0]]),
    "norm inf of zeros": (lambda x: x.norm(np.inf), [[0.0, 0.0]], [[0, 0]]),
    "logsumexp": (T.logsumexp, [[0.0, 0.0, -INF]], [[0.5, 0.5, 0]]),
    "logsumexp far out": (T.logsumexp, [[1000.0, 0.0]], [[1, 0]]),
    "logsumexp of nothing but -inf": (T.logsumexp, [[-INF, -INF]], [[0.5, 0.5]]),
    "cumsum": (lambda x: weighted(T.cumsum(x)), [[0.0, INF]], [[3, 2]]),
    "cumprod": (lambda x: weighted(T.cumprod(x)), [[2.0, 0.0, 4.0]], [[1, 28, 0]]),
    "cumprod of two zeros": (lambda x: weighted(T.cumprod(x)), [[0.0, 0.0, 4.0]], [[1, 0, 0]]),
    "sort": (lambda x: weighted(T.sort(x)), [[2.0, 1.0, 1.0, NAN]], [[3, 1, 2, 4]]),
    "topk": (lambda x: T.topk(x, 2), [[1.0, 3.0, 2.0]], [[0, 1, 1]]),
    "dot": (T.dot, [[0.0, 2.0], [INF, 0.0]], [[INF, 0], [0, 2]]),
    "relu": (T.nnet.relu, [[0.0, 1.0, -1.0, INF, -INF]], [[0.5, 1, 0, 1, 0]]),
    "leaky_relu": (
        lambda x: T.nnet.leaky_relu(x, 0.2),
        [[0.0, 1.0, -1.0, INF, -INF]],
        [[0.6, 1, 0.2, 1, 0.2]],
    ),
    "elu": (T.nnet.elu, [[0.0, 1000.0, -1000.0, INF, -INF]], [[1, 1, 0, 1, 0]]),
    "selu": (
        T.nnet.selu,
        [[0.0, 1000.0, -1000.0, INF, -INF]],
        [[1.7580993408473766, 1.0507009873554805, 0, 1.0507009873554805, 0]],
    ),
    "softsign": (T.nnet.softsign, [[0.0, 1.0, -1.0, INF, -INF]], [[1, 0.25, 0.25, 0, 0]]),
    "hard_sigmoid": (T.nnet.hard_sigmoid, [[0.0, 1000.0, INF, -INF]], [[0.2, 0, 0, 0]]),
    "ultra_fast_sigmoid": (T.nnet.ultra_fast_sigmoid, [[0.0, -0.0, INF, -INF]], [[0.375, 0.375, 0, 0]]),
    "gelu": (T.nnet.gelu, [[0.0, 1000.0, -1000.0, INF, -INF]], [[0.5, 1, 0, 1, 0]]),
    "swish": (T.nnet.swish, [[0.0, 1000.0, -1000.0, INF, -INF]], [[0.5, 1, 0, 1, 0]]),
    "softmax": (lambda x: T.nnet.softmax(x).flatten()[0], [[1000.0, 0.0]], [[0, 0]]),
    "softmax at a tie": (lambda x: T.nnet.softmax(x).flatten()[0], [[7.0, 7.0]], [[0.25, -0.25]]),
    "softmax with -inf": (lambda x: T.nnet.softmax(x).flatten()[0], [[0.0, 0.0, -INF]], [[0.25, -0.25, 0]]),
    "logsoftmax": (lambda x: T.nnet.logsoftmax(x).flatten()[1], [[1000.0, 0.0]], [[-1, 1]]),
    "log_sigmoid": (T.nnet.log_sigmoid, [[0.0, 1000.0, -1000.0, INF, -INF]], [[0.5, 0, 1, 0, 1]]),
    "sigmoid_binary_crossentropy": (
        T.nnet.sigmoid_binary_crossentropy,
        [[0.0, 1000.0, -1000.0], [0.5, 0.0, 1.0]],
        [[0, 1, -1], [0, -1000, 1000]],
    ),
    "binary_crossentropy": (
        lambda x: T.nnet.binary_crossentropy(T.nnet.sigmoid(x), T.constant([1.0, 0.0, 1.0])),
        [[0.0, 1000.0, -1000.0]],
        [[-0.5, 1, -1]],
    ),
    "set_subtensor twice": (
        lambda x, y: T.set_subtensor(x[[0, 0, 2]], y) ** 2,
        [[1.0, 1.0, 1.0, 1.0], [3.0, 2.0, 4.0]],
        [[0, 2, 0, 2], [0, 4, 8]],
    ),
    "inc_subtensor twice": (
        lambda x, y: T.inc_subtensor(x[[0, 0]], y) ** 2,
        [[1.0, 1.0], [3.0, 2.0]],
        [[12, 2], [12, 12]],
    ),
    "einsum": (
        lambda x, y: T.einsum("i,i->", x, y),
        [[0.0, INF, 2.0], [INF, 0.0, 0.0]],
        [[INF, 0, 0], [0, INF, 2]],
    ),
    "einsum of three": (lambda x, y, z: T.einsum("i,i,j->", x, y, z), [[0.0], [0.0], [3.0]], [[0], [0], [0]]),
    "einsum of a diagonal": (
        lambda x: T.einsum("ii->", x.reshape((2, 2))),
        [[0.0, INF, NAN, 2.0]],
        [[1, 0, 0, 1]],
    ),
    "einsum with itself": (lambda x: T.einsum("i,i->", x, x), [[0.0, -3.0, INF]], [[0, -6, INF]]),
    # an element of the image gets what meets it of the filter, which runs backwards, and the other way round
    "conv2d": (
        convolved(T.nnet.conv2d, (1, 1, 2, 3), (1, 1, 2, 2)),
        [[0.0, INF, 0.0, 0.0, 1.0, 2.0], [1.0, 0.0, INF, 0.0]],
        [[0, INF, INF, 0, 1, 1], [3, 1, INF, INF]],
    ),
    "conv2d with padding": (
        convolved(T.nnet.conv2d, (1, 1, 1, 2), (1, 1, 1, 2), border_mode="full"),
        [[0.0, 1.0], [INF, 0.0]],
        [[INF, INF], [1, 1]],
    ),
    "conv2d that leaves a nan out": (
        convolved(T.nnet.conv2d, (1, 1, 1, 4), (1, 1, 1, 2), subsample=(1, 3)),
        [[0.0, 5.0, NAN, NAN], [1.0, 3.0]],
        [[3, 1, 0, 0], [5, 0]],
    ),
    "conv2d of channels apart": (
        convolved(T.nnet.conv2d, (1, 2, 1, 1), (2, 1, 1, 1), num_groups=2),
        [[0.0, NAN], [INF, 2.0]],
        [[INF, 2], [0, NAN]],
    ),
    "conv3d": (
        convolved(T.nnet.conv3d, (1, 1, 1, 2, 2), (1, 1, 1, 1, 2)),
        [[0.0, 5.0, NAN, 1.0], [1.0, INF]],
        [[INF, 1, INF, 1], [6, NAN]],
    ),
    # every element that equals the maximum of its window gets all of it
    "max pool": (
        pooled("max", (2, 2)),
        [[1.0, 1.0, 0.0, -0.0, 1.0, INF, -INF, -0.0]],
        [[0, 0, 1, 1, 0, 1, 0, 1]],
    ),
    "max pool beside a nan": (
        pooled("max", (2, 2)),
        [[1.0, 2.0, NAN, 0.0, 3.0, 4.0, 0.0, 7.0]],
        [[0, 0, 0, 0, 0, 1, 0, 0]],
    ),
    "max pool of -inf": (pooled("max", (2, 2), pad=(1, 1)), [[-INF] * 8], [[1] * 8]),
    "max pool of windows that overlap": (
        pooled("max", (1, 2), stride=(1, 1)),
        [[2.0, 2.0, 2.0, 1.0] * 2],
        [[1, 2, 2, 0] * 2],
    ),
    "sum pool": (pooled("sum", (2, 2)), [[0.0, INF, NAN, -0.0] * 2], [[1] * 8]),
    "average pool": (pooled("average_exc_pad", (2, 2)), [[0.0, INF, NAN, -0.0] * 2], [[0.25] * 8]),
    "average pool with padding": (
        pooled("average_exc_pad", (2, 2), pad=(0, 1)),
        [[0.0, INF, NAN, -0.0] * 2],
        [[0.5, 0.25, 0.25, 0.5] * 2],
    ),
    "average pool that counts padding": (
        pooled("average_inc_pad", (2, 2), pad=(0, 1)),
        [[0.0, INF, NAN, -0.0] * 2],
        [[0.25] * 8],
    ),
    "average pool of what sticks out": (
        pooled("average_exc_pad", (2, 3), ignore_border=False),
        [[0.0] * 8],
        [[1 / 6, 1 / 6, 1 / 6, 0.5] * 2],
    ),
    "max pool in three dimensions": (
        lambda x: pool_3d(x.reshape((1, 2, 1, 2)), (2, 1, 2), ignore_border=True),
        [[0.0, -0.0, -INF, 0.0]],
        [[1, 1, 0, 1]],
    ),
    # equal elements have variance 0, and epsilon keeps the slope finite: sqrt(1e-4) is 0.01
    "batch_normalization_train": (
        lambda x, scale, shift: normalized(x, scale, shift) * [[1.0], [3.0]],
        [[5.0, 5.0], [2.0], [1.0]],
        [[-200, 200], [0], [4]],
    ),
    "batch_normalization_train of one": (
        lambda x, scale, shift: normalized(x, scale, shift),
        [[5.0], [2.0], [1.0]],
        [[0], [0], [1]],
    ),
    "batch_normalization_train beside a nan": (
        lambda x, scale, shift: normalized(x, scale, shift) * [[1.0], [3.0]],
        [[5.0, NAN, 5.0, 1.0], [2.0, 1.0], [1.0, 0.0]],
        [[-200, NAN, 200, NAN], [0, NAN], [4, 4]],
    ),
    "batch_normalization_test": (
        lambda x, *given: T.nnet.batch_normalization_test(x.reshape((1, -1)), *given),
        [[3.0], [2.0], [1.0], [1.0], [0.0]],
        [[200], [200], [1], [-200], [-2e6]],
    ),
    "batch_normalization": (
        lambda x, *given: T.nnet.batch_normalization(x, *given),
        [[0.0, 3.0], [0.0, 2.0], [1.0, 1.0], [0.0, 1.0], [1.0, INF]],
        [[0, 0], [0, 0], [1, 1], [0, 0], [0, 0]],
    ),
}
# The same for second derivatives: the matrix of them, at one point.
SECOND = {
    "prod": (T.prod, [2.0, 0.0, 4.0], [[0, 4, 0], [4, 0, 2], [0, 2, 0]]),
    "prod of two zeros": (T.prod, [0.0, 0.0, 4.0], [[0, 4, 0], [4, 0, 0], [0, 0, 0]]),
    "prod of three zeros": (T.prod, [0.0, 0.0, 0.0], np.zeros((3, 3))),
    "cumprod": (lambda x: weighted(T.cumprod(x)), [2.0, 0.0, 4.0], [[0, 14, 0], [14, 0, 6], [0, 6, 0]]),
    "cumprod of two zeros": (
        lambda x: weighted(T.cumprod(x)),
        [0.0, 0.0, 4.0],
        [[0, 14, 0], [14, 0, 0], [0, 0, 0]],
    ),
    "norm": (lambda x: x.norm(2), [0.0, 0.0], np.zeros((2, 2))),
    "pow 0": (lambda x: (x**0).sum(), [0.0], [[0]]),
    "pow 1": (lambda x: (x**1).sum(), [0.0], [[0]]),
    "pow 2": (lambda x: (x**2).sum(), [0.0], [[2]]),
    "pow 3": (lambda x: (x**3).sum(), [0.0], [[0]]),
    "logaddexp": (lambda x: T.logaddexp(x[0], x[1]), [1.0, 1.0], [[0.25, -0.25], [-0.25, 0.25]]),
    "logsumexp": (lambda x: T.logsumexp(x), [0.0, 0.0], [[0.25, -0.25], [-0.25, 0.25]]),
    "abs": (lambda x: abs(x).sum(), [0.0], [[0]]),
    "relu": (lambda x: T.nnet.relu(x).sum(), [0.0], [[0]]),
    "softplus": (lambda x: T.nnet.softplus(x).sum(), [1000.0], [[0]]),
    "tanh": (lambda x: T.tanh(x).sum(), [0.0], [[0]]),
    "gelu": (lambda x: T.nnet.gelu(x).sum(), [0.0, INF, -INF], np.diag([np.sqrt(2 / np.pi), 0, 0])),
    "swish": (lambda x: T.nnet.swish(x).sum(), [0.0, INF, -INF], np.diag([0.5, 0, 0])),
    "softsign": (lambda x: T.nnet.softsign(x).sum(), [-1.0, INF, -INF], np.diag([0.25, 0, 0])),
    "arctan2": (lambda x: T.arctan2(x[0], x[1]), [1.0, 1.0], [[-0.5, 0], [0, 0.5]]),
    "arctan2 far away": (lambda x: T.arctan2(x[0], x[1]), [INF, 1.0], np.zeros((2, 2))),
    "norm 1/2": (lambda x: x.norm(0.5), [0.0, 0.0], np.zeros((2, 2))),
    "max pool": (
        lambda x: (pooled("max", (2, 2))(x) ** 2).sum() / 2,
        [0.0, 2, 1, 3] * 2,
        np.diag([0, 1, 0, 1] * 2)
        + np.eye(8, k=4) * [0, 0, 0, 0, 0, 1, 0, 1]
        + np.eye(8, k=-4) * [0, 1, 0, 1, 0, 0, 0, 0],
    ),
}
CHUNK = 24


def chunks(table):
    names = list(table)
    return [names[k : k + CHUNK] for k in range(0, len(names), CHUNK)]


def check(names, inputs, gradients, values, wanted):
    """One function of many gradients; what is wrong of them is shown by name."""
    found = tgen.function(inputs, gradients, on_unused_input="ignore")(*values)
    wrong = []
    for name, got, right in zip(names, found, wanted, strict=True):
        if not np.allclose(got, np.asarray(right, "float64"), rtol=1e-12, atol=1e-300, equal_nan=True):
            wrong.append(f"{name}: {got.tolist()}, not {np.asarray(right).tolist()}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("names", chunks(TABLE), ids=lambda names: names[0].replace(" ", "_"))
def test_first_derivative(names):
    labels, inputs, gradients, values, wanted = [], [], [], [], []
    for name in names:
        build, operands, right = TABLE[name]
        own = [T.dvector() for _ in operands]
        gradients += tgen.grad(build(*own).sum(), own)
        labels += [f"{name}, operand {k}" for k in range(len(own))]
        inputs, values, wanted = inputs + own, values + operands, wanted + right
    check(labels, inputs, gradients, values, wanted)


def test_second_derivative():
    inputs = [T.dvector() for _ in SECOND]
    hessians = [T.hessian(build(x), x) for x, (build, _, _) in zip(inputs, SECOND.values())]
    _, values, wanted = zip(*SECOND.values())
    check(SECOND, inputs, hessians, values, wanted)


def test_third_derivatives():
    x = T.dvector("x")
    costs = [x**k for k in range(5)]
    for _ in range(3):
        costs = [tgen.grad(c.sum(), x, disconnected_inputs="ignore") for c in costs]
    found = tgen.function([x], costs)([0.0, 1.0])
    assert [v.tolist() for v in found] == [[0, 0], [0, 0], [0, 0], [6, 6], [0, 24]]
    third = tgen.grad(T.hessian(x.prod(), x)[0, 1], x)
    assert tgen.function([x], third)([0.0, 0.0, 0.0]).tolist() == [0, 0, 1]


def test_products_along_axes():
    """Second derivatives of products with zeros along each axis and all: differences of the first ones."""
    X = T.dmatrix("X")
    at, weights = np.array([[2.0, 0, 4], [0, 0, 3]]), np.arange(1.0, 7).reshape(2, 3)
    for axis in (0, 1, (0, 1), (1, 0), None):
        first = tgen.grad((X.prod(axis=axis) * 1.5).sum(), X)
        f = tgen.function([X], [first, tgen.grad((first * weights).sum(), X)])
        wanted = np.zeros((2, 3))
        for i in np.ndindex(2, 3):
            step = np.zeros((2, 3))
            step[i] = 1e-4
            wanted[i] = ((f(at + step)[0] - f(at - step)[0]) * weights).sum() / 2e-4
        np.testing.assert_allclose(f(at)[1], wanted, atol=1e-6)


def test_values_of_activations_at_infinity():
    """The limits, where the formula says inf / inf or inf * 0."""
    x = T.dvector("x")
    f = tgen.function([x], [T.nnet.softsign(x), T.nnet.swish(x), T.nnet.gelu(x)])
    assert [v.tolist() for v in f([INF, -INF])] == [[1, -1], [INF, 0], [INF, 0]]


def test_gelu_far_below_zero_keeps_its_digits():
    x = T.dvector("x")
    [value] = tgen.function([x], T.nnet.gelu(x))([-20.0])
    np.testing.assert_allclose(value, -20 * math.erfc(20 / math.sqrt(2)) / 2, rtol=1e-12)


def test_the_value_of_clip_with_its_bounds_crossed():
    x = T.dvector("x")
    assert tgen.function([x], T.clip(x, 3.0, 1.0))([0.0, 2.0, 5.0]).tolist() == [1, 1, 1]


def written_last(x, values, place):
    """The gradients in x and values of the sum of squares of x with x[place] = values."""
    number = np.zeros(x.shape, int)
    own = np.arange(1, values.size + 1).reshape(values.shape)
    number[place] = own  # the last one written wins (NumPy)
    counts = number[place] == own
    return np.where(number == 0, 2 * x, 0), np.where(counts, 2 * values, 0)


def test_writes_to_one_place():
    """Of the values for one place the last one counts: along any axis, by two index arrays, from the end."""
    X, i = T.dmatrix("X"), T.lvector("i")
    x, y = np.ones((4, 4)), np.arange(1.0, 13)
    cases = [
        (X[:, i], y.reshape(4, 3), np.s_[:, [0, -4, 2]]),
        (X[i], y.reshape(3, 4), np.s_[[0, -4, 2]]),
        (X[i, i + 1], y[:3], np.s_[[0, -4, 2], [1, -3, 3]]),
        (X[T.stack([i, i + 1])], np.arange(24.0).reshape(2, 3, 4), np.array([[0, -4, 2], [1, -3, 3]])),
    ]
    for there, values, place in cases:
        v = T.TensorType("float64", (None,) * values.ndim)("v")
        f = tgen.function([X, v, i], tgen.grad((T.set_subtensor(there, v) ** 2).sum(), [X, v]))
        for got, wanted in zip(f(x, values, [0, -4, 2]), written_last(x, values, place)):
            assert got.tolist() == wanted.tolist()


ELSEWHERE = {
    "moves and writes, which look at no value": "concatenate copy inc_slice make_vector rebroadcast "
    "set_slice unbroadcast",
    "adjoints, whose gradients are the ops that are here": "add_adjoint conv_input conv_weights max_pick "
    "max_unpool unpool",
    "gradients that are asked for by name": "cast disconnected_grad grad_clip grad_scale zero_grad",
    "what has bodies or a message, tested in files of their own": "demand ifelse scan",
    "of matrices that it refuses at their special points (test_slinalg.py)": "cholesky solve",
}


def test_every_differentiable_op_is_in_the_table():
    apart = set(" ".join(ELSEWHERE.values()).split())
    differentiable = {op.name for op in OPS.values() if op.grad is not None}
    met = set()
    for build, operands, _ in TABLE.values():
        met |= {node.primitive.name for node in toposort([build(*[T.dvector() for _ in operands])])}
    assert not differentiable - apart - met, "an op that no row differentiates"
    elementwise = {op.name for op in OPS.values() if op.kind == SCALAR} & differentiable
    assert elementwise - apart <= {name.split()[0] for name in TABLE}, (
        "a scalar op that has no row of its own"
    )
