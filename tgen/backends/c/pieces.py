"""A long text in pieces that several compilers work on at once.

The functions of a text that are not inlined (its ``routines``) may be compiled anywhere: a piece is the text
with only some of them, and prototypes in the places of the others. Compiled alone, the text is one file with
nothing exported but its entry.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tgen.codegen.routines import Routine, Source

WORTH = 16000  # functions of this cost get one more compiler: about 40 ms
# what a loop costs beside its text, in characters: measured function by function on a LeNet, 2.7 ms a
# thousand characters, 3 ms a loop
LOOP = 1200
# what is static in one text must be seen by the other pieces
SEPARATE = '-DTGEN_STATIC=__attribute__((visibility("hidden")))'


def split(source: str, most: int) -> list[str]:
    """The texts of at most ``most`` pieces of a Source (codegen/routines.py); ``[source]`` where one is
    enough, as of any other text.

    >>> from tgen.codegen.routines import Source, routine
    >>> parts = [routine("", f"void part{k}(void)", "{" + " x++;"*2000 + "}\\n", 3) for k in range(3)]
    >>> source = Source("int x;\\n" + "".join(p.text for p in parts), tuple(parts))
    >>> for piece in split(source, 2):
    ...     print([line[:17] for line in piece.splitlines() if "part" in line])
    ['void part0(void)', 'void part1(void);', 'void part2(void)']
    ['void part0(void);', 'void part1(void)', 'void part2(void);']
    """
    routines = source.routines if isinstance(source, Source) else ()
    costs = [len(r.text) + LOOP * r.loops for r in routines]
    count = min(most, sum(costs) // WORTH)
    if count < 2:
        return [source]
    pieces: list[set[int]] = [set() for _ in range(count)]
    sums = [0] * count
    for number in sorted(range(len(costs)), key=costs.__getitem__, reverse=True):
        k = sums.index(min(sums))
        pieces[k].add(number)
        sums[k] += costs[number]
    return [with_only(source, routines, kept) for kept in pieces]


def with_only(source: str, routines: Sequence[Routine], kept: Collection[int]) -> str:
    """The text with prototypes for all routines but the numbers ``kept``."""
    out: list[str] = []
    at = 0
    for number, routine in enumerate(routines):
        start = source.index(routine.text, at)
        out += [source[at:start], routine.text if number in kept else routine.prototype]
        at = start + len(routine.text)
    return "".join([*out, source[at:]])
