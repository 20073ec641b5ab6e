"""Where compiled functions are kept, whether that place can be trusted, and this process's scratch
directories.

``TGEN_CACHE_DIR`` or config.cache_dir, else a checkout's ``cache/``, else the platform's user cache
directory. A library is code: a directory somebody else could have written to is never used. Named by the user
it is an error, found by default it is a warning and a private directory for this process.
"""

import atexit
import errno
import fcntl
import itertools
import os
import shutil
import stat
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import platformdirs

from tgen.config import config
from tgen.errors import CacheSecurityError, CacheWarning, CompileError

ALIVE = "alive"  # the file in a scratch directory whose flock says that its process still runs
# seconds before an unlocked scratch directory is swept: its owner may not have locked it yet
STALE_AFTER = 60
PREFIX = "tgen-"
MEMORY = "/dev/shm"
ROOM = 16 << 20  # bytes that a compile has, or it may have failed for want of room

Made = TypeVar("Made")

_chosen: dict[str, tuple[str, int]] = {}  # what was configured -> directory, and the user it is for
_warned: set[str] = set()
_guard = threading.Lock()


def warn_once(kind: str, message: str) -> None:
    """One CacheWarning of each kind per process; never an error."""
    if kind in _warned:
        return
    _warned.add(kind)
    warnings.warn(message, CacheWarning, stacklevel=2)


# ---- trust ----


def flaw(path: str) -> str | None:
    """Why a directory cannot be trusted, as a text; None when it can.

    It and all above it belong to the user or root, and nobody else may write there (in a sticky directory
    like /tmp others cannot replace what is ours).
    """
    try:
        info = os.lstat(path)
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if stat.S_ISLNK(info.st_mode):
        return f"{path} is a symbolic link"
    if not stat.S_ISDIR(info.st_mode):
        return f"{path} is not a directory"
    real = os.path.realpath(path)
    return _open_to_others(real, info, sticky_is_safe=False) or flaw_above(os.path.dirname(real))


def flaw_above(path: str) -> str | None:
    """Why what lies in a directory could be replaced by somebody else, as a text; None when it could not."""
    real, found = os.path.realpath(path), None
    while found is None:
        try:
            found = _open_to_others(real, os.lstat(real), sticky_is_safe=True)
        except OSError as error:
            return f"{real} cannot be looked at: {error.strerror}"
        if real == os.path.dirname(real):
            break
        real = os.path.dirname(real)
    return found


def _open_to_others(path: str, info: os.stat_result, sticky_is_safe: bool) -> str | None:
    if info.st_uid not in (os.geteuid(), 0):
        return f"{path} belongs to user {info.st_uid}"
    if info.st_mode & 0o022 and not (sticky_is_safe and info.st_mode & stat.S_ISVTX):
        return f"{path} may be written by others (mode {stat.S_IMODE(info.st_mode):04o})"
    return None


# ---- choice ----


def directory() -> str:
    """The cache directory: made if need be, checked once per process and setting.

    Raises CacheSecurityError when the one the user named cannot be trusted.
    """
    wanted = os.fspath(config.cache_dir) or os.environ.get("TGEN_CACHE_DIR", "")
    with _guard:
        found = _chosen.get(wanted)
        if found is None or found[1] != os.geteuid():
            found = _chosen[wanted] = (_named(wanted) if wanted else _default()), os.geteuid()
    return found[0]


def _named(path: str) -> str:
    path = os.path.abspath(os.path.expanduser(path))
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        if not os.path.isdir(path):
            return _private(f"the cache directory {path} cannot be made ({error.strerror})")
    reason = flaw(path)
    if reason is not None:
        raise CacheSecurityError(
            f"the cache directory {path} is not safe to load code from: {reason}; "
            "choose another (TGEN_CACHE_DIR or config.cache_dir) or take the others' "
            "rights away (chmod go-w)"
        )
    return path


def _default() -> str:
    for path in (checkout(), user_directory()):
        if path is None:
            continue
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError:
            continue
        reason = flaw(path)
        if reason is not None:
            return _private(f"the cache directory {path} is not safe to load code from: {reason}")
        if os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            return path
    return _private("there is no cache directory this user can write to")


