"""Patches of images as rows of a matrix, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tgen.errors import ShapeTypeError
from tgen.graph import sizes

from ..apply import apply, demand, reorder
from ..creation import arange
from ..elemwise import elemwise, switch
from ..manipulate import reshape
from ..variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["images2neibs", "neibs2images"]
MODES = ("valid", "ignore_borders", "wrap_centered", "half", "full")


def _pair(value, what):
    pair = sizes.as_shape(value, what)
    if len(pair) != 2 or any(isinstance(n, int) and n < 1 for n in pair):
        raise ValueError(f"{what} must be two positive ints, got {value}")
    return pair


def _places(size, window, step, mode):
    """(how many windows stand on an axis, where the first one begins)."""
    if mode == "wrap_centered":
        return sizes.div(sizes.sub(sizes.add(size, step), 1), step), sizes.mul(
            sizes.div(sizes.sub(window, 1), 2), -1
        )
    pad = {"half": sizes.div(window, 2), "full": sizes.sub(window, 1)}.get(mode, 0)
    room = sizes.sub(sizes.add(size, sizes.mul(pad, 2)), window)
    return sizes.maximum(sizes.add(sizes.div(room, step), 1), 0), sizes.mul(pad, -1)


def _indices(size, window, step, mode):
    """An integer matrix [windows, window]: the elements of the axis in each window; outside, for half and
    full, -1.
    """
    count, start = _places(size, window, step, mode)
    starts = reorder(arange(sizes.variable(count)), (0, "x")) * sizes.variable(step) + sizes.variable(start)
    at = starts + reorder(arange(sizes.variable(window)), ("x", 0))
    return at % sizes.variable(size) if mode == "wrap_centered" else at


def _taken(x, axis, index, size, padded):
    """x with ``axis`` replaced by the two axes of an index matrix; elements outside are 0 if there can be
    any.
    """
    if not padded:
        return apply("gather", x, index, axis=axis, count=1)
    inside = elemwise("and_")(elemwise("ge")(index, 0), elemwise("lt")(index, sizes.variable(size)))
    taken = apply(
        "gather", x, elemwise("clip")(index, 0, sizes.variable(sizes.sub(size, 1))), axis=axis, count=1
    )
    spread = ["x"] * axis + [0, 1] + ["x"] * (x.type.ndim - axis - 1)
    return switch(reorder(inside, spread), taken, 0)


def images2neibs(ten4: Operand, neib_shape: Any, neib_step: Any = None, mode: str = "valid") -> Variable:
    """The windows of images [batch, channels, rows, columns], each a row of a matrix; dtype as ten4.

    Windows have the sizes ``neib_shape`` and stand ``neib_step`` apart (None: neib_shape). mode 'valid' wants
    windows that cover the image exactly, 'ignore_borders' drops what is left over, 'wrap_centered' centers
    windows of odd sizes at each place and goes on at the other side, 'half' and 'full' pad with zeros.
    TypeError for other ranks; for shapes that do not fit, here or when the function runs, one that is a
    ValueError, too.

    >>> import numpy as np, tgen
    >>> images2neibs(tgen.shared(np.arange(8.0).reshape(1, 1, 2, 4)), (2, 2)).eval()
    array([[0., 1., 4., 5.],
           [2., 3., 6., 7.]])
    """
    x = as_tensor_variable(ten4)
    if x.type.ndim != 4:
        raise TypeError(f"images2neibs takes 4 dimensions, got {x} of {x.type}")
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}; it must be one of {', '.join(MODES)}")
    window = _pair(neib_shape, "neib_shape")
    step = window if neib_step is None else _pair(neib_step, "neib_step")
    batch, channels, *size = sizes.lengths(x)
    x = _fitting(x, size, window, step, mode)
    padded = mode in ("half", "full")
    rows, columns = (_indices(n, w, s, mode) for n, w, s in zip(size, window, step))
    taken = _taken(_taken(x, 3, columns, size[1], padded), 2, rows, size[0], padded)
    windows = sizes.product([batch, channels, sizes.length(taken, 2), sizes.length(taken, 4)])
    return reshape(reorder(taken, (0, 1, 2, 4, 3, 5)), [windows, sizes.product(window)])


def _fitting(x, size, window, step, mode):
    """x, of which windows of these sizes are taken: a ShapeTypeError, here or when the function runs, if
    they do not fit.
    """
    for n, w, s in zip(size, window, step):
        if mode == "valid":
            rest = sizes.mod(sizes.sub(n, w), s)
            message = f"{_shown(w, s)} do not cover an axis of {_shown(n)} exactly"
            x = _demanded(
                x, [(n, ">=", w), (rest, "==", 0)], f"{message}; mode='ignore_borders' drops the rest"
            )
        elif mode == "wrap_centered":
            message = f"mode 'wrap_centered' takes windows of odd sizes, not of {_shown(w)}"
            x = _demanded(x, [(sizes.mod(w, 2), "==", 1)], message)
            message = f"mode 'wrap_centered' takes no windows of {_shown(w)} from an axis of {_shown(n)}"
            x = _demanded(x, [(n, ">=", w)], message)
    return x


def _shown(n, step=None):
    """A size in words, and the step of windows."""
    number = str(n) if isinstance(n, int) else "another size"
    return number if step is None else f"windows of {number} at steps of {_shown(step)}"


def _demanded(x, conditions, message):
    """x, where all (size, comparison, size) hold."""
    for first, comparison, second in conditions:
        if isinstance(first, int) and isinstance(second, int):
            if not (first >= second if comparison == ">=" else first == second):
                raise ShapeTypeError(message)
            continue
        holds = elemwise("ge" if comparison == ">=" else "eq")(sizes.variable(first), sizes.variable(second))
        x = demand(x, holds, message, "ShapeTypeError")
    return x


def neibs2images(neibs: Operand, neib_shape: Any, original_shape: Operand, mode: str = "valid") -> Variable:
    """Images of shape ``original_shape`` from the windows that ``images2neibs`` made of them, step by step of
    neib_shape.

    Where windows did not reach ('ignore_borders') the images are 0.

    >>> import numpy as np, tgen
    >>> x = tgen.shared(np.arange(8.0).reshape(1, 1, 2, 4))
    >>> bool((neibs2images(images2neibs(x, (2, 2)), (2, 2), x.shape).eval() == x.get_value()).all())
    True
    """
    v, window = as_tensor_variable(neibs), _pair(neib_shape, "neib_shape")
    batch, channels, *size = sizes.as_shape(original_shape, "original_shape")
    if mode not in ("valid", "ignore_borders"):
        raise ValueError(f"mode {mode!r}; it must be 'valid' or 'ignore_borders'")
    counts = [sizes.div(n, w) for n, w in zip(size, window)]
    blocks = reorder(reshape(v, [batch, channels, *counts, *window]), (0, 1, 2, 4, 3, 5))
    inner = [sizes.mul(c, w) for c, w in zip(counts, window)]
    image = reshape(blocks, [batch, channels, *inner])
    if mode == "valid":
        return reshape(image, [batch, channels, *size])
    zero = apply(
        "broadcast_to",
        reorder(as_tensor_variable(0.0).astype(v.type.dtype), ("x",) * 4),
        *map(sizes.variable, (batch, channels, *size)),
    )
    return apply("inc_slice", zero, image, *map(sizes.variable, (0,) * 4), steps=(1,) * 4)
