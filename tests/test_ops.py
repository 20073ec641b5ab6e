"""OPS swept: the C text of every scalar op, compiled, against its NumPy meaning over special values and every
dtype it takes.
"""

import ctypes
import re
import subprocess

import numpy as np
import pytest
from scalars import CASES, check, grid, reference

import tgen.ops  # noqa: F401
from tgen.codegen.c import immediate
from tgen.codegen.chunks import needed
from tgen.core.dtypes import DTYPE
from tgen.ops.declare import LIBM, c_text

pytestmark = pytest.mark.slow

FLAGS = [
    "-std=gnu99",
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fopenmp-simd",
    "-Wall",
    "-Wextra",
    "-Werror",
]


def helpers(text):
    """The helper functions ``text`` needs, callees first."""
    return "\n\n".join(chunk.text for chunk in needed(re.findall(r"tgen_\w+", text))[0])


def prototypes():
    """libm's functions, as vector functions where libmvec has them (what codegen does)."""
    try:
        vector = ctypes.CDLL("libmvec.so.1")
    except OSError:
        vector = None
    lines = []
    for name, count in LIBM.items():
        for suffix, T, lanes in (("", "double", "N4"), ("f", "float", "N8")):
            if vector is not None and hasattr(vector, f"_ZGVd{lanes}{'v' * count}_{name}{suffix}"):
                lines.append("#pragma omp declare simd notinbranch")
            lines.append(f"{T} {name}{suffix}({', '.join([T] * count)});")
    return "\n".join(lines), [] if vector is None else ["-lmvec"]


def loop(k, op, dtypes, attrs, result):
    names = "abc"[: len(dtypes)]
    params = ", ".join(f"const {DTYPE[d].c} *restrict {n}" for n, d in zip(names, dtypes))
    loads = "".join(f"        const {DTYPE[d].c} v{n} = {n}[i];\n" for n, d in zip(names, dtypes))
    text = c_text(op, dtypes, attrs)[0].format(*(f"v{n}" for n in names))
    return (
        f"void f{k}({params}, {DTYPE[result].c} *restrict out, int64_t n) {{\n    #pragma omp simd\n    "
        f"for (int64_t i = 0; i < n; i++) {{\n"
        f"{loads}        out[i] = {text};\n    }}\n}}\n"
    )


def compiled(folder, flags, loops):
    declared, libraries = prototypes()
    source, library = folder / "ops.c", folder / "ops.so"
    source.write_text(f"#include <stdint.h>\n#include <math.h>\n{declared}\n{helpers(loops)}\n{loops}")
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", "-o", library, source, *libraries, "-lm"], check=True)
    return ctypes.CDLL(str(library))


def build(folder, flags, extra=""):
    return compiled(folder, flags, extra + "".join(loop(k, *case) for k, case in enumerate(CASES)))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("ops"), FLAGS)


def run(library, k, arrays, result):
    out = np.empty(len(arrays[0]), result)
    function = library[f"f{k}"]
    function.argtypes = [ctypes.c_void_p] * (len(arrays) + 1) + [ctypes.c_int64]
    function(*(a.ctypes.data for a in arrays), out.ctypes.data, len(out))
    return out


@pytest.mark.parametrize("name", sorted({op.name for op, *_ in CASES}))
def test_scalar_op_c_is_numpy(library, name):
    """As exact as the op's record says, for every dtype tuple the rule admits."""
    for k, (op, dtypes, attrs, result) in enumerate(CASES):
        if op.name != name:
            continue
        arrays = grid(dtypes)
        wanted = reference(op, attrs, arrays)
        assert wanted.dtype == result, (dtypes, attrs)
        try:
            check(op, attrs, arrays, run(library, k, arrays, result), wanted)
        except AssertionError as failure:
            pytest.fail(f"{failure}\n{c_text(op, dtypes, attrs)}", pytrace=False)


UNDEFINED = ["-std=gnu99", "-O1", "-fsanitize=undefined,float-cast-overflow"]
PLANTED = "int32_t planted(int32_t a) { return a + 1; }\n"


def test_scalar_ops_have_no_undefined_behaviour(tmp_path, capfd):
    """Integers and casts without -fwrapv, under the sanitizer (one planted overflow shows that it works)."""
    sanitized = build(tmp_path, UNDEFINED, PLANTED)
    for k, (_, dtypes, _, result) in enumerate(CASES):
        run(sanitized, k, grid(dtypes), result)
    assert "runtime error" not in capfd.readouterr().err
    sanitized.planted(2**31 - 1)
    assert "signed integer overflow" in capfd.readouterr().err


# -- numbers in the text --------------------------------------------------------------------------------


def constants(dtype):
    """One of each class of numbers that a program may hold."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype.startswith("float"):
        info = np.finfo(dtype)
        plain = 0.0, -0.0, 1.0, -1.0, 0.1, -2.5, -3e9
        return np.array([np.nan, np.inf, -np.inf, *plain, info.max, -info.tiny / 2], dtype)
    info = np.iinfo(dtype)
    numbers = 0, 1, -1, 5, -3, info.min, info.max, info.min // 2 - 1
    return np.array([v for v in numbers if info.min <= v <= info.max], dtype)


def fixed(dtypes):
    """(place, number) for each operand and constant."""
    return [(place, v) for place, d in enumerate(dtypes) for v in constants(d)]


def held(k, op, dtypes, attrs, result):
    """A C function: row r of ``out`` is the op with number r of ``fixed`` for an operand."""
    names = "abc"[: len(dtypes)]
    params = ", ".join(f"const {DTYPE[d].c} *{n}" for n, d in zip(names, dtypes))
    loads = "".join(f"        const {DTYPE[d].c} v{n} = {n}[i];\n" for n, d in zip(names, dtypes))
    rows = []
    for row, (place, v) in enumerate(fixed(dtypes)):
        operands = [f"v{n}" for n in names]
        operands[place] = immediate(v.item(), dtypes[place])
        rows.append(f"        out[{row} * n + i] = {c_text(op, dtypes, attrs)[0].format(*operands)};\n")
    head = (
        f"void f{k}({params}, {DTYPE[result].c} *out, int64_t n) {{\n    for (int64_t i = 0; i < n; i++) {{\n"
    )
    return f"{head}{loads}{''.join(rows)}    }}\n}}\n"


def test_numbers_in_the_text_of_an_op_are_its_operands(tmp_path):
    """Every class of constant in the place of every operand of every op: it compiles and means the same."""
    text = "".join(held(k, *case) for k, case in enumerate(CASES))
    library = compiled(tmp_path, ["-std=gnu99", "-O0"], text)
    for k, (op, dtypes, attrs, result) in enumerate(CASES):
        axes = np.meshgrid(*(constants(d) for d in dtypes), indexing="ij")
        arrays = [np.ascontiguousarray(a.ravel()) for a in axes]
        rows = fixed(dtypes)
        got = np.empty((len(rows), len(arrays[0])), result)
        function = library[f"f{k}"]
        function.argtypes = [ctypes.c_void_p] * (len(arrays) + 1) + [ctypes.c_int64]
        function(*(a.ctypes.data for a in arrays), got.ctypes.data, len(arrays[0]))
        for (place, v), out in zip(rows, got):
            operands = [np.full_like(a, v) if n == place else a for n, a in enumerate(arrays)]
            wanted = op.eval(attrs, (), *operands)
            try:
                check(op, attrs, operands, out, wanted)
            except AssertionError as failure:
                case = f"{op.name} {dtypes} {attrs} with {v!r} in place {place}"
                pytest.fail(f"{case}: {failure}\n{c_text(op, dtypes, attrs)}", pytrace=False)
