"""Runs a nest in Python, statement by statement: what its C must do, at any stage of the schedule.

    run(nodes, {"n0": 3, "low": 0, "high": 3}, {"v0": array, "v1": array})

Integers are Python's and wrap where they are stored; floats are NumPy's. A pointer is an array and a place in
it. The functions of templates/lib that nests call are in ``FUNCTIONS``, with their meaning in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tgen.core.dtypes import DTYPE

from .nest import (
    PAIRS,
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
    Expression,
    Field,
    For,
    Gathered,
    Half,
    Host,
    If,
    Int,
    Let,
    Load,
    Local,
    Name,
    Out,
    Pair,
    Scalar,
    Select,
    Set,
    Statement,
    Subscript,
    Symbol,
    Un,
)
from .reductions import accumulated, begun, closed

Value: TypeAlias = (
    Any  # a number or bool of Python's or NumPy's, a Pointer, None of a host, a tuple of a struct
)


@dataclass(frozen=True)
class Pointer:
    """Element ``at`` of a flat array; ``width``: 2 where it points at pairs, which are two elements each."""

    array: np.ndarray
    at: int = 0
    width: int = 1

    def __add__(self, offset: int) -> Pointer:
        return Pointer(self.array, self.at + self.width * offset, self.width)

    def place(self, k: int) -> int:
        """A place in the array; IndexError where there is none."""
        if not 0 <= self.at + k < self.array.size:
            raise IndexError(f"element {self.at + k} of {self.array.size}")
        return self.at + k

    def __getitem__(self, k: int) -> Value:
        dtype = self.array.dtype.name
        if self.width == 1:
            return stored(dtype, self.array[self.place(k)])
        return tuple(stored(dtype, self.array[self.place(2 * k + part)]) for part in (0, 1))

    def __setitem__(self, k: int, value: Value) -> None:
        dtype = self.array.dtype.name
        if self.width == 1:
            self.array[self.place(k)] = stored(dtype, value)
            return
        for part in (0, 1):
            self.array[self.place(2 * k + part)] = stored(dtype, value[part])


def stored(dtype: str, value: Value) -> Value:
    """``value`` as C keeps it in a variable of ``dtype``; a pair is a tuple."""
    if dtype in PAIRS:
        return tuple(stored(PAIRS[dtype], number) for number in value)
    record = DTYPE[dtype]
    if record.kind == "f":
        return np.dtype(dtype).type(value)
    if record.kind == "b":
        return bool(value)
    value = int(value) & ((1 << record.bits) - 1)
    return value - (1 << record.bits) if record.kind == "i" and value >> (record.bits - 1) else value


def elements(dtype: str) -> tuple[str, int]:
    """(dtype, count) of the elements that a value of ``dtype``, or a pair, is in memory."""
    return (PAIRS[dtype], 2) if dtype in PAIRS else (dtype, 1)


def run(nodes: Sequence[Statement], names: Mapping[str, Value], fields: Mapping[str, np.ndarray]) -> None:
    """Run a nest for what it writes. ``names``: the values of its sizes and free names; ``fields``: of the
    members of the frame, an array for each, of length 1 where the member is no pointer.
    """
    machine = _Machine(names, fields)
    with np.errstate(all="ignore"):
        machine.statements(nodes)


def value(e: Expression, names: Mapping[str, Value]) -> Value:
    """The value of an expression over sizes and names."""
    return _Machine(names, {}).value(e)


class _Machine:
    """The values of names, and of members of the frame."""

    def __init__(self, names: Mapping[str, Value], fields: Mapping[str, np.ndarray]) -> None:
        self.names, self.fields = dict(names), fields

    # -- statements, as deep as they are nested
    def statements(self, nodes: Sequence[Statement]) -> None:
        for node in nodes:
            _STATEMENT[type(node)](self, node)

    def let(self, node: Let) -> None:
        value = self.value(node.value)
        plain = (node.name.dtype in DTYPE or node.name.dtype in PAIRS) and not node.name.pointer
        self.names[node.name.text] = stored(node.name.dtype, value) if plain else value

    def local(self, node: Local) -> None:
        dtype, width = elements(node.name.dtype)
        array = np.empty(node.count * width, dtype)
        array.view(np.uint8)[:] = 0xA5  # what the stack held: no number that anybody wants
        self.names[node.name.text] = Pointer(array, 0, width)

    def set(self, node: Set) -> None:
        value, target = self.value(node.value), node.target
        if node.op:
            value = _BINARY[node.op](self.value(target), value)
        if isinstance(target, Load):
            self.value(target.pointer)[self.value(target.index)] = value
        elif isinstance(target, Field):
            Pointer(self.fields[target.name], 0, elements(target.dtype)[1])[0] = value
        elif isinstance(target, Name):
            self.names[target.text] = value if target.pointer else stored(target.dtype, value)
        else:
            raise TypeError(f"no kernel sets {target}")

    def choose(self, node: If) -> None:
        self.statements(node.body if self.value(node.condition) else node.other)

    def loop(self, node: For) -> None:
        for k in range(self.value(node.low), self.value(node.high), node.step):
            self.names[node.var.text] = k
            self.statements(node.body)

    # -- expressions, as deep as they are nested
    def value(self, e: Expression) -> Value:
        return _EXPRESSION[type(e)](self, e)

    def field(self, e: Field) -> Value:
        pointer = Pointer(self.fields[e.name], 0, elements(e.dtype)[1])
        return pointer if e.pointer or e.count else pointer[0]

    def binary(self, e: Bin) -> Value:
        if e.op in ("&&", "||"):
            first = bool(self.value(e.x))
            return first if first == (e.op == "||") else bool(self.value(e.y))
        return _BINARY[e.op](self.value(e.x), self.value(e.y))

    def scalar(self, e: Scalar) -> Value:
        arrays = [np.asarray(stored(d, self.value(x)), d) for d, x in zip(e.dtypes, e.args)]
        return np.asarray(e.op.eval(e.attrs, (), *arrays)).item()

    def subscript(self, e: Subscript) -> Value:
        return sum(self.value(index) * self.value(stride) for index, stride in zip(e.indices, e.strides))

    def gathered(self, e: Gathered) -> Value:
        index = FUNCTIONS["tgen_wrap"](self.value(e.index), self.value(e.size))
        self.names[e.name.text] = index
        return index

    def address(self, e: Address) -> Value:
        if isinstance(e.target, Load):
            return self.value(e.target.pointer) + self.value(e.target.index)
        if isinstance(e.target, Field):
            return Pointer(self.fields[e.target.name], 0, elements(e.target.dtype)[1])
        if isinstance(e.target, Name):
            return self.names[e.target.text]
        raise TypeError(f"no kernel asks where {e.target} is")

    def cast(self, e: Cast) -> Value:
        value = self.value(e.x)
        if not e.pointer:
            return stored(e.dtype, value)
        dtype, width = elements(e.dtype)
        if value.array.dtype != dtype:
            raise TypeError(f"what points at {value.array.dtype} cannot point at {e.dtype}")
        return Pointer(value.array, value.at, width)

    def call(self, e: Call) -> Value:
        return FUNCTIONS[e.function](*map(self.value, e.args))


def _divided(x: Value, y: Value) -> Value:
    """C's division: of integers, towards 0."""
    if isinstance(x, int) and isinstance(y, int):
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    return x / y


