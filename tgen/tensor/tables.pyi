"""Names of T that are made of tables: written by tools/stubs.py."""

from tgen.core.types import AnyDtype, TensorType
from tgen.graph.nodes import Operand, Variable
from tgen.tensor.constructors import Several

__all__ = [
    "add",
    "add_adjoint",
    "sub",
    "mul",
    "true_div",
    "int_div",
    "mod",
    "pow",
    "neg",
    "abs",
    "sgn",
    "sqr",
    "sqrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "arccosh",
    "arctanh",
    "erf",
    "erfc",
    "sigmoid",
    "softplus",
    "logaddexp",
    "arctan2",
    "hypot",
    "floor",
    "ceil",
    "trunc",
    "minimum",
    "maximum",
    "clip",
    "eq",
    "neq",
    "lt",
    "le",
    "gt",
    "ge",
    "isnan",
    "isinf",
    "and_",
    "or_",
    "xor",
    "invert",
    "left_shift",
    "right_shift",
    "scalar",
    "vector",
    "row",
    "col",
    "matrix",
    "tensor3",
    "tensor4",
    "tensor5",
    "tensor6",
    "tensor7",
    "bscalar",
    "bvector",
    "brow",
    "bcol",
    "bmatrix",
    "btensor3",
    "btensor4",
    "btensor5",
    "btensor6",
    "btensor7",
    "wscalar",
    "wvector",
    "wrow",
    "wcol",
    "wmatrix",
    "wtensor3",
    "wtensor4",
    "wtensor5",
    "wtensor6",
    "wtensor7",
    "iscalar",
    "ivector",
    "irow",
    "icol",
    "imatrix",
    "itensor3",
    "itensor4",
    "itensor5",
    "itensor6",
    "itensor7",
    "lscalar",
    "lvector",
    "lrow",
    "lcol",
    "lmatrix",
    "ltensor3",
    "ltensor4",
    "ltensor5",
    "ltensor6",
    "ltensor7",
    "ubscalar",
    "ubvector",
    "ubrow",
    "ubcol",
    "ubmatrix",
    "ubtensor3",
    "ubtensor4",
    "ubtensor5",
    "ubtensor6",
    "ubtensor7",
    "uwscalar",
    "uwvector",
    "uwrow",
    "uwcol",
    "uwmatrix",
    "uwtensor3",
    "uwtensor4",
    "uwtensor5",
    "uwtensor6",
    "uwtensor7",
    "uiscalar",
    "uivector",
    "uirow",
    "uicol",
    "uimatrix",
    "uitensor3",
    "uitensor4",
    "uitensor5",
    "uitensor6",
    "uitensor7",
    "ulscalar",
    "ulvector",
    "ulrow",
    "ulcol",
    "ulmatrix",
    "ultensor3",
    "ultensor4",
    "ultensor5",
    "ultensor6",
    "ultensor7",
    "fscalar",
    "fvector",
    "frow",
    "fcol",
    "fmatrix",
    "ftensor3",
    "ftensor4",
    "ftensor5",
    "ftensor6",
    "ftensor7",
    "dscalar",
    "dvector",
    "drow",
    "dcol",
    "dmatrix",
    "dtensor3",
    "dtensor4",
    "dtensor5",
    "dtensor6",
    "dtensor7",
    "scalars",
    "vectors",
    "rows",
    "cols",
    "matrices",
    "tensor3s",
    "tensor4s",
    "tensor5s",
    "tensor6s",
    "tensor7s",
    "bscalars",
    "bvectors",
    "brows",
    "bcols",
    "bmatrices",
    "btensor3s",
    "btensor4s",
    "btensor5s",
    "btensor6s",
    "btensor7s",
    "wscalars",
    "wvectors",
    "wrows",
    "wcols",
    "wmatrices",
    "wtensor3s",
    "wtensor4s",
    "wtensor5s",
    "wtensor6s",
    "wtensor7s",
    "iscalars",
    "ivectors",
    "irows",
    "icols",
    "imatrices",
    "itensor3s",
    "itensor4s",
    "itensor5s",
    "itensor6s",
    "itensor7s",
    "lscalars",
    "lvectors",
    "lrows",
    "lcols",
    "lmatrices",
    "ltensor3s",
    "ltensor4s",
    "ltensor5s",
    "ltensor6s",
    "ltensor7s",
    "ubscalars",
    "ubvectors",
    "ubrows",
    "ubcols",
    "ubmatrices",
    "ubtensor3s",
    "ubtensor4s",
    "ubtensor5s",
    "ubtensor6s",
    "ubtensor7s",
    "uwscalars",
    "uwvectors",
    "uwrows",
    "uwcols",
    "uwmatrices",
    "uwtensor3s",
    "uwtensor4s",
    "uwtensor5s",
    "uwtensor6s",
    "uwtensor7s",
    "uiscalars",
    "uivectors",
    "uirows",
    "uicols",
    "uimatrices",
    "uitensor3s",
    "uitensor4s",
    "uitensor5s",
    "uitensor6s",
    "uitensor7s",
    "ulscalars",
    "ulvectors",
    "ulrows",
    "ulcols",
    "ulmatrices",
    "ultensor3s",
    "ultensor4s",
    "ultensor5s",
    "ultensor6s",
    "ultensor7s",
    "fscalars",
    "fvectors",
    "frows",
    "fcols",
    "fmatrices",
    "ftensor3s",
    "ftensor4s",
    "ftensor5s",
    "ftensor6s",
    "ftensor7s",
    "dscalars",
    "dvectors",
    "drows",
    "dcols",
    "dmatrices",
    "dtensor3s",
    "dtensor4s",
    "dtensor5s",
    "dtensor6s",
    "dtensor7s",
]

