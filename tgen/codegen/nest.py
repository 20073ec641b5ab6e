"""Loops as data: what the functions of a generated file do, before a printer lays them out in a language.

An expression is a value, a statement is something done; both are immutable and compare by what they are, so
nests alike are equal. A type is a dtype and whether it is a pointer. What a nest reads and writes, and which
functions it calls, is asked of the data (facts.py), never of a text.

    For(i, 0, n0, (Let(x0, Load(v0, i)), Set(Load(v1, i), Scalar(exp, x0))))

A value may be a pair: two numbers of one dtype, which are neighbours in memory, as the parts of a complex
number are. Its type is a word of PAIRS, ``float32x2``, wherever a dtype stands: of a variable, of what a
pointer points at (an index then counts pairs), of what a function takes and gives.

``Symbol`` is a size of the IR or a name that was given to one (sizes.py), ``Field`` a member of the call's
frame; in a part's function both are read once, into locals.

Of a kernel kernel.py makes a nest that says what is computed and no more: a ``Band`` of loops, one for each
axis of the domain, elements by their ``Subscript`` in an array, reductions as ``Begin``, ``Accumulate``,
``Close``. How these run is the schedule's (schedule/), and what is left then is plain loops, loads and
stores.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from tgen.core import dims
from tgen.core.dims import Atom, Extent
from tgen.core.dtypes import DTYPE
from tgen.core.op import Attrs, Op

# the types of pairs -> the dtype of their two numbers
PAIRS = {f"{name}x2": name for name in DTYPE}


# -- expressions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A literal of a dtype, with exactly the value's bits: 0.0 is not -0.0, a NaN is itself."""

    value: float  # or int, or bool
    dtype: str

    def __eq__(self, other: object) -> bool:
        return type(other) is Const and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> tuple[str, str]:
        return repr(self.value), self.dtype


@dataclass(frozen=True, slots=True)
class Int:
    """A number in the arithmetic of indices."""

    value: int


@dataclass(frozen=True, slots=True)
class Name:
    """A local variable, the variable of a loop, a parameter of the function, or a constant of the library.
    ``const``: what a pointer points at is only read; ``apart``: nothing else of the function is there. Its
    dtype may be the name of a C struct, too.
    """

    text: str
    dtype: str = "int64"
    pointer: bool = False
    const: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A member of the frame; ``count`` (C text) of an array in it."""

    name: str
    dtype: str
    pointer: bool = False
    const: bool = False
    count: str | None = None


@dataclass(frozen=True, slots=True)
class Symbol:
    """A size: a symbol of the IR, or the name of an expression over symbols."""

    name: str


@dataclass(frozen=True, slots=True)
class Host:
    """The table of functions that the caller gives (templates/abi.h.j2), read from the frame."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a member of the frame or a local variable is; a member then stays in the frame."""

    target: Target


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the C struct that ``x`` points at."""

    x: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Out:
    """An argument of a call, which writes where it points; where others point it only reads."""

    x: Expression


@dataclass(frozen=True, slots=True)
class Listed:
    """An array of ``values`` that a call or a statement reads."""

    dtype: str
    values: Expressions


@dataclass(frozen=True, slots=True)
class Braces:
    """The value of a C struct or of an array in one, member by member."""

    values: Expressions


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers of ``dtype`` as one value."""

    dtype: str
    x: Expression
    y: Expression


@dataclass(frozen=True, slots=True)
class Half:
    """The first (``number`` 0) or the second number (1) of the pair ``x``."""

    x: Expression
    number: int


@dataclass(frozen=True, slots=True)
class Load:
    """An element of what a pointer points at; the target of a Set, too."""

    pointer: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Un:
    """``op`` is - or !."""

    op: str
    x: Expression


@dataclass(frozen=True, slots=True)
class Bin:
    """``op`` is one of + - * / % < <= > >= == != & ^ | && ||."""

    op: str
    x: Expression
    y: Expression


@dataclass(frozen=True, slots=True)
class Cast:
    """``x`` as a number of ``dtype``, or as a ``pointer`` to such; it may be the name of a C type, too."""

    dtype: str
    x: Expression
    pointer: bool = False
    const: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    condition: Expression
    x: Expression
    y: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function of templates/lib or of the file's own."""

    function: str
    args: Expressions


