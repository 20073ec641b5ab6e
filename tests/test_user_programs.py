"""Small programs as users write them, each beside the same program in NumPy; and what they are told when
sizes do not fit.
"""

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen import function, shared

pytestmark = pytest.mark.slow


def near(got, wanted, tolerance=1e-9):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# -- regressions ---------------------------------------------------------------------------------------------


def test_linear_regression_with_a_decaying_rate(rng):
    X, Y = rng.normal(size=(40, 3)), rng.normal(size=40)
    x, y = T.dmatrix("x"), T.dvector("y")
    w, b, rate = shared(np.zeros(3), "w"), shared(0.0, "b"), shared(0.5, "rate")
    cost = T.mean((T.dot(x, w) + b - y) ** 2)
    gw, gb = T.grad(cost, [w, b])
    train = function([x, y], cost, updates=[(w, w - rate * gw), (b, b - rate * gb), (rate, rate * 0.9)])
    v, c, r = np.zeros(3), 0.0, 0.5
    for _ in range(10):
        error = X @ v + c - Y
        near(train(X, Y), np.mean(error**2))
        v, c, r = v - r * 2 * X.T @ error / 40, c - r * 2 * error.mean(), r * 0.9
    near(w.get_value(), v)
    near(b.get_value(), c)


def test_logistic_regression_over_slices_of_shared_data(rng):
    X, Y = shared(rng.normal(size=(30, 4)), "X"), shared(rng.integers(0, 3, 30).astype("float64"), "Y")
    x, y, index = T.dmatrix("x"), T.ivector("y"), T.lscalar("index")
    W = shared(np.zeros((4, 3)), "W")
    p = T.nnet.softmax(T.dot(x, W))
    cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    rows = slice(index * 8, (index + 1) * 8)
    train = function(
        [index],
        [cost, T.mean(T.neq(T.argmax(p, axis=1), y))],
        updates=[(W, W - 0.5 * T.grad(cost, W))],
        givens={x: X[rows], y: T.cast(Y, "int32")[rows]},
    )
    V = np.zeros((4, 3))
    for k in (0, 1, 2, 3, 0):
        A, L = X.get_value()[k * 8 : (k + 1) * 8], Y.get_value()[k * 8 : (k + 1) * 8].astype(int)
        e = np.exp(A @ V)
        q = e / e.sum(axis=1, keepdims=True)
        near(train(k), [-np.log(q[np.arange(len(L)), L]).mean(), (q.argmax(axis=1) != L).mean()])
        V = V - 0.5 * A.T @ (q - np.eye(3)[L]) / len(L)
    near(W.get_value(), V)


def test_polynomial_fit(rng):
    xs = rng.uniform(-1, 1, 50)
    ys = 1 - 2 * xs + 3 * xs**3
    x, y, c = T.dvectors("x", "y", "c")
    powers = x.dimshuffle(0, "x") ** T.arange(4)
    cost = T.sum((T.dot(powers, c) - y) ** 2)
    normal = function([x, y], [T.dot(powers.T, powers), T.dot(powers.T, y)])
    A, b = normal(xs, ys)
    near(np.linalg.solve(A, b), [1, -2, 0, 3])
    near(function([x, y, c], T.grad(cost, c))(xs, ys, [1, -2, 0, 3]), np.zeros(4))


def test_newton_step_with_a_hessian_vector_product(rng):
    M = rng.normal(size=(5, 5))
    A, b = M @ M.T + np.eye(5), rng.normal(size=5)
    w, v = T.dvectors("w", "v")
    g = T.grad(0.5 * T.dot(w, T.dot(A, w)) - T.dot(b, w) + T.sum(w**4), w)
    product = function([w, v], T.grad(T.sum(g * v), w))
    gradient = function([w], g)
    at = rng.normal(size=5)
    for _ in range(8):
        H = np.array([product(at, row) for row in np.eye(5)])
        near(H, A + np.diag(12 * at**2))
        at = at - np.linalg.solve(H, gradient(at))
    near(gradient(at), np.zeros(5), 1e-8)


