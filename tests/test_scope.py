"""tgen.scope against TensorFlow 1's variable scopes: every rule and every error."""

import threading

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen import scope
from tgen.scope import AUTO_REUSE, GraphKeys, get_variable, variable_scope


@pytest.fixture(autouse=True)
def fresh_store():
    scope.reset()
    yield
    scope.reset()


def make(name="v", **kwargs):
    return get_variable(name, **({"shape": [2]} | kwargs))


# ---- the reuse table


@pytest.mark.parametrize(
    "reuse, exists, outcome",
    [
        (None, True, "already exists, disallowed. Did you mean to set reuse=True"),
        (None, False, "make"),
        (False, True, "already exists, disallowed"),
        (False, False, "make"),
        (True, True, "same"),
        (True, False, "does not exist, or was not created with"),
        (AUTO_REUSE, True, "same"),
        (AUTO_REUSE, False, "make"),
    ],
)
def test_reuse_table(reuse, exists, outcome):
    if exists:
        with variable_scope("s"):
            first = make()
    with variable_scope("s", reuse=reuse):
        if outcome in ("make", "same"):
            variable = make()
            assert (
                variable.name == "s/v" and (variable is first)
                if exists
                else variable.get_value().shape == (2,)
            )
            return
        with pytest.raises(ValueError, match="Variable s/v " + outcome):
            make()


def test_the_error_names_the_lines_that_made_it():
    def build():
        return make("w")  # THE LINE

    build()
    with pytest.raises(ValueError) as error:
        make("w")
    text = str(error.value)
    assert "Originally defined at" in text and "THE LINE" in text and f'File "{__file__}"' in text
    assert "tgen/scope" not in text and text.count("File ") <= 5


def test_reuse_is_handed_down_and_cannot_be_turned_off():
    with variable_scope("a"):
        with variable_scope("b"):
            first = make()
    with variable_scope("a", reuse=True) as outer:
        assert outer.reuse is True
        for off in (None, False):
            with variable_scope("b", reuse=off) as inner:
                assert inner.reuse is True and make() is first
    with variable_scope("a", reuse=AUTO_REUSE), variable_scope("b") as inner:
        assert inner.reuse is AUTO_REUSE and make() is first
    with variable_scope("a") as outer:
        assert outer.reuse is False


def test_reuse_variables_holds_for_the_rest_of_the_scope_only():
    with variable_scope("a") as vs:
        first = make()
        vs.reuse_variables()
        assert make() is first and vs.reuse is True
        with variable_scope("inner") as inner:
            assert inner.reuse is True
    with variable_scope("a") as vs:
        assert vs.reuse is False


@pytest.mark.parametrize("scalar", [True, False])
def test_the_root_scope(scalar):
    root = scope.get_variable_scope()
    assert (root.name, root.reuse, root.dtype) == ("", False, tgen.config.floatX)
    assert make("x", shape=[] if scalar else [3]).name == "x"
    with pytest.raises(ValueError):
        make("x")


# ---- names and jumps


def test_paths_strings_extend_objects_jump():
    with variable_scope("foo") as foo:
        with variable_scope("bar"):
            assert make().name == "foo/bar/v"
    with variable_scope("other"), variable_scope("deep"):
        with variable_scope(foo) as again:
            assert again is not foo and again.name == "foo" and make("w").name == "foo/w"
        with variable_scope(foo, reuse=True) as again:
            assert make("w").name == "foo/w"
        assert foo.reuse is False and scope.get_variable_scope().name == "other/deep"
    assert scope.get_variable_scope().name == ""


def test_a_jump_copies_defaults_and_overrides():
    with variable_scope("foo", initializer=scope.constant_initializer(4), dtype="float32") as foo:
        pass
    with variable_scope(foo, dtype="float64") as again:
        assert make().get_value().tolist() == [4, 4] and again.dtype == "float64" and foo.dtype == "float32"
    with variable_scope(foo, initializer=scope.ones_initializer()):
        assert make("w").dtype == "float32" and scope.get_variable("w2", [1]).get_value() == 1


