"""Builder: appends instructions, inferring each result type from the op's own rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tgen.core.op import OPS

from .nodes import Instr, Value
from .origin import made_of

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import Attrs
    from tgen.core.types import TensorType

    from .nodes import Block, Where


class Builder:
    """``b.emit("add", (x, y))`` appends an instruction, returns its result (of ``type``, or as inferred).

    ``of``: the instruction that others are made of.
    """

    def __init__(self, of: Instr | None = None) -> None:
        self.instrs: list[Instr] = []
        self.where: Where = frozenset() if of is None else of.where
        self.origin = None if of is None else made_of((of,))

    def emit(
        self,
        name: str,
        operands: Sequence[Value] = (),
        attrs: Attrs | None = None,
        sizes: Iterable[Extent] = (),
        blocks: Iterable[Block] = (),
        result: Value | None = None,
        type: TensorType | None = None,
    ) -> Value:
        op, attrs = OPS[name], attrs or {}
        if result is None:
            result = Value(type or op.infer([v.type for v in operands], attrs, tuple(sizes))[0])
        self.instrs.append(
            Instr(op, tuple(operands), (result,), attrs, tuple(sizes), tuple(blocks), self.where, self.origin)
        )
        return result

    def scalar(self, value: Any, type: TensorType) -> Value:
        """A rank-0 constant."""
        return self.emit("constant", (), {"value": (value,)}, result=Value(type.with_shape(())))
