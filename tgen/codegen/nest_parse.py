"""The text of a nest -> the Nest; nest_text.py describes it. As deep as the nest is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from tgen.core import dims
from tgen.core.dims import Extent
from tgen.core.dtypes import DTYPE
from tgen.core.op import OPS
from tgen.ir.tokens import Tokens, split_commas

from .c import BINARY
from .names import dense_strides
from .nest import (
    PAIRS,
    Accumulate,
    Accumulator,
    Address,
    Band,
    Begin,
    Bin,
    Braces,
    Call,
    Cast,
    Close,
    Const,
    Do,
    Expression,
    Expressions,
    Field,
    For,
    Gathered,
    Half,
    Host,
    If,
    Int,
    Let,
    Load,
    Local,
    Name,
    Nest,
    Out,
    Pair,
    Scalar,
    Select,
    Set,
    Statement,
    Statements,
    Subscript,
    Symbol,
    Target,
    Un,
)
from .nest_text import dtype_of
from .reductions import variables

T = TypeVar("T")
_DTYPES = "|".join(sorted(DTYPE, key=len, reverse=True))
_TOKEN = re.compile(
    rf"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<const>(?:-?(?:nan\(0x[0-9a-f]+\)|nan|inf|\d[\d.]*(?:e[+-]?\d+)?)|True|False):(?:{_DTYPES}))\b
  | (?P<field>f\.\w+)
  | (?P<part>\.[xy]\b)
  | (?P<sizes>(?:of|over)\ \[[^\]]*\])
  | (?P<int>-?\d+\b)
  | (?P<typed>[a-z]\w*:(?:{_DTYPES})(?:,(?:{_DTYPES}))*(?=[({{]))
  | (?P<name>[A-Za-z_]\w*)
  | (?P<attrs>\{{\w+=(?!=)[^{{}}]*\}})
  | (?P<sign><=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.|[-+*/%<>&^|!?:(){{}}\[\],;=])
""",
    re.VERBOSE,
)


def parse(text: str) -> Nest:
    """The Nest that ``text`` is. Raises ValueError, with the line, for text that is none.

    >>> parse("nest <n0> (; v1: int64*) { for i in 0 .. n0 { f.v1[i] = i } }").body[0].high
    Symbol(name='n0')
    """
    reader = _Reader(text)
    try:
        return reader.nest()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"line {reader.line()}: {error}: {reader.line_text()}") from error


