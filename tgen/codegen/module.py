"""A function's parts and steps, gathered in one walk over its instructions: what generate.py makes the C file
of.
"""

from dataclasses import dataclass, field

from tgen.core import dims
from tgen.core.dtypes import DTYPE, is_float
from tgen.core.op import HEAVY
from tgen.ir.nodes import CONST, SHARED

from . import conv
from .c import expression, literal
from .kernel import PART, Array, Sink, Writer, dense_strides
from .library import LIBRARY
from .names import bracket, ctype, size, size_c
from .nest import Bin, Field, Load, Name, product
from .reductions import ARG, memory_step, start

assert conv  # importing it filled LIBRARY


@dataclass
class Part:
    """A C function of one part: ``variants`` are (suffix, nodes); ``dense`` the condition under which the
    plain one runs.
    """

    name: str
    comment: list
    variants: list
    extent: str
    cost: str
    dense: str = ""
    extent_strided: str = ""
    product: bool = False
    counted: bool = False  # the frame keeps how many parts it was


@dataclass
class Step:
    """One step of the body: a part function, a loop, a branch, or lines for the master alone. ``fails``: the
    status is looked at after it.
    """

    part: Part = None
    nested: object = None  # a Loop or Branch (codegen/scan.py)
    lines: list = field(default_factory=list)
    fails: bool = False
    # what it works for; None among them: it waits for everything before
    instrs: list = field(default_factory=list)


def frame_names(function, names, outer):
    """The IR text's names of the values that live in the frame; a block's parameter in ``outer`` is a value
    from around it.
    """
    stack, found = [function.block], {}
    while stack:
        block = stack.pop()
        values = [v for v in block.params if v not in outer] + [v for i in block.instrs for v in i.results]
        found.update((v, names[v]) for v in values)
        stack.extend(b for i in reversed(block.instrs) if i.op.name in ("scan", "cond") for b in i.blocks)
    return found


