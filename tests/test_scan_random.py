"""Random scans: the interpreter and the C against a plain loop, the gradient against differences of that loop."""
import numpy as np
import pytest

import tgen
import tgen.tensor as T
from loops import loop, random_scan, random_values, symbolic
from tgen.ir.interp import run
from tgen.ir.text import parse, to_text
from tgen.ir.verify import verify
from tgen.lower import lower

INTERPRETED = range(200)
COMPILED = range(1000, 1010)
STEP = 1e-6


def interpreted(inputs, outputs, updates):
    """A call by the interpreter on the IR as lowered; the text of the IR is read back on the way."""
    lowered = lower(inputs, outputs, list(updates.items()))
    verify(lowered.function)
    assert to_text(parse(to_text(lowered.function))) == to_text(lowered.function)
    return lambda *arrays: run(lowered.function, arrays, [s.get_value() for s in lowered.shared])


def compiled(inputs, outputs, updates):
    f = tgen.function(inputs, outputs, updates=updates, on_unused_input="ignore")

    def call(*arrays):
        before = [s.get_value() for s in updates]
        results = f(*arrays)
        after = [s.get_value() for s in updates]
        for s, old in zip(updates, before):
            s.set_value(old)
        return results, after
    return call


def check(seed, make):
    program = random_scan(seed)
    arrays, shared = random_values(program, seed)
    rng = np.random.default_rng(seed)
    variables = [tgen.shared(value, f"u{k}") for k, value in enumerate(shared)]
    inputs, outputs, updates = symbolic(program, variables)
    wanted, after = loop(program, arrays, shared)
    weights = [rng.normal(size=w.shape) for w in wanted]
    cost = sum((T.constant(w) * y[:len(w)]).sum() for w, y in zip(weights, outputs))
    wrt = inputs + variables
    gradients = T.grad(cost, wrt, disconnected_inputs="ignore")
    results, new = make(inputs, outputs + gradients, updates)(*arrays)
    for got, array in zip(results[:len(outputs)] + list(new), wanted + after, strict=True):
        np.testing.assert_allclose(got, array, rtol=1e-9, atol=1e-12)
    points = arrays + shared
    directions = [rng.normal(size=p.shape) for p in points]
    got = sum(float((g * d).sum()) for g, d in zip(results[len(outputs):], directions))

    def at(scale):
        moved = [p + scale * d for p, d in zip(points, directions)]
        made, _ = loop(program, moved[:len(arrays)], moved[len(arrays):])
        return sum((w * y).sum() for w, y in zip(weights, made)) if [len(y) for y in made] == [len(y) for y in wanted] else None
    up, down = at(STEP), at(-STEP)
    if up is not None and down is not None:     # else the condition to stop changes between the two
        assert abs(got - (up - down) / (2 * STEP)) <= 1e-5 * (1 + abs(got))


@pytest.mark.parametrize("seed", INTERPRETED)
def test_interpreter(seed):
    check(seed, interpreted)


@pytest.mark.parametrize("seed", COMPILED)
def test_compiled(seed):
    check(seed, compiled)


def test_the_programs_are_of_all_kinds():
    programs = [random_scan(seed) for seed in INTERPRETED]
    trees = repr(programs)
    assert all(name in trees for name in ("inner", "either", "looked_up", "'u0'"))
    assert any(p.limit is not None for p in programs) and any(p.backwards for p in programs) and any(p.n_steps == 0 for p in programs)
    assert any(not p.taps for p in programs) and any(len(t or ()) > 1 for p in programs for t, _ in p.states) and any(p.shared for p in programs)
