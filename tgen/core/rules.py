"""Rewrite rules: a pattern in text, what it becomes, and how a pattern is met. Graph and IR read the same
rules.

    rule("x_times_one", "mul(x, 1)", "x")

In a pattern ``x y z`` match any value (the same one wherever the name stands again), ``c d`` a constant all
of whose elements are equal, a number such a constant equal to it (``0`` is not ``-0.0``, ``True`` is a
bool's), ``op(..)`` an application of that op, ``view(op(..))`` one seen through any number of dimshuffles and
casts between floats; commutative operands match in both orders. Views and casts of constants count as
constants.
The replacement is text of the same form, or a function of the Match that returns a value (None: the rule does
not apply).

Three more names match a value by what is known of its logarithm (``Rewriter.growth``): ``u w`` one that is
made of exponentials and may overflow, ``e f`` that or one of bounded probabilities, which may underflow, ``p
q`` these or a positive number. For all of them ``log(..)`` in the replacement is rewritten in turn until no
exponential is left to overflow.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np

from .dtypes import is_float, is_int
from .op import OPS
from .values import Application, Typed

if TYPE_CHECKING:
    from .op import Attrs, Op
    from .types import TensorType

Pattern: TypeAlias = tuple[Any, ...]  # nested tuples, see ``tree``
Bound: TypeAlias = dict[str, Any]  # what the names of a pattern stand for: values, and numbers
Order: TypeAlias = tuple[Any, ...]  # of a dimshuffle: an axis or "x" each
V = TypeVar("V", bound=Typed)
A = TypeVar("A", bound=Application)
K = TypeVar("K")

FLOAT, INTEGER, BOOL, ANY = "float", "integer", "bool", "any"
NUMBER, BOUNDED, GROWS = (
    1,
    2,
    3,
)  # what is known of a value's log: a positive number, a probability, an exponential
DEPTH = (
    16  # how often a replacement may be rewritten in turn; also how deep views above a constant are followed
)
_KINDS = {FLOAT: is_float, INTEGER: is_int, BOOL: lambda dtype: dtype == "bool", ANY: lambda dtype: True}
VIEWED: set[str] = set()  # the ops that stand under a view in some rule
# name of an op -> the stable identities whose pattern is an application of it; filled by ops/stable.py
IDENTITIES: dict[str, list[Rule]] = {}
_NAMES = {"c": "const", "d": "const"}
_LEAST = {"p": NUMBER, "q": NUMBER, "e": BOUNDED, "f": BOUNDED, "u": GROWS, "w": GROWS}


@dataclass(frozen=True)
class Rule:
    """``dtypes`` says which dtypes of the last operand the rule is for; ``example``: texts of functions it
    changes, for the tests of rules whose ops have attributes."""

    name: str
    pattern: Pattern
    make: Pattern | Callable[[Match], Any]
    dtypes: str = ANY
    when: Callable[[Match], Any] | None = None
    example: tuple[str, ...] = ()
    text: str = ""
    # op of the replacement -> attributes, a function of the Match
    attrs: Mapping[str, Callable[[Match], Attrs]] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()  # what the operands of the root must be, asked first: see ``hints``


def rule(
    name: str,
    pattern: str,
    make: str | Callable[[Match], Any],
    dtypes: str = ANY,
    when: Callable[[Match], Any] | None = None,
    example: str | Sequence[str] = (),
    attrs: Mapping[str, Callable[[Match], Attrs]] | None = None,
) -> Rule:
    """One line of a table; ``when(match)`` is a further condition."""
    root, replacement = tree(pattern), tree(make) if isinstance(make, str) else make
    needs = frozenset(_hint(part) for part in root[2] if part[0] != "var")
    if len(root[2]) > 1 and len(set(root[2])) == 1:
        needs = needs.union(("alike",))
    example = (example,) if isinstance(example, str) else tuple(example)
    text = f"{pattern} -> {make if isinstance(make, str) else name}"
    return Rule(name, root, replacement, dtypes, when, example, text, attrs or {}, needs)


def _hint(part: Pattern) -> str:
    """What an operand is at first sight that a part of a pattern may match: an op's name, or a kind of
    values.
    """
    if part[0] == "view":
        VIEWED.add(part[1][1])
    return part[1] if part[0] == "op" else "number" if part[0] == "const" else part[0]


def tree(text: str) -> Pattern:
    """A pattern as nested tuples: ("op", name, args), ("view", op), ("var", name), ("log", name), ("const",
    name), ("number", value).

    >>> tree("mul(x, 1)")
    ('op', 'mul', (('var', 'x'), ('number', 1)))
    """
    return _tree(ast.parse(text, mode="eval").body)


def _tree(node: ast.expr) -> Pattern:  # as deep as the pattern's text, a few levels
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        operands = tuple(map(_tree, node.args))
        return ("view", *operands) if node.func.id == "view" else ("op", node.func.id, operands)
    if isinstance(node, ast.Name):
        return "log" if node.id in _LEAST else _NAMES.get(node.id, "var"), node.id
    return "number", ast.literal_eval(node)


@dataclass
class Match:
    """Where a rule matched: ``m["x"]`` is what a name stands for, ``instr`` the root, ``parts`` all met."""

    sweep: Any  # the Rewriter
    instr: Any
    bound: Bound = field(default_factory=dict)
    parts: tuple[Any, ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.bound[name]

    def emit(self, name: str, *operands: Any, attrs: Attrs | None = None, sizes: Sequence[Any] = ()) -> Any:
        return self.sweep.emit(OPS[name], operands, attrs or {}, sizes)

    def number(self, value: Any, type: TensorType) -> Any:
        """A constant of ``type``'s dtype in every element."""
        return self.sweep.number(value, type)

    def inner(self, value: Any) -> Any:
        """The application that defines ``value``, or None."""
        return self.sweep.definition(value)

    def part(self, name: str) -> Any:
        """The application of op ``name`` in the pattern."""
        return next(p for p in self.parts if p.op.name == name)

    @property
    def type(self) -> TensorType:
        return self.instr.result.type

    @property
    def attrs(self) -> Attrs:
        return self.instr.attrs


