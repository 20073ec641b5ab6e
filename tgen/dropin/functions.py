"""What Theano's functions show of themselves, for programs that look: ``f.maker``, ``f.input_storage`` and
their kin, and the graph of a function as an object to walk.

``SHOWN`` is the table; a Function finds its rows by ``runtime.hooks.ATTRIBUTES``.
"""

from types import SimpleNamespace

from tgen.graph.walk import ancestors, toposort
from tgen.runtime import hooks


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


def maker(f):
    """What a function was made of: inputs (of In), outputs (of Out), mode, ``fgraph`` and name."""
    r = f.request
    return SimpleNamespace(
        inputs=list(r.ins),
        outputs=list(r.outs),
        mode=r.mode,
        fgraph=FunctionGraph(r.inputs, r.outputs, r.updates),
        name=f.name,
    )


def output_storage(f):
    """One empty place per output: results are not kept."""
    return [SimpleNamespace(value=None, type=v.type) for v in f.request.outputs]


def defaults(f):
    """(whether a call must give it, True, the default) of each input."""
    return [(place.default is None, True, place.default) for place in f.bound.explicit]


def _nothing():
    """Let go of memory, or wait for shared variables on other devices: there is none of either."""


# attribute of a function -> what it is of a Function
SHOWN = {
    "maker": maker,
    "vm": lambda f: f.fn,
    "input_storage": lambda f: f.bound.places(),  # one per input, implicit ones last
    "output_storage": output_storage,
    "unpack_single": lambda f: f.request.unpack,
    "return_none": lambda f: False,
    "output_keys": lambda f: f.request.keys,
    "defaults": defaults,
    "indices": lambda f: [(i, [], [i]) for i in f.request.ins],
    "finder": lambda f: f.bound.table(),
    "container": lambda f: f.bound.table(),
    "value": lambda f: f,
    "free": lambda f: _nothing,
    "sync_shared": lambda f: _nothing,
}
hooks.ATTRIBUTES.update(SHOWN)
