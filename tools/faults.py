"""The promises of tgen/docs/promises.md, shown at full size: a row each, with figures.

    python tools/faults.py                      # all: about half an hour
    python tools/faults.py one-compile ctrl-c   # some, by id
    python tools/faults.py --reduced            # as in a run of all tests
    python tools/faults.py --python PATH ...    # other interpreters, 3.11 or later, with tgen's dependencies
    python tools/faults.py --json FILE          # the rows as data, too

Every promise names tests; here they run at their full sizes (TGEN_FAULTS_FULL; tests/faults.py), each promise
in a process of its own. Exit status 1 when one is not kept.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "tgen" / "docs" / "promises.md"
COUNT = re.compile(r"(\d+) (passed|failed|error|errors)")
# A process of some Python: how many compilers it started, and what its functions gave
USE = """
import sys
from tgen.backends.c import toolchain
started, real = [], toolchain.execute
toolchain.execute = lambda *args: started.append(args) or real(*args)
import numpy as np, tgen, tgen.tensor as T
x, w = T.dmatrix("x"), tgen.shared(np.ones((4, 4)), "w")
f = tgen.function([x], [T.tanh(T.dot(x, w)).sum(), T.nnet.softmax(x)[0]], updates=[(w, w + x)])
f(np.eye(4))
total, row = f(np.eye(4))
print(len(started), float(total).hex(), row.tobytes().hex(), sys.version.split()[0], np.__version__)
"""


def promises():
    """{id: (promise, [test])} of the page, in its order."""
    rows = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and re.fullmatch(r"[a-z0-9-]+", cells[0]) and cells[0] != "id":
            rows[cells[0]] = cells[1], re.findall(r"tests/\S+::\w+", cells[2])
    return rows


def shown(tests, full, seconds):
    """Run the tests of a promise: {"kept", "passed", "failed", "seconds", "figures", "output"}."""
    with tempfile.NamedTemporaryFile("r", suffix=".figures") as told:
        env = {
            **os.environ,
            "TGEN_FAULTS_FIGURES": told.name,
            **({"TGEN_FAULTS_FULL": "1"} if full else {}),
        }
        start = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds)
            output, kept = done.stdout + done.stderr, done.returncode == 0
        except subprocess.TimeoutExpired as error:
            output, kept = f"more than {seconds} s: {error}", False
        figures = {}
        for line in told:
            figures.update(json.loads(line)[1])
    counts = {word: int(number) for number, word in COUNT.findall(output.splitlines()[-1] if output else "")}
    return {
        "kept": kept,
        "passed": counts.get("passed", 0),
        "failed": sum(counts.values()) - counts.get("passed", 0),
        "seconds": round(time.monotonic() - start, 1),
        "figures": figures,
        "output": output,
    }


def across(pythons):
    """One cache for several Pythons: the first compiles, the others find everything, with the same bits."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "TGEN_CACHE_DIR": str(Path(folder) / "cache"), "PYTHONPATH": str(ROOT)}
        for python in pythons:
            done = subprocess.run([python, "-c", USE], env=env, cwd=folder, capture_output=True, text=True)
            lines.append(done.stdout.split() if done.returncode == 0 else [done.stderr.strip()[-300:]])
    good = all(len(line) == 5 for line in lines) and len({tuple(line[1:3]) for line in lines}) == 1
    kept = good and int(lines[0][0]) > 0 and all(line[0] == "0" for line in lines[1:])
    said = [
        f"Python {line[3]} with NumPy {line[4]}: {line[0]} compilers started" if len(line) == 5 else line[0]
        for line in lines
    ]
    return {
        "kept": kept,
        "passed": int(kept),
        "failed": int(not kept),
        "seconds": 0.0,
        "figures": {},
        "output": "\n".join(said),
    }


def told(name, promise, result):
    """A row for people."""
    figures = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in result["figures"].items())
    tests = f"{result['passed']} passed" + (f", {result['failed']} failed" if result["failed"] else "")
    row = f"{'kept  ' if result['kept'] else 'BROKEN'}  {name:20}  {tests:14} {result['seconds']:7.1f} s"
    return row + (f"  {figures}" if figures else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", help="promises by id; all when none is given")
    parser.add_argument("--reduced", action="store_true", help="the sizes of a run of all tests")
    parser.add_argument(
        "--python", nargs="+", default=[], metavar="PATH", help="other interpreters to share a cache with"
    )
    parser.add_argument("--seconds", type=int, default=1200, help="the most that one promise may take (1200)")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    options = parser.parse_args()
    rows, results = promises(), {}
    unknown = [name for name in options.ids if name not in rows]
    if unknown:
        parser.error(f"no promise {', '.join(unknown)}; there are: {', '.join(rows)}")
    if options.python:
        results["python-upgrade"] = across([sys.executable, *options.python, sys.executable])
        print(
            told("python-upgrade", "", results["python-upgrade"]),
            results["python-upgrade"]["output"],
            sep="\n",
        )
    for name in options.ids or ([] if options.python else rows):
        promise, tests = rows[name]
        results[name] = shown(tests, not options.reduced, options.seconds)
        print(told(name, promise, results[name]), flush=True)
        if not results[name]["kept"]:
            print(results[name]["output"][-3000:])
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))
    broken = [name for name, result in results.items() if not result["kept"]]
    print(f"{len(results)} promises, {len(broken)} not kept" + (f": {', '.join(broken)}" if broken else ""))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