def _private(reason: str) -> str:
    path = scratch_directory()
    warn_once("directory", f"{reason}; compiled functions are kept for this process only")
    return path


def checkout() -> str | None:
    """The ``cache`` directory of a source checkout (pyproject.toml beside the package); None
    when installed.
    """
    root = Path(__file__).resolve().parents[3]
    return str(root / "cache") if (root / "pyproject.toml").is_file() else None


def user_directory() -> str | None:
    """The platform's user cache directory for tgen; None without a home (also where HOME is / : a daemon's,
    not a person's).
    """
    try:
        path = platformdirs.user_cache_dir("tgen", appauthor=False)
    except RuntimeError:  # no HOME and no passwd entry
        return None
    if not os.path.isabs(path) or Path(path).parents[1] == Path("/"):
        return None
    return path


# ---- scratch ----


def scratch_places() -> list[str]:
    """Where a private directory may be made, the best first: the user's TMPDIR, memory, the system's."""
    try:
        wanted = tempfile.gettempdir()
    except OSError:  # nothing can be written there, nor where Python looks instead
        wanted = os.environ.get("TMPDIR", "/tmp")
    return list(dict.fromkeys((wanted, MEMORY, "/tmp", "/var/tmp")))


class _Place(NamedTuple):
    """A private directory: where, the file that says that its process runs, and which process that is."""

    path: str
    alive: int
    pid: int


