"""Every public function against its NumPy twin: dtypes, sizes known and unknown, nothing, special values,
layouts through C, gradients to second order.
"""

import pathlib
import warnings

import numpy as np
import pytest
from compiled import close
from graph_eval import evaluate
from recorded import calls_of, public
from twins import TWINS
from twins_nnet import NNET_TWINS

import tgen
import tgen.tensor as T
from tgen.core.dtypes import is_float
from tgen.core.types import TensorType
from tgen.graph.grad import grad

pytestmark = pytest.mark.slow

ROWS = {
    name: (make, twin, [np.asarray(x) for x in operands])
    for name, (make, twin, operands) in {**TWINS, **NNET_TWINS}.items()
}
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1.5, -2.5, 1e300, 0.5])
KINDS = {"b": "b", "i": "iu", "u": "iu", "f": "f"}


def special(x):
    """x with every second element or so a special value."""
    rng = np.random.RandomState(x.size)
    return np.where(rng.rand(*x.shape) < 0.5, rng.choice(SPECIAL, x.shape), x) if x.dtype.kind == "f" else x


def integers(x):
    return np.round(x * 2).astype("int32") if x.dtype.kind == "f" and np.isfinite(x).all() else x


VARIANTS = {  # name -> what becomes of each operand
    "given": lambda x: x,
    "static sizes": lambda x: x,
    "float32": lambda x: x.astype("float32") if x.dtype.kind == "f" else x,
    "special values": special,
    "integers": integers,
    "no rows": lambda x: x[:0] if x.ndim else x,
    "no columns": lambda x: x[..., :0] if x.ndim else x,
}
CONVOLUTIONS = [name for name in NNET_TWINS if "conv" in name]
NOTHING = {
    "array on the left": "its array has 3 rows and 4 columns",
    "specify_shape": "it gives the sizes",
    "searchsorted": "its sorter has 5 places",
    **dict.fromkeys(
        ("topk", "argtopk", "topk by a variable", "topk nan"),
        "more of nothing than there are is an IndexError",
    ),
    "bincount": "NumPy gives int64 whatever the weights are",
    "images2neibs": "its twin loses the columns",
}
# variant -> {row: why its twin says nothing there}. Of nothing, twins that raise say nothing either.
NOT = {
    "special values": {"topk": "its twin sorts -x, in which nan is not the largest"},
    "integers": {
        **dict.fromkeys(CONVOLUTIONS, "convolutions are of floats, its twin is not"),
        "where rows": "floatX zeros meet ints",
        "ones": "floatX",
        "array on the left": "np.float64(2)",
        "round away": "its twin's floor is a float",
        "round half": "its twin's floor is a float",
        "norm inf": "norms of ints of order 0 and inf are ints here",
        "logsumexp": "its twin is for numbers near 1000",
        "a list with variables": "1. is floatX, not the dtype of x",
        "set_subtensor": "its twin multiplies an eye of floats",
        "bincount": "sums of int weights are ints here, as in Theano",
    },
    "no rows": {
        **NOTHING,
        **dict.fromkeys(
            ("separable_conv2d", "separable_conv3d"),
            "the second filters want channels that the first have not",
        ),
    },
    "no columns": {
        **NOTHING,
        **dict.fromkeys(
            ("where rows", "reshape of nothing", "split", "causal_conv1d"), "it gives the number of columns"
        ),
        **dict.fromkeys(("addbroadcast", "patternbroadcast"), "it wants one column"),
        "pools": "its twin makes a window of nothing",
        "neibs2images": "its windows are wider than nothing, which is refused",
    },
    "float32": {"where rows": "floatX zeros", "ones": "floatX", "array on the left": "np.float64(2)"},
    "given": {},
    "static sizes": {},
}


def changed(name, variant):
    """The operands of a row in a variant."""
    return [np.asarray(VARIANTS[variant](x)) for x in ROWS[name][2]]


