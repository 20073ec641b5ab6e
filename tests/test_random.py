"""Draws digit by digit: MRG31k3p as Theano has it, numpy.random.RandomState with all its distributions."""

import numpy as np
import pytest
from tgen.sandbox.rng_mrg import MRG_RandomStreams, guess_n_streams

import tgen
import tgen.tensor as T
from tgen import function
from tgen.core.op import OPS
from tgen.core.types import TensorType
from tgen.graph.nodes import apply_op
from tgen.ops.random import M1, M2
from tgen.ops.randomstate import pack, unpack
from tgen.random import RandomStreams, mrg

pytestmark = pytest.mark.slow

SEEDS = (1, 234, 2**31 - 1)
PVALS = np.array([0.1, 0.2, 0, 0.3, 0.4])


def twice(v):
    f = function([], v)
    return f(), f()


# -- MRG -----------------------------------------------------------------------------------------------------

MRG = [  # (draw, first values of the first call, of the second)
    (
        lambda m: m.uniform((2, 3), dtype="float64"),
        [0.7353244530968368, 0.2585685825906694, 0.6940806899219751, 0.7705746139399707],
        [0.6142074400559068, 0.9489980279468],
    ),
    (
        lambda m: m.uniform((2, 3), dtype="float32"),
        [0.7353243827819824, 0.25856855511665344, 0.694080650806427],
        [0.61420738697052],
    ),
    (
        lambda m: m.uniform((300, 300), dtype="float64"),
        [0.7353244530968368, 0.2585685825906694, 0.6940806899219751],
        [0.5330547927878797, 0.19335915753617883],
    ),
    (lambda m: m.uniform((3,), dtype="float64", nstreams=1), [0.73532445309683680, 0.61420744005590680], []),
    (lambda m: m.binomial((8,), p=0.5), [0, 0, 1, 0], [0, 0]),
    (lambda m: m.multinomial(pvals=np.array([[0.2, 0.3, 0.5]] * 3)), [0, 0, 1], []),
    (lambda m: m.choice(size=2, replace=False, p=np.array([[0.1, 0.2, 0.3, 0.4]])), [3, 1], [3, 2]),
]


@pytest.mark.parametrize("make, first, second", MRG)
def test_mrg_digits(make, first, second):
    a, b = twice(make(MRG_RandomStreams(12345)))
    assert a.ravel()[: len(first)].tolist() == first and b.ravel()[: len(second)].tolist() == second


@pytest.mark.parametrize(
    "make, first, second, tolerance",
    [
        (
            lambda m: m.normal((5,), dtype="float64"),
            [0.10108782791498779, -1.6435418696292152, 0.7104283432010645, -0.7776041022409689],
            [0.3858082609547971, 0.2650533726162787],
            1e-14,
        ),
        (
            lambda m: m.normal((2, 2), avg=1.0, std=2.0, dtype="float32"),
            [0.4602442979812622, 1.4240620136260986, -0.4724850654602051, -2.2620432376861572],
            [1.8355178833007812],
            4e-7,
        ),
        (
            lambda m: m.truncated_normal((4,), dtype="float64"),
            [-0.30680956129663695, 0.24104722388491895, -0.836995227435263, -1.8542223529062447],
            [0.47492799040875444],
            1e-14,
        ),
    ],
)
def test_mrg_normal_digits(make, first, second, tolerance):
    """Up to the last places of log, cos and sin."""
    a, b = twice(make(MRG_RandomStreams(12345)))
    np.testing.assert_allclose(a.ravel()[: len(first)], first, rtol=tolerance)
    np.testing.assert_allclose(b.ravel()[: len(second)], second, rtol=tolerance)


