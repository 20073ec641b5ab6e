"""Reductions over ``axes`` (sorted).

Sums and products have two more attributes. ``acc`` is the dtype of the accumulator, a wider float than the
operand's; without it the operand's dtype is the accumulator's. The result is rounded to the operand's dtype
once, at the end; with ``dtype``, which is then that of the accumulator, it is not rounded. What else dtypes
may do is said by casts before and after.
"""

import numpy as np

from tgen.core.dtypes import is_float
from tgen.core.op import REDUCE, Fold, Op, register
from tgen.core.types import TensorType, promote, tensor_type
from tgen.graph.adjoint import Chosen, Lanes
from tgen.graph.build import apply, call, keep, like, real
from tgen.graph.describe import kept_axis

from . import known
from .declare import batch_axes
from .lanes import product_of_others

_SAMPLES = ({"axes": (0,)}, {"axes": (1,)}, {"axes": (0, 1)})


def kept_shape(t, axes):
    if list(axes) != sorted(set(axes)) or any(not 0 <= a < t.ndim for a in axes):
        raise ValueError(
            f"axes {tuple(axes)} of a value of rank {t.ndim} are not sorted axis numbers, each once"
        )
    return tuple(s for a, s in enumerate(t.shape) if a not in axes)


def _check_nonempty(t, axes, name):
    for a in axes:
        if isinstance(t.shape[a], int) and t.shape[a] == 0:
            raise ValueError(f"{name} of zero-size axis {a} has no value")


def reduce_infer(name, dtypes, result=None, nonempty=False):
    def infer(types, attrs, sizes):
        (t,) = types
        if not dtypes(t.dtype):
            raise TypeError(f"{name} does not take {t.dtype} (casts are explicit)")
        if nonempty:
            _check_nonempty(t, attrs["axes"], name)
        return (tensor_type(result or t.dtype, kept_shape(t, attrs["axes"])),)

    return infer


def accumulated(name, dtype, attrs):
    """(dtype of the accumulator, dtype of the result) of ``name`` over values of ``dtype``; TypeError for
    others.
    """
    acc, result = attrs.get("acc", dtype), attrs.get("dtype", dtype)
    wider = is_float(dtype) and is_float(acc) and dtype != promote((dtype, acc)) == acc
    if "acc" in attrs and not wider:
        raise TypeError(f"{name} of {dtype} has no accumulator of {acc}: it must be a wider float")
    if "dtype" in attrs and ("acc" not in attrs or result != acc):
        raise TypeError(
            f"{name} of {dtype} accumulated in {acc} has no result of {result} (casts are explicit)"
        )
    return acc, result


def _accumulated_infer(name):
    def infer(types, attrs, sizes):
        (t,) = types
        if t.dtype == "bool":
            raise TypeError(f"{name} does not take bool (casts are explicit)")
        return (tensor_type(accumulated(name, t.dtype, attrs)[1], kept_shape(t, attrs["axes"])),)

    return infer


def _accumulated_eval(name, function):
    def evaluate(attrs, sizes, x):
        acc, result = accumulated(name, str(x.dtype), attrs)
        with np.errstate(all="ignore"):
            return np.asarray(function(x, axis=attrs["axes"], dtype=acc)).astype(result, copy=False)

    return evaluate


def _eval(function):
    def evaluate(attrs, sizes, x):
        with np.errstate(all="ignore"):
            return np.asarray(function(x, attrs["axes"]))

    return evaluate


def _needs(instr, part):
    axes, shape = instr.attrs["axes"], instr.operands[0].type.shape
    kept = [a for a in range(len(shape)) if a not in axes]
    return [part.axes([None if a in axes else kept.index(a) for a in range(len(shape))], shape)]


def _reduction(name, dtypes, function, grad, doc, mask=None, **more):
    infer = reduce_infer(name, dtypes, nonempty=more.get("nonempty", False))
    register(
        Op(
            name,
            REDUCE,
            infer,
            _eval(function),
            grad,
            doc=doc,
            mask=mask,
            samples=_SAMPLES,
            needs=_needs,
            behind=kept_axis,
            batch=batch_axes,
            **more,
        )
    )


