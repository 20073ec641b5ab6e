"""The value of a graph by Op.eval alone: what a compiled function is compared with, without any compiler."""

import numpy as np

from tgen.graph.nodes import Constant
from tgen.graph.walk import toposort


def evaluate(outputs, values):
    """The arrays of ``outputs`` when the inputs have ``values`` (variable -> array)."""
    known = {v: np.asarray(a, v.type.dtype) for v, a in values.items()}

    def value(v):
        return v.data if isinstance(v, Constant) else known[v]

    for node in toposort(outputs, values):
        op = node.op
        count = op.sizes(node.attrs) if callable(op.sizes) else op.sizes
        arrays = node.inputs[:-count] if count else node.inputs
        sizes = tuple(int(value(v)) for v in node.inputs[len(arrays) :])
        if op.eval is None:  # a loop
            result = op.values(node, list(map(value, node.inputs)))
        else:
            result = op.eval(node.attrs, sizes, *map(value, arrays))
        results = result if isinstance(result, tuple) else (result,)
        for v, array in zip(node.outputs, results):
            check(v, array, op)
            known[v] = array
    return [value(v) for v in outputs]


def check(v, array, op):
    """A result has the dtype, rank and static sizes that infer promised."""
    if (
        array.dtype != v.type.dtype
        or array.ndim != v.ndim
        or any(s not in (None, n) for s, n in zip(v.type.shape, array.shape))
    ):
        raise AssertionError(f"{op} gave {array.dtype}{array.shape}, its type is {v.type}")
