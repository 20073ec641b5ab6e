"""einsum: labelled sums of products, composed of diagonals, sums and one batched product a pair
of operands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.core.types import wide
from tgen.graph import sizes

from .apply import apply, reorder, set_weak
from .diagonals import diagonal
from .elemwise import elemwise
from .linalg import _batched
from .promotion import unify
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["einsum"]
# labels for the axes of an ellipsis: letters no one writes
_SPARE = "".join(map(chr, range(0x3B1, 0x3B1 + 24)))


def einsum(subscripts: str, *operands: Operand, optimize: bool = False) -> Variable:
    """Sums of products by labels, as numpy.einsum: ``einsum("ij,jk->ik", a, b)`` is ``dot(a, b)``.

    A label that stands twice in one operand is its diagonal; labels that the result lacks are summed over;
    '...' stands for leading axes that broadcast. Without '->' the result has the labels that stand once, in
    their order. Products are taken from left to right (``optimize`` changes nothing). Dtypes as in ``dot``.
    ValueError for subscripts that do not fit the operands.

    >>> import tgen.tensor as T
    >>> T.einsum("bij,bjk->bik", T.tensor3(), T.tensor3()).ndim, T.einsum("ii", T.imatrix()).dtype
    (3, 'int32')
    """
    operands, weak = unify([as_tensor_variable(x) for x in operands])
    terms, result = _parse(subscripts, operands)
    parts = [_without_repeats(x, labels) for x, labels in zip(operands, terms)]
    parts = _without_ones(parts)
    absent = set(result) - {c for _, labels in parts for c in labels}
    if absent or len(set(result)) != len(result):
        raise ValueError(
            f"einsum {subscripts!r}: the result names {', '.join(sorted(absent)) or 'an axis'} "
            f"{'which no operand has' if absent else 'twice'}"
        )
    value, labels = parts[0]
    for k, (other, others) in enumerate(parts[1:], 2):
        later = set(result).union(*(names for _, names in parts[k:]))
        value, labels = _product(
            *_summed(value, labels, later | set(others)),
            *_summed(other, others, later | set(labels)),
            later,
            weak,
        )
    value, labels = _summed(value, labels, set(result))
    return set_weak(reorder(value, [labels.index(c) for c in result]), weak)


def _parse(subscripts, operands):
    """(labels of each operand, labels of the result), an ellipsis written out."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum {subscripts!r} names {len(terms)} operands, got {len(operands)}")
    spans = [x.type.ndim - len(t.replace("...", "")) for x, t in zip(operands, terms)]
    for x, term, span in zip(operands, terms, spans):
        if (
            span < 0
            or span
            and "..." not in term
            or not term.replace("...", "", 1).isalpha()
            and term.replace("...", "", 1)
        ):
            raise ValueError(f"einsum {subscripts!r}: {term!r} does not fit {x} of {x.type.ndim} dimensions")
    spare = _SPARE[: max([span for span, t in zip(spans, terms) if "..." in t], default=0)]
    terms = [t.replace("...", spare[len(spare) - span :]) for t, span in zip(terms, spans)]
    if not arrow:
        letters = "".join(terms)
        return terms, spare + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1 and c not in spare)
        )
    return terms, right.replace("...", spare)


def _without_repeats(x, labels):
    """The diagonal of axes with one label; it stands last."""
    while len(set(labels)) != len(labels):
        twice = next(c for c in labels if labels.count(c) > 1)
        first, second = labels.index(twice), labels.index(twice, labels.index(twice) + 1)
        x = diagonal(x, 0, first, second)
        labels = "".join(c for a, c in enumerate(labels) if a not in (first, second)) + twice
    return x, labels


def _without_ones(parts):
    """An axis of static size 1 whose label is longer elsewhere goes: it broadcasts."""
    longer = {c for x, labels in parts for c, one in zip(labels, x.broadcastable) if not one}
    out = []
    for x, labels in parts:
        kept = [a for a, c in enumerate(labels) if not (x.broadcastable[a] and c in longer)]
        out.append((reorder(x, kept), "".join(labels[a] for a in kept)))
    return out


def _summed(x, labels, wanted):
    """x summed over the labels that nothing else wants."""
    axes = [a for a, c in enumerate(labels) if c not in wanted]
    if not axes:
        return x, labels
    rest = "".join(c for c in labels if c in wanted)
    if x.type.dtype == "bool":
        return apply("any", x, axes=tuple(axes)), rest
    return apply("sum", x, axes=tuple(axes), **wide(x.type.dtype)), rest


def _product(x, mine, y, its, later, weak):
    """x times y, summed over the labels both have and nothing later wants: (value, labels)."""
    shared = [c for c in mine if c in its]
    summed, batch = [c for c in shared if c not in later], [c for c in shared if c in later]
    rows, columns = [c for c in mine if c not in its], [c for c in its if c not in mine]
    labels = "".join(batch + rows + columns)
    if not summed:
        x = reorder(x, [mine.index(c) if c in mine else "x" for c in labels])
        return elemwise("mul")(x, reorder(y, [its.index(c) if c in its else "x" for c in labels])), labels
    have = {
        **{c: sizes.length(y, a) for a, c in enumerate(its)},
        **{c: sizes.length(x, a) for a, c in enumerate(mine)},
    }
    left = _stack(reorder(x, [mine.index(c) for c in batch + rows + summed]), have, batch, rows, summed)
    right = _stack(reorder(y, [its.index(c) for c in batch + summed + columns]), have, batch, summed, columns)
    z = _batched(left, right, weak)
    return apply("reshape", z, *(sizes.variable(have[c]) for c in labels), ndim=len(labels)), labels


def _stack(x, have, *groups):
    """x with each group of labels as one axis."""
    wanted = [sizes.product([have[c] for c in group]) for group in groups]
    return apply("reshape", x, *map(sizes.variable, wanted), ndim=3)
