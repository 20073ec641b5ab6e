"""What is known of a value by the op that made it: that it is made of exponentials, or not negative.

GROWTH, by op: what is known of the result's logarithm (core/rules.py), a function of what is known of the
operands'. NONNEGATIVE, by op: whether no element can be below 0 or be -0.0, a function of the rewriter, the
application, and a function that says so of an operand. They stand with the ops, in extra.
"""

from tgen.core.op import OPS
from tgen.core.rules import BOUNDED, GROWS, NUMBER

# -- what is known of a value's log, of what is known of its operands ----------------------------------------


def _sum(*terms):
    """Exponentials, or one that may overflow and a number: eps keeps a probability from 0 already."""
    return max(terms) if min(terms) >= BOUNDED or min(terms) == NUMBER and max(terms) == GROWS else 0


def _factors(*factors):
    return max(factors) if min(factors) >= NUMBER and max(factors) >= BOUNDED else 0


def _own(x):
    return x if x >= BOUNDED else 0


GROWTH = {
    "exp": lambda x: GROWS,
    "softmax": lambda x: BOUNDED,
    "sigmoid": lambda x: BOUNDED,
    "sum": _own,
    "prod": _own,
    "add": _sum,
    "mul": _factors,
    "true_div": _factors,
    "switch": lambda condition, x, y: _factors(x, y),
}

# -- what cannot be negative ---------------------------------------------------------------------------------


def _always(sweep, instr, known):
    return True


def _all(sweep, instr, known):
    return all([known(v) for v in instr.operands])


def _any(sweep, instr, known):
    return any([known(v) for v in instr.operands])


def _product(sweep, instr, known):
    x, y = instr.operands
    return x is y or _all(sweep, instr, known)


def _power(sweep, instr, known):
    power = sweep.number_of(instr.operands[1])
    return power is not None and power > 0 and power % 2 == 0 or known(instr.operands[0])


def _chosen(sweep, instr, known):
    return all([known(v) for v in instr.operands[1:]])


NONNEGATIVE = {
    **dict.fromkeys(
        ("sqr", "abs", "exp", "exp2", "sigmoid", "softmax", "softplus", "cosh", "size", "shape_i"), _always
    ),
    **dict.fromkeys(
        ("sum", "max", "min", "prod", "cumsum", "cumprod", "add", "true_div", "cast", "sqrt", "minimum"), _all
    ),
    "maximum": _any,
    "mul": _product,
    "pow": _power,
    "switch": _chosen,
}

for _name, _function in GROWTH.items():
    OPS[_name].extra["growth"] = _function
for _name, _function in NONNEGATIVE.items():
    if _name in OPS:  # size is an op of the IR's alone
        OPS[_name].extra["nonnegative"] = _function
