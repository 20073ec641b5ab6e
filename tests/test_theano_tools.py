"""What Theano programs use beside the language: walks over graphs, printing and drawing, archives, states of
random streams, small names.
"""

import io
import pickle
import re
import shutil
import zipfile

import numpy as np
import pytest
from tgen.gof.graph import (
    ancestors,
    inputs,
    io_toposort,
    is_in_ancestors,
    is_same_graph,
    list_of_nodes,
    orphans,
    variables,
    variables_and_orphans,
)
from tgen.misc.pkl_utils import PersistentSharedVariableID, dump, load
from tgen.printing import debugprint, min_informative_str, pydotprint

import tgen
import tgen.tensor as T
from tgen import In, function, shared
from tgen.dropin import compat
from tgen.dropin.functions import SHOWN
from tgen.show.drawing import dot_text
from tgen.tensor import raw_random


@pytest.fixture
def graph():
    x, s = T.dscalar("x"), shared(2.0, "s")
    y = T.exp(x) * s
    return x, s, y, T.log(y + 1)


# -- walks


def test_walks(graph):
    x, s, y, z = graph
    e = y.owner.inputs[0]
    assert (
        set(inputs([z])) >= {x, s}
        and set(ancestors([z])) >= {x, s, e, y, z}
        and ancestors([z], [y])[-1] is not x
    )
    assert [str(node.op) for node in io_toposort([x], [z])] == ["exp", "mul", "add", "log"] and list_of_nodes(
        [y], [z]
    ) == io_toposort([y], [z])[::-1]
    assert orphans([x], [y]) == [s] and set(variables([x], [y])) == {x, s, e, y} == set(
        variables_and_orphans([x], [y])[0]
    )
    assert (
        is_in_ancestors(z.owner, e.owner)
        and not is_in_ancestors(e.owner, z.owner)
        and x.owner is None
        and y.owner.inputs == [e, s]
    )


@pytest.mark.slow
def test_same_graphs():
    x, y = T.dscalars("xy")
    rows = [
        (x + 1, x + 1, True),
        (x + 1, x + 2, False),
        (x * y, x * y, True),
        (T.exp(x), T.exp(y), False),
        (x, x, True),
        (x, y, False),
        (T.dmatrix("m").sum(axis=0), T.dmatrix("m").sum(axis=0), False),
        (T.concatenate([[x], [y]]), T.concatenate([[x], [y]]), True),
    ]
    assert [is_same_graph(a, b) for a, b, _ in rows] == [wanted for *_, wanted in rows]
    m = T.dmatrix("m")
    assert not is_same_graph(m.sum(axis=0), m.sum(axis=1)) and is_same_graph(
        m.sum(axis=1) + x, m.sum(axis=1) + y, givens={x: y}
    )
    deep = [x, x]
    for _ in range(5000):
        deep = [v + 1 for v in deep]
    assert is_same_graph(*deep)


def test_the_graph_of_a_function(graph):
    x, s, y, z = graph
    f = function([x], z, updates=[(s, s * 3)])
    fgraph = f.maker.fgraph
    assert [str(node.op) for node in fgraph.toposort()] == [
        "exp",
        "mul",
        "add",
        "log",
        "mul",
    ] and fgraph.apply_nodes == set(fgraph.toposort())
    assert (
        {x, s, y, z} <= fgraph.variables
        and fgraph.inputs == [x]
        and fgraph.outputs == [z]
        and "x" in repr(fgraph)
    )


@pytest.mark.parametrize("name", SHOWN)
def test_what_theanos_functions_show(graph, name):
    """Every attribute is there, is listed, and is that of a copy and of what a pickle brings back, too."""
    x, s, y, z = graph
    f = function([x, In(T.dscalar("n"), value=2.0)], [y, z], updates=[(s, s * 3)], on_unused_input="ignore")
    assert name in dir(f) and name not in dir(type(f))
    kinds = {type(getattr(g, name)) for g in (f, f.copy(), pickle.loads(pickle.dumps(f)))}
    assert len(kinds) == 1


