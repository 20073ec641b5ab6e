"""The exceptions of tgen. Each derives from the built-in class a caller would catch; messages say what,
where, wanted and got, and the fix.
"""

import difflib
import os
import sys
import warnings
from collections.abc import Iterable

from numpy.exceptions import AxisError
from numpy.linalg import LinAlgError

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def shown(name: str) -> str:
    """A name a user chose, for a message: as it is when it is short and printable, else the beginning of its
    repr.

    >>> shown("w"), shown("a\\nb")
    ('w', "'a\\\\nb'")
    """
    if len(name) <= 200 and name.isprintable():
        return name
    return repr(name[:200])


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message about an unknown name: which of ``names`` look like it; empty when none does.

    >>> nearest("floatx", ["floatX", "mode"]), nearest("zzz", ["mode"])
    ('; nearest: floatX', '')
    """
    names = sorted(set(names))
    folded = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name, names, 3, 0.6) or [
        folded[n] for n in difflib.get_close_matches(name.lower(), folded, 3, 0.6)
    ]
    return f"; nearest: {', '.join(close)}" if close else ""


def about_bool(x: object) -> str:
    """The end of a message about a Python bool (or a list that holds one) where a tensor was wanted; empty
    for all else.

    >>> about_bool(3), about_bool([2.0, False])[:40]
    ('', '; == and != compare variables as objects')
    """
    if not holds_bool(x):
        return ""
    return (
        "; == and != compare variables as objects and give True or False: write T.eq(x, y) or T.neq(x, "
        "y), "
        "and for a constant T.constant(True) or numpy.bool_(True)"
    )


def holds_bool(x: object) -> bool:
    """Whether x is True or False, or a list (or tuple, nested or not) that holds one. NumPy's bools are
    others.
    """
    waiting = [x]
    while waiting:
        x = waiting.pop()
        if x is True or x is False:
            return True
        if isinstance(x, (list, tuple)):
            waiting.extend(x)
    return False


class TheanoWarning(UserWarning):
    """A Theano program asked for something that is accepted and not done here. Each thing is told once in a
    process.
    """


_TOLD: set[str] = set()


def tell_once(message: str) -> None:
    """Warn of ``message`` (TheanoWarning) at the user's line, unless this process was told so before."""
    if message in _TOLD:
        return
    _TOLD.add(message)
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, TheanoWarning, stacklevel=depth + 1)


class CompileError(RuntimeError):
    """The C compiler is missing, failed or took too long; the message has its command and the first lines it
    wrote.
    """


class CacheSecurityError(RuntimeError):
    """The cache directory could have been written by somebody else, so nothing in it is loaded."""


class CacheWarning(UserWarning):
    """A compiled function could not be stored; it works, and will be compiled again by the next process."""


class UnusedInputError(Exception):
    """An input of a function is not needed for its outputs and updates, or is given twice."""


class MissingInputError(Exception):
    """The graph needs a variable that is neither an input nor has a value."""


class AliasedMemoryError(Exception):
    """Two values that were pickled share memory and would stop doing so."""


class DisconnectedInputError(ValueError):
    """The gradient was asked with respect to a variable the cost does not depend on."""


class NullTypeGradError(TypeError):
    """The gradient with respect to a variable is not defined."""


class RopError(NullTypeGradError, ValueError):
    """Rop was asked through what has no derivative: Theano raises ValueError or TypeError."""


class GradientError(Exception):
    """``verify_grad`` found a gradient that differs from finite differences."""


class ArgumentTypeError(AssertionError, TypeError):
    """A TypeError for which Theano raises AssertionError: catch either."""


class ArgumentValueError(AssertionError, ValueError):
    """A ValueError for which Theano raises AssertionError: catch either."""


class ShapeTypeError(TypeError, ValueError):
    """A ValueError for which Theano raises TypeError: catch either."""


# what a call may find wrong with the values it is given (ops/demand.py), by name
DEMANDED = {
    error.__name__: error
    for error in (ValueError, ArgumentValueError, ShapeTypeError, AxisError, LinAlgError)
}


class LegacyInputError(NotImplementedError):
    """Inputs were given as legacy tuples together with updates or givens, which those do not have."""


class NotFinite(AssertionError, ValueError):
    """NanGuardMode: a value is NaN, infinite or larger than anything a program means."""


class BadOptimization(AssertionError):
    """DebugMode: the compiled function and the reference interpreter disagree."""
