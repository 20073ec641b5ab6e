"""Ops of the user's: Theano's Op and Apply, as_op, ScalarOp, OpFromGraph, ViewOp, Print and Assert.

An object of a user's class is the ``op`` of an Apply; for each application it makes an Op record of the kinds
in ops/host.py, which is the Apply's ``primitive``: what everything below this room looks at.
"""

from tgen.graph.nograd import DisconnectedType, grad_not_implemented, grad_undefined

from .asop import FromFunctionOp, as_op
from .assertion import Assert, assert_op
from .fromgraph import OpFromGraph
from .op import Op
from .printer import Print
from .scalarop import BinaryScalarOp, ScalarOp, UnaryScalarOp
from .view import ViewOp, view_op

__all__ = [
    "Assert",
    "BinaryScalarOp",
    "DisconnectedType",
    "FromFunctionOp",
    "Op",
    "OpFromGraph",
    "Print",
    "ScalarOp",
    "UnaryScalarOp",
    "ViewOp",
    "as_op",
    "assert_op",
    "grad_not_implemented",
    "grad_undefined",
    "view_op",
]
