"""Calls with Python inside: exceptions keep what was, functions inside functions, threads, one C with many
bodies, copies and pickles.
"""

import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
import userops
from tgen.printing import Print
from userops import Calls, Cube, Fails, SizedCube, Where

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.backends.c.sites import Callback
from tgen.lower import lower
from tgen.lower.signature import Signature
from tgen.passes.plan import plan

X, V = T.dmatrix("x"), T.dvector("v")
MODES = ("FAST_RUN", "FAST_COMPILE", "DebugMode", "INTERPRET")


# -- exceptions ----------------------------------------------------------------------------------------------


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(a)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "error",
    [Odd(1, 2), KeyError("k"), ZeroDivisionError(), KeyboardInterrupt(), SystemExit(3)],
    ids=lambda e: type(e).__name__,
)
def test_an_exception_comes_back_as_it_is_and_nothing_is_updated(mode, error):
    a, b = tgen.shared(np.arange(3.0), "a"), tgen.shared(np.ones(3), "b")
    op = Fails()
    y = op(V * 2)
    f = tgen.function([V], y, updates=[(a, a - V), (b, b * 2 + y)], mode=mode)
    f([1, 1, 1])
    op.error = error
    before = a.get_value(), b.get_value()
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            f([1, 1, 1])
        assert caught.value is error
        names = [entry.name for entry in caught.traceback]
        assert (
            names[-1] == "perform" and "test_an_exception_comes_back_as_it_is_and_nothing_is_updated" in names
        )
    assert len(error.__notes__) == 1 and "in Fails at " in error.__notes__[0]
    assert np.array_equal(a.get_value(), before[0]) and np.array_equal(b.get_value(), before[1])
    op.error = None
    f([1, 1, 1])
    assert a.get_value().tolist() == (before[0] - 1).tolist()


def test_updates_flip_only_where_python_may_fail_later():
    s, t = tgen.shared(np.ones(3), "s"), tgen.shared(np.ones(3), "t")
    op = SizedCube()

    def ways(*updates):
        function = passes.run(lower(Signature.of([V], [], updates)).function)
        return [u.how for u in plan(function).updates]

    assert ways((s, s + V)) == ["in place"] and ways((s, s + op(V))) == ["in place"]
    assert ways((s, s + V), (t, t + op(s * 2))) == ["flip", "in place"]
    assert ways((s, op(V))) == ["flip"]


