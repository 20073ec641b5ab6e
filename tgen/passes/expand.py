"""expand: what is one op in the graph and several in C.

    y = softmax x {axis=1}   ->   m = max x ; e = exp(x - m) ; y = e / sum e

After it fusion makes one row kernel of the parts. It leaves BLAS products alone (blas).
"""

from tgen.core.types import wide
from tgen.ir.builder import Builder
from tgen.ir.nodes import Block, Value
from tgen.ir.rebuild import bottom_up
from tgen.ops.reduce import axes_of

EXPANSIONS = {}


def expansion(name):
    def add(function):
        EXPANSIONS[name] = function
        return function

    return add


def _keep(b, reduced, x, axes):
    """A reduction's result with its axes put back as static ones."""
    kept = iter(range(reduced.type.ndim))
    order = tuple("x" if k in axes else next(kept) for k in range(x.type.ndim))
    return b.emit("dimshuffle", (reduced,), {"order": order})


def _peak(b, x, axes):
    """max(x). Its type is said here: of no elements it is -inf, which only the user's own ``max`` refuses."""
    shape = tuple(s for k, s in enumerate(x.type.shape) if k not in axes)
    return b.emit("max", (x,), {"axes": axes}, result=Value(x.type.with_shape(shape)))


def _shifted(b, x, axes):
    return b.emit("sub", (x, _keep(b, _peak(b, x, axes), x, axes)))


@expansion("softmax")
def softmax(b, instr, x):
    axes = axes_of(instr.attrs)
    e = b.emit("exp", (_shifted(b, x, axes),))
    return b.emit("true_div", (e, _keep(b, b.emit("sum", (e,), {"axes": axes}), x, axes)))


@expansion("logsoftmax")
def logsoftmax(b, instr, x):
    axes = axes_of(instr.attrs)
    shifted = _shifted(b, x, axes)
    total = b.emit("sum", (b.emit("exp", (shifted,)),), {"axes": axes})
    return b.emit("sub", (shifted, _keep(b, b.emit("log", (total,)), x, axes)))


@expansion("logsumexp")
def logsumexp(b, instr, x):
    """The peak that is taken out is 0 where it is infinite: inf - inf would be nan."""
    axes = instr.attrs["axes"]
    peak = _peak(b, x, axes)
    zero = b.scalar(0.0, x.type)
    if peak.type.ndim:
        zero = b.emit("dimshuffle", (zero,), {"order": ("x",) * peak.type.ndim})
    peak = b.emit("switch", (b.emit("isinf", (peak,)), zero, peak))
    terms = b.emit("exp", (b.emit("sub", (x, _keep(b, peak, x, axes))),))
    total = b.emit("sum", (terms,), {"axes": axes, **wide(x.type.dtype)})
    return b.emit("add", (b.emit("log", (total,)), peak))


def expand(function):
    """Replace every op in EXPANSIONS by its parts, in nested blocks too."""
    return function.with_block(bottom_up(function.block, lambda block, level: _expanded(block)))


def _expanded(block):
    if not any(i.op.name in EXPANSIONS for i in block.instrs):
        return block
    env, out = {}, []
    for instr in block.instrs:
        operands = tuple(env.get(v, v) for v in instr.operands)
        make = EXPANSIONS.get(instr.op.name)
        if make is None:
            out.append(instr.with_(operands=operands) if operands != instr.operands else instr)
            continue
        b = Builder(instr.where)
        env[instr.result] = make(b, instr, *operands)
        out.extend(b.instrs)
    return Block(block.params, tuple(out), tuple(env.get(v, v) for v in block.results))
