"""OPS swept: the C text of every scalar op, compiled, against its NumPy meaning over special values and every
dtype it takes.
"""

import ctypes
import itertools
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tgen.ops
from tgen.codegen.names import immediate
from tgen.core.dtypes import DTYPE, DTYPES
from tgen.core.op import OPS, SCALAR
from tgen.ops.declare import LIBM, c_text

assert tgen.ops
HELPERS = Path(__file__).parent.parent / "templates" / "lib" / "scalar.c.j2"
LIBM_OPS = {
    "pow",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "arctan2",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "arccosh",
    "arctanh",
    "erf",
    "erfc",
    "sigmoid",
    "softplus",
    "logaddexp",
}
# its result may be near 0 where no operand is: its digits are counted in those of the operands
CANCELLING = {"logaddexp"}
# which of -0.0 and 0.0 comes out is unspecified in NumPy too
ZERO_SIGN_FREE = {"minimum", "maximum", "clip"}
ATTRS = {
    "cast": [{"dtype": d} for d in DTYPES],
    "grad_clip": [{"lo": -1.0, "hi": 1.0}],
    "grad_scale": [{"factor": 2.0}],
}
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


def admitted(op):
    """Every tuple of operand dtypes that the op's rule leaves as it is, with attrs."""
    for attrs in ATTRS.get(op.name, [{}]):
        for dtypes in itertools.product(DTYPES, repeat=op.arity):
            try:
                operands, result = op.rule(dtypes, attrs)
            except TypeError:
                continue
            if tuple(operands) == dtypes:
                yield dtypes, attrs, result


CASES = [
    (op, dtypes, attrs, result)
    for op in OPS.values()
    if op.kind == SCALAR
    for dtypes, attrs, result in admitted(op)
]


def helpers(text):
    """The helper functions ``text`` needs, callees first."""
    parts = dict(re.findall(r"^//: (\w+)\n(.*?)(?=^//: |\Z)", HELPERS.read_text(), re.M | re.S))
    needed, stack = {}, re.findall(r"tgen_\w+", text)
    while stack:
        name = stack.pop()
        if name in needed or name not in parts:
            continue
        needed[name] = parts[name]
        stack += re.findall(r"tgen_\w+", parts[name])
    return "".join(body for name, body in parts.items() if name in needed)


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
    text = c_text(op, dtypes, attrs).format(*(f"v{n}" for n in names))
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


def special(dtype):
    if dtype == "bool":
        return np.array([False, True])
    if dtype.startswith("float"):
        info = np.finfo(dtype)
        half = [
            0,
            1,
            np.inf,
            info.smallest_subnormal,
            info.tiny,
            info.max,
            info.eps,
            0.5,
            1.5,
            2,
            2.5,
            3,
            7,
            0.1,
            0.9999,
            20,
            88.5,
            300,
            700,
            7e4,
            2.0**31 - 1,
            2.0**31,
            2.0**32,
            2.0**62,
            2.0**63,
            2.0**64,
            1e10,
            1e30,
        ]
        return np.array([np.nan, *half, *(-v for v in half)], dtype)
    info = np.iinfo(dtype)
    values = {
        0,
        1,
        -1,
        2,
        -2,
        3,
        -3,
        7,
        -7,
        8,
        16,
        31,
        32,
        63,
        64,
        65,
        100,
        info.min,
        info.min + 1,
        info.max,
        info.max - 1,
        info.bits,
        info.bits - 1,
    }
    return np.array(sorted(v for v in values if info.min <= v <= info.max), dtype)


def grid(dtypes):
    """All tuples of special values; for three operands every seventh. The length is no multiple of a
    vector's.
    """
    columns = np.meshgrid(*(special(d) for d in dtypes), indexing="ij")
    step = 7 if len(dtypes) == 3 else 1
    return [np.ascontiguousarray(c.ravel()[::step]) for c in columns]


def ordinal(x):
    """Floats as integers in order, so that a difference counts ULPs."""
    bits = x.view("int32" if x.dtype == "float32" else "int64").astype("int64")
    lowest = -(2**31) if x.dtype == "float32" else np.iinfo("int64").min
    return np.where(bits < 0, lowest - bits, bits).astype(object)


