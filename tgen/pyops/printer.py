"""Print: what a value is, each time the function computes it."""

from tgen.graph.nodes import Apply
from tgen.tensor import as_tensor_variable

from .op import Op
from .record import effect_record


def _print(op, value):
    for name in op.attrs:
        shown = getattr(value, name)
        print(op.message, name, "=", shown() if callable(shown) else shown)


class Print(Op):
    """``Print(message, attrs)(x)`` is x; when it is computed, each attribute of its array named in ``attrs``
    is printed, called if it can be.

    ``global_fn(op, array)`` replaces the printing; the array is a copy. The gradient passes through. Prints
    come in the order in which the values are computed, and also in a step of scan.

    >>> import tgen, tgen.tensor as T
    >>> x = T.dvector("x")
    >>> tgen.function([x], Print("x is", attrs=("__str__", "shape"))(x) * 2)([1, 2])
    x is __str__ = [1. 2.]
    x is shape = (2,)
    array([2., 4.])
    """

    view_map = {0: [0]}

    def __init__(self, message="", attrs=("__str__",), global_fn=_print):
        self.message, self.attrs, self.global_fn = message, tuple(attrs), global_fn

    def make_node(self, x):
        x = as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0]
        self.global_fn(self, inputs[0])

    def grad(self, inputs, output_gradients):
        return output_gradients

    def _tgen_primitive(self, node):
        return effect_record(node)
