"""The C file of a function: the module's parts and steps as the view of templates/file.c.j2 and the templates it includes."""
import functools
import re

from tgen.ir import text
from tgen.ir.nodes import SHARED
from tgen.ops.declare import C_TYPES, CODES, LIBM
from tgen.passes.plan import root

from . import random, sort     # noqa: F401  their emitters
from .entry import Entry, symbols_of, used_symbols
from .module import Module
from .render import render, source

PLAIN_LIBM = {**dict.fromkeys(("sqrt", "floor", "ceil", "rint", "trunc", "fabs"), 1), "copysign": 2, "fmod": 2}      # no vector twins: mostly one instruction
LIBRARIES = {           # files of C functions -> how the names in them that others call go on after tgen_; "": they are always looked at
    "lib/support.c.j2": "", "lib/blas.c.j2": "", "lib/scalar.c.j2": "", "lib/conv.c.j2": "conv", "lib/pooling.c.j2": "pool|unpool|pick",
    "lib/random.c.j2": "", "lib/randomstate.c.j2": "", "lib/sort.c.j2": "cumsum|cumprod|sort|argsort|searchsorted"}
LOWEST = {"f32": "-__builtin_inff()", "f64": "-__builtin_inf()"}
LIBRARY_TYPES = {       # what templates/lib loops over: functions for each dtype
    "types": (("s", "float"), ("d", "double")),
    "numbers": tuple((c, C_TYPES[d], LOWEST.get(c) or ("0" if c[0] == "u" else f"INT{c[1:]}_MIN")) for d, c in CODES.items() if d != "bool"),
    "kinds": tuple((c, C_TYPES[d], d.startswith("float")) for d, c in CODES.items())}
ANY = object()      # in a set of memory: what the next step touches, whatever that is


# -- barriers

def memory(module, v):
    """What stands for v's memory: its workspace slot, the parameter an update in place writes, or v itself."""
    v = root(module.plan.slots, v)
    slot = module.plan.slots[v]
    if slot.kind == "work":
        return "work", slot.number
    if slot.kind == "update" and module.plan.updates[slot.number].how == "in place":
        number = module.function.updates[slot.number]
        return next(x for x, p in module.params.items() if p.kind == SHARED and p.number == number)
    return v


def barriers(module, views):
    """Whether each step must wait for the ones before: it touches memory that one of them, since the last barrier, writes (or reads what it writes)."""
    reads, writes, out = set(), set(), []
    for step in module.steps:
        known = [i for i in step.instrs if i is not None]
        r = {memory(module, v) for i in known for v in i.operands}
        w = {memory(module, v) for i in known for v in i.results} | {name for i in known for name in i.found}
        r |= symbols_read(step, views)
        late = step.part is not None and views[step.part.name]["late"]
        waits = None in step.instrs or late or ANY in writes or not writes.isdisjoint(r | w) or not reads.isdisjoint(w)
        if waits:
            reads, writes = set(), set()
        reads |= r
        writes |= w
        if None in step.instrs or step.fails:
            writes.add(ANY)
        out.append(waits and bool(out))
    return out


def symbols_read(step, views):
    """The sizes found inside that a step's C names: like memory, they must have been written."""
    if step.part is None:
        return set(re.findall(r"f->(k\d+)", "\n".join(step.lines)))
    return {s for v in views[step.part.name]["variants"] for s in v["symbols"] if s.startswith("k")}


# -- the view

def node_text(nodes):
    """All C text of a loop tree, to see which names it uses."""
    out, stack = [], list(nodes)
    while stack:
        node = stack.pop()
        if node.kind == "lines":
            out.extend(node.texts)
        else:
            out.append(f"{node.low} {node.high} {node.simd}")
            stack.extend(node.body)
    return "\n".join(out)


def variant_view(part, suffix, nodes, symbols):
    body = node_text(nodes)
    extent = part.extent_strided if suffix else part.extent
    bounds = re.search(r"\b(low|high)\b", body) is not None
    return {"name": part.name + suffix, "strided": bool(suffix), "nodes": nodes, "symbols": used_symbols(body, symbols), "extent": extent,
            "bounds": bounds, "parts": f"f->{part.name}_parts", "uses_part": bounds or "part" in body, "uses_frame": bounds or "f->" in body or bool(used_symbols(body, symbols))}


def part_view(part, symbols):
    variants = [variant_view(part, s, n, symbols) for s, n in part.variants]
    late = re.search(r"f->k\d", part.extent + part.cost) is not None
    return {"name": part.name, "comment": part.comment, "variants": variants, "dense": part.dense, "late": late, "product": part.product,
            "extent": part.extent, "extent_strided": part.extent_strided, "cost": part.cost}


@functools.cache
def library(name):
    """name -> text of the C functions in one file of templates/lib, in their order."""
    text = source(name)
    text = render(name, **LIBRARY_TYPES) if "{%" in text else text
    chunks = [chunk.split("\n", 1) for chunk in text.split("\n//: ")[1:]]
    return {head.strip(): body.rstrip() for head, body in chunks}


def helpers(text):
    """The library functions a text uses, and those they use, in the order of their files."""
    known, used, stack = {}, set(), [text]
    for name, words in LIBRARIES.items():
        known.update(library(name) if re.search(rf"\btgen_(?:{words})", text) else {})
    while stack:
        for name in set(re.findall(r"\btgen_\w+", stack.pop())):
            if name in known and name not in used:
                used.add(name)
                stack.append(known[name])
    return [known[n] for n in known if n in used]


def prototypes(text, functions):
    """Prototypes of those of the libm ``functions`` ({name: how many arguments}) that a text calls: (name, result, parameters)."""
    found = []
    for name in sorted(set(re.findall(r"\b(?:%s)f?(?=\()" % "|".join(functions), text))):
        base = name if name in functions else name[:-1]
        kind = "double" if name in functions else "float"
        found.append((name, kind, ", ".join([kind] * functions[base])))
    return found


def generate(function, plan):
    """The C text of a planned function."""
    module = Module(function, plan, text.names(function), text.instr_lines(function)).build()
    ir_text = text.to_text(function)
    entry = Entry(module).build()
    symbols = symbols_of(function)
    parts = [part_view(p, symbols) for p in module.parts]
    by_name = {p["name"]: p for p in parts}
    steps = [{"part": s.part and by_name[s.part.name], "lines": s.lines, "fails": s.fails, "waits": waits}
             for s, waits in zip(module.steps, barriers(module, by_name))]
    holders = entry.holders()
    frame = render("frame.c.j2", ir=comment_lines(ir_text), symbols=symbols, fields=module.frame, holders=holders)
    view = {"holders": holders, "statics": module.statics, "parts": parts, "steps": steps,
            "entry": entry, "prologue": module.prologue, "packs": module.packs, "costs": [p["cost"] for p in parts if not p["late"]]}
    body = render("module.c.j2", **view)
    used = helpers(body)
    called = body + "\n".join(used)
    return render("file.c.j2", helpers=used, libm=prototypes(called, LIBM), plain=prototypes(called, PLAIN_LIBM), frame=frame, body=body, abi=source("abi.h.j2"))


def comment_lines(text):
    """IR text made safe for a C comment (it holds no user text, but a string attribute might)."""
    return [line.replace("*/", "* /").replace("\\", "/") for line in text.rstrip().split("\n")]
