"""Convolutions and pools through tgen.function against plain loops, their gradients against finite
differences and each other.
"""

from itertools import product

import numpy as np
import pytest
from compiled import agree, in_parts

import tgen
import tgen.tensor as T
from tgen.core.op import OPS
from tgen.graph.build import apply
from tgen.graph.nodes import apply_op
from tgen.ir.interp import run
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.tensor.nnet import abstract_conv
from tgen.tensor.signal import downsample, pool

RNG = np.random.default_rng(5)
TOLERANCE = {"float32": 2e-4, "float64": 1e-10}


def rand(*shape, dtype="float64"):
    return RNG.standard_normal(shape).astype(dtype)


# -- the definition, as loops --------------------------------------------------------------------------------


def pairs(border, kernel, dilation):
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    named = {"valid": [0] * len(kernel), "full": [e - 1 for e in extent], "half": [e // 2 for e in extent]}
    border = (
        named[border]
        if isinstance(border, str)
        else (border,) * len(kernel)
        if isinstance(border, int)
        else border
    )
    return [b if isinstance(b, tuple) else (b, b) for b in border]


def plain_conv(x, w, border, strides, dilation, groups, flip):
    count = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *pairs(border, w.shape[2:], dilation)])
    out = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], w.shape[2:], strides, dilation)]
    y = np.zeros((x.shape[0], w.shape[0], *out), x.dtype)
    w = w[(..., *[slice(None, None, -1)] * count)] if flip else w
    channels, filters = w.shape[1], w.shape[0] // groups
    for f in range(w.shape[0]):
        part = x[:, f // filters * channels : (f // filters + 1) * channels]
        for place in np.ndindex(*out):
            window = tuple(
                slice(p * s, p * s + (k - 1) * d + 1, d)
                for p, s, k, d in zip(place, strides, w.shape[2:], dilation)
            )
            y[(slice(None), f, *place)] = (part[(..., *window)] * w[f]).sum(tuple(range(1, x.ndim)))
    return y


def plain_pool(x, window, strides, pad, mode, ignore_border):
    count = len(window)
    size = x.shape[-count:]
    padded = [n + 2 * p for n, p in zip(size, pad)]
    starts = []
    for n, w, s in zip(padded, window, strides):
        last = n - w if ignore_border else max(n - 1 if s >= w else n - w + s - 1, 0)
        starts.append(range(0, last + 1, s))
    y = np.zeros(x.shape[:-count] + tuple(len(r) for r in starts), x.dtype)
    for place in product(*(enumerate(r) for r in starts)):
        at, inside = tuple(i for i, _ in place), []
        counted = 1
        for (_, start), n, whole, w, p in zip(place, size, padded, window, pad):
            inside.append(slice(max(start - p, 0), min(start + w - p, n)))
            counted *= (
                min(start + w, whole) - start
                if mode == "average_inc_pad"
                else inside[-1].stop - inside[-1].start
            )
        part, over = x[(..., *inside)], tuple(range(-count, 0))
        y[(..., *at)] = (
            part.max(over) if mode == "max" else part.sum(over) / (1 if mode == "sum" else counted)
        )
    return y


# -- convolution ---------------------------------------------------------------------------------------------

CONVS = [  # images, filters, border, strides, dilation, groups, flip
    ((2, 3, 7, 6), (4, 3, 3, 2), "valid", (1, 1), (1, 1), 1, True),
    ((2, 3, 7, 6), (4, 3, 3, 2), "full", (1, 1), (1, 1), 1, False),
    ((3, 2, 9, 8), (5, 2, 3, 3), "half", (2, 1), (1, 1), 1, True),
    ((2, 2, 9, 11), (3, 2, 2, 3), (1, 2), (2, 3), (2, 1), 1, True),
    ((1, 2, 9, 11), (3, 2, 2, 3), ((0, 2), (3, 1)), (1, 2), (2, 2), 1, False),
    ((2, 4, 6, 6), (6, 2, 3, 3), 1, (1, 1), (1, 1), 2, True),
    ((2, 4, 6, 6), (4, 1, 3, 3), "full", (2, 2), (1, 2), 4, True),
    ((0, 2, 5, 5), (3, 2, 3, 3), "valid", (1, 1), (1, 1), 1, True),
    ((2, 0, 5, 5), (3, 0, 3, 3), "valid", (1, 1), (1, 1), 1, True),
    ((2, 2, 5, 5), (0, 2, 3, 3), "valid", (1, 1), (1, 1), 1, True),
    ((1, 1, 1, 1), (1, 1, 1, 1), "valid", (1, 1), (1, 1), 1, True),
    ((2, 1, 3, 3), (2, 1, 4, 4), "valid", (1, 1), (1, 1), 1, True),
    ((1, 2, 5, 40), (2, 2, 3, 3), "half", (1, 1), (1, 1), 1, True),
    ((40, 1, 5, 5), (2, 1, 3, 3), 2, (4, 4), (1, 1), 1, False),
    ((3, 2, 4, 5, 6), (3, 2, 2, 3, 2), "valid", (1, 1, 1), (1, 1, 1), 1, True),
    ((2, 2, 4, 5, 6), (4, 1, 2, 3, 3), "half", (2, 1, 2), (1, 2, 1), 2, False),
]
CUTS = (1, 2, 3)


def convolve(x, w, border, strides, dilation, groups, flip):
    function = T.nnet.conv2d if x.ndim == 4 else T.nnet.conv3d
    return function(
        x,
        w,
        border_mode=border,
        subsample=strides,
        filter_dilation=dilation,
        num_groups=groups,
        filter_flip=flip,
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", CONVS, ids=str)
def test_convolution_is_its_loops(row, dtype):
    """Values; both gradients are adjoint to it: <conv(x, w), g> = <x, wrt_inputs> = <w, wrt_weights>; and the
    interpreter agrees.
    """
    (x_shape, w_shape), setting = row[:2], row[2:]
    x, w = T.TensorType(dtype, (None,) * len(x_shape))("x"), T.TensorType(dtype, (None,) * len(x_shape))("w")
    y = convolve(x, w, *setting)
    a, b = rand(*x_shape, dtype=dtype), rand(*w_shape, dtype=dtype)
    wanted = plain_conv(a, b, *setting)
    g = rand(*wanted.shape, dtype=dtype)
    gx, gw = tgen.grad((y * g).sum(), [x, w])
    agree(
        [x, w],
        [y, gx, gw],
        [a, b],
        modes=("FAST_RUN",),
        compare=lambda p, q: (
            p.shape == q.shape and np.allclose(p, q, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        ),
    )
    got, of_x, of_w = tgen.function([x, w], [y, gx, gw])(a, b)
    np.testing.assert_allclose(got, wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * 10)
    inner = float((wanted.astype("float64") * g).sum())
    scale = max(1.0, np.abs(wanted).sum())
    for part, given in ((of_x, a), (of_w, b)):
        assert part.shape == given.shape and part.dtype == dtype
        assert abs(float((part.astype("float64") * given).sum()) - inner) <= TOLERANCE[dtype] * scale


@pytest.mark.slow
@pytest.mark.parametrize("row", [CONVS[k] for k in (0, 3, 4, 5, 14, 15)], ids=str)
def test_gradients_to_second_order(row):
    x, w = rand(*row[0]), rand(*row[1])
    T.verify_grad(lambda a, b: convolve(a, b, *row[2:]), [x, w], rng=np.random.RandomState(1))
    a, b, v = (
        T.TensorType("float64", (None,) * x.ndim)(),
        T.TensorType("float64", (None,) * x.ndim)(),
        rand(*w.shape),
    )
    gradient = tgen.grad((convolve(a, b, *row[2:]) ** 3).sum(), a)
    second = tgen.function([a, b], tgen.grad((gradient**2).sum(), b))
    first = tgen.function([a, b], (gradient**2).sum())
    step = 1e-5
    wanted = (first(x, w + step * v) - first(x, w - step * v)) / (2 * step)
    np.testing.assert_allclose((second(x, w) * v).sum(), wanted, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("threads", CUTS)
def test_results_do_not_depend_on_threads_much(threads):
    """Sums over parts are in order of the parts; images and rows are dealt without gaps."""
    x, w = rand(37, 6, 17, 13), rand(8, 3, 3, 4)
    a, b = T.dtensor4(), T.dtensor4()
    old = tgen.config.threads
    tgen.config.threads = threads
    try:
        y = convolve(a, b, "half", (1, 1), (1, 1), 2, True)
        f = tgen.function([a, b], [y, *tgen.grad((y**2).sum(), [a, b])])
        results = f(x, w)
    finally:
        tgen.config.threads = old
    wanted = plain_conv(x, w, "half", (1, 1), (1, 1), 2, True)
    np.testing.assert_allclose(results[0], wanted, rtol=1e-9, atol=1e-9)
    assert abs((results[1] * x).sum() - 2 * (wanted**2).sum()) < 1e-6 * (wanted**2).sum()
    assert abs((results[2] * w).sum() - 2 * (wanted**2).sum()) < 1e-6 * (wanted**2).sum()


# -- operands that are not finite ----------------------------------------------------------------------------

STRANGE = [  # images, filters, paddings before, paddings after, strides, dilation, groups, flip
    ((2, 2, 5), (3, 2, 3), (1,), (1,), (1,), (1,), 1, True),
    ((1, 2, 7), (2, 1, 2), (3,), (0,), (3,), (2,), 2, False),
    ((1, 1, 3), (1, 1, 2), (4,), (5,), (2,), (1,), 1, True),
    ((2, 2, 4, 5), (3, 2, 3, 2), (0, 0), (0, 0), (1, 1), (1, 1), 1, True),
    ((2, 2, 4, 5), (3, 2, 3, 2), (2, 1), (2, 1), (1, 1), (1, 1), 1, False),
    ((1, 2, 5, 6), (2, 2, 2, 3), (1, 2), (1, 2), (3, 2), (1, 1), 1, True),
    ((2, 4, 5, 4), (4, 2, 2, 2), (2, 0), (1, 3), (1, 2), (2, 3), 2, True),
    ((1, 2, 3, 3), (4, 1, 2, 2), (3, 3), (3, 3), (2, 2), (1, 1), 2, False),
    ((1, 1, 4, 12), (2, 1, 3, 9), (1, 4), (1, 4), (1, 1), (1, 1), 1, True),
    ((2, 1, 3, 4, 3), (2, 1, 2, 2, 2), (1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1), 1, True),
    ((1, 2, 3, 4, 5), (2, 1, 2, 1, 3), (2, 0, 1), (0, 1, 1), (2, 3, 1), (1, 1, 2), 2, False),
]


def plain_adjoints(x, w, g, before, after, strides, dilation, groups, flip):
    """What g, on the convolution of x padded with zeros, gives to x (what falls on padding is lost) and w."""
    count = x.ndim - 2
    padded = np.pad(x, [(0, 0), (0, 0), *zip(before, after)])
    of_x, of_w = np.zeros_like(padded), np.zeros_like(w)
    turned = (..., *[slice(None, None, -1 if flip else None)] * count)
    channels, filters = w.shape[1], w.shape[0] // groups
    for f in range(w.shape[0]):
        mine = slice(f // filters * channels, (f // filters + 1) * channels)
        for place in np.ndindex(*g.shape[2:]):
            steps = zip(place, strides, w.shape[2:], dilation)
            window = tuple(slice(p * s, p * s + (k - 1) * d + 1, d) for p, s, k, d in steps)
            for n in range(x.shape[0]):
                of_x[(n, mine, *window)] += g[(n, f, *place)] * w[f][turned]
                of_w[f][turned] += g[(n, f, *place)] * padded[(n, mine, *window)]
    inside = tuple(slice(b, b + n) for b, n in zip(before, x.shape[2:]))
    return of_x[(..., *inside)], of_w


def with_zeros(*shape, dtype):
    """Random elements, a third of them 0: each is a product of its own with infinity."""
    return np.where(RNG.random(shape) < 1 / 3, 0, RNG.standard_normal(shape)).astype(dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype, threads", [("float64", 1), ("float32", 2)])
@pytest.mark.parametrize("row", STRANGE, ids=str)
def test_what_is_not_finite_meets_the_padding(row, dtype, threads):
    """One element is not finite: infinities and NaNs stand where products of the padded image make them."""
    x_shape, w_shape, before, after, strides, dilation, groups, flip = row
    borders, setting = tuple(zip(before, after)), (strides, dilation, groups, flip)
    count = len(strides)
    x, w, g = (T.TensorType(dtype, (None,) * (count + 2))(name) for name in "xwg")
    pads = map(T.as_tensor_variable, (*before, *after))
    y = apply("conv", x, w, *pads, strides=strides, dilation=dilation, groups=groups, flip=flip)
    outputs = [y, *tgen.grad(None, [x, w], known_grads={y: g})]
    with in_parts(threads):
        compiled = tgen.function([x, w, g], outputs)
    interpreted = lower(Signature.of([x, w, g], outputs)).function
    operands = [with_zeros(*shape, dtype=dtype) for shape in (x_shape, w_shape)]
    operands.append(with_zeros(*plain_conv(*operands, borders, *setting).shape, dtype=dtype))
    for which, plain in enumerate(operands):
        for at in {0, plain.size - 1, *RNG.integers(0, plain.size, 6).tolist()}:
            for value in (np.inf, -np.inf, np.nan)[: 3 if at == 0 else 1]:
                changed = [a.copy() for a in operands]
                changed[which].flat[at] = value
                with np.errstate(invalid="ignore"):
                    wanted = [plain_conv(*changed[:2], borders, *setting)]
                    wanted += plain_adjoints(*changed, before, after, *setting)
                    meant = run(interpreted, changed, [])[0]
                given = zip(("y", "of x", "of w"), wanted, meant, compiled(*changed), strict=True)
                for name, p, q, r in given:
                    for who, got in (("interpreter", q), ("C", r)):
                        where = f"{who}: {name}, element {at} of {'xwg'[which]} is {value}"
                        np.testing.assert_allclose(got, p, TOLERANCE[dtype], TOLERANCE[dtype], err_msg=where)


@pytest.mark.slow
def test_padding_is_multiplied_and_dropped():
    """By hand: 0 times infinity is a product of the padded image; what reaches a pixel is what met it."""
    x, w, g = T.dtensor4(), T.dtensor4(), T.dtensor4()
    y = T.nnet.conv2d(x, w, border_mode=(0, 1), filter_flip=False)
    f = tgen.function([x, w, g], [y, *tgen.grad(None, [x, w], known_grads={y: g})])

    def row(*values):
        return np.array([[[values]]], "float64")

    got = f(row(1, 2, 3), row(np.inf, 1, 1), row(1, 1, 1))
    np.testing.assert_array_equal(got[0], row(np.nan, np.inf, np.inf))
    np.testing.assert_array_equal(got[1], row(np.inf, np.inf, 2))
    np.testing.assert_array_equal(got[2], row(3, 6, 5))
    got = f(row(1, 2, 3), row(1, 1, 1), row(np.inf, 1, 1))
    np.testing.assert_array_equal(got[1], row(np.inf, np.inf, 2))
    np.testing.assert_array_equal(got[2], row(np.nan, np.inf, np.inf))


@pytest.mark.slow
def test_public_gradients_are_those_of_grad():
    x, w, g = rand(2, 3, 8, 7), rand(4, 3, 3, 2), rand(2, 4, 4, 6)
    a, b, c = T.dtensor4(), T.dtensor4(), T.dtensor4()
    options = {"border_mode": (1, 0), "subsample": (2, 1)}
    y = T.nnet.conv2d(a, b, **options)
    wanted = tgen.function([a, b, c], tgen.grad(None, [a, b], known_grads={y: c}))(x, w, g)
    got = tgen.function(
        [a, b, c],
        [
            T.nnet.conv2d_grad_wrt_inputs(c, b, a.shape, **options),
            T.nnet.conv2d_grad_wrt_weights(a, c, b.shape, **options),
        ],
    )(x, w, g)
    got2 = tgen.function(
        [a, b, c],
        [
            T.nnet.conv2d_transpose(c, b, (None, 3, 8, 7), border_mode=(1, 0), input_dilation=(2, 1)),
            T.nnet.conv2d_grad_wrt_weights(a, c, (4, 3, 3, 2), (None, 3, 8, None), **options),
        ],
    )(x, w, g)
    for p, q, r in zip(wanted, got, got2, strict=True):
        np.testing.assert_allclose(p, q)
        np.testing.assert_allclose(p, r)


@pytest.mark.slow
def test_layouts_and_dtypes():
    """Arguments of any strides; shared filters; dtypes are promoted, ints become floats."""
    x, w = rand(4, 6, 5, 3), tgen.shared(rand(2, 3, 2, 2).astype("float32"))
    a = T.dtensor4()
    f = tgen.function([a], T.nnet.conv2d(a, w))
    for view in (
        x.transpose(0, 3, 1, 2),
        x.transpose(0, 3, 2, 1)[:, :, ::-1],
        np.asfortranarray(x.transpose(0, 3, 1, 2)),
    ):
        np.testing.assert_allclose(
            f(view),
            plain_conv(
                np.ascontiguousarray(view), w.get_value().astype("float64"), "valid", (1, 1), (1, 1), 1, True
            ),
            rtol=1e-9,
        )
    assert (
        T.nnet.conv2d(T.itensor4(), T.ftensor4()).dtype == "float64"
        and T.nnet.conv2d(T.btensor4(), T.ftensor4()).dtype == "float32"
    )


def test_stated_shapes():
    a, b = T.ftensor4("a"), T.ftensor4("b")
    y = T.nnet.conv2d(a, b, input_shape=(None, 1, 28, 28), filter_shape=(20, 1, 5, 5), subsample=(2, 2))
    assert y.type.shape == (None, 20, 12, 12) and T.nnet.get_conv_output_shape(
        (7, 1, 28, 28), (20, 1, 5, 5), "valid", (2, 2)
    ) == (7, 20, 12, 12)
    f = tgen.function([a, b], y)
    assert f(rand(2, 1, 28, 28, dtype="float32"), rand(20, 1, 5, 5, dtype="float32")).shape == (2, 20, 12, 12)
    with pytest.raises(ValueError):
        f(rand(2, 1, 28, 27, dtype="float32"), rand(20, 1, 5, 5, dtype="float32"))
    with pytest.warns(UserWarning, match="image_shape"):
        assert T.nnet.conv2d(
            a, b, image_shape=(3, None, 9, 9), filter_shape=(None, None, 2, 2)
        ).type.shape == (3, None, 8, 8)
    assert T.nnet.conv.conv2d(a, b, (None, 1, 9, 9), (4, 1, 3, 3), "full").type.shape == (None, 4, 11, 11)


@pytest.mark.slow
def test_sizes_that_do_not_fit():
    a, b = T.dtensor4("a"), T.dtensor4("b")
    f = tgen.function([a, b], T.nnet.conv2d(a, b))
    with pytest.raises(ValueError, match="3.*4|4.*3"):
        f(rand(1, 3, 5, 5), rand(2, 4, 2, 2))
    with pytest.raises(ValueError):
        f(rand(1, 3, 2, 2), rand(2, 3, 4, 4))
    g = tgen.function([a, b], T.nnet.conv2d(a, b, num_groups=2))
    with pytest.raises(ValueError):
        g(rand(1, 4, 5, 5), rand(3, 2, 2, 2))
    assert g(rand(1, 4, 5, 5), rand(4, 2, 2, 2)).shape == (1, 4, 4, 4)
    with pytest.raises(ValueError):
        tgen.function([a, b], T.nnet.conv2d_grad_wrt_inputs(a, b, (None, None, 9, 9)))(
            rand(1, 2, 5, 5), rand(2, 3, 2, 2)
        )


@pytest.mark.parametrize(
    "error, call",
    [
        (TypeError, lambda x, w: T.nnet.conv2d(x[0], w)),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, border_mode="same")),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, border_mode=-1)),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, border_mode=(1, 2, 3))),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, subsample=(0, 1))),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, subsample=(1,))),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, filter_dilation=(0, 1))),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, num_groups=0)),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, (1, 2))),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, None, (3, 1, 2, 2), num_groups=2)),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, (1, 2, 5, 5), (3, 3, 2, 2))),
        (ValueError, lambda x, w: T.nnet.conv2d(x, w, (1, 2, 3, 3), (3, 2, 7, 7))),
        (ValueError, lambda x, w: T.nnet.conv2d_grad_wrt_inputs(x, w, None)),
        (ValueError, lambda x, w: T.nnet.conv.conv2d(x, w, border_mode="half")),
        (TypeError, lambda x, w: T.nnet.conv.conv2d(x, w, other=1)),
    ],
)
def test_refusals(error, call):
    with pytest.raises(error):
        call(T.dtensor4(), T.dtensor4())


