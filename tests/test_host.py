"""Python inside a compiled function: users' ops, their results and sizes, and what is said of wrong ones."""

import gc
import pathlib
import re

import numpy as np
import pytest
import userops
from compiled import agree, in_parts
from test_generated_c import c_text, warnings
from tgen.printing import Print
from userops import Calls, Cube, Fails, Says, SizedCube, Where

import tgen
import tgen.tensor as T
from tgen import passes
from tgen.backends.c import host
from tgen.graph.nodes import user_line
from tgen.ir import interp
from tgen.ir.text import parse, to_text
from tgen.lower import lower
from tgen.lower.signature import Signature

X, V, W, N = T.dmatrix("x"), T.dvector("v"), T.dvector("w"), T.lscalar("n")
MODES = ("FAST_RUN", "FAST_COMPILE", "DebugMode", "INTERPRET")
ARRAYS = [
    np.arange(12.0).reshape(3, 4),
    np.arange(24.0).reshape(4, 6)[:, ::-2],
    np.zeros((0, 4)),
    np.arange(60000.0).reshape(300, 200),
]


# -- values, sizes, gradients --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("op", [Cube(), SizedCube()], ids=["found sizes", "inferred sizes"])
@pytest.mark.parametrize("array", ARRAYS, ids=["small", "strided", "empty", "large"])
def test_an_op_among_others(op, array):
    y = op(X + 1)
    agree([X], [y, (y * X).sum(), y.T, op(X.sum()), y.shape[0]], [array])


@pytest.mark.slow
@pytest.mark.parametrize("op", [Cube(), SizedCube()])
def test_gradients(op):
    f = tgen.function(
        [V],
        [tgen.grad(op(V * 2).sum(), V), tgen.grad(tgen.grad(op(V).sum(), V).sum(), V), T.Rop(op(V), V, V)],
    )
    v = np.array([1.0, -2, 3])
    assert [r.tolist() for r in f(v)] == [(24 * v**2).tolist(), (6 * v).tolist(), (3 * v**3).tolist()]
    tgen.gradient.verify_grad(op, [np.array([0.5, 1.5])])


@pytest.mark.parametrize("mode", MODES)
def test_sizes_that_only_python_knows(mode):
    some, count = Where(1.5)(V)
    f = tgen.function(
        [V, W], [some, count, some * 2, some.sum(), T.concatenate([some, W]), some + W], mode=mode
    )
    some, count, double, total, joined, added = f([1, 2, 3], [10, 20])
    assert some.tolist() == [2, 3] and int(count) == 2 and double.tolist() == [4, 6] and total == 5
    assert joined.tolist() == [2, 3, 10, 20] and added.tolist() == [12, 23]
    with pytest.raises(ValueError, match=r"mis-match.*w\.shape\[0\] is 3"):
        f([1, 2, 3], [1, 2, 3])


def test_an_update_of_found_size_and_none_at_all():
    s = tgen.shared(np.array([1.0, 5, 2, 7]), "s")
    f = tgen.function([], s.sum(), updates=[(s, Where(1.5)(s)[0])])
    assert f() == 15 and s.get_value().tolist() == [5, 2, 7]
    assert f() == 14 and f() == 14 and s.get_value().tolist() == [5, 2, 7]
    s.set_value([0, 1])
    f(), f()
    assert s.get_value().shape == (0,)


def test_known_sizes_need_no_check_and_hold():
    y, z = SizedCube()(V), Cube()(V)
    text = (
        to_text(lower(Signature.of([V], [y + V])).function),
        to_text(lower(Signature.of([V], [z + V])).function),
    )
    assert "check_eq" not in text[0] and "found" not in text[0] and "check_eq <k0, n0>" in text[1]
    lying = Says(T.dvector, np.ones(2), lambda node, shapes: [shapes[0]])
    with pytest.raises(ValueError, match=r"Says at .*result 0 has shape \(2,\), but infer_shape says \(3,\)"):
        tgen.function([V], lying(V))([1, 2, 3])
    assert tgen.function([V], lying(V))([1, 2]).tolist() == [1, 1]


