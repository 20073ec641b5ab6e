"""What graphs are on arrays, node by node, while a program grows: no pass, no compiler."""

import warnings

import numpy as np

from tgen.core.op import SCALAR
from tgen.graph import testvalue
from tgen.graph.nodes import Constant
from tgen.graph.shared import SharedVariable
from tgen.graph.walk import toposort


class Values(dict):
    """Variable -> array, of all that was computed so far."""

    def of(self, v):
        """The array of ``v``; what its ops raise passes through."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for node in toposort([v], self):
                arrays = [self.known(x) for x in node.inputs]
                if node.primitive.kind == SCALAR:
                    check_sizes(node, arrays)
                for x, array in zip(node.outputs, testvalue._results(node, arrays)):
                    self[x] = np.asarray(array)
        return self.known(v)

    def known(self, v):
        if v in self:
            return self[v]
        if isinstance(v, Constant):
            return v.data
        if isinstance(v, SharedVariable):
            return np.asarray(v.container.get(True))
        raise KeyError(v)


def error_class(error):
    """The built-in class that an error of a call must have."""
    return next(
        (
            c
            for c in (IndexError, AssertionError, ZeroDivisionError, TypeError, ValueError)
            if isinstance(error, c)
        ),
        type(error),
    )


def check_sizes(node, arrays):
    """Only an axis that is 1 in the type broadcasts."""
    for axis in range(node.inputs[0].type.ndim):
        found = {a.shape[axis] for v, a in zip(node.inputs, arrays) if v.type.shape[axis] != 1}
        if len(found) > 1:
            raise ValueError(f"sizes {sorted(found)} at axis {axis} of {node.primitive}")