def test_default_names_are_made_unique_until_the_parent_is_left():
    def names(count):
        found = []
        for _ in range(count):
            with variable_scope(None, default_name="layer") as vs:
                found.append(vs.name)
        return found

    with variable_scope("net"):
        assert names(3) == ["net/layer", "net/layer_1", "net/layer_2"]
    with variable_scope("net"):
        assert names(2) == ["net/layer", "net/layer_1"]
    assert names(2) == ["layer", "layer_1"]
    with variable_scope("given", default_name="ignored") as vs:
        assert vs.name == "given"


def test_name_scopes_are_fresh_and_variable_names_do_not_see_them():
    with scope.name_scope("ops"):
        assert make("x").name == "x" and scope.Variable(0.0, "y").name == "ops/y"
        with variable_scope("foo") as foo:
            assert foo.original_name_scope == "ops/foo/" and scope.get_name_scope() == "ops/foo"
            assert make().name == "foo/v" and scope.Variable(0.0, "y").name == "ops/foo/y"
    with variable_scope("foo") as again:
        assert scope.get_name_scope() == "foo" and again.original_name_scope == "foo/"
    with variable_scope(foo) as again:
        assert scope.get_name_scope() == "foo_1" and again.original_name_scope == "ops/foo/"
        assert make("w").name == "foo/w" and scope.Variable(0.0, "w").name == "foo_1/w"
    with scope.name_scope("a") as path:
        assert path == "a/"
    with scope.name_scope("a") as path:
        assert path == "a_1/"
    with scope.name_scope("a/") as path:
        assert path == "a/" and scope.Variable(0.0, "z").name == "a/z"
        with scope.name_scope(None) as root:
            assert root == "" and scope.Variable(0.0, "z").name == "z"
    with variable_scope("quiet", auxiliary_name_scope=False):
        assert scope.get_name_scope() == ""


def test_variable_is_always_new_and_uniquified():
    found = [scope.Variable(np.zeros(3), "x") for _ in range(3)]
    assert [v.name for v in found] == ["x", "x_1", "x_2"] and len(set(map(id, found))) == 3
    assert scope.Variable(1).name == "Variable" and scope.Variable(1).name == "Variable_1"
    assert scope.Variable(1, "X").name == "X_3"  # capitals do not tell names apart
    assert make("g").name == "g" and scope.Variable(0.0, "g").name == "g_1"
    with variable_scope("s", reuse=True):
        assert scope.Variable(2.0, "x").name == "s/x"


@pytest.mark.parametrize(
    "value, dtype, wanted",
    [
        (1.5, None, "floatX"),
        (3, None, "int64"),
        (True, None, "bool"),
        ([1, 2], None, "int64"),
        ([0.5], None, "floatX"),
        (np.ones(2, "float32"), None, "float32"),
        (np.int8(3), None, "int8"),
        (lambda: np.ones(2, "int32"), None, "int32"),
        (1, "float32", "float32"),
        (lambda: 1.0, None, "floatX"),
    ],
)
def test_dtypes_of_variable(value, dtype, wanted):
    variable = scope.Variable(value, dtype=dtype)
    assert variable.dtype == (tgen.config.floatX if wanted == "floatX" else wanted)


def test_first_values_are_copied():
    mine = np.ones(3)
    variables = scope.Variable(mine), get_variable("x", initializer=mine)
    mine += 1
    assert all(v.get_value().tolist() == [1, 1, 1] for v in variables)


# ---- misuse


