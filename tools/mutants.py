"""Is the search for faults any good? Wrong compilers, each by one change, and how many the search catches.

    python tools/mutants.py                  # CI's share: its seeds of tools/fuzz.py, then fast tests
    python tools/mutants.py --programs 5000  # the long run
    python tools/mutants.py swapped-sub ...  # only these

Every mutant is a copy of the checkout with one text replaced. It is caught when a program fails that does not
fail in the checkout itself, or when a test does. Exit status 1 when fewer are caught than --least.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
CI = 200  # programs: the share of tests/test_fuzz.py
FAST = ("tests/test_passes.py", "tests/test_golden.py", "tests/test_ops.py", "tests/test_grad.py")
COPIED = ("tgen", "templates", "tests", "tools", "README.md", "pyproject.toml")


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
        "tgen/passes/access.py",
        "dims.mul(step, a.step))",
        "a.step)",
        "the step of a slice of a slice is that of one of them",
    ),
    Mutant(
        "moving-broadcast",
        "tgen/passes/access.py",
        "if s == 1 and instr.result.type.shape[a] != 1 else axes[a]",
        "if s == 1 and instr.result.type.shape[a] == 1 else axes[a]",
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
        "{{ node.var }} < {{ node.high }}; {{ node.var }}{{",
        "{{ node.var }} < {{ node.high }} - ({{ node.high }} > 8); {{ node.var }}{{",
        "loops of more than eight turns leave out the last",
    ),
    Mutant(
        "lost-check",
        "tgen/passes/dce.py",
        'return not instr.results and instr.op.name != "sizeof" or instr.op.effect',
        'return not instr.results and instr.op.name not in ("sizeof", "check_index") or instr.op.effect',
        "an index out of range is not noticed",
    ),
    Mutant(
        "narrow-accumulator",
        "tgen/codegen/reductions.py",
        'lines = [f"{ctype(self.dtype)} {self.a} = ',
        """lines = [f"{'float' if self.dtype == 'float64' else ctype(self.dtype)} {self.a} = """,
        "float64 is summed in float32",
    ),
    Mutant(
        "max-without-nan",
        "tgen/codegen/reductions.py",
        'lines.append(f"{a}_nan |= {x} != {x};")',
        'lines.append(f"{a}_nan |= 0;")',
        "the maximum of a NaN is not NaN",
    ),
    Mutant(
        "lost-mask",
        "tgen/graph/grad.py",
        "mask = None if carried is None or entry is None else self.masks.moved(node, carried.mask, k)",
        "mask = None",
        "what a choice did not take reaches the gradient",
    ),
    Mutant(
        "gradient-of-sub",
        "tgen/ops/elemwise.py",
        '(lambda g, z, x, y: g, lambda g, z, x, y: -g), "x - y"',
        '(lambda g, z, x, y: g, lambda g, z, x, y: g), "x - y"',
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
        "if self.body.results[j] is not param or kept and",
        "if self.body.results[j].type != param.type or kept and",
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
        "tgen/passes/narrow.py",
        "None if s == 1 != r else a",
        "None if s == 1 == r else a",
        "a part is taken of what is broadcast as if it were as long",
    ),
    Mutant(
        "truncated-division",
        "templates/lib/scalar.c.j2",
        "below = toward_zero - ((rest != 0) & ((rest < 0) != (by < 0)));",
        "below = toward_zero;",
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


def copied(folder):
    """A copy of what the search runs on."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(source, folder / name)
    return folder


def applied(mutant, folder):
    """Make the change; ValueError unless its text stands in its file (in templates: at least once)."""
    path = folder / mutant.file
    text = path.read_text(encoding="utf-8")
    count = text.count(mutant.old)
    if not count or count > 1 and path.suffix != ".j2":
        raise ValueError(
            f"{mutant.name}: its text stands {count} times in {mutant.file}; write the mutant anew"
        )
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def search(folder, state, programs, known, cache, first=True):
    """What the search says of a copy: (exit status, its lines)."""
    command = [
        sys.executable,
        "tools/fuzz.py",
        "--programs",
        str(programs),
        "--state",
        str(state),
        "--no-shrink",
    ]
    command += ["--first"] * first + ["--known", ",".join(known)] * bool(known)
    return run(command, folder, cache)


def run(command, folder, cache):
    env = {**os.environ, "TGEN_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def failing(lines):
    """The seeds that a search names."""
    return [line.split()[1].rstrip(":") for line in lines if line.startswith("seed ")]


def caught(mutant, work, programs, known, tests):
    """By what the mutant was caught; None when it was not."""
    folder = work / mutant.name
    folder.mkdir()
    copied(folder)
    applied(mutant, folder)
    try:
        status, lines = search(folder, work / f"{mutant.name}-state", programs, known, work / "cache")
        if status:
            told = [line for line in lines if line.startswith("seed ")]
            return told[0][:140] if told else lines[-1][:140]
        if tests:
            status, lines = run([sys.executable, "-m", "pytest", "-q", "-x", *FAST], folder, work / "cache")
            if status:
                return next((line for line in lines if line.startswith("FAILED")), lines[-1])[:140]
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--programs", type=int, default=CI)
    parser.add_argument("--no-tests", action="store_true", help="only the search")
    parser.add_argument("--least", type=int, default=0)
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        (work / "cache").mkdir(mode=0o700)
        _, lines = search(ROOT, work / "state", options.programs, (), work / "cache", first=False)
        known, count = failing(lines), 0
        print(f"without a mutant {len(known)} of {options.programs} programs fail", flush=True)
        for mutant in chosen:
            by = caught(mutant, work, options.programs, known, not options.no_tests)
            count += by is not None
            print(
                f"{'caught' if by else 'MISSED'}  {mutant.name}: {mutant.what}\n        {by or ''}",
                flush=True,
            )
    print(f"{count} of {len(chosen)} caught")
    return int(count < options.least)


if __name__ == "__main__":
    sys.exit(main())