def add(x: Operand, y: Operand, /, *more: Operand) -> Variable:
    """x + y; bools: or, element by element."""
def add_adjoint(x: Operand, y: Operand, /) -> Variable:
    """x + y, but a y of zero adds nothing, not even its sign: the adjoint of a step that nothing else reads,
    element by element."""
def sub(x: Operand, y: Operand, /) -> Variable:
    """x - y, element by element."""
def mul(x: Operand, y: Operand, /, *more: Operand) -> Variable:
    """x * y; bools: and, element by element."""
def true_div(x: Operand, y: Operand, /) -> Variable:
    """x / y in floats, element by element."""
def int_div(x: Operand, y: Operand, /) -> Variable:
    """floor of x / y; integers by 0 give 0, element by element."""
def mod(x: Operand, y: Operand, /) -> Variable:
    """x - floor(x / y) * y; integers by 0 give 0, element by element."""
def pow(x: Operand, y: Operand, /) -> Variable:
    """x ** y; ValueError for an integer to a negative power, element by element."""
def neg(x: Operand, /) -> Variable:
    """-x, element by element."""
def abs(x: Operand, /) -> Variable:
    """absolute value, element by element."""
def sgn(x: Operand, /) -> Variable:
    """-1, 0 or 1; nan of nan, element by element."""
def sqr(x: Operand, /) -> Variable:
    """x * x, element by element."""
def sqrt(x: Operand, /) -> Variable:
    """square root; the gradient of a norm, the root of a sum of squares, is 0 at 0, element by element."""
def exp(x: Operand, /) -> Variable:
    """e ** x, element by element."""
def exp2(x: Operand, /) -> Variable:
    """2 ** x, element by element."""
def expm1(x: Operand, /) -> Variable:
    """e ** x - 1, precise near 0, element by element."""
def log(x: Operand, /) -> Variable:
    """natural logarithm, element by element."""
def log2(x: Operand, /) -> Variable:
    """logarithm to base 2, element by element."""
def log10(x: Operand, /) -> Variable:
    """logarithm to base 10, element by element."""
def log1p(x: Operand, /) -> Variable:
    """log(1 + x), precise near 0, element by element."""
def sin(x: Operand, /) -> Variable:
    """sine, element by element."""
def cos(x: Operand, /) -> Variable:
    """cosine, element by element."""
def tan(x: Operand, /) -> Variable:
    """tangent, element by element."""
def arcsin(x: Operand, /) -> Variable:
    """inverse sine, element by element."""
def arccos(x: Operand, /) -> Variable:
    """inverse cosine, element by element."""
def arctan(x: Operand, /) -> Variable:
    """inverse tangent, element by element."""
def sinh(x: Operand, /) -> Variable:
    """hyperbolic sine, element by element."""
def cosh(x: Operand, /) -> Variable:
    """hyperbolic cosine, element by element."""
