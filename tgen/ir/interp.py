"""The reference interpreter: every stage of the IR runs here, in NumPy, through the ops' own ``eval``.

Size symbols are bound from the parameters; ``check_*`` instructions raise what a call would. A kernel runs
vectorised: each value of its block carries the domain's axes in front (of length 1 where it does not depend
on them), an inner kernel's domain comes after its outer one's, and a reduction reduces those axes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core import dims
from tgen.core.op import HOST, OPS, REDUCE, SCALAR
from tgen.core.refusal import ASSERT, BAD_SIZE, MEMORY, SIZES, refusal
from tgen.errors import DEMANDED
from tgen.ir.nodes import CONST, INPUT, SHARED
from tgen.ir.rebuild import walk
from tgen.ir.regions import operand, reduce, spread
from tgen.ir.views import CondView, ScanView

if TYPE_CHECKING:
    from tgen.core.dims import Extent, Sym
    from tgen.core.layouts import Kept
    from tgen.ir.nodes import Block, Function, Instr, Value

MOST = (1 << 63) - 1  # bytes, as C counts them


def run(
    function: Function,
    inputs: Sequence[Any] = (),
    shared: Sequence[np.ndarray] = (),
    constants: Sequence[np.ndarray] | None = None,
    failed: list[int] | None = None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """``(outputs, new shared values)``: lists of fresh ndarrays, the second in the order of
    ``function.updates``.

    ``inputs`` and ``shared`` are arrays (or numbers) by parameter number, of the exact dtypes; ``constants``
    are function.constants unless given. Raises ValueError or IndexError as a call would; ``failed``, a list,
    then receives the number of the site of what raised (-1: it has none) and the step of each loop around it.

    >>> import tgen.ops
    >>> from tgen.ir.text import parse
    >>> run(parse("function (v0: int64[n0]) {\\n v1: int64[n0] = neg v0\\n return v1\\n}"), [np.arange(3)])
    ([array([ 0, -1, -2])], [])
    """
    constants = function.constants if constants is None else constants
    machine = _Machine([] if failed is None else failed)
    given = {INPUT: inputs, SHARED: shared, CONST: constants}
    machine.bind(function, [given[p.kind][p.number] for p in function.params])
    with np.errstate(all="ignore"):
        machine.run_instrs([_Frame(iter(function.block.instrs), machine.root, uses=_uses(function.block))])
    results = [np.array(machine.root[v], order="C") for v in function.block.results]
    return results[: function.outputs], results[function.outputs :]


def evaluate(instr: Instr, arrays: Iterable[np.ndarray]) -> tuple[np.ndarray, ...]:
    """The results (a tuple of ndarrays) of one instruction without symbols, on ``arrays``; for folding."""
    machine = _Machine([])
    machine.root.update(zip(instr.operands, arrays))
    with np.errstate(all="ignore"):
        machine.run_instrs([_Frame(iter((instr,)), machine.root)])
    return tuple(machine.root[v] for v in instr.results)


@dataclass
class _Frame:
    """A block being run. ``batch``: the sizes of the domains around it; ``own`` of them, the last, are its
    kernel's.
    """

    instrs: Iterator[Instr]
    values: dict[Value, np.ndarray]
    batch: tuple[int, ...] = ()
    own: int = 0
    instr: Instr | None = None
    # of the outermost block: how many uses of a value are to come; at none it is forgotten
    uses: Counter[Value] | None = None
    # of the block of a scan or cond: what is done with the stack when it has run
    ending: Callable[[list[_Frame]], None] | None = None
    loop: _Loop | None = None  # whose step it is

    def used(self, values: tuple[Value, ...]) -> None:
        uses = self.uses
        if not uses:
            return
        for v in values:
            uses[v] -= 1
            if not uses[v]:
                del self.values[v]


def _uses(block: Block) -> Counter[Value]:
    count = Counter(v for i in block.instrs for v in i.operands)
    count.update(block.results)
    return count


class _Machine:
    def __init__(self, failed: list[int]) -> None:
        self.symbols: dict[Sym, int] = {}
        self.root: dict[Value, np.ndarray] = {}
        self._sizes: dict[Extent, int] = {}
        self.current: Instr | None = None
        self.failed = failed  # where it stopped, see ``run``; what runs
        self.outside: Any = np.geterr()

    # -- sizes
    def size(self, x: Extent) -> int:
        if isinstance(x, int):
            return x
        if x not in self._sizes:
            value = dims.evaluate(x, self.symbols)
            if not isinstance(value, int):
                raise KeyError(f"size {x} has symbols that are not bound")
            self._sizes[x] = value
        return self._sizes[x]

    def name(self, symbol: Sym, value: int, place: str) -> None:
        """Bind a symbol; one that has a value already must have this one."""
        if self.symbols.setdefault(symbol, value) != value:
            raise ValueError(
                f"Input dimension mis-match: {place} is {value}, {symbol} is {self.symbols[symbol]}"
            )

    def bind(self, function: Function, arrays: Iterable[Any]) -> None:
        """A symbol is the value of its argument, or the first axis that it stands for alone; then every axis
        must be what its type says.
        """
        for k, (param, v, given) in enumerate(zip(function.params, function.block.params, arrays)):
            array = np.asarray(given)
            if array.ndim == 0 and not isinstance(given, (np.ndarray, np.generic)):
                array = np.asarray(given, v.type.dtype)
            if str(array.dtype) != v.type.dtype or array.ndim != v.type.ndim:
                raise TypeError(
                    f"parameter {k} is {array.dtype} of rank {array.ndim}, wanted {v.type.text()}"
                )
            if param.symbol is not None:
                self.symbols[param.symbol] = int(array)
            self.root[v] = array
        for v in function.block.params:
            for s, actual in zip(v.type.shape, self.root[v].shape):
                symbol = dims.lone(s)
                if symbol is not None:
                    self.symbols.setdefault(symbol, actual)
        for k, (param, v) in enumerate(zip(function.params, function.block.params)):
            for axis, (s, actual) in enumerate(zip(v.type.shape, self.root[v].shape)):
                wanted = self.size(s)
                if wanted != actual:
                    site = param.sites[axis] if param.sites else None
                    self.failed[:] = [-1 if site is None else site]
                    error = ValueError(
                        f"Input dimension mis-match: parameter {k}.shape[{axis}] is {actual}, {s} is {wanted}"
                    )
                    raise refusal(error, SIZES, actual, wanted)

    def shape_is(self, v: Value, shape: tuple[int, ...], words: str) -> None:
        wanted = tuple(map(self.size, v.type.shape))
        if wanted != tuple(shape):
            raise ValueError(f"{words} has shape {tuple(shape)}, its type {v.type.text()} says {wanted}")

    # -- blocks
    def run_instrs(self, stack: list[_Frame]) -> None:
        try:
            self.run_all(stack)
        except BaseException as error:
            instr = self.current
            if instr is None:  # interrupted before the first one
                raise
            if isinstance(error, MemoryError) and instr.op.kind != HOST:
                refusal(error, MEMORY)
            elif isinstance(error, ValueError) and any(map(self.impossible, instr.results)):
                self.failed[:] = [-1]
                raise refusal(ValueError(f"array is too big: {error}"), BAD_SIZE, -1) from error
            elif instr.op.refuses and isinstance(error, DEMANDED[instr.op.error]):
                refusal(error, ASSERT)
            self.failed[:] = [instr.attrs.get("site", -1), *(f.loop.made for f in stack if f.loop)]
            raise

    def impossible(self, v: Value) -> bool:
        """Whether no memory could hold a value of v's sizes; not when these are still to be found."""
        known = all(isinstance(s, int) or self.symbols.keys() >= set(dims.symbols(s)) for s in v.type.shape)
        return known and prod(map(self.size, v.type.shape), start=v.type.itemsize) > MOST

    def run_all(self, stack: list[_Frame]) -> None:
        while stack:
            frame = stack[-1]
            instr = next(frame.instrs, None)
            if instr is None:
                stack.pop()
                if frame.instr is not None:
                    self.leave(frame, stack[-1])
                    stack[-1].used(frame.instr.operands)
                elif frame.ending is not None:
                    frame.ending(stack)
                continue
            self.current = instr
            if instr.op.name == "kernel":
                stack.append(self.enter(instr, frame))
            elif instr.op.name == "scan":
                _Loop(self, instr, frame).next(stack)
            elif instr.op.name == "cond":
                stack.append(self.branch(instr, frame))
            elif frame.instr is None:
                self.plain(instr, frame.values)
                frame.used(instr.operands)
            else:
                self.inside(instr, frame)

    def plain(self, instr: Instr, values: dict[Value, np.ndarray]) -> None:
        if instr.op.name == "constant":
            values[instr.result] = constant(instr)
            return
        if instr.op.kind == REDUCE:
            results: Any = reduce(instr.op, values[instr.operands[0]], instr.attrs["axes"], instr.attrs)
        else:
            # a user's Python runs as it would beside the C: what NumPy warns of there, it says
            with np.errstate(**(self.outside if instr.op.kind == HOST else {})):
                results = instr.op.eval(
                    instr.attrs, tuple(map(self.size, instr.sizes)), *[values[v] for v in instr.operands]
                )
        if not isinstance(results, (tuple, list)):
            results = (results,) if instr.results else ()
        if instr.op.name == "sizeof":
            self.name(instr.found[0], int(values[instr.operands[0]]), "sizeof")
        for v, array in zip(instr.results, results):
            self.keep(instr, v, np.asarray(array), values)

    def keep(self, instr: Instr, v: Value, array: np.ndarray, values: dict[Value, np.ndarray]) -> None:
        """Store a result; the sizes found by the instruction are read off its shape."""
        for s, actual in zip(v.type.shape, array.shape):
            symbol = dims.lone(s) if instr.found else None
            if symbol is not None and symbol in instr.found:
                self.name(symbol, actual, f"a result of {instr.op}")
        self.shape_is(v, array.shape, f"a result of {instr.op}")
        if str(array.dtype) != v.type.dtype:
            raise TypeError(f"a result of {instr.op} is {array.dtype}, its type {v.type.text()}")
        values[v] = array

    # -- loops and branches
    def block(
        self,
        block: Block,
        arguments: Sequence[np.ndarray],
        ending: Callable[[list[_Frame], list[np.ndarray]], None],
        loop: _Loop | None = None,
    ) -> _Frame:
        """A frame for one run of a scan's or cond's block; the sizes it found the last time are forgotten."""
        for i in walk(block):
            for name in i.found:
                self.symbols.pop(name, None)
                self._sizes.clear()
        values = dict(zip(block.params, arguments))
        return _Frame(
            iter(block.instrs),
            values,
            ending=lambda stack: ending(stack, [values[v] for v in block.results]),
            loop=loop,
        )

    def branch(self, instr: Instr, frame: _Frame) -> _Frame:
        cond = CondView(instr)
        side = cond.sides[0 if frame.values[cond.condition] else 1]

        def ending(stack: list[_Frame], results: list[np.ndarray]) -> None:
            for v, array in zip(instr.results, results):
                self.keep(instr, v, array, frame.values)
            frame.used(instr.operands)

        return self.block(side.block, [frame.values[v] for v in side.values], ending)

    # -- kernels
    def enter(self, instr: Instr, frame: _Frame) -> _Frame:
        domain = tuple(map(self.size, instr.sizes))
        block = instr.blocks[0]
        values: dict[Value, Any] = {}
        gathers = {a.gather for axes in instr.attrs["maps"] for a in axes if a.gather is not None}
        # elements that index others come first
        order = sorted(range(len(block.params)), key=lambda k: k not in gathers)
        for k in order:
            axes = [(a, self.size(a.start), self.size(a.step)) for a in instr.attrs["maps"][k]]
            found = {a.gather: values[block.params[a.gather]] for a, _, _ in axes if a.gather is not None}
            values[block.params[k]] = operand(
                frame.values[instr.operands[k]], axes, frame.batch, domain, found
            )
        return _Frame(iter(block.instrs), values, frame.batch + domain, len(domain), instr)

    def inside(self, instr: Instr, frame: _Frame) -> None:
        """An instruction of a kernel's block: its values have the domains' axes in front."""
        depth = len(frame.batch)
        if instr.op.kind == SCALAR:
            array = instr.op.eval(instr.attrs, (), *[frame.values[v] for v in instr.operands])
        elif instr.op.name == "index":
            place = depth - frame.own + instr.attrs["dim"]
            array = np.arange(frame.batch[place]).reshape([-1 if k == place else 1 for k in range(depth)])
        else:
            array = (
                constant(instr)
                if instr.op.name == "constant"
                else np.asarray(instr.op.eval({}, tuple(map(self.size, instr.sizes))))
            )
            array = array.reshape((1,) * depth + array.shape)
        frame.values[instr.result] = np.asarray(array)

    def leave(self, frame: _Frame, outer: _Frame) -> None:
        """The results of a kernel whose block has run."""
        instr = frame.instr
        assert instr is not None  # ``enter`` made the frame
        block, outs = instr.blocks[0], instr.attrs["outs"]
        domain = frame.batch[len(frame.batch) - frame.own :]
        before = len(outer.batch)
        for v, out, inner in zip(instr.results, outs, block.results):
            array = spread(frame.values[inner], before, domain)
            if out[0] == "reduce":
                array = reduce(OPS[out[1]], array, tuple(before + a for a in out[2]))
                array = array.astype(out[3]) if len(out) == 4 else array
            if before:
                outer.values[v] = array
            else:
                self.keep(instr, v, array, outer.values)


