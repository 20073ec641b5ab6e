"""Sizes that programs state twice: what is said of an axis is solved together, no size is undefined."""

import copy
import pathlib
import pickle
import re
import shutil
import subprocess
from itertools import combinations, permutations

import numpy as np
import pytest
from compiled import MODES, agree, c_text

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.codegen.generate import generate
from tgen.core import dims
from tgen.ir.interp import run
from tgen.ir.text import parse
from tgen.ir.verify import VerifyError, verify
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.plan import plan

X, V, N = T.dmatrix("x"), T.dvector("v"), T.lscalar("n")
PACKAGE = pathlib.Path(tgen.__file__).parent
ROW, VECTOR = np.arange(6.0).reshape(1, 6), np.arange(6.0) - 2
TAKEN = tgen.ifelse(T.gt(N, 0), V[: N + 4], V * 2)
FOUND = (V > -9).nonzero()[0].shape[0]
IMAGE, LINE, THREE = T.dtensor4("image"), (1, 1, 1, 8), T.constant(np.ones((1, 1, 1, 3)))


def loop(step, **arguments):
    return tgen.scan(step, **arguments)[0]


# What says something of the sizes of x (1, 6), v (6,) and n = 2: name -> (program, its NumPy meaning).
CLAIMS = {
    "reshape": (lambda: X.reshape((6,)), lambda x, v: x.reshape(6)),
    "reshape to two axes": (lambda: X.reshape((2, 3)), lambda x, v: x.reshape(2, 3)),
    "reshape with -1": (lambda: X.reshape((-1, 3)), lambda x, v: x.reshape(-1, 3)),
    "reshape to another's size": (lambda: X.reshape((V.shape[0],)), lambda x, v: x.reshape(6)),
    "reshape by an argument": (lambda: X.reshape((N, 3)), lambda x, v: x.reshape(2, 3)),
    "reshape of a vector": (lambda: V.reshape((1, 6)), lambda x, v: v.reshape(1, 6)),
    "reshape in a loop": (
        lambda: loop(lambda h: h + X.reshape((6,)), outputs_info=T.zeros((6,)), n_steps=3),
        lambda x, v: np.outer([1, 2, 3], x),
    ),
    "reshape of a loop's rows": (
        lambda: loop(lambda r: r.reshape((2, 3)) * 2, sequences=[X]),
        lambda x, v: 2 * x.reshape(1, 2, 3),
    ),
    "flatten": (lambda: X.flatten() + np.ones(6), lambda x, v: x.ravel() + 1),
    "flatten beside another": (lambda: X.flatten() * V, lambda x, v: x.ravel() * v),
    "specify_shape": (lambda: T.specify_shape(X, (1, 6)) * 2, lambda x, v: x * 2),
    "addbroadcast": (lambda: T.addbroadcast(X, 0) + np.ones((3, 6)), lambda x, v: x + np.ones((3, 6))),
    "addbroadcast of a reshape": (lambda: T.addbroadcast(X.reshape((X.shape[0], 6)), 0), lambda x, v: x),
    "patternbroadcast": (
        lambda: T.patternbroadcast(X.reshape((X.shape[0], 6)), (True, False)) * V,
        lambda x, v: x * v,
    ),
    "concatenate along": (
        lambda: T.concatenate([X, np.ones((1, 2))], axis=1),
        lambda x, v: np.concatenate([x, np.ones((1, 2))], 1),
    ),
    "concatenate across": (
        lambda: T.concatenate([X, np.ones((2, 6))], axis=0),
        lambda x, v: np.concatenate([x, np.ones((2, 6))], 0),
    ),
    "split of a concatenation": (
        lambda: T.split(T.concatenate([X, X * 2], axis=0), [X.shape[0], 1], 2)[1],
        lambda x, v: x * 2,
    ),
    "sum with a constant": (lambda: X + np.ones((1, 6)), lambda x, v: x + 1),
    "product of sizes": (lambda: T.zeros((X.shape[0] * X.shape[1],)) + V, lambda x, v: v),
    "dot": (lambda: T.dot(X.reshape((1, 6)), V), lambda x, v: x @ v),
    "dot with a constant": (lambda: T.dot(np.ones(1), X), lambda x, v: x[0]),
    "size by data": (lambda: X.flatten()[(V > -9).nonzero()[0]] + V, lambda x, v: x.ravel() + v),
    "size by data in a loop": (
        lambda: loop(lambda r: r.reshape((FOUND,)) * 2, sequences=[X]),
        lambda x, v: 2 * x,
    ),
    "size by a branch": (
        lambda: loop(lambda r: r.reshape((TAKEN.shape[0] // 3, 3)) * 2, sequences=X),
        lambda x, v: 2 * x.reshape(1, 2, 3),
    ),
    "branch": (lambda: tgen.ifelse(T.gt(N, 0), X.reshape((6,)) + V, V), lambda x, v: x.ravel() + v),
}


def lowered(*names):
    return lower(Signature.of([X, V, N], [CLAIMS[n][0]() for n in names])).function


def holds(function, names):
    got, _ = run(function, [ROW, VECTOR, np.asarray(2)], [])
    for name, out in zip(names, got, strict=True):
        want = CLAIMS[name][1](ROW, VECTOR)
        assert out.shape == want.shape and np.allclose(out, want), name


@pytest.mark.slow
def test_what_is_said_of_sizes_in_any_order_is_one_sound_program():
    for names in [*permutations(CLAIMS, 2), *[*permutations(CLAIMS, 3)][::97]]:
        try:
            function = verify(lowered(*names))
            holds(function, names)
        except Exception as error:
            error.add_note(f"in the program {names}")
            raise


@pytest.mark.slow
def test_every_size_in_the_c_has_a_definition():
    """gcc finds none that is read before it is written; it does find each definition that is taken out."""
    found, programs = 0, [*combinations(CLAIMS, 2)]
    for names in programs[::37]:
        function = passes.run(lowered(*names))
        text = generate(function, plan(function))
        assert uninitialised(text) == []
    for name in ("reshape", "reshape by an argument", "reshape to another's size"):
        text = c_text([X, V, N], [CLAIMS[name][0](), V * 2, N + 1])
        for line in re.findall(r"\n    f->[nad]\d+ = .*;", text):
            found += uninitialised(text.replace(line, "")) != []
    assert found >= 4


def uninitialised(text):
    flags = ["-std=gnu99", "-O1", "-Wuninitialized", "-Wmaybe-uninitialized"]
    command = [shutil.which("gcc") or "cc", *flags, "-S", "-o", "/dev/null", "-x", "c", "-"]
    said = subprocess.run(command, input=text, text=True, capture_output=True).stderr
    return [line for line in said.splitlines() if "warning" in line]


PROGRAMS = {
    "specify_shape": (
        [X],
        lambda: [X.reshape((6,)), T.specify_shape(X, (1, 6)) * 2],
        [ROW],
        [ROW[0], ROW * 2],
    ),
    "addbroadcast": ([X], lambda: [T.addbroadcast(X.reshape((X.shape[0], 6)), 0)], [ROW], [ROW]),
    "patternbroadcast": (
        [X],
        lambda: [T.patternbroadcast(X.reshape((X.shape[0], 6)), (1, 0)) + [[1], [2]]],
        [ROW],
        [ROW + [[1], [2]]],
    ),
    "concatenate": (
        [X],
        lambda: [X.reshape((6,)), T.concatenate([X, np.ones((1, 2))], axis=1)],
        [ROW],
        [ROW[0], np.append(ROW, [[1, 1]], 1)],
    ),
    "flatten": ([X], lambda: [X.flatten() + np.ones(6), T.addbroadcast(X, 0)], [ROW], [ROW[0] + 1, ROW]),
    "dot": ([X], lambda: [T.dot(X.reshape((1,)), X)], [np.array([[3.0]])], [np.array([9.0])]),
    "convolution": (
        [IMAGE],
        lambda: [T.nnet.conv2d(IMAGE.reshape(LINE), THREE, input_shape=LINE), T.addbroadcast(IMAGE, 0, 1, 2)],
        [np.ones((1, 1, 1, 8))],
        [np.full((1, 1, 1, 6), 3.0), np.ones((1, 1, 1, 8))],
    ),
    "loop": (
        [X],
        lambda: [CLAIMS["reshape in a loop"][0](), T.addbroadcast(X, 0)],
        [ROW],
        [np.outer([1, 2, 3], ROW), ROW],
    ),
    "data": ([X, V], lambda: [CLAIMS["size by data in a loop"][0]()], [ROW, VECTOR], [2 * ROW]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_size_that_is_said_twice(name):
    inputs, make, values, wanted = PROGRAMS[name]
    outputs = make()
    agree(inputs, outputs, values)
    for got, want in zip(tgen.function(inputs, outputs)(*values), wanted, strict=True):
        assert got.shape == want.shape and np.allclose(got, want)


@pytest.mark.slow
def test_what_must_be_equal_and_is_not():
    """Refused by the entry with the sizes there are, in the words of who asked; when built, if none fits."""
    f = tgen.function([X], [X.reshape((6,)), T.addbroadcast(X, 0)])
    wrong = {(1, 7): "the size of x is 7 but the new shape's size is 6", (2, 3): r"x.shape\[0\] is 2"}
    for shape, words in wrong.items():
        with pytest.raises(ValueError, match=words):
            f(np.ones(shape))
    g = tgen.function([X], [X.flatten() + np.ones(6), T.dot(np.ones(2), X)])
    assert np.array_equal(g(np.ones((2, 3)))[1], [2, 2, 2])
    with pytest.raises(ValueError, match="is 8 .* is 6"):
        g(np.ones((2, 4)))
    h = tgen.function([X, V], CLAIMS["size by data in a loop"][0]())
    with pytest.raises(ValueError, match="is 3 but the size of .* is 6|is 6 but the new shape's size is 3"):
        h(ROW, VECTOR[:3])
    with pytest.raises(ValueError, match="needs equal sizes, got 4 and 6"):
        tgen.function([X], [X.reshape((6,)), T.dot(np.ones(2), X), X + np.ones((2, 2))])


def matrix_state(shape=None):
    return tgen.shared(np.zeros((4, 3)), "s", shape=shape)


@pytest.mark.parametrize("mode", MODES)
def test_an_update_may_change_a_size_that_only_an_operation_asks_for(mode):
    """As set_value may; the next call finds that the state does not fit, and changes nothing."""
    s, t = matrix_state(), tgen.shared(0.0, "t")
    f = tgen.function([X], [s + T.zeros((4, 3))], updates=[(s, X), (t, t + 1)], mode=mode)
    for given in (np.ones((4, 3)), np.ones((2, 3))):
        before = s.get_value()
        assert np.array_equal(f(given)[0], before) and np.array_equal(s.get_value(), given)
    with pytest.raises(ValueError, match=r"s.shape\[0\] is 2"):
        f(np.ones((4, 3)))
    assert s.get_value().shape == (2, 3) and t.get_value() == 2


STATES = {
    "an argument": lambda: X,
    "a new value": lambda: X * 2 + 1,
    "a product": lambda: T.dot(X, np.eye(3)),
    "rows found by data": lambda: X[(X[:, 0] > 0).nonzero()[0]],
    "a reshape": lambda: X.reshape((X.shape[0], -1)),
    "a loop": lambda: loop(lambda r: r + 1, sequences=[X]),
    "a branch": lambda: tgen.ifelse(X.sum() > 0, X, X * 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", STATES)
def test_an_update_keeps_the_sizes_in_the_type_of_a_state(name, mode):
    """What the graph does not know is checked by the call, before any state changes."""
    s, t = matrix_state((4, 3)), tgen.shared(0.0, "t")
    f = tgen.function([X], [s * 2], updates=[(t, t + 1), (s, STATES[name]())], mode=mode)
    assert f(np.ones((4, 3)))[0].sum() == 0
    kept = s.get_value()
    assert kept.shape == (4, 3) and kept.all() and t.get_value() == 1
    with pytest.raises(ValueError, match="2 .* 4"):
        f(np.ones((2, 3)))
    assert np.array_equal(s.get_value(), kept) and t.get_value() == 1


def test_states_of_known_sizes_swap_with_others():
    s, t = matrix_state((4, 3)), matrix_state()
    t.set_value(np.ones((4, 3)))
    f = tgen.function([], [], updates=[(s, t), (t, s)])
    f()
    assert s.get_value().sum() == 12 and t.get_value().sum() == 0
    t.set_value(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"t?.shape\[0\] is 2 but the size wanted is 4"):
        f()
    assert s.get_value().sum() == 12 and t.get_value().shape == (2, 3)


def test_what_an_update_may_not_be():
    s, row = matrix_state((4, 3)), tgen.shared(np.zeros((1, 3)), "row", broadcastable=(True, False))
    refused = [(s, T.zeros((2, 3)), "static sizes"), (row, X, "broadcast pattern"), (s, X[0], "dimensions")]
    for target, value, words in refused:
        with pytest.raises(TypeError, match=words):
            tgen.function([X], X, updates=[(target, value)], on_unused_input="ignore")


def test_a_size_that_nothing_defines_is_refused():
    """By the verifier, and by codegen, which would read what the stack held."""
    readers = {
        "n1": "check_eq <n1, 6> {site=0}",
        "a0": "check_length <a0 - 1> {site=0}",
        "k3": "v1: int64[] = size <k3>",
    }
    for symbol, line in readers.items():
        function = parse(f"function (v0: float64[1, 6]) {{\n  {line}\n  return v0\n}}")
        with pytest.raises(VerifyError, match=f"size symbol {symbol} is not defined"):
            verify(function)
        with pytest.raises(VerifyError, match=f"nothing defines the size {symbol}"):
            generate(function, plan(function))
    with pytest.raises(VerifyError, match="size symbol a0 is not defined"):
        verify(parse("function (v0: float64[a0]) {\n  return v0\n}"))


PICTURES, KERNEL = T.dtensor4("pictures"), T.dtensor4("kernel")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, inputs, make, arguments",
    [
        (
            "a pool of a difference",
            [X],
            lambda: T.signal.pool.pool_2d(T.diff(X, 1, 0), (3, 2), ignore_border=False, mode="sum"),
            [np.arange(12.0).reshape(4, 3) ** 2],
        ),
        (
            "half a border beside the image",
            [PICTURES, KERNEL],
            lambda: T.concatenate([PICTURES, T.nnet.conv2d(PICTURES, KERNEL, border_mode="half")], axis=0),
            [np.arange(16.0).reshape(1, 1, 4, 4), np.arange(9.0).reshape(1, 1, 3, 3)],
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_size_that_is_spelled_in_two_ways(name, inputs, make, arguments):
    """The rule of an op may spell a size otherwise than what it was made equal to, also inside a quotient."""
    f = tgen.function(inputs, make())
    (wanted,), _ = run(f.fn.program.lowered.function, arguments, [])
    verify(passes.run(f.fn.program.lowered.function, checked=True))
    np.testing.assert_allclose(f(*arguments), wanted)


@pytest.mark.slow
def test_a_state_that_is_one_long_in_one_branch_only():
    """A scan's state of a size that a branch finds, made 1 by what the loop keeps of it."""
    one, other = T.TensorType("float64", (1,))("one"), T.dvector("other")
    start = tgen.ifelse(T.gt(other.sum(), 0), -one, other)
    rows = T.dmatrix("rows")

    def step(state, kept):
        return [start, rows, T.dot(rows, state)], tgen.loop.until(T.gt(state.sum(), 3))

    states, _, products = tgen.scan(step, outputs_info=[start, rows, None], n_steps=2)[0]
    gradients = T.grad(products.sum(), [one, other])
    f = tgen.function([one, other, rows], [states, products, *gradients])
    states, products, by_one, by_other = f([2.0], [5.0], [[3.0], [4.0]])
    np.testing.assert_array_equal(states, [[-2.0], [-2.0]])
    np.testing.assert_array_equal(products, [[-6.0, -8.0], [-6.0, -8.0]])
    np.testing.assert_array_equal([by_one, by_other], [[-14.0], [0.0]])


# -- symbols -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [dims.LENGTH, dims.VALUE, dims.FOUND, dims.NAMED, dims.SUPPOSED])
def test_a_symbol_is_its_kind_and_its_number(kind):
    symbol = dims.Sym(kind, 12)
    assert dims.symbol(str(symbol)) is symbol and dims.sym(str(symbol)) == dims.alone(symbol)
    assert pickle.loads(pickle.dumps(symbol)) is symbol and copy.deepcopy(symbol) is symbol
    assert dims.lone(dims.alone(symbol)) is symbol and dims.symbols(dims.add(dims.alone(symbol), 1)) == (
        symbol,
    )
    assert dims.found_inside([symbol]) == (kind == dims.FOUND)
    assert dims.nonnegative(dims.alone(symbol)) == (kind in (dims.LENGTH, dims.SUPPOSED))


@pytest.mark.parametrize("text", ["", "n", "x1", "n_1", "n-1", "1n", "n1 "])
def test_a_text_that_names_no_symbol_is_refused(text):
    with pytest.raises(ValueError, match="names no size"):
        dims.symbol(text)


def test_nobody_reads_a_size_s_kind_off_its_name():
    """Only core/dims.py knows which letter a kind is written as."""
    letter = re.compile(r"""(?:startswith\(|\[0\] (?:==|!=|in|not in) )["'][nakd]+["']|\[nakd?\]|\[nak\]""")
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for room in ("core", "ir", "lower", "passes")
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if letter.search(line)
    ]
    assert found == [], "\n".join(found)
