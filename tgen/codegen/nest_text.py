"""Nests as text; nest_parse.py reads it back, and equal nests have equal texts.

    nest <n0> (low: int64, high: int64; v0: const float64*, v1: float64*) in n0 pieces {
      for i in low .. high simd {
        let x0: float64 = f.v0[i]
        let t0: float64 = exp(x0)
        f.v1[i] = t0
      }
    }

The head has what the nest reads and does not make: sizes, names, and members of the frame, which are
``f.name`` in the text; and in how many pieces it is dealt to parts, if it is. ``var`` is a let that is
changed later, ``1.0:float64`` a literal, ``float32(x)`` a cast and ``const float32*(x)`` one of a pointer,
``pair:float32(x, y)`` a pair and ``p.x``, ``p.y`` the numbers of one,
``out(x)`` an argument through which a call writes. A scalar op says the dtypes of its operands
where these do not: ``add:float32,float32(x0 + 1, x1)``.

What is not scheduled yet looks at arrays, whose sizes (and strides, if they are not those of C order) stand
beside the pointer, by an index for each axis:

    nest <n0, n1> (; v0: const float64* of [n0, n1], v1: float64* of [n0]) {
      band i0, i1 over [n0, n1] {
        for i0 in 0 .. n0 {
          begin acc0: float64 = sum
          for i1 in 0 .. n1 {
            let x0: float64 = f.v0[i0, i1]
            reduce acc0 by x0
          }
          close acc0
          f.v1[i0] = acc0
        }
      }
    }

``wrap(g0, x1, n0)`` is the index x1, counted from n0 where it is negative, and called g0 from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tgen.core.dims import Extent
from tgen.core.dtypes import DTYPE
from tgen.ir.text import attrs_text, literal

from .c import ANYTHING, ATOM, BINARY, CALL, CHOICE, TIGHT, UNARY, Printed
from .names import dense_strides
from .nest import (
    Accumulate,
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
    Node,
    Out,
    Pair,
    Scalar,
    Select,
    Set,
    Statement,
    Subscript,
    Symbol,
    Un,
    walk,
)
from .reductions import variables


def to_text(nest: Nest) -> str:
    """The text of a nest: its head and its statements.

    >>> i = Name("i")
    >>> v1 = Field("v1", "int64", pointer=True)
    >>> print(to_text(Nest((For(i, Int(0), Symbol("n0"), (Set(Load(v1, i), i),)),))), end="")
    nest <n0> (; v1: int64*) {
      for i in 0 .. n0 {
        f.v1[i] = i
      }
    }
    """
    nodes = nest.body
    sizes, names, fields = free((nest.extent, *nodes))
    writer = _Writer(nodes)
    inside = ", ".join(map(declared, names))
    fields.sort(key=writer.arrays.__contains__)  # strides may be members themselves, and are read first
    if fields:
        inside += f"; {', '.join(map(writer.member, fields))}"
    pieces = "" if nest.extent == Int(1) else f" in {expression(nest.extent)} pieces"
    head = f"nest <{', '.join(s.name for s in sizes)}> ({inside}){pieces} {{"
    return "\n".join([head, *writer.statements(nodes, "  "), "}", ""])


def free(nodes: Sequence[Node]) -> tuple[list[Symbol], list[Name], list[Field]]:
    """(sizes, names, members of the frame) that a nest reads and does not make, in the order of its text."""
    sizes: dict[str, Symbol] = {}
    names: dict[str, Name] = {}
    fields: dict[str, Field] = {}
    made: set[str] = set()
    for node in walk(nodes):
        if isinstance(node, (Let, Local, Gathered)):
            made.add(node.name.text)
        elif isinstance(node, For):
            made.add(node.var.text)
        elif isinstance(node, Band):
            made |= {axis.text for axis in node.axes}
        elif isinstance(node, Begin):
            made |= {name.text for name in variables(node.of)}
        elif isinstance(node, Symbol):
            sizes[node.name] = node
        elif isinstance(node, Field):
            fields[node.name] = node
        elif isinstance(node, Name) and node.text not in made:
            names[node.text] = node
    return list(sizes.values()), list(names.values()), list(fields.values())


def kind(node: Name | Field | Cast) -> str:
    """The type of a name, a member or a cast: ``const float64*``."""
    return f"{'const ' if node.const else ''}{node.dtype}{'*' if node.pointer else ''}"


def declared(name: Name) -> str:
    return f"{name.text}: {kind(name)}"


class _Writer:
    """The lines of a nest's statements; as deep as they are nested."""

    def __init__(self, nodes: Sequence[Statement]) -> None:
        # of what a pointer points at: its sizes and strides
        self.arrays = {
            node.pointer: node.index
            for node in walk(nodes)
            if isinstance(node, Load) and isinstance(node.index, Subscript)
        }

    def array(self, pointer: Expression) -> str:
        return f" {_array(self.arrays[pointer])}" if pointer in self.arrays else ""

    def member(self, field: Field) -> str:
        return f"{declared_as(field)}{f'[{field.count}]' if field.count else ''}{self.array(field)}"

    def statements(self, nodes: Iterable[Statement], margin: str = "") -> list[str]:
        lines: list[str] = []
        for node in nodes:
            lines += [margin + line for line in _STATEMENT[type(node)](self, node)]
        return lines

    def block(self, head: str, nodes: Iterable[Statement]) -> list[str]:
        return [f"{head} {{", *self.statements(nodes, "  "), "}"]

    def let(self, node: Let) -> list[str]:
        word, name = "var" if node.changed else "let", node.name
        return [f"{word} {declared(name)}{self.array(name)} = {expression(node.value)}"]

    def loop(self, node: For) -> list[str]:
        step = f" by {node.step}" if node.step != 1 else ""
        together = ""
        if node.simd is not None:
            clauses = ", ".join(f"{op} {name.text}" for op, name in node.simd)
            together = f" simd({clauses})" if clauses else " simd"
        bounds = f"{expression(node.low)} .. {expression(node.high)}"
        return self.block(f"for {node.var.text} in {bounds}{step}{together}", node.body)

    def band(self, node: Band) -> list[str]:
        axes = "".join(f"{axis.text}, " for axis in node.axes)[:-2]
        return self.block(f"band {axes} {_sizes('over', node.sizes)}".replace("  ", " "), node.body)

    def choice(self, node: If) -> list[str]:
        lines = self.block(f"if {expression(node.condition)}", node.body)
        return [*lines[:-1], *self.block("} else", node.other)] if node.other else lines


