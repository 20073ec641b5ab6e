"""In and Out: what function() may be told about one input or output."""

from __future__ import annotations

from typing import Any

from tgen.core.generic import GenericType
from tgen.errors import ArgumentValueError, about_bool
from tgen.graph.nodes import Constant, Variable
from tgen.graph.shared import Container, SharedVariable

from . import hooks


class In:
    """An input of a function.

    variable        the symbolic variable; it may be an intermediate one, then the graph is cut there
    name            for calls by keyword; the variable's own name by default (``autoname=False``: none)
    value           the default. Without ``update`` it holds for calls that do not give the input; with
                    ``update`` it is private state, kept between calls, ``f[name]`` reads and sets it
    update          the expression the state becomes after each call (same type as the variable, else
                    TypeError)
    strict, allow_downcast   how values are filtered: strict needs an ndarray of the exact dtype
    mutable, borrow permissions to overwrite the caller's array or to return it; never obligations
    implicit        the value is not an argument: it is a container or shared variable given as ``value``

    >>> import tgen, tgen.tensor as T
    >>> x, y = T.dscalars("xy")
    >>> f = tgen.function([x, tgen.In(y, value=10, name="by")], x + y)
    >>> f(1), f(1, 2), f(1, by=3)
    (array(11.), array(3.), array(4.))
    """

    def __init__(
        self,
        variable: Variable,
        name: str | None = None,
        value: Any = None,
        update: Variable | None = None,
        mutable: bool | None = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        autoname: bool = True,
        implicit: bool | None = None,
        borrow: bool | None = None,
        shared: bool = False,
    ) -> None:
        if not isinstance(variable, Variable):
            raise TypeError(f"In needs a symbolic variable; got {variable!r} ({type(variable).__name__})")
        if name is None and autoname:
            name = variable.name
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string! (got: {name!r})")
        self.variable, self.name, self.value = variable, name, value
        self.update = _update_of(variable, update)
        self.strict, self.allow_downcast = bool(strict), allow_downcast
        self.autoname, self.shared = autoname, shared
        self.mutable = update is not None if mutable is None else bool(mutable)
        self.borrow = self.mutable if borrow is None else bool(borrow)
        if self.mutable and not self.borrow:
            raise ArgumentValueError(
                f"the input {variable} cannot be mutable without borrow: give "
                "borrow=True, or leave borrow out"
            )
        self.implicit = isinstance(value, (Container, SharedVariable)) if implicit is None else bool(implicit)
        if self.implicit and value is None:
            raise TypeError(f"An implicit input must be given a default value (variable {variable})")

    def __repr__(self) -> str:
        return f"In({self.variable}{f' -> {self.update}' if self.update is not None else ''})"


def _update_of(variable: Variable, update: Variable | None) -> Variable | None:
    if update is None:
        return None
    if not isinstance(update, Variable):
        raise TypeError(f"the update of the input {variable} must be a symbolic variable; got {update!r}")
    if update.type != variable.type:
        raise TypeError(
            f"the variable {variable} and its update must have the same type; {variable.type} is "
            f"not {update.type}"
        )
    return update


class Out:
    """An output of a function. ``borrow=True`` permits a result that shares memory with an input or shared
    value.
    """

    def __init__(self, variable: Variable, borrow: bool = False) -> None:
        if not isinstance(variable, Variable):
            raise TypeError(f"Out needs a symbolic variable; got {variable!r} ({type(variable).__name__})")
        self.variable, self.borrow = variable, bool(borrow)

    def __repr__(self) -> str:
        return f"Out({self.variable}{', borrow=True' if self.borrow else ''})"


def as_in(given: object, allow_downcast: bool | None = None, changes: bool = False) -> In:
    """What stands in function()'s list of inputs, as an In. ``changes``: whether function() has updates or
    givens, for what reads other kinds of inputs (``hooks.INPUTS``).

    Raises TypeError for constants, shared variables and everything that is no parameter.
    """
    read = next((read for cls, read in hooks.INPUTS.items() if isinstance(given, cls)), None)
    if read is not None:
        given = read(given, allow_downcast, changes)
    if isinstance(given, Variable):
        _check_leaf(given)
        return In(given, allow_downcast=allow_downcast)
    if not isinstance(given, In):
        raise TypeError(f"Unknown parameter type: {type(given)}; an input is a symbolic variable or an In")
    _check_leaf(given.variable)
    return given


def _check_leaf(variable: Variable) -> None:
    if isinstance(variable, Constant):
        raise TypeError("Constants not allowed in param list", variable)
    if isinstance(variable, SharedVariable):
        raise TypeError(
            f"Cannot use a shared variable ({variable}) as explicit input. Consider substituting "
            "a non-shared variable via the `givens` parameter"
        )
    if isinstance(variable.type, GenericType):
        raise TypeError(f"Unknown parameter type: {variable} is not a tensor")


def as_out(given: object) -> Out:
    """What function() is given as one output, as an Out."""
    if isinstance(given, Out):
        return given
    if isinstance(given, Variable):
        return Out(given)
    raise TypeError(
        f"Outputs must be tgen Variable or Out instances. Received {given!r} of type "
        f"{type(given)}{about_bool(given)}"
    )
