"""FunctionGraph: the graph of one function as an object to walk."""

from .walk import ancestors, toposort


class FunctionGraph:
    """A graph between ``inputs`` and ``outputs``, as it was before anything was compiled. ``f.maker.fgraph``
    is a function's.

    ``updates`` are the (shared variable, new value) pairs of a function; their new values count as outputs
    for the walks.

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
