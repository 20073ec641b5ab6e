"""Order along one ``axis``: running sums and products, sorting, searching. Every sort is stable and puts nan
last.

Gradients: a running sum's runs backwards, and so does a running product's, as a loop; a sorted array's
adjoint goes back through the inverse of the permutation.
"""

import numpy as np

from tgen.core.op import LIBRARY, Op, register
from tgen.core.types import TensorType, wide
from tgen.graph.adjoint import Lanes
from tgen.graph.build import apply, call, lengths, like, real

from . import known
from .declare import batch_axis
from .lanes import flip, from_the_end, product_before
from .reduce import accumulated

SIDES = ("left", "right")


def _along(name, result=None, numbers=False):
    def infer(types, attrs, sizes):
        (t,) = types
        accumulated(name, t.dtype, attrs)
        if not 0 <= attrs["axis"] < t.ndim:
            raise ValueError(f"axis {attrs['axis']} of a value of rank {t.ndim}")
        if numbers and t.dtype == "bool":
            raise TypeError(f"{name} does not take bool (casts are explicit)")
        return (TensorType(result or t.dtype, t.shape),)

    return infer


def take_along(x, index, axis):
    """Of every lane of x along ``axis`` the elements at the same lane of ``index`` (int64, of
    the rank of x).
    """
    counts = lengths(index)
    places = []
    for a, n in enumerate(counts):
        along = apply(
            "dimshuffle", apply("iota", n), order=tuple(0 if d == a else "x" for d in range(x.ndim))
        )
        places.append(index if a == axis else like(along, index))
    return apply("gather", x, *places, axis=0, count=x.ndim)


# -- running sums and products -------------------------------------------------------------------------------


def _running(function):
    """With the attribute ``acc``, a wider float, totals are kept in that dtype; each is rounded once."""

    def evaluate(attrs, sizes, x):
        with np.errstate(all="ignore"):
            totals = function(x, axis=attrs["axis"], dtype=attrs.get("acc", x.dtype))
            return totals.astype(x.dtype, copy=False)

    return evaluate


def _from_here(g, axis):
    """Sums of the elements from each one to the end."""
    return flip(apply("cumsum", flip(g, axis), axis=axis, **wide(g.type.dtype)), axis)


def _cumprod_grad(node, gs):
    """At x[k] the sum over j >= k of g[j] times the product of x[..j] without x[k]."""
    x, axis = real(node.inputs[0]), node.attrs["axis"]
    return [product_before(x, axis) * from_the_end(gs[0], x, axis)]


def _lanes_to_the_end(node, mask):
    """What a running total is taken of: all before the last place that is in the mask."""
    axis = node.attrs["axis"]
    if mask.broadcastable[axis]:
        return [Lanes(mask)]
    behind = _from_here(apply("cast", mask, dtype="int64"), axis)
    return [Lanes(call.neq(behind, 0))]


register(
    Op(
        "cumsum",
        LIBRARY,
        _along("cumsum", numbers=True),
        _running(np.cumsum),
        lambda node, gs: [_from_here(gs[0], node.attrs["axis"])],
        mask=_lanes_to_the_end,
        nonnegative=known.all_operands,
        samples=({"axis": 0}, {"axis": 1}),
        emitter="running",
        batch=batch_axis,
        doc="sums of the elements up to each one along axis",
    )
)
register(
    Op(
        "cumprod",
        LIBRARY,
        _along("cumprod", numbers=True),
        _running(np.cumprod),
        _cumprod_grad,
        mask=_lanes_to_the_end,
        nonnegative=known.all_operands,
        samples=({"axis": 0}, {"axis": 1}),
        emitter="running",
        batch=batch_axis,
        doc="products of the elements up to each one along axis",
    )
)


# -- order ---------------------------------------------------------------------------------------------------


def _argsort(attrs, sizes, x):
    return np.argsort(x, axis=attrs["axis"], kind="stable").astype("int64", copy=False)


def _sort_grad(node, gs):
    """Element i went to the place of i in the permutation, which is the order of the permutation's own
    elements.
    """
    axis = node.attrs["axis"]
    permutation = apply("argsort", node.inputs[0], axis=axis)
    return [take_along(gs[0], apply("argsort", permutation, axis=axis), axis)]


def _search_infer(types, attrs, sizes):
    x, v = types
    if attrs["side"] not in SIDES:
        raise ValueError(f"side {attrs['side']!r}; it must be 'left' or 'right'")
    if x.ndim != 1 or x.dtype != v.dtype:
        raise TypeError(f"searchsorted takes a vector and values of its dtype, not {x} and {v}")
    return (TensorType("int64", v.shape),)


register(
    Op(
        "sort",
        LIBRARY,
        _along("sort"),
        lambda attrs, sizes, x: np.sort(x, axis=attrs["axis"], kind="stable"),
        _sort_grad,
        mask="moved",
        samples=({"axis": 0}, {"axis": 1}),
        emitter="sorted_lanes",
        batch=batch_axis,
        doc="the elements in ascending order along axis, equal ones in their order, nan last",
    )
)
register(
    Op(
        "argsort",
        LIBRARY,
        _along("argsort", "int64"),
        _argsort,
        samples=({"axis": 0}, {"axis": 1}),
        positions=True,
        emitter="sorted_lanes",
        batch=batch_axis,
        doc="where the elements that sort gives stand in x, int64",
    )
)
register(
    Op(
        "searchsorted",
        LIBRARY,
        _search_infer,
        lambda attrs, sizes, x, v: np.asarray(np.searchsorted(x, v, attrs["side"]), "int64"),
        samples=({"side": "left"}, {"side": "right"}),
        doc="how many elements of a sorted vector are less than each value ('right': or equal to it), int64",
    )
)
