"""What is known of a value by the op that made it: that it is made of exponentials, or not negative.

Declarations name these functions. ``growth`` is what is known of the result's logarithm (core/rules.py), of
what is known of the operands'. ``nonnegative`` says whether no element can be below 0 or be -0.0, a function
of the rewriter, the application, and a function that says so of an operand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tgen.core.rules import BOUNDED, GROWS, NUMBER

if TYPE_CHECKING:
    from tgen.core.rules import Rewriter
    from tgen.core.values import Application

# -- what is known of a value's log, of what is known of its operands ----------------------------------------


def exponential(x: int) -> int:
    return GROWS


def probability(x: int) -> int:
    return BOUNDED


def sum_growth(*terms: int) -> int:
    """Exponentials, or one that may overflow and a number: eps keeps a probability from 0 already."""
    return max(terms) if min(terms) >= BOUNDED or min(terms) == NUMBER and max(terms) == GROWS else 0


def factors_growth(*factors: int) -> int:
    return max(factors) if min(factors) >= NUMBER and max(factors) >= BOUNDED else 0


def own_growth(x: int) -> int:
    return x if x >= BOUNDED else 0


def either_growth(condition: int, x: int, y: int) -> int:
    return factors_growth(x, y)


# -- what cannot be negative ---------------------------------------------------------------------------------


def always(rewriter: Rewriter[Any, Any], instr: Application, known: Callable[[Any], bool]) -> bool:
    return True


def all_operands(rewriter: Rewriter[Any, Any], instr: Application, known: Callable[[Any], bool]) -> bool:
    return all([known(v) for v in instr.operands])


def any_operand(rewriter: Rewriter[Any, Any], instr: Application, known: Callable[[Any], bool]) -> bool:
    return any([known(v) for v in instr.operands])


def product(rewriter: Rewriter[Any, Any], instr: Application, known: Callable[[Any], bool]) -> bool:
    x, y = instr.operands
    return x is y or all_operands(rewriter, instr, known)


def power(rewriter: Rewriter[Any, Any], instr: Application, known: Callable[[Any], bool]) -> bool:
    number = rewriter.number_of(instr.operands[1])
    even = number is not None and number > 0 and number % 2 == 0
    return bool(even) or known(instr.operands[0])


def chosen(rewriter: Rewriter[Any, Any], instr: Application, known: Callable[[Any], bool]) -> bool:
    """One of the operands after the condition."""
    return all([known(v) for v in instr.operands[1:]])