@pytest.mark.slow
def test_separable():
    x, d, p = rand(2, 3, 6, 6), rand(6, 1, 3, 3), rand(4, 6, 1, 1)
    a, b, c = T.dtensor4(), T.dtensor4(), T.dtensor4()
    got = tgen.function([a, b, c], T.nnet.separable_conv2d(a, b, c, 3))(x, d, p)
    inner = plain_conv(x, d, "valid", (1, 1), (1, 1), 3, True)
    np.testing.assert_allclose(got, plain_conv(inner, p, "valid", (1, 1), (1, 1), 1, True))


# -- pools ---------------------------------------------------------------------------------------------------

POOLS = [  # shape, window, strides, pad
    ((2, 3, 6, 8), (2, 2), (2, 2), (0, 0)),
    ((2, 3, 7, 9), (2, 3), (2, 3), (0, 0)),
    ((1, 2, 9, 30), (3, 2), (2, 1), (0, 0)),
    ((2, 1, 7, 11), (2, 2), (3, 4), (0, 0)),
    ((2, 2, 8, 9), (3, 3), (2, 2), (1, 2)),
    ((6, 7), (4, 2), (1, 3), (2, 1)),
    ((0, 2, 4, 4), (2, 2), (2, 2), (0, 0)),
    ((1, 1, 3, 20), (3, 3), (1, 1), (0, 0)),
    ((2, 5, 6, 7), (2, 2, 3), (2, 1, 2), (0, 0, 0)),
    ((2, 2, 4, 5, 6), (3, 2, 2), (2, 2, 2), (1, 1, 0)),
    ((1, 1, 70, 66), (2, 2), (2, 2), (0, 0)),
]


