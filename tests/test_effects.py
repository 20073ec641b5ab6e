"""Op.effect: what passes may not do with an op that is more than its results.

Every op that has an effect is tried twice, unread, in a loop whose steps are all alike, and in a branch.
"""

import pytest

import tgen  # noqa: F401  fills OPS
from tgen import passes
from tgen.core.effect import PURE, STATE, WORLD
from tgen.core.op import OPS
from tgen.ir.rebuild import is_ordered, walk
from tgen.ir.text import parse, to_text
from tgen.ir.verify import verify
from tgen.passes.cse import cse
from tgen.passes.dce import dce
from tgen.passes.plan import fallible

PARAMS = "{f}: float64[4], {i}: int64[4], {b}: bool[], {m}: float64[4, 4], {s}: {state}"
RANDOM_STATE, SAMPLE = "uint32[628]", "t{k}: uint32[628], r{k}: float64[4] = "
# op -> (the type of its state, an application of it to values of PARAMS, the type of its result r)
LINES = {
    "check_eq": ("", "check_eq <n0, 3> {{site={k}}}", ""),
    "check_index": ("", "check_index {i} <n0> {{axis=0, site={k}}}", ""),
    "check_nonempty": ("", "check_nonempty <n0> {{axis=0, site={k}}}", ""),
    "check_length": ("", "check_length <n0 - 1> {{site={k}}}", ""),
    "assert": ("", "assert {b} {{site={k}}}", ""),
    "host": ("", "r{k}: float64[4] = host {f} {{python=0, results=(('float64', (4,)),)}}", "float64[4]"),
    "host_effect": ("", "host_effect {f} {{python=0, results=()}}", ""),
    "gather": ("", "r{k}: float64[4] = gather {f}, {i} {{axis=0, count=1}}", "float64[4]"),
    "set_gather": ("", "r{k}: float64[4] = set_gather {f}, {f}, {i} {{axis=0, count=1}}", "float64[4]"),
    "inc_gather": ("", "r{k}: float64[4] = inc_gather {f}, {f}, {i} {{axis=0, count=1}}", "float64[4]"),
    "rebroadcast": ("", "r{k}: float64[4] = rebroadcast {f} {{axes=()}}", "float64[4]"),
    "mrg_uniform": (
        "int32[3, 6]",
        "t{k}: int32[3, 6], r{k}: float64[4] = mrg_uniform {s} <4> {{dtype='float64'}}",
        "float64[4]",
    ),
    "philox": (
        "uint32[6]",
        "t{k}: uint32[6], r{k}: float64[4] = philox {s} <4> {{dtype='float64'}}",
        "float64[4]",
    ),
    "rs_uniform": (RANDOM_STATE, SAMPLE + "rs_uniform {s} <4>", "float64[4]"),
    "rs_normal": (RANDOM_STATE, SAMPLE + "rs_normal {s} <4>", "float64[4]"),
    "rs_exponential": (RANDOM_STATE, SAMPLE + "rs_exponential {s} <4>", "float64[4]"),
    "rs_gamma": (RANDOM_STATE, SAMPLE + "rs_gamma {s}, {f} <4>", "float64[4]"),
    "rs_poisson": (RANDOM_STATE, SAMPLE + "rs_poisson {s}, {f} <4>", "int64[4]"),
    "rs_binomial": (RANDOM_STATE, SAMPLE + "rs_binomial {s}, {i}, {f} <4>", "int64[4]"),
    "rs_integers": (RANDOM_STATE, SAMPLE + "rs_integers {s}, {i}, {i} <4>", "int64[4]"),
    "rs_permutation": (RANDOM_STATE, SAMPLE + "rs_permutation {s} <4>", "int64[4]"),
    "rs_choice": (
        RANDOM_STATE,
        SAMPLE + "rs_choice {s}, {f} <4> {{replace=True, single=False}}",
        "int64[4]",
    ),
    "cholesky": ("", "r{k}: float64[4, 4] = cholesky {m} {{site={k}}}", "float64[4, 4]"),
    "solve": ("", "r{k}: float64[4, 4] = solve {m}, {m} {{form='general', site={k}}}", "float64[4, 4]"),
    "rs_multinomial": (RANDOM_STATE, SAMPLE + "rs_multinomial {s}, {i}, {m} <4>", "int64[4, 4]"),
}
REGIONS = {"scan", "cond"}  # these do what is in them


def line(name, k, values):
    _, text, result = LINES[name]
    return text.replace("r{k}: float64[4]", "r{k}: " + result).format(k=k, **values)


def named(name, first):
    """(the names of PARAMS from v{first} on, PARAMS with these)."""
    values = {word: f"v{first + n}" for n, word in enumerate("fibms")}
    return values, PARAMS.format(state=LINES[name][0] or "float64[]", **values)


def function(name, body, ret, values, params):
    return verify(parse(f"function ({params}, v5: float64[n0]) {{\n{body}\nreturn {ret}\n}}"))


def stages(function):
    found = []
    passes.run(function, stages=found, checked=True)
    return found


def applications(function, name):
    """{op: how often} of the ops that ``name`` may have become, in the blocks of an IR function."""
    return [i for i in walk(function.block) if i.op.name == name]


