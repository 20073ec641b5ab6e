"""scan and its kin as Theano has them: what fn gets and may return, steps, taps, updates, random streams,
errors; ifelse and fori.
"""

import pickle
import warnings

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen import config
from tgen.errors import MissingInputError
from tgen.graph.updates import OrderedUpdates
from tgen.loop import until
from tgen.random import MRG_RandomStreams, RandomStreams, philox

FIVE = np.arange(5.0)


def call(inputs, outputs, *values, **more):
    return tgen.function(inputs, outputs, on_unused_input="ignore", **more)(*values)


@pytest.fixture
def x():
    return T.dvector("x")


# -- sequences and steps -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "taps, rows",
    [
        ([-2], [[0, 1, 2]]),
        ([2], [[2, 3, 4]]),
        ([0, 2], [[0, 1, 2], [2, 3, 4]]),
        ([1, -1], [[2, 3, 4], [0, 1, 2]]),
        (1, [[1, 2, 3, 4]]),
        ((3, -3), [[], []]),
        ([-1, 0, 1], [[0, 1, 2], [1, 2, 3], [2, 3, 4]]),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_taps_of_a_sequence(x, taps, rows, backwards):
    y, _ = tgen.scan(
        lambda *read: list(read), dict(input=x, taps=taps), go_backwards=backwards, return_list=True
    )
    got = call([x], y, FIVE)
    assert [r.tolist() for r in got] == [row[::-1] if backwards else row for row in rows]


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x,
        lambda x: [x],
        lambda x: (x,),
        lambda x: dict(input=x),
        lambda x: [dict(input=x, taps=[0])],
        lambda x: {"input": x, "taps": None},
    ],
)
def test_forms_of_a_sequence(x, given):
    assert call([x], tgen.scan(lambda e: e * 2, given(x))[0], FIVE).tolist() == [0, 2, 4, 6, 8]


def test_sequences_that_are_no_variables():
    s = tgen.shared(FIVE)
    y, _ = tgen.scan(lambda a, b, c: a + b + c, [FIVE, [1.0, 2.0], s])
    assert y.eval().tolist() == [1, 4]
    s.set_value(FIVE + 1)
    assert call([], y).tolist() == [2, 5]


@pytest.mark.slow
def test_the_shortest_sequence_wins_and_may_be_empty(x):
    z = T.dmatrix("z")
    y, _ = tgen.scan(lambda a, b: a + b, [x, z])
    assert call([x, z], y, FIVE, np.ones((2, 3))).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert call([x, z], y, FIVE, np.ones((0, 3))).shape == (0, 3)
    y, _ = tgen.scan(lambda a, b, total: total + a * b, [dict(input=x, taps=[3, -3])], np.float64(1))
    assert call([x], [y, y.sum()], np.zeros(2))[0].shape == (0,)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint16"])
def test_number_of_steps_of_any_int_dtype(dtype):
    n = T.scalar("n", dtype=dtype)
    y, _ = tgen.scan(lambda a: a + 1, None, np.float64(0), n_steps=n)
    assert call([n], y, 3).tolist() == [1, 2, 3] and call([n], y, 0).shape == (0,)


@pytest.mark.slow
def test_number_of_steps_from_elsewhere(x):
    s = tgen.shared(2)
    assert call([], tgen.scan(lambda a: a + 1, None, np.float64(0), n_steps=s)[0]).tolist() == [1, 2]
    assert call(
        [x], tgen.scan(lambda e, a: a + e, x, np.float64(0), n_steps=T.cast(x.max(), "int32"))[0], FIVE
    ).tolist() == [0, 1, 3, 6]
    for none in (None, float("nan"), np.inf):
        assert call([x], tgen.scan(lambda e, a: a + e, x, np.float64(0), n_steps=none)[0], FIVE).tolist() == [
            0,
            1,
            3,
            6,
            10,
        ]
    assert call([], tgen.scan(lambda: 3.0, n_steps=np.int32(2))[0]).tolist() == [3, 3]


def test_the_last_steps_of_a_sequence(x):
    n = T.lscalar("n")
    y, _ = tgen.scan(lambda e: e, x, n_steps=n, go_backwards=True)
    assert call([x, n], y, FIVE, 2).tolist() == [4, 3]


