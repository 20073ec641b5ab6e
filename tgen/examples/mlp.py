"""A multilayer perceptron on handwritten digits: two layers of rectifiers with dropout, momentum, early
stopping.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.digits import data
from tgen.examples.logistic_regression import LogisticRegression
from tgen.examples.training import fit, glorot, held, momentum, zeros
from tgen.random import MRG_RandomStreams

HIDDEN, DROPPED, BATCH, RATE, EPOCHS, PATIENCE = 128, 0.3, 50, 0.05, 40, 8


class HiddenLayer:
    """activation(x w + b)."""

    def __init__(self, rng, x, n_in, n_out, activation=T.tanh, w=None, b=None):
        self.w = glorot(rng, n_in, n_out, "w") if w is None else w
        self.b = zeros(n_out, "b") if b is None else b
        self.parameters = [self.w, self.b]
        self.output = activation(T.dot(x, self.w) + self.b)


class MLP:
    """Layers of ``widths`` units and a softmax. ``drop`` is applied to each layer's output before the next
    reads it.

    ``like``: another MLP whose weights this one uses.
    """

    def __init__(self, rng, x, widths, drop=lambda h: h, like=None):
        self.layers = []
        for i, (n_in, n_out) in enumerate(zip(widths[:-2], widths[1:-1])):
            w, b = like.layers[i].parameters if like else (None, None)
            self.layers.append(HiddenLayer(rng, x, n_in, n_out, T.nnet.relu, w, b))
            x = drop(self.layers[-1].output)
        self.top = LogisticRegression(x, *widths[-2:], *(like.top.parameters if like else ()))
        self.parameters = [p for layer in [*self.layers, self.top] for p in layer.parameters]


def main(seed=0):
    """Train, and return the part of the test digits that is recognized."""
    sets = data.sets(seed)
    memory = held(sets)
    (train_x, train_y), (valid_x, valid_y), (test_x, test_y) = (
        memory["train"],
        memory["valid"],
        memory["test"],
    )

    rng, streams = np.random.RandomState(seed), MRG_RandomStreams(seed + 1)
    index, x, y = T.lscalar("index"), T.matrix("x"), T.ivector("y")

    def dropout(h):
        """Zero a part of h, another one in every call; what stays is enlarged, so that
        sums keep their mean.
        """
        return h * streams.binomial(h.shape, p=1 - DROPPED, dtype=h.dtype) / (1 - DROPPED)

    widths = [64, HIDDEN, HIDDEN, 10]
    noisy = MLP(rng, x, widths, dropout)
    model = MLP(rng, x, widths, like=noisy)  # the same weights, nothing dropped
    cost = noisy.top.cost(y)
    part = slice(index * BATCH, (index + 1) * BATCH)
    train = tgen.function(
        [index],
        cost,
        updates=momentum(cost, model.parameters, RATE),
        givens={x: train_x[part], y: train_y[part]},
        name="train",
    )
    valid = tgen.function([], model.top.cost(y), givens={x: valid_x, y: valid_y}, name="valid")
    test = tgen.function([], model.top.errors(y), givens={x: test_x, y: test_y}, name="test")

    fit(train, valid, model.parameters, len(sets["train"][1]) // BATCH, EPOCHS, PATIENCE)
    accuracy = 1 - float(test())
    print(f"test accuracy {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()
