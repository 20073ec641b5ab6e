"""The limit on file sizes that a user may have set (RLIMIT_FSIZE), lifted while our own files are written."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

Limits: TypeAlias = tuple[int, int]  # the soft and the hard one


class _FileSizes:
    """The process's limit on file sizes while it is lifted: by how many threads, and what it was."""

    guard, count = threading.Lock(), 0
    was: Limits | None = None


@contextmanager
def unlimited_files() -> Iterator[None]:
    """A soft limit on file sizes is meant for the user's files, not for ours: lifted as far as we may.

    The limit is the whole process's, so the first thread inside lifts it and the last one sets it back.
    """
    with _FileSizes.guard:
        if _FileSizes.count == 0:
            _FileSizes.was = _lift()
        _FileSizes.count += 1
    try:
        yield
    finally:
        with _FileSizes.guard:
            _FileSizes.count -= 1
            if _FileSizes.count == 0 and _FileSizes.was is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, _FileSizes.was)


def _lift() -> Limits | None:
    """The limits there were, if they were low and a higher one could be set."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if soft == resource.RLIM_INFINITY or soft >= 1 << 26:
        return None
    for limit in ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            return soft, hard
        except (ValueError, OSError):
            continue
    return None


def _after_fork() -> None:
    """A child has none of the other threads that lifted the limit."""
    _FileSizes.guard = threading.Lock()
    if _FileSizes.count and _FileSizes.was is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, _FileSizes.was)
    _FileSizes.count = 0


os.register_at_fork(after_in_child=_after_fork)
