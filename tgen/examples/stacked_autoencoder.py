"""Stacked denoising autoencoders (SdA): layers learn one after the other without labels, then all together
from few labels.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.denoising_autoencoder import DenoisingAutoencoder
from tgen.examples.digits import data
from tgen.examples.logistic_regression import LogisticRegression
from tgen.examples.mlp import HiddenLayer
from tgen.examples.training import fit, held, momentum
from tgen.random import MRG_RandomStreams

WIDTHS, CORRUPTION, BATCH = (64, 128, 128), (0.3, 0.3), 50
PRETRAIN_RATE, PRETRAIN_EPOCHS = 0.05, 10
LABELLED, RATE, EPOCHS, PATIENCE = 200, 0.1, 100, 20


class StackedAutoencoder:
    """Layers of sigmoids under a softmax; each layer shares its weights with an autoencoder of what the layer
    below gives.
    """

    def __init__(self, rng, x, widths):
        streams = MRG_RandomStreams(rng.randint(1, 2**30))
        self.layers, self.autoencoders, self.inputs = [], [], []
        for n_in, n_out in zip(widths[:-1], widths[1:]):
            layer = HiddenLayer(rng, x, n_in, n_out, T.nnet.sigmoid)
            self.inputs.append(x)
            self.layers.append(layer)
            self.autoencoders.append(DenoisingAutoencoder(rng, streams, n_in, n_out, layer.w, layer.b))
            x = layer.output
        self.top = LogisticRegression(x, widths[-1], 10)
        self.parameters = [p for layer in [*self.layers, self.top] for p in layer.parameters]


def pretrain(model, x, sets, memory):
    """Train each autoencoder on the images, from the lowest layer up; [(validation cost before, after)] per
    layer.
    """
    index, found = T.lscalar("index"), []
    for depth, (seen, autoencoder, level) in enumerate(zip(model.inputs, model.autoencoders, CORRUPTION)):
        cost = autoencoder.cost(seen, level)
        train = tgen.function(
            [index],
            cost,
            updates=momentum(cost, autoencoder.parameters, PRETRAIN_RATE),
            givens={x: memory["train"][0][index * BATCH : (index + 1) * BATCH]},
            name=f"pretrain_{depth}",
        )
        valid = tgen.function([], cost, givens={x: memory["valid"][0]}, name=f"valid_{depth}")
        before = float(valid())
        after = fit(
            train,
            valid,
            autoencoder.parameters,
            len(sets["train"][0]) // BATCH,
            PRETRAIN_EPOCHS,
            every=PRETRAIN_EPOCHS,
        )
        print(f"layer {depth + 1}: cost of restoring {before:.1f} before, {after:.1f} after")
        found.append((before, after))
    return found


def finetune(model, x, memory):
    """Train the whole network on the first LABELLED images; the part of the test digits that
    is recognized.
    """
    index, y = T.lscalar("index"), T.ivector("y")
    (train_x, train_y), (valid_x, valid_y), (test_x, test_y) = (
        memory["train"],
        memory["valid"],
        memory["test"],
    )
    cost = model.top.cost(y)
    part = slice(index * BATCH, (index + 1) * BATCH)
    train = tgen.function(
        [index],
        cost,
        updates=momentum(cost, model.parameters, RATE),
        givens={x: train_x[part], y: train_y[part]},
        name="finetune",
    )
    valid = tgen.function([], cost, givens={x: valid_x, y: valid_y}, name="valid")
    test = tgen.function([], model.top.errors(y), givens={x: test_x, y: test_y}, name="test")
    fit(train, valid, model.parameters, LABELLED // BATCH, EPOCHS, PATIENCE, every=20)
    return 1 - float(test())


def main(seed=0):
    """Train; return the costs of each layer before and after pretraining, and the accuracy on test digits
    with it and without.
    """
    sets = data.sets(seed)
    memory = held(sets)
    x = T.matrix("x")
    model, plain = (StackedAutoencoder(np.random.RandomState(seed), x, WIDTHS) for _ in range(2))
    costs = pretrain(model, x, sets, memory)
    accuracy, without = (finetune(each, x, memory) for each in (model, plain))
    print(f"test accuracy from {LABELLED} labels {accuracy:.1%}, without pretraining {without:.1%}")
    return costs, accuracy, without


if __name__ == "__main__":
    main()