def test_a_function_says_what_it_does_not_have(graph):
    f = function([graph[0]], graph[2])
    with pytest.raises(AttributeError, match="a tgen function has no attribute 'makers'"):
        f.makers  # noqa: B018  the attribute is the test


# -- printing


def test_debugprint_of_functions_and_its_options(graph):
    x, s, y, z = graph
    f = function([x], y, updates=[(s, s * 3)])
    assert (
        debugprint(f, file="str").splitlines()[:4] == ["mul [A]", " |exp [B]", " | |x [C]", " |s [D]"]
        and debugprint(f, file="str").count("mul") == 2
    )
    assert (
        debugprint(y, file="str", ids="int").splitlines()[0] == "mul [0]"
        and debugprint(y, file="str", ids="").splitlines()[1] == " |exp"
    )
    y.name = "y"
    assert (
        debugprint(z, file="str", stop_on_name=True).count("exp") == 0
        and debugprint(z, file="str").count("exp") == 1
    )
    with pytest.raises(ValueError, match="ids"):
        debugprint(z, ids="letters")


def test_outlines(graph):
    x, s, y, z = graph
    assert min_informative_str(y).splitlines() == ["A. mul", " B. exp", "  C. x", " D. s"]
    assert min_informative_str(y + y, indent_level=2).splitlines()[-1] == "   <B>"
    assert (
        len(
            {
                line.split(".")[0].strip()
                for line in min_informative_str([T.dscalar() for _ in range(60)]).splitlines()
            }
        )
        == 60
    )


def test_the_text_of_a_drawing(graph):
    x, s, y, z = graph
    quoted = T.dscalar('a "b"\\')
    text = dot_text([z + quoted])
    assert text.startswith("digraph {") and text.rstrip().endswith("}") and text.count("ellipse") == 5
    assert (
        'label="exp"' in text
        and '\\"b\\"' in text
        and "TensorType(float64, scalar)" in text
        and text.count("->") == 9
    )
    assert (
        "id=" in dot_text(z, with_ids=True)
        and max(map(len, re.findall('label="(.*?)"', dot_text(z, max_label_size=12)))) == 12
    )


