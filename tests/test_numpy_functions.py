"""NumPy's functions on variables: those tgen has give NumPy's value, all others a TypeError that names what
to use.
"""

import numpy as np
import pytest
from graph_eval import evaluate

import tgen
import tgen.tensor as T
from tgen.graph.nodes import Variable
from tgen.tensor.numpyfunctions import FUNCTIONS

RNG = np.random.RandomState(5)
V, W, M, N, B = RNG.randn(4), RNG.randn(4), RNG.randn(3, 4), RNG.randn(4, 3), RNG.randn(2, 3, 4)
I, Q = np.array([3, 0, 1, 3]), np.round(RNG.randn(3, 4))

# NumPy's name -> operands, and calls of a function f with them
CASES = {
    "sum": (
        [B],
        lambda f, b: [f(b), f(b, 1), f(b, (0, 2)), f(b, -1, "float32"), f(b, axis=0, keepdims=True)],
    ),
    "prod": ([M], lambda f, m: [f(m), f(m, 1), f(m, keepdims=True)]),
    "mean": ([B], lambda f, b: [f(b), f(b, 0), f(b, axis=(1, 2), keepdims=True)]),
    "std": ([M], lambda f, m: [f(m), f(m, 0, ddof=1), f(m, axis=1, keepdims=True)]),
    "var": ([M], lambda f, m: [f(m), f(m, 0, ddof=1), f(m, axis=1, keepdims=True)]),
    **dict.fromkeys(
        ("max", "amax", "min", "amin"), ([M], lambda f, m: [f(m), f(m, 0), f(m, axis=1, keepdims=True)])
    ),
    **dict.fromkeys(("argmax", "argmin"), ([M], lambda f, m: [f(m), f(m, 0), f(m, axis=1, keepdims=True)])),
    **dict.fromkeys(("any", "all"), ([Q], lambda f, m: [f(m), f(m, 0), f(m, axis=1, keepdims=True)])),
    "ptp": ([M], lambda f, m: [f(m), f(m, 0)]),
    "count_nonzero": ([Q], lambda f, m: [f(m), f(m, 0), f(m, axis=1, keepdims=True)]),
    **dict.fromkeys(("cumsum", "cumprod"), ([M], lambda f, m: [f(m), f(m, 0), f(m, axis=-1)])),
    **dict.fromkeys(
        ("sort", "argsort"), ([M], lambda f, m: [f(m), f(m, 0), f(m, axis=None), f(m, -1, "stable")])
    ),
    "searchsorted": (
        [V, W],
        lambda f, v, w: [f(np.arange(3.0), w), f(np.arange(3.0), v, "right"), f(a=np.arange(2.0), v=v)],
    ),
    "diff": ([M], lambda f, m: [f(m), f(m, 2), f(m, axis=0)]),
    "unique": ([Q], lambda f, m: [f(m), *f(m, True), *f(m, return_counts=True)]),
    "bincount": ([I], lambda f, i: [f(i), f(i, minlength=9), f(i, np.arange(4.0))]),
    "clip": (
        [M],
        lambda f, m: [f(m, -0.5, 0.5), f(m, 0, None), f(m, None, 0.25), f(m, a_min=-1, a_max=m * 0)],
    ),
    **dict.fromkeys(("round", "around"), ([M], lambda f, m: [f(m * 5), f(m, 0), f(m, decimals=0)])),
    **dict.fromkeys(("real", "imag"), ([M], lambda f, m: [f(m)])),
    "fix": ([M], lambda f, m: [f(m * 3)]),
    "isclose": ([V, W], lambda f, v, w: [f(v, w), f(v, v + 1e-7, 1e-3), f(v, w, rtol=5)]),
    "allclose": ([V, W], lambda f, v, w: [f(v, w), f(v, v, 0, 0), f(v, w, equal_nan=True)]),
    "where": ([V, W], lambda f, v, w: [f(v > 0, v, w), *f(v > 0), f(v > 0, 1.0, w)]),
    **dict.fromkeys(("isrealobj", "iscomplexobj", "ndim"), ([M], lambda f, m: [np.asarray(f(m))])),
    "dot": ([M, N], lambda f, m, n: [f(m, n), f(m, n[:, 0]), f(np.ones((2, 3)), m), f(m, 2)]),
    "inner": ([M, B], lambda f, m, b: [f(m, b), f(m[0], m[1])]),
    "vdot": ([M, N], lambda f, m, n: [f(m, n), f(m, m)]),
    "outer": ([M, V], lambda f, m, v: [f(m, v), f(v, np.ones(2))]),
    "tensordot": ([M, B], lambda f, m, b: [f(b, m), f(m, b, ([1], [2])), f(b, np.ones(4), axes=1)]),
    "einsum": (
        [M, N],
        lambda f, m, n: [f("ij,jk", m, n), f("ij->ji", m), f("ij,jk->i", m, n, optimize=True)],
    ),
    "trace": ([B], lambda f, b: [f(b), f(b, 1), f(b, axis1=1, axis2=2), f(b[0], -1)]),
    "diagonal": ([B], lambda f, b: [f(b), f(b, 1, 1, 2), f(b[0], offset=-1)]),
    "diag": ([V, M], lambda f, v, m: [f(v), f(v, 1), f(m), f(m, k=-1)]),
    **dict.fromkeys(("triu", "tril"), ([M], lambda f, m: [f(m), f(m, 1), f(m, k=-1)])),
    "shape": ([M], lambda f, m: [np.asarray(f(m)) if isinstance(f(m), tuple) else f(m)]),
    "size": ([M], lambda f, m: [np.asarray(f(m)) if isinstance(f(m), int) else f(m), f(m, 1) * np.int64(1)]),
    **dict.fromkeys(
        ("transpose", "permute_dims"), ([B], lambda f, b: [f(b), f(b, (1, 0, 2)), f(b, axes=[2, 1, 0])])
    ),
    **dict.fromkeys(("matrix_transpose", "linalg.matrix_transpose"), ([B], lambda f, b: [f(b)])),
    "swapaxes": ([B], lambda f, b: [f(b, 0, 2), f(b, axis1=1, axis2=-1)]),
    "moveaxis": ([B], lambda f, b: [f(b, 0, -1), f(b, source=2, destination=0)]),
    "squeeze": ([M[:, :1]], lambda f, m: [f(m, 1), f(m[:, [0]], axis=-1)]),
    "expand_dims": ([M], lambda f, m: [f(m, 1), f(m, axis=(0, -1))]),
    "reshape": ([M], lambda f, m: [f(m, (4, 3)), f(m, 12), f(m, (2, -1), order="C")]),
    "ravel": ([B], lambda f, b: [f(b)]),
    "broadcast_to": ([V], lambda f, v: [f(v, (2, 4)), f(v, shape=(3, 4))]),
    "copy": ([B], lambda f, b: [f(b)]),
    "atleast_1d": ([V, M], lambda f, v, m: [f(v), f(v[0]), *f(v[0], m)]),
    "atleast_2d": ([V, M], lambda f, v, m: [f(v), f(v[0]), *f(v, m)]),
    **dict.fromkeys(
        ("concatenate", "concat"),
        ([M, B], lambda f, m, b: [f([m, b[0]]), f((m, np.ones((3, 1))), 1), f([m, b], axis=None)]),
    ),
    "stack": ([V, W], lambda f, v, w: [f([v, w]), f((v, np.ones(4)), 1), f([v, w, v], axis=-1)]),
    **dict.fromkeys(
        ("hstack", "vstack", "column_stack"),
        ([V, W], lambda f, v, w: [f([v, w]), f((v, np.ones(4)))]),
    ),
    "split": ([M], lambda f, m: [*f(m, [1, 3], 1), *f(m, [2])]),
    "tile": ([M], lambda f, m: [f(m, 2), f(m, (2, 1, 2)), f(m, reps=(1, 3))]),
    "repeat": ([M], lambda f, m: [f(m, 2), f(m, [1, 0, 2], 0), f(m, 3, axis=1)]),
    "roll": ([M], lambda f, m: [f(m, 1), f(m, -1, 0), f(m, shift=2, axis=1)]),
    "flip": ([M], lambda f, m: [f(m), f(m, 1)]),
    **dict.fromkeys(("flipud", "fliplr"), ([M], lambda f, m: [f(m)])),
    "take": ([M], lambda f, m: [f(m, [0, 5]), f(m, [1, 0], 0), f(m, [[7]], axis=1, mode="wrap")]),
    **dict.fromkeys(("nonzero",), ([Q], lambda f, m: [*f(m)])),
    **dict.fromkeys(("flatnonzero", "argwhere"), ([Q], lambda f, m: [f(m)])),
    "compress": (
        [M],
        lambda f, m: [f([1, 0, 1], m, 0), f([0, 1], m), f(condition=[0, 1, 1, 0], a=m, axis=1)],
    ),
    "choose": ([I, V], lambda f, i, v: [f(i % 2, [v, v + 1]), f(i, (v, v * 2), mode="clip")]),
    "unravel_index": ([I], lambda f, i: [*f(i, (2, 3)), *f(i, shape=(3, 2), order="F")]),
    "ravel_multi_index": ([I], lambda f, i: [f((i, i), (4, 5)), f((i, i), dims=(2, 2), mode="clip")]),
    **dict.fromkeys(
        ("zeros_like", "ones_like"), ([M], lambda f, m: [f(m), f(m, "int8"), f(m, dtype="float32")])
    ),
    "empty_like": ([M], lambda f, m: [0 * f(m)]),
    "full_like": ([M], lambda f, m: [f(m, 7), f(m, 2, "int8"), f(m, fill_value=0.5)]),
    "linalg.norm": (
        [V, M],
        lambda f, v, m: [
            f(v),
            f(m),
            f(v, 1),
            f(v, np.inf),
            f(v, 0),
            f(m, "fro"),
            f(m, 1),
            f(m, -1),
            f(m, np.inf),
            f(m, 3, 1),
            f(m, axis=0),
            f(m, 2, 1, True),
            f(m, -np.inf, keepdims=True),
            f(m, 1, axis=(1, 0)),
        ],
    ),
    "linalg.matmul": ([B, N], lambda f, b, n: [f(b, n), f(n.T, n)]),
    "linalg.outer": ([V, W], lambda f, v, w: [f(v, w)]),
    "linalg.tensordot": ([M, B], lambda f, m, b: [f(b, m), f(m, b, axes=([1], [2]))]),
    "linalg.multi_dot": ([M, N], lambda f, m, n: [f([m, n, m]), f([m, n])]),
    **dict.fromkeys(("linalg.trace", "linalg.diagonal"), ([B], lambda f, b: [f(b), f(b, offset=1)])),
}


