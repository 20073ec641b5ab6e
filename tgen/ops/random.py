"""Draws whose state is a small array: MRG31k3p and Philox, and what is made of uniform numbers by looking
them up.

A draw is a pure function: (state; sizes) -> (state after it, sample). So a stream is a shared variable whose
default update is the first result, equal draws of equal states merge, and nothing flows back through one.

MRG31k3p (L'Ecuyer & Touzin 2000) is two recurrences of order three; a row of its state is one stream:

    x1[n] = (2^22 x1[n-2] + (2^7 + 1) x1[n-3]) mod M1        u = (x1 - x2 mod M1) / 2^31, never 0
    x2[n] = (2^15 x2[n-1] + (2^15 + 1) x2[n-3]) mod M2

Element i of a sample (C order) comes from stream i mod streams. Philox4x32-10 (Salmon et al. 2011) enciphers
a counter: its state is uint32[6], the counter in four words (the two low ones count, the two high ones tell
streams apart), the key in two.
"""

import numpy as np

from tgen.core import dims
from tgen.core.dtypes import DTYPE, is_float
from tgen.core.effect import DRAWS, DRAWS_OR_REFUSES
from tgen.core.op import LIBRARY, Op, register
from tgen.core.types import TensorType

M1, M2 = 2**31 - 1, 2**31 - 21069
# float32: the largest sample stays below 1
NORM = {"float64": np.float64(2.0**-31), "float32": np.float32(1 / (2**31 + 65))}
PHILOX_MULTIPLIERS, PHILOX_KEYS = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)
PHILOX_ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)


def sample_type(name, dtype, sizes):
    if any(isinstance(s, int) and s < 0 for s in sizes):
        raise ValueError(f"{name}: negative size in {tuple(sizes)}")
    return TensorType(dtype, tuple(sizes))


def draw(name, infer, evaluate, doc, params=0, refuses="", in_place=False, **more):
    """Declare a draw with ``params`` operands after its state; all further graph inputs are sizes.

    ``refuses``: what is a ValueError. ``in_place``: the C may write the state after over the state.
    """
    return register(
        Op(
            name,
            LIBRARY,
            infer,
            evaluate,
            sizes=-(1 + params),
            effect=DRAWS_OR_REFUSES if refuses else DRAWS,
            lengths=True,
            refuses=refuses,
            in_place=in_place,
            doc=doc,
            **more,
        )
    )


# -- MRG31k3p ------------------------------------------------------------------------------------------------


def _mrg_infer(types, attrs, sizes):
    (state,) = types
    if state.dtype != "int32" or state.ndim != 2 or state.shape[1] not in (6, None):
        raise TypeError(f"the state of MRG streams is int32[streams, 6], not {state}")
    if not is_float(attrs["dtype"]):
        raise TypeError(f"uniform numbers are floats, not {attrs['dtype']}")
    return TensorType("int32", (state.shape[0], 6)), sample_type("mrg_uniform", attrs["dtype"], sizes)


def mrg_step(x):
    """The state (int64[6, streams]) one step on."""
    a = (x[1] * 2**22 + x[2] * (2**7 + 1)) % M1
    b = (x[3] * 2**15 + x[5] * (2**15 + 1)) % M2
    return np.stack([a, x[0], x[1], b, x[3], x[4]])


def _mrg(attrs, sizes, state):
    dtype, count, streams = attrs["dtype"], dims.product(sizes), len(state)
    out, x = np.empty(count, dtype), state.T.astype("int64")
    for at in range(0, count, max(streams, 1)):
        width = min(streams, count - at)
        x[:, :width] = mrg_step(x[:, :width])
        z = x[0, :width] - x[3, :width]
        out[at : at + width] = np.where(z <= 0, z + M1, z).astype(dtype) * NORM[dtype]
    return x.T.astype("int32"), out.reshape(sizes)


draw(
    "mrg_uniform",
    _mrg_infer,
    _mrg,
    "MRG31k3p: the streams' state after the draw, and uniform numbers in (0, 1)",
    in_place=True,
    samples=({"dtype": "float32"}, {"dtype": "float64"}),
)


# -- Philox4x32-10 -------------------------------------------------------------------------------------------

