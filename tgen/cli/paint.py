"""Colours, for terminals only."""

import re

RESET = "\x1b[0m"
_STYLES = {
    "title": "\x1b[1;36m",
    "comment": "\x1b[32m",
    "word": "\x1b[35m",
    "type": "\x1b[33m",
    "number": "\x1b[36m",
    "bad": "\x1b[1;31m",
    "good": "\x1b[32m",
}
_IR = re.compile(
    r"(?P<comment>#.*$)|(?P<word>\b(?:function|kernel|shared|const|return|yield|map)\b)|"
    r"(?P<type>\b(?:bool|u?int(?:8|16|32|64)|float(?:32|64))(?=\[))|(?P<number>(?<![\w.])-?\d[\w.+-]*)",
    re.M,
)
_C = re.compile(
    r"(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<title>^[ \t]*#[^\n]*)|"
    r"(?P<word>\b(?:if|else|for|while|do|return|switch|case|break|goto|static|const|inline|struct|typedef|"
    r"sizeof|restrict)\b)|"
    r"(?P<type>\b(?:void|char|int|double|float|_Bool|u?int(?:8|16|32|64)_t)\b)",
    re.S | re.M,
)
_PATTERNS = {"ir": _IR, "c": _C}


class Paint:
    """Wraps text in terminal colours when ``on``, and leaves it alone otherwise."""

    def __init__(self, on):
        self.on = on

    def style(self, name, text):
        return f"{_STYLES[name]}{text}{RESET}" if self.on else text

    def code(self, kind, text):
        """IR or C with words, types and comments in colours; other kinds as they are."""
        pattern = _PATTERNS.get(kind) if self.on else None
        return pattern.sub(lambda m: self.style(m.lastgroup, m[0]), text) if pattern else text
