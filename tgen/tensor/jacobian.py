"""Jacobians and Hessians: one pull-back of a symbolic adjoint, then its graph with a leading batch axis.

``batched`` gives every node that depends on the adjoint that axis, by one rule per primitive; seeding it with
the rows of an identity matrix computes all rows of the Jacobian at once. Where a primitive has no such rule
(a scan), ``one_by_one`` pulls the rows back in a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tgen.core.op import REDUCE, SCALAR
from tgen.graph import sizes
from tgen.graph.adjoint import adjoint_type
from tgen.graph.closure import close, like
from tgen.graph.grad import Lop, grad
from tgen.graph.nodes import Variable, mention
from tgen.graph.scans import scan_of
from tgen.graph.walk import again, toposort

from .apply import apply, reorder
from .creation import eye
from .linalg import batched_dot, dot, matmul, tensordot
from .manipulate import to_sizes

__all__ = ["jacobian", "hessian"]


def jacobian(
    expression: Variable,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The derivatives of each element of the vector ``expression``: a matrix for a vector ``wrt``, a list for
    a list.

    Its shape is that of expression, then that of wrt; a scalar expression gives its gradient. ValueError for
    more dimensions (flatten it), and as ``grad`` for variables the expression does not depend on.

    >>> import tgen.tensor as T
    >>> x = T.dvector('x')
    >>> jacobian(x ** 2, x).type
    TensorType(float64, matrix)
    """
    if not isinstance(expression, Variable) or expression.type.ndim > 1:
        raise ValueError(
            "jacobian expects a vector or a scalar as expression, got "
            f"{expression}{f' of {expression.type}' if isinstance(expression, Variable) else ''}; "
            "use flatten to make it a vector"
        )
    if expression.type.ndim == 0:
        return grad(expression, wrt, consider_constant, disconnected_inputs)
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    adjoint = like(expression, adjoint_type(expression))
    pulled = Lop(expression, targets, adjoint, consider_constant, disconnected_inputs)
    count = sizes.length(expression, 0)
    seeds = eye(sizes.variable(count), dtype=adjoint.type.dtype)
    rows = (
        batched(pulled, adjoint, seeds, count)
        if batchable(pulled, adjoint)
        else one_by_one(pulled, adjoint, seeds, count)
    )
    rows = [mention(row, [expression]) for row in rows]
    return type(wrt)(rows) if isinstance(wrt, (list, tuple)) else rows[0]


