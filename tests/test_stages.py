"""Whole programs: what lower makes verifies, and every stage of it gives the same numbers in the
interpreter.
"""

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.ir.interp import run
from tgen.ir.origin import RUNNING, Origin, made_of, making
from tgen.ir.rebuild import walk
from tgen.ir.text import names, parse, to_text
from tgen.ir.verify import verify
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.ops.stable import STABLE
from tgen.passes.rules import EXACT

RULES = {r.name for r in (*STABLE, *EXACT)}
RNG = np.random.default_rng(0)
X, V, I, Y = T.dmatrix("x"), T.dvector("v"), T.lscalar("i"), T.lvector("y")
ARRAYS = {X: RNG.normal(size=(6, 4)), V: RNG.normal(size=4), I: -2, Y: np.array([0, 3, 1, 2, 1, 0])}
LOGISTIC = 1 / (1 + T.exp(-T.dot(X, V)))


def mean_log():
    return T.mean(T.log(LOGISTIC))


PROGRAMS = {
    "logistic": ([X, V], lambda: [mean_log(), T.grad(mean_log(), V)]),
    "slices": (
        [X, I],
        lambda: [X[1:, ::-1], X[-1], X[:2].sum(), X.T.reshape((-1, 2)), X[I], X[I, ::2], X[I:], X[:I, 1:]],
    ),
    "found inside": ([V], lambda: [V[V > 0], T.nonzero(V)[0], V[(V > 0).nonzero()].sum()]),
    "reductions": (
        [X],
        lambda: [
            T.log(T.exp(X).sum(axis=1)),
            T.var(X, axis=0),
            X.argmax(axis=1),
            T.max(X),
            X.prod(axis=0),
            X.argmin(),
        ],
    ),
    "gradients": ([X, V], lambda: T.grad(T.sum(T.tanh(T.dot(X, V)) ** 2), [X, V])),
    "joins": (
        [X, V],
        lambda: [
            T.concatenate([X, X]),
            T.stack([V, V]),
            T.set_subtensor(V[1:2], 3.0),
            T.inc_subtensor(V[[0, 1]], 1.0),
        ],
    ),
    "cross-entropy": (
        [X, Y],
        lambda: [-T.mean(T.log(T.nnet.softmax(X))[T.arange(Y.shape[0]), Y]), T.nnet.softmax(X)],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_stages_agree(name, mode):
    inputs, make = PROGRAMS[name]
    function = verify(lower(Signature.of(inputs, make())).function)
    agree(function, mode, [ARRAYS[v] for v in inputs], [])


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_stages_agree_on_updates(mode):
    w, b = tgen.shared(RNG.normal(size=(4, 4)), "w"), tgen.shared(np.zeros(4), "b")
    cost = -T.mean(T.log(T.nnet.softmax(T.dot(X, w) + b))[T.arange(Y.shape[0]), Y])
    updates = [(s, s - 0.1 * g) for s, g in zip((w, b), T.grad(cost, [w, b]))]
    signature = Signature.of([X, Y], [cost], updates)
    state = [s.get_value() for s in signature.shared]
    agree(verify(lower(signature).function), mode, [ARRAYS[X], ARRAYS[Y]], state)


def origins_are_right(name, before, stage):
    """What was not there before the pass says that the pass made it, by a rule that there is; a text with
    origins is read back.
    """
    old = names(before)
    for instr in walk(stage.block):
        if any(v not in old for v in instr.results):
            assert instr.origin is not None and instr.origin.by == name, instr
        assert instr.origin is None or not instr.origin.rule or instr.origin.rule in RULES, instr.origin
    shown = to_text(stage, old)
    again = parse(shown)
    assert to_text(again, {}) == shown and to_text(again) == to_text(stage)


def agree(function, mode, inputs, shared):
    stages = []
    passes.run(function, mode, stages, checked=True)
    wanted, before = run(function, inputs, shared), function
    for name, stage in stages:
        origins_are_right(name, before, stage)
        before = stage
        assert to_text(parse(to_text(stage))) == to_text(stage)
        for many, others in zip(wanted, run(stage, inputs, shared)):
            for a, b in zip(many, others, strict=True):
                np.testing.assert_allclose(
                    a, b, rtol=1e-9, atol=1e-12, err_msg=f"after {name}\n{to_text(stage)}"
                )


def test_an_origin_says_pass_rule_and_sources():
    """Of what a rule met, also of what stands for it in later stages; the text says so when asked."""
    function = lower(Signature.of([X], [T.log(T.nnet.softmax(X)).sum()])).function
    stages = []
    final = passes.run(function, "FAST_RUN", stages)
    after = dict(stages)["stabilise"]
    (found,) = [i for i in walk(after.block) if i.op.name == "logsoftmax"]
    assert found.origin.by == "stabilise" and found.origin.rule == "log_softmax"
    assert [names(function)[v] for v in found.origin.sources] == ["v2", "v1"]
    assert "logsoftmax v0 {axis=1, by=('stabilise', 'log_softmax', 'v2', 'v1')}" in to_text(
        after, names(function)
    )
    assert "by=" not in to_text(after)
    before = dict(stages)["expand"]
    kernels = [i for i in final.block.instrs if i.op.name == "kernel"]
    assert {k.origin.by for k in kernels} == {"fuse"}
    fused = [i.result for i in dict(stages)["dce"].block.instrs]
    assert {v for k in kernels for v in k.origin.sources} <= set(fused) and fused
    assert all(i.origin is None for i in walk(function.block))
    expanded = [i for i in walk(before.block) if i.origin and i.origin.by == "expand"]
    assert {names(dict(stages)["simplify"])[v] for i in expanded for v in i.origin.sources} == {"v1", "v2"}
    assert "made of v2, v1 by log_softmax" in tgen.function([X], T.log(T.nnet.softmax(X)).sum()).inspect(
        "stages"
    )


def test_what_runs_outside_of_passes_has_no_origin():
    assert RUNNING.get() is None and made_of(()) is None
    with pytest.raises(ZeroDivisionError), making(Origin("p", "r")):
        assert (made_of(()).by, made_of(()).rule, made_of((), "other").rule) == ("p", "r", "other")
        1 / 0
    assert RUNNING.get() is None
