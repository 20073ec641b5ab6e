"""Names of composite sizes in the C: every size is written before anything reads it, and a definition reads
earlier names only.
"""

import re

import numpy as np
import pytest
import test_compiled_programs as tables
import test_loops
from compiled import agree

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.codegen import names, sizes
from tgen.codegen.c import expression
from tgen.codegen.generate import generate
from tgen.core import dims
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.plan import plan
from tgen.random import MRG_RandomStreams
from tgen.tensor.signal.pool import pool_2d

X, N, M = T.dmatrix("x"), T.lscalar("n"), T.lscalar("m")
PYTHON = {
    "div": lambda a, b: a // b if b else 0,
    "mod": lambda a, b: a % b if b else 0,
    "min": min,
    "max": max,
}


def training():
    """A net of the kind of LeNet with its gradients."""
    x, y = T.ftensor4("x"), T.lvector("y")
    w, v, d, b = (
        tgen.shared(np.zeros(shape, "float32"), name)
        for name, shape in (("w", (6, 1, 5, 5)), ("v", (16, 6, 5, 5)), ("d", (256, 10)), ("b", (10,)))
    )
    h = x
    for kernel in (w, v):
        h = T.tanh(pool_2d(T.nnet.conv2d(h, kernel), (2, 2), ignore_border=True))
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(T.dot(h.flatten(2), d) + b), y).mean()
    return [x, y], [cost], [(p, p - 0.1 * g) for p, g in zip((w, v, d, b), T.grad(cost, [w, v, d, b]))]


def noise():
    """What a variational autoencoder draws: an odd number of normal numbers is a number cut off two halves,
    and given a shape again.
    """
    z = T.dot(X, X.T)
    z = T.exp(z) + z * MRG_RandomStreams(3).normal(z.shape)
    return [X], [z.sum(axis=1), z[::-2].reshape((-1, 1))], ()


