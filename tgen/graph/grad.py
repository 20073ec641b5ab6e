"""Reverse-mode gradients: one walk from the cost back to what is asked for, each node once, no recursion.

The walk asks every op on the way for its own ``grad``. What a choice did not take gets no gradient, whatever
it holds, and what only the branch of an ifelse needs is not computed when the other is taken (adjoint.py). An
integer's adjoint is that of its value read as a float; a bool has none: what it was made of is connected, but
gets nothing. Where a stable identity (ops/stable.py) says what a formula means, that is differentiated
(identities.py), so the gradient of log(softmax(x)) is finite.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from tgen.config import config
from tgen.core.collector import rarely
from tgen.core.dtypes import is_float
from tgen.errors import ArgumentValueError, DisconnectedInputError, NullTypeGradError, about_bool

from .adjoint import Adjoint, Arm, Chosen, Flow, Masks, Passage, Taken, adjoint_dtype
from .build import apply, call, lengths, literal, zeros
from .identities import order_through, twin, twins
from .nodes import Variable, mention
from .nograd import Disconnected, Undefined
from .walk import again, toposort

if TYPE_CHECKING:
    from tgen.core.op import Grad

    from .nodes import Apply, Operand

# the adjoint that a walk starts with; None is zero
Start: TypeAlias = Variable | Undefined | Disconnected | None
Gradient: TypeAlias = Variable | Undefined | Disconnected | None  # what grad gives; None as asked for


@overload
def grad(
    cost: Variable | None,
    wrt: Variable,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Operand | Undefined | Disconnected] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Variable: ...
@overload
def grad(
    cost: Variable | None,
    wrt: list[Any],
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Operand | Undefined | Disconnected] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> list[Variable]: ...
@overload
def grad(
    cost: Variable | None,
    wrt: Sequence[Any],
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Operand | Undefined | Disconnected] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Sequence[Variable]: ...
def grad(
    cost: Variable | None,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Operand | Undefined | Disconnected] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    """The gradient of the scalar ``cost`` with respect to ``wrt``: one variable for one, a list for a list, a
    tuple for a tuple.

    Each gradient has the shape and dtype of its variable and is a graph like any other, so it can be
    differentiated again. With respect to integers it is config.floatX and that of their values read as
    floats: it passes through arithmetic, moves and casts among integers, and is 0 through comparisons, bits,
    // and roundings (a cast from float to int is one), and for bools. Indices, sizes, labels and conditions
    count as disconnected, but a float that decides a choice has gradient 0.

    Variables in ``consider_constant`` pass nothing on, but have a gradient of their own. ``known_grads`` maps
    variables to adjoints that replace computed ones, of their rank or a lower one, which broadcasts; with it
    cost may be None. ``disconnected_inputs`` says what happens when the cost does not depend on a variable:
    'raise' (DisconnectedInputError), 'warn' or 'ignore', which give what ``return_disconnected`` says:
    'zero', 'None' or 'Disconnected'. A gradient that is undefined is a NullTypeGradError, or an ``Undefined``
    object with null_gradients='return'. TypeError for a cost that is not a scalar or a wrt that is not a
    variable.

    >>> import tgen
    >>> x = tgen.tensor.dscalar("x")
    >>> gradient = tgen.grad(x ** 2, x)
    >>> tgen.function([x], gradient)(3.0)
    array(6.)
    """
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    _check(cost, wrt, targets, known_grads, disconnected_inputs, return_disconnected, null_gradients)
    starts = _starts(cost, known_grads or {})
    walks = _walks_of(cost, targets, consider_constant, known_grads)
    kept = None if walks is None else walks.take()
    with rarely():  # what a gradient is made of lives as long as it does
        walk = kept or Walk(starts, targets, consider_constant)
        walk.reach(targets)
    results: list[Gradient] = []
    for v in targets:
        g: Gradient = walk.result(v)
        if kept and isinstance(g, Variable) and g.owner is not None:  # the caller's own, to name or replace
            g = again(g.owner, g.owner.inputs).outputs[g.index]
        if g is None and is_float(v.dtype) and v in sources(walk.ends(), walk.constant, conditions=True):
            g = zero_of(v)
        if g is None:
            message = (
                f"grad was asked for the gradient with respect to {v}, but the cost does not depend on it, "
                "or only through an op without gradient"
            )
            g = when_disconnected(v, message, disconnected_inputs, return_disconnected)
        if isinstance(g, Undefined) and null_gradients == "raise":
            raise NullTypeGradError(f"the gradient with respect to {v} is undefined: {g.why}")
        _name(g, cost, v, add_names)
        if isinstance(g, Variable) and not any(g is known for known in (known_grads or {}).values()):
            mention(g, starts)
        results.append(g)
    if walks is not None and kept is not None:
        walks.give_back(kept)
    return (
        type(wrt)(results)
        if type(wrt) in (list, tuple)
        else results
        if isinstance(wrt, (list, tuple))
        else results[0]
    )


@overload
def Lop(
    f: Variable | Sequence[Variable],
    wrt: Variable,
    eval_points: Variable | Sequence[Variable],
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Variable: ...
@overload
def Lop(
    f: Variable | Sequence[Variable],
    wrt: list[Any],
    eval_points: Variable | Sequence[Variable],
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> list[Variable]: ...
@overload
def Lop(
    f: Variable | Sequence[Variable],
    wrt: Sequence[Any],
    eval_points: Variable | Sequence[Variable],
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Sequence[Variable]: ...
def Lop(
    f: Variable | Sequence[Variable],
    wrt: Any,
    eval_points: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """``eval_points`` times the Jacobian of ``f`` with respect to ``wrt``; f and eval_points are variables or
    lists of them.

    >>> import tgen
    >>> x, v = tgen.tensor.dvectors("xv")
    >>> tgen.function([x, v], Lop(x ** 2, x, v))([1.0, 2.0], [1.0, 1.0])
    array([2., 4.])
    """
    outputs = [f] if isinstance(f, Variable) else list(f)
    points = [eval_points] if isinstance(f, Variable) else list(eval_points)
    if len(outputs) != len(points):
        raise ValueError(f"{len(points)} eval_points for {len(outputs)} outputs")
    known: dict[Variable, Variable] = {}
    for v, point in zip(outputs, points):
        known[v] = known[v] + point if v in known else point
    return grad(None, wrt, consider_constant, disconnected_inputs, known_grads=known)


def disconnected_grad(x: Operand) -> Variable:
    """x, through which no gradient flows: what it is made of counts as disconnected."""
    return apply("disconnected_grad", call.as_tensor_variable(x))


def zero_grad(x: Operand) -> Variable:
    """x, whose gradient is zero."""
    return apply("zero_grad", call.as_tensor_variable(x))


consider_constant = zero_grad


def grad_clip(x: Operand, lower_bound: float, upper_bound: float) -> Variable:
    """x, whose gradient is clipped to lower_bound .. upper_bound."""
    return apply("grad_clip", call.as_tensor_variable(x), lo=float(lower_bound), hi=float(upper_bound))


def grad_scale(x: Operand, multiplier: float) -> Variable:
    """x, whose gradient is multiplied by multiplier (a number)."""
    return apply("grad_scale", call.as_tensor_variable(x), factor=float(multiplier))


# -- arguments and results -----------------------------------------------------------------------------------


def _check(
    cost: Variable | None,
    wrt: object,
    targets: Sequence[object],
    known: Mapping[Variable, object] | None,
    disconnected: str,
    returned: str,
    null: str,
) -> None:
    if cost is None and not known:
        raise ArgumentValueError("grad needs a cost or known_grads")
    if cost is not None and not isinstance(cost, Variable):
        raise TypeError(f"cost must be a variable; got {type(cost).__name__}{about_bool(cost)}")
    if cost is not None and cost.ndim != 0:
        raise TypeError(f"cost must be a scalar. {cost} has {cost.ndim} dimensions; take its sum or mean")
    if isinstance(wrt, (set, frozenset)):
        raise TypeError("wrt must be a variable, a list or a tuple: a set has no order")
    for v in targets:
        if not isinstance(v, Variable):
            raise TypeError(f"Expected Variable, got {v!r} of type {type(v).__name__}")
    check_disconnected("disconnected_inputs", disconnected, returned)
    _check_word("null_gradients", null, ("raise", "return"))


def check_disconnected(word: str, disconnected: str, returned: str) -> None:
    """Refuse what ``when_disconnected`` does not know; ``word`` is the keyword of ``disconnected``."""
    _check_word(word, disconnected, ("ignore", "warn", "raise"))
    _check_word("return_disconnected", str(returned).lower(), ("zero", "none", "disconnected"))


def _check_word(word: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise ValueError(
            f"Invalid value for keyword {word!r}: {value!r}; valid values are {', '.join(map(repr, valid))}"
        )


def _starts(
    cost: Variable | None, known: Mapping[Variable, Operand | Undefined | Disconnected]
) -> dict[Variable, Start]:
    """variable -> its given adjoint; None for that of a bool, which is zero."""
    starts: dict[Variable, Start] = {}
    for v, given in known.items():
        if not isinstance(v, Variable):
            raise TypeError(f"a key of known_grads must be a variable, not {type(v).__name__}")
        if isinstance(given, (Undefined, Disconnected)):
            starts[v] = given
            continue
        g: Variable = given if isinstance(given, Variable) else call.as_tensor_variable(given)
        if g.ndim > v.ndim:
            raise TypeError(f"the known gradient of {v} ({v.type}) has {g.ndim} dimensions")
        g = call.broadcast_to(g, lengths(v)) if g.ndim < v.ndim else g
        if is_float(v.dtype) and not is_float(g.dtype):
            raise TypeError(f"the known gradient of {v} ({v.type}) is {g.dtype}; it must be a float")
        starts[v] = g if is_float(g.dtype) and adjoint_dtype(v) else None
    if cost is not None:
        dtype = adjoint_dtype(cost)
        starts.setdefault(cost, literal(1.0, dtype) if dtype else None)
    return starts


def when_disconnected(
    v: Variable, message: str, disconnected: str, returned: str
) -> Variable | Disconnected | None:
    """What stands for a derivative that is not there, of the shape of v: an error, with or without a warning
    zeros, None or a Disconnected.
    """
    if disconnected == "raise":
        raise DisconnectedInputError(message)
    if disconnected == "warn":
        warnings.warn(message, stacklevel=3)
    word = str(returned).lower()
    if word == "zero":
        return zero_of(v)
    return Disconnected() if word == "disconnected" else None


def _name(g: Gradient, cost: Variable | None, v: Variable, add_names: bool) -> None:
    if not add_names or cost is None or not cost.name or not v.name:
        return
    if isinstance(g, Variable) and g.owner is not None and g.name is None:
        g.name = f"(d{cost.name}/d{v.name})"


def zero_of(v: Variable) -> Variable:
    """The zero gradient of v; it depends on v, so a function of it takes v as an input (Theano)."""
    dtype = adjoint_dtype(v) or config.floatX
    if v.ndim:
        return zeros(v, dtype)
    zero, still = literal(0, dtype), disconnected_grad(v)
    return apply("switch", apply("eq", still, still), zero, zero)


# -- the walk ------------------------------------------------------------------------------------------------


class Walks:
    """The walks back from ``cost`` that calls share which ask for one variable each.

    The second call makes one and each call brings it on to its own targets, so together they do the work of
    one call for all. Two threads never have the same one: it is not among the ``free`` ones while a call uses
    it. Where there are rules of the user's, which may give something else each time, nothing is ``shared``.
    """

    def __init__(self, cost: Variable) -> None:
        self.cost, self.shared = cost, True
        self.free: list[Walk] = []

    def take(self) -> Walk | None:
        """A walk for one call; None where it has to make its own."""
        if not self.shared:
            return None
        try:
            walk = self.free.pop()
        except IndexError:
            walk = Walk(_starts(self.cost, {}), (), None)
            self.shared = not _users_ops(walk.order)
        return walk if self.shared and walk.floatX == config.floatX else None

    def give_back(self, walk: Walk) -> None:
        self.free.append(walk)


def _walks_of(
    cost: Variable | None,
    targets: Sequence[Variable],
    constant: Sequence[Variable] | None,
    known: Mapping[Variable, object] | None,
) -> Walks | None:
    """The Walks of ``cost``, from the second call on that can share one.

    A graph does not change; what else a gradient depends on is asked here: what is held constant or given, a
    target inside of a formula (no identity reaches across it), test values, and observers of what is built.
    """
    if cost is None or constant or known or any(v.owner is not None for v in targets):
        return None
    if config.compute_test_value != "off" or Variable.construction_observers:
        return None
    walks = cost._walks
    if walks is None:
        cost._walks = Walks(cost)
    return walks


def _users_ops(nodes: Iterable[Apply]) -> bool:
    """Whether one of ``nodes``, or of those in their bodies, has an op of the user's."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node.op is not node.primitive:
            return True
        for body in node.bodies:
            waiting += toposort(body.outputs, body.params)
    return False


