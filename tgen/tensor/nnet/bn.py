"""Batch normalization: activations less their mean, divided by their standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.exceptions import AxisError

from tgen.core.dtypes import is_float
from tgen.graph import sizes

from ..elemwise import elemwise
from ..manipulate import addbroadcast
from ..promotion import cast
from ..reduce import mean as mean_of
from ..reduce import var as var_of
from ..variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["batch_normalization_train", "batch_normalization_test", "batch_normalization"]
LEAST_EPSILON = 1e-5


class _Layout:
    """Which axes of ``x`` are normalized over, and how parameters (with or without these axes) stand beside
    it.
    """

    def __init__(self, x, axes, epsilon):
        ndim = x.type.ndim
        if isinstance(axes, str):
            if axes not in ("per-activation", "spatial"):
                raise ValueError(
                    f"invalid axes: {axes!r}; it must be 'per-activation', 'spatial' or a tuple of ints"
                )
            axes = (0,) if axes == "per-activation" else (0, *range(2, ndim))
        self.axes, self.ndim = (
            tuple(sorted({int(a) for a in ((axes,) if isinstance(axes, int) else axes)})),
            ndim,
        )
        if not self.axes or self.axes[0] < 0 or self.axes[-1] >= ndim:
            raise AxisError(f"invalid axes: {axes}; {x} has {ndim} dimensions")
        if not isinstance(epsilon, (int, float)) or epsilon < LEAST_EPSILON:
            raise ValueError(f"epsilon must be at least {LEAST_EPSILON}, got {epsilon}")
        self.kept = [a for a in range(ndim) if a not in self.axes]

    def parameter(self, value, what):
        """A parameter with the rank of x, its normalized axes of size 1."""
        v = as_tensor_variable(value)
        if v.type.ndim == self.ndim:
            return addbroadcast(v, *self.axes)
        if v.type.ndim != len(self.kept):
            raise ValueError(
                f"{what} must have {len(self.kept)} dimensions, or {self.ndim} with sizes 1 "
                f"where it is normalized; got {v} of {v.type}"
            )
        places = iter(range(v.type.ndim))
        return v.dimshuffle(*("x" if a in self.axes else next(places) for a in range(self.ndim)))

    def like(self, v, parameter):
        """v, of the rank of x, in the layout of a parameter as it was given."""
        return v if as_tensor_variable(parameter).type.ndim == self.ndim else v.dimshuffle(*self.kept)


def _inputs(inputs):
    x = as_tensor_variable(inputs)
    return x if is_float(x.type.dtype) else cast(x, "floatX")


def batch_normalization_train(
    inputs: Operand,
    gamma: Operand,
    beta: Operand,
    axes: str | Sequence[int] = "per-activation",
    epsilon: Operand = 0.0001,
    running_average_factor: Operand = 0.1,
    running_mean: Operand | None = None,
    running_var: Operand | None = None,
) -> tuple[Variable, ...]:
    """(normalized inputs, their mean, their inverse standard deviation), then the new running mean and
    variance if old ones are given.

    The mean and variance are taken over ``axes``: 'per-activation' is the first, 'spatial' all but the
    second, or a tuple. The output is gamma * (inputs - mean) / sqrt(variance + epsilon) + beta. gamma, beta
    and the running averages have the other axes, or all with sizes 1 for the normalized ones; mean and
    inverse deviation come in gamma's layout. A new average is old * (1 - running_average_factor) + new *
    running_average_factor, the variance the unbiased one. ValueError for other ranks, for invalid axes and an
    epsilon below 1e-5.

    >>> import tgen.tensor as T
    >>> x, g, b, m, v = T.ftensor4(), T.fvector(), T.fvector(), T.fvector(), T.fvector()
    >>> [r.ndim for r in T.nnet.batch_normalization_train(x, g, b, "spatial", running_mean=m, running_var=v)]
    [4, 1, 1, 1, 1]
    """
    x = _inputs(inputs)
    layout = _Layout(x, axes, epsilon)
    scale, shift = layout.parameter(gamma, "gamma"), layout.parameter(beta, "beta")
    mean, var = (
        mean_of(x, axis=list(layout.axes), keepdims=True),
        var_of(x, axis=list(layout.axes), keepdims=True),
    )
    inverse = elemwise("true_div")(1, elemwise("sqrt")(var + epsilon))
    results = [(x - mean) * (scale * inverse) + shift, layout.like(mean, gamma), layout.like(inverse, gamma)]
    kept = 1.0 - running_average_factor
    if running_mean is not None:
        new = layout.parameter(running_mean, "running_mean") * kept + mean * running_average_factor
        results.append(layout.like(new, running_mean))
    if running_var is not None:
        count = cast(sizes.variable(sizes.product(sizes.length(x, a) for a in layout.axes)), x.type.dtype)
        new = (
            layout.parameter(running_var, "running_var") * kept
            + (count / (count - 1)) * var * running_average_factor
        )
        results.append(layout.like(new, running_var))
    return tuple(results)


def batch_normalization_test(
    inputs: Operand,
    gamma: Operand,
    beta: Operand,
    mean: Operand,
    var: Operand,
    axes: str | Sequence[int] = "per-activation",
    epsilon: Operand = 0.0001,
) -> Variable:
    """gamma * (inputs - mean) / sqrt(var + epsilon) + beta, for a mean and variance found in training;
    layouts as there.

    >>> import tgen.tensor as T
    >>> v = T.fvector()
    >>> T.nnet.batch_normalization_test(T.ftensor4(), v, v, v, v, "spatial").ndim
    4
    """
    x = _inputs(inputs)
    layout = _Layout(x, axes, epsilon)
    scale, shift, mean, var = (
        layout.parameter(v, what)
        for v, what in ((gamma, "gamma"), (beta, "beta"), (mean, "mean"), (var, "var"))
    )
    return (x - mean) * (scale / elemwise("sqrt")(var + epsilon)) + shift


def batch_normalization(
    inputs: Operand, gamma: Operand, beta: Operand, mean: Operand, std: Operand, mode: str = "low_mem"
) -> Variable:
    """(inputs - mean) * (gamma / std) + beta; all broadcast against each other. ``mode`` chose one of two of
    Theano's programs.

    >>> import tgen.tensor as T
    >>> T.nnet.batch_normalization(T.fmatrix(), T.frow(), T.frow(), T.frow(), T.frow()).ndim
    2
    """
    if mode not in ("low_mem", "high_mem"):
        raise ValueError(f"mode must be 'low_mem' or 'high_mem', got {mode!r}")
    x = _inputs(inputs)
    return (x - mean) * (as_tensor_variable(gamma) / std) + beta
