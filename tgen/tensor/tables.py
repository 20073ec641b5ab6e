"""The names of T that are made of tables: a function per scalar primitive, constructors per dtype and rank.
For checkers and editors tables.pyi has them, which tools/stubs.py writes.
"""

from .constructors import PLURAL, SINGLE
from .elemwise import FUNCTIONS

_APART = ("round",)  # its function is in math.py
_NAMES = {name: function for name, function in FUNCTIONS.items() if name not in _APART} | SINGLE | PLURAL
__all__ = list(_NAMES)
globals().update(_NAMES)
