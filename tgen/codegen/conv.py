"""Convolutions and pools: calls of templates/lib/conv.c.j2 and pooling.c.j2, in parts. See library.py for
what an emitter is.
"""

from itertools import product

from tgen.core import dims
from tgen.core.dtypes import DTYPE

from .c import expression
from .kernel import HIGH, LOW, PART
from .library import HOST, emits, flat
from .names import ctype, size, size_c
from .nest import ZERO, Address, Bin, Braces, Call, Do, For, Let, Name

AXES = 3  # the C has this many spatial axes; missing ones stand in front, of size 1


def filled(values, blank):
    values = tuple(values)
    return (blank,) * (AXES - len(values)) + values


def braces(values):
    return Braces(tuple(map(size, values)))


class Shape:
    """The sizes of one convolution: x [images, channels, *size], w [filters, channels/groups, *kernel], y
    [images, filters, *out].
    """

    def __init__(self, instr, x, w, y):
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
        self.item = x.itemsize

    def room(self, more=0):
        """The elements that a part works in."""
        sizes = (self.depth, dims.div(self.filters, self.groups), self.width, self.item, more)
        return Call("tgen_conv_room", tuple(map(size, sizes)))

    def cost(self):
        """Nanoseconds: of the products, and of gathering columns."""
        columns = dims.product((self.images, self.places, self.depth))
        products = dims.mul(columns, self.filters)
        return f"0.02*({size_c(products, 'f->')}) + 0.2*{self.groups}.0*({size_c(columns, 'f->')})"


def part(module, line, shape, name, operands, extent, more=0, counted=False):
    """One library part of a convolution; the pointer of the workspace, of which each part has its own."""
    room = shape.room(more)
    space = module.workspace(
        f"part{len(module.parts)}_space",
        operands[0].type.dtype,
        f"f->width*{shape.item}*{expression(room, frame=True)}",
        (*shape.out, shape.images, shape.depth, shape.filters),
    )
    letter = DTYPE[operands[0].type.dtype].blas
    mine = Bin("+", space, Bin("*", PART, room))
    conv = Name("v", "tgen_conv")
    arrays = (flat(module, v) for v in operands)
    call = Call(f"tgen_{name}_{letter}_part", (HOST, Address(conv), *arrays, mine, LOW, HIGH))
    nodes = [Let(conv, Braces(tuple(shape.fields))), Do(call)]
    module.library_part(line, nodes, size_c(extent, "f->"), shape.cost(), counted=counted)
    return space


@emits("conv")
def conv(module, instr, line):
    (x, w), y = instr.operands, instr.result
    shape = Shape(instr, x.type, w.type, y.type)
    part(module, line, shape, "conv", (x, w, y), shape.rows)


@emits("conv_input")
def conv_input(module, instr, line):
    (w, g), x = instr.operands, instr.result
    shape = Shape(instr, x.type, w.type, g.type)
    part(module, line, shape, "conv_input", (w, g, x), dims.mul(shape.images, shape.channels))


@emits("conv_weights")
def conv_weights(module, instr, line):
    """Each part sums what its rows give; another step adds the sums, in order of the parts."""
    (x, g), w = instr.operands, instr.result
    shape = Shape(instr, x.type, w.type, g.type)
    name, count = f"part{len(module.parts)}", dims.product(w.type.shape)
    space = part(module, line, shape, "conv_weights", (x, g), shape.rows, count, counted=True)
    parts = module.members[f"{name}_parts"]
    arguments = (module.field(w), space, parts, shape.room(count), LOW, HIGH)
    call = Call(f"tgen_sum_{DTYPE[w.type.dtype].blas}_part", arguments)
    module.library_part(
        f"{line} (the sum of the parts)",
        [Do(call)],
        size_c(count, "f->"),
        f"0.2*({size_c(count, 'f->')})",
        product=False,
    )


# -- pools

WRITTEN_OUT = 32  # elements of a window; larger ones are loops


def window_lines(window, lines):
    """``lines`` for each element of a window, with {at} for its place: one after the other, or in loops."""
    if dims.product(window) <= WRITTEN_OUT:
        for place in product(*map(range, window)):
            at = "".join(
                f"{name} + " if name and n == 1 else f"{n}*{name} + " if name else f"{n} + "
                for n, name in zip(place, ("plane", "line", ""))
                if n
            )
            yield from (t.format(at=at) for t in lines)
        return
    yield "".join(f"for (int64_t {c} = 0; {c} < {n}; {c}++) " for c, n in zip("abk", window)) + "{"
    yield from (f"    {t.format(at='a*plane + b*line + k + ')}" for t in lines)
    yield "}"


