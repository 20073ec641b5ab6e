"""Views and shapes: ops that move data and compute nothing. Their gradients move it back."""

import numpy as np

from tgen.core import dims
from tgen.core.effect import REFUSES
from tgen.core.maps import Axis, all_sections, strided
from tgen.core.op import FREE, STRUCT, VIEW, Op, register
from tgen.core.types import TensorType, tensor_type
from tgen.graph.build import apply, lengths, literal, plus, zeros
from tgen.graph.describe import own_axis

from . import known
from .declare import batch_axes


def _is_one(size):
    return isinstance(size, int) and size == 1


# -- dimshuffle ----------------------------------------------------------------------------------------------


def _dimshuffle_infer(types, attrs, sizes):
    (t,) = types
    order = attrs["order"]
    used = [a for a in order if a != "x"]
    if len(set(used)) != len(used) or used and not 0 <= min(used) <= max(used) < t.ndim:
        raise ValueError(f"order {order} does not name axes of a value of rank {t.ndim}, each once at most")
    for a in set(range(t.ndim)).difference(used):
        if not _is_one(t.shape[a]):
            raise ValueError(
                f"axis {a} cannot be dropped: its size "
                f"{'is ' + str(t.shape[a]) if t.shape[a] is not None else 'may not be'}, and "
                "not 1 in the type"
            )
    return (tensor_type(t.dtype, tuple(1 if a == "x" else t.shape[a] for a in order), t.weak),)


def _dimshuffle(attrs, sizes, x):
    order = attrs["order"]
    used = [a for a in order if a != "x"]
    dropped = tuple(a for a in range(x.ndim) if a not in used)
    moved = np.squeeze(x, dropped).transpose([a - sum(d < a for d in dropped) for a in used])
    return moved[tuple(None if a == "x" else slice(None) for a in order)] if "x" in order else moved


def _dimshuffle_grad(node, gs):
    order = node.attrs["order"]
    back = tuple(order.index(a) if a in order else "x" for a in range(node.inputs[0].ndim))
    return [apply("dimshuffle", gs[0], order=back)]


def _dimshuffle_behind(node, axis):
    old = node.attrs["order"][axis]
    return None if old == "x" else (node.inputs[0], old)


def _dimshuffle_batch(rows, instr):
    order = (0, *(a if a == "x" else a + 1 for a in instr.attrs["order"]))
    return rows.emit("dimshuffle", (rows.rowed[instr.operands[0]],), {"order": order})


def _dimshuffle_view(instr, axes):
    found = {a: axes[j] for j, a in enumerate(instr.attrs["order"]) if a != "x"}
    return tuple(found.get(a, Axis(None)) for a in range(instr.operands[0].type.ndim))


def _dimshuffle_needs(instr, part):
    order, shape = instr.attrs["order"], instr.operands[0].type.shape
    if any(a == "x" and (part.starts[k], part.lengths[k]) != (0, 1) for k, a in enumerate(order)):
        return None
    return [part.axes([order.index(a) if a in order else None for a in range(len(shape))], shape)]


register(
    Op(
        "dimshuffle",
        VIEW,
        _dimshuffle_infer,
        _dimshuffle,
        _dimshuffle_grad,
        mask="moved",
        moves=True,
        view=_dimshuffle_view,
        needs=_dimshuffle_needs,
        samples=({"order": (1, 0)}, {"order": ("x", 0, 1)}),
        behind=_dimshuffle_behind,
        on_sizes=lambda x: x,
        cost=FREE,
        batch=_dimshuffle_batch,
        doc="axes reordered; 'x' is a new axis of static size 1, a missing axis must be a static 1",
    )
)


# -- broadcast_to, reshape -----------------------------------------------------------------------------------


def _broadcast_to_infer(types, attrs, sizes):
    (t,) = types
    if len(sizes) != t.ndim:
        raise ValueError(f"{len(sizes)} sizes for a value of rank {t.ndim}")
    shape = tuple(n if _is_one(s) else dims.merge(s, n) for s, n in zip(t.shape, sizes))
    return (tensor_type(t.dtype, shape, t.weak),)


def _broadcast_to(attrs, sizes, x):
    return np.broadcast_to(x, sizes)


def _broadcast_to_batch(rows, instr):
    sizes = (rows.count, *instr.sizes)
    return rows.emit("broadcast_to", (rows.rowed[instr.operands[0]],), instr.attrs, sizes)


