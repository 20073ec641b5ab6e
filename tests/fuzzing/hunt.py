"""Programs by the thousand: batches in forked workers, counts and seeds kept in a folder, so that a search
goes on where it stopped.
"""

import json
import os
import pathlib
import pickle
import select
import signal
import struct
import time
import traceback
from collections import Counter
from contextlib import contextmanager, nullcontext
from unittest import mock

from compiled import in_parts

import tgen
from tgen.core.rules import Rewriter
from tgen.ops.stable import STABLE
from tgen.passes.rules import EXACT

from . import batch
from .generate import Generator
from .judge import judge
from .program import script
from .shrink import shrunk

SIZE = 25  # programs that share a C file
LIMIT = 120  # seconds without a word from a worker
FULL_EVERY = 12  # every so many batches are compiled as functions are; the others for the compiler's time
PARTS_EVERY = 3  # every so many run in as many parts as they can, on a team


class Worker:
    """A forked child that runs ``work(say)``; what it says and returns comes back as pickles."""

    def __init__(self, work):
        self.read, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self.read)
            self.child(work, write)
        os.close(write)
        self.data = b""

    @staticmethod
    def child(work, write):
        status = 1
        try:
            batch.fill_memory()

            def say(message):
                data = pickle.dumps(message)
                data = struct.pack("<Q", len(data)) + data
                while data:
                    data = data[os.write(write, data) :]

            say(("done", work(lambda k: say(("at", k)))))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def messages(self, limit):
        """What it says, until it ends or is silent for ``limit`` seconds, when it is killed."""
        while True:
            while len(self.data) >= 8 and len(self.data) >= 8 + struct.unpack("<Q", self.data[:8])[0]:
                size = 8 + struct.unpack("<Q", self.data[:8])[0]
                message, self.data = pickle.loads(self.data[8:size]), self.data[size:]
                yield message
            ready = select.select([self.read], [], [], limit)[0]
            if not ready:
                os.kill(self.pid, signal.SIGKILL)
                yield "silent", None
                break
            data = os.read(self.read, 1 << 16)
            if not data:
                break
            self.data += data
        os.close(self.read)
        _, status = os.waitpid(self.pid, 0)
        yield "ended", status


def guarded(work, limit=LIMIT):
    """(what ``work`` returned, None), or (None, (where it was, how it ended))."""
    place, silent = None, False
    for kind, value in Worker(work).messages(limit):
        if kind == "done":
            result = value
            place = "done"
        elif kind == "at":
            place = value
        elif kind == "silent":
            silent = True
        elif place != "done":
            how = (
                f"hang: silent for {limit} s"
                if silent
                else f"crash: signal {os.WTERMSIG(value)}"
                if os.WIFSIGNALED(value)
                else "crash: exception"
            )
            return None, (place, how)
    return result, None


def run_batch(seeds, flags=batch.QUICK, parts=False, compiled=True):
    """({seed: (kind, text)} of those that fail, counts, refusals) of the programs of ``seeds``, in a
    worker; those it dies of are left out, and it runs again.
    """
    faults, seeds = {}, list(seeds)
    while seeds:

        def work(say, seeds=tuple(seeds)):
            with in_parts() if parts else nullcontext():
                return judged(seeds, flags, say, compiled)

        result, died = guarded(work)
        if died is None:
            found, counts = result
            faults.update(found)
            return faults, counts
        place, how = died
        if place is None or place == -1:  # between programs: each alone will tell
            if len(seeds) == 1:
                faults[seeds[0]] = (how.partition(":")[0], how)
                return faults, Counter()
            total = Counter()
            for seed in seeds:
                found, counts = run_batch([seed], flags, parts, compiled)
                faults.update(found)
                total.update(counts)
            return faults, total
        faults[seeds[place]] = (how.partition(":")[0], how)
        del seeds[place]
    return faults, Counter()


def judged(seeds, flags, say, compiled=True):
    """({seed: (kind, text)}, counts): in the worker."""
    programs, counts = [], Counter()
    for k, seed in enumerate(seeds):
        say(k)
        maker = Generator(seed)
        programs.append(maker.program())
        counts["statements refused"] += len(maker.refused)
        counts["programs that raise"] += maker.failed is not None
    with counted_rules(counts):
        found, cases = judge(programs, flags, say, compiled)
    for case in cases:
        counts.update(case.counts)
        counts.update(f"without {name}" for name in getattr(case, "skipped", ()))
    counts["programs"] = len(programs)
    return {seed: (fault.kind, str(fault)) for seed, fault in zip(seeds, found) if fault is not None}, counts


@contextmanager
def counted_rules(counts):
    """How often each rewrite rule gives a value, in ``counts``."""
    replace = Rewriter.replace

    def counted(self, r, match):
        value = replace(self, r, match)
        counts[f"rule {r.name}"] += value is not None
        return value

    with mock.patch.object(Rewriter, "replace", counted):
        yield


