"""Error records -> exceptions that name what the user wrote. Lowers the graph again: that happens only after
a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tgen import backends
from tgen.core.refusal import ASSERT, BAD_SIZE, EMPTY, INDEX, MEMORY, RAISED, REENTRANT, SIZES, STOPPED
from tgen.errors import DEMANDED

if TYPE_CHECKING:
    from tgen.lower.sizes import Site

    from .program import Program

STEPS = 3  # in the numbers after the site's: the step of each loop around it


class Explain:
    """``Explain(program)(status, record)`` is the exception to raise."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def __call__(self, status: int, record: Sequence[int]) -> BaseException:
        number, *numbers = record
        if status in (STOPPED, RAISED):
            return self.raised(number, numbers)
        if status == MEMORY:
            return MemoryError(
                "no memory for a call's arrays; nothing was changed. Set borrow=True where "
                "arrays are copied, or work on smaller batches."
            )
        if status == REENTRANT:
            return RuntimeError(
                "re-entrant call: this thread is inside a call that holds a shared variable this one needs"
            )
        if status == BAD_SIZE and number < 0:
            return ValueError(f"array is too big, or a size is negative ({numbers[0]})")
        site = self.site(number)
        error = EXPLANATIONS[status](site, numbers)
        return (
            type(error)(f"{error}{steps(site, numbers[STEPS:])}")
            if site is not None and site.loops
            else error
        )

    def site(self, number: int) -> Site | None:
        """Lowers the graph again, unless the record names no site."""
        sites = self.program.lowered.sites if number >= 0 else ()
        return sites[number] if 0 <= number < len(sites) else None

    def raised(self, number: int, numbers: Sequence[int]) -> BaseException:
        """What Python raised inside the call, the very object; a note says the steps of
        the loops around it.
        """
        error, site = backends.raised(), self.site(number)
        if site is not None:
            error.add_note(steps(site, numbers[STEPS:]).removeprefix("; "))
        return error


def steps(site: Site, made: Sequence[int]) -> str:
    """The loops around a site, innermost first, and the step each was in."""
    texts = [
        f"in step {step} of the scan" + (f" at {where[0]}:{where[1]}" if where else "")
        for step, where in zip(made, site.loops)
    ]
    return "; " + ", ".join(reversed(texts)) if texts else ""


def place(site: Site | None) -> str:
    if site is None:
        return ""
    at = f" at {site.where[0]}:{site.where[1]}" if site.where else ""
    return f"; {site.op}{at}" if site.op else at


def sizes(site: Site | None, numbers: Sequence[int]) -> Exception:
    about = site.about if site is not None and site.about else ("a size", "another")
    broadcasts = 1 in numbers[:2] and site is not None and site.op != "rebroadcast"
    hint = (
        " A size of 1 broadcasts only when the type says so: use dimshuffle, keepdims=True or T.addbroadcast."
        if broadcasts
        else ""
    )
    return ValueError(
        f"Input dimension mis-match: {about[0]} is {numbers[0]} but {about[1]} is "
        f"{numbers[1]}{place(site) or '; the function'} needs them equal.{hint}"
    )


def index(site: Site | None, numbers: Sequence[int]) -> Exception:
    axis, value, size = numbers[:3]
    if site is not None and site.kind in DEMANDED:
        message, which = site.about
        # a negative one is the size here
        got = f"{which} holds {value}" if value != size else f"{which} holds another"
        return DEMANDED[site.kind](f"{message} 0 to {size - 1}; {got}{place(site)}")
    array, which = site.about if site is not None else ("an array", "an index")
    return IndexError(
        f"index out of bounds: index {value} (from {which}) is out of bounds for axis {axis} "
        f"of {array} with size {size}{place(site)}"
    )


def empty(site: Site | None, numbers: Sequence[int]) -> Exception:
    array = site.about[0] if site is not None and site.about else "its input"
    return ValueError(
        f"Input of a reduction has zero-size on axis {numbers[0]}: {array} is empty and has no "
        f"extreme{place(site)}"
    )


def bad_size(site: Site | None, numbers: Sequence[int]) -> Exception:
    return ValueError(f"negative dimensions are not allowed: {numbers[0]}{place(site)}")


def failed(site: Site | None, numbers: Sequence[int]) -> Exception:
    kind = DEMANDED.get(site.kind, AssertionError) if site is not None else AssertionError
    return kind(f"{site.about[0] if site is not None and site.about else 'assertion failed'}{place(site)}")


EXPLANATIONS: dict[int, Callable[[Site | None, Sequence[int]], Exception]] = {
    SIZES: sizes,
    INDEX: index,
    EMPTY: empty,
    BAD_SIZE: bad_size,
    ASSERT: failed,
}
