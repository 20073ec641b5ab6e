"""Convolutions of batches of images, their gradients as functions, and what composes of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.types import float_of
from tgen.graph import sizes
from tgen.graph.nodes import Variable

from ..apply import apply
from ..creation import arange
from ..join import concatenate
from ..manipulate import reshape, to_sizes
from ..promotion import cast, unify
from ..variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand

__all__ = [
    "conv2d",
    "conv3d",
    "conv2d_transpose",
    "conv2d_grad_wrt_inputs",
    "conv2d_grad_wrt_weights",
    "conv3d_grad_wrt_inputs",
    "conv3d_grad_wrt_weights",
    "separable_conv2d",
    "separable_conv3d",
    "causal_conv1d",
    "get_conv_output_shape",
    "bilinear_kernel_1D",
    "bilinear_kernel_2D",
    "bilinear_upsampling",
]


# -- arguments -----------------------------------------------------------------------------------------------


def _operands(name, count, *given):
    """Variables of rank count + 2 in one float dtype."""
    variables = [as_tensor_variable(v) for v in given]
    for v in variables:
        if v.type.ndim != count + 2:
            raise TypeError(f"{name} takes values of {count + 2} dimensions, got {v} of {v.type}; reshape it")
    variables, _ = unify(variables)
    return [
        v if v.type.dtype == float_of(v.type.dtype) else cast(v, float_of(v.type.dtype)) for v in variables
    ]


def _number(value):
    """A size of a shape argument: None, an int or an integer scalar variable."""
    return None if value is None else sizes.as_size(value, "each element of a shape")


def _declared(v, shape, what):
    """v, whose sizes are those of ``shape`` (None: unknown); a known one that differs is a ValueError, an
    unknown one is checked at run time.
    """
    if shape is None:
        return v
    shape = [_number(s) for s in shape]
    if len(shape) != v.type.ndim:
        raise ValueError(f"{what} {tuple(shape)} needs {v.type.ndim} elements, one for each dimension of {v}")
    for given, known in zip(shape, v.type.shape):
        if isinstance(given, int) and isinstance(known, int) and given != known:
            raise ValueError(f"{what} is {tuple(shape)}, but {v} is of {v.type}")
    return to_sizes(v, [s if isinstance(s, int) else h for s, h in zip(shape, sizes.lengths(v))])


def _each(values, count, what):
    """``count`` positive ints; one int stands for all of them."""
    values = (values,) * count if isinstance(values, (int, np.integer)) else tuple(values)
    numbers = tuple(sizes.as_size(v, what) for v in values)
    if len(numbers) != count or not all(isinstance(n, int) and n > 0 for n in numbers):
        raise ValueError(f"{what} must be {count} positive ints, got {values}")
    return numbers


def _paddings(border_mode, kernel, dilation):
    """Sizes put before and after each axis, as two lists."""
    count = len(kernel)
    if isinstance(border_mode, str):
        extent = [sizes.add(sizes.mul(sizes.sub(k, 1), d), 1) for k, d in zip(kernel, dilation)]
        rule = {
            "valid": lambda e: 0,
            "full": lambda e: sizes.sub(e, 1),
            "half": lambda e: sizes.div(e, 2),
        }.get(border_mode)
        if rule is None:
            raise ValueError(
                f"border_mode {border_mode!r}; it must be 'valid', 'full', 'half', an int, or a "
                f"tuple of {count} ints or pairs of ints"
            )
        pads = [rule(e) for e in extent]
        return pads, pads
    modes = (
        (border_mode,) * count if isinstance(border_mode, (int, np.integer, Variable)) else tuple(border_mode)
    )
    pairs = [tuple(m) if isinstance(m, (tuple, list)) else (m, m) for m in modes]
    numbers = [[sizes.as_size(n, "a padding") for n in pair] for pair in pairs]
    if len(pairs) != count or any(
        len(p) != 2 or any(isinstance(n, int) and n < 0 for n in p) for p in numbers
    ):
        raise ValueError(
            f"border_mode {border_mode}; it must be 'valid', 'full', 'half', an int >= 0, or a "
            f"tuple of {count} such ints or pairs of ints"
        )
    return [low for low, _ in numbers], [high for _, high in numbers]


def _dealt(v, axis, groups):
    """v, the size of whose ``axis`` is a multiple of ``groups``: checked when the function runs if it is not
    known.
    """
    size = sizes.length(v, axis)
    if groups == 1 or isinstance(size, int):
        return v
    wanted = sizes.lengths(v)
    wanted[axis] = sizes.mul(sizes.div(size, groups), groups)
    return reshape(v, wanted)


class _Settings:
    """Strides, dilation, groups and flip of one call, and the primitive's attrs."""

    def __init__(self, count, border_mode, subsample, filter_flip, filter_dilation, num_groups):
        self.count, self.border_mode = count, border_mode
        self.dilation = _each(filter_dilation, count, "filter_dilation")
        groups = _each(num_groups, 1, "num_groups")[0]
        self.attrs = {
            "strides": _each(subsample, count, "subsample"),
            "dilation": self.dilation,
            "groups": groups,
            "flip": bool(filter_flip),
        }

    def apply(self, name, x, y, kernel, *more):
        """The primitive on x and y, with paddings for filters of sizes ``kernel``."""
        low, high = _paddings(self.border_mode, kernel, self.dilation)
        return apply(name, x, y, *map(sizes.variable, (*low, *high, *more)), **self.attrs)


