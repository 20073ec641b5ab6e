"""Sizes while a graph is built: a Python int where it is known, else an int64 variable of rank 0.

Sums, products, minima of ints are ints at once; the others are graph ops that ``lower`` turns into size
expressions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from tgen.core.dtypes import is_float, is_int
from tgen.core.op import OPS
from tgen.core.types import TensorType
from tgen.errors import about_bool

from .nodes import Constant, Variable, apply_op, known_size

LOOKED_AT = 32  # nodes nonnegative() looks at before it gives up


Number: TypeAlias = int | Variable


def variable(size: Number) -> Variable:
    """The int64 variable of a size."""
    return Constant(TensorType("int64", ()), size) if isinstance(size, int) else size


def length(x: Variable, axis: int) -> Number:
    """The size of an axis of x: an int if the type has it."""
    static = x.type.shape[axis]
    return static if isinstance(static, int) else apply_op(OPS["shape_i"], [x], {"axis": axis})[0]


def lengths(x: Variable) -> list[Number]:
    return [length(x, axis) for axis in range(x.type.ndim)]


def as_size(value: Any, what: str = "a size") -> Number:
    """A size of an int, a NumPy integer or a rank-0 integer variable; TypeError for all else."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iu":
        return int(value)
    if not isinstance(value, Variable):
        raise TypeError(
            f"{what} must be an int or an integer scalar variable, got {value!r}{about_bool(value)}"
        )
    if value.type.ndim or not is_int(value.type.dtype):
        raise TypeError(
            f"{what} must be an integer scalar, got {value} of {value.type}; cast it with T.cast(n, 'int64')"
        )
    known = known_size(value)
    if known is not None:
        return known
    if value.type.dtype == "int64" and not value.type.weak:
        return value
    return apply_op(OPS["cast"], [value], {"dtype": "int64"})[0]


def nonnegative(size: Number) -> bool:
    """Whether size >= 0 follows from how it was made (lengths, and sums, products, quotients and extrema of
    them).
    """
    stack = [size]
    for _ in range(LOOKED_AT):
        if not stack:
            return True
        v = stack.pop()
        if isinstance(v, Constant):
            v = int(v.data)
        if isinstance(v, int):
            if v < 0:
                return False
            continue
        node = v.owner
        if node is None:
            return False
        name = node.primitive.name
        if name in ("add", "mul", "int_div", "minimum"):
            stack.extend(node.inputs)
        elif name == "maximum" and any(isinstance(a, Constant) and a.data >= 0 for a in node.inputs):
            continue
        elif name != "shape_i":
            return False
    return False


def _op(name: str, x: Number, y: Number) -> Variable:
    return apply_op(OPS[name], [variable(x), variable(y)])[0]


def add(x: Number, y: Number) -> Number:
    if isinstance(x, int) and isinstance(y, int):
        return x + y
    if isinstance(y, int) and y < 0:
        return _op("sub", x, -y)
    return y if isinstance(x, int) and x == 0 else x if isinstance(y, int) and y == 0 else _op("add", x, y)


def sub(x: Number, y: Number) -> Number:
    if isinstance(x, int) and isinstance(y, int):
        return x - y
    if x is y:
        return 0
    return add(x, -y) if isinstance(y, int) else _op("sub", x, y)


def mul(x: Number, y: Number) -> Number:
    if isinstance(x, int) and isinstance(y, int):
        return x * y
    if isinstance(x, int):
        x, y = y, x
    return x if isinstance(y, int) and y == 1 else _op("mul", x, y)


def div(x: Number, y: Number) -> Number:
    """Floor division; by 0 it is 0."""
    if isinstance(x, int) and isinstance(y, int):
        return x // y if y else 0
    return x if isinstance(y, int) and y == 1 else _op("int_div", x, y)


def mod(x: Number, y: Number) -> Number:
    if isinstance(x, int) and isinstance(y, int):
        return x % y if y else 0
    return _op("mod", x, y)


def minimum(x: Number, y: Number) -> Number:
    if isinstance(x, int) and isinstance(y, int):
        return min(x, y)
    if isinstance(x, int) and x <= 0 and nonnegative(y):
        return x
    if isinstance(y, int) and y <= 0 and nonnegative(x):
        return y
    return x if x is y else _op("minimum", x, y)


def maximum(x: Number, y: Number) -> Number:
    if isinstance(x, int) and isinstance(y, int):
        return max(x, y)
    if isinstance(x, int) and x <= 0 and nonnegative(y):
        return y
    if isinstance(y, int) and y <= 0 and nonnegative(x):
        return x
    return x if x is y else _op("maximum", x, y)


def product(sizes: Iterable[Number]) -> Number:
    result: Number = 1
    for s in sizes:
        result = mul(result, s)
    return result


def same(x: Number, y: Number) -> bool:
    """Whether two sizes are known to be one: equal ints, one variable, or the same axis of one array."""
    if isinstance(x, int) or isinstance(y, int):
        return isinstance(x, int) and isinstance(y, int) and x == y
    if x is y:
        return True
    a, b = x.owner, y.owner
    return (
        a is not None
        and b is not None
        and a.primitive.name == b.primitive.name == "shape_i"
        and a.inputs[0] is b.inputs[0]
        and a.attrs == b.attrs
    )


def elements(v: Variable) -> list[Any] | None:
    """The scalars a vector is made of, if the graph shows them (make_vector, constants, their concatenation),
    else None.
    """
    found, stack = [], [v]
    while stack:
        v = stack.pop()
        if isinstance(v, Constant):
            found.extend(Constant(TensorType(v.type.dtype, ()), e) for e in v.data)
        elif v.owner is not None and v.owner.primitive.name == "make_vector":
            found.extend(v.owner.inputs)
        elif v.owner is not None and v.owner.primitive.name == "concatenate":
            stack.extend(reversed(v.owner.inputs))
        else:
            return None
    return found


def as_shape(shape: Any, what: str = "a shape") -> list[Number]:
    """The sizes of a shape: an int or scalar, a list of these, an integer array, or a vector
    of known length.
    """
    if isinstance(shape, np.ndarray) and shape.ndim == 1:
        shape = shape.tolist() if shape.size else []
    if isinstance(shape, (list, tuple)):
        return [as_size(s, f"each element of {what}") for s in shape]
    if not isinstance(shape, Variable) or shape.type.ndim == 0:
        return [as_size(shape, what)]
    if shape.type.ndim != 1 or is_float(shape.type.dtype):
        raise TypeError(f"{what} must be integers, got {shape} of {shape.type}")
    known = elements(shape)
    if known is None and shape.type.shape[0] is not None:
        known = [shape[i] for i in range(shape.type.shape[0])]
    if known is None:
        raise ValueError(
            f"The length of the provided shape ({shape}) cannot be automatically determined, so "
            "the number of dimensions of the "
            "result is not known; give ndim= (reshape), or a list of scalars"
        )
    return [as_size(s, what) for s in known]


def is_known(size: Number, number: int) -> bool:
    """Whether a size is known to be ``number``."""
    return isinstance(size, int) and size == number
