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

from .library import LIBRARY, contiguous, emits
from .loops import Lines
from .names import bracket, ctype, size_c

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
        self.attrs, self.block = instr.attrs, instr.blocks[0]
        self.results = [module.real(v) for v in self.block.results]
        self.carries, self.sequences = self.attrs["carries"], self.attrs["sequences"]
        self.t, self.n = f"f->{tag}_t", size_c(instr.sizes[0], "f->")
        self.kept = {}  # (kind, k) -> result
        for v, out in zip(instr.results, self.attrs["outs"]):
            self.kept[out] = v
        self.until = self.attrs["until"]
        self.before, self.turn, self.ends, self.after = [], [], [], []

    # -- rows
    def row(self, base, t, at):
        """Pointer text of row ``at`` of an array that starts at ``base``."""
        return f"({ctype(t.dtype)} *)((char *){base} + ({at})*({row_bytes(self.m, t)}))"

    def find_registers(self):
        """``registers``: carry -> (the carry that it was some steps before, how many); ``depths``: carry ->
        how many registers it has.
        """
        params, news = self.block.params[: self.carries], self.block.results[: self.carries]
        takes = {}  # carry -> the first register that takes its value over
        for r, new in enumerate(news):
            if new in params and new.type.ndim and ("history", r) not in self.kept:
                takes.setdefault(params.index(new), r)
        self.registers, self.depths, self.memory = {}, {}, {}
        for j in (j for j, new in enumerate(news) if new not in params):
            r = j
            while (r := takes.get(r)) is not None:
                self.depths[j] = self.depths.get(j, 0) + 1
                self.registers[r] = j, self.depths[j]

    def rows_of(self, name, count, t):
        """Memory for ``count`` rows, that of the same name once."""
        if name not in self.memory:
            self.memory[name] = self.m.scratch(name, t.dtype, dims.mul(count, dims.product(t.shape)))
        return self.memory[name]

    def carry_rows(self, j):
        """A function: C text of a step's number -> pointer text of the carry before that step. Takes the
        memory.
        """
        param, t = self.block.params[j], self.block.params[j].type
        head, back = self.registers.get(j, (j, 0))
        if ("history", head) in self.kept:
            base = self.m.pointer(self.kept["history", head])
            if not back:
                return lambda at: self.row(base, t, at)
            early = self.rows_of(f"{self.tag}_e{head}", self.depths[head], t)
            return lambda at: (
                f"({at} >= {back} ? {self.row(base, t, f'{at} - {back}')} : "
                f"{self.row(early, t, f'{back - 1} - ({at})')})"
            )
        if head in self.depths:
            rows = self.depths[head] + 2
            ring = self.rows_of(f"{self.tag}_r{head}", rows, t)
            return lambda at: self.row(ring, t, f"({back} + {rows - 1}*({at})) % {rows}")
        final = self.kept.get(("final", j))
        first = (
            self.m.pointer(final)
            if final is not None
            else self.m.scratch(f"{self.tag}_a{j}", t.dtype, dims.product(t.shape))
        )
        if param in self.m.plan.in_place:
            return lambda at: first
        other = self.m.scratch(f"{self.tag}_b{j}", t.dtype, dims.product(t.shape))
        parity = f"{self.t}_last - " if not self.until else ""
        return lambda at: f"(({parity}({at})) & 1 ? {other} : {first})"

    # -- parts of the loop
    def carry(self, j):
        param, first, new = self.block.params[j], self.instr.operands[j], self.results[j]
        t = param.type
        if not t.ndim:
            self.scalar_carry(j, param, first, new)
            return
        rows = self.carry_rows(j)
        self.before += LIBRARY["copy_out"](self.m, first, rows("0"))
        self.turn.append(f"{self.m.pointer(param)} = {rows(self.t)};")
        if self.claims(new, ("carry", j)):
            self.turn.append(f"{self.m.pointer(new)} = {rows(self.t + ' + 1')};")
        elif j in self.registers:
            pass
        elif param in self.m.plan.in_place:
            self.turn.append(f"{self.m.pointer(new)} = {self.m.pointer(param)};")
        else:
            self.ends += LIBRARY["copy_out"](self.m, new, rows(self.t + " + 1"))
        if ("final", j) not in self.kept or param in self.m.plan.in_place:
            return
        moving = ("history", j) in self.kept or j in self.registers or j in self.depths
        if self.until and not moving:
            self.after.append(
                f"if ({self.t} & 1) memcpy({self.m.pointer(self.kept['final', j])}, "
                f"{rows('1')}, (size_t)({row_bytes(self.m, t)}));"
            )
        if moving:
            self.after.append(
                f"memcpy({self.m.pointer(self.kept['final', j])}, {rows(self.t)}, "
                f"(size_t)({row_bytes(self.m, t)}));"
            )

    def scalar_carry(self, j, param, first, new):
        place = self.m.pointer(param)
        self.before.append(f"{place} = {self.m.pointer(first)};")
        if ("history", j) in self.kept:
            history = self.m.pointer(self.kept["history", j])
            self.before.append(f"{history}[0] = {place};")
            self.ends.append(f"{history}[{self.t} + 1] = {self.m.pointer(new)};")
        if ("final", j) in self.kept:
            self.after.append(f"{self.m.pointer(self.kept['final', j])} = {place};")

    def scalar_moves(self):
        """The new values of scalar carries, all read before one is set."""
        moves = [(p, v) for p, v in zip(self.block.params[: self.carries], self.results) if not p.type.ndim]
        if not moves:
            return []
        texts = [f"const {ctype(p.type.dtype)} c{k} = {self.m.pointer(v)};" for k, (p, v) in enumerate(moves)]
        return [
            "{ "
            + " ".join([*texts, *(f"{self.m.pointer(p)} = c{k};" for k, (p, _) in enumerate(moves))])
            + " }"
        ]

    def sequence(self, k):
        param, v = self.block.params[self.carries + k], self.instr.operands[self.carries + k]
        start = self.instr.sizes[1 + k] if "steps" in self.attrs else 0
        step = self.attrs["steps"][k] if "steps" in self.attrs else 1
        moved = self.t if step == 1 else f"{step}*{self.t}" if step != -1 else f"-{self.t}"
        at = (
            moved
            if isinstance(start, int) and start == 0
            else f"{size_c(start, 'f->')} {'- ' + self.t if step == -1 else '+ ' + moved}"
        )
        base = contiguous(self.m, v)
        self.turn.append(
            f"{self.m.pointer(param)} = "
            f"{self.row(base, param.type, at) if param.type.ndim else f'{base}[{at}]'};"
        )

    def claims(self, v, use):
        """Whether ``use`` is the first to have a value that the step makes made in its row."""
        return (
            v in self.made and self.m.plan.slots[v].kind == "row" and self.claimed.setdefault(v, use) == use
        )

    def stack(self, kind, k, result):
        v, at = self.results[k], self.t if kind == "stack" else f"{self.t}_last - 1 - {self.t}"
        base = self.m.pointer(result)
        if not v.type.ndim:
            self.ends.append(f"{base}[{at}] = {self.m.pointer(v)};")
        elif self.claims(v, (kind, k)):
            self.turn.append(f"{self.m.pointer(v)} = {self.row(base, v.type, at)};")
        else:
            self.ends += LIBRARY["copy_out"](self.m, v, self.row(base, v.type, at))

    def sum(self, k, result):
        """The sum so far grows at the end of each step, in parts when it is an array."""
        v, total = self.results[k], self.m.pointer(result)
        if not v.type.ndim:
            self.before.append(f"{total} = 0;")
            self.ends.append(f"{total} {'|=' if v.type.dtype == 'bool' else '+='} {self.m.pointer(v)};")
            return
        self.before.append(f"memset({total}, 0, (size_t)({row_bytes(self.m, v.type)}));")
        self.added.append((v, total))

    def add_sums(self):
        for v, total in self.added:
            count = size_c(dims.product(v.type.shape), "f->")
            op = "|=" if v.type.dtype == "bool" else "+="
            text = [
                f"const {ctype(v.type.dtype)} *const x = {contiguous(self.m, v)};",
                f"{ctype(v.type.dtype)} *const y = {total};",
                "for (int64_t i = low; i < high; i++)",
                f"    y[i] {op} x[i];",
            ]
            self.m.library_part("the sum so far", [Lines(text)], count, f"0.2*({count})", product=False)

    # -- rows of an until loop: as many as it needs
    def grow(self):
        """Lines of the turn that see to it that rows t and t + 1 exist; the memory doubles."""
        room, lines = f"f->{self.tag}_room", []
        self.m.add_field(f"int64_t {self.tag}_room;")
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
        m.add_field(f"int64_t {tag}_t{'' if self.until else f', {tag}_t_last'}; int32_t {tag}_on;")
        self.claimed, self.added = {}, []
        self.made = {v for i in self.block.instrs for v in i.results}
        if not self.until:
            self.before.append(f"{self.t}_last = {self.n};")
        grown, going, depth = self.grow() if self.until else [], f"{self.t} < {self.n}", m.loop_depth
        self.find_registers()
        self.outs()
        if self.until:
            m.add_field(f"uint8_t {tag}_stop;")
            self.before.append(f"f->{tag}_stop = 0;")
            self.ends.append(f"f->{tag}_stop = {m.pointer(self.results[-1])};")
            self.after.append(f"f->{self.instr.found[0]} = {self.t};")
            going += f" && !f->{tag}_stop"
        m.master([*self.before, f"{self.t} = -1;"], fails=self.until)
        loop = self.body()
        named = [f"f->record[{4 + depth}] = {self.t};"] if depth < LEVELS else []
        loop.turn = [
            f"{self.t}++;",
            f"f->{tag}_on = {going};",
            "if (--f->patience <= 0 && !(f->patience = "
            "f->host->poll(f->beat))) tgen_fail(f, "
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
        for j in range(self.carries):
            self.carry(j)
        for k in range(self.sequences):
            self.sequence(k)
        for (kind, k), v in self.kept.items():
            if kind in ("stack", "back"):
                self.stack(kind, k, v)
            elif kind == "sum":
                self.sum(k, v)

    def body(self):
        loop = Loop(self.tag, self.line, [])
        self.m.enter(loop.steps, loop=True)
        self.m.walk(self.block)
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
    branch = Branch(f"{module.pointer(instr.operands[0])} != 0")
    for block, steps in zip(instr.blocks, (branch.yes, branch.no)):
        module.enter(steps)
        direct = {
            v: r for v, r in zip(block.results, instr.results) if v.type.ndim and module.plan.slots[v].of is r
        }
        module.master([f"{module.pointer(v)} = {module.pointer(r)};" for v, r in direct.items()])
        module.walk(block)
        for k, (v, r) in enumerate(zip(block.results, instr.results)):
            found = {
                axis: name for (number, axis), name in zip(instr.attrs["open"], instr.found) if number == k
            }
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
