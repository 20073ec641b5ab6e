"""MRG_RandomStreams: L'Ecuyer and Touzin's MRG31k3p, with Theano's way of dealing samples to streams.

A seed is a state of six words. Streams of one object stand 2^134 steps apart; the substreams (rows) of one
stream's state 2^72. Jumps are powers of the two recurrences' matrices modulo M1 and M2.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.op import OPS
from tgen.core.types import TensorType
from tgen.graph import sizes
from tgen.graph.nodes import Constant, Variable, apply_op
from tgen.graph.shared import TensorSharedVariable
from tgen.ops.random import M1, M2
from tgen.tensor import (
    all as every,
)
from tgen.tensor import (
    as_tensor_variable,
    cast,
    concatenate,
    cos,
    log,
    nonzero,
    reshape,
    shape_padright,
    sin,
    sqrt,
)
from tgen.tensor import (
    sum as total,
)
from tgen.tensor.apply import demand

from .sample import Draws, as_sizes, draw, float_dtype, floats, is_number, mark, scaled, whole

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand
    from tgen.graph.shared import SharedVariable
    from tgen.tensor.apply import AnyDtype

MODULI = (M1, M2)
STEPS = (((0, 2**22, 2**7 + 1), (1, 0, 0), (0, 1, 0)), ((2**15, 0, 2**15 + 1), (1, 0, 0), (0, 1, 0)))
STREAM, SUBSTREAM = 134, 72  # log2 of the distances
MOST_STREAMS = 60 * 256  # Theano's number for samples whose size is not known, and its limit
TRUNCATED_STD = 0.87962566103423978  # of a normal number between -2 and 2


# -- jumps ---------------------------------------------------------------------------------------------------


def product(a, b, modulus):
    """The product of matrices of ints below 2^31."""
    terms = a[:, :, None] * b[None] % modulus
    return terms.sum(axis=1) % modulus


@functools.cache
def jump_matrix(component, log2):
    """The matrix that takes recurrence ``component`` 2^log2 steps on."""
    matrix = np.array(STEPS[component], "int64")
    for _ in range(log2):
        matrix = product(matrix, matrix, MODULI[component])
    return matrix


def jumped(states, log2):
    """States (int64[n, 6]) 2^log2 steps on."""
    halves = [product(jump_matrix(k, log2), states[:, 3 * k : 3 * k + 3].T, MODULI[k]).T for k in (0, 1)]
    return np.concatenate(halves, axis=1)


def substreams(first, count):
    """int32[count, 6]: ``first`` and the states 2^72 steps apart after it, doubled in number at a time."""
    rows = np.array([first], "int64")
    for k in range(max(count - 1, 0).bit_length()):
        rows = np.concatenate([rows, jumped(rows, SUBSTREAM + k)])
    return rows[:count].astype("int32")


def checked_seed(seed):
    """The six words of a seed: an int, or six of them. ValueError for those the generator
    cannot start from.
    """
    if isinstance(seed, (int, np.integer)):
        if not 0 < seed < M2:
            raise ValueError(f"seed should be between 1 and {M2 - 1}, got {seed}")
        return np.full(6, seed, "int32")
    words = list(seed) if isinstance(seed, (list, tuple, np.ndarray)) else []
    if len(words) != 6:
        raise TypeError(f"seed should be 1 integer or 6 integers, got {seed!r}")
    for half, modulus, name in ((words[:3], M1, "first"), (words[3:], M2, "last")):
        if not any(half):
            raise ValueError(f"The {name} 3 values of seed should not be all 0, got {seed}")
        if not all(0 <= w < modulus for w in half):
            raise ValueError(f"The {name} 3 values of seed should be between 0 and {modulus - 1}, got {seed}")
    return np.array(words, "int32")


def guess_n_streams(size, warn=False):
    """How many streams a sample is dealt to: a sixth of its elements if all its sizes are ints and there are
    more than 6, 15360 at most.
    """
    if not isinstance(size, (tuple, list)) or not all(isinstance(s, (int, np.integer)) for s in size):
        return MOST_STREAMS
    count = int(np.prod([int(s) for s in size], dtype=object)) if size else 1
    return min(count // 6 if count > 6 else count, MOST_STREAMS)


# -- streams -------------------------------------------------------------------------------------------------


class MRG_RandomStreams:
    """Random streams by MRG31k3p, digit for digit those of Theano.

    seed   an int between 1 and 2147462578, or six of them (the first three below 2147483647, not all zero;
           the last too)

    Each draw is a variable with a state of its own; a function that reads it uses one sample a call and moves
    the state on (``state_updates`` lists these updates; ``no_default_updates=True`` of function() leaves them
    out).

    size       a tuple of ints and integer scalars, or an integer vector (``ndim`` gives its length where it
               is not known)
    nstreams   the number of streams a sample is dealt to, part of what the digits are

    >>> import tgen
    >>> m = MRG_RandomStreams(12345)
    >>> f = tgen.function([], m.uniform((3,), nstreams=1))
    >>> f().round(8), f().round(8)
    (array([0.73532445, 0.61420744, 0.11007806]), array([0.64877417, 0.36619443, 0.10882294]))
    """

    def __init__(self, seed: Any = 12345, use_cuda: Any = None) -> None:
        self._draws = Draws()
        self.default_instance_seed = seed
        self.set_rstate(seed)

    def set_rstate(self, seed):
        """Make ``seed`` the state the next stream starts from."""
        self.rstate = checked_seed(seed)

    state_updates = property(
        lambda self: self._draws.updates(),
        doc="The (state, new state, size, nstreams) of every draw made here that is still there.",
    )

    def updates(self) -> list[tuple[SharedVariable, Variable]]:
        """``state_updates``."""
        return self.state_updates

    def seed(self, seed: Any = None) -> None:
        """Put all streams back to where they would start from ``seed``, by default the one given at first."""
        self.set_rstate(self.default_instance_seed if seed is None else seed)
        for update in self._draws:
            if update is None:  # a draw that nobody has any more: the others keep their places
                self.inc_rstate()
                continue
            state, after, size, nstreams = update
            count = self.n_streams(size) if nstreams is None else nstreams
            state.set_value(self.get_substream_rstates(count, after.owner.outputs[1].dtype), borrow=True)

    def inc_rstate(self):
        """Move on to the next stream, 2^134 steps further."""
        self.rstate = jumped(self.rstate[None].astype("int64"), STREAM)[0].astype("int32")

    def get_substream_rstates(self, n_streams, dtype, inc_rstate=True):
        """int32[n_streams, 6]: states 2^72 steps apart from where this stream starts; then the next stream is
        on.
        """
        if not 0 < n_streams < 2**31:
            raise ValueError(f"the number of streams must be between 1 and 2**31 - 1, got {n_streams}")
        rows = substreams(self.rstate, n_streams)
        if inc_rstate:
            self.inc_rstate()
        return rows

    def n_streams(self, size):
        return guess_n_streams(size)

    def uniform(
        self,
        size: Any,
        low: Operand = 0.0,
        high: Operand = 1.0,
        ndim: int | None = None,
        dtype: AnyDtype | None = None,
        nstreams: int | None = None,
    ) -> Variable:
        """Uniform numbers between low and high, never either. dtype: config.floatX promoted with those of low
        and high.

        Raises ValueError for a size below 1, and if low or high have axes that the sample has not.
        """
        low, high = as_tensor_variable(low), as_tensor_variable(high)
        dtype = float_dtype(dtype, low, high)
        low, high = cast(low, dtype), cast(high, dtype)
        found = positive(as_sizes(size, ndim))
        asked = size if isinstance(size, (tuple, list, Variable)) else tuple(found)
        count = self.n_streams(asked) if nstreams is None else nstreams
        state = TensorSharedVariable(
            None, TensorType("int32", (None, 6)), self.get_substream_rstates(count, dtype), borrow=True
        )
        state.tag.is_rng = True
        after, sample = draw("mrg_uniform", state, (), found, dtype=dtype)
        state.default_update = after
        self._draws.add(after, asked, nstreams)
        result = scaled(sample, low, high if is_number(low, 0) else high - low)
        if result.broadcastable != sample.broadcastable:
            raise ValueError(
                "Increase the size to match the broadcasting pattern of `low` and `high` arguments"
            )
        return mark(result, state, after)

    def binomial(
        self,
        size: Any = None,
        n: Operand = 1,
        p: Operand = 0.5,
        ndim: int | None = None,
        dtype: AnyDtype = "int64",
        nstreams: int | None = None,
    ) -> Variable:
        """Successes in n trials (an int) of probability p."""
        n, p = whole(n, "n"), as_tensor_variable(p)
        if n == 1:
            u = self.uniform(size, ndim=ndim, nstreams=nstreams)
            return like(u, cast(u < p, dtype))
        if n < 1:
            raise ValueError(f"n must be 1 or more, got {n}")
        u = self.uniform((*as_sizes(size, ndim), n), nstreams=nstreams)
        return like(u, cast(total(u < shape_padright(p), axis=-1), dtype))

    def multinomial(
        self,
        size: Any = None,
        n: Operand = 1,
        pvals: Operand | None = None,
        ndim: int | None = None,
        dtype: AnyDtype = "int64",
        nstreams: int | None = None,
    ) -> Variable:
        """Per row of the matrix ``pvals``, how often each column was met in n trials (an int or an integer
        scalar); rows add to 1.
        """
        return self._looked_up("multinomial", size, n, pvals, ndim, dtype, nstreams)

    def choice(
        self,
        size: Any = 1,
        a: Operand | None = None,
        replace: bool = True,
        p: Operand | None = None,
        ndim: int | None = None,
        dtype: AnyDtype = "int64",
        nstreams: int | None = None,
    ) -> Variable:
        """Per row of the matrix ``p`` of probabilities ``size`` different columns, in the order they were
        drawn.

        Only without replacement, and of column numbers: ``replace`` must be False, ``a`` None (ValueError). A
        row of fewer positive probabilities than ``size`` is a ValueError, here or in the call, as NumPy's.
        """
        if replace or a is not None:
            raise ValueError(
                "MRG_RandomStreams.choice draws column numbers of p without replacement: it "
                "needs replace=False and a=None; see RandomStreams.choice for more"
            )
        return self._looked_up("choice", None, size, p, ndim, dtype, nstreams)

    def _looked_up(self, name, size, n, p, ndim, dtype, nstreams):
        if p is None:
            raise TypeError(
                f"You have to specify the probabilities of MRG_RandomStreams.{name}: a matrix "
                "whose rows add to 1"
            )
        p = floats(p)
        if p.type.ndim != 2 or size is not None or ndim is not None:
            raise ValueError(
                f"MRG_RandomStreams.{name} takes a matrix of probabilities, got {p} of "
                f"{p.type}; its result has that many rows, so size and ndim are not used"
            )
        n = sizes.as_size(n, "the number of draws")
        rows, columns = sizes.lengths(p)
        if name == "choice" and isinstance(n, int) and isinstance(columns, int) and n > columns:
            raise ValueError(
                "Cannot sample without replacement n samples bigger than the size of the "
                f"distribution: {n} of {columns}"
            )
        if name == "choice":
            p = enough(p, n)
        count = sizes.mul(rows, n)
        u = self.uniform((count,), nstreams=MOST_STREAMS if nstreams is None else nstreams)
        (z,) = apply_op(OPS[f"{name}_of_uniform"], [p, u, sizes.variable(n)])
        return like(u, cast(z, dtype))

    def normal(
        self,
        size: Any,
        avg: Operand = 0.0,
        std: Operand = 1.0,
        ndim: int | None = None,
        dtype: AnyDtype | None = None,
        nstreams: int | None = None,
        truncate: bool = False,
    ) -> Variable:
        """Normal numbers of mean avg and deviation std, by Box and Muller; dtype: config.floatX promoted with
        theirs.

        ``truncate=True``: only numbers within two deviations. Gradients flow to avg and std.
        """
        avg, std = as_tensor_variable(avg), as_tensor_variable(std)
        dtype = float_dtype(dtype, avg, std)
        found = positive(as_sizes(size, ndim))
        count = sizes.product(found)
        streams = MOST_STREAMS if nstreams is None else nstreams
        half = sizes.div(sizes.add(count, 1), 2)
        u = self.uniform((sizes.mul(half, 2),), dtype=dtype, nstreams=streams)
        r = sqrt(np.asarray(-2.0, dtype) * log(u[:half]))
        theta = np.asarray(2.0 * np.pi, dtype) * u[half:]
        parts = self._truncated(r, theta, dtype, streams) if truncate else [r * cos(theta), r * sin(theta)]
        flat = concatenate(parts)
        z = reshape(flat if isinstance(count, int) and count % 2 == 0 else flat[:count], found)
        return like(u, scaled(z, avg, std))

    def _truncated(self, r, theta, dtype, streams):
        """The pairs with those outside of two deviations drawn again, from the length's distribution above
        1/e^2; valid ones first.
        """
        waves = [cos(theta), sin(theta)]
        pairs = [r * wave for wave in waves]
        outside = [(z < -2.0) | (z > 2.0) for z in pairs]
        bad, good = [nonzero(w)[0] for w in outside], [nonzero(~w)[0] for w in outside]
        counts = [sizes.length(b, 0) for b in bad]
        u = self.uniform(
            (sizes.add(*counts),), low=np.asarray(1 / np.e**2, dtype), high=1.0, dtype=dtype, nstreams=streams
        )
        again = sqrt(np.asarray(-2.0, dtype) * log(u))
        lengths = [again[: counts[0]], again[counts[0] :]]
        result = []
        for z, keep, fix, wave, length in zip(pairs, good, bad, waves, lengths):
            result += [z[keep], length * wave[fix]]
        return result

    def truncated_normal(
        self,
        size: Any,
        avg: Operand = 0.0,
        std: Operand = 1.0,
        ndim: int | None = None,
        dtype: AnyDtype | None = None,
        nstreams: int | None = None,
    ) -> Variable:
        """Normal numbers within two deviations of their mean, stretched so that the result's deviation is
        std.
        """
        avg, std = as_tensor_variable(avg), as_tensor_variable(std)
        dtype = float_dtype(dtype, avg, std)
        return self.normal(
            size,
            avg,
            cast(std, dtype) / np.asarray(TRUNCATED_STD, dtype),
            ndim,
            dtype,
            nstreams,
            truncate=True,
        )


def positive(found):
    """Theano refuses sizes below 1 here."""
    if any(isinstance(s, int) and s <= 0 for s in found):
        raise ValueError("The specified size contains a dimension with value <= 0", tuple(found))
    return found


def enough(p, n):
    """The matrix p; a row of fewer than n positive elements is a ValueError, of a constant here, else in the
    call.
    """
    message = "Fewer non-zero entries in a row of p than the columns to draw of it"
    if isinstance(p, Constant) and isinstance(n, int):
        fewest = (p.data > 0).sum(axis=1).min(initial=n)
        if fewest < n:
            raise ValueError(f"{message}: {fewest} of {n}")
        return p
    return demand(p, every(total(p > 0, axis=1) >= sizes.variable(n)), message)


def like(u, result):
    """``result``, made of the uniform sample u, with u's state and update."""
    return mark(result, u.rng, u.update[1])
