"""The one sweep over scalar ops: every tuple of dtypes that an op's rule admits, special values of these, and
what comes out, as exact as the op's record promises. A new op needs nothing here.
"""

import itertools

import numpy as np

from tgen.core.dtypes import DTYPES, is_float
from tgen.core.op import OPS, SCALAR


def admitted(op):
    """Every tuple of operand dtypes that the op's rule leaves as it is, with attrs."""
    for attrs in op.samples or ({},):
        for dtypes in itertools.product(DTYPES, repeat=op.arity):
            try:
                operands, result = op.rule(dtypes, attrs)
            except TypeError:
                continue
            if tuple(operands) == dtypes:
                yield dtypes, attrs, result


CASES = [
    (op, dtypes, attrs, result)
    for op in OPS.values()
    if op.kind == SCALAR
    for dtypes, attrs, result in admitted(op)
]


def special(dtype):
    if dtype == "bool":
        return np.array([False, True])
    if is_float(dtype):
        info = np.finfo(dtype)
        half = [
            0,
            1,
            np.inf,
            info.smallest_subnormal,
            info.tiny,
            info.max,
            info.eps,
            0.5,
            1.5,
            2,
            2.5,
            3,
            7,
            0.1,
            0.9999,
            20,
            88.5,
            300,
            700,
            7e4,
            2.0**31 - 1,
            2.0**31,
            2.0**32,
            2.0**62,
            2.0**63,
            2.0**64,
            1e10,
            1e30,
        ]
        return np.array([np.nan, *half, *(-v for v in half)], dtype)
    info = np.iinfo(dtype)
    values = {
        0,
        1,
        -1,
        2,
        -2,
        3,
        -3,
        7,
        -7,
        8,
        16,
        31,
        32,
        63,
        64,
        65,
        100,
        info.min,
        info.min + 1,
        info.max,
        info.max - 1,
        info.bits,
        info.bits - 1,
    }
    return np.array(sorted(v for v in values if info.min <= v <= info.max), dtype)


def grid(dtypes):
    """All tuples of special values; for three operands every seventh. The length is no multiple of a
    vector's.
    """
    columns = np.meshgrid(*(special(d) for d in dtypes), indexing="ij")
    step = 7 if len(dtypes) == 3 else 1
    return [np.ascontiguousarray(c.ravel()[::step]) for c in columns]


def _ordinal(x, dtype):
    """Floats as integers in order, so that a difference counts ULPs."""
    bits = x.astype(dtype).view(f"int{dtype.itemsize * 8}").astype("int64")
    return np.where(bits < 0, np.iinfo(f"int{dtype.itemsize * 8}").min - bits, bits)


def reference(op, attrs, arrays):
    """What C should give: NumPy's bits, or for floats, where ``ulps`` are allowed, the true result: that in
    long double, rounded once; erf and erfc have no such twin, but float64 serves float32.

    Infinite operands stay in their dtype: glibc's powl(-inf, -2**63) is inf.
    """
    plain = op.eval(attrs, (), *arrays)
    if not op.ulps or plain.dtype.kind != "f":
        return plain
    wide = "float64" if op.name in ("erf", "erfc") else "longdouble"
    infinite = np.any([np.isinf(a) for a in arrays], axis=0)
    with np.errstate(all="ignore"):
        exact = op.eval(attrs, (), *(a.astype(wide) for a in arrays)).astype(arrays[0].dtype)
        return np.where(infinite, plain, exact)


def right(op, got, wanted, arrays):
    """Which elements of ``got`` are right: bit for bit, or within the op's ``ulps`` of ``wanted``; nan, inf
    and the signs of zeros are always their own, but for what NumPy leaves open.
    """
    if got.dtype.kind != "f":
        return got == wanted
    nan = np.isnan(wanted)
    signs = (wanted != 0) | (np.signbit(got) == np.signbit(wanted)) | op.either_zero
    same = (np.isnan(got) == nan) & (nan | (np.isinf(wanted) == np.isinf(got)) & signs)
    a, b = (_ordinal(np.where(nan, 0, x), got.dtype) for x in (got, wanted))
    off = np.where(a > b, a - b, b - a).astype("uint64")  # modulo 2**64, as differences may be that large
    close = (off <= op.ulps) | (got == wanted)
    if op.cancels:
        with np.errstate(all="ignore"):
            close |= np.abs(got - wanted) <= op.ulps * np.spacing(np.max(np.abs(arrays), axis=0))
    return same & close


def check(op, attrs, arrays, got, wanted):
    """AssertionError unless ``got`` is right; it says where it is not."""
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), f"{op} {attrs}: {got.dtype}{got.shape}"
    fine = np.asarray(right(op, got, wanted, arrays))
    if not fine.all():
        bad = [tuple(place) for place in np.argwhere(~fine)[:12]]
        lines = [f"{[a[i] for a in arrays]}: C {got[i]!r}, wanted {wanted[i]!r}" for i in bad]
        dtypes = ", ".join(a.dtype.name for a in arrays)
        raise AssertionError(
            f"{op} {attrs} of {dtypes}: {(~fine).sum()} of {fine.size} differ\n" + "\n".join(lines)
        )
