"""What runs programs: ``c`` compiles a text and keeps it, ``interp`` is the reference interpreter.

Which calls a backend has is said in ``interface.py``; this file is all that the rooms above know.
"""

from tgen.backends.c.backend import C
from tgen.backends.c.host import free_pool, pool_stats, table
from tgen.backends.c.inside import raised
from tgen.backends.interface import Backend, Library
from tgen.backends.interp.backend import Interpreter

BACKENDS: tuple[Backend, ...] = (C(), Interpreter())
# modes of the passes that another backend than the first serves
SERVED = {"INTERPRET": BACKENDS[1]}

__all__ = ["BACKENDS", "Backend", "Library", "backend_of", "free_pool", "pool_stats", "raised", "table"]


def backend_of(mode: str) -> Backend:
    """The Backend for a mode of the passes.

    >>> backend_of("FAST_RUN").name, backend_of("INTERPRET").name
    ('c', 'interp')
    """
    return SERVED.get(mode, BACKENDS[0])
