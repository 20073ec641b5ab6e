"""Checks that stand before an instruction, and the words their errors use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.dtypes import DTYPE, is_unsigned
from tgen.core.op import OPS, SCALAR
from tgen.core.types import TensorType
from tgen.graph.describe import axis_source, source
from tgen.graph.nodes import Constant
from tgen.ir.nodes import Instr

from .sizes import Site, Sizes

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import Attrs, Op
    from tgen.graph.nodes import Apply, Variable

    from .regions import BlockDraft


@dataclass
class Pending:
    """An instruction to come: ``targets`` are the graph variables it makes, ``bodies`` what its blocks are
    made of (BlockDraft).
    """

    targets: tuple[Any, ...]
    op: Op
    operands: tuple[Any, ...]
    attrs: Attrs
    sizes: tuple[Extent, ...]
    node: Apply | None
    bodies: tuple[BlockDraft, ...] = ()


class Guards(Sizes):
    """The part of a Lowering that checks. ``labels`` are the texts of parameters."""

    # what the Lowering has
    sizes: dict[Any, Extent]
    split: Callable[[Apply], tuple[list[Any], tuple[Extent, ...]]]
    size_of: Callable[[Variable, Apply], Extent]
    put: Callable[..., None]

    def __init__(self) -> None:
        super().__init__()
        self.types, self.labels = {}, {}
        # what describe.py found for a variable, and for an axis of one
        self.sources, self.axis_sources = {}, {}

    def describe(
        self, arrays: list[Variable], types: list[TensorType], x: Extent, y: Extent
    ) -> tuple[str, str]:
        """Texts of the two axes that hold sizes x and y: ``x.shape[1]``."""

        def text(size: Extent, skip: tuple[Variable, int] | None) -> tuple[str, tuple[Variable, int] | None]:
            for v, type in zip(arrays, types):
                for axis, s in enumerate(type.shape):
                    if s == size and (v, axis) != skip:
                        return self.axis_text(v, axis), (v, axis)
            if isinstance(size, int):
                return "the size wanted", None
            names = {str(symbol): self.origin.get(symbol) or str(symbol) for symbol in dims.symbols(size)}
            return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), str(size)), None

        first, place = text(x, None)
        return first, text(y, place)[0]

    def axis_text(self, v: Variable, axis: int) -> str:
        v, axis = axis_source(v, axis, self.axis_sources)
        text = self.text(v)
        return f"({text}).shape[{axis}]" if text.startswith("a ") else f"{text}.shape[{axis}]"

    def text(self, v: Variable) -> str:
        v = source(v, self.sources)
        if v.name is None and v.owner is not None and v.owner.primitive.name == "slice":
            return f"{self.text_of(source(v.owner.inputs[0], self.sources))}[...]"
        return self.text_of(v)

    def text_of(self, v: Variable) -> str:
        return self.labels.get(v, str(v))

    def holder_text(self, v: Variable) -> str:
        """What an error says that a wrong element is in: v as the user wrote it, or what it was made of."""
        while (
            not self.is_named(v) and v.owner is not None and v.owner.primitive.name in ("cast", "dimshuffle")
        ):
            v = v.owner.inputs[0]
        if self.is_named(v) or v.owner is not None and v.owner.primitive.name == "slice":
            return self.text(v)
        origin = source(v, self.sources)
        if not self.is_named(origin):
            return "a value"
        of = self.text_of(origin)
        return of if of.startswith("a value") else f"a value made of {of}"

    def text_in_a_step(self, v: Variable, role: str | None) -> str:
        """What an error calls a parameter of a scan's body without a name: ``role`` is "state" or "sequence"
        where it differs from step to step; v is what the scan has for it.
        """
        if role is None:
            return self.holder_text(v)
        return f"{self.text_of(v)}[t]" if role == "sequence" and self.is_named(v) else f"a {role} of the scan"

    def is_named(self, v: Variable) -> bool:
        return v.name is not None or v in self.labels

    def guards(self, node: Apply, arrays: list[Any], attrs: Attrs, site: Site) -> None:
        """Checks that go before the instruction: sizes of elementwise operands, index ranges, empty
        reductions.
        """
        op, name = node.primitive, node.primitive.name
        if op.kind == SCALAR and len(arrays) > 1:
            self.unify_elementwise(arrays, site)
        elif op.indexes:
            for k, index in enumerate(arrays[op.indexes :]):
                axis = attrs["axis"] + k
                self.check_index(index, self.canon(self.types[arrays[0]].shape[axis]), axis, arrays[0], node)
        elif op.nonempty:
            for axis in attrs["axes"]:
                size = self.canon(self.types[arrays[0]].shape[axis])
                if not isinstance(size, int):
                    self.add_check(
                        "check_nonempty",
                        (),
                        {"axis": axis},
                        (size,),
                        Site("empty", name, node.where, (self.text(arrays[0]),)),
                        node,
                    )
        elif op.lengths:
            self.check_lengths(self.split(node)[1], node)
        if op.equal is not None:
            types = [self.canon_type(self.types[v]) for v in arrays]
            for pair in op.equal(types, attrs, self.split(node)[1]):
                self.unify(*pair, replace(site, about=self.describe(arrays, types, *pair)))
        if op.refuses:
            attrs["site"] = self.add_site(Site(op.error, name, node.where, (op.refuses,)), late=True)
        if name == "reshape":
            type = self.canon_type(self.types[arrays[0]])
            whole = dims.product(type.shape)
            wanted = dims.product(self.split(node)[1])
            self.unify(
                whole,
                wanted,
                replace(site, about=(f"the size of {self.text(arrays[0])}", "the new shape's size")),
            )
        if name == "rebroadcast":
            for axis in attrs["axes"]:
                self.unify(
                    self.types[arrays[0]].shape[axis],
                    1,
                    replace(site, about=(self.axis_text(arrays[0], axis), "the declared size")),
                )

    def check_lengths(self, sizes: tuple[Extent, ...], node: Apply) -> None:
        for size in sizes:
            if not dims.nonnegative(size):
                self.add_check(
                    "check_length", (), {}, (size,), Site("length", node.primitive.name, node.where), node
                )

    def unify_elementwise(self, arrays: list[Variable], site: Site) -> None:
        """Only an axis that is 1 in the graph's type broadcasts; all others of one position must be equal."""
        for axis in range(arrays[0].type.ndim):
            same = [v for v in arrays if v.type.shape[axis] != 1]
            for other in same[1:]:
                x, y = self.canon(self.types[same[0]].shape[axis]), self.canon(self.types[other].shape[axis])
                if x != y:  # the texts cost a walk each
                    self.unify(
                        x,
                        y,
                        replace(site, about=(self.axis_text(same[0], axis), self.axis_text(other, axis))),
                    )

    def check_index(self, index: Variable, size: Extent, axis: int, array: Variable, node: Apply) -> None:
        if self.is_in_range(index, size):
            return
        self.add_check(
            "check_index",
            (index,),
            {"axis": axis},
            (size,),
            Site("index", node.primitive.name, node.where, (self.text(array), self.text(index))),
            node,
        )

    def is_in_range(self, v: Variable, size: Extent) -> bool:
        """Whether v is a number within the size, arange(size), positions in an axis of this size, or checked
        before (within), seen through views: its values cannot be out of range.
        """
        if isinstance(v, Constant):
            return all(
                dims.nonnegative(dims.add(size, int(n)) if n < 0 else dims.sub(size, int(n) + 1))
                for n in v.data.ravel()
            )
        while v.owner is not None and (v.owner.primitive.view or v.owner.primitive.name == "within"):
            if v.owner.primitive.name == "within" and self.size_of(v.owner.inputs[1], v.owner) == size:
                return True
            v = v.owner.inputs[0]
        if v.owner is None or not v.owner.primitive.positions:
            return False
        return self.canon(self.types[v].shape[v.owner.attrs.get("axis", 0)]) == size

    def places_in(self, node: Apply, arrays: list[Variable], attrs: Attrs) -> list[Variable]:
        """The operands of a gather. The last element's place is -1 however it was written (n - 1, x.shape[0]
        - 1): passes see which one is read.
        """
        x, index = arrays[:2]
        if (
            attrs["count"] > 1
            or index not in self.sizes
            or isinstance(index, Constant)
            or is_unsigned(index.type.dtype)
        ):
            return arrays
        if dims.sub(self.canon(self.sizes[index]), self.canon(self.types[x].shape[attrs["axis"]])) != -1:
            return arrays
        last: Any = object()
        self.types[last] = TensorType(index.type.dtype, ())
        self.put((last,), "constant", (), {"value": (-1,)}, (), node)
        return [x, last]

    def demand_nonnegative(self, node: Apply, arrays: list[Any]) -> None:
        """A check that operands which must not be negative are not; an empty result needs none."""
        shape = self.canon_type(self.types[node.outputs[0]]).shape
        for k, words in node.primitive.naturals.items():
            v, x = node.inputs[k], arrays[k]
            if DTYPE[v.type.dtype].kind != "i" or self.is_nonnegative(v):
                continue
            zero = self.compute(node, "constant", type=TensorType(v.type.dtype), value=(0,))
            if v.type.ndim:
                zero = self.compute(node, "dimshuffle", (zero,), order=("x",) * v.type.ndim)
            holds = self.compute(node, "ge", (x, zero))
            if v.type.ndim:
                holds = self.compute(node, "all", (holds,), axes=tuple(range(v.type.ndim)))
            if shape != self.canon_type(self.types[x]).shape and dims.product(shape) != 0:
                count = self.compute(node, "size", sizes=(dims.product(shape),))
                none = self.compute(node, "constant", type=TensorType("int64"), value=(0,))
                holds = self.compute(node, "or_", (holds, self.compute(node, "eq", (count, none))))
            about = f"{words} ({self.holder_text(v)} holds a negative number)"
            site = Site("ValueError", node.primitive.name, node.where, (about,))
            self.add_check("assert", (holds,), {"error": "ValueError", "message": words}, (), site, node)

    def is_nonnegative(self, v: Variable) -> bool:
        """Whether no element of v can be negative: a constant, a size, arange."""
        while v.owner is not None and v.owner.primitive.view:
            v = v.owner.inputs[0]
        if isinstance(v, Constant):
            return bool((v.data >= 0).all())
        if v in self.sizes:
            return dims.nonnegative(self.canon(self.sizes[v]))
        return v.owner is not None and (v.owner.primitive.positions or v.owner.primitive.name == "shape_i")

    def compute(
        self,
        node: Apply,
        name: str,
        operands: tuple[Variable, ...] = (),
        sizes: tuple[Extent, ...] = (),
        type: TensorType | None = None,
        **attrs: Any,
    ) -> Any:
        """A value of ``node``'s own: the one result of an instruction before it."""
        made, op = object(), OPS[name]
        types = [self.canon_type(self.types[v]) for v in operands]
        self.types[made] = type or op.infer(types, attrs, sizes)[0]
        self.put((made,), op, operands, attrs, sizes, node)
        return made

    def add_check(
        self,
        name: str,
        operands: tuple[Variable, ...],
        attrs: Attrs,
        sizes: tuple[Extent, ...],
        site: Site,
        node: Apply,
    ) -> None:
        at_entry = (
            not operands
            and not self.region.lazy
            and not any(dims.found_inside(dims.symbols(s)) for s in sizes)
        )
        attrs = dict(attrs, site=self.add_site(site, not at_entry))
        if at_entry:
            self.checks.append(
                Instr(OPS[name], (), (), attrs, sizes, (), frozenset([node.where] if node.where else ()))
            )
        else:
            self.region.pending.append(Pending((), OPS[name], operands, attrs, sizes, node))
