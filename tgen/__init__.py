"""tgen: interim (builder D): the public names are imported as soon as every package is there."""
from . import errors
from .config import config
try:
    from .graph.nodes import Apply, Constant, Variable
    from .graph.shared import GenericSharedVariable, ScalarSharedVariable, SharedVariable, TensorSharedVariable
    from .backends.c import host as _host
    from .runtime.io import In, Out, Param
    from .runtime.shared import shared
    from .runtime.function import Function, function
    from .runtime import eval as _eval, pickling as _pickling
    from . import tensor
    from .tensor import grad
    from . import scope
except ImportError as _error:
    INTERIM = _error
