"""CI's share of the search for faults (tests/fuzzing, tools/fuzz.py): fixed seeds, and that the search
would find what is wrong.
"""

import os
import pathlib
import signal
import sys
import time

import numpy as np
import pytest
from fuzzing import batch, judge
from fuzzing.generate import Generator, generate
from fuzzing.hunt import SIZE, State, guarded, hunt, outcome, run_batch
from fuzzing.program import LAYOUTS, Leaf, Program, Statement, laid_out, script
from fuzzing.shrink import shrunk

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.ir.rebuild import bottom_up, rebuild

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))

from mutants import MUTANTS, Broken, applied, by_search, by_tests  # noqa: E402

pytestmark = pytest.mark.slow

BATCHES = range(8)


@pytest.mark.parametrize("number", BATCHES)
def test_programs_do_what_they_mean(number):
    """Interpreter = C = C without two of the passes = C with constants; gradients; nothing shared, written
    to or torn.
    """
    flags = () if number == 0 else batch.QUICK  # one batch is compiled as functions are
    faults, _ = run_batch(range(number * SIZE, (number + 1) * SIZE), flags, parts=number % 3 == 1)
    words = [
        f"python tools/fuzz.py --seed {seed}\n{kind}: {text}\n{script(generate(seed))}"
        for seed, (kind, text) in faults.items()
    ]
    assert not faults, "\n\n".join(words)


def test_the_programs_are_of_all_kinds():
    programs = [generate(seed) for seed in range(600)]
    texts = "\n".join(s.text for p in programs for s in p.statements)
    words = (
        "tgen.scan( tgen.ifelse( looped( rows[ RandomStreams( set_subtensor inc_subtensor T.switch( T.dot( "
        "T.grad( softmax conv2d pool_2d grad_clip noted("
    ).split()
    assert not [word for word in words if word not in texts]
    leaves = [leaf for p in programs for leaf in p.leaves]
    assert {leaf.array.dtype.name for leaf in leaves} == set(T.all_dtypes) and {
        leaf.array.ndim for leaf in leaves
    } == set(range(6))
    assert {leaf.layout for leaf in leaves} == set(LAYOUTS) and {0, 1, 8, 17} <= {
        n for leaf in leaves for n in leaf.array.shape
    }
    assert (
        any(p.updates for p in programs)
        and any(p.choice for p in programs)
        and any(p.definition for p in programs)
    )
    assert any({a for a, _ in p.updates} & {b for _, b in p.updates} for p in programs)


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_is_a_program(seed):
    assert script(generate(seed)) == script(generate(seed))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_keep_elements(layout):
    for array in (
        np.array(1.5),
        np.arange(6.0).reshape(2, 3),
        np.zeros((0, 3), "int16"),
        np.ones((4, 2), "float32"),
    ):
        made = laid_out(array, layout)
        assert made.shape == array.shape and made.dtype.name == array.dtype.name and (made == array).all()


# -- the search finds what is wrong


def subtraction():
    x = Leaf("x", np.arange(6.0).reshape(2, 3), (None, None), "F")
    y = Leaf("y", np.ones((2, 3)), (None, None), shared=True)
    lines = [
        ("a = T.exp(x)", "a", "x"),
        ("b = T.sub(a, y)", "b", "ay"),
        ("c = T.tanh(b)", "c", "b"),
        ("d = x * 2", "d", "x"),
    ]
    statements = tuple(Statement(text, (made,), tuple(used)) for text, made, used in lines)
    return Program(0, (x, y), statements, ("c", "d"), (("y", "d"),))


def swapped(function):
    """A pass that takes x - y for y - x."""

    def visit(instr, env):
        return (
            ((instr.with_(operands=instr.operands[::-1]),), instr.results) if instr.op.name == "sub" else None
        )

    return function.with_block(bottom_up(function.block, lambda block, level: rebuild(block, visit)))


