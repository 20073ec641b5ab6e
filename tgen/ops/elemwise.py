"""Scalar ops: one declaration each is the dtype rule, the NumPy meaning, the C text and the gradient.

A gradient part is a function of (g, z, *operands): the adjoint of the result, the result, the operands. It
may have the result's full shape; grad sums it over the axes along which its operand was broadcast.
"""

import math

import numpy as np

from tgen.core import dims
from tgen.core.dtypes import DTYPE, DTYPES, is_float
from tgen.core.op import CHEAP, HEAVY
from tgen.graph.adjoint import Chosen
from tgen.graph.build import apply, call, constant_of, real

from . import known
from .declare import (
    bits,
    bool_to_int8,
    casting,
    choice,
    comparison,
    division,
    floating,
    keeps,
    no_bool,
    numeric,
    scalar,
    shifts,
    test,
)

LN2, LN10, TWO_OVER_ROOT_PI = math.log(2.0), math.log(10.0), 2.0 / math.sqrt(math.pi)


def _zero_where_not(condition, g):
    return call.switch(condition, g, 0)


# -- arithmetic ----------------------------------------------------------------------------------------------


def _wrapping(sign):
    return "({T})(({U}){0} " + sign + " ({U}){1})"


scalar(
    "add",
    numeric,
    np.add,
    {"f": "({0} + {1})", "n": _wrapping("+"), "b": "({0} | {1})"},
    (lambda g, z, x, y: g, lambda g, z, x, y: g),
    "x + y; bools: or",
    commutative=True,
    slopes="constant",
    growth=known.sum_growth,
    nonnegative=known.all_operands,
    cost=CHEAP,
    on_sizes=dims.add,
)
scalar(
    "add_adjoint",
    floating,
    lambda x, y: np.where(y == 0, x, x + y),
    {"f": "({1} == 0 ? {0} : {0} + {1})"},
    (lambda g, z, x, y: g, lambda g, z, x, y: g),
    "x + y, but a y of zero adds nothing, not even its sign: the adjoint of a step that nothing else reads",
    arity=2,
    slopes="constant",
)
scalar(
    "sub",
    no_bool,
    np.subtract,
    {"f": "({0} - {1})", "n": _wrapping("-")},
    (lambda g, z, x, y: g, lambda g, z, x, y: -g),
    "x - y",
    slopes="constant",
    cost=CHEAP,
    on_sizes=dims.sub,
)
scalar(
    "mul",
    numeric,
    np.multiply,
    {"f": "({0} * {1})", "n": _wrapping("*"), "b": "({0} & {1})"},
    (lambda g, z, x, y: g * y, lambda g, z, x, y: g * x),
    "x * y; bools: and",
    commutative=True,
    slopes="others",
    growth=known.factors_growth,
    nonnegative=known.product,
    cost=CHEAP,
    on_sizes=dims.mul,
)
scalar(
    "true_div",
    division,
    np.true_divide,
    {"f": "({0} / {1})"},
    (lambda g, z, x, y: g / y, lambda g, z, x, y: -(g * z) / y),
    "x / y in floats",
    growth=known.factors_growth,
    nonnegative=known.all_operands,
    domain=(0.5, 2),
)


def _narrow(helper):
    """Integers of 8 and 16 bits take the 32-bit helper and wrap to their own width."""

    def c(dtypes, attrs):
        last = DTYPE[dtypes[-1]]
        if last.kind == "f":
            return f"@tgen_{helper}_{last.code}({{0}}, {{1}})"
        return f"({last.c})@tgen_{helper}_{last.kind}{max(last.bits, 32)}({{0}}, {{1}})"

    return c


scalar(
    "int_div",
    bool_to_int8,
    np.floor_divide,
    _narrow("int_div"),
    None,
    "floor of x / y; integers by 0 give 0",
    on_sizes=dims.div,
)
scalar(
    "mod",
    bool_to_int8,
    np.remainder,
    _narrow("mod"),
    (lambda g, z, x, y: g, lambda g, z, x, y: -g * call.int_div(x, y)),
    "x - floor(x / y) * y; integers by 0 give 0",
    domain=(0.6, 0.9),
    on_sizes=dims.mod,
)


