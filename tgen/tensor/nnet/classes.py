"""Outputs over classes: cross-entropies of softmax, two-level softmax, the confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tgen.core.dtypes import is_int
from tgen.graph import sizes

from ..apply import apply, reorder, within
from ..counting import unique
from ..creation import arange
from ..elemwise import elemwise
from ..indexing import getitem
from ..join import concatenate
from ..linalg import batched_dot, dot, tensordot
from ..manipulate import flatten, reshape, to_sizes
from ..promotion import cast
from ..reduce import max as largest
from ..reduce import sum as total
from ..variable import as_tensor_variable
from .activations import logsoftmax, softmax, softplus

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = [
    "categorical_crossentropy",
    "crossentropy_categorical_1hot",
    "crossentropy_softmax_1hot",
    "crossentropy_softmax_1hot_with_bias",
    "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot",
    "crossentropy_softmax_max_and_argmax_1hot_with_bias",
    "h_softmax",
    "confusion_matrix",
    "prepend_scalar_to_each_row",
    "prepend_0_to_each_row",
    "prepend_1_to_each_row",
    "binary_crossentropy",
    "sigmoid_binary_crossentropy",
]


def _picked(rows, labels):
    """rows[i, labels[i]] for each i; ValueError when the function runs for a label that is no column, a
    negative one too.
    """
    labels = within(
        labels, sizes.variable(sizes.length(rows, 1)), "a label is out of range: classes are numbered"
    )
    return getitem(rows, (arange(sizes.variable(sizes.length(labels, 0))), labels))


# -- cross-entropies -----------------------------------------------------------------------------------------


def categorical_crossentropy(coding_dist: Operand, true_dist: Operand) -> Variable:
    """- log of what ``coding_dist`` (rows of probabilities) gives the truth: a vector, one value a row.

    ``true_dist`` is a vector of integer labels, or distributions of the shape of coding_dist. TypeError for
    other ranks, ValueError when the function runs for a label that is no column (-1 neither). Stable if
    coding_dist is a softmax.

    >>> import tgen.tensor as T
    >>> T.nnet.categorical_crossentropy(T.fmatrix(), T.ivector()).type
    TensorType(float32, vector)
    """
    p, truth = as_tensor_variable(coding_dist), as_tensor_variable(true_dist)
    if truth.type.ndim == p.type.ndim:
        return -total(truth * elemwise("log")(p), axis=p.type.ndim - 1)
    if truth.type.ndim != p.type.ndim - 1 or truth.type.ndim != 1:
        raise TypeError(
            f"rank mismatch between coding and true distributions: {p} of {p.type}, {truth} of "
            f"{truth.type}; give a vector of labels or a distribution for each row"
        )
    if not is_int(truth.type.dtype):
        raise TypeError(
            f"labels must be integers, got {truth} of {truth.type}; cast them with T.cast(y, 'int32')"
        )
    return -elemwise("log")(_picked(p, truth))  # only what is picked: 1 / 0 elsewhere reaches nobody


def crossentropy_categorical_1hot(coding_dist: Operand, true_one_of_n: Operand) -> Variable:
    """``categorical_crossentropy`` with integer labels."""
    return categorical_crossentropy(coding_dist, true_one_of_n)


def crossentropy_softmax_argmax_1hot_with_bias(
    x: Operand, b: Operand, y_idx: Operand
) -> tuple[Variable, ...]:
    """(cross-entropy of softmax(x + b) with labels y_idx, softmax(x + b), its argmax)."""
    z = as_tensor_variable(x) + b
    return -_picked(logsoftmax(z), as_tensor_variable(y_idx)), softmax(z), z.argmax(axis=-1)


def crossentropy_softmax_1hot_with_bias(x: Operand, b: Operand, y_idx: Operand) -> tuple[Variable, ...]:
    """(cross-entropy of softmax(x + b) with labels y_idx, softmax(x + b))."""
    return crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx)[:2]


def crossentropy_softmax_1hot(x: Operand, y_idx: Operand) -> tuple[Variable, ...]:
    """(cross-entropy of softmax(x) with labels y_idx, softmax(x)).

    >>> import tgen.tensor as T
    >>> [v.ndim for v in T.nnet.crossentropy_softmax_1hot(T.matrix(), T.ivector())]
    [1, 2]
    """
    x = as_tensor_variable(x)
    return -_picked(logsoftmax(x), as_tensor_variable(y_idx)), softmax(x)


def crossentropy_softmax_max_and_argmax_1hot_with_bias(
    x: Operand, b: Operand, y_idx: Operand
) -> tuple[Variable, ...]:
    """(cross-entropy of softmax(x + b) with labels y_idx, softmax(x + b), its maximum along rows, where that
    is).
    """
    cost, p, place = crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx)
    return cost, p, largest(p, axis=-1), place


def crossentropy_softmax_max_and_argmax_1hot(x: Operand, y_idx: Operand) -> tuple[Variable, ...]:
    """(cross-entropy of softmax(x) with labels y_idx, softmax(x), its maximum along rows, where that is)."""
    cost, p = crossentropy_softmax_1hot(x, y_idx)
    return cost, p, largest(p, axis=-1), as_tensor_variable(x).argmax(axis=-1)


def binary_crossentropy(output: Operand, target: Operand) -> Variable:
    """-(target * log(output) + (1 - target) * log(1 - output)), element by element. Stable if output is a
    sigmoid.

    >>> import tgen.tensor as T
    >>> T.nnet.binary_crossentropy(T.fmatrix(), 1.).dtype
    'float32'
    """
    output, target = as_tensor_variable(output), as_tensor_variable(target)
    return -(target * elemwise("log")(output) + (1.0 - target) * elemwise("log")(1.0 - output))


def sigmoid_binary_crossentropy(output: Operand, target: Operand) -> Variable:
    """``binary_crossentropy`` of sigmoid(output), exact for any output."""
    output, target = as_tensor_variable(output), as_tensor_variable(target)
    return target * softplus(-output) + (1.0 - target) * softplus(output)


# -- two-level softmax ---------------------------------------------------------------------------------------


def h_softmax(
    x: Operand,
    batch_size: Any,
    n_outputs: int,
    n_classes: int,
    n_outputs_per_class: int,
    W1: Operand,
    b1: Operand,
    W2: Operand,
    b2: Operand,
    target: Operand | None = None,
) -> Variable:
    """A softmax over n_outputs outputs by way of n_classes classes of n_outputs_per_class outputs each.

    x [batch_size, features] gives the classes by W1 [features, n_classes] and b1 [n_classes], the outputs in
    a class by W2 [n_classes, features, n_outputs_per_class] and b2 [n_classes, n_outputs_per_class]. Output k
    is number k % n_outputs_per_class of class k // n_outputs_per_class. The result is the probability of
    every output, [batch_size, n_outputs], or with ``target`` (integers, [batch_size] or [batch_size, 1]) that
    of each row's target alone, [batch_size], for the price of a single class.

    >>> import tgen.tensor as T
    >>> W1, b1, W2, b2 = T.matrix(), T.vector(), T.tensor3(), T.matrix()
    >>> T.nnet.h_softmax(T.matrix(), 8, 100, 10, 10, W1, b1, W2, b2, T.ivector()).ndim
    1
    """
    x, W2, b2 = map(as_tensor_variable, (x, W2, b2))
    classes = softmax(dot(x, W1) + b1)
    if target is not None:
        return _of_targets(x, classes, W2, b2, flatten(as_tensor_variable(target)), n_outputs_per_class)
    inside = tensordot(x, W2, [[1], [1]]) + b2
    inside = reshape(
        softmax(reshape(inside, (-1, n_outputs_per_class))), (batch_size, n_classes, n_outputs_per_class)
    )
    every = reorder(classes, (0, 1, "x")) * inside
    return getitem(reshape(every, (batch_size, -1)), (slice(None), slice(None, n_outputs)))


def _of_targets(x, classes, W2, b2, target, n_outputs_per_class):
    own, place = (
        elemwise("int_div")(target, n_outputs_per_class),
        elemwise("mod")(target, n_outputs_per_class),
    )
    inside = softmax(batched_dot(x, getitem(W2, own)) + getitem(b2, own))
    return _picked(classes, own) * _picked(inside, place)


# -- labels --------------------------------------------------------------------------------------------------


def confusion_matrix(actual: Operand, pred: Operand) -> list[Variable]:
    """[how often each label was predicted (columns) where another was right (rows), int64; the labels in
    ascending order].

    ``actual`` and ``pred`` are vectors of one length (ValueError for other ranks).

    >>> import tgen
    >>> tgen.function([], confusion_matrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2]))()
    [array([[2, 0, 0],
           [0, 0, 1],
           [1, 0, 2]]), array([0, 1, 2])]
    """
    actual, pred = as_tensor_variable(actual), as_tensor_variable(pred)
    for v, what in ((actual, "actual"), (pred, "pred")):
        if v.type.ndim != 1:
            raise ValueError(f"{what} must be a vector, got {v} of {v.type}")
    labels = unique(concatenate([actual, pred]))
    right, said = (
        cast(elemwise("eq")(reorder(v, (0, "x")), reorder(labels, ("x", 0))), "int64") for v in (actual, pred)
    )
    return [dot(right.T, said), labels]


def prepend_scalar_to_each_row(val: Operand, mat: Operand) -> Variable:
    """Matrix ``mat`` with a first column of the scalar ``val``, in the dtype of mat. TypeError for other
    ranks.
    """
    mat, val = as_tensor_variable(mat), as_tensor_variable(val)
    if mat.type.ndim != 2 or val.type.ndim:
        raise TypeError(
            f"prepend_scalar_to_each_row takes a scalar and a matrix, got {val} of {val.type} "
            f"and {mat} of {mat.type}"
        )
    column = to_sizes(reorder(cast(val, mat.type.dtype), ("x", "x")), [sizes.length(mat, 0), 1])
    return apply("concatenate", column, mat, axis=1)


def prepend_0_to_each_row(mat: Operand) -> Variable:
    """Matrix ``mat`` with a first column of zeros."""
    return prepend_scalar_to_each_row(0, mat)


def prepend_1_to_each_row(mat: Operand) -> Variable:
    """Matrix ``mat`` with a first column of ones, as a bias wants it."""
    return prepend_scalar_to_each_row(1, mat)
