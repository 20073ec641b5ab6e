"""README.md and the pages beside it are true: its Python runs, its commands are what CI runs, paths exist."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest

from tgen import scope

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code", blocks("python"), ids=lambda code: re.sub(r"\W+", "-", code.split("\n\n")[-1][:30])
)
def test_python_blocks(code, capsys):
    scope.reset()
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    scope.reset()


def test_the_two_commands_come_first():
    assert len(blocks("python")) >= 6
    demo, tests, *_ = blocks("sh")
    assert TEXT.index(demo) < TEXT.index(tests) < TEXT.index("## ")
    assert demo.count("\n") == tests.count("\n") == 1 and "tgen demo" in demo and "pytest" in tests
    with open(ROOT / "pyproject.toml", "rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    asked = re.search(r"\.\[(.*?)\]", demo)[1].split(",")
    assert set(asked) <= set(extras)


@pytest.mark.parametrize("file", ["README.md", "tgen/README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md"])
def test_paths_exist(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    text = re.sub(r"^```python\n.*?^```", "", text, flags=re.M | re.S)  # the tour's Python makes files
    paths = set(re.findall(r"(?<![\w/])((?:tgen|templates|tests|tools)/[\w./-]*\w|\.ci/run)", text))
    assert paths and [p for p in sorted(paths) if not (ROOT / p).exists()] == []


def test_what_contributing_quotes_of_the_tour_is_there():
    text, tour = ((ROOT / p).read_text("utf-8") for p in (".github/CONTRIBUTING.md", "tgen/README.md"))
    quoted = re.findall(r'"(Your first \w+)"', text)
    assert len(set(quoted)) == 3 and all(f"## {title}\n" in tour for title in quoted)


def test_the_workflow_runs_what_ci_runs_on_every_python():
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert "- run: .ci/run\n" in text and os.access(ROOT / ".ci/run", os.X_OK)
    versions = [tuple(map(int, v.split("."))) for v in re.findall(r'"(3\.\d+)"', text)]
    with open(ROOT / "pyproject.toml", "rb") as file:
        oldest = tomllib.load(file)["project"]["requires-python"]
    assert f">={versions[0][0]}.{versions[0][1]}" == oldest
    assert versions == [(3, minor) for minor in range(versions[0][1], versions[-1][1] + 1)]


def test_the_first_section_of_the_changes_is_this_version():
    with open(ROOT / "pyproject.toml", "rb") as file:
        version = tomllib.load(file)["project"]["version"]
    sections = re.findall(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert sections[0] == version


def test_inspect_command_names_a_file_that_exists():
    command = next(b for b in blocks("sh") if "inspect" in b)
    assert (ROOT / shlex.split(command)[2].partition(":")[0]).is_file()


def test_run_commands_name_programs_that_exist():
    programs = re.findall(r"tgen run (\S+\.py)", "".join(blocks("sh")))
    assert len(programs) == 2 and all((ROOT / p).is_file() for p in programs)


TOUR = re.findall(
    r"^```python\n(# .*?)^```", (ROOT / "tgen/README.md").read_text(encoding="utf-8"), re.M | re.S
)


def apply_step(package, code):
    """Put one block of the tour where its first line says; whether it was an edit (else it is the program to
    run then).
    """
    place, _, text = code.partition("\n")
    path = re.search(r"tgen/([\w/]+\.py)", place)
    if path is None:
        return False
    file = package / path[1]
    if "a line of" in place or "a row of" in place:
        opening = re.search(r"of (\w+) in", place)[1] + " = (\n"
        before, mark, after = file.read_text().partition(opening)
        assert mark, f"{file} has no table {opening!r}"
        name = re.search(r'Pass\("(\w+)"', text)
        file.write_text(
            (f"from tgen.passes.{name[1]} import {name[1]}\n" if name else "").join(split_docstring(before))
            + mark
            + text
            + after
        )
    else:
        file.write_text((file.read_text() if file.exists() else "") + "\n\n" + text)
    return True


def split_docstring(text):
    """(module docstring and what must stand next to it, the rest), so that an import can go between."""
    end = text.index('"""\n', 3) + 4
    future = re.compile(r"\s*from __future__ import annotations\n").match(text, end)
    end = future.end() if future else end
    return text[:end], text[end:]


@pytest.mark.slow
def test_the_tour_works(tmp_path):
    shutil.copytree(ROOT / "tgen", tmp_path / "tgen", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    cache = tmp_path / "kept"
    cache.mkdir(mode=0o700)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "TGEN_CACHE_DIR": str(cache)}
    programs = [code for code in TOUR if not apply_step(tmp_path / "tgen", code)]
    assert len(TOUR) == 7 and len(programs) == 3
    for code in programs:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
