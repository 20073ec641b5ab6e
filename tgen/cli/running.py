"""``tgen run SCRIPT.py ARGUMENTS``: a script as ``python SCRIPT.py`` would run it, where ``import theano``
means tgen.
"""

import os
import sys
from types import ModuleType

from tgen.dropin import install_as_theano
from tgen.show.names import escape

from .recording import trace_of

USAGE = """usage: tgen run SCRIPT.py [ARGUMENTS ...]

Runs SCRIPT.py as python would, with its ARGUMENTS in sys.argv; import theano, theano.tensor ... are tgen.
THEANO_FLAGS is read, and TGEN_FLAGS goes before it. The exit status is the script's.
"""


def run(arguments):
    """The command on what follows ``run``; its exit status. A SystemExit of the script passes through."""
    if not arguments or arguments[0] in ("-h", "--help"):
        (sys.stdout if arguments else sys.stderr).write(USAGE)
        return 0 if arguments else 2
    path = arguments[0]
    try:
        with open(path, "rb") as file:
            source = file.read()
        install_as_theano()
    except (OSError, ValueError, RuntimeError) as error:
        sys.stderr.write(f"tgen: {escape(str(error))}\n")
        return 2
    return _as_main(source, path, arguments)


def _as_main(source, path, argv):
    """Run a script's text in a module ``__main__`` of its own. The process is the script's from here on:
    nothing is put back.
    """
    main = ModuleType("__main__")
    main.__file__, main.__cached__ = path, None
    main.__builtins__ = __builtins__
    sys.modules["__main__"], sys.argv = main, list(argv)
    sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    try:
        exec(compile(source, path, "exec"), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        # as python shows it: from the script's first line on
        error.__traceback__ = trace_of(error.__traceback__, path)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0
