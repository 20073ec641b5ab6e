"""What a user's grad returns for an input it has no gradient in."""
from tgen.graph.grad import Disconnected, Undefined


class DisconnectedType:
    """``DisconnectedType()()`` in the list that grad returns: the outputs do not depend on that input, or only in steps.

    >>> DisconnectedType()()
    <DisconnectedType>
    """

    def __call__(self, name=None):
        return Disconnected()

    def __eq__(self, other):
        return type(other) is DisconnectedType

    def __hash__(self):
        return hash(DisconnectedType)

    def __repr__(self):
        return "DisconnectedType"


def grad_undefined(op, x_pos, x, comment=""):
    """For the list that grad returns: the gradient in input ``x_pos``, the variable ``x``, does not exist; asked for, it is a NullTypeGradError."""
    return Undefined(f"{op} has none in its input {x_pos} ({x}){f': {comment}' if comment else ''}")


def grad_not_implemented(op, x_pos, x, comment=""):
    """The same for a gradient that exists but that nobody wrote."""
    return Undefined(f"{op} does not implement it for its input {x_pos} ({x}){f': {comment}' if comment else ''}")