# elements a block of four words gives
PHILOX_DTYPES = {d: 128 // DTYPE[d].bits for d in ("uint32", "float32", "uint64", "float64")}


def _philox_infer(types, attrs, sizes):
    (state,) = types
    if state.dtype != "uint32" or state.ndim != 1 or state.shape[0] not in (6, None):
        raise TypeError(f"the state of a Philox stream is uint32[6], not {state}")
    if attrs["dtype"] not in PHILOX_DTYPES:
        raise TypeError(f"Philox gives {', '.join(PHILOX_DTYPES)}, not {attrs['dtype']}")
    return TensorType("uint32", (6,)), sample_type("philox", attrs["dtype"], sizes)


def philox_blocks(state, count):
    """The words uint64[4, count] of the ``count`` blocks from the state's counter on."""
    c0, c1, c2, c3, k0, k1 = (np.uint64(w) for w in state)
    at = (c0 | c1 << np.uint64(32)) + np.arange(count, dtype="uint64")
    words = [at & LOW, at >> np.uint64(32), np.full(count, c2), np.full(count, c3)]
    for _ in range(PHILOX_ROUNDS):
        p, q = words[0] * np.uint64(PHILOX_MULTIPLIERS[0]), words[2] * np.uint64(PHILOX_MULTIPLIERS[1])
        words = [q >> np.uint64(32) ^ words[1] ^ k0, q & LOW, p >> np.uint64(32) ^ words[3] ^ k1, p & LOW]
        k0, k1 = (k0 + np.uint64(PHILOX_KEYS[0])) & LOW, (k1 + np.uint64(PHILOX_KEYS[1])) & LOW
    return np.stack(words)


def _philox(attrs, sizes, state):
    dtype, count = attrs["dtype"], dims.product(sizes)
    with np.errstate(over="ignore"):
        blocks = -(-count // PHILOX_DTYPES[dtype])
        words = philox_blocks(state, blocks)
        after = (np.uint64(state[0]) | np.uint64(state[1]) << np.uint64(32)) + np.uint64(blocks)
    if PHILOX_DTYPES[dtype] == 2:
        words = words[0::2] | words[1::2] << np.uint64(32)
    flat = words.T.ravel()[:count]
    if is_float(dtype):
        bits, width = DTYPE[dtype].exact, DTYPE[dtype].bits
        flat = (flat >> np.uint64(width - bits)).astype(dtype) * np.dtype(dtype).type(2.0**-bits)
    new = np.array([after & LOW, after >> np.uint64(32), *state[2:]], "uint32")
    return new, flat.astype(dtype).reshape(sizes)


draw(
    "philox",
    _philox_infer,
    _philox,
    "Philox4x32-10: the counter and key after the draw, and words of 32 "
    "or 64 bits, or uniform floats in [0, 1) made of them",
    samples=tuple({"dtype": d} for d in PHILOX_DTYPES),
)


# -- uniform numbers looked up in rows of probabilities ------------------------------------------------------


def _lookup_places(types, attrs, sizes):
    p, u = types
    return [(u.shape[0], dims.mul(p.shape[0], sizes[0]))]


def _lookup_infer(name, columns):
    def infer(types, attrs, sizes):
        p, u = types
        if (p.ndim, u.ndim) != (2, 1) or not is_float(p.dtype) or not is_float(u.dtype):
            raise TypeError(
                f"{name} takes a matrix of probabilities and a vector of uniform numbers, not {p} and {u}"
            )
        dims.agree(_lookup_places(types, attrs, sizes))
        return (TensorType("int64", (p.shape[0], columns(p, sizes))),)

    return infer


def _first_above(p, u):
    """Per row the first column whose running sum is above u, -1 if none is."""
    above = np.cumsum(p, axis=1, dtype=p.dtype) > u[:, None]
    return np.where(above.any(axis=1), above.argmax(axis=1), -1)


def _multinomial(attrs, sizes, p, u):
    out = np.zeros(p.shape, "int64")
    rows = np.arange(len(p))
    for turn in u.reshape(sizes[0], len(p)):
        at = _first_above(p, turn)
        out[rows[at >= 0], at[at >= 0]] += 1
    return out


def _choice(attrs, sizes, p, u):
    left, out = p.copy(), np.full((len(p), sizes[0]), -1, "int64")
    with np.errstate(all="ignore"):
        for k, turn in enumerate(u.reshape(sizes[0], len(p))):
            out[:, k] = at = _first_above(left, turn)
            rows = np.flatnonzero(at >= 0)
            left[rows, at[rows]] = 0
            total = np.cumsum(left[rows], axis=1, dtype=p.dtype)[:, -1:] if p.shape[1] else 1
            left[rows] /= total
    return out


register(
    Op(
        "multinomial_of_uniform",
        LIBRARY,
        _lookup_infer("multinomial_of_uniform", lambda p, sizes: p.shape[1]),
        _multinomial,
        sizes=1,
        lengths=True,
        equal=_lookup_places,
        doc="per row of probabilities, how often each column is met by its uniform numbers (as many a "
        "row as the size says)",
    )
)
register(
    Op(
        "choice_of_uniform",
        LIBRARY,
        _lookup_infer("choice_of_uniform", lambda p, sizes: sizes[0]),
        _choice,
        sizes=1,
        lengths=True,
        equal=_lookup_places,
        doc="per row of probabilities, the columns its uniform numbers meet, each column once; -1 where "
        "none is left",
    )
)
