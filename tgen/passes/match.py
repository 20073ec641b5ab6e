"""The rules of core/rules.py in the IR: one sweep over a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core import dims
from tgen.core.layouts import Kept, Yielded
from tgen.core.op import OPS
from tgen.core.rules import Rewriter, by_op
from tgen.ir.interp import constant
from tgen.ir.nodes import Block, Instr, Value
from tgen.ir.origin import made_of, making
from tgen.ir.rebuild import definitions, replaced, substitute
from tgen.ir.views import ScanView

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import Attrs, Op
    from tgen.core.rules import Match, Rule
    from tgen.core.types import TensorType


class Sweep(Rewriter[Value, Instr]):
    """One walk over a block: the rules of its op are tried on each instruction, and on a replacement."""

    def __init__(self, block: Block, rules: tuple[Rule, ...], through: bool = False) -> None:
        super().__init__(by_op(rules), through)
        self.block, self.table = block, rules
        self.out, self.definitions, self.env, self.where = [], {}, {}, frozenset()
        self.inner, self.logs, self.changed = {}, {}, False

    def run(self) -> Block:
        """The new block; the very same when no rule applied."""
        for old in self.block.instrs:
            instr = substitute(old, self.env)
            if instr.op.name not in self.rules or len(instr.results) != 1:
                self.keep(instr)
                continue
            value = self.place(instr)
            if value is not old.result:
                self.env[old.result] = value
                self.changed = True
        if not self.changed:
            return self.block
        return Block(
            self.block.params, tuple(self.out), tuple(replaced(v, self.env) for v in self.block.results)
        )

    def replace(self, r: Rule, match: Match) -> Value | None:
        """What a rule emitted without a result is removed."""
        mark, where = len(self.out), self.where
        self.where = match.instr.where.union(*(p.where for p in match.parts))
        try:
            with making(made_of((match.instr, *match.parts), r.name)):
                made = super().replace(r, match)
        except (
            dims.Unequal
        ):  # sizes that are equal only by a check: the sweep does not know it, so it leaves them
            made = None
        self.where = where
        if made is None:
            del self.out[mark:]
        return made

    def replay(self, chain: Sequence[Instr], value: Value, instr: Instr) -> Value:
        self.where, where = instr.where.union(*(i.where for i in chain)), self.where
        with making(made_of((instr, *chain))):
            value = super().replay(chain, value, instr)
        self.where = where
        return value

    # -- what is read and made
    def definition(self, value: Value) -> Instr | None:
        instr = self.definitions.get(value)
        return self.inner.get(value) if instr is None else instr

    def array_of(self, value: Value) -> np.ndarray | None:
        instr = self.definition(value)
        return constant(instr) if instr is not None and instr.op.name == "constant" else None

    def keep(self, instr: Instr) -> Value:
        self.out.append(instr)
        self.definitions.update((v, instr) for v in instr.results)
        return instr.results[0] if instr.results else None  # type: ignore[return-value]  # nobody asks then

    def make(self, op: Op, operands: tuple[Value, ...], attrs: Attrs, sizes: tuple[Extent, ...]) -> Instr:
        types = op.infer([v.type for v in operands], attrs, sizes)
        return Instr(op, operands, (Value(types[0]),), attrs, sizes, (), self.where)

    def scalar(self, value: float, type: TensorType) -> Value:
        return self.keep(
            Instr(OPS["constant"], (), (Value(type.with_shape(())),), {"value": (value,)}, (), (), self.where)
        )

    def fit(self, value: Value, instr: Instr) -> Value | None:
        """``value`` in the result's type: its static-1 axes are repeated where the type's are longer."""
        type = instr.result.type
        if value.type == type:
            return value
        if value.type.dtype != type.dtype or value.type.ndim != type.ndim:
            raise TypeError(f"a rule gave {value.type.text()} for {type.text()}")
        if any(a != b and not (isinstance(a, int) and a == 1) for a, b in zip(value.type.shape, type.shape)):
            return None
        return self.emit(OPS["broadcast_to"], (value,), {}, type.shape)

    # -- loops
    def yielded(self, value: Value) -> Value | None:
        found = self.kept_by(value)
        if found is None:
            return None
        scan, out, _ = found
        if out.of.new not in self.inner:
            self.inner.update(definitions(scan.body))
        return out.of.new

    def kept_by(self, value: Value) -> tuple[ScanView, Kept, Instr | None] | None:
        """(the loop, its Kept, the slice) where ``value`` is rows that each step makes: a stack of them, or a
        history without its first row. None for another value."""
        instr, view = self.definition(value), None
        if instr is not None and instr.op.name == "slice":
            if not dims.nonnegative(dims.sub(instr.sizes[0], 1)) or instr.attrs["steps"][0] < 0:
                return None
            instr, view = self.definition(instr.operands[0]), instr
        if instr is None or instr.op.name != "scan":
            return None
        scan = ScanView(instr)
        out = scan.out_of(view.operands[0] if view else value)
        if out.kind == "history" and view is not None or out.kind in ("stack", "back") and view is None:
            return scan, out, view
        return None

    def log_of_rows(self, value: Value) -> Value | None:
        """One more out of the loop: the log is taken, and made stable, in the body."""
        found = self.kept_by(value)
        if found is None:
            return None
        scan, out, view = found
        key = scan.params, out.kind == "back", out.of.new
        if key not in self.logs:
            self.logs[key] = self.with_log(scan, out)
        rows = self.logs[key]
        if view is None:
            return rows
        return self.emit(view.op, (rows,), view.attrs, (dims.sub(view.sizes[0], 1), *view.sizes[1:]))

    def with_log(self, scan: ScanView, out: Kept) -> Any:
        made = OPS["log"].infer([out.of.new.type], {}, ())
        log = Instr(OPS["log"], (out.of.new,), (Value(made[0]),), {}, (), (), self.where)
        kept, yielded = out.result.type, Yielded(log.result)
        steps = dims.sub(kept.shape[0], 1) if out.kind == "history" else kept.shape[0]
        rows = Value(kept.with_shape((steps, *kept.shape[1:])))
        more = Kept("back" if out.kind == "back" else "stack", yielded, rows)
        longer = scan.with_(more=(*scan.more, yielded), outs=(*scan.outs, more), instrs=(*scan.instrs, log))
        longer = longer.with_(blocks=(Sweep(longer.blocks[0], self.table, self.through).run(),))
        self.out[self.out.index(scan.instr)] = longer
        self.definitions.update((v, longer) for v in longer.results)
        self.changed = True
        return rows
