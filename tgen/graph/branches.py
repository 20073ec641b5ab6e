"""Which branches need a node: an ifelse is lazy because what only a branch needs is made in that branch.

    a = x[k];  y = ifelse(c, a * a, 0);  dy = ifelse(c, 2 * a, 0)

``a`` is needed by two branches and by nothing else. Made before both it would run, and might fail, when
neither is taken. So ifelses with one condition are first made one where none of them needs another; what is
still needed by several branches is made in each of them. What both sides of one ifelse need is needed
whenever that ifelse is, and is made before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from tgen.core.layouts import split_choice

from .nodes import Apply, Variable
from .walk import again, label, toposort

Twins: TypeAlias = Mapping[Apply, Apply]  # node -> the one it is a twin of
TwinsIn: TypeAlias = Callable[[list[Apply]], Twins]  # the twins among nodes, producers first


@dataclass(frozen=True, eq=False)
class Place:
    """Where a node is made: side 0 or 1 of the ``ifelse`` node within ``outer``; the top has neither.

    ``number``: how many were made before it. It is the hash, so that sets of places have one order in every
    process, and a program one text.
    """

    outer: Place | None = None
    ifelse: Apply | None = None
    side: int = 0
    depth: int = 0
    number: int = 0

    def __hash__(self) -> int:
        return self.number


class Places:
    """``of[node]``: the places that need a node of ``order``, none of them within another.

    ``first``: node -> the one it is a twin of. To ask a value's shape is no use of it, unless it is one of
    ``forced``: a size mostly has a name where the value is not. What is asked for nothing else is made
    where all that ask can see it.
    """

    def __init__(
        self,
        order: Sequence[Apply],
        outputs: Iterable[Variable],
        first: Twins | None = None,
        forced: Collection[Variable] = (),
    ) -> None:
        self.top = Place()
        # (the place around it, the ifelse, its side) -> that side
        self.made: dict[tuple[Place | None, Apply | None, int], Place] = {}
        self.of: dict[Apply, Set[Place]] = dict.fromkeys(order, frozenset([self.top]))
        if any(node.primitive.name == "ifelse" for node in order):
            self.find(order, outputs, first or {}, forced)

    def find(
        self,
        order: Sequence[Apply],
        outputs: Iterable[Variable],
        first: Twins,
        forced: Collection[Variable],
    ) -> None:
        used: dict[Apply | None, set[Place]] = {}  # None: the owner of what nothing made
        asked: dict[Apply | None, set[Place]] = {}
        for v in outputs:
            used.setdefault(v.owner, set()).add(self.top)
        for node in reversed(order):
            places = self.of[node] = self.least(node, used.get(node, set()), asked.get(node, set()))
            if node in first:
                used.setdefault(first[node], set()).update(places)
            for k, v in enumerate(node.inputs):
                uses = asked if node.primitive.name == "shape_i" and v not in forced else used
                uses.setdefault(v.owner, set()).update(self.operand(node, k, place) for place in places)

    def operand(self, node: Apply, k: int, place: Place) -> Place:
        """Where input k of a node that is made in ``place`` is used."""
        if node.primitive.name != "ifelse" or k == 0:
            return place
        return self.side(node, int(k > len(node.outputs)), place)

    def home(self, node: Apply) -> Place:
        """The one place in which the node can be made for all that need it."""
        return self.around(self.of[node])

    def side(self, node: Apply, side: int, place: Place) -> Place:
        """Side 0 or 1 of the ifelse ``node``, which is made in ``place``."""
        key = place, node, side
        if key not in self.made:
            self.made[key] = Place(*key, place.depth + 1, len(self.made) + 1)
        return self.made[key]

    def least(self, node: Apply, used: set[Place], asked: set[Place]) -> set[Place]:
        """The places of a node that is used and asked for there: one for all, unless only branches use it."""
        if not used or node.primitive.effect.ordered:
            return {self.around(used or asked)}
        return self.outermost(used)

    def outermost(self, places: set[Place]) -> set[Place]:
        """``places`` without those within another, and with the two sides of an ifelse as its own place."""
        left, waiting = set(places), list(places)
        while waiting:
            place = waiting.pop()
            if place not in left or len(left) == 1:
                continue
            other = self.made.get((place.outer, place.ifelse, 1 - place.side))
            if any(outer in left for outer in self.outside(place)):
                left.discard(place)
            elif place.outer and other in left:
                left = left - {place, other} | {place.outer}
                waiting.append(place.outer)
        return left

    @staticmethod
    def outside(place: Place) -> Iterator[Place]:
        """The places around one, innermost first."""
        while place.outer is not None:
            place = place.outer
            yield place

    def around(self, places: Set[Place]) -> Place:
        """The innermost place that holds all of ``places``."""
        left = set(places)
        while len(left) > 1:
            deepest = max(left, key=lambda p: p.depth)
            left.remove(deepest)
            left.add(next(self.outside(deepest)))
        return left.pop()


def in_each_branch(
    outputs: Iterable[Variable], stop: Sequence[Variable], first: TwinsIn
) -> tuple[list[Variable], dict[Apply, Place]]:
    """``outputs`` with a copy of what only branches need in each of these branches, and {copied node: Place}.

    ``first(order)`` says which nodes are twins: {node: the one it is a twin of}.
    """
    made = joined(list(outputs), stop, first)
    order = toposort(made, stop)
    twins = first(order)
    places = Places(order, made, twins)
    if all(len(p) == 1 for p in places.of.values()):
        return made, {}
    return _Copies(places, twins).run(order, made)


# -- ifelses with one condition ------------------------------------------------------------------------------


def joined(outputs: list[Variable], stop: Sequence[Variable], first: TwinsIn) -> list[Variable]:
    """``outputs`` with one ifelse for those of one condition and place that do not need each other."""
    order = toposort(outputs, stop)
    lots: dict[Variable, list[Apply]] = {}  # condition -> its ifelses
    for node in order:
        if node.primitive.name == "ifelse":
            lots.setdefault(node.inputs[0], []).append(node)
    if all(len(nodes) == 1 for nodes in lots.values()):
        return outputs
    places = Places(order, outputs, first(order))
    groups = _Groups(order)
    for nodes in lots.values():
        for k, node in enumerate(nodes):
            for other in nodes[:k]:
                if places.of[node] == places.of[other] and groups.join(node, other):
                    break
    return groups.rewrite(outputs, stop)


class _Groups:
    """Lots of ifelses that become one. ``needs``: the ifelses that each is made of, as bits of an int."""

    def __init__(self, order: Sequence[Apply]) -> None:
        self.bit = {node: 1 << k for k, node in enumerate(n for n in order if n.primitive.name == "ifelse")}
        self.members = {node: [node] for node in self.bit}  # ifelse -> the lot it is in, one list
        needs: dict[Apply, int] = {}
        for node in order:
            found = 0
            for v in node.inputs:
                if v.owner is not None:
                    found |= needs.get(v.owner, 0) | self.bit.get(v.owner, 0)
            needs[node] = found
        self.needs = {node: needs[node] for node in self.bit}

    def join(self, a: Apply, b: Apply) -> bool:
        """Put the lots of a and b together, unless one needs the other; whether that was possible."""
        if self.members[a] is self.members[b]:
            return True
        if self.reached(self.members[a], self.members[b]) or self.reached(self.members[b], self.members[a]):
            return False
        lot = self.members[b] + self.members[a]
        self.members.update((node, lot) for node in lot)
        return True

    def reached(self, lot: Sequence[Apply], wanted: Sequence[Apply]) -> bool:
        """Whether ``lot`` needs one of the nodes in ``wanted``, when lots are one."""
        goal, seen, stack = sum(self.bit[node] for node in wanted), 0, list(lot)
        while stack:
            new = self.needs[stack.pop()] & ~seen
            if new & goal:
                return True
            seen |= new
            stack.extend(n for n, bit in self.bit.items() if bit & new for n in self.members[n])
        return False

    def rewrite(self, outputs: Sequence[Variable], stop: Iterable[Variable]) -> list[Variable]:
        """Copies of ``outputs`` in which each lot is one ifelse."""
        made: dict[Variable, Variable] = {}
        stack, ends = list(reversed(outputs)), set(stop)
        while stack:
            v = stack[-1]
            if v in made or v.owner is None or v in ends:
                made.setdefault(v, v)
                stack.pop()
                continue
            nodes = self.members.get(v.owner, [v.owner])
            waiting = [u for node in nodes for u in node.inputs if u not in made]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            self.make(nodes, made)
        return [made[v] for v in outputs]

    @staticmethod
    def make(nodes: Sequence[Apply], made: dict[Variable, Variable]) -> None:
        if len(nodes) > 1:
            sides = [split_choice(node.attrs, node.inputs)[1:] for node in nodes]
            yes, no = ([made[v] for values in lots for v in values] for lots in zip(*sides))
            old = [v for node in nodes for v in node.outputs]
            first, types = nodes[0], [v.type for v in old]
            operands = [made[first.inputs[0]], *yes, *no]
            twin = Apply(first.op, operands, types, {"count": len(old)}, where=first.where)
        else:
            (node,) = nodes
            operands, old = [made[v] for v in node.inputs], node.outputs
            twin = node if all(a is b for a, b in zip(operands, node.inputs)) else again(node, operands)
        for v, fresh in zip(old, twin.outputs):
            if fresh is not v:
                label(fresh, v)
            made[v] = fresh


# -- copies --------------------------------------------------------------------------------------------------


class _Copies:
    def __init__(self, places: Places, twins: Twins) -> None:
        self.places, self.twins = places, twins
        self.made: dict[Variable, dict[Place, Variable]] = {}  # variable -> it as each place has it
        self.at: dict[Apply, Place] = {}  # node -> the place of the twin that makes it

    def run(
        self, order: Sequence[Apply], outputs: Sequence[Variable]
    ) -> tuple[list[Variable], dict[Apply, Place]]:
        for node in order:
            for place in sorted(self.places.of[node], key=lambda p: p.depth):
                self.copy(node, place)
        return [self.seen(v, self.places.top) for v in outputs], self.at

    def copy(self, node: Apply, place: Place) -> None:
        operands = [self.seen(v, self.places.operand(node, k, place)) for k, v in enumerate(node.inputs)]
        twin = node
        if node.outputs[0] in self.made or any(a is not b for a, b in zip(operands, node.inputs)):
            twin = again(node, operands)
        for old, fresh in zip(node.outputs, twin.outputs):
            if fresh is not old:
                label(fresh, old)
            self.made.setdefault(old, {})[place] = fresh
        leader = self.twins.get(node, node)
        self.at[twin] = next(p for p in (place, *self.places.outside(place)) if p in self.places.of[leader])

    def seen(self, v: Variable, place: Place) -> Variable:
        """v as ``place`` sees it; where it is not made, any copy tells its shape."""
        copies = self.made.get(v)
        if copies is None:
            return v
        around = (place, *self.places.outside(place))
        return next((copies[p] for p in around if p in copies), next(iter(copies.values())))
