"""What blocks are made of, and which scans are one loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tgen.core.layouts import Kept, Yielded
from tgen.graph.scans import ScanNode

if TYPE_CHECKING:
    from tgen.graph.branches import Place
    from tgen.graph.nodes import Apply, Variable

    from .sizes import Region


@dataclass
class BlockDraft:
    """What a block is made of: the region with its instructions, graph variables for its parameters and for
    what it yields.
    """

    region: Region
    params: tuple[Variable, ...]
    outputs: tuple[Variable, ...]


@dataclass
class Twins:
    """Scans with the same body, operands and steps but different outs, as one: ``scan`` has the outs of all.

    ``names``: (result of one of the nodes, the result of ``scan`` that it is); the same out of another node
    is another name of it.
    """

    nodes: list[Apply]
    scan: ScanNode
    names: list[tuple[Variable, Variable]]


def loops(order: Sequence[Apply], places: dict[Apply, Place] | None = None) -> dict[Apply, Twins]:
    """scan node -> its Twins; the gradient of a scan makes twins that keep more (ops/bptt.py). Those of other
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


def _key(node: Apply) -> tuple[Any, ...]:
    scan = ScanNode(node)
    return (
        scan.params,
        tuple(node.inputs),
        len(scan.sequences),
        tuple(carry.new for carry in scan.carries),
        scan.condition and scan.condition.new,
    )


def _union(nodes: list[Apply]) -> Twins:
    first = ScanNode(nodes[0])
    more, kept, names = {}, {}, []  # yielded variable -> Yielded; (kind, what is kept) -> Kept
    for node in nodes:
        scan = ScanNode(node)
        carries: dict[Any, Any] = dict(zip(scan.carries, first.carries))
        for out in scan.outs:
            of = carries.get(out.of) or more.setdefault(out.of.new, Yielded(out.of.new))
            target = kept.setdefault((out.kind, of), Kept(out.kind, of, out.result))
            names.append((out.result, target.result))
    scan = first.changed(more=tuple(more.values()), outs=tuple(kept.values()))
    return Twins(nodes, scan, names)


def first_twins(order: Sequence[Apply]) -> dict[Apply, Apply]:
    """scan node -> the first of its twins, for those that come later."""
    return leaders(loops(order))


def leaders(found: dict[Apply, Twins]) -> dict[Apply, Apply]:
    """scan node -> the first node of its Twins, for the others of it."""
    return {node: loop.nodes[0] for node, loop in found.items() if loop.nodes[0] is not node}
