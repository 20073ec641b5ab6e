"""Jinja2: finds templates in a checkout or an installed package, renders them strictly."""

from __future__ import annotations

import functools
import importlib.resources
import pathlib
from collections.abc import Iterable
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from tgen.core.forking import whole

from . import c, nest
from .externals import EXTERNALS

if TYPE_CHECKING:
    from jinja2 import Environment


def _root() -> Traversable:
    checkout = pathlib.Path(__file__).resolve().parents[2] / "templates"
    return checkout if (checkout / "abi.h.j2").is_file() else importlib.resources.files("tgen.templates")


@functools.cache
def source(name: str) -> str:
    """The text of a template file, by its path under templates/. Raises FileNotFoundError."""
    found = _root()
    # one by one: the path of a folder without __init__.py takes one part at a time in Python 3.11
    for part in name.split("/"):
        found = found.joinpath(part)
    return found.read_text(encoding="utf-8")


def listed(folder: str) -> list[str]:
    """The names of the templates in a folder of templates/, in order."""
    return sorted(file.name for file in _root().joinpath(folder).iterdir() if file.name.endswith(".j2"))


@functools.cache
def _environment() -> Environment:
    with whole:
        import jinja2  # 25 ms of every import of tgen, for the processes that make C only

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    made.filters |= {"c": c.expression, "declared": c.declared, "element": c.element, "simd": c.simd}
    made.filters |= {"member": c.member}
    made.tests["nest"] = lambda node, name: type(node) is getattr(nest, name)
    made.globals["externals"] = EXTERNALS
    return made


def render(name: str, **view: Any) -> str:
    """The text of template ``name`` over a prepared view."""
    return _environment().get_template(name).render(**view)


def macros(name: str) -> Any:
    """The macros of template ``name`` as attributes, which the template alone knows: each gives a text."""
    return _environment().get_template(name).module


def statements(nodes: Iterable[nest.Statement]) -> list[str]:
    """The lines of a nest as they stand in a function, without its margin."""
    return str(macros("kernel.c.j2").tree(nodes, 0)).splitlines()
