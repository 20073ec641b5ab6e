"""TensorType and the dtype rules: NumPy 2's promotion with JAX's propagation of weakness (NEP 50)."""

from functools import cache, lru_cache

import numpy as np

from tgen.config import config
from tgen.core import dims

from .dtypes import DTYPE, DTYPES, is_float

_NAMES = {0: "scalar", 1: "vector", 2: "matrix", 3: "3D", 4: "4D", 5: "5D"}
_PATTERNS = {(True, False): "row", (False, True): "col"}


class TensorType:
    """An array type: a dtype name and one size per axis.

    ``shape`` holds an int or None per axis in the graph (None: known at run time) and a size expression
    per axis in the IR. A static 1 is what broadcasts. ``weak`` marks a value that came from a Python number
    and takes the dtype of what it meets; it is not part of equality.

    Calling a type makes a named variable of it (the graph installs that). A sequence of booleans is read
    as Theano's broadcast pattern; the ``name`` that Theano's types may have is not kept.

    >>> TensorType("float64", (None, 1))
    TensorType(float64, col)
    """

    __slots__ = ("dtype", "shape", "weak", "_hash", "_text", "_symbols")

    def __init__(self, dtype, shape=(), weak=False, *, broadcastable=None, name=None):
        dtype = config.floatX if isinstance(dtype, str) and dtype == "floatX" else dtype
        self.dtype = np.dtype(dtype).name if dtype not in DTYPES else str(dtype)
        if self.dtype not in DTYPES:
            raise TypeError(f"tgen has no tensors of dtype {self.dtype}; it has {', '.join(DTYPES)}")
        shape = shape if broadcastable is None else map(bool, broadcastable)
        self.shape = tuple(
            (1 if s else None)
            if isinstance(s, (bool, np.bool_))
            else int(s)
            if isinstance(s, np.integer)
            else s
            for s in shape
        )
        self.weak = weak
        self._hash, self._text, self._symbols = hash((self.dtype, self.shape)), None, None

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def symbols(self):
        """The size symbols in the shape, each once, in order of appearance."""
        if self._symbols is None:
            self._symbols = tuple(dict.fromkeys(x for s in self.shape for x in dims.symbols(s)))
        return self._symbols

    @property
    def broadcastable(self):
        return tuple([isinstance(s, int) and s == 1 for s in self.shape])

    @property
    def itemsize(self):
        return DTYPE[self.dtype].bytes

    def with_shape(self, shape):
        return tensor_type(self.dtype, tuple(shape), self.weak)

    def __eq__(self, other):
        return (
            self is other
            or type(other) is TensorType
            and other.dtype == self.dtype
            and other.shape == self.shape
        )

    def __hash__(self):
        return self._hash

    def __reduce__(self):
        return TensorType, (self.dtype, self.shape, self.weak)

    def __str__(self):
        pattern = self.broadcastable
        if all(s is None or s == 1 for s in self.shape):
            name = _PATTERNS.get(pattern) or (
                _NAMES.get(self.ndim, f"{self.ndim}D") if not any(pattern) else str(pattern)
            )
            return f"TensorType({self.dtype}, {name})"
        sizes = ", ".join("?" if s is None else str(s) for s in self.shape)
        return f"TensorType({self.dtype}, shape=({sizes}{',' if self.ndim == 1 else ''}))"

    __repr__ = __str__

    def text(self):
        """The IR's text form: ``float32[n0, 784]``."""
        if self._text is None:
            self._text = f"{self.dtype}[{', '.join(map(str, self.shape))}]"
        return self._text


@lru_cache(maxsize=1 << 12)
def tensor_type(dtype, shape, weak=False):
    """The type of a known dtype and a shape as types hold it (sizes, no flags): mostly one that was made
    before.
    """
    return TensorType(dtype, shape, weak)


def accumulator(dtype):
    """The dtype that sums and products of ``dtype`` are accumulated in by default (Theano's acc_dtype).

    >>> accumulator("float32"), accumulator("int8"), accumulator("uint8")
    ('float64', 'int64', 'uint64')
    """
    return DTYPE[dtype].accumulator


def wide(dtype):
    """The attribute that makes a sum or product of ``dtype`` accumulate in a wider float, where it has one.

    >>> wide("float32"), wide("float64")
    ({'acc': 'float64'}, {})
    """
    acc = accumulator(dtype)
    return {"acc": acc} if is_float(dtype) and acc != dtype else {}


def promote(dtypes):
    """NumPy's table for strong dtypes, without float16."""
    return _promoted(tuple(dtypes))


@cache
def _promoted(dtypes):
    return str(np.result_type(*dtypes))


def float_of(dtype):
    """The dtype of a float function of ``dtype``: itself for floats, float32 for bool and 8/16-bit ints, else
    float64.
    """
    return DTYPE[dtype].floats
