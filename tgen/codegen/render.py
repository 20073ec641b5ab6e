"""Jinja2: finds templates in a checkout or an installed package, renders them strictly."""

import functools
import importlib.resources
import pathlib

from . import c, nest
from .externals import EXTERNALS


def _root():
    checkout = pathlib.Path(__file__).resolve().parents[2] / "templates"
    return checkout if (checkout / "abi.h.j2").is_file() else importlib.resources.files("tgen.templates")


@functools.cache
def source(name):
    """The text of a template file, by its path under templates/. Raises FileNotFoundError."""
    found = _root()
    # one by one: the path of a folder without __init__.py takes one part at a time in Python 3.11
    for part in name.split("/"):
        found = found.joinpath(part)
    return found.read_text(encoding="utf-8")


@functools.cache
def _environment():
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


def render(name, **view):
    """The text of template ``name`` over a prepared view."""
    return _environment().get_template(name).render(**view)


def macros(name):
    """The macros of template ``name``, by their names: what each writes is a text."""
    return _environment().get_template(name).module


def statements(nodes):
    """The lines of a nest as they stand in a function, without its margin."""
    return str(macros("kernel.c.j2").tree(nodes, 0)).splitlines()
