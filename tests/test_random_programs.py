"""Random typed programs over the tensor API: interpreter = C in parts = C without the optional passes.

Nothing is shared, written to or torn.
"""
from contextlib import nullcontext
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tgen
import tgen.tensor as T
from compiled import close, in_parts, reference
from special import same_bits

FLOATS, EXAMPLES = ("float64", "float32"), 60
UNARY = (lambda x: -x, abs, T.sqr, T.tanh, lambda x: T.floor(x + 0.3137), lambda x: T.sgn(x - 0.0271), T.nnet.sigmoid, lambda x: T.exp(T.minimum(x, 3)), lambda x: T.log(abs(x) + 0.5), lambda x: T.sqrt(abs(x)), lambda x: T.clip(x, -1, 1))
BINARY = (lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, T.minimum, T.maximum, lambda x, y: x / (abs(y) + 1), lambda x, y: T.switch(x > y, x, y * 2), lambda x, y: T.eq(x, y) * x, lambda x, y: (x <= y) | (y > 0))
REDUCTIONS = (T.sum, T.max, T.min, T.mean, lambda x, axis: T.argmax(x, axis=axis), lambda x, axis: T.any(x > 0, axis=axis), lambda x, axis: T.prod(T.clip(x, 0.5, 1.5), axis=axis))


class Program:
    """A growing list of variables of rank 0 to 3 over the sizes (3, 4, 2); ``shapes`` are what they have when called."""

    def __init__(self, draw):
        self.draw, self.pool, self.shapes = draw, [], {}
        self.inputs, self.values, self.shared = [], [], []

    def number(self, low, high):
        return self.draw(st.integers(low, high))

    def choice(self, options):
        return options[self.number(0, len(options) - 1)]

    def add(self, v, shape):
        self.shapes[v] = tuple(shape)
        self.pool.append(v)
        return v

    def pick(self, test=lambda v: True):
        fitting = [v for v in self.pool if test(v)]
        return self.choice(fitting) if fitting else None

    # -- leaves
    def leaf(self, rng):
        rank = self.number(0, 3)
        dtype = self.choice(FLOATS + ("int64", "int16", "bool")) if rank else self.choice(("float64", "float32"))
        shape = tuple(self.choice((3, 4, 2, 1, 0) if self.number(0, 3) == 0 else (3, 4, 2)) for _ in range(rank))
        array = np.asarray(rng.integers(-3, 4, shape) if dtype in ("int64", "int16") else rng.normal(size=shape) * 2 if dtype != "bool" else rng.random(shape) < 0.5).astype(dtype)
        if dtype in FLOATS and self.number(0, 4) == 0 and array.size:
            array.flat[0] = self.choice((np.nan, np.inf, -0.0, 1e30))
        if self.number(0, 2) == 0 and rank:
            s = tgen.shared(array, f"s{len(self.shared)}")
            self.shared.append(s)
            return self.add(s, shape)
        v = T.TensorType(dtype, (None,) * rank)(f"x{len(self.inputs)}")
        self.inputs.append(v)
        self.values.append(self.layout(array))
        return self.add(v, shape)

    def layout(self, array):
        if not array.ndim:
            return array
        kind = self.number(0, 4)
        if kind == 1:
            return np.asfortranarray(array)
        if kind == 2:
            return np.ascontiguousarray(array[::-1])[::-1]
        if kind == 3:
            return np.repeat(array, 2, -1)[..., ::2]
        return array

    # -- steps
    def step(self):
        kind = self.choice((self.unary, self.unary, self.binary, self.binary, self.binary, self.reduction, self.movement, self.movement, self.softmax, self.gather, self.write, self.join, self.product, self.mask))
        kind()

    def unary(self):
        x = self.pick(lambda v: v.dtype in FLOATS)
        if x is not None:
            self.add(self.choice(UNARY)(x), self.shapes[x])

    def binary(self):
        x = self.pick()
        y = self.pick(lambda v: self.fits(self.shapes[v], self.shapes[x]))
        out = self.choice(BINARY)(x, y) if x.dtype != "bool" and y.dtype != "bool" else x + y
        self.add(out, np.broadcast_shapes(self.shapes[x], self.shapes[y]))

    @staticmethod
    def fits(small, large):
        """Equal trailing sizes: sizes of 1 that the type does not know do not broadcast."""
        return len(small) <= len(large) and small == large[len(large) - len(small):]

    def reduction(self):
        x = self.pick(lambda v: v.ndim and v.dtype in FLOATS and 0 not in self.shapes[v])
        if x is None:
            return
        axis = self.number(0, x.ndim - 1)
        out = self.choice(REDUCTIONS)(x, axis=axis)
        self.add(out, self.shapes[x][:axis] + self.shapes[x][axis + 1:])
        if self.number(0, 1):
            self.add(x * 2 - T.max(x, axis=axis, keepdims=True), self.shapes[x])

    def movement(self):
        x = self.pick(lambda v: v.ndim)
        if x is None:
            return
        shape = self.shapes[x]
        axis = self.number(0, x.ndim - 1)
        if self.number(0, 4) == 0:
            self.add(x.flatten(), (int(np.prod(shape)),))
        elif self.number(0, 2) == 0:
            order = self.draw(st.permutations(range(x.ndim)))
            self.add(x.dimshuffle(*order), [shape[k] for k in order])
        else:
            key = slice(*(self.draw(st.none() | st.integers(-5, 5)) for _ in range(2)), self.choice((1, 2, -1, -2, 3)))
            index = (slice(None),) * axis + (key,)
            self.add(x[index], np.empty(shape)[index].shape)

    def softmax(self):
        x = self.pick(lambda v: v.ndim == 2 and v.dtype in FLOATS and 0 not in self.shapes[v])
        if x is not None:
            self.add(self.choice((T.nnet.softmax, T.nnet.logsoftmax, lambda a: (a - a.mean(axis=1, keepdims=True)) / (a.std(axis=1, keepdims=True) + 1)))(x), self.shapes[x])

    def gather(self):
        x = self.pick(lambda v: v.ndim and 0 not in self.shapes[v])
        i = self.pick(lambda v: v.dtype in ("int64", "int16") and v.ndim == 1)
        if x is None or i is None:
            return
        axis = self.number(0, x.ndim - 1)
        n = self.shapes[x][axis]
        self.add(x[(slice(None),) * axis + (i % n,)], self.shapes[x][:axis] + self.shapes[i] + self.shapes[x][axis + 1:])

    def write(self):
        x = self.pick(lambda v: v.ndim and v.dtype in FLOATS and 0 not in self.shapes[v])
        if x is None:
            return
        function, n = self.choice((T.set_subtensor, T.inc_subtensor)), self.shapes[x][0]
        i = self.pick(lambda v: v.dtype == "int64" and v.ndim == 1)
        target = self.choice([x[::-2], x[1:], x[-1]] + ([x[i % n]] if i is not None else []))
        self.add(function(target, self.choice((2.0, -0.5))), self.shapes[x])

    def join(self):
        x = self.pick(lambda v: v.ndim)
        y = self.pick(lambda v: x is not None and self.shapes[v] == self.shapes[x] and v.dtype == x.dtype)
        if y is not None:
            axis = self.number(0, x.ndim - 1)
            shape = list(self.shapes[x])
            shape[axis] *= 2
            self.add(T.concatenate([x, y], axis=axis), shape)

    def product(self):
        x = self.pick(lambda v: v.ndim in (1, 2) and v.dtype in FLOATS)
        y = self.pick(lambda v: x is not None and v.ndim in (1, 2) and v.dtype in FLOATS and self.shapes[v][0] == self.shapes[x][-1])
        if y is not None:
            self.add(T.dot(T.clip(x, -9, 9), T.clip(y, -9, 9)), self.shapes[x][:-1] + self.shapes[y][1:])

    def mask(self):
        x = self.pick(lambda v: v.ndim == 1 and v.dtype in FLOATS)
        if x is not None:
            self.add(self.choice((lambda a: a[a > 0].sum(), lambda a: T.exp(T.minimum(a[a > 0], 1)).sum() + T.nonzero(a)[0].sum(), lambda a: (a[a > 0] * a[a > 0]).sum()))(x), ())

    # -- the whole
    def updates(self):
        """For some shared variables the last value of their type."""
        out = []
        for s in self.shared:
            new = next((v for v in reversed(self.pool) if v.dtype == s.dtype and v.ndim == s.ndim and v is not s), None)
            if new is not None and self.number(0, 2):
                out.append((s, new))
        return out