class _Reader:
    """A cursor over the tokens, and the names and members that stand for something so far."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[tuple[str | None, str, int]] = []  # kind, text, place
        self.names: dict[str, Name] = {}
        self.fields: dict[str, Field] = {}
        self.sizes: dict[str, Symbol] = {}
        # pointer -> (sizes, strides) of what it points at
        self.arrays: dict[Expression, tuple[tuple[Extent, ...], Expressions]] = {}
        self.accumulators: dict[str, Accumulator] = {}
        end = 0
        for match in _TOKEN.finditer(text):
            if match.start() != end:
                break
            end = match.end()
            if match.lastgroup != "skip":
                self.tokens.append((match.lastgroup, match.group(), match.start()))
        self.tokens.append(("end" if end == len(text) else "bad", "", end))

    def line(self) -> int:
        return self.text.count("\n", 0, self.tokens[min(self.at, len(self.tokens) - 1)][2]) + 1

    def line_text(self) -> str:
        return self.text.split("\n")[self.line() - 1].strip()

    # -- tokens
    @property
    def token(self) -> str:
        return self.tokens[self.at][1]

    def accept(self, token: str) -> bool:
        if self.token != token:
            return False
        self.at += 1
        return True

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise ValueError(f"expected {token!r}, found {self.token!r}")

    def take(self, kind: str) -> str:
        found, token, _ = self.tokens[self.at]
        if found != kind:
            raise ValueError(f"expected a {kind}, found {token!r}")
        self.at += 1
        return token

    def separated(self, close: str, read: Callable[[], T]) -> list[T]:
        """What ``read`` reads, again and again with commas between, up to ``close``."""
        found = []
        while not self.accept(close):
            found.append(read())
            if not self.accept(","):
                self.expect(close)
                break
        return found

    # -- the head
    def nest(self) -> Nest:
        self.expect("nest")
        self.expect("<")
        self.sizes = {name: Symbol(name) for name in self.separated(">", lambda: self.take("name"))}
        self.expect("(")
        while self.token not in (";", ")"):
            self.declared()
            self.accept(",")
        if not self.accept(")"):
            self.expect(";")
            self.separated(")", self.member)
        extent: Expression = Int(1)
        if self.accept("in"):
            extent = self.expression()
            self.expect("pieces")
        nodes = self.block()
        if self.tokens[self.at][0] != "end":
            raise ValueError(f"unexpected {self.token!r}")
        return Nest(nodes, extent)

    def declared(self) -> Name:
        """``name: type``, a Name from here on."""
        text = self.take("name")
        name = self.names[text] = Name(text, *self.kind())
        return name

    def kind(self) -> tuple[str, bool, bool]:
        """(dtype, pointer, const)"""
        self.expect(":")
        const = self.accept("const")
        return self.take("name"), self.accept("*"), const

    def member(self) -> None:
        name = self.take("name")
        kind, count = self.kind(), None
        if self.accept("["):
            count = self.take("name")
            self.expect("]")
        field = self.fields[name] = Field(name, *kind, count)
        self.array(field)

    def array(self, pointer: Expression) -> None:
        """``of [sizes] by [strides]``, if it stands here, is what the pointer points at."""
        if self.tokens[self.at][0] == "sizes":
            self.arrays[pointer] = self.shape()

    def shape(self) -> tuple[tuple[Extent, ...], Expressions]:
        """(sizes, strides)"""
        sizes = self.bracketed()
        if not self.accept("by"):
            return sizes, tuple(dense_strides(sizes))
        self.expect("[")
        return sizes, tuple(self.separated("]", self.expression))

    def bracketed(self) -> tuple[Extent, ...]:
        """The sizes in brackets."""
        text = self.take("sizes")
        return tuple(map(dims.parse, split_commas(text[text.index("[") + 1 : -1])))

    # -- statements
    def block(self) -> Statements:
        self.expect("{")
        nodes = []
        while not self.accept("}"):
            nodes.append(self.statement())
        return tuple(nodes)

    def statement(self) -> Statement:
        word = self.token
        if word in _STATEMENTS:
            self.at += 1
            return _STATEMENTS[word](self)
        target = target_of(self.expression())
        op = self.take("sign")
        if not op.endswith("="):
            raise ValueError(f"expected an assignment, found {op!r}")
        return Set(target, self.expression(), op[:-1])

    def let(self, changed: bool = False) -> Let:
        text = self.take("name")
        name = Name(text, *self.kind())
        self.array(name)
        self.expect("=")
        value = self.expression()
        self.names[text] = name
        return Let(name, value, changed)

    def local(self) -> Local:
        text = self.take("name")
        self.expect(":")
        name = self.names[text] = Name(text, self.take("name"), True)
        self.expect("[")
        count = int(self.take("int"))
        self.expect("]")
        return Local(name, count)

    def loop(self) -> For:
        text = self.take("name")
        self.expect("in")
        low = self.expression()
        self.expect("..")
        high = self.expression()
        step, together = int(self.take("int")) if self.accept("by") else 1, None
        if self.accept("simd"):
            together = tuple(self.separated(")", self.clause)) if self.accept("(") else ()
        var = self.names[text] = Name(text)
        return For(var, low, high, self.block(), together, step)

    def band(self) -> Band:
        axes = []
        while self.tokens[self.at][0] == "name":
            axes.append(Name(self.take("name")))
            self.accept(",")
        self.names.update((axis.text, axis) for axis in axes)
        sizes = self.bracketed()
        return Band(tuple(axes), sizes, self.block())

    def begin(self) -> Begin:
        text = self.take("name")
        at = Name(text, *self.kind())
        self.expect("=")
        kind = self.take("name")
        index = self.expression() if self.accept("at") else None
        rounded = self.take("name") if self.accept("as") else None
        paired = self.accept("in")
        if paired:
            self.expect("pairs")
        a = self.accumulators[text] = Accumulator(kind, at.dtype, at, index, rounded, paired)
        self.names.update((name.text, name) for name in variables(a))
        return Begin(a)

    def reduce(self) -> Accumulate:
        at = self.expression()
        if isinstance(at, Name):
            a = self.accumulators[at.text]
        elif isinstance(at, Load) and isinstance(at.pointer, (Name, Field)):
            self.expect(":")
            a = Accumulator(self.take("name"), at.pointer.dtype, at)
        else:
            raise ValueError(f"expected an accumulator, found {at}")
        self.expect("by")
        partial = self.accept("partial")
        return Accumulate(a, self.expression(), partial)

    def clause(self) -> tuple[str, Name]:
        op = self.token
        self.at += 1
        return op, self.names[self.take("name")]

    def choice(self) -> If:
        condition = self.expression()
        body = self.block()
        return If(condition, body, self.block() if self.accept("else") else ())

    def do(self) -> Do:
        call = self.expression()
        if not isinstance(call, Call):
            raise ValueError(f"expected a call, found {call}")
        return Do(call)

    # -- expressions
    def expression(self) -> Expression:
        condition = self.binary(0)
        if not self.accept("?"):
            return condition
        x = self.binary(0)
        self.expect(":")
        return Select(condition, x, self.expression())

    def binary(self, least: int) -> Expression:
        """Operators that bind more tightly than ``least``."""
        x = self.unary()
        while BINARY.get(self.token, 0) > least:
            op = self.token
            self.at += 1
            x = Bin(op, x, self.binary(BINARY[op]))
        return x

    def unary(self) -> Expression:
        for op in ("-", "!"):
            if self.accept(op):
                return Un(op, self.unary())
        if self.accept("&"):
            return Address(target_of(self.unary()))
        x = self.atom()
        while self.token == "[" or self.tokens[self.at][0] == "part":
            if not self.accept("["):
                x = Half(x, "xy".index(self.take("part")[1]))
                continue
            indices = tuple(self.separated("]", self.expression))
            if x in self.arrays:
                x = Load(x, Subscript(indices, *self.arrays[x]))
            else:
                (index,) = indices
                x = Load(x, index)
        return x

    def atom(self) -> Expression:
        kind, token, _ = self.tokens[self.at]
        self.at += 1
        if token == "(":
            x = self.expression()
            self.expect(")")
            return x
        if token == "{":
            return Braces(tuple(self.separated("}", self.expression)))
        if kind == "const":
            text, _, dtype = token.rpartition(":")
            return Const(DTYPE[dtype].python(Tokens(text).literal()), dtype)
        if kind == "int":
            return Int(int(token))
        if kind == "field":
            return self.fields[token[2:]]
        if kind in ("name", "typed"):
            return self.named(token)
        raise ValueError(f"expected an expression, found {token!r}")

    def named(self, token: str) -> Expression:
        word, _, said = token.partition(":")
        if word == "const" or ((word in DTYPE or word in PAIRS) and self.token == "*"):
            return self.pointer_cast(word)
        attrs = Tokens(self.take("attrs")).attrs() if self.tokens[self.at][0] == "attrs" else {}
        if not self.accept("("):
            if word == "host":
                return Host()
            return self.sizes[word] if word in self.sizes else self.names[word]
        if word == "subscript":
            return self.subscript()
        if word == "wrap":
            return self.wrap()
        args = tuple(self.separated(")", self.expression))
        if word == "out":
            return Out(*args)
        if word == "pair":
            return Pair(said, *args)
        if word in DTYPE:
            (x,) = args
            return Cast(word, x)
        if word in OPS:
            dtypes = said.split(",") if said else [dtype for dtype in map(dtype_of, args) if dtype]
            if len(dtypes) != len(args):
                raise ValueError(f"expected {word}:dtypes, for its operands do not say theirs")
            return Scalar(OPS[word], tuple(dtypes), args, attrs)
        return Call(word, args)

    def pointer_cast(self, word: str) -> Cast:
        const = word == "const"
        dtype = self.take("name") if const else word
        self.expect("*")
        self.expect("(")
        x = self.expression()
        self.expect(")")
        return Cast(dtype, x, True, const)

    def subscript(self) -> Subscript:
        indices = []
        while self.tokens[self.at][0] != "sizes":
            indices.append(self.expression())
            self.accept(",")
        shape = self.shape()
        self.expect(")")
        return Subscript(tuple(indices), *shape)

    def wrap(self) -> Gathered:
        name = Name(self.take("name"))
        self.names[name.text] = name
        self.expect(",")
        index, size = self.separated(")", self.expression)
        return Gathered(name, index, size)


def target_of(e: Expression) -> Target:
    """``e``. Raises ValueError when it is nothing that can be set."""
    if isinstance(e, (Name, Field, Symbol, Load)):
        return e
    raise ValueError(f"expected a variable or an element, found {e}")


_STATEMENTS: dict[str, Callable[[_Reader], Statement]] = {
    "let": _Reader.let,
    "var": lambda reader: reader.let(changed=True),
    "local": _Reader.local,
    "for": _Reader.loop,
    "if": _Reader.choice,
    "band": _Reader.band,
    "begin": _Reader.begin,
    "reduce": _Reader.reduce,
    "close": lambda reader: Close(reader.accumulators[reader.take("name")]),
    "do": _Reader.do,
}
