"""Ops as users write them, for the tests of what is Python inside a compiled function."""

import numpy as np
from tgen.gof import Apply

import tgen
import tgen.tensor as T


class Cube(tgen.Op):
    """x**3, by hand, with its gradient."""

    __props__ = ()

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        (x,) = inputs
        output_storage[0][0] = x**3

    def grad(self, inputs, output_gradients):
        return [3 * inputs[0] ** 2 * output_gradients[0]]


class SizedCube(Cube):
    """The same, with sizes known before it runs."""

    def infer_shape(self, node, input_shapes):
        return [input_shapes[0]]


class Where(tgen.Op):
    """The elements above a limit: a vector whose length only perform knows, and their number."""

    __props__ = ("limit",)

    def __init__(self, limit):
        self.limit = limit

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [T.TensorType(x.dtype, (False,))(), T.lscalar()])

    def perform(self, node, inputs, output_storage):
        (x,) = inputs
        output_storage[0][0] = x[x > self.limit]
        output_storage[1][0] = np.asarray((x > self.limit).sum())


class Says(tgen.Op):
    """perform returns what it was told to, whatever its type is."""

    def __init__(self, type, value, infer_shape=None):
        self.type, self.value = type, value
        if infer_shape is not None:
            self.infer_shape = infer_shape

    def make_node(self, *inputs):
        return Apply(self, [T.as_tensor_variable(v) for v in inputs], [self.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = self.value


class Fails(tgen.Op):
    """x, but an exception while ``error`` is one."""

    def __init__(self, error=None):
        self.error = error

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        if self.error is not None:
            raise self.error
        output_storage[0][0] = inputs[0]


class Calls(tgen.Op):
    """x, after ``function()`` has been called."""

    def __init__(self, function):
        self.function = function

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        self.function()
        output_storage[0][0] = inputs[0]


@tgen.as_op(itypes=[T.dmatrix, T.dvector], otypes=[T.dvector, T.dscalar])
def solved(a, b):
    """Least squares by NumPy: the solution and the norm of what is left."""
    x = np.linalg.lstsq(a, b, rcond=None)[0]
    return x, np.linalg.norm(a @ x - b)
