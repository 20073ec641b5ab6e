"""``tgen run``: Theano programs as they stand, their numbers beside NumPy's; and the command runs a script as
python does.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "tests" / "programs" / "theano"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    cache.chmod(0o700)

    def run(*arguments, flags="", status=0, cwd=PROGRAMS, python=("-m", "tgen", "run")):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TGEN_", "THEANO"))}
        env |= {
            "PYTHONPATH": str(ROOT),
            "TGEN_CACHE_DIR": str(cache),
            "THEANO_FLAGS": flags,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, *python, *map(str, arguments)],
            env=env,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == status, (done.stdout[-2000:], done.stderr[-3000:])
        return done

    return run


# -- the programs


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_logistic_regression_beside_numpy(run):
    done = run("logistic_sgd.py", 3)
    shown = [
        tuple(map(float, m)) for m in re.findall(r"cost ([\d.]+), validation error ([\d.]+) %", done.stdout)
    ]
    rng = np.random.RandomState(17)
    centers, sets = rng.normal(scale=1.2, size=(3, 12)), []
    for count in (600, 200, 200):
        labels = rng.randint(0, 3, size=count)
        sets.append((centers[labels] + rng.normal(scale=1.5, size=(count, 12)), labels))
    W, b, wanted = np.zeros((12, 3)), np.zeros(3), []
    for _ in range(3):
        for k in range(0, 600, 50):
            x, y = sets[0][0][k : k + 50], sets[0][1][k : k + 50]
            p = softmax(x @ W + b)
            cost, d = -np.log(p[np.arange(50), y]).mean(), (p - np.eye(3)[y]) / 50
            W, b = W - 0.13 * x.T @ d, b - 0.13 * d.sum(axis=0)
        wanted.append((cost, 100 * np.mean((sets[1][0] @ W + b).argmax(axis=1) != sets[1][1])))
    np.testing.assert_allclose(shown, wanted, atol=2e-6)
    assert (
        f"best validation error {min(e for _, e in wanted):f} %" in done.stdout
        and "ran for 3 epochs" in done.stderr
    )
    assert run("logistic_sgd.py", 1, flags="floatX=float32,device=gpu0").stderr.count("TheanoWarning") == 1


def test_a_library_of_layers(run):
    done = run("convnet.py", flags="floatX=float32,mode=FAST_RUN,lib.cnmem=0.8")
    assert (
        done.stderr == ""
        and "parameters: conv.W(8, 1, 3, 3) conv.b(8,) first.W(200, 40) first.b(40,) second.W(40, 40) "
        "second.b(40,) out.W(40, 3) out.b(3,)"
        in done.stdout
    )
    losses = [float(m) for m in re.findall(r"loss ([\d.]+)", done.stdout)]
    assert 0.8 < losses[0] < 1.2 and losses[-1] < 0.05 and len(losses) == 6
    accuracy, dtype = re.search(r"accuracy ([\d.]+) %, dtype (\w+)", done.stdout).groups()
    assert float(accuracy) > 97 and dtype == "float32"
    assert "first draws 0.735324 0.258569 0.694081 0.770575" in done.stdout, "MRG31k3p of seed 12345"


def test_pickling(run):
    done = run("pickling.py", "--weights")
    x = np.random.RandomState(0).normal(size=(50, 3))
    y = x @ [1, -2, 0.5]
    w = np.zeros(3)
    for _ in range(11):
        cost, w = np.mean((x @ w - y) ** 2), w - 0.1 * 2 * x.T @ (x @ w - y) / 50
    for kind in ("Regressor", "Light"):
        assert f"{kind}: step 11, cost {cost:.6f} {cost:.6f} {cost:.6f}" in done.stdout
    assert (
        done.stdout.count("their own memory: True True") == 2
        and "in the archive: ['pkl', 'steps', 'w']" in done.stdout
    )
    assert (
        "loaded: w True True notes" in done.stdout
        and f"weights {' '.join(f'{v:.6f}' for v in w)}" in done.stdout
    )


@pytest.mark.parametrize(
    "flags, first, dtype, warned",
    [
        ("", "config float64 cpu Mode fast_run False False", "float64", 2),
        (
            "floatX=float32,mode=FAST_COMPILE,device=cuda,gcc.cxxflags=-O2 -g,lib.cnmem=0.5",
            "config float32 cpu FAST_COMPILE fast_run False False",
            "float32",
            3,
        ),
        (
            "optimizer=fast_compile,linker=py,optimizer_excluding=inplace",
            "config float64 cpu Mode fast_compile False False",
            "float64",
            4,
        ),
    ],
)
def test_flags_and_modes(run, flags, first, dtype, warned):
    done = run("modes.py", flags=flags)
    lines = done.stdout.splitlines()
    assert (
        lines[0] == first
        and lines[2] == f"dtype {dtype} {{'{dtype}'}}"
        and done.stderr.count("TheanoWarning") == warned
    )
    assert (
        lines[1]
        == f"more {0.5 if 'cnmem' in flags else 0.0} {'-O2 -g' if 'cxxflags' in flags else ''!r} low off"
    )
    assert (
        lines[3] == f"softmax {' '.join(f'{v:.6f}' for v in softmax(np.array([[0.0, 1, 2]]))[0])}"
        and lines[4] == "all alike True 8.0000"
    )
    assert (
        lines[5] == "guarded: output 0 holds NaN"
        and lines[6] == "inside (2, 2) float32 float32"
        and lines[7] == "Used the cpu"
    )


# -- the command

SCRIPT = """
import sys, pickle
import theano, theano.tensor as T
import beside
class Local: pass
print(sys.argv, __name__, __file__, beside.name, sys.path[0] == beside.folder)
print(isinstance(pickle.loads(pickle.dumps(Local())), Local), sys.modules["__main__"].Local is Local)
def fail():
    theano.function([T.dvector("x")], T.constant(1))
