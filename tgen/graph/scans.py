"""Loops of the graph by their parts: a ScanNode of an application, and what makes one of parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tgen.core.layouts import Scan
from tgen.core.op import OPS

from .nodes import Lambda, apply_op

if TYPE_CHECKING:
    from tgen.core.values import Line
    from tgen.graph.nodes import Apply, Variable


class ScanNode(Scan):
    """The parts of a scan node; its ``results`` are variables.

    ``steps`` is the last input of the node.
    """

    def __init__(self, node: Apply) -> None:
        (body,) = node.bodies
        super().__init__(
            node.attrs, node.inputs[:-1], node.inputs[-1:], body.params, body.outputs, node.outputs
        )
        self.where = node.where

    @property
    def body(self) -> Lambda:
        return Lambda(self.params, self.yields)

    def again(self, **parts: Any) -> list[Variable]:
        """The results of one more scan, with some parts changed."""
        scan = self.changed(**parts)
        return apply_op(
            OPS["scan"], [*scan.operands, *scan.sizes], scan.attributes(), self.where, (scan.body,)
        )


def scan_of(
    body: Lambda,
    firsts: Sequence[Variable],
    sequences: Sequence[Variable],
    fixed: Sequence[Variable],
    steps: Variable,
    outs: Sequence[tuple[str, int]],
    until: bool = False,
    truncate: int = -1,
    where: Line | None = None,
) -> list[Variable]:
    """The results of a new scan, one for each of ``outs``.

    ``body`` is a Lambda whose parameters are the carries that start as ``firsts``, a row of each of
    ``sequences``, and ``fixed``; it yields the new carries, whatever else ``outs`` keep, and the condition
    when there is one (``until``). ``steps`` is an int64 scalar; ``truncate``: how many steps back the
    gradient goes, -1 for all.
    """
    attrs = {
        "carries": len(firsts),
        "sequences": len(sequences),
        "outs": tuple(outs),
        "until": until,
    }
    if truncate > 0:
        attrs["truncate"] = truncate
    return apply_op(OPS["scan"], [*firsts, *sequences, *fixed, steps], attrs, where, (body,))
