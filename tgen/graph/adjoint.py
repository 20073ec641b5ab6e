"""Adjoints on their way back through a choice: what the choice did not take reaches nobody.

    z = switch(c, log(x), 0)        the adjoint of log(x) is g where c holds, and nothing elsewhere

To write "nothing" as a zero at once is not enough: the rule of log divides it by x, and 0/0 is nan. Every
rule is linear in the adjoint it is given, so an adjoint carries its *mask* with it, a bool variable that
broadcasts to its shape, and is masked late: ``switch(c, g / x, 0)``, where it joins others or where an op
mixes its elements. In the same way it carries the *branch* of an ifelse it came from. That is a scalar, so
it commutes with every linear op, and the whole way back from one branch becomes one branch of an ifelse:
what was not taken does not run backward either.

How a mask passes through an op is the op's to say (``Op.mask``, tgen/core/op.py). An op that mixes elements
gets the masked adjoint and says which lanes no element that was taken was made of (``Lanes``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tgen.config import config
from tgen.core.dtypes import is_float
from tgen.core.types import TensorType, wide

from .build import apply, call, constant_of, keep, like, zeros
from .nodes import Variable
from .nograd import Disconnected, Undefined

if TYPE_CHECKING:
    from tgen.core.op import Attrs, Op

    from .nodes import Apply


class Node(Protocol):
    """What a rule sees of an application: an Apply, or one whose inputs were masked (Asked)."""

    @property
    def primitive(self) -> Op: ...
    @property
    def inputs(self) -> Sequence[Variable]: ...
    @property
    def outputs(self) -> Sequence[Variable]: ...
    @property
    def attrs(self) -> Attrs: ...


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a rule returns for an operand that the op chooses: ``value``, where ``condition`` is ``holds``.

    free    what is not taken may hold anything, nan too: a choice by the user's condition, not by the
            operands
    """

    value: Variable
    condition: Variable
    holds: bool = True
    free: bool = False


@dataclass(frozen=True, eq=False)
class Taken:
    """What a rule returns for an operand that is used only when the scalar ``condition`` is ``holds``."""

    value: Variable
    condition: Variable
    holds: bool = True


# what flows to an input (None: zero), or a function that makes it when it is needed
Term: TypeAlias = Variable | Chosen | Taken | Undefined | None
Flow: TypeAlias = Term | Callable[[], Term]
Entry: TypeAlias = Flow | Disconnected  # what a rule returns for an input


@dataclass(frozen=True, eq=False)
class Arm:
    """One side of an ifelse, within another (``outer``) or in none; one object for each (Masks.branch)."""

    outer: Arm | None
    condition: Variable
    holds: bool
    depth: int


@dataclass(frozen=True, eq=False)
class Adjoint:
    """``value`` where ``mask`` is true, zero elsewhere; nothing at all unless ``branch`` was taken.

    due     what of the mask is still to be applied: the value is zero already where only ``due`` is true.
            None: it is zero wherever the mask is not true; the mask only tells that nobody may revive it
    free    some choice of the mask is (Chosen)
    """

    value: Variable
    mask: Variable | None = None
    due: Variable | None = None
    branch: Arm | None = None
    free: bool = False


@dataclass(frozen=True, eq=False)
class Lanes:
    """What an op that mixes elements says of one input: what is not in ``mask`` was mixed into nothing that
    was taken.

    whole   of a free choice: what the rule gives is masked, and what was mixed into nothing is zero to the
            rule. It costs a pass over the input, so a product asks for it only where whole rows are cut off
    """

    mask: Variable
    whole: bool = True


@dataclass(frozen=True)
class Asked:
    """A node with other inputs, as its rule sees it (Node)."""

    primitive: Op
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    attrs: Attrs


@dataclass(frozen=True, eq=False)
class Passage:
    """A mask on its way back through ``node``, which has one result.

    adjoint   that of the result
    mask      its mask
    parts     what an op that mixes elements says of its first inputs; of other ops nothing
    """

    node: Node
    adjoint: Adjoint
    mask: Variable
    parts: Sequence[Lanes]