def test_one_step_has_a_leading_axis_that_does_not_broadcast(x):
    y, _ = tgen.scan(lambda a: a + x, None, T.zeros_like(x), n_steps=1)
    z, _ = tgen.scan(lambda: x, n_steps=1)
    assert y.broadcastable == z.broadcastable == (False, False) and call([x], y, FIVE).shape == (1, 5)


def test_a_sequence_too_short_is_an_error_of_the_call(x):
    n = T.iscalar("n")
    f = tgen.function(
        [x, n],
        tgen.scan(lambda a, b, total: total + a * b, dict(input=x, taps=[-1, 1]), np.float64(0), n_steps=n)[
            0
        ],
    )
    assert f(FIVE, 3).tolist() == [0, 3, 11] and f(FIVE, 1).tolist() == [0]
    with pytest.raises(
        ValueError,
        match=r"x\[\.\.\.\].shape\[0\] is 3 but the number of steps is 4; scan at "
        r".*test_scan.py",
    ):
        f(FIVE, 4)
    with pytest.raises(ValueError, match="negative"):
        f(FIVE, -1)


# -- states --------------------------------------------------------------------------------------------------


def test_taps_of_a_state_read_the_oldest_row_first():
    initial = T.dmatrix("initial")
    y, _ = tgen.scan(lambda near, far: near + 10 * far, None, dict(initial=initial, taps=[-1, -3]), n_steps=3)
    rows = [np.array([1.0]), np.array([2.0]), np.array([3.0])]
    for _ in range(3):
        rows.append(rows[-1] + 10 * rows[-3])
    assert call([initial], y, np.array(rows[:3])).tolist() == [r.tolist() for r in rows[3:]]
    # further rows are not read
    assert call([initial], y, np.array(rows[:5])).tolist() == [r.tolist() for r in rows[3:]]
    with pytest.raises(IndexError):
        call([initial], y, np.array(rows[:2]))


def test_forms_of_outputs_info(x):
    for info in (
        np.float64(0),
        [np.float64(0)],
        dict(initial=np.float64(0)),
        [dict(initial=np.float64(0), taps=[-1])],
        0.0,
        T.constant(0.0),
    ):
        assert call([x], tgen.scan(lambda e, a: a + e, x, info)[0], FIVE).tolist() == [0, 1, 3, 6, 10]
    for info in (None, [], [None], {}, [{}], dict(initial=None)):
        assert call([x], tgen.scan(lambda e: e * 2, x, info)[0], FIVE).tolist() == [0, 2, 4, 6, 8]
    y, _ = tgen.scan(lambda e, a, b: (a + e, e, b + a), x, [np.float64(0), None, [0.0, 1.0]])
    assert [v.shape for v in call([x], y, FIVE)] == [(5,), (5,), (5, 2)]


def test_a_number_fn_returns_takes_the_dtype_of_the_state():
    y, _ = tgen.scan(lambda a: 1.5, None, np.float32(0), n_steps=2)
    assert y.dtype == "float32" and y.eval().tolist() == [1.5, 1.5]


def test_names_of_what_fn_gets():
    x, h, w = T.dmatrix("x"), T.dmatrix("h"), T.dscalar("w")
    seen = []
    tgen.scan(
        lambda *given: seen.extend(given) or given[0],
        dict(input=x, taps=[-1, 0, 2]),
        [dict(initial=h, taps=[-2, -1])],
        [w, 3.0],
    )
    assert [v.name for v in seen] == ["x[t-1]", "x[t]", "x[t+2]", "h[t-2]", "h[t-1]", "w", None]
    assert seen[-2] is w and seen[-1].data == 3 and seen[0].type == T.dvector().type