@pytest.mark.parametrize(
    "error, words, call",
    [
        (TypeError, "If default_name is None then name_or_scope is required", lambda: variable_scope(None)),
        (
            ValueError,
            "reuse=True cannot be used without a name_or_scope",
            lambda: variable_scope(None, default_name="d", reuse=True).__enter__(),
        ),
        (
            ValueError,
            "reuse=True cannot be used without",
            lambda: variable_scope(None, default_name="d", reuse=AUTO_REUSE).__enter__(),
        ),
        (
            TypeError,
            "VariableScope: name_or_scope must be a string or VariableScope.",
            lambda: variable_scope(3).__enter__(),
        ),
        (
            ValueError,
            "The reuse parameter must be True or False or None.",
            lambda: variable_scope("s", reuse="yes"),
        ),
        (
            ValueError,
            "The reuse parameter must be True or False or None.",
            lambda: variable_scope("s", reuse=1),
        ),
        (TypeError, "auxiliary_name_scope", lambda: variable_scope("s", auxiliary_name_scope=None)),
        (ValueError, "not a valid scope name", lambda: variable_scope("a b").__enter__()),
        (ValueError, "not a valid scope name", lambda: make("a b")),
        (TypeError, "must be a string", lambda: make(3)),
        (
            ValueError,
            "If initializer is a constant, do not specify shape.",
            lambda: make(initializer=np.ones(2)),
        ),
        (ValueError, "If initializer is a constant, do not specify shape.", lambda: make(initializer=0.5)),
        (
            ValueError,
            "Initializer type 'int32' and explicit dtype 'float32' don't match.",
            lambda: make(shape=None, dtype="float32", initializer=np.ones(2, "int32")),
        ),
        (ValueError, "don't match", lambda: make(shape=None, dtype="int32", initializer=0.5)),
        (
            ValueError,
            "don't match",
            lambda: make(shape=None, dtype="float64", initializer=np.ones(2, "float32")),
        ),
        (ValueError, "The initializer passed is not valid", lambda: make(shape=None)),
        (ValueError, r"Shape of a new variable \(v\) must be fully defined", lambda: make(shape=[None, 3])),
        (
            ValueError,
            "The initializer passed is not valid",
            lambda: make(shape=None, initializer=scope.zeros_initializer()),
        ),
        (ValueError, "negative", lambda: make(shape=[-1])),
        (ValueError, "custom_getter which is not callable", lambda: make(custom_getter=3)),
        (ValueError, "Partitioner must be callable", lambda: make(partitioner=3)),
        (ValueError, "collections argument", lambda: make(collections="variables")),
        (ValueError, "collections argument", lambda: scope.Variable(0.0, collections="variables")),
        (ValueError, "initial_value must be specified", lambda: scope.Variable(None)),
        (
            ValueError,
            "ON_READ",
            lambda: make(trainable=True, synchronization=scope.VariableSynchronization.ON_READ),
        ),
        (TypeError, "At least one of name", lambda: scope.name_scope(None, values=[])),
    ],
)
def test_misuse(error, words, call):
    with pytest.raises(error, match=words):
        call()
    assert scope.global_variables() == [] and scope.get_variable_scope().name == ""


@pytest.mark.parametrize(
    "first, again, words",
    [
        (
            {"shape": [2]},
            {"shape": [3]},
            r"Trying to share variable s/v, but specified shape \(3,\) and found "
            r"shape \(2,\).",
        ),
        ({"shape": [2]}, {"shape": [2, 1]}, "specified shape"),
        ({"dtype": "float32"}, {"dtype": "float64"}, "specified dtype float64 and found dtype float32"),
        ({"dtype": "int32"}, {}, "specified dtype float64 and found dtype int32"),
        ({"shape": [2]}, {"shape": None}, None),
        ({"shape": [2, 3]}, {"shape": [None, 3]}, None),
        ({"shape": [2]}, {"shape": 2}, None),
        (
            {"shape": None, "initializer": np.ones(2, "int32")},
            {"shape": None, "initializer": np.zeros(2, "int32")},
            None,
        ),
    ],
)
def test_what_reuse_compares(first, again, words):
    with variable_scope("s"):
        variable = make(**first)
    with variable_scope("s", reuse=True):
        if words is None:
            assert make(**again) is variable
            return
        with pytest.raises(ValueError, match=words):
            make(**again)


