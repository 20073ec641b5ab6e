"""share: nests that differ only in what they are done to become one function, which each of them calls.

    part0: for i in low .. high                  same0 (low, high, p0, p1):
             f.v1[i] = exp(f.v0[i])                for i in low .. high
    part1: for i in low .. high           ->         p1[i] = exp(p0[i])
             f.v3[i] = exp(f.v2[i])              part0: do same0(low, high, f.v0, f.v1)
                                                 part1: do same0(low, high, f.v2, f.v3)

The updates of all weights of a net are one loop. A call alone has nothing to share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..bodies import Body, Names
from ..facts import Facts
from ..nest import Call, Do, Expressions, Name, Statements, identity


@dataclass(frozen=True)
class Shared:
    """One function for several bodies: ``calls`` are (a body, the statement that takes its place)."""

    name: str
    parameters: tuple[Name, ...]
    nodes: Statements
    facts: Facts
    calls: tuple[tuple[Body, Do], ...]


Member: TypeAlias = tuple[Body, list[Name], list[Name], Expressions, Names]  # a body, and its ``common``


def share(bodies: Iterable[Body]) -> list[Shared]:
    """The functions that bodies have in common."""
    alike: dict[object, list[Member]] = {}
    for body in bodies:
        if body.facts.loops:
            own, parameters, arguments, names = body.common()
            key = tuple(own), identity(parameters), identity(body.facts.order, names)
            alike.setdefault(key, []).append((body, own, parameters, arguments, names))
    groups = [group for group in alike.values() if len(group) > 1]
    return [_shared(f"same{number}", group) for number, group in enumerate(groups)]


def _shared(name: str, group: Sequence[Member]) -> Shared:
    body, own, _, _, names = group[0]
    # const, when one of them is: then none writes there
    together = [
        max(same, key=lambda n: n.const) for same in zip(*(parameters for _, _, parameters, *_ in group))
    ]
    calls = tuple((other, Do(Call(name, arguments))) for other, _, _, arguments, _ in group)
    return Shared(name, (*own, *together), body.renamed(names), body.facts, calls)
