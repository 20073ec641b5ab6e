"""Gradients under the names users know: ``T.grad``, ``T.Lop``, ``T.Rop``, and identities that have a gradient
of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tgen.core.dtypes import is_float
from tgen.errors import ArgumentTypeError, ArgumentValueError, RopError
from tgen.graph.closure import like
from tgen.graph.grad import (
    Lop,
    check_disconnected,
    consider_constant,
    disconnected_grad,
    grad,
    grad_clip,
    grad_scale,
    when_disconnected,
    zero_grad,
)
from tgen.graph.nodes import mention
from tgen.graph.nograd import Undefined
from tgen.graph.walk import clone

from .creation import zeros_like
from .jacobian import hessian, jacobian
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Variable

__all__ = [
    "grad",
    "Lop",
    "Rop",
    "jacobian",
    "hessian",
    "subgraph_grad",
    "consider_constant",
    "disconnected_grad",
    "zero_grad",
    "grad_clip",
    "grad_scale",
]


def Rop(
    f: Any, wrt: Any, eval_points: Any, disconnected_outputs: str = "raise", return_disconnected: str = "zero"
) -> Any:
    """The Jacobian of ``f`` with respect to ``wrt`` times ``eval_points``, of the shape of f.

    ``f`` is a variable or a list (then a list comes back); ``wrt`` and ``eval_points`` are variables or equal
    lists. Computed as the gradient of a gradient: that is linear in the adjoint of f, and its derivative
    there is the answer. An expression that depends on nothing in wrt has the derivative zero. An f that is
    no expression (an input, a shared variable, a constant) and not in wrt either is taken for a mistake:
    ``disconnected_outputs`` is 'raise' (DisconnectedInputError), 'warn' or 'ignore', which give what
    ``return_disconnected`` says: 'zero', 'None' or 'Disconnected'. RopError, a TypeError and a ValueError,
    where there is no derivative.

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
    check_disconnected("disconnected_outputs", disconnected_outputs, return_disconnected)
    outputs = f if isinstance(f, (list, tuple)) else [f]
    results = []
    for y in outputs:
        if y.owner is None and y not in targets:
            message = f"Rop was asked for the derivative of {y}, which is no expression and not in wrt"
            results.append(when_disconnected(y, message, disconnected_outputs, return_disconnected))
        else:
            results.append(mention(_directional(y, targets, points), [y]))
    return type(f)(results) if isinstance(f, (list, tuple)) else results[0]


def _directional(y, targets, points):
    if not is_float(y.type.dtype):
        raise RopError(f"Rop of {y} of {y.type}: only floats have derivatives")
    adjoint = like(y)
    pulled = grad(
        None,
        targets,
        known_grads={y: adjoint},
        disconnected_inputs="ignore",
        return_disconnected="None",
        null_gradients="return",
        add_names=False,
    )
    undefined = next((g for g in pulled if isinstance(g, Undefined)), None)
    if undefined is not None:
        raise RopError(f"Rop of {y} is undefined: {undefined.why}")
    if all(g is None for g in pulled):
        return zeros_like(y)
    # linear in the adjoint; two targets may have one pull-back, or the adjoint itself
    terms = [(g * point).sum() for g, point in zip(pulled, points) if g is not None]
    pushed = grad(sum(terms[1:], terms[0]), adjoint, disconnected_inputs="ignore", add_names=False)
    return clone([pushed], {adjoint: zeros_like(y)})[0]  # of the adjoint only sizes are left


def subgraph_grad(
    wrt: Sequence[Variable],
    end: Sequence[Variable],
    start: Mapping[Variable, Variable] | None = None,
    cost: Variable | None = None,
    details: bool = False,
) -> Any:
    """Gradients of one part of a graph, from ``cost`` and from the gradients in ``start`` back to the
    variables in ``end``.

    wrt     a list of variables of this part
    end     a list of variables where it ends: what they are made of gets nothing. Their own gradients
            are the ``start`` of the next part
    start   {variable: its gradient}, known from the part before
    cost    a scalar: what this part itself adds to the cost
    Returns (gradients of wrt, gradients of end), each a list; with ``details`` also two lists for wrt and end
    together, those from ``start`` and those of ``cost``, None for one that was not given. A variable nothing
    depends on has a gradient of zeros. Of start and cost one must be given (ValueError); TypeError for a wrt
    or end that is no list, a start that is no dict. Both are AssertionErrors, too.

    >>> import tgen, tgen.tensor as T
    >>> x, w = T.dscalar("x"), tgen.shared(3.0, "w")
    >>> hidden = w * x
    >>> _, [g] = subgraph_grad([], [hidden], cost=hidden ** 2)
    >>> [dw], [dx] = subgraph_grad([w], [x], start={hidden: g})
    >>> tgen.function([x], [dw, dx])(2.0)
    [array(24.), array(36.)]
    """
    if cost is None and start is None:
        raise ArgumentValueError("subgraph_grad needs a cost or start")
    for word, value, kind in (("wrt", wrt, list), ("end", end, list), ("start", start or {}, dict)):
        if not isinstance(value, kind):
            raise ArgumentTypeError(f"{word} must be a {kind.__name__}; got {value!r:.80}")
    params = list(dict.fromkeys(wrt + end))
    from_start = from_cost = None
    if start is not None:
        from_start = (
            grad(None, params, end, "ignore", known_grads=start) if start else list(map(zeros_like, params))
        )
    if cost is not None:
        from_cost = grad(cost, params, end, "ignore")
    parts = [part for part in (from_start, from_cost) if part is not None]
    found = {v: terms[0] if len(terms) == 1 else terms[0] + terms[1] for v, *terms in zip(params, *parts)}
    of_wrt, of_end = [found[v] for v in wrt], [found[v] for v in end]
    return (of_wrt, of_end, from_start, from_cost) if details else (of_wrt, of_end)
