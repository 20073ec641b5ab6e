"""Inputs of functions as old programs write them: tuples, and ``Param``."""

from tgen.errors import ArgumentValueError, LegacyInputError
from tgen.graph.nodes import Variable
from tgen.runtime import hooks
from tgen.runtime.io import In


def Param(
    variable,
    default=None,
    name=None,
    mutable=False,
    strict=False,
    allow_downcast=None,
    implicit=None,
    borrow=None,
):
    """The old name of ``In``; ``default`` is its ``value``."""
    if mutable and borrow is not None and not borrow:
        raise ArgumentValueError(f"the input {variable} cannot be mutable without borrow")
    return In(
        variable,
        name=name,
        value=default,
        mutable=mutable,
        strict=strict,
        allow_downcast=allow_downcast,
        implicit=implicit,
        borrow=borrow,
    )


def of_tuple(given, allow_downcast, changes):
    """The In of (x,), (x, value), (name, x), (name, x, value), and of these with (x, update) in place of x.

    Raises LegacyInputError where function() has updates or givens, TypeError for other tuples.

    >>> import tgen, tgen.tensor as T
    >>> x, state = T.dscalars("x", "state")
    >>> f = tgen.function([x, ((state, state + x), 0.0)], state)
    >>> f(2), f(3)
    (array(0.), array(2.))
    """
    if changes:
        raise LegacyInputError(
            "inputs given as tuples have neither updates nor givens; use In(variable, "
            "name=..., value=..., update=...)"
        )
    name, rest = (given[0], given[1:]) if given and isinstance(given[0], str) else (None, given)
    if not 1 <= len(rest) <= 2:
        raise TypeError(
            f"Unknown parameter type: {type(given)} {given!r}; a tuple is (x, value), (name, x, "
            "value) or ((x, update), value)"
        )
    variable, update = (
        rest[0] if isinstance(rest[0], (tuple, list)) and len(rest[0]) == 2 else (rest[0], None)
    )
    if not isinstance(variable, Variable):
        raise TypeError(f"Unknown parameter type: {type(given)} {given!r}; it has no symbolic variable")
    value = rest[1] if len(rest) == 2 else None
    return In(variable, name=name, value=value, update=update, allow_downcast=allow_downcast)


hooks.INPUTS.update({tuple: of_tuple, list: of_tuple})
