"""expand: what is one op in the graph and several in C.

    y = softmax x {axis=1}   ->   m = max x ; e = exp(x - m) ; y = e / sum e

After it fusion makes one row kernel of the parts. It leaves BLAS products alone (blas).
"""
from tgen.core.types import TensorType
from tgen.ir.builder import Builder
from tgen.ir.nodes import Block, Value
from tgen.ir.rebuild import bottom_up

EXPANSIONS = {}


def expansion(name):
    def add(function):
        EXPANSIONS[name] = function
        return function
    return add


def _keep(b, reduced, x, axis):
    """A reduction's result with axis put back as a static 1."""
    order = tuple("x" if k == axis else k - (k > axis) for k in range(x.type.ndim))
    return b.emit("dimshuffle", (reduced,), {"order": order})


def _shifted(b, x, axis):
    """x - max(x), the max over a row that is not finite left out, as 0: inf - inf would be nan where NumPy's exp gives it anyway."""
    peak = _keep(b, b.emit("max", (x,), {"axes": (axis,)}, result=Value(TensorType(x.type.dtype, tuple(s for k, s in enumerate(x.type.shape) if k != axis)))), x, axis)
    return b.emit("sub", (x, peak))


@expansion("softmax")
def softmax(b, instr, x):
    axis = instr.attrs["axis"] % x.type.ndim
    e = b.emit("exp", (_shifted(b, x, axis),))
    return b.emit("true_div", (e, _keep(b, b.emit("sum", (e,), {"axes": (axis,)}), x, axis)))


@expansion("logsoftmax")
def logsoftmax(b, instr, x):
    axis = instr.attrs["axis"] % x.type.ndim
    shifted = _shifted(b, x, axis)
    total = b.emit("sum", (b.emit("exp", (shifted,)),), {"axes": (axis,)})
    return b.emit("sub", (shifted, _keep(b, b.emit("log", (total,)), x, axis)))


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
