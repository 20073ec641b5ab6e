"""``map``, ``reduce``, ``foldl``, ``foldr``: scans under other names, as Theano has them; ``fori`` for new
code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tgen.graph import sizes
from tgen.tensor import arange, as_tensor_variable

from . import arguments
from .scanning import ScanBuilder, scan

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand
    from tgen.graph.updates import OrderedUpdates


def map(
    fn: Callable[..., Any],
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``fn`` of each element of the sequences: (outputs, updates) as scan's, whose arguments these are.

    >>> import tgen, tgen.tensor as T
    >>> x = T.dvector("x")
    >>> tgen.function([x], tgen.map(lambda e: e ** 2, x)[0])([1., 2., 3.])
    array([1., 4., 9.])
    """
    return scan(fn, sequences, [], non_sequences, None, truncate_gradient, go_backwards, mode, name)


def reduce(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """What the outputs of a scan are after its last step: (a variable or a list, updates). ``fn`` gets an
    element of each sequence, then the states.

    >>> import numpy as np, tgen, tgen.tensor as T
    >>> x = T.dvector("x")
    >>> tgen.function([x], tgen.reduce(lambda e, total: total + e, x, np.float64(0))[0])([1., 2., 3.])
    array(6.)
    """
    outputs, updates = scan(fn, sequences, outputs_info, non_sequences, None, -1, go_backwards, mode, name)
    return [x[-1] for x in outputs] if isinstance(outputs, list) else outputs[-1], updates


def foldl(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``reduce`` from the first element to the last."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``reduce`` from the last element to the first.

    >>> import numpy as np, tgen, tgen.tensor as T
    >>> x = T.dvector("x")
    >>> tgen.function([x], tgen.foldr(lambda e, before: e - before, x, np.float64(0))[0])([1., 2., 4.])
    array(3.)
    """
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)


def fori(n: Operand, body: Callable[..., Any], *initial: Any) -> Any:
    """The state after ``n`` steps of ``state = body(i, *state)``, i from 0 on: one variable, or a list for
    several.

    n        an int or integer scalar; with 0 steps the state is the initial one
    body     gets the step's number (int64) and the state's variables; returns as many, of their dtypes and
             shapes
    initial  what the state starts with: variables, numbers or arrays

    Nothing is kept of the steps between unless a gradient needs it. Raises as ``scan``, and ValueError if
    body updates shared variables (a random stream, say): their values would be lost, use ``scan``.

    >>> import tgen, tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> tgen.function([x], fori(3, lambda i, v: v * x + i, x))(2.)
    array(20.)
    """
    if not initial:
        raise ValueError("fori needs a state to start with: fori(n, body, initial)")
    steps = arguments.steps(n, [])
    loop = ScanBuilder(
        [arguments.Tapped(arange(sizes.variable(steps)), [0], 0)],
        [arguments.State(as_tensor_variable(v), [-1], k, False) for k, v in enumerate(initial)],
        [],
        steps,
    )
    loop.call(body)
    if loop.updates or loop.condition is not None:
        raise ValueError(
            "body of fori may only return the new state; scan takes updates of shared variables and until"
        )
    results, _ = loop.outputs(keep="final")
    return results if len(results) > 1 else results[0]
