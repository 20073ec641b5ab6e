"""Microseconds a call of a few programs, with what is installed beside tgen: NumPy, numexpr, JAX, torch. Not
a test.

    python tools/bench.py [--seconds S] [NAME ...]

Each contender runs alone in a process of its own; the median of many short runs is shown, and tgen's ratio to
the best peer.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time

import numpy as np

import tgen
import tgen.tensor as T

RNG = np.random.default_rng(0)
X = RNG.standard_normal(1_000_000)
ROWS = RNG.standard_normal((2000, 1000)).astype("float32")
INPUT, TARGET = RNG.random((256, 784)).astype("float32"), RNG.integers(0, 10, 256)


def numpy_expsin():
    def run():
        c = np.cos(X)
        return np.exp(np.sin(4 * c + 1)) + np.exp(np.sin(5 * c + 2))

    return run


def numpy_softmax():
    def run():
        e = np.exp(ROWS - ROWS.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    return run


def tgen_accumulate():
    state, inc = tgen.shared(np.array(0.0)), T.dscalar()
    step = tgen.function([inc], state, updates=[(state, state + inc)])
    return lambda: step(1.0)


def tgen_expsin():
    x = T.dvector()
    c = T.cos(x)
    f = tgen.function([x], T.exp(T.sin(4 * c + 1)) + T.exp(T.sin(5 * c + 2)))
    return lambda: f(X)


def tgen_softmax():
    x = T.fmatrix()
    f = tgen.function([x], T.nnet.softmax(x))
    return lambda: f(ROWS)


def tgen_mlp():
    rng = np.random.default_rng(1)
    x, y = T.fmatrix(), T.lvector()
    shapes = [(784, 500), (500,), (500, 10), (10,)]
    w, b, v, c = [tgen.shared((rng.standard_normal(s) * 0.05).astype("float32")) for s in shapes]
    p = T.nnet.softmax(T.dot(T.tanh(T.dot(x, w) + b), v) + c)
    cost = T.nnet.categorical_crossentropy(p, y).mean()
    step = tgen.function(
        [x, y],
        cost,
        updates=[(s, s - np.float32(0.01) * g) for s, g in zip([w, b, v, c], T.grad(cost, [w, b, v, c]))],
    )
    return lambda: step(INPUT, TARGET)


def numexpr_expsin():
    import numexpr

    return lambda: numexpr.evaluate("exp(sin(4*cos(x)+1)) + exp(sin(5*cos(x)+2))", {"x": X})


def jax_expsin():
    import jax

    jax.config.update("jax_enable_x64", True)
    f = jax.jit(
        lambda x: (
            jax.numpy.exp(jax.numpy.sin(4 * jax.numpy.cos(x) + 1))
            + jax.numpy.exp(jax.numpy.sin(5 * jax.numpy.cos(x) + 2))
        )
    )
    return lambda: np.asarray(f(X))


def jax_softmax():
    import jax

    f = jax.jit(lambda x: jax.nn.softmax(x, -1))
    return lambda: np.asarray(f(ROWS))


def torch_softmax():
    import torch

    x = torch.from_numpy(ROWS)
    return lambda: torch.softmax(x, -1).numpy()


PROGRAMS = ("accumulate", "expsin", "softmax", "mlp")
CONTENDERS = ("tgen", "numpy", "numexpr", "jax", "torch")


def measure(name, seconds):
    """Median microseconds of one call of the builder ``name`` of this file."""
    run = globals()[name]()
    run()
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 5:
        start = time.perf_counter()
        run()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples) * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.seconds)))
        return
    for program in options.names or PROGRAMS:
        times = {}
        for who in CONTENDERS:
            if f"{who}_{program}" in globals() and importlib.util.find_spec(who):
                done = subprocess.run(
                    [
                        sys.executable,
                        __file__,
                        "--one",
                        f"{who}_{program}",
                        "--seconds",
                        str(options.seconds),
                    ],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                times[who] = json.loads(done.stdout)
        peers = [t for who, t in times.items() if who != "tgen"]
        ratio = f"  tgen/best peer {times['tgen'] / min(peers):.2f}" if peers else ""
        print(f"{program:12}" + "  ".join(f"{who} {t:.1f} us" for who, t in times.items()) + ratio)


if __name__ == "__main__":
    main()
