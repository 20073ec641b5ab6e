"""The C functions of parts, from the nests of a module.

A nest names what it works on as members of the frame and sizes. Its function reads these into locals first: a
store to a bool or an int64 array might else be one to the frame, and the loop would read its pointers anew
for each element. Nests that differ in such names only (the updates of all weights are one loop) become one
function with parameters, which their parts call: the compiler's time goes by what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .bodies import ARGUMENTS, Body
from .chunks import is_tuned
from .facts import Facts
from .library import FRAME
from .module import Module
from .nest import ONE, ZERO, Call, Do, If, Name, Set, Statement, Statements
from .schedule.share import share
from .steps import Part, Variant


@dataclass(frozen=True)
class PartFunction:
    """A C function as it is written; those of its parameters that are ``unused`` say so."""

    comment: str
    name: str
    parameters: Sequence[Name]
    unused: Sequence[Name]
    nodes: Statements
    facts: Facts

    @property
    def tuned(self) -> bool:
        return is_tuned(self.facts.calls)


class Functions:
    """The functions of all parts: ``made`` in the order of the text, ``runs`` the statement that runs a
    part, by its name; ``shared`` are those that several parts call.
    """

    def __init__(self, module: Module) -> None:
        self.made: list[PartFunction] = []
        self.runs: dict[str, Statement] = {}
        for own in module.own.values():
            facts = Facts(own.nodes)
            unused = [p for p in own.parameters if p.text not in facts.locals]
            made = PartFunction(own.comment, own.name, own.parameters, unused, own.nodes, facts)
            self.made.append(made)
        self.bodies = {(p.name, v.suffix): Body(v.nodes, v.facts) for p in module.parts for v in p.variants}
        self.shared = [] if "share" in module.skip else share(self.bodies.values())
        for shared in self.shared:
            comment = f"The loops of {len(shared.calls)} parts."
            made = PartFunction(comment, shared.name, shared.parameters, (), shared.nodes, shared.facts)
            self.made.append(made)
        self.calls = {body: call for shared in self.shared for body, call in shared.calls}
        for part in module.parts:
            self.runs[part.name] = self.run(part)

    def run(self, part: Part) -> Statement:
        """The statement that runs a part, when its functions are written."""
        calls = [self.variant(part, variant) for variant in part.variants]
        return calls[0] if part.dense is None else If(part.dense, (calls[0],), (calls[1],))

    def variant(self, part: Part, variant: Variant) -> Statement:
        """Write the function of a variant; the statement that runs it."""
        body, name = self.bodies[part.name, variant.suffix], part.name + variant.suffix
        used, facts, nodes = body.arguments(), variant.facts, variant.nodes
        if body in self.calls:
            nodes, used = (self.calls[body],), [*used, FRAME]
            facts = Facts(nodes)
        else:
            read, rest = body.alone()
            nodes, used = (*read, *rest), [*used, FRAME] if read else used
        unused = [word for word in ARGUMENTS if word not in used]
        self.made.append(PartFunction(part.comment, name, ARGUMENTS, unused, nodes, facts))
        if variant.extent == ONE and not part.counted:
            return Do(Call(name, (FRAME, ZERO, ZERO, ONE)))
        how = "tgen_product" if part.product else "tgen_kernel"
        call = Call(how, (FRAME, Name(name), variant.extent, part.cost))
        return Set(part.counted, call) if part.counted else Do(call)
