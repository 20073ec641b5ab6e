"""The table of stable identities: part of the meaning of a program, applied by passes/stabilise and by grad.

A pattern is a tuple (op name, operand, ...); an operand is a pattern, the name of what it binds, or the number 1, which a
constant of ones matches. A commutative op matches with its operands in either order: ``variants`` spells the orders out. ``attrs`` names, for each op of the
result that has attributes, the op of the pattern it takes them from.

>>> [s.name for s in STABLE if s.pattern[0] == "log1p"]
['log1p_exp', 'log1p_minus_sigmoid']
"""
from dataclasses import dataclass, field
from itertools import product

from tgen.core.op import OPS


@dataclass(frozen=True)
class Stable:
    name: str
    pattern: tuple
    result: tuple
    attrs: dict = field(default_factory=dict)

    @property
    def variants(self):
        return orders(self.pattern)


def orders(pattern):
    """The pattern with the operands of its commutative ops in every order."""
    if not isinstance(pattern, tuple):
        return [pattern]
    name, *operands = pattern
    choices = list(product(*map(orders, operands)))
    if OPS[name].commutative:
        choices += [tuple(reversed(c)) for c in choices]
    return [(name, *c) for c in choices]


_LOG_SIGMOID, _LOG_REST = ("neg", ("softplus", ("neg", "x"))), ("neg", ("softplus", "x"))    # log s(x) and log(1 - s(x)) = log s(-x)
_ONE_PLUS_EXP = ("add", 1, ("exp", "x"))
_LOGISTIC = ("true_div", 1, _ONE_PLUS_EXP)      # s(-x) as it is written by hand: 1 / (1 + exp(x))

STABLE = (
    Stable("log_softmax", ("log", ("softmax", "x")), ("logsoftmax", "x"), {"logsoftmax": "softmax"}),
    Stable("log_sigmoid", ("log", ("sigmoid", "x")), _LOG_SIGMOID),
    Stable("log_one_minus_sigmoid", ("log", ("sub", 1, ("sigmoid", "x"))), _LOG_REST),
    Stable("log_one_plus_minus_sigmoid", ("log", ("add", 1, ("neg", ("sigmoid", "x")))), _LOG_REST),
    Stable("log_logistic", ("log", _LOGISTIC), _LOG_REST),
    Stable("log_one_minus_logistic", ("log", ("sub", 1, _LOGISTIC)), _LOG_SIGMOID),
    Stable("log_one_plus_exp", ("log", _ONE_PLUS_EXP), ("softplus", "x")),
    Stable("log1p_exp", ("log1p", ("exp", "x")), ("softplus", "x")),
    Stable("log1p_minus_sigmoid", ("log1p", ("neg", ("sigmoid", "x"))), _LOG_REST),
    Stable("log1p", ("log", ("add", 1, "x")), ("log1p", "x")),
    Stable("expm1", ("sub", ("exp", "x"), 1), ("expm1", "x")),
)

# What a log may sink below when one of these comes out under it: log(softmax(x)[i]) is log(softmax(x))[i]. The ops it may
# cross are the data movements, those with extra["moves"].
UNDER_LOG = ("softmax", "sigmoid")

for _row in STABLE:
    OPS[_row.pattern[0]].extra.setdefault("stable", []).extend((_variant, _row) for _variant in _row.variants)    # for grad
for _name in UNDER_LOG:
    OPS[_name].extra["under_log"] = True
