"""What stands in the place of a gradient that is not there: one that is undefined, one of a variable nothing
depends on.
"""

from __future__ import annotations

from typing import Any


class NullType:
    """The type of a gradient that does not exist; ``why_null`` says why."""

    def __init__(self, why_null: str = "(no reason given)") -> None:
        self.why_null = why_null

    def __call__(self, name: None = None) -> Undefined:
        return Undefined(self.why_null)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NullType)

    def __hash__(self) -> int:
        return hash(NullType)

    def __repr__(self) -> str:
        return "NullType"


class DisconnectedType:
    """The type of the gradient with respect to a variable the cost does not depend on.
    ``DisconnectedType()()`` is such a gradient.

    >>> g = DisconnectedType()()
    >>> g, isinstance(g.type, DisconnectedType)
    (<DisconnectedType>, True)
    """

    def __call__(self, name: None = None) -> Disconnected:
        return Disconnected()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DisconnectedType)

    def __hash__(self) -> int:
        return hash(DisconnectedType)

    def __repr__(self) -> str:
        return "DisconnectedType"


class Undefined:
    """A gradient that does not exist, with the reason; what an op's grad returns for an operand it cannot
    differentiate in.
    """

    def __init__(self, why: str) -> None:
        self.why = why

    type = property(lambda self: NullType(self.why))

    def __repr__(self) -> str:
        return f"<undefined gradient: {self.why}>"


class Disconnected:
    """What grad gives with return_disconnected='Disconnected' for a variable the cost does not depend on."""

    type = property(lambda self: DisconnectedType())

    def __repr__(self) -> str:
        return "<DisconnectedType>"


def grad_undefined(op: Any, x_pos: int, x: Any, comment: str = "") -> Undefined:
    """What an op's ``grad`` returns for its operand number ``x_pos``, the variable ``x``, in which it has no
    gradient.

    Whoever asks for a gradient through it gets a NullTypeGradError with ``comment``.

    >>> grad_undefined("rounding", 0, "x", "it has steps")
    <undefined gradient: rounding has none in its input 0 (x): it has steps>
    """
    return Undefined(f"{op} has none in its input {x_pos} ({x})" + (f": {comment}" if comment else ""))


def grad_not_implemented(op: Any, x_pos: int, x: Any, comment: str = "") -> Undefined:
    """``grad_undefined`` for a gradient that exists and that nobody has written yet."""
    return Undefined(
        f"{op} does not implement it for its input {x_pos} ({x})" + (f": {comment}" if comment else "")
    )
