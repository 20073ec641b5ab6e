"""Which sizes are known to be equal: what ``check_eq`` instructions have established, as a rewriting to
representatives.
"""

import math

from tgen.core import dims


class Equalities:
    """``learn(a, b)`` makes canon(a) == canon(b); ``canon`` gives the representative of a size.

    >>> known = Equalities()
    >>> known.learn(dims.sym("n1"), dims.add(dims.sym("n0"), 1))
    >>> str(known.canon(dims.sub(dims.sym("n1"), 1)))
    'n0'
    >>> known.learn(dims.mul(3, dims.sym("a0")), 6)
    >>> known.canon(dims.add(dims.mul(3, dims.sym("a0")), 2))
    8
    """

    def __init__(self):
        self.symbols, self.atoms, self.multiples, self._known, self._types = {}, {}, {}, {}, {}

    def learn(self, x, y):
        gap = dims.sub(self.canon(x), self.canon(y))
        if isinstance(gap, int):
            return
        gap = _primitive(gap)
        atom, coefficient = _leading_term(gap)
        if atom is None:
            return
        rest = dims.sub(gap, dims.mul(coefficient, dims.Size(((atom, 1),), 0)))
        value = dims.mul(-1 if coefficient > 0 else 1, rest)
        if abs(coefficient) > 1:
            self.multiples[atom] = abs(coefficient), value
        elif isinstance(atom, dims.Sym):
            self.symbols[atom.name] = value
        else:
            self.atoms[atom] = value
        self._known, self._types = {}, {}

    def canon(self, x):
        if not isinstance(x, dims.Size) or not self.learnt():
            return x
        if x not in self._known:
            self._known[x] = self._rewrite(x)
        return self._known[x]

    def canon_type(self, type):
        if not self.learnt():
            return type
        if type not in self._types:
            self._types[type] = type.with_shape(tuple(self.canon(s) for s in type.shape))
        return self._types[type]

    def learnt(self):
        return len(self.symbols) + len(self.atoms) + len(self.multiples)

    def _rewrite(self, x):
        for _ in range(self.learnt() + 1):  # a chain of replacements is no longer than that
            new = dims.substitute(x, self.symbols)
            known = self.atoms.keys() | self.multiples.keys()
            if isinstance(new, dims.Size) and any(a in known for a, _ in new.terms):
                new = self._replace_atoms(new)
            if new == x or isinstance(new, int):
                return new
            x = new
        return x

    def _replace_atoms(self, x):
        total = x.const
        for atom, coefficient in x.terms:
            alone = dims.Size(((atom, 1),), 0)
            unit, value = self.multiples.get(atom, (1, self.atoms.get(atom, alone)))
            times, left = divmod(coefficient, unit)
            total = dims.add(total, dims.add(dims.mul(times, value), dims.mul(left, alone)))
        return total


def _primitive(x):
    """x without the factor that all its terms have: what is 0 says no less without it."""
    factor = math.gcd(x.const, *(c for _, c in x.terms))
    return dims.Size(tuple((a, c // factor) for a, c in x.terms), x.const // factor)


def _leading_term(x):
    """The term to solve x for, of those with the least coefficient: a symbol if possible; (None, 0) else."""
    least = min(abs(c) for _, c in x.terms)
    units = [(a, c) for a, c in reversed(x.terms) if abs(c) == least]
    for atom, coefficient in units:
        others = [a for a, _ in x.terms if a is not atom]
        if isinstance(atom, dims.Sym) and not any(atom.name in dims.symbols(a) for a in others):
            return atom, coefficient
    return next(((a, c) for a, c in units if isinstance(a, dims.Fn)), (None, 0))
