"""hoist: what is the same at every step of a loop is made once, before it.

    v5: float64[n0 + 1] = scan v1, v2 <n0> {..} (v3, v4) {        v9 = exp v2
      v6 = exp v4                                          ->     v5 = scan v1, v9 <n0> {..} (v3, v10) {
      v7 = mul v3, v6                                               v7 = mul v3, v10
      yield v7                                                      yield v7

A carry that no step changes is such a value; so is a sequence whose rows are all the same. A number goes the
other way, into the body, where rules and kernels see it; then the body is simplified again. Views stay inside
(they cost nothing), and so do checks and what finds sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tgen.core.layouts import Fixed, Given, Kept, Yielded
from tgen.core.op import SCALAR, VIEW
from tgen.core.rules import uniform
from tgen.ir.builder import Builder
from tgen.ir.nodes import Block, Value
from tgen.ir.rebuild import bottom_up, definitions, instr_symbols, replaced, substitute
from tgen.ir.views import ScanView
from tgen.passes.match import Sweep
from tgen.passes.rules import EXACT

if TYPE_CHECKING:
    from tgen.core.dims import Sym
    from tgen.core.layouts import Carry, Given
    from tgen.core.types import TensorType
    from tgen.ir.nodes import Function, Instr


def hoist(function: Function) -> Function:
    """``function`` with the invariants of its loops before them."""
    return function.with_block(bottom_up(function.block, lambda block, level: _hoisted(block)))


def _hoisted(block: Block) -> Block:
    if not any(i.op.name == "scan" for i in block.instrs):
        return block
    out, env, numbers = [], {}, Sweep(block, ())
    numbers.run()
    for old in block.instrs:
        instr = substitute(old, env)
        again = instr.op.name == "scan"
        while again:  # a number that goes into the body may leave another carry as it is
            instr, before = _Hoist(instr, numbers, {v: i for i in out for v in i.results}, env).run()
            out.extend(before)
            scan = ScanView(instr)
            again = any(is_still(scan, carry) for carry in scan.carries)
        out.append(instr)
    return Block(block.params, tuple(out), tuple(replaced(v, env) for v in block.results))


P = TypeVar("P", bound=Given)


class _Hoist:
    """One scan: ``before`` are the instructions that go before it, ``env`` gets what stands
    for its results.
    """

    def __init__(self, instr: Instr, numbers: Sweep, made: dict[Value, Instr], env: dict[Any, Any]) -> None:
        self.scan, self.numbers, self.made, self.env = ScanView(instr), numbers, made, env
        self.sequences, self.fixed = list(self.scan.sequences), list(self.scan.fixed)
        self.before = Builder(instr)
        self.inside = Builder(instr)  # what is made anew at the top of the body
        self.same = {}  # parameter -> what stands for it

    def run(self) -> tuple[Instr, list[Instr]]:
        self.still_carries()
        self.still_sequences()
        self.constants()
        self.duplicates()
        old = self.scan.body
        body = Block(old.params, (*self.inside.instrs, *old.instrs), old.results)
        body = Sweep(_renamed(body, self.same), EXACT).run()
        body = self.invariants(body)
        return self.rebuilt(body), self.before.instrs

    def still_carries(self) -> None:
        """A carry that every step leaves as it is. Its history is the value repeated, unless the number of
        steps is found inside.
        """
        self.moves = []  # of each carry, whether it does
        for carry in self.scan.carries:
            self.moves.append(not is_still(self.scan, carry))
            if self.moves[-1]:
                continue
            self.fixed.append(Fixed(carry.param, carry.first))
            for out in self.scan.outs:
                if out.of is carry and out.kind in ("history", "final"):
                    final = out.kind == "final"
                    self.env[out.result] = (
                        carry.first if final else self.repeated(carry.first, out.result.type)
                    )

    def repeated(self, x: Value, type: TensorType) -> Value:
        row = self.before.emit("dimshuffle", (x,), {"order": ("x", *range(x.type.ndim))})
        return self.before.emit("broadcast_to", (row,), {}, type.shape)

    def still_sequences(self) -> None:
        """A sequence that is one row repeated."""
        kept = []
        for sequence in self.sequences:
            row = self.row_of(sequence.source)
            if row is None:
                kept.append(sequence)
            else:
                self.fixed.append(Fixed(sequence.param, row))
        self.sequences = kept

    def row_of(self, v: Value) -> Value | None:
        while (instr := self.made.get(v)) is not None and instr.op.name == "slice" and only_rows(instr):
            v = instr.operands[0]
        if instr is None or instr.op.name != "broadcast_to" or instr.operands[0].type.shape[0] != 1:
            return None
        row = self.before.emit("dimshuffle", (instr.operands[0],), {"order": tuple(range(1, v.type.ndim))})
        return (
            row
            if row.type.shape == v.type.shape[1:]
            else self.before.emit("broadcast_to", (row,), {}, v.type.shape[1:])
        )

    def constants(self) -> None:
        """Fixed operands that are one number in every element."""
        kept = []
        for fixed in self.fixed:
            param, v = fixed.param, fixed.value
            number = self.number(v)
            if number is None:
                kept.append(fixed)
                continue
            made = self.inside.scalar(number.item(), v.type)
            if v.type.ndim:
                made = self.inside.emit("dimshuffle", (made,), {"order": ("x",) * v.type.ndim})
            self.same[param] = (
                made
                if made.type.shape == v.type.shape
                else self.inside.emit("broadcast_to", (made,), {}, v.type.shape)
            )
        self.fixed = kept

    def number(self, v: Value) -> np.generic | None:
        """The number that all elements of an outer value are, or None; views made here are looked through."""
        own = {r: i for i in self.before.instrs for r in i.results}
        while v in own and own[v].op.kind == VIEW:
            v = own[v].operands[0]
        number = self.numbers.number_of(v)
        return (
            None if number is None else uniform(number.reshape(1)) if hasattr(number, "reshape") else number
        )

    def duplicates(self) -> None:
        self.sequences = self.each_once(self.sequences, lambda s: (s.source, s.start, s.step))
        self.fixed = self.each_once(self.fixed, lambda f: f.value)

    def each_once(self, parts: list[P], read: Callable[[P], Any]) -> list[P]:
        """``parts`` without those that read what one before them does."""
        first = {}
        for part in parts:
            if first.setdefault(read(part), part) is not part:
                self.same[part.param] = first[read(part)].param
        return list(first.values())

    # -- invariants
    def invariants(self, body: Block) -> Block:
        """Take the instructions that only read fixed values out of the body, but for views, which those that
        need them copy.
        """
        made, steady = definitions(body), {f.param for f in self.fixed}
        found = {name for i in body.instrs for name in i.found}
        for i in body.instrs:
            if self.is_steady(i, steady, found):
                steady.update(i.results)
        read = {
            v
            for i in body.instrs
            if i.results and i.results[0] not in steady or not i.results
            for v in i.operands
        } | set(body.results)
        needed = self.through_views(read, made, steady)
        outer = {f.param: f.value for f in self.fixed}
        for v in needed:
            self.fixed.append(Fixed(v, self.outside(v, made, outer)))
        gone = set(needed)
        kept = tuple(i for i in body.instrs if gone.isdisjoint(i.results))
        return Block(body.params, kept, body.results)

    @staticmethod
    def is_steady(i: Instr, steady: set[Value], found: set[Sym]) -> bool:
        if (
            not i.op.effect.moves
            or i.found
            or i.blocks
            or not i.results
            or i.op.name == "size"
            or any(name in found for name in instr_symbols(i))
        ):
            return False
        return all(v in steady for v in i.operands)

    @staticmethod
    def through_views(read: set[Value], made: dict[Value, Instr], steady: set[Value]) -> list[Value]:
        """The invariants worth a place of their own: what views of them need, not the views; no constants."""
        found, stack = {}, [v for v in read if v in steady]
        while stack:
            v = stack.pop()
            i = made.get(v)
            if i is None or i.op.name == "constant":
                continue
            if i.op.kind == VIEW and i.op.name != "reshape" or i.op.name == "iota":
                stack.extend(i.operands)
            elif _is_number(i, made):
                continue
            else:
                found[v] = None
        return sorted(found, key=list(made).index) if len(found) > 1 else list(found)

    def outside(self, v: Value, made: dict[Value, Instr], outer: dict[Value, Value]) -> Value:
        """The value before the loop of an invariant: what it is made of is copied there."""
        stack = [v]
        while stack:
            x = stack[-1]
            if x in outer:
                stack.pop()
                continue
            i = made[x]
            waiting = [o for o in i.operands if o not in outer]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            results = tuple(Value(r.type) for r in i.results)
            self.before.instrs.append(i.with_(operands=tuple(outer[o] for o in i.operands), results=results))
            outer.update(zip(i.results, results))
        return outer[v]

    # -- the new scan
    def rebuilt(self, body: Block) -> Instr:
        scan = ScanView(self.scan.instr.with_(blocks=(body,)))
        carries = [c for c, moves in zip(scan.carries, self.moves) if moves]
        more, outs = list(scan.more), []
        for out in scan.outs:
            if out.result in self.env:
                continue
            if out.of in scan.carries and out.of not in carries:
                # a carry that stays as it is may still be yielded for a stack or a sum
                more.append(Yielded(out.of.new))
                out = Kept(out.kind, more[-1], out.result)
            outs.append(out)
        return scan.with_(carries=carries, sequences=self.sequences, fixed=self.fixed, more=more, outs=outs)


def is_still(scan: ScanView, carry: Carry) -> bool:
    """Whether every step leaves a carry as it is, and nobody asks for more of it than is known before the
    loop.
    """
    if carry.new is not carry.param:
        return False
    return scan.condition is None or scan.out("history", carry) is None


def only_rows(instr: Instr) -> bool:
    """Whether a slice takes rows and leaves the other axes whole."""
    x, ndim = instr.operands[0], instr.operands[0].type.ndim
    return (
        all(s == 0 for s in instr.sizes[1:ndim])
        and all(k == 1 for k in instr.attrs["steps"][1:])
        and instr.sizes[ndim + 1 :] == x.type.shape[1:]
    )


def _is_number(i: Instr, made: dict[Value, Instr]) -> bool:
    """A scalar operation on constants: fold or the kernel makes a number of it."""
    return (
        i.op.kind == SCALAR
        and not i.result.type.ndim
        and all(v in made and made[v].op.name == "constant" for v in i.operands)
    )


def _renamed(block: Block, same: dict[Value, Value]) -> Block:
    """``block`` with values replaced."""
    instrs = tuple(substitute(i, same) for i in block.instrs)
    return Block(block.params, instrs, tuple(replaced(v, same) for v in block.results))
