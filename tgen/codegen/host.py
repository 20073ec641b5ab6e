"""The call of a Python body: addresses and sizes in, a status and the sizes that were found out. See
backends/c/sites.py for its other side.

``arrays`` holds, for each operand, the address of its elements (C order) and its sizes; then for each result
the same. Where a result's size is FOUND, Python takes the block: its address stands where the result's would
be, and the sizes after it.
"""

from tgen.ops.host import FOUND

from .library import contiguous, emits
from .names import size_c


@emits("host", "host_effect")
def python(module, instr, line):
    numbers, found, holders = [], iter(instr.found), []
    for v in instr.operands:
        numbers += [f"(int64_t)(intptr_t){address(module, v)}", *(size_c(s, "f->") for s in v.type.shape)]
    for v, (_, pattern) in zip(instr.results, instr.attrs["results"]):
        at, late = len(numbers), FOUND in pattern
        numbers += ["0" if late else f"(int64_t)(intptr_t){address(module, v)}"]
        numbers += ["0" if entry == FOUND else size_c(s, "f->") for entry, s in zip(pattern, v.type.shape)]
        holders += [
            f"f->{next(found)} = arrays[{at + 1 + k}];" for k, entry in enumerate(pattern) if entry == FOUND
        ]
        if late:
            holder = module.holder_of(v)
            holders += [
                f"if ({holder}) f->host->give({holder});",
                f"{holder} = (tgen_block *)(intptr_t)arrays[{at}];",
                f"{module.pointer(v)} = (void *){holder}->data;",
            ]
    call = f"if (f->host->callback(f->record, {instr.attrs['python']}, arrays))"
    module.master(
        [
            f"/* {line} */",
            "{",
            f"    int64_t arrays[] = {{{', '.join(numbers) or '0'}}};",
            f"    {call} tgen_fail(f, TGEN_RAISED, {instr.attrs.get('site', -1)}, 0, 0, 0);",
            *(["    else {", *(f"        {text}" for text in holders), "    }"] if holders else []),
            "}",
        ],
        fails=True,
    )


def address(module, v):
    """C text of the address of v's elements, in C order."""
    return contiguous(module, v) if v.type.ndim else f"&{module.pointer(v)}"
