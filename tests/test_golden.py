"""Golden IR: each case of tests/golden/*.test says what passes make of a text; it is also run before and
after.

A case is a title line ``=== title``, a line ``passes: names``, the input, a line ``--- becomes``, the
expected text. ``pytest --update-golden`` writes the texts that the passes make now.
"""

from pathlib import Path

import numpy as np
import pytest
from irgen import arguments

import tgen.ops  # noqa: F401
from tgen.ir.interp import run
from tgen.ir.text import parse, to_text
from tgen.ir.verify import verify
from tgen.passes import PIPELINE

FOLDER = Path(__file__).parent / "golden"
PASSES = {p.name: p.run for p in PIPELINE}


def cases():
    for path in sorted(FOLDER.glob("*.test")):
        for number, text in enumerate(path.read_text().split("=== ")[1:]):
            title = text.partition("\n")[0]
            yield pytest.param(path, number, id=f"{path.stem}: {title}")


def case_text(path, number):
    """(title, passes, input, expected)"""
    title, line, body = path.read_text().split("=== ")[1 + number].split("\n", 2)
    before, _, after = body.partition("--- becomes\n")
    return title, line.removeprefix("passes:").split(), before, after.rstrip() + "\n"


def write(path, number, title, passes, before, after):
    head, *texts = path.read_text().split("=== ")
    texts[number] = f"{title}\npasses: {' '.join(passes)}\n{before}--- becomes\n{after}\n"
    path.write_text(head + "".join("=== " + t for t in texts).rstrip("\n") + "\n")


@pytest.mark.parametrize("path, number", list(cases()))
def test_golden(path, number, update_golden):
    title, passes, before, expected = case_text(path, number)
    function = verify(parse(before))
    new = function
    for name in passes:
        new = verify(PASSES[name](new))
    text = to_text(new)
    if update_golden:
        write(path, number, title, passes, before, text)
    else:
        assert text == expected
    for seed in range(3):
        agree(function, new, arguments(function, np.random.default_rng(seed), special=False))


def agree(old, new, given):
    """Both functions give the same results, or the same kind of error."""
    try:
        wanted = run(old, *given)
    except (ValueError, IndexError) as error:
        with pytest.raises(type(error)):
            run(new, *given)
        return
    for many, others in zip(wanted, run(new, *given)):
        for a, b in zip(many, others, strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(
                a,
                b,
                rtol=2e-5 if a.dtype == np.float32 else 1e-9,
                atol=1e-6 if a.dtype == np.float32 else 1e-12,
            )
