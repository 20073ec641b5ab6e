"""Graph -> IR, the only step that knows both sides: sizes get names here, checks become instructions.

Every None of a graph type becomes a size expression over symbols: n.. (shapes of parameters), a.. (values of integer
scalar arguments), k.. (found inside). Sizes an op needs equal are unified, and a ``check_eq`` at the top of the
function remembers, through its site, which op asked. Checks over found-inside sizes stay where they are.
"""
import re
from dataclasses import dataclass, field, replace

from tgen.core import dims
from tgen.core.op import OPS, SCALAR
from tgen.core.types import TensorType, is_int
from tgen.graph.describe import axis_source, source
from tgen.graph.nodes import Constant
from tgen.graph.shared import SharedVariable
from tgen.graph.walk import leaves, toposort
from tgen.ir.nodes import CONST, INPUT, SHARED, Block, Function, Instr, Param, Value

IDENTITIES = ("disconnected_grad", "zero_grad", "grad_clip", "grad_scale", "unbroadcast")
LENGTHS = ("iota", "broadcast_to", "reshape")       # ops whose sizes the user gives: a negative one is refused
LITERAL_ELEMENTS = 32       # a constant up to this size stands in the text; a larger one is a parameter
LONGEST_SIZE = 400          # characters; x*x*x... doubles with each step, so a longer expression is computed as data


@dataclass
class Site:
    """What an error record's site number means: the op, the user's line, and a description of the sizes compared."""
    kind: str
    op: str
    where: object
    about: tuple = ()


@dataclass
class Lowered:
    function: Function
    shared: list
    sites: list
    names: dict = field(default_factory=dict)      # IR value -> the user's name


