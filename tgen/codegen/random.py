"""Draws: calls of templates/lib/random.c.j2 (in parts) and randomstate.c.j2 (by the master: one number after
the other).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tgen.core import dims
from tgen.core.dims import Extent
from tgen.core.dtypes import DTYPE
from tgen.ir.nodes import Instr, Value
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
    Comment,
    Const,
    Do,
    Expression,
    For,
    If,
    Int,
    Let,
    Load,
    Name,
    Out,
    Set,
    Statement,
    Statements,
    Target,
    Un,
    product,
    shifted,
)

if TYPE_CHECKING:
    from .module import Module

# how far from 1 probabilities may add up to, by whether they are float32 (else float64): the square roots of
# the dtypes' epsilons
ROUNDED = {False: 1.5e-8, True: 3.4526698e-4}
GROUP_BITS = 16 * 128  # sixteen Philox blocks


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
    state, (after, sample) = instr.operands[0], instr.results
    dtype, count = sample.type.dtype, dims.product(sample.type.shape)
    group = GROUP_BITS // DTYPE[dtype].bits
    words, unit = flat(module, state), group // 16
    blocks = Bin("/", Bin("+", size(count), Int(unit - 1)), Int(unit))
    drawn = Call(f"tgen_philox_{dtype}", (words, LOW, HIGH, size(count), Out(address(module, sample))))
    ended = Call("tgen_philox_after", (words, blocks, Out(module.field(after))))
    nodes: list[Statement] = [Do(drawn), If(Bin("==", PART, ZERO), (Do(ended),))]
    groups = dims.div(dims.add(count, group - 1), group)
    module.library_part(line, nodes, size(groups), work(0.8, count))


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
