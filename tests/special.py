"""Arrays for tests: random ones in which every special value of the dtype stands, and their comparison bit
for bit.
"""

import numpy as np

SPECIAL = {
    "f": (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1.5, -2.5, 1e300, 3e38),
    "i": (0, 1, -1, 2, 7),
    "u": (0, 1, 2, 255),
    "b": (True, False),
}


def special_array(rng, dtype, shape):
    """Random elements, a good part of them special values (the extremes of an integer dtype among them)."""
    dtype = np.dtype(dtype)
    values = list(SPECIAL[dtype.kind])
    if dtype.kind in "iu":
        values += [np.iinfo(dtype).min, np.iinfo(dtype).max]
        plain = rng.integers(-9 if dtype.kind == "i" else 0, 10, shape)
    else:
        plain = rng.normal(size=shape) * 3 if dtype.kind == "f" else rng.random(shape) < 0.5
    with np.errstate(all="ignore"):
        chosen = np.array(values).astype(dtype)[rng.integers(0, len(values), shape)]
    return np.asarray(np.where(rng.random(shape) < 0.5, chosen, np.asarray(plain).astype(dtype)), dtype)


def plain_array(rng, dtype, shape):
    """Random elements of moderate size: normal floats, and integers 0 and 1, which are in range as indices of
    every axis here.
    """
    kind = np.dtype(dtype).kind
    if kind == "f":
        return np.asarray(rng.normal(size=shape), dtype)
    return np.asarray(rng.integers(0, 2, shape)).astype(dtype)


def same_bits(a, b):
    """Equal in dtype, shape and every bit; any NaN equals any NaN."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool((a == b).all())
    return bool(((a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)).all())
