"""What must hold of one program.

The meaning is the interpreter's on the IR after ``stabilise``. How far floats may be off is found out, not
guessed: the interpreter runs again with every inexact result (of libm, of sums, of products) moved by some
units in its last places, and a result may be as far off as these runs are from each other. Where such a run
takes another path - a comparison, an index, an infinity - the elements it changed are not compared.
"""

import itertools
import warnings
from dataclasses import dataclass, field, replace
from unittest import mock

import numpy as np
from special import same_bits

import tgen
from tgen import passes
from tgen.codegen.schedule import SCHEDULE
from tgen.core.op import OPS, REDUCE
from tgen.graph.nodes import Variable
from tgen.ir import interp
from tgen.ir.rebuild import walk
from tgen.ir.regions import reduce
from tgen.ir.verify import verify
from tgen.lower import lower
from tgen.lower.signature import Signature

from . import batch
from .values import error_class

OPTIONAL = (
    "fold",
    "simplify",
    "prune",
    "hoist",
    "batch",
    "narrow",
    "keep",
    "cse",
    "dce",
    "trim",
)  # the C is made without them, too
STABILISED = tuple(p for p in passes.PIPELINE if p.name == "stabilise")
EPS = {"float32": 2.0**-23, "float64": 2.0**-52}
TINY = {"float32": 2.0**-147, "float64": 0.0}
UNITS, RUNS, CLOSER = 16, 3, 24
LINEAR = {
    "sum",
    "dot",
    "batched_dot",
    "gemm",
    "gemv",
    "cumsum",
    "conv",
    "conv_input",
    "conv_weights",
    "inc_gather",
    "inc_slice",
    "add_adjoint",
    "pool",
    "unpool",
    "max_unpool",
    "max_pick",
}
FUSED = {"dot", "batched_dot", "gemm", "gemv", "conv", "conv_input", "conv_weights"}
SOLVED = {name for name, op in OPS.items() if op.matrices}  # an element is as far off as the largest one
POOLS = {"pool", "unpool", "max_unpool", "max_pick"}
RELATIVE = {name for name, op in OPS.items() if op.ulps} | {
    "prod",
    "cumprod",
    "softmax",
    "logsoftmax",
    "logsumexp",
    "mrg_uniform",
    "rs_normal",
    "rs_uniform",
    "rs_exponential",
    "rs_gamma",
}
INEXACT = LINEAR | RELATIVE | SOLVED
ERRORS = (ValueError, IndexError, AssertionError, ZeroDivisionError, TypeError, ArithmeticError)


class Refused(Exception):
    """A program that fails when it is called is refused when it is built, with the same class of error."""


class Fault(Exception):
    """Something that must hold does not. ``kind``: one word; the text says what."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


# -- the meaning


def noisy(rng):
    """Classes that make the interpreter inexact."""

    class Machine(interp._Machine):
        def plain(self, instr, values):
            super().plain(instr, values)
            name = instr.op.name
            if name in ("max", "min", "pool") and two_zeros(values[instr.operands[0]]):
                # either may be the extreme
                found = values[instr.result]
                values[instr.result] = np.where(found == 0, -found, found)
            if name in FUSED and not all(np.isfinite(values[x]).all() for x in instr.operands):
                self.fused(instr, values)
            for v in instr.results if name in INEXACT else ():
                if v.type.dtype in EPS:
                    values[v] = moved(rng, values[v], self.reach(instr, values, v))
                    if name in LINEAR and all(np.isfinite(values[x]).all() for x in instr.operands):
                        # in another order of the terms no sum may pass the largest float
                        values[v] = np.nan_to_num(values[v])

        def fused(self, instr, values):
            """A product that is added in one step has no overflow of its own: 1e300 * 1e300 - inf is -inf."""
            operands = [smaller(values[x]) for x in instr.operands]
            found = instr.op.eval(instr.attrs, tuple(map(self.size, instr.sizes)), *operands)
            values[instr.result] = np.where(np.isfinite(values[instr.result]), values[instr.result], found)

        def reach(self, instr, values, v):
            """How far a result may be off: units of what was added in the accumulator's dtype, rounded."""
            name, unit = instr.op.name, EPS[v.type.dtype]
            if instr.op.cancels:  # near 0 it is as far off as its operands are large
                return UNITS * unit * np.maximum(*(np.abs(values[x]) for x in instr.operands))
            if name in SOLVED:
                return UNITS * unit * np.abs(values[v]).max(initial=0)
            if name not in LINEAR or name in POOLS:
                return UNITS * unit * np.abs(values[v])
            operands = [
                np.abs(values[x], dtype="float64") if values[x].dtype.kind == "f" else values[x]
                for x in instr.operands
            ]
            if instr.op.kind == REDUCE:
                added = reduce(instr.op, operands[0], instr.attrs["axes"], instr.attrs)
            else:
                added = instr.op.eval(instr.attrs, tuple(map(self.size, instr.sizes)), *operands)
            acc = EPS[instr.attrs.get("acc", v.type.dtype)]
            added = np.minimum(added, np.finfo("float64").max / UNITS)  # of finite terms any sum is finite
            return UNITS * acc * added + (unit * np.abs(values[v]) if acc < unit else 0)

    class Loop(interp._Loop):
        def out(self, out):
            array, dtype = super().out(out), out.result.type.dtype
            if out.kind != "sum" or dtype not in EPS:
                return array
            added = sum((np.abs(row) for row in self.yielded[out.of]), np.zeros_like(array))
            return moved(rng, array, UNITS * EPS[dtype] * added)

    return Machine, Loop


