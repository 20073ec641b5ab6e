"""The exact rules: what each one makes has the same bits for every input, NaN, Inf and -0.0 included.

Free to run anywhere. There is no x - x -> 0 for floats (inf - inf), no x * 0 -> 0 (nan), no x + 0 -> x (-0.0
+ 0 is 0, and so is the sum of -0.0 alone), no x / c -> x * (1 / c) unless 1 / c is exact, and no
reassociation. Rules that only a program's meaning allows are in stabilise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core import dims
from tgen.core.dtypes import DTYPE, is_float
from tgen.core.maps import strided
from tgen.core.rules import ANY, BOOL, FLOAT, INTEGER, rule

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.rules import Match
    from tgen.ir.nodes import Instr, Value


def _power_of_two(m: Match) -> np.generic:
    """c is a power of two whose reciprocal is a normal number."""
    mantissa, exponent = np.frexp(m["c"])
    return abs(mantissa) == 0.5 and abs(exponent) < np.finfo(m["c"].dtype).maxexp - 8


def _times_reciprocal(m: Match) -> Value:
    return m.emit("mul", m["x"], m.number(1 / m["c"], m["x"].type))


def holds_exactly(small: str, big: str) -> bool:
    """Whether every value of dtype ``small`` is one of dtype ``big``."""
    if small == big or small == "bool":
        return True
    narrow, wide = DTYPE[small], DTYPE[big]
    may = {"f": "f", "i": "if", "u": "iuf"}[narrow.kind]  # unsigned integers have no negative ones
    return wide.kind in may and narrow.exact <= wide.exact


def _cast_to_itself(m: Match) -> Value | None:
    return m["x"] if m["x"].type.dtype == m.attrs["dtype"] else None


def _cast_of_wider(m: Match) -> Value | None:
    """cast(cast(x)) without the middle one, when that keeps every value; bool and float to int are left as
    they are.
    """
    source, middle, target = m["x"].type.dtype, m.parts[1].attrs["dtype"], m.attrs["dtype"]
    if not holds_exactly(source, middle) or is_float(source) and not is_float(target):
        return None
    return m.emit("cast", m["x"], attrs={"dtype": target})


def _same_order(m: Match) -> Value | None:
    return m["x"] if m.attrs["order"] == tuple(range(m["x"].type.ndim)) else None


def _dimshuffle_twice(m: Match) -> Value:
    first = m.parts[1].attrs["order"]
    return m.emit(
        "dimshuffle", m["x"], attrs={"order": tuple(a if a == "x" else first[a] for a in m.attrs["order"])}
    )


def _same_type(m: Match) -> Value | None:
    return m["x"] if m["x"].type == m.type else None


def _outer_sizes(m: Match) -> Value:
    return m.emit(m.instr.op.name, m["x"], attrs=m.attrs, sizes=m.instr.sizes)


def _whole_slice(m: Match) -> Value | None:
    ndim = m["x"].type.ndim
    whole = all(s == 0 for s in m.instr.sizes[:ndim]) and all(k == 1 for k in m.attrs["steps"])
    return m["x"] if whole and m["x"].type == m.type else None


def within(
    view: Instr, starts: tuple[Extent, ...], steps: tuple[Extent, ...]
) -> tuple[tuple[Extent, ...], tuple[Extent, ...]]:
    """(starts, steps) in the array that the slice or write ``view`` is of, of those given in it: element k of
    it is element start + step*k.
    """
    pairs = list(map(strided, view.sizes, view.attrs["steps"], starts, steps))
    return tuple(start for start, _ in pairs), tuple(step for _, step in pairs)


def _slice_twice(m: Match) -> Value:
    starts, steps = within(m.parts[1], m.instr.sizes, m.attrs["steps"])
    return m.emit(
        "slice", m["x"], attrs={"steps": steps}, sizes=(*starts, *m.instr.sizes[m["x"].type.ndim :])
    )


def _picked_by_number(m: Match) -> Value | None:
    """x[3] or x[-1] is a view: a slice of length 1 without that axis. The check that the index is in range
    stands before it.
    """
    x, axis, index = m["x"], m.attrs["axis"], int(m["c"])
    size = x.type.shape[axis]
    if m.instr.operands[1].type.ndim or isinstance(size, int) and not -size <= index < size:
        return None
    start = index if index >= 0 else dims.add(size, index)
    starts = [start if a == axis else 0 for a in range(x.type.ndim)]
    lengths = [1 if a == axis else s for a, s in enumerate(x.type.shape)]
    row = m.emit("slice", x, attrs={"steps": (1,) * x.type.ndim}, sizes=(*starts, *lengths))
    return m.emit("dimshuffle", row, attrs={"order": tuple(a for a in range(x.type.ndim) if a != axis)})


def _added_by_number(m: Any) -> Any:
    """inc_gather at a number is inc_slice: later rules see which elements it touches."""
    x, axis, index = m["x"], m.attrs["axis"], int(m["c"])
    size = x.type.shape[axis]
    if m.instr.operands[2].type.ndim or isinstance(size, int) and not -size <= index < size:
        return None
    start = index if index >= 0 else dims.add(size, index)
    order = tuple("x" if a == axis else a - (a > axis) for a in range(x.type.ndim))
    return m.emit(
        "inc_slice",
        x,
        m.emit("dimshuffle", m["y"], attrs={"order": order}),
        attrs={"steps": (1,) * x.type.ndim},
        sizes=tuple(start if a == axis else 0 for a in range(x.type.ndim)),
    )


def _write_in_zeros(m: Any) -> Any:
    """A piece written into zeros that are written into zeros: written into the outer ones at once."""
    outer, inner = m.instr, m.parts[-1]
    starts, steps = within(outer, inner.sizes, inner.attrs["steps"])
    return m.emit(inner.op.name, outer.operands[0], m["z"], attrs={"steps": steps}, sizes=starts)


def _zeros(m: Any) -> Any:
    return (
        m["c"] == 0 and m["d"] == 0 and not (np.signbit(m["c"]) or np.signbit(m["d"]))
        if m["c"].dtype.kind == "f"
        else m["c"] == 0 and m["d"] == 0
    )


def _ends(start: Extent, step: int, count: Extent) -> tuple[Extent, Extent]:
    """The first and the last index that a slice of ``count`` >= 1 elements touches."""
    last = dims.add(start, dims.mul(step, dims.sub(count, 1)))
    return (start, last) if step > 0 else (last, start)


def _slice_of_write(m: Match) -> Any:
    """A slice that reads none of what was written, or exactly that."""
    write, ndim = m.parts[1], m["x"].type.ndim
    reads = list(zip(m.instr.sizes, m.attrs["steps"], m.instr.sizes[ndim:]))
    written = list(zip(write.sizes, write.attrs["steps"], m["y"].type.shape))
    for a, b in zip(reads, written):
        (low, high), (first, last) = _ends(*a), _ends(*b)
        if dims.nonnegative(dims.sub(dims.sub(low, last), 1)) or dims.nonnegative(
            dims.sub(dims.sub(first, high), 1)
        ):
            return m.emit("slice", m["x"], attrs=m.attrs, sizes=m.instr.sizes)
    if not all(a[0] == b[0] and a[2] == b[2] and (a[1] == b[1] or a[2] == 1) for a, b in zip(reads, written)):
        return None
    if write.op.name == "set_slice":
        return m["y"]
    return m.emit("add", m.emit("slice", m["x"], attrs=m.attrs, sizes=m.instr.sizes), m["y"])


def _no_axes(m: Match) -> Any:
    if m.attrs["axes"]:
        return None
    dtype = m.type.dtype  # of a product that stays in its accumulator's
    return m["x"] if m["x"].type.dtype == dtype else m.emit("cast", m["x"], attrs={"dtype": dtype})


def _axes_of_one(m: Match) -> Any:
    """The extreme of one element is that element."""
    shape, axes = m["x"].type.shape, m.attrs["axes"]
    if not all(isinstance(shape[a], int) and shape[a] == 1 for a in axes):
        return None
    return m.emit("dimshuffle", m["x"], attrs={"order": tuple(a for a in range(len(shape)) if a not in axes)})


def _one_element(m: Any) -> Any:
    return m.emit("dimshuffle", m["x"], attrs={"order": ("x",)})


_MATRIX = (
    "function (v0: float64[n0, n1]) {{\n  v1: float64[{0}] = {1}\n  v2: float64[{2}] = {3}\n  return v2\n}}"
)
_DIMSHUFFLES = _MATRIX.format(
    "n1, n0, 1", "dimshuffle v0 {order=(1, 0, 'x')}", "n0, 1, n1", "dimshuffle v1 {order=(1, 'x', 0)}"
)
_RESHAPES = _MATRIX.format("n0*n1", "reshape v0 <n0*n1> {ndim=1}", "n1, n0", "reshape v1 <n1, n0> {ndim=2}")
_SLICES = _MATRIX.format(
    "n0, n1",
    "slice v0 <0, n1 - 1, n0, n1> {steps=(1, -1)}",
    "n0, n1",
    "slice v1 <0, n1 - 1, n0, n1> {steps=(1, -1)}",
)
_CAST = (
    "function (v0: float32[n0]) {\n  v1: float64[n0] = cast v0 {dtype='float64'}\n  v2: float32[n0] = "
    "cast v1 {dtype='float32'}\n  return v2\n}"
)
_CASTS = (
    "function (v0: int8[n0]) {\n  v1: int32[n0] = cast v0 {dtype='int32'}\n  v2: float32[n0] = cast v1 "
    "{dtype='float32'}\n  return v2\n}"
)
_PICKED = (
    "function (v0: float64[n0, n1]) {\n  v2: int64[] = constant -2\n  v1: float64[n0] = gather v0, v2 "
    "{axis=1, count=1}\n  return v1\n}"
)


_ADDED = (
    "function (v0: float64[n0, n1], v1: float64[n0]) {\n  v2: int64[] = constant -2\n  v3: float64[n0, "
    "n1] = inc_gather v0, v1, v2 {axis=1, count=1}\n  return v3\n}"
)
_WRITTEN = (
    "function (v0: float64[n0, n1], v1: float64[1, n1]) {{\n  v2: float64[n0, n1] = {} v0, v1 <n0 - "
    "1, 0> {{steps=(1, 1)}}\n"
    "  v3: float64[1, n1] = slice v2 <n0 - 1, 0, 1, n1> {{steps=(1, 1)}}\n  return v3\n}}"
)
_BESIDE = (
    "function (v0: float64[n0, n1], v1: float64[1, n1]) {{\n  v2: float64[n0, n1] = {} v0, v1 <n0 - "
    "1, 0> {{steps=(1, 1)}}\n"
    "  v3: float64[n0 - 1, n1] = slice v2 <n0 - 2, 0, n0 - 1, n1> {{steps=(-1, 1)}}\n  return v3\n}}"
)


_IN_ZEROS = (
    "function (v0: float64[n0, n1], v1: float64[1, n1]) {{\n  v2: float64[] = constant 0.0\n  v3: "
    "float64[1, 1] = dimshuffle v2 {{order=('x', 'x')}}\n"
    "  v4: float64[n0 + 1, n1] = broadcast_to v3 <n0 + 1, n1>\n  v5: float64[n0 + 3, n1] = "
    "broadcast_to v3 <n0 + 3, n1>\n"
    "  v6: float64[n0 + 1, n1] = {} v4, v1 <n0, 0> {{steps=(1, 1)}}\n  v7: float64[n0 + 3, n1] = "
    "set_slice v5, v6 <2, 0> {{steps=(1, 1)}}\n  return v7\n}}"
)


def _one_line(result: Any, op: Any, param: str = "float64[n0, n1]") -> Any:
    return f"function (v0: {param}) {{\n  v1: {result} = {op}\n  return v1\n}}"


EXACT = (
    # arithmetic
    rule("x_times_one", "mul(x, 1)", "x"),
    rule("x_over_one", "true_div(x, 1)", "x"),
    rule("x_minus_zero", "sub(x, 0)", "x"),
    rule("x_plus_minus_zero", "add(x, -0.0)", "x", FLOAT),
    rule("n_plus_zero", "add(x, 0)", "x", INTEGER),
    rule("n_times_zero", "mul(x, 0)", "0", INTEGER),
    rule("n_minus_n", "sub(x, x)", "0", INTEGER),
    rule("n_div_one", "int_div(x, 1)", "x", INTEGER),
    rule("n_mod_one", "mod(x, 1)", "0", INTEGER),
    rule("times_minus_one", "mul(x, -1)", "neg(x)"),
    rule("over_minus_one", "true_div(x, -1)", "neg(x)"),
    rule(
        "over_power_of_two",
        "true_div(x, c)",
        _times_reciprocal,
        FLOAT,
        _power_of_two,
        _one_line("float64[n0, n1]", "true_div v0, v2").replace(
            "  v1",
            "  v3: float64[] = constant -8.0\n  v2: float64[1, 1] = dimshuffle v3 {order=('x', 'x')}\n  v1",
        ),
    ),
    rule("neg_neg", "neg(neg(x))", "x"),
    rule("plus_neg", "add(x, neg(y))", "sub(x, y)"),
    rule("minus_neg", "sub(x, neg(y))", "add(x, y)"),
    rule("abs_neg", "abs(neg(x))", "abs(x)", FLOAT),
    rule("abs_abs", "abs(abs(x))", "abs(x)"),
    rule("sqr_neg", "sqr(neg(x))", "sqr(x)"),
    rule("sqr_abs", "sqr(abs(x))", "sqr(x)"),
    rule("x_times_x", "mul(x, x)", "sqr(x)", FLOAT),
    rule("pow_one", "pow(x, 1)", "x"),
    rule("pow_two", "pow(x, 2)", "sqr(x)"),
    rule("pow_zero", "pow(x, 0)", "1"),
    # rounding twice
    *(
        rule(f"{outer}_{inner}", f"{outer}({inner}(x))", f"{inner}(x)")
        for outer in ("floor", "ceil", "round", "trunc")
        for inner in ("floor", "ceil", "round", "trunc")
    ),
    *(rule(f"{name}_of_int", f"{name}(x)", "x", INTEGER) for name in ("floor", "ceil", "round", "trunc")),
    # order
    rule("min_same", "minimum(x, x)", "x"),
    rule("max_same", "maximum(x, x)", "x"),
    *(
        rule(f"n_{name}_n", f"{name}(x, x)", str(name in ("eq", "le", "ge")), INTEGER)
        for name in ("eq", "neq", "lt", "le", "gt", "ge")
    ),
    rule("not_eq", "invert(eq(x, y))", "neq(x, y)"),
    rule("not_neq", "invert(neq(x, y))", "eq(x, y)"),
    # choice
    rule("switch_true", "switch(True, x, y)", "x"),
    rule("switch_false", "switch(False, x, y)", "y"),
    rule("switch_same", "switch(x, y, y)", "y"),
    rule("switch_not", "switch(invert(x), y, z)", "switch(x, z, y)"),
    # bits
    rule("invert_invert", "invert(invert(x))", "x"),
    rule("and_same", "and_(x, x)", "x"),
    rule("or_same", "or_(x, x)", "x"),
    rule("n_xor_n", "xor(x, x)", "0", INTEGER),
    rule("b_xor_b", "xor(x, x)", "False", BOOL),
    rule("and_true", "and_(x, True)", "x", BOOL),
    rule("and_false", "and_(x, False)", "False", BOOL),
    rule("or_false", "or_(x, False)", "x", BOOL),
    rule("or_true", "or_(x, True)", "True", BOOL),
    rule("n_and_zero", "and_(x, 0)", "0", INTEGER),
    rule("n_or_zero", "or_(x, 0)", "x", INTEGER),
    rule("n_xor_zero", "xor(x, 0)", "x", INTEGER),
    rule("n_shifted_left_by_zero", "left_shift(x, 0)", "x", INTEGER),
    rule("n_shifted_right_by_zero", "right_shift(x, 0)", "x", INTEGER),
    # casts
    rule(
        "cast_to_itself",
        "cast(x)",
        _cast_to_itself,
        example=_one_line("float64[n0, n1]", "cast v0 {dtype='float64'}"),
    ),
    rule("cast_of_wider", "cast(cast(x))", _cast_of_wider, example=(_CAST, _CASTS)),
    # moving elements
    rule(
        "same_order",
        "dimshuffle(x)",
        _same_order,
        example=_one_line("float64[n0, n1]", "dimshuffle v0 {order=(0, 1)}"),
    ),
    rule("dimshuffle_twice", "dimshuffle(dimshuffle(x))", _dimshuffle_twice, example=_DIMSHUFFLES),
    rule(
        "same_shape",
        "reshape(x)",
        _same_type,
        example=_one_line("float64[n0, n1]", "reshape v0 <n0, n1> {ndim=2}"),
    ),
    rule("reshape_twice", "reshape(reshape(x))", _outer_sizes, example=_RESHAPES),
    rule(
        "broadcast_to_itself",
        "broadcast_to(x)",
        _same_type,
        example=_one_line("float64[n0, n1]", "broadcast_to v0 <n0, n1>"),
    ),
    rule(
        "broadcast_twice",
        "broadcast_to(broadcast_to(x))",
        _outer_sizes,
        example=_MATRIX.format("n0, n1", "broadcast_to v0 <n0, n1>", "n0, n1", "broadcast_to v1 <n0, n1>"),
    ),
    rule(
        "whole_slice",
        "slice(x)",
        _whole_slice,
        example=_one_line("float64[n0, n1]", "slice v0 <0, 0, n0, n1> {steps=(1, 1)}"),
    ),
    rule("slice_twice", "slice(slice(x))", _slice_twice, example=_SLICES),
    rule(
        "picked_by_number",
        "gather(x, c)",
        _picked_by_number,
        when=lambda m: m.attrs["count"] == 1,
        example=_PICKED,
    ),
    rule(
        "added_by_number",
        "inc_gather(x, y, c)",
        _added_by_number,
        when=lambda m: m.attrs["count"] == 1,
        example=_ADDED,
    ),
    *(
        rule(
            f"{name}_in_zeros",
            f"set_slice(c, {name}(d, z))",
            _write_in_zeros,
            ANY,
            _zeros,
            _IN_ZEROS.format(name),
        )
        for name in ("set_slice", "inc_slice")
    ),
    rule("no_adjoint", "add_adjoint(x, 0)", "x", FLOAT),
    rule(
        "slice_of_set",
        "slice(set_slice(x, y))",
        _slice_of_write,
        example=(_WRITTEN.format("set_slice"), _BESIDE.format("set_slice")),
    ),
    rule(
        "slice_of_inc",
        "slice(inc_slice(x, y))",
        _slice_of_write,
        ANY,
        lambda m: m["x"].type.dtype != "bool",
        example=(_WRITTEN.format("inc_slice"), _BESIDE.format("inc_slice")),
    ),
    rule(
        "concatenate_one",
        "concatenate(x)",
        lambda m: m["x"],
        example=_one_line("float64[n0, n1]", "concatenate v0 {axis=1}"),
    ),
    rule(
        "vector_of_one",
        "make_vector(x)",
        _one_element,
        example=_one_line("float64[1]", "make_vector v0", "float64[]"),
    ),
    # reductions
    *(
        rule(
            f"{name}_over_nothing",
            f"{name}(x)",
            _no_axes,
            example=_one_line("float64[n0, n1]", name + " v0 {axes=()}"),
        )
        for name in ("prod", "max", "min")
    ),
    *(
        rule(
            f"{name}_of_one",
            f"{name}(x)",
            _axes_of_one,
            example=_one_line("float64[n0]", name + " v0 {axes=(1,)}", "float64[n0, 1]"),
        )
        for name in ("max", "min")
    ),
)
