"""Every rewrite rule on random and special arrays, and the passes on random programs. What passes print is in
golden/.
"""

import itertools
import sys

import numpy as np
import pytest
from fuzzing.generate import lowered
from fuzzing.judge import OPTIONAL, differs, meaning
from fuzzing.values import error_class
from irgen import arguments
from special import same_bits

import tgen.ops  # noqa: F401
from tgen import passes
from tgen.core import dims
from tgen.core.op import OPS, REDUCE
from tgen.core.rules import ANY, BOOL, FLOAT, INTEGER
from tgen.core.types import TensorType
from tgen.ir.builder import Builder
from tgen.ir.interp import run
from tgen.ir.nodes import Block, Function, Param, Value
from tgen.ir.rebuild import walk
from tgen.ir.text import parse, to_text
from tgen.ir.verify import VerifyError, verify
from tgen.passes import PIPELINE, Pass, check_order
from tgen.passes.cse import cse
from tgen.passes.dce import dce
from tgen.passes.fold import fold
from tgen.passes.match import Sweep
from tgen.passes.rules import EXACT
from tgen.passes.simplify import simplify
from tgen.passes.stabilise import STABLE, stabilise

DTYPES = {
    FLOAT: ("float64", "float32"),
    INTEGER: ("int64", "int8", "uint8"),
    BOOL: ("bool",),
    ANY: ("float64", "float32", "int64", "uint8", "bool"),
}


# -- programs made from patterns -----------------------------------------------------------------------------


def variables(pattern):
    """The names in a pattern, each once."""
    if pattern[0] in ("var", "log"):
        return [pattern[1]]
    return (
        list(dict.fromkeys(name for a in pattern[2] for name in variables(a))) if pattern[0] == "op" else []
    )


def program(pattern, types):
    """A Function that computes ``pattern``; ``types`` are those of its variables in order."""
    params = {name: Value(type) for name, type in zip(variables(pattern), types)}
    b = Builder()

    def value(p, beside):
        if p[0] == "var":
            return params[p[1]]
        if p[0] == "log":  # a value made of exponentials
            return b.emit("exp", (params[p[1]],))
        if p[0] == "number":
            type = TensorType("bool" if isinstance(p[1], bool) else beside.dtype, ())
            python = {"f": float, "b": bool}.get(np.dtype(type.dtype).kind, int)
            if (
                python is not bool
                and isinstance(p[1], bool)
                or python is bool
                and not isinstance(p[1], bool)
                or p[1] < np.zeros(1, type.dtype)[0]
                and type.dtype[0] == "u"
            ):
                raise TypeError("no such number in this dtype")
            return b.emit("dimshuffle", (b.scalar(python(p[1]), type),), {"order": ("x",) * beside.ndim})
        op = OPS[p[1]]
        attrs = {"axes": (1,)} if op.kind == REDUCE else op.samples[0] if op.samples else {}
        return b.emit(p[1], [value(a, beside) for a in p[2]], attrs)

    result = value(pattern, types[-1])
    described = tuple(Param("input", k) for k in range(len(params)))
    return verify(Function(described, Block(tuple(params.values()), tuple(b.instrs), (result,)), 1))


def programs(r):
    """Functions that the rule must change: its examples, or its pattern over all dtypes that fit, also with
    axes that broadcast.
    """
    if r.example:
        yield from (verify(parse(text)) for text in r.example)
        return
    names, n, m = variables(r.pattern), dims.sym("n0"), dims.sym("n1")
    for dtype in DTYPES[r.dtypes]:
        for kinds in itertools.product(dict.fromkeys((dtype, "bool")), repeat=len(names)):
            for shapes in [((n, m),) * 3, ((n, 1), (n, m), (1, m))]:
                types = [TensorType(d, s) for d, s in zip(kinds, shapes)]
                try:
                    yield program(r.pattern, types)
                except (TypeError, VerifyError):  # the ops do not take these dtypes
                    continue


def rewritten(function, r, through=False):
    return verify(function.with_block(Sweep(function.block, (r,), through).run()))


