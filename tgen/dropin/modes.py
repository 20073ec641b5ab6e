"""Theano's modes, linkers and optimizers: names for the few things that tgen can do otherwise, and the
options that choose among them.
"""

import copy

from tgen.config import Choice, Text, config
from tgen.errors import nearest, tell_once
from tgen.runtime import mode as own
from tgen.runtime.nanguard import refused

OPTIMIZERS = {  # Theano's name -> the mode of tgen's passes
    "fast_run": "FAST_RUN",
    "fast_compile": "FAST_COMPILE",
    "None": "FAST_COMPILE",
    "merge": "FAST_COMPILE",
    "o1": "FAST_COMPILE",
    "o2": "FAST_RUN",
    "o3": "FAST_RUN",
    "o4": "FAST_RUN",
    "unsafe": "FAST_RUN",
    "fast_run_stable": "FAST_RUN",
    "fast_compile_stable": "FAST_COMPILE",
}
LINKERS = ("cvm", "c", "vm", "c|py", "cvm_nogc", "vm_nogc", "c|py_nogc", "py")
_SAME = "functions run as compiled C all the same; the results are those of NumPy"
_GPU = ("gpu", "cuda", "dnn", "pycuda", "magma")  # tags with these words exclude what is not there anyway


class Mode(own.Mode):
    """How functions are compiled: ``function([x], y, mode=Mode(optimizer="fast_compile"))``.

    linker      one of Theano's names. All of them run compiled C; asking for Python ("py") is a warning, once
    optimizer   one of Theano's names, see ``OPTIMIZERS``; None leaves out the passes that only make
                programs faster
    passes      the mode of tgen's passes that this comes to: FAST_RUN, FAST_COMPILE or DebugMode

    Both are those of ``config`` unless given. TypeError for linkers and optimizers that are objects,
    ValueError for other names.

    >>> Mode("cvm", "fast_run").excluding("gpuarray"), Mode(optimizer=None).passes
    (Mode(linker=cvm, optimizer=fast_run), 'FAST_COMPILE')
    """

    def __init__(self, linker=None, optimizer="default", db=None):
        if linker == "py":
            tell_once(f"the linker 'py': {_SAME}")
        linker = config.linker if linker is None else linker
        optimizer = config.optimizer if isinstance(optimizer, str) and optimizer == "default" else optimizer
        self.linker = self.provided_linker = _known(linker, LINKERS, "linker")
        self.optimizer = self.provided_optimizer = (
            "None" if optimizer is None else _known(optimizer, OPTIMIZERS, "optimizer")
        )
        self.passes = OPTIMIZERS[self.optimizer]

    def including(self, *tags):
        """This mode: there are no further optimizations to include."""
        return self._tagged("including", tags)

    def excluding(self, *tags):
        """This mode: what the passes do cannot be left out one by one, and changes no result by more than
        rounding.
        """
        return self._tagged("excluding", [tag for tag in tags if not any(word in tag for word in _GPU)])

    def requiring(self, *tags):
        """This mode, as ``including``."""
        return self._tagged("requiring", tags)

    def register(self, *optimizations):
        """This mode, as ``including``; Theano's optimizations do not apply to tgen's programs."""
        return self._tagged(
            "register", tuple(str(o[0] if isinstance(o, tuple) else o) for o in optimizations)
        )

    def _tagged(self, method, tags):
        if tags:
            tell_once(
                f"Mode.{method}({', '.join(map(repr, tags))}): tgen's passes run as they are; "
                "Mode(optimizer=None) leaves out those that only make programs faster"
            )
        return copy.copy(self)

    def clone(self, link_kwargs=None, optimizer="", **options):
        """A copy, with another ``optimizer`` unless that is ""; options of linkers mean nothing here."""
        other = copy.copy(self)
        if optimizer != "":
            other.optimizer = other.provided_optimizer = (
                "None" if optimizer is None else _known(optimizer, OPTIMIZERS, "optimizer")
            )
            other.passes = OPTIMIZERS[other.optimizer]
        return other

    def __repr__(self):
        return f"{type(self).__name__}(linker={self.linker}, optimizer={self.optimizer})"

    __str__ = __repr__


def _known(name, names, what):
    if not isinstance(name, str):
        raise TypeError(
            f"the {what} of a Mode must be a name, one of {', '.join(map(repr, names))}; got {name!r}"
        )
    if name not in names:
        raise ValueError(
            f"no {what} {name!r}{nearest(name, names)}; it may be one of {', '.join(map(repr, names))}"
        )
    return name


def _options(given, known, what):
    for name in given:
        if name not in known:
            raise TypeError(f"{what} got an unexpected keyword argument {name!r}{nearest(name, known)}")


