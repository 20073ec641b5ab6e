"""The primitives, by family. Importing this package fills core.op.OPS."""
from . import control, elemwise, index, linalg, reduce, shape  # isort: skip
from . import stable, random, randomstate

__all__ = ["control", "elemwise", "index", "linalg", "random", "randomstate", "reduce", "shape", "stable"]
