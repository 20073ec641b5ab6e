"""The C functions of parts, from the loop trees of a module.

A loop tree names what it works on as ``f->v3`` and ``n0``. Its function reads these into locals first: a
store to a bool or an int64 array might else be one to the frame, and the loop would read its pointers anew
for each element. Trees that differ in such names only (the updates of all weights are one loop) become one
function with parameters, which their parts call: the compiler's time goes by what differs.
"""

import re
from dataclasses import dataclass

from .loops import Lines, Loop

ARGUMENTS = {"f": "Frame *f", "part": "int32_t part", "low": "int64_t low", "high": "int64_t high"}
# What stands before a name is looked at last: a pattern that begins with letters is found five times as fast.
USED = re.compile("|".join(rf"{word}\b(?<!\w{word})(?<!->{word})" for word in ARGUMENTS))
NAMES = re.compile(r"[fnakd](?:(?<=f)(?<!\wf)->(\w+)|(?<!f)(?<![\w>.].)\d+(?!\w))")  # f->v3: v3, or n0


def node_text(nodes):
    """All C text of a loop tree, to see which names it uses; equal for equal trees."""
    out, stack = [], list(reversed(nodes))
    while stack:
        node = stack.pop()
        if node.kind == "lines":
            out.extend(node.texts)
        else:
            out.append(f"for {node.var} {node.low} {node.high} {node.simd} {node.step} (")
            stack.extend([Lines([")"]), *reversed(node.body)])
    return "\n".join(out)


def renamed_text(text, names):
    """C text with the fields and sizes in ``names`` renamed; a field that is renamed is no longer read from
    the frame.
    """
    return text and NAMES.sub(lambda m: names.get(m[1] or m[0], m[0]), text)


def renamed(nodes, names):
    """A loop tree with the fields and sizes in ``names`` renamed; the very same when there are none."""
    if not names:
        return nodes

    def change(text):
        return renamed_text(text, names)

    out = []
    stack = [(node, out) for node in reversed(nodes)]
    while stack:
        node, into = stack.pop()
        if node.kind == "lines":
            into.append(Lines([change(text) for text in node.texts]))
        else:
            into.append(Loop(node.var, change(node.low), change(node.high), [], change(node.simd), node.step))
            stack.extend((inner, into[-1].body) for inner in reversed(node.body))
    return out


def declared(declarations):
    """{field: type of a local that stands for it} of C declarations of fields.

    >>> declared(["const float *v0;", "int64_t v0_s0, v0_dense;", "double part1_r0[TGEN_PARTS];"])
    {'v0': 'const float *', 'v0_s0': 'int64_t ', 'v0_dense': 'int64_t ', 'part1_r0': 'double *'}
    """
    found = {}
    for statement in "".join(declarations).split(";")[:-1]:
        kind, names = re.fullmatch(r"\s*((?:const )?\w+) (.*)", statement).groups()
        for name in names.split(", "):
            plain = name.lstrip("*").partition("[")[0]
            found[plain] = f"{kind} {'*' if plain != name else ''}"
    return found


def arguments(text):
    """Which of ARGUMENTS a text uses, in their order."""
    used = set(USED.findall(text))
    return [word for word in ARGUMENTS if word in used]


def is_tuned(text):
    """Whether C draws from a RandomState: one number depends on the last, and the functions that draw must be
    inlined.
    """
    return "tgen_rs_" in text


@dataclass
class CFunction:
    """What module.c.j2 writes a function of: ``lines`` stand before the loop tree ``nodes``."""

    comment: str
    name: str
    tuned: bool
    parameters: str
    lines: list
    nodes: list