@pytest.mark.parametrize("manual", [True, False])
def test_bad_nesting(manual):
    outer, inner = variable_scope("a"), variable_scope("b")
    outer.__enter__(), inner.__enter__()
    with pytest.raises(RuntimeError, match="Improper nesting of variable_scope."):
        outer.__exit__(None, None, None)
    inner.__exit__(None, None, None), outer.__exit__(None, None, None)
    assert scope.get_variable_scope().name == ""


def test_reset_inside_a_scope_is_refused():
    with variable_scope("a"):
        with pytest.raises(RuntimeError, match="leave it first"):
            scope.reset()


def test_a_failing_callable_leaves_nothing_behind():
    def broken(*_, **__):
        raise ZeroDivisionError

    for kwargs in (
        {"initializer": broken},
        {"regularizer": broken},
        {"custom_getter": broken},
        {"partitioner": scope.fixed_size_partitioner(2), "regularizer": broken},
    ):
        with pytest.raises(ZeroDivisionError):
            make(**kwargs)
        assert scope.global_variables() == [] == scope.get_regularization_losses()
    assert make().name == "v"


# ---- defaults handed down


def test_defaults_are_inherited_and_the_inner_overrides():
    with variable_scope(
        "a", initializer=scope.constant_initializer(1), dtype="float32", regularizer=lambda w: w.sum()
    ):
        assert make().get_value().tolist() == [1, 1] and make("f").dtype == "float32"
        with variable_scope(
            "b", initializer=scope.constant_initializer(2), dtype="int16", regularizer=scope.no_regularizer
        ):
            assert make().get_value().tolist() == [2, 2] and make("w").dtype == "int16"
            with variable_scope("c"):
                assert (
                    make().get_value().tolist() == [2, 2]
                    and make("own", initializer=scope.ones_initializer()).get_value()[0] == 1
                )
        assert make("after").get_value().tolist() == [1, 1]
    assert [loss.name.split("/Reg")[0] for loss in scope.get_regularization_losses()] == [
        "a/v",
        "a/f",
        "a/after",
    ]


def test_constraint_is_not_inherited():
    def clip(w):
        return w

    with variable_scope("a", constraint=clip):
        assert make().tag.constraint is clip
        with variable_scope("b"):
            assert make().tag.constraint is None


@pytest.mark.parametrize(
    "dtype, check",
    [
        ("float32", lambda v: np.abs(v).max() <= np.sqrt(6 / 50) and v.std() > 0.1),
        ("float64", lambda v: np.abs(v).max() <= np.sqrt(6 / 50)),
        ("int32", lambda v: not v.any()),
        ("uint8", lambda v: not v.any()),
        ("bool", lambda v: not v.any()),
    ],
)
def test_default_initializers(dtype, check):
    value = make(shape=[20, 30], dtype=dtype).get_value()
    assert value.dtype == dtype and check(value)


def test_default_initializer_is_required_for_other_dtypes():
    with pytest.raises(
        (ValueError, TypeError), match="An initializer for variable v of complex64 is required"
    ):
        make(dtype="complex64")


@pytest.mark.parametrize(
    "initializer",
    [
        None,
        scope.zeros_initializer,
        scope.zeros_initializer(),
        np.zeros,
        lambda shape, dtype: np.zeros(shape, dtype),
    ],
)
def test_ways_to_say_an_initializer(initializer):
    variable = make(shape=[2, 3], dtype="float32", initializer=initializer)
    assert (
        variable.get_value().shape == (2, 3) and variable.dtype == "float32" and variable.type.shape == (2, 3)
    )


