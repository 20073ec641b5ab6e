"""Sums, extremes, positions, means: one primitive reduction each, with its casts before and ``keepdims``
after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tgen.config import config
from tgen.core.dtypes import is_float, is_unsigned
from tgen.core.types import accumulator, promote, wide
from tgen.graph import sizes

from .apply import apply, apply_many, reorder, set_weak
from .elemwise import boolean, elemwise, switch
from .manipulate import axis_number
from .promotion import as_dtype, cast, convert
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype, Axes
    from tgen.graph.nodes import Operand, Variable

__all__ = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "argmax",
    "argmin",
    "max_and_argmax",
    "any",
    "all",
    "ptp",
    "norm",
    "logsumexp",
    "count_nonzero",
]
_AXES = """

    ``axis`` is None (all axes), an int, or a list of ints; negative ones count from the end (ValueError if
    there is no such axis). ``keepdims`` leaves the axes in the result with size 1, which broadcasts."""


def _documented(function):
    function.__doc__ = (
        function.__doc__.replace("\n\n    >>>", _AXES + "\n\n    >>>", 1)
        if ">>>" in function.__doc__
        else function.__doc__.rstrip() + _AXES + "\n    "
    )
    return function


def axes_of(axis: Axes, ndim: int) -> tuple[int, ...]:
    """The sorted axis numbers that ``axis`` names."""
    if axis is None:
        return tuple(range(ndim))
    axes = [axis_number(a, ndim) for a in (axis if isinstance(axis, (list, tuple)) else [axis])]
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis {axis!r} names an axis twice")
    return tuple(sorted(axes))


def _kept(z, ndim, axes, keepdims):
    if not keepdims:
        return z
    rest = iter(range(z.type.ndim))
    return reorder(z, ["x" if a in axes else next(rest) for a in range(ndim)])


def _reduce(name, x, axis, keepdims, **attrs):
    axes = axes_of(axis, x.type.ndim)
    weak = x.type.weak
    if not axes:
        return reorder(x, range(x.type.ndim))
    return _kept(set_weak(apply_many(name, [x], axes=axes, **attrs)[0], weak), x.type.ndim, axes, keepdims)


def _widened(dtype):
    """The dtype of the sum of values of ``dtype``."""
    return dtype if is_float(dtype) else "uint64" if is_unsigned(dtype) else "int64"


def _accumulator(name, x, acc_dtype):
    """The dtype to accumulate x in: Theano's, or the one asked for, which must hold every value of x, too."""
    if acc_dtype is None:
        return accumulator(x.type.dtype)
    acc = as_dtype(acc_dtype)
    if promote((x.type.dtype, acc)) != acc and (is_float(x.type.dtype) or not is_float(acc)):
        raise TypeError(
            f"{name} of {x} ({x.type}) cannot accumulate in acc_dtype={acc!r}, as precision "
            "would be lost. "
            f"Leave acc_dtype out, or give dtype={acc!r} instead, which only rounds the result"
        )
    return acc


def _accumulate(name, x, axis, dtype, acc_dtype, keepdims):
    x = as_tensor_variable(x)
    own, acc = x.type.dtype, _accumulator(name, x, acc_dtype)
    result = as_dtype(dtype) if dtype is not None else _widened(own)
    if not is_float(own):
        operand = convert(x, acc) if dtype is None and acc_dtype is None else cast(x, acc)
        z = _reduce(name, operand, axis, keepdims)
    elif acc == own:
        z = _reduce(name, x, axis, keepdims)
    else:
        z = _reduce(name, x, axis, keepdims, acc=acc, **({} if result == own else {"dtype": acc}))
    if z.type.dtype == result and (dtype is None or not z.type.weak):
        return z
    return cast(z, result) if dtype is not None else apply("cast", z, dtype=result, weak=z.type.weak)


@_documented
def sum(
    x: Operand,
    axis: Axes = None,
    dtype: AnyDtype | None = None,
    keepdims: bool = False,
    acc_dtype: AnyDtype | None = None,
) -> Variable:
    """The sum; 0 of nothing. Of bools and ints it is int64 (unsigned: uint64), of floats it has their dtype;
    or ``dtype``.

    ``acc_dtype`` is the dtype of the additions: for bools and ints int64 (uint64), for floats float64, unless
    it is given. The result is rounded once. TypeError for an ``acc_dtype`` that does not hold every value of
    x.

    >>> import tgen.tensor as T
    >>> T.sum(T.imatrix(), axis=1, keepdims=True).type
    TensorType(int64, col)
    """
    return _accumulate("sum", x, axis, dtype, acc_dtype, keepdims)


