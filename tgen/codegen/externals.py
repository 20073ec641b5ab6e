"""The functions of other libraries that compiled code calls, each said once: its symbol and C signature.

Of this table are rendered the types and the fields of the host table (templates/abi.h.j2) and the code that
fills them (templates/runtime.c.j2); backends/c/blas.py looks the symbols up. Another function is a row of
``_BLAS`` or ``_LAPACK``.

>>> [f.symbol for f in EXTERNALS][:5]
['cblas_sgemm', 'cblas_dgemm', 'cblas_sgemv', 'cblas_dgemv', 'spotrf_']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tgen.core.dtypes import DTYPE


@dataclass(frozen=True)
class External:
    """One function: ``symbol`` in its library, ``field`` of the host table, C ``type`` of a pointer to it,
    its ``arguments`` in C (none gives a result), a ``comment`` behind the field. An ``optional`` one is NULL
    where the library has none, and who calls it has C of its own for that.
    """

    symbol: str
    field: str
    type: str
    arguments: str
    comment: str = ""
    optional: bool = False

    @property
    def declaration(self) -> str:
        """The field in the host table's C."""
        return f"{f'{self.type} {self.field};':<41}{self.comment}".rstrip()


# routine -> (its arguments, {T} the dtype's C type, line by line; a comment)
_BLAS: dict[str, tuple[Sequence[str], str]] = {
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
# LAPACK takes matrices by columns and all numbers by address. The length of each letter follows behind all
# arguments (gfortran's convention); routines that are written in C leave it where it is
_LAPACK: dict[str, tuple[Sequence[str], str]] = {
    "potrf": (
        ("const char *uplo, const int *n, {T} *a, const int *lda, int *info, size_t length",),
        "/* LAPACK's may be NULL  */",
    ),
    "gesv": (
        (
            "const int *n, const int *columns, {T} *a, const int *lda, int *pivots, {T} *b,",
            "const int *ldb, int *info",
        ),
        "",
    ),
    "trtrs": (
        (
            "const char *uplo, const char *trans, const char *diag, const int *n, const int *columns,",
            "const {T} *a, const int *lda, {T} *b, const int *ldb, int *info,",
            "size_t length, size_t length_trans, size_t length_diag",
        ),
        "",
    ),
}
_INDENT = "\n" + " " * 28


def _rows(table: dict[str, tuple[Sequence[str], str]], symbol: str, optional: bool) -> Iterator[External]:
    for routine, (lines, comment) in table.items():
        for d in DTYPE.values():
            if d.blas:
                yield External(
                    symbol.format(d.blas + routine),
                    f"{d.blas}{routine}",
                    f"tgen_{routine}_{d.blas}",
                    _INDENT.join(lines).replace("{T}", d.c),
                    comment,
                    optional,
                )
                comment = ""


EXTERNALS = (*_rows(_BLAS, "cblas_{}", False), *_rows(_LAPACK, "{}_", True))