def _broadcast_to_view(instr, axes):
    shape = instr.result.type.shape
    return tuple(
        Axis(None) if s == 1 and shape[a] != 1 else axes[a]
        for a, s in enumerate(instr.operands[0].type.shape)
    )


register(
    Op(
        "broadcast_to",
        VIEW,
        _broadcast_to_infer,
        _broadcast_to,
        lambda node, gs: [gs[0]],
        sizes=-1,
        mask="moved",
        moves=True,
        view=_broadcast_to_view,
        needs=all_sections,
        lengths=True,
        cost=FREE,
        batch=_broadcast_to_batch,
        doc="x with its static-1 axes repeated to the sizes; the other axes must have theirs",
    )
)


def _reshape_infer(types, attrs, sizes):
    (t,) = types
    if len(sizes) != attrs["ndim"]:
        raise ValueError(f"{len(sizes)} sizes for ndim {attrs['ndim']}")
    before, after = dims.product(t.shape), dims.product(sizes)
    if any(isinstance(n, int) and n < 0 for n in sizes):
        raise ValueError(f"negative size in {tuple(sizes)}")
    if isinstance(before, int) and isinstance(after, int) and before != after:
        raise ValueError(f"cannot reshape {before} elements into shape {tuple(sizes)}")
    return (tensor_type(t.dtype, tuple(sizes), t.weak),)


def _reshape_batch(rows, instr):
    sizes = (rows.count, *instr.sizes)
    return rows.emit("reshape", (rows.rowed[instr.operands[0]],), {"ndim": len(sizes)}, sizes)


def _reshape_grad(node, gs):
    x = node.inputs[0]
    return [apply_reshape(gs[0], lengths(x))]


def apply_reshape(x, sizes):
    return apply("reshape", x, *sizes, ndim=len(sizes))


register(
    Op(
        "reshape",
        VIEW,
        _reshape_infer,
        lambda attrs, sizes, x: np.reshape(x, sizes),
        _reshape_grad,
        sizes=lambda attrs: attrs["ndim"],
        mask="moved",
        moves=True,
        lengths=True,
        batch=_reshape_batch,
        doc="the elements in C order under another shape of the same size",
    )
)


# -- slice and the two that write through one ----------------------------------------------------------------


def _starts(attrs):
    return len(attrs["steps"])


def _check_steps(t, steps):
    if len(steps) != t.ndim or 0 in steps:
        raise ValueError(f"steps {tuple(steps)} for a value of rank {t.ndim}: one nonzero step per axis")


def _slice_infer(types, attrs, sizes):
    (t,) = types
    _check_steps(t, attrs["steps"])
    if len(sizes) != 2 * t.ndim:
        raise ValueError(f"{len(sizes)} sizes for a value of rank {t.ndim}: the starts, then the lengths")
    return (tensor_type(t.dtype, tuple(sizes[t.ndim :]), t.weak),)


def region(starts, counts, steps):
    """NumPy slices for elements start + step * k, k < count."""
    return tuple(
        slice(0, 0) if n == 0 else slice(s, s + k * n if s + k * n >= 0 else None, k)
        for s, n, k in zip(starts, counts, steps)
    )


def _slice(attrs, sizes, x):
    return x[region(sizes[: x.ndim], sizes[x.ndim :], attrs["steps"])]


def _slice_grad(node, gs):
    x, g = node.inputs[0], gs[0]
    return [apply("set_slice", zeros(x, g.dtype), g, *node.inputs[1 : 1 + x.ndim], steps=node.attrs["steps"])]


def _slice_batch(rows, instr):
    x = instr.operands[0]
    starts, counts = instr.sizes[: x.type.ndim], instr.sizes[x.type.ndim :]
    attrs = {"steps": (1, *instr.attrs["steps"])}
    return rows.emit("slice", (rows.rowed[x],), attrs, (0, *starts, rows.count, *counts))


def _slice_view(instr, axes):
    starts, steps = instr.sizes, instr.attrs["steps"]
    return tuple(
        Axis(a.index, *strided(start, step, a.start, a.step)) for a, start, step in zip(axes, starts, steps)
    )


