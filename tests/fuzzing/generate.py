"""seed -> Program: leaves of all dtypes, ranks and layouts, then statements drawn from KINDS, each computed
at once on the leaves' arrays.

A statement that raises is left out, or it is the last one: such programs show that a call fails as the
interpreter does and changes nothing.
"""

import itertools

import loops
import numpy as np
from special import special_array
from twins import TWINS
from twins_nnet import NNET_TWINS

import tgen.tensor as T
from tgen.core.dtypes import DTYPES, FLOATS, is_float, is_int
from tgen.graph.nodes import Variable
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.ops.stable import STABLE
from tgen.passes.rules import EXACT

from .program import LAYOUTS, Leaf, Program, Statement, compiled, differentiated, namespace
from .values import Values, error_class

SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33)
LIKELY = np.array([2, 6, 6, 8, 8, 6, 4, 4, 2, 2, 2, 1.0])
MOST = 4000  # elements of a value
REFUSALS = (
    TypeError,
    ValueError,
    IndexError,
    ZeroDivisionError,
    OverflowError,
    AssertionError,
    ArithmeticError,
)
FLOAT_FUNCTIONS = (
    "sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan "
    "sinh cosh tanh arcsinh arccosh arctanh erf erfc "
    "sigmoid softplus deg2rad rad2deg log1mexp inv"
).split()
SMOOTH = "exp expm1 sin cos arctan sinh tanh arcsinh erf erfc sigmoid softplus sqr".split()
ANY_FUNCTIONS = (
    "neg abs sgn sqr floor ceil round trunc isnan isinf isfinite tensor_copy ones_like zeros_like "
    "round_half_away_from_zero iround"
).split()
NNET_FUNCTIONS = (
    "softmax logsoftmax relu elu selu softsign swish hard_sigmoid ultra_fast_sigmoid gelu log_sigmoid "
    "sigmoid softplus "
    "leaky_relu"
).split()
BINARY = (
    "add sub mul true_div int_div mod pow minimum maximum arctan2 hypot logaddexp eq neq lt le gt ge "
    "and_ or_ xor left_shift right_shift "
    "isclose logical_and logical_xor divmod"
).split()
INTEGER_BINARY = "int_div mod divmod and_ or_ xor left_shift right_shift".split()
SMOOTH_BINARY = "add sub mul arctan2 hypot logaddexp maximum minimum".split()
REDUCTIONS = (
    "sum prod max min mean var std any all argmax argmin ptp norm logsumexp count_nonzero max_and_argmax"
).split()
SMOOTH_REDUCTIONS = "sum prod max min mean var std norm logsumexp".split()
SORTED = ("searchsorted",)  # rows that are defined for sorted operands only
ROWS = {
    name: [np.asarray(x) for x in row[2]]
    for name, row in {**TWINS, **NNET_TWINS}.items()
    if name not in SORTED
}


FUNCTIONS = {"softmax": "nnet.softmax", "logsoftmax": "nnet.logsoftmax"}


def _speakable(pattern):
    """Whether a pattern is made of functions that need nothing but operands; as deep as it is nested."""
    if pattern[0] != "op":
        return True
    name = FUNCTIONS.get(pattern[1], pattern[1])
    known = hasattr(T, name.rpartition(".")[2]) or "." in name
    return known and pattern[1] not in NEED_MORE and all(map(_speakable, pattern[2]))


NEED_MORE = {
    "cast",
    "dimshuffle",
    "reshape",
    "slice",
    "broadcast_to",
    "concatenate",
    "gather",
    "set_gather",
    "inc_gather",
}
NEED_MORE |= {"set_slice", "inc_slice", "rebroadcast", "iota", "constant", "scan", "cond"}
IDIOMS = [rule for rule in (*EXACT, *STABLE) if rule.pattern and _speakable(rule.pattern)]


class Refused(Exception):
    """There is nothing here that the statement wanted, or it is refused when built."""


