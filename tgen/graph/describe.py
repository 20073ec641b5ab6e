"""What an error calls a value the user gave no name: the named variable it was made of, through ops that keep
the axis in question.
"""

from tgen.core.op import REDUCE, SCALAR

KEEPING = ("unbroadcast", "rebroadcast", "softmax", "logsoftmax")


def axis_source(v, axis, known):
    """(variable, axis) that has the size of v's axis: the nearest variable with a name, else what the walk
    ends at.

    ``known``: what was found before, {(v, axis): source}; along a chain that is asked at every node the walk
    stays one.
    """
    path = []
    while (v, axis) not in known and v.name is None and v.owner is not None:
        behind = _behind(v.owner, axis)
        if behind is None:
            break
        path.append((v, axis))
        v, axis = behind
    found = known.get((v, axis), (v, axis))
    known.update(dict.fromkeys(path, found))
    return found


def source(v, known):
    """The nearest variable with a name that v was made of element by element; ``known`` as
    for axis_source.
    """
    path = []
    while (
        v not in known
        and v.name is None
        and v.owner is not None
        and (v.owner.primitive.kind == SCALAR or v.owner.primitive.name in KEEPING)
    ):
        operand = next(
            (x for x in v.owner.inputs if x.type.ndim == v.type.ndim and x.broadcastable == v.broadcastable),
            None,
        )
        if operand is None:
            break
        path.append(v)
        v = operand
    found = known.get(v, v)
    known.update(dict.fromkeys(path, found))
    return found


def _behind(node, axis):
    """(operand, axis) whose size is that of the result's axis, or None."""
    x, name = node.inputs[0] if node.inputs else None, node.primitive.name
    if node.primitive.kind == SCALAR:
        wide = next((x for x in node.inputs if x.type.shape[axis] != 1), None)
        return None if wide is None else (wide, axis)
    if name == "dimshuffle":
        old = node.attrs["order"][axis]
        return None if old == "x" else (x, old)
    if node.primitive.kind == REDUCE:
        return x, [a for a in range(x.type.ndim) if a not in node.attrs["axes"]][axis]
    if name == "dot":
        return (x, axis) if axis < x.type.ndim - 1 else (node.inputs[1], node.inputs[1].type.ndim - 1)
    if name == "gather":
        return _behind_gather(node, axis)
    return (x, axis) if name in KEEPING else None


def _behind_gather(node, axis):
    x, index, first = node.inputs[0], node.inputs[1], node.attrs["axis"]
    if axis < first:
        return x, axis
    if axis < first + index.type.ndim:
        return index, axis - first
    return x, axis - index.type.ndim + node.attrs["count"]