def test_mrg_streams_and_seeds():
    m = MRG_RandomStreams(12345)
    u, v = m.uniform((2,)), m.uniform((2,))
    assert (
        function([], [u, v])()[0].tolist() == [0.7353244530968368, 0.2585685825906694]
        and twice(v)[0].tolist() != twice(u)[0].tolist()
    )
    assert function([], MRG_RandomStreams(12345).uniform((2,)))().tolist() == [
        0.7353244530968368,
        0.2585685825906694,
    ]
    for seed, wanted in (
        ([1, 2, 3, 4, 5, 6], [0.00375383952632546, 0.8410847620107234]),
        (7, [0.01345866918563843, 0.15446884371340275]),
    ):
        np.testing.assert_allclose(twice(MRG_RandomStreams(seed).uniform((2,)))[0], wanted, rtol=1e-14)
    m = MRG_RandomStreams(12345)
    assert [
        m.uniform((2,)).dtype,
        m.binomial((2,), p=0.5).dtype,
        m.binomial((2,), dtype="float32").dtype,
        m.normal((2,)).dtype,
    ] == ["float64", "int64", "float32", "float64"]
    for seed, error in (
        (0, ValueError),
        (M2, ValueError),
        ([0, 0, 0, 1, 1, 1], ValueError),
        ([1, 1, 1, 0, 0, 0], ValueError),
        ([M1, 1, 1, 1, 1, 1], ValueError),
        ([1, 2], TypeError),
        ("a", TypeError),
    ):
        with pytest.raises(error, match="seed"):
            MRG_RandomStreams(seed)


def test_mrg_second_stream_digits_and_seed():
    m = MRG_RandomStreams(12345)
    f = [function([], m.uniform((2,))) for _ in range(2)]
    first = [g().tolist() for g in f]
    assert first[1] == [0.5180770065635443, 0.47852187464013696]
    assert [g().tolist() for g in f] != first
    m.seed(12345)
    assert [g().tolist() for g in f] == first


def test_mrg_jumps():
    """The matrices of Theano's file, and substreams made one after the other."""
    assert mrg.jump_matrix(0, 72).tolist() == [
        [1516919229, 758510237, 499121365],
        [1884998244, 1516919229, 335398200],
        [601897748, 1884998244, 358115744],
    ]
    assert mrg.jump_matrix(1, 134).tolist() == [
        [796789021, 1464208080, 607337906],
        [1241679051, 1431130166, 1464208080],
        [1401213391, 1178684362, 1431130166],
    ]
    rows = mrg.substreams(np.full(6, 12345), 10).astype("int64")
    np.testing.assert_array_equal(mrg.jumped(rows[:-1], 72), rows[1:])
    m = MRG_RandomStreams(5)
    before = m.rstate
    assert (
        m.get_substream_rstates(1, "float32", inc_rstate=False).tolist() == [before.tolist()]
        and (m.rstate == before).all()
    )
    m.inc_rstate()
    assert m.rstate.tolist() == mrg.jumped(before[None].astype("int64"), 134)[0].tolist()


def test_mrg_number_of_streams():
    n = T.lscalar()
    assert [guess_n_streams(s) for s in ((2, 3), (7,), (), (300, 300), (n, 2), T.lvector())] == [
        6,
        1,
        1,
        15000,
        15360,
        15360,
    ]
    assert guess_n_streams((10**6,)) == 15360 and guess_n_streams((np.int64(4), 2)) == 1
    m = MRG_RandomStreams(1)
    assert m.uniform((2, 3)).rng.get_value().shape == (6, 6) and m.normal((5,)).rng.get_value().shape == (
        15360,
        6,
    )
    assert function([n], m.uniform((n, 2)))(3).shape == (3, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("streams", [1, 5, 64, 131])
def test_mrg_compiled_is_its_meaning(dtype, streams):
    state = tgen.shared(mrg.substreams(np.arange(1, 7), streams), shape=(None, 6))
    sizes = [T.lscalar() for _ in range(2)]
    after, sample = apply_op(OPS["mrg_uniform"], [state, *sizes], {"dtype": dtype})
    f = function(sizes, [sample, after])
    for n in ((0, 3), (1, 1), (3, 50), (7, 131), (1, streams)):
        wanted = OPS["mrg_uniform"].eval({"dtype": dtype}, n, state.get_value())
        got = f(*n)
        assert (
            np.array_equal(got[1], wanted[0]) and np.array_equal(got[0], wanted[1]) and got[0].dtype == dtype
        )
    with pytest.raises(ValueError, match="negative"):
        f(-1, 2)


def test_mrg_parameters():
    m = MRG_RandomStreams(3)
    avg = np.array([[-10.0], [0.0], [10.0]])
    x = function([], m.uniform((3, 400), low=avg, high=avg + 1))()
    assert (x > avg).all() and (x < avg + 1).all()
    x = function([], m.normal((3, 4000), avg=avg, std=np.array([[0.1], [1.0], [2.0]])))()
    np.testing.assert_allclose(x.mean(1), avg[:, 0], atol=0.1)
    np.testing.assert_allclose(x.std(1), [0.1, 1, 2], rtol=0.05)
    x = function([], m.binomial((4000,), n=5, p=0.3))()
    assert abs(x.mean() - 1.5) < 0.06 and x.max() <= 5
    counts = function(
        [], m.multinomial(n=20, pvals=np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]), dtype="float32")
    )()
    assert (
        counts.dtype == "float32" and counts.sum(1).tolist() == [20, 20] and counts[1].tolist() == [20, 0, 0]
    )
    for bad, error in (
        (lambda: m.uniform((0, 2)), ValueError),
        (lambda: m.uniform((2,), low=np.zeros((3, 2))), ValueError),
        (lambda: m.choice(size=2), ValueError),
        (lambda: m.choice(size=5, replace=False, p=np.ones((1, 4)) / 4), ValueError),
        (lambda: m.multinomial(pvals=[0.5, 0.5]), ValueError),
        (lambda: m.multinomial(), TypeError),
        (lambda: m.uniform("a"), TypeError),
        (lambda: m.binomial((2,), n=0), ValueError),
    ):
        with pytest.raises(error):
            bad()


