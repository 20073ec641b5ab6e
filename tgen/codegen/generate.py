"""The C file of a function: the module's parts and steps as the view of templates/file.c.j2 and the templates
it includes.
"""

import functools
import re

from tgen.core.dtypes import DTYPE
from tgen.ir import text
from tgen.ops.declare import LIBM
from tgen.passes.plan import root

from . import host, random, scan, sizes, sort  # noqa: F401  their emitters, but for sizes
from .entry import Entry, symbols_of
from .module import Module
from .nest import Set, Symbol
from .parts import Functions, called, is_tuned
from .render import render, source
from .steps import Loop, joins

# no vector twins: mostly one instruction
PLAIN_LIBM = {
    **dict.fromkeys(("sqrt", "floor", "ceil", "rint", "trunc", "fabs"), 1),
    "copysign": 2,
    "fmod": 2,
}
# files of C functions -> how the names in them that others call go on after tgen_; "": they are always looked
# at
LIBRARIES = {
    "lib/support.c.j2": "",
    "lib/blas.c.j2": "",
    "lib/scalar.c.j2": "",
    "lib/conv.c.j2": "conv",
    "lib/pooling.c.j2": "pool|unpool|pick",
    "lib/random.c.j2": "",
    "lib/randomstate.c.j2": "",
    "lib/sort.c.j2": "cumsum|cumprod|sort|argsort|searchsorted",
}
LIBRARY_TYPES = {  # what templates/lib loops over: functions for each dtype
    "floats": tuple((d.code, d.c, d.suffix, d.exact) for d in DTYPE.values() if d.kind == "f"),
    "types": tuple((d.blas, d.c) for d in DTYPE.values() if d.blas),
    "numbers": tuple((d.code, d.c, d.c_low) for d in DTYPE.values() if d.kind != "b"),
    "kinds": tuple((d.code, d.c, d.kind == "f") for d in DTYPE.values()),
}
# The library's functions, and those of libm or alike. A pattern that begins with letters is found five times
# as fast, so what stands before a name is looked at last.
HELPER, CALLED = re.compile(r"tgen_(?<!\wtgen_)\w+"), re.compile(r"[a-z](?<!\w.)\w*(?=\()")
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


# -- the library


@functools.cache
def library(name):
    """name -> text of the C functions in one file of templates/lib, in their order."""
    text = source(name)
    text = render(name, **LIBRARY_TYPES) if "{%" in text else text
    chunks = [chunk.split("\n", 1) for chunk in text.split("\n//: ")[1:]]
    return {head.strip(): body.rstrip() for head, body in chunks}


def helpers(text):
    """The library functions a text uses, and those they use, in the order of their files."""
    known, used, waiting = {}, set(), set(HELPER.findall(text))
    for name, words in LIBRARIES.items():
        begins = tuple(f"tgen_{word}" for word in words.split("|"))
        known.update(library(name) if any(called.startswith(begins) for called in waiting) else {})
    while waiting:
        name = waiting.pop()
        if name in known and name not in used:
            used.add(name)
            waiting.update(HELPER.findall(known[name]))
    return [known[n] for n in known if n in used]


def prototypes(called, functions):
    """Prototypes of those of the libm ``functions`` ({name: how many arguments}) among the ``called`` names:
    (name, result, parameters).
    """
    found = []
    for name in sorted(called):
        base = name if name in functions else name.removesuffix("f")
        if base not in functions:
            continue
        kind = "double" if name in functions else "float"
        found.append((name, kind, ", ".join([kind] * functions[base])))
    return found


class Steps:
    """The views of a module's steps, numbered in the order of the text; loops are C functions, inner ones
    first.
    """

    def __init__(self, module, runs):
        self.module, self.runs = module, runs
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
        elif isinstance(nested, Loop):
            self.loops.append((nested, self.views(nested.steps)))
            view["loop"] = nested
        elif nested is not None:
            yes, no = self.views(nested.yes), self.views(nested.no)
            view["branch"] = {"condition": nested.condition, "yes": yes, "no": no}
            view["fails"] = False  # what fails in it has returned
        self.count += 1
        view["number"] = self.count
        if step.part is None and nested is None:
            master = {"number": self.count, "nodes": step.nodes, "tuned": is_tuned(called(step.nodes))}
            self.masters.append(master)
        return view


def generate(function, plan, general=False):
    """The C text of a planned function: its entry ends with TGEN_LAYOUT when an array is not C-contiguous, or
    (``general``) takes any strides.

    Most functions never see another array, and the kernels for those are half of what the compiler would work
    on.
    """
    return render("file.c.j2", abi=render("abi.h.j2"), **parts_of_file(function, plan, general))


def parts_of_file(function, plan, general=False):
    """What file.c.j2 puts after the ABI: library functions, prototypes of libm, the frame and the body."""
    with sizes.named(function) as named:
        return _parts_of_file(function, plan, general, named)


def _parts_of_file(function, plan, general, named):
    ir_text, names, lines = text.printed(function)
    module = Module(function, plan, names, lines, general).build()
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
    )
    view = {
        "holders": holders,
        "tables": module.tables,
        "functions": functions.views,
        "steps": steps,
        "loops": tree.loops,
        "masters": tree.masters,
        "levels": LEVELS,
        "entry": entry,
        "prologue": module.prologue,
        "packs": module.packs,
    }
    body = render("module.c.j2", **view)
    used = helpers(body)
    called = {name for text in (body, *used) for name in CALLED.findall(text)}
    return {
        "helpers": used,
        "libm": prototypes(called, LIBM),
        "plain": prototypes(called, PLAIN_LIBM),
        "frame": frame,
        "body": body,
    }


def comment_lines(text):
    """IR text made safe for a C comment (it holds no user text, but a string attribute might)."""
    return [line.replace("*/", "* /").replace("\\", "/") for line in text.rstrip().split("\n")]
