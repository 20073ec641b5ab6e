"""Which sizes are known to be equal: what ``check_eq`` instructions have established, as a rewriting to
representatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.core import dims

if TYPE_CHECKING:
    from tgen.core.dims import Atom, Extent, Size, Sym
    from tgen.core.types import TensorType


class Equalities:
    """``learn(a, b)`` makes canon(a) == canon(b); ``canon`` gives the representative of a size.

    >>> known = Equalities()
    >>> known.learn(dims.sym("n1"), dims.add(dims.sym("n0"), 1))
    >>> str(known.canon(dims.sub(dims.sym("n1"), 1)))
    'n0'
    >>> half, odd = dims.div(dims.sym("n2"), 2), dims.mod(dims.sym("n2"), 2)
    >>> known.learn(dims.sub(dims.sym("n2"), dims.mul(2, half)), odd)
    >>> str(known.canon(dims.maximum(odd, 1)))
    'max(n2 - 2*(n2//2), 1)'
    >>> known.learn(dims.mul(3, dims.sym("a0")), 6)
    >>> known.canon(dims.add(dims.mul(3, dims.sym("a0")), 2))
    8
    """

    def __init__(self) -> None:
        self.symbols: dict[Sym, Extent] = {}
        self.atoms: dict[Atom, Extent] = {}
        self.multiples: dict[Atom, tuple[int, Extent]] = {}
        self._known: dict[Size, Extent] = {}
        self._types: dict[TensorType, TensorType] = {}

    def learn(self, x: Extent, y: Extent) -> None:
        solved = dims.solved(dims.sub(self.canon(x), self.canon(y)))
        if solved is None:
            return
        atom, unit, value = solved
        if unit > 1:
            self.multiples[atom] = unit, value
        elif isinstance(atom, dims.Sym):
            self.symbols[atom] = value
        else:
            self.atoms[atom] = value
        self._known, self._types = {}, {}

    def canon(self, x: Extent) -> Extent:
        if not isinstance(x, dims.Size) or not self.learnt():
            return x
        if x not in self._known:
            self._known[x] = self._rewrite(x)
        return self._known[x]

    def canon_type(self, type: TensorType) -> TensorType:
        if not self.learnt():
            return type
        if type not in self._types:
            self._types[type] = type.with_shape(tuple(self.canon(s) for s in type.shape))
        return self._types[type]

    def learnt(self) -> int:
        return len(self.symbols) + len(self.atoms) + len(self.multiples)

    def _rewrite(self, x: Extent) -> Extent:
        for _ in range(self.learnt() + 1):  # a chain of replacements is no longer than that
            new = dims.rebuilt(dims.substitute(x, self.symbols), self._of)
            if new == x:
                return new
            x = new
        return x

    def _of(self, atom: Atom, coefficient: int) -> Extent | None:
        """What ``coefficient`` times an atom is known to be."""
        if atom not in self.multiples and atom not in self.atoms:
            return None
        alone = dims.alone(atom)
        unit, value = self.multiples.get(atom) or (1, self.atoms[atom])
        times, left = divmod(coefficient, unit)
        return dims.add(dims.mul(times, value), dims.mul(left, alone))
