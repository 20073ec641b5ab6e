"""The C functions of parts, from the nests of a module.

A nest names what it works on as members of the frame and sizes. Its function reads these into locals first: a
store to a bool or an int64 array might else be one to the frame, and the loop would read its pointers anew
for each element. Nests that differ in such names only (the updates of all weights are one loop) become one
function with parameters, which their parts call: the compiler's time goes by what differs.
"""

from dataclasses import replace

from .chunks import is_tuned
from .kernel import HIGH, LOW, PART
from .library import FRAME
from .nest import (
    ONE,
    ZERO,
    Address,
    Call,
    Do,
    Field,
    For,
    Host,
    If,
    Let,
    Name,
    Set,
    Symbol,
    changed,
    identity,
    walk,
)

ARGUMENTS = FRAME, PART, LOW, HIGH


def called(nodes):
    """The names of the functions that statements call."""
    return [node.function for node in walk(nodes) if isinstance(node, Call)]


class Body:
    """A nest and what it reads, in the order of its text: ``read`` are members of the frame and sizes.

    A member that is written, or whose address is taken, stays in the frame.
    """

    def __init__(self, nodes):
        self.nodes = tuple(nodes)
        self.loops, self.used, self.framed, self.calls = False, set(), False, []
        read, written = {}, set()
        for node in walk(self.nodes):
            if isinstance(node, (Field, Symbol)):
                read[type(node), node.name] = node
            elif isinstance(node, Name):
                self.used.add(node.text)
            elif isinstance(node, (Set, Address)) and isinstance(node.target, Field):
                written.add(node.target.name)
                self.framed = True
            elif isinstance(node, Host):
                self.framed = True
            elif isinstance(node, For):
                self.loops = True
            elif isinstance(node, Call):
                self.calls.append(node.function)
        self.fields = [n for (kind, name), n in read.items() if kind is Field and name not in written]
        self.sizes = [n for (kind, _), n in read.items() if kind is Symbol]

    def arguments(self):
        """Which of a part's ARGUMENTS it uses, in their order, but for the frame that it reads its members
        from.
        """
        used = self.used | ({FRAME.text} if self.framed else set())
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
        """(own, parameters, arguments, nodes) of a function whose parameters are what is read: the same for
        bodies alike. What a parameter points at is const or not, which is no difference.
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
        return own, parameters, arguments, self.renamed(names)


class Functions:
    """The functions of all parts: ``views`` in the order of the text, ``runs`` the statement that runs a
    part, by its name.
    """

    def __init__(self, module):
        self.views, self.runs = [], {}
        for own in module.own.values():
            used = {node.text for node in walk(own.nodes) if isinstance(node, Name)}
            unused = [p for p in own.parameters if p.text not in used]
            self.write(own.comment, own.name, own.parameters, unused, own.nodes)
        self.bodies = {(p.name, suffix): Body(nodes) for p in module.parts for suffix, nodes, _ in p.variants}
        self.calls = self.share()
        for part in module.parts:
            self.runs[part.name] = self.run(part)

    def share(self):
        """Write the functions that bodies have in common; {body: its call}. A call alone has nothing to
        share.
        """
        alike, calls = {}, {}
        for body in self.bodies.values():
            if body.loops:
                own, parameters, arguments, nodes = body.common()
                key = tuple(own), identity(parameters), identity(nodes)
                alike.setdefault(key, []).append((body, own, parameters, arguments, nodes))
        groups = [group for group in alike.values() if len(group) > 1]
        for number, group in enumerate(groups):
            name = f"same{number}"
            # const, when one of them is: then none writes there
            _, own, _, _, nodes = group[0]
            together = [max(names, key=lambda n: n.const) for names in zip(*(one[2] for one in group))]
            parameters = [*own, *together]
            calls |= {body: Do(Call(name, arguments)) for body, _, _, arguments, _ in group}
            self.write(f"The loops of {len(group)} parts.", name, parameters, [], nodes)
        return calls

    def run(self, part):
        """The statement that runs a part, when its functions are written."""
        calls = [self.variant(part, *variant) for variant in part.variants]
        return calls[0] if len(calls) == 1 else If(part.dense, (calls[0],), (calls[1],))

    def variant(self, part, suffix, _, extent):
        body, name = self.bodies[part.name, suffix], part.name + suffix
        read, nodes = ((), (self.calls[body],)) if body in self.calls else body.alone()
        used = body.arguments()
        if read or body in self.calls:
            used = [*used, FRAME]
        unused = [word for word in ARGUMENTS if word not in used]
        self.write(part.comment, name, ARGUMENTS, unused, (*read, *nodes))
        if extent == ONE and not part.counted:
            return Do(Call(name, (FRAME, ZERO, ZERO, ONE)))
        how = "tgen_product" if part.product else "tgen_kernel"
        call = Call(how, (FRAME, Name(name), extent, part.cost))
        return Set(part.counted, call) if part.counted else Do(call)

    def write(self, comment, name, parameters, unused, nodes):
        self.views.append(
            {
                "comment": comment,
                "name": name,
                "tuned": is_tuned(called(nodes)),
                "parameters": parameters,
                "unused": unused,
                "nodes": nodes,
            }
        )
