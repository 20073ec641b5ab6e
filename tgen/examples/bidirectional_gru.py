"""A bidirectional network of gated recurrent units (GRU): digits read row by row, from the top and from the
bottom.
"""

import numpy as np

import tgen
import tgen.tensor as T
from tgen.examples.digits import data
from tgen.examples.logistic_regression import LogisticRegression
from tgen.examples.training import adam, fit, glorot, held, zeros

ROWS, COLUMNS, HIDDEN = 8, 8, 32
BATCH, RATE, EPOCHS = 50, 0.01, 12


class GRU:
    """A layer of gated recurrent units over sequences: x[steps, batch, n_in] -> [steps, batch, n_hidden]."""

    def __init__(self, rng, n_in, n_hidden):
        self.n = n_hidden
        self.w, self.b = glorot(rng, n_in, 3 * n_hidden, "w"), zeros(3 * n_hidden, "b")
        self.u_gates, self.u = (
            glorot(rng, n_hidden, 2 * n_hidden, "u_gates"),
            glorot(rng, n_hidden, n_hidden, "u"),
        )
        self.parameters = [self.w, self.b, self.u_gates, self.u]

    def step(self, x, h):
        gates = T.nnet.sigmoid(x[:, : 2 * self.n] + T.dot(h, self.u_gates))
        keep, reset = gates[:, : self.n], gates[:, self.n :]
        new = T.tanh(x[:, 2 * self.n :] + T.dot(reset * h, self.u))
        return keep * h + (1 - keep) * new

    def __call__(self, x, backwards=False):
        """What each step gives, in the order of x also when the last step is read first."""
        first = T.zeros((x.shape[1], self.n), x.dtype)
        hs, _ = tgen.scan(
            self.step, sequences=T.dot(x, self.w) + self.b, outputs_info=first, go_backwards=backwards
        )
        return hs[::-1] if backwards else hs


class Reader:
    """Images x[n, ROWS * COLUMNS] -> the softmax ``top`` over the mean of what two GRUs make of the rows."""

    def __init__(self, rng, x):
        down, up = (GRU(rng, COLUMNS, HIDDEN) for _ in range(2))
        rows = x.reshape((-1, ROWS, COLUMNS)).dimshuffle(1, 0, 2)
        both = T.concatenate([down(rows), up(rows, backwards=True)], axis=2)
        self.top = LogisticRegression(T.mean(both, axis=0), 2 * HIDDEN, 10)
        self.parameters = down.parameters + up.parameters + self.top.parameters


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
    model = Reader(np.random.RandomState(seed), x)
    cost = model.top.cost(y)
    part = slice(index * BATCH, (index + 1) * BATCH)
    train = tgen.function(
        [index],
        cost,
        updates=adam(cost, model.parameters, RATE),
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
