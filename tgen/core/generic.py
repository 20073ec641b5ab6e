"""GenericType: the type of a shared variable that holds a Python object, and the record that keeps the
object.
"""

import copy
import itertools
import threading
from typing import Any, NoReturn

_counter = itertools.count(1)


class GenericType:
    """Any Python object. No op of tgen takes one; only shared variables have this type.

    >>> from tgen import shared
    >>> shared([1, 2]).type
    <Generic object>
    """

    __slots__ = ()
    dtype = property(lambda self: _no_tensor("dtype"))
    ndim = property(lambda self: _no_tensor("ndim"))
    broadcastable = property(lambda self: _no_tensor("broadcastable"))

    def filter(self, value: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        return value

    def __repr__(self) -> str:
        return "<Generic object>"

    def __eq__(self, other: object) -> bool:
        return type(other) is GenericType

    def __hash__(self) -> int:
        return hash(GenericType)


GENERIC = GenericType()


def _no_tensor(name: str) -> NoReturn:
    raise AttributeError(
        f"a generic shared variable holds a Python object and has no {name}; make the "
        "object an array first: shared(numpy.asarray(value))"
    )


class ObjectStorage:
    """What core.storage.Storage is for arrays: the current object, changed and copied under a lock."""

    def __init__(self, value: Any, borrow: bool = False) -> None:
        self._lock = threading.RLock()
        self.id = next(_counter)
        self._value = value if borrow else copy.deepcopy(value)

    def get(self, borrow: bool = False) -> Any:
        with self._lock:
            return self._value if borrow else copy.deepcopy(self._value)

    def set(self, value: Any, borrow: bool = False) -> None:
        value = value if borrow else copy.deepcopy(value)
        with self._lock:
            self._value = value
