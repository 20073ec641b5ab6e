"""A variational autoencoder: digits as normal random points in a few dimensions, trained on a bound of their
likelihood.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.digits import data
from tgen.examples.training import adam, fit, glorot, held, zeros
from tgen.random import MRG_RandomStreams

LATENT, HIDDEN, BATCH, RATE, EPOCHS, DRAWS = 8, 128, 100, 3e-3, 20, 20


class Dense:
    """w and b of x w + b."""

    def __init__(self, rng, n_in, n_out):
        self.w, self.b = glorot(rng, n_in, n_out, "w"), zeros(n_out, "b")

    def __call__(self, x):
        return T.dot(x, self.w) + self.b


class VAE:
    """Encoder x -> mean and log variance of the latent z; decoder z -> probabilities of pixels."""

    def __init__(self, rng, n_visible, n_hidden, n_latent):
        self.streams = MRG_RandomStreams(rng.randint(1, 2**30))
        self.into, self.mean, self.log_variance = (
            Dense(rng, n_in, n_out)
            for n_in, n_out in ((n_visible, n_hidden), (n_hidden, n_latent), (n_hidden, n_latent))
        )
        self.out, self.pixels = Dense(rng, n_latent, n_hidden), Dense(rng, n_hidden, n_visible)
        self.parameters = [
            p
            for layer in (self.into, self.mean, self.log_variance, self.out, self.pixels)
            for p in (layer.w, layer.b)
        ]

    def encode(self, x):
        h = T.nnet.relu(self.into(x))
        return self.mean(h), self.log_variance(h)

    def decode(self, z):
        return T.nnet.sigmoid(self.pixels(T.nnet.relu(self.out(z))))

    def bound(self, x):
        """The evidence lower bound (ELBO) of each image, in nats, from one draw of z: vector."""
        mean, log_variance = self.encode(x)
        z = mean + T.exp(0.5 * log_variance) * self.streams.normal(mean.shape, dtype=mean.dtype)
        likelihood = -T.sum(T.nnet.binary_crossentropy(self.decode(z), x), axis=1)
        divergence = 0.5 * T.sum(mean**2 + T.exp(log_variance) - log_variance - 1, axis=1)
        return likelihood - divergence


def main(seed=0):
    """Train, and return the bound on test digits before and after, in nats an image."""
    sets = {
        name: (data.black_and_white(images), labels) for name, (images, labels) in data.sets(seed).items()
    }
    memory = held(sets)
    index, x = T.lscalar("index"), T.matrix("x")
    model = VAE(np.random.RandomState(seed), 64, HIDDEN, LATENT)
    cost = -T.mean(model.bound(x))
    train = tgen.function(
        [index],
        cost,
        updates=adam(cost, model.parameters, RATE),
        givens={x: memory["train"][0][index * BATCH : (index + 1) * BATCH]},
        name="train",
    )
    valid, test = (
        tgen.function([], cost, givens={x: memory[name][0]}, name=name) for name in ("valid", "test")
    )

    def bound():
        return -float(np.mean([test() for _ in range(DRAWS)]))

    before = bound()
    fit(train, valid, model.parameters, len(sets["train"][0]) // BATCH, EPOCHS)
    after = bound()
    print(f"evidence lower bound of test digits: {before:.2f} nats before, {after:.2f} after")
    return before, after


if __name__ == "__main__":
    main()
