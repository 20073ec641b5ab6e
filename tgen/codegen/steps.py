"""What the body of a file does, step by step, and when a step waits for the team.

A step is a kernel's part function, a loop, a branch, or statements of the master. Parts that were dealt to
the team run on beside the steps after them; a step waits for them when it touches what they write, or writes
what they read. What a step touches is asked of its statements:

    part0: Set(Load(v2, i), ...Load(v0, i)...)      reads v0, writes v2
    part1: Set(Load(v3, i), ...Load(v1, i)...)      reads v1, writes v3
    step:  Set(Field(v4), Load(v2, 0))              reads v2: waits
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .facts import Facts
from .nest import Expression, Field, Nest, Statement, Statements


@dataclass
class Variant:
    """A C function: ``suffix`` ends its name, ``extent`` is how many pieces are dealt to parts."""

    suffix: str
    nodes: Statements
    extent: Expression

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.nodes)


@dataclass
class Part:
    """One part's ``variants``; ``dense`` is the condition under which the first one runs, ``cost`` the
    nanoseconds of all pieces.
    """

    name: str
    comment: str
    variants: list[Variant]
    cost: Expression
    dense: Expression | None = None
    product: bool = False
    counted: Field | None = None  # the member of the frame that keeps how many parts it was
    plain: list[Nest] = field(default_factory=list)  # the nests of a kernel's variants before their schedule


@dataclass
class Loop:
    """A scan among the steps: its function runs them turn by turn.

    ``turn`` is done by the master at the top of each, while ``going``; before it ``grown`` sees to it that
    there are rows for it. ``level``: how many loops are around it.
    """

    name: str
    comment: str
    going: Expression
    level: int
    grown: Statements = ()
    turn: list[Statement] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


@dataclass
class Branch:
    """A cond among the steps."""

    condition: Expression
    yes: list[Step] = field(default_factory=list)
    no: list[Step] = field(default_factory=list)


@dataclass
class Step:
    """One step of the body: a part function, a loop, a branch, or ``nodes`` for the master alone. ``fails``:
    the status is looked at after it.
    """

    part: Part | None = None
    nested: Loop | Branch | None = None
    nodes: list[Statement] = field(default_factory=list)
    fails: bool = False

    @cached_property
    def facts(self) -> list[Facts]:
        """The Facts of what it does, but for what is nested in it: asked when all its nodes are there."""
        if self.part is None:
            return [Facts(self.nodes)]
        variants = self.part.variants
        return [*(v.facts for v in variants), Facts([*(v.extent for v in variants), self.part.cost])]


ANY = object()  # among what is written: what the next step touches, whatever that is


def joins(steps: Sequence[Step], memory: Callable[[str], Hashable]) -> list[bool]:
    """Whether each step must wait for the parts dealt since the last one that did: it touches what one of
    them writes, or writes what it reads. ``memory``: name of a member -> what stands for its memory.
    """
    reads: set[Hashable] = set()
    writes: set[Hashable] = set()
    out: list[bool] = []
    for step in steps:
        r = {memory(name) for facts in step.facts for name in facts.touched}
        w = {memory(name) for facts in step.facts for name in facts.writes}
        waits = step.nested is not None or ANY in writes or bool(writes & r or reads & w)
        if waits:
            reads, writes = set(), set()
        # the statements of the master are done when they are passed
        if step.part is not None:
            reads |= r
            writes |= w
        elif step.nested is not None:
            writes.add(ANY)
        out.append(waits and bool(out))
    return out
