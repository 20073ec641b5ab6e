"""``x[key]`` as NumPy has it: slices first, then new axes, then integers and index arrays.

A key becomes a list of steps, each an undoable move: slice, axes moved, gather. ``subtensor.py`` walks them
back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from tgen.core.dtypes import is_float
from tgen.errors import about_bool
from tgen.graph import sizes
from tgen.graph.nodes import Constant, Variable

from .apply import apply, apply_many, pad, reorder
from .manipulate import axis_number, flatten, to_sizes
from .variable import as_tensor_variable, constant

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand

__all__ = ["take", "nonzero", "flatnonzero", "nonzero_values", "compress", "choose"]


# x[key] -> (x, its steps); not a tag, which would be pickled and cloned with the base
ORIGINS = WeakKeyDictionary()


@dataclass(frozen=True)
class Slice:
    """Of each axis: the start, the number of elements (sizes) and the constant step."""

    starts: tuple
    lengths: tuple
    steps: tuple


@dataclass(frozen=True)
class Move:
    """A dimshuffle to ``order`` of a value of rank ``ndim``."""

    order: tuple
    ndim: int


@dataclass(frozen=True)
class Gather:
    """Index arrays of one shape for the axes from ``axis`` on."""

    axis: int
    indices: tuple


Step: TypeAlias = Slice | Move | Gather


def apply_step(x: Variable, step: Step) -> Variable:
    weak = x.type.weak
    if isinstance(step, Slice):
        return apply(
            "slice", x, *map(sizes.variable, step.starts + step.lengths), steps=step.steps, weak=weak
        )
    if isinstance(step, Move):
        return reorder(x, step.order)
    return apply("gather", x, *step.indices, axis=step.axis, count=len(step.indices), weak=weak)


# -- the key -------------------------------------------------------------------------------------------------


def _is_mask(item):
    return isinstance(item, Variable) and item.type.dtype == "bool" and item.type.ndim > 0


def _is_mask_literal(item):
    """Whether an element of a key is a list of True and False, nested or not: an index is the one place
    where such a list is a tensor.
    """
    if not isinstance(item, (list, tuple)):
        return item is True or item is False
    return len(item) > 0 and all(map(_is_mask_literal, item))


def _item(item):
    """One element of a key, arrays and scalars as variables or ints."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (bool, np.bool_)) or isinstance(item, str):
        raise TypeError(
            "an index is an int, a slice, None, ..., an integer array or a bool mask; got "
            f"{item!r}{about_bool(item)}"
        )
    if isinstance(item, (int, np.integer)):
        return int(item)
    if isinstance(item, (list, tuple)) and not item:
        item = np.zeros(0, "int64")
    v = constant(item) if _is_mask_literal(item) else as_tensor_variable(item)
    if is_float(v.type.dtype):
        raise TypeError(
            f"an index must be an integer or a bool mask, got {v} of {v.type}; cast it with "
            "T.cast(i, 'int64')"
        )
    if v.type.ndim == 0 and v.type.dtype == "bool":
        raise TypeError(f"the bool scalar {v} is no index; use T.switch to choose")
    if v.type.ndim == 0 and isinstance(v, Constant):
        return int(v.data)
    return (
        v
        if v.type.dtype == "bool" or v.type.dtype == "int64" and not v.type.weak
        else apply("cast", v, dtype="int64")
    )


def _expand(x, key):
    """The key with masks as index vectors and ``...`` as slices; and whether a ``...`` stood there."""
    key = [_item(i) for i in (key if isinstance(key, tuple) else (key,))]
    items = []
    for item in key:
        if _is_mask(item):
            items.extend(_mask_indices(x, item, sum(i is not None and i is not Ellipsis for i in items)))
        else:
            items.append(item)
    dots = [k for k, i in enumerate(items) if i is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    used = sum(i is not None and i is not Ellipsis for i in items)
    if used > x.type.ndim:
        raise IndexError(
            f"too many indices for array: {x} of {x.type} is {x.type.ndim}-dimensional, but "
            f"{used} were indexed"
        )
    rest = [slice(None)] * (x.type.ndim - used)
    if not dots:
        return items + rest, None
    return items[: dots[0]] + rest + items[dots[0] + 1 :], dots[0]


def _mask_indices(x, mask, axis):
    """The index vectors of a mask; its sizes must be those of the axes it stands for."""
    if axis + mask.type.ndim > x.type.ndim:
        raise IndexError(
            f"too many indices for array: a mask of {mask.type.ndim} dimensions for {x} of {x.type}"
        )
    for a, (have, wanted) in enumerate(zip(mask.type.shape, x.type.shape[axis:])):
        if isinstance(have, int) and isinstance(wanted, int) and have != wanted:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + a}; size of axis "
                f"is {wanted} but size of the mask is {have}"
            )
    have = [sizes.length(x, axis + a) for a in range(mask.type.ndim)]
    agree = all(sizes.same(h, sizes.length(mask, a)) for a, h in enumerate(have))
    if not agree:
        mask = to_sizes(
            apply("unbroadcast", mask, axes=tuple(a for a, one in enumerate(mask.broadcastable) if one))
            if any(mask.broadcastable)
            else mask,
            have,
        )
    return apply_many("nonzero", [mask])


