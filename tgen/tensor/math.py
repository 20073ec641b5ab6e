"""Elementwise functions that compose over the scalar primitives, and the names NumPy and Theano have for
them.
"""

from __future__ import annotations

import math as numbers
from typing import TYPE_CHECKING

import numpy as np

from tgen.core.dtypes import is_float

from .elemwise import boolean, elemwise, switch
from .promotion import cast
from .reduce import all as every
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = [
    "abs_",
    "sign",
    "square",
    "inv",
    "reciprocal",
    "deg2rad",
    "rad2deg",
    "round",
    "iround",
    "round_half_to_even",
    "round_half_away_from_zero",
    "divmod",
    "floor_div",
    "true_divide",
    "floor_divide",
    "power",
    "remainder",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "absolute",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_not",
    "isfinite",
    "isclose",
    "allclose",
    "largest",
    "smallest",
    "ceil_intdiv",
    "real",
    "imag",
    "conj",
    "conjugate",
    "log1mexp",
    "not_equal",
    "equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "xlogx",
]

abs_ = elemwise("abs")
sign = elemwise("sgn")
square = elemwise("sqr")
true_divide = divide = elemwise("true_div")
floor_div = floor_divide = elemwise("int_div")
power, remainder, subtract, multiply, negative, absolute = map(
    elemwise, ("pow", "mod", "sub", "mul", "neg", "abs")
)
bitwise_and, bitwise_or, bitwise_xor, bitwise_not = map(elemwise, ("and_", "or_", "xor", "invert"))
not_equal, equal, less, less_equal, greater, greater_equal = map(
    elemwise, ("neq", "eq", "lt", "le", "gt", "ge")
)
_ROUNDING = ("half_to_even", "half_away_from_zero")


def inv(x: Operand) -> Variable:
    """1 / x, element by element; ints give a float."""
    return elemwise("true_div")(1, x)


reciprocal = inv


def deg2rad(x: Operand) -> Variable:
    """Degrees as radians. Floats keep their dtype."""
    return floating(x) * (numbers.pi / 180)


def rad2deg(x: Operand) -> Variable:
    """Radians as degrees. Floats keep their dtype."""
    return floating(x) * (180 / numbers.pi)


def floating(x):
    """x as floats: integers as float64."""
    x = as_tensor_variable(x)
    return x if is_float(x.type.dtype) else elemwise("true_div")(x, 1)


def round(x: Operand, mode: str | None = None) -> Variable:
    """The nearest integer, in the dtype of x; halves go to the even one ('half_away_from_zero': away from
    zero).

    >>> import tgen.tensor as T
    >>> T.round(T.fvector()).dtype
    'float32'
    """
    mode = "half_to_even" if mode is None or isinstance(mode, int) else mode
    if mode not in _ROUNDING:
        raise ValueError(f"mode must be one of {', '.join(map(repr, _ROUNDING))}, got {mode!r}")
    x = as_tensor_variable(x)
    if mode == "half_to_even" or not is_float(x.type.dtype):
        return elemwise("round")(x)
    return sign(x) * elemwise("floor")(abs_(x) + 0.5)


def round_half_to_even(x: Operand) -> Variable:
    """The nearest integer, in the dtype of x; halves go to the even one."""
    return round(x, "half_to_even")


def round_half_away_from_zero(x: Operand) -> Variable:
    """The nearest integer, in the dtype of x; halves go away from zero."""
    return round(x, "half_away_from_zero")


def iround(x: Operand, mode: str | None = None) -> Variable:
    """``round`` as int64."""
    return cast(round(x, mode), "int64")


def divmod(x: Operand, y: Operand) -> tuple[Variable, Variable]:
    """The pair (x // y, x % y)."""
    return elemwise("int_div")(x, y), elemwise("mod")(x, y)


