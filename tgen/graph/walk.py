"""Walks over the graph, none of them recursive: order, leaves, copies with replacements."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tgen.core.op import HOST

from .nodes import Apply, Lambda, Variable, infer, mentioned

if TYPE_CHECKING:
    from tgen.core.types import TensorType

Replaced = TypeVar("Replaced", bound=Variable)  # the keys of a Mapping: of one kind of variables, too


def postorder(
    outputs: Sequence[Variable], stop: Iterable[Variable] = (), seen: set[Apply] | None = None
) -> Iterator[Apply]:
    """The Apply nodes that ``outputs`` need, one by one, producers first. Variables in ``stop`` count as
    inputs.

    Nodes in the set ``seen`` are not walked again; those that are walked get into it.
    """
    ends, seen, opened = set(stop), set() if seen is None else seen, []
    stack: list[Apply | None] = [v.owner for v in outputs if v.owner is not None and v not in ends]
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:  # all that the last opened node needs has been given
            yield opened.pop()
        elif node not in seen:
            seen.add(node)
            waiting = [
                v.owner for v in node.inputs if v.owner is not None and v.owner not in seen and v not in ends
            ]
            if not waiting:
                yield node
                continue
            opened.append(node)
            stack.append(None)
            waiting.reverse()
            stack += waiting


def toposort(outputs: Sequence[Variable], stop: Iterable[Variable] = ()) -> list[Apply]:
    """The list of ``postorder``."""
    return list(postorder(outputs, stop))


class Survey:
    """What some variables need, found in one walk: all that a function asks of its whole graph.

    order    the Apply nodes, producers first
    leaves   the variables without an owner (or in ``stop``), each once, in order of first use
    bodied   the nodes of ``order`` with a body: a Lambda, or Python
    """

    def __init__(self, outputs: Sequence[Variable] = (), stop: Iterable[Variable] = ()) -> None:
        self.order, self.bodied, self.stop = [], [], set(stop)
        self._outputs, self._read, self._seen = [], {}, set()
        self.add(outputs)

    def add(self, outputs: Sequence[Variable]) -> None:
        """Walk on from further ``outputs``; the order is that of one walk from all of them."""
        outputs, order, read, stop = list(outputs), self.order, self._read, self.stop
        self._outputs += outputs
        for node in postorder(outputs, stop, self._seen):
            order.append(node)
            for v in node.inputs:
                if v.owner is None or v in stop:
                    read[v] = None
            if node.bodies or node.primitive.kind == HOST:
                self.bodied.append(node)

    @property
    def leaves(self) -> list[Any]:
        ends = {v: None for v in self._outputs if v.owner is None or v in self.stop}
        return list({**self._read, **ends})


def surveyed(body: Lambda) -> Survey:
    """The Survey of a Lambda, made when it is asked for first."""
    if body.survey is None:
        body.survey = Survey(body.outputs, body.params)
    return body.survey


def leaves(outputs: Sequence[Variable], stop: Iterable[Variable] = ()) -> list[Variable]:
    """The variables without an owner (or in ``stop``) that ``outputs`` need, each once, in order of first
    use.
    """
    return Survey(outputs, stop).leaves


def ancestors(outputs: Sequence[Variable], stop: Iterable[Variable] = ()) -> list[Variable]:
    """Every variable that ``outputs`` need, ``outputs`` among them."""
    outputs = list(outputs)
    found = dict.fromkeys(outputs)
    for node in reversed(toposort(outputs, stop)):
        found.update(dict.fromkeys(node.inputs))
    return list(found)


def heard_of(outputs: Sequence[Variable]) -> set[Variable]:
    """The set of variables that ``outputs`` need, or were asked of (``mention``)."""
    found, waiting = set(), list(outputs)
    while waiting:
        new = [v for v in ancestors(waiting) if v not in found]
        found.update(new)
        waiting = [v for mentioning in new for v in mentioned(mentioning) if v not in found]
    return found


class Copies:
    """Copies of expressions in which each key of ``replace`` (variable -> variable) is replaced. Parts that
    several of them share stay shared, and what does not depend on a key is not copied.

    ``remake(node, operands)`` applies a node to other operands. ``walked``: the nodes met so far, producers
    first.
    """

    def __init__(self, replace: Mapping[Replaced, Variable], remake: Callable[..., Apply]) -> None:
        self.remake, self.walked = remake, []
        self._replaced: Collection[Variable] = replace
        self._new: dict[Variable, Variable] = dict(replace.items())
        self._seen = set()

    def of(self, outputs: Sequence[Variable]) -> list[Variable]:
        """The copies of ``outputs``; their types are those of the originals where ``remake`` keeps them."""
        if not self._replaced:
            return list(outputs)
        new = self._new
        for node in postorder(outputs, self._replaced, self._seen):
            self.walked.append(node)
            operands = [new.get(v, v) for v in node.inputs]
            if all(a is b for a, b in zip(operands, node.inputs)):
                continue
            twin = self.remake(node, operands)
            for old, fresh in zip(node.outputs, twin.outputs):
                label(fresh, old)
                new.setdefault(old, fresh)
        return [new.get(v, v) for v in outputs]


def clone(
    outputs: Sequence[Variable], replace: Mapping[Replaced, Variable], retype: bool = False
) -> list[Variable]:
    """Copies of ``outputs`` in which each key of ``replace`` (variable -> variable) is replaced; shared parts
    stay shared.

    What does not depend on a key is not copied. With ``retype`` types are inferred anew.
    """
    return Copies(replace, functools.partial(again, retype=retype)).of(outputs)


def label(fresh: Variable, old: Variable) -> None:
    """Name and tag of ``old`` for its copy: a test value too, where the type is the same."""
    fresh.name = old.name
    if old._tag is not None:
        fresh.tag.__dict__.update(
            (k, x) for k, x in vars(old._tag).items() if k != "test_value" or fresh.type == old.type
        )


def again(node: Apply, operands: Sequence[Variable], retype: bool = False) -> Apply:
    """The application of ``node`` to other operands; with ``retype`` its result types are inferred anew."""
    if retype and node.primitive.again is not None:
        return node.primitive.again(node, operands)
    bodies = fitting(node, operands) if retype else node.bodies
    types = infer(node.primitive, operands, node.attrs, bodies) if retype else [v.type for v in node.outputs]
    return Apply(node.op, operands, types, node.attrs, bodies, node.where)


def fitting(node: Apply, operands: Sequence[Variable]) -> tuple[Lambda, ...]:
    """The bodies of ``node`` for other ``operands``: where their types are not those it has, copies that take
    such types.
    """
    params = node.primitive.params
    if params is None or all(a.type == b.type for a, b in zip(operands, node.inputs)):
        return node.bodies
    wanted = params([v.type for v in operands], node.attrs)
    return tuple(retyped(body, types) for body, types in zip(node.bodies, wanted))


def retyped(body: Lambda, types: Sequence[TensorType]) -> Lambda:
    """A copy of a Lambda whose parameters have ``types``."""
    params = [Variable(t, v.name) for v, t in zip(body.params, types)]
    return Lambda(params, clone(body.outputs, dict(zip(body.params, params)), retype=True))