def index_steps(x: Variable, key: Any) -> list[Step]:
    """The steps of x[key], each for the result of those before."""
    items, dots = _expand(x, key)
    steps, order, picked, bounds, strided = [], [], [], [], []
    axis = 0
    for item in items:
        if item is None:
            order.append("x")
            continue
        if isinstance(item, slice) and isinstance(_bound(item.step, "step"), Variable):
            strided.append(Gather(axis, (_places(item, sizes.length(x, axis)),)))
            bounds.append((0, sizes.length(x, axis), 1))
        elif isinstance(item, slice):
            bounds.append(_bounds(item, sizes.length(x, axis)))
        else:
            picked.append((axis, item))
            bounds.append((0, sizes.length(x, axis), 1))
        order.append(axis)
        axis += 1
    if (
        any(isinstance(i, slice) and i != slice(None) for i in items)
        or not x.type.ndim
        or not picked
        and "x" not in order
    ):
        starts, lengths, strides = zip(*bounds) if bounds else ((), (), ())
        steps.append(Slice(starts, lengths, strides))
    steps += strided
    if any(isinstance(i, Variable) and i.type.ndim for _, i in picked):
        return steps + _array_steps(order, dict(picked), x.type.ndim, _apart(items, dots))
    if "x" in order:
        steps.append(Move(tuple(order), x.type.ndim))
    return steps + _integer_steps(x, order, picked)


def _apart(items, dots):
    """Whether something stands between two integers or arrays of the key, so that NumPy puts their axes
    first.
    """
    places = [k for k, i in enumerate(items) if i is not None and not isinstance(i, slice)]
    if places[-1] - places[0] >= len(places):
        return True
    return dots is not None and places[0] < dots <= places[-1]


def _integer_steps(x, order, picked):
    """Integers one by one from the right, so that the places of the others hold. Those in range need no
    check: a slice.
    """
    steps, ndim = [], len(order)
    for axis, item in reversed(picked):
        place, size = order.index(axis), x.type.shape[axis]
        if isinstance(item, int) and isinstance(size, int) and not -size <= item < size:
            raise IndexError(f"index {item} is out of bounds for axis {axis} with size {size} of {x}")
        steps.append(Gather(place, (sizes.variable(item),)))
        ndim -= 1
    return steps


def _array_steps(order, picked, ndim, apart):
    """New axes and the picked axes side by side in one move, then one gather."""
    free = [p for p in order if p not in picked]
    if apart:
        front = 0
    else:
        front = next(k for k, p in enumerate(order) if p in picked)
    new = tuple(free[:front] + list(picked) + free[front:])
    move = [] if new == tuple(range(ndim)) else [Move(new, ndim)]
    return move + [Gather(front, tuple(common_shape(list(picked.values()))))]


def common_shape(indices: Sequence[Variable]) -> list[Any]:
    """Index arrays of one rank and shape: axes that are 1 in the type repeat."""
    indices = [sizes.variable(i) if isinstance(i, int) else i for i in indices]
    ndim = max(i.type.ndim for i in indices)
    indices = [pad(i, ndim) for i in indices]
    wanted = []
    for axis in range(ndim):
        owner = next((i for i in indices if i.type.shape[axis] != 1), indices[0])
        wanted.append(sizes.length(owner, axis))
    return [
        i
        if all(one == (sizes.is_known(w, 1)) for one, w in zip(i.broadcastable, wanted))
        else to_sizes(i, wanted)
        for i in indices
    ]


# -- slices --------------------------------------------------------------------------------------------------


def _bound(value, what):
    return None if value is None else sizes.as_size(value, f"a slice's {what}")


