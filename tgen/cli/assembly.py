"""The assembly that the C compiler makes of a function's text."""

import os

from tgen.backends.c import toolchain
from tgen.backends.c.directory import in_scratch


def assembly(c_text):
    """What the C compiler makes of a function's text, as assembly."""
    chain = toolchain.get()
    command = (chain.path, *chain.target, *chain.flags, "-S", "-fverbose-asm", "-o", "tgen.s", "tgen.c")

    def assembled(directory):
        with open(os.path.join(directory, "tgen.c"), "w", encoding="utf-8") as file:
            file.write(c_text)
        toolchain.execute(directory, command)
        with open(os.path.join(directory, "tgen.s"), encoding="utf-8", errors="replace") as file:
            return file.read()

    return in_scratch(assembled)
