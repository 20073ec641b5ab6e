"""Storages under threads, re-entry and fork; the team; a library's life."""

import gc
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from entries import INCREMENT, NESTED, Call, run_threads
from faults import size
from processes import Child, in_child

import tgen.tensor as T
from tgen import function
from tgen.backends.c import build, host
from tgen.config import config
from tgen.core import forking
from tgen.core.storage import Storage, new_array

pytestmark = pytest.mark.slow

# ---- threads ----


def test_increments_are_exact():
    s, other = Storage(np.zeros(4)), Storage(np.zeros(3))
    both, one = Call(INCREMENT, s, other), Call(INCREMENT, s)
    run_threads([lambda call=call: [call() for _ in range(4000)] for call in (both, one) * 4])
    assert s.get().tolist() == [32000] * 4 and other.get().tolist() == [16000] * 3


def test_readers_never_see_a_torn_value():
    s, stop = Storage(np.zeros(30000)), threading.Event()
    add, seen = Call(INCREMENT, s), []

    def read():
        last = 0
        while not stop.is_set():
            value = s.get()
            assert (value == value[0]).all() and value[0] >= last
            last = value[0]
            seen.append(last)

    def write():
        try:
            for _ in range(400):
                assert add()[0] == 0
        finally:
            stop.set()

    run_threads([read, read, write])
    assert s.get()[0] == 400 and seen


def test_set_value_meanwhile():
    s = Storage(np.zeros(1000))
    add = Call(INCREMENT, s)

    def sets():
        for n in range(300):
            s.set(np.full(1000 + n % 2, 1e6 * n))

    def adds():
        for _ in range(2000):
            assert add()[0] == 0
            value = s.get()
            assert (value == value[0]).all()

    run_threads([sets, adds, adds])


def test_waiting_writer_is_not_starved_by_readers():
    s, stop = Storage(np.zeros(60000)), threading.Event()
    look = Call(
        "int32_t tgen_entry(const tgen_host *h, int64_t *f, tgen_storage *const *s) { volatile "
        "double x = 0; (void)h; (void)f;"
        " for (int64_t i = 0; i < s[0]->dims[0]; i++) x = ((double *)s[0]->data)[i]; (void)x; return "
        "0; }",
        s,
        exclusive=False,
    )
    add = Call(INCREMENT, s)

    def read():
        while not stop.is_set():
            look()

    def write():
        try:
            for _ in range(50):
                add()
        finally:
            stop.set()

    run_threads([read, read, read, write])
    assert s.get()[0] == 50


def test_reentrant_calls():
    a, b, c = (Storage(np.zeros(2)) for _ in range(3))
    outer, reader = Call(NESTED, a), Call(NESTED, a, exclusive=False)
    assert outer.nested(Call(INCREMENT, b)) == 0  # another storage: it just works
    assert outer.nested(Call(INCREMENT, a)) == 5  # its own lock: told, not deadlocked
    assert reader.nested(Call(INCREMENT, a)) == 5
    assert outer.nested(Call(INCREMENT, a, exclusive=False)) == 5
    assert outer.nested(Call(INCREMENT, b, a)) == 5
    # reading what one reads is no conflict
    assert reader.nested(Call(INCREMENT, a, exclusive=False)) == 0
    assert Call(NESTED, b).nested(Call(INCREMENT, a, c)) == 0  # a lock below the one held, free
    assert Call(INCREMENT, a, b, c)() == (0, 1)  # nothing is left locked


def test_lock_below_one_that_is_held_gives_up():
    a, b = Storage(np.zeros(2)), Storage(np.zeros(2))
    lib = host.table()[0]
    held, done = threading.Event(), threading.Event()

    def hold():
        lib.tgen_storage_lock(a.record, 1)
        held.set()
        done.wait(20)
        lib.tgen_storage_unlock(a.record, 1)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    assert Call(NESTED, b).nested(Call(INCREMENT, a)) == 5
    done.set()
    thread.join()
    assert Call(INCREMENT, a, b)() == (0, 1)


def test_waiting_lets_other_python_run():
    s = Storage(np.zeros(2))
    lib, add, order = host.table()[0], Call(INCREMENT, s), []
    lib.tgen_storage_lock(s.record, 1)
    thread = threading.Thread(target=lambda: order.append(add()))
    thread.start()
    time.sleep(0.05)  # this very thread runs on while the other waits in C
    assert not order
    lib.tgen_storage_unlock(s.record, 1)
    thread.join(5)
    assert order == [(0, 1)]


