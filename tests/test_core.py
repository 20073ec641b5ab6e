"""The core of a generated file, called from C: typed pointers, sizes and a state in, results, codes and sites
out.

The program below is C alone; of Python it has a header, for the layout of an object's head in the host
module.
"""

import os
import re
import shlex
import shutil
import subprocess
import sysconfig

import numpy as np
import pytest

import tgen
import tgen.tensor as T
from tgen.backends.c import toolchain
from tgen.backends.c.directory import scratch_directory
from tgen.codegen.generate import generate, parts_of_file
from tgen.codegen.render import render
from tgen.core import refusal
from tgen.passes.plan import plan

X, I, K = T.dmatrix("x"), T.lvector("i"), T.dscalar("k")
DRIVER = """
#include "runtime.c"
#include "program.c"

static tgen_storage *stored(int64_t count, double value)
{
    const int64_t dims[2] = {count, 8};
    tgen_storage *storage = tgen_storage_new(1, 8);
    tgen_block *block = tgen_take(count*8);
    for (int64_t k = 0; k < count; k++)
        ((double *)block->data)[k] = value + (double)k;
    tgen_storage_set(storage, block, block->data, dims);
    return storage;
}

static void call(int64_t index, int64_t columns, tgen_storage *w, tgen_storage *count)
{
    double x[6] = {0, 1, 2, 3, 4, 5};
    const int64_t x_dims[4] = {6/columns, columns, 8*columns, 8}, i_dims[2] = {2, 8}, i[2] = {index, 0};
    int64_t record[8] = {0}, picked_dims[2] = {0};
    const Arguments given = {x, x_dims, i, i_dims, 0.5};
    const State state = {w, count};
    Results out = {record};
    out.o0_dims = picked_dims;
    const int32_t code = tgen_core(tgen_table(), &given, &state, &out);
    if (code == TGEN_OK) {
        const double *picked = (const double *)out.o0->data;
        printf("0 | %lld %lld |", (long long)picked_dims[0], (long long)picked_dims[1]);
        for (int64_t k = 0; k < picked_dims[0]*picked_dims[1]; k++)
            printf(" %g", picked[k]);
        printf(" | %g", out.o1);
        tgen_give(out.o0);
    } else {
        printf("%d |", code);
        for (int k = 0; k < 4; k++)
            printf(" %lld", (long long)record[k]);
    }
    for (int64_t k = 0; k < w->dims[0]; k++)
        printf("%s%g", k ? " " : " | ", ((double *)w->data)[k]);
    printf(" | %g\\n", ((double *)count->data)[0]);
}

int main(void)
{
    tgen_storage *w = stored(3, 10), *count = stored(1, 0);
    tgen_set_threads(1);
    call(1, 3, w, count);
    call(-2, 3, w, count);
    call(2, 3, w, count);       /* an index too large */
    call(1, 2, w, count);       /* other sizes than the state has */
    tgen_storage_free(w);
    tgen_storage_free(count);
    tgen_free_pool();
    return 0;
}
"""
PYTHON = f"-include Python.h -isystem {sysconfig.get_path('include')}"


def program():
    w = tgen.shared(np.arange(10.0, 13), "w")
    count = tgen.shared(np.zeros(1), "count")
    outputs = [(X * w)[I], (X * K).sum()]
    return tgen.function([X, I, K], outputs, updates=[(w, w + X[0]), (count, count + 1)]), w, count


def run(folder, texts, flags=""):
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    compiler = (
        f"{toolchain.find()} -std=gnu99 {PYTHON} -g -O1 -w {flags} driver.c -o driver -ldl -lpthread -lm"
    )
    toolchain.execute(folder, shlex.split(compiler))
    done = subprocess.run([os.path.join(folder, "driver")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr[:3000]
    return done.stdout.splitlines()


def words(line):
    return [part.split() for part in line.split("|")]


@pytest.mark.slow
def test_a_program_in_c_calls_the_core():
    """Results, updates, refusals and their sites are those of Python's calls; a refusal changes nothing."""
    f, w, count = program()
    final = f.fn.program.final()
    texts = {
        "runtime.c": render("runtime.c.j2"),
        "program.c": render("file.c.j2", abi="", **parts_of_file(final, plan(final))),
        "driver.c": DRIVER,
    }
    folder = scratch_directory()
    try:
        lines = run(folder, texts, "-fsanitize=address,undefined")
    finally:
        shutil.rmtree(folder)
    x = np.arange(6.0)
    for line, index in zip(lines[:2], (1, -2)):
        picked, total = f(x.reshape(2, 3), [index, 0], 0.5)
        code, shape, elements, sum, state, counted = words(line)
        assert code == ["0"] and [int(n) for n in shape] == [2, 3]
        assert [float(e) for e in elements] == picked.ravel().tolist() and float(sum[0]) == total
        assert [float(e) for e in state] == w.get_value().tolist() and float(counted[0]) == count.get_value()
    sites = f.fn.program.lowered.sites
    for line, call, known in (
        (lines[2], (x.reshape(2, 3), [2, 0], 0.5), refusal.INDEX),
        (lines[3], (x.reshape(3, 2), [1, 0], 0.5), refusal.SIZES),
    ):
        (code,), (site, *numbers), state, counted = words(line)
        with pytest.raises((IndexError, ValueError)) as caught:
            f(*call)
        assert int(code) == known and sites[int(site)] is not None
        assert (
            all(n in str(caught.value) for n in numbers[:2])
            and type(caught.value)
            is f.fn.explain(known, [int(site), *map(int, numbers), 0, 0, 0, 0]).__class__
        )
        assert str(f.fn.explain(known, [int(site), *map(int, numbers), 0, 0, 0, 0])) == str(caught.value)
        assert [float(e) for e in state] == w.get_value().tolist() and counted == ["2"]


def test_the_wrapper_alone_knows_the_frame():
    """The core names no slot, the wrapper computes nothing."""
    f, _, _ = program()
    final = f.fn.program.final()
    for general in (False, True):
        text = re.sub(r"/\*.*?\*/", "", generate(final, plan(final), general), flags=re.S)
        core, wrapper = text.split("TGEN_STATIC int32_t tgen_core(")[1].split("int32_t tgen_entry(")
        assert not re.search(r"\bframe\b|\bshared\b", core)
        calls = set(re.findall(r"\b(\w+)\(", wrapper)) - {"memcpy", "if"}
        assert calls == {"tgen_core"} and "f->" not in wrapper


def test_codes_are_the_same_in_c_and_python():
    found = dict(re.findall(r"TGEN_(\w+) = (\d+)", render("abi.h.j2").split("TGEN_HEADER")[0]))
    codes = {name: getattr(refusal, name) for name in found}
    assert {name: int(n) for name, n in found.items()} == codes and sorted(codes.values()) == list(range(11))
