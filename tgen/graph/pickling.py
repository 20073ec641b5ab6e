"""Graphs as pickles: the interior of a graph is flat bytes, its leaves are objects, so their identity is kept
by pickle and deepcopy.

``pack`` walks the graph once and writes one record per application, so depth costs no recursion. A leaf (an
input, a shared variable, a constant) is an object beside the bytes, as are the tags and attributes of
variables: what is pickled together with the graph and uses the same one gets the same one back. Each variable
of an object brings its own graph; applications that two of them have in common become one again by the number
they had when they were written, in the table of ``Session``.

The bytes are JSON, which is data and nothing else: all that is called or imported while a pickle is read is
named in the pickle itself, so an Unpickler with a find_class of its own sees it.
"""

from __future__ import annotations

import copyreg
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tgen.core.op import METHODS, OPS, Op
from tgen.core.types import TensorType

from .nodes import Apply, Lambda
from .walk import leaves, toposort

if TYPE_CHECKING:
    from types import SimpleNamespace

    from .nodes import Variable

_LITERALS = {str, int, bool, float, type(None)}


class Session:
    """What all graphs of one pickle share: the applications made of it, by number. Reading a pickle, or a
    deepcopy, makes one of its own of HERE.
    """

    def __init__(self) -> None:
        self.nodes: dict[int, Apply] = {}  # the number it had when it was written -> it

    def __reduce__(self) -> tuple[type[Session], tuple[()]]:
        return Session, ()


HERE = Session()

Packed: TypeAlias = tuple[Session, bytes, list[Any]]  # the objects are Variables, then whatever else is one
# what a user hung on output k: (k, (its tag, its attributes))
Hung: TypeAlias = tuple[int, tuple["SimpleNamespace | None", dict[str, Any] | None]]


def pack(variables: Sequence[Variable]) -> Packed:
    """(session, bytes, objects) for the graphs of ``variables``, shared parts once; ``unpack`` makes the
    variables again.

    >>> import copy, tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> a, b, c = unpack(*pack([x, x + 1, x + 1]))
    >>> a is x, b.owner.inputs[0] is x
    (True, True)
    """
    objects: list[Any] = leaves(variables)
    number = {v: i for i, v in enumerate(objects)}
    nodes = toposort(variables)
    count = len(objects)
    for v in (v for node in nodes for v in node.outputs):
        number[v] = len(number)
    records = [_record(node, number, objects) for node in nodes]
    text = json.dumps((count, records, [number[v] for v in variables]), separators=(",", ":"))
    return HERE, text.encode(), objects


def _record(node: Apply, number: dict[Variable, int], objects: list[Any]) -> tuple[Any, ...]:
    """An op of tgen goes by name; one of the user's, bodies, and what users hang on the outputs are objects.
    The caller keeps the node alive, so its id stays its own.
    """
    op: str | int = node.primitive.name if isinstance(node.op, Op) else _keep(node.op, objects)
    bodies = _keep(node.bodies, objects) if node.bodies else None
    attrs = node.attrs if all(map(_is_plain, node.attrs.values())) else _keep(node.attrs, objects)
    types = [(v.type.dtype, v.type.shape, v.type.weak, _name(v.name, objects)) for v in node.outputs]
    more = [
        (k, _keep((v._tag, v.__dict__ or None), objects))
        for k, v in enumerate(node.outputs)
        if v._tag is not None or v.__dict__
    ]
    return id(node), op, [number[v] for v in node.inputs], attrs, bodies, types, node.where, more


def _keep(thing: object, objects: list[Any]) -> int:
    """Put ``thing`` among the objects; its place there."""
    objects.append(thing)
    return len(objects) - 1


def _is_plain(value: object) -> bool:
    """Whether an attribute is what JSON gives back: a literal, or a tuple of such."""
    return type(value) in _LITERALS or type(value) is tuple and all(map(_is_plain, value))


def _name(name: str | None, objects: list[Any]) -> str | int | None:
    """A name as JSON has it; one of a class of the user's is an object."""
    return name if name is None or type(name) is str else _keep(name, objects)


def unpack(session: Session, text: bytes, objects: Sequence[Any]) -> list[Variable]:
    """The variables that ``pack`` was given, on the leaves in ``objects``.

    Raises ValueError for bytes that ``pack`` of this version did not write.
    """
    try:
        count, records, targets = json.loads(text)
    except (ValueError, TypeError) as error:
        raise ValueError("these bytes are no graph of this version of tgen") from error
    known: dict[int, Apply] = {} if session is HERE else session.nodes
    variables: list[Variable] = list(objects[:count])
    for number, op, operands, attrs, bodies, types, where, more in records:
        node = known.get(number)
        if node is None:
            attrs = objects[attrs] if isinstance(attrs, int) else {k: _tuples(a) for k, a in attrs.items()}
            node = Apply(
                _op(op, objects),
                [variables[i] for i in operands],
                [TensorType(dtype, tuple(shape), weak) for dtype, shape, weak, _ in types],
                attrs,
                () if bodies is None else objects[bodies],
                _tuples(where),
            )
            names = [objects[name] if isinstance(name, int) else name for *_, name in types]
            known[number] = _finished(node, names, [(k, objects[i]) for k, i in more])
        variables.extend(node.outputs)
    return [variables[i] for i in targets]


def _op(op: str | int, objects: Sequence[Any]) -> Any:
    """The op of a record: one of tgen by its name, or the user's object."""
    if not isinstance(op, str):
        return objects[op]
    if op not in OPS:
        raise ValueError(f"this pickle uses the op {op!r}, which this version of tgen does not have")
    return OPS[op]


def _tuples(value: Any) -> Any:
    """What JSON read, with tuples again in the places of lists."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _finished(node: Apply, names: Sequence[str | None], more: Sequence[Hung]) -> Apply:
    for v, name in zip(node.outputs, names):
        v.name = name
    for k, (tag, own) in more:
        node.outputs[k]._tag = tag
        if own is not None:
            # itself: it may still be filled, when it refers to what is being made
            node.outputs[k].__dict__ = own
    return node


def _unpack_one(session: Session, text: bytes, objects: Sequence[Any]) -> Variable:
    return unpack(session, text, objects)[0]


def _unpack_body(params: int, session: Session, text: bytes, objects: Sequence[Any]) -> Lambda:
    variables = unpack(session, text, objects)
    return Lambda(variables[:params], variables[params:])


def _reduce(v: Variable) -> tuple[Callable[..., Variable], Packed]:
    """What stands in a pickle for a variable that was made: its graph."""
    return _unpack_one, pack([v])


def _reduce_body(body: Lambda) -> tuple[Callable[..., Lambda], tuple[int, Session, bytes, list[Any]]]:
    return _unpack_body, (len(body.params), *pack([*body.params, *body.outputs]))


METHODS["_reduce"] = _reduce
copyreg.pickle(Lambda, _reduce_body)
