"""What functions return, keep, update, substitute, copy and pickle."""

import copy
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest
from world import World

import tgen.tensor as T
from tgen import Function, In, Out, Param, config, function, shared
from tgen.runtime import hooks

# -- what comes back


def test_containers_follow_the_argument():
    e = World()
    x = e.x
    assert function([x], x * 2)(3) == 6 and function([x], x * 2)(3).shape == ()
    assert function([x], [x * 2])(3) == [6] and function([x], (x, x))(3) == [3, 3]
    assert function([x], [], on_unused_input="ignore")(3) == [] == function([x], on_unused_input="ignore")(3)
    result = function([x], {"b": x + 1, "a": x})(1.0)
    assert list(result) == ["a", "b"] and result == {"a": 1, "b": 2}
    assert function([x], Out(x * 2, borrow=True))(3) == 6


def test_output_subset():
    e = World()
    f = function([e.x], [e.x, e.x + 1, e.x + 2], updates=[(e.s, e.s + 1)])
    assert f(1.0, output_subset=[2, 0]) == [3, 1] and e.s.get_value() == 2
    assert function([e.x], {"a": e.x, "b": e.x + 1})(1.0, output_subset=["b"]) == {"b": 2}
    assert function([e.x], e.x)(1.0, output_subset=[0]) == [1]


def test_keywords():
    e = World()
    f = function([e.x, e.y], e.x - e.y)
    assert f(3, 1) == f(3, y=1) == f(x=3, y=1) == f(y=1, x=3) == 2
    assert function([e.n, e.n2], e.n - e.n2)(3, 1) == 2
    hidden = T.dscalar("s")
    assert function([hidden], hidden + e.s)(s=2) == 3  # the input, not the shared variable of that name


def test_defaults_hold_for_one_call():
    e = World()
    f = function([e.x, In(e.y, value=10, name="yy")], e.x + e.y)
    assert [float(v) for v in (f(1), f(1, 2), f(1, yy=3), f(1))] == [11, 3, 4, 11]
    assert f["yy"] == 10
    f["yy"] = 5
    assert f(1) == 6 and f(1) == 11
    given = np.ones(2)
    g = function([In(e.v, value=given)], e.v.sum())
    given += 1
    assert g() == 2


def test_private_state():
    e = World()
    f = function([e.x, In(e.y, value=1.0, update=e.y + e.x)], e.y)
    assert f(2) == 1 and f(2) == 3 and f["y"] == 5 and f[e.y] == 5
    f["y"] = 0
    assert f(1) == 0 and f["y"] == 1
    assert f(1, 7) == 7 and f["y"] == 8  # given: set before the call
    g = f.copy()
    g(1)
    assert (f["y"], g["y"]) == (8, 9) and f.get_shared() == []
    assert Param(e.y, default=3).value == 3


def test_failed_call_sets_states_back():
    e = World()
    f = function([In(e.v, value=np.zeros(2), update=e.v + e.w)], e.v)
    with pytest.raises(ValueError):
        f(np.ones(5))
    assert f["v"].tolist() == [0, 0]


def test_implicit_inputs():
    e = World()
    f = function([e.x, In(e.y, value=e.s)], e.x + e.y)
    assert f(1) == 2 and f["s"] == 1 if "s" in f else f["y"] == 1
    e.s.set_value(5)
    assert f(1) == 6 and e.s in f.get_shared()
    g = function([e.x, In(e.y, value=e.s.container)], e.x + e.y)
    assert g(1) == 6


def test_items():
    e = World()
    f = function([e.x], e.x + e.s)
    assert (
        f["s"] == 5 - 4 == f[e.s]
        and f["x"] is None
        and "x" in f
        and e.x in f
        and "zz" not in f
        and e.y not in f
    )
    f["s"] = 3
    assert e.s.get_value() == 3 and f[1] == 3
    f["x"] = 2
    assert f() == 5
    with pytest.raises(TypeError, match="Missing"):
        f()
    assert [p.name for p in f.input_storage] == ["x", "s"] and len(f.output_storage) == 1
    assert (
        f.maker.inputs[0].variable is e.x
        and len(f.maker.outputs) == 1
        and f.unpack_single
        and not f.return_none
        and f.output_keys is None
    )


