"""The C file of a function: the module's parts and steps as the view of templates/file.c.j2 and the templates
it includes.
"""

import functools
import re

from tgen.core import dims
from tgen.core.dtypes import DTYPE
from tgen.ir import text
from tgen.ops.declare import LIBM
from tgen.passes.plan import root

from . import host, random, scan, sizes, sort  # noqa: F401  their emitters, but for sizes
from .entry import Entry, symbols_of
from .module import Module
from .parts import Functions, is_tuned
from .render import render, source

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
    "types": tuple((d.blas, d.c) for d in DTYPE.values() if d.blas),
    "numbers": tuple((d.code, d.c, d.c_low) for d in DTYPE.values() if d.kind != "b"),
    "kinds": tuple((d.code, d.c, d.kind == "f") for d in DTYPE.values()),
}
# The library's functions, and those of libm or alike. A pattern that begins with letters is found five times
# as fast, so what stands before a name is looked at last.
HELPER, CALLED = re.compile(r"tgen_(?<!\wtgen_)\w+"), re.compile(r"[a-z](?<!\w.)\w*(?=\()")
ANY = object()  # in a set of memory: what the next step touches, whatever that is


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


def joins(module, steps, views):
    """Whether each step must wait for the kernels dealt since the last join: it touches memory that one of
    them writes (or writes what it reads).
    """
    reads, writes, out = set(), set(), []
    for step in steps:
        known = [i for i in step.instrs if i is not None]
        r = {memory(module, v) for i in known for v in i.operands} | symbols_read(step, views)
        w = {memory(module, v) for i in known for v in i.results} | {str(s) for i in known for s in i.found}
        waits = (
            None in step.instrs or ANY in writes or not writes.isdisjoint(r | w) or not reads.isdisjoint(w)
        )
        if waits:
            reads, writes = set(), set()
        # the lines of the master are done when they are passed
        if step.part is not None or step.nested is not None:
            reads |= r
            writes |= w
            if None in step.instrs:
                writes.add(ANY)
        out.append(waits and bool(out))
    return out


def symbols_read(step, views):
    """The sizes found inside that a step's C names: like memory, they must have been written."""
    if step.part is None:
        return set(re.findall(r"f->(k\d+)", "\n".join(step.lines)))
    view = views[step.part.name]
    named = {s for s in view["sizes"] if dims.found_inside([dims.symbol(s)])}
    return named | set(re.findall(r"f->(k\d+)", view["texts"]))


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

    def __init__(self, module, parts):
        self.module, self.parts = module, parts
        self.loops, self.lines, self.count = [], [], 0

    def views(self, steps):
        """As deep as loops are nested."""
        return [self.view(s, waits) for s, waits in zip(steps, joins(self.module, steps, self.parts))]

    def view(self, step, waits):
        nested = step.nested
        view = {
            "part": step.part and self.parts[step.part.name],
            "lines": step.lines,
            "fails": step.fails,
            "waits": waits,
            "loop": None,
            "branch": None,
            "tuned": is_tuned("\n".join(step.lines)),
        }
        if isinstance(nested, scan.Loop):
            view["loop"] = self.loop(nested)
        elif nested is not None:
            view["branch"] = {
                "condition": nested.condition,
                "yes": self.views(nested.yes),
                "no": self.views(nested.no),
            }
            view["fails"] = False  # what fails in it has returned
        self.count += 1
        view["number"] = self.count
        if view["part"] is None and nested is None:
            self.lines.append(view)
        return view

    def loop(self, nested):
        steps = self.views(nested.steps)
        view = {"name": nested.name, "comment": nested.comment, "turn": nested.turn, "steps": steps}
        self.loops.append(view)
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
    tree = Steps(module, functions.parts)
    steps = tree.views(module.steps)
    holders = entry.holders()
    definitions = named.definitions()
    entry.sizes += [f"f->{name} = {text};" for name, text in definitions]
    frame = render(
        "frame.c.j2",
        ir=comment_lines(ir_text),
        symbols=[*symbols, *(name for name, _ in definitions)],
        fields=module.members.values(),
        holders=holders,
    )
    view = {
        "holders": holders,
        "statics": module.statics,
        "functions": functions.views,
        "steps": steps,
        "loops": tree.loops,
        "masters": tree.lines,
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
