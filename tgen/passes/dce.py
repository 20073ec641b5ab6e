"""dce: what nothing needs goes.

    v1 = exp v0
    v2 = tanh v0        ->      v2 = tanh v0
    return v2                   return v2

Needed are the block's results, checks, effects, and what finds a size that something needed mentions. Of a
kernel, a scan and a branch results, operands and instructions of the blocks go one by one. Parameters of the
function stay.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeAlias

from tgen.core import dims
from tgen.core.maps import WHOLE, Axis
from tgen.ir.nodes import Block
from tgen.ir.rebuild import instr_symbols, is_ordered
from tgen.ir.views import CondView, ScanView, Side

if TYPE_CHECKING:
    from tgen.core.dims import Sym
    from tgen.ir.nodes import Function, Instr, Value


def dce(function: Function) -> Function:
    """``function`` without what no result, check or effect needs."""
    return function.with_block(_run(_live_part(function.block)))


# asks for what is left of blocks and instructions by yielding tasks, and gives such an answer itself
Task: TypeAlias = "Generator[Any, Any, Any]"


def _run(task: Task) -> Block:
    """Drive a generator that asks for nested blocks by yielding tasks of the same kind: a stack instead of
    recursion.
    """
    stack: list[Task] = [task]
    answer: Any = None
    while stack:
        try:
            stack.append(stack[-1].send(answer))
            answer = None
        except StopIteration as end:
            stack.pop()
            answer = end.value
    return answer


def _symbols(values: tuple[Value, ...]) -> set[Sym]:
    return {x for v in values for s in v.type.shape if isinstance(s, dims.Size) for x in dims.symbols(s)}


def _live_part(block: Block) -> Task:
    """A task: ``block`` without dead instructions."""
    live = set(block.results)
    symbols = _symbols(block.results)
    kept = []
    for instr in reversed(block.instrs):
        if live.isdisjoint(instr.results) and not _acts(instr) and symbols.isdisjoint(instr.found):
            continue
        if instr.op.name in _LIVE:
            instr = yield _LIVE[instr.op.name](instr, live, symbols)
        kept.append(instr)
        live.update(instr.operands)
        symbols.update(instr_symbols(instr))
    if len(kept) == len(block.instrs) and all(a is b for a, b in zip(reversed(kept), block.instrs)):
        return block
    return Block(block.params, tuple(reversed(kept)), block.results)


def _acts(instr: Instr) -> bool:
    """Whether an instruction is there for more than its results: a check, an effect, a block
    with an effect.
    """
    return is_ordered(instr) if instr.blocks else instr.op.effect.stays


def _live_kernel(instr: Instr, live: set[Value], symbols: set[Sym]) -> Task:
    """A task: ``instr`` with the results that are used, and with the operands that those need."""
    used = [k for k, v in enumerate(instr.results) if v in live]
    block = instr.blocks[0]
    inner = yield _live_part(Block(block.params, block.instrs, tuple(block.results[k] for k in used)))
    needed = _needed(inner)
    maps = instr.attrs["maps"]
    operands = {k for k, v in enumerate(inner.params) if v in needed}
    operands |= {a.gather for k in sorted(operands) for a in maps[k] if a.gather is not None}
    if (
        len(used) == len(instr.results)
        and len(operands) == len(instr.operands)
        and inner.instrs == block.instrs
    ):
        return instr
    keep = sorted(operands)
    place = {k: n for n, k in enumerate(keep)}
    attrs = instr.attrs | {
        "maps": tuple(tuple(_moved(a, place) for a in maps[k]) for k in keep),
        "outs": tuple(instr.attrs["outs"][k] for k in used),
    }
    return instr.with_(
        operands=tuple(instr.operands[k] for k in keep),
        results=tuple(instr.results[k] for k in used),
        attrs=attrs,
        blocks=(Block(tuple(inner.params[k] for k in keep), inner.instrs, inner.results),),
    )


def _needed(block: Block) -> set[Value]:
    """The values that the instructions and results of a block read."""
    return {v for i in block.instrs for v in i.operands} | set(block.results)


def _moved(axis: Axis, place: dict[int, int]) -> Axis:
    if axis == WHOLE or axis.gather is None:
        return axis
    return Axis(axis.index, axis.start, axis.step, place[axis.gather])


def _live_scan(instr: Instr, live: set[Value], symbols: set[Sym]) -> Task:
    """A task: a carry lives when something reads what is kept of it, or when the step of a living one reads
    it.
    """
    scan = ScanView(instr)
    outs = [out for out in scan.outs if out.result in live]
    yielded: set[Any] = {out.of for out in outs} | {scan.condition}
    while True:
        kept = [part for part in scan.yielded if part in yielded]
        inner = yield _live_part(Block(scan.params, scan.instrs, tuple(part.new for part in kept)))
        needed = _needed(inner)
        more = yielded.union(c for c in scan.carries if c.param in needed)
        if more == yielded:
            break
        yielded = more
    smaller = scan.with_(
        carries=[c for c in scan.carries if c in yielded],
        sequences=[s for s in scan.sequences if s.param in needed],
        fixed=[f for f in scan.fixed if f.param in needed],
        more=[y for y in scan.more if y in yielded],
        outs=outs,
        instrs=inner.instrs,
    )
    same = (
        len(smaller.results) == len(instr.results)
        and len(smaller.operands) == len(instr.operands)
        and inner.instrs == scan.instrs
        and len(kept) == len(scan.yielded)
    )
    return instr if same else smaller


def _live_cond(instr: Instr, live: set[Value], symbols: set[Sym]) -> Task:
    """A task: the results that are used, or whose size something else mentions."""
    cond = CondView(instr)
    sized = {o.result for o in cond.open if o.symbol in symbols}
    used = [k for k, v in enumerate(cond.results) if v in live or v in sized]
    sides = []
    for side in cond.sides:
        block = side.block
        inner = yield _live_part(Block(block.params, block.instrs, tuple(block.results[k] for k in used)))
        needed = _needed(inner)
        pairs = [(p, v) for p, v in zip(block.params, side.values) if p in needed]
        same = (
            len(pairs) == len(block.params)
            and inner.instrs == block.instrs
            and len(used) == len(block.results)
        )
        smaller = Block(tuple(p for p, _ in pairs), inner.instrs, inner.results)
        sides.append(side if same else Side(smaller, tuple(v for _, v in pairs)))
    if all(a is b for a, b in zip(sides, cond.sides)):
        return instr
    return cond.with_(sides, [cond.results[k] for k in used])


_LIVE = {"kernel": _live_kernel, "scan": _live_scan, "cond": _live_cond}
