"""What a scan's results are connected with: not a state that nothing reads, nor what another output reads."""

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.errors import DisconnectedInputError

W = [1.0, 2.0, 3.0]


def results():
    """name -> (a cost, a variable, its gradient for x0 = n = 2, y0 = w = W; None: disconnected), as in
    Theano.
    """
    w, y0 = T.dvectors("w", "y0")
    x0, n = T.dscalars("x0", "n")

    def scan(step, sequences, states, fixed=None):
        return tgen.scan(step, sequences=sequences, outputs_info=states, non_sequences=fixed)[0]

    unread = scan(lambda v, h: v * 2, w, x0)
    taps = scan(lambda v, far, near: v * 2, w, {"initial": y0, "taps": [-2, -1]})
    far_tap = scan(lambda v, far, near: v * far, w, {"initial": y0[:2], "taps": [-2, -1]})
    own, other = scan(lambda v, h: [v * 2, h * 3], w, [x0, None])
    first, second = scan(lambda v, h, k: [v * 2, k + h], w, [x0, n])
    swapped, _ = scan(lambda v, h, k: [k, h * v], w, [x0, n])
    sized = scan(lambda v, h: T.zeros_like(h) + v, w, x0)
    decided = scan(lambda v, h: T.switch(h > 2, v, 2 * v), w, x0)
    read = scan(lambda v, h: v * h, w, x0)
    fixed = scan(lambda v, h, k: v + h, w, x0, n)
    limit = scan(lambda v, h, k: T.switch(h > k, v, h + v), w, x0, n)
    rows = scan(lambda v, u, h: v + h, [w, y0], x0)
    values = {w: W, y0: W, x0: 2.0, n: 2.0}
    return values, {
        "a state that nothing reads": (unread, x0, None),
        "its last value": (unread[-1], x0, None),
        "but what it is made of": (unread, w, [2, 2, 2]),
        "taps that nothing reads": (taps, y0, None),
        "a tap that is read": (far_tap, y0, [1 + 3, 2, 0]),
        "read by another output": (own, x0, None),
        "of that other output": (other, x0, 3),
        "read by another state": (first, x0, None),
        "that other state's start in it": (first, n, None),
        "of that other state": (second, x0, 3),
        "that state's own start": (second, n, 3),
        "two states that swap": (swapped, x0, 1),
        "two states that swap, the other": (swapped, n, 3),
        "read for its size": (sized, x0, None),
        "read to decide": (decided, x0, 0),
        "read": (read, x0, 1 + 2 + 6),
        "an operand nothing reads": (fixed, n, None),
        "an operand that decides": (limit, n, 0),
        "a sequence nothing reads": (rows, y0, None),
    }


VALUES, RESULTS = results()


@pytest.mark.slow
@pytest.mark.parametrize("name", RESULTS)
def test_connection(name):
    cost, v, wanted = RESULTS[name]
    if wanted is None:
        with pytest.raises(DisconnectedInputError):
            tgen.grad(cost.sum(), v)
        return
    f = tgen.function(list(VALUES), tgen.grad(cost.sum(), v), on_unused_input="ignore")
    np.testing.assert_allclose(f(*VALUES.values()), wanted)


def test_what_is_disconnected_is_still_an_input():
    """A state that nothing reads is needed and checked: it has the shape of a step's result."""
    x0, w = T.dvector("x0"), T.dmatrix("w")
    f = tgen.function([x0, w], tgen.scan(lambda v, h: v * 2, sequences=w, outputs_info=x0)[0])
    assert f([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]]).tolist() == [[2, 4], [6, 8]]
    with pytest.raises(ValueError):
        f([1.0, 1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
