"""Jinja2: finds templates in a checkout or an installed package, renders them strictly."""
import functools
import importlib.resources
import pathlib

import jinja2


def _root():
    checkout = pathlib.Path(__file__).resolve().parents[2] / "templates"
    return checkout if (checkout / "abi.h.j2").is_file() else importlib.resources.files("tgen.templates")


class _Loader(jinja2.BaseLoader):
    def get_source(self, environment, template):
        return source(template), template, lambda: True


@functools.cache
def source(name):
    """The text of a template file, by its path under templates/."""
    try:
        return _root().joinpath(*name.split("/")).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise jinja2.TemplateNotFound(name) from None


@functools.cache
def _environment():
    return jinja2.Environment(loader=_Loader(), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True, autoescape=False)


def render(name, **view):
    """The text of template ``name`` over a prepared view."""
    return _environment().get_template(name).render(**view)