register(
    Op(
        "slice",
        VIEW,
        _slice_infer,
        _slice,
        _slice_grad,
        sizes=lambda attrs: 2 * _starts(attrs),
        mask="moved",
        moves=True,
        view=_slice_view,
        needs=lambda instr, part: [part.below(instr.sizes, instr.attrs["steps"])],
        cost=FREE,
        batch=_slice_batch,
        doc="element k of an axis is x[start + step * k], k < length",
    )
)


def _write_infer(types, attrs, sizes):
    base, v = types
    _check_steps(base, attrs["steps"])
    if v.ndim != base.ndim or v.dtype != base.dtype:
        raise TypeError(f"the values ({v}) need the rank and dtype of the base ({base})")
    if len(sizes) != base.ndim:
        raise ValueError(f"{len(sizes)} starts for a base of rank {base.ndim}")
    return (tensor_type(base.dtype, base.shape),)


def _set_slice(attrs, sizes, base, v):
    out = base.copy()
    out[region(sizes, v.shape, attrs["steps"])] = v
    return out


def _inc_slice(attrs, sizes, base, v):
    out = base.copy()
    with np.errstate(all="ignore"):
        out[region(sizes, v.shape, attrs["steps"])] += v
    return out


def _read_back(node, g):
    return apply("slice", g, *node.inputs[2:], *lengths(node.inputs[1]), steps=node.attrs["steps"])


def _set_slice_grad(node, gs):
    (_, v, *starts), g = node.inputs, gs[0]
    cleared = apply("set_slice", g, zeros(v, g.dtype), *starts, steps=node.attrs["steps"])
    return [cleared, _read_back(node, g)]


def _inc_slice_grad(node, gs):
    return [gs[0], _read_back(node, gs[0])]


def _write_slice_batch(rows, instr):
    base, v = map(rows.whole, instr.operands)
    if base is None or v is None:
        return None
    return rows.emit(instr.op.name, (base, v), {"steps": (1, *instr.attrs["steps"])}, (0, *instr.sizes))


register(
    Op(
        "set_slice",
        STRUCT,
        _write_infer,
        _set_slice,
        _set_slice_grad,
        sizes=_starts,
        mask="moved",
        in_place=True,
        emitter="write_slice",
        batch=_write_slice_batch,
        doc="base with elements start + step * k, k < v's length, set to v",
    )
)
register(
    Op(
        "inc_slice",
        STRUCT,
        _write_infer,
        _inc_slice,
        _inc_slice_grad,
        sizes=_starts,
        mask="moved",
        in_place=True,
        emitter="write_slice",
        batch=_write_slice_batch,
        doc="base with elements start + step * k, k < v's length, increased by v",
    )
)


# -- what the type knows of an axis --------------------------------------------------------------------------


def _same_view(instr, axes):
    return axes


def _unbroadcast_infer(types, attrs, sizes):
    (t,) = types
    return (
        TensorType(t.dtype, tuple(None if a in attrs["axes"] else s for a, s in enumerate(t.shape)), t.weak),
    )


def _rebroadcast_infer(types, attrs, sizes):
    (t,) = types
    for a in attrs["axes"]:
        if isinstance(t.shape[a], int) and t.shape[a] != 1:
            raise ValueError(
                f"Dimension {a} in Rebroadcast's input was supposed to be 1 (got {t.shape[a]} instead)"
            )
    return (
        TensorType(t.dtype, tuple(1 if a in attrs["axes"] else s for a, s in enumerate(t.shape)), t.weak),
    )


def _rebroadcast(attrs, sizes, x):
    for a in attrs["axes"]:
        if x.shape[a] != 1:
            raise ValueError(
                f"Dimension {a} in Rebroadcast's input was supposed to be 1 (got {x.shape[a]} instead)"
            )
    return x


register(
    Op(
        "unbroadcast",
        VIEW,
        _unbroadcast_infer,
        lambda attrs, sizes, x: x,
        mask="moved",
        moves=True,
        view=_same_view,
        samples=({"axes": (0,)},),
        grad=lambda node, gs: [
            apply(
                "rebroadcast",
                gs[0],
                axes=tuple(a for a in node.attrs["axes"] if _is_one(node.inputs[0].type.shape[a])),
            )
        ],
        identity=True,
        behind=own_axis,
        batch=batch_axes,
        doc="x whose axes no longer broadcast; lower drops it",
    )
)
register(
    Op(
        "rebroadcast",
        VIEW,
        _rebroadcast_infer,
        _rebroadcast,
        mask="moved",
        moves=True,
        view=_same_view,
        samples=({"axes": (0,)},),
        effect=REFUSES,
        grad=lambda node, gs: [
            apply(
                "unbroadcast",
                gs[0],
                axes=tuple(a for a in node.attrs["axes"] if not _is_one(node.inputs[0].type.shape[a])),
            )
        ],
        behind=own_axis,
        batch=batch_axes,
        doc="x whose axes are declared to be 1, checked when the function runs",
    )
)


