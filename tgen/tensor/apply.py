"""One primitive applied to variables, with the weak flag of its result decided here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tgen.core.types import TensorType, tensor_type
from tgen.graph.nodes import Constant, apply_op
from tgen.ops import OPS

if TYPE_CHECKING:
    from tgen.graph.nodes import Variable

__all__ = ["apply", "apply_many", "demand", "pad", "reorder", "within"]


def set_weak(v: Variable, weak: bool) -> Variable:
    """Give a fresh result ``v`` the weak flag its function decided (what op.infer says of it
    does not count).
    """
    if v.type.weak != weak:
        v.type = tensor_type(v.type.dtype, v.type.shape, weak)
    return v


def apply_many(name: str, inputs: Iterable[Variable], **attrs: Any) -> list[Variable]:
    """All results of primitive ``name``."""
    return apply_op(OPS[name], list(inputs), attrs)


def apply(name: str, *inputs: Variable, weak: bool = False, **attrs: Any) -> Variable:
    """The single result of primitive ``name``, weak or not."""
    return set_weak(apply_op(OPS[name], list(inputs), attrs)[0], weak)


def reorder(x: Variable, order: Iterable[Any]) -> Variable:
    """``dimshuffle`` of a variable by an already checked order; keeps weakness."""
    return apply("dimshuffle", x, order=tuple(order), weak=x.type.weak)


def demand(x: Variable, condition: Variable, message: str, error: str = "ValueError") -> Variable:
    """x, where the bool scalar ``condition`` holds; a call in which it does not is an ``error`` (a name of
    errors.DEMANDED).
    """
    return apply("demand", x, condition, message=message, error=error, weak=x.type.weak)


def within(x: Variable, size: Variable, message: str, error: str = "ValueError") -> Variable:
    """x as int64, where every element is at least 0 and below ``size`` (a variable); a call in which one is
    not is an ``error``.

    ``message`` ends before "0 to n - 1".
    """
    known = isinstance(x, Constant) and (x.data >= 0).all() or x.type.dtype in ("uint8", "uint16", "uint32")
    x = x if x.type.dtype == "int64" and not x.type.weak else apply("cast", x, dtype="int64")
    if not known:  # a negative index would count from the end; the size is none in any case
        zero, top = (reorder(v, ("x",) * x.type.ndim) for v in (Constant(TensorType("int64", ()), 0), size))
        x = apply("switch", apply("lt", x, zero), top, x)
    return apply("within", x, size, message=message, error=error)


def pad(x: Variable, ndim: int) -> Variable:
    """x with axes of size 1 added on the left until it has ``ndim``."""
    if x.type.ndim >= ndim:
        return x
    return reorder(x, ("x",) * (ndim - x.type.ndim) + tuple(range(x.type.ndim)))