@pytest.mark.slow
@pytest.mark.parametrize("ignore_border", [True, False])
@pytest.mark.parametrize("row", POOLS, ids=str)
def test_pools_are_their_loops(row, ignore_border):
    shape, window, strides, pad = row
    pad = pad if ignore_border else (0,) * len(pad)
    function = pool.pool_2d if len(window) == 2 else pool.pool_3d
    for dtype in ("float32", "float64", "int16"):
        x = T.TensorType(dtype, (None,) * len(shape))("x")
        modes = ["max", "sum"] + ["average_inc_pad", "average_exc_pad"] * (dtype != "int16")
        ys = [function(x, window, ignore_border, strides, pad, mode) for mode in modes]
        a = (rand(*shape) * 3).round(1).astype(dtype)  # with ties
        gradients = [tgen.grad((y**2).sum(), x) for y in ys] if dtype != "int16" else []
        results = agree([x], ys + gradients, [a], modes=("FAST_RUN",))
        for mode, got in zip(modes, results):
            np.testing.assert_allclose(
                got,
                plain_pool(a, window, strides, pad, mode, ignore_border),
                rtol=1e-5 if dtype == "float32" else 1e-12,
                atol=1e-6,
            )


@pytest.mark.slow
@pytest.mark.parametrize("mode", pool.MODES)
def test_pool_gradients(mode):
    x = RNG.permutation(2 * 7 * 8).reshape(2, 7, 8) / 10.0
    for ignore_border, pad in ((True, (1, 0)), (False, (0, 0))):
        T.verify_grad(
            lambda a: pool.pool_2d(a, (3, 2), ignore_border, (2, 1), pad, mode),
            [x],
            rng=np.random.RandomState(2),
        )
        a, v = T.dtensor3(), rand(*x.shape)
        gradient = tgen.grad((pool.pool_2d(a, (3, 2), ignore_border, (2, 1), pad, mode) ** 3).sum(), a)
        second = tgen.function([a], tgen.grad((gradient * v).sum(), a))
        first = tgen.function([a], gradient)
        u, step = rand(*x.shape), 1e-6
        np.testing.assert_allclose(
            (second(x) * u).sum(),
            ((first(x + step * u) - first(x - step * u)) * v).sum() / (2 * step),
            rtol=1e-4,
        )