# ---- the team ----


def helpers():
    """How many threads of this process help calls."""
    return sum(Path(task, "comm").read_text() == "tgen\n" for task in Path("/proc/self/task").iterdir())


def test_the_team_grows_with_its_size_and_a_child_makes_its_own():
    x = T.dmatrix("x")
    value = np.linspace(-1, 1, 600000).reshape(1000, 600)
    with config.change_flags(threads=3):
        f = function([x], [T.tanh(x).sum(axis=0), T.exp(x).sum()])
        wanted = [r.tobytes() for r in f(value)]
        assert helpers() >= 2
        with config.change_flags(threads=4):
            assert [r.tobytes() for r in f(value)] == wanted and helpers() >= 3

        def child():
            before = helpers()
            return before, [r.tobytes() for r in f(value)] == wanted, helpers()

        assert in_child(child) == (0, True, 2)


def test_one_call_at_a_time_has_the_team_and_the_others_run_alone():
    x = T.dmatrix("x")
    value = np.linspace(-1, 1, 300000).reshape(500, 600)
    with config.change_flags(threads=2):
        f = function([x], [T.tanh(x).sum(axis=0), T.dot(x.T, x)])
        wanted = [r.tobytes() for r in f(value)]
        same = []

        def work():
            same.extend([r.tobytes() for r in f(value)] == wanted for _ in range(30))

        threads = [threading.Thread(target=work) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert same == [True] * 180


# ---- fork ----


def test_fork_never_sees_half_an_update():
    s, stop = Storage(np.zeros(200000)), threading.Event()
    add = Call(INCREMENT, s)
    thread = threading.Thread(target=lambda: [add() for _ in iter(stop.is_set, True)])
    thread.start()

    def look():
        value = s.get()
        whole = bool((value == value[0]).all())
        s.set(value)
        return whole and add()[0] == 0 and s.get()[0] == value[0] + 1

    try:
        for _ in range(size(40, 100)):
            assert in_child(look, seconds=60)
    finally:
        stop.set()
        thread.join()


def test_a_fork_waits_for_what_must_be_whole():
    """The import of a library, say: in the child nobody would ever let go of its lock."""
    begun, done = threading.Event(), threading.Event()

    def load():
        with forking.whole:
            begun.set()
            time.sleep(0.05)  # the fork comes meanwhile, or later
            done.set()

    thread = threading.Thread(target=load)
    thread.start()
    begun.wait()
    assert in_child(lambda: (done.is_set(), forking.whole.acquire(blocking=False)), seconds=60) == (
        True,
        True,
    )
    thread.join()


def test_fork_while_threads_use_everything():
    storages = [Storage(np.zeros(3000)) for _ in range(5)]
    stop = threading.Event()

    def work(k):
        add = Call(INCREMENT, *storages[k : k + 2])
        while not stop.is_set():
            add()
            storages[k].get()
            storages[k].set(np.zeros(3000 + k))
            Storage(np.zeros(10))
            new_array("float64", (20000,))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]

    def use_all():
        add = Call(INCREMENT, *storages)
        return [add()[0] for _ in range(3)] + [len(Storage(np.ones(4)).get())]

    try:
        for _ in range(size(25, 100)):
            assert in_child(use_all, seconds=60) == [0, 0, 0, 4]
    finally:
        stop.set()
        [t.join() for t in threads]


def test_fork_waits_for_the_writer():
    s = Storage(np.zeros(2))
    lib = host.table()[0]
    held, order = threading.Event(), []

    def hold():
        lib.tgen_storage_lock(s.record, 1)
        held.set()
        time.sleep(0.2)
        order.append("unlocked")
        lib.tgen_storage_unlock(s.record, 1)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    child = Child(s.get)
    assert order == ["unlocked"] and child.result().tolist() == [0, 0]
    thread.join()


def test_child_of_child():
    s = Storage(np.ones(3))
    assert in_child(lambda: in_child(lambda: in_child(s.get))).tolist() == [1] * 3


# ---- libraries, products ----


def test_library_is_unloaded_with_its_last_user():
    add = Call(INCREMENT + "/* loaded once */", Storage(np.zeros(1)))
    gone, key = weakref.ref(add.library), add.library.key
    assert build.load(key) is add.library
    del add
    gc.collect()
    assert gone() is None
    again = build.load(key)
    assert again is not None and again.key == key