# -- what fn returns -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "made",
    [
        lambda e, k: e,
        lambda e, k: [e],
        lambda e, k: (e,),
        lambda e, k: (e, {}),
        lambda e, k: ([e], []),
        lambda e, k: (e, until(e > 9)),
        lambda e, k: ([e], until(e > 9)),
        lambda e, k: (e, {}, until(e > 9)),
        lambda e, k: [[e], [(k, k + 1)], until(e > 9)],
        lambda e, k: (e, OrderedUpdates([(k, k + 1)])),
        lambda e, k: (e, [(k, k + 1)]),
    ],
)
def test_what_fn_may_return(x, made):
    k = tgen.shared(0)
    y, updates = tgen.scan(lambda e: made(e, k), x)
    assert (
        isinstance(updates, OrderedUpdates) and call([x], y, FIVE, updates=updates).tolist() == FIVE.tolist()
    )
    assert k.get_value() == 5 * len(updates)


def test_several_outputs_with_updates_and_until(x):
    k = tgen.shared(0)
    y, updates = tgen.scan(lambda e: ((e, e * 2), [(k, k + 1)], until(e >= 2)), x)
    assert [v.tolist() for v in call([x], y, FIVE, updates=updates)] == [
        [0, 1, 2],
        [0, 2, 4],
    ] and k.get_value() == 3


def test_updates_alone_and_with_until():
    k, total = tgen.shared(0), tgen.shared(0.0)
    outputs, updates = tgen.scan(lambda: ({k: k + 1, total: total + k}, until(k >= 3)), n_steps=10)
    assert outputs is None and list(updates) == [k, total]
    call([], [], updates=updates)
    assert k.get_value() == 4 and total.get_value() == 6
    assert tgen.scan(lambda: {k: k + 1}, n_steps=2, return_list=True)[0] == []
    assert tgen.scan(lambda: [], n_steps=2) == (None, {})


@pytest.mark.slow
def test_conditions_of_until(x):

    def stop(condition):
        return call([x], tgen.scan(lambda e: (e, until(condition(e))), x)[0], FIVE).tolist()

    assert (
        stop(lambda e: T.cast(e, "int32")) == [0, 1]
        and stop(lambda e: e / 2) == [0, 1]
        and stop(lambda e: T.constant(True)) == [0]
        and stop(lambda e: e > 7) == FIVE.tolist()
    )


def test_lists(x):
    assert isinstance(tgen.scan(lambda e: [e], x)[0], tgen.Variable) and isinstance(
        tgen.scan(lambda e: e, x, return_list=True)[0], list
    )
    assert call([x], tgen.scan(lambda e: 3, x)[0], FIVE).dtype == "int64"


# -- shared variables ----------------------------------------------------------------------------------------


def test_a_shared_variable_read_in_a_step_has_its_carried_value(x):
    s = tgen.shared(1.0, "s")
    doubled = s * 2  # from outside, but of what is updated: made anew at every step, as in Theano
    y, updates = tgen.scan(lambda e: ([doubled, e], {s: s + e}), x)
    f = tgen.function([x], y[0], updates=updates)
    assert f(FIVE).tolist() == [2, 2, 4, 8, 14] and s.get_value() == 11
    fixed, _ = tgen.scan(lambda e, d: (d + 0 * e, {s: s + e}), x, non_sequences=doubled)
    assert call([x], fixed, FIVE).tolist() == [22] * 5


def test_updates_are_not_seen_before_the_call_has_succeeded(x):
    s = tgen.shared(np.zeros(3), "s")
    i = T.lvector("i")
    y, updates = tgen.scan(lambda k: (s[k], {s: s + 1}), i)
    f = tgen.function([i], y, updates=updates)
    with pytest.raises(IndexError, match="step"):
        f([0, 1, 7, 2])
    assert not s.get_value().any()
    assert f([0, 1, 2]).tolist() == [0, 1, 2] and s.get_value().tolist() == [3, 3, 3]


def test_updates_of_an_inner_scan_are_handed_on(x):
    k = tgen.shared(0)

    def step(e):
        y, updates = tgen.scan(lambda a: (a * e, {k: k + 1}), x)
        return y.sum(), updates

    y, updates = tgen.scan(step, x)
    assert call([x], y, FIVE, updates=updates).tolist() == [0, 10, 20, 30, 40] and k.get_value() == 25


