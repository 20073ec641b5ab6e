"""``tgen doctor``: what this machine offers tgen, what is missing, and what to do about it."""

import importlib.util
import os
import platform
import shlex
import time

import numpy as np

from tgen.backends import BACKENDS
from tgen.backends.c import blas, cache, directory, host, toolchain
from tgen.config import config
from tgen.errors import CacheSecurityError, CompileError
from tgen.runtime.function import function
from tgen.runtime.shared import shared

from .caching import size_text

OK, NOTE, BAD = "ok", "note", "missing"


def system():
    free = getattr(os, "sched_getaffinity", None)
    cores = len(free(0)) if free else os.cpu_count()
    return [
        (
            OK,
            "python",
            f"{platform.python_version()} ({platform.python_implementation()}), NumPy "
            f"{np.__version__}, {platform.system()} {platform.machine()}",
        ),
        (OK, "threads", f"{config.threads} of {cores} cores a call (config.threads)"),
    ]


def compiler():
    try:
        chain = toolchain.get()
    except CompileError as error:
        return [(BAD, "compiler", str(error).partition("\n")[0])]
    rows = [
        (OK, "compiler", f"{chain.path}: {chain.version}"),
        (OK, "flags", shlex.join((*chain.target, *chain.flags))),
    ]
    wants = {
        "openmp_simd": "loops are vectorised by the compiler alone",
        "mvec": "exp, sin, tanh ... run one number at a time; glibc has libmvec",
    }
    return rows + [
        (
            OK if chain.features[name] else NOTE,
            name,
            "works" if chain.features[name] else f"does not work here: {what}",
        )
        for name, what in wants.items()
    ]


def backends():
    """A row each; without a compiler there is none yet, and each says what it lacks."""
    rows = []
    for backend in BACKENDS:
        try:
            rows.append((OK, f"backend {backend.name}", backend.probe()))
        except CompileError as error:
            rows.append((BAD, f"backend {backend.name}", str(error).partition("\n")[0]))
    return rows


def products():
    path = blas.library()
    if path is None:
        return [
            (
                NOTE,
                "BLAS",
                "scipy-openblas32 is not installed: products run on built-in C, 5 to 20 times "
                "slower; pip install scipy-openblas32",
            )
        ]
    return [(OK, "BLAS", f"{host.blas_name()} from {path}")]


def store():
    try:
        path = cache.directory()
    except CacheSecurityError as error:
        return [(BAD, "cache", str(error))]
    found = cache.stats()
    row = (
        f"{path}: {found['functions']} functions, {size_text(found['bytes'])} of at most "
        f"{size_text(found['limit'])}"
    )
    private = path not in (os.path.abspath(os.path.expanduser(p)) for p in _configured())
    if private:
        return [
            (
                NOTE,
                "cache",
                f"{row}; kept for this process only: set TGEN_CACHE_DIR to a directory that is yours alone",
            )
        ]
    return [(OK, "cache", row)]


def _configured():
    return [
        p
        for p in (
            os.fspath(config.cache_dir),
            os.environ.get("TGEN_CACHE_DIR", ""),
            directory.checkout(),
            directory.user_directory(),
        )
        if p
    ]


def extras():
    there = importlib.util.find_spec("matplotlib") is not None
    return [
        (
            OK if there else NOTE,
            "plot",
            "matplotlib is there"
            if there
            else "matplotlib is not installed (tgen demo --plot): pip install 'tgen[plot]'",
        )
    ]


def trial():
    """Build and call a function; the second build finds the first."""
    times = []
    for _ in range(2):
        state = shared(np.arange(3.0), "state")
        start = time.perf_counter()
        step = function([], state, updates=[(state, state + 1.0)])
        step()
        times.append(time.perf_counter() - start)
    right = state.get_value().tolist() == [1.0, 2.0, 3.0]
    text = f"built and called in {times[0] * 1e3:.0f} ms, again in {times[1] * 1e3:.1f} ms"
    return [
        (
            OK if right else BAD,
            "trial",
            text if right else "a compiled function gave a wrong result: please report this",
        )
    ]


def checked(section):
    """The rows of a section; an exception in it is a row of its own, not the end of the report."""
    try:
        return section()
    except Exception as error:
        return [(BAD, section.__name__, f"{type(error).__name__}: {error}".partition("\n")[0])]


def run(_, out, paint):
    rows = [
        row
        for section in (system, compiler, backends, products, store, extras, trial)
        for row in checked(section)
    ]
    for state, name, text in rows:
        style = {OK: "good", NOTE: "type", BAD: "bad"}[state]
        out.write(f"{paint.style(style, state.ljust(8))} {name.ljust(14)} {text}\n")
    missing = sum(state == BAD for state, _, _ in rows)
    out.write(
        "everything tgen needs is there\n"
        if not missing
        else f"{missing} thing{'s' * (missing > 1)} missing\n"
    )
    return 1 if missing else 0
