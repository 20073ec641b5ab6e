"""The functions of other libraries that compiled code calls, each said once: its symbol and C signature.

Of this table are rendered the types and the fields of the host table (templates/abi.h.j2) and the code that
fills them (templates/runtime.c.j2); backends/c/blas.py looks the symbols up.

>>> [f.symbol for f in EXTERNALS]
['cblas_sgemm', 'cblas_dgemm', 'cblas_sgemv', 'cblas_dgemv']
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tgen.core.dtypes import DTYPE


@dataclass(frozen=True)
class External:
    """One function: ``symbol`` in its library, ``field`` of the host table, C ``type`` of a pointer to it,
    its ``arguments`` in C (none gives a result), a ``comment`` behind the field.
    """

    symbol: str
    field: str
    type: str
    arguments: str
    comment: str = ""

    @property
    def declaration(self) -> str:
        """The field in the host table's C."""
        return f"{f'{self.type} {self.field};':<41}{self.comment}".rstrip()


# routine -> (its arguments, {T} the dtype's C type, line by line; a comment)
_BLAS = {
    "gemm": (
        (
            "int order, int ta, int tb, int m, int n, int k, {T} alpha, const {T} *a, int lda,",
            "const {T} *b, int ldb, {T} beta, {T} *c, int ldc",
        ),
        "/* order 101: row-major; 111: as it is, 112: transposed  */",
    ),
    "gemv": (
        (
            "int order, int ta, int m, int n, {T} alpha, const {T} *a, int lda, const {T} *x,",
            "int incx, {T} beta, {T} *y, int incy",
        ),
        "",
    ),
}
_INDENT = "\n" + " " * 28


def _blas() -> Iterator[External]:
    for routine, (lines, comment) in _BLAS.items():
        for d in DTYPE.values():
            if d.blas:
                yield External(
                    f"cblas_{d.blas}{routine}",
                    f"{d.blas}{routine}",
                    f"tgen_{routine}_{d.blas}",
                    _INDENT.join(lines).replace("{T}", d.c),
                    comment,
                )
                comment = ""


EXTERNALS = tuple(_blas())