def test_ties_share_nothing_and_nan_wins():
    """As in Theano every element that equals the maximum gets the whole gradient; a NaN is the maximum of its
    window and gets none.
    """
    a = T.dmatrix()
    y = pool.pool_2d(a, (2, 2), True)
    f = tgen.function([a], [y, tgen.grad(y.sum(), a)])
    x = np.array([[1.0, 1, 0, np.nan], [0, 1, 5, -np.inf]])
    top, g = f(x)
    assert top[0, 0] == 1 and np.isnan(top[0, 1])
    np.testing.assert_array_equal(g, [[1, 1, 0, 0], [0, 1, 0, 0]])
    assert f(np.full((2, 2), -np.inf))[0] == -np.inf


def test_old_names():
    a, x = T.dtensor4(), rand(2, 1, 5, 5)
    with pytest.warns(UserWarning, match="ws"):
        y = pool.pool_2d(a, ds=(2, 2), ignore_border=True)
    with pytest.warns(UserWarning, match="ignore_border"):
        z = pool.pool_2d(a, (2, 2))
    old = downsample.max_pool_2d(a, (2, 2), ignore_border=False, st=(1, 1))
    got = tgen.function([a], [y, z, old])(x)
    for value, strides, border in zip(got, ((2, 2), (2, 2), (1, 1)), (True, False, False)):
        np.testing.assert_array_equal(value, plain_pool(x, (2, 2), strides, (0, 0), "max", border))


