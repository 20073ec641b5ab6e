"""The stable identities as grad uses them: through ``log`` and its kin the walk looks for those of ops/stable.py.

It differentiates what they put there instead, so the gradient of log(softmax(x)) does not overflow.
"""
from .build import apply, call, keep
from .match import instead, match
from .nodes import apply_op
from .walk import toposort

_LOG_SUM_EXP = ("log", ("sum", ("exp", "x")))


def through_log(walk, node):
    """Differentiate what a stable identity puts in the node's place; whether there is one."""
    v = node.outputs[0]
    for pattern, row in node.primitive.extra.get("stable", ()):
        found = match(pattern, v)
        if found and walk.fixed.isdisjoint(found.inner):
            _replay(walk, v, instead(row, found), found.bound.values())
            return True
    if node.primitive.name != "log":
        return False
    found = match(_LOG_SUM_EXP, v)
    if found and walk.fixed.isdisjoint(found.inner) and found.bound["x"] in walk.active:
        x, axes = found.bound["x"], found.nodes["sum"].attrs["axes"]
        a = walk.total(v)
        walk.give(x, lambda: _log_sum_exp_grad(walk.masks.masked(a), x, axes), branch=a.branch)
        return True
    return _under_moves(walk, node)


def _under_moves(walk, node):
    """log(softmax(x)[i]) is log(softmax(x))[i]: the log sinks below data movement to meet its partner."""
    moves, v = [], node.inputs[0]
    while v.owner is not None and v.owner.primitive.extra.get("moves") and v not in walk.fixed:
        moves.append(v.owner)
        v = v.owner.inputs[0]
    if not moves or v in walk.fixed or v.owner is None:
        return False
    if not (v.owner.primitive.extra.get("under_log") or match(_LOG_SUM_EXP[1], v)):
        return False
    moved = apply("log", v)
    for move in reversed(moves):
        moved, = apply_op(move.op, [moved, *move.inputs[1:]], move.attrs)
    _replay(walk, node.outputs[0], moved, (v,))
    return True


def _replay(walk, v, twin, stop):
    """Give v's adjoint to ``twin``, which equals v, and walk back from there to the variables in ``stop``."""
    order = toposort([twin], stop)
    for node in order:
        walk.activate(node)
    walk.terms[twin] = [walk.total(v)]
    for node in reversed(order):
        walk.visit(node)


def _log_sum_exp_grad(g, x, axes):
    """The adjoint times softmax(x), taken over all of ``axes`` together."""
    if len(axes) == 1:
        return keep(g, x, axes) * apply("softmax", x, axis=axes[0])
    top = apply("zero_grad", apply("max", x, axes=axes))     # the shift cancels, so nothing flows through it
    e = call.exp(x - keep(top, x, axes))
    return keep(g, x, axes) * (e / keep(apply("sum", e, axes=axes), x, axes))
