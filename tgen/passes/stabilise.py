"""stabilise: the numerical identities that are part of what a program means.

    v1 = softmax v0 {axis=1}                 v1 = softmax v0 {axis=1}
    v2 = gather v1, v8, v9           ->      v2 = logsoftmax v0 {axis=1}
    v3 = log v2                              v3 = gather v2, v8, v9

On in every mode; the table is ops/stable.py, which grad reads too. A log is taken below what only moves
elements, and into the body of the loop that made them, where it is kept as one more result. What is no longer
used stays for dce.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.ir.rebuild import bottom_up
from tgen.ops.stable import STABLE
from tgen.passes.match import Sweep

if TYPE_CHECKING:
    from tgen.ir.nodes import Function


def stabilise(function: Function) -> Function:
    """``function`` with the stable identities applied, in nested blocks too."""
    return function.with_block(
        bottom_up(function.block, lambda block, level: Sweep(block, STABLE, through=True).run())
    )
