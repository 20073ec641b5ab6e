"""Functions as pickles: the final graph and what was asked for; no compiled code. Loading compiles through
the cache.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterator, Sequence
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from tgen.graph.pickling import pack, unpack
from tgen.graph.shared import Container, SharedVariable

from .function import Function
from .io import In, Out
from .request import Request, signature_of

if TYPE_CHECKING:
    from tgen.graph.nodes import Variable

    from .mode import Mode

_OF_IN = ("name", "mutable", "strict", "allow_downcast", "autoname", "implicit", "borrow", "shared")
# attributes of an In, its default, whether it has an update
Settings: TypeAlias = tuple[dict[str, Any], Any, bool]


class Plain(TypedDict):
    """What a pickle holds besides the graph."""

    ins: list[Settings]
    borrow: list[bool]
    keys: list[str] | None
    unpack: bool
    mode: Mode
    name: str
    profile: bool
    trust_input: bool


def _reduce(f: Function) -> tuple[Callable[..., Function], tuple[Any, list[int], Plain]]:
    """One flat graph for all variables of the function, beside plain data."""
    r = f.request
    groups: list[Sequence[Variable]] = [
        [i.variable for i in r.ins],
        [i.update for i in r.ins if i.update is not None],
        r.inputs,
        [o.variable for o in r.outs],
        r.outputs,
        [s for s, _ in r.updates],
        [value for _, value in r.updates],
    ]
    packed = pack([v for group in groups for v in group])
    plain: Plain = {
        "ins": [_settings(i) for i in r.ins],
        "borrow": [o.borrow for o in r.outs],
        "keys": r.keys,
        "unpack": r.unpack,
        "mode": r.mode,
        "name": f.name,
        "profile": bool(r.profile),
        "trust_input": f.trust_input,
    }
    return _restore, (packed, [len(group) for group in groups], plain)


def _settings(i: In) -> Settings:
    """(attributes, default value, whether there is an update); the value of an implicit input is the leaf
    that stands for it.
    """
    value = None if isinstance(i.value, (Container, SharedVariable)) else i.value
    return {name: getattr(i, name) for name in _OF_IN}, value, i.update is not None


def _restore(packed: tuple[Any, ...], counts: Sequence[int], plain: Plain) -> Function:
    flat = iter(unpack(*packed))
    variables, in_updates, inputs, out_variables, outputs, targets, values = (
        [next(flat) for _ in range(count)] for count in counts
    )
    later = iter(in_updates)
    ins = [_in(v, leaf, settings, later) for v, leaf, settings in zip(variables, inputs, plain["ins"])]
    outs = [Out(v, borrow) for v, borrow in zip(out_variables, plain["borrow"])]
    f = Function(
        Request(
            ins,
            inputs,
            outs,
            signature_of(inputs, outputs, zip(map(_target, targets), values)),
            plain["keys"],
            plain["unpack"],
            plain["mode"],
            plain["name"],
            plain["profile"],
        )
    )
    f.trust_input = plain["trust_input"]
    return f


def _target(v: Variable) -> SharedVariable:
    """``v``, whose update the pickle holds."""
    if not isinstance(v, SharedVariable):
        raise UnpicklingError(f"the function's pickle is damaged: it updates {v}, which is not shared")
    return v


def _in(v: Variable, leaf: Variable, settings: Settings, in_updates: Iterator[Variable]) -> In:
    attributes, value, updated = settings
    i = In(v, update=next(in_updates) if updated else None)
    for name, setting in attributes.items():
        setattr(i, name, setting)
    i.value = leaf if i.implicit else value
    return i


copyreg.pickle(Function, _reduce)
