"""Loops and branches in a graph: Theano's ``scan`` and its kin, ``ifelse``, and ``fori`` for new code. They
run inside the compiled function.
"""

from .branches import ifelse
from .checkpoints import scan_checkpoints
from .returns import until
from .scanning import scan
from .views import foldl, foldr, fori, map, reduce

__all__ = ["foldl", "foldr", "fori", "ifelse", "map", "reduce", "scan", "scan_checkpoints", "until"]
