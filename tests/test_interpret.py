"""Mode INTERPRET: the backend without a compiler gives what compiled functions give, state and errors too.

The tables of programs run in it as well: ``agree`` of compiled.py, the random programs (fuzzing/judge.py),
the tests of host ops and test_runtime_contract.py.
"""

import pickle
import warnings

import numpy as np
import pytest
from special import same_bits

import tgen
import tgen.tensor as T
from tgen.backends import BACKENDS, backend_of
from tgen.backends.c import toolchain
from tgen.config import config
from tgen.core.keys import digest
from tgen.dropin.modes import InterpretMode
from tgen.errors import CompileError
from tgen.random import MRG_RandomStreams, RandomStreams
from tgen.runtime.mode import NAMED, Mode, get_mode

X, V, I, N = T.dmatrix("x"), T.dvector("v"), T.lvector("i"), T.lscalar("n")
BOTH = ("FAST_RUN", "INTERPRET")


def test_every_mode_has_a_backend_and_every_backend_a_mode():
    served = {backend_of(get_mode(name).passes).name for name in NAMED}
    assert served == {backend.name for backend in BACKENDS}


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
def test_a_backend_builds_what_it_loads_and_calls(backend):
    """The calls of the interface, by hand."""
    f = tgen.function([V], V.sum(), mode={"c": "FAST_RUN", "interp": "INTERPRET"}[backend.name])
    program = f.fn.program
    assert program.backend is backend and backend.probe()
    assert all(isinstance(part, str) for part in backend.identity())
    final = program.final()
    text = backend.text(final, general=False)
    assert text == f.fn.library.c == program.text()
    key = digest("by hand", text)
    built = backend.build(key, text, final, {"ir": "", "mode": ""})
    assert built.key == f.fn.library.key
    assert backend.load(digest("unknown")) is None and backend.load(key) in (None, built)
    assert backend.room(program.signature) >= 0
    plan = backend.plan(final)
    assert (plan is None) == ("==== plan" not in f.inspect("all"))
    assert f"==== {backend.language} ====" in f.inspect("c") and f.inspect("general")


@pytest.mark.parametrize(
    "make", [lambda: "INTERPRET", lambda: Mode("INTERPRET"), InterpretMode], ids=["name", "own", "Theano's"]
)
def test_nothing_is_compiled(make, monkeypatch):
    def compiler(*_):
        raise AssertionError("the compiler ran")

    s = tgen.shared(np.zeros(3), "s")
    monkeypatch.setattr(toolchain.Toolchain, "compile", compiler)
    f = tgen.function([V], [V * s, V.sum()], updates=[(s, s + V)], mode=make())
    for turn in range(3):
        product, total = f(np.arange(6.0)[::2])
        assert product.tolist() == [0, 4 * turn, 16 * turn] and total == 6
    with config.change_flags(mode="INTERPRET"):
        again = pickle.loads(pickle.dumps(tgen.function([V], V + 1)))
    assert again([1.0]).tolist() == [2] and again.fn.program.mode == "INTERPRET"


def test_without_a_compiler_the_error_says_what_it_was_for(monkeypatch):
    def none():
        raise CompileError("no C compiler found")

    monkeypatch.setattr("tgen.backends.c.host.table", none)
    with pytest.raises(CompileError, match="^no C compiler found; mode INTERPRET compiles no function, but"):
        tgen.function([V], V + 1, mode="INTERPRET")


# -- the same as compiled


def draws():
    streams, other, mrg = RandomStreams(7), RandomStreams(3), MRG_RandomStreams(5)
    return [
        streams.uniform((3, N)),
        streams.normal((4,)),
        streams.random_integers((5,), 1, 6),
        other.permutation(n=6),
        other.binomial((4,), 10, 0.3),
        mrg.uniform((6,)),
        mrg.multinomial(pvals=T.constant([[0.2, 0.8]])),
        tgen.scan(lambda v: v + streams.normal((2,)).sum(), V)[0],
    ]


def test_draws_and_their_states_are_those_of_the_c():
    """Three calls from the same seeds: all numbers, and what is left in the states."""
    found = {}
    for mode in BOTH:
        made = draws()
        f = tgen.function([N, V], made, mode=mode)
        assert len(f.request.updates) > 3
        results = [f(k + 1, [1.0, 2]) for k in range(3)]
        states = [s.container.get() for s, _ in f.request.updates]
        found[mode] = sum(results, []) + states
    for got, wanted in zip(found["INTERPRET"], found["FAST_RUN"], strict=True):
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(got, wanted, rtol=1e-13)
        else:
            assert same_bits(got, wanted)


def test_a_branch_that_is_not_taken_does_not_run():
    f = tgen.function([V, I], tgen.ifelse(V.sum() > 0, V[I].sum(), V.sum()), mode="INTERPRET")
    assert f([-1.0], [5]) == -1
    with pytest.raises(IndexError, match="index 5"):
        f([1.0], [5])


