"""The C compiler: found, asked once per machine what it is and can, and run so that nothing around it
matters.

What it answered is kept in the cache directory (a machine record), so a warm process starts no compiler.
The key of a compiled function holds the *resolved* target flags, never the word "native": on another
processor, or with another compiler under the same path, they differ and the function is compiled anew.
"""

import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tgen.backends.c import cache, pieces
from tgen.backends.c.directory import in_scratch, scratch_root
from tgen.backends.c.filesizes import unlimited_files
from tgen.backends.c.watch import Watcher
from tgen.config import config, processors
from tgen.core.keys import digest
from tgen.errors import CompileError

Flags: TypeAlias = tuple[str, ...]
Command: TypeAlias = Sequence[str]
Stamp: TypeAlias = tuple[str, int, int]  # path, size, time of the last change

RECORD = 6  # raised when a machine record has other contents
BASE = (
    "-std=gnu99",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fwrapv",
    "-fPIC",
    "-pipe",
    "-w",
)
# gcc: the vectorizer of -O3 over the little that -O1 does. That takes half of -O3's time, and the loops are
# no slower: what -O3 adds to them is mostly copies (remainders of vector loops unrolled, versions for every
# alias). Of 49 kernels two are 5 % slower and ten faster.
QUICK = (
    "-O1",
    "-fstrict-aliasing",
    "-ftree-loop-vectorize",
    "-fvect-cost-model=dynamic",
    "-funswitch-loops",
    "-fexpensive-optimizations",
    # 8 % of the compiler's time, and clip and nonzero are a fifth faster without their loops taken apart
    "-fno-thread-jumps",
)
FULL = ("-O3",)
SHARED = ("-shared",)
ELF = ("-Wl,--hash-style=gnu", "-Wl,-z,noexecstack")
# A library of functions has no constructors, so it needs no start files and only the libraries it names: 3 ms
# of 32.
LEAN, LEAN_LIBRARIES = ("-nostdlib",), ("-lgcc", "-lc")
DIRECTORIES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ALLOWED = (
    "-O0",
    "-O1",
    "-O2",
    "-O3",
    "-Os",
    "-g",
    "-g1",
    "-g2",
    "-g3",
    "-fno-vect-cost-model",
    "-fno-tree-vectorize",
    "-funroll-loops",
    "-fno-unroll-loops",
    "-fno-omit-frame-pointer",
    "-fno-inline",
    "-fstack-protector-strong",
    "-mprefer-vector-width=128",
    "-mprefer-vector-width=256",
    "-mprefer-vector-width=512",
)
_ALLOWED_STARTS = ("-W", "-D", "-fsanitize=", "-fno-sanitize=", "-march=", "-mtune=", "-mcpu=")
_REFUSED = ("-Wl", "-Wp", "-Wa", "-D_FORTIFY")
_LIBC = """#include <string.h>
void probe(void *x, int size) { memset(x, 0, size); }
"""
_SIMD = """double probe(const double *x, int n) {
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (int i = 0; i < n; i++) s += x[i];
    return s;
}
"""
_VECTOR_MATH = """__attribute__((simd("notinbranch"))) double exp(double);
void probe(double *x, int n) {
#pragma omp simd
    for (int i = 0; i < n; i++) x[i] = exp(x[i]);
}
"""
_GCC = """#if !defined(__GNUC__) || defined(__clang__)
#error "another compiler, which may only seem to know gcc's flags"
#endif
"""
# feature -> (flags, libraries, text that compiles and links where the feature is there)
PROBES: dict[str, tuple[Flags, Flags, str]] = {
    "elf": (ELF, (), _SIMD),
    "quick": (QUICK, (), _GCC + _SIMD),
    "openmp_simd": (("-fopenmp-simd",), (), _SIMD),
    "mvec": (("-fopenmp-simd",), ("-lmvec", "-lm", "-Wl,--no-undefined"), _VECTOR_MATH),
    "lean": (LEAN, LEAN_LIBRARIES + ("-Wl,--no-undefined",), _LIBC),
}


