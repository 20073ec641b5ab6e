"""A tanh network trained on handwritten digits: ``tgen demo`` or ``python -m tgen.examples.digits``."""
