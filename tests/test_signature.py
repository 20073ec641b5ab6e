"""The signature of a program: one order of parameters and results, read by all that come after it; and the
walks of which it is made.
"""

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.graph.closure import LITERAL_ELEMENTS
from tgen.graph.walk import Copies, Survey, again, clone, leaves, toposort
from tgen.ir.parse import parse
from tgen.ir.text import to_text
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.pyops.printer import Print
from tgen.runtime.identity import program_key
from tgen.runtime.program import Program

LARGE = np.arange(LITERAL_ELEMENTS + 1.0)


def mixed(prefix=""):
    """Parameters of each kind and rank, none in the order in which the graph meets them."""
    x, k, unused, m = T.dvector(f"{prefix}x"), T.lscalar(f"{prefix}k"), T.fscalar(), T.dmatrix()
    first, last = tgen.shared(2.0, f"{prefix}first"), tgen.shared(np.ones(3), f"{prefix}last")
    counted = tgen.shared(0, f"{prefix}counted")
    y = T.dot(m, last) * first + x[k]
    outputs = [y, k + 1, (x[0] + LARGE).sum(), T.dot(m, m.T) * [[2.0]]]
    return [x, unused, k, m], outputs, [(counted, counted + k), (first, first * 2)]


def nothing(prefix=""):
    return [], [], []


def states(prefix=""):
    s = tgen.shared(np.zeros((2, 2)), f"{prefix}s")
    return [], [], [(s, s + 1)]


def loop(prefix=""):
    x, w = T.dmatrix(f"{prefix}x"), tgen.shared(np.ones(3), f"{prefix}w")
    rows, _ = tgen.scan(lambda row, h: T.tanh(h + row * w + LARGE[:3]), x, T.zeros(3))
    return [x], [rows, Print("last")(rows[-1])], [(w, w * 0.5)]


PROGRAMS = {f.__name__: f for f in (mixed, nothing, states, loop)}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_parameters_of_the_ir_are_those_of_the_signature(name):
    signature = Signature.of(*PROGRAMS[name]())
    before = lower(signature).function
    for function in (before, passes.run(before, checked=True)):
        assert [(p.kind, p.number) for p in function.params] == [
            (p.kind, p.number) for p in signature.parameters
        ]
        assert [(v.type.dtype, v.type.ndim) for v in function.block.params] == [
            (p.variable.type.dtype, p.variable.type.ndim) for p in signature.parameters
        ]
        assert [v.type.dtype for v in function.block.results] == [v.type.dtype for v in signature.roots]
        assert [signature.shared[n] for n in function.updates] == [s for s, _ in signature.updates]
        assert [p.number for p in signature.parameters if p.updated] == sorted(function.updates)
        assert function.layout is signature.layout == parse(to_text(function)).layout


@pytest.mark.parametrize("name", PROGRAMS)
def test_slots_of_the_frame_are_taken_once(name):
    signature = Signature.of(*PROGRAMS[name]())
    layout, taken = signature.layout, []
    for p, at in zip(signature.parameters, layout.parameters, strict=True):
        taken += range(at, at + (1 if p.kind == "shared" else 1 + 2 * p.variable.ndim))
    for v, at in zip(signature.outputs, layout.outputs, strict=True):
        taken += range(at, at + 2 + v.ndim)
    assert sorted(taken) == list(range(9, layout.size))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_key_knows_no_names_and_sees_the_order(name):
    key = program_key(Program(Signature.of(*PROGRAMS[name]()), "FAST_RUN"))
    assert key == program_key(Program(Signature.of(*PROGRAMS[name]("other ")), "FAST_RUN"))
    inputs, outputs, updates = PROGRAMS[name]()
    turned = Signature.of(inputs[::-1], outputs[::-1], updates[::-1])
    alike = len(inputs) < 2 and len(outputs) < 2 and len(updates) < 2
    assert (key == program_key(Program(turned, "FAST_RUN"))) is alike


def test_a_call_finds_every_parameter_and_result():
    inputs, outputs, updates = mixed()
    f = tgen.function(inputs, outputs, updates=updates, on_unused_input="ignore")
    x, m = np.array([3.0]), np.arange(6.0).reshape(2, 3)
    y, k, total, square = f(x, 7.0, 0, m)
    assert y.tolist() == (m.sum(1) * 2 + 3).tolist() and k == 1 and total == (3 + LARGE).sum()
    assert square.tolist() == (2 * m @ m.T).tolist()
    assert [s.get_value() for s, _ in updates] == [0, 4]


# -- walks ---------------------------------------------------------------------------------------------------


def graphs():
    x, y = T.dvectors("xy")
    a = T.exp(x) + y
    b = T.tanh(a) * tgen.shared(1.0)
    return [x, b, [a, a + b][1], T.dvector(), a, T.constant(3.0) + x]


@pytest.mark.parametrize("cut", range(7))
def test_a_survey_goes_on_as_one_walk(cut):
    ends = graphs()
    survey = Survey(ends[:cut])
    survey.add(ends[cut:])
    assert survey.order == toposort(ends) and survey.leaves == leaves(ends)


@pytest.mark.parametrize("cut", range(7))
def test_copies_share_what_earlier_ones_made(cut):
    ends = graphs()
    table = {ends[0]: T.dvector("z")}
    copies = Copies(table, again)
    made = copies.of(ends[:cut]) + copies.of(ends[cut:])
    whole = clone(ends, table)
    assert [node.op for node in toposort(made)] == [node.op for node in toposort(whole)]
    assert leaves(made) == leaves(whole) and copies.walked == toposort(ends, table)
