"""Is the search for faults any good? Wrong compilers, each by one change, and how many the search catches.

    python tools/mutants.py                  # CI's share: the seeds of tests/test_fuzz.py, then fast tests
    python tools/mutants.py --programs 5000  # the long run
    python tools/mutants.py swapped-sub ...  # only these

Every mutant is a copy of the checkout with one text replaced; all are copies of one copy made at the start.
A mutant is caught when the search names a seed, or else when an assertion of a fast test fails. A mutant that
does not run (its text is gone, an import fails, its C does not compile, no test that fails fails by an
assertion) shows nothing: it is "broken". The same commands run first on the checkout unchanged; when they do
not pass, no mutant is tried.

Exit status 1 when fewer than --least are caught or one is broken, 2 when the checkout itself does not pass.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
CI = 200  # programs: the share of tests/test_fuzz.py
LEAST = 14  # what CI's share must catch
FAST = (
    "tests/test_golden.py",
    "tests/test_ops.py::test_scalar_op_c_is_numpy",
    "tests/test_choice.py",
    "tests/test_aliasing.py",
    "tests/test_keep.py::test_the_last_rows_are_kept",
    "tests/test_indexing.py",
    "tests/test_sums.py",
    "tests/test_grad.py",
)
C_ONLY = ("templates/", "tgen/codegen/", "tgen/passes/plan.py")  # what shows in compiled programs only
COPIED = ("tgen", "templates", "tests", "tools", "README.md", "pyproject.toml")
# errors of Python that say that the text of a mutant is wrong, not what it means
NOT_RUN = re.compile(r"\b(Syntax|Indentation|Import|ModuleNotFound|Name|UnboundLocal|Attribute)Error\b")
ASSERTED = re.compile(r"^FAILED (.+?) - (AssertionError|assert\b|Failed: )")


@dataclass(frozen=True)
class Mutant:
    """``old`` stands once in ``file``; ``new`` in its place is wrong."""

    name: str
    file: str
    old: str
    new: str
    what: str


MUTANTS = (
    Mutant(
        "lost-cast",
        "tgen/passes/rules.py",
        "if not holds_exactly(source, middle) or is_float(source) and not is_float(target):",
        "if False:",
        "a cast to a narrower dtype between two casts is dropped",
    ),
    Mutant(
        "swapped-sub",
        "tgen/ops/elemwise.py",
        '"({0} - {1})", "n": _wrapping("-")}',
        '"({1} - {0})", "n": _wrapping("-")}',
        "the C of a float subtraction has its operands swapped",
    ),
    Mutant(
        "wrong-stride",
        "tgen/ops/shape.py",
        "*strided(start, step, a.start, a.step)",
        "strided(start, step, a.start, a.step)[0], a.step",
        "the step of a slice of a slice is that of one of them",
    ),
    Mutant(
        "moving-broadcast",
        "tgen/ops/shape.py",
        "if s == 1 and shape[a] != 1 else axes[a]",
        "if s == 1 and shape[a] == 1 else axes[a]",
        "an axis of length 1 that is broadcast is walked along",
    ),
    Mutant(
        "cse-without-dtype",
        "tgen/passes/cse.py",
        'types = tuple(v.type for v in instr.results) if instr.op.name == "constant" else len(instr.results)',
        "types = len(instr.results)",
        "constants of different dtypes become one",
    ),
    Mutant(
        "live-buffer",
        "tgen/passes/plan.py",
        "            last[root(slots, v)] = n\n",
        "            last[v] = n\n",
        "what is read through a reshape only does not keep its memory",
    ),
    Mutant(
        "commit-before-check",
        "tgen/passes/plan.py",
        "if places.last_fallible > places.made[value]:",
        "if False:",
        "a shared variable is written in place although the call may fail later",
    ),
    Mutant(
        "torn-swap",
        "tgen/passes/plan.py",
        "if target in kept:",
        "if False:",
        "a shared variable is written in place although another update takes its old value",
    ),
    Mutant(
        "short-loop",
        "templates/kernel.c.j2",
        "< {{ node.high | c(frame) }}; {{ node.var.text }}{{",
        "< ({{ node.high | c(frame) }}) - (({{ node.high | c(frame) }}) > 8); {{ node.var.text }}{{",
        "loops of more than eight turns leave out the last",
    ),
    Mutant(
        "lost-check",
        "tgen/passes/dce.py",
        "return is_ordered(instr) if instr.blocks else instr.op.effect.stays",
        "return is_ordered(instr) if instr.blocks else instr.op.effect.stays and "
        'instr.op.name != "check_index"',
        "an index out of range is not noticed",
    ),
    Mutant(
        "narrow-accumulator",
        "tgen/codegen/kernel.py",
        """at = Name(f"{self.w.names[whole]}_{out[1]}", value.type.dtype)""",
        """at = Name(f"{self.w.names[whole]}_{out[1]}", value.type.dtype.replace("64", "32"))""",
        "float64 is summed in float32",
    ),
    Mutant(
        "max-without-nan",
        "tgen/codegen/reductions.py",
        'made.append(Set(_nan(a), _is_nan(x), "|"))',
        'made.append(Set(_nan(a), Int(0), "|"))',
        "the maximum of a NaN is not NaN",
    ),
    Mutant(
        "lost-mask",
        "tgen/graph/grad.py",
        "self.give(v, entry, first.branch, None if entry is None else passage, k)",
        "self.give(v, entry, first.branch, None, k)",
        "what a choice did not take reaches the gradient",
    ),
    Mutant(
        "gradient-of-sub",
        "tgen/ops/elemwise.py",
        '(lambda g, z, x, y: g, lambda g, z, x, y: -g),\n    "x - y"',
        '(lambda g, z, x, y: g, lambda g, z, x, y: g),\n    "x - y"',
        "the gradient of a subtraction in its second operand has the wrong sign",
    ),
    Mutant(
        "float-minus-itself",
        "tgen/passes/rules.py",
        'rule("n_minus_n", "sub(x, x)", "0", INTEGER)',
        'rule("n_minus_n", "sub(x, x)", "0")',
        "x - x is 0 also where x is infinite",
    ),
    Mutant(
        "still-carry",
        "tgen/passes/hoist.py",
        "if carry.new is not carry.param:",
        "if carry.new.type != carry.param.type:",
        "a state of a loop that changes is taken for one that does not",
    ),
    Mutant(
        "wrong-last-row",
        "tgen/passes/keep.py",
        "return [first - self.step * k for k in range(length)]",
        "return [first + self.step * k for k in range(length)]",
        "of the last rows of a loop the wrong ones are kept",
    ),
    Mutant(
        "narrowed-broadcast",
        "tgen/core/maps.py",
        "None if s == 1 != r else a",
        "None if s == 1 == r else a",
        "a part is taken of what is broadcast as if it were as long",
    ),
    Mutant(
        "truncated-division",
        "templates/lib/scalar.c.j2",
        "below = toward_zero - ((rest != 0) & ((rest < 0) != (by < 0)));",
        "below = toward_zero + 0 * rest;",
        "// of integers rounds toward zero",
    ),
    Mutant(
        "fold-forgets-zero",
        "tgen/core/rules.py",
        "return flat[0] if (bits == bits[0]).all() else None",
        "return flat[0] if (flat == flat[0]).all() else None",
        "a constant of 0.0 and -0.0 becomes one number",
    ),
    Mutant(
        "any-layout-is-dense",
        "templates/lib/support.c.j2",
        "gaps |= dims[k] != 1 && dims[ndim + k] != expected;",
        "gaps |= dims[k] != 1 && dims[ndim + k] == 0;",
        "arrays of any strides are read as if they were contiguous",
    ),
)


def copied(source, target):
    """A copy, in ``target``, of what the search and the tests run on."""
    for name in COPIED:
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(source / name, target / name, ignore=ignored)
        else:
            target.mkdir(exist_ok=True)
            shutil.copy(source / name, target / name)
    return target


class Broken(Exception):
    """A mutant that shows nothing."""


def applied(mutant, folder):
    """Make the change; Broken unless its text stands in its file (in templates: at least once)."""
    path = folder / mutant.file
    text = path.read_text(encoding="utf-8")
    count = text.count(mutant.old)
    if not count or count > 1 and path.suffix != ".j2":
        raise Broken(f"its text stands {count} times in {mutant.file}; write the mutant anew")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def run(command, folder):
    """(exit status, its lines) of a command in a copy, which imports that copy's tgen and no other."""
    env = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "TGEN_CACHE_DIR": str(folder.parent / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
    }
    done = subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def by_search(status, lines):
    """The line of the seed that the search stopped at; None when it went through. Raises Broken."""
    if not status:
        return None
    told = next((line for line in lines if line.startswith("seed ")), None)
    if told is None:
        raise Broken(f"the search ends without a seed: {(lines or ['silent'])[-1]}")
    kind = told.split(": ")[1]
    if kind == "compiler" or "crash: exception" in told or kind == "build" and NOT_RUN.search(told):
        raise Broken(told)
    return told


