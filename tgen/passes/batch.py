"""batch: the products of all steps of a loop as one, before it or after it.

    v5 = scan v1, v2, v3 <n> {..} (h, x, w) {             X = dot v2, v3
      v7 = dot x, w                                ->     v5 = scan v1, X <n> {..} (h, v7) {
      v8 = tanh (h + v7)                                    v8 = tanh (h + v7)
      yield v8                                              yield v8

What needs no carry goes before the loop (the inputs of a recurrent net times their weights). What no carry
needs goes after it: the outputs, and the sums over the steps that are gradients of weights, from rows that
the loop keeps. Rows.py says what can be computed of all rows at once.
"""

from __future__ import annotations

from collections import abc
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.dtypes import is_float
from tgen.core.layouts import Carry, Fixed, Kept, Sequence, Yielded
from tgen.core.op import FREE
from tgen.core.types import wide
from tgen.ir.nodes import Block, Value, fresh_like
from tgen.ir.rebuild import bottom_up, definitions, replaced, substitute
from tgen.ir.views import ScanView
from tgen.passes.hoist import only_rows
from tgen.passes.rows import Rows

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.ir.nodes import Function, Instr


def batch(function: Function) -> Function:
    """``function`` with the products of its loops taken out where that can be."""
    return function.with_block(bottom_up(function.block, lambda block, level: _batched(block)))


def _batched(block: Block) -> Block:
    if not any(i.op.name == "scan" for i in block.instrs):
        return block
    out, env = [], {}
    for old in block.instrs:
        instr = substitute(old, env)
        if instr.op.name != "scan":
            out.append(instr)
            continue
        if ScanView(instr).condition is None:
            instr, before = _Before(instr).run()
            out.extend(before)
        out.extend(_After(instr, env, {v: i for i in out for v in i.results}).run())
    return Block(block.params, tuple(out), tuple(replaced(v, env) for v in block.results))


class _Body:
    """A scan, and what its body makes."""

    def __init__(self, instr: Instr) -> None:
        self.instr, self.scan = instr, ScanView(instr)
        self.body = self.scan.body
        self.made = definitions(self.body)
        self.found = {s for i in self.body.instrs for s in i.found}

    def regular(self, v: Value) -> bool:
        """Whether every step gives v the same size."""
        return self.found.isdisjoint(v.type.symbols)


class _Before(_Body):
    """Products of what comes in, with what is the same at every step: made before the loop,
    a new sequence.
    """

    def run(self) -> tuple[Instr, abc.Sequence[Instr]]:
        rows = Rows(self.scan.steps, self.instr)
        rows.rowed.update((s.param, s.source) for s in self.scan.sequences)
        rows.fixed.update((f.param, f.value) for f in self.scan.fixed)
        early, heads = self.early(), []
        for i in self.body.instrs:
            if (
                i.op.name == "dot"
                and i.result in early
                and any(v in early and not self.steady(v) for v in i.operands)
            ):
                mark = rows.mark()
                if self.take(rows, i.result):
                    heads.append(i)
                else:
                    rows.undo(mark)
        if not heads:
            return self.instr, ()
        params = {i.result: fresh_like(i.result) for i in heads}
        instrs = tuple(substitute(i, params) for i in self.body.instrs if i not in heads)
        body = Block(self.body.params, instrs, tuple(replaced(v, params) for v in self.body.results))
        scan = ScanView(self.instr.with_(blocks=(body,)))
        made = [Sequence(params[i.result], rows.rowed[i.result]) for i in heads]
        return scan.with_(sequences=(*scan.sequences, *made)), rows.builder.instrs

    def early(self) -> set[Value]:
        """What needs no carry, checks nothing and has one size."""
        found = {part.param for part in (*self.scan.sequences, *self.scan.fixed)}
        for i in self.body.instrs:
            if (
                i.results
                and i.op.effect.moves
                and not (i.found or i.blocks)
                and all(v in found for v in i.operands)
                and all(map(self.regular, i.results))
            ):
                found.update(i.results)
        return found

    def steady(self, v: Value) -> bool:
        """Whether v only depends on what is the same at every step."""
        sequences, stack = {s.param for s in self.scan.sequences}, [v]
        while stack:
            x = stack.pop()
            if x in sequences:
                return False
            stack.extend(self.made[x].operands if x in self.made else ())
        return True

    def take(self, rows: Rows, v: Value) -> bool:
        return _compute(rows, v, self.made)


