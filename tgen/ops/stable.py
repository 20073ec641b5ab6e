"""The stable identities, part of the meaning of a program: one table for the pass stabilise and for grad.

A softmax, a logsumexp or a cross-entropy written by hand is what its name is. Most of it follows from one
idea: of a value made of exponentials the logarithm can be had without them. known.py says which values are
(``log(..)`` of them finds a rule again), so the log of a sum, a product, a quotient or a choice of such
values is a logsumexp, a sum, a difference or a choice of logs; and a quotient by a sum of exponentials is exp
of a difference of logs, in which softmax is then met by its name.

The rules are for floats (tgen/core/rules.py has their language). What is exact for every input is in
passes/rules.py.

>>> [r.name for r in STABLE if r.pattern[1] == "log1p"]
['log1p_of_exponential', 'log1p_minus_sigmoid']
"""

from tgen.core.rules import BOUNDED, FLOAT, GROWS, IDENTITIES, narrows, rule

# -- rules that are functions --------------------------------------------------------------------------------


def _is_exponential(m):
    """The operand of the log as a whole, not only its parts."""
    return m.sweep.growth(m.instr.operands[0]) >= BOUNDED


def _is_probability(m):
    return m.sweep.growth(m["y"]) == BOUNDED


def _is_nonnegative(m):
    return m.sweep.is_nonnegative(m["x"])


def _is_of_loop(m):
    return m.sweep.yielded(m["e"]) is not None


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


def _log_of_rows(m):
    """Made by the loop that made the rows."""
    return m.sweep.log_of_rows(m["e"])


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
    (x,) = instr.operands
    return m.sweep.replay(chain, m.emit("sigmoid", m.emit("neg", x)), m.instr)


def _log_of_rest(m):
    rest = _one_minus_sigmoid(m)
    return None if rest is None else _log(m, rest)


def _plain(sweep, x):
    """x without casts between floats above it."""
    instr = sweep.definition(x)
    while instr is not None and narrows(instr):
        (x,) = instr.operands
        instr = sweep.definition(x)
    return x


def _fits(order, kept, gone):
    """Whether a view of a reduction stands beside a view of what it reduced, axis by axis.

    ``order``: the axis of the operand that each axis of the view is, or "x"; ``kept``: that of the reduction;
    ``gone``: the axes that are reduced.
    """
    wanted = ["x" if a == "x" or a in gone else a - sum(g < a for g in gone) for a in order]
    return wanted == list(kept)


def _axis(axes):
    return axes[0] if len(axes) == 1 else axes


def _turned(m, z, order):
    return z if order == tuple(range(z.type.ndim)) else m.emit("dimshuffle", z, attrs={"order": order})


def _log_softmax(m):
    """x - logsumexp(x), with the reduced axes put back in whatever way."""
    y, total, x = m["y"], m.part("logsumexp"), m["x"]
    kept = m.sweep.order_to(m.instr.operands[1], total.result)
    for base in (x, _plain(m.sweep, x)):
        order = m.sweep.order_to(y, base)
        if order is None or kept is None or base.type.dtype != m.type.dtype:
            continue
        if _fits(order, kept, total.attrs["axes"]):
            z = m.emit("logsoftmax", base, attrs={"axis": _axis(total.attrs["axes"])})
            return _turned(m, z, order)
    return None


def _is_peak(m, shift, x, axes):
    """Whether ``shift`` is the maximum of x over at least ``axes``, put beside x."""
    largest = m.inner(m.sweep.below(shift, "max"))
    if largest is None or largest.op.name != "max" or not set(axes) <= set(largest.attrs["axes"]):
        return False
    source = largest.operands[0]
    if _plain(m.sweep, source) is not _plain(m.sweep, x) and not m.sweep.alike(source, x):
        return False
    kept = m.sweep.order_to(shift, largest.result, stops=True)
    return kept is not None and _fits(tuple(range(x.type.ndim)), kept, largest.attrs["axes"])


