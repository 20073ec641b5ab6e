"""Theano's walks over graphs (``theano.gof.graph``), with its order: programs take the parameters of a model
from them by place.

Graphs are given as lists, tuples or iterators. A list that comes back has each element once, in the order of
Theano's search: from the last of the variables given to the first, and from each along its first input
(``ancestors``, ``inputs``), or one level after the other (``list_of_nodes``). Walks stop at the inputs given.
Nothing here is recursive.
"""

from collections import deque
from contextlib import contextmanager

from tgen.core.op import Op
from tgen.graph.grad import flowing
from tgen.graph.nodes import Apply, Constant, Variable
from tgen.graph.shared import SharedVariable
from tgen.graph.walk import again, label, leaves, toposort
from tgen.graph.walk import clone as replaced

# the ops whose result is their first operand's memory in Theano
_VIEWS = ("dimshuffle", "reshape", "slice", "rebroadcast", "unbroadcast")


def stack_search(start, expand, mode="bfs", build_inv=False):
    """What is reached from ``start``, each once, in the order of the search ("bfs" or "dfs").

    ``expand(x)`` gives the things next to x, or None. With ``build_inv`` also {thing: the things it was
    reached from}. A deque given as ``start`` is empty afterwards. ValueError for another mode.

    >>> import tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> stack_search([x * x], lambda v: v.owner and v.owner.inputs)[1:]
    [x]
    """
    if mode not in ("bfs", "dfs"):
        raise ValueError(f'mode is "bfs" or "dfs"; got {mode!r}')
    waiting = start if isinstance(start, deque) else deque(start)
    take = waiting.popleft if mode == "bfs" else waiting.pop
    found, back = {}, {}
    while waiting:
        x = take()
        if x in found:
            continue
        found[x] = None
        more = list(expand(x) or ())
        for y in more:
            back.setdefault(y, []).append(x)
        waiting.extend(more)
    return (list(found), back) if build_inv else list(found)


def ancestors(variable_list, blockers=None):
    """Every variable that ``variable_list`` need, these among them. What the ``blockers`` need is left out,
    they are not.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> ancestors([x * y, y])[1:], ancestors(iter([y]))
    ([mul.0, x], [y])
    """
    blocked = set(blockers or ())

    def behind(v):
        return v.owner and v not in blocked and reversed(v.owner.inputs)

    return stack_search(variable_list, behind, "dfs")


def inputs(variable_list, blockers=None):
    """The variables without an owner that ``variable_list`` need: constants and shared variables among them.

    >>> import tgen.tensor as T
    >>> W, b, x = T.dmatrix("W"), T.dvector("b"), T.dvector("x")
    >>> inputs([T.dot(W, x) + b]), inputs([W, b]), inputs(reversed([W, b]))
    ([W, x, b], [b, W], [W, b])
    """
    return [v for v in ancestors(variable_list, blockers) if v.owner is None]


# -- between inputs and outputs ------------------------------------------------------------------------------


def variables_and_orphans(i, o):
    """(variables, orphans) between the variables ``i`` and ``o``, see these two functions."""
    given = set(i)

    def around(v):
        return v.owner and v not in given and [*reversed(v.owner.outputs), *reversed(v.owner.inputs)]

    found = stack_search(o, around, "dfs")
    return found, [v for v in found if v.owner is None and v not in given]


def variables(i, o):
    """The variables that ``o`` need when ``i`` are given, both included; of a node with several results all
    of them.
    """
    return variables_and_orphans(i, o)[0]


def orphans(i, o):
    """The variables without an owner that ``o`` need beside ``i``: constants and shared variables among them.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> orphans([x], [x * y])
    [y]
    """
    return variables_and_orphans(i, o)[1]


def ops(i, o):
    """The set of Apply nodes between the variables ``i`` and ``o``."""
    given = set(i)
    return {v.owner for v in variables(given, o) if v.owner is not None and v not in given}


def list_of_nodes(inputs, outputs):
    """The Apply nodes between ``inputs`` and ``outputs``, from the outputs on, one level after the other."""
    given = set(inputs)

    def behind(node):
        made = (v.owner for v in node.inputs if v.owner is not None)
        return [owner for owner in made if given.isdisjoint(owner.outputs)]

    return stack_search([v.owner for v in outputs if v.owner is not None], behind)


