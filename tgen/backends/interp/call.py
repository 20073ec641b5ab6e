"""One interpreted call, between its locks and its commit: what the C entry (``tgen_interpreted`` in
templates/runtime.c.j2) asks of Python.

All that the interpreter reads is copied, so nothing of a call is seen by another or outlives its memory. The
results go into blocks that the frame holds; C commits them all, or gives them back.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tgen.backends.c import host
from tgen.core.refusal import MEMORY, RAISED, refusal, refused
from tgen.ir import interp
from tgen.ir.frame import RECORD_SLOTS
from tgen.ir.nodes import CONST, INPUT, SHARED

if TYPE_CHECKING:
    from tgen.core.host import CData
    from tgen.core.storage import Storage
    from tgen.graph.nodes import Variable
    from tgen.ir.nodes import Function
    from tgen.lower.signature import Signature

SLOT = 8  # bytes
FRAME, CODE, RESULTS, COUNT = range(4)  # in what C hands over
HEAD = 3  # of a result in the frame: where it goes to, its rank, its block; then its sizes


def room(signature: Signature) -> int:
    """How many slots the results of a call need."""
    return sum(HEAD + v.type.ndim for v in _blocks(signature))


def _blocks(signature: Signature) -> list[Variable]:
    """What goes into a block: the outputs that are arrays, and all new values."""
    return [*(v for v in signature.outputs if v.type.ndim), *(s for s, _ in signature.updates)]


class Memory:
    """Memory of C as NumPy reads it: ``dims`` are the sizes and then the strides in bytes."""

    def __init__(self, address: int, dtype: np.dtype, dims: Sequence[int]) -> None:
        rank = len(dims) // 2
        self.__array_interface__ = {
            "version": 3,
            "typestr": dtype.str,
            "data": (address, True),
            "shape": tuple(dims[:rank]),
            "strides": tuple(dims[rank:]),
        }


def copied(address: int, dtype: np.dtype, dims: Sequence[int]) -> np.ndarray:
    """An ndarray of its own of what lies at ``address``."""
    shape = tuple(dims[: len(dims) // 2])
    # what has no element may have no address
    return np.array(Memory(address, dtype, dims), order="C") if prod(shape) else np.empty(shape, dtype)


class InterpretedCall:
    """``call(said)``: all parameters are read, the interpreter runs, the results stand in the frame.

    said  int64_t *: the address of the frame; then from here: the code that the call ends with, the first
          slot of the results and how many they are
    """

    def __init__(
        self,
        function: Function,
        signature: Signature,
        storages: Sequence[Storage],
        places: Sequence[int],
    ) -> None:
        self.lib, self.ffi, _ = host.table()
        self.function, self.signature = function, signature
        self.dtypes = [np.dtype(p.variable.type.dtype) for p in signature.parameters]
        shared = [p.variable for p in signature.parameters if p.kind == SHARED]
        self.places = dict(zip(shared, places))
        self.records = [storage.record for storage in storages]
        self.start = signature.layout.size
        self.bytes = SLOT * (self.start + room(signature))

    def __call__(self, said: CData) -> None:
        frame, failed = self.ffi.cast("int64_t *", said[FRAME]), [-1]
        slots = np.frombuffer(self.ffi.buffer(frame, self.bytes), "int64")
        try:
            given = self.arguments(slots)
            outputs, updates = interp.run(
                self.function, given[INPUT], given[SHARED], self.signature.constants, failed
            )
            self.give(said, frame, slots, outputs, updates)
        except BaseException as error:
            code, numbers = refused(error)
            site, *steps = failed
            record = [site, *(*numbers, 0, 0, 0)[:3], *steps, 0, 0, 0, 0]
            # of a size beyond int64 its low bits, as C has them
            slots[:RECORD_SLOTS] = [int(self.ffi.cast("int64_t", n)) for n in record[:RECORD_SLOTS]]
            if code == RAISED:
                raise
            said[CODE] = code

    def arguments(self, slots: np.ndarray) -> dict[str, list[np.ndarray]]:
        """{kind: the values of its parameters}, copies; those of shared variables are the call's own while it
        holds their locks.
        """
        given: dict[str, list[np.ndarray]] = {INPUT: [], SHARED: [], CONST: []}
        layout = self.signature.layout
        for p, dtype, at in zip(self.signature.parameters, self.dtypes, layout.parameters):
            rank = p.variable.type.ndim
            if p.kind == SHARED:
                record = self.records[slots[at]]
                address = int(self.ffi.cast("intptr_t", record.data))
                given[SHARED].append(copied(address, dtype, list(record.dims[0 : 2 * rank])))
            elif p.kind == INPUT and rank:
                given[INPUT].append(copied(int(slots[at]), dtype, slots[at + 1 : at + 1 + 2 * rank].tolist()))
            elif p.kind == INPUT:
                given[INPUT].append(slots[at : at + 1].view(dtype)[:1].reshape(()).copy())
        return given

    def give(
        self,
        said: CData,
        frame: CData,
        slots: np.ndarray,
        outputs: Sequence[np.ndarray],
        updates: Sequence[np.ndarray],
    ) -> None:
        """Numbers go to their slots. A block is noted by C as it is taken, so an exception at any time loses
        none.
        """
        results: list[tuple[int, np.ndarray]] = []  # where each goes to, and the array
        layout = self.signature.layout
        for v, array, at in zip(self.signature.outputs, outputs, layout.outputs):
            if v.type.ndim:
                results.append((-at, array))
            else:
                slots[at : at + 1].view(array.dtype)[:1] = array
        for (s, _), array in zip(self.signature.updates, updates):
            results.append((self.places[s], array))
        at = self.start
        for target, array in results:
            slots[at : at + HEAD + array.ndim] = target, array.ndim, 0, *array.shape
            at += HEAD + array.ndim
        said[RESULTS], said[COUNT] = self.start, len(results)
        at = self.start
        for _, array in results:
            data = self.lib.tgen_take_into(frame + at + 2, array.nbytes)
            if data == self.ffi.NULL:
                raise refusal(MemoryError("no memory for the results of a call"), MEMORY)
            if array.nbytes:
                np.ndarray(array.shape, array.dtype, self.ffi.buffer(data, array.nbytes))[...] = array
            at += HEAD + array.ndim
