"""What a step touches is asked of its statements, and of nothing else depends where the master waits."""

import ast
import pathlib
import re
from dataclasses import is_dataclass

import pytest
from fuzzing.generate import lowered

import tgen.codegen
from tgen import passes
from tgen.codegen import nest, sizes
from tgen.codegen.entry import Entry, symbols_of
from tgen.codegen.facts import Facts
from tgen.codegen.module import Module
from tgen.codegen.nest import Address, Bin, Call, Do, Field, For, Int, Let, Load, Name, Out, Set, Symbol
from tgen.codegen.steps import Branch, Loop, Part, Step, Variant, joins
from tgen.ir import text
from tgen.ir.parse import parse
from tgen.ir.rebuild import walk
from tgen.passes.plan import plan

CODEGEN = pathlib.Path(tgen.codegen.__file__).parent
ZERO, I, P = Int(0), Name("i"), Name("y0", "float64", pointer=True)
V = [Field(f"v{k}", "float64", pointer=True) for k in range(4)]
S, K = Field("s", "float64"), Symbol("k0")


def over(array, count):
    return Bin("+", array, Bin("*", I, count))


TOUCHES = {
    "an element": ([Set(Load(V[1], I), Load(V[0], I))], "v0 v1", "v1"),
    "a number": ([Set(S, Load(V[0], ZERO))], "s v0", "s"),
    "a pointer is set": ([Set(V[1], V[0])], "v0 v1", "v1"),
    "a size is found": ([Set(K, Field("count", "int64"))], "k0 count", "k0"),
    "through a local pointer": (
        [For(I, ZERO, K, (Let(P, over(V[1], K)), Set(Load(P, I), Load(V[0], I))))],
        "v0 v1 k0",
        "v1",
    ),
    "a function reads what it is given": ([Do(Call("use", (V[0], K)))], "v0 k0", ""),
    "and writes where it is told to": ([Do(Call("use", (V[0], Out(over(V[1], K)))))], "v0 v1 k0", "v1"),
    "a number by its address": ([Do(Call("use", (Address(S),)))], "s", "s"),
    "a local variable's address": ([Do(Call("use", (Address(I), V[0])))], "v0", ""),
}


@pytest.mark.parametrize("what", TOUCHES)
def test_what_statements_touch(what):
    nodes, reads, writes = TOUCHES[what]
    facts = Facts(nodes)
    assert facts.touched == set(reads.split()) and facts.writes == set(writes.split())


def test_the_parts_of_every_kind_of_node_are_known():
    """A call that stands in a part nobody walks would be a function that nobody declares."""
    named = [c for c in vars(nest).values() if isinstance(c, type) and c.__module__ == nest.__name__]
    alone = {nest.Const, Int, Name, Field, Symbol, nest.Host, nest.Comment, nest.Leave, nest.Nest}
    assert set(filter(is_dataclass, named)) == alone | set(nest.PARTS) and not alone & set(nest.PARTS)
    failing = nest.Return(Call("tgen_fail", ()))
    assert [n.function for n in nest.walk([failing, nest.Return()]) if isinstance(n, Call)] == ["tgen_fail"]


def part(*nodes, extent=ZERO):
    return Step(part=Part("part", "", [Variant("", nodes, extent)], ZERO))


def move(target, source):
    return Set(Load(V[target], I), Load(V[source], I))


A, B = part(move(1, 0)), part(move(2, 0))
CASES = {
    "independent": ([A, B], [False, False]),
    "read after write": ([A, part(move(2, 1))], [False, True]),
    "write after read": ([A, part(move(0, 3))], [False, True]),
    "write after write": ([A, part(move(1, 3))], [False, True]),
    "two readers": ([part(move(1, 0)), Step(nodes=[move(2, 0)])], [False, False]),
    "the master reads": ([A, Step(nodes=[Set(S, Load(V[1], ZERO))])], [False, True]),
    "the master has done its work": ([Step(nodes=[move(1, 0)]), part(move(2, 1))], [False, False]),
    "one wait is for all": ([A, B, part(move(3, 1)), part(move(0, 2))], [False, False, True, False]),
    "how many pieces": ([part(Set(K, ZERO)), part(move(1, 0), extent=K)], [False, True]),
    "a loop, and what follows it": ([A, Step(nested=object()), B], [False, True, True]),
}


