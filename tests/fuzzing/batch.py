"""Many programs in one C file and one run of the compiler: most of a compiler's time for a small program
is not the program's.
"""

import ctypes
import functools
import re
from contextlib import contextmanager

from tgen.backends.c import toolchain
from tgen.backends.c.build import Library
from tgen.codegen.generate import parts_of_file
from tgen.codegen.render import render
from tgen.errors import CompileError
from tgen.passes.plan import plan
from tgen.runtime import hooks
from tgen.runtime import program as programs

QUICK = ("-O0",)  # three times faster to compile than what functions are compiled with
DEFINED = re.compile(
    r"^(?:TGEN_CALLED|TGEN_MOVES|TGEN_STATIC|static|int32_t)\b[^\n({=;]*?\b(\w+)(?=[\[(])", re.M
)


class Text:
    """One function's C, to be compiled with others. ``entry``: once it is."""

    def __init__(self, function, general=False, rewrites=()):
        self.parts = parts_of_file(function, plan(function), general, rewrites)
        self.library = None

    def alone(self):
        return render("file.c.j2", abi=render("abi.h.j2"), **self.parts)


def merged(texts):
    """One C file: the ABI and the library functions once, each program's own names with its number behind
    them.
    """
    apart = [[h for h in t.parts["helpers"] if "Frame" in h] for t in texts]
    protos = {kind: sorted({p for t in texts for p in t.parts[kind]}) for kind in ("libm", "plain")}
    out = [render("file.c.j2", abi=render("abi.h.j2"), helpers=in_order(texts), frame="", body="", **protos)]
    for k, (text, own) in enumerate(zip(texts, apart)):
        body = "\n\n".join([text.parts["frame"], *own, text.parts["body"]])
        names = sorted({"Frame", "Arguments", "State", "Results", *DEFINED.findall(body)})
        out += [f"#define {name} {name}_{k}" for name in names]
        out.append(body)
        out += [f"#undef {name}" for name in names]
    return "\n".join(out)


def in_order(texts):
    """The library functions without a frame of all texts, each once, those of one text in its order."""
    out = []
    for text in texts:
        place = 0
        for helper in text.parts["helpers"]:
            if "Frame" in helper:
                continue
            if helper in out:
                place = out.index(helper) + 1
            else:
                out.insert(place, helper)
                place += 1
    return out


def compile_all(texts, flags=QUICK):
    """Give every text its library; those of a file that does not compile are compiled alone. Returns
    {text: CompileError}.
    """
    failed = {}
    try:
        code = compiled(merged(texts), flags)
    except CompileError:
        for text in texts:
            try:
                text.library = opened(compiled(text.alone(), flags), "tgen_entry")
            except CompileError as error:
                failed[text] = error
        return failed
    for k, text in enumerate(texts):
        text.library = opened(code, f"tgen_entry_{k}")
    return failed


def compiled(c_text, flags):
    chain = toolchain.get()
    kept = tuple(f for f in chain.flags if not (flags and f.startswith("-O")))
    return made(c_text, (*flags, *kept, *filled()))


def made(c_text, flags):
    chain = toolchain.get()
    link, libraries = chain.link
    command = chain.path, *chain.target, *flags, *link, "-o", "tgen.so", "tgen.c", *libraries
    return toolchain.run({"tgen.c": c_text}, [command])


@functools.cache
def filled():
    """The flags with which what nobody set on the stack holds no zeros: a read of it shows. None where the
    compiler knows no such thing.
    """
    flags = ("-ftrivial-auto-var-init=pattern",)
    try:
        made("int tgen_entry(void) { return 0; }", ("-O0", "-shared", "-fPIC", *flags))
    except CompileError:
        return ()
    return flags


def fill_memory():
    """The same of what malloc gives from here on, in glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(-6, 0xA5)  # M_PERTURB


def opened(code, entry):
    """The Library of one of the functions in ``code``."""
    return Library("", code, {"meta": {}, "c": ""}, entry)


@contextmanager
def supplied(libraries):
    """Functions built inside wait for ``libraries``: (Program, general) -> library; what is interpreted needs
    none.
    """
    old = programs.obtain

    def obtain(program, general=False):
        return (old if program.mode == "INTERPRET" else libraries)(program, general)

    programs.obtain = obtain
    hooks.LAZY.append(True)
    try:
        yield
    finally:
        hooks.LAZY.remove(True)
        programs.obtain = old
