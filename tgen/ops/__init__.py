"""The primitives, by family. Importing this package fills core.op.OPS."""
from . import control, conv, demand, elemwise, host, index, linalg, loop, pool, reduce, shape, sort  # isort: skip
from . import known, stable, random, randomstate

__all__ = ["control", "conv", "demand", "elemwise", "host", "index", "linalg", "loop", "pool", "random", "randomstate", "reduce", "shape", "sort", "stable"]
