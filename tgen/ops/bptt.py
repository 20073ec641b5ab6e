"""The gradient of a scan is a scan over the steps in reverse order (backpropagation through time: Rumelhart,
Hinton, Williams 1986).

Its carries are the adjoints of the carries, its sequences what the forward steps made and the adjoint needs
(*residuals*), its sums the gradients of what every step reads. Residuals are rows that the forward loop keeps
beside its own results: a twin of the scan with the same parameters and more outs. Lowering makes one loop of
the twins, so nothing is computed twice.
"""

from tgen.core.op import OPS, VIEW
from tgen.graph.adjoint import adjoint_dtype, adjoint_type
from tgen.graph.branches import Places
from tgen.graph.build import apply, length, lengths, literal, plus, zeros
from tgen.graph.closure import close, like
from tgen.graph.grad import Disconnected, Undefined, Walk, sources
from tgen.graph.nodes import Constant, Lambda, apply_op
from tgen.graph.walk import ancestors, clone, toposort

# -- rows of what a scan keeps -------------------------------------------------------------------------------


def rows(x, start, count, step=1):
    """``count`` rows of x along axis 0, from row ``start`` on; both int64 scalars."""
    rest = x.ndim - 1
    return apply("slice", x, start, *[literal(0)] * rest, count, *lengths(x)[1:], steps=(step,) + (1,) * rest)


def row(x, at):
    return apply("dimshuffle", rows(x, at, literal(1)), order=tuple(range(1, x.ndim)))


def sizes_of(node):
    """The trailing inputs of a node that are sizes."""
    count = node.primitive.sizes(node.attrs) if callable(node.primitive.sizes) else node.primitive.sizes
    return node.inputs[-count:] if count else []


def _finds_sizes(node):
    """Whether the shape of a result may depend on values."""
    return (
        bool(node.primitive.found)
        or node.primitive.name == "ifelse"
        or node.primitive.name == "scan"
        and node.attrs["until"]
    )


def spread(scalar, x):
    """A scalar with the rank of x; its axes broadcast."""
    return apply("dimshuffle", scalar, order=("x",) * x.ndim) if x.ndim else scalar


def minus(a, b):
    """a - b of size scalars."""
    if isinstance(a, Constant) and isinstance(b, Constant):
        return literal(int(a.data) - int(b.data))
    return apply("sub", a, b)


# -- the rule ------------------------------------------------------------------------------------------------


def reaches(node, outs, conditions=False):
    """The numbers of the inputs of a scan from which a gradient flows to the results where ``outs`` is true.

    With ``conditions`` also of those that only decide a choice in a step.
    """
    body, kept = node.bodies[0], [out for out, wanted in zip(node.attrs["outs"], outs) if wanted]
    reached = {k for kind, k in kept if kind in ("history", "final")}  # where it starts is a part of it
    yields = {k for _, k in kept}
    while True:
        found = sources([body.outputs[k] for k in yields], body.params, conditions)
        reached.update(k for k, p in enumerate(body.params) if p in found)
        wider = yields.union(k for k in reached if k < node.attrs["carries"])
        if wider == yields:
            return reached
        yields = wider


def scan_grad(node, gs):
    """One entry per input: a variable, None, Undefined or Disconnected."""
    return _Back(node, gs).entries()