def two_zeros(array):
    """Whether zeros of both signs are among floats."""
    signs = np.signbit(array[array == 0]) if array.dtype.kind == "f" else array[:0]
    return bool(signs.any() and not signs.all())


def smaller(array):
    """``array`` with its finite numbers so small that no product of two of them overflows."""
    if array.dtype.name not in EPS:
        return array
    bound = np.sqrt(np.finfo(array.dtype).max) / 2
    return np.where(np.isfinite(array), np.clip(array, -bound, bound), array).astype(array.dtype)


def moved(rng, array, reach):
    """``array`` with each element moved by at most ``reach``."""
    array = np.asarray(array)
    with np.errstate(all="ignore"):
        shift = rng.uniform(-1, 1, array.shape) * np.asarray(reach, "float64")
        return np.where(np.isfinite(shift), array + shift, array).astype(array.dtype)


@dataclass
class Meaning:
    """``results``: outputs and new shared values; ``near``: those of the inexact runs; ``error``: what the
    call raises instead; ``again(seed)``: one more inexact run.
    """

    results: list = None
    near: list = field(default_factory=list)
    error: Exception = None
    again: object = None

    def look_closer(self):
        """More inexact runs, once; whether there were. A few may give what an exact one does by chance."""
        more = range(len(self.near), CLOSER) if self.again is not None else ()
        self.near += [self.again(seed) for seed in more]
        return bool(more)


def meaning(function, inputs, shared, runs=RUNS):
    """The Meaning of a lowered function."""
    base = passes.run(function, pipeline=STABILISED)
    try:
        outputs, updates = interp.run(base, inputs, shared)
    except ERRORS as error:
        return Meaning(error=error)

    def inexact(seed):
        machine, loop = noisy(np.random.default_rng(seed))
        with mock.patch.multiple(interp, _Machine=machine, _Loop=loop):
            try:
                return sum(interp.run(base, inputs, shared), [])
            except ERRORS:
                return None  # it took another path altogether: nothing can be said

    return Meaning(outputs + updates, list(map(inexact, range(runs))), again=inexact)


def differs(got, k, known):
    """What is wrong with ``got`` as the result ``k``; None if nothing."""
    found = difference(got, k, known)
    return difference(got, k, known) if found is not None and known.look_closer() else found


def difference(got, k, known):
    wanted = known.results[k]
    if got.dtype != wanted.dtype:
        return f"dtype {got.dtype}, wanted {wanted.dtype}"
    near = [run[k] if run is not None else None for run in known.near]
    if any(n is None or n.shape != wanted.shape for n in near):
        return None
    if got.shape != wanted.shape:
        return f"shape {got.shape}, wanted {wanted.shape}"
    if same_bits(got, wanted):
        return None
    if got.dtype.kind != "f":
        wrong = got != wanted
        for n in near:
            wrong &= n == wanted
    else:
        wrong = float_wrong(got, wanted, near)
    if not wrong.any():
        return None
    place = tuple(int(i[0]) for i in np.nonzero(wrong)) if wrong.ndim else ()
    return (
        f"{got[place]!r} at {place}, wanted {wanted[place]!r} ({int(wrong.sum())} of {wrong.size} elements)"
    )