def _spatial(v):
    return sizes.lengths(v)[2:]


def _sizes_of(shape, count, what):
    """The last sizes of a shape argument, which must be given."""
    shape = shape if shape is not None else ()
    shape = (
        sizes.as_shape(shape, what)
        if isinstance(shape, (Variable, np.ndarray))
        else [_number(s) for s in shape]
    )
    if len(shape) < count or any(s is None for s in shape[-count:]):
        raise ValueError(f"{what} must give at least the last {count} sizes, got {tuple(shape)}")
    return shape[-count:]


# -- the functions -------------------------------------------------------------------------------------------


def _conv(name, count, x, w, x_shape, w_shape, settings):
    x, w = _operands(name, count, x, w)
    x, w = (
        _declared(x, x_shape, "input_shape"),
        _dealt(_declared(w, w_shape, "filter_shape"), 0, settings.attrs["groups"]),
    )
    return settings.apply("conv", x, w, _spatial(w))


def _wrt_inputs(name, count, g, w, x_shape, w_shape, settings):
    w, g = _operands(name, count, w, g)
    w = _dealt(_declared(w, w_shape, "filter_shape"), 0, settings.attrs["groups"])
    result = settings.apply("conv_input", w, g, _spatial(w), *_sizes_of(x_shape, count, "input_shape"))
    full = (
        None
        if isinstance(x_shape, Variable) or len(x_shape) != count + 2
        else (*x_shape[:2], *(None,) * count)
    )
    return _declared(result, full, "input_shape")


def _wrt_weights(name, count, x, g, w_shape, x_shape, settings):
    x, g = _operands(name, count, x, g)
    groups, kernel = settings.attrs["groups"], _sizes_of(w_shape, count, "filter_shape")
    x, g = _dealt(_declared(x, x_shape, "input_shape"), 1, groups), _dealt(g, 1, groups)
    result = settings.apply("conv_weights", x, g, kernel, *kernel)
    full = (
        None
        if isinstance(w_shape, Variable) or len(w_shape) != count + 2
        else (*w_shape[:2], *(None,) * count)
    )
    return _declared(result, full, "filter_shape")