class _Back:
    """The gradient of one scan node; ``gs`` are the adjoints of its results, None where nothing flows."""

    def __init__(self, node, gs):
        self.node, self.body, self.attrs = node, node.bodies[0], node.attrs
        self.carries, self.sequences, self.outs = (node.attrs[k] for k in ("carries", "sequences", "outs"))
        self.inputs, self.params = node.inputs[:-1], self.body.params
        self.given_outs = [g is not None for g in gs]
        self.given = {}  # out of the scan -> its adjoint
        self.last = {}  # carry -> the adjoint of its last value
        for (kind, k), g in zip(self.outs, gs):
            if g is not None:
                (self.last if kind == "final" else self.given)[k if kind == "final" else (kind, k)] = g
        self.extra = []  # variables of the body that the forward loop keeps for this
        self.kept = {("history", j): i for i, (kind, j) in enumerate(self.outs) if kind == "history"}

    # -- adjoints of one step
    def step(self, live):
        """The adjoints of the body's parameters, given one for each yielded value that has any; those of
        ``live`` carries are carried back.
        """
        self.after = {j: self.adjoint(j) for j in live}
        self.rows_given = {key: self.adjoint(key[1]) for key in self.given}  # a history's: before the step
        starts = {}
        for k, v in enumerate(self.body.outputs):
            terms = [self.after[k]] if k in self.after else []
            terms += [self.rows_given[key] for key in self.rows_given if key[1] == k and key[0] != "history"]
            if terms:
                total = terms[0]
                for term in terms[1:]:
                    total = apply("add", total, term)
                # a node of its own: what is yielded may be used to make another yielded value
                starts[apply("copy", v)] = total
        walk = Walk(starts, [p for p in self.params if hasattr(p.type, "dtype") and adjoint_dtype(p)], None)
        walk.run()
        return [walk.adjoint(p) if p in walk.terms else None for p in self.params]

    def adjoint(self, k):
        """A parameter for the adjoint of what the body yields at place k."""
        v = self.body.outputs[k]
        return like(v, adjoint_type(v))

    def live(self):
        """The carries through which something flows back, and the step's adjoints with these."""
        live = {k for kind, k in self.given if kind == "history"} | set(self.last)
        while True:
            adjoints = self.step(sorted(live))
            more = {j for j in range(self.carries) if adjoints[j] is not None} | live
            if more == live:
                return sorted(live), adjoints
            live = more

    # -- the loop back
    def entries(self):
        live, adjoints = self.live()
        undefined = next((g for g in adjoints if isinstance(g, Undefined)), None)
        if undefined is not None:
            return [undefined] * len(self.inputs)
        self.steps_made()
        wanted = [k for k in range(self.carries, len(self.params)) if adjoints[k] is not None]
        yields = [self.before(j, adjoints[j]) for j in live]
        results = self.loop(live, yields, [adjoints[k] for k in wanted], wanted)
        connected = reaches(self.node, self.given_outs, conditions=True)
        entries = [None if k in connected else Disconnected() for k in range(len(self.inputs))]
        for j, history in zip(live, results):
            entries[j] = self.reached(j, row(history, self.count))
        for k, g in zip(wanted, results[len(live) :]):
            entries[k] = self.in_order(g, self.inputs[k]) if k < self.carries + self.sequences else g
        return entries

    def reached(self, j, g):
        """The adjoint of what carry j starts with, when the loop back comes that far; else only what was
        given for it.
        """
        if self.count is self.made:
            return g
        given = self.given.get(("history", j))
        return apply(
            "switch",
            spread(apply("eq", self.count, self.made), g),
            g,
            zeros(g) if given is None else row(given, literal(0)),
        )

    def before(self, j, g):
        """The adjoint of carry j before a step: what flows through the step, and what was given for the value
        kept there.
        """
        given = self.rows_given.get(("history", j))
        if g is None:
            return zeros(self.params[j], adjoint_dtype(self.params[j])) if given is None else given
        return g if given is None else apply("add_adjoint", g, given)

    def steps_made(self):
        """``made``: how many steps the scan made; ``count``: how many of them the loop back goes through, the
        last ones.
        """
        self.made = self.node.inputs[-1]
        if self.attrs["until"]:
            kind, out = (
                next(
                    (
                        (kind, v)
                        for v, (kind, _) in zip(self.node.outputs, self.outs)
                        if kind in ("history", "stack")
                    ),
                    None,
                )
                or self.counting()
            )
            self.made = minus(length(out, 0), literal(1)) if kind == "history" else length(out, 0)
        limit = self.attrs.get("truncate", -1)
        self.count = self.made if limit < 0 else apply("minimum", self.made, literal(limit))

    def counting(self):
        """An out that tells how many steps were made."""
        kind = "history" if self.carries else "stack"
        return kind, apply_op(
            OPS["scan"], self.node.inputs, {**self.attrs, "outs": ((kind, 0),)}, self.node.where, (self.body,)
        )[0]

    def backwards(self, x, shift=0):
        """Rows shift .. of x as a sequence of the loop back: that of the last step first."""
        return rows(x, plus(minus(self.made, literal(1)), literal(shift)), self.count, -1)

    def in_order(self, g, x):
        """The gradient of a sequence from its rows; steps not gone through have none."""
        if self.count is self.node.inputs[-1]:
            return g
        rest = [literal(0)] * (x.ndim - 1)
        first = minus(self.made, self.count)
        return apply("set_slice", zeros(x, g.dtype), g, first, *rest, steps=(1,) * x.ndim)

    def loop(self, live, yields, sums, wanted):
        sources = self.residuals([*yields, *sums])
        own = {v: like(v) for v in sources}
        sequences = [
            (self.rows_given[key], rows(g, literal(0), self.count) if key[0] == "back" else self.backwards(g))
            for key, g in self.given.items()
            if key[0] != "sum"
        ]
        sequences += [(own[v], source()) for v, (step, source) in sources.items() if step]
        fixed = [(self.rows_given[key], g) for key, g in self.given.items() if key[0] == "sum"]
        fixed += [(own[v], source()) for v, (step, source) in sources.items() if not step]
        params = [self.after[j] for j in live] + [v for v, _ in sequences + fixed]
        body, captured = close(params, clone([*yields, *sums], own))
        first = [self.at_end(j) for j in live]
        kinds = ["back" if k < self.carries + self.sequences else "sum" for k in wanted]
        outs = tuple(("history", j) for j in range(len(live))) + tuple(
            (kind, len(live) + k) for k, kind in enumerate(kinds)
        )
        attrs = {"carries": len(live), "sequences": len(sequences), "outs": outs, "until": False}
        operands = [*first, *(v for _, v in sequences), *(v for _, v in fixed), *captured, self.count]
        return apply_op(OPS["scan"], operands, attrs, self.node.where, (body,))

    def at_end(self, j):
        """The adjoint of carry j after the last step."""
        given = [self.last[j]] if j in self.last else []
        if ("history", j) in self.given:
            given.append(row(self.given["history", j], self.made))
        if not given:
            return zeros(self.inputs[j], adjoint_dtype(self.inputs[j]))
        return apply("add", *given) if len(given) == 2 else given[0]

    # -- residuals
    def residuals(self, wanted):
        """variable of the forward body -> (whether it changes by step, a function that makes the loop back's
        operand for it).
        """
        forward = set(ancestors(self.body.outputs)) | set(self.params)
        used = self.used(wanted, forward, *self.variation())
        found = {}
        for v in used:
            if v in self.params:
                k = self.params.index(v)
                found[v] = (k < self.carries + self.sequences, lambda k=k: self.parameter(k))
            else:
                found[v] = (True, lambda v=v: self.kept_rows(v))
                if not any(v is self.body.outputs[j] for j in range(self.carries)):
                    self.extra.append(v)
        self.twin = None
        return found

    def variation(self):
        """The variables of the body that change from step to step, and those that have no rows to be kept in.

        These are the ones whose shape may change (a parameter's does not), and those that a step makes only
        in a branch.
        """
        changing = set(self.params[: self.carries + self.sequences])
        order = toposort(self.body.outputs, self.params)
        places = Places(order, self.body.outputs)
        resized, lazy = (
            set(),
            {v for node in order if places.top not in places.of[node] for v in node.outputs},
        )
        for node in order:
            if (
                _finds_sizes(node)
                or any(v in changing for v in sizes_of(node))
                or any(v in resized for v in node.inputs)
            ):
                resized.update(v for v in node.outputs if v.type.ndim)
            if any(v in (resized if node.primitive.name == "shape_i" else changing) for v in node.inputs):
                changing.update(node.outputs)
        return changing, resized | lazy

    def used(self, wanted, forward, changing, rowless):
        """What the step back reads of the forward body: parameters, and values that are kept.

        Made anew are views, what is the same at every step, and what has no rows to be kept in.
        """
        found, stack, seen = {}, [], set()
        for node in toposort(wanted, [v for v in forward]):
            if node.primitive.name != "shape_i":
                stack.extend(v for v in node.inputs if v in forward)
            else:
                stack.extend(self.shape_only(node.inputs[0], forward))
        stack.extend(v for v in wanted if v in forward)
        while stack:
            v = stack.pop()
            if v in seen or isinstance(v, Constant):
                continue
            seen.add(v)
            if v in self.params:
                found[v] = None
            elif v not in changing and v.owner.primitive.name == "shape_i":
                stack.extend(self.shape_only(v.owner.inputs[0], forward))
            elif v.owner.primitive.kind == VIEW or v not in changing or v in rowless:
                stack.extend(v.owner.inputs)
            else:
                found[v] = None
        return list(found)

    def shape_only(self, v, forward):
        """A value of which only the shape is asked: the parameters it is made of, for it to be made (and
        dropped) anew.
        """
        if v not in forward:
            return ()
        return [x for x in ancestors([v], self.params) if x in self.params]

    def parameter(self, k):
        x = self.inputs[k]
        if k >= self.carries + self.sequences:
            return x
        return self.backwards(self.forward_result(("history", k))) if k < self.carries else self.backwards(x)

    def kept_rows(self, v):
        for j in range(self.carries):
            if v is self.body.outputs[j]:
                return self.backwards(self.forward_result(("history", j)), 1)
        return self.backwards(
            self.forward_result(
                ("stack", len(self.body.outputs) - int(self.attrs["until"]) + self.extra.index(v))
            )
        )

    def forward_result(self, key):
        if self.twin is None:
            self.twin = self.make_twin()
        return self.twin[key]

    def make_twin(self):
        """The scan once more with what the loop back needs among its outs: {out: variable}."""
        until = int(self.attrs["until"])
        base = self.body.outputs[: len(self.body.outputs) - until]
        outputs = [*base, *self.extra, *self.body.outputs[len(base) :]]
        outs = list(
            dict.fromkeys(
                [
                    *self.outs,
                    *(("history", j) for j in range(self.carries)),
                    *(("stack", len(base) + i) for i in range(len(self.extra))),
                ]
            )
        )
        body = Lambda(self.params, outputs)
        made = apply_op(
            OPS["scan"], self.node.inputs, {**self.attrs, "outs": tuple(outs)}, self.node.where, (body,)
        )
        return dict(zip(outs, made))