@pytest.mark.slow
def test_value_initializers_bring_shape_and_dtype():
    assert get_variable("a", initializer=np.arange(6, dtype="int16").reshape(2, 3)).type == T.TensorType(
        "int16", (2, 3)
    )
    assert (
        get_variable("b", initializer=0.5).dtype == tgen.config.floatX
        and get_variable("c", initializer=[1, 2]).dtype == "int64"
    )
    assert (
        get_variable("d", dtype="float32", initializer=0.5).dtype == "float32"
        and get_variable("e", initializer=lambda: np.ones(4)).get_value().size == 4
    )
    assert get_variable("f", initializer=tgen.shared(np.ones(2)) * 3).get_value().tolist() == [3, 3]
    assert get_variable("g", initializer=np.ones(2), validate_shape=False).type.shape == (None,)


# ---- custom getters


def test_custom_getters_nest_inner_first():
    calls = []

    def getter(word):
        def get(getter, name, *args, **kwargs):
            calls.append((word, name))
            return getter(name + word, *args, **kwargs)

        return get

    with variable_scope("a", custom_getter=getter("_outer")):
        with variable_scope("b", custom_getter=getter("_inner")) as inner:
            variable = make()
        with variable_scope("c"):
            make("w")
    assert variable.name == "a/b/v_inner_outer"
    assert calls == [("_inner", "a/b/v"), ("_outer", "a/b/v_inner"), ("_outer", "a/c/w")]
    with variable_scope(inner, reuse=True):
        assert make() is variable


def test_a_getter_may_return_something_else():
    with variable_scope("a", custom_getter=lambda getter, name, **kwargs: getter(name, **kwargs) * 2):
        doubled = make(initializer=scope.ones_initializer())
    assert doubled.eval().tolist() == [2, 2] and [v.name for v in scope.global_variables()] == ["a/v"]


def test_the_keywords_a_getter_gets():
    seen = {}

    def get(getter, name, **kwargs):
        seen.update(kwargs)
        return getter(name, **kwargs)

    def old(
        getter,
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        reuse,
        trainable,
        collections,
        caching_device,
        partitioner,
        validate_shape,
        use_resource,
        synchronization,
        aggregation,
    ):
        return getter(name, shape=shape, dtype=dtype)

    make(custom_getter=get)
    assert {
        "shape",
        "dtype",
        "initializer",
        "regularizer",
        "reuse",
        "trainable",
        "collections",
        "partitioner",
        "constraint",
    } <= set(seen)
    assert seen["dtype"] == tgen.config.floatX and seen["reuse"] is False
    assert make("w", custom_getter=old).name == "w"


# ---- collections and regularizers


def test_collections():
    a = make("a")
    with variable_scope("s") as vs:
        b, c = make("b", trainable=False), make("c", collections=["mine"])
        local = scope.get_local_variable("l", shape=[1])
        assert (
            vs.global_variables() == [b]
            and vs.trainable_variables() == [c]
            and vs.local_variables() == [local]
        )
    d = scope.Variable(0.0, "d")
    assert (
        scope.global_variables() == [a, b, d]
        and scope.trainable_variables() == [a, c, d]
        and scope.local_variables() == [local]
    )
    assert (
        scope.global_variables("s") == [b]
        and scope.trainable_variables("s/") == [c]
        and scope.get_collection("mine") == [c]
    )
    assert scope.trainable_variables("[ad]$") == [a, d]
    scope.add_to_collection("mine", 3)
    scope.add_to_collections(["mine", "yours"], 4)
    assert (
        scope.get_collection("mine") == [c, 3, 4]
        and scope.get_collection("mine", "s") == [c]
        and scope.get_collection("yours") == [4]
    )
    copied, live = scope.get_collection("mine"), scope.get_collection_ref("mine")
    copied.clear(), live.append(5)
    assert scope.get_collection("mine")[-1] == 5 and set(scope.get_all_collection_keys()) >= {
        "mine",
        "yours",
        GraphKeys.GLOBAL_VARIABLES,
    }
    assert (
        make("onread", synchronization=scope.VariableSynchronization.ON_READ)
        not in scope.trainable_variables()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "regularizer, wanted",
    [
        (scope.l1_regularizer(0.5), 3.5),
        (scope.l2_regularizer(0.5), 6.25),
        (scope.l1_l2_regularizer(0.5, 0.5), 9.75),
        (scope.l1_l2_regularizer(0.0, 0.5), 6.25),
        (scope.sum_regularizer([None, scope.l1_regularizer(1.0)]), 7.0),
        (scope.l1_regularizer(0.0), None),
        (scope.no_regularizer, None),
        (lambda w: None, None),
        (scope.sum_regularizer([]), None),
    ],
)
def test_regularizers_run_once_at_creation(regularizer, wanted):
    with variable_scope("s", reuse=AUTO_REUSE):
        for _ in range(2):
            get_variable("w", initializer=np.array([3.0, -4.0]), regularizer=regularizer)
    losses = scope.get_regularization_losses("s/")
    assert len(losses) == (wanted is not None)
    assert float(tgen.function([], T.as_tensor_variable(scope.get_regularization_loss()))()) == pytest.approx(
        wanted or 0.0
    )


