"""Loops and branches by their parts: a ScanView or a CondView of an instruction, and the instruction that
other parts make.

    scan = ScanView(instr)
    scan.with_(fixed=[f for f in scan.fixed if f.param in used])

Everything that knows where an operand, a parameter or a yielded value stands is behind these
(core/layouts.py).
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.layouts import Scan, split_branches
from tgen.ir.nodes import Block

if TYPE_CHECKING:
    from tgen.core.dims import Extent, Sym
    from tgen.ir.nodes import Instr, Value


class ScanView(Scan):
    """The parts of a scan instruction; ``instrs`` are those of its body."""

    def __init__(self, instr: Instr) -> None:
        (body,) = instr.blocks
        super().__init__(instr.attrs, instr.operands, instr.sizes, body.params, body.results, instr.results)
        self.instr, self.instrs = instr, body.instrs

    @property
    def body(self) -> Block:
        return self.instr.blocks[0]

    @property
    def count(self) -> Extent:
        """How many steps are made: a size, with a condition one that is found when the loop runs."""
        return self.steps if self.condition is None else dims.alone(self.instr.found[0])

    def with_(self, **parts: Any) -> Instr:
        """The instruction with some of its parts changed."""
        scan = self.changed(**parts)
        return self.instr.with_(
            operands=scan.operands,
            results=scan.results,
            attrs=scan.attributes(),
            sizes=scan.sizes,
            blocks=(Block(scan.params, tuple(scan.instrs), scan.yields),),
        )


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two blocks of a cond, and what its parameters are."""

    block: Block
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Open:
    """A size that depends on the branch: an axis of a result, and the symbol for it."""

    result: Value
    axis: int
    symbol: Sym


class CondView:
    """The parts of a cond instruction: its condition, its two ``sides``, its results and the ``open`` sizes
    among theirs.
    """

    def __init__(self, instr: Instr) -> None:
        self.instr, self.results = instr, instr.results
        self.condition, *values = split_branches(instr.attrs, instr.operands)
        self.sides = tuple(Side(block, tuple(of)) for block, of in zip(instr.blocks, values))
        self.open = tuple(
            Open(instr.results[k], axis, symbol)
            for (k, axis), symbol in zip(instr.attrs["open"], instr.found)
        )

    def with_(self, sides: abc.Sequence[Side], results: abc.Sequence[Value]) -> Instr:
        """The instruction with other sides, and with some of its results."""
        first, second = sides
        place = {v: k for k, v in enumerate(results)}
        kept = [o for o in self.open if o.result in place]
        attrs = self.instr.attrs | {
            "first": len(first.values),
            "open": tuple((place[o.result], o.axis) for o in kept),
            "found": tuple(o.symbol for o in kept),
        }
        return self.instr.with_(
            operands=(self.condition, *first.values, *second.values),
            results=tuple(results),
            attrs=attrs,
            blocks=(first.block, second.block),
        )
