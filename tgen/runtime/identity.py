"""The program key: what a graph says, and nothing of how it was written. Names, lines, file paths and values
of shared variables stay out; ops, types, attributes, small constants, updates, the mode, tgen's own files and
what its backend is go in.
"""

from __future__ import annotations

import functools
import hashlib
import pathlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from tgen.config import config
from tgen.core.keys import digest
from tgen.core.op import HOST
from tgen.graph.nodes import Constant, Variable
from tgen.graph.walk import surveyed
from tgen.ops.host import site_key

if TYPE_CHECKING:
    from tgen.core.op import Op
    from tgen.graph.nodes import Apply, Lambda

    from .program import Program

Numbers: TypeAlias = dict[Variable, int]  # the variables met so far
Bodies: TypeAlias = Mapping[object, tuple[int, "Op"]]  # Signature.python

# what decides the text of a program
SOURCES = ("core", "graph", "ir", "ops", "passes", "codegen", "lower")


@functools.cache
def fingerprint() -> str:
    """SHA-256 over the files that turn a graph into C."""
    root = pathlib.Path(__file__).resolve().parents[1]
    files: list[pathlib.Path] = []
    for name in SOURCES:
        path = root / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    templates = root.parent / "templates"
    templates = templates if templates.is_dir() else root / "templates"
    files += sorted(templates.rglob("*.j2"))
    total = hashlib.sha256()
    for path in files:
        data = path.read_bytes()
        total.update(f"{path.name} {len(data)}\n".encode())
        total.update(data)
    return total.hexdigest()


def program_key(program: Program, general: bool = False) -> str:
    """64 hex digits for a Program's text; ``general``: for that for arrays of any layout."""
    signature = program.signature
    number: Numbers = {}
    parts: list[str] = []
    for p in signature.parameters:
        _leaf(p.variable, p.kind, number, parts)
    _graph(signature.literals, signature.order, number, parts, signature.python)
    parts.append(
        f"outputs {[number[v] for v in signature.outputs]} updates "
        f"{[(number[s], number[v]) for s, v in signature.updates]}"
    )
    return digest(
        "program",
        fingerprint(),
        *program.backend.identity(),
        "general" if general else "dense",
        program.mode,
        config.floatX,
        "\n".join(parts),
    )


def _graph(
    literals: Iterable[Constant], order: Iterable[Apply], number: Numbers, parts: list[str], python: Bodies
) -> None:
    """What a graph says: the constants in its text, and its nodes in their order. As deep as loops are
    nested.
    """
    for v in literals:
        _leaf(v, f"literal {v.data.tobytes().hex()}", number, parts)
    for node in order:
        called = python[site_key(node)][0] if node.primitive.kind == HOST else ""
        parts.append(
            f"{node.primitive.name} {called} {sorted(node.attrs.items())!r} "
            f"{[number[v] for v in node.inputs]} {[_type(v) for v in node.outputs]}"
        )
        for body in node.bodies:
            _body(body, parts, python)
        for result in node.outputs:
            number.setdefault(result, len(number))


def _body(body: Lambda, parts: list[str], python: Bodies) -> None:
    number: Numbers = {}
    for v in body.params:
        _leaf(v, "parameter", number, parts)
    survey = surveyed(body)
    literals = [v for v in survey.leaves if isinstance(v, Constant)]
    _graph(literals, survey.order, number, parts, python)
    parts.append(f"yield {[number[v] for v in body.outputs]}")


def _leaf(v: Variable, kind: str, number: Numbers, parts: list[str]) -> None:
    if v in number:
        return
    number[v] = len(number)
    parts.append(f"{kind} {_type(v)}")


def _type(v: Variable) -> str:
    return f"{v.type.dtype}{v.data.shape if isinstance(v, Constant) else v.type.shape}"
