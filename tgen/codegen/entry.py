"""The two functions through which a program is called, as statements.

``tgen_core`` takes typed pointers and sizes, the storages of the shared variables, and a place for the
results: it checks sizes, takes memory, runs the body, commits. What goes wrong is a code, and in the record a
site's number and the numbers that go with it. ``tgen_entry`` is its wrapper for Python, which has all of that
in the int64 slots of a call's frame (ir/frame.py). Another caller writes another wrapper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tgen.core import dims
from tgen.core.dims import Sym
from tgen.core.dtypes import DTYPE
from tgen.core.types import TensorType
from tgen.ir.frame import Layout
from tgen.ir.nodes import CONST, SHARED, Function, Param, Value
from tgen.ir.rebuild import walk
from tgen.ir.verify import VerifyError

from .library import FRAME, bytes_of_value, fail, room
from .module import holder
from .names import size
from .nest import (
    ZERO,
    Address,
    Ask,
    Bin,
    Call,
    Cast,
    Do,
    Expression,
    Field,
    If,
    Int,
    Leave,
    Let,
    Listed,
    Load,
    Member,
    Name,
    Out,
    Return,
    Select,
    Set,
    Statement,
    Statements,
    Symbol,
    Target,
    Un,
)

if TYPE_CHECKING:
    from .module import Module

HOST = Name("host", "tgen_host", pointer=True)
SLOTS = Name("frame", pointer=True)
GIVEN = Name("given", "Arguments", pointer=True, const=True)
STATE, OUT = Name("state", "State", pointer=True, const=True), Name("out", "Results", pointer=True)
SHARED_VALUES = Name("shared", "tgen_storage", pointer=True)
WORK, ROOM = Name("work", "char", pointer=True), Name("room")


def slot(number: int) -> Load:
    """An int64 of the call's frame."""
    return Load(SLOTS, Int(number))


def moved(target: Target, source: Target, dtype: str) -> Do:
    """A scalar's bits from or to a slot."""
    return Do(Call("memcpy", (Out(Address(target)), Address(source), Int(DTYPE[dtype].bytes))))


def symbols_of(function: Function) -> list[str]:
    """The name of every size symbol in the module: of parameters, arguments and what is found inside."""
    found: dict[Sym, None] = {}
    for v, p in zip(function.block.params, function.params):
        if p.symbol:
            found[p.symbol] = None
        found.update(dict.fromkeys(v.type.symbols))
    for instr in walk(function.block):
        if instr.found:
            found.update(dict.fromkeys(instr.found))
        for s in instr.sizes:
            found.update(dict.fromkeys(dims.symbols(s)))
        for v in instr.results:
            if v.type.shape:
                found.update(dict.fromkeys(v.type.symbols))
    return list(map(str, found))


