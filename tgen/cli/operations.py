"""``tgen ops``: one table of primitives and functions, from OPS and from the ``__all__`` of tgen.tensor and
the modules below it.
"""

import inspect
from types import ModuleType

from tgen import loop, tensor
from tgen.core.op import OPS, SCALAR, Op
from tgen.core.types import TensorType
from tgen.show.table import table
from tgen.tensor import constructors
from tgen.tensor.elemwise import Elemwise

from . import probing

HEADER = ("name", "kind", "gradient", "what it is", "signature")
CONSTRUCTORS = (constructors.tensor, *constructors.SINGLE.values())
LEGEND = "\n".join(f"gradient {word}: {meaning}" for word, meaning in probing.MEANING.items())


def functions():
    """name -> function: what is public in tgen.tensor and the modules below it, and the loops; no types and
    constructors.

    >>> found = functions()
    >>> found["T.nnet.softmax"].__name__, "T.dmatrix" in found, "tgen.scan" in found
    ('softmax', False, True)
    """
    found = {
        f"tgen.{name}": getattr(loop, name)
        for name in loop.__all__
        if inspect.isfunction(getattr(loop, name))
    }
    stack = [("T", tensor)]
    while stack:
        path, module = stack.pop()
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, ModuleType):
                stack.append((f"{path}.{name}", thing))
            elif (
                callable(thing)
                and not isinstance(thing, (type, TensorType, constructors.Several))
                and thing not in CONSTRUCTORS
            ):
                found[f"{path}.{name}"] = thing
    return found


def untyped(function):
    """The signature without its types: a line of a table has no room for them."""
    found = inspect.signature(function)
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return found.replace(parameters=bare, return_annotation=found.empty)


def signature(thing):
    """The operands of an Op (sizes and attributes behind a bar), the parameters of a function."""
    if not isinstance(thing, Op):
        return signature(OPS[thing.name]) if isinstance(thing, Elemwise) else str(untyped(thing))
    if thing.kind == SCALAR:
        return f"({', '.join('xyz'[: thing.arity])})"
    operands = list(inspect.signature(thing.eval).parameters.values())[2:] if thing.eval else ["..."]
    return f"({', '.join(map(str, operands))}{' | sizes' if thing.sizes else ''})"


def gradient(thing):
    """(status of the gradient, primitives composed) of an Op or a function."""
    if not isinstance(thing, Op):
        return probing.probe(thing) or (probing.NONE, [])
    twin = getattr(tensor, thing.name, None) or getattr(tensor.nnet, thing.name, None)
    found = probing.probe(twin) if callable(twin) else None
    return found or (probing.YES if thing.grad else probing.NONE, [])


def line(name, thing, composes=False):
    """One row of the table."""
    status, primitives = gradient(thing)
    if isinstance(thing, Op):
        notes = [
            word
            for word, on in [
                ("commutative", thing.commutative),
                (thing.effect.words, thing.effect.words),
            ]
            if on
        ]
        doc = thing.doc + (f" ({', '.join(notes)})" if notes else "")
        return name, thing.kind, status, doc, signature(thing)
    doc = ", ".join(primitives) or "-" if composes else (inspect.getdoc(thing) or "").partition("\n")[0]
    return name, "function", status, doc, signature(thing)


def run(options, out, paint):
    """Every op and function, with a header and what the words mean; or the rows alone that contain
    ``options.word``.
    """
    things = [(name, op) for name, op in sorted(OPS.items(), key=lambda row: (row[1].kind, row[0]))] + sorted(
        functions().items()
    )
    rows = [line(name, thing, options.composes) for name, thing in things]
    rows = [row for row in rows if not options.word or any(options.word in cell for cell in row)]
    if not rows:
        return 1
    out.write(f"{table(rows)}\n" if options.word else f"{table([HEADER, *rows])}\n{LEGEND}\n")
    return 0
