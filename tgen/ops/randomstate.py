"""Draws of numpy.random.RandomState, digit for digit: the Mersenne twister and the distributions NumPy has
frozen.

The state is uint32[628]: the 624 words of the twister, the place in them, whether a second normal number is
kept, and that number's two halves. Each op is (state, parameters; sizes) -> (state after, sample); parameters
have the sample's rank, and their axes of static size 1 repeat. A parameter outside of its range is a
ValueError, as in NumPy.
"""

import numpy as np

from tgen.core import dims
from tgen.core.types import TensorType

from .random import draw, sample_type

WORDS = 628


def pack(rng):
    """The state of a RandomState as an array."""
    _, key, at, has, gauss = rng.get_state(legacy=True)
    tail = np.array([gauss], "float64").view("uint32")
    return np.concatenate([key, [at, has], tail]).astype("uint32")


def unpack(state):
    """A fresh RandomState of a state."""
    rng = np.random.RandomState(0)
    gauss = float(np.array(state[626:628], "uint32").view("float64")[0])
    rng.set_state(("MT19937", np.array(state[:624], "uint32"), int(state[624]), int(state[625]), gauss))
    return rng


def check_state(name, t):
    if t.dtype != "uint32" or t.ndim != 1 or t.shape[0] not in (WORDS, None):
        raise TypeError(f"{name}: the state of a RandomState is uint32[{WORDS}], not {t}")
    return TensorType("uint32", (WORDS,))


def _infer(name, params, dtype):
    def infer(types, attrs, sizes):
        state, *operands = types
        for t, wanted in zip(operands, params, strict=True):
            if t.dtype != wanted or t.ndim != len(sizes):
                raise TypeError(
                    f"{name} takes parameters of {', '.join(params)} and rank {len(sizes)}, not {t}"
                )
            for size, n in zip(t.shape, sizes):
                if size != 1:
                    dims.merge(size, n)
        return check_state(name, state), sample_type(name, dtype, sizes)

    return infer


def _eval(function, dtype):
    def evaluate(attrs, sizes, state, *operands):
        rng = unpack(state)
        sample = np.asarray(function(rng, tuple(sizes), *operands), dtype)
        return pack(rng), sample

    return evaluate


def _integers(rng, sizes, low, high):
    low, high = np.broadcast_to(low, sizes), np.broadcast_to(high, sizes)
    out = np.empty(sizes, "int64")
    for k in np.ndindex(*sizes):
        out[k] = rng.randint(int(low[k]), int(high[k]) + 1, dtype="int64")
    return out


# name -> (dtypes of the parameters, dtype of the sample, meaning, one line)
DRAWS = {
    "rs_uniform": (
        (),
        "float64",
        lambda rng, n: rng.random_sample(n),
        "RandomState: uniform numbers in [0, 1)",
    ),
    "rs_normal": (
        (),
        "float64",
        lambda rng, n: rng.standard_normal(n),
        "RandomState: normal numbers of mean 0 and deviation 1",
    ),
    "rs_exponential": (
        (),
        "float64",
        lambda rng, n: rng.standard_exponential(n),
        "RandomState: exponential numbers of mean 1",
    ),
    "rs_gamma": (
        ("float64",),
        "float64",
        lambda rng, n, a: rng.standard_gamma(a, n),
        "RandomState: gamma numbers of the given shape and scale 1",
    ),
    "rs_poisson": (
        ("float64",),
        "int64",
        lambda rng, n, lam: rng.poisson(lam, n),
        "RandomState: Poisson numbers of the given mean",
    ),
    "rs_binomial": (
        ("int64", "float64"),
        "int64",
        lambda rng, n, m, p: rng.binomial(m, p, n),
        "RandomState: successes in so many trials of the given probability",
    ),
    "rs_integers": (
        ("int64", "int64"),
        "int64",
        _integers,
        "RandomState: integers between two bounds, both included",
    ),
}
REFUSED = {
    "rs_gamma": "shape < 0",
    "rs_poisson": "lam < 0, lam is NaN or lam is too large",
    "rs_binomial": "n < 0, p < 0, p > 1 or p is NaN",
    "rs_integers": "low > high",
}
for _name, (_params, _dtype, _function, _doc) in DRAWS.items():
    draw(
        _name,
        _infer(_name, _params, _dtype),
        _eval(_function, _dtype),
        _doc,
        len(_params),
        REFUSED.get(_name, ""),
        emitter="kept_one_by_one" if _name == "rs_binomial" else "one_by_one",
    )


