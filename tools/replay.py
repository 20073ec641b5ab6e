"""The generated C of all programs at two commits, diffed: a refactoring proves itself by an empty diff.

    python tools/replay.py REV_A [REV_B]                # REV_B: the working tree when left out
    python tools/replay.py REV_A [REV_B] --random 300   # random programs instead: nothing is run, a minute
    python tools/replay.py REV_A [REV_B] --objects      # texts may differ, their object code not

Every program in tests/programs and tgen/examples/*.py is run at both places; the C texts of each function it
builds are kept under its number. A random program (tests/fuzzing) is a function of its seed, and is only
built. Exit status 1 when a text differs.
"""

import argparse
import difflib
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECORD = """
import pathlib, runpy, sys
sys.path.insert(0, sys.argv[1])
from tgen.runtime import hooks
out, made = pathlib.Path(sys.argv[3]), []
def keep(function):
    program = function.fn.program
    # revisions before there were several backends call it c_text
    texts = program.text if hasattr(program, "text") else program.c_text
    (out / f"{len(made):03}.c").write_text(texts())
    if "general" in texts.__code__.co_varnames:     # an old revision has one text
        (out / f"{len(made):03}-general.c").write_text(texts(general=True))
    made.append(function)
hooks.BUILT.append(keep)
sys.argv = sys.argv[2:3]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
BUILD = """
import pathlib, sys
tree, count, out = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
sys.path[:0] = [tree, tree + "/tests"]
from fuzzing.generate import lowered
from tgen.codegen.generate import generate as c_text
from tgen.passes import run
from tgen.passes.plan import plan
for seed in range(count):
    try:
        function = run(lowered(seed)[0])
        texts = [c_text(function, plan(function), general) for general in (False, True)]
    except (TypeError, ValueError, IndexError) as error:    # a program that is refused when it is built
        texts = [f"{type(error).__name__}: {error}", ""]
    for text, kind in zip(texts, ("", "-general")):
        (out / f"{seed:05}{kind}.c").write_text(text)
"""


def programs(tree):
    return sorted(
        [
            *tree.glob("tests/programs/*.py"),
            *(p for p in tree.glob("tgen/examples/*.py") if p.name != "__init__.py"),
        ]
    )


def record(tree, out):
    """Run every program of ``tree`` and write what it builds under ``out``."""
    for program in programs(tree):
        folder = out / f"{program.parent.name}-{program.stem}"
        folder.mkdir(parents=True)
        done = subprocess.run(
            [sys.executable, "-c", RECORD, str(tree), str(program), str(folder)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            (folder / "failed").write_text(done.stderr.strip().splitlines()[-1] + "\n")


def built(tree, count, out):
    """Write the C of the first ``count`` random programs of ``tree`` under ``out``."""
    out.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", BUILD, str(tree), str(count), str(out)], check=True)


def checked_out(revision, folder):
    subprocess.run(
        ["git", "-C", str(ROOT), "worktree", "add", "--detach", "-q", str(folder), revision], check=True
    )
    return folder


def texts(folder):
    return {
        str(p.relative_to(folder)): p.read_text().splitlines(keepends=True)
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


ADDRESS = re.compile(r"^ *[0-9a-f]+:\t|\b[0-9a-f]+ (?=<)|#.*$|(?<=<)\w+(?=[+>])", re.M)


def machine_code(text, folder):
    """What the compiler makes of a text: instructions without their addresses and without names."""
    from tgen.backends.c import toolchain

    chain, source, made = toolchain.get(), folder / "text.c", folder / "text.o"
    source.write_text(text)
    command = [chain.path, *chain.target, *chain.flags, "-c", "-o", str(made), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    shown = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", str(made)], check=True, capture_output=True, text=True
    )
    return ADDRESS.sub("", shown.stdout)


def same_objects(before, after):
    with tempfile.TemporaryDirectory() as folder:
        one, other = (machine_code("".join(lines), pathlib.Path(folder)) for lines in (before, after))
    return one == other


def compare(old, new, objects=False):
    """Print the differences; how many texts differ (with ``objects``: in what the compiler makes of them)."""
    before, after, changed = texts(old), texts(new), 0
    for name in sorted({*before, *after}):
        both = before.get(name, []), after.get(name, [])
        if objects and both[0] != both[1] and all(both) and same_objects(*both):
            continue
        lines = list(
            difflib.unified_diff(before.get(name, []), after.get(name, []), f"a/{name}", f"b/{name}")
        )
        changed += bool(lines)
        sys.stdout.writelines(lines)
    print(f"{len(after)} texts, {changed} differ", file=sys.stderr)
    return changed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old")
    parser.add_argument("new", nargs="?")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--objects", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as temporary:
        work, trees = pathlib.Path(temporary), []
        try:
            for label, revision in (("old", options.old), ("new", options.new)):
                tree = checked_out(revision, work / f"tree-{label}") if revision else ROOT
                trees += [tree] if revision else []
                if options.random:
                    built(tree, options.random, work / label)
                else:
                    record(tree, work / label)
            return 1 if compare(work / "old", work / "new", options.objects) else 0
        finally:
            for tree in trees:
                subprocess.run(
                    ["git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree)], check=False
                )


if __name__ == "__main__":
    sys.exit(main())
