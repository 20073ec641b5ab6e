"""Loop nests as text, read back and run: the text has all that a nest is, and running it gives what the IR's
interpreter gives.
"""

import numpy as np
import pytest
from compiled import MODES
from irgen import arguments, bindings
from test_compiled_programs import PROGRAMS, more

from tgen import passes
from tgen.codegen import sizes
from tgen.codegen.module import Module
from tgen.codegen.nest import Const, Field, Set, walk
from tgen.codegen.nest_interp import run as run_nest
from tgen.codegen.nest_interp import stored
from tgen.codegen.nest_parse import parse as parse_nest
from tgen.codegen.nest_text import to_text as nest_text
from tgen.core import dims
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
    return [tuple(nodes) for part in module.parts for _, nodes, _ in part.variants]


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
                nests = nests_of(module_of(function, general)[0])
            for nodes in nests:
                shown = nest_text(nodes)
                again = parse_nest(shown)
                assert nest_text(again) == shown
                assert again == nodes, shown


@pytest.mark.parametrize("dtype", DTYPE)
def test_literals_are_exact(dtype):
    record = DTYPE[dtype]
    values = [record.low, record.high, 0, 1]
    if record.kind == "f":
        values += [-0.0, 0.1, 1e-300, float("nan"), -float("nan")]
    for value in values:
        node = Const(record.python(value), dtype)
        (again,) = [n for n in walk(parse_nest(nest_text(assigned(node)))) if isinstance(n, Const)]
        assert np.array(again.value, dtype).tobytes() == np.array(node.value, dtype).tobytes()


def assigned(value):
    """A nest that stores a value."""
    return (Set(Field("v0", value.dtype), value),)


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


# title -> (parameters and body of a function, how many pieces its only nest deals to parts)
NESTS = {
    "elementwise": (
        f"({X}, v1: float64[n1]) {{\n v2: float64[1, n1] = dimshuffle v1 {{order=('x', 0)}}\n"
        " v3: float64[n0, n1] = mul v0, v2\n v4: float64[n0, n1] = tanh v3\n return v4\n}",
        "n0",
    ),
    "neighbouring axes are one loop": (
        f"({CUBE}) {{\n v1: float64[n0, n1, n2] = exp v0\n return v1\n}}",
        "n0*n1*n2",
    ),
    "transposed": (
        f"({X}, v1: float64[n1, n0]) {{\n v2: float64[n1, n0] = dimshuffle v0 {{order=(1, 0)}}\n"
        " v3: float64[n1, n0] = add v2, v1\n return v3\n}",
        "n1",
    ),
    "reversed": (
        "(v0: float64[n0]) {\n v1: float64[n0] = slice v0 <n0 - 1, n0> {steps=(-1,)}\n"
        " v2: float64[n0] = neg v1\n return v2\n}",
        "n0",
    ),
    "gathered": (
        f"({X}, v1: int64[n2]) {{\n v2: float64[n2, n1] = gather v0, v1 {{axis=0, count=1}}\n"
        " v3: float64[n2, n1] = neg v2\n return v3\n}",
        "n2",
    ),
    "sum of columns": (reduction("sum", X, "(0,)", "float64[n1]"), "n1"),
    "rounded sum of columns": (
        f"({ROWS}) {{\n v1: float32[n1] = sum v0 {{acc='float64', axes=(0,)}}\n return v1\n}}",
        "n1",
    ),
    "rounded sum of rows": (
        f"({ROWS}) {{\n v1: float32[n0] = sum v0 {{acc='float64', axes=(1,)}}\n return v1\n}}",
        "n0",
    ),
    "sum of the middle axis": (reduction("sum", CUBE, "(1,)", "float64[n0, n2]"), "n0"),
    "sum of the outer axes": (reduction("sum", CUBE, "(0, 2)", "float64[n1]"), "n1"),
    "sum of the last axes": (reduction("sum", CUBE, "(1, 2)", "float64[n0]"), "n0"),
    "product of rows": (reduction("prod", X, "(1,)", "float64[n0]"), "n0"),
    "maxima of rows": (reduction("max", X, "(1,)", "float64[n0]"), "n0"),
    "maxima of columns": (reduction("max", X, "(0,)", "float64[n1]"), "n1"),
    "minima of integers": (reduction("min", "v0: int8[n0, n1]", "(1,)", "int8[n0]"), "n0"),
    "any of columns": (reduction("any", "v0: bool[n0, n1]", "(0,)", "bool[n1]"), "n1"),
    "where the greatest of a column is": (reduction("argmax", X, "(0,)", "int64[n1]"), "n1"),
    "where the least along the first axis is": (reduction("argmin", CUBE, "(0,)", "int64[n1, n2]"), "n1*n2"),
    "softmax": (f"({ROWS}) {{\n v1: float32[n0, n1] = softmax v0 {{axis=1}}\n return v1\n}}", "n0"),
    "product": (
        f"({X}, v1: float64[n1, n2]) {{\n v2: float64[n0, n2] = dot v0, v1\n return v2\n}}",
        "max(n0, n2)",
    ),
    "product with a vector": (
        f"({X}, v1: float64[n1]) {{\n v2: float64[n0] = dot v0, v1\n return v2\n}}",
        "n0",
    ),
    "batched product": (
        "(v0: float64[n0, n1, n2], v1: float64[n0, n2, n3]) {\n"
        " v2: float64[n0, n1, n3] = batched_dot v0, v1\n return v2\n}",
        "n0",
    ),
    "sort": (f"({X}) {{\n v1: float64[n0, n1] = sort v0 {{axis=0}}\n return v1\n}}", "n1"),
    "argsort": (f"({X}) {{\n v1: int64[n0, n1] = argsort v0 {{axis=1}}\n return v1\n}}", "n0"),
    "running sum": (
        f"({X}) {{\n v1: float64[n0, n1] = cumsum v0 {{axis=0}}\n return v1\n}}",
        "n1",
    ),
}


def run_parts(nodes, extent, parts, sizes, fields):
    """Run a nest in so many parts."""
    for part in range(parts):
        low, high = extent * part // parts, extent * (part + 1) // parts
        run_nest(nodes, {**sizes, "part": part, "low": low, "high": high}, fields)


def fields_of(module, names, function, given):
    """Memory for the members of a module's frame: parameters as they are given, all else filled with what no
    program makes.
    """
    fields = {}
    for name, field in module.members.items():
        fields[name] = np.full(ROOM, 101, field.dtype)
    for v, array in zip(function.block.params, given):
        fields[names[v]] = np.ravel(array).copy()
    return fields


@pytest.mark.parametrize("title", NESTS)
def test_a_nest_computes_what_the_ir_says(title):
    source, extent = NESTS[title]
    before = parse(f"function {source}\n")
    function = passes.run(before, "FAST_RUN", checked=True)
    values = bindings(function)
    sizes = {str(symbol): value for symbol, value in values.items()}
    inputs, shared = arguments(function, np.random.default_rng(3), special=False)
    (wanted,), _ = run(before, inputs, shared)
    module, names = module_of(function)
    (nodes,) = nests_of(module)
    (result,) = function.block.results
    for parts in (1, 2):
        fields = fields_of(module, names, function, inputs)
        run_parts(
            parse_nest(nest_text(nodes)), dims.evaluate(dims.parse(extent), values), parts, sizes, fields
        )
        got = fields[names[result]][: wanted.size].reshape(wanted.shape)
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-6 if wanted.dtype == np.float32 else 1e-12)
        assert (fields[names[result]][wanted.size :] == stored(got.dtype.name, 101)).all()
