"""The check of one argument, and the generated first line of a call: exact arrays and numbers pass without
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import config
from tgen.core.dtypes import DTYPE, is_float
from tgen.errors import shown
from tgen.graph.nodes import Variable

if TYPE_CHECKING:
    from .call import Called

# beyond it a float is infinite in float32, which the filter makes it
_MOST = float(np.finfo("float32").max)


class Check:
    """check(value) -> the array (rank >= 1) or Python number (rank 0) the call can use, or a TypeError that
    names the input.
    """

    def __init__(
        self,
        variable: Variable,
        index: int,
        function_name: str,
        strict: bool = False,
        allow_downcast: bool | None = None,
    ) -> None:
        self.variable, self.type, self.index, self.function_name = (
            variable,
            variable.type,
            index,
            function_name,
        )
        self.strict, self.allow_downcast = strict, allow_downcast
        self.number = None if strict or self.type.ndim else np.dtype(self.type.dtype).type
        self.low, self.high, self.convert = _int_range(self.type.dtype)

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        if self.number is not None:
            if kind is int and self.low <= value <= self.high:
                return self.convert(value)
            if kind is self.number:
                return value
            if (
                kind is float
                and self.allow_downcast is None
                and self.type.dtype == config.floatX
                and -_MOST <= value <= _MOST
            ):
                return value
        return self._filter(value)

    def _filter(self, value: object) -> Any:
        if isinstance(value, Variable):
            raise TypeError(
                self._message(
                    "Expected an array-like object, but found a Variable: "
                    f"{value!s:.80}; a symbolic value goes into givens= when the "
                    "function is made, "
                    "and a shared variable's value is s.get_value()"
                )
            )
        try:
            data = self.type.filter(value, self.strict, self.allow_downcast)
        except TypeError as error:
            raise TypeError(self._message(str(error))) from None
        return np.asarray(data) if self.type.ndim else data.item()

    def _message(self, text: str) -> str:
        v = self.variable
        name = f" {repr(v.name[:80])}" if v.name else ""
        made = f" (the input was made at {v.where[0]}:{v.where[1]})" if v.where else ""
        return (
            f'Bad input argument{name} to tgen function with name "{shown(self.function_name)}" at index '
            f"{self.index} (0-based): {text}{made}"
        )


def _int_range(dtype: str) -> tuple[int | float, int | float, type[int] | type[float]]:
    """(low, high, convert): which Python ints go into ``dtype`` exactly, and as which number."""
    record = DTYPE[dtype]
    if record.kind == "b":
        return 1, 0, int
    if record.kind == "f":
        return -(1 << record.exact), 1 << record.exact, float
    return record.low, record.high, int


def fast_call(
    checks: Sequence[Check], executable: Called, keys: Sequence[str] | None, unpack: bool
) -> Callable[[tuple[Any, ...]], Any]:
    """call(values) for a tuple with one value per check: what passes as it is costs a few type tests, the
    rest goes to its check.

    The result is what the function returns: the array itself (``unpack``), a dict over ``keys``, or the list.
    Written as source and compiled once per function: a loop over the checks costs 60 ns per input more.
    """
    names = [f"a{i}" for i in range(len(checks))]
    packed = f"({', '.join(names)}{',' if names else ''})"
    space: dict[str, Any] = {"executable": executable, "ndarray": np.ndarray, "keys": keys}
    lines = [f"    {packed} = values"] if names else []
    for i, check in enumerate(checks):
        space[f"check{i}"] = check
        lines.append(f"    if {_test(i, check, space)}: a{i} = check{i}(a{i})")
    result = f"executable({packed})"
    if keys is not None:
        result = f"dict(zip(keys, {result}))"
    elif unpack:
        result += "[0]"
    exec("\n".join(["def call(values):", *lines, f"    return {result}"]), space)
    # left in, it would refer to itself and keep the library loaded until a collection
    return space.pop("call")


def _test(i: int, check: Check, space: dict[str, Any]) -> str:
    """The condition under which value i needs its check: it is not the very thing the entry takes."""
    if check.type.ndim == 0:
        return _number_test(i, check, space)
    space[f"dtype{i}"] = np.dtype(check.type.dtype)
    tests = [
        f"type(a{i}) is not ndarray",
        f"a{i}.dtype is not dtype{i}",
        f"a{i}.ndim != {check.type.ndim}",
        f"not a{i}.flags.aligned",
    ]
    tests += [
        f"a{i}.shape[{axis}] != {size}" for axis, size in enumerate(check.type.shape) if size is not None
    ]
    return " or ".join(tests)


def _number_test(i: int, check: Check, space: dict[str, Any]) -> str:
    dtype = check.type.dtype
    if check.strict:
        return "True"
    if dtype == "float64":
        space["float64"] = np.float64  # a subclass of float: C takes it as it is
        return f"type(a{i}) is not float and type(a{i}) is not float64"
    if dtype == "bool":
        return f"type(a{i}) is not bool"
    if is_float(dtype):
        space[f"number{i}"] = check.number
        return f"type(a{i}) is not number{i}"
    return f"type(a{i}) is not int or not {check.low} <= a{i} <= {check.high}"
