"""``python -m tgen.examples.digits``, also what ``tgen demo`` runs."""

import sys

from .demo import main

if __name__ == "__main__":
    sys.exit(main(prog=sys.argv[0] if sys.argv[0] == "tgen demo" else "python -m tgen.examples.digits"))
