"""Texts about a built function for people: the user's names and lines beside the canonical ones of IR and
C.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from tgen import passes
from tgen.backends import backend_of
from tgen.ir.nodes import CONST, INPUT, SHARED
from tgen.ir.rebuild import walk
from tgen.ir.text import names as canonical_names
from tgen.ir.text import to_text
from tgen.passes import plan
from tgen.runtime import hooks

from .names import escape, label, place
from .table import table

if TYPE_CHECKING:
    from tgen.ir import nodes as ir_nodes
    from tgen.passes.plan import MemoryPlan
    from tgen.runtime.function import Function

Row: TypeAlias = tuple[str, str, str, str, str]  # canonical name, user's name, type, role, place
Section: TypeAlias = tuple[str, str, str]  # title, kind, text

ROLES = {INPUT: "input", SHARED: "shared"}
_DEFINED = re.compile(r"\b(v\d+): \w+\[")


def parameters(fn: Function) -> list[Row]:
    """[(canonical name, user's name, type, role, place)] of a Function's parameters, in the IR's order."""
    ir = before(fn)
    rows: list[Row] = []
    canonical = canonical_names(ir)
    for p, value in zip(fn.request.signature.parameters, ir.block.params):
        if p.kind == CONST:
            rows.append((canonical[value], "", value.type.text(), "constant array", ""))
            continue
        v = p.variable
        role = ROLES[p.kind] + (", updated" if p.updated else "")
        rows.append((canonical[value], label(v.name or ""), value.type.text(), role, place(v.where)))
    return rows


def results(fn: Function) -> list[tuple[str, str, str]]:
    """[(canonical name, user's name or role)] of the outputs and updates, from the IR before passes."""
    ir = before(fn)
    canonical = canonical_names(ir)
    keys = fn.request.keys or [v.name or "" for v in fn.request.outputs]
    rows = [(canonical[v], label(key), "output") for v, key in zip(ir.block.results, keys)]
    new = zip(ir.block.results[ir.outputs :], fn.request.updates)
    return rows + [(canonical[v], label(s.name or ""), "new value") for v, (s, _) in new]


def bodies(fn: Function) -> list[Row]:
    """[(number, op, "", "Python", place)] of what the host instructions call."""
    nodes = [
        (number, primitive.python.run.node) for number, primitive in fn.request.signature.python.values()
    ]
    return [(f"python={number}", escape(node.op), "", "Python", place(node.where)) for number, node in nodes]


def legend(fn: Function) -> str:
    """Whose name is what: parameters, outputs, updates and Python bodies of a Function, a line each."""
    named = [(canonical, name, "", role, "") for canonical, name, role in results(fn)]
    return table([("#", *row) for row in (*parameters(fn), *named, *bodies(fn))])


def lines_of(ir: ir_nodes.Function) -> dict[str, str]:
    """{canonical name of a result: the user's lines it came from, as text} over all blocks of
    an IR function.
    """
    canonical, stack = canonical_names(ir), [ir.block]
    found: dict[str, str] = {}
    while stack:
        for instr in stack.pop().instrs:
            stack.extend(instr.blocks)
            if instr.where and instr.results:
                found[canonical[instr.result]] = ", ".join(place(w) for w in sorted(instr.where))
    return found


def annotated(text: str, found: Mapping[str, str], mark: str) -> str:
    """``text`` with the user's lines after each line that defines a value, unless they are those of the line
    before.
    """
    lines: list[str] = []
    last = None
    for line in text.splitlines():
        match = _DEFINED.search(line)
        where = match and found.get(match[1])
        if where and where != last:
            line = f"{line}{mark}{where}"
        last = where or last
        lines.append(line)
    return "\n".join(lines)


def ir_text(ir: ir_nodes.Function) -> str:
    """The text of an IR function with the user's lines as comments; it still parses."""
    return annotated(to_text(ir), lines_of(ir), "    # ")


def origins_of(ir: ir_nodes.Function, made_by: str, known: Mapping[ir_nodes.Value, str]) -> dict[str, str]:
    """{canonical name of a result: what the pass ``made_by`` made it of, as text} over all blocks of an IR
    function; ``known``: the names of the values before the pass.
    """
    canonical = canonical_names(ir)
    found: dict[str, str] = {}
    for instr in walk(ir.block):
        origin = instr.origin
        if origin is None or origin.by != made_by or not instr.results:
            continue
        sources = ", ".join(known[v] for v in origin.sources if v in known)
        words = [f"of {sources}" if sources else "", f"by {origin.rule}" if origin.rule else ""]
        found[canonical[instr.result]] = f"made {' '.join(filter(None, words))}".rstrip()
    return found


def stage_texts(ir: ir_nodes.Function, mode: str) -> list[tuple[str, str]]:
    """[(pass name, text of the IR after it)] of an IR function before passes: beside what a pass made, what
    of the IR before it is made of, and by which rule.
    """
    texts: list[tuple[str, str]] = []
    before = ir
    for name, stage in stages(ir, mode):
        lines, origins = lines_of(stage), origins_of(stage, name, canonical_names(before))
        beside = {v: "; ".join(d[v] for d in (lines, origins) if v in d) for v in {**lines, **origins}}
        texts.append((name, annotated(to_text(stage), beside, "    # ")))
        before = stage
    return texts


SECTIONS = ("ir", "stages", "plan", "c")
MORE = ("final", "schedule", "general")  # what is shown only when it is asked for


def before(fn: Function) -> ir_nodes.Function:
    """The IR of a Function before the passes."""
    return fn.fn.program.lowered.function


def stages(ir: ir_nodes.Function, mode: str) -> list[tuple[str, ir_nodes.Function]]:
    """[(pass name, IR after it)]: the passes run again on an IR function."""
    found: list[tuple[str, ir_nodes.Function]] = []
    passes.run(ir, mode, found)
    return found


def plan_text(ir: ir_nodes.Function, made: MemoryPlan, users: Mapping[str, str]) -> str:
    """``made``, the memory plan of a final IR function; ``users`` maps canonical names to the user's."""
    canonical = canonical_names(ir)

    def beside(v: ir_nodes.Value) -> str:
        name = users.get(canonical[v])
        return f" ({name})" if name else ""

    return plan.text(ir, made, canonical, beside)


def parts_of(
    ir: ir_nodes.Function, mode: str, text: Callable[[], str], users: Mapping[str, str]
) -> dict[str, Callable[[], list[Section]]]:
    """Section word -> function that makes its [(title, kind, text)], for an IR function before passes and its
    text in the backend's language.
    """
    backend, found = backend_of(mode), stages(ir, mode)
    last, final = found[-1] if found else ("none", ir)

    def planned() -> list[Section]:
        made = backend.plan(final)
        return [] if made is None else [("plan", "plan", plan_text(final, made, users))]

    def scheduled() -> list[Section]:
        made = backend.schedule(final)
        return [] if made is None else [("schedule", "nest", made)]

    def written(title: str, text: str) -> list[Section]:
        return [(title, backend.language.lower(), annotated(text, lines_of(final), backend.comment))]

    return {
        "ir": lambda: [("IR before passes", "ir", ir_text(ir))],
        "stages": lambda: [(f"IR after {name}", "ir", shown) for name, shown in stage_texts(ir, mode)],
        "final": lambda: [(f"IR after passes (the last: {last})", "ir", ir_text(final))],
        "plan": planned,
        "schedule": scheduled,
        "c": lambda: written(backend.language, text()),
        "general": lambda: written(
            f"{backend.language} for arrays of any layout", backend.text(final, general=True)
        ),
    }


def sections(fn: Function, wanted: Sequence[str] = SECTIONS) -> list[Section]:
    """[(title, kind, text)] of what ``wanted`` names: "ir" (before passes), "stages" (after each), "final"
    (after all), "plan", "schedule" (each loop nest before and after its rewrites), "c", "general" (the C that
    takes the place of "c" when an array is not C-contiguous).
    """
    users = {canonical: name for canonical, name, *_ in parameters(fn)}
    made = parts_of(before(fn), fn.request.mode.passes, fn.fn.program.text, users)
    return [part for word in wanted for part in made[word]()]


def text(fn: Function, what: str = "all") -> str:
    """The text of Function.inspect: ``what`` is one of SECTIONS, "all" (SECTIONS) or one of MORE.
    ValueError for another word.
    """
    if what not in (*SECTIONS, *MORE, "all"):
        raise ValueError(f"inspect() shows 'all', {', '.join(map(repr, (*SECTIONS, *MORE)))}; got {what!r}")
    parts = sections(fn, SECTIONS if what == "all" else (what,))
    head = f"function {label(fn.name)}\n{legend(fn)}\n"
    return head + "\n".join(f"==== {title} ====\n{body}" for title, _, body in parts)


hooks.INSPECT.append(text)
