"""Convolution over trailing spatial axes, as three ops adjoint to each other.

x is [images, channels, *size], w [filters, channels/groups, *kernel], g (and the result of ``conv``) [images,
filters, *out]:

    <conv(x, w), g>  =  <x, conv_input(w, g)>  =  <w, conv_weights(x, g)>

so the gradient of each is made of the other two. Attrs: ``strides`` and ``dilation``, one int per spatial
axis, ``groups``, and ``flip``, whether the filter runs backwards over the image (a convolution) or not (a
correlation). Paddings are trailing sizes, all those before the axes first, for they may depend on the size of
the filter ('full', 'half').

The image is padded with zeros, and each product with one of them counts: where an infinite element of a
filter meets padding, ``conv`` gives NaN, and so does ``conv_weights`` where an infinite element of g does. It
is what the C does by itself, for the columns that it multiplies hold the zeros. ``conv_input`` has no image
to pad: what g and w put on the padding is dropped, and no zeros stand between the places of a stride, so an
element of x is the sum of what really met it and of nothing else.
"""

import numpy as np

from tgen.core import dims
from tgen.core.dtypes import is_float
from tgen.core.op import LIBRARY, Op, register
from tgen.core.types import TensorType
from tgen.graph.adjoint import Lanes, lanes
from tgen.graph.build import apply, lengths

SPATIAL = (1, 2, 3)  # how many trailing axes the C can run over


# -- sizes ---------------------------------------------------------------------------------------------------


def out_size(size, kernel, stride, dilation, before, after):
    """How many places a kernel has on one padded axis; less than 0, which is refused when memory is taken, if
    it is far too large.
    """
    extent = dims.add(dims.mul(dims.sub(kernel, 1), dilation), 1)
    room = dims.sub(dims.add(dims.add(size, before), after), extent)
    return dims.div(dims.add(room, stride), stride)


def _outs(size, kernel, attrs, pads):
    count = len(attrs["strides"])
    outs = tuple(
        map(
            out_size, size, kernel, attrs["strides"], attrs["dilation"], pads[:count], pads[count : 2 * count]
        )
    )
    for out, s, k in zip(outs, size, kernel):
        if isinstance(out, int) and out < 0:
            raise ValueError(f"a kernel of size {k} does not fit on an axis of size {s}, padding counted")
    return outs


def _check(name, types, attrs):
    x, y = types
    count = len(attrs["strides"])
    if x.dtype != y.dtype or not is_float(x.dtype):
        raise TypeError(f"{name} takes two float operands of one dtype, not {x.dtype} and {y.dtype}")
    if count not in SPATIAL or x.ndim != count + 2 or y.ndim != count + 2:
        raise TypeError(
            f"{name} over {count} axes takes two values of rank {count + 2}, not {x.ndim} and {y.ndim}"
        )
    if len(attrs["dilation"]) != count or min(attrs["strides"] + attrs["dilation"] + (attrs["groups"],)) < 1:
        raise ValueError(
            f"{name} needs a positive stride and dilation for each axis, and a positive number "
            f"of groups; got {attrs}"
        )


def _grouped(filters, groups):
    if isinstance(filters, int) and filters % groups:
        raise ValueError(f"{filters} filters cannot be dealt to {groups} groups")


def _conv_places(types, attrs, sizes):
    x, w = types
    return [(x.shape[1], dims.mul(w.shape[1], attrs["groups"]))]


def _conv_infer(types, attrs, sizes):
    x, w = types
    _check("conv", types, attrs)
    _grouped(w.shape[0], attrs["groups"])
    dims.agree(_conv_places(types, attrs, sizes))
    return (TensorType(x.dtype, (x.shape[0], w.shape[0], *_outs(x.shape[2:], w.shape[2:], attrs, sizes))),)


def _input_places(types, attrs, sizes):
    w, g = types
    return zip(g.shape[2:], _outs(sizes[2 * len(attrs["strides"]) :], w.shape[2:], attrs, sizes))


def _weights_places(types, attrs, sizes):
    x, g = types
    return zip(g.shape[2:], _outs(x.shape[2:], sizes[2 * len(attrs["strides"]) :], attrs, sizes))


