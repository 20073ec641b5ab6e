"""The variables that the tests of function() start from."""

import numpy as np

import tgen.tensor as T
from tgen import shared


class World:
    """Fresh variables for one row: symbolic x y v m f (float32 vector) i, shared s (float64 scalar), w
    (float64 vector), s32, a list.
    """

    def __init__(self):
        self.x, self.y = T.dscalars("xy")
        self.v, self.m, self.f, self.i = T.dvector("v"), T.dmatrix("m"), T.fvector("f"), T.ivector("i")
        self.row = T.drow("row")
        self.n, self.n2 = T.dscalar("n"), T.dscalar("n")
        self.s, self.w = shared(1.0, "s"), shared(np.arange(3.0), "w")
        self.s32, self.objects = shared(np.int32(7), "s32"), shared([1, 2], "objects")

    def state(self):
        return [s.get_value().tobytes() for s in (self.s, self.w, self.s32)]
