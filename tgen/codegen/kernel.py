"""A kernel instruction -> the loop nest of one part of it, as data (nest.py).

Loads stand at the depth where their indices are known. A kernel over rows holds inner kernels in its
innermost loop; both are levels of the same writer. The *dense* variant takes every array as C-contiguous and
runs over neighbouring axes as one loop where it can; the *strided* variant reads the strides of parameters
from the frame.

What is reduced over axes that stand before a kept one (columns of a matrix) is accumulated in a block of the
kept axis, on the stack and in the accumulator's dtype, and written once:

    for (int64_t from = low; from < high; from += 512) {
        const int64_t to = from + 512 < high ? from + 512 : high;
        double cell0[512];
        for (i1 = from .. to) cell0[i1 - from] = 0.0;
        for (i0 = 0 .. n0) for (i1 = from .. to) cell0[i1 - from] = cell0[i1 - from] + x0;
        for (i1 = from .. to) f->v1[i1] = cell0[i1 - from];
    }
"""

from dataclasses import dataclass, replace

from tgen.core import dims
from tgen.core.dtypes import is_float
from tgen.core.maps import WHOLE

from .names import size
from .nest import (
    ZERO,
    Bin,
    Call,
    Cast,
    Const,
    For,
    Int,
    Let,
    Load,
    Local,
    Name,
    Scalar,
    Select,
    Set,
    product,
    total,
)
from .reductions import Accumulator, fold_of, memory_step, start

CHUNK = 256  # elements that a float sum adds in a register before they go to its tally
# elements of the kept axis that are accumulated together: 4 KiB, they stay in the first cache
BLOCK = 512
BLOCKS = 8  # so many accumulators have blocks of that length; of more, shorter ones, for the stack
# elements of a kept innermost axis that a part has at least: fewer do not fill vectors
TILE = 64


@dataclass
class Array:
    """An array in memory: its pointer and element strides (expressions), element type and sizes."""

    pointer: object
    dtype: str
    shape: tuple
    strides: list


@dataclass
class Sink:
    """Where a result goes: an Array, a field of the frame (``scalar``), or one slot a part: ``partial`` are
    the fields of the values and, of an arg reduction, of where they are.
    """

    array: Array = None
    partial: tuple = ()
    scalar: object = None


LOW, HIGH, PART = Name("low"), Name("high"), Name("part", "int32")
FROM, TO, MOST, CHUNK_AT, END = Name("from"), Name("to"), Name("most"), Name("c"), Name("end")


def dense_strides(shape):
    return [size(dims.product(shape[k + 1 :])) for k in range(len(shape))]


def smaller(x, y):
    return Select(Bin("<", x, y), x, y)


class Writer:
    """Makes one variant of one kernel; ``extent`` is then how many pieces are dealt to parts."""

    def __init__(self, instr, operands, sinks, local_rows):
        self.instr, self.operands, self.sinks, self.local_rows = instr, operands, sinks, local_rows
        self.count = dict(x=0, t=0, a=0, y=0, g=0, row=0)
        self.rows = []

    def name(self, prefix, dtype="int64", **more):
        self.count[prefix] += 1
        return Name(f"{prefix}{self.count[prefix] - 1}", dtype, **more)

    def write(self):
        """The statements of the part function's body; part bounds are the variables low and high."""
        level = Level(self, self.instr, self.operands, self.sinks, "i", True)
        self.extent = level.extent()
        nodes = level.write()
        return (*self.rows, *nodes)

    def local_row(self, value):
        """The pointer to this part's row for ``value``, declared at the top of the part."""
        name = self.name("row", value.type.dtype, pointer=True)
        self.rows.append(Let(name, self.local_rows(value)))
        return name


def split_axis(instr):
    """The domain axis that is dealt to parts: the first one that no result reduces, axis 0 when all are
    reduced.
    """
    reduced = {a for out in instr.attrs["outs"] if out[0] == "reduce" for a in out[2]}
    kept = [a for a in range(len(instr.sizes)) if a not in reduced]
    return kept[0] if kept else 0


def groups(instr, operands, sinks):
    """The domain's axes in groups of neighbours that run as one loop: whatever is read or written over them
    lies there in C order without gaps.
    """
    found = []
    for axis in range(len(instr.sizes)):
        if found and joined(instr, operands, sinks, axis - 1):
            found[-1].append(axis)
        else:
            found.append([axis])
    return found


