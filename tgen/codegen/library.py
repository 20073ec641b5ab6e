"""What is not a kernel: products, concatenation, writes into a copy, nonzero. LIBRARY maps an op to the
function that emits it.

Each takes (module, instr, line) and adds parts or master lines to the module. Copies are small kernels of
their own.
"""

from tgen.core import dims
from tgen.core.dtypes import DTYPE
from tgen.passes.plan import root

from .c import expression
from .kernel import HIGH, LOW, dense_strides
from .names import bracket, ctype, size, size_c
from .nest import ONE, ZERO, Bin, Call, Do, For, Host, Int, Name, Select, product, total

LIBRARY = {}
HOST = Host()


def emits(*names):
    def add(function):
        for name in names:
            LIBRARY[name] = function
        return function

    return add


# -- loops over whole arrays, as lines


def each(module, v, body, letter="i", low=None, high=None):
    """Lines that run ``body`` for every element ``x`` of array v, its indices named i0, i1, ... ."""
    array = module.array(v, dense=False)
    place = offset([f"{letter}{k}" for k in range(v.type.ndim)], array.strides)
    lines = [
        f"for (int64_t {letter}{k} = 0; {letter}{k} < {size_c(s, 'f->')}; {letter}{k}++)"
        for k, s in enumerate(v.type.shape)
    ]
    return [
        *lines,
        "{",
        f"    const {ctype(v.type.dtype)} x = {expression(array.pointer)}[{place}];",
        *(f"    {t}" for t in body),
        "}",
    ]


def offset(indices, strides, start=()):
    """The C of a place in an array, in lines of the master: sizes are members of the frame. ``start``: terms
    that stand before those of the indices.
    """
    return expression(total([*start, *map(product, map(Name, indices), strides)]), frame=True)


def numbered(rank):
    return [f"i{k}" for k in range(rank)]


def copy_out(module, v, target):
    """Lines that copy v, in C order, to ``target``."""
    whole = f"memcpy({target}, {module.pointer(v)}, (size_t){module.bytes(v)});"
    if not module.strided(v):
        return [whole]
    place = offset(numbered(v.type.ndim), dense_strides(v.type.shape))
    loops = each(module, v, [f"(({ctype(v.type.dtype)} *){target})[{place}] = x;"])
    return [f"if (f->{module.names[v]}_dense) {whole}", "else {", *(f"    {t}" for t in loops), "}"]


LIBRARY["each"], LIBRARY["copy_out"] = each, copy_out


# -- products


def matrix(module, v):
    """(pointer, leading dimension, transposed) of a matrix, as expressions; a parameter's are settled in the
    prologue.
    """
    name = module.names[v]
    if not module.strided(v):
        return module.field(v), size(v.type.shape[1]), ZERO
    if v not in module.packed:
        module.packed.add(v)
        rows, columns = (size_c(s, "f->") for s in v.type.shape)
        module.add(f"{name}_m", v.type.dtype, pointer=True, const=True)
        module.add(f"{name}_ld")
        module.add(f"{name}_t", "int32")
        module.add(f"{name}_fits", "int32")
        module.prologue.append(
            f"f->{name}_fits = tgen_matrix({rows}, {columns}, f->{name}_s0, f->{name}_s1, "
            f"&f->{name}_ld, &f->{name}_t);"
        )
        pack(module, v, f"f->{name}_m", f"f->{name}_fits")
    return tuple(module.members[f"{name}_{part}"] for part in ("m", "ld", "t"))


def contiguous(module, v):
    """The text of ``flat``."""
    return expression(flat(module, v))


def flat(module, v):
    """The pointer of v in C order; a strided parameter is copied when called (and only then)."""
    name = module.names[v]
    if not module.strided(v):
        return module.field(v)
    if (v, "flat") not in module.packed:
        module.packed.add((v, "flat"))
        module.add(f"{name}_flat", v.type.dtype, pointer=True, const=True)
        pack(module, v, f"f->{name}_flat", f"f->{name}_dense")
    return module.members[f"{name}_flat"]


def pack(module, v, target, fits):
    name = module.names[v]
    count = size_c(dims.product(v.type.shape), "f->")
    field = f"{target[3:]}_copy"
    module.add(field, v.type.dtype, pointer=True)
    module.add_bytes(field, f"{fits} ? 0 : {bracket(count)}*{v.type.itemsize}")
    module.packs.extend(
        [
            f"{target} = {fits} ? f->{name} : f->{field};",
            f"if (!{fits}) {{",
            *(f"    {t}" for t in copy_out(module, v, f"f->{field}")),
            "}",
        ]
    )


