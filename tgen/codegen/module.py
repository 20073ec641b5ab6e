"""A function's parts and steps, gathered in one walk over its instructions: what generate.py makes the C file
of.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tgen.core import dims
from tgen.core.dims import Extent
from tgen.core.dtypes import is_float
from tgen.core.op import HEAVY
from tgen.ir import nodes as ir
from tgen.ir.nodes import CONST, SHARED, Instr, Value
from tgen.passes.plan import MemoryPlan, root

from .kernel import PART, Array, Operand, Sink, Writer
from .library import (
    FRAME,
    LIBRARY,
    bytes_of,
    bytes_of_value,
    copy_out,
    data,
    each,
    fail,
    give_back,
    room,
    take,
    work,
)
from .names import dense_strides, size
from .nest import (
    ONE,
    ZERO,
    Bin,
    Block,
    Braces,
    Call,
    Cast,
    Const,
    Do,
    Expression,
    Expressions,
    Field,
    For,
    If,
    Int,
    Let,
    Listed,
    Load,
    Name,
    Return,
    Set,
    Statement,
    Statements,
    Symbol,
    Target,
    Un,
    identity,
    product,
    walk,
)
from .reductions import fold_of, memory_step, start
from .schedule import scheduled
from .steps import Branch, Loop, Part, Step, Variant


@dataclass
class Table:
    """A constant array of the file: its elements are ``values``."""

    name: Name
    count: int
    values: Braces


@dataclass
class Function:
    """A C function of the file's own that parts hand to the library; it may not use all its parameters."""

    comment: str
    name: str
    parameters: tuple[Name, ...]
    nodes: Statements


Partial: TypeAlias = tuple[Field, str, str, Value]  # (the parts' slots, the reduction, its dtype, the result)


def frame_names(
    function: ir.Function, names: Mapping[Value, str], outer: Container[Value]
) -> dict[Value, str]:
    """The IR text's names of the values that live in the frame; a block's parameter in ``outer`` is a value
    from around it.
    """
    stack = [function.block]
    found: dict[Value, str] = {}
    while stack:
        block = stack.pop()
        values = [v for v in block.params if v not in outer] + [v for i in block.instrs for v in i.results]
        found.update((v, names[v]) for v in values)
        stack.extend(b for i in reversed(block.instrs) if i.op.name in ("scan", "cond") for b in i.blocks)
    return found


