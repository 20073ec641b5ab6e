"""A kernel instruction -> the plain nest of its loops, as data (nest.py): what it computes, and no more.

A band has a loop for each axis of the domain, the kept axes outside of the reduced ones, and in them all that
is read, computed, accumulated and written:

    band i0, i1 over [n0, n1]
      for i0 in 0 .. n0
        begin v1_sum: float64 = sum
        for i1 in 0 .. n1
          let x0: float64 = v0[i0, i1]
          reduce v1_sum by x0
        end v1_sum
        v1[i0] = v1_sum

A kernel over rows holds the bands of inner kernels in its innermost loop; what one of them leaves to the next
lies in a row of the part, or where the next one's result will be. The *dense* variant takes every
array as C-contiguous; the *strided* one reads the strides of parameters from the frame. How the loops run is
decided in schedule/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tgen.core.dims import Extent
from tgen.core.maps import WHOLE, Axis
from tgen.ir.nodes import Instr, Value
from tgen.passes.access import Access, is_identity

from .names import dense_strides, size
from .nest import (
    ZERO,
    Accumulate,
    Accumulator,
    Address,
    Band,
    Begin,
    Cast,
    Close,
    Const,
    Expression,
    Field,
    For,
    Gathered,
    Let,
    Load,
    Name,
    Nest,
    Scalar,
    Set,
    Statement,
    Statements,
    Subscript,
    product,
    total,
)
from .reductions import fold_of, result


@dataclass
class Array:
    """An array in memory: its pointer and element strides (expressions), element type and sizes."""

    pointer: Expression
    dtype: str
    shape: tuple[Extent, ...]
    strides: list[Expression]

    def element(self, indices: Sequence[Expression]) -> Load:
        """The element at an index for each of the first axes, and 0 of the others."""
        more = (ZERO,) * (len(self.shape) - len(indices))
        return Load(self.pointer, Subscript((*indices, *more), tuple(self.shape), tuple(self.strides)))


@dataclass
class Sink:
    """Where a result goes: an Array, a field of the frame (``scalar``), or one slot a part: ``partial`` are
    the fields of the values and, of an arg reduction, of where they are.
    """

    array: Array | None = None
    partial: tuple[Field, ...] = ()
    scalar: Field | None = None


Operand: TypeAlias = Array | Expression  # what a kernel reads: of rank 0 an expression
LOW, HIGH, PART = Name("low"), Name("high"), Name("part", "int32")


class Writer:
    """Makes one variant of one kernel; ``names`` are the values' in the IR's text, and so in the C."""

    def __init__(
        self,
        instr: Instr,
        operands: Sequence[Operand],
        sinks: Sequence[Sink],
        local_rows: Callable[[Value], Expression],
        names: Mapping[Value, str],
    ) -> None:
        self.instr, self.operands, self.sinks, self.local_rows = instr, operands, sinks, local_rows
        self.names, self.gathered = names, 0
        self.rows: list[Statement] = []

    def name(self, value: Value, **more: bool) -> Name:
        return Name(self.names[value], value.type.dtype, **more)

    def index(self) -> Name:
        """The Name of an index that is read from an array."""
        self.gathered += 1
        return Name(f"g{self.gathered - 1}")

    def write(self) -> Nest:
        """The plain nest."""
        band = Level(self, self.instr, self.operands, self.sinks, "i").write()
        return Nest((*self.rows, band))

    def local_row(self, value: Value) -> Name:
        """The pointer to this part's row for ``value``, declared at the top of the part."""
        name = self.name(value, pointer=True)
        self.rows.append(Let(name, self.local_rows(value)))
        return name