@st.composite
def programs(draw):
    program = Program(draw)
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    for _ in range(draw(st.integers(2, 4))):
        program.leaf(rng)
    for _ in range(draw(st.integers(3, 14))):
        program.step()
    return program


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(programs())
def test_random_programs(program):
    outputs, updates = program.pool[-5:], program.updates()
    loose = 256 if not any(v.dtype == "float32" for v in program.pool) else 256 * 2**29     # of float64: float32 parts may have entered it
    wanted, new = reference(program.inputs, outputs, program.values, updates, stages=True, ulps=loose)
    for mode, context in (("FAST_RUN", in_parts()), ("FAST_COMPILE", nullcontext())):
        with context:
            check(program, mode, outputs, updates, wanted, new, loose)


def check(program, mode, outputs, updates, wanted, new, loose):
    before = {s: s.get_value() for s in program.shared}
    given_before = [np.array(v) for v in program.values]
    f = tgen.function(program.inputs, outputs, updates=updates, mode=mode, on_unused_input="ignore")
    runs = []
    for _ in range(2):
        for s, value in before.items():
            s.set_value(value)
        results = f(*program.values)
        runs.append(results + [s.get_value() for s in program.shared])
        alone(results + program.values + [s.get_value(borrow=True) for s in program.shared])
    for k, (got, want) in enumerate(zip(runs[0], wanted)):
        assert close(got, want, 256 if got.dtype == "float32" else loose), f"{mode}, output {k}:\n{got!r}\nwanted\n{want!r}\n{f.inspect('stages')}"
    after = dict(before) | {s: b for (s, _), b in zip(updates, new)}
    for (s, want), got in zip(after.items(), runs[0][len(outputs):]):
        assert close(got, want, 256 if got.dtype == "float32" else loose), f"{mode}, {s}:\n{got!r}\nwanted\n{want!r}\n{f.inspect('stages')}"
    assert all(same_bits(p, q) for p, q in zip(*runs)), "a second call gave other bits"
    assert all(same_bits(np.asarray(a), b) for a, b in zip(program.values, given_before)), "an argument was written to"
    for s, value in before.items():
        s.set_value(value)


def alone(arrays):
    """No two of them share memory."""
    assert not any(np.shares_memory(p, q) for p, q in combinations([a for a in arrays if a.ndim], 2))