class Module:
    """Everything the templates need, gathered in one walk over the instructions."""

    def __init__(self, function, plan, names, ir_lines, general):
        self.function, self.plan, self.ir_lines, self.general = function, plan, ir_lines, general
        self.names = frame_names(function, names, plan.outer)
        self.params = dict(zip(function.block.params, function.params))
        self.shared = {p.number: v for v, p in self.params.items() if p.kind == SHARED}
        self.members, self.statics, self.prologue, self.parts, self.steps = {}, [], [], [], []
        self.current = []  # the instruction being emitted
        self.depth = self.loop_depth = self.loops = 0
        self.around, self.block_holders = [], {}  # the lists of steps around the one being written
        self.room, self.packs, self.packed, self.holders, self.own = [], [], set(), [], {}
        self.strides = {}  # shape -> the strides of a dense array, which most kernels ask for again

    # -- memory
    def is_param(self, v):
        return v in self.params

    def pointer(self, v):
        return f"f->{self.names[v]}"

    def field(self, v):
        """v in the frame, as an expression."""
        return self.members[self.names[v]]

    def strided(self, v):
        """Whether v may have any strides: all other arrays are C-contiguous."""
        return self.general and self.is_param(v) and v.type.ndim > 0 and self.params[v].kind != CONST

    def array(self, v, dense=True):
        name = self.names[v]
        if not dense and self.strided(v):
            strides = [self.members[f"{name}_s{k}"] for k in range(v.type.ndim)]
            return Array(self.members[name], v.type.dtype, v.type.shape, strides)
        if v.type.shape not in self.strides:
            self.strides[v.type.shape] = dense_strides(v.type.shape)
        return Array(self.members[name], v.type.dtype, v.type.shape, self.strides[v.type.shape])

    def operand(self, v, dense=True):
        return self.array(v, dense) if v.type.ndim else self.field(v)

    def add(self, name, dtype="int64", **more):
        """A member of the frame, by its name; it may be there already."""
        return self.members.setdefault(name, Field(name, dtype, **more))

    def scratch(self, name, dtype, elements):
        """A piece of workspace of its own: its Field, for so many elements. It is a block of its own when
        its size is found inside.
        """
        field = self.add(name, dtype, pointer=True)
        if is_late(elements):
            self.take_late(self.hold(), f"f->{name}", self.bytes_of(dtype, (elements,)))
        else:
            self.room.append((name, self.sizes_of(dtype, (elements,))))
        return field

    def workspace(self, name, dtype, text, sizes):
        """As scratch, for ``text`` bytes (C); ``sizes`` are those it names."""
        field = self.add(name, dtype, pointer=True)
        if any(map(is_late, sizes)):
            self.take_late(self.hold(), f"f->{name}", text)
        else:
            self.add_bytes(name, text)
        return field

    def add_bytes(self, name, text):
        """A piece of workspace of ``text`` bytes (C) for the field ``name``."""
        self.room.append((name, f"1, 1, (int64_t[]){{{text}}}"))

    def holder_of(self, v):
        """The block field of a value whose size is found inside."""
        slot = self.plan.slots[v]
        if v not in self.block_holders:
            self.block_holders[v] = {"output": f"f->o{slot.number}", "update": f"f->u{slot.number}"}.get(
                slot.kind
            ) or self.hold()
        return self.block_holders[v]

    def take_late(self, holder, pointer, count):
        """A block for ``pointer``, taken where its size has been found; in a loop that of the step before
        goes back.
        """
        if self.loop_depth:
            self.master([f"if ({holder}) {{ f->host->give({holder}); {holder} = 0; }}"])
        self.master(
            [f"if (({holder} = tgen_room(f, {count}))) {pointer} = (void *){holder}->data;"], fails=True
        )

    # -- walk
    def build(self):
        self.declare_values()
        self.copy_outputs(parameters=True)
        self.walk(self.function.block)
        self.copy_outputs(parameters=False)
        self.copy_updates()
        return self

    def walk(self, block):
        for original in block.instrs:
            instr = (
                original.with_(operands=tuple(map(self.real, original.operands)))
                if self.plan.outer
                else original
            )
            before, self.current = self.current, [instr]
            self.emit(instr, " ".join(self.ir_lines[original].split()))
            self.current = before

    def real(self, v):
        """The value that stands for v: of a block's parameter the one around the block."""
        while v in self.plan.outer:
            v = self.plan.outer[v]
        return v

    # -- loops and branches
    def loop_name(self):
        if not self.loops:
            self.add("steps_to_poll")
            self.add("last_poll", count="2")
            self.prologue.append("f->steps_to_poll = 1; f->last_poll[0] = f->last_poll[1] = 0;")
        self.loops += 1
        return f"loop{self.loops - 1}"

    def enter(self, steps, loop=False):
        """What is written from here on goes to ``steps``; what works for no instruction of the block waits
        for everything before.
        """
        self.around.append((self.steps, self.current))
        self.steps, self.current = steps, []
        self.depth, self.loop_depth = self.depth + 1, self.loop_depth + loop

    def leave(self, loop=False):
        self.steps, self.current = self.around.pop()
        self.depth, self.loop_depth = self.depth - 1, self.loop_depth - loop

    def add_nested(self, nested):
        self.steps.append(Step(nested=nested, fails=True, instrs=[None]))

    def declare_values(self):
        for v, name in self.names.items():
            const = self.is_param(v) and self.params[v].kind != SHARED
            slot = self.plan.slots[v]
            if slot.kind == "literal":
                continue
            self.add(name, v.type.dtype, pointer=v.type.ndim > 0, const=const)
            if self.strided(v):
                for k in range(v.type.ndim):
                    self.add(f"{name}_s{k}")
                self.add(f"{name}_dense")

    def emit(self, instr, line):
        name = instr.op.name
        if name == "constant":
            self.constant(instr)
        elif name == "size":
            self.scalar_lines([f"{self.pointer(instr.result)} = {size_c(instr.sizes[0], 'f->')};"], instr)
        elif name == "sizeof":
            self.master([f"f->{instr.found[0]} = {self.pointer(instr.operands[0])};"])
        elif name.startswith("check") or name == "assert":
            self.check(instr)
        elif name == "kernel":
            self.allocate(instr)
            self.kernel(instr, line)
        else:
            self.allocate(instr)
            LIBRARY[name](self, instr, line)

    def constant(self, instr):
        v = instr.result
        values = [literal(x, v.type.dtype) for x in instr.attrs["value"]]
        if not v.type.ndim:
            self.prologue.append(f"{self.pointer(v)} = {values[0]};")
            return
        self.add(self.names[v], v.type.dtype, pointer=True, const=True)
        self.statics.append(
            f"static const {ctype(v.type.dtype)} {self.names[v]}_data[{max(len(values), 1)}] "
            f"= {{{', '.join(values) or '0'}}};"
        )
        self.prologue.append(f"{self.pointer(v)} = {self.names[v]}_data;")

    def scalar_lines(self, lines, instr):
        if any(map(is_late, instr.sizes)):
            self.master(lines)
        else:
            self.prologue.extend(lines)

    def master(self, lines, fails=False):
        """Lines the master runs alone, joined with the step before when that is the master's too."""
        last = self.steps[-1] if self.steps else None
        if last is not None and last.part is None and last.nested is None and not last.fails:
            self.steps[-1].lines.extend(lines)
            self.steps[-1].instrs.extend(self.current or [None])
            self.steps[-1].fails = fails
        else:
            self.steps.append(Step(lines=list(lines), fails=fails, instrs=list(self.current or [None])))

    def check(self, instr):
        """In the prologue when its sizes are known at entry and nothing ran before; else a step that may end
        the call.
        """
        name, site, sizes = instr.op.name, instr.attrs["site"], [size_c(s, "f->") for s in instr.sizes]
        late = bool(instr.operands) or any(map(is_late, instr.sizes)) or self.depth > 0
        fail = "tgen_fail" if late else "return tgen_fail"
        if name == "check_index":
            self.check_index(instr, site, sizes[0])
            return
        if name == "check_eq":
            line = f"if ({sizes[0]} != {sizes[1]}) {fail}(f, TGEN_SIZES, {site}, {sizes[0]}, {sizes[1]}, 0);"
        elif name == "check_length":
            line = f"if ({sizes[0]} < 0) {fail}(f, TGEN_BAD_SIZE, {site}, {sizes[0]}, 0, 0);"
        elif name == "check_nonempty":
            line = f"if ({sizes[0]} == 0) {fail}(f, TGEN_EMPTY, {site}, {instr.attrs['axis']}, 0, 0);"
        else:
            line = f"if (!{self.pointer(instr.operands[0])}) {fail}(f, TGEN_ASSERT, {site}, 0, 0, 0);"
        if late:
            self.master([line], fails=True)
        else:
            self.prologue.append(line)

    def check_index(self, instr, site, size):
        v, axis = instr.operands[0], instr.attrs["axis"]

        def line(x):
            out = (
                f"{x} >= (uint64_t){bracket(size)}"
                if v.type.dtype == "uint64"
                else f"!tgen_within({x}, {size})"
            )
            return f"if ({out}) tgen_fail(f, TGEN_INDEX, {site}, {axis}, (int64_t){x}, {size});"

        self.master(
            LIBRARY["each"](self, v, [line("x")]) if v.type.ndim else [line(self.pointer(v))], fails=True
        )

    # -- rooms for results
    def late(self, v):
        return dims.found_inside(v.type.symbols)

    def bytes(self, v):
        return self.bytes_of(v.type.dtype, v.type.shape)

    def bytes_of(self, dtype, shape):
        return f"tgen_bytes({self.sizes_of(dtype, shape)})"

    @staticmethod
    def sizes_of(dtype, shape):
        return (
            f"{DTYPE[dtype].bytes}, {len(shape)}, (int64_t[]){{{', '.join(size_c(s, 'f->') for s in shape)}}}"
        )

    def allocate(self, instr):
        """Memory for results whose size is found inside; all other memory is taken in the prologue."""
        for v in instr.results:
            if not v.type.ndim or not self.late(v):
                continue
            own = any(name in instr.found for name in v.type.symbols)
            if own or self.plan.slots[v].kind in ("alias", "found", "row"):
                continue
            self.take_late(self.holder_of(v), self.pointer(v), self.bytes(v))

    def hold(self):
        """A block field of its own, given back when the call ends."""
        name = f"b{len(self.holders)}"
        self.holders.append(f"f->{name}")
        return f"f->{name}"

    def own_function(self, stem, lines):
        """The name of a C function of the module's own; ``lines`` have {name} for it. The same lines are
        written once.
        """
        text = "\n".join(lines)
        if text not in self.own:
            self.own[text] = f"{stem}{len(self.own)}"
            self.statics.append("\n" + text.replace("{name}", self.own[text]))
        return self.own[text]

    # -- kernels
    def library_part(self, line, nodes, extent, cost, product=True, counted=False):
        """A library call in parts; a ``product`` is cut in as few as there are threads. ``counted``: how many
        parts it had is kept.
        """
        part = Part(
            f"part{len(self.parts)}", line, [("", nodes)], extent, cost, product=product, counted=counted
        )
        self.add_part(part)

    def add_part(self, part):
        self.parts.append(part)
        if part.counted:
            self.add(f"{part.name}_parts", "int32")
        self.steps.append(Step(part=part, instrs=list(self.current or [None])))

    def kernel(self, instr, line):
        name = f"part{len(self.parts)}"
        partials, sinks = [], []
        for v, out in zip(instr.results, instr.attrs["outs"]):
            sinks.append(self.sink(name, v, out, len(instr.sizes), partials))
        arrays = [v for v in dict.fromkeys(instr.operands) if self.strided(v)]
        rows = {}

        def local_row(value):
            if value not in rows:
                elements = dims.add(dims.product(value.type.shape), 16)
                row = self.scratch(f"{name}_row{len(rows)}", value.type.dtype, dims.mul(elements, 16))
                rows[value] = Bin("+", row, product(PART, size(elements)))
            return rows[value]

        variants, extents = [], []
        for dense in (True, False) if arrays else (True,):
            writer = Writer(instr, [self.operand(v, dense) for v in instr.operands], sinks, local_row)
            variants.append(("" if dense else "_strided", writer.write()))
            extents.append(expression(writer.extent, frame=True))
        part = Part(
            name,
            line,
            variants,
            extents[0],
            self.cost(instr),
            " & ".join(f"f->{self.names[v]}_dense" for v in arrays),
            extents[-1],
            counted=bool(partials),
        )
        self.add_part(part)
        if partials:
            self.master(self.combine(name, partials))

    def sink(self, name, v, out, rank, partials):
        if v.type.ndim:
            return Sink(self.array(v))
        if out[0] == "map" or not rank:
            return Sink(scalar=self.field(v))
        field_name = f"{name}_r{len(partials)}"
        dtype, kind = self.accumulator_dtype(v), out[1]
        slots = [self.add(field_name, dtype, count="TGEN_PARTS")]
        if kind in ARG:
            slots.append(self.add(f"{field_name}_at", count="TGEN_PARTS"))
        partials.append((slots[0], kind, dtype, v))
        return Sink(partial=tuple(slots))

    def accumulator_dtype(self, v):
        """The dtype of what the current kernel reduces to v."""
        instr = self.current[0]
        yielded = instr.blocks[0].results[instr.results.index(v)]
        return yielded.type.dtype

    def combine(self, name, partials):
        """The parts' results joined in order of the parts."""
        lines = []
        for slots, kind, dtype, v in partials:
            if kind in ARG:
                target, field_name, sign = self.pointer(v), slots.name, ARG[kind]
                nan = " || (x != x && best == best)" if is_float(dtype) else ""
                lines.append(
                    f"{{ {ctype(dtype)} best = 0; {target} = -1; for (int32_t p = 0; p < "
                    f"f->{name}_parts; p++) {{ const {ctype(dtype)} x = f->{field_name}[p]; "
                    f"if (f->{field_name}_at[p] >= 0 && ({target} < 0 || x {sign} best{nan})) {{ "
                    f"best = x; {target} = f->{field_name}_at[p]; }} }} }}"
                )
                continue
            rounds = dtype != v.type.dtype
            total = "total" if rounds else self.pointer(v)
            reached = Name(total, dtype)
            step = expression(memory_step(kind, dtype)(reached, Load(slots, Name("p", "int32"))))
            joined = [f"{total} = {expression(start(kind, dtype))};"]
            joined.append(f"for (int32_t p = 0; p < f->{name}_parts; p++) {total} = {step};")
            if rounds:
                joined = [f"{{ {ctype(dtype)} {' '.join(joined)} {self.pointer(v)} = {total}; }}"]
            lines.extend(joined)
        return lines

    @staticmethod
    def cost(instr):
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
        return " + ".join(f"{weight:.1f}*({size_c(elements, 'f->')})" for elements, weight in terms.items())

    # -- copies at both ends
    def copy_outputs(self, parameters):
        for number, v in self.plan.output_copies:
            if self.is_param(v) != parameters:
                continue
            self.copy(v, f"f->o{number}")

    def copy_updates(self):
        for number, v in self.plan.update_copies:
            if v.type.ndim:
                self.copy(v, f"f->u{number}")

    def copy(self, v, holder):
        if not v.type.ndim:
            return
        if self.late(v):
            self.master([f"{holder} = tgen_room(f, {self.bytes(v)});"], fails=True)
        self.master(LIBRARY["copy_out"](self, v, f"{holder}->data"))


def is_late(size):
    """Whether a size is known only when something in the body has run."""
    return dims.found_inside(dims.symbols(size))
