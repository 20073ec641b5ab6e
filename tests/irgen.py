"""Inputs that fit a function of the IR."""

import numpy as np
from special import plain_array, special_array

from tgen.core import dims
from tgen.ir.nodes import CONST, INPUT

SIZES = {dims.LENGTH: (3, 4, 2, 5), dims.VALUE: (1, 2, 0, 3)}


def bindings(function):
    """A number for each symbol that the parameters name."""
    found = {}
    for param, v in zip(function.params, function.block.params):
        own = [] if param.symbol is None else [param.symbol]
        for symbol in (*own, *v.type.symbols):
            choices = SIZES[symbol.kind]
            found.setdefault(symbol, choices[len(found) % len(choices)])
    return found


def arguments(function, rng, special=True):
    """(inputs, shared) arrays that fit ``function``; integers that serve as indices should come from
    ``special=False``.
    """
    values, given = bindings(function), {INPUT: [], "shared": []}
    make = special_array if special else plain_array
    for param, v in zip(function.params, function.block.params):
        if param.kind == CONST:
            continue
        shape = tuple(dims.evaluate(s, values) for s in v.type.shape)
        array = (
            make(rng, v.type.dtype, shape)
            if param.symbol is None
            else np.asarray(values[param.symbol], v.type.dtype)
        )
        given[param.kind].append(array)
    return given[INPUT], given["shared"]
