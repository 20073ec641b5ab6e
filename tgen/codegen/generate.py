"""The C file of a function: the module's parts and steps as the view of templates/file.c.j2 and the templates
it includes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tgen.core.dtypes import DTYPE
from tgen.ir import text
from tgen.ir.nodes import Function, Value
from tgen.ops.declare import LIBM, PLAIN_LIBM, c_calls
from tgen.passes.plan import MemoryPlan, root

from . import conv, host, matrices, random, scan, sizes, sort  # noqa: F401  their emitters, but for sizes
from .chunks import Chunk, is_tuned, needed
from .entry import Entry, symbols_of
from .facts import Facts
from .library import FRAME, fail
from .module import Module
from .nest import Do, Expression, Set, Statement, Symbol
from .parts import Functions, PartFunction
from .render import macros, render
from .routines import Routine, Source, routine
from .steps import Loop, Step, joins

WRAPPER = "\n/* Python's wrapper of the core: all of it is in a call's frame. */\n"
Prototype: TypeAlias = tuple[str, str, str]  # a C function's name, result, parameters
LEVELS = 4  # of nested loops whose step an error names: slots 4 to 7 of the record


# -- when to wait for the team


def memory(module: Module, v: Value) -> Hashable:
    """What stands for v's memory: its workspace slot, the parameter an update in place
    writes, or v itself.
    """
    v = root(module.plan.slots, v)
    slot = module.plan.slots[v]
    if slot.kind == "work":
        return "work", slot.number
    if slot.kind == "update" and module.plan.updates[slot.number].how == "in place":
        return module.shared[module.function.updates[slot.number]]
    return v


def place(module: Module, name: str) -> Hashable:
    """What stands for the memory of a member of the frame: its own, or that of the value it is of."""
    return memory(module, module.values[name]) if name in module.values else name


# -- what stands before the body


def uses(all_facts: Sequence[Facts]) -> dict[str, Prototype | None]:
    """What statements of these Facts need of elsewhere: functions that they or their scalar ops call, and
    types of variables. {name: the prototype of a function that no table knows, or None}
    """
    found: dict[str, Prototype | None] = {}
    for facts in all_facts:
        found |= dict.fromkeys((*facts.calls, *facts.structs))
    for facts in all_facts:
        for scalar in facts.scalars:
            kind = DTYPE[scalar.dtypes[-1]].c
            for name in c_calls(scalar.op, scalar.dtypes, scalar.attrs):
                found[name] = name, kind, ", ".join([kind] * len(scalar.args))
    return found


def prototype(name: str, functions: Mapping[str, int]) -> Prototype | None:
    """(name, result, parameters) of one of ``functions`` of libm, {name: how many arguments}, or of its twin
    for float; None of any other.
    """
    base = name if name in functions else name.removesuffix("f")
    if base not in functions:
        return None
    kind = "double" if name in functions else "float"
    return name, kind, ", ".join([kind] * functions[base])


def declarations(
    used: Mapping[str, Prototype | None],
) -> tuple[list[Chunk], list[Prototype], list[Prototype]]:
    """(Chunks, prototypes of functions with vector twins, other prototypes) of what is ``used``."""
    helpers, others = needed(used)
    libm: list[Prototype] = []
    plain: list[Prototype] = []
    for name in sorted(others):
        if vector := prototype(name, LIBM):
            libm.append(vector)
        elif scalar := prototype(name, PLAIN_LIBM) or used.get(name):
            plain.append(scalar)
    return helpers, libm, plain


@dataclass
class StepView:
    """A step as it is written in the body: it runs a part, a loop or a branch, or is a function of the
    master, by its number.
    """

    number: int
    waits: bool
    fails: bool
    run: tuple[Statement, ...] = ()
    loop: Loop | None = None
    branch: BranchView | None = None


@dataclass
class BranchView:
    condition: Expression
    yes: list[StepView]
    no: list[StepView]


@dataclass
class Master:
    """The function of a step that the master does alone."""

    number: int
    nodes: Sequence[Statement]
    facts: Facts

    @property
    def tuned(self) -> bool:
        return is_tuned(self.facts.calls)


class Steps:
    """The views of a module's steps, numbered in the order of the text; loops are C functions, inner ones
    first.
    """

    def __init__(self, module: Module, runs: Mapping[str, Statement]) -> None:
        self.module, self.runs = module, runs
        self.facts: list[Facts] = []  # of all steps but what is in the functions of parts
        self.loops: list[tuple[Loop, list[StepView]]] = []
        self.masters: list[Master] = []
        self.count = 0

    def views(self, steps: Sequence[Step]) -> list[StepView]:
        """As deep as loops are nested."""
        waits = joins(steps, lambda name: place(self.module, name))
        return [self.view(step, wait) for step, wait in zip(steps, waits)]

    def view(self, step: Step, waits: bool) -> StepView:
        view, nested = StepView(0, waits, step.fails), step.nested
        if step.part is not None:
            view.run = (self.runs[step.part.name],)
            self.facts.append(Facts(view.run))
        elif isinstance(nested, Loop):
            self.loops.append((nested, self.views(nested.steps)))
            view.loop = nested
            stopped = Do(fail("TGEN_STOPPED", -1))
            self.facts.append(Facts([nested.going, *nested.grown, *nested.turn, stopped]))
        elif nested is not None:
            view.branch = BranchView(nested.condition, self.views(nested.yes), self.views(nested.no))
            self.facts.append(Facts([nested.condition]))
            view.fails = False  # what fails in it has returned
        self.count += 1
        view.number = self.count
        if step.part is None and nested is None:
            (facts,) = step.facts
            self.masters.append(Master(view.number, step.nodes, facts))
            self.facts.append(facts)
        return view


def generate(function: Function, plan: MemoryPlan, general: bool = False, skip: Sequence[str] = ()) -> Source:
    """The C text of a planned function: its entry ends with TGEN_LAYOUT when an array is not C-contiguous, or
    (``general``) takes any strides. ``skip`` names rewrites of the schedule to leave out.

    Most functions never see another array, and the kernels for those are half of what the compiler would work
    on. It is a Source.
    """
    parts = parts_of_file(function, plan, general, skip)
    routines = parts.pop("routines")
    return Source(render("file.c.j2", abi=render("abi.h.j2"), **parts), routines)


def parts_of_file(
    function: Function, plan: MemoryPlan, general: bool = False, skip: Sequence[str] = ()
) -> dict[str, Any]:
    """What file.c.j2 puts after the ABI: library functions, prototypes of libm, the frame and the body; and
    the Routines of all.
    """
    with sizes.named(function) as named:
        return _parts_of_file(function, plan, general, skip, named)


def _parts_of_file(
    function: Function, plan: MemoryPlan, general: bool, skip: Sequence[str], named: sizes.Named
) -> dict[str, Any]:
    ir_text, names, lines = text.printed(function)
    module = Module(function, plan, names, lines, general, skip).build()
    symbols = symbols_of(function)
    entry = Entry(module, symbols).build()
    functions = Functions(module)
    tree = Steps(module, functions.runs)
    steps = tree.views(module.steps)
    holders = entry.holders()
    definitions = named.definitions()
    entry.sizes += [Set(Symbol(name), made) for name, made in definitions]
    frame = render(
        "frame.c.j2",
        ir=comment_lines(ir_text),
        symbols=[*symbols, *(name for name, _ in definitions)],
        fields=module.members.values(),
        holders=holders,
        entry=entry,
    )
    write = macros("module.c.j2")
    tables = "".join(map(write.table, module.tables))
    routines = list(written(write, functions.made, tree, steps))
    core = write.core(entry, module.prologue, module.packs, holders)
    routines.append(routine("\n", write.core_head(), core, 0))
    routines.append(routine(WRAPPER, write.entry_head(), write.entry(entry), 0))
    around = Facts([*entry.nodes(), *module.prologue, *module.packs])
    used = uses([*(made.facts for made in functions.made), *tree.facts, around])
    helpers, libm, plain = declarations(used)
    return {
        "helpers": [chunk.text for chunk in helpers],
        "libm": libm,
        "plain": plain,
        "frame": frame,
        "body": tables + "".join(r.text for r in routines),
        "routines": (*(chunk.routine for chunk in helpers if chunk.routine), *routines),
    }


def written(
    write: Any, functions: Iterable[PartFunction], tree: Steps, steps: Sequence[StepView]
) -> Iterator[Routine]:
    """The Routines of parts, of the master's steps, of loops and of the whole body; ``write``: the macros of
    module.c.j2, which only the template knows.
    """
    for f in functions:
        head = write.head(f.name, f.parameters, f.tuned)
        yield routine(f"\n/* {f.comment} */\n", head, write.function(f.nodes, f.unused), f.facts.loops)
    gap = "\n"
    for step in tree.masters:
        head = write.head(f"step{step.number}", (FRAME,), step.tuned)
        yield routine(gap, head, write.step(step.nodes), step.facts.loops)
        gap = ""
    for loop, turns in tree.loops:
        head = write.head(f"{loop.name}_turn", (FRAME,))
        body = write.turn(loop, LEVELS)
        yield routine(f"{gap}\n/* {loop.comment} */\n", head, body, Facts(loop.turn).loops)
        gap = ""
        yield routine("\n", write.head(loop.name, (FRAME,)), write.turns(loop, turns), 1)
    yield routine(f"{gap}\n/* The steps of a call. */\n", write.head("body", (FRAME,)), write.body(steps), 0)


def comment_lines(text: str) -> list[str]:
    """IR text made safe for a C comment (it holds no user text, but a string attribute might)."""
    return [line.replace("*/", "* /").replace("\\", "/") for line in text.rstrip().split("\n")]
