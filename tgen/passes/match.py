"""Rewrite rules: a pattern in text, what it becomes, and the sweep that applies a table of them to a block.

    rule("x_times_one", "mul(x, 1)", "x")

In a pattern ``x y z`` match any value (the same one wherever the name stands again), ``c d`` a constant all of whose
elements are equal, a number such a constant equal to it (``0`` is not ``-0.0``, ``True`` is a bool's), ``op(..)`` an
instruction; commutative operands match in both orders. Views and casts of constants count as constants. The
replacement is text of the same form, or a function of the Match that returns a value (None: the rule does not apply).
"""
import ast
import math
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from tgen.core import dims
from tgen.core.op import OPS
from tgen.core.types import is_float, is_int
from tgen.ir.interp import constant
from tgen.ir.nodes import Block, Instr, Value
from tgen.ir.rebuild import replaced, substitute

FLOAT, INTEGER, BOOL, ANY = "float", "integer", "bool", "any"
DEPTH = 8           # how often a replacement may be rewritten in turn; also how deep views above a constant are followed
_KINDS = {FLOAT: is_float, INTEGER: is_int, BOOL: lambda dtype: dtype == "bool", ANY: lambda dtype: True}


@dataclass(frozen=True)
class Rule:
    """``dtypes`` says which dtypes of the first operand the rule is for; ``example``: texts of functions it changes, for the
    tests of rules whose ops have attributes."""
    name: str
    pattern: object
    make: object
    dtypes: str = ANY
    when: object = None
    example: tuple = ()
    text: str = ""
    attrs: dict = field(default_factory=dict)       # op of the replacement -> op of the pattern whose attributes it takes


def rule(name, pattern, make, dtypes=ANY, when=None, example=(), attrs=None):
    """One line of a table; ``when(match)`` is a further condition."""
    replacement = tree(make) if isinstance(make, str) else make
    example = (example,) if isinstance(example, str) else tuple(example)
    return Rule(name, tree(pattern), replacement, dtypes, when, example, f"{pattern} -> {make if isinstance(make, str) else name}", attrs or {})


def tree(text):
    """A pattern as nested tuples: ("op", name, args), ("var", name), ("const", name), ("number", value)."""
    return _tree(ast.parse(text, mode="eval").body)


def _tree(node):        # as deep as the pattern's text, two or three levels
    if isinstance(node, ast.Call):
        return "op", node.func.id, tuple(map(_tree, node.args))
    if isinstance(node, ast.Name):
        return ("const" if node.id in "cd" else "var"), node.id
    return "number", ast.literal_eval(node)


@dataclass
class Match:
    """Where a rule matched: ``m["x"]`` is what a name stands for, ``instr`` the root, ``parts`` every instruction of the pattern."""
    sweep: object
    instr: Instr
    bound: dict = field(default_factory=dict)
    parts: list = field(default_factory=list)

    def __getitem__(self, name):
        return self.bound[name]

    def emit(self, name, *operands, attrs=None, sizes=()):
        return self.sweep.emit(OPS[name], operands, attrs or {}, sizes)

    def number(self, value, type):
        """A constant of ``type``'s dtype in every element."""
        return self.sweep.number(value, type)

    def inner(self, value):
        """The instruction that defines ``value``, or None."""
        return self.sweep.definitions.get(value)

    type = property(lambda self: self.instr.result.type)
    attrs = property(lambda self: self.instr.attrs)


