"""join: neighbouring axes run as one loop.

    for i0 in 0 .. n0                  for i in 0 .. n0*n1
      for i1 in 0 .. n1         ->       let x0: float64 = f.v0[0, i]
        let x0: float64 = f.v0[i0, i1]

Legal when whatever is read or written over two axes lies there in C order without gaps, both are kept or both
reduced, and no value depends on one of them alone.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from tgen.core import dims
from tgen.core.dims import Extent

from ..names import dense_strides, size
from ..nest import (
    ONE,
    PARTS,
    ZERO,
    Band,
    Expression,
    For,
    Name,
    Statement,
    Statements,
    Subscript,
    changed,
    product,
    total,
)
from .affine import affine
from .bands import chain

# what is looked at: of each index its variable, step and start, the array's sizes, whether it is dense there
Look: TypeAlias = tuple[
    tuple[tuple[Name | None, Expression, Expression], ...], tuple[Extent, ...], list[bool]
]


def join(band: Band) -> Band:
    together = _joined(band)
    if not any(together):
        return band
    groups = [[0]]
    for axis in range(1, len(band.axes)):
        if together[axis - 1]:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    letter = band.axes[0].text.rstrip("0123456789")
    sizes = tuple(dims.product([band.sizes[a] for a in group]) for group in groups)
    axes = tuple(Name(letter if len(groups) == 1 else f"{letter}{k}") for k in range(len(groups)))
    last = {band.axes[group[-1]]: (new, size(s)) for group, new, s in zip(groups, axes, sizes)}
    inner = {band.axes[a] for group in groups for a in group[:-1]}
    return Band(axes, sizes, _changed(band.body, last, inner))


def _changed(
    nodes: Statements, last: Mapping[Name, tuple[Name, Expression]], inner: Container[Name]
) -> Statements:
    """``nodes`` without the loops over the variables ``inner``; ``last``: the variable of a group's last axis
    -> (that of the group, how far its loop runs).
    """

    def change(node: Any) -> Any:
        if isinstance(node, Name):
            return last[node][0] if node in last else None
        return replace(node, indices=tuple(map(index, node.indices))) if isinstance(node, Subscript) else None

    def index(e: Expression) -> Expression:
        var, step, start = affine(e)
        if var is not None and var in last:
            return total([product(step, last[var][0]), start])
        return start if var is not None and var in inner else e

    made: list[Statement] = []
    for node in nodes:
        if not isinstance(node, For):
            made.extend(changed((node,), change, (Subscript,)))
        elif node.var in inner:
            made.extend(_changed(node.body, last, inner))
        else:
            var, high = last[node.var]
            made.append(replace(node, var=var, high=high, body=_changed(node.body, last, inner)))
    return tuple(made)


def _joined(band: Band) -> list[bool]:
    """For each axis but the last, whether it and the next one run as one loop."""
    if len(band.axes) < 2:
        return []
    places, alone = _uses(band)
    nested = {
        (x.var, y.var) for x in chain(band.body) for y in x.body if len(x.body) == 1 and isinstance(y, For)
    }
    pairs = zip(band.axes, band.axes[1:], band.sizes[1:])
    return [
        (u, v) in nested
        and u not in alone
        and v not in alone
        and all(_neighbours(place, u, v, length) for place in places)
        for u, v, length in pairs
    ]


def _uses(band: Band) -> tuple[list[Look], set[Name]]:
    """(the places that are looked at, as their variables, steps, ..., the variables that are read
    elsewhere)."""
    places: list[Look] = []
    alone: set[Name] = set()
    stack: list[Any] = list(band.body)  # nodes, and None where one may be missing
    while stack:
        node = stack.pop()
        if isinstance(node, Subscript):
            indices = tuple(map(affine, node.indices))
            dense = [s == d for s, d in zip(node.strides, dense_strides(node.shape))]
            places.append((indices, node.shape, dense))
            stack.extend(start for _, _, start in indices)
            stack.extend(node.strides)
        elif isinstance(node, Name):
            alone.add(node)
        elif isinstance(node, For):
            stack.extend((node.low, node.high, *node.body))
        elif isinstance(node, Band):
            stack.extend(node.body)
        else:
            for part in PARTS.get(type(node), ()):
                found = getattr(node, part)
                stack.extend(found) if type(found) is tuple else stack.append(found)
    return places, alone


def _neighbours(place: Look, u: Name, v: Name, length: Extent) -> bool:
    """Whether u and v (of this length) are neighbours in an array without a gap, or are not read."""
    indices, shape, dense = place
    at = [k for k, (var, _, _) in enumerate(indices) if var == u or var == v]
    if not at:
        return True
    if len(at) != 2 or at[1] != at[0] + 1 or [indices[k][0] for k in at] != [u, v]:
        return False
    (_, step, _), (_, other, start) = (indices[k] for k in at)
    return step == other == ONE and start == ZERO and shape[at[1]] == length and all(dense[k] for k in at)
