"""dce: what nothing needs goes.

    v1 = exp v0
    v2 = tanh v0        ->      v2 = tanh v0
    return v2                   return v2

Needed are the block's results, checks, effects, and what finds a size that something needed mentions. Of a kernel, results, operands
and body instructions go one by one. Parameters of the function stay.
"""
from tgen.ir.nodes import WHOLE, Axis, Block
from tgen.ir.rebuild import instr_symbols
from tgen.core import dims


def dce(function):
    """``function`` without what no result, check or effect needs."""
    return function.with_block(_run(_live_part(function.block)))


def _run(task):
    """Drive a generator that asks for nested blocks by yielding tasks of the same kind: a stack instead of recursion."""
    stack, answer = [task], None
    while stack:
        try:
            stack.append(stack[-1].send(answer))
            answer = None
        except StopIteration as end:
            stack.pop()
            answer = end.value
    return answer


def _live_part(block):
    """A task: ``block`` without dead instructions."""
    live = set(block.results)
    symbols = {name for v in block.results for s in v.type.shape if isinstance(s, dims.Size) for name in dims.symbols(s)}
    kept = []
    for instr in reversed(block.instrs):
        needed = not instr.results and instr.op.name != "sizeof" or instr.op.effect
        if not (needed or any(v in live for v in instr.results) or any(name in symbols for name in instr.found)):
            continue
        if instr.op.name == "kernel":
            instr = yield _live_kernel(instr, live)
        kept.append(instr)
        live.update(instr.operands)
        symbols.update(instr_symbols(instr))
    if len(kept) == len(block.instrs) and all(a is b for a, b in zip(reversed(kept), block.instrs)):
        return block
    return Block(block.params, tuple(reversed(kept)), block.results)


def _live_kernel(instr, live):
    """A task: ``instr`` with the results that are used, and with the operands that those need."""
    used = [k for k, v in enumerate(instr.results) if v in live]
    block = instr.blocks[0]
    inner = yield _live_part(Block(block.params, block.instrs, tuple(block.results[k] for k in used)))
    needed = {v for i in inner.instrs for v in i.operands} | set(inner.results)
    maps = instr.attrs["maps"]
    operands = {k for k, v in enumerate(inner.params) if v in needed}
    operands |= {a.gather for k in sorted(operands) for a in maps[k] if a.gather is not None}
    if len(used) == len(instr.results) and len(operands) == len(instr.operands) and inner.instrs == block.instrs:
        return instr
    keep = sorted(operands)
    place = {k: n for n, k in enumerate(keep)}
    attrs = instr.attrs | {"maps": tuple(tuple(_moved(a, place) for a in maps[k]) for k in keep),
                           "outs": tuple(instr.attrs["outs"][k] for k in used)}
    return instr.with_(operands=tuple(instr.operands[k] for k in keep), results=tuple(instr.results[k] for k in used), attrs=attrs,
                       blocks=(Block(tuple(inner.params[k] for k in keep), inner.instrs, inner.results),))


def _moved(axis, place):
    if axis == WHOLE or axis.gather is None:
        return axis
    return Axis(axis.index, axis.start, axis.step, place[axis.gather])
