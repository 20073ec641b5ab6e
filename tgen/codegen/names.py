"""Sizes as expressions: a symbol has the name in the C that it has in the IR text."""

from contextvars import ContextVar

from tgen.core import dims

from .nest import of_size

NAMED = ContextVar("NAMED", default=None)  # the sizes.Named of the file that is being written


def size(of):
    """A size of the IR as an expression, by its name if it has one."""
    table = NAMED.get()
    return of_size(of, table.name) if table else of_size(of)


def dense_strides(shape):
    """How far apart the elements of a C-contiguous array are along each axis."""
    return [size(dims.product(shape[k + 1 :])) for k in range(len(shape))]
