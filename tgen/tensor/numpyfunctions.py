"""NumPy's functions on variables: ``np.dot(x, y)`` is ``T.dot(x, y)``, and a TypeError says what to use for
one without a symbolic form.

FUNCTIONS has what stands for each function, and NumPy's parameters in their order: "a" is passed on, "a:x"
under our name x, "!out" must be left out. Functions that take NumPy's own parameters have none.
"""

import numpy as np

from tgen.errors import nearest

from . import (
    counting,
    creation,
    diagonals,
    einsum,
    indexing,
    join,
    linalg,
    manipulate,
    math,
    positions,
    reduce,
    sorting,
)
from .elemwise import FUNCTIONS as SCALARS
from .elemwise import switch
from .variable import as_tensor_variable

NO_VALUE = getattr(np, "_NoValue", None)


def array_function(function, args, options):
    """What NumPy's ``function`` of arrays means for variables; TypeError where there is no such thing."""
    name = _name(function)
    if name not in FUNCTIONS:
        raise TypeError(f"np.{name} has no symbolic form: use {_instead(name)}")
    ours, parameters = FUNCTIONS[name]
    options = {key: value for key, value in options.items() if value is not NO_VALUE}
    if parameters is not None:
        args, options = (), _renamed(name, parameters.split(), args, options)
    result = ours(*args, **options)
    return tuple(result) if isinstance(result, list) and name.startswith("unique") else result


def _name(function):
    """``dot``, ``linalg.norm``: the name behind ``numpy.``."""
    place = function.__module__.split(".")
    below = len(place) > 1 and place[1] in ("linalg", "fft")
    return f"{place[1]}.{function.__name__}" if below else function.__name__


def _renamed(name, parameters, args, options):
    """The options of our function for NumPy's arguments."""
    if len(args) > len(parameters):
        raise TypeError(f"np.{name} takes at most {len(parameters)} arguments, got {len(args)}")
    names = {word.lstrip("!").partition(":")[0]: word for word in parameters}
    given = dict(zip(names, args)) | options
    found = {}
    for key, value in given.items():
        if key not in names:
            raise TypeError(f"np.{name} of variables has no option {key}; it has {', '.join(names)}")
        if value is NO_VALUE or value is None and not key.startswith("axis"):
            continue
        if names[key].startswith("!"):
            raise TypeError(f"np.{name} of variables cannot take {key}={value!r}: leave it out")
        found[names[key].partition(":")[2] or key] = value
    return found


def _instead(name):
    if name in INSTEAD:
        return INSTEAD[name]
    last = name.rpartition(".")[2]
    close = nearest(last, SCALARS.keys() | OURS)
    return f"the functions of tgen.tensor{close}; or call it in an op of your own (tgen.as_op)"


# -- functions whose arguments ours do not have --------------------------------------------------------------


def _clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None):
    low, high = (x if y is None else y for x, y in ((a_min, min), (a_max, max)))
    if out is not None:
        raise TypeError("np.clip of variables cannot write into out")
    x = as_tensor_variable(a)
    if low is not None:
        x = SCALARS["maximum"](x, low)
    return x if high is None else SCALARS["minimum"](x, high)


def _round(a, decimals=0):
    if decimals:
        raise TypeError(
            f"np.round of variables rounds to integers, not to {decimals} decimals: T.round(x * 100) / 100"
        )
    return math.round(a)


def _trace(a, offset=0, axis1=0, axis2=1):
    return reduce.sum(diagonals.diagonal(a, offset, axis1, axis2), axis=-1)


def _transpose(a, axes=None):
    return manipulate.transpose(a, axes)


def _matrix_transpose(x):
    return manipulate.swapaxes(x, -1, -2)


def _reshape(a, shape, order="C"):
    if order != "C":
        raise TypeError(f"np.reshape of variables has the order 'C', not {order!r}")
    return manipulate.reshape(a, shape)


def _concatenate(arrays, axis=0):
    if axis is None:
        arrays, axis = [manipulate.flatten(a) for a in arrays], 0
    return join.concatenate(list(arrays), axis)


