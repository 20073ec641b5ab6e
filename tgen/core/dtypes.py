"""The dtypes: one record each, which everything that knows dtypes reads.

>>> DTYPE["float32"].c, DTYPE["uint8"].code, DTYPE["int16"].high, DTYPE["bool"].accumulator
('float', 'u8', 32767, 'int64')
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DType:
    """What is known of a dtype.

    name         NumPy's name
    kind         NumPy's letter: b bool, i signed, u unsigned, f float. What is asked of a dtype asks it
    python       the Python type of its elements
    bits         of an element
    c            its C type
    unsigned     the C type that its integers are computed in, so that overflow wraps and is defined
    code         in the names of C helpers: tgen_sgn_f64
    suffix       of libm's functions and of literals
    blas         the letter of BLAS routines; "" where there are none
    exact        integers from 0 up to 2 ** exact are exact in it
    low, high    its least and its greatest value
    c_low, c_high   their C texts
    accumulator  the dtype that sums and products are accumulated in by default (Theano's acc_dtype)
    floats       the dtype of a float function of it
    tolerance    how far a result may be off in DebugMode, relative to its largest element: sums are taken in
                 another order
    step         of central differences of a function of it; 0: they make no sense
    slope_tolerance   how far such a difference may be off, absolute or relative
    """

    name: str
    kind: str
    python: type
    bits: int
    c: str
    unsigned: str
    code: str
    suffix: str = ""
    blas: str = ""
    exact: int
    low: int | float
    high: int | float
    c_low: str
    c_high: str
    accumulator: str
    floats: str
    tolerance: float = 0.0
    step: float = 0.0
    slope_tolerance: float = 0.0

    @property
    def bytes(self) -> int:
        return self.bits // 8


def _integer(kind: str, bits: int) -> DType:
    name, unsigned = f"{'u' * (kind == 'u')}int{bits}", kind == "u"
    exact = bits - (not unsigned)
    return DType(
        name=name,
        kind=kind,
        python=int,
        bits=bits,
        c=f"{name}_t",
        unsigned=f"uint{max(bits, 32)}_t",
        code=f"{kind}{bits}",
        exact=exact,
        low=0 if unsigned else -(2**exact),
        high=2**exact - 1,
        c_low="0" if unsigned else f"{name.upper()}_MIN",
        c_high=f"{name.upper()}_MAX",
        accumulator="uint64" if unsigned else "int64",
        floats="float32" if bits <= 16 else "float64",
    )


def _float(
    bits: int,
    c: str,
    suffix: str,
    blas: str,
    exact: int,
    tolerance: float,
    step: float,
    slope_tolerance: float,
) -> DType:
    return DType(
        name=f"float{bits}",
        kind="f",
        python=float,
        bits=bits,
        c=c,
        unsigned=f"uint{bits}_t",
        code=f"f{bits}",
        suffix=suffix,
        blas=blas,
        exact=exact,
        low=-math.inf,
        high=math.inf,
        c_low=f"-__builtin_inf{suffix}()",
        c_high=f"__builtin_inf{suffix}()",
        accumulator="float64",
        floats=f"float{bits}",
        tolerance=tolerance,
        step=step,
        slope_tolerance=slope_tolerance,
    )


_BOOL = DType(
    name="bool",
    kind="b",
    python=bool,
    bits=8,
    c="uint8_t",
    unsigned="uint32_t",
    code="b8",
    exact=0,
    low=False,
    high=True,
    c_low="0",
    c_high="1",
    accumulator="int64",
    floats="float32",
)

# name -> record
DTYPE = {
    d.name: d
    for d in (
        _BOOL,
        *(_integer("i", bits) for bits in (8, 16, 32, 64)),
        *(_integer("u", bits) for bits in (8, 16, 32, 64)),
        _float(32, "float", "f", "s", 24, 1e-4, 1e-3, 1e-2),
        _float(64, "double", "", "d", 53, 1e-9, 1e-6, 1e-4),
    )
}
DTYPES = tuple(DTYPE)
FLOATS = tuple(name for name, d in DTYPE.items() if d.kind == "f")


def is_float(dtype: str) -> bool:
    return DTYPE[dtype].kind == "f"


def is_int(dtype: str) -> bool:
    return DTYPE[dtype].kind in "iu"


def is_unsigned(dtype: str) -> bool:
    return DTYPE[dtype].kind == "u"
