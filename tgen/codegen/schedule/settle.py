"""What is left when a nest has been scheduled, as plain statements: places become sums of products,
accumulators variables, bands nothing.

    band i over [n0]                           var acc0: float64 = 0.0
      begin acc0: float64 = sum                for i in 0 .. n0
      for i in 0 .. n0                 ->        let x0: float64 = f.v0[i*n1]
        let x0: float64 = f.v0[i, 0]             acc0 = acc0 + x0
        reduce acc0 by x0
      end acc0
"""

from __future__ import annotations

from collections.abc import Sequence

from ..nest import (
    ZERO,
    Accumulate,
    Address,
    Band,
    Begin,
    Call,
    Cast,
    Close,
    Expression,
    For,
    Gathered,
    Let,
    Load,
    Name,
    Node,
    Statement,
    Statements,
    Subscript,
    changed,
    product,
    rebuilt,
    shifted,
    total,
    walk,
)
from ..reductions import accumulated, begun, closed
from .affine import affine


def settled(nodes: Statements) -> Statements:
    """As deep as loops are nested."""
    made: list[Statement] = []
    for node in _registers_last(nodes):
        if isinstance(node, Band):
            made.extend(settled(node.body))
        elif isinstance(node, For):
            made.append(rebuilt(node, {"body": settled(node.body)}))
        else:
            made.extend(_gathered(node))
            made.extend(changed(_expanded(node), _placed, (Address, Subscript)))
    return tuple(made)


def _registers_last(nodes: Statements) -> Sequence[Statement]:
    """What a loop's body accumulates in registers comes after what it stores."""
    last = [s for s in nodes if _in_register(s)]
    return [*(s for s in nodes if not _in_register(s)), *last] if last else nodes


def _in_register(node: Statement) -> bool:
    return isinstance(node, Accumulate) and not node.partial and isinstance(node.of.at, Name)


def _expanded(node: Statement) -> Statements:
    if isinstance(node, Begin):
        return tuple(begun(node.of))
    if isinstance(node, Accumulate):
        return tuple(accumulated(node.of, node.value, node.partial))
    return tuple(closed(node.of)) if isinstance(node, Close) else (node,)


def _gathered(node: Statement) -> list[Let]:
    """The indices that a statement takes from arrays of indices."""
    if not isinstance(node, Let):
        return []
    found = [n for n in walk((node.value,)) if isinstance(n, Gathered)]
    return [Let(g.name, Call("tgen_wrap", (Cast("int64", g.index), g.size))) for g in found]


def _placed(node: Node) -> Expression | None:
    if isinstance(node, Subscript):
        return _offset(node)
    if (
        isinstance(node, Address)
        and isinstance(node.target, Load)
        and isinstance(node.target.index, Subscript)
    ):
        return shifted(node.target.pointer, _offset(node.target.index))
    return None


def _offset(place: Subscript) -> Expression:
    """How many elements further a place is."""
    terms = []
    for index, stride in zip(place.indices, place.strides):
        var, step, start = affine(index.name if isinstance(index, Gathered) else index)
        terms.append(ZERO if var is None else product(product(step, var), stride))
        terms.append(product(start, stride))
    return total(terms)
