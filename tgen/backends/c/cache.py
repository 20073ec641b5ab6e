"""The cache: files named by their keys in one directory. No index, no daemon, no global lock.

    <64 hex>.so    a compiled function (tgen.backends.c.entry), mode 0500
    <64 hex>.rec   a record: a small dict under a program key or a machine's
    <64 hex>.blas  our own copy of the BLAS library, named by its digest (tgen.backends.c.blas)
    <64 hex>.lock  a stripe's flock: saves double work, and nothing else depends on it
    <64 hex>.tmp   a file being written

An entry appears by one rename and is never changed. It is proved before it is used, and one that does not
prove is replaced. Storing may fail in any way: then there is one warning per process, and the call goes on
with what it has in memory.
"""

import fcntl
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TypedDict

from tgen.backends.c import entry
from tgen.backends.c.directory import directory, sweep, warn_once
from tgen.backends.c.entry import Facts
from tgen.config import config

LIBRARY, RECORD, LOCK, TEMPORARY, BLAS = ".so", ".rec", ".lock", ".tmp", ".blas"
KEY = re.compile(r"[0-9a-f]{64}\Z")
NAME = re.compile(r"([0-9a-f]{64})(\.so|\.rec|\.lock|\.tmp|\.blas)\Z")
STRIPES = 64
PATIENCE = 120  # seconds to wait for another process that compiles the same; then compile too
TOUCH_EVERY = 3600  # seconds between updates of an entry's time of last use
LEFT_OVER = 3600  # seconds after which a file that was being written is taken for a killed process's


def path_of(key: str, suffix: str) -> str:
    """The path of a key's file. Raises ValueError for what is not 64 hex digits."""
    if not KEY.match(key):
        raise ValueError(f"a key is 64 hex digits; got {key!r}")
    return os.path.join(directory(), key + suffix)


# ---- reading and writing ----


def get(key: str) -> tuple[bytes, Facts] | None:
    """(library bytes, facts) of a stored function; None when it is not there or not what was stored."""
    return _get(path_of(key, LIBRARY), key)


def put(key: str, library: bytes, facts: Facts) -> bool:
    """Store a compiled function; whether that worked. Never raises but for a KeyboardInterrupt."""
    return _put(path_of(key, LIBRARY), entry.pack(key, library, facts))


def record_get(key: str) -> Facts | None:
    """The dict stored under a key by ``record_put``; None when there is none."""
    found = _get(path_of(key, RECORD), key)
    return None if found is None else found[1]


def record_put(key: str, facts: Facts) -> bool:
    """Store a small dict (of what JSON knows) under a key; whether that worked."""
    return _put(path_of(key, RECORD), entry.pack(key, b"", facts))


def _get(path: str, key: str) -> tuple[bytes, Facts] | None:
    data = entry.read(path)
    found = None if data is None else entry.unpack(key, data)
    if found is not None:
        touch(path)
    elif config.debug and os.path.lexists(path):
        print(f"tgen: cache entry {path} is not what was stored; it will be replaced", file=sys.stderr)
    return found


def touch(path: str) -> None:
    """Note the use, for pruning; at most once an hour."""
    try:
        if abs(time.time() - os.stat(path).st_mtime) > TOUCH_EVERY:
            os.utime(path)
    except OSError:
        return


def _put(path: str, data: bytes) -> bool:
    try:
        store(path, data)
    except OSError as error:
        warn_once(
            "store",
            f"a compiled function could not be stored in {os.path.dirname(path)}: "
            f"{error.strerror or error}; "
            "it works, and the next process compiles it again",
        )
        return False
    return True


def store(path: str, data: bytes) -> None:
    """``publish`` a file and keep the whole within config.cache_bytes. Raises OSError."""
    publish(path, data)
    _bound(len(data))


def has_room(size: int) -> bool:
    """Whether a file of ``size`` bytes is kept: one of half of the limit would drive out all others."""
    return 2 * size <= config.cache_bytes


