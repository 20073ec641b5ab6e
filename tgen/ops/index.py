"""Indexing by integer arrays. ``gather`` takes ``count`` index arrays of one shape S for the axes axis ..
axis+count-1.
"""

from functools import partial, reduce

import numpy as np

from tgen.core import dims
from tgen.core.dtypes import is_int
from tgen.core.effect import REFUSES
from tgen.core.op import STRUCT, Op, register
from tgen.core.types import TensorType
from tgen.graph.adjoint import Chosen
from tgen.graph.build import apply, length, lengths, literal, zeros
from tgen.graph.nodes import Constant


def _indexed_shape(x, attrs, indices):
    """Shape of x[..., indices, ...]: S stands where the indexed axes were."""
    axis, count = attrs["axis"], attrs["count"]
    if len(indices) != count or count < 1:
        raise ValueError(f"{len(indices)} index arrays for count {count}")
    if not 0 <= axis <= x.ndim - count:
        raise ValueError(f"axes {axis} to {axis + count - 1} of a value of rank {x.ndim}")
    for t in indices:
        if not is_int(t.dtype):
            raise TypeError(f"an index array is {t.dtype}; it must be an integer")
        if t.ndim != indices[0].ndim:
            raise TypeError("index arrays must have one rank (tensor/ broadcasts them)")
    common = list(indices[0].shape)
    for t in indices[1:]:
        common = [dims.merge(a, b) for a, b in zip(common, t.shape)]
    return x.shape[:axis] + tuple(common) + x.shape[axis + count :]


def _gather_infer(types, attrs, sizes):
    return (TensorType(types[0].dtype, _indexed_shape(types[0], attrs, types[1:])),)


def _write_infer(types, attrs, sizes):
    base, v, *indices = types
    shape = _indexed_shape(base, attrs, indices)
    if v.dtype != base.dtype or v.ndim != len(shape):
        raise TypeError(f"the values ({v}) need the dtype of the base and rank {len(shape)}")
    for a, b in zip(shape, v.shape):
        dims.merge(a, b)
    return (TensorType(base.dtype, base.shape),)


def place(attrs, indices):
    return (slice(None),) * attrs["axis"] + tuple(indices)


def _gather(attrs, sizes, x, *indices):
    return np.asarray(x[place(attrs, indices)])


def _set_gather(attrs, sizes, base, v, *indices):
    out = base.copy()
    out[place(attrs, indices)] = v
    return out


def _inc_gather(attrs, sizes, base, v, *indices):
    out = base.copy()
    with np.errstate(all="ignore"):
        np.add.at(out, place(attrs, indices), v)
    return out


def _back(name, node, base, v, indices):
    return apply(name, base, v, *indices, **node.attrs)


def _gather_grad(node, gs):
    x, *indices = node.inputs
    return [_back("inc_gather", node, zeros(x, gs[0].dtype), gs[0], indices)]


def _set_gather_grad(node, gs):
    """Of the values for one place the last one counts, and only that gets the adjoint of the place."""
    base, v, *indices = node.inputs
    nothing = zeros(v, gs[0].dtype)

    def of_values():
        g = apply("gather", gs[0], *indices, **node.attrs)
        return g if _never_meet(indices) else Chosen(g, _counts(node))

    return [lambda: _back("set_gather", node, gs[0], nothing, indices), of_values]


def _never_meet(indices):
    """Whether it is plain that no two elements of the index arrays name one place."""
    first = indices[0]
    if first.ndim == 0:
        return True
    made_by = {v.owner and v.owner.primitive.name for v in indices}
    if first.ndim == 1 and "iota" in made_by:
        return True
    if made_by == {"nonzero"} and set(indices) == set(first.owner.outputs):
        return True
    if not all(isinstance(v, Constant) for v in indices) or any(v.data.min(initial=0) < 0 for v in indices):
        return False
    places = np.stack([v.data.ravel() for v in indices])
    return np.unique(places, axis=1).shape == places.shape