@dataclass(frozen=True, slots=True)
class Ask:
    """A call of a function of the ``host``'s table."""

    host: Expression
    name: str
    args: Expressions


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar op of the IR on operands of ``dtypes``; its Op record has the text."""

    op: Op
    dtypes: tuple[str, ...]
    args: Expressions
    attrs: Attrs = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Subscript:
    """Where an element of an array of a ``shape`` (sizes of the IR) is, by an index for each axis;
    ``strides`` are expressions.
    """

    indices: Expressions
    shape: tuple[Extent, ...]
    strides: Expressions


@dataclass(frozen=True, slots=True)
class Gathered:
    """An index of a Subscript that an array of indices holds, along an axis of ``size``: a negative one
    counts from the end. It is what ``name`` is called.
    """

    name: Name
    index: Expression
    size: Expression


@dataclass(frozen=True, slots=True)
class Accumulator:
    """A reduction on its way: a sum, a max, ... of what is accumulated ``at`` a local variable or an element
    of memory. ``index``: where in the reduced axes an arg reduction is, which no other has; ``rounded``: the
    narrower dtype of its result, if it has one; ``paired``: its terms are added up in pairs of blocks.
    """

    kind: str
    dtype: str
    at: Name | Load
    index: Expression | None = None
    rounded: str | None = None
    paired: bool = False

    @property
    def variable(self) -> Name:
        """The local variable that it is. Raises TypeError for one in memory."""
        if isinstance(self.at, Name):
            return self.at
        raise TypeError(f"{self.at} is no variable")


Expression: TypeAlias = (
    Const
    | Int
    | Name
    | Field
    | Symbol
    | Host
    | Address
    | Member
    | Out
    | Listed
    | Braces
    | Pair
    | Half
    | Load
    | Un
    | Bin
    | Cast
    | Select
    | Call
    | Ask
    | Scalar
    | Subscript
    | Gathered
)
Expressions: TypeAlias = tuple[Expression, ...]
Target: TypeAlias = Name | Field | Symbol | Member | Load  # what has a value that can be set


# -- statements ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Band:
    """The loops over a kernel's domain, and what they are around: ``axes`` are their variables in the order
    of the domain, ``sizes`` its sizes (of the IR). Loops and branches in ``body`` that are no band's are its
    own.
    """

    axes: tuple[Name, ...]
    sizes: tuple[Extent, ...]
    body: Statements


@dataclass(frozen=True, slots=True)
class Begin:
    """An accumulator's start: nothing is accumulated yet."""

    of: Accumulator


@dataclass(frozen=True, slots=True)
class Accumulate:
    """``value`` joins what is accumulated; ``partial``: it is such a sum itself."""

    of: Accumulator
    value: Expression
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """All has been accumulated: from here on the result may be read."""

    of: Accumulator


@dataclass(frozen=True, slots=True)
class Let:
    """A variable with its value, which it keeps unless it is ``changed`` later."""

    name: Name
    value: Expression
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Local:
    """An array of ``count`` elements on the stack."""

    name: Name
    count: int


@dataclass(frozen=True, slots=True)
class Comment:
    """What the statements after it are for: a line of the IR."""

    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """Statements whose variables have names of their own."""

    body: Statements


@dataclass(frozen=True, slots=True)
class Return:
    """The end of the function, with a value or (None) without."""

    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """The end of the entry, by way of giving back what the call holds."""


@dataclass(frozen=True, slots=True)
class Set:
    """``op``: target op= value."""

    target: Target
    value: Expression
    op: str = ""


@dataclass(frozen=True, slots=True)
class Do:
    """A call (or what the host is asked) for what it does."""

    call: Call | Ask


@dataclass(frozen=True, slots=True)
class If:
    condition: Expression
    body: Statements
    other: Statements = ()


@dataclass(frozen=True, slots=True)
class For:
    """``var`` from ``low`` to below ``high``. ``simd``: its steps may run together, each of these (operator,
    Name) being a sum of its own kind, ``lanes`` at once if that is given; None: one after another.
    """

    var: Name
    low: Expression
    high: Expression
    body: Statements
    simd: tuple[tuple[str, Name], ...] | None = None
    step: int = 1
    lanes: int = 0


Statement: TypeAlias = (
    Band | Begin | Accumulate | Close | Let | Local | Comment | Block | Return | Leave | Set | Do | If | For
)
Statements: TypeAlias = tuple[Statement, ...]
Node: TypeAlias = Expression | Accumulator | Statement  # what a walk meets