def test_names_and_modes():
    e = World()
    f = function([e.x], e.x)
    assert "test_calls.py:" in f.name and function([e.x], e.x, name="foo").name == "foo"
    for mode in ("FAST_RUN", "FAST_COMPILE", "DebugMode", "DEBUG_MODE", None):
        assert function([e.x], e.x * 2, mode=mode)(2.0) == 4
    with config.change_flags(mode="FAST_COMPILE"):
        assert function([e.x], e.x).maker.mode.passes == "FAST_COMPILE"


def test_unused_inputs_may_be_allowed():
    e = World()
    assert function([e.x, e.y], e.x, on_unused_input="ignore")(1.0, 2.0) == 1
    with pytest.warns(UserWarning, match="index 1"):
        function([e.x, e.y], e.x, on_unused_input="warn")
    with config.change_flags(on_unused_input="ignore"):
        function([e.x, e.y], e.x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function([e.x], e.x, on_unused_input="never looked at")


def test_legacy_tuples():
    e = World()
    assert function([e.x, (e.y, 10.0)], e.x + e.y)(1) == 11
    assert function([e.x, ("yy", e.y, 10.0)], e.x + e.y)(1, yy=2) == 3
    f = function([e.x, ((e.y, e.y + e.x), 10.0)], e.y)
    assert f(1) == 10 and f(1) == 11


# -- updates and givens


def test_updates_are_simultaneous():
    a, b, c = shared(1.0), shared(2.0), shared(3.0)
    f = function([], [a, b, c], updates=OrderedDict([(a, b), (b, c), (c, a)]))
    assert f() == [1, 2, 3] and [s.get_value() for s in (a, b, c)] == [2, 3, 1]
    with pytest.warns(UserWarning, match="OrderedDict"):
        function([], [], updates={a: b, b: a})
    function([], [], updates=[(a, 7), [b, np.float32(2)]])()
    assert (a.get_value(), b.get_value()) == (7, 2)


def test_update_may_have_narrower_static_sizes():
    w = shared(np.zeros((2, 3)))
    v = T.TensorType("float64", (2, 3))("v")
    function([v], updates=[(w, v)])(np.ones((2, 3)))
    assert w.get_value().sum() == 6


def test_update_error_names_the_culprit():
    w = shared(np.zeros(3, "float32"), "w")
    wide = T.dvector("wide")
    with pytest.raises(TypeError, match="float64 comes from wide, made at .*test_calls.py:"):
        function([wide], updates=[(w, w - 0.5 * T.tanh(wide))])
    k = T.iscalar("k")
    with pytest.raises(TypeError, match=r"float64 comes from mul\(.*int32.*float32.*test_calls.py:"):
        function([k], updates=[(w, w + k * w)])
    with pytest.raises(TypeError, match="float64 comes from cast.*test_calls.py:"):
        function([], updates=[(w, w + T.cast(w, "float64"))])


@pytest.mark.slow
def test_default_updates():
    s = shared(0, "s")
    s.default_update = s + 1
    f = function([], s)
    assert (f(), f(), s.get_value()) == (0, 1, 2)
    assert function([], s, updates={s: s * 10})() == 2 and s.get_value() == 20
    for skip in (True, [s]):
        assert function([], s, no_default_updates=skip)() == 20 and s.get_value() == 20
    t = shared(0)
    t.default_update = t + s  # reaches s through its expression
    function([], t)()
    assert (t.get_value(), s.get_value()) == (20, 21)
    k = T.lscalar()
    function([k], s * 1, givens={s: k})(3)  # s is not reached any more
    assert s.get_value() == 21


@pytest.mark.slow
def test_givens():
    e = World()
    z = e.x * 3
    assert function([e.y], z + 1, givens={z: e.y})(10.0) == 11  # an intermediate variable
    assert function([], e.x + 1, givens=[(e.x, np.float64(4))])() == 5  # shared silently
    assert function([], e.s + 1, givens={e.s: e.s * 2})() == 3  # itself, once
    # sees the replacements before it
    assert function([e.y], e.x, givens=[(e.s, e.y), (e.x, e.s + 1)])(2.0) == 3
    assert (
        function([e.f], T.tanh(e.v).sum() * e.v, givens={e.v: e.f}, rebuild_strict=False)(
            np.ones(3, "float32")
        ).dtype
        == "float32"
    )
    assert function([e.row], e.m + 0, givens={e.m: e.row})(np.ones((1, 2))).shape == (1, 2)
    k = T.dscalar()
    assert function([k], e.s * 2, givens=[(e.s, k)])(3.0) == 6 and e.s.get_value() == 1


def test_intermediate_input_cuts_the_graph():
    e = World()
    z = e.x * 3
    f = function([z], z + 1)
    assert f(10.0) == 11 and f[z] is None
    with pytest.raises(TypeError):
        f("text")


def test_clones_share_their_value():
    e = World()
    twin = e.s.clone()
    f = function([], e.s + twin, updates=[(twin, e.s + 1)])
    assert f() == 2 and e.s.get_value() == 2 == twin.get_value()


# -- copies, pickles, hooks


def test_copy():
    e = World()
    other = shared(5.0, "other")
    f = function([e.x], e.s + e.x, updates=[(e.s, e.s + 1)], name="foo")
    g = f.copy(swap={e.s: other}, name="bar")
    assert (g(1), f(1), other.get_value(), e.s.get_value()) == (6, 2, 6, 2) and g.name == "bar"
    h = f.copy(delete_updates=True)
    assert h(1) == 3 and e.s.get_value() == 2 and h.name == "foo"
    assert copy.copy(f)(1) == 3 and e.s.get_value() == 3 and f.get_shared() == [e.s]


@pytest.mark.slow
def test_pickle_keeps_identity():
    e = World()
    W, x = shared(np.ones(3), "W"), T.dvector("x")
    cost = (W * x).sum()
    f, g = function([x], cost, updates=[(W, W + 1)]), function([x], cost * 2)
    for pair in (pickle.loads(pickle.dumps((f, g, W, x, cost))), copy.deepcopy((f, g, W, x, cost))):
        f2, g2, W2, x2, cost2 = pair
        assert f2(np.ones(3)) == 3 and W2.get_value().tolist() == [2, 2, 2] and g2([1, 1, 1]) == 12
        assert f2.get_shared() == [W2] and W.get_value().tolist() == [1, 1, 1]
        assert cost2.eval({x2: np.ones(3)}) == 6 and W2.name == "W" and x2.name == "x"
    assert type(pickle.loads(pickle.dumps(f))) is Function and e


def test_pickle_of_the_rest():
    e = World()
    f = function(
        [e.x, In(e.y, value=10, name="yy"), In(e.n, value=1.0, update=e.n + 1)],
        {"a": e.x + e.y, "n": e.n},
        name="foo",
    )
    f(1)
    g = pickle.loads(pickle.dumps(f))
    assert g(1) == {"a": 11, "n": 2} and g(1, yy=1)["a"] == 2 and g.name == "foo" and f["n"] == 2
    s = shared(0, "s")
    s.default_update = s + 1
    t = pickle.loads(pickle.dumps(s))
    h = function([], t)
    assert (h(), h(), s.get_value()) == (0, 1, 0)
    objects = pickle.loads(pickle.dumps(shared([1, [2]], "o")))
    assert objects.get_value() == [1, [2]] and objects.name == "o"
    a, b = copy.deepcopy((s, s.clone()))
    a.set_value(9)
    assert b.get_value() == 9
    z = e.x + 1
    z.tag.note = "kept"
    assert pickle.loads(pickle.dumps(z)).tag.note == "kept"


@pytest.mark.slow
def test_deep_graphs_are_pickled_without_recursion():
    x = T.dscalar("x")
    y = x
    for _ in range(10_000):
        y = y + 1
    z = copy.deepcopy(pickle.loads(pickle.dumps(y)))
    depth = 0
    while z.owner is not None:
        z, depth = z.owner.inputs[0], depth + 1
    assert depth == 10_000 and z.name == "x"


def test_profile_counts():
    e = World()
    f = function([e.x], e.x, profile="mine")
    f(1), f(2)
    assert f.profile.calls == 2 and "mine" in repr(f.profile) and function([e.x], e.x).profile is None


def test_hooks(monkeypatch):
    built, called = [], []
    monkeypatch.setattr(hooks, "BUILT", [built.append])
    monkeypatch.setattr(hooks, "CALLED", [called.append])
    e = World()
    f = function([e.x], e.x)
    assert built == [f] and called == []
    f(1), f(2)
    assert called == [f]
