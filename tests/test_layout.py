"""A function is compiled for C-contiguous arrays; the first call with another array brings the general
library, and all goes on as if it had always been there.
"""

import threading

import numpy as np
import pytest
from special import same_bits

import tgen
import tgen.tensor as T
from tgen.backends.c import toolchain
from tgen.errors import CompileError
from tgen.runtime.identity import program_key

A = np.random.RandomState(3).normal(size=(6, 8))
LAYOUTS = {
    "Fortran": np.asfortranarray(A),
    "backwards": A[::-1, ::-1].copy()[::-1, ::-1],
    "steps": np.repeat(A, 2, 1)[:, ::2],
    "one row": np.broadcast_to(A[0], A.shape),
}


def step(count=0.0):
    """A matrix and a number that counts calls, with an output of each kind: elementwise, reduced, by BLAS,
    found inside.
    """
    x, state, calls = T.dmatrix("x"), tgen.shared(np.ones((6, 8)), "state"), tgen.shared(count, "calls")
    outputs = [T.tanh(x) * state, x.sum(axis=0), T.dot(x, x.T), x[x > 0]]
    return tgen.function([x], outputs, updates=[(state, state + x), (calls, calls + 1)]), state, calls


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_call_is_made_once(name):
    f, state, calls = step()
    first, a = f.fn.library, LAYOUTS[name]
    results = f(a)
    assert f.fn.library is not first and calls.get_value() == 1 and np.array_equal(state.get_value(), 1 + a)
    for got, wanted in zip(results, (np.tanh(a), a.sum(axis=0), a @ a.T, a[a > 0])):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


def test_contiguous_arrays_have_the_same_bits_before_and_after():
    f, state, calls = step()
    before, general = f(A), LAYOUTS["Fortran"]
    state.set_value(np.ones((6, 8)))
    f(general)
    library = f.fn.library
    state.set_value(np.ones((6, 8)))
    assert (
        all(same_bits(a, b) for a, b in zip(before, f(A)))
        and f.fn.library is library
        and calls.get_value() == 3
    )


@pytest.mark.parametrize(
    "a", [np.zeros((0, 8)), np.zeros((6, 0)), A[:1], A[2:3], A[1:4]], ids=lambda a: str(a.shape)
)
def test_what_is_contiguous_needs_no_other_library(a):
    x = T.dmatrix("x")
    f = tgen.function([x], [x * 2, T.dot(x, x.T)])
    library = f.fn.library
    assert np.array_equal(f(a)[0], a * 2) and f.fn.library is library


def test_numbers_need_no_other_library():
    x, n = T.dscalar("x"), tgen.shared(1.0)
    f = tgen.function([x], x * n, updates=[(n, n + x)])
    assert f.fn.program.text() == f.fn.program.text(general=True)


@pytest.mark.slow
def test_a_lent_array_of_any_layout():
    mine = np.asfortranarray(A)
    w, x = tgen.shared(mine, "w", borrow=True), T.dmatrix("x")
    f = tgen.function([x], (w * x).sum(axis=1), updates=[(w, w - x)])
    for k in range(3):
        np.testing.assert_allclose(f(A), ((1 - k) * A * A).sum(axis=1), rtol=1e-12, atol=1e-12)
    assert np.array_equal(mine, A), "the update wrote over the user's array"
    np.testing.assert_allclose(w.get_value(), -2 * A)


def test_errors_are_the_same_and_change_nothing():
    x, y, s = T.dmatrix("x"), T.dmatrix("y"), tgen.shared(0.0, "s")
    f = tgen.function([x, y], x * y, updates=[(s, s + 1)])
    with pytest.raises(ValueError) as plain:
        f(A, A[:, :3].copy())
    with pytest.raises(ValueError) as strided:
        f(LAYOUTS["Fortran"], A[:, :3])
    assert str(plain.value) == str(strided.value) and s.get_value() == 0


def test_no_compiler_for_the_general_library(monkeypatch):
    """The call fails, nothing has changed, and contiguous arrays still work."""
    f, state, calls = step(count=-1.0)
    c = f.fn.program.backend.text
    # no cache has it
    monkeypatch.setattr(
        f.fn.program.backend,
        "text",
        lambda function, general: c(function, general) + f"/* {np.random.bytes(16).hex()} */",
    )
    monkeypatch.setattr(
        "tgen.runtime.program.program_key", lambda program, general: np.random.bytes(32).hex()
    )

    def broken(self, c_text, more=()):
        raise CompileError("no C compiler")

    monkeypatch.setattr(toolchain.Toolchain, "compile", broken)
    with pytest.raises(CompileError):
        f(LAYOUTS["steps"])
    assert calls.get_value() == -1 and (state.get_value() == 1).all()
    assert np.array_equal(f(A)[1], A.sum(axis=0)) and calls.get_value() == 0


def test_both_libraries_are_found_again(monkeypatch):
    f, _, _ = step()
    f(LAYOUTS["Fortran"])
    keys = {program_key(f.fn.program, general) for general in (False, True)}

    def front_end(*_):
        raise AssertionError("the front end ran")

    monkeypatch.setattr("tgen.backends.c.backend.generate", front_end)
    g, _, calls = step()
    g(LAYOUTS["Fortran"])
    assert len(keys) == 2 and g.fn.library is f.fn.library and calls.get_value() == 1


@pytest.mark.slow
def test_threads_meet_the_swap():
    """Half of the threads bring other layouts: every call is one step, whichever library it ran in."""
    x, total, calls = T.dmatrix("x"), tgen.shared(np.zeros((6, 8)), "total"), tgen.shared(0, "calls")
    f = tgen.function([x], [total.sum(), calls], updates=[(total, total + x), (calls, calls + 1)])
    ones, start, wrong = np.ones((6, 8)), threading.Barrier(8), []

    def work(a):
        start.wait()
        for _ in range(200):
            whole, count = f(a)
            if whole != 48 * count:
                wrong.append((float(whole), int(count)))

    threads = [
        threading.Thread(target=work, args=(ones if k % 2 else np.asfortranarray(ones),)) for k in range(8)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and calls.get_value() == 1600 and (total.get_value() == 1600).all()


@pytest.mark.slow
def test_debug_mode_sees_every_layout():
    x = T.dmatrix("x")
    f = tgen.function([x], [x.sum(axis=0), x * 2], mode="DebugMode")
    assert all(np.array_equal(f(a)[1], a * 2) for a in LAYOUTS.values())


def test_inspect_shows_both_texts():
    x = T.dmatrix("x")
    f = tgen.function([x], T.exp(x))
    assert "TGEN_LAYOUT;" in f.inspect("c") and "_strided" not in f.inspect("c")
    assert "_strided" in f.inspect("general") and "return TGEN_LAYOUT" not in f.inspect("general")
    assert f.inspect("general").split("====\n", 1)[1].startswith(f.fn.program.text(general=True)[:200])
