"""Executable: a loaded C function bound to shared variables; fills the frame, runs, wraps results, raises."""

import functools
import struct
from collections import deque

import numpy as np

from tgen.backends.c import host
from tgen.backends.c.inside import SITES_SLOT
from tgen.core.dtypes import DTYPE
from tgen.core.storage import connect, wrap_block

from .sites import sites_of

SLOT = 8  # bytes
RECORD_SLOTS = 8
ERROR_SLOTS = 9  # the record, and the slot by which host ops find their bodies
OK, SIZES, INDEX, MEMORY, EMPTY, REENTRANT, BAD_SIZE, ASSERT, STOPPED, RAISED, LAYOUT = range(11)


class Frame:
    """One call's numbers: ``pointer`` to the int64 slots of the entry's frame, a typed pointer per scalar
    argument and an ndarray of rank 0 per scalar result, all over the same memory.
    """

    def __init__(self, ffi, layout):
        self.slots = np.zeros(layout.size, "int64")
        for at, number in layout.fixed:
            self.slots[at] = number
        self.pointer = ffi.from_buffer("int64_t[]", self.slots)
        self.arguments = [
            self.pointer + at if v.type.ndim else ffi.cast(f"{DTYPE[v.type.dtype].c} *", self.pointer + at)
            for v, at in layout.arguments
        ]
        self.results = [
            None if v.type.ndim else self.slots[at : at + 1].view(v.type.dtype)[:1].reshape(())
            for v, at in layout.results
        ]


class Layout:
    """Where each argument and result stands in the frame; ``fixed`` slots are filled once: storage positions,
    constants.
    """

    def __init__(self, inputs, outputs, constants, positions):
        at = ERROR_SLOTS
        self.fixed, self.arguments, self.results = [], [], []
        for p in positions:
            self.fixed.append((at, p))
            at += 1
        for v in inputs:
            self.arguments.append((v, at))
            at += 1 + 2 * v.type.ndim
        for c in constants:
            numbers = [c.__array_interface__["data"][0], *c.shape, *c.strides]
            self.fixed += [(at + k, n) for k, n in enumerate(numbers)]
            at += len(numbers)
        for v in outputs:
            self.results.append((v, at))
            at += 2 + v.type.ndim
        self.size = at


class Executable:
    """``executable(values)`` -> list of fresh ndarrays. ``values`` are checked arguments, in the order of the
    inputs.

    ``python`` is the dict of its host ops' bodies (ops/host.py). Rank 0: a number; otherwise an aligned
    native ndarray of the input's dtype and rank, any strides. ``library`` may be for C-contiguous arrays
    only; ``general()`` is asked for one for all arrays when a call meets another, and that one serves from
    then on.
    """

    def __init__(self, library, inputs, outputs, shared, updates, constants, explain, general, python=()):
        self.lib, self.ffi, self.host = host.table()
        connect()
        self.library, self.explain, self.general = library, explain, general
        self.kept = []  # libraries used before: another thread may be inside one
        self.inputs, self.outputs, self.shared, self.updated = (
            inputs,
            outputs,
            shared,
            {s for s, _ in updates},
        )
        self.constants = [np.ascontiguousarray(c) for c in constants]
        self.frames = deque()
        self.layout = Layout(inputs, outputs, self.constants, self.bind())
        self.sites = self.ffi.new_handle(sites_of(python, self.lib, self.ffi)) if python else None
        if python:
            self.layout.fixed.append((SITES_SLOT, int(self.ffi.cast("intptr_t", self.sites))))
        self.space = {}
        self.call = written_call(self)

    def bind(self):
        """The plan of locks: storages by ascending id, each once, exclusive where an update writes. Returns
        each variable's place.
        """
        storages = {}
        for s in self.shared:
            storage = s.container.storage
            known = storages.setdefault(storage.id, [storage, 0])
            known[1] |= s in self.updated
        order = sorted(storages)
        ffi = self.ffi
        records = ffi.new("tgen_storage *[]", [storages[k][0].record for k in order] or [ffi.NULL])
        exclusive = ffi.new("int8_t[]", [storages[k][1] for k in order] or [0])
        self.locks = records, exclusive, len(order)
        self.storages = [storages[k][0] for k in order]  # kept alive with the plan
        self.plan = self.plan_of(self.library)
        return [order.index(s.container.storage.id) for s in self.shared]

    def plan_of(self, library):
        """What C needs for a call but for the frame."""
        plan = self.ffi.new("tgen_plan *")
        plan.entry, plan.host = library.entry, self.host
        plan.shared, plan.exclusive, plan.count = self.locks
        return plan

    def __call__(self, values):
        return self.call(values)

    def again(self, status, frame):
        """The status a call ends with that came back with ``status``: one that met an array of another layout
        is made anew.

        No lock is held here. Several threads may get here at once: they get the same library.
        """
        if status != LAYOUT:
            return status
        library = self.general()
        self.kept.append(self.library)
        self.library, self.plan = library, self.plan_of(library)
        self.space["plan"] = self.plan
        return self.lib.tgen_run(self.plan, frame.pointer)

    def fail(self, status, frame):
        """The exception of a call that ended with ``status``."""
        record = [int(n) for n in frame.slots[:RECORD_SLOTS]]
        self.frames.append(frame)
        return self.explain(status, record)


