"""deal: the outermost loop is dealt to parts, which threads run.

    for i0 in 0 .. n0           ->      for i0 in low .. high              n0 pieces

Legal because a kernel's steps do not look at each other: the outermost loop is over a kept axis, or
everything is reduced and each part has a result of its own, which the parts' results are joined from. How
many parts there are follows from sizes and cost alone. Columns in blocks (block.py) are dealt in whole tiles:
fewer than 64 of them do not fill vectors.
"""

from __future__ import annotations

from dataclasses import replace

from tgen.core import dims
from tgen.core.dims import Extent

from ..kernel import HIGH, LOW
from ..names import size
from ..nest import Band, Bin, Expression, For, Int, Let, Name, Statements
from .bands import bounded, chain, main, smaller
from .block import FROM

TILE = 64  # elements of a kept innermost axis that a part has at least
MOST = Name("most")


def deal(band: Band) -> tuple[Band, Expression]:
    """(the band, how many pieces there are)"""
    place = main(band.body)
    if place is None:
        return band, Int(1)
    k, loop = place
    inside = chain(band.body)[-1]
    made: Statements
    extent: Expression
    if loop.var == FROM and inside.low == FROM:
        made, extent = _in_tiles(loop, band.sizes[band.axes.index(inside.var)])
    else:
        made, extent = (bounded(loop, LOW, HIGH),), loop.high
    return replace(band, body=(*band.body[:k], *made, *band.body[k + 1 :])), extent


def _in_tiles(loop: For, length: Extent) -> tuple[Statements, Expression]:
    """The loop over blocks dealt in tiles, of which there are so many."""
    tiles = dims.add(length, TILE - 1)
    extent: Expression = Int(tiles // TILE) if isinstance(tiles, int) else Bin("/", size(tiles), Int(TILE))
    most = Let(MOST, smaller(Bin("*", HIGH, Int(TILE)), loop.high))
    return (most, bounded(loop, Bin("*", LOW, Int(TILE)), MOST)), extent
