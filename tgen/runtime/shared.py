"""``shared(value)``: which shared variable a Python value makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from tgen.core.dtypes import DTYPES
from tgen.core.generic import GenericType
from tgen.core.types import TensorType
from tgen.graph.nodes import Variable
from tgen.graph.shared import (
    GenericSharedVariable,
    ScalarSharedVariable,
    SharedVariable,
    TensorSharedVariable,
)

_NUMBERS = (bool, int, float)
# class of a value -> what makes its shared variable: filled by layers above, for values that are no arrays
CONSTRUCTORS: dict[type, Callable[[Any, str | None, bool, bool | None, bool], SharedVariable]] = {}
_REFUSED = "No suitable SharedVariable constructor could be found. "


@overload
def shared(
    value: float | np.ndarray | np.generic,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: Sequence[bool] | None = None,
    shape: Sequence[int | None] | None = None,
) -> TensorSharedVariable: ...
@overload
def shared(
    value: object,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: Sequence[bool] | None = None,
    shape: Sequence[int | None] | None = None,
) -> SharedVariable: ...
def shared(
    value: object,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: Sequence[bool] | None = None,
    shape: Sequence[int | None] | None = None,
    **unknown: Any,
) -> SharedVariable:
    """A shared variable with ``value``: kept between calls, read and updated by functions.

    An array gives a tensor of its dtype and number of dimensions, none of them broadcastable unless
    ``broadcastable`` (booleans) or ``shape`` (an int or None per axis) says so; such sizes are then kept by
    ``set_value``. An int is int64, a float float64, a NumPy number what it is. A list, a string or
    another object gives a generic shared variable without tensor operators.

    ``borrow=True``: an aligned native array is the storage itself, else a copy is. ``strict`` and
    ``allow_downcast`` are for ``set_value``.

    Raises TypeError for a symbolic value, a masked array, a dtype no tensor has, and unknown keywords.

    >>> w = shared(np.zeros((1, 3)), "w")
    >>> w.type, shared(np.zeros((1, 3)), shape=(1, 3)).type, shared(0).type
    (TensorType(float64, matrix), TensorType(float64, shape=(1, 3)), TensorType(int64, scalar))
    """
    if isinstance(value, Variable):
        raise TypeError(
            f"Shared variable constructor needs numeric values and not symbolic variables; got {value}."
        )
    if unknown:
        raise TypeError(
            f"{_REFUSED}shared() has no argument {next(iter(unknown))!r}; cast the value "
            "instead: shared(numpy.asarray(value, dtype=...))"
        )
    made: type[TensorSharedVariable]
    if isinstance(value, np.ndarray):
        made, array = TensorSharedVariable, _array(value)
    elif isinstance(value, _NUMBERS) or isinstance(value, np.number):
        made, array = ScalarSharedVariable, _number(value)
    else:
        if broadcastable is not None or shape is not None:
            raise TypeError(
                f"{_REFUSED}broadcastable and shape are for arrays; got {value!r:.80} "
                f"({type(value).__name__})"
            )
        for kind, make in CONSTRUCTORS.items():
            if isinstance(value, kind):
                return make(value, name, strict, allow_downcast, borrow)
        return GenericSharedVariable(name, GenericType(), value, strict, allow_downcast, borrow=borrow)
    try:
        return made(
            name,
            TensorType(str(array.dtype), _sizes(array, broadcastable, shape)),
            array,
            strict,
            allow_downcast,
            borrow=borrow,
        )
    except MemoryError as error:
        raise MemoryError(f"{error}; you might consider using shared(..., borrow=True)") from None


def _array(value: np.ndarray) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{_REFUSED}A masked array would silently lose its mask; pass value.filled(...) or value.data"
        )
    native = value.dtype.newbyteorder("=")
    if str(native) not in DTYPES:
        raise TypeError(f"{_REFUSED}tgen has no tensors of dtype {value.dtype}; it has {', '.join(DTYPES)}")
    if value.__class__ not in (np.ndarray, np.memmap):
        value = np.asarray(value)
    return value if value.dtype.isnative else value.astype(native)


def _number(value: bool | int | float | np.number) -> np.ndarray:
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise TypeError(f"{_REFUSED}{value} does not fit int64")
    return _array(np.asarray(value))


def _sizes(
    array: np.ndarray, broadcastable: Sequence[bool] | None, shape: Sequence[int | None] | None
) -> tuple[int | None, ...]:
    """The static size per axis the variable's type has, from one of the two arguments."""
    if broadcastable is not None and shape is not None:
        raise TypeError("give shared() either broadcastable or shape, not both")
    sizes: list[int | None] = [None] * array.ndim
    if broadcastable is not None:
        sizes = [1 if b else None for b in broadcastable]
    if shape is not None:
        sizes = [None if s is None else int(s) for s in shape]
    if len(sizes) != array.ndim:
        raise TypeError(
            f"{_REFUSED}broadcastable or shape has {len(sizes)} entries; the value has "
            f"{array.ndim} dimensions"
        )
    return tuple(sizes)
