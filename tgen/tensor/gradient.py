"""Gradients under the names users know, and the identities that have a gradient of their own."""
from tgen.graph import grad as derivatives

from .apply import apply
from .variable import as_tensor_variable

__all__ = ["consider_constant", "disconnected_grad", "zero_grad", "grad_clip", "grad_scale"]
__all__ += [name for name in ("grad", "Rop", "Lop", "jacobian", "hessian", "subgraph_grad") if hasattr(derivatives, name)]
globals().update({name: getattr(derivatives, name) for name in __all__ if hasattr(derivatives, name)})


def _identity(name, x, **attrs):
    x = as_tensor_variable(x)
    return apply(name, x, weak=x.type.weak, **attrs)


def zero_grad(x):
    """x, whose gradient is zero.

    >>> import tgen.tensor as T
    >>> x = T.dscalar('x')
    >>> T.zero_grad(x).type
    TensorType(float64, scalar)
    """
    return _identity("zero_grad", x)


def consider_constant(x):
    """x, taken as a constant by gradients: its gradient is zero."""
    return _identity("zero_grad", x)


def disconnected_grad(x):
    """x, through which gradients see nothing: a variable behind it counts as disconnected."""
    return _identity("disconnected_grad", x)


def grad_clip(x, lower_bound, upper_bound):
    """x, whose gradient is held between the two numbers. ValueError if the lower one is the greater."""
    if not lower_bound <= upper_bound:
        raise ValueError(f"`upper_bound` should be >= `lower_bound`, got {lower_bound} and {upper_bound}")
    return _identity("grad_clip", x, lo=float(lower_bound), hi=float(upper_bound))


def grad_scale(x, multiplier):
    """x, whose gradient is multiplied by the number ``multiplier``."""
    return _identity("grad_scale", x, factor=float(multiplier))
