"""What blocks are made of, and which scans are one loop."""

from dataclasses import dataclass

from tgen.graph.nodes import Lambda


@dataclass
class Body:
    """What a block is made of: the region with its instructions, graph variables for its parameters and for
    what it yields.
    """

    region: object
    params: tuple
    outputs: tuple


@dataclass
class Loop:
    """Scans with the same body, operands and steps but different outs, as one: ``outs`` are (kind, place)
    over ``body``'s outputs.
    """

    nodes: list
    body: object
    outs: list
    targets: list  # the variable of each out; the same out of another of the nodes is another name of it


def loops(order, places=None):
    """scan node -> its Loop; the gradient of a scan makes twins that keep more (ops/bptt.py). Those of other
    ``places`` are apart.
    """
    groups, found = {}, {}
    for node in order:
        if node.primitive.name == "scan":
            groups.setdefault((_key(node), (places or {}).get(node)), []).append(node)
    for nodes in groups.values():
        loop = _union(nodes)
        found.update((node, loop) for node in nodes)
    return found


def _key(node):
    body, attrs = node.bodies[0], node.attrs
    return (
        body.params,
        tuple(node.inputs),
        attrs["carries"],
        attrs["sequences"],
        attrs["until"],
        body.outputs[: attrs["carries"]],
        body.outputs[-1:] if attrs["until"] else (),
    )


def _union(nodes):
    carries, until = nodes[0].attrs["carries"], nodes[0].attrs["until"]
    places, kept = {}, {}  # yielded variable -> place; (kind, place) -> target
    for node in nodes:
        outputs = node.bodies[0].outputs
        for (kind, k), target in zip(node.attrs["outs"], node.outputs):
            place = k if k < carries else places.setdefault(outputs[k], carries + len(places))
            kept.setdefault((kind, place), target)
    first = nodes[0].bodies[0]
    body = Lambda(first.params, [*first.outputs[:carries], *places, *(first.outputs[-1:] if until else ())])
    return Loop(nodes, body, list(kept), list(kept.values()))


def first_twins(order):
    """scan node -> the first of its twins, for those that come later."""
    return leaders(loops(order))


def leaders(found):
    """scan node -> the first node of its Loop, for the others of it."""
    return {node: loop.nodes[0] for node, loop in found.items() if loop.nodes[0] is not node}


def names_of(loop):
    """(variable, the target it is another name of) for every result of the loop's nodes."""
    carries = loop.nodes[0].attrs["carries"]
    place = {v: k for k, v in enumerate(loop.body.outputs) if k >= carries}
    target = dict(zip(loop.outs, loop.targets))
    for node in loop.nodes:
        for (kind, k), v in zip(node.attrs["outs"], node.outputs):
            yield v, target[kind, k if k < carries else place[node.bodies[0].outputs[k]]]
