"""The Op record: one object is the op's type rule, NumPy meaning, gradient and C text; graph and
IR share it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Literal, Protocol, TypeAlias

import numpy as np

from tgen.core.effect import PURE, Effect

SCALAR, REDUCE, VIEW, LIBRARY, REGION, STRUCT, HOST = (
    "scalar",
    "reduce",
    "view",
    "library",
    "region",
    "struct",
    "host",
)


if TYPE_CHECKING:
    from tgen.graph.adjoint import Entry, Lanes, Node
    from tgen.graph.nodes import Apply, Variable

    from .dims import Extent
    from .dtypes import DType
    from .maps import Axis, Section
    from .types import TensorType
    from .values import Application

Attrs: TypeAlias = dict[str, Any]  # the attributes of an application: literals by name
Types: TypeAlias = tuple["TensorType", ...]
Function: TypeAlias = Callable[..., Any]  # of tgen.tensor, with parameters of its own

# What the fields of Op are called with; its docstring says what they return. "..." is one array for each
# operand, or the types that each block yields.
Infer: TypeAlias = Callable[Concatenate[Sequence["TensorType"], Attrs, Sequence[Any], ...], Types]
Eval: TypeAlias = Callable[Concatenate[Attrs, Sequence[Any], ...], Any]
# of the adjoints some may be None where the op is ``partial``
Grad: TypeAlias = Callable[["Node", Sequence[Any]], "Sequence[Entry] | None"]
MaskRule: TypeAlias = Callable[["Node", "Variable"], "Sequence[Lanes]"]
Mask: TypeAlias = Literal["each", "moved", "added", "whole"] | MaskRule | None
Reaches: TypeAlias = Callable[["Apply", Sequence[bool], bool], Iterable[int]]
CText: TypeAlias = Callable[[Sequence[str], Attrs], str]
View: TypeAlias = Callable[["Application", "tuple[Axis, ...]"], "tuple[Axis, ...]"]
Needs: TypeAlias = Callable[["Application", "Section"], "Sequence[Section] | None"]
Behind: TypeAlias = Callable[["Apply", int], "tuple[Variable, int] | None"]
Params: TypeAlias = Callable[[Sequence["TensorType"], Attrs], Sequence[Sequence["TensorType"]]]
Values: TypeAlias = Callable[["Apply", Sequence[np.ndarray]], Sequence[np.ndarray]]
Again: TypeAlias = Callable[["Apply", "Sequence[Variable]"], "Apply"]


class DtypeRule(Protocol):
    """(dtypes that the operands must be cast to, dtype of the result) of a scalar op."""

    def __call__(self, dtypes: Sequence[str], attrs: Attrs | None = None, /) -> tuple[Sequence[str], str]: ...


class Batching(Protocol):
    """Many values of an application's operands, as ``Op.batch`` sees them: of the steps of a loop, or of the
    rows of a Jacobian. What is a value here is a Value of the IR or a Variable of the graph.
    """

    @property
    def rowed(self) -> Mapping[Any, Any]: ...
    @property
    def fixed(self) -> Mapping[Any, Any]: ...
    @property
    def count(self) -> Any: ...
    def emit(
        self,
        name: str,
        operands: tuple[Any, ...] = (),
        attrs: Attrs | None = None,
        sizes: tuple[Any, ...] = (),
    ) -> Any: ...
    def lifted(self, v: Any, rank: int) -> Any: ...
    def whole(self, v: Any) -> Any: ...
    def dot(self, i: Any) -> Any: ...
    def batched_dot(self, i: Any) -> Any: ...


Batch: TypeAlias = Callable[[Batching, Any], Any]

# what an element of a result costs: nothing is computed, about one instruction, a few, as a function of libm
FREE, CHEAP, PLAIN, HEAVY = 0, 1, 2, 10


@dataclass(frozen=True)
class Fold:
    """How a reduction takes in its elements, one after the other.

    operator     + or *: each is added or multiplied; | or &: whether it is not 0 is; > or <: the greater or
                 the lesser of two is kept
    start        start(DType) -> what there is before the first element
    where        its result is the place of the element that was kept
    """

    operator: str
    start: Callable[[DType], Any]
    where: bool = False


@dataclass(frozen=True)
class Matrices:
    """How C computes an op of matrices, or of batches of them (their leading axes): for each matrix by a call
    of the function of templates/lib that has the op's name,

        int64_t tgen_<name>_<s or d>(host, operands .., result, arguments .., room)

    (pointers, then int64s, then a pointer). What is not 0 says that it refuses them (``Op.refuses``).

    arguments    arguments(types, attrs) -> sizes, and numbers that attributes mean
    room         room(types, attrs) -> of how many elements a call wants room for itself; None: it gets none
    """

    arguments: Callable[[Sequence[TensorType], Attrs], Sequence[Extent]]
    room: Callable[[Sequence[TensorType], Attrs], Extent] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Op:
    """One primitive.

    name         key in OPS and in the IR text
    kind         SCALAR (elementwise), REDUCE, VIEW (an access map), LIBRARY (templates/lib), REGION, STRUCT,
                 HOST
    infer        infer(types, attrs, sizes) -> tuple of TensorType. Works on graph types (sizes int or None)
                 and IR types (Size expressions) alike; sizes that must be equal go through dims.merge; bad
                 operands raise TypeError/ValueError
    eval         eval(attrs, sizes, *arrays) -> array, or tuple of arrays for several results; sizes are ints.
                 NumPy is the definition
    grad         grad(node, outputs_grads) -> list, one entry per node.inputs: Variable, or None where nothing
                 flows. node is the graph Apply (node.inputs, node.outputs, node.attrs); None here: not
                 differentiable (zero)
    c            SCALAR: the C expression by dtype class, or c(dtypes, attrs) -> expression (ops/declare.py);
                 None: codegen has it
    emitter      LIBRARY, STRUCT, HOST: the function of codegen that writes it; "": the one of the op's name
    fold         REDUCE: the Fold that it is
    matrices     LIBRARY, with the emitter "matrices": the Matrices that it is
    sizes        how many trailing graph inputs are sizes (int64 scalars); in the IR they are Instr.sizes, not
                 operands. An int, or callable(attrs) -> int; -k: all but the first k (so inputs[:-sizes] are
                 the arrays either way)
    commutative  operands may be swapped (CSE orders them)
    effect       what it does besides giving its results (core/effect.py): passes that drop, merge or move
                 applications ask it
    mask         how a choice's mask passes back (graph/adjoint.py): "each", element by element (SCALAR);
                 "moved": grad only moves and repeats elements of the adjoint, so it moves the mask too;
                 "added": it adds them up as well; "whole": it is not linear in the adjoint; a function (node,
                 mask) -> for each input its Lanes; None: nothing is known of it. All but the first two are
                 given the masked adjoint
    slopes       which partials are finite whatever the operands hold: "constant", they are constants;
                 "others", each is made of the other operands alone; None, none is
    flows        the inputs that a gradient may flow to: a tuple of positions, or how many of the first ones;
                 None: all that are no sizes
    chooses      the first input only decides which of the others counts: no gradient flows to it
    partial      grad takes None for the adjoint of a result that nothing reads, instead of zeros
    reaches      reaches(node, wanted, conditions) -> positions of the inputs from which a gradient flows to
                 the results ``wanted`` (a bool each); None: what ``flows`` says
    rule         SCALAR: rule(dtypes) -> (operand dtypes, result dtype), on strong dtypes
    arity        SCALAR: how many operands it takes

    How it is computed, and tested:

    cost         FREE, CHEAP, PLAIN or HEAVY; what is FREE or CHEAP is rather computed again than kept
    ulps         SCALAR: how many units in the last place its C may be off the true result of floats; 0: it
                 gives NumPy's bits
    cancels      its result may be near 0 where no operand is: ``ulps`` counts in digits of the operands
    either_zero  whether it gives 0.0 or -0.0 of operands that are zeros of both signs is open, as in NumPy
    domain       SCALAR: (low, high) between which its operands are drawn where its slope must be tame
    samples      attrs to test it with
    doc          one line for ``tgen ops``

    What its operands must be:

    equal        equal(types, attrs, sizes) -> pairs of sizes that must be equal, beside what infer merges;
                 lower unifies them
    lengths      its sizes are lengths as the user gives them: none may be negative
    indexes      from this operand on, operands are places along the axes ``axis``, axis + 1, .. of the first;
                 0: none is
    naturals     {operand: words of the ValueError}: where these hold signed integers, none may be negative
    nonempty     REDUCE: over an axis of size 0 it has no value
    refuses      words for what its C refuses by its operands' elements; "" for nothing
    error        the error of what it refuses, by name (errors.DEMANDED)

    What is known of its results:

    moves        its result is elements of its first operand, moved or repeated: log passes below it
    identity     its result is its operand; only its gradient, or what the type says, is another
    behind       behind(node, axis) -> (operand, axis of it) that has the size of the result's axis, or None:
                 an error names it (graph/describe.py)
    positions    its elements are places along the axis ``axis`` (0) of the result itself
    on_sizes     on_sizes(*sizes) -> the size expression that the result of operands with these is
    found        how many sizes of its results are found when it runs; lower names them in attrs["found"]
    growth       growth(*what is known of each operand's log) -> what is known of the result's
                 (core/rules.py); None: nothing
    nonnegative  nonnegative(rewriter, instr, known) -> whether no element of the result is below 0 or -0.0;
                 known(v) says so of an operand; None: nothing is known

    How it is treated:

    through      ops that it may meet below what only moves elements: rewrites of op(moves(x)) are those of
                 op(x); None: it is not looked for below
    view         VIEW: view(instr, axes) -> where the elements of the result are in the operand: an Axis
                 (core/maps.py) for each axis of the operand, made of ``axes``, the result's own; None: the
                 result is made
    needs        needs(instr, part) -> of which Section of each operand that Section of the result is made, a
                 list; None, or no function: that cannot be said
    expand       expand(builder, instr, *operands) -> the result, of simpler instructions: what C has instead
    inlined      its elements are made where they are read, never in memory of their own
    batch        batch(rows, instr) -> the result for many values of the operands, stacked along a leading
                 axis, as one value with that axis; None: it cannot be. ``rows.rowed`` has the operands with
                 the axis, ``rows.fixed`` those that are the same throughout, ``rows.count`` is its length,
                 and ``rows.emit(name, operands, attrs, sizes)`` makes an application. Steps of a loop use it
                 (passes/rows.py), and rows of a Jacobian (tensor/jacobian.py)
    in_place     its C may write the first result over the first operand
    lower        lower(lowering, node, Site) puts what the IR has instead of it; None: the op itself
    params       REGION: params(types, attrs) -> the types of each block's parameters, a tuple per block
    values       REGION: values(node, arrays) -> the results on arrays, for test values
    again        again(node, inputs) -> the Apply on inputs of other types; None: infer says its results
    python       HOST: the Python of this application (ops/host.py, Python); the op is a record of its own
    """

    name: str
    kind: str
    infer: Infer
    eval: Eval
    grad: Grad | None = None
    c: Mapping[str, str] | CText | None = None
    emitter: str = ""
    fold: Fold | None = None
    matrices: Matrices | None = None
    sizes: int | Callable[[Attrs], int] = 0
    commutative: bool = False
    effect: Effect = PURE
    mask: Mask = None
    slopes: Literal["constant", "others"] | None = None
    flows: tuple[int, ...] | int | None = None
    chooses: bool = False
    partial: bool = False
    reaches: Reaches | None = None
    rule: DtypeRule | None = None
    arity: int | None = None
    cost: int = PLAIN
    ulps: int = 0
    cancels: bool = False
    either_zero: bool = False
    domain: tuple[float, float] = (-2.0, 2.0)
    equal: Callable[..., Sequence[tuple[Any, Any]]] | None = None
    lengths: bool = False
    indexes: int = 0
    naturals: dict[int, str] = field(default_factory=dict)
    nonempty: bool = False
    refuses: str = ""
    error: str = "ValueError"
    moves: bool = False
    identity: bool = False
    behind: Behind | None = None
    positions: bool = False
    on_sizes: Callable[..., Any] | None = None
    found: int = 0
    growth: Callable[..., int] | None = None
    nonnegative: Callable[..., bool] | None = None
    through: Collection[str] | None = None
    view: View | None = None
    needs: Needs | None = None
    expand: Callable[Concatenate[Any, Any, ...], Any] | None = None
    inlined: bool = False
    batch: Batch | None = None
    in_place: bool = False
    lower: Callable[[Any, Apply, Any], None] | None = None
    params: Params | None = None
    values: Values | None = None
    again: Again | None = None
    python: Any = None
    samples: tuple[Attrs, ...] = ()
    doc: str = ""

    def demand(self, arrays: Sequence[np.ndarray | None]) -> None:
        """ValueError where an operand holds a negative number that may not; None stands for one not known."""
        for k, words in self.naturals.items():
            array = arrays[k]
            if array is not None and array.dtype.kind == "i" and (array < 0).any():
                raise ValueError(words)

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return lookup, (self.name,)


class LoopOp(Op):
    """The op of one loop: the primitive, with the ``inputs`` and ``outputs`` of its body for code that walks
    a graph. Made by ``of_loop``.
    """

    body: ClassVar[Any]  # of each object, not a parameter

    @property
    def inputs(self) -> list[Any]:
        return list(self.body.params)

    @property
    def outputs(self) -> list[Any]:
        return list(self.body.outputs)


def of_loop(op: Op, body: Any) -> LoopOp:
    """A primitive as the op of an application with ``body``."""
    twin = object.__new__(LoopOp)
    twin.__dict__.update(vars(OPS[op.name]), body=body)
    return twin


OPS: dict[str, Op] = {}  # name -> Op, filled by tgen.ops
# name -> function(variable, ...), filled by tgen.tensor: what a Variable's operators and methods call
METHODS: dict[str, Function] = {}


def register(op: Op) -> Op:
    if op.name in OPS:
        raise ValueError(f"op {op.name} is declared twice")
    OPS[op.name] = op
    return op


def lookup(name: str) -> Op:
    return OPS[name]
