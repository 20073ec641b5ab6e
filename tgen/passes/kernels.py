"""Builds the kernel of a cluster (fuse.py): a flat one over its domain, or rows of inner kernels.

A row cluster's members are dealt to *segments*: an inner kernel reads row values that an earlier segment
reduced. What an inner kernel needs of an earlier one is computed again when it is cheap, else it is a local
row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.maps import WHOLE, Axis
from tgen.core.op import CHEAP, OPS, REDUCE
from tgen.core.types import tensor_type
from tgen.ir.nodes import Block, Instr, Value
from tgen.ir.origin import made_of, making

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import Attrs, Op
    from tgen.passes.access import Access, Reader
    from tgen.passes.cluster import Cluster

# a value of at most this many cheap ops over loads is computed again rather than kept in a row
CHEAP_OPS = 3


class KernelBuilder:
    """One kernel under construction."""

    def __init__(self, domain: tuple[Extent, ...]) -> None:
        self.domain = domain
        self.operands, self.maps, self.params, self.instrs = [], [], [], []
        self.yields, self.outs, self.results = [], [], []
        self.known, self.position = {}, {}

    def operand(self, value: Value, axes: tuple[Axis, ...]) -> Value:
        """The parameter that holds ``value`` read at ``axes``; its type is what the axes leave whole."""
        key = (value, axes)
        if key not in self.known:
            kept = tuple(s for s, a in zip(value.type.shape, axes) if a == WHOLE)
            param = Value(tensor_type(value.type.dtype, kept))
            self.position[param] = len(self.operands)
            self.operands.append(value)
            self.maps.append(axes)
            self.params.append(param)
            self.known[key] = param
        return self.known[key]

    def emit(
        self,
        op: Op,
        operands: Sequence[Value],
        dtype: str,
        attrs: Attrs | None = None,
        sizes: tuple[Extent, ...] = (),
    ) -> Value:
        result = Value(tensor_type(dtype, ()))
        self.instrs.append(Instr(op, tuple(operands), (result,), attrs or {}, sizes))
        return result

    def inline(self, reader: Reader, base: Value, axes: tuple[Axis, ...]) -> Value:
        """The element of an iota, a size or a constant, computed in place."""
        key = (base, axes)
        if key not in self.known:
            source = reader.definitions[base]
            if base.type.ndim == 0:
                self.known[key] = self.emit(source.op, (), base.type.dtype, source.attrs, source.sizes)
            else:
                self.known[key] = self.affine(axes[0])
        return self.known[key]

    def affine(self, axis: Axis) -> Value:
        if axis.index is None:
            return self.emit(OPS["size"], (), "int64", {}, (axis.start,))
        value = self.emit(OPS["index"], (), "int64", {"dim": axis.index})
        if axis.step != 1:
            value = self.emit(
                OPS["mul"], (value, self.emit(OPS["size"], (), "int64", {}, (axis.step,))), "int64"
            )
        if axis.start != 0:
            value = self.emit(
                OPS["add"], (value, self.emit(OPS["size"], (), "int64", {}, (axis.start,))), "int64"
            )
        return value

    def reduce(self, instr: Instr, value: Value, axes: tuple[int, ...], result: Value) -> None:
        """A reduction of elements ``value``, in the accumulator's dtype; rounded if that of ``result`` is
        narrower.
        """
        acc = instr.attrs.get("acc", value.type.dtype)
        if value.type.dtype != acc:
            value = self.widened(value, acc)
        out = ("reduce", instr.op.name, axes)
        rounds = "acc" in instr.attrs and result.type.dtype != acc
        self.give(value, (*out, result.type.dtype) if rounds else out, result)

    def widened(self, value: Value, dtype: str) -> Value:
        key = (value, dtype)
        if key not in self.known:
            self.known[key] = self.emit(OPS["cast"], (value,), dtype, {"dtype": dtype})
        return self.known[key]

    def give(self, value: Value, out: tuple[str | tuple[int, ...], ...], result: Value) -> None:
        self.yields.append(value)
        self.outs.append(out)
        self.results.append(result)

    def finish(self, where: frozenset[tuple[str, int]] = frozenset()) -> Instr:
        block = Block(tuple(self.params), tuple(self.instrs), tuple(self.yields))
        attrs = {"maps": tuple(self.maps), "outs": tuple(self.outs)}
        return Instr(
            OPS["kernel"],
            tuple(self.operands),
            tuple(self.results),
            attrs,
            tuple(self.domain),
            (block,),
            where,
        )


def build(cluster: Cluster, reader: Reader, used: set[Value]) -> list[Instr]:
    """The instructions that compute a cluster: one kernel (none when nobody uses it)."""
    builder = RowKernel(cluster, reader, used) if cluster.inner else FlatKernel(cluster, reader, used)
    members = [instr for instr, _ in cluster.members]
    with making(made_of(members)):
        for instr, level in cluster.members:
            builder.add(instr, level)
        return builder.finish(frozenset().union(*(i.where for i in members)))


def table_axes(instr: Instr, reader: Reader, read_index: Callable[..., Any]) -> list[Axis]:
    """Axes of a gather's table in terms of its result; an index becomes ``read_index(value, first axis)``: an
    Axis or a parameter's position.
    """
    axis, count, rank = instr.attrs["axis"], instr.attrs["count"], instr.operands[1].type.ndim
    axes = []
    for a in range(instr.operands[0].type.ndim):
        if a < axis:
            axes.append(Axis(a))
        elif a >= axis + count:
            axes.append(Axis(a - count + rank))
        else:
            index = read_index(instr.operands[1 + a - axis], axis)
            axes.append(in_range(index, instr.operands[0].type.shape[a], instr.result.type.shape))
    return axes


def in_range(axis: Axis, size: Extent, domain: tuple[Extent, ...]) -> Axis:
    """An index that stands still and is negative counts from the end; one of unknown sign is taken modulo the
    size (it was checked).

    So is one that is out of range for sure, and one that moves out of range for sure reads the first element:
    its check ends the call, and what it would read must be a place in the array all the same.
    """
    if axis.gather is not None:
        return axis
    if axis.index is not None:
        length = domain[axis.index]
        ends = axis.ends(length, size)
        if ends is None or not isinstance(size, int) or not length or not size:
            return axis
        return axis if 0 <= ends[0] and ends[1] < size else Axis(None)
    if isinstance(axis.start, int) and isinstance(size, int) and size and not -size <= axis.start < size:
        return Axis(None, axis.start % size)
    if dims.nonnegative(axis.start):
        return axis
    return Axis(
        None, dims.add(size, axis.start) if isinstance(axis.start, int) else dims.mod(axis.start, size)
    )


def shifted(access: Access, first: int) -> tuple[Axis, ...]:
    """An index array's axes, moved to where they stand in the gather's result."""
    return tuple(a if a.index is None else Axis(a.index + first, a.start, a.step) for a in access.axes)


def inline_index(reader: Reader, base: Value, axes: tuple[Axis, ...]) -> Axis | None:
    """The Axis an inlined index stands for: an iota is affine, a size or a constant stands still; None for an
    array in memory.
    """
    if not reader.inlined(base):
        return None
    source = reader.definitions[base]
    if base.type.ndim:
        return axes[0]
    return Axis(None, source.sizes[0]) if source.sizes else Axis(None, int(source.attrs["value"][0]))


class FlatKernel:
    def __init__(self, cluster: Cluster, reader: Reader, used: set[Value]) -> None:
        self.reader, self.used, self.cluster = reader, used, cluster
        self.builder, self.env = KernelBuilder(cluster.domain), {}

    def element(self, access: Access) -> Value:
        if access.base in self.env:
            return self.env[access.base]
        if self.reader.inlined(access.base):
            return self.builder.inline(self.reader, access.base, access.axes)
        return self.builder.operand(access.base, access.axes)

    def add(self, instr: Instr, level: str) -> None:
        builder = self.builder
        if instr.op.name == "gather":
            self.keep(instr, self.gathered(instr))
            return
        args = [self.element(access) for access in self.cluster.accesses[instr]]
        if instr.op.kind == REDUCE:
            builder.reduce(instr, args[0], instr.attrs["axes"], instr.result)
            return
        self.keep(instr, builder.emit(instr.op, args, instr.result.type.dtype, instr.attrs, instr.sizes))

    def keep(self, instr: Instr, value: Value) -> None:
        self.env[instr.result] = value
        if instr.result in self.used:
            self.builder.give(value, ("map",), instr.result)

    def gathered(self, instr: Instr) -> Value:
        def read_index(v: Value, first: int) -> Axis:
            access = self.reader.access(v)
            axes = shifted(access, first)
            known = inline_index(self.reader, access.base, axes)
            return known or Axis(None, gather=self.builder.position[self.builder.operand(access.base, axes)])

        axes = table_axes(instr, self.reader, read_index)
        return self.builder.operand(instr.operands[0], tuple(axes))

    def finish(self, where: frozenset[tuple[str, int]]) -> list[Instr]:
        return [self.builder.finish(where)] if self.builder.results else []


class Segment:
    def __init__(self, inner: tuple[Extent, ...]) -> None:
        self.kernel, self.outer, self.env = KernelBuilder(inner), [], {}


class RowKernel:
    def __init__(self, cluster: Cluster, reader: Reader, used: set[Value]) -> None:
        self.reader, self.used, self.cluster = reader, used, cluster
        self.split = len(cluster.outer)
        self.builder, self.segments = KernelBuilder(cluster.outer), {}
        # row values; segment after which a value is there; full values -> (instr, segment)
        self.outer_env, self.ready, self.made = {}, {}, {}
        self.rows = {}  # full value -> local row value

    def segment(self, number: int) -> Segment:
        if number not in self.segments:
            self.segments[number] = Segment(self.cluster.domain[self.split :])
        return self.segments[number]

    def add(self, instr: Instr, level: str) -> None:
        if level == "outer":
            self.add_outer(instr)
            return
        number = self.number(instr)
        if instr.op.kind == REDUCE:
            self.add_reduction(instr, number)
            return
        segment = self.segment(number)
        self.made[instr.result], self.ready[instr.result] = (instr, number), number
        segment.env[instr.result] = self.compute(instr, number)
        if instr.result in self.used:
            self.builder.give(self.row(instr.result), ("map",), instr.result)

    def number(self, instr: Instr) -> int:
        """The segment of a full member: after every row value it reads is reduced."""
        number = 0
        for v in instr.operands:
            base = self.reader.access(v).base
            if base in self.ready:
                number = max(number, self.ready[base] + (base not in self.made))
        return number

    def compute(self, instr: Instr, number: int) -> Value:
        segment = self.segment(number)
        if instr.op.name == "gather":
            return self.gathered(instr, number)
        args = [self.inner_element(access, number) for access in self.cluster.accesses[instr]]
        return segment.kernel.emit(instr.op, args, instr.result.type.dtype, instr.attrs, instr.sizes)

    def inner_element(self, access: Access, number: int) -> Value:
        segment, base = self.segment(number), access.base
        if base in segment.env:
            return segment.env[base]
        if base in self.outer_env:
            return segment.kernel.operand(self.outer_env[base], ())
        if base in self.made:
            return self.earlier(base, number)
        if self.reader.inlined(base):
            return self.inner_inline(access, segment)
        return self.load(base, access.axes, segment)

    def inner_inline(self, access: Any, segment: Any) -> Any:
        if access.base.type.ndim and access.axes[0].index is not None and access.axes[0].index < self.split:
            return segment.kernel.operand(self.builder.inline(self.reader, access.base, access.axes), ())
        axes = tuple(self.moved(a) for a in access.axes)
        return segment.kernel.inline(self.reader, access.base, axes)

    def moved(self, axis: Axis) -> Axis:
        return axis if axis.index is None else Axis(axis.index - self.split, axis.start, axis.step)

    def load(self, base: Value, axes: tuple[Axis, ...], segment: Segment) -> Value:
        """An element of an array in memory: the row is taken outside, the place in it inside."""
        outside = tuple(
            a if a.gather is None and (a.index is None or a.index < self.split) else WHOLE for a in axes
        )
        inside = tuple(self.moved(a) if a.gather is None else a for a, o in zip(axes, outside) if o == WHOLE)
        return segment.kernel.operand(self.builder.operand(base, outside), inside)

    def gathered(self, instr: Instr, number: int) -> Value:
        segment = self.segment(number)

        def read_index(v: Value, first: int) -> Axis:
            access = self.reader.access(v)
            axes = shifted(access, first)
            known = inline_index(self.reader, access.base, axes)
            return known or Axis(None, gather=segment.kernel.position[self.load(access.base, axes, segment)])

        return self.load(instr.operands[0], tuple(table_axes(instr, self.reader, read_index)), segment)

    def earlier(self, base: Value, number: int) -> Value:
        """A full value of an earlier segment, in a later one: again when cheap, else its row."""
        segment = self.segment(number)
        order = self.recipe(base, number)
        if order is None:
            return segment.kernel.operand(
                self.row(base), tuple(Axis(k) for k in range(len(self.cluster.domain) - self.split))
            )
        for instr in order:
            segment.env[instr.result] = self.compute(instr, number)
        return segment.env[base]

    def recipe(self, base: Value, number: int) -> list[Instr] | None:
        """The cheap instructions that make ``base`` again in segment ``number``, or None."""
        env, order, stack = self.segment(number).env, {}, [base]
        while stack:
            v = stack.pop()
            if v in env or v not in self.made:
                continue
            instr, _ = self.made[v]
            if instr.op.cost != CHEAP or len(order) >= CHEAP_OPS:
                return None
            order.pop(instr, None)
            order[instr] = None
            stack.extend(self.reader.access(x).base for x in instr.operands)
        return list(reversed(order))

    def row(self, base: Value) -> Value:
        """The local row that holds a full value: its segment's kernel yields it."""
        if base not in self.rows:
            _, number = self.made[base]
            segment = self.segment(number)
            self.rows[base] = Value(tensor_type(base.type.dtype, tuple(self.cluster.domain[self.split :])))
            segment.kernel.give(segment.env[base], ("map",), self.rows[base])
        return self.rows[base]

    def add_reduction(self, instr: Instr, number: int) -> None:
        domain, axes = self.cluster.domain, instr.attrs["axes"]
        operand = self.inner_element(self.cluster.accesses[instr][0], number)
        whole = len(axes) == len(domain) and self.split > 0  # of rows first, then of these: rounded once
        dtype = instr.attrs.get("acc", instr.result.type.dtype) if whole else instr.result.type.dtype
        value = Value(tensor_type(dtype, ()))
        self.segment(number).kernel.reduce(instr, operand, tuple(range(len(domain) - self.split)), value)
        if whole:
            self.builder.reduce(instr, value, tuple(range(self.split)), instr.result)
            return
        self.keep_outer(instr, value, number)

    def keep_outer(self, instr: Instr, value: Value, number: int) -> None:
        self.outer_env[instr.result], self.ready[instr.result] = value, number
        if instr.result in self.used:
            self.builder.give(value, ("map",), instr.result)

    def add_outer(self, instr: Instr) -> None:
        if instr.op.name == "gather":
            self.keep_outer(instr, self.outer_gathered(instr), 0)
            return
        accesses = self.cluster.accesses[instr]
        number = max((self.ready.get(a.base, 0) for a in accesses), default=0)
        args = [self.outer_element(a) for a in accesses]
        if instr.op.kind == REDUCE:
            self.builder.reduce(
                instr,
                self.widened(args[0], instr.attrs.get("acc"), number),
                instr.attrs["axes"],
                instr.result,
            )
            return
        value = Value(tensor_type(instr.result.type.dtype, ()))
        self.segment(number).outer.append(Instr(instr.op, tuple(args), (value,), instr.attrs, instr.sizes))
        self.keep_outer(instr, value, number)

    def widened(self, value: Any, dtype: Any, number: Any) -> Any:
        """A row value in the dtype of the accumulator it goes to, cast where it is made: the builder has
        nothing of segments yet.
        """
        if dtype in (None, value.type.dtype):
            return value
        wide = Value(tensor_type(dtype, ()))
        self.segment(number).outer.append(Instr(OPS["cast"], (value,), (wide,), {"dtype": dtype}))
        return wide

    def outer_element(self, access: Access) -> Value:
        if access.base in self.outer_env:
            return self.outer_env[access.base]
        if self.reader.inlined(access.base):
            return self.builder.inline(self.reader, access.base, access.axes)
        return self.builder.operand(access.base, access.axes)

    def outer_gathered(self, instr: Any) -> Any:
        flat = FlatKernel(self.cluster, self.reader, self.used)
        flat.builder = self.builder
        return flat.gathered(instr)

    def finish(self, where: frozenset[tuple[str, int]]) -> list[Instr]:
        for number in sorted(self.segments):
            segment = self.segments[number]
            if segment.kernel.results:
                self.builder.instrs.append(segment.kernel.finish())
            self.builder.instrs.extend(segment.outer)
        return [self.builder.finish(where)] if self.builder.results else []
