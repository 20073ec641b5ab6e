"""Who shares memory with whom: results, arguments, shared values, what was handed out; what
writes in place.
"""

import gc
from itertools import combinations

import numpy as np
import pytest

import tgen
import tgen.tensor as T

X, V, N = T.dmatrix("x"), T.dvector("v"), T.lscalar("n")


def variables(*arrays, names="abcdefg"):
    return [tgen.shared(np.array(a, "float64"), n) for a, n in zip(arrays, names)]


def test_results_are_nobody_elses():
    w, u = variables(np.arange(12.0).reshape(3, 4), np.arange(4.0))
    f = tgen.function(
        [X, V],
        [X, X, V, w, w, u, w[1:], X.T, w.reshape((4, 3)), X.reshape((-1,)), w + 0, w[0], X[0]],
        updates=[(w, w * 1), (u, w[0])],
    )
    x, v = np.ones((3, 4)), np.ones(2)
    results = f(x, v)
    everything = [*results, x, v, w.get_value(borrow=True), u.get_value(borrow=True)]
    assert not any(np.shares_memory(p, q) for p, q in combinations(everything, 2))
    for r in results:
        r += 1
    assert np.array_equal(w.get_value(), np.arange(12.0).reshape(3, 4)) and np.all(x == 1)


@pytest.mark.slow
def test_one_array_twice_and_views_of_a_borrowed_one():
    mine = np.arange(6.0)
    s = tgen.shared(mine, "s", borrow=True)
    f = tgen.function([V, T.dvector("w")], [V + s], updates=[(s, s * 2 + V)], on_unused_input="ignore")
    assert f(mine, mine)[0].tolist() == (2 * np.arange(6.0)).tolist()
    assert mine.tolist() == list(range(6)) and s.get_value().tolist() == (3 * np.arange(6.0)).tolist()
    assert f(mine[::-1], mine)[0].tolist() == [5 + 2 * k for k in range(6)]


def test_slices_of_different_sets():
    """Slices of two shared data sets at once: one variable's memory is not taken for another's."""
    a, b = variables(np.arange(20.0).reshape(10, 2), np.arange(100.0, 110.0))
    f = tgen.function([N], [a[N : N + 2].sum(axis=1) + b[N : N + 2], a[N + 1] * b[N]])
    for n in (0, 3, 7):
        first, second = f(n)
        assert first.tolist() == [4 * n + 1 + 100 + n, 4 * n + 5 + 101 + n] and second.tolist() == [
            (2 * n + 2) * (100 + n),
            (2 * n + 3) * (100 + n),
        ]


def test_what_is_handed_out_never_changes():
    """In place only where nobody else holds the memory: a borrowed value keeps what it was, however long it
    is held.
    """
    (s,) = variables(np.zeros(4))
    f = tgen.function([], [], updates=[(s, s + 1)])
    f()
    held = [s.get_value(borrow=True)]
    for _ in range(3):
        f()
        held.append(s.get_value(borrow=True))
    assert [h.tolist() for h in held] == [[k] * 4 for k in (1, 2, 3, 4)]
    mine = np.zeros(4)
    s.set_value(mine, borrow=True)
    f()
    assert mine.tolist() == [0] * 4 and s.get_value().tolist() == [1] * 4
    f(), f()
    assert (
        mine.tolist() == [0] * 4
        and [h.tolist()[0] for h in held] == [1, 2, 3, 4]
        and s.get_value().tolist() == [3] * 4
    )


def test_updates_write_in_place_where_they_may():
    """The memory of a large variable nobody holds stays where it is."""
    (s,) = variables(np.zeros(50_000))
    f = tgen.function([V], [], updates=[(s, s * 0.5 + V.sum())])
    f([1.0])
    versions = s.container.storage.version
    f([1.0]), f([1.0])
    assert s.container.storage.version == versions and s.get_value()[0] == 1.75


@pytest.mark.slow
def test_results_outlive_the_function():
    (s,) = variables(np.arange(4.0))
    f = tgen.function([X], [X * 2, s + 1])
    results = f(np.ones((500, 400)))
    del f, s
    gc.collect()
    assert results[0].sum() == 400_000 and results[1].tolist() == [1, 2, 3, 4]