def float_wrong(got, wanted, near):
    eps = EPS[got.dtype.name]
    with np.errstate(all="ignore"):
        off = np.zeros(wanted.shape)
        same_kind = np.ones(wanted.shape, bool)
        same_sign = np.ones(wanted.shape, bool)
        for n in near:
            same_sign &= np.signbit(n) == np.signbit(wanted)
            same_kind &= np.isfinite(n) == np.isfinite(wanted)
            same_kind &= np.isfinite(n) | (np.isnan(n) & np.isnan(wanted)) | (n == wanted)
            off = np.maximum(off, np.abs(n.astype("float64") - wanted.astype("float64")))
        finite = np.isfinite(wanted) & same_kind
        largest = off[finite].max(initial=0)
        allowed = 8 * off + largest / 4 + 8 * eps * np.abs(wanted) + 8 * TINY[got.dtype.name]
        far = ~(np.abs(got.astype("float64") - wanted.astype("float64")) <= allowed)
        # where the runs are finite and huge an infinity is no surprise
        other = ~((np.isnan(got) & np.isnan(wanted)) | (got == wanted))
        zeros = (off == 0) & (wanted == 0) & (got == 0) & (largest == 0)
        exact = zeros & same_sign & (np.signbit(got) != np.signbit(wanted))
    return np.where(np.isfinite(wanted), far & finite, other & same_kind) | exact & finite


# -- one program


@dataclass
class Variant:
    """One way a program is compiled: its Function, and what it must give."""

    name: str
    function: object
    text: object
    meaning: Meaning
    layouts: bool
    leaves: tuple
    final: object