@pytest.mark.parametrize("fmt", ["dot", "png", "svg"])
def test_pydotprint(graph, tmp_path, capsys, monkeypatch, fmt):
    x, s, y, z = graph
    path = str(tmp_path / f"graph.{fmt}")
    if fmt == "dot":
        pydotprint(function([x], z), outfile=path)
        assert path in capsys.readouterr().out and open(path).read() == dot_text(function([x], z))
        assert pydotprint(z, return_image=True, format="dot") == dot_text(z).encode()
        return
    # stands in for Graphviz's: writes how it was called, then what it was given
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    sh, cat = shutil.which("sh"), shutil.which("cat")
    program.write_text(f'#!{sh}\necho "$@"\n{cat}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="debugprint"):
        pydotprint(z, outfile=path)
    monkeypatch.setenv("PATH", str(program.parent))
    pydotprint(z, outfile=path, print_output_file=False)
    assert open(path).read() == f"-T{fmt}\n{dot_text(z)}" and capsys.readouterr().out == ""
    program.write_text(f"#!{sh}\necho no >&2; exit 3\n")
    with pytest.raises(RuntimeError, match="no"):
        pydotprint(z, outfile=path)
    with pytest.raises(ValueError, match="'gif'"):
        pydotprint(z, format="gif")


# -- archives


class Model:
    def __init__(self):
        self.w, self.b, self.step = (
            shared(np.arange(6.0).reshape(2, 3), "w"),
            shared(np.float32(2), "b"),
            shared(0),
        )
        x = T.dvector("x")
        self.f = function([x], T.dot(self.w, x) + self.b, updates=[(self.step, self.step + 1)])


def test_archives_keep_values_names_and_functions(tmp_path):
    model = Model()
    model.f([1, 2, 3])
    with open(tmp_path / "m.zip", "wb") as file:
        dump(model, file)
    stored = np.load(tmp_path / "m.zip")
    np.testing.assert_array_equal(stored["w"], model.w.get_value())
    assert {"w", "b", "array_0"} <= set(stored.files) and zipfile.is_zipfile(tmp_path / "m.zip")
    with open(tmp_path / "m.zip", "rb") as file:
        again = load(file)
    np.testing.assert_array_equal(again.f([1, 2, 3]), model.f([1, 2, 3]))
    assert (
        again.step.get_value() == 2 == model.step.get_value()
        and again.w.name == "w"
        and again.b.get_value().dtype == "float32"
    )
    again.w.set_value(np.zeros((2, 3)))
    assert again.f([1, 2, 3]).tolist() == [2, 2] and model.w.get_value().any()


def test_names_in_archives():
    file = io.BytesIO()
    twins = [shared(np.ones(2), "same"), shared(np.zeros(2), "same"), shared(np.ones(1)), shared([1, "list"])]
    dump([twins, twins[0].clone(), shared(np.random.RandomState(3), "rng")], file)
    file.seek(0)
    assert {"same", "same_1", "array_0", "rng", "pkl"} == set(np.load(file).files)
    (first, second, *rest), clone, rng = load(file)
    assert first.get_value().all() and not second.get_value().any() and rest[1].get_value() == [1, "list"]
    clone.set_value(np.full(2, 7.0))
    assert first.get_value().tolist() == [7, 7] and rng.get_value().randint(1000) == np.random.RandomState(
        3
    ).randint(1000)
    for options, words in (
        ({"allow_duplicates": False}, "'same'"),
        ({"allow_unnamed": False}, "without a name"),
    ):
        with pytest.raises(ValueError, match=words):
            dump(twins, io.BytesIO(), persistent_id=PersistentSharedVariableID(**options))


# -- states of random streams


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, arguments, twin",
    [
        ("uniform", ((3,), -1.0, 2.0), lambda r: r.uniform(-1, 2, 3)),
        ("normal", ((3,), 1.0, 2.0), lambda r: r.normal(1, 2, 3)),
        ("binomial", ((4,), 5, 0.3), lambda r: r.binomial(5, 0.3, 4)),
        ("random_integers", ((4,), 2, 9), lambda r: r.randint(2, 10, 4)),
        ("permutation", ((), 5), lambda r: r.permutation(5)),
        ("poisson", ((4,), 3.0), lambda r: r.poisson(3, 4)),
    ],
)
def test_states_that_programs_pass_themselves(name, arguments, twin):
    rng = shared(np.random.RandomState(9))
    after, sample = getattr(raw_random, name)(rng, *arguments)
    f, frozen, r = (
        function([], sample, updates=[(rng, after)]),
        function([], sample),
        np.random.RandomState(9),
    )
    np.testing.assert_allclose(frozen(), frozen())
    for _ in range(3):
        np.testing.assert_allclose(f(), twin(r))


# -- small names


def test_small_names():
    assert (
        compat.flatten([1, (2, [3, {4}]), "ab", []]) == [1, 2, 3, 4, "ab"]
        and compat.uniq([[1], [2], [1]]) == [[1], [2]]
        and compat.difference([1, 2], [2]) == [1]
    )
    assert (
        compat.cmp(1, 2) == -1
        and compat.cmp("b", "a") == 1
        and compat.exc_message(ValueError("x", 1)) == "x"
        and compat.exc_message(ValueError()) == ""
    )
    assert (
        compat.decode(b"a") == compat.decode("a") == "a"
        and list(compat.decode_iter([b"a"])) == ["a"]
        and compat.get_unbound_function(Model().__init__) is Model.__init__
    )
    assert (
        list(tgen.compat.izip([1], [2])) == [(1, 2)]
        and tgen.compat.PY3
        and tgen.compat.OrderedDict is not None
    )
    with tgen.config.change_flags(floatX="float32"):
        assert (
            tgen.misc.safe_asarray._asarray([1], "floatX").dtype == "float32"
            and T._asarray([1], "int8").dtype == "int8"
        )
