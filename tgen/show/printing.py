"""``pp`` and ``debugprint``: a graph as text, without recursion."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tgen.core.op import Op
from tgen.graph.nodes import Constant
from tgen.runtime.function import Function

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable

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


def _transparent(v):
    """Whether v is only another shape of its operand, which pp leaves out: axes padded on the left."""
    if v.owner is None or v.owner.primitive.name != "dimshuffle":
        return False
    order, rank = v.owner.attrs["order"], v.owner.inputs[0].type.ndim
    return order == ("x",) * (len(order) - rank) + tuple(range(rank))


def _parts(v):
    """What the text of v is made of: strings and variables, in order."""
    node = v.owner
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
    parts = [f"{_NAMES.get(name, node.op)}{_attrs(node)}("]
    for k, operand in enumerate(node.inputs):
        parts.extend([", "] * (k > 0) + [operand])
    return parts + [")" + (f".{v.index}" if len(node.outputs) > 1 else "")]


def _attrs(node):
    if not isinstance(node.op, Op):  # a user's op says itself what is to be known of it
        return ""
    shown = {k: v for k, v in node.attrs.items() if v not in ((), None) and k not in ("ndim", "count")}
    return f"{{{', '.join(f'{_ATTRS.get(k, k)}={v}' for k, v in shown.items())}}}" if shown else ""


def _leaf(v):
    if isinstance(v, Constant) or v.name is not None:
        return str(v)
    return f"<{v.type}>" if v.owner is None else None


def pp(v: Operand) -> str:
    """The formula of a variable, as text.

    >>> import tgen.tensor as T
    >>> x, y = T.dmatrices('xy')
    >>> pp(x + y * 2)
    '(x + (y * TensorConstant{2.0}))'
    """
    written, length, stack = [], 0, [v]
    while stack:
        part = stack.pop()
        text = part if isinstance(part, str) else _leaf(part)
        if text is None:
            stack.extend(reversed(_parts(part)))
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
    lines, labels, inner = [], {}, {}
    stack = [(v, 0) for v in reversed(outputs_of(obj))]
    while stack or inner:
        if not stack:  # what the loops met above do in a step, after the tree
            node = next(iter(inner))
            label = inner.pop(node)
            lines += ["", f"{_title(node)} [{label}], each step:" if ids else f"{_title(node)}, each step:"]
            stack = [(v, 0) for body in reversed(node.bodies) for v in reversed(body.outputs)]
        v, level = stack.pop()
        v = getattr(v, "variable", v)
        seen = v in labels
        label = labels.setdefault(v, _label(len(labels)) if ids == "CHAR" else str(len(labels)))
        text = _leaf(v) or _title(v.owner) + (f".{v.index}" if len(v.owner.outputs) > 1 else "")
        note = f" <{v.type}>" if print_type else ""
        repeated = seen and v.owner is not None
        lines.append(
            " |" * level + text + (f" [{label}]" if ids else "") + note + (" ..." if repeated else "")
        )
        if v.owner is not None and not repeated and level != depth - 1 and not (stop_on_name and v.name):
            stack.extend((operand, level + 1) for operand in reversed(v.owner.inputs))
            if v.owner.bodies:
                inner.setdefault(v.owner, label)
    text = "\n".join(lines)
    if file == "str":
        return text
    print(text, file=file or sys.stdout)


dprint = debugprint


def _title(node):
    return f"{node.op}{_attrs(node)}"


def _label(number):
    """A, B, ..., Z, AA, AB, ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
