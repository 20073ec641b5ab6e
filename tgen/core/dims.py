"""Sizes: an int, None (the graph does not know), or a Size expression (the IR's names for it).

A Size is kept in one normal form, a sum of integer multiples of atoms plus a constant, so equal
expressions are equal objects for ``==`` and ``hash``. An atom is a symbol (``Sym``) or a function of
sizes that does not distribute (``Fn``: mul, div, mod, min, max). ``n - 1 + 1`` is ``n`` again.

>>> n = sym("n0")
>>> str(maximum(sub(add(n, 3), 4), 0)), add(sub(n, 1), 1) == n
('max(n0 - 1, 0)', True)
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, overload

FUNCTIONS = ("mul", "div", "mod", "min", "max")

LENGTH = "length"  # n0: of an axis of a parameter
VALUE = "value"  # a0: of an int argument
FOUND = "found"  # k0: known when something in the function has run
NAMED = "named"  # d0: an expression of these, computed once at the entry of the C
SUPPOSED = "supposed"  # s0: a length in a pass's own reasoning, in no function
_LETTERS = {LENGTH: "n", VALUE: "a", FOUND: "k", NAMED: "d", SUPPOSED: "s"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}


class Sym:
    """A symbol: its ``kind`` and its ``number`` among its kind. There is one object for each.

    >>> str(Sym(FOUND, 3)), Sym(FOUND, 3) is symbol("k3"), symbol("k3").kind
    ('k3', True, 'found')
    """

    __slots__ = ("kind", "number", "_text")
    kind: str
    number: int
    _text: str
    _made: ClassVar[dict[tuple[str, int], Sym]] = {}

    def __new__(cls, kind: str, number: int) -> Sym:
        made = cls._made.get((kind, number))
        if made is None:
            made = object.__new__(cls)
            made.kind, made.number, made._text = kind, number, f"{_LETTERS[kind]}{number}"
            made = cls._made.setdefault((kind, number), made)
        return made

    def __reduce__(self) -> tuple[type[Sym], tuple[str, int]]:
        return Sym, (self.kind, self.number)

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__


class Fn:
    """A function of sizes that stays as it is: mul, div (floor), mod, min, max."""

    __slots__ = ("name", "args", "_hash")

    def __init__(self, name: str, args: tuple[Extent, ...]) -> None:
        self.name, self.args = name, args
        self._hash = hash((name, args))

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is Fn
            and other._hash == self._hash
            and other.name == self.name
            and other.args == self.args
        )

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self.name in ("min", "max"):
            return f"{self.name}({', '.join(map(str, self.args))})"
        sign = {"mul": "*", "div": "//", "mod": "%"}[self.name]
        return sign.join(_bracket(a) for a in self.args)


class Size:
    """sum(coefficient * atom) + const, the terms sorted by text."""

    __slots__ = ("terms", "const", "_hash", "_text", "_symbols")

    def __init__(self, terms: tuple[tuple[Atom, int], ...], const: int) -> None:
        self.terms, self.const = terms, const
        self._hash = hash((terms, const))
        self._text: str | None = None
        self._symbols: tuple[Sym, ...] | None = None

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is Size
            and other._hash == self._hash
            and other.const == self.const
            and other.terms == self.terms
        )

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self._text is None:
            parts = [
                ("-" if c < 0 else "+", str(a) if abs(c) == 1 else f"{abs(c)}*{_bracket(a)}")
                for a, c in self.terms
            ]
            if self.const:
                parts.append(("-" if self.const < 0 else "+", str(abs(self.const))))
            (sign, text), *rest = parts
            # its first operand would take the sign: -x//3 is (-x)//3
            atom, count = self.terms[0]
            if count == -1 and isinstance(atom, Fn) and (atom.name in ("div", "mod") or text[0] == "("):
                text = _bracket(atom)
            self._text = "-" * (sign == "-") + text + "".join(f" {s} {t}" for s, t in rest)
        return self._text

    __repr__ = __str__


Atom: TypeAlias = Sym | Fn
Extent: TypeAlias = int | Size  # a size of the IR, which always has one
Dim: TypeAlias = Extent | None  # of either: the graph may not know it
D = TypeVar("D", Extent, Dim)


class _OfTwo(Protocol):
    """A function of two sizes: what it makes of sizes of the IR is one."""

    @overload
    def __call__(self, x: Extent, y: Extent) -> Extent: ...
    @overload
    def __call__(self, x: Dim, y: Dim) -> Dim: ...


def _of_two(function: Callable[[Any, Any], Dim]) -> _OfTwo:
    return function  # type: ignore[return-value]


def _bracket(x: Extent | Atom) -> str:
    text = str(x)
    plain = (
        isinstance(x, (int, Sym))
        or text.isidentifier()
        or text.startswith(("max(", "min("))
        and isinstance(x, Fn)
    )
    return text if plain else f"({text})"


def alone(atom: Atom) -> Size:
    """The size that is one atom."""
    return Size(((atom, 1),), 0)


def symbol(text: str) -> Sym:
    """The symbol that is written so."""
    kind, number = _KINDS.get(text[:1]), text[1:]
    if kind is None or not number.isdecimal():
        raise ValueError(f"{text!r} names no size: a letter of {', '.join(_KINDS)} and a number do")
    return Sym(kind, int(number))


def sym(text: str) -> Size:
    """The size that is the symbol written so."""
    return alone(symbol(text))


def _make(terms: dict[Atom, int], const: int) -> Extent:
    kept = [(a, c) for a, c in terms.items() if c]
    if len(kept) > 1:
        kept.sort(key=lambda t: str(t[0]))
    return Size(tuple(kept), const) if kept else const


def _parts(x: Extent) -> tuple[dict[Atom, int], int]:
    return ({}, x) if isinstance(x, int) else (dict(x.terms), x.const)


@_of_two
def add(x: Dim, y: Dim) -> Dim:
    if x is None or y is None:
        return None
    if isinstance(x, int) and isinstance(y, int):
        return x + y
    terms, const = _parts(x)
    more, extra = _parts(y)
    for atom, coefficient in more.items():
        terms[atom] = terms.get(atom, 0) + coefficient
    return _make(terms, const + extra)


@_of_two
def mul(x: Dim, y: Dim) -> Dim:
    if x is None or y is None:
        return None
    if isinstance(x, int):
        return x * y if isinstance(y, int) else _times(x, y)
    if isinstance(y, int):
        return _times(y, x)
    (a, left), (b, right) = _factors(x), _factors(y)
    return Size(((Fn("mul", tuple(sorted(left + right, key=str))), a * b),), 0)


def _times(k: int, x: Size) -> Extent:
    return x if k == 1 else _make({a: c * k for a, c in x.terms}, x.const * k)


@_of_two
def sub(x: Dim, y: Dim) -> Dim:
    return add(x, mul(-1, y)) if y is not None else None


def _fn(name: str, fold: Callable[[int, int], int]) -> _OfTwo:
    @_of_two
    def build(x: Dim, y: Dim) -> Dim:
        if x is None or y is None:
            return None
        if isinstance(x, int) and isinstance(y, int):
            return fold(x, y)
        return alone(Fn(name, (x, y)))

    return build


_div = _fn("div", lambda x, y: x // y if y else 0)
_mod = _fn("mod", lambda x, y: x % y if y else 0)


@_of_two
def div(x: Dim, y: Dim) -> Dim:
    """Floor division; by 0 it is 0, as NumPy's integer division."""
    if y == 1:
        return x
    exact = _exact_quotient(x, y)
    return _div(x, y) if exact is None else exact