def _conv_input_infer(types, attrs, sizes):
    w, g = types
    _check("conv_input", types, attrs)
    _grouped(w.shape[0], attrs["groups"])
    size = tuple(sizes[2 * len(attrs["strides"]) :])
    dims.merge(g.shape[1], w.shape[0])
    dims.agree(_input_places(types, attrs, sizes))
    return (TensorType(w.dtype, (g.shape[0], dims.mul(w.shape[1], attrs["groups"]), *size)),)


def _conv_weights_infer(types, attrs, sizes):
    x, g = types
    _check("conv_weights", types, attrs)
    _grouped(g.shape[1], attrs["groups"])
    if isinstance(x.shape[1], int) and x.shape[1] % attrs["groups"]:
        raise ValueError(f"{x.shape[1]} channels cannot be dealt to {attrs['groups']} groups")
    kernel = tuple(sizes[2 * len(attrs["strides"]) :])
    dims.merge(x.shape[0], g.shape[0])
    dims.agree(_weights_places(types, attrs, sizes))
    return (TensorType(x.dtype, (g.shape[1], dims.div(x.shape[1], attrs["groups"]), *kernel)),)


# -- meanings ------------------------------------------------------------------------------------------------


def span(out, size, stride, offset):
    """(low, high): the places p < out whose element stride * p + offset lies on an axis of ``size``."""
    low = max(0, -(offset // stride))
    return low, max(low, min(out, -((offset - size) // stride)))


def taps(out, size, kernel, stride, dilation, pad, flip):
    """(kernel index, slices of the result, slices of the image that meet there) for each element of the
    kernel that meets any.
    """
    for index in np.ndindex(*kernel):
        there, here = [], []
        for o, n, k, s, d, p, i in zip(out, size, kernel, stride, dilation, pad, index):
            offset = d * (k - 1 - i if flip else i) - p
            low, high = span(o, n, s, offset)
            there.append(slice(low, high))
            here.append(
                slice(low * s + offset, low * s + offset + (high - low - 1) * s + 1, s)
                if high > low
                else slice(0, 0)
            )
        if all(t.stop > t.start for t in there):
            yield index, (..., *there), (..., *here)


def _walk(attrs, sizes, out, size, kernel):
    if min(out, default=0) < 0:
        raise ValueError(f"a kernel of sizes {kernel} does not fit on an image of sizes {size}")
    return taps(out, size, kernel, attrs["strides"], attrs["dilation"], sizes[: len(out)], attrs["flip"])


def _met(attrs, sizes, x, out, kernel):
    """(kernel index, what of the padded image it meets at each place) for each element of the kernel."""
    size = x.shape[-len(out) :]
    inside = {index: (there, here) for index, there, here in _walk(attrs, sizes, out, size, kernel)}
    for index in np.ndindex(*kernel):
        met = np.zeros((*x.shape[: -len(out)], *out), x.dtype)
        if index in inside:
            there, here = inside[index]
            met[there] = x[here]
        yield index, met


def _split(a, axis, groups):
    return a.reshape(*a.shape[:axis], groups, a.shape[axis] // groups, *a.shape[axis + 1 :])


@np.errstate(all="ignore")
def _conv(attrs, sizes, x, w):
    groups, out = attrs["groups"], _outs(x.shape[2:], w.shape[2:], attrs, sizes)
    xs, ws = _split(x, 1, groups), _split(w, 0, groups)
    y = np.zeros((x.shape[0], groups, w.shape[0] // groups, *out), x.dtype)
    for index, met in _met(attrs, sizes, xs, out, w.shape[2:]):
        y += np.einsum("ngc...,gfc->ngf...", met, ws[(..., *index)])
    return y.reshape(x.shape[0], w.shape[0], *out)


@np.errstate(all="ignore")
def _conv_input(attrs, sizes, w, g):
    groups, size = attrs["groups"], tuple(sizes[2 * len(attrs["strides"]) :])
    gs, ws = _split(g, 1, groups), _split(w, 0, groups)
    x = np.zeros((g.shape[0], groups, w.shape[1], *size), w.dtype)
    for index, there, here in _walk(attrs, sizes, g.shape[2:], size, w.shape[2:]):
        x[here] += np.einsum("ngf...,gfc->ngc...", gs[there], ws[(..., *index)])
    return x.reshape(g.shape[0], groups * w.shape[1], *size)


def _conv_weights(attrs, sizes, x, g):
    groups, kernel = attrs["groups"], tuple(sizes[2 * len(attrs["strides"]) :])
    xs, gs = _split(x, 1, groups), _split(g, 1, groups)
    w = np.zeros((groups, g.shape[1] // groups, x.shape[1] // groups, *kernel), x.dtype)
    for index, met in _met(attrs, sizes, xs, g.shape[2:], kernel):
        w[(..., *index)] = _contract(gs, met)
    return w.reshape(g.shape[1], x.shape[1] // groups, *kernel)


def _contract(g, x):
    """Sum over images and places of g[n, group, filter, ...] * x[n, group, channel, ...]."""
    axes = "xyz"[: g.ndim - 3]
    return np.einsum(f"ngf{axes},ngc{axes}->gfc", g, x)


# -- gradients -----------------------------------------------------------------------------------------------


def _pads(node):
    return node.inputs[2 : 2 + 2 * len(node.attrs["strides"])]


def _spatial(v):
    return lengths(v)[2:]


def _conv_grad(node, gs):
    (x, w), g, pads = node.inputs[:2], gs[0], _pads(node)
    return [
        lambda: apply("conv_input", w, g, *pads, *_spatial(x), **node.attrs),
        lambda: apply("conv_weights", x, g, *pads, *_spatial(w), **node.attrs),
    ]


def _conv_input_grad(node, gs):
    (w, g), h, pads = node.inputs[:2], gs[0], _pads(node)
    return [
        lambda: apply("conv_weights", h, g, *pads, *_spatial(w), **node.attrs),
        lambda: apply("conv", h, w, *pads, **node.attrs),
    ]


def _conv_weights_grad(node, gs):
    (x, g), h, pads = node.inputs[:2], gs[0], _pads(node)
    return [
        lambda: apply("conv_input", h, g, *pads, *_spatial(x), **node.attrs),
        lambda: apply("conv", x, h, *pads, **node.attrs),
    ]


def _images(mask):
    """The Lanes of images of which no element is in the mask of a result."""
    return lanes(mask, tuple(range(1, mask.ndim)))


def _filters(mask, axis, to):
    """The Lanes of filters, from ``axis`` of a mask to the axis ``to`` of the operand."""
    part = lanes(mask, tuple(a for a in range(mask.ndim) if a != axis))
    order = [axis if a == to else "x" for a in range(mask.ndim)]
    return Lanes(apply("dimshuffle", part.mask, order=tuple(order)), part.whole)


def _all(mask):
    return lanes(mask, tuple(range(mask.ndim)))


_SAMPLES = (
    {"strides": (1, 1), "dilation": (1, 1), "groups": 1, "flip": True},
    {"strides": (2, 1), "dilation": (1, 2), "groups": 2, "flip": False},
)
register(
    Op(
        "conv",
        LIBRARY,
        _conv_infer,
        _conv,
        _conv_grad,
        mask=lambda node, mask: [_images(mask), _filters(mask, 1, 0)],
        sizes=lambda attrs: 2 * len(attrs["strides"]),
        samples=_SAMPLES,
        equal=_conv_places,
        doc="filters w run over images x padded with zeros: at each place the sum of their products",
    )
)
register(
    Op(
        "conv_input",
        LIBRARY,
        _conv_input_infer,
        _conv_input,
        _conv_input_grad,
        mask=lambda node, mask: [_all(mask), _images(mask)],
        sizes=lambda attrs: 3 * len(attrs["strides"]),
        samples=_SAMPLES,
        equal=_input_places,
        doc="the transposed convolution: g spread over images by filters w, less what falls on padding; "
        "adjoint of conv in x",
    )
)
register(
    Op(
        "conv_weights",
        LIBRARY,
        _conv_weights_infer,
        _conv_weights,
        _conv_weights_grad,
        mask=lambda node, mask: [_all(mask), _filters(mask, 0, 1)],
        sizes=lambda attrs: 3 * len(attrs["strides"]),
        samples=_SAMPLES,
        equal=_weights_places,
        doc="for each element of the filters, the sum of g times what it meets of images x padded with "
        "zeros; adjoint of conv in w",
    )
)
