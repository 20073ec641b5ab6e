"""Gradients under the names users know: ``T.grad``, ``T.Lop``, ``T.Rop``, and identities that have a gradient of their own."""
from tgen.core.types import is_float
from tgen.graph.grad import Lop, consider_constant, disconnected_grad, grad, grad_clip, grad_scale, zero_grad
from tgen.graph.walk import clone

from .creation import zeros_like
from .jacobian import hessian, jacobian
from .variable import as_tensor_variable

__all__ = ["grad", "Lop", "Rop", "jacobian", "hessian", "consider_constant", "disconnected_grad", "zero_grad", "grad_clip", "grad_scale"]


def Rop(f, wrt, eval_points, disconnected_outputs="raise"):
    """The Jacobian of ``f`` with respect to ``wrt`` times ``eval_points``, of the shape of f.

    ``f`` is a variable or a list (then a list comes back); ``wrt`` and ``eval_points`` are variables or equal lists.
    Computed as the gradient of a gradient: that is linear in the adjoint of f, and its derivative there is the answer.
    ``disconnected_outputs``: what to do about an f that does not depend on wrt ('raise', 'warn', 'ignore': zeros).

    >>> import tgen.tensor as T
    >>> x, v = T.dvectors('xv')
    >>> T.Rop(x ** 2, x, v).type
    TensorType(float64, vector)
    """
    targets, points = (list(a) if isinstance(a, (list, tuple)) else [a] for a in (wrt, eval_points))
    if len(targets) != len(points):
        raise ValueError(f"{len(points)} eval_points for {len(targets)} variables in wrt")
    points = [as_tensor_variable(p) for p in points]
    for v, p in zip(targets, points):
        if v.ndim != p.ndim:
            raise ValueError(f"the eval_point {p} of {p.type} is not of the shape of {v} of {v.type}")
    results = [_directional(y, targets, points, disconnected_outputs) for y in (f if isinstance(f, (list, tuple)) else [f])]
    return type(f)(results) if isinstance(f, (list, tuple)) else results[0]


def _directional(y, targets, points, disconnected_outputs):
    if not is_float(y.type.dtype):
        raise TypeError(f"Rop of {y} of {y.type}: only floats have derivatives")
    adjoint = y.type("adjoint")
    pulled = Lop(y, targets, adjoint, disconnected_inputs=disconnected_outputs)
    pushed = grad(None, adjoint, known_grads=dict(zip(pulled, points)), disconnected_inputs="ignore", add_names=False)
    return clone([pushed], {adjoint: zeros_like(y)})[0]     # of the adjoint only sizes are left
