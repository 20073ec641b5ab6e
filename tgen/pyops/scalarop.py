"""ScalarOp: a function of numbers as an op, as programs write them for ``T.Elemwise``."""

import numpy as np

from tgen.core.types import TensorType, float_of
from tgen.graph.nodes import Apply
from tgen.tensor import add, as_tensor_variable, broadcast_to, upcast

from .op import Op


def _of(dtype):
    return (TensorType(dtype, ()),)


def upgrade_to_float(*types):
    """The type of results that are floats: float32 of small integers, float64 of larger ones.

    >>> import tgen.tensor as T
    >>> upgrade_to_float(T.lscalar)[0].dtype, upgrade_to_float(T.fscalar, T.bscalar)[0].dtype
    ('float64', 'float32')
    """
    return _of(upcast(*(float_of(t.dtype) for t in types)))


def upgrade_to_float64(*types):
    """float64 results."""
    return _of("float64")


def upcast_out(*types):
    """Results of the dtype that holds all operands'."""
    return _of(upcast(*(t.dtype for t in types)))


def same_out(type):
    """Results of the operand's dtype."""
    return _of(type.dtype)


def specific_out(*types):
    """A preference for results of exactly these types.

    >>> import tgen.tensor as T
    >>> specific_out(T.fscalar)(T.dscalar)
    (TensorType(float32, scalar),)
    """
    return lambda *given: types


def transfer_type(*places):
    """A preference for results of the types of the operands at ``places``; a type among them is taken as it
    is.
    """
    return lambda *types: tuple(types[place] if isinstance(place, int) else place for place in places)


class ScalarOp(Op):
    """An op that computes number by number. A subclass defines ``impl`` and, for gradients, ``grad``:

    impl(*numbers)                      the result, or a tuple of ``nout`` results
    grad(inputs, output_gradients)      the gradients of the inputs, by functions of tgen.tensor

    ``ScalarOp(output_types_preference, name)``: the first makes the result types of the operands'
    (``upgrade_to_float``; by default the dtype that holds all operands'). Called with tensors, or as
    ``T.Elemwise(op)``, it works element by element; operands broadcast as in ``T.add``. In a compiled
    function ``impl`` runs in Python for every element: functions of tgen.tensor are a hundred times as fast.

    >>> import tgen, tgen.tensor as T
    >>> class Step(UnaryScalarOp):
    ...     def impl(self, x):
    ...         return x if x > 0 else 0.1*x
    ...     def grad(self, inputs, output_gradients):
    ...         return [output_gradients[0]*T.switch(inputs[0] > 0, 1, 0.1)]
    >>> step, x = T.Elemwise(Step(upgrade_to_float, name="step")), T.dvector("x")
    >>> step, tgen.function([x], [step(x), tgen.grad(step(x).sum(), x)])([1, -2])
    (step, [array([ 1. , -0.2]), array([1. , 0.1])])
    """

    nin, nout, elementwise = -1, 1, True
    output_types_preference = staticmethod(upcast_out)

    def __init__(self, output_types_preference=None, name=None):
        self.name = name
        if output_types_preference is not None:
            self.output_types_preference = output_types_preference

    def output_types(self, types):
        """The types of the results; only their dtypes count."""
        return self.output_types_preference(*types)

    def make_node(self, *inputs):
        if self.nin not in (-1, len(inputs)):
            raise TypeError(f"{self} takes {self.nin} operands; got {len(inputs)}")
        inputs = [as_tensor_variable(x) for x in inputs]
        if len(inputs) > 1:
            shape = add(*inputs).shape  # with the checks of an addition
            inputs = [broadcast_to(v, shape) for v in inputs]
        types = self.output_types([v.type for v in inputs])
        return Apply(self, inputs, [TensorType(t.dtype, inputs[0].type.shape)() for t in types])

    def perform(self, node, inputs, output_storage):
        results = np.frompyfunc(self.impl, len(inputs), self.nout)(*inputs)
        for cell, result, v in zip(output_storage, results if self.nout > 1 else (results,), node.outputs):
            cell[0] = np.asarray(result, v.type.dtype)

    def infer_shape(self, node, input_shapes):
        return [input_shapes[0]] * self.nout

    def __eq__(self, other):
        return (
            type(self) is type(other)
            and self.name == other.name
            and self.output_types_preference == other.output_types_preference
        )

    def __hash__(self):
        return hash((type(self), self.name))

    def __str__(self):
        return self.name or super().__str__()


class UnaryScalarOp(ScalarOp):
    """A ScalarOp of one operand."""

    nin = 1


class BinaryScalarOp(ScalarOp):
    """A ScalarOp of two operands."""

    nin = 2
