"""Modes: Theano's names, classes and tags, mapped to what tgen can do; NanGuardMode looks; what is not done
is told once.
"""

import pickle
import warnings

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen import config, errors, function, shared
from tgen.dropin.modes import DebugMode, Mode, MonitorMode, NanGuardMode, get_default_mode, register_mode
from tgen.errors import BadOptimization, NotFinite, TheanoWarning
from tgen.runtime import mode as own
from tgen.runtime.mode import get_mode


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(errors, "_TOLD", set())
    monkeypatch.setattr(own, "NAMED", dict(own.NAMED))


def told(make):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = make()
    return value, [str(w.message) for w in caught if w.category is TheanoWarning]


# -- names


@pytest.mark.parametrize(
    "asked, passes",
    [
        (None, "FAST_RUN"),
        ("Mode", "FAST_RUN"),
        ("FAST_RUN", "FAST_RUN"),
        ("FAST_COMPILE", "FAST_COMPILE"),
        ("DebugMode", "DebugMode"),
        ("DEBUG_MODE", "DebugMode"),
        ("NanGuardMode", "FAST_RUN"),
        (lambda: Mode(), "FAST_RUN"),
        (lambda: Mode("c|py", "fast_compile"), "FAST_COMPILE"),
        (lambda: Mode(optimizer=None), "FAST_COMPILE"),
        (lambda: Mode("vm", "o4"), "FAST_RUN"),
        (lambda: Mode(optimizer="merge"), "FAST_COMPILE"),
        (lambda: DebugMode(stability_patience=3), "DebugMode"),
        (lambda: tgen.compile.get_default_mode(), "FAST_RUN"),
        (lambda: get_mode("FAST_COMPILE"), "FAST_COMPILE"),
        (lambda: Mode().clone(optimizer="fast_compile"), "FAST_COMPILE"),
        (lambda: own.Mode("FAST_COMPILE"), "FAST_COMPILE"),
        (own.NanGuard, "FAST_RUN"),
    ],
)
def test_what_a_mode_comes_to(asked, passes):
    x = T.dvector("x")
    (f, warned) = told(lambda: function([x], T.exp(x).sum(), mode=asked() if callable(asked) else asked))
    assert f.maker.mode.passes == passes and warned == []
    np.testing.assert_allclose(f([0.0, 1.0]), 1 + np.e)


def test_the_passes_are_those_of_the_mode():
    x = T.dvector("x")
    texts = {
        name: function([x], T.exp(x) + T.exp(x), mode=name).inspect("final").count("= exp ")
        for name in ("FAST_RUN", "FAST_COMPILE")
    }
    assert texts == {"FAST_RUN": 1, "FAST_COMPILE": 2}


def test_what_only_simplify_would_take_away_is_compiled_too():
    """The view of a number, which adds an element to zeros, was taken for rows of it."""
    x = T.dvector("x")
    f = function([x], T.grad(x[1] ** 2, x), mode="FAST_COMPILE")
    np.testing.assert_array_equal(f([2.0, 3.0]), [0, 6])


@pytest.mark.parametrize(
    "flags, passes",
    [
        ({"optimizer": "fast_compile"}, "FAST_COMPILE"),
        ({"optimizer": None}, "FAST_COMPILE"),
        ({"mode": "FAST_RUN", "optimizer": "None"}, "FAST_RUN"),
        ({"mode": "DebugMode"}, "DebugMode"),
        ({"linker": "c"}, "FAST_RUN"),
        ({"mode": "Mode", "optimizer": "o1"}, "FAST_COMPILE"),
    ],
)
def test_the_default_mode_is_configs(flags, passes):
    with config.change_flags(**flags):
        assert get_default_mode().passes == passes == get_mode(None).passes
        assert get_mode("FAST_RUN").passes == "FAST_RUN"


@pytest.mark.parametrize(
    "wrong, error, words",
    [
        (
            lambda: function([], T.constant(1), mode="FAST_RUM"),
            ValueError,
            "No predefined mode exist for string: FAST_RUM; nearest: FAST_RUN",
        ),
        (lambda: function([], T.constant(1), mode=3), TypeError, "mode must be a Mode or a string"),
        (lambda: Mode("pyc"), ValueError, "no linker 'pyc'; nearest: py"),
        (lambda: Mode(optimizer="fast_rum"), ValueError, "nearest: fast_run"),
        (lambda: Mode(linker=object()), TypeError, "linker of a Mode must be a name"),
        (lambda: Mode(optimizer=["fusion"]), TypeError, "optimizer of a Mode must be a name"),
        (lambda: DebugMode(check_c_cod=True), TypeError, "nearest: check_c_code"),
        (lambda: register_mode("FAST_RUN", Mode()), ValueError, "already taken"),
    ],
)
def test_wrong_modes(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()


def test_modes_of_ones_own():
    register_mode("QUICK", Mode(optimizer=None))
    assert function([], T.constant(1.0), mode="QUICK").maker.mode.passes == "FAST_COMPILE"


# -- what is not done is told once


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: get_mode("FAST_RUN").excluding("fusion"), "Mode.excluding('fusion')"),
        (lambda: get_default_mode().including("cudnn_thing"), "Mode.including('cudnn_thing')"),
        (lambda: Mode().requiring("a", "b"), "Mode.requiring('a', 'b')"),
        (lambda: Mode("py"), "compiled C"),
        (lambda: MonitorMode(post_func=print), "never called"),
        (lambda: Mode().register("local_thing"), "Mode.register('local_thing')"),
    ],
)
def test_told_once(make, words):
    x = T.dscalar("x")
    made, first = told(make)
    assert len(first) == 1 and words in first[0] and told(make)[1] == []
    assert function([x], x + 1, mode=made)(2.0) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: get_mode("FAST_RUN").excluding("gpuarray", "conv_dnn", "local_gpu_conv"),
        lambda: MonitorMode(),
        lambda: Mode().excluding(),
        lambda: Mode("cvm_nogc", "fast_run"),
    ],
)
def test_nothing_to_tell(make):
    assert told(make)[1] == []


