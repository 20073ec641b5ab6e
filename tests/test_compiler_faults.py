"""Keys, fork, the compiler and what is loaded: what must be survived, in real processes."""

import ctypes
import fcntl
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from faults import ROOT, answer, cc, figure, made, numbers, place, size, stored_path, text_of  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from processes import Child, in_child, wait_for

from tgen.backends.c import build, cache, directory, toolchain, watch
from tgen.codegen.routines import Source, routine
from tgen.config import config
from tgen.core.keys import digest
from tgen.errors import CompileError

pytestmark = pytest.mark.slow

# ---- keys ----

FEATURES = dict.fromkeys(toolchain.PROBES, True)


def chain_like(**changes):
    facts = dict(
        path="/usr/bin/cc",
        version="cc 12.2",
        target=("-march=znver3", "-mavx2"),
        stamps=(("/usr/bin/cc", 100, 200),),
        features=FEATURES,
        extra=(),
    )
    return toolchain.Toolchain(**{**facts, **changes})


def test_every_ingredient_is_in_the_key():
    chains = [
        chain_like(),
        chain_like(path="/opt/bin/cc"),
        chain_like(version="cc 12.3"),
        chain_like(target=("-march=znver3",)),
        chain_like(target=("-march=znver4", "-mavx2")),
        chain_like(stamps=(("/usr/bin/cc", 101, 200),)),
        chain_like(stamps=(("/usr/bin/cc", 100, 201),)),
        chain_like(stamps=(("/usr/bin/cc", 100, 200), ("/usr/bin/as", 1, 1))),
        *(chain_like(features=FEATURES | {name: False}) for name in FEATURES),
        chain_like(extra=("-O2",)),
    ]
    keys = [toolchain.key_of(c, 1, "text") for c in chains] + [
        toolchain.key_of(chain_like(), 2, "text"),
        toolchain.key_of(chain_like(), 1, "texT"),
    ]
    assert len(set(keys)) == len(keys)
    assert toolchain.key_of(chain_like(), 1, "text") == keys[0]
    assert all(cache.KEY.match(key) for key in keys)
    assert not any("native" in word for word in toolchain.get().target)


