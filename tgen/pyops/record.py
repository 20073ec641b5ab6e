"""What tgen sees of a user's op: an Op record for each application, made of the op's Python methods."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.dtypes import is_float, is_int
from tgen.core.effect import ACTS, CALLS
from tgen.core.op import HOST, STRUCT
from tgen.core.op import Op as Record
from tgen.graph.build import lengths
from tgen.graph.grad import Disconnected, Undefined, zero_of
from tgen.graph.nodes import Apply, Variable
from tgen.ops import host
from tgen.tensor import as_tensor_variable, cast

from .body import PythonBody

if TYPE_CHECKING:
    from tgen.core.op import Attrs
    from tgen.core.types import TensorType
    from tgen.graph.adjoint import Entry, Node


def declared(node: Apply) -> tuple[tuple[str, host.Pattern], ...]:
    """The ``results`` of an application whose sizes nobody knows but by the types of its outputs."""
    return tuple(
        (v.type.dtype, tuple(host.FOUND if size is None else size for size in v.type.shape))
        for v in node.outputs
    )


def arrays_of(node: Apply) -> list[Variable]:
    """The inputs that the user's make_node gave the application; sizes come after them."""
    sizes = sum(pattern.count(host.SIZE) for _, pattern in node.attrs.get("results", ()))
    return node.inputs[: len(node.inputs) - sizes]


def python_record(node: Apply) -> Record:
    """The record of an application whose outputs ``node.op.perform`` computes."""
    results = node.attrs.setdefault("results", declared(node))
    body, arrays = PythonBody(node), arrays_of(node)

    def evaluate(attrs: Attrs, sizes: Sequence[int], *values: np.ndarray) -> Any:
        made = body([np.array(v) for v in values], sizes)
        return made[0] if len(made) == 1 else tuple(made)

    return Record(
        "host",
        HOST,
        host.infer,
        evaluate,
        _pulled_floats,
        sizes=len(node.inputs) - len(arrays),
        effect=CALLS,
        flows=flows(node),
        partial=True,
        lower=host.lower_host,
        again=again,
        python=host.Python(body, _types(arrays), results),
    )


def effect_record(node: Apply) -> Record:
    """The record of an application that passes its inputs on, and whose ``perform`` is called for what it
    does besides.
    """
    node.attrs.setdefault("results", declared(node))
    body = PythonBody(node)

    def infer(types: Sequence[TensorType], attrs: Attrs, sizes: Sequence[Any]) -> tuple[TensorType, ...]:
        return host.infer(types, attrs, sizes) if "python" in attrs else tuple(types)

    def evaluate(attrs: Attrs, sizes: Sequence[int], *values: np.ndarray) -> Any:
        body([np.array(v) for v in values], sizes)
        return values[0] if len(values) == 1 else values

    return Record(
        "host_effect",
        HOST,
        infer,
        evaluate,
        pulled,
        emitter="host",
        effect=ACTS,
        flows=flows(node),
        lower=host.lower_effect,
        python=host.Python(body, _types(node.inputs), ()),
    )


def through_record(
    node: Apply,
    name: str,
    count: int,
    lower: Callable[..., None] = host.lower_through,
    check: Callable[..., object] | None = None,
) -> Record:
    """The record of an application whose outputs are its first ``count`` inputs; ``check(*values)`` may
    refuse in the interpreter.
    """

    def infer(types: Sequence[TensorType], attrs: Attrs, sizes: Sequence[Any]) -> tuple[TensorType, ...]:
        return tuple(types[:count])

    def evaluate(attrs: Attrs, sizes: Sequence[int], *values: np.ndarray) -> Any:
        if check is not None:
            check(*values)
        return values[0] if count == 1 else values[:count]

    return Record(
        name,
        STRUCT,
        infer,
        evaluate,
        pulled,
        lower=lower,
        flows=flows(node),
    )


def _types(variables: Iterable[Variable]) -> tuple[tuple[str, int], ...]:
    return tuple((v.type.dtype, v.type.ndim) for v in variables)


def again(node: Apply, inputs: Sequence[Variable]) -> Apply:
    """The op applied to other inputs, by its own make_node."""
    outputs = node.op(*inputs[: len(arrays_of(node))], return_list=True)
    outputs[0].owner.where = node.where
    return outputs[0].owner


# -- sizes ---------------------------------------------------------------------------------------------------


