"""Loops and branches: a scan is a C function that runs the steps of its body, a cond an if around the steps
of its branches.

At the top of each turn the master says where the rows of this step are and looks at the signals (the *turn*),
at the end it keeps what is not made in its place already (the *end*). Kernels of a step that are long enough
are dealt to the team, like any.

Where a carry is before step t: in row t of its history; without one in two rows in turn, chosen so that the
last one is the result; or always in one row, where the step may write the new value over the old one. A carry
that is what another one was before (a register, for what is read several steps back) stays where that one
was: in its history, or in a ring of as many rows as are alive and one more. So it costs no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tgen.core import dims
from tgen.core.dims import Extent, Sym
from tgen.core.layouts import Carry, Sequence, Yielded
from tgen.core.types import TensorType
from tgen.ir.nodes import Instr, Value
from tgen.ir.views import CondView, ScanView

from .kernel import HIGH, LOW
from .library import FRAME, HOST, STATUS, bytes_of_value, copy_out, emitter, flat, move, work
from .names import size
from .nest import (
    ONE,
    ZERO,
    Ask,
    Bin,
    Block,
    Call,
    Cast,
    Do,
    Expression,
    Field,
    For,
    If,
    Int,
    Let,
    Listed,
    Load,
    Member,
    Name,
    Out,
    Select,
    Set,
    Statement,
    Statements,
    Symbol,
    Un,
    product,
    total,
)
from .steps import Branch, Loop

if TYPE_CHECKING:
    from .module import Module

Of = Carry | Yielded  # what a loop keeps something of
FIRST_ROWS = 16  # that an until loop takes memory for at first; it doubles


def row_bytes(t: TensorType) -> Expression:
    """The bytes of one row (an array of the rank of ``t``); sizes were multiplied without overflow when the
    whole was taken.
    """
    return product(size(dims.product(t.shape)), Int(t.itemsize))


class ScanWriter:
    """Writes one scan; ``tag`` is the loop's name."""

    def __init__(self, module: Module, instr: Instr, tag: str, line: str) -> None:
        self.m, self.instr, self.tag, self.line = module, instr, tag, line
        self.scan = ScanView(instr)
        self.t, self.n = module.add(f"{tag}_t"), size(self.scan.steps)
        self.next = Bin("+", self.t, ONE)
        self.kept = {(out.kind, out.of): out.result for out in self.scan.outs}
        self.until = self.scan.condition is not None
        self.last = None if self.until else module.add(f"{tag}_t_last")
        self.before: list[Statement] = []
        self.turn: list[Statement] = []
        self.ends: list[Statement] = []
        self.after: list[Statement] = []
        self.made = {v for i in self.scan.instrs for v in i.results}
        self.claimed: dict[Value, tuple[str, Of]] = {}  # what is made in the row of what keeps it
        self.added: list[tuple[Value, Field, str]] = []  # (value, its sum so far, operator)
        self.memory: dict[str, Field] = {}
        # carry -> (the carry that it was some steps before, how many); carry -> how many registers it has
        self.registers: dict[Carry, tuple[Carry, int]] = {}
        self.depths: dict[Carry, int] = {}

    # -- rows
    def row(self, base: Expression, t: TensorType, at: Expression) -> Cast:
        """Where row ``at`` of an array is that starts at ``base``."""
        start = Cast("char", base, pointer=True)
        return Cast(t.dtype, Bin("+", start, Bin("*", at, row_bytes(t))), pointer=True)

    def find_registers(self) -> None:
        """Which carries are what others were some steps before."""
        carried = {carry.param: carry for carry in self.scan.carries}
        takes: dict[Carry, Carry] = {}  # carry -> the first register that takes its value over
        for carry in self.scan.carries:
            if carry.new in carried and carry.new.type.ndim and ("history", carry) not in self.kept:
                takes.setdefault(carried[carry.new], carry)
        for head in (carry for carry in self.scan.carries if carry.new not in carried):
            register, back = head, 0
            while register in takes:
                register, back = takes[register], back + 1
                self.registers[register], self.depths[head] = (head, back), back

    def rows_of(self, name: str, count: Extent, t: TensorType) -> Field:
        """Memory for ``count`` rows, that of the same name once."""
        if name not in self.memory:
            self.memory[name] = self.m.scratch(name, t.dtype, dims.mul(count, dims.product(t.shape)))
        return self.memory[name]

    def carry_rows(self, carry: Carry) -> Callable[[Expression], Expression]:
        """A function: a step's number -> where the carry is before that step. Takes the memory."""
        number = {c: k for k, c in enumerate(self.scan.carries)}
        param, t = carry.param, carry.param.type
        head, back = self.registers.get(carry, (carry, 0))
        if ("history", head) in self.kept:
            base = self.m.field(self.kept["history", head])
            if not back:
                return lambda at: self.row(base, t, at)
            early = self.rows_of(f"{self.tag}_e{number[head]}", self.depths[head], t)
            return lambda at: Select(
                Bin(">=", at, Int(back)),
                self.row(base, t, Bin("-", at, Int(back))),
                self.row(early, t, Bin("-", Int(back - 1), at)),
            )
        if head in self.depths:
            count = self.depths[head] + 2
            ring = self.rows_of(f"{self.tag}_r{number[head]}", count, t)
            turned = Int(count - 1)
            return lambda at: self.row(
                ring, t, Bin("%", Bin("+", Int(back), Bin("*", turned, at)), Int(count))
            )
        final = self.kept.get(("final", carry))
        first = (
            self.m.field(final)
            if final is not None
            else self.m.scratch(f"{self.tag}_a{number[carry]}", t.dtype, dims.product(t.shape))
        )
        if param in self.m.plan.in_place:
            return lambda at: first
        other = self.m.scratch(f"{self.tag}_b{number[carry]}", t.dtype, dims.product(t.shape))
        return lambda at: Select(
            Bin("&", at if self.last is None else Bin("-", self.last, at), ONE), other, first
        )

    # -- parts of the loop
    def carry(self, carry: Carry) -> None:
        param, first, new = carry.param, carry.first, self.m.real(carry.new)
        t = param.type
        if not t.ndim:
            self.scalar_carry(carry, param, first, new)
            return
        rows, place = self.carry_rows(carry), self.m.field(param)
        self.before += copy_out(self.m, first, rows(ZERO))
        self.turn.append(Set(place, rows(self.t)))
        if self.claims(new, ("carry", carry)):
            self.turn.append(Set(self.m.field(new), rows(self.next)))
        elif carry in self.registers:
            pass
        elif param in self.m.plan.in_place:
            self.turn.append(Set(self.m.field(new), place))
        else:
            self.ends += copy_out(self.m, new, rows(self.next))
        if ("final", carry) not in self.kept or param in self.m.plan.in_place:
            return
        final = self.m.field(self.kept["final", carry])
        if ("history", carry) in self.kept or carry in self.registers or carry in self.depths:
            self.after.append(move(final, rows(self.t), row_bytes(t)))
        elif self.until:
            self.after.append(If(Bin("&", self.t, ONE), (move(final, rows(ONE), row_bytes(t)),)))

    def scalar_carry(self, carry: Carry, param: Value, first: Value, new: Value) -> None:
        place = self.m.field(param)
        self.before.append(Set(place, self.m.field(first)))
        if ("history", carry) in self.kept:
            history = self.m.field(self.kept["history", carry])
            self.before.append(Set(Load(history, ZERO), place))
            self.ends.append(Set(Load(history, self.next), self.m.field(new)))
        if ("final", carry) in self.kept:
            self.after.append(Set(self.m.field(self.kept["final", carry]), place))

    def scalar_moves(self) -> list[Statement]:
        """The new values of scalar carries, all read before one is set."""
        moves = [(c.param, self.m.real(c.new)) for c in self.scan.carries if not c.param.type.ndim]
        if not moves:
            return []
        new = [Name(f"c{k}", p.type.dtype) for k, (p, _) in enumerate(moves)]
        read = [Let(c, self.m.field(v)) for c, (_, v) in zip(new, moves)]
        return [Block((*read, *(Set(self.m.field(p), c) for c, (p, _) in zip(new, moves))))]

    def sequence(self, sequence: Sequence) -> None:
        param, start, step = sequence.param, sequence.start, sequence.step
        at: Expression
        if step == -1:
            at = Bin("-", size(start), self.t) if start != 0 else Un("-", self.t)
        else:
            at = total([size(start), product(Int(step), self.t)])
        base, t = flat(self.m, sequence.source), param.type
        self.turn.append(Set(self.m.field(param), self.row(base, t, at) if t.ndim else Load(base, at)))

    def claims(self, v: Value, use: tuple[str, Of]) -> bool:
        """Whether ``use`` is the first to have a value that the step makes made in its row."""
        return (
            v in self.made and self.m.plan.slots[v].kind == "row" and self.claimed.setdefault(v, use) == use
        )

    def stack(self, kind: str, of: Of, result: Value) -> None:
        v, base = self.m.real(of.new), self.m.field(result)
        at: Expression = self.t
        if kind == "back" and self.last is not None:
            at = Bin("-", Bin("-", self.last, ONE), self.t)
        if not v.type.ndim:
            self.ends.append(Set(Load(base, at), self.m.field(v)))
        elif self.claims(v, (kind, of)):
            self.turn.append(Set(self.m.field(v), self.row(base, v.type, at)))
        else:
            self.ends += copy_out(self.m, v, self.row(base, v.type, at))

    def sum(self, of: Of, result: Value) -> None:
        """The sum so far grows at the end of each step, in parts when it is an array."""
        v, so_far = self.m.real(of.new), self.m.field(result)
        op = "|" if v.type.dtype == "bool" else "+"
        if not v.type.ndim:
            self.before.append(Set(so_far, ZERO))
            self.ends.append(Set(so_far, self.m.field(v), op))
            return
        self.before.append(Do(Call("memset", (Out(so_far), ZERO, Cast("size_t", row_bytes(v.type))))))
        self.added.append((v, so_far, op))

    def add_sums(self) -> None:
        for v, so_far, op in self.added:
            count, i = dims.product(v.type.shape), Name("i")
            loop = For(i, LOW, HIGH, (Set(Load(so_far, i), Load(flat(self.m, v), i), op),))
            self.m.library_part("the sum so far", [loop], size(count), work(0.2, count), product=False)

    # -- rows of an until loop: as many as it needs
    def grow(self) -> Statements:
        """Statements that see to it that rows t and t + 1 exist; the memory doubles."""
        room, rows, wanted = self.m.add(f"{self.tag}_room"), Name("rows"), Name("wanted")
        arrays = [(v, kind) for (kind, _), v in self.kept.items() if kind in ("history", "stack")]
        doubled = Select(Bin("<", room, Int(FIRST_ROWS)), Int(FIRST_ROWS), Bin("*", Int(2), room))
        grown: Statements = (
            Let(wanted, doubled),
            Let(rows, Select(Bin("<", wanted, self.n), wanted, self.n)),
            *(self.larger(v, total([rows, Int(int(kind == "history"))]), kind) for v, kind in arrays),
            Set(room, rows),
        )
        self.before += [Set(room, Int(-1)), Set(self.t, ZERO), Block(grown)]
        used_up = Bin("&&", Bin(">=", self.t, room), Bin("<", self.t, self.n))
        return (If(used_up, grown),) if arrays else ()

    def larger(self, v: Value, rows: Expression, kind: str) -> Block:
        """A block for so many rows of v, which takes over what the block before has."""
        holder, pointer, block = self.m.holder_of(v), self.m.field(v), Name("block", "tgen_block", True)
        shape = Listed("int64", (rows, *map(size, v.type.shape[1:])))
        bytes = Call("tgen_bytes", (Int(v.type.itemsize), Int(v.type.ndim), shape))
        row = v.type.with_shape(v.type.shape[1:])
        used = Bin("*", total([self.t, Int(int(kind == "history"))]), row_bytes(row))
        data = Member(block, "data")
        kept = If(holder, (move(data, pointer, used), Do(Ask(HOST, "give", (holder,)))))
        put: Statements = kept, Set(holder, block), Set(pointer, Cast("void", data, pointer=True))
        return Block((Let(block, Call("tgen_room", (FRAME, bytes))), If(block, put)))

    # -- all of it
    def write(self) -> None:
        m, tag = self.m, self.tag
        m.add(f"{tag}_on", "int32")
        if self.last is not None:
            self.before.append(Set(self.last, self.n))
        loop = Loop(tag, self.line, Bin("<", self.t, self.n), m.loop_depth)
        if self.until:
            loop.grown = self.grow()
        self.find_registers()
        self.outs()
        if self.scan.condition is not None:
            stop = m.add(f"{tag}_stop", "bool")
            self.before.append(Set(stop, ZERO))
            self.ends.append(Set(stop, m.field(m.real(self.scan.condition.new))))
            self.after.append(Set(Symbol(str(self.instr.found[0])), self.t))
            loop.going = Bin("&&", loop.going, Un("!", stop))
        m.master([*self.before, Set(self.t, Int(-1))], fails=self.until)
        self.body(loop)
        loop.turn = self.turn
        if self.after:
            m.master(self.after)

    def outs(self) -> None:
        for carry in self.scan.carries:
            self.carry(carry)
        for sequence in self.scan.sequences:
            self.sequence(sequence)
        for (kind, of), v in self.kept.items():
            if kind in ("stack", "back"):
                self.stack(kind, of, v)
            elif kind == "sum":
                self.sum(of, v)

    def body(self, loop: Loop) -> None:
        self.m.enter(loop.steps, loop=True)
        self.m.walk(self.scan.body)
        self.add_sums()
        closing = self.ends + self.scalar_moves()
        if closing:
            self.m.master(closing)
        self.m.leave(loop=True)
        self.m.add_nested(loop)


