"""A cluster: instructions that fuse puts together and kernels makes one kernel of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.ir.nodes import Instr, Value

LAST = 1 << 60  # above every stage


class Cluster:
    """Members of one kernel to be. ``inner``: how many trailing axes of ``domain`` the row loops run over (0:
    flat).
    """

    def __init__(self, domain: tuple[Extent, ...], stage: int, number: int) -> None:
        self.domain, self.stage, self.number = domain, stage, number
        self.inner = 0
        self.terminal: Any = None  # the axes of its reductions, "all" or "arg"
        self.members: list[tuple[Instr, str]] = []  # and the level of each
        self.levels: dict[Value, str] = {}
        self.accesses = {}  # member -> where its operands are, in terms of its domain
        self.reads = set()
        # the lowest stage that reads what the cluster makes: it may be raised up to below that
        self.limit = LAST

    @property
    def outer(self) -> tuple[Extent, ...]:
        return self.domain[: len(self.domain) - self.inner]
