"""``T.signal``: pools over the last axes."""
from . import downsample, pool

__all__ = ["downsample", "pool"]
