"""``import tgen.tensor as T``: symbolic arrays and the functions over them.

>>> import tgen.tensor as T
>>> x, w = T.fmatrix("x"), T.fvector("w")
>>> (T.dot(x, w) * 2 + 1).type
TensorType(float32, vector)
"""

from tgen.core.dtypes import DTYPES, is_float
from tgen.runtime.shared import shared

from . import (
    apply,
    constructors,
    counting,
    creation,
    diagonals,
    drawing,
    einsum,
    elemwise,
    gradient,
    indexing,
    join,
    linalg,
    manipulate,
    math,
    methods,
    nnet,
    positions,
    printing,
    promotion,
    reduce,
    signal,
    sorting,
    subtensor,
    variable,
    verify,
)
from .elemwise import Elemwise, switch, where
from .promotion import as_dtype, cast, upcast

_AREAS = (
    math,
    reduce,
    creation,
    manipulate,
    join,
    diagonals,
    indexing,
    positions,
    subtensor,
    linalg,
    sorting,
    counting,
    einsum,
    gradient,
    printing,
    verify,
    variable,
)
__all__ = [
    "nnet",
    "signal",
    "shared",
    "switch",
    "where",
    "cast",
    "upcast",
    "Elemwise",
    *elemwise.FUNCTIONS,
    *constructors.NAMES,
]
globals().update(elemwise.FUNCTIONS)
globals().update({name: getattr(constructors, name) for name in constructors.NAMES})
# the names of dtypes, as lists
float_dtypes = continuous_dtypes = [d for d in DTYPES if is_float(d)]
int_dtypes, uint_dtypes = ([d for d in DTYPES if d.startswith(kind)] for kind in ("int", "uint"))
integer_dtypes = discrete_dtypes = int_dtypes + uint_dtypes
all_dtypes, complex_dtypes = list(DTYPES), []
for _area in _AREAS:
    globals().update({name: getattr(_area, name) for name in _area.__all__})
    __all__ += _area.__all__
