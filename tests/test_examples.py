"""The examples run as a user would run them, and the demo keeps its promises."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from tgen.examples.digits import data

pytestmark = pytest.mark.slow

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(*arguments, cwd, cache, status=0, **environment):
    env = os.environ | {"PYTHONPATH": ROOT, "TGEN_CACHE_DIR": str(cache)} | environment
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=env, cwd=cwd, timeout=300
    )
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    path = tmp_path_factory.mktemp("cache")
    path.chmod(0o700)
    return path


@pytest.mark.parametrize("name", ["accumulator", "logistic_regression", "scopes"])
def test_examples_run(name, tmp_path, cache):
    assert run("-m", f"tgen.examples.{name}", cwd=tmp_path, cache=cache).stdout


def test_the_main_job(tmp_path, cache):
    arguments = ["-m", "tgen", "demo", "--save", "weights.npz"]
    first = run(*arguments, cwd=tmp_path, cache=cache).stdout
    accuracy = float(re.search(r"test accuracy (\d+\.\d+)%", first)[1])
    assert (
        accuracy >= 97 and re.search(r"\d ms an epoch", first) and "\r" not in first and "\x1b" not in first
    )
    stored = {f.name: f.stat().st_mtime_ns for f in cache.iterdir() if f.suffix == ".so"}
    second = run(*arguments, cwd=tmp_path, cache=cache).stdout
    assert {f.name: f.stat().st_mtime_ns for f in cache.iterdir() if f.suffix == ".so"} == stored, (
        "the second run found every function in the cache"
    )
    assert re.search(r"test accuracy .*", second)[0] == re.search(r"test accuracy .*", first)[0]
    assert numpy_accuracy(np.load(tmp_path / "weights.npz")) == pytest.approx(accuracy, abs=0.006)


def numpy_accuracy(weights):
    """Percent of the test digits that the saved weights get right, in NumPy."""
    images, labels = data.sets(0)["test"]
    scores = np.tanh(images @ weights["w1"] + weights["b1"]) @ weights["w2"] + weights["b2"]
    return 100 * np.mean(scores.argmax(1) == labels)


def test_early_stopping_and_bad_arguments(tmp_path, cache):
    short = run(
        "-m", "tgen.examples.digits", "--patience", "1", "--seed", "4", cwd=tmp_path, cache=cache
    ).stdout
    assert "stopped early" in short
    assert (
        "must be at least 1"
        in run("-m", "tgen", "demo", "--epochs", "0", cwd=tmp_path, cache=cache, status=2).stderr
    )
    assert "usage: tgen demo" in run("-m", "tgen", "demo", "--help", cwd=tmp_path, cache=cache).stdout


def test_plot_without_matplotlib_says_what_to_install(tmp_path, cache):
    blocked = tmp_path / "matplotlib"
    blocked.mkdir()
    (blocked / "__init__.py").write_text("raise ImportError('not here')\n")
    done = run(
        "-m",
        "tgen",
        "demo",
        "--plot",
        "curve.png",
        cwd=tmp_path,
        cache=cache,
        status=2,
        PYTHONPATH=f"{tmp_path}:{ROOT}",
    )
    assert "pip install 'tgen[plot]'" in done.stderr and not (tmp_path / "curve.png").exists()


def test_the_data():
    sets = data.sets(3)
    assert sum(len(labels) for _, labels in sets.values()) == 1797 + 4 * data.TRAIN
    seen = {image.tobytes() for image in sets["train"][0]}
    # no leak (two of the scans are alike)
    assert len(seen & {image.tobytes() for image in sets["test"][0]}) <= 1
    one = np.zeros((1, 64), "float32")
    one[0, 27] = 1  # row 3, column 3
    assert np.flatnonzero(data.moved(one, 1, 1)[0]).tolist() == [27, 35] and np.flatnonzero(
        data.moved(one, 2, -1)[0]
    ).tolist() == [26, 27]