def test_a_wrong_pass_is_found_and_shrunk(monkeypatch):
    assert outcome(subtraction()) is None
    wrong = tuple(p if p.name != "simplify" else passes.Pass("simplify", swapped) for p in passes.PIPELINE)
    monkeypatch.setattr(passes, "PIPELINE", wrong)
    monkeypatch.setattr(passes.run, "__defaults__", (*passes.run.__defaults__[:-1], wrong))
    kind, words = outcome(subtraction())
    assert kind == "value" and "all passes: output 0 (c)" in words
    small, _, ir = shrunk(subtraction(), kind, outcome)
    assert (
        [s.text for s in small.statements] == ["b = T.sub(a, y)"]
        and small.outputs == ("b",)
        and not small.updates
    )
    assert all(leaf.layout == "C" and not leaf.shared for leaf in small.leaves)
    assert "= sub v" in ir and "def " not in script(small) and "T.sub(a, y)" in script(small)


def test_crashes_and_hangs_are_findings():
    def crash(say):
        say(7)
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(say):
        say(3)
        time.sleep(60)

    assert guarded(crash) == (None, (7, f"crash: signal {signal.SIGKILL.value}"))
    assert guarded(hang, 0.2)[1][0] == 3 and guarded(hang, 0.2)[1][1].startswith("hang")
    assert guarded(lambda say: 5) == (5, None)


def test_a_batch_goes_on_without_the_program_it_dies_of(monkeypatch):
    def killed(self):
        if self.seed == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return subtraction().with_(seed=self.seed)

    monkeypatch.setattr(Generator, "program", killed)
    faults, counts = run_batch([1, 2, 3])
    assert list(faults) == [2] and faults[2][0] == "crash" and counts["programs"] == 2


def test_a_search_goes_on(tmp_path, monkeypatch):
    seen = []

    def found(seeds, flags, parts, compiled):
        seen.extend(seeds)
        return {3: ("value", "wrong")} if 3 in seeds else {}, {"programs": len(seeds), "without fold": 1}

    monkeypatch.setattr("fuzzing.hunt.run_batch", found)
    assert hunt(30, tmp_path, lambda words: None, shrink=False) == [3]
    assert hunt(60, tmp_path, lambda words: None, shrink=False) == []
    state = State(tmp_path)
    assert (
        seen == list(range(60))
        and state.next == 60
        and state.counts["programs"] == 60
        and list(state.faults) == ["3"]
    )
    assert (
        "T.TensorType" in (tmp_path / "3.py").read_text() or "tgen.shared" in (tmp_path / "3.py").read_text()
    )


# -- what is allowed


def test_what_inexact_runs_allow():
    near = [np.array([1.0, 2.0, np.inf]), np.array([1.0, 2.0 + 1e-12, 1e308])]
    known = judge.Meaning([np.array([1.0, 2.0, np.inf])], [[n] for n in near])
    assert judge.differs(np.array([1.0, 2.0 + 4e-12, 1e300]), 0, known) is None
    assert "wanted" in judge.differs(np.array([1.0, 2.1, np.inf]), 0, known)
    assert "wanted" in judge.differs(np.array([np.nan, 2.0, np.inf]), 0, known)
    assert "dtype" in judge.differs(np.array([1.0, 2.0, np.inf], "float32"), 0, known)
    exact = judge.Meaning([np.array([1, 2])], [[np.array([1, 3])]])
    assert judge.differs(np.array([1, 7]), 0, exact) is None and judge.differs(np.array([0, 2]), 0, exact)


X, Y = T.dvectors("x", "y")


