"""``x.eval({y: value})``: compile and call at once; the function is kept with the variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tgen.core.op import METHODS

from .function import function

if TYPE_CHECKING:
    from tgen.graph.nodes import Variable


def evaluate(variable: Variable, inputs_to_values: Mapping[Variable, Any] | None = None) -> Any:
    """The value of ``variable``, given a dict of the values of the variables it needs.

    The first call compiles a function, which is kept for later calls with the same keys. Raises
    MissingInputError when a variable without value is needed, TypeError for keys that are no variables.

    >>> import tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> (x * y).eval({x: 2, y: 3})
    array(6.)
    """
    if inputs_to_values is not None and not hasattr(inputs_to_values, "items"):
        raise TypeError(f"eval needs a dict {{variable: value}}; got {inputs_to_values!r:.80}")
    values = dict(inputs_to_values or {})
    kept = variable._functions
    if kept is None:
        kept = variable._functions = {}
    key = tuple(values)
    f = kept.get(key)
    if f is None:
        f = kept[key] = function(list(key), variable)
    return f(*values.values())


METHODS["eval"] = evaluate