def tanh(x: Operand, /) -> Variable:
    """hyperbolic tangent, element by element."""
def arcsinh(x: Operand, /) -> Variable:
    """inverse hyperbolic sine, element by element."""
def arccosh(x: Operand, /) -> Variable:
    """inverse hyperbolic cosine, element by element."""
def arctanh(x: Operand, /) -> Variable:
    """inverse hyperbolic tangent, element by element."""
def erf(x: Operand, /) -> Variable:
    """error function, element by element."""
def erfc(x: Operand, /) -> Variable:
    """1 - erf(x), precise for large x, element by element."""
def sigmoid(x: Operand, /) -> Variable:
    """1 / (1 + e ** -x), element by element."""
def softplus(x: Operand, /) -> Variable:
    """log(1 + e ** x) without overflow, element by element."""
def logaddexp(x: Operand, y: Operand, /) -> Variable:
    """log(e ** x + e ** y) without overflow, element by element."""
def arctan2(x: Operand, y: Operand, /) -> Variable:
    """the angle of the point (y, x), element by element."""
def hypot(x: Operand, y: Operand, /) -> Variable:
    """sqrt(x * x + y * y) without overflow; its gradient at 0 is 0, a subgradient, element by element."""
def floor(x: Operand, /) -> Variable:
    """largest integer <= x, element by element."""
def ceil(x: Operand, /) -> Variable:
    """smallest integer >= x, element by element."""
def trunc(x: Operand, /) -> Variable:
    """x without its fraction, element by element."""
def minimum(x: Operand, y: Operand, /, *more: Operand) -> Variable:
    """the minimum; nan if either is nan, element by element."""
def maximum(x: Operand, y: Operand, /, *more: Operand) -> Variable:
    """the maximum; nan if either is nan, element by element."""
def clip(x: Operand, y: Operand, z: Operand, /) -> Variable:
    """x held between low and high, high where low is above it (the gradient at a bound is 1), element by
    element."""
def eq(x: Operand, y: Operand, /) -> Variable:
    """x == y, elementwise, element by element."""
def neq(x: Operand, y: Operand, /) -> Variable:
    """x != y, elementwise, element by element."""
def lt(x: Operand, y: Operand, /) -> Variable:
    """x < y, elementwise, element by element."""
def le(x: Operand, y: Operand, /) -> Variable:
    """x <= y, elementwise, element by element."""
def gt(x: Operand, y: Operand, /) -> Variable:
    """x > y, elementwise, element by element."""
def ge(x: Operand, y: Operand, /) -> Variable:
    """x >= y, elementwise, element by element."""
def isnan(x: Operand, /) -> Variable:
    """whether x is nan, element by element."""
def isinf(x: Operand, /) -> Variable:
    """whether x is inf or -inf, element by element."""
def and_(x: Operand, y: Operand, /, *more: Operand) -> Variable:
    """x & y: bitwise, logical on bools, element by element."""
def or_(x: Operand, y: Operand, /, *more: Operand) -> Variable:
    """x | y: bitwise, logical on bools, element by element."""
def xor(x: Operand, y: Operand, /, *more: Operand) -> Variable:
    """x ^ y: bitwise, logical on bools, element by element."""
def invert(x: Operand, /) -> Variable:
    """bits turned over; logical not on bools, element by element."""
def left_shift(x: Operand, y: Operand, /) -> Variable:
    """x << y; 0 when y is negative or too large, element by element."""
def right_shift(x: Operand, y: Operand, /) -> Variable:
    """x >> y; the sign alone when y is negative or too large, element by element."""
