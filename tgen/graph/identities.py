"""The stable identities as grad uses them: what a formula means, where it is not differentiated as it stands.

``log(softmax(x))`` is logsoftmax(x), in every mode (ops/stable.py); so that is what grad differentiates, and
its gradient does not overflow either. ``twins`` finds these places before the walk back: {variable: the one
that means the same}.
"""

from dataclasses import dataclass

from tgen.core.dtypes import is_float
from tgen.core.layouts import Kept, Yielded
from tgen.core.rules import IDENTITIES, Rewriter

from .build import apply, like, literal
from .nodes import Constant, apply_op, infer, known_size
from .scans import ScanNode


@dataclass(eq=False)
class Result:
    """The result of an application in the making."""

    type: object
    owner = None

    ndim = property(lambda self: self.type.ndim)
    broadcastable = property(lambda self: self.type.broadcastable)


@dataclass(eq=False)
class Applied:
    """An application as rules read it: one of the graph, or one in the making."""

    op: object
    operands: tuple
    results: tuple
    attrs: dict
    sizes: tuple
    where: object
    bodies: tuple = ()

    result = property(lambda self: self.results[0])


def step_of(node):
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
        node.bodies,
    )


def twins(order, fixed):
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


def order_through(outputs, stop, twins):
    """The nodes that ``outputs`` need, producers first, when each variable is made as its twin is."""
    done, order, stop = set(), [], set(stop)
    stack = [v.owner for v in reversed(outputs) if v.owner is not None and v not in stop]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        inputs = [twin(v, twins) for v in node.inputs if v not in stop]
        waiting = [v.owner for v in inputs if v.owner is not None and v not in stop and v.owner not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        done.add(node)
        order.append(node)
        stack.pop()
    return order


def twin(v, twins):
    """What stands for v: its twin, and the twin of that."""
    while v in twins:
        v = twins[v]
    return v


class Meaning(Rewriter):
    """The rules on a graph. What a rule makes is an Apply at once; in vain, nothing refers to it."""

    def __init__(self, fixed):
        super().__init__((), through=True)
        self.rules = IDENTITIES
        self.fixed, self.twins, self.steps, self.where = fixed, {}, {}, None
        self.logs = {}

    def visit(self, node):
        v, step = node.outputs[0], step_of(node)
        self.where = node.where
        value = self.rewritten(step)
        if value is not None and value is not v:
            self.twins[v] = apply("copy", value) if v in self.fixed else value

    # -- what is read and made
    def definition(self, value):
        if value in self.fixed:
            return None
        node = twin(value, self.twins).owner
        if node is None:
            return None
        if node not in self.steps:
            self.steps[node] = step_of(node)
        return self.steps[node]

    def array_of(self, value):
        return value.data if isinstance(value, Constant) else None

    def make(self, op, operands, attrs, sizes):
        (type,) = infer(op, [*operands, *sizes], attrs)
        return Applied(op, operands, (Result(type),), attrs, sizes, self.where)

    def keep(self, instr):
        return apply_op(instr.op, [*instr.operands, *instr.sizes], instr.attrs, self.where)[0]

    def scalar(self, value, type):
        return literal(value, type.dtype)

    def fit(self, value, instr):
        """``value`` with the axes that broadcast of what it replaces, and no others."""
        v = instr.result
        if value.type.dtype != v.type.dtype or value.ndim != v.ndim:
            raise TypeError(f"a rule gave {value.type} for {v.type}")
        if any(wanted and not is_one for wanted, is_one in zip(v.broadcastable, value.broadcastable)):
            return None
        if value.broadcastable == v.broadcastable:
            return value
        return like(value, v) if v.owner is not None else None

    # -- loops
    def yielded(self, value):
        found = self.kept_by(value)
        return None if found is None else found[1].of.new

    def kept_by(self, value):
        """(the loop, its Kept, the slice) where ``value`` is rows that each step makes: a stack of them, or a
        history without its first row. None for another value."""
        rows, view, step = value, None, self.definition(value)
        if step is not None and step.op.name == "slice":
            first = known_size(step.sizes[0])
            if first is None or first < 1 or step.attrs["steps"][0] < 0:
                return None
            rows, view, step = step.operands[0], step, self.definition(step.operands[0])
        if step is None or step.op.name != "scan":
            return None
        scan = ScanNode.of_step(step)
        out = scan.out_of(twin(rows, self.twins))
        if out.kind == "history" and view is not None or out.kind in ("stack", "back") and view is None:
            return scan, out, view
        return None

    def log_of_rows(self, value):
        """One more out of the loop: grad differentiates this one, in whose body the log is stable."""
        scan, out, view = self.kept_by(value)
        key = scan.params, out.kind == "back", out.of.new
        if key not in self.logs:
            self.logs[key] = self.with_log(scan, out)
        rows = self.logs[key]
        if view is None:
            return rows
        first = literal(known_size(view.sizes[0]) - 1)
        return self.emit(view.op, (rows,), view.attrs, (first, *view.sizes[1:]))

    def with_log(self, scan, out):
        log = Yielded(apply("log", out.of.new))
        rows = Kept("back" if out.kind == "back" else "stack", log, None)
        made = scan.again(more=(*scan.more, log), outs=(*scan.outs, rows))
        for old, new in zip(scan.results, made):
            if old not in self.fixed:
                self.twins[old] = new
        return made[-1]
