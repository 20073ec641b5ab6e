"""The C functions of parts, from the nests of a module.

A nest names what it works on as members of the frame and sizes. Its function reads these into locals first: a
store to a bool or an int64 array might else be one to the frame, and the loop would read its pointers anew
for each element. Nests that differ in such names only (the updates of all weights are one loop) become one
function with parameters, which their parts call: the compiler's time goes by what differs.
"""

import re
from dataclasses import replace

from .c import declared
from .nest import Call, Do, Field, For, Let, Name, Set, Symbol, Text, changed, identity, walk

ARGUMENTS = {"f": "Frame *f", "part": "int32_t part", "low": "int64_t low", "high": "int64_t high"}
USED = re.compile(rf"(?<!->)\b(?:{'|'.join(ARGUMENTS)})\b")
NAMES = re.compile(r"\bf->(\w+)|(?<![\w>.])([nakd]\d+)(?!\w)")
WRITTEN = re.compile(r"f->(\w+)\s*[-+*/|&^]?=(?!=)|&f->(\w+)")


def is_tuned(text):
    """Whether C draws from a RandomState: one number depends on the last, and the functions that draw must be
    inlined.
    """
    return "tgen_rs_" in text


class Body:
    """A nest and what it reads, in the order of its text: ``read`` are members of the frame and sizes.

    A member that is written, or whose address is taken, stays in the frame. Text that is not data yet is
    looked through: ``members`` and ``symbols`` are what its names may be.
    """

    def __init__(self, nodes, members, symbols):
        self.nodes = tuple(nodes)
        self.loops, self.used, self.sets, texts = False, set(), False, []
        read, written = {}, set()
        for node in walk(self.nodes):
            if isinstance(node, (Field, Symbol)):
                read[type(node), node.name] = node
            elif isinstance(node, Name):
                self.used.add(node.text)
            elif isinstance(node, Text):
                text = "\n".join(node.lines)
                texts.append(text)
                written |= {name for pair in WRITTEN.findall(text) for name in pair}
                for member, size in NAMES.findall(text):
                    if member in members:
                        read[Field, member] = members[member]
                    elif size in symbols:
                        read[Symbol, size] = Symbol(size)
            elif isinstance(node, Set) and isinstance(node.target, Field):
                written.add(node.target.name)
                self.sets = True
            elif isinstance(node, For):
                self.loops = True
        self.texts = "\n".join(texts)
        self.fields = [n for (kind, name), n in read.items() if kind is Field and name not in written]
        self.sizes = [n for (kind, _), n in read.items() if kind is Symbol]

    def arguments(self):
        """Which of a part's ARGUMENTS it uses, in their order, but for the frame that it reads its members
        from.
        """
        used = self.used | set(USED.findall(self.texts)) | ({"f"} if self.sets else set())
        return [word for word in ARGUMENTS if word in used]

    def renamed(self, names):
        """The nest with members and sizes replaced: {(Field or Symbol, its name): Name}."""
        texts = {leaf: name.text for (_, leaf), name in names.items()}

        def change(node):
            if isinstance(node, Text):
                lines = (NAMES.sub(lambda m: texts.get(m[1] or m[2], m[0]), x) for x in node.lines)
                return Text(tuple(lines))
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

    def __init__(self, module, symbols):
        members, symbols = module.members, set(symbols)
        self.views, self.parts = [], {}
        self.bodies = {
            (p.name, suffix): Body(nodes, members, symbols)
            for p in module.parts
            for suffix, nodes in p.variants
        }
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
                "tuned": is_tuned(body.texts),
                "parameters": ", ".join(parameters) or "void",
                "lines": lines,
                "nodes": nodes,
            }
        )
