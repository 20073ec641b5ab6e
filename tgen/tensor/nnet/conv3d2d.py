"""``theano.tensor.nnet.conv3d2d``: the convolution of films under its old name and axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..manipulate import dimshuffle
from .abstract_conv import conv3d as _conv3d

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["conv3d"]
_ORDER = (0, 2, 1, 3, 4)  # time and channels change places


def conv3d(
    signals: Operand,
    filters: Operand,
    signals_shape: Any = None,
    filters_shape: Any = None,
    border_mode: Any = "valid",
) -> Variable:
    """``nnet.conv3d`` of films [batch, times, channels, rows, columns] with filters [filters, times,
    channels, rows, columns].

    The result is [batch, times, filters, rows, columns]. The shapes (ints or None) state sizes; they are
    checked.

    >>> import tgen.tensor as T
    >>> conv3d(T.ftensor5(), T.ftensor5(), (None, 9, 1, 28, 28), (20, 3, 1, 5, 5)).type.shape
    (None, 7, 20, 24, 24)
    """
    shapes = [None if s is None else tuple(s[a] for a in _ORDER) for s in (signals_shape, filters_shape)]
    return dimshuffle(
        _conv3d(dimshuffle(signals, *_ORDER), dimshuffle(filters, *_ORDER), *shapes, border_mode=border_mode),
        *_ORDER,
    )