@pytest.mark.parametrize(
    "error, call",
    [
        (TypeError, lambda x: pool.pool_2d(x)),
        (TypeError, lambda x: pool.pool_2d(x[0, 0, 0], (2, 2), True)),
        (ValueError, lambda x: pool.pool_2d(x, (2, 2), True, mode="min")),
        (ValueError, lambda x: pool.pool_2d(x, (2, 2), False, pad=(1, 1))),
        (ValueError, lambda x: pool.pool_2d(x, (2, 2), True, pad=(2, 0))),
        (ValueError, lambda x: pool.pool_2d(x, (2, 0), True)),
        (ValueError, lambda x: pool.pool_2d(x, (2, 2, 2), True)),
        (ValueError, lambda x: pool.pool_2d(x, (2, 2), True, ds=(2, 2))),
    ],
)
def test_pool_refusals(error, call):
    with pytest.raises(error):
        call(T.dtensor4())


# -- what composes -------------------------------------------------------------------------------------------


def plain_windows(x, window, step, mode):
    rows = []
    for n, c in np.ndindex(*x.shape[:2]):
        plane = x[n, c]
        if mode == "wrap_centered":
            starts = [
                range(-((w - 1) // 2), s - (w - 1) // 2, t) for s, w, t in zip(plane.shape, window, step)
            ]
        else:
            pad = [{"half": w // 2, "full": w - 1}.get(mode, 0) for w in window]
            plane = np.pad(plane, [(p, p) for p in pad])
            starts = [range(0, s - w + 1, t) for s, w, t in zip(plane.shape, window, step)]
        for i, j in product(*starts):
            rows.append(
                plane[
                    np.ix_(*(np.arange(k, k + w) % s for k, w, s in zip((i, j), window, plane.shape)))
                ].ravel()
            )
    return np.array(rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode, window, step",
    [
        ("valid", (2, 3), None),
        ("valid", (3, 3), (1, 3)),
        ("ignore_borders", (2, 4), None),
        ("ignore_borders", (3, 3), (2, 1)),
        ("wrap_centered", (3, 3), (1, 1)),
        ("wrap_centered", (3, 5), (2, 3)),
        ("half", (3, 3), (1, 1)),
        ("full", (2, 2), (1, 2)),
    ],
)
def test_windows(mode, window, step):
    x = rand(2, 3, 6, 9)
    for a in (T.dtensor4(), T.tensor("float64", (None, None, 6, 9))):
        y = T.nnet.neighbours.images2neibs(a, window, step, mode)
        got, g = tgen.function([a], [y, tgen.grad((y**2).sum(), a)])(x)
        np.testing.assert_array_equal(got, plain_windows(x, window, step or window, mode))
        assert abs((g * x).sum() - 2 * (got**2).sum()) < 1e-9


@pytest.mark.slow
def test_windows_that_do_not_cover():
    a = T.dtensor4()
    with pytest.raises(ValueError):
        tgen.function([a], T.nnet.neighbours.images2neibs(a, (2, 2)))(rand(1, 1, 5, 4))
    x = rand(2, 1, 5, 4)
    back = T.nnet.neighbours.neibs2images(
        T.nnet.neighbours.images2neibs(a, (2, 2), mode="ignore_borders"), (2, 2), a.shape, "ignore_borders"
    )
    wanted = x.copy()
    wanted[:, :, 4:] = 0
    np.testing.assert_array_equal(tgen.function([a], back)(x), wanted)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [2, 3])
def test_bilinear_upsampling(ratio):
    """Both ways give the same; inside it is linear interpolation."""
    a, x = T.dtensor4(), rand(2, 2, 4, 5)
    one, two = tgen.function(
        [a],
        [
            abstract_conv.bilinear_upsampling(a, ratio),
            abstract_conv.bilinear_upsampling(a, ratio, use_1D_kernel=False),
        ],
    )(x)
    np.testing.assert_allclose(one, two)
    assert one.shape == (2, 2, 4 * ratio, 5 * ratio)
    ramp = np.arange(6.0).reshape(1, 1, 1, 6).repeat(3, 2)
    up = tgen.function([a], abstract_conv.bilinear_upsampling(a, ratio))(ramp)[0, 0, ratio]
    np.testing.assert_allclose(np.diff(up)[ratio:-ratio], 1 / ratio)


@pytest.mark.slow
@pytest.mark.parametrize("axes, shape", [("spatial", (3,)), ("per-activation", (3, 4, 5)), ((0, 1), (4, 5))])
def test_batch_normalization(axes, shape):
    x, gamma, beta, mean, var = rand(6, 3, 4, 5), rand(*shape), rand(*shape), rand(*shape), rand(*shape) ** 2
    over = {"spatial": (0, 2, 3), "per-activation": (0,)}.get(axes, axes)
    spread = np.array([1 if a in over else n for a, n in enumerate(x.shape)])
    a, ps = T.dtensor4(), [T.TensorType("float64", (None,) * len(shape))() for _ in range(4)]
    train = T.nnet.batch_normalization_train(a, *ps[:2], axes, 1e-3, 0.2, *ps[2:])
    test = T.nnet.batch_normalization_test(a, *ps, axes, 1e-3)
    out, m, inverse, new_mean, new_var, tested = tgen.function([a, *ps], [*train, test])(
        x, gamma, beta, mean, var
    )
    mu, sigma2, count = x.mean(over), x.var(over), x.size / np.prod(shape)

    def stand(v):
        return v.reshape(spread)

    np.testing.assert_allclose(
        out, stand(gamma) * (x - stand(mu)) / np.sqrt(stand(sigma2) + 1e-3) + stand(beta)
    )
    for got, wanted in (
        (m, mu),
        (inverse, 1 / np.sqrt(sigma2 + 1e-3)),
        (new_mean, 0.8 * mean + 0.2 * mu),
        (new_var, 0.8 * var + 0.2 * sigma2 * count / (count - 1)),
    ):
        np.testing.assert_allclose(got, wanted)
    np.testing.assert_allclose(
        tested, stand(gamma) * (x - stand(mean)) / np.sqrt(stand(var) + 1e-3) + stand(beta)
    )
    for wrong in ({"epsilon": 1e-7}, {"axes": "all"}):
        with pytest.raises(ValueError):
            T.nnet.batch_normalization_train(a, *ps[:2], **wrong)


def test_module_paths():
    from tgen.tensor.nnet import conv2d, logsoftmax, softmax
    from tgen.tensor.signal.pool import pool_2d

    assert conv2d is T.nnet.conv2d and pool_2d is T.signal.pool.pool_2d and softmax and logsoftmax


@pytest.mark.parametrize(
    "name", ["conv", "conv_input", "conv_weights", "pool", "unpool", "max_unpool", "max_pick"]
)
def test_primitives_refuse(name):
    op = OPS[name]
    with pytest.raises((TypeError, ValueError)):
        apply_op(
            op,
            [T.lmatrix()] * {"pool": 1, "unpool": 1, "max_unpool": 3, "max_pick": 3}.get(name, 2),
            dict(op.samples[0], **({"strides": (1,), "pad": (0,)} if "window" in op.samples[0] else {})),
        )


@pytest.mark.slow
def test_sizes_found_inside():
    """Images chosen by a mask: their number, and with it all workspace, is known only when
    something has run.
    """
    a, b, m = T.dtensor4(), T.dtensor4(), T.lvector()
    chosen = a[m.nonzero()[0]]
    y = pool.pool_2d(T.nnet.conv2d(chosen, b), (2, 2), True)
    f = tgen.function([a, b, m], [y, *tgen.grad((y**2).sum(), [a, b])])
    x, w = rand(5, 2, 6, 6), rand(3, 2, 3, 3)
    for mask in ([1, 0, 1, 1, 0], [0] * 5):
        got, gx, gw = f(x, w, np.array(mask))
        wanted = plain_pool(
            plain_conv(x[np.array(mask) == 1], w, "valid", (1, 1), (1, 1), 1, True),
            (2, 2),
            (2, 2),
            (0, 0),
            "max",
            True,
        )
        np.testing.assert_allclose(got, wanted)
        np.testing.assert_allclose([(gx * x).sum(), (gw * w).sum()], 2 * (wanted**2).sum())


@pytest.mark.slow
@pytest.mark.parametrize(
    "shapes", [((None, 4, None, None), (None,) * 4), ((None,) * 4, (None, 2, None, None))]
)
def test_groups_where_only_one_operand_says_how_many_channels(shapes):
    """4 = 2 * n is an equation that no axis is solved for: the call checks it."""
    x, w = (T.TensorType("float64", shape)(name) for shape, name in zip(shapes, "xw"))
    y = T.nnet.conv2d(x, w, num_groups=2)
    f = tgen.function([x, w], [y, *T.grad(y.sum(), [x, w])])
    images, filters = rand(2, 4, 5, 5), rand(6, 2, 3, 3)
    wanted = plain_conv(images, filters, "valid", (1, 1), (1, 1), 2, True)
    np.testing.assert_allclose(f(images, filters)[0], wanted, rtol=1e-10)
    with pytest.raises((TypeError, ValueError), match="size|mis-match"):
        f(images, rand(6, 3, 3, 3))


@pytest.mark.slow
def test_groups_of_channels_that_were_joined():
    a, b, w = T.tensor4("a"), T.tensor4("b"), T.tensor4("w")
    x = T.specify_shape(T.concatenate([a, b], axis=1), (2, 4, 5, 5))
    f = tgen.function([a, b, w], T.nnet.conv2d(x, T.concatenate([w, w], axis=1), num_groups=2))
    images, filters = rand(2, 4, 5, 5), rand(6, 1, 3, 3)
    wanted = plain_conv(images, np.concatenate([filters, filters], 1), "valid", (1, 1), (1, 1), 2, True)
    np.testing.assert_allclose(f(images[:, :1], images[:, 1:], filters), wanted, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["max", "sum", "average_exc_pad"])
def test_elements_that_no_window_meets_have_no_gradient(mode):
    """As many places times window as elements, and yet gaps: what padding takes is missing inside.

    Beside other values that are no longer needed, for the result's memory holds what was there before.
    """
    x = T.tensor4("x")
    y = pool.pool_2d(x, (2, 2), ignore_border=True, pad=(0, 1), stride=(2, 3), mode=mode)
    alone = T.grad(T.sqr(y).sum(), x)
    f = tgen.function([x], [alone, T.grad(T.sqr(y).sum() + T.sqr(T.sort(x.flatten())).sum(), x)])
    for _ in range(3):
        values = rand(1, 1, 4, 6)
        first, both = f(values)
        np.testing.assert_allclose(both, first + 2 * values, rtol=1e-12, atol=1e-12)
        assert (first[..., [1, 4]] == 0).sum() >= 4 and np.isfinite(first).all()
