"""Dtypes of expressions under both floatX settings: what was decided, Theano's table, NumPy's promotion."""

import itertools
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import tgen.tensor as T
from tgen.config import config
from tgen.core.dtypes import DTYPE, DTYPES, is_float, is_int, is_unsigned

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", DTYPES)
def test_the_record_of_a_dtype_says_what_numpy_says(name):
    d, numpy = DTYPE[name], np.dtype(name)
    assert (d.name, d.kind, d.bytes) == (numpy.name, numpy.kind, numpy.itemsize)
    assert type(numpy.type(0).item()) is d.python
    assert (is_float(name), is_int(name)) == (numpy.kind == "f", numpy.kind in "iu")
    assert is_unsigned(name) == (numpy.kind == "u")
    top = numpy.type(2**d.exact) if d.kind == "f" else numpy.type(d.high)
    assert int(top) == (2**d.exact if d.kind == "f" else d.high)
    if d.kind == "f":
        assert top + numpy.type(1) == top and d.exact == np.finfo(numpy).nmant + 1
        assert d.low == -np.inf and d.high == np.inf
    elif d.kind != "b":
        assert (d.low, d.high) == (np.iinfo(numpy).min, np.iinfo(numpy).max)
        assert d.high == 2**d.exact - 1
    assert np.sum(np.ones(2, numpy), dtype=d.accumulator) == 2
    assert np.result_type(numpy, d.accumulator) == d.accumulator
    assert np.sin(np.ones(1, numpy)).dtype.itemsize <= np.dtype(d.floats).itemsize


def test_only_the_records_take_the_name_of_a_dtype_apart():
    """A dtype's kind, width and C are fields: whoever reads them off the name knows no new dtype."""
    apart = re.compile(
        r"""(startswith|endswith|strip|split)\(\(?["'](bool|u?int|float|32|64)["'0-9]|dtype\[[0-9:-]+\]"""
        r"""|in \(["']float32["'], ["']float64["']\)|["']_t["']"""
    )
    found = [
        f"{path.relative_to(ROOT)}:{k}: {line.strip()}"
        for path in sorted((ROOT / "tgen").rglob("*.py"))
        if path.name != "dtypes.py"
        for k, line in enumerate(path.read_text().splitlines(), 1)
        if apart.search(line)
    ]
    assert not found, "\n".join(found)


FLOATX = ("float64", "float32")
WEAK_WITH_FLOAT32 = {  # each gives float32, whatever floatX is
    "constant": lambda f, i: T.constant(1) - f,
    "one less a test": lambda f, i: (1 - T.eq(i, 0)) * f,
    "switch of ints": lambda f, i: T.switch(f > 0, 1, 0) * f,
    "switch of floats": lambda f, i: T.switch(i > 0, 1.0, -1.0) * f,
    "bool times int": lambda f, i: (f > 0) * 1 * f,
    "alloc of an int": lambda f, i: T.alloc(0, 3) + f,
    "alloc of a float": lambda f, i: T.alloc(0.0, 3) + f,
    "sqrt": lambda f, i: T.sqrt(2) * f,
    "log": lambda f, i: T.log(2) * f,
    "abs": lambda f, i: T.abs_(-1) * f,
    "stack": lambda f, i: T.stack([1, 2]) * f,
    "as_tensor int": lambda f, i: T.as_tensor_variable(2) * f,
    "as_tensor float": lambda f, i: T.as_tensor_variable(0.1) * f,
    "plus float": lambda f, i: f + 0.1,
    "fill": lambda f, i: T.fill(f, 0.1),
    "concatenate": lambda f, i: T.concatenate([f, T.stack([1, 2.5])]),
    "maximum": lambda f, i: T.maximum(f, 0),
    "clip": lambda f, i: T.clip(f, 0, 1.5),
    "mean": lambda f, i: T.mean(f),
    "var": lambda f, i: T.var(f),
    "relu": lambda f, i: T.nnet.relu(f, 0.1),
    "dot with weak": lambda f, i: T.dot(f, T.alloc(0.0, 3)),
    "power": lambda f, i: f**2 + 2**f,
    "bool constant": lambda f, i: f * T.constant(True),
    "reflected": lambda f, i: (1 - f) / 2 // 3 % 4,
}


