"""The primitives, by family. Importing this package fills core.op.OPS."""

from . import (
    control,
    conv,
    demand,
    elemwise,
    host,
    index,
    known,
    linalg,
    loop,
    pool,
    random,
    randomstate,
    reduce,
    shape,
    sort,
    stable,
)

__all__ = [
    "control",
    "conv",
    "demand",
    "elemwise",
    "host",
    "index",
    "known",
    "linalg",
    "loop",
    "pool",
    "random",
    "randomstate",
    "reduce",
    "shape",
    "sort",
    "stable",
]