def with_sizes(node: Apply) -> None:
    """Ask infer_shape, if there is one, and make the sizes it knows further inputs of ``node``.

    A mistake in it costs no more than the knowledge, so it is a warning.
    """
    infer = getattr(node.op, "infer_shape", None)
    sizes: list[Variable] = []
    if infer is None or all(isinstance(s, int) for v in node.outputs for s in v.type.shape):
        return
    try:
        results = tuple(
            _pattern(v, shape, sizes) for v, shape in zip(node.outputs, _shapes(node, infer), strict=True)
        )
    except NotImplementedError:
        return
    except Exception as error:
        warnings.warn(
            f"infer_shape of {node.op} failed, so sizes are known only when it has run: "
            f"{type(error).__name__}: {error}",
            stacklevel=3,
        )
        return
    node.inputs.extend(sizes)
    node.attrs = {**node.attrs, "results": results}
    node.primitive = node.op._tgen_primitive(node)


def _shapes(node: Apply, infer: Callable[..., Any]) -> list[Any]:
    """What infer_shape says, a shape (or None) per output; newer ones take a graph as well, which there is
    none of.
    """
    shapes = [tuple(lengths(v)) for v in node.inputs]
    return list(
        infer(node, shapes) if len(inspect.signature(infer).parameters) == 2 else infer(None, node, shapes)
    )


def _pattern(v: Variable, shape: Any, sizes: list[Variable]) -> tuple[str, host.Pattern]:
    """The entry of ``results`` for the output ``v``; what it takes from ``shape`` goes to ``sizes``."""
    shape = (None,) * v.type.ndim if shape is None else shape
    return v.type.dtype, tuple(
        _entry(static, size, sizes) for static, size in zip(v.type.shape, shape, strict=True)
    )


def _entry(static: int | None, size: Any, sizes: list[Variable]) -> int | str:
    if static is not None or size is None:
        return host.FOUND if static is None else static
    size = as_tensor_variable(size)
    if size.type.ndim or not is_int(size.type.dtype):
        raise TypeError(f"{size} of {size.type} is no size; a size is an integer scalar")
    sizes.append(size if size.type.dtype == "int64" else cast(size, "int64"))
    return host.SIZE


# -- gradients -----------------------------------------------------------------------------------------------


def flows(node: Apply) -> tuple[int, ...]:
    """The positions of the inputs that connection_pattern connects with some output."""
    arrays, pattern = arrays_of(node), getattr(node.op, "connection_pattern", None)
    if pattern is None:
        return tuple(range(len(arrays)))
    return tuple(k for k, connected in enumerate(pattern(node)) if any(connected))


def _applied(node: Node) -> tuple[Apply, tuple[int, ...]]:
    """The application that a rule is asked for, and the positions in the ``flows`` of its record. A user's
    op says nothing of masks (``Op.mask``), so its rule never sees masked inputs in the place of its own.
    """
    positions = node.primitive.flows
    if not isinstance(node, Apply) or not isinstance(positions, tuple):
        raise TypeError(f"{node!r} is no application of a user's op")
    return node, positions


def pulled(node: Node, gs: Sequence[Any]) -> list[Entry]:
    """The gradients in the inputs that ``flows`` names, by the user's L_op or grad."""
    node, wanted = _applied(node)
    op, inputs = node.op, arrays_of(node)
    if not hasattr(op, "grad") and not op._tgen_pulls():
        place = f" (applied at {node.where[0]}:{node.where[1]})" if node.where else ""
        return [
            Undefined(
                f"{op}{place} has no grad; define grad(self, inputs, output_gradients) in its "
                "class, or let nothing flow into it: disconnected_grad(x)"
            )
        ] * len(wanted)
    entries = op.L_op(inputs, node.outputs, gs)
    if not isinstance(entries, (list, tuple)) or len(entries) != len(inputs):
        got = f"{len(entries)} of them" if isinstance(entries, (list, tuple)) else f"{entries!r:.80}"
        raise TypeError(
            f"grad of {op} must return a list of gradients, one for each of its {len(inputs)} "
            f"inputs; got {got}"
        )
    return [_term(op, k, entries[k]) for k in wanted]


def _pulled_floats(node: Node, gs: Sequence[Any]) -> list[Entry]:
    """``pulled`` of what ``perform`` computes: nobody knows how it makes integers; they pass nothing
    (Theano).
    """
    gs = [g if is_float(v.dtype) else None for g, v in zip(gs, node.outputs)]
    if all(g is None for g in gs):
        return [None] * len(_applied(node)[1])
    return pulled(node, [zero_of(v) if g is None else g for g, v in zip(gs, node.outputs)])


def _term(op: object, k: int, entry: Any) -> Entry:
    if entry is None:
        raise TypeError(
            f"grad of {op} returned None for input {k}; return zeros_like(input), "
            "DisconnectedType()() where nothing depends on it, "
            "or grad_undefined(self, index, input) where there is no gradient"
        )
    if isinstance(entry, Disconnected):
        return None
    return entry if isinstance(entry, (Variable, Undefined)) else as_tensor_variable(entry)
