"""Ops of matrices that say by their ``Matrices`` (core/op.py) how one of them is computed: here is the loop
over all in a batch, in parts.

    part    refused[part] = 0
            for i in low .. high, while nothing is refused
                if tgen_cholesky_d(host, v0 + i * n0 * n0, v1 + i * n0 * n0, n0): refused[part] = i + 1
    master  the first of the parts that refused one ends the call
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.core import dims
from tgen.core.dtypes import DTYPE

from .kernel import HIGH, LOW, PART
from .library import HOST, emitter, fail, flat, work
from .names import size
from .nest import ONE, ZERO, Bin, Call, Do, For, If, Load, Name, Out, Set, product
from .sort import PARTS

if TYPE_CHECKING:
    from tgen.core.types import TensorType
    from tgen.ir.nodes import Instr

    from .module import Module
    from .nest import Expression


@emitter
def matrices(module: Module, instr: Instr, line: str) -> None:
    out, how = instr.result, instr.op.matrices
    assert how is not None  # its op asked for this emitter
    number, letter = len(module.parts), DTYPE[out.type.dtype].blas
    types, count, i = [v.type for v in instr.operands], dims.product(out.type.shape[:-2]), Name("i")
    refused = Load(module.add(f"part{number}_refused", count="TGEN_PARTS"), PART)
    arrays = [matrix_of(flat(module, v), v.type, i) for v in instr.operands]
    arguments = [*arrays, Out(matrix_of(module.field(out), out.type, i))]
    arguments += map(size, how.arguments(types, instr.attrs))
    if how.room is not None:
        elements = how.room(types, instr.attrs)
        wanted = dims.mul(elements, dims.minimum(count, PARTS))
        room = module.scratch(f"part{number}_room", out.type.dtype, wanted)
        arguments.append(Out(Bin("+", room, product(PART, size(elements)))))
    call = Call(f"tgen_{instr.op.name}_{letter}", (HOST, *arguments))
    refuses = Bin("&&", Bin("==", refused, ZERO), Bin("!=", call, ZERO))
    loop = For(i, LOW, HIGH, (If(refuses, (Set(refused, Bin("+", i, ONE)),)),))
    rows = types[0].shape[-1]
    cost = work(0.1, count, rows, rows, dims.add(rows, out.type.shape[-1]))
    module.library_part(line, [Set(refused, ZERO), loop], size(count), cost, product=False, counted=True)
    p, parts = Name("p", "int32"), module.parts[-1].counted
    assert parts is not None  # asked for above
    error = Do(fail("TGEN_ASSERT", instr.attrs["site"]))
    first = If(Bin("!=", Load(refused.pointer, p), ZERO), (error,))
    module.master([For(p, ZERO, parts, (first,))], fails=True)


def matrix_of(pointer: Expression, type: TensorType, i: Name) -> Expression:
    """Where matrix ``i`` of an array begins; the array itself where it is one."""
    if type.ndim == 2:
        return pointer
    return Bin("+", pointer, product(i, size(dims.product(type.shape[-2:]))))