# -- sizes as values, new vectors, concatenation -------------------------------------------------------------

register(
    Op(
        "shape_i",
        STRUCT,
        lambda types, attrs, sizes: (TensorType("int64"),),
        lambda attrs, sizes, x: np.asarray(x.shape[attrs["axis"]], "int64"),
        flows=0,
        samples=({"axis": 0},),
        nonnegative=known.always,
        doc="the size of an axis, int64; becomes `size` in the IR",
    )
)
register(
    Op(
        "iota",
        STRUCT,
        lambda types, attrs, sizes: (TensorType("int64", sizes),),
        lambda attrs, sizes: np.arange(sizes[0], dtype="int64"),
        sizes=1,
        flows=0,
        lengths=True,
        positions=True,
        inlined=True,
        doc="int64 0, 1, ... n-1",
    )
)


def _make_vector_infer(types, attrs, sizes):
    if not types or len({t.dtype for t in types}) != 1 or any(t.ndim for t in types):
        raise TypeError("make_vector takes scalars of one dtype, at least one")
    return (TensorType(types[0].dtype, (len(types),), all(t.weak for t in types)),)


def element(v, i):
    """Element i (a Python int) of a vector."""
    return apply("dimshuffle", apply("slice", v, literal(i), literal(1), steps=(1,)), order=())


def _make_vector_batch(rows, instr):
    whole = [rows.whole(v) for v in instr.operands]
    if None in whole:
        return None
    columns = [rows.emit("dimshuffle", (v,), {"order": (0, "x")}) for v in whole]
    return rows.emit("concatenate", tuple(columns), {"axis": 1})


register(
    Op(
        "make_vector",
        STRUCT,
        _make_vector_infer,
        lambda attrs, sizes, *xs: np.array(xs, xs[0].dtype),
        lambda node, gs: [lambda i=i: element(gs[0], i) for i in range(len(node.inputs))],
        mask="moved",
        batch=_make_vector_batch,
        doc="scalars as a vector",
    )
)


def _concatenate_infer(types, attrs, sizes):
    axis, first = attrs["axis"], types[0]
    if len({(t.dtype, t.ndim) for t in types}) != 1:
        raise TypeError(f"concatenate takes values of one rank and dtype, not {', '.join(map(str, types))}")
    if not 0 <= axis < first.ndim:
        raise ValueError(f"axis {axis} of values of rank {first.ndim}")
    shape = list(first.shape)
    for t in types[1:]:
        shape = [
            dims.add(a, b) if d == axis else dims.merge(a, b) for d, (a, b) in enumerate(zip(shape, t.shape))
        ]
    return (TensorType(first.dtype, tuple(shape), all(t.weak for t in types)),)


def _concatenate_grad(node, gs):
    from_zero, axis, parts = literal(0), node.attrs["axis"], []
    start, steps = from_zero, (1,) * gs[0].ndim
    for x in node.inputs:
        counts = lengths(x)
        starts = [start if d == axis else from_zero for d in range(x.ndim)]
        parts.append(apply("slice", gs[0], *starts, *counts, steps=steps))
        start = plus(start, counts[axis])
    return parts


def _concatenate_batch(rows, instr):
    whole = tuple(rows.whole(v) for v in instr.operands)
    return None if None in whole else rows.emit("concatenate", whole, {"axis": instr.attrs["axis"] + 1})


register(
    Op(
        "concatenate",
        STRUCT,
        _concatenate_infer,
        lambda attrs, sizes, *xs: np.concatenate(xs, attrs["axis"]),
        _concatenate_grad,
        mask="moved",
        samples=({"axis": 0}, {"axis": 1}),
        batch=_concatenate_batch,
        doc="values one after another along axis",
    )
)
