"""How a new variable's value is drawn: callables ``initializer(shape, dtype=None, partition_info=None) ->
ndarray``.

With a seed the numbers are those of ``numpy.random.RandomState(seed)``, the same in every process; a shard of
a partitioned variable takes its region of the whole array's numbers, so partitioning does not change the
values.
"""

import math

import numpy as np

from tgen.config import config

from .state import store

_TRUNCATED_STDDEV = 0.87962566103423978  # of a unit normal cut at two standard deviations


class Initializer:
    """Base: ``draw(shape, dtype)`` gives the whole array, a call gives it or the region a
    shard stands for.
    """

    dtype = None

    def __call__(self, shape, dtype=None, partition_info=None):
        dtype = np.dtype(dtype or self.dtype or config.floatX)
        shape = tuple(shape)
        if partition_info is None:
            return np.asarray(self.draw(shape, dtype), dtype)
        whole = np.asarray(self.draw(tuple(partition_info.full_shape), dtype), dtype)
        return whole[tuple(slice(o, o + n) for o, n in zip(partition_info.var_offset, shape))].copy()

    def __repr__(self):
        given = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if v is not None)
        return f"{type(self).__name__}({given})"


class zeros_initializer(Initializer):
    """All 0 (False for bool).

    >>> zeros_initializer()([2], "int8")
    array([0, 0], dtype=int8)
    """

    def __init__(self, dtype=None):
        self.dtype = dtype

    def draw(self, shape, dtype):
        return np.zeros(shape, dtype)


class ones_initializer(Initializer):
    """All 1."""

    def __init__(self, dtype=None):
        self.dtype = dtype

    def draw(self, shape, dtype):
        return np.ones(shape, dtype)


class constant_initializer(Initializer):
    """``value`` in C order, its last element repeated to the end. ValueError when it has more elements than
    the shape, TypeError for another shape under ``verify_shape``.

    >>> constant_initializer([1, 2])([2, 2], "float32").tolist()
    [[1.0, 2.0], [2.0, 2.0]]
    """

    def __init__(self, value=0, dtype=None, verify_shape=False):
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise TypeError(
                f"Invalid type for initial value: {type(value).__name__} (expected Python "
                "scalar, list or tuple of values, or numpy.ndarray)."
            )
        self.value, self.dtype, self.verify_shape = value, dtype, verify_shape

    def draw(self, shape, dtype):
        value = np.asarray(self.value)
        if self.verify_shape and value.shape != shape:
            raise TypeError(f"Expected Tensor's shape: {shape}, got {value.shape}.")
        count = math.prod(shape)
        if value.size > count and not (value.size == 1 and count == 0):
            raise ValueError(f"Too many elements provided. Needed at most {count}, but received {value.size}")
        if not value.size and count:
            raise ValueError(f"constant_initializer has no element to fill the shape {shape} with")
        flat = value.astype(dtype).reshape(-1)[:count]
        return np.concatenate(
            [flat, np.full(count - flat.size, flat[-1] if flat.size else 0, dtype)]
        ).reshape(shape)


class _Random(Initializer):
    seed = None

    def generator(self):
        return store().random_state(self.seed)

    def floats(self, dtype):
        if dtype.kind != "f":
            raise ValueError(f"Expected floating point type, got {dtype}.")
        return self.generator()


class random_uniform_initializer(_Random):
    """Uniform in [minval, maxval); maxval is 1 for floats and must be given for integers (ValueError)."""

    def __init__(self, minval=0, maxval=None, seed=None, dtype=None):
        self.minval, self.maxval, self.seed, self.dtype = minval, maxval, seed, dtype

    def draw(self, shape, dtype):
        if dtype.kind == "f":
            return self.generator().uniform(self.minval, 1.0 if self.maxval is None else self.maxval, shape)
        if self.maxval is None:
            raise ValueError(f"Must specify maxval for integer dtype {dtype}")
        return self.generator().randint(self.minval, self.maxval, shape, dtype)


class random_normal_initializer(_Random):
    """Normal with the given mean and standard deviation. ValueError for a dtype that is no float.

    >>> a, b = random_normal_initializer(seed=3)([2]), random_normal_initializer(seed=3)([2])
    >>> (a == b).all()
    np.True_
    """

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=None):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, dtype

    def draw(self, shape, dtype):
        return self.floats(dtype).normal(self.mean, self.stddev, shape)


def _truncated(generator, mean, stddev, shape):
    """Normal numbers; those further than two standard deviations from the mean are drawn again."""
    values = generator.standard_normal(shape)
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2)
    while outside.size:
        flat[outside] = generator.standard_normal(outside.size)
        outside = outside[np.abs(flat[outside]) > 2]
    return mean + stddev * flat.reshape(shape)


class truncated_normal_initializer(_Random):
    """Normal, redrawn where further than two standard deviations from the mean."""

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=None):
        self.mean, self.stddev, self.seed, self.dtype = mean, stddev, seed, dtype

    def draw(self, shape, dtype):
        return _truncated(self.floats(dtype), self.mean, self.stddev, shape)


def fans(shape):
    """(fan in, fan out) of a weight's shape in TensorFlow's layout: the last two axes are in and out, those
    before a receptive field.
    """
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class variance_scaling_initializer(_Random):
    """Variance ``scale / n``, n being fan_in, fan_out or fan_avg by ``mode``; distribution "truncated_normal"
    (also "normal"), "untruncated_normal" or "uniform". ValueError for another word or a scale <= 0.
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, dtype=None):
        if scale <= 0.0:
            raise ValueError("`scale` must be positive float.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: {mode}")
        distribution = distribution.lower()
        if distribution not in ("normal", "uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(f"Invalid `distribution` argument: {distribution}")
        self.scale, self.mode, self.distribution, self.seed, self.dtype = (
            scale,
            mode,
            distribution,
            seed,
            dtype,
        )

    def draw(self, shape, dtype):
        generator = self.floats(dtype)
        into, out = fans(shape)
        variance = self.scale / max(
            1.0, {"fan_in": into, "fan_out": out, "fan_avg": (into + out) / 2}[self.mode]
        )
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return generator.normal(0.0, math.sqrt(variance), shape)
        return _truncated(generator, 0.0, math.sqrt(variance) / _TRUNCATED_STDDEV, shape)


class glorot_uniform_initializer(variance_scaling_initializer):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)): the default of get_variable for floats."""

    def __init__(self, seed=None, dtype=None):
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


class glorot_normal_initializer(variance_scaling_initializer):
    """Truncated normal of variance 2 / (fan_in + fan_out)."""

    def __init__(self, seed=None, dtype=None):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)


class orthogonal_initializer(_Random):
    """``gain`` times a matrix with orthonormal rows or columns, leading axes flattened. ValueError below two
    axes.
    """

    def __init__(self, gain=1.0, seed=None, dtype=None):
        self.gain, self.seed, self.dtype = gain, seed, dtype

    def draw(self, shape, dtype):
        if len(shape) < 2:
            raise ValueError("The tensor to initialize must be at least two-dimensional")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self.floats(dtype).standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)


class identity_initializer(Initializer):
    """``gain`` on the diagonal. ValueError unless the shape has two axes."""

    def __init__(self, gain=1.0, dtype=None):
        self.gain, self.dtype = gain, dtype

    def draw(self, shape, dtype):
        if len(shape) != 2:
            raise ValueError("Identity matrix initializer can only be used for 2D matrices.")
        return self.gain * np.eye(*shape)
