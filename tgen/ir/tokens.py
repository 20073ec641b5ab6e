"""The words of the IR text: tokens, types, sizes and literals; ``parse.py`` makes instructions of them."""

from __future__ import annotations

import ast
import re
import struct
from typing import TYPE_CHECKING, Any

from tgen.core import dims
from tgen.core.types import TensorType

if TYPE_CHECKING:
    from tgen.core.dims import Extent
    from tgen.core.op import Attrs

QUIET = 0x7FF8000000000000  # the bits of the NaN that float("nan") is
SIGN = 1 << 63
_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\r]+|\#[^\n]*)
  | (?P<line>\n)
  | (?P<type>(?:bool|u?int(?:8|16|32|64)|float(?:32|64))\[[^\]]*\])
  | (?P<arrow><-(?=\s))
  | (?P<sizes><[^>]*>)
  | (?P<bracket>\[[^\]]*\])
  | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
  | (?P<number>-?(?:nan\(0x[0-9a-f]+\)|nan\b|inf\b|\d[\d.]*(?:e[+-]?\d+)?))
  | (?P<name>[A-Za-z_]\w*)
  | (?P<punct>[(){},:;=])
""",
    re.VERBOSE,
)
_WORDS = {"True": True, "False": False, "None": None}


class Tokens:
    """A cursor over the tokens of a text, and the values named so far."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._types: dict[str, TensorType] = {}
        self._sizes: dict[str, tuple[Extent, ...]] = {}
        self.kinds: list[str] = []
        self.tokens: list[str] = []
        self.places: list[int] = []
        end = 0
        for match in _TOKEN.finditer(text):
            if match.start() != end:
                break
            end = match.end()
            if match.lastgroup is not None and match.lastgroup != "skip":
                self._token(match.lastgroup, match.group(), match.start())
        self._token("end" if end == len(text) else "bad", "", end)

    def _token(self, kind: str, token: str, place: int) -> None:
        self.kinds.append(kind)
        self.tokens.append(token)
        self.places.append(place)

    def line(self) -> int:
        return self.text.count("\n", 0, self.places[min(self.at, len(self.places) - 1)]) + 1

    def line_text(self) -> str:
        return self.text.split("\n")[self.line() - 1].strip()

    # -- tokens ----------------------------------------------------------------------------------------------
    def skip(self) -> None:
        while self.kinds[self.at] == "line":
            self.at += 1

    def accept(self, token: str) -> bool:
        self.skip()
        if self.tokens[self.at] != token:
            return False
        self.at += 1
        return True

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise ValueError(f"expected {token!r}, found {self.tokens[self.at]!r}")

    def take(self, kind: str) -> str:
        self.skip()
        if self.kinds[self.at] != kind:
            raise ValueError(f"expected a {kind}, found {self.tokens[self.at]!r}")
        self.at += 1
        return self.tokens[self.at - 1]

    def next_is(self, kind: str, token: str | None = None) -> bool:
        """Whether the next token stands on this line and is of ``kind`` (and is ``token``)."""
        return self.kinds[self.at] == kind and (token is None or self.tokens[self.at] == token)

    # -- types, sizes, literals ------------------------------------------------------------------------------
    def type(self) -> TensorType:
        text = self.take("type")
        if text not in self._types:
            dtype, shape = text[:-1].split("[", 1)
            self._types[text] = TensorType(dtype, self.size_list(shape))
        return self._types[text]

    def size_list(self, text: str) -> tuple[Extent, ...]:
        if text not in self._sizes:
            self._sizes[text] = tuple(dims.parse(part) for part in split_commas(text))
        return self._sizes[text]

    def literal(self) -> Any:
        """A literal; parentheses are always a tuple."""
        waiting: list[list[Any]] = []
        value: Any
        while True:
            if self.accept("("):
                waiting.append([])
                if not self.accept(")"):
                    continue
                value = tuple(waiting.pop())
            else:
                value = self.atom()
            value, done = self.close(waiting, value)
            if done:
                return value

    def close(self, waiting: list[list[Any]], value: Any) -> tuple[Any, bool]:
        """Put ``value`` into the innermost open tuple and close those that end here; done
        when none is open.
        """
        while waiting:
            waiting[-1].append(value)
            self.skip()
            if self.accept(",") and not self.next_is("punct", ")"):
                return value, False
            self.expect(")")
            value = tuple(waiting.pop())
        return value, True

    def atom(self) -> Any:
        self.skip()
        kind, token = self.kinds[self.at], self.tokens[self.at]
        self.at += 1
        if kind == "string":
            return ast.literal_eval(token)
        if kind == "name":
            return _WORDS[token]
        if kind != "number":
            raise ValueError(f"expected a literal, found {token!r}")
        if "nan" in token:
            return nan_of(token)
        return float(token) if "." in token or "e" in token or "inf" in token else int(token)

    def attrs(self) -> Attrs:
        attrs = {}
        self.expect("{")
        while not self.accept("}"):
            name = self.take("name")
            self.expect("=")
            attrs[name] = self.literal()
            self.accept(",")
        return attrs


def split_commas(text: str) -> list[str]:
    """``text`` split at the commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for k, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append(text[start:k].strip())
            start = k + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def nan_of(token: str) -> float:
    sign = SIGN if token.startswith("-") else 0
    bits = int(token[token.index("(") + 1 : -1], 16) if "(" in token else QUIET | sign
    return struct.unpack("<d", struct.pack("<Q", bits))[0]
