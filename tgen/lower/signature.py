"""The signature of a program: what it takes and gives, in which order, and where in the frame of a call.

It is made once for a final graph. The lowering, the program key, the entry's C, the call and what inspect
shows read it, so that none of them finds an order of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.errors import shown
from tgen.graph.closure import LITERAL_ELEMENTS
from tgen.graph.nodes import Constant, Variable
from tgen.graph.shared import SharedVariable
from tgen.graph.walk import Survey
from tgen.ir.frame import Layout, laid_out
from tgen.ir.nodes import CONST, INPUT, SHARED
from tgen.ops.host import python_sites

if TYPE_CHECKING:
    from tgen.graph.nodes import Apply

_WORDS = {INPUT: "input", SHARED: "shared variable", CONST: "constant"}


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter of a program: INPUT, SHARED or CONST, its number among its kind, and the leaf of the
    graph that stands for it. ``updated``: whether a call gives it a new value.
    """

    kind: str
    number: int
    variable: Any  # a Variable, a SharedVariable or a Constant
    updated: bool = False

    @property
    def label(self) -> str:
        """What messages call it."""
        return shown(self.variable.name) if self.variable.name else f"{_WORDS[self.kind]} {self.number}"


@dataclass(frozen=True, eq=False)
class Signature:
    """What ``Signature.of`` found of a graph.

    parameters  a Parameter each: the inputs as they were given, the shared variables in order of first use
                and those that are only updated, the large constants in order of first use
    literals    the small constants, in order of first use
    outputs     the variables that are returned
    updates     (shared variable, its new value) pairs
    order       the Apply nodes that outputs and updates need, producers first
    python      {key: (number, primitive)}: the Python bodies of host ops (ops/host.py)
    layout      where parameters and outputs stand in the frame of a call
    """

    parameters: tuple[Parameter, ...]
    literals: tuple[Constant, ...]
    outputs: tuple[Variable, ...]
    updates: tuple[tuple[SharedVariable, Variable], ...]
    order: tuple[Apply, ...]
    python: MappingProxyType[Any, Any]
    layout: Layout

    @classmethod
    def of(
        cls,
        inputs: Sequence[Variable],
        outputs: Iterable[Variable],
        updates: Iterable[tuple[Any, Variable]] = (),
        survey: Survey | None = None,
    ) -> Signature:
        """The Signature of a graph whose leaves are ``inputs``, shared variables and constants.

        updates  (shared variable, new value) pairs
        survey   the Survey of outputs and new values, where there is one already
        """
        results, updates = tuple(outputs), tuple(updates)
        survey = Survey([*results, *(new for _, new in updates)], inputs) if survey is None else survey
        found, targets = survey.leaves, dict(updates)
        shared = dict.fromkeys([v for v in found if isinstance(v, SharedVariable)] + list(targets))
        constants = [v for v in found if isinstance(v, Constant)]
        large = [v for v in constants if not is_literal(v)]
        parameters = (
            *(Parameter(INPUT, k, v) for k, v in enumerate(inputs)),
            *(Parameter(SHARED, k, v, v in targets) for k, v in enumerate(shared)),
            *(Parameter(CONST, k, v) for k, v in enumerate(large)),
        )
        layout = laid_out(
            [None if p.kind == SHARED else p.variable.type.ndim for p in parameters],
            [v.type.ndim for v in results],
        )
        literals = tuple(v for v in constants if is_literal(v))
        python = MappingProxyType(python_sites(survey))
        return cls(parameters, literals, results, updates, tuple(survey.order), python, layout)

    @property
    def roots(self) -> list[Variable]:
        """What a call computes: the outputs, then the new values."""
        return [*self.outputs, *(new for _, new in self.updates)]

    def variables(self, kind: str) -> list[Any]:
        """The leaves that stand for the parameters of a kind, by number."""
        return [p.variable for p in self.parameters if p.kind == kind]

    @cached_property
    def inputs(self) -> list[Variable]:
        return self.variables(INPUT)

    @cached_property
    def shared(self) -> list[SharedVariable]:
        return self.variables(SHARED)

    @cached_property
    def constants(self) -> tuple[Any, ...]:
        """The arrays of the large constants, C-contiguous."""
        return tuple(np.ascontiguousarray(v.data) for v in self.variables(CONST))


def is_literal(constant: Constant) -> bool:
    """Whether a Constant stands in the text of a program; a larger one is a parameter."""
    return constant.data.size <= LITERAL_ELEMENTS
