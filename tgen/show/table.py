"""Rows of strings as a table of aligned columns."""

from collections.abc import Iterable, Sequence


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows of strings as aligned lines, columns that are empty everywhere left out."""
    kept = [column for column in zip(*rows) if any(column)]
    widths = [max(map(len, column)) for column in kept]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in zip(*kept))
