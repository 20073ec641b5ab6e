"""The C text itself: clean under gcc's warnings, made in linear time and without recursion, cut into functions gcc can take."""
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from compiled import c_text
from test_compiled_programs import PROGRAMS, more
from tgen import passes
from tgen.codegen import sizes
from tgen.codegen.generate import generate
from tgen.core import dims
from tgen.ir.interp import run
from tgen.lower import lower
from tgen.passes.fuse import MEMBERS_LIMIT
from tgen.passes.plan import plan
from tgen.tensor.signal.pool import pool_2d

X = T.dmatrix("x")
WARNED = ("several reductions of one value", "softmax", "cross-entropy and its gradient", "long chain of rows", "views at run time", "reshape", "numbers", "gathers", "masks", "sizes from data", "concatenate",
          "writes to slices", "writes to indices", "products by transposes", "batched products", "constants", "positions")
STRICT = ("-std=gnu99", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-x", "c", "-")


def warnings(text, *flags):
    return subprocess.run([shutil.which("gcc") or "cc", *flags, *STRICT], input=text, text=True, capture_output=True).stderr


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
    everything = [i // i, i % 3, j >> 2, j << j, i ** 2, ~i, T.floor(a), a // b, a % b, T.isnan(a), T.isinf(b), T.sgn(a), T.clip(a, 0, b), T.nnet.sigmoid(a), T.cast(a, "uint8"), T.cast(a, "int64"), T.lt(i, j), T.and_(i, 1)]
    text = c_text([a, b, i, j, X], [*everything, c * 2], [(w, w - X * c), (c, c + 1)])
    assert warnings(text) == "" == warnings(c_text([], []))


def test_the_text_is_a_function_of_the_program():
    """Names and runs do not matter: the same bytes, that is one cache entry."""
    def text(name):
        x, i = T.dmatrix(name), T.lvector(f"{name} */ #include")
        return c_text([x, i], [T.nnet.softmax(x)[i], x[x > 0].sum(), T.dot(x, x.T)])
    assert text("x") == text("\\ ??/ y") and "include <y" not in text("x")


def test_sizes_are_computed_once():
    """A composite size is a name wherever it stands; its definition uses names before it and stands for the same number."""
    x, w, n = T.ftensor4("x"), T.ftensor4("w"), T.lscalar("n")
    y = pool_2d(T.nnet.conv2d(x, w), ws=(2, 2), ignore_border=True)
    inputs, outputs = [x, w, n], [T.tanh(y).flatten(2)[:, n // 3:], T.grad(T.sqr(y).sum(), w), T.zeros((n % 5, n // 3))]
    function = passes.run(lower(inputs, outputs, []).function)
    with sizes.named(function) as table:
        text = generate(function, plan(function))
    given = {name: k for k, name in enumerate(sorted({s for size in table.known for s in dims.symbols(size)}), 11)}
    for size, name in table.known.items():
        definition = re.findall(rf"f->{name} = (.*);", text)
        assert len(definition) <= 1
        if definition:
            assert all(int(m[1:]) < int(name[1:]) for m in re.findall(r"\bd\d+", definition[0]))
            python = re.sub(r"tgen_size_(div|mod|min|max)", r"\1", definition[0].replace("f->", ""))
            calls = {"div": lambda a, b: a // b, "mod": lambda a, b: a % b, "min": min, "max": max}
            given[name] = eval(python, calls, given)
            assert given[name] == dims.evaluate(size, given)
    divisions = text.count("tgen_size_div(f->")
    assert 3 <= divisions == len(re.findall(r"f->d\d+ = .*tgen_size_div\(", text)), "a division stands outside its definition"


def test_what_is_found_inside_has_no_name():
    v = T.dvector("v")
    k = v[v > 0][1:]
    function = passes.run(lower([v], [k], []).function)
    with sizes.named(function) as table:
        assert not [s for s in table.known if "k" in str(s)]


# -- G01, G02, G03 -----------------------------------------------------------------------------------------------------------------

def chain(count):
    x = T.dvector("x")
    y = x
    for k in range(count // 2):
        y = y * 1.0001 + x if k % 2 else T.minimum(y, 3.0) - x
    return x, y


def front_end(count):
    x, y = chain(count)
    start = time.process_time()
    text = c_text([x], [y])
    return time.process_time() - start, text


def test_G02_a_deep_chain_needs_no_recursion():
    """The front end in linear time; its C in functions of a bounded length."""
    front_end(200)
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + 150)
    try:
        (short, _), (long, text) = front_end(1000), front_end(8000)
    finally:
        sys.setrecursionlimit(old)
    assert long < 8 * short * 2.5, f"1,000 ops: {short:.2f} s, 8,000: {long:.2f} s"
    longest = max(len(body.splitlines()) for body in re.split(r"\nTGEN_CALLED ", text)[1:-1])
    assert longest < 4 * MEMBERS_LIMIT


def depth():
    frame, count = sys._getframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def test_G02_a_chain_of_kernels_computes():
    x, y = chain(1500)
    values = np.linspace(-1, 1, 9)
    got = tgen.function([x], y)(values)
    (want,), _ = run(lower([x], [y], []).function, [values])
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_G03_diamonds_are_visited_once():
    x, n = T.dvector("x"), T.lscalar("n")
    y, m = x, n
    start = time.process_time()
    for _ in range(60):
        y, m = y + y, m * n
    f = tgen.function([x, n], [y, m, T.zeros((m * 0 + 2,))])
    assert time.process_time() - start < 5
    assert f([1.0, 0.5], 1)[0].tolist() == [2.0**60, 2.0**59]


def test_many_outputs_and_reductions():
    """Wide programs: some hundred kernels and steps in one function."""
    rows = [T.exp(X * float(k)).sum(axis=k % 2) for k in range(60)] + [X[X > k].sum() for k in range(10)]
    results = tgen.function([X], rows)(np.ones((3, 2)) / 2)
    assert all(np.allclose(r, np.exp(0.5 * k) * (3, 2)[k % 2]) for k, r in enumerate(results[:60])) and [float(r) for r in results[60:]] == [3.0] + [0.0] * 9
