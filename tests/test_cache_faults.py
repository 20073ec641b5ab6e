"""What the cache survives, in real processes, with a compiler that counts."""

import builtins
import errno
import io
import itertools
import os
import random
import resource
import shutil
import signal
import stat
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from faults import (  # noqa: F401  # noqa: F401
    answer,
    cc,
    figure,
    in_directory,
    made,
    made_with_warnings,
    named,
    numbers,
    place,
    size,
    stored_path,
    text_of,
)
from processes import NOBODY, Child, as_nobody, hand_over, in_child, public_directory, wait_for

from tgen.backends.c import blas, build, cache, directory, entry, host, image, toolchain
from tgen.config import config
from tgen.core.keys import digest
from tgen.errors import CacheSecurityError, CompileError

pytestmark = pytest.mark.slow

# ---- many processes ----


def test_same_function_in_many_processes(cc, place):
    rounds, count = size(3, 10), size(16, 32)
    for n in itertools.islice(numbers, rounds):
        gate, opener = os.pipe()

        def wait_and_make():
            os.close(opener)
            os.read(gate, 1)
            return made(n)

        children = [Child(wait_and_make) for _ in range(count)]
        os.close(opener)
        assert [c.result() for c in children] == [n] * count
        os.close(gate)
        assert cc.compiles(f"MARK{n}") == 1
        assert os.path.basename(stored_path(n)) in named(place, ".so")
    assert len(named(place, ".so")) == rounds and not named(place, ".tmp")
    figure(processes=count, rounds=rounds, compiles=cc.compiles())


