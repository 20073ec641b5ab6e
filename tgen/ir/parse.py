"""IR text -> Function; the syntax is described in ``text.py``. No recursion: an explicit stack of open
blocks.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core import dims
from tgen.core.dtypes import DTYPE, is_float
from tgen.core.maps import WHOLE, Axis
from tgen.core.op import OPS
from tgen.ir.frame import laid_out
from tgen.ir.nodes import CONST, INPUT, SHARED, Block, Function, Instr, Param, Value
from tgen.ir.origin import Origin
from tgen.ir.tokens import Tokens, split_commas

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import Attrs, Op
    from tgen.core.types import TensorType

ORIGIN = "by"  # an attribute in texts, no attribute of instructions: what an instruction was made of


def digest(array: np.ndarray) -> str:
    """The SHA-256 of an array's dtype, shape and elements in C order."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def parse(text: str, arrays: Iterable[np.ndarray] = ()) -> Function:
    """The Function that ``text`` describes; ``arrays`` are looked through for CONST parameters named by hash
    alone.

    Raises ValueError with the line number for text that is none.

    >>> import tgen.ops
    >>> len(parse("function (v0: int64[]) {\\n v1: int64[] = neg v0\\n return v1, v0\\n}").block.results)
    2
    """
    reader = _Reader(text)
    try:
        return reader.function({digest(a): a for a in map(np.asarray, arrays)})
    except (KeyError, IndexError, SyntaxError, TypeError, ValueError) as error:
        raise ValueError(f"line {reader.line()}: {error}: {reader.line_text()}") from error


