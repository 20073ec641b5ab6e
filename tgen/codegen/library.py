"""What is not a kernel: products, concatenation, writes into a copy, nonzero. LIBRARY maps the name of an
emitter, which is that of its op or what the op says (``Op.emitter``), to a function.

Each takes (module, instr, line) and adds parts, or statements of the master, to the module. Copies are small
kernels of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from tgen.core import dims
from tgen.core.dims import Extent
from tgen.core.dtypes import DTYPE
from tgen.ir.nodes import Instr, Value
from tgen.passes.plan import root

from .kernel import HIGH, LOW
from .names import dense_strides, size
from .nest import (
    ONE,
    ZERO,
    Address,
    Ask,
    Bin,
    Block,
    Call,
    Cast,
    Comment,
    Const,
    Do,
    Expression,
    Expressions,
    Field,
    For,
    Host,
    If,
    Int,
    Let,
    Listed,
    Load,
    Member,
    Name,
    Out,
    Select,
    Set,
    Statement,
    Statements,
    Symbol,
    Target,
    Un,
    product,
    total,
)

if TYPE_CHECKING:
    from .module import Module

Emitter: TypeAlias = Callable[["Module", Instr, str], None]
E = TypeVar("E", bound=Emitter)
ForElement: TypeAlias = Callable[[Sequence[Expression], Name], Statements]  # of (indices, the element)
LIBRARY: dict[str, Emitter] = {}
HOST, FRAME = Host(), Name("f", "Frame", pointer=True)
STATUS = Field("status", "int32")


def emitter(function: E) -> E:
    LIBRARY[function.__name__] = function
    return function


# -- statements that many are made of


def fail(code: str, site: int, *numbers: Expression) -> Call:
    """What ends the call: an error's ``code`` of the ABI, whose record has the site and three numbers."""
    record = (Int(site), *numbers, ZERO, ZERO, ZERO)[:4]
    return Call("tgen_fail", (FRAME, Name(code), *record))


def move(target: Expression, source: Expression, count: Expression) -> Do:
    """Copy ``count`` bytes."""
    return Do(Call("memcpy", (Out(target), source, Cast("size_t", count))))


def room(dtype: str, shape: Sequence[Extent]) -> Expressions:
    """The arguments that say how large an array is, for tgen_bytes and tgen_more."""
    return Int(DTYPE[dtype].bytes), Int(len(shape)), Listed("int64", tuple(map(size, shape)))


def bytes_of(dtype: str, shape: Sequence[Extent]) -> Call:
    return Call("tgen_bytes", room(dtype, shape))


def bytes_of_value(v: Value) -> Call:
    return bytes_of(v.type.dtype, v.type.shape)


def data(holder: Expression, dtype: str) -> Cast:
    """Where the elements of the block in ``holder`` are."""
    return Cast(dtype, Member(holder, "data"), pointer=True)


def take(holder: Field, pointer: Target, count: Expression) -> Statements:
    """A block of ``count`` bytes for ``pointer``, where there is memory."""
    found = Set(pointer, Cast("void", Member(holder, "data"), pointer=True))
    return Set(holder, Call("tgen_room", (FRAME, count))), If(holder, (found,))


def give_back(holder: Field) -> If:
    """In a loop, the block of the step before."""
    return If(holder, (Do(Ask(HOST, "give", (holder,))), Set(holder, ZERO)))


def work(weight: float, *factors: Extent) -> Expression:
    """Nanoseconds: ``weight`` times the product of ``factors``, each a size."""
    result: Expression = Const(weight, "float64")
    for factor in factors:
        of = size(factor)
        result = Bin("*", result, Cast("float64", of) if isinstance(of, Bin) and of.op == "*" else of)
    return result


# -- loops over whole arrays


def numbered(rank: int) -> list[Name]:
    return [Name(f"i{k}") for k in range(rank)]


def loops(indices: Sequence[Name], shape: Sequence[Extent], body: Iterable[Statement]) -> Statements:
    """Loops over ``shape`` around ``body``; without an axis its variables have names of their own."""
    nodes = tuple(body)
    if not indices:
        return (Block(nodes),)
    for i, n in reversed(list(zip(indices, shape))):
        nodes = (For(i, ZERO, size(n), nodes),)
    return nodes


