"""Primitives one by one: integers and casts, type rules over graph and IR types, meanings, refusals."""

import re
from dataclasses import fields

import numpy as np
import pytest

from tgen.core import dims
from tgen.core.dtypes import DTYPES
from tgen.core.op import HOST, LIBRARY, REDUCE, REGION, SCALAR, STRUCT, VIEW, Op
from tgen.core.rules import IDENTITIES
from tgen.core.types import TensorType
from tgen.ops import OPS
from tgen.ops.control import kernel_params
from tgen.ops.stable import STABLE

INT8, INT32, INT64 = np.iinfo("int8"), np.iinfo("int32"), np.iinfo("int64")


def run(name, *arrays, sizes=(), **attrs):
    return OPS[name].eval(attrs, sizes, *map(np.asarray, arrays))


def infer(name, *types, sizes=(), **attrs):
    return OPS[name].infer(list(types), attrs, sizes)


def typed(dtype, *shape):
    return TensorType(dtype, shape)


def sized(*shape):
    return TensorType("float64", shape)


n, m, k = map(dims.sym, ("n0", "n1", "n2"))


# -- edges of integers, casts, signs -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.startswith("int")])
def test_integer_division(dtype):
    low = np.iinfo(dtype).min
    x, y = (
        np.array([5, -5, low, low, -7, 7, -7, 7, 0], dtype),
        np.array([0, 0, -1, 1, 2, -2, -2, 2, 0], dtype),
    )
    assert run("int_div", x, y).tolist() == [0, 0, low, low, -4, -4, 3, 3, 0]
    assert run("mod", x, y).tolist() == [0, 0, 0, 0, 1, -1, -1, 1, 0]


def test_shifts():
    x, y = np.array([1, 1, -8, -8, 1, -8]), np.array([64, -1, 64, -1, 3, 1])
    assert run("left_shift", x, y).tolist() == [0, 0, 0, 0, 8, -16]
    assert run("right_shift", x, y).tolist() == [0, 0, -1, -1, 0, -4]
    assert run("left_shift", np.uint8(1), np.uint8(8)).tolist() == 0


def test_integers_wrap():
    for info in (INT8, INT32, INT64):
        low, high = np.array(info.min, info.dtype), np.array(info.max, info.dtype)
        for name, x, wanted in [("neg", low, low), ("abs", low, low), ("sqr", high, 1)]:
            assert run(name, x) == wanted and run(name, x).dtype == info.dtype
        assert (
            run("add", high, np.array(1, info.dtype)) == low
            and run("sub", low, np.array(1, info.dtype)) == high
        )
        assert run("mul", high, np.array(2, info.dtype)) == -2
    assert run("pow", np.int8(2), np.int8(7)) == -128 and run("pow", np.int64(3), np.int64(64)) == pow(
        3, 64, 2**64
    ) - (pow(3, 64, 2**64) >> 63 << 64)
    assert run("pow", np.array([2, 1, -1, -1, 0]), np.array([-1, -5, -3, -4, -1])).tolist() == [
        0,
        1,
        -1,
        1,
        0,
    ]


def test_casts_out_of_range():
    x = np.array([np.nan, 1e300, -1e300, np.inf, 2.0**31, -1.9, 3e9, 300.0])
    table = {
        "int64": [INT64.min] * 4 + [2**31, -1, 3 * 10**9, 300],
        "int32": [INT32.min] * 5 + [-1, INT32.min, 300],
        "int8": [0] * 5 + [-1, 0, 44],
        "uint8": [0] * 5 + [255, 0, 44],
        "uint32": [0] * 4 + [2**31, 2**32 - 1, 3 * 10**9, 300],
        "uint64": [2**63, 0, 2**63, 0, 2**31, 2**64 - 1, 3 * 10**9, 300],
        "bool": [True] * 8,
    }
    for dtype, wanted in table.items():
        assert run("cast", x, dtype=dtype).tolist() == wanted, dtype
    assert run("cast", np.float32(2.0**31), dtype="int32") == INT32.min


def test_signs_and_nan():
    assert (
        not np.signbit(run("sgn", -0.0))
        and np.isnan(run("sgn", np.nan))
        and np.signbit(run("neg", 0.0))
        and np.signbit(run("round", -0.5))
    )
    for name in ("minimum", "maximum"):
        assert np.isnan(run(name, np.nan, 1.0)) and np.isnan(run(name, 1.0, np.nan))
    assert all(
        np.isnan(run("clip", *operands))
        for operands in [(np.nan, 0.0, 1.0), (0.5, np.nan, 1.0), (0.5, 0.0, np.nan)]
    )
    assert run("lt", np.int64(-1), np.uint64(2**63)) and not run("eq", np.int64(-1), np.uint64(2**64 - 1))


