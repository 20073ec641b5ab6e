"""import theano: every row of the table resolves, unknown names say what is nearest, and the process is left
as it was.
"""

import importlib
import pickle
import sys
import types

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.dropin import modules, table

ROWS = [
    (path, name, source)
    for path, row in table.ROWS.items()
    for name, source in table.parsed(row).items()
    if name != "*"
]


# modules behind a function (or, config, an object) of the same name, as in Theano
UNDER_A_NAME = {
    "tensor.var",
    "tensor.xlogx",
    "tensor.sort",
    "compile.function",
    "compile.pfunc",
    "scan_module.scan",
    "config",
}


@pytest.fixture
def theano():
    yield tgen.install_as_theano()
    tgen.uninstall_theano()


# -- the table


@pytest.mark.slow
@pytest.mark.parametrize(
    "path, name, source", ROWS, ids=[f"{path}.{name}".lstrip(".") for path, name, _ in ROWS]
)
def test_every_row_resolves(theano, path, name, source):
    module = importlib.import_module(f"theano.{path}".rstrip("."))
    assert getattr(module, name) is getattr(sys.modules[source[0]], source[1]), (
        f"theano.{path}.{name} is shadowed by another {name}"
    )


@pytest.mark.parametrize("path", list(filter(None, table.ROWS)))
def test_every_path_imports_and_its_star_too(theano, path):
    module = importlib.import_module(f"theano.{path}")
    assert module is sys.modules[f"tgen.{path}"] and isinstance(module, types.ModuleType)
    parent, _, last = f"theano.{path}".rpartition(".")
    assert parent in sys.modules, f"{parent} needs a row"
    names = {}
    exec(f"from {parent} import {last} as found\nfrom theano.{path} import *", names)
    if not hasattr(module, "__file__"):  # a file has the __all__ it has
        assert {name for p, name, _ in ROWS if p == path and not name.startswith("_")} <= set(names)
    assert (names["found"] is module) == (path not in UNDER_A_NAME)


def test_a_row_that_is_wrong_says_so(monkeypatch):
    monkeypatch.setitem(table.ROWS, "gof.odd", "tgen.errors: CompileError NoSuchThing tgen.nowhere: x")
    module = modules.empty("tgen.gof.odd", "gof.odd")
    assert module.CompileError is tgen.CompileError
    for name in ("NoSuchThing", "x"):
        with pytest.raises(RuntimeError, match=f"gof.odd.{name}"):
            getattr(module, name)


# -- what programs import


def test_the_imports_of_programs(theano):
    names = {}
    exec(
        """
import theano
import theano.tensor as T
import theano.tensor.nnet.conv, theano.tensor.nnet.nnet, theano.tensor.signal.pool
import theano.sandbox.rng_mrg
from theano import function, shared, config, tensor, gof
from theano.tensor import TensorType, TensorVariable
from theano.tensor.nnet import conv2d
from theano.tensor.nnet.nnet import softmax
from theano.tensor.signal import downsample
from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams
from theano.tensor.shared_randomstreams import RandomStreams as Old
from theano.tensor.var import TensorConstant
from theano.compile.sharedvalue import SharedVariable
from theano.gof.graph import inputs, ancestors
from theano.gradient import disconnected_grad, DisconnectedType
from theano.printing import pp, debugprint
from theano.updates import OrderedUpdates
""",
        names,
    )
    assert (
        names["T"] is T
        and names["theano"] is theano
        and names["function"] is tgen.function
        and names["softmax"] is T.nnet.softmax
    )
    assert (
        theano.tensor.nnet.conv.conv2d is not T.nnet.conv2d
        and theano.config is tgen.config
        and callable(theano.tensor.var)
    )
    assert sorted(dir(theano.compile.nanguardmode)) >= ["NanGuardMode"] and "TensorConstant" in dir(
        sys.modules["theano.tensor.var"]
    )


