"""Who is told of every new variable. Theano's tools that follow what a call builds add themselves; a variable
asks this list, and nothing else of the house does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .nodes import Variable


class Observed:
    """``Variable.append_construction_observer(f)``: f is called with each variable that is made."""

    __slots__ = ()
    construction_observers: ClassVar[list[Callable[[Variable], Any]]] = []

    @classmethod
    def append_construction_observer(cls, observer: Callable[[Variable], Any]) -> None:
        """Call ``observer`` with every variable made from now on."""
        cls.construction_observers.append(observer)

    @classmethod
    def remove_construction_observer(cls, observer: Callable[[Variable], Any]) -> None:
        """Call ``observer`` no more; ValueError if it is not called."""
        cls.construction_observers.remove(observer)

    @classmethod
    def notify_construction_observers(cls, instance: Variable) -> None:
        for observer in cls.construction_observers:
            observer(instance)
