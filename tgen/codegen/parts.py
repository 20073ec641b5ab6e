"""The C functions of parts, from the nests of a module.

A nest names what it works on as members of the frame and sizes. Its function reads these into locals first: a
store to a bool or an int64 array might else be one to the frame, and the loop would read its pointers anew
for each element. Nests that differ in such names only (the updates of all weights are one loop) become one
function with parameters, which their parts call: the compiler's time goes by what differs.
"""

from dataclasses import replace

from .c import declared
from .nest import Address, Call, Do, Field, For, Host, Let, Name, Set, Symbol, changed, identity, walk

ARGUMENTS = {"f": "Frame *f", "part": "int32_t part", "low": "int64_t low", "high": "int64_t high"}


def is_tuned(text):
    """Whether a function's name, or C with calls, is of draws from a RandomState: one number depends on the
    last, and the functions that draw want to be inlined.
    """
    return "tgen_rs_" in text


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
        used = self.used | ({"f"} if self.framed else set())
        return [word for word in ARGUMENTS if word in used]

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
        arguments = (*map(Name, own), *(Field(leaf, "int64") for _, leaf in names))
        return own, parameters, arguments, self.renamed(names)


class Functions:
    """The views of the functions of all parts: ``views`` in the order of the text, ``parts`` the views of the
    parts by name.
    """

    def __init__(self, module):
        self.views, self.parts = [], {}
        self.bodies = {(p.name, suffix): Body(nodes) for p in module.parts for suffix, nodes in p.variants}
        self.calls = self.share()
        for part in module.parts:
            variants = [self.variant(part, suffix) for suffix, _ in part.variants]
            sizes = {s.name for suffix, _ in part.variants for s in self.bodies[part.name, suffix].sizes}
            self.parts[part.name] = {
                "name": part.name,
                "variants": variants,
                "counted": part.counted,
                "sizes": sizes,
                "texts": part.extent + part.extent_strided + part.cost,
            }

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
            first, own, _, _, nodes = group[0]
            together = [max(names, key=lambda n: n.const) for names in zip(*(one[2] for one in group))]
            parameters = [*map(ARGUMENTS.get, own), *map(declared, together)]
            calls |= {body: Do(Call(name, arguments)) for body, _, _, arguments, _ in group}
            self.write(f"The loops of {len(group)} parts.", name, parameters, [], nodes, first)
        return calls

    def variant(self, part, suffix):
        """The view of the part's call, when its function is written."""
        body, name = self.bodies[part.name, suffix], part.name + suffix
        read, nodes = ((), (self.calls[body],)) if body in self.calls else body.alone()
        used = body.arguments()
        if read or body in self.calls:
            used = [*used, "f"]
        unused = " ".join(f"(void){word};" for word in ARGUMENTS if word not in used)
        lines = [unused] if unused else []
        self.write(part.comment, name, list(ARGUMENTS.values()), lines, (*read, *nodes), body)
        extent = part.extent_strided if suffix else part.extent
        call = (
            f"{name}(f, 0, 0, 1);"
            if extent == "1" and not part.counted
            else f"{'tgen_product' if part.product else 'tgen_kernel'}(f, {name}, {extent}, {part.cost});"
        )
        return {
            "call": call,
            "when": f"if ({part.dense}) " if part.dense and not suffix else "else " if part.dense else "",
        }

    def write(self, comment, name, parameters, lines, nodes, body):
        self.views.append(
            {
                "comment": comment,
                "name": name,
                "tuned": any(map(is_tuned, body.calls)),
                "parameters": ", ".join(parameters) or "void",
                "lines": lines,
                "nodes": nodes,
            }
        )
