"""expand: what is one op in the graph and several in C is taken apart, as the op says (Op.expand).

    y = softmax x {axis=1}   ->   m = max x ; e = exp(x - m) ; y = e / sum e

After it fusion makes one row kernel of the parts. It leaves BLAS products alone (blas).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.ir.builder import Builder
from tgen.ir.nodes import Block
from tgen.ir.rebuild import bottom_up

if TYPE_CHECKING:
    from tgen.ir.nodes import Function


def expand(function: Function) -> Function:
    """``function`` with the parts of every op that has them, in nested blocks too."""
    return function.with_block(bottom_up(function.block, lambda block, level: _expanded(block)))


def _expanded(block: Block) -> Block:
    if not any(i.op.expand for i in block.instrs):
        return block
    env, out = {}, []
    for instr in block.instrs:
        operands = tuple(env.get(v, v) for v in instr.operands)
        if instr.op.expand is None:
            out.append(instr.with_(operands=operands) if operands != instr.operands else instr)
            continue
        b = Builder(instr)
        env[instr.result] = instr.op.expand(b, instr, *operands)
        out.extend(b.instrs)
    return Block(block.params, tuple(out), tuple(env.get(v, v) for v in block.results))