# the operands of one Walk.give
Given: TypeAlias = tuple[Variable, Flow, Arm | None, Passage | None, int]


class Walk:
    """Adjoints on their way back. ``terms[v]`` is the list of what flowed into v so far: empty when that was
    only zeros. What flows to a variable that leads to no target waits in ``later``, until it leads to one.

    ``targets`` are those that will be asked for, of which only results of applications matter here: no stable
    identity reaches across one.
    """

    def __init__(
        self,
        starts: Mapping[Variable, Start],
        targets: Iterable[Variable],
        constant: Iterable[Variable] | None,
    ) -> None:
        self.constant = set(constant or ())
        self.terms: dict[Variable, list[Adjoint | Undefined]] = {}
        self.masks = Masks()
        order = toposort(list(starts), self.constant)
        self.twins = twins(order, {*targets, *starts, *self.constant})
        for v in self.constant:
            self.twins.pop(v, None)
        self.starts = {twin(v, self.twins): g for v, g in starts.items()}
        if self.twins:
            order = order_through(list(self.starts), self.constant, self.twins)
        self.order, self.floatX = order, config.floatX
        # what an adjoint is of use for; a constant target gets one and passes nothing on
        self.active: set[Variable] = set()
        # places in the order: those that the walk gets to, and where it is; it starts behind the last
        self.reached: set[int] = set()
        self.place = len(order)
        self.later: dict[Variable, list[tuple[int, Given]]] = {}
        self.readers: dict[Variable, list[int]] = {}
        for place, node in enumerate(order):
            for v in self.flowing(node):
                self.readers.setdefault(v, []).append(place)

    def ends(self) -> list[Variable]:
        """Where the walk starts, but for variables whose adjoint is given as disconnected."""
        return [v for v, g in self.starts.items() if not isinstance(g, Disconnected)]

    def flowing(self, node: Apply) -> list[Variable]:
        """What the gradient of ``node`` flows to, in the order of its inputs: they or their twins."""
        return [twin(v, self.twins) for v in flowing(node)] if self.twins else flowing(node)

    def reach(self, targets: Iterable[Variable]) -> None:
        """Bring the adjoints back to ``targets``, from where they are already."""
        steps: list[tuple[int, Given | None]] = []  # None: the node there is visited
        waiting = [twin(v, self.twins) for v in targets]
        while waiting:
            v = waiting.pop()
            if v in self.active:
                continue
            self.active.add(v)
            g = self.starts.get(v, Disconnected())
            if not isinstance(g, Disconnected):
                self.terms[v] = [g if isinstance(g, Undefined) else Adjoint(g)] if g is not None else []
            steps += self.later.pop(v, ())
            for place in self.readers.get(v, ()):
                if place not in self.reached:
                    self.reached.add(place)
                    steps.append((place, None))
                    waiting += [z for z in self.order[place].outputs if z not in self.constant]
        steps.sort(key=lambda step: step[0], reverse=True)  # what waits of one node stays in its order
        for self.place, waited in steps:
            if waited is None:
                self.visit(self.order[self.place])
            else:
                self.give(*waited)

    def result(self, v: Variable) -> Variable | Undefined | None:
        """v's adjoint: a variable or Undefined; None when nothing is connected to it."""
        v = twin(v, self.twins)
        if v not in self.terms:
            return None
        return self.adjoint(v) if self.terms[v] else zero_of(v)

    def adjoint(self, v: Variable) -> Variable | Undefined | None:
        """The sum of v's terms as a variable, or Undefined; None for zero."""
        total = self.total(v)
        return self.masks.value(total, v) if isinstance(total, Adjoint) else total

    def total(self, v: Variable) -> Adjoint | Undefined | None:
        """The sum of v's terms as an Adjoint, or Undefined; None for zero."""
        terms: list[Adjoint] = []
        for term in self.terms.get(v, ()):
            if isinstance(term, Undefined):
                return term
            terms.append(term)
        if not terms:
            return None
        total = self.masks.total(terms, v) if len(terms) > 1 else terms[0]
        self.terms[v] = [total]
        return total

    def visit(self, node: Apply) -> None:
        """Pass the adjoints of a node's outputs on to its inputs."""
        if not any(v in self.terms and v not in self.constant for v in node.outputs):
            return
        gs: list[Adjoint | None] = []
        for z in node.outputs:
            g = None if z in self.constant else self.total(z)
            if isinstance(g, Undefined):
                for v in self.flowing(node):
                    self.give(v, g)
                return
            gs.append(g)
        rule = node.primitive.grad
        if rule is None or all(g is None for g in gs):
            for v in self.flowing(node):
                self.give(v, None)
        else:
            self.pull(node, rule, gs)

    def pull(self, node: Apply, rule: Grad, gs: list[Adjoint | None]) -> None:
        """Ask the node's rule, and give its inputs what it says, under the masks and in
        the branch of ``gs``.
        """
        op, targets = node.primitive, self.flowing(node)
        if op.mask == "whole":
            gs = [None if g is None else Adjoint(self.masks.value(g, v)) for g, v in zip(gs, node.outputs)]
        gs = self.masks.in_one_branch(gs, node.outputs)
        first = next(g for g in gs if g is not None)
        passage = None
        if len(gs) == 1 and first.mask is not None and op.mask not in (None, "whole"):
            passage = self.masks.passage(node, first, first.mask)
        values: list[Variable | None]
        if passage is not None and op.mask in ("each", "moved"):
            values = [first.value]
        else:
            values = [None if g is None else self.masks.masked(g) for g in gs]
        if not op.partial:  # a rule that takes None for an adjoint of zero
            values = [zero_of(v) if g is None else g for g, v in zip(values, node.outputs)]
        entries = rule(node if passage is None else passage.node, values) or [None] * len(node.inputs)
        for k, (v, entry) in enumerate(zip(targets, entries)):
            if not isinstance(entry, Disconnected):
                self.give(v, entry, first.branch, None if entry is None else passage, k)

    def give(
        self,
        v: Variable,
        entry: Flow,
        branch: Arm | None = None,
        passage: Passage | None = None,
        k: int = 0,
    ) -> None:
        """Add one term to v's adjoint, under the mask that ``passage`` brings to input k of its node; a
        callable is a term made only when it is needed.
        """
        if v in self.starts:
            return
        if v not in self.active:
            self.later.setdefault(v, []).append((self.place, (v, entry, branch, passage, k)))
            return
        mask: Variable | None = None
        due: Variable | None = None
        free = False
        if passage is not None:
            (mask, due), free = self.masks.passed(passage, k), passage.adjoint.free
        terms = self.terms.setdefault(v, [])
        term = entry() if callable(entry) else entry
        if isinstance(term, Undefined):
            terms.append(term)
        elif term is not None and adjoint_dtype(v):
            if isinstance(term, Chosen):
                settled, mask = due is None, self.masks.within(mask, term.condition, term.holds)
                due, free = self.masks.own[mask] if settled else mask, free or term.free
                term = term.value
            elif isinstance(term, Taken):
                branch = self.masks.branch(branch, term.condition, term.holds)
                term = term.value
            terms.append(self.masks.fitted(Adjoint(term, mask, due, branch, free), v))


def flowing(node: Apply) -> list[Variable]:
    """The inputs a gradient may flow to: not sizes, indices and the like, which count as disconnected."""
    op = node.primitive
    if op.chooses:
        return node.inputs[1:]
    if op.flows is not None:
        return [node.inputs[k] for k in op.flows] if isinstance(op.flows, tuple) else node.inputs[: op.flows]
    count = op.sizes(node.attrs) if callable(op.sizes) else op.sizes
    return node.inputs[:-count] if count else node.inputs


def sources(
    ends: Collection[Variable], stop: Iterable[Variable] = (), conditions: bool = False
) -> set[Variable]:
    """The variables from which a gradient flows to ``ends``, and these; what only ``stop`` is made of is left
    out.

    With ``conditions`` also those that only decide a choice: the gradient of a float is 0 there (Theano).
    """
    found = set(ends)
    for node in reversed(toposort(list(ends), stop)):
        outs = [v in found for v in node.outputs]
        op = node.primitive
        if not any(outs):
            continue
        if op.reaches is not None:
            found.update(node.inputs[k] for k in op.reaches(node, outs, conditions))
        else:
            found.update(node.inputs if conditions and op.chooses else flowing(node))
    return found
