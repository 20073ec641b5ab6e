"""A compiler must not outlive the process that started it, even one that had no time to say so.

SIGTERM, SIGHUP and SIGKILL end a process without running anything in it. So beside every compile a shell
waits on a pipe whose other end only this process has: when that closes without a word, it kills the compilers
that it was told of and removes the process's scratch directory. It sits in a session of its own, which Ctrl-C
does not reach.
"""

from __future__ import annotations

import os
import subprocess

DONE = "done"
SCRIPT = f"""all=
while read -r word; do
    test "$word" = {DONE} && exit 0
    all="$all -$word"
done
test -n "$all" && kill -s KILL -- $all
rm -rf -- "$1"
"""
_open: set[int] = set()  # our ends of pipes: a forked child must not keep them open


class Watcher:
    """``with Watcher(folder) as watcher``: what it follows and ``folder`` go if this process dies inside."""

    pipe: int  # our end; there while we are inside

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.shell: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Watcher:
        theirs, self.pipe = os.pipe()
        _open.add(self.pipe)
        try:
            self.shell = subprocess.Popen(
                ("/bin/sh", "-c", SCRIPT, "sh", self.folder),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath},
                start_new_session=True,
            )
        except OSError:
            self.shell = None  # no shell, no watch
        except BaseException:
            self._tell(DONE)  # the shell may be there: this process lives
            self._close()
            raise
        finally:
            os.close(theirs)
        return self

    def follow(self, group: int) -> None:
        """Kill this process group with us."""
        self._tell(str(group))

    def __exit__(self, *error: object) -> None:
        self._tell(DONE)
        self._close()
        if self.shell is not None:
            self.shell.wait()

    def _tell(self, word: str) -> None:
        try:
            os.write(self.pipe, word.encode() + b"\n")
        except OSError:  # somebody killed the shell
            return

    def _close(self) -> None:
        _open.discard(self.pipe)
        os.close(self.pipe)


def _after_fork() -> None:
    for pipe in _open:
        os.close(pipe)
    _open.clear()


os.register_at_fork(after_in_child=_after_fork)
