"""What only the IR has: constants, sizes as values, checks, the kernel."""

import numpy as np

from tgen.core.dtypes import is_float, is_int
from tgen.core.effect import CHECKS
from tgen.core.op import FREE, REGION, STRUCT, Op, lookup, register
from tgen.core.refusal import ASSERT, BAD_SIZE, EMPTY, INDEX, SIZES, refusal
from tgen.core.types import TensorType, promote
from tgen.errors import DEMANDED

from . import known


def _ir(name, infer, evaluate, doc, **more):
    register(Op(name, STRUCT, infer, evaluate, doc=doc, **more))


# -- values --------------------------------------------------------------------------------------------------

_ir(
    "constant",
    None,
    None,
    "the flat tuple `value` (C order) as an array; its type, a static one, is that of its result",
    cost=FREE,
    inlined=True,
)
_ir(
    "size",
    lambda types, attrs, sizes: (TensorType("int64"),),
    lambda attrs, sizes: np.asarray(sizes[0], "int64"),
    "a size as an int64 value",
    nonnegative=known.always,
    sizes=1,
    cost=FREE,
    inlined=True,
)
_ir(
    "index",
    lambda types, attrs, sizes: (TensorType("int64"),),
    None,
    "in a kernel: its own index along `dim`, int64",
)


def _rows_infer(types, attrs, sizes):
    (t,) = types
    return (t.with_shape((sizes[1], *t.shape[1:])),)


_ir(
    "rows",
    _rows_infer,
    lambda attrs, sizes, x: x[sizes[0] : sizes[0] + sizes[1]],
    "rows start .. start + count - 1 of x in the memory of x: a slice that a library reads",
    sizes=2,
)


def _sizeof_infer(types, attrs, sizes):
    if [(t.dtype, t.ndim) for t in types] != [("int64", 0)] or len(attrs["found"]) != 1:
        raise TypeError("sizeof takes one int64 scalar and names one symbol in `found`")
    return ()


_ir(
    "sizeof",
    _sizeof_infer,
    lambda attrs, sizes, v: (),
    "binds the symbol in `found` to an int64 scalar computed when the function runs",
)


# -- checks: no results; lower makes them, each with the number of its error site ----------------------------


def _nothing(types, attrs, sizes):
    return ()


def _check(name, evaluate, doc, infer=_nothing, **more):
    _ir(name, infer, evaluate, doc, effect=CHECKS, **more)


def _check_eq(attrs, sizes):
    if sizes[0] != sizes[1]:
        error = ValueError(f"Input dimension mis-match: sizes {sizes[0]} and {sizes[1]} must be equal")
        raise refusal(error, SIZES, *sizes)
    return ()


def _check_index_infer(types, attrs, sizes):
    for t in types:
        if not is_int(t.dtype):
            raise TypeError(f"an index is {t.dtype}; it must be an integer")
    return ()


def as_int64(index):
    """An index as C hands it on: beyond int64 a number of the same bits."""
    return int(np.asarray(index).astype("int64"))


def _check_index(attrs, sizes, *indices):
    for index in indices:
        bad = index[(index < -sizes[0]) | (index >= sizes[0])]
        if bad.size:
            axis, size = attrs.get("axis", 0), sizes[0]
            error = DEMANDED.get(attrs.get("error"), IndexError)(
                f"index {bad.flat[0]} is out of bounds for axis {axis} with size {size}"
            )
            raise refusal(error, INDEX, axis, as_int64(bad.flat[0]), size)
    return ()


def _check_nonempty(attrs, sizes):
    if 0 in sizes:
        axis = attrs.get("axis", 0)
        error = ValueError(f"Input of a reduction without a value for nothing has zero-size on axis {axis}")
        raise refusal(error, EMPTY, axis)
    return ()


def _check_length(attrs, sizes):
    if min(sizes, default=0) < 0:
        error = ValueError(f"negative dimensions are not allowed: {min(sizes)}")
        raise refusal(error, BAD_SIZE, min(sizes))
    return ()


