"""softmax, logsoftmax and logsumexp: one op each in the graph and for the passes that look at loops and
products; ``expand`` then makes of them what they are in C.

    y = softmax x {axis=1}   ->   m = max x ; e = exp(x - m) ; y = e / sum e
"""

import numpy as np

from tgen.core.dtypes import is_float
from tgen.core.op import STRUCT, Op, register
from tgen.core.types import TensorType, accumulator, wide
from tgen.graph.adjoint import lanes
from tgen.graph.build import apply, call, keep, length, literal
from tgen.graph.describe import own_axis

from . import known
from .declare import batch_axes, batch_axis
from .reduce import kept_shape, lanes_of_a_reduction, reduce_infer

# -- softmax -------------------------------------------------------------------------------------------------


def axes_of(attrs):
    """The axes of a softmax: ``axis`` is one of them or, sorted, several that are normalised together."""
    axis = attrs["axis"]
    return axis if isinstance(axis, tuple) else (axis,)


def _softmax_infer(types, attrs, sizes):
    (t,) = types
    if not is_float(t.dtype):
        raise TypeError(f"softmax takes floats, not {t.dtype}")
    kept_shape(t, axes_of(attrs))
    return (TensorType(t.dtype, t.shape),)


def _shifted(x, axes):
    return x - np.max(x, axis=axes, keepdims=True, initial=-np.inf)


def _softmax(attrs, sizes, x):
    axes = axes_of(attrs)
    with np.errstate(all="ignore"):
        e = np.exp(_shifted(x, axes))
        return e / np.sum(e, axis=axes, keepdims=True)


def _logsoftmax(attrs, sizes, x):
    axes = axes_of(attrs)
    with np.errstate(all="ignore"):
        d = _shifted(x, axes)
        return d - np.log(np.sum(np.exp(d), axis=axes, keepdims=True))


def _total(v, axes):
    """The sum along ``axes``, in the dtype of v: a softmax's inner sums are short."""
    return keep(apply("sum", v, axes=tuple(axes)), v, axes)


def _softmax_grad(node, gs):
    g, z = gs[0], node.outputs[0]
    return [(g - _total(g * z, axes_of(node.attrs))) * z]


def _logsoftmax_grad(node, gs):
    g, z = gs[0], node.outputs[0]
    return [g - call.exp(z) * _total(g, axes_of(node.attrs))]


def _lanes_along(node, mask):
    return [lanes(mask, axes_of(node.attrs), always=True)]


# -- taken apart: a row kernel makes one loop nest of the parts


def _put_back(b, reduced, x, axes):
    """A reduction's result with its axes put back as static ones."""
    kept = iter(range(reduced.type.ndim))
    order = tuple("x" if k in axes else next(kept) for k in range(x.type.ndim))
    return b.emit("dimshuffle", (reduced,), {"order": order})


def _peak(b, x, axes):
    """max(x). Its type is said here: of no elements it is -inf, which only the user's own ``max`` refuses."""
    shape = tuple(s for k, s in enumerate(x.type.shape) if k not in axes)
    return b.emit("max", (x,), {"axes": axes}, type=x.type.with_shape(shape))


def _minus_peak(b, x, axes):
    return b.emit("sub", (x, _put_back(b, _peak(b, x, axes), x, axes)))


def _expand_softmax(b, instr, x):
    axes = axes_of(instr.attrs)
    e = b.emit("exp", (_minus_peak(b, x, axes),))
    return b.emit("true_div", (e, _put_back(b, b.emit("sum", (e,), {"axes": axes}), x, axes)))


def _expand_logsoftmax(b, instr, x):
    axes = axes_of(instr.attrs)
    shifted = _minus_peak(b, x, axes)
    total = b.emit("sum", (b.emit("exp", (shifted,)),), {"axes": axes})
    return b.emit("sub", (shifted, _put_back(b, b.emit("log", (total,)), x, axes)))


def _expand_logsumexp(b, instr, x):
    """The peak that is taken out is 0 where it is infinite: inf - inf would be nan."""
    axes = instr.attrs["axes"]
    peak = _peak(b, x, axes)
    zero = b.scalar(0.0, x.type)
    if peak.type.ndim:
        zero = b.emit("dimshuffle", (zero,), {"order": ("x",) * peak.type.ndim})
    peak = b.emit("switch", (b.emit("isinf", (peak,)), zero, peak))
    terms = b.emit("exp", (b.emit("sub", (x, _put_back(b, peak, x, axes))),))
    total = b.emit("sum", (terms,), {"axes": axes, **wide(x.type.dtype)})
    return b.emit("add", (b.emit("log", (total,)), peak))


_ALONG = ({"axis": 0}, {"axis": 1}, {"axis": (0, 1)})
register(
    Op(
        "softmax",
        STRUCT,
        _softmax_infer,
        _softmax,
        _softmax_grad,
        growth=known.probability,
        nonnegative=known.always,
        samples=_ALONG,
        expand=_expand_softmax,
        batch=batch_axis,
        mask=_lanes_along,
        behind=own_axis,
        doc="exp(x) / sum(exp(x)) along axis (one, or several together), without overflow; expand takes "
        "it apart",
    )
)
register(
    Op(
        "logsoftmax",
        STRUCT,
        _softmax_infer,
        _logsoftmax,
        _logsoftmax_grad,
        samples=_ALONG,
        expand=_expand_logsoftmax,
        batch=batch_axis,
        mask=_lanes_along,
        behind=own_axis,
        doc="log(softmax(x)) along axis, without overflow; expand takes it apart",
    )
)


# -- logsumexp -----------------------------------------------------------------------------------------------


def _logsumexp(attrs, sizes, x):
    """The peak that is taken out is 0 where it is infinite: inf - inf would be nan."""
    axes = attrs["axes"]
    with np.errstate(all="ignore"):
        peak = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
        peak = np.where(np.isinf(peak), x.dtype.type(0), peak)
        total = np.sum(np.exp(x - peak), axis=axes, dtype=accumulator(str(x.dtype))).astype(x.dtype)
        return np.asarray(np.log(total) + np.squeeze(peak, axes))


def _logsumexp_grad(node, gs):
    """g * softmax(x). Where all are -inf, each has the same share: the limit along x, x, .. x, as
    logaddexp has it.
    """
    x, axes = node.inputs[0], node.attrs["axes"]
    z = keep(node.outputs[0], x, axes)
    alike = apply("true_div", literal(1.0, x.dtype), apply("cast", _count(x, axes), dtype=x.dtype))
    own = apply("softmax", x, axis=axes) if len(axes) != 1 else apply("softmax", x, axis=axes[0])
    return [keep(gs[0], x, axes) * call.switch(call.eq(z, -np.inf), alike, own)]


def _count(x, axes):
    """How many elements are reduced, int64."""
    total = literal(1)
    for a in axes:
        total = apply("mul", total, length(x, a))
    return total


register(
    Op(
        "logsumexp",
        STRUCT,
        reduce_infer("logsumexp", is_float),
        _logsumexp,
        _logsumexp_grad,
        samples=({"axes": (0,)}, {"axes": (1,)}, {"axes": (0, 1)}),
        expand=_expand_logsumexp,
        batch=batch_axes,
        mask=lanes_of_a_reduction,
        doc="log(sum(exp(x))) over axes without overflow; -inf of nothing; expand takes it apart",
    )
)
