"""``scan_checkpoints``: a scan whose gradient keeps the state every so many steps only, and makes the steps
between anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tgen.graph import sizes
from tgen.tensor import arange, as_tensor_variable, concatenate, minimum, reshape, zeros

from . import arguments
from .scanning import scan

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand
    from tgen.graph.updates import OrderedUpdates


def scan_checkpoints(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    name: str = "checkpointscan_fn",
    n_steps: Operand | None = None,
    save_every_N: int = 10,
    padding: bool = True,
) -> tuple[Any, OrderedUpdates]:
    """``scan`` of which only the last step is wanted: (outputs with a leading axis of 1, updates).

    The gradient keeps the states after each ``save_every_N`` steps (an int) and runs the steps between once
    more, so it needs memory for steps / save_every_N + save_every_N of them. States go one step back
    (ValueError for taps). Without ``padding`` the number of steps must be a multiple of save_every_N. Raises
    as ``scan``, and IndexError when no step is made.

    >>> import numpy as np, tgen, tgen.tensor as T
    >>> x = T.dvector("x")
    >>> y, updates = scan_checkpoints(lambda e, total: total + e, x, np.float64(0), save_every_N=2)
    >>> tgen.function([x], y)([1., 2., 3., 4., 5.])
    array([15.])
    """
    if isinstance(save_every_N, bool) or not isinstance(save_every_N, int) or save_every_N < 1:
        raise ValueError(f"save_every_N of scan_checkpoints is an int of 1 or more, got {save_every_N!r}")
    initial = arguments.wrapped(outputs_info)
    if any(
        isinstance(v, dict) and v.get("taps") is not None for v in [*initial, *arguments.wrapped(sequences)]
    ):
        raise ValueError(
            "scan_checkpoints has no taps: a state is that of the step before, a sequence is "
            "read where the step is"
        )
    seqs, fixed = arguments.sequences(sequences), arguments.wrapped(non_sequences)
    steps = arguments.steps(n_steps, seqs)
    blocks = sizes.div(sizes.add(steps, save_every_N - 1), save_every_N)
    rows = [_blocks(x.part(0, steps, False), blocks, save_every_N, padding) for x in seqs]
    counts = minimum(save_every_N, as_tensor_variable(steps) - save_every_N * arange(sizes.variable(blocks)))

    def block(*given):
        *parts, count = given[: len(rows) + 1]
        states = list(given[len(rows) + 1 : len(given) - len(fixed)])
        infos = [None if arguments.is_none(v) else states.pop(0) for v in initial]
        outputs, updates = scan(
            fn, parts, infos, list(given[len(given) - len(fixed) :]), count, return_list=True
        )
        return [v[-1] for v in outputs], updates

    outputs, updates = scan(block, [*rows, counts], initial, fixed, return_list=True)
    outputs = [v[-1:] for v in outputs]
    return outputs[0] if len(outputs) == 1 else outputs or None, updates


def _blocks(x, blocks, length, padding):
    """A sequence as rows of ``length`` steps; what the last row lacks is zeros, which no step reads."""
    rest = sizes.lengths(x)[1:]
    if padding:
        x = concatenate(
            [x, zeros([sizes.sub(sizes.mul(blocks, length), sizes.length(x, 0)), *rest], x.dtype)]
        )
    return reshape(x, [blocks, length, *rest])
