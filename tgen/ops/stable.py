"""The stable identities: part of the meaning of a program, in every mode. The pass stabilise and grad apply this one table.

A softmax, a logsumexp or a cross-entropy written by hand is what its name is. Most of it follows from one idea: of a value made
of exponentials the logarithm can be had without them. GROWTH says which values are (``log(..)`` of them finds a rule again),
so the log of a sum, a product, a quotient or a choice of such values is a logsumexp, a sum, a difference or a choice of logs;
and a quotient by a sum of exponentials is exp of a difference of logs, in which softmax is then met by its name.

The rules are for floats (tgen/core/rules.py has their language). What is exact for every input is in passes/rules.py.

>>> [r.name for r in STABLE if r.pattern[1] == "log1p"]
['log1p_of_exponential', 'log1p_minus_sigmoid']
"""
from tgen.core.op import OPS
from tgen.core.rules import BOUNDED, FLOAT, GROWS, NUMBER, narrows, rule

# -- what is known of a value's log, by op: functions of what is known of its operands -----------------------------------------

def _sum(*terms):
    """Of exponentials, or of an exponential that overflows and a number; eps beside a probability keeps it from 0 already."""
    return max(terms) if min(terms) >= BOUNDED or min(terms) == NUMBER and max(terms) == GROWS else 0


def _factors(*factors):
    return max(factors) if min(factors) >= NUMBER and max(factors) >= BOUNDED else 0


def _own(x):
    return x if x >= BOUNDED else 0


GROWTH = {
    "exp": lambda x: GROWS, "softmax": lambda x: BOUNDED, "sigmoid": lambda x: BOUNDED,
    "sum": _own, "prod": _own, "add": _sum, "mul": _factors, "true_div": _factors,
    "switch": lambda condition, x, y: _factors(x, y),
}

# -- what cannot be negative ---------------------------------------------------------------------------------------------------

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
    **dict.fromkeys(("sqr", "abs", "exp", "exp2", "sigmoid", "softmax", "softplus", "cosh", "size", "shape_i"), _always),
    **dict.fromkeys(("sum", "max", "min", "prod", "cumsum", "cumprod", "add", "true_div", "cast", "sqrt", "minimum"), _all),
    "maximum": _any, "mul": _product, "pow": _power, "switch": _chosen,
}

# -- rules that are functions --------------------------------------------------------------------------------------------------

def _is_exponential(m):
    """The operand of the log as a whole, not only its parts."""
    return m.sweep.growth(m.instr.operands[0]) >= BOUNDED


def _log(m, x):
    return m.emit("log", x)


def _log_of_terms(m):
    """log(a + b + ..) of any number of terms, two by two."""
    terms, waiting = [], [m.instr.operands[0]]
    while waiting:
        v = waiting.pop()
        instr = m.inner(v)
        if instr is not None and instr.op.name == "add" and m.sweep.growth(v) >= BOUNDED:
            waiting.extend(reversed(instr.operands))
        else:
            terms.append(_log(m, v))
    total = terms[0]
    for term in terms[1:]:
        total = m.emit("logaddexp", total, term)
    return total


def _log_of_sum(m):
    """A sum that stays in its accumulator's dtype is made in it altogether."""
    attrs, x = m.part("sum").attrs, _log(m, m["e"])
    if "dtype" in attrs:
        x = m.emit("cast", x, attrs={"dtype": attrs["dtype"]})
    return m.emit("logsumexp", x, attrs={"axes": attrs["axes"]})


def _quotient(m):
    """exp(log p - log u), or p exp(-log u) for a number p."""
    p, u = m["p"], m["u"]
    if m.sweep.growth(p) == BOUNDED:
        return None
    if m.sweep.growth(p) == GROWS:
        return m.emit("exp", m.emit("sub", _log(m, p), _log(m, u)))
    inverse = m.emit("exp", m.emit("neg", _log(m, u)))
    return inverse if m.sweep.number_of(p) == 1 else m.emit("mul", p, inverse)


