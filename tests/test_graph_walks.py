"""Theano's walks over graphs, beside what Theano 1.0.5 gave for the same expressions (names of variables;
constants are left out).
"""

from collections import deque

import numpy as np
import pytest
import tgen.gof.graph as G

import tgen
import tgen.tensor as T

x, W, b, c = T.dvector("x"), T.dmatrix("W"), T.dvector("b"), T.dvector("c")
s = tgen.shared(np.ones(3), "s")
h = T.tanh(T.dot(x, W) + b)
o = h * s
p, q = T.exp(o), T.log(h)
r, t = p + q, T.dot(W, c)
h.name, o.name, p.name, q.name, r.name, t.name = "hopqrt"


def names(found):
    """The names of variables, and of the first results of nodes; of a tuple of lists a tuple."""
    if isinstance(found, tuple):
        return tuple(map(names, found))
    variables = [v.outputs[0] if hasattr(v, "outputs") else v for v in found]
    return [v.name for v in variables if v.name]


# an expression, and what Theano gave
ROWS = [
    ("G.inputs([W, b])", ["b", "W"]),
    ("G.inputs(reversed([W, b]))", ["W", "b"]),
    ("G.inputs(iter([h]))", ["x", "W", "b"]),
    ("G.inputs([r])", ["x", "W", "b", "s"]),
    ("G.inputs((r, t))", ["W", "c", "x", "b", "s"]),
    ("G.inputs(reversed([T.dot(x, W) + b, c * 2]))", ["x", "W", "b", "c"]),
    ("G.inputs([T.dot(x, W) + b, c * 2])", ["c", "x", "W", "b"]),
    ("G.inputs([r], [h])", ["s"]),
    ("G.inputs(deque([x, x, b]))", ["b", "x"]),
    ("G.inputs([T.dot(h, W), h, x])", ["x", "W", "b"]),
    ("G.inputs([T.switch(x > b, c, s)])", ["x", "b", "c", "s"]),
    ("G.inputs([T.concatenate([x, c, b])])", ["x", "c", "b"]),
    ("G.inputs([T.stack([x, c])])", ["x", "c"]),
    ("G.inputs([W[1:].T.sum(axis=0)])", ["W"]),
    ("G.inputs([T.grad(T.sum(h), W)])", ["x", "W", "b"]),
    ("G.inputs([T.maximum(x, 0.) + b ** 2])", ["x", "b"]),
    ("G.inputs([W[c.astype('int64')]])", ["W", "c"]),
    ("G.inputs([T.set_subtensor(x[:2], c)])", ["x", "c"]),
    ("G.inputs([T.nnet.categorical_crossentropy(T.nnet.softmax(W), c.astype('int64'))])", ["W", "c"]),
    ("G.inputs([T.clip(x, b, c)])", ["x", "b", "c"]),
    ("G.inputs([(x - b).norm(2)])", ["x", "b"]),
    ("G.inputs([W.flatten() + b.mean() * c.sum()])", ["W", "b", "c"]),
    ("G.ancestors([r])", ["r", "p", "o", "h", "x", "W", "b", "s", "q"]),
    ("G.ancestors(iter([r, t]))", ["t", "W", "c", "r", "p", "o", "h", "x", "b", "s", "q"]),
    ("G.ancestors([r], [h])", ["r", "p", "o", "h", "s", "q"]),
    ("G.ancestors([r, o], [o, q])", ["o", "r", "p", "q"]),
    ("G.variables_and_orphans([x, W, b], [r])", (["r", "p", "o", "h", "x", "W", "b", "s", "q"], ["s"])),
    ("G.variables([h], iter([r]))", ["r", "p", "o", "h", "s", "q"]),
    ("G.variables([x], [t, h])", ["h", "x", "W", "b", "t", "c"]),
    ("G.orphans([h], [r])", ["s"]),
    ("G.orphans([x], iter([r, t]))", ["W", "c", "b", "s"]),
    ("G.orphans([x, W], [h, t])", ["c", "b"]),
    ("sorted(names(G.ops([h], [r])))", ["o", "p", "q", "r"]),
    ("sorted(names(G.ops([x, W, b], iter([r, t]))))", ["h", "o", "p", "q", "r", "t"]),
    ("G.io_toposort([x, W, b, s, c], [r, t])", ["h", "q", "o", "p", "r", "t"]),
    ("G.io_toposort([h], [r])", ["q", "o", "p", "r"]),
    ("G.io_toposort([x, h], [t, r])", ["t", "q", "o", "p", "r"]),
    ("G.io_toposort([x], [r], clients={})", ["h", "q", "o", "p", "r"]),
    ("G.io_toposort([x], [r], orderings={q.owner: [p.owner]})", ["h", "o", "p", "q", "r"]),
    ("G.io_toposort([x], [r], orderings={o.owner: [q.owner]})", ["h", "q", "o", "p", "r"]),
    ("G.list_of_nodes([h], [r])", ["r", "p", "q", "o"]),
    ("G.list_of_nodes([x, W], [r, t])", ["r", "t", "p", "q", "o", "h"]),
    ("G.list_of_nodes([x], [t, r])", ["t", "r", "p", "q", "o", "h"]),
    ("G.list_of_nodes([o], [r])", ["r", "p", "q", "h"]),
    (
        "G.stack_search(deque([r]), lambda v: v.owner and v.owner.inputs)",
        ["r", "p", "q", "o", "h", "s", "b", "x", "W"],
    ),
    (
        "G.stack_search(deque([r]), lambda v: v.owner and v.owner.inputs, 'dfs')",
        ["r", "q", "h", "b", "W", "x", "p", "o", "s"],
    ),
    (
        "G.general_toposort([r], lambda v: v.owner and list(v.owner.inputs))",
        ["b", "W", "x", "s", "h", "q", "o", "p", "r"],
    ),
    ("G.view_roots(W.T[1:].reshape((6,)))", ["W"]),
    ("G.view_roots(h)", ["h"]),
    ("G.view_roots(W[0])", ["W"]),
    ("G.view_roots(x.dimshuffle('x', 0))", ["x"]),
    ("G.clone([x, W, b, s], [r])", (["x", "W", "b", "s"], ["r"])),
    ("G.clone([h], [r, t], copy_inputs=False)", (["h"], ["r", "t"])),
    ("[v is w for v, w in zip(sum(G.clone([x], [r, x], False), []), [x, r, x])]", [True, False, True]),
    (
        "[v is w for v, w in zip(G.inputs(G.clone([x], [r], copy_orphans=False)[1]), G.inputs([r]))]",
        [False, True, True, True],
    ),
    ("[v is w for v, w in zip(G.inputs(G.clone([x], [r])[1]), G.inputs([r]))]", [False, False, False, False]),
    (
        "[v is w for v, w in zip(G.inputs(G.clone([x], [r], False, True)[1]), G.inputs([r]))]",
        [True, False, False, False],
    ),
    ("names(G.clone_get_equiv([x], [h])[v] for v in [x, W, b, h])", ["x", "W", "b", "h"]),
    (
        "[G.is_in_ancestors(a.owner, b.owner) for a, b in [(r, h), (h, r), (o, q), (r, r)]]",
        [True, False, False, True],
    ),
    ("G.io_connection_pattern([x, c], [h, t, h + c])", [[True, False, True], [False, True, True]]),
    ("G.io_connection_pattern([x, W], [x.shape[0] * 1., h])", [[False, True], [False, True]]),
]


