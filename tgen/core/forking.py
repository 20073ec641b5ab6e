"""What no process forks in the middle of.

A child has the thread that forked and no other: what another one had locked stays locked in it for ever. Who
does something short, and only once, that Python or a library locks (an import, loading the host module) does
it ``with whole``: a fork waits for the end. The locks of C are taken behind that, by what ``add`` was given,
as who is inside may need one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock

whole = RLock()
_before: list[Callable[[], object]] = []
_after: list[tuple[Callable[[], object], Callable[[], object]]] = []  # in the parent, in the child


def add(
    before: Callable[[], object], in_parent: Callable[[], object], in_child: Callable[[], object]
) -> None:
    """What is done before a fork, and after it in the parent and in the child."""
    _before.append(before)
    _after.append((in_parent, in_child))


def _enter() -> None:
    whole.acquire()
    for before in _before:
        before()


def _leave_in_parent() -> None:
    for in_parent, _ in _after:
        in_parent()
    whole.release()


def _leave_in_child() -> None:
    for _, in_child in _after:
        in_child()
    whole.release()


os.register_at_fork(before=_enter, after_in_parent=_leave_in_parent, after_in_child=_leave_in_child)
