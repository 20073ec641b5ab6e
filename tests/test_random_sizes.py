"""Random programs that say sizes in many ways: as numbers, arguments, axes, products of axes, types, data.

Each is lowered, verified, run by the interpreter beside NumPy, and verified and run again after the passes of
each mode; codegen refuses a size that nothing defines. ``python tests/test_random_sizes.py 1000 2000`` runs
more.
"""

import sys

import numpy as np
import pytest
from compiled import MODES, close

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.codegen.generate import generate
from tgen.ir.interp import run
from tgen.ir.verify import verify
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.plan import plan
from tgen.runtime.replace import check_update

pytestmark = pytest.mark.slow

PROGRAMS = 24


class Program:
    """Variables with the arrays they have; a step makes more of them, in the graph and in NumPy."""

    def __init__(self, seed):
        self.rng, self.pool, self.steps = np.random.default_rng(seed), [], []
        self.inputs, self.values, self.shared, self.numbers = [], [], [], []
        for _ in range(self.number(1, 3)):
            self.leaf()
        for _ in range(self.number(0, 2)):
            self.argument()

    # -- draws
    def number(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def choice(self, options):
        return options[self.number(0, len(options) - 1)]

    def pick(self, test=lambda v, a: True):
        """A (variable, array) that passes ``test``, or (None, None)."""
        fitting = [pair for pair in self.pool if test(*pair)]
        return self.choice(fitting) if fitting else (None, None)

    def say(self, size):
        """One of the ways in which the program may say a size."""
        arrays = [(v, k, n) for v, a in self.pool for k, n in enumerate(a.shape)]
        ways = [size, *(v + (size - n) for v, n in self.numbers), *(v for v, n in self.numbers if n == size)]
        ways += [v.shape[k] for v, k, n in arrays if n == size]
        ways += [v.shape[k] * w.shape[j] for v, k, n in arrays[:4] for w, j, m in arrays[:4] if n * m == size]
        return self.choice(ways)

    def shape(self, sizes):
        return tuple(self.say(int(n)) for n in sizes)

    # -- leaves
    def leaf(self):
        shape = tuple(self.choice((1, 1, 2, 2, 3, 3, 4, 6, 0)) for _ in range(self.number(1, 3)))
        array = self.rng.integers(-4, 5, shape).astype("float64")
        known = tuple(n if self.number(0, 4) == 0 else None for n in shape)
        if self.number(0, 2) == 0:
            v = tgen.shared(array, f"s{len(self.shared)}", shape=known)
            self.shared.append(v)
        else:
            v = T.TensorType("float64", known)(f"x{len(self.inputs)}")
            self.inputs.append(v)
            self.values.append(array)
        self.add(v, array, f"{v}: {known} of {shape}")

    def argument(self):
        v, n = T.lscalar(f"n{len(self.numbers)}"), self.number(0, 6)
        self.inputs.append(v)
        self.values.append(np.asarray(n))
        self.numbers.append((v, n))

    def add(self, v, array, step):
        self.steps.append(step)
        known = v.type.shape
        assert len(known) == array.ndim, self.steps
        assert all(s in (None, n) for s, n in zip(known, array.shape)), self.steps
        self.pool.append((v, array))

    # -- steps
    def step(self):
        self.choice(STEPS)(self, *self.pick())

    def sum_of_two(self, v, a):
        w, b = self.pick(lambda w, b: b.shape == a.shape)
        self.add(v + w, a + b, f"{v} + {w}")

    def ones(self, v, a):
        self.add(v * np.ones(a.shape), a, f"ones {a.shape}")

    def zeros(self, v, a):
        self.add(v + T.zeros(self.shape(a.shape)), a, f"zeros {a.shape}")

    def row(self, v, a):
        w, b = self.pick(lambda w, b: b.ndim == 1 and b.shape == a.shape[-1:])
        if w is not None:
            self.add(v + w, a + b, "a row added")

    def reshape(self, v, a):
        n = a.size
        shapes = [(n,)] + [(d, n // d) for d in (1, 2, 3, 4, 6) if n and n % d == 0]
        shape = self.choice(shapes)
        said = list(self.shape(shape))
        if n and self.number(0, 3) == 0:
            said[self.number(0, len(said) - 1)] = -1
        self.add(v.reshape(tuple(said), ndim=len(said)), a.reshape(shape), f"reshape {said}")

    def flatten(self, v, a):
        self.add(v.flatten(), a.ravel(), "flatten")

    def specify(self, v, a):
        self.add(T.specify_shape(v, self.shape(a.shape)), a, "specify_shape")

    def concatenate(self, v, a):
        axis = self.number(0, a.ndim - 1)
        rest = a.shape[:axis] + a.shape[axis + 1 :]
        w, b = self.pick(lambda w, b: b.ndim == a.ndim and b.shape[:axis] + b.shape[axis + 1 :] == rest)
        self.add(T.concatenate([v, w], axis=axis), np.concatenate([a, b], axis), f"concatenate {axis}")

    def split(self, v, a):
        axis = self.number(0, a.ndim - 1)
        cuts = sorted(self.number(0, a.shape[axis]) for _ in range(self.number(1, 2)))
        counts = np.diff([0, *cuts, a.shape[axis]])
        parts = T.split(v, list(self.shape(counts)), len(counts), axis=axis)
        for part, b in zip(parts, np.split(a, cuts, axis)):
            self.add(part, b, f"split {axis} {counts}")

    def slice(self, v, a):
        axis, step = self.number(0, a.ndim - 1), self.choice((None, 1, 2, -1, -2))
        ends = [self.choice((None, self.number(-7, 7))) for _ in range(2)]
        said = [e if e is None or e < 0 else self.say(e) for e in ends]
        whole = (slice(None),) * axis
        part = a[whole + (slice(*ends, step),)]
        self.add(v[whole + (slice(*said, step),)], part, f"slice {axis} {ends} {step}")

    def shuffle(self, v, a):
        order = self.rng.permutation(a.ndim).tolist()
        self.add(v.dimshuffle(*order), a.transpose(order), f"dimshuffle {order}")

    def expand(self, v, a):
        if a.ndim < 4:
            axis = self.number(0, a.ndim)
            self.add(T.expand_dims(v, axis), np.expand_dims(a, axis), f"expand {axis}")

    def rebroadcast(self, v, a):
        ones = [k for k, n in enumerate(a.shape) if n == 1]
        self.add(T.addbroadcast(v, *ones), a, f"addbroadcast {ones}")

    def unbroadcast(self, v, a):
        self.add(T.unbroadcast(v, self.number(0, a.ndim - 1)), a, "unbroadcast")

    def dot(self, v, a):
        if a.ndim < 3:
            w, b = self.pick(lambda w, b: 2 < a.ndim + b.ndim and b.ndim < 3 and b.shape[0] == a.shape[-1])
            if w is not None:
                self.add(T.dot(v, w), a @ b, "dot")

    def total(self, v, a):
        if a.ndim > 1:
            axis, keep = self.number(0, a.ndim - 1), bool(self.number(0, 1))
            self.add(v.sum(axis=axis, keepdims=keep), a.sum(axis, keepdims=keep), f"sum {axis} {keep}")

    def rows_in_a_loop(self, v, a):
        if a.ndim > 1:
            said = self.shape(a.shape[1:])
            made, _ = tgen.scan(lambda r: r.reshape(said, ndim=a.ndim - 1) * 2, sequences=[v])
            self.add(made, a * 2, f"loop over rows {said}")

    def carry_in_a_loop(self, v, a):
        w, b = self.pick(lambda w, b: b.shape == a.shape)
        axes, n = range(a.ndim), self.number(0, 3)
        made, _ = tgen.scan(
            lambda h, w: T.unbroadcast(h + w, *axes),
            outputs_info=T.unbroadcast(v, *axes),
            non_sequences=[w],
            n_steps=self.say(n),
        )
        self.add(made, np.array([a + (k + 1) * b for k in range(n)]).reshape((n, *a.shape)), f"loop {n}")

    def branch(self, v, a):
        w, b = self.pick(lambda w, b: b.ndim == a.ndim and w.type.broadcastable == v.type.broadcastable)
        taken = bool(self.number(0, 1))
        other = T.patternbroadcast(w + T.zeros(self.shape(b.shape)), v.type.broadcastable)
        condition = T.gt(v.sum() * 0 + int(taken), 0.5)
        self.add(tgen.ifelse(condition, v * 2, other), a * 2 if taken else b, f"branch {taken}")

    def found(self, v, a):
        if a.size:
            sums = v.reshape((v.shape[0], -1), ndim=2).sum(1)
            kept = a.reshape(a.shape[0], -1).sum(1) > -3
            self.add(v[(sums > -3).nonzero()[0]], a[kept], "rows found")

    def write(self, v, a):
        n, b = self.number(0, a.shape[0]), a.copy()
        b[:n] *= 3
        part = v[: self.say(n)]
        self.add(T.set_subtensor(part, v[: self.say(n)] * 3), b, f"write {n}")

    def repeat(self, v, a):
        n = self.number(0, 2)
        self.add(T.repeat(v, self.say(n), axis=0), np.repeat(a, n, 0), f"repeat {n}")

    # -- the whole
    def outputs(self):
        return [self.pool[-1], *(self.choice(self.pool) for _ in range(self.number(0, 3)))]

    def updates(self):
        """(shared, variable, array) for some of the shared variables."""
        made = []
        for s in self.shared:
            v, a = self.pick(lambda v, a: _may_follow(s.type.shape, v.type.shape, a.shape))
            if v is not None and self.number(0, 1):
                made.append((s, v, a))
        return made


STEPS = [
    Program.__dict__[name]
    for name in (
        "sum_of_two",
        "ones",
        "zeros",
        "row",
        "reshape",
        "reshape",
        "flatten",
        "specify",
        "concatenate",
        "split",
        "slice",
        "shuffle",
        "expand",
        "rebroadcast",
        "unbroadcast",
        "dot",
        "total",
        "rows_in_a_loop",
        "carry_in_a_loop",
        "branch",
        "found",
        "write",
        "repeat",
    )
]


def _may_follow(wanted, known, shape):
    if len(wanted) != len(known):
        return False
    return all(
        k != 1 if w is None else k == w or k is None and 1 != w == n for w, k, n in zip(wanted, known, shape)
    )


def check(seed):
    program = Program(seed)
    for _ in range(program.number(3, 10)):
        program.step()
    outputs, updates = program.outputs(), program.updates()
    pairs = [(s, check_update(s, v)) for s, v, _ in updates]
    slopes = []
    if program.number(0, 3) == 0:
        wrt = [v for v in program.inputs if v.type.ndim][:1]
        slopes = T.grad(outputs[0][0].sum(), wrt, disconnected_inputs="ignore")
    signature = Signature.of(program.inputs, [v for v, _ in outputs] + slopes, pairs)
    lowered, state = lower(signature), [s.get_value() for s in signature.shared]
    made, new = run(verify(lowered.function), program.values, state)
    for got, want in zip([*made[: len(outputs)], *new], [a for *_, a in (*outputs, *updates)], strict=True):
        assert got.shape == want.shape and np.allclose(got, want), program.steps
    for mode in MODES:
        function = passes.run(lowered.function, mode, checked=True)
        later, state_later = run(function, program.values, state)
        for got, want in zip(later + state_later, made + new, strict=True):
            assert close(got, want), (mode, program.steps)
        generate(function, plan(function))


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_random_programs_are_sound_however_they_say_a_size(seed):
    check(seed)


if __name__ == "__main__":
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        try:
            check(number)
        except Exception as error:
            print(number, type(error).__name__, str(error)[:300])
