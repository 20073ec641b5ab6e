"""The IR: text and back, the verifier against seeded faults, the interpreter, copies."""

import re
import struct
import sys

import numpy as np
import pytest
from fuzzing.generate import lowered
from hypothesis import given, settings
from hypothesis import strategies as st
from irgen import arguments
from special import same_bits
from work import assert_linear

import tgen.ops  # noqa: F401  (fills OPS)
from tgen.core import dims
from tgen.core.op import OPS
from tgen.core.types import TensorType
from tgen.ir.frame import laid_out
from tgen.ir.interp import run
from tgen.ir.nodes import Block, Function, Instr, Param, Value
from tgen.ir.rebuild import bottom_up, definitions, instr_symbols, rebuild, refresh, users, walk
from tgen.ir.text import block_text, instr_text, literal, names, parse, to_text
from tgen.ir.verify import VerifyError, verify

FULL = """function (v0: float64[n0, n1], v1: int64[] = a0; shared v2: float64[n2]; const v3: float64[2] = (1.0, -0.0)) {
  check_eq <n1, n2> {site=0}
  v4: float64[n0, n1] = slice v0 <0, n1 - 1, n0, n1> {steps=(1, -1)}
  v5: float64[3] = constant (nan, -nan, -inf)
  v6: int64[] = size <max(a0, 0) + 1>
  v7: float64[n0], v8: float64[n0, n1, 3], v9: float64[], v10: float64[n0, n1] = kernel [n0, n1] (x0: float64[] = v0[@0, n1 - @1 - 1]) sum(1), map, max(0, 1), map {
    v11: float64[3] = kernel [3] (x1: float64[] = x0) map {
      v12: int64[] = index {dim=0}
      v13: float64[] = cast v12 {dtype='float64'}
      v14: float64[] = mul x1, v13
      yield v14
    }
    yield x0, v11, x0, x0
  }
  v15: float64[n1] = tanh v2
  return v7, v8; v2 <- v15
}
""".replace("n1 - @1 - 1", "n1 - 1 - @1")  # noqa: E501

ROWS = """function (v0: float64[n0, n1], v1: float64[n1], v2: int64[]) {
  v3: float64[n0, n1], v4: float64[n0], v5: int64[n0], v6: float64[n0] = kernel [n0] (x0: float64[n1] = v0[@0, :],
        x1: float64[n1] = v1[:],
        x2: int64[] = v2,
        x3: float64[] = v1[@x2],
        x4: float64[] = v0[@0, @0]) map, map, map, map {
    v7: float64[] = kernel [n1] (x5: float64[] = x0[@0]) max(0) {
      yield x5
    }
    v8: float64[n1], v9: float64[], v10: int64[] = kernel [n1] (x6: float64[] = x0[@0],
        x7: float64[] = v7,
        x8: float64[] = x1[n1 - 1 - @0]) map, sum(0), argmin(0) {
      v11: float64[] = sub x6, x7
      v12: float64[] = exp v11
      yield v12, v12, x8
    }
    v13: float64[n1] = kernel [n1] (x9: float64[] = v8[@0], x10: float64[] = v9) map {
      v14: float64[] = true_div x9, x10
      yield v14
    }
    v15: float64[] = mul x3, x4
    yield v13, v9, v10, v15
  }
  return v3, v4, v5, v6
}
"""  # noqa: E501


@pytest.mark.parametrize("text", [FULL, ROWS, "function () {\n  return\n}\n"])
def test_text_round_trip(text):
    assert to_text(parse(text)) == text
    verify(parse(text))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_text_of_random_programs(seed):
    text = to_text(verify(lowered(seed)[0]))
    assert to_text(parse(text)) == re.sub(
        " = sha256 '.*?'", "", text
    )  # a large constant is only named in a text


@pytest.mark.parametrize("seed", range(20))
def test_a_size_is_its_text(seed):
    rng = np.random.default_rng(seed)
    sizes = [dims.sym("n0"), dims.sym("n1"), dims.sym("a0"), 1, 2, 3, 5]
    for _ in range(60):
        make = (dims.add, dims.sub, dims.mul, dims.div, dims.mod, dims.minimum, dims.maximum)[rng.integers(7)]
        size = make(sizes[rng.integers(len(sizes))], sizes[rng.integers(len(sizes))])
        sizes.append(size)
        assert dims.parse(str(size)) == size, str(size)


