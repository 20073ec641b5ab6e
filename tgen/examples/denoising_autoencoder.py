"""A denoising autoencoder (dA): it sees digits with pixels put out at random, and learns to give them back
whole.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.digits import data
from tgen.examples.training import fit, glorot, held, momentum, zeros
from tgen.random import RandomStreams

HIDDEN, CORRUPTION, BATCH, RATE, EPOCHS = 100, 0.3, 50, 0.05, 20


class DenoisingAutoencoder:
    """Code sigmoid(x w + b), image sigmoid(code w' + b'): the same matrix there and back. ``streams``: where
    random numbers come from.
    """

    def __init__(self, rng, streams, n_visible, n_hidden, w=None, b=None):
        self.streams = streams
        self.w = glorot(rng, n_visible, n_hidden, "w") if w is None else w
        self.b = zeros(n_hidden, "b") if b is None else b
        self.b_visible = zeros(n_visible, "b_visible")
        self.parameters = [self.w, self.b, self.b_visible]

    def corrupted(self, x, level):
        """x with each pixel zero with probability ``level``, others in every call."""
        return x * self.streams.binomial(x.shape, n=1, p=1 - level, dtype=x.dtype)

    def code(self, x):
        return T.nnet.sigmoid(T.dot(x, self.w) + self.b)

    def restored(self, x):
        return T.nnet.sigmoid(T.dot(self.code(x), self.w.T) + self.b_visible)

    def cost(self, x, level):
        """The cross-entropy of the images x and what is restored of corrupted ones, in nats an image."""
        z = self.restored(self.corrupted(x, level))
        return T.mean(T.sum(T.nnet.binary_crossentropy(z, x), axis=1))


def main(seed=0):
    """Train without labels, and return the mean square errors of corrupted test digits and of the restored
    ones.
    """
    sets = data.sets(seed)
    memory = held(sets)
    index, x = T.lscalar("index"), T.matrix("x")
    model = DenoisingAutoencoder(np.random.RandomState(seed), RandomStreams(seed + 1), 64, HIDDEN)
    cost = model.cost(x, CORRUPTION)
    train = tgen.function(
        [index],
        cost,
        updates=momentum(cost, model.parameters, RATE),
        givens={x: memory["train"][0][index * BATCH : (index + 1) * BATCH]},
        name="train",
    )
    valid = tgen.function([], cost, givens={x: memory["valid"][0]}, name="valid")

    broken = model.corrupted(x, CORRUPTION)
    errors = [T.mean((z - x) ** 2) for z in (broken, model.restored(broken))]
    test = tgen.function([], errors, givens={x: memory["test"][0]}, name="test")

    fit(train, valid, model.parameters, len(sets["train"][1]) // BATCH, EPOCHS)
    corrupted, restored = map(float, test())
    print(f"square error a pixel of test digits: corrupted {corrupted:.4f}, restored {restored:.4f}")
    return corrupted, restored


if __name__ == "__main__":
    main()
