"""Graphs as pickles: the interior of a graph is flat bytes, its leaves are objects, so their identity is kept by pickle and deepcopy.

``pack`` walks the graph once and writes one record per application, so depth costs no recursion. A leaf (an input, a shared
variable, a constant) is an object beside the bytes, as are the tags and attributes of variables: what is pickled together with the
graph and uses the same one gets the same one back. Each variable of an object brings its own graph; applications that two of
them have in common become one again by the number they had when they were written, in the table of ``Session``.
"""
import pickle

from tgen.core.op import OPS
from tgen.core.types import TensorType

from .nodes import Apply, Constant, Lambda, Variable
from .walk import leaves, toposort


class Session:
    """What all graphs of one pickle share: the applications made of it, by number. Reading a pickle, or a deepcopy, makes one of its own of HERE."""

    def __init__(self):
        self.nodes = {}

    def __reduce__(self):
        return Session, ()


HERE = Session()


def pack(variables):
    """(session, bytes, objects) for the graphs of ``variables``, shared parts once; ``unpack`` makes the variables again.

    >>> import copy, tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> a, b, c = unpack(*pack([x, x + 1, x + 1]))
    >>> a is x, b.owner.inputs[0] is x
    (True, True)
    """
    objects = leaves(variables)
    number = {v: i for i, v in enumerate(objects)}
    nodes = toposort(variables)
    count = len(objects)
    for v in (v for node in nodes for v in node.outputs):
        number[v] = len(number)
    records = [_record(node, number, objects) for node in nodes]
    return HERE, pickle.dumps((count, records, [number[v] for v in variables]), 4), objects


def _record(node, number, objects):
    """An op of tgen goes by name; one of the user's, bodies, and what users hang on the outputs are objects. Who writes a node keeps it alive, so its id is its own."""
    op = node.primitive.name if OPS.get(node.primitive.name) is node.op else _keep(node.op, objects)
    bodies = _keep(node.bodies, objects) if node.bodies else None
    types = [(v.type.dtype, v.type.shape, v.type.weak, v.name) for v in node.outputs]
    more = [(k, _keep((v._tag, v.__dict__ or None), objects)) for k, v in enumerate(node.outputs) if v._tag is not None or v.__dict__]
    return id(node), op, [number[v] for v in node.inputs], node.attrs, bodies, types, node.where, more


def _keep(thing, objects):
    objects.append(thing)
    return len(objects) - 1


def unpack(session, text, objects):
    """The variables that ``pack`` was given, on the leaves in ``objects``."""
    count, records, targets = pickle.loads(text)
    known = {} if session is HERE else session.nodes
    variables = list(objects[:count])
    for number, op, operands, attrs, bodies, types, where, more in records:
        node = known.get(number)
        if node is None:
            op = OPS[op] if isinstance(op, str) else objects[op]
            types = [(TensorType(*t[:3]), t[3]) for t in types]
            node = Apply(op, [variables[i] for i in operands], [t for t, _ in types], attrs, () if bodies is None else objects[bodies], where)
            known[number] = _finished(node, types, [(k, objects[i]) for k, i in more])
        variables.extend(node.outputs)
    return [variables[i] for i in targets]


def _finished(node, types, more):
    for v, (_, name) in zip(node.outputs, types):
        v.name = name
    for k, (tag, own) in more:
        node.outputs[k]._tag = tag
        if own is not None:
            node.outputs[k].__dict__ = own      # itself: it may still be filled, when it refers to what is being made
    return node


def _unpack_one(session, text, objects):
    return unpack(session, text, objects)[0]


def _unpack_body(params, *packed):
    variables = unpack(*packed)
    return Lambda(variables[:params], variables[params:])


def _reduce(v):
    if v.owner is not None:
        return _unpack_one, pack([v])
    return type(v), (v.type, v.name), state_of(v)


def _reduce_constant(v):
    return type(v), (v.type, v.data, v.name), state_of(v)


def _reduce_body(body):
    return _unpack_body, (len(body.params), *pack([*body.params, *body.outputs]))


def state_of(v):
    """What ``__setstate__`` of a variable takes: its tag, the user's line, the attributes a user gave it."""
    return v._tag, v.where, v.__dict__ or None


def _set_state(v, state):
    v._tag, v.where, own = state
    v.__dict__.update(own or {})


Variable.__reduce__ = _reduce
Variable.__setstate__ = _set_state
Constant.__reduce__ = _reduce_constant
Lambda.__reduce__ = _reduce_body