# -- dtype rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, dtypes, operands, result",
    [
        ("add", ("int32", "float32"), ("float64", "float64"), "float64"),
        ("add", ("int16", "float32"), ("float32", "float32"), "float32"),
        ("mul", ("bool", "bool"), ("bool", "bool"), "bool"),
        ("exp", ("int8",), ("float32",), "float32"),
        ("exp", ("int32",), ("float64",), "float64"),
        ("int_div", ("bool", "bool"), ("int8", "int8"), "int8"),
        ("eq", ("int64", "uint64"), ("int64", "uint64"), "bool"),
        ("lt", ("uint64", "int8"), ("uint64", "int64"), "bool"),
        ("floor", ("int32",), ("int32",), "int32"),
        ("true_div", ("float32", "int64"), ("float64",) * 2, "float64"),
        ("switch", ("int8", "float32", "int16"), ("bool", "float32", "float32"), "float32"),
        ("true_div", ("int8", "int8"), ("float64",) * 2, "float64"),
    ],
)
def test_rules(name, dtypes, operands, result):
    assert OPS[name].rule(dtypes) == (operands, result)


@pytest.mark.parametrize(
    "name, dtypes",
    [
        ("sub", ("bool", "bool")),
        ("neg", ("bool",)),
        ("and_", ("float64", "int8")),
        ("left_shift", ("float32", "int8")),
        ("invert", ("float64",)),
    ],
)
def test_rules_refuse(name, dtypes):
    with pytest.raises(TypeError, match="dtype"):
        OPS[name].rule(dtypes)


# -- type rules ----------------------------------------------------------------------------------------------


def test_only_a_static_one_broadcasts():
    assert infer("add", sized(n, 1), sized(1, m))[0].shape == (n, m)
    assert infer("add", sized(None, 1), sized(None, None))[0].shape == (None, None)
    assert infer("add", sized(None), sized(3))[0].shape == (3,)
    assert infer("add", sized(1, n), sized(1, n))[0].shape == (1, n)
    for shapes in [((3,), (4,)), ((n,), (m,))]:
        with pytest.raises(dims.Unequal):
            infer("add", *(sized(*s) for s in shapes))
    with pytest.raises(TypeError, match="rank"):
        infer("add", sized(n), sized())
    with pytest.raises(TypeError, match="casts are explicit"):
        infer("add", sized(), typed("int8"))
    with pytest.raises(TypeError, match="2 operands"):
        infer("add", sized())


@pytest.mark.parametrize(
    "name, types, sizes, attrs, shape",
    [
        ("sum", [sized(n, 3, m)], (), {"axes": (0, 2)}, (3,)),
        ("argmax", [sized(n, m)], (), {"axes": (0, 1)}, ()),
        ("softmax", [sized(n, m)], (), {"axis": 1}, (n, m)),
        ("dimshuffle", [sized(n, 1, m)], (), {"order": (2, "x", 0)}, (m, 1, n)),
        ("broadcast_to", [sized(1, n)], (m, n), {}, (m, n)),
        ("broadcast_to", [sized(1, None)], (None, 4), {}, (None, 4)),
        ("reshape", [sized(n, 4)], (dims.mul(n, 2), 2), {"ndim": 2}, (dims.mul(n, 2), 2)),
        ("slice", [sized(n, m)], (0, 1, k, dims.sub(m, 1)), {"steps": (1, 1)}, (k, dims.sub(m, 1))),
        ("set_slice", [sized(n, m), sized(k, 1)], (0, 2), {"steps": (1, 1)}, (n, m)),
        ("unbroadcast", [sized(1, n)], (), {"axes": (0,)}, (None, n)),
        ("rebroadcast", [sized(None, n)], (), {"axes": (0,)}, (1, n)),
        ("shape_i", [sized(n, m)], (), {"axis": 0}, ()),
        ("iota", [], (n,), {}, (n,)),
        ("make_vector", [sized(), sized()], (), {}, (2,)),
        ("concatenate", [sized(n, m), sized(2, m)], (), {"axis": 0}, (dims.add(n, 2), m)),
        ("concatenate", [sized(None, 2), sized(3, None)], (), {"axis": 0}, (None, 2)),
        ("gather", [sized(n, m, 3), typed("int32", k, 2)], (), {"axis": 1, "count": 1}, (n, k, 2, 3)),
        (
            "gather",
            [sized(n, m, 3), typed("int64", k), typed("int64", k)],
            (),
            {"axis": 0, "count": 2},
            (k, 3),
        ),
        ("inc_gather", [sized(n, m), sized(k, m), typed("int64", k)], (), {"axis": 0, "count": 1}, (n, m)),
        ("dot", [sized(n, m), sized(m, k)], (), {}, (n, k)),
        ("dot", [sized(n, m), sized(m)], (), {}, (n,)),
        ("dot", [sized(m), sized(m)], (), {}, ()),
        ("batched_dot", [sized(2, n, m), sized(2, m, k)], (), {}, (2, n, k)),
        ("size", [], (n,), {}, ()),
    ],
)
def test_shapes(name, types, sizes, attrs, shape):
    assert infer(name, *types, sizes=sizes, **attrs)[0].shape == shape


