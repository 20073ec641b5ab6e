"""Misuse of function(), of its arguments and of its calls, refused before any state is touched."""

import numpy as np
import pytest
from world import World

import tgen
import tgen.tensor as T
from tgen import In, MissingInputError, Out, UnusedInputError, config, function, shared

BUILD = [  # (what, error class, words in the message, call)
    ("inputs not a list", TypeError, "contained in a list", lambda e: function(e.x, e.x)),
    (
        "unused input",
        UnusedInputError,
        "index 1 is not part of the computational graph",
        lambda e: function([e.x, e.y], e.x),
    ),
    (
        "bad on_unused_input",
        ValueError,
        "Invalid value for keyword on_unused_input",
        lambda e: function([e.x, e.y], e.x, on_unused_input="no"),
    ),
    (
        "missing input",
        MissingInputError,
        "was not provided and not given a value",
        lambda e: function([e.x], e.x + e.y),
    ),
    ("missing output", MissingInputError, "y", lambda e: function([], e.y)),
    ("input twice", UnusedInputError, "at indices 0 and 1", lambda e: function([e.x, e.x], e.x)),
    (
        "constant input",
        TypeError,
        "Constants not allowed in param list",
        lambda e: function([T.constant(1.0)], e.x),
    ),
    (
        "shared input",
        TypeError,
        "Cannot use a shared variable \\(s\\) as explicit input",
        lambda e: function([e.s], e.s),
    ),
    ("number as input", TypeError, "Unknown parameter type: <class 'int'>", lambda e: function([3], e.x)),
    ("string as input", TypeError, "Unknown parameter type", lambda e: function(["x"], e.x)),
    ("tuple of nothing", TypeError, "Unknown parameter type", lambda e: function([(1, 2)], e.x)),
    (
        "tuple with updates",
        NotImplementedError,
        "tuples",
        lambda e: function([(e.x, 1.0)], e.x, updates=[(e.s, e.x)]),
    ),
    ("bad output", TypeError, "Outputs must be", lambda e: function([e.x], 3)),
    ("bad output in list", TypeError, "Outputs must be", lambda e: function([e.x], [e.x, "x"])),
    ("generic output", TypeError, "generic", lambda e: function([], e.objects)),
    ("output key", AssertionError, "strings", lambda e: function([e.x], {1: e.x})),
    ("output key, as TypeError", TypeError, "strings", lambda e: function([e.x], {1: e.x})),
    (
        "update of a symbolic variable",
        TypeError,
        "update target must be a SharedVariable",
        lambda e: function([e.x], [], updates=[(e.x, e.x)]),
    ),
    (
        "update twice",
        ValueError,
        "already has an update expression",
        lambda e: function([], [], updates=[(e.s, e.s + 1), (e.s, e.s + 2)]),
    ),
    (
        "update of a clone too",
        ValueError,
        "already has an update expression",
        lambda e: function([], [], updates=[(e.s, e.s + 1), (e.s.clone(), e.s + 2)]),
    ),
    (
        "update of wider dtype",
        TypeError,
        "An update must have the same type",
        lambda e: function([], [], updates=[(e.s32, e.s32 * np.float64(2))]),
    ),
    (
        "update of narrower dtype",
        TypeError,
        "must have the same type",
        lambda e: function([], [], updates=[(e.s, e.s32)]),
    ),
    (
        "update of another rank",
        TypeError,
        "1 dimensions instead of 0",
        lambda e: function([], [], updates=[(e.s, e.w)]),
    ),
    (
        "update broadcastable",
        TypeError,
        "unbroadcast",
        lambda e: function([], [], updates=[(shared(np.zeros((2, 3))), T.zeros((1, 3)))]),
    ),
    (
        "update not broadcastable",
        TypeError,
        "must have the same type",
        lambda e: function([e.m], [], updates=[(shared(np.zeros((1, 3)), broadcastable=(True, False)), e.m)]),
    ),
    (
        "update of another static size",
        TypeError,
        "static sizes",
        lambda e: function([], [], updates=[(shared(np.zeros(3), shape=(3,)), np.zeros(4) + e.s)]),
    ),
    (
        "update value of another dtype",
        TypeError,
        "s32",
        lambda e: function([], [], updates=[(e.s32, np.zeros(()))]),
    ),
    ("update of a generic", TypeError, "generic", lambda e: function([], [], updates=[(e.objects, e.s)])),
    (
        "updates no pairs",
        ValueError,
        "list of lists/tuples with 2 elements",
        lambda e: function([], [], updates=[e.s]),
    ),
    (
        "updates triples",
        ValueError,
        "list of lists/tuples with 2 elements",
        lambda e: function([], [], updates=[(e.s, e.s, e.s)]),
    ),
    (
        "updates a number",
        ValueError,
        "list of lists/tuples with 2 elements",
        lambda e: function([], [], updates=3),
    ),
    ("givens key", TypeError, "given keys must be Variable", lambda e: function([], e.s, givens=[(3, e.s)])),
    (
        "givens dtype",
        TypeError,
        "Cannot convert Type",
        lambda e: function([e.f], e.v.sum(), givens={e.v: e.f}),
    ),
    (
        "givens rank",
        TypeError,
        "Cannot convert Type",
        lambda e: function([e.m], e.v.sum(), givens={e.v: e.m}),
    ),
    (
        "givens pattern",
        TypeError,
        "Cannot convert Type",
        lambda e: function([e.m], e.row.sum(), givens={e.row: e.m}),
    ),
    (
        "givens replaces an input",
        RuntimeError,
        "this variable is an input",
        lambda e: function([e.x], e.x, givens={e.x: e.y}),
    ),
    (
        "givens chain",
        AssertionError,
        "depend on an old_v",
        lambda e: function([], e.x, givens=[(e.x, e.y), (e.y, e.x + 1)]),
    ),
    (
        "givens chain, as ValueError",
        ValueError,
        "depend on an old_v",
        lambda e: function([], e.x, givens=[(e.x, e.y), (e.y, e.x + 1)]),
    ),
    ("givens no pairs", ValueError, "2 elements", lambda e: function([], e.x, givens=[e.x])),
    (
        "no_default_updates a tuple",
        TypeError,
        "either a boolean or a list",
        lambda e: function([], e.s, no_default_updates=(e.s,)),
    ),
    (
        "no_default_updates None",
        TypeError,
        "either a boolean or a list",
        lambda e: function([], e.s, no_default_updates=None),
    ),
    (
        "unknown mode",
        Exception,
        "No predefined mode exist for string: NOPE",
        lambda e: function([e.x], e.x, mode="NOPE"),
    ),
    ("unknown mode, as ValueError", ValueError, "NOPE", lambda e: function([e.x], e.x, mode="NOPE")),
    ("mode not a string", TypeError, "mode", lambda e: function([e.x], e.x, mode=3)),
    ("mutable without borrow", AssertionError, "mutable", lambda e: In(e.x, mutable=True, borrow=False)),
    (
        "mutable without borrow, as ValueError",
        ValueError,
        "mutable",
        lambda e: In(e.x, mutable=True, borrow=False),
    ),
    ("name no string", TypeError, "name must be a string! \\(got: 3\\)", lambda e: In(e.x, name=3)),
    ("In of a number", TypeError, "symbolic", lambda e: In(3)),
    ("Out of a number", TypeError, "symbolic", lambda e: Out(3)),
    ("In update of another type", TypeError, "same type", lambda e: In(e.x, update=e.v)),
    (
        "implicit without value",
        TypeError,
        "An implicit input must be given a default value",
        lambda e: In(e.x, implicit=True),
    ),
    ("default of a wrong type", TypeError, "at index 0", lambda e: function([In(e.v, value=1.0)], e.v)),
    (
        "state of a wrong type",
        TypeError,
        "Wrong number of dimensions",
        lambda e: function([In(e.v, value=1.0, update=e.v)], e.v),
    ),
    (
        "default update of another type",
        TypeError,
        "must have the same type",
        lambda e: (setattr(e.s32, "default_update", e.s), function([], e.s32)),
    ),
    # -- shared variables
    (
        "shared of a variable",
        TypeError,
        "needs numeric values and not symbolic variables",
        lambda e: shared(e.x),
    ),
    (
        "shared dtype=",
        TypeError,
        "No suitable SharedVariable constructor could be found",
        lambda e: shared(1, dtype="float32"),
    ),
    ("shared masked", TypeError, "mask", lambda e: shared(np.ma.masked_array([1.0, 2.0], [0, 1]))),
    ("shared complex", TypeError, "complex128", lambda e: shared(np.zeros(2, complex))),
    ("shared strings", TypeError, "tgen has no tensors of dtype", lambda e: shared(np.array(["a"]))),
    ("shared int too wide", TypeError, "int64", lambda e: shared(1 << 70)),
    ("shared name", TypeError, "string", lambda e: shared(1.0, 3)),
    (
        "shared pattern",
        TypeError,
        "3 entries",
        lambda e: shared(np.zeros((2, 2)), broadcastable=(True, False, False)),
    ),
    (
        "shared pattern of a size",
        TypeError,
        "broadcastable",
        lambda e: shared(np.zeros((2, 2)), broadcastable=(True, False)),
    ),
    ("shared shape", TypeError, "static size 3", lambda e: shared(np.zeros((2, 2)), shape=(3, None))),
    ("shared list with shape", TypeError, "for arrays", lambda e: shared([1, 2], shape=(2,))),
    (
        "container and value",
        TypeError,
        "container",
        lambda e: tgen.TensorSharedVariable("n", e.s.type, 1.0, container=e.s.container),
    ),
    (
        "set_value rank",
        TypeError,
        "Wrong number of dimensions: expected 1, got 2 .* Container name 'w'",
        lambda e: e.w.set_value(np.zeros((3, 1))),
    ),
    (
        "set_value dtype",
        TypeError,
        "without risking loss of precision",
        lambda e: e.s32.set_value(np.zeros((), "int64")),
    ),
    ("set_value inexact", TypeError, "cannot store accurately", lambda e: e.s32.set_value(1.5)),
    ("set_value None", TypeError, "None", lambda e: e.w.set_value(None)),
    ("set_value masked", TypeError, "mask", lambda e: e.w.set_value(np.ma.masked_array([1.0], [1]))),
    ("set_value variable", TypeError, "Variable", lambda e: e.w.set_value(e.v)),
    ("set_value text", TypeError, "numbers", lambda e: e.w.set_value("text")),
    (
        "set_value static size",
        TypeError,
        "static size 3",
        lambda e: shared(np.zeros(3), shape=(3,)).set_value(np.zeros(4)),
    ),
    (".value", TypeError, "get_value", lambda e: e.s.value),
    ("generic indexed", TypeError, "no tensor operators", lambda e: e.objects[0]),
    ("generic added", TypeError, "no tensor operators", lambda e: e.objects + 1),
    ("expression has no value", AttributeError, "get_value", lambda e: (e.s + 1).get_value()),
    ("item assignment", TypeError, "does not support item assignment", lambda e: e.w.__setitem__(0, 1)),
    # -- copies of functions
    (
        "copy swap absent",
        ValueError,
        "SharedVariable: w not found",
        lambda e: function([], e.s).copy(swap={e.w: e.w}),
    ),
    (
        "copy swap type",
        AssertionError,
        "cannot be swapped",
        lambda e: function([], e.s).copy(swap={e.s: e.w}),
    ),
    (
        "copy swap type, as TypeError",
        TypeError,
        "cannot be swapped",
        lambda e: function([], e.s).copy(swap={e.s: e.w}),
    ),
    ("unknown item", TypeError, "Unknown input or state: zz", lambda e: function([e.x], e.x)["zz"]),
    ("unknown item by variable", TypeError, "Unknown input or state", lambda e: function([e.x], e.x)[e.y]),
    (
        "unknown item set",
        TypeError,
        "Unknown input or state: zz",
        lambda e: function([e.x], e.x).__setitem__("zz", 1),
    ),
    ("index too large", TypeError, "Unknown input or state: 5", lambda e: function([e.x], e.x)[5]),
    ("inspect", ValueError, "inspect", lambda e: function([e.x], e.x).inspect("no")),
    ("eval key", TypeError, "Unknown parameter", lambda e: e.x.eval({3: 1.0})),
    ("eval no dict", TypeError, "dict", lambda e: e.x.eval([1.0])),
    ("eval missing", MissingInputError, "y", lambda e: (e.x + e.y).eval({e.x: 1.0})),
]


