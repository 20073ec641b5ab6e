"""What stands for the inputs of a function between calls, and how a call's arguments find their places."""

from tgen.errors import shown


class Slot:
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


class Place:
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

    def __init__(self, slots, shared, name):
        self.slots, self.name = slots, shown(name)
        own = {slot.state for slot in slots if slot.state is not None}
        self.implicit = [Place(s) for s in shared if s not in own]
        self.names, self.variables = {}, {}
        for slot in [*slots, *self.implicit]:
            self.variables[slot.variable] = slot
        for slot in slots:
            if slot.state is not None:
                self.variables[slot.state] = slot
            if slot.name is not None:
                self.names.setdefault(slot.name, []).append(slot)
        explicit = set(self.names)
        for place in self.implicit:  # an input's name hides a shared variable's
            if place.name is not None and place.name not in explicit:
                self.names.setdefault(place.name, []).append(place)
        self.index = {slot: i for i, slot in enumerate(slots)}

    def bind(self, args, kwargs):
        """(values for the compiled call, [(state, value)] given): TypeError when an input gets none, two, or
        does not exist.
        """
        if len(args) > len(self.slots):
            self._too_many(args)
        given = dict(zip(self.slots, args))
        for slot in given:
            self._may_be_given(slot)
        for key, value in kwargs.items():
            slot = self._keyword(key)
            if slot in given:
                raise TypeError(f"Multiple values for input: {shown(key)}")
            given[slot] = value
        for index, slot in enumerate(self.slots):
            if slot not in given and not slot.has_value():
                raise TypeError(
                    "Missing required input: "
                    f"{shown(slot.name) if slot.name else f'{slot.variable} at index {index}'} "
                    f"(of function {self.name})"
                )
        states = [
            (slot.state, slot.check(given[slot]))
            for slot in self.slots
            if slot.state is not None and slot in given
        ]
        checked = {
            slot: slot.check(given[slot]) for slot in self.slots if slot.state is None and slot in given
        }
        return tuple(
            checked[slot] if slot in checked else slot.take() for slot in self.slots if slot.state is None
        ), states

    def _too_many(self, args):
        count = len(self.slots)
        names = ", ".join(shown(slot.name or str(slot.variable)) for slot in self.slots)
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

    def _may_be_given(self, slot):
        if isinstance(slot, Place) or slot.input.implicit:
            raise TypeError(
                f"Tried to provide value for implicit input: {slot.variable}; it is a shared "
                "variable: set it with set_value, or replace it with givens=."
            )

    def _unknown(self, key):
        named = [slot.name for slot in self.slots if slot.name is not None]
        unnamed, listed = len(self.slots) - len(named), ", ".join(map(shown, named))
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
        """The slot of a name, variable or index; TypeError when there is none or the name has two."""
        if isinstance(key, int):
            places = self.places()
            if not -len(places) <= key < len(places):
                raise TypeError(f"Unknown input or state: {key}. The function has {len(places)}.")
            return places[key]
        if not isinstance(key, str):
            slot = self.variables.get(key)
            if slot is None:
                raise TypeError(f"Unknown input or state: {key}")
            return slot
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
        return [*self.slots, *self.implicit]

    def table(self):
        """Name and variable -> place."""
        return {**{name: found[0] for name, found in self.names.items() if len(found) == 1}, **self.variables}
