"""The methods of variables: written by tools/stubs.py."""

from collections.abc import Mapping, Sequence
import numpy as np
from tgen.core.types import AnyDtype, Axes
from tgen.graph.nodes import Apply, Operand, Variable
from typing import Any

class Methods:
    __slots__ = ()
    @property
    def T(self) -> Variable:
        """The axes reversed, or in the order ``axes`` (ints, or one list of them)."""
    def abs(self, /) -> Variable:
        """absolute value, element by element."""
    def abs_(self, /) -> Variable:
        """absolute value, element by element."""
    def absolute(self, /) -> Variable:
        """absolute value, element by element."""
    def add(self, y: Operand, /) -> Variable:
        """x + y; bools: or, element by element."""
    def add_adjoint(self, y: Operand, /) -> Variable:
        """x + y, but a y of zero adds nothing, not even its sign: the adjoint of a step that nothing else
        reads, element by element."""
    def addbroadcast(self, *axes: int) -> Variable:
        """x whose axes are declared to be of size 1, so that they broadcast; checked when the function runs
        (ValueError)."""
    def all(self, axis: Axes = None, keepdims: bool = False) -> Variable:
        """Whether no element is 0, bool."""
    def allclose(
        self,
        b: Operand,
        rtol: float = 1e-05,
        atol: float = 1e-08,
        equal_nan: bool = False,
    ) -> Variable:
        """Whether all elements are close (see ``isclose``), a bool scalar."""
    def alloc(self, *shape: Operand) -> Variable:
        """``value`` repeated to ``shape``: ints and integer scalars (one by one, or one list or vector of
        them)."""
    def and_(self, y: Operand, /) -> Variable:
        """x & y: bitwise, logical on bools, element by element."""
    def any(self, axis: Axes = None, keepdims: bool = False) -> Variable:
        """Whether any element is not 0, bool."""
    def arange(
        self,
        stop: Operand | None = None,
        step: Operand = 1,
        dtype: AnyDtype | None = None,
    ) -> Variable:
        """start, start + step, ... up to but without stop; ``arange(n)`` starts at 0."""
    def arccos(self, /) -> Variable:
        """inverse cosine, element by element."""
    def arccosh(self, /) -> Variable:
        """inverse hyperbolic cosine, element by element."""
    def arcsin(self, /) -> Variable:
        """inverse sine, element by element."""
    def arcsinh(self, /) -> Variable:
        """inverse hyperbolic sine, element by element."""
    def arctan(self, /) -> Variable:
        """inverse tangent, element by element."""
    def arctan2(self, y: Operand, /) -> Variable:
        """the angle of the point (y, x), element by element."""
    def arctanh(self, /) -> Variable:
        """inverse hyperbolic tangent, element by element."""
    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Variable:
        """Where the first largest element (or the first nan) is, int64; over several axes: in the C order of
        these."""
    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Variable:
        """Where the first smallest element (or the first nan) is, int64; over several axes: in the C order of
        these."""
    def argsort(self, axis: int | None = -1, kind: str = 'quicksort', order: None = None) -> Variable:
        """Where the elements of sorted x are in x, int64; equal elements stay in their order."""
    def argtopk(
        self,
        kth: Operand,
        axis: int | None = -1,
        sorted: bool = True,
        idx_dtype: AnyDtype = 'int64',
    ) -> Variable:
        """Where the ``kth`` largest elements along ``axis`` (None: of x flattened) are, the largest first."""
    def as_tensor_variable(self, name: str | None = None, ndim: int | None = None) -> Variable:
        """A tensor variable of anything that can be one: a variable (returned as it is), number, array, or
        list of these."""
    def astype(self, dtype: AnyDtype) -> Variable:
        """x in another dtype, see ``T.cast``."""
    def bartlett(self) -> Variable:
        """A window of M points that rises in a straight line from 0 to 1 and falls again, float64; nothing
        for M < 1."""
    def batched_dot(self, b: Operand) -> Variable:
        """a[i] dot b[i] for each i, the results along the first axis; operands have 1 to 3 dimensions, or
        more."""
    def batched_tensordot(self, y: Operand, axes: int | Sequence[Any] = 2) -> Variable:
        """``tensordot`` of x[i] and y[i] for each i; axes count the first one, which is not summed."""
    def bincount(
        self,
        weights: Operand | None = None,
        minlength: Operand | None = None,
        assert_nonneg: bool = False,
    ) -> Variable:
        """How often each of 0, 1, ... up to the largest is in the integer vector x, int64; with ``weights``
        the sums of these."""
    def bitwise_and(self, y: Operand, /) -> Variable:
        """x & y: bitwise, logical on bools, element by element."""
    def bitwise_not(self, /) -> Variable:
        """bits turned over; logical not on bools, element by element."""
    def bitwise_or(self, y: Operand, /) -> Variable:
        """x | y: bitwise, logical on bools, element by element."""
    def bitwise_xor(self, y: Operand, /) -> Variable:
        """x ^ y: bitwise, logical on bools, element by element."""
    def broadcast_to(self, shape: Operand) -> Variable:
        """x repeated to ``shape``: axes that are 1 in the type (and new ones on the left) repeat, the others
        must have their size."""
    def cast(self, dtype: AnyDtype) -> Variable:
        """x in another dtype ('floatX': config.floatX); the result is strong."""
    def ceil(self, /) -> Variable:
        """smallest integer >= x, element by element."""
    def ceil_intdiv(self, b: Operand) -> Variable:
        """The ceiling of a / b for integers, in their common dtype."""
    def choose(self, choices: Operand, out: Any = None, mode: str = 'raise') -> Variable:
        """Element by element, the one of ``choices`` (a list, or an array along its first axis) that a
        says."""
    def clip(self, a_min: Operand, a_max: Operand) -> Variable:
        """x held between a_min and a_max, see ``T.clip``."""
    def clone(self, name: str | None = None) -> Variable:
        """A fresh variable of the type of x, without its owner."""
    def compress(self, x: Operand, axis: int | None = None) -> Variable:
        """The parts of x along ``axis`` (None: of x flattened) where the vector ``condition`` is not 0."""
    def concatenate(self, axis: Any = 0) -> Variable:
        """Arrays one after another along ``axis``; their other sizes must be equal (ValueError), dtypes are
        promoted."""
    def conj(self) -> Variable:
        """x: tensors are real."""
    def conjugate(self) -> Variable:
        """x: tensors are real."""
    def copy(self, name: str | None = None) -> Variable:
        """x as another variable (``x.copy()``): same type, same values."""
    def cos(self, /) -> Variable:
        """cosine, element by element."""
    def cosh(self, /) -> Variable:
        """hyperbolic cosine, element by element."""
    def count_nonzero(self, axis: Axes = None, keepdims: bool = False) -> Variable:
        """How many elements are not 0, int64."""
    def cumprod(self, axis: int | None = None) -> Variable:
        """Products of the elements up to each one along ``axis`` (None: of x flattened)."""
    def cumsum(self, axis: int | None = None) -> Variable:
        """Sums of the elements up to each one along ``axis`` (None: of x flattened)."""
    def deg2rad(self) -> Variable:
        """Degrees as radians."""
    def diag(self, k: Operand = 0) -> Variable:
        """A vector as the k-th diagonal of a square matrix of zeros; of a matrix its k-th diagonal."""
    def diagonal(self, offset: Operand = 0, axis1: int = 0, axis2: int = 1) -> Variable:
        """The elements a[..., i, i + offset] of two axes, along a new last axis."""
    def diff(self, n: int = 1, axis: int = -1) -> Variable:
        """The n-th difference of neighbours along ``axis``."""
    def dimshuffle(self, *pattern: Any) -> Variable:
        """Axes in another order: an int is an axis of x, 'x' a new axis of size 1 that broadcasts."""
    def divide(self, y: Operand, /) -> Variable:
        """x / y in floats, element by element."""
    def divmod(self, y: Operand) -> tuple[Variable, Variable]:
        """The pair (x // y, x % y)."""
    def dot(self, b: Operand) -> Variable:
        """The inner product over the last axis of a and the last but one of b (its only one if b is a
        vector)."""
    def einsum(self, *operands: Operand, optimize: bool = False) -> Variable:
        """Sums of products by labels, as numpy.einsum: ``einsum("ij,jk->ik", a, b)`` is ``dot(a, b)``."""
    def empty(self, dtype: AnyDtype | None = None) -> Variable:
        """Zeros of ``shape``, of config.floatX or the given dtype."""
    def eq(self, y: Operand, /) -> Variable:
        """x == y, elementwise, element by element."""
    def equal(self, y: Operand, /) -> Variable:
        """x == y, elementwise, element by element."""
    def erf(self, /) -> Variable:
        """error function, element by element."""
    def erfc(self, /) -> Variable:
        """1 - erf(x), precise for large x, element by element."""
    def eval(self, inputs_to_values: Mapping[Variable, Any] | None = None) -> Any:
        """The value of ``variable``, given a dict of the values of the variables it needs."""
    def exp(self, /) -> Variable:
        """e ** x, element by element."""
    def exp2(self, /) -> Variable:
        """2 ** x, element by element."""
    def expand_dims(self, axis: int | Sequence[int]) -> Variable:
        """x with new axes of size 1 that stand at ``axis`` (int or tuple) in the result."""
    def expm1(self, /) -> Variable:
        """e ** x - 1, precise near 0, element by element."""
    def eye(self, m: Operand | None = None, k: Operand = 0, dtype: AnyDtype | None = None) -> Variable:
        """n by m (default n) zeros with ones on the k-th diagonal (above the main one for k > 0)."""
    def fill(self, value: Operand) -> Variable:
        """``value`` repeated to the shape of ``model``, in the dtype of ``value`` (a Python number: of both
        together)."""
    def fill_diagonal(self, val: Operand) -> Variable:
        """a with the elements a[i, i, ...] replaced by the scalar ``val``."""
    def fill_diagonal_offset(self, val: Operand, offset: Operand) -> Variable:
        """Matrix a with its diagonal ``offset`` (an int or an integer scalar: above the main one if positive)
        replaced by the scalar ``val``."""
    def flatnonzero(self) -> Variable:
        """Where a, flattened, is not 0: an int64 vector."""
    def flatten(self, ndim: int | None = None, outdim: int | None = None) -> Variable:
        """The first ndim - 1 axes of x, and all others as one last axis; one axis by default."""
    def flip(self, axis: Axes = None) -> Variable:
        """x with its elements in reverse order along ``axis`` (None: all axes)."""
    def floor(self, /) -> Variable:
        """largest integer <= x, element by element."""
    def floor_div(self, y: Operand, /) -> Variable:
        """floor of x / y; integers by 0 give 0, element by element."""
    def floor_divide(self, y: Operand, /) -> Variable:
        """floor of x / y; integers by 0 give 0, element by element."""
    def full(self, fill_value: Operand, dtype: AnyDtype | None = None) -> Variable:
        """An array of ``shape`` in which every element is ``fill_value``, of its dtype or the given one."""
    def full_like(self, fill_value: Operand, dtype: AnyDtype | None = None) -> Variable:
        """``fill_value`` in the shape of ``model`` and its dtype, or the given one."""
    def ge(self, y: Operand, /) -> Variable:
        """x >= y, elementwise, element by element."""
    def get_parents(self) -> list[Apply]:
        """The application that made x, in a list; nothing for an input."""
    def get_scalar_constant_value(self) -> np.ndarray:
        """The 0-d array a variable is known to be: that of a constant with one element, repeated or not."""
    def get_vector_length(self) -> int:
        """The number of elements of a vector as an int; ValueError if the graph does not tell it, TypeError
        for other ranks."""
    def greater(self, y: Operand, /) -> Variable:
        """x > y, elementwise, element by element."""
    def greater_equal(self, y: Operand, /) -> Variable:
        """x >= y, elementwise, element by element."""
    def gt(self, y: Operand, /) -> Variable:
        """x > y, elementwise, element by element."""
    def horizontal_stack(self, *matrices: Operand) -> Variable:
        """Matrices side by side."""
    def hypot(self, y: Operand, /) -> Variable:
        """sqrt(x * x + y * y) without overflow; its gradient at 0 is 0, a subgradient, element by element."""
    def identity(self, dtype: AnyDtype | None = None) -> Variable:
        """The n by n identity matrix."""
    def identity_like(self, dtype: AnyDtype | None = None) -> Variable:
        """The identity matrix in the shape and dtype of matrix x."""
    @property
    def imag(self) -> Variable:
        """Zeros: tensors are real."""
    def inc_subtensor(
        self,
        y: Operand,
        inplace: bool = False,
        set_instead_of_inc: bool = False,
        tolerate_inplace_aliasing: bool = False,
        ignore_duplicates: bool = False,
    ) -> Variable:
        """The array that x was indexed from, with y added at the place of x; positions named twice are added
        to twice."""
    def inner(self, b: Operand) -> Variable:
        """The sum of products over the last axes of a and b."""
    def int_div(self, y: Operand, /) -> Variable:
        """floor of x / y; integers by 0 give 0, element by element."""
    def inv(self) -> Variable:
        """1 / x, element by element; ints give a float."""
    def inverse_permutation(self) -> Variable:
        """For each row (along the last axis) of 0 .. n - 1 in some order, where 0, 1, ... stand."""
    def invert(self, /) -> Variable:
        """bits turned over; logical not on bools, element by element."""
    def iround(self, mode: str | None = None) -> Variable:
        """``round`` as int64."""
    def is_flat(self, ndim: int = 1) -> bool:
        """Whether x has ``ndim`` dimensions, so that ``flatten(x, ndim)`` would change nothing."""
    def isclose(
        self,
        b: Operand,
        rtol: float = 1e-05,
        atol: float = 1e-08,
        equal_nan: bool = False,
    ) -> Variable:
        """Whether |a - b| <= atol + rtol * |b|, element by element; infinities are close to themselves, nan
        if ``equal_nan``."""
    def isfinite(self) -> Variable:
        """Whether x is neither nan nor inf nor -inf."""
    def isinf(self, /) -> Variable:
        """whether x is inf or -inf, element by element."""
    def isnan(self, /) -> Variable:
        """whether x is nan, element by element."""
    def join(self, *tensors: Operand) -> Variable:
        """``concatenate`` with the axis first: ``join(0, a, b)``."""
    def largest(self, *operands: Operand) -> Variable:
        """The largest of the operands, element by element."""
    def le(self, y: Operand, /) -> Variable:
        """x <= y, elementwise, element by element."""
    def left_shift(self, y: Operand, /) -> Variable:
        """x << y; 0 when y is negative or too large, element by element."""
    def less(self, y: Operand, /) -> Variable:
        """x < y, elementwise, element by element."""
    def less_equal(self, y: Operand, /) -> Variable:
        """x <= y, elementwise, element by element."""
    def log(self, /) -> Variable:
        """natural logarithm, element by element."""
    def log10(self, /) -> Variable:
        """logarithm to base 10, element by element."""
    def log1mexp(self) -> Variable:
        """log(1 - exp(x)) for x < 0, precise near 0 and far from it; its gradient at 0 is -inf."""
    def log1p(self, /) -> Variable:
        """log(1 + x), precise near 0, element by element."""
    def log2(self, /) -> Variable:
        """logarithm to base 2, element by element."""
    def logaddexp(self, y: Operand, /) -> Variable:
        """log(e ** x + e ** y) without overflow, element by element."""
    def logical_and(self, y: Operand) -> Variable:
        """Whether both are not 0, bool."""
    def logical_not(self) -> Variable:
        """Whether x is 0, bool."""
    def logical_or(self, y: Operand) -> Variable:
        """Whether either is not 0, bool."""
    def logical_xor(self, y: Operand) -> Variable:
        """Whether one but not the other is not 0, bool."""
    def logsumexp(self, axis: Axes = None, keepdims: bool = False) -> Variable:
        """log(sum(exp(x))) without overflow: the largest element is taken out first; -inf of nothing."""
    def lt(self, y: Operand, /) -> Variable:
        """x < y, elementwise, element by element."""
    def matmul(self, b: Operand) -> Variable:
        """The matrix product as ``a @ b``: leading axes of operands with more than 2 dimensions are batches
        that broadcast."""
    def max(self, axis: Axes = None, keepdims: bool = False) -> Variable:
        """The largest element, nan if any is nan; of nothing a ValueError (when the function runs)."""
    def max_and_argmax(self, axis: int | None = None, keepdims: bool = False) -> list[Variable]:
        """The list [max(x), argmax(x)]."""
    def maximum(self, y: Operand, /) -> Variable:
        """the maximum; nan if either is nan, element by element."""
    def mean(
        self,
        axis: Axes = None,
        dtype: AnyDtype | None = None,
        op: bool = False,
        keepdims: bool = False,
        acc_dtype: AnyDtype | None = None,
    ) -> Variable:
        """The arithmetic mean; nan of nothing."""
    def min(self, axis: Axes = None, keepdims: bool = False) -> Variable:
        """The smallest element, nan if any is nan; of nothing a ValueError (when the function runs)."""
    def minimum(self, y: Operand, /) -> Variable:
        """the minimum; nan if either is nan, element by element."""
    def mod(self, y: Operand, /) -> Variable:
        """x - floor(x / y) * y; integers by 0 give 0, element by element."""
    def moveaxis(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Variable:
        """x with axis ``source`` at place ``destination``, the others in their order."""
    def mul(self, y: Operand, /) -> Variable:
        """x * y; bools: and, element by element."""
    def multiply(self, y: Operand, /) -> Variable:
        """x * y; bools: and, element by element."""
    def neg(self, /) -> Variable:
        """-x, element by element."""
    def negative(self, /) -> Variable:
        """-x, element by element."""
    def neq(self, y: Operand, /) -> Variable:
        """x != y, elementwise, element by element."""
    def nonzero(self, return_matrix: bool = False) -> Any:
        """Where a is not 0: a tuple of int64 vectors, one per axis; or these as the rows of one matrix."""
    def nonzero_values(self) -> Variable:
        """The elements of a that are not 0, as a vector."""
    def norm(self, L: Any, axis: Axes = None, keepdims: bool = False) -> Variable:
        """The norm of order ``L``: (sum |x|**L)**(1/L); 0 counts what is not 0, inf and -inf are the extremes
        of |x|."""
    def not_equal(self, y: Operand, /) -> Variable:
        """x != y, elementwise, element by element."""
    def ones(self, dtype: AnyDtype | None = None) -> Variable:
        """Ones of ``shape``, of config.floatX or the given dtype."""
    def ones_like(self, dtype: AnyDtype | None = None, opt: bool = False) -> Variable:
        """Ones in the shape and dtype of ``model``, or the given dtype."""
    def or_(self, y: Operand, /) -> Variable:
        """x | y: bitwise, logical on bools, element by element."""
    def outer(self, y: Operand) -> Variable:
        """The products of each element of x with each of y (both flattened), a matrix."""
    def patternbroadcast(self, broadcastable: Sequence[bool]) -> Variable:
        """x with the given pattern: True where an axis is of size 1 (checked) and broadcasts."""
    def permute_row_elements(self, y: Operand, inverse: bool | int = 0) -> Variable:
        """The rows (along the last axis) of x, each with its elements in the order of its row of y: ``z[...,
        j] = x[..., y[..., j]]``."""
    def pow(self, y: Operand, /) -> Variable:
        """x ** y; ValueError for an integer to a negative power, element by element."""
    def power(self, y: Operand, /) -> Variable:
        """x ** y; ValueError for an integer to a negative power, element by element."""
    def prod(
        self,
        axis: Axes = None,
        dtype: AnyDtype | None = None,
        keepdims: bool = False,
        acc_dtype: AnyDtype | None = None,
        no_zeros_in_input: bool = False,
    ) -> Variable:
        """The product; 1 of nothing."""
    def ptp(self, axis: Axes = None) -> Variable:
        """The largest less the smallest element (peak to peak)."""
    def rad2deg(self) -> Variable:
        """Radians as degrees."""
    def ravel(self) -> Variable:
        """x as a vector, in C order."""
    def ravel_multi_index(self, dims: Operand, mode: str = 'raise', order: str = 'C') -> Variable:
        """The numbers, int64, of the elements at places ``multi_index`` (one integer array an axis) of an
        array of shape ``dims``."""
    @property
    def real(self) -> Variable:
        """x: tensors are real."""
    def reciprocal(self) -> Variable:
        """1 / x, element by element; ints give a float."""
    def remainder(self, y: Operand, /) -> Variable:
        """x - floor(x / y) * y; integers by 0 give 0, element by element."""
    def repeat(self, repeats: Operand, axis: int | None = None) -> Variable:
        """Each element repeated ``repeats`` times along ``axis`` (None: of x flattened)."""
    def reshape(self, newshape: Operand, ndim: int | None = None) -> Variable:
        """The elements of x in C order under another shape of as many elements."""
    def right_shift(self, y: Operand, /) -> Variable:
        """x >> y; the sign alone when y is negative or too large, element by element."""
    def roll(self, shift: Operand, axis: int | None = None) -> Variable:
        """x with its elements moved ``shift`` places along ``axis`` (None: of x flattened), the last ones to
        the front."""
    def round(self, mode: str | None = None) -> Variable:
        """The nearest integer, in the dtype of x; halves go to the even one ('half_away_from_zero': away from
        zero)."""
    def round_half_away_from_zero(self) -> Variable:
        """The nearest integer, in the dtype of x; halves go away from zero."""
    def round_half_to_even(self) -> Variable:
        """The nearest integer, in the dtype of x; halves go to the even one."""
    def scalar_from_tensor(self) -> Variable:
        """x, which must have no dimensions (TypeError)."""
    def searchsorted(self, v: Operand, side: str = 'left', sorter: Operand | None = None) -> Variable:
        """Where each of v would be put into the sorted vector x: before equal elements ('left') or after them
        ('right'); int64."""
    def second(self, value: Operand) -> Variable:
        """``value`` repeated to the shape of ``model``, in the dtype of ``value`` (a Python number: of both
        together)."""
    def set_subtensor(
        self,
        y: Operand,
        inplace: bool = False,
        tolerate_inplace_aliasing: bool = False,
    ) -> Variable:
        """The array that x was indexed from, with y in the place of x."""
    def sgn(self, /) -> Variable:
        """-1, 0 or 1; nan of nan, element by element."""
    @property
    def shape(self) -> Variable:
        """The sizes of x as an int64 vector."""
    def shape_padaxis(self, axis: int) -> Variable:
        """x with one new axis of size 1 at place ``axis`` of the result."""
    def shape_padleft(self, n_ones: int = 1) -> Variable:
        """x with n_ones axes of size 1 before its own."""
    def shape_padright(self, n_ones: int = 1) -> Variable:
        """x with n_ones axes of size 1 after its own."""
    def sigmoid(self, /) -> Variable:
        """1 / (1 + e ** -x), element by element."""
    def sign(self, /) -> Variable:
        """-1, 0 or 1; nan of nan, element by element."""
    def sin(self, /) -> Variable:
        """sine, element by element."""
    def sinh(self, /) -> Variable:
        """hyperbolic sine, element by element."""
    @property
    def size(self) -> Variable:
        """The number of elements of x, an int64 scalar."""
    def smallest(self, *operands: Operand) -> Variable:
        """The smallest of the operands, element by element."""
    def softplus(self, /) -> Variable:
        """log(1 + e ** x) without overflow, element by element."""
    def sort(self, axis: int | None = -1, kind: str = 'quicksort', order: None = None) -> Variable:
        """x in ascending order along ``axis`` (None: of x flattened), nan last."""
    def specify_shape(self, shape: Operand) -> Variable:
        """x, of which ``shape`` says the sizes: ints, which the type knows from here on, integer scalars,
        None for those left open."""
    def split(self, splits_size: Operand, n_splits: int, axis: int = 0) -> list[Variable]:
        """A list of n_splits parts of x along ``axis``, of the sizes in the vector or list ``splits_size``;
        they must add up."""
    def sqr(self, /) -> Variable:
        """x * x, element by element."""
    def sqrt(self, /) -> Variable:
        """square root; the gradient of a norm, the root of a sum of squares, is 0 at 0, element by
        element."""
    def square(self, /) -> Variable:
        """x * x, element by element."""
    def squeeze(self, axis: Axes = None) -> Variable:
        """x without its axes of size 1: those the type knows, or the given ones (then checked when the
        function runs)."""
    def stack(self, *tensors: Operand, axis: int | None = None) -> Variable:
        """Arrays of one shape along a new axis at place ``axis`` of the result: ``stack([a, b], axis)`` or
        ``stack(a, b)``."""
    def stacklists(self) -> Variable:
        """A nested list of arrays as one array, each level of the list one new axis."""
    def std(
        self,
        axis: Axes = None,
        ddof: Operand = 0,
        keepdims: bool = False,
        corrected: bool = False,
    ) -> Variable:
        """The standard deviation, the square root of ``var``; its gradient is 0 where all elements are
        equal."""
    def sub(self, y: Operand, /) -> Variable:
        """x - y, element by element."""
    def subtract(self, y: Operand, /) -> Variable:
        """x - y, element by element."""
    def sum(
        self,
        axis: Axes = None,
        dtype: AnyDtype | None = None,
        keepdims: bool = False,
        acc_dtype: AnyDtype | None = None,
    ) -> Variable:
        """The sum; 0 of nothing."""
    def swapaxes(self, axis1: int, axis2: int) -> Variable:
        """x with two axes exchanged."""
    def switch(self, ift: Operand, iff: Operand) -> Variable:
        """ift where cond is not 0, else iff, element by element; both are computed."""
    def take(self, indices: Operand, axis: int | None = None, mode: str = 'raise') -> Variable:
        """The elements of a at ``indices`` (integers of any rank) along ``axis`` (None: of a flattened)."""
    def tan(self, /) -> Variable:
        """tangent, element by element."""
    def tanh(self, /) -> Variable:
        """hyperbolic tangent, element by element."""
    def tensor_copy(self, name: str | None = None) -> Variable:
        """x as another variable (``x.copy()``): same type, same values."""
    def tensor_from_scalar(self) -> Variable:
        """x, which must have no dimensions (TypeError)."""
    def tensordot(self, b: Operand, axes: int | Sequence[Any] = 2) -> Variable:
        """The sum of products over pairs of axes: the last ``axes`` of a with the first of b, or two lists of
        axes."""
    def tile(self, reps: Operand, ndim: int | None = None) -> Variable:
        """x repeated as a whole reps[a] times along axis a; missing axes of x or of reps are added on the
        left."""
    def to_one_hot(self, nb_class: Operand, dtype: AnyDtype | None = None) -> Variable:
        """A matrix with one row an element of the integer vector y and ``nb_class`` columns: 1 in the column
        y says, else 0."""
    def topk(
        self,
        kth: Operand,
        axis: int | None = -1,
        sorted: bool = True,
        idx_dtype: AnyDtype = 'int64',
    ) -> Variable:
        """The ``kth`` largest elements along ``axis``, see ``argtopk``."""
    def topk_and_argtopk(
        self,
        kth: int,
        axis: int | None = -1,
        sorted: bool = True,
        idx_dtype: AnyDtype = 'int64',
    ) -> list[Variable]:
        """The list [topk(...), argtopk(...)]."""
    def trace(self) -> Variable:
        """The sum of the main diagonal of a matrix."""
    def transfer(self, target: Any) -> Variable:
        """x, the only place being the CPU; ValueError for another target."""
    def transpose(self, *axes: Any) -> Variable:
        """The axes reversed, or in the order ``axes`` (ints, or one list of them)."""
    def tri(self, m: Operand | None = None, k: Operand = 0, dtype: AnyDtype | None = None) -> Variable:
        """n by m (default n): ones on and below the k-th diagonal, zeros above."""
    def tril(self, k: Operand = 0) -> Variable:
        """Matrices with zeros above the k-th diagonal, of the dtype of m."""
    def triu(self, k: Operand = 0) -> Variable:
        """Matrices with zeros below the k-th diagonal, of the dtype of m."""
    def true_div(self, y: Operand, /) -> Variable:
        """x / y in floats, element by element."""
    def true_divide(self, y: Operand, /) -> Variable:
        """x / y in floats, element by element."""
    def trunc(self, /) -> Variable:
        """x without its fraction, element by element."""
    def unbroadcast(self, *axes: int) -> Variable:
        """x whose axes do not broadcast, even if they are of size 1."""
    def unique(
        self,
        return_index: bool = False,
        return_inverse: bool = False,
        return_counts: bool = False,
        axis: int | None = None,
    ) -> Any:
        """The different elements of x (flattened) in ascending order, nan once; or a list of these and what
        is asked for."""
    def unravel_index(self, dims: Operand, order: str = 'C') -> tuple[Variable, ...]:
        """The places, one int64 array an axis, of elements number ``indices`` in an array of shape ``dims``;
        a tuple."""
    def var(
        self,
        axis: Axes = None,
        ddof: Operand = 0,
        keepdims: bool = False,
        corrected: bool = False,
    ) -> Variable:
        """The variance: the mean of (x - mean)**2, divided by n - ddof."""
    def vdot(self, b: Operand) -> Variable:
        """The sum of products of all elements."""
    def vertical_stack(self, *matrices: Operand) -> Variable:
        """Matrices one below the other."""
    def xlogx(self) -> Variable:
        """x * log(x), element by element, and 0 where x is 0: the terms of an entropy."""
    def xor(self, y: Operand, /) -> Variable:
        """x ^ y: bitwise, logical on bools, element by element."""
    def zeros(self, dtype: AnyDtype | None = None) -> Variable:
        """Zeros of ``shape``, of config.floatX or the given dtype."""
    def zeros_like(self, dtype: AnyDtype | None = None, opt: bool = False) -> Variable:
        """Zeros in the shape and dtype of ``model``, or the given dtype."""
