"""Counter-based streams for new code: element i of a sample depends on the seed, the stream and i alone.

So samples are made in parallel, and are the same whatever the number of threads. See tgen.ops.random for the
cipher.
"""

import numpy as np

from tgen.core.dtypes import is_float
from tgen.core.types import TensorType
from tgen.graph import sizes
from tgen.graph.shared import TensorSharedVariable
from tgen.tensor import as_dtype, as_tensor_variable, cast, concatenate, cos, log, reshape, sin, sqrt

from .sample import Draws, draw, float_dtype, floats, is_number, mark, sample_sizes, scaled


def philox(seed=0):
    """Random streams by Philox4x32-10; ``seed`` is an int from 0 to 2**64 - 1.

    >>> import tgen
    >>> f = tgen.function([], philox(7).integers((4,), 0, 10))
    >>> f().dtype, f().shape
    (dtype('int64'), (4,))
    """
    return PhiloxStreams(seed)


def first_state(seed, stream):
    """uint32[6]: counter 0 of a stream, the seed as key."""
    words = [0, 0, stream, stream >> 32, seed, seed >> 32]
    return np.array([w & 0xFFFFFFFF for w in words], "uint32")


class PhiloxStreams:
    """What ``philox`` makes. Draw number k has stream k of the seed's 2**64, each of 2**66 words of 32 bits.

    size   None (the shape of the parameters), an int, a tuple of ints and integer scalars, or an integer
           vector

    A function that reads a draw uses one sample a call and moves its state on, as for the other streams.
    Gradients flow to the parameters of ``uniform`` and ``normal``, which are scaled and moved by operations.
    """

    def __init__(self, seed=0):
        self._draws = Draws()
        self.default_instance_seed = checked(seed)

    state_updates = property(
        lambda self: self._draws.updates(),
        doc="The (state, new state) of every draw made here that is still there.",
    )

    def updates(self):
        """``state_updates``."""
        return self.state_updates

    def seed(self, seed=None):
        """Put all draws back to the start of their streams, of another seed if one is given."""
        seed = self.default_instance_seed if seed is None else checked(seed)
        for stream, update in enumerate(self._draws):
            if update is None:
                continue
            state, _ = update
            state.set_value(first_state(seed, stream))

    def _draw(self, found, dtype):
        state = TensorSharedVariable(
            None,
            TensorType("uint32", (6,)),
            first_state(self.default_instance_seed, len(self._draws)),
            borrow=True,
        )
        state.tag.is_rng = True
        after, sample = draw("philox", state, (), found, dtype=dtype)
        state.default_update = after
        self._draws.add(after)
        return sample, state, after

    def bits(self, size=None, dtype="uint32", ndim=None):
        """Random words: uint32 or uint64 (TypeError for another dtype)."""
        if as_dtype(dtype) not in ("uint32", "uint64"):
            raise TypeError(f"bits are uint32 or uint64, not {dtype}")
        sample, state, after = self._draw(sample_sizes(size, ndim, []), as_dtype(dtype))
        return mark(sample, state, after)

    def uniform(self, size=None, low=0.0, high=1.0, ndim=None, dtype=None):
        """Uniform numbers from low on, below high (before rounding)."""
        low, high = floats(low), floats(high)
        dtype = checked_float(float_dtype(dtype, low, high))
        low, high = cast(low, dtype), cast(high, dtype)
        sample, state, after = self._draw(sample_sizes(size, ndim, [low, high]), dtype)
        return mark(scaled(sample, low, high if is_number(low, 0) else high - low), state, after)

    def normal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
        """Normal numbers of mean avg and deviation std, by Box and Muller."""
        avg, std = floats(avg), floats(std)
        dtype = checked_float(float_dtype(dtype, avg, std))
        found = sample_sizes(size, ndim, [avg, std])
        count = sizes.product(found)
        half = sizes.div(sizes.add(count, 1), 2)
        u, state, after = self._draw([sizes.mul(half, 2)], dtype)
        r = sqrt(np.asarray(-2.0, dtype) * log(np.asarray(1.0, dtype) - u[:half]))
        theta = np.asarray(2.0 * np.pi, dtype) * u[half:]
        flat = concatenate([r * cos(theta), r * sin(theta)])
        z = reshape(flat if isinstance(count, int) and count % 2 == 0 else flat[:count], found)
        return mark(scaled(z, avg, std), state, after)

    def bernoulli(self, size=None, p=0.5, ndim=None, dtype="bool"):
        """1 (true) with probability p, else 0."""
        p = floats(p)
        u = self.uniform(sample_sizes(size, ndim, [p]), dtype=p.type.dtype)
        return mark(cast(u < p, dtype), *u.update)

    def integers(self, size=None, low=0, high=2, ndim=None, dtype="int64"):
        """Integers from low on, below high, all alike but for high - low parts in 2**64. ValueError for low
        >= high where that is known.
        """
        low, high = as_tensor_variable(low), as_tensor_variable(high)
        if any(is_float(p.type.dtype) for p in (low, high)):
            raise TypeError(f"low and high must be integers, got {low.type} and {high.type}")
        if all(hasattr(p, "data") for p in (low, high)) and (low.data >= high.data).any():
            raise ValueError(f"low must be below high, got {low} and {high}")
        words, state, after = self._draw(sample_sizes(size, ndim, [low, high]), "uint64")
        spread = cast(high, "int64") - cast(low, "int64")
        return mark(
            cast(cast(words % cast(spread, "uint64"), "int64") + cast(low, "int64"), dtype), state, after
        )


def checked(seed):
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(f"a seed is an int from 0 to 2**64 - 1, got {seed!r}")
    return int(seed)


def checked_float(dtype):
    if not is_float(dtype):
        raise TypeError(f"uniform and normal numbers are float32 or float64, not {dtype}")
    return dtype
