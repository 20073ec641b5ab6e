"""The IR as text and back: ``to_text(parse(text)) == text`` for every text that to_text made.

    function (v0: float64[n0, n1], v1: int64[] = a0; shared v2: float32[n2]; const v3: float32[1] = (-0.0)) {
      check_eq <n0, n2> {site=0}
      v4: float64[n0] = slice v0 <0, n0> {steps=(1,)}
      v5: float32[n0, n1], v6: float32[n0] = kernel [n0, n1] (x0: float32[] = v2[n0 - 1 - @0]) map, sum(1) {
        v7: float32[] = mul x0, x0
        yield v7, v7
      }
      return v5; v2 <- v6
    }

A line is ``results = op operands <sizes> {attrs} blocks``. Values are named in order of appearance, so the
text is the same for equal functions: ``v0 v1 ...``, and ``x0 x1 ...`` for the parameters of kernels. In an
access map ``@0`` is the kernel's own index 0, ``@x1`` an element of the integer operand x1, ``:`` an axis
left whole. A reduction's accumulator has the dtype of what is yielded; ``sum(1) as float32`` is rounded to
that at the end. Constants are exact (``nan`` is the quiet NaN, ``-nan`` its negative,
``nan(0x7ff8000000000001)`` any other). ``#`` starts a comment.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tgen.core import dims
from tgen.ir.nodes import CONST, INPUT
from tgen.ir.parse import ORIGIN, digest, parse
from tgen.ir.tokens import QUIET, SIGN

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.maps import Axis
    from tgen.core.op import Attrs
    from tgen.ir.nodes import Block, Function, Instr, Value

__all__ = ["to_text", "parse", "names", "printed", "block_text", "instr_text", "literal", "digest"]
WIDTH = 150  # a longer head of a kernel has each parameter on a line of its own
SHOWN = 64  # elements of a CONST parameter that the text holds; a larger one is named by its hash


Watch: TypeAlias = "Callable[[Instr, str], Any]"  # called with the line of each instruction


class Names:
    """Value -> name, in order of appearance; a value that nothing defined is called ``?0``.

    ``origins``: the names of what instructions were made of, or None where the text does not say.
    """

    def __init__(self, origins: Mapping[Value, str] | None = None) -> None:
        self.of: dict[Value, str] = {}
        self._next, self.origins = {"v": 0, "x": 0, "?": 0}, origins

    def new(self, value: Value, prefix: str = "v") -> str:
        if value in self.of:
            return self.of[value]
        self.of[value] = name = f"{prefix}{self._next[prefix]}"
        self._next[prefix] += 1
        return name

    def __getitem__(self, value: Value) -> str:
        return self.of.get(value) or self.new(value, "?")

    def typed(self, value: Value, prefix: str = "v") -> str:
        return f"{self.new(value, prefix)}: {value.type.text()}"

    def all(self, values: tuple[Value, ...]) -> str:
        return ", ".join([self[v] for v in values])


def literal(x: Any) -> str:
    """An attribute's literal as text, exact in every bit."""
    if isinstance(x, tuple):
        return f"({', '.join(map(literal, x))}{',' if len(x) == 1 else ''})"
    if isinstance(x, float):
        return repr(x) if x == x else _nan(struct.unpack("<Q", struct.pack("<d", x))[0])
    if x is None or isinstance(x, (bool, int, str)):
        return repr(x)
    if isinstance(x, dims.Sym):
        return repr(str(x))
    raise TypeError(
        f"an attribute of an instruction is a bool, int, float, str, None or a tuple of these, not {x!r}"
    )


def _nan(bits: int) -> str:
    if bits & ~SIGN == QUIET:
        return "-nan" if bits & SIGN else "nan"
    return f"nan({bits:#x})"


def attrs_text(attrs: Attrs, hidden: tuple[str, ...] = ()) -> str:
    if not attrs:
        return ""
    shown = [f"{k}={literal(attrs[k])}" for k in sorted(attrs) if k not in hidden]
    return f" {{{', '.join(shown)}}}" if shown else ""


