"""What the graph and the IR have in common: a thing with a type, and the application that made it. Code that
serves both (rules, layouts of loops, type rules) is written for these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from .op import Attrs, Op
    from .types import TensorType

Line: TypeAlias = tuple[str, int]  # file and line in the user's program
Shape: TypeAlias = tuple[Any, ...]  # per axis an int or None in the graph, an Extent in the IR


class Typed(Protocol):
    """A Variable of the graph, a Value of the IR."""

    @property
    def type(self) -> TensorType: ...


class Application(Protocol):
    """An Instr of the IR, or an Apply of the graph seen as one (graph/identities.py)."""

    @property
    def op(self) -> Op: ...
    @property
    def operands(self) -> Sequence[Any]: ...
    @property
    def results(self) -> Sequence[Any]: ...
    @property
    def result(self) -> Any: ...
    @property
    def attrs(self) -> Attrs: ...
    @property
    def sizes(self) -> Sequence[Any]: ...