class Case:
    """A program from the graph to its variants; ``compiled`` by a batch, then ``run``."""

    def __init__(self, program, libraries, compiled=True):
        self.compiled = compiled
        self.program, self.libraries, self.variants, self.counts = program, libraries, [], {}
        self.rng = np.random.default_rng([21, program.seed])

    def draw_skipped(self):
        """Two passes; sometimes all that mode FAST_COMPILE leaves out."""
        if self.rng.random() < 0.1:
            return tuple(p.name for p in passes.PIPELINE if "FAST_COMPILE" in p.off)
        return tuple(OPTIONAL[k] for k in sorted(self.rng.permutation(len(OPTIONAL))[:2]))

    def draw_rewrites(self):
        """A rewrite of loops that is left out, of a generator of its own: other draws stay what they were."""
        rng = np.random.default_rng([22, self.program.seed])
        return (SCHEDULE[rng.integers(len(SCHEDULE))].name,)

    def build(self):
        """Everything before the compiler. Raises Fault."""
        try:
            self.build_variants()
        except Refused:
            self.variants = []
            self.counts["refused when built"] = 1

    def build_variants(self):
        with_all = self.variant("all passes", self.program, (), general=self.rng.random() < 0.15)
        skipped, rewrites = self.draw_skipped(), self.draw_rewrites()
        self.skipped = (*skipped, *rewrites)
        self.variant(
            f"without {' and '.join((*skipped, *rewrites))}",
            self.program,
            skipped,
            general=self.rng.random() < 0.4,
            known=with_all,
            rewrites=rewrites,
        )
        self.variant("mode INTERPRET", self.program, (), general=True, known=with_all, mode="INTERPRET")
        if with_all.error is None and self.rng.random() < 0.3:
            constant = with_constants(self.program, self.rng)
            if constant is not None:
                self.variant("inputs made constants", constant, (), general=False, known=with_all)
        if with_all.error is None:
            self.defined(with_all)
            if self.program.choice:
                self.masked(with_all)
            self.gradient(with_all)

    def variant(self, name, program, skipped, general, known=None, mode=None, rewrites=()):
        try:
            space = program.names()
            inputs = [space[leaf.name] for leaf in program.inputs()]
            outputs = [space[v] for v in program.outputs]
            updates = [(space[s], space[v]) for s, v in program.updates]
            f = tgen.function(inputs, outputs, updates=updates, mode=mode, on_unused_input="ignore")
            made = f.fn.program
            lowered = made.lowered
            if known is None:
                shared = [np.array(s.container.get(True)) for s in made.signature.shared]
                known = meaning(lowered.function, [leaf.array for leaf in program.inputs()], shared)
                self.count(lowered.function)
            final = passes.run(lowered.function, skip=skipped, checked=self.rng.random() < 0.3)
            verify(final)
            if not skipped:
                self.count(final)
            compiled = self.compiled and mode is None
            text = batch.Text(final, general, rewrites) if compiled else None
        except Exception as error:
            if program.fails == error_class(error).__name__:
                raise Refused from error
            notes = "\n".join(getattr(error, "__notes__", ()))
            raise Fault("build", f"{name}: {type(error).__name__}: {error}\n{notes}") from error
        self.libraries[id(made)] = text
        self.variants.append(Variant(name, f, text, known, general, program.leaves, final))
        self.kept = getattr(self, "kept", []) + [made, space]
        return known

    def count(self, function):
        for instr in walk(function.block):
            key = instr.op.name
            self.counts[key] = self.counts.get(key, 0) + 1
            for v in instr.results:
                self.counts[v.type.dtype] = self.counts.get(v.type.dtype, 0) + 1

    # -- gradients
    def gradient(self, known):
        """The gradients against central differences of the cost, in float64, along a direction."""
        program = self.program
        if (
            not program.true_gradient()
            or program.choice
            or any(leaf.array.dtype == "float32" for leaf in program.leaves)
        ):
            return
        cost, wrt, names = program.gradient
        space = program.names()
        leaves = {leaf.name: leaf for leaf in program.leaves}
        signature = Signature.of(
            [space[leaf.name] for leaf in program.leaves if not leaf.constant],
            [space[cost]] + [space[n] for n in names],
        )
        lowered = lower(signature)
        if signature.shared or any(space[n].dtype == "float32" for s in program.statements for n in s.made):
            return
        base = passes.run(lowered.function, pipeline=STABILISED)
        rng = np.random.default_rng([22, program.seed])

        def at(point):
            with mock.patch.object(interp, "_Machine", Untied):
                return interp.run(
                    base, [point[leaf.name] for leaf in program.leaves if not leaf.constant], []
                )[0]

        for attempt in range(3):
            point = {name: leaf.array for name, leaf in leaves.items()}
            if attempt:
                point |= {name: point[name] + rng.normal(size=point[name].shape) * 0.1 for name in wrt}
            try:
                state = directional(at, point, wrt, rng)
            except Tie:
                state = "tie"
            except ERRORS:
                state = "elsewhere"
            if state is None:
                self.counts["gradients checked"] = 1
                return
            if isinstance(state, Fault):
                raise state
        self.counts["gradients not checked: " + state] = 1

    def defined(self, known):
        """What is known without tgen: the interpreter agrees."""
        for k, name in enumerate(self.program.outputs):
            wanted = self.program.definition.get(name)
            if wanted is not None and not (
                wanted.shape == known.results[k].shape
                and np.allclose(known.results[k], wanted, rtol=1e-9, atol=1e-12)
            ):
                raise Fault(
                    "definition", f"{name} is {known.results[k]!r:.300}, a plain loop gives {wanted!r:.300}"
                )

    def masked(self, known):
        """Where a choice is made, the gradients are those of a program whose leaves hold plain numbers in
        what is not taken.
        """
        program, function = self.program, self.variants[0].function.fn.program.lowered.function
        safe = meaning(function, [program.choice.get(leaf.name, leaf.array) for leaf in program.inputs()], [])
        safe.results = [r + 0 if r.dtype.kind == "f" else r for r in safe.results]
        for k, name in enumerate(program.outputs):
            problem = differs(known.results[k] + 0, k, safe) if known.results[k].dtype.kind == "f" else None
            if problem:
                raise Fault("choice", f"{name} is not that of the masked program: {problem}")
        self.counts["choices checked"] = 1

    # -- the C
    def run(self):
        """Call every variant and compare. Raises Fault."""
        for variant in self.variants:
            if self.compiled or variant.function.fn.program.mode == "INTERPRET":
                self.call(variant)
            else:
                self.interpret(variant)

    def interpret(self, variant):
        """What the passes made, without the C."""
        shared = variant.function.fn.program.signature.shared
        state = [np.array(s.container.get(True)) for s in shared]
        arrays = [leaf.array for leaf in variant.leaves if not leaf.shared and not leaf.constant]
        try:
            outputs, new = interp.run(variant.final, arrays, state)
        except ERRORS as error:
            self.raised(variant, error, shared, state)
            return
        if variant.meaning.error is not None:
            raise Fault(
                "silence", f"{variant.name}: {variant.meaning.error!r} is not raised behind the passes"
            )
        after = dict(zip(variant.final.updates, new))
        self.compare(variant, outputs + [after.get(n, value) for n, value in enumerate(state)], shared, state)

    def call(self, variant):
        f, known = variant.function, variant.meaning
        leaves = [leaf for leaf in variant.leaves if not leaf.shared and not leaf.constant]
        arguments = [leaf.argument() if variant.layouts else leaf.array for leaf in leaves]
        before = [np.array(a) for a in arguments]
        shared = f.fn.program.signature.shared
        state = [np.array(s.container.get(True)) for s in shared]
        results, first = None, None
        for turn in range(2):
            for s, value in zip(shared, state):
                if hasattr(s, "set_value") and turn:
                    s.container.set(value, False)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    results = f(*arguments)
            except Exception as error:
                self.raised(variant, error, shared, state)
                self.unchanged(variant, leaves, arguments, before)
                continue
            if known.error is not None:
                raise Fault(
                    "silence", f"{variant.name}: the interpreter raises {known.error!r}, the C nothing"
                )
            now = [np.array(s.container.get(True)) for s in shared]
            self.alone(variant, results, arguments, [s.container.get(True) for s in shared])
            if turn:
                for a, b in zip(first, results + now):
                    if not same_bits(a, b):
                        raise Fault(
                            "bits",
                            f"{variant.name}: a second call gives other bits: {a!r:.300} and {b!r:.300}",
                        )
            else:
                first = [np.array(r) for r in results] + now
        self.unchanged(variant, leaves, arguments, before)
        if known.error is None:
            self.compare(variant, first, shared, state)

    def raised(self, variant, error, shared, state):
        wanted = variant.meaning.error
        if wanted is None:
            raise Fault("refused", f"{variant.name}: {type(error).__name__}: {error}") from error
        if not isinstance(error, error_class(wanted)):
            raise Fault(
                "error class",
                f"{variant.name}: {type(error).__name__}: {error}\n"
                f"the interpreter: {type(wanted).__name__}: {wanted}",
            )
        for s, value in zip(shared, state):
            if not same_bits(np.asarray(s.container.get(True)), value):
                raise Fault("torn", f"{variant.name}: {s} changed in a call that failed with {error!r}")

    def unchanged(self, variant, leaves, arguments, before):
        for leaf, a, b in zip(leaves, arguments, before):
            if not same_bits(
                np.asarray(a).astype(a.dtype.newbyteorder("=")),
                np.asarray(b).astype(a.dtype.newbyteorder("=")),
            ):
                raise Fault("written", f"{variant.name}: the argument {leaf.name} was written to")

    def alone(self, variant, results, arguments, shared):
        arrays = [a for a in [*results, *shared] if a.ndim and a.size]
        for a, b in itertools.combinations(arrays, 2):
            if np.may_share_memory(a, b) and np.shares_memory(a, b):
                raise Fault("aliased", f"{variant.name}: two results share memory")
        for a, b in itertools.product(arrays, [a for a in arguments if np.ndim(a) and np.size(a)]):
            if np.may_share_memory(a, b) and np.shares_memory(a, b):
                raise Fault("aliased", f"{variant.name}: a result shares memory with an argument")

    def compare(self, variant, got, shared, state):
        function = variant.function.fn.program.lowered.function
        outputs = function.outputs
        for k in range(outputs):
            problem = differs(got[k], k, variant.meaning)
            if problem:
                raise Fault("value", f"{variant.name}: output {k} ({self.program.outputs[k]}): {problem}")
        places = {n: outputs + k for k, n in enumerate(function.updates)}
        for n, s in enumerate(shared):
            new = got[outputs + n]
            if n in places:
                problem = differs(new, places[n], variant.meaning)
                if problem:
                    raise Fault("value", f"{variant.name}: the new value of {s}: {problem}")
            elif not same_bits(new, state[n]):
                raise Fault("torn", f"{variant.name}: {s}, which is not updated, changed")


