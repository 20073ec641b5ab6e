"""Loops and branches: ``scan`` runs its body once a step, ``ifelse`` computes one of two lots of values (in
the IR it is ``cond``).

A scan's operands are the first values of its carries, its sequences (one element of axis 0 a step) and what
every step reads; its body takes these as parameters and yields the new carries and whatever its ``outs``
keep:

    ("history", j)   the carry j before every step and after the last: n + 1 rows, the first one is where it
                     starts
    ("final", j)     the carry j after the last step (the IR keeps no more when nobody reads more)
    ("stack", k)     what the body yields at place k, a row a step
    ("back", k)      the same with the row of the last step first
    ("sum", k)       the sum over the steps of what the body yields at place k

With ``until`` the last value yielded is a bool, and the step that makes it true is the last one: the rows are
then found when it runs.
"""

import numpy as np

from tgen.core import dims
from tgen.core.effect import REFUSES
from tgen.core.layouts import ScanLayout, split_branches, split_choice
from tgen.core.op import REGION, STRUCT, Op, register
from tgen.core.types import TensorType
from tgen.graph import testvalue
from tgen.graph.adjoint import Taken
from tgen.graph.walk import toposort

from .bptt import reaches, scan_grad

OUTS = ("history", "final", "stack", "back", "sum")


# -- scan ----------------------------------------------------------------------------------------------------


def scan_params(types, attrs):
    """The types of the body's parameters: carries as they start, one row of each sequence, the
    rest as it is.
    """
    carries, sequences, fixed = ScanLayout(attrs).split(types)
    for t in sequences:
        if not t.ndim:
            raise TypeError(f"a sequence is a scalar ({t}); it must have at least one axis, the steps")
    return (*carries, *(t.with_shape(t.shape[1:]) for t in sequences), *fixed)


def _carry(first, after, number):
    """The type of a carry that starts as ``first`` and is ``after`` when a step has run."""
    if first.dtype != after.dtype or first.ndim != after.ndim:
        raise TypeError(
            f"the state {number} of a scan starts as {first} and is {after} after a step: dtype "
            "and rank must stay"
        )
    return TensorType(first.dtype, tuple(map(_carried, first.shape, after.shape)))


def _carried(first, after):
    """A carry's size: where the graph knows that one of two numbers is 1 the axis may become longer; of sizes
    with a name lower asks that they be equal.
    """
    longer = isinstance(first, int) and isinstance(after, int) and first != after and 1 in (first, after)
    if first is None or after is None or longer:
        return None
    return dims.merge(first, after)


def scan_infer(types, attrs, sizes, yields=()):
    """Result types, one per entry of attrs["outs"]; sizes are the number of steps and, in the IR, where each
    sequence is read first.
    """
    layout, steps = ScanLayout(attrs), sizes[0]
    firsts, sequences, _ = layout.split(types)
    scan_params(types, attrs)
    if layout.until and any(kind == "back" for kind, _ in layout.outs):
        raise ValueError("a scan with a condition keeps its rows in order")
    for t in sequences if "steps" not in attrs else ():
        dims.merge(t.shape[0], steps)
    if len(yields) < layout.carries:
        raise ValueError(f"{len(yields)} values yielded for {layout.carries} carries")
    afters, _, conditions = layout.split_yields(yields)
    for t in conditions:
        steps = dims.alone(attrs["found"][0]) if attrs.get("found") else None
        if t.dtype != "bool" or t.ndim:
            raise TypeError(f"the condition of a scan is {t}; it must be a bool scalar")
    kept = [_carry(first, after, k) for k, (first, after) in enumerate(zip(firsts, afters))]
    return tuple(
        _kept(kind, (kept[k] if kind in ("history", "final") else yields[k]), steps)
        for kind, k in layout.outs
    )


def _kept(kind, t, steps):
    if kind not in OUTS:
        raise ValueError(f"a scan keeps {', '.join(OUTS)}, not {kind}")
    rows = {"history": (dims.add(steps, 1),), "stack": (steps,), "back": (steps,)}.get(kind, ())
    return TensorType(t.dtype, rows + t.shape)


