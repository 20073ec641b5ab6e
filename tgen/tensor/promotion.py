"""Dtypes of results: NumPy 2's promotion, in which a Python number (weak) takes the dtype of
what it meets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tgen.config import config
from tgen.core.dtypes import is_float, is_int
from tgen.core.types import float_of, promote, tensor_type
from tgen.graph.nodes import Constant, user_line

from .apply import apply
from .variable import WeakConstant, as_tensor_variable

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype, TensorType
    from tgen.graph.nodes import Operand, Variable

__all__ = ["cast", "as_dtype", "upcast"]
_RANK = {"bool": 0, "int64": 1}


def as_dtype(dtype: AnyDtype) -> str:
    """A dtype name of a name, ``'floatX'``, a NumPy dtype or a type.

    >>> as_dtype("floatX"), as_dtype(np.int32), as_dtype(float)
    ('float64', 'int32', 'float64')
    """
    return config.floatX if dtype == "floatX" else np.dtype(dtype).name


def settle(types: Sequence[TensorType]) -> tuple[list[str], bool]:
    """(dtype of each operand, whether the result is weak) when operands of ``types`` meet.

    A strong dtype other than bool decides: weak operands take it, a weak float beside integers makes a float
    (float32 beside 8 and 16 bits, else float64). With none, weak operands take the widest weak kind among
    them.
    """
    strong = [t.dtype for t in types if not t.weak]
    if any(d != "bool" for d in strong):
        base = promote(strong)
        return [_beside(t.dtype, base) if t.weak else t.dtype for t in types], False
    weak = [t.dtype for t in types if t.weak]
    if not weak:
        return strong, False
    widest = max(weak, key=lambda d: _RANK.get(d, 2))
    if _RANK.get(widest, 2) == 2:
        widest = config.floatX
    return [widest if t.weak else t.dtype for t in types], True


def _beside(weak, base):
    """The dtype of a weak operand next to a strong non-bool ``base``."""
    if weak == "bool":
        return weak
    return float_of(base) if is_float(weak) else base


def convert(v: Variable, dtype: str) -> Variable:
    """v as ``dtype``; a Python int must fit (OverflowError with the user's line)."""
    if v.type.dtype == dtype:
        return v
    if not isinstance(v, WeakConstant):
        return apply("cast", v, dtype=dtype, weak=v.type.weak)
    if v.type.dtype == "int64" and is_int(dtype):
        limits = np.iinfo(dtype)
        if not limits.min <= v.number <= limits.max:
            place = user_line()
            raise OverflowError(
                f"the Python int {v.number} does not fit {dtype}, the dtype of what it meets "
                f"({limits.min} .. {limits.max})"
                f"{f' ({place[0]}:{place[1]})' if place else ''}; cast the other operand to "
                "a wider dtype first"
            )
    return Constant(tensor_type(dtype, ()), np.asarray(v.number).astype(dtype))


def unify(variables: Sequence[Variable]) -> tuple[list[Variable], bool]:
    """(variables in one common dtype, whether all of them are weak): for ops that only move data, and
    products.
    """
    dtypes, weak = settle([v.type for v in variables])
    common = promote(dtypes)
    return [convert(v, common) for v in variables], weak


def cast(x: Operand, dtype: AnyDtype) -> Variable:
    """x in another dtype ('floatX': config.floatX); the result is strong. Floats lose their fraction towards
    zero.

    >>> cast(2.7, "int32").dtype
    'int32'
    """
    x, dtype = as_tensor_variable(x), as_dtype(dtype)
    if isinstance(x, WeakConstant):
        return Constant(tensor_type(dtype, ()), np.asarray(x.number).astype(dtype))
    if x.type.dtype == dtype and not x.type.weak:
        return x
    return apply("cast", x, dtype=dtype)


def upcast(*dtypes: AnyDtype) -> str:
    """The dtype that strong operands of ``dtypes`` promote to.

    >>> upcast("int32", "float32"), upcast("int16", "float32")
    ('float64', 'float32')
    """
    return promote([as_dtype(d) for d in dtypes])
