"""What function() was asked for, resolved into one final graph: inputs to In, givens and states substituted,
updates complete.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import ON_UNUSED, config
from tgen.core.effect import STATE
from tgen.core.generic import GenericType
from tgen.errors import ArgumentTypeError, MissingInputError, UnusedInputError
from tgen.graph.nodes import Constant, Variable
from tgen.graph.shared import Container, SharedVariable, TensorSharedVariable
from tgen.graph.walk import Copies, Survey, again, clone, heard_of, toposort
from tgen.lower.signature import Signature

from .io import In, Out, as_in, as_out
from .mode import Mode, get_mode
from .replace import Updates, again_cast, check_update, given_pairs, update_pairs

if TYPE_CHECKING:
    from tgen.core.values import Line
    from tgen.graph.nodes import Apply


@dataclass
class Request:
    """The final graph of a function. Its leaves are ``inputs`` (those that are no states), shared variables
    and constants.

    ins        the In per input, as the user gave them
    inputs     per In the leaf that stands for it in the final graph, a SharedVariable for states and implicit
               inputs
    outs       the Out per output; ``keys`` the dict's keys; ``unpack``: one bare output
    signature  what the compiled code takes and gives: its inputs are those that are no states, its updates
               have defaults and states among them
    """

    ins: list[In]
    inputs: list[Variable]
    outs: list[Out]
    signature: Signature
    keys: list[str] | None
    unpack: bool
    mode: Mode
    name: str
    profile: Any  # as function() takes it

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """The final expressions of the outputs."""
        return self.signature.outputs

    @property
    def updates(self) -> tuple[tuple[SharedVariable, Variable], ...]:
        """(SharedVariable, expression) pairs."""
        return self.signature.updates

    def arguments(self) -> list[int]:
        """The indices of the inputs that are arguments of the compiled code; the others are states."""
        return [i for i, v in enumerate(self.inputs) if not isinstance(v, SharedVariable)]

    def swapped(
        self,
        swap: Mapping[SharedVariable, SharedVariable],
        delete_updates: bool,
        name: str | None,
        profile: Any,
    ) -> Request:
        """The request of ``Function.copy``: shared variables replaced, states of its own, updates kept or
        not.
        """
        states = {
            v: _own_state(v)
            for v, i in zip(self.inputs, self.ins)
            if isinstance(v, SharedVariable) and not i.implicit
        }
        table = {**states, **swap}
        updates = () if delete_updates else self.updates
        final = clone([*self.outputs, *(value for _, value in updates)], table)
        count = len(self.outputs)
        inputs = [table.get(v, v) if isinstance(v, SharedVariable) else v for v in self.inputs]
        pairs = [(table.get(s, s), value) for (s, _), value in zip(updates, final[count:])]
        return replace(
            self,
            inputs=inputs,
            signature=signature_of(inputs, final[:count], pairs),
            name=self.name if name is None else name,
            profile=self.profile if profile is None else profile,
        )


def signature_of(
    inputs: Sequence[Variable],
    outputs: Iterable[Variable],
    updates: Iterable[tuple[SharedVariable, Variable]],
    survey: Survey | None = None,
) -> Signature:
    """The Signature of a final graph: those of ``inputs`` that are states are no inputs of the compiled
    code.
    """
    arguments = [v for v in inputs if not isinstance(v, SharedVariable)]
    return Signature.of(arguments, outputs, updates, survey)


def _own_state(v: SharedVariable) -> SharedVariable:
    return type(v)(v.name, v.type, v.container.get(), borrow=True)


def resolve(
    inputs: Any,
    outputs: Any,
    mode: Any,
    updates: Any,
    givens: Any,
    no_default_updates: Any,
    name: str,
    rebuild_strict: bool,
    allow_downcast: bool | None,
    profile: Any,
    on_unused: str | None,
) -> Request:
    """The Request for function()'s arguments; wrong ones are errors, checked in Theano's order."""
    outputs, keys = _dict_outputs(outputs)
    updates = _warned(updates)
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            "Input variables of a tgen function should be contained in a list, even when there "
            f"is a single input; got {inputs!r:.80}"
        )
    ins = [as_in(given, allow_downcast, bool(updates or givens)) for given in inputs]
    _check_twice(ins)
    table = {v.variable: leaf for v, leaf in ((i, _leaf(i)) for i in ins)}
    final_inputs = list(table.values())
    states = {v: leaf for v, leaf in table.items() if isinstance(leaf, SharedVariable)}
    table.update(
        given_pairs(
            givens, [i.variable for i in ins], {k: v for k, v in table.items() if k is not v}, rebuild_strict
        )
    )
    pairs = update_pairs(updates)
    outs, unpack = _outs(outputs)
    pairs += [(states[i.variable], i.update) for i in ins if i.update is not None]
    asked = [o.variable for o in outs] + [value for _, value in pairs]
    finals, pairs, survey = _final(outs, pairs, table, _without_default(no_default_updates), rebuild_strict)
    expressions, found = finals + [value for _, value in pairs], survey.leaves
    _check_unused(ins, final_inputs, set(found), asked + expressions, on_unused)
    _check_missing(final_inputs, found, expressions)
    signature = signature_of(final_inputs, finals, pairs, survey)
    return Request(ins, final_inputs, outs, signature, keys, unpack, get_mode(mode), name, profile)


def _dict_outputs(outputs: Any) -> tuple[Any, list[str] | None]:
    """(outputs, keys): a dict's values in the order of its sorted keys."""
    if not isinstance(outputs, dict):
        return outputs, None
    wrong = [k for k in outputs if not isinstance(k, str)]
    if wrong:
        raise ArgumentTypeError(f"the keys of a dict of outputs must be strings; got {wrong[0]!r}")
    keys = sorted(outputs)
    return [outputs[k] for k in keys], keys


