"""Executable: a loaded C function bound to shared variables; fills the frame, runs, wraps results, raises."""
import struct
from collections import deque

import numpy as np

from tgen.backends.c import host
from tgen.core.storage import connect, wrap_block

SLOT = 8                # bytes
ERROR_SLOTS = 8
OK, SIZES, INDEX, MEMORY, EMPTY, REENTRANT, BAD_SIZE, ASSERT = range(8)
_CODES = {"bool": "?7x", "int8": "b7x", "int16": "h6x", "int32": "i4x", "int64": "q", "uint8": "B7x", "uint16": "H6x", "uint32": "I4x",
          "uint64": "Q", "float32": "f4x", "float64": "d"}


class Frame:
    """One call's numbers: the int64 slots of the entry's frame, and 0-d views of those that hold scalar results."""
    __slots__ = ("slots", "pointer", "scalars")

    def __init__(self, ffi, size, fixed, scalars):
        self.slots = np.zeros(size, "int64")
        for at, number in fixed:
            self.slots[at] = number
        self.pointer = ffi.from_buffer("int64_t[]", self.slots)
        self.scalars = [None if at is None else self.slots[at:at + 1].view(dtype)[:1].reshape(()) for at, dtype in scalars]


class Executable:
    """``executable(values)`` -> list of fresh ndarrays. ``values`` are checked arguments, in the order of the inputs.

    Rank 0: a number; otherwise an aligned native ndarray of the input's dtype and rank, any strides.
    """

    def __init__(self, library, inputs, outputs, shared, updates, constants, explain):
        self.lib, self.ffi, self.host = host.table()
        connect()
        self.library, self.explain = library, explain
        self.inputs, self.outputs, self.shared, self.updated = inputs, outputs, shared, {s for s, _ in updates}
        self.constants = [np.ascontiguousarray(c) for c in constants]
        self.frames = deque()
        self.bind()
        self.lay_out()

    def bind(self):
        """The plan of locks: storages by ascending id, each once, exclusive where an update writes."""
        storages = {}
        for s in self.shared:
            storage = s.container.storage
            known = storages.setdefault(storage.id, [storage, 0])
            known[1] |= s in self.updated
        order = sorted(storages)
        self.positions = [order.index(s.container.storage.id) for s in self.shared]
        ffi = self.ffi
        self.records = ffi.new("tgen_storage *[]", [storages[k][0].record for k in order] or [ffi.NULL])
        self.exclusive = ffi.new("int8_t[]", [storages[k][1] for k in order] or [0])
        self.plan = ffi.new("tgen_plan *")
        self.plan.entry, self.plan.host = self.library.entry, self.host
        self.plan.shared, self.plan.exclusive, self.plan.count = self.records, self.exclusive, len(order)
        self.storages = [storages[k][0] for k in order]     # kept alive with the plan

    def lay_out(self):
        """Where each argument and result stands in the frame."""
        at, codes = ERROR_SLOTS + len(self.shared), []
        self.fixed = [(ERROR_SLOTS + k, p) for k, p in enumerate(self.positions)]
        self.first = at * SLOT
        for v in self.inputs:
            codes.append(_CODES[v.type.dtype] if v.type.ndim == 0 else f"{1 + 2 * v.type.ndim}q")
            at += 1 + 2 * v.type.ndim
        self.packer = struct.Struct("=" + "".join(codes)).pack_into
        self.ranks = [v.type.ndim for v in self.inputs]
        for c in self.constants:
            numbers = [_address(c)] + list(c.shape) + list(c.strides)
            self.fixed += [(at + k, n) for k, n in enumerate(numbers)]
            at += len(numbers)
        self.results, scalars = [], []
        for v in self.outputs:
            rank = v.type.ndim
            self.results.append((rank, np.dtype(v.type.dtype), at + 1, struct.Struct(f"={1 + rank}q").unpack_from, (at + 1) * SLOT))
            scalars.append((None if rank else at, v.type.dtype))
            at += 2 + rank
        self.size, self.scalars = at, scalars

    def __call__(self, values):
        try:
            frame = self.frames.pop()
        except IndexError:
            frame = Frame(self.ffi, self.size, self.fixed, self.scalars)
        if self.ranks:
            self.fill(frame.slots, values)
        status = self.lib.tgen_run(self.plan, frame.pointer)
        if status:
            self.fail(status, frame)
        results = []
        for (rank, dtype, _, unpack, offset), scalar in zip(self.results, frame.scalars):
            if rank:
                block, *shape = unpack(frame.slots, offset)
                results.append(wrap_block(block, dtype, tuple(shape)))
            else:
                results.append(scalar.copy())
        self.frames.append(frame)
        return results

    def fill(self, slots, values):
        numbers = []
        for rank, value in zip(self.ranks, values):
            if rank:
                numbers.append(_address(value))
                numbers += value.shape
                numbers += value.strides
            else:
                numbers.append(value)
        self.packer(slots, self.first, *numbers)

    def fail(self, status, frame):
        record = [int(n) for n in frame.slots[:6]]
        self.frames.append(frame)
        raise self.explain(status, record)


def _address(array):
    return array.__array_interface__["data"][0]