def numpy_function(name):
    """NumPy's function of that name; None if this NumPy has none."""
    place, _, last = name.rpartition(".")
    return getattr(getattr(np, place) if place else np, last, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpys_value(name):
    operands, calls = CASES[name]
    function = numpy_function(name)
    if function is None:
        assert name in (
            "concat",
            "permute_dims",
            "matrix_transpose",
            "linalg.matrix_transpose",
        ) or name.startswith("linalg.")
        return
    variables = [T.TensorType(a.dtype.name, (None,) * a.ndim)() for a in operands]
    wanted = calls(function, *operands)
    got = calls(function, *variables)
    assert (
        len(got) == len(wanted)
        and any(isinstance(z, Variable) for z in got)
        or name in ("ndim", "isrealobj", "iscomplexobj")
    )
    values = evaluate([T.as_tensor_variable(z) for z in got], dict(zip(variables, operands)))
    for value, right in zip(values, wanted):
        right = np.asarray(right)
        assert value.shape == right.shape and (
            value.dtype.kind == right.dtype.kind or right.dtype.kind in "iu"
        )
        np.testing.assert_allclose(value, right, rtol=1e-6 if value.dtype == "float32" else 1e-12, atol=1e-14)


def test_every_function_has_a_case():
    assert set(CASES) == set(FUNCTIONS)


def dispatched():
    """The public functions of numpy, numpy.linalg and numpy.fft that ask their arguments."""
    for place, module in (("", np), ("linalg.", np.linalg), ("fft.", np.fft)):
        for last in dir(module):
            function = getattr(module, last)
            if not last.startswith("_") and hasattr(function, "_implementation"):
                yield place + last, function


x, y = T.dvectors("x", "y")
ARGUMENTS = [
    (x,),
    (x, x),
    (x, 1),
    (1, x),
    (x, x, x),
    (x, [x], [x]),
    ("i", x),
    (1, x, x),
    (x, x, x, x),
    ([x, x],),
    ([x], [x]),
]
OTHERS = [(name, function) for name, function in dispatched() if name not in FUNCTIONS]


@pytest.mark.slow
@pytest.mark.parametrize("name, function", OTHERS, ids=[name for name, _ in OTHERS])
def test_a_function_without_a_symbolic_form_says_what_to_use(name, function):
    for args in ARGUMENTS:
        try:
            found = function(*args)
        except (TypeError, AttributeError, ValueError) as error:
            if "has no symbolic form: use " in str(error):
                return
        else:
            raise AssertionError(f"np.{name} gives {found!r}")
    raise AssertionError(f"np.{name} asked no variable among its arguments")


def test_the_sweep_is_wide():
    assert len(OTHERS) > 80 and len(FUNCTIONS) > 80


REFUSED = [
    (lambda: np.sum(x, out=np.ones(())), "out="),
    (lambda: np.sum(x, where=x > 0), "where"),
    (lambda: np.sum(x, initial=3), "initial"),
    (lambda: np.cumsum(x, dtype="int8"), "dtype"),
    (lambda: np.round(x, 2), "decimals"),
    (lambda: np.reshape(x, 3, order="F"), "order"),
    (lambda: np.linalg.norm(T.dmatrix(), 2), "matrix norm"),
    (lambda: np.split(x, 2), "length of axis 0"),
    (lambda: np.kron(x, y), "T.outer"),
    (lambda: np.median(x), "T.sort"),
    (lambda: np.linalg.inv(T.dmatrix()), "as_op"),
    (lambda: np.fft.fft(x), "as_op"),
    (lambda: np.copyto(np.ones(3), x), "set_subtensor"),
    (lambda: np.add.reduce(x), "add.reduce"),
    (lambda: np.clip(x, 0, 1, out=np.ones(3)), "out"),
]


@pytest.mark.parametrize("row", range(len(REFUSED)))
def test_options_that_variables_do_not_have(row):
    call, word = REFUSED[row]
    with pytest.raises(TypeError, match=word):
        call()


@pytest.mark.slow
def test_numpy_functions_in_a_compiled_function():
    m = T.dmatrix("m")
    f = tgen.function(
        [m],
        [
            np.dot(m, m),
            np.linalg.norm(m),
            np.cumsum(m, axis=0),
            np.stack([m, m]),
            T.grad(np.sum(np.dot(m, m)), m),
        ],
    )
    at = RNG.randn(3, 3)
    wanted = [
        at @ at,
        np.linalg.norm(at),
        at.cumsum(0),
        np.stack([at, at]),
        at.sum(1)[None] + at.sum(0)[:, None],
    ]
    assert all(np.allclose(a, b) for a, b in zip(f(at), wanted))


def test_a_variable_is_no_array():
    x, s = T.dvector("x"), tgen.shared(2.0, "s")
    for make in (
        lambda: np.asarray(x),
        lambda: np.array([1.0, x[0]]),
        lambda: np.array([[s]]),
        lambda: np.float64(s),
        lambda: np.full(2, T.constant(1.0)),
        lambda: np.ones(3)[x],
    ):
        with pytest.raises(TypeError, match=r"symbolic .*\.eval\(\)"):
            make()
    assert np.array([x, s], dtype=object).tolist() == [x, s] and np.asarray(x, object)[()] is x
