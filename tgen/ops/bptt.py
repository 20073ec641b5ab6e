"""The gradient of a scan is a scan over the steps in reverse order (backpropagation through time: Rumelhart,
Hinton, Williams 1986).

Its carries are the adjoints of the carries, its sequences what the forward steps made and the adjoint needs
(*residuals*), its sums the gradients of what every step reads. Residuals are rows that the forward loop keeps
beside its own results: a twin of the scan with the same parameters and more outs. Lowering makes one loop of
the twins, so nothing is computed twice.
"""

from tgen.core.layouts import Carry, Fixed, Kept, Sequence, Yielded
from tgen.core.op import VIEW
from tgen.graph.adjoint import adjoint_dtype, adjoint_type
from tgen.graph.branches import Places
from tgen.graph.build import apply, length, lengths, literal, minus, plus, zeros
from tgen.graph.closure import close, like
from tgen.graph.grad import Disconnected, Undefined, Walk, sources
from tgen.graph.nodes import Constant
from tgen.graph.scans import ScanNode, scan_of
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
        and ScanNode(node).condition is not None
    )


def spread(scalar, x):
    """A scalar with the rank of x; its axes broadcast."""
    return apply("dimshuffle", scalar, order=("x",) * x.ndim) if x.ndim else scalar


# -- the rule ------------------------------------------------------------------------------------------------


def reaches(node, outs, conditions=False):
    """The numbers of the inputs of a scan from which a gradient flows to the results where ``outs`` is true.

    With ``conditions`` also of those that only decide a choice in a step.
    """
    scan = ScanNode(node)
    params, kept = scan.params, [out for out, wanted in zip(scan.outs, outs) if wanted]
    # where a carry starts is a part of what is kept of it
    reached = {out.of.param for out in kept if out.kind in ("history", "final")}
    yielded = {out.of for out in kept}
    while True:
        reached |= sources([part.new for part in yielded], params, conditions)
        wider = yielded.union(c for c in scan.carries if c.param in reached)
        if wider == yielded:
            return {k for k, p in enumerate(params) if p in reached}
        yielded = wider


def scan_grad(node, gs):
    """One entry per input: a variable, None, Undefined or Disconnected."""
    return _Back(node, gs).entries()


