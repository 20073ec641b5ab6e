"""The entry of a module: loads the frame, checks sizes, takes memory, runs the body, commits. Prepares lists
of C lines.
"""

from tgen.core import dims
from tgen.ir.nodes import CONST, SHARED
from tgen.ir.rebuild import walk
from tgen.ir.verify import VerifyError

from .names import ctype, size_c


def symbols_of(function):
    """The name of every size symbol in the module: of parameters, arguments and what is found inside."""
    found = {}
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
    """Lines of the entry function, from a walked Module; ``symbols`` are all that it names."""

    def __init__(self, module, symbols):
        self.m, self.symbols = module, symbols
        self.function, self.plan, self.names = module.function, module.plan, module.names
        self.layout = self.function.layout
        self.load, self.sizes, self.checks = [], [], []
        self.memory, self.commit, self.results = [], [], []
        self.boxes = {}  # number of a shared variable -> the C of its storage
        self.defined = set()

    def build(self):
        for v, param, slot in zip(
            self.function.block.params, self.function.params, self.layout.parameters, strict=True
        ):
            if param.kind == SHARED:
                self.boxes[param.number] = f"shared[frame[{slot}]]"
                self.shared(v, param)
            else:
                self.argument(v, param, slot)
        self.demand_bound()
        self.take_memory()
        self.give_results()
        return self

    # -- parameters
    def argument(self, v, param, slot):
        name, type = self.names[v], ctype(v.type.dtype)
        if not v.type.ndim:
            self.load.append(f"memcpy(&f->{name}, &frame[{slot}], sizeof f->{name});")
            if param.symbol:
                self.sizes.append(f"f->{param.symbol} = (int64_t)f->{name};")
            return
        self.load.append(f"f->{name} = (const {type} *)(intptr_t)frame[{slot}];")
        self.axes(v, param, f"frame + {slot + 1}", "frame", slot + 1)

    def shared(self, v, param):
        name, type = self.names[v], ctype(v.type.dtype)
        box = self.boxes[param.number]
        if not v.type.ndim:
            self.load.append(f"f->{name} = *(const {type} *){box}->data;")
            return
        self.load.append(f"f->{name} = ({type} *){box}->data;")
        self.axes(v, param, f"{box}->dims", f"{box}->dims", 0)

    def axes(self, v, param, array, base, first):
        """Sizes and strides of an array parameter: the first axis with a bare symbol defines it, others are
        checked.
        """
        name, rank = self.names[v], v.type.ndim
        place = [f"{base}[{first + k}]" for k in range(2 * rank)]
        for k, size in enumerate(v.type.shape):
            symbol = dims.lone(size)
            if symbol and symbol.kind == dims.LENGTH and str(symbol) not in self.defined:
                self.defined.add(str(symbol))
                self.sizes.append(f"f->{symbol} = {place[k]};")
                continue
            site = param.sites[k] if param.sites and param.sites[k] is not None else -1
            if not isinstance(size, int) or site >= 0:
                self.checks.append(
                    f"if ({place[k]} != {size_c(size, 'f->')}) return tgen_fail(f, "
                    f"TGEN_SIZES, {site}, {place[k]}, {size_c(size, 'f->')}, 0);"
                )
        if self.m.strided(v):
            for k in range(rank):
                self.load.append(f"f->{name}_s{k} = {place[rank + k]}/{v.type.itemsize};")
            self.load.append(f"f->{name}_dense = tgen_dense({rank}, {array}, {v.type.itemsize});")
        elif param.kind != CONST:
            self.load.append(f"if (!tgen_dense({rank}, {array}, {v.type.itemsize})) return TGEN_LAYOUT;")

    def demand_bound(self):
        """Every size that is read is defined, by an axis, an argument or an instruction."""
        known = self.defined | {str(p.symbol) for p in self.function.params}
        known.update(str(s) for instr in walk(self.function.block) for s in instr.found)
        unbound = [s for s in self.symbols if s not in known]
        if unbound:
            raise VerifyError(f"nothing defines the size {', '.join(unbound)}, which the function reads")

    # -- memory
    def take_memory(self):
        late = self.m.late
        self.memory.append("int64_t room = 0;")
        first = {}  # workspace slot -> the value that had it first
        for v, slot in self.plan.slots.items():
            if slot.kind == "work":
                first.setdefault(slot.number, v)
        for number, size in enumerate(self.plan.work):
            if not dims.found_inside(dims.symbols(size)):
                v = first[number]
                self.memory.append(
                    f"const int64_t work{number} = tgen_more(&room, "
                    f"{self.m.sizes_of(v.type.dtype, v.type.shape)});"
                )
        for name, sizes in self.m.room:
            self.memory.append(f"const int64_t {name}_at = tgen_more(&room, {sizes});")
        self.has_work = len(self.memory) > 1
        self.memory = self.memory if self.has_work else []
        if self.has_work:
            self.memory.append("if (!(f->work = tgen_room(f, room))) goto out;")
            self.memory.append("char *const work = f->work->data;")
        for v, slot in self.plan.slots.items():
            if slot.kind == "work" and not late(v):
                self.memory.append(f"f->{self.names[v]} = (void *)(work + work{slot.number});")
        for name, _ in self.m.room:
            self.memory.append(f"f->{name} = (void *)(work + {name}_at);")
        self.outputs()
        self.updates()

    def results_of(self, update):
        k = self.function.outputs
        return enumerate(self.function.block.results[k:] if update else self.function.block.results[:k])

    def outputs(self):
        for number, v in self.results_of(False):
            if not v.type.ndim or self.m.late(v):
                continue
            self.memory.append(f"if (!(f->o{number} = tgen_room(f, {self.m.bytes(v)}))) goto out;")
            if self.plan.slots[v].kind == "output" and self.plan.slots[v].number == number:
                self.memory.append(f"f->{self.names[v]} = (void *)f->o{number}->data;")

    def updates(self):
        for number, v in self.results_of(True):
            update, box = self.plan.updates[number], self.boxes[self.function.updates[number]]
            if v.type.ndim and self.m.late(v):
                continue
            take = f"if (!(f->u{number} = tgen_room(f, {self.m.bytes(v)}))) goto out;"
            if update.how == "in place":
                take = f"if (!tgen_writable({box})) {{ {take} }}"
            self.memory.append(take)
            if v.type.ndim and self.plan.slots[v].kind == "update" and self.plan.slots[v].number == number:
                target = (
                    f"f->u{number}->data"
                    if update.how != "in place"
                    else f"(f->u{number} ? f->u{number}->data : {box}->data)"
                )
                self.memory.append(f"f->{self.names[v]} = (void *){target};")

    # -- results
    def give_results(self):
        for (number, v), slot in zip(self.results_of(False), self.layout.outputs, strict=True):
            if not v.type.ndim:
                self.results.append(
                    f"memcpy(&frame[{slot}], &f->{self.names[v]}, sizeof f->{self.names[v]});"
                )
                continue
            self.results.append(f"frame[{slot + 1}] = (int64_t)(intptr_t)f->o{number}; f->o{number} = 0;")
            self.results.extend(
                f"frame[{slot + 2 + k}] = {size_c(s, 'f->')};" for k, s in enumerate(v.type.shape)
            )
        for number, v in self.results_of(True):
            self.commit.extend(self.commit_one(number, v))

    def commit_one(self, number, v):
        box = self.boxes[self.function.updates[number]]
        lines = []
        if not v.type.ndim:
            lines.append(
                f"*({ctype(v.type.dtype)} *)(f->u{number} ? f->u{number}->data : {box}->data) = "
                f"f->{self.names[v]};"
            )
        shape = ", ".join(size_c(s, "f->") for s in v.type.shape) or "0"
        lines.append(
            f"if (f->u{number}) {{ host->flip({box}, f->u{number}, (const int64_t[]){{{shape}}}); "
            f"f->u{number} = 0; }}"
        )
        return lines

    def holders(self):
        names = [f"o{n}" for n, v in self.results_of(False) if v.type.ndim] + [
            f"u{n}" for n, _ in self.results_of(True)
        ]
        return (["work"] if self.has_work else []) + names + [h[3:] for h in self.m.holders]