def _sum_grad(node, gs):
    """The adjoint (or its mask) everywhere; that of a result in the accumulator's dtype is rounded while it
    is small.
    """
    x, axes = node.inputs[0], node.attrs["axes"]
    g, rounds = gs[0], "dtype" in node.attrs and is_float(gs[0].dtype)
    if rounds:
        g = apply("cast", g, dtype=x.dtype)
    return [like(keep(g, x, axes), x)]


def _prod_grad(node, gs):
    """g times the product of the others."""
    x, axes = real(node.inputs[0]), node.attrs["axes"]
    return [keep(gs[0], x, axes) * product_of_others(x, axes)]


def _extreme_grad(node, gs):
    """Every element that equals the extreme gets the whole adjoint, ties included (Theano)."""
    x, axes = node.inputs[0], node.attrs["axes"]
    return [Chosen(keep(gs[0], x, axes), call.eq(x, keep(node.outputs[0], x, axes)))]


def lanes_of_a_reduction(node, mask):
    return [Lanes(keep(mask, node.inputs[0], node.attrs["axes"]))]


def _accumulation(name, function, grad, fold, doc, mask=None):
    register(
        Op(
            name,
            REDUCE,
            _accumulated_infer(name),
            _accumulated_eval(name, function),
            grad,
            fold=fold,
            doc=doc,
            mask=mask,
            samples=_SAMPLES,
            growth=known.own_growth,
            nonnegative=known.all_operands,
            needs=_needs,
            behind=kept_axis,
            batch=batch_axes,
        )
    )


_accumulation("sum", np.sum, _sum_grad, Fold("+", lambda d: 0), "sum; 0 of nothing", "moved")
_accumulation(
    "prod", np.prod, _prod_grad, Fold("*", lambda d: 1), "product; 1 of nothing", lanes_of_a_reduction
)
_reduction(
    "max",
    lambda d: True,
    lambda x, axes: np.max(x, axis=axes),
    _extreme_grad,
    "largest element; nan if any is nan",
    "moved",
    fold=Fold(">", lambda d: d.low),
    nonempty=True,
    nonnegative=known.all_operands,
)
_reduction(
    "min",
    lambda d: True,
    lambda x, axes: np.min(x, axis=axes),
    _extreme_grad,
    "smallest element; nan if any is nan",
    "moved",
    fold=Fold("<", lambda d: d.high),
    nonempty=True,
    nonnegative=known.all_operands,
)
_reduction(
    "any",
    lambda d: d == "bool",
    lambda x, axes: np.any(x, axis=axes),
    None,
    "whether any element is true",
    fold=Fold("|", lambda d: False),
)
_reduction(
    "all",
    lambda d: d == "bool",
    lambda x, axes: np.all(x, axis=axes),
    None,
    "whether all elements are true",
    fold=Fold("&", lambda d: True),
)


# -- positions of extremes -----------------------------------------------------------------------------------


def _position_infer(name):
    def infer(types, attrs, sizes):
        (t,) = types
        axes = attrs["axes"]
        kept = kept_shape(t, axes)
        if len(axes) not in (1, t.ndim):
            raise ValueError(f"{name} takes one axis or all of them, not {tuple(axes)}")
        _check_nonempty(t, axes, name)
        return (TensorType("int64", kept),)

    return infer


def _position_eval(function):
    def evaluate(attrs, sizes, x):
        axes = attrs["axes"]
        return np.asarray(function(x, axis=None if len(axes) == x.ndim else axes[0]), dtype="int64")

    return evaluate


def _position_batch(rows, instr):
    """Over several axes the place is one in all of them together, which a further axis would change."""
    return batch_axes(rows, instr) if len(instr.attrs["axes"]) == 1 else None


for _name, _function, _better in [("argmax", np.argmax, ">"), ("argmin", np.argmin, "<")]:
    register(
        Op(
            _name,
            REDUCE,
            _position_infer(_name),
            _position_eval(_function),
            fold=Fold(_better, lambda d: 0, where=True),
            doc="where the first "
            f"{_name[3:]} is (the "
            "first nan if there is "
            "one); over all axes: "
            "in "
            "the flattened array",
            samples=({"axes": (0,)}, {"axes": (1,)}, {"axes": (0, 1)}),
            nonempty=True,
            needs=_needs,
            behind=kept_axis,
            batch=_position_batch,
        )
    )
