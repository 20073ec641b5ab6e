"""From a final graph to an Executable: lower, passes, text, library; and what inspect shows of it."""

from functools import cached_property

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


class Program:
    """The stages of one function, computed when asked for: ``build`` needs them on a cache miss, inspect at
    any time.
    """

    def __init__(self, signature, mode):
        self.signature, self.mode, self.backend = signature, mode, backend_of(mode)

    @cached_property
    def lowered(self):
        return lower(self.signature)

    def final(self, stages=None):
        return run_passes(self.lowered.function, self.mode, stages)

    def text(self, general=False):
        """The backend's text of it: for C-contiguous arrays, or (``general``) for arrays of any layout."""
        return self.backend.text(self.final(), general)


def build(signature, mode="FAST_RUN"):
    """The Executable of a program."""
    program = Program(signature, mode)
    return Deferred(program, lambda: _executable(program)) if hooks.LAZY else _executable(program)


def obtain(program, general=False):
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


def _executable(program):
    library = obtain(program)
    executable = Executable(library, program, Explain(program), lambda: obtain(program, general=True))
    return Checked(executable) if program.mode == "DebugMode" else executable