def _from_start(s, n):
    """Bound s counted from the start: s, or s + n when s is negative."""
    if isinstance(s, int):
        return s if s >= 0 else sizes.add(n, s)
    if sizes.nonnegative(s):
        return s
    negative = sizes.minimum(sizes.maximum(sizes.sub(0, s), 0), 1)
    return sizes.add(s, sizes.mul(n, negative))


def _clip(s, low, high):
    return sizes.minimum(sizes.maximum(s, low), high)


def _bounds(key, n):
    """(start, length, step) of a slice over an axis of size n, clipped as NumPy does."""
    start, stop, step = _bound(key.start, "start"), _bound(key.stop, "stop"), _bound(key.step, "step")
    step = 1 if step is None else step
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if all(isinstance(b, (int, type(None))) for b in (start, stop)) and isinstance(n, int):
        known = range(*slice(start, stop, step).indices(n))
        return max(known.start, 0) if len(known) else 0, len(known), step
    if step > 0:
        first = 0 if start is None else _clip(_from_start(start, n), 0, n)
        end = n if stop is None else _clip(_from_start(stop, n), 0, n)
        span = sizes.sub(end, first)
        if stop is not None and not sizes.is_known(first, 0):
            span = sizes.maximum(span, 0)
    else:
        last = sizes.sub(n, 1)
        first = last if start is None else _clip(_from_start(start, n), -1, last)
        span = (
            sizes.add(first, 1)
            if stop is None
            else sizes.maximum(sizes.sub(first, _clip(_from_start(stop, n), -1, last)), 0)
        )
    stride = abs(step)
    return first, sizes.div(sizes.add(span, stride - 1), stride), step


def _places(key, n):
    """The indices a slice takes whose step is a variable: of either sign, so both ways are one arithmetic
    over (step > 0).
    """
    start, stop, step = _bound(key.start, "start"), _bound(key.stop, "stop"), _bound(key.step, "step")
    forward = _clip(step, 0, 1)
    low, high = sizes.sub(forward, 1), sizes.add(sizes.sub(n, 1), forward)
    first = (
        sizes.mul(sizes.sub(1, forward), high) if start is None else _clip(_from_start(start, n), low, high)
    )
    end = (
        sizes.add(low, sizes.mul(forward, sizes.sub(high, low)))
        if stop is None
        else _clip(_from_start(stop, n), low, high)
    )
    count = sizes.maximum(sizes.sub(0, sizes.div(sizes.sub(first, end), step)), 0)
    zero = sizes.sub(1, sizes.minimum(sizes.maximum(step, sizes.sub(0, step)), 1))
    count = sizes.sub(count, zero)  # a step of 0 makes it -1, which iota refuses when the function runs
    return sizes.variable(first) + sizes.variable(step) * apply("iota", sizes.variable(count))


# -- reading -------------------------------------------------------------------------------------------------


def _of_vector(x, key):
    """A constant index of a vector whose elements the graph shows, such as x.shape[0]; None if it is not
    that.
    """
    if (
        x.type.ndim != 1
        or x.type.dtype != "int64"
        or isinstance(x, Constant)
        or not isinstance(key, (int, np.integer, slice, Constant))
        or isinstance(key, bool)
    ):
        return None
    known = sizes.elements(x)
    if known is None:
        return None
    if isinstance(key, slice):
        if any(isinstance(b, Variable) for b in (key.start, key.stop, key.step)) or not known[key]:
            return None
        return apply("make_vector", *known[key], weak=x.type.weak)
    if isinstance(key, Constant) and key.type.ndim:
        return None
    place = int(key.data) if isinstance(key, Constant) else int(key)
    if not -len(known) <= place < len(known):
        raise IndexError(f"index {place} is out of bounds for {x}, which has {len(known)} elements")
    return known[place]


def getitem(x: Operand, key: Any) -> Variable:
    """x[key] with NumPy's rules; the result remembers where it came from, for set_subtensor and
    inc_subtensor.

    ``key``: ints and integer scalars (IndexError when the function runs if out of range), slices whose bounds
    may be variables (clipped; their step is a constant), None, ``...``, integer arrays, bool masks, and
    tuples of these. A list with a slice in it is taken for a tuple. TypeError for floats and other objects,
    IndexError for too many.

    >>> import tgen.tensor as T
    >>> x = T.matrix()
    >>> x[::-1, T.lscalar()].ndim, x[None, [0, 0]].type, x[x > 2].ndim
    (1, TensorType(float64, shape=(1, 2, ?)), 1)
    """
    x = as_tensor_variable(x)
    if isinstance(key, list) and any(isinstance(k, slice) for k in key):
        key = tuple(key)
    direct = _of_vector(x, key)
    if direct is not None:
        return direct
    result = x
    steps = index_steps(x, key)
    for step in steps:
        result = apply_step(result, step)
    ORIGINS[result] = (x, tuple(steps))
    return result


