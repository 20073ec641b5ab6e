"""How each reduction starts, steps and combines in C. NaN wins in max and min, as in NumPy."""

from dataclasses import dataclass

from tgen.core.dtypes import DTYPE, is_float

from .names import ctype, literal


@dataclass(frozen=True)
class Reduction:
    """``start(dtype)``; ``step``: the new accumulator from {a} and {x}; ``simd``: the operator of the omp
    clause, or None.
    """

    start: object
    step: str
    simd: str = None


TABLE = {
    "sum": Reduction(lambda d: literal(0, d), "{a} + {x}", "+"),
    "prod": Reduction(lambda d: literal(1, d), "{a} * {x}", "*"),
    "max": Reduction(lambda d: DTYPE[d].c_low, "{x} > {a} ? {x} : {a}", "max"),
    "min": Reduction(lambda d: DTYPE[d].c_high, "{x} < {a} ? {x} : {a}", "min"),
    "any": Reduction(lambda d: "0", "{a} | ({x} != 0)", "|"),
    "all": Reduction(lambda d: "1", "{a} & ({x} != 0)", "&"),
}
# x is not equal to itself only where it is NaN: then it wins, and stays
EXTREME = {"max": "({x} > {a}) | ({x} != {x}) ? {x} : {a}", "min": "({x} < {a}) | ({x} != {x}) ? {x} : {a}"}
ARG = {"argmax": ">", "argmin": "<"}


def start(name, dtype):
    return TABLE[name].start(dtype)


def memory_step(name, dtype):
    """The step for an accumulator in memory or between parts: NaN propagates here."""
    if name in EXTREME and is_float(dtype):
        return EXTREME[name]
    return TABLE[name].step


class Accumulator:
    """One register reduction: its declarations, the statements of a step, its simd clauses, what closes it.

    ``rounded``: the narrower dtype of its result, if it has one. ``tallied``: what is added to it is counted,
    and every 32 terms join those before them in pairs, as in NumPy's sums (lib/support.c.j2, tgen_carry): its
    error grows with the logarithm of their number.
    """

    def __init__(self, name, dtype, number, index=None, rounded=None):
        self.name, self.dtype, self.index, self.rounded = name, dtype, index, rounded
        self.tallied = False
        self.a = self.register = f"acc{number}"  # the register is another one inside a chunk

    def declare(self):
        if self.name in ARG:
            return [f"{ctype(self.dtype)} {self.a} = 0;", f"int64_t {self.a}_at = -1;"]
        lines = [f"{ctype(self.dtype)} {self.a} = {start(self.name, self.dtype)};"]
        if self.tallied:
            lines.append(f"{ctype(self.dtype)} {self.a}_level[48]; int64_t {self.a}_count = 0;")
        if self.watches_nan:
            lines.append(f"int {self.a}_nan = 0;")
        return lines

    @property
    def watches_nan(self):
        return self.name in EXTREME and is_float(self.dtype)

    @property
    def result(self):
        if self.rounded:
            return f"(({ctype(self.rounded)}){self.a})"
        return f"{self.a}_at" if self.name in ARG else self.a

    def step(self, x):
        a = self.a
        if self.name in ARG:
            better = f"{x} {ARG[self.name]} {a}"
            if is_float(self.dtype):
                better += f" || ({x} != {x} && {a} == {a})"
            return [f"if ({a}_at < 0 || {better}) {{ {a} = {x}; {a}_at = {self.index}; }}"]
        if self.tallied and self.register == a:
            return self.add(x)
        lines = [f"{self.register} = {TABLE[self.name].step.format(a=self.register, x=x)};"]
        if self.watches_nan:
            lines.append(f"{a}_nan |= {x} != {x};")
        return lines

    def add(self, x):
        """The statements that add ``x``, a sum of some terms."""
        if not self.tallied:
            return [f"{self.a} += {x};"]
        carry = f"tgen_carry_{DTYPE[self.dtype].code}({self.a}_level, {self.a}_count/32, {self.a})"
        return [f"{self.a} += {x};", f"if (++{self.a}_count % 32 == 0) {self.a} = {carry};"]

    def clauses(self):
        """omp simd clauses, or None when the loop must stay scalar."""
        if self.name in ARG:
            return None
        clause = f"reduction({TABLE[self.name].simd}:{self.register})"
        return clause + (f" reduction(|:{self.a}_nan)" if self.watches_nan else "")

    def close(self):
        if self.tallied:
            whole = f"tgen_tally_{DTYPE[self.dtype].code}({self.a}_level, {self.a}_count/32, {self.a})"
            return [f"if ({self.a}_count >= 32) {self.a} = {whole};"]
        return (
            [f"if ({self.a}_nan) {self.a} = {literal(float('nan'), self.dtype)};"] if self.watches_nan else []
        )