# -- networks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-4)])
def test_perceptron_with_momentum_and_dropout(rng, dtype, tolerance):
    with tgen.config.change_flags(floatX=dtype):
        x, mask, y = T.matrix("x"), T.matrix("mask"), T.ivector("y")
        values = [rng.normal(size=s).astype(dtype) * 0.3 for s in [(6, 8), (8,), (8, 3), (3,)]]
        W1, b1, W2, b2 = params = [shared(v, n) for v, n in zip(values, ("W1", "b1", "W2", "b2"))]
        speeds = [shared(np.zeros_like(v)) for v in values]
        hidden = T.tanh(T.dot(x, W1) + b1) * mask / 0.8
        cost = T.mean(
            T.nnet.categorical_crossentropy(T.nnet.softmax(T.dot(hidden, W2) + b2), y)
        ) + 1e-3 * sum((p**2).sum() for p in (W1, W2))
        updates = []
        for p, s, g in zip(params, speeds, T.grad(cost, params)):
            updates += [(s, 0.9 * s - 0.1 * g), (p, p + 0.9 * s - 0.1 * g)]
        train = function([x, mask, y], cost, updates=updates)
    X, L, D = (
        rng.normal(size=(20, 6)).astype(dtype),
        rng.integers(0, 3, 20).astype("int32"),
        (rng.random((20, 8)) < 0.8).astype(dtype),
    )
    values, moving = [v.astype("float64") for v in values], [0.0] * 4
    for _ in range(6):
        h = np.tanh(X @ values[0] + values[1])
        e = np.exp(h * D / 0.8 @ values[2] + values[3])
        q = e / e.sum(axis=1, keepdims=True)
        result = train(X, D, L)
        assert result.dtype == dtype
        near(
            result,
            -np.log(q[np.arange(20), L]).mean() + 1e-3 * ((values[0] ** 2).sum() + (values[2] ** 2).sum()),
            tolerance,
        )
        d = (q - np.eye(3)[L]) / 20
        back = d @ values[2].T * D / 0.8 * (1 - h**2)
        grads = [
            X.T @ back + 2e-3 * values[0],
            back.sum(axis=0),
            (h * D / 0.8).T @ d + 2e-3 * values[2],
            d.sum(axis=0),
        ]
        moving = [0.9 * s - 0.1 * g for s, g in zip(moving, grads)]
        values = [v + s for v, s in zip(values, moving)]
    for p, v in zip(params, values):
        assert p.dtype == dtype
        near(p.get_value(), v, tolerance * 10)


def test_autoencoder_with_tied_weights(rng):
    X = rng.uniform(0.1, 0.9, (10, 6))
    x, W = T.dmatrix("x"), shared(rng.normal(size=(6, 3)), "W")
    b, c = shared(np.zeros(3), "b"), shared(np.zeros(6), "c")
    z = T.nnet.sigmoid(T.dot(T.nnet.sigmoid(T.dot(x, W) + b), W.T) + c)
    cost = T.mean(T.sum(T.nnet.binary_crossentropy(z, x), axis=1))
    f = function([x], [cost] + T.grad(cost, [W, b, c]))

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    V = W.get_value()
    h = sigmoid(X @ V)
    q = sigmoid(h @ V.T)
    d = (q - X) / 10
    back = d @ V * h * (1 - h)
    for got, wanted in zip(
        f(X),
        [
            -(X * np.log(q) + (1 - X) * np.log(1 - q)).sum(axis=1).mean(),
            X.T @ back + d.T @ h,
            back.sum(axis=0),
            d.sum(axis=0),
        ],
    ):
        near(got, wanted)


def test_unrolled_recurrence(rng):
    S, A = rng.normal(size=(5, 2, 3)), rng.normal(size=(3, 3)) * 0.5
    seq, W = T.dtensor3("seq"), shared(A, "W")
    h, states = T.zeros_like(seq[0]), []
    for t in range(5):
        h = T.tanh(seq[t] + T.dot(h, W))
        states.append(h)
    cost = T.sum(T.stack(states) ** 2)

    def total(V):
        state, squares = np.zeros((2, 3)), 0.0
        for t in range(5):
            state = np.tanh(S[t] + state @ V)
            squares += (state**2).sum()
        return squares

    value, slope = function([seq], [cost, T.grad(cost, W)])(S)
    near(value, total(A))
    steps = 1e-6 * np.eye(9).reshape(9, 3, 3)
    near(slope.ravel(), [(total(A + s) - total(A - s)) / 2e-6 for s in steps], 1e-6)


