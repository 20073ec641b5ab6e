"""Activations: softmax along an axis, and functions element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.core.dtypes import is_float

from ..apply import apply, pad
from ..elemwise import elemwise, switch
from ..manipulate import axis_number
from ..variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = [
    "softmax",
    "softmax_with_bias",
    "softmax_graph",
    "logsoftmax",
    "log_softmax",
    "sigmoid",
    "softplus",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "softsign",
    "swish",
    "hard_sigmoid",
    "ultra_fast_sigmoid",
    "gelu",
    "log_sigmoid",
]

sigmoid, softplus = elemwise("sigmoid"), elemwise("softplus")


def _along_rows(name, x, axis):
    x = as_tensor_variable(x)
    if not x.type.ndim:
        raise ValueError(f"{name} wants at least one dimension, got {x} of {x.type}")
    if not is_float(x.type.dtype):
        x = elemwise("true_div")(x, 1)
    if axis is None:
        x = pad(x, 2)
        axis = -1
    return apply(name, x, axis=axis_number(axis, x.type.ndim), weak=x.type.weak)


def softmax(x: Operand, axis: int | None = None) -> Variable:
    """exp(x) / sum(exp(x)) along the last axis, or ``axis``, without overflow.

    Without ``axis`` a vector gives a row, as in Theano. Floats keep their dtype. Its log does not underflow.

    >>> import tgen.tensor as T
    >>> T.nnet.softmax(T.dvector()).type
    TensorType(float64, row)
    """
    return _along_rows("softmax", x, axis)


def logsoftmax(x: Operand, axis: int | None = None) -> Variable:
    """log(softmax(x)) without overflow; shapes and dtypes as ``softmax``."""
    return _along_rows("logsoftmax", x, axis)


log_softmax = logsoftmax


def softmax_with_bias(x: Operand, b: Operand) -> Variable:
    """softmax(x + b): a matrix and a vector that is added to each row."""
    return softmax(as_tensor_variable(x) + b)


def softmax_graph(c: Operand) -> Variable:
    """softmax(c), which is one primitive here."""
    return softmax(c)


def log_sigmoid(x: Operand) -> Variable:
    """log(sigmoid(x)) without overflow."""
    return -softplus(-as_tensor_variable(x))


def relu(x: Operand, alpha: Operand = 0) -> Variable:
    """max(x, 0); with a slope ``alpha`` for x < 0. At 0 the slope is the mean of both sides. Same dtype for
    floats.

    >>> import tgen.tensor as T
    >>> T.nnet.relu(T.fmatrix(), 0.1).dtype
    'float32'
    """
    x = as_tensor_variable(x)
    if isinstance(alpha, (int, float)) and alpha == 0:
        return 0.5 * (x + elemwise("abs")(x)) if is_float(x.type.dtype) else elemwise("maximum")(x, 0)
    alpha = as_tensor_variable(alpha)
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * elemwise("abs")(x)


def leaky_relu(x: Operand, alpha: Operand = 0.01) -> Variable:
    """``relu`` with a slope of ``alpha`` for x < 0."""
    return relu(x, alpha)


def elu(x: Operand, alpha: Operand = 1) -> Variable:
    """x for x > 0, else alpha * (exp(x) - 1)."""
    x = as_tensor_variable(x)
    return switch(elemwise("gt")(x, 0), x, alpha * elemwise("expm1")(x))


def selu(x: Operand) -> Variable:
    """The scaled ``elu`` of self-normalizing networks."""
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)


def _with_limits(x, limits, z):
    """z, a function of x; ``limits`` where x is infinite and the formula of z is inf / inf or inf * 0."""
    return switch(elemwise("isinf")(x), limits, z) if is_float(x.type.dtype) else z


def softsign(x: Operand) -> Variable:
    """x / (1 + |x|); -1 and 1 at the infinities."""
    x = as_tensor_variable(x)
    return _with_limits(x, elemwise("sgn")(x), x / (1.0 + elemwise("abs")(x)))


def swish(x: Operand) -> Variable:
    """x * sigmoid(x); 0 at -inf."""
    x = as_tensor_variable(x)
    return _with_limits(x, elemwise("maximum")(x, 0), x * sigmoid(x))


def gelu(x: Operand) -> Variable:
    """x times the normal distribution function of x; 0 at -inf, and precise on the way there."""
    x = as_tensor_variable(x)
    return _with_limits(x, elemwise("maximum")(x, 0), 0.5 * x * elemwise("erfc")(x * -0.7071067811865476))


def hard_sigmoid(x: Operand) -> Variable:
    """0.2 * x + 0.5 held between 0 and 1, a sigmoid of straight lines."""
    return elemwise("clip")(as_tensor_variable(x) * 0.2 + 0.5, 0.0, 1.0)


def ultra_fast_sigmoid(x: Operand) -> Variable:
    """A sigmoid of three pieces, off by at most 0.04; for where speed is all (sigmoid is fast here)."""
    x = as_tensor_variable(x)
    half = 0.5 * x
    size = elemwise("abs")(half)
    ends = switch(
        elemwise("lt")(size, 3.0), 0.935409070603099 + 0.0458812946797165 * (size - 1.7), 0.99505475368673
    )
    middle = 1.5 * half / (1.0 + size)  # with its sign, for it has a slope at 0
    return 0.5 * (switch(elemwise("lt")(size, 1.7), middle, elemwise("sgn")(half) * ends) + 1.0)