def _power(x, y):
    """A check refuses negative powers of integers; a kernel may still compute one: the truncated quotient."""
    if x.dtype.kind == "f" or x.dtype.kind == "u":
        return np.power(x, y)
    safe = np.power(x, np.where(y < 0, 0, y).astype(y.dtype))
    below = np.where(x == 1, 1, np.where(x == -1, np.where(y & 1, -1, 1), 0)).astype(x.dtype)
    return np.where(y < 0, below, safe)


def _power_c(dtypes, attrs):
    last = DTYPE[dtypes[-1]]
    if last.kind == "f":
        return f"@pow{last.suffix}({{0}}, {{1}})"
    return f"({last.c})@tgen_pow_{last.kind}64({{0}}, {{1}})"


def _power_slope(g, z, x, y):
    """g * y * x ** (y - 1). For y = 0 the exponent stays 0: no derivative has a factor inf beside the 0."""
    x, y = real(x), real(y)
    known = constant_of(y)
    less = y - 1 if known is not None and known.data.all() else call.switch(call.eq(y, 0), 0, y - 1)
    return g * y * x**less


scalar(
    "pow",
    bool_to_int8,
    _power,
    _power_c,
    (_power_slope, lambda g, z, x, y: _zero_where_not(call.neq(x, 0), g * call.log(real(x)) * real(z))),
    "x ** y; ValueError for an integer to a negative power",
    arity=2,
    nonnegative=known.power,
    naturals={1: "Integers to negative integer powers are not allowed; cast the base to a float"},
    domain=(0.5, 2),
    cost=HEAVY,
    ulps=4,
)
scalar(
    "neg",
    no_bool,
    np.negative,
    {"f": "(-{0})", "n": "({T})(({U})0 - ({U}){0})"},
    (lambda g, z, x: -g,),
    "-x",
    slopes="constant",
    cost=CHEAP,
    on_sizes=lambda x: dims.mul(-1, x),
)
scalar(
    "abs",
    keeps,
    np.abs,
    {"f": "@fabs{f}({0})", "i": "({T})({0} < 0 ? ({U})0 - ({U}){0} : ({U}){0})", "u": "({0})", "b": "({0})"},
    (lambda g, z, x: g * call.sgn(x),),
    "absolute value",
    nonnegative=known.always,
    cost=CHEAP,
)
scalar(
    "sgn",
    no_bool,
    np.sign,
    {"f": "@tgen_sgn_{k}({0})", "i": "({T})(({0} > 0) - ({0} < 0))", "u": "({T})({0} > 0)"},
    None,
    "-1, 0 or 1; nan of nan",
)
scalar(
    "sqr",
    bool_to_int8,
    np.square,
    {"f": "({0} * {0})", "n": "({T})(({U}){0} * ({U}){0})"},
    (lambda g, z, x: g * (2 * real(x)),),
    "x * x",
    nonnegative=known.always,
    through=("sqrt", "abs", "hypot"),
    cost=CHEAP,
)


def _root_slope(g, z, x):
    """g / 2z. The root of a sum of squares is a norm: at 0 it has a kink, and 0 is the subgradient."""
    slope = g * 0.5 / z
    return Chosen(slope, call.neq(z, 0)) if _is_squares(x) else slope


def _is_squares(v):
    """Whether v is written as a sum of squares, divided by something or not, in whatever shape."""
    stack = [v]
    while stack:
        v = stack.pop()
        node = v.owner
        name = node and node.primitive.name
        if name == "add":
            stack += node.inputs
        elif name in ("sum", "true_div", "cast") or node and node.primitive.moves:
            stack.append(node.inputs[0])
        elif not (
            name == "sqr"
            or name == "pow"
            and _is_even(node.inputs[1])
            or name in ("mul", "dot")
            and node.inputs[0] is node.inputs[1]
        ):
            return False
    return True


def _is_even(v):
    """Whether v is a constant of even numbers above 0."""
    known = constant_of(v)
    return known is not None and bool(((known.data > 0) & (known.data % 2 == 0)).all())


scalar(
    "sqrt",
    floating,
    np.sqrt,
    {"f": "@sqrt{f}({0})"},
    (_root_slope,),
    "square root; the gradient of a norm, the root of a sum of squares, is 0 at 0",
    nonnegative=known.all_operands,
    domain=(0.5, 2),
)


# -- float functions -----------------------------------------------------------------------------------------


