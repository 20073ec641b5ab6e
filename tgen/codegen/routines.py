"""A C file that knows which of its functions may be compiled apart, by another compiler."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Routine:
    """A function that is called and never inlined: its ``text`` in the file, the ``prototype`` that may stand
    there instead, how many ``loops`` it has.
    """

    text: str
    prototype: str
    loops: int


def routine(comment: str, head: str, body: str, loops: int) -> Routine:
    """The Routine of a comment before the function, its head and its body, all with their line ends."""
    return Routine(f"{comment}{head}\n{body}", f"{head};\n", loops)


class Source(str):
    """The text of a C file; ``routines`` are those of its functions that are called, in its order."""

    routines: tuple[Routine, ...]

    def __new__(cls, text: str, routines: tuple[Routine, ...] = ()) -> "Source":
        made = super().__new__(cls, text)
        made.routines = routines
        return made
