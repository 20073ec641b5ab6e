"""What the fault tests share: functions that answer a number, a compiler that counts, a cache directory of
one's own.
"""

import itertools
import json
import os
import shutil
import tempfile
import warnings

import pytest
from processes import Compiler, public_directory

from tgen.backends.c import build, cache, directory, host, toolchain
from tgen.config import config
from tgen.errors import CacheWarning

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
numbers = itertools.count(1000)
FULL, FIGURES = "TGEN_FAULTS_FULL", "TGEN_FAULTS_FIGURES"  # set by tools/faults.py


def size(reduced, full):
    """How large a test is: reduced in a run of all tests, full under tools/faults.py."""
    return full if os.environ.get(FULL) else reduced


def figure(**values):
    """Tell tools/faults.py what a test has measured or counted."""
    path = os.environ.get(FIGURES)
    if path:
        with open(path, "a") as file:
            file.write(json.dumps([os.environ.get("PYTEST_CURRENT_TEST", ""), values]) + "\n")


def text_of(number):
    """A function that answers ``number``."""
    return (
        f"/* MARK{number} */\n#include <stdint.h>\nint32_t tgen_entry(const void *h, int64_t *f, void "
        f"*const *s) {{ (void)h; (void)s; f[0] = {number}; return 0; }}\n"
    )


def answer(library):
    lib, ffi, table = host.table()
    frame = ffi.new("int64_t[8]")
    assert lib.tgen_jump(library.entry, table, frame, ffi.NULL, ffi.NULL, 0) == 0
    return frame[0]


def made(number):
    return answer(build.obtain(text_of(number), {"n": number}))


def made_with_warnings(*those):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        answers = [made(n) for n in those]
    return answers, [str(w.message) for w in seen if issubclass(w.category, CacheWarning)]


@pytest.fixture(scope="module")
def cc():
    folder = tempfile.mkdtemp(prefix="faults-")
    os.chmod(folder, 0o755)
    host.table()
    compiler = Compiler(folder, toolchain.find(""))
    with config.change_flags(cc=compiler.path):
        toolchain.get()  # probed once for the module; children inherit it
        yield compiler
    shutil.rmtree(folder)


@pytest.fixture
def place(cc):
    """A cache directory of its own for a test."""
    folder = os.path.join(public_directory(), "cache")
    with config.change_flags(cache_dir=folder):
        directory.directory()
        cc.forget()
        yield folder
    shutil.rmtree(os.path.dirname(folder), ignore_errors=True)


def named(folder, suffix):
    return sorted(name for name in os.listdir(folder) if name.endswith(suffix))


def stored_path(number):
    return cache.path_of(build.key_of(text_of(number)), cache.LIBRARY)


def in_directory(path, function, *args):
    config.cache_dir = path
    return function(*args)