@pytest.mark.slow
@pytest.mark.parametrize("streams", [RandomStreams, MRG_RandomStreams, philox])
def test_each_step_draws_new_numbers(streams):
    y, updates = tgen.scan(lambda: streams(5).uniform((3,)), n_steps=4)
    f = tgen.function([], y, updates=updates)
    one = tgen.function([], streams(5).uniform((3,)))
    assert (
        len(updates) == 1
        and f().tolist() == [one().tolist() for _ in range(4)]
        and f()[0].tolist() == one().tolist()
    )


@pytest.mark.slow
def test_a_stream_drawn_from_outside_of_fn(x):
    srng = RandomStreams(3)
    noise = srng.normal((5,))
    inside, updates = tgen.scan(lambda e: e + noise, x)  # of fn's graph, so drawn anew at every step
    fixed, none = tgen.scan(lambda e, n: e + n, x, non_sequences=noise)
    assert len(updates) == 1 and not none
    a, b = (call([x], y, np.zeros(3), updates=u) for y, u in ((inside, updates), (fixed, none)))
    assert (a[0] != a[1]).all() and (b[0] == b[1]).all()


def test_an_update_of_fn_replaces_the_default_one():
    rng = tgen.shared(0.0)
    rng.default_update = rng + 1
    y, updates = tgen.scan(lambda: rng * 1, n_steps=3)
    z, other = tgen.scan(lambda: (rng * 1, {rng: rng + 10}), n_steps=3)
    assert call([], y, updates=updates).tolist() == [0, 1, 2] and call([], z, updates=other).tolist() == [
        3,
        13,
        23,
    ]
    assert rng.get_value() == 33


@pytest.mark.slow
def test_gibbs_steps_of_binomials():
    """A chain whose state feeds its own draws, as in contrastive divergence."""
    srng, w = RandomStreams(1), tgen.shared(np.full((4, 3), 0.2))
    v = T.dmatrix("v")

    def gibbs(v):
        h = srng.binomial(n=1, p=T.nnet.sigmoid(T.dot(v, w)), size=(2, 3), dtype="float64")
        return srng.binomial(n=1, p=T.nnet.sigmoid(T.dot(h, w.T)), size=(2, 4), dtype="float64")

    y, updates = tgen.scan(gibbs, None, v, n_steps=50)
    f = tgen.function([v], y, updates=updates)
    first, second = f(np.ones((2, 4))), f(np.ones((2, 4)))
    assert (
        len(updates) == 2
        and set(np.unique(first)) == {0, 1}
        and (first != second).any()
        and 0.4 < first.mean() < 0.75
    )


def test_strict():
    x, w, b = T.dvector("x"), tgen.shared(2.0, "w"), T.dscalar("b")
    y, _ = tgen.scan(lambda e, w: e * w + b, x, non_sequences=w, strict=True)
    assert call([x, b], y, FIVE, 1.0).tolist() == [1, 3, 5, 7, 9]
    with pytest.raises(MissingInputError, match="shared variable w.*non_sequences"):
        tgen.scan(lambda e: e * w, x, strict=True)
    k = tgen.shared(0)
    # what is updated goes from step to step
    assert len(tgen.scan(lambda e: (e, {k: k + 1}), x, strict=True)[1]) == 1


# -- nesting, closures, copies -------------------------------------------------------------------------------


def test_two_levels():
    x = T.dmatrix("x")
    y, _ = tgen.scan(lambda row: tgen.scan(lambda e, total: total * 2 + e, row, np.float64(0))[0], x)
    got = call([x], y, np.arange(6.0).reshape(2, 3))
    assert got.tolist() == [[0, 1, 4], [3, 10, 25]]


def test_givens_and_clone_reach_into_steps(x):
    w = tgen.shared(2.0)
    y, _ = tgen.scan(lambda e: e * T.exp(w), x)
    assert call([x], y, FIVE, givens={w: T.constant(0.0)}).tolist() == FIVE.tolist()
    assert call([x], tgen.clone(y, replace={w: T.constant(0.0)}), FIVE).tolist() == FIVE.tolist()