def conv2d(
    input: Operand,
    filters: Operand,
    input_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    image_shape: Any = None,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
) -> Variable:
    """The convolution of images [batch, channels, rows, columns] with filters [filters, channels /
    num_groups, rows, columns].

    The result is [batch, filters, rows, columns] in the operands' common float dtype. ``border_mode`` says
    how images are padded with zeros: 'valid' not at all, 'full' by the filter's size less one, 'half' by half
    of it, an int, a tuple of an int (or of a pair: before, after) for rows and columns. ``subsample`` is the
    distance of the filter's places, ``filter_dilation`` that of its elements. filter_flip=False gives the
    cross-correlation. With ``num_groups`` the channels and the filters are dealt to groups that do not see
    each other. ``input_shape`` and ``filter_shape`` (ints or None) state sizes; they are checked.

    Products with padding count: an infinite element of a filter gives NaN where it meets padding. The
    gradient in the images is made of what really met a pixel, so nothing of the padding reaches it.

    TypeError for operands that do not have 4 dimensions; ValueError for arguments that make no sense, and for
    sizes that do not fit: here where they are known, else when the function runs.

    >>> import tgen.tensor as T
    >>> x, w = T.ftensor4("x"), T.ftensor4("w")
    >>> T.nnet.conv2d(x, w, input_shape=(None, 1, 28, 28), filter_shape=(20, 1, 5, 5)).type
    TensorType(float32, shape=(?, 20, 24, 24))
    """
    if image_shape is not None:
        warnings.warn("The keyword image_shape of conv2d is old; use input_shape", stacklevel=2)
        input_shape = input_shape if input_shape is not None else image_shape
    return _conv(
        "conv2d",
        2,
        input,
        filters,
        input_shape,
        filter_shape,
        _Settings(2, border_mode, subsample, filter_flip, filter_dilation, num_groups),
    )


def conv3d(
    input: Operand,
    filters: Operand,
    input_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
    num_groups: int = 1,
) -> Variable:
    """``conv2d`` over three axes: volumes [batch, channels, depth, rows, columns], filters [filters, channels
    / num_groups, depth, rows, columns].

    >>> import tgen.tensor as T
    >>> T.nnet.conv3d(T.tensor5(), T.tensor5(), border_mode="half").ndim
    5
    """
    return _conv(
        "conv3d",
        3,
        input,
        filters,
        input_shape,
        filter_shape,
        _Settings(3, border_mode, subsample, filter_flip, filter_dilation, num_groups),
    )


def conv2d_grad_wrt_inputs(
    output_grad: Operand,
    filters: Operand,
    input_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
) -> Variable:
    """The gradient of ``conv2d`` in its images: what a transposed convolution is.

    ``output_grad`` is [batch, filters, rows, columns]; ``input_shape`` the shape of the images, of which the
    last two sizes are needed (the others may be None). The other arguments are those of the convolution.
    ValueError if the sizes do not fit.

    >>> import tgen.tensor as T
    >>> g, w, size = T.ftensor4(), T.ftensor4(), (None, None, 28, 28)
    >>> T.nnet.conv2d_grad_wrt_inputs(g, w, size, border_mode="half").type.shape[2:]
    (28, 28)
    """
    return _wrt_inputs(
        "conv2d_grad_wrt_inputs",
        2,
        output_grad,
        filters,
        input_shape,
        filter_shape,
        _Settings(2, border_mode, subsample, filter_flip, filter_dilation, num_groups),
    )


def conv3d_grad_wrt_inputs(
    output_grad: Operand,
    filters: Operand,
    input_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
    num_groups: int = 1,
) -> Variable:
    """``conv2d_grad_wrt_inputs`` over three axes."""
    return _wrt_inputs(
        "conv3d_grad_wrt_inputs",
        3,
        output_grad,
        filters,
        input_shape,
        filter_shape,
        _Settings(3, border_mode, subsample, filter_flip, filter_dilation, num_groups),
    )


def conv2d_grad_wrt_weights(
    input: Operand,
    output_grad: Operand,
    filter_shape: Any,
    input_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
) -> Variable:
    """The gradient of ``conv2d`` in its filters; of ``filter_shape`` the last two sizes are needed.

    >>> import tgen.tensor as T
    >>> T.nnet.conv2d_grad_wrt_weights(T.ftensor4(), T.ftensor4(), (None, None, 5, 5)).type.shape[2:]
    (5, 5)
    """
    return _wrt_weights(
        "conv2d_grad_wrt_weights",
        2,
        input,
        output_grad,
        filter_shape,
        input_shape,
        _Settings(2, border_mode, subsample, filter_flip, filter_dilation, num_groups),
    )


def conv3d_grad_wrt_weights(
    input: Operand,
    output_grad: Operand,
    filter_shape: Any,
    input_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
    num_groups: int = 1,
) -> Variable:
    """``conv2d_grad_wrt_weights`` over three axes."""
    return _wrt_weights(
        "conv3d_grad_wrt_weights",
        3,
        input,
        output_grad,
        filter_shape,
        input_shape,
        _Settings(3, border_mode, subsample, filter_flip, filter_dilation, num_groups),
    )


