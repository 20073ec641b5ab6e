"""``import tgen.tensor as T``: symbolic arrays and the functions over them.

>>> import tgen.tensor as T
>>> x, w = T.fmatrix("x"), T.fvector("w")
>>> (T.dot(x, w) * 2 + 1).type
TensorType(float32, vector)
"""

from tgen.core.dtypes import DTYPE, FLOATS
from tgen.runtime.shared import shared
from tgen.show import printing
from tgen.show.printing import *  # noqa: F403

from . import (
    apply,
    constructors,
    counting,
    creation,
    diagonals,
    elemwise,
    gradient,
    indexing,
    linalg,
    manipulate,
    math,
    methods,
    nnet,
    positions,
    promotion,
    reduce,
    signal,
    slinalg,
    sorting,
    subtensor,
    tables,
    variable,
    verify,
)
from . import einsum as _einsum  # a function has its file's name, too
from . import join as _join
from .constructors import tensor
from .counting import *  # noqa: F403  (its __all__)
from .creation import *  # noqa: F403
from .diagonals import *  # noqa: F403
from .einsum import *  # noqa: F403
from .elemwise import Elemwise, switch, where
from .gradient import *  # noqa: F403
from .indexing import *  # noqa: F403
from .join import *  # noqa: F403
from .linalg import *  # noqa: F403
from .manipulate import *  # noqa: F403
from .math import *  # noqa: F403
from .positions import *  # noqa: F403
from .promotion import as_dtype, cast, upcast
from .reduce import *  # noqa: F403
from .sorting import *  # noqa: F403
from .subtensor import *  # noqa: F403
from .tables import *  # noqa: F403
from .variable import *  # noqa: F403
from .verify import *  # noqa: F403

__all__ = ["nnet", "signal", "slinalg", "shared", "switch", "where", "cast", "upcast", "Elemwise", "tensor"]
__all__ += tables.__all__
__all__ += math.__all__
__all__ += reduce.__all__
__all__ += creation.__all__
__all__ += manipulate.__all__
__all__ += _join.__all__
__all__ += diagonals.__all__
__all__ += indexing.__all__
__all__ += positions.__all__
__all__ += subtensor.__all__
__all__ += linalg.__all__
__all__ += sorting.__all__
__all__ += counting.__all__
__all__ += _einsum.__all__
__all__ += gradient.__all__
__all__ += printing.__all__
__all__ += verify.__all__
__all__ += variable.__all__

# the names of dtypes, as lists
float_dtypes = continuous_dtypes = list(FLOATS)
int_dtypes = [name for name, d in DTYPE.items() if d.kind == "i"]
uint_dtypes = [name for name, d in DTYPE.items() if d.kind == "u"]
integer_dtypes = discrete_dtypes = int_dtypes + uint_dtypes
all_dtypes = list(DTYPE)
complex_dtypes: list[str] = []
