"""Draws: calls of templates/lib/random.c.j2 (in parts) and randomstate.c.j2 (by the master: one number after
the other).
"""

from tgen.core import dims
from tgen.core.dtypes import DTYPE
from tgen.ops.randomstate import WORDS

from .c import expression
from .kernel import HIGH, LOW, PART, dense_strides
from .library import contiguous, emits, flat, numbered, offset
from .names import bracket, ctype, size, size_c
from .nest import ZERO, Address, Bin, Call, Do, For, If, Int, Name, product

# how far from 1 probabilities may add up to, by whether they are float32 (else float64): the square roots of
# the dtypes' epsilons
ROUNDED = {False: "1.5e-8", True: "3.4526698e-4"}
GROUP_BITS = 16 * 128  # sixteen Philox blocks


def address(module, v):
    return module.field(v) if v.type.ndim else Address(module.field(v))


# -- counter-based and many-stream generators: in parts ------------------------------------------------------


@emits("mrg_uniform")
def mrg_uniform(module, instr, line):
    state, (after, sample) = instr.operands[0], instr.results
    streams, count = state.type.shape[0], dims.product(sample.type.shape)
    arguments = (
        *(size(streams), LOW, HIGH, size(count)),
        *(flat(module, state), module.field(after), address(module, sample)),
    )
    module.library_part(
        line,
        [Do(Call(f"tgen_mrg_{sample.type.dtype}", arguments))],
        size_c(streams, "f->"),
        f"0.5*({size_c(count, 'f->')}) + 5.0*({size_c(streams, 'f->')})",
    )


@emits("philox")
def philox(module, instr, line):
    state, (after, sample) = instr.operands[0], instr.results
    dtype, count = sample.type.dtype, dims.product(sample.type.shape)
    group = GROUP_BITS // DTYPE[dtype].bits
    words, unit = flat(module, state), group // 16
    blocks = Bin("/", Bin("+", size(count), Int(unit - 1)), Int(unit))
    drawn = Call(f"tgen_philox_{dtype}", (words, LOW, HIGH, size(count), address(module, sample)))
    ended = Call("tgen_philox_after", (words, blocks, module.field(after)))
    nodes = [Do(drawn), If(Bin("==", PART, ZERO), (Do(ended),))]
    groups = dims.div(dims.add(count, group - 1), group)
    module.library_part(line, nodes, size_c(groups, "f->"), f"0.8*({size_c(count, 'f->')})")


def lookup(module, instr, line, function, columns, more=()):
    """A part over rows: a row of ``columns`` integers from a row of probabilities and its uniform numbers.
    ``more``: other arrays of a row of probabilities each.
    """
    (p, u), i = instr.operands, Name("i")
    rows, width = p.type.shape
    letters = DTYPE[p.type.dtype].blas + DTYPE[u.type.dtype].blas
    arrays = [Bin("+", array, product(i, size(width))) for array in (flat(module, p), *more)]
    row = Bin("+", module.field(instr.result), product(i, size(columns)))
    numbers = (Bin("+", flat(module, u), i), size(rows), size(width), size(instr.sizes[0]))
    call = Call(f"tgen_{function}_{letters}", (arrays[0], *numbers, *arrays[1:], row))
    sizes = [f"({size_c(s, 'f->')})" for s in (rows, width, *instr.sizes)]
    module.library_part(line, [For(i, LOW, HIGH, (Do(call),))], size_c(rows, "f->"), "1.0*" + "*".join(sizes))


@emits("multinomial_of_uniform")
def multinomial_of_uniform(module, instr, line):
    lookup(module, instr, line, "multinomial", instr.operands[0].type.shape[1])


@emits("choice_of_uniform")
def choice_of_uniform(module, instr, line):
    p = instr.operands[0]
    left = module.scratch(f"left{len(module.parts)}", p.type.dtype, dims.product(p.type.shape))
    lookup(module, instr, line, "choice", instr.sizes[0], (left,))


# -- RandomState: s is the state, {0} {1} are parameters -----------------------------------------------------

ONE = {
    "rs_uniform": "tgen_rs_uniform(s)",
    "rs_normal": "tgen_rs_normal(s)",
    "rs_exponential": "tgen_rs_exponential(s)",
    "rs_gamma": "tgen_rs_gamma(s, {0})",
    "rs_poisson": "tgen_rs_poisson(s, {0})",
    "rs_binomial": "tgen_rs_binomial(s, &kept, {0}, {1})",
    "rs_integers": "tgen_rs_integers(s, {0}, {1})",
}
ALLOWED = {
    "rs_gamma": "{0} >= 0",
    "rs_poisson": "{0} >= 0 && {0} < 9.2e18",
    "rs_binomial": "{0} >= 0 && {1} >= 0 && {1} <= 1",
    "rs_integers": "{0} <= {1}",
}


