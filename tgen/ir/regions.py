"""How a kernel reads its operands and reduces its results, in NumPy over whole domains at once; for the
interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.maps import WHOLE

if TYPE_CHECKING:
    from tgen.core.maps import Axis
    from tgen.core.op import Attrs, Op


def operand(
    array: np.ndarray,
    axes: list[tuple[Axis, int, int]],
    batch: tuple[int, ...],
    domain: tuple[int, ...],
    found: dict[int, np.ndarray],
) -> np.generic | np.ndarray:
    """An operand as the kernel's block sees it: the batch axes, one axis per domain dim, then the WHOLE axes.

    ``axes`` are (Axis, start, step) with the sizes as ints, one per own axis of ``array`` (after its axes for
    the outer domains, ``batch``); ``found`` maps the number of an operand to the values it gives as
    indices.
    """
    before = len(batch)
    if 0 in batch + domain:  # nothing is read, so no index can be out of bounds
        whole = tuple(array.shape[before + k] for k, (a, _, _) in enumerate(axes) if a == WHOLE)
        return np.zeros(array.shape[:before] + domain + whole, array.dtype)
    used = [a.index for a, _, _ in axes if a.index is not None and a != WHOLE]
    if found or len(set(used)) != len(used) or any(a != WHOLE and not step for a, _, step in axes):
        return _gathered(array, axes, before, domain, found)
    return _sliced(array, axes, before, domain)


def _sliced(
    array: np.ndarray, axes: list[tuple[Axis, int, int]], before: int, domain: tuple[int, ...]
) -> np.generic | np.ndarray:
    """The common case, a view: each domain dim used by one axis at most."""
    index: list[Any] = [slice(None)] * before
    place: list[int] = []
    for number, (axis, start, step) in enumerate(axes):
        size = array.shape[before + number]
        if axis == WHOLE:
            index.append(slice(None))
            place.append(len(domain) + number)
        elif axis.index is None:
            index.append(_position(start, size))
        else:
            index.append(_range(start, step, domain[axis.index], size))
            place.append(axis.index)
    view = array[tuple(index)]
    order = sorted(range(len(place)), key=place.__getitem__)
    view = view.transpose([*range(before), *(before + k for k in order)])
    missing = [before + d for d in range(len(domain)) if d not in place]
    return np.expand_dims(view, missing) if missing else view


def _position(start: int, size: int) -> Any:
    if 0 <= start < size:
        return start
    raise IndexError(f"a kernel reads element {start} of an axis of {size}")


def _range(start: int, step: int, length: int, size: int) -> slice | None:
    last = start + step * (length - 1)
    if not (0 <= start < size and 0 <= last < size):
        raise IndexError(f"a kernel reads elements {start} to {last} of an axis of {size}")
    stop = last + (1 if step > 0 else -1)
    return slice(start, stop if stop >= 0 else None, step)


def _gathered(
    array: np.ndarray,
    axes: list[tuple[Axis, int, int]],
    before: int,
    domain: tuple[int, ...],
    found: dict[int, np.ndarray],
) -> np.ndarray:
    """The general case, by index arrays: an axis read through another operand, or a diagonal."""
    depth = before + len(domain)
    whole = [before + k for k, (a, _, _) in enumerate(axes) if a == WHOLE]
    own = [before + k for k, (a, _, _) in enumerate(axes) if a != WHOLE]
    array = array.transpose([*range(before), *own, *whole])
    index: list[np.ndarray] = [_along(np.arange(array.shape[k]), k, depth) for k in range(before)]
    for axis, start, step in (a for a in axes if a[0] != WHOLE):
        size = array.shape[len(index)]
        at: np.ndarray
        if axis.gather is not None:
            at = start + step * found[axis.gather]
        elif axis.index is None:
            at = np.full((1,) * depth, start)
        else:
            at = _along(start + step * np.arange(domain[axis.index]), before + axis.index, depth)
        low = -size if axis.gather is not None else 0  # a negative gathered index counts from the end
        if at.size and (at.min() < low or at.max() >= size):
            raise IndexError(
                f"index {int(at.min() if at.min() < low else at.max())} is out of bounds for size {size}"
            )
        index.append(at)
    return array[tuple(index)]


def _along(vector: np.ndarray, axis: int, depth: int) -> np.ndarray:
    return vector.reshape([-1 if k == axis else 1 for k in range(depth)])


def spread(array: np.ndarray, before: int, domain: tuple[int, ...]) -> np.ndarray:
    """``array`` with its domain axes at their full lengths; the batch axes before them stay as they are."""
    return np.broadcast_to(array, array.shape[:before] + domain + array.shape[before + len(domain) :])


def reduce(op: Op, array: np.ndarray, axes: tuple[int, ...], attrs: Attrs | None = None) -> np.ndarray:
    """A REDUCE op over axes of an array, with its other attributes.

    Over an axis of length 0, max and min are the least and the greatest value, as in C.
    """
    if op.name in ("max", "min") and 0 in [array.shape[a] for a in axes]:
        return np.full(
            [s for k, s in enumerate(array.shape) if k not in axes],
            _bound(array.dtype, op.name == "max"),
            array.dtype,
        )
    if op.name not in ("argmax", "argmin") or not axes:
        return np.asarray(op.eval({**(attrs or {}), "axes": axes}, (), array))
    first = axes[0]
    if len(axes) > 1:  # the index counts along the reduced axes flattened in C order
        array = np.moveaxis(array, axes, range(first, first + len(axes)))
        array = array.reshape(array.shape[:first] + (-1,) + array.shape[first + len(axes) :])
    return np.asarray(op.eval({"axes": (first,)}, (), array))


def _bound(dtype: np.dtype, least: bool) -> float:
    if dtype.kind == "f":
        return -np.inf if least else np.inf
    if dtype.kind == "b":
        return not least
    return np.iinfo(dtype).min if least else np.iinfo(dtype).max