def test_found_inside():
    assert [t.shape for t in infer("nonzero", sized(n, m))] == [(None,), (None,)]
    assert [t.shape for t in infer("nonzero", sized(n, m), found=(dims.symbol("k0"),))] == [
        (dims.sym("k0"),)
    ] * 2
    assert (
        infer("sizeof", typed("int64"), found=(dims.symbol("k0"),)) == ()
        and infer("check_eq", sizes=(n, m), site=0) == ()
    )


@pytest.mark.parametrize(
    "error, name, types, sizes, attrs",
    [
        (ValueError, "sum", [sized(n)], (), {"axes": (1,)}),
        (TypeError, "sum", [typed("bool", n)], (), {"axes": (0,)}),
        (ValueError, "max", [sized(0)], (), {"axes": (0,)}),
        (ValueError, "argmax", [sized(n, m, k)], (), {"axes": (0, 1)}),
        (TypeError, "any", [sized(n)], (), {"axes": (0,)}),
        (ValueError, "dimshuffle", [sized(n, m)], (), {"order": (0,)}),
        (ValueError, "dimshuffle", [sized(n)], (), {"order": (0, 0)}),
        (ValueError, "broadcast_to", [sized(2)], (3,), {}),
        (ValueError, "reshape", [sized(2, 3)], (4,), {"ndim": 1}),
        (ValueError, "rebroadcast", [sized(2)], (), {"axes": (0,)}),
        (ValueError, "slice", [sized(n)], (0, 1), {"steps": (0,)}),
        (TypeError, "set_slice", [sized(n), sized()], (0,), {"steps": (1,)}),
        (ValueError, "concatenate", [sized(2, 3), sized(2, 4)], (), {"axis": 0}),
        (TypeError, "concatenate", [sized(2), typed("int8", 2)], (), {"axis": 0}),
        (TypeError, "gather", [sized(n), sized(m)], (), {"axis": 0, "count": 1}),
        (TypeError, "dot", [typed("int64", n), typed("int64", n)], (), {}),
        (ValueError, "dot", [sized(2, 3), sized(4)], (), {}),
        (TypeError, "dot", [sized(), sized(n)], (), {}),
        (TypeError, "make_vector", [], (), {}),
        (ValueError, "nonzero", [sized()], (), {}),
        (TypeError, "softmax", [typed("int64", n)], (), {"axis": 0}),
        (TypeError, "assert", [sized()], (), {}),
    ],
)
def test_refusals(error, name, types, sizes, attrs):
    with pytest.raises(error):
        infer(name, *types, sizes=sizes, **attrs)


class Map:
    """What control.py reads of an ir Axis."""

    def __init__(self, index):
        self.index, self.gather = index, None


def test_kernel_type_rule():
    types = [sized(n, m), sized(m)]
    attrs = {
        "maps": ((Map(0), Map(-1)), (Map(-1),)),
        "outs": (("map",), ("reduce", "sum", (0,)), ("reduce", "argmax", (0,))),
    }
    assert [t.shape for t in kernel_params(types, attrs)] == [(m,), (m,)]
    results = OPS["kernel"].infer(types, attrs, (n,), [sized(m), sized(m), sized()])
    assert [(t.dtype, t.shape) for t in results] == [("float64", (n, m)), ("float64", (m,)), ("int64", ())]
    for wrong in (
        {"maps": attrs["maps"][:1]},
        {"maps": ((Map(1), Map(-1)), (Map(-1),))},
        {"outs": (("reduce", "sum", (1,)),) * 3},
        {"outs": ()},
    ):
        with pytest.raises(ValueError):
            OPS["kernel"].infer(types, {**attrs, **wrong}, (n,), [sized(m), sized(m), sized()])


