"""stabilise: the numerical identities that are part of what a program means.

    v1 = softmax v0 {axis=1}                 v1 = softmax v0 {axis=1}
    v2 = gather v1, v8, v9           ->      v2 = logsoftmax v0 {axis=1}
    v3 = log v2                              v3 = gather v2, v8, v9

On in every mode. The identities that gradients need too are ops.stable.STABLE; ROWS adds those that only matter to values.
A log is taken below what only moves elements (indexing, slicing, transposing, reshaping, casting) to meet what it is the log of.
The rules are for floats; what is exact for every input is in rules and left to simplify.
"""
from tgen.ops.stable import STABLE, UNDER_LOG
from tgen.ir.rebuild import bottom_up
from tgen.passes.match import FLOAT, Rule, Sweep, moves, rule


def _log_sum_exp(m):
    """log(sum(exp(x))) = log(sum(exp(x - p))) + p, where p is max(x), or 0 where that is infinite. A sum in a wider float keeps its cast."""
    x, total, axes = m["x"], m.parts[1], m.parts[1].attrs["axes"]
    casts = [p for p in m.parts if p.op.name == "cast"]
    if _is_shifted(m, x) or any(isinstance(x.type.shape[a], int) and x.type.shape[a] == 0 for a in axes):
        return None
    peak = m.emit("max", x, attrs={"axes": axes})
    peak = m.emit("switch", m.emit("isinf", peak), m.number(0, peak.type), peak)
    kept = iter(range(peak.type.ndim))
    order = tuple("x" if a in axes else next(kept) for a in range(x.type.ndim))
    terms = m.emit("exp", m.emit("sub", x, m.emit("dimshuffle", peak, attrs={"order": order})))
    for cast in casts:
        terms, peak = (m.emit("cast", v, attrs=cast.attrs) for v in (terms, peak))
    sums = m.emit("log", m.emit("sum", terms, attrs=total.attrs))
    if peak.type.dtype != sums.type.dtype:      # a sum that stays in its accumulator's dtype
        peak = m.emit("cast", peak, attrs={"dtype": sums.type.dtype})
    return m.emit("add", sums, peak)


def _is_shifted(m, x):
    """Whether x is something minus a maximum already."""
    instr = m.inner(x)
    if instr is None or instr.op.name != "sub":
        return False
    below = m.inner(instr.operands[1])
    while below is not None and (moves(below) or below.op.name == "cast" or below.op.name == "switch"):
        below = m.inner(below.operands[-1 if below.op.name == "switch" else 0])
    return below is not None and below.op.name == "max"


_LOG_SUM_EXP = "function (v0: float64[n0, n1]) {\n  v1: float64[n0, n1] = exp v0\n  v2: float64[n0] = sum v1 {axes=(1,)}\n  v3: float64[n0] = log v2\n  return v3\n}"
_LOG_SUM_CAST = _LOG_SUM_EXP.replace("v0: float64[n0, n1]", "v0: float32[n0, n1]").replace("v1: float64", "v4: float32").replace(
    "  v2:", "  v1: float64[n0, n1] = cast v4 {dtype='float64'}\n  v2:")

ROWS = (
    rule("one_minus_sigmoid", "sub(1, sigmoid(x))", "sigmoid(neg(x))", FLOAT),
    rule("logistic", "true_div(1, add(1, exp(x)))", "sigmoid(neg(x))", FLOAT),
    rule("logistic_of_exp", "true_div(exp(x), add(1, exp(x)))", "sigmoid(x)", FLOAT),
    rule("log_one_minus", "log(sub(1, x))", "log1p(neg(x))", FLOAT),
    rule("one_minus_exp", "sub(1, exp(x))", "neg(expm1(x))", FLOAT),
    rule("exp_plus_minus_one", "add(exp(x), -1)", "expm1(x)", FLOAT),
    rule("exp_logsoftmax", "exp(logsoftmax(x))", "softmax(x)", FLOAT, attrs={"softmax": "logsoftmax"}),
    rule("log_sum_exp", "log(sum(exp(x)))", _log_sum_exp, FLOAT, example=_LOG_SUM_EXP),
    rule("log_sum_cast_exp", "log(sum(cast(exp(x))))", _log_sum_exp, FLOAT, example=_LOG_SUM_CAST),
)


def _tree(pattern):     # as deep as a row of the table
    if isinstance(pattern, tuple):
        return "op", pattern[0], tuple(map(_tree, pattern[1:]))
    return ("var", pattern) if isinstance(pattern, str) else ("number", pattern)


def _rule(row):
    return Rule(row.name, _tree(row.pattern), _tree(row.result), FLOAT, text=f"{row.pattern} -> {row.result}", attrs=row.attrs)


RULES = (*map(_rule, STABLE), *ROWS)
THROUGH = {"log": (*UNDER_LOG, "sum"), "log1p": ("neg", "exp")}


def stabilise(function):
    """``function`` with the stable identities applied, in nested blocks too."""
    return function.with_block(bottom_up(function.block, lambda block, level: Sweep(block, RULES, THROUGH).run()))
