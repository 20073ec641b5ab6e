"""Why a call ends: the codes an entry returns (templates/abi.h.j2 has the same), and errors that know theirs.

An error leaves compiled code as a code, the number of a site and a few numbers; ``runtime/explain.py`` makes
words of these. A check that the interpreter makes says the same of itself.
"""

OK, SIZES, INDEX, MEMORY, EMPTY, REENTRANT, BAD_SIZE, ASSERT, STOPPED, RAISED, LAYOUT = range(11)


def refusal(error: Exception, code: int, *numbers: int) -> Exception:
    """``error``, which remembers its code and the numbers that go with it.

    >>> refused(refusal(ValueError("sizes 3 and 4"), SIZES, 3, 4))
    (1, (3, 4))
    """
    error.__dict__["refusal"] = code, numbers
    return error


def refused(error: BaseException) -> tuple[int, tuple[int, ...]]:
    """(code, numbers) of what a check raised; RAISED of any other exception."""
    return error.__dict__.get("refusal", (RAISED, ())) if hasattr(error, "__dict__") else (RAISED, ())
