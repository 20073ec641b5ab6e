"""Where an instruction comes from: the pass, the rule, and what of the IR before it was made of.

Nobody says so for a single instruction. The pass manager says which pass is running, a sweep of rules which
rule, ``rebuild`` and ``Builder`` for which instruction others are made; every Instr that is made meanwhile
takes that with it, and keeps it, as it keeps its user's lines, through all rebuilding.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any


class Origin:
    """``by``: the name of the pass; ``rule``: that of its rule, "" for none; ``results``: those of each
    instruction of the IR before the pass that it was made of.
    """

    __slots__ = ("by", "rule", "results")

    def __init__(self, by: str, rule: str = "", results: tuple[tuple[Any, ...], ...] = ()) -> None:
        self.by, self.rule, self.results = by, rule, results

    @property
    def sources(self) -> tuple[Any, ...]:
        """The values it was made of, each once; their names, when a text was parsed."""
        return tuple(dict.fromkeys(v for values in self.results for v in values))


RUNNING: ContextVar[Origin | None] = ContextVar("RUNNING", default=None)


def made_of(instrs: Iterable[Any], rule: str = "") -> Origin | None:
    """The Origin of what the running pass makes of ``instrs``, by ``rule`` or the one that is running; None
    outside of all passes.
    """
    running = RUNNING.get()
    if running is None:
        return None
    return Origin(running.by, rule or running.rule, tuple([i.results for i in instrs]))


class making:
    """What is made inside has this Origin, unless another is said inside."""

    def __init__(self, origin: Origin | None) -> None:
        self.origin = origin

    def __enter__(self) -> None:
        self.before = RUNNING.set(self.origin)

    def __exit__(self, *error: object) -> None:
        RUNNING.reset(self.before)
