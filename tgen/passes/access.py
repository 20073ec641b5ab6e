"""Where a value's elements really are: views composed into one access map.

    v = dimshuffle(slice x) read at [i, j]   ->   x[start + step*j, i]

``Access(base, axes)``: element (i0, i1, ...) of the value is ``base`` at ``axes``, one Axis per axis of base
whose ``index`` numbers the value's own axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tgen.core.maps import Axis, strided
from tgen.ir.nodes import Value

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import View
    from tgen.ir.nodes import Block, Instr


@dataclass(frozen=True)
class Access:
    base: Value
    axes: tuple


def identity(value: Value) -> Access:
    return Access(value, _axes(len(value.type.shape)))


@cache
def _axes(ndim: int) -> tuple[Axis, ...]:
    return tuple(Axis(k) for k in range(ndim))


class Reader:
    """Resolves values of one block to accesses; ``definitions`` maps a value to the instruction that makes
    it.
    """

    def __init__(self, block: Block) -> None:
        self.definitions = {v: i for i in block.instrs for v in i.results}
        self._known = {}

    def define(self, instr: Instr) -> None:
        """Make an instruction known that is not in the block."""
        self.definitions.update((v, instr) for v in instr.results)

    def access(self, value: Value) -> Access:
        """The Access of a value, through every view above it (iteratively: chains of views may be long)."""
        known = self._known.get(value)
        if known is not None:
            return known
        chain = []
        v = value
        while v not in self._known:
            instr = self.definitions.get(v)
            if instr is None or instr.op.view is None:
                self._known[v] = identity(v)
                break
            chain.append((v, instr, instr.op.view))
            v = instr.operands[0]
        for v, instr, view in reversed(chain):
            self._known[v] = self._through(v, instr, view)
        return self._known[value]

    def _through(self, v: Value, instr: Instr, view: View) -> Access:
        """Compose: axes of the view's operand in terms of v's axes, then of the base in terms of the
        operand's.
        """
        own = view(instr, tuple(Axis(k) for k in range(v.type.ndim)))
        below = self._known[instr.operands[0]]
        return Access(below.base, tuple(_compose(a, own) for a in below.axes))

    def inlined(self, value: Value) -> bool:
        instr = self.definitions.get(value)
        return instr is not None and instr.op.inlined and (value.type.ndim == 0 or instr.op.name == "iota")


def _compose(axis: Axis, own: tuple[Axis, ...]) -> Axis:
    """``axis`` (of a base, indexed by a middle value's axes) after ``own`` (the middle value's axes by the
    outer value's).
    """
    if axis.index is None:
        return axis
    middle = own[axis.index]
    return Axis(middle.index, *strided(axis.start, axis.step, middle.start, middle.step))


def against(access: Access, value: Value, domain: tuple[Extent, ...]) -> Access:
    """The access of an elementwise operand ``value`` within ``domain``: its static-1 axes stand still where
    the domain moves.
    """
    if not domain or value.type.shape is domain:
        return access
    still = {k for k, (s, d) in enumerate(zip(value.type.shape, domain)) if s is not d and s == 1 and d != 1}
    if not still:
        return access
    return Access(access.base, tuple(Axis(None, a.start, 1) if a.index in still else a for a in access.axes))


def is_identity(access: Access, domain: tuple[Extent, ...]) -> bool:
    """Whether the access reads base[i0, .., ik] for domain index (i0, .., ik): static-1 axes
    may stand still.
    """
    if len(access.axes) != len(domain):
        return False
    if access.axes is _axes(len(domain)):
        return True
    return all(
        (a.index == k and a.start == 0 and a.step == 1)
        or (a.index is None and a.start == 0 and domain[k] == 1)
        for k, a in enumerate(access.axes)
    )


def is_row(access: Access, domain: tuple[Extent, ...], inner: int) -> bool:
    """Whether the base is indexed by exactly the domain's outer axes (all but the last ``inner``)."""
    return is_identity(access, domain[: len(domain) - inner])