def io_toposort(inputs, outputs, orderings=None, clients=None):
    """The Apply nodes between ``inputs`` and ``outputs``, producers first, the last operand of a node before
    its first.

    ``orderings`` ({node: list of nodes}) says what else comes before a node; a dict given as ``clients`` gets
    {variable or node: what reads it}. ValueError for orderings that contradict each other.

    >>> import tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> y = T.exp(x)
    >>> io_toposort([y], [T.log(y)]), io_toposort([x], [y * T.cos(x)])
    ([log(exp.0)], [cos(x), exp(x), mul(exp.0, cos.0)])
    """
    outputs, done = list(outputs), set(inputs)
    if orderings or clients is not None:
        return _ordered(outputs, done, orderings or {}, clients)
    waiting, order = [v.owner for v in reversed(outputs) if v.owner is not None], []
    while waiting:
        node = waiting.pop()
        if node.outputs[0] in done:
            continue
        if all(v in done or v.owner is None for v in node.inputs):
            done.update(node.outputs)
            order.append(node)
        else:
            waiting.append(node)
            waiting.extend(v.owner for v in node.inputs if v.owner is not None)
    return order


def _ordered(outputs, given, orderings, clients):
    def behind(item):
        if item in given:
            return []
        direct = item.inputs if isinstance(item, Apply) else filter(None, [item.owner])
        return [*direct, *orderings.get(item, ())]

    return [item for item in general_toposort(outputs, behind, clients=clients) if isinstance(item, Apply)]


def general_toposort(
    outputs, deps, debug_print=False, compute_deps_cache=None, deps_cache=None, clients=None
):
    """``outputs`` and what they depend on, directly or not, what others need first; ``deps(x)`` is a list of
    what x needs, or None.

    A dict given as ``clients`` gets {x: what needs it}. ``compute_deps_cache`` and ``deps_cache`` are
    Theano's: a function as ``deps`` and the dict that it keeps its answers in. TypeError for dependences
    without an order, ValueError for a cycle.

    >>> general_toposort([3], lambda n: list(range(n)))
    [0, 1, 2, 3]
    """
    known = {} if deps_cache is None else deps_cache

    def behind(x):
        if x not in known or compute_deps_cache is not None:
            needed = (compute_deps_cache or deps)(x)
            if isinstance(needed, (set, frozenset)):
                raise TypeError(f"what {x} depends on is a set, which has no order: give a list")
            known[x] = list(needed or ())
        return known[x]

    found, back = stack_search(list(outputs), behind, "dfs", True)
    if clients is not None:
        clients.update(back)
    missing = {x: set(known[x]) for x in found}
    ready, order = deque(x for x in found if not missing[x]), []
    while ready:
        x = ready.popleft()
        order.append(x)
        for client in dict.fromkeys(back.get(x, ())):
            missing[client].discard(x)
            if not missing[client]:
                ready.append(client)
    if len(order) != len(found):
        raise ValueError("graph contains cycles")
    return order


def io_connection_pattern(inputs, outputs):
    """For each of ``inputs`` a list: for each of ``outputs``, whether a gradient flows from
    it to the input.
    """
    inputs, outputs = list(inputs), list(outputs)
    reached = {v: {k} for k, v in reversed(list(enumerate(inputs)))}
    for node in io_toposort(inputs, outputs):
        table = _connections(node)
        for k, out in enumerate(node.outputs):
            sources = (reached.get(v, ()) for v, row in zip(node.inputs, table) if row[k])
            reached[out] = set().union(*sources)
    return [[k in reached.get(out, ()) for out in outputs] for k in range(len(inputs))]


def _connections(node):
    """Per input a list: per output whether a gradient may flow between them. Of our own ops an input has it
    from all outputs or none.
    """
    pattern = getattr(node.op, "connection_pattern", None)
    if callable(pattern):
        return pattern(node)
    passing = set(flowing(node))
    return [[v in passing] * len(node.outputs) for v in node.inputs]


def is_in_ancestors(l_node, f_node):
    """Whether the Apply ``l_node`` needs the Apply ``f_node`` (or is it).

    >>> import tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> y = T.exp(x)
    >>> is_in_ancestors((y + 1).owner, y.owner)
    True
    """
    return f_node in toposort(l_node.outputs)


def view_roots(r):
    """The variables whose memory ``r`` is a view of, in Theano's sense: through transpositions, reshapes,
    slices and users' view_maps.

    >>> import tgen.tensor as T
    >>> x = T.dmatrix("x")
    >>> view_roots(x.T[1:].reshape((6,))), view_roots(x + 1)
    ([x], [add.0])
    """
    found, waiting = [], [r]
    while waiting:
        v = waiting.pop()
        below = _viewed(v)
        if below:
            waiting.extend(reversed(below))
        else:
            found.append(v)
    return found


def _viewed(v):
    """The operands that the memory of v belongs to; none when it has its own."""
    if v.owner is None:
        return []
    node = v.owner
    places = (getattr(node.op, "view_map", None) or {}).get(v.index)
    if places is None:
        scalar_index = node.primitive.name == "gather" and all(index.ndim == 0 for index in node.inputs[1:])
        places = [0] if node.primitive.name in _VIEWS or scalar_index else []
    return [node.inputs[k] for k in places]