def _attributes(instr: Instr, known: Names, hidden: tuple[str, ...] = ()) -> str:
    """Those of an instruction; where origins are shown, that is one more: the pass, the rule, the sources."""
    origin = instr.origin
    if origin is None or known.origins is None:
        return attrs_text(instr.attrs, hidden)
    sources = [v if isinstance(v, str) else known.origins.get(v) for v in origin.sources]
    return attrs_text(instr.attrs | {ORIGIN: (origin.by, origin.rule, *filter(None, sources))}, hidden)


def names(function: Function) -> dict[Value, str]:
    """A dict from every value of ``function`` to its name in ``to_text(function)``."""
    return _print(function)[1].of


def to_text(function: Function, origins: Mapping[Value, str] | None = None) -> str:
    """The canonical text of a Function (ends with a line break).

    ``origins``, a dict of the names of values (``names`` of the IR before), shows what instructions were made
    of: ``v3: float64[] = mul v0, v0 {by=('simplify', 'square', 'v2')}``. Without it the text says nothing of
    that.

    >>> import tgen.ops
    >>> t = "function (v0: float64[n0]) {\\n  v1: float64[n0] = tanh v0\\n  return v1\\n}\\n"
    >>> to_text(parse(t)) == t
    True
    """
    return _print(function, origins=origins)[0]


def block_text(block: Block) -> str:
    """The text of a block alone, its parameters first: what a nested block looks like by itself."""
    known, lines = Names(), []
    lines.append(f"block ({', '.join(known.typed(v) for v in block.params)}) {{")
    _body(block, known, lines, lambda: f"  yield {known.all(block.results)}".rstrip())
    return "\n".join([*lines, "}", ""])


def instr_text(function: Function, instr: Instr) -> str:
    """The line of ``instr`` (anywhere in ``function``), with the names of the whole text; for
    error messages.
    """
    known, found = Names(), []
    _function_lines(function, known, [], lambda i, line: found.append(line) if i is instr else None)
    return found[0] if found else _head(instr, Names())


def printed(function: Function) -> tuple[str, dict[Value, str], dict[Instr, str]]:
    """(to_text(function), names(function), instruction -> its line of the text; a long one is broken
    there) in one walk.
    """
    lines: dict[Instr, str] = {}
    text, known = _print(function, lines.setdefault)
    return text, known.of, lines


def _print(
    function: Function, watch: Watch | None = None, origins: Mapping[Value, str] | None = None
) -> tuple[str, Names]:
    known = Names(origins)
    lines: list[str] = []
    _function_lines(function, known, lines, watch)
    return "\n".join(lines) + "\n", known


def _function_lines(function: Function, known: Names, lines: list[str], watch: Watch | None) -> None:
    lines.append(f"function ({_params_text(function, known)}) {{")
    _body(function.block, known, lines, lambda: _return_text(function, known), watch)
    lines.append("}")


def _params_text(function: Function, known: Names) -> str:
    text, kind = "", INPUT
    for param, value in zip(function.params, function.block.params):
        if param.kind != kind:
            text += f"; {param.kind} "
            kind = param.kind
        elif text:
            text += ", "
        text += known.typed(value)
        if param.symbol is not None:
            text += f" = {param.symbol}"
        if kind == CONST:
            text += _data_text(function, param.number)
    return text


def _data_text(function: Function, number: int) -> str:
    array = function.constants[number] if number < len(function.constants) else None
    if array is None:
        return ""
    if array.size > SHOWN:
        return f" = sha256 '{digest(array)}'"
    return f" = {literal(tuple(array.ravel().tolist()))}"


def _return_text(function: Function, known: Names) -> str:
    results, outputs = function.block.results, function.outputs
    shared = {p.number: v for p, v in zip(function.params, function.block.params) if p.kind == "shared"}
    text = f"  return {known.all(results[:outputs])}".rstrip()
    if not function.updates:
        return text
    return (
        text
        + "; "
        + ", ".join(f"{known[shared[n]]} <- {known[v]}" for n, v in zip(function.updates, results[outputs:]))
    )