class Module:
    """Everything the templates need, gathered in one walk over the instructions."""

    def __init__(
        self,
        function: ir.Function,
        plan: MemoryPlan,
        names: Mapping[Value, str],
        ir_lines: Mapping[Instr, str],
        general: bool,
        skip: Sequence[str] = (),
    ) -> None:
        self.skip = skip  # the rewrites of the schedule that are left out
        self.function, self.plan, self.ir_lines, self.general = function, plan, ir_lines, general
        self.texts, self.names = names, frame_names(function, names, plan.outer)
        self.params = dict(zip(function.block.params, function.params))
        self.shared = {p.number: v for v, p in self.params.items() if p.kind == SHARED}
        self.members: dict[str, Field] = {}
        self.prologue: list[Statement] = []
        self.parts: list[Part] = []
        self.steps: list[Step] = []
        self.tables: list[Table] = []
        self.own: dict[object, Function] = {}  # what a function of the module's own does -> the Function
        self.values = {name: v for v, name in self.names.items()}  # name of a member -> whose memory it is
        self.current: list[Instr] = []  # the instruction being emitted
        self.depth = self.loop_depth = self.loops = 0
        self.around: list[tuple[list[Step], list[Instr]]] = []  # the steps around those being written
        self.block_holders: dict[Value, Field] = {}
        self.room: list[tuple[Field, Expressions]] = []
        self.packs: list[Statement] = []
        self.packed: set[object] = set()
        self.holders: list[Field] = []

    # -- memory
    def is_param(self, v: Value) -> bool:
        return v in self.params

    def field(self, v: Value) -> Field:
        """v in the frame, as an expression."""
        return self.members[self.names[v]]

    def dense(self, v: Value) -> Field:
        """The member that says whether a strided v is C-contiguous."""
        return self.members[f"{self.names[v]}_dense"]

    def strided(self, v: Value) -> bool:
        """Whether v may have any strides: all other arrays are C-contiguous."""
        return self.general and self.is_param(v) and v.type.ndim > 0 and self.params[v].kind != CONST

    def array(self, v: Value, dense: bool = True) -> Array:
        name = self.names[v]
        if not dense and self.strided(v):
            strides: list[Expression] = [self.members[f"{name}_s{k}"] for k in range(v.type.ndim)]
            return Array(self.members[name], v.type.dtype, v.type.shape, strides)
        return Array(self.members[name], v.type.dtype, v.type.shape, dense_strides(v.type.shape))

    def operand(self, v: Value, dense: bool = True) -> Operand:
        return self.array(v, dense) if v.type.ndim else self.field(v)

    def add(self, name: str, dtype: str = "int64", **more: Any) -> Field:
        """A member of the frame, by its name; it may be there already."""
        return self.members.setdefault(name, Field(name, dtype, **more))

    def scratch(self, name: str, dtype: str, elements: Extent) -> Field:
        """A piece of workspace of its own: its Field, for so many elements. It is a block of its own when
        its size is found inside.
        """
        field = self.add(name, dtype, pointer=True)
        if is_late(elements):
            self.take_late(self.hold(), field, bytes_of(dtype, (elements,)))
        else:
            self.room.append((field, room(dtype, (elements,))))
        return field

    def workspace(self, name: str, dtype: str, bytes: Expression, sizes: Iterable[Extent]) -> Field:
        """As scratch, for so many ``bytes`` (an expression); ``sizes`` are those it names."""
        field = self.add(name, dtype, pointer=True)
        if any(map(is_late, sizes)):
            self.take_late(self.hold(), field, bytes)
        else:
            self.room.append((field, (ONE, ONE, Listed("int64", (bytes,)))))
        return field

    def holder_of(self, v: Value) -> Field:
        """The block member of a value whose size is found inside."""
        slot = self.plan.slots[v]
        if v not in self.block_holders:
            letter = {"output": "o", "update": "u"}.get(slot.kind)
            self.block_holders[v] = holder(f"{letter}{slot.number}") if letter else self.hold()
        return self.block_holders[v]

    def take_late(self, holder: Field, pointer: Target, count: Expression) -> None:
        """A block for ``pointer``, taken where its size has been found; in a loop that of the step before
        goes back.
        """
        if self.loop_depth:
            self.master([give_back(holder)])
        self.master(take(holder, pointer, count), fails=True)

    # -- walk
    def build(self) -> Module:
        self.declare_values()
        self.copy_outputs(parameters=True)
        self.walk(self.function.block)
        self.copy_outputs(parameters=False)
        self.copy_updates()
        return self

    def walk(self, block: ir.Block) -> None:
        for original in block.instrs:
            instr = (
                original.with_(operands=tuple(map(self.real, original.operands)))
                if self.plan.outer
                else original
            )
            before, self.current = self.current, [instr]
            self.emit(instr, " ".join(self.ir_lines[original].split()))
            self.current = before

    def real(self, v: Value) -> Value:
        """The value that stands for v: of a block's parameter the one around the block."""
        while v in self.plan.outer:
            v = self.plan.outer[v]
        return v

    # -- loops and branches
    def loop_name(self) -> str:
        if not self.loops:
            steps, last = self.add("steps_to_poll"), self.add("last_poll", count="2")
            self.prologue += [Set(steps, ONE), Set(Load(last, ZERO), ZERO), Set(Load(last, ONE), ZERO)]
        self.loops += 1
        return f"loop{self.loops - 1}"

    def enter(self, steps: list[Step], loop: bool = False) -> None:
        """What is written from here on goes to ``steps``."""
        self.around.append((self.steps, self.current))
        self.steps, self.current = steps, []
        self.depth, self.loop_depth = self.depth + 1, self.loop_depth + loop

    def leave(self, loop: bool = False) -> None:
        self.steps, self.current = self.around.pop()
        self.depth, self.loop_depth = self.depth - 1, self.loop_depth - loop

    def add_nested(self, nested: Loop | Branch) -> None:
        self.steps.append(Step(nested=nested, fails=True))

    def declare_values(self) -> None:
        for v, name in self.names.items():
            slot, owner = self.plan.slots[v], root(self.plan.slots, v)
            given = self.is_param(owner) and self.params[owner].kind != SHARED
            const = given or self.plan.slots[owner].kind == "literal"
            if slot.kind == "literal":
                self.add(name, v.type.dtype, pointer=True, const=True)
                continue
            self.add(name, v.type.dtype, pointer=v.type.ndim > 0, const=const)
            if self.strided(v):
                for k in range(v.type.ndim):
                    self.add(f"{name}_s{k}")
                self.add(f"{name}_dense")

    def emit(self, instr: Instr, line: str) -> None:
        name = instr.op.name
        if name == "constant":
            self.constant(instr)
        elif name == "size":
            value = Set(self.field(instr.result), size(instr.sizes[0]))
            if is_late(instr.sizes[0]):
                self.master([value])
            else:
                self.prologue.append(value)
        elif name == "sizeof":
            self.master([Set(Symbol(str(instr.found[0])), self.field(instr.operands[0]))])
        elif name.startswith("check") or name == "assert":
            self.check(instr)
        elif name == "kernel":
            self.allocate(instr)
            self.kernel(instr, line)
        else:
            self.allocate(instr)
            LIBRARY[instr.op.emitter or name](self, instr, line)

    def constant(self, instr: Instr) -> None:
        v = instr.result
        values = tuple(Const(x, v.type.dtype) for x in instr.attrs["value"])
        if not v.type.ndim:
            self.prologue.append(Set(self.field(v), values[0]))
            return
        name = Name(f"{self.names[v]}_data", v.type.dtype)
        self.tables.append(Table(name, max(len(values), 1), Braces(values)))
        self.prologue.append(Set(self.field(v), name))

    def master(self, nodes: Iterable[Statement], fails: bool = False) -> None:
        """Statements the master runs alone, joined with the step before when that is the master's too."""
        last = self.steps[-1] if self.steps else None
        if last is not None and last.part is None and last.nested is None and not last.fails:
            self.steps[-1].nodes.extend(nodes)
            self.steps[-1].fails = fails
        else:
            self.steps.append(Step(nodes=list(nodes), fails=fails))

    def check(self, instr: Instr) -> None:
        """In the prologue when its sizes are known at entry and nothing ran before; else a step that may end
        the call.
        """
        name, site, sizes = instr.op.name, instr.attrs["site"], list(map(size, instr.sizes))
        wrong: Expression
        if name == "check_index":
            self.check_index(instr, site, sizes[0])
            return
        if name == "check_eq":
            wrong, error = Bin("!=", *sizes), fail("TGEN_SIZES", site, *sizes)
        elif name == "check_length":
            wrong, error = Bin("<", sizes[0], ZERO), fail("TGEN_BAD_SIZE", site, sizes[0])
        elif name == "check_nonempty":
            wrong, error = Bin("==", sizes[0], ZERO), fail("TGEN_EMPTY", site, Int(instr.attrs["axis"]))
        else:
            wrong, error = Un("!", self.field(instr.operands[0])), fail("TGEN_ASSERT", site)
        if instr.operands or any(map(is_late, instr.sizes)) or self.depth:
            self.master([If(wrong, (Do(error),))], fails=True)
        else:
            self.prologue.append(If(wrong, (Return(error),)))

    def check_index(self, instr: Instr, site: int, length: Expression) -> None:
        v, axis = instr.operands[0], instr.attrs["axis"]

        def checked(x: Expression) -> Statement:
            outside: Expression
            if v.type.dtype == "uint64":
                outside = Bin(">=", x, Cast("uint64", length))
            else:
                outside = Un("!", Call("tgen_within", (x, length)))
            return If(outside, (Do(fail("TGEN_INDEX", site, Int(axis), Cast("int64", x), length)),))

        one_by_one = v.type.ndim and each(self, v, lambda _, x: (checked(x),))
        self.master(one_by_one or [checked(self.field(v))], fails=True)

    # -- rooms for results
    def late(self, v: Value) -> bool:
        return dims.found_inside(v.type.symbols)

    def allocate(self, instr: Instr) -> None:
        """Memory for results whose size is found inside; all other memory is taken in the prologue."""
        for v in instr.results:
            if not v.type.ndim or not self.late(v):
                continue
            own = any(name in instr.found for name in v.type.symbols)
            if own or self.plan.slots[v].kind in ("alias", "found", "row"):
                continue
            self.take_late(self.holder_of(v), self.field(v), bytes_of_value(v))

    def hold(self) -> Field:
        """A block member of its own, given back when the call ends."""
        self.holders.append(holder(f"b{len(self.holders)}"))
        return self.holders[-1]

    def own_function(self, comment: str, parameters: tuple[Name, ...], nodes: Statements) -> Name:
        """The Name of a C function of the module's own; the same one is written once."""
        key = parameters, identity(walk(nodes))
        if key not in self.own:
            self.own[key] = Function(comment, f"row{len(self.own)}", parameters, nodes)
        return Name(self.own[key].name)

    # -- kernels
    def library_part(
        self,
        line: str,
        nodes: Iterable[Statement],
        extent: Expression,
        cost: Expression,
        product: bool = True,
        counted: bool = False,
    ) -> None:
        """A library call in parts; a ``product`` is cut in as few as there are threads. ``counted``: how many
        parts it had is kept.
        """
        name = f"part{len(self.parts)}"
        kept = self.add(f"{name}_parts", "int32") if counted else None
        self.add_part(
            Part(name, line, [Variant("", tuple(nodes), extent)], cost, product=product, counted=kept)
        )

    def add_part(self, part: Part) -> None:
        self.parts.append(part)
        self.steps.append(Step(part=part))

    def kernel(self, instr: Instr, line: str) -> None:
        name = f"part{len(self.parts)}"
        partials: list[Partial] = []
        sinks: list[Sink] = []
        for v, out in zip(instr.results, instr.attrs["outs"]):
            sinks.append(self.sink(name, v, out, len(instr.sizes), partials))
        arrays = [v for v in dict.fromkeys(instr.operands) if self.strided(v)]
        rows: dict[Value, Expression] = {}

        def local_row(value: Value) -> Expression:
            if value not in rows:
                elements = dims.add(dims.product(value.type.shape), 16)
                row = self.scratch(f"{name}_row{len(rows)}", value.type.dtype, dims.mul(elements, 16))
                rows[value] = Bin("+", row, product(PART, size(elements)))
            return rows[value]

        variants, plain = [], []
        for dense in (True, False) if arrays else (True,):
            operands = [self.operand(v, dense) for v in instr.operands]
            writer = Writer(instr, operands, sinks, local_row, self.texts)
            plain.append(writer.write())
            nest = scheduled(plain[-1], self.skip)
            variants.append(Variant("" if dense else "_strided", nest.body, nest.extent))
        condition: Expression | None = None
        for v in arrays:
            condition = self.dense(v) if condition is None else Bin("&", condition, self.dense(v))
        counted = self.add(f"{name}_parts", "int32") if partials else None
        self.add_part(Part(name, line, variants, self.cost(instr), condition, counted=counted, plain=plain))
        if counted is not None:
            self.master(self.combine(counted, partials))

    def sink(self, name: str, v: Value, out: tuple[Any, ...], rank: int, partials: list[Partial]) -> Sink:
        if v.type.ndim:
            return Sink(self.array(v))
        if out[0] == "map" or not rank:
            return Sink(scalar=self.field(v))
        field_name = f"{name}_r{len(partials)}"
        dtype, kind = self.accumulator_dtype(v), out[1]
        slots = [self.add(field_name, dtype, count="TGEN_PARTS")]
        if fold_of(kind).where:
            slots.append(self.add(f"{field_name}_at", count="TGEN_PARTS"))
        partials.append((slots[0], kind, dtype, v))
        return Sink(partial=tuple(slots))

    def accumulator_dtype(self, v: Value) -> str:
        """The dtype of what the current kernel reduces to v."""
        instr = self.current[0]
        yielded = instr.blocks[0].results[instr.results.index(v)]
        return yielded.type.dtype

    def combine(self, count: Field, partials: Iterable[Partial]) -> list[Statement]:
        """The parts' results joined in order of the parts."""
        nodes: list[Statement] = []
        p = Name("p", "int32")
        for slots, kind, dtype, v in partials:
            target = self.field(v)
            if fold_of(kind).where:
                nodes.append(self.best(count, slots, kind, dtype, target))
                continue
            first, part = start(kind, dtype), Load(slots, p)
            if dtype == v.type.dtype:
                nodes.append(Set(target, first))
                nodes.append(For(p, ZERO, count, (memory_step(kind, dtype, target, part),)))
            else:  # rounded when all have been joined
                total = Name("total", dtype)
                added = For(p, ZERO, count, (memory_step(kind, dtype, total, part),))
                nodes.append(Block((Let(total, first, True), added, Set(target, total))))
        return nodes

    def best(self, count: Field, slots: Field, kind: str, dtype: str, target: Field) -> Block:
        """Where the greatest or least element is, of those that the parts found."""
        p, best, x = Name("p", "int32"), Name("best", dtype), Name("x", dtype)
        at = Load(self.members[f"{slots.name}_at"], p)
        better = Bin("||", Bin("<", target, ZERO), Bin(fold_of(kind).operator, x, best))
        if is_float(dtype):
            better = Bin("||", better, Bin("&&", Bin("!=", x, x), Bin("==", best, best)))
        found = If(Bin("&&", Bin(">=", at, ZERO), better), (Set(best, x), Set(target, at)))
        look = For(p, ZERO, count, (Let(x, Load(slots, p)), found))
        return Block((Let(best, ZERO, True), Set(target, Int(-1)), look))

    @staticmethod
    def cost(instr: Instr) -> Expression:
        """Nanoseconds the kernel takes, roughly: 0.2 an element, 0.1 an operation, 1 for a libm function."""
        stack, terms = [(instr, dims.product(instr.sizes))], {}
        while stack:
            kernel, elements = stack.pop()
            weight = 0.2
            for inner in kernel.blocks[0].instrs:
                if inner.op.name == "kernel":
                    stack.append((inner, dims.mul(elements, dims.product(inner.sizes))))
                else:
                    weight += 1.0 if inner.op.cost == HEAVY else 0.1
            terms[elements] = terms.get(elements, 0) + weight
        first, *more = [work(round(weight, 1), elements) for elements, weight in terms.items()]
        for term in more:
            first = Bin("+", first, term)
        return first

    # -- copies at both ends
    def copy_outputs(self, parameters: bool) -> None:
        for number, v in self.plan.output_copies:
            if self.is_param(v) != parameters:
                continue
            self.copy(v, holder(f"o{number}"))

    def copy_updates(self) -> None:
        for number, v in self.plan.update_copies:
            if v.type.ndim:
                self.copy(v, holder(f"u{number}"))

    def copy(self, v: Value, holder: Field) -> None:
        if not v.type.ndim:
            return
        if self.late(v):
            self.master([Set(holder, Call("tgen_room", (FRAME, bytes_of_value(v))))], fails=True)
        self.master(copy_out(self, v, data(holder, v.type.dtype)))


def holder(name: str) -> Field:
    """A member of the frame that holds a block."""
    return Field(name, "tgen_block", pointer=True)


def is_late(size: Extent) -> bool:
    """Whether a size is known only when something in the body has run."""
    return dims.found_inside(dims.symbols(size))
