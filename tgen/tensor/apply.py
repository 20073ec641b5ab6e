"""One primitive applied to variables, with the weak flag of its result decided here."""
import tgen.ops
from tgen.core.op import OPS
from tgen.core.types import TensorType
from tgen.graph.nodes import apply_op

__all__ = ["apply", "apply_many", "pad", "reorder"]
assert tgen.ops     # importing it filled OPS


def set_weak(v, weak):
    """Give a fresh result ``v`` the weak flag its function decided (what op.infer says of it does not count)."""
    if v.type.weak != weak:
        v.type = TensorType(v.type.dtype, v.type.shape, weak)
    return v


def apply_many(name, inputs, **attrs):
    """All results of primitive ``name``."""
    return apply_op(OPS[name], list(inputs), attrs)


def apply(name, *inputs, weak=False, **attrs):
    """The single result of primitive ``name``, weak or not."""
    return set_weak(apply_op(OPS[name], list(inputs), attrs)[0], weak)


def reorder(x, order):
    """``dimshuffle`` of a variable by an already checked order; keeps weakness."""
    return apply("dimshuffle", x, order=tuple(order), weak=x.type.weak)


def pad(x, ndim):
    """x with axes of size 1 added on the left until it has ``ndim``."""
    if x.type.ndim >= ndim:
        return x
    return reorder(x, ("x",) * (ndim - x.type.ndim) + tuple(range(x.type.ndim)))
