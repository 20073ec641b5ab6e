"""Running sums and order, composed over comparisons with all other elements: quadratic in the length of the axis."""
import numpy as np

from tgen.core.types import is_float

from . import sizes
from .apply import apply, reorder
from .creation import tri, zeros
from .elemwise import elemwise, switch
from .indexing import getitem
from .manipulate import axis_number, flatten, moveaxis, to_sizes
from .math import logical_and, logical_not, logical_or
from .reduce import _accumulate
from .reduce import sum as total
from .subtensor import set_subtensor
from .variable import as_tensor_variable

__all__ = ["cumsum", "cumprod", "sort", "argsort", "searchsorted", "diff", "bincount"]