@emitter
def scan(module: Module, instr: Instr, line: str) -> None:
    ScanWriter(module, instr, module.loop_name(), line).write()


@emitter
def cond(module: Module, instr: Instr, line: str) -> None:
    view = CondView(instr)
    branch = Branch(Bin("!=", module.field(view.condition), ZERO))
    for side, steps in zip(view.sides, (branch.yes, branch.no)):
        block = side.block
        module.enter(steps)
        direct = {
            v: r for v, r in zip(block.results, instr.results) if v.type.ndim and module.plan.slots[v].of is r
        }
        module.master([Set(module.field(v), module.field(r)) for v, r in direct.items()])
        module.walk(block)
        for v, r in zip(block.results, view.results):
            found = {o.axis: o.symbol for o in view.open if o.result is r}
            end_branch(module, r, module.real(v), direct.get(v) is r, found)
        module.leave()
    module.add_nested(branch)


def end_branch(module: Module, result: Value, v: Value, direct: bool, found: Mapping[int, Sym]) -> None:
    """What a branch yields becomes the result; sizes that depend on the branch are known here."""
    target = module.field(result)
    if not v.type.ndim:
        module.master([Set(target, module.field(v))])
        return
    if found:
        module.master([Set(Symbol(str(k)), size(v.type.shape[axis])) for axis, k in found.items()])
        module.take_late(module.holder_of(result), target, bytes_of_value(result))
    if not direct:
        module.master([If(Un("!", STATUS), copy_out(module, v, target))])
