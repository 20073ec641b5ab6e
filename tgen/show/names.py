"""What a user named, and where, as text that is safe to show.

A variable called ``"\\x1b[2J"`` clears nobody's screen.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tgen.core.values import Line

LONGEST_LABEL = 200


def escape(text: object) -> str:
    r"""``text`` with everything that is not printable written as in a Python string, on one line.

    >>> print(escape("w\n\x1b[31mred"), escape("größe"))
    w\n\x1b[31mred größe
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in str(text)
    )


def label(name: object) -> str:
    """A name the user chose, for a table: escaped, and cut where nobody reads on.

    >>> label("w"), label("w" * 1000) == "w" * 200 + "..."
    ('w', True)
    """
    text = str(name)
    return escape(text if len(text) <= LONGEST_LABEL else text[:LONGEST_LABEL] + "...")


def place(where: Line | None, full: bool = False) -> str:
    """``file:line`` of a (file, line), the file without its directories unless ``full``; "" for None."""
    if where is None:
        return ""
    file, line = where
    return escape(f"{file if full else os.path.basename(file)}:{line}")
