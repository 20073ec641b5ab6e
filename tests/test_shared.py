"""Shared variables, the options, and names in messages."""

import numpy as np
import pytest
from world import World

import tgen
import tgen.tensor as T
from tgen import MissingInputError, UnusedInputError, config, function, shared
from tgen.config import OPTIONS, Config, Count

# -- shared variables


def test_shared_types():
    assert [
        type(shared(v)).__name__
        for v in (0, 1.0, True, np.float32(1), np.zeros(2), np.array(0.0), [1], "a", np.bool_(1), None)
    ] == ["ScalarSharedVariable"] * 4 + ["TensorSharedVariable"] * 2 + ["GenericSharedVariable"] * 4
    assert [shared(v).dtype for v in (0, 1.0, True, np.float32(1), np.int8(1))] == [
        "int64",
        "float64",
        "bool",
        "float32",
        "int8",
    ]
    assert (
        shared(np.ones((1, 3), ">f8")).dtype == "float64"
        and shared(np.array([[1.0]]).view(np.matrix)).ndim == 2
    )
    assert str(shared([1, 2]).type) == "<Generic object>" and shared([1, 2]).get_value() == [1, 2]


def test_generic_values_are_copied():
    value = [1, [2]]
    s, t = shared(value), shared(value, borrow=True)
    value[1].append(3)
    assert s.get_value() == [1, [2]] and t.get_value(borrow=True) is value
    s.get_value().append(4)
    s.set_value("text")
    assert s.get_value() == "text"


def test_set_value_may_change_the_shape():
    w = shared(np.zeros(3))
    w.set_value(np.arange(7))
    assert w.get_value().tolist() == list(range(7))
    w.zero()
    assert w.get_value().tolist() == [0] * 7
    w.container.value = [1, 2]
    assert w.container.value.tolist() == [1, 2]


def test_shared_options():
    assert shared(np.zeros(2, "float32"), strict=True).container.strict
    s = shared(np.zeros(2, "float32"), allow_downcast=True)
    s.set_value(np.array([0.1, 0.2]))
    assert s.get_value().dtype == "float32"
    with pytest.raises(TypeError, match="strict"):
        shared(np.zeros(2), strict=True).set_value([1.0, 2.0])


# -- config


def test_config():
    with pytest.raises(ValueError, match="floatX"):
        config.floatX = "float16"
    with pytest.raises(AttributeError, match="no option 'floatx'"):
        config.floatx = "float32"
    with pytest.raises(TypeError, match="threads"):
        config.threads = "two"
    with pytest.raises(AttributeError):
        config.change_flags(nothing=1)
    assert tgen.config is config
    with config.change_flags(floatX="float32", threads=1), config.change_flags(floatX="float64"):
        assert config.floatX == "float64"
    assert "floatX = 'float64'" in repr(config)


def test_config_from_the_environment():
    options = Config(
        {
            "TGEN_FLAGS": "floatX=float32, threads=3,profile=true",
            "TGEN_THREADS": "2",
            "TGEN_CACHE_DIR": "/nowhere",
        }
    )
    assert (options.floatX, options.threads, options.profile, options.cache_dir, options.mode) == (
        "float32",
        2,
        True,
        "/nowhere",
        "Mode",
    )
    with pytest.warns(UserWarning, match="'nothing'"):
        Config({"TGEN_FLAGS": "nothing=1"}).tell_unknown()
    for flags, words in (
        ("floatX=half", "floatX"),
        ("threads=x", "threads"),
        ("profile=maybe", "profile"),
        ("threads=0", "at least 1"),
    ):
        with pytest.raises(ValueError, match=words):
            Config({"TGEN_FLAGS": flags})


def test_an_option_declared_later_has_what_the_environment_says():
    options = Config({"TGEN_FLAGS": "lab.depth=3"})
    options.declare("lab.depth", Count(0, 0, doc=None))
    try:
        assert options.lab.depth == 3
        options.tell_unknown()
    finally:
        del OPTIONS["lab.depth"]


# -- names are the user's text

NAMES = [
    "*/ system(1) /*",
    "a\n#include",
    "\x1b[2J",
    "\\",
    "{x}",
    "%n",
    "{{7*7}}",
    "\0",
    "\u202e",
    "int",
    "n" * 1_000_000,
    "\ud800",
    "../../x",
    "\N{PARTY POPPER}",
]


@pytest.mark.parametrize("name", NAMES, ids=[ascii(n[:20]) for n in NAMES])
def test_messages_escape_names(name):
    a, b, s = T.dvector(name), T.dscalar(name + "b"), shared(np.zeros(3, "float32"), name)
    f = function([a, b], a * b, name=name)
    calls = [
        lambda: f(1.0, 2.0),
        lambda: f([1.0]),
        lambda: f([1.0], 1.0, **{name: 1}),
        lambda: f([1.0], **{name + "c": 1}),
        lambda: f(1, 2, 3),
        lambda: f[name + "c"],
        lambda: function([], updates=[(s, a)]),
        lambda: function([a], a + b),
        lambda: function([a, b], a),
        lambda: s.set_value(1),
        lambda: function([s], s),
    ]
    for call in calls:
        with pytest.raises((TypeError, UnusedInputError, MissingInputError)) as caught:
            call()
        message = str(caught.value)
        assert (
            all(c.isprintable() or c == "\n" for c in message)
            and "\n#include" not in message
            and len(message) < 5000
        ), message[:500]


def test_attributes_that_do_nothing():
    e = World()
    f = function([e.x], e.x, trust_input=True)
    assert f.free() is None and f.sync_shared() is None and f.trust_input and "e.x" not in repr(f)
    with pytest.raises(TypeError):  # trust is a permission: the checks stay
        f("text")
    assert (
        f.value["x"] is None
        and f.container["x"] is f.finder[e.x]
        and f.defaults[0][0]
        and f.indices[0][0].variable is e.x
    )
