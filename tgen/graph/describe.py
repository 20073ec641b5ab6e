"""What an error calls a value the user gave no name: the named variable it was made of, through ops that keep
the axis in question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tgen.graph.nodes import Apply, Variable


def axis_source(
    v: Variable, axis: int, known: dict[tuple[Variable, int], tuple[Variable, int]]
) -> tuple[Variable, int]:
    """(variable, axis) that has the size of v's axis: the nearest variable with a name, else what the walk
    ends at.

    ``known``: what was found before, {(v, axis): source}; along a chain that is asked at every node the walk
    stays one.
    """
    path = []
    while (v, axis) not in known and v.name is None and v.owner is not None:
        behind = v.owner.primitive.behind and v.owner.primitive.behind(v.owner, axis)
        if behind is None:
            break
        path.append((v, axis))
        v, axis = behind
    found = known.get((v, axis), (v, axis))
    known.update(dict.fromkeys(path, found))
    return found


def source(v: Variable, known: dict[Variable, Variable]) -> Variable:
    """The nearest variable with a name that v was made of element by element; ``known`` as
    for axis_source.
    """
    path = []
    while (
        v not in known
        and v.name is None
        and v.owner is not None
        and v.owner.primitive.behind in (widest, own_axis)
    ):
        operand = next(
            (x for x in v.owner.inputs if x.type.ndim == v.type.ndim and x.broadcastable == v.broadcastable),
            None,
        )
        if operand is None:
            break
        path.append(v)
        v = operand
    found = known.get(v, v)
    known.update(dict.fromkeys(path, found))
    return found


def own_axis(node: Apply, axis: int) -> tuple[Variable, int]:
    """Op.behind of what keeps every axis of its operand."""
    return node.inputs[0], axis


def widest(node: Apply, axis: int) -> tuple[Variable, int] | None:
    """Op.behind of an elementwise op: an operand that does not broadcast along the axis."""
    wide = next((x for x in node.inputs if x.type.shape[axis] != 1), None)
    return None if wide is None else (wide, axis)


def kept_axis(node: Apply, axis: int) -> tuple[Variable, int]:
    """Op.behind of a reduction: its axes are those of the operand that are left."""
    x = node.inputs[0]
    return x, [a for a in range(x.type.ndim) if a not in node.attrs["axes"]][axis]