def _warned(updates: Any) -> Any:
    if type(updates) is dict and len(updates) > 1:
        warnings.warn(
            "The parameter 'updates' of function() expects an OrderedDict or a list of pairs, got "
            "a dict; the updates are made in its order.",
            UserWarning,
            stacklevel=4,
        )
    return updates


def _check_twice(ins: Iterable[In]) -> None:
    seen: dict[Variable, int] = {}
    for index, i in enumerate(ins):
        first = seen.setdefault(i.variable, index)
        if first != index:
            raise UnusedInputError(
                f"Variable {i.variable} is used twice in inputs to function(), at indices "
                f"{first} and {index}. This would result in values provided for it being "
                "ignored. "
                "Please do not duplicate variables in the inputs list."
            )


def _leaf(i: In) -> Variable:
    """The variable that stands for an In in the final graph: itself, a fresh one for an intermediate
    variable, its state.
    """
    v = i.variable
    if isinstance(i.value, SharedVariable):
        return _state_type(v, i.value)
    if isinstance(i.value, Container):
        return _state_type(v, TensorSharedVariable(i.name, i.value.type, container=i.value))
    if i.update is not None:
        return TensorSharedVariable(i.name, v.type, _initial(i), i.strict, i.allow_downcast)
    if v.owner is None:
        return v
    fresh = Variable(v.type, v.name)
    fresh.where = v.owner.where
    return fresh


def _state_type(v: Variable, state: SharedVariable) -> SharedVariable:
    if state.type.dtype != v.type.dtype or state.type.ndim != v.type.ndim:
        raise TypeError(
            f"the input {v} has type {v.type}; the container given as its value has type {state.type}"
        )
    return state


def _initial(i: In) -> Any:
    """The first value of a private state; one without a default is set by every call, so anything will do."""
    if i.value is not None:
        return i.value
    return np.zeros([size or 0 for size in i.variable.type.shape], i.variable.type.dtype)


def _outs(outputs: Any) -> tuple[list[Out], bool]:
    """(list of Out, whether the function returns one bare result)."""
    if outputs is None:
        return [], False
    several = isinstance(outputs, (list, tuple))
    outs = [as_out(o) for o in (outputs if several else [outputs])]
    for o in outs:
        if isinstance(o.variable.type, GenericType):
            raise TypeError(
                f"Outputs must be tgen Variable or Out instances. Received {o.variable}, a "
                "generic shared variable: read it with get_value()"
            )
    return outs, not several


def _without_default(no_default_updates: object) -> Callable[[SharedVariable], bool]:
    """A test: whether a shared variable's default update is left out."""
    if isinstance(no_default_updates, bool):
        return lambda s: no_default_updates
    if not isinstance(no_default_updates, list):
        raise TypeError(f"no_default_update should be either a boolean or a list; got {no_default_updates!r}")
    return set(no_default_updates).__contains__


def _final(
    outs: Sequence[Out],
    pairs: Updates,
    table: dict[Variable, Variable],
    without: Callable[[SharedVariable], bool],
    strict: bool,
) -> tuple[list[Variable], Updates, Survey]:
    """(outputs, updates, their Survey) after every substitution, default updates added until nothing new is
    reached.

    Both the substitution and the survey go on from where they were: the graph is walked once by each.
    """
    table = {k: v for k, v in table.items() if k is not v}
    copies, survey = Copies(table, again if strict else again_cast), Survey()
    outputs = copies.of([o.variable for o in outs])
    survey.add(outputs)
    all_pairs: Updates = []
    values: list[Variable] = []
    while True:
        new = copies.of([value for _, value in pairs])
        new = [check_update(s, value) for (s, _), value in zip(pairs, new)]
        survey.add(new)
        all_pairs, values = all_pairs + pairs, values + new
        found = [v for v in survey.leaves if isinstance(v, SharedVariable)]
        walked = copies.walked if table else survey.order
        pairs = _defaults(found, all_pairs, without, walked)
        if not pairs:
            break
    canonical = _one_per_container(found, all_pairs)
    if canonical:
        final = clone(outputs + values, canonical)
        outputs, values, survey = final[: len(outs)], final[len(outs) :], Survey(final)
    updates = [(canonical.get(s, s), value) for (s, _), value in zip(all_pairs, values)]
    return outputs, updates, survey


