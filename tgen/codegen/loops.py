"""The loop tree a kernel becomes: Lines and Loops, laid out by templates/kernel.c.j2."""

from dataclasses import dataclass, field


@dataclass
class Lines:
    """C statements, one each."""

    texts: list = field(default_factory=list)
    kind = "lines"


@dataclass
class Loop:
    """``for (int64_t var = low; var < high; var++)``; ``simd`` holds the clauses of an omp simd pragma, or is
    None.
    """

    var: str
    low: str
    high: str
    body: list = field(default_factory=list)
    simd: str = None
    step: str = None
    kind = "loop"


def nest(bounds):
    """(outermost loop, innermost loop) of nested loops; ``bounds`` are (var, low, high)."""
    first = last = None
    for var, low, high in bounds:
        loop = Loop(var, low, high)
        if last is None:
            first = loop
        else:
            last.body.append(loop)
        last = loop
    return first, last