class _Missing(LookupError):
    """What has to be found out about another value first."""


def by_op(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """op -> the rules for its results, in their order."""
    found: dict[str, list[Rule]] = {}
    for r in rules:
        found.setdefault(r.pattern[1], []).append(r)
    return found


class Rewriter(Generic[V, A]):
    """Rules tried on one application after another; a replacement is tried again in turn.

    What is read has the fields of an IR instruction: op, operands, results, attrs, sizes. Passes
    (passes/match.py) and grad (graph/identities.py) say where it is found, and how a new one is made and
    kept.
    """

    def __init__(self, rules: Mapping[str, Sequence[Rule]], through: bool = False) -> None:
        self.rules = rules  # as ``by_op`` gives them
        self.through = through  # whether the ops that say so (Op.through) are met below moves of elements
        self.depth = 0
        self._numbers: dict[V, Any] = {}
        self._growth: dict[V, int] = {}
        self._signs: dict[V, bool] = {}

    # -- what graph and IR do each in their way
    def definition(self, value: V) -> A | None:
        """The application whose result ``value`` is; None for a parameter or constant of the graph."""
        raise LookupError

    def array_of(self, value: V) -> np.ndarray | None:
        """The array of a constant, or None."""
        raise LookupError

    def make(self, op: Op, operands: tuple[V, ...], attrs: Attrs, sizes: tuple[Any, ...]) -> A:
        """A new application, that nothing holds yet."""
        raise LookupError

    def keep(self, instr: A) -> V:
        """Put a new application in its place; its result."""
        raise LookupError

    def scalar(self, value: Any, type: TensorType) -> V:
        """A constant of rank 0."""
        raise LookupError

    def fit(self, value: V, instr: A) -> V | None:
        """``value`` in the type of what it replaces; None when it cannot be."""
        raise LookupError

    def yielded(self, value: V) -> V | None:
        """What each step of a loop yields for its row of ``value``; None where no loop made it."""
        raise LookupError

    def log_of_rows(self, value: V) -> V | None:
        """The logarithm of what a loop made, kept by the loop itself; None when it cannot be."""
        raise LookupError

    # -- applying rules
    def place(self, instr: A) -> V:
        """Keep ``instr`` or what a rule makes of it; the value that stands for its result."""
        value = self.rewritten(instr)
        return self.keep(instr) if value is None else value

    def rewritten(self, instr: A) -> V | None:
        """What a rule makes of ``instr``, or None."""
        if self.depth >= DEPTH:
            return None
        hints = self.hints(instr)
        for r in self.rules.get(instr.op.name, ()):
            value = self.apply(r, instr) if r.needs <= hints else None
            if value is not None:
                return value
        return self.apply_below(instr) if self.through else None

    def hints(self, instr: A) -> set[str]:
        """What the operands are at first sight: most rules ask for something that none of them is."""
        found = {"alike"} if len(set(instr.operands)) == 1 else set()
        for v in instr.operands:
            made = self.definition(v)
            if self.number_of(v) is not None:
                found.update(("number", "log"))
            if made is None:
                continue
            op = made.op
            found.add(op.name)
            if op.name == "dimshuffle" or op.name == "cast" or op.name in VIEWED or op.identity:
                found.add("view")
            if op.growth is not None or op.moves or op.name in ("cast", "scan"):
                found.add("log")
        return found

    def apply(self, r: Rule, instr: A) -> V | None:
        """The value ``r`` gives for ``instr``, or None."""
        match = self.matched(r, instr)
        return None if match is None else self.replace(r, match)

    def replace(self, r: Rule, match: Match) -> V | None:
        self.depth += 1
        try:
            if callable(r.make):
                value = r.make(match)
            else:
                value = self.build(r, r.make, match, match.instr.result.type)
            return self.fit(value, match.instr) if value is not None else None
        finally:
            self.depth -= 1

    def matched(self, r: Rule, instr: A) -> Match | None:
        if instr.operands and not _KINDS[r.dtypes](instr.operands[-1].type.dtype):
            return None
        for bound, parts in self.operands(r.pattern[2], instr, {}, (instr,)):
            match = Match(self, instr, bound, parts)
            if r.when is None or r.when(match):
                return match
        return None

    def apply_below(self, instr: A) -> V | None:
        """op(moves(base)) as moves(op(base)) where a rule applies to op(base).

        log(softmax(x)[i]) is log(softmax(x))[i].
        """
        through = instr.op.through
        if through is None:
            return None
        chain, base = self.moves_above(instr.operands[0])
        below = self.definition(base)
        if not chain or below is None:
            return None
        known = instr.op.name == "log" and self.growth(base) >= BOUNDED
        if not known and below.op.name not in through:
            return None
        value = self.rewritten(self.make(instr.op, (base,), instr.attrs, ()))
        return None if value is None else self.replay(chain, value, instr)

    def moves_above(self, value: V) -> tuple[list[A], V]:
        """(applications that only move elements, outermost first; the value below them)."""
        chain: list[A] = []
        while len(chain) < DEPTH and self.yielded(value) is None:
            instr = self.definition(value)
            if instr is None or not (moves(instr) or narrows(instr)):
                break
            chain.append(instr)
            value = instr.operands[0]
        return chain, value

    def replay(self, chain: Sequence[A], value: V, instr: A) -> V:
        for i in reversed(chain):
            value = self.emit(i.op, (value, *i.operands[1:]), i.attrs, i.sizes)
        return value

    # -- matching
    def operands(
        self, patterns: Sequence[Pattern], instr: A, bound: Bound, parts: tuple[A, ...]
    ) -> Iterator[tuple[Bound, tuple[A, ...]]]:
        """Every way to match ``instr``'s operands: (bound, applications matched)."""
        if len(patterns) != len(instr.operands):
            return
        orders = permutations(instr.operands) if instr.op.commutative else (instr.operands,)
        for order in orders:
            yield from self.all_of(tuple(zip(patterns, order)), bound, parts)

    def all_of(
        self, pairs: Sequence[tuple[Pattern, V]], bound: Bound, parts: tuple[A, ...]
    ) -> Iterator[tuple[Bound, tuple[A, ...]]]:
        # as deep as the pattern has nodes
        if not pairs:
            yield bound, parts
            return
        (pattern, value), *rest = pairs
        for more, seen in self.one(pattern, value, bound, parts):
            yield from self.all_of(rest, more, seen)

    def one(
        self, pattern: Pattern, value: V, bound: Bound, parts: tuple[A, ...]
    ) -> Iterator[tuple[Bound, tuple[A, ...]]]:
        kind = pattern[0]
        if kind == "op":
            instr = self.definition(value)
            if instr is not None and instr.op.name == pattern[1] and len(instr.results) == 1:
                yield from self.operands(pattern[2], instr, bound, (*parts, instr))
        elif kind == "view":
            yield from self.one(pattern[1], self.below(value, pattern[1][1]), bound, parts)
        elif kind == "var":
            if bound.get(pattern[1], value) is value:
                yield {**bound, pattern[1]: value}, parts
        elif kind == "log":
            if is_float(value.type.dtype) and self.growth(value) >= _LEAST[pattern[1]]:
                yield {**bound, pattern[1]: value}, parts
        elif kind == "const":
            number = self.number_of(value)
            if number is not None and same(bound.get(pattern[1], number), number):
                yield {**bound, pattern[1]: number}, parts
        else:
            number = self.number_of(value)
            if number is not None and is_literal(number, pattern[1]):
                yield bound, parts

    def below(self, value: V, name: str) -> V:
        """The value under dimshuffles and casts between floats; to a max, a mere shift, under stops too."""
        return self._under(value, None, name == "max")[0]

    def order_to(self, value: V, base: V, stops: bool = False) -> Order | None:
        """For each axis of ``value``, a view of ``base``, the axis of base it is or "x"; None for no view."""
        return self._under(value, base, stops)[1]

    def _under(self, value: V, base: V | None, stops: bool) -> tuple[V, Order | None]:
        """(what ``value`` is a view of, for each axis which one of that it is, None if that is not base)."""
        order: Order = tuple(range(value.type.ndim))
        for _ in range(DEPTH):
            if base is not None and (value is base or self.alike(value, base)):
                return base, order
            instr = self.definition(value)
            if instr is not None and instr.op.name == "dimshuffle":
                order = tuple("x" if a == "x" else instr.attrs["order"][a] for a in order)
            elif instr is None or not (narrows(instr) or stops and instr.op.identity):
                break
            value = instr.operands[0]
        return value, None

    def alike(self, a: V, b: V, limit: int = 16) -> bool:
        """Whether two values are made in the same way of the same values, as far as ``limit`` steps tell."""
        waiting = [(a, b)]
        for _ in range(limit):
            if not waiting:
                return True
            a, b = waiting.pop()
            if a is b:
                continue
            first, second = self.definition(a), self.definition(b)
            if first is None or second is None or first.op is not second.op or first.attrs != second.attrs:
                return False
            if (
                len(first.results) != 1
                or not first.op.effect.merges
                or len(first.operands) != len(second.operands)
            ):
                return False
            if a.type.dtype != b.type.dtype or any(x is not y for x, y in zip(first.sizes, second.sizes)):
                return False
            waiting += zip(first.operands, second.operands)
        return False

    # -- what is known of a value
    def number_of(self, value: V) -> Any:
        """The NumPy scalar that every element of ``value`` is, or None; views of constants count."""
        if value not in self._numbers:
            self._numbers[value] = self._find_number(value)
        return self._numbers[value]

    def _find_number(self, value: V) -> Any:
        chain = []
        for _ in range(DEPTH):
            array = self.array_of(value)
            if array is not None:
                break
            instr = self.definition(value)
            if instr is None or not (instr.op.name == "cast" or moves(instr)):
                return None
            chain.append(instr)
            value = instr.operands[0]
        else:
            return None
        number = uniform(array)
        for i in reversed(chain):
            if i.op.name == "cast" and number is not None:
                number = i.op.eval(i.attrs, (), np.asarray(number))[()]
        return number

    def growth(self, value: V) -> int:
        """What is known of a float's log: GROWS, BOUNDED or NUMBER (see above), or 0.

        An op says it by its field growth, a function of what is known of its operands (ops/known.py).
        """
        return self._known(value, self._growth, self._growth_of)

    def _growth_of(self, value: V, known: Callable[[V], int]) -> int:
        inner = self.yielded(value)
        if inner is not None:
            return known(inner)
        instr = self.definition(value)
        if instr is not None and (moves(instr) or narrows(instr)):
            return known(instr.operands[0])
        if instr is not None and instr.op.growth is not None:
            return instr.op.growth(*map(known, instr.operands))
        if instr is not None and instr.op.name == "cast":
            return (
                NUMBER
                if is_int(instr.operands[0].type.dtype) and self.is_nonnegative(instr.operands[0])
                else 0
            )
        number = self.number_of(value)
        return NUMBER if number is not None and 0 < number < math.inf else 0

    def is_nonnegative(self, value: V) -> bool:
        """Whether no element of ``value`` can be below 0 or be -0.0 (nan it may be).

        An op says it by its field nonnegative (ops/known.py).
        """
        return self._known(value, self._signs, self._sign_of)

    def _sign_of(self, value: V, known: Callable[[V], bool]) -> bool:
        instr = self.definition(value)
        if instr is not None and moves(instr):
            return known(instr.operands[0])
        if instr is not None and instr.op.nonnegative is not None:
            return bool(instr.op.nonnegative(self, instr, known))
        number = self.number_of(value)
        return (
            number is not None and bool(number >= 0 and not np.signbit(number))
            if value.type.dtype != "bool"
            else True
        )

    def _known(self, value: V, found: dict[V, K], ask: Callable[[V, Callable[[V], K]], K]) -> K:
        """``ask`` of value and, before it, of every value it asks for: no recursion."""
        if value in found:
            return found[value]

        def known(v: V) -> K:
            if v not in found:
                raise _Missing(v)
            return found[v]

        stack = [value]
        while stack:
            v = stack[-1]
            if v not in found:
                try:
                    found[v] = ask(v, known)
                except _Missing as missing:
                    stack.append(missing.args[0])
                    continue
            stack.pop()
        return found[value]

    # -- building
    def build(self, r: Rule, pattern: Pattern, match: Match, type: TensorType) -> V:
        """The value of a replacement; a number takes the dtype of what it stands beside. As deep as
        the replacement's text.
        """
        kind = pattern[0]
        if kind in ("var", "log"):
            return match[pattern[1]]
        if kind != "op":
            return self.number(pattern[1] if kind == "number" else match[pattern[1]], type)
        made = [self.build(r, a, match, type) if a[0] in ("op", "var", "log") else None for a in pattern[2]]
        beside = next((v.type for v in made if v is not None), type)
        values = [self.build(r, a, match, beside) if v is None else v for a, v in zip(pattern[2], made)]
        attrs = r.attrs[pattern[1]](match) if pattern[1] in r.attrs else {}
        return self.emit(OPS[pattern[1]], values, attrs, ())

    def emit(self, op: Op, operands: Sequence[V], attrs: Attrs, sizes: Sequence[Any]) -> V:
        return self.place(self.make(op, tuple(operands), attrs, tuple(sizes)))

    def number(self, value: Any, type: TensorType) -> V:
        """A constant, its axes static 1."""
        made = self.scalar(np.asarray(value).astype(type.dtype).item(), type)
        return (
            made
            if not type.shape
            else self.emit(OPS["dimshuffle"], (made,), {"order": ("x",) * len(type.shape)}, ())
        )


def moves(instr: Application) -> bool:
    """Whether an application only moves elements of its first operand: log(f(x)) may be taken below it."""
    return instr.op.moves and len(instr.results) == 1 and not instr.attrs.get("found")


def narrows(instr: Application) -> bool:
    """A cast between floats: it rounds, which a log may as well do afterwards."""
    return (
        instr.op.name == "cast" and is_float(instr.operands[0].type.dtype) and is_float(instr.attrs["dtype"])
    )


def uniform(array: np.ndarray) -> Any:
    """The element that all elements of an array are, bit for bit, or None."""
    if not array.size:
        return None
    flat = array.reshape(-1)
    if array.size == 1:
        return flat[0]
    first = flat[:1]
    if array.dtype.kind == "f":
        bits: np.ndarray = flat.view(f"u{array.dtype.itemsize}")
        return flat[0] if (bits == bits[0]).all() else None
    return flat[0] if (flat == first).all() else None


def is_literal(number: Any, wanted: float) -> bool:
    """Whether a NumPy scalar is a pattern's number: equal, zeros of one sign, and a bool only for a bool."""
    if isinstance(wanted, bool) or number.dtype == bool:
        return isinstance(wanted, bool) and number.dtype == bool and bool(number) is wanted
    if number != wanted:
        return False
    if number.dtype.kind != "f":
        return not (isinstance(wanted, float) and wanted == 0 and math.copysign(1, wanted) < 0)
    return bool(np.signbit(number)) == (math.copysign(1, wanted) < 0)


def same(a: Any, b: Any) -> bool:
    return a is b or a.dtype == b.dtype and a.tobytes() == b.tobytes()