def test_the_version_can_be_parsed(theano):
    assert (
        tuple(int(part) for part in theano.__version__.split(".")[:2]) == (1, 0)
        and theano.version.version == theano.__version__
    )
    assert (
        theano.__version__.split("+")[0].split(".") >= ["0", "9"] and tgen.__version__ != theano.__version__
    )


def test_isinstance_as_in_theano(theano):
    x, s, c = T.dvector("x"), tgen.shared(np.ones(2)), T.constant(1.0)
    for v, wanted in [
        (x, (True, True, False, False)),
        (x * 2, (True, True, False, False)),
        (s, (True, False, True, False)),
        (c, (True, False, False, True)),
    ]:
        kinds = theano.Variable, T.TensorVariable, T.sharedvar.TensorSharedVariable, T.TensorConstant
        assert tuple(isinstance(v, k) for k in kinds) == wanted
    assert isinstance(s, theano.compile.SharedVariable) and not isinstance(tgen.shared([1]), T.TensorVariable)
    assert (
        isinstance(x.type, T.TensorType)
        and isinstance(x.type, theano.gof.Type)
        and isinstance(tgen.shared("a").type, theano.gof.Type)
        and not isinstance(1, theano.gof.Type)
    )
    assert isinstance((x * 2).owner, theano.gof.Apply)


class Marked(T.TensorVariable):
    """A class of variables of a program's own."""

    def __init__(self, type, owner=None, index=None, name=None, note=None):
        super().__init__(type, owner, index, name)
        self.note = note


def test_variables_of_a_class_of_ones_own():
    v = Marked(T.dvector, name="v", note="here")
    again = pickle.loads(pickle.dumps(v))
    assert type(again) is Marked and (again.name, again.type, again.note) == ("v", T.dvector, "here")
    assert isinstance(v, Marked) and isinstance(v, T.TensorVariable) and not isinstance(T.dvector(), Marked)
    np.testing.assert_array_equal(tgen.function([v], v * 2)([1.0, 2.0]), [2, 4])
    plain = T.TensorVariable(T.dscalar, name="p")
    assert plain.name == "p" and pickle.loads(pickle.dumps(plain)).type == T.dscalar


def test_classes_of_ops(theano):
    x, m = T.dvector("x"), T.dmatrix("m")
    rows = [
        (m.T, "DimShuffle"),
        (m.sum(), "Sum"),
        (T.dot(m, x), "Dot"),
        (T.exp(x), "Elemwise"),
        (T.nnet.softmax(m), "Softmax"),
        (x[1:], "Subtensor"),
        (T.set_subtensor(x[1:], 0), "IncSubtensor"),
        (m.reshape((2, -1)), "Reshape"),
        (T.concatenate([x, x]), "Join"),
        (m.max(axis=0), "CAReduce"),
        (theano.map(lambda r: r * 2, m)[0], "Scan"),
        (theano.ifelse.ifelse(x[0], x, -x), "IfElse"),
    ]
    homes = T, T.nnet, theano.scan_module.scan_op, theano.ifelse
    classes = {name: next(getattr(home, name) for home in homes if hasattr(home, name)) for _, name in rows}
    for v, name in rows:
        found = {n for n, cls in classes.items() if isinstance(v.owner.op, cls)}
        assert found == ({"Sum", "CAReduce"} if name == "Sum" else {name})
    with pytest.raises(TypeError, match="isinstance"):
        T.Subtensor([slice(None)])
    assert isinstance(T.tanh, T.Elemwise)


# -- names that do not exist


