"""The C functions and types of templates/lib, and which of them a file needs.

Each stands under a line with its name, and says there which others and which functions of libm it uses:

    //: tgen_rs_normal tuned uses tgen_rs_uniform log

*tuned*: one number depends on the last, and the functions that call it want to be inlined with it. *called*:
it is never inlined, so it may be compiled apart; its body begins with a line that is a brace.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from tgen.core.dtypes import DTYPE

from .render import listed, render, source
from .routines import Routine

# the files, in the order in which a text has what it needs of them: those that others use, then the rest
FIRST = (
    "support.c.j2",
    "pair.c.j2",
    "blas.c.j2",
    "scalar.c.j2",
    "conv.c.j2",
    "pooling.c.j2",
    "random.c.j2",
    "randomstate.c.j2",
    "sort.c.j2",
)
# what the host module is made of, and our own products, a library
APART = ("gemm.c.j2", "lock.c.j2", "pool.c.j2", "storage.c.j2", "team.c.j2")
FILES = tuple(f"lib/{name}" for name in (*FIRST, *(f for f in listed("lib") if f not in (*FIRST, *APART))))
LOOPED = {  # what they loop over: functions for each dtype
    "floats": tuple((d.code, d.c, d.suffix, d.exact) for d in DTYPE.values() if d.kind == "f"),
    "types": tuple((d.blas, d.c) for d in DTYPE.values() if d.blas),
    "numbers": tuple((d.code, d.c, d.c_low) for d in DTYPE.values() if d.kind != "b"),
    "kinds": tuple((d.code, d.c, d.kind == "f") for d in DTYPE.values()),
}
PREFIX = "tgen_"  # of every name in these files
BODY = "\n{\n"
LOOP = 400  # characters of their text to a loop, about


@dataclass(frozen=True)
class Chunk:
    """One function or type: its C ``text``, the names it ``uses``, its ``place`` among all; its Routine if it
    is one.
    """

    name: str
    text: str
    uses: tuple[str, ...]
    tuned: bool
    place: tuple[int, int]
    routine: Routine | None


@functools.cache
def chunks(number: int) -> dict[str, Chunk]:
    """name -> Chunk of one of FILES, by its number."""
    text = source(FILES[number])
    text = render(FILES[number], **LOOPED) if "{%" in text else text
    found: dict[str, Chunk] = {}
    for chunk in text.split("\n//: ")[1:]:
        head, body = chunk.split("\n", 1)
        head, _, uses = head.partition(" uses ")
        name, *words = head.split()
        if name not in found:  # what a loop over dtypes has for all of them
            place = number, len(found)
            text = body.rstrip()
            apart = Routine(text, text.split(BODY)[0] + ";", len(text) // LOOP) if "called" in words else None
            found[name] = Chunk(name, text, tuple(uses.split()), "tuned" in words, place, apart)
    return found


def find(name: str) -> Chunk | None:
    """The Chunk of a name, or None. Of the files only those are looked at that stand before it."""
    for number in range(len(FILES)) if name.startswith(PREFIX) else ():
        if name in chunks(number):
            return chunks(number)[name]
    return None


def needed(names: Iterable[str]) -> tuple[list[Chunk], set[str]]:
    """(chunks, other names): what ``names`` and all that they use are, chunks in the order of their files.

    >>> [c.name for c in needed({"tgen_room", "exp"})[0]], sorted(needed({"tgen_rs_normal", "exp"})[1])
    (['tgen_fail', 'tgen_room'], ['exp', 'log'])
    """
    found: dict[str, Chunk] = {}
    others: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if name in found or name in others:
            continue
        chunk = find(name)
        if chunk is None:
            others.add(name)
        else:
            found[name] = chunk
            waiting.update(chunk.uses)
    return sorted(found.values(), key=lambda chunk: chunk.place), others


def is_tuned(names: Iterable[str]) -> bool:
    """Whether one of the functions called so is tuned."""
    return any(chunk.tuned for chunk in map(find, names) if chunk is not None)