def conv2d_transpose(
    input: Operand,
    filters: Operand,
    output_shape: Any,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    input_dilation: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
) -> Variable:
    """A transposed convolution: images grow, by ``input_dilation`` where a convolution would subsample. See
    ``conv2d_grad_wrt_inputs``.

    >>> import tgen.tensor as T
    >>> x, w, size = T.ftensor4(), T.ftensor4(), (None, None, 28, 28)
    >>> T.nnet.conv2d_transpose(x, w, size, input_dilation=(2, 2)).type.shape[2:]
    (28, 28)
    """
    return conv2d_grad_wrt_inputs(
        input,
        filters,
        output_shape,
        filter_shape,
        border_mode,
        input_dilation,
        filter_flip,
        filter_dilation,
        num_groups,
    )


def separable_conv2d(
    input: Operand,
    depthwise_filters: Operand,
    pointwise_filters: Operand,
    num_channels: int,
    input_shape: Any = None,
    depthwise_filter_shape: Any = None,
    pointwise_filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
) -> Variable:
    """``conv2d`` of each of the num_channels channels by itself, then one with filters of size 1 x 1 that
    mixes them.

    >>> import tgen.tensor as T
    >>> T.nnet.separable_conv2d(T.tensor4(), T.tensor4(), T.tensor4(), 3).ndim
    4
    """
    own = conv2d(
        input,
        depthwise_filters,
        input_shape,
        depthwise_filter_shape,
        border_mode,
        subsample,
        filter_flip,
        filter_dilation=filter_dilation,
        num_groups=num_channels,
    )
    return conv2d(own, pointwise_filters, None, pointwise_filter_shape, filter_flip=filter_flip)


def separable_conv3d(
    input: Operand,
    depthwise_filters: Operand,
    pointwise_filters: Operand,
    num_channels: int,
    input_shape: Any = None,
    depthwise_filter_shape: Any = None,
    pointwise_filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
) -> Variable:
    """``separable_conv2d`` over three axes."""
    own = conv3d(
        input,
        depthwise_filters,
        input_shape,
        depthwise_filter_shape,
        border_mode,
        subsample,
        filter_flip,
        filter_dilation=filter_dilation,
        num_groups=num_channels,
    )
    return conv3d(own, pointwise_filters, None, pointwise_filter_shape, filter_flip=filter_flip)


def causal_conv1d(
    input: Operand,
    filters: Operand,
    filter_shape: Any = None,
    input_shape: Any = None,
    subsample: int = 1,
    filter_flip: bool = True,
    filter_dilation: int = 1,
    num_groups: int = 1,
) -> Variable:
    """The convolution of sequences [batch, channels, times] with filters [filters, channels / num_groups,
    times], none of which sees ahead.

    Sequences are padded with zeros before their start, so the result has their length (divided by
    ``subsample``, rounded up). The shapes (ints or None) state sizes. TypeError for operands that do not have
    3 dimensions.

    >>> import numpy as np
    >>> causal_conv1d(np.array([[[1., 2, 3]]]), np.array([[[10., 1]]])).eval()
    array([[[10., 21., 32.]]])
    """
    x, w = as_tensor_variable(input), as_tensor_variable(filters)
    for v in (x, w):
        if v.type.ndim != 3:
            raise TypeError(f"causal_conv1d takes values of 3 dimensions, got {v} of {v.type}")
    (dilation,) = _each(filter_dilation, 1, "filter_dilation")
    length = _number(filter_shape[2]) if filter_shape is not None else None
    before = sizes.mul(sizes.sub(sizes.length(w, 2) if length is None else length, 1), dilation)
    shapes = [None if s is None else (*s, 1) for s in (input_shape, filter_shape)]
    z = conv2d(
        x.dimshuffle(0, 1, 2, "x"),
        w.dimshuffle(0, 1, 2, "x"),
        *shapes,
        ((before, 0), 0),
        (*_each(subsample, 1, "subsample"), 1),
        filter_flip,
        None,
        (dilation, 1),
        num_groups,
    )
    return z[:, :, :, 0]


