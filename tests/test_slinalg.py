"""T.slinalg: LAPACK's values and our own C's against numpy.linalg, in every layout, in batches and in parts;
refusals, which the interpreter makes, too.
"""

import numpy as np
import pytest
from compiled import in_parts
from numpy.linalg import LinAlgError

import tgen
import tgen.tensor as T
from tgen.backends.c import blas, host

pytestmark = pytest.mark.slow

SIDES = (0, 1, 2, 7, 40)
LAYOUTS = {
    "C": lambda a: a,
    "Fortran": lambda a: np.swapaxes(np.swapaxes(a, -1, -2).copy(), -1, -2),
    "steps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: a[..., ::-1].copy()[..., ::-1],
}
FUNCTIONS = {  # name -> (is there a second operand, what NumPy has instead)
    "cholesky": (False, np.linalg.cholesky),
    "solve": (True, np.linalg.solve),
    "solve_lower_triangular": (True, lambda a, b: np.linalg.solve(np.tril(a), b)),
    "solve_upper_triangular": (True, lambda a, b: np.linalg.solve(np.triu(a), b)),
}


@pytest.fixture(params=["LAPACK", "own"])
def library(request):
    """What functions call: the package's library, if there is one, or C of ours alone."""
    lib, ffi, _ = host.table()
    table = lib.tgen_table()
    if request.param == "own":
        blas.fill_built_in(lib, ffi, table)
    yield
    blas.fill(lib, ffi, table)


def operands(rng, dtype, batch, side, columns=3):
    """A matrix that is definite, with no symmetric one's upper triangle, and right sides."""
    a = rng.normal(size=(*batch, side, side))
    definite = a @ np.swapaxes(a, -1, -2) + side * np.eye(side)
    return definite.astype(dtype), rng.normal(size=(*batch, side, columns)).astype(dtype)


