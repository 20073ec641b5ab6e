"""A long text in pieces that several compilers work on at once.

The functions of a text that are not inlined (they begin with TGEN_CALLED, TGEN_MOVES or TGEN_STATIC) may be
compiled anywhere: a piece is the text with only some of them, and prototypes in the places of the others.
Compiled alone, the text is one file with nothing exported but its entry.
"""

import re

WORTH = 16000  # functions of this cost get one more compiler: about 40 ms
# what a loop costs beside its text, in characters: measured function by function on a LeNet, 2.7 ms a
# thousand characters, 3 ms a loop
LOOP = 1200
# what is static in one text must be seen by the other pieces
SEPARATE = '-DTGEN_STATIC=__attribute__((visibility("hidden")))'
BEGINS = re.compile(
    r"^(?:TGEN_CALLED|TGEN_MOVES|TGEN_STATIC int32_t tgen_core\(|int32_t tgen_entry\().*", re.M
)


def split(c_text, most):
    """The texts of at most ``most`` pieces; ``[c_text]`` where one is enough.

    >>> part = "TGEN_CALLED void part%d(void)\\n{\\n%s}\\n"
    >>> parts = [part % (k, "    x++;\\n" * 2000) for k in range(3)]
    >>> text = "".join(parts) + "int32_t tgen_entry(void) { return 0; }\\n"
    >>> [re.findall(r"part.*?;|(?:part|entry).*$", piece, re.M) for piece in split("int x;\\n" + text, 2)]
    [['part0(void)', 'part1(void);', 'part2(void)', 'entry(void);'], ['part0(void);', 'part1(void)',
    'part2(void);', 'entry(void) { return 0; }']]
    """
    functions = [(m.start(), end_of(c_text, m)) for m in BEGINS.finditer(c_text)]
    costs = {start: end - start + LOOP * c_text.count("for (", start, end) for start, end in functions}
    count = min(most, sum(costs.values()) // WORTH)
    if count < 2:
        return [c_text]
    pieces, sums = [set() for _ in range(count)], [0] * count
    for start in sorted(costs, key=costs.get, reverse=True):
        k = sums.index(min(sums))
        pieces[k].add(start)
        sums[k] += costs[start]
    return [with_only(c_text, functions, kept) for kept in pieces]


def end_of(c_text, begin):
    """Where a function ends: with its line, or with the next brace that begins a line."""
    return begin.end() + 1 if begin[0].endswith("}") else c_text.index("\n}\n", begin.end()) + 3


def with_only(c_text, functions, kept):
    out, at = [], 0
    for start, end in functions:
        out.append(c_text[at:start])
        out.append(
            c_text[start:end] if start in kept else c_text[start : c_text.index("{", start)].rstrip() + ";\n"
        )
        at = end
    return "".join([*out, c_text[at:]])
