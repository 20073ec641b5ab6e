"""What all streams share: the sizes of a sample, its dtype, its parameters brought to its rank."""

from weakref import WeakKeyDictionary, ref

import numpy as np

from tgen.config import config
from tgen.core.dtypes import is_float
from tgen.core.types import promote
from tgen.graph import sizes
from tgen.graph.nodes import Constant, Variable
from tgen.tensor import as_dtype, as_tensor_variable, cast
from tgen.tensor.apply import apply_many, pad

INFERRED = -1  # a size that the parameters tell


def as_sizes(size, ndim=None, what="size"):
    """The sizes of a sample as ints and int64 scalars.

    size   an int, an integer scalar variable, a tuple or list of these, or an integer vector, whose length
           must be known or given as ``ndim``

    Raises TypeError for anything else, ValueError for a length unknown or other than ``ndim``.
    """
    if (
        isinstance(size, Variable)
        and size.type.ndim == 1
        and ndim is not None
        and size.type.shape[0] is None
        and sizes.elements(size) is None
    ):
        size = [size[k] for k in range(ndim)]
    found = sizes.as_shape(size, what)
    if ndim is not None and len(found) != ndim:
        raise ValueError(f"ndim is {ndim}, but {what} has {len(found)} elements")
    return found


def sample_sizes(size, ndim, params):
    """The sizes of a sample: ``size``, its -1 and all of it if None being the broadcast shape of the
    parameters.
    """
    rank = max([p.type.ndim for p in params], default=0)
    if size is None:
        found = [INFERRED] * max(rank, ndim or 0)
    else:
        found = as_sizes(size, ndim)
    if len(found) < rank or ndim is not None and len(found) != ndim:
        raise ValueError(
            f"a sample of {len(found)} dimensions cannot have parameters of {rank} (ndim is {ndim})"
        )
    if any(isinstance(s, int) and s < INFERRED for s in found):
        raise ValueError(f"negative size in {tuple(found)}")
    padded = [pad(p, len(found)) for p in params]
    return [
        _inferred(padded, axis) if isinstance(s, int) and s == INFERRED else s for axis, s in enumerate(found)
    ]


def _inferred(padded, axis):
    """The size of an axis: of the first parameter that has not 1 there by its type."""
    for p in padded:
        if p.type.shape[axis] != 1:
            return sizes.length(p, axis)
    return 1


def float_dtype(dtype, *params):
    """``dtype``, or config.floatX promoted with the dtypes of the parameters (those of Python numbers do not
    count).
    """
    if dtype is not None:
        return as_dtype(dtype)
    return promote([config.floatX, *(p.type.dtype for p in params if not p.type.weak)])


def is_number(p, value):
    """Whether a parameter is the Python or NumPy number ``value``."""
    return isinstance(p, Constant) and p.type.ndim == 0 and p.data == value


def scaled(sample, low, factor):
    """sample * factor + low, without what changes nothing; all of one dtype."""
    sample = sample if is_number(factor, 1) else sample * cast(factor, sample.dtype)
    return sample if is_number(low, 0) else sample + cast(low, sample.dtype)


def at_rank(p, dtype, ndim):
    return pad(cast(p, dtype), ndim)


def draw(name, state, params, found, **attrs):
    """(the state after, the sample) of one primitive."""
    return apply_many(name, [state, *params, *map(sizes.variable, found)], **attrs)


def mark(sample, rng, after, **more):
    """Give a sample the attributes old programs read: ``rng`` and ``rstate``, its state, and ``update``, what
    a call makes of it.
    """
    sample.__dict__.update(rng=rng, rstate=rng, update=(rng, after), **more)
    return sample


class Draws:
    """The draws of an object of streams, in order, each as long as somebody else has it: a state may be
    large.

    Iterating gives (state, state after, what was kept beside) of each, None for one that is gone.
    """

    def __init__(self):
        self._nodes, self._beside = [], WeakKeyDictionary()

    def add(self, after, *beside):
        """Take note of the draw that makes the state ``after``."""
        self._nodes.append(ref(after.owner))
        self._beside[after.owner] = beside

    def __len__(self):
        """How many were made, those that are gone among them."""
        return len(self._nodes)

    def __reduce__(self):
        return _draws, (list(self),)

    def __iter__(self):
        for node in (known() for known in self._nodes):
            yield None if node is None else (node.inputs[0], node.outputs[0], *self._beside[node])

    def updates(self):
        """Those that are there, as a list."""
        return [update for update in self if update is not None]


def _draws(updates):
    draws = Draws()
    for update in updates:
        if update is None:
            draws._nodes.append(_gone)
        else:
            draws.add(*update[1:])
    return draws


def _gone():
    """Stands for the reference to a draw that nobody has any more."""


def whole(value, what):
    """An int parameter that must be known when the graph is built."""
    if isinstance(value, Constant) and value.type.ndim == 0:
        value = value.data[()]
    if isinstance(value, (bool, Variable)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what} must be an int known when the graph is built, got {value!r}")
    return int(value)


def floats(p):
    """p as a variable of floats."""
    p = as_tensor_variable(p)
    return p if is_float(p.type.dtype) and not p.type.weak else cast(p, config.floatX)