@pytest.mark.slow
def test_infer_shape_of_values_and_of_both_signatures():
    def by_value(node, shapes):
        return [(node.inputs[0], 2)]

    def with_graph(fgraph, node, shapes):
        return [(shapes[0][0] + 1,)]

    grid = Says(T.dmatrix, np.ones((3, 2)), by_value)(N)
    assert tgen.function([N], grid + 1)(3).shape == (3, 2)
    with pytest.raises(ValueError, match="negative dimensions"):
        tgen.function([N], grid)(-3)
    assert tgen.function([V], Says(T.dvector, np.ones(3), with_graph)(V))([1, 2]).tolist() == [1, 1, 1]


def test_infer_shape_that_does_not_know_or_fails():
    def unknown(node, shapes):
        raise NotImplementedError

    def wrong(node, shapes):
        return [shapes[0][5]]

    assert tgen.function([V], Says(T.dvector, np.ones(3), unknown)(V))([1.0]).shape == (3,)
    for infer_shape, words in [
        (wrong, "IndexError"),
        (lambda node, shapes: [], "shorter"),
        (lambda node, shapes: [(1, 2)], "longer"),
        (lambda node, shapes: [(V.sum(),)], "is no size"),
    ]:
        with pytest.warns(UserWarning, match=f"infer_shape of Says failed.*{words}") as warned:
            y = Says(T.dvector, np.ones(3), infer_shape)(V)
        assert warned[0].filename == __file__ and tgen.function([V], y)([1.0]).shape == (3,)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "uint64", "float32", "float64"])
@pytest.mark.parametrize("rank", [0, 1, 3])
def test_every_dtype_goes_in_and_out(dtype, rank):
    type = T.TensorType(dtype, (False,) * rank)
    seen, v = [], type("v")
    value = np.ones((2,) * rank, dtype)
    f = tgen.function([v], Calls(lambda: None)(v))
    assert f(value).dtype == dtype and np.array_equal(f(value), value) and f(value).shape == value.shape

    @tgen.as_op(itypes=[type], otypes=[type])
    def keeps(x):
        seen.append(x)
        return x

    result = tgen.function([v], keeps(v))(value)
    assert (
        np.array_equal(result, value)
        and seen[0].dtype == dtype
        and seen[0].shape == value.shape
        and isinstance(seen[0], np.ndarray)
    )


@pytest.mark.slow
def test_arguments_are_the_bodys_own():
    """It may keep them, and write to them."""
    kept, s = [], tgen.shared(np.ones(3), "s")

    @tgen.as_op(itypes=[T.dvector, T.dvector, T.dvector], otypes=[T.dvector])
    def spoils(a, b, c):
        kept.append((a.copy(), a, b, c))
        a += 100
        b *= 0
        c[:] = -1
        return a

    f = tgen.function([V], [spoils(V, s, V * 2), V * 2, s * 1], updates=[(s, s + 1)])
    v = np.array([1.0, 2, 3])
    for k in range(3):
        result, double, old = f(v)
        assert (
            result.tolist() == [101, 102, 103]
            and double.tolist() == [2, 4, 6]
            and (old == k + 1).all()
            and v.tolist() == [1, 2, 3]
        )
    for _ in range(5):
        tgen.function([V], T.exp(V) * 2)(np.ones(3))
    assert all(
        first.tolist() == [1, 2, 3] and a.tolist() == [101, 102, 103] and (b == 0).all() and (c == -1).all()
        for first, a, b, c in kept
    )


@pytest.mark.slow
def test_no_memory_is_lost_or_given_away():
    f = tgen.function([V], [Where(0.0)(V)[0], SizedCube()(V)])
    v = np.ones(200000)
    f(v)
    gc.collect()
    before = host.pool_stats()["living"]
    for _ in range(5):
        f(v)
    broken = tgen.function([V], Fails(KeyError)(Where(0.0)(V)[0]))
    for _ in range(5):
        with pytest.raises(KeyError):
            broken(v)
    gc.collect()
    assert host.pool_stats()["living"] <= before


def test_no_memory_for_a_result():
    lib = host.table()[0]
    s = tgen.shared(1.0, "s")
    f = tgen.function([V], Where(0.0)(V)[0], updates=[(s, s + 1)])
    f(np.ones(3))
    refused = 0
    for k in range(8):
        lib.tgen_fail_after(k)
        try:
            f(np.ones(3))
        except MemoryError:
            refused += 1
        finally:
            lib.tgen_fail_after(-1)
    assert 2 <= refused < 8 and s.get_value() == 2 + 8 - refused


