"""Different elements and how often each is there; classes as rows with one 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import config
from tgen.core.dtypes import is_float
from tgen.graph import sizes

from .apply import apply, reorder, within
from .creation import arange, full, ones, zeros
from .elemwise import elemwise
from .indexing import getitem, nonzero
from .join import concatenate
from .manipulate import flatten, reshape
from .math import logical_and, logical_or
from .promotion import as_dtype, cast
from .reduce import max as largest
from .sorting import cumsum
from .subtensor import inc_subtensor, set_subtensor
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype
    from tgen.graph.nodes import Operand, Variable

__all__ = ["unique", "bincount", "to_one_hot"]


def _first_of_equals(x):
    """For a sorted vector, whether each element differs from the one before (nan equals nan); bool."""
    after, before = getitem(x, slice(1, None)), getitem(x, slice(None, -1))
    new = elemwise("neq")(after, before)
    if is_float(x.type.dtype):
        nan = elemwise("isnan")
        new = logical_and(new, logical_or(elemwise("invert")(nan(after)), elemwise("invert")(nan(before))))
    start = full([sizes.variable(sizes.length(x, 0))], np.bool_(True))
    return set_subtensor(getitem(start, slice(1, None)), new)


def unique(
    x: Operand,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """The different elements of x (flattened) in ascending order, nan once; or a list of these and what is
    asked for.

    ``return_index``: where each stands first; ``return_inverse``: which of them each element of x is, in the
    shape of x; ``return_counts``: how often each is there. All int64. ValueError for an axis.

    >>> import tgen.tensor as T
    >>> T.unique(T.imatrix()).type
    TensorType(int32, vector)
    """
    if axis is not None:
        raise ValueError("unique of x flattened only; axis must be None")
    shaped = as_tensor_variable(x)
    x = flatten(shaped)
    order = apply("argsort", x, axis=0)
    ordered = getitem(x, order)
    first = _first_of_equals(ordered)
    (places,) = nonzero(first)
    results = [getitem(ordered, places)]
    if return_index:
        results.append(getitem(order, places))
    if return_inverse:
        number = elemwise("sub")(cumsum(first), 1)
        results.append(
            reshape(getitem(number, apply("argsort", order, axis=0)), shaped.shape, ndim=shaped.type.ndim)
        )
    if return_counts:
        ends = getitem(
            concatenate([places, reorder(sizes.variable(sizes.length(x, 0)), ["x"])]), slice(1, None)
        )
        results.append(elemwise("sub")(ends, places))
    return results if len(results) > 1 else results[0]


def bincount(
    x: Operand, weights: Operand | None = None, minlength: Operand | None = None, assert_nonneg: bool = False
) -> Variable:
    """How often each of 0, 1, ... up to the largest is in the integer vector x, int64; with ``weights`` the
    sums of these.

    At least ``minlength`` long. Of no elements the length is ``minlength``. A negative element is a
    ValueError when the function runs, with ``assert_nonneg`` an AssertionError, too.

    >>> import tgen.tensor as T
    >>> T.bincount(T.ivector()).type
    TensorType(int64, vector)
    """
    x = as_tensor_variable(x)
    if x.type.ndim != 1 or is_float(x.type.dtype):
        raise TypeError(f"bincount wants a vector of integers, got {x} of {x.type}")
    x = cast(x, "int64")
    least = sizes.as_size(0 if minlength is None else minlength, "minlength")
    top = largest(concatenate([x, reorder(elemwise("sub")(sizes.variable(least), 1), ["x"])])) + 1
    error = "ArgumentValueError" if assert_nonneg else "ValueError"
    x = within(x, top, "an element of bincount is negative; here it must be from", error)
    counted = ones([1], "int64") if weights is None else as_tensor_variable(weights)
    base = full([top], 0, counted.type.dtype)
    return inc_subtensor(getitem(base, x), counted)


def to_one_hot(y: Operand, nb_class: Operand, dtype: AnyDtype | None = None) -> Variable:
    """A matrix with one row an element of the integer vector y and ``nb_class`` columns: 1 in the column y
    says, else 0.

    ``dtype`` is floatX unless given. TypeError unless y is a vector of integers; a class that is no column is
    an IndexError.

    >>> import tgen.tensor as T
    >>> T.to_one_hot(T.ivector(), 10, "int8").type.shape
    (None, 10)
    """
    y = as_tensor_variable(y)
    if y.type.ndim != 1 or is_float(y.type.dtype):
        raise TypeError(f"to_one_hot wants a vector of integers, got {y} of {y.type}")
    rows = sizes.variable(sizes.length(y, 0))
    empty = zeros([rows, nb_class], as_dtype(dtype or config.floatX))
    return set_subtensor(getitem(empty, (arange(rows), y)), 1)