def test_batch_normalisation_by_hand(rng):
    X = rng.normal(3, 2, (12, 4))
    x, gamma, running = T.dmatrix("x"), shared(np.full(4, 2.0), "gamma"), shared(np.zeros(4), "running")
    mean, var = x.mean(axis=0), x.var(axis=0)
    y = gamma * (x - mean) / T.sqrt(var + 1e-5)
    f = function(
        [x],
        [y, T.grad(T.sum(y * T.arange(12).dimshuffle(0, "x")), x)],
        updates=[(running, 0.9 * running + 0.1 * mean)],
    )
    got, slope = f(X)
    std = np.sqrt(X.var(axis=0) + 1e-5)
    hat, g = (X - X.mean(axis=0)) / std, 2.0 * np.arange(12)[:, None] * np.ones(4)
    near(got, 2 * hat)
    near(slope, (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0)) / std)
    near(running.get_value(), 0.1 * X.mean(axis=0))


def test_embedding_with_sparse_updates(rng):
    table = rng.normal(size=(7, 3))
    E, words, target = shared(table, "E"), T.ivector("words"), T.dmatrix("target")
    picked = E[words]
    cost = T.sum((picked - target) ** 2)
    train = function(
        [words, target], cost, updates=[(E, T.inc_subtensor(picked, -0.1 * T.grad(cost, picked)))]
    )
    index, wanted = np.array([3, 1, 3, 6], "int32"), rng.normal(size=(4, 3))
    near(train(index, wanted), ((table[index] - wanted) ** 2).sum())
    np.add.at(table, index, -0.2 * (table[index] - wanted))
    near(E.get_value(), table)


# -- algorithms ----------------------------------------------------------------------------------------------


def test_k_means_steps(rng):
    X = np.concatenate([rng.normal(c, 0.3, (20, 2)) for c in (-3, 0, 3)])
    points, centres = T.dmatrix("points"), shared(X[[0, 25, 50]], "centres")
    distance = T.sum((points.dimshuffle(0, "x", 1) - centres.dimshuffle("x", 0, 1)) ** 2, axis=2)
    nearest = T.argmin(distance, axis=1)
    member = T.eq(nearest.dimshuffle(0, "x"), T.arange(3))
    step = function(
        [points],
        nearest,
        updates=[(centres, T.dot(member.T, points) / member.sum(axis=0).dimshuffle(0, "x"))],
    )
    C = X[[0, 25, 50]]
    for _ in range(3):
        near_to = ((X[:, None] - C) ** 2).sum(axis=2).argmin(axis=1)
        np.testing.assert_array_equal(step(X), near_to)
        C = np.stack([X[near_to == k].mean(axis=0) for k in range(3)])
        near(centres.get_value(), C)


def test_power_iteration(rng):
    M = rng.normal(size=(6, 6))
    A = M @ M.T
    a, v = T.dmatrix("a"), shared(np.ones(6), "v")
    w = T.dot(a, v)
    step = function([a], T.dot(v, w), updates=[(v, w / w.norm(2))])
    for _ in range(500):
        value = step(A)
    near(value, np.linalg.eigvalsh(A)[-1], 1e-6)


def test_game_of_life():
    board = np.zeros((6, 6), "int8")
    board[1:4, 2] = 1
    world = shared(board, "world")
    inner = sum(
        world[1 + i : (i - 1) or None, 1 + j : (j - 1) or None]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if i or j
    )
    alive = T.or_(T.eq(inner, 3), T.and_(T.eq(world[1:-1, 1:-1], 1), T.eq(inner, 2)))
    step = function([], inner, updates=[(world, T.set_subtensor(world[1:-1, 1:-1], T.cast(alive, "int8")))])
    step()
    wanted = np.zeros((6, 6), "int8")
    wanted[2, 1:4] = 1
    np.testing.assert_array_equal(world.get_value(), wanted)
    step()
    np.testing.assert_array_equal(world.get_value(), board)


def test_moving_average_over_a_growing_state():
    recent, value = shared(np.zeros(0), "recent"), T.dscalar("value")
    window = T.concatenate([recent, T.stack([value])])[-3:]
    average = function([value], window.mean(), updates=[(recent, window)])
    assert [float(average(v)) for v in (3.0, 6.0, 9.0, 12.0)] == [3.0, 4.5, 6.0, 9.0]
    near(recent.get_value(), [6, 9, 12])


def test_masked_loss_lets_no_nan_into_the_gradient():
    x, w = T.dmatrix("x"), shared(np.array([1.0, -2.0]), "w")
    known = ~T.isnan(x)
    cost = T.sum(T.switch(known, (T.switch(known, x, 0) * w - 1) ** 2, 0)) / known.sum()
    value, slope = function([x], [cost, T.grad(cost, w)])([[1, np.nan], [2, 3], [np.nan, np.nan]])
    near([value, *slope], [(0 + 1 + 49) / 3, 2 * (0 * 1 + 1 * 2) / 3, 2 * (-7 * 3) / 3])