def offset(
    indices: Iterable[Expression], strides: Iterable[Expression], start: Iterable[Expression] = ()
) -> Expression:
    """A place in an array. ``start``: terms that stand before those of the indices."""
    return total([*start, *map(product, indices, strides)])


def each(module: Module, v: Value, body: ForElement) -> Statements:
    """Statements for every element of v: ``body(indices, x)``, where x is the element."""
    array, indices = module.array(v, dense=False), numbered(v.type.ndim)
    x = Name("x", v.type.dtype)
    first = Let(x, Load(array.pointer, offset(indices, array.strides)))
    return loops(indices, v.type.shape, (first, *body(indices, x)))


def copy_out(module: Module, v: Value, target: Expression) -> Statements:
    """Statements that copy v, in C order, to where ``target`` points."""
    whole = move(target, module.field(v), bytes_of_value(v))
    if not module.strided(v):
        return (whole,)
    strides = dense_strides(v.type.shape)
    one_by_one = each(module, v, lambda indices, x: (Set(Load(target, offset(indices, strides)), x),))
    return (If(module.dense(v), (whole,), one_by_one),)


# -- products


def matrix(module: Module, v: Value) -> tuple[Expression, Expression, Expression]:
    """(pointer, leading dimension, transposed) of a matrix, as expressions; a parameter's are settled in the
    prologue.
    """
    name = module.names[v]
    if not module.strided(v):
        return module.field(v), size(v.type.shape[1]), ZERO
    if v not in module.packed:
        module.packed.add(v)
        target = module.add(f"{name}_m", v.type.dtype, pointer=True, const=True)
        ld, turned = module.add(f"{name}_ld"), module.add(f"{name}_t", "int32")
        fits = module.add(f"{name}_fits", "int32")
        strides = (module.members[f"{name}_s{k}"] for k in range(2))
        where = (Address(ld), Address(turned))
        module.prologue.append(Set(fits, Call("tgen_matrix", (*map(size, v.type.shape), *strides, *where))))
        pack(module, v, target, fits)
    return module.members[f"{name}_m"], module.members[f"{name}_ld"], module.members[f"{name}_t"]


def flat(module: Module, v: Value) -> Expression:
    """The pointer of v in C order; a strided parameter is copied when called (and only then)."""
    name = module.names[v]
    if not module.strided(v):
        return module.field(v)
    if (v, "flat") not in module.packed:
        module.packed.add((v, "flat"))
        target = module.add(f"{name}_flat", v.type.dtype, pointer=True, const=True)
        pack(module, v, target, module.dense(v))
    return module.members[f"{name}_flat"]


def pack(module: Module, v: Value, target: Field, fits: Expression) -> None:
    """At the entry, ``target`` points at v where it ``fits``, at a copy of it elsewhere."""
    copy = module.add(f"{target.name}_copy", v.type.dtype, pointer=True)
    bytes = product(size(dims.product(v.type.shape)), Int(v.type.itemsize))
    module.room.append((copy, (ONE, ONE, Listed("int64", (Select(fits, ZERO, bytes),)))))
    module.packs.append(Set(target, Select(fits, module.field(v), copy)))
    module.packs.append(If(Un("!", fits), copy_out(module, v, copy)))
    module.values[target.name] = v


def gemm_call(
    letter: str,
    low: Expression,
    high: Expression,
    flips: Iterable[Expression],
    sizes: Iterable[Expression],
    operands: Sequence[Expression],
) -> Do:
    """A product of matrices: rows or columns from ``low`` to below ``high`` of the result, as the longer axis
    is; sizes m, n, k; operands a, lda, b, ldb, c.
    """
    *read, c = operands
    return Do(Call(f"tgen_gemm_{letter}_part", (HOST, low, high, *flips, *sizes, *read, Out(c))))


