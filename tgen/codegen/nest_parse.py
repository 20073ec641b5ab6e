"""The text of a nest -> its statements; nest_text.py describes it. As deep as the nest is."""

import re

from tgen.core.dtypes import DTYPE
from tgen.core.op import OPS
from tgen.ir.tokens import Tokens

from .c import BINARY
from .nest import (
    Address,
    Bin,
    Braces,
    Call,
    Cast,
    Const,
    Do,
    Field,
    For,
    Host,
    If,
    Int,
    Let,
    Load,
    Local,
    Name,
    Out,
    Scalar,
    Select,
    Set,
    Symbol,
    Un,
)
from .nest_text import dtype_of

_DTYPES = "|".join(sorted(DTYPE, key=len, reverse=True))
_TOKEN = re.compile(
    rf"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<const>(?:-?(?:nan\(0x[0-9a-f]+\)|nan|inf|\d[\d.]*(?:e[+-]?\d+)?)|True|False):(?:{_DTYPES}))\b
  | (?P<field>f\.\w+)
  | (?P<int>-?\d+\b)
  | (?P<typed>[a-z]\w*:(?:{_DTYPES})(?:,(?:{_DTYPES}))*(?=[({{]))
  | (?P<name>[A-Za-z_]\w*)
  | (?P<attrs>\{{\w+=(?!=)[^{{}}]*\}})
  | (?P<sign><=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.|[-+*/%<>&^|!?:(){{}}\[\],;=])
""",
    re.VERBOSE,
)


def parse(text):
    """The statements of the nest that ``text`` is. Raises ValueError, with the line, for text that is none.

    >>> parse("nest <n0> (; v1: int64*) { for i in 0 .. n0 { f.v1[i] = i } }")[0].high
    Symbol(name='n0')
    """
    reader = _Reader(text)
    try:
        return reader.nest()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"line {reader.line()}: {error}: {reader.line_text()}") from error


class _Reader:
    """A cursor over the tokens, and the names and members that stand for something so far."""

    def __init__(self, text):
        self.text, self.at, self.tokens = text, 0, []
        self.names, self.fields, self.sizes = {}, {}, {}
        end = 0
        for match in _TOKEN.finditer(text):
            if match.start() != end:
                break
            end = match.end()
            if match.lastgroup != "skip":
                self.tokens.append((match.lastgroup, match.group(), match.start()))
        self.tokens.append(("end" if end == len(text) else "bad", "", end))

    def line(self):
        return self.text.count("\n", 0, self.tokens[min(self.at, len(self.tokens) - 1)][2]) + 1

    def line_text(self):
        return self.text.split("\n")[self.line() - 1].strip()

    # -- tokens
    @property
    def token(self):
        return self.tokens[self.at][1]

    def accept(self, token):
        if self.token != token:
            return False
        self.at += 1
        return True

    def expect(self, token):
        if not self.accept(token):
            raise ValueError(f"expected {token!r}, found {self.token!r}")

    def take(self, kind):
        found, token, _ = self.tokens[self.at]
        if found != kind:
            raise ValueError(f"expected a {kind}, found {token!r}")
        self.at += 1
        return token

    def separated(self, close, read):
        """What ``read`` reads, again and again with commas between, up to ``close``."""
        found = []
        while not self.accept(close):
            found.append(read())
            if not self.accept(","):
                self.expect(close)
                break
        return found

    # -- the head
    def nest(self):
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
        nodes = self.block()
        if self.tokens[self.at][0] != "end":
            raise ValueError(f"unexpected {self.token!r}")
        return nodes

    def declared(self):
        """``name: type``, a Name from here on."""
        text = self.take("name")
        name = self.names[text] = Name(text, *self.kind())
        return name

    def kind(self):
        """(dtype, pointer, const)"""
        self.expect(":")
        const = self.accept("const")
        return self.take("name"), self.accept("*"), const

    def member(self):
        name = self.take("name")
        kind, count = self.kind(), None
        if self.accept("["):
            count = self.take("name")
            self.expect("]")
        self.fields[name] = Field(name, *kind, count)

    # -- statements
    def block(self):
        self.expect("{")
        nodes = []
        while not self.accept("}"):
            nodes.append(self.statement())
        return tuple(nodes)

    def statement(self):
        word = self.token
        if word in _STATEMENTS:
            self.at += 1
            return _STATEMENTS[word](self)
        target = self.expression()
        op = self.take("sign")
        if not op.endswith("="):
            raise ValueError(f"expected an assignment, found {op!r}")
        return Set(target, self.expression(), op[:-1])

    def let(self, changed=False):
        text = self.take("name")
        kind = self.kind()
        self.expect("=")
        value = self.expression()
        name = self.names[text] = Name(text, *kind)
        return Let(name, value, changed)

    def local(self):
        text = self.take("name")
        self.expect(":")
        name = self.names[text] = Name(text, self.take("name"), True)
        self.expect("[")
        count = int(self.take("int"))
        self.expect("]")
        return Local(name, count)

    def loop(self):
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

    def clause(self):
        op = self.token
        self.at += 1
        return op, self.names[self.take("name")]

    def choice(self):
        condition = self.expression()
        body = self.block()
        return If(condition, body, self.block() if self.accept("else") else ())

    # -- expressions
    def expression(self):
        condition = self.binary(0)
        if not self.accept("?"):
            return condition
        x = self.binary(0)
        self.expect(":")
        return Select(condition, x, self.expression())

    def binary(self, least):
        """Operators that bind more tightly than ``least``."""
        x = self.unary()
        while BINARY.get(self.token, 0) > least:
            op = self.token
            self.at += 1
            x = Bin(op, x, self.binary(BINARY[op]))
        return x

    def unary(self):
        for op in ("-", "!"):
            if self.accept(op):
                return Un(op, self.unary())
        if self.accept("&"):
            return Address(self.unary())
        x = self.atom()
        while self.accept("["):
            x = Load(x, self.expression())
            self.expect("]")
        return x

    def atom(self):
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

    def named(self, token):
        word, _, said = token.partition(":")
        attrs = Tokens(self.take("attrs")).attrs() if self.tokens[self.at][0] == "attrs" else {}
        if not self.accept("("):
            if word == "host":
                return Host()
            return self.sizes[word] if word in self.sizes else self.names[word]
        args = tuple(self.separated(")", self.expression))
        if word == "out":
            return Out(*args)
        if word in DTYPE:
            return Cast(word, *args)
        if word in OPS:
            return Scalar(
                OPS[word], tuple(said.split(",")) if said else tuple(map(dtype_of, args)), args, attrs
            )
        return Call(word, args)


_STATEMENTS = {
    "let": _Reader.let,
    "var": lambda reader: reader.let(changed=True),
    "local": _Reader.local,
    "for": _Reader.loop,
    "if": _Reader.choice,
    "do": lambda reader: Do(reader.expression()),
}
