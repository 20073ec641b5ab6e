"""Convolutions and pools: calls of templates/lib/conv.c.j2 and pooling.c.j2, in parts. See library.py for what an emitter is."""
from tgen.core import dims

from .library import CODE, contiguous, emits
from .loops import Lines
from .module_sizes import three
from .names import bracket, ctype, plus, size_c