def _stopped(m, shift):
    """Whether no gradient is to flow through a shift."""
    largest = m.sweep.below(shift, "max")
    return m.sweep.order_to(shift, largest) is None


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
        if _stopped(m, shift) is not _stopped(m, apart.operands[1]):
            continue  # what flows through one of them is meant
        order, kept = m.sweep.order_to(a, total.result), m.sweep.order_to(shift, again.result, stops=True)
        rest = [k for k in range(x.type.ndim) if k not in axes]
        if order is None or kept is None or x.type.dtype != m.type.dtype:
            continue
        if _fits(tuple("x" if k == "x" else rest[k] for k in order), kept, again.attrs["axes"]):
            z = m.emit("logsumexp", x, attrs={"axes": axes})
            return _turned(m, z, order)
    return None


def _square(m):
    """The square of a root, a hypotenuse or an absolute value, however it is written."""
    x = m["x"]
    chain, base = m.sweep.moves_above(x)
    instr = m.inner(base)
    if instr is None:
        return None
    root = instr.op.name == "sqrt" and m.sweep.is_nonnegative(instr.operands[0])
    return m.emit("sqr", x) if root or instr.op.name in ("abs", "hypot") else None


def _same(name):
    """The attributes of op ``name`` of the pattern."""
    return lambda m: m.part(name).attrs


_TEXT = "function (v0: float64[n0, n1]) {{\n{}  return {}\n}}"


def _example(*lines):
    """A function of v0 whose lines are ``type = op``, numbered from v1 on; it returns the last."""
    made = "".join(
        f"  v{k + 1}: float64[{line.partition(' = ')[0]}] = {line.partition(' = ')[2]}\n"
        for k, line in enumerate(lines)
    )
    return _TEXT.format(made, f"v{len(lines)}")


_PUT_BACK = "n0, 1 = dimshuffle v{} {{order=(0, 'x')}}"
_SHIFTED = ("n0 = max v0 {axes=(1,)}", _PUT_BACK.format(1), "n0, n1 = sub v0, v2")
_TURNED = "n1, n0 = dimshuffle v1 {order=(1, 0)}"
_ROOT = ("n0, n1 = sqr v0", "n0 = sum v1 {axes=(1,)}", "n0 = sqrt v2")
_ONE = (" = constant 1.0", "1, 1 = dimshuffle v3 {order=('x', 'x')}")
_TWO = (" = constant 2.0", "1 = dimshuffle v4 {order=('x',)}")
EXAMPLES = {  # of rules whose ops have attributes
    "rows": """function (v0: float64[n0]) {
  v1: float64[n0] = scan v0 <n0> {carries=0, sequences=1, outs=(('stack', 0),), until=False} (v2: float64[]) {
    v3: float64[] = exp v2
    yield v3
  }
  v4: float64[n0] = log v1
  return v4
}""",
    "log1p": _example("n0, n1 = sigmoid v0", "n0, n1 = neg v1", "n0, n1 = log1p v2"),
    "one minus": _example("n0, n1 = sigmoid v0", _TURNED, *_ONE, "n1, n0 = sub v4, v2"),
    "one plus minus": _example("n0, n1 = sigmoid v0", "n0, n1 = neg v1", *_ONE, "n0, n1 = add v4, v2"),
    "less": _example("n0 = logsumexp v0 {axes=(1,)}", _PUT_BACK.format(1), "n0, n1 = sub v0, v2"),
    "softmax": _example(*_SHIFTED, "n0, n1 = softmax v3 {axis=1}"),
    "logsoftmax": _example(*_SHIFTED, "n0, n1 = logsoftmax v3 {axis=1}"),
    "logsumexp": _example(
        *_SHIFTED, "n0 = logsumexp v3 {axes=(1,)}", _PUT_BACK.format(4), "n0, 1 = add v5, v2"
    ),
    "root": _example(*_ROOT, "n0 = sqr v3"),
    "power": _example(*_ROOT, *_TWO, "n0 = pow v3, v5"),
    "itself": _example(*_ROOT, "n0 = mul v3, v3"),
}

