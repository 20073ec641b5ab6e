"""x[key], set_subtensor and inc_subtensor against NumPy, keys as constants and as variables."""

import itertools

import numpy as np
import pytest
from graph_eval import evaluate

import tgen
import tgen.tensor as T
from tgen.ir.verify import verify

X1, X2, X3 = np.arange(6.0) + 1, np.arange(12.0).reshape(3, 4) + 1, np.arange(24.0).reshape(2, 3, 4) + 1
SLICES = [
    slice(a, b, s)
    for a in (None, 0, 1, 4, 9, -1, -2, -9)
    for b in (None, 0, 2, 9, -1, -3, -9)
    for s in (None, 2, -1, -3)
]
KEYS = {
    1: [
        0,
        -1,
        5,
        None,
        Ellipsis,
        (),
        [0, 0, 2],
        [],
        np.array([[1, -1], [0, 5]]),
        X1 > 3,
        (None, slice(1, 4)),
        (Ellipsis, None),
        np.int8(2),
        np.array(3),
    ],
    2: [
        (0,),
        (1, 2),
        (-1, -1),
        (slice(None), 1),
        (0, slice(1, None)),
        (slice(None), [2, 0]),
        ([1, 0], slice(1, None)),
        ([0, 0, 2], [1, 1, 3]),
        ([[0], [2]], [1, 3]),
        (X2 > 5,),
        X2 > 50,
        (None, 1),
        (slice(None, None, -1), slice(None, None, 2)),
        (1, [0, 3]),
        ([0, 2], 1),
        (Ellipsis, 0),
        ([2, 1], None),
        (None, [2, 1], None),
        (slice(2, 0, -1), [1, 0, 0]),
        (np.array([True, False, True]), slice(0, 2)),
        (slice(None), np.array([True, False, True, True])),
        (np.array([True, False, True]), [0, 3]),
        ([[0, 1], [2, 0]],),
        (slice(0, 0), 1),
    ],
    3: [
        (1, slice(None), 2),
        (slice(None), 1),
        (Ellipsis, 1),
        (0, Ellipsis, [0, 3]),
        ([0, 1], slice(None), [1, 2]),
        (slice(None), [0, 1], [2, 3]),
        (0, [1, 2]),
        ([0, 1], slice(None), 2),
        (slice(None), [[0, 1]], None, 1),
        (slice(1, None), [2, 0], slice(None, None, -2)),
        (1, 2, 3),
        (None, Ellipsis, None),
        (X3[:, :, 0] > 6,),
        (slice(None), np.ones((3, 4), bool)),
        ([1], [2], [3]),
        (slice(None), 1, slice(None), None),
        ([0, 1], Ellipsis, slice(1, 3)),
        (1, slice(None), [0, 1], None),
        ([1, 0], None, [2, 1]),
    ],
}
CASES = [(1, key) for key in KEYS[1] + SLICES] + [(n, key) for n in (2, 3) for key in KEYS[n]]
BASES = {1: X1, 2: X2, 3: X3}


def symbolic(key, given):
    """The key with every int (bounds too) and integer array replaced by a variable, whose value goes into
    ``given``.
    """

    def one(item):
        if isinstance(item, slice):
            return slice(bound(item.start), bound(item.stop), item.step)
        if isinstance(item, (int, np.integer)):
            return bound(int(item))
        if isinstance(item, list) or isinstance(item, np.ndarray) and item.ndim:
            array = np.asarray(item, None if len(item) else "int64")
            v = T.tensor(array.dtype.name, tuple(1 if n == 1 else None for n in array.shape))
            given[v] = array
            return v
        return item

    def bound(value):
        if value is None:
            return None
        v = T.lscalar()
        given[v] = value
        return v

    return tuple(map(one, key)) if isinstance(key, tuple) else one(key)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)))
def test_reads_and_writes_as_numpy(number):
    ndim, key = CASES[number]
    base = BASES[ndim]
    expected = base[key]
    value = np.arange(100.0, 100.0 + expected.size).reshape(expected.shape)
    was_set, was_added = base.copy(), base.copy()
    was_set[key] = value
    np.add.at(was_added, key, value)
    for make in (lambda given: key, lambda given: symbolic(key, given)):
        x, v = T.tensor("float64", (None,) * ndim), T.tensor("float64", (None,) * expected.ndim)
        given = {x: base, v: value}
        picked = x[make(given)]
        results = evaluate([picked, T.set_subtensor(picked, v), T.inc_subtensor(picked, v)], given)
        for got, wanted in zip(results, (expected, was_set, was_added)):
            assert got.dtype == wanted.dtype and got.shape == wanted.shape and np.array_equal(got, wanted), (
                key
            )


@pytest.mark.slow
@pytest.mark.parametrize("key", SLICES, ids=str)
def test_slices_of_static_axes_have_static_sizes(key):
    x = T.tensor("float64", (6,))
    assert x[key].type.shape == X1[key].shape
    assert np.array_equal(evaluate([x[key]], {x: X1})[0], X1[key])