def _floating(name, function, grad, doc, c=None, cost=HEAVY, ulps=4, **more):
    """A float function: by default libm's of the same name."""
    text = c or "@" + name.replace("arc", "a") + "{f}({0})"
    scalar(name, floating, function, {"f": text}, grad and (grad,), doc, cost=cost, ulps=ulps, **more)


def _elementwise(function):
    """A Python float function as a ufunc that keeps float32."""
    ufunc = np.frompyfunc(function, 1, 1)
    return lambda x: np.asarray(ufunc(x), dtype=x.dtype)


def _sigmoid(x):
    decay = np.exp(-np.abs(x))
    return np.where(x < 0, decay, x.dtype.type(1)) / (1 + decay)


def _softplus(x):
    return np.where(x < 0, x.dtype.type(0), x) + np.log1p(np.exp(-np.abs(x)))


_floating(
    "exp",
    np.exp,
    lambda g, z, x: g * z,
    "e ** x",
    growth=known.exponential,
    nonnegative=known.always,
    through=("logsoftmax",),
)
_floating("exp2", np.exp2, lambda g, z, x: g * z * LN2, "2 ** x", nonnegative=known.always)
_floating("expm1", np.expm1, lambda g, z, x: g * (z + 1), "e ** x - 1, precise near 0")
_floating(
    "log",
    np.log,
    lambda g, z, x: g / x,
    "natural logarithm",
    through=(),
    domain=(0.5, 2),
)
_floating(
    "log2",
    np.log2,
    lambda g, z, x: g / (x * LN2),
    "logarithm to base 2",
    domain=(0.5, 2),
)
_floating(
    "log10",
    np.log10,
    lambda g, z, x: g / (x * LN10),
    "logarithm to base 10",
    domain=(0.5, 2),
)
_floating(
    "log1p",
    np.log1p,
    lambda g, z, x: g / (1 + x),
    "log(1 + x), precise near 0",
    through=("neg", "exp"),
    domain=(-0.5, 2),
)
_floating("sin", np.sin, lambda g, z, x: g * call.cos(x), "sine")
_floating("cos", np.cos, lambda g, z, x: -g * call.sin(x), "cosine")
_floating(
    "tan",
    np.tan,
    lambda g, z, x: g * (1 + z * z),
    "tangent",
    domain=(-1, 1),
)
_floating(
    "arcsin",
    np.arcsin,
    lambda g, z, x: g / call.sqrt(1 - x * x),
    "inverse sine",
    domain=(-0.8, 0.8),
)
_floating(
    "arccos",
    np.arccos,
    lambda g, z, x: -g / call.sqrt(1 - x * x),
    "inverse cosine",
    domain=(-0.8, 0.8),
)
_floating("arctan", np.arctan, lambda g, z, x: g / (1 + x * x), "inverse tangent")
_floating("sinh", np.sinh, lambda g, z, x: g * call.cosh(x), "hyperbolic sine")
_floating("cosh", np.cosh, lambda g, z, x: g * call.sinh(x), "hyperbolic cosine", nonnegative=known.always)
_floating("tanh", np.tanh, lambda g, z, x: g * (1 - z * z), "hyperbolic tangent")
_floating("arcsinh", np.arcsinh, lambda g, z, x: g / call.sqrt(x * x + 1), "inverse hyperbolic sine")
_floating(
    "arccosh",
    np.arccosh,
    lambda g, z, x: g / call.sqrt(x * x - 1),
    "inverse hyperbolic cosine",
    domain=(1.5, 3),
)
_floating(
    "arctanh",
    np.arctanh,
    lambda g, z, x: g / (1 - x * x),
    "inverse hyperbolic tangent",
    domain=(-0.8, 0.8),
)
_floating(
    "erf", _elementwise(math.erf), lambda g, z, x: g * TWO_OVER_ROOT_PI * call.exp(-x * x), "error function"
)
_floating(
    "erfc",
    _elementwise(math.erfc),
    lambda g, z, x: -g * TWO_OVER_ROOT_PI * call.exp(-x * x),
    "1 - erf(x), precise for large x",
)
_floating(
    "sigmoid",
    _sigmoid,
    lambda g, z, x: g * z * (1 - z),
    "1 / (1 + e ** -x)",
    "@tgen_sigmoid_{k}({0})",
    growth=known.probability,
    nonnegative=known.always,
)
_floating(
    "softplus",
    _softplus,
    lambda g, z, x: g * call.sigmoid(x),
    "log(1 + e ** x) without overflow",
    "@tgen_softplus_{k}({0})",
    nonnegative=known.always,
)