@pytest.mark.parametrize(
    "statement, error, words",
    [
        ("theano.tensr", AttributeError, "'theano' has no attribute 'tensr'.*nearest: tensor"),
        ("theano.tensor.sofmax", AttributeError, "'theano.tensor' has no attribute 'sofmax'"),
        ("theano.tensor.softmax", AttributeError, "there is theano.tensor.nnet.softmax"),
        ("theano.tensor.slinalgs", AttributeError, "nearest: slinalg, nlinalg"),
        ("theano.tensor.nnet.sofmax", AttributeError, "nearest: softmax"),
        ("theano.gof.grapf", AttributeError, "'theano.gof' has no attribute 'grapf'.*nearest: graph"),
        ("theano.config.floatx", AttributeError, "no option 'floatx'; nearest: floatX"),
        ("theano.config.gcc.cxxflag", AttributeError, "nearest: gcc.cxxflags"),
        ("from theano.tensor import fluor", ImportError, "'fluor' from 'theano.tensor'.*nearest: floor"),
        ("from theano import functon", ImportError, "'functon' from 'theano'.*nearest: function"),
        ("from theano.gof.graph import input", ImportError, "nearest: inputs"),
        ("import theano.bar", ModuleNotFoundError, "'theano.bar'"),
        ("import theano.tensor.nnet.con", ModuleNotFoundError, "nearest: theano.tensor.nnet.conv"),
        ("import theano.tensor.sizes", ModuleNotFoundError, "'theano.tensor.sizes'"),
        ("from theano.tensr import x", ModuleNotFoundError, "nearest: theano.tensor"),
    ],
)
def test_unknown_names(theano, statement, error, words):
    with pytest.raises(error, match=words) as caught:
        exec(statement, {"theano": theano})
    assert type(caught.value) is error


def test_unknown_names_of_tgen():
    with pytest.raises(AttributeError, match="'tgen.tensor' has no attribute 'sofmax'"):
        T.sofmax
    with pytest.raises(AttributeError, match="'tgen' has no attribute 'functon'.*nearest: function"):
        tgen.functon
    with pytest.raises(ImportError, match="'fluor' from 'tgen.tensor'.*nearest: floor"):
        exec("from tgen.tensor import fluor")
    assert (
        not hasattr(T, "sofmax") and getattr(tgen, "nothing_at_all", 5) == 5 and not hasattr(T, "__wrapped__")
    )


def test_try_import_idioms(theano):
    names = {"theano": theano}
    exec(
        """
try:
    import theano.sparse_of_another_age
except ImportError:
    sparse = None
try:
    from theano.tensor import no_such_function
except ImportError:
    no_such_function = None
has = hasattr(theano.tensor, "no_such_function"), hasattr(theano.tensor, "tanh")
""",
        names,
    )
    assert names["sparse"] is None and names["no_such_function"] is None and names["has"] == (False, True)


# -- there and back


def test_installed_twice_and_uninstalled():
    assert "theano" not in sys.modules
    first = tgen.install_as_theano()
    assert (
        tgen.install_as_theano() is first is sys.modules["theano"]
        and sys.meta_path.count(modules.Finder) == 1
    )
    tgen.uninstall_theano()
    tgen.uninstall_theano()
    assert (
        not [n for n in sys.modules if n.partition(".")[0] == "theano"]
        and modules.Finder not in sys.meta_path
    )
    assert importlib.util.find_spec("theano") is None or "tgen" not in str(importlib.util.find_spec("theano"))


def test_another_theano_is_not_replaced(monkeypatch):
    other = types.ModuleType("theano")
    other.__file__ = "/elsewhere/theano/__init__.py"
    monkeypatch.setitem(sys.modules, "theano", other)
    with pytest.raises(RuntimeError, match="/elsewhere/theano"):
        tgen.install_as_theano()
    tgen.uninstall_theano()
    assert sys.modules["theano"] is other


def test_specs_are_there(theano):
    assert (
        importlib.util.find_spec("theano").name == "theano"
        and importlib.util.find_spec("theano.tensor") is not None
    )


def test_no_gpu(theano):
    assert (
        theano.sandbox.cuda.cuda_available is False
        and theano.sandbox.cuda.dnn.dnn_available() is False
        and theano.gpuarray.pygpu_activated is False
    )
