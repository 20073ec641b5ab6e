"""``theano.tensor.signal.downsample``: the max pool under its old names."""

from .pool import max_pool_2d_same_size, pool_2d

__all__ = ["max_pool_2d", "max_pool_2d_same_size", "pool_2d"]


def max_pool_2d(input, ds, ignore_border=None, st=None, padding=(0, 0), mode="max"):
    """``signal.pool.pool_2d`` under its old name: windows ``ds``, at a distance of ``st`` (None: ds).

    >>> import tgen.tensor as T
    >>> max_pool_2d(T.tensor4(), (2, 2), ignore_border=True).ndim
    4
    """
    return pool_2d(input, ds, ignore_border, st, padding, mode)
