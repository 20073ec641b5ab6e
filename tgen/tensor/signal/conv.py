"""``theano.tensor.signal.conv``: convolutions of plain images, without channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tgen.core.types import float_of

from ..apply import reorder
from ..nnet.abstract_conv import conv2d as _conv2d
from ..promotion import cast, unify
from ..variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["conv2d"]


def conv2d(
    input: Operand,
    filters: Operand,
    image_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Sequence[int] = (1, 1),
    **tuning: Any,
) -> Variable:
    """The convolution of an image or a stack of images (2 or 3 dimensions) with a filter or a stack of
    filters.

    The result is [images, filters, rows, columns], without the axes of what was no stack. ``border_mode`` is
    'valid' or 'full', shapes (ints or None) state sizes; arguments that tuned Theano's C are ignored.
    TypeError for other ranks.

    >>> import numpy as np
    >>> conv2d(np.eye(3), np.ones((2, 2))).eval()
    array([[2., 1.],
           [1., 2.]])
    """
    if border_mode not in ("valid", "full"):
        raise ValueError(f"border_mode {border_mode!r}; it must be 'valid' or 'full'")
    (x, w), _ = unify([as_tensor_variable(input), as_tensor_variable(filters)])
    for v, what in ((x, "input"), (w, "filters")):
        if v.type.ndim not in (2, 3):
            raise TypeError(
                f"{what} of signal.conv.conv2d has 2 or 3 dimensions, got {v} of {v.type}; "
                "nnet.conv2d takes 4"
            )
    stacks = [v.type.ndim == 3 for v in (x, w)]
    x, w = (
        cast(reorder(v, (0, "x", 1, 2) if stack else ("x", "x", 0, 1)), float_of(v.type.dtype))
        for v, stack in zip((x, w), stacks)
    )
    shapes = [_with_channel(shape, stack) for shape, stack in zip((image_shape, filter_shape), stacks)]
    z = _conv2d(x, w, *shapes, border_mode=border_mode, subsample=subsample)
    return reorder(
        z[(slice(None) if stacks[0] else 0, slice(None) if stacks[1] else 0)], range(2 + sum(stacks))
    )


def _with_channel(shape, stack):
    """A stated shape with one channel, and one image if it was no stack."""
    if shape is None:
        return None
    count, *size = shape if stack else (1, *shape)
    return (count, 1, *size)
