"""Theano's classes of ops, for programs that walk a graph and ask ``isinstance(v.owner.op, DimShuffle)``.

Called as Theano's constructors, those that programs call give a function of variables.

>>> import tgen.tensor as T
>>> x = T.dmatrix("x")
>>> isinstance(x.T.owner.op, DimShuffle), isinstance(T.exp(x).owner.op, (Dot, Sum))
(True, False)
>>> DimShuffle((False, False), [1, "x", 0])(x).ndim
3
"""

from functools import partial

from tgen import tensor as T
from tgen.core.generic import GenericType
from tgen.core.op import REDUCE, Op
from tgen.core.types import TensorType
from tgen.graph import sizes
from tgen.ops.pool import pooled_size


class OpClass(type):
    """A class whose instances are the primitives named in ``ops``, or of the kind ``kind``."""

    def __new__(cls, name, ops=(), kind=None):
        doc = f"What isinstance(node.op, {name}) asks for: {', '.join(ops) or kind} of `tgen ops`."
        return super().__new__(
            cls, name, (), {"ops": frozenset(ops), "kind": kind, "__doc__": doc, "__module__": __name__}
        )

    def __init__(cls, name, ops=(), kind=None):
        super().__init__(name, (), {})

    def __instancecheck__(cls, op):
        return isinstance(op, Op) and (op.name in cls.ops or op.kind == cls.kind)

    def __call__(cls, *args, **options):
        if cls.__name__ not in MAKERS:
            raise TypeError(
                f"{cls.__name__} is here to ask isinstance(node.op, {cls.__name__}); a graph is "
                "built with the functions of tgen.tensor"
            )
        return MAKERS[cls.__name__](*args, **options)


DimShuffle = OpClass("DimShuffle", ("dimshuffle",))
Sum = OpClass("Sum", ("sum",))
Prod = OpClass("Prod", ("prod",))
All = OpClass("All", ("all",))
Any = OpClass("Any", ("any",))
MaxAndArgmax = OpClass("MaxAndArgmax", ("max", "argmax"))
Argmax = OpClass("Argmax", ("argmax",))
Dot = OpClass("Dot", ("dot",))
BatchedDot = OpClass("BatchedDot", ("batched_dot",))
Reshape = OpClass("Reshape", ("reshape",))
Join = OpClass("Join", ("concatenate",))
Alloc = OpClass("Alloc", ("broadcast_to",))
ARange = OpClass("ARange", ("iota",))
Subtensor = OpClass("Subtensor", ("slice",))
IncSubtensor = OpClass("IncSubtensor", ("set_slice", "inc_slice"))
AdvancedSubtensor = OpClass("AdvancedSubtensor", ("gather",))
AdvancedSubtensor1 = OpClass("AdvancedSubtensor1", ("gather",))
AdvancedIncSubtensor = OpClass("AdvancedIncSubtensor", ("set_gather", "inc_gather"))
AdvancedIncSubtensor1 = OpClass("AdvancedIncSubtensor1", ("set_gather", "inc_gather"))
MakeVector = OpClass("MakeVector", ("make_vector",))
Rebroadcast = OpClass("Rebroadcast", ("rebroadcast", "unbroadcast"))
Shape_i = OpClass("Shape_i", ("shape_i",))
Nonzero = OpClass("Nonzero", ("nonzero",))
Softmax = OpClass("Softmax", ("softmax",))
LogSoftmax = OpClass("LogSoftmax", ("logsoftmax",))
Pool = OpClass("Pool", ("pool",))
AbstractConv2d = OpClass("AbstractConv2d", ("conv",))
AbstractConv2d_gradInputs = OpClass("AbstractConv2d_gradInputs", ("conv_input",))
AbstractConv2d_gradWeights = OpClass("AbstractConv2d_gradWeights", ("conv_weights",))
ConvOp = OpClass("ConvOp", ("conv",))
SortOp = OpClass("SortOp", ("sort",))
ArgSortOp = OpClass("ArgSortOp", ("argsort",))
CumOp = OpClass("CumOp", ("cumsum", "cumprod"))
SearchsortedOp = OpClass("SearchsortedOp", ("searchsorted",))
Cast = OpClass("Cast", ("cast",))
Scan = OpClass("Scan", ("scan",))
IfElse = OpClass("IfElse", ("ifelse",))
DisconnectedGrad = OpClass("DisconnectedGrad", ("disconnected_grad",))
ZeroGrad = OpClass("ZeroGrad", ("zero_grad",))
GradClip = OpClass("GradClip", ("grad_clip",))
GradScale = OpClass("GradScale", ("grad_scale",))
CAReduce = OpClass("CAReduce", kind=REDUCE)


def _rebroadcast(*axes):
    def make(x):
        for axis, broadcasts in axes:
            x = T.addbroadcast(x, axis) if broadcasts else T.unbroadcast(x, axis)
        return x

    return make


