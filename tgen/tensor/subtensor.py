"""set_subtensor and inc_subtensor: the steps of x[key] walked back, each part written into what it was taken
from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.graph import sizes
from tgen.graph.nodes import Variable

from .apply import apply, reorder
from .elemwise import elemwise
from .indexing import ORIGINS, Move, Slice, apply_step
from .manipulate import to_sizes
from .promotion import cast
from .variable import as_tensor_variable

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand

__all__ = ["set_subtensor", "inc_subtensor"]


def _origin(x, what):
    found = ORIGINS.get(x) if isinstance(x, Variable) else None
    if found is None:
        raise TypeError(f"{what} wants an indexed variable such as W[0, :] as its first argument, got {x}")
    return found


def _write(x, y, what, name):
    """The array that x was taken from, with y written into (name: set) or added at (inc) the place of x."""
    base, steps = _origin(x, what)
    y = as_tensor_variable(y)
    if y.type.ndim > x.type.ndim:
        raise TypeError(
            f"Trying to {what.split('_')[0]} a {x.type.ndim}-dimensional subtensor with the "
            f"{y.type.ndim}-dimensional {y}"
        )
    stages = [base]
    for step in steps[:-1]:
        stages.append(apply_step(stages[-1], step))
    value, written = to_sizes(cast(y, base.type.dtype), sizes.lengths(x)), name
    for stage, step in zip(reversed(stages), reversed(steps)):
        if isinstance(step, Move):
            value = _moved_back(value, step)
            continue
        value = _write_step(written, stage, value, step)
        written = "set"  # what was added to is put back whole
    return value if written == "set" else elemwise("add")(base, value)


def _moved_back(value, step):
    return reorder(value, [step.order.index(a) for a in range(step.ndim)])


def _write_step(name, stage, value, step):
    if isinstance(step, Slice):
        return apply(f"{name}_slice", stage, value, *map(sizes.variable, step.starts), steps=step.steps)
    return apply(f"{name}_gather", stage, value, *step.indices, axis=step.axis, count=len(step.indices))


def set_subtensor(
    x: Operand, y: Operand, inplace: bool = False, tolerate_inplace_aliasing: bool = False
) -> Variable:
    """The array that x was indexed from, with y in the place of x. x must be ``W[key]`` (TypeError).

    y broadcasts to the shape of x and is cast to its dtype; of positions named twice the last one counts.
    Nothing is changed: the result is a new array (an update with it may write in place).

    >>> import tgen.tensor as T
    >>> W = T.matrix()
    >>> T.set_subtensor(W[0, :], 1.).type == W.type
    True
    """
    return _write(x, y, "set_subtensor", "set")


def inc_subtensor(
    x: Operand,
    y: Operand,
    inplace: bool = False,
    set_instead_of_inc: bool = False,
    tolerate_inplace_aliasing: bool = False,
    ignore_duplicates: bool = False,
) -> Variable:
    """The array that x was indexed from, with y added at the place of x; positions named twice are added to
    twice.

    >>> import tgen.tensor as T
    >>> v = T.vector()
    >>> T.inc_subtensor(v[[0, 0, 2]], 1.).type == v.type
    True
    """
    return _write(x, y, "inc_subtensor", "set" if set_instead_of_inc else "inc")