@pytest.mark.slow
@pytest.mark.parametrize("what, error, words, call", BUILD, ids=[row[0] for row in BUILD])
def test_misuse_when_built(what, error, words, call):
    world = World()
    before = world.state()
    with pytest.raises(error, match=words):
        call(world)
    assert world.state() == before


def vector(e, **options):
    """A function of one float64 vector that updates s; its name is fixed."""
    return function([e.v], e.v.sum(), updates=[(e.s, e.s + 1)], name="fn", **options)


def floats(e, **options):
    return function([e.f], e.f.sum(), updates=[(e.s, e.s + 1)], **options)


def ints(e, **options):
    return function([e.i], e.i.sum(), updates=[(e.s, e.s + 1)], **options)


def two(e):
    return function([e.x, e.y], e.x + e.y, updates=[(e.s, e.s + 1)])


def scalar(dtype, **options):
    def make(e):
        a = T.scalar("a", dtype=dtype)
        return function([a], a, updates=[(e.s, e.s + 1)], **options)

    return make


def unaligned(values):
    raw = np.zeros(values.nbytes + 1, "uint8")
    array = raw[1:].view(values.dtype).reshape(values.shape)
    array[...] = values
    return array


CALLS = [  # (what, words, function, call)
    ("too few", "Missing required input: y", two, lambda f, e: f(1.0)),
    ("none at all", "Missing required input: x", two, lambda f, e: f()),
    ("too many", "Too many parameter passed to tgen function", two, lambda f, e: f(1.0, 2.0, 3.0)),
    ("too many, keyword", "Unknown input or state", two, lambda f, e: f(1.0, 2.0, q=3.0)),
    ("implicit positional", "Too many parameter .* s", vector, lambda f, e: f([1.0], 9.0)),
    (
        "implicit by name",
        "Tried to provide value for implicit input: s",
        vector,
        lambda f, e: f([1.0], s=9.0),
    ),
    ("twice", "Multiple values for input: x", two, lambda f, e: f(1.0, x=2.0)),
    (
        "unknown keyword",
        "Unknown input or state: z. The function has 2 named inputs \\(x, y\\)",
        two,
        lambda f, e: f(1.0, 2.0, z=3),
    ),
    (
        "ambiguous",
        "Ambiguous name: n - please check",
        lambda e: function([e.n, e.n2], e.n + e.n2, updates=[(e.s, e.s + 1)]),
        lambda f, e: f(1.0, n=2.0),
    ),
    (
        "unnamed",
        "1 unnamed input which",
        lambda e: function([T.dscalar()], [], updates=[(e.s, e.s + 1)], on_unused_input="ignore"),
        lambda f, e: f(z=1),
    ),
    (
        "ndim",
        "Bad input argument 'v' to tgen function with name \"fn\" at index 0 \\(0-based\\): Wrong "
        "number of dimensions: expected 1, got 2 with shape \\(2, 2\\)",
        vector,
        lambda f, e: f(np.zeros((2, 2))),
    ),
    ("ndim of a scalar", "expected 1, got 0", vector, lambda f, e: f(1.0)),
    (
        "ndim with downcast",
        "expected 1, got 2",
        lambda e: vector(e, allow_input_downcast=True),
        lambda f, e: f([[1.0]]),
    ),
    (
        "wider array",
        "without risking loss of precision. .* explicitly cast your data to float32",
        floats,
        lambda f, e: f(np.zeros(2)),
    ),
    ("int64 array", "int64 without risking loss", ints, lambda f, e: f(np.zeros(2, "int64"))),
    ("float array", "float64 without risking loss", ints, lambda f, e: f(np.zeros(2))),
    ("inexact list", "cannot store accurately value \\[0.1\\]", floats, lambda f, e: f([0.1])),
    (
        "inexact int",
        "cannot store accurately value \\[1.5\\], it would be represented as \\[1\\]",
        ints,
        lambda f, e: f([1.5]),
    ),
    ("inexact number", "cannot store accurately value 0.1", scalar("float32"), lambda f, e: f(0.1)),
    ("uint8 into int8", "uint8 without risking loss", scalar("int8"), lambda f, e: f(np.array(3, "uint8"))),
    ("int too large", "cannot store accurately", scalar("int8"), lambda f, e: f(200)),
    ("huge int", "cannot store accurately", scalar("int64"), lambda f, e: f(1 << 70)),
    ("huge int into float", "cannot store accurately", scalar("float64"), lambda f, e: f((1 << 53) + 1)),
    ("negative into unsigned", "cannot store accurately", scalar("uint8"), lambda f, e: f(-1)),
    ("two into bool", "cannot store accurately", scalar("bool"), lambda f, e: f(2)),
    ("nan into int", "cannot store accurately", scalar("int32"), lambda f, e: f(float("nan"))),
    (
        "no downcast",
        "cannot store accurately",
        scalar("float32", allow_input_downcast=False),
        lambda f, e: f(0.1),
    ),
    ("complex array", "complex128", vector, lambda f, e: f(np.zeros(2, complex))),
    ("complex number", "numbers", scalar("float64"), lambda f, e: f(1j)),
    (
        "complex with downcast",
        "complex128",
        lambda e: vector(e, allow_input_downcast=True),
        lambda f, e: f(np.zeros(2, complex)),
    ),
    ("Variable", "Expected an array-like object, but found a Variable: v", vector, lambda f, e: f(e.v)),
    ("shared variable", "found a Variable: w", vector, lambda f, e: f(e.w)),
    ("None", "None", vector, lambda f, e: f(None)),
    ("masked", "mask", vector, lambda f, e: f(np.ma.masked_array([1.0, 2.0], [0, 1]))),
    ("text", "numbers", vector, lambda f, e: f("text")),
    ("objects", "object", vector, lambda f, e: f(np.array([None, 1.0]))),
    ("object", "numbers", vector, lambda f, e: f(object())),
    ("ragged", "array-like", vector, lambda f, e: f([[1.0], [1.0, 2.0]])),
    ("dates", "datetime64", vector, lambda f, e: f(np.zeros(2, "M8[s]"))),
    (
        "row of two",
        "Non-unit value on shape on a broadcastable dimension",
        lambda e: function([e.row], e.row.sum(), updates=[(e.s, e.s + 1)]),
        lambda f, e: f(np.zeros((2, 3))),
    ),
    (
        "static size",
        "static size 3 on axis 0",
        lambda e: function(
            [T.TensorType("float64", (3,))("a")], [], updates=[(e.s, e.s + 1)], on_unused_input="ignore"
        ),
        lambda f, e: f(np.zeros(4)),
    ),
    (
        "strict list",
        "strict",
        lambda e: function([In(e.v, strict=True)], e.v.sum(), updates=[(e.s, e.s + 1)]),
        lambda f, e: f([1.0]),
    ),
    (
        "strict dtype",
        "float32",
        lambda e: function([In(e.v, strict=True)], e.v.sum(), updates=[(e.s, e.s + 1)]),
        lambda f, e: f(np.zeros(2, "float32")),
    ),
    (
        "strict number",
        "strict",
        lambda e: function([In(e.x, strict=True)], e.x, updates=[(e.s, e.s + 1)]),
        lambda f, e: f(1.0),
    ),
    (
        "implicit In",
        "Tried to provide value for implicit input: y",
        lambda e: function([e.x, In(e.y, value=e.s)], e.x + e.y, updates=[(e.s, e.s + 1)]),
        lambda f, e: f(1.0, 2.0),
    ),
    ("second of two", "Bad input argument 'y' .* at index 1", two, lambda f, e: f(1.0, [1.0])),
    (
        "state refused",
        "Wrong number of dimensions",
        lambda e: function([In(e.x, value=0, update=e.x + 1), e.y], e.y, updates=[(e.s, e.s + 1)]),
        lambda f, e: f([1.0, 2.0], 1.0),
    ),
    ("value set for a call", "Wrong number of dimensions", two, lambda f, e: f.__setitem__("x", [1.0])),
]


