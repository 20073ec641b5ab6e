"""Search for faults with random programs: python tools/fuzz.py --programs 20000 --state DIR

Every program is a function of its seed. The state folder keeps how far the search came, what it counted and,
for every program that failed, a shrunk script and its IR. Run it again with the same folder and it goes on.
Exit status 1 when a program failed.

    --programs N    go on until N programs were seen (in all runs together)
    --state DIR     the folder; by default "fuzz" in the cache directory
    --seed K        only this program: print it as a script and what is wrong with it
"""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fuzzing import generate, hunt, program  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=int, default=20000)
    parser.add_argument("--state", default=None)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--first", action="store_true", help="stop after the first fault")
    parser.add_argument("--no-c", dest="c", action="store_false", help="the passes only, without the C")
    parser.add_argument("--known", default="", help="seeds to leave out, with commas")
    options = parser.parse_args()
    if options.seed is not None:
        one = generate.generate(options.seed)
        print(program.script(one))
        found = hunt.outcome(one, compiled=options.c)
        print("nothing is wrong with it" if found is None else f"{found[0]}: {found[1]}")
        return int(found is not None)
    folder = options.state or default_folder()
    known = {int(seed) for seed in options.known.split(",") if seed}

    def tell(words):
        print(words, flush=True)

    failed = hunt.hunt(options.programs, folder, tell, not options.no_shrink, options.first, known, options.c)
    print("\n".join(hunt.summary(hunt.State(folder))))
    return int(bool(failed))


def default_folder():
    from tgen.backends.c.directory import directory

    return pathlib.Path(directory()) / "fuzz"


if __name__ == "__main__":
    sys.exit(main())
