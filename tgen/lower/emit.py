"""Pending instructions -> Blocks. A block is closed: what it takes from around it becomes an operand of its
instruction and a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tgen.core.op import OPS
from tgen.core.types import tensor_type
from tgen.graph.nodes import Constant
from tgen.ir.nodes import Block, Instr, Value

from .signature import is_literal

if TYPE_CHECKING:
    from tgen.graph.nodes import Variable

    from .guards import Pending
    from .regions import BlockDraft


class BlockWriter:
    """A block being written: graph variable -> Value, and what was captured from ``outer``."""

    def __init__(self, lowering: Any, outer: BlockWriter | None = None) -> None:
        self.lowering, self.outer = lowering, outer
        self.values, self.instrs, self.captured = {}, [], {}  # captured: parameter -> the outer value

    def resolve(self, v: Variable) -> Value:
        """The Value of a variable here. As deep as blocks are nested."""
        while v in self.lowering.identity:
            v = self.lowering.identity[v]
        if v not in self.values:
            self.values[v] = (
                self.constant(v) if isinstance(v, Constant) and is_literal(v) else self.capture(v)
            )
        return self.values[v]

    def constant(self, v: Constant) -> Value:
        value = Value(tensor_type(v.type.dtype, v.data.shape))
        self.instrs.append(Instr(OPS["constant"], (), (value,), {"value": tuple(v.data.ravel().tolist())}))
        return value

    def capture(self, v: Variable) -> Value:
        assert self.outer is not None  # what the function's own block takes from around it is a parameter
        outside = self.outer.resolve(v)
        param = Value(outside.type)
        self.captured[param] = outside
        return param

    def define(self, v: Variable) -> Value:
        self.values[v] = Value(self.lowering.entry_type(self.lowering.types[v]))
        return self.values[v]

    # -- instructions
    def emit(self, pending: Iterable[Pending | Instr]) -> None:
        for item in pending:
            made = self.settled(item) if isinstance(item, Instr) else self.instruction(item)
            if made is not None:
                self.instrs.append(made)

    def settled(self, check: Instr) -> Instr | None:
        """A check in the symbols that are left; None where these leave nothing to check."""
        sizes = tuple(self.lowering.settled(s) for s in check.sizes)
        return None if check.op.name == "check_eq" and sizes[0] == sizes[1] else check.with_(sizes=sizes)

    def instruction(self, item: Pending) -> Instr:
        operands, attrs, blocks = tuple(self.resolve(v) for v in item.operands), item.attrs, []
        for body in item.bodies:
            inner = BlockWriter(self.lowering, self)
            blocks.append(inner.block(body))
            operands += tuple(inner.captured.values())
        if item.op.name == "cond":
            attrs = attrs | {"first": len(blocks[0].params)}
        results = tuple(self.define(v) for v in item.targets)
        where = frozenset([item.node.where]) if item.node is not None and item.node.where else frozenset()
        return Instr(
            item.op,
            operands,
            results,
            attrs,
            tuple(self.lowering.at_entry(s) for s in item.sizes),
            tuple(blocks),
            where,
        )

    def block(self, body: BlockDraft) -> Block:
        params = [self.define(v) for v in body.params]
        self.emit(body.region.pending)
        results = tuple(self.resolve(v) for v in body.outputs)
        return Block((*params, *self.captured), tuple(self.instrs), results)
