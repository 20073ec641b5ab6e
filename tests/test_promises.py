"""tgen/docs/promises.md is kept: every promise names tests that there are, and tests cite nothing else."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "tgen" / "docs" / "promises.md"
ROW = re.compile(r"\| ([a-z0-9-]+) \| (.+?) \| (.+?) \|$")
CLOCK = {"perf_counter", "monotonic", "process_time", "perf_counter_ns", "monotonic_ns", "time"}
CALLED = re.compile(rf"\btime\.({'|'.join(CLOCK)})\(")
# what looks like an id of a list, and the names of documents: only those of this repository may be cited
CITED = re.compile(r"(?<![\w.#])(?:[FNSGI]\d\d(?!\w)|[A-Z]{3,}\.md)")
OUR_NAMES = {"I32", "F32", "I64", "F64"}


def promises():
    """[(id, promise, [test], [command])] of the page."""
    rows = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        match = ROW.match(line)
        if match and match[1] != "id":
            rows.append(
                (
                    match[1],
                    match[2],
                    re.findall(r"tests/\S+::\w+", match[3]),
                    re.findall(r"`([^`]+)`", match[3]),
                )
            )
    return rows


def functions(path):
    return {
        node.name: node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def test_ids_are_unique_and_every_row_is_read():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    ids = [row[0] for row in promises()]
    assert len(ids) == len(set(ids)) == len(lines) - lines.count("| id | promise | shown by |") > 60


@pytest.mark.parametrize("row", promises(), ids=lambda row: row[0])
def test_what_shows_a_promise_is_there(row):
    _, promise, tests, commands = row
    assert promise.endswith(".") and (tests or commands)
    for test in tests:
        file, name = test.split("::")
        assert name.startswith("test_") and (ROOT / file).name.startswith("test_")
        assert name in {
            node.name
            for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)
        }, test
    for command in commands:
        assert (ROOT / command.split()[0]).is_file(), command


@pytest.mark.slow
def test_the_tool_shows_every_promise(tmp_path):
    """``tools/faults.py``: a row with a figure for one of them; an unknown one is told, with
    those there are.
    """
    tool = [sys.executable, str(ROOT / "tools" / "faults.py")]
    listed = subprocess.run([*tool, "no-such"], capture_output=True, text=True)
    assert listed.returncode == 2 and all(row[0] in listed.stderr for row in promises())
    env = {name: value for name, value in os.environ.items() if not name.startswith("TGEN_FAULTS")}
    command = [*tool, "--reduced", "cache-paths", "--json", str(tmp_path / "rows")]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    row = json.loads((tmp_path / "rows").read_text())["cache-paths"]
    assert done.returncode == 0 and row["kept"] and row["passed"] == 1 and row["figures"] == {"refused": 7}
    assert re.search(r"kept +cache-paths +1 passed .* refused 7", done.stdout), done.stdout


def tracked(*places):
    done = subprocess.run(["git", "ls-files", *places], cwd=ROOT, capture_output=True, text=True)
    names = done.stdout.split() if done.returncode == 0 else []  # a copy without .git: what lies there
    return [ROOT / name for name in names] or [p for place in places for p in (ROOT / place).rglob("*.*")]


def test_nothing_is_cited_that_is_not_in_the_repository():
    files = [
        path
        for path in tracked("tests", "tgen", "templates", "tools")
        if path.suffix in (".py", ".md", ".j2")
    ]
    places = ROOT.glob("*.md"), (ROOT / ".github").glob("*.md"), (ROOT / "tgen").rglob("*.md")
    documents = {path.name for place in places for path in place}
    found = []
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for word in CITED.findall(line):
                if word not in OUR_NAMES and word not in documents:
                    found.append(f"{path.name}:{number}: {word}")
    assert len(files) > 200 and not found, found


def reads_the_clock(node):
    return any(
        isinstance(n, ast.Attribute)
        and n.attr in CLOCK
        and isinstance(n.value, ast.Name)
        and n.value.id == "time"
        for n in ast.walk(node)
    )


def timed_assertions(function):
    """The assertions of a function on what it measured: on the clock, or on a name that was made from it."""
    times = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and reads_the_clock(node.value):
            times |= {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            names = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
            if reads_the_clock(node.test) or names & times:
                yield node


def test_no_test_asserts_on_the_clock():
    """A busy machine fails no test: work is counted (work.py). Waiting in vain may have a limit."""
    timed = [
        path for path in (ROOT / "tests").rglob("*.py") if CALLED.search(path.read_text(encoding="utf-8"))
    ]
    found = [
        f"{path.name}:{node.lineno}"
        for path in timed
        for name, function in functions(path).items()
        if name != "wait_for"
        for node in timed_assertions(function)
    ]
    assert not found, found
    sample = ast.parse(
        "def f():\n    start = time.monotonic()\n    assert time.monotonic() - start < 1"
    ).body[0]
    assert list(timed_assertions(sample))
