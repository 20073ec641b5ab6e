"""What scopes remember: one Store for the process (variables, names, collections), one place in it per
thread.
"""

import enum
import threading

import numpy as np


class ReuseMode(enum.Enum):
    """``AUTO_REUSE``: return the variable when it exists, else make it."""

    AUTO_REUSE = 1

    def __repr__(self):
        return "scope.AUTO_REUSE"

    __str__ = __repr__


AUTO_REUSE = ReuseMode.AUTO_REUSE


class Store:
    """Variables by full name, partitioned ones beside them, the names in use, the collections.

    ``lock`` is held while a variable is looked up and made, so two threads under AUTO_REUSE get one variable;
    it is re-entrant because an initializer or a custom getter may ask for variables itself.
    """

    def __init__(self):
        self.lock = threading.RLock()
        self.variables, self.partitioned, self.lines = {}, {}, {}
        self.names, self.collections = {}, {}
        self.seed, self.draws = None, 0

    def unique_name(self, name):
        """``name``, or ``name_1``, ``name_2`` ... when it is taken; taken from now on. Capitals do not tell
        names apart.
        """
        with self.lock:
            key, count = name.lower(), self.names.get(name.lower(), 0)
            self.names[key] = count + 1
            if not count:
                return name
            while f"{key}_{count}" in self.names:
                count += 1
            self.names[f"{key}_{count}"] = 1
            return f"{name}_{count}"

    def random_state(self, seed):
        """The generator of an initializer: its own seed, else the store's seed and a running number, else
        fresh entropy.
        """
        if seed is not None or self.seed is None:
            return np.random.RandomState(seed)
        with self.lock:
            self.draws += 1
            return np.random.RandomState([self.seed, self.draws])


class _Place(threading.local):
    """Where a thread stands: its open scope, how often each scope name was opened, its name scope. Threads
    start at the root.
    """

    def __init__(self):
        self.store = None


_place = _Place()
_default = [Store(), None]  # the store, and what makes a root scope (set by variable_scope)


def store():
    return _default[0]


def set_root(make):
    _default[1] = make


def place():
    """This thread's place in the present store."""
    if _place.store is not _default[0]:
        _place.store, _place.scope = _default[0], _default[1]()
        _place.counts, _place.path = {}, ""
        _place.root = _place.scope
    return _place


def reset():
    """Forget every variable, name and collection: a new, empty store. For tests and notebooks.

    RuntimeError inside an open scope: the scope would belong to the store that is gone.

    >>> reset()
    """
    here = place()
    if here.scope is not here.root or here.path:
        raise RuntimeError(
            f"scope.reset() inside the open scope {here.scope.name or here.path!r}: leave it first"
        )
    _default[0] = Store()


def set_random_seed(seed):
    """Make initializers without a seed of their own repeatable: they draw from (seed, how many have drawn
    before).

    >>> set_random_seed(1); reset()
    """
    store().seed, store().draws = seed, 0
