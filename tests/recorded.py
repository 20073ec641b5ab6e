"""The public functions, and the calls of them that are made while something runs, written down."""

from contextlib import contextmanager

import tgen.tensor as T
from tgen.cli import operations
from tgen.core.op import METHODS
from tgen.tensor import elemwise


def public():
    """'T.name', 'T.nnet.name' ... and 'x.name' -> function; not the scalar primitives (test_compiled_ops.py),
    types and constructors, loops.
    """
    found = {name: f for name, f in operations.functions().items() if name.startswith("T.")}
    found |= {f"x.{name}": function for name, function in METHODS.items() if not name.startswith("_")}
    return {name: f for name, f in found.items() if not isinstance(f, elemwise.Elemwise)}


def space(path):
    """The module of 'T.nnet' and the like."""
    module = T
    for part in path.split(".")[1:]:
        module = getattr(module, part)
    return module


class Recorder:
    """Stands for a public function, and writes down the calls that are not made by another
    public function.
    """

    calls, depth = [], 0

    def __init__(self, name, function):
        self.name, self.function = name, function
        self.is_property = getattr(function, "is_property", False)

    def __call__(self, *args, **options):
        if not Recorder.depth:
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


def calls_of(build):
    """[(name, function, args, options)] of the calls that ``build()`` makes of public functions."""
    Recorder.calls.clear()
    with in_the_place_of_functions():
        build()
    return list(Recorder.calls)


def recorded(build):
    """The same, each function and pattern of arguments once, and the scalar primitives with operands that
    fit; no properties.
    """
    found = {}
    for name, function, args, options in calls_of(build):
        if not getattr(function, "is_property", False):
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
