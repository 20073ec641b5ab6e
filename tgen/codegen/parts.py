"""The C functions of parts, from the nests of a module.

A nest names what it works on as members of the frame and sizes. Its function reads these into locals first: a
store to a bool or an int64 array might else be one to the frame, and the loop would read its pointers anew
for each element. Nests that differ in such names only (the updates of all weights are one loop) become one
function with parameters, which their parts call: the compiler's time goes by what differs.
"""

from dataclasses import replace

from .chunks import is_tuned
from .facts import Facts
from .kernel import HIGH, LOW, PART
from .library import FRAME
from .nest import (
    ONE,
    ZERO,
    Call,
    Do,
    Field,
    If,
    Let,
    Name,
    Set,
    Symbol,
    changed,
    identity,
)

ARGUMENTS = FRAME, PART, LOW, HIGH


class Body:
    """A nest and what it reads, in the order of its text: ``fields`` are members of the frame and ``sizes``
    symbols. A member that is written, or whose address is taken, stays in the frame.
    """

    def __init__(self, nodes, facts):
        self.nodes, self.facts = tuple(nodes), facts
        self.fields = [f for name, f in facts.members.items() if name not in facts.written]
        self.sizes = list(facts.sizes.values())

    def arguments(self):
        """Which of a part's ARGUMENTS it uses, in their order, but for the frame that it reads its members
        from.
        """
        used = self.facts.locals | ({FRAME.text} if self.facts.framed else set())
        return [name for name in ARGUMENTS if name.text in used]

    def renamed(self, names):
        """The nest with members and sizes replaced: {(Field or Symbol, its name): Name}."""

        def change(node):
            return names.get((type(node), node.name)) if isinstance(node, (Field, Symbol)) else None

        return changed(self.nodes, change)

    def alone(self):
        """The statements of a function: what is read is read first, under its own name."""
        sizes = [Let(Name(s.name), Field(s.name, "int64")) for s in self.sizes]
        locals = [Name(f.name, f.dtype, f.pointer or bool(f.count), f.const) for f in self.fields]
        read = [Let(name, f) for name, f in zip(locals, self.fields)]
        return (*sizes, *read), self.renamed({(Field, name.text): name for name in locals})

    def common(self):
        """(own, parameters, arguments, names) of a function whose parameters are what is read, by the new
        ``names`` of that: the same for bodies alike. What a parameter points at is const or not, which is no
        difference.
        """
        parameters, names = [], {}
        for k, f in enumerate(self.fields):
            pointer = f.pointer or bool(f.count)
            name = Name(f"{'p' if pointer else 's'}{k}", f.dtype, pointer)
            names[Field, f.name] = name
            parameters.append(replace(name, const=f.const))
        for k, s in enumerate(self.sizes):
            names[Symbol, s.name] = Name(f"m{k}")
            parameters.append(Name(f"m{k}"))
        own = self.arguments()
        arguments = (*own, *(Field(leaf, "int64") for _, leaf in names))
        return own, parameters, arguments, names


class Functions:
    """The functions of all parts: ``views`` in the order of the text, ``runs`` the statement that runs a
    part, by its name.
    """

    def __init__(self, module):
        self.views, self.runs = [], {}
        for own in module.own.values():
            facts = Facts(own.nodes)
            unused = [p for p in own.parameters if p.text not in facts.locals]
            self.write(own.comment, own.name, own.parameters, unused, own.nodes, facts)
        self.bodies = {(p.name, v.suffix): Body(v.nodes, v.facts) for p in module.parts for v in p.variants}
        self.calls = self.share()
        for part in module.parts:
            self.runs[part.name] = self.run(part)

    def share(self):
        """Write the functions that bodies have in common; {body: its call}. A call alone has nothing to
        share.
        """
        alike, calls = {}, {}
        for body in self.bodies.values():
            if body.facts.loops:
                own, parameters, arguments, names = body.common()
                key = tuple(own), identity(parameters), identity(body.facts.order, names)
                alike.setdefault(key, []).append((body, own, parameters, arguments, names))
        groups = [group for group in alike.values() if len(group) > 1]
        for number, group in enumerate(groups):
            name = f"same{number}"
            # const, when one of them is: then none writes there
            first, own, _, _, names = group[0]
            together = [max(same, key=lambda n: n.const) for same in zip(*(one[2] for one in group))]
            parameters = [*own, *together]
            calls |= {body: Do(Call(name, arguments)) for body, _, _, arguments, _ in group}
            nodes = first.renamed(names)
            self.write(f"The loops of {len(group)} parts.", name, parameters, [], nodes, first.facts)
        return calls

    def run(self, part):
        """The statement that runs a part, when its functions are written."""
        calls = [self.variant(part, variant) for variant in part.variants]
        return calls[0] if len(calls) == 1 else If(part.dense, (calls[0],), (calls[1],))

    def variant(self, part, variant):
        body, name = self.bodies[part.name, variant.suffix], part.name + variant.suffix
        used, facts = body.arguments(), variant.facts
        if body in self.calls:
            nodes, used = (self.calls[body],), [*used, FRAME]
            facts = Facts(nodes)
        else:
            read, nodes = body.alone()
            nodes, used = (*read, *nodes), [*used, FRAME] if read else used
        unused = [word for word in ARGUMENTS if word not in used]
        self.write(part.comment, name, ARGUMENTS, unused, nodes, facts)
        if variant.extent == ONE and not part.counted:
            return Do(Call(name, (FRAME, ZERO, ZERO, ONE)))
        how = "tgen_product" if part.product else "tgen_kernel"
        call = Call(how, (FRAME, Name(name), variant.extent, part.cost))
        return Set(part.counted, call) if part.counted else Do(call)

    def write(self, comment, name, parameters, unused, nodes, facts):
        self.views.append(
            {
                "comment": comment,
                "name": name,
                "tuned": is_tuned(facts.calls),
                "parameters": parameters,
                "unused": unused,
                "nodes": nodes,
                "facts": facts,
            }
        )