@pytest.mark.parametrize("make_one", [scope.l1_regularizer, scope.l2_regularizer])
@pytest.mark.parametrize("scale, error", [(1, ValueError), (-0.1, ValueError), ("0.1", TypeError)])
def test_bad_scales(make_one, scale, error):
    with pytest.raises(error, match="scale"):
        make_one(scale)


# ---- partitioners


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape, parts, shapes",
    [
        ([5, 2], [2, 1], [(3, 2), (2, 2)]),
        ([2, 7], [1, 3], [(2, 3), (2, 2), (2, 2)]),
        ([4], [4], [(1,)] * 4),
        ([3, 3], [1, 1], [(3, 3)]),
    ],
)
def test_partitions(shape, parts, shapes):
    initializer = scope.random_normal_initializer(seed=7)
    with variable_scope("s", partitioner=lambda shape, dtype: parts, regularizer=scope.l2_regularizer(1.0)):
        whole = get_variable("w", shape, initializer=initializer)
    assert [v.name for v in whole] == [f"s/w/part_{i}" for i in range(len(shapes))] and len(whole) == len(
        shapes
    )
    assert (
        [v.get_value().shape for v in whole] == shapes
        and whole.shape == tuple(shape)
        and whole.dtype == tgen.config.floatX
    )
    assert np.array_equal(whole.get_value(), initializer(shape)) and np.array_equal(
        (whole * 2).eval(), initializer(shape) * 2
    )
    assert scope.global_variables() == list(whole) and len(scope.get_regularization_losses()) == len(shapes)
    for partitioner in (None, lambda shape, dtype: parts):
        with variable_scope("s", reuse=True, partitioner=partitioner):
            assert get_variable("w", shape) is whole
    assert T.dot(T.ones((1, shape[0])), whole).eval().shape == (1, *shape[1:])


def test_value_initializers_and_scalars_under_a_partitioner():
    value = np.arange(6.0).reshape(3, 2)
    whole = get_variable("w", initializer=value, partitioner=scope.fixed_size_partitioner(2))
    assert [v.get_value().tolist() for v in whole] == [[[0, 1], [2, 3]], [[4, 5]]]
    assert (
        get_variable("scalar", shape=[], partitioner=scope.fixed_size_partitioner(2)).get_value().shape == ()
    )


@pytest.mark.parametrize(
    "words, parts, shape",
    [
        ("Shape of a new partitioned variable must be fully defined", [1], None),
        ("fully defined", [2, 1], [None, 2]),
        ("Partitioner must return a sequence", 3, [2]),
        ("does not match the Variable's rank", [1, 1], [2]),
        ("zero partitions for some axes", [0], [2]),
        ("Can only slice a variable along one dimension", [2, 2], [4, 4]),
    ],
)
def test_bad_partitions(words, parts, shape):
    with pytest.raises(ValueError, match=words):
        get_variable("w", shape, partitioner=lambda shape, dtype: parts)
    assert scope.global_variables() == []