@pytest.mark.parametrize("floatX", FLOATX)
@pytest.mark.parametrize("name", WEAK_WITH_FLOAT32)
def test_python_numbers_take_float32(name, floatX):
    with config.change_flags(floatX=floatX):
        assert WEAK_WITH_FLOAT32[name](T.fvector(), T.ivector()).dtype == "float32"


TABLE = [  # expression, dtype under floatX=float64, under float32
    (lambda: T.ivector() * 0.5, "float64", "float64"),
    (lambda: T.lvector() * 0.5, "float64", "float64"),
    (lambda: T.bvector() * 1.5, "float32", "float32"),
    (lambda: T.fvector() * np.float64(2.5), "float64", "float64"),
    (lambda: T.fvector() * np.ones(3), "float64", "float64"),
    (lambda: T.ivector() / 2, "float64", "float32"),
    (lambda: T.ivector() / T.ivector(), "float64", "float32"),
    (lambda: T.bvector() / T.bvector(), "float64", "float32"),
    (lambda: T.mean(T.ivector()), "float64", "float64"),
    (lambda: T.mean(T.eq(T.ivector(), 1)), "float64", "float64"),
    (lambda: T.sqrt(T.ivector()), "float64", "float64"),
    (lambda: T.exp(T.bvector()), "float32", "float32"),
    (lambda: T.fvector() * T.ivector(), "float64", "float64"),
    (lambda: T.fvector() * T.bvector(), "float32", "float32"),
    (lambda: T.fvector() * T.wvector(), "float32", "float32"),
    (lambda: T.fvector() / T.fvector().shape[0], "float64", "float64"),
    (lambda: T.arange(3.0), "float64", "float32"),
    (lambda: T.arange(3), "int64", "int64"),
    (lambda: T.arange(T.iscalar()), "int64", "int64"),
    (lambda: T.matrix(), "float64", "float32"),
    (lambda: T.scalar(), "float64", "float32"),
    (lambda: T.zeros((2,)), "float64", "float32"),
    (lambda: T.eye(2), "float64", "float32"),
    (lambda: T.cast(T.ivector(), "floatX"), "float64", "float32"),
    (lambda: T.constant(1.1), "float64", "float32"),
    (lambda: T.constant(2), "int64", "int64"),
    (lambda: T.zeros_like(T.ivector()), "int32", "int32"),
    (lambda: T.alloc(np.float32(0), 2), "float32", "float32"),
    (lambda: T.alloc(0.0, 2), "float64", "float32"),
    (lambda: T.sqrt(2), "float64", "float32"),
    (lambda: T.eq(T.ivector(), 0) * 0.5, "float64", "float32"),
    (lambda: T.bvector() + 1, "int8", "int8"),
    (lambda: T.ivector() * T.fvector(), "float64", "float64"),
    (lambda: T.wvector() * T.fvector(), "float32", "float32"),
    (lambda: T.lvector() // T.lvector(), "int64", "int64"),
    (lambda: T.ivector() ** 2, "int32", "int32"),
    (lambda: T.ivector() ** 0.5, "float64", "float64"),
    (lambda: T.fvector() ** 2, "float32", "float32"),
    (lambda: T.sum(T.ivector()), "int64", "int64"),
    (lambda: T.sum(T.bvector()), "int64", "int64"),
    (lambda: T.sum(T.ubvector()), "uint64", "uint64"),
    (lambda: T.prod(T.neq(T.ivector(), 1)), "int64", "int64"),
    (lambda: T.cumsum(T.neq(T.ivector(), 1)), "int64", "int64"),
    (lambda: T.sum(T.fvector()), "float32", "float32"),
    (lambda: T.max(T.bvector()), "int8", "int8"),
    (lambda: T.argmax(T.fvector()), "int64", "int64"),
    (lambda: T.neq(T.ivector(), 1), "bool", "bool"),
    (lambda: T.dot(T.imatrix(), T.fmatrix()), "float64", "float64"),
    (lambda: T.dot(T.imatrix(), T.imatrix()), "int32", "int32"),
    (lambda: T.nnet.softmax(T.ivector()), "float64", "float32"),
]


@pytest.mark.parametrize("floatX", FLOATX)
@pytest.mark.parametrize("row", range(len(TABLE)))
def test_table(row, floatX):
    make, *expected = TABLE[row]
    with config.change_flags(floatX=floatX):
        assert make().dtype == expected[FLOATX.index(floatX)]


@pytest.mark.parametrize("a, b", list(itertools.combinations_with_replacement(DTYPES, 2)))
def test_strong_operands_promote_as_numpy(a, b):
    x, y = T.tensor(a, (None,)), T.tensor(b, (None,))
    assert (
        (x * y).dtype == T.concatenate([x, y]).dtype == T.switch(x, x, y).dtype == str(np.result_type(a, b))
    )
    assert T.eq(x, y).dtype == "bool"


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "bool"])
def test_a_python_int_takes_the_dtype_it_fits_and_no_other(dtype):
    x = T.tensor(dtype, (None,))
    assert (x + 1).dtype == (2 * x).dtype == T.maximum(x, T.constant(True)).dtype == dtype
    if dtype.startswith("float"):
        assert (x + 10**6).dtype == dtype
        return
    limits = np.iinfo(dtype)
    assert (x + int(min(limits.max, 2**63 - 1))).dtype == dtype
    if limits.max < 2**62:
        with pytest.raises(OverflowError, match=f"{limits.max + 1} does not fit {dtype}.*test_dtypes.py"):
            x + (limits.max + 1)
    if limits.min == 0:
        with pytest.raises(OverflowError, match="-1 does not fit"):
            x + -1


