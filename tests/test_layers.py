"""The walls of the house: who may import whom, nothing hidden in functions, small files, honest names,
complete packaging.
"""

import ast
import functools
import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tgen"
FILES = sorted(PACKAGE.rglob("*.py"))

# bottom to top; rooms in one row are siblings and do not see each other
LAYERS = [
    ["core", "config", "errors"],
    ["graph", "ir"],
    ["ops"],
    ["lower", "passes"],
    ["codegen"],
    ["backends"],
    ["runtime"],
    ["show"],
    ["tensor"],
    ["pyops"],
    ["loop"],
    ["random"],
    ["scope"],
    ["dropin"],
    ["examples", "cli"],
]
LEVEL = {room: level for level, row in enumerate(LAYERS) for room in row}
# edges that LAYERS alone would allow or forbid: (from, to) -> the reason
FORBIDDEN = {
    ("ops", "ir"): "a primitive is one record for graph and IR; it needs the graph for gradients only"
}
ALLOWED = {
    ("core", "config"): "config holds plain options and imports nothing",
    ("core", "errors"): "errors are plain classes",
    ("config", "errors"): "errors are plain classes",
    ("errors", "config"): "errors are plain classes",
}
# imports that go up, for type checkers alone: (file, what is imported) -> the reason
FOR_TYPES = {
    ("core/types.py", "tgen.graph.nodes.Variable"): "what calling a type makes",
    ("core/op.py", "tgen.graph.nodes.Apply"): "what a gradient's rule, and its kin, are asked of",
    ("core/op.py", "tgen.graph.nodes.Variable"): "what they take and return",
    ("core/op.py", "tgen.graph.adjoint.Node"): "what a rule sees of an application",
    ("core/op.py", "tgen.graph.adjoint.Entry"): "what a rule returns",
    ("core/op.py", "tgen.graph.adjoint.Lanes"): "what a rule of masks returns",
}
# the ideas inside a room that has several, bottom to top: files; a file that is not named stands with None
INSIDE = {
    "tensor": [
        [
            "variable",
            "apply",
            "promotion",
            "elemwise",
            "constructors",
        ],  # ground: what a variable is, and scalars
        None,  # functions by area
        ["gradient", "jacobian", "verify"],  # asking for gradients
        ["methods", "numpyfunctions", "tables", "__init__"],  # under which names all of it is found
    ]
}
# imports inside functions: (file, module) -> the reason
HEAVY = {
    ("backends/c/host.py", "cffi.FFI"): "15 ms and a C parser, only where the host module is built",
    ("codegen/render.py", "jinja2"): "25 ms of every import, and only processes that make C need it",
    ("examples/digits/report.py", "matplotlib"): "optional (plot extra) and slow to import",
    ("examples/digits/report.py", "matplotlib.pyplot"): "optional (plot extra) and slow to import",
}
BANNED = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "base", "misc"}
UNFINISHED = re.compile(
    r"raise NotImplementedError|\bTODO\b|\bFIXME\b|\bXXX\b|pytest\.(skip|xfail)|mark\.(skip|xfail)"
)


def room(path):
    """core, graph ...: the first name under tgen; None for tgen/__init__.py and __main__.py, which see
    everything.
    """
    first = path.relative_to(PACKAGE).parts[0]
    return None if first in ("__init__.py", "__main__.py") else first.removesuffix(".py")


