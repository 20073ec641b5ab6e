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

from dataclasses import dataclass, field

from tgen.core import dims
from tgen.ir.views import CondView, ScanView

from .c import expression
from .kernel import HIGH, LOW
from .library import LIBRARY, contiguous, emits, flat
from .names import bracket, ctype, size_c
from .nest import For, Load, Name, Set

LEVELS = 4  # of nested loops whose step an error names: slots 4 to 7 of the record
FIRST_ROWS = 16  # that an until loop takes memory for at first; it doubles


@dataclass
class Loop:
    """A scan among the steps; ``turn`` are the master's lines at its top."""

    name: str
    comment: str
    turn: list
    steps: list = field(default_factory=list)


@dataclass
class Branch:
    """A cond among the steps."""

    condition: str
    yes: list = field(default_factory=list)
    no: list = field(default_factory=list)


def row_bytes(module, t):
    """C text of the bytes of one row (an array of the rank of ``t``); sizes were multiplied without overflow
    when the whole was taken.
    """
    count = size_c(dims.product(t.shape), "f->")
    return f"{bracket(count)}*{t.itemsize}" if count != "1" else str(t.itemsize)


class ScanWriter:
    """Writes one scan; ``tag`` is the loop's name."""

    def __init__(self, module, instr, tag, line):
        self.m, self.instr, self.tag, self.line = module, instr, tag, line
        self.scan = ScanView(instr)
        self.t, self.n = f"f->{tag}_t", size_c(self.scan.steps, "f->")
        self.kept = {(out.kind, out.of): out.result for out in self.scan.outs}
        self.until = self.scan.condition is not None
        self.before, self.turn, self.ends, self.after = [], [], [], []

    # -- rows
    def row(self, base, t, at):
        """Pointer text of row ``at`` of an array that starts at ``base``."""
        return f"({ctype(t.dtype)} *)((char *){base} + ({at})*({row_bytes(self.m, t)}))"

    def find_registers(self):
        """``registers``: carry -> (the carry that it was some steps before, how many); ``depths``: carry ->
        how many registers it has.
        """
        carried = {carry.param: carry for carry in self.scan.carries}
        takes = {}  # carry -> the first register that takes its value over
        for carry in self.scan.carries:
            if carry.new in carried and carry.new.type.ndim and ("history", carry) not in self.kept:
                takes.setdefault(carried[carry.new], carry)
        self.registers, self.depths, self.memory = {}, {}, {}
        for head in (carry for carry in self.scan.carries if carry.new not in carried):
            register = head
            while (register := takes.get(register)) is not None:
                self.depths[head] = self.depths.get(head, 0) + 1
                self.registers[register] = head, self.depths[head]

    def rows_of(self, name, count, t):
        """Memory for ``count`` rows, that of the same name once."""
        if name not in self.memory:
            self.memory[name] = expression(
                self.m.scratch(name, t.dtype, dims.mul(count, dims.product(t.shape)))
            )
        return self.memory[name]

    def carry_rows(self, carry):
        """A function: C text of a step's number -> pointer text of the carry before that step. Takes the
        memory.
        """
        number = {c: k for k, c in enumerate(self.scan.carries)}
        param, t = carry.param, carry.param.type
        head, back = self.registers.get(carry, (carry, 0))
        if ("history", head) in self.kept:
            base = self.m.pointer(self.kept["history", head])
            if not back:
                return lambda at: self.row(base, t, at)
            early = self.rows_of(f"{self.tag}_e{number[head]}", self.depths[head], t)
            return lambda at: (
                f"({at} >= {back} ? {self.row(base, t, f'{at} - {back}')} : "
                f"{self.row(early, t, f'{back - 1} - ({at})')})"
            )
        if head in self.depths:
            rows = self.depths[head] + 2
            ring = self.rows_of(f"{self.tag}_r{number[head]}", rows, t)
            return lambda at: self.row(ring, t, f"({back} + {rows - 1}*({at})) % {rows}")
        final = self.kept.get(("final", carry))
        first = (
            self.m.pointer(final)
            if final is not None
            else expression(self.m.scratch(f"{self.tag}_a{number[carry]}", t.dtype, dims.product(t.shape)))
        )
        if param in self.m.plan.in_place:
            return lambda at: first
        other = expression(self.m.scratch(f"{self.tag}_b{number[carry]}", t.dtype, dims.product(t.shape)))
        parity = f"{self.t}_last - " if not self.until else ""
        return lambda at: f"(({parity}({at})) & 1 ? {other} : {first})"

    # -- parts of the loop
    def carry(self, carry):
        param, first, new = carry.param, carry.first, self.m.real(carry.new)
        t = param.type
        if not t.ndim:
            self.scalar_carry(carry, param, first, new)
            return
        rows = self.carry_rows(carry)
        self.before += LIBRARY["copy_out"](self.m, first, rows("0"))
        self.turn.append(f"{self.m.pointer(param)} = {rows(self.t)};")
        if self.claims(new, ("carry", carry)):
            self.turn.append(f"{self.m.pointer(new)} = {rows(self.t + ' + 1')};")
        elif carry in self.registers:
            pass
        elif param in self.m.plan.in_place:
            self.turn.append(f"{self.m.pointer(new)} = {self.m.pointer(param)};")
        else:
            self.ends += LIBRARY["copy_out"](self.m, new, rows(self.t + " + 1"))
        if ("final", carry) not in self.kept or param in self.m.plan.in_place:
            return
        moving = ("history", carry) in self.kept or carry in self.registers or carry in self.depths
        if self.until and not moving:
            self.after.append(
                f"if ({self.t} & 1) memcpy({self.m.pointer(self.kept['final', carry])}, "
                f"{rows('1')}, (size_t)({row_bytes(self.m, t)}));"
            )
        if moving:
            self.after.append(
                f"memcpy({self.m.pointer(self.kept['final', carry])}, {rows(self.t)}, "
                f"(size_t)({row_bytes(self.m, t)}));"
            )

    def scalar_carry(self, carry, param, first, new):
        place = self.m.pointer(param)
        self.before.append(f"{place} = {self.m.pointer(first)};")
        if ("history", carry) in self.kept:
            history = self.m.pointer(self.kept["history", carry])
            self.before.append(f"{history}[0] = {place};")
            self.ends.append(f"{history}[{self.t} + 1] = {self.m.pointer(new)};")
        if ("final", carry) in self.kept:
            self.after.append(f"{self.m.pointer(self.kept['final', carry])} = {place};")

    def scalar_moves(self):
        """The new values of scalar carries, all read before one is set."""
        moves = [(c.param, self.m.real(c.new)) for c in self.scan.carries if not c.param.type.ndim]
        if not moves:
            return []
        texts = [f"const {ctype(p.type.dtype)} c{k} = {self.m.pointer(v)};" for k, (p, v) in enumerate(moves)]
        return [
            "{ "
            + " ".join([*texts, *(f"{self.m.pointer(p)} = c{k};" for k, (p, _) in enumerate(moves))])
            + " }"
        ]

    def sequence(self, sequence):
        param, start, step = sequence.param, sequence.start, sequence.step
        moved = self.t if step == 1 else f"{step}*{self.t}" if step != -1 else f"-{self.t}"
        at = (
            moved
            if isinstance(start, int) and start == 0
            else f"{size_c(start, 'f->')} {'- ' + self.t if step == -1 else '+ ' + moved}"
        )
        base = contiguous(self.m, sequence.source)
        self.turn.append(
            f"{self.m.pointer(param)} = "
            f"{self.row(base, param.type, at) if param.type.ndim else f'{base}[{at}]'};"
        )

    def claims(self, v, use):
        """Whether ``use`` is the first to have a value that the step makes made in its row."""
        return (
            v in self.made and self.m.plan.slots[v].kind == "row" and self.claimed.setdefault(v, use) == use
        )

    def stack(self, kind, of, result):
        v, at = self.m.real(of.new), self.t if kind == "stack" else f"{self.t}_last - 1 - {self.t}"
        base = self.m.pointer(result)
        if not v.type.ndim:
            self.ends.append(f"{base}[{at}] = {self.m.pointer(v)};")
        elif self.claims(v, (kind, of)):
            self.turn.append(f"{self.m.pointer(v)} = {self.row(base, v.type, at)};")
        else:
            self.ends += LIBRARY["copy_out"](self.m, v, self.row(base, v.type, at))

    def sum(self, of, result):
        """The sum so far grows at the end of each step, in parts when it is an array."""
        v, total = self.m.real(of.new), self.m.pointer(result)
        if not v.type.ndim:
            self.before.append(f"{total} = 0;")
            self.ends.append(f"{total} {'|=' if v.type.dtype == 'bool' else '+='} {self.m.pointer(v)};")
            return
        self.before.append(f"memset({total}, 0, (size_t)({row_bytes(self.m, v.type)}));")
        self.added.append((v, self.m.field(result)))

    def add_sums(self):
        for v, total in self.added:
            count = size_c(dims.product(v.type.shape), "f->")
            i, op = Name("i"), "|" if v.type.dtype == "bool" else "+"
            loop = For(i, LOW, HIGH, (Set(Load(total, i), Load(flat(self.m, v), i), op),))
            self.m.library_part("the sum so far", [loop], count, f"0.2*({count})", product=False)

    # -- rows of an until loop: as many as it needs
    def grow(self):
        """Lines of the turn that see to it that rows t and t + 1 exist; the memory doubles."""
        room, lines = f"f->{self.tag}_room", []
        self.m.add(f"{self.tag}_room")
        arrays = [(v, kind) for (kind, _), v in self.kept.items() if kind in ("history", "stack")]
        for v, kind in arrays:
            holder, pointer, more = self.m.holder_of(v), self.m.pointer(v), int(kind == "history")
            shape = ", ".join([f"rows + {more}", *(size_c(s, "f->") for s in v.type.shape[1:])])
            used = f"(size_t)(({self.t} + {more})*({row_bytes(self.m, v.type.with_shape(v.type.shape[1:]))}))"
            lines += [
                f"tgen_block *const block = tgen_room(f, tgen_bytes({v.type.itemsize}, {v.type.ndim}, "
                f"(int64_t[]){{{shape}}}));",
                f"if (block) {{ if ({holder}) {{ memcpy(block->data, {pointer}, {used}); "
                f"f->host->give({holder}); }} {holder} = block; {pointer} = (void *)block->data; }}",
            ]
            lines = [*lines[:-2], "{", *(f"    {t}" for t in lines[-2:]), "}"]
        self.grown = [
            f"const int64_t wanted = {room} < {FIRST_ROWS} ? {FIRST_ROWS} : 2*{room}, rows = "
            f"wanted < {self.n} ? wanted : {self.n};",
            *lines,
            f"{room} = rows;",
        ]
        self.before += [f"{room} = -1;", f"{self.t} = 0;", "{", *(f"    {t}" for t in self.grown), "}"]
        return (
            [f"if ({self.t} >= {room} && {self.t} < {self.n}) {{", *(f"    {t}" for t in self.grown), "}"]
            if arrays
            else []
        )

    # -- all of it
    def write(self):
        m, tag = self.m, self.tag
        m.add(f"{tag}_t")
        if not self.until:
            m.add(f"{tag}_t_last")
        m.add(f"{tag}_on", "int32")
        self.claimed, self.added = {}, []
        self.made = {v for i in self.scan.instrs for v in i.results}
        if not self.until:
            self.before.append(f"{self.t}_last = {self.n};")
        grown, going, depth = self.grow() if self.until else [], f"{self.t} < {self.n}", m.loop_depth
        self.find_registers()
        self.outs()
        if self.until:
            m.add(f"{tag}_stop", "bool")
            self.before.append(f"f->{tag}_stop = 0;")
            self.ends.append(f"f->{tag}_stop = {m.pointer(m.real(self.scan.condition.new))};")
            self.after.append(f"f->{self.instr.found[0]} = {self.t};")
            going += f" && !f->{tag}_stop"
        m.master([*self.before, f"{self.t} = -1;"], fails=self.until)
        loop = self.body()
        named = [f"f->record[{4 + depth}] = {self.t};"] if depth < LEVELS else []
        loop.turn = [
            f"{self.t}++;",
            f"f->{tag}_on = {going};",
            "if (--f->steps_to_poll <= 0 && !(f->steps_to_poll = "
            "f->host->poll(f->last_poll))) tgen_fail(f, "
            "TGEN_STOPPED, -1, 0, 0, 0);",
            *grown,
            f"if (f->status) {{ f->{tag}_on = 0; return; }}",
            f"if (!f->{tag}_on) return;",
            *named,
            *self.turn,
        ]
        if self.after:
            m.master(self.after)

    def outs(self):
        for carry in self.scan.carries:
            self.carry(carry)
        for sequence in self.scan.sequences:
            self.sequence(sequence)
        for (kind, of), v in self.kept.items():
            if kind in ("stack", "back"):
                self.stack(kind, of, v)
            elif kind == "sum":
                self.sum(of, v)

    def body(self):
        loop = Loop(self.tag, self.line, [])
        self.m.enter(loop.steps, loop=True)
        self.m.walk(self.scan.body)
        self.add_sums()
        closing = self.ends + self.scalar_moves()
        if closing:
            self.m.master(closing)
        self.m.leave(loop=True)
        self.m.add_nested(loop)
        return loop


