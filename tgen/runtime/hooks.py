"""What rooms above tell the runtime: hooks of ``tgen inspect``, which records what a script builds and stops
at its first call, and what Theano's functions show of themselves.

``BUILT``: callables called with a Function right after it was built (inside ``function(...)``, so the stack
still shows the user's line). ``CALLED``: callables called with a Function before its first call. What a hook
raises passes through to the user's script: that is how ``tgen inspect`` ends it. Both lists are empty in
ordinary runs, which costs a call nothing.

``LAZY``: while it holds anything, building a function stops at the C text; the compiler runs at the first
call.

``ATTRIBUTES``: attribute of a Function -> what makes it of the Function; for those that it does not have
itself.

``INPUTS``: class of what may stand in function()'s list of inputs besides variables and In -> what makes an
In of it; called with it, ``allow_downcast``, and whether function() has updates or givens.

``INSPECT``: what makes the text of ``Function.inspect(what)``, called with the Function and ``what``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .function import Function
    from .io import In

BUILT: list[Callable[[Function], object]] = []
CALLED: list[Callable[[Function], object]] = []
LAZY: list[object] = []
ATTRIBUTES: dict[str, Callable[[Function], Any]] = {}
INPUTS: dict[type, Callable[[Any, bool | None, bool], In]] = {}
INSPECT: list[Callable[[Function, str], str]] = []
