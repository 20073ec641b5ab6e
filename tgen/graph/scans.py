"""Loops of the graph by their parts: a ScanNode of an application, and what makes one of parts."""

from tgen.core.layouts import Scan
from tgen.core.op import OPS

from .nodes import Lambda, apply_op


class ScanNode(Scan):
    """The parts of a scan node; its ``results`` are variables.

    ``steps`` is the last input of the node. A step of rules that look at the graph (graph/identities.py) has
    the same parts; ``of_step`` takes them.
    """

    def __init__(self, node):
        self._read(node.attrs, node.inputs[:-1], node.inputs[-1:], node.outputs, node)

    @classmethod
    def of_step(cls, step):
        scan = object.__new__(cls)
        scan._read(step.attrs, step.operands, step.sizes, step.results, step)
        return scan

    def _read(self, attrs, operands, sizes, results, node):
        (body,) = node.bodies
        super().__init__(attrs, operands, sizes, body.params, body.outputs, results)
        self.where = node.where

    @property
    def body(self):
        return Lambda(self.params, self.yields)

    def again(self, **parts):
        """The results of one more scan, with some parts changed."""
        scan = self.changed(**parts)
        return apply_op(
            OPS["scan"], [*scan.operands, *scan.sizes], scan.attributes(), self.where, (scan.body,)
        )


def scan_of(body, firsts, sequences, fixed, steps, outs, until=False, truncate=-1, where=None):
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
