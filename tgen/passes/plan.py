"""plan: which memory every value has, and how each update is committed. Beside the IR, not in it.

A value produced for an output or an update is computed where it is wanted; other arrays share workspace slots
by their lifetimes. A reshape or consecutive rows of something are where that is, be it an argument, unless
they are a result: results share no memory with what was given. An update is *in place* when its kernel reads
the old value only at the element it writes, nobody reads the old value later and nothing that can fail
follows; *flip* (a second buffer, swapped at the end) otherwise; *copy* for a bare variable. At run time a
block somebody else holds or has borrowed is never written: the in-place update flips then, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.op import HOST, LIBRARY
from tgen.ir.nodes import SHARED
from tgen.ir.views import CondView, ScanView
from tgen.ops.host import FOUND

from .access import Access, is_identity

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.ir.nodes import Block, Function, Instr, Value

ALIGNMENT = 64
GIVEN = "param", "literal"  # slots of what no step makes


@dataclass(frozen=True)
class Slot:
    """kind: param, scalar, literal, output, update, work, alias, found, row; ``number`` among its kind,
    ``of`` the value an alias shares.

    A row is an element of axis 0 of something else: the loop around it says where it is at each step.
    """

    kind: str
    number: int = 0
    of: Any = None


@dataclass
class Update:
    """How an update commits: ``how`` is in place, flip or copy; ``why`` it is not in place."""

    how: str
    why: str = ""


@dataclass
class MemoryPlan:
    slots: dict[Value, Slot] = field(default_factory=dict)
    work: list[Extent] = field(default_factory=list)  # bytes of each workspace slot, a size expression
    updates: list[Update] = field(default_factory=list)
    # a block's parameter -> the value around the block that it is
    outer: dict[Value, Value] = field(default_factory=dict)
    # carry parameters whose new value is written over the old one
    in_place: set = field(default_factory=set)
    output_copies: list = field(default_factory=list)  # (output number, value)
    update_copies: list = field(default_factory=list)  # (update number, value)


class Lifetimes:
    """Where things stand in a block: the instruction that makes a value, and the last one that reads it or
    another value in its memory, by their numbers.
    """

    def __init__(self, block: Block, slots: dict[Value, Slot]) -> None:
        self.slots, self.instrs = slots, block.instrs
        self.results = {root(slots, v) for v in block.results}
        self.made = {v: n for n, i in enumerate(block.instrs) for v in i.results}
        self.read = {root(slots, v): n for n, i in enumerate(block.instrs) for v in i.operands}

    def last_read(self, v: Value) -> int:
        return self.read.get(root(self.slots, v), -1)

    def shares(self, v: Value, other: Value) -> bool:
        """Whether they are in one memory."""
        return root(self.slots, v) is root(self.slots, other)

    @cached_property
    def last_fallible(self) -> int:
        """The number of the last instruction that can end a call; -1 when there is none."""
        return next((n for n in reversed(range(len(self.instrs))) if fallible(self.instrs[n])), -1)


def plan(function: Function) -> MemoryPlan:
    """The MemoryPlan of a fused function."""
    block, made = function.block, MemoryPlan()
    for v, param in zip(block.params, function.params):
        made.slots[v] = Slot("param", param.number)
    _slots(block, made)
    _results(function, made)
    made.updates = _updates(function, made)
    _workspace(block, made)
    return made


def _slots(block: Block, made: MemoryPlan) -> None:
    """First slots of everything a block and the blocks in it make. As deep as loops are nested."""
    for instr in block.instrs:
        for v in instr.results:
            made.slots[v] = _first_slot(instr, v, made)
        if instr.op.name == "scan":
            _scan_slots(instr, made)
        elif instr.op.name == "cond":
            _cond_slots(instr, made)


def _outer(pairs: Iterable[Any], made: MemoryPlan) -> None:
    """(parameter, the value from around the block that it is)."""
    for p, v in pairs:
        made.outer[p] = v
        made.slots[p] = Slot("alias", of=v) if p.type.ndim else Slot("scalar")


def _scan_slots(instr: Instr, made: MemoryPlan) -> None:
    """Carries and rows of sequences are where the loop says; what is yielded is made there when it can be."""
    scan = ScanView(instr)
    moving = [part.param for part in (*scan.carries, *scan.sequences)]
    made.slots.update((p, Slot("row") if p.type.ndim else Slot("scalar")) for p in moving)
    _outer(((f.param, f.value) for f in scan.fixed), made)
    _slots(scan.body, made)
    places = Lifetimes(scan.body, made.slots)
    for carry in scan.carries:
        v, old = carry.new, carry.param
        if made.slots[v].kind != "work":
            continue
        stays = scan.out("history", carry) is not None or root(made.slots, old) in places.results
        if not stays and obstacle_in(places, v, old) is None:
            made.slots[v] = Slot("alias", of=old)
            made.in_place.add(old)
        else:
            made.slots[v] = Slot("row")
    for out in scan.outs:
        if out.kind in ("stack", "back") and made.slots[out.of.new].kind == "work":
            made.slots[out.of.new] = Slot("row")


def _cond_slots(instr: Instr, made: MemoryPlan) -> None:
    cond = CondView(instr)
    opened = {o.result for o in cond.open}
    for side in cond.sides:
        _outer(zip(side.block.params, side.values), made)
        _slots(side.block, made)
        for v, result in zip(side.block.results, cond.results):
            if made.slots[v].kind == "work" and result not in opened:
                made.slots[v] = Slot("alias", of=result)


def _first_slot(instr: Instr, v: Value, made: MemoryPlan) -> Slot:
    if instr.op.name == "constant" and v.type.ndim:
        return Slot("literal")
    if not v.type.ndim:
        return Slot("scalar")
    if instr.op.name in ("reshape", "rows") and instr.operands[0].type.ndim:
        if made.slots[root(made.slots, instr.operands[0])].kind in ("work", "row", *GIVEN):
            return Slot("alias", of=instr.operands[0])
    if (
        instr.op.name == "nonzero"
        or instr.op.kind == HOST
        and FOUND in instr.attrs["results"][instr.results.index(v)][1]
    ):
        return Slot("found")
    return Slot("work", -1)


def _results(function: Function, made: MemoryPlan) -> None:
    """Outputs and updates take the values made for them; what is taken already, or is a
    parameter, is copied.
    """
    results = function.block.results
    for number, v in enumerate(results):
        update = number - function.outputs
        kind, index = ("output", number) if update < 0 else ("update", update)
        given = made.slots[v].kind == "alias" and made.slots[root(made.slots, v)].kind in GIVEN
        if made.slots[v].kind == "work" or given:
            made.slots[v] = Slot(kind, index)
        else:
            (made.output_copies if update < 0 else made.update_copies).append((index, v))


def _updates(function: Function, made: MemoryPlan) -> list[Update]:
    block, places = function.block, Lifetimes(function.block, made.slots)
    shared = {p.number: v for v, p in zip(block.params, function.params) if p.kind == SHARED}
    parameters, values = set(block.params), block.results[function.outputs :]
    kept = set(values)

    def update(number: int, value: Value, target: Value) -> Update:
        if value in parameters:
            return Update("copy", "the new value is a variable's old one")
        if value.type.ndim == 0:
            return Update("in place")
        if made.slots[value] != Slot("update", number):
            return Update("copy", "the new value is also a result")
        why = _obstacle(places, kept, value, target)
        return Update("flip", why) if why else Update("in place")

    return [
        update(number, value, shared[s]) for number, (value, s) in enumerate(zip(values, function.updates))
    ]


def _obstacle(places: Lifetimes, kept: set[Value], value: Value, target: Value) -> str | None:
    """Why the update of ``target`` by ``value`` cannot be in place, or None; ``kept``: all new values."""
    if value.type.shape != target.type.shape:
        return "the size may change"
    maker = places.instrs[places.made[value]]
    if target in kept:
        return "the old value is read later"
    if places.last_fallible > places.made[value]:
        return "something that can fail follows"
    if maker.op.name in ("scan", "cond"):
        return "a loop or a branch may fail half way"
    if maker.op.kind == HOST:
        return "Python makes it, and may be stopped while it does"
    return obstacle_in(places, value, target)


def obstacle_in(places: Lifetimes, value: Value, target: Value) -> str | None:
    """Why ``value`` cannot be written over ``target``, or None."""
    instr = places.instrs[places.made[value]]
    if value.type.shape != target.type.shape:
        return "the size may change"
    if places.last_read(target) > places.made[value]:
        return "the old value is read later"
    if any(v is not target and places.shares(v, target) for v in instr.operands):
        return "the old value is read at other places than the one written"
    if target not in instr.operands:
        return None if instr.op.name not in ("scan", "cond") else "a loop or a branch may fail half way"
    if instr.op.name == "kernel":
        return _kernel_obstacle(instr, target)
    if instr.op.in_place and instr.operands[0] is target and instr.operands.count(target) == 1:
        return None
    if (
        instr.op.name == "gemm"
        and len(instr.operands) == 3
        and instr.operands[2] is target
        and instr.operands.count(target) == 1
    ):
        return None
    return "the old value is read at other places than the one written"


def fallible(instr: Instr) -> bool:
    """Whether the instruction can end a call: a check, Python, a library call that refuses values, or memory
    for a size found inside.
    """
    late = any(dims.found_inside(v.type.symbols) for v in instr.results)
    if instr.op.name == "cond":
        return late or any(fallible(i) for block in instr.blocks for i in block.instrs)
    return (
        late
        or instr.op.name == "scan"
        or instr.op.effect.stays
        or instr.op.effect.fails
        and instr.op.kind in (LIBRARY, HOST)
    )


def _kernel_obstacle(instr: Instr, target: Value) -> str | None:
    if any(i.op.name == "kernel" for i in instr.blocks[0].instrs):
        return "a kernel over rows reads the old value more than once"
    for operand, axes in zip(instr.operands, instr.attrs["maps"]):
        if operand is target and (
            any(a.gather is not None for a in axes) or not is_identity(Access(operand, axes), instr.sizes)
        ):
            return "the old value is read at other places than the one written"
    return None


def root(slots: dict[Value, Slot], v: Value) -> Value:
    """The value whose memory v has."""
    while slots[v].kind == "alias":
        v = slots[v].of
    return v


def _workspace(block: Block, made: MemoryPlan, free: dict[Extent, list[int]] | None = None) -> None:
    """Slots by lifetime: a freed slot is taken again by a value of the same byte size. As deep as loops are
    nested.

    What a nested block makes lives within one run of it, beside all that its instruction reads and makes.
    """
    slots, free = made.slots, {} if free is None else free
    last = {}
    for n, instr in enumerate(block.instrs):
        for v in (*instr.operands, *instr.results):
            last[root(slots, v)] = n
    for v in block.results:
        # not freed at the top; in a nested block it is when the block ends
        last[root(slots, v)] = len(block.instrs)
    ends = {}
    for v, n in last.items():
        ends.setdefault(n, []).append(v)
    own = {v for i in block.instrs for v in i.results}
    for n, instr in enumerate(block.instrs):
        for v in instr.results:
            if slots[v].kind == "work":
                slots[v] = Slot("work", _take(v, free, made))
        for nested in instr.blocks if instr.op.name in ("scan", "cond") else ():
            _workspace(nested, made, free)
        for v in ends.get(n, ()):
            if v in own and slots[v].kind == "work":
                free.setdefault(made.work[slots[v].number], []).append(slots[v].number)
    for v in ends.get(len(block.instrs), ()):
        if v in own and slots[v].kind == "work":
            free.setdefault(made.work[slots[v].number], []).append(slots[v].number)


def _take(v: Value, free: dict[Extent, list[int]], made: MemoryPlan) -> int:
    size = dims.mul(dims.product(v.type.shape), v.type.itemsize)
    if free.get(size):
        return free[size].pop()
    made.work.append(size)
    return len(made.work) - 1


def text(
    function: Function, made: MemoryPlan, names: Mapping[Value, str], label: Callable[[Value], str]
) -> str:
    """The plan in words; ``names`` are IR names, ``label(v)`` adds the user's."""
    lines = []
    for v, slot in made.slots.items():
        where = {"param": "parameter", "scalar": "in the frame", "literal": "in the text"}.get(
            slot.kind, f"{slot.kind} {slot.number}"
        )
        if slot.kind == "alias":
            where = f"the memory of {names[slot.of]}"
        lines.append(f"{names[v]}{label(v)}: {v.type.text()} {where}")
    lines.extend(f"workspace {n}: {size} bytes" for n, size in enumerate(made.work))
    for number, update in enumerate(made.updates):
        lines.append(
            f"update of shared {function.updates[number]}: "
            f"{update.how}{f' ({update.why})' if update.why else ''}"
        )
    lines.extend(
        f"output {n}: a copy of {names[v]}, so that results never share memory" for n, v in made.output_copies
    )
    return "\n".join(lines) + "\n"
