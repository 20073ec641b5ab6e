"""Running sums and order, composed over comparisons with all other elements: quadratic in the length of the axis."""
from tgen.core.types import is_float

from . import sizes
from .apply import apply, reorder
from .creation import zeros
from .elemwise import elemwise, switch
from .indexing import getitem
from .manipulate import axis_number, flatten, moveaxis, to_sizes
from .math import logical_and, logical_not, logical_or
from .reduce import _accumulate
from .reduce import sum as total
from .subtensor import set_subtensor
from .variable import as_tensor_variable

__all__ = ["cumsum", "cumprod", "sort", "argsort", "searchsorted", "diff"]
_KINDS = ("quicksort", "mergesort", "heapsort", "stable")


def _line(x, axis):
    """x with ``axis`` last (None: flattened), and how to put a result back."""
    x = as_tensor_variable(x)
    if axis is None or not x.type.ndim:
        return flatten(x) if x.type.ndim else reorder(x, ["x"]), lambda z: z
    axis = axis_number(axis, x.type.ndim)
    return moveaxis(x, axis, -1), lambda z: moveaxis(z, -1, axis)


def _places(x):
    """Numbers of the last axis, once down (as rows) and once across (as columns) a pair of new last axes."""
    along = apply("iota", sizes.variable(sizes.length(x, -1)))
    lead = ["x"] * (x.type.ndim - 1)
    return reorder(along, [*lead, 0, "x"]), reorder(along, [*lead, "x", 0])


def _facing(x):
    """x down (as rows) and across (as columns) a pair of new last axes."""
    lead = list(range(x.type.ndim - 1))
    return reorder(x, [*lead, x.type.ndim - 1, "x"]), reorder(x, [*lead, "x", x.type.ndim - 1])


def _running(name, x, axis, neutral):
    x, back = _line(x, axis)
    down, across = _places(x)
    _, elements = _facing(x)
    terms = switch(elemwise("le")(across, down), elements, neutral)
    return back(_accumulate(name, terms, -1, None, None, False))


def cumsum(x, axis=None):
    """Sums of the elements up to each one along ``axis`` (None: of x flattened). Dtypes as in ``sum``.

    >>> import tgen.tensor as T
    >>> T.cumsum(T.imatrix(), axis=0).type
    TensorType(int64, matrix)
    """
    return _running("sum", x, axis, 0)


def cumprod(x, axis=None):
    """Products of the elements up to each one along ``axis`` (None: of x flattened). Dtypes as in ``prod``."""
    return _running("prod", x, axis, 1)


def _ranks(x):
    """The place of each element of the last axis in sorted order: how many come before it (nan last, ties in order)."""
    mine, other = _facing(x)
    here, there = _places(x)
    before, equal = elemwise("lt")(other, mine), elemwise("eq")(other, mine)
    if is_float(x.type.dtype):
        nan, other_nan = elemwise("isnan")(mine), elemwise("isnan")(other)
        before = logical_or(before, logical_and(nan, logical_not(other_nan)))
        equal = logical_or(equal, logical_and(nan, other_nan))
    return total(logical_or(before, logical_and(equal, elemwise("lt")(there, here))), axis=-1)


def _scatter(ranks, values):
    """values put where ranks say along the last axis."""
    have = sizes.lengths(ranks)
    grid = [to_sizes(reorder(apply("iota", sizes.variable(n)), ["x" if a != d else 0 for a in range(len(have))]), have)
            for d, n in enumerate(have[:-1])]
    base = zeros([sizes.variable(n) for n in have], values.type.dtype)
    return set_subtensor(getitem(base, (*grid, ranks)), values)


def sort(x, axis=-1, kind="quicksort", order=None):
    """x in ascending order along ``axis`` (None: of x flattened), nan last. Same dtype; every ``kind`` is stable.

    >>> import tgen.tensor as T
    >>> T.sort(T.ivector()).type
    TensorType(int32, vector)
    """
    _check_kind(kind, order)
    x, back = _line(x, axis)
    return back(_scatter(_ranks(x), x))


def argsort(x, axis=-1, kind="quicksort", order=None):
    """Where the elements of sorted x are in x, int64; equal elements stay in their order."""
    _check_kind(kind, order)
    x, back = _line(x, axis)
    ranks = _ranks(x)
    along = reorder(apply("iota", sizes.variable(sizes.length(x, -1))), ["x"] * (x.type.ndim - 1) + [0])
    return back(_scatter(ranks, to_sizes(along, sizes.lengths(ranks))))


def _check_kind(kind, order):
    if kind not in _KINDS or order is not None:
        raise ValueError(f"kind must be one of {', '.join(map(repr, _KINDS))} and order None, got {kind!r} and {order!r}")


def searchsorted(x, v, side="left", sorter=None):
    """Where each of v would be put into the sorted vector x: before equal elements ('left') or after them ('right'); int64.

    ``sorter`` holds the positions that sort x. ValueError for another side.
    """
    x, v = as_tensor_variable(x), as_tensor_variable(v)
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    if x.type.ndim != 1:
        raise ValueError(f"searchsorted wants a vector, got {x} of {x.type}")
    x = x if sorter is None else getitem(x, as_tensor_variable(sorter))
    value = reorder(v, [*range(v.type.ndim), "x"])
    return total(elemwise("lt" if side == "left" else "le")(x, value), axis=-1)


def diff(x, n=1, axis=-1):
    """The n-th difference of neighbours along ``axis``."""
    x = as_tensor_variable(x)
    axis = axis_number(axis, x.type.ndim)
    before = (slice(None),) * axis
    for _ in range(n):
        x = getitem(x, (*before, slice(1, None))) - getitem(x, (*before, slice(None, -1)))
    return x
