"""Assert: a value that is only passed on when conditions hold."""

import numpy as np

from tgen.core.types import TensorType
from tgen.graph.grad import Disconnected
from tgen.graph.nodes import Apply
from tgen.ops.host import lower_assertion
from tgen.tensor import all as all_true
from tgen.tensor import as_tensor_variable, cast

from .op import Op
from .record import through_record


class Assert(Op):
    """``Assert(message)(x, *conditions)`` is x; a call in which an element of a condition is false (or zero)
    is an AssertionError.

    Nothing is updated then. The conditions are checked in C; the gradient passes through to x.

    >>> import tgen, tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> f = tgen.function([x], T.sqrt(Assert("x is negative")(x, x >= 0)))
    >>> f(4)
    array(2.)
    >>> f(-4)       # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: x is negative; ...
    """

    __props__ = ("message",)

    def __init__(self, message="Assertion failed"):
        self.message = message

    msg = property(lambda self: self.message)

    def make_node(self, value, *conditions):
        """TypeError when there is no condition: a value alone asserts nothing."""
        value = as_tensor_variable(value)
        if not conditions:
            raise TypeError(f"{self} needs a condition: Assert(message)(value, condition, ...)")
        return Apply(self, [value, *map(_condition, conditions)], [value.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0]
        self._check(*inputs)

    def grad(self, inputs, output_gradients):
        return [*output_gradients, *(Disconnected() for _ in inputs[1:])]

    def connection_pattern(self, node):
        return [[True], *([False] for _ in node.inputs[1:])]

    def _check(self, value, *conditions):
        if not all(map(np.all, conditions)):
            raise AssertionError(self.message)

    def _tgen_primitive(self, node):
        return through_record(node, "assertion", 1, lower_assertion, self._check)


def _condition(v):
    v = as_tensor_variable(v)
    v = v if v.type.dtype == "bool" else cast(v, "bool")
    return v if v.type == TensorType("bool", ()) else all_true(v)


assert_op = Assert()
