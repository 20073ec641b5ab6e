"""Arguments in, exit status out: 0, 1 (found something wrong), 2 (asked wrongly)."""

import argparse
import os
import runpy
import sys

from tgen.errors import CacheSecurityError, CompileError

from . import caching, doctor, inspecting, operations, running
from .output import Output
from .paint import Paint


def parser():
    top = argparse.ArgumentParser(
        prog="tgen",
        description="Theano's API on a compiler to C: run Theano "
        "programs, look at what is compiled and after "
        "what is kept.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_inspect(commands)
    of_cache = commands.add_parser("cache", help="compiled functions kept on disk").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    for name, (action, text) in caching.ACTIONS.items():
        sub = of_cache.add_parser(name, help=text, description=text)
        sub.set_defaults(run=action)
        if name == "prune":
            sub.add_argument(
                "--bytes",
                type=caching.size_of,
                metavar="N",
                help="how much may stay: 500M, 2G ... (default: config.cache_bytes)",
            )
    ops = commands.add_parser(
        "ops", help="the table of primitives and functions, with signatures and what has a gradient"
    )
    ops.add_argument("word", nargs="?", help="only rows that contain it")
    ops.add_argument("--composes", action="store_true", help="for functions, the primitives they are made of")
    ops.set_defaults(run=operations.run)
    commands.add_parser(
        "doctor", help="compiler, flags, BLAS, cache: what was found, what to do"
    ).set_defaults(run=doctor.run)
    commands.add_parser(
        "run", help="run a Theano program: import theano means tgen (tgen run --help)", add_help=False
    )
    commands.add_parser(
        "demo", help="train a network on handwritten digits (tgen demo --help)", add_help=False
    )
    return top


def _add_inspect(commands):
    sub = commands.add_parser(
        "inspect",
        help="IR, plan and C of the functions a file builds",
        usage="tgen inspect FILE.py[:NAME] | KEY [options] [-- ARGUMENTS]",
        description="Runs FILE.py as __main__ and shows every function it builds: with "
        "NAME (name=, variable or file:line) up to that one, "
        "without it up to the first call. KEY is a cache key or its "
        "beginning (tgen cache list).",
    )
    sub.add_argument("target", metavar="FILE.py[:NAME] | KEY")
    sub.add_argument("--ir", action="store_true", help="the IR before and after passes")
    sub.add_argument(
        "--stages",
        action="store_true",
        help="the IR after every pass, and what each made of what by which rule",
    )
    sub.add_argument("--stage", metavar="NAME", help="the IR after this pass")
    sub.add_argument("--plan", action="store_true", help="memory, copies, and how each update commits")
    sub.add_argument(
        "--schedule",
        action="store_true",
        help="each kernel's loops before and after the rewrites that changed them, and why",
    )
    sub.add_argument("--c", action="store_true", help="the C")
    sub.add_argument(
        "--general", action="store_true", help="the C that serves once an array was not C-contiguous"
    )
    sub.add_argument("--asm", action="store_true", help="what the C compiler makes of it (runs the compiler)")
    sub.add_argument("--list", action="store_true", help="only list what was built")
    sub.add_argument("--run", action="store_true", help="go on to the end of the script")
    sub.set_defaults(run_command=inspecting.run)


def main(argv=None):
    """The ``tgen`` command; returns its exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["demo"]:
        return _demo(argv[1:])
    if argv[:1] == ["run"]:
        return running.run(argv[1:])
    argv, rest = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    options = parser().parse_args(argv)
    options.arguments = rest
    return _guarded(getattr(options, "run_command", None) or options.run, options)


def _guarded(action, options):
    """Run a command with output, colours, and endings that a shell understands."""
    out = Output()
    try:
        status = action(options, out, Paint(out.terminal and "NO_COLOR" not in os.environ))
        out.flush()
        return status
    except inspecting.Wrong as error:
        out.flush()
        sys.stderr.write(f"tgen: {error}\n")
        return 2
    except (CompileError, CacheSecurityError) as error:
        sys.stderr.write(f"tgen: {error}\n")
        return 1
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _demo(arguments):
    """The digits example, started as ``python -m`` would: examples are programs, and no room imports them."""
    before = sys.argv
    sys.argv = ["tgen demo", *arguments]
    try:
        runpy.run_module("tgen.examples.digits", run_name="__main__")
    except SystemExit as end:
        return end.code or 0
    except KeyboardInterrupt:
        return 130
    finally:
        sys.argv = before
    return 0