@pytest.mark.slow
@pytest.mark.parametrize("r", EXACT, ids=[r.name for r in EXACT])
def test_exact_rule(r):
    used = 0
    for function in programs(r):
        new = rewritten(function, r)
        applies = function.block.instrs[-1].operands and new.block is not function.block
        used += bool(applies)
        for seed in range(4):
            given = arguments(function, np.random.default_rng(seed))
            old, _ = run(function, *given)
            again, _ = run(new, *given)
            assert same_bits(old[0], again[0]), f"{r.text}\n{to_text(function)}{to_text(new)}"
    assert used, f"{r.text} applied to nothing"


@pytest.mark.slow
@pytest.mark.parametrize("r", STABLE, ids=[r.name for r in STABLE])
def test_stable_rule(r):
    used = 0
    for function in programs(r):
        new = rewritten(function, r)
        assert new.block is not function.block
        used += 1
        for seed in range(4):
            given = arguments(function, np.random.default_rng(seed), special=False)
            (old,), _ = run(function, *given)
            (again,), _ = run(new, *given)
            assert old.dtype == again.dtype and old.shape == again.shape
            single = "float32" in to_text(function)
            np.testing.assert_allclose(
                old, again, rtol=1e-4 if single else 1e-9, atol=1e-5 if single else 1e-12
            )
    assert used, f"{r.text} applied to nothing"


def test_rule_names_are_unique():
    for table in (EXACT, STABLE):
        assert len({r.name for r in table}) == len(table)


@pytest.mark.parametrize(
    "text",
    [
        "add v0, v2",
        "mul v0, v3",
        "sub v0, v0",
        "true_div v0, v0",
        "true_div v0, v4",
        "minimum v0, v2",
        "pow v0, v5",
        "eq v0, v0",
        "sub v2, v0",
    ],
)
def test_what_is_not_exact_stays(text):
    """x + 0, x * 0, x - x, x / x, x / 3, min(x, 0), x ** 0.5, x == x, 0 - x of floats."""
    result = "bool[n0]" if text.startswith("eq") else "float64[n0]"
    constants = "".join(
        f"  v1{k}: float64[] = constant {c}\n  v{k}: float64[1] = dimshuffle v1{k} {{order=('x',)}}\n"
        for k, c in [(2, 0.0), (3, 0.0), (4, 3.0), (5, 0.5)]
    )
    function = verify(
        parse(f"function (v0: float64[n0]) {{\n{constants}  v1: {result} = {text}\n  return v1\n}}")
    )
    assert simplify(function).block is function.block


# -- stability -----------------------------------------------------------------------------------------------


def outputs(text, *inputs):
    function = verify(parse(text))
    return [run(verify(f), inputs)[0] for f in (function, stabilise(function))]


def test_cross_entropy_does_not_overflow():
    text = """function (v0: float64[n0, n1], v1: int64[n0]) {
  v2: int64[n0] = iota <n0>
  v3: float64[n0, n1] = softmax v0 {axis=1}
  v4: float64[n0] = gather v3, v2, v1 {axis=0, count=2}
  v5: float64[n0] = log v4
  return v5
}"""
    plain, stable = outputs(text, np.array([[1000.0, 0.0]]), np.array([1]))
    assert plain[0] == -np.inf and stable[0] == -1000


@pytest.mark.parametrize(
    "ops, wanted",
    [
        (("sigmoid", "log"), -1000.0),
        (("neg", "sigmoid", "one_minus", "log"), -1000.0),
        (("neg", "exp", "log1p"), 1000.0),
        (("neg", "exp", "one_plus", "log"), 1000.0),
        (("neg", "exp", "one_plus", "one_over", "log"), -1000.0),
        (("exp", "one_plus", "one_over", "one_minus", "log"), -1000.0),
        (("sigmoid", "turned", "log"), -1000.0),
        (("sigmoid", "single", "log"), -1000.0),
    ],
)
def test_logs_of_small_probabilities(ops, wanted):
    b, one = Builder(), None
    x = Value(TensorType("float64", (dims.sym("n0"), dims.sym("n1"))))
    one, v = b.emit("dimshuffle", (b.scalar(1.0, x.type),), {"order": ("x", "x")}), x
    for name in ops:
        if name.startswith("one_"):
            v = b.emit({"one_plus": "add", "one_minus": "sub", "one_over": "true_div"}[name], (one, v))
        elif name in ("turned", "single"):
            v = (
                b.emit("dimshuffle", (v,), {"order": (1, 0)})
                if name == "turned"
                else b.emit("cast", (v,), {"dtype": "float32"})
            )
        else:
            v = b.emit(name, (v,))
    function = verify(Function((Param("input", 0),), Block((x,), tuple(b.instrs), (v,)), 1))
    (result,), _ = run(verify(stabilise(function)), [np.full((1, 1), -1000.0)])
    assert result == wanted, to_text(stabilise(function))


