"""Golden files: cases that say what a text becomes.

A case is a title line ``=== title``, a line that says how it is made, the text, a line ``--- becomes``, the
expected text.
"""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"
MARK, BECOMES = "=== ", "--- becomes\n"


def cases(pattern):
    """A parameter (path, number) for each case of the files that match ``pattern``."""
    for path in sorted(FOLDER.glob(pattern)):
        for number, text in enumerate(path.read_text().split(MARK)[1:]):
            title = text.partition("\n")[0]
            yield pytest.param(path, number, id=f"{path.stem}: {title}")


def case_text(path, number):
    """(title, the line below it, text, expected)"""
    title, line, body = path.read_text().split(MARK)[1 + number].split("\n", 2)
    before, _, after = body.partition(BECOMES)
    return title, line, before, after.rstrip() + "\n"


def write(path, number, title, line, before, after):
    """Put what the text becomes now into its case."""
    head, *texts = path.read_text().split(MARK)
    texts[number] = f"{title}\n{line}\n{before}{BECOMES}{after}\n"
    path.write_text(head + "".join(MARK + t for t in texts).rstrip("\n") + "\n")
