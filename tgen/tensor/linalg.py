"""Products: dot of all ranks, tensordot, batched products. Floats go to BLAS; ints and bools are sums of
products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tgen.core.dtypes import is_float
from tgen.graph import sizes

from .apply import apply, pad, reorder
from .elemwise import elemwise
from .manipulate import axis_number, flatten, to_sizes
from .promotion import unify
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["dot", "outer", "tensordot", "batched_dot", "batched_tensordot", "matmul", "inner", "vdot"]


def _pair(a, b):
    (a, b), weak = unify([as_tensor_variable(a), as_tensor_variable(b)])
    return a, b, weak


def _sum_of_products(a, b, weak):
    """a and b of ranks 1 and 2 in a dtype BLAS has not: the products, then their sum along
    the common axis.
    """
    if b.type.ndim == 2:
        left, right = reorder(a, [*range(a.type.ndim), "x"]), reorder(b, ["x"] * (a.type.ndim - 1) + [0, 1])
    else:
        left, right = a, reorder(b, ["x"] * (a.type.ndim - 1) + [0])
    terms = apply("mul", left, right)
    return apply("any" if terms.type.dtype == "bool" else "sum", terms, axes=(a.type.ndim - 1,), weak=weak)


def dot(a: Operand, b: Operand) -> Variable:
    """The inner product over the last axis of a and the last but one of b (its only one if b is a vector).

    A scalar multiplies. Dtypes are promoted (ints stay ints, and wrap). Sizes that differ are a ValueError,
    here if both are static, else when the function runs.

    >>> import tgen.tensor as T
    >>> T.dot(T.fmatrix(), T.dvector()).type, T.dot(T.tensor3(), T.matrix()).ndim
    (TensorType(float64, vector), 3)
    """
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    if not a.type.ndim or not b.type.ndim:
        return elemwise("mul")(a, b)
    if a.type.ndim > 2 or b.type.ndim > 2:
        return tensordot(a, b, [[a.type.ndim - 1], [max(b.type.ndim - 2, 0)]])
    a, b, weak = _pair(a, b)
    return apply("dot", a, b, weak=weak) if is_float(a.type.dtype) else _sum_of_products(a, b, weak)


def outer(x: Operand, y: Operand) -> Variable:
    """The products of each element of x with each of y (both flattened), a matrix.

    >>> import tgen.tensor as T
    >>> T.outer(T.vector(), T.vector()).ndim
    2
    """
    x, y = (flatten(pad(as_tensor_variable(v), 1)) for v in (x, y))
    return elemwise("mul")(reorder(x, (0, "x")), reorder(y, ("x", 0)))


def inner(a: Operand, b: Operand) -> Variable:
    """The sum of products over the last axes of a and b."""
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    if not a.type.ndim or not b.type.ndim:
        return elemwise("mul")(a, b)
    return tensordot(a, b, [[-1], [-1]])


def vdot(a: Operand, b: Operand) -> Variable:
    """The sum of products of all elements."""
    return dot(flatten(a), flatten(b))


def _axes_pair(a, b, axes):
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.type.ndim, b.type.ndim):
            raise ValueError(
                f"axes={axes} is more than the dimensions of {a} ({a.type.ndim}) or {b} ({b.type.ndim})"
            )
        return list(range(a.type.ndim - axes, a.type.ndim)), list(range(axes))
    first, second = ([p] if isinstance(p, int) else list(p) for p in axes)
    if len(first) != len(second):
        raise ValueError(f"axes {axes} must name as many axes of the first operand as of the second")
    return [axis_number(p, a.type.ndim) for p in first], [axis_number(p, b.type.ndim) for p in second]


def tensordot(a: Operand, b: Operand, axes: int | Sequence[Any] = 2) -> Variable:
    """The sum of products over pairs of axes: the last ``axes`` of a with the first of b, or two lists of
    axes.

    >>> import tgen.tensor as T
    >>> T.tensordot(T.tensor3(), T.tensor4(), [[1, 2], [3, 2]]).ndim
    3
    """
    a, b, weak = _pair(a, b)
    summed_a, summed_b = _axes_pair(a, b, axes)
    kept_a = [d for d in range(a.type.ndim) if d not in summed_a]
    kept_b = [d for d in range(b.type.ndim) if d not in summed_b]
    shape = [sizes.length(a, d) for d in kept_a] + [sizes.length(b, d) for d in kept_b]
    left = _as_matrix(reorder(a, kept_a + summed_a), len(kept_a))
    right = _as_matrix(reorder(b, summed_b + kept_b), len(summed_b))
    z = apply("dot", left, right) if is_float(a.type.dtype) else _sum_of_products(left, right, False)
    return apply("reshape", z, *map(sizes.variable, shape), ndim=len(shape), weak=weak)


def _as_matrix(x, rows):
    """x with its first ``rows`` axes as one and the others as another."""
    have = sizes.lengths(x)
    if x.type.ndim == 2 and rows == 1:
        return x
    return apply(
        "reshape",
        x,
        sizes.variable(sizes.product(have[:rows])),
        sizes.variable(sizes.product(have[rows:])),
        ndim=2,
    )


def batched_dot(a: Operand, b: Operand) -> Variable:
    """a[i] dot b[i] for each i, the results along the first axis; operands have 1 to 3 dimensions, or more.

    >>> import tgen.tensor as T
    >>> T.batched_dot(T.tensor3(), T.matrix()).ndim
    2
    """
    a, b, weak = _pair(a, b)
    if not a.type.ndim or not b.type.ndim:
        raise TypeError(f"batched_dot wants at least one dimension, got {a} of {a.type} and {b} of {b.type}")
    if a.type.ndim == 1 or b.type.ndim == 1:
        ndim = max(a.type.ndim, b.type.ndim)
        return elemwise("mul")(
            *(reorder(v, [*range(v.type.ndim), *"x" * (ndim - v.type.ndim)]) for v in (a, b))
        )
    if a.type.ndim > 3 or b.type.ndim > 3:
        return batched_tensordot(a, b, [[a.type.ndim - 1], [max(b.type.ndim - 2, 1)]])
    left = a if a.type.ndim == 3 else reorder(a, (0, "x", 1))
    right = b if b.type.ndim == 3 else reorder(b, (0, 1, "x"))
    z = _batched(left, right, weak)
    return reorder(z, [0] + [1] * (a.type.ndim == 3) + [2] * (b.type.ndim == 3))


def _batched(left, right, weak):
    if is_float(left.type.dtype):
        return apply("batched_dot", left, right, weak=weak)
    terms = apply("mul", reorder(left, (0, 1, 2, "x")), reorder(right, (0, "x", 1, 2)))
    return apply("any" if terms.type.dtype == "bool" else "sum", terms, axes=(2,), weak=weak)


def batched_tensordot(x: Operand, y: Operand, axes: int | Sequence[Any] = 2) -> Variable:
    """``tensordot`` of x[i] and y[i] for each i; axes count the first one, which is not summed."""
    x, y, weak = _pair(x, y)
    if isinstance(axes, int):
        if not 0 <= axes < min(x.type.ndim, y.type.ndim):
            raise ValueError(
                f"axes={axes} is not from 0 to one less than the dimensions of {x} "
                f"({x.type.ndim}) and {y} ({y.type.ndim})"
            )
        axes = [list(range(x.type.ndim - axes, x.type.ndim)), list(range(1, axes + 1))]
    summed_x, summed_y = _axes_pair(x, y, axes)
    if 0 in summed_x + summed_y:
        raise ValueError(f"axes {axes} cannot sum over the first axis, that of the batch")
    kept_x = [d for d in range(1, x.type.ndim) if d not in summed_x]
    kept_y = [d for d in range(1, y.type.ndim) if d not in summed_y]
    shape = [sizes.length(x, d) for d in [0] + kept_x] + [sizes.length(y, d) for d in kept_y]
    z = _batched(
        _as_stack(reorder(x, [0] + kept_x + summed_x), len(kept_x)),
        _as_stack(reorder(y, [0] + summed_y + kept_y), len(summed_y)),
        False,
    )
    return apply("reshape", z, *map(sizes.variable, shape), ndim=len(shape), weak=weak)


def _as_stack(x, rows):
    have = sizes.lengths(x)
    if x.type.ndim == 3 and rows == 1:
        return x
    wanted = [have[0], sizes.product(have[1 : rows + 1]), sizes.product(have[rows + 1 :])]
    return apply("reshape", x, *map(sizes.variable, wanted), ndim=3)


def matmul(a: Operand, b: Operand) -> Variable:
    """The matrix product as ``a @ b``: leading axes of operands with more than 2 dimensions are batches that
    broadcast.

    Scalars are a ValueError. Dtypes as in ``dot``.

    >>> import tgen.tensor as T
    >>> T.matmul(T.tensor3(), T.matrix()).ndim
    3
    """
    a, b, weak = _pair(a, b)
    if not a.type.ndim or not b.type.ndim:
        raise ValueError(
            f"matmul wants at least one dimension, got {a} of {a.type} and {b} of {b.type}; "
            "multiply by a scalar with *"
        )
    if b.type.ndim <= 2:
        return dot(a, b)
    ndim = max(a.type.ndim, b.type.ndim)
    left, right = pad(a, ndim), pad(b, ndim)
    batch = [sizes.length(right if left.broadcastable[d] else left, d) for d in range(ndim - 2)]
    left = to_sizes(left, batch + sizes.lengths(left)[-2:])
    right = to_sizes(right, batch + sizes.lengths(right)[-2:])
    z = _batched(*(_stacked(v, sizes.product(batch)) for v in (left, right)), weak)
    shape = batch + [sizes.length(left, ndim - 2), sizes.length(right, ndim - 1)]
    z = apply("reshape", z, *map(sizes.variable, shape), ndim=ndim, weak=weak)
    return z if a.type.ndim > 1 else reorder(z, [d for d in range(ndim) if d != ndim - 2])


def _stacked(x, batch):
    """x with its leading axes as one."""
    have = sizes.lengths(x)
    return x if x.type.ndim == 3 else apply("reshape", x, *map(sizes.variable, [batch, *have[-2:]]), ndim=3)
