"""Axes and shapes: dimshuffle, reshape, broadcast_to and what is made of them. Nothing here computes
elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.exceptions import AxisError

from tgen.graph import sizes
from tgen.graph.nodes import Constant, Variable, mention

from .apply import apply, pad, reorder
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.core.types import Axes
    from tgen.graph.nodes import Operand

__all__ = [
    "dimshuffle",
    "transpose",
    "swapaxes",
    "squeeze",
    "expand_dims",
    "moveaxis",
    "shape",
    "shape_padleft",
    "shape_padright",
    "shape_padaxis",
    "reshape",
    "flatten",
    "ravel",
    "broadcast_to",
    "addbroadcast",
    "unbroadcast",
    "patternbroadcast",
    "specify_shape",
    "tensor_copy",
    "transfer",
    "scalar_from_tensor",
    "tensor_from_scalar",
    "get_vector_length",
    "is_flat",
]


def axis_number(axis: Any, ndim: int, what: str = "axis") -> int:
    """A non-negative axis number; TypeError when it is no int, AxisError (a ValueError and an IndexError)
    when there is none.
    """
    if isinstance(axis, Constant):
        axis = axis.data
    if isinstance(axis, (bool, Variable)) or not hasattr(axis, "__index__"):
        raise TypeError(f"{what} must be an int known when the graph is built, got {axis!r}")
    number = axis.__index__()
    if not -ndim <= number < ndim:
        raise AxisError(
            f"{what} {number} is out of bounds for a value with {ndim} dimension{'s' * (ndim != 1)}"
        )
    return number % ndim


def dimshuffle(x: Operand, *pattern: Any) -> Variable:
    """Axes in another order: an int is an axis of x, 'x' a new axis of size 1 that broadcasts.

    An axis that is not named must be 1 in the type (ValueError). Same dtype.

    >>> import tgen.tensor as T
    >>> T.dimshuffle(T.vector(), 'x', 0).broadcastable
    (True, False)
    """
    x = as_tensor_variable(x)
    if len(pattern) == 1 and isinstance(pattern[0], (list, tuple)):
        pattern = pattern[0]
    order = tuple(
        p if isinstance(p, str) and p == "x" else axis_number(p, x.type.ndim, "dimshuffle axis")
        for p in pattern
    )
    return reorder(x, order)


def transpose(x: Operand, *axes: Any) -> Variable:
    """The axes reversed, or in the order ``axes`` (ints, or one list of them). ``x.T`` is named so if x has a
    name.

    >>> import tgen.tensor as T
    >>> T.transpose(T.row()).broadcastable
    (False, True)
    """
    x = as_tensor_variable(x)
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (list, tuple))):
        axes = axes[0] or ()
    named = x.name is not None and not axes
    order = [axis_number(a, x.type.ndim) for a in axes] or list(reversed(range(x.type.ndim)))
    if sorted(order) != list(range(x.type.ndim)):
        raise ValueError(f"transpose wants each of the {x.type.ndim} axes of {x} once, got {tuple(axes)}")
    result = reorder(x, order)
    if named:
        result.name = f"{x.name}.T"
    return result


def swapaxes(x: Operand, axis1: int, axis2: int) -> Variable:
    """x with two axes exchanged."""
    x = as_tensor_variable(x)
    order = list(range(x.type.ndim))
    a, b = axis_number(axis1, x.type.ndim), axis_number(axis2, x.type.ndim)
    order[a], order[b] = order[b], order[a]
    return reorder(x, order)


def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Variable:
    """x with axis ``source`` at place ``destination``, the others in their order."""
    x = as_tensor_variable(x)
    order = [a for a in range(x.type.ndim) if a != axis_number(source, x.type.ndim)]
    order.insert(axis_number(destination, x.type.ndim), axis_number(source, x.type.ndim))
    return reorder(x, order)


def squeeze(x: Operand, axis: Axes = None) -> Variable:
    """x without its axes of size 1: those the type knows, or the given ones (then checked when the function
    runs).

    >>> import tgen.tensor as T
    >>> T.squeeze(T.row()).ndim
    1
    """
    x = as_tensor_variable(x)
    if axis is None:
        gone = [a for a, one in enumerate(x.broadcastable) if one]
    else:
        gone = [axis_number(a, x.type.ndim) for a in (axis if isinstance(axis, (list, tuple)) else [axis])]
        x = addbroadcast(x, *gone)
    return reorder(x, [a for a in range(x.type.ndim) if a not in gone])


def expand_dims(x: Operand, axis: int | Sequence[int]) -> Variable:
    """x with new axes of size 1 that stand at ``axis`` (int or tuple) in the result."""
    x = as_tensor_variable(x)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    new = {axis_number(a, x.type.ndim + len(axes)) for a in axes}
    old = iter(range(x.type.ndim))
    return reorder(x, ["x" if a in new else next(old) for a in range(x.type.ndim + len(axes))])


def shape_padleft(x: Operand, n_ones: int = 1) -> Variable:
    """x with n_ones axes of size 1 before its own.

    >>> import tgen.tensor as T
    >>> T.shape_padleft(T.vector()).broadcastable
    (True, False)
    """
    x = as_tensor_variable(x)
    return pad(x, x.type.ndim + n_ones)


def shape_padright(x: Operand, n_ones: int = 1) -> Variable:
    """x with n_ones axes of size 1 after its own."""
    x = as_tensor_variable(x)
    return reorder(x, tuple(range(x.type.ndim)) + ("x",) * n_ones)


def shape_padaxis(x: Operand, axis: int) -> Variable:
    """x with one new axis of size 1 at place ``axis`` of the result."""
    return expand_dims(x, axis)


def tensor_copy(x: Operand, name: str | None = None) -> Variable:
    """x as another variable (``x.copy()``): same type, same values."""
    x = as_tensor_variable(x)
    result = reorder(x, range(x.type.ndim))
    result.name = name
    return result


def transfer(x: Operand, target: Any) -> Variable:
    """x, the only place being the CPU; ValueError for another target."""
    if target != "cpu":
        raise ValueError(f"tgen runs on the CPU only; it cannot transfer {x} to {target!r}")
    return as_tensor_variable(x)


def scalar_from_tensor(x: Operand) -> Variable:
    """x, which must have no dimensions (TypeError). A scalar and a tensor without dimensions are one here."""
    x = as_tensor_variable(x)
    if x.type.ndim:
        raise TypeError(f"a scalar has no dimensions, got {x} of {x.type}")
    return x


tensor_from_scalar = scalar_from_tensor


# -- shape ---------------------------------------------------------------------------------------------------


def shape(x: Operand) -> Variable:
    """The sizes of x as an int64 vector. Its length is known, so it unpacks; an element is a scalar of its
    own.

    >>> import tgen.tensor as T
    >>> rows, columns = T.matrix().shape
    >>> rows.dtype, columns.ndim
    ('int64', 0)
    """
    x = as_tensor_variable(x)
    if x.type.ndim == 0:
        return mention(as_tensor_variable(np.zeros(0, "int64")), [x])
    return apply("make_vector", *(apply("shape_i", x, axis=a) for a in range(x.type.ndim)))


def get_vector_length(v: Operand) -> int:
    """The number of elements of a vector as an int; ValueError if the graph does not tell it, TypeError for
    other ranks.

    >>> import tgen.tensor as T
    >>> get_vector_length(T.tensor3().shape)
    3
    """
    v = as_tensor_variable(v)
    if v.type.ndim != 1:
        raise TypeError(f"argument must be symbolic vector, got {v} of {v.type}")
    known = sizes.elements(v)
    if known is None and not isinstance(v.type.shape[0], int):
        raise ValueError(f"length not known: that of {v} of {v.type}")
    return len(known) if known is not None else v.type.shape[0]


def is_flat(x: Operand, ndim: int = 1) -> bool:
    """Whether x has ``ndim`` dimensions, so that ``flatten(x, ndim)`` would change nothing."""
    return as_tensor_variable(x).type.ndim == ndim


def size(x: Operand) -> Variable:
    """The number of elements of x, an int64 scalar."""
    x = as_tensor_variable(x)
    total = sizes.variable(1)
    for axis in range(x.type.ndim):
        one = apply("shape_i", x, axis=axis)
        total = one if axis == 0 else apply("mul", total, one)
    return total if x.type.ndim else mention(total, [x])


def reshape(x: Operand, newshape: Operand, ndim: int | None = None) -> Variable:
    """The elements of x in C order under another shape of as many elements.

    ``newshape`` holds ints and integer scalars, one of them may be -1; it may be an integer vector if its
    length is known, or given as ``ndim`` (else ValueError). Another number of elements is a ValueError, here
    or when the function runs. Same dtype.

    >>> import tgen.tensor as T
    >>> x = T.tensor3()
    >>> T.reshape(x, (x.shape[0], -1)).ndim, x.reshape((1, -1)).broadcastable
    (2, (True, False))
    """
    x = as_tensor_variable(x)
    if (
        ndim is not None
        and isinstance(newshape, Variable)
        and newshape.type.ndim == 1
        and sizes.elements(newshape) is None
    ):
        wanted = _resolve_at_run(
            [sizes.as_size(newshape[i]) for i in range(ndim)], sizes.product(sizes.lengths(x))
        )
    else:
        wanted = _resolve(x, sizes.as_shape(newshape, "newshape"))
    if ndim is not None and len(wanted) != ndim:
        hint = "; a shape is one argument: x.reshape((2, 3))" if len(wanted) == 1 else ""
        raise ValueError(
            f"newshape has {len(wanted)} element{'s' * (len(wanted) != 1)}, but ndim={ndim}{hint}"
        )
    return apply("reshape", x, *map(sizes.variable, wanted), ndim=len(wanted), weak=x.type.weak)


def _resolve(x, wanted):
    """The sizes with -1 computed. Sizes that both shapes have cancel, so (x.shape[0], -1) divides nothing."""
    if not any(sizes.is_known(s, -1) for s in wanted):
        return wanted
    if sum(sizes.is_known(s, -1) for s in wanted) > 1:
        raise ValueError(f"only one size of newshape can be -1, got {wanted}")
    have, given = sizes.lengths(x), [s for s in wanted if not sizes.is_known(s, -1)]
    for s in list(given):
        match = next((k for k, h in enumerate(have) if sizes.same(h, s)), None)
        if match is not None:
            del have[match]
            given.remove(s)
    total, rest = sizes.product(have), sizes.product(given)
    if isinstance(total, int) and isinstance(rest, int) and (total % rest if rest else total):
        raise ValueError(
            f"cannot reshape {x} of {x.type} into {tuple(wanted)}: {total} elements do not divide by {rest}"
        )
    left = sizes.div(total, rest)
    return [left if sizes.is_known(s, -1) else s for s in wanted]


def _resolve_at_run(wanted, total):
    """Sizes read from data, of which one may turn out to be -1: that one becomes total //
    -(product of all).
    """
    left = sizes.div(total, sizes.maximum(sizes.sub(0, sizes.product(wanted)), 1))
    resolved = []
    for s in wanted:
        missing = sizes.minimum(sizes.maximum(sizes.sub(0, s), 0), 1)
        resolved.append(sizes.add(s, sizes.mul(missing, sizes.add(left, 1))))
    return resolved


def flatten(x: Operand, ndim: int | None = None, outdim: int | None = None) -> Variable:
    """The first ndim - 1 axes of x, and all others as one last axis; one axis by default.

    >>> import tgen.tensor as T
    >>> T.flatten(T.tensor3(), 2).ndim, T.tensor4().flatten().ndim
    (2, 1)
    """
    x = as_tensor_variable(x)
    ndim = 1 if ndim is None and outdim is None else ndim if outdim is None else outdim
    if not isinstance(ndim, int) or ndim < 1 or ndim > x.type.ndim and x.type.ndim:
        raise ValueError(
            f"flatten of {x} of {x.type} wants an int ndim from 1 to {max(x.type.ndim, 1)}, got {ndim!r}"
        )
    have = sizes.lengths(x)
    if ndim == 1 == x.type.ndim:
        return x
    wanted = have[: ndim - 1] + [sizes.product(have[ndim - 1 :])]
    return apply("reshape", x, *map(sizes.variable, wanted), ndim=ndim, weak=x.type.weak)


def ravel(x: Operand) -> Variable:
    """x as a vector, in C order."""
    return flatten(x, 1)


def to_sizes(x: Operand, wanted: Sequence[Any]) -> Variable:
    """x with its axes that are 1 in the type repeated to the sizes ``wanted`` (rank padded on the left)."""
    x = pad(x, len(wanted))
    if all(isinstance(s, int) and s == h for s, h in zip(wanted, x.type.shape)):
        return x
    return apply("broadcast_to", x, *map(sizes.variable, wanted), weak=x.type.weak)


def broadcast_to(x: Operand, shape: Operand) -> Variable:
    """x repeated to ``shape``: axes that are 1 in the type (and new ones on the left) repeat, the others must
    have their size.

    >>> import tgen.tensor as T
    >>> T.broadcast_to(T.row(), (3, T.lscalar())).type.shape
    (3, None)
    """
    x, wanted = as_tensor_variable(x), sizes.as_shape(shape)
    if len(wanted) < x.type.ndim:
        raise ValueError(f"cannot broadcast {x} of {x.type} to {len(wanted)} dimensions, fewer than its own")
    return to_sizes(x, wanted)


# -- what the type knows of an axis --------------------------------------------------------------------------


def addbroadcast(x: Operand, *axes: int) -> Variable:
    """x whose axes are declared to be of size 1, so that they broadcast; checked when the function runs
    (ValueError).

    >>> import tgen.tensor as T
    >>> T.addbroadcast(T.matrix(), 0).broadcastable
    (True, False)
    """
    x = as_tensor_variable(x)
    new = tuple(
        sorted(
            {axis_number(a, x.type.ndim) for a in axes} - {a for a, one in enumerate(x.broadcastable) if one}
        )
    )
    return apply("rebroadcast", x, axes=new, weak=x.type.weak) if new else x


def unbroadcast(x: Operand, *axes: int) -> Variable:
    """x whose axes do not broadcast, even if they are of size 1.

    >>> import tgen.tensor as T
    >>> T.unbroadcast(T.col(), 1).broadcastable
    (False, False)
    """
    x = as_tensor_variable(x)
    gone = tuple(
        sorted(
            {axis_number(a, x.type.ndim) for a in axes} & {a for a, one in enumerate(x.broadcastable) if one}
        )
    )
    return apply("unbroadcast", x, axes=gone, weak=x.type.weak) if gone else x


def specify_shape(x: Operand, shape: Operand) -> Variable:
    """x, of which ``shape`` says the sizes: ints, which the type knows from here on, integer scalars, None
    for those left open.

    One that differs is a ValueError, here if both are known, else when the function runs.

    >>> import tgen.tensor as T
    >>> T.specify_shape(T.matrix(), (3, None)).type
    TensorType(float64, shape=(3, ?))
    """
    x = as_tensor_variable(x)
    have = sizes.lengths(x)
    wanted = (
        [h if s is None else sizes.as_size(s, "each element of shape") for s, h in zip(shape, have)]
        if isinstance(shape, (list, tuple))
        else sizes.as_shape(shape)
    )
    if isinstance(shape, (list, tuple)) and len(shape) != len(have) or len(wanted) != len(have):
        raise ValueError(
            f"specify_shape of {x} of {x.type}: shape has "
            f"{len(shape) if isinstance(shape, (list, tuple)) else len(wanted)} sizes, x "
            f"{len(have)} dimensions"
        )
    for axis, (s, h) in enumerate(zip(wanted, have)):
        if isinstance(s, int) and isinstance(h, int) and s != h:
            raise ValueError(f"specify_shape of {x} of {x.type}: axis {axis} is {h}, not {s}")
    grown = [a for a, s in enumerate(wanted) if x.broadcastable[a] and not sizes.is_known(s, 1)]
    return to_sizes(unbroadcast(x, *grown), wanted)


def patternbroadcast(x: Operand, broadcastable: Sequence[bool]) -> Variable:
    """x with the given pattern: True where an axis is of size 1 (checked) and broadcasts. Axes beyond its end
    stay as they are.

    >>> import tgen.tensor as T
    >>> patternbroadcast(T.matrix(), [True]).broadcastable, patternbroadcast(T.col(), ()).broadcastable
    ((True, False), (False, True))
    """
    x = as_tensor_variable(x)
    if len(broadcastable) > x.type.ndim:
        raise ValueError(f"the pattern {tuple(broadcastable)} is not for the {x.type.ndim} dimensions of {x}")
    x = addbroadcast(x, *(a for a, one in enumerate(broadcastable) if one))
    return unbroadcast(x, *(a for a, one in enumerate(broadcastable) if not one))
