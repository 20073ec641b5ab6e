"""What the schedule does to the nests of a function, for people: each before and after, and why."""

from tgen.ir import text

from . import sizes
from .module import Module
from .nest_text import to_text
from .schedule import scheduled


def explained(function, plan, skip=()):
    """The text: for each kernel its line of the IR, its plain nest, the rewrites that changed it with their
    reasons, and the nest that is printed as C. ``skip`` names rewrites that are left out.
    """
    _, names, lines = text.printed(function)
    shown = [f"left out: {', '.join(skip)}\n"] if skip else []
    with sizes.named(function):
        module = Module(function, plan, names, lines, general=False, skip=skip).build()
        for part in module.parts:
            if part.plain:
                shown.append(_part(part, skip))
    return "\n".join(shown)


def _part(part, skip):
    stages = []
    after = scheduled(part.plain[0], skip, stages)
    width = max((len(rewrite.name) for rewrite, _ in stages), default=0)
    fired = [f"  {rewrite.name.ljust(width)}  {rewrite.reason}\n" for rewrite, _ in stages]
    head = f"# {part.name}: {part.comment}\n"
    return "".join([head, to_text(part.plain[0]), "# rewrites\n", *fired, "# becomes\n", to_text(after)])
