"""tgen: symbolic array programs, compiled to C, run as functions with state. Theano's API.

>>> import tgen, tgen.tensor as T
>>> x = T.dvector("x")
>>> w = tgen.shared([1.0], "not a tensor"), tgen.shared(2.0, "w")
>>> f = tgen.function([x], (w[1] * x).sum(), updates=[(w[1], w[1] + 1)])
>>> f([1, 2]), w[1].get_value()
(array(6.), array(3.))
"""

from . import backends as _backends  # noqa: F401  gives core.storage its C functions
from . import (
    errors,  # noqa: F401
    random,
    scope,
    tensor,
)
from .config import config  # the object; ``from tgen.config import config`` is the same

# and Theano's module paths: tgen.gradient, tgen.gof, tgen.compile ...
from .dropin import install_as_theano, uninstall_theano
from .dropin.inputs import Param
from .dropin.modes import Mode
from .errors import (
    AliasedMemoryError,
    CacheSecurityError,
    CacheWarning,
    CompileError,
    DisconnectedInputError,
    GradientError,
    MissingInputError,
    NullTypeGradError,
    UnusedInputError,
)
from .graph.nodes import Apply, Constant, Variable
from .graph.shared import GenericSharedVariable, ScalarSharedVariable, SharedVariable, TensorSharedVariable
from .graph.updates import OrderedUpdates
from .loop import foldl, foldr, fori, ifelse, map, reduce, scan, scan_checkpoints
from .pyops import Op, OpFromGraph, as_op
from .runtime import eval as _eval  # noqa: F401  fill METHODS and Function
from .runtime import pickling as _pickling
from .runtime.clone import clone
from .runtime.function import Function, function
from .runtime.io import In, Out
from .runtime.shared import shared
from .tensor import debugprint, dprint, grad, pp

config.tell_unknown()

__version__ = "0.1.0"
__all__ = [
    "AliasedMemoryError",
    "Apply",
    "CacheSecurityError",
    "CacheWarning",
    "CompileError",
    "Constant",
    "DisconnectedInputError",
    "Function",
    "GenericSharedVariable",
    "GradientError",
    "In",
    "MissingInputError",
    "Mode",
    "NullTypeGradError",
    "Op",
    "OpFromGraph",
    "OrderedUpdates",
    "Out",
    "Param",
    "ScalarSharedVariable",
    "SharedVariable",
    "TensorSharedVariable",
    "UnusedInputError",
    "Variable",
    "as_op",
    "clone",
    "config",
    "debugprint",
    "dprint",
    "errors",
    "foldl",
    "foldr",
    "fori",
    "function",
    "grad",
    "ifelse",
    "install_as_theano",
    "map",
    "pp",
    "random",
    "reduce",
    "scan",
    "scan_checkpoints",
    "scope",
    "shared",
    "tensor",
    "uninstall_theano",
]
