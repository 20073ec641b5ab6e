"""What a Variable's operators, methods and properties call: METHODS, filled here with functions of this
package.

Gradients (graph, ops) look functions up here too, so it holds more than methods.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.op import METHODS
from tgen.graph.nodes import Variable

from . import (
    counting,
    creation,
    diagonals,
    einsum,
    elemwise,
    indexing,
    join,
    linalg,
    manipulate,
    math,
    numpyfunctions,
    positions,
    promotion,
    reduce,
    sorting,
    subtensor,
    variable,
)

if TYPE_CHECKING:
    from tgen.core.types import AnyDtype
    from tgen.graph.nodes import Apply, Operand

_MODULES = (
    counting,
    creation,
    diagonals,
    einsum,
    indexing,
    join,
    linalg,
    manipulate,
    math,
    positions,
    reduce,
    sorting,
    subtensor,
)
_UFUNCS = {
    "subtract": "sub",
    "multiply": "mul",
    "divide": "true_div",
    "true_divide": "true_div",
    "floor_divide": "int_div",
    "remainder": "mod",
    "power": "pow",
    "negative": "neg",
    "absolute": "abs",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "bitwise_and": "and_",
    "bitwise_or": "or_",
    "bitwise_xor": "xor",
    "rint": "round",
    "square": "sqr",
    "sign": "sgn",
}


def array_ufunc(ufunc: np.ufunc, method: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What ``np.exp(x)`` or ``array * x`` gives for a variable x: the symbolic function of that name.

    ``array == x`` asks whether they are one object, as ``x == array`` does: False. TypeError for NumPy
    functions without a symbolic twin, for their methods (np.add.reduce) and options (out=, where=).
    """
    if ufunc.__name__ in ("equal", "not_equal") and method == "__call__":
        return ufunc.__name__ == "not_equal"
    function = METHODS.get(_UFUNCS.get(ufunc.__name__, ufunc.__name__))
    if function is None or method != "__call__" or options:
        call = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
        raise TypeError(
            f"{call} has no symbolic form{' with ' + ', '.join(options) if options else ''}; use "
            "the functions of tgen.tensor"
        )
    return function(*operands)


def astype(x: Variable, dtype: AnyDtype) -> Variable:
    """x in another dtype, see ``T.cast``."""
    return promotion.cast(x, dtype)


def clone(x: Variable, name: str | None = None) -> Variable:
    """A fresh variable of the type of x, without its owner."""
    return Variable(x.type, x.name if name is None else name)


def get_parents(x: Variable) -> list[Apply]:
    """The application that made x, in a list; nothing for an input."""
    return [] if x.owner is None else [x.owner]


def clip(x: Operand, a_min: Operand, a_max: Operand) -> Variable:
    """x held between a_min and a_max, see ``T.clip``."""
    return elemwise.FUNCTIONS["clip"](x, a_min, a_max)


def _property(function):
    @functools.wraps(function)
    def read(x):
        return function(x)

    read.is_property = True
    return read


def fill_methods() -> None:
    """Enter every public function, then the names that differ as methods."""
    METHODS.update(elemwise.FUNCTIONS)
    METHODS.update(
        switch=elemwise.switch,
        where=elemwise.switch,
        cast=promotion.cast,
        astype=astype,
        second=creation.fill,
    )
    for module in _MODULES:
        METHODS.update(
            {name: getattr(module, name) for name in module.__all__ if callable(getattr(module, name))}
        )
    METHODS.update(
        {
            "copy": manipulate.tensor_copy,
            "clone": clone,
            "get_parents": get_parents,
            "clip": clip,
            "__getitem__": indexing.getitem,
            "__iter__": indexing.iterate,
            "__array_ufunc__": array_ufunc,
            "__array_function__": numpyfunctions.array_function,
            "as_tensor_variable": variable.as_tensor_variable,
            "get_scalar_constant_value": variable.get_scalar_constant_value,
            "T": _property(manipulate.transpose),
            "shape": _property(manipulate.shape),
            "size": _property(manipulate.size),
            "real": _property(math.real),
            "imag": _property(math.imag),
        }
    )


fill_methods()
