"""keep: a loop keeps the rows that somebody reads, and reads sequences where they are.

    v4 = scan v1 <n0> {outs=(('history', 0),)} (v2) {         v6, v7 = scan v1, v1 <n0> {outs=(('final', 0),
                                                              ('final', 1))} (v2, v8) {
      v3 = tanh v2                                              v3 = tanh v2
      yield v3                                           ->     yield v3, v2
    v5 = slice v4 <n0, 0, 1, n1>          y[-1]               v5 = dimshuffle v6 {order=('x', 0)}
    v9 = slice v4 <n0 - 1, 0, 1, n1>      y[-2]               v9 = dimshuffle v7 {order=('x', 0)}

Only the last rows are read of a history or a stack: then the last values of carries are read instead, one for
each row, and dce drops the rest. The row before the last is in a carry that takes over what the first one was
(a register). A sequence that is a slice of rows, as it is of the last steps first in the loop back, is read
in place: a start and a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core import dims
from tgen.core.layouts import Carry, Kept, Sequence
from tgen.core.maps import strided
from tgen.ir.builder import Builder
from tgen.ir.nodes import Block, fresh_like
from tgen.ir.rebuild import bottom_up, definitions, replaced, users, walk
from tgen.ir.views import ScanView
from tgen.passes.dce import dce
from tgen.passes.hoist import only_rows
from tgen.passes.match import Sweep
from tgen.passes.rules import EXACT

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.types import TensorType
    from tgen.ir.nodes import Function, Instr, Value
    from tgen.ir.rebuild import Env

MOST_ROWS = 4  # that registers are made for: each is a copy of a row at every step
MORE = dims.alone(dims.Sym(dims.SUPPOSED, 0))


def keep(function: Function) -> Function:
    """``function`` whose loops keep the last rows where nothing more is read."""
    if not any(i.op.name == "scan" for i in walk(function.block)):
        return function
    # what is dead reads nothing
    return function.with_block(bottom_up(dce(function).block, lambda block, level: _kept(block)))


def _kept(block: Block) -> Block:
    if not any(i.op.name == "scan" for i in block.instrs):
        return block
    made = definitions(block)
    block = Block(
        block.params,
        tuple(_in_place(i, made) if i.op.name == "scan" else i for i in block.instrs),
        block.results,
    )
    readers, ends, reads = users(block), {}, {}
    for instr in block.instrs:
        if instr.op.name != "scan":
            continue
        end = _Ends(instr)
        for out in end.scan.outs:
            found = [
                _Read(i, out.result, out.kind) if i is not None and i.op.name == "slice" else None
                for i in readers.get(out.result, ())
            ]
            if out.kind in ("history", "stack") and found and all(r is not None and r.rows for r in found):
                ends[instr] = end
                reads.update((r.instr, (r, [end.value(out, d) for d in r.distances])) for r in found if r)
    kept: list[Instr] = []
    env: Env = {}
    for instr in block.instrs:
        if instr in ends:
            kept.extend((*ends[instr].before.instrs, ends[instr].longer()))
        elif instr in reads:
            read, values = reads[instr]
            b = Builder(instr)
            env[instr.result] = read.of(values, b)
            kept.extend(b.instrs)
        else:
            kept.append(instr)
    kept = [
        i.with_(operands=tuple(replaced(v, env) for v in i.operands))
        if any(v in env for v in i.operands)
        else i
        for i in kept
    ]
    return Sweep(
        Block(block.params, tuple(kept), tuple(replaced(v, env) for v in block.results)), EXACT
    ).run()


# -- reads of the last rows ----------------------------------------------------------------------------------


class _Read:
    """A slice of ``kept``, which holds a row for each step. ``rows`` says how many of the last ones hold all
    that it reads; 0: it may read others.

    ``distances``, from the last row, are those of the rows to join: the ones read where that does not depend
    on the number of steps.
    """

    def __init__(self, instr: Instr, kept: Value, kind: str) -> None:
        self.instr, self.all, ndim = instr, kept.type.shape[0], kept.type.ndim
        count = dims.sub(self.all, int(kind == "history"))
        self.start, self.length, self.step = instr.sizes[0], instr.sizes[ndim], instr.attrs["steps"][0]
        self.first = dims.sub(dims.sub(self.all, 1), self.start)
        fitting = (
            k
            for k in range(1, MOST_ROWS + 1)
            if self.fits(k, count) and (k == 1 or not isinstance(count, int) or k < count // 2)
        )
        self.rows = next(fitting, 0)
        self.exact = isinstance(self.first, int) and isinstance(self.length, int)
        self.distances = self.read(self.first, self.length) if self.exact else range(self.rows - 1, -1, -1)

    def read(self, first: Any, length: Any) -> Any:
        return [first - self.step * k for k in range(length)]

    def fits(self, rows: int, count: Extent) -> bool:
        """Whether all is in the last ``rows``. Of fewer steps it always is; so let there be so many and some
        more.
        """
        first, length = (_with_steps(s, count, rows) for s in (self.first, self.length))
        if not isinstance(first, int) or not isinstance(length, int) or not 1 <= length <= rows:
            return False
        return all(0 <= d < rows for d in self.read(first, length))

    def of(self, values: list[Value], b: Builder) -> Value:
        """The value read, of the rows at ``distances``."""
        parts = [b.emit("dimshuffle", (v,), {"order": ("x", *range(v.type.ndim))}) for v in values]
        joined = parts[0] if len(parts) == 1 else b.emit("concatenate", tuple(parts), {"axis": 0})
        # of one row the read takes that one or nothing
        start, step = (
            (0, 1)
            if self.exact or self.rows == 1
            else (dims.sub(dims.add(self.start, self.rows), self.all), self.step)
        )
        sizes, steps = self.instr.sizes, self.instr.attrs["steps"]
        return b.emit("slice", (joined,), {"steps": (step, *steps[1:])}, (start, *sizes[1:]))


def _with_steps(size: Extent, count: Extent, least: int) -> Extent:
    """``size`` where ``count`` is ``least`` and some more."""
    if (known := dims.moved(count)) is None:
        return size
    atom, number = known
    return dims.put(size, atom, dims.add(MORE, least - number))


class _Ends:
    """A scan that gets carries for the last rows of what it keeps. ``before`` are the instructions that go
    before it.
    """

    def __init__(self, instr: Instr) -> None:
        self.scan, self.before = ScanView(instr), Builder(instr)
        self.carries, self.outs = list(self.scan.carries), list(self.scan.outs)

    def value(self, out: Kept, distance: int) -> Value:
        """The row ``distance`` before the last one that ``out`` keeps, as it is after the loop."""
        carry: Any = out.of if out.kind == "history" else self.taking(out.of.new, None)
        for _ in range(distance):
            carry = self.taking(carry.param, carry.first)
        final = next((o for o in self.outs if o.kind == "final" and o.of is carry), None)
        if final is None:
            final = Kept("final", carry, fresh_like(carry.param))
            self.outs.append(final)
        return final.result

    def taking(self, v: Value, first: Value | None) -> Carry:
        """A carry that becomes v at each step. Before the first step nobody reads it."""
        for carry in self.carries:
            if carry.new is v:
                return carry
        self.carries.append(Carry(fresh_like(v), self.zeros(v.type) if first is None else first, v))
        return self.carries[-1]

    def zeros(self, type: TensorType) -> Value:
        zero = self.before.scalar(np.zeros((), type.dtype).item(), type)
        if not type.ndim:
            return zero
        return self.before.emit(
            "broadcast_to",
            (self.before.emit("dimshuffle", (zero,), {"order": ("x",) * type.ndim}),),
            {},
            type.shape,
        )

    def longer(self) -> Instr:
        return self.scan.with_(carries=self.carries, outs=self.outs)


# -- sequences -----------------------------------------------------------------------------------------------


def _in_place(instr: Instr, made: dict[Value, Instr]) -> Instr:
    """A scan whose sequences are read through the slices they are."""
    scan = ScanView(instr)
    sequences = [_of_the_whole(s, made) for s in scan.sequences]
    if all(a is b for a, b in zip(sequences, scan.sequences)):
        return instr
    return scan.with_(sequences=sequences, placed=True)


def _of_the_whole(sequence: Sequence, made: dict[Value, Instr]) -> Sequence:
    """The Sequence that reads the same rows of what its source is a slice of."""
    while (i := made.get(sequence.source)) is not None and i.op.name == "slice" and only_rows(i):
        rows = strided(i.sizes[0], i.attrs["steps"][0], sequence.start, sequence.step)
        sequence = Sequence(sequence.param, i.operands[0], *rows)
    return sequence
