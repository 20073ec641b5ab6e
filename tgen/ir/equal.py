"""Which sizes are known to be equal: what ``check_eq`` instructions have established, as a rewriting to representatives."""
from tgen.core import dims


class Equalities:
    """``learn(a, b)`` makes canon(a) == canon(b); ``canon`` gives the representative of a size.

    >>> known = Equalities()
    >>> known.learn(dims.sym("n1"), dims.add(dims.sym("n0"), 1))
    >>> str(known.canon(dims.sub(dims.sym("n1"), 1)))
    'n0'
    """

    def __init__(self):
        self.symbols, self.atoms, self._known, self._types = {}, {}, {}, {}

    def learn(self, x, y):
        gap = dims.sub(self.canon(x), self.canon(y))
        if isinstance(gap, int):
            return
        atom, coefficient = _unit_term(gap)
        if atom is None:
            return
        rest = dims.sub(gap, dims.mul(coefficient, dims.Size(((atom, 1),), 0)))
        value = dims.mul(-coefficient, rest)
        if isinstance(atom, dims.Sym):
            self.symbols[atom.name] = value
        else:
            self.atoms[atom] = value
        self._known, self._types = {}, {}

    def canon(self, x):
        if not isinstance(x, dims.Size) or not (self.symbols or self.atoms):
            return x
        if x not in self._known:
            self._known[x] = self._rewrite(x)
        return self._known[x]

    def canon_type(self, type):
        if not (self.symbols or self.atoms):
            return type
        if type not in self._types:
            self._types[type] = type.with_shape(tuple(self.canon(s) for s in type.shape))
        return self._types[type]

    def _rewrite(self, x):
        for _ in range(len(self.symbols) + len(self.atoms) + 1):       # a chain of replacements is no longer than that
            new = dims.substitute(x, self.symbols)
            if isinstance(new, dims.Size) and any(a in self.atoms for a, _ in new.terms):
                new = self._replace_atoms(new)
            if new == x or isinstance(new, int):
                return new
            x = new
        return x

    def _replace_atoms(self, x):
        total = x.const
        for atom, coefficient in x.terms:
            value = self.atoms.get(atom, dims.Size(((atom, 1),), 0))
            total = dims.add(total, dims.mul(coefficient, value))
        return total


def _unit_term(x):
    """A term of x with coefficient 1 or -1 that x can be solved for, a symbol if there is one; (None, 0) else."""
    units = [(a, c) for a, c in reversed(x.terms) if c in (1, -1)]
    for atom, coefficient in units:
        others = [a for a, _ in x.terms if a is not atom]
        if isinstance(atom, dims.Sym) and not any(atom.name in dims.symbols(a) for a in others):
            return atom, coefficient
    return next(((a, c) for a, c in units if isinstance(a, dims.Fn)), (None, 0))