class Lowering:
    """The state of one lowering. ``types`` are IR types, canonical only at the end; ``pending`` are instructions to come."""

    def __init__(self, inputs, outputs, updates):
        self.inputs, self.outputs, self.updates = inputs, outputs, updates
        self.types, self.sizes, self.alias, self.solved = {}, {}, {}, {}
        self.late = {}              # as alias, for sizes found inside: equal only after their check, so values made before it keep their own
        self.views = {}             # (value, shape) -> the view of it after such a check
        self.checks, self.sites, self.pending = [], [], []
        self.labels, self.origin = {}, {}       # texts for messages: of parameters, of symbols by name
        self.counts = dict(n=0, a=0, k=0)
        self.params, self.constants, self.shared = [], [], []
        self.identity = {}
        self.axis_of, self.axis_sites = {}, {}      # symbol -> (parameter, axis) that defines it; such an axis -> the site that equated it

    # -- sizes
    def symbol(self, prefix, origin):
        name = f"{prefix}{self.counts[prefix]}"
        self.counts[prefix] += 1
        self.origin[name] = origin
        return dims.sym(name)

    def canon(self, size):
        """The representative of a size under everything unified so far."""
        if not isinstance(size, dims.Size):
            return size
        size = self.at_entry(size)
        while size in self.late or size in self.alias:
            size = self.late[size] if size in self.late else self.alias[size]
        return size

    def at_entry(self, size):
        """The same under what the checks at the top of the function say, which holds everywhere."""
        size = dims.substitute(size, self.solved)
        while size in self.alias:
            size = self.alias[size]
        return size

    def canon_type(self, type):
        return TensorType(type.dtype, tuple(self.canon(s) for s in type.shape))

    def entry_type(self, type):
        return TensorType(type.dtype, tuple(self.at_entry(s) for s in type.shape))

    def unify(self, x, y, site):
        """Make two sizes one: from then on one representative.

        The symbol of a parameter's axis is replaced, and the parameter's type then says what its axis must be, at the
        site that asked; other sizes get a ``check_eq``.
        """
        x, y = self.canon(x), self.canon(y)
        if x == y:
            return
        if isinstance(x, int) and isinstance(y, int):
            raise ValueError(self.mismatch_text(x, y, site))
        self.sites.append(site)
        check = Instr(OPS["check_eq"], (), (), {"site": len(self.sites) - 1}, (x, y), (), frozenset([site.where] if site.where else ()))
        found = any(name.startswith("k") for s in (x, y) for name in dims.symbols(s))
        keep, drop = self.choose(x, y)
        if str(drop) in self.axis_of and not found and str(drop) not in dims.symbols(keep):
            if drop == y:
                site.about = site.about[::-1]       # the entry compares the axis, first, with what it must be
            self.axis_sites[self.axis_of[str(drop)]] = check.attrs["site"]
            table = {str(drop): keep}
            self.solved = {name: dims.substitute(s, table) for name, s in self.solved.items()} | table
            self.alias, self.late = self.rewritten(self.alias, table), self.rewritten(self.late, table)
            return
        (self.pending if found else self.checks).append(check)
        (self.late if found else self.alias)[drop] = keep

    @staticmethod
    def rewritten(pairs, table):
        new = {dims.substitute(k, table): dims.substitute(v, table) for k, v in pairs.items()}
        return {k: v for k, v in new.items() if k != v and isinstance(k, dims.Size)}

    @staticmethod
    def choose(x, y):
        """(kept, dropped): an int before an expression before a lone symbol it does not hold; of two symbols the older; found-inside sizes go."""
        def rank(s):
            lone = str(s).isidentifier()
            late = any(name.startswith("k") for name in dims.symbols(s))
            return (not isinstance(s, int), late, lone, len(str(s)), str(s))
        if str(x).isidentifier() and str(y).isidentifier() and str(x)[0] == str(y)[0]:
            return (x, y) if int(str(x)[1:]) < int(str(y)[1:]) else (y, x)
        if any(str(a).isidentifier() and str(a) in dims.symbols(b) for a, b in ((x, y), (y, x))):
            return (x, y) if str(x).isidentifier() else (y, x)      # n1 and min(n1, 2): n1 would be left without the axis that defines it
        return (x, y) if rank(x) <= rank(y) else (y, x)

    def mismatch_text(self, x, y, site):
        return f"Input dimension mis-match: {site.op} needs equal sizes, got {x} and {y}" + (f" ({site.where[0]}:{site.where[1]})" if site.where else "")

    # -- parameters
    def add_param(self, v, kind, number, label):
        shape = tuple(self.symbol("n", f"{label}.shape[{k}]") if s is None else s for k, s in enumerate(v.type.shape))
        symbol = None
        if kind == INPUT and v.type.ndim == 0 and is_int(v.type.dtype):
            size = self.symbol("a", label)
            self.sizes[v], symbol = size, str(size)
        self.types[v], self.labels[v] = TensorType(v.type.dtype, shape), label
        for axis, size in enumerate(shape):
            if isinstance(size, dims.Size):
                self.axis_of[str(size)] = (v, axis)
        self.params.append((v, Param(kind, number, symbol)))

    def declare_params(self):
        for k, v in enumerate(self.inputs):
            self.add_param(v, INPUT, k, v.name or f"input {k}")
        roots = list(self.outputs) + [new for _, new in self.updates]
        found = leaves(roots, self.inputs)
        targets = [s for s, _ in self.updates]
        for v in dict.fromkeys([v for v in found if isinstance(v, SharedVariable)] + targets):
            self.shared.append(v)
            self.add_param(v, SHARED, len(self.shared) - 1, v.name or f"shared variable {len(self.shared) - 1}")
        for v in found:
            if isinstance(v, Constant):
                self.add_constant(v)
        return toposort(roots, self.inputs)

    def add_constant(self, v):
        type = TensorType(v.type.dtype, v.data.shape)
        self.types[v] = type
        if v.data.size > LITERAL_ELEMENTS:
            self.constants.append(v.data)
            self.params.append((v, Param(CONST, len(self.constants) - 1)))
            return
        if type.ndim == 0 and is_int(type.dtype):
            self.sizes[v] = int(v.data)
        self.pending.append((v, OPS["constant"], (), {"value": tuple(v.data.ravel().tolist())}, (), None))

    # -- nodes
    def split(self, node):
        """(array operands, size operands) of a graph node, the sizes as expressions."""
        op = node.op
        count = op.sizes(node.attrs) if callable(op.sizes) else op.sizes
        arrays = node.inputs[:-count] if count else node.inputs
        return arrays, tuple(self.size_of(v, node) for v in node.inputs[len(arrays):])

    def size_of(self, v, node):
        """The size expression of an int64 scalar; a value known only inside gets a symbol through ``sizeof``."""
        if v not in self.sizes:
            symbol = self.symbol("k", str(v))
            self.sizes[v] = symbol
            operand = v
            if v.type.dtype != "int64":
                operand = object()
                self.types[operand] = TensorType("int64", ())
                self.pending.append((operand, OPS["cast"], (v,), {"dtype": "int64"}, (), node))
            self.pending.append((None, OPS["sizeof"], (operand,), {"found": (str(symbol),)}, (), node))
        return self.canon(self.sizes[v])

    def add(self, node):
        op, attrs = node.op, dict(node.attrs)
        out = node.outputs[0]
        if op.name in IDENTITIES:
            self.alias_of(out, node.inputs[0])
            return
        if op.name == "shape_i":
            size = self.canon(self.types[node.inputs[0]].shape[attrs["axis"]])
            self.sizes[out] = size
            self.types[out] = TensorType("int64", ())
            self.pending.append((out, OPS["size"], (), {}, (size,), node))
            return
        arrays, sizes = self.split(node)
        site = Site("equal", op.name, node.where, tuple(str(v) for v in arrays))
        self.guards(node, arrays, attrs, site)
        if op.extra.get("found"):
            attrs["found"] = tuple(str(self.symbol("k", f"length of {op}")) for _ in range(op.extra["found"]))
        types = self.infer(node, arrays, attrs, sizes, site)
        arrays = [self.resized(v, node) for v in arrays]
        for v, type in zip(node.outputs, types):
            self.types[v] = type
        self.pending.append((tuple(node.outputs) if len(node.outputs) > 1 else out, op, tuple(arrays), attrs, sizes, node))
        self.fold_size(node, out)

    def resized(self, v, node):
        """v, whose sizes a check made equal to others found inside after v was made, as a view in these sizes."""
        shape = tuple(self.canon(s) for s in self.types[v].shape)
        if not self.late or shape == tuple(self.at_entry(s) for s in self.types[v].shape):
            return v
        if (v, shape) not in self.views:
            view = self.views[v, shape] = object()
            self.types[view] = TensorType(v.type.dtype, shape)
            self.pending.append((view, OPS["slice"], (v,), {"steps": (1,) * len(shape)}, (0,) * len(shape) + shape, node))
        return self.views[v, shape]

    def alias_of(self, out, source):
        self.types[out] = self.types[source]
        self.identity[out] = source
        if source in self.sizes:
            self.sizes[out] = self.sizes[source]

    def infer(self, node, arrays, attrs, sizes, site):
        """Result types; each pair of sizes that op.infer finds unequal is unified, then it is asked again."""
        for _ in range(64):
            types = [self.canon_type(self.types[v]) for v in arrays]
            try:
                return node.op.infer(types, attrs, tuple(self.canon(s) for s in sizes))
            except dims.Unequal as error:
                x, y = error.sizes
                self.unify(x, y, replace(site, about=self.describe(arrays, types, x, y)))
        raise ValueError(self.mismatch_text("?", "?", site))

    def describe(self, arrays, types, x, y):
        """Texts of the two axes that hold sizes x and y: ``x.shape[1]``."""
        def text(size, skip):
            for v, type in zip(arrays, types):
                for axis, s in enumerate(type.shape):
                    if s == size and (v, axis) != skip:
                        return self.axis_text(v, axis), (v, axis)
            return re.sub(r"[nak]\d+", lambda symbol: self.origin.get(symbol[0], symbol[0]), str(size)), None
        first, place = text(x, None)
        return first, text(y, place)[0]

    def axis_text(self, v, axis):
        v, axis = axis_source(v, axis)
        return f"{self.text(v)}.shape[{axis}]"

    def text(self, v):
        v = source(v)
        if v.name is None and v.owner is not None and v.owner.op.name == "slice":
            return f"{self.text_of(source(v.owner.inputs[0]))}[...]"
        return self.text_of(v)

    def text_of(self, v):
        return self.labels.get(v, str(v))

    def guards(self, node, arrays, attrs, site):
        """Checks that go before the instruction: sizes of elementwise operands, index ranges, empty reductions."""
        name = node.op.name
        if node.op.kind == SCALAR and len(arrays) > 1:
            self.unify_elementwise(arrays, site)
        elif name in ("gather", "set_gather", "inc_gather"):
            skip = 1 if name == "gather" else 2
            for k, index in enumerate(arrays[skip:]):
                axis = attrs["axis"] + k
                self.check_index(index, self.canon(self.types[arrays[0]].shape[axis]), axis, arrays[0], node)
        elif name in ("max", "min", "argmax", "argmin"):
            for axis in attrs["axes"]:
                size = self.canon(self.types[arrays[0]].shape[axis])
                if not isinstance(size, int):
                    self.add_check("check_nonempty", (), {"axis": axis}, (size,), Site("empty", name, node.where, (self.text(arrays[0]),)), node)
        elif name in LENGTHS or node.op.extra.get("draws"):
            self.check_lengths(self.split(node)[1], node)
        if "equal" in node.op.extra:
            types = [self.canon_type(self.types[v]) for v in arrays]
            for pair in node.op.extra["equal"](types, attrs, self.split(node)[1]):
                self.unify(*pair, replace(site, about=self.describe(arrays, types, *pair)))
        if node.op.extra.get("refuses"):
            attrs["site"], self.sites = len(self.sites), [*self.sites, Site("parameter", name, node.where, (node.op.extra["refuses"],))]
        if name == "reshape":
            types = self.canon_type(self.types[arrays[0]])
            whole = dims.product(types.shape)
            wanted = dims.product(self.split(node)[1])
            self.unify(whole, wanted, replace(site, about=(f"the size of {self.text(arrays[0])}", "the new shape's size")))
        if name == "rebroadcast":
            for axis in attrs["axes"]:
                self.unify(self.types[arrays[0]].shape[axis], 1, replace(site, about=(self.axis_text(arrays[0], axis), "the declared size")))

    def check_lengths(self, sizes, node):
        for size in sizes:
            if not dims.nonnegative(size):
                self.add_check("check_length", (), {}, (size,), Site("length", node.op.name, node.where), node)

    def unify_elementwise(self, arrays, site):
        """Only an axis that is 1 in the graph's type broadcasts; all others of one position must be equal."""
        for axis in range(arrays[0].type.ndim):
            same = [v for v in arrays if v.type.shape[axis] != 1]
            for other in same[1:]:
                x, y = self.canon(self.types[same[0]].shape[axis]), self.canon(self.types[other].shape[axis])
                if x != y:      # the texts cost a walk each
                    self.unify(x, y, replace(site, about=(self.axis_text(same[0], axis), self.axis_text(other, axis))))

    def check_index(self, index, size, axis, array, node):
        if self.is_in_range(index, size):
            return
        self.add_check("check_index", (index,), {"axis": axis}, (size,), Site("index", node.op.name, node.where, (self.text(array), self.text(index))), node)

    def is_in_range(self, v, size):
        """Whether v is arange(size), or positions in an axis of this size, seen through views: its values cannot be out of range."""
        while v.owner is not None and v.owner.op.name in ("dimshuffle", "broadcast_to", "slice"):
            v = v.owner.inputs[0]
        if v.owner is None or v.owner.op.name not in ("iota", "argsort"):
            return False
        return self.canon(self.types[v].shape[v.owner.attrs.get("axis", 0)]) == size

    def add_check(self, name, operands, attrs, sizes, site, node):
        self.sites.append(site)
        attrs = dict(attrs, site=len(self.sites) - 1)
        entry_known = not operands and not any(s.startswith("k") for z in sizes for s in dims.symbols(z))
        if entry_known:
            self.checks.append(Instr(OPS[name], (), (), attrs, sizes, (), frozenset([node.where] if node.where else ())))
        else:
            self.pending.append((None, OPS[name], operands, attrs, sizes, node))

    def fold_size(self, node, out):
        """Keep the size expression of an integer scalar whose operands have one."""
        if out.type.ndim or out.type.dtype not in ("int64", "int32") or not all(v in self.sizes for v in node.inputs):
            return
        fold = FOLDS.get(node.op.name)
        if fold is None:
            return
        size = fold(*(self.canon(self.sizes[v]) for v in node.inputs))
        if len(str(size)) <= LONGEST_SIZE:
            self.sizes[out] = size

    # -- emission
    def emit(self):
        values, instrs = {}, []
        for v, param in self.params:
            values[v] = Value(self.entry_type(self.types[v]))
        params = tuple(replace(p, sites=tuple(self.axis_sites.get((v, a)) for a in range(v.type.ndim))) for v, p in self.params)
        block_params = tuple(values[v] for v, _ in self.params)
        resolve = self.resolver(values)
        instrs.extend(self.settled(check) for check in self.checks)
        for item in self.pending:
            instrs.append(self.settled(item) if isinstance(item, Instr) else self.emit_one(item, values, resolve))
        results = tuple(resolve(v) for v in list(self.outputs) + [new for _, new in self.updates])
        numbers = {s: k for k, s in enumerate(self.shared)}
        function = Function(params, Block(block_params, tuple(instrs), results), len(self.outputs), tuple(numbers[s] for s, _ in self.updates), tuple(self.constants))
        names = {values[v]: v.name for v in values if getattr(v, "name", None)}
        return Lowered(function, self.shared, self.sites, names)

    def settled(self, check):
        """A check whose sizes are written in the symbols that are left: some were unified after it was made."""
        return check.with_(sizes=tuple(dims.substitute(s, self.solved) for s in check.sizes))

    def resolver(self, values):
        def resolve(v):
            while v in self.identity:
                v = self.identity[v]
            return values[v]
        return resolve

    def emit_one(self, item, values, resolve):
        targets, op, operands, attrs, sizes, node = item
        operands = tuple(resolve(v) for v in operands)
        targets = () if targets is None else targets if isinstance(targets, tuple) else (targets,)
        results = tuple(Value(self.entry_type(self.types[v])) for v in targets)
        values.update(zip(targets, results))
        where = frozenset([node.where]) if node is not None and node.where else frozenset()
        return Instr(op, operands, results, attrs, tuple(self.at_entry(s) for s in sizes), (), where)


FOLDS = {
    "add": dims.add, "sub": dims.sub, "mul": dims.mul, "int_div": dims.div, "mod": dims.mod, "minimum": dims.minimum, "maximum": dims.maximum,
    "neg": lambda x: dims.mul(-1, x), "cast": lambda x: x, "dimshuffle": lambda x: x,
}


def lower(inputs, outputs, updates):
    """The IR function of a graph whose leaves are ``inputs``, shared variables and constants.

    ``updates`` are (shared, new value) pairs. Returns Lowered: function, shared variables in parameter order, error sites.
    """
    state = Lowering(list(inputs), list(outputs), list(updates))
    for node in state.declare_params():
        state.add(node)
    return state.emit()
