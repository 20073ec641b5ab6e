"""The Python body of one application: perform is called, and what it leaves in its storage is checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.types import TensorType
from tgen.ops.host import FOUND, SIZE

if TYPE_CHECKING:
    from tgen.graph.nodes import Apply


class PythonBody:
    """``body(inputs, sizes)`` -> the results of ``op.perform`` for the application ``node``, a list of
    ndarrays of the declared dtypes, ranks and sizes.

    inputs  ndarrays that the op may keep and write to
    sizes   what infer_shape said, an int for each SIZE in the patterns of ``node.attrs["results"]``

    TypeError for a result that is missing or of another dtype or rank, ValueError for one of another shape;
    what perform raises passes through, with a note that says which op and line it came from.
    """

    def __init__(self, node: Apply) -> None:
        self.node = node
        self.results = [
            (v.type, np.dtype(v.type.dtype), pattern)
            for v, (_, pattern) in zip(node.outputs, node.attrs["results"])
        ]

    def check(self) -> None:
        """TypeError when the op has no ``perform``: asked when a function is built."""
        if not callable(getattr(self.node.op, "perform", None)):
            raise TypeError(
                f"{self.node.op}{self.place()} has no perform(node, inputs, output_storage), so "
                "it cannot be computed"
            )

    def __call__(self, inputs: Sequence[np.ndarray], sizes: Sequence[int]) -> list[np.ndarray]:
        op = self.node.op
        storage: list[list[Any]] = [[None] for _ in self.results]
        try:
            if hasattr(op, "get_params"):
                op.perform(self.node, inputs, storage, op.get_params(self.node))
            else:
                op.perform(self.node, inputs, storage)
        except BaseException as error:
            _note(error, f"in {op}{self.place()}")
            raise
        given = iter(sizes)
        return [self.checked(k, cell[0], given) for k, cell in enumerate(storage)]

    def place(self) -> str:
        return f" at {self.node.where[0]}:{self.node.where[1]}" if self.node.where else ""

    def who(self, k: int) -> str:
        return f"{self.node.op}{self.place()}: result {k}"

    def checked(self, k: int, value: Any, given: Iterator[int]) -> np.ndarray:
        """Result ``k`` as an ndarray of its type; sizes that are declared or inferred must be the array's."""
        type, dtype, pattern = self.results[k]
        if value.__class__ is not np.ndarray or value.dtype is not dtype:
            value = self.converted(k, value, type, dtype)
        if value.ndim != len(pattern):
            raise TypeError(
                f"{self.who(k)} has {value.ndim} dimensions (shape {value.shape}), but make_node "
                f"declares {type}"
            )
        wanted = [next(given) if entry == SIZE else None if entry == FOUND else entry for entry in pattern]
        for size, got in zip(wanted, value.shape):
            if size is not None and size != got:
                source = "infer_shape" if SIZE in pattern else "its type"
                words = ", ".join("any" if w is None else str(w) for w in wanted)
                raise ValueError(
                    f"{self.who(k)} has shape {value.shape}, but {source} says "
                    f"({words}{',' * (len(wanted) == 1)})"
                )
        return value

    def converted(self, k: int, value: Any, type: TensorType, dtype: np.dtype) -> np.ndarray:
        """What is not the very array it should be: a scalar, a subclass, other byte order; numbers and lists
        by an exact conversion.
        """
        if value is None:
            raise TypeError(f"{self.who(k)} is missing: perform must store it, output_storage[{k}][0] = ...")
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{self.who(k)} is a masked array, whose mask would be lost; store value.filled(...)"
            )
        if not isinstance(value, (np.ndarray, np.generic)):
            return _converted(value, type, self.who(k))
        if value.dtype.newbyteorder("=") != dtype:
            raise TypeError(
                f"{self.who(k)} is {value.dtype}, but make_node declares {type}; convert it: "
                f"numpy.asarray(..., dtype={type.dtype!r})"
            )
        return np.asarray(value, dtype)


def _converted(value: Any, type: TensorType, who: str) -> np.ndarray:
    """A Python number or list as an array: an exact conversion only, as for an argument of a function."""
    try:
        return TensorType(type.dtype, (None,) * np.ndim(value)).filter(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{who}: {error}") from None


def _note(error: BaseException, text: str) -> None:
    """Add a note once: an op may raise the same object again and again."""
    if text not in getattr(error, "__notes__", ()):
        error.add_note(text)