class _Loop:
    """A scan being run, step by step."""

    def __init__(self, machine: _Machine, instr: Instr, frame: _Frame) -> None:
        self.machine, self.instr, self.frame = machine, instr, frame
        self.scan, values = ScanView(instr), frame.values
        self.steps = machine.size(self.scan.steps)
        self.carry = [values[c.first] for c in self.scan.carries]
        self.sequences = [(values[s.source], machine.size(s.start), s.step) for s in self.scan.sequences]
        self.fixed = [values[f.value] for f in self.scan.fixed]
        # histories: a carry's values, the first one and those of all steps; yielded: what all steps yielded
        self.histories: dict[Any, list[Any]] = {c: [x] for c, x in zip(self.scan.carries, self.carry)}
        self.yielded: dict[Any, list[Any]] = {part: [] for part in self.scan.yielded}
        self.made, self.stopped = 0, False

    def next(self, stack: list[_Frame]) -> None:
        if self.made == self.steps or self.stopped:
            self.finish()
            return
        rows = [x[start + step * self.made] for x, start, step in self.sequences]
        arguments = [*self.carry, *map(np.asarray, rows), *self.fixed]
        stack.append(self.machine.block(self.scan.body, arguments, self.step, self))

    def step(self, stack: list[_Frame], results: list[np.ndarray]) -> None:
        for before, after in zip(self.carry, results):
            if before.shape != after.shape:
                raise ValueError(
                    f"a state of a scan has shape {before.shape} and after step {self.made} "
                    f"shape {after.shape}"
                )
        self.carry = results[: len(self.carry)]
        for history, x in zip(self.histories.values(), self.carry):
            history.append(x)
        for (part, rows), x in zip(self.yielded.items(), results):
            rows.append(x)
            self.stopped = part is self.scan.condition and bool(x)
        self.made += 1
        self.next(stack)

    def finish(self) -> None:
        for out in self.scan.outs:
            self.machine.keep(self.instr, out.result, self.out(out), self.frame.values)
        if self.instr.found and self.instr.found[0] not in self.machine.symbols:
            self.machine.name(self.instr.found[0], self.made, "the steps of a scan")
        self.frame.used(self.instr.operands)

    def out(self, out: Kept) -> np.ndarray:
        if out.kind == "final":
            return self.histories[out.of][-1]
        rows = (self.histories if out.kind == "history" else self.yielded)[out.of]
        if self.instr.found:
            self.machine.name(self.instr.found[0], self.made, "the steps of a scan")
        type = out.result.type
        shape = tuple(map(self.machine.size, type.shape))
        if out.kind == "sum":
            total = np.zeros(shape, type.dtype)
            for row in rows:
                total = total + row
            return total
        return np.stack(rows[::-1] if out.kind == "back" else rows) if rows else np.zeros(shape, type.dtype)


def constant(instr: Instr) -> np.ndarray:
    """The array of a ``constant`` instruction."""
    type = instr.result.type
    return np.array(instr.attrs["value"], type.dtype).reshape(type.shape)
