"""The primitives, by family. Each file registers its own in ``OPS``, which is whole when this package is
imported.
"""

from tgen.core.op import OPS

from . import (
    control,
    conv,
    demand,
    elemwise,
    host,
    index,
    known,
    lapack,
    linalg,
    loop,
    pool,
    random,
    randomstate,
    reduce,
    shape,
    softmax,
    sort,
    stable,
)

__all__ = [
    "OPS",
    "control",
    "conv",
    "demand",
    "elemwise",
    "host",
    "index",
    "known",
    "lapack",
    "linalg",
    "loop",
    "pool",
    "random",
    "randomstate",
    "reduce",
    "shape",
    "softmax",
    "sort",
    "stable",
]
