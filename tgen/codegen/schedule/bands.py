"""The bands of a nest and the loops of a band.

A band's loops stand one in the other; beside one of them may stand loops that start or store what it
accumulates. So a band has one *main* chain of loops, and that is what rewrites change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, TypeVar

from ..nest import (
    Accumulate,
    Accumulator,
    Band,
    Bin,
    Expression,
    For,
    Int,
    Let,
    Name,
    Select,
    Statement,
    Statements,
    rebuilt,
)

L = TypeVar("L", Band, For)
Place: TypeAlias = tuple[int, For]  # of a loop among statements: its number, and the loop


def each(nodes: Statements, change: Callable[[Band], Band]) -> Statements:
    """``nodes`` with ``change(band)`` for every band, inner ones first."""
    made: list[Statement] | None = None  # most nodes stay what they are
    for k, node in enumerate(nodes):
        if isinstance(node, (Band, For)) and (new := _each(node, change)) is not node:
            made = made or list(nodes)
            made[k] = new
    return nodes if made is None else tuple(made)


def _each(node: Band | For, change: Callable[[Band], Band]) -> Band | For:
    body = each(node.body, change)
    return change(with_body(node, body)) if isinstance(node, Band) else with_body(node, body)


def with_body(node: L, body: Statements) -> L:
    """The loop or band with this body, itself where that is its own: most of them a rewrite leaves alone."""
    return node if body is node.body else rebuilt(node, {"body": body})


def with_loop(nodes: Statements, place: Place, body: Statements) -> Statements:
    """``nodes`` whose loop at ``place`` has this body."""
    k, before = place
    loop = with_body(before, body)
    return nodes if loop is before else (*nodes[:k], loop, *nodes[k + 1 :])


def main(nodes: Statements) -> Place | None:
    """The place among ``nodes`` of the band's own loop: the one that accumulates, if there are several."""
    loops = [(k, node) for k, node in enumerate(nodes) if type(node) is For]
    if len(loops) < 2:
        return loops[0] if loops else None
    return next(place for place in loops if _accumulates(place[1].body))


def _accumulates(nodes: Statements) -> bool:
    """Whether statements accumulate, in loops and bands among them, too."""
    return any(
        isinstance(node, Accumulate) or isinstance(node, (For, Band)) and _accumulates(node.body)
        for node in nodes
    )


def chain(nodes: Statements) -> list[For]:
    """The main loops, from the outermost to the innermost."""
    found = []
    while (place := main(nodes)) is not None:
        found.append(place[1])
        nodes = place[1].body
    return found


def innermost(nodes: Statements, change: Callable[[For], Statements]) -> Statements:
    """``nodes`` with the innermost main loop replaced by the statements ``change(loop)``."""
    place = main(nodes)
    if place is None:
        return nodes
    k, loop = place
    if main(loop.body) is not None:
        return with_loop(nodes, place, innermost(loop.body, change))
    made = change(loop)
    return nodes if len(made) == 1 and made[0] is loop else (*nodes[:k], *made, *nodes[k + 1 :])


def accumulators(loop: For) -> list[Accumulator]:
    """What a loop's body accumulates, but for inner loops and bands."""
    return [node.of for node in loop.body if isinstance(node, Accumulate)]


def has_bands(loop: For) -> bool:
    return any(isinstance(node, Band) for node in loop.body)


def smaller(x: Expression, y: Expression) -> Select:
    return Select(Bin("<", x, y), x, y)


def strip(var: Name, low: Expression, high: Expression, length: int, end: Name, body: Statements) -> For:
    """A loop over strips of ``length``: from ``var`` to below ``end``."""
    return bounded(For(var, low, high, (Let(end, high), *body), step=length), low, high)


def bounded(loop: For, low: Expression, high: Expression) -> For:
    """A loop, or a loop over strips (which begins with their end), from ``low`` to below ``high``."""
    body = loop.body
    if loop.step != 1 and isinstance(body[0], Let):
        end = Let(body[0].name, smaller(Bin("+", loop.var, Int(loop.step)), high))
        body = (end, *body[1:])
    return replace(loop, low=low, high=high, body=body)