def test_config_excludes_for_the_default_mode_only():
    with config.change_flags(optimizer_excluding="fusion:inplace", optimizer_including="local_x"):
        assert told(lambda: get_mode("FAST_RUN"))[1] == []
        _, warned = told(get_default_mode)
        assert (
            len(warned) == 2
            and "excluding('fusion', 'inplace')" in warned[1]
            and "including('local_x')" in warned[0]
        )


# -- NanGuardMode


def guarded(**options):
    x, w = T.dvector("x"), shared(np.ones(2), "w")
    y = T.log(x)
    return function([x], (y * w).sum(), updates=[(w, w + y * 1e9)], mode=NanGuardMode(**options)), w


@pytest.mark.parametrize(
    "value, options, words",
    [
        ([np.nan, 1], {}, "the argument x holds NaN"),
        ([np.inf, 1], {}, "the argument x holds an infinity"),
        (
            [1e11, 1],
            {},
            r"the argument x "
            r"holds "
            r"a "
            r"number beyond "
            r"1e\+10",
        ),
        ([-1, 1], {}, r"output 0 holds NaN; the first came from log at .*test_modes.py:\d+$"),
        ([0, 1], {}, "output 0 holds an infinity; the first came from log"),
        ([1e-9, 1], {}, "the new value of w holds a number beyond"),
        ([-1, 1], {"inf_is_error": False, "big_is_error": False}, "output 0 holds NaN"),
    ],
)
def test_what_the_guard_refuses(value, options, words):
    f, w = guarded(**options)
    f([1.0, 1.0])
    with pytest.raises(NotFinite, match=words) as caught:
        f(value)
    assert isinstance(caught.value, AssertionError) and w.get_value().tolist() == [1, 1], (
        "a refused call has changed nothing"
    )
    assert f([1.0, 1.0]) == 0


@pytest.mark.parametrize(
    "value, options",
    [
        ([-1.0, 1], {"nan_is_error": False}),
        ([0.0, 1], {"inf_is_error": False, "big_is_error": False}),
        ([1e-9, 1], {"big_is_error": False}),
    ],
)
def test_what_the_guard_lets_through(value, options):
    f, w = guarded(**options)
    f(value)
    assert not np.array_equal(w.get_value(), [1, 1])


def test_the_guard_looks_at_shared_values_and_leaves_others_alone():
    w, n, o = shared(np.array([1.0, np.nan]), "w"), T.lvector("n"), shared([1], "o")
    f = function([n], w * n, mode="NanGuardMode")
    with pytest.raises(NotFinite, match="the shared variable w holds NaN"):
        f([1, 2])
    assert function([n], n * 10**12, mode="NanGuardMode")([1, 2]).tolist() == [
        10**12,
        2 * 10**12,
    ] and o.get_value() == [1]


def test_the_guard_and_stable_identities():
    x = T.dmatrix("x")
    np.testing.assert_allclose(
        function([x], T.log(T.nnet.softmax(x)), mode="NanGuardMode")([[1000.0, 0.0]]), [[0, -1000]]
    )


def test_what_config_says_of_the_guard():
    with config.change_flags({"NanGuardMode.nan_is_error": False, "NanGuardMode.action": "warn"}):
        x = T.dvector("x")
        f = function([x], T.log(x), mode=NanGuardMode())
        assert np.isnan(f([-1.0, 1.0])).any()
        with pytest.warns(UserWarning, match="output 0 holds an infinity"):
            assert f([0.0, 1.0])[0] == -np.inf


def test_a_guarded_function_in_a_pickle_and_inspected():
    f, w = guarded()
    again = pickle.loads(pickle.dumps(f))
    with pytest.raises(NotFinite):
        again([-1.0, 1.0])
    assert (
        "log" in f.inspect("ir")
        and w in f.get_shared()
        and repr(again.maker.mode) == "NanGuardMode(linker=cvm, optimizer=fast_run)"
    )


def test_debug_mode_by_its_class():
    x = T.dvector("x")
    f = function([x], x * 2, mode=DebugMode(check_py_code=False))
    honest = f.fn.executable.call
    f.fn.executable.call = lambda values: [honest(values)[0] + 1]
    with pytest.raises(BadOptimization):
        f([1.0])
