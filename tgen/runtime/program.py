"""From a final graph to an Executable: lower, passes, text, library; and what inspect shows of it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tgen.backends import backend_of
from tgen.core.collector import rarely
from tgen.ir.text import to_text
from tgen.lower import lower
from tgen.passes import run as run_passes

from . import hooks
from .call import Executable
from .debugmode import Checked
from .deferred import Deferred
from .explain import Explain
from .identity import program_key

if TYPE_CHECKING:
    from tgen.backends import Library
    from tgen.ir.nodes import Function
    from tgen.lower import Lowered
    from tgen.lower.signature import Signature

    from .call import Called


class Program:
    """The stages of one function, computed when asked for: ``build`` needs them on a cache miss, inspect at
    any time.
    """

    def __init__(self, signature: Signature, mode: str) -> None:
        self.signature, self.mode, self.backend = signature, mode, backend_of(mode)

    @cached_property
    def lowered(self) -> Lowered:
        return lower(self.signature)

    def final(self, stages: list[tuple[str, Function]] | None = None) -> Function:
        return run_passes(self.lowered.function, self.mode, stages)

    def text(self, general: bool = False) -> str:
        """The backend's text of it: for C-contiguous arrays, or (``general``) for arrays of any layout."""
        return self.backend.text(self.final(), general)


def build(signature: Signature, mode: str = "FAST_RUN") -> Called:
    """The Executable of a program."""
    program = Program(signature, mode)
    return Deferred(program, lambda: _executable(program)) if hooks.LAZY else _executable(program)


def obtain(program: Program, general: bool = False) -> Library:
    """The Library of a program: by its program key when it was built before, else through the front end and
    its text.
    """
    key = program_key(program, general)
    library = program.backend.load(key)
    if library is not None:
        return library
    with rarely():
        function = program.final()
        text = program.backend.text(function, general)
        facts = {"ir": to_text(program.lowered.function), "mode": program.mode}
    return program.backend.build(key, text, function, facts)


def _executable(program: Program) -> Called:
    library = obtain(program)
    executable = Executable(library, program, Explain(program), lambda: obtain(program, general=True))
    return Checked(executable) if program.mode == "DebugMode" else executable