def test_names_do_not_depend_on_spelling():
    text = "function (alpha: int64[n0]) { # a comment\n\n  beta: int64[n0] = neg alpha\n return beta }"
    assert to_text(parse(text)) == "function (v0: int64[n0]) {\n  v1: int64[n0] = neg v0\n  return v1\n}\n"
    function = parse(text)
    assert names(function)[function.block.results[0]] == "v1"


@pytest.mark.slow
@given(st.integers(0, 2**64 - 1))
@settings(max_examples=300, deadline=None)
def test_constants_are_exact(bits):
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    text = f"function () {{\n  v0: float64[] = constant {literal(value)}\n  return v0\n}}\n"
    function = parse(text)
    again = function.block.instrs[0].attrs["value"][0]
    assert struct.pack("<d", again) == struct.pack("<d", value) and to_text(function) == text


@pytest.mark.slow
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        lambda s: st.lists(s, max_size=3).map(tuple),
        max_leaves=8,
    )
)
@settings(max_examples=200, deadline=None)
def test_attributes_are_exact(value):
    v = Value(TensorType("int64", ()))
    function = Function(
        (Param("input", 0),), Block((v,), (Instr(OPS["neg"], (v,), (Value(v.type),), {"a": value}),), ()), 0
    )
    assert to_text(parse(to_text(function))) == to_text(function)


def test_large_constants_are_named_by_hash():
    array = np.arange(100.0)
    v = Value(TensorType("float64", (100,)))
    function = Function((Param("const", 0),), Block((v,), (), (v,)), 1, (), (array,))
    text = to_text(function)
    assert "sha256" in text and parse(text).constants == (None,)
    again = parse(text, [np.zeros(3), array])
    assert to_text(again) == text and again.constants[0] is array


@pytest.mark.parametrize(
    "text, words",
    [
        ("function () {\n  v1: int8[] = neg v0\n  return\n}", "line 2: v0 is not defined"),
        ("function (v0: int8[]) {\n  v1: int8[] = nag v0\n  return\n}", "line 2: no op is called nag"),
        ("function (v0: int8[]) {\n  v0: int8[] = neg v0\n  return\n}", "v0 is defined twice"),
        ("function (v0: int8[]) {\n  yield v0\n}", "yield outside a nested block"),
        ("function (v0: int8[]) {\n  return v0\n", "expected '}'"),
        ("function (v0: int8[]) {\n  return v0\n}\nmore", "unexpected 'more'"),
        ("function (v0: int8[]) {\n  v1: int8[] = neg v0 $\n  return\n}", "line 2"),
        ("function (v0: int8[n0 +]) {\n  return\n}", "line 1"),
        ("function (; odd v0: int8[]) {\n  return\n}", "no kind of parameter: odd"),
    ],
)
def test_bad_text(text, words):
    with pytest.raises(ValueError, match="line") as caught:
        parse(text)
    assert words in str(caught.value)