# -- sizes ---------------------------------------------------------------------------------------------------


def test_an_array_beside_a_slice_of_itself():
    m, n = T.dmatrix("m"), T.lscalar("n")
    joined = function([m], T.concatenate([m, m[:, :2]], axis=0))
    assert joined(np.ones((3, 2))).shape == (6, 2) and joined(np.ones((3, 1))).shape == (6, 1)
    near(function([m, n], m + m[:, :n])(np.ones((3, 2)), 5), np.full((3, 2), 2.0))
    assert function([m], m + m[:, 1:])(np.ones((3, 0))).shape == (3, 0)
    with pytest.raises(ValueError, match=r"m\.shape\[1\] is 3 but m\[\.\.\.\]\.shape\[1\] is 2"):
        joined(np.ones((3, 3)))


def test_a_mask_made_of_a_comparison_with_a_number():
    b = T.TensorType("bool", (None, None))("b")
    values = np.array([[True, False], [False, True]])
    np.testing.assert_array_equal(function([b], b[b > 0])(values), [True, True])
    x = T.dmatrix("x")
    near(function([x, b], T.set_subtensor(x[b > 0], 5.0))(np.zeros((2, 2)), values), 5.0 * values)


@pytest.mark.parametrize(
    "make, args, words",
    [
        (lambda x, y, m, w, i: ([x, y], x + y), ([1, 2], [1, 2, 3]), "y.shape[0] is 3 but x.shape[0] is 2"),
        (lambda x, y, m, w, i: ([y, x], x + y), ([1, 2], [1, 2, 3]), "x.shape[0] is 3 but y.shape[0] is 2"),
        (
            lambda x, y, m, w, i: ([m], T.dot(m, w)),
            (np.ones((2, 5)),),
            "w.shape[0] is 4 but m.shape[1] is 5; dot at",
        ),
        (
            lambda x, y, m, w, i: ([m, x], m + x),
            (np.ones((2, 5)), np.ones(4)),
            "x.shape[0] is 4 but m.shape[1] is 5; add at",
        ),
        (
            lambda x, y, m, w, i: ([m, x], T.nnet.softmax(T.dot(m, w)) + x),
            (np.ones((2, 4)), [1, 2]),
            "w.shape[1] is 3 but x.shape[0] is 2; add at",
        ),
        (
            lambda x, y, m, w, i: ([m, x], T.set_subtensor(m[0], x)),
            (np.ones((3, 3)), [1, 2]),
            "x.shape[0] is 2 but m.shape[1] is 3",
        ),
        (
            lambda x, y, m, w, i: ([m, x], m[x > 0]),
            (np.ones((3, 3)), [1, 2]),
            "x.shape[0] is 2 but m.shape[0] is 3",
        ),
        (
            lambda x, y, m, w, i: ([m], m.reshape((2, 5))),
            (np.ones((3, 3)),),
            "the size of m is 9 but the new shape's size is 10; reshape at",
        ),
        (
            lambda x, y, m, w, i: ([x, y], T.switch(x > 0, x, y)),
            ([1, 2], [1]),
            "y.shape[0] is 1 but x.shape[0] is 2; switch at",
        ),
        (
            lambda x, y, m, w, i: ([m, i], T.nnet.categorical_crossentropy(T.nnet.softmax(m), i)),
            (np.ones((2, 4)), [1, 5]),
            "a label is out of range: classes are numbered 0 to 3; i holds 5 at",
        ),
    ],
)
def test_messages_name_both_users_and_the_line(make, args, words):
    x, y, m, i = T.dvector("x"), T.dvector("y"), T.dmatrix("m"), T.ivector("i")
    inputs, output = make(x, y, m, shared(np.ones((4, 3)), "w"), i)
    with pytest.raises((ValueError, IndexError)) as caught:
        function(inputs, output)(*args)
    assert words in str(caught.value) and "test_user_programs.py:" in str(caught.value)
    assert ("broadcasts only when the type says so" in str(caught.value)) == (" is 1 " in str(caught.value))


def test_a_shape_in_two_arguments_is_explained():
    with pytest.raises(ValueError, match="a shape is one argument"):
        T.dvector().reshape(2, 3)
