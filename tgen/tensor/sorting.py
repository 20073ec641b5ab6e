"""Running sums and order along an axis, one primitive each (ops/sort.py), the largest elements,
differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.core.types import wide
from tgen.graph import sizes
from tgen.ops.lanes import flip
from tgen.ops.sort import take_along

from .apply import apply, reorder
from .elemwise import elemwise, switch
from .indexing import getitem, take
from .manipulate import axis_number, flatten
from .promotion import as_dtype, cast, convert, unify
from .reduce import _widened
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype
    from tgen.graph.nodes import Operand, Variable

__all__ = [
    "cumsum",
    "cumprod",
    "sort",
    "argsort",
    "searchsorted",
    "topk",
    "argtopk",
    "topk_and_argtopk",
    "diff",
]
_KINDS = ("quicksort", "mergesort", "heapsort", "stable")


def _line(x, axis):
    """x and the number of ``axis``; for None (or a scalar) x flattened and 0."""
    x = as_tensor_variable(x)
    if x.type.ndim == 0:
        return reorder(x, ["x"]), 0
    return (flatten(x), 0) if axis is None else (x, axis_number(axis, x.type.ndim))


def _running(name, x, axis):
    x, axis = _line(x, axis)
    x = convert(x, _widened(x.type.dtype))
    return apply(name, x, axis=axis, weak=x.type.weak, **wide(x.type.dtype))


def cumsum(x: Operand, axis: int | None = None) -> Variable:
    """Sums of the elements up to each one along ``axis`` (None: of x flattened).

    Dtypes as in ``sum``: float32 is added up in float64, and each total rounded.

    >>> import tgen.tensor as T
    >>> T.cumsum(T.imatrix(), axis=0).type
    TensorType(int64, matrix)
    """
    return _running("cumsum", x, axis)


def cumprod(x: Operand, axis: int | None = None) -> Variable:
    """Products of the elements up to each one along ``axis`` (None: of x flattened). Dtypes
    as in ``prod``.
    """
    return _running("cumprod", x, axis)


# -- sorting -------------------------------------------------------------------------------------------------


def sort(x: Operand, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Variable:
    """x in ascending order along ``axis`` (None: of x flattened), nan last. Same dtype; every ``kind`` is
    stable.

    ValueError for an unknown kind.

    >>> import tgen.tensor as T
    >>> T.sort(T.ivector()).type
    TensorType(int32, vector)
    """
    _check_kind(kind, order)
    x, axis = _line(x, axis)
    return apply("sort", x, axis=axis, weak=x.type.weak)


def argsort(x: Operand, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Variable:
    """Where the elements of sorted x are in x, int64; equal elements stay in their order."""
    _check_kind(kind, order)
    x, axis = _line(x, axis)
    return apply("argsort", x, axis=axis)


def _check_kind(kind, order):
    if kind not in _KINDS or order is not None:
        raise ValueError(
            f"kind must be one of {', '.join(map(repr, _KINDS))} and order None, got {kind!r} and {order!r}"
        )


def searchsorted(x: Operand, v: Operand, side: str = "left", sorter: Operand | None = None) -> Variable:
    """Where each of v would be put into the sorted vector x: before equal elements ('left') or after them
    ('right'); int64.

    ``sorter`` holds the positions that sort x. ValueError for another side.
    """
    x, v = as_tensor_variable(x), as_tensor_variable(v)
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    if x.type.ndim != 1:
        raise ValueError(f"searchsorted wants a vector, got {x} of {x.type}")
    x = x if sorter is None else getitem(x, as_tensor_variable(sorter))
    (x, v), _ = unify([x, v])
    return apply("searchsorted", x, v, side=side)


# -- the largest ---------------------------------------------------------------------------------------------


def _descending(x, axis):
    """Positions of x from its largest element to its smallest, of equal ones the first first: a sort of x
    backwards, read backwards.
    """
    backwards = flip(apply("argsort", flip(x, axis), axis=axis), axis)
    return elemwise("sub")(sizes.variable(sizes.sub(sizes.length(x, axis), 1)), backwards)


def _best(x, kth, axis):
    """Positions of the kth best elements along an axis."""
    count = sizes.as_size(kth, "kth")
    if isinstance(count, int):
        if count == 0:
            raise ValueError("kth must not be 0")
        order = _descending(x, axis) if count > 0 else apply("argsort", x, axis=axis)
        count = abs(count)
    else:
        order = switch(count > 0, _descending(x, axis), apply("argsort", x, axis=axis))
        count = abs(count)
    return take(order, apply("iota", sizes.variable(count)), axis)


def argtopk(
    x: Operand, kth: Operand, axis: int | None = -1, sorted: bool = True, idx_dtype: AnyDtype = "int64"
) -> Variable:
    """Where the ``kth`` largest elements along ``axis`` (None: of x flattened) are, the largest first.

    A negative kth asks for the smallest, the smallest first. Of equal elements the first comes first; nan is
    largest. ``idx_dtype`` is that of the result; ``sorted`` changes nothing. ValueError for kth = 0,
    IndexError for more than there are.

    >>> import tgen.tensor as T
    >>> T.argtopk(T.matrix(), 3).type.shape
    (None, 3)
    """
    x, axis = _line(x, axis)
    return cast(_best(x, kth, axis), as_dtype(idx_dtype))


def topk_and_argtopk(
    x: Operand, kth: int, axis: int | None = -1, sorted: bool = True, idx_dtype: AnyDtype = "int64"
) -> list[Variable]:
    """The list [topk(...), argtopk(...)]."""
    x, axis = _line(x, axis)
    places = _best(x, kth, axis)
    return [take_along(x, places, axis), cast(places, as_dtype(idx_dtype))]


def topk(
    x: Operand, kth: Operand, axis: int | None = -1, sorted: bool = True, idx_dtype: AnyDtype = "int64"
) -> Variable:
    """The ``kth`` largest elements along ``axis``, see ``argtopk``. Same dtype."""
    return topk_and_argtopk(x, kth, axis)[0]


# -- differences ---------------------------------------------------------------------------------------------


def diff(x: Operand, n: int = 1, axis: int = -1) -> Variable:
    """The n-th difference of neighbours along ``axis``."""
    x = as_tensor_variable(x)
    axis = axis_number(axis, x.type.ndim)
    before = (slice(None),) * axis
    for _ in range(n):
        x = getitem(x, (*before, slice(1, None))) - getitem(x, (*before, slice(None, -1)))
    return x
