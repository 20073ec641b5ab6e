"""The rows of ``table`` as modules: names are looked up when they are used, and an unknown one says what is
nearest.
"""

import sys
from importlib.machinery import ModuleSpec
from opcode import opmap
from types import ModuleType

from tgen.errors import nearest

from .table import ROWS, parsed

OURS, THEIRS = "tgen", "theano"
_IMPORT_FROM = opmap["IMPORT_FROM"]


class Row:
    """The names of one row. ``path`` is the module's, without "theano."; "" is the package itself."""

    def __init__(self, path):
        self.path = path
        self.sources = parsed(ROWS[path])
        self.starred = self.sources.pop("*", ())

    def list(self):
        """All names of the row, and the modules below it."""
        below = [path for path in ROWS if path.rpartition(".")[0] == self.path and path]
        names = {n for module in self.starred for n in sys.modules[module].__all__}
        return {*self.sources, *names, *(path.rpartition(".")[2] for path in below)}

    def find(self, name):
        """What a name means; KeyError for one the row does not have. A function goes before a module of the
        same name, as ``tensor.var``.
        """
        source = self.sources.get(name) or next(
            ((module, name) for module in self.starred if name in sys.modules[module].__all__), None
        )
        if source is None:
            path = f"{self.path}.{name}".lstrip(".")
            if path not in ROWS:
                raise KeyError(name)
            return sys.modules[f"{OURS}.{path}"]
        module, old = source
        if not hasattr(sys.modules.get(module), old):
            raise RuntimeError(
                f"the table of Theano's names says that {self.path}.{name} is {module}.{old}, "
                "which there is not"
            )
        return getattr(sys.modules[module], old)


def lookup(module, names):
    """The module's ``__getattr__``: what is found becomes an attribute."""

    def __getattr__(name):
        if name == "__all__":
            return [n for n in dir(module) if not n.startswith("_")]
        try:
            value = names.find(name)
        except KeyError:
            raise _missing(module, names, name, sys._getframe(1)) from None
        setattr(module, name, value)
        return value

    return __getattr__


def _missing(module, names, name, frame):
    """The exception for an unknown name. Python drops what an AttributeError says in ``from m import name``,
    so that gets its ImportError here.
    """
    shown = f"{THEIRS if THEIRS in sys.modules else OURS}.{names.path}".rstrip(".")
    if name.startswith("__"):
        return AttributeError(f"module {shown!r} has no attribute {name!r}")
    close = nearest(name, public(module, names)) + elsewhere(name)
    if frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM:
        return ImportError(
            f"cannot import name {name!r} from {shown!r}: tgen has no {shown}.{name}{close}", name=shown
        )
    return AttributeError(
        f"module {shown!r} has no attribute {name!r}: tgen does not have it{close}", name=name, obj=module
    )


def public(module, names):
    """The names of a module that are for users: its own, without what it imports, and those of its row."""
    return {n for n in (*module.__dict__.get("__all__", ()), *names.list()) if not n.startswith("_")}


def elsewhere(name):
    """The end of a message: which modules of the table have exactly this name."""
    paths = [path for path in ROWS if name in public(sys.modules[f"{OURS}.{path}".rstrip(".")], Row(path))]
    root = THEIRS if THEIRS in sys.modules else OURS
    return (
        f"; there is {', '.join(f'{root}.{path}.{name}'.replace('..', '.') for path in paths[:3])}"
        if paths
        else ""
    )


def equip(module, path):
    """Give a module the names of its row."""
    names = Row(path)
    module.__getattr__ = lookup(module, names)
    own = module.__dict__
    module.__dir__ = lambda: sorted({*own, *names.list()} - {"__getattr__", "__dir__"})
    return module


def empty(name, path):
    """A new module for a row."""
    module = ModuleType(name, f"Theano's {path or 'package'}; see tgen.dropin.")
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__package__, module.__path__ = name, []
    return equip(module, path)


def make():
    """Every row as a module ``tgen.<path>``; a file of tgen of that name keeps its own names before those of
    the row.
    """
    for path in filter(None, ROWS):
        name = f"{OURS}.{path}"
        if name in sys.modules:
            equip(sys.modules[name], path)
        else:
            sys.modules[name] = empty(name, path)
    equip(sys.modules[OURS], "")


class Finder:
    """In sys.meta_path, before all others: whatever else below ``theano`` is imported does not exist."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] != THEIRS:
            return None
        close = nearest(name, (f"{THEIRS}.{path}" for path in ROWS if path))
        raise ModuleNotFoundError(f"No module named {name!r}: tgen does not have it{close}", name=name)