# -- meanings ------------------------------------------------------------------------------------------------

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "got, wanted",
    [
        (lambda: run("slice", X[0], sizes=(2, 3, 3, 2), steps=(-1, -3)), X[0, ::-1, ::-3]),
        (lambda: run("slice", X[0], sizes=(3, 0, 0, 4), steps=(1, 1)), X[0, 3:]),
        (lambda: run("dimshuffle", X[:, :1], order=(2, "x", 0)), X[:, 0].T[:, None]),
        (lambda: run("broadcast_to", X[:1], sizes=(5, 3, 4)), np.repeat(X[:1], 5, 0)),
        (
            lambda: run("set_slice", np.zeros(5), np.ones(2), sizes=(4,), steps=(-2,)),
            np.array([0, 0, 1, 0, 1.0]),
        ),
        (lambda: run("inc_slice", np.ones(4), np.ones(2), sizes=(1,), steps=(1,)), np.array([1, 2, 2, 1.0])),
        (lambda: run("gather", X, [[0, -1]], axis=1, count=1), X[:, [[0, -1]]]),
        (lambda: run("gather", X, 1, 2, axis=0, count=2), X[1, 2]),
        (
            lambda: run("set_gather", np.zeros(3), np.array([1.0, 2.0]), [1, 1], axis=0, count=1),
            np.array([0, 2.0, 0]),
        ),
        (
            lambda: run("inc_gather", np.zeros(3), np.array([1.0, 2.0]), [1, 1], axis=0, count=1),
            np.array([0, 3.0, 0]),
        ),
        (lambda: run("argmax", X, axes=(0, 1, 2)), np.array(23)),
        (lambda: run("argmin", X, axes=(1,)), np.zeros((2, 4), "int64")),
        (lambda: run("max", np.array([1, np.nan]), axes=(0,)), np.array(np.nan)),
        (lambda: run("sum", np.zeros((0, 2)), axes=(0,)), np.zeros(2)),
        (lambda: run("prod", np.zeros(0), axes=(0,)), np.array(1.0)),
        (lambda: run("iota", sizes=(3,)), np.arange(3)),
        (lambda: run("size", sizes=(3,)), np.array(3)),
        (lambda: run("make_vector", 1.0, 2.0), np.array([1.0, 2.0])),
        (lambda: run("nonzero", np.array([0, np.nan, 2]))[0], np.array([1, 2])),
        (lambda: run("softmax", np.array([1000.0, 1000.0]), axis=0), np.array([0.5, 0.5])),
        (lambda: run("logsoftmax", np.array([1000.0, 0.0]), axis=0), np.array([0, -1000.0])),
        (lambda: run("batched_dot", X, X.transpose(0, 2, 1)), X @ X.transpose(0, 2, 1)),
        (lambda: run("shape_i", X, axis=2), np.array(4)),
    ],
)
def test_meaning(got, wanted):
    result = got()
    assert result.dtype == wanted.dtype and result.shape == wanted.shape
    np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize(
    "error, name, arrays, sizes, attrs",
    [
        (IndexError, "gather", [X, np.array([2])], (), {"axis": 0, "count": 1}),
        (ValueError, "check_eq", [], (2, 3), {"site": 0}),
        (IndexError, "check_index", [np.array([0, -4])], (3,), {"site": 0}),
        (IndexError, "check_index", [np.array(3)], (3,), {"site": 0}),
        (ValueError, "check_nonempty", [], (0,), {"site": 0}),
        (ValueError, "check_length", [], (-1,), {"site": 0}),
        (AssertionError, "assert", [np.array([True, False])], (), {"site": 0}),
        (ValueError, "rebroadcast", [X], (), {"axes": (0,)}),
        (ValueError, "max", [np.zeros(0)], (), {"axes": (0,)}),
    ],
)
def test_failures(error, name, arrays, sizes, attrs):
    assert OPS[name].effect.fails or OPS[name].nonempty
    with pytest.raises(error):
        OPS[name].eval(attrs, sizes, *arrays)


def test_checks_that_hold_give_nothing():
    assert (
        run("check_eq", sizes=(2, 2))
        == run("check_index", np.array([-3, 2]), sizes=(3,))
        == run("assert", np.array(True))
        == ()
    )


# -- the table itself ----------------------------------------------------------------------------------------


def test_every_op_is_described():
    kinds = {SCALAR, REDUCE, VIEW, LIBRARY, REGION, STRUCT, HOST}
    for name, op in OPS.items():
        assert op.name == name and op.kind in kinds and op.doc and (op.infer or name == "constant")
        assert (op.c is not None) == (op.kind == SCALAR) == (op.rule is not None), name
        assert op.eval or op.kind == REGION or name in ("constant", "index")
    assert len({op.doc for op in OPS.values()}) == len(OPS)


def test_stable_rows_name_ops():
    for row in STABLE:
        stack = [row.pattern] if callable(row.make) else [row.pattern, row.make]
        while stack:
            part = stack.pop()
            if part[0] == "op":
                assert part[1] in OPS
            stack.extend(part[2] if part[0] == "op" else part[1:] if part[0] == "view" else ())
        assert row in IDENTITIES[row.pattern[1]]


def test_every_field_of_an_op_is_documented():
    """In the order of the fields' blocks: a line that starts with the name."""
    described = re.findall(r"^    (\w+)  +\S", Op.__doc__, re.M)
    assert sorted(described) == sorted(f.name for f in fields(Op)) and len(set(described)) == len(described)
