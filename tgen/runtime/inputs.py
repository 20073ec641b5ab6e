"""What stands for the inputs of a function between calls, and how a call's arguments find their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from tgen.errors import shown
from tgen.graph.nodes import Variable

if TYPE_CHECKING:
    from tgen.core.types import TensorType
    from tgen.graph.shared import SharedVariable

    from .check import Check
    from .io import In


class ExplicitInput:
    """One explicit input: its check, its default, a value set for the next call, or the shared variable that
    is its state.
    """

    __slots__ = ("input", "check", "default", "state", "_next")

    def __init__(
        self, input: In, check: Check, default: Any = None, state: SharedVariable | None = None
    ) -> None:
        self.input, self.check, self.default, self.state = input, check, default, state
        self._next: Any = None

    @property
    def name(self) -> str | None:
        return self.input.name

    @property
    def variable(self) -> Variable:
        return self.input.variable

    @property
    def type(self) -> TensorType:
        return self.input.variable.type

    @property
    def required(self) -> bool:
        return self.default is None and (self.state is None or self.input.value is None)

    @property
    def value(self) -> Any:
        """The state's value; else what the next call will use when it does not give the input, None when it
        must.
        """
        if self.state is not None:
            return self.state.get_value(borrow=False)
        return self.default if self._next is None else self._next

    @value.setter
    def value(self, new: object) -> None:
        new = self.check(new)
        if self.state is not None:
            self.state.set_value(new)
        else:
            self._next = new

    def take(self) -> Any:
        """The value for a call that does not give this input; one set for the next call is used up."""
        value, self._next = self._next, None
        return self.default if value is None else value

    def has_value(self) -> bool:
        return not self.required or self._next is not None

    def __repr__(self) -> str:
        return f"<{self.input}: {self.type}>"


class ImplicitInput:
    """An implicit input: a shared variable the graph reads or updates."""

    __slots__ = ("variable",)

    def __init__(self, variable: SharedVariable) -> None:
        self.variable = variable

    @property
    def name(self) -> str | None:
        return self.variable.name

    @property
    def type(self) -> TensorType:
        return self.variable.type

    @property
    def value(self) -> Any:
        return self.variable.get_value(borrow=False)

    @value.setter
    def value(self, new: object) -> None:
        self.variable.set_value(new)


Place: TypeAlias = ExplicitInput | ImplicitInput


class Bound:
    """The inputs by position, name and variable."""

    def __init__(self, explicit: list[ExplicitInput], shared: Iterable[SharedVariable], name: str) -> None:
        self.explicit, self.name = explicit, shown(name)
        own = {place.state for place in explicit if place.state is not None}
        self.implicit = [ImplicitInput(s) for s in shared if s not in own]
        self.names: dict[str, list[Place]] = {}
        self.variables: dict[Variable, Place] = {place.variable: place for place in self.places()}
        for place in explicit:
            if place.state is not None:
                self.variables[place.state] = place
            if place.name is not None:
                self.names.setdefault(place.name, []).append(place)
        hiding = set(self.names)
        for other in self.implicit:  # an input's name hides a shared variable's
            if other.name is not None and other.name not in hiding:
                self.names.setdefault(other.name, []).append(other)

    def bind(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], list[tuple[SharedVariable, Any]]]:
        """(values for the compiled call, [(state, value)] given): TypeError when an input gets none, two, or
        does not exist.
        """
        if len(args) > len(self.explicit):
            self._too_many(args)
        given = dict(zip(self.explicit, args))
        for place in given:
            self._may_be_given(place)
        for key, value in kwargs.items():
            place = self._keyword(key)
            if place in given:
                raise TypeError(f"Multiple values for input: {shown(key)}")
            given[place] = value
        for index, place in enumerate(self.explicit):
            if place not in given and not place.has_value():
                raise TypeError(
                    "Missing required input: "
                    f"{shown(place.name) if place.name else f'{place.variable} at index {index}'} "
                    f"(of function {self.name})"
                )
        arguments = [p for p in self.explicit if p.state is None]
        set_before = [
            (p.state, p.check(given[p])) for p in self.explicit if p.state is not None and p in given
        ]
        checked = {place: place.check(given[place]) for place in arguments if place in given}
        values = tuple(checked[place] if place in checked else place.take() for place in arguments)
        return values, set_before

    def _too_many(self, args: Sequence[Any]) -> NoReturn:
        count = len(self.explicit)
        names = ", ".join(shown(place.name or str(place.variable)) for place in self.explicit)
        extra = (
            " The function also reads shared variables "
            f"({', '.join(str(p.variable) for p in self.implicit)}): set them with set_value, or replace "
            "them with givens=."
            if self.implicit
            else ""
        )
        raise TypeError(
            f"Too many parameter passed to tgen function {self.name}: it takes {count} "
            f"({names}), got {len(args)}.{extra}"
        )

    def _keyword(self, key: str) -> ExplicitInput:
        found = self.names.get(key, [])
        if len(found) > 1:
            raise TypeError(
                f"Ambiguous name: {shown(key)} - please check the names of the inputs of your "
                "function for duplicates."
            )
        if not found:
            raise TypeError(self._unknown(key))
        return self._may_be_given(found[0])

    def _may_be_given(self, place: Place) -> ExplicitInput:
        if isinstance(place, ImplicitInput) or place.input.implicit:
            raise TypeError(
                f"Tried to provide value for implicit input: {place.variable}; it is a shared "
                "variable: set it with set_value, or replace it with givens=."
            )
        return place

    def _unknown(self, key: str) -> str:
        named = [place.name for place in self.explicit if place.name is not None]
        unnamed, listed = len(self.explicit) - len(named), ", ".join(map(shown, named))
        text = (
            f"The function has {len(named)} named "
            f"input{'s' if len(named) != 1 else ''}{f' ({listed})' if named else ''}"
        )
        if unnamed:
            text += (
                f", and {unnamed} unnamed input{'s' if unnamed > 1 else ''} which thus cannot be "
                f"accessed through keyword argument{'s' if unnamed > 1 else ''} (use 'name=...' in a "
                "variable's constructor to give it a name)"
            )
        return f"Unknown input or state: {shown(key)}. {text}."

    def find(self, key: object) -> Place:
        """The input of a name, variable or index; TypeError when there is none or the name has two."""
        if isinstance(key, int):
            places = self.places()
            if not -len(places) <= key < len(places):
                raise TypeError(f"Unknown input or state: {key}. The function has {len(places)}.")
            return places[key]
        if not isinstance(key, str):
            place = self.variables.get(key) if isinstance(key, Variable) else None
            if place is None:
                raise TypeError(f"Unknown input or state: {key}")
            return place
        found = self.names.get(key, [])
        if len(found) == 1:
            return found[0]
        raise TypeError(
            self._unknown(key)
            if not found
            else f"Ambiguous name: {shown(key)} - please check "
            "the names of the inputs of your function for "
            "duplicates."
        )

    def has(self, key: object) -> bool:
        try:
            self.find(key)
        except TypeError:
            return False
        return True

    def places(self) -> list[Place]:
        return [*self.explicit, *self.implicit]

    def table(self) -> dict[str | Variable, Place]:
        """Name and variable -> place."""
        table: dict[str | Variable, Place] = {}
        table.update((name, found[0]) for name, found in self.names.items() if len(found) == 1)
        table.update(self.variables.items())
        return table
