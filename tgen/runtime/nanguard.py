"""mode="NanGuardMode": every call looks for NaN, infinities and huge numbers in what goes in and
comes out.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen import passes
from tgen.config import config
from tgen.errors import NotFinite
from tgen.ir import interp

if TYPE_CHECKING:
    from tgen.ir.nodes import Instr

    from .call import Called, Values
    from .program import Program

BIG = 1e10
_WORDS = {"nan": "NaN", "inf": "an infinity", "big": f"a number beyond {BIG:g}"}


class Guarded:
    """An Executable that refuses what is not finite. Meant for one thread: what it puts back after a refused
    call is what was there before.

    ``wrong``: which of "nan", "inf" and "big" are refused; ``mode``: the mode of the passes.
    """

    def __init__(self, executable: Called, wrong: Sequence[str], mode: str) -> None:
        self.executable, self.wrong, self.mode = executable, wrong, mode
        self.program, self.signature = executable.program, executable.signature

    def __getattr__(self, name: str) -> Any:
        if name == "executable":
            raise AttributeError(name)
        return getattr(self.executable, name)

    def __call__(self, values: Values) -> list[np.ndarray]:
        signature = self.signature
        inputs = [np.asarray(value, v.type.dtype) for v, value in zip(signature.inputs, values)]
        before = [s.container.get() for s in signature.shared]
        names = [
            *(f"the argument {v}" for v in signature.inputs),
            *(f"the shared variable {s}" for s in signature.shared),
        ]
        for name, value in zip(names, inputs + before):
            self.look(value, name)
        results = self.executable(values)
        origin = functools.partial(self.origin, inputs, before)
        try:
            for number, value in enumerate(results):
                self.look(value, f"output {number}", origin)
            for s in signature.shared:
                self.look(s.container.get(True), f"the new value of {s}", origin)
        except NotFinite:
            updated = dict(signature.updates)
            for s, value in zip(signature.shared, before):
                if s in updated:
                    s.container.set(value)
            raise
        return results

    def look(self, value: Any, name: str, origin: Callable[[], str] | None = None) -> None:
        """What config.NanGuardMode.action says about an array that holds what is refused. ``origin``: words
        on where that came from, found only then.
        """
        found = kind_of(value, self.wrong)
        if found is None:
            return
        text = f"{name} holds {_WORDS[found]}{'' if origin is None else origin()}"
        action = getattr(config, "NanGuardMode.action")
        if action == "warn":
            warnings.warn(text, stacklevel=5)
            return
        if action == "pdb":
            breakpoint()
        raise NotFinite(text)

    def origin(self, inputs: Sequence[np.ndarray], shared: Sequence[np.ndarray]) -> str:
        """Which operation made the first such value, as words; found by running the program again in the
        reference interpreter.
        """
        instr = first_wrong(self.program, self.mode, inputs, shared, self.wrong)
        if instr is None:
            return ""
        lines = ", ".join(f"{file}:{line}" for file, line in sorted(instr.where or ()))
        return f"; the first came from {instr.op}" + (f" at {lines}" if lines else "")


def refused(nan: bool | None = None, inf: bool | None = None, big: bool | None = None) -> tuple[str, ...]:
    """Which of "nan", "inf" and "big" are refused; config.NanGuardMode says it of those that are None.

    >>> refused(inf=False)
    ('nan', 'big')
    """
    asked = {"nan": nan, "inf": inf, "big": big}
    return tuple(
        k for k, v in asked.items() if (getattr(config, f"NanGuardMode.{k}_is_error") if v is None else v)
    )


def kind_of(value: Any, wrong: Sequence[str]) -> str | None:
    """The first of ``wrong`` that an array holds; None for an array without, or of another dtype than floats.

    >>> kind_of(np.array([1.0, np.inf]), ("nan", "inf", "big")), kind_of(np.array([1e11]), ("nan", "inf"))
    ('inf', None)
    """
    if getattr(value, "dtype", None) is None or value.dtype.kind != "f" or not value.size:
        return None
    with np.errstate(all="ignore"):
        if "nan" in wrong and np.isnan(value).any():
            return "nan"
        if "inf" in wrong and np.isinf(value).any():
            return "inf"
        if "big" in wrong and (np.abs(value[np.isfinite(value)]) > BIG).any():
            return "big"
    return None


def first_wrong(
    program: Program,
    mode: str,
    inputs: Sequence[np.ndarray],
    shared: Sequence[np.ndarray],
    wrong: Sequence[str],
) -> Instr | None:
    """The first instruction, before fusion, one of whose results holds what is refused; None when the
    interpreter finds none.
    """
    function = passes.run(program.lowered.function, mode, skip=("fuse", "trim"))
    instrs = [i for i in function.block.instrs for _ in i.results]
    values = tuple(v for i in function.block.instrs for v in i.results)
    everything = replace(
        function, block=replace(function.block, results=values), outputs=len(values), updates=(), layout=None
    )
    try:
        found, _ = interp.run(everything, inputs, shared)
    except (ValueError, IndexError):
        return None
    return next((i for i, value in zip(instrs, found) if kind_of(value, wrong)), None)
