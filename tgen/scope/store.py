"""The reuse rule: look a full name up, return what is there or make it, or say why neither is allowed."""

import enum
import inspect

import numpy as np

from tgen.config import config

from . import variables
from .initializers import glorot_uniform_initializer, zeros_initializer
from .keys import GraphKeys, add_to_collection, add_to_collections
from .partition import PartitionedVariable, PartitionInfo, call_partitioner, slice_axis, slices
from .state import store


class VariableSynchronization(enum.Enum):
    """Accepted for TensorFlow's signature; ON_READ makes a variable not trainable."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


class VariableAggregation(enum.Enum):
    """Accepted for TensorFlow's signature; tgen has one replica, so it decides nothing."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3


class Wish:
    """What one get_variable call asks for, defaults of its scope filled in."""

    __slots__ = (
        "name",
        "shape",
        "dtype",
        "initializer",
        "regularizer",
        "reuse",
        "trainable",
        "collections",
        "partitioner",
        "validate_shape",
        "constraint",
    )

    def __init__(self, **fields):
        for key, value in fields.items():
            setattr(self, key, value)


def as_shape(shape):
    """A tuple of ints and Nones, or None for an unknown shape; an int is a vector's length."""
    if shape is None:
        return None
    if isinstance(shape, (int, np.integer)):
        shape = (shape,)
    sizes = tuple(None if n is None else int(n) for n in shape)
    if any(n is not None and n < 0 for n in sizes):
        raise ValueError(f"a shape has no negative sizes: {sizes}")
    return sizes


def compatible(wanted, found):
    if wanted is None:
        return True
    return len(wanted) == len(found) and all(a is None or a == b for a, b in zip(wanted, found))


def true_getter(
    name,
    shape=None,
    dtype=None,
    initializer=None,
    regularizer=None,
    reuse=None,
    trainable=None,
    collections=None,
    caching_device=None,
    partitioner=None,
    validate_shape=True,
    use_resource=None,
    constraint=None,
    synchronization=VariableSynchronization.AUTO,
    aggregation=VariableAggregation.NONE,
):
    """get_variable without custom getters: ``name`` is the full name, ``dtype`` and ``reuse`` are decided."""
    del caching_device, use_resource, aggregation  # they place a variable on devices tgen does not have
    scalar = shape is not None and as_shape(shape) == ()
    if trainable is None:
        trainable = synchronization is not VariableSynchronization.ON_READ
    elif trainable and synchronization is VariableSynchronization.ON_READ:
        raise ValueError(
            "Synchronization value can be set to VariableSynchronization.ON_READ only for "
            "non-trainable variables. "
            "You have specified trainable=True and "
            "synchronization=VariableSynchronization.ON_READ."
        )
    wish = Wish(
        name=name,
        shape=as_shape(shape),
        dtype=str(np.dtype(dtype or config.floatX)),
        initializer=initializer,
        regularizer=regularizer,
        reuse=reuse,
        trainable=trainable,
        collections=collections,
        partitioner=partitioner,
        validate_shape=validate_shape,
        constraint=constraint,
    )
    if partitioner is not None and not callable(partitioner):
        raise ValueError(f"Partitioner must be callable, but received: {partitioner}")
    with store().lock:
        if (
            partitioner is not None
            and not scalar
            or reuse is True
            and partitioner is None
            and name in store().partitioned
        ):
            return _partitioned(wish)
        if f"{name}/part_0" in store().variables:
            raise ValueError(
                "No partitioner was provided, but a partitioned version of the variable was "
                f"found: {name}/part_0. "
                "Perhaps a variable of the same name was already created with partitioning?"
            )
        return _single(wish)


def _is_value(initializer):
    return initializer is not None and not callable(initializer)


def _single(wish):
    """The unpartitioned variable of that name."""
    if wish.shape is not None and _is_value(wish.initializer):
        raise ValueError("If initializer is a constant, do not specify shape.")
    found = store().variables.get(wish.name)
    if found is not None:
        return _reused(wish, found)
    if wish.reuse is True:
        raise ValueError(
            f"Variable {wish.name} does not exist, or was not created with "
            "scope.get_variable(). "
            "Did you mean to set reuse=scope.AUTO_REUSE in VarScope?"
        )
    variable, loss = _make(wish, _initializer(wish), wish.name, wish.shape)
    return _file(wish, wish.name, variable, loss)


def _reused(wish, found):
    if wish.reuse is False:
        raise ValueError(
            f"Variable {wish.name} already exists, disallowed. Did you mean to set reuse=True "
            "or reuse=scope.AUTO_REUSE in VarScope? "
            f"Originally defined at:\n\n{store().lines[wish.name]}"
        )
    shape = found.storage.shape
    if not compatible(wish.shape, shape):
        raise ValueError(
            f"Trying to share variable {wish.name}, but specified shape {wish.shape} and found "
            f"shape {shape}. "
            f"Originally defined at:\n\n{store().lines[wish.name]}"
        )
    if wish.dtype != found.dtype:
        raise ValueError(
            f"Trying to share variable {wish.name}, but specified dtype {wish.dtype} and found "
            f"dtype {found.dtype}. "
            f"Originally defined at:\n\n{store().lines[wish.name]}"
        )
    return found


def _initializer(wish):
    """The initializer asked for, an object of it when a class was given, else the default of the dtype."""
    if inspect.isclass(wish.initializer):
        return wish.initializer()
    if wish.initializer is not None:
        return wish.initializer
    kind = np.dtype(wish.dtype).kind
    if kind == "f":
        return glorot_uniform_initializer()
    if kind in "biu":
        return zeros_initializer()
    raise ValueError(f"An initializer for variable {wish.name} of {wish.dtype} is required")


