"""Jacobians and Hessians: one pull-back of a symbolic adjoint, then its graph with a leading batch axis.

``batched`` gives every node that depends on the adjoint that axis, as its op says (Op.batch); seeding it with
the rows of an identity matrix computes all rows of the Jacobian at once. Where an op has no such rule (a
scan), ``one_by_one`` pulls the rows back in a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tgen.graph import sizes
from tgen.graph.adjoint import adjoint_type
from tgen.graph.closure import close, like
from tgen.graph.grad import Lop, grad
from tgen.graph.identities import step_of
from tgen.graph.nodes import Apply, Variable, mention
from tgen.graph.scans import scan_of
from tgen.graph.sizes import variable as as_variable
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
    rows = batched(pulled, adjoint, seeds, count)
    if rows is None:
        rows = one_by_one(pulled, adjoint, seeds, count)
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


def one_by_one(
    outputs: Sequence[Variable], seed: Variable, seeds: Variable, count: Variable
) -> list[Variable]:
    """``outputs`` for each of ``seeds`` in the place of ``seed``: stacked by a scan."""
    body, captured = close([seed], outputs)
    outs = [("stack", k) for k in range(len(outputs))]
    return scan_of(body, [], [seeds], captured, sizes.variable(count), outs)


def batched(
    outputs: Sequence[Variable], seed: Variable, seeds: Variable, count: Variable
) -> list[Variable] | None:
    """``outputs`` for each of ``seeds`` (stacked along a new first axis of size ``count``) in the place of
    variable ``seed``; None where an op that depends on it does not say how that axis passes (Op.batch).
    """
    rows = Stacked(seed, seeds, count)
    if not all(map(rows.add, toposort(outputs, [seed]))):
        return None
    return [rows.whole(v) for v in outputs]


class Same(dict[Variable, Variable]):
    """What stands for a variable: itself, unless something was put in its place."""

    def __missing__(self, v: Variable) -> Variable:
        return v


class Stacked:
    """Values of a graph for many values of one variable, as Op.batch asks for them: ``rowed`` have a leading
    axis of length ``count``, ``fixed`` depend on sizes of these alone.
    """

    def __init__(self, seed: Variable, seeds: Variable, count: Variable) -> None:
        self.count = count
        self.rowed, self.fixed = {seed: seeds}, Same()

    def add(self, node: Apply) -> bool:
        """Make what stands for the results of ``node``, its inputs known; whether that can be."""
        inputs, rowed = node.inputs, [v for v in node.inputs if v in self.rowed]
        if not rowed and not any(v in self.fixed for v in inputs):
            return True
        if not rowed:
            made = again(node, [self.fixed[v] for v in inputs], retype=True)
            self.fixed.update(zip(node.outputs, made.outputs))
            return True
        step = step_of(node)
        if node.primitive.name == "shape_i":
            axis = node.attrs["axis"] + 1
            self.fixed[node.outputs[0]] = apply("shape_i", self.rowed[inputs[0]], axis=axis)
            return True
        if step.op.batch is None or len(step.results) != 1 or any(v in self.rowed for v in step.sizes):
            return False
        step.sizes = tuple(self.fixed[v] for v in step.sizes)
        result = step.op.batch(self, step)
        if result is None:
            return False
        self.rowed[step.result] = result
        return True

    def emit(
        self, name: str, operands: Sequence[Variable] = (), attrs: Any = None, sizes: Sequence[Any] = ()
    ) -> Variable:
        return apply(name, *operands, *map(as_variable, sizes), **(attrs or {}))

    def lifted(self, v: Variable, rank: int) -> Variable:
        """A value with the axis, of length 1 where the value is the same throughout."""
        return self.rowed[v] if v in self.rowed else reorder(self.fixed[v], ["x", *range(rank)])

    def whole(self, v: Variable) -> Variable:
        """A value with the axis, repeated along it where the value is the same throughout."""
        if v in self.rowed:
            return self.rowed[v]
        x = self.fixed[v]
        return to_sizes(reorder(x, ["x", *range(x.type.ndim)]), [self.count, *sizes.lengths(x)])

    def dot(self, step: Any) -> Variable:
        x, y = (self.rowed.get(v, self.fixed[v]) for v in step.operands)
        if all(v in self.rowed for v in step.operands):
            return batched_dot(x, y) if x.type.ndim > 2 or y.type.ndim > 2 else (x * y).sum(axis=1)
        if step.operands[0] in self.rowed:
            return dot(x, y)
        z = tensordot(x, y, [[x.type.ndim - 1], [1]])
        return z if x.type.ndim == 1 else reorder(z, (1, 0, *range(2, z.type.ndim)))

    def batched_dot(self, step: Any) -> Variable:
        return matmul(*(self.lifted(v, 3) for v in step.operands))