def test_compiler_upgrade_under_the_same_path(cc, place):
    n = next(numbers)

    def probed():
        toolchain._loaded.clear()
        return toolchain.get().identity, made(n)

    first, _ = in_child(probed)
    again, _ = in_child(probed)
    info = os.stat(cc.path)
    os.utime(cc.path, (1, 1))
    upgraded, _ = in_child(probed)
    os.utime(cc.path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert first == again != upgraded and cc.compiles(f"MARK{n}") == 2


def test_golden_key():
    assert digest("ab", "c") == hashlib.sha256(b"\2" + bytes(7) + b"ab" + b"\1" + bytes(7) + b"c").hexdigest()


@given(st.lists(st.text()), st.lists(st.text()))
def test_encoding_is_injective(a, b):
    assert (digest(*a) == digest(*b)) == (a == b)


def test_file_names_are_keys(place):
    wrong = "", "../" + "0" * 61, "0" * 63, "0" * 65, "A" * 64, "0" * 63 + "/", "0" * 64 + "\n"
    figure(refused=len(wrong))
    for bad in wrong:
        with pytest.raises(ValueError, match="64 hex digits"):
            cache.path_of(bad, cache.LIBRARY)
    made(next(numbers))
    assert all(cache.NAME.match(name) for name in os.listdir(place))


@pytest.mark.parametrize(
    "flag",
    [
        "-ffast-math",
        "-Ofast",
        "-funsafe-math-optimizations",
        "-mdaz-ftz",
        "@file",
        "-o",
        "-wrapper",
        "-specs=x",
        "-fplugin=x",
        "-B/tmp",
        "-Wl,-rpath,x",
        "-march=native",
        "-include",
        "x.h",
        "-I/tmp",
        "-L/tmp",
    ],
)
def test_flags_that_are_refused(flag):
    with pytest.raises(ValueError, match="is not allowed"):
        toolchain.checked_flags(f"-O2 {flag}")


# ---- fork ----


def test_child_gives_the_parents_stripes_back(cc, place):
    n = next(numbers)
    with cc.doing("sleep 1"):
        thread = threading.Thread(target=made, args=(n,))
        thread.start()
        wait_for(lambda: cc.compiles() == 1)
        lock = os.path.join(place, f"{int(build.key_of(text_of(n))[:8], 16) % cache.STRIPES:064x}.lock")

        def linger():
            time.sleep(2)

        child = Child(linger)
        thread.join()
    with open(lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError if the child still had it
    child.kill()
    child.wait()


def test_child_compiles_while_a_thread_of_the_parent_did(cc, place):
    n, other = next(numbers), next(numbers)
    with cc.doing("sleep 0.3"):
        thread = threading.Thread(target=made, args=(n,))
        thread.start()
        wait_for(lambda: cc.compiles() == 1)
        assert in_child(made, other) == other
        assert in_child(made, n) == n
        thread.join()


# ---- the compiler ----


@pytest.mark.parametrize("delay", size([0.0, 0.01, 0.2], [k * 0.02 for k in range(20)]))
def test_ctrl_c_while_compiling(cc, place, delay):
    n = next(numbers)

    def interrupted():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            made(n)
        except KeyboardInterrupt:
            return os.listdir(directory._scratch.root())

    with cc.doing("sleep 20"):
        child = Child(interrupted)
        wait_for(lambda: cc.compiles() == 1)
        time.sleep(delay)
        child.kill(signal.SIGINT)
        assert child.result() == [directory.ALIVE]
    assert [event[0] for event in cc.events()] == ["start"]  # nobody waited for its 20 seconds
    for event in cc.events():
        wait_for(lambda: not alive(int(event[2])))
    assert made(n) == n


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda s: s.name)
def test_a_process_that_is_ended_takes_its_compiler_along(cc, place, number):
    """Also one that runs nothing any more: the compiler is killed, its folder removed, the lock free."""
    n, folder = next(numbers), tempfile.mkdtemp()

    def compiling():
        tempfile.tempdir, directory._scratch = folder, directory._Scratch()
        made(n)

    with cc.doing("sleep 60"):
        child = Child(compiling)
        wait_for(lambda: cc.compiles() == 1)
        assert os.listdir(folder)
        child.kill(number)
        child.wait()
        wait_for(lambda: not os.listdir(folder))
    wait_for(lambda: not any(alive(int(event[2])) for event in cc.events()))
    assert made(n) == n
    os.rmdir(folder)


def test_a_compiler_that_ended_well_is_not_watched_any_longer(cc, place):
    """Nobody waits for it, nobody is told to kill it: no process and no open file stays."""
    made(next(numbers))
    before = len(os.listdir("/proc/self/fd"))
    made(next(numbers))
    assert len(os.listdir("/proc/self/fd")) == before and not watch._open
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_missing_failing_and_hanging_compilers(cc, place):
    n = next(numbers)
    with pytest.raises(CompileError, match="no C compiler found: looked for /no/such/cc"):
        with config.change_flags(cc="/no/such/cc"):
            made(n)
    with cc.doing("for i in $(seq 100); do echo line $i >&2; done; exit 3"):
        with pytest.raises(CompileError, match="status 3") as failed:
            made(n)
    assert (
        cc.path in str(failed.value) and "line 19" in str(failed.value) and "line 30" not in str(failed.value)
    )
    with cc.doing("sleep 30"), config.change_flags(compile_timeout=1):
        with pytest.raises(CompileError, match="more than 1 s"):
            made(n)
    assert made(n) == n


def test_error_in_the_text():
    with pytest.raises(CompileError, match="MARK is no C"):
        build.obtain("#error MARK is no C\n", {})


def long_text(read="x"):
    """The Source of four long functions that read a variable each, and of an entry that adds them up."""
    body = f"{{\n{'    x = READ*1.25 + 1;' * 1100}\n    return x;\n}}\n".replace("READ", read)
    parts = [routine("", f"TGEN_CALLED double part{k}(double x)", body, 0) for k in range(4)]
    total = "{\n    *x = part0(*x) + part1(*x) + part2(*x) + part3(*x);\n    return 0;\n}\n"
    routines = (*parts, routine("", "int32_t tgen_entry(double *x)", total, 0))
    before = (
        "#ifndef TGEN_STATIC\n#define TGEN_STATIC static\n#endif\n#define TGEN_CALLED TGEN_STATIC "
        "__attribute__((noinline))\ntypedef int int32_t;\n"
    )
    return Source(before + "".join(r.text for r in routines), routines)


def test_a_long_text_is_compiled_in_pieces(monkeypatch):
    """By as many compilers as there are processors: the same function, and what one of them says is the
    error.
    """
    text = long_text()
    turns = []
    real = toolchain.execute
    monkeypatch.setattr(
        toolchain,
        "execute",
        lambda directory, *commands: turns.append(len(commands)) or real(directory, *commands),
    )
    results = []
    for processors in (1, 2, 3, 64):
        monkeypatch.setattr(toolchain, "processors", lambda: processors)
        library = toolchain.get().compile(text)
        with tempfile.NamedTemporaryFile(suffix=".so") as file:
            file.write(library)
            file.flush()
            x = ctypes.c_double(1e-300)
            assert ctypes.CDLL(file.name).tgen_entry(ctypes.byref(x)) == 0
            results.append(x.value)
    assert turns == [1, 2, 1, 3, 1, 5, 1] and len(set(results)) == 1
    with pytest.raises(CompileError, match="y.*undeclared"):
        toolchain.get().compile(long_text("y"))


# ---- surroundings, and what is loaded ----


def test_hostile_surroundings(place, tmp_path):
    n = next(numbers)
    key, plain = build.key_of(text_of(n)), toolchain.get().compile(text_of(n))
    for name in ("stdint.h", "string.h"):
        (tmp_path / name).write_text("#error attacked\n")
    (tmp_path / "as").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "as").chmod(0o755)

    def attacked():
        os.chdir(tmp_path)
        for name in ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH", "TMPDIR"):
            os.environ[name] = str(tmp_path)
        os.environ.update(
            CFLAGS="-ffast-math -O0",
            CC="/no/such",
            LDFLAGS="-lnothing",
            LANG="tr_TR.UTF-8",
            LC_ALL="tr_TR.UTF-8",
            TZ="Asia/Kolkata",
            PATH=f"{tmp_path}:{os.environ['PATH']}",
            DEPENDENCIES_OUTPUT=str(tmp_path / "deps"),
            SOURCE_DATE_EPOCH="1",
        )
        return build.key_of(text_of(n)), toolchain.get().compile(text_of(n)), made(n)

    assert in_child(attacked) == (key, plain, n)
    assert not (tmp_path / "deps").exists()


