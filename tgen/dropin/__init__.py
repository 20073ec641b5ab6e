"""Theano's module paths: ``tgen.gradient``, ``tgen.gof.graph`` ..., and ``import theano`` for programs that
nobody changes.

>>> from tgen.gradient import disconnected_grad
>>> from tgen.gof.graph import inputs
>>> import tgen.tensor as T
>>> x = T.dscalar("x")
>>> inputs([x * x])
[x]
"""

import os
import sys

from . import archives, compat, flags, functions, graphs, inputs, modes, modules, opclasses, raw_random, table

__all__ = [
    "install_as_theano",
    "uninstall_theano",
    "archives",
    "compat",
    "flags",
    "functions",
    "graphs",
    "inputs",
    "modes",
    "modules",
    "opclasses",
    "raw_random",
    "table",
]

modules.make()


def install_as_theano():
    """Make ``import theano`` and ``import theano.tensor ...`` mean tgen in this process; the module
    ``theano`` is returned.

    THEANO_FLAGS is read (ValueError for a value that a flag cannot have). Doing it twice changes nothing.
    RuntimeError when the process has imported another theano. ``tgen run SCRIPT.py`` does this before it runs
    a script.

    >>> import sys, tgen
    >>> theano = tgen.install_as_theano()
    >>> import theano.tensor as T
    >>> T is tgen.tensor, theano.function is tgen.function, theano.__version__
    (True, True, '1.0.5+tgen')
    >>> tgen.uninstall_theano()
    """
    there = sys.modules.get(modules.THEIRS)
    if there is not None and modules.Finder in sys.meta_path:
        return there
    if there is not None:
        raise RuntimeError(
            "another theano was imported from "
            f"{getattr(there, '__file__', None) or 'somewhere'} before install_as_theano(); "
            "call it first, or use `tgen run`"
        )
    flags.read_environment(os.environ)
    sys.modules[modules.THEIRS] = package = modules.empty(modules.THEIRS, "")
    package.theano = package  # from theano import theano, tensor as tt
    for path in filter(None, table.ROWS):
        sys.modules[f"{modules.THEIRS}.{path}"] = sys.modules[f"{modules.OURS}.{path}"]
    sys.meta_path.insert(0, modules.Finder)
    return package


def uninstall_theano():
    """Forget what ``install_as_theano`` did; modules that imported ``theano`` keep what they have. Config
    stays as THEANO_FLAGS set it.
    """
    if modules.Finder in sys.meta_path:
        sys.meta_path.remove(modules.Finder)
        for name in [n for n in sys.modules if n.partition(".")[0] == modules.THEIRS]:
            del sys.modules[name]
