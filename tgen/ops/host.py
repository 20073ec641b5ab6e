"""Python inside a compiled function: the two primitives whose body is Python, and how an application of one
is lowered.

A user's op (tgen/pyops) makes one such record per application, so ``eval`` is the body itself; the ones
registered here are what a text names. In the IR ``python`` numbers the program's bodies: that number is all
the C knows, and each executable has its own list of what they are. ``results`` has a (dtype, pattern) per
result, the pattern an entry per axis: an int (static), SIZE (the next of the instruction's sizes) or FOUND
(the next symbol of ``found``: known when Python has run).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from tgen.core import dims
from tgen.core.effect import ACTS, CALLS
from tgen.core.op import HOST, Op, register
from tgen.core.types import TensorType
from tgen.graph.walk import surveyed

SIZE, FOUND = "size", "found"
Pattern: TypeAlias = tuple[int | str, ...]


class PythonRun(Protocol):
    """A user's Python: ``check`` refuses one that cannot be run, a call gives the checked results."""

    def check(self) -> None: ...
    def __call__(self, arrays: Sequence[np.ndarray], sizes: Sequence[int], /) -> Sequence[np.ndarray]: ...


@dataclass(frozen=True, eq=False)
class Python:
    """What one application calls: ``run(arrays, sizes)`` on operands of these (dtype, rank), for these
    results.
    """

    run: PythonRun
    operands: tuple[tuple[str, int], ...]
    results: tuple[tuple[str, Pattern], ...]


def infer(types, attrs, sizes):
    """The result types that ``results`` says; in the graph what is FOUND is unknown."""
    given, found = iter(sizes), iter(attrs.get("found", ()))
    known = "found" in attrs

    def axis(entry):
        if entry == SIZE:
            return next(given)
        if entry == FOUND:
            return dims.alone(next(found)) if known else None
        return entry

    return tuple(TensorType(dtype, tuple(map(axis, pattern))) for dtype, pattern in attrs["results"])


def _no_body(attrs, sizes, *arrays):
    raise TypeError(
        "a text names the Python inside a function but does not hold it: run the function it was made for"
    )


register(
    Op(
        "host",
        HOST,
        infer,
        _no_body,
        effect=CALLS,
        doc="the Python body of a user's op: copies of the operands in, checked results out",
    )
)
register(
    Op(
        "host_effect",
        HOST,
        infer,
        _no_body,
        effect=ACTS,
        emitter="host",
        doc="the same, called for what it does (Print): never left out, in the program's order",
    )
)


# -- which body is which -------------------------------------------------------------------------------------


def python_sites(survey):
    """{key: (number, primitive)} of the Python bodies among the nodes of a graph's Survey and in the bodies
    of these, numbered in order.

    Equal ops applied at one line to the same types are one body, so cse may merge them. The numbers are made
    once (lower/signature.py); lowering, the program key and the executable read them.
    """
    found, stack = {}, [(node, False) for node in reversed(survey.bodied)]
    while stack:
        node, inner_done = stack.pop()
        if node.bodies and not inner_done:
            stack.append((node, True))
            for body in reversed(node.bodies):
                stack += [(inner, False) for inner in reversed(surveyed(body).bodied)]
        elif node.primitive.kind == HOST:
            found.setdefault(site_key(node), (len(found), node.primitive))
    return found


def site_key(node):
    """What makes two applications have one body. An op without a hash is only like itself."""
    try:
        hash(node.op)
        op = node.op
    except TypeError:
        op = id(node.op)
    return op, node.where, node.attrs["results"], tuple(v.type for v in (*node.inputs, *node.outputs))


# -- lowering: Op.lower of the records that tgen/pyops makes -------------------------------------------


def lower_host(state, node, site):
    """The instruction that calls Python, its sizes operands or found inside."""
    arrays, sizes = state.split(node)
    state.check_lengths(sizes, node)
    primitive, attrs = _called(state, node, node.attrs["results"], site)
    count = sum(pattern.count(FOUND) for _, pattern in attrs["results"])
    if count:
        attrs["found"] = tuple(state.found(f"a size of {node.op}") for _ in range(count))
    state.types.update(zip(node.outputs, infer((), attrs, sizes)))
    state.put(node.outputs, primitive, [state.resized(v, node) for v in arrays], attrs, sizes, node)


def lower_effect(state, node, site):
    """The call, for its effect; the values pass by it."""
    lower_through(state, node, site)
    primitive, attrs = _called(state, node, (), site)
    state.put((), primitive, [state.resized(v, node) for v in node.inputs], attrs, (), node)


def _called(state, node, results, site):
    number, primitive = state.python[site_key(node)]
    attrs = {"results": results, "python": number}
    if state.region.loops:  # what it raises gets a note of their steps
        attrs["site"] = state.add_site(site("host", str(node.op), node.where), late=True)
    return primitive, attrs


def lower_assertion(state, node, site):
    """A check per condition; the value passes by them."""
    lower_through(state, node, site)
    for condition in node.inputs[1:]:
        state.add_check(
            "assert",
            (condition,),
            {},
            (),
            site("assert", node.primitive.name, node.where, (node.op.message,)),
            node,
        )


def lower_through(state, node, site):
    """Output k is input k."""
    for out, v in zip(node.outputs, node.inputs):
        state.alias_of(out, v)
