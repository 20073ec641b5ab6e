"""The C text itself: clean under gcc's warnings, made in linear time and without recursion, cut into
functions gcc can take.
"""

import itertools
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from compiled import MODES, agree, c_text, in_parts
from faults import size
from test_compiled_programs import PROGRAMS, more
from work import assert_linear

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.codegen import sizes
from tgen.codegen.bodies import Body
from tgen.codegen.c import declared
from tgen.codegen.generate import generate
from tgen.codegen.library import FRAME
from tgen.codegen.nest import Address, Bin, Call, Do, Field, If, Load, Set, Symbol
from tgen.codegen.render import statements
from tgen.core import dims
from tgen.ir.interp import run
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.fuse import MEMBERS_LIMIT
from tgen.passes.plan import plan
from tgen.tensor.nnet import softmax
from tgen.tensor.signal.pool import pool_2d

X = T.dmatrix("x")
WARNED = (
    "several reductions of one value",
    "softmax",
    "cross-entropy and its gradient",
    "long chain of rows",
    "views at run time",
    "reshape",
    "numbers",
    "gathers",
    "masks",
    "sizes from data",
    "concatenate",
    "writes to slices",
    "writes to indices",
    "products by transposes",
    "batched products",
    "constants",
    "positions",
)
STRICT = (
    "-std=gnu99",
    "-fsyntax-only",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unknown-pragmas",
    "-x",
    "c",
    "-",
)


def warnings(text, *flags):
    return subprocess.run(
        [shutil.which("gcc") or "cc", *flags, *STRICT], input=text, text=True, capture_output=True
    ).stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", WARNED)
@pytest.mark.parametrize("flags", [(), ("-fopenmp-simd",)], ids=["plain", "simd"])
def test_no_warnings(name, flags):
    inputs, make, _ = PROGRAMS[name]
    for general in (False, True):
        assert warnings(c_text(inputs, (make or more(name, inputs))(), general=general), *flags) == ""


def test_no_warnings_in_updates_and_scalars():
    w, c = tgen.shared(np.ones((3, 4)), "w"), tgen.shared(1.0, "c")
    a, b = T.vectors("ab")
    i, j = T.bvector("i"), T.TensorType("uint64", (None,))("j")
    everything = [
        i // i,
        i % 3,
        j >> 2,
        j << j,
        i**2,
        ~i,
        T.floor(a),
        a // b,
        a % b,
        T.isnan(a),
        T.isinf(b),
        T.sgn(a),
        T.clip(a, 0, b),
        T.nnet.sigmoid(a),
        T.cast(a, "uint8"),
        T.cast(a, "int64"),
        T.lt(i, j),
        T.and_(i, 1),
    ]
    text = c_text([a, b, i, j, X], [*everything, c * 2], [(w, w - X * c), (c, c + 1)])
    assert warnings(text) == "" == warnings(c_text([], []))


def test_the_text_is_a_function_of_the_program():
    """Names and runs do not matter: the same bytes, that is one cache entry."""

    def text(name):
        x, i = T.dmatrix(name), T.lvector(f"{name} */ #include")
        return c_text([x, i], [T.nnet.softmax(x)[i], x[x > 0].sum(), T.dot(x, x.T)])

    assert text("x") == text("\\ ??/ y") and "include <y" not in text("x")


