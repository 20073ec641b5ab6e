"""What a step function may return: outputs, updates of shared variables, a condition to stop; the last two
may be missing, and so may the first.
"""

from tgen.graph.nodes import Variable
from tgen.graph.shared import SharedVariable
from tgen.tensor import as_tensor_variable


class until:
    """What a step function of scan returns last: the step at which ``condition`` (a scalar) is true is the
    last one.

    >>> import numpy as np, tgen, tgen.tensor as T
    >>> one = T.constant(np.float64(1))
    >>> y, _ = tgen.scan(lambda p: (p * 2, until(p * 2 > 20)), outputs_info=one, n_steps=100)
    >>> y.eval()
    array([ 2.,  4.,  8., 16., 32.])
    """

    def __init__(self, condition):
        self.condition = as_tensor_variable(condition)
        if self.condition.type.ndim:
            raise TypeError(
                f"the condition of until is {self.condition} of {self.condition.type}; it must "
                "be a scalar: use T.all or T.any"
            )


def parsed(result):
    """(outputs, updates as pairs, the condition or None) of what a step function returned.

    ValueError for what is neither outputs, updates, (outputs, updates), nor one of these with ``until`` at
    the end.
    """
    if _is_outputs(result):
        return _outputs(result), [], None
    if _is_updates(result):
        return [], _pairs(result), None
    parts = list(result) if isinstance(result, (list, tuple)) else [result]
    condition = parts.pop().condition if parts and isinstance(parts[-1], until) else None
    if len(parts) == 2 and _is_outputs(parts[0]) and _is_updates(parts[1]):
        return _outputs(parts[0]), _pairs(parts[1]), condition
    if len(parts) == 1 and _is_outputs(parts[0]) and condition is not None:
        return _outputs(parts[0]), [], condition
    if len(parts) == 1 and _is_updates(parts[0]) and condition is not None:
        return [], _pairs(parts[0]), condition
    if condition is not None and parts and _is_outputs(parts):
        return _outputs(parts), [], condition
    raise ValueError(
        f"scan cannot read what fn returned: {result!r:.300}. It may return outputs (a variable "
        "or a list of them), updates (a dict or a list of pairs "
        "of a shared variable and its new value), (outputs, updates), and each of these with "
        "until(condition) behind: (outputs, updates, until(condition))"
    )


def _is_output(x):
    return (
        isinstance(x, Variable)
        or not isinstance(x, (list, tuple, dict, until))
        and x is not None
        and not callable(x)
        and not isinstance(x, str)
    )


def _is_outputs(x):
    return all(map(_is_output, x)) if isinstance(x, (list, tuple)) else _is_output(x)


def _outputs(x):
    return [as_tensor_variable(v) for v in (x if isinstance(x, (list, tuple)) else [x])]


def _is_updates(x):
    if isinstance(x, dict):
        return True
    return isinstance(x, (list, tuple)) and all(
        isinstance(p, (list, tuple)) and len(p) == 2 and isinstance(p[0], SharedVariable) for p in x
    )


def _pairs(x):
    return list(x.items()) if isinstance(x, dict) else [tuple(p) for p in x]