def test_nothing_aliases_and_nothing_is_written_to():
    s = tgen.shared(np.arange(3.0), "s", borrow=True)
    lent = np.arange(6.0)[::2]
    b = tgen.shared(lent, "b", borrow=True)
    f = tgen.function(
        [tgen.In(V, mutable=True, borrow=True)],
        [tgen.Out(V, borrow=True), tgen.Out(s, borrow=True), s, V.reshape((3, 1)), b[::-1]],
        updates=[(s, V), (b, b + s)],
        mode="INTERPRET",
    )
    v = np.array([5.0, 6, 7])
    arrays = [*f(v), v, lent, s.get_value(borrow=True), b.get_value(borrow=True)]
    for k, one in enumerate(arrays):
        for other in arrays[:k]:
            assert not np.shares_memory(one, other)
    assert v.tolist() == [5, 6, 7] and lent.tolist() == [0, 2, 4] and b.get_value().tolist() == [0, 3, 6]
    assert s.get_value().tolist() == [5, 6, 7]


class Loud(tgen.Op):
    """NumPy warns while it runs."""

    def make_node(self, x):
        return tgen.Apply(self, [T.as_tensor_variable(x)], [T.dvector()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] / (inputs[0] - inputs[0])


@pytest.mark.parametrize("mode", BOTH)
def test_a_users_python_warns_in_either_mode(mode):
    f = tgen.function([V], Loud()(V), mode=mode)
    with pytest.warns(RuntimeWarning, match="divide"):
        f([1.0, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tgen.function([V], 1 / (V - V), mode=mode)([1.0])


def labelled():
    y = T.lvector("y")
    return [T.nnet.categorical_crossentropy(T.nnet.softmax(X), y).sum()], [y]


# name -> (outputs, further inputs, values): all of them fail
FAILING = {
    "sizes of arguments": lambda: ([X.T + V], [], (np.ones((2, 3)), [1.0], [0], 1)),
    "sizes of a shared variable": lambda: (
        [V * tgen.shared(np.ones(3), "w")], [], (np.ones((1, 1)), [1.0], [0], 1)
    ),
    "an index": lambda: ([X[:, I]], [], (np.ones((2, 3)), [1.0], [0, -4], 1)),
    "an index by uint64": lambda: ([V[T.cast(I, "uint64")]], [], (np.ones((1, 1)), [1.0], [-2], 1)),
    "a written index": lambda: ([T.inc_subtensor(V[I], 1.0)], [], (np.ones((1, 1)), [1.0], [7], 1)),
    "an extreme of nothing": lambda: ([X.max(axis=0)], [], (np.ones((0, 3)), [1.0], [0], 1)),
    "sizes found inside": lambda: ([V[V > 0] + X[0]], [], (np.ones((1, 3)), [1.0, -1, 2], [0], 1)),
    "a negative length": lambda: ([T.zeros((N, 2))], [], (np.ones((1, 1)), [1.0], [0], -1)),
    "a size beyond int64": lambda: (
        [T.split(V, [N, 3], 2)[0]], [], (np.ones((1, 1)), [1.0] * 5, [0], 2**63 - 1)
    ),
    "a reshape": lambda: ([V.reshape((N, 2))], [], (np.ones((1, 1)), [1.0], [0], 3)),
    "a label": lambda: (*labelled(), (np.ones((1, 2)), [1.0], [0], 1, [5])),
    "an assertion": lambda: ([T.opt.Assert("must be many")(V, N > 3)], [], (np.ones((1, 1)), [1.0], [0], 1)),
    "a step": lambda: (
        [tgen.scan(lambda k: V[k], I)[0]], [], (np.ones((1, 1)), [1.0, 2], [0, 1, 2], 1)
    ),
    "a step of a step": lambda: (
        [tgen.scan(lambda row: tgen.scan(lambda k: V[k], T.cast(row, "int64"))[0], X)[0]],
        [],
        (np.array([[0.0, 1], [1, 9]]), [1.0, 2], [0], 1),
    ),
    "a state of another size": lambda: (
        [tgen.scan(lambda h: T.concatenate([h, V]), outputs_info=V, n_steps=N)[0]],
        [],
        (np.ones((1, 1)), [1.0, 2], [0], 2),
    ),
    "Python in a step": lambda: (
        [tgen.scan(lambda e: Fails()(e), V)[0]], [], (np.ones((1, 1)), [1.0, 2], [0], 1)
    ),
}  # fmt: skip


class Fails(tgen.Op):
    def make_node(self, x):
        return tgen.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        if inputs[0] == 2:
            raise KeyError("two")
        output_storage[0][0] = inputs[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILING)
def test_errors_say_what_those_of_the_c_say(name):
    said = []
    for mode in BOTH:
        a, b = tgen.shared(np.arange(3.0), "a"), tgen.shared(2.0, "b")
        outputs, more, values = FAILING[name]()
        f = tgen.function(
            [X, V, I, N, *more],
            outputs,
            updates=[(a, a * 2), (b, b + 1)],
            mode=mode,
            on_unused_input="ignore",
        )
        with pytest.raises(Exception) as caught:
            f(*values)
        said.append((type(caught.value), str(caught.value), getattr(caught.value, "__notes__", [])))
        assert a.get_value().tolist() == [0, 1, 2] and b.get_value() == 2
    assert said[0] == said[1]
