"""Sums keep their digits: float32 is accumulated in float64 along every axis, unless acc_dtype says
otherwise.
"""

import numpy as np
import pytest
from compiled import agree, in_parts
from special import same_bits

import tgen
import tgen.tensor as T
from tgen.core.op import OPS
from tgen.core.types import TensorType
from tgen.ir.text import parse, to_text
from tgen.ir.verify import VerifyError, verify

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's about the mean of nothing
]
RNG = np.random.default_rng(3)
x, v = T.fmatrix("x"), T.fvector("v")
SPECIAL = np.array(
    [[1e8, np.inf, 3e38, np.nan], [1.0, 1.0, 3e38, 1.0], [-1e8, np.inf, -3e38, 0.0], [0.5, -1.0, 1e-45, 2.0]],
    "f",
)


def made(expression, *values):
    """``expression`` of x or of v, at a value of its rank."""
    return tgen.function([x if values[0].ndim == 2 else v], expression)(*values)


def wide(function):
    """``function`` of the array in float64, rounded once."""

    def reference(array, **kw):
        with np.errstate(all="ignore"):
            return np.asarray(function(array.astype("d"), **kw)).astype("f")

    return reference


REFERENCES = {  # name: (the function here, NumPy's)
    "sum": (T.sum, np.sum),
    "prod": (T.prod, np.prod),
    "mean": (T.mean, np.mean),
    "var": (T.var, np.var),
    "std": (T.std, np.std),
    "norm 1": (lambda a, **kw: a.norm(1, **kw), lambda a, axis: np.abs(a).sum(axis)),
    "norm 2": (lambda a, **kw: a.norm(2, **kw), lambda a, axis: np.sqrt((a**2).sum(axis))),
    "norm 3": (lambda a, **kw: a.norm(3, **kw), lambda a, axis: (np.abs(a) ** 3).sum(axis) ** (1 / 3)),
    "cumsum": (T.cumsum, np.cumsum),
    "cumprod": (T.cumprod, np.cumprod),
}


def near(got, wanted, ulps):
    """Equal, but for some units in the last place."""
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    with np.errstate(all="ignore"):
        same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
        return bool((same | (np.abs(got - wanted) <= ulps * np.spacing(np.abs(wanted)))).all())


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("axis", [0, 1, None])
def test_float32_is_accumulated_in_float64_and_rounded_once(name, axis):
    here, reference = REFERENCES[name]
    f = tgen.function([x], here(x, axis=axis))
    arrays = [
        SPECIAL,
        SPECIAL.T.copy(),
        RNG.normal(size=(37, 150)),
        RNG.normal(size=(700, 9)) + 1e3,
        np.full((5000, 3), 0.1),
        np.ones((0, 2)),
    ]
    for array in arrays:
        array = array.astype("f")
        wanted = wide(reference)(array, axis=axis)
        assert near(f(array), wanted, 1)
        assert near(f(np.asfortranarray(array)), wanted, 1)


def test_the_examples():
    assert made(v.sum(), np.array([1e8, 1, -1e8], "f")) == 1
    assert made(v.norm(2), np.array([3e30, 4e30], "f")) == np.float32(5e30)
    assert made(v.std(), np.array([3e30, -3e30], "f")) == np.float32(3e30)
    assert made(v.mean(), np.array([3e38, 3e38], "f")) == np.float32(3e38)
    assert made(v.sum(), np.array([3e38, 3e38], "f")) == np.inf
    assert same_bits(made(v.cumsum(), np.array([1e8, 1, -1e8, 3], "f")), np.array([1e8, 1e8, 1, 4], "f"))
    array = RNG.normal(size=(1_000_000, 8)).astype("f") + 3
    wanted = array.astype("d").var(0)
    assert np.abs(made(x.var(0), array) / wanted - 1).max() < 1e-7
    assert (made(x.sum(0), np.ones((20_000_000, 1), "f")) == 2e7).all() and made(
        v.sum(), np.ones(20_000_000, "f")
    ) == 2e7


# Theano 1.0.5: which accumulators it takes, and the dtype of a sum
TAKEN = {
    "float32": "float32 float64",
    "float64": "float64",
    "int8": "float32 float64 int64 int8",
    "int64": "float32 float64 int64",
    "bool": "float32 float64 int64 int8",
    "uint8": "float32 float64 int64",
}
SUMS = {
    "float32": "float32",
    "float64": "float64",
    "int8": "int64",
    "int64": "int64",
    "bool": "int64",
    "uint8": "uint64",
}


