"""Functions as pickles: the final graph and what was asked for; no compiled code. Loading compiles through
the cache.
"""

import copyreg

from tgen.graph.pickling import pack, unpack
from tgen.graph.shared import Container, SharedVariable

from .function import Function
from .io import In, Out
from .request import Request, signature_of

_OF_IN = ("name", "mutable", "strict", "allow_downcast", "autoname", "implicit", "borrow", "shared")


def _reduce(f):
    """One flat graph for all variables of the function, beside plain data."""
    r = f.request
    groups = [
        [i.variable for i in r.ins],
        [i.update for i in r.ins if i.update is not None],
        r.inputs,
        [o.variable for o in r.outs],
        r.outputs,
        [s for s, _ in r.updates],
        [value for _, value in r.updates],
    ]
    packed = pack([v for group in groups for v in group])
    plain = {
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


def _settings(i):
    """(attributes, default value, whether there is an update); the value of an implicit input is the leaf
    that stands for it.
    """
    value = None if isinstance(i.value, (Container, SharedVariable)) else i.value
    return {name: getattr(i, name) for name in _OF_IN}, value, i.update is not None


def _restore(packed, counts, plain):
    flat = iter(unpack(*packed))
    variables, in_updates, inputs, out_variables, outputs, targets, values = (
        [next(flat) for _ in range(count)] for count in counts
    )
    in_updates = iter(in_updates)
    ins = [_in(v, leaf, settings, in_updates) for v, leaf, settings in zip(variables, inputs, plain["ins"])]
    outs = [Out(v, borrow) for v, borrow in zip(out_variables, plain["borrow"])]
    f = Function(
        Request(
            ins,
            inputs,
            outs,
            signature_of(inputs, outputs, zip(targets, values)),
            plain["keys"],
            plain["unpack"],
            plain["mode"],
            plain["name"],
            plain["profile"],
        )
    )
    f.trust_input = plain["trust_input"]
    return f


def _in(v, leaf, settings, in_updates):
    attributes, value, updated = settings
    i = In(v, update=next(in_updates) if updated else None)
    for name, setting in attributes.items():
        setattr(i, name, setting)
    i.value = leaf if i.implicit else value
    return i


copyreg.pickle(Function, _reduce)
