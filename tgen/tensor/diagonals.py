"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.graph import sizes
from tgen.graph.build import literal

from .apply import apply
from .creation import tri, zeros
from .elemwise import switch
from .indexing import getitem
from .manipulate import axis_number, specify_shape
from .reduce import sum as total
from .subtensor import set_subtensor
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["diagonal", "diag", "trace", "triu", "tril", "fill_diagonal", "fill_diagonal_offset"]


def _positions(rows, columns, offset):
    """Row and column numbers of a diagonal of a rows by columns matrix."""
    offset = sizes.as_size(offset, "the number of a diagonal")
    down, right = sizes.maximum(sizes.sub(0, offset), 0), sizes.maximum(offset, 0)
    count = sizes.minimum(sizes.sub(rows, down), sizes.sub(columns, right))
    along = apply("iota", sizes.variable(sizes.maximum(count, 0)))
    return [along if sizes.is_known(start, 0) else along + sizes.variable(start) for start in (down, right)]


def diagonal(a: Operand, offset: Operand = 0, axis1: int = 0, axis2: int = 1) -> Variable:
    """The elements a[..., i, i + offset] of two axes, along a new last axis.

    >>> import tgen.tensor as T
    >>> T.diagonal(T.tensor3()).ndim
    2
    """
    a = as_tensor_variable(a)
    first, second = axis_number(axis1, a.type.ndim), axis_number(axis2, a.type.ndim)
    if first == second:
        raise ValueError(f"diagonal wants two different axes, got {axis1} and {axis2}")
    rest = [d for d in range(a.type.ndim) if d not in (first, second)]
    moved = a.dimshuffle(*rest, first, second)
    rows, columns = _positions(sizes.length(a, first), sizes.length(a, second), offset)
    return getitem(moved, (slice(None),) * len(rest) + (rows, columns))


def diag(v: Operand, k: Operand = 0) -> Variable:
    """A vector as the k-th diagonal of a square matrix of zeros; of a matrix its k-th diagonal."""
    v = as_tensor_variable(v)
    if v.type.ndim not in (1, 2):
        raise ValueError(f"diag wants a vector or a matrix, got {v} of {v.type}")
    if v.type.ndim == 2:
        return diagonal(v, k)
    side = sizes.variable(sizes.add(sizes.length(v, 0), abs(k)))
    base = zeros((side, side), v.type.dtype)
    return set_subtensor(
        getitem(
            base, tuple(_positions(side if k else sizes.length(v, 0), side if k else sizes.length(v, 0), k))
        ),
        v,
    )


def trace(x: Operand) -> Variable:
    """The sum of the main diagonal of a matrix.

    >>> import tgen.tensor as T
    >>> T.trace(T.imatrix()).dtype
    'int64'
    """
    x = as_tensor_variable(x)
    return total(diagonal(x), axis=-1)


def triu(m: Operand, k: Operand = 0) -> Variable:
    """Matrices with zeros below the k-th diagonal, of the dtype of m."""
    m = as_tensor_variable(m)
    return switch(_triangle(m, k - 1), _nothing(m), m)


def tril(m: Operand, k: Operand = 0) -> Variable:
    """Matrices with zeros above the k-th diagonal, of the dtype of m."""
    m = as_tensor_variable(m)
    return switch(_triangle(m, k), m, _nothing(m))


def _nothing(m):
    """A zero that leaves m its dtype: bools meet a bool."""
    return literal(0, "bool") if m.type.dtype == "bool" else 0


def _triangle(m, k):
    if m.type.ndim < 2:
        raise ValueError(f"a triangle is of matrices, got {m} of {m.type}")
    return tri(sizes.variable(sizes.length(m, -2)), sizes.variable(sizes.length(m, -1)), k, "bool")


def fill_diagonal(a: Operand, val: Operand) -> Variable:
    """a with the elements a[i, i, ...] replaced by the scalar ``val``. More than two axes must have one size.
    Same dtype.

    >>> import numpy as np
    >>> fill_diagonal(np.zeros((2, 3)), 5).eval()
    array([[5., 0., 0.],
           [0., 5., 0.]])
    """
    a = as_tensor_variable(a)
    if a.type.ndim < 2:
        raise TypeError(f"a diagonal has at least two axes, got {a} of {a.type}")
    if a.type.ndim == 2:
        return fill_diagonal_offset(a, val, 0)
    side = sizes.length(a, 0)
    a = specify_shape(a, [side] * a.type.ndim)
    along = apply("iota", sizes.variable(side))
    return set_subtensor(getitem(a, (along,) * a.type.ndim), _number(val))


def fill_diagonal_offset(a: Operand, val: Operand, offset: Operand) -> Variable:
    """Matrix a with its diagonal ``offset`` (an int or an integer scalar: above the main one if positive)
    replaced by the scalar ``val``. Same dtype.

    >>> import numpy as np
    >>> fill_diagonal_offset(np.zeros((2, 3)), 5, 1).eval()
    array([[0., 5., 0.],
           [0., 0., 5.]])
    """
    a = as_tensor_variable(a)
    if a.type.ndim != 2:
        raise TypeError(f"fill_diagonal_offset takes a matrix, got {a} of {a.type}")
    return set_subtensor(
        getitem(a, tuple(_positions(sizes.length(a, 0), sizes.length(a, 1), offset))), _number(val)
    )


def _number(val):
    val = as_tensor_variable(val)
    if val.type.ndim:
        raise TypeError(f"a diagonal is filled with a scalar, got {val} of {val.type}")
    return val
