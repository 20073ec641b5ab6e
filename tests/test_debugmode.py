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
    return tgen.function(
        [x, y],
        [cost, T.argmax(T.dot(x, w), axis=1)],
        updates=[(w, w - 0.1 * T.grad(cost, w))],
        mode="DebugMode",
    ), w


@pytest.mark.slow
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
    with pytest.raises(ValueError, match="a label is out of range"):
        step(np.ones((2, 3)), [0, 2])
    assert np.array_equal(w.get_value(), before)


@pytest.mark.slow
def test_what_a_program_means_is_no_difference():
    """The stable identities are the meaning: plain logs of these would be -inf where the function says a
    number.
    """
    x = T.dmatrix("x")
    logs = [
        T.log(T.nnet.softmax(x)),
        T.log(T.nnet.sigmoid(x)),
        T.log(T.exp(x).sum(axis=1)),
        T.log(T.exp(x) / T.exp(x).sum()),
        T.nnet.binary_crossentropy(T.nnet.sigmoid(x), 1.0),
        T.nnet.categorical_crossentropy(T.nnet.softmax(x), [1]),
        T.log(tgen.scan(lambda row: T.nnet.softmax(row).flatten(), sequences=x)[0]),
    ]
    f = tgen.function([x], [*logs, T.grad(sum(z.sum() for z in logs), x)], mode="DebugMode")
    assert all(np.isfinite(z).all() for z in f([[1000.0, -1000.0]]))