def _one_minus_sigmoid(m):
    """1 - s(x) = s(-x), also where s(x) is seen through moves of its elements."""
    y = m["y"]
    chain, base = m.sweep.moves_above(y)
    instr = m.inner(base)
    if instr is None or instr.op.name != "sigmoid":
        return None
    x, = instr.operands
    return m.sweep.replay(chain, m.emit("sigmoid", m.emit("neg", x)), m.instr)


def _log1p_minus_sigmoid(m):
    rest = _one_minus_sigmoid(m)
    return None if rest is None else _log(m, rest)


def _plain(sweep, x):
    """x without casts between floats above it."""
    instr = sweep.definition(x)
    while instr is not None and narrows(instr):
        x, = instr.operands
        instr = sweep.definition(x)
    return x


def _fits(order, kept, gone):
    """Whether a view of a reduction stands beside a view of what it reduced, axis by axis.

    ``order``: the axis of the operand that each axis of the view is, or "x"; ``kept``: that of the reduction; ``gone``: the
    axes that are reduced.
    """
    return all(b == ("x" if a == "x" or a in gone else a - sum(g < a for g in gone)) for a, b in zip(order, kept))


def _axis(axes):
    return axes[0] if len(axes) == 1 else axes


def _log_softmax(m):
    """x - logsumexp(x), with the reduced axes put back in whatever way."""
    y, total, x = m["y"], m.part("logsumexp"), m["x"]
    kept = m.sweep.order_to(m.instr.operands[1], total.result)
    for base in (x, _plain(m.sweep, x)):
        order = m.sweep.order_to(y, base)
        if order is not None and kept is not None and base.type.dtype == m.type.dtype and _fits(order, kept, total.attrs["axes"]):
            z = m.emit("logsoftmax", base, attrs={"axis": _axis(total.attrs["axes"])})
            return z if order == tuple(range(base.type.ndim)) else m.emit("dimshuffle", z, attrs={"order": order})
    return None


def _is_peak(m, shift, x, axes):
    """Whether ``shift`` is the maximum of x over at least ``axes``, put beside x."""
    largest = m.inner(m.sweep.below(shift, "max"))
    if largest is None or largest.op.name != "max" or not set(axes) <= set(largest.attrs["axes"]):
        return False
    if _plain(m.sweep, largest.operands[0]) is not _plain(m.sweep, x) and not m.sweep.alike(largest.operands[0], x):
        return False
    kept = m.sweep.order_to(shift, largest.result)
    return kept is not None and _fits(tuple(range(x.type.ndim)), kept, largest.attrs["axes"])


def _unshifted(m):
    """softmax(x - max(x)) is softmax(x), and so is its log."""
    axis = m.attrs["axis"]
    shift = m.part("sub").operands[1]
    if not _is_peak(m, shift, m["x"], axis if isinstance(axis, tuple) else (axis,)):
        return None
    return m.emit(m.instr.op.name, m["x"], attrs=m.attrs)


def _unshifted_sum(m):
    """logsumexp(x - max(x)) + max(x) is logsumexp(x)."""
    for a, shift in (m.instr.operands, m.instr.operands[::-1]):
        total = m.inner(m.sweep.below(a, "logsumexp"))
        apart = m.inner(total.operands[0]) if total is not None and total.op.name == "logsumexp" else None
        if apart is None or apart.op.name != "sub":
            continue
        x, axes = apart.operands[0], total.attrs["axes"]
        largest = m.inner(m.sweep.below(apart.operands[1], "max"))
        again = m.inner(m.sweep.below(shift, "max"))
        if again is None or again.op.name != "max" or not _is_peak(m, apart.operands[1], x, axes):
            continue
        if again is not largest and not m.sweep.alike(again.result, largest.result):
            continue
        order, kept = m.sweep.order_to(a, total.result), m.sweep.order_to(shift, again.result)
        rest = [k for k in range(x.type.ndim) if k not in axes]
        if order is None or kept is None or x.type.dtype != m.type.dtype:
            continue
        if _fits(tuple("x" if k == "x" else rest[k] for k in order), kept, again.attrs["axes"]):
            z = m.emit("logsumexp", x, attrs={"axes": axes})
            return z if order == tuple(range(len(rest))) else m.emit("dimshuffle", z, attrs={"order": order})
    return None


