"""Collections: named lists a program files variables and losses under."""

import re

from .state import store


class GraphKeys:
    """The collection names tgen and TensorFlow programs use."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    LOSSES = "losses"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    SUMMARIES = "summaries"
    GLOBAL_STEP = "global_step"


def get_collection_ref(key):
    """The live list behind a collection (made when missing): changing it changes the collection."""
    with store().lock:
        return store().collections.setdefault(key, [])


def add_to_collection(key, value):
    """File ``value`` under ``key``; the same value twice is kept twice."""
    get_collection_ref(key).append(value)


def add_to_collections(keys, value):
    """File ``value`` once under each of ``keys`` (a string is one key)."""
    for key in {keys} if isinstance(keys, str) else dict.fromkeys(keys):
        add_to_collection(key, value)


def get_collection(key, scope=None):
    """A copy of the collection; with ``scope`` only what has a name that matches it from the start
    (``re.match``, so a plain string filters by prefix).

    >>> add_to_collection("seen", 3)
    >>> get_collection("seen"), get_collection("seen", "layer"), get_collection("nothing")
    ([3], [], [])
    """
    values = list(store().collections.get(key, ()))
    if not scope:
        return values
    pattern = re.compile(scope)
    return [v for v in values if pattern.match(getattr(v, "name", None) or "")]


def get_all_collection_keys():
    """The names of the collections that hold something."""
    return [key for key, values in list(store().collections.items()) if values]


def global_variables(scope=None):
    """Every variable but the local ones, in order of creation; ``scope`` filters as in ``get_collection``."""
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def local_variables(scope=None):
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def model_variables(scope=None):
    return get_collection(GraphKeys.MODEL_VARIABLES, scope)


def trainable_variables(scope=None):
    """The variables made with trainable=True (the default): what a gradient step walks over."""
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def get_regularization_losses(scope=None):
    """What the regularizers returned, as symbolic scalars; add them to the cost."""
    return get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope=None):
    """The sum of the regularization losses; the number 0.0 when there are none."""
    return sum(get_regularization_losses(scope), 0.0)
