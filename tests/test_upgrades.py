"""Other processors, compilers, versions of tgen and Python, another BLAS: what is a miss, what a hit."""

import ctypes
import dataclasses
import os
import platform
import shutil
import subprocess
import sysconfig
import tempfile

import numpy as np
import pytest
from faults import answer, cc, figure, made, numbers, place, text_of  # noqa: F401
from processes import in_child

import tgen
import tgen.tensor as T
from tgen.backends.c import blas, build, cache, host, toolchain
from tgen.backends.c.directory import in_scratch
from tgen.runtime import identity

pytestmark = pytest.mark.slow

LOOP = """#include <stdint.h>
int32_t tgen_entry(const void *h, int64_t *f, void *const *s)
{
    const double *restrict x = (const double *)f[0];
    double *restrict z = (double *)f[1];
    for (int64_t i = 0; i < f[2]; i++) z[i] = x[i]*3 + 1;
    return 0;
}
"""


# -- processors ----------------------------------------------------------------------------------------------


def on_processor(monkeypatch, name, target):
    """What a probe finds on a processor of this name, for which the compiler resolves these flags."""
    toolchain._loaded.clear()
    monkeypatch.setattr(toolchain, "processor", lambda: f"model name : {name}")
    monkeypatch.setattr(toolchain, "resolved_target", lambda path, directory: target)
    return toolchain.get()


def test_another_processor_is_another_key_and_the_same_one_a_hit(cc, place, monkeypatch):
    def keys():
        n = next(numbers)
        texts = []
        for name, target in (("old", ("-mtune=generic",)), ("new", ("-mtune=native",)), ("old", ())):
            chain = on_processor(monkeypatch, name, target)
            texts.append((build.key_of(text_of(n)), chain.target, made(n)))
        return texts

    (old, first, a), (new, other, b), (again, recorded, c) = in_child(keys)
    assert old == again != new and a == b == c
    assert first == recorded != other  # the third probe was never made: the record of "old" was found
    assert cc.compiles() == 2


def test_a_build_for_an_old_processor_has_no_instructions_of_a_new_one(place):
    """The resolved flags are all that says which processor: nothing adds "native" to them."""
    plain = {"x86_64": "-march=x86-64", "aarch64": "-march=armv8-a"}.get(platform.machine())
    chain = dataclasses.replace(toolchain.get(), target=(plain,) if plain else ())
    assert not any("native" in word for word in chain.command())
    disassembled = disassembly(chain.compile(LOOP))
    assert "ret" in disassembled and not any(register in disassembled for register in ("zmm", "ymm", "z31."))


def disassembly(library):
    return of_library(library, "objdump", "-d")


def of_library(library, *command):
    def run(folder):
        path = os.path.join(folder, "library.so")
        with open(path, "wb") as file:
            file.write(library)
        return subprocess.run([*command, path], capture_output=True, text=True, check=True).stdout

    return in_scratch(run)


# -- compilers and versions of tgen --------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["cc1", "as", "ld"])
def test_an_upgrade_of_a_part_of_the_compiler_is_a_miss(place, part, tmp_path):
    """The driver stays as it is; what it starts is another program."""
    program = tmp_path / part
    program.write_text("first")
    before = dataclasses.replace(
        toolchain.get(), stamps=(*toolchain.get().stamps, toolchain.stamp(str(program)))
    )
    program.write_text("second one")
    after = dataclasses.replace(before, stamps=(*toolchain.get().stamps, toolchain.stamp(str(program))))
    assert toolchain.key_of(before, 1, "text") != toolchain.key_of(after, 1, "text")
    asked = {os.path.basename(path) for path, size, _ in toolchain.get().stamps if size > 0}
    assert any(part in name for name in asked), asked


def test_another_tgen_finds_what_has_the_same_text(place, monkeypatch):
    """A program is lowered anew, and its C found; compiled is what has another text or another ABI."""
    x = T.dvector("x")

    def built(scale=2.0):
        ran, real = [], toolchain.Toolchain.compile
        monkeypatch.setattr(toolchain.Toolchain, "compile", lambda *args: ran.append(args) or real(*args))
        f = tgen.function([x], T.exp(x) * scale)
        return f([0.0]).tolist(), len(ran)

    def upgraded():
        monkeypatch.setattr(identity, "fingerprint", lambda: "another version")
        return built()

    def with_another_abi():
        monkeypatch.setattr(host, "ABI", host.ABI + 1)
        return built()

    assert in_child(built) == ([2.0], 1)
    assert in_child(built) == ([2.0], 0) == in_child(upgraded)
    assert in_child(built, 3.0) == ([3.0], 1) and in_child(with_another_abi) == ([2.0], 1)