def test_mrg_choice_is_without_replacement():
    m = MRG_RandomStreams(11)
    p = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]])
    f = function([], m.choice(size=3, replace=False, p=p))
    rows = np.concatenate([f() for _ in range(200)])
    assert (
        rows.shape == (400, 3)
        and all(len(set(r)) == 3 for r in rows.tolist())
        and rows.min() == 0
        and rows.max() == 3
    )
    assert abs((rows[::2, 0] == 3).mean() - 0.4) < 0.1 and abs((rows[1::2, 0] == 0).mean() - 0.7) < 0.1


def test_mrg_choice_of_more_than_there_is():
    m, p, n = MRG_RandomStreams(11), T.dmatrix("p"), T.lscalar("n")
    rows = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0, 0, 0.5], [0, 1, 0, 0]])
    message = "Fewer non-zero entries"  # NumPy's words
    with pytest.raises(ValueError, match=f"{message}.*1 of 2"):
        m.choice(size=2, replace=False, p=rows)
    f = function([p, n], m.choice(size=n, replace=False, p=p))
    assert f(rows, 1)[2].tolist() == [1] and sorted(f(rows[:2], 2)[1].tolist()) == [0, 3]
    for few, count in ((rows, 2), (rows[:2], 3), (rows * np.nan, 1), (rows * 0, 1)):
        with pytest.raises(ValueError, match=message):
            f(few, count)
    assert f(rows[:0], 3).shape == (0, 3) and f(rows * 0, 0).shape == (3, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["multinomial_of_uniform", "choice_of_uniform"])
def test_lookups_compiled_are_their_meaning(name, dtype):
    p = np.random.RandomState(0).dirichlet([1.0] * 6, 9).astype(dtype)
    p[3] = 0  # nothing is met
    x, y, n = TensorType(dtype, (None, None))(), T.dvector(), T.lscalar()
    f = function([x, y, n], apply_op(OPS[name], [x, y, n], {}))
    for k in (0, 1, 4):
        u = np.random.RandomState(k).rand(9 * k)
        assert np.array_equal(f(p, u, k)[0], OPS[name].eval({}, (k,), p, u))
        assert np.array_equal(f(p[::-1], u, k)[0], OPS[name].eval({}, (k,), p[::-1], u))
    with pytest.raises(ValueError, match="mis-match"):
        f(p, np.zeros(3), 1)


# -- RandomState ---------------------------------------------------------------------------------------------