def _share(g, x, y):
    """The adjoint of x in log(exp(x) + exp(y)); equal infinities have equal shares."""
    alike = call.and_(call.eq(x, y), call.isinf(x))
    return g * call.sigmoid(call.switch(alike, 0, x - y))


scalar(
    "logaddexp",
    floating,
    np.logaddexp,
    {"f": "@tgen_logaddexp_{k}({0}, {1})"},
    (lambda g, z, x, y: _share(g, x, y), lambda g, z, x, y: _share(g, y, x)),
    "log(e ** x + e ** y) without overflow",
    commutative=True,
    cost=HEAVY,
    ulps=4,
    cancels=True,
)


def _per_radius(g, a, b):
    """g * a / (a*a + b*b), whose squares neither overflow nor vanish: of a point that is infinitely far away
    0, and nan at 0, where an angle has no derivative.
    """
    far = call.maximum(call.abs(a), call.abs(b))
    unit = apply("disconnected_grad", far)  # it scales both, and the result does not depend on it
    a, b = a / unit, b / unit
    return Chosen(g * (a / (a * a + b * b)) / unit, call.neq(far, math.inf))


scalar(
    "arctan2",
    floating,
    np.arctan2,
    {"f": "@atan2{f}({0}, {1})"},
    (lambda g, z, x, y: _per_radius(g, y, x), lambda g, z, x, y: _per_radius(-g, x, y)),
    "the angle of the point (y, x)",
    cost=HEAVY,
    ulps=4,
)


def _direction(g, x, y):
    """g * x / hypot(x, y); at 0, where every direction is one, 0. What is infinite outweighs what is not."""
    far = call.or_(call.isinf(x), call.isinf(y))
    x, y = (call.switch(far, call.switch(call.isinf(v), call.sgn(v), 0), v) for v in (x, y))
    z = call.hypot(x, y)
    return Chosen(g * (x / z), call.neq(z, 0))


scalar(
    "hypot",
    floating,
    np.hypot,
    {"f": "@tgen_hypot_{k}({0}, {1})"},
    (lambda g, z, x, y: _direction(g, x, y), lambda g, z, x, y: _direction(g, y, x)),
    "sqrt(x * x + y * y) without overflow; its gradient at 0 is 0, a subgradient",
    commutative=True,
    cost=HEAVY,
    ulps=2,
    nonnegative=known.always,
)


def _nearest(x):
    return np.rint(x) if x.dtype.kind == "f" else x


for _name, _function, _text, _doc in [
    ("floor", np.floor, "floor", "largest integer <= x"),
    ("ceil", np.ceil, "ceil", "smallest integer >= x"),
    ("round", _nearest, "rint", "nearest integer, halves to even"),
    ("trunc", np.trunc, "trunc", "x without its fraction"),
]:
    scalar(_name, keeps, _function, {"f": f"@{_text}{{f}}({{0}})", "n": "({0})", "b": "({0})"}, None, _doc)


# -- order and choice ----------------------------------------------------------------------------------------


def _extreme_grad(node, gs):
    """At a tie the first operand takes all of g (Theano). Both parts add up to g, also where the result is
    nan.
    """
    first = call.eq(node.outputs[0], node.inputs[0])
    return [Chosen(gs[0], first), Chosen(gs[0], first, False)]


for _name, _function, _sign, _least, _of_sizes in [
    ("minimum", np.minimum, "<", known.all_operands, dims.minimum),
    ("maximum", np.maximum, ">", known.any_operand, dims.maximum),
]:
    _choice = f"(({{T}})({{0}} {_sign} {{1}} ? {{0}} : {{1}}))"
    scalar(
        _name,
        numeric,
        _function,
        {"f": f"@tgen_{_name}_{{k}}({{0}}, {{1}})", "n": _choice, "b": _choice},
        None,
        f"the {_name}; nan if either is nan",
        node_grad=_extreme_grad,
        commutative=True,
        cost=CHEAP,
        either_zero=True,
        nonnegative=_least,
        on_sizes=_of_sizes,
    )


