"""From a final graph to an Executable: lower, passes, plan, C text, library; and what inspect shows of it."""

from functools import cached_property

from tgen.backends.c import build as backend
from tgen.backends.c import cache
from tgen.codegen.generate import generate
from tgen.core.collector import rarely
from tgen.ir.text import to_text
from tgen.lower import lower
from tgen.passes import run as run_passes
from tgen.passes.plan import plan

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
        self.signature, self.mode = signature, mode

    @cached_property
    def lowered(self):
        return lower(self.signature)

    def final(self, stages=None):
        return run_passes(self.lowered.function, self.mode, stages)

    def c_text(self, general=False):
        """The C: for C-contiguous arrays, or (``general``) for arrays of any layout."""
        function = self.final()
        return generate(function, plan(function), general)


def build(signature, mode="FAST_RUN"):
    """The Executable of a program."""
    program = Program(signature, mode)
    return Deferred(program, lambda: _executable(program)) if hooks.LAZY else _executable(program)


def obtain(program, general=False):
    """The Library of a program: by its program key when it was built before, else through the front end and
    its C text.
    """
    key = program_key(program, general)
    known = cache.record_get(key)
    library = known and backend.load(known["c"])
    if library is not None:
        return library
    with rarely():
        text, facts = program.c_text(general), {"ir": to_text(program.lowered.function), "mode": program.mode}
    library = backend.obtain(text, facts)
    cache.record_put(key, {"c": library.key})
    return library


def _executable(program):
    library = obtain(program)
    executable = Executable(
        library, program.signature, Explain(program), lambda: obtain(program, general=True)
    )
    executable.program = program
    return Checked(executable) if program.mode == "DebugMode" else executable