def reshaped():
    """Reshapes of what slices left over, whose checks stand at the entry, in front of the memory."""
    a = X[N * 100 : (N + 1) * 100]
    return (
        [X, N, M],
        [
            a.reshape((M, -1)),
            a.flatten()[M:].reshape((-1, N + 1)),
            T.concatenate([X, a]).reshape((M // 2, M % 3 + 1, -1)),
        ],
        (),
    )


def looped():
    """Sizes that only a loop's step and one branch of it use."""

    def step(row, state):
        here = tgen.ifelse(
            T.gt(N, 2), T.zeros((N // 2,)) + row.sum(), T.zeros((N // 2,)) - row[: M - 1].sum()
        )
        return T.concatenate([here, state[N // 2 :]]).reshape((-1, M))[:, : M - 1].sum() + state

    states, _ = tgen.scan(step, sequences=[X], outputs_info=[T.zeros((N * M + M,))])
    return [X, N, M], [states[-1], T.grad(states.sum(), X)], ()


def arithmetic():
    total = X.shape[0] * X.shape[1]
    return (
        [X, N],
        [
            T.zeros((total + 1,)),
            T.arange(total // 2),
            T.zeros((N % 5, N // 3 + 1)),
            T.ones((T.minimum(total, N),)),
            T.zeros((total - N // 3,)),
            X.flatten()[: total - 2],
        ],
        (),
    )


def table(name):
    inputs, make, _ = tables.PROGRAMS[name]
    return lambda: (inputs, (make or tables.more(name, inputs))(), ())


def loops(make):
    return lambda: (*make()[:2], ())


PROGRAMS = {
    **{f.__name__: f for f in (training, noise, reshaped, looped, arithmetic)},
    **{name: table(name) for name in tables.PROGRAMS},
    **{f"loop {make.__name__}": loops(make) for make in test_loops.PROGRAMS},
}


def c_text(inputs, outputs, updates, general):
    function = passes.run(lower(Signature.of(inputs, outputs, updates)).function)
    return re.sub(r"/\*.*?\*/", "", generate(function, plan(function), general), flags=re.S)


def split(text):
    """(what stands before the entry, the lines of the entry up to the call of the body, those behind)."""
    around, entry = text.split("\nTGEN_STATIC int32_t tgen_core(")
    lines = entry.splitlines()
    at = next(k for k, line in enumerate(lines) if re.search(r"\bbody\(f\b", line))
    return around, lines[:at], lines[at:]


@pytest.mark.slow
@pytest.mark.parametrize("general", [False, True], ids=["dense", "general"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_sizes_are_written_before_they_are_read(name, general):
    """Once, at the top of the entry where nothing is in a branch; all functions of parts, steps and loops run
    behind it.
    """
    around, before, behind = split(c_text(*PROGRAMS[name](), general))
    written, unread = set(), set()
    for line in before:
        place = re.match(r"    f->([nad]\d+) = (.*;)$", line)
        reads = set(re.findall(r"f->([nad]\d+)\b", place[2] if place else line))
        assert reads <= written, f"{sorted(reads - written)} not written yet: {line}"
        unread -= reads
        if place:
            assert place[1] not in written, f"written again: {line}"
            written.add(place[1])
            unread.add(place[1])
    rest = "\n".join([around, *behind])
    assert not re.findall(r"f->[nad]\d+ = ", rest)
    later = set(re.findall(r"f->([nad]\d+)\b", rest))
    assert later <= written, f"{sorted(later - written)} never written"
    assert not [d for d in unread - later if d[0] == "d"], "computed for nobody"


@pytest.mark.parametrize("name", ["training", "reshaped", "looped", "arithmetic", "noise"])
def test_compositions_stand_in_definitions_only(name):
    """Behind its definition a quotient or an extreme of sizes is read by name; a refusal names both sizes and
    computes neither.
    """
    around, before, behind = split(c_text(*PROGRAMS[name](), False))
    lines = [
        line
        for line in (*around.splitlines(), *before, *behind)
        if not line.startswith(("    f->d", "static inline"))
    ]
    # k: found inside, so without a name
    assert [line for line in lines if re.search(r"tgen_size_\w+\(", line) and "f->k" not in line] == []
    found = r"if \((\S+) != (\S+)\) \{\n +return tgen_fail\(f, TGEN_SIZES, -?\d+, (.*), 0\);"
    refused = re.findall(found, "\n".join(before))
    assert bool(refused) == (name != "arithmetic")
    assert all(numbers == f"{one}, {other}" for one, other, numbers in refused)
    assert sum(line.startswith("    f->d") for line in before) >= 2


@pytest.mark.parametrize("seed", range(30))
def test_definitions_use_earlier_names(seed):
    """Sizes made at random of one another, asked for in any order: each is what its name stands for, computed
    from the top.
    """
    rng = np.random.default_rng(seed)
    made = [dims.sym(s) for s in ("n0", "n1", "n2", "a0", "a1", "k0")] + [1, 2, 3]
    for _ in range(25):
        build = (dims.add, dims.sub, dims.mul, dims.mul, dims.div, dims.mod, dims.minimum, dims.maximum)[
            rng.integers(8)
        ]
        size = build(*(made[k] for k in rng.integers(len(made), size=2)))
        made += [dims.add(size, 1)] if build is dims.mul else []
        made += [size] if len(str(size)) < 400 else []
    chosen = [made[k] for k in rng.permutation(len(made))]
    numbered = dict(zip(("n0", "n1", "n2", "a0", "a1", "k0"), (4, 7, 3, -5, 2, 6)))
    named, given = sizes.Named(), dict(numbered)
    values = {dims.symbol(name): number for name, number in numbered.items()}
    token = names.NAMES.set(named.name)
    try:
        for size in chosen:
            named.add(size)
        asked = chosen[::2]
        texts = [expression(names.size(size), frame=True) for size in asked]
        definitions = [(name, expression(made, frame=True)) for name, made in named.definitions()]
    finally:
        names.NAMES.reset(token)
    for name, text in definitions:
        assert set(re.findall(r"f->(\w+)", text)) <= given.keys() - {"k0"}, f"{name} = {text}"
        given[name] = number(text, given)
    for size, text in zip(asked, texts):
        assert number(text, given) == (size if isinstance(size, int) else dims.evaluate(size, values))


def number(text, given):
    return eval(re.sub(r"tgen_size_(div|mod|min|max)", r"\1", text).replace("f->", ""), {**PYTHON}, given)


@pytest.mark.slow
@pytest.mark.parametrize(
    "values", [(np.arange(12.0).reshape(4, 3), 4, 6), (np.arange(6.0).reshape(2, 3), 1, 2)]
)
def test_loops_and_branches_compute(values):
    inputs, outputs, _ = looped()
    x, n, m = values
    agree(inputs, outputs, [x, np.int64(n), np.int64(m)], modes=("FAST_RUN",))


def test_a_check_of_named_sizes_tells_them():
    inputs, outputs, _ = reshaped()
    f = tgen.function(inputs, outputs[:1])
    assert f(np.ones((150, 4)), 1, 40)[0].shape == (40, 5)
    with pytest.raises(ValueError, match="200"):
        f(np.ones((150, 4)), 1, 7)


@pytest.mark.parametrize("divide", [lambda a, b: a // b, lambda a, b: a % b], ids=["div", "mod"])
def test_the_lowest_size_by_minus_one(divide):
    """Sizes of branches are computed also when these do not run: a quotient must not trap."""
    low = tgen.function(
        [N, M], tgen.ifelse(T.gt(M, 0), T.zeros((T.maximum(divide(N, M), 0) % 7,)), T.ones((2,)))
    )
    assert low(-(2**63), -1).tolist() == [1, 1] and low(17, 3).shape == (5 if divide(17, 3) == 5 else 2,)
