"""The ``tgen`` command: run Theano programs, inspect what is compiled, look after the cache, list the ops,
check the machine, run the demo.
"""

from .command import main

__all__ = ["main"]