def lanes(mask: Variable, axes: Collection[int], always: bool = False) -> Lanes:
    """The Lanes along ``axes`` of which no element is in ``mask``; they are whole where the mask stands
    still.
    """
    moving = tuple(a for a in axes if not mask.broadcastable[a])
    if not moving:
        return Lanes(mask)
    return Lanes(keep(apply("any", mask, axes=moving), mask, moving), always)


def adjoint_dtype(v: Variable) -> str | None:
    """The dtype of v's adjoint: a float's own, floatX for integers, None for bools (they have none)."""
    if v.dtype == "bool":
        return None
    return v.dtype if is_float(v.dtype) else config.floatX


def adjoint_type(v: Variable) -> TensorType:
    """The type of v's adjoint."""
    return TensorType(adjoint_dtype(v) or config.floatX, v.type.shape)


class Masks:
    """The masks and branches of one walk: each is made once, so that equal ones are one object."""

    def __init__(self) -> None:
        # (the mask around it or None, condition, holds) -> mask
        self.of_choices: dict[tuple[Variable | None, Variable, bool], Variable] = {}
        # (the branch around it or None, condition, holds) -> Arm
        self.branches: dict[tuple[Arm | None, Variable, bool], Arm] = {}
        # mask -> the key it has in of_choices
        self.parts: dict[Variable, tuple[Variable | None, Variable, bool]] = {}
        self.own: dict[Variable, Variable] = {}  # mask -> what its choice adds to the mask around it
        # (value, mask) -> the value with its mask applied
        self.applied: dict[tuple[Variable, Variable], Variable] = {}

    # -- making masks
    def within(self, outer: Variable | None, condition: Variable, holds: bool) -> Variable:
        """The mask of what a choice takes of an adjoint whose mask is ``outer``."""
        key = outer, condition, holds
        if key not in self.of_choices:
            own = condition if holds else apply("invert", condition)
            self.of_choices[key] = mask = own if outer is None else apply("and_", outer, own)
            self.parts[mask], self.own[mask] = key, own
        return self.of_choices[key]

    def opposite(self, mask: Variable | None) -> Variable | None:
        """The mask of the other side of the same choice, if there is one."""
        if mask is None or mask not in self.parts:
            return None
        outer, condition, holds = self.parts[mask]
        return self.of_choices.get((outer, condition, not holds))

    def branch(self, outer: Arm | None, condition: Variable, holds: bool) -> Arm:
        """The branch within ``outer`` that is taken when ``condition`` is ``holds``."""
        key = outer, condition, holds
        if key not in self.branches:
            self.branches[key] = Arm(*key, outer.depth + 1 if outer else 1)
        return self.branches[key]

    # -- using them
    def masked(self, a: Adjoint) -> Variable:
        """The value of the adjoint ``a`` with its mask applied."""
        if a.due is None:
            return a.value
        key = a.value, a.due
        if key not in self.applied:
            self.applied[key] = call.switch(a.due, a.value, 0)
        return self.applied[key]

    def value(self, a: Adjoint, v: Variable) -> Variable:
        """The adjoint ``a`` of v as a plain variable."""
        while a.branch is not None:
            a = self.outside(a.branch, [a], v)
        return self.masked(a)

    def outside(self, branch: Arm, terms: Sequence[Adjoint], v: Variable) -> Adjoint:
        """``terms``, which came back through ``branch`` or the other side of the same ifelse, as one adjoint
        of v before it.
        """
        sides = []
        for holds in (True, False):
            side = [t for t in terms if (t.branch is branch) == (holds == branch.holds)]
            sides.append(self.masked(self.one_mask(side)) if side else zeros(v, terms[0].value.dtype))
        return Adjoint(apply("ifelse", branch.condition, *sides, count=1), branch=branch.outer)

    def total(self, terms: Sequence[Adjoint], v: Variable) -> Adjoint:
        """The sum of ``terms``, all adjoints of v, as one."""
        while any(t.branch is not terms[0].branch for t in terms):
            deepest = max((t.branch for t in terms if t.branch), key=lambda b: b.depth)
            place = deepest.outer, deepest.condition
            inner = [t for t in terms if t.branch and (t.branch.outer, t.branch.condition) == place]
            terms = [t for t in terms if t not in inner] + [self.outside(deepest, inner, v)]
        return self.one_mask(terms)

    def one_mask(self, terms: Sequence[Adjoint]) -> Adjoint:
        """The sum of ``terms`` of one branch.

        The two sides of a choice are one choice, equal masks stay; else each term is masked.
        """
        left: dict[Variable | None, Adjoint] = {}  # mask -> the sum of the terms that have it
        waiting = list(reversed(terms))
        while waiting:
            t = waiting.pop()
            opposite = self.opposite(t.mask)
            if t.mask in left:
                other = left[t.mask]
                both = apply("add", other.value, t.value)
                due = t.due if t.due is other.due else t.mask
                left[t.mask] = Adjoint(both, t.mask, due, t.branch, t.free or other.free)
            elif t.mask is not None and opposite is not None and opposite in left:
                outer, condition, holds = self.parts[t.mask]
                other = left.pop(opposite)
                yes, no = (t, other) if holds else (other, t)
                chosen = apply("switch", condition, yes.value, no.value)
                own = ((t, self.own[t.mask]), (other, self.own[opposite]))
                settled = all(a.due is None or a.due is mask for a, mask in own)
                free = t.free or other.free
                waiting.append(Adjoint(chosen, outer, None if settled else outer, t.branch, free))
            else:
                left[t.mask] = t
        first, *others = left.values()
        for t in others:
            mask = None if first.mask is None or t.mask is None else apply("or_", first.mask, t.mask)
            both = apply("add", self.masked(first), self.masked(t))
            first = Adjoint(both, mask, None, t.branch, first.free or t.free)
        return first

    def in_one_branch(
        self, adjoints: Sequence[Adjoint | None], outputs: Sequence[Variable]
    ) -> list[Adjoint | None]:
        """The adjoints (None: zero) of the results of one node, brought to the branch that holds them all."""
        brought = list(adjoints)
        while len(branches := {a.branch for a in brought if a is not None}) > 1:
            deepest = max((b for b in branches if b), key=lambda b: b.depth)
            brought = [
                self.outside(deepest, [a], v) if a is not None and a.branch is deepest else a
                for a, v in zip(brought, outputs)
            ]
        return brought

    # -- moving them
    def passed(self, passage: Passage, k: int) -> tuple[Variable, Variable | None]:
        """(mask, due) of what the rule of the node gives its input k."""
        if passage.parts:
            part = passage.parts[k]
            return part.mask, part.mask if part.whole else None
        node, due = passage.node, passage.adjoint.due
        way = node.primitive.mask
        mask = self.moved(node, passage.mask, k)
        if way == "added":
            return mask, None
        if way != "moved" and not steady(node, k):
            return mask, mask
        if due is None or due is passage.mask:  # a zero stays one
            return mask, None if due is None else mask
        return mask, self.moved(node, due, k)

    def passage(self, node: Apply, a: Adjoint, mask: Variable) -> Passage:
        """The Passage of ``mask``, that of the adjoint ``a`` of the one result of ``node``."""
        ask = node.primitive.mask
        parts: Sequence[Lanes] = ask(node, mask) if callable(ask) else ()
        if not a.free:
            parts = [Lanes(part.mask, False) for part in parts]
        whole = any(part.whole for part in parts)
        return Passage(self.without_untaken(node, parts) if whole else node, a, mask, parts)

    @staticmethod
    def without_untaken(node: Node, parts: Sequence[Lanes]) -> Asked:
        """``node`` as its rule sees it: of inputs only what was mixed into something that was taken."""
        inputs = [call.switch(part.mask, v, 0) if part.whole else v for v, part in zip(node.inputs, parts)]
        return Asked(node.primitive, (*inputs, *node.inputs[len(parts) :]), tuple(node.outputs), node.attrs)

    def moved(self, node: Node, mask: Variable, k: int) -> Variable:
        """The mask of what the rule of ``node`` gives its input k, for a result whose mask is ``mask``."""
        way = node.primitive.mask
        if way == "each":
            return mask
        if way in ("moved", "added"):
            mask = like(mask, node.outputs[0])
        if way == "added":
            mask = apply("cast", mask, dtype=adjoint_dtype(node.outputs[0]))
        rule = node.primitive.grad
        entries = None if rule is None else rule(node, [mask])
        entry = None if entries is None else entries[k]
        entry = entry() if callable(entry) else entry
        value = entry.value if isinstance(entry, Chosen) else entry
        if not isinstance(value, Variable):
            raise TypeError(
                f"{node.primitive} has a mask ({way}), but no gradient in input {k} to move one by"
            )
        moved = tidy(value)
        return call.neq(moved, 0) if way == "added" else moved

    def fitted(self, a: Adjoint, v: Variable) -> Adjoint:
        """A term of v's adjoint in its dtype and v's shape: masked, then summed where v was broadcast."""
        g, mask, due = a.value, a.mask, a.due
        if g.ndim != v.ndim:
            raise ValueError(f"the gradient of {v} ({v.type}) has {g.ndim} dimensions")
        if g.dtype != adjoint_dtype(v):
            g = apply("cast", g, dtype=adjoint_dtype(v))
        if mask is None and g.broadcastable == v.broadcastable:
            return Adjoint(g, mask, due, a.branch, a.free)
        varies = [] if mask is None else [not its for its in mask.broadcastable]
        if any(moves and its for moves, its in zip(varies, g.broadcastable)):
            g, due = call.switch(mask, g, 0), None
        shared = zip(v.broadcastable, g.broadcastable)
        axes = tuple(d for d, (mine, its) in enumerate(shared) if mine and not its)
        if mask is not None and any(varies[d] for d in axes):
            g, due = self.masked(Adjoint(g, mask, due)), None
            mask = keep(apply("any", like(mask, g), axes=axes), v, axes)
        if axes:
            g = keep(apply("sum", g, axes=axes, **wide(g.dtype)), v, axes)
        if any(its and not mine for mine, its in zip(v.broadcastable, g.broadcastable)):
            g = like(g, v)
        return Adjoint(g, mask, due, a.branch, a.free)


