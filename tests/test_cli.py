"""The command line through a pipe and through a real terminal."""

import os
import pty
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from tgen.cli.bound import bound_name
from tgen.cli.inspecting import split_target

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPT = """
    import sys
    import numpy as np
    import tgen
    import tgen.tensor as T
    print("script says", sys.argv[1:], __name__)
    x = T.dvector("x\\x1b[31m")
    w = tgen.shared(np.ones(3), "w")

    def build():
        return tgen.function([x], x.sum(), name="named"), tgen.function([x], x * 2)

    step = tgen.function([x], T.tanh(x), updates=[(w, w + x)])
    named, double = build()
    tgen.function([], w)
    print("value", step(np.zeros(3)).tolist())
    late = tgen.function([x], x - 1)
    raise KeyError("after it all")
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "prog.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return str(path)


@pytest.fixture(scope="module")
def kept_functions(tmp_path_factory):
    """One cache for the tests of this file: what a machine needs once is built once."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o700)
    return folder


@pytest.fixture
def environment(kept_functions):
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TGEN_FLAGS")}
    return kept | {"TGEN_CACHE_DIR": str(kept_functions), "PYTHONPATH": ROOT, "TERM": "xterm"}


@pytest.fixture
def tgen_command(environment, tmp_path):
    def run(*arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "tgen", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            timeout=120,
        )
        assert done.returncode == status, (
            arguments,
            done.returncode,
            done.stdout[-2000:],
            done.stderr[-2000:],
        )
        return done

    return run


