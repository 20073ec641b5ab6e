"""Name scopes: prefixes for ``scope.Variable`` and for what variable_scope calls ``original_name_scope``."""

import re

from .state import place, store

_ROOT_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\-/]*\Z")
_NESTED_NAME = re.compile(r"[A-Za-z0-9_.\-/]*\Z")


def check_name(name, nested=False):
    """ValueError for a name outside TensorFlow's alphabet; ``nested`` names may also begin with - / _."""
    if not isinstance(name, str):
        raise TypeError(f"a name must be a string (got: {name!r})")
    if not (_NESTED_NAME if nested else _ROOT_NAME).match(name):
        raise ValueError(
            f"{name!r} is not a valid scope name: it may hold letters, digits and _ . - / and "
            "must begin with a letter, a digit or a dot"
        )


def join(path, name):
    return f"{path}/{name}" if path else name


class name_scope:
    """``with name_scope("a") as text``: names made by ``scope.Variable`` inside begin with ``a/``; entered
    again, ``a_1/``.

    A name that ends in ``/`` re-enters exactly that scope; None or "" goes back to the root. ``get_variable``
    is not touched: its names depend on variable_scope alone.

    >>> with name_scope("outer"), name_scope("inner") as path:
    ...     print(path)
    outer/inner/
    """

    def __init__(self, name, default_name=None, values=None):
        if name is None and default_name is None and values is not None:
            raise TypeError("At least one of name (None) and default_name (None) must be provided.")
        self.name = default_name if name is None else name
        self._outer = []

    def __enter__(self):
        here, name = place(), self.name
        if name:
            check_name(name, nested=bool(here.path))
        self._outer.append(here.path)
        if not name:
            here.path = ""
        elif name.endswith("/"):
            here.path = name[:-1]
        else:
            here.path = store().unique_name(join(here.path, name))
        return here.path and here.path + "/"

    def __exit__(self, *_):
        place().path = self._outer.pop()


def get_name_scope():
    """The open name scope's path without the closing slash, "" at the root."""
    return place().path
