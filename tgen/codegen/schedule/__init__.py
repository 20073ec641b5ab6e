"""How the loops of a kernel run: SCHEDULE is what is done to its plain nest, in this order.

A rewrite makes a nest of a nest, or functions of all nests of a file, and changes nothing in place. It
decides from what the nest reads and writes and where (places, accumulators, sizes), never from a text. To add
one: a file that opens with its before and after, a row in SCHEDULE, and a ``tests/golden/<name>.nest``.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TypeAlias

from tgen.config import REWRITES, config

from ..nest import Band, Nest, Statement
from .attach import attach
from .bands import each
from .block import block
from .chunks import chunks
from .deal import deal
from .join import join
from .pairs import pairs
from .settle import settled
from .tile import tile
from .vector import vector


@dataclass(frozen=True)
class Rewrite:
    """``run`` makes a nest of a nest; None: it is of all nests of a file, and parts.py does it. ``exact``:
    only independent work is done in another order, so that the results have the same bits.
    """

    name: str
    reason: str
    run: Callable[[Nest], Nest] | None
    exact: bool = False


Stage: TypeAlias = tuple[Rewrite, Nest]  # a rewrite that changed a nest, and what it made


def over_bands(change: Callable[[Band], Band]) -> Callable[[Nest], Nest]:
    """The rewrite of a nest that does ``change`` to every band, inner ones first."""
    return lambda nest: Nest(each(nest.body, change), nest.extent)


def dealt(nest: Nest) -> Nest:
    """The rewrite that deals the outermost band."""
    made: list[Statement] = []
    extent = nest.extent
    for node in nest.body:
        if isinstance(node, Band):
            node, extent = deal(node)
        made.append(node)
    return Nest(tuple(made), extent)


SCHEDULE = (
    Rewrite("join", "one long loop has less to do than two, and vectors that are full", over_bands(join)),
    Rewrite("block", "memory is read in its order, and sums stay in the first cache", over_bands(block)),
    Rewrite("pairs", "a long sum is as exact as NumPy's", over_bands(pairs)),
    Rewrite("chunks", "a long sum is one of vectors, and counted once a chunk", over_bands(chunks)),
    Rewrite("tile", "a transposed array is read in whole cache lines", over_bands(tile), exact=True),
    Rewrite("deal", "threads share the work", dealt),
    Rewrite("vector", "a vector instruction does the work of several", over_bands(vector)),
    Rewrite("attach", "what a loop does not change is read once, before it", over_bands(attach), exact=True),
    Rewrite("share", "the compiler's time goes by what differs", None, exact=True),
)


REWRITES.of(row.name for row in SCHEDULE)
config.schedule = config.schedule  # what the environment said is checked now


def left_out() -> tuple[str, ...]:
    """The names of the rewrites that config.schedule leaves out.

    >>> with config.change_flags(schedule="-vector,-attach"):
    ...     left_out()
    ('vector', 'attach')
    """
    return tuple(word.removeprefix("-") for word in config.schedule.split(",") if word)


def scheduled(nest: Nest, skip: Container[str] = (), stages: list[Stage] | None = None) -> Nest:
    """The Nest of plain statements for a kernel's. ``skip`` names rewrites to leave out; ``stages``: a list
    that receives the Stage of each rewrite that changed it.
    """
    for rewrite in SCHEDULE:
        if rewrite.run is None or rewrite.name in skip:
            continue
        before, nest = nest, rewrite.run(nest)
        if stages is not None and nest != before:
            stages.append((rewrite, nest))
    return Nest(settled(nest.body), nest.extent)
