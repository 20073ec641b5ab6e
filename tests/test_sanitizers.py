"""The host module's C under the thread, address and undefined-behaviour sanitizers, used by six threads at
once.
"""

import os
import shlex
import shutil
import subprocess
import sysconfig

import pytest

from tgen.backends.c import toolchain
from tgen.backends.c.directory import scratch_directory
from tgen.codegen.render import render

pytestmark = pytest.mark.slow

DRIVER = """
#include "runtime.c"
static tgen_storage *all[3];

static int32_t increment(const tgen_host *host, int64_t *frame, tgen_storage *const *shared)
{
    for (int64_t k = 0; k < frame[8]; k++) {
        tgen_storage *w = shared[k];
        const int in_place = __atomic_load_n(&w->block->refs, __ATOMIC_ACQUIRE) == 1 && w->block->flags == 0;
        tgen_block *fresh = in_place ? NULL : host->take(w->dims[0] * 8);
        double *to = (double *)(in_place ? w->data : fresh->data);
        for (int64_t i = 0; i < w->dims[0]; i++)
            to[i] = ((double *)w->data)[i] + 1;
        if (fresh)
            host->flip(w, fresh, w->dims);
    }
    return 0;
}

static void look(tgen_storage *storage, int expose)
{
    int64_t n[1], twenty[1] = {20};
    double small[20];
    tgen_block *block = tgen_storage_view(storage, expose, n);
    const double *x = (const double *)block->data;
    for (int64_t i = 0; i < n[0]; i++)
        if (x[i] != x[0])
            abort();
    tgen_give(block);
    tgen_storage_read(all[0], twenty, (char *)small, sizeof small);
}

static void live_and_die(void)
{
    const int64_t dims[2] = {100000, 8};
    tgen_storage *storage = tgen_storage_new(1, 8);
    tgen_block *block = tgen_take(dims[0] * 8), *foreign = tgen_foreign((char *)all, 8);
    tgen_storage_set(storage, block, block->data, dims);
    tgen_storage_set(storage, foreign, (char *)all, dims);
    tgen_storage_free(storage);
}

/* Ten kernels on offer at once, more than the team keeps: each element belongs to one part, written once. */
struct Frame { int64_t seen[64]; };

static void mark(struct Frame *f, int32_t part, int64_t low, int64_t high)
{
    for (int64_t i = low; i < high; i++)
        f->seen[i] += part + 1;
}

static int team_work(int64_t round, int64_t me)
{
    struct Frame frames[10] = {{{0}}};
    int wrong = 0;
    if (me == 0 && round % 100 == 99)
        tgen_set_threads(1 + (int32_t)(round / 100 % 4));
    for (int k = 0; k < 10; k++)
        tgen_parallel(mark, &frames[k], 64, 2 + (int32_t)(round + k) % 31, (double)(round % 3));
    tgen_join();
    for (int k = 0; k < 10; k++) {
        const int64_t parts = 2 + (round + k) % 31;
        for (int64_t p = 0; p < parts; p++)
            for (int64_t i = 64*p/parts; i < 64*(p + 1)/parts; i++)
                wrong += frames[k].seen[i] != p + 1;
    }
    return wrong;
}

static void *work(void *argument)
{
    const int64_t me = (intptr_t)argument;
    const int8_t exclusive[3] = {1, 1, 1};
    int64_t frame[16] = {0};
    frame[8] = me % 3 + 1;
    for (int i = 0; i < ROUNDS; i++) {
        tgen_jump((void *)increment, tgen_table(), frame, all, exclusive, (int32_t)frame[8]);
        if (i % 7 == me % 7)
            look(all[i % 3], i % 21 == 0);
        if (i % 50 == 0)
            live_and_die();
        if (i % 100 == 0)
            tgen_free_pool();
        if (team_work(i, me))
            abort();
    }
    return NULL;
}

static void free_headers(tgen_block *chain)
{
    while (chain != NULL) {
        tgen_block *next = chain->next;
        tgen_free_header(chain);
        chain = next;
    }
}

int main(void)
{
    pthread_t threads[6];
    tgen_set_release_foreign(free_headers);
    tgen_set_threads(2);
    for (int k = 0; k < 3; k++) {
        const int64_t dims[2] = {k == 1 ? 20000 : 20, 8};
        tgen_block *block = tgen_take(dims[0] * 8);
        memset(block->data, 0, (size_t)dims[0] * 8);
        all[k] = tgen_storage_new(1, 8);
        tgen_storage_set(all[k], block, block->data, dims);
    }
    for (int64_t k = 0; k < 6; k++)
        pthread_create(&threads[k], NULL, work, (void *)(intptr_t)k);
    for (int k = 0; k < 6; k++)
        pthread_join(threads[k], NULL);
    for (int k = 0; k < 3; k++)
        printf("%g ", *(double *)all[k]->data);
    for (int k = 0; k < 3; k++)
        tgen_storage_free(all[k]);
    tgen_free_pool();
    return 0;
}
"""
ROUNDS = 600
# for the layout of an object's head, as cffi's glue includes it
PYTHON = f"-include Python.h -isystem {sysconfig.get_path('include')}"


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_host_module_under(sanitizer):
    folder = scratch_directory()
    try:
        for name, text in (("runtime.c", render("runtime.c.j2")), ("driver.c", DRIVER)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        command = (
            f"{toolchain.find()} -std=gnu99 {PYTHON} -g -O1 -w -fsanitize={sanitizer} "
            f"-DROUNDS={ROUNDS} driver.c -o driver -ldl -lpthread"
        )
        toolchain.execute(folder, shlex.split(command))
        done = subprocess.run([os.path.join(folder, "driver")], capture_output=True, text=True, timeout=120)
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0 and not done.stderr, done.stderr[:3000]
    assert done.stdout.split() == [str(6 * ROUNDS), str(4 * ROUNDS), str(2 * ROUNDS)]


def test_host_module_is_clean_under_warnings():
    folder = scratch_directory()
    try:
        with open(os.path.join(folder, "runtime.c"), "w", encoding="utf-8") as file:
            file.write(render("runtime.c.j2"))
        command = (
            f"{toolchain.find()} -std=gnu99 {PYTHON} -O1 -Wall -Wextra -Wno-unused-function -c "
            "runtime.c -o runtime.o"
        )
        assert toolchain.execute(folder, shlex.split(command)) == ""
    finally:
        shutil.rmtree(folder)