def lent(instr: Instr) -> dict[Value, Value]:
    """Rows that may be made where a result's row will be, {row: the result}: of each the last reader is the
    inner kernel that makes the result, and it reads an element in the step that writes the same one. (No
    operand lies there: plan.py works in place on no kernel over rows.)
    """
    body = instr.blocks[0]
    found: dict[Value, Value] = {}
    makers = {v: i for i in body.instrs for v in i.results}
    last = {v: i for i in body.instrs for v in i.operands}
    for out, made in zip(instr.attrs["outs"], body.results):
        maker = makers.get(made)
        if out[0] != "map" or maker is None or maker.op.name != "kernel":
            continue
        for row, axes in zip(maker.operands, maker.attrs["maps"]):
            free = row in makers and row not in found and row not in body.results and last[row] is maker
            if free and row.type == made.type and maker.operands.count(row) == 1:
                if is_identity(Access(row, axes), maker.sizes):
                    found[row] = made
                    break
    return found


class Level:
    """A kernel, or one in its rows: ``letter`` names the variables of its loops. What the values of its body
    are: ``env`` has scalars, ``rows`` the others; ``finals``: of reductions, at the end.
    """

    def __init__(
        self, writer: Writer, instr: Instr, operands: Sequence[Operand], sinks: Sequence[Sink], letter: str
    ) -> None:
        self.w, self.instr, self.operands, self.sinks = writer, instr, operands, sinks
        self.body, self.outs, self.lent = instr.blocks[0], instr.attrs["outs"], lent(instr)
        self.env: dict[Value, Expression] = {}
        self.rows: dict[Value, Array] = {}
        self.finals: dict[Value, Expression] = {}
        one = len(instr.sizes) == 1
        self.vars = tuple(Name(letter if one else f"{letter}{k}") for k in range(len(instr.sizes)))
        self.reduced = {a for o in self.outs if o[0] == "reduce" for a in o[2]}
        self.kept = [a for a in range(len(self.vars)) if a not in self.reduced]

    # -- loads
    def loads(self) -> list[Statement]:
        """What is read, arrays of indices first."""
        maps = self.instr.attrs["maps"]
        order = sorted(range(len(self.operands)), key=lambda n: any(a.gather is not None for a in maps[n]))
        return [made for number in order for made in self.load(number)]

    def load(self, number: int) -> list[Statement]:
        """What stands for the parameter of operand ``number``: a scalar, an element, or a row."""
        operand, param = self.operands[number], self.body.params[number]
        if not isinstance(operand, Array):
            self.env[param] = operand
            return []
        axes = self.instr.attrs["maps"][number]
        element = operand.element([self.index(axis, length) for axis, length in zip(axes, operand.shape)])
        if not param.type.ndim:
            self.env[param] = name = self.w.name(param)
            return [Let(name, element)]
        strides = [s for s, a in zip(operand.strides, axes) if a == WHOLE]
        name = self.w.name(param, pointer=True, const=True)
        self.rows[param] = Array(name, operand.dtype, param.type.shape, strides)
        return [Let(name, Address(element))]

    def index(self, axis: Axis, length: Extent) -> Expression:
        if axis == WHOLE:
            return ZERO
        if axis.gather is not None:
            return Gathered(self.w.index(), self.env[self.body.params[axis.gather]], size(length))
        start = size(axis.start)
        return (
            start if axis.index is None else total([product(size(axis.step), self.vars[axis.index]), start])
        )

    # -- body
    def write(self) -> Band:
        loads = self.loads()
        core = self.statements()
        accumulators = self.accumulators()
        nodes: Statements = (*loads, *core, *self.results(accumulators))
        for a in sorted(self.reduced, reverse=True):
            nodes = (self.loop(a, nodes),)
        found = [a for a in accumulators if a is not None]
        nodes = (*map(Begin, found), *nodes, *map(Close, found), *self.stores(accumulators))
        for a in reversed(self.kept):
            nodes = (self.loop(a, nodes),)
        return Band(self.vars, tuple(self.instr.sizes), nodes)

    def loop(self, axis: int, body: Statements) -> For:
        return For(self.vars[axis], ZERO, size(self.instr.sizes[axis]), body)

    def statements(self) -> list[Statement]:
        nodes: list[Statement] = []
        for instr in self.body.instrs:
            name = instr.op.name
            if name == "constant":
                self.env[instr.result] = Const(instr.attrs["value"][0], instr.result.type.dtype)
            elif name == "size":
                self.env[instr.result] = Cast("int64", size(instr.sizes[0]))
            elif name == "index":
                self.env[instr.result] = self.vars[instr.attrs["dim"]]
            elif name == "kernel":
                nodes.extend(self.inner(instr))
            else:
                nodes.append(self.scalar(instr))
        return nodes

    def scalar(self, instr: Instr) -> Let:
        dtypes = tuple(v.type.dtype for v in instr.operands)
        value = Scalar(instr.op, dtypes, tuple(self.env[v] for v in instr.operands), instr.attrs)
        self.env[instr.result] = name = self.w.name(instr.result)
        return Let(name, value)

    def inner(self, instr: Instr) -> list[Statement]:
        """The statements of an inner kernel: rows it makes go to a result's row or to a local one."""
        operands = [self.rows[v] if v.type.ndim else self.env[v] for v in instr.operands]
        made: list[Statement] = []
        sinks = []
        for value, out in zip(instr.results, instr.attrs["outs"]):
            sinks.append(Sink() if out[0] == "reduce" else Sink(self.row(value, made)))
        level = Level(self.w, instr, operands, sinks, "j")
        band = level.write()
        self.env.update(level.finals)
        return [*made, band]

    def row(self, value: Value, made: list[Statement]) -> Array:
        """The Array of a row that an inner kernel makes."""
        place = self.lent.get(value, value)
        for out, sink, yielded in zip(self.outs, self.sinks, self.body.results):
            if yielded is place and out[0] == "map" and sink.array is not None:
                name = self.w.name(value, pointer=True)
                made.append(Let(name, Address(sink.array.element(self.vars))))
                array = Array(name, value.type.dtype, value.type.shape, sink.array.strides[len(self.vars) :])
                break
        else:
            strides = dense_strides(value.type.shape)
            array = Array(self.w.local_row(value), value.type.dtype, value.type.shape, strides)
        self.rows[value] = array
        return array

    # -- results
    def accumulators(self) -> list[Accumulator | None]:
        """For each result, its Accumulator if it is reduced."""
        made: list[Accumulator | None] = []
        sizes = tuple(self.instr.sizes[a] for a in sorted(self.reduced))
        within = Subscript(
            tuple(self.vars[a] for a in sorted(self.reduced)), sizes, tuple(dense_strides(sizes))
        )
        for out, value, whole in zip(self.outs, self.body.results, self.instr.results):
            if out[0] != "reduce":
                made.append(None)
                continue
            at = Name(f"{self.w.names[whole]}_{out[1]}", value.type.dtype)
            index = within if fold_of(out[1]).where else None
            accumulator = Accumulator(out[1], value.type.dtype, at, index, *out[3:])
            made.append(accumulator)
            self.finals[whole] = result(accumulator)
        return made

    def results(self, accumulators: Sequence[Accumulator | None]) -> Iterator[Statement]:
        """What is done with what the body yields."""
        for sink, value, a in zip(self.sinks, self.body.results, accumulators):
            if a is not None:
                yield Accumulate(a, self.env[value])
            elif sink.scalar is not None:
                yield Set(sink.scalar, self.env[value])
            elif sink.array is not None and not value.type.ndim:
                yield Set(sink.array.element(self.vars), self.env[value])

    def stores(self, accumulators: Sequence[Accumulator | None]) -> Iterator[Statement]:
        """Where the results of reductions go: to memory, to the part's slots, or nowhere."""
        kept = [self.vars[a] for a in self.kept]
        for sink, a in zip(self.sinks, accumulators):
            if a is None:
                continue
            if sink.scalar:
                yield Set(sink.scalar, result(a))
            elif sink.partial:
                values = (a.at, result(a)) if fold_of(a.kind).where else (a.at,)
                yield from (Set(Load(slots, PART), x) for slots, x in zip(sink.partial, values))
            elif sink.array is not None:
                yield Set(sink.array.element(kept), result(a))
