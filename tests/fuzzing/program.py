"""A random program as data: leaves with their arrays, statements in Python, outputs and updates; as
variables, and as a script to keep.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from loops import looped
from twins import TWINS
from twins_nnet import NNET_TWINS

import tgen
import tgen.tensor as T
from tgen.core.types import TensorType
from tgen.random.mrg import MRG_RandomStreams
from tgen.random.randomstate import RandomStreams

noted = tgen.printing.Print("", global_fn=lambda op, value: None)  # Python in the middle of a program
ALTERED = ("grad_clip", "grad_scale", "zero_grad", "disconnected_grad", "consider_constant")
LAYOUTS = ("C", "F", "backwards", "spaced", "unaligned", "swapped", "read-only", "repeated")
IMPORTS = (  # a word of a statement, and the line that a script with it needs
    ("rows[", "from fuzzing.program import ROWS as rows"),
    ("noted(", "from fuzzing.program import noted"),
    ("looped(", "from loops import looped"),
    ("RandomStreams(", "from tgen.random.mrg import MRG_RandomStreams"),
    ("RandomStreams(", "from tgen.random.randomstate import RandomStreams"),
)
ROWS = {name: row[0] for name, row in {**TWINS, **NNET_TWINS}.items()}


@dataclass(frozen=True)
class Leaf:
    """An input, or (``shared``) a shared variable; ``shape`` is its type's: an int or None per axis."""

    name: str
    array: np.ndarray
    shape: tuple
    layout: str = "C"
    shared: bool = False
    constant: bool = False

    def variable(self):
        if self.constant:
            return T.constant(self.array, self.name)
        if self.shared:
            return tgen.shared(self.array, self.name)
        return TensorType(self.array.dtype.name, self.shape)(self.name)

    def argument(self):
        """The array as a caller may have it in memory."""
        return laid_out(self.array, self.layout)


@dataclass(frozen=True)
class Statement:
    """``text`` defines the names ``made`` from the names ``used``."""

    text: str
    made: tuple
    used: tuple


@dataclass(frozen=True)
class Program:
    """What a seed stands for.

    gradient    (cost, names differentiated in, names of the gradients), or ()
    choice      leaf -> its array with plain numbers in what is not taken
    definition  output -> what it must be, known without tgen
    fails       the class of error that a call must end with, by name; None: it must not fail
    """

    seed: int
    leaves: tuple
    statements: tuple
    outputs: tuple
    updates: tuple = ()
    gradient: tuple = ()
    choice: dict = field(default_factory=dict)
    definition: dict = field(default_factory=dict)
    fails: str = None

    def with_(self, **changes):
        return replace(self, **changes)

    def inputs(self):
        return [leaf for leaf in self.leaves if not leaf.shared and not leaf.constant]

    def shared(self):
        return [leaf for leaf in self.leaves if leaf.shared]

    def true_gradient(self):
        """Whether the gradient is that of the cost, as differences find it."""
        return bool(self.gradient) and not any(name in s.text for s in self.statements for name in ALTERED)

    def names(self):
        """The program as variables: name -> Variable."""
        space = namespace()
        for leaf in self.leaves:
            space[leaf.name] = leaf.variable()
        for statement in self.statements:
            exec(compiled(statement.text), space)
        return space


def differentiated(cost, wrt, names):
    """The statement that makes ``names`` the gradients of ``cost`` in ``wrt``."""
    call = f"T.grad({cost}, [{', '.join(wrt)}], disconnected_inputs='ignore')"
    text = f"{', '.join(names)}{',' * (len(names) == 1)} = {call}"
    return Statement(text, tuple(names), (cost, *wrt))


def namespace():
    """What the statements of a program may name."""
    return {
        "np": np,
        "tgen": tgen,
        "T": T,
        "rows": ROWS,
        "RandomStreams": RandomStreams,
        "MRG_RandomStreams": MRG_RandomStreams,
        "looped": looped,
        "noted": noted,
    }


def compiled(text):
    return compile(text, "<program>", "exec")


def laid_out(array, layout):
    """An array of the same elements that lies in memory as ``layout`` says."""
    if not array.ndim and layout != "swapped":
        return np.array(array)
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "backwards":
        turn = (slice(None, None, -1),) * array.ndim
        return np.ascontiguousarray(array[turn])[turn]
    if layout == "spaced":
        wide = np.zeros(tuple(2 * n + 1 for n in array.shape), array.dtype)
        inside = (slice(1, None, 2),) * array.ndim
        wide[inside] = array
        return wide[inside]
    if layout == "unaligned":
        memory = np.empty(array.nbytes + 1, "uint8")
        out = memory[1:].view(array.dtype) if array.nbytes else array.reshape(-1)
        out = out.reshape(array.shape)
        out[...] = array
        return out
    if layout == "swapped":
        return array.astype(array.dtype.newbyteorder())
    if layout == "read-only":
        out = array.copy()
        out.flags.writeable = False
        return out
    if layout == "repeated" and array.size and (array == array[:1]).all():
        return np.broadcast_to(array[0], array.shape)
    return np.array(array, order="C")


def literal(array):
    """Source of an array."""
    values = repr(array.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    text = f"np.array({values}, {array.dtype.name!r})"
    return text if array.size else f"np.zeros({array.shape}, {array.dtype.name!r})"


def script(program, words=""):
    """The program as a script that runs from tests/: what a fault is reported with."""
    lines = [
        f'"""Seed {program.seed}. {words}"""',
        "import numpy as np",
        "",
        "import tgen",
        "import tgen.tensor as T",
    ]
    texts = "\n".join(s.text for s in program.statements)
    lines += [line for word, line in IMPORTS if word in texts]
    lines += (
        ["from fuzzing.program import laid_out"]
        if any(leaf.layout != "C" for leaf in program.inputs())
        else []
    )
    lines.append("")
    for leaf in program.leaves:
        value = literal(leaf.array)
        if leaf.shared:
            lines.append(f"{leaf.name} = tgen.shared({value}, {leaf.name!r})")
        elif leaf.constant:
            lines.append(f"{leaf.name} = T.constant({value})")
        else:
            lines.append(
                f"{leaf.name} = T.TensorType({leaf.array.dtype.name!r}, {leaf.shape})({leaf.name!r})"
            )
    lines += [s.text for s in program.statements]
    updates = ", ".join(f"({a}, {b})" for a, b in program.updates)
    inputs = ", ".join(leaf.name for leaf in program.inputs())
    lines.append(
        f"f = tgen.function([{inputs}], [{', '.join(program.outputs)}], "
        f"updates=[{updates}], on_unused_input='ignore')"
    )
    arguments = []
    for leaf in program.inputs():
        value = literal(leaf.array)
        arguments.append(value if leaf.layout == "C" else f"laid_out({value}, {leaf.layout!r})")
    lines.append(f"print(f({', '.join(arguments)}))")
    return "\n".join(lines) + "\n"