def called(name, x, b):
    return getattr(T.slinalg, name)(*((x, b) if FUNCTIONS[name][0] else (x,)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(library, dtype):
    """Of no matrix, of one, of more than there are threads."""
    rng, near = np.random.default_rng(3), {"float32": 2e-4, "float64": 1e-12}[dtype]
    for rank, batches in ((2, [()]), (3, [(0,), (1,), (5,)]), (4, [(2, 3)])):
        x, b = (T.TensorType(dtype, (False,) * rank)() for _ in range(2))
        outputs = [called(name, x, b) for name in FUNCTIONS]
        with in_parts():
            f = tgen.function([x, b], outputs)
        for batch in batches:
            for n, layout in [(n, layout) for n in SIDES for layout in LAYOUTS.values()]:
                given = operands(rng, dtype, batch, n)
                for name, got in zip(FUNCTIONS, f(*map(layout, given))):
                    two, meaning = FUNCTIONS[name]
                    wanted = meaning(*(given if two else given[:1]))
                    assert got.dtype == dtype and got.shape == wanted.shape, (name, batch, n)
                    np.testing.assert_allclose(
                        got, wanted, rtol=near, atol=near, err_msg=f"{name} {batch} {n}"
                    )


def test_pivots_and_triangles(library):
    """A zero on the diagonal is no obstacle; what is not to be read is not; vectors; no right sides."""
    a, nothing, v = np.array([[0.0, 2.0], [1.0, 1.0]]), np.nan, np.array([4.0, 3.0])
    lower, upper = np.array([[2.0, nothing], [1.0, 4.0]]), np.array([[2.0, 1.0], [nothing, 4.0]])
    x, b, m = T.dmatrix(), T.dvector(), T.dmatrix()
    f = tgen.function([x, b, m], [T.slinalg.solve(x, b), T.slinalg.solve(x, m)])
    one, none = f(a, v, np.zeros((2, 0)))
    assert one.tolist() == [1, 2] and none.shape == (2, 0)
    triangles = [T.slinalg.solve_lower_triangular(x, b), T.slinalg.cholesky(x)]
    assert [r.tolist() for r in tgen.function([x, b], triangles)(lower, v)][0] == [2, 0.25]
    assert tgen.function([x, b], T.slinalg.solve_upper_triangular(x, b))(upper, v).tolist() == [1.625, 0.75]
    definite = np.array([[4.0, nothing], [2.0, 5.0]])
    assert tgen.function([x], T.slinalg.cholesky(x))(definite).tolist() == [[2, 0], [1, 2]]
    assert tgen.function([x], T.slinalg.cholesky(x, lower=False))(definite.T).tolist() == [[2, 1], [0, 2]]


WRONG = {  # name -> an operand that it refuses
    "cholesky": [[1.0, 0.0], [0.0, -1.0]],
    "cholesky of nan": [[1.0, 0.0], [np.nan, 1.0]],
    "solve": [[1.0, 2.0], [2.0, 4.0]],
    "solve_lower_triangular": [[0.0, 0.0], [1.0, 1.0]],
    "solve_upper_triangular": [[1.0, 1.0], [0.0, 0.0]],
}


@pytest.mark.parametrize("case", WRONG)
def test_refusals(library, case):
    """By the name of the op and the user's line; the interpreter says the same. Nothing is changed."""
    name, wrong = case.split()[0], np.array(WRONG[case])
    x, b, state = T.dtensor3("x"), T.dtensor3("b"), tgen.shared(1.0)
    given, words = np.stack([np.eye(2), wrong, np.eye(2), wrong]), set()
    for mode in (None, "INTERPRET"):
        with in_parts():
            f = tgen.function(
                [x, b], called(name, x, b), updates={state: state + 1}, mode=mode, on_unused_input="ignore"
            )
        with pytest.raises(LinAlgError) as caught:
            f(given, given)
        words.add(str(caught.value))
        assert f(given[:1], given[:1]).tolist() == [np.eye(2).tolist()]
    (said,) = words
    assert said.startswith("a matrix is ") and "test_slinalg.py:" in said, said
    assert state.get_value() == 3


def test_the_same_factor_is_computed_once():
    x = T.dmatrix()
    f = tgen.function([x], T.slinalg.cholesky(x) + T.slinalg.cholesky(x))
    assert f.inspect("final").count("= cholesky") == 1


def test_the_step_of_a_loop_is_named():
    x = T.dtensor3()
    factors, _ = tgen.scan(T.slinalg.cholesky, sequences=x)
    with pytest.raises(LinAlgError, match="in step 2 of the scan"):
        tgen.function([x], factors)(np.stack([np.eye(2), np.eye(2), -np.eye(2)]))


def test_what_is_no_batch_of_matrices():
    x, v = T.dtensor3(), T.dvector()
    for name in FUNCTIONS:
        with pytest.raises(TypeError, match=f"{name} takes a matrix"):
            called(name, v, v)
    with pytest.raises(TypeError, match="batches of matrices of one rank"):
        T.slinalg.solve(x, v)
    with pytest.raises(ValueError, match="mis-match.*solve at .*test_slinalg.py"):
        tgen.function([x], T.slinalg.solve(x, x[:, :1]))(np.ones((1, 2, 2)))
    with pytest.raises(ValueError, match="mis-match.*cholesky at .*test_slinalg.py"):
        tgen.function([x], T.slinalg.cholesky(x))(np.ones((1, 2, 3)))


def test_integers_are_float64():
    i = T.imatrix()
    assert T.slinalg.cholesky(i).dtype == T.slinalg.solve(i, i).dtype == "float64"
    assert T.slinalg.solve(T.fmatrix(), T.dvector()).dtype == "float64"


def test_gradients_of_batches_and_transposes():
    rng = np.random.default_rng(4)
    a, b = operands(rng, "float64", (2,), 3)
    T.verify_grad(T.slinalg.cholesky, [a], rng=np.random.RandomState(1))
    T.verify_grad(lambda x: T.slinalg.cholesky(x, lower=False), [a], rng=np.random.RandomState(1))
    for name in list(FUNCTIONS)[1:]:
        T.verify_grad(getattr(T.slinalg, name), [a, b], rng=np.random.RandomState(1))
        T.verify_grad(getattr(T.slinalg, name), [a[0], b[0, :, 0]], rng=np.random.RandomState(1))
