"""The primitives, by family. Importing this package fills core.op.OPS."""

from . import (
    control,
    conv,
    demand,
    elemwise,
    host,
    index,
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

from . import known  # isort: skip  (it adds to the ops of the others)

__all__ = [
    "control",
    "conv",
    "demand",
    "elemwise",
    "host",
    "index",
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
