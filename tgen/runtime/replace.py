"""Givens and updates: which replacements and update expressions are legal, and what the illegal ones are
told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tgen.core.generic import GenericType
from tgen.core.op import OPS, SCALAR
from tgen.errors import ArgumentValueError
from tgen.graph.build import apply, length, literal
from tgen.graph.nodes import Constant, Variable, apply_op
from tgen.graph.shared import SharedVariable
from tgen.graph.walk import again, clone, postorder

from .shared import shared

if TYPE_CHECKING:
    from tgen.graph.nodes import Apply

Updates: TypeAlias = list[tuple[SharedVariable, Variable]]


def update_pairs(updates: Any) -> Updates:
    """[(shared variable, expression)] from a list of pairs or a dict; values that are no variables become
    constants of the target's type.

    Raises ValueError (no pairs, a target twice) and TypeError (a target that is not shared, a value that does
    not fit).
    """
    pairs: Updates = []
    seen = set()
    for target, value in replacement_pairs(updates, "updates"):
        if not isinstance(target, SharedVariable):
            raise TypeError("update target must be a SharedVariable", target)
        if target.container in seen:
            raise ValueError("this shared variable already has an update expression", (target, value))
        seen.add(target.container)
        pairs.append((target, _as_variable(target, value)))
    return pairs


def replacement_pairs(given: Any, what: str) -> list[tuple[Any, Any]]:
    """The pairs of a dict, or of what has them; ValueError for anything else, ``what`` it is given as."""
    if given is None:
        return []
    pairs = given.items() if hasattr(given, "items") else given
    try:
        pairs = [tuple(pair) for pair in pairs]
    except TypeError:
        pairs = [()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(
            f"The {what} parameter must be an OrderedDict/dict or a list of lists/tuples with 2 "
            f"elements; got {given!r:.200}"
        )
    return pairs


def _as_variable(target: SharedVariable, value: object) -> Variable:
    if isinstance(value, Variable):
        return value
    if isinstance(target.type, GenericType):
        raise TypeError(
            f"the generic shared variable {target} cannot be updated by a function; use set_value"
        )
    try:
        return Constant(target.type, target.type.filter(value))
    except TypeError as error:
        raise TypeError(
            f"the update value of the shared variable {target} does not fit it: {error}"
        ) from None


def check_update(target: SharedVariable, value: Variable) -> Variable:
    """``value`` as an update of ``target``: of its dtype, rank, known sizes and broadcast pattern.

    TypeError when it is not. A size in the type of ``target`` that the graph of ``value`` does not know is
    checked by the call.
    """
    wanted, got = target.type, value.type
    if isinstance(wanted, GenericType) or isinstance(got, GenericType):
        raise TypeError(
            f"the generic shared variable {target} cannot be updated by a function; use set_value"
        )
    if wanted.dtype == got.dtype and wanted.ndim == got.ndim and all(map(_keeps, wanted.shape, got.shape)):
        if not any(w is not None and g is None for w, g in zip(wanted.shape, got.shape)):
            return value
        shape = [length(value, a) if w is None else literal(w) for a, w in enumerate(wanted.shape)]
        return apply("broadcast_to", value, *shape)
    raise TypeError(
        "An update must have the same type as the original shared variable "
        f"(shared_var={target}, shared_var.type={wanted}, "
        f"update_val={value}, update_val.type={got}). {_advice(target, value)}"
    )


def _keeps(wanted: int | None, got: int | None) -> bool:
    return wanted == got or (wanted is None and got != 1) or (got is None and wanted != 1)


def _advice(target: SharedVariable, value: Variable) -> str:
    wanted, got = target.type, value.type
    if wanted.dtype != got.dtype:
        return f"{culprit(value)} If the value may lose precision, cast it: T.cast(update, {wanted.dtype!r})."
    if wanted.ndim != got.ndim:
        return f"It has {got.ndim} dimensions instead of {wanted.ndim}{_line(value.owner)}."
    if wanted.broadcastable != got.broadcastable:
        return (
            "If the difference is related to the broadcast pattern, you can call the "
            "tensor.unbroadcast(var, axis_to_unbroadcast[, ...]) function "
            "to remove broadcastable dimensions."
        )
    return f"The shared variable has static sizes that the update has not: {tuple(wanted.shape)}."


def culprit(value: Variable) -> str:
    """A sentence on the sub-expression that brought the dtype of ``value`` in, with its line."""
    dtype, v = value.type.dtype, value
    while v.owner is not None and v.owner.primitive.name != "cast":
        sources = [_source(x, v.owner) for x in v.owner.inputs]
        found = _entrance([x for x in sources if x.type.dtype == dtype])
        found = _explicit_cast(v.owner, sources) if found is None else found
        if found is None:
            break
        v = found
    if v.owner is None:
        made = f", made at {v.where[0]}:{v.where[1]}" if v.where else ""
        return f"The dtype {dtype} comes from {_named(v)}{made}."
    sources = [_source(x, v.owner) for x in v.owner.inputs]
    return (
        f"The dtype {dtype} comes from "
        f"{v.owner.op}({', '.join(f'{_named(x)}: {x.type.dtype}' for x in sources)}){_line(v.owner)}."
    )


def _source(x: Variable, node: Apply) -> Variable:
    """``x`` without the casts and the padding that promotion put before ``node`` (they stand at its line)."""
    while (
        x.owner is not None
        and x.owner.primitive.name in ("cast", "dimshuffle")
        and x.owner.where == node.where
    ):
        x = x.owner.inputs[0]
    return x


def _entrance(found: Sequence[Variable]) -> Variable | None:
    """The operand to blame: a variable before a number, which takes the dtype of what it meets."""
    variables = [x for x in found if not isinstance(x, Constant)]
    return next(iter(variables or found), None)


def _explicit_cast(node: Apply, sources: Sequence[Variable]) -> Variable | None:
    """The user's cast on the line of ``node``, when the dtypes of the operands without casts would not have
    given the node's.
    """
    if node.primitive.kind != SCALAR or node.primitive.rule is None:
        return None
    if node.primitive.rule([x.type.dtype for x in sources], node.attrs)[1] == node.outputs[0].type.dtype:
        return None
    found = next((x for x in node.inputs if x.owner is not None), None)
    while found is not None and found.owner is not None and found.owner.primitive.name == "dimshuffle":
        found = found.owner.inputs[0]
    return found if found is not None and found.owner is not None else None


def _named(v: Variable) -> str:
    return str(v) if len(str(v)) <= 80 else f"{str(v)[:77]}..."


def _line(node: Apply | None) -> str:
    return f" at {node.where[0]}:{node.where[1]}" if node is not None and node.where else ""


def given_pairs(
    givens: Any, inputs: Iterable[Variable], table: Mapping[Variable, Variable], strict: bool
) -> dict[Variable, Variable]:
    """{variable: replacement} for ``givens``; ``table`` is what stands for the inputs already.

    A replacement sees the replacements before it; one that an earlier replacement needs is refused
    (AssertionError and ValueError), as is an input (RuntimeError). Keys must be variables and types must
    agree (TypeError).
    """
    pairs = replacement_pairs(givens, "givens")
    found: dict[Variable, Variable] = {}
    needed: set[Variable] = set()
    walked: set[Apply] = set()
    inputs = set(inputs)
    for number, (key, value) in enumerate(pairs, 1):
        if not isinstance(key, Variable):
            raise TypeError("given keys must be Variable", key)
        if not isinstance(value, Variable):
            value = shared(value)
        if key in inputs:
            raise RuntimeError(
                f"You are trying to replace variable {str(key)!r} through the `givens` "
                "parameter, but this variable is an input to your function. Replacing inputs "
                "is currently "
                "forbidden because it has no effect. One way to modify an input `x` to a "
                "function evaluating f(x) is to define a new input `y` and use "
                "function([y], f(x), givens={x: g(y)})."
            )
        if key in found or key in needed:
            raise ArgumentValueError(
                "When using 'givens' with several (old_v, new_v) replacement pairs, you "
                "can not have a new_v variable depend on an old_v one. For instance, "
                f"givens = {{a: b, b: (a + 1)}} is not allowed. Here, the old_v {key} "
                "is used to compute other new_v's, but it is scheduled to be replaced "
                f"by {value}."
            )
        if number < len(pairs):
            needed.add(value)
            for node in postorder([value], (), walked):
                needed.update(node.inputs)
        (new,) = clone([value], {**table, **found})
        found[key] = fitted(key, new) if strict else new
    return found


def fitted(key: Variable, value: Variable) -> Variable:
    """``value`` with the type ``key`` has: broadcastable axes the key does not have are forgotten; else
    TypeError.
    """
    wanted, got = key.type, value.type
    if wanted == got:
        return value
    same = (
        not isinstance(got, GenericType)
        and not isinstance(wanted, GenericType)
        and wanted.dtype == got.dtype
        and wanted.ndim == got.ndim
    )
    if not same or not all(w is None or w == g for w, g in zip(wanted.shape, got.shape)):
        raise TypeError(
            f"Cannot convert Type {got} (of Variable {value}) into Type {wanted}. You can try to "
            f"manually convert {value} into a {wanted}, or to pass rebuild_strict=False."
        )
    axes = tuple(a for a, (w, g) in enumerate(zip(wanted.shape, got.shape)) if g == 1 and w != 1)
    return apply_op(OPS["unbroadcast"], [value], {"axes": axes})[0] if axes else value


def again_cast(node: Apply, operands: Sequence[Variable]) -> Apply:
    """``node`` applied to other operands, its types inferred anew; those of an elementwise op are cast to
    what its rule asks for.
    """
    return again(node, _promoted(node, operands), retype=True)


def _promoted(node: Apply, operands: Sequence[Variable]) -> Sequence[Variable]:
    if node.primitive.kind != SCALAR or node.primitive.rule is None:
        return operands
    wanted, _ = node.primitive.rule([v.type.dtype for v in operands], node.attrs)
    return [
        v if v.type.dtype == d else apply_op(OPS["cast"], [v], {"dtype": d}, node.where)[0]
        for v, d in zip(operands, wanted)
    ]
