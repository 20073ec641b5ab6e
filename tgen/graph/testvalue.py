"""``config.compute_test_value``: each op is computed at once on ``tag.test_value`` of its operands, so
mistakes show at their line.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import config
from tgen.core.op import SCALAR

if TYPE_CHECKING:
    from tgen.graph.nodes import Apply, Lambda


def compute(node: Apply) -> None:
    """Give the outputs of ``node`` test values. What is missing is an error, a warning or ignored, as the
    option says.

    ValueError, IndexError or TypeError of the op itself if the test values do not fit it.
    """
    values = []
    for k, v in enumerate(node.inputs):
        value = known(v)
        if value is None:
            _missing(f"Cannot compute test value: input {k} ({v}) of {node.op} has no tag.test_value")
            return
        values.append(value)
    for v, value in zip(node.outputs, _results(node, values)):
        v.tag.test_value = value


def _results(node: Apply, values: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """What a node makes of arrays."""
    op = node.primitive
    if op.values is not None:
        return op.values(node, values)
    count = op.sizes(node.attrs) if callable(op.sizes) else op.sizes
    arrays = values[:-count] if count else values
    if op.kind == SCALAR:
        _check_sizes(node, arrays)
    try:
        op.demand(arrays)
        results = op.eval(node.attrs, tuple(int(n) for n in values[len(arrays) :]), *arrays)
    except (ValueError, IndexError, TypeError) as error:
        if type(error) not in (ValueError, IndexError, TypeError):  # one of a user's op
            raise
        shapes = ", ".join(
            f"{v} of shape {str(np.shape(a)).replace(' ', '')}" for v, a in zip(node.inputs, arrays)
        )
        place = f" ({node.where[0]}:{node.where[1]})" if node.where else ""
        raise type(error)(
            f"{node.op} cannot be computed on the test values {shapes}: {error}{place}"
        ) from None
    return results if isinstance(results, tuple) else (results,)


def run(body: Lambda, order: Sequence[Apply], arguments: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What a Lambda makes of arrays; ``order`` are its nodes, producers first. As deep as
    loops are nested.
    """
    found: dict[Any, np.ndarray] = dict(zip(body.params, arguments))
    for node in order:
        found.update(zip(node.outputs, _results(node, [_array(v, found) for v in node.inputs])))
    return [_array(v, found) for v in body.outputs]


def _array(v: Any, found: dict[Any, np.ndarray]) -> np.ndarray:
    """That of a variable which was computed, or of a constant."""
    return found[v] if v in found else v.data


def known(v: Any) -> np.ndarray | None:
    """The test value of a variable: its tag's, a constant's data, a shared variable's value; else None."""
    if hasattr(v._tag, "test_value"):
        return v.type.filter(v._tag.test_value)
    if hasattr(v, "data"):
        return v.data
    return v.container.get(True) if hasattr(v, "container") else None


def _check_sizes(node: Apply, arrays: Sequence[np.ndarray]) -> None:
    """Only an axis that is 1 in the type broadcasts."""
    for axis in range(node.inputs[0].type.ndim):
        found = {a.shape[axis] for v, a in zip(node.inputs, arrays) if v.type.shape[axis] != 1}
        if len(found) > 1:
            raise ValueError(
                f"Input dimension mis-match: {node.op} of test values of shapes "
                f"{', '.join(str(np.shape(a)) for a in arrays)} at axis {axis}"
            )


def _missing(text: str) -> None:
    if config.compute_test_value == "raise":
        raise AttributeError(text)
    if config.compute_test_value == "warn":
        warnings.warn(text, stacklevel=5)
