"""Builder: appends instructions, inferring each result type from the op's own rule."""

from tgen.core.op import OPS

from .nodes import Instr, Value
from .origin import made_of


class Builder:
    """``b.emit("add", (x, y))`` appends an instruction, returns its result (of ``type``, or as inferred).

    ``of``: the instruction that others are made of.
    """

    def __init__(self, of=None):
        self.instrs, self.where = [], frozenset() if of is None else of.where
        self.origin = None if of is None else made_of((of,))

    def emit(self, name, operands=(), attrs=None, sizes=(), blocks=(), result=None, type=None):
        op, attrs = OPS[name], attrs or {}
        if result is None:
            result = Value(type or op.infer([v.type for v in operands], attrs, tuple(sizes))[0])
        self.instrs.append(
            Instr(op, tuple(operands), (result,), attrs, tuple(sizes), tuple(blocks), self.where, self.origin)
        )
        return result

    def scalar(self, value, type):
        """A rank-0 constant."""
        return self.emit("constant", (), {"value": (value,)}, result=Value(type.with_shape(())))
