"""Small builders for what gradients are made of: primitives by name, sizes, zeros. All through the registries
OPS and METHODS.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import config
from tgen.core.dtypes import is_float
from tgen.core.op import METHODS, OPS
from tgen.core.types import tensor_type

from . import sizes
from .nodes import Constant, apply_op

if TYPE_CHECKING:
    from tgen.graph.nodes import Variable


class _Functions:
    """``call.switch(c, a, b)`` is METHODS["switch"](c, a, b): the functions of tgen.tensor, by name."""

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(f"tgen.tensor has no function {name}")
        return METHODS[name]


call = _Functions()


def apply(name: str, *inputs: Variable, **attrs: Any) -> Variable:
    """The single result of OPS[name] on variables."""
    return apply_op(OPS[name], list(inputs), attrs)[0]


def literal(value: Any, dtype: str = "int64") -> Constant:
    return Constant(tensor_type(dtype, np.shape(value)), value)


def length(x: Variable, axis: int) -> Variable:
    """The size of an axis as an int64 scalar variable; a constant where the type knows it."""
    return sizes.variable(sizes.length(x, axis))


def lengths(x: Variable) -> list[Variable]:
    return [length(x, a) for a in range(x.ndim)]


def plus(a: Variable | int, b: Variable | int) -> Variable:
    """a + b of sizes, as an int64 scalar variable."""
    return sizes.variable(sizes.add(sizes.as_size(a), sizes.as_size(b)))


def minus(a: Variable | int, b: Variable | int) -> Variable:
    """a - b of sizes, as an int64 scalar variable."""
    return sizes.variable(sizes.sub(sizes.as_size(a), sizes.as_size(b)))


def constant_of(v: Variable) -> Constant | None:
    """The Constant that v is but for its shape and dtype; None if it is none, or a rounding of one."""
    while v.owner is not None and v.owner.primitive.name in ("dimshuffle", "cast", "broadcast_to"):
        below = v.owner.inputs[0]
        if is_float(below.type.dtype) and not is_float(v.type.dtype):
            return None
        v = below
    return v if isinstance(v, Constant) else None


def real(x: Variable, dtype: str | None = None) -> Variable:
    """x as a gradient reads it: integers as floats of ``dtype`` (config.floatX); nothing overflows then."""
    return x if is_float(x.type.dtype) else apply("cast", x, dtype=dtype or config.floatX)


def zeros(x: Variable, dtype: str | None = None) -> Variable:
    """A zero with the shape of x, made of nothing but its sizes."""
    zero = literal(0, dtype or x.type.dtype)
    return like(apply("dimshuffle", zero, order=("x",) * x.ndim), x) if x.ndim else zero


def keep(reduced: Variable, x: Variable, axes: Collection[int]) -> Variable:
    """A reduction's result with the reduced ``axes`` of x put back as static ones."""
    kept = iter(range(reduced.ndim))
    return apply("dimshuffle", reduced, order=tuple("x" if a in axes else next(kept) for a in range(x.ndim)))


def like(g: Variable, x: Variable) -> Variable:
    """g broadcast to the shape of x."""
    return apply("broadcast_to", g, *lengths(x))
