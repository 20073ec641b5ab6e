"""Programs to read first; each runs as ``python -m tgen.examples.NAME``."""
