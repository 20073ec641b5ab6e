"""``tgen inspect``: IR, plan and C of the functions a file builds, or of a cache entry."""

import os
import re
import sys

from tgen.backends.c import cache
from tgen.ir.text import parse
from tgen.show import inspection
from tgen.show.names import escape, place
from tgen.show.table import table

from .assembly import assembly
from .recording import Recorder, error_text, run_script

KEY = re.compile(r"[0-9a-f]{6,64}\Z")


class Wrong(Exception):
    """A message for the user; exit status 2."""


def split_target(text):
    """(file, name or None) of ``FILE.py[:NAME]``; (None, key) of a cache key.

    >>> split_target("train.py:step"), split_target("3f9ac2d41b")
    (('train.py', 'step'), (None, '3f9ac2d41b'))
    """
    if os.path.isfile(text):
        return text, None
    file, mark, name = text.partition(".py:")
    if mark:
        return file + ".py", name or None
    if KEY.match(text) and not text.endswith(".py"):
        return None, text
    return text, None


def run(options, out, paint):
    """The command; its exit status."""
    file, name = split_target(options.target)
    if file is None:
        return inspect_key(name, options, out, paint)
    if not os.path.isfile(file):
        raise Wrong(
            f"no file {escape(file)}, and {escape(options.target)} is no key of the cache (6 to 64 "
            "hex digits)"
        )
    recorder = Recorder(name, options.run)
    with out.script_to_stderr():
        error = run_script(file, options.arguments, recorder)
    shown = [b for b in recorder.found if name is None or name in b.names]
    if options.list:
        out.write(listing(recorder.found) + "\n" if recorder.found else "")
    else:
        for built in shown:
            show_function(built, options, out, paint)
    if error is not None:
        out.flush()
        sys.stderr.write(error_text(error, file) + "\n")
    if not shown:
        known = ", ".join(escape(b.label) for b in recorder.found) or "none"
        sys.stderr.write(
            f"tgen: {escape(file)} built no "
            f"function{f' called {escape(name)}' if name else ''}; built: {known}\n"
        )
    return 1 if error is not None or not shown else 0


def listing(found):
    """A line per function: label, place, signature."""
    rows = [(escape(b.label), place(b.where), signature(b.function)) for b in found]
    return table(rows)


def signature(fn):
    """``(x: TensorType(...)) -> n outputs, updates w b`` in the user's names."""
    inputs = ", ".join(escape(str(i.variable)) for i in fn.request.ins)
    updates = " ".join(escape(str(s)) for s, _ in fn.request.updates)
    count = len(fn.request.outputs)
    return f"({inputs}) -> {count} output{'s' * (count != 1)}" + (f"; updates {updates}" if updates else "")


def show_function(built, options, out, paint):
    fn = built.function
    out.write(
        paint.style("title", f"function {escape(built.label)}") + f"  {place(built.where, full=True)}\n"
    )
    out.write(paint.code("ir", inspection.legend(fn)) + "\n")
    show(out, paint, inspection.sections(fn, wanted(options)) if wanted(options) else [])
    if options.stage is not None:
        show(
            out,
            paint,
            [stage_of(options.stage, inspection.stage_texts(inspection.before(fn), fn.request.mode.passes))],
        )
    if options.asm:
        show(out, paint, [("assembly", "asm", assembly(fn.fn.program.text()))])


def wanted(options):
    """The section words that the flags ask for; all of them when there is no flag."""
    words = [
        word
        for word, on in [
            ("ir", options.ir),
            ("stages", options.stages),
            ("final", options.ir),
            ("plan", options.plan),
            ("schedule", options.schedule),
            ("c", options.c),
            ("general", options.general),
        ]
        if on
    ]
    return words or ([] if options.stage is not None or options.asm else ["ir", "final", "plan", "c"])


def show(out, paint, parts):
    for title, kind, text in parts:
        out.write(
            paint.style("title", f"==== {title} ====") + "\n" + paint.code(kind, text.rstrip("\n")) + "\n"
        )
    out.write("\n")


def stage_of(name, stages):
    """(title, kind, text) of the IR after pass ``name``; Wrong lists the passes there are."""
    for stage, shown in stages:
        if stage == name:
            return f"IR after {stage}", "ir", shown
    raise Wrong(f"no stage {escape(name)}; there are: {', '.join(stage for stage, _ in stages)}")


def find_key(prefix):
    """The whole key of the one stored function whose key begins so; Wrong for none or several."""
    keys = [item.key for item in cache.entries((cache.LIBRARY,)) if item.key.startswith(prefix)]
    if len(keys) != 1:
        several = (
            f"{len(keys)} keys begin with {prefix}"
            if keys
            else f"no key in {cache.directory()} begins with {prefix}"
        )
        raise Wrong(f"{several}; see tgen cache list")
    return keys[0]


def inspect_key(prefix, options, out, paint):
    """A cache entry: canonical names only, the passes run again to show stages."""
    key = find_key(prefix)
    stored = cache.get(key)
    if stored is None:
        raise Wrong(f"the entry {key} is damaged; tgen cache verify lists such entries")
    facts = stored[1]
    out.write(paint.style("title", f"cache entry {key}") + f"  {escape(facts.get('compiler', ''))}\n")
    text = facts["meta"].get("ir")
    if text is None:  # a library of tgen's own: the host module, the built-in products
        show(out, paint, [("C", "c", facts["c"])])
        return 0
    ir, mode = parse(text), facts["meta"].get("mode", "FAST_RUN")
    made = inspection.parts_of(ir, mode, lambda: facts["c"], {})
    show(out, paint, [part for word in wanted(options) for part in made[word]()])
    if options.stage is not None:
        show(out, paint, [stage_of(options.stage, inspection.stage_texts(ir, mode))])
    if options.asm:
        show(out, paint, [("assembly", "asm", assembly(facts["c"]))])
    return 0
