"""A program as somebody writes it who has a type checker: CI gives it to mypy. What it refuses, and must,
stands at the end, where nothing runs it.
"""

from typing import TYPE_CHECKING, assert_type

import numpy as np

import tgen
import tgen.tensor as T

x, y = T.dmatrix("x"), T.dvector("y")
w = tgen.shared(np.zeros(3), "w")
assert_type(x, T.Variable)
assert_type(w, tgen.TensorSharedVariable)

residual = T.dot(x, w) - y
loss = (residual**2).mean() + 0.01 * T.exp(-abs(w)).sum(axis=0)
assert_type(loss, T.Variable)
assert_type(1 - x.T[0], T.Variable)
assert_type(x.shape[0] > 2, T.Variable)
assert_type(T.nnet.softmax(x), T.Variable)

gradient = tgen.grad(loss, w)
assert_type(gradient, T.Variable)
assert_type(tgen.grad(loss, [w]), list[T.Variable])

train = tgen.function([x, y], loss, updates=[(w, w - 0.1 * gradient)])
assert_type(train, tgen.Function)
before = train(np.eye(3), np.ones(3))
assert train(np.eye(3), np.ones(3)) < before

sums, updates = tgen.scan(lambda e, total: e + total, sequences=y, outputs_info=np.float64(0))
assert_type(updates, tgen.OrderedUpdates)
assert tgen.function([y], sums[-1], updates=updates)(np.arange(4.0)) == 6

draw = tgen.random.RandomStreams(1).normal((2,))
assert_type(draw, T.Variable)


if TYPE_CHECKING:
    T.expp(x)  # type: ignore[attr-defined]
    x.summ()  # type: ignore[attr-defined]
    x.sum(axes=0)  # type: ignore[call-arg]
    tgen.functoin([x], y)  # type: ignore[attr-defined]
    T.dvector(3)  # type: ignore[arg-type]
    w.get_valeu()  # type: ignore[attr-defined]
    T.nnet.sofmax(x)  # type: ignore[attr-defined]