@emits("scan")
def scan(module, instr, line):
    ScanWriter(module, instr, module.loop_name(), line).write()


@emits("cond")
def cond(module, instr, line):
    view = CondView(instr)
    branch = Branch(f"{module.pointer(view.condition)} != 0")
    for side, steps in zip(view.sides, (branch.yes, branch.no)):
        block = side.block
        module.enter(steps)
        direct = {
            v: r for v, r in zip(block.results, instr.results) if v.type.ndim and module.plan.slots[v].of is r
        }
        module.master([f"{module.pointer(v)} = {module.pointer(r)};" for v, r in direct.items()])
        module.walk(block)
        for v, r in zip(block.results, view.results):
            found = {o.axis: o.symbol for o in view.open if o.result is r}
            end_branch(module, r, module.real(v), direct.get(v) is r, found)
        module.leave()
    module.add_nested(branch)


def end_branch(module, result, v, direct, found):
    """What a branch yields becomes the result; sizes that depend on the branch are known here."""
    if not v.type.ndim:
        module.master([f"{module.pointer(result)} = {module.pointer(v)};"])
        return
    if found:
        module.master([f"f->{name} = {size_c(v.type.shape[axis], 'f->')};" for axis, name in found.items()])
        module.take_late(module.holder_of(result), module.pointer(result), module.bytes(result))
    if not direct:
        module.master(
            [
                "if (!f->status) {",
                *(f"    {t}" for t in LIBRARY["copy_out"](module, v, module.pointer(result))),
                "}",
            ]
        )
