"""Arrays from sizes and numbers: zeros, alloc, arange, eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import config
from tgen.core.dtypes import is_float, is_unsigned
from tgen.core.types import promote
from tgen.graph import sizes
from tgen.graph.nodes import Constant, mention

from .apply import apply, pad, reorder
from .elemwise import elemwise, switch
from .manipulate import to_sizes
from .promotion import as_dtype, cast, convert, settle
from .variable import as_tensor_variable, constant

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype
    from tgen.graph.nodes import Operand, Variable

__all__ = [
    "alloc",
    "full",
    "full_like",
    "fill",
    "zeros",
    "ones",
    "zeros_like",
    "ones_like",
    "empty",
    "arange",
    "eye",
    "identity",
    "identity_like",
    "tri",
    "second",
    "bartlett",
    "mgrid",
    "ogrid",
]


def alloc(value: Operand, *shape: Operand) -> Variable:
    """``value`` repeated to ``shape``: ints and integer scalars (one by one, or one list or vector of them).

    Axes of ``value`` that are 1 in its type repeat, the others must have their size. A Python number stays
    weak.

    >>> import tgen.tensor as T
    >>> T.alloc(0., 1, T.lscalar()).broadcastable
    (True, False)
    """
    value = as_tensor_variable(value)
    wanted = sizes.as_shape(shape[0] if len(shape) == 1 else shape)
    if any(isinstance(s, int) and s < 0 for s in wanted):
        raise ValueError(f"negative size in shape {tuple(wanted)}")
    if len(wanted) < value.type.ndim:
        raise ValueError(f"cannot fill {len(wanted)} dimensions with {value} of {value.type}, which has more")
    return to_sizes(value, wanted)


def full(shape: Operand, fill_value: Operand, dtype: AnyDtype | None = None) -> Variable:
    """An array of ``shape`` in which every element is ``fill_value``, of its dtype or the given one."""
    return alloc(fill_value if dtype is None else cast(fill_value, dtype), shape)


def zeros(shape: Operand, dtype: AnyDtype | None = None) -> Variable:
    """Zeros of ``shape``, of config.floatX or the given dtype.

    >>> import tgen.tensor as T
    >>> T.zeros((1, 3)).broadcastable, T.zeros(2, 'int8').dtype
    ((True, False), 'int8')
    """
    return full(shape, 0, dtype or "floatX")


def ones(shape: Operand, dtype: AnyDtype | None = None) -> Variable:
    """Ones of ``shape``, of config.floatX or the given dtype."""
    return full(shape, 1, dtype or "floatX")


empty = zeros


def fill(model: Operand, value: Operand) -> Variable:
    """``value`` repeated to the shape of ``model``, in the dtype of ``value`` (a Python number: of both
    together).

    >>> import tgen.tensor as T
    >>> T.fill(T.fmatrix(), 2).type
    TensorType(float32, matrix)
    """
    model, value = as_tensor_variable(model), as_tensor_variable(value)
    if value.type.weak and not model.type.weak:
        (_, dtype), _ = settle([model.type, value.type])
        value = cast(convert(value, dtype), dtype)
    return _in_place_of(model, value)


second = fill


def _in_place_of(model, value):
    """``value`` in the shape of ``model``. It depends on a scalar too, so that a function of it may take that
    scalar as an input.
    """
    if value.type.ndim > model.type.ndim:
        raise ValueError(
            f"cannot fill {model} of {model.type} with {value} of {value.type}, which has more dimensions"
        )
    if model.type.ndim or isinstance(model, Constant):
        result = to_sizes(value, sizes.lengths(model))
        return result if result is value else mention(result, [model])
    model = apply("disconnected_grad", model)  # as that of a size: nothing of the value is used
    return apply("switch", apply("eq", model, model), value, value, weak=value.type.weak)


def full_like(model: Operand, fill_value: Operand, dtype: AnyDtype | None = None) -> Variable:
    """``fill_value`` in the shape of ``model`` and its dtype, or the given one."""
    model = as_tensor_variable(model)
    return _in_place_of(model, cast(fill_value, dtype or model.type.dtype))


def zeros_like(model: Operand, dtype: AnyDtype | None = None, opt: bool = False) -> Variable:
    """Zeros in the shape and dtype of ``model``, or the given dtype.

    >>> import tgen.tensor as T
    >>> T.zeros_like(T.ivector()).type
    TensorType(int32, vector)
    """
    return full_like(model, 0, dtype)


def ones_like(model: Operand, dtype: AnyDtype | None = None, opt: bool = False) -> Variable:
    """Ones in the shape and dtype of ``model``, or the given dtype."""
    return full_like(model, 1, dtype)


def arange(
    start: Operand, stop: Operand | None = None, step: Operand = 1, dtype: AnyDtype | None = None
) -> Variable:
    """start, start + step, ... up to but without stop; ``arange(n)`` starts at 0.

    Ints give int64 (unsigned ones uint64), floats their dtype (Python floats config.floatX), or ``dtype``.
    The operands are scalars; a step of 0 is a ValueError.

    >>> import tgen.tensor as T
    >>> T.arange(T.iscalar()).type, T.arange(0, 1, 0.25).dtype
    (TensorType(int64, vector), 'float64')
    """
    if stop is None:
        start, stop = 0, start
    operands = [as_tensor_variable(v) for v in (start, stop, step)]
    if any(v.type.ndim for v in operands):
        raise TypeError(
            f"arange wants scalars, got {', '.join(f'{v} of {v.type}' for v in operands if v.type.ndim)}"
        )
    strong = [v.type.dtype for v in operands if not v.type.weak]
    floats = any(is_float(v.type.dtype) for v in operands)
    common = promote(strong) if strong else config.floatX if floats else "int64"
    if floats and not is_float(common):
        common = "float64"
    result = (
        as_dtype(dtype)
        if dtype is not None
        else common
        if is_float(common)
        else "uint64"
        if is_unsigned(common)
        else "int64"
    )
    if is_float(common):
        return _arange_floats([convert(v, common) for v in operands], operands, result)
    return _arange_ints([sizes.as_size(v, "arange's operand") for v in operands], result)


def _arange_ints(bounds, result):
    start, stop, step = bounds
    if sizes.is_known(step, 0):
        raise ValueError("arange with a step of 0 never arrives")
    count = sizes.sub(stop, start)
    if not sizes.is_known(step, 1):  # ceil((stop - start) / step) for either sign of step
        count = sizes.sub(0, sizes.div(sizes.sub(start, stop), step))
    z = apply("iota", sizes.variable(sizes.maximum(count, 0)))
    if not sizes.is_known(step, 1):
        z = apply("mul", z, pad(sizes.variable(step), 1))
    if not sizes.is_known(start, 0):
        z = apply("add", z, pad(sizes.variable(start), 1))
    return cast(z, result)


def _arange_floats(bounds, operands, result):
    start, stop, step = bounds
    if all(hasattr(v, "data") for v in operands):
        return constant(np.arange(*(v.data for v in operands)).astype(result))
    count = cast(elemwise("ceil")((stop - start) / step), "int64")
    z = cast(apply("iota", sizes.maximum(count, 0)), start.type.dtype)
    return cast(z * step + start, result)


def _difference(n, m):
    """Column number less row number, int64, n by m."""
    row, column = (apply("iota", sizes.variable(s)) for s in (n, m))
    return elemwise("sub")(pad(column, 2), reorder(row, (0, "x")))


def eye(n: Operand, m: Operand | None = None, k: Operand = 0, dtype: AnyDtype | None = None) -> Variable:
    """n by m (default n) zeros with ones on the k-th diagonal (above the main one for k > 0).

    >>> import tgen.tensor as T
    >>> T.eye(2).type
    TensorType(float64, shape=(2, 2))
    """
    n = sizes.as_size(n)
    return cast(elemwise("eq")(_difference(n, n if m is None else sizes.as_size(m)), k), dtype or "floatX")


def identity(n: Operand, dtype: AnyDtype | None = None) -> Variable:
    """The n by n identity matrix."""
    return eye(n, dtype=dtype)


def identity_like(x: Operand, dtype: AnyDtype | None = None) -> Variable:
    """The identity matrix in the shape and dtype of matrix x."""
    x = as_tensor_variable(x)
    return eye(sizes.length(x, 0), sizes.length(x, 1), dtype=dtype or x.type.dtype)


def tri(n: Operand, m: Operand | None = None, k: Operand = 0, dtype: AnyDtype | None = None) -> Variable:
    """n by m (default n): ones on and below the k-th diagonal, zeros above."""
    n = sizes.as_size(n)
    return cast(elemwise("le")(_difference(n, n if m is None else sizes.as_size(m)), k), dtype or "floatX")


def bartlett(M: Operand) -> Variable:
    """A window of M points that rises in a straight line from 0 to 1 and falls again, float64; nothing for M
    < 1.

    >>> bartlett(5).eval()
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    points = sizes.variable(sizes.maximum(sizes.as_size(M, "M"), 0))
    last = sizes.sub(points, 1)
    along = cast(apply("iota", points), "float64")
    spread = cast(sizes.variable(sizes.maximum(last, 1)), "float64")
    rising = elemwise("sub")(
        1.0, elemwise("abs")(elemwise("sub")(elemwise("true_div")(elemwise("mul")(along, 2.0), spread), 1.0))
    )
    return switch(elemwise("eq")(points, 1), elemwise("add")(rising, 1.0), rising)  # a single point is 1


