"""Graph -> IR, the only step that knows both sides: sizes get names here, checks become instructions.

Every None of a graph type becomes a size expression over symbols: n.. (shapes of parameters), a.. (values of
integer scalar arguments), k.. (found inside). Sizes an op needs equal are unified, and a ``check_eq`` at the
top of the function remembers, through its site, which op asked. Checks over found-inside sizes stay where
they are, those of a branch in it; those of a scan's body that only need what is known at the entry are made
there, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.dtypes import is_int
from tgen.core.layouts import ScanLayout, split_choice
from tgen.core.op import OPS
from tgen.core.types import TensorType, tensor_type
from tgen.graph.branches import Places, in_each_branch
from tgen.graph.nodes import Constant
from tgen.graph.walk import retyped, surveyed, toposort
from tgen.ir.nodes import CONST, INPUT, Block, Function, Param
from tgen.ops.host import lower_through
from tgen.ops.loop import scan_params

from .emit import BlockWriter
from .guards import Guards, Pending
from .regions import BlockDraft, first_twins, leaders, loops
from .sizes import Site

if TYPE_CHECKING:
    from tgen.core.dims import Extent, Sym
    from tgen.core.op import Attrs, Op
    from tgen.graph.branches import Place
    from tgen.graph.nodes import Apply, Lambda, Variable
    from tgen.ir.nodes import Value
    from tgen.lower.regions import BlockDraft, Twins
    from tgen.lower.signature import Parameter, Signature
    from tgen.lower.sizes import Region

# characters; x*x*x... doubles with each step, so a longer expression is computed as data
LONGEST_SIZE = 400


@dataclass
class Lowered:
    function: Function
    sites: list[Site]
    names: dict[Value, str] = field(default_factory=dict)  # IR value -> the user's name


class Escaped(Exception):
    """The size of a value was asked for outside of the branch that finds it: the value is needed there."""


class Lowering(Guards):
    """The state of one lowering. ``types`` are IR types, canonical only at the end."""

    def __init__(self, signature: Signature, forced: set[Any], copies: dict[Any, Any]) -> None:
        super().__init__()
        self.signature, self.forced, self.copies = signature, forced, copies
        self.python = signature.python  # the bodies of host ops
        # places: variable -> the region that makes it
        self.sizes, self.identity, self.places = {}, {}, {}
        self.params = []
        self.bodies = Counter()  # parameters of the Lambdas lowered already -> how often
        self.born = {}  # symbol of a size found inside -> the region that finds it
        self.stands_for = {}  # a view in other sizes -> the user's variable
        self.branch_sizes = {}  # symbol of a size of ifelse -> what it is in either branch

    # -- parameters
    def add_param(self, parameter: Parameter) -> None:
        v, label = parameter.variable, parameter.label
        if parameter.kind == CONST:
            self.types[v] = TensorType(v.type.dtype, v.data.shape)
            self.params.append((v, Param(CONST, parameter.number)))
            return
        shape = tuple(
            dims.alone(self.symbol(dims.LENGTH, f"{label}.shape[{k}]")) if s is None else s
            for k, s in enumerate(v.type.shape)
        )
        symbol = None
        if parameter.kind == INPUT and v.type.ndim == 0 and is_int(v.type.dtype):
            symbol = self.symbol(dims.VALUE, label)
            self.sizes[v] = dims.alone(symbol)
        self.types[v], self.labels[v] = TensorType(v.type.dtype, shape), label
        for axis, size in enumerate(shape):
            if isinstance(size, dims.Size):
                self.axis_of[dims.lone(size)] = (v, axis)
        self.params.append((v, Param(parameter.kind, parameter.number, symbol)))

    def add_literal(self, v: Constant) -> None:
        type = tensor_type(v.type.dtype, v.data.shape)
        self.types[v] = type
        if type.ndim == 0 and is_int(type.dtype):
            self.sizes[v] = int(v.data)
        self.put((v,), "constant", (), {"value": tuple(v.data.ravel().tolist())})

    # -- blocks
    def walk(self, outputs: Sequence[Variable], stop: Sequence[Variable], order: Sequence[Apply]) -> None:
        """Lower ``order``, which is what ``outputs`` need, in this region, and in the branches' regions what
        they alone need.
        """
        made, copied = outputs, {}
        if any(node.primitive.name == "ifelse" for node in order):
            key = tuple(outputs)
            # made once: an attempt that comes after asks for the same variables
            if key not in self.copies:
                self.copies[key] = in_each_branch(outputs, stop, first_twins)
            made, copied = self.copies[key]
            order = toposort(made, stop)
        twins = loops(order, copied)
        places = Places(order, made, leaders(twins), self.forced)
        here, regions = self.region, {places.top: self.region}
        for node in order:
            home = places.home(node)
            self.region = self.region_of(home, regions)
            self.places.update((v, self.region) for v in node.outputs)
            if node.primitive.name == "ifelse":
                self.add_ifelse(
                    node, [self.region_of(places.side(node, side, home), regions) for side in (0, 1)]
                )
            elif node not in twins:
                self.add(node)
            elif twins[node].nodes[0] is node:
                self.add_scan(twins[node])
        self.region = here
        for v, copy in zip(outputs, made):
            if v is not copy:
                self.alias_of(v, copy)

    def region_of(self, place: Any, regions: dict[Place, Region]) -> Region:
        """The region of a place, made with those around it when first asked for."""
        missing = []
        while place not in regions:
            missing.append(place)
            place = place.outer
        here, self.region = self.region, regions[place]
        for place in reversed(missing):
            self.region = regions[place] = self.inner(lazy=True)
        made, self.region = self.region, here
        return made

    def put(
        self,
        targets: Sequence[Any],
        op: str | Op,
        operands: Sequence[Any] = (),
        attrs: Attrs | None = None,
        sizes: tuple[Extent, ...] = (),
        node: Apply | None = None,
        region: Region | None = None,
        bodies: tuple[BlockDraft, ...] = (),
    ) -> None:
        op = OPS[op] if isinstance(op, str) else op
        (region or self.region).pending.append(
            Pending(tuple(targets), op, tuple(operands), attrs or {}, tuple(sizes), node, bodies)
        )

    # -- nodes
    def split(self, node: Apply) -> tuple[list[Any], tuple[Extent, ...]]:
        """(array operands, size operands) of a graph node, the sizes as expressions."""
        op = node.primitive
        count = op.sizes(node.attrs) if callable(op.sizes) else op.sizes
        arrays = node.inputs[:-count] if count else node.inputs
        return arrays, tuple(self.size_of(v, node) for v in node.inputs[len(arrays) :])

    def size_of(self, v: Variable, node: Apply) -> Extent:
        """The size expression of an int64 scalar; a value known only inside gets a symbol through ``sizeof``,
        beside it.
        """
        if v not in self.sizes:
            region = self.places.get(v, self.regions[0])
            symbol = self.found(str(v), region)
            self.sizes[v] = dims.alone(symbol)
            operand: Any = v
            if v.type.dtype != "int64":
                operand = object()
                self.types[operand] = TensorType("int64", ())
                self.put((operand,), "cast", (v,), {"dtype": "int64"}, (), node, region)
            self.put((), "sizeof", (operand,), {"found": (symbol,)}, (), node, region)
        return self.canon(self.sizes[v])

    def found(self, origin: str, region: Region | None = None) -> Sym:
        """A new symbol of a size found inside ``region``."""
        symbol = self.symbol(dims.FOUND, origin)
        self.born[symbol] = region or self.region
        return symbol

    def add(self, node: Apply) -> None:
        op, attrs = node.primitive, dict(node.attrs)
        out = node.outputs[0]
        own = lower_through if op.identity else op.lower
        if own:
            own(self, node, Site)
            return
        if op.name == "shape_i":
            self.add_shape(node)
            return
        arrays, sizes = self.split(node)
        site = Site("equal", op.name, node.where)
        self.guards(node, arrays, attrs, site)
        if op.found:
            attrs["found"] = tuple(self.found(f"length of {op}") for _ in range(op.found))
        types = self.infer(node, arrays, attrs, sizes, site)
        arrays = [self.resized(v, node) for v in arrays]
        self.types.update(zip(node.outputs, types))
        self.demand_nonnegative(node, arrays)
        if op.name == "gather":
            arrays = self.places_in(node, arrays, attrs)
        self.put(node.outputs, op.name, arrays, attrs, self.held(sizes), node)
        self.fold_size(node, out)

    def held(self, sizes: tuple[Extent, ...]) -> tuple[Extent, ...]:
        """Sizes an instruction asks for, as its types have them: its own checks made some equal to others."""
        return tuple(self.canon(s) for s in sizes)

    def add_shape(self, node: Apply) -> None:
        v, out = node.inputs[0], node.outputs[0]
        size = self.canon(self.types[v].shape[node.attrs["axis"]])
        if any(s in self.born and self.born[s] not in self.region.chain() for s in dims.symbols(size)):
            raise Escaped(v)
        self.sizes[out], self.types[out] = size, tensor_type("int64", ())
        self.put((out,), "size", sizes=(size,), node=node)

    def resized(self, v: Variable, node: Apply) -> Any:
        """v, whose sizes a check made equal to others after v was made, as a view in these sizes."""
        if not self.lates:
            return v
        shape = tuple(self.canon(s) for s in self.types[v].shape)
        if shape == tuple(self.at_entry(s) for s in self.types[v].shape):
            return v
        known = next((r.views[v, shape] for r in self.region.chain() if (v, shape) in r.views), None)
        if known is None:
            self.region.views[v, shape] = known = object()
            self.stands_for[known] = v
            self.types[known] = TensorType(v.type.dtype, shape)
            self.put((known,), "slice", (v,), {"steps": (1,) * len(shape)}, (0,) * len(shape) + shape, node)
        return known

    def alias_of(self, out: Variable, source: Variable) -> None:
        self.types[out] = self.types[source]
        self.identity[out] = source
        if source in self.sizes:
            self.sizes[out] = self.sizes[source]

    def infer(
        self,
        node: Apply,
        arrays: list[Any],
        attrs: Attrs,
        sizes: tuple[Extent, ...],
        site: Site,
        *yields: tuple[Variable | object, ...],
    ) -> tuple[TensorType, ...]:
        """Result types; each pair of sizes that op.infer finds unequal is unified, then it is asked again."""
        for _ in range(64):
            types = [self.canon_type(self.types[v]) for v in arrays]
            yielded = ([self.canon_type(self.types[v]) for v in vs] for vs in yields)
            try:
                return node.primitive.infer(types, attrs, tuple(self.canon(s) for s in sizes), *yielded)
            except dims.Unequal as error:
                x, y = error.sizes
                known = [self.stands_for.get(v, v) for v in arrays]
                self.unify(x, y, replace(site, about=self.describe(known, types, x, y)))
        raise ValueError(self.mismatch_text("?", "?", site))

    def fold_size(self, node: Apply, out: Variable) -> None:
        """Keep the size expression of an integer scalar whose operands have one."""
        if (
            out.type.ndim
            or out.type.dtype not in ("int64", "int32")
            or not all(v in self.sizes for v in node.inputs)
        ):
            return
        if node.primitive.on_sizes is None:
            return
        size = node.primitive.on_sizes(*(self.canon(self.sizes[v]) for v in node.inputs))
        if len(str(size)) <= LONGEST_SIZE:
            self.sizes[out] = size

    # -- loops and branches
    def add_scan(self, loop: Twins) -> None:
        node, scan = loop.nodes[0], loop.scan
        body = self.unused(scan.body)
        arrays, sizes = self.split(node)
        attrs = {k: v for k, v in scan.attributes().items() if k != "truncate"}
        layout = ScanLayout(attrs)
        site = Site("equal", "scan", node.where, tuple(map(str, arrays)))
        self.guards(node, arrays, attrs, site)
        for v in layout.split(arrays)[1]:
            self.unify(
                self.types[v].shape[0],
                sizes[0],
                replace(site, about=(self.axis_text(v, 0), "the number of steps")),
            )
        arrays = [self.resized(v, node) for v in arrays]
        region = self.steps(node, body, arrays, attrs, site)
        if layout.until:
            attrs["found"] = (self.found("the number of steps made"),)
        types = self.infer(node, arrays, attrs, sizes, site, region.outputs)
        self.types.update(zip(scan.results, types))
        for (_, k), t in zip(layout.outs, types):
            self.one_size(node, body.outputs[k], t)
        for v, target in loop.names:
            self.places[v] = self.region
            if v is not target:
                self.alias_of(v, target)
        self.put(scan.results, "scan", arrays, attrs, self.held(sizes), node, bodies=(region,))

    def unused(self, body: Lambda) -> Lambda:
        """The Lambda, or a copy of it when it has been lowered before: its variables have one type each. The
        same copy at the next attempt.
        """
        key = body.params, self.bodies[body.params]
        self.bodies[body.params] += 1
        if not key[1]:
            return body
        if key not in self.copies:
            self.copies[key] = retyped(body, [v.type for v in body.params])
        return self.copies[key]

    def steps(self, node: Apply, body: Lambda, arrays: list[Any], attrs: Attrs, site: Site) -> BlockDraft:
        """The body of a scan, lowered: its carries keep their sizes from step to step."""
        here, layout = self.region, ScanLayout(attrs)
        self.region = self.inner(loop=node.where)
        types = scan_params([self.types[v] for v in arrays], attrs)
        for p, t in zip(body.params, types):
            self.types[p], self.places[p] = t, self.region
        for role, params, outer in zip(
            ("state", "sequence", None), layout.split(body.params), layout.split(arrays)
        ):
            for p, v in zip(params, outer):
                known = self.stands_for.get(v, v)
                self.labels[p] = str(p) if p.name else self.text_in_a_step(known, role)
                if role is None and v in self.sizes:
                    self.sizes[p] = self.sizes[v]
        survey = surveyed(body)
        for v in survey.leaves:
            if isinstance(v, Constant):
                self.add_literal(v)
        self.walk(body.outputs, body.params, survey.order)
        news, more, conditions = layout.split_yields(body.outputs)
        for j, (p, new) in enumerate(zip(layout.split(body.params)[0], news)):
            self.keeps_shape(node, j, p, new, site)
        for v in (*more, *conditions):
            self.settle_branches(v, site)
        made = BlockDraft(self.region, body.params, tuple(self.resized(v, node) for v in body.outputs))
        self.region = here
        return made

    def keeps_shape(self, node: Apply, j: int, p: Variable, new: Variable, site: Site) -> None:
        for axis, (first, wanted) in enumerate(zip(node.inputs[j].type.shape, new.type.shape)):
            if first == 1 != wanted:
                raise TypeError(
                    f"the state {j} of the scan{self.line(node)} starts with a broadcastable "
                    f"axis {axis} ({node.inputs[j].type}) that a step makes longer "
                    f"({new.type}). Start it with T.unbroadcast(..., {axis}) or T.alloc, or keep "
                    "the axis at 1"
                )
            self.unify(
                self.types[p].shape[axis],
                self.types[new].shape[axis],
                replace(site, about=(f"axis {axis} of state {j} as it starts", "the same after a step")),
            )

    def one_size(self, node: Apply, v: Variable, t: TensorType) -> None:
        """What is kept of every step has one size; found by the step, it would have one a step."""
        late = [x for s in t.shape for x in dims.symbols(s) if self.is_inside(x)]
        if late:
            raise TypeError(
                f"the scan{self.line(node)} keeps {self.text(v)} ({v.type}), whose size "
                f"({self.origin[late[0]]}) each step finds anew: rows of an array have one size. "
                "Reshape it to sizes known before the loop, pad it, or reduce it in the step"
            )

    def is_inside(self, symbol: Sym) -> bool:
        """Whether a symbol is found in a region that is not around this one."""
        return symbol in self.born and self.born[symbol] not in self.region.chain()

    def settle_branches(self, v: Variable, site: Site) -> None:
        """Rows have one size, so where only the branch taken says what it is, it must be that of a branch
        which is known before the loop.
        """
        around = list(self.region.outer.chain()) if self.region.outer else []
        for size in self.types[v].shape:
            for symbol in dims.symbols(self.canon(size)):
                found = [self.canon(s) for s in self.branch_sizes.get(symbol, ())]
                known = [
                    s
                    for s in found
                    if all(x not in self.born or self.born[x] in around for x in dims.symbols(s))
                ]
                if known:
                    self.unify(
                        dims.alone(symbol),
                        known[0],
                        replace(
                            site,
                            about=(
                                f"an axis of {self.text(v)}, as one branch has it",
                                "the same in the other",
                            ),
                        ),
                    )

    @staticmethod
    def line(node: Apply) -> str:
        return f" at {node.where[0]}:{node.where[1]}" if node.where else ""

    def add_ifelse(self, node: Apply, regions: list[Region]) -> None:
        condition, yes, no = split_choice(node.attrs, node.inputs)
        pairs = [
            (k, axis, x, y)
            for k, (a, b) in enumerate(zip(yes, no))
            for axis, (x, y) in enumerate(zip(self.sizes_in(a, regions[0]), self.sizes_in(b, regions[1])))
        ]
        different = tuple((k, axis) for k, axis, x, y in pairs if x != y)
        attrs: Attrs = {"open": different, "found": tuple(self.found("a size of ifelse") for _ in different)}
        bodies = tuple(BlockDraft(r, (), tuple(vs)) for r, vs in zip(regions, (yes, no)))
        names = dict(zip(different, attrs["found"]))
        self.branch_sizes.update((names[k, axis], (x, y)) for k, axis, x, y in pairs if (k, axis) in names)
        for k, v in enumerate(node.outputs):
            shape = [s for number, _, s, _ in pairs if number == k]
            self.types[v] = TensorType(
                v.type.dtype,
                tuple(dims.alone(names[k, a]) if (k, a) in names else s for a, s in enumerate(shape)),
            )
        self.put(node.outputs, "cond", (condition,), attrs, (), node, bodies=bodies)

    def sizes_in(self, v: Variable, region: Region) -> list[Extent]:
        """The sizes of a value as the top of the function knows them, or as what it found around ``region``
        does.
        """
        return [self.at_entry(s) for s in self.types[v].shape]

    # -- emission
    def emit(self, roots: list[Variable]) -> Lowered:
        writer = BlockWriter(self)
        for v, _ in self.params:
            writer.define(v)
        params = tuple(
            replace(p, sites=tuple(self.axis_sites.get((v, a)) for a in range(v.type.ndim)))
            for v, p in self.params
        )
        block_params = tuple(writer.values[v] for v, _ in self.params)
        writer.emit(self.checks)
        writer.emit(self.regions[0].pending)
        results = tuple(writer.resolve(v) for v in roots)
        numbers = {s: k for k, s in enumerate(self.signature.shared)}
        function = Function(
            params,
            Block(block_params, tuple(writer.instrs), results),
            len(self.signature.outputs),
            tuple(numbers[s] for s, _ in self.signature.updates),
            self.signature.constants,
            self.signature.layout,
        )
        names = {value: v.name for v, value in writer.values.items() if getattr(v, "name", None)}
        return Lowered(function, self.sites, names)


def lower(signature: Signature) -> Lowered:
    """The IR function of the graph that ``signature`` was made for.

    Returns Lowered: function, its parameters those of the signature, error sites, the names of values.
    """
    forced, copies, roots = set(), {}, signature.roots
    while True:
        state = Lowering(signature, forced, copies)
        for parameter in signature.parameters:
            state.add_param(parameter)
        for v in signature.literals:
            state.add_literal(v)
        try:
            state.walk(roots, signature.inputs, signature.order)
        except Escaped as error:
            if error.args[0] in forced:
                raise
            forced.add(error.args[0])
            continue
        return state.emit(roots)
