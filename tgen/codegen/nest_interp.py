"""Runs a nest in Python, statement by statement: what its C must do, at any stage of the schedule.

    run(nodes, {"n0": 3, "low": 0, "high": 3}, {"v0": array, "v1": array})

Integers are Python's and wrap where they are stored; floats are NumPy's. A pointer is an array and a place in
it. The functions of templates/lib that nests call are in ``FUNCTIONS``, with their meaning in NumPy.
"""

from dataclasses import dataclass

import numpy as np

from tgen.core.dtypes import DTYPE

from .nest import (
    Accumulate,
    Address,
    Band,
    Begin,
    Bin,
    Braces,
    Call,
    Cast,
    Close,
    Const,
    Do,
    Field,
    For,
    Gathered,
    Host,
    If,
    Int,
    Let,
    Load,
    Local,
    Name,
    Out,
    Scalar,
    Select,
    Set,
    Subscript,
    Symbol,
    Un,
)
from .reductions import accumulated, begun, closed


@dataclass(frozen=True)
class Pointer:
    """Element ``at`` of a flat array."""

    array: object
    at: int = 0

    def __add__(self, offset):
        return Pointer(self.array, self.at + offset)

    def place(self, k):
        """A place in the array; IndexError where there is none."""
        if not 0 <= self.at + k < self.array.size:
            raise IndexError(f"element {self.at + k} of {self.array.size}")
        return self.at + k

    def __getitem__(self, k):
        return stored(self.array.dtype.name, self.array[self.place(k)])

    def __setitem__(self, k, value):
        self.array[self.place(k)] = stored(self.array.dtype.name, value)


def stored(dtype, value):
    """``value`` as C keeps it in a variable of ``dtype``."""
    record = DTYPE[dtype]
    if record.kind == "f":
        return np.dtype(dtype).type(value)
    if record.kind == "b":
        return bool(value)
    value = int(value) & ((1 << record.bits) - 1)
    return value - (1 << record.bits) if record.kind == "i" and value >> (record.bits - 1) else value


def run(nodes, names, fields):
    """Run a nest for what it writes. ``names``: the values of its sizes and free names; ``fields``: of the
    members of the frame, an array for each, of length 1 where the member is no pointer.
    """
    machine = _Machine(names, fields)
    with np.errstate(all="ignore"):
        machine.statements(nodes)


def value(e, names):
    """The value of an expression over sizes and names."""
    return _Machine(names, {}).value(e)


class _Machine:
    """The values of names, and of members of the frame."""

    def __init__(self, names, fields):
        self.names, self.fields = dict(names), fields

    # -- statements, as deep as they are nested
    def statements(self, nodes):
        for node in nodes:
            _STATEMENT[type(node)](self, node)

    def let(self, node):
        value = self.value(node.value)
        plain = node.name.dtype in DTYPE and not node.name.pointer
        self.names[node.name.text] = stored(node.name.dtype, value) if plain else value

    def local(self, node):
        array = np.empty(node.count, node.name.dtype)
        array.view(np.uint8)[:] = 0xA5  # what the stack held: no number that anybody wants
        self.names[node.name.text] = Pointer(array)

    def set(self, node):
        value, target = self.value(node.value), node.target
        if node.op:
            value = _BINARY[node.op](self.value(target), value)
        if isinstance(target, Load):
            self.value(target.pointer)[self.value(target.index)] = value
        elif isinstance(target, Field):
            Pointer(self.fields[target.name])[0] = value
        else:
            self.names[target.text] = value if target.pointer else stored(target.dtype, value)

    def choose(self, node):
        self.statements(node.body if self.value(node.condition) else node.other)

    def loop(self, node):
        for k in range(self.value(node.low), self.value(node.high), node.step):
            self.names[node.var.text] = k
            self.statements(node.body)

    # -- expressions, as deep as they are nested
    def value(self, e):
        return _EXPRESSION[type(e)](self, e)

    def field(self, e):
        pointer = Pointer(self.fields[e.name])
        return pointer if e.pointer or e.count else pointer[0]

    def binary(self, e):
        if e.op in ("&&", "||"):
            first = bool(self.value(e.x))
            return first if first == (e.op == "||") else bool(self.value(e.y))
        return _BINARY[e.op](self.value(e.x), self.value(e.y))

    def scalar(self, e):
        arrays = [np.asarray(stored(d, self.value(x)), d) for d, x in zip(e.dtypes, e.args)]
        return np.asarray(e.op.eval(e.attrs, (), *arrays)).item()

    def subscript(self, e):
        return sum(self.value(index) * self.value(stride) for index, stride in zip(e.indices, e.strides))

    def gathered(self, e):
        index = FUNCTIONS["tgen_wrap"](self.value(e.index), self.value(e.size))
        self.names[e.name.text] = index
        return index

    def address(self, e):
        if isinstance(e.target, Load):
            return self.value(e.target.pointer) + self.value(e.target.index)
        if isinstance(e.target, Field):
            return Pointer(self.fields[e.target.name])
        return self.names[e.target.text]

    def call(self, e):
        return FUNCTIONS[e.function](*map(self.value, e.args))


def _divided(x, y):
    """C's division: of integers, towards 0."""
    if isinstance(x, int) and isinstance(y, int):
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    return x / y


