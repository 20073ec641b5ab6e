"""Closures: what a step function made of its parameters becomes a Lambda, and what it took from outside
become further parameters.

>>> import tgen, tgen.tensor as T
>>> w, h = tgen.shared(2.0), T.dscalar("h")
>>> body, captured = close([h], [h * T.exp(w)])
>>> len(body.params), [str(v) for v in captured]
(2, ['exp.0'])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tgen.config import config

from . import testvalue
from .branches import Places
from .nodes import Constant, Lambda, Variable
from .walk import clone, toposort

if TYPE_CHECKING:
    from tgen.core.types import TensorType

# a constant up to this size stands in the text of a program and in its bodies; a larger one is a parameter,
# which a body captures
LITERAL_ELEMENTS = 32


def close(params: Sequence[Variable], outputs: Sequence[Variable]) -> tuple[Lambda, list[Variable]]:
    """(Lambda, captured): the outer variables that the body reads are parameters after ``params``, in the
    order of ``captured``.

    What does not depend on ``params`` is left outside, and what it makes is captured: computed once. But what
    only a branch of an ifelse in the body needs stays in that branch: outside it would be computed when the
    branch is not taken.
    """
    order = toposort(outputs, params)
    places = Places(order, outputs)
    dependent, inside = set(params), set(params)
    for node in order:
        if any(v in dependent for v in node.inputs):
            dependent.update(node.outputs)
    stack = list(outputs)
    while stack:
        v = stack.pop()
        if v in inside or v.owner is None or v not in dependent and places.top in places.of[v.owner]:
            continue
        inside.update(v.owner.outputs)
        stack.extend(v.owner.inputs)
    read = [v for node in order if node.outputs[0] in inside for v in node.inputs] + list(outputs)
    captured = list(dict.fromkeys(v for v in read if v not in inside and not is_small(v)))
    own = {v: like(v) for v in captured}
    return Lambda([*params, *own.values()], clone(outputs, own)), captured


def is_small(v: Variable) -> bool:
    return isinstance(v, Constant) and v.data.size <= LITERAL_ELEMENTS


def like(v: Variable, type: TensorType | None = None) -> Variable:
    """A parameter that stands for ``v``: its name, place and test value, and its type unless another is
    given.
    """
    twin = Variable(type or v.type, v.name)
    twin.where = v.where if v.owner is None else v.owner.where
    if config.compute_test_value != "off" and (value := testvalue.known(v)) is not None:
        twin.tag.test_value = value
    return twin