class Generator:
    """A program that grows. ``pool``: the names that statements draw from, those of the innermost scope
    last.
    """

    def __init__(self, seed):
        self.seed, self.rng = seed, np.random.default_rng([20, seed])
        self.smooth = self.chance(0.3)
        self.special = not self.smooth and self.chance(0.4)
        self.failed, self.refused = None, []
        self.reset()
        self.sizes = [int(n) for n in self.rng.choice(SIZES, 3, p=LIKELY / LIKELY.sum())]
        if self.smooth:
            self.sizes = [max(n, 1) for n in self.sizes]

    def reset(self):
        self.space, self.values = namespace(), Values()
        self.pool, self.leaves, self.statements, self.scopes, self.choice = [], [], [], [], {}
        self.forced = []
        self.numbers = itertools.count()

    # -- drawing
    def chance(self, p):
        return bool(self.rng.random() < p)

    def number(self, low, high):
        """low .. high, both included."""
        return int(self.rng.integers(low, high + 1))

    def of(self, options):
        return options[self.number(0, len(options) - 1)]

    def array(self, name):
        return self.values.known(self.space[name])

    def type(self, name):
        return self.space[name].type

    def dtype(self, name):
        return self.space[name].dtype

    def rank(self, name):
        return self.array(name).ndim

    def shape(self, name):
        return self.array(name).shape

    def pick(self, test=lambda v: True):
        """A name of the pool; those made last are likelier."""
        fitting = [name for name in self.pool if test(name)]
        if not fitting:
            raise Refused
        back = (
            min(int(self.rng.exponential(4)), len(fitting) - 1)
            if self.chance(0.7)
            else self.number(0, len(fitting) - 1)
        )
        return fitting[len(fitting) - 1 - back]

    def floats(self, name):
        return is_float(self.dtype(name))

    def pick_float(self, ndim=None):
        return self.pick(lambda v: self.floats(v) and (ndim is None or self.rank(v) in ndim))

    def name(self, stem="v"):
        return f"{stem}{next(self.numbers)}"

    # -- leaves
    def leaf(self, dtype=None, shape=None):
        if dtype is None:
            dtype = (
                "float64"
                if self.smooth and self.chance(0.9) or self.chance(0.3)
                else "float32"
                if self.chance(0.3)
                else self.of(DTYPES)
            )
        if shape is None:
            rank = int(self.rng.choice([0, 1, 2, 3, 4], p=[0.15, 0.3, 0.35, 0.13, 0.07]))
            shape = tuple(
                self.of(self.sizes) if self.chance(0.9) else self.of(SIZES[1 if self.smooth else 0 :])
                for _ in range(rank)
            )
            while np.prod(shape) > MOST:
                shape = shape[1:]
        array = self.content(dtype, shape)
        shared = self.chance(0.3)
        static = tuple(n if n == 1 and self.chance(0.7) or self.chance(0.1) else None for n in shape)
        layout = self.of(LAYOUTS) if not shared and self.chance(0.5) else "C"
        if layout == "repeated" and array.ndim:
            array = np.array(np.broadcast_to(array[:1], array.shape), order="C")
        return self.add_leaf(Leaf(self.name("s" if shared else "x"), array, static, layout, shared))

    def content(self, dtype, shape):
        if self.special and self.chance(0.6):
            return special_array(self.rng, dtype, shape)
        kind = np.dtype(dtype).kind
        if kind == "f":
            return np.asarray(self.rng.normal(size=shape) * self.of([1, 1, 2, 10, 0.1])).astype(dtype)
        if kind == "b":
            return np.asarray(self.rng.random(shape) < 0.5)
        low = 0 if kind == "u" else -self.of([0, 1, 4])
        return np.asarray(self.rng.integers(low, self.of([2, 5, 10]), shape)).astype(dtype)

    # -- statements
    def say(self, text, used, results=1, stem="v", must=False):
        """Add ``text`` (an expression) as a statement if it can be built and computed; the names made."""
        made = [self.name(stem) for _ in range(results)]
        line = f"{', '.join(made)} = {text}"
        try:
            exec(compiled(line), self.space)
            for name in made:
                if not isinstance(self.space[name], Variable):
                    raise Refused
        except REFUSALS as error:
            self.refused.append((line, f"{type(error).__name__}: {error}"))
            raise Refused from error
        statement = Statement(line, tuple(made), tuple(used))
        try:
            arrays = [self.values.of(self.space[name]) for name in made]
        except REFUSALS as error:
            self.refused.append((line, f"{type(error).__name__}: {error}"))
            if self.scopes or must or not self.chance(0.5):
                raise Refused from error
            self.failed = error_class(error).__name__
            self.statements.append(statement)
            return made
        if any(a.size > MOST for a in arrays):
            raise Refused
        if (
            not self.scopes
            and not self.special
            and any(a.dtype.kind == "f" and a.size and not np.isfinite(a).any() for a in arrays)
            and self.chance(0.8)
        ):
            raise Refused
        self.keep(statement)
        self.pool += made
        return made

    def keep(self, statement):
        (self.scopes[-1] if self.scopes else self.statements).append(statement)

    def scalar(self):
        return self.of(
            [
                "2",
                "0.5",
                "-1",
                "3.0",
                "0",
                "1",
                "-0.25",
                "np.float32(1.5)",
                "np.float64(-2.5)",
                "T.constant(2.0)",
                "100",
                "1e-3",
            ]
        )

    def unary(self):
        x = self.pick()
        if self.smooth and self.floats(x):
            names = SMOOTH if self.chance(0.8) else FLOAT_FUNCTIONS
        else:
            names = FLOAT_FUNCTIONS if self.floats(x) and self.chance(0.6) else ANY_FUNCTIONS
        name = self.of(names)
        self.say(f"T.{name}({x})", [x])

    def binary(self):
        x, y, used = self.pair()
        if all(is_int(self.dtype(v)) for v in used) and self.chance(0.5):
            name = self.of(INTEGER_BINARY)
            if len(used) == 1 and self.chance(0.7):  # by a number: no element is a zero that would be refused
                x, y = used[0], self.of(["2", "3", "-2", "-3", "7"])
        else:
            name = self.of(SMOOTH_BINARY if self.smooth and self.chance(0.8) else BINARY)
        self.say(f"T.{name}({x}, {y})", used, 2 if name == "divmod" else 1)

    def pair(self, test=lambda v: True):
        """(x, y, names used): two expressions that broadcast, one perhaps a number."""
        x = self.pick(test)
        if self.chance(0.25):
            pair = [x, self.scalar()]
            self.rng.shuffle(pair)
            return *pair, [x]
        y = self.pick(lambda v: test(v) and self.fits(v, x))
        text = self.padded(y, x)
        pair = [x, text]
        self.rng.shuffle(pair)
        return *pair, [x, y]

    def fits(self, small, large):
        """Whether ``small`` broadcasts to ``large`` as it is, or with axes put where they fit."""
        return self.places(small, large) is not None

    def places(self, small, large):
        a, b = self.shape(small), self.shape(large)
        types = self.type(small).shape
        if len(a) > len(b):
            return None
        for where in itertools.combinations(range(len(b)), len(a)):
            if all(a[k] == b[axis] or types[k] == 1 for k, axis in enumerate(where)):
                return where
        return None

    def padded(self, small, large):
        where, n = self.places(small, large), self.rank(large)
        if where == tuple(range(n - len(where), n)):
            return small
        order = ["x"] * n
        for k, axis in enumerate(where):
            order[axis] = k
        return f"{small}.dimshuffle({', '.join(map(repr, order))})"

    def cast(self):
        x = self.pick()
        text = f"T.cast({x}, {self.of(DTYPES)!r})"
        if self.chance(0.4):
            text = f"T.cast({text}, {self.of(DTYPES)!r})"
        self.say(text, [x])

    def idiom(self):
        """What a rewrite rule looks for, on values of one shape and dtype."""
        rule = self.of(IDIOMS)
        x = self.pick(lambda v: self.dtype(v) in self.of((FLOATS, DTYPES)))
        alike = [v for v in self.pool if self.shape(v) == self.shape(x) and self.dtype(v) == self.dtype(x)]
        names = {}
        text = self.pattern(rule.pattern, names, lambda: self.of(alike))
        self.say(text, list(names.values()))

    def pattern(self, pattern, names, pick):
        """A rule's pattern as an expression; as deep as patterns are nested."""
        kind, what = pattern[0], pattern[1]
        if kind == "var":
            return names.setdefault(what, pick())
        if kind == "number":
            return f"np.bool_({what})" if isinstance(what, bool) else repr(what)
        if kind != "op":
            return self.of(["2.0", "0.25", "3", "-8.0", "0.1"])
        operands = ", ".join(self.pattern(p, names, pick) for p in pattern[2])
        return f"T.{FUNCTIONS.get(what, what)}({operands})"

    def ternary(self):
        x = self.pick()
        c = self.pick(lambda v: self.fits(v, x))
        y = self.pick(lambda v: self.fits(v, x))
        condition = self.padded(c, x)
        condition = (
            f"T.{self.of(['gt', 'le', 'eq'])}({condition}, 0)"
            if self.dtype(c) != "bool" or self.chance(0.5)
            else condition
        )
        which = self.number(0, 3)
        if which == 0:
            self.say(f"T.clip({x}, {self.of(['-1', '0', '-0.5'])}, {self.of(['1', '2', '0.5'])})", [x])
        else:
            other = self.padded(y, x) if which > 1 else self.scalar()
            self.say(
                f"T.{self.of(['switch', 'where'])}({condition}, {x}, {other})",
                [x, c, y],
            )

    def axes(self, x):
        n = self.rank(x)
        if not n or self.chance(0.15):
            return None
        if self.chance(0.7):
            return self.number(0, n - 1) - (n if self.chance(0.3) else 0)
        return tuple(int(a) for a in sorted(self.rng.permutation(n)[: self.number(1, n)]))

    def reduction(self):
        x = self.pick()
        name = self.of(SMOOTH_REDUCTIONS if self.smooth else REDUCTIONS)
        axis = self.axes(x)
        if name in ("max_and_argmax", "ptp") and isinstance(axis, tuple):
            axis = axis[0]
        options = f", axis={axis!r}" + (
            ", keepdims=True" if self.chance(0.3) and name not in ("ptp", "count_nonzero") else ""
        )
        if name == "norm":
            name, options = "norm", f"({x}{', ' + self.of(['1', '2', '3', 'np.inf'])}{options})"
        else:
            options = f"({x}{options})"
        text, results = f"T.{name}{options}", 2 if name == "max_and_argmax" else 1
        if "keepdims" in options and results == 1 and self.chance(0.5):
            text = self.spread(text, x)
        self.say(text, [x], results)

    def spread(self, part, x):
        """``part``, an expression with axes of length one, made as long as ``x``; perhaps read at once."""
        shape = ", ".join(f"{x}.shape[{k}]" for k in range(self.rank(x)))
        text = self.of(
            [
                f"T.broadcast_to({part}, {x}.shape)",
                f"T.fill({x}, {part})",
                f"T.alloc({part}, {shape})" if shape else part,
            ]
        )
        return self.of(["{}", "T.sqr({})", "{} * {}"]).format(text, x)

    def movement(self):
        x = self.pick(lambda v: self.rank(v) > 0)
        shape, n = self.shape(x), self.rank(x)
        axis = self.number(0, n - 1)
        order = [int(k) for k in self.rng.permutation(n)]
        options = [
            lambda: f"{x}.dimshuffle({order})",
            lambda: f"{x}.T",
            lambda: f"{x}.flatten()",
            lambda: f"T.flatten({x}, {self.number(1, n)})",
            lambda: f"{x}.reshape({self.factors(shape)})",
            lambda: f"T.roll({x}, {self.number(-3, 3)}, {axis})",
            lambda: f"T.flip({x}, {axis})",
            lambda: f"T.repeat({x}, {self.number(0, 3)}, {axis})",
            lambda: f"T.tile({x}, {tuple(self.number(1, 2) for _ in range(n))})",
            lambda: f"T.shape_padleft({x})",
            lambda: f"T.shape_padright({x})",
            lambda: f"T.expand_dims({x}, {axis})",
            lambda: f"T.squeeze(T.shape_padaxis({x}, {axis}))",
            lambda: f"T.swapaxes({x}, {axis}, {order[0]})",
            lambda: f"T.moveaxis({x}, {axis}, {order[0]})",
            lambda: f"T.unbroadcast(T.shape_padleft({x}), 0)",
            lambda: f"{x}.dimshuffle({order[:axis] + ['x'] + order[axis:]})",
            lambda: (
                f"T.broadcast_to({x}, (2, {', '.join(f'{x}.shape[{k}]' for k in range(n))}))"
                if self.chance(0.4)
                else self.spread(self.kept(x, axis), x)
            ),
            lambda: f"T.diagonal({x}, {self.number(-1, 1)})" if n > 1 else f"T.diag({x})",
            lambda: (
                f"T.{self.of(['triu', 'tril'])}({x}, {self.number(-1, 1)})" if n > 1 else f"T.diag({x}, 1)"
            ),
            lambda: f"T.diff({x}, 1, {axis})",
            lambda: f"T.specify_shape({x}, {shape})",
            lambda: f"T.fill_diagonal({x}, 1)" if n == 2 else f"{x}.flatten()",
            lambda: (
                f"T.addbroadcast({x}.reshape(({', '.join(f'{x}.shape[{k}]' for k in range(n))}, 1)), {n})"
            ),
        ]
        self.say(self.of(options)(), [x])

    def kept(self, x, axis):
        """One place of an axis, as an axis of length one."""
        k = self.number(0, max(self.shape(x)[axis] - 1, 0))
        return f"T.addbroadcast({x}[{':, ' * axis}{k}:{k + 1}], {axis})"

    def factors(self, shape):
        """A shape of as many elements, one size perhaps -1."""
        left, out = int(np.prod(shape)), []
        for _ in range(self.number(0, 3)):
            fitting = [n for n in (1, 2, 3, 4, 5, 7, 8) if left and left % n == 0] or [self.of([1, 2, 3])]
            out.append(self.of(fitting))
            left //= out[-1]
        out.insert(self.number(0, len(out)), -1 if self.chance(0.5) and 0 not in shape else left)
        return tuple(out)

    def basic_index(self, x):
        parts, used = [], []
        for n in self.shape(x)[: self.number(1, self.rank(x))]:
            r = self.rng.random()
            if r < 0.2:
                parts.append(":")
            elif r < 0.75:
                bounds = [str(self.number(-n - 1, n + 1)) if self.chance(0.6) else "" for _ in range(2)]
                if self.chance(0.15):
                    try:
                        i = self.pick(
                            lambda v: self.rank(v) == 0 and is_int(self.dtype(v)) and self.array(v) < 2**62
                        )
                        bounds[self.number(0, 1)] = i
                        used.append(i)
                    except Refused:
                        pass
                parts.append(f"{bounds[0]}:{bounds[1]}:{self.of(['', '', '1', '2', '-1', '-2', '3'])}")
            elif self.chance(0.3):
                try:
                    i = self.pick(lambda v: self.rank(v) == 0 and is_int(self.dtype(v)))
                    parts.append(i)
                    used.append(i)
                except Refused:
                    parts.append("0")
            else:
                parts.append(
                    str(self.number(-n, n - 1) if n and self.chance(0.95) else self.number(-n - 1, n))
                )
        return ", ".join(parts), used

    def advanced_index(self, x):
        """An index with vectors of numbers, in range mostly, or a mask."""
        n, axis = self.rank(x), self.number(0, self.rank(x) - 1)
        if self.chance(0.25):
            c = self.pick(
                lambda v: (
                    self.dtype(v) == "bool"
                    and self.rank(v)
                    and self.shape(v) == self.shape(x)[: self.rank(v)]
                )
            )
            return c, [c]
        i = self.pick(lambda v: is_int(self.dtype(v)) and 0 < self.rank(v) < 3)
        size = self.shape(x)[axis]
        if self.chance(0.9) and size:
            index = (
                f"T.cast({i}, 'int64') % {x}.shape[{axis}]"
                if self.chance(0.7)
                else f"T.cast({i}, 'int64') % {size} - {size}"
            )
        else:
            index = i
        if self.chance(0.2) and axis + 1 < n and self.shape(x)[axis + 1]:
            return ", ".join([":"] * axis + [index, f"T.cast({i}, 'int64') % {self.shape(x)[axis + 1]}"]), [i]
        return ", ".join([":"] * axis + [index]), [i]

    def index(self, x):
        return self.advanced_index(x) if self.chance(0.4) else self.basic_index(x)

    def subtensor(self):
        x = self.pick(lambda v: self.rank(v) > 0)
        index, used = self.index(x)
        self.say(f"{x}[{index}]", [x, *used])

    def write(self):
        x = self.pick(lambda v: self.rank(v) > 0)
        index, used = self.index(x)
        try:
            shape = self.values.of(eval(f"{x}[{index}]", self.space)).shape
        except REFUSALS:
            shape = ()
        function = self.of(["set_subtensor", "inc_subtensor"])
        try:
            y = (
                self.pick(lambda v: self.shape(v) == shape and self.dtype(v) in (self.dtype(x), "bool"))
                if self.chance(0.7)
                else None
            )
        except Refused:
            y = None
        self.say(
            f"T.{function}({x}[{index}], {y or self.of(['2', '-1', '0'])})", [x, *used, *([y] if y else [])]
        )

    def wrong(self):
        """What fails when it is called."""
        if self.chance(0.4):
            self.late()
            return
        x = self.pick(lambda v: self.rank(v) > 0)
        axis = self.number(0, self.rank(x) - 1)
        n = self.shape(x)[axis]
        y = self.pick(lambda v: self.rank(v) == self.rank(x))
        i = self.leaf("int64", ())
        self.say(
            self.of(
                [
                    f"T.add({x}, {y})",
                    f"T.minimum({y}, {x})",
                    f"{x}[{':, ' * axis}T.cast({i}, 'int64') + {n}]",
                    f"T.take({x}, [0, {n}], axis={axis})",
                    f"T.concatenate([{x}, {y}], axis={axis})",
                    f"T.dot({x}, {y})",
                    f"{x}.reshape(({x}.size + 1,))",
                    f"T.max({x}[:0])",
                    f"T.set_subtensor({x}[{':, ' * axis}[-{n + 1}]], 0)",
                    f"T.repeat({x}, {i} - 9, {axis})",
                    f"T.split({x}, [{i}, 3], 2, {axis})[0]",
                    f"T.argmax({x}.flatten()[{n}:{n}])",
                    f"T.specify_shape({x}, {(n + 1,) * self.rank(x)})",
                    f"T.arange(4) // 0 + {x}.shape[{axis}]",
                    f"T.constant([1, 2]) ** (-abs({i}) - 1)",
                    f"T.bincount(-abs({i}) - 1 + T.zeros((2,), 'int64'))",
                    f"T.inc_subtensor({x}[:1], {y})",
                ]
            ),
            [x, y, i],
        )

    def late(self):
        """An update that could be in place, and behind it a failure that nothing tells before it comes."""
        s = self.pick(
            lambda v: v in self.shared_names() and self.rank(v) and self.array(v).size and self.floats(v)
        )
        x = self.pick(lambda v: self.rank(v) > 0 and v != s)
        new = self.say(f"{s} {self.of(['*', '+', '-'])} {self.of(['2', '0.5', s])}", [s])[0]
        self.forced = [(s, new)]
        index = f"T.cast(T.isnan({new}.sum()), 'int64') + {self.shape(x)[0] + 1}"
        self.say(f"{x}[{index}]", [x, new])

    def swap(self):
        """A state that steps forward, and another that takes its old value; or two that change places."""
        dtype, shape = self.of(["float64", "float32", "int64"]), (self.of(self.sizes),)
        a, b = (
            self.add_leaf(Leaf(self.name("s"), self.content(dtype, shape), (None,), shared=True))
            for _ in range(2)
        )
        if self.chance(0.3):
            self.forced = [(a, b), (b, a)]
        else:
            self.forced = [
                (a, self.say(f"{a} {self.of(['*', '+', '-'])} {self.of(['2', a, b])}", [a, b])[0]),
                (b, a),
            ]

    def shared_names(self):
        return {leaf.name for leaf in self.leaves if leaf.shared}

    def join(self):
        x = self.pick(lambda v: self.rank(v) > 0)
        axis = self.number(0, self.rank(x) - 1)
        others = [
            y
            for y in self.pool
            if self.rank(y) == self.rank(x)
            and self.shape(y)[:axis] == self.shape(x)[:axis]
            and self.shape(y)[axis + 1 :] == self.shape(x)[axis + 1 :]
        ]
        names = [x] + [self.of(others) for _ in range(self.number(0, 2))]
        self.rng.shuffle(names)
        if self.chance(0.7):
            self.say(f"T.concatenate([{', '.join(names)}], axis={axis})", names)
        elif self.chance(0.6):
            names = [y for y in names if self.shape(y) == self.shape(x)]
            self.say(f"T.stack([{', '.join(names)}], axis={axis})", names)
        else:
            n = self.shape(x)[axis]
            cut = self.number(0, n)
            self.say(f"T.split({x}, [{cut}, {n - cut}], 2, axis={axis})", [x], 2)

    def product(self):
        x = self.pick(lambda v: 0 < self.rank(v) < 4)
        n = self.shape(x)[-1]
        kind = self.number(0, 5)
        if kind < 3:
            y = self.pick(
                lambda v: (
                    self.rank(v) > 0
                    and self.shape(v)[-2 if self.rank(v) > 1 else -1] == n
                    and self.rank(v) < 4
                )
            )
            self.say(f"T.{self.of(['dot', 'dot', 'matmul'])}({x}, {y})", [x, y])
        elif kind == 3:
            y = self.pick(lambda v: self.rank(v) == 3 and self.shape(v)[0] == self.shape(x)[0])
            self.say(
                f"T.batched_dot({x}, {y}.dimshuffle(0, 2, 1))"
                if self.rank(x) == 3
                else f"T.batched_dot({x}, {y})",
                [x, y],
            )
        elif kind == 4:
            y = self.pick(lambda v: 0 < self.rank(v) < 3 and self.array(v).size < 60)
            self.say(f"T.outer({x}, {y})", [x, y])
        else:
            y = self.pick(lambda v: self.rank(v) > 0 and self.shape(v)[-1] == n)
            self.say(f"T.tensordot({x}, {y}, [[-1], [-1]])", [x, y])

    def matrices(self):
        """Now and then what LAPACK computes, of matrices far from singular, with draws of its own: without it
        a seed's program is what it was.
        """
        rng, self.rng = self.rng, np.random.default_rng([23, self.seed])
        try:
            if self.failed is None and self.chance(0.06):
                x = self.pick(
                    lambda v: self.floats(v) and self.rank(v) == 2 and (np.abs(self.array(v)) < 1e3).all()
                )
                n, dtype = self.shape(x)[0], self.dtype(x)
                whole = f"T.dot({x}, {x}.T) + {n + 1} * T.eye({n}, dtype='{dtype}')"
                (a,) = self.say(whole, [x])
                self.say(f"T.slinalg.cholesky({a})", [a])
                solve = self.of(["solve", "solve_lower_triangular", "solve_upper_triangular"])
                self.say(f"T.slinalg.{solve}({a}, {x})", [a, x])
        except Refused:
            pass
        finally:
            self.rng = rng

    def order(self):
        x = self.pick(lambda v: self.rank(v) > 0)
        axis = self.number(0, self.rank(x) - 1)
        options = [
            f"T.sort({x}, {axis})",
            f"T.argsort({x}, {axis})",
            f"T.cumsum({x}, {axis})",
            f"T.cumprod({x}, {axis})",
            f"T.unique({x})",
            f"T.topk({x}, {self.of([1, 2, -1])}, {axis})",
            f"T.argtopk({x}, {self.of([1, 2, -1])}, {axis})",
            f"T.searchsorted(T.sort({x}.flatten()), {x})",
            f"T.nonzero({x})[0]",
            f"T.nonzero_values({x})",
            f"T.cumsum({x})",
            f"T.take({x}, [0], {axis}, mode='clip')",
            f"T.bincount(T.cast(abs({x}.flatten()), 'int16') % 50)",
            f"T.to_one_hot(T.cast({x}.flatten() % 3, 'int8'), 3)",
        ]
        self.say(self.of(options), [x])

    def nnet(self):
        kind = self.number(0, 5)
        if kind < 3:
            x = self.pick_float((1, 2, 3, 4))
            name = self.of(NNET_FUNCTIONS)
            self.say(f"T.nnet.{name}({x})", [x])
        elif kind == 3:
            x = self.pick_float((2,))
            i = self.pick(
                lambda v: is_int(self.dtype(v)) and self.rank(v) == 1 and self.shape(v)[0] == self.shape(x)[0]
            )
            n = self.shape(x)[1]
            self.say(
                f"T.nnet.categorical_crossentropy(T.nnet.softmax({x}), T.cast({i}, 'int64') % {max(n, 1)})",
                [x, i],
            )
        elif kind == 4:
            x = self.pick_float((4,))
            w = self.pick(
                lambda v: (
                    self.rank(v) == 4
                    and self.shape(v)[1] == self.shape(x)[1]
                    and self.dtype(v) == self.dtype(x)
                )
            )
            self.say(
                f"T.nnet.conv2d({x}, {w}, border_mode={self.of(['valid', 'full', 'half', 1])!r})", [x, w]
            )
        else:
            x = self.pick_float((2, 3, 4))
            mode = self.of(["max", "sum", "average_inc_pad"])
            window = f"({self.number(1, 3)}, {self.number(1, 3)})"
            options = f"ws={window}, ignore_border={self.chance(0.5)}, mode={mode!r}"
            self.say(f"T.signal.pool.pool_2d({x}, {options})", [x])

    def windows(self):
        """A convolution or a pooling of images made for it, with all its settings."""
        dtype, space = self.of(FLOATS), 3 if self.chance(0.15) else 2
        groups = self.of([1, 1, 1, 2])

        def per_axis(low, high):
            return tuple(self.number(low, high) for _ in range(space))

        images = (self.number(1, 3), groups * self.number(1, 2), *per_axis(1, 7))
        x = self.leaf(dtype, images)
        if self.chance(0.5):
            border, pad = self.chance(0.6), (0,) * space
            window = per_axis(1, 3)
            if border and self.chance(0.4):
                pad = tuple(self.number(0, n - 1) for n in window)
            options = f"{window}, ignore_border={border}, pad={pad}, "
            options += f"stride={per_axis(1, 3) if self.chance(0.5) else None}, "
            options += f"mode={self.of(['max', 'max', 'sum', 'average_inc_pad', 'average_exc_pad'])!r}"
            self.say(f"T.signal.pool.pool_{space}d({x}, {options})", [x])
            return
        w = self.leaf(dtype, (groups * self.number(1, 2), images[1] // groups, *per_axis(1, 3)))
        border = self.of(["valid", "full", "half", 1, per_axis(0, 2)])
        options = f"border_mode={border!r}, subsample={per_axis(1, 2)}, filter_flip={self.chance(0.5)}, "
        options += (
            f"filter_dilation={per_axis(1, 2) if self.chance(0.3) else (1,) * space}, num_groups={groups}"
        )
        self.say(f"T.nnet.conv{space}d({x}, {w}, {options})", [x, w])

    def altered(self):
        """What is x forward and something else backward, or Python inside."""
        x = self.pick_float()
        self.say(
            self.of(
                [
                    f"tgen.gradient.grad_clip({x}, -0.5, 0.25)",
                    f"tgen.gradient.grad_scale({x}, {self.of(['2.0', '-0.5'])})",
                    f"tgen.gradient.zero_grad({x})",
                    f"tgen.gradient.disconnected_grad({x})",
                    f"tgen.gradient.consider_constant({x})",
                    f"noted({x})",
                    f"T.opt.Assert('never seen')({x}, T.eq({x}.size, {x}.size))",
                ]
            ),
            [x],
        )

    def make(self):
        x = self.pick()
        n = self.number(0, 6)
        shape = ", ".join(f"{x}.shape[{k}]" for k in range(self.rank(x)))
        options = [
            f"T.arange({n})",
            f"T.eye({n}, {self.number(1, 4)}, {self.number(-1, 1)})",
            f"T.zeros_like({x})",
            f"T.full_like({x}, 3)",
            f"{x}.shape",
            f"T.alloc({self.scalar()}, {n}, 2)",
            f"T.ones(({shape}{',' if self.rank(x) else ''}))",
            f"T.fill({x}, 2)",
            f"T.arange({x}.size)",
            f"T.identity_like({x})",
            f"T.constant({self.content(self.of(DTYPES), (self.of(self.sizes),)).tolist()!r})".replace(
                "nan", "np.nan"
            ).replace("inf", "np.inf"),
            f"T.second({x}, 1)",
        ]
        self.say(self.of(options), [x])

    def twin(self):
        """A row of the table of public functions, on values of the program brought to the shapes and
        dtypes it wants.
        """
        row = self.of(list(ROWS))
        wanted = ROWS[row]
        if self.smooth and not any(x.dtype.kind == "f" for x in wanted):
            raise Refused
        before = len(self.pool)
        operands, used = [], []
        for array in wanted:
            name = self.brought(array)
            operands.append(
                name
                if name
                else f"T.constant({array.tolist()!r}, dtype={array.dtype.name!r})".replace(
                    "nan", "np.nan"
                ).replace("inf", "np.inf")
            )
            used += [name] if name else []
        call = f"rows[{row!r}]({', '.join(operands)})"
        try:
            results = eval(call, self.space)
        except REFUSALS as error:
            self.refused.append((call, f"{type(error).__name__}: {error}"))
            raise Refused from error
        if isinstance(results, list):
            self.say(call if len(results) > 1 else f"{call}[0]", used, len(results))
        elif isinstance(results, Variable):
            self.say(call, used)
        else:
            del self.pool[before:]
            raise Refused

    def brought(self, array):
        """A name of the shape and dtype of ``array``, made of a value that has room; None where there is
        none.
        """
        if array.dtype.kind != "f" and self.chance(0.7):
            return None
        try:
            v = self.pick(
                lambda v: self.array(v).size >= array.size and (self.floats(v) or array.dtype.kind != "f")
            )
        except Refused:
            return None
        if self.shape(v) == array.shape and self.dtype(v) == array.dtype.name:
            return v
        text = v if self.shape(v) == array.shape else f"{v}.flatten()[:{array.size}].reshape({array.shape})"
        if array.dtype.kind in "iu":
            text = f"T.cast({text}, {array.dtype.name!r}) % 3"
        elif not (self.floats(v) and array.dtype.kind == "f") and self.dtype(v) != array.dtype.name:
            text = f"T.cast({text}, {array.dtype.name!r})"
        try:
            return self.say(text, [v])[0] if text != v else v
        except Refused:
            return None

    def random(self):
        """Draws: the state of a stream is a shared variable with an update of its own."""
        shape = (self.of(self.sizes), self.number(1, 3))
        call = self.of(
            [
                f"uniform({shape}, low=-1.0, high=2.0)",
                f"normal({shape}, 0.5, 2.0)",
                f"binomial({shape}, n=1, p=0.3)",
                f"multinomial(({shape[0]},), n=1, pvals=[0.25, 0.5, 0.25])",
            ]
            if self.chance(0.5)
            else [
                f"permutation(({shape[0]},), n=4)",
                f"random_integers({shape}, low=-2, high=5)",
                f"choice({shape}, a=5)",
                f"exponential({shape}, 1.5)",
                f"gamma({shape}, 2.0, 0.5)",
                f"poisson({shape}, 2.5)",
                f"uniform({shape})",
            ]
        )
        streams = (
            "MRG_RandomStreams"
            if call.split("(")[0] in ("uniform", "normal", "binomial", "multinomial") and self.chance(0.5)
            else "RandomStreams"
        )
        self.say(f"{streams}({self.number(1, 99)}).{call}", [])

    # -- choices, branches and loops
    def ifelse(self):
        x = self.pick()
        y = self.pick(lambda v: self.dtype(v) == self.dtype(x) and self.rank(v) == self.rank(x))
        c = self.pick(lambda v: not self.shape(v) or self.array(v).size)
        text = f"T.gt({c}.sum(), 0)" if self.rank(c) or self.chance(0.5) else c
        operation = self.of(["{}", "T.tanh({})", "{} * 2", "-{}"]) if self.floats(x) else "{}"
        self.say(f"tgen.ifelse({text}, {operation.format(x)}, {y})", [x, y, c])

    def scan(self):
        """A loop: sequences of one length, states, other values; the body is drawn from the same kinds."""
        if len(self.scopes) > 1:
            raise Refused
        sequences, states, others = [], [], []
        length = None
        for _ in range(self.number(0, 2)):
            v = self.pick(
                lambda v: (
                    self.rank(v) and (length is None or self.shape(v)[0] == length) and self.shape(v)[0] < 10
                )
            )
            length = self.shape(v)[0]
            sequences.append(v)
        states = [
            self.pick(lambda v: self.array(v).size < 300)
            for _ in range(self.number(0 if sequences else 1, 2))
        ]
        others = [self.pick() for _ in range(self.number(0, 1))]
        steps = length if sequences else self.number(0, 5)
        function, outer = self.name("step"), self.pool
        parameters = (
            [self.name("r") for _ in sequences]
            + [self.name("c") for _ in states]
            + [self.name("o") for _ in others]
        )
        self.pool = self.pool[-3:] if self.chance(0.3) else []
        for name, v in zip(parameters, sequences + states + others):
            type = self.type(v)
            row = self.array(v)
            if v in sequences and name in parameters[: len(sequences)]:
                type = type.with_shape(type.shape[1:])
                row = row[0] if len(row) else np.zeros(row.shape[1:], row.dtype)
            self.space[name] = type(name)
            self.values[self.space[name]] = np.asarray(row)
            self.pool.append(name)
        self.scopes.append([])
        try:
            self.grow(self.number(1, 4), BODY_KINDS)
            returned = [self.returned(c, v) for c, v in zip(parameters[len(sequences) :], states)]
            extra = [self.pick(lambda v: v not in outer)] if self.chance(0.5) or not states else []
            until = (
                f", tgen.loop.until(T.gt({self.pick(lambda v: v not in outer)}.sum(), 3))"
                if self.chance(0.1)
                else ""
            )
            body = self.scopes[-1]
        finally:
            self.scopes.pop()
            self.pool = outer
        values = returned + extra
        lines = [f"def {function}({', '.join(parameters)}):"]
        lines += [f"    {line}" for s in body for line in s.text.split("\n")]
        lines.append(f"    return [{', '.join(values)}]{until}")
        used = list(
            dict.fromkeys(sequences + states + others + [u for s in body for u in s.used if u in outer])
        )
        options = (
            f"sequences=[{', '.join(sequences)}], outputs_info=[{', '.join(states + ['None'] * len(extra))}]"
        )
        options += f", non_sequences=[{', '.join(others)}]"
        options += f", n_steps={steps}" if not sequences or self.chance(0.1) else ""
        options += ", go_backwards=True" if self.chance(0.2) else ""
        made = [self.name() for _ in values]
        call = f"{', '.join(made)} = tgen.scan({function}, {options}, strict=False)[0]"
        self.whole(Statement("\n".join([*lines, call]), tuple(made), tuple(used)), as_function=True)

    def returned(self, name, state):
        """An expression of the type of a state."""
        dtype, shape = self.dtype(state), self.shape(state)
        fitting = [
            v
            for v in self.pool
            if self.dtype(v) == dtype
            and self.shape(v) == shape
            and self.type(v).shape == self.type(state).shape
            and v != name
        ]
        if fitting and self.chance(0.9):
            return fitting[-1]
        return name if dtype == "bool" else f"{name} * 1"

    def whole(self, statement, as_function=False):
        """A statement of any form, if it can be built and computed; ``as_function``: and lowered, which
        refuses rows whose size each step finds anew.
        """
        try:
            exec(compiled(statement.text), self.space)
            arrays = [self.values.of(self.space[name]) for name in statement.made]
            if as_function and not self.scopes:
                inputs = [v for v in self.space.values() if isinstance(v, Variable) and v.owner is None]
                lower(Signature.of(inputs, [self.space[name] for name in statement.made]))
        except REFUSALS as error:
            self.refused.append((statement.text, f"{type(error).__name__}: {error}"))
            raise Refused from error
        if any(a.size > MOST for a in arrays):
            raise Refused
        self.keep(statement)
        self.pool += statement.made

    # -- the whole
    def grow(self, count, kinds):
        names, weights = zip(*kinds)
        weights = np.array(weights, float)
        tries = 0
        while count and tries < 60 and self.failed is None:
            tries += 1
            try:
                getattr(self, names[self.rng.choice(len(names), p=weights / weights.sum())])()
                count -= 1
            except Refused:
                continue

    # -- choices
    def add_leaf(self, leaf):
        self.leaves.append(leaf)
        self.space[leaf.name] = leaf.variable()
        self.values[self.space[leaf.name]] = leaf.array
        self.pool.append(leaf.name)
        return leaf.name

    def guarded(self, shape, taken):
        """A leaf that holds anything where it is not ``taken``, and a plain number elsewhere."""
        safe = self.rng.uniform(0.3, 2, shape)
        hostile = self.rng.choice(HOSTILE, shape)
        leaf = Leaf(self.name("x"), np.where(taken, safe, hostile), (None,) * len(shape))
        self.choice[leaf.name] = np.where(taken, safe, 1.0)
        return self.add_leaf(leaf)

    def chained(self, x, row):
        """An expression of ``x``, elementwise, that is fine where x is 0.3 .. 2."""
        text = x
        for _ in range(self.number(1, 3)):
            text = self.of(GUARDED).format(text, x, row)
        return text

    def chosen(self):
        """A program whose gradient passes a choice, and what is not taken holds anything."""
        rows, columns = (self.number(1, 4) for _ in range(2))
        by_row = self.chance(0.25)
        mask = self.rng.random(rows if by_row else (rows, columns)) < 0.6
        taken = np.broadcast_to(mask[:, None] if by_row else mask, (rows, columns))
        m = self.add_leaf(Leaf(self.name("m"), mask, (None,) * mask.ndim))
        x = self.guarded((rows, columns), taken)
        z = self.guarded((rows, columns), ~taken) if self.chance(0.5) else None
        row = self.add_leaf(Leaf(self.name("w"), self.rng.uniform(0.5, 1.5, columns), (None,)))
        wrt = [x, row, *([z] if z else [])]
        if by_row:
            reduced = [
                self.of(
                    [
                        "T.sum({}, axis=1)",
                        "({}).norm(2, axis=1)",
                        "T.sqrt(T.sum(T.sqr({}), axis=1))",
                        "T.prod({}, axis=1)",
                        "T.max({}, axis=1)",
                    ]
                ).format(self.chained(v, row))
                for v in (x, z)
                if v
            ]
            one, other = reduced[0], reduced[1] if z else "0."
        else:
            one, other = self.chained(x, row), self.chained(z, row) if z else self.of(["0.", "1.", row])
        name = self.name()
        kind = self.number(0, 3)
        if kind == 0 and not by_row:
            step = self.name("step")
            body = f"T.switch(k, {one.replace(x, 'r')}, {other.replace(z, 'q') if z else other})"
            arguments = f"sequences=[{x}, {m}{', ' + z if z else ''}], non_sequences=[{row}], strict=False"
            head = f"def {step}(r, k{', q' if z else ''}, {row}):"
            text = f"{head}\n    return {body}\n{name} = tgen.scan({step}, {arguments})[0]"
        else:
            pair = f"{m}, {one}, {other}" if kind < 3 else f"T.invert({m}), {other}, {one}"
            text = f"{name} = T.{self.of(['switch', 'where'])}({pair})"
        used = [m, *wrt]
        self.whole(Statement(text, (name,), tuple(used)))
        after = self.of(["{}", "T.tanh({})", "{} * {}", "T.exp(-{})", "T.sqr({}).T"]).format(name, name)
        (cost,) = self.say(f"({after}).sum()", [name], stem="cost", must=True)
        names = [self.name("g") for _ in wrt]
        self.whole(differentiated(cost, wrt, names))
        return Program(
            self.seed,
            tuple(self.leaves),
            tuple(self.statements),
            (name, *names),
            (),
            (cost, tuple(wrt), tuple(names)),
            self.choice,
        )

    def looped(self):
        """A scan with taps, conditions, shared variables and loops inside, whose values are known by a
        plain loop.
        """
        scan = loops.random_scan(self.seed)
        arrays, state = loops.random_values(scan, self.seed)
        inputs = [
            self.add_leaf(Leaf(self.name("x"), a, (None,) * a.ndim, self.of(LAYOUTS[:-1]))) for a in arrays
        ]
        shared = [self.add_leaf(Leaf(self.name("s"), a, (None,), shared=True)) for a in state]
        wanted, after = loops.loop(scan, arrays, state)
        made = [self.name() for _ in wanted + after]
        call = f"looped({self.seed}, [{', '.join(inputs)}], [{', '.join(shared)}])"
        text = f"{', '.join(made)}{',' * (len(made) == 1)} = {call}"
        self.whole(Statement(text, tuple(made), tuple(inputs + shared)))
        self.smooth = True
        gradient = self.gradient(made)
        return Program(
            self.seed,
            tuple(self.leaves),
            tuple(self.statements),
            (*made, *(gradient[2] if gradient else ())),
            tuple(zip(shared, made[len(wanted) :])),
            gradient,
            definition=dict(zip(made, wanted + after)),
        )

    def program(self):
        for kind, chance in ((self.chosen, 0.08), (self.looped, 0.06)):
            if self.chance(chance):
                try:
                    return kind()
                except Refused:
                    self.reset()
        return self.grown()

    def grown(self):
        """A program of statements of all kinds."""
        for _ in range(self.number(1, 4)):
            self.leaf()
        if self.chance(0.5):
            self.leaf(self.of(["int64", "int32", "int8", "uint8"]), (self.of(self.sizes),))
        self.grow(self.number(2, 9), KINDS)
        self.matrices()
        kept = {new for _, new in self.forced}  # what is a result, too, is not written in place
        made = [name for s in self.statements for name in s.made if name not in kept]
        outputs = list(dict.fromkeys(made[-4:] + [self.of(made) for _ in range(2) if made])) or [
            self.leaves[0].name
        ]
        gradient = () if self.failed else self.gradient(outputs)
        return Program(
            self.seed,
            tuple(self.leaves),
            tuple(self.statements),
            tuple(outputs + list(gradient[2] if gradient else ())),
            tuple(self.updates()),
            gradient,
            fails=self.failed,
        )

    def gradient(self, outputs):
        """(cost, wrt, gradients) of a weighted sum of some float outputs; () where there are none."""
        made = [v for v in outputs if self.floats(v) and self.type(v).ndim < 5]
        wrt = [leaf.name for leaf in self.leaves if self.floats(leaf.name)]
        if not made or not wrt or not (self.smooth or self.chance(0.4)):
            return ()
        terms = []
        for v in made[-3:]:
            places = f"T.arange({v}.size).reshape({v}.shape, ndim={self.rank(v)})"
            factor = self.of(
                [
                    "",
                    f" * {round(float(self.rng.normal()), 2)}",
                    f" * T.cos(T.cast({places}, {v}.dtype))",
                ]
            )
            terms.append(f"({v}{factor}).sum()")
        try:
            (cost,) = self.say(" + ".join(terms), made[-3:], stem="cost", must=True)
            names = [self.name("g") for _ in wrt]
            self.whole(differentiated(cost, wrt, names))
            if self.smooth and self.chance(0.25):
                cost, names = self.again(wrt, names)
        except Refused:
            return ()
        return cost, tuple(wrt), tuple(names)

    def again(self, wrt, gradients):
        """(cost, gradients) of the squares of gradients: second derivatives."""
        (cost,) = self.say(
            " + ".join(f"T.sqr({g}).sum()" for g in gradients), gradients, stem="cost", must=True
        )
        names = [self.name("h") for _ in wrt]
        self.whole(differentiated(cost, wrt, names))
        return cost, names

    def updates(self):
        """For some shared variables a value of their type: perhaps another shared variable, so that two
        are swapped.
        """
        out = list(self.forced)
        for leaf in self.leaves:
            s = leaf.name
            if s in dict(self.forced):
                continue
            fitting = [
                v
                for v in self.pool
                if leaf.shared
                and v != s
                and self.dtype(v) == self.dtype(s)
                and self.type(v).broadcastable == self.type(s).broadcastable
            ]
            if fitting and self.chance(0.75):
                out.append((s, self.of(fitting)))
        return out


KINDS = (
    ("unary", 4),
    ("binary", 6),
    ("cast", 1),
    ("idiom", 2),
    ("idiom", 2),
    ("ternary", 2),
    ("reduction", 4),
    ("movement", 5),
    ("subtensor", 4),
    ("write", 2.5),
    ("join", 2),
    ("product", 2),
    ("order", 2),
    ("nnet", 2),
    ("windows", 0.7),
    ("altered", 0.4),
    ("make", 1),
    ("twin", 3),
    ("ifelse", 0.8),
    ("scan", 1.5),
    ("random", 0.4),
    ("wrong", 0.8),
    ("swap", 0.7),
)
BODY_KINDS = (
    ("unary", 4),
    ("binary", 6),
    ("cast", 0.5),
    ("ternary", 2),
    ("reduction", 2),
    ("movement", 2),
    ("subtensor", 2),
    ("write", 1),
    ("join", 1),
    ("product", 2),
    ("nnet", 1),
    ("ifelse", 0.7),
    ("scan", 0.4),
    ("order", 0.5),
)


HOSTILE = np.array([0.0, -0.0, -1.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 1e-320, 1000.0])
GUARDED = (
    "T.sqrt({})",
    "T.log({})",
    "T.exp({})",
    "1 / ({})",
    "({}) ** 0.5",
    "({0}) / abs({1})",
    "({0}) * T.log({1})",
    "({0}) * {2}",
    "({0}) + {2}",
    "T.sqr({})",
    "T.sigmoid({})",
    "({0}) * ({1})",
    "({0}) / {2}",
    "T.log1p({})",
    "T.maximum({0}, {1})",
    "T.tanh({})",
    "({0}) ** {2}",
    "T.switch(T.gt({1}, 1), {0}, {1})",
    "T.nnet.softplus({})",
    "T.arctan2({0}, {1})",
)


def generate(seed):
    """The Program of ``seed``."""
    return Generator(seed).program()


def lowered(seed):
    """(the IR of a seed's program before any pass, arrays of its inputs, arrays of its shared variables)."""
    program = generate(seed)
    space = program.names()
    outputs = [space[v] for v in program.outputs]
    updates = [(space[s], space[v]) for s, v in program.updates]
    signature = Signature.of([space[leaf.name] for leaf in program.inputs()], outputs, updates)
    state = [np.asarray(s.container.get(True)) for s in signature.shared]
    return lower(signature).function, [leaf.array for leaf in program.inputs()], state
