"""The frame of a call: the int64 slots through which a compiled entry takes its arguments and gives its
results.

    0 ... 7     the error record
    8           by which host ops find their Python bodies
    9 ...       each shared variable: its place among the call's storages
    then        each other parameter: a number, or an address, the sizes, the strides in bytes
    then        each output: a number and a spare slot, or a spare slot, its block and its sizes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RECORD_SLOTS, SITES_SLOT, FIRST_SLOT = 8, 8, 9


@dataclass(frozen=True)
class Layout:
    """The first slot of each parameter and of each output, and how many slots there are in all."""

    parameters: tuple[int, ...]
    outputs: tuple[int, ...]
    size: int


def laid_out(parameters: Sequence[int | None], outputs: Sequence[int]) -> Layout:
    """The Layout for parameters and outputs of these ranks; a shared variable has None for its rank.

    >>> laid_out([2, None, 0], [1])
    Layout(parameters=(10, 9, 15), outputs=(16,), size=19)
    """
    place, at, found = FIRST_SLOT, FIRST_SLOT + sum(rank is None for rank in parameters), []
    for rank in parameters:
        found.append(place if rank is None else at)
        place += rank is None
        at += 0 if rank is None else 1 + 2 * rank
    results = []
    for rank in outputs:
        results.append(at)
        at += 2 + rank
    return Layout(tuple(found), tuple(results), at)
