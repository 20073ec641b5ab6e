"""Along one axis of a variable: backwards, a place further, products of what is before each or of all others.

The gradients of running sums and products are made of these. No element is divided by, so a zero is as good
as any other number, in every derivative.
"""

from __future__ import annotations

from collections.abc import Sequence

from tgen.core.types import TensorType, wide
from tgen.graph.build import apply, length, lengths, literal, minus
from tgen.graph.nodes import Lambda, Variable
from tgen.graph.scans import scan_of


def flip(x: Variable, axis: int) -> Variable:
    """x backwards along ``axis``."""
    zero, counts = literal(0), lengths(x)
    starts = [minus(n, 1) if a == axis else zero for a, n in enumerate(counts)]
    return apply("slice", x, *starts, *counts, steps=tuple(-1 if a == axis else 1 for a in range(x.ndim)))


def shifted(x: Variable, axis: int, first: int) -> Variable:
    """x one place further along ``axis``, after the number ``first``; its last element is left out."""
    counts, zero, one = lengths(x), literal(0), literal(1)
    start = apply("dimshuffle", literal(first, x.dtype), order=("x",) * x.ndim)
    start = apply("broadcast_to", start, *(one if a == axis else n for a, n in enumerate(counts)))
    longer = apply("concatenate", start, x, axis=axis)
    return apply("slice", longer, *[zero] * x.ndim, *counts, steps=(1,) * x.ndim)


def product_before(x: Variable, axis: int) -> Variable:
    """For each element the product of those before it along ``axis``; 1 for the first."""
    return apply("cumprod", shifted(x, axis, 1), axis=axis, **wide(x.type.dtype))


def product_of_others(x: Variable, axes: Sequence[int]) -> Variable:
    """For each element the product of all others along ``axes`` together."""
    if len(axes) > 1:
        order = (*(a for a in range(x.ndim) if a not in axes), *axes)
        own, kept = [length(x, a) for a in order], x.ndim - len(axes)
        count = own[kept]
        for n in own[kept + 1 :]:
            count = apply("mul", count, n)
        lane = apply("reshape", apply("dimshuffle", x, order=order), *own[:kept], count, ndim=kept + 1)
        others = apply("reshape", product_of_others(lane, (kept,)), *own, ndim=x.ndim)
        return apply("dimshuffle", others, order=tuple(order.index(a) for a in range(x.ndim)))
    (axis,) = axes
    return apply("mul", product_before(x, axis), flip(product_before(flip(x, axis), axis), axis))


def from_the_end(g: Variable, x: Variable, axis: int) -> Variable:
    """r[k] = g[k] + x[k+1] * r[k+1] along ``axis``: a loop that begins with the last element."""
    behind = flip(shifted(flip(x, axis), axis, 0), axis)
    order = (axis, *(a for a in range(x.ndim) if a != axis))
    rows = [apply("dimshuffle", flip(v, axis), order=order) for v in (g, behind)]
    r, g_k, x_k = (Variable(TensorType(x.dtype, rows[0].type.shape[1:])) for _ in range(3))
    body = Lambda([r, g_k, x_k], [apply("add", g_k, apply("mul", x_k, r))])
    nothing = apply("dimshuffle", literal(0, x.dtype), order=("x",) * (x.ndim - 1))
    nothing = apply("broadcast_to", nothing, *lengths(rows[0])[1:])
    (made,) = scan_of(body, [nothing], rows, [], length(x, axis), [("back", 0)])
    return apply("dimshuffle", made, order=tuple(order.index(a) for a in range(x.ndim)))
