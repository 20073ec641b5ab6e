"""Running sums, sorting, searching: calls of templates/lib/sort.c.j2 over the lanes along an axis, in parts.
See library.py.
"""

from tgen.core import dims
from tgen.core.dtypes import DTYPE

from .library import contiguous, emits
from .names import bracket, size_c
from .nest import Text

PARTS = 16  # TGEN_PARTS: no part function runs in more pieces, so that many workspaces are enough


def lanes(v, axis):
    """(number of lanes, their length, how far apart a lane's elements are) of an array along ``axis``."""
    shape = v.type.shape
    inner = dims.product(shape[axis + 1 :])
    return dims.mul(dims.product(shape[:axis]), inner), shape[axis], inner


@emits("cumsum", "cumprod")
def running(module, instr, line):
    x, out = instr.operands[0], instr.result
    count, length, inner = lanes(x, instr.attrs["axis"])
    code = DTYPE[x.type.dtype].code + (f"_{DTYPE[instr.attrs['acc']].code}" if "acc" in instr.attrs else "")
    arguments = f"{contiguous(module, x)}, {module.pointer(out)}, {size_c(length)}, {size_c(inner)}"
    text = f"tgen_{instr.op.name}_{code}({arguments}, low, high);"
    module.library_part(
        line,
        [Text((text,))],
        size_c(count, "f->"),
        f"1.0*({size_c(dims.product(x.type.shape), 'f->')})",
        product=False,
    )


@emits("sort", "argsort")
def sort(module, instr, line):
    """Each part sorts its lanes one after another in a workspace of its own."""
    x, out = instr.operands[0], instr.result
    count, length, inner = lanes(x, instr.attrs["axis"])
    code, pairs = DTYPE[x.type.dtype].code, instr.op.name == "argsort"
    each = dims.mul(length, 4 if pairs else 2)  # a pair is as large as two int64
    room = module.scratch(
        f"part{len(module.parts)}_room",
        "int64" if pairs else x.type.dtype,
        dims.mul(each, dims.minimum(count, PARTS)),
    )
    mine = f"{room} + part*{bracket(size_c(each))}"
    texts = [
        f"const int64_t length = {size_c(length)}, inner = {size_c(inner)};",
        "for (int64_t i = low; i < high; i++) {",
        "    const int64_t start = i/inner*inner*length + i%inner;",
        f"    tgen_{instr.op.name}_{code}({contiguous(module, x)} + start, {module.pointer(out)} + "
        "start, length, inner, "
        f"{f'(tgen_pair_{code} *)({mine})' if pairs else mine});",
        "}",
    ]
    module.library_part(
        line,
        [Text(tuple(texts))],
        size_c(count, "f->"),
        f"50.0*({size_c(dims.product(x.type.shape), 'f->')})",
        product=False,
    )


@emits("searchsorted")
def searchsorted(module, instr, line):
    (x, v), out = instr.operands, instr.result
    right, code, length = (
        int(instr.attrs["side"] == "right"),
        DTYPE[x.type.dtype].code,
        size_c(x.type.shape[0]),
    )
    if not v.type.ndim:
        module.master(
            [
                f"{module.pointer(out)} = tgen_searchsorted_{code}({contiguous(module, x)}, "
                f"{size_c(x.type.shape[0], 'f->')}, {module.pointer(v)}, {right});"
            ]
        )
        return
    texts = [
        "for (int64_t i = low; i < high; i++)",
        f"    {module.pointer(out)}[i] = tgen_searchsorted_{code}({contiguous(module, x)}, {length}, "
        f"{contiguous(module, v)}[i], {right});",
    ]
    count = size_c(dims.product(v.type.shape), "f->")
    module.library_part(line, [Text(tuple(texts))], count, f"30.0*({count})", product=False)
