"""Products. Ranks 1 and 2 in any pair, and stacks of matrices; float operands of one dtype (tensor/ composes
the rest).
"""

import numpy as np

from tgen.core import dims
from tgen.core.dtypes import is_float
from tgen.core.op import LIBRARY, Op, register
from tgen.core.types import TensorType
from tgen.graph.adjoint import Lanes, lanes
from tgen.graph.build import apply, call


def _check(types, name):
    x, y = types
    if x.dtype != y.dtype or not is_float(x.dtype):
        raise TypeError(f"{name} takes two float operands of one dtype, not {x.dtype} and {y.dtype}")


def _dot_infer(types, attrs, sizes):
    x, y = types
    _check(types, "dot")
    if not (1 <= x.ndim <= 2 and 1 <= y.ndim <= 2):
        raise TypeError(f"dot takes vectors and matrices, not ranks {x.ndim} and {y.ndim}")
    dims.merge(x.shape[-1], y.shape[0])
    return (TensorType(x.dtype, x.shape[:-1] + y.shape[1:]),)


def _product(attrs, sizes, x, y):
    with np.errstate(all="ignore"):
        return np.asarray(np.matmul(x, y))


def turned(x):
    """Matrices, or batches of them, transposed."""
    return call.swapaxes(x, -1, -2)


def _outer(u, v):
    return apply("mul", apply("dimshuffle", u, order=(0, "x")), apply("dimshuffle", v, order=("x", 0)))


def _scaled(g, v):
    return apply("mul", apply("dimshuffle", g, order=("x",)), v)


def _dot_grad(node, gs):
    (x, y), g = node.inputs, gs[0]
    return {
        (2, 2): [lambda: apply("dot", g, turned(y)), lambda: apply("dot", turned(x), g)],
        (2, 1): [lambda: _outer(g, y), lambda: apply("dot", turned(x), g)],
        (1, 2): [lambda: apply("dot", y, g), lambda: _outer(x, g)],
        (1, 1): [lambda: _scaled(g, y), lambda: _scaled(g, x)],
    }[x.ndim, y.ndim]


def _dot_behind(node, axis):
    x, y = node.inputs
    return (x, axis) if axis < x.type.ndim - 1 else (y, y.type.ndim - 1)


def _dot_needs(instr, part):
    """Rows of the first and columns of the second operand."""
    x, y = instr.operands
    rows = x.type.ndim - 1
    return [
        part.axes([*range(rows), None], x.type.shape),
        part.axes([None, rows][: y.type.ndim], y.type.shape),
    ]


def _dot_lanes(node, mask):
    """Rows of x and columns of y: a vector is one row, or one column."""
    (x, y), axes = node.inputs, iter(range(mask.ndim))
    shown = apply("dimshuffle", mask, order=tuple("x" if v.ndim == 1 else next(axes) for v in (x, y)))
    for_x, for_y = lanes(shown, (1,)), lanes(shown, (0,))
    return [
        for_x if x.ndim == 2 else Lanes(_last(for_x.mask, 1), for_x.whole),
        for_y if y.ndim == 2 else Lanes(_last(for_y.mask, 0), for_y.whole),
    ]


def _last(mask, axis):
    """A mask of a row or a column as that of a vector."""
    return apply("dimshuffle", mask, order=(axis,))


def _batched_lanes(node, mask):
    return [lanes(mask, (2,)), lanes(mask, (1,))]


register(
    Op(
        "dot",
        LIBRARY,
        _dot_infer,
        _product,
        _dot_grad,
        mask=_dot_lanes,
        needs=_dot_needs,
        behind=_dot_behind,
        batch=lambda rows, instr: rows.dot(instr),
        doc="product of matrices and vectors, by their ranks",
    )
)


def _batched_infer(types, attrs, sizes):
    x, y = types
    _check(types, "batched_dot")
    if (x.ndim, y.ndim) != (3, 3):
        raise TypeError(f"batched_dot takes two values of rank 3, not {x.ndim} and {y.ndim}")
    dims.merge(x.shape[2], y.shape[1])
    return (TensorType(x.dtype, (dims.merge(x.shape[0], y.shape[0]), x.shape[1], y.shape[2])),)


def _batched_grad(node, gs):
    (x, y), g = node.inputs, gs[0]
    return [lambda: apply("batched_dot", g, turned(y)), lambda: apply("batched_dot", turned(x), g)]


register(
    Op(
        "batched_dot",
        LIBRARY,
        _batched_infer,
        _product,
        _batched_grad,
        mask=_batched_lanes,
        batch=lambda rows, instr: rows.batched_dot(instr),
        doc="x[i] times y[i] for every i",
    )
)


# -- what blas makes of dot in the IR ------------------------------------------------------------------------


def _turn(x, turned):
    return x.T if turned else x


def _gemm_infer(types, attrs, sizes):
    x, y = types
    _check(types, "gemm")
    (m, k), (l, n) = (
        t.shape[::-1] if turned else t.shape for t, turned in ((x, attrs["ta"]), (y, attrs["tb"]))
    )
    dims.merge(k, l)
    return (TensorType(x.dtype, (m, n)),)


def _gemv_infer(types, attrs, sizes):
    x, y = types
    _check(types, "gemv")
    m, k = x.shape[::-1] if attrs["ta"] else x.shape
    dims.merge(k, y.shape[0])
    return (TensorType(x.dtype, (m,)),)


register(
    Op(
        "gemm",
        LIBRARY,
        _gemm_infer,
        lambda attrs, sizes, x, y: _product(attrs, sizes, _turn(x, attrs["ta"]), _turn(y, attrs["tb"])),
        samples=({"ta": False, "tb": False}, {"ta": True, "tb": False}, {"ta": False, "tb": True}),
        doc="product of matrices, each transposed on request (IR only)",
    )
)
register(
    Op(
        "gemv",
        LIBRARY,
        _gemv_infer,
        lambda attrs, sizes, x, y: _product(attrs, sizes, _turn(x, attrs["ta"]), y),
        samples=({"ta": False}, {"ta": True}),
        doc="product of a matrix, transposed on request, and a vector (IR only)",
    )
)
