"""Names for the sizes that are no symbols: ``d0 = n2 - n7 + 1``, ``d1 = d0//2`` are computed once, at the
entry, and read everywhere else.

A convolution's axes are expressions that would stand in every stride of every kernel after it. Named, they
cost nothing, and kernels that differ in them only have the same text. What is found inside has no name: it is
not known at the entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tgen.core import dims
from tgen.core.dims import Extent, Size
from tgen.core.maps import WHOLE
from tgen.ir.nodes import Function

from . import names
from .nest import Expression, of_size

FUNCTIONS = ("div", "mod", "min", "max")  # what is worth a name wherever it stands


class Named:
    """The named sizes of one function: ``known`` is size -> name, in the order in which they are computed."""

    def __init__(self) -> None:
        self.known: dict[Extent, str] = {}
        self.asked: set[str] = set()  # the names that the text being written reads
        self.made: dict[str, tuple[Expression, set[str]]] = {}  # its expression, the names that one reads

    def add(self, size: Extent) -> None:
        """A name for ``size`` and the functions of sizes in it, inner ones first; none for symbols, products
        and what is found inside.
        """
        stack = [(size, False)]
        while stack:
            s, ready = stack.pop()
            if isinstance(s, int) or s in self.known or dims.found_inside(dims.symbols(s)):
                continue
            inner = [
                x
                for atom in dims.functions(s)
                for x in (*atom.args, *([dims.alone(atom)] if atom.name in FUNCTIONS else ()))
            ]
            inner = [x for x in inner if x != s and not isinstance(x, int) and x not in self.known]
            if inner and not ready:
                stack.append((s, True))
                stack.extend((x, False) for x in reversed(inner))
            elif not dims.is_product(s):  # as fast as a name; a flattened axis keeps its factors
                self.define(s)

    def define(self, size: Size) -> None:
        """Its expression is made before it and any later one is known: so a definition reads only what is
        computed before it.
        """
        outside, self.asked = self.asked, set()
        made = of_size(size, self.name)
        name = self.known[size] = str(dims.Sym(dims.NAMED, len(self.known)))
        self.made[name] = made, self.asked
        self.asked = outside

    def name(self, size: Extent) -> str | None:
        found = self.known.get(size)
        if found is not None:
            self.asked.add(found)
        return found

    def definitions(self) -> list[tuple[str, Expression]]:
        """(name, expression) of those that were asked for and of those they read, each after what it
        reads.
        """
        wanted = set(self.asked)
        for name in reversed(self.made):
            if name in wanted:
                wanted |= self.made[name][1]
        return [(name, made) for name, (made, _) in self.made.items() if name in wanted]


def sizes_of(function: Function) -> Iterator[Extent]:
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
def named(function: Function) -> Iterator[Named]:
    """Inside, ``names.size`` knows the names of the function's sizes; they are what ``as`` gets."""
    table = Named()
    token, strides = names.NAMES.set(table.name), names.STRIDES.set({})
    try:
        for size in dict.fromkeys(sizes_of(function)):
            table.add(size)
        yield table
    finally:
        names.NAMES.reset(token)
        names.STRIDES.reset(strides)
