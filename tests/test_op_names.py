"""What is known of an op stands in its record: no room between the graph and the call names ops, but for the
primitives that it is about. The rooms above build formulas of ops, and name them as a user does.
"""

import ast
import pathlib

import pytest

from tgen.ops import OPS

ROOT = pathlib.Path(__file__).resolve().parents[1] / "tgen"
ROOMS = ("core", "graph", "ir", "lower", "passes", "codegen", "backends", "runtime")
# names that may stand in every room: what they are in the pipeline
PRIMITIVES = {
    "what the IR itself is made of": "constant size index kernel scan cond ifelse host sizeof shape_i",
    "checks, which are made and not found": "check_eq check_index check_nonempty check_length assert within",
    "views: every pass makes some": "dimshuffle broadcast_to reshape slice rows",
    "reads and writes at places: in kernels, too": "gather set_gather inc_gather set_slice inc_slice",
    "products: hoisted, batched, given to BLAS": "dot gemm gemv",
    "what sums, sizes and copies are written with": "sum mul add cast copy iota",
}
ANYWHERE = {name for names in PRIMITIVES.values() for name in names.split()}
# file -> (names, why they stand there)
ELSEWHERE = {
    "core/dims.py": ("mod min max", "operations on sizes, which are no ops"),
    "core/rules.py": (
        "any log max",
        "any dtype; logs are taken without exponentials; the letters of a pattern",
    ),
    "graph/adjoint.py": ("any invert and_ or_ switch", "a mask is made with them"),
    "graph/grad.py": (
        "disconnected_grad zero_grad grad_clip grad_scale switch eq",
        "the functions of these names; a mask is made with the others",
    ),
    "graph/identities.py": ("log", "a log is taken without exponentials"),
    "graph/operators.py": (
        "le lt ge gt neg invert round sub true_div int_div mod pow and_ or_ xor left_shift right_shift",
        "Python's operators are methods of a variable",
    ),
    "graph/sizes.py": (
        "sub int_div mod minimum maximum make_vector concatenate",
        "sizes are reckoned with, while a formula is built, by these",
    ),
    "ir/regions.py": ("max min argmax argmin", "the meaning of a kernel's reductions"),
    "lower/guards.py": (
        "rebroadcast ge all or_ eq",
        "a declared 1 is checked; checks are made with the others",
    ),
    "passes/fuse.py": ("all argmax argmin", "all of a row; a position counts along the reduced axes"),
    "passes/keep.py": ("concatenate", "the last rows of a history with those before it"),
    "passes/match.py": ("log", "a log is taken without exponentials"),
    "passes/plan.py": ("nonzero", "it finds a size and fills memory of the largest one"),
    "passes/rules.py": (
        "floor ceil round trunc eq neq lt le gt ge prod max min",
        "rules over families of ops, written once for each",
    ),
    "codegen/conv.py": ("max", "a mode of a pool"),
    "codegen/nest_interp.py": (
        "cumsum cumprod sort argsort searchsorted",
        "what C functions do that are named after them",
    ),
    "codegen/reductions.py": ("max min", "operators of OpenMP's clauses"),
    "codegen/sizes.py": ("mod min max", "operations on sizes, which are no ops"),
    "runtime/explain.py": ("rebroadcast", "the error of a declared 1 has words of its own"),
    "runtime/function.py": ("all", "all stages"),
    "runtime/replace.py": ("unbroadcast", "what stands for a variable has its type"),
}


def quoted(path):
    """{name of an op: lines where it stands as a string, docstrings aside}."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    found = {}
    for n in ast.walk(tree):
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value in OPS and id(n) not in words:
            found.setdefault(n.value, []).append(n.lineno)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_table_of_op_names_outside_ops(room):
    wrong = []
    for path in sorted((ROOT / room).rglob("*.py")):
        file = str(path.relative_to(ROOT))
        known = set(ELSEWHERE.get(file, ("", ""))[0].split())
        found = quoted(path)
        wrong += [
            f"tgen/{file}:{found[name][0]}: {name!r} is a field of its Op, or stands here with a reason"
            for name in sorted(set(found) - ANYWHERE - known)
        ]
        wrong += [f"tgen/{file}: {name!r} no longer stands there" for name in sorted(known - set(found))]
    assert not wrong, "\n".join(wrong)


def test_the_lists_hold_nothing_else():
    assert ANYWHERE <= set(OPS)
    assert all((ROOT / file).exists() for file in ELSEWHERE)
    assert not [file for file, (names, _) in ELSEWHERE.items() if ANYWHERE & set(names.split())]
