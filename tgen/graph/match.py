"""Patterns of ops/stable.py met in a graph: is this variable one, and what stands for it instead.

>>> import tgen.ops
>>> from tgen.core.types import TensorType
>>> from tgen.graph.build import apply
>>> from tgen.graph.nodes import Variable
>>> x = Variable(TensorType("float64", (None,)), "x")
>>> found = match(("log", ("exp", "x")), apply("log", apply("exp", x)))
>>> found.bound["x"] is x, [v.owner.primitive.name for v in found.inner]
(True, ['exp'])
"""
from dataclasses import dataclass

from .build import apply
from .nodes import Constant

_WRAPPERS = ("dimshuffle", "cast")      # what stands between a number in a formula and the op that uses it


@dataclass(frozen=True)
class Found:
    bound: dict     # name in the pattern -> variable
    nodes: dict     # op name -> the Apply that matched it
    inner: tuple    # the variables between the pattern's root and what it binds


def is_one(v):
    """Whether v is the number 1, however broadcast by its type."""
    while v.owner is not None and v.owner.primitive.name in _WRAPPERS:
        v = v.owner.inputs[0]
    return isinstance(v, Constant) and v.data.size == 1 and v.data.ravel()[0] == 1


def match(pattern, v):
    """How ``v`` is an instance of ``pattern`` (without regard to operand order: see ops/stable.py), or None."""
    bound, nodes, inner, stack = {}, {}, [], [(pattern, v)]
    while stack:
        part, v = stack.pop()
        if part == 1:
            if not is_one(v):
                return None
        elif isinstance(part, str):
            if bound.setdefault(part, v) is not v:
                return None
        elif v.owner is None or v.owner.primitive.name != part[0] or len(v.owner.inputs) != len(part) - 1:
            return None
        else:
            nodes[part[0]] = v.owner
            inner.append(v)
            stack.extend(zip(part[1:], v.owner.inputs))
    return Found(bound, nodes, tuple(inner[1:]))


def instead(row, found):
    """The variable that ``row`` puts in the place of what it ``found``."""
    return _compose(row.result, row, found)


def _compose(part, row, found):
    """Recursion over a pattern, which is three deep, not over the graph."""
    if isinstance(part, str):
        return found.bound[part]
    name, *operands = part
    attrs = found.nodes[row.attrs[name]].attrs if name in row.attrs else {}
    return apply(name, *(_compose(p, row, found) for p in operands), **attrs)
