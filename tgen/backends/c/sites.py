"""The Python bodies of a compiled function, as its C calls them: by number, with addresses (codegen/host.py
lays them out).

The C text is shared by all programs that differ in nothing but what their bodies do, so which body a number
means belongs to the executable: its list of Callbacks is found through the frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tgen.core.storage import new_array
from tgen.ops.host import FOUND, SIZE, Python

if TYPE_CHECKING:
    from tgen.core.host import FFI, CData, Lib
    from tgen.core.op import Op

# bytes from which a copy lies in a pooled block: a fresh one costs more in page faults than the copy
LARGE = 1 << 16


class Callback:
    """``callback(arrays)`` runs a body on copies of its operands and puts the results where the C wants them.

    The body may keep its arguments and write to them: they are its own. Nothing is written before all results
    are checked.
    """

    def __init__(self, primitive: Op, lib: Lib, ffi: FFI) -> None:
        self.lib, self.ffi = lib, ffi
        self.buffer, self.cast, self.char = ffi.buffer, ffi.cast, ffi.typeof("char *")
        python: Python = primitive.python
        self.run = python.run
        self.run.check()
        self.operands = [(np.dtype(dtype), rank) for dtype, rank in python.operands]
        self.results = python.results

    def __call__(self, arrays: CData) -> None:
        inputs: list[np.ndarray] = []
        at = 0
        for dtype, rank in self.operands:
            inputs.append(self.copied(arrays[at], dtype, tuple(arrays[at + 1 : at + 1 + rank])))
            at += 1 + rank
        places: list[int] = []
        sizes: list[int] = []
        for _, pattern in self.results:
            places.append(at)
            sizes += [arrays[at + 1 + k] for k, entry in enumerate(pattern) if entry == SIZE]
            at += 1 + len(pattern)
        self.give(self.run(inputs, sizes), places, arrays)

    def over(self, address: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray | None:
        """An ndarray over C's memory; None when it has no elements."""
        size = dtype.itemsize * prod(shape)
        return np.ndarray(shape, dtype, self.buffer(self.cast(self.char, address), size)) if size else None

    def copied(self, address: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        there = self.over(address, dtype, shape)
        if there is None or there.nbytes <= LARGE:
            return np.empty(shape, dtype) if there is None else there.copy()
        here = new_array(dtype, shape)
        here[...] = there
        return here

    def give(self, results: Sequence[np.ndarray], places: Sequence[int], arrays: CData) -> None:
        late = [
            (result, at)
            for result, at, (_, pattern) in zip(results, places, self.results)
            if FOUND in pattern
        ]
        for (result, at), block in zip(late, self.take([result.nbytes for result, _ in late])):
            arrays[at] = int(self.ffi.cast("intptr_t", block.data))
            self.fill(result, at, arrays)
            arrays[at] = int(self.ffi.cast("intptr_t", block))
            for k, size in enumerate(result.shape):
                arrays[at + 1 + k] = size
        for result, at, (_, pattern) in zip(results, places, self.results):
            if FOUND not in pattern:
                self.fill(result, at, arrays)

    def fill(self, result: np.ndarray, at: int, arrays: CData) -> None:
        there = self.over(arrays[at], result.dtype, result.shape)
        if there is not None:
            there[...] = result

    def take(self, sizes: Sequence[int]) -> list[CData]:
        """A block for each size: all of them, or a MemoryError and none."""
        blocks: list[CData] = []
        for size in sizes:
            block = self.lib.tgen_take(size)
            if block == self.ffi.NULL:
                for taken in blocks:
                    self.lib.tgen_give(taken)
                raise MemoryError(f"no memory for the {size} bytes of a result that Python found")
            blocks.append(block)
        return blocks


def sites_of(python: Mapping[object, tuple[int, Op]], lib: Lib, ffi: FFI) -> list[Callback]:
    """The Callbacks of ``python_sites``' dict, by number."""
    by_number = sorted(python.values(), key=lambda pair: pair[0])
    return [Callback(primitive, lib, ffi) for _, primitive in by_number]