def test_large_programs_run_on_a_team():
    with in_parts():
        y = Cube()(T.exp(X) * 0.1)
        agree([X], [(y + T.tanh(X)).sum(axis=0), y.max()], [np.linspace(-1, 1, 2000).reshape(50, 40)])


def test_several_outputs_and_default_output():
    class First(Where):
        default_output = 0

    assert (
        isinstance(Where(1.0)(V), list)
        and First(1.0)(V).ndim == 1
        and len(First(1.0)(V, return_list=True)) == 2
    )
    x, left = userops.solved(X, V)
    a, b = np.array([[1.0, 0], [0, 2], [1, 1]]), np.array([1.0, 2, 3])
    got = tgen.function([X, V], [x, left])(a, b)
    wanted = np.linalg.lstsq(a, b, rcond=None)[0]
    assert (
        np.allclose(got[0], wanted)
        and np.isclose(got[1], np.linalg.norm(a @ wanted - b))
        and got[1].shape == ()
    )


def test_itypes_and_otypes():
    class Scaled(tgen.Op):
        itypes, otypes = [T.dvector, T.dscalar], [T.dvector]

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0] * inputs[1]

    assert tgen.function([V], Scaled()(V, 2.0))([1, 2]).tolist() == [2, 4]
    with pytest.raises(
        TypeError,
        match=r"Scaled takes TensorType\(float64, vector\) as input 0; got x of "
        r"TensorType\(float64, matrix\)",
    ):
        Scaled()(X, 2.0)
    with pytest.raises(ValueError, match="takes 2 inputs"):
        Scaled()(V)
    with pytest.raises(TypeError, match="neither make_node nor itypes"):
        type("Bare", (tgen.Op,), {})()(V)


# -- what the user sees of a graph ---------------------------------------------------------------------------


def test_the_graph_holds_the_users_op():
    op = Where(2.0)
    some, count = op(V)
    node = some.owner
    assert (
        node.op is op
        and isinstance(node.op, Where)
        and node.inputs == [V]
        and count.owner is node
        and (some.index, count.index) == (0, 1)
    )
    assert (
        isinstance(node, tgen.gof.Apply)
        and node.nin == 1
        and node.nout == 2
        and op == Where(2.0) != Where(3.0)
        and hash(op) == hash(Where(2.0))
    )
    assert op._props() == (2.0,) and op._props_dict() == {"limit": 2.0}
    assert (
        str(op) == "Where{limit=2.0}"
        and str(some) == "Where{limit=2.0}.0"
        and tgen.pp(some) == "Where{limit=2.0}(v).0"
    )
    assert tgen.gof.graph.inputs([some]) == [V]
    twin = tgen.clone(some, {V: W})
    assert twin.owner.op is op and twin.owner.inputs == [W]
    retyped = tgen.clone(Cube()(V), {V: T.fvector("f")}, strict=False)
    assert retyped.dtype == "float32" and isinstance(retyped.owner.op, Cube)


def test_names_of_ops_mean_nothing():
    """A user's op may be called as one of tgen's, and have any attribute."""

    class Exp(Cube):
        name, kind, sizes, extra, infer, eval, rule, c, doc, effect = (
            "exp",
            "scalar",
            5,
            None,
            1,
            2,
            3,
            4,
            5,
            "host",
        )

    x = T.dvector("x")
    y = T.log(Exp()(x))
    assert np.allclose(tgen.function([x], [y, tgen.grad(y.sum(), x)])([2.0]), [[np.log(8)], [1.5]])


def test_apply_refuses():
    op = Cube()
    with pytest.raises(TypeError, match="inputs of an Apply must be variables.*as_tensor_variable"):
        tgen.Apply(op, [1.0], [T.dscalar()])
    with pytest.raises(ValueError, match="must belong to it"):
        tgen.Apply(op, [V], [V + 1])
    with pytest.raises(TypeError, match="must be an Op"):
        tgen.Apply("cube", [V], [V.type()])


def test_inspect_names_the_op():
    f = tgen.function([V], Where(1.0)(V)[0] * 2)
    line = user_line()[1] - 1
    text = f.inspect("final")
    assert "host v0" in text and "python=0" in text
    assert any(
        row.split()[:3] == ["#", "python=0", "Where{limit=1.0}"] and f"test_host.py:{line}" in row
        for row in text.splitlines()
    )
    assert "Where{" not in f.fn.library.c and "test_host" not in f.fn.library.c