def _clip(x, low, high):
    return np.minimum(np.maximum(x, low), high)


_bounded = "(({T})({0} > {1} ? ({0} < {2} ? {0} : {2}) : ({1} < {2} ? {1} : {2})))"
scalar(
    "clip",
    numeric,
    _clip,
    {"f": "@tgen_clip_{k}({0}, {1}, {2})", "n": _bounded, "b": _bounded},
    (
        lambda g, z, x, low, high: Chosen(g, call.and_(call.ge(x, low), call.le(x, high))),
        lambda g, z, x, low, high: Chosen(g, call.and_(call.lt(x, low), call.le(low, high))),
        lambda g, z, x, low, high: Chosen(g, call.or_(call.gt(x, high), call.gt(low, high))),
    ),
    "x held between low and high, high where low is above it (the gradient at a bound is 1)",
    arity=3,
    either_zero=True,
)


def _compare(sign):
    """Comparisons are C's own; int64 with uint64 compare as integers, which C alone would not."""

    def c(dtypes, attrs):
        if dtypes[0] == dtypes[1]:
            return f"({{0}} {sign} {{1}})"
        signed, other = ("{0}", "{1}") if dtypes[0] == "int64" else ("{1}", "{0}")
        below = (
            {"<": "1", "<=": "1", "!=": "1"}.get(sign, "0")
            if signed == "{0}"
            else {">": "1", ">=": "1", "!=": "1"}.get(sign, "0")
        )
        return f"({signed} < 0 ? {below} : ((uint64_t){{0}} {sign} (uint64_t){{1}}))"

    return c


for _name, _function, _sign in [
    ("eq", np.equal, "=="),
    ("neq", np.not_equal, "!="),
    ("lt", np.less, "<"),
    ("le", np.less_equal, "<="),
    ("gt", np.greater, ">"),
    ("ge", np.greater_equal, ">="),
]:
    scalar(
        _name,
        comparison,
        _function,
        _compare(_sign),
        None,
        f"x {_sign} y, elementwise",
        commutative=_name in ("eq", "neq"),
        cost=CHEAP,
    )

scalar(
    "isnan",
    test,
    np.isnan,
    {"f": "({0} != {0})", "n": "({0} & 0)", "b": "({0} & 0)"},
    None,
    "whether x is nan",
)
scalar(
    "isinf",
    test,
    np.isinf,
    {"f": "(@fabs{f}({0}) == __builtin_inf{f}())", "n": "({0} & 0)", "b": "({0} & 0)"},
    None,
    "whether x is inf or -inf",
)
scalar(
    "switch",
    choice,
    np.where,
    {k: "({0} ? {1} : {2})" for k in "fnb"},
    (lambda g, z, c, x, y: Chosen(g, c, free=True), lambda g, z, c, x, y: Chosen(g, c, False, free=True)),
    "x where the condition holds, else y",
    arity=3,
    slopes="constant",
    chooses=True,
    growth=known.either_growth,
    nonnegative=known.chosen,
    cost=CHEAP,
)


# -- bits ----------------------------------------------------------------------------------------------------

for _name, _function, _sign in [
    ("and_", np.bitwise_and, "&"),
    ("or_", np.bitwise_or, "|"),
    ("xor", np.bitwise_xor, "^"),
]:
    _text = f"(({{T}})({{0}} {_sign} {{1}}))"
    scalar(
        _name,
        bits,
        _function,
        {"n": _text, "b": _text},
        None,
        f"x {_sign} y: bitwise, logical on bools",
        commutative=True,
    )
scalar(
    "invert",
    bits,
    np.invert,
    {"n": "(({T})~{0})", "b": "({0} ^ 1)"},
    None,
    "bits turned over; logical not on bools",
)
# A count outside 0 .. width-1 shifts everything out, as NumPy defines; the mask keeps the C shift itself
# defined.
scalar(
    "left_shift",
    shifts,
    np.left_shift,
    lambda dtypes, attrs: _shift_c(dtypes[-1], "<<"),
    None,
    "x << y; 0 when y is negative or too large",
)
scalar(
    "right_shift",
    shifts,
    np.right_shift,
    lambda dtypes, attrs: _shift_c(dtypes[-1], ">>"),
    None,
    "x >> y; the sign alone when y is negative or too large",
)


