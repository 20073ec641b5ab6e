"""Functions of tgen.tensor.nnet and signal beside their NumPy twins: name -> (symbolic, NumPy, operands). See
twins.py.
"""

import math

import numpy as np
from test_conv import plain_conv, plain_pool, plain_windows
from twins import RNG, B, I, M, V

import tgen.tensor as T

P = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
LABELS = np.array([3, 0, 1])
X4, W4, G4 = RNG.randn(2, 2, 4, 5), RNG.randn(3, 2, 3, 2), RNG.randn(2, 3, 2, 4)
X5, W5 = RNG.randn(1, 2, 3, 4, 3), RNG.randn(2, 2, 2, 2, 2)
TWO = (1, 1)
erf = np.vectorize(math.erf, otypes=[float])
signal, nnet = T.signal, T.nnet


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def nll(x, y):
    return -np.log(softmax(x)[np.arange(len(y)), y])


def fast_sigmoid(x):
    h = abs(x) / 2
    return 0.5 + 0.5 * np.sign(x) * np.where(
        h < 1.7,
        1.5 * h / (1 + h),
        np.where(h < 3, 0.935409070603099 + 0.0458812946797165 * (h - 1.7), 0.99505475368673),
    )


def two_level(x, W1, b1, W2, b2):
    inside = softmax(np.einsum("bf,cfo->bco", x, W2) + b2)
    return (softmax(x @ W1 + b1)[:, :, None] * inside).reshape(len(x), -1)


def conv(x, w, border="valid", groups=1, flip=True):
    count = x.ndim - 2
    return plain_conv(x, w, border, (1,) * count, (1,) * count, groups, flip)


def wrt_inputs(g, w, shape):
    """The adjoint of conv in its images: every element of g spreads a flipped filter."""
    x = np.zeros(shape, g.dtype)
    for place in np.ndindex(*g.shape[2:]):
        window = tuple(slice(p, p + k) for p, k in zip(place, w.shape[2:]))
        x[(..., *window)] += np.tensordot(
            g[(..., *place)], w[(..., *[slice(None, None, -1)] * (w.ndim - 2))], 1
        )
    return x


def wrt_weights(x, g, shape):
    w = np.zeros(shape, g.dtype)
    for place in np.ndindex(*g.shape[2:]):
        window = tuple(slice(p, p + k) for p, k in zip(place, shape[2:]))
        w += np.tensordot(g[(..., *place)], x[(..., *window)], [[0], [0]])
    return w[(..., *[slice(None, None, -1)] * (w.ndim - 2))]


def upsampled(x):
    """Twice as high and wide by linear interpolation, the border repeated."""
    for axis in (2, 3):
        after = np.concatenate([x.take(range(1, x.shape[axis]), axis), x.take([-1], axis)], axis)
        x = np.stack([x, (x + after) / 2], axis + 1).reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])
    return x


def normalized(x, gamma, beta):
    mean, var = x.mean(0), x.var(0)
    return [gamma * (x - mean) / np.sqrt(var + 1e-4) + beta, mean, 1 / np.sqrt(var + 1e-4)]


