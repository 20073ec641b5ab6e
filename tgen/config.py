"""``tgen.config``: the options, checked when they are assigned.

Initial values come from ``TGEN_FLAGS="floatX=float32,mode=FAST_COMPILE"`` and from ``TGEN_<NAME>``, which
wins.

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
from collections.abc import Callable, Iterable, Mapping
from contextlib import ContextDecorator
from typing import Any, NoReturn, Protocol

from tgen.errors import nearest, tell_once

_FALSE, _TRUE = ("0", "false", "no", "off", ""), ("1", "true", "yes", "on")


class Option(Protocol):
    """One option; ``check`` and ``read`` give its value for one assigned, or a TypeError or ValueError."""

    default: Any
    doc: str | None

    def check(self, name: str, value: Any) -> Any: ...

    def read(self, name: str, text: str) -> Any: ...


class Choice:
    """One of a few strings. ``told``: value -> what to tell once who sets it, because it is not done."""

    def __init__(
        self, default: str, *others: str, doc: str | None, told: Mapping[str, str] | None = None
    ) -> None:
        self.default, self.values, self.doc, self.told = default, (default, *others), doc, told or {}

    def check(self, name: str, value: Any) -> str:
        text = str(value) if value is None or isinstance(value, str) else None
        if text not in self.values:
            raise ValueError(
                f"config.{name} must be one of {', '.join(map(repr, self.values))}; got {value!r}"
            )
        if text in self.told:
            tell_once(f"config.{name}={text}: {self.told[text]}")
        return text

    read = check


class Text:
    """Any string."""

    def __init__(self, default: str, doc: str | None) -> None:
        self.default, self.doc = default, doc

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, (str, os.PathLike)):
            raise TypeError(f"config.{name} must be a string; got {value!r}")
        return os.fspath(value)

    read = check


class Count:
    """An int of at least ``least``."""

    def __init__(self, default: int, least: int, doc: str | None) -> None:
        self.default, self.least, self.doc = default, least, doc

    def check(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"config.{name} must be an int; got {value!r}")
        value = value.__index__()
        if value < self.least:
            raise ValueError(f"config.{name} must be at least {self.least}; got {value}")
        return value

    def read(self, name: str, text: str) -> int:
        try:
            return self.check(name, int(text))
        except ValueError as error:
            raise ValueError(
                f"config.{name} must be an int of at least {self.least}; got {text!r}"
            ) from error


class Bool:
    """A bool; 0, 1 and words such as "False" are read as one."""

    def __init__(self, default: bool, doc: str | None) -> None:
        self.default, self.doc = default, doc

    def check(self, name: str, value: Any) -> bool:
        if isinstance(value, str):
            return self.read(name, value)
        if not isinstance(value, bool) and value not in (0, 1):
            raise TypeError(f"config.{name} must be True or False; got {value!r}")
        return bool(value)

    def read(self, name: str, text: str) -> bool:
        if text.lower() not in _FALSE + _TRUE:
            raise ValueError(f"config.{name} must be true or false; got {text!r}")
        return text.lower() in _TRUE


class LeftOut:
    """Names of rows of a table that are left out: ``-vector,-chunks``. The room that has the table tells
    ``of`` which there are; until then any may be given.
    """

    default: Any = ""

    def __init__(self, doc: str) -> None:
        self.doc: str | None = doc
        self.names: tuple[str, ...] | None = None

    def of(self, names: Iterable[str]) -> None:
        """The names there are."""
        self.names = tuple(names)

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(f"config.{name} must be a string; got {value!r}")
        first, *words = (word.strip(" ,") for word in value.split("-"))
        if first:
            raise ValueError(f"config.{name} names what is left out, as '-a,-b'; got {value!r}")
        for word in words:
            if self.names is not None and word not in self.names:
                raise ValueError(
                    f"config.{name}: there is no {word!r} to leave out{nearest(word, self.names)}; there are "
                    f"{', '.join(self.names)}"
                )
        return ",".join(f"-{word}" for word in dict.fromkeys(words))

    read = check


def processors() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


REWRITES = LeftOut(
    "rewrites of loops that are left out, as -vector,-chunks; tgen inspect --schedule shows them"
)
ON_UNUSED = Choice("raise", "warn", "ignore", doc="what function() does about an input nothing needs")
OPTIONS: dict[str, Option] = {  # rooms above add rows with config.declare
    "floatX": Choice(
        "float64", "float32", doc="dtype of T.scalar(), T.matrix() and of all that has no dtype of its own"
    ),
    "threads": Count(processors(), 1, doc="threads one call may use"),
    "cc": Text("", doc="the C compiler; empty: cc, gcc or clang, the first that works"),
    "cflags": Text("", doc="further flags for the C compiler, from an allow-list"),
    "cache_dir": Text(
        "",
        doc="where compiled functions are kept; empty: the checkout's cache/ or the user's cache directory",
    ),
    "cache_bytes": Count(
        1 << 30, 1, doc="size of the cache on disk; the least recently used entries go first"
    ),
    "schedule": REWRITES,
    "compile_timeout": Count(300, 1, doc="seconds the C compiler may take"),
    "pool_bytes": Count(256 << 20, 0, doc="memory kept for results and temporaries between calls"),
    "on_unused_input": ON_UNUSED,
    "compute_test_value": Choice(
        "off",
        "ignore",
        "warn",
        "raise",
        doc="whether ops are computed as they are "
        "applied, on tag.test_value; and what "
        "happens where one is missing",
    ),
    "profile": Bool(False, doc="functions count their calls and time"),
    "NanGuardMode.nan_is_error": Bool(True, doc="whether NanGuardMode refuses NaN"),
    "NanGuardMode.inf_is_error": Bool(True, doc="whether NanGuardMode refuses infinities"),
    "NanGuardMode.big_is_error": Bool(True, doc="whether NanGuardMode refuses numbers beyond 1e10"),
    "NanGuardMode.action": Choice("raise", "warn", "pdb", doc="what NanGuardMode does then"),
    "debug": Count(0, 0, doc="1..5: what is printed while compiling (cache, times, IR, C, every pass)"),
}

_WATCHERS: dict[str, list[Callable[[Any], object]]] = {}  # name of an option -> who is told its new values


class Config:
    """The options as attributes. An unknown name is an AttributeError, a wrong value a TypeError or
    ValueError.

    ``config.gcc.cxxflags`` and ``getattr(config, "gcc.cxxflags")`` are one option: rooms above this one
    declare more of them.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        given = {name: text for name, text in environment.items() if name.startswith("TGEN_")}
        object.__setattr__(self, "_given", given)
        for name, option in OPTIONS.items():
            self._begin(name, option)

    def _begin(self, name: str, option: Option) -> None:
        """The first value of an option: TGEN_<NAME>, what TGEN_FLAGS says, or its default."""
        text = self._given.get(f"TGEN_{name.upper()}", _flags(self._given).get(name))
        object.__setattr__(self, name, option.default if text is None else option.read(name, text))

    def declare(self, name: str, option: Option) -> None:
        """A further option: an object with ``default``, ``doc`` (None: not worth a line of repr),
        ``check(name, value)`` and ``read(name, text)``.
        """
        if name in OPTIONS:
            raise AttributeError(f"config has the option {name!r} already")
        OPTIONS[name] = option
        self._begin(name, option)

    def tell_unknown(self) -> None:
        """Warn of what TGEN_FLAGS sets and nobody has declared; called when all rooms are there."""
        for name in _flags(self._given):
            if name not in OPTIONS:
                warnings.warn(
                    f"TGEN_FLAGS sets {name!r}, which tgen does not have{nearest(name, OPTIONS)}",
                    stacklevel=3,
                )

    def watch(self, name: str, tell: Callable[[Any], object]) -> None:
        """Call ``tell(value)`` now and whenever the option is set from now on."""
        _WATCHERS.setdefault(name, []).append(tell)
        tell(getattr(self, name))

    def __getattr__(self, name: str) -> Any:
        if any(known.startswith(f"{name}.") for known in OPTIONS):
            return _Section(self, name)
        raise AttributeError(_unknown(name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in OPTIONS:
            raise AttributeError(_unknown(name))
        object.__setattr__(self, name, OPTIONS[name].check(name, value))
        for tell in _WATCHERS.get(name, ()):
            tell(getattr(self, name))

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"config.{name} cannot be deleted; assign {OPTIONS[name].default!r} to reset it"
            if name in OPTIONS
            else _unknown(name)
        )

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(name.partition(".")[0] for name in OPTIONS)})

    def __repr__(self) -> str:
        shown = [
            (name, option)
            for name, option in OPTIONS.items()
            if option.doc or getattr(self, name) != option.default
        ]
        return "\n".join(
            f"{name} = {getattr(self, name)!r}" + (f"    # {option.doc}" if option.doc else "")
            for name, option in shown
        )

    def change_flags(self, args: Any = (), **flags: Any) -> "_ChangeFlags":
        """Set ``flags`` for the length of a ``with`` block or of a decorated function, then set the old
        values again.

        Names with a dot come in a dict or as pairs, as the first argument.

        >>> @config.change_flags(floatX="float32")
        ... def inside():
        ...     return config.floatX
        >>> inside(), config.floatX
        ('float32', 'float64')
        """
        return _ChangeFlags(self, dict(args, **flags))


