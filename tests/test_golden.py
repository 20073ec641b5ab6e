"""Golden IR: each case of tests/golden/*.test says what passes make of a text; it is also run before and
after.

tests/cases.py describes the files; the line below a title is ``passes: names``. ``pytest --update-golden``
writes the texts that the passes make now.
"""

import numpy as np
import pytest
from cases import case_text, cases, write
from irgen import arguments

import tgen.ops  # noqa: F401
from tgen.ir.interp import run
from tgen.ir.text import parse, to_text
from tgen.ir.verify import verify
from tgen.passes import PIPELINE

PASSES = {p.name: p.run for p in PIPELINE}


@pytest.mark.parametrize("path, number", list(cases("*.test")))
def test_golden(path, number, update_golden):
    title, line, before, expected = case_text(path, number)
    function = verify(parse(before))
    new = function
    for name in line.removeprefix("passes:").split():
        new = verify(PASSES[name](new))
    text = to_text(new)
    if update_golden:
        write(path, number, title, line, before, text)
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
