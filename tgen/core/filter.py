"""Which values a TensorType takes, and as which array: ``type.filter(value, strict, allow_downcast)``,
Theano's rules.

An array keeps its meaning or is refused: it is converted only to a dtype that holds all values of its own;
a Python number, list or NumPy scalar is converted when the result equals it. A Python float also goes into
``config.floatX`` inexactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tgen.config import config

if TYPE_CHECKING:
    from .types import TensorType

_KINDS = "biuf"  # bool, signed, unsigned, float: the kinds of dtype a tensor can be made of
_HINT = (
    "If you do not mind this loss, you can: 1) explicitly cast your data to {0}, or 2) set "
    '"allow_input_downcast=True" when calling "function" ("allow_downcast=True" for a shared '
    "variable)."
)


def filter_value(
    type: TensorType,
    value: object,
    strict: bool = False,
    allow_downcast: bool | None = None,
) -> np.ndarray:
    """``value`` as an aligned native array of ``type``; ``value`` itself (no copy) when it is one already.

    Raises TypeError when the dtype, the number of dimensions or a static size does not fit, for masked
    arrays, None, and objects that are not numbers.

    >>> from tgen.core.types import TensorType
    >>> filter_value(TensorType("float32", (None,)), [1, 2])
    array([1., 2.], dtype=float32)
    >>> filter_value(TensorType("int32", ()), 1.5)
    Traceback (most recent call last):
        ...
    TypeError: TensorType(int32, scalar) cannot store accurately value 1.5, it would be represented as 1. If
    you do not mind this loss, you can: 1) explicitly cast your data to int32, or 2) set
    "allow_input_downcast=True" when calling "function" ("allow_downcast=True" for a shared variable).
    """
    data = _as_data(type, value, strict, allow_downcast)
    if data.ndim != type.ndim:
        raise TypeError(
            f"Wrong number of dimensions: expected {type.ndim}, got {data.ndim} with shape {data.shape}."
        )
    if not data.flags.aligned:
        data = data.copy(order="K")
    _check_shape(type, data)
    return data


def _as_data(
    type: TensorType,
    value: object,
    strict: bool,
    allow_downcast: bool | None,
) -> np.ndarray:
    if value is None:
        raise TypeError(f"{type} needs an array or a number; got None")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("a masked array would silently lose its mask; pass value.filled(...) or value.data")
    if strict and (not isinstance(value, np.ndarray) or value.dtype != type.dtype):
        got = (
            f"an array of dtype {value.dtype}"
            if isinstance(value, np.ndarray)
            else f"{value!r:.80} ({value.__class__.__name__})"
        )
        raise TypeError(f"{type} is strict: it needs an ndarray of dtype {type.dtype}; got {got}")
    if isinstance(value, np.ndarray):
        return _from_array(type, value, allow_downcast)
    return _from_number(type, value, allow_downcast)


def _from_array(type: TensorType, value: np.ndarray, allow_downcast: bool | None) -> np.ndarray:
    data = value if value.__class__ in (np.ndarray, np.memmap) else np.asarray(value)
    dtype = np.dtype(type.dtype)
    if data.dtype == dtype:
        return data if data.dtype.isnative else data.astype(dtype)
    if data.dtype.kind not in _KINDS:
        raise TypeError(f"{type} needs numbers; got an array of dtype {data.dtype}")
    if allow_downcast or np.promote_types(dtype, data.dtype) == dtype:
        with np.errstate(all="ignore"):
            return data.astype(dtype)
    raise TypeError(
        f"{type} cannot store a value of dtype {data.dtype} without risking loss of precision. "
        f"{_HINT.format(type.dtype)}"
    )


def _from_number(type: TensorType, value: object, allow_downcast: bool | None) -> np.ndarray:
    data = _numbers(type, value)
    with np.errstate(all="ignore"):
        converted: np.ndarray = data.astype(type.dtype)
    inexact = (
        allow_downcast or allow_downcast is None and value.__class__ is float and type.dtype == config.floatX
    )
    if inexact or _same(data, converted):
        return converted
    raise TypeError(
        f"{type} cannot store accurately value {value!r:.200}, it would be represented as "
        f"{converted}. {_HINT.format(type.dtype)}"
    )


def _numbers(type: TensorType, value: object) -> np.ndarray:
    """The array NumPy makes of a list or number; an object with a wrong length or without numbers is a
    TypeError.
    """
    try:
        data = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise TypeError(f"{type} needs an array-like of numbers; got {value!r:.200}: {error}") from None
    if data.dtype.kind == "O" and isinstance(value, int):
        raise TypeError(
            f"{type} cannot store accurately value {value!r:.200}: no integer dtype of tgen is that wide"
        )
    if data.dtype.kind not in _KINDS:
        raise TypeError(
            f"{type} needs an array-like of numbers; got {value!r:.200} ({value.__class__.__name__})"
        )
    return data


def _same(data: np.ndarray, converted: np.ndarray) -> bool:
    """Whether the conversion kept every value, NaN included; tested by going back, so 2**53 + 1 does not
    equal its double.
    """
    with np.errstate(all="ignore"):
        back = converted.astype(data.dtype)
    if data.dtype.kind == "f" and converted.dtype.kind == "f":
        return bool(((back == data) | (np.isnan(back) & np.isnan(data))).all())
    return bool((back == data).all()) and bool(((converted < 0) == (data < 0)).all())


def _check_shape(type: TensorType, data: np.ndarray) -> None:
    for axis, (wanted, got) in enumerate(zip(type.shape, data.shape)):
        if wanted is None or wanted == got:
            continue
        if wanted == 1:
            raise TypeError(
                f"Non-unit value on shape on a broadcastable dimension: axis {axis} must be 1, "
                f"got shape {data.shape}; its type is {type}."
            )
        raise TypeError(f"{type} has the static size {wanted} on axis {axis}; got shape {data.shape}.")


def is_valid(type: TensorType, value: object, strict: bool = False) -> bool:
    """Whether ``filter`` would take ``value``."""
    try:
        filter_value(type, value, strict)
    except TypeError:
        return False
    return True