def _convolution(function, *order):
    """A maker of Theano's convolution ops; ``order`` names the parameters of ``function`` that the op's
    operands are.
    """

    def make(
        imshp=None,
        kshp=None,
        border_mode="valid",
        subsample=(1, 1),
        filter_flip=True,
        filter_dilation=(1, 1),
        num_groups=1,
    ):
        known = {
            "input_shape": imshp,
            "filter_shape": kshp,
            "border_mode": border_mode,
            "subsample": subsample,
            "filter_flip": filter_flip,
            "filter_dilation": filter_dilation,
            "num_groups": num_groups,
        }

        def convolve(first, second, shape=None):
            return function(
                **known
                | dict(zip(order, (first, second)))
                | ({order[2]: (None, None, *_pair(shape))} if len(order) > 2 else {})
            )

        return convolve

    return make


def _pair(shape):
    shape = shape if isinstance(shape, (tuple, list)) else T.as_tensor_variable(shape)
    return shape[0], shape[1]


def _pool(ignore_border=False, mode="max", ndim=2, openmp=None):
    pool = T.signal.pool.pool_2d if ndim == 2 else T.signal.pool.pool_3d
    return lambda x, ws, stride=None, pad=None: pool(
        x, ws, ignore_border, stride, (0,) * ndim if pad is None else pad, mode
    )


def out_shape(
    imgshape, ws=None, ignore_border=False, stride=None, pad=None, ndim=2, ds=None, st=None, padding=None
):
    """The shape of a pool's result, a list, for images of shape ``imgshape`` (ints or integer scalars); see
    ``pool_2d``.

    >>> out_shape((1, 3, 5, 6), (2, 3)), out_shape((5, 6), (2, 2), True, (1, 2), (1, 0))
    ([1, 3, 3, 2], [6, 3])
    """
    ws, stride, pad = (old if new is None else new for new, old in ((ws, ds), (stride, st), (pad, padding)))
    if ws is None:
        raise ValueError("out_shape needs ws, the size of the window")
    if len(imgshape) < ndim:
        raise TypeError(f"imgshape must have at least {ndim} elements, got {imgshape!r}")
    lengths = [sizes.as_size(n, "each element of imgshape") for n in imgshape[-ndim:]]
    strides, pad = ws if stride is None else stride, (0,) * ndim if pad is None else pad
    places = zip(lengths, ws, strides, pad)
    return [*imgshape[:-ndim], *(pooled_size(n, w, s, p, ignore_border, sizes) for n, w, s, p in places)]


Pool.out_shape = staticmethod(out_shape)
MAKERS = {  # name -> what its constructor's arguments make: a function of variables
    "DimShuffle": lambda input_broadcastable, new_order, inplace=True: (
        lambda x: T.as_tensor_variable(x).dimshuffle(*new_order)
    ),
    "Sum": lambda axis=None, dtype=None, acc_dtype=None: partial(
        T.sum, axis=axis, dtype=dtype, acc_dtype=acc_dtype
    ),
    "Prod": lambda axis=None, dtype=None, acc_dtype=None: partial(
        T.prod, axis=axis, dtype=dtype, acc_dtype=acc_dtype
    ),
    "All": lambda axis=None: partial(T.all, axis=axis),
    "Any": lambda axis=None: partial(T.any, axis=axis),
    "Argmax": lambda axis=None: partial(T.argmax, axis=axis),
    "MaxAndArgmax": lambda axis=None: partial(T.max_and_argmax, axis=axis),
    "Dot": lambda: T.dot,
    "BatchedDot": lambda: T.batched_dot,
    "Softmax": lambda: T.nnet.softmax,
    "LogSoftmax": lambda: T.nnet.logsoftmax,
    "Reshape": lambda ndim, name=None: lambda x, shape: T.reshape(x, shape, ndim),
    "Join": lambda view=-1: lambda axis, *xs: T.concatenate(xs, axis),
    "Alloc": lambda: T.alloc,
    "ARange": lambda dtype=None: partial(T.arange, dtype=dtype),
    "MakeVector": lambda dtype="int64": lambda *xs: T.cast(T.stack(xs), dtype),
    "Shape_i": lambda i: lambda x: T.as_tensor_variable(x).shape[i],
    "Rebroadcast": _rebroadcast,
    "Pool": _pool,
    "AbstractConv2d": _convolution(T.nnet.conv2d, "input", "filters"),
    "AbstractConv2d_gradInputs": _convolution(
        T.nnet.conv2d_grad_wrt_inputs, "filters", "output_grad", "input_shape"
    ),
    "AbstractConv2d_gradWeights": _convolution(
        T.nnet.conv2d_grad_wrt_weights, "input", "output_grad", "filter_shape"
    ),
}


class Type(type):
    """What isinstance(v.type, theano.gof.Type) asks for: TensorType and the type of generic
    shared variables.
    """

    def __instancecheck__(cls, value):
        return isinstance(value, (TensorType, GenericType))


Type = Type("Type", (), {"__doc__": Type.__doc__})


class SparseType:
    """What isinstance(v.type, theano.sparse.SparseType) asks for: there are no sparse matrices."""


class SparseVariable:
    """The same of variables."""


SparseConstant = SparseSharedVariable = SparseVariable
