"""Inputs for, and random programs in, the IR."""
import numpy as np

from special import plain_array, special_array

from tgen.core import dims
from tgen.core.op import OPS
from tgen.core.types import TensorType
from tgen.ir.nodes import CONST, INPUT, Block, Function, Instr, Param, Value

SIZES = {"n": (3, 4, 2, 5), "a": (1, 2, 0, 3)}


def bindings(function):
    """A number for each symbol that the parameters name."""
    found = {}
    for param, v in zip(function.params, function.block.params):
        for name in [param.symbol] * (param.symbol is not None) + [n for s in v.type.shape for n in dims.symbols(s)]:
            choices = SIZES["a" if name.startswith("a") else "n"]
            found.setdefault(name, choices[len(found) % len(choices)])
    return found


def arguments(function, rng, special=True):
    """(inputs, shared) arrays that fit ``function``; integers that serve as indices should come from ``special=False``."""
    values, given = bindings(function), {INPUT: [], "shared": []}
    make = special_array if special else plain_array
    for param, v in zip(function.params, function.block.params):
        if param.kind == CONST:
            continue
        shape = tuple(dims.evaluate(s, values) for s in v.type.shape)
        array = make(rng, v.type.dtype, shape) if param.symbol is None else np.asarray(values[param.symbol], v.type.dtype)
        given[param.kind].append(array)
    return given[INPUT], given["shared"]


class Maker:
    """Grows a random well-typed block of scalar ops, views and reductions over matrices, vectors and numbers."""

    UNARY = ("neg", "abs", "sqr", "exp", "tanh", "floor", "sigmoid", "log", "log1p", "sqrt")
    BINARY = ("add", "sub", "mul", "true_div", "minimum", "maximum", "pow")
    TESTS = ("lt", "eq", "neq", "ge")

    def __init__(self, rng):
        n, m = dims.sym("n0"), dims.sym("n1")
        self.rng, self.instrs = rng, []
        self.params = [Value(TensorType("float64", s)) for s in ((n, m), (n, m), (m,), (), (n, 1))]
        self.values = list(self.params)

    def emit(self, name, operands, attrs=None, sizes=()):
        op = OPS[name]
        type, = op.infer([v.type for v in operands], attrs or {}, tuple(sizes))
        v = Value(type)
        self.instrs.append(Instr(op, tuple(operands), (v,), attrs or {}, tuple(sizes)))
        self.values.append(v)
        return v

    def constant(self):
        v = Value(TensorType("float64", ()))
        number = float(self.rng.choice([0.0, -0.0, 1.0, 2.0, -1.0, 0.25, 3.0, np.inf]))
        self.instrs.append(Instr(OPS["constant"], (), (v,), {"value": (number,)}))
        self.values.append(v)
        return v

    def pick(self, test=lambda v: True):
        fitting = [v for v in self.values if v.type.dtype == "float64" and test(v)]
        return fitting[self.rng.integers(len(fitting))] if fitting else None

    def padded(self, v, ndim):
        return self.emit("dimshuffle", (v,), {"order": ("x",) * (ndim - v.type.ndim) + tuple(range(v.type.ndim))}) if v.type.ndim < ndim else v

    def pair(self):
        """Two operands of one rank whose types broadcast."""
        x = self.constant() if self.rng.random() < 0.3 else self.pick()
        y = self.pick(lambda v: all(a == b or 1 in (a, b) for a, b in zip(reversed(v.type.shape), reversed(x.type.shape))))
        ndim = max(x.type.ndim, y.type.ndim)
        pair = [self.padded(x, ndim), self.padded(y, ndim)]
        self.rng.shuffle(pair)
        return pair

    def step(self):
        kind = self.rng.integers(10)
        x = self.pick()
        ndim = x.type.ndim
        if kind < 3:
            self.emit(str(self.rng.choice(self.UNARY)), (x,))
        elif kind < 6:
            self.emit(str(self.rng.choice(self.BINARY)), self.pair())
        elif kind == 6:
            a, b = self.pair()
            self.emit("switch", (self.emit(str(self.rng.choice(self.TESTS)), (a, b)), b, a))
        elif kind == 7 and ndim:
            self.emit(str(self.rng.choice(["sum", "max"])), (x,), {"axes": (int(self.rng.integers(ndim)),)})
        elif kind == 8 and ndim == 2:
            self.emit("dimshuffle", (x,), {"order": (1, 0)})
        elif kind == 9 and ndim:
            steps = tuple(int(s) for s in self.rng.choice([1, -1], ndim))
            starts = [0 if k == 1 else dims.sub(s, 1) for k, s in zip(steps, x.type.shape)]
            self.emit("slice", (x,), {"steps": steps}, (*starts, *x.type.shape))
        elif kind == 7:
            self.emit("cast", (self.emit("cast", (x,), {"dtype": "float32"}),), {"dtype": "float64"})


def random_function(seed, steps=25, results=4):
    """A Function of inputs float64[n0, n1] twice, [n1], [] and [n0, 1]."""
    maker = Maker(np.random.default_rng(seed))
    for _ in range(steps):
        maker.step()
    outputs = tuple(maker.values[-results:])
    params = tuple(Param(INPUT, k) for k in range(len(maker.params)))
    return Function(params, Block(tuple(maker.params), tuple(maker.instrs), outputs), len(outputs))
