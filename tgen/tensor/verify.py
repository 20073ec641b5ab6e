"""``verify_grad``: a gradient against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tgen.core.dtypes import DTYPE
from tgen.core.types import TensorType
from tgen.errors import GradientError
from tgen.graph.grad import grad
from tgen.graph.walk import leaves

from .reduce import sum as total
from .variable import as_tensor_variable

__all__ = ["verify_grad", "numeric_grad"]


def _demand_floats(points, name):
    for p in points:
        if p.dtype.name not in DTYPE or not DTYPE[p.dtype.name].step:
            raise TypeError(f"{name} can work only with float arrays, got one of {p.dtype}")


def numeric_grad(function: Callable[..., Any], points: Any, eps: float | None = None) -> Any:
    """The gradients of ``function(*points) -> number`` by central differences: arrays of the shapes of
    ``points``. TypeError for arrays that are no floats.
    """
    points = [np.array(p) for p in points]
    _demand_floats(points, "numeric_grad")
    results = [np.zeros(p.shape, "float64") for p in points]
    for point, result in zip(points, results):
        step = eps or DTYPE[point.dtype.name].step
        for place in np.ndindex(point.shape):
            kept = point[place]
            values = []
            for moved in (kept + step, kept - step):
                point[place] = moved
                values.append(float(function(*points)))
            point[place] = kept
            result[place] = (values[0] - values[1]) / (2 * step)
    return results


def verify_grad(
    fun: Callable[..., Any],
    pt: Sequence[Any],
    n_tests: int = 2,
    rng: Any = None,
    eps: float | None = None,
    out_type: str | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Any = None,
    cast_to_output_type: bool = False,
    no_debug_ref: bool = True,
) -> None:
    """Compare ``T.grad`` of ``fun`` with finite differences at the arrays ``pt``; GradientError where they
    differ.

    ``fun`` takes a variable for each array (floats) and gives one float variable. It is multiplied by random
    numbers of ``rng`` (a RandomState) and summed; that is done ``n_tests`` times. A value passes that is
    within ``abs_tol`` or ``rel_tol`` (by default 1e-4; 1e-2 if there is a float32). TypeError for arrays that
    are no floats.
    """
    pt = [np.array(p) for p in pt]
    _demand_floats(pt, "verify_grad")
    rng = np.random.RandomState(1) if rng is None else rng
    variables = [TensorType(p.dtype.name, p.shape)(f"input {k}") for k, p in enumerate(pt)]
    output = as_tensor_variable(fun(*variables))
    dtypes = [*(v.type.dtype for v in variables), output.type.dtype]
    tolerance = max(DTYPE[d].slope_tolerance for d in dtypes)
    given = dict(zip(variables, pt))
    weights = TensorType(output.type.dtype, (None,) * output.type.ndim)("weights")
    cost = total(output * weights)
    gradients = grad(cost, variables, disconnected_inputs="ignore")
    shape = _value(output, given).shape
    for _ in range(n_tests):
        weighted = {weights: np.asarray(rng.uniform(0.5, 1.5, shape)).astype(output.type.dtype)}

        def cost_at(*point, weighted=weighted):
            return _value(cost, {**dict(zip(variables, point)), **weighted})

        numeric = numeric_grad(cost_at, pt, eps)
        for k, (symbolic, expected) in enumerate(zip(gradients, numeric)):
            _compare(
                k,
                _value(symbolic, {**given, **weighted}),
                expected,
                abs_tol or tolerance,
                rel_tol or tolerance,
            )


def _value(v, given):
    """The value of v; of ``given`` only what it needs."""
    return v.eval({x: given[x] for x in leaves([v]) if x in given})


def _compare(number, got, expected, abs_tol, rel_tol):
    gap = np.abs(got - expected)
    relative = gap / np.maximum(np.abs(got) + np.abs(expected), 1e-8)
    bad = ~((gap <= abs_tol) | (relative <= rel_tol))
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise GradientError(
            f"the gradient of input {number} at {place} is {got[place]}, by finite "
            f"differences {expected[place]} "
            f"(absolute error {gap[place]:.3g} > {abs_tol}, relative {relative[place]:.3g} > "
            f"{rel_tol})"
        )


verify_grad.E_grad = GradientError
