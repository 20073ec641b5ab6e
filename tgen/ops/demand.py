"""Values that are passed on when they are what they must be; a call in which they are not is an error.

``demand`` looks at a condition (negative counts, a negative deviation), ``within`` at numbers of classes and
bins. What is gathered by numbers that passed ``within`` is not checked again (``lower`` sees that), and waits
for the check as for that of any index.
"""

import numpy as np

from tgen.core.op import STRUCT, Op, register
from tgen.errors import DEMANDED

from .host import lower_through


def _infer(types, attrs, sizes):
    x, condition = types
    if (condition.dtype, condition.ndim) != ("bool", 0):
        raise TypeError(f"demand takes a value and a bool scalar, not {condition}")
    return (x,)


def _eval(attrs, sizes, x, condition):
    if not condition:
        raise DEMANDED[attrs["error"]](attrs["message"])
    return x


def _lower(state, node, site):
    """A check; the value passes by it."""
    lower_through(state, node, site)
    error, message = node.attrs["error"], node.attrs["message"]
    where = site(error, "", node.where, (message,))
    state.add_check("assert", (node.inputs[1],), {"error": error}, (), where, node)


register(
    Op(
        "demand",
        STRUCT,
        _infer,
        _eval,
        lambda node, gs: [gs[0]],
        lower=_lower,
        flows=1,
        doc="its first operand; an `error` with `message` unless the second, a bool scalar, is true",
    )
)


# -- numbers below a size ------------------------------------------------------------------------------------


def _within(attrs, sizes, x):
    if not np.all((x >= 0) & (x < sizes[0])):
        raise DEMANDED[attrs["error"]](f"{attrs['message']} 0 to {sizes[0] - 1}")
    return x


def _lower_within(state, node, site):
    """A check of indices, unless none can be out of range; the value passes by it."""
    x, error = node.inputs[0], node.attrs["error"]
    size = state.size_of(node.inputs[1], node)
    lower_through(state, node, site)
    if not state.is_in_range(x, size):
        # negative ones were mapped to the size
        made = x.owner is not None and x.owner.primitive.name == "switch"
        which = state.holder_text(x.owner.inputs[-1] if made else x)
        where = site(error, "", node.where, (node.attrs["message"], which))
        state.add_check("check_index", (x,), {"axis": 0, "error": error}, (size,), where, node)


register(
    Op(
        "within",
        STRUCT,
        lambda types, attrs, sizes: (types[0],),
        _within,
        sizes=1,
        lower=_lower_within,
        doc="its operand, int64 numbers, all of them below a size; an `error` with `message` if one is "
        "not "
        "(negative ones are the caller's to map to the size)",
    )
)
