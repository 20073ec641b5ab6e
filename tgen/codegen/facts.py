"""What statements say of what is around them: whom they call, what they read and what they write.

Whoever asks about statements asks their Facts, which are found in one walk:

    Set(Load(v1, i), Scalar(exp, Load(v0, i)))      reads v0 and v1, writes v1, applies exp
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .c import kind as c_type
from .c import pair_type
from .chunks import PREFIX
from .nest import (
    PAIRS,
    Address,
    Call,
    Cast,
    Expression,
    Field,
    For,
    Host,
    Let,
    Load,
    Name,
    Node,
    Out,
    Pair,
    Scalar,
    Set,
    Symbol,
    Target,
    walk,
)

Roots = dict[Name, set[str]]  # local pointer -> the members that it points at


class Facts:
    """Of statements and expressions:

    ``order``         all of them, in the order of the text
    ``members``       the members of the frame that they name: {name: Field}
    ``sizes``         the sizes that they name: {name: Symbol}
    ``locals``        the texts of the local names in them
    ``written``       names of the members that a Set gives a value, or whose address is taken
    ``touched``       names of the members and sizes that they read or write; of a pointer it is what it
                      points at, too
    ``writes``        the same of what they write
    ``calls``         the names of the functions that they call, ``scalars`` the Scalars
    ``structs``       the C types of local variables that no dtype names, and of pairs
    ``loops``         how many loops there are
    ``framed``        whether they need the frame itself
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.order = order = walk(nodes)
        self.members: dict[str, Field] = {}
        self.sizes: dict[str, Symbol] = {}
        self.locals: set[str] = set()
        self.structs: set[str] = set()
        self.written: set[str] = set()
        self.writes: set[str] = set()
        self.calls: list[str] = []
        self.scalars: list[Scalar] = []
        self.loops, self.framed = 0, False
        roots: Roots = {}
        node: Any  # by its kind, which is asked for once: a large part of a build is here
        for node in order:
            kind = type(node)
            if kind is Name:
                self.locals.add(node.text)
                if node.dtype in PAIRS:
                    self.structs.add(c_type(node.dtype))
            elif kind is Field:
                self.members[node.name] = node
            elif kind is Symbol:
                self.sizes[node.name] = node
            elif kind is Let:
                if node.name.pointer:
                    roots[node.name] = pointed(node.value, roots)
                elif node.name.dtype.startswith(PREFIX):
                    self.structs.add(node.name.dtype)
            elif kind is Set:
                self._set(node.target, roots)
            elif kind is Scalar:
                self.scalars.append(node)
            elif kind is Call:
                self.calls.append(node.function)
            elif kind is For:
                self.loops += 1
            elif kind is Pair:
                self.structs.add(pair_type(node.dtype))
            elif kind is Cast and node.dtype in PAIRS:
                self.structs.add(c_type(node.dtype))
            elif kind is Address and type(node.target) is Field:
                self.written.add(node.target.name)
            elif kind is Out:
                self.writes |= pointed(node.x, roots)
            elif kind is Host:
                self.framed = True
        self.framed = self.framed or bool(self.written)
        self.writes |= self.written
        self.touched = self.members.keys() | self.sizes.keys()

    def _set(self, target: Target, roots: Roots) -> None:
        if type(target) is Field:
            self.written.add(target.name)
        elif type(target) is Symbol:
            self.writes.add(target.name)
        elif type(target) is Load:
            self.writes |= pointed(target.pointer, roots)


def pointed(value: Expression, roots: Mapping[Name, set[str]]) -> set[str]:
    """The members of the frame that an expression points at; ``roots``: local pointer -> the same."""
    found: set[str] = set()
    for node in walk([value]):
        if isinstance(node, Field) and (node.pointer or node.count):
            found.add(node.name)
        elif isinstance(node, Name):
            found |= roots.get(node, set())
    return found
