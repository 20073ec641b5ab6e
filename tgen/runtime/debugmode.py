"""mode="DebugMode": every call is also run by the reference interpreter, and compared.

The interpreter runs the IR as it was lowered but for the stable identities (passes/stabilise.py): these are
part of what the program means, not a transformation to be checked against it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.core.dtypes import DTYPE
from tgen.errors import BadOptimization
from tgen.ir import interp
from tgen.passes.stabilise import stabilise

if TYPE_CHECKING:
    from tgen.ir.nodes import Function

    from .call import Called, Values


class Checked:
    """An Executable that does not trust itself. Meant for one thread: it reads shared values before the call
    it checks.

    Raises BadOptimization where the C and the interpreter differ, and what the interpreter raises where only
    it does.
    """

    def __init__(self, executable: Called) -> None:
        self.executable = executable
        self.program, self.signature = executable.program, executable.signature

    def __getattr__(self, name: str) -> Any:
        if name == "executable":
            raise AttributeError(name)
        return getattr(self.executable, name)

    @cached_property
    def meaning(self) -> Function:
        return stabilise(self.program.lowered.function)

    def __call__(self, values: Values) -> list[np.ndarray]:
        function = self.meaning
        inputs = [np.asarray(value, v.type.dtype) for v, value in zip(self.signature.inputs, values)]
        before = [s.container.get() for s in self.signature.shared]
        try:
            outputs, updates = interp.run(function, inputs, before)
        except (ValueError, IndexError, AssertionError) as error:
            self.executable(values)  # its own exception names what the user wrote
            raise BadOptimization(f"the interpreter refuses a call that the C accepts: {error}") from error
        results = self.executable(values)
        for number, (got, wanted) in enumerate(zip(results, outputs)):
            compare(f"output {number}", got, wanted)
        for number, wanted in zip(function.updates, updates):
            s = self.signature.shared[number]
            compare(f"the new value of {s}", s.container.get(True), wanted)
        return results


def compare(what: str, got: np.ndarray, wanted: np.ndarray) -> None:
    """BadOptimization unless the arrays agree: bit by bit, floats within their dtype's tolerance."""
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        raise BadOptimization(
            f"{what} is {got.dtype}{got.shape} in C, {wanted.dtype}{wanted.shape} by the interpreter"
        )
    tolerance = DTYPE[str(got.dtype)].tolerance
    finite = wanted[np.isfinite(wanted)] if tolerance else wanted
    scale = float(np.max(np.abs(finite), initial=0)) if tolerance else 0
    if not np.allclose(got, wanted, rtol=tolerance, atol=tolerance * scale, equal_nan=bool(tolerance)):
        raise BadOptimization(
            f"{what} differs between the C and the interpreter: {got} and {wanted}. Please "
            "report it with `tgen inspect` of this function."
        )