def declared_as(field: Field) -> str:
    return f"{field.name}: {kind(field)}"


def _sizes(word: str, sizes: Iterable[Extent]) -> str:
    return f"{word} [{', '.join(map(str, sizes))}]"


def _array(place: Subscript) -> str:
    """The sizes of a place's array, and its strides where they are not those of C order."""
    dense = list(place.strides) == dense_strides(place.shape)
    return _sizes("of", place.shape) + ("" if dense else f" by [{_all(place.strides)}]")


def _begin(writer: _Writer, node: Begin) -> list[str]:
    a = node.of
    index = f" at {expression(a.index)}" if a.index is not None else ""
    rounded = f" as {a.rounded}" if a.rounded else ""
    return [f"begin {declared(a.variable)} = {a.kind}{index}{rounded}{' in pairs' * a.paired}"]


def _reduce(writer: _Writer, node: Accumulate) -> list[str]:
    kind = f": {node.of.kind}" if isinstance(node.of.at, Load) else ""
    return [f"reduce {expression(node.of.at)}{kind} by {'partial ' * node.partial}{expression(node.value)}"]


_STATEMENT: dict[type, Callable[[_Writer, Any], list[str]]] = {
    Let: _Writer.let,
    Local: lambda writer, s: [f"local {s.name.text}: {s.name.dtype}[{s.count}]"],
    Set: lambda writer, s: [f"{expression(s.target)} {s.op}= {expression(s.value)}"],
    Do: lambda writer, s: [f"do {expression(s.call)}"],
    If: _Writer.choice,
    For: _Writer.loop,
    Band: _Writer.band,
    Begin: _begin,
    Accumulate: _reduce,
    Close: lambda writer, s: [f"close {s.of.variable.text}"],
}


