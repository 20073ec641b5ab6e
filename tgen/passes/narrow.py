"""narrow: of what only slices are read, only these are computed.

    v1 = exp v0                                         v1 = slice v0 <n0 - 1, 0, 1, n1>
    v2 = slice v1 <n0 - 1, 0, 1, n1>        ->          v2 = exp v1
    return v2                                           return v2

One walk from the end finds which part of each value its readers take; where all take the same (or few rows
each) the instruction is made for that part, where the first reader stands: after the checks that allow it.
Elements keep their bits, but those of a product.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeAlias

from tgen.core.maps import Section
from tgen.core.op import LIBRARY, VIEW
from tgen.ir.builder import Builder
from tgen.ir.nodes import Block
from tgen.ir.rebuild import bottom_up, replaced, substitute

if TYPE_CHECKING:
    from tgen.ir.nodes import Function, Instr, Value

# rows (of the first axis, which is the long one) that readers take of a value together, when each is computed
# for itself
FEW = 4


def part_of(instr: Instr) -> Section:
    ndim = instr.result.type.ndim
    return Section(instr.sizes[:ndim], instr.sizes[ndim:], instr.attrs["steps"])


# -- the walk from the end


def narrow(function: Function) -> Function:
    """``function`` that computes the parts of values that are read."""
    return function.with_block(bottom_up(function.block, lambda block, level: _narrowed(block)))


def _narrowed(block: Block) -> Block:
    if not any(i.op.name == "slice" for i in block.instrs):
        return block
    demands, lifted = _demands(block)
    return _Rebuilt(block, demands, lifted).block() if lifted else block


# value -> part, or None for all of it -> number of the instruction that reads it first
Demands: TypeAlias = "dict[Value, dict[Section | None, int]]"


def _demands(block: Block) -> tuple[Demands, dict[Instr, dict[Section, list[Section]]]]:
    """({value: {part, or None for all of it: number of the instruction that reads it first}}, {instruction:
    what it needs for each part}).
    """
    demands: Demands = {v: {None: len(block.instrs)} for v in block.results}
    lifted: dict[Instr, dict[Section, list[Section]]] = {}

    def need(v: Value, part: Section | None, position: int) -> None:
        found = demands.setdefault(v, {})
        part = None if part is None or part.is_all(v.type.shape) else part
        found[part] = min(position, found.get(part, position))

    for position in reversed(range(len(block.instrs))):
        instr = block.instrs[position]
        parts = demands.get(instr.result, {}) if len(instr.results) == 1 else {}
        found = _needs(instr, parts)
        if found:
            lifted[instr] = found
            for part, operands in found.items():
                for v, inner in zip(instr.operands, operands):
                    need(v, inner, parts[part])
        elif instr.op.name == "slice":
            need(instr.operands[0], part_of(instr), position)
        else:
            for v in instr.operands:
                need(v, None, position)
    return demands, lifted if any(i.op.name != "slice" for i in lifted) else {}


def _needs(instr: Instr, parts: dict[Section | None, int]) -> dict[Section, list[Section]] | None:
    """{part: which part of each operand it needs}; None where the instruction is made as it is."""
    ask = instr.op.needs
    if ask is None or not parts or None in parts or not _pays(instr, parts):
        return None
    found = {part: ask(instr, part) for part in parts if part is not None}
    known = {part: list(sections) for part, sections in found.items() if sections is not None}
    return known if len(known) == len(found) else None


def _pays(instr: Instr, parts: Collection[Any]) -> bool:
    """One part, parts of a view, or rows that are few together; but a product of two rows would read its
    other operand twice.
    """
    if len(parts) == 1 or instr.op.kind == VIEW:
        return True
    size, lengths = instr.result.type.shape[0], [part.lengths[0] for part in parts]
    return (
        instr.op.kind != LIBRARY
        and all(isinstance(n, int) for n in lengths)
        and sum(lengths) <= FEW
        and (not isinstance(size, int) or sum(lengths) < size)
    )


class _Rebuilt:
    """The block with each lifted instruction where its parts are read."""

    def __init__(
        self,
        old: Block,
        demands: Demands,
        lifted: dict[Instr, dict[Section, list[Section]]],
    ) -> None:
        self.old, self.lifted = old, lifted
        self.out, self.env, self.made = [], {}, {}  # made: (value, part) -> the value of that part
        self.at = {}
        for instr in old.instrs:
            for part, position in demands[instr.result].items() if instr in lifted else ():
                self.at.setdefault(position, []).append((instr, part))

    def block(self) -> Block:
        for position, instr in enumerate(self.old.instrs):
            for inner, part in self.at.get(position, ()):
                self.made[inner.result, part] = self.narrowed(inner, part)
            if instr in self.lifted:
                continue
            if instr.op.name == "slice":
                key = instr.operands[0], part_of(instr)
                if key in self.made:
                    self.env[instr.result] = self.made[key]
                    continue
                self.made[key] = instr.result
            self.out.append(substitute(instr, self.env))
        return Block(self.old.params, tuple(self.out), tuple(replaced(v, self.env) for v in self.old.results))

    def narrowed(self, instr: Instr, part: Section) -> Value:
        """``part`` of what ``instr`` makes."""
        b = Builder(instr)
        operands = [self.part(v, inner, b) for v, inner in zip(instr.operands, self.lifted[instr][part])]
        if instr.op.name == "slice":
            value = operands[0]
        else:
            value = b.emit(
                instr.op.name,
                tuple(operands),
                instr.attrs,
                part.lengths if instr.op.name == "broadcast_to" else instr.sizes,
            )
        self.out.extend(b.instrs)
        return value

    def part(self, v: Value, part: Section, b: Builder) -> Value:
        if part.is_all(v.type.shape):
            return replaced(v, self.env)
        if (v, part) not in self.made:
            self.made[v, part] = b.emit(
                "slice", (replaced(v, self.env),), {"steps": part.steps}, (*part.starts, *part.lengths)
            )
        return self.made[v, part]
