"""Value, Instr, Block, Function. All immutable; a pass builds new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from tgen.core import dims
from tgen.core.op import Op
from tgen.core.values import Line

from .frame import Layout
from .origin import RUNNING, Origin, made_of

if TYPE_CHECKING:
    from tgen.core.dims import Extent, Sym
    from tgen.core.op import Attrs
    from tgen.core.types import TensorType

Where: TypeAlias = frozenset[Line]  # lines of the user's program
INPUT, SHARED, CONST = "input", "shared", "const"


class Value:
    """One SSA value; equal only to itself. ``type.shape`` holds ints and Size expressions."""

    __slots__ = ("type",)

    def __init__(self, type: TensorType) -> None:
        self.type = type

    def __repr__(self) -> str:
        return f"<{self.type.text()}>"


@dataclass(frozen=True, eq=False, init=False)
class Instr:
    """``results = op operands <sizes> {attrs} blocks``; ``where`` is the set of user lines (file, line) it
    came from, ``origin`` says which pass made it of what.

    ``attrs`` holds literals only (bool, int, float, str, None and tuples of these), but for a kernel's
    ``maps`` and for ``found``: the size symbols that this instruction defines when it runs (nonzero, sizeof).
    """

    op: Op
    operands: tuple[Value, ...] = ()
    results: tuple[Value, ...] = ()
    attrs: Attrs = field(default_factory=dict)
    sizes: tuple[Extent, ...] = ()
    blocks: tuple[Block, ...] = ()
    where: Where = frozenset()
    origin: Origin | None = None

    def __init__(
        self,
        op: Op,
        operands: tuple[Value, ...] = (),
        results: tuple[Value, ...] = (),
        attrs: Attrs | None = None,
        sizes: tuple[Extent, ...] = (),
        blocks: tuple[Block, ...] = (),
        where: Where = frozenset(),
        origin: Origin | None = None,
    ) -> None:
        # a third of the time of a frozen dataclass's own: the passes make a million of these
        vars(self).update(
            op=op,
            operands=operands,
            results=results,
            attrs={} if attrs is None else attrs,
            sizes=sizes,
            blocks=blocks,
            where=where,
            origin=RUNNING.get() if origin is None else origin,
        )

    @property
    def result(self) -> Value:
        return self.results[0]

    @property
    def found(self) -> tuple[Sym, ...]:
        return self.attrs.get("found", ())

    def with_(self, **changes: Any) -> Instr:
        """A copy with some fields changed. With other operands or blocks it is the same instruction; one that
        computes something else, or again, has been made by who asks for it.
        """
        copy = object.__new__(Instr)
        vars(copy).update(vars(self), **changes)
        other = "attrs" in changes or "results" in changes or "sizes" in changes or "op" in changes
        if other and RUNNING.get() is not None:
            vars(copy)["origin"] = made_of((self,))
        return copy


@dataclass(frozen=True, eq=False)
class Block:
    params: tuple[Value, ...]
    instrs: tuple[Instr, ...]
    results: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Param:
    """What a parameter of a function is: kind INPUT, SHARED or CONST and its number among its kind.

    ``symbol`` is the size symbol that stands for the value of a rank-0 integer input (``a0``), or None. The
    first axis whose size is a bare symbol defines it; at every other axis the size in the type is required,
    and ``sites[axis]`` is the error site.
    """

    kind: str
    number: int
    symbol: Sym | None = None
    sites: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Function:
    """``block.params[k]`` is described by ``params[k]``; ``block.results`` are the outputs, then one new
    value for each SHARED number in ``updates``. ``constants`` are the arrays of the CONST parameters.
    ``layout``: where parameters and outputs stand in the frame of a call; what only the interpreter runs
    needs none.
    """

    params: tuple[Param, ...]
    block: Block
    outputs: int
    updates: tuple[int, ...] = ()
    constants: tuple[Any, ...] = ()
    layout: Layout | None = None

    def with_block(self, block: Block) -> Function:
        return replace(self, block=block)


def fresh_like(value: Value) -> Value:
    return Value(value.type)


def substitute_type(type: TensorType, table: Mapping[Sym, Extent]) -> TensorType:
    return type.with_shape(tuple(dims.substitute(s, table) for s in type.shape))