what = sys.argv[1] if len(sys.argv) > 1 else ""
if what == "fail": fail()
if what == "exit": sys.exit(7)
if what == "say": sys.exit("good bye")
if what == "interrupt": raise KeyboardInterrupt
if what == "name": T.sofmax
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "beside.py").write_text(
        "import os\nname, folder = __name__, os.path.dirname(os.path.realpath(__file__))\n"
    )
    (tmp_path / "prog.py").write_text(SCRIPT)
    return tmp_path


def test_a_script_runs_as_python_runs_it(run, script):
    done = run("prog.py", "--flag", "-h", "--", "x", cwd=script)
    assert (
        done.stdout == "['prog.py', '--flag', '-h', '--', 'x'] __main__ prog.py beside True\nTrue True\n"
        and done.stderr == ""
    )
    assert "prog.py beside True" in run(script / "prog.py").stdout


@pytest.mark.parametrize(
    "what, status, words",
    [
        ("exit", 7, ""),
        ("say", 1, "good bye\n"),
        ("interrupt", 130, "KeyboardInterrupt\n"),
        ("fail", 1, "UnusedInputError"),
        ("name", 1, "AttributeError: module 'theano.tensor' has no attribute 'sofmax'"),
    ],
)
def test_endings(run, script, what, status, words):
    done = run("prog.py", what, cwd=script, status=status)
    assert words in done.stderr and (words or not done.stderr)
    if "Error" in words or "Interrupt" in words:
        assert (
            done.stderr.startswith('Traceback (most recent call last):\n  File "prog.py", line ')
            and "tgen/cli" not in done.stderr
            and "runpy" not in done.stderr
        )


@pytest.mark.parametrize(
    "arguments, flags, status, words",
    [
        (["nosuch.py"], "", 2, "nosuch.py"),
        ([], "", 2, "usage: tgen run SCRIPT.py"),
        (["prog.py"], "floatX=half", 2, "tgen: THEANO_FLAGS: config.floatX must be one of"),
        (["broken.py"], "", 1, "SyntaxError"),
    ],
)
def test_scripts_that_do_not_start(run, script, arguments, flags, status, words):
    (script / "broken.py").write_text("def broken(:\n")
    done = run(*arguments, cwd=script, flags=flags, status=status)
    assert words in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_help(run, script):
    assert (
        "usage: tgen run SCRIPT.py" in run("--help", cwd=script).stdout
        and "run " in run("--help", cwd=script, python=("-m", "tgen")).stdout
    )


def test_no_theano_without_it(run, script):
    (script / "plain.py").write_text(
        "import tgen, sys\nassert 'theano' not in sys.modules\n"
        "tgen.install_as_theano()\nimport theano\nassert theano.function is "
        "tgen.function\n"
    )
    run("plain.py", cwd=script, python=())
