"""What makes a primitive one declaration: dtype rules, the type rule of elementwise ops, C text by dtype
class.

A scalar op is declared as::

    slope = lambda g, z, x: g * (1 - z * z)
    scalar("tanh", floating, np.tanh, {"f": "@tanh{f}({0})"}, (slope,), "hyperbolic tangent")

*C text.* ``c`` maps a dtype class to an expression: ``f`` floats, ``i`` signed, ``u`` unsigned, ``b`` bool,
``n`` any integer that has no text of its own; or it is a function ``c(dtypes, attrs)``. {0} {1} {2} are the
operands: names of C variables, so a text may read one twice. The class is that of the *last* operand
(switch's first is its condition). ``@`` marks a function that it calls, and these are filled in here:

    {f}  the suffix of a libm function: f for float32, empty for float64
    {T}  the C type        {U}  the unsigned type to compute in, so that overflow wraps and is defined
    {k}  the dtype's code in a helper's name: @tgen_sgn_{k} calls tgen_sgn_f64
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from tgen.config import config
from tgen.core import dims
from tgen.core.dtypes import DTYPE, is_float
from tgen.core.maps import all_sections
from tgen.core.op import SCALAR, Op, register
from tgen.core.types import float_of, promote, tensor_type
from tgen.graph.describe import widest

if TYPE_CHECKING:
    from tgen.core.op import Attrs, Batching, CText, DtypeRule, Eval, Grad, Infer, Mask, Types
    from tgen.core.types import TensorType
    from tgen.core.values import Application, Shape
    from tgen.graph.adjoint import Entry, Node

Dtypes: TypeAlias = tuple[Sequence[str], str]  # those of the operands, that of the result

# libm functions a text may call (each also with the suffix f) and how many arguments they take; codegen
# declares those with a vector twin in libmvec as such. sqrt, floor, ceil, rint, trunc, fabs and copysign are
# instructions; fmod has no vector twin.
LIBM = {
    **dict.fromkeys(
        (
            "exp",
            "exp2",
            "expm1",
            "log",
            "log2",
            "log10",
            "log1p",
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "asinh",
            "acosh",
            "atanh",
            "erf",
            "erfc",
        ),
        1,
    ),
    "atan2": 2,
    "pow": 2,
}
# no vector twins: mostly one instruction
PLAIN_LIBM = {
    **dict.fromkeys(("sqrt", "floor", "ceil", "rint", "trunc", "fabs"), 1),
    "copysign": 2,
    "fmod": 2,
}


# -- dtype rules: rule(dtypes, attrs) -> (operand dtypes, result dtype) --------------------------------------


def _rule(result_of: Callable[[str], str]) -> DtypeRule:
    def rule(dtypes: Sequence[str], attrs: Attrs | None = None) -> Dtypes:
        common = result_of(promote(dtypes))
        return (common,) * len(dtypes), common

    return rule


def _refuse(dtype: str, words: str) -> NoReturn:
    raise TypeError(f"dtype {dtype}: {words}")


numeric = _rule(lambda d: d)
no_bool = _rule(lambda d: d if d != "bool" else _refuse(d, "bool has no sign; use logical_xor or invert"))
bool_to_int8 = _rule(lambda d: "int8" if d == "bool" else d)
bits = _rule(lambda d: _refuse(d, "bitwise operations take ints and bools") if is_float(d) else d)
shifts = _rule(lambda d: _refuse(d, "shifts take ints") if is_float(d) else "int8" if d == "bool" else d)
floating = _rule(float_of)
division = _rule(lambda d: d if is_float(d) else config.floatX)


def keeps(dtypes: Sequence[str], attrs: Attrs | None = None) -> Dtypes:
    return tuple(dtypes), dtypes[0]


def test(dtypes: Sequence[str], attrs: Attrs | None = None) -> Dtypes:
    return tuple(dtypes), "bool"


def comparison(dtypes: Sequence[str], attrs: Attrs | None = None) -> Dtypes:
    """Operands in their common dtype; but int64 with uint64 stay as they are, as float64 would round both."""
    common = promote(dtypes)
    if common == "float64" and not any(map(is_float, dtypes)):
        return tuple("uint64" if d == "uint64" else "int64" for d in dtypes), "bool"
    return (common,) * len(dtypes), "bool"


def choice(dtypes: Sequence[str], attrs: Attrs | None = None) -> Dtypes:
    common = promote(dtypes[1:])
    return ("bool",) + (common,) * (len(dtypes) - 1), common


def casting(dtypes: Sequence[str], attrs: Attrs | None = None) -> Dtypes:
    return tuple(dtypes), (attrs or {})["dtype"]


# -- the type rule of scalar ops -----------------------------------------------------------------------------


@lru_cache(maxsize=1 << 12)
def broadcast(shapes: tuple[Shape, ...]) -> Shape:
    """The shape of an elementwise result: axes that are 1 in the type give way, the others must be equal."""
    if len({len(s) for s in shapes}) != 1:
        raise TypeError(
            f"operands of ranks {', '.join(str(len(s)) for s in shapes)}; they must be equal "
            "(dimshuffle pads)"
        )
    result = []
    for column in zip(*shapes):
        size = 1
        for other in column:
            size = (
                other
                if isinstance(size, int) and size == 1
                else size
                if isinstance(other, int) and other == 1
                else dims.merge(size, other)
            )
        result.append(size)
    return tuple(result)


def scalar_infer(name: str, rule: DtypeRule, arity: int) -> Infer:
    def infer(types: Sequence[TensorType], attrs: Attrs, sizes: Sequence[Any]) -> Types:
        if attrs or not types:
            return result_of(types, attrs)
        return known(tuple(types), tuple([t.weak for t in types]), config.floatX)

    @lru_cache(maxsize=1 << 10)
    def known(
        types: tuple[TensorType, ...], weak: tuple[bool, ...], floatX: str
    ) -> Types:  # types are equal, weak or not; the quotient of ints is of config.floatX
        return result_of(types, {})

    def result_of(types: Sequence[TensorType], attrs: Attrs) -> Types:
        if len(types) != arity:
            raise TypeError(f"{name} takes {arity} operands, not {len(types)}")
        dtypes = tuple(t.dtype for t in types)
        operands, result = rule(dtypes, attrs)
        if tuple(operands) != dtypes:
            raise TypeError(
                f"operands are {', '.join(dtypes)}; {name} takes {', '.join(operands)} (casts are explicit)"
            )
        weak = (
            any(t.weak for t in types) and all(t.weak or t.dtype == "bool" for t in types) and name != "cast"
        )
        return (tensor_type(result, broadcast(tuple([t.shape for t in types])), weak),)

    return infer


def scalar_eval(function: Callable[..., Any]) -> Eval:
    def evaluate(attrs: Attrs, sizes: Sequence[Any], *arrays: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(function(*arrays))

    return evaluate


def scalar_grad(parts: Sequence[Callable[..., Any] | None]) -> Grad:
    """One function per operand, of (g, z, *operands); each is called only where its gradient is wanted."""

    def grad(node: Node, gs: Sequence[Any]) -> list[Entry]:
        return [part and (lambda part=part: part(gs[0], node.outputs[0], *node.inputs)) for part in parts]

    return grad


def batch_axes(rows: Batching, instr: Application) -> Any:
    """Op.batch of what works along the axes ``axes`` of its one operand."""
    axes = tuple(a + 1 for a in instr.attrs["axes"])
    return rows.emit(instr.op.name, (rows.rowed[instr.operands[0]],), instr.attrs | {"axes": axes})


def batch_axis(rows: Batching, instr: Application) -> Any:
    """Op.batch of what works along its ``axis``, which may be several."""
    axis = instr.attrs["axis"]
    moved = tuple(a + 1 for a in axis) if isinstance(axis, tuple) else axis + 1
    return rows.emit(instr.op.name, (rows.rowed[instr.operands[0]],), instr.attrs | {"axis": moved})


def _scalar_batch(rows: Batching, instr: Application) -> Any:
    return rows.emit(instr.op.name, tuple(rows.lifted(v, v.type.ndim) for v in instr.operands), instr.attrs)


def scalar(
    name: str,
    rule: DtypeRule,
    function: Callable[..., Any],
    c: dict[str, str] | CText | None,
    grad: Sequence[Callable[..., Any] | None] | None = None,
    doc: str = "",
    eval: Eval | None = None,
    node_grad: Grad | None = None,
    arity: int | None = None,
    mask: Mask = "each",
    **more: Any,
) -> Op:
    """Declare a scalar op: its dtype rule, NumPy meaning, C text and the gradient of each operand.

    ``arity`` defaults to the NumPy function's.
    Ops with attrs give ``eval(attrs, sizes, x)`` and ``node_grad(node, gs)`` themselves.
    """
    count = getattr(function, "nin", 1) if arity is None else arity
    return register(
        Op(
            name,
            SCALAR,
            scalar_infer(name, rule, count),
            eval or scalar_eval(function),
            node_grad or (scalar_grad(grad) if grad else None),
            c,
            rule=rule,
            doc=doc,
            mask=mask,
            arity=count,
            needs=all_sections,
            behind=widest,
            batch=_scalar_batch,
            **more,
        )
    )


# -- C text --------------------------------------------------------------------------------------------------


def c_text(op: Op, dtypes: Sequence[str], attrs: Attrs | None = None) -> tuple[str, bool]:
    """(the C99 expression of scalar ``op`` on operands of ``dtypes``, with {0} {1} {2} for these; whether it
    wants brackets where it is an operand itself).

    >>> import tgen.ops
    >>> from tgen.core.op import OPS
    >>> c_text(OPS["tanh"], ("float32",)), c_text(OPS["sgn"], ("float64",))
    (('tanhf({0})', False), ('tgen_sgn_f64({0})', False))
    >>> c_text(OPS["sub"], ("float64", "float64")), c_text(OPS["add"], ("int8", "int8"))
    (('{0} - {1}', True), ('(int8_t)((uint32_t){0} + (uint32_t){1})', False))
    """
    return _unbracketed(_marked(op, dtypes, attrs).replace("@", ""))


@lru_cache(maxsize=1 << 10)
def _unbracketed(text: str) -> tuple[str, bool]:
    """A declared text without the brackets that are around all of it, and whether it wants them."""
    if not text.startswith("("):
        return text, False
    depth = 0
    for k, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if not depth:  # the first one is closed here
            return (text[1:-1], text != "({0})") if k == len(text) - 1 else (text, False)
    raise ValueError(f"a bracket is open in {text}")


def c_calls(op: Op, dtypes: Sequence[str], attrs: Attrs | None = None) -> list[str]:
    """The C functions that the text of a scalar op calls.

    >>> import tgen.ops
    >>> from tgen.core.op import OPS
    >>> c_calls(OPS["tanh"], ("float32",)), c_calls(OPS["add"], ("int8", "int8"))
    (['tanhf'], [])
    """
    return [call.partition("(")[0] for call in _marked(op, dtypes, attrs).split("@")[1:]]


def _marked(op: Op, dtypes: Sequence[str], attrs: Attrs | None) -> str:
    return op.c(dtypes, attrs or {}) if callable(op.c) else _filled(op, tuple(dtypes))


@lru_cache(maxsize=1 << 10)
def _filled(op: Op, dtypes: tuple[str, ...]) -> str:
    last = DTYPE[dtypes[-1]]
    texts = op.c if isinstance(op.c, Mapping) else {}
    text = texts.get(last.kind) or (texts.get("n") if last.kind in "iu" else None)
    if text is None:
        raise TypeError(f"{op} has no C text for {last.name}")
    marks = {"{f}": last.suffix, "{T}": last.c, "{U}": last.unsigned, "{k}": last.code}
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text
