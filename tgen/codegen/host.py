"""The call of a Python body: addresses and sizes in, a status and the sizes that were found out. See
backends/c/sites.py for its other side.

``arrays`` holds, for each operand, the address of its elements (C order) and its sizes; then for each result
the same. Where a result's size is FOUND, Python takes the block: its address stands where the result's would
be, and the sizes after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.ir.nodes import Instr, Value
from tgen.ops.host import FOUND

from .library import HOST, data, emitter, fail, flat
from .names import size
from .nest import (
    ZERO,
    Address,
    Ask,
    Block,
    Cast,
    Comment,
    Do,
    Expression,
    Field,
    If,
    Int,
    Let,
    Listed,
    Load,
    Name,
    Out,
    Set,
    Statement,
    Symbol,
)

if TYPE_CHECKING:
    from .module import Module

ARRAYS = Name("arrays", pointer=True)


@emitter
def host(module: Module, instr: Instr, line: str) -> None:
    numbers: list[Expression] = []
    after: list[Statement] = []
    found = iter(instr.found)
    for v in instr.operands:
        numbers += [address(module, v), *map(size, v.type.shape)]
    for v, (_, pattern) in zip(instr.results, instr.attrs["results"]):
        at, late = len(numbers), FOUND in pattern
        numbers.append(ZERO if late else Out(address(module, v)))
        for k, (entry, length) in enumerate(zip(pattern, v.type.shape)):
            numbers.append(ZERO if entry == FOUND else size(length))
            if entry == FOUND:
                after.append(Set(Symbol(str(next(found))), Load(ARRAYS, Int(at + 1 + k))))
        if late:
            holder = module.holder_of(v)
            block = Cast("tgen_block", Cast("intptr_t", Load(ARRAYS, Int(at))), pointer=True)
            after += [
                If(holder, (Do(Ask(HOST, "give", (holder,))),)),
                Set(holder, block),
                Set(module.field(v), data(holder, v.type.dtype)),
            ]
    call = Ask(HOST, "callback", (Field("record", "int64", pointer=True), Int(instr.attrs["python"]), ARRAYS))
    raised = Do(fail("TGEN_RAISED", instr.attrs.get("site", -1)))
    arrays = Let(ARRAYS, Listed("int64", tuple(numbers)))
    module.master([Comment(line), Block((arrays, If(call, (raised,), tuple(after))))], fails=True)


def address(module: Module, v: Value) -> Expression:
    """The address of v's elements, in C order, as a number."""
    where = flat(module, v) if v.type.ndim else Address(module.field(v))
    return Cast("int64", Cast("intptr_t", where))
