"""as_op: a function of arrays as an op."""

import sys
from operator import attrgetter

from tgen.core.types import TensorType

from .op import Op


class FromFunctionOp(Op):
    """What ``as_op`` makes of a function: the function computes the outputs' arrays from the
    inputs' arrays.
    """

    def __init__(self, fn, itypes, otypes, infer_shape=None):
        self._fn, self.itypes, self.otypes, self._infer_shape = fn, itypes, otypes, infer_shape
        if infer_shape is not None:
            self.infer_shape = infer_shape
        self.__doc__, self.__module__, self.__name__ = (
            fn.__doc__,
            fn.__module__,
            getattr(fn, "__name__", "function"),
        )

    def __eq__(self, other):
        return type(self) is type(other) and self._fn == other._fn

    def __hash__(self):
        return hash((type(self), self._fn))

    def __str__(self):
        return f"FromFunctionOp{{{self.__name__}}}"

    def perform(self, node, inputs, output_storage):
        results = self._fn(*inputs)
        results = results if isinstance(results, (list, tuple)) else (results,)
        if len(results) != len(output_storage):
            raise ValueError(
                f"{self} declares {len(output_storage)} outputs; its function returned {len(results)}"
            )
        for cell, result in zip(output_storage, results):
            cell[0] = result

    def __reduce__(self):
        """By its name where the decorated function's name means this op; otherwise the function must have
        one.
        """
        name = getattr(self._fn, "__qualname__", "")
        try:
            found = attrgetter(name)(sys.modules[self.__module__])
        except (AttributeError, KeyError):
            found = None
        return (
            name
            if found is self
            else (FromFunctionOp, (self._fn, self.itypes, self.otypes, self._infer_shape))
        )


def as_op(itypes, otypes, infer_shape=None):
    """A decorator that makes an op (without gradient) of a function of arrays.

    itypes, otypes   the types of its inputs and outputs: a list of types, or one
    infer_shape      infer_shape(node, input_shapes) -> a list of shapes, if sizes are to be known before it
                     runs

    TypeError for what is no type.

    >>> import tgen, tgen.tensor as T
    >>> @tgen.as_op(itypes=[T.dvector], otypes=[T.lscalar])
    ... def rises(x):
    ...     return (x[1:] > x[:-1]).sum()
    >>> x = T.dvector("x")
    >>> tgen.function([x], rises(x))([1, 3, 2, 5])
    array(2)
    """
    itypes, otypes = (list(t) if isinstance(t, (list, tuple)) else [t] for t in (itypes, otypes))
    for name, types in (("itypes", itypes), ("otypes", otypes)):
        wrong = [t for t in types if not isinstance(t, TensorType)]
        if wrong:
            raise TypeError(f"{name} has to be a list of types, such as [T.dmatrix]; got {wrong[0]!r}")

    def make(fn):
        return FromFunctionOp(fn, itypes, otypes, infer_shape)

    return make
