"""Draws: calls of templates/lib/random.c.j2 (in parts), loops (Philox) and calls of randomstate.c.j2 (by the
master: one number after the other).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tgen.core import dims
from tgen.core.dims import Extent
from tgen.core.dtypes import DTYPE
from tgen.ir.nodes import Instr, Value
from tgen.ops.random import PHILOX_DTYPES, PHILOX_KEYS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS
from tgen.ops.randomstate import WORDS

from .kernel import HIGH, LOW, PART
from .library import emitter, fail, flat, loops, move, numbered, offset, work
from .names import dense_strides, size
from .nest import (
    ZERO,
    Address,
    Bin,
    Block,
    Braces,
    Call,
    Cast,
    Comment,
    Const,
    Do,
    Expression,
    Expressions,
    For,
    Half,
    If,
    Int,
    Let,
    Load,
    Local,
    Name,
    Out,
    Pair,
    Set,
    Statement,
    Statements,
    Target,
    Un,
    product,
    shifted,
    total,
)

if TYPE_CHECKING:
    from .module import Module

# how far from 1 probabilities may add up to, by whether they are float32 (else float64): the square roots of
# the dtypes' epsilons
ROUNDED = {False: 1.5e-8, True: 3.4526698e-4}
GROUP = 16  # blocks of Philox that are dealt together


def address(module: Module, v: Value) -> Expression:
    return module.field(v) if v.type.ndim else Address(module.field(v))


# -- counter-based and many-stream generators: in parts ------------------------------------------------------


@emitter
def mrg_uniform(module: Module, instr: Instr, line: str) -> None:
    state, (after, sample) = instr.operands[0], instr.results
    streams, count = state.type.shape[0], dims.product(sample.type.shape)
    arguments = (
        *(size(streams), LOW, HIGH, size(count)),
        *(flat(module, state), Out(module.field(after)), Out(address(module, sample))),
    )
    module.library_part(
        line,
        [Do(Call(f"tgen_mrg_{sample.type.dtype}", arguments))],
        size(streams),
        Bin("+", work(0.5, count), work(5.0, streams)),
    )


@emitter
def philox(module: Module, instr: Instr, line: str) -> None:
    """A block of four words is two pairs, and goes to memory as pairs of elements:

        for k in 16*low .. tgen_size_min(16*high, n0/2) simd
          let left0: uint32x2 = tgen_philox_ahead(counter, k)
          let left1: uint32x2 = tgen_philox_mix(stream.x, 3449720151:uint32, left0.y ^ key0.x)
          let right1: uint32x2 = tgen_philox_mix(left0.x, 3528531795:uint32, stream.y ^ key0.y)
          ...
          out[k] = pair:float64(tgen_philox_float64(left10), tgen_philox_float64(right10))

    The last block may give less than it has, by way of ``rest``.
    """
    state, (after, sample) = instr.operands[0], instr.results
    dtype, count = sample.type.dtype, dims.product(sample.type.shape)
    unit = PHILOX_DTYPES[dtype]
    whole, blocks = (size(dims.div(n, unit)) for n in (count, dims.add(count, unit - 1)))
    first, end = Bin("*", Int(GROUP), LOW), Bin("*", Int(GROUP), HIGH)
    written = address(module, sample)
    out, one = pair_pointer("out", dtype), Name("element", dtype, pointer=True)
    rest, k, i = Name("rest", f"{dtype}x2", pointer=True), Name("k"), Name("i")
    nodes: list[Statement] = [
        *key_schedule(flat(module, state)),
        Let(out, Cast(out.dtype, written, pointer=True)),
    ]
    drawn = cipher(k)
    stored = [Set(Load(out, at), pair) for at, pair in enumerated(k, elements(dtype))]
    nodes.append(For(k, first, Call("tgen_size_min", (end, whole)), (*drawn, *stored), ()))
    if dims.mul(dims.div(count, unit), unit) != count:
        kept = [Set(Load(rest, at), pair) for at, pair in enumerated(ZERO, elements(dtype))]
        start = Bin("*", Int(unit), k)
        moved = Set(Load(written, Bin("+", start, i)), Load(one, i))
        tail = (
            *(Local(rest, unit // 2), *drawn, *kept, Let(one, Cast(dtype, rest, pointer=True))),
            For(i, ZERO, Bin("-", size(count), start), (moved,)),
        )
        last = Call("tgen_size_max", (first, whole)), Call("tgen_size_min", (end, blocks))
        nodes.append(For(k, *last, tail))
    ended = pair_pointer("ended", "uint32")
    moved_on: Expressions = Call("tgen_philox_ahead", (COUNTER, blocks)), STREAM, KEYS[0]
    nodes.append(
        If(
            Bin("==", PART, ZERO),
            (
                Let(ended, Cast(ended.dtype, module.field(after), pointer=True)),
                *(Set(Load(ended, Int(w)), pair) for w, pair in enumerate(moved_on)),
            ),
        )
    )
    group = GROUP * unit
    groups = dims.div(dims.add(count, group - 1), group)
    module.library_part(line, nodes, size(groups), work(0.8, count))


def pair(name: str, dtype: str = "uint32") -> Name:
    return Name(name, f"{dtype}x2")


def pair_pointer(name: str, dtype: str, const: bool = False) -> Name:
    return Name(name, f"{dtype}x2", pointer=True, const=const)


COUNTER, STREAM = pair("counter"), pair("stream")
KEYS = tuple(pair(f"key{n}") for n in range(PHILOX_ROUNDS))
LEFT, RIGHT = ([pair(f"{side}{n}") for n in range(PHILOX_ROUNDS + 1)] for side in ("left", "right"))


def word(number: int) -> Const:
    return Const(number, "uint32")


def key_schedule(state: Expression) -> list[Statement]:
    """Statements: the counter, the stream and the keys of all rounds, from where ``state`` points."""
    words = pair_pointer("words", "uint32", const=True)
    nodes: list[Statement] = [Let(words, Cast(words.dtype, state, pointer=True, const=True))]
    nodes += [Let(name, Load(words, Int(w))) for w, name in enumerate((COUNTER, STREAM, KEYS[0]))]
    x, y = map(word, PHILOX_KEYS)
    for key, last in zip(KEYS[1:], KEYS):
        nodes.append(Let(key, Pair("uint32", Bin("+", Half(last, 0), x), Bin("+", Half(last, 1), y))))
    return nodes


def cipher(block: Name) -> list[Statement]:
    """Statements: the four words of a block, which are the last LEFT and RIGHT."""
    left, right = LEFT[0], STREAM
    nodes: list[Statement] = [Let(left, Call("tgen_philox_ahead", (COUNTER, block)))]
    to_right, to_left = map(word, PHILOX_MULTIPLIERS)
    for key, new_left, new_right in zip(KEYS, LEFT[1:], RIGHT[1:]):
        mixed = (
            (new_left, (Half(right, 0), to_left, Bin("^", Half(left, 1), Half(key, 0)))),
            (new_right, (Half(left, 0), to_right, Bin("^", Half(right, 1), Half(key, 1)))),
        )
        nodes += [Let(name, Call("tgen_philox_mix", args)) for name, args in mixed]
        left, right = new_left, new_right
    return nodes


def elements(dtype: str) -> list[Expression]:
    """The pairs of elements that a block gives."""
    halves = LEFT[-1], RIGHT[-1]
    if dtype == "uint32":
        return list(halves)
    made = f"tgen_philox_{dtype}"
    if PHILOX_DTYPES[dtype] == 2:
        return [Pair(dtype, *(Call(made, (half,)) for half in halves))]
    return [Pair(dtype, *(Call(made, (Half(half, n),)) for n in (0, 1))) for half in halves]


def enumerated(block: Expression, pairs: Sequence[Expression]) -> list[tuple[Expression, Expression]]:
    """[(place, pair)] of the pairs of a block, in an array of pairs."""
    first = product(Int(len(pairs)), block)
    return [(total([first, Int(n)]), pair) for n, pair in enumerate(pairs)]


def lookup(
    module: Module, instr: Instr, line: str, function: str, columns: Extent, more: Sequence[Expression] = ()
) -> None:
    """A part over rows: a row of ``columns`` integers from a row of probabilities and its uniform numbers.
    ``more``: other arrays of a row of probabilities each.
    """
    (p, u), i = instr.operands, Name("i")
    rows, width = p.type.shape
    letters = DTYPE[p.type.dtype].blas + DTYPE[u.type.dtype].blas
    arrays = [Bin("+", array, product(i, size(width))) for array in (flat(module, p), *more)]
    row = Bin("+", module.field(instr.result), product(i, size(columns)))
    numbers = (Bin("+", flat(module, u), i), size(rows), size(width), size(instr.sizes[0]))
    call = Call(f"tgen_{function}_{letters}", (arrays[0], *numbers, *map(Out, arrays[1:]), Out(row)))
    loop = For(i, LOW, HIGH, (Do(call),))
    module.library_part(line, [loop], size(rows), work(1.0, rows, width, *instr.sizes))


@emitter
def multinomial_of_uniform(module: Module, instr: Instr, line: str) -> None:
    lookup(module, instr, line, "multinomial", instr.operands[0].type.shape[1])


@emitter
def choice_of_uniform(module: Module, instr: Instr, line: str) -> None:
    p = instr.operands[0]
    left = module.scratch(f"left{len(module.parts)}", p.type.dtype, dims.product(p.type.shape))
    lookup(module, instr, line, "choice", instr.sizes[0], (left,))


# -- RandomState ---------------------------------------------------------------------------------------------

S, KEPT = Name("s", "uint32", pointer=True), Name("kept", "tgen_rs_kept")


def refusal(instr: Instr) -> Do:
    return Do(fail("TGEN_ASSERT", instr.attrs["site"]))


def draws(module: Module, instr: Instr, line: str, body: Iterable[Statement]) -> None:
    """A step of the master: the state is copied to where the new one goes, then ``body`` draws from it as
    ``s``.
    """
    after = module.field(instr.results[0])
    copy = move(after, flat(module, instr.operands[0]), Int(WORDS * DTYPE["uint32"].bytes))
    module.master([Comment(line), copy, Block((Let(S, after), *body))], fails=instr.op.effect.fails)


def parameter(module: Module, v: Value, indices: Sequence[Expression]) -> Expression:
    """A parameter's element (or row) for the sample's indices."""
    if not v.type.ndim:
        return module.field(v)
    array = module.array(v, dense=False)
    return Load(array.pointer, moving(array.strides, v, indices))


def moving(strides: Sequence[Expression], v: Value, indices: Sequence[Expression]) -> Expression:
    """A place in v for the sample's indices: axes of static size 1 stand still."""
    axes = [k for k in range(len(indices)) if v.type.shape[k] != 1]
    return offset([indices[k] for k in axes], [strides[k] for k in axes])


