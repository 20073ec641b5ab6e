"""Random scans, and what they are by a plain loop over NumPy arrays, written from the definition: element t +
tap of a sequence at step t.

A program is a Scan: its numbers of sequences, states and so on, and trees for what a step returns. A tree is
a name of the step's environment, or (function, trees...); all values are float64 vectors of three.
"""

from dataclasses import dataclass, field

import numpy as np

import tgen
import tgen.tensor as T
from tgen.loop import until

WIDTH = 3
FUNCTIONS = {  # name -> (number of operands, symbolic, NumPy)
    "add": (2, lambda x, y: x + y, lambda x, y: x + y),
    "mul": (2, lambda x, y: x * y, lambda x, y: x * y),
    "sub": (2, lambda x, y: x - y, lambda x, y: x - y),
    "tanh": (1, T.tanh, np.tanh),
    "sin": (1, T.sin, np.sin),
    "turn": (1, lambda x: x[::-1], lambda x: x[::-1]),
    "sum": (1, lambda x: x.sum() + 0 * x, lambda x: x.sum() + 0 * x),
    "dot": (1, lambda x: T.dot(x, MATRIX), lambda x: x @ MATRIX),
    "bent": (2, lambda x, y: T.switch(T.gt(x, 0), x * y, x), lambda x, y: np.where(x > 0, x * y, x)),
    "either": (
        2,
        lambda x, y: tgen.ifelse(T.gt(x.sum(), 0.3), T.exp(-x * x), y),
        lambda x, y: np.exp(-x * x) if x.sum() > 0.3 else y,
    ),
    "inner": (2, lambda x, y: inner(x, y)[0], lambda x, y: np.array(inner_loop(x, y))),
    "inner_last": (2, lambda x, y: inner(x, y, 0.5)[0][-1] * y, lambda x, y: inner_loop(x, y, 0.5)[-1] * y),
    "looked_up": (2, lambda x, y: x[T.cast(T.gt(y, 0), "int64")], lambda x, y: x[(y > 0).astype(int)]),
}
MATRIX = np.random.default_rng(5).uniform(-0.5, 0.5, (WIDTH, WIDTH))


def inner(x, y, limit=None):
    def step(e, total):
        new = T.tanh(e + total * y.sum())
        return new if limit is None else (new, until(new > limit))

    return tgen.scan(step, x, x[0])


def inner_loop(x, y, limit=None):
    total, rows = x[0], []
    for e in x:
        total = np.tanh(e + total * y.sum())
        rows.append(total)
        if limit is not None and total > limit:
            break
    return rows


@dataclass
class Scan:
    """``taps`` of each sequence; ``states``: the taps of each, or None for what is not fed back, with the
    tree of what the step returns; ``shared``: the tree of the update of each shared variable; ``limit``: the
    scan stops after the step whose first output sums to more.
    """

    lengths: list
    taps: list
    states: list
    shared: list = field(default_factory=list)
    fixed: int = 0
    n_steps: int | None = None
    limit: float | None = None
    backwards: bool = False


def names(program):
    """The environment of a step, in the order in which fn gets it; shared variables are behind."""
    reads = [f"x{k}[{tap}]" for k, taps in enumerate(program.taps) for tap in taps]
    reads += [f"s{k}[{tap}]" for k, (taps, _) in enumerate(program.states) for tap in taps or ()]
    return reads + [f"c{k}" for k in range(program.fixed)], [f"u{k}" for k in range(len(program.shared))]


def value(tree, environment, place):
    """A tree in an environment; ``place`` 1 is symbolic, 2 is NumPy."""
    if isinstance(tree, str):
        return environment[tree]
    return FUNCTIONS[tree[0]][place](*(value(t, environment, place) for t in tree[1:]))


# -- making one ----------------------------------------------------------------------------------------------


def random_tree(rng, leaves, depth):
    if depth == 0 or rng.random() < 0.15:
        return leaves[rng.integers(len(leaves))]
    name = list(FUNCTIONS)[rng.integers(len(FUNCTIONS))]
    return (name, *(random_tree(rng, leaves, depth - 1) for _ in range(FUNCTIONS[name][0])))


def random_taps(rng, choices, most):
    return [int(t) for t in rng.permutation(choices)[: rng.integers(1, most + 1)]]


def random_scan(seed):
    rng = np.random.default_rng(seed)
    sequences = int(rng.integers(0, 3))
    taps = [[0] if rng.random() < 0.5 else random_taps(rng, [-2, -1, 0, 1, 2], 3) for _ in range(sequences)]
    kinds = [[-1], [-1], None, random_taps(rng, [-1, -2, -3], 3)]
    chosen = [kinds[rng.integers(len(kinds))] for _ in range(rng.integers(1, 4))]
    lengths = [int(rng.integers(4, 8)) if rng.random() < 0.9 else int(rng.integers(0, 4)) for _ in taps]
    room = min((n - max(0, *t) + min(0, *t) for n, t in zip(lengths, taps)), default=7)
    n_steps = int(rng.integers(0, max(room, 0) + 1)) if not taps or rng.random() < 0.3 else None
    program = Scan(
        lengths,
        taps,
        [(t, None) for t in chosen],
        [None] * int(rng.random() < 0.3),
        int(rng.integers(0, 3)),
        n_steps,
        0.5 if rng.random() < 0.25 else None,
        bool(rng.random() < 0.3),
    )
    reads, shared = names(program)
    leaves = reads + shared or ["one"]
    program.states = [(t, ("tanh", random_tree(rng, leaves, 3))) for t, _ in program.states]
    program.shared = [("tanh", random_tree(rng, leaves, 2)) for _ in program.shared]
    return program


