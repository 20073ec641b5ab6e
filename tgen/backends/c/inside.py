"""Python called from inside a compiled function: a host op's body, and the handlers of signals that came
during a loop.

No exception passes through C. The one Python raised is kept here, the call ends with a status, and ``raised``
returns that same object to the code that raises it again. A stack per thread: a host op's body may itself
call functions that fail.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING

from tgen.ir.frame import SITES_SLOT

if TYPE_CHECKING:
    from tgen.core.host import FFI, CData, Lib

LOOK_NS = 20_000_000  # how often a loop lets the main thread see to signals
ELSEWHERE_NS = 1_000_000_000  # and other threads, to whom no signal comes; what ctypes raises in them does


class _Kept(threading.local):
    """Of each thread: what was raised and not yet raised again."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []


_kept = _Kept()


def keep(error: BaseException) -> None:
    """Keep an exception for ``raised`` on the same thread."""
    _kept.errors.append(error)


def raised() -> BaseException:
    """The exception that ended the call on this thread, with its traceback; a KeyboardInterrupt when it could
    not be kept.
    """
    return _kept.errors.pop() if _kept.errors else KeyboardInterrupt()


def _escaped(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """What Python raises on its way into a function (a signal's handler does) or out of it."""
    keep(error.with_traceback(traceback))


def _look() -> int:
    """Entering Python code has run the handlers of pending signals; nothing else is to be done."""
    return LOOK_NS if threading.current_thread() is threading.main_thread() else ELSEWHERE_NS


def connect(lib: Lib, ffi: FFI) -> None:
    """Fill the host table's callbacks of a freshly loaded host module."""
    find, cast, pointer = ffi.from_handle, ffi.cast, ffi.typeof("void *")

    def python(record: CData, site: int, arrays: CData) -> int:
        try:
            find(cast(pointer, record[SITES_SLOT]))[site](arrays)
        except BaseException as error:
            keep(error)
            return 1
        return 0

    ffi.def_extern(name="tgen_check_signals", error=0, onerror=_escaped)(_look)
    ffi.def_extern(name="tgen_python", error=1, onerror=_escaped)(python)
    lib.tgen_set_python(lib.tgen_python, lib.tgen_check_signals)