def hessian(
    cost: Variable,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The second derivatives of the scalar ``cost`` with respect to a vector ``wrt``, a matrix; a list for a
    list.

    >>> import tgen.tensor as T
    >>> x = T.dvector('x')
    >>> hessian((x ** 3).sum(), x).type
    TensorType(float64, matrix)
    """
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    for v in targets:
        if not isinstance(v, Variable) or v.type.ndim != 1:
            raise ValueError(f"hessian expects vectors as wrt, got {v}")
    slopes = grad(cost, targets, consider_constant, disconnected_inputs)
    results = [jacobian(g, v, consider_constant, "ignore") for g, v in zip(slopes, targets)]
    return type(wrt)(results) if isinstance(wrt, (list, tuple)) else results[0]


def batchable(outputs: Sequence[Variable], seed: Variable) -> bool:
    """Whether every node behind ``outputs`` that depends on ``seed`` has a rule here."""
    values = {seed}
    for node in toposort(outputs, [seed]):
        if node.primitive.name == "shape_i" or not any(v in values for v in node.inputs):
            continue
        if not _has_rule(node) or any(v in values for v in _indices(node)):
            return False
        values.update(node.outputs)
    return True


def _has_rule(node):
    return node.primitive.kind == SCALAR or _is_along_axes(node) or node.primitive.name in _RULES


def _is_along_axes(node):
    name = node.primitive.name
    return "axes" in node.attrs and (
        node.primitive.kind == REDUCE
        and name not in ("argmax", "argmin")
        or name in ("unbroadcast", "rebroadcast", "logsumexp")
    )


def _indices(node):
    return (
        node.inputs[1 if node.primitive.name == "gather" else 2 :]
        if _RULES.get(node.primitive.name) is _gather
        else ()
    )


def one_by_one(
    outputs: Sequence[Variable], seed: Variable, seeds: Variable, count: Variable
) -> list[Variable]:
    """``outputs`` for each of ``seeds`` in the place of ``seed``: stacked by a scan."""
    body, captured = close([seed], outputs)
    outs = [("stack", k) for k in range(len(outputs))]
    return scan_of(body, [], [seeds], captured, sizes.variable(count), outs)


def batched(outputs: Sequence[Variable], seed: Variable, seeds: Variable, count: Variable) -> list[Variable]:
    """``outputs`` for each of ``seeds`` (stacked along a new first axis of size ``count``) in the place of
    variable ``seed``.
    """
    new = {seed: (seeds, True)}
    for node in toposort(outputs, [seed]):
        operands = [new.get(v, (v, False)) for v in node.inputs]
        if all(v not in new for v in node.inputs):
            continue
        if node.primitive.name == "shape_i" and operands[0][1]:
            new[node.outputs[0]] = apply("shape_i", operands[0][0], axis=node.attrs["axis"] + 1), False
            continue
        if not any(is_batched for _, is_batched in operands):
            results, flag = again(node, [v for v, _ in operands], retype=True).outputs, False
        else:
            results, flag = [_batch(node, operands, count)], True
        new.update((old, (fresh, flag)) for old, fresh in zip(node.outputs, results))
    return [_whole(new.get(v, (v, False)), count) for v in outputs]


def _whole(operand, count):
    """An operand with the batch axis, repeated along it if it has none of its own."""
    v, is_batched = operand
    if is_batched:
        return v
    return to_sizes(reorder(v, ["x", *range(v.type.ndim)]), [count, *sizes.lengths(v)])


def _batch(node, operands, count):
    name, attrs = node.primitive.name, dict(node.attrs)
    if node.primitive.kind == SCALAR:
        return apply(
            name, *(v if flag else reorder(v, ["x", *range(v.type.ndim)]) for v, flag in operands), **attrs
        )
    if _is_along_axes(node):
        return apply(name, operands[0][0], **attrs | {"axes": tuple(a + 1 for a in attrs["axes"])})
    return _RULES[name](name, attrs, operands, count)


def _plain(operands):
    return [v for v, _ in operands]


def _dimshuffle(name, attrs, operands, count):
    return reorder(operands[0][0], [0, *(a if a == "x" else a + 1 for a in attrs["order"])])


def _sized(name, attrs, operands, count):
    """broadcast_to and reshape: one more size."""
    v, *wanted = _plain(operands)
    more = {"ndim": attrs["ndim"] + 1} if name == "reshape" else {}
    return apply(name, v, sizes.variable(count), *wanted, **more)


def _slice(name, attrs, operands, count):
    v, *bounds = _plain(operands)
    half = len(bounds) // 2
    return apply(
        name,
        v,
        sizes.variable(0),
        *bounds[:half],
        sizes.variable(count),
        *bounds[half:],
        steps=(1, *attrs["steps"]),
    )


def _write_slice(name, attrs, operands, count):
    base, v = (_whole(operand, count) for operand in operands[:2])
    return apply(name, base, v, sizes.variable(0), *_plain(operands[2:]), steps=(1, *attrs["steps"]))


def _gather(name, attrs, operands, count):
    arrays = 1 if name == "gather" else 2
    whole = [_whole(operand, count) for operand in operands[:arrays]]
    return apply(name, *whole, *_plain(operands[arrays:]), axis=attrs["axis"] + 1, count=attrs["count"])


def _concatenate(name, attrs, operands, count):
    return apply(name, *(_whole(operand, count) for operand in operands), axis=attrs["axis"] + 1)


def _make_vector(name, attrs, operands, count):
    return apply("concatenate", *(reorder(_whole(operand, count), (0, "x")) for operand in operands), axis=1)


def _along(name, attrs, operands, count):
    axis = attrs["axis"]
    moved = tuple(a + 1 for a in axis) if isinstance(axis, tuple) else axis + 1
    return apply(name, operands[0][0], **attrs | {"axis": moved})


def _dot(name, attrs, operands, count):
    (x, x_batched), (y, y_batched) = operands
    if x_batched and y_batched:
        return batched_dot(x, y) if x.type.ndim > 2 or y.type.ndim > 2 else (x * y).sum(axis=1)
    if x_batched:
        return dot(x, y)
    z = tensordot(x, y, [[x.type.ndim - 1], [1]])
    return z if x.type.ndim == 1 else reorder(z, (1, 0, *range(2, z.type.ndim)))


def _batched_dot(name, attrs, operands, count):
    return matmul(*(v if flag else reorder(v, ("x", 0, 1, 2)) for v, flag in operands))


_RULES = {
    "dimshuffle": _dimshuffle,
    "broadcast_to": _sized,
    "reshape": _sized,
    "slice": _slice,
    "set_slice": _write_slice,
    "inc_slice": _write_slice,
    "gather": _gather,
    "set_gather": _gather,
    "inc_gather": _gather,
    "concatenate": _concatenate,
    "make_vector": _make_vector,
    "softmax": _along,
    "logsoftmax": _along,
    **dict.fromkeys(("cumsum", "cumprod", "sort", "argsort"), _along),
    "dot": _dot,
    "batched_dot": _batched_dot,
}
