"""Executable: a library bound to shared variables; fills the frame, runs, wraps results, raises."""

from __future__ import annotations

import functools
import struct
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from tgen import backends
from tgen.core.dtypes import DTYPE
from tgen.core.refusal import LAYOUT
from tgen.core.storage import connect, wrap_block
from tgen.ir.frame import RECORD_SLOTS, SITES_SLOT
from tgen.ir.nodes import CONST, INPUT, SHARED

if TYPE_CHECKING:
    from tgen.core.host import FFI, CData, Lib
    from tgen.core.storage import Storage
    from tgen.lower.signature import Signature

    from .explain import Explain
    from .program import Program

SLOT = 8  # bytes
Values: TypeAlias = Sequence[Any]  # checked arguments: an ndarray each, a Python or NumPy number of rank 0


class Called(Protocol):
    """What a Function calls: an Executable, or what stands around one and looks on."""

    @property
    def program(self) -> Program: ...
    @property
    def signature(self) -> Signature: ...
    def __call__(self, values: Values, /) -> list[np.ndarray]: ...


class Frame:
    """One call's numbers: ``pointer`` to the int64 slots of the entry's frame, a typed pointer per argument
    and an ndarray of rank 0 per scalar result, all over the same memory.

    ``fixed`` are the (slot, number) pairs that are the same in every call of an Executable; ``room``: how
    many slots the backend has behind those of the signature.
    """

    def __init__(self, ffi: FFI, signature: Signature, fixed: Iterable[tuple[int, int]], room: int) -> None:
        layout = signature.layout
        self.slots = np.zeros(layout.size + room, "int64")
        for at, number in fixed:
            self.slots[at] = number
        self.pointer = ffi.from_buffer("int64_t[]", self.slots)
        self.arguments = [
            self.pointer + at
            if p.variable.type.ndim
            else ffi.cast(f"{DTYPE[p.variable.type.dtype].c} *", self.pointer + at)
            for p, at in zip(signature.parameters, layout.parameters)
            if p.kind == INPUT
        ]
        self.results = [
            None if v.type.ndim else self.slots[at : at + 1].view(v.type.dtype)[:1].reshape(())
            for v, at in zip(signature.outputs, layout.outputs)
        ]


class Executable:
    """``executable(values)`` -> list of fresh ndarrays. ``values`` are checked arguments, in the order of the
    inputs.

    Rank 0: a number; otherwise an aligned native ndarray of the input's dtype and rank, any strides.
    ``library`` may be for C-contiguous arrays only; ``general()`` is asked for one for all arrays when a call
    meets another, and that one serves from then on.
    """

    def __init__(
        self,
        library: backends.Library,
        program: Program,
        explain: Explain,
        general: Callable[[], backends.Library],
    ) -> None:
        self.lib, self.ffi, self.host = backends.table()
        connect()
        self.program, self.signature = program, program.signature
        self.library, self.explain, self.general = library, explain, general
        self.kept: list[backends.Library] = []  # used before: another thread may be inside one
        self.frames: deque[Frame] = deque()
        self.bind()
        bodies = library.bodies(self.signature, self.storages, self.places)
        self.bodies = self.ffi.new_handle(bodies) if bodies else None
        self.space: dict[str, Any] = {}
        self.call = written_call(self)

    def fixed(self) -> list[tuple[int, int]]:
        """(slot, number) of what is the same in every call: the places of storages, the constants, the
        bodies.
        """
        signature = self.signature
        found: list[tuple[int, int]] = []
        for p, at in zip(signature.parameters, signature.layout.parameters):
            if p.kind == SHARED:
                found.append((at, self.places[p.number]))
            elif p.kind == CONST:
                found += enumerate(head(signature.constants[p.number]), at)
        if self.bodies is not None:
            found.append((SITES_SLOT, int(self.ffi.cast("intptr_t", self.bodies))))
        return found

    def bind(self) -> None:
        """The plan of locks: storages by ascending id, each once, exclusive where an update writes.
        ``places``: that of each shared variable among them.
        """
        storages: dict[int, Storage] = {}
        ids: list[int] = []
        written: set[int] = set()
        for p in self.signature.parameters:
            if p.kind != SHARED:
                continue
            storage = p.variable.container.storage
            ids.append(storage.id)
            storages[storage.id] = storage
            if p.updated:
                written.add(storage.id)
        order = sorted(storages)
        ffi = self.ffi
        records = ffi.new("tgen_storage *[]", [storages[k].record for k in order] or [ffi.NULL])
        exclusive = ffi.new("int8_t[]", [k in written for k in order] or [0])
        self.locks = records, exclusive, len(order)
        self.storages = [storages[k] for k in order]  # kept alive with the plan
        self.plan = self.plan_of(self.library)
        place = {k: n for n, k in enumerate(order)}
        self.places = [place[k] for k in ids]

    def plan_of(self, library: backends.Library) -> CData:
        """What C needs for a call but for the frame."""
        plan = self.ffi.new("tgen_plan *")
        plan.entry, plan.host = library.entry, self.host
        plan.shared, plan.exclusive, plan.count = self.locks
        return plan

    def __call__(self, values: Values) -> list[np.ndarray]:
        return self.call(values)

    def again(self, status: int, frame: Frame) -> int:
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

    def fail(self, status: int, frame: Frame) -> BaseException:
        """The exception of a call that ended with ``status``."""
        record = [int(n) for n in frame.slots[:RECORD_SLOTS]]
        self.frames.append(frame)
        return self.explain(status, record)


