"""Sums, extremes, positions, means: one primitive reduction each, with its casts before and ``keepdims`` after."""
from tgen.config import config
from tgen.core.types import is_float, is_unsigned

from . import sizes
from .apply import apply, apply_many, reorder, set_weak
from .elemwise import abs as absolute
from .elemwise import boolean, elemwise, switch
from .manipulate import axis_number
from .promotion import as_dtype, cast, convert
from .variable import as_tensor_variable

__all__ = ["sum", "prod", "mean", "var", "std", "max", "min", "argmax", "argmin", "max_and_argmax", "any", "all", "ptp", "norm",
           "logsumexp", "count_nonzero"]
_AXES = """

    ``axis`` is None (all axes), an int, or a list of ints; negative ones count from the end (ValueError if there is no
    such axis). ``keepdims`` leaves the axes in the result with size 1, which broadcasts."""


def _documented(function):
    function.__doc__ = function.__doc__.replace("\n\n    >>>", _AXES + "\n\n    >>>", 1) if ">>>" in function.__doc__ else function.__doc__.rstrip() + _AXES + "\n    "
    return function


def axes_of(axis, ndim):
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


def _reduce(name, x, axis, keepdims):
    axes = axes_of(axis, x.type.ndim)
    weak = x.type.weak
    if not axes:
        return reorder(x, range(x.type.ndim))
    return _kept(set_weak(apply_many(name, [x], axes=axes)[0], weak), x.type.ndim, axes, keepdims)


def _widened(dtype):
    """What integers are added up in."""
    return dtype if is_float(dtype) else "uint64" if is_unsigned(dtype) else "int64"


def _accumulate(name, x, axis, dtype, acc_dtype, keepdims):
    x = as_tensor_variable(x)
    result = as_dtype(dtype) if dtype is not None else _widened(x.type.dtype)
    inside = as_dtype(acc_dtype) if acc_dtype is not None else result
    if is_float(x.type.dtype) and not is_float(inside):
        raise TypeError(f"{name} of {x} of {x.type} cannot be accumulated in {inside}; cast the operand first, T.cast(x, {inside!r})")
    operand = convert(x, inside) if dtype is None and acc_dtype is None else cast(x, inside)
    z = _reduce(name, operand, axis, keepdims)
    return z if inside == result else cast(z, result)


@_documented
def sum(x, axis=None, dtype=None, keepdims=False, acc_dtype=None):
    """The sum; 0 of nothing. Bools and ints are added up in int64 (unsigned: uint64), floats in their own dtype.

    ``dtype`` is that of the result, ``acc_dtype`` that of the additions.

    >>> import tgen.tensor as T
    >>> T.sum(T.imatrix(), axis=1, keepdims=True).type
    TensorType(int64, col)
    """
    return _accumulate("sum", x, axis, dtype, acc_dtype, keepdims)


@_documented
def prod(x, axis=None, dtype=None, keepdims=False, acc_dtype=None, no_zeros_in_input=False):
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
def mean(x, axis=None, dtype=None, op=False, keepdims=False, acc_dtype=None):
    """The arithmetic mean; nan of nothing. Bools and ints give float64, floats their own dtype; or ``dtype``.

    >>> import tgen.tensor as T
    >>> T.mean(T.ivector()).dtype, T.mean(T.fvector()).dtype
    ('float64', 'float32')
    """
    x = as_tensor_variable(x)
    result = as_dtype(dtype) if dtype is not None else x.type.dtype if is_float(x.type.dtype) else "float64"
    if not is_float(result):
        raise TypeError(f"the mean is a float; got dtype={result!r}")
    axes = axes_of(axis, x.type.ndim)
    inside = as_dtype(acc_dtype) if acc_dtype is not None else result
    total = _accumulate("sum", x, axes, inside, None, keepdims) if not x.type.weak else _reduce("sum", convert(x, config.floatX), axes, keepdims)
    z = total / _as_float(_count(x, axes), total.type.dtype)
    return z if z.type.weak or z.type.dtype == result else cast(z, result)


def _as_float(count, dtype):
    return as_tensor_variable(float(count)) if isinstance(count, int) else cast(count, dtype)


@_documented
def var(x, axis=None, ddof=0, keepdims=False, corrected=False):
    """The variance: the mean of (x - mean)**2, divided by n - ddof. Dtypes as in ``mean``.

    >>> import tgen.tensor as T
    >>> T.var(T.fmatrix(), axis=0).type
    TensorType(float32, vector)
    """
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.type.ndim)
    centred = x - mean(x, axes, keepdims=True)
    total = sum(elemwise("sqr")(centred), axes, keepdims=keepdims)
    z = total / _as_float(sizes.maximum(sizes.sub(_count(x, axes), ddof), 0), total.type.dtype)
    if corrected:
        z = z - elemwise("sqr")(mean(centred, axes, keepdims=keepdims))
    return z


