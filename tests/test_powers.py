"""Integers to negative powers are refused, as in NumPy: when built if it is known, else by the call."""

import re

import numpy as np
import pytest
from compiled import MODES, agree

import tgen
import tgen.tensor as T
from tgen.core.dtypes import DTYPES
from tgen.ir.interp import run
from tgen.lower import lower
from tgen.lower.signature import Signature

WORDS = "Integers to negative integer powers are not allowed"
I, J, K, N = T.lvector("i"), T.lvector("j"), T.bvector("k"), T.iscalar("n")
BASES, POWERS = np.array([2, -1, 1, 0, 7]), np.array([3, 2, 0, 1, 5])
SIGNED = [d for d in DTYPES if d.startswith("int")]


@pytest.mark.parametrize(
    "make",
    [
        lambda: I**-1,
        lambda: I ** np.int8(-2),
        lambda: 2 ** T.constant(-1),
        lambda: I ** T.constant([1, -2]),
        lambda: K**-3,
        lambda: T.pow(T.lmatrix(), [1, -1]),
        lambda: T.constant([True]) ** np.int64(-1),
    ],
)
def test_a_power_that_is_known_is_refused_when_built(make):
    with pytest.raises(ValueError, match=f"{WORDS}; cast the base to a float .*test_powers.py:"):
        make()


@pytest.mark.parametrize("base", [*SIGNED, "bool", "uint8", "uint16"])
def test_what_numpy_refuses_and_what_it_computes(base):
    """Every pair of dtypes whose power is of integers, and the two that are not."""
    for power in DTYPES:
        x, y = T.TensorType(base, (None,))("x"), T.TensorType(power, (None,))("y")
        function = lower(Signature.of([x, y], [x**y])).function
        for values in ([0, 1, 3], [0, -1, 3]):
            a, b = np.array([1, 2, 3]).astype(base), np.array(values)
            b = (abs(b) if power == "bool" or power[0] == "u" else b).astype(power)
            try:
                want = np.power(a, b)
            except ValueError as error:
                assert WORDS in str(error)
                with pytest.raises(ValueError, match=WORDS):
                    run(function, [a, b], [])
                continue
            got = run(function, [a, b], [])[0][0]
            assert got.dtype == want.dtype and np.allclose(got, want), (base, power)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_call_with_a_negative_power_changes_nothing(mode):
    s = tgen.shared(np.arange(5), "s")
    f = tgen.function([I, J], I**J, updates=[(s, s + I**J)], mode=mode)
    assert f(BASES, POWERS).tolist() == (BASES**POWERS).tolist()
    before = s.get_value()
    words = rf"{WORDS}; .* \(j holds a negative number\); pow at .*test_powers.py:"
    with pytest.raises(ValueError, match=words):
        f(BASES, -POWERS)
    assert np.array_equal(s.get_value(), before)


def test_what_holds_the_negative_number_is_named_as_the_user_knows_it():
    """By its name, its place among the inputs, or its part in the loop; never by its type."""
    k, e, unnamed = T.lscalar("k"), T.lvector("e"), T.lvector()

    def steps(step, *given, **more):
        return tgen.scan(step, *given, **more)[0]

    two = T.constant(2)
    table = [
        ("e", 2**e),
        ("input 2", 2**unnamed),
        ("a value made of e", 2 ** (e - 1)),
        ("a value", 2 ** e.sum()),
        ("e[t]", steps(lambda a: 2**a, sequences=e)),
        ("input 2[t]", steps(lambda a: 2**a, sequences=unnamed)),
        ("a value made of e[t]", steps(lambda a: 2 ** (a - 1), sequences=e)),
        ("a sequence of the scan", steps(lambda a: 2**a, sequences=e * 3)),
        ("k", steps(lambda a: a**k, sequences=e)),
        ("a value made of k", steps(lambda a, z: a**z, sequences=e, non_sequences=k * 3)),
        ("a state of the scan", steps(lambda a, z: a**z, sequences=e, outputs_info=two * k)),
    ]
    sites = lower(Signature.of([k, e, unnamed], [z for _, z in table])).sites
    told = [
        re.match(rf"{WORDS}.* \((.*) holds a negative number\)", site.about[0])
        for site in sites
        if site.about
    ]
    assert [found[1] for found in told] == [holder for holder, _ in table]


@pytest.mark.slow
def test_where_no_power_is_taken_none_is_refused():
    """Nothing to compute, a branch that is not taken, a loop without a step; floats take every power."""
    f = tgen.function([I, N], I**N)
    assert f([], -1).shape == (0,) and f([3], 2).tolist() == [9]
    g = tgen.function([I, N], tgen.ifelse(T.ge(N, 0), I**N, I))
    assert g([3], -1).tolist() == [3] and g([3], 2).tolist() == [9]
    made, _ = tgen.scan(lambda i, z, n: z * i**n, sequences=I, outputs_info=np.int64(1), non_sequences=N)
    h = tgen.function([I, N], made)
    assert h([], -1).shape == (0,) and h([2, 3], 2).tolist() == [4, 36]
    for refused in (lambda: f([3], -1), lambda: h([3], -1)):
        with pytest.raises(ValueError, match=rf"{WORDS}.* holds a negative number"):
            refused()
    x = T.dvector("x")
    outputs = [x**N, I**-1.0, T.cast(I, "float64") ** N]
    agree([x, I, N], outputs, [np.array([2.0, 4.0]), np.array([1, 2]), np.array(-1, "int32")])


def test_powers_that_cannot_be_negative_are_not_checked():
    function = lower(Signature.of([I, N], [2 ** T.arange(N), I**2, I ** I.shape[0]])).function
    assert not [i for i in function.block.instrs if i.op.name == "assert"]


@pytest.mark.slow
def test_gradients_of_integer_powers_take_no_negative_one():
    x = T.dvector("x")
    agree([x, J], [T.grad((x**J).sum(), x)], [np.array([2.0, 3.0]), np.array([0, 2])])
    slope = tgen.function([I, J], T.grad((I**J * 2.5).sum(), I), on_unused_input="ignore")
    assert slope([2, 3], [0, 0]).tolist() == [0, 0]


def test_test_values_are_refused_at_their_line():
    with tgen.config.change_flags(compute_test_value="raise"):
        i, n = T.lvector("i"), T.lscalar("n")
        i.tag.test_value, n.tag.test_value = np.array([1, 2]), np.array(-1)
        words = rf"cannot be computed on the test values .*{WORDS}.*test_powers.py:"
        with pytest.raises(ValueError, match=words):
            i**n


@pytest.mark.parametrize("part", [T.triu, T.tril])
def test_triangles_of_every_dtype_keep_it(part):
    for dtype in DTYPES:
        m = T.matrix("m", dtype=dtype)
        value = np.ones((3, 4), dtype)
        function = lower(Signature.of([m], [part(m), part(m, 1)])).function
        for got, k in zip(run(function, [value], [])[0], (0, 1), strict=True):
            want = getattr(np, part.__name__)(value, k)
            assert got.dtype == want.dtype == dtype and np.array_equal(got, want)
