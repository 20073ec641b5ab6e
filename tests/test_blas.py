"""The products of the host table: the BLAS library and our own, over transpositions, strides and factors."""

import itertools
import os

import numpy as np
import pytest
from processes import in_child

from tgen.backends.c import blas, host
from tgen.codegen.externals import EXTERNALS
from tgen.codegen.render import render


def products():
    lib, ffi, table = host.table()
    own = ffi.new("tgen_host *")
    blas.fill_built_in(lib, ffi, own)
    return lib, ffi, (table, own)


SIZES = [(1, 1, 1), (2, 3, 0), (0, 3, 2), (5, 7, 3), (13, 40, 300), (100, 129, 257), (97, 2050, 11)]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_products(dtype, sizes):
    lib, ffi, tables = products()
    (m, n, k), rng = sizes, np.random.default_rng(3)

    def pointer(a):
        return ffi.cast("void *", a.ctypes.data)

    for table, ta, tb, (alpha, beta) in itertools.product(
        tables, (111, 112), (111, 112), ((1, 0), (0.5, 2), (1, 1))
    ):
        a = rng.normal(size=(k, m + 3) if ta == 112 else (m, k + 3)).astype(dtype)
        b = rng.normal(size=(n, k + 2) if tb == 112 else (k, n + 2)).astype(dtype)
        c = rng.normal(size=(m, n + 1)).astype(dtype)
        left = (a[:, :m].T if ta == 112 else a[:, :k]).astype("float64")
        right = (b[:, :k].T if tb == 112 else b[:, :n]).astype("float64")
        want = c.astype("float64")
        want[:, :n] = alpha * (left @ right) + (beta * want[:, :n] if beta else 0)
        if beta == 0:
            c[:, :n] = np.nan
        lib.tgen_gemm(
            table,
            dtype == "float32",
            ta,
            tb,
            m,
            n,
            k,
            alpha,
            pointer(a),
            a.shape[1],
            pointer(b),
            b.shape[1],
            beta,
            pointer(c),
            n + 1,
        )
        np.testing.assert_allclose(
            c, want, rtol=1e-3 if dtype == "float32" else 1e-11, atol=1e-3 if dtype == "float32" else 1e-11
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m, n", [(1, 1), (7, 5), (100, 257), (3, 1000)])
def test_matrix_vector_products(dtype, m, n):
    lib, ffi, tables = products()
    rng, pointer = np.random.default_rng(4), lambda a: ffi.cast("void *", a.ctypes.data)
    for table, ta, incx, (alpha, beta) in itertools.product(tables, (111, 112), (1, 2), ((1, 0), (0.5, 2))):
        a = rng.normal(size=(m, n + 1)).astype(dtype)
        x = rng.normal(size=incx * (m if ta == 112 else n)).astype(dtype)
        y = rng.normal(size=3 * (n if ta == 112 else m)).astype(dtype)
        want = y.astype("float64")
        plain = a[:, :n].astype("float64")
        want[::3] = (
            alpha * ((plain.T if ta == 112 else plain) @ x[::incx].astype("float64")) + beta * want[::3]
        )
        if beta == 0:
            y[::3] = np.nan
        lib.tgen_gemv(
            table,
            dtype == "float32",
            ta,
            m,
            n,
            alpha,
            pointer(a),
            n + 1,
            pointer(x),
            incx,
            beta,
            pointer(y),
            3,
        )
        np.testing.assert_allclose(
            y, want, rtol=1e-3 if dtype == "float32" else 1e-11, atol=1e-4 if dtype == "float32" else 1e-11
        )


def test_blas_leaves_the_environment_alone():
    def load():
        before = dict(os.environ)
        lib, ffi, _ = host.table()
        table = ffi.new("tgen_host *")
        name = blas.fill(lib, ffi, table)
        return before == dict(os.environ), name

    unchanged, name = in_child(load)
    assert unchanged and name.startswith(("openblas", "built in"))


def test_without_the_blas_package(monkeypatch):
    lib, ffi, _ = host.table()
    table = ffi.new("tgen_host *")
    monkeypatch.setattr(blas, "PACKAGE", "no_such_package")
    assert blas.fill(lib, ffi, table) == "built in"


@pytest.mark.parametrize("f", EXTERNALS, ids=lambda f: f.field)
def test_every_external_function_is_declared_filled_and_among_our_own_products(f):
    header, host = render("abi.h.j2"), render("runtime.c.j2")
    assert f"(*{f.type})({f.arguments});" in header and f"    {f.type} {f.field};" in header
    assert f"to->{f.field} = ({f.type})found[{EXTERNALS.index(f)}];" in host
    assert f.optional or f" {f.symbol}(" in render("lib/gemm.c.j2", types=blas.TYPES)
