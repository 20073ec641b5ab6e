"""``T.nnet``: activations, losses, convolutions and normalization of neural networks."""

from . import abstract_conv, activations, bn, classes, conv, conv3d2d, neighbours
from .abstract_conv import *  # noqa: F403  (its __all__)
from .activations import *  # noqa: F403
from .bn import *  # noqa: F403
from .classes import *  # noqa: F403

__all__ = [
    "conv",
    "conv3d2d",
    "neighbours",
    *activations.__all__,
    *classes.__all__,
    *abstract_conv.__all__,
    *bn.__all__,
]
