"""A restricted Boltzmann machine (RBM) trained by persistent contrastive divergence; its likelihood, computed
exactly.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.digits import data
from tgen.examples.training import held, uniform, zeros
from tgen.random import MRG_RandomStreams

HIDDEN, BATCH, CHAINS, GIBBS_STEPS, RATE, EPOCHS = 16, 50, 100, 2, 0.2, 20


class RBM:
    """Zeros and ones v and h of probability exp(v w h + v b_visible + h b_hidden) / Z."""

    def __init__(self, rng, n_visible, n_hidden):
        self.streams = MRG_RandomStreams(rng.randint(1, 2**30))
        self.w = uniform(rng, (n_visible, n_hidden), 0.05, "w")
        self.b_visible, self.b_hidden = zeros(n_visible, "b_visible"), zeros(n_hidden, "b_hidden")
        self.parameters = [self.w, self.b_visible, self.b_hidden]

    def free_energy(self, v):
        """-log of the sum over all h of the weight of (v, h), a vector: one value a row of v."""
        return -T.dot(v, self.b_visible) - T.sum(T.nnet.softplus(T.dot(v, self.w) + self.b_hidden), axis=1)

    def drawn(self, scores):
        """Zeros and ones, one with probability sigmoid(scores)."""
        return self.streams.binomial(scores.shape, n=1, p=T.nnet.sigmoid(scores), dtype=scores.dtype)

    def gibbs(self, v):
        """Another v, drawn given an h that is drawn given v."""
        h = self.drawn(T.dot(v, self.w) + self.b_hidden)
        return self.drawn(T.dot(h, self.w.T) + self.b_visible)

    def log_z(self):
        """The log of the sum over all v and h: that over v is a product, that over h is written out, for few
        hidden units.
        """
        n = self.b_hidden.shape[0]
        h = T.cast((T.arange(2**n).dimshuffle(0, "x") // 2 ** T.arange(n)) % 2, self.w.dtype)
        return T.logsumexp(
            T.dot(h, self.b_hidden) + T.sum(T.nnet.softplus(T.dot(h, self.w.T) + self.b_visible), axis=1)
        )


def persistent_cd(model, v, chains, rate):
    """(cost, updates) of one step on the images v: their free energy goes down, that of the chains, a few
    Gibbs steps on, goes up.
    """
    steps, updates = tgen.scan(model.gibbs, outputs_info=chains, n_steps=GIBBS_STEPS)
    fantasies = steps[-1]
    cost = T.mean(model.free_energy(v)) - T.mean(model.free_energy(fantasies))
    gradients = T.grad(cost, model.parameters, consider_constant=[fantasies])
    for p, g in zip(model.parameters, gradients):
        updates[p] = p - rate * g
    updates[chains] = fantasies
    return cost, updates


def main(seed=0):
    """Train, and return the mean log likelihood of test digits before and after, in nats an image."""
    sets = {
        name: (data.black_and_white(images), labels) for name, (images, labels) in data.sets(seed).items()
    }
    memory = held(sets)
    rng = np.random.RandomState(seed)
    index, v, rate = T.lscalar("index"), T.matrix("v"), T.scalar("rate")
    model = RBM(rng, 64, HIDDEN)
    chains = tgen.shared(rng.randint(0, 2, (CHAINS, 64)).astype(tgen.config.floatX), "chains")
    cost, updates = persistent_cd(model, v, chains, rate)
    train = tgen.function(
        [index, rate],
        cost,
        updates=updates,
        givens={v: memory["train"][0][index * BATCH : (index + 1) * BATCH]},
        name="train",
    )
    likelihood = -T.mean(model.free_energy(v)) - model.log_z()
    test = tgen.function([], likelihood, givens={v: memory["test"][0]}, name="test")

    before, batches = float(test()), len(sets["train"][0]) // BATCH
    for epoch in range(EPOCHS):
        gap = np.mean([train(i, RATE * (1 - epoch / EPOCHS)) for i in range(batches)])
        if epoch % 5 == 0:
            print(
                f"epoch {epoch + 1:3}: free energy of digits above that of the chains {gap:7.3f}, log "
                f"likelihood of test digits {test():.2f}"
            )
    after = float(test())
    print(f"log likelihood of test digits: {before:.2f} nats before, {after:.2f} after")
    return before, after


if __name__ == "__main__":
    main()