@pytest.mark.parametrize("what", CASES)
def test_where_the_master_waits(what):
    steps, wanted = CASES[what]
    assert joins(steps, lambda name: name) == wanted


def test_values_in_one_place_are_one_memory():
    """v3 has the workspace slot that v1 had before."""
    assert joins([A, part(move(3, 2))], lambda name: {"v3": "v1"}.get(name, name)) == [False, True]


# what writes C by trade: expressions, and the signatures of other libraries
WRITERS = ("c.py", "externals.py")
C = re.compile(r"f->|\w[)\]]?;|^ *(?:for|if|else) [({]|\w\(\w*, ")


@pytest.mark.parametrize("path", sorted(CODEGEN.glob("*.py")), ids=lambda p: p.stem)
def test_statements_are_data(path):
    """No string of codegen is a statement of C; c.py writes expressions, the templates all else."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    found = [
        f"{path.name}:{n.lineno}: {n.value!r}"
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in words
        if C.search(n.value) and path.name not in WRITERS
    ]
    assert not found, "\n".join(found)


def all_facts(steps):
    """Those of the steps and of what is nested in them."""
    for step in steps:
        yield from step.facts
        if isinstance(step.nested, Loop):
            yield Facts([step.nested.going, *step.nested.grown, *step.nested.turn])
            yield from all_facts(step.nested.steps)
        elif isinstance(step.nested, Branch):
            yield Facts([step.nested.condition])
            yield from all_facts(step.nested.yes + step.nested.no)


def module_of(function):
    with sizes.named(function):
        _, names, lines = text.printed(function)
        return Module(function, plan(function), names, lines, False).build()


def read_too_early(module):
    """The sizes found inside that are read before the body has found them."""
    entry = Entry(module, symbols_of(module.function)).build()
    early = [*entry.load, *entry.sizes, *entry.checks, *module.prologue, *entry.memory, *module.packs]
    found = {str(s) for instr in walk(module.function.block) for s in instr.found}
    return found & Facts(early).sizes.keys()


def test_no_memory_is_counted_in_sizes_that_nobody_knows_yet():
    """Rows without elements take no bytes, however many there will be."""
    function = parse(
        """function (v0: bool[n0, 3, 0]) {
  v1: bool[k0, 3, 0] = scan v0 <n0> {ATTRS} (v2: bool[3, 0]) {
    v3: bool[] = constant False
    yield v2, v3
  }
  check_eq <n0, k0> {site=0}
  v4: bool[n0, 3, 0] = kernel [n0, 3, 0] (x0: bool[] = v1[@0, @1, @2]) map {
    v5: bool[] = invert x0
    yield v5
  }
  return v4
}""".replace("ATTRS", "carries=0, found=('k0',), outs=(('stack', 0),), sequences=1, until=True")
    )
    made = plan(function)
    assert "work" in {slot.kind for slot in made.slots.values()} and made.work == [0]
    assert not read_too_early(module_of(function))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_what_an_instruction_reads_and_makes_is_touched(seed):
    """No call writes behind its arguments' backs. Before and after loops and branches everybody waits."""
    function = passes.run(lowered(seed)[0])
    module = module_of(function)
    assert not read_too_early(module)
    every = [*all_facts(module.steps), Facts(module.prologue + module.packs)]
    reads = {name for facts in every for name in facts.touched}
    writes = {name for facts in every for name in facts.writes}
    lines = text.printed(function)[2]
    blocks = [function.block]
    while blocks:
        for instr in blocks.pop().instrs:
            nested = instr.op.name in ("scan", "cond")
            if nested:
                blocks += instr.blocks
            made = [module.names[module.real(v)] for v in instr.results if not nested]
            assert writes.issuperset(made), lines[instr]
            assert reads.issuperset(module.names[module.real(v)] for v in instr.operands), lines[instr]
