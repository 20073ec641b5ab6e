"""``tgen.config``: the options, checked when they are assigned.

Initial values come from ``TGEN_FLAGS="floatX=float32,mode=FAST_COMPILE"`` and from ``TGEN_<NAME>``, which wins.

>>> with config.change_flags(floatX="float32"):
...     config.floatX
'float32'
>>> config.floatX = "float16"
Traceback (most recent call last):
    ...
ValueError: config.floatX must be one of 'float64', 'float32'; got 'float16'
"""
import os
import warnings
from contextlib import ContextDecorator

_FALSE, _TRUE = ("0", "false", "no", "off", ""), ("1", "true", "yes", "on")


class _Choice:
    """One of a few strings."""

    def __init__(self, default, *others, doc):
        self.default, self.values, self.doc = default, (default, *others), doc

    def check(self, name, value):
        if value not in self.values:
            raise ValueError(f"config.{name} must be one of {', '.join(map(repr, self.values))}; got {value!r}")
        return str(value)

    read = check


class _Text:
    """Any string."""

    def __init__(self, default, doc):
        self.default, self.doc = default, doc

    def check(self, name, value):
        if not isinstance(value, (str, os.PathLike)):
            raise TypeError(f"config.{name} must be a string; got {value!r}")
        return os.fspath(value)

    read = check


class _Count:
    """An int of at least ``least``."""

    def __init__(self, default, least, doc):
        self.default, self.least, self.doc = default, least, doc

    def check(self, name, value):
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"config.{name} must be an int; got {value!r}")
        value = value.__index__()
        if value < self.least:
            raise ValueError(f"config.{name} must be at least {self.least}; got {value}")
        return value

    def read(self, name, text):
        try:
            return self.check(name, int(text))
        except ValueError as error:
            raise ValueError(f"config.{name} must be an int of at least {self.least}; got {text!r}") from error


class _Switch:
    """A bool."""

    def __init__(self, default, doc):
        self.default, self.doc = default, doc

    def check(self, name, value):
        if not isinstance(value, bool):
            raise TypeError(f"config.{name} must be True or False; got {value!r}")
        return value

    def read(self, name, text):
        if text.lower() not in _FALSE + _TRUE:
            raise ValueError(f"config.{name} must be true or false; got {text!r}")
        return text.lower() in _TRUE


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


OPTIONS = {
    "floatX": _Choice("float64", "float32", doc="dtype of T.scalar(), T.matrix() and of all that has no dtype of its own"),
    "mode": _Choice("FAST_RUN", "FAST_COMPILE", "DebugMode", "DEBUG_MODE", "Mode", doc="the mode of function() without mode="),
    "threads": _Count(_processors(), 1, doc="threads one call may use"),
    "cc": _Text("", doc="the C compiler; empty: cc, gcc or clang, the first that works"),
    "cflags": _Text("", doc="further flags for the C compiler, from an allow-list"),
    "cache_dir": _Text("", doc="where compiled functions are kept; empty: the checkout's cache/ or the user's cache directory"),
    "cache_bytes": _Count(1 << 30, 1, doc="size of the cache on disk; the least recently used entries go first"),
    "compile_timeout": _Count(300, 1, doc="seconds the C compiler may take"),
    "pool_bytes": _Count(256 << 20, 0, doc="memory kept for results and temporaries between calls"),
    "on_unused_input": _Choice("raise", "warn", "ignore", doc="what function() does about an input nothing needs"),
    "compute_test_value": _Choice("off", "ignore", "warn", "raise", doc="whether ops are computed as they are applied, on tag.test_value; and what happens where one is missing"),
    "allow_gc": _Switch(True, doc="accepted; temporaries never outlive a call"),
    "optimizer": _Choice("fast_run", "fast_compile", "None", "o1", "o2", "o3", "o4", doc="accepted; the mode decides"),
    "profile": _Switch(False, doc="functions count their calls and time"),
    "exception_verbosity": _Choice("low", "high", doc="accepted; messages are always full"),
    "warn_float64": _Choice("ignore", "warn", "raise", "pdb", doc="accepted"),
    "device": _Choice("cpu", doc="where functions run"),
    "openmp": _Switch(True, doc="accepted; config.threads decides"),
    "debug": _Count(0, 0, doc="1..5: what is printed while compiling (cache, times, IR, C, every pass)"),
}


class Config:
    """The options as attributes. An unknown name is an AttributeError, a wrong value a TypeError or ValueError."""

    def __init__(self, environment):
        for name, option in OPTIONS.items():
            object.__setattr__(self, name, option.default)
        for name, text in _flags(environment):
            if name not in OPTIONS:
                warnings.warn(f"TGEN_FLAGS sets {name!r}, which tgen does not have; it has {', '.join(OPTIONS)}", stacklevel=2)
                continue
            object.__setattr__(self, name, OPTIONS[name].read(name, text))

    def __setattr__(self, name, value):
        if name not in OPTIONS:
            raise AttributeError(f"config has no option {name!r}; it has {', '.join(OPTIONS)}")
        object.__setattr__(self, name, OPTIONS[name].check(name, value))

    def __delattr__(self, name):
        raise AttributeError(f"config.{name} cannot be deleted; assign {OPTIONS[name].default!r} to reset it" if name in OPTIONS else f"config has no option {name!r}")

    def __repr__(self):
        return "\n".join(f"{name} = {getattr(self, name)!r}    # {option.doc}" for name, option in OPTIONS.items())

    def change_flags(self, **flags):
        """Set ``flags`` for the length of a ``with`` block or of a decorated function, then set the old values again.

        >>> @config.change_flags(floatX="float32")
        ... def inside():
        ...     return config.floatX
        >>> inside(), config.floatX
        ('float32', 'float64')
        """
        return _ChangeFlags(self, flags)


class _ChangeFlags(ContextDecorator):
    """The old values of the options set inside; checked before any is set."""

    def __init__(self, target, flags):
        unknown = [name for name in flags if name not in OPTIONS]
        if unknown:
            raise AttributeError(f"config has no option {unknown[0]!r}; it has {', '.join(OPTIONS)}")
        self.target, self.old = target, []
        self.flags = {name: OPTIONS[name].check(name, value) for name, value in flags.items()}

    def __enter__(self):
        self.old.append({name: getattr(self.target, name) for name in self.flags})
        for name, value in self.flags.items():
            setattr(self.target, name, value)
        return self.target

    def __exit__(self, *error):
        for name, value in self.old.pop().items():
            setattr(self.target, name, value)


def _flags(environment):
    """(name, text) pairs in the order they take effect: TGEN_FLAGS, then TGEN_<NAME>."""
    pairs = [part.partition("=")[::2] for part in environment.get("TGEN_FLAGS", "").split(",") if part.strip()]
    pairs = [(name.strip(), text.strip()) for name, text in pairs]
    return pairs + [(name, environment[f"TGEN_{name.upper()}"]) for name in OPTIONS if f"TGEN_{name.upper()}" in environment]


config = Config(os.environ)
change_flags = config.change_flags