def refusal(instr):
    return f"tgen_fail(f, TGEN_ASSERT, {instr.attrs['site']}, 0, 0, 0);"


def draws(module, instr, line, body):
    """A step of the master: the state is copied to where the new one goes, then ``body`` draws from it as
    ``s``.
    """
    after = module.pointer(instr.results[0])
    copy = f"memcpy({after}, {contiguous(module, instr.operands[0])}, {WORDS}*sizeof(uint32_t));"
    module.master(
        [f"/* {line} */", copy, f"{{ uint32_t *const s = {after};", *(f"    {t}" for t in body), "}"],
        fails=instr.op.fails,
    )


def loops(shape):
    return [f"for (int64_t i{k} = 0; i{k} < {size_c(n, 'f->')}; i{k}++)" for k, n in enumerate(shape)]


def parameter(module, v, rank):
    """The C text of a parameter's element (or row) for the sample's indices."""
    if not v.type.ndim:
        return module.pointer(v)
    array = module.array(v, dense=False)
    return f"{expression(array.pointer)}[{moving(array.strides, v, rank)}]"


def moving(strides, v, rank):
    """The C of a place in v for the sample's indices: axes of static size 1 stand still."""
    axes = [k for k in range(rank) if v.type.shape[k] != 1]
    return offset([f"i{k}" for k in axes], [strides[k] for k in axes])


@emits(*ONE)
def one_by_one(module, instr, line):
    name, sample = instr.op.name, instr.results[1]
    shape = sample.type.shape
    # C may settle what follows from them once
    still = {v: f"q{k}" for k, v in enumerate(instr.operands[1:]) if all(n == 1 for n in v.type.shape)}
    settled = [
        f"const {ctype(v.type.dtype)} {q} = {parameter(module, v, len(shape))};" for v, q in still.items()
    ]
    if name == "rs_binomial":
        settled.append("tgen_rs_kept kept = {-1, 0, 0};")
    operands = [still.get(v) or parameter(module, v, len(shape)) for v in instr.operands[1:]]
    place = offset(numbered(len(shape)), dense_strides(shape))
    target = f"{module.pointer(sample)}[{place}]" if shape else module.pointer(sample)
    text = f"{target} = {ONE[name].format(*operands)};"
    if name in ALLOWED:
        text = f"if (!({ALLOWED[name].format(*operands)})) {refusal(instr)} else {text}"
    draws(module, instr, line, [*settled, *loops(shape), f"{{ {text} }}"])


@emits("rs_permutation")
def permutation(module, instr, line):
    sample = instr.results[1]
    *batch, n = sample.type.shape
    place = offset(numbered(len(batch)), dense_strides(sample.type.shape))
    draws(
        module,
        instr,
        line,
        [*loops(batch), f"tgen_rs_permutation(s, {size_c(n, 'f->')}, {module.pointer(sample)} + {place});"],
    )


@emits("rs_choice")
def choice(module, instr, line):
    p, sample = instr.operands[1], instr.results[1]
    n, count = size_c(p.type.shape[0], "f->"), size_c(dims.product(sample.type.shape), "f->")
    tag = module.names[instr.results[0]]
    sums = expression(module.scratch(f"{tag}_sums", "float64", p.type.shape[0]))
    source = contiguous(module, p)
    target = expression(address(module, sample))
    body = [
        f"const int64_t positive = tgen_rs_probabilities({n}, {source}, {ROUNDED[instr.attrs['single']]});",
        f"if (positive < {'(' + count + ' > 0)' if instr.attrs['replace'] else count}) {refusal(instr)}",
    ]
    if instr.attrs["replace"]:
        body += [f"else tgen_rs_choice(s, {count}, {n}, {source}, {sums}, {target});"]
    else:
        left = expression(module.scratch(f"{tag}_left", "float64", p.type.shape[0]))
        body += [
            "else {",
            f"    memcpy({left}, {source}, {bracket(n)}*sizeof(double));",
            f"    tgen_rs_choice_once(s, {count}, {n}, {left}, {sums}, {target});",
            "}",
        ]
    draws(module, instr, line, body)


@emits("rs_multinomial")
def multinomial(module, instr, line):
    n, p = instr.operands[1:]
    sample = instr.results[1]
    *shape, columns = sample.type.shape
    dense = contiguous(module, p)
    start = moving(dense_strides(p.type.shape), p, p.type.ndim - 1)
    place = offset(numbered(len(shape)), dense_strides(sample.type.shape))
    trials, width = parameter(module, n, len(shape)), size_c(columns, "f->")
    body = [
        f"if (!({trials} >= 0 && tgen_rs_pvals({width}, {dense} + {start}))) {refusal(instr)}",
        f"else tgen_rs_multinomial(s, {trials}, {width}, {dense} + {start}, {module.pointer(sample)} + "
        f"{place});",
    ]
    draws(module, instr, line, [*loops(shape), "{", *(f"    {t}" for t in body), "}"])