HUGE = 1e6  # a step that such numbers feel is no small one for the others


class Tie(Exception):
    """Several elements are the extreme: each gets the whole adjoint (Theano), which no differences find."""


class Untied(interp._Machine):
    def plain(self, instr, values):
        super().plain(instr, values)
        x = instr.operands and values[instr.operands[0]]
        if instr.op.name in ("max", "min") and x.size:
            found = values[instr.results[0]]
            axes = instr.attrs["axes"]
            if (x == np.expand_dims(found, axes)).sum() > found.size:
                raise Tie
        elif instr.op.name == "pool" and instr.attrs["mode"] == "max" and np.unique(x).size < x.size:
            raise Tie


def directional(at, point, wrt, rng):
    """None if the gradient fits, a word why nothing can be said here, or the Fault."""
    here = at(point)
    cost, gradients = float(here[0]), here[1:]
    if not np.isfinite(cost) or not all(np.isfinite(g).all() for g in gradients):
        return "not finite"
    direction = {name: rng.uniform(-1, 1, point[name].shape) for name in wrt}
    size = max([1e-3] + [float(np.abs(point[name]).max(initial=0)) for name in wrt])
    if size > HUGE:
        return "huge"
    found = sum(float((g * direction[name]).sum()) for g, name in zip(gradients, wrt))
    scale = sum(float(np.abs(g * direction[name]).sum()) for g, name in zip(gradients, wrt))
    quotients = []
    for h in (1e-5 * size, 0.5e-5 * size, 0.25e-5 * size):
        ends = [float(at(point | {n: point[n] + s * h * direction[n] for n in wrt})[0]) for s in (1, -1)]
        if not np.isfinite(ends).all():
            return "not finite"
        one = (ends[0] - cost) / h, (cost - ends[1]) / h
        quotients.append(((ends[0] - ends[1]) / (2 * h), abs(one[0] - one[1]), h))
    values = [q for q, _, _ in quotients]
    spread = max(values) - min(values)
    noise = 64 * 2.0**-52 * abs(cost) / quotients[-1][2]
    kinked = (
        quotients[-1][1] > 0.6 * quotients[0][1]
        and quotients[-1][1] > 1e-4 * (scale + abs(values[-1])) + 4 * noise
    )
    if spread > 1e-4 * (scale + abs(values[0])) + noise or kinked:
        return "kink"
    if abs(found - values[-1]) > 20 * spread + 1e-4 * max(scale, abs(values[-1])) + noise + 1e-9:
        return Fault("gradient", f"along a direction the gradient is {found}, differences say {values}")
    return None


