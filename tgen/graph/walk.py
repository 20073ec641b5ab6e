"""Walks over the graph, none of them recursive: order, leaves, copies with replacements."""

from .nodes import Apply, Lambda, Variable, infer, mentioned


def toposort(outputs, stop=()):
    """The Apply nodes that ``outputs`` need, producers first. Variables in ``stop`` count as inputs."""
    stop, order, seen, opened = set(stop), [], set(), []
    stack = [v.owner for v in outputs if v.owner is not None and v not in stop]
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:  # all that the last opened node needs is in order
            order.append(opened.pop())
        elif node not in seen:
            seen.add(node)
            waiting = [
                v.owner for v in node.inputs if v.owner is not None and v.owner not in seen and v not in stop
            ]
            if not waiting:
                order.append(node)
                continue
            opened.append(node)
            stack.append(None)
            waiting.reverse()
            stack += waiting
    return order


def leaves(outputs, stop=(), order=None):
    """The variables without an owner (or in ``stop``) that ``outputs`` need, each once, in order of first
    use.

    ``order``: the toposort of the same, where it was made already.
    """
    outputs, found, stop = list(outputs), {}, set(stop)
    for node in toposort(outputs, stop) if order is None else order:
        for v in node.inputs:
            if v.owner is None or v in stop:
                found[v] = None
    for v in outputs:
        if v.owner is None or v in stop:
            found.setdefault(v)
    return list(found)


def ancestors(outputs, stop=()):
    """Every variable that ``outputs`` need, ``outputs`` among them."""
    outputs = list(outputs)
    found = dict.fromkeys(outputs)
    for node in reversed(toposort(outputs, stop)):
        found.update(dict.fromkeys(node.inputs))
    return list(found)


def heard_of(outputs):
    """The set of variables that ``outputs`` need, or were asked of (``mention``)."""
    found, waiting = set(), list(outputs)
    while waiting:
        new = [v for v in ancestors(waiting) if v not in found]
        found.update(new)
        waiting = [v for mentioning in new for v in mentioned(mentioning) if v not in found]
    return found


def clone(outputs, replace, retype=False):
    """Copies of ``outputs`` in which each key of ``replace`` (variable -> variable) is replaced; shared parts
    stay shared.

    What does not depend on a key is not copied. With ``retype`` types are inferred anew.
    """
    if not replace:
        return list(outputs)
    new = dict(replace)
    for node in toposort(outputs, replace):
        operands = [new.get(v, v) for v in node.inputs]
        if all(a is b for a, b in zip(operands, node.inputs)):
            continue
        twin = again(node, operands, retype)
        for old, fresh in zip(node.outputs, twin.outputs):
            label(fresh, old)
            new.setdefault(old, fresh)
    return [new.get(v, v) for v in outputs]


def label(fresh, old):
    """Name and tag of ``old`` for its copy: a test value too, where the type is the same."""
    fresh.name = old.name
    if old._tag is not None:
        fresh.tag.__dict__.update(
            (k, x) for k, x in vars(old._tag).items() if k != "test_value" or fresh.type == old.type
        )


def again(node, operands, retype=False):
    """The application of ``node`` to other operands; with ``retype`` its result types are inferred anew."""
    if retype and node.primitive.again is not None:
        return node.primitive.again(node, operands)
    bodies = fitting(node, operands) if retype else node.bodies
    types = infer(node.primitive, operands, node.attrs, bodies) if retype else [v.type for v in node.outputs]
    return Apply(node.op, operands, types, node.attrs, bodies, node.where)


def inside_out(nodes):
    """("apply", node) for each of ``nodes``; before one with bodies, for each body ("open", body), what its
    outputs need in the same way, ("close", body).
    """
    stack = [*reversed(nodes)]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple) or not item.bodies:
            yield item if isinstance(item, tuple) else ("apply", item)
            continue
        stack.append(("apply", item))
        for body in reversed(item.bodies):
            stack += [("close", body), *reversed(toposort(body.outputs, body.params)), ("open", body)]


def fitting(node, operands):
    """The bodies of ``node`` for other ``operands``: where their types are not those it has, copies that take
    such types.
    """
    if not node.bodies or all(a.type == b.type for a, b in zip(operands, node.inputs)):
        return node.bodies
    return tuple(
        retyped(body, types)
        for body, types in zip(node.bodies, node.primitive.params([v.type for v in operands], node.attrs))
    )


def retyped(body, types):
    """A copy of a Lambda whose parameters have ``types``."""
    params = [Variable(t, v.name) for v, t in zip(body.params, types)]
    return Lambda(params, clone(body.outputs, dict(zip(body.params, params)), retype=True))
