"""fold: what depends on constants only is computed now, by the interpreter.

    v1: float64[2] = constant (1.0, 4.0)
    v2: float64[2] = sqrt v1                    ->      v2: float64[2] = constant (1.0, 2.0)
    v3: int64[] = size <6>                              v3: int64[] = constant 6

Results up to LIMIT elements. An array whose elements are all equal stays (or becomes) one number under a
broadcast, which costs no memory; so views of a single number and iota stay as they are. A check that
constants pass goes; one that they fail stays, for the call to raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tgen.core import dims
from tgen.core.op import HOST, OPS, VIEW
from tgen.core.rules import moves, uniform
from tgen.ir.interp import constant, evaluate
from tgen.ir.nodes import Instr, Value
from tgen.ir.rebuild import bottom_up, rebuild

if TYPE_CHECKING:
    from tgen.ir.nodes import Block, Function

LIMIT = 1024
_ALIVE = ("index", "iota", "kernel", "sizeof", "constant")


def fold(function: Function) -> Function:
    """``function`` with constant parts computed, in nested blocks too."""
    return function.with_block(bottom_up(function.block, lambda block, level: _fold_block(block)))


def _fold_block(block: Block) -> Block:
    known = {}  # value -> its array, of LIMIT elements at most

    def visit(instr: Instr, env: dict[Value, Value]) -> tuple[Sequence[Instr], Sequence[Value]] | None:
        if instr.op.name == "constant":
            array = constant(instr)
            if array.size <= LIMIT:
                known[instr.result] = array
            return None
        if not _foldable(instr, known):
            return None
        if instr.op.name == "dimshuffle" and (number := uniform(known[instr.operands[0]])) is not None:
            # it says the same in no memory
            known[instr.result] = np.full(instr.result.type.shape, number)
            return None
        try:
            arrays = evaluate(instr, [known[v] for v in instr.operands])
        except (ValueError, IndexError, AssertionError):  # it fails when it runs, so it must run
            return None
        if not instr.results:
            return (), ()
        return _replacement(instr, arrays, known)

    return rebuild(block, visit)


def _foldable(instr: Instr, known: dict[Value, np.ndarray]) -> bool:
    if (
        instr.op.name in _ALIVE
        or instr.op.kind == HOST
        or instr.found
        or instr.blocks
        or not instr.operands
        and not instr.sizes
    ):
        return False
    if not all(v in known for v in instr.operands) or not all(isinstance(s, int) for s in instr.sizes):
        return False
    return all(isinstance(s, int) for v in instr.results for s in v.type.shape) and all(
        dims.product(v.type.shape) <= LIMIT for v in instr.results
    )


def _replacement(
    instr: Instr, arrays: tuple[np.ndarray, ...], known: dict[Value, np.ndarray]
) -> tuple[Sequence[Instr], Sequence[Value]] | None:
    """Constants for the results; None (keep it) for a view that says the same in no memory."""
    known.update(zip(instr.results, arrays))
    if instr.op.kind == VIEW and moves(instr) and all(uniform(a) is not None for a in arrays):
        return None
    instrs, values = [], []
    for v, array in zip(instr.results, arrays):
        made = _constant(array, v, instr.where)
        instrs.extend(made)
        values.append(made[-1].result)
        known[made[-1].result] = array
    return instrs, values


def _constant(array: np.ndarray, value: Value, where: frozenset[tuple[str, int]]) -> list[Instr]:
    """The instructions that make ``array``: one constant, or a number broadcast to its shape."""
    number = uniform(array) if array.ndim else None
    if number is None:
        return [
            Instr(
                OPS["constant"],
                (),
                (Value(value.type),),
                {"value": tuple(array.ravel().tolist())},
                (),
                (),
                where,
            )
        ]
    scalar, ones = value.type.with_shape(()), value.type.with_shape((1,) * array.ndim)
    made = [
        Instr(OPS["constant"], (), (Value(scalar),), {"value": (np.asarray(number).item(),)}, (), (), where)
    ]
    made.append(
        Instr(
            OPS["dimshuffle"],
            (made[0].result,),
            (Value(ones),),
            {"order": ("x",) * array.ndim},
            (),
            (),
            where,
        )
    )
    if ones != value.type:
        made.append(
            Instr(
                OPS["broadcast_to"], (made[1].result,), (Value(value.type),), {}, value.type.shape, (), where
            )
        )
    return made
