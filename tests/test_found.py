"""Faults that random programs found, each as a small program that one can read."""

import numpy as np
import pytest
from fuzzing.generate import lowered

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.codegen.generate import generate
from tgen.ir import interp
from tgen.ir.parse import parse
from tgen.ir.verify import verify
from tgen.passes.plan import plan


def verified(f):
    """The function, whose IR was verified after every pass."""
    passes.run(f.fn.program.lowered.function, checked=True)
    return f


def test_an_index_out_of_a_size_found_out_later():
    """Only the product says that x has one column: then the index 2 is out of range, and the call says so."""
    x = T.fmatrix("x")
    v = T.set_subtensor(x[0, 2], 2)
    w = T.addbroadcast(v.reshape((v.shape[0], v.shape[1], 1)), 2)
    f = verified(tgen.function([x], T.dot(w, w)))
    with pytest.raises(IndexError, match="index 2 .* is out of bounds for axis 1 of x with size 1"):
        f(np.ones((3, 1), "float32"))


def test_a_sequence_whose_length_is_found_out_later():
    """There are as many steps as the shorter one has, which is a view of the longer one."""
    x, y = T.dvectors("xy")
    positive = x[T.nonzero(x > 0)[0]]
    f = verified(tgen.function([x, y], tgen.scan(lambda a, b: a * b, sequences=[positive, y])[0]))
    assert f([1.0, -1.0, 2.0], [3.0, 4.0]).tolist() == [3, 8]
    assert f([1.0, -1.0, 2.0], [3.0]).tolist() == [3]


@pytest.mark.parametrize("mode", ["max", "sum", "average_inc_pad"])
def test_a_gradient_of_minus_zero_through_a_pool(mode):
    """Windows apart give each element one term: the C sets it, and so does the interpreter."""
    x = T.dmatrix("x")
    pooled = T.signal.pool.pool_2d(x, (1, 3), ignore_border=True, stride=(2, 3), mode=mode)
    f = tgen.function([x], T.grad((pooled * -0.0).sum(), x))
    given = np.arange(20.0).reshape(4, 5)
    (wanted,), _ = interp.run(f.fn.program.lowered.function, [given])
    assert np.array_equal(np.signbit(f(given)), np.signbit(wanted)) and np.signbit(wanted).any()


@pytest.mark.parametrize("seed", [100864, 201265, 203344])
def test_programs_whose_scans_read_operands_in_other_sizes(seed):
    """Their builds stopped where an error's words were asked for: of a view in sizes found later."""
    function = lowered(seed)[0]
    assert verify(function) is function


def test_a_loop_whose_state_is_a_constant_made_in_it():
    """The loop names the constant's memory before its body is written."""
    function = verify(
        parse(
            """function (v0: float64[n0]) {
  v1: bool[2] = constant (False, False)
  v2: bool[5, 2] = scan v1 <5> {carries=1, outs=(('stack', 0),), sequences=0, until=False} (v3: bool[2]) {
    v4: bool[2] = constant (False, True)
    yield v4
  }
  return v2
}"""
        )
    )
    assert "v4_data" in generate(function, plan(function))


@pytest.mark.parametrize("size", ["y.size + 1", "y.size + n", "y.size // 2 * 2"])
def test_an_array_found_inside_in_a_shape_of_its_own_size(size):
    """The type was in the size that the check had made equal, the instruction in the one asked for."""
    x, v, n = T.dmatrix("x"), T.lvector("v"), T.lscalar("n")
    y = x[:, T.nonzero(v)[0]]
    f = verified(tgen.function([x, v, n], y.reshape((eval(size),)), on_unused_input="ignore"))
    given = np.ones((2, 3)), [1, 0, 1], 0
    if size == "y.size + 1":
        with pytest.raises(ValueError, match="is 4 but the new shape's size is 5"):
            f(*given)
    else:
        assert f(*given).tolist() == [1] * 4


def test_a_product_with_a_transpose_that_drops_an_axis():
    """An order (1, 0) may be of three axes."""
    x, y = T.TensorType("float64", (None, None, 1))("x"), T.dmatrix("y")
    f = verified(tgen.function([x, y], [T.dot(x.dimshuffle(1, 0), y), T.dot(y[0], x.dimshuffle(1, 0).T)]))
    a, b = np.arange(6.0).reshape(2, 3, 1), np.arange(4.0).reshape(2, 2)
    product, row = f(a, b)
    assert np.array_equal(product, a[:, :, 0].T @ b) and np.array_equal(row, b[0] @ a[:, :, 0])
