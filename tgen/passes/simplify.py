"""simplify: the exact rules, in one sweep.

    v1 = neg v0
    v2 = neg v1         ->      v1 = neg v0
    v3 = mul v2, 1.0            return v0
    return v3

An operand is final when its user is looked at, and what a rule makes is looked at again, so one sweep is
enough. What is no longer used stays for dce; constants are folded by fold; the rules that need the meaning of
a program are in stabilise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgen.ir.rebuild import bottom_up
from tgen.passes.match import Sweep
from tgen.passes.rules import EXACT

if TYPE_CHECKING:
    from tgen.ir.nodes import Function


def simplify(function: Function) -> Function:
    """``function`` with the rules of rules.EXACT applied, in nested blocks too."""
    return function.with_block(bottom_up(function.block, lambda block, level: Sweep(block, EXACT).run()))