@pytest.mark.parametrize("flags", [(), ("-fopenmp-simd",)], ids=["plain", "simd"])
def test_the_c_has_no_warnings(flags):
    some, count = Where(1.0)(Print("p")(X[:, 0]))
    assert (
        warnings(c_text([X, V], [some + V, count, SizedCube()(X), Cube()(X.sum()), Fails()(X.T) * 2]), *flags)
        == ""
    )


def test_the_ir_reads_back():
    ir = lower(Signature.of([V], [Where(1.0)(Print("p")(V))[0] + SizedCube()(V)])).function
    for stage in (ir, passes.run(ir, checked=True)):
        again = parse(to_text(stage))
        assert to_text(again) == to_text(stage) == to_text(passes.verify(again))
    with pytest.raises(TypeError, match="does not hold it"):
        interp.run(again, [np.ones(3)])


def test_compute_test_value():
    v = T.dvector("v")
    v.tag.test_value = np.array([1.0, 2])
    with tgen.config.change_flags(compute_test_value="raise"):
        assert Cube()(v).tag.test_value.tolist() == [1, 8]
        with pytest.raises(TypeError, match="result 0 is float32"):
            Says(T.dvector, np.ones(2, "float32"))(v)


def test_only_messages_look_at_the_users_op():
    """Everything else reads node.primitive: what a user's op has under the names of a record's fields is its
    own business.
    """
    files = (pathlib.Path(tgen.__file__).parent).rglob("*.py")
    assert [
        f"{p}: {line}"
        for p in files
        for line in p.read_text(encoding="utf-8").splitlines()
        if re.search(r"\b(node|owner)\.op\.(name|kind|extra|infer|eval|grad|rule|sizes)\b", line)
    ] == []


# -- results that are wrong ----------------------------------------------------------------------------------

WRONG = [
    (
        "dtype",
        T.dvector,
        np.ones(2, "float32"),
        TypeError,
        r"result 0 is float32, but make_node "
        r"declares TensorType\(float64, vector\)",
    ),
    ("integer", T.dscalar, np.int64(1), TypeError, "result 0 is int64"),
    ("rank", T.dvector, np.ones((2, 2)), TypeError, r"has 2 dimensions \(shape \(2, 2\)\)"),
    ("nothing", T.dvector, None, TypeError, r"result 0 is missing.*output_storage\[0\]\[0\]"),
    (
        "broadcast",
        T.drow,
        np.ones((2, 2)),
        ValueError,
        r"has shape \(2, 2\), but its type says \(1, "
        r"any\)",
    ),
    (
        "static",
        T.TensorType("float64", (3,)),
        np.ones(2),
        ValueError,
        r"has shape \(2,\), but its type "
        r"says \(3,\)",
    ),
    ("list", T.lvector, [1, 2.5], TypeError, "cannot store accurately"),
    ("mask", T.dvector, np.ma.array([1.0, 2]), TypeError, "masked"),
    ("words", T.dvector, "abc", TypeError, "result 0"),
]


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name, type, value, kind, words", WRONG, ids=[row[0] for row in WRONG])
def test_wrong_results_name_op_and_line(mode, name, type, value, kind, words):
    s = tgen.shared(np.zeros(3), "s")
    y = Says(type, value)(V)
    line = user_line()[1] - 1
    f = tgen.function([V], y, updates=[(s, s + 1)], mode=mode)
    with pytest.raises(kind, match=words) as caught:
        f([1, 2])
    assert f"Says at {__file__}:{line}" in str(caught.value) and (s.get_value() == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "type, value",
    [
        (T.dscalar, 2.5),
        (T.dscalar, np.float64(2.5)),
        (T.fscalar, 0.5),
        (T.lvector, [1, 2]),
        (T.bscalar, True),
        (T.dmatrix, np.ones((1, 2)).T.T),
        (T.dvector, np.arange(4.0)[::2]),
        (T.dvector, np.array([1.0, 2], ">f8")),
    ],
)
def test_results_numpy_has_no_doubt_about(type, value):
    result = tgen.function([V], Says(type, value)(V))([1.0])
    assert result.dtype == type.dtype and np.array_equal(result, np.asarray(value))
