"""Python's cyclic collector while a program is made.

A front end makes a million objects that all live until the C text is there. The collector looks through them
again and again, for cycles, of which they have hardly any: a third of the time that 10,000 operations took.
So it looks rarely while a text is made.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

RARELY = 200_000  # objects made between two looks; Python's own number is 700

_guard = Lock()


class _State:
    """How many are inside, and the threshold before the first of them."""

    inside = 0
    before = (0, 0, 0)


@contextmanager
def rarely() -> Iterator[None]:
    """Inside, in any thread, the collector looks rarely. A threshold that somebody else sets meanwhile stays.

    >>> before = gc.get_threshold()
    >>> with rarely():
    ...     gc.get_threshold()[0]
    200000
    >>> gc.get_threshold() == before
    True
    """
    with _guard:
        if not _State.inside:
            _State.before = gc.get_threshold()
            gc.set_threshold(_rare(), *_State.before[1:])
        _State.inside += 1
    try:
        yield
    finally:
        with _guard:
            _State.inside -= 1
            if not _State.inside:
                _restore()


def _rare() -> int:
    """The threshold inside: never one that looks more often, and 0, which is never, stays."""
    first = _State.before[0]
    return RARELY if 0 < first < RARELY else first


def _restore() -> None:
    if gc.get_threshold()[0] == _rare():
        gc.set_threshold(*_State.before)


def _after_fork() -> None:
    """The threads that were inside are not in the child."""
    global _guard
    _guard = Lock()
    if _State.inside:
        _State.inside = 0
        _restore()


os.register_at_fork(after_in_child=_after_fork)
