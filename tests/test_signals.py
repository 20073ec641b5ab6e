"""Loops in C see signals: host->poll lets Python run their handlers, keeps what one raises, and costs next to
nothing.
"""

import signal
import threading

import numpy as np
import pytest
from entries import Call

from tgen.backends.c import host, inside
from tgen.core.refusal import OK, STOPPED
from tgen.core.storage import Storage

pytestmark = pytest.mark.slow

# frame[9] steps of frame[10] rounds of arithmetic each, with a look at signals as scan's loop has it;
# frame[0] counts the steps done, frame[1] the looks.
LOOP = """
int32_t tgen_entry(const tgen_host *host, int64_t *frame, tgen_storage *const *shared)
{
    int64_t last[2] = {0, 0}, steps = 0;
    volatile double x = 1;
    (void)shared;
    for (frame[0] = frame[1] = 0; frame[0] < frame[9]; frame[0]++) {
        if (--steps <= 0) {
            frame[1]++;
            steps = host->poll(last);
            if (steps == 0) return TGEN_STOPPED;
            if (steps < 0) return TGEN_ASSERT;
        }
        for (int64_t k = 0; k < frame[10]; k++) x = x*1.000001;
    }
    return TGEN_OK;
}
"""
FOREVER = 1 << 60


def loop(steps, rounds, *storages, watched=None):
    """(status, steps done, looks) of the loop; ``watched`` gets its frame before it runs."""
    call = Call(LOOP, *storages)
    frame = call.ffi.new("int64_t[16]")
    frame[9], frame[10] = steps, rounds
    if watched is not None:
        watched.append(frame)
    status = call.run(frame)
    return status, frame[0], frame[1]


class Bell(Exception):
    pass


@pytest.fixture
def alarm():
    """alarm(seconds, handler): the handler runs once, later; the old one comes back. The loop is compiled
    before it rings.
    """
    loop(1, 1)
    old = signal.getsignal(signal.SIGALRM)

    def ring(seconds, handler):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield ring
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


@pytest.mark.parametrize("rounds", [1, 1000, 1_000_000], ids=["short steps", "steps", "long steps"])
def test_what_a_handler_raises_ends_the_loop_soon(alarm, rounds):
    rang, frames, error = [], [], Bell("this very one")

    def handler(number, frame):
        rang.append(frames[0][1])
        raise error

    alarm(0.1, handler)
    status, steps, looks = loop(FOREVER, rounds, watched=frames)
    caught = inside.raised()
    assert status == STOPPED and caught is error and steps > 0
    assert any(frame.f_code is handler.__code__ for frame, _ in _walk(caught.__traceback__))
    assert rang == [looks]  # it is the last look: the very one in which the handler ran


def _walk(traceback):
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def test_a_handler_that_does_not_raise_changes_nothing(alarm):
    rang = []
    # a loop inside the handler is a call of its own
    alarm(0.02, lambda number, frame: rang.append(loop(3, 1)[:2]))
    status, steps, _ = loop(300, 1_000_000)
    assert (status, steps) == (OK, 300) and rang == [(OK, 3)]


def test_looks_are_rare_and_never_more_than_256_steps_away():
    status, steps, looks = loop(10**6, 1)
    assert status == OK and 10**6 / 256 <= looks < 10**6 / 256 + 20
    status, steps, looks = loop(200, 1_000_000)  # a step of about a millisecond: every fifth of them
    assert 2 <= looks <= 200


def test_other_threads_loop_undisturbed(alarm):
    """A signal is the main thread's: the loop of another one goes on, and the main thread runs the handler
    meanwhile.
    """
    rang, found = [], []
    thread = threading.Thread(target=lambda: found.append(loop(300, 1_000_000)[:2]))
    alarm(0.02, lambda number, frame: rang.append(threading.current_thread()))
    thread.start()
    thread.join()
    assert found == [(OK, 300)] and rang == [threading.main_thread()]


def test_the_interpreter_is_not_asked_by_short_calls(monkeypatch):
    asked = []
    lib, ffi, _ = host.table()
    look = ffi.callback("int64_t()", lambda: asked.append(1) or inside.LOOK_NS)
    lib.tgen_set_python(ffi.NULL, look)
    try:
        for _ in range(300):
            loop(5, 1)
        short = len(asked)
        loop(300, 1_000_000)
    finally:
        inside.connect(lib, ffi)
    assert short == 0 < len(asked)


def test_locks_are_given_back(alarm):
    storage = Storage(np.zeros(3))

    def handler(number, frame):
        raise Bell

    alarm(0.05, handler)
    assert loop(FOREVER, 1000, storage)[0] == STOPPED
    assert isinstance(inside.raised(), Bell)
    storage.set(np.ones(3))
    assert storage.get().tolist() == [1, 1, 1]


def test_exceptions_are_kept_per_thread_and_in_order():
    first, second = Bell(1), Bell(2)
    inside.keep(first)
    inside.keep(second)
    found = []
    thread = threading.Thread(target=lambda: found.append(inside.raised()))
    thread.start()
    thread.join()
    assert type(found[0]) is KeyboardInterrupt
    assert inside.raised() is second and inside.raised() is first