def _counts(node):
    """Whether an element of the values is the last one written to its place; it broadcasts to their shape."""
    base, v, *indices = node.inputs
    axis, count, first = node.attrs["axis"], node.attrs["count"], indices[0]
    have = lengths(first)
    number = apply("reshape", apply("iota", reduce(partial(apply, "mul"), have)), *have, ndim=first.ndim)
    board = apply("dimshuffle", literal(0), order=("x",) * count)
    board = apply("broadcast_to", board, *(length(base, a) for a in range(axis, axis + count)))
    last = apply("set_gather", board, number, *indices, axis=0, count=count)
    counts = apply("eq", apply("gather", last, *indices, axis=0, count=count), number)
    order = ("x",) * axis + tuple(range(first.ndim)) + ("x",) * (v.ndim - axis - first.ndim)
    return apply("dimshuffle", counts, order=order)


def _inc_gather_grad(node, gs):
    return [gs[0], lambda: apply("gather", gs[0], *node.inputs[2:], **node.attrs)]


def _gather_behind(node, axis):
    x, index, first = node.inputs[0], node.inputs[1], node.attrs["axis"]
    if axis < first:
        return x, axis
    if axis < first + index.type.ndim:
        return index, axis - first
    return x, axis - index.type.ndim + node.attrs["count"]


def _gather_batch(rows, instr):
    values, indices = instr.operands[: instr.op.indexes], instr.operands[instr.op.indexes :]
    whole = [rows.whole(v) for v in values]
    if None in whole or any(v in rows.rowed for v in indices):
        return None
    attrs = instr.attrs | {"axis": instr.attrs["axis"] + 1}
    return rows.emit(instr.op.name, (*whole, *(rows.fixed[v] for v in indices)), attrs)


register(
    Op(
        "gather",
        STRUCT,
        _gather_infer,
        _gather,
        _gather_grad,
        effect=REFUSES,
        mask="added",
        flows=1,
        moves=True,
        samples=({"axis": 0, "count": 1}, {"axis": 1, "count": 1}, {"axis": 0, "count": 2}),
        indexes=1,
        batch=_gather_batch,
        behind=_gather_behind,
        doc="elements of x at integer index arrays; negative ones count from the end, others out of "
        "range are an IndexError",
    )
)
register(
    Op(
        "set_gather",
        STRUCT,
        _write_infer,
        _set_gather,
        _set_gather_grad,
        effect=REFUSES,
        mask="moved",
        flows=2,
        samples=({"axis": 0, "count": 1}, {"axis": 0, "count": 2}),
        indexes=2,
        batch=_gather_batch,
        in_place=True,
        emitter="write_gather",
        doc="base with base[..., indices] = v; of repeated indices the last wins",
    )
)
register(
    Op(
        "inc_gather",
        STRUCT,
        _write_infer,
        _inc_gather,
        _inc_gather_grad,
        effect=REFUSES,
        mask="moved",
        flows=2,
        samples=({"axis": 0, "count": 1}, {"axis": 0, "count": 2}),
        indexes=2,
        batch=_gather_batch,
        in_place=True,
        emitter="write_gather",
        doc="base with v added at base[..., indices]; repeated indices accumulate",
    )
)


# -- nonzero -------------------------------------------------------------------------------------------------


def _nonzero_infer(types, attrs, sizes):
    """In the graph the length is unknown; in the IR attrs["found"] names it."""
    (t,) = types
    if t.ndim == 0:
        raise ValueError("nonzero of a rank-0 value: use flatten first")
    found = attrs.get("found")
    return (TensorType("int64", (dims.alone(found[0]) if found else None,)),) * t.ndim


register(
    Op(
        "nonzero",
        STRUCT,
        _nonzero_infer,
        lambda attrs, sizes, x: tuple(np.asarray(i, "int64") for i in np.nonzero(x)),
        flows=0,
        found=1,
        doc="where x is not zero (nan is not): one int64 vector per axis, all of one length found when "
        "it runs",
    )
)
