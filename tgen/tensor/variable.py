"""What becomes a tensor variable and how: ``as_tensor_variable``, ``constant``, calling a TensorType."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import config
from tgen.core.op import METHODS
from tgen.core.types import TensorType, tensor_type
from tgen.errors import about_bool, holds_bool
from tgen.graph.nodes import Constant, Variable, user_line
from tgen.graph.shared import SharedVariable

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype
    from tgen.graph.nodes import Operand

__all__ = [
    "as_tensor_variable",
    "as_tensor",
    "constant",
    "TensorVariable",
    "TensorConstant",
    "TensorType",
    "Variable",
    "Constant",
    "get_scalar_constant_value",
    "extract_constant",
    "NotScalarConstantError",
]

TensorConstant = Constant
_WEAK_DTYPES = {bool: "bool", int: "int64"}


class _IsTensorVariable(type):
    def __instancecheck__(cls, v):
        if cls is not TensorVariable:
            return type.__instancecheck__(cls, v)
        return (
            isinstance(v, Variable)
            and isinstance(v.type, TensorType)
            and not isinstance(v, (Constant, SharedVariable))
        )


class TensorVariable(Variable, metaclass=_IsTensorVariable):
    """What ``isinstance(v, T.TensorVariable)`` asks for, as in Theano: a tensor that is neither shared nor a
    constant.

    A base of classes of a program's own, too, with Theano's order of arguments.

    >>> one, n = as_tensor_variable(1), TensorType("int64", ())("n")
    >>> isinstance(one, TensorVariable), isinstance(n, TensorVariable)
    (False, True)
    """

    def __init__(
        self, type: Any, owner: Any = None, index: int | None = None, name: str | None = None
    ) -> None:
        super().__init__(type, name, owner, index or 0)

    def __reduce__(self) -> Any:
        if self.owner is not None:
            return super().__reduce__()
        return _tensor_variable, (type(self), self.type, self.name), self._state()


def _tensor_variable(cls, type, name):
    v = cls.__new__(cls)
    TensorVariable.__init__(v, type, name=name)
    return v


class WeakConstant(Constant):
    """A constant that came from a Python number; ``number`` is that number, so a conversion loses nothing."""

    __slots__ = ("number",)

    def __init__(self, number: float, name: str | None = None) -> None:
        self.number = number
        super().__init__(tensor_type(weak_dtype(number), (), True), number, name)

    def __reduce__(self) -> Any:
        return WeakConstant, (self.number, self.name), self._state()


def weak_dtype(number: float) -> str:
    """The dtype a Python number has where it must have one: bool, int64 or config.floatX."""
    dtype = _WEAK_DTYPES.get(type(number), config.floatX)
    if dtype == "int64" and not -(2**63) <= number < 2**63:
        raise OverflowError(
            f"the Python int {number} does not fit int64; pass a NumPy array of the dtype you mean"
        )
    return dtype


def _python_number(x):
    if isinstance(x, np.generic) or not isinstance(x, (bool, int, float)):
        return None
    return bool(x) if isinstance(x, bool) else int(x) if isinstance(x, int) else float(x)


def _array(x):
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("a masked array has no tensor: its mask would be lost; use x.filled(value)")
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"Cannot convert {x!r} to TensorType: wanted a variable, a number or an array of "
            f"numbers, got {type(x).__name__}"
            + (f" of dtype {array.dtype}" if isinstance(x, np.ndarray) else "")
        )
    return array


def constant(
    x: Any, name: str | None = None, ndim: int | None = None, dtype: AnyDtype | None = None
) -> Constant:
    """A constant variable of a number or an array.

    A Python number is *weak*: it takes the dtype of what it meets, and is int64 or config.floatX alone. An
    array keeps its dtype, and its shape is static, so axes of size 1 broadcast. ``dtype`` converts (and makes
    it strong); ``ndim`` pads with axes of size 1 on the left. TypeError for what holds no numbers, and for
    masked arrays.

    >>> import numpy as np
    >>> constant(2).dtype, constant(np.ones((1, 3), "float32")).broadcastable
    ('int64', (True, False))
    """
    if isinstance(x, Variable):
        raise TypeError(f"T.constant wants a value, got the variable {x}")
    number = _python_number(x)
    if number is not None and dtype is None and not ndim:
        return WeakConstant(number, name)
    array = _array(x) if dtype is None else _array(x).astype(config.floatX if dtype == "floatX" else dtype)
    if number is not None and dtype is None:
        array = array.astype(weak_dtype(number))
    if ndim is not None:
        if array.ndim > ndim:
            raise ValueError(f"ndim={ndim} is less than the {array.ndim} dimensions of the value")
        array = array.reshape((1,) * (ndim - array.ndim) + array.shape)
    return Constant(TensorType(array.dtype.name, array.shape), array, name)


def _holds_variable(x):
    return any(isinstance(e, Variable) or isinstance(e, (list, tuple)) and _holds_variable(e) for e in x)


def as_tensor_variable(x: Any, name: str | None = None, ndim: int | None = None) -> Variable:
    """A tensor variable of anything that can be one: a variable (returned as it is), number, array, or list
    of these.

    A list that holds a variable is stacked along a new first axis; an object with a method
    ``_as_TensorVariable`` says itself which variable it is. ``ndim`` pads with axes of size 1 on the left, or
    drops such axes there. TypeError for other objects; Python's True and False are none of these, as ``x ==
    1`` is False for a variable x: ``T.eq`` compares.

    >>> as_tensor_variable([1.0, 2.0]).type.shape
    (2,)
    """
    if ndim is None and isinstance(x, Variable) and isinstance(x.type, TensorType):
        return x
    if not isinstance(x, Variable) and hasattr(x, "_as_TensorVariable"):
        x = x._as_TensorVariable()
    if holds_bool(x):
        place = user_line()
        raise TypeError(
            f"Cannot cast {x!r:.80} as a tensor "
            f"variable{f' ({place[0]}:{place[1]})' if place else ''}{about_bool(x)}"
        )
    if isinstance(x, (list, tuple)) and _holds_variable(x):
        x = METHODS["stack"]([as_tensor_variable(e) for e in x])
    if not isinstance(x, Variable):
        return constant(x, name, ndim)
    if not isinstance(x.type, TensorType):
        raise TypeError(f"{x} of {x.type} is not a tensor, so it has no tensor operations")
    if ndim is None or ndim == x.ndim:
        return x
    if ndim > x.ndim:
        return METHODS["shape_padleft"](x, ndim - x.ndim)
    if not all(x.broadcastable[: x.ndim - ndim]):
        raise ValueError(
            f"{x} has {x.ndim} dimensions and cannot have {ndim}: the leading ones are not all "
            f"1 in its type {x.type}"
        )
    return METHODS["dimshuffle"](x, *range(x.ndim - ndim, x.ndim))


as_tensor = as_tensor_variable


class NotScalarConstantError(Exception):
    """A variable is not known to be one number."""


def get_scalar_constant_value(v: Operand) -> np.ndarray:
    """The 0-d array a variable is known to be: that of a constant with one element, repeated or not.

    NotScalarConstantError for all others.

    >>> get_scalar_constant_value(constant(3))
    array(3)
    """
    v = as_tensor_variable(v)
    while v.owner is not None and v.owner.primitive.name in ("dimshuffle", "broadcast_to"):
        v = v.owner.inputs[0]
    if not isinstance(v, Constant) or v.data.size != 1:
        raise NotScalarConstantError(f"{v} of {v.type} is not known to be one number")
    return v.data.reshape(())


def extract_constant(
    x: Operand, elemwise: bool = True, only_process_constants: bool = False
) -> np.ndarray | Variable:
    """The 0-d array x is known to be (see ``get_scalar_constant_value``), else x itself as a variable.

    >>> extract_constant(constant(3)), extract_constant(Variable(TensorType("int64", ()), "n"))
    (array(3), n)
    """
    try:
        return get_scalar_constant_value(x)
    except NotScalarConstantError:
        return as_tensor_variable(x)
