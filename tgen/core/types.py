"""TensorType and the dtype rules: NumPy 2's promotion with JAX's propagation of weakness (NEP 50)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tgen.config import config
from tgen.core import dims

from .dtypes import DTYPE, DTYPES, is_float
from .filter import filter_value, is_valid
from .op import METHODS

if TYPE_CHECKING:
    from tgen.graph.nodes import Variable

    from .dims import Sym
    from .values import Shape

_NAMES = {0: "scalar", 1: "vector", 2: "matrix", 3: "3D", 4: "4D", 5: "5D"}
_PATTERNS: dict[tuple[bool, ...], str] = {(True, False): "row", (False, True): "col"}


class TensorType:
    """An array type: a dtype name and one size per axis.

    ``shape`` holds an int or None per axis in the graph (None: known at run time) and a size expression
    per axis in the IR. A static 1 is what broadcasts. ``weak`` marks a value that came from a Python number
    and takes the dtype of what it meets; it is not part of equality.

    Calling a type makes a named variable of it. A sequence of booleans is read as Theano's broadcast
    pattern; the ``name`` that Theano's types may have is not kept.

    >>> TensorType("float64", (None, 1))
    TensorType(float64, col)
    """

    __slots__ = ("dtype", "shape", "weak", "_hash", "_text", "_symbols")

    def __init__(
        self,
        dtype: Any,
        shape: Iterable[Any] = (),
        weak: bool = False,
        *,
        broadcastable: Iterable[Any] | None = None,
        name: str | None = None,
    ) -> None:
        dtype = config.floatX if isinstance(dtype, str) and dtype == "floatX" else dtype
        self.dtype: str = np.dtype(dtype).name if dtype not in DTYPES else str(dtype)
        if self.dtype not in DTYPES:
            raise TypeError(f"tgen has no tensors of dtype {self.dtype}; it has {', '.join(DTYPES)}")
        shape = shape if broadcastable is None else map(bool, broadcastable)
        self.shape: Shape = tuple(
            (1 if s else None)
            if isinstance(s, (bool, np.bool_))
            else int(s)
            if isinstance(s, np.integer)
            else s
            for s in shape
        )
        self.weak = weak
        self._hash = hash((self.dtype, self.shape))
        self._text: str | None = None
        self._symbols: tuple[Sym, ...] | None = None

    def __call__(self, name: str | None = None) -> Variable:
        """A fresh variable of this type."""
        return METHODS["_variable"](self, name)

    make_variable = __call__
    filter = filter_value
    is_valid_value = is_valid

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def symbols(self) -> tuple[Sym, ...]:
        """The size symbols in the shape, each once, in order of appearance."""
        if self._symbols is None:
            self._symbols = tuple(dict.fromkeys(x for s in self.shape for x in dims.symbols(s)))
        return self._symbols

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        return tuple([isinstance(s, int) and s == 1 for s in self.shape])

    @property
    def itemsize(self) -> int:
        return DTYPE[self.dtype].bytes

    def with_shape(self, shape: Iterable[Any]) -> TensorType:
        return tensor_type(self.dtype, tuple(shape), self.weak)

    def __eq__(self, other: object) -> bool:
        return (
            self is other
            or type(other) is TensorType
            and other.dtype == self.dtype
            and other.shape == self.shape
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorType, (self.dtype, self.shape, self.weak)

    def __str__(self) -> str:
        pattern = self.broadcastable
        if all(s is None or s == 1 for s in self.shape):
            name = _PATTERNS.get(pattern) or (
                _NAMES.get(self.ndim, f"{self.ndim}D") if not any(pattern) else str(pattern)
            )
            return f"TensorType({self.dtype}, {name})"
        sizes = ", ".join("?" if s is None else str(s) for s in self.shape)
        return f"TensorType({self.dtype}, shape=({sizes}{',' if self.ndim == 1 else ''}))"

    __repr__ = __str__

    def text(self) -> str:
        """The IR's text form: ``float32[n0, 784]``."""
        if self._text is None:
            self._text = f"{self.dtype}[{', '.join(map(str, self.shape))}]"
        return self._text


# what users give beside operands
Axes: TypeAlias = int | Sequence[int] | None  # None: all
AnyDtype: TypeAlias = str | type | np.dtype | TensorType


@lru_cache(maxsize=1 << 12)
def tensor_type(dtype: str, shape: Shape, weak: bool = False) -> TensorType:
    """The type of a known dtype and a shape as types hold it (sizes, no flags): mostly one that was made
    before.
    """
    return TensorType(dtype, shape, weak)


def accumulator(dtype: str) -> str:
    """The dtype that sums and products of ``dtype`` are accumulated in by default (Theano's acc_dtype).

    >>> accumulator("float32"), accumulator("int8"), accumulator("uint8")
    ('float64', 'int64', 'uint64')
    """
    return DTYPE[dtype].accumulator


def wide(dtype: str) -> dict[str, str]:
    """The attribute that makes a sum or product of ``dtype`` accumulate in a wider float, where it has one.

    >>> wide("float32"), wide("float64")
    ({'acc': 'float64'}, {})
    """
    acc = accumulator(dtype)
    return {"acc": acc} if is_float(dtype) and acc != dtype else {}


def promote(dtypes: Iterable[str]) -> str:
    """NumPy's table for strong dtypes, without float16."""
    return _promoted(tuple(dtypes))


@cache
def _promoted(dtypes: tuple[str, ...]) -> str:
    return str(np.result_type(*dtypes))


def float_of(dtype: str) -> str:
    """The dtype of a float function of ``dtype``: itself for floats, float32 for bool and 8/16-bit ints, else
    float64.
    """
    return DTYPE[dtype].floats
