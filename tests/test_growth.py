"""The work of the front end grows as the program does: calls are counted, of every function, and never a
clock is read.

Each shape is taken from the user's formula to the C text and its pieces, at a size and at four times that
size.
"""

import cProfile
import gc
import math
import sys
import threading
from collections import Counter

import numpy as np
import pytest
from work import walks

import tgen
import tgen.tensor as T
from tgen.backends.c import cache
from tgen.backends.c.pieces import split
from tgen.core.collector import RARELY, rarely
from tgen.graph.walk import ancestors, leaves, toposort
from tgen.ir.text import to_text
from tgen.lower.signature import Signature
from tgen.pyops.printer import Print
from tgen.runtime.identity import program_key
from tgen.runtime.program import Program, obtain
from tgen.runtime.request import resolve

SIZE = 480  # below, a program may still be one kernel: its C is another one, not only shorter
TIMES = 4
TOTAL = 1.1  # the slope, on logarithmic scales, of all calls
ONE = 1.2  # and of the calls of one function that makes a hundredth of all; a sort is within it


def chain(x, n):
    for k in range(n // 2):
        x = T.sin(x) * 0.5 if k % 2 else T.sin(x) + x
    return x


def scalar_chain(n):
    x = T.dscalar("x")
    return [x], [chain(x, n)], []


def vector_chain(n):
    x = T.dvector("x")
    return [x], [chain(x, n)], []


def gradient_of_a_chain(n):
    x = T.dvector("x")
    return [x], [T.grad(chain(x, n).sum(), x)], []


def wide(n):
    """Many values of one variable, multiplied in pairs until one is left."""
    x = T.dvector("x")
    level = [T.sin(x * float(k + 2)) for k in range(n // 3)]
    while len(level) > 1:
        level = [a * b for a, b in zip(level[::2], level[1::2])] + level[len(level) // 2 * 2 :]
    return [x], level, []


def many_outputs(n):
    x = T.dvector("x")
    return [x], [T.sin(x * float(k + 2)) for k in range(n // 2)], []


def diamonds(n):
    a = b = x = T.dvector("x")
    for _ in range(n // 3):
        a, b = T.sin(a + b), a * b
    return [x], [a + b], []


def sum_of_terms(n):
    x = T.dvector("x")
    total = x
    for k in range(n // 3):
        total = total + T.sin(x * float(k + 2))
    return [x], [total], []


def updates(n):
    """Shared variables of unknown and equal lengths in one product, each with a step of its own."""
    x = T.dvector("x")
    weights = [tgen.shared(np.zeros(3), f"w{k}") for k in range(n // 10)]
    y = x
    for w in reversed(weights):
        y = T.tanh(y * w)
    cost = y.sum()
    return [x], [cost], steps(cost, weights)


def scalar_updates(n):
    weights = [tgen.shared(0.5, f"w{k}") for k in range(n // 10)]
    cost = sum((w - 1.0) ** 2 for w in weights)
    return [], [cost], steps(cost, weights)


def net(n):
    x, y = T.dmatrix("x"), T.lvector("y")
    layers = [
        (tgen.shared(np.zeros((8, 8)), f"W{k}"), tgen.shared(np.zeros(8), f"b{k}")) for k in range(n // 30)
    ]
    h = x
    for W, b in layers:
        h = T.nnet.relu(T.dot(h, W) + b)
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(h), y).mean()
    return [x, y], [cost], steps(cost, [v for layer in layers for v in layer])


def steps(cost, weights):
    return [(w, w - 0.1 * g) for w, g in zip(weights, T.grad(cost, weights))]


SHAPES = (
    scalar_chain,
    vector_chain,
    gradient_of_a_chain,
    wide,
    many_outputs,
    diamonds,
    sum_of_terms,
    updates,
    scalar_updates,
    net,
)


def front_end(shape, n):
    """The pieces of the C text of a shape, made as a function's are, but for the compiler."""
    inputs, outputs, pairs = shape(n)
    request = resolve(inputs, outputs, None, pairs, None, False, "f", True, None, None, None)
    program = Program(request.signature, "FAST_RUN")
    program_key(program)
    to_text(program.lowered.function)
    return split(program.text(), 2)


def calls(shape, n):
    """How often each function is called: {(name, file, line): number}.

    The code of a template goes on once for each line that it writes, and is left out.
    """
    profile, found = cProfile.Profile(), Counter()
    profile.enable()
    try:
        front_end(shape, n)
    finally:
        profile.disable()
    for entry in profile.getstats():
        code = entry.code
        if getattr(code, "co_filename", "") == "<template>":
            continue
        found[code if isinstance(code, str) else (code.co_name, code.co_filename, code.co_firstlineno)] += (
            entry.callcount
        )
    return found


def slope(few, many):
    return math.log(many / few) / math.log(TIMES)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_with_the_program(shape):
    calls(shape, 30)  # what is made once in a process is made here
    few, many = calls(shape, SIZE), calls(shape, SIZE * TIMES)
    total = sum(many.values())
    assert slope(sum(few.values()), total) <= TOTAL
    steep = {
        name: (few[name], count)
        for name, count in many.items()
        if count > total / 100 and slope(max(few[name], 1), count) > ONE
    }
    assert not steep, "calls at both sizes, of what grows faster than the program"


@pytest.mark.slow
def test_a_steep_function_is_found():
    def quadratic(n):
        x = T.dscalar("x")
        return [x], [chain(x, n)], [] if [abs(k) for k in range(n * n // 100)] else []

    few, many = calls(quadratic, 240), calls(quadratic, 240 * TIMES)
    assert slope(few["<built-in method builtins.abs>"], many["<built-in method builtins.abs>"]) > ONE


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_recurses_over_a_program(shape):
    front_end(shape, 30)  # imports and templates are deep
    done, limit = [], sys.getrecursionlimit()

    def run():
        sys.setrecursionlimit(200)
        try:
            done.append(front_end(shape, 600))
        finally:
            sys.setrecursionlimit(limit)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done


# -- walks ---------------------------------------------------------------------------------------------------


def dropped(n):
    """A net of which every other layer drops units: draws, whose states have default updates."""
    x, y = T.dmatrix("x"), T.lvector("y")
    stream, weights, h = T.shared_randomstreams.RandomStreams(1), [], x
    for k in range(n // 30):
        weights.append(tgen.shared(np.zeros((8, 8)), f"W{k}"))
        h = T.nnet.relu(T.dot(h, weights[-1]))
        h = h * stream.binomial(h.shape) if k % 2 else h
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(h), y).mean()
    return [x, y], [cost], steps(cost, weights)


def loop(n):
    x, h = T.dmatrix("x"), T.dvector("h")
    states, _ = tgen.scan(lambda row, h: chain(h + row, n), sequences=[x], outputs_info=[h])
    return [x, h], [states.sum()], []


def calling(n):
    """Python in the graph and in the body of a loop."""
    (x, h), (cost,), _ = loop(n)
    seen, _ = tgen.scan(lambda row: Print("row")(chain(row, n)), sequences=[x])
    return [x, h], [Print("cost")(cost) + seen.sum()], []


def batches(shape):
    """The same over batches of a shared array, which givens put in the place of the inputs."""

    def program(n):
        inputs, outputs, pairs = shape(n)
        k, givens = T.lscalar("k"), {}
        for v in inputs:
            data = tgen.shared(np.zeros((20,) * v.ndim, v.dtype))
            givens[v] = data[k * 5 : k * 5 + 5]
        return [k], outputs, pairs, givens

    return program


WALKED = {
    "a chain": vector_chain,
    "a net": net,
    "a net that drops units": dropped,
    "a loop": loop,
    "Python": calling,
    "givens": batches(net),
    "givens of a net that drops units": batches(dropped),
    "givens of a loop": batches(loop),
}


def warm_build(inputs, outputs, updates, givens=None):
    return tgen.function(inputs, outputs, updates=updates, givens=givens)


@pytest.fixture
def built_before(monkeypatch):
    """The key of every program is known, and its library is there: another one, which nobody calls."""
    key = tgen.function([], []).fn.library.key
    monkeypatch.setattr(cache, "record_get", lambda program: {"c": key})


@pytest.mark.parametrize("shape", WALKED)
def test_a_warm_build_walks_the_graph_at_most_three_times(shape, built_before):
    f, walked = walks(warm_build, *WALKED[shape](240))
    assert walked.keys() >= set(f.request.signature.order)
    assert max(map(len, walked.values())) <= 3, max(walked.values(), key=len)


def test_walks_are_counted():
    """ancestors is two: it asks for the order and goes over it."""
    _, (y,), _ = vector_chain(240)
    _, once = walks(toposort, [y])
    _, often = walks(lambda: (toposort([y]), leaves([y]), ancestors([y])))
    assert {len(found) for found in once.values()} == {1}
    assert {len(found) for found in often.values()} == {4}


@pytest.fixture
def threshold():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize("first", (0, 700, RARELY + 1))
def test_the_collector_looks_as_before_when_the_last_text_is_made(threshold, first):
    gc.set_threshold(first, 7, 8)
    with rarely():
        with rarely():
            assert gc.get_threshold() == (first if first != 700 else RARELY, 7, 8)
        assert gc.get_threshold() == (first if first != 700 else RARELY, 7, 8)
    assert gc.get_threshold() == (first, 7, 8)


def test_a_threshold_that_somebody_sets_meanwhile_stays(threshold):
    with pytest.raises(ZeroDivisionError), rarely():
        gc.set_threshold(123, 4, 5)
        1 / 0
    assert gc.get_threshold() == (123, 4, 5)


def test_a_program_is_made_while_the_collector_looks_rarely(threshold, monkeypatch):
    seen = []
    program = Program(Signature.of([], [T.constant(1.0) + 1]), "FAST_RUN")
    monkeypatch.setattr(cache, "record_get", lambda key: None)
    final = Program.final
    monkeypatch.setattr(Program, "final", lambda self: seen.append(gc.get_threshold()[0]) or final(self))
    obtain(program)
    assert seen == [RARELY] and gc.get_threshold()[0] != RARELY