def joined(instr, operands, sinks, k):
    """Whether axes k and k + 1 of the domain run as one loop."""
    if any(i.op.name == "index" and i.attrs["dim"] in (k, k + 1) for i in instr.blocks[0].instrs):
        return False
    for out, sink in zip(instr.attrs["outs"], sinks):
        reduced = out[2] if out[0] == "reduce" else ()
        if (k in reduced) != (k + 1 in reduced):
            return False
        if k not in reduced and sink.array is not None:
            place = k - sum(a < k for a in reduced)
            if not gapless(sink.array, place):
                return False
    return all(
        together(operand, axes, k, instr.sizes[k + 1])
        for operand, axes in zip(operands, instr.attrs["maps"])
        if isinstance(operand, Array)
    )


def together(array, axes, k, size):
    """Whether the domain's axes k and k + 1 are neighbours in ``array`` (read by ``axes``) without a gap, or
    are not read.
    """
    places = [p for p, a in enumerate(axes) if a != WHOLE and a.index in (k, k + 1)]
    if not places:
        return True
    if len(places) != 2 or [axes[p].index for p in places] != [k, k + 1] or places[1] != places[0] + 1:
        return False
    return (
        all(axes[p].step == 1 for p in places)
        and axes[places[1]].start == 0
        and array.shape[places[1]] == size
        and gapless(array, places[0])
    )


def gapless(array, place):
    """Whether a step on one axis is a whole of the next one."""
    return array.strides[place : place + 2] == dense_strides(array.shape)[place : place + 2]