MISTAKES = [
    ("v15: float64[n1] = tanh v2", "v15: float32[n1] = tanh v2", "the op's rule says"),
    ("v15: float64[n1] = tanh v2", "v15: float64[n0] = tanh v2", "the op's rule says"),
    ("v15: float64[n1] = tanh v2", "v15: float64[n1, n1] = tanh v2", "the op's rule says"),
    ("  check_eq <n1, n2> {site=0}\n", "", "the op's rule says float64[n2]"),
    ("size <max(a0, 0) + 1>", "size <n7>", "size symbol n7 is not defined"),
    ("(nan, -nan, -inf)", "(nan, -nan)", "2 elements of a constant"),
    ("index {dim=0}", "index {dim=1}", "no such index"),
    ("v14: float64[] = mul x1, v13", "v14: float64[] = mul x0, v13", "not defined here"),
    ("v14: float64[] = mul x1, v13", "v14: float64[] = sum x1 {axes=()}", "may not stand in a kernel"),
    ("v0[@0, n1 - 1 - @1]", "v0[@0]", "a map of 1 axes"),
    ("v0[@0, n1 - 1 - @1]", "v0[@2, @1]", "a map uses index 2 of 2"),
    ("v0[@0, n1 - 1 - @1]", "v0[@0, :]", "a block parameter is float64[]"),
    ("v0[@0, n1 - 1 - @1]", "v0[@0, @x0]", "gathers by no integer element"),
    ("v0[@0, n1 - 1 - @1]", "v0[@0, n9 - @1]", "n9 is not defined"),
    ("sum(1), map, max(0, 1), map", "sum(2), map, max(0, 1), map", "no axes of the domain"),
    ("sum(1), map, max(0, 1), map", "sum(1), map, max(0, 0), map", "no axes of the domain"),
    ("sum(1), map, max(0, 1), map", "tanh(1), map, max(0, 1), map", "no out of a kernel"),
    ("sum(1), map, max(0, 1), map", "sum(1), map, max(0, 1)", "3 outs for 4 values"),
    ("v7: float64[n0], ", "v7: float64[n1], ", "the op's rule says"),
    ("v2 <- v15", "v2 <- v6", "its update int64[]"),
    (
        "kernel [3] (x1: float64[] = x0) map",
        "kernel [4] (x1: float64[] = x0) map",
        "the op's rule says float64[4]",
    ),
    ("float64[2] = (1.0, -0.0)", "float64[2] = (1.0, -0.0)", None),
]


@pytest.mark.parametrize("good, bad, words", MISTAKES)
def test_verifier_catches(good, bad, words):
    text = FULL.replace(good, bad)
    if words is None:
        verify(parse(text))
        return
    assert text != FULL
    with pytest.raises(VerifyError) as caught:
        verify(parse(text))
    assert words in str(caught.value)


def _simple():
    x = Value(TensorType("float64", (dims.sym("n0"),)))
    y = Value(x.type)
    return x, y, Instr(OPS["neg"], (x,), (y,))


def test_verifier_catches_what_text_cannot_say():
    x, y, neg = _simple()
    one, param = Value(TensorType("float64", (dims.sym("n0"),), weak=True)), (Param("input", 0),)
    cases = [
        (Function(param, Block((x,), (neg, neg), (y,)), 1), "defined twice"),
        (Function(param, Block((x,), (), (y,)), 1), "not defined here"),
        (
            Function(param, Block((x,), (Instr(OPS["tanh"], (y,), (Value(y.type),)), neg), (y,)), 1),
            "not defined here: v1: float64[n0] = tanh ?0",
        ),
        (Function(param, Block((one,), (), (one,)), 1), "weak"),
        (Function((), Block((x,), (), (x,)), 1), "parameters described"),
        (Function((Param("input", 1),), Block((x,), (), (x,)), 1), "out of order"),
        (Function(param, Block((x,), (neg,), (y,)), 2), "1 results for 2 outputs"),
        (Function((Param("input", 0, "a0"),), Block((x,), (neg,), (y,)), 1), "names no rank-0 integer input"),
        (
            Function(
                (Param("const", 0),),
                Block((Value(TensorType("float64", (2,))),), (), ()),
                0,
                (),
                (np.zeros(3),),
            ),
            "constant 0 is float64[3]",
        ),
        (Function((Param("shared", 0),), Block((x,), (neg,), (y, y)), 0, (0, 0)), "updated twice"),
        (
            Function(param, Block((x,), (neg,), (y,)), 1, (), (), laid_out([0], [1])),
            "the layout of the frame",
        ),
        (Function(param, Block((x,), (neg,), (y,)), 1, (), (), laid_out([1], [])), "the layout of the frame"),
    ]
    for function, words in cases:
        with pytest.raises(VerifyError) as caught:
            verify(function)
        assert words in str(caught.value), words


def test_sizes_found_inside():
    text = """function (v0: float64[n0], v1: int64[]) {
  v2: int64[k0] = nonzero v0 {found=('k0',)}
  v3: float64[k0] = gather v0, v2 {axis=0, count=1}
  sizeof v1 {found=('k1',)}
  v4: int64[k1] = iota <k1>
  v5: int64[] = size <k0 + k1>
  return v3, v4, v5
}
"""
    function = verify(parse(text))
    assert to_text(function) == text
    (a, b, c), _ = run(function, [np.array([0.0, 2, 0, 3]), 2])
    assert a.tolist() == [2, 3] and b.tolist() == [0, 1] and c == 4
    with pytest.raises(VerifyError, match="k0 is not defined"):
        verify(parse(text.replace("v2: int64[k0] = nonzero v0 {found=('k0',)}", "v2: int64[k0] = iota <k0>")))


