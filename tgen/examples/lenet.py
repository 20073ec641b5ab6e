"""LeNet on handwritten digits of 28 x 28 pixels: two layers of convolution and pooling, a hidden layer, a
softmax.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.digits import data
from tgen.examples.logistic_regression import LogisticRegression
from tgen.examples.mlp import HiddenLayer
from tgen.examples.training import fit, glorot, held, momentum, zeros
from tgen.tensor.nnet import conv2d
from tgen.tensor.signal.pool import pool_2d

SIDE, KERNELS, HIDDEN = 28, (8, 16), 64
BATCH, RATE, EPOCHS = 50, 0.02, 4


class ConvPoolLayer:
    """tanh(pool(conv(x)) + b): images[n, channels, h, w] -> images[n, kernels, (h - 4) / 2, (w - 4) / 2]."""

    def __init__(self, rng, x, image_shape, kernels):
        channels, *size = image_shape
        filter_shape = (kernels, channels, 5, 5)
        # the pool keeps one of four
        self.w = glorot(rng, channels * 25, kernels * 25 / 4, "w", filter_shape)
        self.b = zeros(kernels, "b")
        self.parameters = [self.w, self.b]
        convolved = conv2d(x, self.w, input_shape=(None, *image_shape), filter_shape=filter_shape)
        pooled = pool_2d(convolved, (2, 2), ignore_border=True)
        self.output = T.tanh(pooled + self.b.dimshuffle("x", 0, "x", "x"))
        self.shape = (kernels, *((n - 4) // 2 for n in size))


class LeNet:
    """Images x[n, SIDE * SIDE] -> the softmax ``top``."""

    def __init__(self, rng, x):
        first = ConvPoolLayer(rng, x.reshape((-1, 1, SIDE, SIDE)), (1, SIDE, SIDE), KERNELS[0])
        second = ConvPoolLayer(rng, first.output, first.shape, KERNELS[1])
        hidden = HiddenLayer(rng, second.output.flatten(2), int(np.prod(second.shape)), HIDDEN)
        self.top = LogisticRegression(hidden.output, HIDDEN, 10)
        self.parameters = [p for layer in (first, second, hidden, self.top) for p in layer.parameters]


def main(seed=0):
    """Train, and return the part of the test digits that is recognized."""
    sets = {
        name: (data.upsampled(images, SIDE), labels) for name, (images, labels) in data.sets(seed).items()
    }
    memory = held(sets)
    (train_x, train_y), (valid_x, valid_y), (test_x, test_y) = (
        memory["train"],
        memory["valid"],
        memory["test"],
    )

    index, x, y = T.lscalar("index"), T.matrix("x"), T.ivector("y")
    model = LeNet(np.random.RandomState(seed), x)
    cost = model.top.cost(y)
    part = slice(index * BATCH, (index + 1) * BATCH)
    train = tgen.function(
        [index],
        cost,
        updates=momentum(cost, model.parameters, RATE),
        givens={x: train_x[part], y: train_y[part]},
        name="train",
    )
    valid = tgen.function([], cost, givens={x: valid_x, y: valid_y}, name="valid")
    test = tgen.function([], model.top.errors(y), givens={x: test_x, y: test_y}, name="test")

    fit(train, valid, model.parameters, len(sets["train"][1]) // BATCH, EPOCHS, every=1)
    accuracy = 1 - float(test())
    print(f"test accuracy {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()