def reference(op, attrs, arrays):
    """The result in long double, rounded once; erf and erfc have no such twin, but float64 serves float32.

    Infinite operands stay in their dtype: glibc's powl(-inf, -2**63) is inf.
    """
    wide = "float64" if op.name in ("erf", "erfc") else "longdouble"
    infinite = np.any([np.isinf(a) for a in arrays], axis=0)
    with np.errstate(all="ignore"):
        exact = op.eval(attrs, (), *(a.astype(wide) for a in arrays)).astype(arrays[0].dtype)
        return np.where(infinite, op.eval(attrs, (), *arrays), exact)


def run(library, k, arrays, result):
    out = np.empty(len(arrays[0]), result)
    function = library[f"f{k}"]
    function.argtypes = [ctypes.c_void_p] * (len(arrays) + 1) + [ctypes.c_int64]
    function(*(a.ctypes.data for a in arrays), out.ctypes.data, len(out))
    return out


def check_same(op, got, want, arrays):
    """Bitwise, but for the payload of nan and the signs of zeros that NumPy leaves open."""
    equal = got == want
    if got.dtype.kind == "f":
        equal |= np.isnan(got) & np.isnan(want)
        if op.name not in ZERO_SIGN_FREE:
            equal &= np.isnan(want) | (np.signbit(got) == np.signbit(want))
    show(equal, got, want, arrays)


def check_close(op, got, exact, arrays):
    """Within 4 ULP of the true result; nan, inf and the signs of zeros are its own."""
    nan = np.isnan(exact)
    fine = (np.isnan(got) == nan) & (
        nan | ((np.isinf(exact) == np.isinf(got)) & ((exact != 0) | (np.signbit(got) == np.signbit(exact))))
    )
    distance = np.abs(
        ordinal(np.where(nan, 0, got).astype(got.dtype)) - ordinal(np.where(nan, 0, exact).astype(got.dtype))
    )
    close = distance <= 4
    if op.name in CANCELLING:
        with np.errstate(all="ignore"):
            scale = np.spacing(np.max(np.abs(arrays), axis=0))
            close = close.astype(bool) | (np.abs(got - exact) <= 4 * scale)
    show(fine & close, got, exact, arrays)


def show(fine, got, want, arrays):
    if not fine.all():
        bad = np.flatnonzero(~fine)[:12]
        lines = [f"{[a[i] for a in arrays]}: C {got[i]!r}, NumPy {want[i]!r}" for i in bad]
        pytest.fail(f"{(~fine).sum()} of {len(fine)} differ\n" + "\n".join(lines), pytrace=False)


@pytest.mark.parametrize("name", sorted({op.name for op, *_ in CASES}))
def test_scalar_op_c_is_numpy(library, name):
    """Exact, or within 4 ULP for what libm computes, for every dtype tuple the rule admits."""
    for k, (op, dtypes, attrs, result) in enumerate(CASES):
        if op.name != name:
            continue
        arrays = grid(dtypes)
        want = op.eval(attrs, (), *arrays)
        assert want.dtype == result, (dtypes, attrs)
        got = run(library, k, arrays, result)
        try:
            if name in LIBM_OPS and want.dtype.kind == "f":
                check_close(op, got, reference(op, attrs, arrays), arrays)
            else:
                check_same(op, got, want, arrays)
        except pytest.fail.Exception as failure:
            pytest.fail(f"{name} {dtypes} {attrs}: {failure}\n{c_text(op, dtypes, attrs)}", pytrace=False)


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
        rows.append(f"        out[{row} * n + i] = {c_text(op, dtypes, attrs).format(*operands)};\n")
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
            want = op.eval(attrs, (), *operands)
            try:
                check = check_close if op.name in LIBM_OPS and want.dtype.kind == "f" else check_same
                check(op, out, want, operands)
            except pytest.fail.Exception as failure:
                case = f"{op.name} {dtypes} {attrs} with {v!r} in place {place}"
                pytest.fail(f"{case}: {failure}\n{c_text(op, dtypes, attrs)}", pytrace=False)
