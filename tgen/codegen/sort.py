"""Running sums, sorting, searching: calls of templates/lib/sort.c.j2 over the lanes along an axis, in parts.
See library.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.core import dims
from tgen.core.dims import Extent
from tgen.core.dtypes import DTYPE
from tgen.ir.nodes import Instr, Value

from .kernel import HIGH, LOW, PART
from .library import emitter, flat, work
from .names import size
from .nest import Bin, Call, Do, For, Int, Let, Load, Name, Out, Set, Statement, product

if TYPE_CHECKING:
    from .module import Module

PARTS = 16  # TGEN_PARTS: no part function runs in more pieces, so that many workspaces are enough
I, LENGTH, INNER, START = Name("i"), Name("length"), Name("inner"), Name("start")


def lanes(v: Value, axis: int) -> tuple[Extent, Extent, Extent]:
    """(number of lanes, their length, how far apart a lane's elements are) of an array along ``axis``."""
    shape = v.type.shape
    inner = dims.product(shape[axis + 1 :])
    return dims.mul(dims.product(shape[:axis]), inner), shape[axis], inner


@emitter
def running(module: Module, instr: Instr, line: str) -> None:
    x, out = instr.operands[0], instr.result
    count, length, inner = lanes(x, instr.attrs["axis"])
    code = DTYPE[x.type.dtype].code + (f"_{DTYPE[instr.attrs['acc']].code}" if "acc" in instr.attrs else "")
    arguments = (flat(module, x), Out(module.field(out)), size(length), size(inner), LOW, HIGH)
    module.library_part(
        line,
        [Do(Call(f"tgen_{instr.op.name}_{code}", arguments))],
        size(count),
        work(1.0, dims.product(x.type.shape)),
        product=False,
    )


@emitter
def sorted_lanes(module: Module, instr: Instr, line: str) -> None:
    """Each part sorts its lanes one after another in a workspace of its own."""
    x, out = instr.operands[0], instr.result
    count, length, inner = lanes(x, instr.attrs["axis"])
    code, pairs = DTYPE[x.type.dtype].code, instr.op.positions
    each = dims.mul(length, 4 if pairs else 2)  # a pair is as large as two int64
    dtype, elements = "int64" if pairs else x.type.dtype, dims.mul(each, dims.minimum(count, PARTS))
    room = module.scratch(f"part{len(module.parts)}_room", dtype, elements)
    mine = Bin("+", room, product(PART, size(each)))
    at = product(product(Bin("/", I, INNER), INNER), LENGTH)
    source, target = (Bin("+", array, START) for array in (flat(module, x), module.field(out)))
    call = Call(f"tgen_{instr.op.name}_{code}", (source, Out(target), LENGTH, INNER, Out(mine)))
    nodes: list[Statement] = [
        Let(LENGTH, size(length)),
        Let(INNER, size(inner)),
        For(I, LOW, HIGH, (Let(START, Bin("+", at, Bin("%", I, INNER))), Do(call))),
    ]
    module.library_part(
        line,
        nodes,
        size(count),
        work(50.0, dims.product(x.type.shape)),
        product=False,
    )


@emitter
def searchsorted(module: Module, instr: Instr, line: str) -> None:
    (x, v), out = instr.operands, instr.result
    found = f"tgen_searchsorted_{DTYPE[x.type.dtype].code}"
    sorted, length = flat(module, x), size(x.type.shape[0])
    right = Int(int(instr.attrs["side"] == "right"))
    if not v.type.ndim:
        call = Call(found, (sorted, length, module.field(v), right))
        module.master([Set(module.field(out), call)])
        return
    call = Call(found, (sorted, length, Load(flat(module, v), I), right))
    loop = For(I, LOW, HIGH, (Set(Load(module.field(out), I), call),))
    count = dims.product(v.type.shape)
    module.library_part(line, [loop], size(count), work(30.0, count), product=False)
