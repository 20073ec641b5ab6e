"""Logistic regression on handwritten digits: minibatches out of shared memory, gradients by T.grad, early
stopping.
"""

import tgen
import tgen.tensor as T
from tgen.examples.digits import data
from tgen.examples.training import fit, held, zeros

BATCH, RATE, EPOCHS, PATIENCE = 50, 0.5, 30, 5


class LogisticRegression:
    """The probabilities of classes: softmax(x w + b). ``cost`` and ``errors`` are scalars, means over a batch
    with labels y.

    ``w``, ``b``: parameters to use instead of new ones.
    """

    def __init__(self, x, n_in, n_out, w=None, b=None):
        self.w = zeros((n_in, n_out), "w") if w is None else w
        self.b = zeros(n_out, "b") if b is None else b
        self.parameters = [self.w, self.b]
        self.p = T.nnet.softmax(T.dot(x, self.w) + self.b)
        self.prediction = T.argmax(self.p, axis=1)

    def cost(self, y):
        return -T.mean(T.log(self.p)[T.arange(y.shape[0]), y])

    def errors(self, y):
        return T.mean(T.neq(self.prediction, y))


def main(seed=0):
    """Train, and return the part of the test digits that is recognized."""
    sets = data.sets(seed)
    memory = held(sets)
    (train_x, train_y), (valid_x, valid_y), (test_x, test_y) = (
        memory["train"],
        memory["valid"],
        memory["test"],
    )

    index, x, y = T.lscalar("index"), T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, n_in=64, n_out=10)
    cost = model.cost(y)
    gradients = T.grad(cost, model.parameters)
    part = slice(index * BATCH, (index + 1) * BATCH)
    train = tgen.function(
        [index],
        cost,
        updates=[(p, p - RATE * g) for p, g in zip(model.parameters, gradients)],
        givens={x: train_x[part], y: train_y[part]},
        name="train",
    )
    valid = tgen.function([], cost, givens={x: valid_x, y: valid_y}, name="valid")
    test = tgen.function([], model.errors(y), givens={x: test_x, y: test_y}, name="test")

    fit(train, valid, model.parameters, len(sets["train"][1]) // BATCH, EPOCHS, PATIENCE)
    accuracy = 1 - float(test())
    print(f"test accuracy {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()
