"""The schedule: what each rewrite makes of a nest (golden/*.nest, both run), and kernels with any of them
left out.

tests/cases.py describes the files; the line below a title is ``sizes: n0=3 n1=4``, and a file is called after
its rewrite. ``pytest --update-golden`` writes what it makes now.
"""

import math
import re

import numpy as np
import pytest
from cases import FOLDER, case_text, cases, write
from compiled import in_parts
from special import same_bits
from test_nests import KERNELS, ROOM, agrees, built, module_of, run_parts

import tgen
import tgen.tensor as T
from tgen.codegen.bodies import Body
from tgen.codegen.nest import Field, Name, Nest, changed, identity, walk
from tgen.codegen.nest_parse import parse
from tgen.codegen.nest_text import free, to_text
from tgen.codegen.schedule import SCHEDULE, left_out, scheduled
from tgen.codegen.schedule.share import share
from tgen.core.dtypes import is_float

HEAD = "nest <"
ROWS = {row.name: row for row in SCHEDULE}
ALONE = [row.name for row in SCHEDULE if row.run is not None]  # rewrites of one nest


@pytest.mark.parametrize("path, number", [p for name in ALONE for p in cases(f"{name}.nest")])
def test_golden_nests(path, number, update_golden):
    title, line, before, expected = case_text(path, number)
    row, nest = ROWS[path.stem], parse(before)
    assert to_text(nest) == before
    new = row.run(nest)
    text = to_text(new)
    if update_golden:
        write(path, number, title, line, before, text)
    else:
        assert text == expected
    sizes = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}
    rng = np.random.default_rng(number)
    memory = {field.name: array_of(rng, field, sizes, nest) for field in free(nest.body)[2]}
    wanted = ran(nest, sizes, memory, 1)
    for parts in (1, 3):
        got = ran(parse(text), sizes, memory, parts)
        for name, array in wanted.items():
            if name[0] != "v":  # a part's own workspace
                continue
            if row.exact or not is_float(array.dtype.name):
                assert same_bits(got[name], array), name
            else:
                tolerance = 1e-6 if array.dtype == np.float32 else 1e-12
                np.testing.assert_allclose(got[name], array, rtol=tolerance)


def array_of(rng, field, sizes, nest):
    """Memory for a member of the frame; integers are indices of all axes there are."""
    count = max(4 * math.prod(sizes.values()), ROOM)
    if is_float(field.dtype):
        return rng.normal(size=count).astype(field.dtype)
    return rng.integers(0, min(sizes.values()), count).astype(field.dtype)


def ran(nest, sizes, memory, parts):
    """What a nest makes of memory."""
    memory = {name: array.copy() for name, array in memory.items()}
    run_parts(nest, parts, sizes, memory)
    return memory


@pytest.mark.parametrize("path, number", list(cases("share.nest")))
def test_golden_functions(path, number, update_golden):
    """The nests of a file, and below them the functions that they share and what is left of each."""
    title, line, before, expected = case_text(path, number)
    bodies = [Body(parse(HEAD + text).body) for text in before.split(HEAD)[1:]]
    assert "".join(to_text(Nest(body.nodes)) for body in bodies) == before
    functions = share(bodies)
    calls = {body: call for shared in functions for body, call in shared.calls}
    nests = [shared.nodes for shared in functions] + [
        (calls.get(b),) if b in calls else b.nodes for b in bodies
    ]
    text = "".join(to_text(Nest(nodes)) for nodes in nests)
    if update_golden:
        write(path, number, title, line, before, text)
    else:
        assert text == expected
    for shared in functions:  # with the arguments of its call the function is the nest again
        for body, call in shared.calls:
            own = {x.name: x for x in (*body.fields, *body.sizes)}
            given = {
                p.text: own[x.name] for p, x in zip(shared.parameters, call.call.args) if type(x) is Field
            }
            again = changed(shared.nodes, lambda n: given.get(n.text) if type(n) is Name else None)
            assert identity(walk(again)) == identity(walk(body.nodes))


def test_every_rewrite_has_golden_nests():
    assert {path.stem for path in FOLDER.glob("*.nest")} == set(ROWS)


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("title", KERNELS)
def test_a_rewrite_may_be_left_out(title, name):
    before, function = built(KERNELS[title])
    module, names = module_of(function)
    plain = module.parts[0].plain[0]
    agrees(before, function, module, names, scheduled(plain, (name,)), 2)


@pytest.mark.parametrize("title", KERNELS)
def test_squares_are_for_what_is_transposed(title):
    """No other kernel's text changes."""
    _, function = built(KERNELS[title])
    plain = module_of(function)[0].parts[0].plain[0]
    assert (scheduled(plain) == scheduled(plain, ("tile",))) is ("transposed" not in title)


# -- config.schedule -----------------------------------------------------------------------------------------


def test_the_names_are_checked():
    with tgen.config.change_flags(schedule=" -vector -attach,-vector"):
        assert tgen.config.schedule == "-vector,-attach" and left_out() == ("vector", "attach")
    for wrong, words in (
        ("vector", "config.schedule names what is left out, as '-a,-b'; got 'vector'"),
        ("-vectors", "there is no 'vectors' to leave out; nearest: vector; there are join, "),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            tgen.config.schedule = wrong
    with pytest.raises(TypeError, match=r"config\.schedule must be a string"):
        tgen.config.schedule = ("-vector",)


def test_what_is_left_out_is_another_text():
    x = T.dmatrix("x")

    def texts(**flags):
        with tgen.config.change_flags(**flags), in_parts():
            f = tgen.function([x], [T.exp(x).sum(axis=0), x + x.T])
            return f.inspect("c"), f.inspect("schedule"), f(np.arange(12.0).reshape(3, 4)[:, :3])

    whole, shown, wanted = texts()
    other, said, got = texts(schedule="-vector,-attach")
    assert "omp simd" in whole and "omp simd" not in other
    assert "  vector  " in shown and "  vector  " not in said and "left out: vector, attach" in said
    assert all(np.allclose(a, b, rtol=1e-14) for a, b in zip(got, wanted))
    assert "# part0: v" in shown and shown.count("# rewrites") == 1


def test_parts_share_their_loops_unless_told_otherwise():
    x, y = T.dvectors("xy")

    def made(**flags):
        with tgen.config.change_flags(**flags):
            f = tgen.function([x, y], [T.exp(x) * 2, T.exp(y) * 2])
            return f.inspect("c"), f.inspect("schedule"), f([1.0, 2.0], [3.0])

    (together, shown, wanted), (apart, said, got) = made(), made(schedule="-share")
    assert together.count("= exp(x") == 1 and apart.count("= exp(x") == 2
    assert "# same0: part0, part1\n# rewrites\n  share  " in shown and "same0" not in said + apart
    assert all(same_bits(a, b) for a, b in zip(wanted, got))
