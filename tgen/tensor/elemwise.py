"""One function per scalar primitive: operands promoted and cast, ranks padded on the left, then the op
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MethodType
from typing import TYPE_CHECKING

from tgen.config import config
from tgen.core.dtypes import is_float
from tgen.core.op import OPS, SCALAR, Op
from tgen.graph.nodes import apply_op

from .apply import apply, pad, set_weak
from .promotion import convert, settle
from .variable import as_tensor_variable

if TYPE_CHECKING:  # Theano has an Any here, which this module must not hide
    from typing import Any

    from tgen.core.types import TensorType
    from tgen.graph.nodes import Operand, Variable

_APART = ("cast", "switch", "copy")  # cast is in promotion.py, switch below, and copy the IR's alone
VARIADIC = ("add", "mul", "and_", "or_", "xor", "maximum", "minimum")
_PLAIN_NAMES = ("sigmoid", "softplus")  # Theano prints these scalar ops without Elemwise{}
_NO_BOOL = {"sub": "T.logical_xor (or T.xor)", "neg": "T.invert (~x)"}


class _IsElemwise(type):
    """``isinstance(node.op, Elemwise)`` holds for the scalar primitives that a graph has in the place of
    these functions, and for the user's scalar ops.
    """

    def __instancecheck__(cls, x: object) -> bool:
        return (
            type.__instancecheck__(cls, x)
            or isinstance(x, Op)
            and x.kind == SCALAR
            or getattr(x, "elementwise", False)
        )

    def __call__(
        cls,
        scalar_op: Any,
        inplace_pattern: Any = None,
        name: Any = None,
        nfunc_spec: Any = None,
        openmp: Any = None,
    ) -> Elemwise:
        """``Elemwise(scalar_op)`` of Theano's programs: what they give works element by element already."""
        if isinstance(scalar_op, str):
            return super().__call__(scalar_op)
        if not isinstance(scalar_op, Elemwise):
            raise TypeError(
                f"Elemwise takes a scalar op, such as one of a class derived from ScalarOp; got {scalar_op!r}"
            )
        return scalar_op


class Elemwise(metaclass=_IsElemwise):
    """A function of variables that works element by element, such as ``T.tanh``.

    Operands may be variables, numbers, arrays. Result shape: operands are padded on the left with axes of
    size 1, and an axis that is 1 *in the type* broadcasts; sizes that differ are a ValueError (here if both
    are static, else when the function runs). Result dtype: NumPy 2's promotion, Python numbers weak;
    TypeError where the function has no meaning for a dtype. Two instances of one name are one object, also
    after pickling.

    >>> import pickle
    >>> tanh = elemwise("tanh")
    >>> tanh(1.0).dtype, str(tanh), pickle.loads(pickle.dumps(tanh)) is tanh
    ('float64', 'Elemwise{tanh,no_inplace}', True)
    """

    def __init__(self, name: str) -> None:
        self.name, self.op, self._known = name, OPS[name], {}
        self.__name__ = self.__qualname__ = name
        self.__doc__ = f"{self.op.doc}, element by element.\n\n{type(self).__doc__.split(chr(10), 2)[2]}"

    def __call__(self, *operands: Operand) -> Variable:
        if self.name in VARIADIC and len(operands) > 2:
            first, *rest = operands
            for other in rest:
                first = self(first, other)
            return first
        variables = [as_tensor_variable(x) for x in operands]
        dtypes, weak = self.dtypes([v.type for v in variables])
        ranks = [len(v.type.shape) for v in variables]
        variables = [v if v.type.dtype == dtype else convert(v, dtype) for v, dtype in zip(variables, dtypes)]
        if len(set(ranks)) > 1:
            variables = [pad(v, max(ranks)) for v in variables]
        return set_weak(apply_op(self.op, variables)[0], weak)

    def dtypes(self, types: Sequence[TensorType]) -> tuple[tuple[str, ...], bool]:
        """(operand dtypes the op takes, whether the result is weak)."""
        key = config.floatX, *[(t.dtype, t.weak) for t in types]
        if key not in self._known:
            self._known[key] = self._dtypes(types)
        return self._known[key]

    def _dtypes(self, types: Sequence[TensorType]) -> tuple[tuple[str, ...], bool]:
        dtypes, weak = settle(types)
        if self.name in _NO_BOOL and all(d == "bool" for d in dtypes):
            raise TypeError(
                f"{self.name} of bools has no meaning; use {_NO_BOOL[self.name]}, or cast to a number first"
            )
        operands, result = self.op.rule(dtypes)
        if is_float(result) and not any(map(is_float, dtypes)) and (weak or self.name == "true_div"):
            operands, result = self.op.rule([config.floatX] * len(dtypes))
        return operands, weak

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __eq__(self, other: object) -> bool:
        """``node.op == T.add``: a graph has the primitive in the place of the function."""
        return other is self or other is self.op

    def __hash__(self) -> int:
        return hash(self.op)

    def __str__(self) -> str:
        return self.name if self.name in _PLAIN_NAMES else f"Elemwise{{{self.name},no_inplace}}"

    __repr__ = __str__

    def __reduce__(self) -> Any:
        return elemwise, (self.name,)

    __copy__ = __deepcopy__ = lambda self, memo=None: self


FUNCTIONS = {
    name: Elemwise(name)
    for name, op in OPS.items()
    if op.kind == SCALAR and name not in _APART and not op.identity
}


def elemwise(name: str) -> Elemwise:
    """The function of scalar primitive ``name``; KeyError if there is none."""
    return FUNCTIONS[name]


class Switch(Elemwise):
    """ift where cond is not 0, else iff, element by element; both are computed.

    The dtype is that of ift and iff together; cond may have any dtype. Shapes broadcast as in ``T.add``.

    >>> switch(as_tensor_variable(1), 1, 0.5).dtype
    'float64'
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__doc__ = type(self).__doc__

    def __call__(self, cond: Operand, ift: Operand, iff: Operand) -> Variable:
        cond, ift, iff = map(as_tensor_variable, (cond, ift, iff))
        if cond.type.dtype != "bool":
            cond = FUNCTIONS["neq"](cond, 0)
        dtypes, weak = settle([ift.type, iff.type])
        (_, first, second), _ = self.op.rule(["bool", *dtypes])
        ndim = max(cond.type.ndim, ift.type.ndim, iff.type.ndim)
        operands = (pad(v, ndim) for v in (cond, convert(ift, first), convert(iff, second)))
        return apply("switch", *operands, weak=weak)

    def __reduce__(self) -> Any:
        return self.name


switch = Switch("switch")
where = switch


def boolean(x: Operand) -> Variable:
    """x as a bool tensor: whether each element is not 0."""
    x = as_tensor_variable(x)
    if x.type.dtype == "bool":
        return x if not x.type.weak else set_weak(apply("cast", x, dtype="bool"), False)
    return FUNCTIONS["neq"](x, 0)
