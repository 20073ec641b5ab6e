"""RandomStreams: the digits of numpy.random.RandomState inside compiled functions (Theano's
shared_randomstreams).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.dtypes import is_float
from tgen.core.types import TensorType
from tgen.graph import sizes
from tgen.graph.nodes import Constant
from tgen.graph.shared import SharedVariable
from tgen.ops.randomstate import WORDS, pack, unpack
from tgen.runtime.shared import CONSTRUCTORS
from tgen.tensor import all as every
from tgen.tensor import as_tensor_variable, cast, invert, lt, reshape
from tgen.tensor.apply import apply, demand, pad

from .sample import (
    Draws,
    as_sizes,
    at_rank,
    draw,
    float_dtype,
    floats,
    is_number,
    mark,
    sample_sizes,
    scaled,
    whole,
)

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand, Variable
    from tgen.tensor.apply import AnyDtype

STATE = TensorType("uint32", (WORDS,))
SEEDS = 2**30  # seeds of streams are drawn below this


class RandomStateVariable(SharedVariable):
    """A shared variable whose value is a ``numpy.random.RandomState``. ``tgen.shared(RandomState(...))``
    makes one.

    Inside it is an array of 628 words, which C draws from.

    >>> import tgen
    >>> rng = tgen.shared(np.random.RandomState(7))
    >>> int(rng.get_value().randint(10)), int(np.random.RandomState(7).randint(10))
    (4, 4)
    """

    __slots__ = ()

    def __init__(
        self, name, type=STATE, value=None, strict=False, allow_downcast=None, container=None, borrow=False
    ):
        super().__init__(name, type, state_of(value), strict, allow_downcast, container, borrow)

    def get_value(self, borrow=False, return_internal_type=False):
        """A fresh RandomState in this state; drawing from it changes nothing here (``borrow`` neither)."""
        return unpack(self.container.get())

    def set_value(self, new_value, borrow=False):
        """Take the state of a RandomState (TypeError for anything else)."""
        self.container.set(state_of(new_value), True)


def state_of(value):
    """The words of a RandomState; None and words are what they are."""
    if isinstance(value, np.random.RandomState):
        return pack(value)
    if value is None or isinstance(value, np.ndarray) and value.dtype == "uint32" and value.shape == (WORDS,):
        return value
    raise TypeError(f"a random stream's state is a numpy.random.RandomState, got {value!r:.80}")


def shared_rng(value, name=None, strict=False, allow_downcast=None, borrow=False):
    return RandomStateVariable(name, STATE, value, strict, allow_downcast)


CONSTRUCTORS[np.random.RandomState] = shared_rng


def integers(p, what):
    p = as_tensor_variable(p)
    if is_float(p.type.dtype):
        raise TypeError(f"{what} must be integers, got {p} of {p.type}")
    return p


def nonnegative(p, what):
    """p as floats; a call in which an element is negative is a ValueError, as NumPy's (nan
    and -0 are not).
    """
    p = floats(p)
    if isinstance(p, Constant) and not (p.data < 0).any():
        return p
    return demand(p, every(invert(lt(p, 0))), f"{what} < 0")


class RandomStreams:
    """Streams of random numbers, digit for digit those of ``numpy.random.RandomState``.

    seed   an int, or None for one that nobody knows

    Draw number k has a state of its own, ``RandomState(s)`` with s the k-th of
    ``RandomState(seed).randint(2**30)``. A function that reads a draw uses one sample a call and moves its
    state on; ``state_updates`` lists these updates.

    size    None (the shape of the parameters), an int, a tuple of ints, integer scalars and -1 (as the
            parameters have it), or an integer vector, whose length ``ndim`` gives where it is not known
    dtype   of the result; NumPy's numbers, float64 or int64, are cast to it

    Parameters are numbers, arrays and variables; they broadcast to the sample by their types. Values outside
    of a distribution's range are a ValueError when the function runs.

    >>> import tgen
    >>> srng = RandomStreams(seed=234)
    >>> f = tgen.function([], srng.uniform((2,)))
    >>> rng = np.random.RandomState(np.random.RandomState(234).randint(2**30))
    >>> bool((f() == rng.uniform(size=2)).all()), bool((f() == rng.uniform(size=2)).all())
    (True, True)
    """

    def __init__(self, seed: Any = None) -> None:
        self._draws = Draws()
        self.default_instance_seed = seed
        self.gen_seedgen = np.random.RandomState(seed)

    state_updates = property(
        lambda self: self._draws.updates(),
        doc="The (state, new state) of every draw made here that is still there.",
    )

    def updates(self) -> list[tuple[SharedVariable, Variable]]:
        """``state_updates``."""
        return self.state_updates

    def seed(self, seed: Any = None) -> None:
        """Put the states of all draws back to where they would start from ``seed``, by default the one given
        at first.
        """
        seedgen = np.random.RandomState(self.default_instance_seed if seed is None else seed)
        for update in self._draws:
            # a draw that nobody has any more takes its number, too
            number = int(seedgen.randint(SEEDS))
            if update is not None:
                update[0].set_value(np.random.RandomState(number))

    def _state(self, item):
        for state, _ in self.state_updates:
            if item is state:
                return state
        raise KeyError(item)

    def __getitem__(self, item):
        """The RandomState of a draw, by its state variable (``sample.rng``)."""
        return self._state(item).get_value()

    def __setitem__(self, item, value):
        self._state(item).set_value(value)

    def _draw(self, name, params, found, **attrs):
        """(sample, its state, the state after) of one primitive on a new stream."""
        state = RandomStateVariable(None, value=np.random.RandomState(int(self.gen_seedgen.randint(SEEDS))))
        state.tag.is_rng = True
        after, sample = draw(name, state, params, found, **attrs)
        state.default_update = after
        self._draws.add(after)
        return sample, state, after

    def _one_by_one(self, name, params, size, ndim, finish):
        """A draw whose parameters, (variable, dtype) pairs, have the sample's rank."""
        found = sample_sizes(size, ndim, [p for p, _ in params])
        sample, state, after = self._draw(name, [at_rank(p, dtype, len(found)) for p, dtype in params], found)
        return mark(finish(sample), state, after)

    def _scaled(self, name, params, size, ndim, dtype, low, factor):
        """A draw that is stretched and moved: by operations, so gradients flow to low and factor."""
        everything = [p for p, _ in params] + [low, factor]
        found = sample_sizes(size, ndim, everything)
        dtype = float_dtype(dtype, *everything)
        return self._one_by_one(
            name, params, found, None, lambda sample: cast(scaled(sample, low, factor), dtype)
        )

    # -- floats
    def uniform(
        self,
        size: Any = None,
        low: Operand = 0.0,
        high: Operand = 1.0,
        ndim: int | None = None,
        dtype: AnyDtype | None = None,
    ) -> Variable:
        """Uniform numbers from low on, below high. dtype: config.floatX promoted with
        those of low and high.
        """
        low, high = floats(low), floats(high)
        spread = high if is_number(low, 0) else cast(high, "float64") - cast(low, "float64")
        return self._scaled("rs_uniform", [], size, ndim, float_dtype(dtype, low, high), low, spread)

    def normal(
        self,
        size: Any = None,
        avg: Operand = 0.0,
        std: Operand = 1.0,
        ndim: int | None = None,
        dtype: AnyDtype | None = None,
    ) -> Variable:
        """Normal numbers of mean avg and deviation std. dtype: config.floatX promoted with theirs."""
        return self._scaled("rs_normal", [], size, ndim, dtype, floats(avg), nonnegative(std, "std"))

    def exponential(
        self, size: Any = None, scale: Operand = 1.0, ndim: int | None = None, dtype: AnyDtype | None = None
    ) -> Variable:
        """Exponential numbers of mean ``scale``."""
        return self._scaled(
            "rs_exponential", [], size, ndim, dtype, as_tensor_variable(0.0), nonnegative(scale, "scale")
        )

    def gamma(
        self,
        size: Any = None,
        shape: Operand = 1.0,
        scale: Operand = 1.0,
        ndim: int | None = None,
        dtype: AnyDtype | None = None,
    ) -> Variable:
        """Gamma numbers of mean shape * scale."""
        shape = floats(shape)
        scale = nonnegative(scale, "scale")
        dtype = float_dtype(dtype, shape, scale)
        return self._scaled(
            "rs_gamma", [(shape, "float64")], size, ndim, dtype, as_tensor_variable(0.0), scale
        )

    # -- integers
    def binomial(
        self,
        size: Any = None,
        n: Operand = 1,
        p: Operand = 0.5,
        ndim: int | None = None,
        dtype: AnyDtype = "int64",
        prob: Any = None,
    ) -> Variable:
        """Successes in n trials of probability p (``prob`` is its old name)."""
        params = [(integers(n, "n"), "int64"), (floats(p if prob is None else prob), "float64")]
        return self._one_by_one("rs_binomial", params, size, ndim, lambda sample: cast(sample, dtype))

    def poisson(
        self, size: Any = None, lam: Operand = 1.0, ndim: int | None = None, dtype: AnyDtype = "int64"
    ) -> Variable:
        """Poisson numbers of mean lam."""
        return self._one_by_one(
            "rs_poisson",
            [(floats(1.0 if lam is None else lam), "float64")],
            size,
            ndim,
            lambda sample: cast(sample, dtype),
        )

    def random_integers(
        self,
        size: Any = None,
        low: Operand = 0,
        high: Operand = 1,
        ndim: int | None = None,
        dtype: AnyDtype = "int64",
    ) -> Variable:
        """Integers between low and high, both included."""
        params = [(integers(low, "low"), "int64"), (integers(high, "high"), "int64")]
        return self._one_by_one("rs_integers", params, size, ndim, lambda sample: cast(sample, dtype))

    def permutation(
        self, size: Any = None, n: Operand = 1, ndim: int | None = None, dtype: AnyDtype = "int64"
    ) -> Variable:
        """Permutations of 0 .. n - 1 along the last axis; ``size`` is the shape of the axes before it."""
        found = [] if size is None else as_sizes(size, ndim)
        sample, state, after = self._draw("rs_permutation", [], [*found, sizes.as_size(n, "n")])
        return mark(cast(sample, dtype), state, after)

    def shuffle_row_elements(self, input: Operand) -> Variable:
        """``input`` with every row (along the last axis) shuffled; the result's ``permutation`` says how."""
        x = as_tensor_variable(input)
        *rows, n = sizes.lengths(x)
        order = self.permutation(rows, n)
        axes = [pad_to(apply("iota", sizes.variable(s)), a, x.type.ndim) for a, s in enumerate(rows)]
        return mark(x[(*axes, order)], *order.update, permutation=order)

    def multinomial(
        self,
        size: Any = None,
        n: Operand = 1,
        pvals: Operand = (0.5, 0.5),
        ndim: int | None = None,
        dtype: AnyDtype = "int64",
    ) -> Variable:
        """How often each of the last axis of pvals was met in n trials; ``size`` is the shape of the axes
        before it.
        """
        n, p = integers(n, "n"), floats(pvals)
        if p.type.ndim == 0:
            raise ValueError("pvals must have at least one axis, its last one being the outcomes")
        rows = p[..., 0]
        found = sample_sizes(size, ndim, [n, rows])
        params = [at_rank(n, "int64", len(found)), pad(cast(p, "float64"), len(found) + 1)]
        sample, state, after = self._draw("rs_multinomial", params, found)
        return mark(cast(sample, dtype), state, after)

    def choice(
        self,
        size: Any = None,
        a: Operand = 2,
        replace: bool = True,
        p: Operand | None = None,
        ndim: int | None = None,
        dtype: AnyDtype = "int64",
    ) -> Variable:
        """Elements of a vector, or of 0 .. a - 1, with probabilities p (a vector; None: all alike).

        ``replace`` is a bool. Without replacement the result has each at most once.
        """
        a = as_tensor_variable(a)
        if a.type.ndim > 1:
            raise ValueError(f"a must be a vector or an integer, got {a} of {a.type}")
        found = [] if size is None else as_sizes(size, ndim)
        count = sizes.length(a, 0) if a.type.ndim else sizes.as_size(a, "a")
        index, state, after = self._places(found, count, bool(whole(int(replace), "replace")), p)
        return mark(cast(a[index] if a.type.ndim else index, dtype), state, after)

    def _places(self, found, count, replace, p):
        if p is not None:
            p = floats(p)
            if p.type.ndim != 1:
                raise ValueError(f"p must be a vector, got {p} of {p.type}")
            return self._draw(
                "rs_choice", [cast(p, "float64")], found, replace=replace, single=p.type.dtype == "float32"
            )
        if replace:
            bounds = [
                at_rank(as_tensor_variable(b), "int64", len(found))
                for b in (0, sizes.variable(sizes.sub(count, 1)))
            ]
            return self._draw("rs_integers", bounds, found)
        order, state, after = self._draw("rs_permutation", [], [count])
        wanted = sizes.product(found)
        if isinstance(wanted, int) and isinstance(count, int) and wanted > count:
            raise ValueError(
                f"Cannot take a larger sample than population when replace is False: {wanted} of {count}"
            )
        return reshape(order[:wanted], found), state, after


def pad_to(v, axis, ndim):
    """A vector as axis ``axis`` of ``ndim``."""
    return apply("dimshuffle", v, order=tuple(0 if a == axis else "x" for a in range(ndim)))