class _Back:
    """The gradient of one scan node; ``gs`` are the adjoints of its results, None where nothing flows."""

    def __init__(self, node, gs):
        self.node, self.scan = node, ScanNode(node)
        self.carries, self.params = self.scan.carries, self.scan.params
        self.read = (*self.scan.sequences, *self.scan.fixed)  # what a step reads beside its carries
        self.given_outs = [g is not None for g in gs]
        self.given = {}  # (kind, what is kept) -> its adjoint
        self.last = {}  # carry -> the adjoint of its last value
        for out, g in zip(self.scan.outs, gs):
            if g is not None and out.kind == "final":
                self.last[out.of] = g
            elif g is not None:
                self.given[out.kind, out.of] = g
        self.extra = {}  # variable of the body -> what the forward loop yields and keeps of it for this

    # -- adjoints of one step
    def step(self, live):
        """{carry, sequence or fixed: the adjoint of its parameter, or None}, given one for each yielded value
        that has any; those of ``live`` carries are carried back.
        """
        self.after = {c: self.adjoint(c.new) for c in live}
        # a history's: before the step
        self.rows_given = {(kind, of): self.adjoint(of.new) for kind, of in self.given}
        starts = {}
        for part in self.scan.yielded:
            terms = [self.after[part]] if part in self.after else []
            terms += [g for (kind, of), g in self.rows_given.items() if of is part and kind != "history"]
            if terms:
                total = terms[0]
                for term in terms[1:]:
                    total = apply("add", total, term)
                # a node of its own: what is yielded may be used to make another yielded value
                starts[apply("copy", part.new)] = total
        targets = [p for p in self.params if hasattr(p.type, "dtype") and adjoint_dtype(p)]
        walk = Walk(starts, targets, None)
        walk.reach(targets)
        return {
            part: walk.adjoint(part.param) if part.param in walk.terms else None
            for part in (*self.carries, *self.read)
        }

    @staticmethod
    def adjoint(v):
        """A parameter for the adjoint of what the body yields."""
        return like(v, adjoint_type(v))

    def live(self):
        """The carries through which something flows back, and the step's adjoints with these."""
        found = {of for kind, of in self.given if kind == "history"} | set(self.last)
        while True:
            live = [c for c in self.carries if c in found]
            adjoints = self.step(live)
            more = found.union(c for c in self.carries if adjoints[c] is not None)
            if more == found:
                return live, adjoints
            found = more

    # -- the loop back
    def entries(self):
        live, adjoints = self.live()
        undefined = next((g for g in adjoints.values() if isinstance(g, Undefined)), None)
        if undefined is not None:
            return [undefined] * len(adjoints)
        self.steps_made()
        wanted = [part for part in self.read if adjoints[part] is not None]
        yields = [self.before(c, adjoints[c]) for c in live]
        results = self.loop(live, yields, [adjoints[part] for part in wanted], wanted)
        connected = reaches(self.node, self.given_outs, conditions=True)
        entries = {part: None if k in connected else Disconnected() for k, part in enumerate(adjoints)}
        for carry, history in zip(live, results):
            entries[carry] = self.reached(carry, row(history, self.count))
        for part, g in zip(wanted, results[len(live) :]):
            entries[part] = self.in_order(g, part.source) if isinstance(part, Sequence) else g
        return list(entries.values())

    def reached(self, carry, g):
        """The adjoint of what a carry starts with, when the loop back comes that far; else only what was
        given for it.
        """
        if self.count is self.made:
            return g
        given = self.given.get(("history", carry))
        return apply(
            "switch",
            spread(apply("eq", self.count, self.made), g),
            g,
            zeros(g) if given is None else row(given, literal(0)),
        )

    def before(self, carry, g):
        """The adjoint of a carry before a step: what flows through the step, and what was given for the value
        kept there.
        """
        given = self.rows_given.get(("history", carry))
        if g is None:
            return zeros(carry.param, adjoint_dtype(carry.param)) if given is None else given
        return g if given is None else apply("add_adjoint", g, given)

    def steps_made(self):
        """``made``: how many steps the scan made; ``count``: how many of them the loop back goes through, the
        last ones.
        """
        self.made = self.scan.steps
        if self.scan.condition is not None:
            rows_kept = (out for out in self.scan.outs if out.kind in ("history", "stack"))
            out = next(rows_kept, None) or self.counting()
            count = length(out.result, 0)
            self.made = minus(count, 1) if out.kind == "history" else count
        limit = self.scan.attrs.get("truncate", -1)
        self.count = self.made if limit < 0 else apply("minimum", self.made, literal(limit))

    def counting(self):
        """A Kept that tells how many steps were made."""
        kind, of = "history" if self.carries else "stack", self.scan.yielded[0]
        return Kept(kind, of, self.scan.again(outs=[Kept(kind, of, None)])[0])

    def backwards(self, x, shift=0):
        """Rows shift .. of x as a sequence of the loop back: that of the last step first."""
        return rows(x, plus(minus(self.made, 1), shift), self.count, -1)

    def in_order(self, g, x):
        """The gradient of a sequence from its rows; steps not gone through have none."""
        if self.count is self.scan.steps:
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
        params = [self.after[c] for c in live] + [v for v, _ in sequences + fixed]
        body, captured = close(params, clone([*yields, *sums], own))
        kinds = ["back" if isinstance(part, Sequence) else "sum" for part in wanted]
        outs = [("history", k) for k in range(len(live))]
        outs += [(kind, len(live) + k) for k, kind in enumerate(kinds)]
        return scan_of(
            body,
            [self.at_end(c) for c in live],
            [v for _, v in sequences],
            [*(v for _, v in fixed), *captured],
            self.count,
            outs,
            where=self.node.where,
        )

    def at_end(self, carry):
        """The adjoint of a carry after the last step."""
        given = [self.last[carry]] if carry in self.last else []
        if ("history", carry) in self.given:
            given.append(row(self.given["history", carry], self.made))
        if not given:
            return zeros(carry.first, adjoint_dtype(carry.first))
        return apply("add", *given) if len(given) == 2 else given[0]

    # -- residuals
    def residuals(self, wanted):
        """variable of the forward body -> (whether it changes by step, a function that makes the loop back's
        operand for it).
        """
        forward = set(ancestors(self.scan.yields)) | set(self.params)
        used = self.used(wanted, forward, *self.variation())
        parts, found = {part.param: part for part in (*self.carries, *self.read)}, {}
        for v in used:
            if v in parts:
                part = parts[v]
                found[v] = (not isinstance(part, Fixed), lambda part=part: self.parameter(part))
            else:
                found[v] = (True, lambda v=v: self.kept_rows(v))
                if not any(v is c.new for c in self.carries):
                    self.extra[v] = Yielded(v)
        self.twin = None
        return found

    def variation(self):
        """The variables of the body that change from step to step, and those that have no rows to be kept in.

        These are the ones whose shape may change (a parameter's does not), and those that a step makes only
        in a branch.
        """
        changing = {part.param for part in (*self.carries, *self.scan.sequences)}
        order = toposort(self.scan.yields, self.params)
        places = Places(order, self.scan.yields)
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

    def parameter(self, part):
        if isinstance(part, Fixed):
            return part.value
        return self.backwards(self.kept("history", part) if isinstance(part, Carry) else part.source)

    def kept_rows(self, v):
        for carry in self.carries:
            if v is carry.new:
                return self.backwards(self.kept("history", carry), 1)
        return self.backwards(self.kept("stack", self.extra[v]))

    def kept(self, kind, of):
        """What the forward loop keeps for the loop back."""
        if self.twin is None:
            self.twin = self.make_twin()
        return self.twin[kind, of]

    def make_twin(self):
        """The scan once more with what the loop back needs among its outs: {(kind, of what): variable}."""
        outs = [(out.kind, out.of) for out in self.scan.outs]
        outs += [("history", c) for c in self.carries] + [("stack", y) for y in self.extra.values()]
        outs = list(dict.fromkeys(outs))
        made = self.scan.again(
            more=(*self.scan.more, *self.extra.values()), outs=[Kept(kind, of, None) for kind, of in outs]
        )
        return dict(zip(outs, made))
