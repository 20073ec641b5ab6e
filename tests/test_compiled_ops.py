"""Every scalar op and reduction, compiled, against its NumPy meaning: dtypes, layouts, special values."""

from itertools import combinations

import numpy as np
import pytest
from compiled import agree
from scalars import CASES, check, grid, reference, special
from special import same_bits

import tgen
import tgen.tensor as T
from tgen.core.op import OPS, REDUCE, SCALAR
from tgen.core.types import TensorType
from tgen.graph.nodes import apply_op

# -- scalar ops ----------------------------------------------------------------------------------------------

SWEEP = {}  # operand dtypes -> [(op, attrs)]
for _op, _dtypes, _attrs, _ in CASES:
    SWEEP.setdefault(_dtypes, []).append((_op, _attrs))


def matrices_of(arrays):
    """Arrays of rank 1 as matrices of seven columns, the first elements once more where the last row is
    short.
    """
    return [np.resize(a, (max(5, -(-a.size // 7)), 7)) for a in arrays]


def spaced(a):
    wide = np.zeros((a.shape[0] * 2, a.shape[1] * 3), a.dtype)
    wide[1::2, ::3] = a
    return wide[1::2, ::3]


LAYOUTS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "steps": spaced,
    "negative": lambda a: a[::-1, ::-1],
    "transposed": lambda a: a.T,
    "inner": lambda a: a[1:, 2:-1],
    "repeated row": lambda a: np.broadcast_to(a[3:4], a.shape),
    "repeated column": lambda a: np.broadcast_to(a[:, 2:3], a.shape),
    "one element": lambda a: a[:1, 1:2],
    "no rows": lambda a: a[:0],
    "no columns": lambda a: a[:, :0],
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


def fitting(op, operands, maximum):
    """The operands, those that may not be negative raised to 0."""
    return [
        maximum(x, 0) if k in op.naturals and str(x.dtype)[:3] == "int" else x for k, x in enumerate(operands)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("dtypes", SWEEP, ids="-".join)
def test_scalar_ops(dtypes):
    """All values, layouts and ranks 2 and 0; for one group of dtypes all ops are one function."""
    ops = SWEEP[dtypes]
    matrices = [TensorType(d, (None, None))() for d in dtypes]
    numbers = [TensorType(d)() for d in dtypes]
    outputs = [
        apply_op(op, fitting(op, args, T.maximum), attrs)[0]
        for args in (matrices, numbers)
        for op, attrs in ops
    ]
    f = tgen.function(matrices + numbers, outputs, on_unused_input="ignore")
    arrays = grid(dtypes)
    wanted = [reference(op, attrs, fitting(op, arrays, np.maximum)) for op, attrs in ops]
    arrays, wanted = matrices_of(arrays), matrices_of(wanted)
    for number, layout in enumerate(LAYOUTS.values()):
        given, place = [layout(a) for a in arrays], number * 5 % arrays[0].size
        scalars = [a.ravel()[place] for a in arrays]
        results = f(*given, *scalars)
        for (op, attrs), got, right in zip(ops, results, wanted):
            check(op, attrs, fitting(op, given, np.maximum), got, layout(right))
        for (op, attrs), got, right in zip(ops, results[len(ops) :], wanted):
            operands = fitting(op, [np.asarray(x) for x in scalars], np.maximum)
            check(op, attrs, operands, got, np.asarray(right.ravel()[place]))


BROADCASTS = (
    [(None, None), (1, None)],
    [(None, 1), (None, None)],
    [(1, None), (None, 1)],
    [(1, 1), (None, None)],
    [(None, None), (3, None)],
)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "int16", "bool"])
def test_scalar_ops_broadcast(dtype):
    rng = np.random.default_rng(0)
    ops = [(op, attrs) for op, attrs in SWEEP[dtype, dtype] if op.name not in ("pow", "arctan2")]
    for shapes in BROADCASTS:
        args = [TensorType(dtype, s)() for s in shapes]
        f = tgen.function(args, [apply_op(op, args, attrs)[0] for op, attrs in ops])
        for free in ((3, 5), (3, 1), (3, 0)):
            full = [tuple(n if s is None else s for s, n in zip(shape, free)) for shape in shapes]
            given = [special(dtype)[rng.integers(1, 3, s) % len(special(dtype))] for s in full]
            for (op, attrs), got in zip(ops, f(*given)):
                wide = list(np.broadcast_arrays(*given))
                check(op, attrs, wide, got, np.asarray(op.eval(attrs, (), *given)))


def test_sweep_is_whole():
    assert {op.name for op, *_ in CASES} == {op.name for op in OPS.values() if op.kind == SCALAR}


# -- reductions ----------------------------------------------------------------------------------------------

RNG = np.random.default_rng(7)
FULL = {1: (13,), 2: (4, 6), 3: (3, 4, 5)}


def reductions(x):
    """[(op, axes)] that x's dtype admits, over every combination of axes."""
    for op in OPS.values():
        for count in range(1, x.ndim + 1):
            for axes in combinations(range(x.ndim), count):
                try:
                    op.kind == REDUCE and op.infer([x.type], {"axes": axes}, ())
                except (TypeError, ValueError):
                    continue
                if op.kind == REDUCE:
                    yield op, axes


def contents(dtype, shape):
    """Arrays that show something: plain values, ties, NaN, infinities."""
    if dtype == "bool":
        return [RNG.random(shape) < 0.5, np.zeros(shape, bool), np.ones(shape, bool)]
    ties = RNG.integers(0, 3, shape).astype(dtype)
    if not dtype.startswith("float"):
        info = np.iinfo(dtype)
        return [
            ties,
            RNG.integers(info.min, info.max, shape, dtype, endpoint=True),
            np.full(shape, info.min, dtype),
            np.full(shape, info.max, dtype),
        ]
    plain = RNG.normal(size=shape).astype(dtype)
    nans, infinite = plain.copy(), plain.copy()
    nans.flat[[1, nans.size // 2, -1]] = np.nan
    infinite.flat[[0, 3]] = [np.inf, -np.inf]
    return [plain, ties, -ties, nans, infinite, np.full(shape, -np.inf, dtype), np.full(shape, np.nan, dtype)]


def reduced(op, axes, x):
    return np.asarray(op.eval({"axes": axes}, (), x))


def check_reduction(op, axes, x, got):
    wanted = reduced(op, axes, x)
    exact = wanted.dtype.kind != "f" or op.name in ("max", "min")
    if exact:
        assert (
            same_bits(got, wanted)
            or op.name in ("max", "min")
            and np.array_equal(got, wanted, equal_nan=True)
        ), f"{op} over {axes} of\n{x!r}\nis\n{got!r}\nwanted\n{wanted!r}"
        return
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    with np.errstate(all="ignore"):
        size = np.abs(x).sum(axis=axes) if op.name == "sum" else np.abs(wanted)
        near = np.abs(got - wanted) <= x.size * np.finfo(x.dtype).eps * size
    assert (near | np.isnan(got) & np.isnan(wanted) | (got == wanted)).all(), (
        f"{op} over {axes} of\n{x!r}\nis\n{got!r}\nwanted\n{wanted!r}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "uint8", "bool"])
def test_reductions(rank, dtype):
    x = TensorType(dtype, (None,) * rank)("x")
    wanted = list(reductions(x))
    f = tgen.function([x], [apply_op(op, [x], {"axes": axes})[0] for op, axes in wanted])
    turns = (
        lambda a: a,
        np.asfortranarray,
        lambda a: a[(slice(None, None, -1),) * rank],
        lambda a: a[..., ::2],
        lambda a: a[:1],
    )
    for array in contents(dtype, FULL[rank]):
        for turn in turns:
            given = turn(array)
            for (op, axes), got in zip(wanted, f(given)):
                check_reduction(op, axes, given, got)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_reductions_of_nothing(dtype):
    x = TensorType(dtype, (None,) * 3)("x")
    wanted = [(op, axes) for op, axes in reductions(x) if not op.nonempty]
    f = tgen.function([x], [apply_op(op, [x], {"axes": axes})[0] for op, axes in wanted])
    for shape in [(0, 3, 4), (2, 0, 4), (2, 3, 0), (0, 0, 2), (0, 0, 0)]:
        given = np.ones(shape, dtype)
        for (op, axes), got in zip(wanted, f(given)):
            assert same_bits(got, reduced(op, axes, given)), f"{op} over {axes} of {shape}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_extremes_of_nothing_are_refused(name):
    x = T.dmatrix("x")
    f = tgen.function([x], [apply_op(OPS[name], [x], {"axes": (1,)})[0], x.sum()])
    with pytest.raises(ValueError, match="zero-size.*x"):
        f(np.zeros((3, 0)))
    assert [r.shape for r in f(np.zeros((0, 3)))] == [(0,), ()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape, axes",
    [
        ((1 << 21,), (0,)),
        ((1 << 10, 1 << 11), (0, 1)),
        ((7, 1 << 18), (1,)),
        ((3, 5, 1 << 17), (2,)),
        ((4, 1 << 9, 1 << 9), (1, 2)),
    ],
)
def test_long_float32_sums_keep_their_digits(shape, axes):
    x = TensorType("float32", (None,) * len(shape))("x")
    f = tgen.function([x], [x.sum(axis=axes), (x * x).sum(axis=axes), x.sum(axis=axes) + x.max(axis=axes)])
    array = RNG.random(shape, "float32")
    count = np.prod([shape[a] for a in axes])
    for given in (array, np.asfortranarray(array), array[..., ::-1]):
        exact = given.astype("float64").sum(axis=axes)
        squares = np.square(given).astype("float64").sum(axis=axes)
        # NumPy adds blocks of 128 in eight lanes, then pairwise
        bound = 8 * (np.log2(count / 128) + 16) * 2.0**-24
        for got, true in zip(f(given), (exact, squares, exact + given.max(axis=axes))):
            assert (np.abs(got - true) <= bound * true).all()


# -- numbers in the C --------------------------------------------------------------------------------


@pytest.mark.slow
def test_numbers_in_a_kernel_are_variables_of_their_dtype():
    """A sign that meets a sign, and a count that only 64 bits can be shifted by; test_ops.py has every op."""
    v, i = T.fvector("v"), T.lvector("i")
    loss = -T.log(T.nnet.sigmoid(v))
    outputs = [
        T.grad(loss.sum(), v),
        T.neg(T.constant(np.float32(-1.5))) * v,
        T.constant(-0.0) - (-2.5 - v),
        T.right_shift(np.int64(5), i),
        T.right_shift(np.int64(-(2**31)), i),
        T.neg(np.int64(-(2**63))) + i,
    ]
    agree([v, i], outputs, [np.array([-2, 0, 3], "float32"), np.array([0, 33, 62])])