@pytest.mark.parametrize("dtype", TAKEN)
def test_dtypes_and_accumulators_are_theanos(dtype):
    a = TensorType(dtype, (None, None))("a")
    for acc in ("float32", "float64", "int64", "int8"):
        for result in (None, "float32", "float64", "int32"):
            for name in ("sum", "prod", "mean"):
                if acc not in TAKEN[dtype].split():
                    with pytest.raises(TypeError, match="precision would be lost"):
                        getattr(T, name)(a, axis=0, dtype=result, acc_dtype=acc)
                    continue
                floats = result if result != "int32" else "float64"
                wanted = (
                    result or SUMS[dtype]
                    if name != "mean"
                    else floats or ("float64" if dtype != "float32" else dtype)
                )
                assert getattr(T, name)(a, axis=0, dtype=result, acc_dtype=acc).dtype == wanted


def test_an_accumulator_that_is_asked_for_is_used():
    lost, array = np.float32(2**24), np.array([2**24, 1, 1, 1], "f")
    assert made(v.sum(), array) == lost + 4 and made(v.sum(acc_dtype="float32"), array) == lost
    assert (
        made(v.sum(dtype="float64"), array) == 2**24 + 3
        and made(v.sum(dtype="int32"), np.array([1.75, 1.75], "f")) == 3
    )
    assert (
        made(v.mean(acc_dtype="float32"), array) == lost / 4
        and made(v.mean(dtype="int32"), np.array([1.75, 2.0], "f")) == 1.5
    )
    k = T.bvector("k")
    f = tgen.function(
        [k],
        [
            k.sum(acc_dtype="int8"),
            k.sum(dtype="int8"),
            k.sum(acc_dtype="float32"),
            k.mean(acc_dtype="float32"),
        ],
    )
    assert [z.item() for z in f(np.array([100, 100], "int8"))] == [-56, -56, 200, 100.0]
    assert tgen.pp(v.sum()) == "Sum{axes=(0,), acc_dtype=float64}(v)"


def programs():
    """What a kernel does with sums: several in one, beside maps, of rows that stay, over neighbouring and
    other axes.
    """
    t = T.ftensor4("t")
    e = T.exp(x - x.max(1, keepdims=True))
    yield [x], [x.sum(0), (x * 2).sum(0), x.max(0), T.tanh(x)], (33, 70)
    yield [x], [(e / e.sum(1, keepdims=True)).sum(), e.sum(1), x.var(1)], (33, 70)
    yield (
        [x],
        [(x - x.mean(1, keepdims=True)).sum(), x.mean(), x.std(), x.sum(dtype="float64"), x.prod(0)],
        (5, 3),
    )
    rows = -(x * T.exp(x)).sum(1)
    yield [x], [rows.mean(), T.tanh(rows).sum(), T.grad(rows.mean(), x)], (5, 7)
    for axes in ((0,), (1,), (2,), (0, 2), (0, 2, 3), (1, 3), (0, 1), (1, 2), (0, 1, 2, 3)):
        yield [t], [t.sum(axes), T.sqr(t).mean(axes), t.max(axes)], (3, 5, 4, 7)
    yield [t], [t.sum((0, 2), acc_dtype="float32"), t.sum((0, 2), dtype="float64"), t.argmax(0)], (3, 5, 4, 7)
    yield [x], [f(x, axis) for f in (T.sum, T.mean, T.var) for axis in (0, 1, None)], (0, 3)
    yield [x], [T.cumsum(x, axis) for axis in (0, 1, None)] + [T.cumprod(x, 0)], (300, 290)


@pytest.mark.parametrize("row", range(len(list(programs()))))
def test_kernels_agree_with_the_interpreter(row):
    inputs, outputs, shape = list(programs())[row]
    array = RNG.normal(size=shape).astype("f")
    agree(inputs, outputs, [array])
    with in_parts():
        agree(inputs, outputs, [array], modes=("FAST_RUN",))


def test_the_bits_do_not_depend_on_threads():
    outputs = [f(x * 1.1, axis) for f in (T.sum, T.mean, T.var) for axis in (0, 1, None)]
    for shape in ((4, 3000), (3000, 4), (700, 500)):
        array = RNG.normal(size=shape).astype("f")
        results = []
        for threads in (1, 2, 5):
            with in_parts(threads):
                results.append(tgen.function([x], outputs)(array))
        assert all(same_bits(a, b) for other in results[1:] for a, b in zip(results[0], other))


