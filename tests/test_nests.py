"""Loop nests as text, read back and run: the text has all that a nest is, and running it gives what the IR's
interpreter gives.
"""

import math

import numpy as np
import pytest
from compiled import MODES
from irgen import arguments, bindings
from test_compiled_programs import PROGRAMS, more

from tgen import passes
from tgen.codegen import sizes
from tgen.codegen.module import Module
from tgen.codegen.nest import Const, Field, Nest, Set, walk
from tgen.codegen.nest_interp import run as run_nest
from tgen.codegen.nest_interp import stored
from tgen.codegen.nest_interp import value as value_of
from tgen.codegen.nest_parse import parse as parse_nest
from tgen.codegen.nest_text import to_text as nest_text
from tgen.codegen.schedule import scheduled
from tgen.core.dtypes import DTYPE
from tgen.ir import text
from tgen.ir.interp import run
from tgen.ir.text import parse
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.plan import plan

ROOM = 1 << 12  # elements of a workspace


def module_of(function, general=False):
    """(module, names of the values) of a function of kernels and library calls."""
    _, names, lines = text.printed(function)
    return Module(function, plan(function), names, lines, general).build(), names


def nests_of(module):
    """All nests of a module, at all stages of their schedules."""
    for part in module.parts:
        yield from (Nest(tuple(v.nodes), v.extent) for v in part.variants)
        for plain in part.plain:
            yield from (nest for _, nest in stages_of(plain))


def stages_of(plain):
    """[(name, Nest)]: a plain nest, what each rewrite makes of it, and the plain statements at the end."""
    stages = []
    last = scheduled(plain, stages=stages)
    return [("plain", plain), *((row.name, nest) for row, nest in stages), ("settled", last)]


# -- text ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_nest_is_its_text(name):
    inputs, make, _ = PROGRAMS[name]
    outputs = (make or more(name, inputs))()
    for mode in MODES:
        function = passes.run(lower(Signature.of(inputs, outputs, ())).function, mode)
        for general in (False, True):
            with sizes.named(function):
                for nest in nests_of(module_of(function, general)[0]):
                    shown = nest_text(nest)
                    again = parse_nest(shown)
                    assert nest_text(again) == shown
                    assert again == nest, shown


@pytest.mark.parametrize("dtype", DTYPE)
def test_literals_are_exact(dtype):
    record = DTYPE[dtype]
    values = [record.low, record.high, 0, 1]
    if record.kind == "f":
        values += [-0.0, 0.1, 1e-300, float("nan"), -float("nan")]
    for value in values:
        node = Const(record.python(value), dtype)
        (again,) = [n for n in walk(parse_nest(nest_text(assigned(node))).body) if isinstance(n, Const)]
        assert np.array(again.value, dtype).tobytes() == np.array(node.value, dtype).tobytes()


def assigned(value):
    """A nest that stores a value."""
    return Nest((Set(Field("v0", value.dtype), value),))


@pytest.mark.parametrize(
    "wrong, word",
    [
        ("nest <> () { let x = 1 }", "expected ':'"),
        ("nest <> () { x = 1 }", "x"),
        ("nest <> () { for i in 0 .. 2 { }", "expected an expression"),
        ("nest <> (; v0: int64*) { f.v0[0] 1 }", "expected a sign"),
        ("nest <> () { }\n}", "line 2: unexpected '}'"),
    ],
)
def test_what_is_no_nest_is_refused(wrong, word):
    with pytest.raises(ValueError, match=r"^line \d") as caught:
        parse_nest(wrong)
    assert word in str(caught.value)


# -- values --------------------------------------------------------------------------------------------------

X, ROWS, CUBE = "v0: float64[n0, n1]", "v0: float32[n0, n1]", "v0: float64[n0, n1, n2]"


def reduction(name, params, axes, result):
    return f"({params}) {{\n v1: {result} = {name} v0 {{axes={axes}}}\n return v1\n}}"


