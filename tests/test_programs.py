"""The programs of tests/programs run as they stand: what a user of Theano or TensorFlow 1 writes, with
asserts on the numbers.
"""

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_program(path):
    runpy.run_path(str(path), run_name="__main__")


def test_there_are_programs():
    assert {p.stem for p in PROGRAMS} >= {
        "accumulator",
        "borrow",
        "counter",
        "minibatch",
        "scopes",
        "threads",
    }