def test_sizes_are_computed_once():
    """A composite size is a name wherever it stands; its definition uses names before it and stands for the
    same number.
    """
    x, w, n = T.ftensor4("x"), T.ftensor4("w"), T.lscalar("n")
    y = pool_2d(T.nnet.conv2d(x, w), ws=(2, 2), ignore_border=True)
    inputs, outputs = (
        [x, w, n],
        [T.tanh(y).flatten(2)[:, n // 3 :], T.grad(T.sqr(y).sum(), w), T.zeros((n % 5, n // 3))],
    )
    function = passes.run(lower(Signature.of(inputs, outputs)).function)
    with sizes.named(function) as table:
        text = generate(function, plan(function))
    given = {
        name: k
        for k, name in enumerate(sorted({str(s) for size in table.known for s in dims.symbols(size)}), 11)
    }
    values = {dims.symbol(name): k for name, k in given.items()}
    for known, name in table.known.items():
        definition = re.findall(rf"f->{name} = (.*);", text)
        assert len(definition) <= 1
        if definition:
            assert all(int(m[1:]) < int(name[1:]) for m in re.findall(r"\bd\d+", definition[0]))
            python = re.sub(r"tgen_size_(div|mod|min|max)", r"\1", definition[0].replace("f->", ""))
            calls = {"div": lambda a, b: a // b, "mod": lambda a, b: a % b, "min": min, "max": max}
            given[name] = eval(python, calls, given)
            assert given[name] == dims.evaluate(known, values)
    divisions = text.count("tgen_size_div(f->")
    assert 3 <= divisions == len(re.findall(r"f->d\d+ = .*tgen_size_div\(", text)), (
        "a division stands outside its definition"
    )


def test_what_is_found_inside_has_no_name():
    v = T.dvector("v")
    k = v[v > 0][1:]
    function = passes.run(lower(Signature.of([v], [k])).function)
    with sizes.named(function) as table:
        assert not [s for s in table.known if "k" in str(s)]


def shared_functions(text):
    """{name: how many parts call it} of the functions that parts have in common."""
    return {
        name: len(re.findall(rf"^    {name}\(", text, re.M)) for name in re.findall(r"void (same\d+)\(", text)
    }


def test_parts_that_differ_in_names_only_share_a_function():
    """Updates of weights of any rank are one loop; one of another dtype is another."""
    ranks = [tgen.shared(np.ones((2, 3, 4)[:k]), f"w{k}") for k in range(1, 4)]
    f32 = tgen.shared(np.ones((2, 3), "float32"), "f32")
    d = T.dscalar("d")
    updates = [(w, w - d * T.tanh(w)) for w in ranks] + [(f32, f32 - T.cast(d, "float32") * T.tanh(f32))]
    text = c_text([d], [], updates)
    assert shared_functions(text) == {"same0": 3}
    assert warnings(text) == ""
    step = tgen.function([d], [], updates=updates)
    step(0.5), step(0.25)
    for w in ranks + [f32]:
        value = np.ones(w.get_value().shape, w.dtype)
        for k in (0.5, 0.25):
            value = value - value.dtype.type(k) * np.tanh(value)
        np.testing.assert_allclose(w.get_value(), value, rtol=1e-6)


def test_an_argument_and_a_result_share_a_function():
    """Nothing is written through a parameter that is const in one of them."""
    x, y = T.dmatrices("xy")
    text = c_text([x, y], [T.exp(T.dot(x, y)), T.exp(x)])
    assert (
        re.findall(r"same0\(.*?(?=, int64_t \w+\)|\)\n)", text)[0]
        == "same0(int64_t low, int64_t high, const double *p0, double *p1"
    )
    assert warnings(text) == ""


def rows(make):
    """How many rows of its own a part of softmax's kernel has, beside it ``make``'s of its exponentials and
    what they are divided by.
    """
    e = T.exp(X - X.max(axis=1, keepdims=True))
    total = e.sum(axis=1, keepdims=True)
    outputs = [e / total, *make(e, total)]
    agree([X], outputs, [np.linspace(-3, 3, 35).reshape(5, 7)], modes=MODES[:1])
    return len(set(re.findall(r"part\d+_row\d+", c_text([X], outputs))))


def test_a_row_is_made_where_the_result_will_be():
    """Where it is read after the result has been written it is a row of its own."""
    assert rows(lambda e, total: []) == 0
    assert rows(lambda e, total: [e]) == 0
    assert rows(lambda e, total: [e * (e / total).max(axis=1, keepdims=True)]) == 0
    assert rows(lambda e, total: [(e * (e / total).max(axis=1, keepdims=True)).sum(axis=1)]) == 1


@pytest.mark.slow
def test_shared_functions_reduce_gather_and_take_sizes_found_inside():
    """Partial results, indices, rows, inner kernels and late sizes as parameters; on a team, too."""
    x, y, i = T.dmatrix("x"), T.dmatrix("y"), T.lvector("i")
    small, large = x[x > 0], y[y > 0]
    outputs = [
        x.sum(),
        y.sum(),
        x.max(axis=1),
        y.max(axis=1),
        softmax(x),
        softmax(y),
        x[i] * 2,
        y[i] * 2,
        T.tanh(small),
        T.tanh(large),
        T.argmax(x),
        T.argmax(y),
    ]
    assert shared_functions(c_text([x, y, i], outputs)) == {f"same{k}": 2 for k in range(4)}
    values = [
        np.linspace(-1, 2, 12).reshape(3, 4),
        np.linspace(-3, 3, 35).reshape(5, 7),
        np.array([0, 2, -1, 1]),
    ]
    agree([x, y, i], outputs, values, modes=MODES[:1])
    with in_parts():
        agree([x, y, i], outputs, values, modes=MODES[:1])


def test_numbers_that_a_part_makes_stay_in_the_frame():
    """A scalar that is read is a local or a parameter; one that is written, or whose address is taken, is
    not.
    """
    v0, v2 = Field("v0", "float32", pointer=True), Field("v2", "float64")
    a, dense = Field("a", "int64"), Field("c_dense", "int64")
    first = Bin("==", dense, Symbol("n1"))
    nodes = (
        Set(v2, Bin("+", a, Symbol("n0"))),
        Do(Call("use", (Address(Field("b", "int64")),))),
        If(first, (Set(Load(v0, Symbol("k0")), a),)),
    )
    body = Body(nodes)
    assert body.fields == [a, dense, v0] and [s.name for s in body.sizes] == ["n0", "n1", "k0"]
    read, alone = body.alone()
    assert statements(read) == [
        "const int64_t n0 = f->n0;",
        "const int64_t n1 = f->n1;",
        "const int64_t k0 = f->k0;",
        "const int64_t a = f->a;",
        "const int64_t c_dense = f->c_dense;",
        "float *v0 = f->v0;",
    ]
    assert statements(alone) == [
        "f->v2 = a + n0;",
        "use(&f->b);",
        "if (c_dense == n1) {",
        "    v0[k0] = a;",
        "}",
    ]
    own, parameters, arguments, names = body.common()
    assert own == [FRAME]
    assert [declared(name) for name in parameters] == [
        "int64_t s0",
        "int64_t s1",
        "float *p2",
        "int64_t m0",
        "int64_t m1",
        "int64_t m2",
    ]
    assert [x.text if hasattr(x, "text") else x.name for x in arguments] == [
        *("f", "a", "c_dense", "v0", "n0", "n1", "k0")
    ]
    assert statements(body.renamed(names)) == [
        "f->v2 = s0 + m0;",
        "use(&f->b);",
        "if (s1 == m1) {",
        "    p2[m2] = s0;",
        "}",
    ]


def test_no_loop_reads_its_pointers_from_the_frame():
    """A store to a bool or an int8 array might be one to the frame: each element would cost a reading of
    every pointer, and no loop would be vectorized.
    """
    x, i = T.fmatrix("x"), T.TensorType("uint8", (None, None))("i")
    text = c_text([x, i], [x > 0.5, i + i * 3, (i > x).sum(axis=0)])
    functions = "".join(re.findall(r"void (?:part|same)\d+\(.*?^}", text, re.M | re.S))
    loops = re.findall(r"^    for \(.*?^    }", functions, re.M | re.S)
    assert len(loops) == 2 and "f->" not in "".join(loops)


# -- large graphs --------------------------------------------------------------------------------------------


def chain(count):
    x = T.dvector("x")
    y = x
    for k in range(count // 2):
        y = y * 1.0001 + x if k % 2 else T.minimum(y, 3.0) - x
    return x, y


def front_end(count):
    x, y = chain(count)
    return c_text([x], [y])


@pytest.mark.slow
def test_a_deep_chain_needs_no_recursion():
    """And its C is in functions of a bounded length."""
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + 150)
    try:
        text = front_end(size(3000, 100_000))
    finally:
        sys.setrecursionlimit(old)
    longest = max(len(body.splitlines()) for body in re.split(r"\nTGEN_CALLED ", text)[1:-1])
    assert longest < 4 * MEMBERS_LIMIT


def depth():
    frame, count = sys._getframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


@pytest.mark.slow
def test_a_chain_of_kernels_computes():
    x, y = chain(1500)
    values = np.linspace(-1, 1, 9)
    got = tgen.function([x], y)(values)
    (want,), _ = run(lower(Signature.of([x], [y])).function, [values])
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.slow
def test_diamonds_are_visited_once():
    """60 of them, one on the other, are 2**60 paths."""
    x, n = T.dvector("x"), T.lscalar("n")

    def ladder(count):
        y, m = x, n
        for _ in range(count):
            y, m = y + y, m * n
        return [y, m, T.zeros((m * 0 + 2,))]

    assert_linear(lambda count: c_text([x, n], ladder(count)), 15, factor=4)
    f = tgen.function([x, n], ladder(60))
    assert f([1.0, 0.5], 1)[0].tolist() == [2.0**60, 2.0**59]


def test_what_is_written_twice_is_computed_once():
    """A duplicated part of a graph leaves no trace in the C."""

    def part():
        return T.tanh(T.dot(X, X.T) * 2).sum(axis=0)

    y = part()
    assert c_text([X], [y * 2 + y, T.exp(y)]) == c_text([X], [part() * 2 + part(), T.exp(part())])


@pytest.mark.slow
def test_the_order_of_updates_means_nothing():
    results = set()
    for order in itertools.permutations(range(3)):
        a, b, c = (tgen.shared(np.linspace(k, k + 1, 5), name) for k, name in enumerate("abc"))
        updates = [(a, b * 2), (b, a + c), (c, T.tanh(a) * b)]
        f = tgen.function([], a + b + c, updates=[updates[k] for k in order])
        results.add(b"".join([f().tobytes(), f().tobytes(), *(s.get_value().tobytes() for s in (a, b, c))]))
    assert len(results) == 1


@pytest.mark.slow
def test_many_outputs_and_reductions():
    """Wide programs: some hundred kernels and steps in one function."""
    rows = [T.exp(X * float(k)).sum(axis=k % 2) for k in range(60)] + [X[X > k].sum() for k in range(10)]
    results = tgen.function([X], rows)(np.ones((3, 2)) / 2)
    assert (
        all(np.allclose(r, np.exp(0.5 * k) * (3, 2)[k % 2]) for k, r in enumerate(results[:60]))
        and [float(r) for r in results[60:]] == [3.0] + [0.0] * 9
    )
