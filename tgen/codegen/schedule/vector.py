"""vector: the steps of the innermost loop run together, several in a vector.

    for i in 0 .. n0            ->      for i in 0 .. n0 simd
      f.v1[i] = exp(x0)

Legal because a kernel's steps do not look at each other: all that they have in common are accumulators, and
each of these becomes one of its own kind in every lane, which the clauses say. Where the first of equals is
wanted, or terms are counted, the loop stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

from ..nest import Band, For, Name, Statements
from ..reductions import clauses
from .bands import accumulators, has_bands, innermost, with_body


def vector(band: Band) -> Band:
    return with_body(band, innermost(band.body, _together))


def _together(loop: For) -> Statements:
    if has_bands(loop):
        return (loop,)
    found = [clauses(a) for a in accumulators(loop) if isinstance(a.at, Name)]
    together = tuple(clause for both in found if both is not None for clause in both)
    return (loop,) if None in found else (replace(loop, simd=together),)