def get_conv_output_shape(
    image_shape: Any,
    kernel_shape: Any,
    border_mode: Any,
    subsample: Sequence[int],
    filter_dilation: Sequence[int] | None = None,
) -> tuple[Any, ...]:
    """The shape of a convolution's result, from ints or None: images [batch, channels, *sizes], filters
    [filters, channels, *sizes].

    >>> get_conv_output_shape((None, 1, 28, 28), (20, 1, 5, 5), "valid", (1, 1))
    (None, 20, 24, 24)
    """
    count = len(image_shape) - 2
    dilation = _each(filter_dilation or (1,) * count, count, "filter_dilation")
    known = [k if k is not None else 1 for k in kernel_shape[2:]]
    low, high = _paddings(border_mode, known, dilation)
    places = [
        None if s is None or k is None else (s + a + b - (k - 1) * d - 1) // t + 1
        for s, k, a, b, d, t in zip(
            image_shape[2:], kernel_shape[2:], low, high, dilation, _each(subsample, count, "subsample")
        )
    ]
    return (image_shape[0], kernel_shape[0], *places)


# -- bilinear upsampling -------------------------------------------------------------------------------------


def bilinear_kernel_1D(ratio: int, normalize: bool = True) -> Variable:
    """1, 2 .. ratio .. 2, 1 in config.floatX, divided by ratio if ``normalize``.

    >>> bilinear_kernel_1D(2).eval().tolist()
    [0.5, 1.0, 0.5]
    """
    up = cast(arange(1, ratio + 1), "floatX")
    kernel = concatenate([up, up[-2::-1]])
    return kernel / cast(ratio, "floatX") if normalize else kernel


def bilinear_kernel_2D(ratio: int, normalize: bool = True) -> Variable:
    """The outer product of two ``bilinear_kernel_1D``."""
    kernel = bilinear_kernel_1D(ratio, normalize)
    return kernel.dimshuffle(0, "x") * kernel.dimshuffle("x", 0)


def bilinear_upsampling(
    input: Operand,
    ratio: Any,
    batch_size: Any = None,
    num_input_channels: int | None = None,
    use_1D_kernel: bool = True,
) -> Variable:
    """Images [batch, channels, rows, columns] made ``ratio`` (an int) times as high and wide, linearly
    between their pixels.

    The border is repeated outwards. TypeError if input has not 4 dimensions. batch_size and
    num_input_channels state sizes.

    >>> import numpy as np, tgen
    >>> x = tgen.shared(np.array([[[[0., 2.]]]]))
    >>> tgen.tensor.nnet.abstract_conv.bilinear_upsampling(x, 2).eval()[0, 0]
    array([[0., 1., 2., 2.],
           [0., 1., 2., 2.]])
    """
    (x,) = _operands("bilinear_upsampling", 2, input)
    (ratio,) = _each(ratio, 1, "ratio")
    x = _declared(x, (batch_size, num_input_channels, None, None), "the shape of the input")
    batch, channels, rows, columns = sizes.lengths(x)
    planes = reshape(x, [sizes.mul(batch, channels), 1, rows, columns])
    planes = concatenate([planes[:, :, :1], planes, planes[:, :, -1:]], axis=2)
    planes = concatenate([planes[:, :, :, :1], planes, planes[:, :, :, -1:]], axis=3)
    high, wide, pad = sizes.mul(rows, ratio), sizes.mul(columns, ratio), 2 * ratio - (ratio - 1) // 2 - 1
    kernel = cast(bilinear_kernel_1D(ratio), x.type.dtype)
    if use_1D_kernel:
        planes = conv2d_grad_wrt_inputs(
            planes,
            kernel.dimshuffle("x", "x", 0, "x"),
            (None, 1, high, sizes.add(columns, 2)),
            border_mode=(pad, 0),
            subsample=(ratio, 1),
        )
        planes = conv2d_grad_wrt_inputs(
            planes,
            kernel.dimshuffle("x", "x", "x", 0),
            (None, 1, high, wide),
            border_mode=(0, pad),
            subsample=(1, ratio),
        )
    else:
        square = cast(bilinear_kernel_2D(ratio), x.type.dtype).dimshuffle("x", "x", 0, 1)
        planes = conv2d_grad_wrt_inputs(
            planes, square, (None, 1, high, wide), border_mode=(pad, pad), subsample=(ratio, ratio)
        )
    return reshape(planes, [batch, channels, high, wide])
