"""Logistic regression by gradient descent: weights in shared variables, gradients by T.grad, one compiled step."""
import numpy as np

import tgen
import tgen.tensor as T


def points(count=400, features=20, seed=0):
    """Two clouds of points and their labels 0 and 1, as float64 arrays."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, 2, count)
    return rng.randn(count, features) + (2 * labels[:, None] - 1) * 0.4, labels.astype("float64")


def build(features):
    """(train, predict): train(x, y) makes one step and returns the cost before it; predict(x) the labels."""
    x, y = T.dmatrix("x"), T.dvector("y")
    w, b = tgen.shared(np.zeros(features), "w"), tgen.shared(0.0, "b")
    p = T.nnet.sigmoid(T.dot(x, w) + b)
    cost = T.nnet.binary_crossentropy(p, y).mean() + 0.01 * (w ** 2).sum()
    dw, db = T.grad(cost, [w, b])
    train = tgen.function([x, y], cost, updates=[(w, w - 0.5 * dw), (b, b - 0.5 * db)], name="train")
    return train, tgen.function([x], p > 0.5, name="predict")


def main():
    """Train on two clouds.

    >>> main()
    cost 0.693 before the first step, 0.1 after 100; 96 % of the labels right
    """
    x, y = points()
    train, predict = build(x.shape[1])
    costs = [float(train(x, y)) for _ in range(101)]
    right = float((predict(x) == y).mean())
    print(f"cost {costs[0]:.3f} before the first step, {costs[-1]:.1f} after 100; {right:.0%} of the labels right".replace("%", " %"))


if __name__ == "__main__":
    main()