# -- rows ----------------------------------------------------------------------------------------------------


def _permutation_infer(types, attrs, sizes):
    if not sizes:
        raise ValueError("rs_permutation takes a size per axis, the last one the length of a permutation")
    return check_state("rs_permutation", types[0]), sample_type("rs_permutation", "int64", sizes)


def _permutation(rng, sizes):
    out = np.empty(sizes, "int64")
    for k in np.ndindex(*sizes[:-1]):
        out[k] = rng.permutation(sizes[-1])
    return out


draw(
    "rs_permutation",
    _permutation_infer,
    _eval(_permutation, "int64"),
    "RandomState: along the last axis permutations of 0, 1, ...",
)


def _choice_infer(types, attrs, sizes):
    state, p = types
    if (p.dtype, p.ndim) != ("float64", 1):
        raise TypeError(f"rs_choice takes a float64 vector of probabilities, not {p}")
    return check_state("rs_choice", state), sample_type("rs_choice", "int64", sizes)


def _choice(attrs, sizes, state, p):
    rng = unpack(state)
    # NumPy takes sums that are 1 but for the rounding of their dtype
    p = p.astype("float32") if attrs["single"] else p
    sample = np.asarray(rng.choice(len(p), tuple(sizes), attrs["replace"], p), "int64")
    return pack(rng), sample


draw(
    "rs_choice",
    _choice_infer,
    _choice,
    "RandomState: indices drawn with the given probabilities, with or without replacement",
    1,
    "probabilities p are negative, do not sum to 1, or fewer of them are positive than are drawn without "
    "replacement",
    samples=(
        {"replace": True, "single": False},
        {"replace": False, "single": False},
        {"replace": True, "single": True},
    ),
)


def _multinomial_infer(types, attrs, sizes):
    state, n, p = types
    if (n.dtype, n.ndim, p.dtype, p.ndim) != ("int64", len(sizes), "float64", len(sizes) + 1):
        raise TypeError(
            f"rs_multinomial takes int64 counts of rank {len(sizes)} and float64 probabilities "
            f"of one axis more, not {n} and {p}"
        )
    for size, wanted in zip((*n.shape, *p.shape), (*sizes, *sizes)):
        if size != 1:
            dims.merge(size, wanted)
    return check_state("rs_multinomial", state), sample_type("rs_multinomial", "int64", (*sizes, p.shape[-1]))


def _multinomial(attrs, sizes, state, n, p):
    rng = unpack(state)
    n, p = np.broadcast_to(n, sizes), np.broadcast_to(p, (*sizes, p.shape[-1]))
    out = np.empty(p.shape, "int64")
    for k in np.ndindex(*sizes):
        out[k] = rng.multinomial(int(n[k]), slightly_less(p[k]))
    return pack(rng), out


def slightly_less(p):
    """Probabilities whose sum rounding has taken a little above 1, divided by it."""
    total = np.cumsum(p)[-1] if len(p) else 0.0
    return p / total if 1.0 < total < 1.0 + 1e-5 else p


draw(
    "rs_multinomial",
    _multinomial_infer,
    _multinomial,
    "RandomState: along the last axis how often each of so many trials met each column of the probabilities",
    2,
    "n < 0, or pvals are no probabilities: negative, above 1, NaN, or sum(pvals[:-1]) > 1.0",
)