def row_function(module, comment, parameters, lines):
    """The name of a module's own function that works on one row of places."""
    words = {w for t in lines for w in ("plane", "line") if w in t}
    unused = [f"    (void){w};" for w in ("plane", "line") if w not in words]
    head = [f"/* {comment} */", f"TGEN_CALLED void {{name}}({parameters})", "{", *unused]
    loop = [
        "    #pragma omp simd simdlen(4)",
        "    for (int64_t j = 0; j < count; j++) {",
        *(f"        {t}" for t in lines),
        "    }",
        "}",
    ]
    return module.own_function("row", head + loop)


def pool_row(module, kind, dtype, window, stride):
    """A row of a pool whose windows lie within the image: all their elements in order, as in
    tgen_pool_places.
    """
    c, code = ctype(dtype), DTYPE[dtype].code
    start = f"{c} best = x[{stride}*j];" if kind == "max" else f"{c} best = 0;"
    step = (
        f"best = tgen_pool_step_{code}({'POOL_MAX' if kind == 'max' else 'POOL_SUM'}, best, "
        f"x[{{at}}{stride}*j]);"
    )
    parameters = f"const {c} *restrict x, int64_t count, int64_t plane, int64_t line, {c} *restrict y"
    steps = list(window_lines(window, [step]))
    if kind == "max" and steps[0] == step.format(at=""):
        del steps[0]  # the first element is what it starts with
    return row_function(
        module,
        f"{'maxima' if kind == 'max' else 'sums'} of windows of {window}, {stride} apart",
        parameters,
        [start, *steps, "y[j] = best;"],
    )


def unpool_row(module, dtype, window, stride):
    """A row of the adjoint of a maximum."""
    c = ctype(dtype)
    parameters = (
        f"const {c} *restrict g, const {c} *restrict x, const {c} *restrict z, int64_t count, "
        f"int64_t plane, int64_t line, {c} *restrict to"
    )
    return row_function(
        module,
        f"what is at the maxima of windows of {window}, {stride} apart",
        parameters,
        list(window_lines(window, [f"to[{{at}}{stride}*j] = x[{{at}}{stride}*j] == z[j] ? g[j] : 0;"])),
    )


def pooled(module, instr, line, function, image, places):
    """Parts over planes; ``image`` and ``places`` are the operands or results before and after pooling."""
    attrs, count, out = instr.attrs, len(instr.attrs["window"]), instr.result
    planes = dims.product(out.type.shape[:-count])
    operands = instr.operands * 3 if instr.op.name == "unpool" else instr.operands  # it looks at g only
    arrays = [flat(module, v) for v in (*operands, out)]
    kind = "at_max" if "max_" in instr.op.name else attrs["mode"]
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
    row = []
    if function == "pool":
        row = [Name(pool_row(module, kind, out.type.dtype, window, strides[-1]))]
    elif function == "unpool":
        apart = kind == "at_max" and all(w <= s for w, s in zip(window, strides))
        row = [Name(unpool_row(module, out.type.dtype, window, strides[-1])) if apart else ZERO]
    i, pool = Name("i"), Name("v", "tgen_pool")
    arguments = (Name(f"POOL_{kind.upper()}"), i, Address(pool), *row, *arrays)
    call = Call(f"tgen_{function}_{DTYPE[out.type.dtype].code}", arguments)
    nodes = [Let(pool, Braces(tuple(fields))), For(i, LOW, HIGH, (Do(call),))]
    elements = dims.mul(planes, dims.product(image.type.shape[-count:]))
    module.library_part(line, nodes, size_c(planes, "f->"), f"0.5*({size_c(elements, 'f->')})", product=False)


@emits("pool")
def pool(module, instr, line):
    pooled(module, instr, line, "pool", instr.operands[0], instr.result)


@emits("unpool")
def unpool(module, instr, line):
    pooled(module, instr, line, "unpool", instr.result, instr.operands[0])


@emits("max_unpool")
def max_unpool(module, instr, line):
    pooled(module, instr, line, "unpool", instr.result, instr.operands[2])


@emits("max_pick")
def max_pick(module, instr, line):
    pooled(module, instr, line, "pick", instr.operands[0], instr.result)