@emitter
def one_by_one(module: Module, instr: Instr, line: str, kept: Sequence[Name] = ()) -> None:
    op, sample = instr.op, instr.results[1]
    shape = sample.type.shape
    indices = numbered(len(shape))
    # C may settle what follows from them once
    still = {
        v: Name(f"q{k}", v.type.dtype)
        for k, v in enumerate(instr.operands[1:])
        if all(n == 1 for n in v.type.shape)
    }
    settled: list[Statement] = [Let(q, parameter(module, v, indices)) for v, q in still.items()]
    settled += [Let(name, Braces((Int(-1), ZERO, ZERO)), True) for name in kept]
    operands = [still.get(v) or parameter(module, v, indices) for v in instr.operands[1:]]
    target: Target = module.field(sample)
    if shape:
        target = Load(target, offset(indices, dense_strides(shape)))
    drawn: Statement = Set(target, Call(f"tgen_{op.name}", (S, *map(Address, kept), *operands)))
    if op.refuses:
        drawn = If(Un("!", Call(f"tgen_{op.name}_takes", tuple(operands))), (refusal(instr),), (drawn,))
    draws(module, instr, line, [*settled, *loops(indices, shape, (drawn,))])


@emitter
def kept_one_by_one(module: Module, instr: Instr, line: str) -> None:
    """What one number's parameters cost is kept for the next."""
    one_by_one(module, instr, line, (KEPT,))


