"""What stands for the inputs of a function between calls, and how a call's arguments find their places."""

from tgen.errors import shown


class ExplicitInput:
    """One explicit input: its check, its default, a value set for the next call, or the shared variable that
    is its state.
    """

    __slots__ = ("input", "check", "default", "state", "_next")

    def __init__(self, input, check, default=None, state=None):
        self.input, self.check, self.default, self.state, self._next = input, check, default, state, None

    name = property(lambda self: self.input.name)
    variable = property(lambda self: self.input.variable)
    type = property(lambda self: self.input.variable.type)
    required = property(
        lambda self: self.default is None and (self.state is None or self.input.value is None)
    )

    @property
    def value(self):
        """The state's value; else what the next call will use when it does not give the input, None when it
        must.
        """
        if self.state is not None:
            return self.state.get_value(borrow=False)
        return self.default if self._next is None else self._next

    @value.setter
    def value(self, new):
        new = self.check(new)
        if self.state is not None:
            self.state.set_value(new)
        else:
            self._next = new

    def take(self):
        """The value for a call that does not give this input; one set for the next call is used up."""
        value, self._next = self._next, None
        return self.default if value is None else value

    def has_value(self):
        return not self.required or self._next is not None

    def __repr__(self):
        return f"<{self.input}: {self.type}>"


class ImplicitInput:
    """An implicit input: a shared variable the graph reads or updates."""

    __slots__ = ("variable",)

    def __init__(self, variable):
        self.variable = variable

    name = property(lambda self: self.variable.name)
    type = property(lambda self: self.variable.type)
    value = property(
        lambda self: self.variable.get_value(borrow=False), lambda self, new: self.variable.set_value(new)
    )


class Bound:
    """The inputs by position, name and variable."""

    def __init__(self, explicit, shared, name):
        self.explicit, self.name = explicit, shown(name)
        own = {place.state for place in explicit if place.state is not None}
        self.implicit = [ImplicitInput(s) for s in shared if s not in own]
        self.names, self.variables = {}, {}
        for place in [*explicit, *self.implicit]:
            self.variables[place.variable] = place
        for place in explicit:
            if place.state is not None:
                self.variables[place.state] = place
            if place.name is not None:
                self.names.setdefault(place.name, []).append(place)
        explicit = set(self.names)
        for place in self.implicit:  # an input's name hides a shared variable's
            if place.name is not None and place.name not in explicit:
                self.names.setdefault(place.name, []).append(place)
        self.index = {place: i for i, place in enumerate(explicit)}

    def bind(self, args, kwargs):
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
        states = [p for p in self.explicit if p.state is not None and p in given]
        arguments = [p for p in self.explicit if p.state is None]
        set_before = [(place.state, place.check(given[place])) for place in states]
        checked = {place: place.check(given[place]) for place in arguments if place in given}
        values = tuple(checked[place] if place in checked else place.take() for place in arguments)
        return values, set_before

    def _too_many(self, args):
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

    def _keyword(self, key):
        found = self.names.get(key, [])
        if len(found) > 1:
            raise TypeError(
                f"Ambiguous name: {shown(key)} - please check the names of the inputs of your "
                "function for duplicates."
            )
        if not found:
            raise TypeError(self._unknown(key))
        self._may_be_given(found[0])
        return found[0]

    def _may_be_given(self, place):
        if isinstance(place, ImplicitInput) or place.input.implicit:
            raise TypeError(
                f"Tried to provide value for implicit input: {place.variable}; it is a shared "
                "variable: set it with set_value, or replace it with givens=."
            )

    def _unknown(self, key):
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

    def find(self, key):
        """The input of a name, variable or index; TypeError when there is none or the name has two."""
        if isinstance(key, int):
            places = self.places()
            if not -len(places) <= key < len(places):
                raise TypeError(f"Unknown input or state: {key}. The function has {len(places)}.")
            return places[key]
        if not isinstance(key, str):
            place = self.variables.get(key)
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

    def has(self, key):
        try:
            self.find(key)
        except TypeError:
            return False
        return True

    def places(self):
        return [*self.explicit, *self.implicit]

    def table(self):
        """Name and variable -> place."""
        return {**{name: found[0] for name, found in self.names.items() if len(found) == 1}, **self.variables}
