"""``theano.tensor.nnet.conv``: the convolution under its old signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .abstract_conv import conv2d as _conv2d

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
    **old: Any,
) -> Variable:
    """``nnet.conv2d`` under its old signature; border_mode is 'valid' or 'full'. Arguments that tuned
    Theano's C are ignored.

    >>> import tgen.tensor as T
    >>> x, w = T.ftensor4(), T.ftensor4()
    >>> conv2d(x, w, (None, 1, 28, 28), (20, 1, 5, 5), border_mode="full").type.shape[2:]
    (32, 32)
    """
    tuning = (
        "version",
        "verbose",
        "unroll_batch",
        "unroll_kern",
        "unroll_patch",
        "openmp",
        "_direct_mode",
        "imshp",
        "kshp",
        "nkern",
        "bsize",
    )
    for name in old:
        if name not in tuning:
            raise TypeError(f"conv2d got an unexpected keyword argument {name!r}")
    if border_mode not in ("valid", "full"):
        raise ValueError(
            f"border_mode {border_mode!r}; here it must be 'valid' or 'full' (nnet.conv2d takes more)"
        )
    return _conv2d(input, filters, image_shape, filter_shape, border_mode, subsample)