def _square(m):
    """The square of a root or an absolute value, however it is written."""
    x = m["x"]
    chain, base = m.sweep.moves_above(x)
    instr = m.inner(base)
    if instr is None or instr.op.name != "abs" and not (instr.op.name == "sqrt" and m.sweep.is_nonnegative(instr.operands[0])):
        return None
    return m.emit("sqr", x)


def _same_attrs(name):
    return lambda m: m.part(name).attrs


_TEXT = "function (v0: float64[n0, n1]) {{\n{}  return {}\n}}"


def _example(*lines):
    """A function of v0 whose lines are ``type = op``, numbered from v1 on; it returns the last."""
    made = "".join(f"  v{k + 1}: float64[{line.partition(' = ')[0]}] = {line.partition(' = ')[2]}\n" for k, line in enumerate(lines))
    return _TEXT.format(made, f"v{len(lines)}")


_PUT_BACK = "dimshuffle v{} {{order=(0, 'x')}}"
_LOG_SOFTMAX = _example("n0 = logsumexp v0 {axes=(1,)}", "n0, 1 = " + _PUT_BACK.format(1), "n0, n1 = sub v0, v2")
_SHIFTED = ("n0 = max v0 {axes=(1,)}", "n0, 1 = " + _PUT_BACK.format(1), "n0, n1 = sub v0, v2")
_SHIFTED_SUM = _example(*_SHIFTED, "n0 = logsumexp v3 {axes=(1,)}", "n0, 1 = " + _PUT_BACK.format(4), "n0, 1 = add v5, v2")
_SQUARED = ("n0, n1 = sqr v0", "n0 = sum v1 {axes=(1,)}", "n0 = sqrt v2")
_TWO = ("n0, n1 = sqr v0", "n0 = sum v1 {axes=(1,)}", "n0 = sqrt v2", " = constant 2.0", "1 = dimshuffle v4 {order=('x',)}", "n0 = pow v3, v5")
_LOOP = ("function (v0: float64[n0, n1]) {\n  v1: float64[n0, n1] = scan v0 <n0> {carries=0, sequences=1, outs=(('stack', 0),), until=False} "
         "(v2: float64[n1]) {\n    v3: float64[n1] = exp v2\n    yield v3\n  }\n  v4: float64[n0, n1] = log v1\n  return v4\n}")

