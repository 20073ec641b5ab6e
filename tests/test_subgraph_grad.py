"""subgraph_grad: the gradients of a graph part by part are those of the whole; and gradients of variables
that pass nothing on.
"""

import numpy as np
import pytest
from tgen.gradient import DisconnectedType, NullType, grad_not_implemented, grad_undefined, subgraph_grad

import tgen
import tgen.tensor as T
from tgen import function, grad, shared
from tgen.tensor import exp


@pytest.fixture
def net():
    """(x, t, hidden, w1, w2, cost of the upper part, cost of the lower part)."""
    rng = np.random.default_rng(3)
    x, t = T.dvector("x"), T.dvector("t")
    w1, w2 = shared(rng.normal(size=(3, 4)), "w1"), shared(rng.normal(size=(4, 2)), "w2")
    hidden = T.tanh(T.dot(x, w1))
    upper = T.sqr(T.tanh(T.dot(hidden, w2)) - t).sum() + T.sqr(w2.sum())
    return x, t, hidden, w1, w2, upper, T.sqr(w1.sum())


VALUES = [0.5, -1.0, 2.0], [0.3, 0.7]


@pytest.mark.slow
def test_part_by_part_is_the_whole(net):
    x, t, hidden, w1, w2, upper, lower = net
    [g2], ends = subgraph_grad(wrt=[w2], end=[hidden], cost=upper)
    [g1], [gx] = subgraph_grad(wrt=[w1], end=[x], start={hidden: ends[0]}, cost=lower)
    whole = grad(upper + lower, [w2, w1, x])
    for part, wanted in zip(function([x, t], [g2, g1, gx])(*VALUES), function([x, t], whole)(*VALUES)):
        np.testing.assert_allclose(part, wanted, rtol=1e-12)


def test_details(net):
    x, t, hidden, w1, w2, upper, lower = net
    start = {hidden: grad(upper, hidden)}
    wrt, end, from_start, from_cost = subgraph_grad([w1], [x], start, lower, details=True)
    parts = function([x, t], [wrt[0], end[0], *from_start, *from_cost])(*VALUES)
    np.testing.assert_allclose(parts[0], parts[2] + parts[4])
    np.testing.assert_allclose(parts[1], parts[3] + parts[5])
    assert not parts[5].any() and parts[3].any() and parts[4].any()
    assert (
        subgraph_grad([w1], [x], start, details=True)[3] is None
        and subgraph_grad([w1], [x], cost=lower, details=True)[2] is None
    )


def test_what_lies_behind_the_end_gets_nothing(net):
    x, t, hidden, w1, w2, upper, lower = net
    [g1], [gh] = subgraph_grad([w1], [hidden], cost=upper)
    first, second = function([x, t], [g1, gh])(*VALUES)
    assert not first.any() and first.shape == (3, 4) and second.any()


@pytest.mark.slow
def test_variables_named_twice_and_none(net):
    x, t, hidden, w1, w2, upper, lower = net
    wrt, end = subgraph_grad([hidden, w2], [hidden], cost=upper)
    values = function([x, t], [*wrt, *end])(*VALUES)
    np.testing.assert_array_equal(values[0], values[2])
    assert subgraph_grad([], [], cost=upper) == ([], [])
    [zero], _ = subgraph_grad([w2], [], start={})
    assert not function([], zero)().any()


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (lambda w, c: ([w], []), ValueError, "a cost or start"),
        (lambda w, c: (w, [], None, c), TypeError, "wrt must be a list"),
        (lambda w, c: ([w], (w,), None, c), TypeError, "end must be a list"),
        (lambda w, c: ([w], [], [(w, w)], c), TypeError, "start must be a dict"),
        (lambda w, c: ([w], [], None, w), TypeError, "cost must be a scalar"),
    ],
)
def test_wrong_arguments(net, arguments, error, words):
    with pytest.raises(error, match=words) as caught:
        subgraph_grad(*arguments(net[4], net[5]))
    assert isinstance(caught.value, AssertionError) or words.startswith("cost")


def test_also_under_the_name_of_the_package():
    theano = tgen.install_as_theano()
    assert theano.subgraph_grad is theano.gradient.subgraph_grad is subgraph_grad
    tgen.uninstall_theano()


# -- consider_constant and wrt at once


def test_a_constant_has_a_gradient_of_its_own():
    x = T.dscalar("x")
    y = exp(x)
    z = y * x + y**2
    dx, dy = grad(z, [x, y], consider_constant=[y])
    np.testing.assert_allclose(function([x], [dx, dy])(0.5), [np.exp(0.5), 0.5 + 2 * np.exp(0.5)])


def test_a_constant_beside_another_output_of_its_node():
    x = T.dmatrix("x")
    top, bottom = T.split(x, [1, 1], 2)
    cost = (top * 2 + bottom * 3).sum()
    dx, dtop = grad(cost, [x, top], consider_constant=[top])
    first, second = function([x], [dx, dtop])([[1.0, 1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(first, [[0, 0], [3, 3]])
    np.testing.assert_array_equal(second, [[2, 2]])


# -- types of what is not there


def test_types_of_absent_gradients():
    x, y = T.dscalars("xy")
    absent = grad(x**2, y, disconnected_inputs="ignore", return_disconnected="Disconnected")
    assert isinstance(absent.type, DisconnectedType) and isinstance(
        DisconnectedType()().type, DisconnectedType
    )
    assert (
        DisconnectedType() == DisconnectedType()
        and hash(DisconnectedType()) == hash(DisconnectedType())
        and NullType("a") == NullType("b")
    )
    assert tgen.pyops.DisconnectedType is DisconnectedType
    for make, words in (
        (grad_undefined, "has none in its input"),
        (grad_not_implemented, "does not implement it"),
    ):
        g = make("thing", 1, x, "because")
        assert (
            isinstance(g.type, NullType)
            and words in g.type.why_null
            and "because" in g.type.why_null
            and "input 1 (x)" in repr(g)
        )
