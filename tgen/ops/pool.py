"""Pooling over trailing spatial axes. Attrs: ``window``, ``strides``, ``pad`` (one int per axis, both ends),
``mode``, ``ignore_border``.

``pool`` with mode 'sum' or an average is linear, and ``unpool`` is its adjoint. The maximum's is
``max_unpool``: g goes to every element of the window that equals the maximum (all of them, as in Theano);
``max_pick`` is the adjoint of that. Padding never wins a maximum and adds nothing to a sum; 'average_inc_pad'
counts it, 'average_exc_pad' does not. Without ignore_border windows that stick out count too, cut off at the
border.
"""

import numpy as np

from tgen.core import dims
from tgen.core.op import LIBRARY, Op, register
from tgen.core.types import TensorType
from tgen.graph.build import apply, lengths, real

from .conv import SPATIAL, taps

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def pooled_size(size, window, stride, pad, ignore_border, of=dims):
    """How many windows there are on one axis; ``of`` has the arithmetic of sizes."""
    whole = of.add(size, 2 * pad)
    if ignore_border:
        count = of.div(of.add(whole, stride - window), stride)
        return of.maximum(count, 0) if window > stride else count
    if stride >= window:
        return of.div(of.add(whole, stride - 1), stride)
    return of.add(of.maximum(of.div(of.add(whole, stride - 1 - window), stride), 0), 1)


def _outs(size, attrs):
    return tuple(
        pooled_size(s, w, t, p, attrs["ignore_border"])
        for s, w, t, p in zip(size, attrs["window"], attrs["strides"], attrs["pad"])
    )


def _check(t, attrs):
    count = len(attrs["window"])
    if count not in SPATIAL or t.ndim < count or t.dtype == "bool":
        raise TypeError(f"a pool over {count} axes takes numbers of at least that rank, not {t}")
    if attrs["mode"] not in MODES:
        raise ValueError(f"mode {attrs['mode']!r}; it must be one of {', '.join(MODES)}")
    for w, s, p in zip(attrs["window"], attrs["strides"], attrs["pad"], strict=True):
        if w < 1 or s < 1 or not 0 <= p < w:
            raise ValueError(
                f"window {attrs['window']} and strides {attrs['strides']} must be positive, pad "
                f"{attrs['pad']} less than the window"
            )


def _pool_infer(types, attrs, sizes):
    (t,) = types
    _check(t, attrs)
    count = len(attrs["window"])
    return (TensorType(t.dtype, t.shape[:-count] + _outs(t.shape[-count:], attrs)),)


def _unpool_places(types, attrs, sizes):
    return zip(types[0].shape[-len(sizes) :], _outs(sizes, attrs))


def _pick_places(types, attrs, sizes):
    return zip(types[2].shape, _pool_infer([types[1]], attrs, ())[0].shape)


def _unpool_infer(types, attrs, sizes):
    (g,) = types
    _check(g, attrs)
    dims.agree(_unpool_places(types, attrs, sizes))
    return (TensorType(g.dtype, g.shape[: -len(sizes)] + tuple(sizes)),)


def _at_max_infer(of_image):
    def infer(types, attrs, sizes):
        v, x, z = types
        _check(x, attrs)
        if {t.dtype for t in types} != {x.dtype} or {t.ndim for t in types} != {x.ndim}:
            raise TypeError(f"operands need one dtype and rank, not {v}, {x} and {z}")
        dims.agree(_pick_places(types, attrs, sizes))
        for a, b in zip(v.shape, x.shape if of_image else z.shape):
            dims.merge(a, b)
        return (TensorType(x.dtype, z.shape if of_image else x.shape),)

    return infer


# -- meanings ------------------------------------------------------------------------------------------------


def _walk(attrs, out, size):
    return taps(out, size, attrs["window"], attrs["strides"], (1,) * len(out), attrs["pad"], False)


def _counts(attrs, out, size):
    """How many elements a window's average is over."""
    total = np.ones(out)
    for axis, (o, n, w, s, p) in enumerate(zip(out, size, attrs["window"], attrs["strides"], attrs["pad"])):
        start = np.arange(o) * s - p
        end = np.minimum(start + w, n + p)
        count = (
            end - start if attrs["mode"] == "average_inc_pad" else np.minimum(end, n) - np.maximum(start, 0)
        )
        total *= np.maximum(count, 1).reshape([-1] + [1] * (len(out) - 1 - axis))
    return total