@dataclass(frozen=True)
class Toolchain:
    """A compiler and all that was learned about it.

    path      the compiler, absolute
    version   first line of ``--version``
    target    the resolved target flags
    features  name -> bool, probed by compiling (PROBES)
    stamps    (path, size, mtime) of the compiler and of the programs it starts
    """

    path: str
    version: str
    target: Flags
    features: dict[str, bool]
    stamps: tuple[Stamp, ...]
    extra: Flags = ()

    @property
    def flags(self) -> Flags:
        """What the compiler is told besides the target."""
        simd = ("-fopenmp-simd",) if self.features["openmp_simd"] else ()
        # generated files then declare libm's vector twins
        vector = ("-DTGEN_LIBMVEC",) if self.features["mvec"] else ()
        return (QUICK if self.features["quick"] else FULL) + BASE + simd + vector + self.extra

    @property
    def link(self) -> tuple[Flags, Flags]:
        """(flags, libraries) for the linker."""
        math = ("-lmvec", "-lm") if self.features["mvec"] else ("-lm",)
        flags = SHARED + (ELF if self.features["elf"] else ())
        # sanitizers bring libraries
        lean = self.features["lean"] and not any(f.startswith("-fsanitize=") for f in self.extra)
        return (flags + LEAN, math + LEAN_LIBRARIES) if lean else (flags, math)

    @property
    def identity(self) -> tuple[str, ...]:
        """Strings that tell this compiler from any other, for keys."""
        return (self.path, self.version, *(str(part) for stamp in self.stamps for part in stamp))

    def command(self, more: Sequence[str] = ()) -> Flags:
        """The arguments that make tgen.so from tgen.c."""
        flags, libraries = self.link
        return (self.path, *self.target, *self.flags, *more, *flags, "-o", "tgen.so", "tgen.c", *libraries)

    def compile(self, c_text: str, more: Sequence[str] = ()) -> bytes:
        """The bytes of a shared library of ``c_text``, with ``more`` flags; a long text is compiled by as
        many compilers as there are processors. Raises CompileError.
        """
        texts = pieces.split(c_text, processors())
        if len(texts) == 1:
            return run({"tgen.c": c_text}, [self.command(more)])
        names = [f"tgen{k}" for k in range(len(texts))]
        flags, libraries = self.link
        objects = [
            (
                self.path,
                *self.target,
                *self.flags,
                pieces.SEPARATE,
                *more,
                "-c",
                "-o",
                f"{name}.o",
                f"{name}.c",
            )
            for name in names
        ]
        linked = (
            self.path,
            *self.target,
            *flags,
            *self.extra,
            "-o",
            "tgen.so",
            *(f"{name}.o" for name in names),
            *libraries,
        )
        return run({f"{name}.c": text for name, text in zip(names, texts)}, objects, [linked])


_loaded: dict[tuple[str, str], Toolchain] = {}


def get() -> Toolchain:
    """The toolchain of this machine and configuration; CompileError when there is no compiler."""
    wanted = config.cc, config.cflags
    if wanted not in _loaded:
        _loaded[wanted] = _recorded(find(config.cc), checked_flags(config.cflags))
    return _loaded[wanted]


def find(name: str = "") -> str:
    """The absolute path of the compiler called ``name`` or of the first that is there.

    Raises CompileError when there is none.
    """
    for candidate in (name,) if name else ("cc", "gcc", "clang"):
        path = shutil.which(candidate) or shutil.which(candidate, path=DIRECTORIES)
        if path:
            return os.path.abspath(path)
    raise CompileError(
        f"no C compiler found: looked for {name or 'cc, gcc and clang'}; install gcc or "
        "clang, or set config.cc (TGEN_CC)"
    )