@pytest.mark.slow
@pytest.mark.parametrize("n", [0, 1, 2, 7])
@pytest.mark.parametrize("number", range(len(SLICES)))
def test_slices_of_other_lengths(number, n):
    x, data = T.vector(), np.arange(float(n))
    given = {x: data}
    assert np.array_equal(evaluate([x[SLICES[number]]], given)[0], data[SLICES[number]])
    assert np.array_equal(evaluate([x[symbolic(SLICES[number], given)]], given)[0], data[SLICES[number]])


def test_minibatches_are_slices_with_symbolic_bounds():
    x, i = T.vector("x"), T.iscalar("i")
    batch = x[i * 4 : (i + 1) * 4]
    assert [evaluate([batch], {x: X1, i: k})[0].tolist() for k in (0, 1, 2)] == [[1, 2, 3, 4], [5, 6], []]


def test_broadcast_patterns_of_results():
    x, r = T.matrix(), T.row()
    assert (
        x[0:1].broadcastable == (False, False)
        and x[None, 0].broadcastable == (True, False)
        and r[0].broadcastable == (False,)
    )
    assert (
        r[:, 1:].broadcastable == (True, False)
        and r[:].type.shape == (1, None)
        and x[[0]].broadcastable == (True, False)
    )


@pytest.mark.parametrize(
    "key, error",
    [
        ((0, 0, 0), IndexError),
        (1.5, TypeError),
        ("a", TypeError),
        (True, TypeError),
        ([0.5], TypeError),
        ((Ellipsis, Ellipsis), IndexError),
        (slice(None, None, 0), ValueError),
        (slice(0.5, None), TypeError),
        (object(), TypeError),
    ],
)
def test_keys_that_are_refused(key, error):
    with pytest.raises(error):
        T.matrix()[key]


def test_a_float_variable_is_refused():
    with pytest.raises(TypeError, match="T.cast"):
        T.vector()[T.dscalar("f")]


@pytest.mark.slow
def test_slices_with_a_variable_step():
    x, a, b, s = T.dmatrix("x"), *T.lscalars("a", "b", "s")
    f = tgen.function(
        [x, a, b, s],
        [x[a:b:s], x[:, ::s], x[:b:s, 1], T.set_subtensor(x[a::s], 7.0), T.grad((x[:, ::s] ** 2).sum(), x)],
    )
    X = np.arange(20.0).reshape(5, 4)
    for start, stop, step in itertools.product((-7, -2, 0, 3, 6), (-6, -1, 0, 4, 9), (-7, -2, -1, 1, 2, 6)):
        written, slope = X.copy(), np.zeros_like(X)
        written[start::step], slope[:, ::step] = 7, 2 * X[:, ::step]
        for got, wanted in zip(
            f(X, start, stop, step), [X[start:stop:step], X[:, ::step], X[:stop:step, 1], written, slope]
        ):
            np.testing.assert_array_equal(got, wanted)
    with pytest.raises(ValueError):
        f(X, 0, 1, 0)


def test_indices_out_of_range():
    x, i = T.vector(), T.lscalar()
    for key in (3, -4, [0, 3], i):
        with pytest.raises(IndexError):
            evaluate([x[key]], {x: np.ones(3), i: 3})
    static = T.tensor("float64", (3,))
    for key in (3, -4):
        with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
            static[key]


def test_set_subtensor_broadcasts_casts_and_leaves_its_base():
    x = T.fmatrix()
    y = T.set_subtensor(x[1:, :], np.float64(2))
    assert y.type == x.type
    got, base = evaluate([y, x], {x: X2})
    assert (got[1:] == 2).all() and (base == X2).all()
    assert evaluate([T.inc_subtensor(x[:, [0, 0]], [[1], [2], [3]])], {x: X2})[0][:, 0].tolist() == [3, 9, 15]
    assert evaluate([T.set_subtensor(x[1], T.ones((4,)))], {x: X2})[0][1].tolist() == [1] * 4


def test_only_indexed_variables_can_be_written():
    x = T.matrix("x")
    for wrong in (x, x + 1, x.T, 3):
        with pytest.raises(TypeError, match="indexed variable"):
            T.set_subtensor(wrong, 1)
    with pytest.raises(TypeError, match="1-dimensional"):
        T.set_subtensor(x[0], x)
    with pytest.raises(TypeError, match="item assignment"):
        x[0] = 1


def test_shape_unpacks_and_indexes_to_its_sizes():
    x = T.tensor3("x")
    a, b, c = x.shape
    assert [v.owner.op.name for v in (a, x.shape[1], x.shape[-1])] == ["shape_i"] * 3
    assert x.shape[1:].type.shape == (2,) and x.shape[T.constant(2)].owner.attrs == {"axis": 2}
    got = evaluate([a * b * c, x.shape, x.size, x.shape[1:], x.shape[[0, 2]]], {x: X3})
    assert [g.tolist() for g in got] == [24, [2, 3, 4], 24, [3, 4], [2, 4]]
    with pytest.raises(IndexError):
        x.shape[3]


@pytest.mark.parametrize(
    "walk", [list, iter, sum, tuple, lambda x: 1 in x], ids=["list", "iter", "sum", "tuple", "in"]
)
def test_iteration_over_an_unknown_length(walk):
    with pytest.raises(TypeError, match="does not support iteration|not iterable"):
        walk(T.dmatrix())


