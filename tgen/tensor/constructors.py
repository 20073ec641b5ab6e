"""Input variables: ``T.matrix('x')``, ``T.dscalars('xy')``, ``T.tensor('float32', shape=(None, 784))``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tgen.config import config
from tgen.core.dtypes import DTYPES
from tgen.core.types import TensorType

from .promotion import as_dtype

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype
    from tgen.graph.nodes import Variable

_SHAPES = {
    "scalar": (),
    "vector": (None,),
    "row": (1, None),
    "col": (None, 1),
    "matrix": (None, None),
    **{f"tensor{n}": (None,) * n for n in range(3, 8)},
}
_PLURALS = {
    "scalar": "scalars",
    "vector": "vectors",
    "row": "rows",
    "col": "cols",
    "matrix": "matrices",
    **{f"tensor{n}": f"tensor{n}s" for n in range(3, 8)},
}
_PREFIXES = {
    "b": "int8",
    "w": "int16",
    "i": "int32",
    "l": "int64",
    "ub": "uint8",
    "uw": "uint16",
    "ui": "uint32",
    "ul": "uint64",
    "f": "float32",
    "d": "float64",
}


def tensor(
    *args: Any,
    name: str | None = None,
    dtype: AnyDtype | None = None,
    shape: Sequence[Any] | None = None,
    broadcastable: Sequence[bool] | None = None,
) -> Variable:
    """A variable of any type: ``tensor(dtype, shape, name)``, or a name first and the rest by keyword.

    ``shape`` has an int or None per axis (booleans are a broadcast pattern). The dtype is config.floatX by
    default. TypeError for a dtype tensors do not have.

    >>> tensor("float32", shape=(None, 784)).type
    TensorType(float32, shape=(?, 784))
    >>> tensor("x", dtype="int8", shape=(None,))
    x
    """
    rest = list(args)
    if rest and isinstance(rest[0], str) and rest[0] not in DTYPES + ("floatX",) and dtype is not None:
        name = rest.pop(0)
    if rest and dtype is None:
        dtype = rest.pop(0)
    if rest and shape is None and broadcastable is None:
        shape = rest.pop(0)
    if rest and name is None:
        name = rest.pop(0)
    if rest:
        raise TypeError(f"tensor(dtype, shape, name) got {rest[0]!r} too much")
    shape = broadcastable if shape is None else shape
    return TensorType(as_dtype(dtype or "floatX"), shape or ())(name)


def _of_floatX(rank: str) -> Callable[..., Variable]:
    def make(name=None, dtype=None):
        return TensorType(as_dtype(dtype or config.floatX), _SHAPES[rank])(name)

    make.__name__ = make.__qualname__ = rank
    make.__module__ = "tgen.tensor.tables"  # where a pickle finds it
    make.__doc__ = f"A {rank} variable, of dtype config.floatX or the given one."
    return make


class Several:
    """``matrices('ab')``, ``matrices('a', 'b')`` or ``matrices(2)``: variables at once, as a list (of one
    name: the variable).

    >>> plural("vectors")(3)
    [<TensorType(float64, vector)>, <TensorType(float64, vector)>, <TensorType(float64, vector)>]
    """

    def __init__(self, one: Callable[..., Variable], name: str) -> None:
        self.one, self.__name__ = one, name

    def __call__(self, *names: Any, **options: Any) -> Any:
        if not names:
            raise TypeError(
                f"{self.__name__} wants names or a number: {self.__name__}('xy'), {self.__name__}(2)"
            )
        if isinstance(names[0], int):
            return [self.one(**options) for _ in range(names[0])]
        if len(names) == 1:
            names = names[0]
        if len(names) == 1:
            return self.one(names[0], **options)
        return [self.one(name, **options) for name in names]

    def __reduce__(self) -> tuple[Any, ...]:
        return plural, (self.__name__,)

    def __repr__(self) -> str:
        return self.__name__


SINGLE: dict[str, Callable[..., Variable]] = {rank: _of_floatX(rank) for rank in _SHAPES}
SINGLE |= {
    prefix + rank: TensorType(dtype, shape)
    for prefix, dtype in _PREFIXES.items()
    for rank, shape in _SHAPES.items()
}
PLURAL = {
    prefix + _PLURALS[rank]: Several(SINGLE[prefix + rank], prefix + _PLURALS[rank])
    for prefix in ("", *_PREFIXES)
    for rank in _SHAPES
}


def plural(name: str) -> Several:
    """The constructor of several variables called ``name``."""
    return PLURAL[name]
