"""The stubs of names that are made of tables: what type checkers and editors know of them.

    python tools/stubs.py            # write them
    python tools/stubs.py --check    # say which ones are old; status 1 then

``x.sum`` and ``T.exp`` are found in tables when a program runs (METHODS, the scalar primitives), so there is
no definition for those who only read files. The module of each table has a stub beside it: the signatures
that the functions have, with the first sentence of what they say of themselves.
"""

import argparse
import ast
import builtins
import inspect
import pathlib
import re
import sys
import textwrap

import tgen
from tgen.core.op import METHODS
from tgen.core.types import TensorType
from tgen.graph.nodes import Variable
from tgen.tensor import constructors, elemwise, tables

ROOT = pathlib.Path(tgen.__file__).resolve().parents[1]
WIDTH = 110
VARIABLE, OPERAND, ANY_DTYPE = (
    ("tgen.graph.nodes", "Variable"),
    ("tgen.graph.nodes", "Operand"),
    ("tgen.core.types", "AnyDtype"),
)


class Stub:
    """The text of a stub: definitions, and imports of the names in their annotations."""

    def __init__(self, doc):
        self.doc, self.lines, self.imports = doc, [], set()

    def define(self, name, parameters, result, doc, indent=""):
        """A function; ``parameters`` are texts."""
        head = f"{indent}def {name}({', '.join(parameters)}) -> {result}:"
        if len(head) > WIDTH:
            inner = "".join(f"{indent}    {p},\n" for p in parameters)
            head = f"{indent}def {name}(\n{inner}{indent}) -> {result}:"
        self.lines += [head, documented(doc, indent + "    ")]

    def annotation(self, annotation, function):
        """The text of an annotation of ``function``, whose names are then imported."""
        if annotation is inspect.Parameter.empty:
            raise TypeError(
                f"{function.__module__}.{function.__qualname__} lacks a type; its stub needs them all"
            )
        text = annotation if isinstance(annotation, str) else annotation.__name__
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
                self.imports.add(origin(function.__module__, node.id))
        return text

    def parameters(self, function, skip=0):
        """Those of ``function`` as texts, without the first ``skip``."""
        texts, kinds = [], inspect.Parameter
        for p in list(inspect.signature(function).parameters.values())[skip:]:
            if p.kind is kinds.KEYWORD_ONLY and not any(t.startswith("*") for t in texts):
                texts.append("*")
            stars = {kinds.VAR_POSITIONAL: "*", kinds.VAR_KEYWORD: "**"}.get(p.kind, "")
            default = "" if p.default is p.empty else f" = {literal(p.default)}"
            texts.append(f"{stars}{p.name}: {self.annotation(p.annotation, function)}{default}")
        return texts

    def text(self):
        names = {}
        for module, name in self.imports:
            names.setdefault(module, set()).add(name)
        lines = [
            f"import {module} as {alias}" if "" in its else f"from {module} import {', '.join(sorted(its))}"
            for module, its in sorted(names.items())
            for alias in ["np"]
        ]
        return "\n".join([f'"""{self.doc}"""', "", *lines, "", *self.lines, ""])


def literal(value):
    """A default as a stub has it: literals themselves, ... for all else."""
    return repr(value) if value is None or isinstance(value, (bool, int, float, str, tuple)) else "..."


def documented(doc, indent):
    """The first sentence of a docstring as a docstring."""
    first = " ".join((doc or "").split("\n\n")[0].split())
    first = re.split(r"(?<=[a-z0-9)\]`])\. ", first)[0].replace("\\", "\\\\").rstrip(".:")
    lines = textwrap.wrap(f'"""{first}."""', WIDTH - len(indent), break_long_words=False)
    return "\n".join(indent + line for line in lines)


def origin(module, name):
    """(module, name) that a name in a file of tgen comes from."""
    path = pathlib.Path(sys.modules[module].__file__)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            return ".".join(part for part in (above, node.module) if part), name
        if isinstance(node, ast.Import) and any(a.asname == name for a in node.names):
            return next(a.name for a in node.names if a.asname == name), ""
    return module, name


def operand_names(op):
    return "xyz"[: op.arity]


def methods():
    """tgen/graph/methods.pyi: the class Methods, with what METHODS has."""
    stub = Stub("The methods of variables: written by tools/stubs.py.")
    stub.imports |= {VARIABLE, OPERAND}
    stub.lines += ["class Methods:", "    __slots__ = ()"]
    for name, function in sorted(METHODS.items()):
        if name.startswith("_") or any(name in vars(cls) for cls in Variable.__mro__):
            continue
        if isinstance(function, elemwise.Elemwise) and not isinstance(function, elemwise.Switch):
            rest = [f"{x}: Operand" for x in operand_names(function.op)[1:]]
            stub.define(name, ["self", *rest, "/"], "Variable", function.__doc__, "    ")
            continue
        call = type(function).__call__ if isinstance(function, elemwise.Switch) else function
        signature = inspect.signature(call)
        first, *_ = signature.parameters.values()
        skip = 0 if first.kind is first.VAR_POSITIONAL else 2 if call is not function else 1
        parameters = ["self", *stub.parameters(call, skip)]
        result = stub.annotation(signature.return_annotation, call)
        if getattr(function, "is_property", False):
            parameters = ["self"]
            stub.lines.append("    @property")
        stub.define(name, parameters, result, function.__doc__, "    ")
    return stub.text()


def names():
    """tgen/tensor/tables.pyi: scalar functions, constructors."""
    stub = Stub("Names of T that are made of tables: written by tools/stubs.py.")
    stub.imports |= {VARIABLE, OPERAND, ANY_DTYPE, ("tgen.core.types", "TensorType")}
    stub.imports.add(("tgen.tensor.constructors", "Several"))
    stub.lines += ["__all__ = [", *(f'    "{name}",' for name in tables.__all__), "]", ""]
    for name in tables.__all__:
        thing = getattr(tables, name)
        if isinstance(thing, elemwise.Elemwise):
            operands = [f"{x}: Operand" for x in operand_names(thing.op)]
            more = ["*more: Operand"] if name in elemwise.VARIADIC else []
            stub.define(name, [*operands, "/", *more], "Variable", thing.__doc__)
        elif isinstance(thing, TensorType):
            stub.lines.append(f"{name}: TensorType  # {thing}")
        elif isinstance(thing, constructors.Several):
            stub.lines.append(f"{name}: Several")
        else:
            parameters = ["name: str | None = None", "dtype: AnyDtype | None = None"]
            stub.define(name, parameters, "Variable", thing.__doc__)
    return stub.text()


STUBS = {"tgen/graph/methods.pyi": methods, "tgen/tensor/tables.pyi": names}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 where one is old")
    options = parser.parse_args()
    old = [
        place
        for place, make in STUBS.items()
        if not (ROOT / place).exists() or (ROOT / place).read_text(encoding="utf-8") != make()
    ]
    for place in old:
        print(place)
        if not options.check:
            (ROOT / place).write_text(STUBS[place](), encoding="utf-8")
    return int(options.check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
