"""The methods of variables: the functions of tgen.tensor, above this room, found by name when they are asked
for. For checkers and editors methods.pyi has them, which tools/stubs.py writes.
"""

from __future__ import annotations

from typing import Any

from tgen.core.op import METHODS


class Methods:
    """``x.sum()`` is ``T.sum(x)``, ``x.T`` is ``T.transpose(x)``: attributes that the class does not have are
    functions of METHODS, or properties.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        method = METHODS.get(name)
        if method is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} {self} has no attribute {name!r}")
        if getattr(method, "is_property", False):
            return method(self)
        return method.__get__(self)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)) | {name for name in METHODS if not name.startswith("_")})