def _parameters(initializer):
    """The parameters of a callable by name, empty for a builtin that does not tell."""
    try:
        return inspect.signature(initializer).parameters
    except (TypeError, ValueError):
        return {}


def _needs_arguments(parameters):
    return any(
        p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()
    )


def _drawn(wish, initializer, shape, info):
    """The first value from an initializer that is a value, or a callable with or without (shape, dtype)."""
    if not callable(initializer):
        return variables.first_value(initializer, wish.dtype)
    parameters = _parameters(initializer)
    if shape is not None and None not in shape:
        where = {"partition_info": info} if "partition_info" in parameters else {}
        value = variables.first_value(initializer(list(shape), dtype=wish.dtype, **where), wish.dtype)
        if wish.validate_shape and value.shape != shape:
            raise ValueError(f"the initializer of {wish.name} gave shape {value.shape}, wanted {shape}")
        return value
    if _needs_arguments(parameters):
        raise ValueError(
            "The initializer passed is not valid. It should be a callable with no arguments "
            "and the shape should not be provided or an "
            "instance of `scope.*_initializer` and `shape` should be fully defined. Shape of a "
            f"new variable ({wish.name}) must be "
            f"fully defined, but instead was {wish.shape}."
        )
    return variables.first_value(initializer(), None)


def _make(wish, initializer, name, shape, info=None):
    """A variable that nobody knows yet, and its regularization loss: when a user's callable raises, nothing
    has happened.
    """
    keys = variables.check_collections(wish.collections, wish.trainable)
    variable = variables.make(
        _drawn(wish, initializer, shape, info), name, wish.validate_shape, wish.trainable, wish.constraint
    )
    variable.tag.collections, variable.tag.partition_info = keys, info
    loss = wish.regularizer(variable) if wish.regularizer else None
    return variable, loss


def _file(wish, name, variable, loss):
    """Make it known: name, collections, loss. Nothing here can fail."""
    state = store()
    state.variables[name], state.lines[name] = variable, variables.user_lines()
    variable.name = state.unique_name(name)
    add_to_collections(variable.tag.collections, variable)
    if loss is None:
        return variable
    if getattr(loss, "owner", None) is not None and loss.name is None:
        loss.name = f"{name}/Regularizer/{getattr(wish.regularizer, '__name__', 'regularizer')}"
    add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
    return variable


def _partitioned(wish):
    """The partitioned variable of that name, made shard by shard when it is new."""
    name, state = wish.name, store()
    if name in state.variables:
        raise ValueError(
            "A partitioner was provided, but an unpartitioned version of the variable was "
            f"found: {name}.  "
            "Perhaps a variable of the same name was already created without partitioning?"
        )
    whole = _whole_value(wish)
    if whole is not None:
        if wish.shape is not None and not compatible(wish.shape, whole.shape):
            raise ValueError(
                f"Shapes {wish.shape} and {whole.shape} are not compatible: the shape and the "
                f"initializer of {name} differ"
            )
        wish.shape = whole.shape
    parts = call_partitioner(wish.partitioner, wish.shape, wish.dtype) if wish.partitioner else None
    found = state.partitioned.get(name)
    if found is not None:
        return _reused_partitioned(wish, found, parts)
    if wish.reuse is True:
        raise ValueError(
            f"PartitionedVariable {name} does not exist, or was not created with "
            "scope.get_variable(). "
            "Did you mean to set reuse=False or reuse=scope.AUTO_REUSE in VarScope?"
        )
    return _make_partitioned(wish, whole, parts)


def _whole_value(wish):
    return variables.first_value(wish.initializer, wish.dtype) if _is_value(wish.initializer) else None


def _reused_partitioned(wish, found, parts):
    name = wish.name
    if wish.reuse is False:
        raise ValueError(
            f"Partitioned variable with name {name} already exists. Did you mean to set "
            "reuse=True or "
            "reuse=scope.AUTO_REUSE in VarScope? Originally defined at:\n\n"
            f"{store().lines[name]}"
        )
    for what, wanted, has, equal in [
        ("shape", wish.shape, found.shape, compatible(wish.shape, found.shape)),
        ("dtype", wish.dtype, found.dtype, wish.dtype == found.dtype),
        ("partitions", parts, found.partitions, parts in (None, found.partitions)),
    ]:
        if not equal:
            raise ValueError(
                f"Trying to reuse partitioned variable {name}, but specified {what} {wanted} "
                f"and found {what} {has}."
            )
    return found


def _check_shards(name, count):
    """ValueError when single variables already hold names of the shards to be made."""
    known = store().variables
    taken = [i for i in range(count + 1) if f"{name}/part_{i}" in known]
    if taken:
        raise ValueError(
            "Partitioner returned a different partitioning than what was already found.  "
            f"Partitioner returned {count} shards, "
            f"and shard {name}/part_{taken[-1]} was found."
        )


def _make_partitioned(wish, whole, parts):
    name, (axis, count) = wish.name, slice_axis(parts)
    _check_shards(name, count)
    initializer = None if whole is not None else _initializer(wish)
    made = []
    for i, (offset, shape) in enumerate(slices(wish.shape, axis, count)):
        info = PartitionInfo(tuple(wish.shape), offset)
        part = initializer if whole is None else whole[tuple(slice(o, o + n) for o, n in zip(offset, shape))]
        made.append((f"{name}/part_{i}", *_make(wish, part, f"{name}/part_{i}", shape, info)))
    shards = [_file(wish, shard_name, variable, loss) for shard_name, variable, loss in made]
    result = PartitionedVariable(name, wish.shape, shards[0].dtype, shards, parts)
    store().partitioned[name], store().lines[name] = result, variables.user_lines()
    return result
