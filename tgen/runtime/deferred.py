"""An Executable that is compiled at its first call: what functions get while ``tgen inspect``
runs a script.
"""

from threading import Lock


class Deferred:
    """Stands in for an Executable; ``make()`` gives the real one when it is called for the first time."""

    def __init__(self, program, make):
        self.program, self.signature = program, program.signature
        self._make, self._made, self._guard = make, None, Lock()

    def __call__(self, values):
        with self._guard:
            if self._made is None:
                self._made = self._make()
        return self._made(values)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        with self._guard:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)