def gemm_call(letter, low, high, flips, sizes, operands):
    """A product of matrices: rows or columns from ``low`` to below ``high`` of the result, as the longer axis
    is; sizes m, n, k; operands a, lda, b, ldb, c.
    """
    return Do(Call(f"tgen_gemm_{letter}_part", (HOST, low, high, *flips, *sizes, *operands)))


def flipped(transposed, flip):
    """Whether BLAS takes a matrix transposed that lies so in memory."""
    if not flip:
        return transposed
    return ONE if transposed == ZERO else Bin("^", transposed, ONE)


@emits("gemm")
def gemm(module, instr, line):
    x, y = instr.operands[:2]
    out, letter = instr.result, DTYPE[instr.result.type.dtype].blas
    (a, lda, ta), (b, ldb, tb) = matrix(module, x), matrix(module, y)
    sizes = (*out.type.shape, x.type.shape[0 if instr.attrs["ta"] else 1])
    flips = flipped(ta, instr.attrs["ta"]), flipped(tb, instr.attrs["tb"])
    call = gemm_call(letter, LOW, HIGH, flips, map(size, sizes), (a, lda, b, ldb, module.field(out)))
    m, n, k = (size_c(s, "f->") for s in sizes)
    module.library_part(line, [call], f"({m} > {n} ? {m} : {n})", f"0.02*({m})*({n})*({k})")


@emits("gemv")
def gemv(module, instr, line):
    x, y = instr.operands
    out, letter = instr.result, DTYPE[instr.result.type.dtype].blas
    a, lda, ta = matrix(module, x)
    sizes = out.type.shape[0], y.type.shape[0]
    operands = a, lda, flat(module, y), module.field(out)
    flip = flipped(ta, instr.attrs["ta"])
    call = Call(f"tgen_gemv_{letter}_part", (HOST, LOW, HIGH, flip, *map(size, sizes), *operands))
    m, k = (size_c(s, "f->") for s in sizes)
    module.library_part(line, [Do(call)], m, f"0.2*({m})*({k})")


@emits("batched_dot")
def batched_dot(module, instr, line):
    x, y = instr.operands
    out, letter = instr.result, DTYPE[instr.result.type.dtype].blas
    i = Name("i")
    m, k, n = map(size, (*x.type.shape[1:], y.type.shape[2]))
    whole = m if m == n else Select(Bin(">", m, n), m, n)
    a = Bin("+", flat(module, x), product(product(i, m), k))
    b = Bin("+", flat(module, y), product(product(i, k), n))
    c = Bin("+", module.field(out), product(product(i, m), n))
    call = gemm_call(letter, ZERO, whole, (ZERO, ZERO), (m, n, k), (a, k, b, n, c))
    sizes = [f"({size_c(s, 'f->')})" for s in (*x.type.shape, y.type.shape[2])]
    loop = For(i, LOW, HIGH, (call,))
    module.library_part(line, [loop], size_c(x.type.shape[0], "f->"), "0.02*" + "*".join(sizes))


# -- arrays built of arrays


def writes(module, v, target, strides, start, step="{t} = {x};"):
    """Lines: for every element x of v, the element of target at start + index * strides is set (or changed by
    ``step``).
    """
    place = offset(numbered(len(strides)), strides, start)
    return each(module, v, [step.format(t=f"{target}[{place}]", x="x")])


@emits("concatenate")
def concatenate(module, instr, line):
    axis, out = instr.attrs["axis"], instr.result
    strides, at, lines = dense_strides(out.type.shape), 0, [f"/* {line} */"]
    for v in instr.operands:
        lines += writes(module, v, module.pointer(out), strides, [product(size(at), strides[axis])])
        at = dims.add(at, v.type.shape[axis])
    module.master(lines)


@emits("make_vector")
def make_vector(module, instr, line):
    module.master(
        [f"{module.pointer(instr.result)}[{k}] = {module.pointer(v)};" for k, v in enumerate(instr.operands)]
    )


@emits("reshape")
def reshape(module, instr, line):
    x, out = instr.operands[0], instr.result
    if module.plan.slots[out].kind == "alias":
        module.master([f"{module.pointer(out)} = {module.pointer(x)};"])
        return
    if not out.type.ndim:
        module.master(
            [
                f"{module.pointer(out)} = {module.pointer(x)}[0];"
                if x.type.ndim
                else f"{module.pointer(out)} = {module.pointer(x)};"
            ]
        )
        return
    if not x.type.ndim:
        module.master([f"{module.pointer(out)}[0] = {module.pointer(x)};"])
        return
    module.master([f"/* {line} */", *copy_out(module, x, module.pointer(out))])