def with_constants(program, rng):
    """Some inputs as constants; not those that are differentiated in. A constant's axis of length 1 is one in
    its type: None where that would say something else, as for ``squeeze``, which drops such axes, or where
    what is updated would have another type, which ``function`` refuses.
    """
    kept = {*(program.gradient[1] if program.gradient else ()), *(new for _, new in program.updates)}
    chosen = [leaf.name for leaf in program.inputs() if leaf.name not in kept and rng.random() < 0.7]
    leaves = tuple(replace(leaf, constant=leaf.name in chosen) for leaf in program.leaves)
    changed = program.with_(leaves=leaves)
    before, after = program.names(), changed.names()
    same = all(before[new].type == after[new].type for _, new in program.updates) and all(
        x.ndim == after[name].ndim for name, x in before.items() if isinstance(x, Variable)
    )
    return changed if same else None


def judge(programs, flags=batch.QUICK, told=lambda k: None, compiled=True):
    """[None, or the Fault] of each program, and the Cases. ``told(k)`` is called before each step of
    program k.
    """
    libraries, cases, faults = {}, [], [None] * len(programs)
    with batch.supplied(lambda program, general: libraries[id(program)].library):
        for k, program in enumerate(programs):
            told(k)
            case = Case(program, libraries, compiled)
            cases.append(case)
            try:
                case.build()
            except Fault as fault:
                faults[k] = fault
        told(-1)
        texts = {v.text: k for k, case in enumerate(cases) if faults[k] is None for v in case.variants}
        texts.pop(None, None)
        failed = batch.compile_all(list(texts), flags) if texts else {}
        for text, error in failed.items():
            lines = [line for line in str(error).splitlines() if "error" in line]
            faults[texts[text]] = Fault("compiler", "\n".join(lines) or str(error))
        for k, case in enumerate(cases):
            if faults[k] is None:
                told(k)
                try:
                    case.run()
                except Fault as fault:
                    faults[k] = fault
    return faults, cases
