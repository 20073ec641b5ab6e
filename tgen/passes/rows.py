"""What a loop's body computes of single rows, computed of all rows at once, outside of the loop, as the op
says (Op.batch).

    in the body        over all steps
    z = tanh x         Z = tanh X
    y = dot x, w       Y = dot X, w        of matrices: their rows under one another

A value is *rowed* (it has a leading axis of the steps) or *fixed* (the same at every step). The rules are
those by which rows of a Jacobian are computed at once (tensor/jacobian.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.op import FREE
from tgen.ir.builder import Builder

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import Attrs
    from tgen.ir.nodes import Instr, Value


class Rows:
    """Values of a body over ``count`` steps, made of the loop ``of``. ``rowed`` and ``fixed`` map values of
    the body to values outside.
    """

    def __init__(self, count: Extent, of: Instr) -> None:
        self.count, self.builder = count, Builder(of)
        self.rowed, self.fixed = {}, {}

    def emit(
        self,
        name: str,
        operands: tuple[Value, ...] = (),
        attrs: Attrs | None = None,
        sizes: tuple[Extent, ...] = (),
    ) -> Value:
        return self.builder.emit(name, operands, attrs, sizes)

    def mark(self) -> tuple[int, int, int]:
        """What ``undo`` goes back to."""
        return len(self.builder.instrs), len(self.rowed), len(self.fixed)

    def undo(self, mark: tuple[int, int, int]) -> None:
        """Forget what was made since ``mark``, the instructions and which values they stand for."""
        instrs, rowed, fixed = mark
        del self.builder.instrs[instrs:]
        for table, count in ((self.rowed, rowed), (self.fixed, fixed)):
            while len(table) > count:
                table.popitem()

    def has(self, v: Value) -> bool:
        return v in self.rowed or v in self.fixed

    def lifted(self, v: Value, rank: int) -> Value:
        """A value with the axis of the steps: a fixed one has it as a static 1."""
        if v in self.rowed:
            return self.rowed[v]
        return self.emit("dimshuffle", (self.fixed[v],), {"order": ("x", *range(rank))})

    def add(self, i: Instr) -> bool:
        """The results of an instruction outside, its operands known; whether there is a rule for it."""
        if all(v in self.fixed for v in i.operands):
            return self.copy(i)
        made = i.op.batch and i.op.batch(self, i)
        if made is None:
            return False
        self.rowed[i.result] = made
        return True

    def copy(self, i: Instr) -> bool:
        if not (i.op.batch or i.op.view or i.op.cost == FREE):
            return False
        if i.op.name == "constant":
            value = self.builder.emit("constant", (), i.attrs, result=type(i.result)(i.result.type))
        else:
            value = self.emit(i.op.name, tuple(self.fixed[v] for v in i.operands), i.attrs, i.sizes)
        self.fixed[i.result] = value
        return True

    def whole(self, v: Value) -> Value | None:
        """None: what steps write, or put together, stays in the loop, where it lies once in memory."""
        return None

    # -- products
    def dot(self, i: Instr) -> Value | None:
        """A product with a fixed matrix or vector: one product of all rows."""
        x, y = i.operands
        if y in self.fixed:
            return self.of_rows(x, self.fixed[y])
        if x in self.fixed and x.type.ndim == 2 and y.type.ndim == 1:
            return self.emit("dot", (self.rowed[y], self.turned(self.fixed[x])))
        if x in self.fixed and x.type.ndim == 1 and y.type.ndim == 1:
            return self.emit("dot", (self.rowed[y], self.fixed[x]))
        return None

    def batched_dot(self, i: Instr) -> Value | None:
        """None: it stays in the loop."""
        return None

    def turned(self, x: Value) -> Value:
        return self.emit("dimshuffle", (x,), {"order": (1, 0)})

    def of_rows(self, x: Value, w: Value) -> Value:
        rows = self.rowed[x]
        if x.type.ndim == 1:
            return self.emit("dot", (rows, w))
        made = self.emit("dot", (self.under(rows), w))
        shape = (self.count, x.type.shape[0], *w.type.shape[1:])
        return self.emit("reshape", (made,), {"ndim": len(shape)}, shape)

    def under(self, x: Value) -> Value:
        """[n, b, i] as [n*b, i]: the rows of all steps under one another; [n, b] as [n*b]."""
        shape = (dims.mul(x.type.shape[0], x.type.shape[1]), *x.type.shape[2:])
        return self.emit("reshape", (x,), {"ndim": len(shape)}, shape)

    def sum_of_product(self, i: Instr, made: dict[Value, Instr]) -> Value | None:
        """The sum over the steps of a product of two rowed values, as one product; None when it is no such
        product.
        """
        if i is None or i.op.name not in ("dot", "mul") or not all(v in self.rowed for v in i.operands):
            return None
        x, y = i.operands
        if i.op.name == "mul":
            return self.sum_of_outer(made.get(x), made.get(y))
        if x.type.ndim == 1:
            right = self.under(self.rowed[y]) if y.type.ndim == 2 else self.flat(self.rowed[y])
            return self.emit("dot", (self.flat(self.rowed[x]), right))
        turned = made.get(x)
        if (
            turned is not None
            and turned.op.name == "dimshuffle"
            and turned.attrs["order"] == (1, 0)
            and turned.operands[0].type.ndim == 2  # of more axes it drops some
            and turned.operands[0] in self.rowed
        ):
            left = self.turned(self.under(self.rowed[turned.operands[0]]))
        else:
            left = self.turned(self.under(self.emit("dimshuffle", (self.rowed[x],), {"order": (0, 2, 1)})))
        right = self.under(self.rowed[y]) if y.type.ndim == 2 else self.flat(self.rowed[y])
        return self.emit("dot", (left, right))

    def flat(self, x: Value) -> Value:
        return self.emit("reshape", (x,), {"ndim": 1}, (dims.mul(x.type.shape[0], x.type.shape[1]),))

    def sum_of_outer(self, left: Any, right: Any) -> Value | None:
        """Of a column times a row."""
        orders = [None if i is None or i.op.name != "dimshuffle" else i.attrs["order"] for i in (left, right)]
        if orders not in ([(0, "x"), ("x", 0)], [("x", 0), (0, "x")]) or any(
            i.operands[0] not in self.rowed for i in (left, right)
        ):
            return None
        if orders[0][0] == "x":
            left, right = right, left
        return self.emit("dot", (self.turned(self.rowed[left.operands[0]]), self.rowed[right.operands[0]]))
