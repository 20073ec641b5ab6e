"""README.md is true: its Python runs, its commands are what CI runs, its paths exist."""
import pathlib
import re
import shlex
import tomllib

import pytest

from tgen import scope

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: re.sub(r"\W+", "-", code.split("\n\n")[-1][:30]))
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


@pytest.mark.parametrize("file", ["README.md", "tgen/README.md"])
def test_paths_exist(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:tgen|templates|tests|cache|tools)/[\w./-]*)`", text))
    assert paths and [p for p in sorted(paths) if not (ROOT / p).exists()] == []


def test_inspect_command_names_a_file_that_exists():
    command = next(b for b in blocks("sh") if "inspect" in b)
    assert (ROOT / shlex.split(command)[2].partition(":")[0]).is_file()
