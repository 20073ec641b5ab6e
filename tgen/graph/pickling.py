"""Graphs as pickles: the interior of a graph is flat bytes, its leaves are objects, so their identity is kept by pickle and deepcopy.

``pack`` walks the graph once and writes one record per application, so depth costs no recursion. A leaf (an
input, a shared variable, a constant) is an object beside the bytes: what is pickled together with the graph and uses the
same leaf gets the same one back.
"""
import pickle

from tgen.core.op import OPS
from tgen.core.types import TensorType

from .nodes import Apply, Constant, Variable
from .walk import leaves, toposort


def pack(variables):
    """(bytes, objects) for the graphs of ``variables``, shared parts once; ``unpack`` makes the variables again.

    >>> import copy, tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> a, b, c = unpack(*pack([x, x + 1, x + 1]))
    >>> a is x, b.owner.inputs[0] is x
    (True, True)
    """
    objects = leaves(variables)
    number = {v: i for i, v in enumerate(objects)}
    nodes = toposort(variables)
    for v in (v for node in nodes for v in node.outputs):
        number[v] = len(number)
    targets = [number[v] for v in variables]
    tags = [(number[v], v._tag) for node in nodes for v in node.outputs if v._tag is not None]
    count = len(objects)
    records = [_record(node, number, objects) for node in nodes]
    return pickle.dumps((count, records, targets, [n for n, _ in tags]), 4), objects + [tag for _, tag in tags]


def _record(node, number, objects):
    """An op of tgen goes by name; one of the user's and bodies are objects."""
    op = node.primitive.name if OPS.get(node.primitive.name) is node.op else _keep(node.op, objects)
    bodies = _keep(node.bodies, objects) if node.bodies else None
    types = [(v.type.dtype, v.type.shape, v.type.weak, v.name) for v in node.outputs]
    return op, [number[v] for v in node.inputs], node.attrs, bodies, types, node.where


def _keep(thing, objects):
    objects.append(thing)
    return len(objects) - 1


def unpack(text, objects):
    """The variables that ``pack`` was given, on the leaves in ``objects``."""
    count, records, targets, tagged = pickle.loads(text)
    variables = list(objects[:count])
    for op, operands, attrs, bodies, types, where in records:
        op = OPS[op] if isinstance(op, str) else objects[op]
        node = Apply(op, [variables[i] for i in operands], [TensorType(*t[:3]) for t in types], attrs, () if bodies is None else objects[bodies], where)
        for v, (*_, name) in zip(node.outputs, types):
            v.name = name
        variables.extend(node.outputs)
    for i, tag in zip(tagged, objects[len(objects) - len(tagged):]):
        variables[i]._tag = tag
    return [variables[i] for i in targets]


def _unpack_one(text, objects):
    return unpack(text, objects)[0]


def _reduce(v):
    if v.owner is not None:
        return _unpack_one, pack([v])
    return type(v), (v.type, v.name), (v._tag, v.where)


def _reduce_constant(v):
    return type(v), (v.type, v.data, v.name), (v._tag, v.where)


def _set_state(v, state):
    v._tag, v.where = state


Variable.__reduce__ = _reduce
Variable.__setstate__ = _set_state
Constant.__reduce__ = _reduce_constant
