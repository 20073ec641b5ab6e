"""Updates as a dictionary that keeps its order and refuses to lose one: what scan returns."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .shared import SharedVariable


class OrderedUpdates(OrderedDict):
    """shared variable -> its new value, in order. A key that is not shared is a TypeError; two different
    values for one key, by ``update`` or ``+``, are a KeyError.

    >>> import tgen
    >>> from tgen.graph.updates import OrderedUpdates
    >>> a, b = tgen.shared(1.0, "a"), tgen.shared(2.0, "b")
    >>> OrderedUpdates([(a, a + 1)]) + {b: b * 2}
    OrderedUpdates([(a, add.0), (b, mul.0)])
    """

    def __setitem__(self, key: SharedVariable, value: Any) -> None:
        if not isinstance(key, SharedVariable):
            raise TypeError("OrderedUpdates keys must inherit from SharedVariable", key)
        super().__setitem__(key, value)

    def update(self, other: Any = ()) -> None:  # type: ignore[override]
        for key, value in other.items() if hasattr(other, "items") else other or ():
            if key in self and self[key] is not value:
                raise KeyError("Collision", key)
            self[key] = value

    def __add__(self, other: Any) -> OrderedUpdates:
        both = OrderedUpdates(self)
        both.update(other)
        return both

    def __radd__(self, other: Any) -> OrderedUpdates:
        return OrderedUpdates(other) + self
