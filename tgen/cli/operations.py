"""``tgen ops``: the table of primitives."""
import inspect

from tgen.core.op import OPS
from tgen.runtime.inspection import table


def line(op):
    """(name, kind, gradient, notes, one line of documentation) of an Op."""
    notes = [word for word, on in [("commutative", op.commutative), ("can fail", op.fails), (str(op.effect), op.effect)] if on]
    doc = op.doc or (inspect.getdoc(op.eval) or "").partition("\n")[0]
    return op.name, op.kind, "gradient" if op.grad else "-", ", ".join(notes) or "-", doc


def run(options, out, paint):
    """Every op, or those whose row contains ``options.word``."""
    rows = [line(op) for _, op in sorted(OPS.items(), key=lambda row: (row[1].kind, row[0]))]
    rows = [row for row in rows if not options.word or any(options.word in cell for cell in row)]
    if not rows:
        return 1
    out.write(table(rows) + "\n")
    return 0
