"""The C file of a function: the module's parts and steps as the view of templates/file.c.j2 and the templates
it includes.
"""

from tgen.core.dtypes import DTYPE
from tgen.ir import text
from tgen.ops.declare import LIBM, PLAIN_LIBM, c_calls
from tgen.passes.plan import root

from . import conv, host, random, scan, sizes, sort  # noqa: F401  their emitters, but for sizes
from .chunks import is_tuned, needed
from .entry import Entry, symbols_of
from .facts import Facts
from .library import FRAME, fail
from .module import Module
from .nest import Do, Set, Symbol
from .parts import Functions
from .render import macros, render
from .routines import Source, routine
from .steps import Loop, joins

WRAPPER = "\n/* Python's wrapper of the core: all of it is in a call's frame. */\n"
LEVELS = 4  # of nested loops whose step an error names: slots 4 to 7 of the record


# -- when to wait for the team


def memory(module, v):
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


def place(module, name):
    """What stands for the memory of a member of the frame: its own, or that of the value it is of."""
    return memory(module, module.values[name]) if name in module.values else name


# -- what stands before the body


def uses(all_facts):
    """What statements of these Facts need of elsewhere: functions that they or their scalar ops call, and
    types of variables. {name: the prototype of a function that no table knows, or None}
    """
    found = {}
    for facts in all_facts:
        found |= dict.fromkeys((*facts.calls, *facts.structs))
    for facts in all_facts:
        for scalar in facts.scalars:
            kind = DTYPE[scalar.dtypes[-1]].c
            for name in c_calls(scalar.op, scalar.dtypes, scalar.attrs):
                found[name] = name, kind, ", ".join([kind] * len(scalar.args))
    return found


def prototype(name, functions):
    """(name, result, parameters) of one of ``functions`` of libm, {name: how many arguments}, or of its twin
    for float; None of any other.
    """
    base = name if name in functions else name.removesuffix("f")
    if base not in functions:
        return None
    kind = "double" if name in functions else "float"
    return name, kind, ", ".join([kind] * functions[base])


def declarations(used):
    """(Chunks, prototypes of functions with vector twins, other prototypes) of what is ``used``."""
    helpers, others = needed(used)
    libm, plain = [], []
    for name in sorted(others):
        vector = prototype(name, LIBM)
        scalar = prototype(name, PLAIN_LIBM) or used.get(name)
        if vector or scalar:
            (libm if vector else plain).append(vector or scalar)
    return helpers, libm, plain


class Steps:
    """The views of a module's steps, numbered in the order of the text; loops are C functions, inner ones
    first.
    """

    def __init__(self, module, runs):
        self.module, self.runs = module, runs
        self.facts = []  # of all steps but what is in the functions of parts
        self.loops, self.masters, self.count = [], [], 0

    def views(self, steps):
        """As deep as loops are nested."""
        waits = joins(steps, lambda name: place(self.module, name))
        return [self.view(step, wait) for step, wait in zip(steps, waits)]

    def view(self, step, waits):
        nested = step.nested
        view = {"waits": waits, "fails": step.fails, "run": None, "loop": None, "branch": None}
        if step.part is not None:
            view["run"] = [self.runs[step.part.name]]
            self.facts.append(Facts(view["run"]))
        elif isinstance(nested, Loop):
            self.loops.append((nested, self.views(nested.steps)))
            view["loop"] = nested
            stopped = Do(fail("TGEN_STOPPED", -1))
            self.facts.append(Facts([nested.going, *nested.grown, *nested.turn, stopped]))
        elif nested is not None:
            yes, no = self.views(nested.yes), self.views(nested.no)
            view["branch"] = {"condition": nested.condition, "yes": yes, "no": no}
            self.facts.append(Facts([nested.condition]))
            view["fails"] = False  # what fails in it has returned
        self.count += 1
        view["number"] = self.count
        if step.part is None and nested is None:
            (facts,) = step.facts
            tuned = is_tuned(facts.calls)
            self.masters.append({"number": self.count, "nodes": step.nodes, "tuned": tuned, "facts": facts})
            self.facts.append(facts)
        return view


def generate(function, plan, general=False, skip=()):
    """The C text of a planned function: its entry ends with TGEN_LAYOUT when an array is not C-contiguous, or
    (``general``) takes any strides. ``skip`` names rewrites of the schedule to leave out.

    Most functions never see another array, and the kernels for those are half of what the compiler would work
    on. It is a Source.
    """
    parts = parts_of_file(function, plan, general, skip)
    routines = parts.pop("routines")
    return Source(render("file.c.j2", abi=render("abi.h.j2"), **parts), routines)


def parts_of_file(function, plan, general=False, skip=()):
    """What file.c.j2 puts after the ABI: library functions, prototypes of libm, the frame and the body; and
    the Routines of all.
    """
    with sizes.named(function) as named:
        return _parts_of_file(function, plan, general, skip, named)


def _parts_of_file(function, plan, general, skip, named):
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
    routines = list(written(write, functions.views, tree, steps))
    core = write.core(entry, module.prologue, module.packs, holders)
    routines.append(routine("\n", write.core_head(), core, 0))
    routines.append(routine(WRAPPER, write.entry_head(), write.entry(entry), 0))
    around = Facts([*entry.nodes(), *module.prologue, *module.packs])
    used = uses([*(function["facts"] for function in functions.views), *tree.facts, around])
    helpers, libm, plain = declarations(used)
    return {
        "helpers": [chunk.text for chunk in helpers],
        "libm": libm,
        "plain": plain,
        "frame": frame,
        "body": tables + "".join(r.text for r in routines),
        "routines": (*(chunk.routine for chunk in helpers if chunk.routine), *routines),
    }


def written(write, functions, tree, steps):
    """The Routines of parts, of the master's steps, of loops and of the whole body; ``write``: the macros of
    module.c.j2.
    """
    for f in functions:
        head = write.head(f["name"], f["parameters"], f["tuned"])
        body = write.function(f["nodes"], f["unused"])
        yield routine(f"\n/* {f['comment']} */\n", head, body, f["facts"].loops)
    gap = "\n"
    for step in tree.masters:
        head = write.head(f"step{step['number']}", (FRAME,), step["tuned"])
        yield routine(gap, head, write.step(step["nodes"]), step["facts"].loops)
        gap = ""
    for loop, turns in tree.loops:
        head = write.head(f"{loop.name}_turn", (FRAME,))
        body = write.turn(loop, LEVELS)
        yield routine(f"{gap}\n/* {loop.comment} */\n", head, body, Facts(loop.turn).loops)
        gap = ""
        yield routine("\n", write.head(loop.name, (FRAME,)), write.turns(loop, turns), 1)
    yield routine(f"{gap}\n/* The steps of a call. */\n", write.head("body", (FRAME,)), write.body(steps), 0)


def comment_lines(text):
    """IR text made safe for a C comment (it holds no user text, but a string attribute might)."""
    return [line.replace("*/", "* /").replace("\\", "/") for line in text.rstrip().split("\n")]