def ceil_intdiv(a: Operand, b: Operand) -> Variable:
    """The ceiling of a / b for integers, in their common dtype.

    >>> import numpy as np
    >>> ceil_intdiv(np.uint8(255), np.uint8(2)).eval()
    array(128, dtype=uint8)
    """
    quotient = elemwise("int_div")(a, b)
    return quotient + cast(elemwise("neq")(elemwise("mod")(a, b), 0), quotient.type.dtype)


def logical_and(x: Operand, y: Operand) -> Variable:
    """Whether both are not 0, bool."""
    return elemwise("and_")(boolean(x), boolean(y))


def logical_or(x: Operand, y: Operand) -> Variable:
    """Whether either is not 0, bool."""
    return elemwise("or_")(boolean(x), boolean(y))


def logical_xor(x: Operand, y: Operand) -> Variable:
    """Whether one but not the other is not 0, bool."""
    return elemwise("xor")(boolean(x), boolean(y))


def logical_not(x: Operand) -> Variable:
    """Whether x is 0, bool."""
    return elemwise("invert")(boolean(x))


def isfinite(x: Operand) -> Variable:
    """Whether x is neither nan nor inf nor -inf."""
    return logical_not(logical_or(elemwise("isnan")(x), elemwise("isinf")(x)))


def isclose(
    a: Operand, b: Operand, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Variable:
    """Whether |a - b| <= atol + rtol * |b|, element by element; infinities are close to themselves, nan if
    ``equal_nan``.

    >>> import tgen.tensor as T
    >>> T.isclose(T.vector(), 1.0).type
    TensorType(bool, vector)
    """
    a, b = floating(a), floating(b)
    near = elemwise("le")(abs_(a - b), atol + rtol * abs_(b))
    infinite = logical_or(elemwise("isinf")(a), elemwise("isinf")(b))
    result = logical_or(logical_and(logical_not(infinite), near), elemwise("eq")(a, b))
    return (
        logical_or(result, logical_and(elemwise("isnan")(a), elemwise("isnan")(b))) if equal_nan else result
    )


def allclose(
    a: Operand, b: Operand, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Variable:
    """Whether all elements are close (see ``isclose``), a bool scalar."""
    return every(isclose(a, b, rtol, atol, equal_nan))


def largest(*operands: Operand) -> Variable:
    """The largest of the operands, element by element."""
    return _extreme("maximum", operands)


def smallest(*operands: Operand) -> Variable:
    """The smallest of the operands, element by element."""
    return _extreme("minimum", operands)


def _extreme(name, operands):
    if not operands:
        raise ValueError(f"{name} wants at least one operand")
    first, *rest = operands
    result = as_tensor_variable(first)
    for other in rest:
        result = elemwise(name)(result, other)
    return result


def real(x: Operand) -> Variable:
    """x: tensors are real."""
    return as_tensor_variable(x)


conj = conjugate = real


def imag(x: Operand) -> Variable:
    """Zeros: tensors are real."""
    return switch(np.bool_(True), 0, x)


def log1mexp(x: Operand) -> Variable:
    """log(1 - exp(x)) for x < 0, precise near 0 and far from it; its gradient at 0 is -inf."""
    x = floating(x)  # 0 - expm1(0) is 0, and the logarithm climbs from -inf there; -expm1(0) would be -0.0
    near, far = elemwise("log")(0 - elemwise("expm1")(x)), elemwise("log1p")(-elemwise("exp")(x))
    return switch(elemwise("gt")(x, -0.6931471805599453), near, far)


def xlogx(x: Operand) -> Variable:
    """x * log(x), element by element, and 0 where x is 0: the terms of an entropy. The gradient at 0 is 0,
    that of the choice taken.

    >>> xlogx([0.0, 1.0]).eval()
    array([0., 0.])
    """
    return xlogy0(x, x)


def xlogy0(x: Operand, y: Operand) -> Variable:
    """x * log(y), element by element, and 0 where x is 0."""
    x, y = floating(x), floating(y)
    return switch(elemwise("eq")(x, 0), 0, x * elemwise("log")(y))


xlogx.xlogx, xlogx.xlogy0 = xlogx, xlogy0  # in Theano T.xlogx is a module
