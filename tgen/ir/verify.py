"""The verifier: the type rule run again, and what the IR promises besides (one definition, before use; sizes
named before use).

``verify(function)`` raises VerifyError with the offending line of the text. Sizes that a ``check_eq`` has
made equal count as equal from there on. A kernel's block is closed: it uses its own parameters and values
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from tgen.core import dims
from tgen.core.dtypes import DTYPE, is_float, is_int
from tgen.core.maps import WHOLE
from tgen.core.op import OPS, REDUCE, SCALAR
from tgen.core.types import TensorType
from tgen.ir.equal import Equalities
from tgen.ir.frame import laid_out
from tgen.ir.nodes import CONST, INPUT, SHARED
from tgen.ir.text import instr_text

if TYPE_CHECKING:
    from tgen.core.dims import Extent, Sym
    from tgen.core.maps import Axis
    from tgen.ir.nodes import Block, Function, Instr, Param, Value

IN_KERNEL = ("constant", "size", "index", "kernel")


class VerifyError(AssertionError):
    """A pass or a lowering made a function that breaks the IR's rules: an error in tgen, not in a user's
    program.
    """


def verify(function: Function) -> Function:
    """Check ``function``; returns it.

    >>> import tgen.ops
    >>> from tgen.ir.text import parse
    >>> verify(parse("function (v0: int64[n0]) {\\n v1: float64[n0] = neg v0\\n return v1\\n}"))
    Traceback (most recent call last):
      ...
    tgen.ir.verify.VerifyError: result 0 is float64[n0], the op's rule says int64[n0]: v1: float64[n0] = neg
    v0
    """
    _Verifier(function).run()
    return function


# instructions, scope, domain rank or None, what to do at the end
Work: TypeAlias = "tuple[Iterator[Instr], set[Value], int | None, Callable[[], None] | None]"


class _Verifier:
    def __init__(self, function: Function) -> None:
        self.function, self.equal = function, Equalities()
        self.symbols: set[Sym] = set()
        self.defined: set[Value] = set()
        self.sound: set[TensorType] = set()
        self.instr: Instr | None = None

    def run(self) -> None:
        try:
            self.params()
            self.blocks()
            self.instr = None
            self.results()
        except (VerifyError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            line = (
                instr_text(self.function, self.instr)
                if self.instr is not None
                else "the function's parameters and results"
            )
            words = str(error) if isinstance(error, (VerifyError, TypeError, ValueError)) else repr(error)
            raise VerifyError(f"{words}: {line}") from (None if isinstance(error, VerifyError) else error)

    # -- parameters and results
    def params(self) -> None:
        fn = self.function
        _demand(
            len(fn.params) == len(fn.block.params),
            f"{len(fn.params)} parameters described, the block has {len(fn.block.params)}",
        )
        counts = {INPUT: 0, SHARED: 0, CONST: 0}
        for param, value in zip(fn.params, fn.block.params):
            _demand(
                param.kind in counts and param.number == counts[param.kind],
                f"parameter {param.kind} {param.number} is out of order",
            )
            counts[param.kind] += 1
            if param.symbol is not None:
                _demand(
                    param.kind == INPUT and value.type.ndim == 0 and is_int(value.type.dtype),
                    f"{param.symbol} names no rank-0 integer input",
                )
                self.symbols.add(param.symbol)
            # the entry reads those
            self.symbols.update(s for s in map(dims.lone, value.type.shape) if s and s.kind == dims.LENGTH)
        for value in fn.block.params:
            self.define(value, self.defined)
        _demand(
            len(fn.constants) == counts[CONST],
            f"{len(fn.constants)} constants for {counts[CONST]} parameters",
        )
        for param, value in zip(fn.params, fn.block.params):
            self.constant_param(param, value)
        self.shared = {p.number: (p, v) for p, v in zip(fn.params, fn.block.params) if p.kind == SHARED}

    def constant_param(self, param: Param, value: Value) -> None:
        array = self.function.constants[param.number] if param.kind == CONST else None
        if array is None:
            return
        _demand(
            str(array.dtype) == value.type.dtype and tuple(array.shape) == value.type.shape,
            f"constant {param.number} is {array.dtype}{list(array.shape)}, its parameter {value.type.text()}",
        )

    def results(self) -> None:
        fn = self.function
        _demand(
            fn.outputs + len(fn.updates) == len(fn.block.results),
            f"{len(fn.block.results)} results for {fn.outputs} outputs and {len(fn.updates)} updates",
        )
        _demand(len(set(fn.updates)) == len(fn.updates), "a shared variable is updated twice")
        ranks = (
            [None if p.kind == SHARED else v.type.ndim for p, v in zip(fn.params, fn.block.params)],
            [v.type.ndim for v in fn.block.results[: fn.outputs]],
        )
        _demand(
            fn.layout in (None, laid_out(*ranks)),
            "the layout of the frame is not that of the parameters and outputs",
        )
        self.uses(fn.block.results, self.defined)
        for number, value in zip(fn.updates, fn.block.results[fn.outputs :]):
            _demand(number in self.shared, f"there is no shared variable {number} to update")
            param, target = self.shared[number]
            old, new = self.equal.canon_type(target.type), self.equal.canon_type(value.type)
            same = old.dtype == new.dtype and old.ndim == new.ndim
            for axis in range(old.ndim if same else 0):
                # an axis that has its size by an equation, not by its type, is compared by each call
                solved = bool(param.sites) and param.sites[axis] is not None
                free = solved or not isinstance(target.type.shape[axis], int)
                same &= free or old.shape[axis] == new.shape[axis]
            _demand(same, f"shared variable {number} is {old.text()}, its update {new.text()}")

    # -- values and sizes
    def define(self, value: Value, scope: set[Value]) -> None:
        _demand(value not in self.defined or value in scope, "a value is defined in two blocks")
        _demand(value not in scope, "a value is defined twice")
        self.check_type(value.type)
        scope.add(value)

    def uses(self, values: tuple[Value, ...], scope: set[Value]) -> None:
        for v in values:
            _demand(v in scope, "a value is used that is not defined here")

    def check_type(self, type: TensorType) -> None:
        if type in self.sound and not type.weak:
            return
        _demand(isinstance(type, TensorType), f"{type!r} is no type")
        _demand(not type.weak, f"type {type.text()} is weak")
        self.check_sizes(type.shape)
        self.sound.add(type)

    def check_sizes(self, sizes: tuple[Extent, ...]) -> None:
        for s in sizes:
            _demand(isinstance(s, (int, dims.Size)) and not isinstance(s, bool), f"{s!r} is no size")
            for symbol in dims.symbols(s):
                _demand(symbol in self.symbols, f"size symbol {symbol} is not defined here")

    # -- instructions
    def blocks(self) -> None:
        """All blocks, by a stack of (instructions, scope, domain rank or None, what to do at the end)."""
        stack: list[Work] = [(iter(self.function.block.instrs), self.defined, None, None)]
        while stack:
            instrs, scope, rank, ending = stack[-1]
            self.instr = next(instrs, None)
            if self.instr is None:
                stack.pop()
                if ending:
                    ending()
                continue
            self.before(self.instr, scope, rank)
            if not self.instr.blocks:
                self.after(self.instr, scope)
                continue
            stack.append((iter(()), scope, rank, partial(self.after, self.instr, scope)))
            stack.extend(self.inner(self.instr, b) for b in reversed(self.instr.blocks))

    def inner(self, instr: Instr, block: Block) -> Work:
        scope: set[Value] = set()
        rank = len(instr.sizes) if instr.op.name == "kernel" else None

        def ending() -> None:
            self.instr = instr
            self.uses(block.results, scope)
            self.defined.update(scope)

        for v in block.params:
            self.define(v, scope)
        return iter(block.instrs), scope, rank, ending

    def before(self, instr: Instr, scope: set[Value], rank: int | None) -> None:
        self.uses(instr.operands, scope)
        self.check_sizes(instr.sizes)
        if rank is not None:
            _demand(
                instr.op.kind == SCALAR or instr.op.name in IN_KERNEL, f"{instr.op} may not stand in a kernel"
            )
            _demand(not instr.found, "a kernel cannot find sizes")
        if instr.op.name == "index":
            _demand(rank is not None and 0 <= instr.attrs["dim"] < rank, "no such index of the kernel")
        if instr.op.name == "kernel":
            self.kernel_operands(instr)
        elif instr.blocks:
            self.block_params(instr)

    def block_params(self, instr: Instr) -> None:
        """The parameters of the blocks of a scan or cond have the types its rule gives them."""
        rule = instr.op.params
        wanted = () if rule is None else rule([v.type for v in instr.operands], instr.attrs)
        _demand(len(wanted) == len(instr.blocks), f"{len(instr.blocks)} blocks, wanted {len(wanted)}")
        for block, types in zip(instr.blocks, wanted):
            _demand(
                len(block.params) == len(types),
                f"a block has {len(block.params)} parameters, wanted {len(types)}",
            )
            for v, t in zip(block.params, types):
                _demand(self.agree(v.type, t, ()), f"a block parameter is {v.type.text()}, wanted {t.text()}")

    def after(self, instr: Instr, scope: set[Value]) -> None:
        self.instr = instr
        for symbol in instr.found:
            _demand(symbol not in self.symbols, f"size symbol {symbol} is defined twice")
            self.symbols.add(symbol)
        for v in instr.results:
            self.define(v, scope)
        wanted = self.kernel_types(instr) if instr.op.name == "kernel" else self.inferred(instr)
        _demand(
            len(wanted) == len(instr.results),
            f"{len(instr.results)} results, the op's rule says {len(wanted)}",
        )
        for k, (value, type) in enumerate(zip(instr.results, wanted)):
            _demand(
                self.agree(value.type, type, instr.found),
                f"result {k} is {value.type.text()}, the op's rule says {type.text()}",
            )
        if instr.op.name == "check_eq":
            self.equal.learn(*instr.sizes)

    def agree(self, type: TensorType, wanted: TensorType, found: Sequence[Sym]) -> bool:
        """Whether a result's type is what was inferred; a size the rule leaves open must
        be one found here.
        """
        if type.dtype != wanted.dtype or type.ndim != wanted.ndim:
            return False
        return type == wanted or all(
            dims.lone(s) in found if w is None else self.equal.canon(s) == self.equal.canon(w)
            for s, w in zip(type.shape, wanted.shape)
        )

    def inferred(self, instr: Instr) -> tuple[TensorType, ...]:
        if instr.op.name == "constant":
            return (self.constant(instr),)
        types = [self.equal.canon_type(v.type) for v in instr.operands]
        if instr.op.nonempty:
            types = [_filled(type, instr.attrs["axes"]) for type in types]
        sizes = tuple(self.equal.canon(s) for s in instr.sizes)
        yields = ([self.equal.canon_type(v.type) for v in b.results] for b in instr.blocks)
        return tuple(instr.op.infer(types, instr.attrs, sizes, *yields))

    def constant(self, instr: Instr) -> TensorType:
        type, values = instr.result.type, instr.attrs["value"]
        _demand(all(isinstance(s, int) for s in type.shape), "a constant's shape is static")
        _demand(
            isinstance(values, tuple) and len(values) == dims.product(type.shape),
            f"{len(values)} elements of a constant {type.text()}",
        )
        python = DTYPE[type.dtype].python
        for v in values:
            _demand(v.__class__ is python, f"element {v!r} of a constant {type.text()}")
        return type

    # -- kernels
    def kernel_operands(self, instr: Instr) -> None:
        maps, params = instr.attrs["maps"], instr.blocks[0].params
        _demand(
            len(instr.blocks) == 1 and len(maps) == len(instr.operands) == len(params),
            "operands, maps and block parameters of a kernel differ in number",
        )
        for value, axes, param in zip(instr.operands, maps, params):
            _demand(len(axes) == value.type.ndim, f"a map of {len(axes)} axes for {value.type.text()}")
            for axis, size in zip(axes, value.type.shape):
                self.axis(instr, axis, size)
            whole = TensorType(
                value.type.dtype, tuple(s for a, s in zip(axes, value.type.shape) if a == WHOLE)
            )
            _demand(
                self.agree(param.type, whole, ()),
                f"a block parameter is {param.type.text()}, its map leaves {whole.text()}",
            )

    def axis(self, instr: Instr, axis: Axis, size: Extent) -> None:
        if axis == WHOLE:
            return
        self.check_sizes((axis.start, axis.step))
        if axis.gather is not None:
            param = (
                instr.blocks[0].params[axis.gather].type
                if axis.gather in range(len(instr.operands))
                else None
            )
            _demand(
                axis.index is None and param is not None and param.ndim == 0 and is_int(param.dtype),
                "a map gathers by no integer element",
            )
            return
        _demand(
            axis.index is None or axis.index in range(len(instr.sizes)),
            f"a map uses index {axis.index} of {len(instr.sizes)}",
        )
        length = instr.sizes[axis.index] if axis.index is not None else 1
        if size == 0:
            return  # it has no place: a check before it has ended the call
        ends = axis.ends(length, size)
        if ends is not None and isinstance(size, int) and 0 not in instr.sizes:
            low, high = ends
            _demand(0 <= low and high < size, f"a map reads elements {low} to {high} of an axis of {size}")

    def kernel_types(self, instr: Instr) -> list[TensorType]:
        outs, yielded = instr.attrs["outs"], instr.blocks[0].results
        _demand(len(outs) == len(yielded), f"{len(outs)} outs for {len(yielded)} values yielded")
        return [self.out_type(instr, out, v.type) for out, v in zip(outs, yielded)]

    def out_type(self, instr: Instr, out: tuple[Any, ...], type: TensorType) -> TensorType:
        domain = tuple(instr.sizes)
        if out == ("map",):
            return TensorType(type.dtype, domain + type.shape)
        _demand(len(out) in (3, 4) and out[0] == "reduce" and out[1] in OPS, f"no out of a kernel: {out}")
        _demand(OPS[out[1]].kind == REDUCE, f"no out of a kernel, {out[1]} is no reduction: {out}")
        _demand(
            out[2] and list(out[2]) == sorted(set(out[2])) and set(out[2]) <= set(range(len(domain))),
            f"no axes of the domain: {out[2]}",
        )
        (reduced,) = OPS[out[1]].infer(
            [_filled(TensorType(type.dtype, domain), out[2])], {"axes": out[2]}, ()
        )
        dtype = out[3] if len(out) == 4 else reduced.dtype
        rounds = is_float(dtype) and reduced.dtype == DTYPE[dtype].accumulator
        _demand(rounds or dtype == reduced.dtype, f"{reduced.dtype} is not rounded to {dtype}: {out}")
        return TensorType(dtype, reduced.shape + type.shape)


def _filled(type: TensorType, axes: tuple[int, ...]) -> TensorType:
    """A reduced operand with one element where it has none: an extreme of nothing is what the user is
    refused; in the IR it is the least or the greatest value (regions.reduce).
    """
    return type.with_shape(tuple(1 if s == 0 and k in axes else s for k, s in enumerate(type.shape)))


def _demand(condition: object, words: str) -> None:
    if not condition:
        raise VerifyError(words)
