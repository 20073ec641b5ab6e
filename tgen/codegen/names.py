"""Sizes as expressions: a symbol has the name in the C that it has in the IR text."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar

from tgen.core import dims
from tgen.core.dims import Extent

from .nest import Expression, Namer, of_size, unnamed

NAMES: ContextVar[Namer] = ContextVar("NAMES", default=unnamed)  # of the sizes of the file in the making
# shape -> the strides of a dense array, which most kernels of a file ask for again
STRIDES: ContextVar[dict[tuple[Extent, ...], list[Expression]]] = ContextVar("STRIDES")


def size(of: Extent) -> Expression:
    """A size of the IR as an expression, by its name if it has one."""
    return of_size(of, NAMES.get())


def dense_strides(shape: Sequence[Extent]) -> list[Expression]:
    """How far apart the elements of a C-contiguous array are along each axis."""
    known, key = STRIDES.get({}), tuple(shape)
    if key not in known:
        known[key] = [size(dims.product(key[k + 1 :])) for k in range(len(key))]
    return known[key]
