"""ViewOp: the identity, with whatever gradient a class derived from it has."""

from tgen.graph.nodes import Apply
from tgen.tensor import as_tensor_variable

from .op import Op
from .record import through_record


class ViewOp(Op):
    """``ViewOp()(x)`` is x. Programs derive from it to change the gradient on its way back; it costs nothing
    when a function runs.

    >>> import tgen, tgen.tensor as T
    >>> class Halved(ViewOp):
    ...     def grad(self, inputs, output_gradients):
    ...         return [output_gradients[0]*0.5]
    >>> x = T.dscalar("x")
    >>> y = Halved()(x)
    >>> tgen.function([x], [y, tgen.grad(y**2, x)])(3)
    [array(3.), array(3.)]
    """

    def make_node(self, x):
        x = as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0]

    def grad(self, inputs, output_gradients):
        return output_gradients

    def _tgen_primitive(self, node):
        return through_record(node, "view", 1)


view_op = ViewOp()
