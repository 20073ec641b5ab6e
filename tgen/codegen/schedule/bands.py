"""The bands of a nest and the loops of a band.

A band's loops stand one in the other; beside one of them may stand loops that start or store what it
accumulates. So a band has one *main* chain of loops, and that is what rewrites change.
"""

from dataclasses import replace

from ..nest import Accumulate, Band, Bin, For, Int, Let, Select


def each(nodes, change):
    """``nodes`` with ``change(band)`` for every band, inner ones first."""
    made = None  # most nodes stay what they are
    for k, node in enumerate(nodes):
        if isinstance(node, (Band, For)) and (new := _each(node, change)) is not node:
            made = made or list(nodes)
            made[k] = new
    return nodes if made is None else tuple(made)


def _each(node, change):
    node = with_body(node, each(node.body, change))
    return change(node) if isinstance(node, Band) else node


def with_body(node, body):
    """The loop or band with this body, itself where that is its own: most of them a rewrite leaves alone."""
    return node if body is node.body else replace(node, body=body)


def with_loop(nodes, k, body):
    """``nodes`` whose loop number k has this body."""
    loop = with_body(nodes[k], body)
    return nodes if loop is nodes[k] else (*nodes[:k], loop, *nodes[k + 1 :])


def main(nodes):
    """The place among ``nodes`` of the band's own loop: the one that accumulates, if there are several."""
    loops = [k for k, node in enumerate(nodes) if type(node) is For]
    if len(loops) < 2:
        return loops[0] if loops else None
    return next(k for k in loops if _accumulates(nodes[k].body))


def _accumulates(nodes):
    """Whether statements accumulate, in loops and bands among them, too."""
    return any(
        isinstance(node, Accumulate) or isinstance(node, (For, Band)) and _accumulates(node.body)
        for node in nodes
    )


def chain(nodes):
    """The main loops, from the outermost to the innermost."""
    found = []
    while (k := main(nodes)) is not None:
        found.append(nodes[k])
        nodes = nodes[k].body
    return found


def innermost(nodes, change):
    """``nodes`` with the innermost main loop replaced by the statements ``change(loop)``."""
    k = main(nodes)
    if k is None:
        return nodes
    loop = nodes[k]
    if main(loop.body) is not None:
        return with_loop(nodes, k, innermost(loop.body, change))
    made = change(loop)
    return nodes if len(made) == 1 and made[0] is loop else (*nodes[:k], *made, *nodes[k + 1 :])


def accumulators(loop):
    """What a loop's body accumulates, but for inner loops and bands."""
    return [node.of for node in loop.body if isinstance(node, Accumulate)]


def has_bands(loop):
    return any(isinstance(node, Band) for node in loop.body)


def smaller(x, y):
    return Select(Bin("<", x, y), x, y)


def strip(var, low, high, length, end, body):
    """A loop over strips of ``length``: from ``var`` to below ``end``."""
    return bounded(For(var, low, high, (Let(end, high), *body), step=length), low, high)


def bounded(loop, low, high):
    """A loop, or a loop over strips, from ``low`` to below ``high``."""
    body = loop.body
    if loop.step != 1:
        end = Let(body[0].name, smaller(Bin("+", loop.var, Int(loop.step)), high))
        body = (end, *body[1:])
    return replace(loop, low=low, high=high, body=body)
