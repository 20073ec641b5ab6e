"""From a final graph to an Executable: lower, passes, plan, C text, library; and what inspect shows of it."""

from functools import cached_property

from tgen.backends.c import build as backend
from tgen.backends.c import cache
from tgen.codegen.generate import generate
from tgen.core.collector import rarely
from tgen.graph.nodes import Constant
from tgen.graph.shared import SharedVariable
from tgen.graph.walk import leaves, toposort
from tgen.ir.text import to_text
from tgen.lower import LITERAL_ELEMENTS, lower
from tgen.ops.host import python_sites
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

    def __init__(self, inputs, outputs, updates, mode):
        self.inputs, self.outputs, self.updates, self.mode = list(inputs), list(outputs), list(updates), mode
        self.roots = self.outputs + [new for _, new in self.updates]
        # one walk serves the key, the lowering and the executable
        self.order = toposort(self.roots, self.inputs)
        self.leaves = leaves(self.roots, self.inputs, self.order)

    @cached_property
    def lowered(self):
        return lower(self.inputs, self.outputs, self.updates, self.order)

    @cached_property
    def python(self):
        """The bodies of the host ops, as the C text numbers them."""
        return python_sites(self.order)

    def final(self, stages=None):
        return run_passes(self.lowered.function, self.mode, stages)

    def c_text(self, general=False):
        """The C: for C-contiguous arrays, or (``general``) for arrays of any layout."""
        function = self.final()
        return generate(function, plan(function), general)


def build(inputs, outputs, updates, mode="FAST_RUN", name=None):
    """The Executable of a graph whose leaves are ``inputs``, shared variables and constants."""
    program = Program(inputs, outputs, updates, mode)
    shared = list(
        dict.fromkeys(
            [v for v in program.leaves if isinstance(v, SharedVariable)] + [s for s, _ in program.updates]
        )
    )
    constants = [v.data for v in program.leaves if isinstance(v, Constant) and v.data.size > LITERAL_ELEMENTS]
    if hooks.LAZY:
        return Deferred(program, shared, lambda: _executable(program, shared, constants))
    return _executable(program, shared, constants)


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


def _executable(program, shared, constants):
    library = obtain(program)
    executable = Executable(
        library,
        program.inputs,
        program.outputs,
        shared,
        program.updates,
        constants,
        Explain(program),
        lambda: obtain(program, general=True),
        program.python,
    )
    executable.program = program
    return Checked(executable) if program.mode == "DebugMode" else executable
