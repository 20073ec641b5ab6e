"""C texts of sizes: a symbol has the name in the C that it has in the IR text."""

from contextvars import ContextVar

from tgen.core.dtypes import DTYPE

from .c import expression
from .nest import of_size


def ctype(dtype):
    return DTYPE[dtype].c


NAMED = ContextVar("NAMED", default=None)  # the sizes.Named of the file that is being written


def size(of):
    """A size of the IR as an expression, by its name if it has one."""
    table = NAMED.get()
    return of_size(of, table.name) if table else of_size(of)


def size_c(of, prefix=""):
    """A size as a C expression of type int64_t; symbols get ``prefix`` (``f->`` outside kernels)."""
    return expression(size(of), frame=bool(prefix))


def bracket(text):
    """text as an operand of * : in brackets when it is a sum."""
    return f"({text})" if " " in text or text.startswith("-") else text