def written_call(executable):
    """call(values) -> results, as source written for this function: a loop over its arguments would cost 100
    ns an argument more.
    """
    layout = executable.layout
    space = executable.space
    space |= {
        "pop": executable.frames.pop,
        "push": executable.frames.append,
        "frame": functools.partial(Frame, executable.ffi, layout),
        "run": executable.lib.tgen_run,
        "plan": executable.plan,
        "again": executable.again,
        "fail": executable.fail,
        "wrap": wrap_block,
    }
    read_by_address = address_is_enough(executable.lib)
    space["fill"] = executable.lib.tgen_fill if read_by_address else slow
    lines = [
        "def call(values):",
        "    try:",
        "        f = pop()",
        "    except IndexError:",
        "        f = frame()",
    ]
    names = [f"a{k}" for k in range(len(layout.arguments))]
    if names:
        lines.append(f"    {', '.join(names)}{',' if len(names) == 1 else ''} = values")
        lines.append(
            f"    {', '.join(f'p{k}' for k in range(len(names)))}{',' if len(names) == 1 else ''} = "
            "f.arguments"
        )
    for k, (v, _) in enumerate(layout.arguments):
        lines.append(
            f"    fill(p{k}, {f'id(a{k})' if read_by_address else f'a{k}'}, {v.type.ndim})"
            if v.type.ndim
            else f"    p{k}[0] = a{k}"
        )
    lines += [
        "    status = run(plan, f.pointer)",
        "    if status:",
        "        status = again(status, f)",
        "        if status:",
        "            raise fail(status, f)",
    ]
    for k, (v, at) in enumerate(layout.results):
        rank = v.type.ndim
        space[f"d{k}"], space[f"u{k}"] = np.dtype(v.type.dtype), struct.Struct(f"={1 + rank}q").unpack_from
        lines.append(
            f"    b, *s = u{k}(f.slots, {(at + 1) * SLOT}); r{k} = wrap(b, d{k}, tuple(s))"
            if rank
            else f"    r{k} = f.results[{k}].copy()"
        )
    lines += ["    push(f)", f"    return [{', '.join(f'r{k}' for k in range(len(layout.results)))}]"]
    exec("\n".join(lines), space)
    return space["call"]


@functools.cache
def address_is_enough(lib):
    """Whether C may read an array's head by its address, shown by a probe: then ``fill(slots, id(array),
    rank)`` is one call of 60 ns.
    """
    probe, slots = np.zeros((3, 5), "int16")[::2, 1::2], np.zeros(5, "int64")
    lib.tgen_fill(host.table()[1].from_buffer("int64_t[]", slots), id(probe), 2)
    return slots.tolist() == head(probe)


def head(array):
    return [array.__array_interface__["data"][0], *array.shape, *array.strides]


def slow(slots, array, rank):
    for k, number in enumerate(head(array)):
        slots[k] = number
