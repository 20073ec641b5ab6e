"""Gradients that are asked for with one call for each variable share the walk back, and nothing else."""

import numpy as np
import pytest
from work import assert_linear

import tgen
import tgen.tensor as T
from tgen.config import config


def one_by_one(count):
    """A call of grad for each weight of a chain of layers."""
    weights = [tgen.shared(0.5, f"w{k}") for k in range(count)]
    y = T.constant(1.0)
    for w in weights:
        y = T.tanh(y * w)
    return [tgen.grad(y, w) for w in weights]


def test_gradients_that_are_asked_for_one_by_one_are_made_once():
    assert_linear(one_by_one, 16)


def mixed(x, w):
    """A cost in which choices, branches, loops, stable forms and several readers of one variable meet."""
    a, b, c, d, e, n = w
    h = T.switch(x > 0, T.sqrt(x) * a, 0.0) + b * x
    rows = tgen.scan(lambda r, s, v: T.tanh(r * v) + s, sequences=h, outputs_info=c, non_sequences=d)[0]
    z = T.log(T.nnet.softmax(rows * e + a))[0, 1]
    return tgen.ifelse(d > 0, z * c, T.exp(z)) + (b * T.maximum(e, c)) ** 2 + n * a


def test_gradients_one_by_one_are_those_of_one_call():
    x, w = T.dvector("x"), [tgen.shared(0.25 * k + 0.5, "abcde"[k]) for k in range(5)]
    w.append(T.lscalar("n"))
    cost, other = mixed(x, w), mixed(x, w)
    together = tgen.grad(other, w)
    alone = {}
    for k in (4, 0, 5, 2, 1, 3):
        alone[k] = tgen.grad(cost, w[k])
    f = tgen.function([x, w[5]], [*together, *(alone[k] for k in range(6))])
    found = f([-1.0, 4.0, 0.25], 3)
    for at_once, by_itself in zip(found[:6], found[6:]):
        assert at_once.tobytes() == by_itself.tobytes() and np.isfinite(at_once).all()


def test_a_gradient_is_the_callers_own():
    """A variable of its own, which can be named and replaced, and nothing of what a call was told stays."""
    v, w, i = tgen.shared(2.0, "v"), tgen.shared(3.0, "w"), T.lscalar("i")
    cost = T.sqr(v * w) * i
    cost.name = "cost"
    found = [tgen.grad(cost, w) for _ in range(4)]
    assert len(set(found)) == 4 and all(g.name == "(dcost/dw)" for g in found)
    found[2].name = "mine"
    f = tgen.function([i], [*found, tgen.clone(found[1] + found[3], {found[3]: 0.0 * w})])
    assert f(1) == [24.0] * 5
    held = tgen.grad(cost, w, consider_constant=[v * w]), tgen.grad(cost, v, consider_constant=[w])
    assert tgen.function([i], [*held, tgen.grad(cost, v)])(1) == [24.0, 36.0, 36.0]
    assert tgen.grad(cost, i).dtype == "float64"
    with config.change_flags(floatX="float32"):
        assert tgen.grad(cost, i).dtype == "float32"
    assert tgen.grad(cost, i).dtype == "float64"
    inside = v * w
    cost = inside**2 + w
    for _ in range(3):
        slopes = [tgen.grad(cost, z) for z in (w, inside, v)]
    assert tgen.function([], slopes)() == [25.0, 12.0, 36.0]


def test_a_rule_that_raises_leaves_nothing_half_done():
    v, w, calls = tgen.shared(2.0, "v"), tgen.shared(3.0, "w"), []

    class Moody(tgen.Op):
        __props__ = ()

        def make_node(self, x):
            return tgen.Apply(self, [x], [x.type()])

        def perform(self, node, inputs, out):
            out[0][0] = inputs[0] * 2

        def grad(self, inputs, gs):
            calls.append(1)
            if len(calls) == 2:
                raise RuntimeError("not now")
            return [gs[0] * 2.0 * len(calls)]

    cost = Moody()(v * w)
    first = tgen.grad(cost, v)
    with pytest.raises(RuntimeError, match="not now"):
        tgen.grad(cost, v)
    assert tgen.function([], [first, tgen.grad(cost, v), tgen.grad(cost, w)])() == [6.0, 18.0, 16.0]
