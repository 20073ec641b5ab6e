"""Python's operators on variables. What each means stands in tgen.tensor, above this room: it is called by
name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tgen.core.op import METHODS

if TYPE_CHECKING:
    from .nodes import Operand, Variable


class Operators:
    """What ``x + y``, ``x[i]`` and their kin do. == is identity (a variable is a key of dicts), and the
    symbolic comparison is T.eq.
    """

    __slots__ = ()

    def __add__(self, other: Operand) -> Variable:
        return METHODS["add"](self, other)

    def __radd__(self, other: Operand) -> Variable:
        return METHODS["add"](other, self)

    def __sub__(self, other: Operand) -> Variable:
        return METHODS["sub"](self, other)

    def __rsub__(self, other: Operand) -> Variable:
        return METHODS["sub"](other, self)

    def __mul__(self, other: Operand) -> Variable:
        return METHODS["mul"](self, other)

    def __rmul__(self, other: Operand) -> Variable:
        return METHODS["mul"](other, self)

    def __truediv__(self, other: Operand) -> Variable:
        return METHODS["true_div"](self, other)

    def __rtruediv__(self, other: Operand) -> Variable:
        return METHODS["true_div"](other, self)

    def __floordiv__(self, other: Operand) -> Variable:
        return METHODS["int_div"](self, other)

    def __rfloordiv__(self, other: Operand) -> Variable:
        return METHODS["int_div"](other, self)

    def __mod__(self, other: Operand) -> Variable:
        return METHODS["mod"](self, other)

    def __rmod__(self, other: Operand) -> Variable:
        return METHODS["mod"](other, self)

    def __divmod__(self, other: Operand) -> tuple[Variable, Variable]:
        return METHODS["divmod"](self, other)

    def __rdivmod__(self, other: Operand) -> tuple[Variable, Variable]:
        return METHODS["divmod"](other, self)

    def __pow__(self, other: Operand) -> Variable:
        return METHODS["pow"](self, other)

    def __rpow__(self, other: Operand) -> Variable:
        return METHODS["pow"](other, self)

    def __matmul__(self, other: Operand) -> Variable:
        return METHODS["matmul"](self, other)

    def __rmatmul__(self, other: Operand) -> Variable:
        return METHODS["matmul"](other, self)

    def __and__(self, other: Operand) -> Variable:
        return METHODS["and_"](self, other)

    def __rand__(self, other: Operand) -> Variable:
        return METHODS["and_"](other, self)

    def __or__(self, other: Operand) -> Variable:
        return METHODS["or_"](self, other)

    def __ror__(self, other: Operand) -> Variable:
        return METHODS["or_"](other, self)

    def __xor__(self, other: Operand) -> Variable:
        return METHODS["xor"](self, other)

    def __rxor__(self, other: Operand) -> Variable:
        return METHODS["xor"](other, self)

    def __lshift__(self, other: Operand) -> Variable:
        return METHODS["left_shift"](self, other)

    def __rlshift__(self, other: Operand) -> Variable:
        return METHODS["left_shift"](other, self)

    def __rshift__(self, other: Operand) -> Variable:
        return METHODS["right_shift"](self, other)

    def __rrshift__(self, other: Operand) -> Variable:
        return METHODS["right_shift"](other, self)

    def __lt__(self, other: Operand) -> Variable:
        return METHODS["lt"](self, other)

    def __le__(self, other: Operand) -> Variable:
        return METHODS["le"](self, other)

    def __gt__(self, other: Operand) -> Variable:
        return METHODS["gt"](self, other)

    def __ge__(self, other: Operand) -> Variable:
        return METHODS["ge"](self, other)

    def __neg__(self) -> Variable:
        return METHODS["neg"](self)

    def __abs__(self) -> Variable:
        return METHODS["abs_"](self)

    def __invert__(self) -> Variable:
        return METHODS["invert"](self)

    def __round__(self, *mode: str) -> Variable:
        return METHODS["round"](self, *mode)

    def __getitem__(self, key: Any) -> Variable:
        return METHODS["__getitem__"](self, key)

    def __iter__(self) -> Iterator[Variable]:
        return METHODS["__iter__"](self)