class Entry:
    """The statements of the core and of Python's wrapper, from a walked Module; ``symbols`` are all that it
    names.

    ``arguments``, ``state`` and ``results`` are the members of the structs between the two. An array comes as
    its pointer and its dims (sizes, then strides in bytes), and goes as a block and its sizes.
    """

    def __init__(self, module: Module, symbols: Sequence[str]) -> None:
        self.m, self.symbols = module, symbols
        self.function, self.plan, self.names = module.function, module.plan, module.names
        self.arguments: list[Field] = []
        self.state: list[Field] = []
        self.results: list[Field] = []
        self.before: list[Statement] = []  # of the wrapper, as after
        self.after: list[Statement] = []
        self.load: list[Statement] = []
        self.sizes: list[Statement] = []
        self.checks: list[Statement] = []
        self.memory: list[Statement] = []
        self.commit: list[Statement] = []
        self.give: list[Statement] = []
        self.boxes: dict[int, Member] = {}  # number of a shared variable -> its storage
        self.defined: set[str] = set()
        self.has_work = False

    @property
    def layout(self) -> Layout:
        """Where parameters and outputs stand in Python's frame: what is written in C has one."""
        if self.function.layout is None:
            raise VerifyError("a function without a layout is for the interpreter alone")
        return self.function.layout

    def build(self) -> Entry:
        for v, param, place in zip(
            self.function.block.params, self.function.params, self.layout.parameters, strict=True
        ):
            if param.kind == SHARED:
                self.shared(v, param, place)
            else:
                self.argument(v, param, place)
        self.demand_bound()
        self.take_memory()
        self.give_results()
        return self

    def nodes(self) -> list[Statement]:
        """All statements of both."""
        own = [*self.load, *self.sizes, *self.checks, *self.memory, *self.commit, *self.give]
        return [*own, *self.before, *self.after]

    # -- parameters
    def argument(self, v: Value, param: Param, place: int) -> None:
        field = self.m.field(v)
        given = Member(GIVEN, field.name)
        self.load.append(Set(field, given))
        if not v.type.ndim:
            self.arguments.append(Field(field.name, v.type.dtype))
            self.before.append(moved(given, slot(place), v.type.dtype))
            if param.symbol:
                self.sizes.append(Set(Symbol(str(param.symbol)), Cast("int64", field)))
            return
        lengths = Field(f"{field.name}_dims", "int64", pointer=True, const=True)
        self.arguments += [Field(field.name, v.type.dtype, pointer=True, const=True), lengths]
        address = Cast("intptr_t", slot(place))
        self.before.append(Set(given, Cast(v.type.dtype, address, pointer=True, const=True)))
        self.before.append(Set(Member(GIVEN, lengths.name), Bin("+", SLOTS, Int(place + 1))))
        self.axes(v, param, Member(GIVEN, lengths.name))

    def shared(self, v: Value, param: Param, place: int) -> None:
        field = self.m.field(v)
        box = self.boxes[param.number] = Member(STATE, field.name)
        self.state.append(Field(field.name, "tgen_storage", pointer=True))
        self.before.append(Set(box, Load(SHARED_VALUES, slot(place))))
        data = Member(box, "data")
        if not v.type.ndim:
            self.load.append(Set(field, Load(Cast(v.type.dtype, data, pointer=True, const=True), ZERO)))
            return
        self.load.append(Set(field, Cast(v.type.dtype, data, pointer=True)))
        self.axes(v, param, Member(box, "dims"))

    def axes(self, v: Value, param: Param, array: Expression) -> None:
        """The sizes and strides of an array parameter, ``array``: the first axis with a bare symbol defines
        it, others are checked.
        """
        name, rank = self.names[v], v.type.ndim
        place = [Load(array, Int(k)) for k in range(2 * rank)]
        for k, length in enumerate(v.type.shape):
            symbol = dims.lone(length)
            if symbol and symbol.kind == dims.LENGTH and str(symbol) not in self.defined:
                self.defined.add(str(symbol))
                self.sizes.append(Set(Symbol(str(symbol)), place[k]))
                continue
            site = param.sites[k] if param.sites and param.sites[k] is not None else -1
            if not isinstance(length, int) or site >= 0:
                error = Return(fail("TGEN_SIZES", site, place[k], size(length)))
                self.checks.append(If(Bin("!=", place[k], size(length)), (error,)))
        itemsize = Int(v.type.itemsize)
        dense = Call("tgen_dense", (Int(rank), array, itemsize))
        if self.m.strided(v):
            for k in range(rank):
                self.load.append(Set(self.m.members[f"{name}_s{k}"], Bin("/", place[rank + k], itemsize)))
            self.load.append(Set(self.m.dense(v), dense))
        elif param.kind != CONST:
            self.load.append(If(Un("!", dense), (Return(Name("TGEN_LAYOUT")),)))

    def demand_bound(self) -> None:
        """Every size that is read is defined, by an axis, an argument or an instruction."""
        known = self.defined | {str(p.symbol) for p in self.function.params}
        known.update(str(s) for instr in walk(self.function.block) for s in instr.found)
        unbound = [s for s in self.symbols if s not in known]
        if unbound:
            raise VerifyError(f"nothing defines the size {', '.join(unbound)}, which the function reads")

    # -- memory
    def take_memory(self) -> None:
        first: dict[int, TensorType] = {}  # workspace slot -> the type of the value that has it first
        places: list[tuple[Field, Name]] = []
        for v, of in self.plan.slots.items():
            if of.kind == "work" and not self.m.late(v):
                first.setdefault(of.number, v.type)
                places.append((self.m.field(v), Name(f"work{of.number}")))
        pieces = [(Name(f"work{n}"), room(t.dtype, t.shape)) for n, t in sorted(first.items())]
        for field, bytes in self.m.room:
            at = Name(f"{field.name}_at")
            pieces.append((at, bytes))
            places.append((field, at))
        self.has_work = bool(pieces)
        if pieces:
            block = holder("work")
            self.memory.append(Let(ROOM, ZERO, True))
            for at, bytes in pieces:
                self.memory.append(Let(at, Call("tgen_more", (Address(ROOM), *bytes))))
            self.memory += self.taken(block, ROOM)
            self.memory.append(Let(WORK, Member(block, "data")))
            for field, at in places:
                self.memory.append(Set(field, Cast("void", Bin("+", WORK, at), pointer=True)))
        self.outputs()
        self.updates()

    @staticmethod
    def taken(block: Field, bytes: Expression) -> Statements:
        """A block of its own, without which the call has failed."""
        return Set(block, Call("tgen_room", (FRAME, bytes))), If(Un("!", block), (Leave(),))

    def results_of(self, update: bool) -> Iterator[tuple[int, Value]]:
        k = self.function.outputs
        return enumerate(self.function.block.results[k:] if update else self.function.block.results[:k])

    def outputs(self) -> None:
        for number, v in self.results_of(False):
            if not v.type.ndim or self.m.late(v):
                continue
            block = holder(f"o{number}")
            self.memory += self.taken(block, bytes_of_value(v))
            if self.plan.slots[v].kind == "output" and self.plan.slots[v].number == number:
                data = Cast("void", Member(block, "data"), pointer=True)
                self.memory.append(Set(self.m.field(v), data))

    def updates(self) -> None:
        for number, v in self.results_of(True):
            update, box = self.plan.updates[number], self.boxes[self.function.updates[number]]
            if v.type.ndim and self.m.late(v):
                continue
            block = holder(f"u{number}")
            take = self.taken(block, bytes_of_value(v))
            data: Expression = Member(block, "data")
            if update.how == "in place":
                take = (If(Un("!", Call("tgen_writable", (box,))), take),)
                data = Select(block, data, Member(box, "data"))
            self.memory += take
            if v.type.ndim and self.plan.slots[v].kind == "update" and self.plan.slots[v].number == number:
                self.memory.append(Set(self.m.field(v), Cast("void", data, pointer=True)))

    # -- results
    def give_results(self) -> None:
        """A call that fails gives zeros and no blocks."""
        nothing = []
        for (number, v), place in zip(self.results_of(False), self.layout.outputs, strict=True):
            block = holder(f"o{number}")
            result = Member(OUT, block.name)
            nothing.append(Set(result, ZERO))
            if not v.type.ndim:
                self.results.append(Field(block.name, v.type.dtype))
                self.give.append(Set(result, self.m.field(v)))
                self.after.append(moved(slot(place), result, v.type.dtype))
                continue
            lengths = Field(f"{block.name}_dims", "int64", pointer=True)
            self.results += [block, lengths]
            self.give += [Set(result, block), Set(block, ZERO)]
            self.give += [
                Set(Load(Member(OUT, lengths.name), Int(k)), size(s)) for k, s in enumerate(v.type.shape)
            ]
            self.before.append(Set(Member(OUT, lengths.name), Bin("+", SLOTS, Int(place + 2))))
            self.after.append(Set(slot(place + 1), Cast("int64", Cast("intptr_t", result))))
        self.load[:0] = nothing
        for number, v in self.results_of(True):
            self.commit += self.commit_one(number, v)

    def commit_one(self, number: int, v: Value) -> list[Statement]:
        box, block = self.boxes[self.function.updates[number]], holder(f"u{number}")
        nodes: list[Statement] = []
        if not v.type.ndim:
            data = Select(block, Member(block, "data"), Member(box, "data"))
            nodes.append(Set(Load(Cast(v.type.dtype, data, pointer=True), ZERO), self.m.field(v)))
        shape = Listed("int64", tuple(map(size, v.type.shape)))
        flip = Do(Ask(HOST, "flip", (box, block, shape)))
        nodes.append(If(block, (flip, Set(block, ZERO))))
        return nodes

    def holders(self) -> list[str]:
        names = [f"o{n}" for n, v in self.results_of(False) if v.type.ndim] + [
            f"u{n}" for n, _ in self.results_of(True)
        ]
        return (["work"] if self.has_work else []) + names + [h.name for h in self.m.holders]
