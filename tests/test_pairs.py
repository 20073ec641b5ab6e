"""Pairs, the values of two numbers of a loop nest: as text, in Python and in C."""

import numpy as np
import pytest
from test_nests import module_of, run_parts

from tgen.codegen.nest import PAIRS, Nest
from tgen.codegen.nest_interp import run
from tgen.codegen.nest_parse import parse as parse_nest
from tgen.codegen.nest_text import to_text
from tgen.ir.text import parse
from tgen.ops.random import PHILOX_DTYPES, _philox

# complex numbers as they will be: products of two arrays, and their sum in two accumulators
PRODUCTS = """\
nest <n0> (; v0: const float64*, v1: const float64x2*, v2: float64x2*) {
  let x: const float64x2* = const float64x2*(f.v0)
  var re: float64 = 0.0:float64
  var im: float64 = 0.0:float64
  local kept: float64x2[1]
  for i in 0 .. n0 simd(+ re, + im) {
    let a: float64x2 = x[i]
    let z: float64x2 = pair:float64(a.x*f.v1[i].x - a.y*f.v1[i].y, a.x*f.v1[i].y + a.y*f.v1[i].x)
    re += z.x
    im += z.y
    f.v2[i] = z
  }
  kept[0] = pair:float64(re, im)
  f.v2[n0] = kept[0]
}
"""


def test_a_nest_of_pairs_is_its_text_and_runs():
    nest = parse_nest(PRODUCTS)
    assert to_text(nest) == PRODUCTS and parse_nest(to_text(nest)) == nest
    x, y = np.random.default_rng(0).normal(size=(2, 5, 2)).view(complex)[..., 0]
    z = np.zeros(6, complex)
    run(nest.body, {"n0": 5}, {"v0": x.view(float), "v1": y.view(float), "v2": z.view(float)})
    np.testing.assert_allclose(z, [*(x * y), (x * y).sum()], rtol=1e-14)


def test_there_are_pairs_of_all_numbers():
    assert PAIRS["uint32x2"] == "uint32" and PAIRS["float64x2"] == "float64"


@pytest.mark.parametrize("count", (0, 1, 7, 64, 101))
@pytest.mark.parametrize("dtype", PHILOX_DTYPES)
def test_philox_is_its_meaning(dtype, count):
    """Read back from its text and run in Python, it gives the same bits; C does in test_streams.py."""
    source = (
        f"function (; shared v0: uint32[6]) {{\n v1: uint32[6], v2: {dtype}[{count}] = philox v0 <{count}>"
        f" {{dtype='{dtype}'}}\n return v2; v0 <- v1\n}}\n"
    )
    (part,) = module_of(parse(source))[0].parts
    nest = Nest(tuple(part.variants[0].nodes), part.variants[0].extent)
    again = parse_nest(to_text(nest))
    assert again == nest
    state = np.array([2**32 - 3, 7, 5, 6, 7, 8], "uint32")
    after, sample = _philox({"dtype": dtype}, (count,), state)
    for parts in (1, 2):
        fields = {"v0": state, "v1": state.copy(), "v2": np.zeros(count + 1, dtype)}
        run_parts(again, parts, {}, fields)
        assert fields["v2"][:count].tobytes() == sample.tobytes() and fields["v2"][count] == 0
        assert count == 0 or fields["v1"].tobytes() == after.tobytes()
