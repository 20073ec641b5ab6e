"""blas: products become library calls with their transposes absorbed.

    t = dimshuffle x {order=(1, 0)}
    z = dot t y                        ->   z = gemm x y {ta=True, tb=False}

A matrix with a vector is gemv; two vectors are a sum of products, which fusion puts into a kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.ir.builder import Builder
from tgen.ir.nodes import Block
from tgen.ir.rebuild import bottom_up

if TYPE_CHECKING:
    from tgen.ir.nodes import Function, Instr, Value

TURNED = (1, 0)


def blas(function: Function) -> Function:
    """Replace every ``dot``, in nested blocks too."""
    return function.with_block(bottom_up(function.block, lambda block, level: _products(block)))


def _products(block: Block) -> Block:
    if not any(i.op.name == "dot" for i in block.instrs):
        return block
    made, env, out = {}, {}, []
    for instr in block.instrs:
        if instr.op.name != "dot":
            out.append(instr.with_(operands=tuple(env.get(v, v) for v in instr.operands)))
            made.update((v, out[-1]) for v in instr.results)
            continue
        b = Builder(instr)
        env[instr.result] = _product(b, made, *(env.get(v, v) for v in instr.operands))
        out.extend(b.instrs)
    return Block(block.params, tuple(out), tuple(env.get(v, v) for v in block.results))


def _turned(made: dict[Value, Instr], v: Value) -> tuple[Value, bool]:
    """(matrix, whether it is read transposed) of an operand. An order says as much of more axes, where it
    drops some.
    """
    instr = made.get(v)
    if instr is None or instr.op.name != "dimshuffle" or instr.attrs["order"] != TURNED:
        return v, False
    (x,) = instr.operands
    return (x, True) if x.type.ndim == 2 else (v, False)


def _product(b: Builder, made: dict[Value, Instr], x: Value, y: Value) -> Value:
    if x.type.ndim == 1 and y.type.ndim == 1:
        return b.emit("sum", (b.emit("mul", (x, y)),), {"axes": (0,)})
    if x.type.ndim == 1:
        matrix, turned = _turned(made, y)
        return b.emit("gemv", (matrix, x), {"ta": not turned})
    if y.type.ndim == 1:
        matrix, turned = _turned(made, x)
        return b.emit("gemv", (matrix, y), {"ta": turned})
    (x, ta), (y, tb) = _turned(made, x), _turned(made, y)
    return b.emit("gemm", (x, y), {"ta": ta, "tb": tb})
