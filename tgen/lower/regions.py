"""Where a node belongs: to the block being lowered, or to a branch of an ifelse that alone needs it. And which scans are one loop."""
from dataclasses import dataclass

from tgen.graph.nodes import Lambda


@dataclass
class Body:
    """What a block is made of: the region with its instructions, graph variables for its parameters and for what it yields."""
    region: object
    params: tuple
    outputs: tuple


@dataclass
class Loop:
    """Scans with the same body, operands and steps but different outs, as one: ``outs`` are (kind, place) over ``body``'s outputs."""
    nodes: list
    body: object
    outs: list
    targets: list       # the variable of each out; the same out of another of the nodes is another name of it


def loops(order):
    """scan node -> its Loop; the gradient of a scan makes twins that keep more (ops/bptt.py)."""
    groups, found = {}, {}
    for node in order:
        if node.primitive.name == "scan":
            groups.setdefault(_key(node), []).append(node)
    for nodes in groups.values():
        loop = _union(nodes)
        found.update((node, loop) for node in nodes)
    return found


def _key(node):
    body, attrs = node.bodies[0], node.attrs
    return (body.params, tuple(node.inputs), attrs["carries"], attrs["sequences"], attrs["until"], body.outputs[:attrs["carries"]],
            body.outputs[-1:] if attrs["until"] else ())


def _union(nodes):
    carries, until = nodes[0].attrs["carries"], nodes[0].attrs["until"]
    places, kept = {}, {}       # yielded variable -> place; (kind, place) -> target
    for node in nodes:
        outputs = node.bodies[0].outputs
        for (kind, k), target in zip(node.attrs["outs"], node.outputs):
            place = k if k < carries else places.setdefault(outputs[k], carries + len(places))
            kept.setdefault((kind, place), target)
    first = nodes[0].bodies[0]
    body = Lambda(first.params, [*first.outputs[:carries], *places, *(first.outputs[-1:] if until else ())])
    return Loop(nodes, body, list(kept), list(kept.values()))


def names_of(loop):
    """(variable, the target it is another name of) for every result of the loop's nodes."""
    carries = loop.nodes[0].attrs["carries"]
    place = {v: k for k, v in enumerate(loop.body.outputs) if k >= carries}
    target = dict(zip(loop.outs, loop.targets))
    for node in loop.nodes:
        for (kind, k), v in zip(node.attrs["outs"], node.outputs):
            yield v, target[kind, k if k < carries else place[node.bodies[0].outputs[k]]]


# -- homes ---------------------------------------------------------------------------------------------------------------------

class Homes:
    """node -> None (the block itself) or (ifelse node, 0 or 1): the branch that alone needs it.

    To ask a value's shape is no use of it, unless the value is in ``forced``: the size has a name at the entry mostly.
    """

    def __init__(self, order, outputs, twins, forced):
        self.of, self.depth, self.asked = {}, {None: 0}, {}
        self.forced, self.twins = forced, twins
        if not any(node.primitive.name == "ifelse" for node in order):
            self.of = dict.fromkeys(order)
            return
        for v in outputs:
            self.used(v, None)
        for node in reversed(order):
            self.visit(node)

    def used(self, v, region):
        if v.owner is not None:
            self.of[v.owner] = self.common(self.of[v.owner], region) if v.owner in self.of else region

    def visit(self, node):
        home = self.of.setdefault(node, self.asked.get(node))
        if node in self.twins and self.twins[node].nodes[0] is not node:
            self.used(self.twins[node].nodes[0].outputs[0], home)
        if node.primitive.name == "ifelse":
            for branch in (0, 1):
                self.depth[node, branch] = self.depth[home] + 1
        count = node.attrs.get("count")
        for k, v in enumerate(node.inputs):
            branch = node.primitive.name == "ifelse" and k > 0
            region = (node, int(k > count)) if branch else home
            if node.primitive.name == "shape_i" and v not in self.forced and v.owner is not None:
                self.asked[v.owner] = self.common(self.asked[v.owner], region) if v.owner in self.asked else region
            else:
                self.used(v, region)

    def common(self, a, b):
        """The innermost region that holds both."""
        while a != b:
            if self.depth[a] >= self.depth[b]:
                a = self.of[a[0]]
            else:
                b = self.of[b[0]]
        return a
