"""One program in C, compiled with and without the optional passes, against the interpreter."""

from contextlib import contextmanager

import numpy as np
from special import same_bits

import tgen
from tgen import passes
from tgen.codegen.generate import generate
from tgen.ir.interp import run
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.plan import plan

MODES = ("FAST_RUN", "FAST_COMPILE")
STABILISED = tuple(p for p in passes.PIPELINE if p.name == "stabilise")
EPS = {"float32": 2.0**-23, "float64": 2.0**-52}


@contextmanager
def in_parts(threads=2):
    """Functions made and called inside run in as many parts as they can, on a team, however small their
    arrays.
    """
    old = tgen.config.cflags, tgen.config.threads
    tgen.config.cflags, tgen.config.threads = "-DTGEN_PART_COST=0.5 -DTGEN_TEAM_COST=0.5", threads
    try:
        yield
    finally:
        tgen.config.cflags, tgen.config.threads = old


def reference(inputs, outputs, values, updates=(), stages=False, ulps=64):
    """(outputs, new shared values in the order of ``updates``) by the interpreter, on the IR as it was
    lowered; ``stages``: and on what fusion made of it.
    """
    signature = Signature.of(inputs, outputs, updates)
    lowered, shared = lower(signature), [s.get_value() for s in signature.shared]
    function = passes.run(lowered.function, "FAST_RUN", pipeline=STABILISED)
    wanted = run(function, list(values), shared)
    if stages:
        got = run(passes.run(lowered.function, "FAST_RUN", checked=True), list(values), shared)
        for a, b in zip(wanted[0] + wanted[1], got[0] + got[1], strict=True):
            assert close(a, b, ulps), f"after the passes: {a!r:.400} is {b!r:.400}"
    return wanted


def c_text(inputs, outputs, updates=(), mode="FAST_RUN", general=False):
    """The C text of a program."""
    function = passes.run(lower(Signature.of(inputs, outputs, updates)).function, mode)
    return generate(function, plan(function), general)


def close(got, wanted, ulps=64):
    """Equal bits for ints and bools; floats equal but for ``ulps`` units of the array's largest finite
    element.
    """
    if got.dtype.kind != "f" or same_bits(got, wanted):
        return same_bits(got, wanted)
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return False
    finite = np.isfinite(wanted)
    if not same_bits(np.where(finite, 0, wanted), np.where(np.isfinite(got), 0, got)):
        return False
    scale = np.abs(wanted[finite]).max(initial=0)
    with np.errstate(over="ignore"):
        return bool(
            (np.abs(got[finite] - wanted[finite]) <= ulps * EPS[str(got.dtype)] * max(scale, 1)).all()
        )


def agree(inputs, outputs, values, updates=(), modes=MODES, compare=close):
    """Build in ``modes`` and in mode INTERPRET, call once and compare outputs and shared values with what the
    interpreter makes of the IR; the shared variables keep their values.
    """
    outputs, updates = list(outputs), list(updates)
    wanted, new = reference(inputs, outputs, values, updates, stages=True)
    before = [s.get_value() for s, _ in updates]
    kept = [np.array(v) for v in values]
    for mode in (*modes, "INTERPRET"):
        f = tgen.function(list(inputs), outputs, updates=updates, mode=mode, on_unused_input="ignore")
        results = f(*values)
        for k, (a, b) in enumerate(zip(results, wanted, strict=True)):
            assert compare(a, b), f"{mode}: output {k} is\n{a!r:.600}\nwanted\n{b!r:.600}"
        for (s, _), b, old in zip(updates, new, before, strict=True):
            assert compare(s.get_value(), b), (
                f"{mode}: {s} becomes\n{s.get_value()!r:.600}\nwanted\n{b!r:.600}"
            )
            s.set_value(old)
        for given, copy in zip(values, kept):
            assert same_bits(np.asarray(given), copy), "an argument was written to"
    return wanted
