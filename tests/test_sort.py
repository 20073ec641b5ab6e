"""Order primitives, compiled: every dtype, axis and layout against NumPy, ties and nan, zero sizes, gradients
at zeros, refusals.
"""

import numpy as np
import pytest
from compiled import agree
from special import same_bits
from test_grad import check_gradient, differences

import tgen
import tgen.tensor as T
from tgen.core.dtypes import DTYPES, is_float
from tgen.core.types import TensorType
from tgen.graph.build import apply

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(5)
SHAPES = [(0,), (1,), (8,), (9,), (200,), (5, 7), (20, 3), (0, 4), (4, 0), (2, 17, 3), (3, 1, 40)]
NUMBERS = [d for d in DTYPES if d != "bool"]


def draw(dtype, shape):
    """Few different values, so many ties; extremes, nan, both zeros and infinities among them."""
    pool = [0, 1, 2, 3, 100]
    if is_float(dtype):
        pool += [-0.0, -1.5, np.nan, -np.nan, np.inf, -np.inf, 5e-324]
    elif dtype != "bool":
        pool += [np.iinfo(dtype).min, np.iinfo(dtype).max]
    with np.errstate(all="ignore"):
        return RNG.choice(np.array(pool, dtype), shape)


def same(got, wanted):
    return got.dtype == wanted.dtype and same_bits(got, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sort_and_argsort(dtype):
    """Lanes of every length, stable, nan last and with its bits, zeros with their signs; operands in any
    layout are left as they are.
    """
    for rank in (1, 2, 3):
        x = TensorType(dtype, (None,) * rank)()
        f = tgen.function([x], [apply(op, x, axis=a) for op in ("sort", "argsort") for a in range(rank)])
        for shape in (s for s in SHAPES if len(s) == rank):
            plain = draw(dtype, shape)
            for array in (plain, plain.T.copy().T, draw(dtype, shape + (2,))[..., 0], plain[::-1]):
                before = array.copy()
                results = f(array)
                for a in range(rank):
                    assert same(results[a], np.sort(array, a, kind="stable")), (shape, a)
                    assert same(results[rank + a], np.argsort(array, a, kind="stable")), (shape, a)
                assert same_bits(array, before)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_running_sums_and_products(dtype):
    """To the bit: elements are added one after another, and integers wrap."""
    for rank in (1, 2, 3):
        x = TensorType(dtype, (None,) * rank)()
        f = tgen.function([x], [apply(op, x, axis=a) for op in ("cumsum", "cumprod") for a in range(rank)])
        for shape in (s for s in SHAPES if len(s) == rank):
            array = draw(dtype, shape) if not is_float(dtype) else RNG.normal(0, 1, shape).astype(dtype)
            with np.errstate(all="ignore"):
                wanted = [op(array, a, dtype=dtype) for op in (np.cumsum, np.cumprod) for a in range(rank)]
            for got, want in zip(f(array), wanted):
                assert same(got, want), (shape, got, want)


@pytest.mark.parametrize("dtype", DTYPES)
def test_searchsorted(dtype):
    x, v, s = TensorType(dtype, (None,))(), TensorType(dtype, (None, None))(), TensorType(dtype)()
    f = tgen.function(
        [x, v, s], [apply("searchsorted", x, y, side=side) for y in (v, s) for side in ("left", "right")]
    )
    for size in (0, 1, 2, 50):
        table, values = np.sort(draw(dtype, size)), draw(dtype, (6, 5))
        got = f(table, values[:, ::2], values[0, 0])
        wanted = [
            np.searchsorted(table, y, side)
            for y in (values[:, ::2], values[0, 0])
            for side in ("left", "right")
        ]
        assert all(np.array_equal(a, b) for a, b in zip(got, wanted))


@pytest.mark.parametrize("size", [1000, 4097, 70000])
def test_long_lanes(size):
    x = T.dvector()
    f = tgen.function([x], [T.sort(x), T.argsort(x)])
    rising = np.arange(float(size))
    for array in (
        RNG.normal(size=size),
        RNG.integers(0, 9, size) * 1.0,
        rising,
        rising[::-1],
        np.concatenate([rising[::2], rising[1::2]]),
        np.roll(rising, 1),
    ):
        ordered, places = f(array)
        assert same(ordered, np.sort(array)) and same(places, np.argsort(array, kind="stable"))


def test_many_lanes_in_parts():
    """Enough work for a team of threads; each part has its own workspace."""
    x = T.fmatrix()
    f = tgen.function([x], [T.sort(x, 0), T.argsort(x, 1), T.cumsum(x, 0), T.cumprod(x, 1)])
    array = RNG.normal(size=(700, 300)).astype("float32")
    totals = [np.cumsum(array, 0, "float64"), np.cumprod(array, 1, "float64")]
    wanted = [np.sort(array, 0), np.argsort(array, 1, kind="stable"), *(z.astype("float32") for z in totals)]
    for got, want in zip(f(array), wanted):
        assert same(got, want)


def test_sizes_found_inside():
    x = T.dvector()
    kept = x[(x > 0).nonzero()]
    agree(
        [x],
        [
            T.sort(kept),
            T.argsort(kept),
            T.cumsum(kept),
            kept[T.argsort(kept)[::-1]],
            T.searchsorted(T.sort(kept), x),
            T.unique(x),
        ],
        [np.array([3.0, -1, 2, 2, -5, 8, 3])],
    )
    agree([x], [T.sort(kept), T.unique(kept), T.unique(x)], [np.array([-1.0, -1])])


def test_inside_larger_programs():
    """Operands that are expressions and views, results that are reused, updates that read the old value."""
    X, w = T.dmatrix(), tgen.shared(np.array([3.0, 1, 2]), "w")
    array = RNG.normal(size=(4, 3))
    agree(
        [X],
        [
            T.sort(X * 2 + 1, 0) - X,
            T.cumsum(T.exp(X).T, 0),
            X[T.argsort(X[:, 0])],
            T.topk(X[::-1], 2),
            T.sort(X[1:, ::2]) + T.cumsum(w)[0],
            T.sort(T.dot(X, X.T)).sum(),
        ],
        [array],
        updates=[(w, T.sort(w))],
    )
    agree(
        [X],
        [
            T.einsum("ij,kj->ik", X, X),
            T.einsum("ij->j", X),
            T.to_one_hot(T.argmax(X, 1), 3),
            *T.unique(T.round(X), True, True, True),
        ],
        [array],
    )


# -- the largest ---------------------------------------------------------------------------------------------


def test_topk():
    x, k = T.matrix(dtype="float64"), T.lscalar()
    array = np.array([[3.0, 1, 3, np.nan, 2], [0, 0, 0, 0, -1]])
    f = tgen.function(
        [x, k], [*T.topk_and_argtopk(x, k), T.argtopk(x, 2), T.argtopk(x, -2), T.argtopk(x, k, axis=0)]
    )
    values, places, best, least, down = f(array, 2)
    assert (
        places.tolist() == best.tolist() == [[3, 0], [0, 1]]
        and least.tolist() == [[1, 4], [4, 0]]
        and down.tolist() == [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]
    )
    assert same_bits(values, np.take_along_axis(array, places, 1))
    assert f(array, -1)[1].tolist() == [[1], [4]] and f(array, 0)[1].shape == (2, 0)
    with pytest.raises(IndexError):
        f(array, 3)
    with pytest.raises(ValueError, match="kth"):
        T.topk(x, 0)


def test_topk_gradient():
    x = T.dmatrix()
    array = np.array([[3.0, 1, 4], [1, 5, 9]])
    assert tgen.grad((T.topk(x, 2) * np.array([10.0, 1])).sum(), x).eval({x: array}).tolist() == [
        [1, 0, 10],
        [0, 1, 10],
    ]
    assert tgen.grad(T.argsort(x).sum() * 1.0, x).eval({x: array}).tolist() == [[0, 0, 0], [0, 0, 0]]


# -- gradients -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [(), (0,), (2,), (4,), (1, 3), (0, 1, 2, 3, 4)])
def test_cumprod_gradient_at_zeros(zeros):
    array = np.array([1.5, -2.0, 0.5, 3.0, -1.0])
    array[list(zeros)] = 0
    x, weights = T.dvector(), np.array([1.0, 2, -3, 4, 5])
    got = tgen.grad((T.cumprod(x) * weights).sum(), x).eval({x: array})
    np.testing.assert_allclose(
        got, differences(lambda a: (np.cumprod(a) * weights).sum(), [array], 0), atol=1e-8
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda x: T.cumsum(x, 1),
        lambda x: T.cumsum(x),
        lambda x: T.cumprod(x, 0),
        lambda x: T.sort(x**3, 0),
        lambda x: T.sort(x, None),
        lambda x: T.topk(x, 2, axis=0),
        lambda x: T.diff(x, 2),
        lambda x: T.einsum("ij,kj->ik", x, x * 2),
        lambda x: T.einsum("ij,ij->", x, x),
    ],
)
def test_gradients(build):
    check_gradient(build, [RNG.permutation(np.linspace(-2, 2, 12)).reshape(3, 4)])


