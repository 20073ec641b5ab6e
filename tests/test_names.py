"""Names a user chose: they reach no C text and no key, and messages show them so that a terminal is safe."""

import random
import sys
from pathlib import Path

import jinja2
import numpy as np
import pytest
from compiled import c_text
from faults import figure, size

import tgen
import tgen.tensor as T
from tgen.codegen.render import render

HOSTILE = [
    '*/ system("rm") /*',
    "\n#include </etc/passwd>\n",
    "ends with \\",
    "??/",
    "\0",
    "a\0b",
    '"',
    "'",
    '"""',
    "%n%s%d",
    "{{7*7}}",
    "{% raw %}",
    "{% include 'x' %}",
    "{# #}",
    "int",
    "while",
    "restrict",
    "tgen_entry",
    "tgen_core",
    "main",
    "errno",
    "\ud800",
    "\u202eevil\u202c",
    "\u2066x\u2069",
    "\U0001f600",
    "\x1b[2J\x1b[31m",
    "\r",
    "\t",
    "\x07",
    "\x9b1m",
    "../../etc/passwd",
    "/dev/null",
    "C:\\nul",
    "$(reboot)",
    "`id`",
    ";",
    "#define x y",
    "//",
    "/*",
    "\u2028",
    "",
    "0",
    " ",
    "é",
    "ſ",
    "x" * (1 << 20),
]
PLAIN = "x"


def drawn(count):
    """More names, of letters from all over Unicode, always the same."""
    source = random.Random(1)
    return [
        "".join(chr(source.randrange(sys.maxunicode + 1)) for _ in range(source.randrange(1, 12)))
        for _ in range(count)
    ]


def program(name):
    """Inputs, outputs and updates in which everything that can have a name has this one."""
    x, i, w = T.dmatrix(name), T.lvector(name), tgen.shared(np.ones((2, 3)), name)
    y = T.nnet.softmax(x + w)
    y.name = name
    return [x, i], [y[i], x.sum()], [(w, w * y.sum())]


@pytest.fixture(scope="module")
def plain():
    return c_text(*program(PLAIN))


@pytest.mark.slow
@pytest.mark.parametrize("names", [HOSTILE, drawn(size(20, 460))], ids=["chosen", "drawn"])
def test_the_c_text_does_not_depend_on_names(plain, names):
    for name in names:
        assert c_text(*program(name)) == plain, repr(name[:50])
    figure(names=len(names))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name for name in HOSTILE if not name.isprintable()] + ["x" * (1 << 20)],
    ids=lambda name: ascii(name[:12]),
)
def test_messages_and_inspection_show_names_safely(name):
    inputs, outputs, updates = program(name)
    f = tgen.function(inputs, outputs, updates=updates, name=name)
    with pytest.raises((TypeError, ValueError)) as caught:
        f(np.ones(3), [0])
    for text in (str(caught.value), f.inspect("all")):
        assert len(text) < 100_000
        assert all(c == "\n" or c.isprintable() for c in text), [c for c in text if not c.isprintable()][:3]
    with pytest.raises(IndexError) as caught:
        f(np.ones((2, 3)), [7])
    assert all(c == "\n" or c.isprintable() for c in str(caught.value))


# -- what templates get --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int8", "uint8", "int16", "int32", "int64", "uint64"]
)
def test_constants_of_any_bits_are_exact(dtype):
    """Drawn bit patterns, and the extremes: the C holds the very bits that were given. NaN stays NaN."""
    drawn_bytes = np.random.default_rng(3).bytes(size(60, 300) * np.dtype(dtype).itemsize)
    values = np.frombuffer(drawn_bytes, dtype).copy()
    info = np.finfo(dtype) if dtype[0] == "f" else np.iinfo(dtype)
    extremes = [info.min, info.max, 0, 1]
    extremes += [-0.0, np.nan, np.inf, -np.inf, info.smallest_subnormal, info.tiny] if dtype[0] == "f" else []
    values[: len(extremes)] = np.array(extremes, dtype)
    condition, other = T.lscalar("c"), T.TensorType(dtype, ())("other")
    chosen = [T.switch(T.eq(condition, k), T.constant(value), other) for k, value in enumerate(values)]
    f = tgen.function([condition, other], T.stack(chosen))
    got = np.array([f(k, values[2])[k] for k in range(0, len(values), size(3, 1))])
    wanted = values[:: size(3, 1)]
    numbers = ~np.isnan(wanted) if dtype[0] == "f" else np.ones(len(wanted), bool)
    assert got[numbers].tobytes() == wanted[numbers].tobytes() and np.isnan(got[~numbers]).all()
    figure(constants=len(values))


def test_templates_are_files_and_undefined_names_are_errors():
    """No text becomes a template while a program runs, so none of the user's can."""
    for path in Path(tgen.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "from_string(" not in text and "Template(" not in text, path
    with pytest.raises(jinja2.UndefinedError, match="types"):
        render("lib/gemm.c.j2")
