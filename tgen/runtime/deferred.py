"""An Executable that is compiled at its first call: what functions get while ``tgen inspect``
runs a script.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from .call import Called, Values
    from .program import Program


class Deferred:
    """Stands in for an Executable; ``make()`` gives the real one when it is called for the first time."""

    def __init__(self, program: Program, make: Callable[[], Called]) -> None:
        self.program, self.signature = program, program.signature
        self._make, self._guard = make, Lock()
        self._made: Called | None = None

    def _real(self) -> Called:
        with self._guard:
            if self._made is None:
                self._made = self._make()
            return self._made

    def __call__(self, values: Values) -> list[np.ndarray]:
        return self._real()(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._real(), name)
