"""``pydotprint``: a graph as a picture, through Graphviz's language; and ``min_informative_str``: a graph as
an outline.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from tgen.graph.nodes import Constant
from tgen.graph.walk import leaves, toposort

from .printing import outputs_of

if TYPE_CHECKING:
    from tgen.graph.nodes import Apply, Variable

__all__ = ["pydotprint", "min_informative_str"]

FORMATS = ("dot", "png", "svg", "pdf", "ps", "jpg")
_FILLS = {"input": "#aaffaa", "constant": "#dddddd", "output": "#aaaaff", "op": "#ffffff"}


def dot_text(
    obj: Any, with_ids: bool = False, max_label_size: int = 70, var_with_name_simple: bool = False
) -> str:
    """The text of a graph in Graphviz's language: an ellipse per op, a box per input and output, a type at
    each edge.
    """
    outputs = outputs_of(obj)
    nodes, found = toposort(outputs), leaves(outputs)
    name: dict[Apply | Variable, str] = {node: f"op{k}" for k, node in enumerate(nodes)}
    name.update((v, f"in{k}") for k, v in enumerate(found))
    lines = ["digraph {"]

    def label(text: str, number: int) -> str:
        text = f"{text} id={number}" if with_ids else text
        return text if len(text) <= max_label_size else text[: max_label_size - 3] + "..."

    def box(key: str, text: str, shape: str, kind: str) -> None:
        lines.append(
            f'  {key} [label={_quoted(text)}, shape={shape}, style=filled, fillcolor="{_FILLS[kind]}"];'
        )

    for k, v in enumerate(found):
        text = str(v) if v.name and var_with_name_simple else f"{v} {v.type}"
        box(name[v], label(text, k), "box", "constant" if isinstance(v, Constant) else "input")
    for k, node in enumerate(nodes):
        box(name[node], label(str(node.op), k), "ellipse", "op")
    for node in nodes:
        for k, v in enumerate(node.inputs):
            number = f"{k} " if len(node.inputs) > 1 else ""
            lines.append(
                f"  {name[v.owner or v]} -> {name[node]} [label={_quoted(label(f'{number}{v.type}', k))}];"
            )
    for k, v in enumerate(outputs):
        box(f"out{k}", label(f"{v} {v.type}", k), "box", "output")
        lines.append(f"  {name[v.owner or v]} -> out{k};")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def pydotprint(
    fct: Any,
    outfile: str | None = None,
    compact: bool = True,
    format: str = "png",
    with_ids: bool = False,
    high_contrast: bool = True,
    cond_highlight: Any = None,
    colorCodes: Any = None,
    max_label_size: int = 70,
    scan_graphs: bool = False,
    var_with_name_simple: bool = False,
    print_output_file: bool = True,
    return_image: bool = False,
) -> bytes | None:
    """Draw the graph of ``fct`` (a function, a variable or a list of these) into ``outfile`` (None:
    theano.pydotprint.FORMAT here).

    ``format`` is what the file's name ends with, if that is one of 'dot', 'png', 'svg', 'pdf', 'ps', 'jpg'.
    'dot' is written as it is; for the others Graphviz's program dot is run, and a RuntimeError says so where
    there is none. With ``return_image`` nothing is written, and the bytes of the file are returned. The graph
    is that before compilation, as ``debugprint`` shows it; compact, high_contrast, cond_highlight, colorCodes
    and scan_graphs are accepted.

    >>> import tgen.tensor as T
    >>> text = pydotprint(T.exp(T.dscalar("x")), format="dot", return_image=True)
    >>> text.startswith(b"digraph"), b'label="exp"' in text
    (True, True)
    """
    ending = outfile.rpartition(".")[2] if outfile else ""
    format = ending if ending in FORMATS else format
    if format not in FORMATS:
        raise ValueError(
            f"format {format!r} of pydotprint; it must be one of {', '.join(map(repr, FORMATS))}"
        )
    data = dot_text(fct, with_ids, max_label_size, var_with_name_simple).encode()
    if format != "dot":
        data = _drawn(data, format)
    if return_image:
        return data
    outfile = outfile or f"theano.pydotprint.{format}"
    if ending != format and not outfile.endswith(f".{format}"):
        outfile += f".{format}"
    with open(outfile, "wb") as file:
        file.write(data)
    if print_output_file:
        print("The output file is available at", outfile)
    return None


def _drawn(text: bytes, format: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(
            f"pydotprint needs Graphviz's program dot to draw a {format}, and there is none. "
            "Install graphviz, take format='dot' (text), "
            "or see the graph as text: tgen.printing.debugprint"
        )
    done = subprocess.run([program, f"-T{format}"], input=text, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"dot -T{format} failed: {done.stderr.decode(errors='replace')[:500]}")
    return done.stdout


def min_informative_str(obj: Any, indent_level: int = 0) -> str:
    """A graph as an outline: each variable by a letter, then those it was made of; named ones by their names,
    one seen before in <>.

    >>> import tgen.tensor as T
    >>> x = T.dscalar("x")
    >>> y = T.exp(x)
    >>> print(min_informative_str(y * y + x))
    A. add
     B. mul
      C. exp
       D. x
      <C>
     <D>
    """
    letters: dict[Variable, str] = {}
    lines: list[str] = []
    stack = [(v, indent_level) for v in reversed(outputs_of(obj))]
    while stack:
        v, level = stack.pop()
        if v in letters:
            lines.append(f"{' ' * level}<{letters[v]}>")
            continue
        letters[v] = _letters(len(letters))
        node = v.owner if v.name is None else None
        lines.append(f"{' ' * level}{letters[v]}. {v if node is None else node.op}")
        if node is not None:
            stack.extend((x, level + 1) for x in reversed(node.inputs))
    return "\n".join(lines)


def _letters(number: int) -> str:
    """A, B, ..., Z, A1, B1, ..."""
    rest, letter = divmod(number, 26)
    return chr(ord("A") + letter) + (str(rest) if rest else "")
