"""``theano.tensor.signal.downsample``: the max pool under its old names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pool import max_pool_2d_same_size, pool_2d

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["max_pool_2d", "max_pool_2d_same_size", "pool_2d"]


def max_pool_2d(
    input: Operand,
    ds: Any,
    ignore_border: bool | None = None,
    st: Any = None,
    padding: Any = (0, 0),
    mode: str = "max",
) -> Variable:
    """``signal.pool.pool_2d`` under its old name: windows ``ds``, at a distance of ``st`` (None: ds).

    >>> import tgen.tensor as T
    >>> max_pool_2d(T.tensor4(), (2, 2), ignore_border=True).ndim
    4
    """
    return pool_2d(input, ds, ignore_border, st, padding, mode)