NNET_TWINS = {
    # activations
    "softmax": (T.nnet.softmax, softmax, [M]),
    "softmax of a vector": (T.nnet.softmax, lambda x: softmax(x)[None], [V]),
    "softmax axis": (lambda x: T.nnet.softmax(x, axis=1), lambda x: softmax(x, 1), [B]),
    "logsoftmax": (T.nnet.logsoftmax, lambda x: np.log(softmax(x)), [M]),
    "relu": (
        lambda x: [T.nnet.relu(x), T.nnet.relu(x, 0.1), T.nnet.leaky_relu(x)],
        lambda x: [np.maximum(x, 0), np.where(x > 0, x, 0.1 * x), np.where(x > 0, x, 0.01 * x)],
        [M],
    ),
    "relu of ints": (T.nnet.relu, lambda x: np.maximum(x, 0), [I]),
    "elu": (lambda x: T.nnet.elu(x, 2), lambda x: np.where(x > 0, x, 2 * np.expm1(x)), [M]),
    "selu": (
        T.nnet.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        [M],
    ),
    "softsign": (T.nnet.softsign, lambda x: x / (1 + abs(x)), [M]),
    "swish": (T.nnet.swish, lambda x: x * sigmoid(x), [M]),
    "gelu": (T.nnet.gelu, lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))), [M]),
    "hard_sigmoid": (T.nnet.hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1), [M * 4]),
    "log_sigmoid": (T.nnet.log_sigmoid, lambda x: np.log(sigmoid(x)), [M]),
    "softmax with bias": (nnet.softmax_with_bias, lambda x, b: softmax(x + b), [M, V[:4]]),
    "softmax_graph": (nnet.softmax_graph, softmax, [M]),
    "log_softmax": (nnet.log_softmax, lambda x: np.log(softmax(x)), [M]),
    "ultra_fast_sigmoid": (nnet.ultra_fast_sigmoid, fast_sigmoid, [M * 4]),
    # classes
    "categorical_crossentropy of labels": (
        T.nnet.categorical_crossentropy,
        lambda p, y: -np.log(p[np.arange(3), y]),
        [P, np.array([0, 1, 1], "int32")],
    ),
    "categorical_crossentropy": (
        T.nnet.categorical_crossentropy,
        lambda p, q: -(q * np.log(p)).sum(-1),
        [P, P[::-1]],
    ),
    "crossentropy_categorical_1hot": (
        T.nnet.crossentropy_categorical_1hot,
        lambda p, y: -np.log(p[np.arange(3), y]),
        [P, np.array([0, 1, 1])],
    ),
    "crossentropy with bias": (
        lambda x, b, y: list(T.nnet.crossentropy_softmax_argmax_1hot_with_bias(x, b, y)),
        lambda x, b, y: [-np.log(softmax(x + b)[np.arange(3), y]), softmax(x + b), (x + b).argmax(1)],
        [M, V[:4], np.array([3, 0, 1])],
    ),
    "binary_crossentropy": (
        T.nnet.binary_crossentropy,
        lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)),
        [P, np.array([[1.0, 0], [0, 1], [0.5, 1]])],
    ),
    "sigmoid_binary_crossentropy": (
        T.nnet.sigmoid_binary_crossentropy,
        lambda x, t: -(t * np.log(sigmoid(x)) + (1 - t) * np.log(1 - sigmoid(x))),
        [M, (M > 0).astype(float)],
    ),
    "crossentropy_softmax_1hot": (
        lambda x, b, y: [
            *nnet.crossentropy_softmax_1hot(x, y),
            *nnet.crossentropy_softmax_1hot_with_bias(x, b, y),
        ],
        lambda x, b, y: [nll(x, y), softmax(x), nll(x + b, y), softmax(x + b)],
        [M, V[:4], LABELS],
    ),
    "crossentropy with maximum": (
        lambda x, b, y: [
            *nnet.crossentropy_softmax_max_and_argmax_1hot(x, y),
            *nnet.crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y),
        ],
        lambda x, b, y: [
            r for z in (x, x + b) for r in (nll(z, y), softmax(z), softmax(z).max(1), z.argmax(1))
        ],
        [M, V[:4], LABELS],
    ),
    "h_softmax": (
        lambda x, *p: nnet.h_softmax(x, x.shape[0], 5, 3, 2, *p),
        lambda *p: two_level(*p)[:, :5],
        [M, RNG.randn(4, 3), V[:3], RNG.randn(3, 4, 2), RNG.randn(3, 2)],
    ),
    "h_softmax of targets": (
        lambda x, W1, b1, W2, b2, y: [
            nnet.h_softmax(x, 3, 6, 3, 2, W1, b1, W2, b2, t) for t in (y, y.dimshuffle(0, "x"))
        ],
        lambda *p: [two_level(*p[:-1])[np.arange(3), p[-1]]] * 2,
        [M, RNG.randn(4, 3), V[:3], RNG.randn(3, 4, 2), RNG.randn(3, 2), np.array([5, 0, 3])],
    ),
    "confusion_matrix": (
        lambda a, b: nnet.confusion_matrix(a, b),
        lambda a, b: [(a[:, None] == (u := np.union1d(a, b))).astype(int).T @ (b[:, None] == u), u],
        [np.array([2, 0, 2, 7, 0, 1]), np.array([0, 0, 2, 2, 0, 7])],
    ),
    "prepend": (
        lambda x, v: [
            nnet.prepend_scalar_to_each_row(v, x),
            nnet.prepend_0_to_each_row(x),
            nnet.prepend_1_to_each_row(x),
        ],
        lambda x, v: [np.insert(x, 0, c, axis=1) for c in (v, 0, 1)],
        [M, V[0]],
    ),
    # images
    "conv2d": (nnet.conv2d, conv, [X4, W4]),
    "conv3d": (nnet.conv3d, conv, [X5, W5]),
    "old conv2d": (
        lambda x, w: nnet.conv.conv2d(x, w, border_mode="full"),
        lambda x, w: conv(x, w, "full"),
        [X4, W4],
    ),
    "conv2d in inputs": (
        lambda g, w: [
            nnet.conv2d_grad_wrt_inputs(g, w, (None, None, 4, 5)),
            nnet.conv2d_transpose(g, w, (None, None, 4, 5)),
        ],
        lambda g, w: [wrt_inputs(g, w, (len(g), w.shape[1], 4, 5))] * 2,
        [G4, W4],
    ),
    "conv2d in weights": (
        lambda x, g: nnet.conv2d_grad_wrt_weights(x, g, (None, None, 3, 2)),
        lambda x, g: wrt_weights(x, g, (g.shape[1], x.shape[1], 3, 2)),
        [X4, G4],
    ),
    "conv3d gradients": (
        lambda x, w, g: [
            nnet.conv3d_grad_wrt_inputs(g, w, (None, None, 3, 4, 3)),
            nnet.conv3d_grad_wrt_weights(x, g, (None, None, 2, 2, 2)),
        ],
        lambda x, w, g: [
            wrt_inputs(g, w, (len(g), w.shape[1], 3, 4, 3)),
            wrt_weights(x, g, (g.shape[1], x.shape[1], 2, 2, 2)),
        ],
        [X5, W5, RNG.randn(1, 2, 2, 3, 2)],
    ),
    "conv3d of films": (
        lambda x, w: nnet.conv3d2d.conv3d(x, w, border_mode="half"),
        lambda x, w: conv(x.swapaxes(1, 2), w.swapaxes(1, 2), "half").swapaxes(1, 2),
        [X5, RNG.randn(2, 2, 3, 2, 2)],
    ),
    "separable_conv2d": (
        lambda x, d, p: nnet.separable_conv2d(x, d, p, 2),
        lambda x, d, p: conv(conv(x, d, groups=2), p),
        [X4, RNG.randn(4, 1, 2, 2), RNG.randn(3, 4, 1, 1)],
    ),
    "separable_conv3d": (
        lambda x, d, p: nnet.separable_conv3d(x, d, p, 2),
        lambda x, d, p: conv(conv(x, d, groups=2), p),
        [X5, RNG.randn(4, 1, 2, 2, 2), RNG.randn(3, 4, 1, 1, 1)],
    ),
    "causal_conv1d": (
        lambda x, w: [
            nnet.causal_conv1d(x, w),
            nnet.causal_conv1d(x, w, (None, None, 2), subsample=2, filter_dilation=3, filter_flip=False),
        ],
        lambda x, w: [
            conv(x[..., None], w[..., None], ((1, 0), 0))[..., 0],
            plain_conv(x[..., None], w[..., None], ((3, 0), 0), (2, 1), (3, 1), 1, False)[..., 0],
        ],
        [B, RNG.randn(2, 3, 2)],
    ),
    "signal.conv2d": (
        lambda x, w: [
            signal.conv.conv2d(x, w),
            signal.conv.conv2d(x[0], w, border_mode="full"),
            signal.conv.conv2d(x, w[0], (None, 3, 4), (2, 3)),
            signal.conv.conv2d(x[0], w[0]),
        ],
        lambda x, w: [
            z
            for z in (
                conv(x[:, None], w[:, None]),
                conv(x[:1, None], w[:, None], "full")[0],
                conv(x[:, None], w[:1, None])[:, 0],
                conv(x[:1, None], w[:1, None])[0, 0],
            )
        ],
        [B, RNG.randn(2, 2, 3)],
    ),
    "bilinear_upsampling": (lambda x: nnet.bilinear_upsampling(x, 2), upsampled, [X4]),
    "bilinear kernels": (
        lambda: [nnet.bilinear_kernel_1D(3), nnet.bilinear_kernel_2D(2, normalize=False)],
        lambda: [np.array([1, 2, 3, 2, 1]) / 3, np.outer([1.0, 2, 1], [1, 2, 1])],
        [],
    ),
    "pools": (
        lambda x: [
            signal.pool.pool_2d(x, (2, 3), True),
            signal.pool.pool_2d(x, (2, 2), False, (1, 2), mode="sum"),
            signal.pool.max_pool_2d(x, (3, 3), True),
            signal.downsample.max_pool_2d(x, (2, 2), True),
            signal.pool.pool_2d(x, (2, 2), True, pad=(1, 1), mode="average_exc_pad"),
        ],
        lambda x: [
            plain_pool(x, (2, 3), (2, 3), (0, 0), "max", True),
            plain_pool(x, (2, 2), (1, 2), (0, 0), "sum", False),
            plain_pool(x, (3, 3), (3, 3), (0, 0), "max", True),
            plain_pool(x, (2, 2), (2, 2), (0, 0), "max", True),
            plain_pool(x, (2, 2), (2, 2), TWO, "average_exc_pad", True),
        ],
        [X4],
    ),
    "pools of 3": (
        lambda x: [signal.pool.pool_3d(x, (2, 2, 2), True), signal.pool.max_pool_3d(x, (1, 2, 2), True)],
        lambda x: [
            plain_pool(x, (2, 2, 2), (2, 2, 2), (0, 0, 0), "max", True),
            plain_pool(x, (1, 2, 2), (1, 2, 2), (0, 0, 0), "max", True),
        ],
        [X5],
    ),
    "max_pool_2d_same_size": (
        lambda x: signal.pool.max_pool_2d_same_size(x, (2, 1)),
        lambda x: np.where(x == plain_pool(x, (2, 1), (2, 1), (0, 0), "max", True).repeat(2, 2), x, 0),
        [X4],
    ),
    "images2neibs": (
        lambda x: [
            nnet.neighbours.images2neibs(x, (2, 5)),
            nnet.neighbours.images2neibs(x, (3, 3), (1, 1), "half"),
        ],
        lambda x: [plain_windows(x, (2, 5), (2, 5), "valid"), plain_windows(x, (3, 3), (1, 1), "half")],
        [X4],
    ),
    "neibs2images": (
        lambda x: nnet.neighbours.neibs2images(nnet.neighbours.images2neibs(x, (2, 5)), (2, 5), x.shape),
        lambda x: x,
        [X4],
    ),
    # normalization
    "batch_normalization_train": (
        lambda *p: list(nnet.batch_normalization_train(*p)),
        normalized,
        [M, V[:4], V[1:]],
    ),
    "batch_normalization_test": (
        nnet.batch_normalization_test,
        lambda x, g, b, m, v: g * (x - m) / np.sqrt(v + 1e-4) + b,
        [M, V[:4], V[1:], M[0], abs(M[1])],
    ),
    "batch_normalization": (
        nnet.batch_normalization,
        lambda x, g, b, m, s: (x - m) * (g / s) + b,
        [M, M + 1, M * 2, M - 1, abs(M) + 0.5],
    ),
}
