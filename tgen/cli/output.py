"""Where the command writes: its own output stays apart from what an inspected script prints."""

import os
import sys
from contextlib import contextmanager


class Output:
    """Standard output. While a script runs, everything it writes to descriptor 1, by whatever means, goes to
    standard error.
    """

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.terminal = self.stream.isatty()

    def write(self, text):
        self.stream.write(text)

    def flush(self):
        self.stream.flush()

    @contextmanager
    def script_to_stderr(self):
        self.stream.flush()
        kept, before = os.dup(1), sys.stdout
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        try:
            yield
        finally:
            before.flush()
            sys.stderr.flush()
            sys.stdout = before
            os.dup2(kept, 1)
            os.close(kept)