def test_jacobians():
    x, array = T.dvector(), np.array([3.0, 1, 2])
    assert T.jacobian(T.cumsum(x), x).eval({x: array}).tolist() == np.tri(3).tolist()
    assert T.jacobian(T.sort(x), x).eval({x: array}).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert T.hessian(T.cumprod(x)[-1], x).eval({x: array}).tolist() == [[0, 2, 1], [2, 0, 3], [1, 3, 0]]


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda x: T.sort(x, 3), ValueError, "axis"),
        (lambda x: T.sort(x, kind="bubble"), ValueError, "kind"),
        (lambda x: T.searchsorted(x, x), ValueError, "vector"),
        (lambda x: T.searchsorted(x[0], x, "middle"), ValueError, "side"),
        (lambda x: T.unique(x, axis=0), ValueError, "axis"),
        (lambda x: T.bincount(x[0]), TypeError, "integers"),
        (lambda x: T.to_one_hot(x, 3), TypeError, "integers"),
        (lambda x: T.topk(x, 1.5), TypeError, "kth"),
        (lambda x: T.einsum("ij->ik", x), ValueError, "names k"),
        (lambda x: T.einsum("ij->ii", x), ValueError, "twice"),
        (lambda x: T.einsum("i", x), ValueError, "does not fit"),
        (lambda x: T.einsum("ij,j", x), ValueError, "2 operands"),
        (lambda x: apply("cumsum", T.eq(x, 0), axis=0), TypeError, "bool"),
        (lambda x: apply("sort", x, axis=2), ValueError, "axis"),
        (lambda x: apply("searchsorted", x, x, side="left"), TypeError, "vector"),
        (lambda x: apply("searchsorted", x[0], x, side="mid"), ValueError, "side"),
    ],
)
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make(T.dmatrix())