@pytest.mark.parametrize(
    "result, arguments, got",
    [
        # a product added in one step does not overflow by itself, and the terms may come in another order
        (T.dot(X, Y), ([1e300, -np.inf], [1e300, 1.0]), -np.inf),
        (T.dot(X, Y), ([1e300, 1.0, -1e300], [1e300, 1.0, 1e300]), -np.inf),
        (T.sum(X), ([1.7e308, 1.0, 1.7e308, -1.7e308, -1.7e308],), 0.0),
        (T.min(X), ([0.0, -0.0],), 0.0),
    ],
    ids=str,
)
def test_what_the_order_of_terms_decides_is_allowed(result, arguments, got):
    inputs = [X, Y][: len(arguments)]
    function = tgen.function(inputs, result).fn.program.lowered.function
    known = judge.meaning(function, [np.array(a) for a in arguments], [])
    assert judge.differs(np.array(got), 0, known) is None
    plain = judge.meaning(function, [np.arange(1.0, 4.0) for _ in arguments], [])
    assert "wanted" in judge.differs(np.array(got), 0, plain)


# -- the mutants


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutants_change_what_stands(mutant, tmp_path):
    """Each change still fits its file; what it makes of Python is still Python."""
    target = tmp_path / mutant.file
    target.parent.mkdir(parents=True)
    target.write_text((ROOT / mutant.file).read_text(encoding="utf-8"), encoding="utf-8")
    applied(mutant, tmp_path)
    if target.suffix == ".py":
        compile(target.read_text(encoding="utf-8"), mutant.file, "exec")


IMPORT = ["Traceback (most recent call last):", "ImportError: cannot import name 'x' from 'tgen'"]


@pytest.mark.parametrize(
    "judged, status, lines, by",
    [
        (by_search, 0, ["200 programs, 0 failed"], None),
        (by_search, 1, ["a warning", "seed 7: value: all passes: output 0", "200 programs"], "seed 7"),
        (by_search, 1, ["seed 3: crash: crash: signal 11"], "seed 3"),
        (by_search, 1, ["seed 2: build: all passes: VerifyError: v3 is not there"], "seed 2"),
        (by_search, 1, IMPORT, Broken),
        (by_search, -9, [], Broken),
        (by_search, 1, ["seed 0: build: all passes: NameError: name 'a' is not defined"], Broken),
        (by_search, 1, ["seed 0: compiler: error: expected ';'"], Broken),
        (by_search, 1, ["seed 0: crash: crash: exception"], Broken),
        (by_tests, 0, ["90 passed"], None),
        (by_tests, 1, ["FAILED a.py::b - TypeError: no", "FAILED a.py::c - assert 1 == 2"], "FAILED a.py::c"),
        (by_tests, 1, ["FAILED tests/a.py::c - Failed: DID NOT RAISE <class 'IndexError'>"], "FAILED"),
        (by_tests, 1, ["FAILED a.py::b[of two words] - AssertionError: no"], "FAILED a.py::b[of two words]"),
        (by_tests, 1, ["FAILED tests/a.py::b - NameError: name 'a' is not defined"], Broken),
        (by_tests, 2, ["ERROR tests/a.py - ImportError: no", "1 error"], Broken),
        (by_tests, 4, ["ERROR: file or directory not found: tests/a.py"], Broken),
    ],
)
def test_a_mutant_that_does_not_run_is_not_caught(judged, status, lines, by):
    if by is Broken:
        with pytest.raises(Broken):
            judged(status, lines)
    else:
        told = judged(status, lines)
        assert told is None if by is None else told.startswith(by)


def test_a_mutant_whose_text_is_gone_is_broken(tmp_path):
    target = tmp_path / MUTANTS[0].file
    target.parent.mkdir(parents=True)
    target.write_text("x = 1\n")
    with pytest.raises(Broken, match="stands 0 times"):
        applied(MUTANTS[0], tmp_path)


def test_how_far_a_loop_may_be_off_is_found_out():
    """The inexact runs of a program with a sum over a loop's steps end as the exact one does."""
    x = T.dvector("x")
    total = tgen.scan(lambda row: T.exp(row), x)[0].sum()
    f = tgen.function([x], T.grad(total, x).sum() + total)
    known = judge.meaning(f.fn.program.lowered.function, [np.arange(3.0)], [])
    assert known.error is None and all(run is not None for run in known.near)