def _body(
    block: Block, known: Names, lines: list[str], ending: Callable[[], str], watch: Watch | None = None
) -> None:
    """The lines of a block's instructions and of the blocks in them; ``ending`` makes the last line."""
    for v in block.params:
        known.new(v)
    stack = [(iter(block.instrs), "  ", ending)]
    while stack:
        instrs, margin, last = stack[-1]
        instr = next(instrs, None)
        if instr is None:
            stack.pop()
            lines.append(last())
            continue
        line = _head(instr, known)
        if watch:
            watch(instr, line)
        if not instr.blocks:
            lines.append(margin + line)
            continue
        lines.append(f"{margin}{line} {_block_head(instr, 0, known)}")
        stack.extend(_inner(instr, k, margin, known) for k in reversed(range(len(instr.blocks))))


def _inner(instr: Instr, k: int, margin: str, known: Names) -> tuple[Iterator[Instr], str, Callable[[], str]]:
    """The work item of block ``k``: its ending closes it and opens the next one."""
    block = instr.blocks[k]

    def ending() -> str:
        line = f"{margin}  yield {known.all(block.results)}".rstrip()
        more = " " + _block_head(instr, k + 1, known) if k + 1 < len(instr.blocks) else ""
        return f"{line}\n{margin}}}{more}"

    return iter(block.instrs), margin + "  ", ending


def _block_head(instr: Instr, k: int, known: Names) -> str:
    if instr.op.name == "kernel":
        return "{"
    return f"({', '.join(known.typed(v) for v in instr.blocks[k].params)}) {{"


def _head(instr: Instr, known: Names) -> str:
    left = ", ".join([known.typed(v) for v in instr.results])
    left += " = " if left else ""
    if instr.op.name == "kernel":
        return left + _kernel_head(instr, known, WIDTH - len(left))
    if instr.op.name == "constant":
        value = instr.attrs["value"]
        shown = (
            literal(value[0])
            if instr.results and not instr.result.type.shape and len(value) == 1
            else literal(value)
        )
        return f"{left}constant {shown}{_attributes(instr, known, ('value',))}"
    operands = " " + known.all(instr.operands) if instr.operands else ""
    sizes = f" <{', '.join(map(str, instr.sizes))}>" if instr.sizes else ""
    return f"{left}{instr.op.name}{operands}{sizes}{_attributes(instr, known)}"


def _kernel_head(instr: Instr, known: Names, room: int) -> str:
    block = instr.blocks[0]
    inner = [known.new(p, "x") for p in block.params]
    params = [
        f"{known.typed(p)} = {known[v]}{_maps_text(maps, inner)}"
        for p, v, maps in zip(block.params, instr.operands, instr.attrs["maps"])
    ]
    outs = ", ".join(map(_out_text, instr.attrs["outs"]))
    domain = ", ".join(map(str, instr.sizes))
    attributes = _attributes(instr, known, ("maps", "outs"))
    line = f"kernel [{domain}]{attributes} ({', '.join(params)}) {outs}".rstrip()
    if len(line) <= room or len(params) < 2:
        return line
    return line.replace(", ".join(params), ",\n        ".join(params))


def _out_text(out: tuple[Any, ...]) -> str:
    if out[0] == "map":
        return "map"
    _, name, axes, *rounded = out
    return f"{name}({', '.join(map(str, axes))}){f' as {rounded[0]}' if rounded else ''}"


def _maps_text(maps: tuple[Axis, ...], inner: list[str]) -> str:
    return f"[{', '.join(axis_text(a, inner) for a in maps)}]" if maps else ""


def axis_text(axis: Axis, inner: list[str]) -> str:
    """One axis of an access map: ``start + step*@index``; ``inner`` are the names of the
    kernel's parameters.
    """
    if axis.index == -1:
        return ":"
    if axis.index is None and axis.gather is None:
        return str(axis.start)
    at = f"@{axis.index if axis.gather is None else inner[axis.gather]}"
    start = "" if _is(axis.start, 0) else str(axis.start)
    if _is(axis.step, 1):
        return f"{start} + {at}" if start else at
    if _is(axis.step, -1):
        return f"{start} - {at}" if start else f"-{at}"
    step = str(axis.step) if isinstance(axis.step, int) or str(axis.step).isidentifier() else f"({axis.step})"
    return f"{start} + {step}*{at}" if start else f"{step}*{at}"


def _is(size: Extent, number: int) -> bool:
    return isinstance(size, int) and size == number