@_documented
def prod(
    x: Operand,
    axis: Axes = None,
    dtype: AnyDtype | None = None,
    keepdims: bool = False,
    acc_dtype: AnyDtype | None = None,
    no_zeros_in_input: bool = False,
) -> Variable:
    """The product; 1 of nothing. Dtypes as in ``sum``; ``no_zeros_in_input`` changes nothing.

    >>> import tgen.tensor as T
    >>> T.prod(T.bvector()).dtype
    'int64'
    """
    return _accumulate("prod", x, axis, dtype, acc_dtype, keepdims)


def _count(x, axes):
    """How many elements are reduced: an int or a variable."""
    return sizes.product([sizes.length(x, a) for a in axes])


@_documented
def mean(
    x: Operand,
    axis: Axes = None,
    dtype: AnyDtype | None = None,
    op: bool = False,
    keepdims: bool = False,
    acc_dtype: AnyDtype | None = None,
) -> Variable:
    """The arithmetic mean; nan of nothing. Bools and ints give float64, floats their own dtype; or ``dtype``.

    The sum is made in ``acc_dtype`` as in ``sum``, divided there, and rounded once. With an integer ``dtype``
    the sum is cast to that, and the mean is float64.

    >>> import tgen.tensor as T
    >>> T.mean(T.ivector()).dtype, T.mean(T.fvector()).dtype
    ('float64', 'float32')
    """
    x = as_tensor_variable(x)
    x = convert(x, config.floatX) if x.type.weak else x
    result = _mean_dtype(x.type.dtype) if dtype is None else as_dtype(dtype)
    if is_float(result):
        return _rounded(_mean(x, axis, keepdims, acc_dtype), result, x.type.weak)
    return _mean(x, axis, keepdims, acc_dtype, result)


def _mean_dtype(dtype):
    return dtype if is_float(dtype) else "float64"


def _mean(x, axis, keepdims, acc_dtype=None, sum_dtype=None):
    """The mean in its accumulator's dtype; in float64 of bools and ints, and where the sum is cast to
    ``sum_dtype``.
    """
    acc = _accumulator("mean", x, acc_dtype)
    if sum_dtype is None:
        sum_dtype = acc if is_float(acc) else "float64"
    if acc_dtype is None and not is_float(x.type.dtype):
        acc_dtype = "float64"  # as NumPy: int64 might overflow
    total = set_weak(_accumulate("sum", x, axis, sum_dtype, acc_dtype, keepdims), False)
    total = total if is_float(total.type.dtype) else cast(total, "float64")
    return total / _as_float(_count(x, axes_of(axis, x.type.ndim)), total.type.dtype)


def _rounded(z, dtype, weak):
    """z in ``dtype``, weak or not: what was computed in an accumulator's dtype ends here."""
    return z if z.type.dtype == dtype and z.type.weak == weak else apply("cast", z, dtype=dtype, weak=weak)


def _wide(x):
    """x in the dtype in which its sums are accumulated: float64 for float32."""
    more = wide(x.type.dtype)
    return apply("cast", x, dtype=more["acc"]) if more else x


def _as_float(count, dtype):
    return as_tensor_variable(float(count)) if isinstance(count, int) else cast(count, dtype)


@_documented
def var(
    x: Operand, axis: Axes = None, ddof: Operand = 0, keepdims: bool = False, corrected: bool = False
) -> Variable:
    """The variance: the mean of (x - mean)**2, divided by n - ddof. Dtypes as in ``mean``; it is rounded
    once, too.

    >>> import tgen.tensor as T
    >>> T.var(T.fmatrix(), axis=0).type
    TensorType(float32, vector)
    """
    return _spread(x, axis, ddof, keepdims, corrected, lambda z: z)


def _spread(x, axis, ddof, keepdims, corrected, of):
    """``of`` of the variance, in the dtype of the mean."""
    x = as_tensor_variable(x)
    x = convert(x, config.floatX) if x.type.weak else x
    axes, result, weak = axes_of(axis, x.type.ndim), _mean_dtype(x.type.dtype), x.type.weak
    centred = _wide(x) - _mean(x, axes, keepdims=True)
    total = sum(elemwise("sqr")(centred), axes, keepdims=keepdims)
    z = total / _as_float(sizes.maximum(sizes.sub(_count(x, axes), ddof), 0), total.type.dtype)
    if corrected:
        z = z - elemwise("sqr")(mean(centred, axes, keepdims=keepdims))
    return _rounded(of(z), result, weak)


@_documented
def std(
    x: Operand, axis: Axes = None, ddof: Operand = 0, keepdims: bool = False, corrected: bool = False
) -> Variable:
    """The standard deviation, the square root of ``var``; its gradient is 0 where all elements are equal."""
    return _spread(x, axis, ddof, keepdims, corrected, elemwise("sqrt"))


@_documented
def max(x: Operand, axis: Axes = None, keepdims: bool = False) -> Variable:
    """The largest element, nan if any is nan; of nothing a ValueError (when the function runs). Same dtype.

    >>> import tgen.tensor as T
    >>> T.max(T.matrix(), axis=-1, keepdims=True).broadcastable
    (False, True)
    """
    return _reduce("max", as_tensor_variable(x), axis, keepdims)


