"""What scan was given: sequences and states with their taps, the number of steps; and the variables its step
function gets.
"""

import math
from dataclasses import dataclass

import numpy as np

from tgen.config import config
from tgen.core.types import TensorType
from tgen.graph import sizes, testvalue
from tgen.graph.nodes import Variable
from tgen.ops.bptt import rows
from tgen.tensor import as_tensor_variable


def wrapped(x):
    """A list of one, of none for None, of its own elements for a list or tuple."""
    if x is None:
        return []
    return list(x) if isinstance(x, (list, tuple)) else [x]


def parameter(type, name, value):
    """A variable of the step. ``value()`` is its test value, or None."""
    v = TensorType(type.dtype, type.shape)(name)
    if config.compute_test_value != "off":
        found = value()
        if found is not None:
            v.tag.test_value = found
    return v


def at_tap(v, tap):
    """The name of a step's element of v: ``x[t-1]``."""
    return f"{v.name}[t{tap:+d}]" if v.name and tap else f"{v.name}[t]" if v.name else None


def _keys(given, known, what):
    wrong = [k for k in given if k not in known]
    if wrong:
        raise ValueError(f"{what} has the keys {', '.join(map(repr, known))}, not {wrong[0]!r}")


def _taps(taps, what):
    taps = wrapped(taps)
    for tap in taps:
        if isinstance(tap, bool) or not isinstance(tap, (int, np.integer)):
            raise TypeError(f"the taps of {what} are ints, got {tap!r}")
    return [int(tap) for tap in taps]


# -- sequences -----------------------------------------------------------------------------------------------


@dataclass
class Tapped:
    """An input of which a step reads the elements at ``taps`` from where it stands."""

    input: Variable
    taps: list
    number: int

    def __post_init__(self):
        self.low, self.high = min(0, *self.taps), max(0, *self.taps)

    def usable(self):
        """How many steps all taps allow."""
        return sizes.maximum(sizes.sub(sizes.length(self.input, 0), self.high - self.low), 0)

    def parameters(self):
        x, t = self.input, self.input.type
        return [
            parameter(t.with_shape(t.shape[1:]), at_tap(x, tap), lambda tap=tap: self.test_value(tap))
            for tap in self.taps
        ]

    def test_value(self, tap):
        value = testvalue.known(self.input)
        if value is None:
            return None
        at = tap - self.low
        return value[at] if at < len(value) else np.zeros(value.shape[1:], value.dtype)

    def parts(self, steps, backwards):
        """A view for each tap, whose rows are what the steps read."""
        return [self.part(tap - self.low, steps, backwards) for tap in self.taps]

    def part(self, start, steps, backwards):
        usable = self.usable()
        if sizes.same(usable, steps):
            count = usable
        elif isinstance(usable, int) and isinstance(steps, int) and usable < steps:
            raise ValueError(
                f"sequence {self.number} of scan ({self.input}, {self.input.type}) allows "
                f"{usable} steps, but n_steps is {steps}"
            )
        else:
            # shorter ones are refused when it runs
            count = sizes.maximum(sizes.minimum(usable, steps), 0)
        if backwards:
            return rows(
                self.input, sizes.variable(sizes.add(sizes.sub(usable, 1), start)), sizes.variable(count), -1
            )
        if not start and sizes.same(count, sizes.length(self.input, 0)):
            return self.input
        return rows(self.input, sizes.variable(start), sizes.variable(count))


def sequences(given):
    """The Sequences of scan's argument; TypeError or ValueError for what is none."""
    return [_sequence(number, x) for number, x in enumerate(wrapped(given))]


def _sequence(number, x):
    what, taps = f"sequence {number} of scan", [0]
    if isinstance(x, dict):
        _keys(x, ("input", "taps"), what)
        if x.get("input") is None:
            raise ValueError(f"{what} is a dict without 'input'")
        if x.get("taps") is not None:
            taps = _taps(x["taps"], what)
        x = x["input"]
    v = as_tensor_variable(x)
    if not v.type.ndim:
        raise TypeError(
            f"{what} is {v} of {v.type}, a scalar; it must have at least one axis, the steps. "
            "What is the same at every step goes to non_sequences"
        )
    if not taps:
        raise ValueError(f"{what} ({v}) has no taps; [0] is the element of the step itself")
    return Tapped(v, taps, number)


# -- states --------------------------------------------------------------------------------------------------


@dataclass
class State:
    """An output that is fed back: what it was up to ``depth`` steps before is kept in as many registers, the
    newest last.
    """

    initial: Variable
    taps: list
    number: int
    stacked: bool  # initial has a row for each register

    def __post_init__(self):
        self.depth = -min(self.taps)
        if not self.stacked:
            return
        if not self.initial.type.ndim:
            raise ValueError(
                f"the initial state {self.number} of scan ({self.initial}) is a scalar; with "
                f"taps {self.taps} it needs a leading axis of {self.depth}"
            )
        given = self.initial.type.shape[0]
        if isinstance(given, int) and given < self.depth:
            raise ValueError(
                f"the initial state {self.number} of scan ({self.initial}, {self.initial.type}) "
                f"has {given} rows; taps {self.taps} need {self.depth}"
            )

    def first(self):
        """The values the registers start with."""
        return [self.initial[k] for k in range(self.depth)] if self.stacked else [self.initial]

    def parameters(self):
        t = self.initial.type
        row = t.with_shape(t.shape[1:]) if self.stacked else t
        return [
            parameter(row, at_tap(self.initial, k - self.depth), lambda k=k: self.test_value(k))
            for k in range(self.depth)
        ]

    def test_value(self, k):
        value = testvalue.known(self.initial)
        return value[k] if self.stacked and value is not None else value


def is_none(info):
    """Whether an entry of outputs_info says that the output is not fed back."""
    return info is None or isinstance(info, dict) and info.get("initial") is None


def states(given):
    """A State, or None, for each entry of outputs_info."""
    return [_state(number, x) for number, x in enumerate(wrapped(given))]


def _state(number, x):
    what, taps = f"outputs_info[{number}] of scan", [-1]
    if isinstance(x, dict):
        _keys(x, ("initial", "taps"), what)
        if is_none(x) and x.get("taps") is not None:
            raise ValueError(
                f"{what} has taps but no 'initial'; what a step reads of the steps before needs "
                "values to start with"
            )
        if x.get("taps") is not None:
            taps = _taps(x["taps"], what)
        x = x.get("initial")
    if x is None:
        return None
    if not taps or max(taps) >= 0 or len(set(taps)) < len(taps):
        raise ValueError(f"the taps of {what} must be different and smaller than 0, got {taps}")
    return State(as_tensor_variable(x), taps, number, taps != [-1])


# -- the number of steps -------------------------------------------------------------------------------------


def steps(n_steps, seqs):
    """The number of steps, an int or an int64 scalar: what was asked for, else what the shortest sequence
    allows.
    """
    if isinstance(n_steps, (float, np.floating)) and not math.isfinite(n_steps):
        n_steps = None
    if n_steps is not None:
        count = sizes.as_size(n_steps, "n_steps of scan")
        if isinstance(count, int) and count < 0:
            raise ValueError(
                f"n_steps of scan is {count}; it must be 0 or more (go_backwards=True reads "
                "sequences from their end)"
            )
        return count
    if not seqs:
        raise ValueError(
            "No information about the number of steps provided. Either provide a value for "
            "n_steps argument of scan or provide an input sequence"
        )
    count = seqs[0].usable()
    for x in seqs[1:]:
        other = x.usable()
        count = count if sizes.same(count, other) else sizes.minimum(count, other)
    return count
