"""cse: two instructions that compute the same become one.

    v2 = add v0, v1
    v3 = add v1, v0       ->      v2 = add v0, v1
    v4 = mul v2, v3               v4 = mul v2, v2

Operands of commutative ops are compared in one order. Constants merge when their bits and dtype are equal. A
check that was made before is dropped. Effects, kernels and what finds sizes are not merged. The user lines of
both are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tgen.ir.nodes import Block
from tgen.ir.rebuild import bottom_up, replaced, substitute
from tgen.ir.text import literal

if TYPE_CHECKING:
    from tgen.ir.nodes import Function, Instr, Value


def cse(function: Function) -> Function:
    """``function`` without repeated instructions, in nested blocks too (each block by itself)."""
    return function.with_block(bottom_up(function.block, lambda block, level: _merge(block)))


def _merge(block: Block) -> Block:
    env, first, kept = {}, {}, []
    number = {v: k for k, v in enumerate(block.params)}
    for old in block.instrs:
        instr = substitute(old, env)
        key = _key(instr, number)
        twin = first.get(key) if key is not None else None
        if twin is not None:
            earlier = kept[twin]
            env.update(zip(instr.results, earlier.results))
            if not instr.where <= earlier.where:
                kept[twin] = earlier.with_(where=earlier.where | instr.where)
            continue
        if key is not None:
            first[key] = len(kept)
        kept.append(instr)
        for v in instr.results:
            number[v] = len(number)
    if len(kept) == len(block.instrs):
        return block
    return Block(block.params, tuple(kept), tuple(replaced(v, env) for v in block.results))


def _key(instr: Instr, number: dict[Value, int]) -> tuple[Any, ...] | None:
    """What an instruction computes, or None when it must stay; -0.0 and 0.0, 1 and True are different
    literals.
    """
    if not instr.op.effect.merges or instr.blocks or instr.found:
        return None
    operands = [number[v] for v in instr.operands]
    if instr.op.commutative:
        operands.sort()
    refuses = instr.op.effect.stays or instr.op.refuses  # its site is what an error names
    attrs = (
        tuple((k, literal(v)) for k, v in sorted(instr.attrs.items()) if not (refuses and k == "site"))
        if instr.attrs
        else ()
    )
    types = tuple(v.type for v in instr.results) if instr.op.name == "constant" else len(instr.results)
    return instr.op, tuple(operands), attrs, instr.sizes, types