def _shift_c(dtype, sign):
    record = DTYPE[dtype]
    width = record.bits
    if sign == "<<":
        moved, out = f"({record.unsigned}){{0}} << ({{1}} & {width - 1})", "0"
    else:
        moved, out = f"{{0}} >> ({{1}} & {width - 1})", "0" if record.kind == "u" else "({0} < 0 ? -1 : 0)"
    return f"(({record.c})((uint{width}_t){{1}} < {width} ? ({record.c})({moved}) : {out}))"


# -- casts and the ops that only gradients see ---------------------------------------------------------------


def _cast_c(dtypes, attrs):
    source, target = dtypes[0], attrs["dtype"]
    if source == target:
        return "({0})"
    if target == "bool":
        return "({0} != 0)"
    source, target = DTYPE[source], DTYPE[target]
    if source.kind != "f" or target.kind == "f":
        return f"(({target.c}){{0}})"
    code = target.code if target.bits >= 32 else "i32"
    return f"(({target.c})@tgen_{source.code}_to_{code}({{0}}))"


def _truncated(x, dtype):
    """Floats as int32 or int64; what it cannot hold, and nan, is its least value."""
    info = np.iinfo(dtype)
    held = (x > info.min - 1.0 if dtype == "int32" and x.dtype == "float64" else x >= info.min) & (
        x < -float(info.min)
    )
    return np.where(held, np.where(held, x, 0).astype(dtype), np.array(info.min, dtype))


def _float_to_int(x, dtype):
    """x86's conversions, on every machine: through int32 up to 16 bits, uint32 through int64, uint64 in two
    halves.
    """
    if dtype in ("int32", "int64"):
        return _truncated(x, dtype)
    if dtype == "uint64":
        half = x.dtype.type(2.0**63)
        low, high = _truncated(x, "int64").astype(dtype), _truncated(x - half, "int64").astype(dtype)
        return np.where(x >= half, high ^ np.uint64(2**63), low)
    return _truncated(x, "int64" if dtype == "uint32" else "int32").astype(dtype)


def _cast(attrs, sizes, x):
    x, dtype = np.asarray(x), attrs["dtype"]
    with np.errstate(all="ignore"):
        return (
            _float_to_int(x, dtype)
            if x.dtype.kind == "f" and np.dtype(dtype).kind in "iu"
            else x.astype(dtype)
        )


def _cast_grad(g, z, x):
    """Zero from a float to an int, a rounding. Integers are read as floats, so all other casts pass g."""
    return None if is_float(x.type.dtype) and not is_float(z.type.dtype) else g


scalar(
    "cast",
    casting,
    None,
    _cast_c,
    (_cast_grad,),
    "x in another dtype; floats truncate, and what an integer cannot hold is x86's value (INT_MIN)",
    eval=_cast,
    slopes="constant",
    nonnegative=known.all_operands,
    cost=CHEAP,
    samples=tuple({"dtype": d} for d in DTYPES),
    on_sizes=lambda x: x,
)


def _identity(name, grad, doc, flows=1, mask="each", samples=()):
    """x itself, with a gradient of its own; lower drops it."""
    scalar(
        name,
        keeps,
        None,
        {k: "({0})" for k in "fnb"},
        None,
        doc,
        eval=lambda attrs, sizes, x: x,
        node_grad=grad,
        mask=mask,
        slopes="constant",
        flows=flows,
        identity=True,
        samples=samples,
    )


_identity(
    "disconnected_grad", None, "x, through which no gradient flows: what it is made of is disconnected", 0
)
_identity("zero_grad", None, "x, whose gradient is zero")
_identity(
    "grad_clip",
    lambda node, gs: [call.clip(gs[0], node.attrs["lo"], node.attrs["hi"])],
    "x, whose gradient is clipped to lo .. hi",
    mask="whole",
    samples=({"lo": -1.0, "hi": 1.0},),
)
_identity(
    "grad_scale",
    lambda node, gs: [gs[0] * node.attrs["factor"]],
    "x, whose gradient is multiplied by factor",
    samples=({"factor": 2.0},),
)
scalar(
    "copy",
    keeps,
    lambda x: x.copy(),
    {k: "{0}" for k in "fnb"},
    (lambda g, z, x: g,),
    "x in memory of its own (IR only: fusion makes a view's elements real)",
    cost=CHEAP,
)
