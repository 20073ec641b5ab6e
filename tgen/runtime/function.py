"""``function(...)`` and the Function it returns: arguments bound and checked, the compiled code called,
results packed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tgen.config import config
from tgen.errors import ArgumentTypeError
from tgen.graph.nodes import user_line
from tgen.graph.shared import SharedVariable

from . import hooks, program
from .check import Check, fast_call
from .inputs import Bound, ExplicitInput
from .request import Request, default_name, resolve

if TYPE_CHECKING:
    from .io import Out


def function(
    inputs: Any,
    outputs: Any = None,
    mode: Any = None,
    updates: Any = None,
    givens: Any = None,
    no_default_updates: Any = False,
    accept_inplace: bool = False,
    name: str | None = None,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
    profile: Any = None,
    on_unused_input: str | None = None,
    trust_input: bool = False,
) -> Function:
    """Compile the expressions ``outputs`` of the variables ``inputs``; calling the result computes them and
    makes the updates.

    inputs      a list of symbolic variables or ``In``; intermediate variables cut the graph
    outputs     a variable or ``Out`` (the function returns an array), a list or tuple of them (a list), a
                dict with string keys (a dict, sorted), None (an empty list). Scalars come back as 0-d arrays
    updates     pairs or dict {shared variable: expression}; all expressions, like the outputs, see the values
                before the call
    givens      pairs or dict {variable: replacement}, substituted before compilation; other values than
                variables are shared
    no_default_updates   True, or a list of shared variables whose ``default_update`` is left out
    name        for messages; "file.py:line" by default
    rebuild_strict=False   givens may have another type; the graph's types are inferred anew
    allow_input_downcast   True: every input is cast; False: a Python float not into float32 either
    on_unused_input        "raise", "warn", "ignore"; None: ``config.on_unused_input``
    mode        FAST_RUN; FAST_COMPILE (fewer passes); DebugMode (every call compared with the interpreter);
                NanGuardMode (what is not finite is refused); INTERPRET (nothing is compiled, NumPy runs the
                program); a ``tgen.Mode``; None: ``config.mode``
    accept_inplace, trust_input   accepted: graphs have no in-place ops, and the checks cost less than a call

    Raises TypeError, ValueError, UnusedInputError, MissingInputError, as the message explains.

    >>> import tgen, tgen.tensor as T
    >>> state, inc = tgen.shared(0), T.iscalar("inc")
    >>> accumulator = tgen.function([inc], state, updates=[(state, state + inc)])
    >>> accumulator(1), accumulator(300), state.get_value()
    (array(0), array(1), array(301))
    """
    name = default_name(user_line()) if name is None else name
    profile = config.profile if profile is None else profile
    request = resolve(
        inputs,
        outputs,
        mode,
        updates,
        givens,
        no_default_updates,
        name,
        rebuild_strict,
        allow_input_downcast,
        profile,
        on_unused_input,
    )
    f = Function(request)
    f.trust_input = trust_input
    for hook in hooks.BUILT:
        hook(f)
    return f


class Profile:
    """What ``profile=`` counts: calls, and seconds in them."""

    def __init__(self, message: str) -> None:
        self.message, self.calls, self.seconds = message, 0, 0.0

    def __repr__(self) -> str:
        return f"{self.message}: {self.calls} calls, {self.seconds:.6f} s"


class Function:
    """A compiled function. Call it with positional arguments, then keywords by input name.

    ``f[key]`` reads or sets what stands for an input (its name, variable or index): private state, a shared
    variable's value, or the value of the next call. ``key in f`` tells whether there is one. ``name``,
    ``request``, ``bound`` (what stands for its inputs: ``bound.explicit`` and ``bound.implicit``), ``fn`` and
    ``profile`` are attributes; what Theano's functions have besides (``maker``) is in ``dropin.functions``.

    >>> import tgen, tgen.tensor as T
    >>> x, state = T.dscalars("x", "state")
    >>> f = tgen.function([x, tgen.In(state, value=0, update=state + x)], state)
    >>> f(2), f(3), f["state"]
    (array(0.), array(2.), array(5.))
    """

    def __init__(self, request: Request) -> None:
        self.request, self.name = request, request.name
        self.trust_input = False
        self.profile = _profile(request)
        self.fn = request.mode.watched(program.build(request.signature, request.mode.passes))
        places = [_place(request, index) for index in range(len(request.ins))]
        arguments = set(request.arguments())
        checks = [place.check for index, place in enumerate(places) if index in arguments]
        self._fast = fast_call(checks, self.fn, request.keys, request.unpack)
        self.bound = Bound(places, request.signature.shared, self.name)
        self._plain = len(checks) == len(places) and self.profile is None
        # how many positional arguments the fast call takes; -1 sends the first call past the hooks
        self._count = -1

    @property
    def outputs(self) -> list[Out]:
        """The outputs as function() was asked for them."""
        return self.request.outs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != self._count:
            return self._call(args, kwargs)
        return self._fast(args)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Any call: keywords, defaults, states, values set before, a subset of the outputs."""
        if self._count == -1:
            self._first()
        subset = kwargs.pop("output_subset", None)
        positions = [] if subset is None else self._positions(subset)
        values, states = self.bound.bind(args, kwargs)
        start = time.perf_counter()
        result = self._with_states(values, states) if states else self._fast(values)
        if self.profile is not None:
            self.profile.calls += 1
            self.profile.seconds += time.perf_counter() - start
        return result if subset is None else self._subset(result, positions)

    def _first(self) -> None:
        for hook in hooks.CALLED:
            hook(self)
        self._count = len(self.bound.explicit) if self._plain else -2

    def _with_states(self, values: tuple[Any, ...], states: Sequence[tuple[SharedVariable, Any]]) -> Any:
        """A call that gives states (pairs of shared variable and value): they are set before it and set back
        if it fails.
        """
        old = [(s, s.get_value(borrow=True)) for s, _ in states]
        try:
            for s, value in states:
                s.set_value(value)
            return self._fast(values)
        except BaseException:
            for s, value in old:
                s.set_value(value)
            raise

    def _positions(self, subset: Sequence[int | str]) -> list[int]:
        keys = self.request.keys
        names: list[Any] = list(range(len(self.request.outputs))) if keys is None else keys
        return [key if isinstance(key, int) and 0 <= key < len(names) else names.index(key) for key in subset]

    def _subset(self, result: Any, positions: Sequence[int]) -> Any:
        keys = self.request.keys
        if keys is not None:
            return {keys[i]: result[keys[i]] for i in positions}
        return [[result][i] if self.request.unpack else result[i] for i in positions]

    def __getitem__(self, key: Any) -> Any:
        return self.bound.find(key).value

    def __setitem__(self, key: Any, value: Any) -> None:
        self.bound.find(key).value = value

    def __contains__(self, key: Any) -> bool:
        return self.bound.has(key)

    def copy(
        self,
        share_memory: bool = False,
        swap: Mapping[SharedVariable, SharedVariable] | None = None,
        delete_updates: bool = False,
        name: str | None = None,
        profile: Any = None,
    ) -> Function:
        """Another Function of the same graph, over the same shared variables (private states are copied).

        swap            {shared variable: shared variable to use instead}; ValueError when the first is not in
                        the function, TypeError (and AssertionError) when their types differ
        delete_updates  leave all updates out
        share_memory    accepted: temporaries are not kept between calls
        """
        swap = dict(swap or {})
        present = set(self.get_shared())
        for old, new in swap.items():
            if old not in present:
                raise ValueError(f"SharedVariable: {old} not found")
            if not isinstance(new, SharedVariable) or new.type != old.type:
                raise ArgumentTypeError(
                    f"the shared variable {old} of type {old.type} cannot be swapped "
                    f"with {new} of type {getattr(new, 'type', type(new))}"
                )
        return Function(self.request.swapped(swap, delete_updates, name, profile))

    __copy__ = copy

    def get_shared(self) -> list[SharedVariable]:
        """The shared variables the function reads or updates; private states are none of them."""
        own = {v for v, i in zip(self.request.inputs, self.request.ins) if not i.implicit}
        return [s for s in self.request.signature.shared if s not in own]

    def inspect(self, what: str = "all") -> str:
        """The text of what was compiled, with the user's names and lines beside it: "ir" (before the passes),
        "stages" (after each), "plan", "c", or "all" of them; and "final" (after all), "schedule" (the loops
        of each kernel before and after the rewrites that changed them, and why), "general" (the C that serves
        once an array was not C-contiguous). Raises ValueError for another word.

        >>> import tgen, tgen.tensor as T
        >>> x = T.dscalar("x")
        >>> "exp" in tgen.function([x], T.exp(x)).inspect("ir")
        True
        """
        return hooks.INSPECT[-1](self, what)

    def __getattr__(self, name: str) -> Any:
        """What rooms above show of a function: rows of ``hooks.ATTRIBUTES``."""
        if name not in hooks.ATTRIBUTES:
            raise AttributeError(f"a tgen function has no attribute {name!r}", name=name, obj=self)
        return hooks.ATTRIBUTES[name](self)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *hooks.ATTRIBUTES})

    def __repr__(self) -> str:
        return f"<tgen.Function {self.name}>"


def _profile(request: Request) -> Profile | None:
    if not request.profile:
        return None
    return (
        request.profile
        if isinstance(request.profile, Profile)
        else Profile(request.name if request.profile is True else str(request.profile))
    )


def _place(request: Request, index: int) -> ExplicitInput:
    i, leaf = request.ins[index], request.inputs[index]
    check = Check(i.variable, index, request.name, i.strict, i.allow_downcast)
    if isinstance(leaf, SharedVariable):
        return ExplicitInput(i, check, state=leaf)
    return ExplicitInput(i, check, default=None if i.value is None else _default(check(i.value)))


def _default(value: Any) -> Any:
    """The default is kept as it was when the function was made, whatever becomes of the caller's array."""
    return value.copy() if isinstance(value, np.ndarray) else value