def test_functions_with_loops_are_pickled(x):
    s = tgen.shared(1.0)
    y, updates = tgen.scan(lambda e, a: (a + e * s, {s: s + 1}), x, np.float64(0))
    f = pickle.loads(pickle.dumps(tgen.function([x], y, updates=updates)))
    assert f(FIVE).tolist() == [0, 2, 8, 20, 40] and f(FIVE).tolist() == [0, 7, 23, 50, 90]


def test_modes(x):
    y, _ = tgen.scan(lambda e, a: (T.tanh(a + e), until(e > 3)), x, np.float64(0))
    wanted = call([x], y, FIVE)
    for mode in ("FAST_COMPILE", "DebugMode"):
        np.testing.assert_allclose(call([x], y, FIVE, mode=mode), wanted, rtol=1e-14)


@pytest.mark.slow
def test_a_long_step():
    """A body of many nodes, made and differentiated without recursion."""

    def step(a):
        for _ in range(3000):
            a = a * 0.999
        return a

    h = T.dscalar("h")
    y, _ = tgen.scan(step, None, h, n_steps=2)
    g = T.grad(y[-1], h)
    assert abs(call([h], g, 1.0, mode="FAST_COMPILE") - 0.999**6000) < 1e-9


# -- map, reduce, fori, ifelse -------------------------------------------------------------------------------


@pytest.mark.slow
def test_map_reduce_folds(x):
    z = T.dvector("z")
    assert call([x, z], tgen.map(lambda a, b, c: a * b + c, [x, z], [1.0])[0], FIVE, FIVE).tolist() == [
        1,
        2,
        5,
        10,
        17,
    ]
    assert call([x], tgen.map(lambda a: [a, -a], x, go_backwards=True)[0], FIVE)[1].tolist() == [
        -4,
        -3,
        -2,
        -1,
        0,
    ]
    assert call([x], tgen.reduce(lambda e, a: a + e, x, np.float64(0))[0], FIVE) == 10
    both, updates = tgen.reduce(lambda e, a, b: (a + e, b * 2), x, [np.float64(0), np.float64(1)])
    assert [float(v) for v in call([x], both, FIVE)] == [10, 32] and updates == {}
    assert call([x], tgen.foldl(lambda e, a: 10 * a + e, x, np.float64(0))[0], FIVE) == 1234
    assert call([x], tgen.foldr(lambda e, a: 10 * a + e, x, np.float64(0))[0], FIVE) == 43210


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 4, 6, 9])
def test_checkpoints(steps):
    x, h = T.dmatrix("x"), T.dvector("h")
    k = tgen.shared(0)
    y, _ = tgen.scan(lambda row, h: [T.tanh(h * row) + 1, h * 2], x, [h, None])
    z, updates = tgen.scan_checkpoints(
        lambda row, h: ([T.tanh(h * row) + 1, h * 2], {k: k + 1}), x, [h, None], save_every_N=4
    )
    values = np.linspace(-1, 1, 3 * steps).reshape(steps, 3), np.ones(3)
    wanted = call([x, h], [y[0][-1:], y[1][-1:], *T.grad(y[0][-1].sum(), [x, h])], *values)
    got = call([x, h], [*z, *T.grad(z[0].sum(), [x, h])], *values, updates=updates)
    assert k.get_value() == steps
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    with pytest.raises(ValueError, match="has no taps"):
        tgen.scan_checkpoints(lambda row, h: h, x, dict(initial=x, taps=[-2]))
    with pytest.raises(ValueError, match="save_every_N"):
        tgen.scan_checkpoints(lambda row, h: h, x, h, save_every_N=0)


@pytest.mark.slow
def test_fori(x):
    n = T.iscalar("n")
    f = tgen.function([n, x], tgen.fori(n, lambda i, a, b: (b, a + b), x, x * 2))
    assert [v.tolist() for v in f(3, [1.0])] == [[5], [8]] and [v.tolist() for v in f(0, [1.0])] == [[1], [2]]
    assert tgen.fori(5, lambda i, a: a + i, 0).eval() == 10
    with pytest.raises(ValueError, match="state to start with"):
        tgen.fori(3, lambda i: i)
    with pytest.raises(ValueError, match="scan takes updates"):
        tgen.fori(3, lambda i, a: a + RandomStreams(1).uniform(()), 0.0)


