"""How much work something is, as a number that no busy machine changes: functions called, not seconds."""

import sys


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