@dataclass(frozen=True, slots=True)
class Nest:
    """What the function of a part does, and (an expression) how many pieces are dealt to parts."""

    body: Statements
    extent: Expression = Int(1)


# -- arithmetic of indices -----------------------------------------------------------------------------------

ZERO, ONE = Int(0), Int(1)


def product(x: Expression, y: Expression) -> Expression:
    """x * y, without what 0 and 1 need not say."""
    a = x.value if isinstance(x, Int) else None
    b = y.value if isinstance(y, Int) else None
    if a == 0 or b == 0:
        return ZERO
    if a == 1 or b == 1:
        return y if a == 1 else x
    return Bin("*", x, y)


def total(terms: Iterable[Expression]) -> Expression:
    """The sum of ``terms``, zeros left out."""
    result: Expression | None = None
    for term in terms:
        if isinstance(term, Int) and term.value == 0:
            continue
        result = term if result is None else Bin("+", result, term)
    return ZERO if result is None else result


def shifted(pointer: Expression, offset: Expression) -> Expression:
    """A pointer to what stands ``offset`` elements further, its terms added one after another."""
    if offset == ZERO:
        return pointer
    if isinstance(offset, Bin) and offset.op == "+":  # as deep as an array has axes
        return Bin("+", shifted(pointer, offset.x), offset.y)
    return Bin("+", pointer, offset)


# -- walks and changes ---------------------------------------------------------------------------------------


# what an expression or a statement is made of, in the order of the text; a part may be a tuple, or None
PARTS: dict[type, tuple[str, ...]] = {
    Address: ("target",),
    Member: ("x",),
    Out: ("x",),
    Listed: ("values",),
    Braces: ("values",),
    Pair: ("x", "y"),
    Half: ("x",),
    Load: ("pointer", "index"),
    Un: ("x",),
    Bin: ("x", "y"),
    Cast: ("x",),
    Select: ("condition", "x", "y"),
    Call: ("args",),
    Ask: ("host", "args"),
    Scalar: ("args",),
    Subscript: ("indices", "strides"),
    Gathered: ("name", "index", "size"),
    Accumulator: ("at", "index"),
    Band: ("axes", "body"),
    Begin: ("of",),
    Accumulate: ("of", "value"),
    Close: ("of",),
    Let: ("name", "value"),
    Local: ("name",),
    Set: ("target", "value"),
    Do: ("call",),
    Block: ("body",),
    Return: ("value",),
    If: ("condition", "body", "other"),
    For: ("var", "low", "high", "body"),
}


# the same from the last to the first, which is how a stack wants them
BACKWARD = {kind: names[::-1] for kind, names in PARTS.items()}


def walk(nodes: Sequence[Node]) -> list[Node]:
    """Every statement and expression, in the order of the text."""
    stack = list(reversed(nodes))
    order: list[Node] = []
    pop, push, extend, parts = stack.pop, stack.append, stack.extend, BACKWARD.get  # half a build is here
    found = order.append
    while stack:
        node = pop()
        found(node)
        for name in parts(type(node), ()):
            part = getattr(node, name)
            if type(part) is tuple:
                extend(part[::-1])
            elif part is not None:
                push(part)
    return order


# what an expression or a statement is beside its parts, and of how many these are where that is not always
# so; of names and loops ``identity`` says it
OWN: dict[type, Callable[[Any], object]] = {
    Const: lambda c: c.key(),
    Int: attrgetter("value"),
    Field: attrgetter("name", "dtype", "pointer", "count"),
    Symbol: attrgetter("name"),
    Member: attrgetter("name"),
    Listed: lambda a: (a.dtype, len(a.values)),
    Braces: lambda b: len(b.values),
    Pair: attrgetter("dtype"),
    Half: attrgetter("number"),
    Un: attrgetter("op"),
    Bin: attrgetter("op"),
    Cast: attrgetter("dtype", "pointer"),
    Call: lambda c: (c.function, len(c.args)),
    Ask: lambda c: (c.name, len(c.args)),
    Scalar: lambda c: (c.op.name, c.dtypes, tuple(c.attrs.items()), len(c.args)),
    Subscript: attrgetter("shape"),
    Accumulator: attrgetter("kind", "dtype", "rounded", "paired"),
    Band: lambda b: (b.sizes, len(b.body)),
    Accumulate: attrgetter("partial"),
    Let: attrgetter("changed"),
    Local: attrgetter("count"),
    Comment: attrgetter("text"),
    Block: lambda b: len(b.body),
    Set: attrgetter("op"),
    If: lambda c: (len(c.body), len(c.other)),
}


