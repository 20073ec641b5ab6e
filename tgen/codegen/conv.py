"""Convolutions and pools: calls of templates/lib/conv.c.j2 and pooling.c.j2, in parts. See library.py for
what an emitter is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from tgen.core import dims
from tgen.core.dims import Extent
from tgen.core.dtypes import DTYPE
from tgen.core.types import TensorType
from tgen.ir.nodes import Instr, Value

from .kernel import HIGH, LOW, PART
from .library import HOST, emitter, flat, work
from .names import size
from .nest import (
    ZERO,
    Address,
    Bin,
    Braces,
    Call,
    Do,
    Expression,
    Expressions,
    Field,
    For,
    Int,
    Let,
    Load,
    Name,
    Out,
    Select,
    Set,
    Statement,
    product,
    total,
)

if TYPE_CHECKING:
    from .module import Module

N = TypeVar("N", int, Extent)
AXES = 3  # the C has this many spatial axes; missing ones stand in front, of size 1


def filled(values: Iterable[N], blank: N) -> tuple[N, ...]:
    values = tuple(values)
    return (blank,) * (AXES - len(values)) + values


def braces(values: Iterable[Extent]) -> Braces:
    return Braces(tuple(map(size, values)))


class Shape:
    """The sizes of one convolution: x [images, channels, *size], w [filters, channels/groups, *kernel], y
    [images, filters, *out].
    """

    def __init__(self, instr: Instr, x: TensorType, w: TensorType, y: TensorType) -> None:
        attrs, count = instr.attrs, len(instr.attrs["strides"])
        self.images, self.channels, self.filters, self.groups = (
            x.shape[0],
            x.shape[1],
            y.shape[1],
            attrs["groups"],
        )
        self.size, self.kernel, self.out = (filled(t.shape[2:], 1) for t in (x, w, y))
        self.depth = dims.product(w.shape[1:])
        self.width, self.places = self.out[-1], dims.product(self.out)
        self.fields = (
            *map(size, (self.images, self.channels, self.filters, self.groups, int(attrs["flip"]))),
            *map(
                braces,
                (
                    self.size,
                    self.kernel,
                    self.out,
                    filled(attrs["strides"], 1),
                    filled(attrs["dilation"], 1),
                    filled(instr.sizes[:count], 0),
                ),
            ),
        )
        self.rows = dims.product((self.images, self.out[0], self.out[1]))
        self.item, self.dtype = x.itemsize, x.dtype

    def room(self, more: Extent = 0) -> Call:
        """The elements that a part works in."""
        sizes = (self.depth, dims.div(self.filters, self.groups), self.width, self.item, more)
        return Call("tgen_conv_room", tuple(map(size, sizes)))

    def cost(self) -> Expression:
        """Nanoseconds: of the products, and of gathering columns."""
        columns = dims.product((self.images, self.places, self.depth))
        products = dims.mul(columns, self.filters)
        return Bin("+", work(0.02, products), work(round(0.2 * self.groups, 1), columns))


def part(
    module: Module,
    line: str,
    shape: Shape,
    name: str,
    arrays: Expressions,
    extent: Extent,
    more: Extent = 0,
    counted: bool = False,
) -> Field:
    """One library part of a convolution on ``arrays`` (pointers of one dtype); the pointer of the workspace,
    of which each part has its own.
    """
    room = shape.room(more)
    space = module.workspace(
        f"part{len(module.parts)}_space",
        shape.dtype,
        Bin("*", Bin("*", Field("width", "int32"), Int(shape.item)), room),
        (*shape.out, shape.images, shape.depth, shape.filters),
    )
    letter = DTYPE[shape.dtype].blas
    mine = Bin("+", space, Bin("*", PART, room))
    conv = Name("v", "tgen_conv")
    call = Call(f"{name}_{letter}_part", (HOST, Address(conv), *arrays, Out(mine), LOW, HIGH))
    nodes: list[Statement] = [Let(conv, Braces(tuple(shape.fields))), Do(call)]
    module.library_part(line, nodes, size(extent), shape.cost(), counted=counted)
    return space


def all_arrays(module: Module, instr: Instr) -> Expressions:
    """What it reads, then what it writes."""
    return (*(flat(module, v) for v in instr.operands), Out(module.field(instr.result)))


@emitter
def conv(module: Module, instr: Instr, line: str) -> None:
    (x, w), y = instr.operands, instr.result
    shape = Shape(instr, x.type, w.type, y.type)
    part(module, line, shape, "tgen_conv", all_arrays(module, instr), shape.rows)


@emitter
def conv_input(module: Module, instr: Instr, line: str) -> None:
    (w, g), x = instr.operands, instr.result
    shape = Shape(instr, x.type, w.type, g.type)
    extent = dims.mul(shape.images, shape.channels)
    part(module, line, shape, "tgen_conv_input", all_arrays(module, instr), extent)


@emitter
def conv_weights(module: Module, instr: Instr, line: str) -> None:
    """Each part sums what its rows give; another step adds the sums, in order of the parts."""
    (x, g), w = instr.operands, instr.result
    shape = Shape(instr, x.type, w.type, g.type)
    name, count = f"part{len(module.parts)}", dims.product(w.type.shape)
    read = tuple(flat(module, v) for v in instr.operands)
    space = part(module, line, shape, "tgen_conv_weights", read, shape.rows, count, counted=True)
    parts = module.members[f"{name}_parts"]
    arguments = (Out(module.field(w)), space, parts, shape.room(count), LOW, HIGH)
    call = Call(f"tgen_sum_{DTYPE[w.type.dtype].blas}_part", arguments)
    module.library_part(
        f"{line} (the sum of the parts)",
        [Do(call)],
        size(count),
        work(0.2, count),
        product=False,
    )


# -- pools

AT_MAX = "at_max"  # beside the modes of a pool: what is at the maxima
WRITTEN_OUT = 32  # elements of a window; larger ones are loops


def in_window(window: Sequence[int], body: Callable[[Expression], Iterable[Statement]]) -> list[Statement]:
    """Statements for each element of a window, ``body(at)``, where ``at`` is the place of the element: one
    after the other, or in loops.
    """
    apart: Expressions = Name("plane"), Name("line"), Int(1)
    if math.prod(window) <= WRITTEN_OUT:
        places = itertools.product(*map(range, window))
        found = (total(map(product, map(Int, place), apart)) for place in places)
        return [node for at in found for node in body(at)]
    indices = [Name(letter) for letter in "abk"]
    nodes = tuple(body(total(map(product, indices, apart))))
    for i, n in reversed(list(zip(indices, window))):
        nodes = (For(i, ZERO, Int(n), nodes),)
    return list(nodes)


COUNT, J = Name("count"), Name("j")


def row_function(
    module: Module, comment: str, read: Iterable[Name], written: Name, body: Iterable[Statement]
) -> Name:
    """The Name of a module's own function over ``count`` places of a row, for arrays ``read`` and
    ``written``.
    """
    sizes = COUNT, Name("plane"), Name("line")
    loop = For(J, ZERO, COUNT, tuple(body), simd=(), lanes=4)
    return module.own_function(comment, (*read, *sizes, written), (loop,))


def pointers(dtype: str, letters: str) -> list[Name]:
    return [Name(letter, dtype, pointer=True, const=True, apart=True) for letter in letters]


def pool_row(module: Module, kind: str, dtype: str, window: Sequence[int], stride: int) -> Name:
    """A row of a pool whose windows lie within the image: all their elements in order, as in
    tgen_pool_places.
    """
    (x,), best, code = pointers(dtype, "x"), Name("best", dtype), DTYPE[dtype].code
    y, apart = Name("y", dtype, pointer=True, apart=True), product(Int(stride), J)
    function, how = f"tgen_pool_step_{code}", Name("POOL_MAX" if kind == "max" else "POOL_SUM")

    def step(at: Expression) -> list[Statement]:
        # the first element is what a maximum starts with
        if kind == "max" and at == ZERO:
            return []
        return [Set(best, Call(function, (how, best, Load(x, total([at, apart])))))]

    first = Let(best, Load(x, apart) if kind == "max" else ZERO, True)
    what = f"{'maxima' if kind == 'max' else 'sums'} of windows of {window}, {stride} apart"
    return row_function(module, what, [x], y, [first, *in_window(window, step), Set(Load(y, J), best)])


def unpool_row(module: Module, dtype: str, window: Sequence[int], stride: int) -> Name:
    """A row of the adjoint of a maximum."""
    g, x, z = pointers(dtype, "gxz")
    to, apart = Name("to", dtype, pointer=True, apart=True), product(Int(stride), J)

    def step(at: Expression) -> list[Statement]:
        place = total([at, apart])
        is_max = Bin("==", Load(x, place), Load(z, J))
        return [Set(Load(to, place), Select(is_max, Load(g, J), ZERO))]

    what = f"what is at the maxima of windows of {window}, {stride} apart"
    return row_function(module, what, [g, x, z], to, in_window(window, step))


def pooled(
    module: Module,
    instr: Instr,
    line: str,
    function: str,
    kind: str,
    image: Value,
    places: Value,
    operands: Sequence[Value],
) -> None:
    """Parts over planes; ``image`` and ``places`` are the operands or results before and after pooling."""
    attrs, count, out = instr.attrs, len(instr.attrs["window"]), instr.result
    planes = dims.product(out.type.shape[:-count])
    arrays = [*(flat(module, v) for v in operands), Out(module.field(out))]
    window, strides = filled(attrs["window"], 1), filled(attrs["strides"], 1)
    fields = [
        braces(values)
        for values in (
            filled(image.type.shape[-count:], 1),
            filled(places.type.shape[-count:], 1),
            window,
            strides,
            filled(attrs["pad"], 0),
        )
    ]
    row: list[Expression] = []
    if function == "tgen_pool":
        row = [pool_row(module, kind, out.type.dtype, window, strides[-1])]
    elif function == "tgen_unpool":
        apart = kind == AT_MAX and all(w <= s for w, s in zip(window, strides))
        row = [unpool_row(module, out.type.dtype, window, strides[-1]) if apart else ZERO]
    i, pool = Name("i"), Name("v", "tgen_pool")
    arguments = (Name(f"POOL_{kind.upper()}"), i, Address(pool), *row, *arrays)
    call = Call(f"{function}_{DTYPE[out.type.dtype].code}", arguments)
    nodes: list[Statement] = [Let(pool, Braces(tuple(fields))), For(i, LOW, HIGH, (Do(call),))]
    elements = dims.mul(planes, dims.product(image.type.shape[-count:]))
    module.library_part(line, nodes, size(planes), work(0.5, elements), product=False)


@emitter
def pool(module: Module, instr: Instr, line: str) -> None:
    (x,) = instr.operands
    pooled(module, instr, line, "tgen_pool", instr.attrs["mode"], x, instr.result, (x,))


@emitter
def unpool(module: Module, instr: Instr, line: str) -> None:
    (g,) = instr.operands  # of three it looks at the first only
    pooled(module, instr, line, "tgen_unpool", instr.attrs["mode"], instr.result, g, (g, g, g))


@emitter
def max_unpool(module: Module, instr: Instr, line: str) -> None:
    z = instr.operands[2]
    pooled(module, instr, line, "tgen_unpool", AT_MAX, instr.result, z, instr.operands)


@emitter
def max_pick(module: Module, instr: Instr, line: str) -> None:
    pooled(module, instr, line, "tgen_pick", AT_MAX, instr.operands[0], instr.result, instr.operands)