def flipped(transposed: Expression, flip: bool) -> Expression:
    """Whether BLAS takes a matrix transposed that lies so in memory."""
    if not flip:
        return transposed
    return ONE if transposed == ZERO else Bin("^", transposed, ONE)


@emitter
def gemm(module: Module, instr: Instr, line: str) -> None:
    x, y = instr.operands[:2]
    out, letter = instr.result, DTYPE[instr.result.type.dtype].blas
    (a, lda, ta), (b, ldb, tb) = matrix(module, x), matrix(module, y)
    sizes = (*out.type.shape, x.type.shape[0 if instr.attrs["ta"] else 1])
    flips = flipped(ta, instr.attrs["ta"]), flipped(tb, instr.attrs["tb"])
    call = gemm_call(letter, LOW, HIGH, flips, map(size, sizes), (a, lda, b, ldb, module.field(out)))
    m, n = map(size, sizes[:2])
    module.library_part(line, [call], Select(Bin(">", m, n), m, n), work(0.02, *sizes))


@emitter
def gemv(module: Module, instr: Instr, line: str) -> None:
    x, y = instr.operands
    out, letter = instr.result, DTYPE[instr.result.type.dtype].blas
    a, lda, ta = matrix(module, x)
    sizes = out.type.shape[0], y.type.shape[0]
    operands = a, lda, flat(module, y), Out(module.field(out))
    flip = flipped(ta, instr.attrs["ta"])
    call = Call(f"tgen_gemv_{letter}_part", (HOST, LOW, HIGH, flip, *map(size, sizes), *operands))
    module.library_part(line, [Do(call)], size(sizes[0]), work(0.2, *sizes))


@emitter
def batched_dot(module: Module, instr: Instr, line: str) -> None:
    x, y = instr.operands
    out, letter = instr.result, DTYPE[instr.result.type.dtype].blas
    i = Name("i")
    m, k, n = map(size, (*x.type.shape[1:], y.type.shape[2]))
    whole = m if m == n else Select(Bin(">", m, n), m, n)
    a = Bin("+", flat(module, x), product(product(i, m), k))
    b = Bin("+", flat(module, y), product(product(i, k), n))
    c = Bin("+", module.field(out), product(product(i, m), n))
    call = gemm_call(letter, ZERO, whole, (ZERO, ZERO), (m, n, k), (a, k, b, n, c))
    loop, sizes = For(i, LOW, HIGH, (call,)), (*x.type.shape, y.type.shape[2])
    module.library_part(line, [loop], size(x.type.shape[0]), work(0.02, *sizes))


# -- arrays built of arrays


def writes(
    module: Module,
    v: Value,
    target: Expression,
    strides: Sequence[Expression],
    start: Iterable[Expression],
    op: str = "",
) -> Statements:
    """Statements: for every element x of v, the element of target at start + index * strides is set to it (or
    ``op``: changed by it).
    """
    return each(module, v, lambda indices, x: (Set(Load(target, offset(indices, strides, start)), x, op),))


@emitter
def concatenate(module: Module, instr: Instr, line: str) -> None:
    axis, out = instr.attrs["axis"], instr.result
    strides = dense_strides(out.type.shape)
    nodes: list[Statement] = [Comment(line)]
    at: Extent = 0
    for v in instr.operands:
        nodes += writes(module, v, module.field(out), strides, [product(size(at), strides[axis])])
        at = dims.add(at, v.type.shape[axis])
    module.master(nodes)


@emitter
def make_vector(module: Module, instr: Instr, line: str) -> None:
    out = module.field(instr.result)
    module.master([Set(Load(out, Int(k)), module.field(v)) for k, v in enumerate(instr.operands)])


@emitter
def reshape(module: Module, instr: Instr, line: str) -> None:
    x, out = instr.operands[0], instr.result
    source, target = module.field(x), module.field(out)
    if module.plan.slots[out].kind == "alias":
        module.master([Set(target, flat(module, x))])
    elif x.type.ndim and out.type.ndim:
        module.master([Comment(line), *copy_out(module, x, target)])
    else:
        one = Load(target, ZERO) if out.type.ndim else target
        module.master([Set(one, Load(source, ZERO) if x.type.ndim else source)])