def _unknown(name: str) -> str:
    return f"config has no option {name!r}{nearest(name, OPTIONS)}"


class _Section:
    """``config.gcc``: the options whose names begin with "gcc."."""

    def __init__(self, target: "Config", prefix: str) -> None:
        self.__dict__.update(_target=target, _prefix=prefix)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, f"{self._prefix}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, f"{self._prefix}.{name}", value)

    def __dir__(self) -> list[str]:
        start = f"{self._prefix}."
        return sorted({name[len(start) :].partition(".")[0] for name in OPTIONS if name.startswith(start)})


class _ChangeFlags(ContextDecorator):
    """The old values of the options set inside; checked before any is set."""

    def __init__(self, target: Config, flags: dict[str, Any]) -> None:
        unknown = [name for name in flags if name not in OPTIONS]
        if unknown:
            raise AttributeError(_unknown(unknown[0]))
        self.target = target
        self.old: list[dict[str, Any]] = []
        self.flags = {name: OPTIONS[name].check(name, value) for name, value in flags.items()}

    def __enter__(self) -> Config:
        self.old.append({name: getattr(self.target, name) for name in self.flags})
        for name, value in self.flags.items():
            setattr(self.target, name, value)
        return self.target

    def __exit__(self, *error: object) -> None:
        for name, value in self.old.pop().items():
            setattr(self.target, name, value)


def _flags(environment: Mapping[str, str]) -> dict[str, str]:
    """What TGEN_FLAGS says: {name: text}."""
    parts = [part.partition("=") for part in environment.get("TGEN_FLAGS", "").split(",") if part.strip()]
    return {name.strip(): text.strip() for name, _, text in parts}


config = Config(os.environ)
change_flags = config.change_flags
