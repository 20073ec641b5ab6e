"""dce: what nothing needs goes.

    v1 = exp v0
    v2 = tanh v0        ->      v2 = tanh v0
    return v2                   return v2

Needed are the block's results, checks, effects, and what finds a size that something needed mentions. Of a
kernel, a scan and a branch results, operands and instructions of the blocks go one by one. Parameters of the
function stay.
"""

from tgen.core import dims
from tgen.ir.nodes import WHOLE, Axis, Block
from tgen.ir.rebuild import has_effect, instr_symbols


def dce(function):
    """``function`` without what no result, check or effect needs."""
    return function.with_block(_run(_live_part(function.block)))


def _run(task):
    """Drive a generator that asks for nested blocks by yielding tasks of the same kind: a stack instead of
    recursion.
    """
    stack, answer = [task], None
    while stack:
        try:
            stack.append(stack[-1].send(answer))
            answer = None
        except StopIteration as end:
            stack.pop()
            answer = end.value
    return answer


def _symbols(values):
    return {
        name for v in values for s in v.type.shape if isinstance(s, dims.Size) for name in dims.symbols(s)
    }


def _live_part(block):
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


def _acts(instr):
    """Whether an instruction is there for more than its results: a check, an effect, a block
    with an effect.
    """
    if instr.blocks:
        return has_effect(instr)
    return not instr.results and instr.op.name != "sizeof" or instr.op.effect


def _live_kernel(instr, live, symbols):
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


def _needed(block):
    """The values that the instructions and results of a block read."""
    return {v for i in block.instrs for v in i.operands} | set(block.results)


def _moved(axis, place):
    if axis == WHOLE or axis.gather is None:
        return axis
    return Axis(axis.index, axis.start, axis.step, place[axis.gather])


def _live_scan(instr, live, symbols):
    """A task: a carry lives when something reads what is kept of it, or when the step of a living one reads
    it.
    """
    block, attrs = instr.blocks[0], instr.attrs
    carries, until = attrs["carries"], int(attrs["until"])
    outs = [k for k, v in enumerate(instr.results) if v in live]
    yields = {attrs["outs"][k][1] for k in outs} | ({len(block.results) - 1} if until else set())
    while True:
        keep = sorted(yields)
        inner = yield _live_part(Block(block.params, block.instrs, tuple(block.results[k] for k in keep)))
        needed = _needed(inner)
        more = {j for j in range(carries) if block.params[j] in needed} | yields
        if more == yields:
            break
        yields = more
    operands = [k for k, v in enumerate(block.params) if (k in yields if k < carries else v in needed)]
    if (
        len(outs) == len(instr.results)
        and len(operands) == len(instr.operands)
        and inner.instrs == block.instrs
        and len(keep) == len(block.results)
    ):
        return instr
    return _smaller(instr, inner, outs, keep, operands)


def _smaller(instr, inner, outs, keep, operands):
    """A scan with these of its outs, yielded values and operands."""
    attrs, place = instr.attrs, {k: n for n, k in enumerate(keep)}
    carries, sequences = attrs["carries"], attrs["sequences"]
    rows = [k - carries for k in operands if carries <= k < carries + sequences]
    more = {
        "carries": sum(k < carries for k in operands),
        "sequences": len(rows),
        "outs": tuple((attrs["outs"][k][0], place[attrs["outs"][k][1]]) for k in outs),
    }
    sizes = instr.sizes
    if "steps" in attrs:
        more["steps"], sizes = (
            tuple(attrs["steps"][k] for k in rows),
            (sizes[0], *(sizes[1 + k] for k in rows)),
        )
    return instr.with_(
        operands=tuple(instr.operands[k] for k in operands),
        results=tuple(instr.results[k] for k in outs),
        attrs=attrs | more,
        sizes=sizes,
        blocks=(Block(tuple(inner.params[k] for k in operands), inner.instrs, inner.results),),
    )


def _live_cond(instr, live, symbols):
    """A task: the results that are used, or whose size something else mentions."""
    attrs = instr.attrs
    sized = {k for (k, _), name in zip(attrs["open"], instr.found) if name in symbols}
    used = [k for k, v in enumerate(instr.results) if v in live or k in sized]
    blocks, operands, first = [], [instr.operands[0]], 0
    for number, (block, values) in enumerate(
        zip(instr.blocks, (instr.operands[1 : 1 + attrs["first"]], instr.operands[1 + attrs["first"] :]))
    ):
        inner = yield _live_part(Block(block.params, block.instrs, tuple(block.results[k] for k in used)))
        needed = _needed(inner)
        keep = [k for k, v in enumerate(inner.params) if v in needed]
        operands += [values[k] for k in keep]
        first = first if number else len(keep)
        same = (
            len(keep) == len(block.params)
            and inner.instrs == block.instrs
            and len(used) == len(block.results)
        )
        blocks.append(
            block if same else Block(tuple(inner.params[k] for k in keep), inner.instrs, inner.results)
        )
    if all(a is b for a, b in zip(blocks, instr.blocks)):
        return instr
    place = {k: n for n, k in enumerate(used)}
    opened = [(place[k], axis, name) for (k, axis), name in zip(attrs["open"], instr.found) if k in place]
    attrs = attrs | {
        "first": first,
        "open": tuple(o[:2] for o in opened),
        "found": tuple(o[2] for o in opened),
    }
    return instr.with_(
        operands=tuple(operands),
        results=tuple(instr.results[k] for k in used),
        attrs=attrs,
        blocks=tuple(blocks),
    )


_LIVE = {"kernel": _live_kernel, "scan": _live_scan, "cond": _live_cond}