@emitter
def rs_permutation(module: Module, instr: Instr, line: str) -> None:
    sample = instr.results[1]
    *batch, n = sample.type.shape
    indices = numbered(len(batch))
    place = offset(indices, dense_strides(sample.type.shape))
    call = Call("tgen_rs_permutation", (S, size(n), Out(shifted(module.field(sample), place))))
    draws(module, instr, line, loops(indices, batch, (Do(call),)))


@emitter
def rs_choice(module: Module, instr: Instr, line: str) -> None:
    p, sample = instr.operands[1], instr.results[1]
    n, count = size(p.type.shape[0]), size(dims.product(sample.type.shape))
    tag, once = module.names[instr.results[0]], not instr.attrs["replace"]
    sums = module.scratch(f"{tag}_sums", "float64", p.type.shape[0])
    source, target = flat(module, p), Out(address(module, sample))
    positive, rounded = Name("positive"), Const(ROUNDED[instr.attrs["single"]], "float64")
    if once:
        left = module.scratch(f"{tag}_left", "float64", p.type.shape[0])
        drawn: Statements = (
            move(left, source, Bin("*", n, Int(DTYPE["float64"].bytes))),
            Do(Call("tgen_rs_choice_once", (S, count, n, Out(left), Out(sums), target))),
        )
    else:
        drawn = (Do(Call("tgen_rs_choice", (S, count, n, source, Out(sums), target))),)
    too_few = Bin("<", positive, count if once else Bin(">", count, ZERO))
    draws(
        module,
        instr,
        line,
        [
            Let(positive, Call("tgen_rs_probabilities", (n, source, rounded))),
            If(too_few, (refusal(instr),), drawn),
        ],
    )


@emitter
def rs_multinomial(module: Module, instr: Instr, line: str) -> None:
    n, p = instr.operands[1:]
    sample = instr.results[1]
    *shape, columns = sample.type.shape
    indices, width = numbered(len(shape)), size(columns)
    row = shifted(flat(module, p), moving(dense_strides(p.type.shape), p, indices[: p.type.ndim - 1]))
    target = shifted(module.field(sample), offset(indices, dense_strides(sample.type.shape)))
    trials = parameter(module, n, indices)
    allowed = Bin("&&", Bin(">=", trials, ZERO), Call("tgen_rs_pvals", (width, row)))
    drawn = Do(Call("tgen_rs_multinomial", (S, trials, width, row, Out(target))))
    draws(
        module,
        instr,
        line,
        loops(indices, shape, (If(Un("!", allowed), (refusal(instr),), (drawn,)),)),
    )
