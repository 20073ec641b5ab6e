"""``pp`` and ``debugprint``: a graph as text, without recursion."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tgen.core.op import Op
from tgen.graph.nodes import Constant, Variable
from tgen.runtime.function import Function

if TYPE_CHECKING:
    from tgen.graph.nodes import Apply

__all__ = ["pp", "debugprint", "dprint"]

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "true_div": "/",
    "int_div": "//",
    "mod": "%",
    "pow": "**",
    "eq": "eq",
    "neq": "neq",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "and_": "&",
    "or_": "|",
    "xor": "^",
    "left_shift": "<<",
    "right_shift": ">>",
}
_ATTRS = {"acc": "acc_dtype"}  # Theano's name
_NAMES = {
    "sum": "Sum",
    "prod": "Prod",
    "reshape": "Reshape",
    "concatenate": "Join",
    "slice": "Subtensor",
    "gather": "AdvancedSubtensor",
}
LONGEST = 100_000  # characters pp writes; a graph whose parts are used many times would fill the memory


def _transparent(v: Variable) -> bool:
    """Whether v is only another shape of its operand, which pp leaves out: axes padded on the left."""
    if v.owner is None or v.owner.primitive.name != "dimshuffle":
        return False
    order, rank = v.owner.attrs["order"], v.owner.inputs[0].type.ndim
    return order == ("x",) * (len(order) - rank) + tuple(range(rank))


def _parts(v: Variable, node: Apply) -> list[str | Variable]:
    """What the text of v, a result of ``node``, is made of: strings and variables, in order."""
    name = node.primitive.name
    if _transparent(v):
        return [node.inputs[0]]
    if name in _INFIX and len(node.inputs) == 2:
        return ["(", node.inputs[0], f" {_INFIX[name]} ", node.inputs[1], ")"]
    if name == "neg":
        return ["(-", node.inputs[0], ")"]
    if name == "dot":
        return ["(", node.inputs[0], " \\dot ", node.inputs[1], ")"]
    if name == "dimshuffle":
        order = node.attrs["order"]
        if order == tuple(reversed(range(len(order)))):
            return [node.inputs[0], ".T"]
        return [f"DimShuffle{{{', '.join(map(str, order))}}}(", node.inputs[0], ")"]
    parts: list[str | Variable] = [f"{_NAMES.get(name, node.op)}{_attrs(node)}("]
    for k, operand in enumerate(node.inputs):
        if k:
            parts.append(", ")
        parts.append(operand)
    return [*parts, ")" + (f".{v.index}" if len(node.outputs) > 1 else "")]


def _attrs(node: Apply) -> str:
    if not isinstance(node.op, Op):  # a user's op says itself what is to be known of it
        return ""
    shown = {k: v for k, v in node.attrs.items() if v not in ((), None) and k not in ("ndim", "count")}
    return f"{{{', '.join(f'{_ATTRS.get(k, k)}={v}' for k, v in shown.items())}}}" if shown else ""


def _opened(v: Variable) -> Apply | None:
    """What made a variable that has no name: such a one is shown by what it was made of."""
    return None if isinstance(v, Constant) or v.name is not None else v.owner


def _leaf(v: Variable) -> str:
    """The text of a variable that is shown as it is."""
    return str(v) if isinstance(v, Constant) or v.name is not None else f"<{v.type}>"


def pp(v: Variable) -> str:
    """The formula of a variable, as text.

    >>> import tgen.tensor as T
    >>> x, y = T.dmatrices('xy')
    >>> pp(x + y * 2)
    '(x + (y * TensorConstant{2.0}))'
    """
    written: list[str] = []
    length = 0
    stack: list[str | Variable] = [v]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            text = part
        elif (node := _opened(part)) is None:
            text = _leaf(part)
        else:
            stack.extend(reversed(_parts(part, node)))
            continue
        written.append(text)
        length += len(text)
        if length > LONGEST:
            written.append(" ...")
            break
    return "".join(written)


def outputs_of(obj: Any) -> list[Variable]:
    """The variables that a variable, a list of these, or a function (its outputs, then its updates) stands
    for.
    """
    if isinstance(obj, Function):
        return obj.request.signature.roots
    return list(obj) if isinstance(obj, (list, tuple)) else [getattr(obj, "variable", obj)]


def debugprint(
    obj: Any,
    depth: int = -1,
    print_type: bool = False,
    file: Any = None,
    ids: str = "CHAR",
    stop_on_name: bool = False,
) -> Any:
    """Write a graph as an indented tree, one line a variable; what was written before is not written again.
    Behind it what scans do in a step.

    ``obj`` is a variable, a list of these, or a function (its outputs and updates). ``depth`` limits the
    levels (-1: all), ``print_type`` adds types, ``stop_on_name`` leaves out what is below a variable with a
    name. ``ids`` is what tells variables apart: 'CHAR' letters, 'int' numbers, '' nothing. ``file``: None is
    stdout, 'str' returns the text.

    >>> import tgen.tensor as T
    >>> x = T.dscalar('x')
    >>> debugprint(T.exp(x) * x)
    mul [A]
     |exp [B]
     | |x [C]
     |x [C]
    """
    if ids not in ("CHAR", "int", ""):
        raise ValueError(f"ids of debugprint must be 'CHAR', 'int' or ''; got {ids!r}")
    lines: list[str] = []
    labels: dict[Variable, str] = {}
    inner: dict[Apply, str] = {}
    stack = [(v, 0) for v in reversed(outputs_of(obj))]
    while stack or inner:
        if not stack:  # what the loops met above do in a step, after the tree
            loop = next(iter(inner))
            label = inner.pop(loop)
            lines += ["", f"{_title(loop)} [{label}], each step:" if ids else f"{_title(loop)}, each step:"]
            stack = [(v, 0) for body in reversed(loop.bodies) for v in reversed(body.outputs)]
        v, level = stack.pop()
        v = getattr(v, "variable", v)
        seen = v in labels
        label = labels.setdefault(v, _label(len(labels)) if ids == "CHAR" else str(len(labels)))
        node, opened = v.owner, _opened(v)
        if opened is None:
            text = _leaf(v)
        else:
            text = _title(opened) + (f".{v.index}" if len(opened.outputs) > 1 else "")
        note = f" <{v.type}>" if print_type else ""
        repeated = seen and node is not None
        lines.append(
            " |" * level + text + (f" [{label}]" if ids else "") + note + (" ..." if repeated else "")
        )
        if node is not None and not repeated and level != depth - 1 and not (stop_on_name and v.name):
            stack.extend((operand, level + 1) for operand in reversed(node.inputs))
            if node.bodies:
                inner.setdefault(node, label)
    text = "\n".join(lines)
    if file == "str":
        return text
    print(text, file=file or sys.stdout)


dprint = debugprint


def _title(node: Apply) -> str:
    return f"{node.op}{_attrs(node)}"


def _label(number: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
