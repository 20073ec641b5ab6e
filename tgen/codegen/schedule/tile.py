"""tile: two axes along which different arrays lie without gaps run in squares that the first cache holds.

    for i0 in 0 .. n0                          for i0_t in 0 .. n0 by 32
      for i1 in 0 .. n1                          let i0_end = i0_t + 32 < n0 ? i0_t + 32 : n0
        let x0 = v0[i1, i0]                      for i1_t in 0 .. n1 by 32
        let x1 = v1[i0, i1]            ->          let i1_end = i1_t + 32 < n1 ? i1_t + 32 : n1
        v2[i0, i1] = x0 + x1                       for i0 in i0_t .. i0_end
                                                     for i1 in i1_t .. i1_end
                                                       let x0 = v0[i1, i0]
                                                       let x1 = v1[i0, i1]
                                                       v2[i0, i1] = x0 + x1

Without it every element of v0 that is read brings in a cache line (and asks for a page), of which nothing
else is read before it is gone: x.T + y of 4096 x 4096 doubles takes 196 ms of a processor, in squares 93 ms.

Legal where nothing is reduced: the steps are independent then, and run in any order. Wanted where an array is
read or written along the innermost loop in steps of a row, but lies without gaps along another loop; not
where both are known to be so short that the first cache holds all of it anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from tgen.core.dtypes import DTYPE

from ..nest import ONE, Accumulate, Band, Field, For, Int, Load, Name, Statements, Subscript, walk
from .affine import affine
from .bands import chain, has_bands, strip

SIDE = 32  # elements of a square's side: two arrays' squares of doubles are 16 KiB
LINE = 64  # bytes of a cache line: a side is not shorter
CACHE = 32 << 10  # bytes of the first cache


def tile(band: Band) -> Band:
    loops = chain(band.body)
    if len(loops) < 2 or not all(len(loop.body) == 1 for loop in loops[:-1]):
        return band
    inner = loops[-1]
    if has_bands(inner) or any(isinstance(s, Accumulate) for s in inner.body):
        return band
    across, itemsize = _across(inner.body, inner.var, {loop.var for loop in loops})
    k = next((k for k, loop in enumerate(loops) if loop.var == across), None)
    if k is None or _short(loops[k], inner, itemsize):
        return band
    place = band.body.index(loops[0])
    made = _tiled(loops, k, max(SIDE, LINE // itemsize))
    return replace(band, body=(*band.body[:place], made, *band.body[place + 1 :]))


def _across(nodes: Statements, along: Name, variables: AbstractSet[Name]) -> tuple[Name | None, int]:
    """(the variable of the loop along which most arrays lie that the loop over ``along`` goes through in
    steps of a row, the bytes of their smallest element); (None, 0) if there is none.
    """
    found: Counter[Name] = Counter()
    sizes: list[int] = []
    for node in walk(nodes):
        if not isinstance(node, Load) or not isinstance(node.index, Subscript):
            continue
        if not isinstance(node.pointer, (Name, Field)):  # of an element of what else nobody says the size
            continue
        steps = {affine(i)[0]: (affine(i)[1], s) for i, s in zip(node.index.indices, node.index.strides)}
        dense = [
            var for var, step in steps.items() if var is not None and var in variables and step == (ONE, ONE)
        ]
        if along in steps and dense and along not in dense:
            found[dense[0]] += 1
            sizes.append(DTYPE[node.pointer.dtype].bytes)
    return (found.most_common(1)[0][0], min(sizes)) if found else (None, 0)


def _short(loop: For, other: For, itemsize: int) -> bool:
    """Whether one of the loops makes few turns, or both so few that all is in the cache."""
    lengths = [x.high.value for x in (loop, other) if isinstance(x.high, Int)]
    if any(length <= SIDE for length in lengths):
        return True
    return len(lengths) == 2 and lengths[0] * lengths[1] * itemsize <= CACHE


def _tiled(loops: Sequence[For], k: int, side: int) -> For:
    """The loops with the k-th and the innermost one in squares."""
    inner, outer = loops[-1], loops[k]
    ends = [replace(loop.var, text=f"{loop.var.text}_end") for loop in (outer, inner)]
    starts = [replace(loop.var, text=f"{loop.var.text}_t") for loop in (outer, inner)]
    nodes = (For(inner.var, starts[1], ends[1], inner.body),)
    nodes = (For(outer.var, starts[0], ends[0], nodes),)
    for loop in reversed(loops[k + 1 : -1]):
        nodes = (replace(loop, body=nodes),)
    nodes = (strip(starts[1], inner.low, inner.high, side, ends[1], nodes),)
    nodes = (strip(starts[0], outer.low, outer.high, side, ends[0], nodes),)
    for loop in reversed(loops[:k]):
        nodes = (replace(loop, body=nodes),)
    return nodes[0]
