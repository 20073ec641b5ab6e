"""A compiled entry by hand, over storages: what runtime/call.py does, for the tests of the host
module alone.
"""

import threading

from tgen.backends.c import build, host
from tgen.codegen.render import render

# One more for every element of each storage: in place where the storage is the only holder, else into a fresh
# block.
INCREMENT = """
int32_t tgen_entry(const tgen_host *host, int64_t *frame, tgen_storage *const *shared)
{
    for (int64_t s = 0; s < frame[8]; s++) {
        tgen_storage *w = shared[s];
        const int64_t n = w->dims[0];
        const int in_place = __atomic_load_n(&w->block->refs, __ATOMIC_ACQUIRE) == 1 && w->block->flags == 0;
        tgen_block *fresh = in_place ? 0 : host->take(n * 8);
        if (!in_place && !fresh)
            return TGEN_MEMORY;
        double *to = (double *)(in_place ? w->data : fresh->data);
        for (int64_t i = 0; i < n; i++)
            to[i] = *(const double *)(w->data + i * w->dims[1]) + 1;
        if (fresh)
            host->flip(w, fresh, w->dims);
        frame[0] = in_place;
    }
    return TGEN_OK;
}
"""
# frame[8] = address of tgen_jump, frame[9] = an entry, frame[10] = storages, frame[11] = exclusive, frame[12]
# = how many
NESTED = """
typedef int32_t jump(void *, const tgen_host *, int64_t *, tgen_storage *const *, const int8_t *, int32_t);
int32_t tgen_entry(const tgen_host *host, int64_t *frame, tgen_storage *const *shared)
{
    int64_t inner[16] = {0};
    (void)shared;
    return ((jump *)frame[8])((void *)frame[9], host, inner, (tgen_storage *const *)frame[10],
                              (const int8_t *)frame[11], (int32_t)frame[12]);
}
"""


class Call:
    """A compiled entry over storages, some exclusive: what runtime/call.py does, by hand."""

    def __init__(self, text, *storages, exclusive=True):
        self.lib, self.ffi, self.host = host.table()
        self.library = build.obtain(render("abi.h.j2") + text, {})
        self.storages = sorted(storages, key=lambda s: s.id)
        self.shared = self.ffi.new("tgen_storage *[]", [s.record for s in self.storages] or 1)
        self.exclusive = self.ffi.new("int8_t[]", [exclusive] * len(storages) or 1)

    def __call__(self):
        frame = self.ffi.new("int64_t[16]")
        frame[8] = len(self.storages)
        return self.run(frame), frame[0]

    def run(self, frame):
        return self.lib.tgen_jump(
            self.library.entry, self.host, frame, self.shared, self.exclusive, len(self.storages)
        )

    def nested(self, inner):
        """The status of calling ``inner`` from inside of this entry."""
        frame, address = self.ffi.new("int64_t[16]"), lambda p: int(self.ffi.cast("intptr_t", p))
        frame[8:13] = [
            address(self.ffi.addressof(self.lib, "tgen_jump")),
            address(inner.library.entry),
            address(inner.shared),
            address(inner.exclusive),
            len(inner.storages),
        ]
        return self.run(frame)


def run_threads(works):
    failures = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    assert not failures and not any(t.is_alive() for t in threads), failures
