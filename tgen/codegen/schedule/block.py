"""block: what is reduced over axes that stand before a kept one (columns of a matrix) is accumulated in a
block of the kept axis, on the stack and in the accumulator's dtype, and written once.

    for i1 in 0 .. n1                        for from in 0 .. n1 by 512
      begin acc0: float64 = sum                let to = from + 512 < n1 ? from + 512 : n1
      for i0 in 0 .. n0                        local cell0: float64[512]
        let x0 = v0[i0, i1]                    for i1 in from .. to
        reduce acc0 by x0              ->        cell0[i1 - from] = 0.0
      end acc0                                 for i0 in 0 .. n0
      v1[i1] = acc0                              for i1 in from .. to
                                                   let x0 = v0[i0, i1]
                                                   reduce cell0[i1 - from] by x0
                                               for i1 in from .. to
                                                 v1[i1] = cell0[i1 - from]

The reduced loops then run in the order of the domain, so that memory is read in its order. Those that stand
after the kept axis keep an accumulator in a register, which joins the cell. Legal for whatever is
associative: an arg reduction is not, for it wants the first of equals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..nest import (
    Accumulate,
    Accumulator,
    Band,
    Begin,
    Bin,
    For,
    Load,
    Local,
    Name,
    Set,
    Statements,
)
from ..reductions import fold_of, result, start
from .bands import chain, main, strip, with_body, with_loop

# elements of the kept axis that are accumulated together: 4 KiB, they stay in the first cache
BLOCK = 512
# so many accumulators have blocks of that length; of more, shorter ones of whole multiples of LEAST, for the
# stack
BLOCKS, LEAST = 8, 64
FROM, TO = Name("from"), Name("to")


def block(band: Band) -> Band:
    return with_body(band, _blocked(band.body, band.axes))


def _blocked(nodes: Statements, axes: Sequence[Name]) -> Statements:
    """``nodes`` with the kept loop that stands around the reduced ones in blocks; as deep as it stands."""
    at = main(nodes)
    if at is None or any(isinstance(s, Begin) for s in nodes):
        return nodes
    k, column = at
    found = [s.of for s in column.body if isinstance(s, Begin)]
    if not found:
        return with_loop(nodes, at, _blocked(column.body, axes))
    place = axes.index(column.var)
    reduced = chain(column.body)
    before = [loop for loop in reduced if axes.index(loop.var) < place]
    if not before or any(fold_of(a.kind).where for a in found):
        return nodes
    return (*nodes[:k], _in_blocks(column, found, before, reduced[len(before) :]), *nodes[k + 1 :])


def _in_blocks(column: For, found: Sequence[Accumulator], before: Sequence[For], after: Sequence[For]) -> For:
    """The loop over blocks: in each, cells start, the loops inside add to them, and they are written."""
    at = Bin("-", column.var, FROM)
    names = [Name(f"cell{k}", a.dtype, pointer=True) for k, a in enumerate(found)]
    places = {a: Load(name, at) for a, name in zip(found, names)}
    cells = {a: Accumulator(a.kind, a.dtype, place) for a, place in places.items()}
    targets = {s.value: s.target for s in column.body if isinstance(s, Set)}
    length = BLOCK if len(cells) <= BLOCKS else max(LEAST, BLOCK * BLOCKS // len(cells) // LEAST * LEAST)
    if after:
        nodes: Statements = tuple(s for s in column.body if not isinstance(s, (For, Set)))
        inside = chain(column.body)[len(before)]
        k = next((k for k, s in enumerate(nodes) if not isinstance(s, Begin)), len(nodes))
        joins = (Accumulate(cells[a], a.at) for a in found)
        nodes = (*nodes[:k], inside, *nodes[k:], *joins)
    else:
        core = before[-1].body
        nodes = tuple(Accumulate(cells[s.of], s.value) if isinstance(s, Accumulate) else s for s in core)
    nodes = (For(column.var, FROM, TO, nodes),)
    for loop in reversed(before):
        nodes = (replace(loop, body=nodes),)
    first = [Set(cell, start(a.kind, a.dtype)) for a, cell in places.items()]
    last = [Set(targets[result(a)], cell) for a, cell in places.items()]
    ends = [For(column.var, FROM, TO, tuple(statements)) for statements in (first, last)]
    head = [Local(name, length) for name in names]
    return strip(FROM, column.low, column.high, length, TO, (*head, ends[0], *nodes, ends[1]))
