"""C of expressions: the only place that knows how one is written, and where brackets are needed.

    Bin("*", Bin("+", i, Int(1)), n0)   ->   (i + 1)*n0

Statements, functions and files are laid out by templates, with ``expression`` as a filter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from tgen.core.dtypes import DTYPE, DType
from tgen.ops.declare import c_text

from .nest import (
    PAIRS,
    Address,
    Ask,
    Bin,
    Braces,
    Call,
    Cast,
    Const,
    Expression,
    Field,
    For,
    Half,
    Host,
    Int,
    Listed,
    Load,
    Member,
    Name,
    Out,
    Pair,
    Scalar,
    Select,
    Symbol,
    Un,
)

Printed: TypeAlias = tuple[str, int]  # an expression's text, and how tightly it binds
ATOM, CALL, UNARY, CHOICE, ANYTHING = 15, 14, 13, 2, 0
BINARY = {
    "*": 12, "/": 12, "%": 12, "+": 11, "-": 11, "<": 9, "<=": 9, ">": 9, ">=": 9, "==": 8, "!=": 8,
    "&": 7, "^": 6, "|": 5, "&&": 4, "||": 3,
}  # fmt: skip
# where people read precedence wrongly and compilers warn: operands are bracketed below this
CLEAR = {"&": 12, "^": 12, "|": 12, "||": 5}
TIGHT = ("*", "/", "%")  # written without spaces
SHORT = 6  # so many characters of a decimal at most: 0.5, 1e-05


def expression(e: Expression, frame: bool = False) -> str:
    """The C of an expression. Sizes are local names, or with ``frame`` members of the frame."""
    return _text(e, frame, ANYTHING)


def _text(e: Expression, frame: bool, least: int) -> str:  # as deep as an expression is nested
    """The C of ``e`` as an operand of what binds as tightly as ``least``."""
    text, binds = _PRINTED[type(e)](e, frame)
    return f"({text})" if binds < least else text


def _const(e: Const, frame: bool) -> Printed:
    text = told(e.value, e.dtype)
    return text, UNARY if text.startswith("-") else ATOM


def _int(e: Int, frame: bool) -> Printed:
    text = str(e.value) if abs(e.value) < 2**31 else f"INT64_C({e.value})"
    return text, UNARY if e.value < 0 else ATOM


def _load(e: Load, frame: bool) -> Printed:
    return f"{_text(e.pointer, frame, CALL)}[{_text(e.index, frame, ANYTHING)}]", CALL


def _un(e: Un, frame: bool) -> Printed:
    return f"{e.op}{_text(e.x, frame, ATOM if isinstance(e.x, (Un, Const, Int)) else UNARY)}", UNARY


def _bin(e: Bin, frame: bool) -> Printed:
    binds = BINARY[e.op]
    least = CLEAR.get(e.op, binds)
    # of a product of sizes the order is free, so it is written as one
    right = least if e.op == "*" and _is_product(e.y) else least + 1
    sign = e.op if e.op in TIGHT else f" {e.op} "
    left, other = _text(e.x, frame, least), _text(e.y, frame, right)
    if e.op in CLEAR and isinstance(e.x, Bin) and e.x.op == e.op:
        left = _text(e.x, frame, binds)
    return f"{left}{sign}{other}", binds


def _is_product(e: Expression) -> bool:
    return isinstance(e, Bin) and e.op == "*"


def _cast(e: Cast, frame: bool) -> Printed:
    const, star = "const " if e.pointer and e.const else "", " *" if e.pointer else ""
    return f"({const}{kind(e.dtype)}{star}){_text(e.x, frame, UNARY)}", UNARY


def _select(e: Select, frame: bool) -> Printed:
    condition, x = (_text(part, frame, CHOICE + 1) for part in (e.condition, e.x))
    return f"{condition} ? {x} : {_text(e.y, frame, CHOICE)}", CHOICE


def _call(e: Call, frame: bool) -> Printed:
    return f"{e.function}({', '.join(_text(x, frame, ANYTHING) for x in e.args)})", CALL


def _scalar(e: Scalar, frame: bool) -> Printed:
    """An op's own text: it may read an operand twice."""
    operands = [
        immediate(x.value, x.dtype) if isinstance(x, Const) else _text(x, frame, ATOM) for x in e.args
    ]
    text, loose = c_text(e.op, e.dtypes, e.attrs)
    return text.format(*operands), ANYTHING + 1 if loose else ATOM


def _address(e: Address, frame: bool) -> Printed:
    return f"&{_text(e.target, frame, UNARY)}", UNARY


def _braces(e: Braces | Listed, frame: bool) -> Printed:
    values = [
        literal(x.value, x.dtype) if isinstance(x, Const) else _text(x, frame, ANYTHING) for x in e.values
    ]
    return f"{{{', '.join(values) or '0'}}}", ATOM


def _listed(e: Listed, frame: bool) -> Printed:
    return f"({kind(e.dtype)}[]){_braces(e, frame)[0]}", CALL