STABLE = (
    # the log of what is made of exponentials
    rule("log_of_exp", "log(exp(x))", "x", FLOAT),
    rule("log_softmax", "log(softmax(x))", "logsoftmax(x)", FLOAT, attrs={"logsoftmax": _same("softmax")}),
    rule("log_sigmoid", "log(sigmoid(x))", "neg(softplus(neg(x)))", FLOAT),
    rule("log_one_plus_exponential", "log(add(1, u))", "softplus(log(u))", FLOAT),
    rule("log_of_sum", "log(sum(e))", _log_of_sum, FLOAT),
    rule("log_of_prod", "log(prod(e))", "sum(log(e))", FLOAT, attrs={"sum": _same("prod")}),
    rule("log_of_terms", "log(add(p, q))", _log_of_terms, FLOAT, _is_exponential),
    rule("log_of_product", "log(mul(p, q))", "add(log(p), log(q))", FLOAT, _is_exponential),
    rule("log_of_inverse", "log(true_div(1, e))", "neg(log(e))", FLOAT),
    rule("log_of_quotient", "log(true_div(p, q))", "sub(log(p), log(q))", FLOAT, _is_exponential),
    rule("log_of_choice", "log(switch(x, p, q))", "switch(x, log(p), log(q))", FLOAT, _is_exponential),
    rule("log_of_rows", "log(e)", _log_of_rows, FLOAT, _is_of_loop, EXAMPLES["rows"]),
    rule("log1p_of_exponential", "log1p(u)", "softplus(log(u))", FLOAT),
    rule("log1p_minus_sigmoid", "log1p(neg(y))", _log_of_rest, FLOAT, _is_probability, EXAMPLES["log1p"]),
    # quotients by what is made of exponentials
    rule("logistic", "true_div(1, add(1, exp(x)))", "sigmoid(neg(x))", FLOAT),
    rule("logistic_of_exp", "true_div(exp(x), add(1, exp(x)))", "sigmoid(x)", FLOAT),
    rule("quotient_of_exponentials", "true_div(p, u)", _quotient, FLOAT),
    rule("exponential_times_inverse", "mul(exp(x), exp(neg(y)))", "exp(sub(x, y))", FLOAT),
    rule("one_minus_sigmoid", "sub(1, y)", _one_minus_sigmoid, FLOAT, _is_probability, EXAMPLES["one minus"]),
    rule(
        "one_plus_minus_sigmoid",
        "add(1, neg(y))",
        _one_minus_sigmoid,
        FLOAT,
        _is_probability,
        EXAMPLES["one plus minus"],
    ),
    # the names of what comes out, and of what is written with logs at once
    rule("log_softmax_by_hand", "sub(y, view(logsumexp(x)))", _log_softmax, FLOAT, example=EXAMPLES["less"]),
    rule(
        "exp_of_logsoftmax", "exp(logsoftmax(x))", "softmax(x)", FLOAT, attrs={"softmax": _same("logsoftmax")}
    ),
    rule("unshifted_softmax", "softmax(sub(x, y))", _unshifted, FLOAT, example=EXAMPLES["softmax"]),
    rule("unshifted_logsoftmax", "logsoftmax(sub(x, y))", _unshifted, FLOAT, example=EXAMPLES["logsoftmax"]),
    rule("unshifted_logsumexp", "add(x, view(max(y)))", _unshifted_sum, FLOAT, example=EXAMPLES["logsumexp"]),
    # digits near 0
    rule("log_one_plus", "log(add(1, x))", "log1p(x)", FLOAT),
    rule("log_one_minus", "log(sub(1, x))", "log1p(neg(x))", FLOAT),
    rule("exp_minus_one", "sub(exp(x), 1)", "expm1(x)", FLOAT),
    rule("one_minus_exp", "sub(1, exp(x))", "neg(expm1(x))", FLOAT),
    rule("exp_plus_minus_one", "add(exp(x), -1)", "expm1(x)", FLOAT),
    # squares of what has no derivative at 0
    rule("square_of_root", "sqr(sqrt(x))", "x", FLOAT, _is_nonnegative, EXAMPLES["root"]),
    rule("square_of_hypot", "sqr(hypot(x, y))", "add(sqr(x), sqr(y))", FLOAT),
    rule("square_of_abs", "sqr(abs(x))", "sqr(x)", FLOAT),
    rule("second_power", "pow(x, 2)", _square, FLOAT, example=EXAMPLES["power"]),
    rule("times_itself", "mul(x, x)", _square, FLOAT, example=EXAMPLES["itself"]),
)
for _row in STABLE:
    IDENTITIES.setdefault(_row.pattern[1], []).append(_row)