def identity(
    order: Iterable[Node], names: Mapping[tuple[type, str], Name] | None = None
) -> tuple[object, ...]:
    """What the statements and expressions of a ``walk`` do: the same for nests alike, be what they only read
    const or not. ``names``: {(Field or Symbol, its name): the Name that stands for it}. A variable that is
    made here is its place among those; all other names (parameters, constants, functions) are what they say.
    """
    found: list[object] = []
    names, places = names or {}, {}
    node: Any  # by its kind, which is asked for once
    for node in order:
        kind = type(node)
        if kind is Field or kind is Symbol:
            node = names.get((kind, node.name), node)
            kind = type(node)
        if kind is Name:
            found.append((kind, places.get(node.text, node.text), node.dtype, node.pointer))
            continue
        if kind is Let or kind is Local:
            places.setdefault(node.name.text, len(places))
        elif kind is For:
            places.setdefault(node.var.text, len(places))
            simd = node.simd and tuple((op, places.get(name.text, name.text)) for op, name in node.simd)
            found.append((kind, simd, node.simd is None, node.step, node.lanes, len(node.body)))
            continue
        about = OWN.get(kind)
        found.append((kind, about(node) if about else None))
    return tuple(found)


N = TypeVar("N", bound=Node)
Change: TypeAlias = Callable[[Any], Any]  # a node -> one that may stand in its place, or None


def changed(nodes: tuple[N, ...], change: Change, inner: Container[type] = ()) -> tuple[N, ...]:
    """``nodes`` with the leaves, and the nodes of the types ``inner``, for which ``change(node)`` is not None
    replaced by that; as deep as they are nested.
    """
    made = tuple([_changed(node, change, inner) for node in nodes])
    return made if any([new is not old for new, old in zip(made, nodes)]) else nodes


def _changed(node: Any, change: Change, inner: Container[type]) -> Any:  # a node, or None where none is
    names = PARTS.get(type(node))
    if names is None or type(node) in inner:
        new = change(node)
        if new is not None or names is None:
            return node if new is None else new
    updates = {}
    for name in names:
        part = getattr(node, name)
        made = changed(part, change, inner) if type(part) is tuple else _changed(part, change, inner)
        if made is not part:
            updates[name] = made
    return rebuilt(node, updates) if updates else node


# the fields of each kind of node, in their order
FIELDS: dict[type, tuple[str, ...]] = {kind: tuple(f.name for f in fields(kind)) for kind in PARTS}


def rebuilt(node: N, updates: Mapping[str, Any]) -> N:
    """The node with other values of some fields: dataclasses.replace, without asking what it is given."""
    kind = type(node)
    return kind(*[updates[f] if f in updates else getattr(node, f) for f in FIELDS[kind]])


# -- sizes ---------------------------------------------------------------------------------------------------


Namer: TypeAlias = Callable[[Extent], str | None]  # a size -> its Symbol's name, if it has one


def unnamed(size: Extent) -> str | None:
    """No size has a name."""
    return None


def of_size(size: Extent, name: Namer = unnamed) -> Expression:
    """A size of the IR as an expression."""
    if isinstance(size, int):
        return Int(size)
    known = name(size)
    if known is not None:
        return Symbol(known)
    (atom, count), *more = size.terms
    result = _times(count, atom, name)
    if count < 0:
        result = Un("-", result)
    for atom, count in more:
        result = Bin("-" if count < 0 else "+", result, _times(count, atom, name))
    if size.const:
        result = Bin("-" if size.const < 0 else "+", result, Int(abs(size.const)))
    return result


def _times(count: int, atom: Atom, name: Namer) -> Expression:
    """So many times an atom, but for the sign."""
    term = _of_atom(atom, name)
    return term if abs(count) == 1 else Bin("*", Int(abs(count)), term)


def _of_atom(atom: Atom, name: Namer) -> Expression:  # as deep as a size is nested
    if isinstance(atom, dims.Sym):
        return Symbol(str(atom))
    known = name(dims.alone(atom))
    if known is not None:
        return Symbol(known)
    args = [of_size(a, name) for a in atom.args]
    if atom.name != "mul":
        return Call(f"tgen_size_{atom.name}", tuple(args))
    result = args[0]
    for x in args[1:]:
        result = Bin("*", result, x)
    return result
