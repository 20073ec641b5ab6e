"""Where elements are: ``Axis``, one axis of an access map, and ``Section``, elements at even distances.

Ops say with them how their results are made of their operands (Op.view, Op.needs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import dims

if TYPE_CHECKING:
    from .dims import Extent
    from .values import Application, Shape


@dataclass(frozen=True)
class Axis:
    """Where a kernel's operand is read along one of its axes: ``start + step * index``.

    ``index`` numbers the kernel's own domain dims; None with a start: the axis stands at ``start`` (0 for a
    broadcast axis). An axis left whole to the inner kernels is WHOLE. ``gather`` is the position of the
    kernel operand (an integer array's element) that gives the index instead.
    """

    index: int | None = None
    start: Any = 0
    step: Any = 1
    gather: int | None = None

    def __eq__(self, other: object) -> bool:
        # asked of every axis of every map: the index, which mostly differs, is compared first
        return (
            self is other
            or type(other) is Axis
            and (
                self.index == other.index
                and self.start == other.start
                and self.step == other.step
                and self.gather == other.gather
            )
        )

    def ends(self, length: Extent, size: Extent) -> tuple[int, int] | None:
        """(lowest, highest) place that ``length`` steps read; None unless these and ``size`` are numbers."""
        if not isinstance(length, int) or not all(isinstance(s, int) for s in (self.start, self.step, size)):
            return None
        last = self.start + self.step * (length - 1)
        return min(self.start, last), max(self.start, last)


WHOLE = Axis(index=-1)


def strided(start: Extent, step: Extent, first: Extent, by: Extent) -> tuple[Extent, Extent]:
    """(start, step) in x of the elements ``first + by*k`` of ``x[start + step*k]``.

    >>> strided(10, -2, 3, 4)
    (4, -8)
    """
    return dims.add(start, dims.mul(step, first)), dims.mul(step, by)


@dataclass(frozen=True)
class Section:
    """Of each axis: where it starts, how many elements, and how far apart."""

    starts: Shape
    lengths: Shape
    steps: Shape

    def axes(self, picked: Sequence[int | None], whole: Shape) -> Section:
        """A part of other axes: those in ``picked`` (numbers here), None: the first ``whole`` of it."""
        rows = [
            (0, size, 1) if a is None else (self.starts[a], self.lengths[a], self.steps[a])
            for a, size in zip(picked, whole)
        ]
        return Section(*map(tuple, zip(*rows))) if rows else Section((), (), ())

    def is_all(self, shape: Shape) -> bool:
        return self.lengths == shape and all(s == 0 for s in self.starts) and all(s == 1 for s in self.steps)

    def below(self, starts: Shape, steps: Shape) -> Section:
        """The part of x of this part of ``x[start + step*k]``."""
        pairs = list(map(strided, starts, steps, self.starts, self.steps))
        return Section(tuple(a for a, _ in pairs), self.lengths, tuple(b for _, b in pairs))


def all_sections(instr: Application, part: Section) -> list[Section]:
    """The parts of an elementwise op's operands: along an axis of static length 1 an operand is repeated."""
    shape = instr.result.type.shape
    return [
        part.axes(
            [None if s == 1 != r else a for a, (s, r) in enumerate(zip(v.type.shape, shape))], v.type.shape
        )
        for v in instr.operands
    ]
