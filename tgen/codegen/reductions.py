"""How each reduction starts, steps and combines. NaN wins in max and min, as in NumPy."""

from tgen.core.dtypes import DTYPE, is_float
from tgen.core.op import OPS

from .nest import Bin, Call, Cast, Const, If, Int, Let, Local, Name, Select, Set

LEVELS = 48  # sums of 32, of 32*32, ...: more than any count has
PAIRED = 32  # terms that are added up before they join the others
EXTREME = {">": "max", "<": "min"}  # operator of a fold -> of an omp clause
LOGICAL = "|", "&"


def _not_zero(x):
    return Bin("!=", x, Int(0))


def fold_of(name):
    """What the reduction called so does with each element."""
    return OPS[name].fold


def start(name, dtype):
    return number(fold_of(name).start(DTYPE[dtype]), dtype)


def number(value, dtype):
    return Const(DTYPE[dtype].python(value), dtype)


def _is_nan(x):
    return Bin("!=", x, x)


def joined(operator, a, x):
    """What is there after x: NaN stays out of an extreme."""
    if operator in EXTREME:
        return Select(Bin(operator, x, a), x, a)
    return Bin(operator, a, _not_zero(x) if operator in LOGICAL else x)


def memory_step(name, dtype):
    """The step for an accumulator in memory or between parts: NaN propagates here.

    x is not equal to itself only where it is NaN: then it wins, and stays.
    """
    operator = fold_of(name).operator
    if operator in EXTREME and is_float(dtype):
        return lambda a, x: Select(Bin("|", Bin(operator, x, a), _is_nan(x)), x, a)
    return lambda a, x: joined(operator, a, x)


class Accumulator:
    """One register reduction: its declarations, the statements of a step, its simd clauses, what closes it.

    ``rounded``: the narrower dtype of its result, if it has one. ``tallied``: what is added to it is counted,
    and every 32 terms join those before them in pairs, as in NumPy's sums (lib/support.c.j2, tgen_carry): its
    error grows with the logarithm of their number.
    """

    def __init__(self, name, dtype, number, index=None, rounded=None):
        self.name, self.dtype, self.index, self.rounded = name, dtype, index, rounded
        self.fold = fold_of(name)
        self.tallied = False
        self.a = self.register = Name(f"acc{number}", dtype)  # the register is another one inside a chunk
        self.at, self.count = Name(f"acc{number}_at"), Name(f"acc{number}_count")
        self.nan = Name(f"acc{number}_nan", "int32")
        self.level = Name(f"acc{number}_level", dtype, pointer=True)

    def declare(self):
        if self.fold.where:
            return [Let(self.a, number(0, self.dtype), True), Let(self.at, Int(-1), True)]
        made = [Let(self.a, start(self.name, self.dtype), True)]
        if self.tallied:
            made += [Local(self.level, LEVELS), Let(self.count, Int(0), True)]
        if self.watches_nan:
            made.append(Let(self.nan, Int(0), True))
        return made

    @property
    def watches_nan(self):
        return self.fold.operator in EXTREME and not self.fold.where and is_float(self.dtype)

    @property
    def result(self):
        if self.rounded:
            return Cast(self.rounded, self.a)
        return self.at if self.fold.where else self.a

    def step(self, x):
        a = self.a
        if self.fold.where:
            better = Bin(self.fold.operator, x, a)
            if is_float(self.dtype):
                better = Bin("||", better, Bin("&&", _is_nan(x), Bin("==", a, a)))
            first = Bin("<", self.at, Int(0))
            return [If(Bin("||", first, better), (Set(a, x), Set(self.at, self.index)))]
        if self.tallied and self.register == a:
            return self.add(x)
        made = [Set(self.register, joined(self.fold.operator, self.register, x))]
        if self.watches_nan:
            made.append(Set(self.nan, _is_nan(x), "|"))
        return made

    def add(self, x):
        """The statements that add ``x``, a sum of some terms."""
        made = [Set(self.a, x, "+")]
        if self.tallied:
            full = Bin("==", Bin("%", self.count, Int(PAIRED)), Int(0))
            made += [Set(self.count, Int(1), "+"), If(full, (Set(self.a, self.joined("carry")),))]
        return made

    def joined(self, function):
        pairs = Bin("/", self.count, Int(PAIRED))
        return Call(f"tgen_{function}_{DTYPE[self.dtype].code}", (self.level, pairs, self.a))

    def clauses(self):
        """omp simd clauses, or None when the loop must stay scalar."""
        if self.fold.where:
            return None
        clause = ((EXTREME.get(self.fold.operator, self.fold.operator), self.register),)
        return clause + ((("|", self.nan),) if self.watches_nan else ())

    def close(self):
        if self.tallied:
            return [If(Bin(">=", self.count, Int(PAIRED)), (Set(self.a, self.joined("tally")),))]
        if self.watches_nan:
            return [If(self.nan, (Set(self.a, Const(float("nan"), self.dtype)),))]
        return []
