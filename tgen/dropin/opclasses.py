"""Theano's classes of ops, for programs that walk a graph and ask ``isinstance(v.owner.op, DimShuffle)``. Nothing is made of them.

>>> import tgen.tensor as T
>>> isinstance(T.dmatrix("x").T.owner.op, DimShuffle), isinstance(T.exp(T.dscalar("x")).owner.op, (Dot, Sum))
(True, False)
"""
from tgen.core.generic import GenericType
from tgen.core.op import REDUCE, Op
from tgen.core.types import TensorType


class OpClass(type):
    """A class whose instances are the primitives named in ``ops``, or of the kind ``kind``."""

    def __new__(cls, name, ops=(), kind=None):
        doc = f"What isinstance(node.op, {name}) asks for: {', '.join(ops) or kind} of `tgen ops`."
        return super().__new__(cls, name, (), {"ops": frozenset(ops), "kind": kind, "__doc__": doc, "__module__": __name__})

    def __init__(cls, name, ops=(), kind=None):
        super().__init__(name, (), {})

    def __instancecheck__(cls, op):
        return isinstance(op, Op) and (op.name in cls.ops or op.kind == cls.kind)

    def __call__(cls, *args, **options):
        raise TypeError(f"{cls.__name__} is here to ask isinstance(node.op, {cls.__name__}); a graph is built with the functions of tgen.tensor")


OPS = {
    "DimShuffle": ("dimshuffle",), "Sum": ("sum",), "Prod": ("prod",), "All": ("all",), "Any": ("any",), "MaxAndArgmax": ("max", "argmax"), "Argmax": ("argmax",),
    "Dot": ("dot",), "BatchedDot": ("batched_dot",), "Reshape": ("reshape",), "Join": ("concatenate",), "Alloc": ("broadcast_to",), "ARange": ("iota",),
    "Subtensor": ("slice",), "IncSubtensor": ("set_slice", "inc_slice"), "AdvancedSubtensor": ("gather",), "AdvancedSubtensor1": ("gather",),
    "AdvancedIncSubtensor": ("set_gather", "inc_gather"), "AdvancedIncSubtensor1": ("set_gather", "inc_gather"), "MakeVector": ("make_vector",),
    "Rebroadcast": ("rebroadcast", "unbroadcast"), "Shape_i": ("shape_i",), "Nonzero": ("nonzero",), "Softmax": ("softmax",), "LogSoftmax": ("logsoftmax",),
    "Pool": ("pool",), "AbstractConv2d": ("conv",), "AbstractConv2d_gradInputs": ("conv_input",), "AbstractConv2d_gradWeights": ("conv_weights",), "ConvOp": ("conv",),
    "SortOp": ("sort",), "ArgSortOp": ("argsort",), "CumOp": ("cumsum", "cumprod"), "SearchsortedOp": ("searchsorted",), "Cast": ("cast",), "Scan": ("scan",), "IfElse": ("ifelse",),
    "DisconnectedGrad": ("disconnected_grad",), "ZeroGrad": ("zero_grad",), "GradClip": ("grad_clip",), "GradScale": ("grad_scale",),
}
CLASSES = {name: OpClass(name, ops) for name, ops in OPS.items()} | {"CAReduce": OpClass("CAReduce", kind=REDUCE)}
globals().update(CLASSES)


class Type(type):
    """What isinstance(v.type, theano.gof.Type) asks for: TensorType and the type of generic shared variables."""

    def __instancecheck__(cls, value):
        return isinstance(value, (TensorType, GenericType))


Type = Type("Type", (), {"__doc__": Type.__doc__})


class SparseType:
    """What isinstance(v.type, theano.sparse.SparseType) asks for: there are no sparse matrices."""


class SparseVariable:
    """The same of variables."""


SparseConstant = SparseSharedVariable = SparseVariable
