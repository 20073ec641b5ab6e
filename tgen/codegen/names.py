"""C texts of sizes and of literals. A size symbol has the name in the C that it has in the IR text."""

from contextvars import ContextVar

from tgen.core import dims
from tgen.core.dtypes import DTYPE


def ctype(dtype):
    return DTYPE[dtype].c


NAMED = ContextVar("NAMED", default=None)  # the sizes.Named of the file that is being written


def size_c(size, prefix=""):
    """A size as a C expression of type int64_t, by its name if it has one; symbols get ``prefix`` (``f->``
    outside kernels).
    """
    if isinstance(size, int):
        return str(size) if abs(size) < 2**31 else f"INT64_C({size})"
    if dims.lone(size):
        return prefix + str(size)
    table = NAMED.get()
    name = table and table.name(size)
    return prefix + name if name else spelled(size, prefix)


def spelled(size, prefix):
    """A Size in full; those in it by their names."""
    parts = []
    for atom, coefficient in size.terms:
        text = _atom_c(atom, prefix)
        sign = "-" if coefficient < 0 else "+"
        parts.append((sign, text if abs(coefficient) == 1 else f"{abs(coefficient)}*{text}"))
    if size.const:
        parts.append(("-" if size.const < 0 else "+", str(abs(size.const))))
    (sign, first), *rest = parts
    return ("-" if sign == "-" else "") + first + "".join(f" {s} {t}" for s, t in rest)


def _atom_c(atom, prefix):
    if isinstance(atom, dims.Sym):
        return f"{prefix}{atom}"
    table = NAMED.get()
    name = table and table.name(dims.alone(atom))
    if name:
        return prefix + name
    texts = [size_c(a, prefix) for a in atom.args]
    if atom.name == "mul":
        return "*".join(bracket(t) for t in texts)
    return f"tgen_size_{atom.name}({', '.join(texts)})"


def bracket(text):
    """text as an operand of * : in brackets when it is a sum."""
    return f"({text})" if " " in text or text.startswith("-") else text


def times(size, text, prefix=""):
    """C text of size * text."""
    if size == 1:
        return text
    if size == 0 or text == "0":
        return "0"
    if text == "1":
        return size_c(size, prefix)
    return f"{bracket(size_c(size, prefix))}*{bracket(text)}"


def plus(texts):
    """C text of a sum, zeros left out."""
    kept = [t for t in texts if t != "0"]
    return " + ".join(kept) if kept else "0"


def literal(value, dtype):
    """A C literal that has exactly the value's bits (NaN payloads aside)."""
    record = DTYPE[dtype]
    if record.kind == "b":
        return "1" if value else "0"
    if record.kind == "f":
        return _float_literal(float(value), record.suffix)
    value = int(value)
    if record.bits == 64 and value == -(2**63):
        return record.c_low
    if record.bits == 64 and abs(value) >= 2**31:
        return _long(record, value)
    return str(value) + ("u" if record.kind == "u" and record.bits == 32 else "")


def _long(record, value):
    return f"{'U' if record.kind == 'u' else ''}INT64_C({value})"


def immediate(value, dtype):
    """A literal that stands in an expression as a variable of its dtype would: its sign in brackets, as wide.

    >>> immediate(-1.0, "float32"), immediate(5, "int64"), immediate(5, "int8")
    ('(-1.0f)', 'INT64_C(5)', '5')
    """
    text = literal(value, dtype)
    record = DTYPE[dtype]
    if record.kind in "iu" and record.bits == 64 and text.lstrip("-").isdigit():
        return _long(record, text)
    return f"({text})" if text.startswith("-") else text


def _float_literal(value, suffix):
    if value != value:
        return f'__builtin_nan{suffix}("")'
    if value in (float("inf"), float("-inf")):
        return f"{'-' if value < 0 else ''}__builtin_inf{suffix}()"
    if value == int(value) and abs(value) < 1e6:
        return f"{'-' if str(value).startswith('-') else ''}{abs(int(value))}.0{suffix}"
    return value.hex() + suffix