def test_a_class_without_a_column():
    y = T.lvector()
    with pytest.raises(IndexError):
        T.to_one_hot(y, 3).eval({y: [0, 3]})


# -- clone and updates ---------------------------------------------------------------------------------------


def test_clone():
    x, y, z = T.dscalar("x"), T.dscalar("y"), T.fscalar("z")
    assert tgen.clone(x * 2, replace={x: y}).eval({y: 4.0}) == 8
    first, second = tgen.clone([x + 1, x * x], [(x, y * 2)])
    assert tgen.function([y], [first, second])(3) == [7, 36]
    with pytest.raises(TypeError):
        tgen.clone(x * 2, {x: z})
    assert (
        tgen.clone(x * 2, {x: z}, strict=False).eval({z: 4}) == 8
        and tgen.clone(x * y, {x: 3.0}).eval({y: 2.0}) == 6
    )
    fresh = tgen.clone(x * 2, share_inputs=False)
    names = [v.name for v in tgen.gof.graph.inputs([fresh])]
    assert tgen.clone(x) is x and "x" in names and x not in tgen.gof.graph.inputs([fresh])


def test_ordered_updates():
    a, b = tgen.shared(1.0, "a"), tgen.shared(2.0, "b")
    new = a + 1
    both = tgen.OrderedUpdates([(a, new)]) + {b: b * 2}
    assert (
        list(both) == [a, b]
        and list({b: b} + tgen.OrderedUpdates([(a, new)])) == [b, a]
        and type(both).__name__ == "OrderedUpdates"
    )
    tgen.function([], [], updates=both)()
    assert (a.get_value(), b.get_value()) == (2, 4)
    both.update({a: new})
    both.update(None)
    with pytest.raises(KeyError, match="Collision"):
        both.update([(a, a + 2)])
    with pytest.raises(TypeError, match="SharedVariable"):
        both[T.dscalar()] = 1
    with pytest.raises(TypeError, match="SharedVariable"):
        tgen.OrderedUpdates({new: 1})