STABLE = (
    # the log of what is made of exponentials
    rule("log_of_exp", "log(exp(x))", "x", FLOAT),
    rule("log_softmax", "log(softmax(x))", "logsoftmax(x)", FLOAT, attrs={"logsoftmax": _same_attrs("softmax")}),
    rule("log_sigmoid", "log(sigmoid(x))", "neg(softplus(neg(x)))", FLOAT),
    rule("log_one_plus_exponential", "log(add(1, u))", "softplus(log(u))", FLOAT),
    rule("log_of_sum", "log(sum(e))", _log_of_sum, FLOAT),
    rule("log_of_prod", "log(prod(e))", "sum(log(e))", FLOAT, attrs={"sum": _same_attrs("prod")}),
    rule("log_of_terms", "log(add(p, q))", _log_of_terms, FLOAT, _is_exponential),
    rule("log_of_product", "log(mul(p, q))", "add(log(p), log(q))", FLOAT, _is_exponential),
    rule("log_of_inverse", "log(true_div(1, e))", "neg(log(e))", FLOAT),
    rule("log_of_quotient", "log(true_div(p, q))", "sub(log(p), log(q))", FLOAT, _is_exponential),
    rule("log_of_choice", "log(switch(x, p, q))", "switch(x, log(p), log(q))", FLOAT, _is_exponential),
    rule("log_of_rows", "log(e)", lambda m: m.sweep.log_of_rows(m["e"]), FLOAT,
         lambda m: m.sweep.yielded(m["e"]) is not None, _LOOP),
    rule("log1p_of_exponential", "log1p(u)", "softplus(log(u))", FLOAT),
    rule("log1p_minus_sigmoid", "log1p(neg(y))", _log1p_minus_sigmoid, FLOAT, lambda m: m.sweep.growth(m["y"]) == BOUNDED,
         _example("n0, n1 = sigmoid v0", "n0, n1 = neg v1", "n0, n1 = log1p v2")),
    # quotients by what is made of exponentials
    rule("logistic", "true_div(1, add(1, exp(x)))", "sigmoid(neg(x))", FLOAT),
    rule("logistic_of_exp", "true_div(exp(x), add(1, exp(x)))", "sigmoid(x)", FLOAT),
    rule("quotient_of_exponentials", "true_div(p, u)", _quotient, FLOAT),
    rule("exponential_times_inverse", "mul(exp(x), exp(neg(y)))", "exp(sub(x, y))", FLOAT),
    rule("one_minus_sigmoid", "sub(1, y)", _one_minus_sigmoid, FLOAT, lambda m: m.sweep.growth(m["y"]) == BOUNDED,
         _example("n0, n1 = sigmoid v0", "n1, n0 = dimshuffle v1 {order=(1, 0)}", " = constant 1.0", "1, 1 = dimshuffle v3 {order=('x', 'x')}",
                  "n1, n0 = sub v4, v2")),
    rule("one_plus_minus_sigmoid", "add(1, neg(y))", _one_minus_sigmoid, FLOAT, lambda m: m.sweep.growth(m["y"]) == BOUNDED,
         _example("n0, n1 = sigmoid v0", "n0, n1 = neg v1", " = constant 1.0", "1, 1 = dimshuffle v3 {order=('x', 'x')}", "n0, n1 = add v4, v2")),
    # the names of what comes out, and of what is written with logs at once
    rule("log_softmax_by_hand", "sub(y, view(logsumexp(x)))", _log_softmax, FLOAT, example=_LOG_SOFTMAX),
    rule("exp_of_logsoftmax", "exp(logsoftmax(x))", "softmax(x)", FLOAT, attrs={"softmax": _same_attrs("logsoftmax")}),
    rule("unshifted_softmax", "softmax(sub(x, y))", _unshifted, FLOAT, example=_example(*_SHIFTED, "n0, n1 = softmax v3 {axis=1}")),
    rule("unshifted_logsoftmax", "logsoftmax(sub(x, y))", _unshifted, FLOAT, example=_example(*_SHIFTED, "n0, n1 = logsoftmax v3 {axis=1}")),
    rule("unshifted_logsumexp", "add(x, view(max(y)))", _unshifted_sum, FLOAT, example=_SHIFTED_SUM),
    # digits near 0
    rule("log_one_plus", "log(add(1, x))", "log1p(x)", FLOAT),
    rule("log_one_minus", "log(sub(1, x))", "log1p(neg(x))", FLOAT),
    rule("exp_minus_one", "sub(exp(x), 1)", "expm1(x)", FLOAT),
    rule("one_minus_exp", "sub(1, exp(x))", "neg(expm1(x))", FLOAT),
    rule("exp_plus_minus_one", "add(exp(x), -1)", "expm1(x)", FLOAT),
    # squares of what has no derivative at 0
    rule("square_of_root", "sqr(sqrt(x))", "x", FLOAT, lambda m: m.sweep.is_nonnegative(m["x"]), _example(*_SQUARED, "n0 = sqr v3")),
    rule("square_of_abs", "sqr(abs(x))", "sqr(x)", FLOAT),
    rule("second_power", "pow(x, 2)", _square, FLOAT, example=_example(*_TWO)),
    rule("times_itself", "mul(x, x)", _square, FLOAT, example=_example(*_SQUARED, "n0 = mul v3, v3")),
)

# The ops that are taken below what only moves elements (indexing, transposing, reshaping, casting), to meet one of these there;
# a log is taken below them too where it meets what is made of exponentials: log(softmax(x)[i]) is log(softmax(x))[i].
THROUGH = {"log": (), "log1p": ("neg", "exp"), "exp": ("logsoftmax",), "sqr": ("sqrt", "abs")}

for _name, _function in GROWTH.items():
    OPS[_name].extra["growth"] = _function
for _name, _function in NONNEGATIVE.items():
    if _name in OPS:
        OPS[_name].extra["nonnegative"] = _function
for _row in STABLE:
    OPS[_row.pattern[1]].extra.setdefault("stable", []).append(_row)
for _name, _ops in THROUGH.items():
    OPS[_name].extra["through"] = _ops
