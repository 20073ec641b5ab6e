"""Random streams: Theano's two, whose digits never change, and counter-based ones for new code.

>>> import tgen
>>> srng = tgen.random.philox(seed=1)
>>> f = tgen.function([], srng.normal((3, 2)))
>>> f().shape, bool((f() == f()).any())
((3, 2), False)
"""

from .mrg import MRG_RandomStreams
from .philox import PhiloxStreams, philox
from .randomstate import RandomStateVariable, RandomStreams

__all__ = ["MRG_RandomStreams", "PhiloxStreams", "RandomStateVariable", "RandomStreams", "philox"]
