"""Small things Theano programs import: names of Python 2 and 3 under one name, a list flattened, a GPU that
is not there.
"""

import functools
import operator
from collections import OrderedDict, defaultdict, deque

import numpy as np

from tgen.config import config
from tgen.errors import tell_once
from tgen.pyops import ViewOp

# programs compare it with versions of Theano; this is the one whose results tgen has
THEANO_VERSION = "1.0.5+tgen"
PY3 = True
izip, imap, ifilter, xrange = zip, map, filter, range
reduce, partial, operator_div = functools.reduce, functools.partial, operator.truediv
unicode, string_types, integer_types = str, (str,), (int,)
DefaultOrderedDict = defaultdict  # a dict keeps its order
cuda_available = cuda_enabled = pygpu_activated = False
__all__ = [
    "OrderedDict",
    "defaultdict",
    "deque",
    "DefaultOrderedDict",
    "PY3",
    "izip",
    "imap",
    "ifilter",
    "reduce",
    "partial",
    "operator_div",
    "cmp",
    "exc_message",
    "decode",
    "decode_iter",
    "get_unbound_function",
]


def cmp(a, b):
    """-1, 0 or 1 as a is less than, equal to or greater than b."""
    return (a > b) - (a < b)


def exc_message(error):
    """The first argument of an exception."""
    return error.args[0] if error.args else ""


def decode(text):
    """Bytes as a string; a string as it is."""
    return text.decode() if isinstance(text, bytes) else text


def decode_iter(texts):
    """``decode`` of each."""
    return map(decode, texts)


def get_unbound_function(method):
    """The function behind a method."""
    return getattr(method, "__func__", method)


def flatten(tree):
    """The elements of nested lists, tuples and sets, in order; of anything else a list of that alone.

    >>> flatten([1, (2, [3]), "four"])
    [1, 2, 3, 'four']
    """
    found, stack = [], [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, (list, tuple, set, frozenset)):
            stack.extend(reversed(list(part)))
        else:
            found.append(part)
    return found


def uniq(sequence):
    """The elements without repetitions, in the order they come first; ``==`` decides, so they need no hash.

    >>> uniq([2, 1, 2])
    [2, 1]
    """
    found = []
    for element in sequence:
        if element not in found:
            found.append(element)
    return found


def difference(first, second):
    """The elements of ``first`` that are not in ``second``."""
    return [element for element in first if element not in second]


def asarray(a, dtype, order=None):
    """``numpy.asarray`` that also takes "floatX" (Theano's ``_asarray``)."""
    return np.asarray(a, dtype=config.floatX if dtype == "floatX" else dtype, order=order)


def use(device="gpu", *args, **options):
    """Theano's way to ask for a GPU from inside a program: told once, the program goes on on the CPU."""
    config.device = device if str(device).startswith(("gpu", "cuda")) else "gpu"


def dnn_available(context=None):
    """False: there is no cuDNN."""
    return False


dnn_available.msg = "tgen runs on the CPU"
dnn_present = dnn_available


# -- rewrites of Theano's graphs: tgen has its own -----------------------------------------------------------


class OpRemove:
    """The rewrite that takes an op out of graphs. A ViewOp is out of them anyway."""

    def __init__(self, op):
        self.op = op


class OpSub:
    """The rewrite that puts an op in the place of another."""

    def __init__(self, op1, op2):
        self.op1, self.op2 = op1, op2


def local_optimizer(tracks, inplace=False, requirements=()):
    """A decorator of functions that rewrite a node; they are never called."""
    return lambda function: function


def register_rewrite(rewrite, *tags, name=None):
    """Take note of a rewrite, which is returned; a warning, once, that graphs are not rewritten by it. Also a
    decorator with tags alone.
    """
    if isinstance(rewrite, str):
        return lambda found: register_rewrite(found, rewrite, *tags, name=name)
    if not (isinstance(rewrite, OpRemove) and isinstance(rewrite.op, ViewOp)):
        tell_once(
            "tgen optimizes by rules of its own; the rewrite "
            f"{name or getattr(rewrite, '__name__', rewrite)} is not used"
        )
    return rewrite