def test_an_interrupt_after_the_body_changes_nothing(monkeypatch):
    """Python may be stopped while results are copied: never into the memory of a shared variable."""
    s = tgen.shared(np.zeros(3), "s")
    f = tgen.function([V], [], updates=[(s, SizedCube()(V))])
    f([1, 2, 3])
    fill = Callback.fill

    def interrupted(self, *given):
        fill(self, *given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Callback, "fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        f([4, 5, 6])
    assert s.get_value().tolist() == [1, 8, 27]


# -- functions inside ----------------------------------------------------------------------------------------


def test_a_body_may_call_functions_and_see_their_errors():
    g = tgen.function([V], Cube()(V) + 1)
    got = []
    op = Calls(lambda: got.append(g([2.0]).tolist()))
    assert tgen.function([V], op(V))([1.0]).tolist() == [1] and got == [[9]]
    bad = tgen.function([V], Fails(KeyError("inner"))(V))

    def swallows():
        with pytest.raises(KeyError, match="inner"):
            bad([1.0])
        raise LookupError("outer")

    with pytest.raises(LookupError, match="outer"):
        tgen.function([V], Calls(swallows)(V))([1.0])


def test_a_body_that_needs_a_locked_variable_is_refused():
    s = tgen.shared(np.ones(3), "s")
    f = tgen.function([], Calls(lambda: s.set_value(np.zeros(3)))(s * 2), updates=[(s, s + 1)])
    with pytest.raises(RuntimeError, match="re-entrant"):
        f()
    assert s.get_value().tolist() == [1, 1, 1]
    depth = []

    def deeper():
        if len(depth) < 3:
            depth.append(1)
            g([1.0])

    g = tgen.function([V], Calls(deeper)(V))
    assert g([5.0]).tolist() == [5] and len(depth) == 3


def test_threads():
    """Each call sees its own arrays, and each thread's exception is its own."""
    s = tgen.shared(np.zeros(()), "s")

    @tgen.as_op(itypes=[T.dvector], otypes=[T.dvector])
    def maybe(x):
        if x[0] % 5 == 3:
            raise Odd(float(x[0]), None)
        return x * 2

    f = tgen.function([V], maybe(V) + 1, updates=[(s, s + 1)])
    problems, failed = [], []

    def work(start):
        for k in range(start, start + 60):
            try:
                if f([k, k]).tolist() != [2 * k + 1] * 2:
                    problems.append(k)
            except Odd as error:
                failed.append(k)
                if error.args != (float(k),):
                    problems.append(error)

    threads = [threading.Thread(target=work, args=(1000 * i,)) for i in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not problems and len(failed) == 6 * 12 and s.get_value() == 6 * 48


# -- one C, many bodies --------------------------------------------------------------------------------------


def test_programs_that_differ_only_in_their_ops_share_the_c():
    def program(factor):
        @tgen.as_op(itypes=[T.dvector], otypes=[T.dvector])
        def scaled(x):
            return x * factor

        return tgen.function([V], scaled(V) + 1)

    two, three = program(2), program(3)
    assert two.fn.library is three.fn.library
    assert two([1.0]).tolist() == [3] and three([1.0]).tolist() == [4] and two([1.0]).tolist() == [3]
    assert two.copy()([2.0]).tolist() == [5] and three.copy()([2.0]).tolist() == [7]


def test_equal_ops_on_one_line_run_once_and_others_do_not():
    calls = []

    class Counted(SizedCube):
        def perform(self, node, inputs, output_storage):
            calls.append(self)
            super().perform(node, inputs, output_storage)

    assert tgen.function([V], Counted()(V) + Counted()(V))([2.0]).tolist() == [16] and len(calls) == 1
    calls.clear()
    one, other = Counted(), type("Other", (Counted,), {})()
    assert tgen.function([V], one(V) + other(V))([2.0]).tolist() == [16] and calls == [one, other]
    calls.clear()
    tgen.function([V], T.zeros_like(one(V)))([2.0])
    assert calls == [], "only its size was needed"


def test_an_op_without_a_hash():
    class Loose(Cube):
        def __eq__(self, other):
            return True

    one, two = Loose(), Loose()
    two.perform = lambda node, inputs, storage: storage[0].__setitem__(0, -inputs[0])
    assert tgen.function([V], [one(V), two(V)])([2.0])[1].tolist() == [-2]


@pytest.mark.slow
def test_functions_do_not_outlive_themselves():
    op = Cube()
    f = tgen.function([V], op(V))
    f([1.0])
    gone = weakref.ref(op)
    del f, op
    gc.collect()
    assert gone() is None


# -- pickles -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_graphs_and_functions_with_ops_as_pickles():
    s = tgen.shared(np.ones(3), "s")
    y = Where(0.5)(SizedCube()(V) + s)[0].sum() + userops.solved(X, V)[1]
    x, v, z = pickle.loads(pickle.dumps((X, V, y)))
    values = np.eye(3), [1.0, 2, 3]
    wanted = tgen.function([X, V], y)(*values)
    assert tgen.function([x, v], z)(*values) == wanted
    f = pickle.loads(pickle.dumps(tgen.function([X, V], y, updates=[(s, s + Cube()(V))])))
    assert f(*values) == wanted and f(*values) != wanted
    assert pickle.loads(pickle.dumps(userops.solved)) is userops.solved
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(tgen.as_op([T.dscalar], [T.dscalar])(lambda x: x))


@pytest.mark.slow
def test_a_pickle_goes_to_another_process(tmp_path):
    path = tmp_path / "f.pkl"
    path.write_bytes(pickle.dumps(tgen.function([V], Where(1.0)(Print("seen", ("shape",))(V))[0] * 2)))
    code = f"import pickle; f = pickle.load(open({str(path)!r}, 'rb')); print(f([1.0, 2, 3]).tolist())"
    env = {**os.environ, "PYTHONPATH": ":".join(p for p in sys.path if p)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert out.stdout.splitlines() == ["seen shape = (3,)", "[4.0, 6.0]"], out.stderr