def checked_flags(text: str) -> Flags:
    """``config.cflags`` as a tuple, each flag allowed.

    Raises ValueError for a flag that could change results (-ffast-math), the process or what is written
    where.

    >>> checked_flags("-O2 -g")
    ('-O2', '-g')
    >>> checked_flags("-Ofast")
    Traceback (most recent call last):
        ...
    ValueError: config.cflags: '-Ofast' is not allowed; allowed are -O0..-O3, -g, -W..., -D..., -march=...,
    -fsanitize=... and a few more
    """
    flags = tuple(shlex.split(text))
    for flag in flags:
        refused = (
            flag.startswith(_REFUSED)
            or flag.endswith("=native")
            or "," in flag
            and not flag.startswith("-fsanitize=")
        )
        if refused or flag not in _ALLOWED and not flag.startswith(_ALLOWED_STARTS):
            raise ValueError(
                f"config.cflags: {flag!r} is not allowed; allowed are -O0..-O3, -g, -W..., "
                "-D..., -march=..., -fsanitize=... and a few more"
            )
    return flags


# ---- running ----


def environment(directory: str, compiler: str) -> dict[str, str]:
    """The compiler's own environment: none of the user's CPATH, CFLAGS, LIBRARY_PATH, locale or TMPDIR
    reaches it.
    """
    return {
        "PATH": f"{os.path.dirname(compiler)}:{DIRECTORIES}",
        "LC_ALL": "C",
        "TMPDIR": directory,
        "HOME": directory,
    }


def run(texts: Mapping[str, str], *turns: Sequence[Command]) -> bytes:
    """Write ``texts`` (name -> text) into a fresh directory, run the commands of each turn there side by
    side, and return the bytes of tgen.so. In another place when there is no room in the first.
    """

    def compile_in(directory: str) -> bytes:
        for name, text in texts.items():
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        for commands in turns:
            execute(directory, *commands)
        with open(os.path.join(directory, "tgen.so"), "rb") as file:
            return file.read()

    try:
        with unlimited_files():
            return in_scratch(compile_in)
    except OSError as error:
        raise CompileError(
            f"the C compiler could not be run: {error}\n  {shlex.join(turns[0][0])}"
        ) from error


def execute(directory: str, *commands: Command) -> str:
    """Run ``commands`` in ``directory`` side by side; what the first one says.

    Their process groups die with the time limit and with Ctrl-C, and with this process, however it ends.
    """
    processes: list[subprocess.Popen[bytes]] = []
    deadline = time.monotonic() + config.compile_timeout
    with Watcher(scratch_root()) as watcher:
        try:
            with unlimited_files():
                for command in commands:
                    processes.append(_started(command, directory))
                    watcher.follow(processes[-1].pid)
            texts = [said(*pair, deadline) for pair in zip(processes, commands)]
        finally:
            for process in processes:
                if process.returncode is None:
                    _kill(process)
    return texts[0]