def _compute(rows: Rows, v: Value, made: dict[Value, Instr]) -> bool:
    """Compute v over all rows, and what it needs; whether there are rules for all of it. What was computed in
    vain is kept.
    """
    stack = [v]
    while stack:
        x = stack[-1]
        if rows.has(x):
            stack.pop()
            continue
        i = made.get(x)
        if i is None:
            return False
        waiting = [o for o in i.operands if not rows.has(o)]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if len(i.results) != 1 or i.found or i.blocks or not i.op.effect.moves or not rows.add(i):
            return False
    return True


class _After(_Body):
    """Products that no carry needs: made after the loop, of rows that it keeps."""

    def __init__(self, instr: Instr, env: dict[Any, Any], source: dict[Value, Instr]) -> None:
        super().__init__(instr)
        # source: value around the loop -> the instruction that makes it
        self.env, self.source = env, source
        self.outs, self.extra = list(self.scan.outs), []  # extra: what is yielded for this
        self.count = self.scan.count
        self.needed = self.recurrent()
        # the order of all rows that are computed here
        self.rows_kind = "back" if self.goes_back() else "stack"

    def goes_back(self) -> bool:
        """Whether the loop reads rows of the last step first, as the gradient of a loop does: its rows are
        then kept so too, and all are in order again.
        """
        slices = [self.source.get(s.source) for s in self.scan.sequences]
        return self.scan.condition is None and any(
            i is not None and i.op.name == "slice" and i.attrs["steps"][0] == -1 and only_rows(i)
            for i in slices
        )

    def recurrent(self) -> set[Value]:
        """What the next step, the condition, checks and effects need: it is computed in the loop anyway."""
        found = {carry.new for carry in self.scan.carries}
        if self.scan.condition is not None:
            found.add(self.scan.condition.new)
        for i in reversed(self.body.instrs):
            if (
                not i.results
                or not i.op.effect.moves
                or i.found
                or i.blocks
                or any(v in found for v in i.results)
            ):
                found.update(i.operands)
                found.update(i.results)
        return found

    def run(self) -> list[Instr]:
        """The instructions in place of the scan."""
        sinks = [
            out for out in self.outs if out.kind in ("stack", "back", "sum") and self.is_free(out.of.new)
        ]
        chosen = [out for out in sinks if self.has_product(out)]
        kept = {v for out in chosen for v in self.frontier(out)} | {
            out.of.new for out in self.outs if out.kind in ("stack", "back") and out not in chosen
        }
        chosen += [
            out
            for out in sinks
            if out not in chosen
            and out.kind == "sum"
            and all(self.at_hand(v, kept) for v in self.frontier(out))
        ]
        rows = Rows(self.count, self.instr)
        for out in chosen:
            self.sink(rows, out)
        if not rows.builder.instrs:
            return [self.instr]
        scan = self.scan.with_(more=(*self.scan.more, *self.extra), outs=self.outs)
        return [scan, *rows.builder.instrs]

    def is_free(self, v: Value) -> bool:
        return v in self.made and v not in self.needed

    def slice(self, out: Kept) -> list[Instr]:
        """The instructions that only this out needs to be computed of what is kept
        anyway, last ones first.
        """
        stack, found = [out.of.new], {}
        while stack:
            v = stack.pop()
            if self.is_free(v) and self.made[v] not in found:
                found[self.made[v]] = None
                stack.extend(self.made[v].operands)
        return list(found)

    def frontier(self, out: Kept) -> set[Value]:
        """The values that an out is computed of after the loop."""
        inside = self.slice(out)
        return {v for i in inside for v in i.operands if not self.is_free(v)}

    def has_product(self, out: Kept) -> bool:
        inside = self.slice(out)
        root = self.made[out.of.new]
        outer = (
            out.kind == "sum"
            and root.op.name == "mul"
            and all(
                v in self.made and self.made[v].op.name == "dimshuffle" and "x" in self.made[v].attrs["order"]
                for v in root.operands
            )
            and root.result.type.ndim == 2
        )
        return outer or any(i.op.name == "dot" for i in inside)

    def at_hand(self, v: Value, kept: set[Value]) -> bool:
        return (
            v in kept
            or v in self.body.params
            or any(v is carry.new for carry in self.scan.carries)
            or v in self.made
            and self.made[v].op.cost == FREE
        )

    def sink(self, rows: Rows, out: Kept) -> None:
        kind, v = out.kind, out.of.new
        if not all(map(self.regular, self.frontier(out))) or any(
            i.found or not i.op.effect.moves or i.blocks or len(i.results) != 1 for i in self.slice(out)
        ):
            return
        saved = rows.mark(), len(self.outs), len(self.extra)
        for x in self.frontier(out):
            if not rows.has(x):
                self.keep(rows, x)
        value = (
            self.summed(rows, v)
            if kind == "sum"
            else rows.rowed.get(v)
            if _compute(rows, v, self.made)
            else None
        )
        if value is None:
            self.restore(rows, *saved)
            return
        if kind in ("stack", "back") and kind != self.rows_kind:
            value = self.turned(rows, value)
        self.env[out.result] = value  # the loop's own is dropped by dce

    def restore(self, rows: Any, mark: Any, outs: Any, extra: Any) -> None:
        rows.undo(mark)
        del self.outs[outs:], self.extra[extra:]

    def summed(self, rows: Rows, v: Value) -> Value | None:
        i = self.made[v]
        parts = [o for o in i.operands if not rows.has(o)]
        if i.op.name in ("dot", "mul") and all([_compute(rows, o, self.made) for o in parts]):
            value = rows.sum_of_product(i, self.made)
            if value is not None:
                return value
        if not _compute(rows, v, self.made) or v not in rows.rowed:
            return None
        dtype = rows.rowed[v].type.dtype
        return rows.emit("sum", (rows.rowed[v],), {"axes": (0,), **wide(dtype)}) if is_float(dtype) else None

    def keep(self, rows: Rows, v: Value) -> None:
        """The rows of a value of the body: of a sequence, of a history, or kept for this."""
        scan = self.scan
        param = next((p for p in scan.parts if p.param is v), None)
        carry = next((c for c in scan.carries if c.new is v), None)
        if isinstance(param, Fixed):
            rows.fixed[v] = param.value
        elif isinstance(param, Sequence):
            rows.rowed[v] = self.sequence(rows, param.source)
        elif isinstance(param, Carry):
            rows.rowed[v] = self.part(rows, self.out("history", param, v), 0)
        elif carry is not None:
            rows.rowed[v] = self.part(rows, self.out("history", carry, v), 1)
        elif v in self.made and self.made[v].op.cost == FREE:
            if not _compute(rows, v, self.made):
                rows.rowed[v] = self.kept(v)
        else:
            rows.rowed[v] = self.kept(v)

    def kept(self, v: Value) -> Value:
        of = {part.new: part for part in self.scan.yielded}.get(v)
        if of is None:
            of = Yielded(v)
            self.extra.append(of)
        return self.out(self.rows_kind, of, v)

    def out(self, kind: str, of: Carry | Yielded, v: Value) -> Value:
        """The result for an out of the loop with rows like ``v``, a new one unless it has it."""
        for out in self.outs:
            if out.kind == kind and out.of is of:
                return out.result
        rows = dims.add(self.count, 1) if kind == "history" else self.count
        result = Value(v.type.with_shape((rows, *v.type.shape)))
        self.outs.append(Kept(kind, of, result))
        return result

    def part(self, rows: Rows, x: Value, start: int) -> Value:
        """Rows ``start`` .. of a history, in the order of all rows here."""
        return (
            self.slice_rows(rows, x, start, 1)
            if self.rows_kind == "stack"
            else self.slice_rows(rows, x, dims.add(dims.sub(self.count, 1), start), -1)
        )

    def turned(self, rows: Rows, x: Value) -> Value:
        return self.slice_rows(rows, x, dims.sub(self.count, 1), -1)

    def sequence(self, rows: Rows, x: Value) -> Value:
        if self.scan.condition is not None:
            return self.slice_rows(rows, x, 0, 1)
        if self.rows_kind == "stack":
            return x
        i = self.source.get(x)
        if i is not None and i.op.name == "slice" and only_rows(i):
            last = dims.add(i.sizes[0], dims.mul(i.attrs["steps"][0], dims.sub(self.count, 1)))
            return self.slice_rows(rows, i.operands[0], last, -i.attrs["steps"][0])
        return self.turned(rows, x)

    def slice_rows(self, rows: Rows, x: Value, start: Extent, step: int) -> Value:
        """Row k of the result is row start + step * k of x; x itself where that is all of it."""
        ndim = x.type.ndim
        if step == 1 and start == 0 and x.type.shape[0] == self.count:
            return x
        return rows.emit(
            "slice",
            (x,),
            {"steps": (step,) + (1,) * (ndim - 1)},
            (start, *[0] * (ndim - 1), self.count, *x.type.shape[1:]),
        )
