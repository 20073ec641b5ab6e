"""What checkers and editors find of tgen's names, without running anything: stubs that are up to date, and a
definition or a stub for every public name.
"""

import ast
import functools
import pathlib
import runpy

import pytest

import tgen
import tgen.tensor as T

ROOT = pathlib.Path(__file__).resolve().parents[1]
STUBS = runpy.run_path(str(ROOT / "tools" / "stubs.py"))["STUBS"]


@pytest.mark.parametrize("place", STUBS)
def test_stubs_are_what_the_tool_writes(place):
    assert (ROOT / place).read_text(encoding="utf-8") == STUBS[place](), "run: python tools/stubs.py"


@functools.cache
def names_of(path):
    """The names that a file, or the stub beside it, binds at its top for those who only read it."""
    stub = path.with_suffix(".pyi")
    found = set()
    for node in ast.parse((stub if stub.exists() else path).read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            starred = any(alias.name == "*" for alias in node.names)
            found |= starred_names(path, node) if starred else {a.asname or a.name for a in node.names}
    return frozenset(found)


def starred_names(path, node):
    start = path.parents[node.level - 1] if node.level else ROOT
    module = start.joinpath(*node.module.split(".")).with_suffix(".py")
    return {name for name in names_of(module) if not name.startswith("_")}


@pytest.mark.parametrize("module", [tgen, T, T.nnet, T.signal], ids=lambda m: m.__name__)
def test_every_public_name_is_found_without_running_it(module):
    path = pathlib.Path(module.__file__)
    missing = {name for name in module.__all__ if name not in names_of(path)}
    assert not missing


def test_names_put_into_a_module_by_a_table_have_a_stub():
    missing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tgen").rglob("*.py")
        if "globals().update(" in path.read_text(encoding="utf-8") and not path.with_suffix(".pyi").exists()
    }
    assert not missing


def test_no_file_puts_methods_on_a_class_of_another():
    """Where a class is defined a reader finds what it has; what a room above adds goes through a table.
    And no file asserts that it has imported another.
    """
    wrong = []
    for path in (ROOT / "tgen").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        taken = {a.asname or a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
        wrong += [f"{path}:{n.lineno}: {ast.unparse(n)}" for n in tree.body if isinstance(n, ast.Assert)]
        for n in tree.body:
            for target in n.targets if isinstance(n, ast.Assign) else ():
                of = target.value if isinstance(target, ast.Attribute) else None
                if isinstance(of, ast.Name) and of.id in taken and of.id[0].isupper():
                    wrong.append(f"{path}:{n.lineno}: {ast.unparse(target)}")
    assert not wrong, "\n".join(wrong)
