"""Factors of matrices, and systems of equations: what LAPACK computes. All axes but the last two are those
of a batch. An op is a declaration here and a template of its name in templates/lib, which calls what
codegen/externals.py has a row for.
"""

import numpy as np
from numpy.linalg import LinAlgError

from tgen.core import dims
from tgen.core.dtypes import is_float
from tgen.core.effect import REFUSES
from tgen.core.op import LIBRARY, Matrices, Op, register
from tgen.core.types import TensorType
from tgen.graph.build import apply, call

from .linalg import turned

FORMS = ("general", "lower", "upper")


def of_matrices(name, infer, evaluate, grad, refuses, arguments, room=None, **more):
    """Declare an op of float matrices. ``refuses``: the LinAlgError of what its C does not give 0 for."""
    return register(
        Op(
            name,
            LIBRARY,
            infer,
            evaluate,
            grad,
            emitter="matrices",
            matrices=Matrices(arguments, room),
            effect=REFUSES,
            refuses=refuses,
            error="LinAlgError",
            **more,
        )
    )


def _square(name, type):
    """(the axes of the batch, the size of each side) of a float matrix."""
    if not is_float(type.dtype) or type.ndim < 2:
        raise TypeError(f"{name} takes a float matrix, or a batch of them, not {type}")
    return type.shape[:-2], dims.merge(*type.shape[-2:])


# -- Cholesky's factor ---------------------------------------------------------------------------------------

NOT_DEFINITE = (
    "a matrix is not positive definite (where rounding made it so, add a small multiple of the identity)"
)


def _cholesky_infer(types, attrs, sizes):
    (x,) = types
    batch, side = _square("cholesky", x)
    return (TensorType(x.dtype, (*batch, side, side)),)


def _cholesky(attrs, sizes, x):
    try:
        factor = np.linalg.cholesky(x)
    except LinAlgError:
        factor = np.full_like(x, np.nan)
    if not (np.diagonal(factor, axis1=-2, axis2=-1) > 0).all():  # nan: some LAPACKs go on with it
        raise LinAlgError(NOT_DEFINITE)
    return factor


def _cholesky_grad(node, gs):
    """I. Murray, "Differentiation of the Cholesky decomposition" (arXiv:1602.07527), reverse mode: of
    S = L^-T P(L^T G) L^-1, P(M) being the lower triangle of M with half of its diagonal, the triangle that is
    read gets S + S^T, its diagonal S.
    """
    factor, g = turned(node.outputs[0]), gs[0]
    left = apply("solve", factor, _halved(call.matmul(factor, g)), form="upper")
    s = turned(apply("solve", factor, turned(left), form="upper"))
    return [_halved(s + turned(s))]


def _halved(x):
    """The lower triangle with half of its diagonal."""
    return 0.5 * (call.tril(x) + call.tril(x, -1))


of_matrices(
    "cholesky",
    _cholesky_infer,
    _cholesky,
    _cholesky_grad,
    NOT_DEFINITE,
    lambda types, attrs: (types[0].shape[-1],),
    doc="the lower triangle whose product with its transpose is the matrix (of which only that triangle is "
    "read)",
)


# -- systems of equations ------------------------------------------------------------------------------------

SINGULAR = "a matrix is singular, so its equations have no solution, or many"


def _solve_infer(types, attrs, sizes):
    a, b = types
    batch, side = _square("solve", a)
    if b.dtype != a.dtype or b.ndim != a.ndim:
        raise TypeError(f"solve takes two values of one dtype and rank, not {a} and {b}")
    if attrs["form"] not in FORMS:
        raise ValueError(f"form {attrs['form']!r}; it must be one of {', '.join(FORMS)}")
    batch = tuple(map(dims.merge, batch, b.shape[:-2]))
    return (TensorType(a.dtype, (*batch, dims.merge(side, b.shape[-2]), b.shape[-1])),)


def _solve(attrs, sizes, a, b):
    part = {"general": np.asarray, "lower": np.tril, "upper": np.triu}[attrs["form"]]
    if not b.size:
        return np.zeros(b.shape, b.dtype)
    try:
        with np.errstate(all="ignore"):
            return np.linalg.solve(part(a), b)
    except LinAlgError:
        raise LinAlgError(SINGULAR) from None


def _solve_grad(node, gs):
    """M. B. Giles, "An extended collection of matrix derivative results for forward and reverse mode
    automatic differentiation" (2008), section 2.3.1: of X = A^-1 B the adjoint of B is A^-T G, that of A is
    minus this times X^T; of a triangle, the same triangle of it.
    """
    (a, _), form, g = node.inputs, node.attrs["form"], gs[0]
    other = {"lower": "upper", "upper": "lower"}.get(form, form)
    for_b = apply("solve", turned(a), g, form=other)
    for_a = -call.matmul(for_b, turned(node.outputs[0]))
    part = {"lower": call.tril, "upper": call.triu}.get(form)
    return [for_a if part is None else part(for_a), for_b]


def _solve_room(types, attrs):
    (*_, n, k) = types[1].shape
    return dims.add(dims.mul(n, n), dims.add(dims.mul(n, k), n))


of_matrices(
    "solve",
    _solve_infer,
    _solve,
    _solve_grad,
    SINGULAR,
    lambda types, attrs: (*types[1].shape[-2:], FORMS.index(attrs["form"])),
    _solve_room,
    samples=tuple({"form": form} for form in FORMS),
    doc="the x that a x = b holds of; of a is read what its `form` says (general, lower, upper)",
)
