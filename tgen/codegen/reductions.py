"""How each reduction starts, steps and combines. NaN wins in max and min, as in NumPy."""

from __future__ import annotations

from tgen.core.dtypes import DTYPE, is_float
from tgen.core.op import OPS, Fold

from .nest import (
    Accumulator,
    Bin,
    Call,
    Cast,
    Const,
    Expression,
    Field,
    If,
    Int,
    Let,
    Load,
    Local,
    Name,
    Select,
    Set,
    Statement,
)

LEVELS = 48  # sums of 32, of 32*32, ...: more than any count has
PAIRED = 32  # terms that are added up before they join the others
EXTREME = {">": "max", "<": "min"}  # operator of a fold -> of an omp clause
LOGICAL = "|", "&"


def _not_zero(x: Expression) -> Expression:
    return Bin("!=", x, Int(0))


def fold_of(name: str) -> Fold:
    """What the reduction called so does with each element. Raises KeyError for what is no reduction."""
    fold = OPS[name].fold
    if fold is None:
        raise KeyError(name)
    return fold


def start(name: str, dtype: str) -> Const:
    return number(fold_of(name).start(DTYPE[dtype]), dtype)


def number(value: float, dtype: str) -> Const:
    return Const(DTYPE[dtype].python(value), dtype)


def _is_nan(x: Expression) -> Expression:
    return Bin("!=", x, x)


def step(name: str, a: Name | Field | Load, x: Expression) -> Set:
    """``x`` joins what is accumulated at ``a``: NaN stays out of an extreme."""
    operator = fold_of(name).operator
    if operator in EXTREME:
        return Set(a, Select(Bin(operator, x, a), x, a))
    return Set(a, _not_zero(x) if operator in LOGICAL else x, operator)


def memory_step(name: str, dtype: str, a: Name | Field | Load, x: Expression) -> Set:
    """The step for an accumulator in memory or between parts: NaN propagates here.

    x is not equal to itself only where it is NaN: then it wins, and stays.
    """
    operator = fold_of(name).operator
    if operator in EXTREME and is_float(dtype):
        return Set(a, Select(Bin("|", Bin(operator, x, a), _is_nan(x)), x, a))
    return step(name, a, x)


# -- what an accumulator does, as statements. A paired one counts its terms, and every 32 of them join those
# before them in pairs, as in NumPy's sums (lib/support.c.j2, tgen_carry): its error grows with the logarithm
# of their number.


def _beside(a: Accumulator, what: str, dtype: str = "int64", pointer: bool = False) -> Name:
    """A variable beside an accumulator's own."""
    return Name(f"{a.variable.text}_{what}", dtype, pointer)


def _count(a: Accumulator) -> Name:
    return _beside(a, "count")


def _nan(a: Accumulator) -> Name:
    return _beside(a, "nan", "int32")


def _level(a: Accumulator) -> Name:
    return _beside(a, "level", a.dtype, pointer=True)


def _watches_nan(a: Accumulator) -> bool:
    fold = fold_of(a.kind)
    return fold.operator in EXTREME and not fold.where and is_float(a.dtype)


def variables(a: Accumulator) -> list[Name]:
    """What an accumulator is called, the place of what it found, and whether it met a NaN."""
    beside = [_beside(a, "at")] if fold_of(a.kind).where else []
    return [a.variable, *beside, *([_nan(a)] if _watches_nan(a) else ())]


def begun(a: Accumulator) -> list[Statement]:
    """Its declarations."""
    if fold_of(a.kind).where:
        return [Let(a.variable, number(0, a.dtype), True), Let(_beside(a, "at"), Int(-1), True)]
    made: list[Statement] = [Let(a.variable, start(a.kind, a.dtype), True)]
    if a.paired:
        made += [Local(_level(a), LEVELS), Let(_count(a), Int(0), True)]
    if _watches_nan(a):
        made.append(Let(_nan(a), Int(0), True))
    return made


def accumulated(a: Accumulator, x: Expression, partial: bool = False) -> list[Statement]:
    """Its step by ``x``; ``partial``: x is a sum of some terms."""
    if isinstance(a.at, Load):
        return [memory_step(a.kind, a.dtype, a.at, x)]
    if a.index is not None:
        better = Bin(fold_of(a.kind).operator, x, a.at)
        if is_float(a.dtype):
            better = Bin("||", better, Bin("&&", _is_nan(x), Bin("==", a.at, a.at)))
        where = _beside(a, "at")
        first = Bin("<", where, Int(0))
        return [If(Bin("||", first, better), (Set(a.at, x), Set(where, a.index)))]
    if a.paired:
        full = Bin("==", Bin("%", _count(a), Int(PAIRED)), Int(0))
        joins = If(full, (Set(a.at, _paired(a, "carry")),))
        return [Set(a.at, x, "+"), Set(_count(a), Int(1), "+"), joins]
    if partial:
        return [Set(a.at, x, "+")]
    made: list[Statement] = [step(a.kind, a.at, x)]
    if _watches_nan(a):
        made.append(Set(_nan(a), _is_nan(x), "|"))
    return made


def _paired(a: Accumulator, function: str) -> Call:
    pairs = Bin("/", _count(a), Int(PAIRED))
    return Call(f"tgen_{function}_{DTYPE[a.dtype].code}", (_level(a), pairs, a.at))


def closed(a: Accumulator) -> list[Statement]:
    """What is done when all has been accumulated."""
    if a.paired:
        return [If(Bin(">=", _count(a), Int(PAIRED)), (Set(a.at, _paired(a, "tally")),))]
    if _watches_nan(a):
        return [If(_nan(a), (Set(a.at, Const(float("nan"), a.dtype)),))]
    return []


def result(a: Accumulator) -> Expression:
    if a.rounded:
        return Cast(a.rounded, a.at)
    return _beside(a, "at") if fold_of(a.kind).where else a.at


def clauses(a: Accumulator) -> tuple[tuple[str, Name], ...] | None:
    """omp simd clauses, or None when the loop must stay scalar."""
    if fold_of(a.kind).where or a.paired:
        return None
    operator = fold_of(a.kind).operator
    clause = ((EXTREME.get(operator, operator), a.variable),)
    return clause + ((("|", _nan(a)),) if _watches_nan(a) else ())
