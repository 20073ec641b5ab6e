"""What the schedule does to the nests of a function, for people: each before and after, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tgen.ir import text
from tgen.ir.nodes import Function
from tgen.passes.plan import MemoryPlan

from . import sizes
from .module import Module
from .nest import Nest
from .nest_text import to_text
from .parts import Functions
from .schedule import SCHEDULE, Stage, scheduled
from .steps import Part


def explained(function: Function, plan: MemoryPlan, skip: Sequence[str] = ()) -> str:
    """The text: for each kernel its line of the IR, its plain nest, the rewrites that changed it with their
    reasons, and the nest that is printed as C; then what several of them share. ``skip`` names rewrites that
    are left out.
    """
    _, names, lines = text.printed(function)
    shown = [f"left out: {', '.join(skip)}\n"] if skip else []
    with sizes.named(function):
        module = Module(function, plan, names, lines, general=False, skip=skip).build()
        for part in module.parts:
            if part.plain:
                shown.append(_part(part, skip))
        shown += _shared(Functions(module))
    return "\n".join(shown)


def _part(part: Part, skip: Sequence[str]) -> str:
    stages: list[Stage] = []
    after = scheduled(part.plain[0], skip, stages)
    width = max((len(rewrite.name) for rewrite, _ in stages), default=0)
    fired = [f"  {rewrite.name.ljust(width)}  {rewrite.reason}\n" for rewrite, _ in stages]
    head = f"# {part.name}: {part.comment}\n"
    return "".join([head, to_text(part.plain[0]), "# rewrites\n", *fired, "# becomes\n", to_text(after)])


def _shared(functions: Functions) -> Iterator[str]:
    row = next(row for row in SCHEDULE if row.name == "share")
    names = {body: f"{part}{suffix}" for (part, suffix), body in functions.bodies.items()}
    for shared in functions.shared:
        callers = ", ".join(names[body] for body, _ in shared.calls)
        head = f"# {shared.name}: {callers}\n# rewrites\n  {row.name}  {row.reason}\n# becomes\n"
        yield head + to_text(Nest(shared.nodes))
