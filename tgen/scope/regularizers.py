"""Penalties on a variable, run once when get_variable makes it; the result is filed under
REGULARIZATION_LOSSES.
"""

import numbers

import tgen.tensor as T


def no_regularizer(_):
    """Cancels a regularizer that the scope hands down."""
    return None


def _check_scale(scale):
    if isinstance(scale, numbers.Integral):
        raise ValueError(f"scale cannot be an integer: {scale}")
    if not isinstance(scale, numbers.Real):
        raise TypeError(f"scale must be a float (got: {scale!r})")
    if scale < 0.0:
        raise ValueError(f"Setting a scale less than 0 on a regularizer: {scale:g}")


def _penalty(scale, measure, name):
    _check_scale(scale)
    if scale == 0.0:
        return no_regularizer

    def regularizer(weights):
        return scale * measure(weights)

    regularizer.__name__ = name
    return regularizer


def l1_regularizer(scale):
    """``scale * sum(|w|)``. ValueError for an integer or negative scale; 0.0 gives no_regularizer."""
    return _penalty(scale, lambda w: T.sum(T.abs_(w)), "l1_regularizer")


def l2_regularizer(scale):
    """``scale * sum(w**2) / 2``. ValueError for an integer or negative scale; 0.0 gives no_regularizer.

    >>> import numpy as np, tgen
    >>> w = tgen.shared(np.array([3.0, 4.0]), "w")
    >>> float(l2_regularizer(0.5)(w).eval())
    6.25
    """
    return _penalty(scale, lambda w: T.sum(T.sqr(w)) * 0.5, "l2_regularizer")


def l1_l2_regularizer(scale_l1=1.0, scale_l2=1.0):
    """The sum of both penalties; a scale of 0.0 leaves its part out."""
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], "l1_l2_regularizer")


def sum_regularizer(regularizers, name="sum_regularizer"):
    """One regularizer that adds up several; None entries and no_regularizer count for nothing."""
    kept = [r for r in regularizers if r is not None and r is not no_regularizer]
    if not kept:
        return no_regularizer

    def regularizer(weights):
        losses = [loss for loss in (r(weights) for r in kept) if loss is not None]
        return sum(losses[1:], losses[0]) if losses else None

    regularizer.__name__ = name
    return regularizer
