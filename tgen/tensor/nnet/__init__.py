"""``T.nnet``: activations and losses of neural networks."""
from tgen.core.types import is_float

from .. import sizes
from ..apply import apply, pad
from ..creation import arange
from ..elemwise import elemwise, switch
from ..indexing import getitem
from ..manipulate import axis_number
from ..reduce import sum as total
from ..variable import as_tensor_variable
from . import abstract_conv, bn, conv, neighbours
from .abstract_conv import *        # noqa: F403  (its __all__)
from .bn import *                   # noqa: F403

__all__ = ["softmax", "logsoftmax", "sigmoid", "softplus", "relu", "leaky_relu", "elu", "selu", "softsign", "swish", "hard_sigmoid",
           "ultra_fast_sigmoid", "categorical_crossentropy", "crossentropy_softmax_argmax_1hot_with_bias", "crossentropy_categorical_1hot",
           "binary_crossentropy", "sigmoid_binary_crossentropy", "gelu", "log_sigmoid",
           "conv", "neighbours", *abstract_conv.__all__, *bn.__all__]

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


def softmax(x, axis=None):
    """exp(x) / sum(exp(x)) along the last axis, or ``axis``, without overflow.

    Without ``axis`` a vector gives a row, as in Theano. Floats keep their dtype. Its log does not underflow.

    >>> import tgen.tensor as T
    >>> T.nnet.softmax(T.dvector()).type
    TensorType(float64, row)
    """
    return _along_rows("softmax", x, axis)


def logsoftmax(x, axis=None):
    """log(softmax(x)) without overflow; shapes and dtypes as ``softmax``."""
    return _along_rows("logsoftmax", x, axis)


def log_sigmoid(x):
    """log(sigmoid(x)) without overflow."""
    return -softplus(-as_tensor_variable(x))


def relu(x, alpha=0):
    """max(x, 0); with a slope ``alpha`` for x < 0. At 0 the slope is the mean of both sides. Same dtype for floats.

    >>> import tgen.tensor as T
    >>> T.nnet.relu(T.fmatrix(), 0.1).dtype
    'float32'
    """
    x = as_tensor_variable(x)
    if isinstance(alpha, (int, float)) and alpha == 0:
        return 0.5 * (x + elemwise("abs")(x)) if is_float(x.type.dtype) else elemwise("maximum")(x, 0)
    alpha = as_tensor_variable(alpha)
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * elemwise("abs")(x)


def leaky_relu(x, alpha=0.01):
    """``relu`` with a slope of ``alpha`` for x < 0."""
    return relu(x, alpha)


def elu(x, alpha=1):
    """x for x > 0, else alpha * (exp(x) - 1)."""
    x = as_tensor_variable(x)
    return switch(elemwise("gt")(x, 0), x, alpha * elemwise("expm1")(x))


def selu(x):
    """The scaled ``elu`` of self-normalizing networks."""
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)


def softsign(x):
    """x / (1 + |x|)."""
    x = as_tensor_variable(x)
    return x / (1.0 + elemwise("abs")(x))


def swish(x):
    """x * sigmoid(x)."""
    return as_tensor_variable(x) * sigmoid(x)


def gelu(x):
    """x times the normal distribution function of x."""
    x = as_tensor_variable(x)
    return 0.5 * x * (1.0 + elemwise("erf")(x * 0.7071067811865476))


def hard_sigmoid(x):
    """0.2 * x + 0.5 held between 0 and 1, a sigmoid of straight lines."""
    return elemwise("clip")(as_tensor_variable(x) * 0.2 + 0.5, 0.0, 1.0)


def ultra_fast_sigmoid(x):
    """A sigmoid of three pieces, off by at most 0.04; for where speed is all (sigmoid is fast here)."""
    x = as_tensor_variable(x)
    half = 0.5 * x
    size = elemwise("abs")(half)
    top = switch(elemwise("lt")(size, 1.7), 1.5 * size / (1.0 + size), switch(elemwise("lt")(size, 3.0), 0.935409070603099 + 0.0458812946797165 * (size - 1.7), 0.99505475368673))
    return 0.5 * (elemwise("sgn")(half) * top + 1.0)


def _picked(rows, labels):
    """rows[i, labels[i]] for each i."""
    return getitem(rows, (arange(sizes.variable(sizes.length(labels, 0))), labels))


def categorical_crossentropy(coding_dist, true_dist):
    """- log of what ``coding_dist`` (rows of probabilities) gives the truth: a vector, one value a row.

    ``true_dist`` is a vector of integer labels, or distributions of the shape of coding_dist. ValueError for other ranks,
    IndexError when the function runs for a label that is no column. Stable if coding_dist is a softmax.

    >>> import tgen.tensor as T
    >>> T.nnet.categorical_crossentropy(T.fmatrix(), T.ivector()).type
    TensorType(float32, vector)
    """
    p, truth = as_tensor_variable(coding_dist), as_tensor_variable(true_dist)
    if truth.type.ndim == p.type.ndim:
        return -total(truth * elemwise("log")(p), axis=p.type.ndim - 1)
    if truth.type.ndim != p.type.ndim - 1 or truth.type.ndim != 1:
        raise TypeError(f"rank mismatch between coding and true distributions: {p} of {p.type}, {truth} of {truth.type}; give a vector of labels or a distribution for each row")
    if is_float(truth.type.dtype) or truth.type.dtype == "bool":
        raise TypeError(f"labels must be integers, got {truth} of {truth.type}; cast them with T.cast(y, 'int32')")
    return -_picked(elemwise("log")(p), truth)


def crossentropy_categorical_1hot(coding_dist, true_one_of_n):
    """``categorical_crossentropy`` with integer labels."""
    return categorical_crossentropy(coding_dist, true_one_of_n)


def crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx):
    """(cross-entropy of softmax(x + b) with labels y_idx, softmax(x + b), its argmax)."""
    z = as_tensor_variable(x) + b
    return -_picked(logsoftmax(z), as_tensor_variable(y_idx)), softmax(z), z.argmax(axis=-1)


def binary_crossentropy(output, target):
    """-(target * log(output) + (1 - target) * log(1 - output)), element by element. Stable if output is a sigmoid.

    >>> import tgen.tensor as T
    >>> T.nnet.binary_crossentropy(T.fmatrix(), 1.).dtype
    'float32'
    """
    output, target = as_tensor_variable(output), as_tensor_variable(target)
    return -(target * elemwise("log")(output) + (1.0 - target) * elemwise("log")(1.0 - output))


def sigmoid_binary_crossentropy(output, target):
    """``binary_crossentropy`` of sigmoid(output), exact for any output."""
    output, target = as_tensor_variable(output), as_tensor_variable(target)
    return target * softplus(-output) + (1.0 - target) * softplus(output)