class DebugMode(Mode):
    """Every call is also run by the reference interpreter, and compared (``errors.BadOptimization`` where
    they differ).

    Theano's options are accepted: the comparison is always of all results and updates, within rounding.

    >>> DebugMode(check_c_code=False).passes
    'DebugMode'
    """

    OPTIONS = (
        "stability_patience",
        "check_c_code",
        "check_py_code",
        "check_isfinite",
        "check_preallocated_output",
        "require_matching_strides",
    )

    def __init__(self, optimizer="fast_run", linker=None, **options):
        _options(options, self.OPTIONS, "DebugMode")
        super().__init__(linker, optimizer)
        self.passes = "DebugMode"


class InterpretMode(Mode):
    """``runtime.mode.Mode("INTERPRET")`` with what Theano's modes have: nothing is compiled.

    >>> InterpretMode().excluding("gpuarray").passes
    'INTERPRET'
    """

    def __init__(self, optimizer="fast_run", linker=None):
        super().__init__(linker, optimizer)
        self.passes = "INTERPRET"


class NanGuardMode(Mode, own.NanGuard):
    """Every call looks for NaN, infinities and numbers beyond 1e10 in arguments, shared values, results and
    updates.

    One that is found is a ``NotFinite`` error (an AssertionError) that names the first operation it came from
    and its line, and the call has changed nothing; a warning when config.NanGuardMode.action is 'warn'.
    Arguments that are None are config.NanGuardMode's. Values inside the compiled code that reach no result
    are not looked at.

    >>> import tgen, tgen.tensor as T
    >>> x = T.dvector("x")
    >>> f = tgen.function([x], T.log(x).sum(), mode=NanGuardMode(inf_is_error=False, big_is_error=False))
    >>> f([1.0, 0.0])
    array(-inf)
    """

    def __init__(
        self, nan_is_error=None, inf_is_error=None, big_is_error=None, optimizer="default", linker=None
    ):
        Mode.__init__(self, linker, optimizer)
        self.wrong = refused(nan_is_error, inf_is_error, big_is_error)


class MonitorMode(Mode):
    """A FAST_RUN mode. Its functions are never called: inside the one C function there are no nodes to call
    them at. It says so.

    NanGuardMode finds where a NaN came from; ``config.compute_test_value`` computes each op as it is applied.
    """

    def __init__(self, pre_func=None, post_func=None, optimizer="default", linker=None):
        super().__init__(linker, optimizer)
        self.pre_func, self.post_func = pre_func, post_func
        if pre_func is not None or post_func is not None:
            tell_once(
                "MonitorMode: pre_func and post_func are never called, a function is one piece of C. "
                "NanGuardMode finds where a NaN "
                "came from, config.compute_test_value computes each op as it is applied, "
                "function.inspect() shows what runs"
            )


FAST_RUN, FAST_COMPILE = Mode("cvm", "fast_run"), Mode("vm", "fast_compile")


def get_default_mode():
    """The Mode of ``function()`` without mode=: ``config.mode``, with what config says of optimizations."""
    mode = own.get_mode(config.mode)
    for method in ("including", "excluding", "requiring"):
        tags = list(filter(None, getattr(config, f"optimizer_{method}").replace(",", ":").split(":")))
        mode = getattr(mode, method)(*tags) if tags else mode
    return mode


def register_mode(name, mode):
    """Let ``function(mode=name)`` mean ``mode``; ValueError for a name that has a mode."""
    if name in own.NAMED:
        raise ValueError(f"Mode name already taken: {name}")
    own.NAMED[name] = mode


def _declare():
    """The options, and the modes under their names, in the place of tgen's own."""
    config.declare(
        "optimizer",
        Choice(
            *OPTIMIZERS,
            doc="what mode=Mode means: FAST_RUN, or FAST_COMPILE for fast_compile, None, merge, o1",
        ),
    )
    config.declare("linker", Choice(*LINKERS, doc="accepted; functions are compiled C", told={"py": _SAME}))
    accepted = "accepted; function() without mode= tells that it is not done"
    config.declare("optimizer_including", Text("", doc=accepted))
    config.declare("optimizer_excluding", Text("", doc="as optimizer_including"))
    config.declare("optimizer_requiring", Text("", doc="as optimizer_including"))
    debug = DebugMode(linker="cvm")
    own.NAMED.update(
        {
            "Mode": Mode,
            "FAST_RUN": FAST_RUN,
            "FAST_COMPILE": FAST_COMPILE,
            "DebugMode": debug,
            "DEBUG_MODE": debug,
            "INTERPRET": InterpretMode(linker="cvm"),
            "NanGuardMode": NanGuardMode,
        }
    )
    own.DEFAULT.append(get_default_mode)
    names = [name for name in own.NAMED if name != "Mode"]
    config.declare(
        "mode", Choice("Mode", *names, doc="the mode of function() without mode=; Mode: what optimizer says")
    )


_declare()
