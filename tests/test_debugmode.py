"""DebugMode compares every call with the interpreter, and finds a result that is wrong."""
import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.errors import BadOptimization


def program():
    x, y = T.dmatrix("x"), T.lvector("y")
    w = tgen.shared(np.arange(6.0).reshape(3, 2), "w")
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(T.dot(x, w)), y).mean()
    return tgen.function([x, y], [cost, T.argmax(T.dot(x, w), axis=1)], updates=[(w, w - 0.1 * T.grad(cost, w))], mode="DebugMode"), w


def test_a_right_function_passes():
    step, w = program()
    for _ in range(3):
        step(np.arange(12.0).reshape(4, 3) / 10, [0, 1, 1, 0])
    assert not np.array_equal(w.get_value(), np.arange(6.0).reshape(3, 2))


def test_a_wrong_result_is_found():
    step, _ = program()
    executable = step.fn.executable
    honest = executable.call
    executable.call = lambda values: [honest(values)[0] + 1e-3, honest(values)[1]]
    with pytest.raises(BadOptimization, match="output 0"):
        step(np.ones((4, 3)), [0, 1, 1, 0])


def test_errors_stay_the_functions_own():
    step, w = program()
    before = w.get_value()
    with pytest.raises(IndexError, match="size 2"):
        step(np.ones((2, 3)), [0, 2])
    assert np.array_equal(w.get_value(), before)