def publish(path: str, data: bytes) -> None:
    """Write a file under another name and rename it: whoever looks sees all of it or nothing.
    Raises OSError.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):  # removed while we run (a tmp cleaner, rm -rf): made again
        os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = os.path.join(folder, os.urandom(32).hex() + TEMPORARY)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o500)
    try:
        try:
            entry.write_all(handle, data)
        finally:
            os.close(handle)
        _rename(temporary, path)
    except BaseException:
        entry.remove(temporary)
        raise


def _rename(temporary: str, path: str) -> None:
    try:
        os.rename(temporary, path)
    except (IsADirectoryError, NotADirectoryError, FileExistsError):
        shutil.rmtree(path)  # whatever it is, it stands where only a file of ours may
        os.rename(temporary, path)


# ---- one compile at a time ----


class _Stripes:
    """A lock per stripe of keys, between threads and between processes."""

    def __init__(self) -> None:
        self.threads = [threading.Lock() for _ in range(STRIPES)]
        self.handles: set[int] = set()

    def after_fork(self) -> None:
        """The parent's flocks are not the child's: as long as the child has them open, they stay taken."""
        for handle in self.handles:
            os.close(handle)
        self.threads = [threading.Lock() for _ in range(STRIPES)]
        self.handles = set()


_stripes = _Stripes()
os.register_at_fork(after_in_child=_stripes.after_fork)


@contextmanager
def alone(key: str) -> Iterator[None]:
    """Only one caller at a time is inside for a key. Where that cannot be had, work is done twice.

    Keys share locks, so code inside must not ask for another key.
    """
    stripe = int(key[:8], 16) % STRIPES
    with _stripes.threads[stripe]:
        handle = _locked(os.path.join(directory(), f"{stripe:064x}{LOCK}"))
        try:
            yield
        finally:
            if handle is not None:
                _stripes.handles.discard(handle)
                os.close(handle)


def _locked(path: str) -> int | None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    _stripes.handles.add(handle)
    try:
        _wait(handle)
    except OSError:  # a file system without locks
        return handle
    except BaseException:
        _stripes.handles.discard(handle)
        os.close(handle)
        raise
    return handle


def _wait(handle: int) -> None:
    """Polling, not blocking: a stopped process must not stop all others. The kernel frees the lock of a
    killed one.
    """
    deadline, pause = time.monotonic() + PATIENCE, 0.001
    while time.monotonic() < deadline:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(pause)
            pause = min(2 * pause, 0.02)


# ---- size ----


class _Account:
    """What this process stored since it last looked at the directory: looking costs a stat per entry."""

    added: int | None = None  # bytes; None before the first look


def _bound(size: int) -> None:
    """Keep the directory within config.cache_bytes. Looks after each hundredth of that, so that ten processes
    overshoot by a tenth.
    """
    before = _Account.added
    if before is not None and before + size < config.cache_bytes // 100:
        _Account.added = before + size
        return
    _Account.added = 0
    if before is None:
        sweep()
    prune()


class Item:
    """A file of the cache: key, suffix, path, size, time of last use."""

    __slots__ = ("key", "suffix", "path", "size", "used")

    def __init__(self, key: str, suffix: str, path: str, info: os.stat_result) -> None:
        self.key, self.suffix, self.path = key, suffix, path
        self.size, self.used = info.st_size, info.st_mtime

    def __repr__(self) -> str:
        return f"<{self.key[:12]}{self.suffix} {self.size} bytes>"


def entries(suffixes: Container[str] = (LIBRARY, RECORD, BLAS)) -> list[Item]:
    """The files of the cache with these suffixes as Items, in order of last use, the oldest first."""
    found: list[Item] = []
    try:
        scan = os.scandir(directory())
    except OSError:
        return found
    with scan:
        for file in scan:
            match = NAME.match(file.name)
            if match is None or match[2] not in suffixes:
                continue
            try:
                found.append(Item(match[1], match[2], file.path, file.stat(follow_symlinks=False)))
            except OSError:  # another process removed it
                continue
    return sorted(found, key=lambda item: (item.used, item.key))


class Stats(TypedDict):
    """What ``stats`` tells: where, how many functions and records, their bytes, and how many may be kept."""

    directory: str
    functions: int
    records: int
    bytes: int
    limit: int


def stats() -> Stats:
    """{"directory", "functions", "records", "bytes", "limit"}."""
    found = entries()
    count = {suffix: sum(item.suffix == suffix for item in found) for suffix in (LIBRARY, RECORD)}
    return {
        "directory": directory(),
        "functions": count[LIBRARY],
        "records": count[RECORD],
        "bytes": sum(item.size for item in found),
        "limit": config.cache_bytes,
    }


def verify() -> list[Item]:
    """Prove every entry; the Items that are not what was stored (they do no harm: a use would
    replace them).
    """
    return [item for item in entries() if not _proves(item)]


def _proves(item: Item) -> bool:
    data = entry.read(item.path)
    if data is None:
        return False
    if item.suffix == BLAS:
        return sha256(data).hexdigest() == item.key
    return entry.unpack(item.key, data) is not None


def prune(limit: int | None = None) -> int:
    """Remove the entries used longest ago until the rest fits ``limit`` bytes (config.cache_bytes), and what
    killed processes left half written; returns how many files. Loaded functions are not touched by it.

    "Now" is the file system's clock, and a time of use after it counts as now.
    """
    limit = config.cache_bytes if limit is None else limit
    found, others = entries(), entries((TEMPORARY,))
    total, removed = sum(item.size for item in found), 0
    if total <= limit and not others:
        return 0
    now = _clock()
    removed += sum(entry.remove(item.path) for item in others if abs(now - item.used) > LEFT_OVER)
    for item in sorted(found, key=lambda item: min(item.used, now)):
        if total <= limit:
            break
        total -= item.size
        removed += entry.remove(item.path)
    return removed


def _clock() -> float:
    """What the cache's file system takes for now."""
    path = os.path.join(directory(), os.urandom(32).hex() + TEMPORARY)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError:
        return time.time()
    try:
        return os.fstat(handle).st_mtime
    finally:
        os.close(handle)
        entry.remove(path)


def clear() -> int:
    """Remove every file of the cache but locks; returns how many. Loaded functions go on."""
    return sum(entry.remove(item.path) for item in entries((LIBRARY, RECORD, TEMPORARY, BLAS)))
