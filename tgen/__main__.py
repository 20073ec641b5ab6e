"""``python -m tgen``: the ``tgen`` command."""

import sys

from tgen.cli import main

if __name__ == "__main__":
    sys.exit(main())