def in_terminal(arguments, environment, cwd):
    """(exit status, everything shown) of the command in a pseudo-terminal of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(sys.executable, [sys.executable, "-m", "tgen", *arguments], environment)
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


# ---- inspect FILE


@pytest.mark.slow
def test_list_stops_at_the_first_call(tgen_command, script):
    done = tgen_command("inspect", script, "--list", "--", "a", "--b")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["step", "named", "double", "prog.py:15"]
    assert (
        "script says ['a', '--b'] __main__" in done.stderr
        and "value" not in done.stderr
        and "KeyError" not in done.stderr
    )
    assert "updates w" in done.stdout and "\x1b" not in done.stdout and r"x\x1b[31m" in done.stdout


@pytest.mark.slow
def test_run_goes_on_and_shows_the_exception_last(tgen_command, script):
    done = tgen_command("inspect", script, "--list", "--run", status=1)
    assert [line.split()[0] for line in done.stdout.splitlines()][-1] == "late"
    assert "value [0.0, 0.0, 0.0]" in done.stderr and done.stderr.rstrip().endswith(
        "KeyError: 'after it all'"
    )
    assert "runpy" not in done.stderr and "tgen/cli" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["step", "named", "double", "prog.py:15", "15", "late"])
def test_a_function_by_any_of_its_names(tgen_command, script, name):
    done = tgen_command("inspect", f"{script}:{name}", "--ir")
    assert done.stdout.count("==== IR before passes") == 1 == done.stdout.count("==== IR after passes")
    assert "KeyError" not in done.stderr and ("value" in done.stderr) == (name == "late")


@pytest.mark.slow
def test_an_unknown_name(tgen_command, script):
    done = tgen_command("inspect", f"{script}:nosuch", status=1)
    assert done.stdout == "" and "no function called nosuch; built: step, named, double" in done.stderr


@pytest.mark.slow
def test_sections_and_names_beside(tgen_command, script, environment):
    done = tgen_command("inspect", f"{script}:step")
    heads = re.findall(r"^==== (\w+)", done.stdout, re.M)
    assert heads == ["IR", "IR", "plan", "C"] and "\x1b" not in done.stdout
    assert re.search(r"^#\s+v0\s+x\\x1b\[31m\s+float64\[n0\]\s+input\s+prog.py:7$", done.stdout, re.M)
    assert re.search(r"^#\s+v1\s+w\s+float64\[n\d\]\s+shared, updated\s+prog.py:8$", done.stdout, re.M)
    assert "tanh v0    # prog.py:13" in done.stdout and "tgen_entry" in done.stdout
    flags = ("--plan", "--c", "--ir", "--stages", "--schedule")
    one = {flag: tgen_command("inspect", f"{script}:step", flag).stdout for flag in flags}
    assert (
        "==== IR after stabilise ====" in one["--stages"] and "    # prog.py:13; made of v" in one["--stages"]
    )
    assert "==== schedule ====" in one["--schedule"] and "# becomes" in one["--schedule"]
    assert (
        "====" in one["--plan"]
        and "tgen_entry" not in one["--plan"]
        and "tgen_entry" in one["--c"]
        and "function (" in one["--ir"]
    )
    stage = tgen_command("inspect", f"{script}:step", "--stage", "simplify").stdout
    assert re.findall(r"^==== (.*) ====", stage, re.M) == ["IR after simplify"]
    assert (
        "there are: stabilise, fold"
        in tgen_command("inspect", f"{script}:step", "--stage", "nosuch", status=2).stderr
    )


@pytest.mark.slow
def test_nothing_is_compiled_unless_asm_asks(environment, script, tmp_path):
    log, wrapper = tmp_path / "calls", tmp_path / "cc"
    wrapper.write_text(f"""#!/bin/sh\necho "$@" >> {log}\nexec {shutil.which("cc")} "$@"\n""")
    wrapper.chmod(0o755)
    env = environment | {"TGEN_CC": str(wrapper)}

    def compiled(*arguments):
        """How often the compiler made a function's library or assembly; the host module and the probes are no
        functions.
        """
        log.write_text("")
        done = subprocess.run(
            [sys.executable, "-m", "tgen", "inspect", *arguments],
            env=env,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done, sum("tgen.c" in line for line in log.read_text().splitlines())

    compiled(script)  # makes the machine record and the host module
    assert compiled(script)[1] == 0
    assert compiled(f"{script}:step", "--c")[1] == 0
    done, count = compiled(f"{script}:step", "--asm")
    assert count == 1 and "tgen_entry:" in done.stdout


@pytest.mark.slow
def test_colours_on_a_terminal_only(environment, script, tmp_path):
    status, shown = in_terminal(["inspect", f"{script}:step"], environment, tmp_path)
    assert (
        status == 0
        and "\x1b[1;36mfunction step\x1b[0m" in shown
        and "\x1b[35m" in shown
        and "\x1b[31m" not in shown
    )
    status, plain = in_terminal(
        ["inspect", f"{script}:step", "--ir"], environment | {"NO_COLOR": "1"}, tmp_path
    )
    assert status == 0 and "\x1b" not in plain and "IR before passes" in plain


@pytest.mark.slow
@pytest.mark.parametrize(
    "text, words, status",
    [
        ("x = 1\n", "built no function", 1),
        ("def broken(:\n", "SyntaxError", 1),
        ("import sys; sys.exit(3)\n", "ended with exit status 3", 1),
        (
            "import os; os.write(1, b'raw')\nimport subprocess; subprocess.run(['echo', 'child'])\n",
            "rawchild",
            1,
        ),
    ],
)
def test_odd_scripts(tgen_command, tmp_path, text, words, status):
    path = tmp_path / "odd.py"
    path.write_text(text)
    done = tgen_command("inspect", str(path), status=status)
    assert words in done.stderr and done.stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, words",
    [
        (["inspect", "nosuch.py"], "no file nosuch.py"),
        (["inspect", "abcdef0123"], "no key in"),
        (["inspect"], "required"),
        (["nosuch"], "invalid choice"),
        (["cache", "prune", "--bytes", "many"], "invalid size_of value"),
    ],
)
def test_asked_wrongly(tgen_command, arguments, words):
    assert words in tgen_command(*arguments, status=2).stderr


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("a.py:f", ("a.py", "f")),
        ("a.py", ("a.py", None)),
        ("a.py:b.py:3", ("a.py", "b.py:3")),
        ("a.py:", ("a.py", None)),
        ("0123456789ab", (None, "0123456789ab")),
        ("xyz", ("xyz", None)),
    ],
)
def test_targets(text, wanted):
    assert split_target(text) == wanted