def _assert_infer(types, attrs, sizes):
    if any(t.dtype != "bool" for t in types):
        raise TypeError("assert takes bools")
    return ()


def _assert(attrs, sizes, *conditions):
    if not all(np.all(c) for c in conditions):
        error = DEMANDED.get(attrs.get("error"), AssertionError)(attrs.get("message") or "assertion failed")
        raise refusal(error, ASSERT)
    return ()


_check("check_eq", _check_eq, "ValueError unless its two sizes are equal", sizes=2)
_check(
    "check_index",
    _check_index,
    "IndexError unless -n <= index < n for every element of its operands; n is its size",
    _check_index_infer,
    sizes=1,
)
_check("check_nonempty", _check_nonempty, "ValueError if its size is 0", sizes=1)
_check("check_length", _check_length, "ValueError if its size is negative", sizes=1)
_check(
    "assert",
    _assert,
    "AssertionError, or its `error`, unless every element of its operands is true",
    _assert_infer,
)


# -- kernel --------------------------------------------------------------------------------------------------


def _is_whole(axis):
    return axis.index == -1 and axis.gather is None


def kernel_params(types, attrs):
    """The types of a kernel's block parameters: of every operand the axes its map leaves whole."""
    if len(attrs["maps"]) != len(types):
        raise ValueError(f"{len(attrs['maps'])} access maps for {len(types)} operands")
    params = []
    for t, axes in zip(types, attrs["maps"]):
        if len(axes) != t.ndim:
            raise ValueError(f"an access map of {len(axes)} axes for a value of rank {t.ndim}")
        params.append(TensorType(t.dtype, tuple(s for s, a in zip(t.shape, axes) if _is_whole(a))))
    return tuple(params)


def reduced(out, domain, t):
    """The type of a kernel's ("reduce", op, axes) or ("reduce", op, axes, dtype) over values of type t."""
    _, name, axes, *rounded = out
    if not axes or list(axes) != sorted(set(axes)) or not 0 <= axes[0] <= axes[-1] < len(domain):
        raise ValueError(f"a kernel of {len(domain)} dims cannot reduce {name} over {tuple(axes)}")
    # the reduction's own type rule over domain + yielded shape says what comes out, and that the dtype is one
    # it takes
    whole = TensorType(t.dtype, tuple(domain) + t.shape)
    result = lookup(name).infer([whole], {"axes": tuple(axes)}, ())[0]
    return rounded_to(rounded[0], result) if rounded else result


def rounded_to(dtype, t):
    narrower = is_float(dtype) and is_float(t.dtype) and dtype != promote((dtype, t.dtype)) == t.dtype
    if not narrower:
        raise TypeError(f"a reduction accumulated in {t.dtype} is not rounded to {dtype}")
    return TensorType(dtype, t.shape)


def kernel_infer(types, attrs, sizes, yields=()):
    """Result types of a kernel. As for every REGION op there is a fourth argument: the types its block
    yields.

    An output ("map",) has the domain's shape and then the yielded value's; ("reduce", op, axes) lacks those
    dims of the domain. The accumulator has the dtype of the yielded value; ("reduce", op, axes, dtype) is
    rounded to a narrower float at the end.
    """
    kernel_params(types, attrs)
    for axes in attrs["maps"]:
        for axis in axes:
            if axis.index is not None and not _is_whole(axis) and not 0 <= axis.index < len(sizes):
                raise ValueError(f"an access map reads dim {axis.index} of a kernel of {len(sizes)}")
    if len(attrs["outs"]) != len(yields):
        raise ValueError(f"a kernel of {len(attrs['outs'])} results yields {len(yields)} values")
    return tuple(
        TensorType(t.dtype, tuple(sizes) + t.shape) if out[0] == "map" else reduced(out, sizes, t)
        for out, t in zip(attrs["outs"], yields)
    )


register(
    Op(
        "kernel",
        REGION,
        kernel_infer,
        None,
        doc="a loop nest over its sizes: scalar ops and inner kernels, with an access map per operand",
    )
)
