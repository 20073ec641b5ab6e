"""Where the parts of a loop and of a branch stand, for the graph and the IR alike. Nobody else slices them.

A ``scan`` has its carries first, then its sequences, then what every step reads, among its operands and among
its body's parameters. The body yields the new carries, then whatever else is kept, and with ``until`` the
condition last. A result is what one of ``outs`` keeps: a kind, and a place among what is yielded (ops/loop.py
says what the kinds are).

    scan = ScanNode(node)           # graph/scans.py; ScanView(instr) of ir/views.py
    scan.carries[0].new             # what a step makes of the first carry
    scan.outs[0].of                 # the Carry or Yielded that the first result is made of

Parts are known by what they are, so one that is added or left out moves no number: those are made anew when
all parts are put together.
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

if TYPE_CHECKING:
    from .op import Attrs

V = TypeVar("V")  # a variable, a value, an array, or the type of one
Thirds: TypeAlias = tuple[abc.Sequence[V], abc.Sequence[V], abc.Sequence[V]]


class ScanLayout:
    """Where things stand in a scan, read off its attributes."""

    __slots__ = ("carries", "sequences", "outs", "until")

    def __init__(self, attrs: Attrs) -> None:
        self.carries, self.sequences = attrs["carries"], attrs["sequences"]
        self.outs, self.until = attrs["outs"], attrs["until"]

    def split(self, values: abc.Sequence[V]) -> Thirds[V]:
        """(carries, sequences, fixed) of operands, of parameters, or of the types of either."""
        cut = self.carries + self.sequences
        return values[: self.carries], values[self.carries : cut], values[cut:]

    def split_yields(
        self, values: abc.Sequence[V]
    ) -> tuple[abc.Sequence[V], abc.Sequence[V], abc.Sequence[V]]:
        """(carries, what else is kept, the condition alone or nothing) of what a body yields."""
        cut = len(values) - int(self.until)
        return values[: self.carries], values[self.carries : cut], values[cut:]


@dataclass(frozen=True, eq=False)
class Given:
    """What a step gets, as ``param``."""

    param: Any


@dataclass(frozen=True, eq=False)
class Carry(Given):
    """``param`` in a step, ``first`` before the loop, ``new`` behind a step."""

    first: Any
    new: Any


@dataclass(frozen=True, eq=False)
class Sequence(Given):
    """``param`` is the row ``start + step * t`` of ``source`` in step t."""

    source: Any
    start: Any = 0
    step: Any = 1


@dataclass(frozen=True, eq=False)
class Fixed(Given):
    """``param`` is ``value`` in every step."""

    value: Any


@dataclass(frozen=True, eq=False)
class Yielded:
    """``new`` is what a step yields beside its carries."""

    new: Any


@dataclass(frozen=True, eq=False)
class Kept:
    """``result`` is what is kept, as ``kind`` says, of a Carry or a Yielded."""

    kind: str
    of: Carry | Yielded
    result: Any


class Scan:
    """The parts of one loop.

    ``carries``, ``sequences``, ``fixed``, ``outs``; ``more``: what is yielded beside the carries;
    ``condition``: the Yielded that ends the loop, or None; ``steps``: how many there are at most; ``placed``:
    whether each sequence says which rows it is (the IR only).
    """

    def __init__(
        self,
        attrs: Attrs,
        operands: abc.Sequence[Any],
        sizes: abc.Sequence[Any],
        params: abc.Sequence[Any],
        yields: abc.Sequence[Any],
        results: abc.Sequence[Any],
    ) -> None:
        layout = ScanLayout(attrs)
        firsts, sources, values = layout.split(operands)
        carried, rows, fixed = layout.split(params)
        news, more, condition = layout.split_yields(yields)
        self.attrs, self.placed = attrs, "steps" in attrs
        self.steps, *starts = sizes
        moves = zip(starts, attrs["steps"]) if self.placed else [(0, 1)] * len(rows)
        self.carries = tuple(map(Carry, carried, firsts, news))
        self.sequences = tuple(Sequence(p, v, *move) for p, v, move in zip(rows, sources, moves))
        self.fixed = tuple(map(Fixed, fixed, values))
        self.more = tuple(map(Yielded, more))
        self.condition = Yielded(*condition) if condition else None
        yielded = self.yielded
        self.outs = tuple(Kept(kind, yielded[k], v) for (kind, k), v in zip(layout.outs, results))

    def changed(self, **parts: Any) -> Self:
        """A copy with some parts changed."""
        unknown = parts.keys() - vars(self).keys()
        if unknown:
            raise TypeError(f"a scan has no part called {', '.join(sorted(unknown))}")
        copy = object.__new__(type(self))
        vars(copy).update(vars(self), **parts)
        return copy

    # -- looked at
    @property
    def yielded(self) -> tuple[Carry | Yielded, ...]:
        """All that a step yields, in order: Carry and Yielded."""
        return (*self.carries, *self.more, *([self.condition] if self.condition is not None else ()))

    @property
    def parts(self) -> tuple[Given, ...]:
        """All that has a parameter, in order."""
        return (*self.carries, *self.sequences, *self.fixed)

    def out(self, kind: str, of: Carry | Yielded) -> Kept | None:
        """The Kept of this kind of a Carry or Yielded, or None."""
        return next((out for out in self.outs if out.kind == kind and out.of is of), None)

    def out_of(self, result: Any) -> Kept:
        """The Kept that a result is."""
        return next(out for out in self.outs if out.result is result)

    # -- put together
    @property
    def operands(self) -> tuple[Any, ...]:
        return (
            *(c.first for c in self.carries),
            *(s.source for s in self.sequences),
            *(f.value for f in self.fixed),
        )

    @property
    def params(self) -> tuple[Any, ...]:
        return tuple([part.param for part in self.parts])

    @property
    def yields(self) -> tuple[Any, ...]:
        return tuple([part.new for part in self.yielded])

    @property
    def results(self) -> tuple[Any, ...]:
        return tuple([out.result for out in self.outs])

    @property
    def sizes(self) -> tuple[Any, ...]:
        return (self.steps, *(s.start for s in self.sequences)) if self.placed else (self.steps,)

    def attributes(self) -> Attrs:
        """The attributes that say where these parts stand, and whatever else the loop's own say."""
        place = {part: k for k, part in enumerate(self.yielded)}
        attrs = self.attrs | {
            "carries": len(self.carries),
            "sequences": len(self.sequences),
            "outs": tuple((out.kind, place[out.of]) for out in self.outs),
            "until": self.condition is not None,
        }
        return attrs | {"steps": tuple(s.step for s in self.sequences)} if self.placed else attrs


def split_branches(attrs: Attrs, values: abc.Sequence[V]) -> tuple[V, abc.Sequence[V], abc.Sequence[V]]:
    """(condition, values of the first block, values of the second) of a cond's operands or their types."""
    cut = 1 + attrs["first"]
    return values[0], values[1:cut], values[cut:]


def split_choice(attrs: Attrs, values: abc.Sequence[V]) -> tuple[V, abc.Sequence[V], abc.Sequence[V]]:
    """(condition, one lot of values, the other) of an ifelse's operands or their types."""
    cut = 1 + attrs["count"]
    return values[0], values[1:cut], values[cut:]