@_documented
def min(x: Operand, axis: Axes = None, keepdims: bool = False) -> Variable:
    """The smallest element, nan if any is nan; of nothing a ValueError (when the function
    runs). Same dtype.
    """
    return _reduce("min", as_tensor_variable(x), axis, keepdims)


def _position(name, x, axis, keepdims):
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.type.ndim)
    if not axes:
        return (
            apply("cast", x - x, dtype="int64") if axis is None and not x.type.ndim else as_tensor_variable(0)
        )
    if 1 < len(axes) < x.type.ndim:
        rest = [a for a in range(x.type.ndim) if a not in axes]
        have = [sizes.length(x, a) for a in rest] + [_count(x, axes)]
        flat = apply("reshape", reorder(x, rest + list(axes)), *map(sizes.variable, have), ndim=len(have))
        return _kept(apply(name, flat, axes=(len(rest),)), x.type.ndim, axes, keepdims)
    return _kept(apply(name, x, axes=axes), x.type.ndim, axes, keepdims)


@_documented
def argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> Variable:
    """Where the first largest element (or the first nan) is, int64; over several axes: in the C order of
    these.

    >>> import tgen.tensor as T
    >>> T.argmax(T.fmatrix(), axis=1).type
    TensorType(int64, vector)
    """
    return _position("argmax", x, axis, keepdims)


@_documented
def argmin(x: Operand, axis: int | None = None, keepdims: bool = False) -> Variable:
    """Where the first smallest element (or the first nan) is, int64; over several axes: in the C order of
    these.
    """
    return _position("argmin", x, axis, keepdims)


@_documented
def max_and_argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> list[Variable]:
    """The list [max(x), argmax(x)]."""
    return [max(x, axis, keepdims), argmax(x, axis, keepdims)]


@_documented
def any(x: Operand, axis: Axes = None, keepdims: bool = False) -> Variable:
    """Whether any element is not 0, bool."""
    return _reduce("any", boolean(x), axis, keepdims)


@_documented
def all(x: Operand, axis: Axes = None, keepdims: bool = False) -> Variable:
    """Whether no element is 0, bool.

    >>> import tgen.tensor as T
    >>> T.all(T.imatrix(), axis=0).type
    TensorType(bool, vector)
    """
    return _reduce("all", boolean(x), axis, keepdims)


@_documented
def count_nonzero(x: Operand, axis: Axes = None, keepdims: bool = False) -> Variable:
    """How many elements are not 0, int64."""
    return sum(boolean(x), axis, keepdims=keepdims)


@_documented
def ptp(x: Operand, axis: Axes = None) -> Variable:
    """The largest less the smallest element (peak to peak). Same dtype."""
    return max(x, axis) - min(x, axis)


@_documented
def norm(x: Operand, L: Any, axis: Axes = None, keepdims: bool = False) -> Variable:
    """The norm of order ``L``: (sum |x|**L)**(1/L); 0 counts what is not 0, inf and -inf are the extremes of
    |x|.

    Its gradient where x is 0 is 0, a subgradient; also for L < 1, where the slope of a power is infinite.

    >>> import tgen.tensor as T
    >>> T.norm(T.ivector(), 2).dtype
    'float64'
    """
    x = as_tensor_variable(x)
    if L == 0:
        return sum(elemwise("neq")(x, 0), axis, keepdims=keepdims)
    size = elemwise("abs")(x)
    if L in (float("inf"), float("-inf")):
        return (max if L > 0 else min)(size, axis, keepdims)
    if L == 1:
        return sum(size, axis, keepdims=keepdims)
    if L == 2:
        z = elemwise("sqrt")(sum(elemwise("sqr")(_wide(x)), axis, keepdims=keepdims))
    else:
        powers = _wide(size) ** L
        if L < 1:  # the slope of a power is infinite at 0
            powers = switch(elemwise("eq")(size, 0), 0.0 if L > 0 else float("inf"), powers)
        total = sum(powers, axis, keepdims=keepdims)
        z = total ** (1.0 / L)
        if L > 0:
            z = switch(elemwise("eq")(total, 0), total, z)
    return _rounded(z, x.type.dtype if is_float(x.type.dtype) else z.type.dtype, z.type.weak)


@_documented
def logsumexp(x: Operand, axis: Axes = None, keepdims: bool = False) -> Variable:
    """log(sum(exp(x))) without overflow: the largest element is taken out first; -inf of nothing. Floats keep
    their dtype.

    >>> import tgen.tensor as T
    >>> T.logsumexp(T.fmatrix(), axis=1).type
    TensorType(float32, vector)
    """
    x = as_tensor_variable(x)
    if not is_float(x.type.dtype):
        x = elemwise("true_div")(x, 1)
    return _reduce("logsumexp", x, axis, keepdims)