# ---- what a call is bound to


def here():
    return bound_name(sys._getframe(1))


def through():
    return here(), here()


def test_bound_names():
    plain = here()
    annotated: str = here()
    first, second = here(), [here()]
    left, right = through()
    held = {"key": here(), 3: here()}
    assert (named := here()) == "named" == named and plain == "plain" and annotated == "annotated"
    assert (first, second) == ("first", [None]) and (left, right) == ("left", "right")
    assert held == {"key": "key", 3: None} and dict(word=here())["word"] == "word"
    held["x"] = here()
    assert held["x"] == "held['x']" and [here() for _ in range(1)] == [None] and here() is None


# ---- the cache, the table, the doctor


@pytest.mark.slow
def test_cache_commands(tgen_command, environment, tmp_path):
    folder = str(tmp_path / "cache")  # of its own: it is damaged and cleared
    os.mkdir(folder, mode=0o700)
    environment["TGEN_CACHE_DIR"] = folder
    path = tmp_path / "small.py"
    path.write_text(
        "import tgen, tgen.tensor as T\nx = T.dscalar('x')\nprint(tgen.function([x], T.sin(x) * 3)(0.0))\n"
    )
    subprocess.run([sys.executable, str(path)], env=environment, check=True, capture_output=True)
    assert tgen_command("cache", "path").stdout == folder + "\n"
    rows = [line.split() for line in tgen_command("cache", "list").stdout.splitlines()]
    functions = [row[0] for row in rows if row[1] == "function"]
    assert functions and all(len(key) == 64 for key in functions)
    stats = dict(line.split(None, 1) for line in tgen_command("cache", "stats").stdout.splitlines())
    assert stats["directory"] == folder and int(stats["functions"]) == len(functions)
    assert "0 damaged" in tgen_command("cache", "verify").stdout
    texts = [tgen_command("inspect", key[:16]).stdout for key in functions]
    assert any("sin v0" in text and "IR after passes" in text and "tgen_entry" in text for text in texts)
    victim = os.path.join(folder, functions[0] + ".so")
    os.chmod(victim, 0o700)
    with open(victim, "r+b") as file:
        file.write(b"damage")
    assert victim in tgen_command("cache", "verify", status=1).stdout
    assert "damaged" in tgen_command("inspect", functions[0], status=2).stderr
    assert int(tgen_command("cache", "prune", "--bytes", "0").stdout.split()[0]) >= len(functions)
    subprocess.run([sys.executable, str(path)], env=environment, check=True, capture_output=True)
    assert (
        int(tgen_command("cache", "clear").stdout.split()[0]) > 0
        and tgen_command("cache", "list").stdout == ""
    )


@pytest.mark.slow
def test_ops(tgen_command):
    table = tgen_command("ops").stdout.splitlines()
    assert len(table) > 300 and any(line.split()[:3] == ["tanh", "scalar", "yes"] for line in table)
    assert any(
        line.split()[:3] == ["T.nnet.softmax", "function", "yes"] and line.endswith("(x, axis=None)")
        for line in table
    )
    assert "abs, add" in tgen_command("ops", "T.nnet.relu", "--composes").stdout
    assert all("dimshuffle" in line for line in tgen_command("ops", "dimshuffle").stdout.splitlines())
    tgen_command("ops", "nosuchop", status=1)


@pytest.mark.slow
def test_doctor(tgen_command, environment, tmp_path):
    done = tgen_command("doctor")
    for word in (
        "python",
        "compiler",
        "flags",
        "BLAS",
        "cache",
        "built and called",
        "everything tgen needs is there",
    ):
        assert word in done.stdout
    environment["TGEN_CC"] = "nosuchcompiler"
    done = tgen_command("doctor", status=1)
    assert re.search(r"missing\s+compiler\s+no C compiler found: looked for nosuchcompiler", done.stdout)


@pytest.mark.slow
def test_a_reader_that_leaves_early(environment, script, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tgen", "inspect", script],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    assert b"BrokenPipe" not in process.stderr.read() and process.wait(timeout=60) == 0