class Grid:
    """``mgrid[0:3, 0:n]``: for each slice (of ints and integer scalars) the coordinates along its axis, as a
    list of arrays.

    Those of ``mgrid`` all have the shape of the whole grid, those of ``ogrid`` size 1 along the other axes,
    so that they broadcast. One slice gives its ``arange``, no list. TypeError for what is no slice,
    ValueError for one without a stop.

    >>> rows, columns = ogrid[0:2, 0:3]
    >>> (rows * 3 + columns).eval()
    array([[0, 1, 2],
           [3, 4, 5]])
    """

    def __init__(self, name: str, sparse: bool) -> None:
        self.name, self.sparse = name, sparse

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        lines = [self._line(k) for k in keys]
        if not isinstance(key, tuple):
            return lines[0]
        spread = [
            reorder(line, [0 if a == k else "x" for a in range(len(lines))]) for k, line in enumerate(lines)
        ]
        if self.sparse:
            return spread
        return [to_sizes(v, [sizes.length(line, 0) for line in lines]) for v in spread]

    def _line(self, key):
        if not isinstance(key, slice) or isinstance(key.step, complex):
            raise TypeError(
                f"{self.name} takes slices of integers, such as {self.name}[0:3, 0:n], got {key!r}"
            )
        if key.stop is None:
            raise ValueError(f"a slice of {self.name} needs a stop, got {key!r}")
        return arange(0 if key.start is None else key.start, key.stop, 1 if key.step is None else key.step)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return self.name


mgrid, ogrid = Grid("mgrid", False), Grid("ogrid", True)
