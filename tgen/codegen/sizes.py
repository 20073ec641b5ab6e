"""Names for the sizes that are no symbols: ``d0 = n2 - n7 + 1``, ``d1 = d0//2`` are computed once, at the entry, and read everywhere else.

A convolution's axes are expressions that would stand in every stride of every kernel behind it. Named, they cost nothing, and
kernels that differ in them only have the same text.
"""
from contextlib import contextmanager

from tgen.core import dims
from tgen.ir.nodes import WHOLE

from . import names

FUNCTIONS = ("div", "mod", "min", "max")        # what is worth a name wherever it stands


class Named:
    """The named sizes of one function; those whose name was asked for are ``used``."""

    def __init__(self, function):
        self.known, self.used = {}, set()
        for size in sizes_of(function):
            self.add(size)

    def add(self, size):
        """A name for ``size`` and the functions of sizes in it, inner ones first; none for symbols and what is found inside."""
        stack = [(size, False)]
        while stack:
            s, ready = stack.pop()
            if isinstance(s, int) or s in self.known or any(x[0] not in "na" for x in dims.symbols(s)):
                continue
            inner = [x for atom, _ in s.terms if isinstance(atom, dims.Fn) for x in (*atom.args, *([alone(atom)] if atom.name in FUNCTIONS else ()))]
            inner = [x for x in inner if x != s and not isinstance(x, int) and x not in self.known]
            if inner and not ready:
                stack.append((s, True))
                stack.extend((x, False) for x in reversed(inner))
            elif not (s.const == 0 and len(s.terms) == 1 and s.terms[0][1] == 1 and isinstance(s.terms[0][0], dims.Sym)):
                self.known[s] = f"d{len(self.known)}"

    def name(self, size):
        found = self.known.get(size)
        if found is not None:
            self.used.add(size)
        return found

    def definitions(self):
        """(name, C text) of the used ones, in an order in which they can be computed."""
        made = {}
        for size in reversed(list(self.known)):       # a definition uses earlier ones
            if size in self.used:
                made[size] = names.spelled(size, "f->")
        return [(self.known[size], text) for size, text in reversed(made.items())]


def alone(atom):
    return dims.Size(((atom, 1),), 0)


def sizes_of(function):
    """Every size of an axis, of a domain and of a position in an IR function, in the order of the text."""
    stack = [function.block]
    while stack:
        block = stack.pop()
        yield from (s for v in block.params for s in v.type.shape)
        for instr in block.instrs:
            yield from (s for v in instr.results for s in v.type.shape)
            yield from instr.sizes
            yield from (a.start for axes in instr.attrs.get("maps", ()) for a in axes if a != WHOLE)
        stack.extend(b for i in reversed(block.instrs) for b in reversed(i.blocks))


@contextmanager
def named(function):
    """Inside, ``size_c`` knows the names of the function's sizes; they are what ``as`` gets."""
    table = Named(function)
    token = names.NAMED.set(table)
    try:
        yield table
    finally:
        names.NAMED.reset(token)