def test_log_sum_exp():
    text = (
        "function (v0: float64[n0, n1]) {\n  v1: float64[n0, n1] = exp v0\n  v2: float64[n0] = sum v1 "
        "{axes=(1,)}\n  v3: float64[n0] = log v2\n  return v3\n}"
    )
    x = np.array([[1000.0, 1000.0], [-np.inf, -np.inf], [np.inf, 0.0], [-1000.0, -1001.0], [np.nan, 1.0]])
    _, (stable,) = outputs(text, x)
    assert stable[:4].tolist() == [
        1000 + np.log(2),
        -np.inf,
        np.inf,
        -1000 + np.log1p(np.exp(-1)),
    ] and np.isnan(stable[4])
    _, (empty,) = outputs(text, np.zeros((2, 0)))
    assert (empty == -np.inf).all()
    function = stabilise(parse(text))
    assert stabilise(function).block is function.block  # the stable form is left alone


def test_integers_and_bools_are_left_alone():
    text = (
        "function (v0: float64[n0]) {\n  v1: float64[n0] = tanh v0\n  v2: float64[n0] = log v1\n  return "
        "v2\n}"
    )
    function = parse(text)
    assert stabilise(function).block is function.block


# -- the passes on random programs ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_passes_keep_results(seed):
    """Each pass alone, without the C: it is verified, and its IR does what it did before."""
    function, inputs, shared = lowered(seed)
    known = meaning(function, inputs, shared)
    for name in (*OPTIONAL, "all"):
        skip = [p.name for p in PIPELINE if name not in (p.name, "all") and p.name != "stabilise"]
        new = passes.run(function, skip=skip, checked=True)
        if known.error is not None:
            with pytest.raises(error_class(known.error)):
                run(new, inputs, shared)
            continue
        for k, got in enumerate(sum(run(new, inputs, shared), [])):
            assert differs(got, k, known) is None, (
                f"{name}: {differs(got, k, known)}\n{to_text(function)}{to_text(new)}"
            )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_passes_are_idempotent(seed):
    function = passes.run(lowered(seed)[0], skip=("fuse",))
    for p in PIPELINE:
        if p.name != "fuse":
            once = p.run(function)
            assert to_text(p.run(once)) == to_text(once), p.name


def test_user_lines_survive():
    function = parse(
        "function (v0: float64[n0]) {\n  v1: float64[n0] = sigmoid v0\n  v2: float64[n0] = log "
        "v1\n  v3: float64[n0] = exp v0\n  v4: float64[n0] = exp v0\n  return v2, v3, v4\n}"
    )
    instrs = tuple(i.with_(where=frozenset([("user.py", k)])) for k, i in enumerate(function.block.instrs))
    block = cse(
        stabilise(function.with_block(Block(function.block.params, instrs, function.block.results)))
    ).block
    where = {i.op.name: i.where for i in walk(block)}
    assert where["softplus"] == {("user.py", 0), ("user.py", 1)} and where["exp"] == {
        ("user.py", 2),
        ("user.py", 3),
    }


# -- single passes -------------------------------------------------------------------------------------------


def test_cse_tells_literals_apart():
    text = (
        "function () {\n  v0: float64[] = constant 0.0\n  v1: float64[] = constant -0.0\n  v2: float32[] "
        "= constant 0.0\n  v3: bool[] = constant True\n  v4: int64[] = constant 1\n  v5: float64[] = "
        "constant nan\n  v6: float64[] = constant -nan\n  return v0, v1, v2, v3, v4, v5, v6\n}"
    )
    assert len(cse(parse(text)).block.instrs) == 7


def test_fold_leaves_failing_checks():
    text = (
        "function (v0: float64[n0]) {{\n  v1: int64[2] = constant (0, {0})\n  check_index v1 <2> "
        "{{site=0}}\n  return v0\n}}"
    )
    good, bad = (verify(fold(parse(text.format(k)))) for k in (1, 2))
    assert [i.op.name for i in good.block.instrs] == ["constant"] and [
        i.op.name for i in bad.block.instrs
    ] == ["constant", "check_index"]
    with pytest.raises(IndexError):
        run(bad, [np.zeros(1)])


