"""The stable identities as grad uses them: what a formula means, where it is not differentiated as it stands.

``log(softmax(x))`` is logsoftmax(x), in every mode (ops/stable.py); so that is what grad differentiates, and
its gradient does not overflow either. ``twins`` finds these places before the walk back: {variable: the one
that means the same}.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.dtypes import is_float
from tgen.core.layouts import Kept, Yielded
from tgen.core.rules import IDENTITIES, Rewriter

from .build import apply, like, literal
from .nodes import Constant, Variable, apply_op, infer, known_size
from .scans import ScanNode

if TYPE_CHECKING:
    from tgen.core.op import Attrs, Op
    from tgen.core.types import TensorType
    from tgen.core.values import Line

    from .nodes import Apply


@dataclass(eq=False)
class Result:
    """The result of an application in the making."""

    type: TensorType


@dataclass(eq=False)
class Applied:
    """An application as rules read it: one of the graph, or one in the making."""

    op: Op
    operands: tuple[Variable, ...]
    results: tuple[Variable | Result, ...]
    attrs: Attrs
    sizes: tuple[Variable, ...]
    where: Line | None

    @property
    def result(self) -> Variable | Result:
        return self.results[0]


@dataclass(frozen=True, eq=False)
class Cut:
    """A slice of the rows from ``first`` on, at least 1."""

    slice: Applied
    first: int


@dataclass(frozen=True, eq=False)
class KeptRows:
    """A row of each step of a loop, as ``out`` keeps them: a stack, or a history without its first row
    (``cut``).
    """

    scan: ScanNode
    out: Kept
    cut: Cut | None = None


def step_of(node: Apply) -> Applied:
    """An Apply as rules read it: what are sizes stands apart."""
    op = node.primitive
    count = op.sizes(node.attrs) if callable(op.sizes) else op.sizes
    operands = node.inputs[:-count] if count else node.inputs
    return Applied(
        op,
        tuple(operands),
        tuple(node.outputs),
        node.attrs,
        tuple(node.inputs[len(operands) :]),
        node.where,
    )


def twins(order: Sequence[Apply], fixed: Collection[Variable]) -> dict[Variable, Variable]:
    """{variable: its twin} for the results of ``order``, nodes with producers first.

    The variables in ``fixed`` have an adjoint of their own, so no identity reaches across one; if it has a
    twin itself, that is a variable of its own.
    """
    if not any(node.primitive.name in IDENTITIES for node in order):
        return {}
    meaning = Meaning(fixed)
    for node in order:
        if node.primitive.name in IDENTITIES and len(node.outputs) == 1 and is_float(node.outputs[0].dtype):
            meaning.visit(node)
    return meaning.twins


def order_through(
    outputs: Sequence[Variable], stop: Iterable[Variable], twins: Mapping[Variable, Variable]
) -> list[Apply]:
    """The nodes that ``outputs`` need, producers first, when each variable is made as its twin is."""
    done: set[Apply] = set()
    order: list[Apply] = []
    ends = set(stop)
    stack = [v.owner for v in reversed(outputs) if v.owner is not None and v not in ends]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        inputs = [twin(v, twins) for v in node.inputs if v not in ends]
        waiting = [v.owner for v in inputs if v.owner is not None and v not in ends and v.owner not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        done.add(node)
        order.append(node)
        stack.pop()
    return order


def twin(v: Variable, twins: Mapping[Variable, Variable]) -> Variable:
    """What stands for v: its twin, and the twin of that."""
    while v in twins:
        v = twins[v]
    return v


class Meaning(Rewriter[Variable, Applied]):
    """The rules on a graph. What a rule makes is an Apply at once; in vain, nothing refers to it.

    ``where``: the user's line of the node that is visited.
    """

    def __init__(self, fixed: Collection[Variable]) -> None:
        super().__init__(IDENTITIES, through=True)
        self.fixed = fixed
        self.twins: dict[Variable, Variable] = {}
        self.steps: dict[Apply, Applied] = {}
        self.where: Line | None = None
        # (the loop's parameters, whether it keeps the last row alone, what is yielded) -> its log's rows
        self.logs: dict[tuple[tuple[Variable, ...], bool, Variable], Variable] = {}

    def visit(self, node: Apply) -> None:
        v, step = node.outputs[0], step_of(node)
        self.where = node.where
        value = self.rewritten(step)
        if value is not None and value is not v:
            self.twins[v] = apply("copy", value) if v in self.fixed else value

    # -- what is read and made
    def definition(self, value: Variable) -> Applied | None:
        node = self.maker(value)
        return None if node is None else self.step(node)

    def maker(self, value: Variable) -> Apply | None:
        """The node that ``value``, as it is meant, is a result of; None where no rule may look."""
        return None if value in self.fixed else twin(value, self.twins).owner

    def step(self, node: Apply) -> Applied:
        if node not in self.steps:
            self.steps[node] = step_of(node)
        return self.steps[node]

    def array_of(self, value: Variable) -> np.ndarray | None:
        return value.data if isinstance(value, Constant) else None

    def make(self, op: Op, operands: tuple[Variable, ...], attrs: Attrs, sizes: tuple[Any, ...]) -> Applied:
        (type,) = infer(op, [*operands, *sizes], attrs)
        return Applied(op, operands, (Result(type),), attrs, sizes, self.where)

    def keep(self, instr: Applied) -> Variable:
        return apply_op(instr.op, [*instr.operands, *instr.sizes], instr.attrs, self.where)[0]

    def scalar(self, value: Any, type: TensorType) -> Variable:
        return literal(value, type.dtype)

    def fit(self, value: Variable, instr: Applied) -> Variable | None:
        """``value`` with the axes that broadcast of what it replaces, and no others."""
        v, wanted = instr.result, instr.result.type
        if value.dtype != wanted.dtype or value.ndim != wanted.ndim:
            raise TypeError(f"a rule gave {value.type} for {wanted}")
        if any(one and not is_one for one, is_one in zip(wanted.broadcastable, value.broadcastable)):
            return None
        if value.broadcastable == wanted.broadcastable:
            return value
        return like(value, v) if isinstance(v, Variable) else None

    # -- loops
    def yielded(self, value: Variable) -> Variable | None:
        rows = self.rows_of(value)
        return None if rows is None else rows.out.of.new

    def rows_of(self, value: Variable) -> KeptRows | None:
        """The KeptRows that ``value`` is; None for another value."""
        node = self.maker(value)
        if node is None:
            return None
        if node.primitive.name == "scan":
            scan = ScanNode(node)
            out = scan.out_of(twin(value, self.twins))
            return KeptRows(scan, out) if out.kind in ("stack", "back") else None
        if node.primitive.name != "slice":
            return None
        step = self.step(node)
        first, history = known_size(step.sizes[0]), step.operands[0]
        loop = self.maker(history)
        if first is None or first < 1 or step.attrs["steps"][0] < 0:
            return None
        if loop is None or loop.primitive.name != "scan":
            return None
        scan = ScanNode(loop)
        out = scan.out_of(twin(history, self.twins))
        return KeptRows(scan, out, Cut(step, first)) if out.kind == "history" else None

    def log_of_rows(self, value: Variable) -> Variable | None:
        """One more out of the loop: grad differentiates this one, in whose body the log is stable."""
        found = self.rows_of(value)
        if found is None:
            return None
        key = found.scan.params, found.out.kind == "back", found.out.of.new
        if key not in self.logs:
            self.logs[key] = self.with_log(found.scan, found.out)
        rows, cut = self.logs[key], found.cut
        if cut is None:
            return rows
        return self.emit(
            cut.slice.op, (rows,), cut.slice.attrs, (literal(cut.first - 1), *cut.slice.sizes[1:])
        )

    def with_log(self, scan: ScanNode, out: Kept) -> Variable:
        log = Yielded(apply("log", out.of.new))
        rows = Kept("back" if out.kind == "back" else "stack", log, None)
        made = scan.again(more=(*scan.more, log), outs=(*scan.outs, rows))
        for old, new in zip(scan.results, made):
            if old not in self.fixed:
                self.twins[old] = new
        return made[-1]
