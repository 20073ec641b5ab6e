"""``theano.tensor.raw_random``: a sample of a given state, and the state after it, for programs that pass
states themselves.

>>> import numpy as np, tgen
>>> rng = tgen.shared(np.random.RandomState(234))
>>> after, sample = uniform(rng, (2,))
>>> f = tgen.function([], sample, updates=[(rng, after)])
>>> twin = np.random.RandomState(234)
>>> bool((f() == twin.uniform(size=2)).all()), bool((f() == twin.uniform(size=2)).all())
(True, True)
"""

from tgen.random.randomstate import RandomStreams
from tgen.random.sample import draw

__all__ = [
    "uniform",
    "normal",
    "exponential",
    "gamma",
    "binomial",
    "poisson",
    "random_integers",
    "permutation",
    "multinomial",
    "choice",
    "RandomStreamsBase",
]
RandomStreamsBase = RandomStreams


class _Given(RandomStreams):
    """RandomStreams whose one draw is from a state that is there."""

    def __init__(self, state):
        super().__init__(0)
        self.state = state

    def _draw(self, name, params, found, **attrs):
        after, sample = draw(name, self.state, params, found, **attrs)
        return sample, self.state, after


def _function(name):
    method = getattr(RandomStreams, name)

    def sample(random_state, size=None, *args, **options):
        made = method(_Given(random_state), size, *args, **options)
        return made.update[1], made

    sample.__name__ = sample.__qualname__ = name
    sample.__doc__ = (
        f"(the state after, the sample) of ``RandomStreams.{name}`` drawn from "
        "``random_state``, the variable of a RandomState.\n\n"
        f"{method.__doc__}"
    )
    return sample


uniform = _function("uniform")
normal = _function("normal")
exponential = _function("exponential")
gamma = _function("gamma")
binomial = _function("binomial")
poisson = _function("poisson")
random_integers = _function("random_integers")
permutation = _function("permutation")
multinomial = _function("multinomial")
choice = _function("choice")
