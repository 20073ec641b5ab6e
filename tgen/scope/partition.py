"""Variables cut into shards along one axis: partitioners decide how many, PartitionedVariable stands for the
whole.
"""

import math
from dataclasses import dataclass

import numpy as np

import tgen.tensor as T
from tgen.core.op import METHODS


@dataclass(frozen=True)
class PartitionInfo:
    """Which region of the whole (``full_shape``) a shard is: it begins at ``var_offset``."""

    full_shape: tuple
    var_offset: tuple


def call_partitioner(partitioner, shape, dtype):
    """The parts per axis that ``partitioner(shape=, dtype=)`` asks for, checked; ValueError names what is
    wrong with them.
    """
    if shape is None or any(n is None for n in shape):
        raise ValueError(
            f"Shape of a new partitioned variable must be fully defined, but instead was {shape}."
        )
    if not shape:
        raise ValueError(f"A partitioned Variable must have rank at least 1, shape: {shape}")
    parts = partitioner(shape=shape, dtype=dtype)
    if not isinstance(parts, (list, tuple, np.ndarray)):
        raise ValueError(f"Partitioner must return a sequence, but saw: {parts}")
    parts = [int(p) for p in parts]
    if len(parts) != len(shape):
        raise ValueError(
            "Partitioner returned a partition list that does not match the Variable's rank: "
            f"{parts} vs. {shape}"
        )
    if any(p < 1 for p in parts):
        raise ValueError(f"Partitioner returned zero partitions for some axes: {parts}")
    if sum(p > 1 for p in parts) > 1:
        raise ValueError(
            f"Can only slice a variable along one dimension: shape: {shape}, partitioning: {parts}"
        )
    return parts


def slice_axis(parts):
    """(axis, number of shards) of a checked partition list."""
    return next(((axis, p) for axis, p in enumerate(parts) if p > 1), (0, 1))


def slices(shape, axis, count):
    """(offset, shape) of each of ``count`` shards along ``axis``; the first ones take the elements left over.

    >>> list(slices((5, 2), 0, 2))
    [((0, 0), (3, 2)), ((3, 0), (2, 2))]
    """
    least, extra = divmod(shape[axis], count)
    start = 0
    for i in range(count):
        length = least + (i < extra)
        yield (
            (0,) * axis + (start,) + (0,) * (len(shape) - axis - 1),
            shape[:axis] + (length,) + shape[axis + 1 :],
        )
        start += length


class PartitionedVariable:
    """A variable held as shards ``name/part_0`` ...: iterates over them, and stands for their concatenation
    in formulas.
    """

    __array_ufunc__ = None  # np.float64(2) * p asks p, so it gives one variable

    def __init__(self, name, shape, dtype, shards, parts):
        self.name, self.shape, self.dtype = name, tuple(shape), dtype
        self._shards, self._parts = list(shards), list(parts)
        self._whole = None

    partitions = property(lambda self: list(self._parts), doc="Parts per axis, as the partitioner gave them.")
    ndim = property(lambda self: len(self.shape))

    def get_shape(self):
        return self.shape

    def as_tensor(self):
        """The symbolic whole: the shards concatenated along the axis they were cut on."""
        if self._whole is None:
            axis, count = slice_axis(self._parts)
            self._whole = T.concatenate(self._shards, axis=axis) if count > 1 else self._shards[0]
        return self._whole

    _as_TensorVariable = as_tensor  # Theano's hook: as_tensor_variable(p), so T.dot(x, p), ask for it

    def get_value(self):
        """The whole as an array: a copy, shard by shard."""
        return np.concatenate([s.get_value() for s in self._shards], axis=slice_axis(self._parts)[0])

    def __iter__(self):
        return iter(self._shards)

    def __len__(self):
        return len(self._shards)

    def __getattr__(self, name):
        if name.startswith("_") or name not in METHODS:
            raise AttributeError(f"PartitionedVariable {self.name} has no attribute {name!r}")
        return getattr(self.as_tensor(), name)

    def __repr__(self):
        return (
            f"<PartitionedVariable {self.name!r} shape={self.shape} dtype={self.dtype} "
            f"partitions={self._parts}>"
        )


def _delegate(name):
    def method(self, *operands):
        return getattr(self.as_tensor(), name)(*operands)

    method.__name__ = name
    setattr(PartitionedVariable, name, method)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _delegate(f"__{_name}__")
    _delegate(f"__r{_name}__")
for _name in ("neg", "abs", "getitem", "lt", "le", "gt", "ge"):
    _delegate(f"__{_name}__")


def fixed_size_partitioner(num_shards, axis=0):
    """Always ``num_shards`` along ``axis``.

    >>> fixed_size_partitioner(3, axis=1)(shape=(4, 9), dtype="float32")
    [1, 3]
    """

    def partitioner(shape, dtype=None, **_):
        parts = [1] * len(shape)
        parts[axis] = num_shards
        return parts

    return partitioner


def variable_axis_size_partitioner(max_shard_bytes, axis=0, bytes_per_string_element=16, max_shards=None):
    """As many shards along ``axis`` as keep each at or under ``max_shard_bytes`` (at most ``max_shards``).
    ValueError for bounds below 1."""
    if max_shard_bytes < 1 or bytes_per_string_element < 1:
        raise ValueError("both max_shard_bytes and bytes_per_string_element must be positive.")
    if max_shards and max_shards < 1:
        raise ValueError("max_shards must be positive.")

    def partitioner(shape, dtype, **_):
        slice_bytes = math.prod(shape) // max(1, shape[axis]) * np.dtype(dtype).itemsize
        slices_per_shard = max(1, max_shard_bytes // max(1, slice_bytes))
        shards = max(1, math.ceil(shape[axis] / slices_per_shard))
        parts = [1] * len(shape)
        parts[axis] = min(shards, max_shards) if max_shards else shards
        return parts

    return partitioner


def min_max_variable_partitioner(
    max_partitions=1, axis=0, min_slice_size=256 << 10, bytes_per_string_element=16
):
    """Up to ``max_partitions`` shards along ``axis``, each of ``min_slice_size`` bytes or more. ValueError
    for an axis out of range.
    """

    def partitioner(shape, dtype, **_):
        if axis >= len(shape):
            raise ValueError(f"Cannot partition variable along axis {axis} when shape is only {shape}")
        wanted = max(1, math.prod(shape) * np.dtype(dtype).itemsize // min_slice_size)
        parts = [1] * len(shape)
        parts[axis] = max(1, min(shape[axis], max_partitions, wanted))
        return parts

    return partitioner