def _pair(e: Pair, frame: bool) -> Printed:
    return f"({pair_type(e.dtype)}){_braces(Braces((e.x, e.y)), frame)[0]}", CALL


def _half(e: Half, frame: bool) -> Printed:
    return f"{_text(e.x, frame, CALL)}.{'xy'[e.number]}", CALL


def _member(e: Member, frame: bool) -> Printed:
    return f"{_text(e.x, frame, CALL)}->{e.name}", CALL


def _ask(e: Ask, frame: bool) -> Printed:
    return _call(Call(f"{_text(e.host, frame, CALL)}->{e.name}", e.args), frame)


_PRINTED: dict[type, Callable[[Any, bool], Printed]] = {
    Host: lambda e, frame: ("f->host", ATOM),
    Address: _address,
    Ask: _ask,
    Braces: _braces,
    Listed: _listed,
    Member: _member,
    Pair: _pair,
    Half: _half,
    Out: lambda e, frame: _PRINTED[type(e.x)](e.x, frame),
    Const: _const,
    Int: _int,
    Name: lambda e, frame: (e.text, ATOM),
    Field: lambda e, frame: (f"f->{e.name}", ATOM),
    Symbol: lambda e, frame: (f"f->{e.name}" if frame else e.name, ATOM),
    Load: _load,
    Un: _un,
    Bin: _bin,
    Cast: _cast,
    Select: _select,
    Call: _call,
    Scalar: _scalar,
}


def kind(dtype: str) -> str:
    """The C type of a dtype or of a pair; the name of a C type is itself."""
    if dtype in PAIRS:
        return pair_type(PAIRS[dtype])
    return DTYPE[dtype].c if dtype in DTYPE else dtype


def pair_type(dtype: str) -> str:
    """The C type of two numbers of ``dtype`` (lib/pair.c.j2)."""
    return f"tgen_pair_{DTYPE[dtype].code}"


def declared(name: Name) -> str:
    """A variable or a parameter with its type: ``const double *x0``."""
    star = f"*{'restrict ' if name.apart else ''}" if name.pointer else ""
    return f"{'const ' if name.pointer and name.const else ''}{kind(name.dtype)} {star}{name.text}"


def element(name: Name) -> str:
    """An array, but for its length: ``double cell0``."""
    return f"{kind(name.dtype)} {name.text}"


def member(field: Field) -> str:
    """A member of the frame with its type."""
    typed = f"{'const ' if field.pointer and field.const else ''}{kind(field.dtype)}"
    count = f"[{field.count}]" if field.count else ""
    return f"{typed} {'*' if field.pointer else ''}{field.name}{count}"


def simd(loop: For) -> str:
    """The clauses of the omp simd pragma of a For."""
    lanes = f" simdlen({loop.lanes})" if loop.lanes else ""
    return lanes + "".join(f" reduction({op}:{name.text})" for op, name in loop.simd or ())


# -- literals ------------------------------------------------------------------------------------------------


def literal(value: float, dtype: str) -> str:
    """A C literal that has exactly the value's bits (NaN payloads aside)."""
    record = DTYPE[dtype]
    if record.kind == "b":
        return "1" if value else "0"
    if record.kind == "f":
        return _float_literal(float(value), record.suffix)
    value = int(value)
    if record.bits == 64 and value == -(2**63):
        return record.c_low
    if record.bits == 64 and abs(value) >= 2**31:
        return _long(record, value)
    return str(value) + ("u" if record.kind == "u" and record.bits == 32 else "")


def _long(record: DType, value: int) -> str:
    return f"{'U' if record.kind == 'u' else ''}INT64_C({value})"


def told(value: float, dtype: str) -> str:
    """The literal, with about what it is where people cannot read it.

    >>> told(0.5, "float64"), told(2.718281828459045, "float64")
    ('0.5', '0x1.5bf0a8b145769p+1 /* 2.71828 */')
    """
    text = literal(value, dtype)
    return f"{text} /* {value:.6g} */" if "0x" in text else text


def immediate(value: float, dtype: str) -> str:
    """A literal that stands in an expression as a variable of its dtype would: its sign in brackets, as wide.

    >>> immediate(-1.0, "float32"), immediate(5, "int64"), immediate(5, "int8")
    ('(-1.0f)', 'INT64_C(5)', '5')
    """
    text = told(value, dtype)
    record = DTYPE[dtype]
    if record.kind in "iu" and record.bits == 64 and text.lstrip("-").isdigit():
        return _long(record, int(text))
    return f"({text})" if text.startswith("-") else text


def _float_literal(value: float, suffix: str) -> str:
    if value != value:
        return f'__builtin_nan{suffix}("")'
    if value in (float("inf"), float("-inf")):
        return f"{'-' if value < 0 else ''}__builtin_inf{suffix}()"
    if value == int(value) and abs(value) < 1e6:
        return f"{'-' if str(value).startswith('-') else ''}{abs(int(value))}.0{suffix}"
    # a short decimal is read back as the same bits, a long one says less than the bits do
    return (repr(value) if len(repr(value)) <= SHORT else value.hex()) + suffix