def random_values(program, seed):
    """(arrays of the sequences, of the initial states, of the non-sequences; of the shared variables)."""
    rng = np.random.default_rng(seed + 1000)
    arrays = [rng.normal(size=(n, WIDTH)) for n in program.lengths]
    for taps, _ in program.states:
        if taps is not None:
            arrays.append(rng.normal(size=(WIDTH,) if taps == [-1] else (-min(taps), WIDTH)))
    arrays += [rng.normal(size=WIDTH) for _ in range(program.fixed)]
    return arrays, [rng.normal(size=WIDTH) for _ in program.shared]


# -- the two meanings ----------------------------------------------------------------------------------------


def looped(seed, inputs, shared):
    """The outputs and the new values of ``shared`` of a random scan."""
    _, outputs, updates = symbolic(random_scan(seed), shared, inputs)
    return [*outputs, *(updates[s] for s in shared)]


def symbolic(program, shared, given=None):
    """(inputs, outputs, updates) of the program as a scan; ``shared`` are variables, and so are the inputs,
    if ``given``.
    """
    reads, more = names(program)
    if given is not None:
        given = iter(given)
        sequences = [next(given) for _ in program.taps]
        initial = [None if taps is None else next(given) for taps, _ in program.states]
        return _symbolic(program, shared, reads, more, sequences, initial, list(given))
    sequences = [T.dmatrix(f"x{k}") for k in range(len(program.taps))]
    initial = [
        None if taps is None else T.dvector(f"s{k}") if taps == [-1] else T.dmatrix(f"s{k}")
        for k, (taps, _) in enumerate(program.states)
    ]
    fixed = [T.dvector(f"c{k}") for k in range(program.fixed)]
    return _symbolic(program, shared, reads, more, sequences, initial, fixed)


def _symbolic(program, shared, reads, more, sequences, initial, fixed):
    def step(*given):
        environment = (
            dict(zip(reads, given, strict=True))
            | dict(zip(more, shared))
            | {"one": T.constant(np.ones(WIDTH))}
        )
        outputs = [value(tree, environment, 1) for _, tree in program.states]
        parts = [outputs, [(s, value(tree, environment, 1)) for s, tree in zip(shared, program.shared)]]
        return (
            (*parts, until(outputs[0].sum() > program.limit)) if program.limit is not None else tuple(parts)
        )

    outputs, updates = tgen.scan(
        step,
        [dict(input=x, taps=taps) for x, taps in zip(sequences, program.taps)],
        [
            v if v is None or taps == [-1] else dict(initial=v, taps=taps)
            for v, (taps, _) in zip(initial, program.states)
        ],
        fixed,
        program.n_steps,
        go_backwards=program.backwards,
        return_list=True,
    )
    return [*sequences, *(v for v in initial if v is not None), *fixed], outputs, updates


def loop(program, arrays, shared):
    """(outputs, shared values after) of the program by a loop."""
    reads, more = names(program)
    arrays, shared = list(arrays), list(shared)
    sequences = [arrays.pop(0) for _ in program.taps]
    states = [None if taps is None else list(np.atleast_2d(arrays.pop(0))) for taps, _ in program.states]
    rooms = [len(x) - max(0, *taps) + min(0, *taps) for x, taps in zip(sequences, program.taps)]
    steps = max(min(rooms), 0) if program.n_steps is None else program.n_steps
    outputs = [[] for _ in program.states]
    for t in range(steps):
        at = [
            len(x) - 1 - max(0, *taps) - t if program.backwards else t - min(0, *taps)
            for x, taps in zip(sequences, program.taps)
        ]
        given = [x[p + tap] for x, p, taps in zip(sequences, at, program.taps) for tap in taps]
        given += [s[tap] for s, (taps, _) in zip(states, program.states) for tap in taps or ()]
        environment = (
            dict(zip(reads, given + arrays, strict=True)) | dict(zip(more, shared)) | {"one": np.ones(WIDTH)}
        )
        made = [value(tree, environment, 2) for _, tree in program.states]
        shared = [value(tree, environment, 2) for tree in program.shared]
        for rows, state, new in zip(outputs, states, made):
            rows.append(new)
            if state is not None:
                state.append(new)
        if program.limit is not None and made[0].sum() > program.limit:
            break
    return [np.array(rows).reshape(len(rows), WIDTH) for rows in outputs], shared
