"""SharedVariable: a variable with a value that lasts between calls, and that functions may update."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, NoReturn, Self

import numpy as np

from tgen.core.generic import GenericType, ObjectStorage
from tgen.core.storage import Storage

from .nodes import Variable
from .operators import Operators


class Container:
    """The place of a shared variable's value; variables made by ``clone`` have the same one.

    ``value`` reads the live value (as ``get_value(borrow=True)``) and sets a new one through the filter.
    """

    __slots__ = ("type", "name", "storage", "strict", "allow_downcast", "__weakref__")

    def __init__(
        self,
        type: Any,
        value: Any,
        name: str | None = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        borrow: bool = False,
    ) -> None:
        self.type, self.name, self.strict, self.allow_downcast = type, name, strict, allow_downcast
        make = ObjectStorage if isinstance(type, GenericType) else Storage
        self.storage = make(self.filter(value), borrow)

    type: Any
    name: str | None
    storage: Storage | ObjectStorage
    strict: bool
    allow_downcast: bool | None

    @property
    def _shown(self) -> str:
        return repr(self.name and self.name[:80])

    def filter(self, value: Any) -> Any:
        """``value`` as the type's array; a TypeError that names the container otherwise."""
        if isinstance(value, Variable):
            raise TypeError(
                f"Expected an array-like object, but found a Variable: {value}; use updates= or "
                f"givens= of a function. Container name {self._shown}"
            )
        try:
            return self.type.filter(value, self.strict, self.allow_downcast)
        except TypeError as error:
            raise TypeError(f"{error} Container name {self._shown}") from None

    def get(self, borrow: bool = False) -> Any:
        return self.storage.get(borrow)

    def set(self, value: Any, borrow: bool = False) -> None:
        self.storage.set(self.filter(value), borrow)

    @property
    def value(self) -> Any:
        return self.storage.get(True)

    @value.setter
    def value(self, value: Any) -> None:
        self.set(value)

    data = value

    def __repr__(self) -> str:
        return f"<{self._shown}: {self.type}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Container, (self.type, self.storage.get(), self.name, self.strict, self.allow_downcast, True)


class SharedVariable(Variable):
    """A variable whose value is kept between calls. Make one with ``tgen.shared``.

    ``default_update`` is the update a function that reads the variable makes unless told otherwise. A
    ``container`` is an existing place for the value, to be given instead of ``value`` (both: TypeError).

    >>> from tgen import shared
    >>> s = shared(1.5, "s")
    >>> s.set_value(2)
    >>> s, s.type, s.get_value()
    (s, TensorType(float64, scalar), array(2.))
    """

    __slots__ = ("container", "default_update")

    def __init__(
        self,
        name: str | None,
        type: Any,
        value: Any = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        container: Container | None = None,
        borrow: bool = False,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a shared variable must be a string; got {name!r}")
        if container is not None and (value is not None or strict):
            raise TypeError("value and strict cannot be given with container: the container has them")
        super().__init__(type, name)
        self.default_update = None
        self.container = (
            Container(type, value, name, strict, allow_downcast, borrow) if container is None else container
        )

    container: Container
    default_update: Variable | None

    @property
    def storage(self) -> Storage | ObjectStorage:
        return self.container.storage

    def __delattr__(self, name: str) -> None:
        """``del s.default_update`` takes it away; AttributeError when there is none."""
        if name != "default_update":
            return super().__delattr__(name)
        if self.default_update is None:
            raise AttributeError(f"{self} has no default_update")
        self.default_update = None

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """A copy of the value. With ``borrow=True`` the live array: not synchronised, to be used only while
        no function runs.
        """
        return self.container.get(borrow)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Replace the value; the shape may change, the dtype and the number of dimensions may not (TypeError,
        nothing changed).

        ``new_value`` may be what an input of this type may be. With ``borrow=True`` an aligned native array
        of the right dtype becomes the storage itself.
        """
        self.container.set(new_value, borrow)

    def zero(self, borrow: bool = False) -> None:
        """Set the value to zeros of the same shape."""
        value = self.container.get(True)
        self.container.storage.set(np.zeros(value.shape, value.dtype), True)

    def clone(self, name: str | None = None) -> Self:
        """A variable of the same type, and name unless given, with the same value: setting one sets both."""
        twin = type(self)(name or self.name, self.type, container=self.container)
        if self._tag is not None:
            twin.tag.__dict__.update(self._tag.__dict__)
        return twin

    def _value_get(self, *_: Any) -> NoReturn:
        raise TypeError("a shared variable has no attribute value; use get_value() and set_value()")

    _value_set = _value_get
    value = property(_value_get, _value_set)

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            _rebuild,
            (type(self), self.name, self.type, self.container),
            (self.default_update, self._tag, self.__dict__ or None),
        )

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.default_update, self._tag, own = state
        self.__dict__.update(own or {})


def _rebuild(cls: type[SharedVariable], name: str | None, type: Any, container: Container) -> SharedVariable:
    return cls(name, type, container=container)


class TensorSharedVariable(SharedVariable):
    """A shared array."""

    __slots__ = ()


class ScalarSharedVariable(TensorSharedVariable):
    """A shared 0-d array made from a Python or NumPy number."""

    __slots__ = ()


class GenericSharedVariable(SharedVariable):
    """A shared Python object (a list, a string ...). It has no tensor operators."""

    __slots__ = ()

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__} {self} has no attribute {name!r}: it holds a Python object, not a tensor"
        )

    def __dir__(self) -> Iterable[str]:
        return object.__dir__(self)


def _refuse(self: GenericSharedVariable, *_: Any) -> NoReturn:
    raise TypeError(
        f"the generic shared variable {self} holds a Python object "
        f"({type(self.get_value(borrow=True)).__name__}) and has no tensor operators; "
        "make it an array when it is shared: shared(numpy.asarray(value))"
    )


for _name, _method in vars(Operators).items():
    if inspect.isfunction(_method):
        setattr(GenericSharedVariable, _name, _refuse)