@pytest.mark.parametrize(
    "dtype, expected",
    [
        ("int8", "float32"),
        ("uint16", "float32"),
        ("int32", "float64"),
        ("uint64", "float64"),
        ("bool", "float32"),
        ("float32", "float32"),
    ],
)
@pytest.mark.parametrize("name", ["exp", "sqrt", "tanh", "sigmoid", "arctan2"])
def test_float_functions_of_ints(name, dtype, expected):
    x = T.tensor(dtype, (None,))
    assert getattr(T, name)(*[x] * (2 if name == "arctan2" else 1)).dtype == expected


def test_bool_has_no_minus():
    b = T.eq(T.ivector(), 1)
    for wrong in (lambda: b - b, lambda: T.constant(True) - b):
        with pytest.raises(TypeError, match="logical_xor"):
            wrong()
    with pytest.raises(TypeError, match="invert"):
        -b
    assert (~b).dtype == (b ^ b).dtype == (b & T.constant(True)).dtype == "bool"
    assert (1 - b).dtype == "int64"


def test_an_exact_constant_in_the_wider_dtype():
    with config.change_flags(floatX="float32"):
        assert (T.dvector() * T.as_tensor_variable(0.1)).owner.inputs[1].owner.inputs[0].data == 0.1


@pytest.mark.parametrize(
    "value", ["text", None, 1j, object(), np.ma.masked_array([1, 2], [0, 1]), np.array(["a"]), np.float16(1)]
)
def test_what_holds_no_numbers_is_refused(value):
    with pytest.raises(TypeError):
        T.as_tensor_variable(value)


def test_casts():
    x = T.fvector("x")
    assert T.cast(x, "float32") is x
    assert (
        x.astype(np.int8).dtype == "int8"
        and x.astype(float).dtype == "float64"
        and x.astype("bool").dtype == "bool"
    )
    assert (T.cast(2, "int8") * T.bvector()).dtype == "int8" and T.cast(0.5, "float64").data == 0.5
    assert (T.cast(T.alloc(0.0, 3), "float64") * x).dtype == "float64"  # a cast is strong


def test_no_numpy_warnings_while_building():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (T.fvector() / 0 + np.float32(np.inf)) ** -1