def test_partitioned_and_unpartitioned_names_do_not_mix():
    two, three = scope.fixed_size_partitioner(2), scope.fixed_size_partitioner(3)
    make("plain"), make("cut", shape=[6], partitioner=two), make("odd/part_0")
    cases = [
        (
            "A partitioner was provided, but an unpartitioned version",
            dict(name="plain", partitioner=two),
            None,
        ),
        ("No partitioner was provided, but a partitioned version", dict(name="cut"), AUTO_REUSE),
        ("already exists. Did you mean", dict(name="cut", shape=[6], partitioner=two), None),
        ("specified partitions", dict(name="cut", shape=[6], partitioner=three), True),
        ("specified shape", dict(name="cut", shape=[7], partitioner=two), True),
        ("specified dtype", dict(name="cut", shape=[6], dtype="float32", partitioner=two), True),
        ("PartitionedVariable new does not exist", dict(name="new", partitioner=two), True),
        ("different partitioning", dict(name="odd", partitioner=two), None),
    ]
    for words, wish, reuse in cases:
        with variable_scope(scope.get_variable_scope(), reuse=reuse):
            with pytest.raises(ValueError, match=words):
                make(**wish)


@pytest.mark.parametrize(
    "partitioner, shape, wanted",
    [
        (scope.fixed_size_partitioner(3), (9, 2), [3, 1]),
        (scope.fixed_size_partitioner(3, axis=1), (9, 2), [1, 3]),
        (scope.variable_axis_size_partitioner(32), (16, 2), [4, 1]),
        (scope.variable_axis_size_partitioner(32, max_shards=2), (16, 2), [2, 1]),
        (scope.variable_axis_size_partitioner(1), (3, 2), [3, 1]),
        (scope.min_max_variable_partitioner(4, min_slice_size=32), (16, 2), [4, 1]),
        (scope.min_max_variable_partitioner(9, min_slice_size=64), (16, 2), [2, 1]),
        (scope.min_max_variable_partitioner(4), (2, 2), [1, 1]),
    ],
)
def test_partitioners(partitioner, shape, wanted):
    assert partitioner(shape=shape, dtype="float32") == wanted


# ---- initializers


@pytest.mark.parametrize(
    "initializer, mean, spread, bound",
    [
        (scope.random_normal_initializer(1.0, 2.0, seed=1), 1, 2, 12),
        (scope.random_uniform_initializer(-1, 1, seed=1), 0, 1 / 3**0.5, 1),
        (scope.truncated_normal_initializer(0.0, 2.0, seed=1), 0, 2 * 0.8796, 4),
        (scope.glorot_uniform_initializer(seed=1), 0, (2 / 300) ** 0.5, (6 / 300) ** 0.5),
        (scope.glorot_normal_initializer(seed=1), 0, (2 / 300) ** 0.5, 0.19),
        (scope.variance_scaling_initializer(2.0, seed=1), 0, (2 / 200) ** 0.5, 0.25),
        (scope.variance_scaling_initializer(1.0, "fan_out", "uniform", seed=1), 0, 0.1, 3**0.5 / 10),
        (scope.variance_scaling_initializer(1.0, "fan_out", "untruncated_normal", seed=1), 0, 0.1, 0.6),
    ],
)
def test_distributions(initializer, mean, spread, bound):
    value = initializer([200, 100], "float64")
    assert (
        value.shape == (200, 100)
        and abs(value.mean() - mean) < 4 * spread / 141
        and abs(value.std() - spread) < 0.02 * spread
    )
    assert np.abs(value - mean).max() <= bound and np.array_equal(value, initializer([200, 100], "float64"))
    assert initializer([3], "float32").dtype == "float32" and "seed=1" in repr(initializer)