def _started(command: Command, directory: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=directory,
        env=environment(directory, command[0]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def said(process: subprocess.Popen[bytes], command: Command, deadline: float) -> str:
    """What a compiler said until it ended; CompileError when it failed or took too long."""
    try:
        output, _ = process.communicate(timeout=max(deadline - time.monotonic(), 0.001))
    except subprocess.TimeoutExpired:
        raise CompileError(
            f"the C compiler took more than {config.compile_timeout} s "
            f"(config.compile_timeout):\n  {shlex.join(command)}"
        ) from None
    text = output.decode("utf-8", "replace")
    if process.returncode != 0:
        lines = text.splitlines()[:20]
        raise CompileError(
            f"the C compiler failed with status {process.returncode}:\n  "
            f"{shlex.join(command)}\n" + "\n".join(lines)
        )
    return text


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


# ---- what a machine is ----


def processor() -> str:
    """A text that differs between processors of different abilities: the first one's block of
    /proc/cpuinfo.
    """
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = file.read(16384).split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = (
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "flags",
        "Features",
        "CPU implementer",
        "CPU architecture",
        "CPU variant",
        "CPU part",
    )
    return "\n".join(line for line in lines if line.split(":")[0].strip() in kept)


def processor_flags() -> set[str]:
    """The abilities named in /proc/cpuinfo, as a set."""
    for line in processor().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


def stamp(path: str) -> Stamp:
    """(path, size, mtime) of a program, through links."""
    try:
        info = os.stat(path)
    except OSError:
        return path, -1, -1
    return path, info.st_size, info.st_mtime_ns


def _recorded(path: str, extra: Flags) -> Toolchain:
    """The toolchain from this machine's record; probed and recorded when there is none or the compiler
    changed.
    """
    key = digest("machine", str(RECORD), path, processor(), sys.platform, platform.machine(), *extra)
    found = cache.record_get(key)
    if found is not None:
        stamps = tuple(stamp(program) for program, *_ in found["stamps"])
        if all(now == tuple(then) for now, then in zip(stamps, found["stamps"])):
            return Toolchain(path, found["version"], tuple(found["target"]), found["features"], stamps, extra)
    chain = probe(path, extra)
    cache.record_put(
        key,
        {
            "version": chain.version,
            "target": chain.target,
            "features": chain.features,
            "stamps": chain.stamps,
        },
    )
    return chain


def probe(path: str, extra: Flags = ()) -> Toolchain:
    """Ask the compiler what it is, what this processor is to it, and what compiles."""

    def ask(directory: str) -> tuple[str, Flags, list[str | None]]:
        version = execute(directory, (path, "--version")).partition("\n")[0]
        programs = [_program(path, name, directory) for name in ("cc1", "as", "ld")]
        return version, resolved_target(path, directory), [path, os.path.realpath(path), *programs]

    try:
        version, target, parts = in_scratch(ask)
    except OSError as error:
        raise CompileError(f"the C compiler could not be run: {error}\n  {path}") from error
    stamps = tuple(stamp(p) for p in dict.fromkeys(parts) if p)
    features = {
        name: _compiles(path, target + FULL + BASE + SHARED + flags, libraries, text)
        for name, (flags, libraries, text) in PROBES.items()
    }
    return Toolchain(path, version, target, features, stamps, extra)


def _compiles(path: str, flags: Flags, libraries: Flags, text: str) -> bool:
    try:
        run({"tgen.c": text}, [(path, *flags, "-o", "tgen.so", "tgen.c", *libraries)])
    except CompileError:
        return False
    return True


def _program(path: str, name: str, directory: str) -> str | None:
    """Where the compiler finds its cc1, assembler or linker; None when it does not say."""
    try:
        answer = execute(directory, (path, f"-print-prog-name={name}")).strip()
    except CompileError:
        return None
    found = shutil.which(answer, path=environment(directory, path)["PATH"])
    return found and os.path.realpath(found)


def resolved_target(path: str, directory: str) -> Flags:
    """The flags that ``-march=native`` stands for here; () where the compiler does not know the word.

    ``-###`` shows the command the driver would start. gcc passes plain -m flags and --param, clang a
    -target-cpu and -target-feature list.
    """
    for native in ("-march=native", "-mcpu=native"):
        try:
            text = execute(directory, (path, "-###", native, "-E", "-x", "c", os.devnull))
        except CompileError:
            continue
        line = next(
            (
                line
                for line in text.splitlines()
                if "/dev/null" in line and (" -quiet " in line or "-cc1" in line)
            ),
            "",
        )
        flags = _target_flags(shlex.split(line))
        if flags:
            return flags
    return ()


def _target_flags(words: list[str]) -> Flags:
    flags: list[str] = []
    for word, following in zip(words, words[1:] + [""]):
        if word == "--param":
            flags += ["--param", following]
        elif word in ("-target-cpu", "-tune-cpu", "-target-feature"):
            flags += ["-Xclang", word, "-Xclang", following]
        elif (
            word.startswith("-m") and "-cc1" not in words and word not in ("-mlittle-endian", "-mbig-endian")
        ):
            flags.append(word)
    return tuple(flags)


def key_of(chain: Toolchain, abi: int, c_text: str, *more: object) -> str:
    """The key of a compiled text: length-prefixed fields, so no two different sets of them have one key."""
    fields = (
        "module",
        str(abi),
        c_text,
        *map(str, more),
        "target",
        *chain.target,
        "flags",
        *chain.flags,
        "link",
        *chain.link[0],
        *chain.link[1],
        "compiler",
        *chain.identity,
    )
    return digest(*fields)
