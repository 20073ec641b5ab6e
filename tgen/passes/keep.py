"""keep: a loop keeps of a carry what somebody reads, and reads sequences where they are.

    v4 = scan v1, v2 <n0> {outs=(('history', 0),)} ..                     v4, v6 = scan v1, v2 <n0> {outs=(('history', 0), ('final', 0))} ..
    v5 = slice v4 <n0, 0, 1, n1> {steps=(1, 1)}                    ->     v5 = dimshuffle v6 {order=('x', 0)}

Only the last row of a history is read: then it is not kept (dce drops it). A sequence that is a slice of rows, as it is of the last steps first in
the loop back, is read in place: a start and a step.
"""
from tgen.core import dims
from tgen.ir.builder import Builder
from tgen.ir.nodes import Block, fresh_like
from tgen.ir.rebuild import bottom_up, replaced, substitute
from tgen.passes.hoist import only_rows
from tgen.passes.match import Sweep
from tgen.passes.rules import EXACT


def keep(function):
    """``function`` whose loops keep the last value where nothing more is read."""
    return function.with_block(bottom_up(function.block, lambda block, level: _kept(block)))


def _kept(block):
    if not any(i.op.name == "scan" for i in block.instrs):
        return block
    scans = [_in_place(i, {v: d for d in block.instrs for v in d.results}) if i.op.name == "scan" else i for i in block.instrs]
    histories = {v: (n, k) for n, i in enumerate(scans) if i.op.name == "scan" for v, (kind, k) in zip(i.results, i.attrs["outs"]) if kind == "history"}
    finals = {}             # (place of the scan, carry) -> the last value
    env, out = {}, []
    for n, old in enumerate(scans):
        instr = substitute(old, env)
        at = histories.get(instr.operands[0]) if instr.op.name == "slice" else None
        if at is None or not _is_last(instr):
            out.append(instr)
            continue
        final = finals.setdefault(at, fresh_like(scans[at[0]].blocks[0].params[at[1]]))
        b = Builder(instr.where)
        env[instr.result] = b.emit("dimshuffle", (final,), {"order": ("x", *range(final.type.ndim))})
        out.extend(b.instrs)
    placed = {scans[n]: [(k, v) for (m, k), v in finals.items() if m == n] for n, _ in finals}
    out = [_with_finals(i, placed[i]) if i in placed else i for i in out]
    return Sweep(Block(block.params, tuple(out), tuple(replaced(v, env) for v in block.results)), EXACT).run()


def _is_last(instr):
    """Whether a slice of a history is its last row, whole."""
    ndim = instr.result.type.ndim
    return only_rows(instr) and instr.sizes[ndim] == 1 and instr.sizes[0] == dims.sub(instr.operands[0].type.shape[0], 1)


def _with_finals(instr, finals):
    outs = instr.attrs["outs"] + tuple(("final", k) for k, _ in finals)
    return instr.with_(results=(*instr.results, *(v for _, v in finals)), attrs=instr.attrs | {"outs": outs})


def _in_place(instr, made):
    """A scan whose sequences are read through the slices they are."""
    carries, count = instr.attrs["carries"], instr.attrs["sequences"]
    operands, starts = list(instr.operands), list(instr.sizes[1:]) or [0] * count
    steps = list(instr.attrs.get("steps", (1,) * count))
    for k in range(count):
        while (source := made.get(operands[carries + k])) is not None and source.op.name == "slice" and only_rows(source):
            operands[carries + k] = source.operands[0]
            starts[k] = dims.add(source.sizes[0], dims.mul(source.attrs["steps"][0], starts[k]))
            steps[k] *= source.attrs["steps"][0]
    if tuple(operands) == instr.operands:
        return instr
    return instr.with_(operands=tuple(operands), sizes=(instr.sizes[0], *starts), attrs=instr.attrs | {"steps": tuple(steps)})