def by_tests(status, lines):
    """The line of the assertion that failed; None when all tests passed. Raises Broken."""
    if not status:
        return None
    told = next((line for line in lines if ASSERTED.match(line)), None)
    if status != 1 or told is None:
        words = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
        raise Broken(f"no assertion, but: {(words or lines or ['silent'])[-1]}")
    return told


def caught(folder, programs, tests, file=""):
    """What catches the compiler in ``folder``, wrong in ``file``; None when nothing does. Raises Broken."""
    # the same programs without the C first: what is seen there is seen sooner
    ways = [[]] if file.startswith(C_ONLY) else [["--no-c"], []]
    for number, way in enumerate(ways):
        state = folder.parent / f"{folder.name}-state{number}"
        command = ["tools/fuzz.py", "--programs", str(programs), "--state", str(state), "--no-shrink"]
        told = by_search(*run([*command, "--first", *way], folder))
        if told:
            return told
    if tests:
        command = ["-m", "pytest", "-q", "--maxfail=5", "-p", "no:cacheprovider", *tests]
        return by_tests(*run(command, folder))
    return None


def verdict(mutant, frozen, programs, tests):
    """("caught", "MISSED" or "BROKEN", what says so) of one mutant."""
    folder = frozen.parent / mutant.name
    try:
        applied(mutant, copied(frozen, folder))
        by = caught(folder, programs, tests, mutant.file)
        return ("caught", by) if by else ("MISSED", "")
    except Broken as error:
        return "BROKEN", str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--programs", type=int, default=CI)
    parser.add_argument("--no-tests", action="store_true", help="only the search")
    parser.add_argument("--least", type=int, default=LEAST, help="with names: of those")
    options = parser.parse_args()
    unknown = set(options.names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        there = ", ".join(mutant.name for mutant in MUTANTS)
        parser.error(f"no mutants: {', '.join(sorted(unknown))}; there are {there}")
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    tests = () if options.no_tests else FAST
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        (work / "cache").mkdir(mode=0o700)
        frozen = copied(ROOT, work / "unchanged")
        try:
            wrong = caught(frozen, options.programs, tests)
        except Broken as error:
            wrong = str(error)
        if wrong:
            print(f"the checkout itself does not pass: {wrong}")
            return 2
        what = f"{options.programs} programs" + (" and the fast tests" if tests else "")
        print(f"unchanged: {what} pass", flush=True)
        found = []
        for mutant in chosen:
            found.append(verdict(mutant, frozen, options.programs, tests))
            state, words = found[-1]
            print(f"{state}  {mutant.name}: {mutant.what}\n        {words:.140}", flush=True)
    count = {state: sum(s == state for s, _ in found) for state in ("caught", "MISSED", "BROKEN")}
    print(f"{count['caught']} of {len(chosen)} caught, {count['MISSED']} missed, {count['BROKEN']} broken")
    return int(count["caught"] < min(options.least, len(chosen)) or count["BROKEN"] > 0)


if __name__ == "__main__":
    sys.exit(main())
