"""FunctionGraph: the graph of one function as an object to walk; and the walks of Theano's ``gof.graph``."""
from .nodes import Constant
from .walk import ancestors, clone, leaves, toposort


class FunctionGraph:
    """A graph between ``inputs`` and ``outputs``, as it was before anything was compiled. ``f.maker.fgraph`` is a function's.

    ``updates`` are the (shared variable, new value) pairs of a function; their new values count as outputs for the walks.

    >>> import tgen, tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> f = tgen.function([x], T.exp(x) + 1)
    >>> [node.op for node in f.maker.fgraph.toposort()]
    [exp, add]
    """

    def __init__(self, inputs, outputs, updates=(), clone=False, features=()):
        self.inputs, self.outputs, self.updates = list(inputs), list(outputs), list(updates)

    def _ends(self):
        return self.outputs + [value for _, value in self.updates]

    def toposort(self):
        """The Apply nodes, producers first."""
        return toposort(self._ends(), self.inputs)

    apply_nodes = property(lambda self: set(self.toposort()))
    variables = property(lambda self: set(ancestors(self._ends(), self.inputs)) | set(self.inputs))

    def __repr__(self):
        return f"FunctionGraph({self.inputs} -> {self.outputs})"


def io_toposort(inputs, outputs):
    """The Apply nodes between ``inputs`` and ``outputs``, producers first.

    >>> import tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> y = T.exp(x)
    >>> io_toposort([y], [T.log(y)])
    [log(exp.0)]
    """
    return toposort(outputs, inputs)


def list_of_nodes(inputs, outputs):
    """The Apply nodes between ``inputs`` and ``outputs``."""
    return toposort(outputs, inputs)


ops = list_of_nodes


def variables(inputs, outputs):
    """The variables between ``inputs`` and ``outputs``, both included."""
    return list(dict.fromkeys([*inputs, *ancestors(outputs, inputs), *outputs]))


def orphans(inputs, outputs):
    """The variables without an owner that ``outputs`` need beside ``inputs``: constants and shared variables among them.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> orphans([x], [x * y])
    [y]
    """
    given = set(inputs)
    return [v for v in leaves(outputs, inputs) if v not in given]


def variables_and_orphans(inputs, outputs):
    """(variables, orphans) between ``inputs`` and ``outputs``."""
    return variables(inputs, outputs), orphans(inputs, outputs)


def is_in_ancestors(node, ancestor):
    """Whether the Apply ``node`` needs the Apply ``ancestor`` (or is it).

    >>> import tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> y = T.exp(x)
    >>> is_in_ancestors((y + 1).owner, y.owner)
    True
    """
    return ancestor in toposort(node.outputs)


def is_same_graph(var1, var2, givens=None, debug=False):
    """Whether two variables are the same computation: the same ops with the same attributes, on the same leaves.

    Constants are the same when their types and values are. ``givens`` ({variable: replacement}) are put in first. A
    computation that stands in one graph twice equals one that stands there once.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> is_same_graph(x * 2 + 1, x * 2 + 1), is_same_graph(x + y, y + x), is_same_graph(x + 1, y + 1, {x: y})
    (True, False, True)
    """
    first, second = _numbers(clone([var1, var2], dict(givens or {})))
    return first == second


def equal_computations(xs, ys, in_xs=None, in_ys=None):
    """Whether the variables ``xs`` are the same computations as ``ys``, one by one; ``in_xs`` stand for ``in_ys`` in them.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> equal_computations([x * 2, x + 1], [y * 2, y + 1], [x], [y]), equal_computations([x * 2], [y * 2])
    (True, False)
    """
    if len(xs) != len(ys) or len(in_xs or ()) != len(in_ys or ()):
        raise ValueError("equal_computations compares as many variables as there are others")
    numbers = _numbers([*xs, *clone(list(ys), dict(zip(in_ys or (), in_xs or ())))])
    return numbers[:len(xs)] == numbers[len(xs):]


def _numbers(outputs):
    """A number for each variable, equal ones for the same computation."""
    known, number = {}, {}
    for v in leaves(outputs):
        key = ("constant", v.type, v.data.tobytes(), v.data.shape) if isinstance(v, Constant) else ("leaf", id(v))
        number[v] = known.setdefault(key, len(known))
    for node in toposort(outputs):
        key = node.op, repr(sorted(node.attrs.items())), node.bodies, tuple(number[v] for v in node.inputs)
        for v in node.outputs:
            number[v] = known.setdefault((key, v.index), len(known))
    return [number[v] for v in outputs]