def test_equalities_are_learned_in_order():
    text = """function (v0: float64[n0], v1: float64[n1], v2: float64[n2]) {
  check_eq <n0 + 1, n1> {site=0}
  check_eq <n0*n0, n2> {site=1}
  v3: float64[n1 - 1] = neg v0
  v4: float64[n0, n0] = reshape v2 <n0, n0> {ndim=2}
  v5: float64[n0*n0] = tanh v2
  return v3, v4, v5
}
"""
    verify(parse(text))
    with pytest.raises(VerifyError):
        verify(parse(text.replace("  check_eq <n0 + 1, n1> {site=0}\n", "")))


def test_long_chains_of_equalities():
    count = 60
    params = ", ".join(f"v{k}: int64[n{k}]" for k in range(count))
    for order in (range(count - 1), reversed(range(count - 1))):
        checks = "".join(f"  check_eq <n{k}, n{k + 1}> {{site={k}}}\n" for k in order)
        verify(
            parse(
                f"function ({params}) {{\n{checks}  v{count}: int64[n30] = add v0, v{count - 1}\n  "
                f"return v{count}\n}}"
            )
        )


# -- the interpreter -----------------------------------------------------------------------------------------


def test_interpreter_runs_kernels():
    rng = np.random.default_rng(1)
    x, s = rng.normal(size=(3, 4)), rng.normal(size=4)
    (total, cube), (new,) = run(parse(FULL), [x, 2], [s])
    assert (
        np.allclose(total, x.sum(1))
        and np.allclose(cube, x[:, ::-1, None] * np.arange(3))
        and same_bits(new, np.tanh(s))
    )


def test_interpreter_runs_rows():
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(3, 4)), rng.normal(size=4)
    (softmax, total, low, picked), _ = run(verify(parse(ROWS)), [x, w, 2])
    e = np.exp(x - x.max(1, keepdims=True))
    assert np.allclose(softmax, e / e.sum(1, keepdims=True)) and np.allclose(total, e.sum(1))
    assert (low == w[::-1].argmin()).all() and np.allclose(picked, w[2] * x[range(3), range(3)])


def test_interpreter_on_empty_domains():
    (softmax, total, low, picked), _ = run(parse(ROWS), [np.zeros((0, 4)), np.zeros(4), 9])
    assert softmax.shape == (0, 4) and total.shape == low.shape == picked.shape == (0,)
    text = (
        "function (v0: float64[n0, n1]) {\n  v1: float64[n0] = max v0 {axes=(1,)}\n  v2: float64[n0] = "
        "kernel [n0, n1] (x0: float64[] = v0[@0, @1]) max(1) {\n    yield x0\n  }\n  return v1, v2\n}\n"
    )
    (a, b), _ = run(verify(parse(text)), [np.zeros((2, 0))])
    assert (a == -np.inf).all() and (b == -np.inf).all()


def test_argmax_of_all_axes_in_a_kernel():
    text = (
        "function (v0: float64[n0, n1]) {\n  v1: int64[], v2: float64[] = kernel [n0, n1] (x0: float64[] "
        "= v0[@0, @1]) argmax(0, 1), sum(0, 1) {\n    yield x0, x0\n  }\n  return v1, v2\n}\n"
    )
    x = np.random.default_rng(3).normal(size=(3, 5))
    (at, total), _ = run(verify(parse(text)), [x])
    assert at == x.argmax() and np.allclose(total, x.sum())


