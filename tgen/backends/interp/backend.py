"""The backend that interprets. Its entry is one C function of the host module, the same for all programs: it
calls Python once, as a host op does, and commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.backends.c import host
from tgen.backends.interp.call import InterpretedCall, room
from tgen.core.keys import digest
from tgen.core.storage import Storage
from tgen.errors import CompileError
from tgen.ir.nodes import Function
from tgen.ir.text import to_text
from tgen.lower.signature import Signature
from tgen.passes.plan import MemoryPlan

if TYPE_CHECKING:
    from tgen.core.host import CData, Host

NEEDS = (
    "mode INTERPRET compiles no function, but shared values, locks and commits are those of tgen's host "
    "module, which is C and compiled once per machine"
)


@dataclass(frozen=True, eq=False)
class Interpreted:
    """A Library: the function that is interpreted."""

    key: str
    c: str
    entry: CData
    function: Function
    meta: dict[str, Any]

    def bodies(
        self, signature: Signature, storages: Sequence[Storage], places: Sequence[int]
    ) -> list[InterpretedCall]:
        """One: the whole call."""
        for _, primitive in signature.python.values():
            primitive.python.run.check()
        return [InterpretedCall(self.function, signature, storages, places)]


class Interpreter:
    """See ``tgen/backends/interface.py``."""

    name, language, comment = "interp", "IR", "    # "

    def probe(self) -> str:
        self.host()
        return f"programs are interpreted by NumPy {np.__version__} (mode INTERPRET), on the host module"

    def host(self) -> Host:
        """(lib, ffi, table) of the host module. Raises CompileError, which says what it is needed for."""
        try:
            return host.table()
        except CompileError as error:
            raise CompileError(f"{error}; {NEEDS}") from None

    def identity(self) -> tuple[str, ...]:
        return self.name, np.__version__

    def plan(self, function: Function) -> MemoryPlan | None:
        """NumPy takes its own memory."""
        return None

    def schedule(self, function: Function) -> str | None:
        """NumPy loops as it likes."""
        return None

    def text(self, function: Function, general: bool) -> str:
        return to_text(function)

    def load(self, key: str) -> None:
        """Nothing is kept: a program's own functions are part of what is interpreted."""
        return None

    def build(self, key: str, text: str, function: Function, facts: dict[str, Any]) -> Interpreted:
        lib, _, _ = self.host()
        return Interpreted(digest(self.name, text), text, lib.tgen_interpreter(), function, facts)

    def room(self, signature: Signature) -> int:
        return room(signature)
