"""Run a script as ``__main__`` and record every function it builds, until the one wanted is there."""

import os
import runpy
import sys
import threading
import traceback

from tgen.graph.nodes import is_user_frame, user_line
from tgen.runtime import hooks
from tgen.runtime.request import default_name

from .bound import bound_name


class Enough(BaseException):
    """Ends the script; no Exception, so that scripts that catch those do not catch it."""


class Built:
    """A recorded function: its label (name=, variable, or file:line), all its names, where it was built."""

    def __init__(self, function, given, variable, where):
        self.function, self.where = function, where
        place = f"{os.path.basename(where[0])}:{where[1]}" if where else function.name
        self.label = given or variable or place
        self.names = {n for n in (given, variable, place, str(where[1]) if where else None) if n}


class Recorder:
    """The hooks of one run. ``wanted``: the name after which to stop; else it stops at the first call, unless
    ``run_on``.
    """

    def __init__(self, wanted=None, run_on=False):
        self.wanted, self.run_on = wanted, run_on
        self.found, self.done = [], False
        self.guard = threading.Lock()

    def built(self, fn):
        frame = sys._getframe(1)
        while frame is not None and not is_user_frame(frame.f_code.co_filename):
            frame = frame.f_back
        where = user_line()
        given = None if fn.name == default_name(where) else fn.name
        record = Built(fn, given, bound_name(frame) if frame is not None else None, where)
        with self.guard:
            same = sum(other.label.partition("#")[0] == record.label for other in self.found)
            if same:
                record.label = f"{record.label}#{same + 1}"
                record.names.add(record.label)
            self.found.append(record)
        if self.wanted in record.names:
            self._stop()

    def called(self, _):
        if self.wanted is None:
            self._stop()

    def _stop(self):
        self.done = True
        if not self.run_on and threading.current_thread() is threading.main_thread():
            raise Enough


def run_script(path, arguments, recorder):
    """Run the file under ``recorder``'s hooks; the exception it ended with, or None. A stop by the recorder
    is no exception.
    """
    before = sys.argv, list(sys.path)
    sys.argv, sys.path[0:0] = [path, *arguments], [os.path.dirname(os.path.realpath(path))]
    hooks.BUILT.append(recorder.built), hooks.CALLED.append(recorder.called), hooks.LAZY.append(recorder)
    try:
        runpy.run_path(path, run_name="__main__")
    except Enough:
        return None
    except SystemExit as error:
        return None if error.code in (None, 0) else error
    except BaseException as error:
        return error
    finally:
        sys.argv, sys.path[:] = before
        hooks.BUILT.remove(recorder.built), hooks.CALLED.remove(recorder.called), hooks.LAZY.remove(recorder)
    return None


def error_text(error, path):
    """The script's traceback as Python would print it, from the script's first frame on."""
    if isinstance(error, SystemExit):
        return f"{path} ended with exit status {error.code}"
    trace, script = error.__traceback__, trace_of(error.__traceback__, path)
    return "".join(traceback.format_exception(type(error), error, script or trace)).rstrip("\n")


def trace_of(trace, path):
    """The part of a traceback that begins in the file ``path``; None when it never gets there (a syntax
    error).
    """
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    return trace
