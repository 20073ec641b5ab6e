"""Theano's module paths: a table from a module's name to the objects it shows, no code of their own.

>>> from tgen.gradient import disconnected_grad
>>> from tgen.gof.graph import inputs
>>> import tgen.tensor as T
>>> x = T.dscalar("x")
>>> inputs([x * x])
[x]
"""
import sys
from types import ModuleType

from tgen import errors, pyops
from tgen.core.generic import GenericType
from tgen.core.op import METHODS
from tgen.core.types import TensorType
from tgen.graph import shared, updates, walk
from tgen.graph.nodes import Apply, Constant, Variable
from tgen.random import mrg, randomstate
from tgen.runtime import function, io
from tgen.runtime.shared import shared as make_shared
from tgen.tensor import gradient, printing, verify

_FUNCTION = {"function": function.function, "Function": function.Function, "In": io.In, "Out": io.Out, "Param": io.Param,
             "UnusedInputError": errors.UnusedInputError, "AliasedMemoryError": errors.AliasedMemoryError}
_SHARED = {"SharedVariable": shared.SharedVariable, "shared": make_shared}
_GRAPH = {"Apply": Apply, "Variable": Variable, "Constant": Constant, "inputs": walk.inputs, "ancestors": walk.ancestors}
_EXTRA_OPS = ("bincount", "compress", "cumprod", "cumsum", "diff", "fill_diagonal", "repeat", "searchsorted", "squeeze", "to_one_hot", "unique")
_SORT = ("argsort", "argtopk", "sort", "topk", "topk_and_argtopk")
_OPS = {name: getattr(pyops, name) for name in ("FromFunctionOp", "as_op")}
_FG = {"MissingInputError": errors.MissingInputError}

MODULES = {
    "gradient": {**{name: getattr(gradient, name) for name in gradient.__all__}, "verify_grad": verify.verify_grad,
                 "DisconnectedInputError": errors.DisconnectedInputError, "NullTypeGradError": errors.NullTypeGradError,
                 "GradientError": errors.GradientError,
                 **{name: getattr(pyops, name) for name in ("DisconnectedType", "grad_not_implemented", "grad_undefined")}},
    "compile": {**_FUNCTION, **_SHARED, "GenericType": GenericType, "OpFromGraph": pyops.OpFromGraph, **_OPS},
    "compile.ops": _OPS,
    "compile.builders": {"OpFromGraph": pyops.OpFromGraph},
    "compile.sharedvalue": _SHARED,
    "compile.io": {"In": io.In, "Out": io.Out},
    "gof": {**_GRAPH, **_FG, "Op": pyops.Op},
    "gof.op": {"Op": pyops.Op},
    "gof.graph": _GRAPH,
    "gof.fg": _FG,
    "updates": {"OrderedUpdates": updates.OrderedUpdates},
    "printing": {**{name: getattr(printing, name) for name in printing.__all__}, "Print": pyops.Print},
    "tensor.type": {"TensorType": TensorType},
    "tensor.extra_ops": {name: METHODS[name] for name in _EXTRA_OPS},
    "tensor.opt": {"Assert": pyops.Assert, "assert_op": pyops.assert_op},
    "tensor.sort": {name: METHODS[name] for name in _SORT},
    "tensor.sharedvar": {"TensorSharedVariable": shared.TensorSharedVariable, "ScalarSharedVariable": shared.ScalarSharedVariable},
    "tensor.shared_randomstreams": {"RandomStreams": randomstate.RandomStreams, "RandomStateSharedVariable": randomstate.RandomStateVariable},
    "sandbox": {},
    "sandbox.rng_mrg": {"MRG_RandomStreams": mrg.MRG_RandomStreams, "guess_n_streams": mrg.guess_n_streams},
}


def install():
    """Make every row of MODULES a module that can be imported, and an attribute of the one above it; but tensor.sort stays the function."""
    for path, names in MODULES.items():
        module = ModuleType(f"tgen.{path}", f"Theano's {path}; see tgen.dropin.")
        module.__dict__.update(names)
        parent, _, last = module.__name__.rpartition(".")
        sys.modules[module.__name__] = module
        if parent in sys.modules and path != "tensor.sort":
            setattr(sys.modules[parent], last, module)


install()