def test_same_function_in_many_threads(cc, place):
    n, answers = next(numbers), []
    cwd, before = os.getcwd(), dict(os.environ)
    threads = [threading.Thread(target=lambda: answers.append(made(n))) for _ in range(16)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert answers == [n] * 16 and cc.compiles() == 1
    assert os.getcwd() == cwd and dict(os.environ) == before


def test_killed_while_compiling(cc, place):
    n = next(numbers)
    with cc.doing("sleep 30"):
        holder = Child(made, n)
        wait_for(lambda: cc.compiles() == 1)
    waiter = Child(made, n)
    time.sleep(0.1)
    assert cc.compiles() == 1  # it waits
    holder.kill()
    holder.wait()
    assert waiter.result() == n and cc.compiles() == 2


def test_killed_at_random_times(place):
    source = random.Random(1)
    count = size(12, 100)
    for n in itertools.islice(numbers, count):
        child = Child(made, n)
        time.sleep(source.uniform(0, 0.06))
        child.kill()
        child.wait()
        assert in_child(made, n) == n
    assert not cache.verify()
    figure(killed=count)


def test_what_killed_processes_left_is_swept(place):
    leave, into = os.pipe()

    def leave_scratch():
        os.write(into, directory.scratch_directory().encode())
        time.sleep(30)

    child = Child(leave_scratch)
    scratch = os.path.dirname(os.read(leave, 4096).decode())
    old = time.time() - 1000
    os.utime(scratch, (old, old))
    directory.sweep()
    assert os.path.isdir(scratch)  # its process lives
    child.kill()
    child.wait()
    assert directory.sweep() >= 1 and not os.path.exists(scratch)


def test_different_functions_do_not_wait(cc, place):
    first = next(numbers)
    stripe = int(build.key_of(text_of(first))[:8], 16) % cache.STRIPES
    second = next(n for n in numbers if int(build.key_of(text_of(n))[:8], 16) % cache.STRIPES != stripe)
    with cc.doing("sleep 0.3"):
        children = [Child(made, n) for n in (first, second)]
        assert [c.result() for c in children] == [first, second]
    assert [event[0] for event in cc.events()] == ["start", "start", "end", "end"]


# ---- nowhere to store ----


def test_file_size_limit(place):
    first, second = next(numbers), next(numbers)

    def limited(n):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        result = made_of(text_of(n), long_text(n))
        return result, resource.getrlimit(resource.RLIMIT_FSIZE)

    for n in (first, second):
        (answers, seen), limit = in_child(limited, n)
        assert answers == [n, n] and len(seen) == 1 and "File too large" in seen[0]
        assert limit[0] == 4096
    assert not named(place, ".so") and not named(place, ".tmp")


def long_text(number):
    """A function that answers ``number``, of more than a file may hold under the limit of this test."""
    return text_of(number) + f"/* {'long ' * 2000}*/\n"


def made_of(*texts):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        answers = [answer(build.obtain(text, {})) for text in texts]
    return answers, [str(w.message) for w in seen]


@contextmanager
def full_place(monkeypatch, cc):
    """A TMPDIR in which nothing fits: neither what tgen writes nor what a compiler does."""
    small = tempfile.mkdtemp(prefix="full-")
    real = builtins.open

    class Full(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open_there(path, mode="r", *args, **options):
        if "w" in mode and str(path).startswith(small + "/") and not str(path).endswith(full_place.fits):
            return Full(path, "w")
        return real(path, mode, *args, **options)

    monkeypatch.setattr(builtins, "open", open_there)
    monkeypatch.setattr(tempfile, "tempdir", small)
    monkeypatch.setattr(directory, "_scratch", directory._Scratch())
    try:
        with cc.doing(f"case $PWD in {small}/*) echo 'No space left on device' >&2; exit 1;; esac"):
            yield small
    finally:
        shutil.rmtree(small)


@pytest.mark.parametrize("fits", ["nothing", "tgen.c"])
def test_full_directory_for_temporary_files(cc, place, monkeypatch, fits):
    """Whether the text does not fit or what is made of it: it is compiled elsewhere, and stored."""
    first, second = next(numbers), next(numbers)
    full_place.fits = fits

    def told():
        with full_place(monkeypatch, cc) as small:
            result = made_of(long_text(first), text_of(second))
            used = directory._scratch.path
            directory._scratch.remove()
            return result, small, used, os.listdir(small), os.path.exists(used)

    (answers, seen), small, used, left, there = in_child(told)
    assert answers == [first, second] and len(seen) == 1 and small in seen[0] and "No space left" in seen[0]
    assert not used.startswith(small) and left == [] and not there and len(named(place, ".so")) == 2


def test_an_error_in_the_text_is_no_lack_of_room(place):
    used = directory.scratch_root()
    with pytest.raises(CompileError, match="no_such"):
        build.obtain("int x = no_such;\n", {})
    assert directory.scratch_root() == used


def test_without_any_place_for_temporary_files(place, monkeypatch):
    monkeypatch.setattr(directory, "scratch_places", lambda: ["/nowhere/at/all"])
    with pytest.raises(CompileError, match="no directory for temporary files"):
        in_child_raises(lambda: made(next(numbers)))


def in_child_raises(work):
    """The exception of a child, here."""

    def caught():
        directory._scratch = directory._Scratch()
        try:
            work()
        except Exception as error:
            return error

    error = in_child(caught)
    if error is not None:
        raise error


@pytest.mark.parametrize("places", ["next to it", "nowhere"])
def test_unsafe_directory_for_temporary_files(place, monkeypatch, places):
    """One that others may write to and that is not sticky: code is not made there."""
    base, n = public_directory(), next(numbers)
    loose, safe = os.path.join(base, "loose"), os.path.join(base, "safe")
    for path, mode in ((loose, 0o777), (safe, 0o1777)):
        os.mkdir(path)
        os.chmod(path, mode)
    there = [loose, safe] if places == "next to it" else [loose]
    monkeypatch.setattr(directory, "scratch_places", lambda: there)
    theirs = hand_over(tempfile.mkdtemp(prefix="faults-", dir=os.path.dirname(place)))

    def used():
        directory._scratch = directory._Scratch()
        try:
            return made_with_warnings(n), directory.scratch_root()
        except CacheSecurityError as error:
            return str(error), None
        finally:
            directory._scratch.remove()

    told, where = as_nobody(in_directory, theirs, used)
    if places == "nowhere":
        assert f"{loose} may be written by others (mode 0777)" in told and "TMPDIR" in told
    else:
        (answers, seen) = told
        assert answers == [n] and len(seen) == 1 and f"{loose} may be written by others" in seen[0]
        assert where.startswith(safe)
    assert os.listdir(loose) == os.listdir(safe) == []
    shutil.rmtree(base)


def test_loaded_from_memory_where_no_directory_may_hold_programs(place, monkeypatch):
    """Numbers of files come back and names must not: each library is really the one that was asked for."""
    for _ in range(6):
        n = next(numbers)
        code = toolchain.get().compile(text_of(n))
        with monkeypatch.context() as patch:
            patch.setattr(image, "_in_scratch", no_programs)
            patch.setattr(image, "_beside_entries", no_programs)
            assert answer(build.Library(f"{n:064x}", code, {"meta": {}, "c": ""})) == n


@contextmanager
def no_programs(code):
    raise OSError(errno.EPERM, "failed to map segment from shared object")
    yield


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_every_write_may_fail(place, error):
    def failing_at(k, n):
        count, real = itertools.count(), os.write

        def write(handle, data):
            if next(count) == k:
                raise OSError(error, os.strerror(error))
            return real(handle, data[: max(len(data) // 2, 1)])  # and short writes all the way

        entry.os = type("os", (), {**vars(os), "write": staticmethod(write)})
        return *made_with_warnings(n), next(count)

    k, calls = 0, 1
    while k < calls:
        n = next(numbers)
        answers, seen, calls = in_child(failing_at, k, n)
        assert answers == [n] and len(seen) <= 1
        assert in_child(made, n) == n
        k += size(7, 1)
    figure(writes=calls)
    assert not named(place, ".tmp") and not cache.verify()


def test_read_only_directory(cc, place):
    hit, first, second = next(numbers), next(numbers), next(numbers)
    theirs = hand_over(tempfile.mkdtemp(prefix="faults-", dir=os.path.dirname(place)))
    as_nobody(in_directory, theirs, made, hit)
    hand_over(theirs, 0o555)
    answers, seen = as_nobody(in_directory, theirs, made_with_warnings, hit, first, second)
    assert answers == [hit, first, second] and cc.compiles(f"MARK{hit}") == 1
    assert len(seen) == 1 and "could not be stored" in seen[0]
    hand_over(theirs, 0o755)


def without_named_directory(home):
    """As a process that was told nothing about directories."""
    directory.checkout = lambda: None
    config.cache_dir = ""
    for name in ("TGEN_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        os.environ.pop(name, None)
    if home is not None:
        os.environ["HOME"] = home


@pytest.mark.parametrize("home", [None, "/", "/nowhere/at/all", "relative"])
def test_no_home(cc, home):
    n = next(numbers)

    def homeless():
        without_named_directory(home)
        result, used = made_with_warnings(n), directory.directory()
        mode = os.stat(directory._scratch.path).st_mode
        directory._scratch.remove()  # as at the end of a process
        return result, used, mode

    (answers, seen), used, mode = as_nobody(homeless)
    assert answers == [n] and len(seen) == 1 and "for this process only" in seen[0]
    assert stat.S_IMODE(mode) == 0o700 and not os.path.exists(used)


def test_directory_removed_while_running(cc, place):
    n, other = next(numbers), next(numbers)
    library = build.obtain(text_of(n), {})
    shutil.rmtree(place)
    assert answer(library) == n
    assert made(other) == other and in_child(made, other) == other
    assert cc.compiles(f"MARK{other}") == 1  # recreated and stored
    stored = cache.get(build.key_of(text_of(other)))
    shutil.rmtree(place)  # between get and load
    assert answer(build.Library("0" * 64, *stored)) == other


def test_scratch_removed_while_running(place):
    n, other = next(numbers), next(numbers)
    made(n)
    shutil.rmtree(directory._scratch.path)
    assert made(other) == other


# ---- what is there cannot be trusted ----


def test_corrupt_bytes_are_never_accepted(place):
    n = next(numbers)
    made(n)
    key, path = build.key_of(text_of(n)), stored_path(n)
    good = open(path, "rb").read()
    source = random.Random(2)
    assert entry.unpack(key, good)
    for end in range(0, len(good), 512):
        assert entry.unpack(key, good[:end]) is None
    for _ in range(1000):
        bad = bytearray(good)
        bad[source.randrange(len(bad))] ^= 1 << source.randrange(8)
        assert entry.unpack(key, bytes(bad)) is None
    for bad in (b"", bytes(len(good)), good + b"x", good + good, good[1:]):
        assert entry.unpack(key, bad) is None
    assert entry.unpack("0" * 64, good) is None


def spoil_truncate(path):
    data = open(path, "rb").read()
    replace(path, data[: len(data) // 2])


def spoil_flip(path):
    data = bytearray(open(path, "rb").read())
    data[len(data) // 3] ^= 16
    replace(path, bytes(data))


def spoil_empty(path):
    replace(path, b"")


def spoil_other(path):
    other = stored_path(1)
    replace(path, open(other, "rb").read())


def spoil_directory(path):
    os.unlink(path)
    os.mkdir(path)
    open(os.path.join(path, "file"), "w").close()


def spoil_symlink(path):
    os.rename(path, path + ".aside")
    os.symlink(path + ".aside", path)


def spoil_dangling(path):
    os.unlink(path)
    os.symlink("/nowhere/at/all", path)


def spoil_fifo(path):
    os.unlink(path)
    os.mkfifo(path)


def spoil_mode(path):
    os.chmod(path, 0o777)


def spoil_hard_link(path):
    os.link(path, path + ".aside")


def replace(path, data):
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o500)


SPOILED = [
    spoil_truncate,
    spoil_flip,
    spoil_empty,
    spoil_other,
    spoil_directory,
    spoil_symlink,
    spoil_dangling,
    spoil_fifo,
    spoil_mode,
    spoil_hard_link,
]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda f: f.__name__[6:])
def test_corrupt_entry_is_healed(cc, place, spoil):
    made(1)
    n = next(numbers)
    assert in_child(made, n) == n
    spoil(stored_path(n))
    assert in_child(made, n) == n and cc.compiles(f"MARK{n}") == 2
    info = os.lstat(stored_path(n))
    assert stat.S_ISREG(info.st_mode) and stat.S_IMODE(info.st_mode) == 0o500
    assert in_child(made, n) == n and cc.compiles(f"MARK{n}") == 2  # healed


def products():
    """Fill a host table in this process: what the products are, and one of them."""
    lib, ffi, _ = host.table()
    table = ffi.new("tgen_host *")
    name = blas.fill(lib, ffi, table)
    a, c = np.arange(6.0).reshape(2, 3), np.zeros((2, 2))
    left, right, out = (ffi.cast("void *", x.ctypes.data) for x in (a, a, c))
    lib.tgen_gemm(table, 0, 111, 112, 2, 2, 3, 1.0, left, 3, right, 3, 0.0, out, 2)
    return name, c.tolist()


PRODUCT = [[5, 14], [14, 50]]


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda f: f.__name__[6:])
def test_a_corrupt_copy_of_the_blas_library_is_healed(place, spoil):
    made(1)
    name, product = in_child(products)
    (path,) = (item.path for item in cache.entries((cache.BLAS,)))
    assert name.startswith("openblas") and product == PRODUCT and not cache.verify()
    spoil(path)
    assert cache.verify()
    assert in_child(products) == (name, PRODUCT)
    assert not [item for item in cache.verify() if item.path == path]


def test_the_copy_of_the_blas_library_counts(place):
    in_child(products)
    size = os.stat(blas.library()).st_size
    assert cache.stats()["bytes"] > size and cache.prune(size - 1) > 0 and not cache.entries((cache.BLAS,))

    def in_a_small_cache():
        config.cache_bytes = size
        return products()

    assert in_child(in_a_small_cache)[1] == PRODUCT and not cache.entries((cache.BLAS,))


def test_records_are_proved_too(place):
    key = digest("record")
    assert cache.record_put(key, {"a": [1, None]}) and cache.record_get(key) == {"a": [1, None]}
    spoil_flip(cache.path_of(key, cache.RECORD))
    assert cache.record_get(key) is None and len(cache.verify()) == 1
    assert cache.record_put(key, {}) and cache.record_get(key) == {}


def unsafe_owner(base):
    os.mkdir(os.path.join(base, "tgen"))
    return hand_over(os.path.join(base, "tgen"), user=NOBODY + 1)


def unsafe_mode(mode):
    def make(base):
        os.mkdir(os.path.join(base, "tgen"))
        return hand_over(os.path.join(base, "tgen"), mode)

    return make


def unsafe_symlink(base):
    os.mkdir(os.path.join(base, "real"))
    hand_over(os.path.join(base, "real"))
    os.symlink(os.path.join(base, "real"), os.path.join(base, "tgen"))
    return os.path.join(base, "tgen")


def unsafe_ancestor(base):
    path = unsafe_mode(0o700)(base)
    os.chmod(base, 0o777)
    return path


UNSAFE = {
    "owner": unsafe_owner,
    "0777": unsafe_mode(0o777),
    "0770": unsafe_mode(0o770),
    "symlink": unsafe_symlink,
    "ancestor": unsafe_ancestor,
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_unsafe_directory(cc, kind):
    base, n = public_directory(), next(numbers)
    try:
        path = UNSAFE[kind](base)

        def named_by_user():
            config.cache_dir = path
            with pytest.raises(CacheSecurityError, match="not safe to load code from"):
                made(n)

        def found_by_default():
            without_named_directory(None)
            os.environ["XDG_CACHE_HOME"] = base
            return made_with_warnings(n), directory.directory()

        as_nobody(named_by_user)
        (answers, seen), used = as_nobody(found_by_default)
        assert answers == [n] and len(seen) == 1 and "not safe" in seen[0]
        assert used != path and not [f for f in os.listdir(path)]
    finally:
        shutil.rmtree(base)


def test_file_of_another_user(cc, place):
    n = next(numbers)
    theirs = hand_over(tempfile.mkdtemp(prefix="faults-", dir=os.path.dirname(place)))
    as_nobody(in_directory, theirs, made, n)
    path = os.path.join(theirs, os.path.basename(stored_path(n)))
    hand_over(path, 0o500, NOBODY + 1)
    assert as_nobody(in_directory, theirs, made, n) == n and cc.compiles(f"MARK{n}") == 2
    assert os.stat(path).st_uid == NOBODY


# ---- clocks and size ----


def test_wrong_clocks(place):
    old, new, future = (digest(name) for name in ("old", "new", "future"))
    for key in (old, new, future):
        cache.put(key, bytes(5000), {})
    years = 10 * 365 * 86400
    now = time.time()
    os.utime(cache.path_of(old, ".so"), (now - years, now - years))
    os.utime(cache.path_of(future, ".so"), (now + years, now + years))
    assert all(cache.get(key) for key in (new, future))
    assert cache.prune(11000) == 1 and cache.get(old) is None and cache.get(new)


def test_bounded_with_several_evictors(place):
    def store(seed):
        source = random.Random(seed)
        config.cache_bytes = 1 << 20
        for k in range(size(60, 500)):
            assert cache.put(digest("entry", str(seed), str(k)), source.randbytes(9000), {})
        return True

    children = [Child(store, seed) for seed in range(size(4, 8))]
    assert all(c.result() for c in children)
    assert sum(item.size for item in cache.entries()) <= 1.1 * (1 << 20)
    assert len(cache.entries()) > 50 and not cache.verify()


def test_stats_and_clear(place):
    made(next(numbers))
    facts = cache.stats()
    assert facts["functions"] == 1 and facts["directory"] == place and facts["bytes"] > 1000
    assert cache.clear() >= 1 and cache.stats()["functions"] == 0


def test_a_private_directory_that_cannot_be_marked_as_ours_is_not_left(tmp_path, monkeypatch):
    """The sweep of a later process would not know it."""
    scratch = directory._Scratch()
    monkeypatch.setattr(directory, "scratch_places", lambda: [str(tmp_path)])
    with monkeypatch.context() as patch:
        patch.setattr(directory, "ALIVE", os.path.join("no", "such"))
        with pytest.raises(OSError):
            scratch.root()
    assert os.listdir(tmp_path) == [] and scratch.path is None
    assert os.path.dirname(scratch.root()) == str(tmp_path)  # and the next try begins anew
    scratch.remove()
    assert os.listdir(tmp_path) == [] and scratch.path is None
