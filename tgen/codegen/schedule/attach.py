"""attach: what is read stands where its indices are known.

    for i0 in 0 .. n0                        for i0 in 0 .. n0
      for i1 in 0 .. n1                        let x0 = v0[i0]
        let x0 = v0[i0]                ->      for i1 in 0 .. n1
        f.v1[i0, i1] = x0                        f.v1[i0, i1] = x0

Legal because a band never reads what another of its steps writes: an update in place reads an element in the
step that writes it, at the same indices. A read moves out of a band's loops, never out of the band: what an
inner kernel reads belongs to the row it works on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..nest import Address, Band, Expression, Let, Load, Name, Statements, Subscript, walk
from .bands import chain, main


def attach(band: Band) -> Band:
    loops = chain(band.body)
    loads = _loads(loops[-1].body) if loops else ()
    depths = {loop.var: k + 1 for k, loop in enumerate(loops) if loop.var in band.axes}
    at: dict[int, list[Let]] = {}
    for load in loads:
        names = [n for n in walk((load.value,)) if isinstance(n, Name)]
        depths[load.name] = depth = max((depths.get(n, 0) for n in names), default=0)
        at.setdefault(depth, []).append(load)
    if set(at) <= {len(loops)}:
        return band
    return replace(band, body=_placed(band.body, 0, at, len(loads)))


def _loads(nodes: Statements) -> list[Let]:
    """The reads at the head of a loop's body."""
    found = []
    for node in nodes:
        if not isinstance(node, Let) or not _reads(node.value):
            break
        found.append(node)
    return found


def _reads(value: Expression) -> bool:
    load = value.target if isinstance(value, Address) else value
    return isinstance(load, Load) and isinstance(load.index, Subscript)


def _placed(nodes: Statements, depth: int, at: Mapping[int, Sequence[Let]], count: int) -> Statements:
    """``nodes`` at a depth of loops with the reads that belong there first; the innermost ones had them
    all."""
    found = main(nodes)
    if found is None:
        return (*at.get(depth, ()), *nodes[count:])
    k, loop = found
    body = _placed(loop.body, depth + 1, at, count)
    return (*at.get(depth, ()), *nodes[:k], replace(loop, body=body), *nodes[k + 1 :])
