"""What the body of a part's function reads, and its statements with that under other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from .facts import Facts
from .kernel import HIGH, LOW, PART
from .library import FRAME
from .nest import Expressions, Field, Let, Name, Node, Statement, Statements, Symbol, changed

Names: TypeAlias = Mapping[tuple[type, str], Name]  # (Field or Symbol, its name) -> what it is called
ARGUMENTS = FRAME, PART, LOW, HIGH


class Body:
    """A nest and what it reads, in the order of its text: ``fields`` are members of the frame and ``sizes``
    symbols. A member that is written, or whose address is taken, stays in the frame.
    """

    def __init__(self, nodes: Sequence[Statement], facts: Facts | None = None) -> None:
        self.nodes, self.facts = tuple(nodes), facts or Facts(nodes)
        written = self.facts.written
        self.fields = [f for name, f in self.facts.members.items() if name not in written]
        self.sizes = list(self.facts.sizes.values())

    def arguments(self) -> list[Name]:
        """Which of a part's ARGUMENTS it uses, in their order, but for the frame that it reads its members
        from.
        """
        used = self.facts.locals | ({FRAME.text} if self.facts.framed else set())
        return [name for name in ARGUMENTS if name.text in used]

    def renamed(self, names: Names) -> Statements:
        """The nest with members and sizes replaced."""

        def change(node: Node) -> Name | None:
            return names.get((type(node), node.name)) if isinstance(node, (Field, Symbol)) else None

        return changed(self.nodes, change)

    def alone(self) -> tuple[Statements, Statements]:
        """The statements of a function: what is read is read first, under its own name."""
        sizes = [Let(Name(s.name), Field(s.name, "int64")) for s in self.sizes]
        locals = [Name(f.name, f.dtype, f.pointer or bool(f.count), f.const) for f in self.fields]
        read = [Let(name, f) for name, f in zip(locals, self.fields)]
        return (*sizes, *read), self.renamed({(Field, name.text): name for name in locals})

    def common(self) -> tuple[list[Name], list[Name], Expressions, Names]:
        """(own, parameters, arguments, names) of a function whose parameters are what is read, by the new
        ``names`` of that: the same for bodies alike. What a parameter points at is const or not, which is no
        difference.
        """
        parameters: list[Name] = []
        names: dict[tuple[type, str], Name] = {}
        for k, f in enumerate(self.fields):
            pointer = f.pointer or bool(f.count)
            name = Name(f"{'p' if pointer else 's'}{k}", f.dtype, pointer)
            names[Field, f.name] = name
            parameters.append(replace(name, const=f.const))
        for k, s in enumerate(self.sizes):
            names[Symbol, s.name] = Name(f"m{k}")
            parameters.append(Name(f"m{k}"))
        own = self.arguments()
        arguments: Expressions = (*own, *self.fields, *(Field(s.name, "int64") for s in self.sizes))
        return own, parameters, arguments, names
