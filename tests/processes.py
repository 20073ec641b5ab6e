"""Real child processes for the fault tests: forked after the imports, so one costs milliseconds, with a time
limit.
"""

import os
import pickle
import signal
import stat
import tempfile
import time
import traceback
from contextlib import contextmanager

NOBODY = 54321


class Child:
    """``function(*args)`` in a forked process; ``result()`` is what it returned, and raises what went wrong
    there.
    """

    def __init__(self, function, *args, seconds=120):
        out, into = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(out)
            signal.alarm(seconds)
            self._run(into, function, args)
        os.close(into)
        self.pipe = os.fdopen(out, "rb")

    def _run(self, into, function, args):
        try:
            answer = True, function(*args)
        except BaseException:
            answer = False, traceback.format_exc()
        try:
            with os.fdopen(into, "wb") as pipe:
                pickle.dump(answer, pipe)
        finally:
            os._exit(0)

    def result(self):
        with self.pipe:
            data = self.pipe.read()
        _, status = os.waitpid(self.pid, 0)
        assert status == 0 and data, f"the child ended with status {status}"
        fine, answer = pickle.loads(data)
        assert fine, answer
        return answer

    def kill(self, signal_number=signal.SIGKILL):
        os.kill(self.pid, signal_number)

    def wait(self):
        self.pipe.close()
        os.waitpid(self.pid, 0)


def in_child(function, *args, seconds=120):
    return Child(function, *args, seconds=seconds).result()


def as_nobody(function, *args):
    """In a child without root's rights, where permissions count."""

    def dropped():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.umask(0o022)
        return function(*args)

    return in_child(dropped)


def public_directory():
    """A directory that any user reaches, ours."""
    path = tempfile.mkdtemp(prefix="faults-")
    os.chmod(path, 0o755)
    return path


def hand_over(path, mode=0o755, user=NOBODY):
    """Make ``path`` belong to whom ``as_nobody`` becomes; the path."""
    if os.geteuid() == 0:
        os.chown(path, user, user)
    os.chmod(path, mode)
    return path


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


class Compiler:
    """A ``cc`` that writes down every compile and, where a file says so, sleeps, fails or hangs."""

    def __init__(self, folder, real):
        self.folder = folder
        self.path, self.log, self.delay = (os.path.join(folder, name) for name in ("cc", "log", "delay"))
        with open(self.path, "w") as file:
            file.write(f"""#!/bin/sh
mark=$(test -f tgen.c && grep -o 'MARK[0-9]*' tgen.c | head -n 1)
test -n "$mark" && echo "start $mark $$" >> {self.log}
test -n "$mark" && test -f {self.delay} && . {self.delay}
{real} "$@"
status=$?
test -n "$mark" && echo "end $mark $$" >> {self.log}
exit $status
""")
        os.chmod(self.path, stat.S_IRWXU | 0o055)
        self.forget()

    def forget(self):
        with open(self.log, "w"):
            os.chmod(self.log, 0o666)

    def events(self):
        with open(self.log) as file:
            return [line.split() for line in file]

    def compiles(self, mark=None):
        return sum(event[0] == "start" and mark in (None, event[1]) for event in self.events())

    @contextmanager
    def doing(self, command):
        with open(self.delay, "w") as file:
            file.write(command + "\n")
        try:
            yield
        finally:
            os.unlink(self.delay)
