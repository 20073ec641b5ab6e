"""``scan``: a step function of Python, called once, becomes the body of one loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.dtypes import is_float
from tgen.errors import MissingInputError
from tgen.graph import sizes
from tgen.graph.closure import close, like
from tgen.graph.grad import sources
from tgen.graph.nodes import Variable, user_line
from tgen.graph.scans import scan_of
from tgen.graph.shared import SharedVariable
from tgen.graph.updates import OrderedUpdates
from tgen.graph.walk import clone, leaves
from tgen.ops.bptt import rows
from tgen.runtime.replace import check_update, culprit, update_pairs
from tgen.tensor import as_tensor_variable, cast, neq, unbroadcast

from . import arguments
from .returns import parsed

if TYPE_CHECKING:
    from tgen.graph.nodes import Operand


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Operand | None = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: Any = False,
    allow_gc: Any = None,
    strict: bool = False,
    return_list: bool = False,
) -> tuple[Any, OrderedUpdates]:
    """Call ``fn`` symbolically and repeat what it makes: (outputs, updates), as Theano's scan.

    fn                 step function of: the elements of the sequences, the outputs fed back (both: a variable
                       for each tap), non_sequences. It returns outputs, updates, (outputs, updates), and each
                       of these with ``until(condition)`` behind
    sequences          arrays of which a step reads one element of axis 0; dict(input=x, taps=[-1, 0]) reads
                       others beside it
    outputs_info       per output None, or the initial state if fn gets what it returned the step before;
                       dict(initial=x0, taps=[-3, -1]) for steps further back, then x0 has a leading axis with
                       the oldest first
    non_sequences      what every step reads; variables that fn takes from its surroundings need not be listed
                       unless ``strict``
    n_steps            an int or integer scalar; by default what the shortest sequence allows
    truncate_gradient  how many steps the gradient goes back; -1: all
    go_backwards       read the sequences from their end

    Each output has the steps as its leading axis (without the initial state). One output is not wrapped in a
    list unless ``return_list``; without outputs None. Shared variables that fn updates, and random streams it
    draws from, go from step to step; ``updates`` has their values after the last one, for
    ``function(updates=...)``. ``mode``, ``name``, ``profile`` and ``allow_gc`` change nothing.

    Raises ValueError when neither n_steps nor a sequence says how many steps, when a state has another dtype
    or rank after a step, and for outputs that do not match outputs_info; TypeError for arguments that are no
    tensors; MissingInputError with ``strict`` for a shared variable that is not in non_sequences. A sequence
    too short for n_steps is a ValueError when it runs.

    >>> import tgen, tgen.tensor as T
    >>> x, y0 = T.dvector("x"), T.dscalar("y0")
    >>> y, updates = tgen.scan(lambda x_t, y_before: 0.5 * y_before + x_t, sequences=x, outputs_info=y0)
    >>> tgen.function([x, y0], y)([1., 1., 1.], 0.)
    array([1.  , 1.5 , 1.75])
    """
    seqs = arguments.sequences(sequences)
    states = arguments.states(outputs_info)
    fixed = [
        v if isinstance(v, Variable) else as_tensor_variable(v) for v in arguments.wrapped(non_sequences)
    ]
    steps = arguments.steps(n_steps, seqs)
    if (
        isinstance(truncate_gradient, bool)
        or not isinstance(truncate_gradient, (int, np.integer))
        or not (truncate_gradient == -1 or truncate_gradient > 0)
    ):
        raise ValueError(
            "truncate_gradient of scan is -1 or how many steps back the gradient goes, got "
            f"{truncate_gradient!r}"
        )
    loop = ScanBuilder(seqs, states, fixed, steps, bool(go_backwards))
    loop.call(fn, strict)
    outputs, updates = loop.outputs(int(truncate_gradient))
    if not return_list:
        outputs = outputs[0] if len(outputs) == 1 else outputs or None
    return outputs, updates


class ScanBuilder:
    """A scan being made: ``registers`` are the parameters of each state, ``read`` those of each sequence, a
    list for each.
    """

    def __init__(self, seqs, states, fixed, steps, backwards=False):
        self.seqs, self.states, self.fixed, self.steps, self.backwards = seqs, states, fixed, steps, backwards
        self.where = user_line()
        self.read = [x.parameters() for x in seqs]
        self.registers = [state.parameters() if state is not None else [] for state in states]

    # -- the step function
    def call(self, fn, strict=False):
        given = [v for params in self.read for v in params]
        for state, params in zip(self.states, self.registers):
            given += [params[state.depth + tap] for tap in state.taps] if state is not None else []
        given += self.fixed
        self.check_arguments(fn, given)
        made, updates, condition = parsed(fn(*given))
        if not self.states:
            self.states, self.registers = [None] * len(made), [[] for _ in made]
        if len(made) != len(self.states):
            raise ValueError(
                f"fn of scan{self.line()} returned {len(made)} outputs for {len(self.states)} "
                "entries of outputs_info. "
                "Please provide None as outputs_info for any output that does not feed back "
                "into scan (i.e. it behaves like a map)"
            )
        self.condition = (
            None if condition is None else condition if condition.type.dtype == "bool" else neq(condition, 0)
        )
        self.made = [
            v if state is None else self.fed_back(v, state, params[-1])
            for v, state, params in zip(made, self.states, self.registers)
        ]
        self.find_updates(updates)
        if strict:
            self.check_strict()

    def line(self):
        return f" at {self.where[0]}:{self.where[1]}" if self.where else ""

    def check_arguments(self, fn, arguments):
        try:
            signature = inspect.signature(fn)
        except (TypeError, ValueError):  # a callable that does not tell
            return
        try:
            signature.bind(*arguments)
        except TypeError as error:
            counts = [
                sum(map(len, self.read)),
                sum(len(state.taps) for state in self.states if state is not None),
                len(self.fixed),
            ]
            raise TypeError(
                f"scan{self.line()} calls fn with {len(arguments)} arguments, {counts[0]} of "
                f"sequences, {counts[1]} of outputs fed back and {counts[2]} of "
                f"non_sequences, but it is fn{signature}: {error}"
            ) from None

    def fed_back(self, v, state, param):
        """What the step made of a state, when it can be the state of the next one."""
        wanted = param.type
        if (
            v.type.weak
            and v.type.ndim == wanted.ndim
            and (is_float(wanted.dtype) or not is_float(v.type.dtype))
        ):
            v = cast(v, wanted.dtype)
        if v.type.dtype == wanted.dtype and v.type.ndim == wanted.ndim:
            return v
        initial = state.initial.name or str(state.initial)
        start = (
            "When compiling the inner function of scan the following error has been encountered: The "
            "initial state (`outputs_info` in scan nomenclature) of "
            f"variable {initial} (outputs_info[{state.number}] of the scan{self.line()}) has"
        )
        if v.type.ndim != wanted.ndim:
            raise ValueError(
                f"{start} {wanted.ndim} "
                f"dimension(s){' after its leading axis' if state.stacked else ''}, while the "
                "result of the inner function (`fn`) has "
                f"{v.type.ndim} dimension(s) ({v}: {v.type}). Give an initial state of the "
                "shape of one step's result."
            )
        raise ValueError(
            f"{start} dtype {wanted.dtype}, while the result of the inner function (`fn`) has "
            f"dtype {v.type.dtype}. {culprit(v)} "
            f"Start with T.cast({initial}, {v.type.dtype!r}), or let fn return T.cast(..., "
            f"{wanted.dtype!r})."
        )

    # -- shared variables
    def expressions(self):
        return (
            self.made
            + [new for _, new in self.updates]
            + ([self.condition] if self.condition is not None else [])
        )

    def find_updates(self, updates):
        """``updates``: (shared variable, new value), those fn returned and the default updates of those it
        reads.
        """
        self.updates = [(s, check_update(s, new)) for s, new in update_pairs(updates)]
        while True:
            known = {s.container for s, _ in self.updates}
            more = {
                s.container: s
                for s in leaves(self.expressions(), self.fixed)
                if isinstance(s, SharedVariable) and s.default_update is not None and s.container not in known
            }
            if not more:
                return
            self.updates += [
                (s, check_update(s, new))
                for s, new in update_pairs([(s, s.default_update) for s in more.values()])
            ]

    def check_strict(self):
        known = {s.container for s, _ in self.updates} | {
            v.container for v in self.fixed if isinstance(v, SharedVariable)
        }
        for v in leaves(self.expressions(), self.fixed):
            if isinstance(v, SharedVariable) and v.container not in known:
                raise MissingInputError(
                    f"fn of the scan{self.line()} reads the shared variable {v}, which "
                    "is not in non_sequences, and strict=True. Please pass this variable "
                    "to the scan's inner function. Do not forget to also pass it to the "
                    "`non_sequences` attribute of scan."
                )

    def carried(self, expressions):
        """(parameters, expressions that read them instead of the shared variables updated here)."""
        own = {s.container: like(s, s.type) for s, _ in self.updates}
        table = {v: v for v in self.fixed}
        table.update(
            (s, own[s.container])
            for s in leaves(expressions)
            if isinstance(s, SharedVariable) and s.container in own
        )
        return list(own.values()), clone(expressions, table)

    # -- the node
    def outputs(self, truncate=-1, keep="history"):
        """(the outputs, OrderedUpdates). ``keep="final"``: of a state only what it is after the last step."""
        shared, expressions = self.carried(self.expressions())
        made, updates = (
            expressions[: len(self.made)],
            expressions[len(self.made) : len(self.made) + len(shared)],
        )
        carries = [v for params in self.registers for v in params]
        after = [v for new, params in zip(made, self.registers) if params for v in (*params[1:], new)]
        first = [v for state in self.states if state is not None for v in state.first()]
        stacked = [v for v, state in zip(made, self.states) if state is None]
        reads = self.reads([*carries, *shared], [*after, *updates])
        places = self.places(len(carries) + len(shared), keep, reads)
        outs = places + [("final", len(carries) + k) for k in range(len(shared))]
        if not outs:
            return [], OrderedUpdates()
        body, captured = close(
            [*carries, *shared, *(v for params in self.read for v in params)],
            [*after, *updates, *stacked, *expressions[len(self.made) + len(shared) :]],
        )
        sequences = [part for x in self.seqs for part in x.parts(self.steps, self.backwards)]
        results = scan_of(
            body,
            [*first, *(s for s, _ in self.updates)],
            sequences,
            captured,
            sizes.variable(self.steps),
            outs,
            until=self.condition is not None,
            truncate=truncate,
            where=self.where,
        )
        kept = [self.shown(v, kind) for v, (kind, _) in zip(results, places)]
        return kept, OrderedUpdates([(s, v) for (s, _), v in zip(self.updates, results[len(places) :])])

    @staticmethod
    def reads(carries, after):
        """For each carry the numbers of those it depends on, in however many steps."""
        number = {v: k for k, v in enumerate(carries)}
        read = [{number[v] for v in sources([new], carries) if v in number} for new in after]
        grows = True
        while grows:
            wider = [one.union(*(read[k] for k in one)) for one in read]
            grows, read = wider != read, wider
        return read

    def places(self, carries, keep, reads):
        """The out of each output: the newest register of a state, a stack of what is not fed back.

        A state that nothing reads on the way to itself is a stack, too: where it starts has no part in it.
        """
        places, register, stack = [], 0, carries
        for state, params in zip(self.states, self.registers):
            if state is None:
                places.append(("stack", stack))
                stack += 1
            else:
                register += len(params)
                starts = range(register - len(params), register)
                fed_back = keep != "history" or not reads[register - 1].isdisjoint(starts)
                places.append((keep if fed_back else "stack", register - 1))
        return places

    def shown(self, v, kind):
        """What a user sees of a kept value: a history without its start; its leading axis
        does not broadcast.
        """
        if kind == "history":
            steps = self.steps if self.condition is None else sizes.sub(sizes.length(v, 0), 1)
            v = rows(v, sizes.variable(1), sizes.variable(steps))
        return unbroadcast(v, 0) if kind != "final" and v.type.shape[0] == 1 else v