# -- copies --------------------------------------------------------------------------------------------------


def clone(i, o, copy_inputs=True, copy_orphans=None):
    """(copies of the variables ``i``, copies of the variables ``o``), with all nodes between them.

    copy_inputs    False: the copy stands on the variables ``i`` themselves
    copy_orphans   the same for the other variables without an owner; None: as ``copy_inputs``

    A copy of a shared variable has the same value.

    >>> import tgen, tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> [a], [z] = clone([x], [x * y], copy_orphans=False)
    >>> a is not x, z.owner.inputs[1] is y, z.eval({a: 2.0, y: 3.0})
    (True, True, array(6.))
    """
    i, o = list(i), list(o)
    twins = clone_get_equiv(i, o, copy_inputs, copy_inputs if copy_orphans is None else copy_orphans)
    return [twins[v] for v in i], [twins[v] for v in o]


def clone_get_equiv(inputs, outputs, copy_inputs=True, copy_orphans=True, memo=None):
    """{variable or Apply node: its copy} of all between ``inputs`` and ``outputs``, see ``clone``; a dict
    given as ``memo`` is filled.
    """
    inputs, outputs = list(inputs), list(outputs)
    twins = {} if memo is None else memo
    for v in inputs:
        twins.setdefault(v, _twin(v) if copy_inputs else v)
    for node in io_toposort(inputs, outputs):
        for v in node.inputs:
            if v not in twins:
                twins[v] = _twin(v) if copy_orphans else v
        fresh = again(node, [twins[v] for v in node.inputs])
        twins.setdefault(node, fresh)
        for v, twin in zip(node.outputs, fresh.outputs):
            label(twin, v)
            twins.setdefault(v, twin)
    for v in outputs:
        if v not in twins:
            twins[v] = _twin(v)
    return twins


def _twin(v):
    """A copy of a variable, without its owner."""
    if isinstance(v, SharedVariable):
        return v.clone()
    twin = Constant(v.type, v.data) if isinstance(v, Constant) else Variable(v.type)
    label(twin, v)
    return twin


@contextmanager
def nodes_constructed():
    """A list that the variables made inside of the ``with`` are put into.

    >>> import tgen.tensor as T
    >>> with nodes_constructed() as made:
    ...     y = T.exp(T.dscalar("x"))
    >>> made
    [x, exp.0]
    """
    made = []
    Variable.append_construction_observer(made.append)
    try:
        yield made
    finally:
        Variable.remove_construction_observer(made.append)


# -- the same computation ------------------------------------------------------------------------------------


def is_same_graph(var1, var2, givens=None, debug=False):
    """Whether two variables are the same computation: the same ops with the same attributes, on the same
    leaves.

    Constants are the same when their types and values are. ``givens`` ({variable: replacement}) are put in
    first. A computation that stands in one graph twice equals one that stands there once.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> is_same_graph(x * 2 + 1, x * 2 + 1), is_same_graph(x + y, y + x), is_same_graph(x + 1, y + 1, {x: y})
    (True, False, True)
    """
    first, second = _numbers(replaced([var1, var2], dict(givens or {})))
    return first == second


def equal_computations(xs, ys, in_xs=None, in_ys=None):
    """Whether the variables ``xs`` are the same computations as ``ys``, one by one; ``in_xs`` stand for
    ``in_ys`` in them.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> equal_computations([x * 2, x + 1], [y * 2, y + 1], [x], [y]), equal_computations([x * 2], [y * 2])
    (True, False)
    """
    xs, ys, in_xs, in_ys = (list(vs or ()) for vs in (xs, ys, in_xs, in_ys))
    if len(xs) != len(ys) or len(in_xs) != len(in_ys):
        raise ValueError("equal_computations compares as many variables as there are others")
    numbers = _numbers([*xs, *replaced(ys, dict(zip(in_ys, in_xs)))])
    return numbers[: len(xs)] == numbers[len(xs) :]


def _numbers(outputs):
    """A number for each variable, equal ones for the same computation."""
    known, number = {}, {}
    for v in leaves(outputs):
        key = ("leaf", id(v))
        if isinstance(v, Constant):
            key = "constant", v.type, v.data.tobytes(), v.data.shape
        number[v] = known.setdefault(key, len(known))
    for node in toposort(outputs):
        op = node.primitive if isinstance(node.op, Op) else node.op
        key = op, repr(sorted(node.attrs.items())), node.bodies, tuple(number[v] for v in node.inputs)
        for v in node.outputs:
            number[v] = known.setdefault((key, v.index), len(known))
    return [number[v] for v in outputs]
