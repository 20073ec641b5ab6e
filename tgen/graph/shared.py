"""SharedVariable: a variable with a value that lasts between calls, and that functions may update."""

import inspect

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

    def __init__(self, type, value, name=None, strict=False, allow_downcast=None, borrow=False):
        self.type, self.name, self.strict, self.allow_downcast = type, name, strict, allow_downcast
        make = ObjectStorage if isinstance(type, GenericType) else Storage
        self.storage = make(self.filter(value), borrow)

    _shown = property(lambda self: repr(self.name and self.name[:80]))

    def filter(self, value):
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

    def get(self, borrow=False):
        return self.storage.get(borrow)

    def set(self, value, borrow=False):
        self.storage.set(self.filter(value), borrow)

    value = property(lambda self: self.storage.get(True), set)
    data = value

    def __repr__(self):
        return f"<{self._shown}: {self.type}>"

    def __reduce__(self):
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
        self, name, type, value=None, strict=False, allow_downcast=None, container=None, borrow=False
    ):
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a shared variable must be a string; got {name!r}")
        if container is not None and (value is not None or strict):
            raise TypeError("value and strict cannot be given with container: the container has them")
        super().__init__(type, name)
        self.default_update = None
        self.container = (
            Container(type, value, name, strict, allow_downcast, borrow) if container is None else container
        )

    storage = property(lambda self: self.container.storage)

    def __delattr__(self, name):
        """``del s.default_update`` takes it away; AttributeError when there is none."""
        if name != "default_update":
            return super().__delattr__(name)
        if self.default_update is None:
            raise AttributeError(f"{self} has no default_update")
        self.default_update = None

    def get_value(self, borrow=False, return_internal_type=False):
        """A copy of the value. With ``borrow=True`` the live array: not synchronised, to be used only while
        no function runs.
        """
        return self.container.get(borrow)

    def set_value(self, new_value, borrow=False):
        """Replace the value; the shape may change, the dtype and the number of dimensions may not (TypeError,
        nothing changed).

        ``new_value`` may be what an input of this type may be. With ``borrow=True`` an aligned native array
        of the right dtype becomes the storage itself.
        """
        self.container.set(new_value, borrow)

    def zero(self, borrow=False):
        """Set the value to zeros of the same shape."""
        value = self.container.get(True)
        self.container.storage.set(np.zeros(value.shape, value.dtype), True)

    def clone(self, name=None):
        """A variable of the same type, and name unless given, with the same value: setting one sets both."""
        twin = type(self)(name or self.name, self.type, container=self.container)
        if self._tag is not None:
            twin.tag.__dict__.update(self._tag.__dict__)
        return twin

    def _value_get(self, *_):
        raise TypeError("a shared variable has no attribute value; use get_value() and set_value()")

    _value_set = _value_get
    value = property(_value_get, _value_set)

    def __reduce__(self):
        return (
            _rebuild,
            (type(self), self.name, self.type, self.container),
            (self.default_update, self._tag, self.__dict__ or None),
        )

    def __setstate__(self, state):
        self.default_update, self._tag, own = state
        self.__dict__.update(own or {})


def _rebuild(cls, name, type, container):
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

    def __getattr__(self, name):
        raise AttributeError(
            f"{type(self).__name__} {self} has no attribute {name!r}: it holds a Python object, not a tensor"
        )

    def __dir__(self):
        return object.__dir__(self)


def _refuse(self, *_):
    raise TypeError(
        f"the generic shared variable {self} holds a Python object "
        f"({type(self.get_value(borrow=True)).__name__}) and has no tensor operators; "
        "make it an array when it is shared: shared(numpy.asarray(value))"
    )


for _name, _method in vars(Operators).items():
    if inspect.isfunction(_method):
        setattr(GenericSharedVariable, _name, _refuse)