def expected(name, operands):
    """What the twin gives, a list of arrays; None where it raises (of nothing)."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = ROWS[name][1](*operands)
        except (ValueError, IndexError, ZeroDivisionError):
            return None
    return [np.asarray(w) for w in (wanted if isinstance(wanted, list) else [wanted])]


def all_rows():
    """The graph of every row."""
    for row in ROWS:
        built(row, ROWS[row][2])


def built(name, operands, static=False):
    """(variables, results) of a row."""
    variables = [TensorType(x.dtype.name, x.shape if static else (None,) * x.ndim)() for x in operands]
    results = ROWS[name][0](*variables)
    return variables, results if isinstance(results, list) else [results]


def applies(name, variant):
    operands = ROWS[name][2]
    if name in NOT[variant]:
        return False
    if variant.startswith("no "):
        return any(x.ndim for x in operands) and expected(name, changed(name, variant)) is not None
    return variant not in ("float32", "special values", "integers") or any(
        x.dtype.kind == "f" for x in operands
    )


CASES = {(name, variant): None for variant in VARIANTS for name in ROWS if applies(name, variant)}


@pytest.mark.parametrize("name, variant", CASES)
def test_equals_its_numpy_twin(name, variant):
    operands = changed(name, variant)
    variables, results = built(name, operands, variant == "static sizes")
    wanted = expected(name, operands)
    assert len(results) == len(wanted)
    for got, value in zip(evaluate(results, dict(zip(variables, operands))), wanted):
        narrow = "float32" in (got.dtype.name, value.dtype.name)
        assert got.shape == value.shape and got.dtype.kind in KINDS[value.dtype.kind]
        assert variant != "float32" or value.dtype != "float32" or got.dtype == "float32"
        np.testing.assert_allclose(got, value, rtol=2e-5 if narrow else 1e-12, atol=1e-6 if narrow else 1e-14)


def test_the_sweep_is_wide():
    counts = {variant: sum(v == variant for _, v in CASES) for variant in VARIANTS}
    assert counts["given"] == counts["static sizes"] == len(ROWS) and min(counts.values()) > 100, counts
    assert all(set(rows) <= set(ROWS) for rows in NOT.values())


# -- compiled ------------------------------------------------------------------------------------------------


def spaced(x):
    """The elements of x with gaps between them."""
    wide = np.zeros(tuple(2 * n + 1 for n in x.shape), x.dtype)
    inside = (slice(1, None, 2),) * x.ndim
    wide[inside] = x
    return wide[inside]


def backwards(x):
    turn = (slice(None, None, -1),) * x.ndim
    return np.ascontiguousarray(x[turn])[turn]


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = (lambda x: x, np.asfortranarray, spaced, backwards, read_only)
TOGETHER = 12  # rows a function
# made of the others
COMPOSED = ["conv3d of films", "separable_conv2d", "separable_conv3d", "causal_conv1d", "signal.conv2d"]
# test_conv.py: the same, for less time
ELSEWHERE_COMPILED = [
    *(name for name in CONVOLUTIONS if name not in COMPOSED),
    "bilinear_upsampling",
    "pools",
    "pools of 3",
]


def batches():
    """(float dtype, names), dtypes in turn: rows that may be called with no rows apart from the others, as
    one failing row fails all.
    """
    compiled = [name for name in ROWS if name not in ELSEWHERE_COMPILED]
    apart = [[name for name in compiled if ((name, "no rows") in CASES) == empty] for empty in (True, False)]
    parts = [tuple(names[k : k + TOGETHER]) for names in apart for k in range(0, len(names), TOGETHER)]
    return list(zip(("given", "float32") * len(parts), parts))


@pytest.mark.parametrize(
    "variant, names",
    batches(),
    ids=lambda part: part if isinstance(part, str) else f"{part[0]} .. {part[-1]}",
)
def test_the_compiler_agrees(variant, names):
    """What C makes of the rows is what the definitions of their primitives give, for every layout, special
    values and nothing.
    """
    parts = {name: built(name, changed(name, variant)) for name in names}
    inputs = [v for variables, _ in parts.values() for v in variables]
    outputs = [v for _, results in parts.values() for v in results]
    f = tgen.function(inputs, outputs)
    operands = [x for name in names for x in changed(name, variant)]
    calls = [[layout(x) if x.ndim else x for x in operands] for layout in LAYOUTS]
    with np.errstate(over="ignore"):
        calls += [[special(x).astype(x.dtype) for x in operands]] * all(
            (n, "special values") in CASES for n in names
        )
    calls += [[x[:0] if x.ndim else x for x in operands]] * ((names[0], "no rows") in CASES)
    for given in calls:
        wanted = evaluate(outputs, dict(zip(inputs, given)))
        for v, got, value in zip(outputs, f(*given), wanted):
            assert close(got, value, 256), f"{v} of {names}: {got!r:.500} is not {value!r:.500}"


# -- gradients -----------------------------------------------------------------------------------------------

STEP = 1e-5
FLAT = {
    **dict.fromkeys(("round", "round away", "round half"), "halves are steps"),
    "sum acc_dtype": "float32 is too coarse for differences",
    "arange of floats": "its length changes",
}


def smooth(name):
    """Whether a row has floats to differentiate in and finite results."""
    operands = ROWS[name][2]
    return (
        name not in FLAT
        and any(x.dtype.kind == "f" for x in operands)
        and all(np.isfinite(w).all() for w in expected(name, operands))
    )


@pytest.mark.parametrize("name", [name for name in ROWS if smooth(name)])
def test_gradients_to_second_order(name):
    """Along a random direction: the gradient of a weighted sum of the results, then that of a weighted sum of
    this gradient.
    """
    rng = np.random.RandomState(3)
    operands = ROWS[name][2]
    variables, results = built(name, operands)
    given, wrt = dict(zip(variables, operands)), [v for v in variables if is_float(v.dtype)]
    parts = [v for v in results if is_float(v.dtype)]
    direction = {v: rng.uniform(-1, 1, given[v].shape) for v in wrt}
    for _ in range(2 * bool(parts)):
        values = evaluate(parts, given)
        cost = sum(
            (v * T.cast(rng.uniform(0.5, 1.5, value.shape), v.dtype)).sum() for v, value in zip(parts, values)
        )
        parts = grad(cost, wrt, disconnected_inputs="ignore")
        found = sum((value * d).sum() for value, d in zip(evaluate(parts, given), direction.values()))
        ends = [
            float(evaluate([cost], {**given, **{v: given[v] + s * d for v, d in direction.items()}})[0])
            for s in (STEP, -STEP)
        ]
        wanted = (ends[0] - ends[1]) / (2 * STEP)
        assert abs(found - wanted) <= 1e-5 * max(1, abs(wanted)), (found, wanted)


# -- every public function -----------------------------------------------------------------------------------

ELSEWHERE = {  # functions without a twin -> the test that covers them, and why they have none
    "T.shared": "test_shared.py: makes a variable, computes nothing",
    "T.upcast": "test_tensor.py: about dtypes",
    "T.get_vector_length": "test_tensor.py: gives an int",
    "T.is_flat": "test_tensor.py: gives a bool",
    "T.grad": "test_grad.py",
    "T.Lop": "test_jacobian.py",
    "T.Rop": "test_jacobian.py",
    "T.jacobian": "test_jacobian.py",
    "T.hessian": "test_jacobian.py",
    "T.subgraph_grad": "test_subgraph_grad.py",
    "T.zero_grad": "test_grad.py: not the gradient of what it computes",
    "T.disconnected_grad": "test_grad.py: the same",
    "T.grad_clip": "test_grad.py: the same",
    "T.grad_scale": "test_grad.py: the same",
    "T.pp": "test_tensor.py: gives text",
    "T.debugprint": "test_tensor.py: gives text",
    "T.verify_grad": "test_jacobian.py",
    "T.numeric_grad": "test_jacobian.py: works on arrays",
    "T.constant": "test_tensor.py: takes a value",
    "T.get_scalar_constant_value": "test_tensor.py: gives an array",
    "T.nnet.get_conv_output_shape": "test_conv.py: gives ints",
    "T.slinalg.cholesky": "test_slinalg.py: in every layout, and in batches",
    "T.slinalg.solve": "test_slinalg.py: the same",
    "T.slinalg.solve_lower_triangular": "test_slinalg.py: the same",
    "T.slinalg.solve_upper_triangular": "test_slinalg.py: the same",
    "x.eval": "test_function.py: calls a function",
    "x.clone": "test_tensor.py: gives a fresh variable",
    "x.get_parents": "test_tensor.py: gives applications",
}
TESTS = pathlib.Path(__file__).parent


def test_every_public_function_has_a_twin():
    functions = public()
    names = {id(function): name for name, function in functions.items()}
    called = {names[id(make)] for make, *_ in ROWS.values() if id(make) in names}
    called |= {name for name, *_ in calls_of(all_rows)}
    # an alias needs no row of its own
    covered = {id(functions[name]) for name in called | set(ELSEWHERE)}
    missing = sorted(name for name, function in functions.items() if id(function) not in covered)
    assert not missing, (
        f"no row of twins.py or twins_nnet.py calls {', '.join(missing)}; write one, or name the test in "
        "ELSEWHERE"
    )
    assert not {id(functions[name]) for name in ELSEWHERE} & {id(functions[name]) for name in called}, (
        "these have a row"
    )


@pytest.mark.parametrize("name", ELSEWHERE)
def test_exceptions_name_their_test(name):
    file = ELSEWHERE[name].partition(":")[0]
    assert name.rpartition(".")[2] in (TESTS / file).read_text(encoding="utf-8"), (
        f"{file} does not test {name}"
    )