@emitter
def rows(module: Module, instr: Instr, line: str) -> None:
    x = instr.operands[0]
    first = product(size(instr.sizes[0]), size(dims.product(x.type.shape[1:])))
    module.master([Set(module.field(instr.result), Bin("+", flat(module, x), first))])


def base_copy(module: Module, instr: Instr) -> Statements:
    """Statements that copy the base, unless the result is the base's own memory (an update in place)."""
    base, out = instr.operands[0], instr.result
    nodes = copy_out(module, base, module.field(out))
    if root(module.plan.slots, base) is root(module.plan.slots, out):
        return ()
    if not module.strided(base):
        return nodes
    new, old = (Cast("void", module.field(v), pointer=True, const=True) for v in (out, base))
    return (If(Bin("!=", new, old), nodes),)


@emitter
def write_slice(module: Module, instr: Instr, line: str) -> None:
    v, out = instr.operands[1], instr.result
    strides = dense_strides(out.type.shape)
    start = list(map(product, map(size, instr.sizes), strides))
    stepped = list(map(product, map(Int, instr.attrs["steps"]), strides))
    op = "" if instr.op.name == "set_slice" else increment(out.type.dtype)
    written = writes(module, v, module.field(out), stepped, start, op)
    module.master([Comment(line), *base_copy(module, instr), *written])


def increment(dtype: str) -> str:
    return "|" if dtype == "bool" else "+"


@emitter
def write_gather(module: Module, instr: Instr, line: str) -> None:
    _, v, *indices = instr.operands
    out, axis = instr.result, instr.attrs["axis"]
    op = "" if instr.op.name == "set_gather" else increment(out.type.dtype)

    def body(places: Sequence[Expression], x: Name) -> Statements:
        rank = indices[0].type.ndim
        at: list[Expression] = []
        nodes: list[Statement] = []
        for a in range(out.type.ndim):
            if a < axis:
                at.append(places[a])
            elif a >= axis + len(indices):
                at.append(places[a - len(indices) + rank])
            else:
                index = element(module, indices[a - axis], places[axis:])
                wrapped = Call("tgen_wrap", (Cast("int64", index), size(out.type.shape[a])))
                nodes.append(Let(Name(f"g{a - axis}"), wrapped))
                at.append(Name(f"g{a - axis}"))
        target = Load(module.field(out), offset(at, dense_strides(out.type.shape)))
        return (*nodes, Set(target, x, op))

    if v.type.ndim:
        written = each(module, v, body)
    else:
        x = Name("x", v.type.dtype)
        written = (Block((Let(x, module.field(v)), *body((), x))),)
    module.master([Comment(line), *base_copy(module, instr), *written])


def element(module: Module, index: Value, places: Sequence[Expression]) -> Expression:
    """The element of an index array at the first of ``places``."""
    if not index.type.ndim:
        return module.field(index)
    array = module.array(index, dense=False)
    return Load(array.pointer, offset(places[: index.type.ndim], array.strides))


@emitter
def nonzero(module: Module, instr: Instr, line: str) -> None:
    """Count, take memory, fill: the length is found here."""
    x, found = instr.operands[0], Symbol(str(instr.found[0]))
    count = module.add("count")
    counted = each(module, x, lambda _, e: (Set(count, Bin("!=", e, ZERO), "+"),))
    nodes: list[Statement] = [Comment(line), Set(count, ZERO), *counted, Set(found, count)]
    for v in instr.results:
        holder = module.holder_of(v)
        if module.loop_depth:
            nodes.append(give_back(holder))
        nodes += take(holder, module.field(v), bytes_of_value(v))

    def fill(indices: Sequence[Expression], e: Name) -> Statements:
        places = [Set(Load(module.field(v), count), i) for v, i in zip(instr.results, indices)]
        return (If(Bin("!=", e, ZERO), (*places, Set(count, ONE, "+"))),)

    nodes.append(If(Un("!", STATUS), (Set(count, ZERO), *each(module, x, fill))))
    module.master(nodes, fails=True)