def scan_values(node, values):
    """The results on arrays, step by step in Python: for test values."""
    layout, body = ScanLayout(node.attrs), node.bodies[0]
    firsts, sequences, fixed = layout.split(values[:-1])
    order = toposort(body.outputs, body.params)

    def step(state, rows):
        return testvalue.run(body, order, [*state, *rows, *fixed])

    states, yielded = [firsts], []
    for k in range(int(values[-1])):
        yielded.append(step(states[-1], [np.asarray(x[k]) for x in sequences]))
        state, _, conditions = layout.split_yields(yielded[-1])
        states.append(state)
        if any(conditions):
            break
    kept = {"history": states, "final": states[-1:], "stack": yielded, "back": yielded[::-1], "sum": yielded}
    shapes = yielded[0] if yielded else step(firsts, [np.zeros(x.shape[1:], x.dtype) for x in sequences])
    return tuple(_kept_values(kind, [row[k] for row in kept[kind]], shapes[k]) for kind, k in layout.outs)


def _kept_values(kind, rows, value):
    if kind == "final":
        return rows[0]
    if kind == "sum":
        return np.asarray(sum(rows, np.zeros_like(value)))
    return np.stack(rows) if rows else np.zeros((0, *np.shape(value)), np.asarray(value).dtype)


register(
    Op(
        "scan",
        REGION,
        scan_infer,
        None,
        scan_grad,
        sizes=1,
        effect=REFUSES,
        params=lambda types, attrs: (scan_params(types, attrs),),
        partial=True,
        values=scan_values,
        reaches=reaches,
        lengths=True,
        doc="a loop: carries from step to step, a row of each sequence a step; keeps histories, stacks "
        "and sums",
    )
)


# -- ifelse --------------------------------------------------------------------------------------------------


def _check_condition(t):
    if t.ndim:
        raise TypeError(f"the condition of ifelse is {t}; it must be a scalar")


def _either(a, b, number):
    if a.dtype != b.dtype or a.ndim != b.ndim:
        raise TypeError(
            f"value {number} of ifelse is {a} in one branch and {b} in the other: dtype and rank "
            "must be equal"
        )


def ifelse_infer(types, attrs, sizes):
    """In the graph: condition, the values of one branch, those of the other."""
    condition, yes, no = split_choice(attrs, types)
    _check_condition(condition)
    for k, (a, b) in enumerate(zip(yes, no)):
        _either(a, b, k)
    return tuple(
        TensorType(a.dtype, tuple(x if x == y else None for x, y in zip(a.shape, b.shape)))
        for a, b in zip(yes, no)
    )


def _ifelse_eval(attrs, sizes, condition, *values):
    _, yes, no = split_choice(attrs, (condition, *values))
    return tuple(yes if condition else no)


def _ifelse_grad(node, gs):
    condition = node.inputs[0]
    return [*(Taken(g, condition) for g in gs), *(Taken(g, condition, False) for g in gs)]


register(
    Op(
        "ifelse",
        STRUCT,
        ifelse_infer,
        _ifelse_eval,
        _ifelse_grad,
        mask="each",
        chooses=True,
        doc="the values of one branch or of the other; what only one branch needs is computed only when "
        "it is taken",
    )
)


def cond_infer(types, attrs, sizes, yes=(), no=()):
    """Result types; attrs["open"] are the (result, axis) whose size depends on the branch: the sizes in
    attrs["found"], in this order.
    """
    _check_condition(split_branches(attrs, types)[0])
    if len(yes) != len(no):
        raise ValueError(f"the branches yield {len(yes)} and {len(no)} values")
    names = dict(zip(attrs["open"], attrs.get("found", ())))
    results = []
    for k, (a, b) in enumerate(zip(yes, no)):
        _either(a, b, k)
        results.append(
            TensorType(
                a.dtype,
                tuple(
                    dims.alone(names[k, axis]) if (k, axis) in names else dims.merge(x, y)
                    for axis, (x, y) in enumerate(zip(a.shape, b.shape))
                ),
            )
        )
    return tuple(results)


def cond_params(types, attrs):
    """The types of the two blocks' parameters."""
    _, first, second = split_branches(attrs, types)
    return tuple(first), tuple(second)


register(
    Op(
        "cond",
        REGION,
        cond_infer,
        None,
        effect=REFUSES,
        params=cond_params,
        doc="one of two blocks runs, by a scalar condition (IR only: what ifelse becomes)",
    )
)
