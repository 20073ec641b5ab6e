"""mode="DebugMode": every call is also run by the reference interpreter, and compared.

The interpreter runs the IR as it was lowered but for the stable identities (passes/stabilise.py): these are
part of what the program means, not a transformation to be checked against it.
"""

from functools import cached_property

import numpy as np

from tgen.core.dtypes import DTYPE
from tgen.errors import BadOptimization
from tgen.ir import interp
from tgen.passes.stabilise import stabilise


class Checked:
    """An Executable that does not trust itself. Meant for one thread: it reads shared values before the call
    it checks.

    Raises BadOptimization where the C and the interpreter differ, and what the interpreter raises where only
    it does.
    """

    def __init__(self, executable):
        self.executable = executable

    def __getattr__(self, name):
        if name == "executable":
            raise AttributeError(name)
        return getattr(self.executable, name)

    @cached_property
    def meaning(self):
        return stabilise(self.executable.program.lowered.function)

    def __call__(self, values):
        function = self.meaning
        inputs = [
            np.asarray(value, v.type.dtype) for v, value in zip(self.executable.signature.inputs, values)
        ]
        before = [s.container.get() for s in self.executable.signature.shared]
        try:
            outputs, updates = interp.run(function, inputs, before)
        except (ValueError, IndexError, AssertionError) as error:
            self.executable(values)  # its own exception names what the user wrote
            raise BadOptimization(f"the interpreter refuses a call that the C accepts: {error}") from error
        results = self.executable(values)
        for number, (got, wanted) in enumerate(zip(results, outputs)):
            compare(f"output {number}", got, wanted)
        for number, wanted in zip(function.updates, updates):
            s = self.executable.signature.shared[number]
            compare(f"the new value of {s}", s.container.get(True), wanted)
        return results


def compare(what, got, wanted):
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