def package_of(path):
    return ["tgen", *path.relative_to(PACKAGE).parent.parts]


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """(node, the modules it names, absolute) of every import statement in a file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield node, [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package_of(path)[: len(package_of(path)) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield node, [f"{module}.{alias.name}" for alias in node.names]


def edge(path, module):
    """(room that imports, room imported) of an import of tgen; None for other modules and imports within a
    room.
    """
    parts = module.split(".")
    if parts[0] != "tgen" or room(path) is None:
        return None
    target = parts[1] if len(parts) > 1 and parts[1] in LEVEL else "tgen"
    return None if target == room(path) else (room(path), target)


def verdict(source, target):
    """Why the edge is wrong, or None."""
    if (source, target) in ALLOWED or target == "tgen" and source == "examples":
        return None
    if (source, target) in FORBIDDEN:
        return FORBIDDEN[source, target]
    if target == "tgen":
        return "the package itself is above every room"
    return None if LEVEL[target] < LEVEL[source] else f"{target} is not below {source}"


def name(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_the_backends_know_which_they_are(path):
    """All else goes through tgen/backends/interface.py; ``tgen doctor`` and its kin look into the C's."""
    if room(path) in ("backends", "cli"):
        return
    known = [m for _, modules in imports(path) for m in modules if m.startswith("tgen.backends.")]
    places = [m.split(".")[2] for m in known if m.split(".")[2] in ("c", "interp")]
    assert not places, f"{path} imports {', '.join(places)} of the backends"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_only_go_down(path):
    edges = {
        (node.lineno, *edge(path, m))
        for node, modules in imports(path)
        for m in modules
        if edge(path, m) and (name(path), m) not in FOR_TYPES
    }
    wrong = [
        f"{path}:{line}: {source} imports {target}: {verdict(source, target)}"
        for line, source, target in sorted(edges)
        if verdict(source, target)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_imported_upwards_is_imported_for_types_alone():
    guarded = {
        (name(path), m)
        for path in FILES
        for guard in ast.walk(tree_of(path))
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
        for node, modules in imports(path)
        if guard.lineno < node.lineno <= guard.end_lineno
        for m in modules
    }
    assert set(FOR_TYPES) <= guarded


@pytest.mark.parametrize("inner", INSIDE)
def test_the_ideas_inside_a_room_import_only_down(inner):
    floors = INSIDE[inner]
    level = {file: k for k, files in enumerate(floors) for file in files or ()}
    assert all((PACKAGE / inner / f"{file}.py").exists() for file in level)

    def floor(file):
        return level.get(file, floors.index(None))

    wrong = [
        f"{path}:{node.lineno}: {module}"
        for path in FILES
        if room(path) == inner
        for node, modules in imports(path)
        for module in modules
        if module.startswith(f"tgen.{inner}.")
        and floor(module.split(".")[2])
        > floor(path.relative_to(PACKAGE / inner).parts[0].removesuffix(".py"))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_room_has_a_level():
    rooms = {room(path) for path in FILES} - {None}
    assert rooms <= set(LEVEL), f"rooms without a place in LAYERS: {rooms - set(LEVEL)}"


@pytest.mark.parametrize(
    "source, target, allowed",
    [
        ("graph", "ir", False),
        ("ops", "ir", False),
        ("ops", "graph", True),
        ("passes", "ops", True),
        ("lower", "passes", False),
        ("core", "graph", False),
        ("cli", "examples", False),
        ("scope", "tensor", True),
    ],
)
def test_the_checker_itself(source, target, allowed):
    assert (verdict(source, target) is None) == allowed


def hidden_imports(path):
    """{(file, module): line} of the imports inside of functions."""
    functions = [
        n
        for n in ast.walk(tree_of(path))
        if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    ]
    inside = {id(n) for f in functions for n in ast.walk(f)}
    return {
        (name(path), m): node.lineno for node, modules in imports(path) for m in modules if id(node) in inside
    }


def test_every_exception_for_a_heavy_import_is_one():
    assert {found for path in FILES for found in hidden_imports(path)} == set(HEAVY)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_import_hides_in_a_function(path):
    tree = tree_of(path)
    wrong = [
        f"{path}:{line}: {m}" for (_, m), line in hidden_imports(path).items() if (name(path), m) not in HEAVY
    ]
    calls = [
        f"{path}:{n.lineno}: {ast.unparse(n.func)}"
        for n in ast.walk(tree)
        if isinstance(n, ast.Call)
        and ast.unparse(n.func) in ("__import__", "importlib.import_module", "import_module")
    ]
    assert not wrong + calls, "\n".join(wrong + calls)


@pytest.mark.parametrize(
    "path", FILES + sorted((ROOT / "templates").rglob("*.j2")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_names_say_what_is_inside(path):
    assert not BANNED & set(re.split(r"[._]", path.name)), path
    assert UNFINISHED.search(path.read_text(encoding="utf-8")) is None


# class -> why files of several rooms define one of that name
SAME_NAME = {
    "Block": "statements of C with names of their own; instructions of the IR",
    "Function": "what a user calls; its IR; a C function",
    "Library": "what all backends' libraries have; the C's",
    "Mode": "how a function is run; Theano's way to say it",
    "Op": "the record of a primitive; the class that a user's ops derive from",
    "Out": "of a call of C; what function() is told about an output",
}


def test_a_class_has_a_name_of_its_own():
    """A word has one meaning: those with two are listed, and stand in the glossary of tgen/README.md."""
    files = {}
    for path in FILES:
        if room(path) != "examples":
            for n in ast.walk(tree_of(path)):
                if isinstance(n, ast.ClassDef) and not n.name.startswith("_"):
                    files.setdefault(n.name, set()).add(name(path))
    assert {word for word, found in files.items() if len(found) > 1} == set(SAME_NAME), files


def test_every_package_is_packaged():
    with open(ROOT / "pyproject.toml", "rb") as file:
        setuptools = tomllib.load(file)["tool"]["setuptools"]
    found = {".".join(package_of(path)) for path in FILES}
    assert found | {"tgen.templates"} == set(setuptools["packages"])
    for path in (p for p in PACKAGE.rglob("*") if p.suffix == ".pyi" or p.name == "py.typed"):
        patterns = setuptools["package-data"][".".join(package_of(path))]
        assert any(path.match(p) for p in patterns), f"{path} would be missing in a wheel"
    patterns = setuptools["package-data"]["tgen.templates"]
    for path in (p for p in (ROOT / "templates").rglob("*") if p.is_file()):
        assert any(path.relative_to(ROOT / "templates").match(p) for p in patterns), (
            f"{path} would be missing in a wheel"
        )
