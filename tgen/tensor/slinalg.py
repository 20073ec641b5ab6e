"""``T.slinalg``: factors of matrices, and systems of equations, by Theano's names; of batches, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .apply import apply, reorder
from .manipulate import swapaxes
from .math import floating
from .promotion import unify
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

__all__ = ["cholesky", "solve", "solve_lower_triangular", "solve_upper_triangular"]


def cholesky(x: Operand, lower: bool = True) -> Variable:
    """The lower triangle l of a symmetric positive definite matrix x = dot(l, l.T), or of each matrix in a
    batch (the last two axes). Not ``lower``: its transpose.

    Only that triangle of x is read, and has a gradient. Shape and dtype of x (integers are float64). In a
    call, a numpy.linalg.LinAlgError where a matrix is not positive definite, or holds nan.

    >>> import numpy as np
    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])).eval()
    array([[2., 0.],
           [1., 2.]])
    """
    x = floating(x)
    if x.type.ndim < 2:
        raise TypeError(f"cholesky takes a matrix, or a batch of them, got {x} of {x.type}")
    return apply("cholesky", x) if lower else swapaxes(apply("cholesky", swapaxes(x, -1, -2)), -1, -2)


def solve(A: Operand, b: Operand) -> Variable:
    """The x of dot(A, x) = b: A is a square matrix, b a vector or a matrix, whose columns are systems of
    their own; or A and b are batches of matrices (the last two axes) of one rank.

    Shape of b; dtypes are promoted (integers are float64). In a call, a numpy.linalg.LinAlgError where a
    matrix is singular.

    >>> import numpy as np
    >>> solve(np.array([[0.0, 2.0], [1.0, 1.0]]), np.array([4.0, 3.0])).eval()
    array([1., 2.])
    """
    return _solved("solve", A, b, "general")


def solve_lower_triangular(A: Operand, b: Operand) -> Variable:
    """``solve`` where A is a lower triangle: what is above its diagonal is not read."""
    return _solved("solve_lower_triangular", A, b, "lower")


def solve_upper_triangular(A: Operand, b: Operand) -> Variable:
    """``solve`` where A is an upper triangle: what is below its diagonal is not read."""
    return _solved("solve_upper_triangular", A, b, "upper")


def _solved(name, a, b, form):
    (a, b), _ = unify([as_tensor_variable(a), as_tensor_variable(b)])
    a, b = floating(a), floating(b)
    if (a.type.ndim, b.type.ndim) == (2, 1):
        return reorder(apply("solve", a, reorder(b, (0, "x")), form=form), (0,))
    if a.type.ndim < 2 or a.type.ndim != b.type.ndim:
        raise TypeError(
            f"{name} takes a matrix and a vector or a matrix, or batches of matrices of one rank, "
            f"got {a} of {a.type} and {b} of {b.type}"
        )
    return apply("solve", a, b, form=form)
