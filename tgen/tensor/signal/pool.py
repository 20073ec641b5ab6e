"""Pools: the maximum, sum or average of windows over the last two or three axes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.graph import sizes

from ..apply import apply
from ..variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["pool_2d", "pool_3d", "max_pool_2d", "max_pool_3d", "max_pool_2d_same_size"]
MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def _ints(values, count, what):
    if isinstance(values, (int, np.integer)):
        values = (values,) * count
    numbers = tuple(sizes.as_shape(values, what))
    if len(numbers) != count or not all(isinstance(n, int) for n in numbers):
        raise ValueError(f"{what} must be {count} ints, got {values}")
    return numbers


def _renamed(new, old, names):
    """The one that is given of an argument under its new and its old name."""
    if old is None:
        return new
    if new is not None:
        raise ValueError(f"give {names[0]} or {names[1]}, its old name, not both")
    warnings.warn(f"the argument {names[1]} of a pool is now {names[0]}", stacklevel=4)
    return old


def _pool(count, input, ws, ignore_border, stride, pad, mode, ds, st, padding):
    x = as_tensor_variable(input)
    ws, stride = _renamed(ws, ds, ("ws", "ds")), _renamed(stride, st, ("stride", "st"))
    pad = _renamed(pad, padding, ("pad", "padding"))
    if x.type.ndim < count:
        raise TypeError(f"pool_{count}d takes at least {count} dimensions, got {x} of {x.type}")
    if ws is None:
        raise TypeError(f"pool_{count}d needs ws, the size of the window")
    if ignore_border is None:
        warnings.warn(
            f"pool_{count}d without ignore_border keeps windows that stick out, as in Theano; say "
            "ignore_border=False, or True, which is faster",
            stacklevel=3,
        )
    window = _ints(ws, count, "ws")
    strides = window if stride is None else _ints(stride, count, "stride")
    pad = (0,) * count if pad is None else _ints(pad, count, "pad")
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}; it must be one of {', '.join(MODES)}")
    if any(pad) and not ignore_border:
        raise ValueError("padding works only with ignore_border=True")
    if any(p < 0 or p >= w for p, w in zip(pad, window)) or min(window + strides) < 1:
        raise ValueError(
            f"windows {window} and strides {strides} must be positive, pad {pad} less than the window"
        )
    return apply(
        "pool", x, window=window, strides=strides, pad=pad, mode=mode, ignore_border=bool(ignore_border)
    )


def pool_2d(
    input: Operand,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = None,
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Variable:
    """One number for each window of ``ws`` (rows, columns) of the last two axes; the other axes and the dtype
    stay.

    Windows stand ``stride`` apart (None: ws). ``mode`` is 'max', 'sum', 'average_inc_pad' or
    'average_exc_pad' (whether averages count padding). ignore_border=True drops windows that stick out at the
    end, False cuts them; only with True may the image be padded, by ``pad`` at both ends (of numbers that win
    no maximum). ds, st and padding are the old names of ws, stride and pad. The gradient of a maximum goes to
    every element that equals it. TypeError for fewer than two dimensions, ValueError for arguments that make
    no sense.

    >>> import numpy as np, tgen
    >>> x = tgen.shared(np.arange(9.0).reshape(3, 3))
    >>> y, z = pool_2d(x, (2, 2), ignore_border=True), pool_2d(x, (2, 2), ignore_border=False, mode="sum")
    >>> y.eval(), z.eval()
    (array([[4.]]), array([[ 8.,  7.],
           [13.,  8.]]))
    """
    return _pool(2, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


def pool_3d(
    input: Operand,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = None,
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Variable:
    """``pool_2d`` over the last three axes.

    >>> import tgen.tensor as T
    >>> pool_3d(T.tensor5(), (2, 2, 2), ignore_border=True).ndim
    5
    """
    return _pool(3, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


def max_pool_2d(
    input: Operand,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = None,
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Variable:
    """``pool_2d``, whose mode is the maximum unless given."""
    return _pool(2, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


def max_pool_3d(
    input: Operand,
    ws: Any = None,
    ignore_border: bool | None = None,
    stride: Any = None,
    pad: Any = None,
    mode: str = "max",
    ds: Any = None,
    st: Any = None,
    padding: Any = None,
) -> Variable:
    """``pool_3d``, whose mode is the maximum unless given."""
    return _pool(3, input, ws, ignore_border, stride, pad, mode, ds, st, padding)


def max_pool_2d_same_size(input: Operand, patch_size: Any) -> Variable:
    """input, of which each window of ``patch_size`` keeps only what equals its maximum; the rest is 0.

    >>> import numpy as np, tgen
    >>> max_pool_2d_same_size(tgen.shared(np.array([[1.0, 2.0]])), (1, 2)).eval()
    array([[0., 2.]])
    """
    x = as_tensor_variable(input)
    z = pool_2d(x, patch_size, True)
    return apply("max_unpool", z, x, z, **z.owner.attrs)