def test_fold_is_bounded():
    function = fold(
        parse(
            "function () {\n  v0: int64[2] = constant (1, 2)\n  v1: int64[2, 1] = dimshuffle "
            "v0 {order=(0, 'x')}\n  v2: int64[2, 5000] = broadcast_to v1 <2, 5000>\n  v3: "
            "int64[2, 5000] = neg v2\n  return v3\n}"
        )
    )
    assert function.block.instrs[-1].op.name == "neg"


def test_dce_takes_parts_of_kernels():
    text = """function (v0: float64[n0], v1: int64[n0], v2: float64[n0]) {
  v3: float64[n0], v4: float64[n0] = kernel [n0] (x0: float64[] = v2[@0], x1: int64[] = v1[@0], x2: float64[] = v0[@x1]) map, map {
    v5: float64[] = exp x0
    v6: float64[] = tanh x2
    yield v5, v6
  }
  return v4
}
"""  # noqa: E501
    new = verify(dce(verify(parse(text))))
    kernel = new.block.instrs[0]
    assert (
        len(kernel.results) == 1
        and len(kernel.operands) == 2
        and [i.op.name for i in kernel.blocks[0].instrs] == ["tanh"]
    )
    given = [np.arange(3.0), np.array([2, 0, 1]), np.ones(3)]
    assert same_bits(run(new, given)[0][0], run(parse(text), given)[0][0])


def test_dce_keeps_what_finds_sizes():
    text = (
        "function (v0: float64[n0], v1: int64[]) {\n  v2: int64[k0] = nonzero v0 {found=('k0',)}\n  "
        "sizeof v1 {found=('k1',)}\n  v3: int64[] = size <k0>\n  return v3\n}\n"
    )
    assert [i.op.name for i in verify(dce(parse(text))).block.instrs] == ["nonzero", "size"]


# -- the pipeline --------------------------------------------------------------------------------------------


def test_order_is_checked():
    rows = (Pass("b", None), Pass("a", None))
    with pytest.raises(ValueError, match="a must come before b: because"):
        check_order(rows, (("a", "b", "because"),))
    with pytest.raises(ValueError, match="twice"):
        check_order((rows[0], rows[0]), ())
    with pytest.raises(ValueError, match="names"):
        check_order(rows, (("a", "c", "because"),))


def test_modes_and_stages():
    function, stages = lowered(1)[0], []
    passes.run(function, "FAST_COMPILE", stages, checked=True)
    names = [name for name, _ in stages]
    assert "stabilise" in names and "simplify" not in names
    assert all(isinstance(f, Function) for _, f in stages)


def test_a_failing_pass_is_named():
    def broken(function):
        raise KeyError("lost")

    with pytest.raises(KeyError) as caught:
        passes.run(lowered(1)[0], pipeline=(Pass("broken", broken),))
    assert "in pass broken; the IR before it:\nfunction (" in caught.value.__notes__[0]

    def wrong(function):
        return function.with_block(Block((), (), function.block.results))

    with pytest.raises(VerifyError) as caught:
        passes.run(lowered(1)[0], pipeline=(Pass("wrong", wrong),), checked=True)
    assert "in pass wrong" in caught.value.__notes__[0]


@pytest.mark.slow
def test_long_chains_need_no_stack():
    count = 100_000
    kinds = ("mul v{0}, v2", "neg v{0}", "add v{0}, v0", "sub v{0}, v2", "neg v{0}")
    lines = [f"  v{k + 1}: float64[n0] = {kinds[k % 5].format(k)}\n" for k in range(3, count)]
    head = (
        "function (v0: float64[n0]) {\n  v1: float64[] = constant 1.0\n  v2: float64[1] = dimshuffle v1 "
        "{order=('x',)}\n  v3: float64[n0] = mul v0, v2\n"
    )
    function = parse(head + "".join(lines) + f"  return v{count}\n}}\n")
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(200)
        for p in (stabilise, fold, simplify, cse, dce, verify):
            function = p(function)
    finally:
        sys.setrecursionlimit(limit)
    assert len(function.block.instrs) > count / 3


def test_log_is_taken_below_moves_only_where_it_helps():
    assert {op.name for op in OPS.values() if op.through is not None} <= {r.pattern[1] for r in STABLE}
