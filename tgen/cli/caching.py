"""``tgen cache``: where compiled functions are kept, what is there, whether it is whole, and how to make
room.
"""

import time

from tgen.backends.c import cache
from tgen.show.table import table

UNITS = ("bytes", "kB", "MB", "GB", "TB")
KINDS = {cache.LIBRARY: "function", cache.RECORD: "record", cache.BLAS: "BLAS"}
SUFFIXES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size_text(count):
    """``count`` bytes for people.

    >>> size_text(812), size_text(20_480), size_text(3 << 30)
    ('812 bytes', '20.0 kB', '3.0 GB')
    """
    unit = 0
    while count >= 1024 and unit + 1 < len(UNITS):
        count, unit = count / 1024, unit + 1
    return f"{count:.1f} {UNITS[unit]}" if unit else f"{count} bytes"


def size_of(text):
    """The number of bytes in ``500M``, ``2g``, ``100``; ValueError otherwise.

    >>> size_of("2k"), size_of("100")
    (2048, 100)
    """
    factor = SUFFIXES.get(text[-1:].lower(), 1)
    count = int(text[:-1] if factor > 1 else text)
    if count < 0:
        raise ValueError(f"a size is at least 0; got {text}")
    return count * factor


def age_text(seconds):
    """How long ago, in the largest unit that fits."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(0, seconds):.0f} seconds ago"


def path(_, out, paint):
    out.write(cache.directory() + "\n")
    return 0


def list_entries(_, out, paint):
    now = time.time()
    rows = [
        (item.key, KINDS[item.suffix], size_text(item.size), age_text(now - item.used))
        for item in reversed(cache.entries())
    ]
    out.write(table(rows) + "\n" if rows else "")
    return 0


def stats(_, out, paint):
    found = cache.stats()
    rows = [
        ("directory", found["directory"]),
        ("functions", str(found["functions"])),
        ("records", str(found["records"])),
        ("size", size_text(found["bytes"])),
        ("limit", size_text(found["limit"])),
    ]
    out.write(table(rows) + "\n")
    return 0


def verify(_, out, paint):
    count, bad = len(cache.entries()), cache.verify()
    for item in bad:
        out.write(paint.style("bad", "damaged") + f"  {item.path}\n")
    out.write(
        f"{count} entries, {len(bad)} damaged"
        + ("; a use replaces them, tgen cache clear removes all" if bad else "")
        + "\n"
    )
    return 1 if bad else 0


def prune(options, out, paint):
    out.write(f"{cache.prune(options.bytes)} files removed\n")
    return 0


def clear(_, out, paint):
    out.write(f"{cache.clear()} files removed\n")
    return 0


ACTIONS = {
    "path": (path, "print the cache directory"),
    "list": (list_entries, "what is there, the last used first"),
    "stats": (stats, "how many, how large, how large it may get"),
    "verify": (verify, "prove every entry; status 1 when one is damaged"),
    "prune": (prune, "remove what was used longest ago until the rest fits"),
    "clear": (clear, "remove everything"),
}