@pytest.mark.parametrize(
    "initializer, shape, wanted",
    [
        (scope.constant_initializer(3), [2], [3, 3]),
        (scope.constant_initializer([1, 2]), [2, 2], [[1, 2], [2, 2]]),
        (scope.constant_initializer(np.arange(4)), [2, 2], [[0, 1], [2, 3]]),
        (scope.constant_initializer(3), [0], []),
        (scope.identity_initializer(2.0), [2, 2], [[2, 0], [0, 2]]),
        (scope.ones_initializer(), [], 1),
    ],
)
def test_fixed_values(initializer, shape, wanted):
    assert initializer(shape, "float64").tolist() == wanted


def test_orthogonal():
    for shape in ([6, 3], [3, 6], [2, 3, 4]):
        flat = scope.orthogonal_initializer(2.0, seed=1)(shape, "float64").reshape(-1, shape[-1])
        small = flat @ flat.T if flat.shape[0] < flat.shape[1] else flat.T @ flat
        assert np.allclose(small, 4 * np.eye(len(small)))


@pytest.mark.parametrize(
    "error, call",
    [
        (ValueError, lambda: scope.constant_initializer([1, 2, 3])([2])),
        (TypeError, lambda: scope.constant_initializer([1, 2], verify_shape=True)([2, 1])),
        (TypeError, lambda: scope.constant_initializer({})),
        (ValueError, lambda: scope.random_normal_initializer()([2], "int32")),
        (ValueError, lambda: scope.random_uniform_initializer()([2], "int32")),
        (ValueError, lambda: scope.variance_scaling_initializer(0)),
        (ValueError, lambda: scope.variance_scaling_initializer(mode="x")),
        (ValueError, lambda: scope.variance_scaling_initializer(distribution="x")),
        (ValueError, lambda: scope.orthogonal_initializer()([2])),
        (ValueError, lambda: scope.identity_initializer()([2])),
    ],
)
def test_bad_initializers(error, call):
    with pytest.raises(error):
        call()


def test_seeds():
    scope.set_random_seed(4)
    first = [make(f"a{i}").get_value() for i in range(2)]
    scope.set_random_seed(4)
    again = [make(f"b{i}").get_value() for i in range(2)]
    assert np.array_equal(first, again) and not np.array_equal(*first)
    assert scope.random_uniform_initializer(0, 5, seed=2)([50], "int16").max() == 4


# ---- threads, and the point of it all


def test_scopes_are_thread_local_and_the_store_is_not():
    seen = {}

    def work(i):
        seen[i] = scope.get_variable_scope().name
        with variable_scope("shared", reuse=AUTO_REUSE):
            seen[i, "v"] = make(initializer=scope.ones_initializer())

    with variable_scope("main"):
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        [t.start() for t in threads], [t.join() for t in threads]
        assert scope.get_variable_scope().name == "main"
    assert {seen[i] for i in range(8)} == {""} and len({id(seen[i, "v"]) for i in range(8)}) == 1
    assert len(scope.global_variables()) == 1


@pytest.mark.slow
def test_towers_share_parameters():
    def tower(x):
        w = get_variable("w", [3, 1], initializer=scope.ones_initializer())
        return T.dot(x, w).sum()

    x, y = T.matrix("x"), T.matrix("y")
    with variable_scope("tower") as vs:
        first = tower(x)
        vs.reuse_variables()
        second = tower(y)
    (w,) = scope.trainable_variables("tower")
    train = tgen.function([x], first, updates=[(w, w - 0.5 * T.grad(first, w))])
    assert train(np.ones((2, 3))) == 6 and tgen.function([y], second)(np.ones((1, 3))) == 0


def test_variables_are_ordinary_shared_variables():
    v = make(initializer=scope.ones_initializer())
    v.set_value(np.array([5.0, 6.0], v.dtype))
    assert type(v) is type(tgen.shared(np.ones(2))) and tgen.function([], v.sum())() == 11
    with pytest.raises((TypeError, ValueError)):
        v.set_value(np.ones(3, v.dtype))  # the shape is part of its type