DRAWS = {  # name -> (symbolic draw of a size, NumPy's)
    "uniform": (lambda s, n: s.uniform(n), lambda r, n: r.uniform(size=n)),
    "uniform bounds": (lambda s, n: s.uniform(n, -1, np.float32(2.5)), lambda r, n: r.uniform(-1, 2.5, n)),
    "uniform float32": (
        lambda s, n: s.uniform(n, dtype="float32"),
        lambda r, n: r.uniform(size=n).astype("float32"),
    ),
    "normal": (lambda s, n: s.normal(n), lambda r, n: r.normal(size=n)),
    "normal avg std": (lambda s, n: s.normal(n, avg=0.1, std=3.3), lambda r, n: r.normal(0.1, 3.3, n)),
    "exponential": (lambda s, n: s.exponential(n, 2.0), lambda r, n: r.exponential(2.0, n)),
    "binomial": (lambda s, n: s.binomial(n, 10, 0.3), lambda r, n: r.binomial(10, 0.3, n)),
    "binomial of many": (lambda s, n: s.binomial(n, 1000, 0.7), lambda r, n: r.binomial(1000, 0.7, n)),
    "binomial one": (
        lambda s, n: s.binomial(n, dtype="int8"),
        lambda r, n: r.binomial(1, 0.5, n).astype("int8"),
    ),
    "poisson": (lambda s, n: s.poisson(n, 3.5), lambda r, n: r.poisson(3.5, n)),
    "poisson large": (lambda s, n: s.poisson(n, 120.0), lambda r, n: r.poisson(120.0, n)),
    "random_integers": (lambda s, n: s.random_integers(n, -3, 6), lambda r, n: r.randint(-3, 7, n)),
    "permutation": (
        lambda s, n: s.permutation(n, 7),
        lambda r, n: np.array([r.permutation(7) for _ in range(int(np.prod(n)))], "int64").reshape(*n, 7),
    ),
    "choice": (lambda s, n: s.choice(n, 5), lambda r, n: r.choice(5, n)),
    "choice p": (lambda s, n: s.choice(n, 5, p=PVALS), lambda r, n: r.choice(5, n, p=PVALS)),
    "choice of a vector": (
        lambda s, n: s.choice(n, np.arange(5) * 10, p=PVALS),
        lambda r, n: r.choice(np.arange(5) * 10, n, p=PVALS),
    ),
    "multinomial": (lambda s, n: s.multinomial(n, 20, PVALS), lambda r, n: r.multinomial(20, PVALS, n)),
    **{
        f"gamma {a}": (lambda s, n, a=a: s.gamma(n, a, 2.0), lambda r, n, a=a: r.gamma(a, 2.0, n))
        for a in (0.0, 0.3, 1.0, 4.5)
    },
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", DRAWS)
def test_randomstate_digits(name, seed):
    make, wanted = DRAWS[name]
    for size in ((), (5,), (3, 4), (1000,), (0,)):
        s, r = RandomStreams(seed), np.random.RandomState(np.random.RandomState(seed).randint(2**30))
        v = make(s, size)
        for got in twice(v):
            one = np.asarray(wanted(r, size)).astype(v.dtype)
            assert got.dtype == one.dtype and got.shape == one.shape
            np.testing.assert_array_equal(got, one)
        assert (pack(v.rng.get_value()) == pack(r)).all()


def test_randomstate_choice_once():
    for size, p in (((4,), PVALS), ((2, 2), PVALS), ((5,), None), ((1,), None)):
        s, r = RandomStreams(3), np.random.RandomState(np.random.RandomState(3).randint(2**30))
        for got in twice(s.choice(size, 5, replace=False, p=p)):
            np.testing.assert_array_equal(got, r.choice(5, size, replace=False, p=p))
    with pytest.raises(ValueError, match="fewer of them are positive"):
        function([], RandomStreams(1).choice((5,), 5, False, PVALS))()
    with pytest.raises(ValueError, match="larger sample"):
        RandomStreams(1).choice((6,), 5, False)


def test_randomstate_parameters_broadcast():
    s, seeds = RandomStreams(9), np.random.RandomState(9)

    def numpy():
        return np.random.RandomState(seeds.randint(2**30))

    n, p = T.lvector(), T.dmatrix()
    f = function([n, p], s.binomial(n=T.addbroadcast(n.dimshuffle("x", 0), 0), p=p))
    g = function([p], s.poisson(lam=p))
    h = function([p], s.gamma(shape=p, scale=T.mean(p)))
    k = function([n, p], s.multinomial((p.shape[0],), n, T.nnet.softmax(p)))
    high = function([n], s.random_integers((4, -1), 0, n))
    # sums are exact
    counts, matrix = np.array([3, 100, 5000]), np.floor(np.random.RandomState(0).rand(4, 3) * 64 + 1) / 64
    np.testing.assert_array_equal(f(counts, matrix), numpy().binomial(counts, matrix))
    np.testing.assert_array_equal(g(matrix * 40), numpy().poisson(matrix * 40))
    np.testing.assert_array_equal(h(matrix * 4), numpy().gamma(matrix * 4, (matrix * 4).mean()))
    r, soft = numpy(), function([p], T.nnet.softmax(p))(matrix)
    np.testing.assert_array_equal(
        k(np.arange(4), matrix), [r.multinomial(c, q) for c, q in zip(range(4), soft)]
    )
    r = numpy()
    np.testing.assert_array_equal(high(counts), [[r.randint(0, c + 1) for c in counts] for _ in range(4)])


def test_randomstate_shuffle():
    s, x = RandomStreams(2), T.dmatrix()
    v = s.shuffle_row_elements(x)
    f, data = function([x], [v, v.permutation]), np.arange(12.0).reshape(3, 4)
    got, order = f(data)
    r = np.random.RandomState(np.random.RandomState(2).randint(2**30))
    np.testing.assert_array_equal(order, [r.permutation(4) for _ in range(3)])
    np.testing.assert_array_equal(got, np.take_along_axis(data, order, 1))


def test_randomstate_long_binomials_and_gammas():
    """All branches of the rejections: hundreds of thousands of parameters at once."""
    n, p = T.lvector(), T.dvector()
    s, r = RandomStreams(4), np.random.RandomState(7)
    trials, chances = (10 ** r.uniform(0, 6, 50000)).astype("int64"), r.rand(50000)
    lams = 10 ** r.uniform(-3, 8, 50000)
    seeds = np.random.RandomState(4)
    for f, given, twin in (
        (function([n, p], s.binomial(n=n, p=p)), (trials, chances), "binomial"),
        (function([p], s.poisson(lam=p)), (lams,), "poisson"),
        (function([p], s.gamma(shape=p)), (lams,), "standard_gamma"),
    ):
        np.testing.assert_array_equal(
            f(*given), getattr(np.random.RandomState(seeds.randint(2**30)), twin)(*given)
        )


@pytest.mark.parametrize(
    "make, values",
    [
        (lambda s, p: s.binomial(n=10, p=p), [-0.1, 1.1, np.nan]),
        (lambda s, p: s.poisson(lam=p), [-1, np.nan, 1e30]),
        (lambda s, p: s.gamma(shape=p), [-1, np.nan]),
        (lambda s, p: s.random_integers(low=0, high=T.cast(p, "int64")), [-1]),
        (lambda s, p: s.multinomial((), 3, T.stack([p, p, p])), [0.6, -1, np.nan]),
        (lambda s, p: s.choice((2,), 2, p=T.stack([p, p])), [0.6, -1, np.nan]),
    ],
)
def test_randomstate_refuses(make, values):
    s, p, w = RandomStreams(1), T.dscalar(), tgen.shared(np.zeros(3))
    v = make(s, p)
    f = function([p], v, updates=[(w, w + 1)])
    for value in values:
        with pytest.raises(ValueError, match="test_random.py"):
            f(value)
    assert (
        pack(v.rng.get_value()) == pack(np.random.RandomState(np.random.RandomState(1).randint(2**30)))
    ).all() and w.get_value().sum() == 0


def test_randomstate_bad_arguments():
    s, n = RandomStreams(1), T.lvector()
    for bad, error in (
        (lambda: s.uniform((2,), ndim=3), ValueError),
        (lambda: s.uniform((2,), low=np.zeros((2, 2))), ValueError),
        (lambda: s.uniform((-2,)), ValueError),
        (lambda: s.uniform(n), ValueError),
        (lambda: s.binomial((2,), n=1.5), TypeError),
        (lambda: s.multinomial((2,), 1, 0.5), ValueError),
        (lambda: s.choice((2,), np.ones((2, 2))), ValueError),
        (lambda: s.choice((2,), 3, p=np.ones((2, 2))), ValueError),
        (lambda: s.uniform(2.5), TypeError),
    ):
        with pytest.raises(error):
            bad()
    assert s.uniform(n, ndim=2).ndim == 2 and function([n], s.uniform(n, ndim=2))([2, 3]).shape == (2, 3)
    assert (
        s.uniform((1, 3)).broadcastable == (True, False)
        and s.normal(avg=np.zeros(3)).ndim == 1
        and s.uniform(3).ndim == 1
    )


def test_states_and_words():
    r = np.random.RandomState(5)
    r.normal()
    back = unpack(pack(r))
    assert back.normal() == r.normal() and back.rand() == r.rand()