def scalar(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A scalar variable, of dtype config.floatX or the given one."""
def vector(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A vector variable, of dtype config.floatX or the given one."""
def row(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A row variable, of dtype config.floatX or the given one."""
def col(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A col variable, of dtype config.floatX or the given one."""
def matrix(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A matrix variable, of dtype config.floatX or the given one."""
def tensor3(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A tensor3 variable, of dtype config.floatX or the given one."""
def tensor4(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A tensor4 variable, of dtype config.floatX or the given one."""
def tensor5(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A tensor5 variable, of dtype config.floatX or the given one."""
def tensor6(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A tensor6 variable, of dtype config.floatX or the given one."""
def tensor7(name: str | None = None, dtype: AnyDtype | None = None) -> Variable:
    """A tensor7 variable, of dtype config.floatX or the given one."""
bscalar: TensorType  # TensorType(int8, scalar)
bvector: TensorType  # TensorType(int8, vector)
brow: TensorType  # TensorType(int8, row)
bcol: TensorType  # TensorType(int8, col)
bmatrix: TensorType  # TensorType(int8, matrix)
btensor3: TensorType  # TensorType(int8, 3D)
btensor4: TensorType  # TensorType(int8, 4D)
btensor5: TensorType  # TensorType(int8, 5D)
btensor6: TensorType  # TensorType(int8, 6D)
btensor7: TensorType  # TensorType(int8, 7D)
wscalar: TensorType  # TensorType(int16, scalar)
wvector: TensorType  # TensorType(int16, vector)
wrow: TensorType  # TensorType(int16, row)
wcol: TensorType  # TensorType(int16, col)
wmatrix: TensorType  # TensorType(int16, matrix)
wtensor3: TensorType  # TensorType(int16, 3D)
wtensor4: TensorType  # TensorType(int16, 4D)
wtensor5: TensorType  # TensorType(int16, 5D)
wtensor6: TensorType  # TensorType(int16, 6D)
wtensor7: TensorType  # TensorType(int16, 7D)
iscalar: TensorType  # TensorType(int32, scalar)
ivector: TensorType  # TensorType(int32, vector)
irow: TensorType  # TensorType(int32, row)
icol: TensorType  # TensorType(int32, col)
imatrix: TensorType  # TensorType(int32, matrix)
itensor3: TensorType  # TensorType(int32, 3D)
itensor4: TensorType  # TensorType(int32, 4D)
itensor5: TensorType  # TensorType(int32, 5D)
itensor6: TensorType  # TensorType(int32, 6D)
itensor7: TensorType  # TensorType(int32, 7D)
lscalar: TensorType  # TensorType(int64, scalar)
lvector: TensorType  # TensorType(int64, vector)
lrow: TensorType  # TensorType(int64, row)
lcol: TensorType  # TensorType(int64, col)
lmatrix: TensorType  # TensorType(int64, matrix)
ltensor3: TensorType  # TensorType(int64, 3D)
ltensor4: TensorType  # TensorType(int64, 4D)
ltensor5: TensorType  # TensorType(int64, 5D)
ltensor6: TensorType  # TensorType(int64, 6D)
ltensor7: TensorType  # TensorType(int64, 7D)
ubscalar: TensorType  # TensorType(uint8, scalar)
ubvector: TensorType  # TensorType(uint8, vector)
ubrow: TensorType  # TensorType(uint8, row)
ubcol: TensorType  # TensorType(uint8, col)
ubmatrix: TensorType  # TensorType(uint8, matrix)
ubtensor3: TensorType  # TensorType(uint8, 3D)
ubtensor4: TensorType  # TensorType(uint8, 4D)
ubtensor5: TensorType  # TensorType(uint8, 5D)
ubtensor6: TensorType  # TensorType(uint8, 6D)
ubtensor7: TensorType  # TensorType(uint8, 7D)
uwscalar: TensorType  # TensorType(uint16, scalar)
uwvector: TensorType  # TensorType(uint16, vector)
uwrow: TensorType  # TensorType(uint16, row)
uwcol: TensorType  # TensorType(uint16, col)
uwmatrix: TensorType  # TensorType(uint16, matrix)
uwtensor3: TensorType  # TensorType(uint16, 3D)
uwtensor4: TensorType  # TensorType(uint16, 4D)
uwtensor5: TensorType  # TensorType(uint16, 5D)
uwtensor6: TensorType  # TensorType(uint16, 6D)
uwtensor7: TensorType  # TensorType(uint16, 7D)
uiscalar: TensorType  # TensorType(uint32, scalar)
uivector: TensorType  # TensorType(uint32, vector)
uirow: TensorType  # TensorType(uint32, row)
uicol: TensorType  # TensorType(uint32, col)
uimatrix: TensorType  # TensorType(uint32, matrix)
uitensor3: TensorType  # TensorType(uint32, 3D)
uitensor4: TensorType  # TensorType(uint32, 4D)
uitensor5: TensorType  # TensorType(uint32, 5D)
uitensor6: TensorType  # TensorType(uint32, 6D)
uitensor7: TensorType  # TensorType(uint32, 7D)
ulscalar: TensorType  # TensorType(uint64, scalar)
ulvector: TensorType  # TensorType(uint64, vector)
ulrow: TensorType  # TensorType(uint64, row)
ulcol: TensorType  # TensorType(uint64, col)
ulmatrix: TensorType  # TensorType(uint64, matrix)
ultensor3: TensorType  # TensorType(uint64, 3D)
ultensor4: TensorType  # TensorType(uint64, 4D)
ultensor5: TensorType  # TensorType(uint64, 5D)
ultensor6: TensorType  # TensorType(uint64, 6D)
ultensor7: TensorType  # TensorType(uint64, 7D)
fscalar: TensorType  # TensorType(float32, scalar)
fvector: TensorType  # TensorType(float32, vector)
frow: TensorType  # TensorType(float32, row)
fcol: TensorType  # TensorType(float32, col)
fmatrix: TensorType  # TensorType(float32, matrix)
ftensor3: TensorType  # TensorType(float32, 3D)
ftensor4: TensorType  # TensorType(float32, 4D)
ftensor5: TensorType  # TensorType(float32, 5D)
ftensor6: TensorType  # TensorType(float32, 6D)
ftensor7: TensorType  # TensorType(float32, 7D)
dscalar: TensorType  # TensorType(float64, scalar)
dvector: TensorType  # TensorType(float64, vector)
drow: TensorType  # TensorType(float64, row)
dcol: TensorType  # TensorType(float64, col)
dmatrix: TensorType  # TensorType(float64, matrix)
dtensor3: TensorType  # TensorType(float64, 3D)
dtensor4: TensorType  # TensorType(float64, 4D)
dtensor5: TensorType  # TensorType(float64, 5D)
dtensor6: TensorType  # TensorType(float64, 6D)
dtensor7: TensorType  # TensorType(float64, 7D)
scalars: Several
vectors: Several
rows: Several
cols: Several
matrices: Several
tensor3s: Several
tensor4s: Several
tensor5s: Several
tensor6s: Several
tensor7s: Several
bscalars: Several
bvectors: Several
brows: Several
bcols: Several
bmatrices: Several
btensor3s: Several
btensor4s: Several
btensor5s: Several
btensor6s: Several
btensor7s: Several
wscalars: Several
wvectors: Several
wrows: Several
wcols: Several
wmatrices: Several
wtensor3s: Several
wtensor4s: Several
wtensor5s: Several
wtensor6s: Several
wtensor7s: Several
iscalars: Several
ivectors: Several
irows: Several
icols: Several
imatrices: Several
itensor3s: Several
itensor4s: Several
itensor5s: Several
itensor6s: Several
itensor7s: Several
lscalars: Several
lvectors: Several
lrows: Several
lcols: Several
lmatrices: Several
ltensor3s: Several
ltensor4s: Several
ltensor5s: Several
ltensor6s: Several
ltensor7s: Several
ubscalars: Several
ubvectors: Several
ubrows: Several
ubcols: Several
ubmatrices: Several
ubtensor3s: Several
ubtensor4s: Several
ubtensor5s: Several
ubtensor6s: Several
ubtensor7s: Several
uwscalars: Several
uwvectors: Several
uwrows: Several
uwcols: Several
uwmatrices: Several
uwtensor3s: Several
uwtensor4s: Several
uwtensor5s: Several
uwtensor6s: Several
uwtensor7s: Several
uiscalars: Several
uivectors: Several
uirows: Several
uicols: Several
uimatrices: Several
uitensor3s: Several
uitensor4s: Several
uitensor5s: Several
uitensor6s: Several
uitensor7s: Several
ulscalars: Several
ulvectors: Several
ulrows: Several
ulcols: Several
ulmatrices: Several
ultensor3s: Several
ultensor4s: Several
ultensor5s: Several
ultensor6s: Several
ultensor7s: Several
fscalars: Several
fvectors: Several
frows: Several
fcols: Several
fmatrices: Several
ftensor3s: Several
ftensor4s: Several
ftensor5s: Several
ftensor6s: Several
ftensor7s: Several
dscalars: Several
dvectors: Several
drows: Several
dcols: Several
dmatrices: Several
dtensor3s: Several
dtensor4s: Several
dtensor5s: Several
dtensor6s: Several
dtensor7s: Several