@pytest.mark.slow
def test_ifelse(x):
    c = T.lscalar("c")
    f = tgen.function([c, x], tgen.ifelse(c, x[7], x[0]))
    assert f(0, FIVE) == 0  # the other branch would be out of bounds
    with pytest.raises(IndexError):
        f(1, FIVE)
    assert call([c, x], tgen.ifelse(T.gt(c, 2), [x, x.sum()], [x * 2, 0.0]), 3, FIVE)[1] == 10
    both = tgen.ifelse(c, (x, x.sum()), (x[1:], T.constant(1.0)))
    assert isinstance(both, tuple) and [v.tolist() for v in call([c, x], list(both), 0, FIVE)] == [
        [1, 2, 3, 4],
        1,
    ]
    assert isinstance(tgen.ifelse(c, [x], [x]), list) and tgen.ifelse(c, x, x, name="chosen").name == "chosen"
    row = T.drow("row")
    z = tgen.ifelse(c, row, T.dmatrix("m"))
    assert z.broadcastable == (False, False)


def test_ifelse_of_an_unlike_size_in_a_step():
    """Rows have one size: where only the branch says it, both must agree, and are asked when it runs."""
    x, h = T.dmatrix("x"), T.dvector("h")
    f = tgen.function([x, h], tgen.scan(lambda row: tgen.ifelse(row.sum() > 0, row, h), x)[0])
    assert f([[1.0, 2.0], [-1.0, -2.0]], [7.0, 8.0]).tolist() == [[1, 2], [7, 8]]
    with pytest.raises(ValueError, match="branch"):
        f([[1.0, 2.0], [-1.0, -2.0]], [7.0])


# -- test values ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_test_values_reach_the_step_and_come_out():
    with config.change_flags(compute_test_value="raise"):
        x, h, w = T.dmatrix("x"), T.dvector("h"), tgen.shared(np.eye(3) / 2)
        x.tag.test_value, h.tag.test_value = np.arange(12.0).reshape(4, 3), np.ones(3)
        seen = []
        y, _ = tgen.scan(
            lambda row, before, h: (
                seen.append(
                    (row.tag.test_value.tolist(), before.tag.test_value.tolist(), h.tag.test_value.shape)
                )
                or T.tanh(T.dot(h, w) + row * before)
            ),
            dict(input=x, taps=[0, -1]),
            h,
        )
        assert seen == [([3, 4, 5], [0, 1, 2], (3,))]
        np.testing.assert_allclose(
            y.tag.test_value, tgen.function([x, h], y)(x.tag.test_value, h.tag.test_value)
        )
        gradients = T.grad(T.sqr(y).sum(), [x, h, w])
        assert [g.tag.test_value.shape for g in gradients] == [(4, 3), (3,), (3, 3)]
        np.testing.assert_allclose(
            gradients[2].tag.test_value,
            tgen.function([x, h], gradients[2])(x.tag.test_value, h.tag.test_value),
        )
        stopped, _ = tgen.scan(lambda row: (row, until(row[0] > 2)), x)
        empty, _ = tgen.scan(lambda row, h: h + row, x, h, n_steps=0)
        assert stopped.tag.test_value.shape == (2, 3) and empty.tag.test_value.shape == (0, 3)
        assert T.jacobian(y[-1], h).tag.test_value.shape == (3, 3) and T.Rop(
            y[-1], h, h
        ).tag.test_value.shape == (3,)
        with pytest.raises(ValueError):
            tgen.scan(lambda row: T.dot(row, T.ones((4, 2))), x)


# -- errors --------------------------------------------------------------------------------------------------