_BINARY: dict[str, Callable[[Value, Value], Value]] = {
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
_STATEMENT: dict[type, Callable[[_Machine, Any], None]] = {
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
_EXPRESSION: dict[type, Callable[[_Machine, Any], Value]] = {
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
    Cast: _Machine.cast,
    Pair: lambda machine, e: (
        stored(e.dtype, machine.value(e.x)),
        stored(e.dtype, machine.value(e.y)),
    ),
    Half: lambda machine, e: machine.value(e.x)[e.number],
    Select: lambda machine, e: machine.value(e.x if machine.value(e.condition) else e.y),
    Call: _Machine.call,
    Scalar: _Machine.scalar,
    Subscript: _Machine.subscript,
    Gathered: _Machine.gathered,
}


# -- functions of templates/lib ------------------------------------------------------------------------------


def carry(level: Pointer, n: int, block: Value) -> Value:
    """Block ``n`` of a long sum joins those before it, in pairs; 0 is left."""
    k = 0
    while n % 2 == 0:
        block, n, k = level[k] + block, n // 2, k + 1
    level[k] = block
    return 0


def tally(level: Pointer, n: int, rest: Value) -> Value:
    """All ``n`` blocks and the rest."""
    for k in range(n.bit_length()):
        if n >> k & 1:
            rest = level[k] + rest
    return rest


def matrix(pointer: Pointer, rows: int, columns: int, leading: int, transposed: int) -> np.ndarray:
    """The view of a matrix that lies at ``pointer``."""
    if transposed:
        return matrix(pointer, columns, rows, leading, 0).T
    index = np.arange(rows)[:, None] * leading + np.arange(columns)
    return pointer.array[pointer.at + index]


def gemm(
    host: None,
    low: int,
    high: int,
    ta: int,
    tb: int,
    m: int,
    n: int,
    k: int,
    a: Pointer,
    lda: int,
    b: Pointer,
    ldb: int,
    c: Pointer,
) -> None:
    """Rows or columns of a product, whichever are more."""
    z = matrix(a, m, k, lda, ta) @ matrix(b, k, n, ldb, tb)
    target = c.array[c.at : c.at + m * n].reshape(m, n)
    if m > n:
        target[low:high] = z[low:high]
    else:
        target[:, low:high] = z[:, low:high]


def gemv(
    host: None,
    low: int,
    high: int,
    ta: int,
    m: int,
    k: int,
    a: Pointer,
    lda: int,
    x: Pointer,
    y: Pointer,
) -> None:
    z = matrix(a, m, k, lda, ta) @ x.array[x.at : x.at + k]
    y.array[y.at + low : y.at + high] = z[low:high]


def lane(pointer: Pointer, length: int, inner: int) -> np.ndarray:
    """Elements ``inner`` apart."""
    return pointer.array[pointer.at + np.arange(length) * inner]


def sort(x: Pointer, out: Pointer, length: int, inner: int, room: Pointer) -> None:
    lane_at(out, length, inner, np.sort(lane(x, length, inner)))


def argsort(x: Pointer, out: Pointer, length: int, inner: int, room: Pointer) -> None:
    lane_at(out, length, inner, np.argsort(lane(x, length, inner), kind="stable"))


def lane_at(pointer: Pointer, length: int, inner: int, values: np.ndarray) -> None:
    pointer.array[pointer.at + np.arange(length) * inner] = values


def searchsorted(x: Pointer, length: int, v: Value, right: int) -> int:
    return int(np.searchsorted(lane(x, length, 1), v, "right" if right else "left"))


def running(ufunc: np.ufunc) -> Callable[..., None]:
    """cumsum or cumprod of the lanes from ``low`` to below ``high``."""

    def over(x: Pointer, out: Pointer, length: int, inner: int, low: int, high: int) -> None:
        for k in range(low, high):
            at = k // inner * inner * length + k % inner
            values = ufunc.accumulate(lane(x + at, length, inner).astype(out.array.dtype))
            lane_at(out + at, length, inner, values)

    return over


LOW = 0xFFFFFFFF  # a word


def ahead(counter: tuple[int, int], blocks: int) -> tuple[int, int]:
    """A Philox counter of two words, some blocks on."""
    at = (counter[0] | counter[1] << 32) + blocks
    return at & LOW, at >> 32 & LOW


def mix(word: int, factor: int, other: int) -> tuple[int, int]:
    """Half a round of Philox."""
    return word * factor >> 32 ^ other, word * factor & LOW


# for each dtype, whose code ends their names
OF_DTYPES: dict[str, Callable[..., Value]] = {
    "carry": carry,
    "tally": tally,
    "sort": sort,
    "argsort": argsort,
    "searchsorted": searchsorted,
    "cumsum": running(np.add),
    "cumprod": running(np.multiply),
}
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "tgen_philox_ahead": ahead,
    "tgen_philox_mix": mix,
    "tgen_philox_float32": lambda word: np.float32((word >> 8) * 2.0**-24),
    "tgen_philox_uint64": lambda words: words[0] | words[1] << 32,
    "tgen_philox_float64": lambda words: np.float64((words[0] >> 11 | words[1] << 21) * 2.0**-53),
    "tgen_wrap": lambda i, n: i + n if i < 0 else i,
    "tgen_size_div": lambda x, y: x // y if y else 0,
    "tgen_size_mod": lambda x, y: x % y if y else 0,
    "tgen_size_min": min,
    "tgen_size_max": max,
    **{f"tgen_gemm_{d.blas}_part": gemm for d in DTYPE.values() if d.blas},
    **{f"tgen_gemv_{d.blas}_part": gemv for d in DTYPE.values() if d.blas},
    **{f"tgen_{name}_{d.code}": meaning for d in DTYPE.values() for name, meaning in OF_DTYPES.items()},
    **{f"tgen_cumsum_{d.code}_f64": running(np.add) for d in DTYPE.values()},
    **{f"tgen_cumprod_{d.code}_f64": running(np.multiply) for d in DTYPE.values()},
}
