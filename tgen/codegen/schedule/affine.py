"""An index of a Subscript as ``step * variable + start``."""

from __future__ import annotations

from ..nest import ONE, ZERO, Bin, Expression, Name


def affine(index: Expression) -> tuple[Name | None, Expression, Expression]:
    """(variable, step, start); the variable is None in an index that follows none.

    >>> var, step, start = affine(Bin("+", Bin("*", ONE, Name("i")), ONE))
    >>> var.text, step.value, start.value
    ('i', 1, 1)
    """
    if isinstance(index, Bin) and index.op == "+":
        var, step, _ = affine(index.x)
        return (var, step, index.y) if var is not None else (None, ZERO, index)
    if isinstance(index, Name):
        return index, ONE, ZERO
    if isinstance(index, Bin) and index.op == "*" and isinstance(index.y, Name):
        return index.y, index.x, ZERO
    return None, ZERO, index
