"""From a first value to a shared variable: dtype, static shape, unique name, collections."""

import linecache
import sys

import numpy as np

from tgen.config import config
from tgen.graph.nodes import Variable as Symbol
from tgen.graph.nodes import is_user_frame
from tgen.runtime.shared import shared

from .keys import GraphKeys, add_to_collections
from .names import check_name, join
from .state import place, store

_LINES_SHOWN = 5


def user_lines():
    """Where the user's program stands: up to five frames outside tgen, innermost first, in traceback's
    layout.
    """
    lines, frame = [], sys._getframe(1)
    while frame is not None and len(lines) < _LINES_SHOWN:
        code = frame.f_code
        # not the import system
        if is_user_frame(code.co_filename) and not code.co_filename.startswith("<frozen "):
            source = linecache.getline(code.co_filename, frame.f_lineno).strip()
            lines.append(
                f'  File "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}\n'
                + (f"    {source}\n" if source else "")
            )
        frame = frame.f_back
    return "".join(lines)


def number_kind(value):
    """ "i" or "f" or "b" for Python numbers and lists of them, whose width is not said; None for what has a
    dtype of its own.
    """
    if hasattr(value, "dtype"):
        return None
    array = np.asarray(value)
    return array.dtype.kind if array.dtype.kind in "bif" else None


def value_dtype(value):
    """The dtype a value initializer stands for: its own, floatX for Python floats, int64 for Python ints."""
    if hasattr(value, "dtype"):
        return str(value.dtype)
    kind = number_kind(value)
    return {"f": config.floatX, "i": "int64", "b": "bool"}.get(kind) or str(np.asarray(value).dtype)


def first_value(value, dtype=None):
    """An own array of an initial value: a number, array, list, or a symbolic expression, whose present value
    is taken.
    """
    if isinstance(value, Symbol):
        value = value.eval()
    return np.array(value, dtype=dtype or value_dtype(value))


def check_collections(collections, trainable):
    """The collections a new variable goes to; ValueError for what is no list, tuple or set."""
    if collections is None:
        collections = [GraphKeys.GLOBAL_VARIABLES]
    if not isinstance(collections, (list, tuple, set)):
        raise ValueError(
            "collections argument to Variable constructor must be a list, tuple, or set. Got "
            f"{collections!r} of type {type(collections)}"
        )
    if trainable and GraphKeys.TRAINABLE_VARIABLES not in collections:
        return [*collections, GraphKeys.TRAINABLE_VARIABLES]
    return list(collections)


def make(value, name, validate_shape, trainable, constraint):
    """A shared variable; its shape is static unless ``validate_shape`` is False. Nothing is filed yet."""
    static = {"shape": value.shape} if validate_shape else {}
    variable = shared(value, name=name, **static)
    variable.tag.trainable, variable.tag.constraint = trainable, constraint
    return variable


def Variable(
    initial_value,
    name=None,
    *,
    trainable=True,
    collections=None,
    validate_shape=True,
    dtype=None,
    constraint=None,
):
    """Always a new shared variable, whatever exists: a taken name gets _1, _2 ...; the open name scope is its
    prefix.

    ``initial_value``: a number, array, list, an expression, or a callable without arguments that gives one.
    The shape is static unless ``validate_shape`` is False. ValueError without a value or for collections that
    are no list, tuple or set.

    >>> from tgen import scope
    >>> [scope.Variable(0.0, "eta").name for _ in range(3)]
    ['eta', 'eta_1', 'eta_2']
    >>> scope.reset()
    """
    if initial_value is None:
        raise ValueError("initial_value must be specified.")
    keys = check_collections(collections, trainable)
    name = "Variable" if name is None else name
    check_name(name, nested=bool(place().path))
    value = first_value(initial_value() if callable(initial_value) else initial_value, dtype)
    variable = make(value, None, validate_shape, trainable, constraint)
    variable.name = store().unique_name(join(place().path, name))
    add_to_collections(keys, variable)
    return variable
