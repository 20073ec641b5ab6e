"""Nests as text; nest_parse.py reads it back, and equal nests have equal texts.

    nest <n0> (low: int64, high: int64; v0: const float64*, v1: float64*) {
      for i in low .. high simd {
        let x0: float64 = f.v0[i]
        let t0: float64 = exp(x0)
        f.v1[i] = t0
      }
    }

The head has what the nest reads and does not make: sizes, names, and members of the frame, which are
``f.name`` in the text. ``var`` is a let that is changed later, ``1.0:float64`` a literal, ``float32(x)`` a
cast, ``out(x)`` an argument through which a call writes. A scalar op says the dtypes of its operands where
these do not: ``add:float32,float32(x0 + 1, x1)``.
"""

from tgen.core.dtypes import DTYPE
from tgen.ir.text import attrs_text, literal

from .c import ANYTHING, ATOM, BINARY, CALL, CHOICE, TIGHT, UNARY
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
    walk,
)


def to_text(nodes):
    """The text of a nest: its head and its statements.

    >>> i = Name("i")
    >>> v1 = Field("v1", "int64", pointer=True)
    >>> print(to_text((For(i, Int(0), Symbol("n0"), (Set(Load(v1, i), i),)),)), end="")
    nest <n0> (; v1: int64*) {
      for i in 0 .. n0 {
        f.v1[i] = i
      }
    }
    """
    sizes, names, fields = free(nodes)
    shown = [f"{', '.join(map(declared, names))}; {', '.join(map(_member, fields))}".strip("; ")]
    if fields and not names:
        shown = [f"; {shown[0]}"]
    head = f"nest <{', '.join(s.name for s in sizes)}> ({shown[0]}) {{"
    return "\n".join([head, *statements(nodes, "  "), "}", ""])


def free(nodes):
    """(sizes, names, members of the frame) that a nest reads and does not make, in the order of its text."""
    sizes, names, fields, made = {}, {}, {}, set()
    for node in walk(nodes):
        if isinstance(node, (Let, Local)):
            made.add(node.name.text)
        elif isinstance(node, For):
            made.add(node.var.text)
        elif isinstance(node, Symbol):
            sizes[node.name] = node
        elif isinstance(node, Field):
            fields[node.name] = node
        elif isinstance(node, Name) and node.text not in made:
            names[node.text] = node
    return list(sizes.values()), list(names.values()), list(fields.values())


def kind(node):
    """The type of a name or a member: ``const float64*``."""
    return f"{'const ' if node.const else ''}{node.dtype}{'*' if node.pointer else ''}"


def declared(name):
    return f"{name.text}: {kind(name)}"


def _member(field):
    return f"{field.name}: {kind(field)}{f'[{field.count}]' if field.count else ''}"


def statements(nodes, margin=""):
    """The lines of statements; as deep as they are nested."""
    lines = []
    for node in nodes:
        lines += [margin + line for line in _STATEMENT[type(node)](node)]
    return lines


def _let(node):
    word = "var" if node.changed else "let"
    return [f"{word} {declared(node.name)} = {expression(node.value)}"]


def _for(node):
    step = f" by {node.step}" if node.step != 1 else ""
    together = ""
    if node.simd is not None:
        clauses = ", ".join(f"{op} {name.text}" for op, name in node.simd)
        together = f" simd({clauses})" if clauses else " simd"
    bounds = f"{expression(node.low)} .. {expression(node.high)}"
    return [f"for {node.var.text} in {bounds}{step}{together} {{", *statements(node.body, "  "), "}"]


def _if(node):
    lines = [f"if {expression(node.condition)} {{", *statements(node.body, "  ")]
    if node.other:
        lines += ["} else {", *statements(node.other, "  ")]
    return [*lines, "}"]


_STATEMENT = {
    Let: _let,
    Local: lambda s: [f"local {s.name.text}: {s.name.dtype}[{s.count}]"],
    Set: lambda s: [f"{expression(s.target)} {s.op}= {expression(s.value)}"],
    Do: lambda s: [f"do {expression(s.call)}"],
    If: _if,
    For: _for,
}


# -- expressions ---------------------------------------------------------------------------------------------


def expression(e):
    return _text(e, ANYTHING)


def _text(e, least):  # as deep as an expression is nested
    """The text of ``e`` as an operand of what binds as tightly as ``least``."""
    text, binds = _EXPRESSION[type(e)](e)
    return f"({text})" if binds < least else text


def _all(nodes):
    return ", ".join(map(expression, nodes))


def _const(e):
    value = DTYPE[e.dtype].python(e.value)
    return f"{literal(value)}:{e.dtype}", ATOM


def _un(e):
    return f"{e.op}{_text(e.x, ATOM if isinstance(e.x, (Un, Const, Int)) else UNARY)}", UNARY


def _bin(e):
    binds = BINARY[e.op]
    sign = e.op if e.op in TIGHT else f" {e.op} "
    return f"{_text(e.x, binds)}{sign}{_text(e.y, binds + 1)}", binds


def _select(e):
    return f"{_text(e.condition, CHOICE + 1)} ? {_text(e.x, CHOICE + 1)} : {_text(e.y, CHOICE)}", CHOICE


def dtype_of(e):
    """The dtype of an operand that says it itself; None of any other."""
    if isinstance(e, (Name, Const, Field, Cast)):
        return e.dtype
    return "int64" if isinstance(e, (Int, Symbol)) else None


def _scalar(e):
    said = "" if tuple(map(dtype_of, e.args)) == e.dtypes else ":" + ",".join(e.dtypes)
    return f"{e.op.name}{said}{attrs_text(e.attrs).strip()}({_all(e.args)})", CALL


_EXPRESSION = {
    Const: _const,
    Int: lambda e: (str(e.value), UNARY if e.value < 0 else ATOM),
    Name: lambda e: (e.text, ATOM),
    Field: lambda e: (f"f.{e.name}", ATOM),
    Symbol: lambda e: (e.name, ATOM),
    Host: lambda e: ("host", ATOM),
    Address: lambda e: (f"&{_text(e.target, UNARY)}", UNARY),
    Braces: lambda e: (f"{{{_all(e.values)}}}", ATOM),
    Load: lambda e: (f"{_text(e.pointer, CALL)}[{expression(e.index)}]", CALL),
    Un: _un,
    Bin: _bin,
    Cast: lambda e: (f"{e.dtype}({expression(e.x)})", CALL),
    Select: _select,
    Out: lambda e: (f"out({expression(e.x)})", CALL),
    Call: lambda e: (f"{e.function}({_all(e.args)})", CALL),
    Scalar: _scalar,
}