def _one_per_container(found: list[SharedVariable], pairs: Updates) -> dict[SharedVariable, SharedVariable]:
    """Shared variables made by ``clone`` have one value: {each but the first: the first}."""
    first: dict[Container, SharedVariable] = {}
    table: dict[SharedVariable, SharedVariable] = {}
    for s in [s for s, _ in pairs] + found:
        kept = first.setdefault(s.container, s)
        if kept is not s:
            table[s] = kept
    return table


def _defaults(
    found: Sequence[SharedVariable],
    pairs: Updates,
    without: Callable[[SharedVariable], bool],
    order: Sequence[Apply],
) -> Updates:
    """The default updates that the shared variables reached so far add; ``order``: the nodes of the graph
    before substitution.
    """
    updated = {s.container for s, _ in pairs}
    found = [
        s for s in found if s.default_update is not None and s.container not in updated and not without(s)
    ]
    made = dict.fromkeys(order) if found else {}
    return [update_pairs([(s, _default_update(s, made))])[0] for s in found]


def _default_update(s: SharedVariable, made: Mapping[Apply, None]) -> Any:
    """The default update of s. Of a random state whose draw was copied with replacements it is that of the
    copy among the nodes ``made``.
    """
    value = s.default_update
    if not isinstance(value, Variable) or value.owner is None:
        return value
    node = value.owner
    if node.primitive.effect.token != STATE or node in made:
        return value
    copies = [other for other in made if other.primitive is node.primitive and other.inputs[0] is s]
    return copies[0].outputs[value.index] if copies else value


def _check_unused(
    ins: Sequence[In],
    final_inputs: Sequence[Variable],
    used: set[Variable],
    expressions: Sequence[Variable],
    on_unused: str | None,
) -> None:
    """``expressions`` are those before and after substitution: an input that only their graph knows of is
    used.
    """
    heard = None
    for index, (i, leaf) in enumerate(zip(ins, final_inputs)):
        if leaf in used or isinstance(leaf, SharedVariable):
            continue
        heard = heard_of(expressions) if heard is None else heard
        if leaf in heard or i.variable in heard:
            continue
        action = config.on_unused_input if on_unused is None else on_unused
        if action not in ON_UNUSED.values:
            raise ValueError(
                f"Invalid value for keyword on_unused_input of function(): {action!r}. Valid "
                "values are 'raise', 'warn' and 'ignore'."
            )
        message = (
            "function() was asked to create a function computing outputs given certain inputs, but "
            f"the provided input variable at index {index} is not part of the "
            f"computational graph needed to compute the outputs: {i.variable}."
        )
        if action == "raise":
            raise UnusedInputError(
                f"{message}\nTo make this error into a warning, you can pass the "
                "parameter on_unused_input='warn' to function(). To disable it "
                "completely, use on_unused_input='ignore'."
            )
        if action == "warn":
            warnings.warn(
                f"{message}\nTo make this warning into an error, you can pass the parameter "
                "on_unused_input='raise' to function(). To disable it completely, use "
                "on_unused_input='ignore'.",
                stacklevel=4,
            )


def _check_missing(
    inputs: Iterable[Variable], found: Iterable[Variable], expressions: Sequence[Variable]
) -> None:
    given = set(inputs)
    for v in found:
        if v in given or isinstance(v, (SharedVariable, Constant)):
            continue
        raise MissingInputError(_missing(v, expressions))


def _missing(v: Variable, expressions: Sequence[Variable]) -> str:
    made = f" It was made at {v.where[0]}:{v.where[1]}." if v.where else ""
    for node in toposort(expressions):
        if v in node.inputs:
            line = f" at {node.where[0]}:{node.where[1]}" if node.where else ""
            return (
                f"Input {node.inputs.index(v)} of the graph (indices start from 0), used to compute "
                f"{node.op}({', '.join(map(str, node.inputs))}){line}, was not provided and not given a "
                "value: "
                f"{v}.{made} Add it to the inputs of the function, or replace it with givens=."
            )
    return (
        f"The output {v} is a variable that was not provided and not given a value.{made} Add it to the "
        "inputs of the function, or replace it with givens=."
    )


def default_name(where: Line | None) -> str:
    """The name of a function nobody named: where it was made."""
    return f"{os.fspath(where[0])}:{where[1]}" if where else "function"