def _exact_quotient(x: Dim, y: Dim) -> Dim:
    """x // y where it divides by form alone: 784*n // 784, n*m // m; else None."""
    if not isinstance(x, Size) or y is None or y == 0:
        return None
    if isinstance(y, int):
        if x.const % y or any(c % y for _, c in x.terms):
            return None
        return _make({a: c // y for a, c in x.terms}, x.const // y)
    scale, factors = _factors(x)
    unit, divisors = _factors(y)
    for d in divisors:
        if d not in factors:
            return None
        factors.remove(d)
    return product([scale // unit, *factors]) if scale % unit == 0 else None


def _factors(x: Size) -> tuple[int, list[Extent]]:
    """x as (coefficient, list of factors): one factor, x itself, unless x is a single term."""
    if len(x.terms) != 1 or x.const:
        return 1, [x]
    atom, coefficient = x.terms[0]
    if isinstance(atom, Fn) and atom.name == "mul":
        return coefficient, list(atom.args)
    return coefficient, [alone(atom)]


@_of_two
def mod(x: Dim, y: Dim) -> Dim:
    return 0 if y == 1 else _mod(x, y)


@_of_two
def minimum(x: Dim, y: Dim) -> Dim:
    return _extreme("min", x, y, min)


@_of_two
def maximum(x: Dim, y: Dim) -> Dim:
    return _extreme("max", x, y, max)


def _extreme(name: str, x: Dim, y: Dim, fold: Callable[..., Any]) -> Dim:
    if x is None or y is None:
        return None
    if x == y:
        return x
    gap = sub(x, y)
    if isinstance(gap, int):  # the difference is a constant, so the order is known
        return fold((0, y), (gap, x), key=lambda p: p[0])[1]
    if nonnegative(gap):
        return x if name == "max" else y
    if nonnegative(mul(-1, gap)):
        return y if name == "max" else x
    if isinstance(x, int):  # the constant stands last, so both orders print alike
        x, y = y, x
    elif not isinstance(y, int):
        x, y = sorted((x, y), key=str)
    return alone(Fn(name, (x, y)))


def nonnegative(x: Extent) -> bool:
    """Whether x >= 0 follows from its form alone: lengths are; values of arguments and what is found in
    data may not be.
    """
    if isinstance(x, int):
        return x >= 0
    return x.const >= 0 and all(c > 0 and _atom_nonnegative(a) for a, c in x.terms)


def _atom_nonnegative(atom: Atom) -> bool:
    if isinstance(atom, Sym):
        return atom.kind in (LENGTH, SUPPOSED)
    if atom.name == "max":
        return any(nonnegative(a) for a in atom.args)
    return all(nonnegative(a) for a in atom.args)


def product(sizes: Iterable[D]) -> D:
    result: D = 1
    for s in sizes:
        result = mul(result, s)
    return result


@_of_two
def merge(x: Dim, y: Dim) -> Dim:
    """The one size two axes share, in the graph or the IR; Unequal when they are known or not known to be
    equal.
    """
    if x is None:
        return y
    if y is None or x == y:
        return x
    raise Unequal(x, y)


def agree(pairs: Iterable[tuple[Dim, Dim]]) -> None:
    """Refuse pairs of numbers that differ. For pairs that an op computes (Op.equal) lower makes symbols
    equal, and the equation stays one between two expressions.
    """
    for x, y in pairs:
        if isinstance(x, int) and isinstance(y, int):
            merge(x, y)


class Unequal(ValueError):
    """Two sizes an op needs equal differ (both static), or are not yet unified (IR)."""

    def __init__(self, x: Extent, y: Extent) -> None:
        super().__init__(f"sizes {x} and {y} differ")
        self.sizes = (x, y)


def symbols(x: Extent | Atom) -> tuple[Sym, ...]:
    """The symbols in a size, each once, in order of appearance."""
    if isinstance(x, int):
        return ()
    if not isinstance(x, Size):
        return _find_symbols(x)
    if x._symbols is None:
        x._symbols = _find_symbols(x)
    return x._symbols


def lone(x: Extent) -> Sym | None:
    """The symbol that a size is and nothing else, or None."""
    if not isinstance(x, Size) or x.const or len(x.terms) != 1:
        return None
    atom, coefficient = x.terms[0]
    return atom if coefficient == 1 and isinstance(atom, Sym) else None


def moved(x: Extent) -> tuple[Atom, int] | None:
    """(atom, number): x is that atom and the number more. None for other sizes.

    >>> moved(sub(sym("n0"), 1)), moved(mul(2, sym("n0")))
    ((n0, -1), None)
    """
    if not isinstance(x, Size) or len(x.terms) != 1 or x.terms[0][1] != 1:
        return None
    return x.terms[0][0], x.const


def is_product(x: Size) -> bool:
    """Whether a size is one symbol, or symbols and functions of sizes multiplied.

    >>> n = sym("n0")
    >>> is_product(n), is_product(mul(n, sym("n1"))), is_product(mul(2, n)), is_product(maximum(n, 3))
    (True, True, False, False)
    """
    atom, more = moved(x) or (None, 0)
    return not more and (isinstance(atom, Sym) or isinstance(atom, Fn) and atom.name == "mul")


def functions(x: Size) -> list[Fn]:
    """The functions of sizes among the atoms of a size; not those inside of them."""
    return [atom for atom, _ in x.terms if isinstance(atom, Fn)]


def found_inside(known: Iterable[Sym]) -> bool:
    """Whether one of these symbols is known only when something in the function has run."""
    return any([s.kind == FOUND for s in known])


def _find_symbols(x: Extent | Atom) -> tuple[Sym, ...]:
    found: dict[Sym, None] = {}
    stack: list[Extent | Atom] = [x]
    while stack:
        s = stack.pop()
        if isinstance(s, Size):
            stack.extend(a for a, _ in reversed(s.terms))
        elif isinstance(s, Fn):
            stack.extend(reversed(s.args))
        elif isinstance(s, Sym):
            found[s] = None
    return tuple(found)


_BUILD = {"mul": mul, "div": div, "mod": mod, "min": minimum, "max": maximum}


def rebuilt(x: D, of: Callable[[Atom, int], Dim]) -> D:
    """x rebuilt: ``of(atom, coefficient)`` is what takes an atom's place, at any depth. None keeps the atom;
    what it is a function of is rebuilt.
    """
    if not isinstance(x, Size):
        return x
    total: Extent = x.const
    for atom, coefficient in x.terms:
        new = of(atom, coefficient)
        if new is not None:
            total = add(total, new)
        elif isinstance(atom, Fn):
            rest = functools.reduce(_BUILD[atom.name], [rebuilt(a, of) for a in atom.args])
            total = add(total, mul(coefficient, rest))
        else:
            total = add(total, Size(((atom, coefficient),), 0))
    return total


def substitute(x: D, table: Mapping[Sym, Extent]) -> D:
    """x with the symbols in ``table`` (symbol -> size) replaced."""
    if not isinstance(x, Size) or table.keys().isdisjoint(symbols(x)):
        return x

    def of(atom: Atom, coefficient: int) -> Dim:
        return mul(coefficient, table[atom]) if isinstance(atom, Sym) and atom in table else None

    return rebuilt(x, of)


def put(x: D, atom: Atom, size: Extent) -> D:
    """x with one atom (a symbol or a function of sizes) replaced by a size.

    >>> n = minimum(sym("n0"), sym("n1"))
    >>> str(put(maximum(sub(n, 1), 0), n.terms[0][0], add(sym("n2"), 1)))
    'n2'
    """
    return rebuilt(x, lambda a, coefficient: mul(coefficient, size) if a == atom else None)


def solved(x: Extent) -> tuple[Atom, int, Extent] | None:
    """(atom, unit, value): that x is 0 says that unit times the atom is the value; None when it says this
    of no atom.

    The atom is that of the term with the least coefficient, a symbol if possible, else the function with the
    least. One that stands within another term is none: its value would hold it again.

    >>> [str(part) for part in solved(sub(mul(6, sym("n0")), add(mul(4, sym("n1")), 2)))]
    ['n1', '2', '3*n0 - 1']
    """
    if isinstance(x, int):
        return None
    x = _primitive(x)
    whole = [(a, c) for a, c in reversed(x.terms) if not any(_within(a, b) for b, _ in x.terms if b is not a)]
    least = min(abs(c) for _, c in x.terms)
    symbol = next(((a, c) for a, c in whole if isinstance(a, Sym) and abs(c) == least), None)
    functions = [(a, c) for a, c in whole if isinstance(a, Fn)]
    found = symbol or min(functions, key=lambda t: abs(t[1]), default=None)
    if found is None:
        return None
    atom, coefficient = found
    rest = sub(x, mul(coefficient, alone(atom)))
    return atom, abs(coefficient), mul(-1 if coefficient > 0 else 1, rest)


def _primitive(x: Size) -> Size:
    """x without the factor that all its terms have: what is 0 says no less without it."""
    factor = math.gcd(x.const, *(c for _, c in x.terms))
    return Size(tuple((a, c // factor) for a, c in x.terms), x.const // factor)


def _within(atom: Atom, other: Atom) -> bool:
    """Whether an atom stands in another, at any depth."""
    if isinstance(other, Sym) or set(symbols(atom)).isdisjoint(symbols(other)):
        return atom == other
    sizes = [a for a in other.args if isinstance(a, Size)]
    return any(a == atom or _within(atom, a) for size in sizes for a, _ in size.terms)


def evaluate(x: Extent, values: Mapping[Sym, int]) -> Extent:
    """The number x stands for; ``values`` maps symbols to ints."""
    return substitute(x, values)


def parse(text: str) -> Extent:
    """The size a text like ``max(n0 - 1, 0)`` stands for: the inverse of str()."""
    return _from_ast(ast.parse(text.strip(), mode="eval").body)


_BINARY = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: div, ast.Mod: mod}


def _from_ast(node: ast.expr) -> Extent:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        return sym(node.id)
    if isinstance(node, ast.UnaryOp):
        return mul(-1, _from_ast(node.operand))
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_from_ast(node.left), _from_ast(node.right))
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError(
            f"{ast.unparse(node)!r} is no size: sizes are made of ints, symbols, + - * // % min max"
        )
    return {"min": minimum, "max": maximum}[node.func.id](*map(_from_ast, node.args))