@pytest.mark.parametrize("expression, wanted", ROWS)
def test_walks_have_theanos_results_and_order(expression, wanted):
    found = eval(expression)
    flags = isinstance(found, list) and found and isinstance(found[0], (str, bool, list))
    assert (found if flags else names(found)) == wanted


# the walks, each with lists as its arguments
WALKS = [
    (G.inputs, [r, t]),
    (G.ancestors, [r, t]),
    (G.ancestors, [r], [h]),
    (G.variables, [h], [r]),
    (G.orphans, [h], [r]),
    (G.variables_and_orphans, [x, W], [h, t]),
    (G.ops, [h], [r]),
    (G.io_toposort, [h], [r, t]),
    (G.list_of_nodes, [h], [r, t]),
    (G.io_connection_pattern, [x, c], [h, t]),
    (G.inputs, []),
    (G.variables, [], []),
]


@pytest.mark.parametrize("row", WALKS)
@pytest.mark.parametrize(
    "kind", [iter, tuple, deque, lambda a: (v for v in a), lambda a: reversed(a[::-1]), dict.fromkeys]
)
def test_walks_take_what_can_be_iterated(row, kind):
    walk, *given = row
    assert walk(*map(kind, given)) == walk(*given)


def test_clones_of_iterators_compute_the_same():
    [x1, W1, b1, s1], [y] = G.clone(iter([x, W, b, s]), iter([o]))
    assert s1 is not s and s1.container is s.container and (x1.type, x1.name) == (x.type, "x")
    at = np.arange(3.0), np.eye(3), np.ones(3)
    assert (y.eval(dict(zip((x1, W1, b1), at))) == o.eval(dict(zip((x, W, b), at)))).all()
    memo = {}
    assert G.clone_get_equiv([x], [o], memo=memo) is memo
    assert memo[o.owner].op is o.owner.op and memo[o] is not o


def test_a_topological_order_of_contradicting_demands_is_refused():
    with pytest.raises(ValueError, match="cycles"):
        G.io_toposort([x], [r], orderings={h.owner: [r.owner]})
    with pytest.raises(TypeError, match="a set"):
        G.general_toposort([3], lambda n: set(range(n)))
    with pytest.raises(ValueError, match="mode"):
        G.stack_search([3], lambda n: None, "widest")


@pytest.mark.slow
def test_walks_of_long_graphs_are_not_recursive():
    deep = x
    for _ in range(20_000):
        deep = deep + deep
    assert G.inputs([deep]) == [x] == G.orphans([], [deep]) and G.view_roots(deep) == [deep]
    for walk in (G.io_toposort, G.ops, G.list_of_nodes):
        assert len(walk([x], [deep])) == 20_000
    assert G.io_connection_pattern([x], [deep]) == [[True]]
    assert G.inputs(G.clone([x], [deep], False)[1]) == [x]