def test_every_effect_has_its_line():
    assert set(LINES) | REGIONS == {name for name, op in OPS.items() if op.effect != PURE}
    assert {name for name, op in OPS.items() if op.effect.token == STATE} == {n for n in LINES if LINES[n][0]}
    assert {name for name, op in OPS.items() if op.effect.token == WORLD} == {"host_effect"}


def test_what_an_effect_means_is_what_its_op_says():
    for name, op in OPS.items():
        effect = op.effect
        assert effect.merges or effect.stays, name  # who may be dropped may be merged
        assert not effect.ordered or not effect.merges and effect.stays, name
        assert effect.fails or not op.refuses, name
        assert effect.moves or not (op.needs or op.inlined or op.growth), name
        assert effect.token != STATE or op.lengths and op.infer is not None, name


@pytest.mark.parametrize("name", LINES)
def test_twins_are_merged_or_stay_two(name):
    values, params = named(name, 0)
    result = LINES[name][2]
    twins = function(
        name,
        f"{line(name, 6, values)}\n{line(name, 7, values)}",
        "r6, r7" if result else "v0",
        values,
        params,
    )
    left = applications(cse(twins), name)
    assert len(left) == (1 if OPS[name].effect.merges else 2), to_text(cse(twins))


@pytest.mark.parametrize("name", LINES)
def test_what_nobody_reads_goes_unless_it_stays(name):
    values, params = named(name, 0)
    unread = function(name, line(name, 6, values), "v0", values, params)
    assert len(applications(dce(unread), name)) == OPS[name].effect.stays
    assert all(len(applications(f, name)) >= OPS[name].effect.stays for _, f in stages(unread))


@pytest.mark.parametrize("name", LINES)
def test_a_loop_keeps_what_may_not_run_without_it(name):
    """Its operands are the same at every step, so all that moves is made once, before the loop."""
    outer, params = named(name, 0)
    inner, inside = named(name, 7)
    result = LINES[name][2]
    fixed = ", ".join(outer.values())
    kept, type = ("r13", result) if result else ("v6", "float64[]")
    wide = type.replace("[", "[n0, ").replace(", ]", "]")
    body = (
        f"v20: {wide} = scan v5, {fixed} <n0> {{carries=0, outs=(('stack', 0),), sequences=1, until=False}} "
        f"(v6: float64[], {inside}) {{\n{line(name, 13, inner)}\nyield {kept}\n}}"
    )
    looped = function(name, body, "v20", outer, params)
    for stage, f in stages(looped):
        outside = [i for i in f.block.instrs if i.op.name == name]
        assert not outside or OPS[name].effect.moves, f"after {stage}\n{to_text(f)}"
        within = applications(f, name)
        assert within or OPS[name].effect.moves or name in ("gather", "rebroadcast"), f"{stage}\n{to_text(f)}"


@pytest.mark.parametrize("name", LINES)
def test_a_branch_keeps_what_is_in_it(name):
    outer, params = named(name, 0)
    inner, inside = named(name, 7)
    result = LINES[name][2]
    fixed, kept, type = (
        ", ".join(outer.values()),
        *(("r13", result) if result else (inner["f"], "float64[4]")),
    )
    other = inside
    for word in "fibms":
        other = other.replace(inner[word] + ":", f"w{word}:")
    zero = {"float64[4]": "wf", "int64[4]": "wi", "float64[4, 4]": "wm"}.get(type, "z")
    made = "z: int64[4, 4] = cast wm {dtype='int64'}" if zero == "z" else ""
    body = (
        f"v20: {type} = cond v2, {fixed}, {fixed} {{first=5, found=(), open=()}} "
        f"({inside}) {{\n{line(name, 13, inner)}\nyield {kept}\n}} ({other}) {{\n{made}\nyield {zero}\n}}"
    )
    branched = function(name, body, "v20", outer, params)
    for stage, f in stages(branched):
        assert not [i for i in f.block.instrs if i.op.name == name], f"after {stage}\n{to_text(f)}"


def test_what_acts_keeps_its_order_whatever_is_fused_around_it():
    """Numbers of Python bodies in the order of the text, in every stage; a loop and a branch among them."""
    lines = """
        v2: float64[4] = exp v0
        host_effect v2 {python=0, results=()}
        v3: float64[] = sum v2 {axes=(0,)}
        host_effect v0 {python=1, results=()}
        v4: float64[4] = tanh v0
        v5: float64[n0] = scan v1, v4 <n0> {carries=0, outs=(('stack', 0),), sequences=1, until=False} (v6: float64[], v7: float64[4]) {
          host_effect v7 {python=2, results=()}
          v8: float64[] = add v6, v6
          yield v8
        }
        host_effect v3 {python=3, results=()}
        v9: bool[] = isnan v3
        v10: float64[4] = cond v9, v4, v0 {first=1, found=(), open=()} (v11: float64[4]) {
          host_effect v11 {python=4, results=()}
          yield v11
        } (v12: float64[4]) {
          yield v12
        }
        host_effect v2 {python=5, results=()}
        return v4, v5, v3"""  # noqa: E501
    acting = verify(parse(f"function (v0: float64[4], v1: float64[n0]) {{{lines}\n}}"))
    for stage, f in [("none", acting), *stages(acting)]:
        order = [i.attrs["python"] for i in walk(f.block) if i.op.effect.ordered]
        assert order == [0, 1, 2, 3, 4, 5], f"after {stage}\n{to_text(f)}"
        assert all(map(fallible, (i for i in f.block.instrs if is_ordered(i)))), stage
