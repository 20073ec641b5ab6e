"""pairs: a float sum of more than 256 terms, or of nobody knows how many, adds them up in pairs of blocks.

    begin acc0: float64 = sum       ->       begin acc0: float64 = sum in pairs

Its error then grows with the logarithm of their number, as in NumPy's sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tgen.core.dtypes import is_float

from ..nest import Accumulator, Band, Begin, Expression, Int, Statements, changed
from .bands import chain, main, with_body, with_loop

MANY = 256  # terms


def pairs(band: Band) -> Band:
    return with_body(band, _paired(band.body))


def _paired(nodes: Statements) -> Statements:
    """As deep as loops are nested."""
    sums = [s.of for s in nodes if isinstance(s, Begin) and s.of.kind == "sum" and is_float(s.of.dtype)]
    if sums and not few([loop.high for loop in chain(nodes)]):
        changes = {a: replace(a, paired=True) for a in sums}
        return changed(nodes, changes.get, (Accumulator,))
    place = main(nodes)
    if place is None or any(isinstance(s, Begin) for s in nodes):
        return nodes
    return with_loop(nodes, place, _paired(place[1].body))


def few(lengths: Iterable[Expression]) -> bool:
    """Whether loops of these lengths make at most MANY turns, for sure."""
    product: int | None = 1
    for length in lengths:
        if length == Int(0):
            return True
        product = product * length.value if isinstance(length, Int) and product is not None else None
    return product is not None and product <= MANY