class Sweep:
    """One walk over a block: each instruction is tried against the rules of its op, a replacement is tried again in turn."""

    def __init__(self, block, rules, through=None):
        self.block, self.through = block, through or {}      # through: op -> the ops it may meet below moves of elements
        self.rules = {}
        for r in rules:
            self.rules.setdefault(r.pattern[1], []).append(r)
        self.out, self.definitions, self.env, self.where = [], {}, {}, frozenset()
        self.depth, self.changed, self._numbers = 0, False, {}

    def run(self):
        """The new block; the very same when no rule applied."""
        for old in self.block.instrs:
            instr = substitute(old, self.env)
            if instr.op.name not in self.rules or len(instr.results) != 1:
                self.keep(instr)
                continue
            value = self.place(instr)
            if value is not old.result:
                self.env[old.result] = value
                self.changed = True
        if not self.changed:
            return self.block
        return Block(self.block.params, tuple(self.out), tuple(replaced(v, self.env) for v in self.block.results))

    def keep(self, instr):
        self.out.append(instr)
        self.definitions.update((v, instr) for v in instr.results)
        return instr.results[0] if instr.results else None

    def place(self, instr):
        """Put ``instr`` or what a rule makes of it; the value that stands for its result."""
        if self.depth < DEPTH:
            for r in self.rules.get(instr.op.name, ()):
                value = self.apply(r, instr)
                if value is not None:
                    return value
            if instr.op.name in self.through:
                value = self.apply_below(instr)
                if value is not None:
                    return value
        return self.keep(instr)

    def apply(self, r, instr):
        """The value ``r`` gives for ``instr``, or None; what a rule emitted in vain is taken back."""
        match = self.matched(r, instr)
        if match is None:
            return None
        mark, where = len(self.out), self.where
        self.where = instr.where.union(*(p.where for p in match.parts))
        self.depth += 1
        try:
            value = r.make(match) if callable(r.make) else self.build(r, r.make, match, instr.result.type)
            value = self.fit(value, instr.result.type) if value is not None else None
        except dims.Unequal:        # sizes that are equal only by a check: the sweep does not know it, so it leaves them
            value = None
        self.depth -= 1
        self.where = where
        if value is None:
            del self.out[mark:]
        return value

    def matched(self, r, instr):
        if instr.operands and not _KINDS[r.dtypes](instr.operands[-1].type.dtype):
            return None
        for bound, parts in self.operands(r.pattern[2], instr, {}, (instr,)):
            match = Match(self, instr, bound, parts)
            if r.when is None or r.when(match):
                return match
        return None

    def apply_below(self, instr):
        """op(moves(base)) as moves(op(base)) where a rule applies to op(base): log(softmax(x)[i]) is log(softmax(x))[i]."""
        chain, base = self.moves_above(instr.operands[0])
        below = self.definitions.get(base)
        if not chain or below is None or below.op.name not in self.through[instr.op.name]:
            return None
        result, = instr.op.infer([base.type], instr.attrs, ())
        lower = Instr(instr.op, (base,), (Value(result),), instr.attrs, (), (), instr.where)
        for r in self.rules[instr.op.name]:
            value = self.apply(r, lower)
            if value is not None:
                return self.replay(chain, value, instr)
        return None

    def moves_above(self, value):
        """(instructions that only move elements, outermost first; the value below them)."""
        chain = []
        while len(chain) < DEPTH:
            instr = self.definitions.get(value)
            if instr is None or not (moves(instr) or _narrows(instr)):
                break
            chain.append(instr)
            value = instr.operands[0]
        return chain, value

    def replay(self, chain, value, instr):
        self.where, where = instr.where.union(*(i.where for i in chain)), self.where
        for i in reversed(chain):
            value = self.emit(i.op, (value, *i.operands[1:]), i.attrs, i.sizes)
        self.where = where
        return value

    # -- matching
    def operands(self, patterns, instr, bound, parts):
        """Every way to match ``instr``'s operands: (bound, instructions matched)."""
        if len(patterns) != len(instr.operands):
            return
        orders = permutations(instr.operands) if instr.op.commutative else (instr.operands,)
        for order in orders:
            yield from self.all_of(tuple(zip(patterns, order)), bound, parts)

    def all_of(self, pairs, bound, parts):      # as deep as the pattern has nodes
        if not pairs:
            yield bound, parts
            return
        (pattern, value), *rest = pairs
        for more, seen in self.one(pattern, value, bound, parts):
            yield from self.all_of(rest, more, seen)

    def one(self, pattern, value, bound, parts):
        kind = pattern[0]
        if kind == "op":
            instr = self.definitions.get(value)
            if instr is not None and instr.op.name == pattern[1] and len(instr.results) == 1:
                yield from self.operands(pattern[2], instr, bound, (*parts, instr))
        elif kind == "var":
            if bound.get(pattern[1], value) is value:
                yield {**bound, pattern[1]: value}, parts
        elif kind == "const":
            number = self.number_of(value)
            if number is not None and same(bound.get(pattern[1], number), number):
                yield {**bound, pattern[1]: number}, parts
        else:
            number = self.number_of(value)
            if number is not None and is_literal(number, pattern[1]):
                yield bound, parts

    def number_of(self, value):
        """The NumPy scalar that every element of ``value`` is, or None; views and casts above a constant are followed."""
        if value not in self._numbers:
            self._numbers[value] = self._find_number(value)
        return self._numbers[value]

    def _find_number(self, value):
        chain = []
        for _ in range(DEPTH):
            instr = self.definitions.get(value)
            if instr is None or not (instr.op.name in ("constant", "cast") or moves(instr)):
                return None
            if instr.op.name == "constant":
                break
            chain.append(instr)
            value = instr.operands[0]
        else:
            return None
        number = uniform(constant(instr))
        for i in reversed(chain):
            if i.op.name == "cast" and number is not None:
                number = i.op.eval(i.attrs, (), np.asarray(number))[()]
        return number

    # -- building
    def build(self, r, pattern, match, type):      # as deep as the replacement's text
        """The value of a replacement; a number takes the dtype of what it stands beside."""
        kind = pattern[0]
        if kind == "var":
            return match[pattern[1]]
        if kind != "op":
            return self.number(pattern[1] if kind == "number" else match[pattern[1]], type)
        values = [self.build(r, a, match, type) if a[0] in ("op", "var") else None for a in pattern[2]]
        beside = next((v.type for v in values if v is not None), type)
        values = [self.build(r, a, match, beside) if v is None else v for a, v in zip(pattern[2], values)]
        source = r.attrs.get(pattern[1])
        attrs = next(p.attrs for p in match.parts if p.op.name == source) if source else {}
        return self.emit(OPS[pattern[1]], values, attrs, ())

    def emit(self, op, operands, attrs, sizes):
        types = op.infer([v.type for v in operands], attrs, tuple(sizes))
        return self.place(Instr(op, tuple(operands), (Value(types[0]),), attrs, tuple(sizes), (), self.where))

    def number(self, value, type):
        """A constant, its axes static 1."""
        python = np.asarray(value).astype(type.dtype).item()
        scalar = type.with_shape(())
        made = self.keep(Instr(OPS["constant"], (), (Value(scalar),), {"value": (python,)}, (), (), self.where))
        return made if not type.shape else self.emit(OPS["dimshuffle"], (made,), {"order": ("x",) * type.ndim}, ())

    def fit(self, value, type):
        """``value`` as a value of ``type``: its static-1 axes are repeated where the type's are longer; None when it cannot be."""
        if value.type == type:
            return value
        if value.type.dtype != type.dtype or value.type.ndim != type.ndim:
            raise TypeError(f"a rule gave {value.type.text()} for {type.text()}")
        if any(a != b and not (isinstance(a, int) and a == 1) for a, b in zip(value.type.shape, type.shape)):
            return None
        return self.emit(OPS["broadcast_to"], (value,), {}, type.shape)