class Level:
    def __init__(self, writer, instr, operands, sinks, letter, top):
        self.w, self.instr, self.operands, self.sinks, self.top = writer, instr, operands, sinks, top
        self.body = instr.blocks[0]
        self.env = {}
        self.outs = instr.attrs["outs"]
        self.groups = groups(instr, operands, sinks)
        self.place = {a: g for g, group in enumerate(self.groups) for a in group}
        self.domain = tuple(dims.product([instr.sizes[a] for a in group]) for group in self.groups)
        one = len(self.domain) == 1
        self.vars = [Name(letter if one else f"{letter}{k}") for k in range(len(self.domain))]
        self.split = self.place.get(split_axis(instr))
        self.reduced = {self.place[a] for o in self.outs if o[0] == "reduce" for a in o[2]}
        self.block = self.blocked()
        self.order = self.loop_order()
        self.depths = {axis: k + 1 for k, axis in enumerate(self.order)}  # axis -> the depth inside its loop
        self.prefix = [[] for _ in range(len(self.domain) + 1)]  # statements at each depth: loads

    def strides(self, out, sink):
        """Of a result's array, for the groups of axes that it keeps."""
        kept = [a for a in range(len(self.instr.sizes)) if out[0] != "reduce" or a not in out[2]]
        return [sink.array.strides[kept.index(group[-1])] for group in self.groups if group[-1] in kept]

    def has_arg(self):
        return any(o[0] == "reduce" and fold_of(o[1]).where for o in self.outs)

    def blocked(self):
        """The kept axis that runs in blocks: the last, if a reduced one stands before it; else None,
        registers do.
        """
        kept = [a for a in range(len(self.domain)) if a not in self.reduced]
        before = kept and any(a < kept[-1] for a in self.reduced)
        return kept[-1] if before and not self.has_arg() else None

    def loop_order(self):
        """Domain order, but what is kept and runs in no block outermost.

        An arg reduction's axes are innermost, for its accumulator is a register.
        """
        axes = list(range(len(self.domain)))
        if self.block is None and not self.has_arg():
            return axes
        outer = [a for a in axes if a not in self.reduced and a != self.block]
        return outer + [a for a in axes if a not in outer]

    def tiled(self):
        """Whether a part has whole tiles of the innermost axis."""
        return self.top and self.block is not None and self.block == self.split == self.order[-1]

    def extent(self):
        """How many pieces of the axis that is dealt to parts there are."""
        if not self.domain:
            return Int(1)
        length = self.domain[self.split]
        if not self.tiled():
            return size(length)
        tiles = dims.add(length, TILE - 1)
        return Int(tiles // TILE) if isinstance(tiles, int) else Bin("/", size(tiles), Int(TILE))

    def register_depth(self):
        """The depth below which register accumulators live: the loops from there on are all reduced."""
        depth = len(self.order)
        while depth and self.order[depth - 1] in self.reduced:
            depth -= 1
        return depth

    # -- loads
    def depth(self, axes):
        found = [self.depths[self.place[a.index]] for a in axes if a != WHOLE and a.index is not None]
        found += [self.depth(self.instr.attrs["maps"][a.gather]) for a in axes if a.gather is not None]
        return max(found, default=0)

    def load(self, number):
        """What stands for the parameter of operand ``number``: a scalar, an element, or a row."""
        operand, axes, param = (
            self.operands[number],
            self.instr.attrs["maps"][number],
            self.body.params[number],
        )
        if not isinstance(operand, Array):
            self.env[param] = operand
            return
        depth, made = self.depth(axes), []
        offset = self.offset(operand, axes, made)
        if param.type.ndim:
            strides = [s for s, a in zip(operand.strides, axes) if a == WHOLE]
            name = self.w.name("x", operand.dtype, pointer=True, const=True)
            made.append(Let(name, shifted(operand.pointer, offset)))
            self.env[param] = Array(name, operand.dtype, param.type.shape, strides)
        else:
            self.env[param] = name = self.w.name("x", operand.dtype)
            made.append(Let(name, Load(operand.pointer, offset)))
        self.prefix[depth].extend(made)

    def offset(self, array, axes, made):
        terms = []
        for axis, stride, length in zip(axes, array.strides, array.shape):
            if axis == WHOLE:
                continue
            if axis.gather is not None:
                terms.append(self.gathered(axis.gather, length, stride, made))
                continue
            if axis.index is not None and axis.index == self.groups[self.place[axis.index]][-1]:
                at = product(size(axis.step), self.vars[self.place[axis.index]])
                terms.append(product(at, stride))
            if axis.start != 0:
                terms.append(product(size(axis.start), stride))
        return total(terms)

    def gathered(self, position, length, stride, made):
        index = self.env[self.body.params[position]]
        name = self.w.name("g")
        made.append(Let(name, Call("tgen_wrap", (Cast("int64", index), size(length)))))
        return product(name, stride)

    # -- body
    def write(self):
        order = sorted(
            range(len(self.operands)),
            key=lambda n: any(a.gather is not None for a in self.instr.attrs["maps"][n]),
        )
        for number in order:
            self.load(number)
        core = self.statements()
        self.declare_reductions()
        return self.assemble(core)

    def statements(self):
        nodes = []
        for instr in self.body.instrs:
            name = instr.op.name
            if name == "constant":
                self.env[instr.result] = Const(instr.attrs["value"][0], instr.result.type.dtype)
            elif name == "size":
                self.env[instr.result] = Cast("int64", size(instr.sizes[0]))
            elif name == "index":
                self.env[instr.result] = self.vars[self.place[instr.attrs["dim"]]]
            elif name == "kernel":
                nodes.extend(self.inner(instr))
            else:
                nodes.append(self.scalar(instr))
        return nodes

    def scalar(self, instr):
        dtypes = tuple(v.type.dtype for v in instr.operands)
        value = Scalar(instr.op, dtypes, tuple(self.env[v] for v in instr.operands), instr.attrs)
        self.env[instr.result] = name = self.w.name("t", instr.result.type.dtype)
        return Let(name, value)

    def inner(self, instr):
        """The statements of an inner kernel: rows it makes go to a result's row or to a local one."""
        operands = [self.env[v] for v in instr.operands]
        made, sinks = [], []
        for value, out in zip(instr.results, instr.attrs["outs"]):
            sinks.append(Sink() if out[0] == "reduce" else Sink(self.row(value, made)))
        level = Level(self.w, instr, operands, sinks, "j", False)
        nodes = level.write()
        for value, out, accumulator in zip(instr.results, instr.attrs["outs"], level.finals):
            if out[0] == "reduce":
                self.env[value] = accumulator.result
        return made + nodes

    def row(self, value, made):
        """The Array of a row that an inner kernel makes."""
        for out, sink, yielded in zip(self.outs, self.sinks, self.body.results):
            if yielded is value and out[0] == "map":
                outer = len(self.instr.sizes)
                offset = total([product(x, stride) for x, stride in zip(self.vars, self.strides(out, sink))])
                name = self.w.name("y", value.type.dtype, pointer=True)
                made.append(Let(name, shifted(sink.array.pointer, offset)))
                array = Array(name, value.type.dtype, value.type.shape, sink.array.strides[outer:])
                break
        else:
            array = Array(
                self.w.local_row(value), value.type.dtype, value.type.shape, dense_strides(value.type.shape)
            )
        self.env[value] = array
        return array

    # -- results
    def declare_reductions(self):
        """Register accumulators, and the cells of those that run in blocks."""
        self.finals, self.cells = [], []
        for out, sink, value in zip(self.outs, self.sinks, self.body.results):
            if out[0] != "reduce":
                self.finals.append(None)
                continue
            index = total([product(self.vars[a], size(self.inside(a))) for a in sorted(self.reduced)])
            accumulator = Accumulator(out[1], value.type.dtype, self.w.count["a"], index, *out[3:])
            self.w.count["a"] += 1
            self.finals.append(accumulator)
            if self.block is not None:
                target = Load(sink.array.pointer, self.kept_offset(out, sink))
                cell = Name(f"cell{len(self.cells)}", value.type.dtype, pointer=True)
                self.cells.append((accumulator, cell, target))

    def inside(self, a):
        """How many elements of the reduced axes there are for each of axis ``a``."""
        return dims.product([self.domain[b] for b in range(len(self.domain)) if b in self.reduced and b > a])

    def loop(self, axis, body=()):
        if axis == self.block:
            return For(self.vars[axis], FROM, TO, tuple(body))
        if self.top and axis == self.split:
            return For(self.vars[axis], LOW, HIGH, tuple(body))
        return For(self.vars[axis], ZERO, size(self.domain[axis]), tuple(body))

    def assemble(self, core):
        """Loops around the core, loads at their depth, accumulators at the register depth."""
        depth, count = self.register_depth(), len(self.order)
        regs = [a for a in self.finals if a is not None]
        chunked = self.chunked(regs)
        for a in chunked:
            a.register = replace(a.a, text=f"{a.a.text}_c")
        for a in self.long(regs):
            a.tallied = True
        nodes = [*core, *self.stores(), *(made for a, v in self.steps() for made in a.step(v))]
        innermost = not any(i.op.name == "kernel" for i in self.body.instrs)
        for k in range(count - 1, -1, -1):
            loop = self.loop(self.order[k], [*self.prefix[k + 1], *nodes])
            if k == count - 1 and innermost:
                loop = replace(loop, simd=self.simd(regs, depth <= k))
            nodes = self.in_chunks(loop, chunked) if chunked and k == count - 1 else [loop]
            if k == depth and regs:
                nodes = self.around(nodes, regs)
            if self.cells and k == self.kept_outside():
                nodes = self.in_blocks(nodes)
        if count == 0 and regs:
            nodes = self.around(nodes, regs)
        return self.prefix[0] + nodes

    def steps(self):
        return [
            (a, self.env[v])
            for a, v in zip(self.finals, self.body.results)
            if a is not None and not self.in_memory()
        ]

    def in_memory(self):
        """Whether the accumulators are cells in the innermost loop: no trailing loop is reduced."""
        return bool(self.reduced) and self.register_depth() == len(self.order)

    def kept_outside(self):
        """How many loops there are around the blocks."""
        return len(self.domain) - len(self.reduced) - 1

    def in_blocks(self, nodes):
        """The loop over blocks: in each, cells start, the loops inside add to them, and they are written."""
        axis, length = self.vars[self.block], BLOCK
        if len(self.cells) > BLOCKS:
            length = max(TILE, BLOCK * BLOCKS // len(self.cells) // TILE * TILE)
        made, low, high = [], ZERO, size(self.domain[self.block])
        if self.tiled():
            tiles = Bin("*", HIGH, Int(TILE))
            made = [Let(MOST, smaller(tiles, high))]
            low, high = Bin("*", LOW, Int(TILE)), MOST
        elif self.top and self.block == self.split:
            low, high = LOW, HIGH
        at = Bin("-", axis, FROM)
        first = self.loop(
            self.block, [Set(Load(cell, at), start(a.name, a.dtype)) for a, cell, _ in self.cells]
        )
        last = self.loop(self.block, [Set(target, Load(cell, at)) for _, cell, target in self.cells])
        head = [Let(TO, smaller(Bin("+", FROM, Int(length)), high))]
        head += [Local(cell, length) for _, cell, _ in self.cells]
        return [*made, For(FROM, low, high, (*head, first, *nodes, last), step=length)]

    def cell(self, accumulator):
        """The element of an accumulator in its block."""
        name = next(cell for a, cell, _ in self.cells if a is accumulator)
        return Load(name, Bin("-", self.vars[self.block], FROM))

    def around(self, nodes, regs):
        """Declarations before the reduced loops; after them the value goes to memory, to the part's slot, or
        stays in a register.
        """
        before = [made for a in regs for made in a.declare()]
        after = [made for a in regs for made in a.close()]
        for a, sink, out in zip(self.finals, self.sinks, self.outs):
            if a is None:
                continue
            if sink.scalar:
                after.append(Set(sink.scalar, a.result))
            elif sink.partial:
                values = (a.a, a.result) if a.fold.where else (a.a,)
                after += [Set(Load(slots, PART), x) for slots, x in zip(sink.partial, values)]
            elif sink.array is not None:
                after.append(self.memory_store(a, out, sink))
        return before + nodes + after

    def memory_store(self, a, out, sink):
        if self.block is None:
            return Set(Load(sink.array.pointer, self.kept_offset(out, sink)), a.result)
        target = self.cell(a)
        return Set(target, memory_step(a.name, a.dtype)(target, a.a))

    def kept_offset(self, out, sink):
        kept = [k for k in range(len(self.domain)) if k not in self.reduced]
        return total([product(self.vars[k], s) for k, s in zip(kept, self.strides(out, sink))])

    def stores(self):
        made = []
        for out, sink, value, a in zip(self.outs, self.sinks, self.body.results, self.finals):
            if out[0] == "map" and not value.type.ndim:
                made.append(Set(self.target(out, sink), self.env[value]))
            elif out[0] == "reduce" and self.in_memory():
                target = self.cell(a)
                made.append(Set(target, memory_step(out[1], value.type.dtype)(target, self.env[value])))
        return made

    def target(self, out, sink):
        """Where a mapped result is written: a frame field, or an element."""
        if sink.scalar:
            return sink.scalar
        offset = total([product(v, s) for v, s in zip(self.vars, self.strides(out, sink))])
        return Load(sink.array.pointer, offset)

    def simd(self, regs, reduced_innermost):
        if not self.order or (self.in_memory() and self.order[-1] in self.reduced):
            return None
        clauses = [a.clauses() for a in regs] if reduced_innermost else []
        return None if any(c is None for c in clauses) else tuple(x for c in clauses for x in c)

    def chunked(self, regs):
        """The float sums whose innermost loop is cut into chunks; none when that loop is all there is and
        short.
        """
        if (
            not self.order
            or self.order[-1] not in self.reduced
            or any(i.op.name == "kernel" for i in self.body.instrs)
        ):
            return []
        if len(self.order) == 1 and self.short(self.domain[0]):
            return []
        return [a for a in regs if a.name == "sum" and is_float(a.dtype)]

    def long(self, regs):
        """The float sums that may have more terms than one chunk, and a tally of them."""
        terms = dims.product([self.domain[a] for a in self.order[self.register_depth() :]])
        return [] if self.short(terms) else [a for a in regs if a.name == "sum" and is_float(a.dtype)]

    @staticmethod
    def short(size):
        return isinstance(size, int) and size <= CHUNK

    def in_chunks(self, loop, sums):
        """Float sums over the innermost loop in chunks of CHUNK, each with an accumulator of its own."""
        starts = [Let(a.register, start(a.name, a.dtype), changed=True) for a in sums]
        adds = [made for a in sums for made in a.add(a.register)]
        if self.short(self.domain[self.order[-1]]):
            return [*starts, loop, *adds]
        inner = For(loop.var, CHUNK_AT, END, loop.body, loop.simd)
        end = Let(END, smaller(Bin("+", CHUNK_AT, Int(CHUNK)), loop.high))
        return [For(CHUNK_AT, loop.low, loop.high, (end, *starts, inner, *adds), step=CHUNK)]


def shifted(pointer, offset):
    """A pointer to what stands ``offset`` elements further, its terms added one after another."""
    if offset == ZERO:
        return pointer
    if isinstance(offset, Bin) and offset.op == "+":  # as deep as an array has axes
        return Bin("+", shifted(pointer, offset.x), offset.y)
    return Bin("+", pointer, offset)