class _Scratch:
    """This process's private directory (0700), removed at its end; a later one sweeps a killed one's.

    A place somebody else could write to, or that has no room, is passed over; one warning tells of the first.
    """

    def __init__(self) -> None:
        self.place: _Place | None = None
        self.numbers = itertools.count()
        self.passed_over: set[str] = set()  # where there is no room
        self.left: list[_Place] = []  # directories there, in which threads may still be at work
        self.forked = False  # such a process often ends by _exit, which runs no atexit functions

    @property
    def path(self) -> str | None:
        return None if self.place is None else self.place.path

    def own(self) -> _Place | None:
        """The directory, when this process made it and it is still there."""
        place = self.place
        return place if place is not None and place.pid == os.getpid() and os.path.isdir(place.path) else None

    def root(self) -> str:
        # those without room last
        place = self.own() or self._make(sorted(scratch_places(), key=self.passed_over.__contains__))
        return place.path

    def leave(self, reason: str | None) -> bool:
        """Go to another place, as the current one has no room; whether there is one."""
        before = self.place
        if before is None:
            return False
        where = os.path.dirname(before.path)
        self.passed_over.add(where)
        self.place = None  # it stays as it is
        try:
            made = self._make([other for other in scratch_places() if other not in self.passed_over])
        except BaseException as error:
            self.place = before
            self.passed_over.discard(where)
            if not isinstance(error, (OSError, CacheSecurityError)):
                raise
            return False
        self.left.append(before)
        other = os.path.dirname(made.path)
        warn_once("store", f"temporary files cannot be made in {where} ({reason}); {other} is used")
        return True

    def _make(self, places: Sequence[str]) -> _Place:
        unsafe: list[str] = []
        unusable: list[str] = []
        for place in filter(os.path.isdir, places):
            reason = flaw_above(place)
            if reason is not None:
                unsafe.append(reason)
                continue
            try:
                made = self._make_in(place)
            except OSError as error:
                unusable.append(f"{place}: {error.strerror}")
                continue
            if unsafe:
                told = (
                    f"temporary files are made in {place}, as elsewhere code could be replaced: {unsafe[0]}"
                )
                warn_once("scratch", told)
            return made
        if unsafe:
            raise CacheSecurityError(
                "no directory for temporary files is safe to make code in: "
                f"{unsafe[0]}; set TMPDIR to one that only you may write to"
            )
        raise OSError(errno.ENOSPC, f"no directory for temporary files can be used: {'; '.join(unusable)}")

    def _make_in(self, place: str) -> _Place:
        if self.place is not None:
            os.close(self.place.alive)
            self.place = None
        path = tempfile.mkdtemp(prefix=PREFIX, dir=place)
        try:
            alive = os.open(os.path.join(path, ALIVE), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # without the file no sweep would know it for ours
            raise
        self.place = _Place(path, alive, os.getpid())
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # a file system without locks: the sweep waits for nobody there, and a live directory is made
            # again
            pass
        return self.place

    def unused(self) -> bool:
        place = self.own()
        return place is not None and os.listdir(place.path) == [ALIVE]

    def remove(self) -> None:
        place = self.place
        if place is None or place.pid != os.getpid():
            return
        for each in (place, *self.left):
            shutil.rmtree(each.path, ignore_errors=True)
        self.forget_left()
        os.close(place.alive)
        self.place = None

    def forget_left(self) -> None:
        for place in self.left:
            os.close(place.alive)
        self.left = []


_scratch = _Scratch()
atexit.register(_scratch.remove)


def scratch_path(suffix: str) -> str:
    """A path no file of this process ever had, in its private directory: the loader knows
    libraries by name.
    """
    with _guard_scratch:
        return os.path.join(_scratch.root(), f"{next(_scratch.numbers):x}{suffix}")


def scratch_directory() -> str:
    """A new private directory; the caller removes it, the end of the process does at the latest."""
    with _guard_scratch:
        while True:
            path = os.path.join(_scratch.root(), f"{next(_scratch.numbers):x}.d")
            try:
                os.mkdir(path, 0o700)
                return path
            except OSError as error:
                if not _scratch.leave(error.strerror):
                    raise


def in_scratch(work: Callable[[str], Made]) -> Made:
    """``work(path)`` in a new private directory, removed afterwards; elsewhere when there was no room."""
    while True:
        path = scratch_directory()
        try:
            return work(path)
        except (OSError, CompileError):
            if not _left_for_room(path):
                raise
        finally:
            shutil.rmtree(path, ignore_errors=True)
            tidy()


def _left_for_room(path: str) -> bool:
    """After a failure: whether it was for want of room, and there is another place to go to.

    Writing shows how much room there is: a quota or a limit shows in nothing else.
    """
    try:
        with open(os.path.join(path, "room"), "wb", buffering=0) as file:
            for _ in range(ROOM >> 16):
                if file.write(bytes(1 << 16)) != 1 << 16:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return False
    except OSError as error:
        with _guard_scratch:
            if os.path.dirname(path) != _scratch.path:  # another thread has left
                return True
            return error.errno != errno.EFBIG and _scratch.leave(error.strerror)  # a limit holds everywhere


def scratch_root() -> str:
    """This process's private directory, which holds all it makes."""
    with _guard_scratch:
        return _scratch.root()


def tidy() -> None:
    """After the use of a scratch path: a forked process keeps no empty directory, as it may end without
    cleaning up.
    """
    if not _scratch.forked:
        return
    with _guard_scratch:
        if _scratch.unused():
            _scratch.remove()


_guard_scratch = threading.Lock()


def sweep() -> int:
    """Remove the scratch directories of this user's processes that were killed; returns how many."""
    removed = 0
    for entry in (entry for place in scratch_places() for entry in _entries(place)):
        if (
            not entry.name.startswith(PREFIX)
            or entry.path == _scratch.path
            or not entry.is_dir(follow_symlinks=False)
        ):
            continue
        try:
            info = entry.stat(follow_symlinks=False)
            if (
                info.st_uid == os.geteuid()
                and time.time() - info.st_mtime > STALE_AFTER
                and _abandoned(entry.path)
            ):
                shutil.rmtree(entry.path, ignore_errors=True)
                removed += 1
        except OSError:
            continue
    return removed


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return list(found)
    except OSError:
        return []


def _abandoned(path: str) -> bool:
    """Whether nobody holds the lock of a scratch directory; one without the file is not ours."""
    handle = os.open(os.path.join(path, ALIVE), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def _after_fork() -> None:
    """A child makes its own scratch directory; the threads that held the guards are not in it."""
    global _guard, _guard_scratch
    _guard, _guard_scratch = threading.Lock(), threading.Lock()
    _scratch.forked = True
    _scratch.forget_left()


os.register_at_fork(after_in_child=_after_fork)