_BINARY = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": _divided,
    "%": lambda x, y: x - _divided(x, y) * y,
    "<": lambda x, y: bool(x < y),
    "<=": lambda x, y: bool(x <= y),
    ">": lambda x, y: bool(x > y),
    ">=": lambda x, y: bool(x >= y),
    "==": lambda x, y: bool(x == y),
    "!=": lambda x, y: bool(x != y),
    "&": lambda x, y: int(x) & int(y),
    "^": lambda x, y: int(x) ^ int(y),
    "|": lambda x, y: int(x) | int(y),
}
_STATEMENT = {
    Let: _Machine.let,
    Local: _Machine.local,
    Set: _Machine.set,
    Do: lambda machine, s: machine.value(s.call),
    If: _Machine.choose,
    For: _Machine.loop,
    Band: lambda machine, s: machine.statements(s.body),
    Begin: lambda machine, s: machine.statements(begun(s.of)),
    Accumulate: lambda machine, s: machine.statements(accumulated(s.of, s.value, s.partial)),
    Close: lambda machine, s: machine.statements(closed(s.of)),
}
_EXPRESSION = {
    Const: lambda machine, e: stored(e.dtype, e.value),
    Int: lambda machine, e: e.value,
    Name: lambda machine, e: machine.names[e.text],
    Field: _Machine.field,
    Symbol: lambda machine, e: machine.names[e.name],
    Host: lambda machine, e: None,
    Address: _Machine.address,
    Braces: lambda machine, e: tuple(map(machine.value, e.values)),
    Out: lambda machine, e: machine.value(e.x),
    Load: lambda machine, e: machine.value(e.pointer)[machine.value(e.index)],
    Un: lambda machine, e: -machine.value(e.x) if e.op == "-" else not machine.value(e.x),
    Bin: _Machine.binary,
    Cast: lambda machine, e: stored(e.dtype, machine.value(e.x)),
    Select: lambda machine, e: machine.value(e.x if machine.value(e.condition) else e.y),
    Call: _Machine.call,
    Scalar: _Machine.scalar,
    Subscript: _Machine.subscript,
    Gathered: _Machine.gathered,
}


# -- functions of templates/lib ------------------------------------------------------------------------------


def carry(level, n, block):
    """Block ``n`` of a long sum joins those before it, in pairs; 0 is left."""
    k = 0
    while n % 2 == 0:
        block, n, k = level[k] + block, n // 2, k + 1
    level[k] = block
    return 0


def tally(level, n, rest):
    """All ``n`` blocks and the rest."""
    for k in range(n.bit_length()):
        if n >> k & 1:
            rest = level[k] + rest
    return rest


def matrix(pointer, rows, columns, leading, transposed):
    """The view of a matrix that lies at ``pointer``."""
    if transposed:
        return matrix(pointer, columns, rows, leading, False).T
    index = np.arange(rows)[:, None] * leading + np.arange(columns)
    return pointer.array[pointer.at + index]


def gemm(host, low, high, ta, tb, m, n, k, a, lda, b, ldb, c):
    """Rows or columns of a product, whichever are more."""
    z = matrix(a, m, k, lda, ta) @ matrix(b, k, n, ldb, tb)
    target = c.array[c.at : c.at + m * n].reshape(m, n)
    if m > n:
        target[low:high] = z[low:high]
    else:
        target[:, low:high] = z[:, low:high]


def gemv(host, low, high, ta, m, k, a, lda, x, y):
    z = matrix(a, m, k, lda, ta) @ x.array[x.at : x.at + k]
    y.array[y.at + low : y.at + high] = z[low:high]


def lane(pointer, length, inner):
    """Elements ``inner`` apart."""
    return pointer.array[pointer.at + np.arange(length) * inner]


def sort(x, out, length, inner, room):
    lane_at(out, length, inner, np.sort(lane(x, length, inner)))


def argsort(x, out, length, inner, room):
    lane_at(out, length, inner, np.argsort(lane(x, length, inner), kind="stable"))


def lane_at(pointer, length, inner, values):
    pointer.array[pointer.at + np.arange(length) * inner] = values


def searchsorted(x, length, v, right):
    return int(np.searchsorted(lane(x, length, 1), v, "right" if right else "left"))


def running(ufunc):
    """cumsum or cumprod of the lanes from ``low`` to below ``high``."""

    def over(x, out, length, inner, low, high):
        for k in range(low, high):
            at = k // inner * inner * length + k % inner
            values = ufunc.accumulate(lane(x + at, length, inner).astype(out.array.dtype))
            lane_at(out + at, length, inner, values)

    return over


FUNCTIONS = {
    "tgen_wrap": lambda i, n: i + n if i < 0 else i,
    "tgen_size_div": lambda x, y: x // y if y else 0,
    "tgen_size_mod": lambda x, y: x % y if y else 0,
    "tgen_size_min": min,
    "tgen_size_max": max,
    **{f"tgen_gemm_{d.blas}_part": gemm for d in DTYPE.values() if d.blas},
    **{f"tgen_gemv_{d.blas}_part": gemv for d in DTYPE.values() if d.blas},
    **{
        f"tgen_{name}_{d.code}": meaning
        for d in DTYPE.values()
        for name, meaning in {
            "carry": carry,
            "tally": tally,
            "sort": sort,
            "argsort": argsort,
            "searchsorted": searchsorted,
            "cumsum": running(np.add),
            "cumprod": running(np.multiply),
        }.items()
    },
    **{f"tgen_cumsum_{d.code}_f64": running(np.add) for d in DTYPE.values()},
    **{f"tgen_cumprod_{d.code}_f64": running(np.multiply) for d in DTYPE.values()},
}