def test_new_content_is_really_called(place):
    n, other = next(numbers), next(numbers)
    key = build.key_of(text_of(n))
    library = build.obtain(text_of(n), {})
    code = toolchain.get().compile(text_of(other))
    cache.put(key, code, {"meta": {}, "c": ""})  # the same key, another function
    fresh = build.Library(key, *cache.get(key))
    assert (answer(library), answer(fresh)) == (n, other)
    del library, fresh
    assert answer(build.load(key)) == other


def test_entries_are_replaced_never_written(place):
    n = next(numbers)
    made(n)
    path = stored_path(n)
    before = os.stat(path)
    assert stat.S_IMODE(before.st_mode) == 0o500
    reader = open(path, "rb")
    old = reader.read()
    cache.put(build.key_of(text_of(n)), b"other", {"meta": {}, "c": ""})
    assert os.stat(path).st_ino != before.st_ino
    reader.seek(0)
    assert reader.read() == old
    reader.close()


PRINT_KEY = """
import hashlib, json, sys
from tgen.backends.c import build, toolchain
text = sys.stdin.read()
print(json.dumps([build.key_of(text), hashlib.sha256(toolchain.get().compile(text)).hexdigest()]))
"""


def test_same_key_and_bytes_in_any_process(place, tmp_path):
    n, seen = next(numbers), set()
    for seed, options, extra in (
        ("0", [], {}),
        ("1", ["-O"], {"TZ": "Asia/Kolkata"}),
        ("9", [], {"LC_ALL": "C", "TMPDIR": str(tmp_path)}),
    ):
        env = {
            **os.environ,
            "PYTHONPATH": ROOT,
            "PYTHONHASHSEED": seed,
            "TGEN_CACHE_DIR": place,
            "TGEN_CC": config.cc,
            **extra,
        }
        out = subprocess.run(
            [sys.executable, *options, "-c", PRINT_KEY],
            input=text_of(n),
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(tuple(json.loads(out.stdout)))
    assert seen == {
        (build.key_of(text_of(n)), hashlib.sha256(toolchain.get().compile(text_of(n))).hexdigest())
    }


def test_locks_do_not_nest(place):
    """Keys share locks: the host module must have been made before a function's lock is taken, or one process
    in 64 waits for itself.
    """
    script = (
        "import tgen.backends.c.build as b, tgen.backends.c.cache as c, sys\nc.STRIPES = 1\n"
        "from threading import Thread\ntexts = [sys.stdin.read() + f'/* {k} */' for k in range(3)]\n"
        "threads = [Thread(target=b.obtain, args=(texts[0] + text, {}), daemon=True) for text in "
        "texts]\n"
        "[t.start() for t in threads]\n[t.join(60) for t in threads]\nassert not any(t.is_alive() for "
        "t in threads), 'they wait for each other'"
    )
    env = {**os.environ, "PYTHONPATH": ROOT, "TGEN_CACHE_DIR": place, "TGEN_CC": config.cc}
    subprocess.run(
        [sys.executable, "-c", script],
        input=text_of(next(numbers)),
        env=env,
        text=True,
        check=True,
        timeout=200,
    )


def test_warm_process_starts_no_compiler(cc, place):
    n = next(numbers)
    script = f"import tgen.backends.c.build as b, sys; b.obtain(sys.stdin.read(), {{}}); print({n})"
    env = {**os.environ, "PYTHONPATH": ROOT, "TGEN_CACHE_DIR": place, "TGEN_CC": cc.path}
    subprocess.run(
        [sys.executable, "-c", script], input=text_of(n), env=env, text=True, check=True, capture_output=True
    )
    with open(cc.path) as file:
        body = file.read()
    info = os.stat(cc.path)
    broken = body.replace("#!/bin/sh\n", "#!/bin/sh\nexit 7\n#")[: len(body)]
    with open(cc.path, "w") as file:  # same size and time: only a start would notice
        file.write(broken)
    os.utime(cc.path, ns=(info.st_atime_ns, info.st_mtime_ns))
    try:
        subprocess.run(
            [sys.executable, "-c", script],
            input=text_of(n),
            env=env,
            text=True,
            check=True,
            capture_output=True,
        )
    finally:
        with open(cc.path, "w") as file:
            file.write(body)
        os.utime(cc.path, ns=(info.st_atime_ns, info.st_mtime_ns))
