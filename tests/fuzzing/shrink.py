"""The smallest program that still fails: outputs and updates dropped, values in the middle made inputs,
layouts made plain.
"""

from dataclasses import replace

import numpy as np

import tgen
from tgen.ir.text import to_text

from . import batch
from .program import Leaf, differentiated
from .values import Values

TRIES = 80


def needed(program):
    """The program without statements and leaves that nothing needs."""
    wanted = {*program.outputs, *(name for pair in program.updates for name in pair)}
    if program.gradient:
        wanted |= {program.gradient[0], *program.gradient[1], *program.gradient[2]}
    kept = []
    for statement in reversed(program.statements):
        if wanted & set(statement.made):
            kept.append(statement)
            wanted |= set(statement.used)
    leaves = tuple(leaf for leaf in program.leaves if leaf.name in wanted)
    return program.with_(statements=tuple(reversed(kept)), leaves=leaves)


def candidates(program):
    """Smaller programs, the boldest first."""
    if program.gradient:
        yield program.with_(gradient=())
    for name in reversed(program.outputs):
        if len(program.outputs) > 1:
            yield program.with_(outputs=(name,), updates=())
    for name in program.outputs:
        if len(program.outputs) > 1:
            yield program.with_(outputs=tuple(v for v in program.outputs if v != name))
    makers = {name: s for s in program.statements for name in s.made}
    for name in program.outputs:  # what an output is made of, in its place
        made_of = (
            tuple(v for v in makers[name].used if v in makers and v not in program.outputs)
            if name in makers
            else ()
        )
        if made_of and not program.gradient:
            yield program.with_(outputs=tuple(v for v in program.outputs if v != name) + made_of)
    if program.updates:
        yield program.with_(updates=())
        for pair in program.updates:
            yield program.with_(updates=tuple(p for p in program.updates if p != pair))
    if program.choice:  # what is taken of its leaves is known as they are
        return
    yield from cut(program)
    for k, leaf in enumerate(program.leaves):
        for simple in simpler(leaf, program):
            yield program.with_(leaves=(*program.leaves[:k], simple, *program.leaves[k + 1 :]))


def cut(program):
    """A statement's result as an input with the value it has."""
    try:
        space, values = program.names(), Values()
        for leaf in program.leaves:
            values[space[leaf.name]] = leaf.array
        arrays = {}
        for statement in program.statements:
            for name in statement.made:
                arrays[name] = np.array(values.of(space[name]))
    except Exception:
        arrays = arrays if "arrays" in locals() else {}
    ends = {program.gradient[0], *program.gradient[2]} if program.gradient else set()
    for statement in reversed(program.statements):
        if all(name in arrays for name in statement.made) and not ends & set(statement.made):
            leaves = tuple(
                Leaf(name, arrays[name], tuple(n if n == 1 else None for n in space[name].type.shape))
                for name in statement.made
            )
            shorter = program.with_(
                statements=tuple(s for s in program.statements if s is not statement),
                leaves=program.leaves + leaves,
            )
            yield also_in(shorter, leaves)


def also_in(program, leaves):
    """The program that is differentiated in the new ``leaves``, too, and no longer in what nothing but the
    gradient needs.
    """
    if not program.gradient:
        return program
    cost, wrt, names = program.gradient
    others = [s for s in program.statements if s.made != names]
    used = {name for s in others for name in s.used}
    wrt = [name for name in wrt if name in used] + [
        leaf.name for leaf in leaves if leaf.array.dtype == "float64" and leaf.name in used
    ]
    made = tuple(f"g_{name}" for name in wrt)
    outputs = tuple(v for v in program.outputs if v not in names)
    return program.with_(
        statements=(*others, differentiated(cost, wrt, made)),
        gradient=(cost, tuple(wrt), made),
        outputs=outputs + made,
    )


def simpler(leaf, program):
    if leaf.layout != "C":
        yield replace(leaf, layout="C")
    if leaf.shared and leaf.name not in dict(program.updates):
        yield replace(leaf, shared=False, shape=(None,) * leaf.array.ndim)
    if any(n not in (None, 1) for n in leaf.shape):
        yield replace(leaf, shape=tuple(n if n == 1 else None for n in leaf.shape))
    if leaf.array.size > 1 and leaf.array.dtype.kind == "f":
        plain = np.round(np.where(np.isfinite(leaf.array) & (abs(leaf.array) < 1e6), leaf.array, 1)).astype(
            leaf.array.dtype
        )
        if not np.array_equal(plain, leaf.array):
            yield replace(leaf, array=plain)


def shrunk(program, kind, outcome, say=lambda k: None):
    """(program, what its fault says, its IR): smaller while ``outcome`` gives a fault of the same kind."""
    words, tries, again = kind, 0, True
    while again and tries < TRIES:
        again = False
        for candidate in candidates(program):
            candidate = needed(candidate)
            tries += 1
            say(tries)
            found = outcome(candidate)
            if found is not None and found[0] == kind:
                program, words, again = candidate, found[1], True
                break
            if tries >= TRIES:
                break
    return program, words, ir_text(program)


def ir_text(program):
    """The IR as lowered and behind the passes."""
    try:
        space = program.names()
        with batch.supplied(lambda p, general: None):
            f = tgen.function(
                [space[leaf.name] for leaf in program.inputs()],
                [space[v] for v in program.outputs],
                updates=[(space[s], space[v]) for s, v in program.updates],
                on_unused_input="ignore",
            )
            return f"{to_text(f.fn.program.lowered.function)}\n{to_text(f.fn.program.final())}"
    except Exception as error:
        return f"{type(error).__name__}: {error}\n"