@pytest.mark.parametrize(
    "shape", [(1_000_003,), (300_000, 3), (3, 300_000), (2, 100_000, 5), (1000, 1000), (700,)]
)
@pytest.mark.parametrize("dtype, acc", [("float32", None), ("float32", "float32"), ("float64", None)])
def test_no_sum_is_worse_than_8_times_numpys(shape, dtype, acc):
    """Of equal numbers, whose errors have one sign, too; NumPy's may be off by a unit in the last place at
    least.
    """
    a = TensorType(dtype, (None,) * len(shape))("a")
    axes = [None, *range(len(shape))]
    f = tgen.function([a], [(a * 1).sum(axis, acc_dtype=acc) for axis in axes])
    alone = [tgen.function([a], a.sum(axis, acc_dtype=acc)) for axis in axes]
    for array in (np.full(shape, 0.1, dtype), np.full(shape, 1 / 3, dtype), RNG.random(shape).astype(dtype)):
        for given in (array, array[..., ::-1]):
            for axis, *results in zip(axes, f(given), (g(given) for g in alone)):
                wanted, theirs = given.astype(np.longdouble).sum(axis), given.sum(axis)
                allowed = 8 * np.maximum(np.abs(theirs - wanted), np.spacing(theirs))
                for got in results:
                    assert (np.abs(got - wanted) <= allowed).all(), (
                        axis,
                        np.max(np.abs(got - wanted) / allowed),
                    )


def test_gradients_add_up_in_float64():
    ones = np.ones((20_000, 1000), "f")
    b, c = T.fvector("b"), T.fscalar("c")
    f = tgen.function([x, b, c], T.grad((x + b).sum(), b)[:2], on_unused_input="ignore")
    assert (f(ones, ones[0], 0) == 20_000).all()
    assert tgen.function([x, c], T.grad((x + c).sum(), c), on_unused_input="ignore")(ones, 0) == 2e7
    forward = np.array([1e8, 1, -1e8], "f")
    assert tgen.function([v, c], T.grad((v * c).sum(), c))(forward, 1) == 1
    slopes = T.grad((v.cumsum() * forward).sum(), v)
    assert same_bits(
        tgen.function([v], slopes, on_unused_input="ignore")(forward), np.array([1, -1e8, -1e8], "f")
    )


SECOND = {
    "mean": lambda a: T.mean(a) ** 2,
    "var": T.var,
    "var ddof": lambda a: T.var(a, ddof=1),
    "std": T.std,
    "norm 2": lambda a: a.norm(2),
    "norm 3": lambda a: a.norm(3),
    "prod": T.prod,
    "sum": lambda a: T.sum(a**3),
    "cumsum": lambda a: (T.cumsum(a) ** 2).sum(),
}


@pytest.mark.parametrize("name", SECOND)
def test_gradients_are_right_to_second_order(name):
    d = T.dvector("d")
    array = np.array([0.5, -1.25, 2.0, 0.75])
    wanted = tgen.function([d], [T.grad(SECOND[name](d), d), T.hessian(SECOND[name](d), d)])(array)
    cost = SECOND[name](v)
    assert cost.dtype == "float32"
    for got, true in zip(
        tgen.function([v], [T.grad(cost, v), T.hessian(cost, v)])(array.astype("f")), wanted
    ):
        assert got.dtype == "float32" and np.abs(got - true).max() < 1e-6 * max(1, np.abs(true).max())


def test_the_accumulator_is_printed_read_and_verified():
    text = (
        "function (v0: float32[n0, n1]) {\n  v1: float32[n1] = sum v0 {acc='float64', axes=(0,)}\n"
        "  v2: float64[n1] = prod v0 {acc='float64', axes=(0,), dtype='float64'}\n"
        "  v3: float32[n1] = kernel [n0, n1] (x0: float32[] = v0[@0, @1]) sum(0) as float32 {\n"
        "    v4: float64[] = cast x0 {dtype='float64'}\n    yield v4\n  }\n  return v1, v2, v3\n}\n"
    )
    assert to_text(verify(parse(text))) == text
    for wrong in (
        text.replace("acc='float64', axes=(0,)}", "acc='float16', axes=(0,)}", 1),
        text.replace("acc='float64', axes=(0,), dtype", "axes=(0,), dtype"),
        text.replace("acc='float64', axes=(0,), dtype='float64'", "acc='int64', axes=(0,), dtype='int64'"),
        text.replace("as float32", "as int32"),
        text.replace("v1: float32", "v1: float64"),
    ):
        with pytest.raises((VerifyError, ValueError)):
            verify(parse(wrong))


def test_only_sums_are_wide():
    """Products, scatters and the inner sums of softmax stay in float32."""
    k, r = T.lvector("k"), T.nnet.softmax(x)
    outputs = [
        T.dot(x, x.T),
        r,
        T.nnet.logsoftmax(x),
        T.inc_subtensor(v[k], 1),
        T.grad(r[0, 0], x),
        T.batched_dot(x, x),
    ]
    assert "float64" not in tgen.function([x, v, k], outputs).inspect("final")
    assert OPS["sum"].infer([TensorType("float32", (None,))], {"axes": (0,)}, ())[0].dtype == "float32"