class _Reader(Tokens):
    """The instructions of a text, and the values named so far."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.values: dict[str, Value] = {}

    # -- values ----------------------------------------------------------------------------------------------
    def declare(self, name: str, value: Value) -> Value:
        if name in self.values:
            raise ValueError(f"{name} is defined twice")
        self.values[name] = value
        return value

    def declared(self) -> tuple[str, Value]:
        """``name: type`` as (name, Value); the caller declares it when it is in scope."""
        name = self.take("name")
        self.expect(":")
        return name, Value(self.type())

    def used(self) -> Value:
        name = self.take("name")
        if name not in self.values:
            raise ValueError(f"{name} is not defined")
        return self.values[name]

    def operands(self) -> tuple[Value, ...]:
        """The operands on the rest of this line: names separated by commas."""
        operands = []
        while self.next_is("name"):
            operands.append(self.used())
            if not self.next_is("punct", ","):
                break
            self.at += 1
        return tuple(operands)

    # -- the function ----------------------------------------------------------------------------------------
    def function(self, arrays: dict[str, np.ndarray]) -> Function:
        self.expect("function")
        params, values, constants = self.params(arrays)
        self.expect("{")
        block = self.blocks(values)
        outputs = len(block.results)
        updates, news = self.updates(params, values)
        self.expect("}")
        self.skip()
        if self.kinds[self.at] != "end":
            raise ValueError(f"unexpected {self.tokens[self.at]!r}")
        layout = laid_out(
            [None if p.kind == SHARED else v.type.ndim for p, v in zip(params, values)],
            [v.type.ndim for v in block.results],
        )
        block = Block(block.params, block.instrs, block.results + news)
        return Function(tuple(params), block, outputs, updates, tuple(constants), layout)

    def params(
        self, arrays: dict[str, np.ndarray]
    ) -> tuple[list[Param], list[Value], list[np.ndarray | None]]:
        params, values, constants, kind = [], [], [], INPUT
        counts = {INPUT: 0, SHARED: 0, CONST: 0}
        self.expect("(")
        while not self.accept(")"):
            if self.accept(";"):
                kind = self.take("name")
                if kind not in counts:
                    raise ValueError(f"no kind of parameter: {kind}")
                continue
            self.accept(",")
            name, value = self.declared()
            symbol = None
            if self.accept("=") and kind == CONST:
                constants.append(self.data(value.type, arrays))
            elif self.tokens[self.at - 1] == "=":
                symbol = dims.symbol(self.take("name"))
            elif kind == CONST:
                constants.append(None)
            params.append(Param(kind, counts[kind], symbol))
            values.append(self.declare(name, value))
            counts[kind] += 1
        return params, values, constants

    def data(self, type: TensorType, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
        """The array of a CONST parameter; None when the text has its hash and nobody gave the array."""
        if self.accept("sha256"):
            return arrays.get(ast.literal_eval(self.take("string")))
        return np.array(self.literal(), type.dtype).reshape(type.shape)

    def updates(self, params: list[Param], values: list[Value]) -> tuple[tuple[int, ...], tuple[Value, ...]]:
        numbers = {v: p.number for p, v in zip(params, values) if p.kind == SHARED}
        updates, news = [], []
        more = self.accept(";")
        while more:
            updates.append(numbers[self.used()])
            self.take("arrow")
            news.append(self.used())
            more = self.accept(",")
        return tuple(updates), tuple(news)

    def blocks(self, params: list[Value]) -> Block:
        """The function's block up to the names after ``return``; nested blocks are kept on a stack until they
        close.
        """
        stack: list[tuple[tuple[Value, ...], list[Instr], Any]] = [(tuple(params), [], None)]
        while True:
            own, instrs, pending = stack[-1]
            if self.accept("return"):
                if len(stack) > 1:
                    raise ValueError("return inside a nested block")
                return Block(own, tuple(instrs), self.operands())
            if self.accept("yield"):
                if len(stack) == 1:
                    raise ValueError("yield outside a nested block")
                stack.pop()
                results = self.operands()
                self.expect("}")
                pending.blocks.append(Block(own, tuple(instrs), results))
            else:
                pending = self.instr()
            if pending.opens(self):
                stack.append((pending.block_params(self), [], pending))
            else:
                stack[-1][1].append(pending.finish(self))

    def instr(self) -> _Pending:
        """One instruction up to its first block."""
        names, results = [], []
        name = self.take("name")
        while self.next_is("punct", ":"):
            self.at += 1
            names.append(name)
            results.append(Value(self.type()))
            if self.accept(","):
                name = self.take("name")
            else:
                self.expect("=")
                name = self.take("name")
        if name not in OPS:
            raise ValueError(f"no op is called {name}")
        pending = _Pending(OPS[name], names, results)
        (pending.kernel if name == "kernel" else pending.plain)(self)
        return pending


class _Pending:
    """An instruction whose blocks are still being read."""

    def __init__(self, op: Op, names: list[str], results: list[Value]) -> None:
        self.op, self.names, self.results = op, names, results
        self.operands: tuple[Value, ...] = ()
        self.attrs: Attrs = {}
        self.sizes: tuple[Extent, ...] = ()
        self.blocks: list[Block] = []
        self.inner: tuple[Value, ...] | None = None
        self.said: tuple[Any, ...] = ()  # where it comes from

    def plain(self, reader: _Reader) -> None:
        if self.op.name == "constant":
            self.attrs["value"] = _constant(reader.literal(), self.results[0].type)
        else:
            self.operands = reader.operands()
        if reader.next_is("sizes"):
            self.sizes = reader.size_list(reader.take("sizes")[1:-1])
        if reader.next_is("punct", "{"):
            self.attrs.update(reader.attrs())
        self.said = self.attrs.pop(ORIGIN, ())
        if "found" in self.attrs:
            self.attrs["found"] = tuple(map(dims.symbol, self.attrs["found"]))

    def kernel(self, reader: _Reader) -> None:
        self.sizes = reader.size_list(reader.take("bracket")[1:-1])
        if reader.next_is("punct", "{"):
            self.attrs.update(reader.attrs())
        self.said = self.attrs.pop(ORIGIN, ())
        names, params, operands, maps = [], [], [], []
        reader.expect("(")
        while not reader.accept(")"):
            name, value = reader.declared()
            params.append(reader.declare(name, value))
            names.append(name)
            reader.expect("=")
            operands.append(reader.used())
            maps.append(reader.take("bracket")[1:-1] if reader.next_is("bracket") else "")
            reader.accept(",")
        self.inner, self.operands = tuple(params), tuple(operands)
        self.attrs["maps"] = tuple(tuple(parse_axis(a, names) for a in split_commas(m)) for m in maps)
        self.attrs["outs"] = tuple(_outs(reader))

    def opens(self, reader: _Reader) -> bool:
        """Whether a block of this instruction starts here."""
        if self.op.name == "kernel":
            return not self.blocks
        return reader.next_is("punct", "(")

    def block_params(self, reader: _Reader) -> tuple[Value, ...]:
        params = list(self.inner or ())
        if self.inner is None:
            reader.expect("(")
            while not reader.accept(")"):
                params.append(reader.declare(*reader.declared()))
                reader.accept(",")
        reader.expect("{")
        return tuple(params)

    def finish(self, reader: _Reader) -> Instr:
        for name, value in zip(self.names, self.results):
            reader.declare(name, value)
        by, rule, *sources = self.said or ("", "")
        origin = Origin(by, rule, (tuple(sources),)) if self.said else None
        return Instr(
            self.op,
            self.operands,
            tuple(self.results),
            self.attrs,
            self.sizes,
            tuple(self.blocks),
            origin=origin,
        )


def _outs(reader: _Reader) -> Iterator[tuple[Any, ...]]:
    while reader.next_is("name"):
        name = reader.take("name")
        if name == "map":
            yield (name,)
        else:
            axes = reader.literal()
            rounded = (reader.take("name"),) if reader.accept("as") else ()
            yield ("reduce", name, axes, *rounded)
        if not reader.next_is("punct", ","):
            return
        reader.at += 1


def parse_axis(text: str, names: list[str]) -> Axis:
    """The Axis that ``start + step*@index`` describes; ``names`` are those of the kernel's parameters."""
    if text == ":":
        return WHOLE
    left, at, index = text.partition("@")
    if not at:
        return Axis(None, dims.parse(text))
    left = left.rstrip()
    step: Extent = 1
    if left.endswith("*"):
        cut = _factor_start(left[:-1])
        step, left = dims.parse(left[cut:-1]), left[:cut].rstrip()
    if left.endswith("-"):
        step = dims.mul(-1, step)
    left = left.rstrip("+- ")
    start = dims.parse(left) if left else 0
    if index.isdigit():
        return Axis(int(index), start, step)
    return Axis(None, start, step, names.index(index))


def _factor_start(text: str) -> int:
    """Where the last factor of ``text`` starts: a word, or a bracket."""
    if not text.endswith(")"):
        found = re.search(r"(?:(?<!\w )-)?\w+$", text)
        if found is None:
            raise ValueError(f"{text!r} ends with no factor")
        return found.start()
    depth = 0
    for k in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[k], 0)
        if not depth:
            return k
    raise ValueError(f"brackets do not match in {text}")


def _constant(value: Any, type: TensorType) -> tuple[Any, ...]:
    values = value if isinstance(value, tuple) else (value,)
    python = DTYPE[type.dtype].python
    if is_float(type.dtype) and any(isinstance(v, bool) for v in values):
        raise ValueError(f"a constant of {type.dtype} is not a bool")
    return tuple(v if isinstance(v, python) else python(v) for v in values)
