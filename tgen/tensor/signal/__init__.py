"""``T.signal``: pools over the last axes, convolutions of plain images."""

from . import conv, downsample, pool

__all__ = ["conv", "downsample", "pool"]