I32, F32 = T.ivector("i32"), T.fscalar("f32")
V = T.dvector("v")
K = tgen.shared(np.zeros(2), "k")
ERRORS = {
    "no number of steps": (
        lambda: tgen.scan(lambda: 1.0),
        ValueError,
        "No information about the number of steps",
    ),
    "steps are a float": (
        lambda: tgen.scan(lambda: 1.0, n_steps=2.5),
        TypeError,
        "n_steps of scan must be an int",
    ),
    "steps are a float variable": (
        lambda: tgen.scan(lambda: 1.0, n_steps=T.dscalar()),
        TypeError,
        "n_steps of scan must be an integer scalar.*T.cast",
    ),
    "steps are a vector": (lambda: tgen.scan(lambda: 1.0, n_steps=I32), TypeError, "integer scalar"),
    "negative steps": (lambda: tgen.scan(lambda: 1.0, n_steps=-2), ValueError, "n_steps of scan is -2"),
    "a short constant": (
        lambda: tgen.scan(lambda e: e, np.arange(3.0), n_steps=4),
        ValueError,
        "allows 3 steps, but n_steps is 4",
    ),
    "a scalar sequence": (
        lambda: tgen.scan(lambda e: e, [V, F32]),
        TypeError,
        "sequence 1 of scan is f32.*non_sequences",
    ),
    "no input": (lambda: tgen.scan(lambda e: e, dict(taps=[0])), ValueError, "without 'input'"),
    "an unknown key": (
        lambda: tgen.scan(lambda e: e, dict(input=V, tap=[0])),
        ValueError,
        "'input', 'taps', not 'tap'",
    ),
    "a float tap": (
        lambda: tgen.scan(lambda e: e, dict(input=V, taps=[0.5])),
        TypeError,
        "taps of sequence 0 of scan are ints",
    ),
    "no taps": (lambda: tgen.scan(lambda e: e, dict(input=V, taps=[])), ValueError, "no taps"),
    "taps without a start": (
        lambda: tgen.scan(lambda e, a: e, V, dict(taps=[-1])),
        ValueError,
        "taps but no 'initial'",
    ),
    "a tap of the future": (
        lambda: tgen.scan(lambda e, a: e, V, dict(initial=V, taps=[1])),
        ValueError,
        "smaller than 0",
    ),
    "a tap twice": (
        lambda: tgen.scan(lambda e, a: e, V, dict(initial=V, taps=[-1, -1])),
        ValueError,
        "different",
    ),
    "a start without an axis": (
        lambda: tgen.scan(lambda e, a: e, V, dict(initial=F32, taps=[-2])),
        ValueError,
        "leading axis of 2",
    ),
    "a start too short": (
        lambda: tgen.scan(lambda e, a: e, V, dict(initial=np.zeros(2), taps=[-3])),
        ValueError,
        r"has 2 rows; taps "
        r"\[-3\] "
        r"need 3",
    ),
    "return_steps": (
        lambda: tgen.scan(lambda e, a: e, V, dict(initial=F32, return_steps=1)),
        ValueError,
        "not 'return_steps'",
    ),
    "an object": (
        lambda: tgen.scan(lambda e, o: e, V, non_sequences=[object()]),
        TypeError,
        "Cannot convert",
    ),
    "fewer outputs": (
        lambda: tgen.scan(lambda e, a: e, V, [np.float64(0), None]),
        ValueError,
        "returned 1 outputs for 2 entries of outputs_info. Please provide None",
    ),
    "more outputs": (
        lambda: tgen.scan(lambda e, a: [e, a], V, np.float64(0)),
        ValueError,
        "returned 2 outputs for 1",
    ),
    "another dtype": (
        lambda: tgen.scan(lambda e, a: a + e, V, F32),
        ValueError,
        r"initial state.*f32.*dtype "
        r"float32.*dtype "
        r"float64.*comes from "
        r"v\[t\].*T.cast\(f32, "
        r"'float64'\)",
    ),
    "an int start": (
        lambda: tgen.scan(lambda e, a: a + e, V, 0),
        ValueError,
        "When compiling the inner function of scan.*dtype int64",
    ),
    "another rank": (
        lambda: tgen.scan(lambda e, a: V + e, V, np.float64(0)),
        ValueError,
        r"has 0 dimension\(s\).*has 1 dimension\(s\)",
    ),
    "too many arguments": (
        lambda: tgen.scan(lambda e: e, V, np.float64(0), [V]),
        TypeError,
        r"calls fn with "
        r"3 "
        r"arguments, 1 of "
        r"sequences, 1 of "
        r"outputs "
        r"fed back and 1 "
        r"of "
        r"non_sequences, "
        r"but "
        r"it "
        r"is "
        r"fn\(e\)",
    ),
    "fn gives nothing": (
        lambda: tgen.scan(lambda e: None, V),
        ValueError,
        "cannot read what fn returned: None",
    ),
    "updates before outputs": (
        lambda: tgen.scan(lambda e: ({K: K}, e), V),
        ValueError,
        "cannot read what fn returned",
    ),
    "a condition alone": (
        lambda: tgen.scan(lambda e: until(e > 1), V),
        ValueError,
        "cannot read what fn returned",
    ),
    "a vector condition": (
        lambda: tgen.scan(lambda e: (e, until(V > 1)), V),
        TypeError,
        "must be a scalar: use T.all or T.any",
    ),
    "an update of another type": (
        lambda: tgen.scan(lambda e: (e, {K: e}), V),
        TypeError,
        "An update must have the same type",
    ),
    "two updates of one": (
        lambda: tgen.scan(lambda e: (e, [(K, K), (K, K * 2)]), V),
        ValueError,
        "already has an update",
    ),
    "truncated to nothing": (
        lambda: tgen.scan(lambda e: e, V, truncate_gradient=0),
        ValueError,
        "truncate_gradient",
    ),
    "ifelse of a vector": (lambda: tgen.ifelse(V, V, V), TypeError, "must be a scalar.*T.switch"),
    "ifelse of dtypes": (lambda: tgen.ifelse(F32, F32, T.dscalar()), TypeError, "identical types"),
    "ifelse of ranks": (lambda: tgen.ifelse(F32, [V], [V.sum()]), TypeError, "identical types"),
    "ifelse of counts": (lambda: tgen.ifelse(F32, [V, V], [V]), ValueError, "2 and 1"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    make, kind, words = ERRORS[name]
    with pytest.raises(kind, match="(?s)" + words):
        make()


@pytest.mark.slow
def test_rows_whose_size_a_step_finds_are_refused():
    x = T.dmatrix("x")
    with pytest.raises(TypeError, match="test_scan.py.*whose size .length of nonzero. each step finds anew"):
        tgen.function([x], tgen.scan(lambda row: row[T.nonzero(row)], x)[0])
    reduced, _ = tgen.scan(lambda row: row[T.nonzero(row)].sum(), x)
    state, _ = tgen.scan(lambda row, h: row[T.nonzero(row)] + h, x, np.zeros(2))
    assert call([x], reduced, [[0.0, 2.0], [0.0, 0.0]]).tolist() == [2, 0]
    assert call([x], state, [[0.0, 2.0, 3.0], [1.0, 0.0, 1.0]]).tolist() == [[2, 3], [3, 4]]
    with pytest.raises(ValueError):
        call([x], state, [[0.0, 2.0, 0.0]])


def test_a_broadcast_state_that_grows_is_an_error_of_function():
    x = T.dmatrix("x")
    y, _ = tgen.scan(lambda h: h + x, outputs_info=T.zeros((1, 3)), n_steps=2)
    assert y.broadcastable == (False, False, False)
    with pytest.raises(TypeError, match="T.unbroadcast"):
        tgen.function([x], y)
    y, _ = tgen.scan(lambda h: h + x, outputs_info=T.unbroadcast(T.zeros((1, 3)), 0), n_steps=2)
    assert call([x], y, np.ones((1, 3))).tolist() == [[[1, 1, 1]], [[2, 2, 2]]]


def test_a_state_that_changes_its_size_is_an_error_of_the_call(x):
    y, _ = tgen.scan(lambda h: h[1:], outputs_info=x, n_steps=2)
    with pytest.raises(ValueError, match="state 0"):
        call([x], y, FIVE)


def test_no_warnings_of_a_dict_of_updates(x):
    k, m = tgen.shared(0), tgen.shared(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, updates = tgen.scan(lambda e: {k: k + 1, m: m + 2}, x)
        call([x], [], FIVE, updates=updates)
    assert (k.get_value(), m.get_value()) == (5, 10)
