"""Copies and pickles of objects that hold shared variables, expressions, compiled functions and random
streams.
"""

import copy
import io
import pickle
import sys

import numpy as np
import pytest
from models import STREAMS, Model, X, Y

import tgen
import tgen.tensor as T
from tgen.graph.pickling import pack, unpack
from tgen.graph.walk import ancestors, toposort


def through(protocol):
    return lambda thing: pickle.loads(pickle.dumps(thing, protocol))


COPIES = {
    "deepcopy": copy.deepcopy,
    **{f"protocol {p}": through(p) for p in range(pickle.HIGHEST_PROTOCOL + 1)},
}


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module", params=STREAMS)
def trained(request):
    """A model after three steps of training."""
    model = Model(request.param)
    for _ in range(3):
        model.train(X, Y)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_training_goes_on_where_it_stopped(trained, copied):
    """The copy does what the model does, digit for digit, with memory of its own: neither sees what happens
    to the other.
    """
    twin = copied(trained)
    assert same(twin.state(), trained.state()) and twin.steps.get_value() == 3
    before = trained.state()
    first = [twin.train(X, Y) for _ in range(2)]
    assert same(trained.state(), before) and not same(twin.state(), before)
    again = copied(trained)
    assert same([again.train(X, Y)[0] for _ in range(2)], [cost for cost, _ in first]) and same(
        again.state(), twin.state()
    )
    assert (
        same(twin.draw(), again.draw())
        and same(twin.draw(), again.draw())
        and not same(twin.draw(), twin.draw())
    )
    assert np.array_equal(twin.along(X), again.along(X))


@pytest.mark.slow
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_what_was_one_is_one(trained, copied):
    """Functions share the weights, expressions their parts; graphs that were two attributes can be used
    together.
    """
    twin = copied(trained)
    assert (
        twin.params[0] is twin.hidden.W is twin.hidden.params[0]
        and twin.hidden.W in twin.train.get_shared()
        and twin.hidden.W in twin.predict.get_shared()
    )
    assert list(twin.updates) == twin.params and twin.steps in twin.train.get_shared()
    for p in twin.params:
        p.set_value(p.get_value() * 0)
    assert twin.predict(X).tolist() == [0] * 6 and trained.predict(X).tolist() != [0] * 6
    assert twin.hidden.output in ancestors([twin.cost]) and twin.cost.name == "cost"
    at_hidden = T.grad(twin.cost, twin.hidden.output)  # the hidden layer is still inside the cost
    assert at_hidden.eval({twin.x: X, twin.y: Y}).shape == (6, 5)
    part = tgen.function([twin.hidden.output], twin.top.output)
    assert part(np.ones((4, 5))).shape == (4, 2)
    assert {node for v in twin.updates.values() for node in toposort([v])} >= set(
        toposort([twin.hidden.output])
    )


@pytest.mark.slow
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_names_tags_and_attributes(trained, copied):
    twin = copied(trained)
    assert twin.x.name == "x" and twin.x.comes_from == "a file" and twin.x.tag.test_value.shape == (2, 3)
    assert twin.hidden.output.layer is twin.hidden and twin.top.output.layer is twin.top
    assert (
        twin.train.name == "train"
        and twin.train[twin.steps] == 3
        and twin.train[twin.hidden.W].shape == (3, 5)
    )


@pytest.mark.slow
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_samples_and_their_streams(trained, copied):
    """A sample knows its state and its update; the stream's list is about these very ones, so seed() starts
    the copy's functions again.
    """
    twin = copied(trained)
    for k, layer in enumerate((twin.hidden, twin.top)):
        state, after = layer.noise.update
        assert (
            state is layer.noise.rng is twin.srng.state_updates[k][0]
            and after is twin.srng.state_updates[k][1] is state.default_update
        )
        assert after.owner in toposort([layer.noise]) and after.owner.inputs[0] is state
    twin.srng.seed()
    start = twin.draw()
    twin.draw()
    twin.srng.seed()
    assert same(twin.draw(), start)
    fresh, wanted = twin.srng.normal((3,)), copied(trained).srng.normal((3,))
    assert np.array_equal(fresh.eval(), wanted.eval())
    held = tgen.function([], twin.hidden.noise, updates=[twin.hidden.noise.update])
    assert not same([held()], [held()])


@pytest.mark.slow
def test_a_copy_shares_and_a_deep_copy_does_not():
    model = Model()
    shallow = copy.copy(model)
    assert shallow.hidden is model.hidden and shallow.train is model.train
    function, variable, shared = copy.copy(model.predict), copy.copy(model.cost), copy.copy(model.steps)
    shared.set_value(7)
    assert model.steps.get_value() == 7 and function.get_shared() == model.predict.get_shared()
    assert np.isfinite(variable.eval({model.x: X, model.y: Y})) and T.grad(variable, model.hidden.W).ndim == 2
    deep = copy.deepcopy(model.steps)
    deep.set_value(9)
    assert model.steps.get_value() == 7 and deep.default_update.owner.inputs[0] is deep