def tidy(mask: Variable) -> Variable:
    """The same mask without moves it does not need: broadcasts, and a dimshuffle before the one back."""
    while mask.owner is not None and mask.owner.primitive.name in ("broadcast_to", "dimshuffle"):
        x, order = mask.owner.inputs[0], mask.owner.attrs.get("order")
        if order is None or order == tuple(range(x.ndim)):
            mask = x
        elif x.owner is not None and x.owner.primitive.name == "broadcast_to":
            mask = apply("dimshuffle", x.owner.inputs[0], order=order)
        elif x.owner is not None and x.owner.primitive.name == "dimshuffle":
            order = tuple("x" if a == "x" else x.owner.attrs["order"][a] for a in order)
            mask = apply("dimshuffle", x.owner.inputs[0], order=order)
        else:
            break
    return mask


def steady(node: Node, k: int) -> bool:
    """Whether the partial of ``node`` in its input k is finite whatever the operands are: 0 stays 0."""
    slopes = node.primitive.slopes
    others = (v for j, v in enumerate(node.inputs) if j != k)
    return slopes == "constant" or slopes == "others" and all(_is_finite(v) for v in others)


def _is_finite(v: Variable) -> bool:
    """Whether v is a constant of finite elements, however broadcast."""
    made = constant_of(v)
    if made is None or made.data.dtype.kind not in "biuf":
        return False
    return bool(abs(made.data).max(initial=0) < float("inf"))