def moves(instr):
    """Whether an instruction only moves elements of its first operand: log(f(x)) may be taken below it."""
    return bool(instr.op.extra.get("moves")) and len(instr.results) == 1 and not instr.found


def _narrows(instr):
    """A cast between floats: it rounds, which a log may as well do afterwards."""
    return instr.op.name == "cast" and is_float(instr.operands[0].type.dtype) and is_float(instr.attrs["dtype"])


def uniform(array):
    """The element that all elements of an array are, bit for bit, or None."""
    if not array.size:
        return None
    flat = array.reshape(-1)
    first = flat[:1]
    if array.dtype.kind == "f":
        bits = flat.view(f"u{array.dtype.itemsize}")
        return flat[0] if (bits == bits[0]).all() else None
    return flat[0] if (flat == first).all() else None


def is_literal(number, wanted):
    """Whether a NumPy scalar is the number of a pattern: equal, of the sign of zero, and a bool only for a bool."""
    if isinstance(wanted, bool) or number.dtype == bool:
        return isinstance(wanted, bool) and number.dtype == bool and bool(number) is wanted
    if number != wanted:
        return False
    if number.dtype.kind != "f":
        return not (isinstance(wanted, float) and wanted == 0 and math.copysign(1, wanted) < 0)
    return bool(np.signbit(number)) == (math.copysign(1, wanted) < 0)


def same(a, b):
    return a is b or a.dtype == b.dtype and a.tobytes() == b.tobytes()
