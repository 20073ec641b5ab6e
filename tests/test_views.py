"""Views of loops and branches: what the parts of one are, what other parts make of it, and that nobody else
knows where they stand.
"""

import pathlib
import re

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.core.layouts import Carry, Fixed, Kept, Yielded
from tgen.graph.scans import ScanNode
from tgen.ir.nodes import fresh_like
from tgen.ir.rebuild import walk
from tgen.ir.text import parse, to_text
from tgen.ir.verify import verify
from tgen.ir.views import CondView, ScanView
from tgen.loop import until

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "tgen"
READERS = ("core/layouts.py", "graph/scans.py", "ir/views.py")
# what stands in a loop's or a branch's attributes about where its operands are
ASKED = re.compile(r"""["']carries["']|attrs(?:\[|\.get\()["'](?:sequences|until|first)["']""")

LOOP = """function (v0: float64[n0, n1], v1: float64[n1], v2: float64[n1], v3: bool[]) {
  v4: float64[n0 + 1, n1], v5: float64[n1], v6: float64[n0, n1] = scan v1, v0, v2 <n0> {carries=1, \
outs=(('history', 0), ('sum', 1), ('stack', 0)), sequences=1, until=False} \
(v7: float64[n1], v8: float64[n1], v9: float64[n1]) {
    v10: float64[n1] = add v7, v8
    v11: float64[n1] = mul v10, v9
    yield v10, v11
  }
  v12: float64[n1] = cond v3, v1, v2, v5 {first=2, found=(), open=()} (v13: float64[n1], v14: float64[n1]) {
    v15: float64[n1] = add v13, v14
    yield v15
  } (v16: float64[n1]) {
    yield v16
  }
  return v4, v5, v6, v12
}
"""


def test_only_the_views_know_where_the_parts_of_a_loop_stand():
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if str(path.relative_to(PACKAGE)) not in READERS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ASKED.search(line)
    ]
    assert found == [], "\n".join(found)


@pytest.fixture
def function():
    return verify(parse(LOOP))


def only(function, name):
    (instr,) = [i for i in walk(function.block) if i.op.name == name]
    return instr


def replaced(function, old, new):
    """The text of ``function`` with another instruction in the place of one, verified."""
    instrs = tuple(new if i is old else i for i in function.block.instrs)
    block = type(function.block)(function.block.params, instrs, function.block.results)
    return to_text(verify(function.with_block(block)))


def test_the_parts_of_a_loop_make_the_same_loop(function):
    instr = only(function, "scan")
    assert replaced(function, instr, ScanView(instr).with_()) == LOOP


def test_a_carry_more_moves_no_out(function):
    instr = only(function, "scan")
    scan = ScanView(instr)
    register = Carry(fresh_like(scan.carries[0].param), instr.operands[2], scan.carries[0].param)
    kept = Kept("final", register, fresh_like(register.param))
    longer = scan.with_(carries=[register, *scan.carries], outs=[*scan.outs, kept])
    assert longer.attrs["outs"] == (("history", 1), ("sum", 2), ("stack", 1), ("final", 0))
    assert "yield v9, v12, v13" in replaced(function, instr, longer)


def test_a_carry_less_moves_no_out(function):
    instr = only(function, "scan")
    scan = ScanView(instr)
    (carry,) = scan.carries
    shown = Yielded(carry.new)
    outs = [
        Kept(o.kind, shown if o.of is carry else o.of, o.result) for o in scan.outs if o.kind != "history"
    ]
    steady = scan.with_(
        carries=[],
        fixed=[Fixed(carry.param, carry.first), *scan.fixed],
        more=[*scan.more, shown],
        outs=outs,
    )
    assert steady.attrs["carries"] == 0 and steady.attrs["outs"] == (("sum", 0), ("stack", 1))
    assert steady.operands == (instr.operands[1], instr.operands[0], instr.operands[2])


def test_a_part_that_there_is_not_is_refused(function):
    with pytest.raises(TypeError, match="no part called condtion"):
        ScanView(only(function, "scan")).with_(condtion=None)


def test_the_parts_of_a_branch_make_the_same_branch(function):
    instr = only(function, "cond")
    cond = CondView(instr)
    assert [side.values for side in cond.sides] == [instr.operands[1:3], instr.operands[3:]]
    assert replaced(function, instr, cond.with_(cond.sides, cond.results)) == LOOP


def test_a_node_of_the_graph_has_the_parts_of_its_instruction():
    x, h = T.dmatrix("x"), T.dvector("h")
    states, _ = tgen.scan(lambda row, state: state * 0.5 + row, x, h)
    node = states.owner.inputs[0].owner
    graph = ScanNode(node)
    assert [c.first for c in graph.carries] == [h] and [s.source.name for s in graph.sequences] != []
    assert graph.operands == tuple(node.inputs[:-1]) and graph.steps is node.inputs[-1]
    twin = graph.again(outs=[Kept("final", graph.carries[0], None)])[0].owner
    assert twin.inputs == node.inputs and twin.attrs["outs"] == (("final", 0),)


def test_a_condition_that_is_kept_stays_the_condition():
    """The rows of the condition, and of another value that only the product behind the loop reads."""
    h, w, v = T.dvector("h"), T.dmatrix("w"), T.dmatrix("v")

    def step(state):
        grown = T.exp(state)
        new = T.tanh(T.dot(grown, w)) + state
        done = T.gt(new.sum(), 6.0)
        return [new, T.dot(grown, v) * (1 + T.cast(done, "float64"))], until(done)

    (_, rows), _ = tgen.scan(step, outputs_info=[h, None], n_steps=20)
    first, square, wide = np.array([0.1, -0.2, 0.3]), np.eye(3) / 2, np.arange(6.0).reshape(3, 2)
    wanted, state, done = [], first, False
    while not done:
        grown = np.exp(state)
        state = np.tanh(grown @ square) + state
        done = state.sum() > 6
        wanted.append(grown @ wide * (1 + done))
    assert len(wanted) > 2
    np.testing.assert_allclose(tgen.function([h, w, v], rows)(first, square, wide), wanted, rtol=1e-12)