# -- Python and its packages ---------------------------------------------------------------------------------


def test_one_build_of_the_host_module_serves_all_versions_of_python(place, monkeypatch):
    """Nothing of this interpreter is in its key, and it asks Python for nothing but the stable ABI."""
    chain = toolchain.get()
    key, real = host.key_of(chain), sysconfig.get_config_var
    other = {"SOABI": "cpython-399-elsewhere", "VERSION": "3.99", "py_version_nodot": "399"}
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: other.get(name) or real(name))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: "/usr/include/python3.99")
    assert host.key_of(chain) == key and host.python_abi()[0] == "abi3"
    monkeypatch.setitem(other, "Py_GIL_DISABLED", 1)
    assert host.key_of(chain) != key  # another layout of objects
    monkeypatch.undo()
    in_child(lambda: host._built(key, chain) and None)
    library, _ = cache.get(key)
    wanted = {line.split()[-1] for line in undefined(library) if "Py" in line}
    assert wanted and not any(name.startswith("_Py") for name in wanted - STABLE), wanted


STABLE = {"_Py_Dealloc", "_Py_NoneStruct", "_Py_IncRef", "_Py_DecRef", "_Py_TrueStruct", "_Py_FalseStruct"}


def undefined(library):
    return [
        line for line in of_library(library, "nm", "-D", "--undefined-only").splitlines() if " U " in line
    ]


def test_compiled_functions_know_neither_python_nor_numpy():
    """What a library takes from others is in the C library and its math; the host table gives the rest."""
    x, m = T.dvector("x"), T.fmatrix("m")
    f = tgen.function(
        [x, m], [T.exp(x).sum(), T.dot(m, m), T.nnet.softmax(m), x[x > 0], T.sort(x), T.nnet.sigmoid(m)]
    )
    text = f.fn.program.text()
    assert "Python.h" not in text and "numpy" not in text
    libraries = [ctypes.CDLL(name) for name in ("libc.so.6", "libm.so.6")]
    if toolchain.get().features["mvec"]:
        libraries.append(ctypes.CDLL("libmvec.so.1"))
    names = {line.split()[-1].partition("@")[0] for line in undefined(toolchain.get().compile(text))}
    missing = [name for name in names if not any(hasattr(library, name) for library in libraries)]
    assert names and not missing, missing


# -- BLAS ----------------------------------------------------------------------------------------------------

FAKE = """void cblas_%(t)sgemm(int o, int ta, int tb, int m, int n, int k, %(c)s a, void *x, int lx,
                       void *y, int ly, %(c)s b, %(c)s *z, int lz)
{ for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) z[i*lz + j] = %(value)d; }
void cblas_%(t)sgemv(int o, int ta, int m, int n, %(c)s a, void *x, int lx, void *y, int ly, %(c)s b,
                     %(c)s *z, int lz) {}
"""


def test_another_blas_is_really_called_and_nothing_compiled_for_it(place, monkeypatch, tmp_path):
    """The host table is filled in every process; here with libraries whose products are all 1, and all 2."""
    x = T.dmatrix("x")
    value = np.arange(400.0).reshape(20, 20)

    def product(number):
        if number:
            path = tmp_path / f"libblas{number}.so"
            texts = [FAKE % {"t": t, "c": c, "value": number} for t, c in (("s", "float"), ("d", "double"))]
            path.write_bytes(toolchain.get().compile("".join(texts)))
            monkeypatch.setattr(blas, "library", lambda: str(path))
        lib, ffi, table = host.table()
        blas.fill(lib, ffi, table)
        ran, real = [], toolchain.Toolchain.compile
        monkeypatch.setattr(toolchain.Toolchain, "compile", lambda *args: ran.append(args) or real(*args))
        return tgen.function([x], T.dot(x, x))(value), len(ran)

    usual, compiled = in_child(product, 0)
    assert np.allclose(usual, value @ value) and compiled == 1
    for number in (1, 2):
        result, compiled = in_child(product, number)
        assert result.tolist() == np.full((20, 20), number).tolist() and compiled == 0


def test_two_copies_of_the_library(place, monkeypatch):
    """The same library somewhere else is another file in the cache, and gives the same bits."""
    folder = tempfile.mkdtemp()
    path = shutil.copy(blas.library(), folder)

    def bits(elsewhere):
        if elsewhere:
            monkeypatch.setattr(blas, "library", lambda: path)
        lib, ffi, table = host.table()
        name = blas.fill(lib, ffi, table)
        x = T.dmatrix("x")
        return name, tgen.function([x], T.dot(x, x))(np.linspace(-1, 1, 900).reshape(30, 30)).tobytes()

    assert in_child(bits, False) == in_child(bits, True)
    shutil.rmtree(folder)
