"""Positions: permutations and their inverses, numbers of elements in C or Fortran order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.core.dtypes import is_int
from tgen.graph import sizes
from tgen.ops.sort import take_along

from .apply import apply, pad
from .creation import zeros
from .elemwise import elemwise, switch
from .indexing import common_shape, getitem
from .manipulate import to_sizes
from .promotion import cast
from .subtensor import set_subtensor
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["inverse_permutation", "permute_row_elements", "unravel_index", "ravel_multi_index"]
_MODES = ("raise", "wrap", "clip")


def _integers(x, what):
    x = as_tensor_variable(x)
    if not is_int(x.type.dtype):
        raise TypeError(f"{what} must be integers, got {x} of {x.type}")
    return x


# -- permutations --------------------------------------------------------------------------------------------


def inverse_permutation(perm: Operand) -> Variable:
    """For each row (along the last axis) of 0 .. n - 1 in some order, where 0, 1, ... stand. Same shape and
    dtype.

    IndexError when the function runs if a number is none of a row's places.

    >>> inverse_permutation([2, 0, 1]).eval()
    array([1, 2, 0])
    """
    perm = _integers(perm, "a permutation")
    if not perm.type.ndim:
        raise TypeError(f"a permutation has at least one dimension, got {perm} of {perm.type}")
    have = sizes.lengths(perm)
    along = [
        apply(
            "dimshuffle",
            apply("iota", sizes.variable(n)),
            order=tuple(0 if d == a else "x" for d in range(len(have))),
        )
        for a, n in enumerate(have)
    ]
    empty = zeros([sizes.variable(n) for n in have], perm.type.dtype)
    return set_subtensor(
        getitem(empty, (*along[:-1], perm)), cast(to_sizes(along[-1], have), perm.type.dtype)
    )


def permute_row_elements(x: Operand, y: Operand, inverse: bool | int = 0) -> Variable:
    """The rows (along the last axis) of x, each with its elements in the order of its row of y: ``z[..., j] =
    x[..., y[..., j]]``.

    Axes before the last that one of both lacks, or that are 1 in its type, repeat. ``inverse`` undoes:
    ``z[..., y[..., j]] = x[..., j]``. Dtype of x. ValueError for rows of different lengths, IndexError when
    the function runs for numbers that are no places.

    >>> permute_row_elements([[10, 20, 30], [40, 50, 60]], [2, 0, 1]).eval()
    array([[30, 10, 20],
           [60, 40, 50]])
    """
    x, y = as_tensor_variable(x), _integers(y, "the order of a row")
    if not x.type.ndim or not y.type.ndim:
        raise TypeError(f"permute_row_elements takes rows, got {x} of {x.type} and {y} of {y.type}")
    if inverse:
        y = inverse_permutation(y)
    ndim = max(x.type.ndim, y.type.ndim)
    x, y = pad(x, ndim), pad(cast(y, "int64"), ndim)
    wanted = [sizes.length(y if one else x, a) for a, one in enumerate(x.broadcastable[:-1])] + [
        sizes.length(x, ndim - 1)
    ]
    return take_along(to_sizes(x, wanted), to_sizes(y, wanted), ndim - 1)


# -- numbers of elements -------------------------------------------------------------------------------------


def _strides(dims, order):
    """How far apart neighbours along each axis of an array of sizes ``dims`` are numbered."""
    if order not in ("C", "F"):
        raise ValueError(f"order must be 'C' or 'F', got {order!r}")
    if any(isinstance(n, int) and n < 0 for n in dims):
        raise ValueError(f"negative size in dims {tuple(dims)}")
    steps, step = [], 1
    for n in reversed(dims) if order == "C" else dims:
        steps.append(step)
        step = sizes.mul(step, n)
    return (steps[::-1] if order == "C" else steps), step


def _checked(v, n):
    """v, an int64 variable: IndexError when the function runs unless 0 <= v < n."""
    n = sizes.variable(n)
    return getitem(apply("iota", n), switch(elemwise("lt")(v, 0), n, v))


def unravel_index(indices: Operand, dims: Operand, order: str = "C") -> tuple[Variable, ...]:
    """The places, one int64 array an axis, of elements number ``indices`` in an array of shape ``dims``; a
    tuple.

    ``order`` is 'C' or 'F'. IndexError when the function runs for a number that is none.

    >>> [v.eval().tolist() for v in unravel_index([0, 5], (2, 3))]
    [[0, 1], [0, 2]]
    """
    number, dims = cast(_integers(indices, "indices"), "int64"), sizes.as_shape(dims, "dims")
    steps, total = _strides(dims, order)
    number = _checked(number, total)
    div, mod = elemwise("int_div"), elemwise("mod")
    return tuple(mod(div(number, sizes.variable(step)), sizes.variable(n)) for step, n in zip(steps, dims))


def ravel_multi_index(multi_index: Operand, dims: Operand, mode: str = "raise", order: str = "C") -> Variable:
    """The numbers, int64, of the elements at places ``multi_index`` (one integer array an axis) of an array
    of shape ``dims``.

    ``mode``: what is out of range is an IndexError when the function runs ('raise'), taken modulo the size
    ('wrap') or held within it ('clip'). ``order`` is 'C' or 'F'. ValueError for another number of arrays than
    axes.

    >>> ravel_multi_index(([0, 1], [0, 2]), (2, 3)).eval()
    array([0, 5])
    """
    dims = sizes.as_shape(dims, "dims")
    if mode not in _MODES:
        raise ValueError(f"mode must be 'raise', 'wrap' or 'clip', got {mode!r}")
    places = [cast(_integers(v, "multi_index"), "int64") for v in multi_index]
    if len(places) != len(dims):
        raise ValueError(f"ravel_multi_index got {len(places)} index arrays for {len(dims)} dimensions")
    steps, _ = _strides(dims, order)
    total = as_tensor_variable(0)
    for v, n, step in zip(common_shape(places), dims, steps):
        size = sizes.variable(n)
        v = (
            _checked(v, n)
            if mode == "raise"
            else v % size
            if mode == "wrap"
            else elemwise("clip")(v, 0, size - 1)
        )
        total = total + v * sizes.variable(step)
    return total
