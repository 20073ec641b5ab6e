"""Modes: what ``function(mode=)`` takes. ``NAMED`` has the names; rooms above add theirs, put what they
show of a mode in the place of these, and say by ``DEFAULT`` what a function without mode= has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tgen.errors import nearest

from .nanguard import Guarded, refused

if TYPE_CHECKING:
    from .call import Called


class Mode:
    """How a function is run (``passes``: the mode of the passes, FAST_RUN, FAST_COMPILE, DebugMode or
    INTERPRET) and what looks on while it is called.

    In INTERPRET nothing is compiled: NumPy runs the program, operation by operation. That is slow, and right
    by definition; state, errors and threads are those of compiled functions.

    >>> import tgen, tgen.tensor as T
    >>> x = T.dvector("x")
    >>> tgen.function([x], T.exp(x).sum(), mode=Mode("INTERPRET"))([0.0, 0.0])
    array(2.)
    """

    def __init__(self, passes: str = "FAST_RUN") -> None:
        self.passes = passes

    def watched(self, executable: Called) -> Called:
        """The Executable that a Function of this mode calls."""
        return executable

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.passes!r})"


class NanGuard(Mode):
    """A call is refused when what goes in or comes out is not finite (``nanguard``); config says what else is
    refused, and what is done then.
    """

    def __init__(self, passes: str = "FAST_RUN") -> None:
        super().__init__(passes)
        self.wrong = refused()

    def watched(self, executable: Called) -> Called:
        return Guarded(executable, self.wrong, self.passes)


# name -> the Mode, or what makes it whenever it is asked for
NAMED: dict[str, Mode | Callable[[], Mode]] = {
    "FAST_RUN": Mode(),
    "FAST_COMPILE": Mode("FAST_COMPILE"),
    "DebugMode": Mode("DebugMode"),
    "INTERPRET": Mode("INTERPRET"),
    "NanGuardMode": NanGuard,
}
# what makes the Mode of function() without mode=: the last one
DEFAULT: list[Callable[[], Mode]] = [Mode]


def get_mode(mode: object) -> Mode:
    """The Mode for what ``function(mode=)`` takes: a Mode, a name, or None. ValueError for a name without
    mode.

    >>> get_mode("FAST_RUN") is NAMED["FAST_RUN"], get_mode(None).passes
    (True, 'FAST_RUN')
    """
    if mode is None:
        return DEFAULT[-1]()
    if isinstance(mode, Mode):
        return mode
    if not isinstance(mode, str):
        raise TypeError(
            f"mode must be a Mode or a string, one of {', '.join(map(repr, NAMED))}; got {mode!r}"
        )
    if mode not in NAMED:
        raise ValueError(
            f"No predefined mode exist for string: {mode}{nearest(mode, NAMED)}. The modes "
            f"are {', '.join(NAMED)}"
        )
    found = NAMED[mode]
    return found if isinstance(found, Mode) else found()
