"""Arrays put together and repeated: concatenate, stack, tile, repeat, roll, split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.dtypes import is_int
from tgen.graph import sizes
from tgen.graph.nodes import Constant, Variable

from .apply import apply, apply_many, demand, pad, reorder
from .creation import arange
from .elemwise import elemwise, switch
from .indexing import getitem, nonzero, take
from .manipulate import axis_number, expand_dims, flatten, to_sizes, unbroadcast
from .promotion import cast, unify
from .reduce import all as every
from .reduce import max as largest
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.core.types import Axes
    from tgen.graph.nodes import Operand

__all__ = [
    "concatenate",
    "join",
    "stack",
    "stacklists",
    "horizontal_stack",
    "vertical_stack",
    "tile",
    "repeat",
    "roll",
    "split",
    "flip",
]


def _by_axis(axis, ndim, results):
    """The one of ``results``, one an axis, that the integer scalar ``axis`` says when the function runs;
    AxisError for one there is not.
    """
    if axis.type.ndim or not is_int(axis.type.dtype):
        raise TypeError(f"axis must be an integer scalar, got {axis} of {axis.type}")
    axis = cast(axis, "int64")
    number = switch(elemwise("lt")(axis, 0), axis + ndim, axis)
    there = elemwise("and_")(elemwise("ge")(number, 0), elemwise("lt")(number, ndim))
    number = demand(number, there, f"axis is out of bounds for a value with {ndim} dimensions", "AxisError")
    chosen, *others = [unbroadcast(v, *range(v.type.ndim)) for v in results]
    for k, other in enumerate(others, 1):
        (chosen,) = apply_many("ifelse", [elemwise("eq")(number, k), other, chosen], count=1)
    return chosen


def _is_symbolic(axis):
    return isinstance(axis, Variable) and not isinstance(axis, Constant)


def concatenate(tensor_list: Operand, axis: Any = 0) -> Variable:
    """Arrays one after another along ``axis``; their other sizes must be equal (ValueError), dtypes are
    promoted.

    An axis that is a variable is chosen when the function runs; the result then has no axis that broadcasts.

    >>> import tgen.tensor as T
    >>> T.concatenate([T.fmatrix(), T.fmatrix()], axis=1).type
    TensorType(float32, matrix)
    """
    if not isinstance(tensor_list, (list, tuple)):
        raise TypeError(
            f"The 'tensors' argument of concatenate must be a list or a tuple of arrays, got {tensor_list!r}"
        )
    if not tensor_list:
        raise ValueError("concatenate wants at least one array")
    variables, weak = unify([as_tensor_variable(v) for v in tensor_list])
    ranks = {v.type.ndim for v in variables}
    if len(ranks) > 1:
        raise TypeError(
            "Join() can only join tensors with the same number of dimensions, got "
            f"{', '.join(f'{v}: {v.type}' for v in variables)}; pad with dimshuffle"
        )
    if ranks == {0}:
        raise TypeError("Join cannot handle scalar arguments; use T.stack")
    ndim = variables[0].type.ndim
    if _is_symbolic(axis):
        results = [apply("concatenate", *variables, axis=a, weak=weak) for a in range(ndim)]
        return _by_axis(axis, ndim, results)
    axis = axis_number(axis, ndim)
    return variables[0] if len(variables) == 1 else apply("concatenate", *variables, axis=axis, weak=weak)


def join(axis: Any, *tensors: Operand) -> Variable:
    """``concatenate`` with the axis first: ``join(0, a, b)``."""
    return concatenate(tensors, axis)


def stack(*tensors: Operand, axis: int | None = None) -> Variable:
    """Arrays of one shape along a new axis at place ``axis`` of the result: ``stack([a, b], axis)`` or
    ``stack(a, b)``.

    >>> import tgen.tensor as T
    >>> T.stack([T.vector(), T.vector()], axis=1).type.shape, T.stack([1, 2]).dtype
    ((None, 2), 'int64')
    """
    if tensors and isinstance(tensors[0], (list, tuple)):
        if len(tensors) > 2:
            raise TypeError("stack(list, axis) takes two arguments")
        if len(tensors) == 2 and axis is not None:
            raise TypeError(f"stack got its axis twice: {tensors[1]} and axis={axis}")
        tensors, axis = tensors[0], tensors[1] if len(tensors) == 2 else axis
    if not tensors:
        raise ValueError("stack wants at least one array")
    variables, weak = unify([as_tensor_variable(v) for v in tensors])
    if len({v.type.ndim for v in variables}) > 1:
        raise ValueError(
            "stack wants arrays of one number of dimensions, got "
            f"{', '.join(f'{v}: {v.type}' for v in variables)}"
        )
    ndim = variables[0].type.ndim + 1
    if _is_symbolic(axis):
        return _by_axis(axis, ndim, [stack(variables, axis=a) for a in range(ndim)])
    axis = axis_number(0 if axis is None else axis, ndim)
    if variables[0].type.ndim == 0:
        return apply("make_vector", *variables, weak=weak)
    return apply("concatenate", *(expand_dims(v, axis) for v in variables), axis=axis, weak=weak)


def stacklists(tensors: Operand) -> Variable:
    """A nested list of arrays as one array, each level of the list one new axis."""
    return stack([stacklists(t) for t in tensors]) if isinstance(tensors, (list, tuple)) else tensors


def horizontal_stack(*matrices: Operand) -> Variable:
    """Matrices side by side."""
    return concatenate(matrices, 1)


def vertical_stack(*matrices: Operand) -> Variable:
    """Matrices one below the other."""
    return concatenate(matrices, 0)


def _copies(x, counts):
    """x with axis a repeated counts[a] times as a whole: each axis beside a new one in front of it, then
    merged.
    """
    have = sizes.lengths(x)
    spread = reorder(x, [p for a in range(x.type.ndim) for p in ("x", a)])
    whole = to_sizes(spread, [s for pair in zip(counts, have) for s in pair])
    return apply(
        "reshape",
        whole,
        *(sizes.variable(sizes.mul(c, h)) for c, h in zip(counts, have)),
        ndim=x.type.ndim,
        weak=x.type.weak,
    )


def tile(x: Operand, reps: Operand, ndim: int | None = None) -> Variable:
    """x repeated as a whole reps[a] times along axis a; missing axes of x or of reps are added on the left.

    ``reps`` is an int, an integer scalar, or a list (or vector of known length) of these.

    >>> import tgen.tensor as T
    >>> T.tile(T.vector(), (2, 3)).ndim
    2
    """
    x, counts = as_tensor_variable(x), sizes.as_shape(reps, "reps")
    width = max(len(counts), x.type.ndim) if ndim is None else ndim
    if width < max(len(counts), x.type.ndim):
        raise ValueError(
            f"ndim={ndim} is less than the {x.type.ndim} dimensions of {x} or the {len(counts)} of reps"
        )
    return _copies(pad(x, width), [1] * (width - len(counts)) + counts)


def repeat(x: Operand, repeats: Operand, axis: int | None = None) -> Variable:
    """Each element repeated ``repeats`` times along ``axis`` (None: of x flattened).

    ``repeats`` is an integer scalar, or a vector with a number for each element of the axis. ValueError for
    negative ones, here or when the function runs.

    >>> import tgen.tensor as T
    >>> T.repeat(T.matrix(), 2).ndim, T.repeat(T.matrix(), [1, 2], axis=1).ndim
    (1, 2)
    """
    x = as_tensor_variable(x)
    if axis is None:
        x, axis = flatten(x), 0
    axis = axis_number(axis, x.type.ndim)
    counts = as_tensor_variable(repeats)
    if counts.type.ndim > 1 or not is_int(counts.type.dtype):
        raise TypeError(f"repeats must be an integer scalar or vector, got {repeats} of {counts.type}")
    if counts.type.ndim == 1:
        return take(x, _repeated_positions(counts, sizes.length(x, axis)), axis)
    count, have = sizes.as_size(counts), sizes.lengths(x)
    if isinstance(count, int) and count < 0:
        raise ValueError(f"repeats may not be negative, got {count}")
    order = list(range(x.type.ndim))
    spread = reorder(x, order[: axis + 1] + ["x"] + order[axis + 1 :])
    whole = to_sizes(spread, have[: axis + 1] + [count] + have[axis + 1 :])
    have[axis] = sizes.mul(have[axis], count)
    return apply("reshape", whole, *map(sizes.variable, have), ndim=x.type.ndim, weak=x.type.weak)


def _repeated_positions(counts, size):
    """Position i counts[i] times, for all i: the rows of the true elements of column < counts[row]."""
    counts = demand(counts, every(elemwise("ge")(counts, 0)), "repeats may not contain negative values")
    counts = to_sizes(cast(counts, "int64"), [size])
    widest = largest(concatenate([counts, as_tensor_variable(np.zeros(1, "int64"))]))
    rows, _ = nonzero(elemwise("lt")(expand_dims(arange(widest), 0), expand_dims(counts, 1)))
    return rows


def roll(x: Operand, shift: Operand, axis: int | None = None) -> Variable:
    """x with its elements moved ``shift`` places along ``axis`` (None: of x flattened), the last ones to the
    front.
    """
    x = as_tensor_variable(x)
    if axis is None:
        flat = roll(flatten(x), shift, 0)
        return apply(
            "reshape", flat, *map(sizes.variable, sizes.lengths(x)), ndim=x.type.ndim, weak=x.type.weak
        )
    axis = axis_number(axis, x.type.ndim)
    n = sizes.length(x, axis)
    cut = sizes.sub(n, sizes.mod(sizes.as_size(shift), n))
    before = (slice(None),) * axis
    return concatenate(
        [getitem(x, before + (slice(cut, None),)), getitem(x, before + (slice(None, cut),))], axis
    )


def split(x: Operand, splits_size: Operand, n_splits: int, axis: int = 0) -> list[Variable]:
    """A list of n_splits parts of x along ``axis``, of the sizes in the vector or list ``splits_size``; they
    must add up.

    >>> import tgen.tensor as T
    >>> [p.type.shape for p in T.split(T.vector(), [2, 3], 2)]
    [(2,), (3,)]
    """
    x = as_tensor_variable(x)
    axis = axis_number(axis, x.type.ndim)
    if (
        isinstance(splits_size, Variable)
        and not isinstance(splits_size, Constant)
        and sizes.elements(splits_size) is None
    ):
        counts = [sizes.as_size(splits_size[i]) for i in range(n_splits)]
    else:
        counts = sizes.as_shape(splits_size, "splits_size")
    if len(counts) != n_splits:
        raise ValueError(f"splits_size has {len(counts)} elements, but n_splits={n_splits}")
    have = sizes.lengths(x)
    total = 0
    for c in counts:
        total = sizes.add(total, c)
    have[axis] = total
    x = x if sizes.same(total, sizes.length(x, axis)) else to_sizes(x, have)
    parts, start = [], 0
    for c in counts:
        starts = [start if a == axis else 0 for a in range(x.type.ndim)]
        lengths = [c if a == axis else h for a, h in enumerate(have)]
        parts.append(
            apply(
                "slice", x, *map(sizes.variable, starts + lengths), steps=(1,) * x.type.ndim, weak=x.type.weak
            )
        )
        start = sizes.add(start, c)
    return parts


def flip(x: Operand, axis: Axes = None) -> Variable:
    """x with its elements in reverse order along ``axis`` (None: all axes)."""
    x = as_tensor_variable(x)
    axes = range(x.type.ndim) if axis is None else [axis_number(axis, x.type.ndim)]
    return getitem(x, tuple(slice(None, None, -1) if a in axes else slice(None) for a in range(x.type.ndim)))