class Body:
    """A loop tree and what it reads, in the order of its text: (type, name) of ``fields`` of the frame and of
    ``sizes``.

    A field that is written, or whose address is taken, stays in the frame.
    """

    def __init__(self, nodes, fields, symbols):
        self.nodes, self.text = nodes, node_text(nodes)
        written = {
            *re.findall(r"f->(\w+)\s*[-+*/|&^]?=(?!=)", self.text),
            *re.findall(r"&f->(\w+)", self.text),
        }
        found = dict.fromkeys([m[0] for m in NAMES.finditer(self.text)])
        read = [name.removeprefix("f->") for name in found if name.startswith("f->")]
        self.fields = [(fields[x], x) for x in read if x in fields and x not in written]
        self.sizes = [("int64_t ", s) for s in found if s in symbols]

    def alone(self):
        """(lines, nodes) of a function: what is read is read first, under its own name."""
        lines = [f"const int64_t {name} = f->{name};" for _, name in self.sizes]
        lines += [
            f"{kind}const {name} = f->{name};" if "*" in kind else f"const {kind}{name} = f->{name};"
            for kind, name in self.fields
        ]
        return lines, renamed(self.nodes, {name: name for _, name in self.fields})

    def common(self):
        """(parameters, arguments, names, text) of a function whose parameters are what is read: the same for
        bodies alike.

        ``names`` are those that its loop tree is renamed by, ``text`` is that of the tree then.
        """
        read = [*self.fields, *self.sizes]
        names = {name: f"{'p' if '*' in kind else 's'}{k}" for k, (kind, name) in enumerate(self.fields)} | {
            name: f"m{k}" for k, (_, name) in enumerate(self.sizes)
        }
        text = renamed_text(self.text, names)
        own = arguments(text)
        return (
            [*map(ARGUMENTS.get, own), *(f"{kind}{names[x]}" for kind, x in read)],
            [*own, *(f"f->{x}" for _, x in read)],
            names,
            text,
        )


class Functions:
    """The views of the functions of all parts: ``views`` in the order of the text, ``parts`` the views of the
    parts by name.
    """

    def __init__(self, module, symbols):
        fields, symbols = declared(module.frame), set(symbols)
        self.views, self.parts = [], {}
        self.bodies = {
            (p.name, suffix): Body(nodes, fields, symbols)
            for p in module.parts
            for suffix, nodes in p.variants
        }
        self.calls = self.share()
        for part in module.parts:
            variants = [self.variant(part, suffix) for suffix, _ in part.variants]
            sizes = {s for suffix, _ in part.variants for _, s in self.bodies[part.name, suffix].sizes}
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
            if any(node.kind == "loop" for node in body.nodes):
                parameters, arguments, names, text = body.common()
                key = *(p.removeprefix("const ") for p in parameters), text
                alike.setdefault(key, []).append((body, parameters, arguments, names, text))
        for number, group in enumerate(g for g in alike.values() if len(g) > 1):
            # const, when one of them is: then none writes there
            parameters = [max(texts, key=len) for texts in zip(*(parameters for _, parameters, *_ in group))]
            calls |= {body: f"same{number}({', '.join(arguments)});" for body, _, arguments, _, _ in group}
            body, _, _, names, text = group[0]
            self.write(
                f"The loops of {len(group)} parts.",
                f"same{number}",
                parameters,
                [],
                renamed(body.nodes, names),
                text,
            )
        return calls

    def variant(self, part, suffix):
        """The view of the part's call, when its function is written."""
        body, name = self.bodies[part.name, suffix], part.name + suffix
        lines, nodes = ([], [Lines([self.calls[body]])]) if body in self.calls else body.alone()
        text = node_text(nodes)
        used = arguments(text)
        unused = " ".join(
            f"(void){word};" for word in ARGUMENTS if word not in used and not (word == "f" and lines)
        )
        self.write(part.comment, name, list(ARGUMENTS.values()), [unused] * bool(unused) + lines, nodes, text)
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

    def write(self, comment, name, parameters, lines, nodes, text):
        self.views.append(
            CFunction(comment, name, is_tuned(text), ", ".join(parameters) or "void", lines, nodes)
        )