def test_iteration_over_a_known_length():
    a, b = T.tensor("float64", (2, None))
    assert a.ndim == b.ndim == 1
    assert len(list(T.stack([T.scalar(), T.scalar(), T.scalar()]))) == 3


def test_masks_must_fit():
    with pytest.raises(IndexError, match="size of axis is 3 but size of the mask is 2"):
        T.tensor("float64", (3, None))[np.array([True, False])]
    with pytest.raises(IndexError, match="too many"):
        T.vector()[np.ones((2, 2), bool)]


TAKES = [
    (X2, [0, 2, 2], 0, "raise"),
    (X2, [[3, 0]], 1, "raise"),
    (X2, [11, 0], None, "raise"),
    (X2, [-7, 5], 0, "wrap"),
    (X2, [-7, 5], 0, "clip"),
    (X3, [[1, 0], [0, 1]], -2, "raise"),
    (X1, 3, 0, "raise"),
]


@pytest.mark.parametrize("x, indices, axis, mode", TAKES)
def test_take(x, indices, axis, mode):
    v = T.tensor("float64", (None,) * x.ndim)
    assert np.array_equal(
        evaluate([v.take(indices, axis, mode)], {v: x})[0], np.take(x, indices, axis, mode=mode)
    )


PLACES = [  # (of a vector of integers i, its value, the error when the function runs)
    (lambda i: T.inverse_permutation(i), [0, 2, 3], IndexError),
    (lambda i: T.permute_row_elements(np.arange(6.0).reshape(2, 3), i), [0, 1, 3], IndexError),
    (lambda i: T.permute_row_elements(np.arange(6.0).reshape(2, 3), i), [0, 1], ValueError),
    (lambda i: T.unravel_index(i, (2, 3))[0], [0, 6], IndexError),
    (lambda i: T.unravel_index(i, (2, 3))[0], [0, -1], IndexError),
    (lambda i: T.ravel_multi_index((i, i), (3, 2)), [0, 2], IndexError),
    (lambda i: T.ravel_multi_index((i, i), (3, 2)), [-1, 0], IndexError),
    (lambda i: T.bincount(i, assert_nonneg=True), [1, -1], ValueError),
    (lambda i: T.specify_shape(i, (3,)), [1, 2], ValueError),
    (lambda i: T.specify_shape(i, (i[0],)), [3, 0], ValueError),
    (lambda i: T.fill_diagonal(T.zeros((i[0], i[1], i[1])), 1), [2, 3], ValueError),
    (lambda i: T.nnet.crossentropy_softmax_1hot(np.eye(3), i)[0], [0, 1, 3], ValueError),
]


@pytest.mark.slow
@pytest.mark.parametrize("row", range(len(PLACES)))
def test_what_is_out_of_range_is_found_when_the_function_runs(row):
    make, value, error = PLACES[row]
    i = T.lvector("i")
    f = tgen.function([i], make(i))
    with pytest.raises(error):
        f(value)


def test_nonzero_compress_choose():
    x, i = T.dmatrix(), T.lvector()
    data = np.array([[0, 1.0, 0], [2, 0, 3]])
    rows, columns, values, flat, matrix, picked, kept = evaluate(
        [
            *x.nonzero(),
            T.nonzero_values(x),
            T.flatnonzero(x),
            T.nonzero(x, return_matrix=True),
            T.compress([0, 1], x, axis=0),
            i.choose(x),
        ],
        {x: data, i: [1, 0, 1]},
    )
    assert (
        np.array_equal([rows, columns], np.nonzero(data))
        and values.tolist() == [1, 2, 3]
        and flat.tolist() == [1, 3, 5]
    )
    assert (
        np.array_equal(matrix, np.nonzero(data))
        and np.array_equal(picked, data[1:])
        and kept.tolist() == [2, 1, 3]
    )
    with pytest.raises(ValueError):
        T.nonzero(T.scalar())


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("function", [lambda z: z, T.sum, T.exp])
def test_a_run_of_indices_that_is_out_of_range_for_sure(size, function):
    """Found at the call as other indices are, and no kernel reads it."""
    x = T.TensorType("float64", (size,))("x")
    for index in (T.arange(3), T.arange(3)[::-1], T.arange(3)[1:]):
        f = tgen.function([x], function(x[index]))
        with pytest.raises(IndexError, match="out of bounds"):
            f(np.ones(size))


@pytest.mark.slow
def test_what_is_read_of_nothing_is_refused_at_the_call():
    """A static axis of 0, behind the passes too: the IR is right, for the check ends the call."""
    x = T.dvector("x")
    f = tgen.function([x], T.take(x[:0], [0], 0, mode="clip"))
    verify(f.fn.program.final())
    with pytest.raises(IndexError, match="size 0"):
        f(np.ones(3))
    f = tgen.function([x], T.logsumexp(x[:0].reshape((0, 3)), axis=0))
    verify(f.fn.program.final())
    np.testing.assert_array_equal(f(np.ones(3)), np.full(3, -np.inf))