def _pool(attrs, sizes, x):
    count = len(attrs["window"])
    size = x.shape[-count:]
    out = _outs(size, attrs)
    is_max = attrs["mode"] == "max"
    lowest = (-np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min) if is_max else 0
    y = np.full(x.shape[:-count] + out, lowest, x.dtype)
    with np.errstate(all="ignore"):
        for _, there, here in _walk(attrs, out, size):
            y[there] = np.maximum(y[there], x[here]) if is_max else y[there] + x[here]
        return (y / _counts(attrs, out, size)).astype(x.dtype) if attrs["mode"].startswith("average") else y


def _unpool(attrs, sizes, g):
    out = g.shape[-len(sizes) :]
    x = np.zeros(g.shape[: -len(sizes)] + tuple(sizes), g.dtype)
    share = (g / _counts(attrs, out, sizes)).astype(g.dtype) if attrs["mode"].startswith("average") else g
    for _, there, here in _walk(attrs, out, sizes):
        _give(attrs, x, here, share[there])
    return x


def _give(attrs, x, here, values):
    """Windows that share no element set what others add to: -0.0 stays what it is."""
    apart = all(window <= stride for window, stride in zip(attrs["window"], attrs["strides"]))
    x[here] = values if apart else x[here] + values


def _max_unpool(attrs, sizes, g, x, z):
    count = len(attrs["window"])
    result = np.zeros_like(x)
    for _, there, here in _walk(attrs, z.shape[-count:], x.shape[-count:]):
        _give(attrs, result, here, np.where(x[here] == z[there], g[there], 0).astype(x.dtype))
    return result


def _max_pick(attrs, sizes, v, x, z):
    count = len(attrs["window"])
    result = np.zeros_like(z)
    for _, there, here in _walk(attrs, z.shape[-count:], x.shape[-count:]):
        result[there] += np.where(x[here] == z[there], v[here], 0).astype(z.dtype)
    return result


# -- gradients -----------------------------------------------------------------------------------------------


def _pool_grad(node, gs):
    (x,) = node.inputs
    if node.attrs["mode"] == "max":
        return [apply("max_unpool", gs[0], real(x), real(node.outputs[0]), **node.attrs)]
    return [apply("unpool", gs[0], *lengths(x)[-len(node.attrs["window"]) :], **node.attrs)]


def _unpool_grad(node, gs):
    return [apply("pool", gs[0], **node.attrs)]


_MAX = {"window": (2, 2), "strides": (2, 2), "pad": (0, 0), "mode": "max", "ignore_border": True}
_AVERAGE = {
    "window": (3, 2),
    "strides": (2, 1),
    "pad": (1, 0),
    "mode": "average_exc_pad",
    "ignore_border": True,
}
register(
    Op(
        "pool",
        LIBRARY,
        _pool_infer,
        _pool,
        _pool_grad,
        mask="added",
        samples=(_MAX, _AVERAGE),
        doc="maximum, sum or average of the windows over the last axes",
    )
)
register(
    Op(
        "unpool",
        LIBRARY,
        _unpool_infer,
        _unpool,
        _unpool_grad,
        mask="added",
        sizes=lambda attrs: len(attrs["window"]),
        samples=(_AVERAGE,),
        equal=_unpool_places,
        doc="g spread over the windows it is the sum or average of; adjoint of pool",
    )
)
register(
    Op(
        "max_unpool",
        LIBRARY,
        _at_max_infer(False),
        _max_unpool,
        lambda node, gs: [apply("max_pick", gs[0], *node.inputs[1:], **node.attrs)],
        mask="added",
        samples=(_MAX,),
        flows=1,
        equal=_pick_places,
        doc="g added where its window of x equals the maximum z; the gradient of a max pool",
    )
)
register(
    Op(
        "max_pick",
        LIBRARY,
        _at_max_infer(True),
        _max_pick,
        lambda node, gs: [apply("max_unpool", gs[0], *node.inputs[1:], **node.attrs)],
        mask="added",
        samples=(_MAX,),
        flows=1,
        equal=_pick_places,
        doc="for each window the sum of v where x equals the maximum z; adjoint of max_unpool",
    )
)
