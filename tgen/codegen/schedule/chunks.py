"""chunks: a float sum over the innermost loop adds 256 elements in a register, then these join the sum.

    for i in 0 .. n0                   for c in 0 .. n0 by 256
      let x0 = v0[i]                     let end = c + 256 < n0 ? c + 256 : n0
      reduce acc0 by x0        ->        begin acc0_c: float64 = sum
                                         for i in c .. end
                                           let x0 = v0[i]
                                           reduce acc0_c by x0
                                         reduce acc0 by partial acc0_c

The sum in a register may be one of vectors (vector.py), and the counting of pairs.py is done once a chunk.
"""

from __future__ import annotations

from dataclasses import replace

from tgen.core.dtypes import is_float

from ..nest import Accumulate, Accumulator, Band, Begin, For, Name, Statements, changed
from .bands import accumulators, chain, has_bands, innermost, strip, with_body
from .pairs import few

CHUNK = 256  # elements
AT, END = Name("c"), Name("end")


def chunks(band: Band) -> Band:
    loops = chain(band.body)
    if len(loops) == 1 and few([loops[0].high]):
        return band
    return with_body(band, innermost(band.body, _in_chunks))


def _in_chunks(loop: For) -> Statements:
    sums = [a for a in accumulators(loop) if a.kind == "sum" and is_float(a.dtype) and isinstance(a.at, Name)]
    if not sums or has_bands(loop):
        return (loop,)
    own = {a: replace(a, at=replace(a.variable, text=f"{a.variable.text}_c"), paired=False) for a in sums}
    body = changed(loop.body, own.get, (Accumulator,))
    starts = [Begin(a) for a in own.values()]
    adds = [Accumulate(a, mine.at, partial=True) for a, mine in own.items()]
    if few([loop.high]):
        return (*starts, replace(loop, body=body), *adds)
    inner = For(loop.var, AT, END, body, loop.simd)
    return (strip(AT, loop.low, loop.high, CHUNK, END, (*starts, inner, *adds)),)
