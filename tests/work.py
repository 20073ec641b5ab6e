"""How much work something is, as a number that no busy machine changes: functions called, not seconds."""

import inspect
import sys
from collections import defaultdict
from contextlib import contextmanager

from tgen.graph.nodes import Apply


def calls(function, *args):
    """(what ``function(*args)`` gives, how many functions of Python and C it called on the way)."""
    count = 0

    def see(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    old = sys.getprofile()
    sys.setprofile(see)
    try:
        result = function(*args)
    finally:
        sys.setprofile(old)
    return result, count


def assert_linear(function, small, factor=8, slack=1.5):
    """``function(factor*small)`` calls at most ``slack`` times as many a unit as ``function(small)``."""
    function(small)  # what happens once only has happened
    few, many = calls(function, small)[1], calls(function, small * factor)[1]
    assert many <= factor * slack * few, f"{small}: {few} calls, {small * factor}: {many} calls"


@contextmanager
def reads_of_nodes():
    """A dict that fills while the block runs: frame -> the Apply nodes whose inputs or bodies it read. What a
    generator reads is read by the function that asks it.
    """
    found, slots = defaultdict(set), {name: vars(Apply)[name] for name in ("inputs", "bodies")}

    def watched(slot):
        def read(node):
            frame = sys._getframe(1)
            while frame.f_code.co_flags & inspect.CO_GENERATOR:
                frame = frame.f_back
            found[frame].add(node)
            return slot.__get__(node)

        return property(read, slot.__set__)

    for name, slot in slots.items():
        setattr(Apply, name, watched(slot))
    try:
        yield found
    finally:
        for name, slot in slots.items():
            setattr(Apply, name, slot)


def walks(function, *args):
    """(what ``function(*args)`` gives, {Apply node: the names of those that came by it on a walk}).

    Who reads fewer than five nodes in a call looks at a neighbourhood and walks nowhere.
    """
    with reads_of_nodes() as found:
        result = function(*args)
    walked = defaultdict(list)
    for frame, nodes in found.items():
        for node in nodes if len(nodes) >= 5 else ():
            walked[node].append(frame.f_code.co_qualname)
    return result, walked