def test_checks_raise_as_a_call_would():
    with pytest.raises(ValueError, match="must be equal"):
        run(parse(FULL), [np.zeros((3, 4)), 2], [np.zeros(3)])
    with pytest.raises(IndexError):
        run(parse(ROWS), [np.zeros((3, 4)), np.zeros(4), 4])
    with pytest.raises(IndexError):
        run(
            parse(ROWS.replace("x8: float64[] = x1[n1 - 1 - @0]", "x8: float64[] = x1[n1 - @0]")),
            [np.zeros((3, 4)), np.zeros(4), 0],
        )
    with pytest.raises(TypeError):
        run(parse(FULL), [np.zeros((3, 4), "float32"), 2], [np.zeros(4)])
    with pytest.raises(ValueError, match="mis-match"):
        run(parse("function (v0: int64[n0], v1: int64[n0]) {\n  return v0\n}"), [np.arange(2), np.arange(3)])
    with pytest.raises(ValueError, match="mis-match"):
        run(
            parse("function (v0: int64[2*n0], v1: int64[n0]) {\n  return v0\n}"), [np.arange(4), np.arange(3)]
        )


def test_results_are_fresh():
    function = parse(
        "function (v0: float64[n0]; shared v1: float64[n0]) {\n  v2: float64[n0] = slice v0 <0, "
        "n0> {steps=(1,)}\n  return v0, v2, v1, v0; v1 <- v0\n}"
    )
    x, s = np.arange(3.0), np.ones(3)
    outputs, news = run(function, [x], [s])
    arrays = [x, s, *outputs, *news]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    assert x.tolist() == [0, 1, 2] and s.tolist() == [1, 1, 1]


# -- copies and walks ----------------------------------------------------------------------------------------


def test_refresh_copies_everything():
    function = parse(ROWS)
    block = refresh(function.block)
    old = {v for i in walk(function.block) for v in i.results} | set(function.block.params)
    new = {v for i in walk(block) for v in i.results} | set(block.params)
    assert not old & new and len(old) == len(new)
    assert to_text(verify(function.with_block(block))) == ROWS


def test_refresh_substitutes_sizes():
    block = refresh(parse(FULL).block, sizes={dims.symbol("n0"): dims.sym("n5"), dims.symbol("n1"): 7})
    text = block_text(block)
    assert "n0" not in text and "n1" not in text and "v0[@0, 6 - @1]" in text.replace("x0: float64[] = ", "")


def test_rebuild_keeps_an_unchanged_block():
    block = parse(FULL).block
    assert rebuild(block, lambda instr, env: None) is block
    assert bottom_up(block, lambda b, level: b) is block


def test_rebuild_replaces():
    block = parse(
        "function (v0: int64[]) {\n  v1: int64[] = neg v0\n  v2: int64[] = neg v1\n  v3: int64[] = "
        "abs v2\n  return v3, v2\n}"
    ).block
    made = definitions(block)

    def visit(instr, env):
        below = made.get(instr.operands[0])
        return (
            ((), (below.operands[0],))
            if instr.op.name == "neg" and below is not None and below.op.name == "neg"
            else None
        )

    new = rebuild(block, visit)
    assert (
        [i.op.name for i in new.instrs] == ["neg", "abs"]
        and new.instrs[1].operands[0] is block.params[0]
        and new.results[1] is block.params[0]
    )
    assert len(users(new)[block.params[0]]) == 3


def test_symbols_and_lines_of_instructions():
    function = parse(FULL)
    kernel = function.block.instrs[4]
    assert set(map(str, instr_symbols(kernel))) == {"n0", "n1"}
    assert (
        instr_text(function, kernel.blocks[0].instrs[0].blocks[0].instrs[1])
        == "v13: float64[] = cast v12 {dtype='float64'}"
    )


def chain_text(count):
    steps = "".join(f"  v{k + 1}: float64[n0] = tanh v{k}\n" for k in range(count))
    return f"function (v0: float64[n0]) {{\n{steps}  return v{count}\n}}\n"


@pytest.mark.slow
def test_a_long_chain_is_linear_and_flat():
    count = 100_000
    text = chain_text(count)
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(200)
        function = verify(parse(text))
        assert to_text(function) == text
        assert len(refresh(function.block).instrs) == count
        outputs, _ = run(function, [np.ones(2)])
    finally:
        sys.setrecursionlimit(limit)
    assert outputs[0].shape == (2,)
    assert_linear(lambda count: to_text(verify(parse(chain_text(count)))), 200)
    assert arguments(function, np.random.default_rng(0))[0][0].shape == (3,)