def outcome(program, flags=batch.QUICK, parts=False, compiled=True):
    """The kind of the fault of one program, in a worker; None when there is none."""

    def work(say):
        with in_parts() if parts else nullcontext():
            found, _ = judge([program], flags, say, compiled)
        return found[0] and (found[0].kind, str(found[0]))

    result, died = guarded(work)
    return result if died is None else (died[1].partition(":")[0], died[1])


class State:
    """What a search has done so far: ``folder``/state.json, and a script and the IR of each fault beside
    it.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "state.json"
        known = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.next, self.counts, self.faults = (
            known.get("next", 0),
            Counter(known.get("counts", {})),
            known.get("faults", {}),
        )
        self.seconds = known.get("seconds", 0)

    def save(self):
        words = {
            "next": self.next,
            "seconds": round(self.seconds, 1),
            "faults": self.faults,
            "counts": dict(sorted(self.counts.items())),
        }
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(words, indent=1))
        temporary.replace(self.path)


def hunt(programs, folder, tell=print, shrink=True, first=False, known=(), compiled=True):
    """Go on in ``folder`` until it has seen ``programs`` programs; the seeds that failed now.

    ``first``: no further than the first fault. ``known``: seeds that are not looked at.
    ``compiled=False``: the IR behind the passes is run by the interpreter; there is no C.
    """
    state, failed = State(folder), []
    while state.next < programs:
        start = time.monotonic()
        number = state.next // SIZE
        last = min(state.next + SIZE, programs)
        seeds = [seed for seed in range(state.next, last) if seed not in known]
        flags = () if number % FULL_EVERY == 0 else batch.QUICK
        parts = number % PARTS_EVERY == 1
        faults, counts = run_batch(seeds, flags, parts, compiled)
        for seed, (kind, text) in sorted(faults.items()):
            tell(f"seed {seed}: {kind}: {text:.300}")
            failed.append(seed)
            state.faults[str(seed)] = {"kind": kind, "text": text[:600]}
            (state.folder / f"{seed}.py").write_text(written(seed, f"{kind}: {text:.400}"))
            if shrink:
                report(seed, (kind, text), lambda p: outcome(p, flags, parts, compiled), state.folder, tell)
        state.counts.update(counts)
        state.next = last
        state.seconds += time.monotonic() - start
        state.save()
        if first and failed:
            break
    return failed


def written(seed, words):
    """The program of a seed as a script; where tgen fails while it is drawn, how."""
    words = words.replace('"""', "'''")
    try:
        return script(Generator(seed).program(), words)
    except Exception:
        return f'"""Seed {seed} cannot be drawn. {words}\n\n{traceback.format_exc()}"""\n'


def report(seed, fault, judged, folder, tell=print):
    """Shrink the program of a seed, and write it as a script and as IR text."""

    def work(say):
        program = Generator(seed).program()
        return shrunk(program, fault[0], judged, say)

    result, died = guarded(work, 600)
    if died is not None:
        tell(f"  seed {seed} cannot be shrunk: {died[1]}")
        return
    program, words, text = result
    (folder / f"{seed}.py").write_text(script(program, f"{fault[0]}: {words:.400}".replace('"""', "'''")))
    (folder / f"{seed}.ir").write_text(text)
    tell(f"  {folder / str(seed)}.py: {len(program.statements)} statements")


def summary(state):
    """Lines about what was searched."""
    counts = state.counts
    left_out = {k.removeprefix("without "): n for k, n in counts.items() if k.startswith("without ")}
    lines = [
        f"{counts['programs']} programs, {len(state.faults)} failed, {state.seconds:.0f} s; "
        f"{counts['programs that raise']} of them raise; "
        f"{counts['gradients checked']} gradients checked against differences, "
        f"{counts['choices checked']} against a masked reference",
        "passes left out: " + ", ".join(f"{name} {n}" for name, n in sorted(left_out.items())),
    ]
    dtypes = [d for d in tgen.core.dtypes.DTYPES]
    lines.append("values of a dtype: " + ", ".join(f"{d} {counts[d]}" for d in dtypes))
    ops = {name: counts[name] for name in tgen.core.op.OPS if counts[name]}
    lines.append(f"ops: {len(ops)}; rarest: {rarest(ops)}")
    lines.append("never: " + ", ".join(name for name in tgen.core.op.OPS if not counts[name]))
    fired = {r.name: counts[f"rule {r.name}"] for r in (*EXACT, *STABLE)}
    lines.append(
        f"rules that fired: {sum(n > 0 for n in fired.values())} of {len(fired)}; rarest: {rarest(fired)}"
    )
    return lines


def rarest(counts):
    """The twenty names that were met least."""
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda pair: pair[1])[:20])