def test_reading_twice_gives_two():
    """Two readings of one pickle have nothing in common, and neither has anything of what was written."""
    model = Model()
    data = pickle.dumps(model)
    one, two = pickle.loads(data), pickle.loads(data)
    graphs = [set(toposort([m.cost, *m.updates.values()])) for m in (model, one, two)]
    assert (
        not graphs[0] & graphs[1]
        and not graphs[1] & graphs[2]
        and len(graphs[0]) == len(graphs[1]) == len(graphs[2])
    )
    one.train(X, Y)
    assert two.steps.get_value() == 0 == model.steps.get_value()


def test_what_refers_to_itself():
    x = T.dscalar("x")
    y = T.exp(x)
    y.me, y.after = y, [y * 2]
    x.user = y
    x.tag.loop = x
    for copied in COPIES.values():
        a, b = copied((x, y))
        assert (
            b.me is b
            and b.after[0].owner.inputs[0] is b
            and b.owner.inputs[0] is a
            and a.user is b
            and a.tag.loop is a
            and "_auto_name" not in vars(a)
        )
        assert b.after[0].eval({a: 0.0}) == 2


def test_shared_variables_with_attributes_and_constants():
    w = tgen.shared(np.ones(2), "w")
    w.tag.l2, w.group = 0.1, ["a"]
    c = T.constant(2)
    c.note = "two"
    for copied in COPIES.values():
        (w2, c2), group = copied(((w, c), w.group))
        assert (
            w2.tag.l2 == 0.1 and w2.group is group and c2.note == "two" and (c2 * T.bvector()).dtype == "int8"
        )


def test_generic_and_random_state_variables():
    objects, rng = tgen.shared([1, [2]], "o"), tgen.shared(np.random.RandomState(3))
    for copied in COPIES.values():
        o, r = copied((objects, rng))
        o.set_value([9])
        assert objects.get_value() == [1, [2]] and r.get_value().randint(1000) == np.random.RandomState(
            3
        ).randint(1000)


@pytest.mark.slow
def test_many_variables_of_a_deep_graph_without_recursion():
    x = T.dscalar("x")
    chain = [x]
    for _ in range(3000):
        chain.append(chain[-1] + 1)
    kept = chain[::300]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        copies = [copied(kept) for copied in (copy.deepcopy, through(2), through(pickle.HIGHEST_PROTOCOL))]
    finally:
        sys.setrecursionlimit(limit)
    for twin in copies:
        assert len(toposort(twin)) == 3000 and [v in set(ancestors([twin[-1]])) for v in twin] == [
            True
        ] * len(kept)


class Planted:
    """Runs when it is read, if anybody reads it as a pickle."""

    read = []

    def __reduce__(self):
        return Planted.read.append, ("planted",)


def test_a_graph_is_data_and_no_pickle_inside_the_pickle():
    """Otherwise an Unpickler that looks at every name is gone around."""
    x = T.dvector("x")
    session, text, objects = pack([T.tanh(x).sum()])
    for bad in (pickle.dumps(Planted()), pickle.dumps((1, [], [Planted()]), 0), text[:-1], b"", b"[1, 2]"):
        with pytest.raises(ValueError, match="no graph of this version"):
            unpack(session, bad, objects)
    with pytest.raises(ValueError, match="uses the op 'no_such_op'"):
        unpack(session, text.replace(b'"tanh"', b'"no_such_op"'), objects)
    assert not Planted.read and unpack(session, text, objects)[0].owner.op.name == "sum"


def test_all_that_a_pickle_calls_is_named_in_it():
    model, named = Model(), set()

    class Listening(pickle.Unpickler):
        def find_class(self, module, name):
            named.add(f"{module}.{name}")
            return super().find_class(module, name)

    model.train(X, Y)
    assert same(Listening(io.BytesIO(pickle.dumps(model))).load().train(X, Y), model.train(X, Y))
    assert all(name.split(".")[0] in ("tgen", "numpy", "models", "types") for name in named), named
    assert "tgen.graph.pickling._unpack_one" in named and "tgen.runtime.pickling._restore" in named


def test_attributes_and_names_that_are_no_literals():
    """They are objects of the pickle, as leaves are; literals come back as the types they were."""
    x = T.dmatrix("x")
    odd, plain = x.sum(axis=(0, 1)), x.dimshuffle(1, "x", 0)
    odd.owner.attrs["note"], odd.name = {"of": [1.5]}, ("a", "b")
    for copied in COPIES.values():
        a, b = copied((odd, plain))
        assert a.owner.attrs == odd.owner.attrs and a.name == ("a", "b") and a.owner.where == odd.owner.where
        assert b.owner.attrs == plain.owner.attrs
        assert b.eval({b.owner.inputs[0]: np.ones((2, 3))}).shape == (3, 1, 2)