def written_call(executable: Executable) -> Callable[[Values], list[np.ndarray]]:
    """call(values) -> results, as source written for this function: a loop over its arguments would cost 100
    ns an argument more.
    """
    signature, space = executable.signature, executable.space
    space |= {
        "pop": executable.frames.pop,
        "push": executable.frames.append,
        "frame": functools.partial(
            Frame, executable.ffi, signature, executable.fixed(), executable.program.backend.room(signature)
        ),
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
    names = [f"a{k}" for k in range(len(signature.inputs))]
    if names:
        lines.append(f"    {', '.join(names)}{',' if len(names) == 1 else ''} = values")
        lines.append(
            f"    {', '.join(f'p{k}' for k in range(len(names)))}{',' if len(names) == 1 else ''} = "
            "f.arguments"
        )
    for k, v in enumerate(signature.inputs):
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
    for k, (v, at) in enumerate(zip(signature.outputs, signature.layout.outputs)):
        rank = v.type.ndim
        space[f"d{k}"], space[f"u{k}"] = np.dtype(v.type.dtype), struct.Struct(f"={1 + rank}q").unpack_from
        lines.append(
            f"    b, *s = u{k}(f.slots, {(at + 1) * SLOT}); r{k} = wrap(b, d{k}, tuple(s))"
            if rank
            else f"    r{k} = f.results[{k}].copy()"
        )
    lines += ["    push(f)", f"    return [{', '.join(f'r{k}' for k in range(len(signature.outputs)))}]"]
    exec("\n".join(lines), space)
    return space["call"]


@functools.cache
def address_is_enough(lib: Lib) -> bool:
    """Whether C may read an array's head by its address, shown by a probe: then ``fill(slots, id(array),
    rank)`` is one call of 60 ns.
    """
    probe, slots = np.zeros((3, 5), "int16")[::2, 1::2], np.zeros(5, "int64")
    lib.tgen_fill(backends.table()[1].from_buffer("int64_t[]", slots), id(probe), 2)
    return slots.tolist() == head(probe)


def head(array: np.ndarray) -> list[int]:
    return [array.__array_interface__["data"][0], *array.shape, *array.strides]


def slow(slots: CData, array: np.ndarray, rank: int) -> None:
    for k, number in enumerate(head(array)):
        slots[k] = number