# -- expressions ---------------------------------------------------------------------------------------------


def expression(e: Expression) -> str:
    return _text(e, ANYTHING)


def _text(e: Expression, least: int) -> str:  # as deep as an expression is nested
    """The text of ``e`` as an operand of what binds as tightly as ``least``."""
    text, binds = _EXPRESSION[type(e)](e)
    return f"({text})" if binds < least else text


def _all(nodes: Iterable[Expression]) -> str:
    return ", ".join(map(expression, nodes))


def _const(e: Const) -> Printed:
    value = DTYPE[e.dtype].python(e.value)
    return f"{literal(value)}:{e.dtype}", ATOM


def _un(e: Un) -> Printed:
    return f"{e.op}{_text(e.x, ATOM if isinstance(e.x, (Un, Const, Int)) else UNARY)}", UNARY


def _bin(e: Bin) -> Printed:
    binds = BINARY[e.op]
    sign = e.op if e.op in TIGHT else f" {e.op} "
    return f"{_text(e.x, binds)}{sign}{_text(e.y, binds + 1)}", binds


def _select(e: Select) -> Printed:
    return f"{_text(e.condition, CHOICE + 1)} ? {_text(e.x, CHOICE + 1)} : {_text(e.y, CHOICE)}", CHOICE


def dtype_of(e: Expression) -> str | None:
    """The dtype of an operand that says it itself; None of any other."""
    if isinstance(e, (Name, Const, Field, Cast)):
        return e.dtype
    return "int64" if isinstance(e, (Int, Symbol)) else None


def _load(e: Load) -> Printed:
    index = _all(e.index.indices) if isinstance(e.index, Subscript) else expression(e.index)
    return f"{_text(e.pointer, CALL)}[{index}]", CALL


def _scalar(e: Scalar) -> Printed:
    said = "" if tuple(map(dtype_of, e.args)) == e.dtypes else ":" + ",".join(e.dtypes)
    return f"{e.op.name}{said}{attrs_text(e.attrs).strip()}({_all(e.args)})", CALL


_EXPRESSION: dict[type, Callable[[Any], Printed]] = {
    Const: _const,
    Int: lambda e: (str(e.value), UNARY if e.value < 0 else ATOM),
    Name: lambda e: (e.text, ATOM),
    Field: lambda e: (f"f.{e.name}", ATOM),
    Symbol: lambda e: (e.name, ATOM),
    Host: lambda e: ("host", ATOM),
    Address: lambda e: (f"&{_text(e.target, UNARY)}", UNARY),
    Braces: lambda e: (f"{{{_all(e.values)}}}", ATOM),
    Load: _load,
    Subscript: lambda e: (f"subscript({_all(e.indices)} {_array(e)})", CALL),
    Gathered: lambda e: (f"wrap({e.name.text}, {expression(e.index)}, {expression(e.size)})", CALL),
    Un: _un,
    Bin: _bin,
    Cast: lambda e: (f"{kind(e)}({expression(e.x)})", CALL),
    Pair: lambda e: (f"pair:{e.dtype}({expression(e.x)}, {expression(e.y)})", CALL),
    Half: lambda e: (f"{_text(e.x, CALL)}.{'xy'[e.number]}", CALL),
    Select: _select,
    Out: lambda e: (f"out({expression(e.x)})", CALL),
    Call: lambda e: (f"{e.function}({_all(e.args)})", CALL),
    Scalar: _scalar,
}