@_documented
def std(x, axis=None, ddof=0, keepdims=False, corrected=False):
    """The standard deviation, the square root of ``var``."""
    return elemwise("sqrt")(var(x, axis, ddof, keepdims, corrected))


@_documented
def max(x, axis=None, keepdims=False):
    """The largest element, nan if any is nan; of nothing a ValueError (when the function runs). Same dtype.

    >>> import tgen.tensor as T
    >>> T.max(T.matrix(), axis=-1, keepdims=True).broadcastable
    (False, True)
    """
    return _reduce("max", as_tensor_variable(x), axis, keepdims)


@_documented
def min(x, axis=None, keepdims=False):
    """The smallest element, nan if any is nan; of nothing a ValueError (when the function runs). Same dtype."""
    return _reduce("min", as_tensor_variable(x), axis, keepdims)


def _position(name, x, axis, keepdims):
    x = as_tensor_variable(x)
    axes = axes_of(axis, x.type.ndim)
    if not axes:
        return apply("cast", x - x, dtype="int64") if axis is None and not x.type.ndim else as_tensor_variable(0)
    if 1 < len(axes) < x.type.ndim:
        rest = [a for a in range(x.type.ndim) if a not in axes]
        have = [sizes.length(x, a) for a in rest] + [_count(x, axes)]
        flat = apply("reshape", reorder(x, rest + list(axes)), *map(sizes.variable, have), ndim=len(have))
        return _kept(apply(name, flat, axes=(len(rest),)), x.type.ndim, axes, keepdims)
    return _kept(apply(name, x, axes=axes), x.type.ndim, axes, keepdims)


@_documented
def argmax(x, axis=None, keepdims=False):
    """Where the first largest element (or the first nan) is, int64; over several axes: in the C order of these.

    >>> import tgen.tensor as T
    >>> T.argmax(T.fmatrix(), axis=1).type
    TensorType(int64, vector)
    """
    return _position("argmax", x, axis, keepdims)


@_documented
def argmin(x, axis=None, keepdims=False):
    """Where the first smallest element (or the first nan) is, int64; over several axes: in the C order of these."""
    return _position("argmin", x, axis, keepdims)


@_documented
def max_and_argmax(x, axis=None, keepdims=False):
    """The list [max(x), argmax(x)]."""
    return [max(x, axis, keepdims), argmax(x, axis, keepdims)]


@_documented
def any(x, axis=None, keepdims=False):
    """Whether any element is not 0, bool."""
    return _reduce("any", boolean(x), axis, keepdims)


@_documented
def all(x, axis=None, keepdims=False):
    """Whether no element is 0, bool.

    >>> import tgen.tensor as T
    >>> T.all(T.imatrix(), axis=0).type
    TensorType(bool, vector)
    """
    return _reduce("all", boolean(x), axis, keepdims)


@_documented
def count_nonzero(x, axis=None, keepdims=False):
    """How many elements are not 0, int64."""
    return sum(boolean(x), axis, keepdims=keepdims)


@_documented
def ptp(x, axis=None):
    """The largest less the smallest element (peak to peak). Same dtype."""
    return max(x, axis) - min(x, axis)


@_documented
def norm(x, L, axis=None, keepdims=False):
    """The norm of order ``L``: (sum |x|**L)**(1/L); 0 counts what is not 0, inf and -inf are the extremes of |x|.

    >>> import tgen.tensor as T
    >>> T.norm(T.ivector(), 2).dtype
    'float64'
    """
    x = as_tensor_variable(x)
    if L == 0:
        return sum(elemwise("neq")(x, 0), axis, keepdims=keepdims)
    size = absolute(x)
    if L in (float("inf"), float("-inf")):
        return (max if L > 0 else min)(size, axis, keepdims)
    if L == 1:
        return sum(size, axis, keepdims=keepdims)
    if L == 2:
        return elemwise("sqrt")(sum(elemwise("sqr")(x), axis, keepdims=keepdims))
    return sum(size ** L, axis, keepdims=keepdims) ** (1.0 / L)


@_documented
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) without overflow: the largest element is taken out first; -inf of nothing. Floats keep their dtype.

    >>> import tgen.tensor as T
    >>> T.logsumexp(T.fmatrix(), axis=1).type
    TensorType(float32, vector)
    """
    x = as_tensor_variable(x)
    if not is_float(x.type.dtype):
        x = elemwise("true_div")(x, 1)
    return _reduce("logsumexp", x, axis, keepdims)
