"""Graphs and compiled functions as text and pictures, for people."""

from . import drawing, inspection, names, printing, table

__all__ = ["drawing", "inspection", "names", "printing", "table"]
