"""The passes: PIPELINE is what runs, in this order; ORDER is what must come before what, with the reason,
checked at import.

A pass is a function Function -> Function that builds a new one and changes nothing in place. To add one: a
file, a row in PIPELINE, rows in ORDER, and a ``tests/golden/<name>.test``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tgen.config import config
from tgen.ir.origin import Origin, making
from tgen.ir.text import to_text
from tgen.ir.verify import verify
from tgen.passes.batch import batch
from tgen.passes.blas import blas
from tgen.passes.cse import cse
from tgen.passes.dce import dce
from tgen.passes.expand import expand
from tgen.passes.fold import fold
from tgen.passes.fuse import fuse
from tgen.passes.hoist import hoist
from tgen.passes.keep import keep
from tgen.passes.narrow import narrow
from tgen.passes.simplify import simplify
from tgen.passes.stabilise import stabilise

if TYPE_CHECKING:
    from tgen.ir.nodes import Function

COMPILED = ("INTERPRET",)  # the mode that leaves out what prepares a program for C
QUICK = ("FAST_COMPILE", *COMPILED)  # the modes that leave out what only makes programs faster
# of config.debug, from which the IR is verified and printed after every pass (tests verify too)
VERIFY_LEVEL = 5
# of config.debug, from which the IR before the first and after the last pass is printed
ENDS_LEVEL = 3
SHOWN_LINES = 200  # of the IR before a pass that failed


@dataclass(frozen=True)
class Pass:
    """``run`` is Function -> Function; ``off`` names the modes that leave it out."""

    name: str
    run: Callable[[Function], Function]
    off: tuple[str, ...] = ()


PIPELINE = (
    Pass("stabilise", stabilise),
    Pass("fold", fold, QUICK),
    Pass("simplify", simplify, QUICK),
    Pass("expand", expand, COMPILED),
    Pass("prune", dce, QUICK),
    Pass("hoist", hoist, QUICK),
    Pass("batch", batch, QUICK),
    Pass("narrow", narrow, QUICK),
    Pass("keep", keep, QUICK),
    Pass("cse", cse, QUICK),
    Pass("blas", blas, COMPILED),
    Pass("dce", dce),
    Pass("fuse", fuse, COMPILED),
    Pass("trim", dce, COMPILED),
)

ORDER = (
    ("stabilise", "fold", "folding log(1 + c) would keep the digits that log1p does not lose"),
    (
        "stabilise",
        "simplify",
        "a program means the same in every mode, so the stable rules see it as it was written",
    ),
    ("stabilise", "expand", "log(softmax(x)) is found by the op softmax, which expand takes apart"),
    ("fold", "simplify", "rules look for constants, and folding makes them"),
    ("simplify", "cse", "two spellings of one value become equal first"),
    (
        "simplify",
        "hoist",
        "slices of what was written into zeros become zeros, which are the same at every step",
    ),
    ("expand", "hoist", "the maximum of a softmax of what no step changes is made before the loop"),
    ("prune", "hoist", "what a loop keeps and nobody reads would be made before it"),
    ("hoist", "batch", "the matrix of a product over all steps stands outside"),
    ("simplify", "narrow", "an element picked by a number becomes a slice"),
    ("prune", "narrow", "what nobody reads needs no part of anything"),
    ("batch", "narrow", "of a product over all steps only the rows that are read are computed"),
    ("narrow", "keep", "the last row of exp(y) is exp of the last row of y"),
    ("batch", "keep", "what a product after the loop reads of a history is kept"),
    ("batch", "blas", "batch looks for dot, and blas leaves none"),
    ("keep", "dce", "a history of which only the last rows were read is dropped"),
    ("hoist", "cse", "two loops may have the same invariant"),
    ("expand", "cse", "softmax and logsoftmax of one value share their max, their exp and their sum"),
    ("expand", "dce", "what the rules left behind is dropped once, at the end"),
    ("blas", "dce", "the transposes that products absorbed are dropped"),
    ("dce", "fuse", "a kernel computes all its results, wanted or not"),
    ("fuse", "trim", "what a consumer computes again is dead in the kernel that computed it first"),
)


def check_order(pipeline: Sequence[Pass], order: Iterable[tuple[str, str, str]]) -> None:
    """ValueError unless ``pipeline`` has every pass that ``order`` names, each once, in its order."""
    names = [p.name for p in pipeline]
    if len(set(names)) != len(names):
        raise ValueError(f"a pass stands twice in the pipeline: {', '.join(names)}")
    for before, after, reason in order:
        if before not in names or after not in names:
            raise ValueError(f"ORDER names {before} and {after}; the pipeline has {', '.join(names)}")
        if names.index(before) > names.index(after):
            raise ValueError(f"{before} must come before {after}: {reason}")


check_order(PIPELINE, ORDER)


def run(
    function: Function,
    mode: str = "FAST_RUN",
    stages: list[tuple[str, Function]] | None = None,
    checked: bool | None = None,
    skip: Sequence[str] = (),
    pipeline: Sequence[Pass] = PIPELINE,
) -> Function:
    """``function`` through the pipeline in ``mode``.

    ``stages``: a list that receives (pass name, Function) after each pass that ran. ``checked``: verify the
    IR before and after every pass (by default from config.debug = 5). ``skip`` names passes to leave out. An
    exception inside a pass gets a note with the name of the pass and the IR before it.

    >>> from tgen.ir.text import parse
    >>> text = "v1: float64[] = neg v0\\n v2: float64[] = neg v1\\n return v2"
    >>> print(to_text(run(parse("function (v0: float64[]) {\\n " + text + "\\n}"))), end="")
    function (v0: float64[]) {
      return v0
    }
    """
    checked = config.debug >= VERIFY_LEVEL if checked is None else checked
    if checked:
        verify(function)
    _show("before the passes", function, ENDS_LEVEL)
    for row in pipeline:
        if mode in row.off or row.name in skip:
            continue
        function = _run_one(row, function, checked)
        _show(f"after {row.name}", function, VERIFY_LEVEL)
        if stages is not None:
            stages.append((row.name, function))
    _show("after the passes", function, ENDS_LEVEL)
    return function


def _show(title: str, function: Function, level: int) -> None:
    if config.debug >= level:
        print(f"-- IR {title}", to_text(function), sep="\n", file=sys.stderr)


def _run_one(row: Pass, function: Function, checked: bool) -> Function:
    try:
        with making(Origin(row.name)):
            new = row.run(function)
        return verify(new) if checked else new
    except Exception as error:
        lines = to_text(function).splitlines()
        more = [f"... {len(lines) - SHOWN_LINES} lines more"] if len(lines) > SHOWN_LINES else []
        error.add_note("\n".join([f"in pass {row.name}; the IR before it:", *lines[:SHOWN_LINES], *more]))
        raise