def _stack(arrays, axis=0):
    return join.stack(list(arrays), axis=axis)


def _at_least(ndim):
    def make(*arrays):
        found = [as_tensor_variable(a) for a in arrays]
        found = [manipulate.shape_padleft(a, ndim - a.type.ndim) if a.type.ndim < ndim else a for a in found]
        return found[0] if len(found) == 1 else tuple(found)

    return make


def _hstack(tup):
    arrays = [_at_least(1)(a) for a in tup]
    return join.concatenate(arrays, 0 if arrays[0].type.ndim == 1 else 1)


def _vstack(tup):
    return join.concatenate([_at_least(2)(a) for a in tup], 0)


def _column_stack(tup):
    arrays = [as_tensor_variable(a) for a in tup]
    return join.concatenate([manipulate.expand_dims(a, 1) if a.type.ndim == 1 else a for a in arrays], 1)


def _split(ary, indices_or_sections, axis=0):
    x = as_tensor_variable(ary)
    axis = manipulate.axis_number(axis, x.type.ndim)
    ends = indices_or_sections
    if isinstance(ends, (int, np.integer)):
        length = x.type.shape[axis]
        if length is None or length % ends:
            raise TypeError(
                f"np.split of {x} into {ends} parts: the length of axis {axis} must be known, and their "
                "multiple; "
                "T.split takes the sizes of the parts"
            )
        ends = range(length // ends, length, length // ends)
    starts = [None, *ends]
    before = (slice(None),) * axis
    return [indexing.getitem(x, (*before, slice(low, high))) for low, high in zip(starts, [*ends, None])]


def _where(condition, *choices):
    return switch(condition, *choices) if choices else indexing.nonzero(condition)


def _size(a, axis=None):
    x = as_tensor_variable(a)
    return manipulate.size(x) if axis is None else x.shape[manipulate.axis_number(axis, x.type.ndim)]


def _einsum(subscripts, *operands, optimize=False):
    return einsum.einsum(subscripts, *operands)


def _norm(x, ord=None, axis=None, keepdims=False):
    x = as_tensor_variable(x)
    of_matrices = ord is not None and (
        x.type.ndim == 2 if axis is None else isinstance(axis, (tuple, list)) and len(axis) == 2
    )
    if not of_matrices:
        if axis is None and ord is not None and x.type.ndim != 1:
            raise ValueError("np.linalg.norm of this order is of vectors and matrices: give the axis")
        z = reduce.norm(x, 2 if ord is None else ord, axis, keepdims)
        return z if ord != 0 else math.true_divide(z, 1)
    rows, columns = (manipulate.axis_number(a, x.type.ndim) for a in axis or (0, 1))
    if ord == "fro":
        return reduce.norm(x, 2, (rows, columns), keepdims)
    if ord not in (1, -1, np.inf, -np.inf):
        raise TypeError(
            f"np.linalg.norm of variables has no matrix norm of order {ord!r}; it has 'fro', 1, -1, inf and "
            "-inf"
        )
    first, second = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = reduce.sum(math.abs_(x), first, keepdims=True)
    z = (reduce.max if ord > 0 else reduce.min)(sums, second, keepdims=True)
    return z if keepdims else z.dimshuffle(*(a for a in range(x.type.ndim) if a not in (rows, columns)))


def _multi_dot(arrays):
    first, *rest = arrays
    for other in rest:
        first = linalg.dot(first, other)
    return first


# -- the table -----------------------------------------------------------------------------------------------

_LIKE = "dtype !order !subok !shape !device"
FUNCTIONS = {
    # reductions
    "sum": (reduce.sum, "a:x axis dtype !out keepdims !initial !where"),
    "prod": (reduce.prod, "a:x axis dtype !out keepdims !initial !where"),
    "mean": (reduce.mean, "a:x axis dtype !out keepdims !where"),
    "std": (reduce.std, "a:x axis !dtype !out ddof keepdims !where !mean !correction"),
    "var": (reduce.var, "a:x axis !dtype !out ddof keepdims !where !mean !correction"),
    **dict.fromkeys(("max", "amax"), (reduce.max, "a:x axis !out keepdims !initial !where")),
    **dict.fromkeys(("min", "amin"), (reduce.min, "a:x axis !out keepdims !initial !where")),
    "argmax": (reduce.argmax, "a:x axis !out keepdims"),
    "argmin": (reduce.argmin, "a:x axis !out keepdims"),
    "any": (reduce.any, "a:x axis !out keepdims !where"),
    "all": (reduce.all, "a:x axis !out keepdims !where"),
    "ptp": (reduce.ptp, "a:x axis !out !keepdims"),
    "count_nonzero": (reduce.count_nonzero, "a:x axis keepdims"),
    # order, counts
    "cumsum": (sorting.cumsum, "a:x axis !dtype !out"),
    "cumprod": (sorting.cumprod, "a:x axis !dtype !out"),
    "sort": (sorting.sort, "a:x axis kind !order !stable"),
    "argsort": (sorting.argsort, "a:x axis kind !order !stable"),
    "searchsorted": (sorting.searchsorted, "a:x v side sorter"),
    "diff": (sorting.diff, "a:x n axis !prepend !append"),
    "unique": (counting.unique, "ar:x return_index return_inverse return_counts axis !equal_nan !sorted"),
    "bincount": (counting.bincount, "x weights minlength"),
    # elementwise
    "clip": (_clip, None),
    **dict.fromkeys(("round", "around"), (_round, "a decimals !out")),
    "real": (math.real, "val:x"),
    "imag": (math.imag, "val:x"),
    "fix": (SCALARS["trunc"], None),
    "isclose": (math.isclose, "a b rtol atol equal_nan"),
    "allclose": (math.allclose, "a b rtol atol equal_nan"),
    "where": (_where, None),
    "isrealobj": (lambda x: True, None),
    "iscomplexobj": (lambda x: False, None),
    # products
    "dot": (linalg.dot, "a b !out"),
    "inner": (linalg.inner, "a b"),
    "vdot": (linalg.vdot, "a b"),
    "outer": (linalg.outer, "a:x b:y !out"),
    "tensordot": (linalg.tensordot, "a b axes"),
    "einsum": (_einsum, None),
    "trace": (_trace, "a offset axis1 axis2 !dtype !out"),
    "linalg.norm": (_norm, None),
    "linalg.matmul": (linalg.matmul, "x1:a x2:b"),
    "linalg.outer": (linalg.outer, "x1:x x2:y"),
    "linalg.tensordot": (linalg.tensordot, "x1:a x2:b axes"),
    "linalg.multi_dot": (_multi_dot, "arrays !out"),
    "linalg.trace": (lambda x, offset=0: _trace(x, offset, -2, -1), "x offset !dtype"),
    "linalg.diagonal": (lambda x, offset=0: diagonals.diagonal(x, offset, -2, -1), "x offset"),
    **dict.fromkeys(("matrix_transpose", "linalg.matrix_transpose"), (_matrix_transpose, "x")),
    # triangles
    "diagonal": (diagonals.diagonal, "a offset axis1 axis2"),
    "diag": (diagonals.diag, "v k"),
    "triu": (diagonals.triu, "m k"),
    "tril": (diagonals.tril, "m k"),
    # shapes
    "shape": (manipulate.shape, "a:x"),
    "size": (_size, "a axis"),
    "ndim": (lambda a: as_tensor_variable(a).type.ndim, "a"),
    **dict.fromkeys(("transpose", "permute_dims"), (_transpose, "a axes")),
    "swapaxes": (manipulate.swapaxes, "a:x axis1 axis2"),
    "moveaxis": (manipulate.moveaxis, "a:x source destination"),
    "squeeze": (manipulate.squeeze, "a:x axis"),
    "expand_dims": (manipulate.expand_dims, "a:x axis"),
    "reshape": (_reshape, "a shape order"),
    "ravel": (manipulate.ravel, "a:x !order"),
    "broadcast_to": (manipulate.broadcast_to, "array:x shape !subok"),
    "copy": (manipulate.tensor_copy, "a:x !order !subok"),
    "atleast_1d": (_at_least(1), None),
    "atleast_2d": (_at_least(2), None),
    **dict.fromkeys(("concatenate", "concat"), (_concatenate, "arrays axis !out !dtype !casting")),
    "stack": (_stack, "arrays axis !out !dtype !casting"),
    "hstack": (_hstack, "tup !dtype !casting"),
    "vstack": (_vstack, "tup !dtype !casting"),
    "column_stack": (_column_stack, "tup"),
    "split": (_split, None),
    "tile": (join.tile, "A:x reps"),
    "repeat": (join.repeat, "a:x repeats axis"),
    "roll": (join.roll, "a:x shift axis"),
    "flip": (join.flip, "m:x axis"),
    "flipud": (lambda m: join.flip(m, 0), "m"),
    "fliplr": (lambda m: join.flip(m, 1), "m"),
    # places
    "take": (indexing.take, "a indices axis !out mode"),
    "nonzero": (indexing.nonzero, "a"),
    "flatnonzero": (indexing.flatnonzero, "a"),
    "argwhere": (lambda a: indexing.nonzero(a, return_matrix=True).T, "a"),
    "compress": (indexing.compress, "condition a:x axis !out"),
    "choose": (indexing.choose, "a choices !out mode"),
    "unravel_index": (positions.unravel_index, "indices shape:dims order"),
    "ravel_multi_index": (positions.ravel_multi_index, "multi_index dims mode order"),
    # made of nothing
    **dict.fromkeys(("zeros_like", "empty_like"), (creation.zeros_like, f"a:model {_LIKE}")),
    "ones_like": (creation.ones_like, f"a:model {_LIKE}"),
    "full_like": (creation.full_like, f"a:model fill_value {_LIKE}"),
}
OURS = {
    name
    for module in (
        counting,
        creation,
        diagonals,
        einsum,
        indexing,
        join,
        linalg,
        manipulate,
        math,
        positions,
        reduce,
        sorting,
    )
    for name in module.__all__
}
INSTEAD = {  # NumPy's name -> what does the same
    "kron": "T.outer, dimshuffle and reshape",
    "array_equal": "T.all(T.eq(x, y))",
    "append": "T.concatenate",
    "average": "T.mean, or (x * w).sum() / w.sum()",
    "block": "T.concatenate",
    "dstack": "T.concatenate",
    "insert": "T.concatenate",
    "delete": "T.concatenate of slices",
    "pad": "T.set_subtensor(T.zeros(shape)[...], x)",
    **dict.fromkeys(("median", "percentile", "quantile", "partition", "argpartition"), "T.sort and an index"),
    "nan_to_num": "T.switch(T.isnan(x), 0, x)",
    **dict.fromkeys(("copyto", "put", "place", "putmask", "put_along_axis"), "T.set_subtensor(x[...], v)"),
    "fill_diagonal": "T.fill_diagonal",
    **dict.fromkeys(("select", "piecewise"), "T.switch"),
    "convolve": "T.signal.conv.conv2d",
    "correlate": "T.signal.conv.conv2d",
    **dict.fromkeys(("linspace", "logspace", "geomspace"), "T.arange"),
    "array_split": "T.split",
    "hsplit": "T.split",
    "vsplit": "T.split",
    "dsplit": "T.split",
    **dict.fromkeys(("result_type", "can_cast", "common_type", "min_scalar_type"), "T.upcast(x.dtype, ...)"),
    "astype": "x.astype(dtype)",
    **dict.fromkeys(("array2string", "array_repr", "array_str"), "str(x), T.pp(x) or x.eval()"),
    "take_along_axis": "x[T.arange(n), indices]",
    "cumulative_sum": "T.cumsum",
    "cumulative_prod": "T.cumprod",
    "extract": "x[condition.nonzero()]",
    "rot90": "T.transpose and T.flip",
    **dict.fromkeys(("save", "savetxt", "savez", "savez_compressed"), "what a function computes"),
    "linalg.vecdot": "(x * y).sum(axis=-1)",
    **dict.fromkeys(("linalg.vector_norm", "linalg.matrix_norm"), "x.norm(2, axis)"),
    "broadcast_arrays": "T.broadcast_to",
    "resize": "T.reshape",
}
