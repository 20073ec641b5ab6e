"""Calls of every public function with operands that fit: those that the rows of the twins make, written down
as they are made.
"""

from contextlib import contextmanager

from test_twins import ROWS, built, public, space

import tgen.tensor as T
from tgen.core.op import METHODS
from tgen.tensor import elemwise


class Recorder:
    """Stands for a public function, and writes down the calls that are not made by another
    public function.
    """

    calls, depth = [], 0

    def __init__(self, name, function):
        self.name, self.function = name, function
        self.is_property = getattr(function, "is_property", False)

    def __call__(self, *args, **options):
        if not Recorder.depth and not self.is_property:
            Recorder.calls.append((self.name, self.function, args, options))
        Recorder.depth += 1
        try:
            return self.function(*args, **options)
        finally:
            Recorder.depth -= 1

    def __get__(self, instance, owner=None):
        return lambda *args, **options: self(instance, *args, **options)


@contextmanager
def in_the_place_of_functions():
    """Every public function and method is a Recorder of itself."""
    functions = public()
    places = [
        (METHODS, name[2:])
        if name.startswith("x.")
        else (vars(space(name.rpartition(".")[0])), name.rpartition(".")[2])
        for name in functions
    ]
    before = [table[key] for table, key in places]
    for (table, key), (name, function) in zip(places, functions.items()):
        table[key] = Recorder(name, function)
    try:
        yield
    finally:
        for (table, key), function in zip(places, before):
            table[key] = function


def recorded():
    """[(name, function, args, options)], each function and pattern of arguments a few times at most."""
    Recorder.calls.clear()
    with in_the_place_of_functions():
        for row in ROWS:
            built(row, ROWS[row][2])
    found = {}
    for name, function, args, options in Recorder.calls:
        shape = tuple(type(a).__name__ for a in args), tuple(options)
        found.setdefault((function, shape), (name, function, args, options))
    return list(found.values()) + [
        (f"T.{name}", f, _operands(f), {}) for name, f in elemwise.FUNCTIONS.items()
    ]


def _operands(function):
    """Scalars that a scalar primitive takes."""
    for make in (T.dscalar, T.lscalar, lambda: T.scalar(dtype="bool")):
        operands = [make() for _ in range(function.op.arity)]
        try:
            function(*operands)
        except TypeError:
            continue
        return tuple(operands)
    raise AssertionError(f"no operands for {function}")