@pytest.mark.slow
@pytest.mark.parametrize("what, words, make, call", CALLS, ids=[row[0] for row in CALLS])
def test_misuse_when_called(what, words, make, call):
    world = World()
    f = make(world)
    before = world.state()
    for _ in range(2):  # the first call takes another path than the later ones
        with pytest.raises(TypeError, match=words):
            call(f, world)
        assert world.state() == before


def test_output_subset_refuses_what_is_not_there():
    e = World()
    for f, bad in (
        (function([e.x], [e.x, e.x + 1], updates=[(e.s, e.s + 1)]), 5),
        (function([e.x], {"a": e.x}, updates=[(e.s, e.s + 1)]), "b"),
    ):
        with pytest.raises(ValueError):
            f(1.0, output_subset=[bad])
        assert e.s.get_value() == 1


ACCEPTED = [  # (dtype, ndim, given, result)
    ("float64", 1, [1, 2], [1.0, 2.0]),
    ("float64", 1, np.array([1, 2], "int64"), [1.0, 2.0]),
    ("float64", 1, np.array([1], "float16"), [1.0]),
    ("float64", 1, np.array([True]), [1.0]),
    ("float64", 1, (1.5, 2), [1.5, 2.0]),
    ("float64", 1, np.array([1.0, 2.0], ">f8"), [1.0, 2.0]),
    ("float64", 1, unaligned(np.array([1.0, 2.0])), [1.0, 2.0]),
    ("float64", 1, np.arange(6.0)[::-2], [5.0, 3.0, 1.0]),
    ("float64", 2, np.array([[1.0, 2.0]]).view(np.matrix), [[1.0, 2.0]]),
    ("float64", 1, np.array([1.0], "float64").view(np.recarray), [1.0]),
    ("float64", 0, 3, 3.0),
    ("float64", 0, np.float32(1.5), 1.5),
    ("float64", 0, np.array(2), 2.0),
    ("float64", 0, True, 1.0),
    ("float64", 0, 0.1, 0.1),
    ("float64", 0, float("nan"), float("nan")),
    ("float32", 0, 1.5, 1.5),
    ("float32", 0, np.float64(1.5), 1.5),
    ("float32", 0, float("inf"), float("inf")),
    ("float32", 1, np.array([1, 2], "int8"), [1.0, 2.0]),
    ("float32", 1, [1, 2], [1.0, 2.0]),
    ("int32", 0, 1.0, 1),
    ("int32", 0, np.int64(3), 3),
    ("int32", 1, np.array([1], "int8"), [1]),
    ("int32", 1, [1.0], [1]),
    ("int64", 0, np.int32(3), 3),
    ("int64", 0, True, 1),
    ("int64", 0, 3.0, 3),
    ("int64", 0, -(2**63), -(2**63)),
    ("uint64", 0, 2**64 - 1, 2**64 - 1),
    ("bool", 0, 1, True),
    ("bool", 0, False, False),
    ("bool", 1, [True, False], [True, False]),
    ("float64", 1, [], []),
    ("float64", 2, np.zeros((0, 3)), np.zeros((0, 3)).tolist()),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype, ndim, given, result",
    ACCEPTED,
    ids=[f"{d}-{n}-{type(g).__name__}-{i}" for i, (d, n, g, _) in enumerate(ACCEPTED)],
)
def test_what_an_input_takes(dtype, ndim, given, result):
    a = T.TensorType(dtype, (False,) * ndim)("a")
    f = function([a], a)
    for _ in range(2):
        got = f(given)
        assert type(got) is np.ndarray and got.dtype == dtype and got.ndim == ndim
        np.testing.assert_array_equal(got, np.array(result, dtype).reshape(got.shape))


def test_downcast_converts_all():
    e = World()
    assert function([e.i], e.i, allow_input_downcast=True)([1.9]).tolist() == [1]
    assert function([e.f], e.f, allow_input_downcast=True)(np.array([1.5, 2.0])).dtype == "float32"
    assert function([In(e.i, allow_downcast=True)], e.i)(np.array([2.9])).tolist() == [2]


def test_python_float_goes_into_floatx():
    a = T.fscalar("a")
    f = function([a], a)
    with config.change_flags(floatX="float32"):
        assert f(0.1) == np.float32(0.1)
        assert shared(1.5).dtype == "float64"
    with pytest.raises(TypeError):
        f(0.1)


def test_memmap(tmp_path):
    data = np.memmap(tmp_path / "data", "float64", "w+", shape=(4,))
    data[:] = 1
    v = T.dvector()
    assert function([v], v.sum())(data) == 4
    s = shared(data, borrow=True)
    assert s.get_value(borrow=True) is data