@emits("rows")
def rows(module, instr, line):
    x = instr.operands[0]
    first = expression(product(size(instr.sizes[0]), size(dims.product(x.type.shape[1:]))), frame=True)
    module.master([f"{module.pointer(instr.result)} = {module.pointer(x)} + {first};"])


def base_copy(module, instr):
    """Lines that copy the base, unless the result is the base's own memory (an update in place)."""
    base, out = instr.operands[0], instr.result
    lines = copy_out(module, base, module.pointer(out))
    if root(module.plan.slots, base) is root(module.plan.slots, out):
        return []
    if not module.strided(base):
        return lines
    return [
        f"if ((const void *){module.pointer(out)} != (const void *){module.pointer(base)}) {{",
        *(f"    {t}" for t in lines),
        "}",
    ]


@emits("set_slice", "inc_slice")
def write_slice(module, instr, line):
    v, out = instr.operands[1], instr.result
    strides = dense_strides(out.type.shape)
    start = list(map(product, map(size, instr.sizes), strides))
    stepped = list(map(product, map(Int, instr.attrs["steps"]), strides))
    step = "{t} = {x};" if instr.op.name == "set_slice" else increment(out.type.dtype)
    module.master(
        [
            f"/* {line} */",
            *base_copy(module, instr),
            *writes(module, v, module.pointer(out), stepped, start, step),
        ]
    )


def increment(dtype):
    return "{t} |= {x};" if dtype == "bool" else "{t} += {x};"


@emits("set_gather", "inc_gather")
def write_gather(module, instr, line):
    _, v, *indices = instr.operands
    out, axis = instr.result, instr.attrs["axis"]
    rank, places, body = indices[0].type.ndim, [], []
    for a in range(out.type.ndim):
        if a < axis:
            places.append(f"i{a}")
        elif a >= axis + len(indices):
            places.append(f"i{a - len(indices) + rank}")
        else:
            places.append(f"g{a - axis}")
            body.append(
                f"const int64_t g{a - axis} = "
                f"tgen_wrap((int64_t){element(module, indices[a - axis], axis)}, "
                f"{size_c(out.type.shape[a], 'f->')});"
            )
    step = "{t} = {x};" if instr.op.name == "set_gather" else increment(out.type.dtype)
    place = offset(places, dense_strides(out.type.shape))
    body.append(step.format(t=f"{module.pointer(out)}[{place}]", x="x"))
    source = (
        each(module, v, body)
        if v.type.ndim
        else [f"{{ const {ctype(v.type.dtype)} x = {module.pointer(v)};", *body, "}"]
    )
    module.master([f"/* {line} */", *base_copy(module, instr), *source])


def element(module, index, first):
    """The element of an index array for v's indices: its axes stand at ``first`` in v."""
    if not index.type.ndim:
        return module.pointer(index)
    array = module.array(index, dense=False)
    place = offset([f"i{first + k}" for k in range(index.type.ndim)], array.strides)
    return f"{expression(array.pointer)}[{place}]"


@emits("nonzero")
def nonzero(module, instr, line):
    """Count, take memory, fill: the length is found here."""
    x, symbol = instr.operands[0], instr.found[0]
    module.add("count")
    lines = [
        f"/* {line} */",
        "f->count = 0;",
        *each(module, x, ["f->count += x != 0;"]),
        f"f->{symbol} = f->count;",
    ]
    for v in instr.results:
        holder = module.holder_of(v)
        if module.loop_depth:
            lines.append(f"if ({holder}) {{ f->host->give({holder}); {holder} = 0; }}")
        lines.append(
            f"if (({holder} = tgen_room(f, {module.bytes(v)}))) {module.pointer(v)} = (void *){holder}->data;"
        )
    fill = [f"{module.pointer(v)}[f->count] = i{k};" for k, v in enumerate(instr.results)]
    lines += [
        "if (!f->status) {",
        "    f->count = 0;",
        *(
            f"    {t}"
            for t in each(module, x, ["if (x != 0) {", *(f"    {t}" for t in fill), "    f->count++;", "}"])
        ),
        "}",
    ]
    module.master(lines, fails=True)