# title -> parameters and body of a function that is one kernel
KERNELS = {
    "elementwise": (
        f"({X}, v1: float64[n1]) {{\n v2: float64[1, n1] = dimshuffle v1 {{order=('x', 0)}}\n"
        " v3: float64[n0, n1] = mul v0, v2\n v4: float64[n0, n1] = tanh v3\n return v4\n}"
    ),
    "neighbouring axes are one loop": (f"({CUBE}) {{\n v1: float64[n0, n1, n2] = exp v0\n return v1\n}}"),
    "transposed": (
        f"({X}, v1: float64[n1, n0]) {{\n v2: float64[n1, n0] = dimshuffle v0 {{order=(1, 0)}}\n"
        " v3: float64[n1, n0] = add v2, v1\n return v3\n}"
    ),
    "three axes transposed": (
        f"({CUBE}, v1: float64[n2, n1, n0]) {{\n"
        " v2: float64[n2, n1, n0] = dimshuffle v0 {order=(2, 1, 0)}\n"
        " v3: float64[n2, n1, n0] = add v2, v1\n return v3\n}"
    ),
    "reversed": (
        "(v0: float64[n0]) {\n v1: float64[n0] = slice v0 <n0 - 1, n0> {steps=(-1,)}\n"
        " v2: float64[n0] = neg v1\n return v2\n}"
    ),
    "gathered": (
        f"({X}, v1: int64[n2]) {{\n v2: float64[n2, n1] = gather v0, v1 {{axis=0, count=1}}\n"
        " v3: float64[n2, n1] = neg v2\n return v3\n}"
    ),
    "sum of columns": reduction("sum", X, "(0,)", "float64[n1]"),
    "rounded sum of columns": (
        f"({ROWS}) {{\n v1: float32[n1] = sum v0 {{acc='float64', axes=(0,)}}\n return v1\n}}"
    ),
    "rounded sum of rows": (
        f"({ROWS}) {{\n v1: float32[n0] = sum v0 {{acc='float64', axes=(1,)}}\n return v1\n}}"
    ),
    "sum of the middle axis": reduction("sum", CUBE, "(1,)", "float64[n0, n2]"),
    "sum of the outer axes": reduction("sum", CUBE, "(0, 2)", "float64[n1]"),
    "sum of the last axes": reduction("sum", CUBE, "(1, 2)", "float64[n0]"),
    "product of rows": reduction("prod", X, "(1,)", "float64[n0]"),
    "maxima of rows": reduction("max", X, "(1,)", "float64[n0]"),
    "maxima of columns": reduction("max", X, "(0,)", "float64[n1]"),
    "minima of integers": reduction("min", "v0: int8[n0, n1]", "(1,)", "int8[n0]"),
    "any of columns": reduction("any", "v0: bool[n0, n1]", "(0,)", "bool[n1]"),
    "where the greatest of a column is": reduction("argmax", X, "(0,)", "int64[n1]"),
    "where the least along the first axis is": reduction("argmin", CUBE, "(0,)", "int64[n1, n2]"),
    "softmax": (f"({ROWS}) {{\n v1: float32[n0, n1] = softmax v0 {{axis=1}}\n return v1\n}}"),
}

# title -> parameters and body of a function that is one call of the library
LIBRARY = {
    "product": (f"({X}, v1: float64[n1, n2]) {{\n v2: float64[n0, n2] = dot v0, v1\n return v2\n}}"),
    "product with a vector": (f"({X}, v1: float64[n1]) {{\n v2: float64[n0] = dot v0, v1\n return v2\n}}"),
    "batched product": (
        "(v0: float64[n0, n1, n2], v1: float64[n0, n2, n3]) {\n"
        " v2: float64[n0, n1, n3] = batched_dot v0, v1\n return v2\n}"
    ),
    "sort": (f"({X}) {{\n v1: float64[n0, n1] = sort v0 {{axis=0}}\n return v1\n}}"),
    "argsort": (f"({X}) {{\n v1: int64[n0, n1] = argsort v0 {{axis=1}}\n return v1\n}}"),
    "running sum": (f"({X}) {{\n v1: float64[n0, n1] = cumsum v0 {{axis=0}}\n return v1\n}}"),
}


def run_parts(nest, parts, sizes, fields):
    """Run a nest in so many parts, if it has as many pieces."""
    extent = value_of(nest.extent, sizes)
    parts = min(parts, extent)
    for part in range(parts):
        low, high = extent * part // parts, extent * (part + 1) // parts
        run_nest(nest.body, {**sizes, "part": part, "low": low, "high": high}, fields)


def fields_of(module, names, function, given, strided=False):
    """Memory for the members of a module's frame: parameters as they are given (``strided``: in Fortran
    order), all else filled with what no program makes.
    """
    fields = {name: np.full(ROOM, 101, field.dtype) for name, field in module.members.items()}
    for v, array in zip(function.block.params, given):
        name = names[v]
        fields[name] = np.ravel(array, order="F" if strided else "C").copy()
        for k in range(array.ndim if strided else 0):
            fields[f"{name}_s{k}"] = np.array([math.prod(array.shape[:k])])
    return fields


def built(source):
    """(function before passes, after them)"""
    before = parse(f"function {source}\n")
    return before, passes.run(before, "FAST_RUN", checked=True)


def agrees(before, function, module, names, nest, parts, strided=False):
    """A nest, run in so many parts, gives what the IR says."""
    sizes = {str(symbol): number for symbol, number in bindings(function).items()}
    inputs, _ = arguments(function, np.random.default_rng(3), special=False)
    (wanted,), _ = run(before, inputs, ())
    fields = fields_of(module, names, function, inputs, strided)
    run_parts(parse_nest(nest_text(nest)), parts, sizes, fields)
    memory = fields[names[function.block.results[0]]]
    got = memory[: wanted.size].reshape(wanted.shape)
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-6 if wanted.dtype == np.float32 else 1e-12)
    assert (memory[wanted.size :] == stored(got.dtype.name, 101)).all()


@pytest.mark.parametrize("strided", (False, True))
@pytest.mark.parametrize("title", KERNELS)
def test_a_kernel_computes_what_the_ir_says(title, strided):
    """At every stage of its schedule, in one part and in several."""
    before, function = built(KERNELS[title])
    module, names = module_of(function, strided)
    (part,) = module.parts
    for _, nest in stages_of(part.plain[-1]):
        for parts in (1, 3):
            agrees(before, function, module, names, nest, parts, strided)


@pytest.mark.parametrize("title", LIBRARY)
def test_a_call_computes_what_the_ir_says(title):
    before, function = built(LIBRARY[title])
    module, names = module_of(function)
    (part,) = module.parts
    (variant,) = part.variants
    for parts in (1, 2):
        agrees(before, function, module, names, Nest(tuple(variant.nodes), variant.extent), parts)
