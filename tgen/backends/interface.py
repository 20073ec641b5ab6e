"""What a backend is: one way to make a program of a final IR function run.

The runtime goes through these calls alone, so a backend is a folder here and a row of ``BACKENDS``
(``tgen/backends/__init__.py``). All of them stand on the host module: it holds shared values, takes the locks
of a call in their order, and jumps into a library's entry with the frame of the call (``tgen/ir/frame.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tgen.core.storage import Storage
from tgen.ir.nodes import Function
from tgen.lower.signature import Signature
from tgen.passes.plan import MemoryPlan

if TYPE_CHECKING:
    from tgen.core.host import CData


class Library(Protocol):
    """A program that can be called.

    key     which text it is
    c       its text
    entry   void * cdata of a ``tgen_entry_fn`` (templates/abi.h.j2)
    """

    @property
    def key(self) -> str: ...
    @property
    def c(self) -> str: ...
    @property
    def entry(self) -> CData: ...

    def bodies(
        self, signature: Signature, storages: Sequence[Storage], places: Sequence[int]
    ) -> Sequence[Callable[[CData], None]]:
        """What its entry calls in Python, by number: ``body(arrays)`` (``callback`` in templates/abi.h.j2).

        storages  those of the call, as they are locked
        places    of each shared variable its place among them
        """
        ...


class Backend(Protocol):
    """One row of BACKENDS; ``name`` is its name, ``language`` what its texts are written in, ``comment`` how
    a comment begins there.
    """

    @property
    def name(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def comment(self) -> str: ...

    def probe(self) -> str:
        """What is there to run programs with, a line for ``tgen doctor``. Raises CompileError when they
        cannot run.
        """
        ...

    def identity(self) -> tuple[str, ...]:
        """What tells its libraries from those of another machine, compiler or version: part of every key."""
        ...

    def plan(self, function: Function) -> MemoryPlan | None:
        """Which memory the values of a final function have; None where that is not the backend's to say."""
        ...

    def schedule(self, function: Function) -> str | None:
        """How the loops of a final function run, and why; None where that is not the backend's to say."""
        ...

    def text(self, function: Function, general: bool) -> str:
        """The program in the backend's language: for C-contiguous arrays, or (``general``) for any."""
        ...

    def load(self, key: str) -> Library | None:
        """The library that was built under a program key; None when there is none."""
        ...

    def build(self, key: str, text: str, function: Function, facts: dict[str, Any]) -> Library:
        """The library of ``text``, which is that of ``function``; ``facts`` are kept with it. Raises
        CompileError.
        """
        ...

    def room(self, signature: Signature) -> int:
        """How many int64 slots of a frame it needs behind those of the signature's layout."""
        ...
