"""The primitives, by family. Importing this package fills core.op.OPS."""
from . import control, elemwise, index, linalg, reduce, shape  # isort: skip
from . import stable

__all__ = ["control", "elemwise", "index", "linalg", "reduce", "shape", "stable"]