def iterate(x: Operand) -> Iterator[Variable]:
    """The elements along the first axis, if their number is known."""
    known = sizes.elements(x) if x.type.ndim == 1 else None
    if known is not None:
        return iter(known)
    if not x.type.ndim or x.type.shape[0] is None:
        raise TypeError(
            f"TensorType does not support iteration: the length of {x} of {x.type} is not known "
            "when the graph is built. "
            "Maybe you are using builtin.sum instead of theano.tensor.sum? (Maybe .max?)"
        )
    return iter([getitem(x, i) for i in range(x.type.shape[0])])


def take(a: Operand, indices: Operand, axis: int | None = None, mode: str = "raise") -> Variable:
    """The elements of a at ``indices`` (integers of any rank) along ``axis`` (None: of a flattened).

    ``mode``: what is out of range is an IndexError ('raise'), taken modulo the size ('wrap') or held within
    it ('clip').

    >>> import tgen.tensor as T
    >>> T.take(T.matrix(), T.imatrix(), axis=1).ndim
    3
    """
    a, indices = as_tensor_variable(a), as_tensor_variable(indices)
    if axis is None:
        a, axis = flatten(a), 0
    axis = axis_number(axis, a.type.ndim)
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"mode must be 'raise', 'wrap' or 'clip', got {mode!r}")
    if mode != "raise":
        n = sizes.variable(sizes.length(a, axis))
        indices = indices % n if mode == "wrap" else indices.clip(0, n - 1)
    return getitem(a, (slice(None),) * axis + (indices,))


def nonzero(a: Operand, return_matrix: bool = False) -> Any:
    """Where a is not 0: a tuple of int64 vectors, one per axis; or these as the rows of one matrix.

    >>> import tgen.tensor as T
    >>> rows, columns = T.nonzero(T.matrix())
    """
    a = _not_scalar(a)
    found = tuple(apply_many("nonzero", [a]))
    if not return_matrix:
        return found
    return apply("concatenate", *(pad(v, 2) for v in found), axis=0)


def flatnonzero(a: Operand) -> Variable:
    """Where a, flattened, is not 0: an int64 vector. ValueError for a scalar."""
    return nonzero(flatten(_not_scalar(a)))[0]


def _not_scalar(a):
    a = as_tensor_variable(a)
    if not a.type.ndim:
        raise ValueError("Nonzero only supports non-scalar arrays; flatten it first")
    return a


def nonzero_values(a: Operand) -> Variable:
    """The elements of a that are not 0, as a vector."""
    a = as_tensor_variable(a)
    return getitem(flatten(a), flatnonzero(a))


def compress(condition: Operand, x: Operand, axis: int | None = None) -> Variable:
    """The parts of x along ``axis`` (None: of x flattened) where the vector ``condition`` is not 0."""
    return take(x, nonzero(condition)[0], axis)


def choose(a: Operand, choices: Operand, out: Any = None, mode: str = "raise") -> Variable:
    """Element by element, the one of ``choices`` (a list, or an array along its first axis) that a says.

    ``mode`` as in ``take``; ``out`` must be None (TypeError).
    """
    if out is not None:
        raise TypeError("choose has no out=: a graph writes into nothing")
    a, choices = as_tensor_variable(a), as_tensor_variable(choices)
    if mode != "raise":
        n = sizes.variable(sizes.length(choices, 0))
        a = a % n if mode == "wrap" else a.clip(0, n - 1)
    ndim = max(a.type.ndim, choices.type.ndim - 1)
    choices = reorder(
        choices, [0] + ["x"] * (ndim - choices.type.ndim + 1) + list(range(1, choices.type.ndim))
    )
    a = pad(a, ndim)
    wanted = [
        sizes.length(a, d) if not a.broadcastable[d] else sizes.length(choices, d + 1) for d in range(ndim)
    ]
    choices = to_sizes(choices, [sizes.length(choices, 0)] + wanted)
    places = [
        reorder(apply("iota", sizes.variable(n)), ["x"] * d + [0] + ["x"] * (ndim - d - 1))
        for d, n in enumerate(wanted)
    ]
    return getitem(choices, (to_sizes(a, wanted), *places))
