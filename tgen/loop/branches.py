"""``ifelse``: one of two lots of values, of which only the chosen one is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tgen.core.op import OPS
from tgen.graph.nodes import apply_op
from tgen.tensor import as_tensor_variable, cast, neq

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand


def ifelse(condition: Operand, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """``then_branch`` if the scalar ``condition`` is not 0, else ``else_branch``; what only the other one
    needs is not computed.

    The branches are variables (or what can be one), or lists of equally many; a list gives a list, a tuple a
    tuple. Their dtypes and ranks must be equal (TypeError); axes may differ in length. ValueError for lists
    of different length. ``T.switch`` chooses element by element, and computes both.

    >>> import tgen, tgen.tensor as T
    >>> a, b, x = T.dscalars("a", "b", "x")
    >>> tgen.function([a, b, x], ifelse(a < b, x * 2, x / 2))(1., 2., 8.)
    array(16.)
    """
    condition = as_tensor_variable(condition)
    if condition.type.ndim:
        raise TypeError(
            f"the condition of ifelse is {condition} of {condition.type}; it must be a scalar "
            "(T.switch chooses element by element)"
        )
    if condition.type.dtype != "bool":
        condition = neq(condition, 0)
    kind = next((type(b) for b in (then_branch, else_branch) if isinstance(b, (list, tuple))), None)
    yes, no = (
        [as_tensor_variable(v) for v in (b if isinstance(b, (list, tuple)) else [b])]
        for b in (then_branch, else_branch)
    )
    if len(yes) != len(no):
        raise ValueError(
            "The number of values on the `then` branch should be the number on the `else` "
            f"branch: {len(yes)} and {len(no)}"
        )
    if not yes:
        return kind()
    pairs = [_settled(a, b) for a, b in zip(yes, no)]
    results = apply_op(
        OPS["ifelse"], [condition, *(a for a, _ in pairs), *(b for _, b in pairs)], {"count": len(pairs)}
    )
    if name:
        for k, v in enumerate(results):
            v.name = name if len(results) == 1 else f"{name}.{k}"
    return results[0] if kind is None else kind(results)


def _settled(a, b):
    """Two values of one type, up to sizes: a Python number takes the other's dtype."""
    if a.type.weak and not b.type.weak:
        a = cast(a, b.type.dtype)
    elif b.type.weak and not a.type.weak:
        b = cast(b, a.type.dtype)
    if a.type.dtype != b.type.dtype or a.type.ndim != b.type.ndim:
        raise TypeError(
            f"The two branches should have identical types, but they are {a.type} ({a}) and "
            f"{b.type} ({b}) respectively. Cast one of them with T.cast, "
            "or give both branches values of one rank. This is also raised for a one element "
            "list on one branch and a tensor on the other."
        )
    return a, b
